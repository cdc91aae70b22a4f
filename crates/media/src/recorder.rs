//! The worker's end of a recording: what is heard and said goes into a ring, whose other end the disk thread reads.
//!
//! Limit and silence are measured here, on the audio itself.
//! The ring has the leg's rate, also after a change of it, which a mark tells the other end: what becomes of it in a file of
//! another rate is done there.
//! A ring that is full (a slow disk) owes the recording silence, so that what follows stays in its time.
//! The far end's voice and the leg's own of the same turn lie beside each other: as they were to each other on the line.

use std::time::Duration;

use audio::Rate;
use audio::codec::Decoder;
use audio::level::{Gate, measure};
use rtrb::{Producer, chunks::ChunkError};

use crate::id::LegId;
use crate::recording::{Ended, Keys, Pause, Recording, Sides, Verdict};
use crate::worker::FRAME;

/// How much a ring holds: what a disk may stall without a gap.
pub(crate) const RING: Duration = Duration::from_secs(2);

/// How much it holds at least after a change of rate: two turns of the disk thread.
const LEAST: Duration = Duration::from_secs(1);

/// Pauses between words are bridged for so long before the next word is told as talking again.
const HANGOVER: Duration = Duration::from_millis(500);
/// Changes of rate between two turns of the disk thread.
pub(crate) const MARKS: usize = 4;

/// From the sample with this number on, counted in the ring, it is at this rate.
pub(crate) type Mark = (u64, Rate);

/// A recording that runs.
pub(crate) struct Recorder {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    sides: Sides,
    ring: Producer<i16>,
    /// Samples that were put into it, and its rate.
    written: u64,
    rate: Rate,
    /// Where changes of the rate are told; without it what comes at another rate is fitted into the ring's.
    marks: Option<Producer<Mark>>,
    /// At the first rate.
    gate: Gate,
    first: Rate,
    /// Samples of each channel until the limit, and those that the file is behind.
    left: u64,
    owed: u64,
    silence: Option<Duration>,
    keys: Keys,
    paused: Option<Pause>,
    verdict: Verdict,
    /// What came of this turn.
    progress: Progress,
    both: Option<Box<Both>>,
    /// The next one of the same leg.
    pub(crate) next: Option<Box<Recorder>>,
}

/// What a recorder of both sides has.
struct Both {
    /// What was heard and waits for what is said in the same turn: the frames of a turn and of such before it that were
    /// skipped, whose own words are said late.
    heard: [i16; 2 * FRAME],
    waiting: usize,
    /// Samples of one of them.
    frame: usize,
    /// So many turns have their words after the one that has them now.
    later: usize,
    /// For what is said in the codec's form.
    decoder: Option<Decoder>,
}

/// What a turn made of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Going,
    /// Somebody began to speak in this turn.
    Talking,
    /// The limit, the silence, a key, or the disk's end of the ring is gone.
    Over,
}

impl Recorder {
    /// At `rate`, the ring's. What the leg says in its codec's form is silence until [`Recorder::learn`].
    pub(crate) fn new(
        (leg, tag): (LegId, u64),
        ring: Producer<i16>,
        rate: Rate,
        order: &Recording,
        verdict: Verdict,
    ) -> Recorder {
        let left = order.limit.map_or(u64::MAX, |limit| rate.samples(limit) as u64);
        let both = (order.sides != Sides::Heard)
            .then(|| Box::new(Both { heard: [0; 2 * FRAME], waiting: 0, frame: 0, later: 0, decoder: None }));
        Recorder {
            leg,
            tag,
            sides: order.sides,
            ring,
            written: 0,
            rate,
            marks: None,
            gate: Gate::new(rate, HANGOVER),
            first: rate,
            left,
            owed: 0,
            silence: order.silence,
            keys: order.keys,
            paused: None,
            verdict,
            progress: Progress::Going,
            both,
            next: None,
        }
    }

    /// The same, which tells changes of its leg's rate.
    pub(crate) fn marking(mut self, marks: Producer<Mark>) -> Recorder {
        self.marks = Some(marks);
        self
    }

    /// What is put into the ring from here on is at another rate, if that can be told; at a part of it, if the ring would
    /// be full too soon.
    fn change(&mut self, rate: Rate) {
        let most =
            (self.ring.buffer().capacity() / self.channels()) as u64 * 1_000 / LEAST.as_millis() as u64;
        let rate = Rate(rate.0 / u64::from(rate.0).div_ceil(most.max(1)).max(1) as u32);
        if rate == self.rate || self.marks.as_ref().is_none_or(Producer::is_full) {
            return;
        }
        self.settle();
        if let Some(marks) = &mut self.marks {
            // There is room, as was seen.
            let _ = marks.push((self.written, rate));
        }
        let (from, to) = (u64::from(self.rate.0.max(1)), u64::from(rate.0));
        let at_new = |samples: u64| (u128::from(samples) * u128::from(to) / u128::from(from)) as u64;
        if self.left != u64::MAX {
            self.left = at_new(self.left);
        }
        self.owed = at_new(self.owed);
        self.rate = rate;
    }

    /// Samples of the ring that make one of time.
    fn channels(&self) -> usize {
        if self.sides == Sides::Stereo { 2 } else { 1 }
    }

    /// Leave out what comes, or go on.
    pub(crate) fn pause(&mut self, paused: Option<Pause>) {
        self.paused = paused;
    }

    /// The far end pressed a key.
    pub(crate) fn press(&mut self, key: char) {
        if self.keys.contains(key) {
            self.end(Ended::Key(key));
        }
    }

    /// The next frame of what is heard, at `rate`. What is said beside it is told later in the turn, if anything is.
    pub(crate) fn hear(&mut self, frame: &[i16], rate: Rate) {
        if rate != self.rate && !frame.is_empty() {
            self.change(rate);
        }
        if rate != self.rate {
            let mut room = [0; FRAME];
            return self.hear(fit(frame, rate, self.rate, &mut room), self.rate);
        }
        let Some(both) = &mut self.both else { return self.put(frame, &[]) };
        let frame = &frame[..frame.len().min(FRAME)];
        if frame.is_empty() {
            return;
        }
        let Some(place) = both.heard.get_mut(both.waiting..both.waiting + frame.len()) else {
            self.settle();
            return self.hear(frame, rate);
        };
        place.copy_from_slice(frame);
        (both.waiting, both.frame) = (both.waiting + frame.len(), frame.len());
    }

    /// Whether it wants to know what is said.
    pub(crate) fn wants_said(&self) -> bool {
        self.both.is_some()
    }

    /// What is said next is of the turn that was so many turns ago: what was heard before it has nothing beside it.
    pub(crate) fn turn_to(&mut self, ago: usize) {
        while let Some(both) = &mut self.both {
            both.later = ago;
            if both.waiting <= both.frame * (ago + 1) {
                return;
            }
            self.beside(&[]);
        }
    }

    /// What the leg says in this turn, as samples of `rate`.
    pub(crate) fn say(&mut self, frame: &[i16], rate: Rate) {
        if rate != self.rate {
            let mut room = [0; FRAME];
            return self.say(fit(frame, rate, self.rate, &mut room), self.rate);
        }
        // Of a turn before the recording began.
        if self.both.as_ref().is_some_and(|both| both.later > 0 && both.waiting <= both.frame * both.later) {
            return;
        }
        self.beside(frame);
    }

    /// This was said beside the first frame that waits, or while nothing was listened to.
    fn beside(&mut self, said: &[i16]) {
        let Some(mut both) = self.both.take() else { return };
        if both.waiting == 0 {
            both.waiting = said.len().min(FRAME);
            both.frame = both.waiting;
            both.heard[..both.waiting].fill(0);
        }
        let first = both.frame.min(both.waiting);
        self.put(&both.heard[..first], said);
        both.heard.copy_within(first..both.waiting, 0);
        both.waiting -= first;
        self.both = Some(both);
    }

    /// A payload in `pcm`, if this one has the decoder: how many samples, and at which rate.
    pub(crate) fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Option<(usize, Rate)> {
        let decoder = self.both.as_mut()?.decoder.as_mut()?;
        Some((decoder.decode(payload, pcm), decoder.rate()))
    }

    /// Whether it has the decoder of what is said.
    pub(crate) fn decodes(&self) -> bool {
        self.both.as_ref().is_some_and(|both| both.decoder.is_some())
    }

    /// What the leg says is of this decoder's codec from here on.
    pub(crate) fn learn(&mut self, decoder: Option<Decoder>) -> Option<Decoder> {
        match &mut self.both {
            Some(both) => std::mem::replace(&mut both.decoder, decoder),
            None => decoder,
        }
    }

    /// A whole turn of one that has no other side: a frame at its own rate, and what came of it.
    pub(crate) fn push(&mut self, frame: &[i16]) -> Progress {
        self.hear(frame, self.rate);
        self.close()
    }

    /// The turn is over: what came of it.
    pub(crate) fn close(&mut self) -> Progress {
        self.settle();
        if self.ring.is_abandoned() {
            self.progress = Progress::Over;
        }
        match self.progress {
            Progress::Over => Progress::Over,
            _ => std::mem::replace(&mut self.progress, Progress::Going),
        }
    }

    /// Whether it has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.progress == Progress::Over
    }

    /// What was heard so far and found nothing said beside it.
    pub(crate) fn settle(&mut self) {
        while self.both.as_ref().is_some_and(|both| both.waiting > 0) {
            self.beside(&[]);
        }
    }

    fn end(&mut self, ended: Ended) {
        if self.progress != Progress::Over {
            self.progress = Progress::Over;
            self.verdict.set(ended);
        }
    }

    /// A frame of the file; where `said` is shorter, it is silence.
    fn put(&mut self, heard: &[i16], said: &[i16]) {
        if self.progress == Progress::Over || self.paused == Some(Pause::Cut) {
            return;
        }
        let n = (heard.len() as u64).min(self.left) as usize;
        self.left -= n as u64;
        let heard = heard.get(..n).unwrap_or_default();
        self.pay();
        let room = match self.owed {
            0 if self.paused.is_none() => (self.ring.slots() / self.channels()).min(n),
            _ => 0,
        };
        let pairs = heard.iter().copied().zip(said.iter().copied().chain(std::iter::repeat(0))).take(room);
        let written = match self.sides {
            // Never more than there is room for.
            Sides::Heard => {
                self.ring.push_entire_slice(heard.get(..room).unwrap_or_default()).map_or(0, |()| room)
            }
            Sides::Said => fill(&mut self.ring, room, pairs.map(|(_, said)| said)).unwrap_or_default(),
            Sides::Mixed => fill(&mut self.ring, room, pairs.map(|(heard, said)| heard.saturating_add(said)))
                .unwrap_or_default(),
            Sides::Stereo => {
                fill(&mut self.ring, room * 2, pairs.flat_map(|(heard, said)| [heard, said]))
                    .unwrap_or_default()
                    / 2
            }
        };
        self.written += (written * self.channels()) as u64;
        self.owed += (n - written) as u64;
        if self.paused.is_none() {
            self.judge(if self.sides == Sides::Said { said.get(..n).unwrap_or(said) } else { heard }, n);
        }
        if self.left == 0 {
            self.end(Ended::Limit);
        }
    }

    /// What is heard of `length` samples of the file: this, and silence where it is shorter.
    fn judge(&mut self, frame: &[i16], length: usize) {
        let before = self.gate.talking();
        let talks = match self.rate == self.first && frame.len() == length {
            true => self.gate.push(frame),
            // As many samples as they would have been at the first rate.
            false => {
                let share = frame.len() as f64 / length.max(1) as f64;
                let samples = length * self.first.0 as usize / self.rate.0.max(1) as usize;
                self.gate.push_energy(f64::from(measure(frame).mean_square) * share, samples)
            }
        };
        if talks && !before && self.progress == Progress::Going {
            self.progress = Progress::Talking;
        }
        if self.silence.is_some_and(|silence| self.gate.silence() >= silence) {
            self.end(Ended::Silence);
        }
    }

    /// Turns that did not take place, of `samples` of `rate` in all, when there is nothing to be heard in them any more.
    pub(crate) fn owe(&mut self, samples: u64, rate: Rate) {
        if self.paused == Some(Pause::Cut) {
            return;
        }
        let samples = samples.saturating_mul(self.rate.0.into()) / u64::from(rate.0.max(1));
        let samples = samples.min(self.left);
        self.left -= samples;
        self.owed += samples;
    }

    /// Write the silence that is owed, as far as there is room: some hundred samples a time.
    fn pay(&mut self) {
        const ZEROS: [i16; 480] = [0; 480];
        let channels = self.channels();
        while self.owed > 0 {
            let n = (self.ring.slots() / channels).min(ZEROS.len() / channels).min(self.owed as usize);
            if n == 0 || self.ring.push_entire_slice(ZEROS.get(..n * channels).unwrap_or_default()).is_err() {
                return;
            }
            self.written += (n * channels) as u64;
            self.owed -= n as u64;
        }
    }
}

/// Put so many samples into the ring; how many that were.
fn fill(ring: &mut Producer<i16>, n: usize, samples: impl Iterator<Item = i16>) -> Result<usize, ChunkError> {
    Ok(ring.write_chunk_uninit(n)?.fill_from_iter(samples))
}

/// A frame at another rate, in `room`: of one direction before the other has changed its rate, and in rooms.
///
/// Plainly, by holding and by averaging samples.
fn fit<'a>(frame: &'a [i16], from: Rate, to: Rate, room: &'a mut [i16; FRAME]) -> &'a [i16] {
    let (from, to) = (from.hertz().max(1) as usize, to.hertz().max(1) as usize);
    let n = (frame.len() * to / from).min(FRAME);
    for (at, out) in room.iter_mut().take(n).enumerate() {
        let first = at * from / to;
        let part = frame.get(first..((at + 1) * from / to).max(first + 1)).unwrap_or_default();
        let sum: i32 = part.iter().map(|sample| i32::from(*sample)).sum();
        *out = (sum / part.len().max(1) as i32) as i16;
    }
    &room[..n]
}

#[cfg(test)]
mod tests;
