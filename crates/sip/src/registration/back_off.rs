//! How long to wait after a failed registration: RFC 5626 §4.5.

use std::time::Duration;

/// The first wait is about this long.
const BASE: Duration = Duration::from_secs(30);
/// No wait is longer.
const MOST: Duration = Duration::from_secs(1800);

/// The wait after this many failures in a row: doubled with each, and by chance between half of it and all of it.
pub(super) fn back_off(failures: u32, chance: u8) -> Duration {
    let doubled = BASE.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    let most = doubled.min(MOST);
    most / 2 + most / 2 * u32::from(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_an_hour() {
        let bounds = |failures| (back_off(failures, 0).as_secs(), back_off(failures, 255).as_secs());
        assert_eq!(bounds(1), (30, 60));
        assert_eq!(bounds(2), (60, 120));
        assert_eq!(bounds(6), (900, 1800));
        assert_eq!(bounds(u32::MAX), (900, 1800));
    }
}
