//! The 32-bit media clock of an RTP packet.

use std::time::Duration;

/// RFC 3550 §5.1: a timestamp in units of the payload's clock, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RtpTime(pub u32);

impl RtpTime {
    /// Clock units from `earlier` to `self`; negative if `self` lies before. The shorter way round the circle.
    pub fn since(self, earlier: RtpTime) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// The timestamp `units` on.
    #[must_use]
    pub fn plus(self, units: u32) -> RtpTime {
        RtpTime(self.0.wrapping_add(units))
    }

    /// The timestamp `units` back.
    #[must_use]
    pub fn minus(self, units: u32) -> RtpTime {
        RtpTime(self.0.wrapping_sub(units))
    }
}

/// `span` in units of a clock of `hertz`, as a wrapping count: the form in which arrival times are compared
/// with timestamps (RFC 3550 §6.4.1).
pub fn units(span: Duration, hertz: u32) -> u32 {
    let whole = span.as_secs().wrapping_mul(u64::from(hertz));
    let part = u64::from(span.subsec_nanos()) * u64::from(hertz) / 1_000_000_000;
    whole.wrapping_add(part) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_wrap() {
        assert_eq!(RtpTime(80).since(RtpTime(u32::MAX - 79)), 160);
        assert_eq!(RtpTime(0).minus(1), RtpTime(u32::MAX));
    }

    #[test]
    fn durations_become_clock_units() {
        assert_eq!(units(Duration::from_millis(20), 8_000), 160);
        assert_eq!(units(Duration::from_micros(125), 8_000), 1);
        assert_eq!(units(Duration::from_secs(3), 48_000), 144_000);
    }
}
