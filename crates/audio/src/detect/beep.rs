//! A single steady tone: the beep of an answering machine, and what other detectors make of one.

use super::spectrum::{HOP_MS, Look};

/// The share of a beep in all the sound, at least: noise 12 dB below it still passes, and vowels seldom do.
const SHARE: f32 = 0.94;
/// The mean share of a short beep: a vowel may be as pure as [`SHARE`] for as long.
const PURE: f32 = 0.97;
/// No vowel keeps its pitch for so many milliseconds.
const SURE: u32 = 176;
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
    /// Its mean part in all the sound.
    share: f32,
    misses: u32,
}

impl Tone {
    /// How long it is: windows overlap by half, and those at the edges are filled in part.
    pub(super) fn ms(&self) -> u32 {
        (self.windows + 1) * HOP_MS
    }
}

/// Follows a single tone.
#[derive(Debug, Clone)]
pub(super) struct Follower {
    /// Of the tone in all the sound, at least.
    share: f32,
    tone: Option<Tone>,
}

impl Follower {
    /// Follows tones that hold at least such a `share` of all the sound.
    pub(super) fn new(share: f32) -> Follower {
        Follower { share, tone: None }
    }

    /// Takes the next window; the tone that ended with it.
    pub(super) fn see(&mut self, look: &Look) -> Option<Tone> {
        let [line, _] = look.lines;
        let pure = line.share >= self.share;
        if let Some(tone) = &mut self.tone {
            if pure && (line.hertz - tone.hertz).abs() <= STEADY {
                tone.windows += 1 + tone.misses;
                tone.misses = 0;
                // The first window may have caught no more than the tone's edge.
                tone.hertz += (line.hertz - tone.hertz) / 4.0;
                tone.share += (line.share - tone.share) / tone.windows as f32;
                return None;
            }
            tone.misses += 1;
            if tone.misses <= MISSES && !pure {
                return None;
            }
        }
        let ended = self.tone.take();
        self.tone = pure.then_some(Tone { hertz: line.hertz, windows: 1, share: line.share, misses: 0 });
        ended
    }

    /// The tone that sounds.
    pub(super) fn tone(&self) -> Option<Tone> {
        self.tone
    }
}

/// What a beep is: 400 to 2,000 Hz, 80 ms to 3 s.
#[derive(Debug, Clone)]
pub(super) struct Beep {
    follower: Follower,
}

impl Beep {
    pub(super) fn new() -> Beep {
        Beep { follower: Follower::new(SHARE) }
    }

    /// Takes the next window; `true` if a beep ended with it.
    pub(super) fn see(&mut self, look: &Look) -> bool {
        self.follower.see(look).is_some_and(|tone| {
            let beeps = (390.0..=2_015.0).contains(&tone.hertz);
            let pure = tone.share >= PURE || tone.ms() >= SURE;
            beeps && pure && (SHORTEST..=3_000).contains(&tone.ms())
        })
    }
}
