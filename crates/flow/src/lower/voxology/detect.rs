//! DETECT: a live person or a machine.

use super::list::{Action, Lowering};
use crate::ir::{Detect, Edges, Op, Outcome};
use crate::leg::Detection;
use crate::lower::members::Members;
use crate::lower::{Code, timings};

/// The result decides which of the `events` follow; those of a result that has none are skipped.
pub(super) fn detect(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let timeout = action.param(lowering, "timeout");
    let timings = timings::read(&mut lowering.builder, &action.params, (timeout, "timeout"));
    let detect = Detect { follows: false, answers: true, timings: Box::new(timings) };
    lowering.op(action.head, Op::Detect(detect));
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
