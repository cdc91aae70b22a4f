//! How unevenly packets arrive: the fastest of the last seconds, and how much later than it the others are.
//!
//! A packet's transit is its arrival less its timestamp, on clocks that have nothing to do with each other; only
//! differences of it mean something.
//! The least transit of the last eight seconds is the *base*: it moves with clocks that run apart.
//! A packet's *spread* is its transit above the base, and the delay that is wanted is the spread that one packet in a
//! hundred exceeds, over the last ten to twenty seconds.

use crate::RtpTime;

/// Bins of the histogram, and the time of one.
const BINS: usize = 100;
const BIN_MS: u32 = 5;

/// Packets are counted in generations of so many; the current one and the one before it are looked at.
const GENERATION: u32 = 512;

/// The share of packets that may come too late: 1 in so many.
const LATE: u32 = 100;

/// The base is the least of so many parts of a second each.
const PARTS: usize = 8;

/// The measure of one stream.
#[derive(Clone, Debug)]
pub struct Spread {
    per_ms: u32,
    most: u32,
    /// The first packet's transit, from which all are counted.
    origin: Option<u32>,
    /// The least transits of the last seconds, the current one at `part`.
    least: [i32; PARTS],
    part: usize,
    /// When the current second began.
    since: u32,
    base: i32,
    bins: [u16; BINS],
    count: u32,
    before: [u16; BINS],
    count_before: u32,
    quantile: u32,
}

impl Spread {
    /// For a clock of so many units a millisecond. A packet that is later than `most` asks for a delay that is not to
    /// be had, and is not counted.
    pub fn new(per_ms: u32, most: u32) -> Spread {
        Spread {
            per_ms: per_ms.max(1),
            most,
            origin: None,
            least: [i32::MAX; PARTS],
            part: 0,
            since: 0,
            base: 0,
            bins: [0; BINS],
            count: 0,
            before: [0; BINS],
            count_before: 0,
            quantile: 0,
        }
    }

    /// Forget everything.
    pub fn reset(&mut self) {
        *self = Spread::new(self.per_ms, self.most);
    }

    fn transit(&self, at: u32, timestamp: RtpTime) -> i32 {
        at.wrapping_sub(timestamp.0).wrapping_sub(self.origin.unwrap_or(at.wrapping_sub(timestamp.0))) as i32
    }

    /// How much later than the fastest a packet of `timestamp` is that is there (or played) at `at`, in clock units.
    pub fn behind(&self, at: u32, timestamp: RtpTime) -> i32 {
        self.transit(at, timestamp).wrapping_sub(self.base)
    }

    /// A packet arrived. Answers its spread.
    pub fn feed(&mut self, arrival: u32, timestamp: RtpTime) -> u32 {
        if self.origin.is_none() {
            self.origin = Some(arrival.wrapping_sub(timestamp.0));
            self.since = arrival;
        }
        let transit = self.transit(arrival, timestamp);
        self.lower(arrival, transit);
        let spread = transit.wrapping_sub(self.base).max(0) as u32;
        if spread <= self.most {
            self.count_in(spread);
        }
        spread
    }

    /// Take `transit` into the current second, and find the base.
    fn lower(&mut self, arrival: u32, transit: i32) {
        let seconds = arrival.wrapping_sub(self.since) as i32 / (1_000 * self.per_ms) as i32;
        for _ in 0..seconds.clamp(0, PARTS as i32) {
            self.since = arrival;
            self.part = (self.part + 1) % PARTS;
            if let Some(part) = self.least.get_mut(self.part) {
                *part = i32::MAX;
            }
        }
        if let Some(part) = self.least.get_mut(self.part) {
            *part = transit.min(*part);
        }
        self.base = self.least.iter().copied().min().unwrap_or(transit);
    }

    fn count_in(&mut self, spread: u32) {
        let index = (spread / (BIN_MS * self.per_ms)) as usize;
        if let Some(bin) = self.bins.get_mut(index.min(BINS - 1)) {
            *bin = bin.saturating_add(1);
        }
        self.count += 1;
        if self.count >= GENERATION {
            self.before = std::mem::replace(&mut self.bins, [0; BINS]);
            self.count_before = std::mem::take(&mut self.count);
            // It falls here only: at the edge of a bin it would go up and down with every other packet.
            self.quantile = self.find();
        }
        if spread > self.quantile {
            self.quantile = self.find().max(self.quantile);
        }
    }

    fn find(&self) -> u32 {
        let mut above = (self.count + self.count_before) / LATE;
        for (index, (now, before)) in self.bins.iter().zip(&self.before).enumerate().rev() {
            match above.checked_sub(u32::from(*now) + u32::from(*before)) {
                Some(left) => above = left,
                // All of the first bin is as good as no spread at all: clocks are read that exactly.
                None if index == 0 => return 0,
                None => return (index as u32 + 1) * BIN_MS * self.per_ms,
            }
        }
        0
    }

    /// The spread that one packet in a hundred exceeds, in clock units.
    pub fn quantile(&self) -> u32 {
        self.quantile
    }

    /// Whether so many packets have come that one in a hundred can be told from none.
    pub fn is_known(&self) -> bool {
        self.count_before > 0 || self.count >= LATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    /// Packets of 20 ms at 8 kHz, each later by what `jitter` says.
    fn feed(spread: &mut Spread, packets: std::ops::Range<u32>, mut jitter: impl FnMut(u32) -> u32) {
        for n in packets {
            let sent = n.wrapping_mul(160);
            spread.feed(sent.wrapping_add(jitter(n)).wrapping_add(99), RtpTime(sent.wrapping_sub(5_000)));
        }
    }

    #[test]
    fn an_even_stream_has_no_spread() {
        let mut spread = Spread::new(8, 1_600);
        feed(&mut spread, 0..3_000, |_| 0);
        assert_eq!(spread.quantile(), 0);
    }

    #[test]
    fn one_packet_in_a_hundred_is_beyond_the_quantile() {
        let mut random = Random(1);
        let mut spread = Spread::new(8, 1_600);
        feed(&mut spread, 0..2_000, |_| random.below(60 * 8) as u32);
        assert!((55 * 8..=65 * 8).contains(&spread.quantile()), "{}", spread.quantile());
        feed(&mut spread, 2_000..5_000, |n| if n % 300 == 0 { 1_600 } else { 0 });
        assert_eq!(spread.quantile(), 0, "rare late packets ask for no delay");
    }

    #[test]
    fn a_hundred_packets_make_it_known() {
        let mut spread = Spread::new(8, 1_600);
        feed(&mut spread, 0..99, |_| 0);
        assert!(!spread.is_known());
        feed(&mut spread, 99..100, |_| 0);
        assert!(spread.is_known());
        feed(&mut spread, 100..530, |_| 0);
        assert!(spread.is_known(), "a new generation has begun");
        spread.reset();
        assert!(!spread.is_known());
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut spread = Spread::new(8, 1_600);
        feed(&mut spread, 0..500, |n| n % 2 * 800);
        assert!(spread.quantile() >= 800);
        feed(&mut spread, 500..10_000, |_| 0);
        assert_eq!(spread.quantile(), 0);
    }

    #[test]
    fn clocks_that_run_apart_are_no_spread() {
        for skew in [-1i64, 1] {
            let mut spread = Spread::new(8, 1_600);
            for n in 0..180_000i64 {
                // 200 ppm: 0.032 units a packet.
                let arrival = n * 160 + skew * n * 32 / 1_000 + 50_000;
                spread.feed(arrival as u32, RtpTime((n * 160) as u32));
            }
            assert!(spread.quantile() <= 40, "{}", spread.quantile());
            let now = 180_000 * 160 + skew * 180_000 * 32 / 1_000 + 50_000;
            assert!(spread.behind(now as u32, RtpTime(180_000 * 160)).abs() <= 16);
        }
    }

    #[test]
    fn counts_wrap() {
        let mut spread = Spread::new(8, 1_600);
        feed(&mut spread, u32::MAX / 160 - 500..u32::MAX / 160, |_| 0);
        assert_eq!(spread.quantile(), 0);
        let mut at = u32::MAX - 80_000;
        let mut spread = Spread::new(8, 1_600);
        for _ in 0..1_000 {
            at = at.wrapping_add(160);
            assert_eq!(spread.feed(at.wrapping_add(7), RtpTime(at)), 0);
        }
    }
}
