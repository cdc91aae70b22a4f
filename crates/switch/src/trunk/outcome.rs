//! What a trunk's refusal means for the call: the person's answer, or the carrier's fault.

/// What to do after a final response, or its want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The one who was called has answered for himself (busy, declined, no such number): nobody else is asked.
    Final,
    /// The carrier could not or would not: the next one is asked.
    Next,
}

/// Judges a status; 408 stands for a carrier that never answered, 503 also for one that could not be reached.
pub(crate) fn verdict(status: u16) -> Verdict {
    match status {
        // The account, the codec or the route is not to this carrier's liking; another one's may be.
        402 | 403 | 405 | 406 | 407 | 401 | 408 | 415 | 416 | 420 | 421 | 423 | 482 | 483 | 488 | 489 => {
            Verdict::Next
        }
        // The carrier's own trouble.
        500..=599 => Verdict::Next,
        // 404, 410, 480, 484, 486, 487, 6xx: about the one who was called.
        _ => Verdict::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_or_declining_person_is_not_called_again_by_another_carrier() {
        for status in [404, 410, 480, 484, 486, 487, 600, 603, 604, 606] {
            assert_eq!(verdict(status), Verdict::Final, "{status}");
        }
        for status in [403, 407, 408, 488, 500, 502, 503, 504] {
            assert_eq!(verdict(status), Verdict::Next, "{status}");
        }
    }
}
