//! Sampling rates and stretches of mono sound.

use std::fmt;
use std::time::Duration;

/// Samples a second, in hertz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u32);

impl Rate {
    /// Narrowband telephony: G.711 and everything that grew up with it.
    pub const NARROW: Rate = Rate(8_000);
    /// Wideband telephony: G.722 and its heirs.
    pub const WIDE: Rate = Rate(16_000);
    /// What Opus works in.
    pub const FULL: Rate = Rate(48_000);

    /// Samples a second.
    pub const fn hertz(self) -> u32 {
        self.0
    }

    /// How many samples last `duration`, rounded to the nearest.
    pub fn samples(self, duration: Duration) -> usize {
        let exact = duration.as_nanos() * u128::from(self.0) + 500_000_000;
        usize::try_from(exact / 1_000_000_000).unwrap_or(usize::MAX)
    }

    /// How long `samples` last; zero for a rate of zero.
    pub fn duration(self, samples: usize) -> Duration {
        if self.0 == 0 {
            return Duration::ZERO;
        }
        let nanos = samples as u128 * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// Mono sound: 16-bit linear samples at one rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcm {
    /// Samples a second.
    pub rate: Rate,
    /// The samples, oldest first.
    pub samples: Vec<i16>,
}

impl Pcm {
    /// Sound from samples.
    pub fn new(rate: Rate, samples: Vec<i16>) -> Pcm {
        Pcm { rate, samples }
    }

    /// Silence that lasts `duration`.
    pub fn silence(rate: Rate, duration: Duration) -> Pcm {
        Pcm { rate, samples: vec![0; rate.samples(duration)] }
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.rate.duration(self.samples.len())
    }

    /// Adds `more` at the end, resampled if its rate differs.
    pub fn append(&mut self, more: &Pcm) {
        if more.rate == self.rate {
            self.samples.extend_from_slice(&more.samples);
        } else {
            self.samples.extend(more.resampled(self.rate).samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_becomes_samples_and_back() {
        assert_eq!(Rate::NARROW.samples(Duration::from_millis(20)), 160);
        assert_eq!(Rate(44_100).samples(Duration::from_millis(20)), 882);
        assert_eq!(Rate(11_025).samples(Duration::from_millis(20)), 221);
        assert_eq!(Rate::NARROW.duration(160), Duration::from_millis(20));
        assert_eq!(Rate(0).duration(160), Duration::ZERO);
    }

    #[test]
    fn appending_another_rate_keeps_the_time() {
        let mut sound = Pcm::silence(Rate::NARROW, Duration::from_millis(100));
        sound.append(&Pcm::silence(Rate(22_050), Duration::from_millis(200)));
        assert_eq!(sound.samples.len(), 2_400);
    }
}
