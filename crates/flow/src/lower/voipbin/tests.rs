//! Lowering VoIPBIN's flows: what each action becomes, and what an author is told.

mod people;

use std::time::Duration;

use serde_json::{Value, json};

use super::lower;
use crate::ir::*;
use crate::lower::{LowerError, Lowered, Severity};

fn flow(actions: Value) -> Lowered {
    lower(&json!({ "name": "n", "detail": "d", "actions": actions })).unwrap()
}

fn clean(actions: Value) -> Program {
    let lowered = flow(actions);
    assert_eq!(lowered.diagnostics, []);
    lowered.program
}

fn op(program: &Program, at: usize) -> &Op {
    &program.nodes[at].op
}

/// The index of the node that `outcome` of node `from` leads to, or the target's name.
fn after(program: &Program, from: usize, outcome: &Outcome) -> String {
    match program.nodes[from].edges.target(outcome) {
        Target::Node(NodeId(id)) => id.to_string(),
        other => format!("{other:?}"),
    }
}

fn said(option: Value) -> (Severity, String, String) {
    let lowered = lower(&json!([option])).unwrap();
    let first = lowered.diagnostics[0].clone();
    (first.severity, first.pointer, first.message)
}

#[test]
fn an_action_is_followed_by_its_next_id_or_its_neighbour() {
    let program = clean(json!([
        { "id": "a", "type": "answer", "next_id": "c" },
        { "id": "b", "type": "beep", "next_id": "00000000-0000-0000-0000-000000000000" },
        { "id": "c", "type": "empty", "next_id": "b" },
        { "type": "empty", "next_id": "00000000-0000-0000-0000-000000000002" },
        { "type": "empty", "next_id": "00000000-0000-0000-0000-000000000001" },
        { "type": "empty", "next_id": "00000000-0000-0000-0000-000000000003" }
    ]));
    let next: Vec<String> = (0..6).map(|at| after(&program, at, &Outcome::Done)).collect();
    assert_eq!(next, ["2", "2", "1", "Hangup", "0", "Return"]);
    assert_eq!((program.lacking, program.node_limit), (Lacking::Skip, Some(100)));
}

#[test]
fn talk_answers_and_next_lets_any_key_end_it() {
    let program = clean(json!([
        { "type": "talk", "option": { "text": "Hi ${voipbin.call.source.target}", "gender": "female", "language": "en-US" } },
        { "type": "talk", "option": { "text": "<speak>x</speak>", "digits_handle": "next", "voice_id": "v", "gender": "male" } }
    ]));
    let Op::Play(talk) = op(&program, 0) else { panic!() };
    assert_eq!((talk.answers, &talk.barge), (true, &Barge::None));
    let Item::Speech(speech) = &talk.items[0] else { panic!() };
    assert_eq!(speech.text.0[1], Part::Value(Expr::Fact(Fact::CallerNumber)));
    assert_eq!(
        (&speech.language, &speech.voice),
        (&Some(Template::literal("en-US")), &Some(Template::literal("female")))
    );
    let Op::Play(talk) = op(&program, 1) else { panic!() };
    assert_eq!((&talk.barge, talk.consume), (&Barge::Any, false));
}

#[test]
fn digits_receive_keeps_its_ending_key_and_has_one_time_for_all() {
    let program = clean(json!([
        { "type": "digits_receive", "option": { "duration": 5000, "length": 3, "key": "#*" } },
        { "type": "digits_receive", "option": { "duration": 5000 } },
        { "type": "digits_receive", "option": { "duration": 5000, "key": "#" } },
        { "type": "digits_receive", "option": { "duration": "5000", "length": "0" } }
    ]));
    let collects: Vec<&Collect> =
        program.nodes.iter().map(|node| if let Op::Collect(c) = &node.op { c } else { panic!() }).collect();
    let max: Vec<Option<u32>> = collects.iter().map(|collect| collect.max).collect();
    assert_eq!(max, [Some(3), Some(1), None, None]);
    for collect in collects {
        assert!(collect.keep_terminator && !collect.answers && !collect.by_value);
        assert_eq!((collect.total, collect.timer), (Some(Duration::from_secs(5)), TimerStart::Entry));
        assert_eq!(
            (collect.ahead, collect.into.as_slice()),
            (TypeAhead::Last, &["voipbin.call.digits".to_string()][..])
        );
    }
}

#[test]
fn a_branch_compares_exactly_and_empties_its_variable() {
    let program = clean(json!([
        { "id": "x", "type": "branch", "option": { "target_ids": { "1": "y", "": "x" }, "default_target_id": "z" } },
        { "id": "y", "type": "branch", "option": { "variable": "voipbin.message.text", "target_ids": { "call me": "x" } } },
        { "id": "z", "type": "branch", "option": { "variable": "${mine}", "target_ids": { "a": "x" } } }
    ]));
    let Op::Branch(branch) = op(&program, 0) else { panic!() };
    assert_eq!((branch.reset.as_deref(), branch.flush), (Some("voipbin.call.digits"), true));
    assert_eq!(after(&program, 0, &Outcome::Key("1".into())), "1");
    assert_eq!(after(&program, 0, &Outcome::Key(String::new())), "0");
    assert_eq!(after(&program, 0, &Outcome::Key("9".into())), "2");
    assert_eq!(after(&program, 1, &Outcome::Key("9".into())), "Hangup");
    let Op::Branch(branch) = op(&program, 2) else { panic!() };
    assert_eq!(
        (&branch.on, branch.reset.as_deref(), branch.flush),
        (&Expr::Variable("mine".into()), Some("mine"), false)
    );
}

#[test]
fn goto_jumps_as_often_as_it_says() {
    let program = clean(json!([
        { "id": "a", "type": "empty" },
        { "type": "goto", "option": { "target_id": "a", "loop_count": 2 } },
        { "type": "goto", "option": { "target_id": "a" } },
        { "type": "goto", "option": { "target_id": "a", "loop_count": 0 } }
    ]));
    let counts: Vec<&Op> = (1..4).map(|at| op(&program, at)).collect();
    assert_eq!(counts, [&Op::Jump(Some(2)), &Op::Jump(None), &Op::Jump(Some(0))]);
    assert_eq!(
        (after(&program, 1, &Outcome::Yes), after(&program, 1, &Outcome::No)),
        ("0".into(), "2".into())
    );
}

#[test]
fn a_condition_leads_on_or_to_its_false_target() {
    let program = clean(json!([
        { "id": "a", "type": "condition_variable", "option": { "condition": "==", "variable": "voipbin.call.source.target",
          "value_type": "string", "value_string": "+821100000001", "false_target_id": "c" } },
        { "type": "condition_variable", "option": { "condition": ">=", "variable": "${age}", "value_type": "number", "value_number": 18, "false_target_id": "a" } },
        { "id": "c", "type": "condition_call_status", "option": { "status": "progressing", "false_target_id": "a" } },
        { "type": "condition_call_digits", "option": { "length": 10, "key": "#", "false_target_id": "a" } },
        { "type": "condition_variable", "option": { "condition": "<", "variable": "x", "value_type": "length", "value_length": 4, "false_target_id": "a" } }
    ]));
    assert_eq!(
        (after(&program, 0, &Outcome::Yes), after(&program, 0, &Outcome::No)),
        ("1".into(), "2".into())
    );
    let Op::If(Condition::Expr(Expr::Binary(Binary::Eq, text, _))) = op(&program, 0) else { panic!() };
    assert_eq!(**text, Expr::Template(Template(vec![Part::Value(Expr::Fact(Fact::CallerNumber))])));
    assert!(matches!(op(&program, 1), Op::If(Condition::Expr(Expr::Binary(Binary::And, ..)))));
    assert!(matches!(op(&program, 3), Op::If(Condition::Expr(Expr::Binary(Binary::Or, ..)))));
}

#[test]
fn a_time_has_wildcards() {
    let program = clean(json!([
        { "id": "a", "type": "condition_datetime", "option": { "condition": ">=", "minute": 0, "hour": 8, "day": -1, "month": 0, "weekdays": [], "false_target_id": "a" } },
        { "type": "condition_datetime", "option": { "condition": "==", "weekdays": [0, "6"], "false_target_id": "a" } }
    ]));
    let fields = [Some(0), Some(8), None, None];
    assert_eq!(op(&program, 0), &Op::If(Condition::Clock { op: Compare::Ge, fields, weekdays: vec![] }));
    let weekend = Condition::Clock { op: Compare::Eq, fields: [None; 4], weekdays: vec![0, 6] };
    assert_eq!(op(&program, 1), &Op::If(weekend));
}

#[test]
fn hangup_has_a_status_by_its_reason() {
    for (reason, status, cause) in
        [(json!("busy"), 486, "busy"), (Value::Null, 480, "normal"), (json!("failed"), 500, "failed")]
    {
        let program = clean(json!([{ "type": "hangup", "option": { "reason": reason } }]));
        let Op::Hangup(hangup) = op(&program, 0) else { panic!() };
        assert_eq!((hangup.status, hangup.cause.as_str()), (status, cause));
    }
}

#[test]
fn fetches_push_and_their_failure_ends_the_flow() {
    let program = clean(json!([
        { "type": "fetch", "option": { "event_url": "http://x/${a}", "event_method": "POST" } },
        { "type": "fetch_flow", "option": { "flow_id": "f" } },
        { "type": "webhook_send", "option": { "sync": true, "uri": "http://x", "method": "PUT", "data_type": "application/json", "data": "{\"a\": \"${a}\"}" } }
    ]));
    let Op::Fetch(fetch) = op(&program, 0) else { panic!() };
    assert_eq!((fetch.install, &fetch.request.encoding), (Install::Push, &Encoding::Json));
    for (fetch, cause, next) in [(0, Cause::Http, "1"), (1, Cause::Missing, "2")] {
        let Target::Node(failed) = program.nodes[fetch].edges.target(&Outcome::Failed(cause)) else {
            panic!()
        };
        assert!(matches!(&program.node(failed).unwrap().op, Op::Hangup(hangup) if hangup.status == 503));
        assert_eq!(after(&program, fetch, &Outcome::Done), next);
    }
    let Op::Webhook(webhook) = op(&program, 2) else { panic!() };
    assert!(
        webhook.wait && matches!(&webhook.request.encoding, Encoding::Raw { body, .. } if body.0.len() == 3)
    );
}

#[test]
fn the_rest_of_the_call_actions_are_read() {
    let program = clean(json!([
        { "type": "play", "option": { "stream_urls": ["a", "b"] } },
        { "type": "play", "option": { "stream_urls": ["c"] } },
        { "type": "sleep", "option": { "duration": 1500 } },
        { "type": "sleep", "option": { "duration": "${wait}" } },
        { "type": "echo" },
        { "type": "stream_echo", "option": { "duration": 10000 } },
        { "type": "digits_send", "option": { "digits": "12#", "duration": 200, "interval": 0 } },
        { "type": "recording_start", "option": { "format": "ogg", "end_of_silence": 3, "end_of_key": "any", "duration": 60, "beep_start": true } },
        { "type": "recording_stop" },
        { "type": "variable_set", "option": { "key": "Provider name", "value": "voipbin ${x}" } },
        { "type": "stop" }
    ]));
    let Op::Play(play) = op(&program, 0) else { panic!() };
    assert_eq!((play.items.len(), play.answers), (2, false));
    assert_eq!(op(&program, 2), &Op::Sleep(Expr::Literal(json!(1500))));
    assert!(matches!(op(&program, 3), Op::Sleep(Expr::Template(_))));
    assert_eq!(op(&program, 4), &Op::Echo(Some(Duration::from_secs(180))));
    let Op::RecordStart(record) = op(&program, 7) else { panic!() };
    assert_eq!((record.limit, record.silence), (Some(Duration::from_secs(60)), Some(Duration::from_secs(3))));
    assert_eq!((record.stop_keys.len(), record.beep), (16, true));
    assert_eq!((record.format, record.sides), (FileFormat::Ogg, Sides::Both));
    let Op::Set(assigns) = op(&program, 9) else { panic!() };
    assert_eq!(assigns[0].path, ["Provider name"]);
}

#[test]
fn an_author_is_told_what_and_where() {
    let cases = [
        (
            json!({ "type": "Talkk", "option": {} }),
            "/0/type",
            "unknown action `Talkk` (did you mean `talk`?); it is skipped",
        ),
        (
            json!({ "type": "goto", "option": { "target_id": "x" } }),
            "/0/option/target_id",
            "no action has the id `x`; unless a flow that fetches this one has it, the flow ends here",
        ),
        (
            json!({ "type": "talk", "next_id": "y", "option": { "text": "a" } }),
            "/0/next_id",
            "no action has the id `y`; unless a flow that fetches this one has it, the flow ends here",
        ),
        (
            json!({ "type": "talk", "option": { "text": "a", "langauge": "en" } }),
            "/0/option/langauge",
            "`talk` has no option `langauge`; did you mean `language`?",
        ),
        (
            json!({ "type": "talk", "option": { "text": [] } }),
            "/0/option/text",
            "expected a string, found []",
        ),
        (
            json!({ "type": "sleep", "option": { "duration": "soon" } }),
            "/0/option/duration",
            "expected a number, found \"soon\"",
        ),
        (
            json!({ "type": "digits_receive", "option": {} }),
            "/0/option",
            "without a `duration` (milliseconds) no key is waited for",
        ),
        (json!({ "type": "hangup", "option": 5 }), "/0/option", "expected an object, found 5"),
        (
            json!({ "type": "condition_datetime", "option": { "hour": 24, "false_target_id": "" } }),
            "/0/option/hour",
            "expected 0 to 23, or -1 for any, found 24; any is taken",
        ),
        (json!({ "id": "a" }), "/0", "an action needs a `type`"),
        (json!(7), "/0", "expected an action, an object with a `type`, found 7"),
    ];
    for (action, pointer, message) in cases {
        let (_, at, words) = said(action);
        assert_eq!((at.as_str(), words.as_str()), (pointer, message));
    }
}

#[test]
fn older_spellings_of_the_documentation_are_taken_with_a_word() {
    let (severity, pointer, message) = said(json!({ "type": "play", "option": { "stream_url": ["a"] } }));
    let expected =
        (Severity::Warning, "/0/option/stream_url", "`stream_url` is the old name of `stream_urls`");
    assert_eq!((severity, pointer.as_str(), message.as_str()), expected);
    let (_, _, message) = said(json!({ "type": "amd", "option": { "machine_handle": "sing" } }));
    assert_eq!(message, "expected hangup, continue or delay, found `sing`; continue is taken");
}

#[test]
fn envelopes_and_single_actions_are_opened() {
    let action = json!({ "type": "answer" });
    for (document, pointer) in [
        (json!({ "actions": [action] }), "/actions/0"),
        (json!([action]), "/0"),
        (json!({ "result": [{ "actions": [action] }, { "actions": [] }] }), "/result/0/actions/0"),
        (json!({ "result": { "actions": [action] } }), "/result/actions/0"),
        (json!({ "result": [action] }), "/result/0"),
        (json!({ "type": "activeflow_created", "data": { "actions": [action] } }), "/data/actions/0"),
        (action.clone(), ""),
    ] {
        let program = lower(&document).unwrap().program;
        assert_eq!(
            (program.nodes[0].source.0.as_str(), &program.nodes[0].op),
            (pointer, &Op::Answer),
            "{document}"
        );
        assert_eq!(program.entry, Some(NodeId(0)));
    }
    assert_eq!(lower(&json!({ "actions": [] })).unwrap().program.entry, None);
}

#[test]
fn what_is_no_flow_is_refused() {
    for document in [json!({ "type": "init_call" }), json!({ "call": {} }), json!({ "data": { "data": {} } })]
    {
        assert_eq!(lower(&document), Err(LowerError::Unrecognised), "{document}");
    }
    assert!(lower(&json!("x")).is_err());
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({ "data": deep });
    }
    assert!(lower(&deep).is_err());
}

#[test]
fn hostile_options_lower() {
    for kind in super::list::ACTIONS {
        for value in [json!(null), json!(-1e300), json!(""), json!([null]), json!({ "a": [] })] {
            let keys = [
                "text",
                "duration",
                "length",
                "key",
                "target_ids",
                "target_id",
                "loop_count",
                "weekdays",
                "hour",
                "digits",
                "interval",
                "event_url",
                "uri",
                "data",
                "value",
                "variable",
                "stream_urls",
                "actions",
            ];
            let option: serde_json::Map<String, Value> =
                keys.iter().map(|key| (key.to_string(), value.clone())).collect();
            assert!(
                lower(&json!([{ "type": kind, "option": option, "id": value, "next_id": value }])).is_ok()
            );
            assert!(lower(&json!([{ "type": kind, "option": value }])).is_ok());
        }
    }
}

/// The documentation's own documents, REST replies and a webhook among them.
#[test]
fn every_example_of_the_documentation_loads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/voipbin");
    let mut flows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let lowered = crate::lower::lower(None, &document).unwrap();
        assert_eq!(lowered.program.residual_count(), 0, "{name}");
        assert_eq!(lowered.program.dialect, crate::lower::Dialect::Voipbin, "{name}");
        assert!(lowered.program.entry.is_some(), "{name}");
        verify(&lowered.program).unwrap();
        let errors = lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        assert_eq!(errors.count(), 0, "{name}: {:?}", lowered.diagnostics);
        flows += 1;
    }
    assert_eq!(flows, 9);
}
