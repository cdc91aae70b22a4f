//! How losses cluster: bursts and gaps as RFC 3611 §4.7.2 has them, counted by the chain of its appendix A.2.
//!
//! A gap is a stretch in which at least [`GMIN`] packets came between any two that did not; the rest are bursts.

/// Packets between two losses that make them two and not one burst: the value that RFC 3611 §4.7.2 recommends.
pub const GMIN: u8 = 16;

/// The counts of one stream; names after the transitions of RFC 3611 A.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// Packets since the last loss.
    came: u32,
    /// Losses in a row that may be a burst.
    lost: u32,
    c11: u64,
    c13: u64,
    c14: u64,
    c22: u64,
    c23: u64,
    c33: u64,
    /// Losses, and runs of losses without a packet between them.
    all: u64,
    runs: u64,
}

/// What they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clusters {
    /// The share of packets that are lost within bursts, 0 to 1 …
    pub burst_density: f32,
    /// … and in the gaps between them.
    pub gap_density: f32,
    /// The mean length of bursts, in packets …
    pub burst: f32,
    /// … and of the gaps between them.
    pub gap: f32,
    /// How many losses follow each other, relative to as many at random: 1 is random, more is bursty (G.107's BurstR).
    pub ratio: f32,
}

impl Bursts {
    /// The next packet came.
    pub fn came(&mut self) {
        self.came = self.came.saturating_add(1);
    }

    /// The next packet did not come.
    pub fn lost(&mut self) {
        self.all += 1;
        self.runs += u64::from(self.came > 0 || self.all == 1);
        if self.came >= GMIN.into() {
            if self.lost == 1 {
                self.c14 += 1;
            } else {
                self.c13 += 1;
            }
            self.lost = 1;
            self.c11 += u64::from(self.came);
        } else {
            self.lost += 1;
            if self.came == 0 {
                self.c33 += 1;
            } else {
                self.c23 += 1;
                self.c22 += u64::from(self.came - 1);
            }
        }
        self.came = 0;
    }

    /// Packets that did not come.
    pub fn losses(&self) -> u64 {
        self.all
    }

    /// The figures so far.
    pub fn clusters(&self) -> Clusters {
        let f = |count: u64| count as f32;
        // What came since the last loss belongs to a gap if it is long enough.
        let c11 = f(self.c11) + if self.came >= GMIN.into() { self.came as f32 } else { 0.0 };
        let (c13, c14, c22, c23, c33) = (f(self.c13), f(self.c14), f(self.c22), f(self.c23), f(self.c33));
        let over = |part: f32, whole: f32| if whole > 0.0 { part / whole } else { 0.0 };
        let total = c11 + c14 + 2.0 * c13 + c22 + 2.0 * c23 + c33;
        let p32 = over(c23, c13 + c23 + c33);
        let p23 = if c22 + c23 < 1.0 { 1.0 } else { 1.0 - c22 / (c22 + c23) };
        let in_bursts = c22 + c23 + c33 > 0.0;
        let gap = if c13 > 0.0 { (c11 + c14 + c13) / c13 } else { c11 + c14 };
        let burst = if c13 > 0.0 { (total / c13 - gap).max(0.0) } else { 0.0 };
        let share = over(f(self.all), total).min(1.0);
        Clusters {
            burst_density: if in_bursts { over(p23, p23 + p32) } else { 0.0 },
            gap_density: over(c14, c11 + c14),
            burst,
            gap,
            // The mean run of losses, against that of random ones: 1 / (1 − share).
            ratio: if self.runs > 0 {
                (over(f(self.all), f(self.runs)) * (1.0 - share)).max(1.0)
            } else {
                1.0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    fn feed(pattern: impl Iterator<Item = bool>) -> Bursts {
        let mut bursts = Bursts::default();
        pattern.for_each(|came| if came { bursts.came() } else { bursts.lost() });
        bursts
    }

    #[test]
    fn single_losses_far_apart_are_no_bursts() {
        let clusters = feed((1..5_000).map(|n| n % 50 != 0)).clusters();
        assert_eq!(clusters.burst_density, 0.0);
        assert!((0.018..0.022).contains(&clusters.gap_density), "{clusters:?}");
        assert_eq!(clusters.ratio, 1.0);
    }

    #[test]
    fn losses_together_are_a_burst_of_their_length() {
        // Each 500 packets six of which every second is lost.
        let clusters = feed((1..50_000).map(|n| n % 500 >= 6 || n % 2 == 1)).clusters();
        assert!((0.4..0.8).contains(&clusters.burst_density), "{clusters:?}");
        assert!((3.0..8.0).contains(&clusters.burst), "{clusters:?}");
        assert!((480.0..505.0).contains(&clusters.gap), "{clusters:?}");
        assert_eq!(clusters.gap_density, 0.0);
    }

    #[test]
    fn the_ratio_tells_random_from_bursty() {
        let mut random = Random(3);
        let even = feed((0..50_000).map(|_| random.below(100) >= 5)).clusters();
        assert!((1.0..1.15).contains(&even.ratio), "{even:?}");
        let mut left = 0;
        let bursty = feed((0..50_000).map(|_| {
            left = if left > 0 {
                left - 1
            } else if random.below(100) == 0 {
                4
            } else {
                0
            };
            left == 0
        }));
        assert!((2.5..4.5).contains(&bursty.clusters().ratio), "{:?}", bursty.clusters());
    }

    #[test]
    fn nothing_and_nothing_but_loss_have_figures_too() {
        assert_eq!(Bursts::default().clusters(), Clusters { ratio: 1.0, ..Clusters::default() });
        let all = feed((0..1_000).map(|_| false)).clusters();
        assert!(all.burst_density > 0.9 && all.ratio.is_finite(), "{all:?}");
    }
}
