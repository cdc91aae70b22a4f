//! What came of dialling, in the words of each dialect: which edge a flow takes, and what its caller is told.

use std::time::Duration;

use crate::rig::{Rig, trace};
use serde_json::{Value, json};
use switch::CallView;
use testkit::ua::desk::{Desk, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::ZERO);

/// Calls 700; the final status, and the trace.
fn call(rig: &Rig, alice: &Desk) -> (Option<u16>, CallView) {
    let call = alice.call("700");
    assert!(alice.over(call), "{:?}", rig.traces());
    let status = alice.line(call, |line| line.status);
    (status, rig.finished())
}

/// What comes of each way of not being answered.
fn each(rig: &Rig, bob: &Desk, alice: &Desk, wanted: &[(Manner, u16)]) {
    for (manner, status) in wanted {
        bob.behave(*manner);
        let (came, view) = call(rig, alice);
        assert_eq!(came, Some(*status), "{manner:?}\n{}", trace(&view));
    }
}

fn response(status: u16) -> Value {
    json!({ "module": "response", "data": { "code": status } })
}

#[test]
fn kazoo_takes_the_child_of_the_cause_then_of_the_status_then_the_rest() {
    let children = json!({ "USER_BUSY": response(410), "sip:486": response(411), "sip:404": response(412),
        "CALL_REJECTED": response(413), "NO_ANSWER": response(414), "_": response(415) });
    let user = json!({ "module": "user", "data": { "id": "bob", "timeout": 1 }, "children": children });
    let rig = Rig::start(&[("700", user)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let wanted = [
        (Manner::Refuse(486), 410),
        (Manner::Refuse(600), 410),
        (Manner::Refuse(404), 412),
        (Manner::Refuse(603), 413),
        (Manner::Refuse(403), 413),
        (Manner::Ring, 414),
        (Manner::Refuse(480), 415),
        (Manner::Refuse(500), 415),
    ];
    each(&rig, &bob, &alice, &wanted);
    bob.unregister();
    assert_eq!(call(&rig, &alice).0, Some(415), "no phone is there");
    // A child of the status alone.
    let children = json!({ "sip:486": response(411), "_": response(415) });
    let user = json!({ "module": "user", "data": { "id": "bob", "timeout": 1 }, "children": children });
    rig.reload(&[("700", user)], "");
    let bob = rig.desk("bob", B, SOON);
    each(&rig, &bob, &alice, &[(Manner::Refuse(486), 411), (Manner::Refuse(600), 415)]);
    rig.nothing_left();
}

#[test]
fn kazoos_resources_tell_the_caller_what_the_carrier_said_unless_a_child_is_there_for_it() {
    let children = json!({ "USER_BUSY": response(410), "_": response(415) });
    let flow = json!({ "module": "resources", "data": { "to_did": "+4722334455" }, "children": children });
    let rig = Rig::start(&[]);
    let (alice, carrier) = (rig.desk("alice", A, SOON), rig.desk("dave", B, SOON));
    let trunk = format!("[a]\nserver = \"sip:{}\"\nping = 0\n", carrier.address());
    rig.reload(&[("700", flow.clone())], &trunk);
    let wanted = [(Manner::Refuse(486), 410), (Manner::Refuse(404), 404), (Manner::Refuse(603), 603)];
    each(&rig, &carrier, &alice, &wanted);
    // The carrier's own trouble is the caller's when no other carrier is there.
    each(&rig, &carrier, &alice, &[(Manner::Refuse(503), 503)]);
    rig.reload(&[("700", flow)], "");
    assert_eq!(call(&rig, &alice).0, Some(404), "no trunk at all");
    rig.nothing_left();
}

#[test]
fn a_kazoo_conversation_ends_the_flow_and_a_caller_who_gives_up_takes_no_child() {
    let children = json!({ "ORIGINATOR_CANCEL": response(410), "_": response(415) });
    let user = json!({ "module": "user", "data": { "id": "bob" }, "children": children });
    let rig = Rig::start(&[("700", user)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let line = alice.call("700");
    assert!(alice.up(line) && bob.up(0));
    bob.hang_up(0);
    assert!(alice.over(line));
    let view = rig.finished();
    assert!(!trace(&view).contains("response"), "{}", trace(&view));
    bob.behave(Manner::Ring);
    let line = alice.call("700");
    assert!(bob.wait(|lines| lines.len() == 2));
    rig.wait("ringing", || alice.line(line, |line| line.progress.contains(&180)));
    alice.hang_up(line);
    assert!(alice.over(line));
    assert_eq!(alice.line(line, |line| line.status), Some(487));
    let view = rig.finished();
    assert!(!trace(&view).contains("response"), "{}", trace(&view));
    rig.nothing_left();
}

/// A call route that rings bob for a second; its modules after that.
fn route(more: Value) -> Value {
    let mut module =
        json!({ "module": "extension", "duration": 1, "extensions": [{ "type": "sipuser", "uuid": "bob" }] });
    if let (Some(module), Some(more)) = (module.as_object_mut(), more.as_object()) {
        module.extend(more.clone());
    }
    // Who comes to a number outside that no trunk takes is told 404.
    json!({ "s": { "module": "start", "next": "e" }, "e": module,
        "n": { "module": "extension", "extensions": [{ "type": "forward", "number": "+4711111111" }] },
        "b": { "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "carol" }] } })
}

#[test]
fn a_call_route_goes_on_at_noanswer_whatever_it_was_and_without_it_the_caller_hears_the_refusal() {
    let rig = Rig::start(&[("700", route(json!({ "noanswer": "n" })))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", 1_100, Manner::Refuse(606));
    let all =
        [Manner::Refuse(486), Manner::Refuse(480), Manner::Refuse(603), Manner::Refuse(500), Manner::Ring];
    each(&rig, &bob, &alice, &all.map(|manner| (manner, 404)));
    rig.reload(&[("700", route(json!({})))], "");
    let relayed = [
        (Manner::Refuse(486), 486),
        (Manner::Refuse(603), 603),
        (Manner::Refuse(404), 404),
        (Manner::Ring, 480),
    ];
    each(&rig, &bob, &alice, &relayed);
    // Edges of their own go before it.
    rig.reload(&[("700", route(json!({ "noanswer": "n", "busy": "b" })))], "");
    each(&rig, &bob, &alice, &[(Manner::Refuse(486), 606), (Manner::Refuse(480), 404), (Manner::Ring, 404)]);
    rig.reload(&[("700", route(json!({ "noanswer": "n", "unavailable": "b" })))], "");
    each(&rig, &bob, &alice, &[(Manner::Refuse(480), 606), (Manner::Refuse(486), 404), (Manner::Ring, 404)]);
    assert!(carol.line(0, |line| line.invite.is_some()));
    rig.nothing_left();
}

/// VoIPBIN's seed: connect, and voicemail for whom it did not connect.
fn connect(relay: bool) -> Value {
    json!({ "actions": [
        { "id": "c", "type": "connect", "option": { "relay_reason": relay,
            "destinations": [{ "type": "extension", "target": "202" }] } },
        { "id": "q", "type": "condition_call_status", "option": { "status": "progressing", "false_target_id": "no" } },
        { "id": "yes", "type": "hangup", "option": { "reason": "normal" } },
        { "id": "no", "type": "hangup", "option": { "reason": "failed" } },
    ] })
}

#[test]
fn voipbin_goes_to_the_next_action_and_the_calls_status_says_whether_they_talked() {
    let rig = Rig::start(&[("700", connect(false))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let failed = [Manner::Refuse(486), Manner::Refuse(603), Manner::Refuse(404), Manner::Refuse(503)];
    each(&rig, &bob, &alice, &failed.map(|manner| (manner, 500)));
    bob.behave(SOON);
    let line = alice.call("700");
    assert!(alice.up(line) && alice.hears_tone(line, B), "{:?}", rig.traces());
    let last = bob.wait(|lines| lines.len() == 5);
    assert!(last && bob.up(4));
    bob.hang_up(4);
    assert!(alice.over(line));
    let view = rig.finished();
    // The callee left, and the flow went on to the ordinary end.
    assert!(trace(&view).contains("the flow hangs up: normal"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn voipbin_relays_the_reason_where_it_is_told_to() {
    let rig = Rig::start(&[("700", connect(true))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let wanted = [
        (Manner::Refuse(486), 486),
        (Manner::Refuse(603), 603),
        (Manner::Refuse(404), 404),
        (Manner::Refuse(480), 480),
    ];
    each(&rig, &bob, &alice, &wanted);
    rig.nothing_left();
}

#[test]
fn voxology_answers_first_and_goes_to_the_next_action_whatever_came_of_it() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let script = json!({ "actions": [
        { "type": "TRANSFER", "params": { "no": format!("sip:bob@{}", bob.address()), "timeout": 1 } },
        { "type": "SESSIONDATA", "session_data": { "reached": "after" } },
        { "type": "HANGUP" },
    ] });
    rig.reload(&[("700", script)], "");
    for (manner, words) in [
        (Manner::Refuse(486), "nobody was connected: busy (486)"),
        (Manner::Refuse(603), "nobody was connected: rejected (603)"),
        (Manner::Refuse(404), "nobody was connected: failed (404)"),
        (Manner::Ring, "nobody was connected: no_answer (480)"),
    ] {
        bob.behave(manner);
        let (status, view) = call(&rig, &alice);
        let text = trace(&view);
        assert_eq!(status, Some(200), "it answers before it dials\n{text}");
        assert!(text.contains(words) && text.contains("reached"), "{text}");
    }
    bob.behave(SOON);
    let line = alice.call("700");
    assert!(alice.up(line) && alice.hears_tone(line, B), "{:?}", rig.traces());
    let at = bob.wait(|lines| lines.len() == 5);
    assert!(at && bob.up(4));
    bob.hang_up(4);
    assert!(alice.over(line));
    assert!(trace(&rig.finished()).contains("reached"));
    rig.nothing_left();
}
