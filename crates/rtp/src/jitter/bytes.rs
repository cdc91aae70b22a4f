//! The jitter buffer: packets in as they come, samples out at an even pace.
//!
//! For codecs of one byte a sample (G.711), whose samples can be taken from any place of a packet:
//! the reader's packet time need not be the sender's, and what is missing is filled with silence *in time*.
//! All storage is made with the buffer; reading and writing allocate nothing.
//!
//! The reader stands at a point in the sender's media time and moves with each read.
//! A packet's *spare* is how far ahead of that point it arrives.
//! When a packet is late the point steps back (more delay) so that the next like it is not;
//! when for two seconds every packet had more spare than is needed, the point steps forward (less delay).

use std::time::Duration;

use super::Inserted;
use crate::{RtpTime, Seq};

/// Packets held: 640 ms of 20 ms packets.
const SLOTS: usize = 32;

/// The longest packet: 60 ms at 8 kHz.
const LONGEST: usize = 480;

#[derive(Clone, Copy, Debug)]
struct Slot {
    timestamp: RtpTime,
    seq: Seq,
    len: u16,
}

/// The buffer of one incoming stream.
pub struct Buffer {
    /// Which slots hold a packet, a bit each. The lowest free one is taken, so that an even stream lives in the
    /// first two or three and the rest of the memory is never touched.
    used: u32,
    slots: [Slot; SLOTS],
    bytes: Box<[[u8; LONGEST]; SLOTS]>,
    /// Where the reader stands; `None` until the first packet.
    at: Option<RtpTime>,
    /// Units of the clock in a millisecond.
    per_ms: u32,
    /// Delay at the start, and between which it adapts; all in clock units.
    start: u32,
    most: u32,
    /// The least spare of any packet in the current window, and how much of the window was read.
    least: i32,
    window: u32,
    late: u64,
}

impl Buffer {
    /// A buffer for a clock of `hertz` that begins with `start` of delay and never takes more than `most`.
    pub fn new(hertz: u32, start: Duration, most: Duration) -> Buffer {
        let per_ms = (hertz / 1_000).max(1);
        let units = |span: Duration| span.as_millis().min(500) as u32 * per_ms;
        Buffer {
            used: 0,
            slots: [Slot { timestamp: RtpTime(0), seq: Seq(0), len: 0 }; SLOTS],
            bytes: Box::new([[0; LONGEST]; SLOTS]),
            at: None,
            per_ms,
            start: units(start),
            most: units(most).max(units(start)),
            least: i32::MAX,
            window: 0,
            late: 0,
        }
    }

    /// Forget everything, as for a new stream.
    pub fn reset(&mut self) {
        self.used = 0;
        self.at = None;
        self.least = i32::MAX;
        self.window = 0;
    }

    /// Packets that came too late to be played.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How much is held ahead of the reader now.
    pub fn depth(&self) -> Duration {
        let Some(at) = self.at else { return Duration::ZERO };
        let ends = self.held().map(|slot| slot.end().since(at));
        Duration::from_millis((ends.max().unwrap_or(0).max(0) as u32 / self.per_ms).into())
    }

    /// A packet arrived.
    pub fn insert(&mut self, seq: Seq, timestamp: RtpTime, payload: &[u8]) -> Inserted {
        if payload.is_empty() || payload.len() > LONGEST {
            return Inserted::Unfit;
        }
        let at = *self.at.get_or_insert(timestamp.minus(self.start));
        let spare = timestamp.since(at);
        // A jump further than the buffer reaches is the sender's clock set anew, not jitter.
        let reach = (self.most + 1_000 * self.per_ms) as i32;
        if spare > reach || spare < -reach {
            self.reset();
            self.at = Some(timestamp.minus(self.start));
            return self.insert(seq, timestamp, payload);
        }
        self.least = self.least.min(spare);
        let len = payload.len() as i32;
        if spare < 0 {
            self.back((-spare) as u32);
        }
        if spare + len <= 0 {
            self.late += 1;
            return Inserted::Late;
        }
        if self.held().any(|slot| slot.seq == seq && slot.timestamp == timestamp) {
            return Inserted::Duplicate;
        }
        let index = self.free(at);
        let (Some(slot), Some(bytes)) = (self.slots.get_mut(index), self.bytes.get_mut(index)) else {
            return Inserted::Unfit;
        };
        self.used |= 1 << index;
        *slot = Slot { timestamp, seq, len: payload.len() as u16 };
        if let Some(room) = bytes.get_mut(..payload.len()) {
            room.copy_from_slice(payload);
        }
        Inserted::Kept
    }

    /// The packets that are held.
    fn held(&self) -> impl Iterator<Item = &Slot> {
        bits(self.used).filter_map(|index| self.slots.get(index))
    }

    /// A slot for one more; of a full buffer that of the oldest packet, for the newer is the better.
    fn free(&self, at: RtpTime) -> usize {
        let lowest = self.used.trailing_ones() as usize;
        if lowest < SLOTS {
            return lowest;
        }
        let oldest = self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.timestamp.since(at));
        oldest.map_or(0, |(index, _)| index)
    }

    /// Step the reader back by `lack` and a little, so far as the delay stays in bounds.
    fn back(&mut self, lack: u32) {
        let Some(at) = self.at else { return };
        // How far the newest packet is ahead is the delay that a step would lengthen.
        let newest = self.held().map(|slot| slot.timestamp.since(at)).max();
        let ahead = newest.unwrap_or(0).max(0) as u32;
        let step = (lack + 5 * self.per_ms).min(self.most.saturating_sub(ahead));
        self.at = Some(at.minus(step));
        // The window begins again: what was measured is about another delay.
        self.least = i32::MAX;
        self.window = 0;
    }

    /// The next `out.len()` samples. Places without a packet are left as they are: fill `out` with silence first.
    /// Answers how many samples were written.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let Some(at) = self.at else { return 0 };
        let want = out.len() as i32;
        let mut written = 0;
        for index in bits(self.used) {
            let (Some(slot), Some(bytes)) = (self.slots.get(index), self.bytes.get(index)) else { continue };
            // Where this packet's first sample falls in `out`.
            let first = slot.timestamp.since(at);
            let last = first + i32::from(slot.len);
            if first < want && last > 0 {
                let from = first.max(0);
                let to = last.min(want);
                let source = bytes.get((from - first) as usize..(to - first) as usize);
                let place = out.get_mut(from as usize..to as usize);
                if let (Some(source), Some(place)) = (source, place) {
                    place.copy_from_slice(source);
                    written += source.len();
                }
            }
            if last <= want {
                self.used &= !(1 << index);
            }
        }
        self.at = Some(at.plus(out.len() as u32));
        self.shrink(out.len() as u32);
        written
    }

    /// Step forward by 10 ms when two seconds passed in which every packet had at least that more than the starting
    /// delay to spare. Below the starting delay it never goes: a step is heard, and an even stream must have none.
    fn shrink(&mut self, read: u32) {
        self.window += read;
        if self.window < 2_000 * self.per_ms {
            return;
        }
        self.window = 0;
        let least = std::mem::replace(&mut self.least, i32::MAX);
        if least != i32::MAX && least >= (self.start + 10 * self.per_ms) as i32 {
            self.at = self.at.map(|at| at.plus(10 * self.per_ms));
        }
    }
}

/// The numbers of the bits that are set.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(lowest)
    })
}

impl Slot {
    fn end(&self) -> RtpTime {
        self.timestamp.plus(u32::from(self.len))
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("held", &self.used.count_ones()).field("depth", &self.depth()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn buffer() -> Buffer {
        Buffer::new(8_000, MS(40), MS(200))
    }

    /// Packet `n` of a stream of 20 ms: every sample is `n + 1`.
    fn packet(buffer: &mut Buffer, n: u16) -> Inserted {
        let payload = [(n + 1) as u8; 160];
        buffer.insert(Seq(n.wrapping_sub(3)), RtpTime(u32::from(n) * 160).minus(400), &payload)
    }

    /// 20 ms; the first sample of it, 0 for silence.
    fn read(buffer: &mut Buffer) -> u8 {
        let mut out = [0; 160];
        buffer.read(&mut out);
        assert!(out.iter().all(|sample| *sample == out[0]), "{out:?}");
        out[0]
    }

    #[test]
    fn an_even_stream_comes_out_after_the_starting_delay() {
        let mut buffer = buffer();
        let heard: Vec<u8> = (0..100)
            .map(|n| {
                assert_eq!(packet(&mut buffer, n), Inserted::Kept);
                read(&mut buffer)
            })
            .collect();
        assert_eq!(heard[..4], [0, 0, 1, 2]);
        assert_eq!(heard[99], 98);
    }

    #[test]
    fn disorder_is_put_right_and_duplicates_are_dropped() {
        let mut buffer = buffer();
        packet(&mut buffer, 0);
        packet(&mut buffer, 2);
        packet(&mut buffer, 1);
        assert_eq!(packet(&mut buffer, 2), Inserted::Duplicate);
        let heard: Vec<u8> = (0..6).map(|_| read(&mut buffer)).collect();
        assert_eq!(heard, [0, 0, 1, 2, 3, 0]);
    }

    #[test]
    fn a_lost_packet_is_silence_in_its_time() {
        let mut buffer = buffer();
        for n in [0, 1, 3, 4] {
            packet(&mut buffer, n);
        }
        let heard: Vec<u8> = (0..7).map(|_| read(&mut buffer)).collect();
        assert_eq!(heard, [0, 0, 1, 2, 0, 4, 5]);
    }

    #[test]
    fn the_readers_packet_time_need_not_be_the_senders() {
        let mut buffer = buffer();
        for n in 0..6u16 {
            buffer.insert(Seq(n), RtpTime(u32::from(n) * 240), &[n as u8 + 1; 240]);
        }
        let mut out = vec![0; 320 + 6 * 240];
        for chunk in out.chunks_mut(80) {
            buffer.read(chunk);
        }
        let expected: Vec<u8> = [0; 320].into_iter().chain((1..=6).flat_map(|n| [n; 240])).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn late_packets_make_the_delay_grow_until_they_are_in_time() {
        let mut buffer = buffer();
        let mut heard = Vec::new();
        for n in 0..200u16 {
            // From the 50th on everything is 100 ms late.
            if n < 50 {
                packet(&mut buffer, n);
            } else if n >= 55 {
                packet(&mut buffer, n - 5);
            }
            let mut out = [0; 160];
            buffer.read(&mut out);
            heard.push(out[80]);
        }
        assert!(buffer.late() <= 4, "{}", buffer.late());
        assert!(heard[60..].iter().all(|sample| *sample != 0), "{heard:?}");
        assert!(buffer.depth() <= MS(200));
    }

    #[test]
    fn the_delay_shrinks_to_the_starting_one_and_no_further() {
        let mut buffer = buffer();
        let mut out = [0; 160];
        for n in 0..3_000u16 {
            // Packet 50 comes 100 ms late, with those behind it.
            if (50..55).contains(&n) {
                buffer.read(&mut out);
                continue;
            }
            if n == 55 {
                for late in 50..55 {
                    packet(&mut buffer, late);
                }
            }
            packet(&mut buffer, n);
            buffer.read(&mut out);
            if n == 60 {
                assert!(buffer.depth() > MS(80), "{:?}", buffer.depth());
            }
        }
        assert!(buffer.depth() >= MS(40) && buffer.depth() <= MS(60), "{:?}", buffer.depth());
    }

    #[test]
    fn an_even_stream_is_never_stepped_over() {
        let mut buffer = buffer();
        for n in 0..3_000u16 {
            packet(&mut buffer, n);
            let expected = n.checked_sub(2).map_or(0, |n| (n + 1) as u8);
            assert_eq!(read(&mut buffer), expected, "frame {n}");
        }
    }

    #[test]
    fn a_sender_whose_clock_drifts_is_followed() {
        let mut buffer = buffer();
        let mut silent = 0;
        for n in 0..60_000u32 {
            // 1 in 1,000 too fast: a packet more every 1,000.
            let stamp = n * 160;
            buffer.insert(Seq(n as u16), RtpTime(stamp), &[1; 160]);
            if n % 1_000 == 999 {
                continue;
            }
            let mut out = [0; 160];
            buffer.read(&mut out);
            silent += u32::from(out.contains(&0));
        }
        assert!(buffer.depth() <= MS(80), "{:?}", buffer.depth());
        assert!(silent < 100, "{silent}");
    }

    #[test]
    fn a_pause_of_the_sender_leaves_the_delay_as_it_was() {
        let mut buffer = buffer();
        for n in 0..10 {
            packet(&mut buffer, n);
            read(&mut buffer);
        }
        for _ in 10..60 {
            read(&mut buffer);
        }
        packet(&mut buffer, 60);
        assert_eq!((read(&mut buffer), read(&mut buffer), read(&mut buffer)), (0, 0, 61));
    }

    #[test]
    fn a_jump_of_the_senders_clock_is_a_new_start() {
        let mut buffer = buffer();
        packet(&mut buffer, 0);
        buffer.insert(Seq(0xfffe), RtpTime(3_000_000_000), &[77; 160]);
        assert_eq!((read(&mut buffer), read(&mut buffer), read(&mut buffer)), (0, 0, 77));
    }

    #[test]
    fn what_cannot_be_audio_is_refused() {
        let mut buffer = buffer();
        assert_eq!(buffer.insert(Seq(0), RtpTime(0), &[]), Inserted::Unfit);
        assert_eq!(buffer.insert(Seq(0), RtpTime(0), &[0; 481]), Inserted::Unfit);
    }

    /// Over bad networks: never a panic, bounded delay, and what is heard is in order.
    #[test]
    fn any_network_is_survived_in_order_and_within_bounds() {
        for seed in 0..100 {
            let mut random = Random(seed);
            let mut buffer = buffer();
            let mut flying: Vec<(u64, u16)> = Vec::new();
            let mut last = 0;
            for tick in 0..500u64 {
                if random.below(10) > 0 {
                    flying.push((tick + random.below(6) as u64, tick as u16));
                }
                let mut n = 0;
                while n < flying.len() {
                    if flying[n].0 <= tick {
                        let (_, seq) = flying.swap_remove(n);
                        buffer.insert(Seq(seq), RtpTime(u32::from(seq) * 160), &seq.to_be_bytes().repeat(80));
                    } else {
                        n += 1;
                    }
                }
                let mut out = [0; 160];
                buffer.read(&mut out);
                assert!(buffer.depth() <= MS(660), "SEED={seed:#x}");
                // A step back may repeat part of a packet, but never one before it.
                let heard = out.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                if let Some(heard) = heard.filter(|seq| *seq > 0 && *seq < 500).max() {
                    assert!(heard + 12 > last, "SEED={seed:#x} {heard} after {last}");
                    last = heard;
                }
            }
            for _ in 0..1_000 {
                let payload = [1; 200];
                buffer.insert(
                    Seq(random.next() as u16),
                    RtpTime(random.next() as u32),
                    &payload[..random.below(201)],
                );
                buffer.read(&mut [0; 480]);
            }
        }
    }
}
