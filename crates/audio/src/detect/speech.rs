//! Somebody begins to speak, somebody stopped: the gate of [`level`](crate::level) with times around it.

use std::time::Duration;

use super::narrow::Narrow;
use crate::Rate;
use crate::level::Gate;

/// Samples that are judged together: 10 ms.
const FRAME: usize = 80;

/// When a sound counts as speech, and its absence as silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The shortest sound that counts; clicks and coughs are shorter.
    pub speech: Duration,
    /// The shortest silence that counts; pauses between words are shorter.
    pub silence: Duration,
}

impl Default for Patience {
    /// 100 ms and 1 s.
    fn default() -> Patience {
        Patience { speech: Duration::from_millis(100), silence: Duration::from_secs(1) }
    }
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Somebody speaks; told when it has lasted for [`Patience::speech`].
    Speaking,
    /// Nobody spoke for [`Patience::silence`]; told at the beginning as well.
    Silent,
}

/// Tells speaking from silence. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct Speech {
    narrow: Narrow,
    frames: Frames,
    patience: Patience,
    state: Option<Change>,
    voiced: Duration,
    silent: Duration,
}

impl Speech {
    /// For sound of `rate`.
    pub fn new(rate: Rate, patience: Patience) -> Speech {
        Speech {
            narrow: Narrow::new(rate),
            frames: Frames::new(),
            patience,
            state: None,
            voiced: Duration::ZERO,
            silent: Duration::ZERO,
        }
    }

    /// Takes the next samples and calls `told` for each change in them.
    pub fn push(&mut self, samples: &[i16], mut told: impl FnMut(Change)) {
        let Speech { narrow, frames, patience, state, voiced, silent } = self;
        narrow.feed(samples, |samples| {
            frames.feed(samples, |voice| {
                if voice {
                    *voiced += Frames::LENGTH;
                    // The gaps of a click's echo do not add up to a silence.
                    *silent = Duration::ZERO;
                } else {
                    *silent += Frames::LENGTH;
                    if *silent >= Frames::GAP {
                        *voiced = Duration::ZERO;
                    }
                }
                let now = if voice && *voiced >= patience.speech {
                    Change::Speaking
                } else if *silent >= patience.silence {
                    Change::Silent
                } else {
                    return;
                };
                if *state != Some(now) {
                    *state = Some(now);
                    told(now);
                }
            });
        });
    }
}

/// Voice or not, in frames of 10 ms at 8 kHz.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    gate: Gate,
    frame: [i16; FRAME],
    filled: usize,
}

impl Frames {
    /// Of a frame.
    pub(super) const LENGTH: Duration = Duration::from_millis(10);
    /// Quiet for so long ends a word: the closure of a consonant is shorter.
    const GAP: Duration = Duration::from_millis(60);

    pub(super) fn new() -> Frames {
        Frames { gate: Gate::new(Rate::NARROW, Duration::ZERO), frame: [0; FRAME], filled: 0 }
    }

    pub(super) fn feed(&mut self, mut samples: &[i16], mut judged: impl FnMut(bool)) {
        while !samples.is_empty() {
            let (some, rest) = samples.split_at(samples.len().min(FRAME - self.filled));
            self.frame[self.filled..self.filled + some.len()].copy_from_slice(some);
            self.filled += some.len();
            samples = rest;
            if self.filled == FRAME {
                self.filled = 0;
                self.gate.push(&self.frame);
                judged(self.gate.silence().is_zero());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pcm, tone};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn changes(sound: &Pcm, patience: Patience) -> Vec<(u64, Change)> {
        let mut speech = Speech::new(sound.rate, patience);
        let (mut told, mut at) = (Vec::new(), 0);
        for part in sound.samples.chunks(sound.rate.samples(ms(20))) {
            at += 20;
            speech.push(part, |change| told.push((at, change)));
        }
        told
    }

    #[test]
    fn words_are_speech_and_clicks_are_not() {
        for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
            let mut sound = Pcm::silence(rate, ms(1_500));
            sound.append(&tone::beep(300, ms(30), rate));
            sound.append(&Pcm::silence(rate, ms(500)));
            sound.append(&tone::beep(300, ms(400), rate));
            sound.append(&Pcm::silence(rate, ms(300)));
            sound.append(&tone::beep(300, ms(400), rate));
            sound.append(&Pcm::silence(rate, ms(1_500)));
            let told = changes(&sound, Patience::default());
            let kinds: Vec<Change> = told.iter().map(|(_, change)| *change).collect();
            assert_eq!(kinds, [Change::Silent, Change::Speaking, Change::Silent], "{rate}: {told:?}");
            assert!(told[0].0.abs_diff(1_000) <= 20, "{told:?}");
            assert!(told[1].0.abs_diff(2_030 + 100) <= 30, "{told:?}");
            assert!(told[2].0.abs_diff(3_130 + 1_000) <= 30, "{told:?}");
        }
    }
}
