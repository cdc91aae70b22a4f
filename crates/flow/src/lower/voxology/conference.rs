//! CONFERENCE: a room by its name.

use super::list::{Action, Lowering};
use crate::ir::{Conference, Edges, Op, Outcome, Target};
use crate::lower::Severity;
use crate::lower::members::Members;

/// The event whose actions run: the others would have to run beside the talk.
const FULL: &str = "on_enter_error_max_participants";

pub(super) fn conference(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    action.check_names(lowering, &["name", "max_participants", "end_on_exit", "event"]);
    let full = events(lowering, action);
    let members = action.param(lowering, "name").clone();
    let name = members.text(&mut lowering.builder, "name").filter(|name| !name.trim().is_empty());
    let Some(name) = name else {
        let message = "CONFERENCE needs `params.name`";
        return lowering.builder.diagnose(Severity::Error, action.top.pointer(), message);
    };
    let room = lowering.template(&name, &members.at("name"));
    let most = action.param(lowering, "max_participants").clone();
    let most = most.count(&mut lowering.builder, "max_participants").filter(|most| *most > 0);
    let closes = action.param(lowering, "end_on_exit").clone();
    let closes = closes.flag(&mut lowering.builder, "end_on_exit").unwrap_or(false);
    let conference = Conference { room, most, closes, ..Conference::default() };
    lowering.op(action.head, Op::Conference(Box::new(conference)));
    let edges = Edges::always(action.next).case(Outcome::Key("full".to_owned()), full);
    lowering.builder.edges(action.head, edges);
}

/// Reads all events; where those of a full room lead.
fn events(lowering: &mut Lowering, action: &Action<'_>) -> Target {
    let events = Members::of(&mut lowering.builder, action.top.get("events"), action.top.at("events"));
    let mut full = action.next;
    for key in events.keys() {
        let Some(list) = events.list(&mut lowering.builder, key) else { continue };
        let target = lowering.list(list, &events.at(key), action.next);
        if key == FULL {
            full = target;
        } else if !list.is_empty() {
            let message = format!("`{key}` is not run yet");
            lowering.builder.diagnose(Severity::Warning, &events.at(key), message);
        }
    }
    full
}
