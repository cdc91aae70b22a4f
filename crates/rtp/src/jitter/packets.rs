//! A jitter buffer of packets, for any codec.
//!
//! The reader stands at a point in the sender's media time and moves with what it takes; what comes in is put in order
//! by timestamps, and sequence numbers tell a loss from a pause.
//! When nothing is there the reader goes on in time; a packet that was only late takes it back, so that nothing is
//! lost to a wait, and the delay has grown by that much.
//! In silence, at the start and after a pause, the reader is put where the wanted delay has it.
//! In the middle of sound only the reader of samples can change the delay: [`Packets::excess`] tells it by how much.
//!
//! All times are in units of the payload's clock. `arrival` and `now` are of any steady clock, the same for both;
//! see [`time::units`](crate::time::units).

mod giving;

use std::time::Duration;

use super::spread::Spread;
use super::store::{Slot, Store};
use super::{Delay, Inserted, Kind, Next};
use crate::{RtpTime, Seq};

/// So many packets in a row that are too late for any delay, over so many milliseconds, are a clock set anew.
const LATE_RUN: u32 = 5;
const LATE_RUN_MS: u32 = 80;

/// After so much without sound there is nothing left that a jump could be heard in.
const SILENT_MS: u32 = 60;

/// A jump of more than this beyond the greatest delay is a clock set anew.
const REACH_MS: u32 = 1_000;

/// A number that is further back than this is no packet on a detour but another beginning (RFC 3550 A.1).
const MISORDER: i16 = -100;

/// So many packets may be missing in a stream whose timestamps jump.
const MISSING: i16 = 50;

/// The buffer of one incoming stream.
pub struct Packets {
    store: Store,
    spread: Spread,
    per_ms: u32,
    start: u32,
    least: u32,
    most: u32,
    /// Where the reader stands; `None` until the first packet.
    at: Option<RtpTime>,
    /// Up to where the reader has had its sound, for good.
    floor: RtpTime,
    /// The last packet taken, or counted as lost.
    last: Option<Seq>,
    /// Which of the numbers after `last` carried no sound, a bit each.
    mute: u64,
    /// The newest packet of sound: its number and its end.
    newest: (Seq, RtpTime),
    /// What is added to the sender's timestamps, since it set its clock anew.
    shift: u32,
    /// What the last packet lasted.
    usual: u32,
    /// Time since the last sound, and whether sound came into a silence.
    silent: u32,
    fresh: bool,
    /// How many packets in a row were too late, and when the first of them came.
    too_late: (u32, u32),
    late: u64,
    lost: u64,
}

impl Packets {
    /// A buffer for a clock of `hertz` and payloads of at most `longest` bytes. All memory is asked for here: 64 blocks,
    /// of `block` bytes if that is sensible. A packet lies in one or more of them; a block that has 10 ms of sound
    /// makes that 640 ms of any packet time.
    pub fn new(hertz: u32, block: usize, longest: usize, delay: Delay) -> Packets {
        let per_ms = (hertz / 1_000).max(1);
        let units = |span: Duration| span.as_millis().min(500) as u32 * per_ms;
        let most = units(delay.most).max(units(delay.start));
        Packets {
            store: Store::new(block, longest.clamp(1, 1_500)),
            spread: Spread::new(per_ms, most),
            per_ms,
            start: units(delay.start),
            least: units(delay.least),
            most,
            at: None,
            floor: RtpTime(0),
            last: None,
            mute: 0,
            newest: (Seq(0), RtpTime(0)),
            shift: 0,
            usual: 20 * per_ms,
            silent: 0,
            fresh: false,
            too_late: (0, 0),
            late: 0,
            lost: 0,
        }
    }

    /// Who shares these packets with who has `other`, of the same codec, waits for them no longer than that one.
    pub fn hurry(&mut self, other: &Packets) {
        self.start = self.start.min(other.start);
        self.least = self.least.min(other.least);
        self.most = self.most.min(other.most);
    }

    /// Forget everything but the counters, as for a new stream.
    pub fn reset(&mut self) {
        self.store.clear();
        self.spread.reset();
        self.at = None;
        self.last = None;
        self.mute = 0;
        self.shift = 0;
        self.silent = 0;
        self.fresh = false;
        self.too_late = (0, 0);
    }

    /// A packet came at `arrival`.
    pub fn insert(
        &mut self,
        arrival: u32,
        seq: Seq,
        timestamp: RtpTime,
        kind: Kind,
        payload: &[u8],
    ) -> Inserted {
        let (units, format) = match kind {
            Kind::Sound { units, format } => (units.min(u16::MAX.into()), format),
            Kind::Noise => (0, 0),
        };
        if payload.is_empty() || !self.store.fits(payload) || (units == 0 && kind != Kind::Noise) {
            return Inserted::Unfit;
        }
        let mut timestamp = timestamp.plus(self.shift);
        let Some(at) = self.at else {
            self.begin(arrival, seq, timestamp);
            return self.keep(seq, timestamp, (units, format), payload);
        };
        match self.last.map_or(1, |last| seq.since(last)) {
            MISORDER..=0 => return self.count_late(),
            i16::MIN..MISORDER => timestamp = self.begin_anew(arrival, seq, timestamp),
            _ => {}
        }
        if timestamp.since(at).unsigned_abs() > self.most + REACH_MS * self.per_ms {
            timestamp = match self.set_anew(seq, timestamp) {
                Some(shifted) => shifted,
                None => self.begin_anew(arrival, seq, timestamp),
            };
        }
        if units > 0 {
            self.spread.feed(arrival, timestamp);
        }
        if self.store.held().any(|(_, slot)| slot.seq == seq || (units > 0 && slot.timestamp == timestamp)) {
            return Inserted::Duplicate;
        }
        match self.place(arrival, seq, timestamp, units) {
            Some(timestamp) => self.keep(seq, timestamp, (units, format), payload),
            None => self.count_late(),
        }
    }

    /// A packet of the stream that carries no sound, as a key does: its number is not missing.
    pub fn mute(&mut self, seq: Seq) {
        let Some(last) = self.last else { return };
        let ahead = seq.since(last);
        if (1..=64).contains(&ahead) {
            self.mute |= 1 << (ahead - 1);
        }
    }

    fn begin(&mut self, arrival: u32, seq: Seq, timestamp: RtpTime) {
        self.spread.feed(arrival, timestamp);
        let at = timestamp.minus(self.start);
        self.at = Some(at);
        self.floor = at;
        self.newest = (seq, timestamp);
    }

    /// Neither number nor timestamp fits what was: another recording. Answers its own timestamp.
    fn begin_anew(&mut self, arrival: u32, seq: Seq, timestamp: RtpTime) -> RtpTime {
        let own = timestamp.minus(self.shift);
        self.reset();
        self.begin(arrival, seq, own);
        own
    }

    fn count_late(&mut self) -> Inserted {
        self.late += 1;
        Inserted::Late
    }

    fn keep(&mut self, seq: Seq, timestamp: RtpTime, (units, format): (u32, u8), payload: &[u8]) -> Inserted {
        if !self.store.put(seq, timestamp, (units as u16, format), payload, self.at.unwrap_or(timestamp)) {
            return Inserted::Unfit;
        }
        self.too_late.0 = 0;
        let end = timestamp.plus(units);
        if seq.since(self.newest.0) >= 0 {
            self.newest = (seq, end);
        }
        Inserted::Kept
    }

    /// The sender's timestamps jumped: where its next packet belongs, if its number says that it is the next one.
    fn set_anew(&mut self, seq: Seq, timestamp: RtpTime) -> Option<RtpTime> {
        let ahead = seq.since(self.newest.0);
        if !(1..=MISSING).contains(&ahead) {
            return None;
        }
        let at = self.at?;
        let missing = (ahead - 1) as u32 * self.usual;
        let end = self.newest.1.plus(missing);
        // Where sound still runs it goes on without a seam; after a pause it begins with the wanted delay.
        let place = if end.since(at) >= 0 { end } else { at.plus(self.wanted()) };
        self.shift = self.shift.wrapping_add(place.since(timestamp) as u32);
        Some(place)
    }

    /// Where a packet belongs, and the reader with it; `None` if its time is over.
    fn place(&mut self, arrival: u32, seq: Seq, timestamp: RtpTime, units: u32) -> Option<RtpTime> {
        let at = self.at?;
        let behind = self.spread.behind(arrival, timestamp);
        let quiet = self.silent >= SILENT_MS * self.per_ms && self.store.is_empty();
        self.fresh |= units > 0 && quiet;
        if timestamp.since(at) >= 0 || units == 0 {
            return Some(timestamp);
        }
        if timestamp.since(self.floor) >= 0 && behind <= self.most as i32 {
            // The reader waited for it.
            self.at = Some(timestamp);
            return Some(timestamp);
        }
        if timestamp.plus(units).since(at) > 0 && timestamp.since(self.floor) >= 0 {
            return Some(timestamp);
        }
        if self.too_late.0 == 0 {
            self.too_late.1 = arrival;
        }
        self.too_late.0 += 1;
        let lasting = arrival.wrapping_sub(self.too_late.1) as i32;
        if self.too_late.0 < LATE_RUN || lasting < (LATE_RUN_MS * self.per_ms) as i32 {
            return None;
        }
        // Not the network but the sender's clock, which a pause may have stopped.
        Some(self.set_anew(seq, timestamp).unwrap_or_else(|| self.begin_anew(arrival, seq, timestamp)))
    }

    /// What there is next. The reader, at `now`, wants `want` units and gets so many, or fewer, or more, and stands
    /// behind them then.
    pub fn next(&mut self, now: u32, want: u32) -> Next<'_> {
        let Some(at) = self.at else { return Next::Pause(want) };
        let Some((index, slot)) = self.store.front(at) else {
            // In steps of 10 ms, which every codec can conceal.
            let step = 10 * self.per_ms;
            let units = want.max(1).next_multiple_of(step).min(self.usual.max(step));
            self.at = Some(at.plus(units));
            self.silent = self.silent.saturating_add(units);
            // Keys came instead of sound.
            return if self.mute & 1 != 0 { Next::Pause(units) } else { Next::Wait(units) };
        };
        let mut gap = slot.timestamp.since(at).max(0) as u32;
        if self.fresh {
            // Nothing is heard: sound begins with just the delay that is wanted.
            gap = gap.saturating_add_signed(self.excess(now).saturating_neg());
        }
        let at = slot.timestamp.minus(gap);
        if gap == 0 {
            return self.take(index, slot, at);
        }
        if let Some(lost) = self.missing(slot.seq) {
            self.fresh = false;
            // As long as the packets are; but after a tiny one, not so little that a frame takes a hundred of them.
            let units = self.usual.max(5 * self.per_ms).min(gap);
            self.advance(lost);
            self.floor = at.plus(units);
            self.at = Some(self.floor);
            self.silent = self.silent.saturating_add(units);
            self.lost += 1;
            let follows = lost.plus(1) == slot.seq && units == gap && !slot.is_noise();
            let next = follows.then(|| (slot.format, self.store.payload(index, &slot)));
            return Next::Lost { units, next };
        }
        // A pause is the place to give up delay that is not needed.
        gap -= self.excess(now).clamp(0, gap as i32) as u32;
        if (self.fresh || self.last.is_none()) && gap < want {
            // Sound that would begin inside a frame has to be here when the frame does: what is left of its last packet
            // would wait for the next frame each time, and be of no use to a packet that is late.
            let enough = self.spread.behind(now, slot.timestamp) >= self.least_margin() as i32;
            gap = if enough && 2 * gap <= want { 0 } else { want };
        }
        let at = slot.timestamp.minus(gap);
        if gap == 0 {
            return self.take(index, slot, at);
        }
        let units = gap.min(want.max(1));
        self.at = Some(at.plus(units));
        self.silent = self.silent.saturating_add(units);
        Next::Pause(units)
    }

    fn take(&mut self, index: usize, slot: Slot, at: RtpTime) -> Next<'_> {
        self.store.free(index);
        self.fresh = false;
        let in_order = self.missing(slot.seq).is_none();
        self.advance(slot.seq);
        if slot.is_noise() {
            return Next::Noise(self.store.payload(index, &slot));
        }
        // Of two packets that overlap the second is heard whole.
        let end = slot.end();
        let paused = in_order && slot.timestamp.since(self.floor) > 0;
        self.floor = if end.since(at) > 0 { end } else { at };
        self.at = Some(self.floor);
        self.usual = slot.units.into();
        self.silent = 0;
        Next::Packet { payload: self.store.payload(index, &slot), format: slot.format, paused }
    }

    /// The first number that is missing between the last packet and that of `seq`.
    fn missing(&self, seq: Seq) -> Option<Seq> {
        let last = self.last?;
        let first = last.plus(self.mute.trailing_ones() as u16 + 1);
        (seq.since(first) > 0).then_some(first)
    }

    fn advance(&mut self, to: Seq) {
        let steps = self.last.map_or(64, |last| to.since(last).clamp(0, 64) as u32);
        self.mute = self.mute.checked_shr(steps).unwrap_or(0);
        self.last = Some(to);
    }

    /// The delay that the network asks for, within the bounds.
    fn wanted(&self) -> u32 {
        self.spread.quantile().max(self.least_now()).min(self.most)
    }

    /// The least delay, however even the network seems.
    fn least_now(&self) -> u32 {
        if self.spread.is_known() { self.least } else { self.start }
    }

    /// With less than this a packet is likely to be too late.
    fn least_margin(&self) -> u32 {
        self.spread.quantile().max(self.least_now() / 2).min(self.most)
    }

    /// How much longer than wanted the delay is, negative if it is shorter: for a reader who is about to take, at
    /// `now`, the next packet.
    pub fn excess(&self, now: u32) -> i32 {
        let Some(at) = self.at else { return 0 };
        self.spread.behind(now, at).wrapping_sub(self.wanted() as i32)
    }

    /// How much longer the delay is than it must be at the least, negative if it is shorter: what the jitter asks for,
    /// and half of the least delay. The reader is as in [`excess`](Packets::excess).
    pub fn margin(&self, now: u32) -> i32 {
        let Some(at) = self.at else { return 0 };
        self.spread.behind(now, at).wrapping_sub(self.least_margin() as i32)
    }

    /// How far behind the fastest packet sound is played at `now`, if of what was taken `ahead` is not yet played.
    pub fn delay(&self, now: u32, ahead: u32) -> Duration {
        let Some(at) = self.at else { return Duration::ZERO };
        self.span(self.spread.behind(now, at.minus(ahead)))
    }

    /// The delay that is wanted.
    pub fn target(&self) -> Duration {
        self.span(self.wanted() as i32)
    }

    /// The most delay there will be.
    pub fn most(&self) -> Duration {
        self.span(self.most as i32)
    }

    /// How much is held ahead of the reader.
    pub fn depth(&self) -> Duration {
        let Some(at) = self.at else { return Duration::ZERO };
        let ends = self.store.held().map(|(_, slot)| slot.end().since(at));
        self.span(ends.max().unwrap_or(0))
    }

    fn span(&self, units: i32) -> Duration {
        Duration::from_millis((units.max(0) as u32 / self.per_ms).into())
    }

    /// Whether the next `units` are here without a gap.
    pub fn is_whole(&self, units: u32) -> bool {
        let Some(mut at) = self.at else { return false };
        let end = at.plus(units);
        while end.since(at) > 0 {
            let here = self.store.held().find(|(_, slot)| slot.timestamp == at && !slot.is_noise());
            let Some((_, slot)) = here else { return false };
            at = slot.end();
        }
        true
    }

    /// Packets that came too late to be played.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Packets that were not there when their time came, though later ones were.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The bytes asked for at the start.
    pub fn reserved(&self) -> usize {
        self.store.reserved()
    }

    /// Bytes of that that were ever touched.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        self.store.touched()
    }
}

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packets").field("held", &self.store.len()).field("depth", &self.depth()).finish()
    }
}
