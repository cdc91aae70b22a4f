//! CONFERENCE: a room by its name, with what is done while the caller is inside and afterwards.

use super::list::{Action, Lowering};
use crate::ir::{Announced, Conference, Edges, Item, Op, Outcome, Section, Target};
use crate::lower::Code;
use crate::lower::members::Members;

/// What is done in the room, beside the talk.
const ENTERED: &str = "on_enter";
/// What is done by whom the room has no place for.
const FULL: &str = "on_enter_error_max_participants";
/// What is done after the room was left, before the next action.
const LEFT: &str = "on_exit";

pub(super) fn conference(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let room = action.template(lowering, "name");
    let most = action.param(lowering, "max_participants").clone();
    let most = most.count(&mut lowering.builder, "max_participants").filter(|most| *most > 0);
    let closes = action.flag(lowering, &["end_on_exit"]);
    let muted = action.flag(lowering, &["mute", "muted"]);
    let beep = action.flag(lowering, &["beep"]);
    let music = ["wait_music", "music"].into_iter().find_map(|key| action.template(lowering, key));
    // Joining is all that CONFERENCE does; other words are told when the options are looked at.
    action.params.get("event");
    let events = Events::read(lowering, action);
    let Some(room) = room else {
        let message = "CONFERENCE needs `params.name`";
        return lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
    };
    let conference = Conference {
        room,
        most,
        closes,
        muted: [muted; 2],
        music: music.map(Item::Sound),
        entry: Announced::tone(beep),
        exit: Announced::tone(beep),
        inside: events.inside,
        ..Conference::default()
    };
    lowering.op(action.head, Op::Conference(Box::new(conference)));
    // Who did not get in has not left either.
    let failed = Outcome::Failed(crate::ir::Cause::Unsupported);
    let edges = Edges::always(action.next)
        .case(Outcome::Done, events.left)
        .case(Outcome::Key("full".to_owned()), events.full)
        .case(failed, action.next);
    lowering.builder.edges(action.head, edges);
}

struct Events {
    inside: Option<Section>,
    full: Target,
    left: Target,
}

impl Events {
    fn read(lowering: &mut Lowering, action: &Action<'_>) -> Events {
        let members = Members::of(&mut lowering.builder, action.top.get("events"), action.top.at("events"));
        let mut events = Events { inside: None, full: action.next, left: action.next };
        for key in members.keys() {
            let Some(list) = members.list(&mut lowering.builder, key) else { continue };
            let at = members.at(key);
            match key {
                ENTERED => events.inside = lowering.section(list, &at),
                FULL => events.full = lowering.list(list, &at, action.next),
                LEFT => events.left = lowering.list(list, &at, action.next),
                _ => {
                    let message = format!("`{key}` is no event: expected {ENTERED}, {FULL} or {LEFT}");
                    lowering.builder.report(Code::UnknownOption, &at, message);
                }
            }
        }
        events
    }
}
