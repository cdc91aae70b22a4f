//! Dialling by name on a real leg: keys, choices, nobody, leaving.

use std::time::Duration;

use crate::rig::{Rig, end, trace};
use serde_json::{Value, json};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// A Kazoo directory of a group; who leaves it is answered by an echo.
fn directory(id: &str) -> Value {
    let echo = json!({ "module": "response", "data": { "code": "486" } });
    json!({ "module": "directory", "data": { "id": id }, "children": { "_": echo } })
}

fn calls(rig: &Rig) -> (Desk, LineId) {
    let alice = rig.desk("alice", A, SOON);
    let call = alice.call("700");
    assert!(alice.up(call), "{:?}", rig.traces());
    (alice, call)
}

#[test]
fn three_letters_and_one_find_a_name_and_connect_the_caller() {
    let rig = Rig::start(&[("700", directory("everybody"))]);
    let bob = rig.desk("bob", B, SOON);
    let (alice, call) = calls(&rig);
    alice.press(call, "262");
    rig.wait("the name", || rig.traces().concat().contains("bob"));
    alice.press(call, "1");
    assert!(bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.over(call), "the flow is at its end");
    rig.finished();
    rig.nothing_left();
}

#[test]
fn zero_leaves_and_the_flow_goes_on() {
    let rig = Rig::start(&[("700", directory("sales"))]);
    let (alice, call) = calls(&rig);
    alice.press(call, "20");
    assert!(alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    assert!(trace(&view).contains("Hangup"), "{}", trace(&view));
    assert_eq!(end(&view).1, "flow");
    rig.nothing_left();
}

#[test]
fn nobody_of_that_name_is_asked_for_again_and_whoever_does_not_answer_too() {
    let rig = Rig::start(&[("700", directory("sales"))]);
    let bob = rig.desk("bob", B, Manner::Refuse(486));
    let (alice, call) = calls(&rig);
    // dave is no member of sales.
    alice.press(call, "328#");
    alice.press(call, "262");
    alice.press(call, "1");
    assert!(bob.over(0), "{:?}", rig.traces());
    bob.behave(SOON);
    alice.press(call, "2621");
    assert!(bob.up(1) && alice.hears_tone(call, B), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(1));
    rig.finished();
    rig.nothing_left();
}
