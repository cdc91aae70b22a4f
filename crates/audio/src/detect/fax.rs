//! Fax machines: the calling one's tone (CNG) and the answering one's (CED), ITU-T T.30 §4.

use super::beep::Follower;
use super::narrow::Narrow;
use super::spectrum::Spectrum;
use crate::Rate;

/// Which fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fax {
    /// CNG: 1,100 Hz for half a second, again every three and a half. A fax calls.
    Calling,
    /// CED, or a modem's ANS: 2,100 Hz for 2.6 to 4 s. A fax answered.
    Answered,
}

/// CNG's pitch and tolerance, in hertz: T.30 allows 38, and a window's own error is added.
const CNG: (f32, f32) = (1_100.0, 41.0);
/// CED's; T.30 allows 15 Hz.
const CED: (f32, f32) = (2_100.0, 18.0);
/// The share of the tone in all the sound, at least: noise 6 dB below it still passes.
const SHARE: f32 = 0.8;
/// CNG's length, 0.5 s to 15 %, and a window at each end.
const CNG_MS: std::ops::RangeInclusive<u32> = 410..=610;
/// CED counts after this; a beep of that pitch is shorter.
const CED_MS: u32 = 1_000;

/// Listens for a fax. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct FaxTones {
    narrow: Narrow,
    spectrum: Spectrum,
    follower: Follower,
    told: Option<Fax>,
}

impl FaxTones {
    /// For sound of `rate`.
    pub fn new(rate: Rate) -> FaxTones {
        FaxTones {
            narrow: Narrow::new(rate),
            spectrum: Spectrum::new(),
            follower: Follower::new(SHARE),
            told: None,
        }
    }

    /// Takes the next samples and calls `told` for the first tone of each kind.
    pub fn push(&mut self, samples: &[i16], mut told: impl FnMut(Fax)) {
        let FaxTones { narrow, spectrum, follower, told: last } = self;
        narrow.feed(samples, |samples| {
            spectrum.feed(samples, |look| {
                let ended = follower.see(&look);
                let near = |hertz: f32, (pitch, off): (f32, f32)| (hertz - pitch).abs() <= off;
                let cng = ended.is_some_and(|tone| near(tone.hertz, CNG) && CNG_MS.contains(&tone.ms()));
                let ced = follower.tone().is_some_and(|tone| near(tone.hertz, CED) && tone.ms() >= CED_MS);
                let now = match (cng, ced) {
                    (true, _) => Fax::Calling,
                    (_, true) => Fax::Answered,
                    _ => return,
                };
                if *last != Some(now) {
                    *last = Some(now);
                    told(now);
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Pcm, tone};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn found(tones: &[(u16, u64)], rate: Rate) -> Vec<Fax> {
        let mut sound = Pcm::silence(rate, ms(300));
        for &(hertz, length) in tones {
            sound.append(&tone::beep(hertz, ms(length), rate));
            sound.append(&Pcm::silence(rate, ms(3_000)));
        }
        let (mut fax, mut told) = (FaxTones::new(rate), Vec::new());
        sound.samples.chunks(rate.samples(ms(20))).for_each(|part| fax.push(part, |tone| told.push(tone)));
        told
    }

    #[test]
    fn a_fax_that_calls_and_one_that_answered_are_told_once() {
        for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
            for hertz in [1_065, 1_100, 1_135] {
                assert_eq!(found(&[(hertz, 500), (hertz, 500)], rate), [Fax::Calling], "{hertz} at {rate}");
            }
            for length in [430, 570] {
                assert_eq!(found(&[(1_100, length)], rate), [Fax::Calling], "{length} ms");
            }
            for hertz in [2_086, 2_100, 2_114] {
                assert_eq!(found(&[(hertz, 2_600)], rate), [Fax::Answered], "{hertz} at {rate}");
            }
        }
    }

    #[test]
    fn other_tones_are_no_fax() {
        for tone in [
            (1_000, 500),
            (1_100, 200),
            (1_100, 1_500),
            (1_200, 500),
            (2_100, 400),
            (2_000, 3_000),
            (425, 1_000),
        ] {
            assert_eq!(found(&[tone], Rate::NARROW), [], "{tone:?}");
        }
    }
}
