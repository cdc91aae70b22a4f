//! The sixteen keys of a telephone as pairs of frequencies: ITU-T Q.23.

use std::time::Duration;

use super::{RAMP, sing};
use crate::{Pcm, Rate};

/// The keys, row by row.
pub const KEYS: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];
/// The frequency of each row, in hertz.
pub(crate) const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// The frequency of each column, in hertz.
pub(crate) const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// -9 dBm0 for the low tone and -7 for the high one, as ITU-T Q.24's administrations send them, for a full scale of +3.17 dBm0.
const AMPLITUDES: (f64, f64) = (8_070.0, 10_160.0);

/// The low and the high frequency of `key`, in hertz; `None` if no telephone has that key.
pub fn frequencies(key: char) -> Option<(f32, f32)> {
    let at = KEYS.iter().position(|k| k.eq_ignore_ascii_case(&key))?;
    Some((*ROWS.get(at / 4)?, *COLUMNS.get(at % 4)?))
}

/// The sound of `key` held for `duration`; silence if no telephone has that key.
pub fn dtmf(key: char, duration: Duration, rate: Rate) -> Pcm {
    let mut sound = Pcm::silence(rate, duration);
    if let Some((low, high)) = frequencies(key) {
        sing(&mut sound.samples, &[(low.into(), AMPLITUDES.0), (high.into(), AMPLITUDES.1)], rate, RAMP);
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_pair() {
        assert_eq!(frequencies('1'), Some((697.0, 1_209.0)));
        assert_eq!(frequencies('#'), Some((941.0, 1_477.0)));
        assert_eq!(frequencies('d'), Some((941.0, 1_633.0)));
        assert_eq!(frequencies('x'), None);
    }

    #[test]
    fn an_unknown_key_is_silent_for_as_long() {
        let sound = dtmf('w', Duration::from_millis(100), Rate::NARROW);
        assert_eq!(sound.samples, vec![0; 800]);
    }
}
