//! A single steady tone: the beep of an answering machine, and what other detectors make of one.

use super::spectrum::{HOP_MS, Look};

/// The share of a tone in all the sound, at least: noise 6 dB below it still passes.
const SHARE: f32 = 0.8;
/// What a beep of 80 ms has at least, wherever the windows lie: three of them.
const SHORTEST: u32 = 4 * HOP_MS;
/// How far its pitch may stray from that of the windows before, in hertz.
const STEADY: f32 = 12.0;
/// Windows that may miss the tone without ending it: a packet that was lost.
const MISSES: u32 = 2;

/// A tone as long as it lasted, or as it has so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tone {
    pub(super) hertz: f32,
    /// Windows that it filled.
    pub(super) windows: u32,
    misses: u32,
}

impl Tone {
    /// How long it is: windows overlap by half, and those at the edges are filled in part.
    pub(super) fn ms(&self) -> u32 {
        (self.windows + 1) * HOP_MS
    }
}

/// Follows a single tone.
#[derive(Debug, Clone, Default)]
pub(super) struct Follower {
    tone: Option<Tone>,
}

impl Follower {
    /// Takes the next window; the tone that ended with it.
    pub(super) fn see(&mut self, look: &Look) -> Option<Tone> {
        let [line, _] = look.lines;
        let pure = line.share >= SHARE;
        if let Some(tone) = &mut self.tone {
            if pure && (line.hertz - tone.hertz).abs() <= STEADY {
                tone.windows += 1 + tone.misses;
                tone.misses = 0;
                // The first window may have caught no more than the tone's edge.
                tone.hertz += (line.hertz - tone.hertz) / 4.0;
                return None;
            }
            tone.misses += 1;
            if tone.misses <= MISSES && !pure {
                return None;
            }
        }
        let ended = self.tone.take();
        self.tone = pure.then_some(Tone { hertz: line.hertz, windows: 1, misses: 0 });
        ended
    }

    /// The tone that sounds.
    pub(super) fn tone(&self) -> Option<Tone> {
        self.tone
    }
}

/// What a beep is: 400 to 2,000 Hz, 80 ms to 3 s.
#[derive(Debug, Clone, Default)]
pub(super) struct Beep {
    follower: Follower,
}

impl Beep {
    /// Takes the next window; `true` if a beep ended with it.
    pub(super) fn see(&mut self, look: &Look) -> bool {
        self.follower.see(look).is_some_and(|tone| {
            let beeps = (390.0..=2_015.0).contains(&tone.hertz);
            beeps && (SHORTEST..=3_000).contains(&tone.ms())
        })
    }
}
