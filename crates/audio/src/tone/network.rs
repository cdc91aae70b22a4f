//! The signals a telephone network sings, country by country: ITU-T E.180 and its supplement 2.
//!
//! A country that is not in the table sounds as ITU-T E.180 recommends for everyone: 425 Hz.

use std::time::Duration;

use super::countries::{COUNTRIES, RECOMMENDED};
use super::{piece, render};
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

    /// Whether it is one tone without a pause.
    pub fn is_steady(&self) -> bool {
        matches!(self.pattern, [(_, 0)])
    }

    /// One whole turn of the pattern as sound, to be repeated for as long as it is needed; of a tone without a pause a
    /// piece of a second, which goes over into itself.
    pub fn render(&self, rate: Rate) -> Pcm {
        self.render_for(rate, Duration::ZERO)
    }

    /// The same for who encodes so much at once, in whole milliseconds: a piece of a tone without a pause is a whole number
    /// of such packets then, and about a second long.
    pub fn render_for(&self, rate: Rate, packet: Duration) -> Pcm {
        if self.is_steady() {
            return piece(self.hertz, self.round(rate, packet), rate);
        }
        let mut sound = Pcm::new(rate, Vec::new());
        for &(on, off) in self.pattern {
            let (on, off) = (Duration::from_millis(on.into()), Duration::from_millis(off.into()));
            sound.append(&render(self.hertz, on, off, on + off, rate));
        }
        sound
    }
}

/// Longest piece of a tone without a pause: pitches of whole hertz meet themselves in it also by packets of 60 ms.
const LONGEST_MS: u64 = 3_000;

impl Cadence {
    /// Of the lengths after which all that sounds is where it began, and that are so many whole packets and samples, the
    /// one that is nearest to a second.
    fn round(&self, rate: Rate, packet: Duration) -> Duration {
        let packet = (packet.as_millis() as u64).max(1);
        let rate = u64::from(rate.hertz());
        let lengths = (packet..=LONGEST_MS).step_by(packet as usize).filter(|ms| {
            let is_whole = |a_second: u64| (a_second * ms).is_multiple_of(1_000);
            is_whole(rate) && self.hertz.iter().all(|&hertz| is_whole(hertz.into()))
        });
        Duration::from_millis(lengths.min_by_key(|ms| ms.abs_diff(1_000)).unwrap_or(1_000))
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
    fn a_tone_without_a_pause_goes_on_without_a_seam_where_it_is_repeated_at_every_rate_and_in_packets() {
        let mut steady: Vec<&[u16]> = COUNTRIES.iter().map(|country| country.dial.hertz).collect();
        steady.retain(|hertz| *hertz != RECOMMENDED.dial.hertz);
        steady.push(RECOMMENDED.dial.hertz);
        for hertz in steady {
            let cadence = Cadence { hertz, pattern: &[(1_000, 0)] };
            for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map(Rate) {
                for packet in [0, 10, 20, 40, 60].map(Duration::from_millis) {
                    let piece = cadence.render_for(rate, packet);
                    let ms = piece.duration().as_millis() as u64;
                    assert!((500..=LONGEST_MS).contains(&ms), "{hertz:?} {rate:?} {packet:?}: {ms}");
                    assert_eq!(ms % (packet.as_millis() as u64).max(1), 0, "{hertz:?} {rate:?} {packet:?}");
                    assert_eq!(rate.samples(Duration::from_millis(ms)), piece.samples.len());
                    is_one_tone(&piece, hertz);
                }
            }
        }
    }

    /// Twice the piece after each other is what one tone is that never ends: in phase to the sample, and each 10 ms over the
    /// seam as loud as it would be.
    fn is_one_tone(piece: &Pcm, hertz: &[u16]) {
        let (rate, length) = (f64::from(piece.rate.hertz()), piece.samples.len());
        let at = |n: usize| -> f64 {
            let partial = |hz: &u16| (std::f64::consts::TAU * f64::from(*hz) * n as f64 / rate).sin();
            hertz.iter().map(partial).sum::<f64>() * crate::tone::PEAK / hertz.len() as f64
        };
        let around = length - length / 20..length + length / 20;
        let expected: Vec<i16> = around.clone().map(|n| at(n).round() as i16).collect();
        let found: Vec<i16> = around.map(|n| piece.samples[n % length]).collect();
        let off = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(1), "{hertz:?} {:?} {length}: {off:?}", piece.rate);
        let window = piece.rate.samples(Duration::from_millis(10));
        for (found, expected) in found.chunks_exact(window).zip(expected.chunks_exact(window)) {
            let (found, expected) = (crate::level::rms_dbov(found), crate::level::rms_dbov(expected));
            assert!((found - expected).abs() < 1.0, "{hertz:?}: {found} dB in place of {expected}");
            assert!(hertz.len() > 1 || (found + 15.0).abs() < 1.0, "{hertz:?}: {found} dB");
        }
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
