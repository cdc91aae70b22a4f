//! How calls ended, kept for a while, for flows that end as another call did.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::CallId;
use super::run::Call;
use crate::book::Record;

/// So long it is known how a call ended.
const KEPT: Duration = Duration::from_secs(3_600);

/// And of so many calls at most: 28 a second for an hour.
const MOST: usize = 100_000;

/// How calls ended, in the words of [`flow::ir::Feature::CauseOf`].
#[derive(Debug, Default)]
pub(crate) struct Ends(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    reasons: HashMap<CallId, (Instant, &'static str)>,
    order: VecDeque<(Instant, CallId)>,
}

impl Ends {
    /// A call ended now, for this reason.
    pub(crate) fn add(&self, now: Instant, call: CallId, reason: &'static str) {
        let mut kept = crate::lock(&self.0);
        kept.reasons.insert(call, (now, reason));
        kept.order.push_back((now, call));
        while let Some((at, oldest)) = kept.order.front().copied() {
            if kept.order.len() <= MOST && now.saturating_duration_since(at) <= KEPT {
                break;
            }
            kept.order.pop_front();
            // Names come again; a later call of the same name has its own line.
            if kept.reasons.get(&oldest).is_some_and(|(of, _)| *of == at) {
                kept.reasons.remove(&oldest);
            }
        }
    }

    /// How a call ended, if that is known.
    pub(crate) fn of(&self, now: Instant, call: CallId) -> Option<&'static str> {
        let kept = crate::lock(&self.0);
        let (at, reason) = kept.reasons.get(&call)?;
        (now.saturating_duration_since(*at) <= KEPT).then_some(*reason)
    }
}

impl Call {
    /// How another call ended; `done` for one that has not, or that nobody knows.
    pub(super) fn cause_of(&self, now: Instant, call: &str) -> &'static str {
        super::originate::cause_of(&self.shared, now, call)
    }
}

/// The word for how a call ended.
pub(super) fn reason(cause: &str, record: &Record) -> &'static str {
    word(cause, record.summary().answered.is_some(), record.is_outbound())
}

fn word(cause: &str, answered: bool, outbound: bool) -> &'static str {
    match cause {
        "busy" | "rejected" => "busy",
        "cancel" | "cancelled" => "cancel",
        "timeout" | "longest duration reached" => "timeout",
        "amd" => "amd",
        "dialout" => "dialout",
        // Our own time for ringing was over.
        "no_answer" if outbound && !answered => "dialout",
        "no_answer" | "noanswer" | "unavailable" => "noanswer",
        "failed" | "media timeout" | "no media" | "no ACK" | "transport lost" | "session expired" => "failed",
        // The catalogue's words: `route.unknown_number`.
        refused if !answered && refused.contains('.') && !refused.contains(' ') => "failed",
        _ => "normal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_word() {
        assert_eq!(word("hangup", true, false), "normal");
        assert_eq!(word("cancelled", false, false), "cancel");
        assert_eq!(word("no_answer", false, true), "dialout");
        assert_eq!(word("no_answer", true, true), "noanswer");
        assert_eq!(word("route.unknown_number", false, false), "failed");
        assert_eq!(word("longest duration reached", true, true), "timeout");
    }

    #[test]
    fn ends_are_forgotten_after_an_hour_and_a_name_that_comes_again_is_the_later_calls() {
        let ends = Ends::default();
        let (now, call) = (Instant::now(), CallId::random());
        ends.add(now, call, "busy");
        assert_eq!(ends.of(now + KEPT, call), Some("busy"));
        assert_eq!(ends.of(now + KEPT + Duration::from_secs(1), call), None);
        ends.add(now + KEPT, call, "normal");
        // The line of the first call goes, and takes nothing of the second's.
        ends.add(now + KEPT + Duration::from_secs(1), CallId::random(), "failed");
        assert_eq!(ends.of(now + KEPT + Duration::from_secs(1), call), Some("normal"));
        assert_eq!(crate::lock(&ends.0).order.len(), 2);
    }
}
