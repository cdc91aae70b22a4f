//! The signals a telephone network sings, country by country: ITU-T E.180 and its supplement 2.
//!
//! A country that is not in the table sounds as ITU-T E.180 recommends for everyone: 425 Hz.

use std::time::Duration;

use super::countries::{COUNTRIES, RECOMMENDED};
use super::render;
use crate::{Pcm, Rate};

/// What a caller is told by a tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Dial now.
    Dial,
    /// The other end is ringing.
    Ringback,
    /// The other end is talking to someone else.
    Busy,
    /// The network could not get there.
    Congestion,
}

/// Frequencies, and when they sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// Sounding together, in hertz.
    pub hertz: &'static [u16],
    /// Milliseconds on and off, over and over; off of zero is a tone without pause.
    pub pattern: &'static [(u16, u16)],
}

impl Cadence {
    /// One whole turn of the pattern; a second if it has no pause.
    pub fn period(&self) -> Duration {
        let ms = self.pattern.iter().map(|&(on, off)| u64::from(on) + u64::from(off)).sum();
        Duration::from_millis(ms)
    }

    /// One whole turn of the pattern as sound, to be repeated for as long as it is needed.
    pub fn render(&self, rate: Rate) -> Pcm {
        let mut sound = Pcm::new(rate, Vec::new());
        for &(on, off) in self.pattern {
            let (on, off) = (Duration::from_millis(on.into()), Duration::from_millis(off.into()));
            sound.append(&render(self.hertz, on, off, on + off, rate));
        }
        sound
    }
}

/// The signals of one country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166 code in lower case; empty for the recommendation.
    pub code: &'static str,
    pub(super) dial: Cadence,
    pub(super) ringback: Cadence,
    pub(super) busy: Cadence,
    pub(super) congestion: Cadence,
}

impl Country {
    /// The cadence of `signal`.
    pub fn cadence(&self, signal: Signal) -> Cadence {
        match signal {
            Signal::Dial => self.dial,
            Signal::Ringback => self.ringback,
            Signal::Busy => self.busy,
            Signal::Congestion => self.congestion,
        }
    }
}

/// The signals of the country with this ISO 3166 code, in any case, else those of the recommendation.
/// A language tag such as `en-GB` is read by its last part.
pub fn country(code: &str) -> Country {
    let code = code.rsplit(['-', '_']).next().unwrap_or(code);
    COUNTRIES.iter().find(|country| country.code.eq_ignore_ascii_case(code)).copied().unwrap_or(RECOMMENDED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::goertzel_power;

    #[test]
    fn american_busy_is_480_and_620_half_a_second_each_way() {
        let busy = country("US").cadence(Signal::Busy);
        assert_eq!(busy.period(), Duration::from_secs(1));
        let sound = busy.render(Rate::NARROW);
        assert_eq!(sound.samples.len(), 8_000);
        for hertz in [480.0, 620.0] {
            assert!(goertzel_power(&sound.samples[..4_000], Rate::NARROW, hertz) > 1e12, "{hertz}");
        }
        assert!(sound.samples[4_000..].iter().all(|&s| s == 0));
    }

    #[test]
    fn british_ringback_rings_twice_a_turn() {
        let sound = country("en-GB").cadence(Signal::Ringback).render(Rate::NARROW);
        let on: Vec<bool> = sound.samples.chunks(1_600).map(|part| part.iter().any(|&s| s != 0)).collect();
        assert_eq!(
            on,
            [
                true, true, false, true, true, false, false, false, false, false, false, false, false, false,
                false
            ]
        );
    }

    #[test]
    fn unknown_countries_sound_as_recommended() {
        assert_eq!(country("zz").cadence(Signal::Dial).hertz, &[425]);
        assert_eq!(country("").cadence(Signal::Busy).period(), Duration::from_secs(1));
    }

    #[test]
    fn every_country_is_there_once_and_by_its_code() {
        for code in crate::tone::CODES {
            assert_eq!(COUNTRIES.iter().filter(|country| country.code == *code).count(), 1, "{code}");
            assert_eq!(country(code).code, *code);
        }
        assert_eq!(COUNTRIES.len(), crate::tone::CODES.len());
    }

    #[test]
    fn every_signal_of_every_country_has_a_pitch_and_a_period() {
        for country in COUNTRIES {
            for signal in [Signal::Dial, Signal::Ringback, Signal::Busy, Signal::Congestion] {
                let cadence = country.cadence(signal);
                assert!(
                    !cadence.hertz.is_empty() && !cadence.period().is_zero(),
                    "{} {signal:?}",
                    country.code
                );
            }
        }
    }
}
