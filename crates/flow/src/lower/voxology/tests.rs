//! Lowering Voxology's scripts: what each action becomes, and what an author is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::lower;
use crate::ir::*;
use crate::lower::{LowerError, Lowered, Severity};

mod detect;
mod reach;
mod room;

fn script(actions: Value) -> Lowered {
    let lowered = lower(&json!({ "actions": actions })).unwrap();
    assert_eq!(lowered.program.residual_count(), 0, "{:?}", lowered.diagnostics);
    lowered
}

fn clean(actions: Value) -> Program {
    let lowered = script(actions);
    assert_eq!(lowered.diagnostics, []);
    lowered.program
}

fn node(program: &Program, pointer: &str) -> Node {
    program.nodes.iter().find(|node| node.source.0 == pointer).cloned().unwrap()
}

fn told(lowered: &Lowered) -> Vec<(Severity, &str, &str)> {
    lowered.diagnostics.iter().map(|d| (d.severity, d.pointer.as_str(), d.message.as_str())).collect()
}

/// The pointer of the node that `outcome` leads to.
fn after(program: &Program, from: &str, outcome: &Outcome) -> String {
    match node(program, from).edges.target(outcome) {
        Target::Node(id) => program.node(id).unwrap().source.0.clone(),
        other => format!("{other:?}"),
    }
}

fn literal(text: &str) -> Template {
    Template::literal(text)
}

#[test]
fn a_list_runs_in_order_and_ends_where_it_came_from() {
    let program = clean(json!([
        { "type": "SAY", "params": { "text": "Hello, world." } },
        { "type": "say", "params": { "text": "Again", "loop": 0 }, "comment": "lower case is taken" }
    ]));
    assert_eq!(program.node(program.entry.unwrap()).unwrap().source.0, "/actions/0");
    assert_eq!(after(&program, "/actions/0", &Outcome::Done), "/actions/1");
    assert_eq!(after(&program, "/actions/1", &Outcome::Done), "Return");
    let Op::Play(play) = node(&program, "/actions/1").op else { panic!() };
    assert_eq!((play.repeat, play.answers), (Repeat::Forever, true));
}

#[test]
fn collect_listens_while_it_speaks() {
    let program = clean(json!([{
        "name": "rating", "type": "COLLECT",
        "actions": [{ "type": "SAY", "params": { "text": "Press one", "loop": 2 } }, { "type": "PLAY", "params": { "url": "beep.wav" } }],
        "params": { "finish_on_key": "pound", "num_digits": "1", "timeout": 3000 }
    }]));
    let Op::Collect(collect) = node(&program, "/actions/0").op else { panic!() };
    assert_eq!(collect.prompts.len(), 3);
    assert_eq!(collect.prompts[2], Item::Sound(literal("beep.wav")));
    assert_eq!((collect.max, collect.terminators.as_str(), collect.keep_terminator), (Some(1), "#", false));
    assert_eq!((collect.first, collect.between), (Duration::from_secs(3), Duration::from_secs(3)));
    assert_eq!(collect.name, Some(literal("rating")));
    assert_eq!((collect.by_value, collect.timer), (false, TimerStart::PromptEnd));
}

#[test]
fn a_collect_without_parameters_waits_five_seconds_for_a_pound() {
    let program = clean(json!([{ "type": "COLLECT", "name": "x" }]));
    let Op::Collect(collect) = node(&program, "/actions/0").op else { panic!() };
    assert_eq!((collect.max, collect.terminators.as_str()), (None, "#"));
    assert_eq!(collect.first, Duration::from_secs(5));
}

#[test]
fn both_branches_of_if_come_back_to_the_list() {
    let program = clean(json!([
        { "type": "IF", "condition": "$keyPresses == '1'",
          "then": [{ "type": "SAY", "params": { "text": "one" } }],
          "orElse": [{ "type": "SAY", "params": { "text": "other" } }] },
        { "type": "IF", "condition": "$x", "then": [{ "type": "HANGUP" }] },
        { "type": "HANGUP" }
    ]));
    assert_eq!(after(&program, "/actions/0", &Outcome::Yes), "/actions/0/then/0");
    assert_eq!(after(&program, "/actions/0", &Outcome::No), "/actions/0/orElse/0");
    assert_eq!(after(&program, "/actions/0/then/0", &Outcome::Done), "/actions/1");
    assert_eq!(after(&program, "/actions/0/orElse/0", &Outcome::Done), "/actions/1");
    assert_eq!(after(&program, "/actions/1", &Outcome::No), "/actions/2");
}

#[test]
fn goto_leads_forwards_backwards_and_out_of_nested_lists() {
    let program = clean(json!([
        { "type": "LABEL", "name": "TOP" },
        { "type": "GOTO", "params": { "label": "END" } },
        { "type": "IF", "condition": "true", "then": [
            { "type": "IF", "condition": "true", "then": [{ "type": "GOTO", "params": { "label": "TOP" } }] },
            { "type": "GOTO", "params": { "label": "INSIDE" } }
        ], "orElse": [{ "type": "LABEL", "name": "INSIDE" }] },
        { "type": "LABEL", "name": "END" }
    ]));
    assert_eq!(after(&program, "/actions/1", &Outcome::Done), "/actions/3");
    assert_eq!(after(&program, "/actions/2/then/0/then/0", &Outcome::Done), "/actions/0");
    assert_eq!(after(&program, "/actions/2/then/1", &Outcome::Done), "/actions/2/orElse/0");
}

#[test]
fn a_loop_steps_through_its_body() {
    let program = clean(json!([
        { "type": "FOREACH", "params": { "iterator": "['a', 'b']" }, "then": [
            { "type": "SAY", "params": { "text": "${val} ${index}" } },
            { "type": "FOREACH", "params": { "iterator": "$val" }, "then": [{ "type": "PAUSE", "params": { "duration": 500 } }] }
        ] },
        { "type": "HANGUP" }
    ]));
    let inner = Op::EachNext { slot: 1, value: "val@2".into(), key: "key@2".into() };
    assert!(program.nodes.iter().any(|node| node.op == inner));
    let steps: Vec<&Node> = program.nodes.iter().filter(|n| matches!(n.op, Op::EachNext { .. })).collect();
    assert_eq!(steps.len(), 2);
    assert!(
        matches!(steps[0].op, Op::EachNext { slot: 0, .. })
            && matches!(steps[1].op, Op::EachNext { slot: 1, .. })
    );
    let Target::Node(body) = steps[0].edges.target(&Outcome::Yes) else { panic!() };
    assert_eq!(program.node(body).unwrap().source.0, "/actions/0/then/0");
    let Target::Node(end) = steps[0].edges.target(&Outcome::No) else { panic!() };
    assert_eq!(program.node(end).unwrap().source.0, "/actions/1");
    let Op::Play(play) = node(&program, "/actions/0/then/0").op else { panic!() };
    let Item::Speech(speech) = &play.items[0] else { panic!() };
    assert_eq!(speech.text.0[2], Part::Value(Expr::Variable("key".into())));
}

#[test]
fn an_action_without_a_type_assigns_in_order() {
    let program =
        clean(json!([{ "$a": "1 + 1", "comment": "x", "$sessionData.n.m": "$a", "$list": [1, "x ${a}"] }]));
    let Op::Set(assigns) = node(&program, "/actions/0").op else { panic!() };
    let paths: Vec<String> = assigns.iter().map(|assign| assign.path.join(".")).collect();
    assert_eq!(paths, ["a", "sessionData.n.m", "list"]);
    assert_eq!(assigns[1].value, Expr::Variable("a".into()));
    assert!(assigns.iter().all(|assign| !assign.merge));
}

#[test]
fn session_data_is_merged() {
    let program = clean(json!([
        { "type": "SESSIONDATA", "session_data": { "age": 19, "who": "Mr ${name}", "copy": "$other.x", "nice": true } },
        { "type": "SESSIONDATA", "session_data": "$everything" }
    ]));
    let Op::Set(assigns) = node(&program, "/actions/0").op else { panic!() };
    assert!(assigns[0].merge);
    let Expr::Object(members) = &assigns[0].value else { panic!() };
    assert_eq!(members[0], ("age".into(), Expr::Literal(json!(19))));
    assert!(matches!(members[1].1, Expr::Template(_)));
    assert!(matches!(members[2].1, Expr::Member(..)));
    let Op::Set(assigns) = node(&program, "/actions/1").op else { panic!() };
    assert_eq!(assigns[0].value, Expr::Variable("everything".into()));
}

#[test]
fn a_configuration_asks_its_server_at_the_start_in_the_loop_and_at_the_end() {
    let lowered = lower(&json!({ "callback": {
        "method": "post", "url": "https://example.com/flow", "content_type": "application/x-www-form-urlencoded"
    } }))
    .unwrap();
    assert_eq!(lowered.diagnostics, []);
    let program = lowered.program;
    let kinds: Vec<(Value, Reply)> = [program.entry, program.on_end, program.on_gone]
        .map(|id| {
            let Op::Fetch(fetch) = &program.node(id.unwrap()).unwrap().op else { panic!() };
            assert_eq!(fetch.request.method, literal("POST"));
            assert_eq!(fetch.request.encoding, Encoding::Form { brackets: false });
            assert_eq!((fetch.request.timeout, fetch.request.retries), (Duration::from_secs(10), 1));
            let Expr::Literal(kind) = fetch.request.fields[0].1.clone() else { panic!() };
            (kind, fetch.reply)
        })
        .into();
    let script = Reply::Program(crate::lower::Dialect::Voxology);
    let expected = [("init_call", script), ("live_call", script), ("end_call", Reply::Ignored)];
    assert_eq!(kinds, expected.map(|(kind, reply)| (json!(kind), reply)));
    let failed = program.node(program.entry.unwrap()).unwrap().edges.target(&Outcome::Failed(Cause::Http));
    let Target::Node(failed) = failed else { panic!() };
    assert!(matches!(&program.node(failed).unwrap().op, Op::Hangup(hangup) if hangup.status == 503));
}

#[test]
fn the_callback_carries_every_documented_field_in_order() {
    let sample = include_str!("../../../corpus/voxology/callback-init_call.json");
    let sample: serde_json::Map<String, Value> = serde_json::from_str(sample).unwrap();
    let documented: Vec<String> = sample.keys().cloned().collect();
    let fields = super::callback::fields("init_call");
    let sent: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
    assert_eq!(sent, documented);
}

#[test]
fn a_get_callback_asks_in_the_query_and_xml_is_known() {
    for (method, content_type, encoding) in [
        ("GET", "application/json", Encoding::Query { brackets: false }),
        ("POST", "text/xml; charset=utf-8", Encoding::Xml("callback".into())),
        ("POST", "", Encoding::Json),
    ] {
        let document =
            json!({ "callback": { "method": method, "url": "http://x/", "content_type": content_type } });
        let program = lower(&document).unwrap().program;
        let Op::Fetch(fetch) = &program.node(program.entry.unwrap()).unwrap().op else { panic!() };
        assert_eq!(fetch.request.encoding, encoding);
    }
}

#[test]
fn redirect_replaces_the_script() {
    let program =
        clean(json!([{ "type": "REDIRECT", "params": { "url": "http://x/${n}.json", "method": "POST" } }]));
    let Op::Fetch(fetch) = node(&program, "/actions/0").op else { panic!() };
    assert_eq!(fetch.install, Install::Replace);
    assert_eq!(fetch.request.url.0.len(), 3);
    let Target::Node(failed) = node(&program, "/actions/0").edges.target(&Outcome::Failed(Cause::Http))
    else {
        panic!()
    };
    assert!(matches!(&program.node(failed).unwrap().op, Op::Hangup(hangup) if hangup.status == 503));
}

#[test]
fn reject_has_a_status() {
    for (reason, status) in
        [(json!("busy"), 486), (json!("rejected"), 603), (json!(404), 404), (Value::Null, 603)]
    {
        let program = clean(json!([{ "type": "REJECT", "params": { "reason": reason } }]));
        assert!(matches!(node(&program, "/actions/0").op, Op::Hangup(hangup) if hangup.status == status));
    }
}

#[test]
fn play_sends_keys_after_answering() {
    let program = clean(
        json!([{ "type": "PLAY", "params": { "dtmf": "1w#" } }, { "type": "PLAY", "params": { "url": "12" } }]),
    );
    assert_eq!(node(&program, "/actions/0").op, Op::Answer);
    let sends = program.nodes.iter().filter(|node| matches!(node.op, Op::SendDigits(_))).count();
    assert_eq!(sends, 2);
}

#[test]
fn record_pause_stop_and_webhook_are_read() {
    let program = clean(json!([
        { "type": "RECORD", "name": "greeting", "params": { "finish_on_key": "star", "max_length": 30000, "timeout": 3000, "beep": "false" } },
        { "type": "PAUSE", "params": { "length": 2 } },
        { "type": "WEBHOOK", "params": { "url": "http://x", "data": { "n": "$sessionData.n" } } },
        { "type": "WEBHOOK", "params": { "url": "http://x", "data": "{\"n\": ${n}}" } },
        { "type": "STOP" }
    ]));
    let Op::Record(record) = node(&program, "/actions/0").op else { panic!() };
    assert_eq!((record.stop_keys.as_str(), record.beep), ("*", false));
    assert_eq!((record.limit, record.silence), (Some(Duration::from_secs(30)), Some(Duration::from_secs(3))));
    assert_eq!(node(&program, "/actions/1").op, Op::Sleep(Expr::Literal(json!(2000))));
    let Op::Webhook(webhook) = node(&program, "/actions/2").op else { panic!() };
    assert_eq!((webhook.request.fields.len(), webhook.wait), (1, false));
    let Op::Webhook(webhook) = node(&program, "/actions/3").op else { panic!() };
    assert!(matches!(webhook.request.encoding, Encoding::Raw { .. }));
    assert_eq!(node(&program, "/actions/4").op, Op::WaitForChange);
}

#[test]
fn an_author_is_told_what_and_where() {
    let cases = [
        (
            json!({ "type": "COLECT" }),
            "/actions/0/type",
            "unknown action `COLECT` (did you mean `COLLECT`?); it is skipped",
        ),
        (
            json!({ "type": "GOTO", "params": { "label": "X" } }),
            "/actions/0/params/label",
            "no LABEL is named `X`",
        ),
        (
            json!({ "type": "IF", "condition": "$a = 1" }),
            "/actions/0/condition",
            "at character 4: expected `==` to compare",
        ),
        (
            json!({ "type": "SAY", "params": { "text": ["a"] } }),
            "/actions/0/params/text",
            "expected a string, found [\"a\"]",
        ),
        (json!({ "type": "SAY", "text": "a" }), "/actions/0/text", "`text` belongs in `params`"),
        (
            json!({ "type": "COLLECT", "params": { "num_digit": 1 } }),
            "/actions/0/params/num_digit",
            "`COLLECT` has no option `num_digit`; did you mean `num_digits`?",
        ),
        (
            json!({ "$callerNo": "1" }),
            "/actions/0/$callerNo",
            "`$callerNo` is a native name and keeps its own value; choose another",
        ),
        (
            json!({ "$n": "+19495964641" }),
            "/actions/0/$n",
            "`+19495964641` is a sum here, without its plus; a telephone number is written `'+19495964641'`",
        ),
        (
            json!({ "x": 1 }),
            "/actions/0",
            "an action without a `type` assigns: expected a key such as `$name`",
        ),
        (json!("SAY"), "/actions/0", "expected an action, an object with a `type`, found \"SAY\""),
        (
            json!({ "type": "SAY", "params": { "text": "${a" } }),
            "/actions/0/params/text",
            "at character 4: expected `}`",
        ),
    ];
    for (action, pointer, message) in cases {
        let lowered = lower(&json!({ "actions": [action] })).unwrap();
        let first = &lowered.diagnostics[0];
        assert_eq!((first.pointer.as_str(), first.message.as_str()), (pointer, message));
    }
}

#[test]
fn an_unknown_action_is_a_residual_and_the_next_follows() {
    let lowered = lower(&json!([{ "type": "DANCE" }, { "type": "HANGUP" }])).unwrap();
    assert_eq!(lowered.program.residual_count(), 1);
    assert_eq!(after(&lowered.program, "/0", &Outcome::Done), "/1");
}

#[test]
fn an_empty_reply_hangs_up_instead_of_asking_for_ever() {
    for document in [json!({ "actions": [] }), json!({}), json!({ "name": "x" })] {
        let program = lower(&document).unwrap().program;
        assert!(matches!(program.node(program.entry.unwrap()).unwrap().op, Op::Hangup(_)), "{document}");
    }
}

#[test]
fn what_is_no_script_is_refused() {
    for document in [json!({ "call": { "no": "1" } }), json!({ "type": "init_call" })] {
        assert_eq!(lower(&document), Err(LowerError::Unrecognised));
    }
    assert!(lower(&json!(1)).is_err());
    assert!(lower(&json!({ "actions": 1 })).is_err());
}

#[test]
fn hostile_documents_lower() {
    let mut nested = json!([]);
    for _ in 0..50 {
        nested = json!([{ "type": "IF", "condition": "1", "then": nested }]);
    }
    assert!(lower(&nested).is_ok());
    for value in [json!(null), json!(-1e300), json!("x"), json!([[]]), json!({ "a": {} })] {
        for kind in [
            "SAY", "PLAY", "COLLECT", "IF", "FOREACH", "GOTO", "LABEL", "RECORD", "PAUSE", "REDIRECT",
            "WEBHOOK",
        ] {
            let keys = [
                "text",
                "url",
                "loop",
                "timeout",
                "num_digits",
                "iterator",
                "duration",
                "data",
                "max_length",
            ];
            let params: serde_json::Map<String, Value> =
                keys.iter().map(|key| (key.to_string(), value.clone())).collect();
            let action = json!({ "type": kind, "params": params, "name": value, "actions": value, "then": value, "condition": value });
            assert!(lower(&json!([action])).is_ok());
        }
    }
}

/// The documentation's own documents; what is no flow is named.
#[test]
fn every_example_of_the_documentation_loads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/voxology");
    let mut refused = Vec::new();
    let mut flows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        match crate::lower::lower(None, &document) {
            Ok(lowered) => {
                assert_eq!(lowered.program.residual_count(), 0, "{name}");
                assert_eq!(lowered.program.dialect, crate::lower::Dialect::Voxology, "{name}");
                assert!(lowered.program.entry.is_some(), "{name}");
                verify(&lowered.program).unwrap();
                let errors = lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error);
                assert_eq!(errors.count(), 0, "{name}: {:?}", lowered.diagnostics);
                flows += 1;
            }
            Err(_) => refused.push(name),
        }
    }
    refused.sort();
    // A callback's body and two bodies of the REST API.
    assert_eq!(refused, ["callback-init_call.json", "dials-connect.json", "provision-numbers.json"]);
    assert_eq!(flows, 6);
}
