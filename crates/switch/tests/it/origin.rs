//! Calls that begin here: a flow at the answer or at ringing, click-to-call, chained calls, their limits and their ends.

use std::time::Duration;

use crate::rig::{LONG, Rig, end, trace};
use serde_json::{Value, json};
use switch::{CallId, CallView, Direction, Machines, NotBegun, Origination, Refusal};
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

/// A VoIPBIN document.
fn actions(actions: Value) -> Value {
    json!({ "actions": actions })
}

fn echo() -> Value {
    actions(json!([{ "type": "echo", "option": { "duration": 60_000 } }]))
}

/// A VoIPBIN `call` to a user.
fn call(user: &str, more: Value) -> Value {
    let mut option = json!({ "destinations": [{ "type": "extension", "target": user }] });
    if let (Value::Object(option), Value::Object(more)) = (&mut option, more) {
        option.extend(more);
    }
    json!({ "type": "call", "option": option })
}

fn origin(from: &str, flow: &str) -> Origination {
    Origination { flow: Some(flow.to_owned()), ..Origination::new(from) }
}

fn begin(rig: &Rig, origination: Origination) -> CallId {
    let _inside = rig.runtime.enter();
    rig.switch().originate(origination).expect("a call")
}

fn refused(rig: &Rig, origination: Origination) -> NotBegun {
    let _inside = rig.runtime.enter();
    rig.switch().originate(origination).expect_err("no call")
}

/// A call when it is over, with its trace.
fn over(rig: &Rig, id: CallId) -> CallView {
    rig.wait("the end of the call", || rig.switch().recent().iter().any(|call| call.id == id));
    rig.switch().call(id).expect("its record")
}

#[test]
fn whoever_is_rung_runs_the_flow_at_the_answer_and_its_phones_ring_together() {
    let rig = Rig::start(&[("700", echo())]);
    let (one, two) = (rig.desk("alice", A, Manner::Ring), rig.desk("alice", B, Manner::Ring));
    let id = begin(&rig, origin("201", "700.json"));
    assert!(one.wait(|lines| !lines.is_empty()) && two.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let living = rig.switch().calls();
    assert_eq!((living.len(), living[0].direction), (1, Direction::Outbound));
    assert!(living[0].answered.is_none());
    two.answer(0);
    assert!(two.up(0) && one.over(0), "{:?}", rig.traces());
    let cancel = one.line(0, |line| line.end.clone()).expect("a CANCEL");
    assert!(cancel.header("reason").is_some_and(|reason| reason.contains("200")), "{cancel:?}");
    assert!(two.hears_tone(0, B), "its echo: {:?}", rig.traces());
    two.hang_up(0);
    let view = over(&rig, id);
    assert_eq!(end(&view), ("hangup".into(), "callee".into()));
    assert_eq!((view.called.as_str(), view.user.as_deref()), ("201", Some("alice")));
    assert_eq!(view.flow.as_deref(), Some("700.json"));
    assert!(view.answered.is_some() && view.legs.len() == 2 && view.media.is_some(), "{view:?}");
    rig.nothing_left();
    let cdr = std::fs::read_to_string(rig.dir.path().join("cdr.jsonl")).expect("records");
    assert!(cdr.contains("\"direction\":\"outbound\""), "{cdr}");
}

#[test]
fn a_call_that_begins_here_has_the_call_id_of_whoever_answers_everywhere() {
    let journals = tempfile::tempdir().expect("a directory");
    let rig = Rig::with(&[("700", echo())], |config| config.journal = Some(journals.path().to_owned()));
    let (one, two) = (rig.desk("alice", A, Manner::Ring), rig.desk("alice", B, Manner::Ring));
    let id = begin(&rig, origin("201", "700.json"));
    assert!(one.wait(|lines| !lines.is_empty()) && two.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let ids = [&one, &two].map(|desk| desk.line(0, |line| line.call_id.clone()));
    let known = || rig.switch().calls().first().map(|call| call.sip_call_id.clone()).unwrap_or_default();
    assert!(ids.contains(&known()), "{} is none of {ids:?}", known());
    // The one that rang second, to be sure.
    let (answering, at) = if known() == ids[0] { (&two, 1) } else { (&one, 0) };
    answering.answer(0);
    assert!(answering.up(0) && answering.hears_tone(0, if at == 1 { B } else { A }), "{:?}", rig.traces());
    assert_eq!(known(), ids[at]);
    answering.hang_up(0);
    assert_eq!(over(&rig, id).sip_call_id, ids[at]);
    rig.nothing_left();
    let cdr = std::fs::read_to_string(rig.dir.path().join("cdr.jsonl")).expect("records");
    assert!(cdr.contains(&ids[at]), "{cdr}");
    let written = |file: std::fs::DirEntry| std::fs::read_to_string(file.path()).unwrap_or_default();
    let told: String = std::fs::read_dir(journals.path()).expect("journals").flatten().map(written).collect();
    assert!(told.contains(&format!("\"sip_call_id\":\"{}\"", ids[at])), "what the flow is told: {told}");
}

#[test]
fn click_to_call_rings_the_first_and_connects_it_with_the_second_who_sees_the_first() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let id = begin(&rig, Origination { to: Some("202".into()), ..Origination::new("alice") });
    assert!(alice.up(0) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(0, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    let from = |desk: &testkit::ua::desk::Desk| {
        desk.line(0, |line| line.invite.clone()).and_then(|invite| invite.header("from").map(str::to_owned))
    };
    assert!(from(&alice).is_some_and(|from| from.contains("sip:202@")), "{:?}", from(&alice));
    assert!(from(&bob).is_some_and(|from| from.contains("sip:201@")), "{:?}", from(&bob));
    bob.hang_up(0);
    assert!(alice.over(0));
    let view = over(&rig, id);
    assert_eq!(end(&view), ("hangup".into(), "callee".into()), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_call_that_nobody_takes_says_why_and_its_flow_never_begins() {
    let rig = Rig::start(&[("700", echo())]);
    let ended = |from: &str, timeout: Duration| {
        let view = over(&rig, begin(&rig, Origination { timeout, ..origin(from, "700.json") }));
        assert!(!trace(&view).contains("Echo"), "{}", trace(&view));
        assert!(view.answered.is_none());
        end(&view).0
    };
    assert_eq!(ended("alice", LONG), "unavailable");
    let bob = rig.desk("bob", B, Manner::Refuse(486));
    assert_eq!(ended("bob", LONG), "busy");
    bob.behave(Manner::Refuse(603));
    assert_eq!(ended("bob", LONG), "rejected");
    bob.behave(Manner::Ring);
    assert_eq!(ended("bob", Duration::from_millis(300)), "no_answer");
    assert!(bob.over(2), "it is told to stop ringing");
    rig.nothing_left();
}

#[test]
fn it_may_be_hung_up_while_it_rings_and_last_no_longer_than_wished() {
    let rig = Rig::start(&[("700", echo())]);
    let alice = rig.desk("alice", A, Manner::Ring);
    let id = begin(&rig, origin("alice", "700.json"));
    assert!(alice.wait(|lines| !lines.is_empty()));
    assert!(rig.switch().hang_up(id, "enough"));
    assert!(alice.over(0));
    assert_eq!(end(&over(&rig, id)), ("enough".into(), "server".into()));
    alice.behave(SOON);
    let longest = Some(Duration::from_millis(700));
    let id = begin(&rig, Origination { longest, ..origin("alice", "700.json") });
    assert!(alice.up(1) && alice.over(1), "{:?}", rig.traces());
    assert_eq!(end(&over(&rig, id)).0, "longest duration reached");
    rig.nothing_left();
}

#[test]
fn a_flow_that_begins_at_ringing_does_what_needs_no_leg_and_the_rest_at_the_answer() {
    let flow = actions(json!([
        { "type": "variable_set", "option": { "key": "x", "value": "1" } },
        call("202", json!({ "actions": [{ "type": "echo", "option": { "duration": 60_000 } }] })),
        { "type": "echo", "option": { "duration": 60_000 } },
    ]));
    let rig = Rig::start(&[("700", flow)]);
    let (alice, bob) = (rig.desk("alice", A, Manner::Ring), rig.desk("bob", B, SOON));
    let id = begin(&rig, Origination { early: true, ..origin("alice", "700.json") });
    assert!(bob.up(0), "begun while alice's phone rings: {:?}", rig.traces());
    assert!(alice.line(0, |line| line.status.is_none()));
    alice.answer(0);
    assert!(alice.up(0) && alice.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(0);
    over(&rig, id);
    assert!(bob.hears_tone(0, B), "it is a call of its own");
    bob.hang_up(0);
    rig.finished();
    rig.nothing_left();
    // Nobody answers: the flow that waits for its leg ends with the ringing.
    let timeout = Duration::from_millis(300);
    bob.behave(Manner::Ring);
    let id = begin(&rig, Origination { early: true, timeout, ..origin("alice", "700.json") });
    assert_eq!(end(&over(&rig, id)).0, "no_answer");
    bob.hang_up(1);
    rig.nothing_left();
}

#[test]
fn a_chained_call_ends_with_the_one_that_began_it_and_another_does_not() {
    for chained in [true, false] {
        let begun = call("202", json!({ "chained": chained, "flow_id": "701" }));
        let flow = actions(
            json!([{ "type": "answer" }, begun, { "type": "echo", "option": { "duration": 60_000 } }]),
        );
        let rig = Rig::start(&[("700", flow), ("701", echo())]);
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
        let line = alice.call("700");
        assert!(alice.up(line) && bob.up(0), "{:?}", rig.traces());
        assert!(alice.hears_tone(line, A) && bob.hears_tone(0, B), "each hears itself: {:?}", rig.traces());
        let calls = rig.switch().calls();
        let (master, begun) = (&calls[0], &calls[1]);
        assert_eq!((begun.master, begun.flow.as_deref()), (Some(master.id), Some("701.json")));
        alice.hang_up(line);
        if chained {
            assert!(bob.over(0), "{:?}", rig.traces());
        } else {
            over(&rig, master.id);
            assert!(bob.hears_tone(0, B));
            bob.hang_up(0);
        }
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn voxologys_dial_runs_the_script_of_its_caller_id_with_the_session_data() {
    let dial = json!({ "actions": [
        { "type": "DIAL", "params": { "no": "202", "caller_id_no": "701" }, "session_data": { "room": "blue" } },
        { "type": "CONFERENCE", "params": { "name": "blue" } },
    ] });
    let script =
        json!({ "actions": [{ "type": "CONFERENCE", "params": { "name": "${sessionData.room}" } }] });
    let rig = Rig::start(&[("700", dial), ("701", script)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let line = alice.call("700");
    assert!(alice.up(line) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(line, B) && bob.hears_tone(0, A), "they meet in the room: {:?}", rig.traces());
    let from = bob.line(0, |line| line.invite.clone()).and_then(|i| i.header("from").map(str::to_owned));
    assert!(from.as_deref().is_some_and(|from| from.contains("701")), "{from:?}");
    alice.hang_up(line);
    bob.hang_up(0);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn nothing_begins_when_the_switch_is_full_or_goes_down_or_the_wish_makes_no_sense() {
    let rig = Rig::with(&[("700", echo())], |config| config.max_calls = 1);
    assert_eq!(refused(&rig, origin("nobody", "700.json")), NotBegun::Nobody("nobody".into()));
    assert_eq!(refused(&rig, origin("alice", "none.json")), NotBegun::NoFlow("none.json".into()));
    assert_eq!(refused(&rig, origin("700", "700.json")), NotBegun::RunsFlow("700".into()));
    assert_eq!(refused(&rig, Origination::new("alice")), NotBegun::Nothing);
    let to = Some("999".to_owned());
    assert_eq!(
        refused(&rig, Origination { to, ..Origination::new("alice") }),
        NotBegun::NoNumber("999".into())
    );
    let alice = rig.desk("alice", A, SOON);
    begin(&rig, origin("alice", "700.json"));
    assert!(alice.up(0));
    assert_eq!(refused(&rig, origin("alice", "700.json")), NotBegun::Refused(Refusal::Full));
    alice.hang_up(0);
    rig.finished();
    rig.runtime.block_on(rig.switch().drain(Duration::ZERO));
    assert_eq!(refused(&rig, origin("alice", "700.json")), NotBegun::Refused(Refusal::Draining));
}

#[test]
fn a_flow_that_is_blocked_goes_on_when_somebody_outside_lets_it() {
    // VoIPBIN's block is for flows without a call, such as the one that completes another.
    let mut first = actions(json!([{ "type": "hangup" }]));
    first["on_complete_flow_id"] = json!("701");
    let then = actions(json!([{ "type": "block" }, call("202", json!({ "flow_id": "702" }))]));
    let rig = Rig::start(&[("700", first), ("701", then), ("702", echo())]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let id = begin(&rig, origin("alice", "700.json"));
    assert!(alice.over(0), "{:?}", rig.traces());
    let blocked = || rig.switch().call(id).is_some_and(|call| call.blocked);
    rig.wait("the block", blocked);
    assert!(bob.wait(|lines| lines.is_empty()));
    assert!(rig.runtime.block_on(async { rig.switch().go_on(id) }));
    assert!(bob.up(0) && bob.hears_tone(0, B), "{:?}", rig.traces());
    assert!(!over(&rig, id).blocked);
    bob.hang_up(0);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn session_data_from_outside_reaches_a_running_flow() {
    // STOP waits for something to change; then the script is asked for again.
    let script = json!({ "actions": [
        { "type": "IF", "condition": "$sessionData.room == 'blue'",
            "then": [{ "type": "CONFERENCE", "params": { "name": "blue" } }] },
        { "type": "LABEL", "name": "again" },
        { "type": "PAUSE", "params": { "duration": 100 } },
        { "type": "IF", "condition": "$sessionData.room == 'blue'",
            "then": [{ "type": "CONFERENCE", "params": { "name": "blue" } }],
            "orElse": [{ "type": "GOTO", "params": { "label": "again" } }] },
    ] });
    let rig = Rig::start(&[("700", script)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let session = Some(json!({ "room": "blue" }));
    let first = begin(&rig, Origination { session, ..origin("alice", "700.json") });
    let second = begin(&rig, origin("bob", "700.json"));
    assert!(alice.up(0) && bob.up(0), "{:?}", rig.traces());
    assert!(
        rig.runtime.block_on(async { rig.switch().merge(second, "sessionData", json!({ "room": "blue" })) })
    );
    assert!(alice.hears_tone(0, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(0);
    bob.hang_up(0);
    over(&rig, first);
    let view = over(&rig, second);
    assert!(trace(&view).contains("blue"), "{}", trace(&view));
    rig.nothing_left();
    // While it rings, too.
    alice.behave(Manner::Ring);
    let first = begin(&rig, origin("alice", "700.json"));
    assert!(alice.wait(|lines| lines.len() == 2));
    assert!(
        rig.runtime.block_on(async { rig.switch().merge(first, "sessionData", json!({ "room": "blue" })) })
    );
    alice.answer(1);
    rig.wait("the room", || rig.switch().conferences().len() == 1);
    alice.hang_up(1);
    assert!(!trace(&over(&rig, first)).contains("Sleep"));
    rig.nothing_left();
}

#[test]
fn a_call_ends_as_another_one_did() {
    let as_it = actions(json!([{ "type": "hangup", "option": { "reference_id": "${id}" } }]));
    let rig = Rig::start(&[("700", echo()), ("701", as_it)]);
    let alice = rig.desk("alice", A, Manner::Refuse(486));
    let busy = begin(&rig, origin("alice", "700.json"));
    over(&rig, busy);
    alice.behave(SOON);
    for (id, cause) in [(busy.to_string(), "busy"), ("call-none".to_owned(), "normal")] {
        let variables = serde_json::Map::from_iter([("id".to_owned(), json!(id))]);
        let view = over(&rig, begin(&rig, Origination { variables, ..origin("alice", "701.json") }));
        assert_eq!(end(&view).0, cause, "{}", trace(&view));
    }
    rig.nothing_left();
}

#[test]
fn who_answered_is_found_out_before_the_flow_begins() {
    let rig = Rig::start(&[("700", echo())]);
    // A steady tone without a pause is no greeting of a person: it talks and talks.
    let alice = rig.desk("alice", A, SOON);
    let machines = Some(Machines::HangUp);
    let id = begin(&rig, Origination { machines, ..origin("alice", "700.json") });
    assert!(alice.up(0) && alice.over(0), "{:?}", rig.traces());
    let view = over(&rig, id);
    assert_eq!(end(&view), ("amd".into(), "server".into()), "{}", trace(&view));
    assert!(!trace(&view).contains("Echo"), "{}", trace(&view));
    let machines = Some(Machines::GoOn);
    let id = begin(&rig, Origination { machines, ..origin("alice", "700.json") });
    assert!(alice.up(1) && alice.hears_tone(1, A), "its echo: {:?}", rig.traces());
    alice.hang_up(1);
    assert!(trace(&over(&rig, id)).contains("answered by: machine"));
    rig.nothing_left();
}

#[test]
fn whom_the_flow_connects_is_seen_and_heard_and_outlives_nobody() {
    let connect = actions(json!([
        { "type": "connect", "option": { "destinations": [{ "type": "extension", "target": "203" }] } },
    ]));
    let rig = Rig::start(&[("700", connect)]);
    let (alice, carol) = (rig.desk("alice", A, SOON), rig.desk("carol", C, SOON));
    let id = begin(&rig, origin("alice", "700.json"));
    assert!(alice.up(0) && carol.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(0, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(0);
    assert!(carol.over(0));
    assert_eq!(end(&over(&rig, id)), ("hangup".into(), "callee".into()));
    rig.nothing_left();
}

#[test]
fn a_flow_that_calls_itself_ends() {
    // Each answered call begins the next; with its hops they are used up.
    let flow = actions(json!([call("202", json!({ "flow_id": "700" }))]));
    let rig = Rig::start(&[("700", flow)]);
    let bob = rig.desk("bob", B, Manner::Answer(Duration::ZERO));
    begin(&rig, origin("bob", "700.json"));
    rig.wait("the last call", || rig.traces().concat().contains("calls have begun each other too often"));
    rig.wait("the end of all", || rig.switch().calls().is_empty());
    let begun = bob.wait(|lines| lines.len() >= 60);
    assert!(begun && rig.switch().recent().len() <= 70, "{}", rig.switch().recent().len());
    rig.nothing_left();
}
