//! DETECT: a live person or a machine.

use std::time::Duration;

use super::list::{Action, Lowering};
use crate::ir::{Detect, Edges, Op, Outcome};
use crate::leg::Detection;
use crate::lower::Code;
use crate::lower::members::Members;

/// How long DETECT listens that does not say.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result decides which of the `events` follow; those of a result that has none are skipped.
pub(super) fn detect(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let timeout = action.param(lowering, "timeout").millis(&mut lowering.builder, "timeout");
    let limit = timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(PATIENCE);
    lowering.op(action.head, Op::Detect(Detect { limit, greeting: None, answers: true }));
    let mut edges = Edges::always(action.next);
    let events = Members::of(&mut lowering.builder, action.top.get("events"), action.top.at("events"));
    for key in events.keys() {
        let Some(list) = events.list(&mut lowering.builder, key) else { continue };
        let target = lowering.list(list, &events.at(key), action.next);
        match result(key) {
            Some(found) => edges = edges.case(Outcome::Key(found.word().to_owned()), target),
            None => {
                let message = format!("`{key}` is no result: expected live_person, machine or unknown");
                lowering.builder.report(Code::UnknownOption, &events.at(key), message);
            }
        }
    }
    lowering.builder.edges(action.head, edges);
}

/// The result that an event is named after; the published lists have several names for each.
fn result(key: &str) -> Option<Detection> {
    let key = key.trim().to_ascii_lowercase().replace('-', "_");
    match key.strip_prefix("on_").unwrap_or(&key) {
        "live_person" | "person" | "human" | "live" => Some(Detection::Person),
        "machine" | "answering_machine" | "voicemail" => Some(Detection::Machine),
        "unknown" | "timeout" => Some(Detection::Unknown),
        _ => None,
    }
}
