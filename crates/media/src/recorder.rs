//! The worker's end of a recording: what is heard goes into a ring, whose other end the disk thread reads.
//!
//! Limit and silence are measured here, on the audio itself.
//! A ring that is full (a slow disk) owes the recording silence, so that what follows stays in its time.

use std::time::Duration;

use audio::Rate;
use audio::level::Gate;
use rtrb::Producer;

use crate::id::LegId;
use crate::recording::{Ended, Verdict};

/// How much a ring holds: what a disk may stall without a gap.
pub(crate) const RING: Duration = Duration::from_secs(2);

/// Pauses between words are bridged for so long before the next word is told as talking again.
const HANGOVER: Duration = Duration::from_millis(500);

/// A recording that runs.
pub(crate) struct Recorder {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    ring: Producer<i16>,
    gate: Gate,
    /// Samples until the limit.
    left: u64,
    silence: Option<Duration>,
    owed: u64,
    verdict: Verdict,
}

/// What a frame made of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Going,
    /// Somebody began to speak in this frame.
    Talking,
    /// The limit, the silence, or the disk's end of the ring is gone.
    Over,
}

impl Recorder {
    pub(crate) fn new(
        leg: LegId,
        tag: u64,
        ring: Producer<i16>,
        rate: Rate,
        limit: Option<Duration>,
        silence: Option<Duration>,
        verdict: Verdict,
    ) -> Recorder {
        let left = limit.map_or(u64::MAX, |limit| rate.samples(limit) as u64);
        Recorder { leg, tag, ring, gate: Gate::new(rate, HANGOVER), left, silence, owed: 0, verdict }
    }

    /// The next frame of what is heard.
    pub(crate) fn push(&mut self, frame: &[i16]) -> Progress {
        if self.ring.is_abandoned() {
            return Progress::Over;
        }
        let n = (frame.len() as u64).min(self.left) as usize;
        self.left -= n as u64;
        let frame = frame.get(..n).unwrap_or_default();
        self.pay();
        let room = if self.owed > 0 { 0 } else { self.ring.slots().min(n) };
        // Never more than there is room for.
        let _ = self.ring.push_entire_slice(frame.get(..room).unwrap_or_default());
        self.owed += (n - room) as u64;
        let before = self.gate.talking();
        let talking = self.gate.push(frame);
        if self.left == 0 {
            self.verdict.set(Ended::Limit);
            Progress::Over
        } else if self.silence.is_some_and(|silence| self.gate.silence() >= silence) {
            self.verdict.set(Ended::Silence);
            Progress::Over
        } else if talking && !before {
            Progress::Talking
        } else {
            Progress::Going
        }
    }

    /// Turns that did not take place, of `samples` in all, when there is nothing to be heard in them any more.
    pub(crate) fn owe(&mut self, samples: u64) {
        let samples = samples.min(self.left);
        self.left -= samples;
        self.owed += samples;
    }

    /// Write the silence that is owed, as far as there is room: some hundred samples a time.
    fn pay(&mut self) {
        const ZEROS: [i16; 480] = [0; 480];
        while self.owed > 0 {
            let n = self.ring.slots().min(ZEROS.len()).min(self.owed as usize);
            if n == 0 || self.ring.push_entire_slice(ZEROS.get(..n).unwrap_or_default()).is_err() {
                return;
            }
            self.owed -= n as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use rtrb::RingBuffer;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn recorder(ring: Producer<i16>, limit: Option<Duration>, silence: Option<Duration>) -> Recorder {
        let leg = LegId { worker: 0, place: 0, generation: 0 };
        Recorder::new(leg, 1, ring, Rate::NARROW, limit, silence, Verdict::default())
    }

    fn loud() -> [i16; 160] {
        std::array::from_fn(|n| if n % 8 < 4 { 8_000 } else { -8_000 })
    }

    #[test]
    fn the_limit_is_kept_to_the_sample() {
        let (ring, mut other) = RingBuffer::new(16_000);
        let mut recorder = recorder(ring, Some(MS(50)), None);
        assert_eq!(recorder.push(&loud()), Progress::Talking);
        assert_eq!(recorder.push(&loud()), Progress::Going);
        assert_eq!(recorder.push(&loud()), Progress::Over);
        let n = other.slots();
        assert_eq!(n, 400);
        assert_eq!(other.pop(), Ok(8_000));
    }

    #[test]
    fn silence_ends_it_and_speech_puts_the_end_off() {
        let (ring, _other) = RingBuffer::new(160_000);
        let mut recorder = recorder(ring, None, Some(MS(1_000)));
        for _ in 0..40 {
            assert_ne!(recorder.push(&[0; 160]), Progress::Over);
        }
        recorder.push(&loud());
        let more = (0..).take_while(|_| recorder.push(&[0; 160]) != Progress::Over).count();
        assert_eq!(more, 49, "the fiftieth silent frame after speech completes the second");
    }

    #[test]
    fn a_disk_that_stalls_costs_silence_and_no_time() {
        let (ring, mut other) = RingBuffer::new(320);
        let mut recorder = recorder(ring, None, None);
        for _ in 0..5 {
            recorder.push(&loud());
        }
        let mut all = Vec::new();
        for _ in 0..10 {
            while let Ok(sample) = other.pop() {
                all.push(sample);
            }
            recorder.push(&loud());
        }
        while let Ok(sample) = other.pop() {
            all.push(sample);
        }
        assert_eq!(all.len(), 15 * 160);
        assert!(all[..320].iter().all(|s| *s != 0) && all[320..1_120].iter().all(|s| *s == 0));
        assert!(all[1_120..].iter().all(|s| *s != 0));
    }

    #[test]
    fn a_disk_that_gave_up_ends_it() {
        let (ring, other) = RingBuffer::new(320);
        let mut recorder = recorder(ring, None, None);
        drop(other);
        assert_eq!(recorder.push(&loud()), Progress::Over);
    }
}
