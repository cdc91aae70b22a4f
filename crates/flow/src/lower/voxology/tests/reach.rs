//! DIAL, TRANSFER, QUEUE and SMS: whom they name, and their units and defaults.

use super::*;

fn feature(program: &Program, pointer: &str) -> Feature {
    match node(program, pointer).op {
        Op::Feature(feature) => *feature,
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) -> Callee {
    Callee::Trunk { name: None, number: literal(text) }
}

#[test]
fn dial_is_a_call_of_its_own_with_the_script_of_its_number() {
    let program = clean(json!([
        { "type": "DIAL", "params": {
            "no": "+15550199", "caller_id_no": "+15550111", "timeout": 30, "max_call_time": 60000
        }, "session_data": { "room": "${callId}", "tries": 2 } },
        { "type": "HANGUP" }
    ]));
    let Feature::Originate(dial) = feature(&program, "/actions/0") else { panic!() };
    assert_eq!(dial.to, [number("+15550199")]);
    assert_eq!(dial.runs, Runs::Number(literal("+15550111")));
    assert_eq!(dial.identity.number, Shown::Given(literal("+15550111")));
    assert_eq!((dial.timeout, dial.longest), (Duration::from_secs(30), Some(Duration::from_secs(60))));
    assert_eq!((dial.early, dial.chained), (false, false));
    let Some(Template(parts)) = dial.session else { panic!() };
    assert!(matches!(&parts[..], [Part::Value(Expr::Call(None, name, _))] if name == "JSON.stringify"));
    assert_eq!(after(&program, "/actions/0", &Outcome::Done), "/actions/1");
    assert_eq!(after(&program, "/actions/0", &Outcome::Failed(Cause::Unavailable)), "/actions/1");
}

#[test]
fn what_dial_and_transfer_do_not_say() {
    let program = clean(json!([
        { "type": "DIAL", "params": { "no": "$agent" }, "session_data": "$sessionData" },
        { "type": "TRANSFER", "params": { "no": "sip:bob@example.com" } }
    ]));
    let Feature::Originate(dial) = feature(&program, "/actions/0") else { panic!() };
    assert_eq!((dial.timeout, dial.longest), (Duration::from_secs(60), None));
    assert_eq!(dial.runs, Runs::Number(Template(vec![Part::Value(super::super::native::api())])));
    let agent = Template(vec![Part::Value(Expr::Variable("agent".into()))]);
    assert_eq!(dial.to, [Callee::Trunk { name: None, number: agent }]);
    let Op::Dial(transfer) = node(&program, "/actions/1").op else { panic!() };
    assert_eq!(transfer.to[0].callee, Callee::Uri(literal("sip:bob@example.com")));
    assert_eq!((transfer.timeout, transfer.longest), (Duration::from_secs(60), None));
    assert_eq!((transfer.identity.number, transfer.answers, transfer.relay), (Shown::Caller, true, false));
}

#[test]
fn after_a_transfer_and_after_its_failure_comes_the_next_action() {
    let program = clean(json!([
        { "type": "TRANSFER", "params": { "no": "+15550199", "caller_id_no": "+15550111", "timeout": 20 } },
        { "type": "SAY", "params": { "text": "Good bye." } }
    ]));
    let Op::Dial(transfer) = node(&program, "/actions/0").op else { panic!() };
    assert_eq!(transfer.timeout, Duration::from_secs(20));
    assert_eq!(transfer.identity.number, Shown::Given(literal("+15550111")));
    for outcome in [Outcome::Done, Outcome::Key("busy".into()), Outcome::Failed(Cause::Status(486))] {
        assert_eq!(after(&program, "/actions/0", &outcome), "/actions/1");
    }
}

#[test]
fn a_queue_has_a_program_for_who_waits_and_ways_out() {
    let program = clean(json!([
        { "type": "QUEUE", "params": { "name": "support", "timeout": 300 },
          "actions": [{ "type": "SAY", "params": { "text": "Please wait, ${sessionData.name}." } }, { "type": "PAUSE", "params": { "duration": 20000 } }],
          "events": { "on_timeout": [{ "type": "SAY", "params": { "text": "Nobody is free." } }] } },
        { "type": "HANGUP" }
    ]));
    let Feature::Queue(queue) = feature(&program, "/actions/0") else { panic!() };
    assert_eq!((queue.id, queue.timeout), (literal("support"), Some(Duration::from_secs(300))));
    let wait = queue.wait.unwrap();
    verify(&wait).unwrap();
    assert_eq!(wait.nodes.len(), 2);
    assert_eq!(after(&wait, "/actions/0/actions/0", &Outcome::Done), "/actions/0/actions/1");
    assert_eq!(after(&wait, "/actions/0/actions/1", &Outcome::Done), "Return");
    let word = |word: &str| after(&program, "/actions/0", &Outcome::Key(word.into()));
    assert_eq!(
        (word("timeout").as_str(), word("full").as_str()),
        ("/actions/0/events/on_timeout/0", "/actions/1")
    );
    assert_eq!(after(&program, "/actions/0/events/on_timeout/0", &Outcome::Done), "/actions/1");
}

#[test]
fn what_is_wrong_in_a_queue_is_told_where_it_stands() {
    let lowered = script(json!([
        { "type": "QUEUE", "name": "c", "actions": [{ "type": "GOTO", "params": { "label": "OUT" } }],
          "events": { "on_enter": [] } },
        { "type": "LABEL", "name": "OUT" }
    ]));
    let expected = [
        (Severity::Error, "/actions/0/actions/0/params/label", "no LABEL is named `OUT`"),
        (
            Severity::Warning,
            "/actions/0/events/on_enter",
            "`on_enter` is no event: expected on_timeout, on_full, on_empty, on_exit or on_failed",
        ),
    ];
    assert_eq!(told(&lowered), expected);
}

#[test]
fn a_text_goes_to_the_caller_from_our_own_number_unless_it_says_more() {
    let program = clean(json!([
        { "type": "SMS", "params": { "message": "Thank you, ${sessionData.name}" } },
        { "type": "SMS", "params": { "no": "+15550199", "caller_id_no": "+15550111", "message": "Hi" } }
    ]));
    let Feature::Message(first) = feature(&program, "/actions/0") else { panic!() };
    let value = |expr| Template(vec![Part::Value(expr)]);
    assert_eq!((first.by, first.wait), (Channel::Sms, false));
    assert_eq!(first.to, [value(super::super::native::caller())]);
    assert_eq!(first.from, Some(value(super::super::native::api())));
    let Feature::Message(second) = feature(&program, "/actions/1") else { panic!() };
    assert_eq!((second.to, second.from), (vec![literal("+15550199")], Some(literal("+15550111"))));
}

#[test]
fn nobody_to_reach_is_told_and_the_next_action_follows() {
    for (kind, missing) in [("DIAL", "no"), ("TRANSFER", "no"), ("SMS", "message"), ("QUEUE", "name")] {
        let lowered = script(json!([{ "type": kind }, { "type": "HANGUP" }]));
        assert_eq!(told(&lowered)[0].2, format!("{kind} needs `params.{missing}`"));
        assert_eq!(node(&lowered.program, "/actions/0").op, Op::Noop);
        assert_eq!(after(&lowered.program, "/actions/0", &Outcome::Done), "/actions/1");
    }
}
