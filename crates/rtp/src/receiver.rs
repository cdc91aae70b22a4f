//! What a receiver knows of a stream: order, loss and jitter as RFC 3550 A.1, A.3 and A.8 compute them.

use std::time::Duration;

use crate::burst::Bursts;
use crate::rtcp::ReportBlock;
use crate::{RtpTime, Seq};

/// RFC 3550 A.1: a jump forward of at most this is loss; more is a new start.
const MAX_DROPOUT: i32 = 3_000;

/// RFC 3550 A.1: a jump back of less than this is disorder; more is a new start.
pub const MAX_MISORDER: i32 = 100;

/// What came so many numbers after a packet, or more, makes it too old to be told from one that came before.
pub const REMEMBERED: i32 = u64::BITS as i32;

/// A packet that is so many behind the newest will not come any more, for the count of bursts.
const SETTLED: u32 = 15;

/// A packet that is later than the one before by so many milliseconds follows a pause, or a clock set anew.
const SWING_MS: u32 = 200;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest so far.
    Newest,
    /// After a later one, and not seen before.
    Late,
    /// Seen before.
    Duplicate,
    /// The sequence began anew; counters of loss start over.
    Restart,
    /// Far off the sequence: dropped, unless its successor is the next to come.
    Stray,
}

/// The statistics of one incoming stream (one SSRC).
#[derive(Clone, Debug)]
pub struct Receiver {
    ssrc: u32,
    clock: u32,
    /// The sequence number the counting began with, and the highest, both extended by their wraps.
    base: u32,
    highest: u32,
    /// After a stray: the sequence number that would prove it a new start.
    bad: Option<Seq>,
    /// Bit n tells whether `highest - n` came.
    seen: u64,
    /// Counted as in A.3: duplicates included, since the last restart.
    received: u32,
    /// Lost before the last restart.
    lost_before: i64,
    prior: Option<(u32, u32)>,
    /// The last packet's transit time in clock units, if there was one.
    transit: Option<u32>,
    /// Jitter in sixteenths of a clock unit, as in A.8.
    jitter: u32,
    /// The most that a packet was later than the one before, lately, in sixteenths too.
    swing: u32,
    duplicates: u64,
    out_of_order: u64,
    packets: u64,
    bursts: Bursts,
}

impl Receiver {
    /// Begin with the stream's first packet, which [`receive`](Receiver::receive) must then be told of.
    /// `clock` is the payload's clock in hertz.
    pub fn new(ssrc: u32, first: Seq, clock: u32) -> Receiver {
        // One wrap in hand, so that a packet from before the first has a number too.
        let base = (1 << 16) | u32::from(first.0);
        Receiver {
            ssrc,
            clock,
            base,
            highest: base.wrapping_sub(1),
            bad: None,
            seen: 0,
            received: 0,
            lost_before: 0,
            prior: None,
            transit: None,
            jitter: 0,
            swing: 0,
            duplicates: 0,
            out_of_order: 0,
            packets: 0,
            bursts: Bursts::default(),
        }
    }

    /// Whose stream it is.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Timestamps and arrivals count by another clock from here on, as after a change of codec: jitter begins anew.
    pub fn set_clock(&mut self, clock: u32) {
        if clock != self.clock {
            (self.clock, self.transit, self.jitter, self.swing) = (clock, None, 0, 0);
        }
    }

    /// Count a packet. `arrival` is the time on any steady clock, in units of the payload's clock;
    /// see [`time::units`](crate::time::units). `timed` is false for packets whose timestamp is not that of their
    /// sampling, as those of RFC 4733: they do not count for jitter.
    pub fn receive(&mut self, seq: Seq, timestamp: RtpTime, arrival: u32, timed: bool) -> Order {
        let step = self.step(seq);
        let order = self.order(seq);
        match order {
            Order::Newest => {
                self.settle(step as u32);
                self.highest = self.highest.wrapping_add(step as u32);
                self.seen = if step < REMEMBERED { self.seen << step | 1 } else { 1 };
            }
            Order::Late => self.fill_in(step.unsigned_abs()),
            Order::Duplicate => {}
            Order::Restart => self.restart(seq),
            Order::Stray => {
                self.bad = Some(seq.plus(1));
                return Order::Stray;
            }
        }
        self.bad = None;
        self.received = self.received.wrapping_add(1);
        self.packets += 1;
        match order {
            Order::Duplicate => self.duplicates += 1,
            Order::Late => self.out_of_order += 1,
            Order::Newest if timed => self.time(timestamp, arrival),
            _ => {}
        }
        order
    }

    fn step(&self, seq: Seq) -> i32 {
        i32::from(seq.since(Seq(self.highest as u16)))
    }

    /// What a packet of this number would be if it came now.
    #[inline]
    pub fn order(&self, seq: Seq) -> Order {
        let step = self.step(seq);
        if step > 0 && step < MAX_DROPOUT {
            Order::Newest
        } else if step <= 0 && step > -MAX_MISORDER {
            // Before the first packet there is nothing to compare with; beyond the window a packet is taken as new.
            let bit = 1u64.checked_shl(step.unsigned_abs()).unwrap_or(0);
            if self.seen & bit != 0 { Order::Duplicate } else { Order::Late }
        } else if self.bad == Some(seq) {
            Order::Restart
        } else {
            Order::Stray
        }
    }

    /// The window moves on by `step`: what leaves it came, or is lost for good.
    fn settle(&mut self, step: u32) {
        for moved in 0..step {
            // A long loss goes through the window whole.
            let back = SETTLED.wrapping_sub(moved);
            let came = back < 64 && self.seen >> back & 1 != 0;
            if came {
                self.bursts.came();
            } else if self.highest.wrapping_sub(self.base) as i32 >= SETTLED as i32 - moved as i32 {
                self.bursts.lost();
            }
        }
    }

    /// How losses cluster, as far as it is certain that they are.
    pub fn bursts(&self) -> &Bursts {
        &self.bursts
    }

    /// One came that is so far behind the newest.
    fn fill_in(&mut self, back: u32) {
        self.seen |= 1u64.checked_shl(back).unwrap_or(0);
        if self.highest.wrapping_sub(back) < self.base {
            self.base = self.highest.wrapping_sub(back);
        }
    }

    fn restart(&mut self, seq: Seq) {
        self.lost_before = self.lost();
        self.base = (1 << 16) | u32::from(seq.0);
        self.highest = self.base;
        self.seen = 1;
        self.received = 0;
        self.prior = None;
        self.transit = None;
    }

    /// RFC 3550 A.8, with the jitter in sixteenths.
    fn time(&mut self, timestamp: RtpTime, arrival: u32) {
        let transit = arrival.wrapping_sub(timestamp.0);
        if let Some(last) = self.transit.replace(transit) {
            let d = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A timestamp that jumps by more than two seconds is another recording, not jitter.
            if d < self.clock.saturating_mul(2) {
                self.jitter = self.jitter.wrapping_add(d).wrapping_sub((self.jitter + 8) >> 4);
            }
            // Half of it is forgotten in 177 packets.
            self.swing -= self.swing >> 8;
            if d < self.clock / 1_000 * SWING_MS {
                self.swing = self.swing.max(d << 4);
            }
        }
    }

    /// Packets counted, duplicates included.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets that came twice.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that came after a later one.
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// RFC 3550 A.3: packets expected less packets received; duplicates can make it negative.
    pub fn lost(&self) -> i64 {
        self.lost_before + i64::from(self.expected()) - i64::from(self.received)
    }

    /// The highest sequence number with its wraps, as reports carry it.
    pub fn highest(&self) -> u32 {
        self.highest.wrapping_sub(1 << 16)
    }

    /// Interarrival jitter in clock units.
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// The most that a packet was later or sooner after the one before than it was sent, lately.
    pub fn swing(&self) -> Duration {
        let micros = u64::from(self.swing >> 4) * 1_000_000 / u64::from(self.clock.max(1));
        Duration::from_micros(micros)
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        self.jitter as f32 / 16.0 * 1_000.0 / self.clock.max(1) as f32
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    /// Whether packets have come since the last report (RFC 3550 §6.4: other sources are not reported on).
    pub fn has_news(&self) -> bool {
        self.prior.is_none_or(|(_, received)| received != self.received)
    }

    /// The block for a report, and the beginning of the next interval. `last_sr` and `delay` are those of the
    /// last sender report (RFC 3550 §6.4.1), zero if there was none.
    pub fn report(&mut self, last_sr: u32, delay: u32) -> ReportBlock {
        let (expected, received) = (self.expected(), self.received);
        let (prior_expected, prior_received) = self.prior.replace((expected, received)).unwrap_or((0, 0));
        let due = expected.wrapping_sub(prior_expected);
        let came = received.wrapping_sub(prior_received);
        let missing = due.wrapping_sub(came) as i32;
        let fraction =
            if due == 0 || missing <= 0 { 0 } else { ((missing as u64) << 8).div_euclid(u64::from(due)) };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            // 24 bits, signed: RFC 3550 §6.4.1.
            lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_seq: self.highest(),
            jitter: self.jitter(),
            last_sr,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    /// Feed sequence numbers, 20 ms apart and on time; answers what each was.
    fn feed(receiver: &mut Receiver, seqs: &[u16]) -> Vec<Order> {
        seqs.iter()
            .map(|s| {
                let t = u32::from(*s) * 160;
                receiver.receive(Seq(*s), RtpTime(t), t.wrapping_add(4_000), true)
            })
            .collect()
    }

    #[test]
    fn loss_is_expected_less_received() {
        let mut receiver = Receiver::new(9, Seq(100), 8_000);
        feed(&mut receiver, &[100, 101, 104, 105]);
        assert_eq!(receiver.lost(), 2);
        let block = receiver.report(1, 2);
        assert_eq!((block.ssrc, block.fraction_lost, block.lost), (9, 85, 2));
        assert_eq!((block.highest_seq, block.jitter, block.last_sr, block.delay), (105, 0, 1, 2));
        feed(&mut receiver, &[106, 107]);
        let block = receiver.report(0, 0);
        assert_eq!((block.fraction_lost, block.lost), (0, 2), "the fraction is of the last interval");
    }

    #[test]
    fn disorder_and_duplicates_are_told_apart() {
        let mut receiver = Receiver::new(1, Seq(10), 8_000);
        use Order::*;
        assert_eq!(
            feed(&mut receiver, &[10, 12, 11, 11, 12, 13]),
            [Newest, Newest, Late, Duplicate, Duplicate, Newest]
        );
        assert_eq!((receiver.out_of_order(), receiver.duplicates()), (1, 2));
    }

    #[test]
    fn the_first_two_may_change_places() {
        let mut receiver = Receiver::new(1, Seq(11), 8_000);
        assert_eq!(feed(&mut receiver, &[11, 10, 12]), [Order::Newest, Order::Late, Order::Newest]);
        assert_eq!(receiver.lost(), 0);
    }

    #[test]
    fn losses_are_counted_in_bursts_when_they_are_certain() {
        let mut receiver = Receiver::new(1, Seq(65_500), 8_000);
        let lost = |n: u16| n == 60 || (100..104).contains(&n) || (200..260).contains(&n);
        for n in (0..400).filter(|n| !lost(*n)) {
            feed(&mut receiver, &[n.wrapping_add(65_500)]);
        }
        assert_eq!(receiver.bursts().losses(), 65);
        let mut receiver = Receiver::new(1, Seq(0), 8_000);
        feed(&mut receiver, &[0, 2, 1, 3, 5, 6, 4]);
        feed(&mut receiver, &(7..60).collect::<Vec<u16>>());
        assert_eq!(receiver.bursts().losses(), 0, "disorder is no loss");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut receiver = Receiver::new(1, Seq(65_534), 8_000);
        feed(&mut receiver, &[65_534, 65_535, 1]);
        assert_eq!(receiver.lost(), 1);
        assert_eq!(receiver.highest(), 0x1_0001);
    }

    #[test]
    fn a_lone_stray_is_dropped_and_two_in_a_row_are_a_new_start() {
        let mut receiver = Receiver::new(1, Seq(100), 8_000);
        use Order::*;
        assert_eq!(feed(&mut receiver, &[100, 40_000, 101]), [Newest, Stray, Newest]);
        assert_eq!(feed(&mut receiver, &[20_000, 20_001, 20_002]), [Stray, Restart, Newest]);
        assert_eq!(receiver.lost(), 0);
    }

    #[test]
    fn the_swing_is_that_of_the_latest_packet_and_is_forgotten() {
        let mut receiver = Receiver::new(1, Seq(0), 8_000);
        let mut hear = |packets: std::ops::Range<u32>, late: u32| {
            for n in packets {
                receiver.receive(Seq(n as u16), RtpTime(n * 160), n * 160 + late, true);
            }
            receiver.swing().as_millis()
        };
        assert_eq!(hear(0..100, 0), 0);
        assert_eq!(hear(100..101, 40 * 8), 40);
        assert!((25..40).contains(&hear(101..150, 0)));
        assert!(hear(150..1_500, 0) < 5);
        assert!(hear(1_500..1_510, 1_000 * 8) < 5, "a pause is no jitter");
    }

    #[test]
    fn another_clock_is_no_jitter() {
        let mut receiver = Receiver::new(1, Seq(0), 8_000);
        let feed = |receiver: &mut Receiver, packets: std::ops::Range<u32>, ticks: u32| {
            for n in packets {
                receiver.receive(Seq(n as u16), RtpTime(n * ticks), n * ticks + n % 2 * ticks / 2, true);
            }
        };
        feed(&mut receiver, 0..500, 160);
        let before = receiver.jitter_ms();
        receiver.set_clock(8_000);
        assert_eq!(receiver.jitter_ms(), before);
        receiver.set_clock(48_000);
        assert_eq!((receiver.jitter(), receiver.lost()), (0, 0));
        feed(&mut receiver, 500..1_000, 960);
        assert!((receiver.jitter_ms() - before).abs() < 0.2, "{} as {before}", receiver.jitter_ms());
        assert_eq!(receiver.lost(), 0);
    }

    #[test]
    fn a_source_that_fell_silent_has_no_news() {
        let mut receiver = Receiver::new(1, Seq(0), 8_000);
        feed(&mut receiver, &[0, 1, 2]);
        assert!(receiver.has_news());
        receiver.report(0, 0);
        assert!(!receiver.has_news());
        feed(&mut receiver, &[3]);
        assert!(receiver.has_news());
    }

    #[test]
    fn jitter_settles_at_the_mean_deviation() {
        let mut receiver = Receiver::new(1, Seq(0), 8_000);
        for n in 0..2_000u32 {
            // Alternately 10 ms early and late: each differs from the last by 160 units.
            let arrival = n * 160 + if n % 2 == 0 { 0 } else { 160 };
            receiver.receive(Seq(n as u16), RtpTime(n * 160), arrival, true);
        }
        assert!((155..=160).contains(&receiver.jitter()), "{}", receiver.jitter());
        assert!((19.0..=20.0).contains(&receiver.jitter_ms()));
    }

    #[test]
    fn any_sequence_is_survived_and_counted_as_foreseen() {
        let mut random = Random(7);
        for _ in 0..300 {
            let mut receiver = Receiver::new(1, Seq(random.next() as u16), 8_000);
            for _ in 0..300 {
                let near = receiver.highest() as u16;
                let seq = match random.below(5) {
                    0 => Seq(random.next() as u16),
                    1 => receiver.bad.unwrap_or(Seq(near)),
                    _ => Seq(near.wrapping_add(random.below(7) as u16).wrapping_sub(3)),
                };
                let foreseen = receiver.order(seq);
                let (timestamp, arrival) = (RtpTime(random.next() as u32), random.next() as u32);
                assert_eq!(receiver.receive(seq, timestamp, arrival, true), foreseen);
                if random.below(20) == 0 {
                    receiver.report(0, 0);
                }
            }
        }
    }
}
