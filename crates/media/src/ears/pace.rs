//! When the delay is changed: seldom, and only for good reason.
//!
//! Too little delay is mended soon, for it costs packets; too much only when it has lasted, for it costs nothing but
//! time.
//! Where the sound is not fit for it a later frame may be, and the longer that takes the less alike it has to be.
//! Looking costs time: for too little delay it is done at every frame, for too much a few frames rest between.

/// Too little delay by more than so many milliseconds.
const LACK_MS: i32 = 2;

/// Less than this is not worth a seam in the sound.
const WORTH_MS: i32 = 5;

/// So much too much is given up at once.
const PLENTY_MS: i32 = 40;

/// Frames that a surplus has to last, at first, after a step that was taken or was not to be had, and when it is great.
const LASTING: u32 = 75;
const AGAIN: u32 = 5;
const SOON: u32 = 2;

/// How alike the sound must be at first, and how much less after each time that it was not.
const LIKENESS: f32 = 0.9;
const LENIENCE: f32 = 0.03;

/// A change of the delay by one period of the sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) longer: bool,
    /// How alike the sound must be for it.
    pub(crate) likeness: f32,
}

/// Watches how far the delay is from what is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    per_ms: i32,
    /// Frames in a row with a surplus, and how many it takes.
    surplus: u32,
    patience: u32,
    /// Frames since the last step.
    rested: u32,
    tries: u32,
}

impl Pacer {
    /// For a clock of so many units a millisecond.
    pub(crate) fn new(per_ms: u32) -> Pacer {
        Pacer { per_ms: per_ms.max(1) as i32, surplus: 0, patience: LASTING, rested: AGAIN, tries: 0 }
    }

    pub(crate) fn reset(&mut self) {
        *self = Pacer::new(self.per_ms as u32);
    }

    /// The delay is longer than it should become by `surplus`, and longer than it must be by `margin`; or shorter if
    /// negative.
    pub(crate) fn judge(&mut self, surplus: i32, margin: i32) -> Option<Step> {
        self.rested = self.rested.saturating_add(1);
        if surplus < WORTH_MS * self.per_ms {
            self.surplus = 0;
            self.patience = LASTING;
            if margin >= -LACK_MS * self.per_ms {
                self.tries = 0;
                return None;
            }
            return (self.rested > SOON).then(|| self.step(true));
        }
        self.surplus += 1;
        let great = surplus > PLENTY_MS * self.per_ms;
        let patience = if great { self.patience.min(SOON) } else { self.patience };
        (self.surplus > patience).then(|| self.step(false))
    }

    fn step(&mut self, longer: bool) -> Step {
        let likeness = LIKENESS - self.tries as f32 * LENIENCE;
        if longer {
            self.tries = self.tries.saturating_add(1);
        }
        Step { longer, likeness: likeness.max(0.0) }
    }

    /// The sound was not fit to be made shorter.
    pub(crate) fn failed(&mut self) {
        self.surplus = 0;
        self.patience = AGAIN;
        self.tries = self.tries.saturating_add(1);
    }

    /// The step was taken.
    pub(crate) fn done(&mut self) {
        self.surplus = 0;
        self.patience = AGAIN;
        self.rested = 0;
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_left_alone() {
        let mut pacer = Pacer::new(8);
        for n in 0..1_000 {
            assert_eq!(pacer.judge(n % 539 - 500, n % 40 - 16), None);
        }
    }

    #[test]
    fn a_surplus_must_last_and_goes_step_by_step() {
        let mut pacer = Pacer::new(8);
        assert!((0..75).all(|_| pacer.judge(200, 300).is_none()));
        assert_eq!(pacer.judge(-1, 10), None, "once it was not there: from the start");
        assert!((0..75).all(|_| pacer.judge(200, 300).is_none()));
        assert_eq!(pacer.judge(200, 300), Some(Step { longer: false, likeness: LIKENESS }));
        assert_eq!(
            pacer.judge(200, 300),
            Some(Step { longer: false, likeness: LIKENESS }),
            "nothing was tried"
        );
        pacer.failed();
        assert!((0..5).all(|_| pacer.judge(200, 300).is_none()), "it rests");
        assert!(pacer.judge(200, 300).unwrap().likeness < LIKENESS);
        pacer.done();
        assert!((0..5).all(|_| pacer.judge(200, 300).is_none()));
        assert!(pacer.judge(200, 300).is_some());
    }

    #[test]
    fn a_lack_and_a_great_surplus_are_mended_soon() {
        let mut pacer = Pacer::new(8);
        assert!(pacer.judge(-100, -50).unwrap().longer);
        let mut pacer = Pacer::new(8);
        assert!((0..4).any(|_| pacer.judge(2_000, 2_100).is_some()));
        pacer.failed();
        assert!((0..3).any(|_| pacer.judge(2_000, 2_100).is_some()));
    }
}
