//! What came of those who are dialled and are over: of several, the one that says most is told to the caller.

use flow::leg::DialOutcome;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) outcome: DialOutcome,
    /// The SIP status that says the same.
    pub(super) status: u16,
    /// How much it says.
    weight: u8,
}

impl Refusal {
    /// A phone or a carrier refused with this status.
    pub(super) fn of(status: u16) -> Refusal {
        let weight = match status {
            600..=699 => 6,
            486 => 5,
            403 => 4,
            480 => 3,
            408 | 487 => 1,
            500..=599 => 0,
            _ => 2,
        };
        Refusal { outcome: DialOutcome::of(status), status, weight }
    }

    /// It rang for as long as it was to.
    pub(super) fn no_answer() -> Refusal {
        Refusal { outcome: DialOutcome::NoAnswer, ..Refusal::of(480) }
    }

    /// Somebody answered and did not take the call: what others said says more, for it may have been a machine.
    pub(super) fn not_taken() -> Refusal {
        Refusal { weight: 1, ..Refusal::of(603) }
    }

    /// Whether it says more than what was known before.
    pub(super) fn outweighs(&self, before: Option<Refusal>) -> bool {
        before.is_none_or(|before| self.weight > before.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_says_more_than_a_phone_that_is_not_there_and_that_more_than_a_fault() {
        let by_weight = [
            Refusal::of(503),
            Refusal::of(408),
            Refusal::of(404),
            Refusal::no_answer(),
            Refusal::of(403),
            Refusal::of(486),
            Refusal::of(603),
        ];
        for pair in by_weight.windows(2) {
            assert!(pair[1].outweighs(Some(pair[0])) && !pair[0].outweighs(Some(pair[1])), "{pair:?}");
        }
        assert!(Refusal::not_taken().outweighs(None));
        assert!(Refusal::no_answer().outweighs(Some(Refusal::not_taken())));
        assert_eq!(Refusal::not_taken().outcome, DialOutcome::Rejected);
    }
}
