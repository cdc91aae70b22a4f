//! Calls that are taken elsewhere: parked and retrieved, picked up while they ring, intercepted while they talk.

use std::time::Duration;

use crate::rig::{Rig, trace};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 620;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

fn module(name: &str, data: Value) -> Value {
    json!({ "module": name, "data": data, "children": { "_": { "module": "response", "data": { "code": 410 } } } })
}

/// `*3101` parks or retrieves in slot 101, `*4` parks in the first free one, `*5101` retrieves.
fn lot(more: Value) -> Vec<(&'static str, Value)> {
    let slot = |action: &str| {
        let mut data = json!({ "action": action, "slot": "101" });
        let members = data.as_object_mut().expect("an object");
        members.extend(more.as_object().cloned().unwrap_or_default());
        module("park", data)
    };
    vec![
        ("*3101", slot("auto")),
        ("*4101", slot("direct_park")),
        ("*4", module("park", json!({ "action": "park" }))),
        ("*5101", slot("retrieve")),
        ("*5199", module("park", json!({ "action": "retrieve", "slot": "199" }))),
        ("*3999", module("park", json!({ "action": "park", "slot": "999", "max_slot_number": 200 }))),
    ]
}

/// Alice, who called bob, and talks to him.
fn talking(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    (alice, bob, call)
}

/// Alice is on her way into slot 101, where bob puts her.
fn sent_to_slot(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob, call) = talking(rig);
    bob.refer(0, "*3101");
    rig.wait("that alice is parked", || rig.counts().parked == 1);
    (alice, bob, call)
}

/// Alice is in slot 101, and hears music.
fn parked(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob, call) = sent_to_slot(rig);
    assert!(bob.over(0), "{:?}", rig.traces());
    let music = |pcm: &_| ear::sounding(pcm) > 0.3 && ear::purity(pcm, f32::from(B)) < 0.5;
    assert!(alice.hears_so(call, music), "music: {:?}", rig.traces());
    (alice, bob, call)
}

fn all_over(rig: &Rig, text: &str) {
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    let traces = rig.traces().concat();
    assert!(traces.contains(text), "{text} is missing:\n{traces}");
    rig.nothing_left();
    assert_eq!((rig.counts().lines, rig.counts().parked), (0, 0));
}

#[test]
fn who_is_parked_hears_music_and_talks_to_whoever_retrieves() {
    let rig = Rig::start(&lot(json!({})));
    let (alice, _bob, call) = parked(&rig);
    let carol = rig.desk("carol", C, SOON);
    let line = carol.call("*5101");
    assert!(carol.up(line) && carol.hears_tone(line, A), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C), "{:?}", rig.traces());
    assert_eq!(rig.counts().parked, 0, "the slot is free while they talk");
    carol.hang_up(line);
    assert!(alice.over(call), "{:?}", rig.traces());
    all_over(&rig, "taken out of slot 101");
}

#[test]
fn the_one_who_is_parked_may_hang_up() {
    let rig = Rig::start(&lot(json!({})));
    let (alice, _bob, call) = parked(&rig);
    alice.hang_up(call);
    all_over(&rig, "parked in slot 101");
}

#[test]
fn of_two_who_retrieve_at_once_one_talks_and_the_other_is_not_answered() {
    let rig = Rig::start(&lot(json!({})));
    let (alice, _bob, call) = parked(&rig);
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let (one, other) = (carol.call("*5101"), dave.call("*5101"));
    rig.wait("both decided", || {
        let settled = |desk: &Desk, line| desk.line(line, |line| line.status.is_some());
        settled(&carol, one) && settled(&dave, other)
    });
    let statuses = [carol.line(one, |line| line.status), dave.line(other, |line| line.status)];
    let (winner, line, tone) = match statuses {
        [Some(200), Some(410)] => (&carol, one, C),
        [Some(410), Some(200)] => (&dave, other, D),
        _ => panic!("{statuses:?}: {:?}", rig.traces()),
    };
    assert!(winner.hears_tone(line, A) && alice.hears_tone(call, tone), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(winner.over(line));
    all_over(&rig, "taken out of slot 101");
}

#[test]
fn a_slot_that_is_empty_too_high_or_taken_says_so() {
    let rig = Rig::start(&lot(json!({})));
    let (alice, _bob, call) = parked(&rig);
    let carol = rig.desk("carol", C, SOON);
    for number in ["*5199", "*3999", "*4101"] {
        let line = carol.call(number);
        assert!(carol.over(line), "{number}: {:?}", rig.traces());
        assert_eq!(carol.line(line, |line| line.status), Some(410), "{number}: {:?}", rig.traces());
    }
    assert_eq!(rig.counts().parked, 1);
    alice.hang_up(call);
    all_over(&rig, "parked in slot 101");
}

#[test]
fn who_is_transferred_into_the_place_of_one_who_called_a_slot_is_parked_there() {
    let rig = Rig::start(&lot(json!({})));
    let (alice, bob, call) = talking(&rig);
    bob.hold(0);
    let second = bob.call("*4");
    assert!(bob.up(second), "{:?}", rig.traces());
    rig.wait("that bob is parked", || rig.counts().parked == 1);
    bob.refer_to_line(0, second);
    assert!(bob.over(0) && bob.over(second), "{:?}", rig.traces());
    assert_eq!(rig.counts().parked, 1);
    assert!(alice.hears_so(call, |pcm| ear::sounding(pcm) > 0.3), "music: {:?}", rig.traces());
    let carol = rig.desk("carol", C, SOON);
    let line = carol.call("*3101");
    assert!(carol.hears_tone(line, A) && alice.hears_tone(call, C), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(line));
    all_over(&rig, "taken out of slot 101");
}

#[test]
fn the_parker_is_called_back_when_nobody_comes() {
    let rig = Rig::start(&lot(json!({ "default_ringback_timeout": 1_000, "default_callback_timeout": 9 })));
    let (alice, bob, call) = sent_to_slot(&rig);
    assert!(bob.wait(|lines| lines.len() == 2), "{:?}", rig.traces());
    let invite = bob.line(1, |line| line.invite.clone()).expect("an INVITE");
    assert!(invite.header("from").is_some_and(|from| from.contains("Parked 101")), "{invite:?}");
    assert!(bob.up(1) && bob.hears_tone(1, A) && alice.hears_tone(call, B), "{:?}", rig.traces());
    assert_eq!(rig.counts().parked, 0);
    bob.hang_up(1);
    assert!(alice.over(call));
    all_over(&rig, "calls bob back");
}

#[test]
fn while_the_parkers_phone_rings_another_may_retrieve() {
    let rig = Rig::start(&lot(json!({ "default_ringback_timeout": 1_000 })));
    let (alice, bob, call) = sent_to_slot(&rig);
    bob.behave(Manner::Ring);
    assert!(bob.wait(|lines| lines.len() == 2), "{:?}", rig.traces());
    let carol = rig.desk("carol", C, SOON);
    let line = carol.call("*5101");
    assert!(carol.hears_tone(line, A) && alice.hears_tone(call, C), "{:?}", rig.traces());
    assert!(bob.over(1));
    carol.hang_up(line);
    assert!(alice.over(call));
    all_over(&rig, "taken out of slot 101");
}

#[test]
fn a_caller_whose_parker_has_vanished_is_parked_again() {
    let rig = Rig::start(&lot(json!({ "default_ringback_timeout": 1_000 })));
    let (alice, bob, call) = sent_to_slot(&rig);
    bob.unregister();
    rig.wait("that she is parked again", || {
        let traces = rig.traces().concat();
        traces.contains("nobody takes the call-back") && traces.matches("parked in slot 101").count() > 1
    });
    let carol = rig.desk("carol", C, SOON);
    let line = carol.call("*5101");
    assert!(carol.hears_tone(line, A) && alice.hears_tone(call, C), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(line));
    all_over(&rig, "calls bob back");
}

#[test]
fn a_caller_that_is_sent_to_a_slot_that_is_taken_is_brought_back_to_the_parker() {
    let mut flows = lot(json!({}));
    flows.push(("*6101", module("park", json!({ "action": "park", "slot": "101" }))));
    let rig = Rig::start(&flows);
    let (alice, _bob, call) = parked(&rig);
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let other = carol.call("204");
    assert!(carol.up(other) && dave.hears_tone(0, C), "{:?}", rig.traces());
    dave.refer(0, "*6101");
    assert!(dave.wait(|lines| lines.len() == 2) && dave.up(1), "{:?}", rig.traces());
    assert!(dave.hears_tone(1, C) && carol.hears_tone(other, D), "{:?}", rig.traces());
    assert_eq!(rig.counts().parked, 1, "alice is where she was");
    carol.hang_up(other);
    alice.hang_up(call);
    all_over(&rig, "the slot is occupied");
}

/// Flows that take calls.
fn takers() -> Vec<(&'static str, Value)> {
    vec![
        ("*87", module("group_pickup", json!({ "group_id": "sales" }))),
        ("*88", module("intercept", json!({ "user_id": "bob" }))),
        ("*89", module("group_pickup", json!({ "user_id": "bob", "approved_user_id": "dave" }))),
    ]
}

#[test]
fn who_picks_up_what_rings_in_the_group_answers_the_call_and_its_flow_goes_on() {
    let rig = Rig::start(&takers());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("202");
    assert!(bob.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let line = carol.call("*87");
    assert!(alice.up(call) && carol.up(line) && bob.over(0), "{:?}", rig.traces());
    let cancel = bob.line(0, |line| line.end.clone()).expect("a CANCEL");
    assert!(cancel.header("reason").is_some_and(|reason| reason.contains("200")), "{cancel:?}");
    assert!(alice.hears_tone(call, C) && carol.hears_tone(line, A), "{:?}", rig.traces());
    let one = rig.switch().calls();
    assert_eq!(one.len(), 1, "the picker's own call is over: {:?}", rig.traces());
    assert_eq!(one[0].flow.as_deref(), Some("user/bob"));
    alice.hang_up(call);
    assert!(carol.over(line));
    all_over(&rig, "picks up call-");
}

#[test]
fn who_intercepts_takes_the_place_of_one_who_talks() {
    let rig = Rig::start(&takers());
    let (alice, bob, call) = talking(&rig);
    let carol = rig.desk("carol", C, SOON);
    let none = carol.call("*87");
    assert!(carol.over(none), "a group's pickup takes only what rings: {:?}", rig.traces());
    let line = carol.call("*88");
    assert!(carol.up(line) && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(line, A), "{:?}", rig.traces());
    carol.hang_up(line);
    assert!(alice.over(call));
    all_over(&rig, "takes the place of");
}

#[test]
fn only_who_is_approved_picks_up() {
    let rig = Rig::start(&takers());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let call = alice.call("202");
    assert!(bob.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let line = carol.call("*89");
    assert!(carol.over(line), "{:?}", rig.traces());
    assert_ne!(carol.line(line, |line| line.status), Some(200), "{:?}", rig.traces());
    let line = dave.call("*89");
    assert!(dave.hears_tone(line, A) && alice.hears_tone(call, D), "{:?}", rig.traces());
    dave.hang_up(line);
    assert!(alice.over(call));
    all_over(&rig, "may not pick up");
}

#[test]
fn a_picker_that_hangs_up_while_its_leg_moves_leaves_nothing_behind() {
    let rig = Rig::start(&takers());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, SOON);
    for round in 0..6_u64 {
        let call = alice.call("202");
        assert!(bob.wait(|lines| lines.len() == round as usize + 1), "{:?}", rig.traces());
        let line = carol.call("*87");
        // From before the answer to after it.
        let until = std::time::Instant::now() + Duration::from_millis(round * 4);
        carol.wait(|_| std::time::Instant::now() >= until);
        carol.hang_up(line);
        // Where its CANCEL crosses the answer, it says BYE.
        assert!(carol.wait(|lines| lines[line].status.is_some()), "{:?}", rig.traces());
        carol.hang_up(line);
        assert!(carol.over(line), "{:?}", rig.traces());
        // Either he was too early and it rings on, or the call is over with him.
        alice.hang_up(call);
        assert!(alice.over(call) && bob.over(round as usize), "{:?}", rig.traces());
        rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    }
    rig.nothing_left();
    assert_eq!(rig.counts().lines, 0);
    let last = rig.finished();
    assert!(!trace(&last).contains("did not come to its end"), "{}", trace(&last));
}
