//! What call routes become; how they run is in `golden/callroute`.

use serde_json::{Value, json};

use super::lower;
use crate::ir::{Node, Op, Outcome, Program, Target, verify};
use crate::lower::{Dialect, Lowered, claims, detect};

fn lowered(document: &Value) -> Lowered {
    let lowered = lower(document).expect("a call route");
    verify(&lowered.program).expect("a program that can run");
    lowered
}

fn entry(program: &Program) -> Option<&Node> {
    program.entry.and_then(|entry| program.node(entry))
}

fn follow<'p>(program: &'p Program, node: &Node, outcome: &Outcome) -> Option<&'p Node> {
    match node.edges.target(outcome) {
        Target::Node(id) => program.node(id),
        _ => None,
    }
}

fn pointers(lowered: &Lowered) -> Vec<&str> {
    lowered.diagnostics.iter().map(|said| said.pointer.as_str()).collect()
}

#[test]
fn every_example_of_the_documentation_loads_without_a_residual() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/callroute");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a document");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(detect(&document), Some(Dialect::Callroute), "{}", path.display());
        assert_eq!(lowered(&document).program.residual_count(), 0, "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn a_map_a_call_flow_and_an_envelope_are_the_same_route() {
    let map = json!({"a": {"module": "Start", "next": "b"}, "b": {"module": "PLAY", "sound": "x"}});
    let flow = json!({"name": "n", "extension": 501, "flow": map});
    let documents = [
        (map.clone(), "/a"),
        (flow.clone(), "/flow/a"),
        (json!({"result": flow, "status_code": 200}), "/result/flow/a"),
        (json!({"result": [flow], "status_code": 200}), "/result/0/flow/a"),
    ];
    for (document, pointer) in documents {
        let lowered = lowered(&document);
        let start = entry(&lowered.program).expect("an entry");
        assert_eq!((start.op.clone(), start.source.0.as_str()), (Op::Noop, pointer));
        let play = follow(&lowered.program, start, &Outcome::Done).expect("the next module");
        assert!(matches!(play.op, Op::Play(_)));
        assert_eq!(pointers(&lowered), [""; 0]);
    }
}

#[test]
fn the_extension_of_a_call_flow_is_its_number() {
    let number =
        |document: Value| claims(Dialect::Callroute, &document).numbers.into_iter().map(|(_, n)| n).next();
    assert_eq!(number(json!({"extension": 501, "flow": {}})).as_deref(), Some("501"));
    assert_eq!(number(json!({"result": {"extension": "501", "flow": {}}})).as_deref(), Some("501"));
    assert_eq!(number(json!({"extension": "The extension", "flow": {}})), None);
    assert_eq!(number(json!({"module": "x", "extension": 3})), None);
}

#[test]
fn an_empty_envelope_ends_at_once_and_other_things_are_refused() {
    for result in [json!({}), json!([])] {
        let lowered = lowered(&json!({"result": result, "status_code": 404}));
        assert_eq!((lowered.program.entry, pointers(&lowered)), (None, vec!["/result"]));
    }
    for document in [json!([]), json!("x"), json!({"hello": "world"}), json!({"result": 5})] {
        assert!(lower(&document).is_err(), "{document}");
    }
}

#[test]
fn a_module_described_in_words_loads_with_defaults_and_says_so() {
    let document = json!({
        "module": "pressextension",
        "duration": "Optional: The time to wait for a press in seconds. Default 10",
        "next": {"...": "", "1": "The key of the next module", "timeout": "The key of the next module"}
    });
    let lowered = lowered(&document);
    let Some(Op::Collect(collect)) = entry(&lowered.program).map(|node| &node.op) else {
        panic!("a collect")
    };
    assert_eq!((collect.first.as_secs(), collect.max), (10, Some(1)));
    assert_eq!(pointers(&lowered), ["/duration", "/next/...", "/next/1", "/next/timeout"]);
}

#[test]
fn keys_of_several_digits_wait_for_the_rest() {
    let document = json!({
        "s": {"module": "start", "next": "p"},
        "p": {"module": "pressextension", "next": {"1": "s", "*": "s", "205": "s"}}
    });
    let program = lowered(&document).program;
    let collects = program.nodes.iter().filter_map(|node| match &node.op {
        Op::Collect(collect) => Some((collect.max, collect.terminators.as_str())),
        _ => None,
    });
    assert_eq!(collects.collect::<Vec<_>>(), [(Some(3), "")]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let document = json!({"flow": {
        "s": {"module": "start", "next": "wher"},
        "where": {"module": "extension", "extensions": [
            {"type": "sipuser"}, {"type": "forward", "number": "+44"}, {"type": "pigeon"}, "x"
        ], "noanswer": "match"},
        "match": {"module": "calleridmatch", "patterns": ["(", 44, {}], "match": "none"},
        "t": {"module": "start"},
        "name": {"next": "s"}
    }});
    let lowered = lowered(&document);
    let first = lowered.diagnostics.first().map(|said| said.message.as_str()).unwrap_or_default();
    assert_eq!(first, "there is no module with the key `wher`, the call ends here; did you mean `where`?");
    let expected = [
        "/flow/s/next",
        "/flow/where/extensions/0/uuid",
        "/flow/where/extensions/2/type",
        "/flow/where/extensions/3/type",
        "/flow/match/patterns/0",
        "/flow/match/patterns/2",
        "/flow/match/match",
        "/flow/name",
        "/flow/t",
        "/flow/where",
        "/flow/name",
    ];
    assert_eq!(pointers(&lowered), expected);
}

#[test]
fn an_unknown_module_is_a_residual_that_ends_the_call() {
    let lowered =
        lowered(&json!({"s": {"module": "start", "next": "x"}, "x": {"module": "pley", "next": "s"}}));
    assert_eq!(lowered.program.residual_count(), 1);
    let message = lowered.diagnostics.first().map(|said| said.message.as_str()).unwrap_or_default();
    assert_eq!(message, "unknown module `pley`, the call ends here: did you mean `play`?");
}

#[test]
fn no_change_of_an_example_breaks_the_reading() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/callroute");
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a document");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        crate::lower::mutation::each(&document, |changed| {
            if let Ok(lowered) = lower(changed) {
                let verified = verify(&lowered.program);
                let refused = matches!(
                    verified,
                    Err(crate::ir::Malformed::Entry(..) | crate::ir::Malformed::Dangling { .. })
                );
                assert!(!refused, "{verified:?} of {changed}");
            }
        });
    }
}
