//! A bridge: what one leg hears is what the other says, whichever workers they live on.
//!
//! Each leg holds a [`Bridge`]: a ring of samples towards the other leg, and one from it, each with one writer and one
//! reader. Samples make it indifferent to codecs and packet times. What the network did to the sender's pace was put
//! right by the leg's jitter buffer before; left here are the offset of two workers' slots and their stalls.
//!
//! The reader waits until a frame is there, then takes one a turn. If it runs dry, it begins anew: a stall of the other
//! worker costs its own length once and leaves that much in store, and what stays in store for a second is dropped.

use audio::codec::Codec;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::worker::FRAME;

/// Samples in a millisecond, of every codec there is.
const MS: usize = Codec::Pcmu.rate().0 as usize / 1_000;

/// What a ring holds: the longest frame and some stalls. What finds it full is dropped.
const RING: usize = 200 * MS;

/// More than this ahead of the reader is dropped at once, down to a frame.
const MOST: usize = 80 * MS;

/// What was never needed in so many samples' time is dropped.
const WINDOW: usize = 1_000 * MS;

/// A leg's end of a bridge.
#[derive(Debug)]
pub struct Bridge {
    out: Producer<i16>,
    into: Consumer<i16>,
    /// Whether samples are being taken, or collected for a first frame.
    flowing: bool,
    /// The least that was left after a turn of the current window, and how much of the window has passed.
    least: usize,
    window: usize,
}

impl Bridge {
    /// Both ends of a new bridge, one for each leg.
    pub fn pair() -> (Bridge, Bridge) {
        let ((one_out, other_into), (other_out, one_into)) = (RingBuffer::new(RING), RingBuffer::new(RING));
        (Bridge::new(one_out, one_into), Bridge::new(other_out, other_into))
    }

    fn new(out: Producer<i16>, into: Consumer<i16>) -> Bridge {
        Bridge { out, into, flowing: false, least: usize::MAX, window: 0 }
    }

    /// What was heard, for the other leg.
    pub(crate) fn push(&mut self, heard: &[i16]) {
        let room = self.out.slots().min(heard.len());
        // Never more than there is room for.
        let _ = self.out.push_entire_slice(heard.get(..room).unwrap_or_default());
    }

    /// Fill `frame` with what the other leg hears. Whether anything was there; what was not is silence.
    pub(crate) fn fill(&mut self, codec: Codec, frame: &mut [u8]) -> bool {
        let want = frame.len().min(FRAME);
        let mut held = self.into.slots();
        if held < want {
            self.flowing = false;
        } else if !self.flowing {
            self.flowing = true;
            self.restart();
        }
        if !self.flowing {
            frame.fill(codec.silence());
            return false;
        }
        if held > want + MOST {
            self.drop_oldest(held - want);
            held = want;
        }
        let mut pcm = [0; FRAME];
        let taken = pcm.get_mut(..want).unwrap_or_default();
        // That much is there.
        let _ = self.into.pop_entire_slice(taken);
        codec.encode(taken, frame);
        self.least = self.least.min(held - want);
        self.window += want;
        if self.window >= WINDOW {
            let spare = self.least;
            self.restart();
            self.drop_oldest(spare);
        }
        true
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

    fn level(sample: i16) -> u8 {
        let mut byte = [0];
        Codec::Pcmu.encode(&[sample], &mut byte);
        byte[0]
    }

    /// A turn of 20 ms on the reading side: its first byte, `None` for silence.
    fn turn(end: &mut Bridge) -> Option<u8> {
        let mut frame = [0; 160];
        let heard = end.fill(Codec::Pcmu, &mut frame);
        heard.then_some(frame[0])
    }

    #[test]
    fn an_even_stream_passes_with_no_more_than_a_frame_in_store() {
        let (mut one, mut other) = Bridge::pair();
        assert_eq!(turn(&mut other), None);
        for n in 1..500 {
            one.push(&[n * 8; 160]);
            assert_eq!(turn(&mut other), Some(level(n * 8)));
        }
    }

    #[test]
    fn frames_of_other_lengths_are_cut_anew() {
        let (mut one, mut other) = Bridge::pair();
        let mut sent = Vec::new();
        let mut heard = Vec::new();
        for n in 0..60i16 {
            let frame: Vec<i16> = (0..480).map(|s| (n * 480 + s).wrapping_mul(2)).collect();
            one.push(&frame);
            sent.extend(frame);
            for _ in 0..6 {
                let mut frame = [0; 80];
                if other.fill(Codec::Pcma, &mut frame) {
                    heard.extend(frame);
                }
            }
        }
        let mut expected = vec![0; sent.len()];
        Codec::Pcma.encode(&sent, &mut expected);
        assert_eq!(heard, expected);
    }

    #[test]
    fn a_stall_costs_its_length_once_and_its_delay_is_gone_after_a_while() {
        let (mut one, mut other) = Bridge::pair();
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
                52..100 => assert_eq!(heard, Some(level((n - 2) * 8)), "nothing is lost at {n}"),
                110.. => assert_eq!(heard, Some(level(n * 8)), "caught up at {n}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_reader_that_stalls_hears_the_newest() {
        let (mut one, mut other) = Bridge::pair();
        for n in 1..=100 {
            one.push(&[n * 8; 160]);
        }
        let first = turn(&mut other).unwrap();
        assert_eq!(first, level(80), "the ring was full: the newest of what it took");
        one.push(&[900; 160]);
        assert_eq!(turn(&mut other), Some(level(900)));
    }

    #[test]
    fn an_end_whose_other_is_gone_is_silent_and_takes_what_it_is_given() {
        let (mut one, other) = Bridge::pair();
        drop(other);
        for _ in 0..100 {
            one.push(&[1; 160]);
            assert_eq!(turn(&mut one), None);
        }
    }
}
