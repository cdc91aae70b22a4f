//! Lowering actions with other people, services, and what runs with or without a call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{after, clean, flow, op, said};
use crate::ir::*;
use crate::lower::{Code, Severity};

const MINUTE: Duration = Duration::from_secs(60);

fn dial(program: &Program, at: usize) -> &Dial {
    if let Op::Dial(dial) = op(program, at) { dial } else { panic!("{:?}", op(program, at)) }
}

fn feature(program: &Program, at: usize) -> &Feature {
    if let Op::Feature(feature) = op(program, at) { feature } else { panic!("{:?}", op(program, at)) }
}

fn text(text: &str) -> Template {
    Template::literal(text)
}

fn codes(option: Value) -> Vec<(Code, String)> {
    let lowered = super::lower(&json!([option])).unwrap();
    lowered.diagnostics.into_iter().map(|found| (found.code, found.pointer)).collect()
}

#[test]
fn connect_calls_all_at_once_for_a_minute_and_shows_the_source() {
    let program = clean(json!([
        { "type": "connect", "option": {
            "source": { "type": "tel", "target": "+1", "target_name": "One" },
            "destinations": [
                { "type": "tel", "target": "+${to}" },
                { "type": "sip", "target": "a@example.com" },
                { "type": "sip", "target": "sips:b@example.com" },
                { "type": "extension", "target": "100" },
                { "type": "agent", "target": "agent-1" }
            ] } },
        { "type": "connect", "option": { "destinations": [{ "type": "tel", "target": "+2" }], "early_media": true, "anonymous": "yes" } }
    ]));
    let both = dial(&program, 0);
    let to = Template(vec![Part::Literal("+".into()), Part::Value(Expr::Variable("to".into()))]);
    let callees: Vec<Callee> = both.to.iter().map(|endpoint| endpoint.callee.clone()).collect();
    assert_eq!(
        callees,
        [
            Callee::Trunk { name: None, number: to },
            Callee::Uri(Template(vec![Part::Literal("sip:".into()), Part::Literal("a@example.com".into())])),
            Callee::Uri(text("sips:b@example.com")),
            Callee::Extension(text("100")),
            Callee::Agent(text("agent-1")),
        ]
    );
    assert_eq!((both.timeout, both.rounds, both.order), (MINUTE, 1, Order::Together));
    assert_eq!((&both.meanwhile, both.relay, both.answers), (&Meanwhile::Ringing, false, false));
    let identity = &both.identity;
    assert_eq!((&identity.number, &identity.name), (&Shown::Given(text("+1")), &Shown::Given(text("One"))));
    assert_eq!(identity.withheld, Withheld::AsCaller);
    let one = dial(&program, 1);
    assert_eq!((&one.meanwhile, one.identity.withheld), (&Meanwhile::Pass, Withheld::Both));
    assert_eq!(one.identity.number, Shown::Caller);
    for outcome in [Outcome::Done, Outcome::Key("busy".into()), Outcome::Failed(Cause::Status(486))] {
        let ends = matches!(outcome, Outcome::Failed(_));
        assert_eq!(after(&program, 0, &outcome), if ends { "Hangup" } else { "1" });
    }
    assert_eq!(after(&program, 0, &Outcome::Failed(Cause::Unavailable)), "Hangup");
}

#[test]
fn a_relayed_reason_ends_the_call_with_its_callees_but_not_with_a_groups() {
    let connect = |kind: &str| json!({ "type": "connect", "option": { "relay_reason": true, "destinations": [{ "type": kind, "target": "1" }] } });
    let program = clean(json!([connect("tel"), { "type": "answer" }]));
    assert!(dial(&program, 0).relay);
    for (outcome, cause) in [
        (Outcome::Done, "normal"),
        (Outcome::Key("busy".into()), "busy"),
        (Outcome::Key("no_answer".into()), "dialout"),
        (Outcome::Key("failed".into()), "failed"),
    ] {
        let Target::Node(end) = program.nodes[0].edges.target(&outcome) else { panic!("{outcome:?}") };
        assert!(matches!(&program.node(end).unwrap().op, Op::Hangup(hangup) if hangup.cause == cause));
    }
    // Without a call there is nothing to end.
    assert_eq!(after(&program, 0, &Outcome::Failed(Cause::Unsupported)), "1");
    let program = clean(json!([connect("agent"), { "type": "answer" }]));
    assert!(!dial(&program, 0).relay);
    assert_eq!(after(&program, 0, &Outcome::Done), "1");
}

#[test]
fn who_cannot_be_called_is_left_out_and_nobody_to_call_ends_the_flow() {
    let lowered = flow(json!([
        { "type": "connect", "option": { "destinations": [{ "type": "email", "target": "a@b" }, { "type": "tel", "target": "1" }] } },
        { "type": "connect", "option": { "destinations": [{ "type": "line", "target": "x" }] } },
        { "type": "connect", "option": {} },
        { "type": "connect", "option": { "destinations": [{ "type": "conference", "target": "room" }] } },
        { "type": "call", "option": { "actions": [] } }
    ]));
    assert_eq!(dial(&lowered.program, 0).to.len(), 1);
    for at in [1, 2, 4] {
        assert!(matches!(op(&lowered.program, at), Op::Hangup(hangup) if hangup.cause == "failed"), "{at}");
    }
    assert!(matches!(op(&lowered.program, 3), Op::Conference(room) if room.room == text("room")));
    let places: Vec<_> =
        lowered.diagnostics.iter().map(|found| (found.code, found.pointer.as_str())).collect();
    assert_eq!(
        places,
        [
            (Code::BadValue, "/actions/0/option/destinations/0/type"),
            (Code::BadValue, "/actions/1/option/destinations/0/type"),
            (Code::MissingOption, "/actions/2"),
            (Code::MissingOption, "/actions/4"),
        ]
    );
}

#[test]
fn an_address_has_a_known_type_and_a_target() {
    let connect = |address: Value| json!({ "type": "connect", "option": { "destinations": [address] } });
    let at = |end: &str| format!("/0/option/destinations/0{end}");
    for (address, code, place) in [
        (json!({ "type": "tle", "target": "1" }), Code::BadValue, at("/type")),
        (json!({ "target": "1" }), Code::MissingOption, at("/type")),
        (json!({ "type": "${kind}", "target": "1" }), Code::Approximated, at("/type")),
        (json!({ "type": "tel" }), Code::MissingOption, at("")),
        (json!("+1"), Code::WrongType, at("")),
    ] {
        assert_eq!(codes(connect(address))[0], (code, place));
    }
}

#[test]
fn another_call_has_a_flow_of_its_own_by_id_or_in_place() {
    let to = json!([{ "type": "tel", "target": "+3" }, { "type": "extension", "target": "100" }]);
    let lowered = flow(json!([
        { "type": "call", "option": { "destinations": to, "actions": [{ "type": "talk", "option": { "text": "a" } }] } },
        { "type": "call", "option": { "destinations": to, "flow_id": "f", "actions": [], "chained": true, "early_execution": true } },
        { "type": "call", "option": { "destinations": to, "actions": [{ "type": "tolk" }] } }
    ]));
    let Feature::Originate(first) = feature(&lowered.program, 0) else { panic!() };
    assert_eq!((first.to.len(), first.early, first.chained, first.timeout), (2, false, false, MINUTE));
    let Runs::Program(program) = &first.runs else { panic!() };
    assert_eq!(
        (program.node_limit, program.nodes[0].source.0.as_str()),
        (Some(100), "/actions/0/option/actions/0")
    );
    let Feature::Originate(second) = feature(&lowered.program, 1) else { panic!() };
    assert_eq!((&second.runs, second.early, second.chained), (&Runs::Flow(text("f")), true, true));
    let told: Vec<_> = lowered.diagnostics.iter().map(|found| (found.code, found.pointer.as_str())).collect();
    assert_eq!(
        told,
        [
            (Code::ConflictingOptions, "/actions/1/option/actions"),
            (Code::UnknownModule, "/actions/2/option/actions/0/type"),
        ]
    );
    assert_eq!(lowered.program.residual_count(), 1, "an unknown action of another call counts too");
    assert_eq!(after(&lowered.program, 0, &Outcome::Done), "1");
    assert_eq!(after(&lowered.program, 0, &Outcome::Failed(Cause::Unavailable)), "Hangup");
}

#[test]
fn control_actions_that_fail_end_the_flow_and_others_lead_on() {
    let to = json!([{ "type": "tel", "target": "+3" }]);
    let program = clean(json!([
        { "type": "message_send", "option": { "destinations": to, "text": "a" } },
        { "type": "conference_join", "option": { "conference_id": "c" } },
        { "type": "confbridge_join", "option": { "confbridge_id": "c" } },
        { "type": "email_send", "option": { "destinations": [{ "type": "email", "target": "a@b" }], "subject": "s", "content": "c" } },
        { "type": "conversation_send", "option": { "conversation_id": "c", "text": "t" } },
        { "type": "case_create", "option": { "name": "n", "note": "o" } },
        { "type": "transcribe_stop" },
        { "type": "external_media_start", "option": { "external_host": "h:1" } },
        { "type": "mute" },
        { "type": "transcribe_recording", "option": { "language": "en-US" } },
        { "type": "empty" }
    ]));
    let failed: Vec<bool> =
        (0..10).map(|at| after(&program, at, &Outcome::Failed(Cause::Unavailable)) == "Hangup").collect();
    assert_eq!(failed, [true, true, false, false, false, false, false, false, false, false]);
    assert!((0..10).all(|at| after(&program, at, &Outcome::Done) == (at + 1).to_string()));
    let Feature::Message(mail) = feature(&program, 3) else { panic!() };
    assert_eq!((mail.by, &mail.subject, &mail.text), (Channel::Mail, &Some(text("s")), &text("c")));
    let Feature::Stream(Stream::Start { format, listen, speak, settings, .. }) = feature(&program, 7) else {
        panic!()
    };
    assert_eq!((format, *listen, *speak, settings.len()), (&text("ulaw"), Side::Both, Side::Both, 0));
}

#[test]
fn a_queue_has_its_name_and_leads_on_after_its_time() {
    let program =
        clean(json!([{ "type": "queue_join", "option": { "queue_id": "q" } }, { "type": "empty" }]));
    let Op::Set(assigns) = op(&program, 0) else { panic!() };
    assert_eq!(assigns[0].path, ["voipbin.queue.id"]);
    let Target::Node(NodeId(queue)) = program.nodes[0].edges.target(&Outcome::Done) else { panic!() };
    let Feature::Queue(waits) = feature(&program, queue as usize) else { panic!() };
    assert_eq!((&waits.id, waits.timeout, waits.service), (&text("q"), None, None));
    for word in ["timeout", "full", "empty", "exit"] {
        assert_eq!(after(&program, queue as usize, &Outcome::Key(word.into())), "1");
    }
    assert_eq!(after(&program, queue as usize, &Outcome::Key("failed".into())), "Hangup");
    assert_eq!(after(&program, 0, &Outcome::Failed(Cause::Unsupported)), "1");
}

#[test]
fn actions_run_with_a_call_without_one_or_always() {
    let program = flow(json!([
        { "type": "sleep", "option": { "duration": 1000 } }, { "type": "hangup" },
        { "type": "condition_call_status", "option": { "status": "progressing", "false_target_id": "x" } },
        { "type": "block" }, { "type": "ai_task", "option": { "ai_id": "a" } },
        { "type": "ai_summary", "option": { "reference_id": "r" } },
        { "id": "x", "type": "variable_set", "option": { "key": "a", "value": "b" } }, { "type": "stop" }
    ]))
    .program;
    let when: Vec<When> = program.nodes.iter().take(8).map(|node| node.when).collect();
    let (on, off, always) = (When::OnCall, When::OffCall, When::Always);
    assert_eq!(when, [on, on, on, off, off, off, always, always]);
    assert_eq!(after(&program, 2, &Outcome::Failed(Cause::Unsupported)), "3", "a question that is not asked");
}

#[test]
fn a_call_ends_as_another_one_ended() {
    let program =
        clean(json!([{ "type": "hangup", "option": { "reason": "failed", "reference_id": "${other}" } }]));
    assert!(matches!(feature(&program, 0), Feature::CauseOf(_)));
    for (outcome, status, cause) in [
        (Outcome::Key("busy".into()), 486, "busy"),
        (Outcome::Key("dialout".into()), 480, "dialout"),
        (Outcome::Done, 480, "normal"),
        (Outcome::Failed(Cause::Unavailable), 480, "normal"),
    ] {
        let Target::Node(end) = program.nodes[0].edges.target(&outcome) else { panic!("{outcome:?}") };
        let Op::Hangup(hangup) = &program.node(end).unwrap().op else { panic!() };
        assert_eq!((hangup.status, hangup.cause.as_str()), (status, cause));
    }
    assert_eq!(
        codes(json!({ "type": "Hangup_relay", "option": { "reference_id": "x" } })),
        [(Code::Tolerated, "/0/type".to_owned())]
    );
    assert_eq!(codes(json!({ "type": "hangup", "option": { "reason": "bussy" } }))[0].0, Code::BadValue);
}

#[test]
fn what_lasts_may_go_on_behind_the_next_action() {
    let program = clean(json!([
        { "type": "talk", "option": { "text": "a", "async": true } },
        { "type": "amd", "option": { "machine_handle": "hangup", "async": true } },
        { "type": "amd", "option": { "machine_handle": "continue", "async": "true" } },
        { "type": "amd", "option": { "machine_handle": "hangup" } },
        { "type": "recording_start", "option": { "on_end_flow_id": "f" } }
    ]));
    assert!(matches!(op(&program, 0), Op::PlayBehind(play) if play.answers));
    assert!(
        matches!(op(&program, 1), Op::DetectBehind { hangup: Some(hangup), .. } if hangup.cause == "amd")
    );
    assert!(matches!(op(&program, 2), Op::DetectBehind { hangup: None, .. }));
    assert!(matches!(op(&program, 3), Op::Detect(_)));
    assert_eq!(feature(&program, 4), &Feature::AfterRecording(text("f")));
    let Target::Node(NodeId(start)) = program.nodes[4].edges.target(&Outcome::Done) else { panic!() };
    assert!(matches!(op(&program, start as usize), Op::RecordStart(_)));
}

#[test]
fn older_forms_of_the_documentation_are_tolerated() {
    for (option, place) in [
        (json!({ "type": "amd", "option": { "machine_handle": "hangup", "sync": true } }), "/0/option/sync"),
        (json!({ "type": "play", "option": { "stream_url": ["a"] } }), "/0/option/stream_url"),
        (
            json!({ "type": "branch", "option": { "default_index": 0, "target_ids": { "1": "" } } }),
            "/0/option/default_index",
        ),
        (
            json!({ "type": "branch", "option": { "target_indexes": { "1": 0 } } }),
            "/0/option/target_indexes/1",
        ),
    ] {
        assert_eq!(codes(option.clone())[0], (Code::Tolerated, place.to_owned()), "{option}");
    }
    let program = flow(json!([
        { "type": "branch", "option": { "target_indexes": { "1": 2 }, "default_index": 1 } }, { "type": "empty" }, { "type": "empty" }
    ]))
    .program;
    assert_eq!(after(&program, 0, &Outcome::Key("1".into())), "2");
    assert_eq!(after(&program, 0, &Outcome::Key("5".into())), "1");
    let program =
        flow(json!([{ "type": "play", "option": { "stream_url": ["a"], "stream_urls": ["b"] } }])).program;
    assert!(matches!(op(&program, 0), Op::Play(play) if play.items == [Item::Sound(text("b"))]));
    assert_eq!(
        codes(json!({ "type": "branch", "option": { "default_index": 9, "target_ids": { "1": "" } } }))[0].0,
        Code::DanglingTarget
    );
    let (severity, _, message) = said(json!({ "type": "agent_call", "option": { "agent_id": "a" } }));
    assert_eq!((severity, message.contains("connect")), (Severity::Warning, true));
}

#[test]
fn a_flow_may_name_the_one_that_follows_it() {
    let program = super::lower(&json!({ "actions": [{ "type": "answer" }], "on_complete_flow_id": "next" }))
        .unwrap()
        .program;
    let after = program.node(program.on_gone.unwrap()).unwrap();
    assert_eq!(after.op, Op::Subflow(Subflow { id: text("next"), install: Install::Replace }));
    assert_eq!((program.stack_limit, program.longest), (Some(100), Some(Duration::from_secs(3600))));
    let zeros = json!({ "actions": [], "on_complete_flow_id": "00000000-0000-0000-0000-000000000000" });
    assert_eq!(super::lower(&zeros).unwrap().program.on_gone, None);
}

#[test]
fn an_action_that_became_several_nodes_counts_as_one() {
    let transcribe = json!({ "type": "transcribe_start", "option": { "language": "en-US" } });
    let with = |more: usize| {
        let mut actions = vec![transcribe.clone(); more];
        actions.push(json!({ "type": "talk", "option": { "text": "The end." } }));
        crate::sim::run(&json!({ "actions": actions }), None, "")
    };
    assert!(with(99).contains("Say(\"The end.\")"));
    let over = with(100);
    assert!(!over.contains("The end.") && over.contains("100 steps in one call"), "{over}");
}

#[test]
fn what_comes_afterwards_and_what_came_before_is_carried_along() {
    let program = clean(json!([
        { "type": "transcribe_recording", "option": { "on_end_flow_id": "f" } },
        { "type": "ai_talk", "option": { "assistance_id": "a", "resume": true } },
        { "type": "ai_summary", "option": { "reference_id": "r", "on_end_flow_id": "f" } }
    ]));
    let Feature::Transcribe(Transcribe::Recording { on_end, .. }) = feature(&program, 0) else { panic!() };
    assert_eq!(on_end, &Some(text("f")));
    assert!(matches!(feature(&program, 1), Feature::Converse(talk) if talk.resume && talk.on_end.is_none()));
    assert!(matches!(feature(&program, 2), Feature::Converse(sum) if sum.on_end == Some(text("f"))));
}

#[test]
fn every_action_has_a_row_and_none_is_residual() {
    use crate::lower::{Dialect, modules};
    let rows: Vec<&str> =
        modules().filter(|module| module.dialect == Dialect::Voipbin).map(|module| module.name).collect();
    assert_eq!(rows.len(), crate::lower::voipbin::list::ACTIONS.len());
    for name in crate::lower::voipbin::list::ACTIONS {
        assert!(rows.contains(&name), "{name}");
        let lowered = super::lower(&json!([{ "type": name }])).unwrap();
        assert_eq!(lowered.program.residual_count(), 0, "{name}");
        let unavailable = |node: &Node| matches!(node.op, Op::Unavailable { .. });
        assert!(!lowered.program.nodes.iter().any(unavailable), "{name}");
    }
}

fn timings(option: Value) -> Timings {
    let lowered = super::lower(&json!([{ "type": "amd", "option": option }])).unwrap();
    let Op::Detect(detect) = op(&lowered.program, 0) else { panic!("{:?}", op(&lowered.program, 0)) };
    (*detect.timings).clone()
}

#[test]
fn amd_takes_its_timings_from_its_options_and_the_rest_from_the_server() {
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(timings(json!({ "machine_handle": "hangup" })), Timings::default());
    let all = json!({ "machine_handle": "delay", "total": 8000, "initial_silence": 3000, "greeting": 1800,
        "after_greeting_silence": 600, "min_word": 120, "between_words": 60, "max_words": 5, "max_word": 4000,
        "beep": "20000", "greeting_end": 1500 });
    assert_eq!(codes(json!({ "type": "amd", "option": all })), []);
    let expected = Timings {
        initial_silence: ms(3_000),
        greeting: ms(1_800),
        after_greeting_silence: ms(600),
        total: ms(8_000),
        min_word: ms(120),
        between_words: ms(60),
        max_words: Some(5),
        max_word: ms(4_000),
        beep: ms(20_000),
        greeting_end: ms(1_500),
    };
    assert_eq!(timings(all), expected);
}

#[test]
fn a_timing_that_makes_no_sense_is_told_and_is_as_usual() {
    for (option, at, words) in [
        (json!({ "total": 5 }), "total", "expected 500 to 120000 milliseconds, found 5 ms"),
        (json!({ "greeting": -1 }), "greeting", "expected 100 to 60000 milliseconds, found 0 ms"),
        (json!({ "max_words": 0 }), "max_words", "expected 1 to 100 words, found 0"),
        (json!({ "beep": 999_999 }), "beep", "expected 1000 to 600000 milliseconds"),
        (
            json!({ "min_word": 500, "max_word": 400 }),
            "min_word",
            "500 ms, is no shorter than the longest, 400 ms",
        ),
        (json!({ "greeting_end": "soon" }), "greeting_end", "a number"),
    ] {
        let lowered = super::lower(&json!([{ "type": "amd", "option": option }])).unwrap();
        let [found] = &lowered.diagnostics[..] else { panic!("{option}: {:?}", lowered.diagnostics) };
        assert_eq!(found.pointer, format!("/0/option/{at}"));
        assert!(found.message.contains(words), "{}", found.message);
        assert_eq!(timings(option), Timings::default());
    }
    let codes = codes(json!({ "type": "amd", "option": { "max_wrods": 3 } }));
    assert_eq!(codes, [(Code::UnknownOption, "/0/option/max_wrods".to_owned())]);
}
