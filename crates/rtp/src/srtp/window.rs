//! Which of the last packets came already: RFC 3711 §3.3.2.
//!
//! `webrtc-util` has such a window; its bits lie in a vector and cannot be cleared, so that each new stream would
//! allocate. The tests compare the two.

/// So many indices below the highest are told apart; what is older counts as repeated.
pub(super) const WIDTH: u64 = 128;

/// The highest index so far and those below it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: u64,
    /// Bit n is index `highest - n`.
    seen: u128,
}

impl Window {
    /// Whether an index is new.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(age) => age < WIDTH && self.seen >> age & 1 == 0,
        }
    }

    /// The packet with this index is authentic.
    pub(super) fn mark(&mut self, index: u64) {
        match self.highest.checked_sub(index) {
            None => {
                let ahead = index - self.highest;
                self.seen = if ahead < WIDTH { self.seen << ahead } else { 0 };
                self.highest = index;
                self.seen |= 1;
            }
            Some(age) if age < WIDTH => self.seen |= 1 << age,
            Some(_) => {}
        }
    }

    /// The highest index that was marked; `None` before the first.
    pub(super) fn highest(&self) -> Option<u64> {
        (self.seen != 0).then_some(self.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;
    use webrtc_util::replay_detector::{ReplayDetector, SlidingWindowDetector};

    #[test]
    fn each_index_is_new_once() {
        let mut window = Window::default();
        assert_eq!(window.highest(), None);
        for index in [0, 1, 5, 3, 200, 73] {
            assert!(window.is_new(index), "{index}");
            window.mark(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert!(!window.is_new(72), "too old to tell");
        assert!(window.is_new(74));
        assert_eq!(window.highest(), Some(200));
    }

    #[test]
    fn it_judges_like_the_packages() {
        let mut random = Random(7);
        let mut ours = Window::default();
        let mut theirs = SlidingWindowDetector::new(WIDTH as usize, (1 << 48) - 1);
        let mut centre = 1_000u64;
        for _ in 0..100_000 {
            let step = if random.below(500) == 0 { 1_000 } else { 3 };
            centre += random.below(step) as u64;
            let index = centre - random.below(200) as u64;
            let new = theirs.check(index);
            assert_eq!(ours.is_new(index), new, "{index}");
            if new {
                theirs.accept();
                ours.mark(index);
            }
        }
    }
}
