//! CONFERENCE: its options, and where its events stand.

use super::*;

fn room(program: &Program, pointer: &str) -> Conference {
    match node(program, pointer).op {
        Op::Conference(conference) => *conference,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_room_has_its_options() {
    let program = clean(json!([
        { "type": "CONFERENCE", "params": { "name": "r" } },
        { "type": "CONFERENCE", "params": {
            "name": "r-${callId}", "max_participants": "2", "end_on_exit": "true", "event": "join",
            "mute": true, "beep": "true", "wait_music": "http://example.com/m.mp3"
        } }
    ]));
    let plain = Conference { room: literal("r"), ..Conference::default() };
    assert_eq!(room(&program, "/actions/0"), plain);
    let full = room(&program, "/actions/1");
    assert_eq!((full.most, full.closes, full.muted), (Some(2), true, [true, true]));
    assert_eq!((&full.entry, &full.exit), (&crate::ir::Announced::Tone, &crate::ir::Announced::Tone));
    assert_eq!(full.music, Some(Item::Sound(literal("http://example.com/m.mp3"))));
}

#[test]
fn events_run_beside_the_room_after_it_or_instead_of_it() {
    let program = clean(json!([
        { "type": "CONFERENCE", "params": { "name": "r" }, "events": {
            "on_enter": [{ "type": "PAUSE", "params": { "duration": 500 } }, { "type": "GOTO", "params": { "label": "OUT" } }],
            "on_exit": [{ "type": "SAY", "params": { "text": "left" } }],
            "on_enter_error_max_participants": [{ "type": "SAY", "params": { "text": "full" } }]
        } },
        { "type": "LABEL", "name": "OUT" }
    ]));
    let inside = room(&program, "/actions/0").inside.unwrap();
    let source = |id: u32| program.node(NodeId(id)).unwrap().source.0.clone();
    assert_eq!(source(inside.entry.0), "/actions/0/events/on_enter/0");
    for id in inside.nodes.clone() {
        assert!(source(id).starts_with("/actions/0/events/on_enter/"), "{}", source(id));
    }
    // The label is outside: whoever goes there leaves the room.
    let Target::Node(label) = node(&program, "/actions/0/events/on_enter/1").edges.target(&Outcome::Done)
    else {
        panic!()
    };
    assert!(!inside.nodes.contains(&label.0));
    assert_eq!(after(&program, "/actions/0", &Outcome::Done), "/actions/0/events/on_exit/0");
    let full = Outcome::Key("full".into());
    assert_eq!(after(&program, "/actions/0", &full), "/actions/0/events/on_enter_error_max_participants/0");
    assert_eq!(after(&program, "/actions/0/events/on_exit/0", &Outcome::Done), "/actions/1");
    assert_eq!(after(&program, "/actions/0", &Outcome::Failed(Cause::Unsupported)), "/actions/1");
}

#[test]
fn an_event_that_does_not_exist_is_told() {
    let lowered = script(
        json!([{ "type": "CONFERENCE", "params": { "name": "r", "event": "leave" }, "events": { "on_join": [] } }]),
    );
    let messages: Vec<&str> = told(&lowered).iter().map(|(_, _, message)| *message).collect();
    assert_eq!(
        messages,
        [
            "`on_join` is no event: expected on_enter, on_enter_error_max_participants or on_exit",
            "expected one of `join`, found `leave`"
        ]
    );
}
