//! Tests of what the golden files do not hold: mistakes, the story, expectations.

use serde_json::{Value, json};

use super::*;

fn call(document: &Value, script: &str) -> Simulation {
    let lowered = lower::lower(None, document).expect("a flow");
    let script = Script::parse(script).expect("a script");
    simulate(lowered.program, &lowered.diagnostics, &script, &|_| None)
}

#[test]
fn a_document_that_is_no_flow_is_named_as_such() {
    assert!(run(&json!("x"), None, "").starts_with("! not a flow"));
    assert!(run(&json!({}), Some(Dialect::Kazoo), "dance").contains("dance"));
}

#[test]
fn a_mistake_of_a_script_has_its_line_its_column_and_what_was_expected() {
    let cases = [
        ("wait\n  1 dance", (2, 5), "found `dance`"),
        ("http what", (1, 6), "expected an HTTP status"),
        ("wait 1s\nat noon", (2, 1), "expected a time"),
        ("caller", (1, 1), "expected a value after `caller`"),
        ("flow a {\"x\":}", (1, 13), "expected a flow document"),
        ("dial soon", (1, 6), "3s answered"),
        ("expect end normal", (1, 8), "CAUSE by WHO"),
        ("expect", (1, 7), "expected a text"),
    ];
    for (script, place, words) in cases {
        let mistake = Script::parse(script).expect_err(script);
        assert_eq!((mistake.line, mistake.column), place, "{script}: {mistake}");
        assert!(mistake.problem.contains(words), "{script}: {mistake}");
    }
}

#[test]
fn a_story_tells_who_does_what_when() {
    let flow = json!({"module": "tts", "data": {"text": "Type."}, "children": {"_":
        {"module": "collect_dtmf", "data": {"max_digits": 2}, "children": {"_":
        {"module": "pivot", "data": {"voice_url": "http://example.com/a b"}}}}}});
    let story = call(&flow, "http refused\nwait 12").story;
    let expected = [
        "0:00.0  +15550100 calls 1000. It is 2026-03-04 10:00:00 UTC.",
        "0:00.0  The flow answers.",
        "0:00.0  The flow says “Type.”",
        "The caller presses 1 2.",
        "The flow has got “12”.",
        "The flow asks GET http://example.com/",
        "            Call-ID = sim-1@192.0.2.1",
        "There is no reply: connection refused.",
        "the flow ended it",
    ];
    let mut rest = story.as_str();
    for words in expected {
        let (_, after) = rest.split_once(words).unwrap_or_else(|| panic!("no `{words}` in\n{story}"));
        rest = after;
    }
}

#[test]
fn a_story_tells_of_others_and_of_what_the_switch_does() {
    let flow = json!({"flow": {"start": {"module": "start", "next": "a"},
        "a": {"module": "extension", "extensions": [{"type": "sipuser", "uuid": "ann"}, {"type": "sipuser", "uuid": "bob"}], "duration": 20, "noanswer": "b"},
        "b": {"module": "voicemail", "mailboxes": ["box"]}}});
    let story = call(&flow, "dial silent\ndial silent").story;
    for words in [
        "0:00.0  It rings: user ann.",
        "0:20.0  User ann: ",
        "0:20.0  The switch takes over.",
        "It is over: done.",
    ] {
        assert!(story.contains(words), "no `{words}` in\n{story}");
    }
}

#[test]
fn expectations_hold_in_order_and_the_first_that_does_not_is_named() {
    let flow = json!({"module": "tts", "data": {"text": "One."}, "children": {"_":
        {"module": "tts", "data": {"text": "Two."}}}});
    let cases = [
        ("expect says \"One.\"\nexpect says \"Two.\"\nexpect end normal by flow", None),
        ("expect says “Two.”\nexpect not One\nexpect lasted", None),
        ("expect Two.\nexpect One.", Some((2, "expected \"One.\"; there was"))),
        ("expect not Two.", Some((1, "expected no \"Two.\""))),
        ("expect answers\nexpect not One.\nexpect Two.", Some((2, "expected no \"One.\""))),
        ("expect end busy by caller", Some((1, "it was \"normal by flow\""))),
    ];
    for (script, expected) in cases {
        let parsed = Script::parse(script).expect("a script");
        let found = unmet(parsed.expectations(), &call(&flow, script));
        match (expected, found) {
            (None, found) => assert_eq!(found, None, "{script}"),
            (Some((line, words)), Some(found)) => {
                assert_eq!(found.line, line, "{script}");
                assert!(found.problem.contains(words), "{script}: {}", found.problem);
            }
            (Some(_), None) => panic!("{script}: nothing was missed"),
        }
    }
}
