//! A bridge: what one leg hears is what the other says, whichever workers they live on.
//!
//! Each leg holds a [`Bridge`]: a ring of samples towards the other leg, and one from it, each with one writer and one
//! reader. Samples make it indifferent to codecs and packet times. What the network did to the sender's pace was put
//! right by the leg's jitter buffer before; left here are, while the legs live on two workers, the offset of those'
//! slots and their stalls.
//!
//! The reader waits until a frame is there, then takes one a turn. If it runs dry, it begins anew: a stall of the other
//! worker costs its own length once and leaves that much in store, and what stays in store for a second is dropped.

use std::time::Duration;

use audio::Rate;
use audio::resample::Resampler;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::id::LegId;
use crate::room::succeed;
use crate::worker::FRAME;

/// What a ring holds: the longest frame and some stalls. What finds it full is dropped.
const RING: Duration = Duration::from_millis(200);

/// More than this ahead of the reader is dropped at once, down to a frame.
const MOST: Duration = Duration::from_millis(80);

/// What was never needed in so long is dropped.
const WINDOW: Duration = Duration::from_secs(1);

/// A bridge as its leg has it: what each packet asks for stands with the leg, the samples elsewhere.
#[derive(Debug)]
pub(crate) struct Bridged {
    /// Of the command that made it.
    pub(crate) tag: u64,
    /// As the end has them.
    pub(crate) facing: Option<LegId>,
    pub(crate) relays: bool,
    pub(crate) end: Box<Bridge>,
}

impl Bridged {
    pub(crate) fn new(tag: u64, end: Box<Bridge>) -> Bridged {
        Bridged { tag, facing: end.facing, relays: end.relays, end }
    }
}

/// A leg's end of a bridge.
#[derive(Debug)]
pub(crate) struct Bridge {
    out: Producer<i16>,
    into: Consumer<i16>,
    /// Of what this end writes and reads, and of what the other end writes.
    rate: Rate,
    from: Rate,
    /// Where those differ.
    resampler: Option<Resampler>,
    /// From what is written here to what the other end takes, where a room has become wider.
    narrowing: Option<Resampler>,
    /// The other end is a room's.
    of_room: bool,
    /// The leg at the other end. It may be at another worker, where it is not found.
    facing: Option<LegId>,
    /// Packets may be passed on to it as they come, where both are at one worker.
    relays: bool,
    /// Whether samples are being taken, or collected for a first frame.
    flowing: bool,
    /// The least that was left after a turn of the current window, and how much of the window has passed.
    least: usize,
    window: usize,
}

impl Bridge {
    /// Both ends of a new bridge, one for a leg that works at each rate.
    pub(crate) fn pair(one: Rate, other: Rate) -> (Bridge, Bridge) {
        let (one_out, other_into) = RingBuffer::new(one.samples(RING));
        let (other_out, one_into) = RingBuffer::new(other.samples(RING));
        let end = |out, into, rate: Rate, from: Rate| Bridge {
            out,
            into,
            rate,
            from,
            resampler: Resampler::between(from, rate),
            narrowing: None,
            of_room: false,
            facing: None,
            relays: false,
            flowing: false,
            least: usize::MAX,
            window: 0,
        };
        (end(one_out, one_into, one, other), end(other_out, other_into, other, one))
    }

    /// The ends are those of two legs; `relays` if packets may be passed on as they come.
    pub(crate) fn face(here: (&mut Bridge, LegId), there: (&mut Bridge, LegId), relays: bool) {
        (here.0.facing, there.0.facing) = (Some(there.1), Some(here.1));
        (here.0.relays, there.0.relays) = (relays, relays);
    }

    /// The end of a leg whose other end a room has.
    pub(crate) fn into_room(self) -> Bridge {
        Bridge { of_room: true, ..self }
    }

    pub(crate) fn of_room(&self) -> bool {
        self.of_room
    }

    /// Whether the other end is gone.
    pub(crate) fn is_cut(&self) -> bool {
        self.out.is_abandoned()
    }

    /// Of the samples that this end takes and gives.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// This end writes and reads at another rate from here on; the other end goes on as it was. There lead from the other
    /// end's rate to the new one, and from that to the one at first, these; each with what went that way last.
    pub(crate) fn widen(
        &mut self,
        to: Rate,
        (inward, read): (&mut Option<Resampler>, &[i16]),
        (outward, written): (&mut Option<Resampler>, &[i16]),
    ) {
        self.rate = to;
        succeed(&mut self.resampler, inward, read);
        succeed(&mut self.narrowing, outward, written);
    }

    /// What was heard, for the other leg.
    pub(crate) fn push(&mut self, heard: &[i16]) {
        if let Some(mut narrowing) = self.narrowing.take() {
            let mut frame = [0; FRAME];
            let written = narrowing.process(heard, &mut frame);
            self.write(&frame[..written]);
            self.narrowing = Some(narrowing);
        } else {
            self.write(heard);
        }
    }

    fn write(&mut self, heard: &[i16]) {
        let room = self.out.slots().min(heard.len());
        // Never more than there is room for.
        let _ = self.out.push_entire_slice(heard.get(..room).unwrap_or_default());
    }

    /// Fill `frame` with what the other leg hears. Whether anything was there; if not, `frame` is as it was.
    pub(crate) fn fill(&mut self, frame: &mut [i16]) -> bool {
        let want = frame.len() * self.from.0 as usize / self.rate.0.max(1) as usize;
        let mut held = self.into.slots();
        if held < want {
            self.flowing = false;
        } else if !self.flowing {
            self.flowing = true;
            self.restart();
        }
        if !self.flowing {
            return false;
        }
        if held > want + self.from.samples(MOST) {
            self.drop_oldest(held - want);
            held = want;
        }
        self.take(want, frame);
        self.least = self.least.min(held - want);
        self.window += want;
        if self.window >= self.from.samples(WINDOW) {
            let spare = self.least;
            self.restart();
            self.drop_oldest(spare);
        }
        true
    }

    /// Take `want` samples, which are there.
    fn take(&mut self, want: usize, frame: &mut [i16]) {
        let Some(resampler) = &mut self.resampler else {
            let _ = self.into.pop_entire_slice(frame);
            return;
        };
        let mut taken = [0; FRAME];
        let taken = &mut taken[..want.min(FRAME)];
        let _ = self.into.pop_entire_slice(taken);
        let written = resampler.process(taken, frame);
        frame.get_mut(written..).unwrap_or_default().fill(0);
    }

    /// Time passes without anybody listening.
    pub(crate) fn pass(&mut self) {
        self.drop_oldest(self.into.slots());
        self.flowing = false;
    }

    fn restart(&mut self) {
        self.least = usize::MAX;
        self.window = 0;
    }

    fn drop_oldest(&mut self, samples: usize) {
        if let Ok(chunk) = self.into.read_chunk(samples.min(self.into.slots())) {
            chunk.commit_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Bridge, Bridge) {
        Bridge::pair(Rate::NARROW, Rate::NARROW)
    }

    /// A turn of 20 ms on the reading side: its first sample, `None` for silence.
    fn turn(end: &mut Bridge) -> Option<i16> {
        let mut frame = [0; 160];
        let heard = end.fill(&mut frame);
        heard.then_some(frame[0])
    }

    #[test]
    fn an_even_stream_passes_with_no_more_than_a_frame_in_store() {
        let (mut one, mut other) = pair();
        assert_eq!(turn(&mut other), None);
        for n in 1..500 {
            one.push(&[n * 8; 160]);
            assert_eq!(turn(&mut other), Some(n * 8));
        }
    }

    #[test]
    fn frames_of_other_lengths_are_cut_anew() {
        let (mut one, mut other) = pair();
        let mut sent = Vec::new();
        let mut heard = Vec::new();
        for n in 0..60i16 {
            let frame: Vec<i16> = (0..480).map(|s| (n * 480 + s).wrapping_mul(2)).collect();
            one.push(&frame);
            sent.extend(frame);
            for _ in 0..6 {
                let mut frame = [0; 80];
                if other.fill(&mut frame) {
                    heard.extend(frame);
                }
            }
        }
        assert_eq!(heard, sent);
    }

    #[test]
    fn a_stall_costs_its_length_once_and_its_delay_is_gone_after_a_while() {
        let (mut one, mut other) = pair();
        for n in 1..=200i16 {
            match n {
                // The writer's worker stalls for 40 ms and catches up.
                50 | 51 => {}
                52 => (50..=52).for_each(|n| one.push(&[n * 8; 160])),
                _ => one.push(&[n * 8; 160]),
            }
            let heard = turn(&mut other);
            match n {
                50 | 51 => assert_eq!(heard, None),
                52..100 => assert_eq!(heard, Some((n - 2) * 8), "nothing is lost at {n}"),
                110.. => assert_eq!(heard, Some(n * 8), "caught up at {n}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_reader_that_stalls_hears_the_newest() {
        let (mut one, mut other) = pair();
        for n in 1..=100 {
            one.push(&[n * 8; 160]);
        }
        let first = turn(&mut other).unwrap();
        assert_eq!(first, 80, "the ring was full: the newest of what it took");
        one.push(&[900; 160]);
        assert_eq!(turn(&mut other), Some(900));
    }

    #[test]
    fn ends_of_other_rates_hear_each_other_at_their_own() {
        for (one, other) in [(Rate::NARROW, Rate::FULL), (Rate::FULL, Rate::WIDE), (Rate::WIDE, Rate(24_000))]
        {
            let (mut here, mut there) = Bridge::pair(one, other);
            let mut heard = Vec::new();
            for n in 0..100 {
                let samples = one.0 as usize / 50;
                let angle =
                    |at: usize| (n * samples + at) as f64 / f64::from(one.0) * 440.0 * std::f64::consts::TAU;
                let frame: Vec<i16> = (0..samples).map(|at| (angle(at).sin() * 8_000.0) as i16).collect();
                here.push(&frame);
                let mut frame = vec![0; other.0 as usize / 50];
                if there.fill(&mut frame) {
                    heard.extend(frame);
                }
            }
            assert_eq!(heard.len(), other.0 as usize * 2);
            let last = &heard[heard.len() / 2..];
            let power = f64::from(audio::detect::goertzel_power(last, other, 440.0));
            let level = power.sqrt() / last.len() as f64 * 2.0;
            assert!((7_500.0..8_500.0).contains(&level), "{one} to {other}: {level}");
        }
    }

    #[test]
    fn an_end_whose_other_is_gone_is_silent_and_takes_what_it_is_given() {
        let (mut one, other) = pair();
        drop(other);
        for _ in 0..100 {
            one.push(&[1; 160]);
            assert_eq!(turn(&mut one), None);
        }
    }
}
