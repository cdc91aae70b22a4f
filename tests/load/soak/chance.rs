//! Chance by a seed: the same seed, the same numbers (SplitMix64).

use std::time::Duration;

/// A source of chance.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Of `0..end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Of `from..to`.
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + Duration::from_micros(self.next() % (to - from).as_micros().max(1) as u64)
    }

    /// One of these, each as likely as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, of: &[(u32, T)]) -> T {
        let mut at = self.below(of.iter().map(|(weight, _)| *weight as usize).sum());
        for (weight, one) in of {
            match at.checked_sub(*weight as usize) {
                Some(rest) => at = rest,
                None => return *one,
            }
        }
        of[0].1
    }
}
