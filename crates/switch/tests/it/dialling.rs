//! Several are called: together, later, in turn; what the caller hears meanwhile, and who the callee sees.

use std::time::Duration;

use crate::rig::{Rig, end, trace};
use serde_json::{Value, json};
use switch::CallView;
use testkit::ear;
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

fn group(strategy: &str, endpoints: Value, children: Value) -> Value {
    json!({ "module": "ring_group", "data": { "strategy": strategy, "timeout": 10, "endpoints": endpoints },
        "children": children })
}

fn user(id: &str, delay: u32, timeout: u32) -> Value {
    json!({ "endpoint_type": "user", "id": id, "delay": delay, "timeout": timeout })
}

/// When the first line of the trace with these words happened.
fn at(view: &CallView, words: &str) -> u64 {
    let found = view.trace.iter().find(|entry| entry.to_string().contains(words));
    found.unwrap_or_else(|| panic!("no \"{words}\" in\n{}", trace(view))).at_ms
}

#[test]
fn in_turn_the_next_rings_when_the_one_before_was_called_long_enough() {
    let flow = group("single", json!([user("bob", 0, 1), user("carol", 0, 5)]), json!({}));
    let rig = Rig::start(&[("700", flow)]);
    let alice = rig.desk("alice", A, SOON);
    let (bob, carol) = (rig.desk("bob", B, Manner::Ring), rig.desk("carol", C, SOON));
    let call = alice.call("700");
    assert!(alice.up(call), "{:?}", rig.traces());
    assert!(bob.over(0) && carol.up(0));
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    let view = rig.finished();
    let (first, second) = (at(&view, "B → INVITE"), at(&view, "C → INVITE"));
    assert!(second >= first + 1_000 && at(&view, "B → CANCEL") <= second, "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn together_each_rings_after_its_delay_and_the_losers_hear_that_it_was_taken() {
    let flow = group("simultaneous", json!([user("bob", 0, 9), user("carol", 1, 9)]), json!({}));
    let rig = Rig::start(&[("700", flow)]);
    let alice = rig.desk("alice", A, SOON);
    let (bob, carol) = (rig.desk("bob", B, Manner::Ring), rig.desk("carol", C, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && carol.up(0), "{:?}", rig.traces());
    assert!(bob.over(0));
    let cancel = bob.line(0, |line| line.end.clone()).expect("a CANCEL");
    assert!(cancel.header("reason").is_some_and(|reason| reason.contains("200")), "{cancel:?}");
    carol.hang_up(0);
    let view = rig.finished();
    // Counted from when the dialling began, not from when the first INVITE was out.
    assert!(at(&view, "C → INVITE") >= 1_000 && at(&view, "B → INVITE") < 1_000, "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn each_way_of_not_being_answered_has_its_child() {
    let tone = |name: &str| json!({ "module": "response", "data": { "code": name } });
    let children = json!({ "USER_BUSY": tone("410"), "sip:404": tone("411"), "NO_ANSWER": tone("412"), "_": tone("413") });
    let flow = group("simultaneous", json!([user("bob", 0, 1)]), children);
    let rig = Rig::start(&[("700", flow)]);
    let alice = rig.desk("alice", A, SOON);
    let status = || {
        let call = alice.call("700");
        assert!(alice.over(call), "{:?}", rig.traces());
        rig.finished();
        alice.line(call, |line| line.status)
    };
    assert_eq!(status(), Some(413), "nobody is there");
    let bob = rig.desk("bob", B, Manner::Refuse(486));
    for (manner, wanted) in [
        (Manner::Refuse(486), 410),
        (Manner::Refuse(404), 411),
        (Manner::Ring, 412),
        (Manner::Refuse(603), 413),
    ] {
        bob.behave(manner);
        assert_eq!(status(), Some(wanted), "{:?}", rig.traces());
    }
    rig.nothing_left();
}

#[test]
fn the_caller_hears_what_the_flow_chose_while_it_rings() {
    let flow = json!({ "s": { "module": "start", "next": "e" }, "e": { "module": "extension", "ringtone": "demo-60s",
        "extensions": [{ "type": "sipuser", "uuid": "bob" }], "duration": 9 } });
    let rig = Rig::start(&[("700", flow)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let call = alice.call("700");
    assert!(alice.hears_so(call, |pcm| ear::sounding(pcm) > 0.3), "{:?}", rig.traces());
    assert!(alice.line(call, |line| line.progress.contains(&183)));
    bob.answer(0);
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.hang_up(0);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn the_callee_sees_who_the_flow_says_calls() {
    let flow = json!({ "name": "Shop", "show_call_route_name": true, "flow": { "s": { "module": "start", "next": "e" },
        "e": { "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "bob" }] } } });
    let rig = Rig::start(&[("700", flow)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    let from =
        bob.line(0, |line| line.invite.clone()).and_then(|invite| invite.header("from").map(str::to_owned));
    assert!(from.as_deref().is_some_and(|from| from.starts_with("\"Shop alice\" <sip:alice@")), "{from:?}");
    alice.hang_up(call);
    assert_eq!(end(&rig.finished()).0, "hangup");
    rig.nothing_left();
}

#[test]
fn a_group_has_a_number_and_its_members_ring_but_for_the_one_who_calls() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol) =
        (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring), rig.desk("carol", C, SOON));
    let call = alice.call("600");
    assert!(alice.up(call) && carol.up(0) && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C), "{:?}", rig.traces());
    alice.hang_up(call);
    let view = rig.finished();
    assert_eq!(view.flow.as_deref(), Some("group/sales"));
    let names: Vec<&str> = view.legs.iter().map(|leg| leg.party.as_str()).collect();
    assert_eq!(names.len(), 3, "alice does not ring herself: {names:?}");
    rig.nothing_left();
}
