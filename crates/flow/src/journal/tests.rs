//! Journals of runs that are made up here: written, read, run again.

use serde_json::json;

use super::*;
use crate::engine::{Effect, Machine, Start};
use crate::ir::Cause;
use crate::leg::{DialOutcome, LegCommand};
use crate::trace::{Entry, What};

/// Runs a flow that asks, fetches and enters another document, with odd times; the journal and the trace.
fn journal() -> (Vec<String>, Vec<Entry>) {
    let source = Arc::new(json!({"module": "collect_dtmf", "data": {"max_digits": 2, "timeout": 3000},
        "children": {"_": {"module": "pivot", "data": {"voice_url": "http://h/flow"}, "children": {}}}}));
    let origin = Origin::Document { dialect: "kazoo".into(), source, forced: Default::default() };
    let facts = Facts { caller_number: "+1555".into(), flow_id: "a.json".into(), ..Facts::default() };
    let settings = Settings::default();
    let program = Arc::new(origin.program().unwrap());
    let mut lines = vec![
        Line::header(),
        Line::Document { number: 1, name: "a.json".into(), origin },
        Line::Start(Box::new(Begun {
            document: 1,
            facts: facts.clone(),
            variables: Map::new(),
            settings: settings.clone(),
        })),
    ];
    let mut machine = Machine::new(Start::new(program, facts, settings));
    let (mut trace, mut now) = (Vec::new(), Duration::from_nanos(3_999_999));
    let first = now;
    let mut inputs =
        vec![Input::Start { at: "2026-03-04T10:00:00.123456789Z".parse().unwrap(), media: true }];
    let mut keys = "12".chars();
    while !inputs.is_empty() || machine.deadline().is_some() {
        let input = inputs.pop().unwrap_or(Input::Timeout);
        match (&input, keys.next()) {
            (Input::Timeout, Some(key)) => inputs.push(Input::Leg(Tag(0), LegEvent::Digit(key))),
            (Input::Timeout, None) => now = first + machine.deadline().unwrap_or_default(),
            _ => {}
        }
        now += Duration::from_nanos(1_000_001);
        lines.push(Line::input(now, &input, None));
        machine.take(now - (first + Duration::from_nanos(1_000_001)), input);
        while let Some(effect) = machine.poll_effect() {
            match effect {
                Effect::Trace(what) => trace.push(Entry::new(now, what)),
                Effect::Leg(tag, LegCommand::Answer) => inputs.push(Input::Leg(tag, LegEvent::Answered)),
                Effect::Http(tag, _) => {
                    let body = json!({"module": "hangup", "data": {}, "children": {}}).to_string();
                    let (content_type, note) = ("application/json".into(), String::new());
                    let reply = HttpReply { status: 200, content_type, body: body.into_bytes(), note };
                    inputs.push(Input::Http(tag, Ok(reply)));
                }
                _ => {}
            }
        }
    }
    (lines.iter().map(Line::json).collect(), trace)
}

fn replayed(lines: &[String]) -> Result<Replay, ReplayError> {
    replay(lines.iter().map(String::as_str))
}

#[test]
fn a_replay_prints_the_trace_of_the_run_times_included() {
    let (lines, trace) = journal();
    let replay = replayed(&lines).unwrap();
    assert_eq!(replay.entries, trace);
    assert_eq!(replay.notes, Vec::<String>::new());
    assert_eq!(replay.end.map(|end| end.by), Some("flow".to_owned()));
    assert!(trace.iter().any(|entry| matches!(&entry.what, What::Http { latency_ms: 1, .. })), "{trace:?}");
}

#[test]
fn a_journal_that_breaks_off_is_replayed_as_far_as_it_goes() {
    let (mut lines, trace) = journal();
    let last = lines.pop().unwrap();
    lines.push(last[..last.len() / 2].to_owned());
    let replay = replayed(&lines).unwrap();
    assert!(trace.starts_with(&replay.entries) && replay.entries.len() > 2);
    assert_eq!(replay.notes, ["the last line is not whole", "the journal ends before its call"]);
}

#[test]
fn a_file_that_is_no_journal_is_told_by_line() {
    let (lines, _) = journal();
    let failed = |lines: &[String]| replayed(lines).unwrap_err().to_string();
    assert_eq!(failed(&[]), "line 1: there is no journal in it");
    assert_eq!(failed(&lines[1..]), "line 1: a journal begins with its version");
    let version = [lines[0].replace("\"version\":1", "\"version\":9")];
    assert_eq!(failed(&version), "line 1: a journal of version 9; this release reads version 1");
    let without_start = [&lines[..2], &lines[3..]].concat();
    assert_eq!(failed(&without_start), "line 3: an input before the start");
    let garbage = [&lines[..3], &["{]".to_owned()], &lines[3..]].concat();
    assert!(failed(&garbage).starts_with("line 4: "), "{}", failed(&garbage));
}

#[test]
fn every_input_is_the_same_after_it_was_written_down() {
    let failed = LegEvent::Failed { cause: Cause::Status(486), why: "busy\n\"".into() };
    let dialled = LegEvent::Dialled { outcome: DialOutcome::NoAnswer, status: 480 };
    let gone = LegEvent::Gone { cause: "hangup".into() };
    let recorded = LegEvent::Recorded { id: "a".into(), duration: Duration::from_nanos(1_234_567_891) };
    let mut inputs: Vec<Input> =
        [failed, dialled, gone, recorded, LegEvent::Digit('#'), LegEvent::Played { stopped: true }]
            .map(|event| Input::Leg(Tag(7), event))
            .into();
    for body in [&b"{\"a\": \"\xc3\xa9\"}"[..], b"\xff\x00\x1b", b""] {
        let reply =
            HttpReply { status: 404, content_type: "x/y".into(), body: body.into(), note: "n".into() };
        inputs.push(Input::Http(Tag(u64::MAX), Ok(reply)));
    }
    inputs.push(Input::Http(Tag(1), Err(HttpFailure { why: "no".into(), timeout: true })));
    inputs.push(Input::Document(Tag(2), None));
    inputs.push(Input::Start { at: "2026-03-04T10:00:00.123456789Z".parse().unwrap(), media: false });
    for input in inputs {
        let line = Line::input(Duration::from_nanos(5), &input, None).json();
        let Ok(Line::Input { at_ns: 5, input: told }) = serde_json::from_str(&line) else { panic!("{line}") };
        assert_eq!(format!("{:?}", told.input(|_| None).unwrap()), format!("{input:?}"), "{line}");
    }
}
