//! What Kazoo documents become; how they run is in `golden/kazoo`.

use std::time::Duration;

use serde_json::{Value, json};

use super::lower;
use crate::ir::{
    Barge, Collect, Edges, Feature, FileFormat, Node, Op, Outcome, Program, Repeat, Side, Sides, Target,
    verify,
};
use crate::lower::{Lowered, Severity, claims, detect};

fn lowered(document: &Value) -> Lowered {
    let lowered = lower(document).expect("an object");
    verify(&lowered.program).expect("a program that can run");
    lowered
}

fn entry(program: &Program) -> &Node {
    program.entry.and_then(|entry| program.node(entry)).expect("an entry")
}

fn one(module: &str, data: Value) -> Op {
    entry(&lowered(&json!({"module": module, "data": data})).program).op.clone()
}

fn said(document: &Value) -> Vec<(Severity, String, String)> {
    let said = lowered(document).diagnostics.into_iter();
    said.map(|said| (said.severity, said.pointer, said.message)).collect()
}

#[test]
fn every_example_of_the_documentation_loads_without_a_residual() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/kazoo");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a document");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(detect(&document), Some(crate::lower::Dialect::Kazoo), "{}", path.display());
        let lowered = lowered(&document);
        assert_eq!(lowered.program.residual_count(), 0, "{}", path.display());
        let errors = lowered.diagnostics.iter().filter(|said| said.severity == Severity::Error);
        assert_eq!(errors.count(), 0, "{}: {:?}", path.display(), lowered.diagnostics);
        count += 1;
    }
    assert_eq!(count, 22);
}

#[test]
fn a_node_a_callflow_and_an_envelope_are_the_same_flow() {
    let node = json!({"module": "answer", "data": {}});
    let documents = [
        (node.clone(), ""),
        (json!({"numbers": ["1"], "flow": node}), "/flow"),
        (json!({"data": {"numbers": ["1"], "flow": node}, "status": "success"}), "/data/flow"),
        (json!({"data": {"module": "answer", "data": {}}, "auth_token": "x"}), "/data"),
    ];
    for (document, pointer) in documents {
        let lowered = lowered(&document);
        let entry = entry(&lowered.program);
        assert_eq!((entry.op.clone(), entry.source.0.as_str()), (Op::Answer, pointer));
        assert_eq!(lowered.diagnostics, []);
    }
}

#[test]
fn numbers_and_patterns_of_a_callflow_are_claimed() {
    let document = json!({"data": {"numbers": ["1", 22, {}], "patterns": ["^x$"], "flow": {}}});
    let claims = claims(crate::lower::Dialect::Kazoo, &document);
    let plain = |claims: &[(crate::ir::Pointer, String)]| -> Vec<String> {
        claims.iter().map(|(at, text)| format!("{at} {text}")).collect()
    };
    assert_eq!(plain(&claims.numbers), ["/data/numbers/0 1", "/data/numbers/1 22"]);
    assert_eq!(plain(&claims.patterns), ["/data/patterns/0 ^x$"]);
}

#[test]
fn what_is_no_callflow_is_refused_and_an_empty_one_hangs_up() {
    assert!(lower(&json!({"hello": "world"})).is_err());
    assert!(lower(&json!([])).is_err());
    for document in [json!({}), json!({"numbers": ["1"], "flow": {}})] {
        let lowered = lowered(&document);
        assert_eq!((lowered.program.entry, lowered.diagnostics), (None, Vec::new()));
    }
    let missing = json!({"numbers": ["1"]});
    assert_eq!(said(&missing).first().map(|said| said.0), Some(Severity::Error));
}

#[test]
fn a_child_key_is_an_edge_and_no_child_ends_the_branch() {
    let document = json!({"module": "branch_variable", "data": {"variable": "x"}, "children": {
        "a": {"module": "answer", "data": {}},
        "_": {"module": "noop", "data": {}}
    }});
    let program = lowered(&document).program;
    let Edges { cases, otherwise } = entry(&program).edges.clone();
    let op = |target: &Target| match target {
        Target::Node(id) => program.node(*id).map(|node| node.op.clone()),
        _ => None,
    };
    assert_eq!(
        cases.iter().map(|(outcome, to)| (outcome.clone(), op(to))).collect::<Vec<_>>(),
        [(Outcome::Key("a".into()), Some(Op::Answer))]
    );
    assert_eq!(op(&otherwise), Some(Op::Noop));
    let leaf = lowered(&json!({"module": "answer", "data": {}})).program;
    assert_eq!(entry(&leaf).edges, Edges::always(Target::Return));
}

#[test]
fn a_skipped_module_goes_on_at_its_child() {
    for skip in [json!(true), json!("true"), json!(1)] {
        assert_eq!(one("tts", json!({"skip_module": skip, "text": "x"})), Op::Noop);
    }
    assert_ne!(one("tts", json!({"skip_module": "false", "text": "x"})), Op::Noop);
}

#[test]
fn names_are_known_in_any_case() {
    assert_eq!(one("Answer", json!({})), Op::Answer);
}

#[test]
fn collect_has_kazoos_defaults_and_takes_numbers_in_quotes() {
    let Op::Collect(collect) = one("collect_dtmf", json!({})) else { panic!("a collect") };
    let given = Collect {
        max: Some(1),
        first: Duration::from_secs(5),
        between: Duration::from_secs(2),
        ..collect.clone()
    };
    assert_eq!((collect.clone(), collect.terminators.as_str(), collect.keep_terminator), (given, "#", false));
    let data =
        json!({"max_digits": "4", "timeout": "700", "interdigit_timeout": 300, "terminators": ["*", "#"]});
    let Op::Collect(collect) = one("collect_dtmf", data) else { panic!("a collect") };
    assert_eq!((collect.max, collect.terminators.as_str()), (Some(4), "*#"));
    assert_eq!((collect.first, collect.between), (Duration::from_millis(700), Duration::from_millis(300)));
}

#[test]
fn play_repeats_stops_and_answers_as_it_is_told() {
    let Op::Play(play) = one("play", json!({"id": "welcome"})) else { panic!("a play") };
    assert_eq!(
        (play.repeat, play.barge, play.answers),
        (Repeat::Times(1), Barge::Keys("1234567890*#".into()), true)
    );
    let data = json!({"id": "x", "loop_count": "3", "terminators": [], "answer": "false"});
    let Op::Play(play) = one("play", data) else { panic!("a play") };
    assert_eq!((play.repeat, play.barge, play.answers), (Repeat::Times(3), Barge::None, false));
    let Op::Play(play) = one("play", json!({"id": "x", "endless_playback": true})) else { panic!("a play") };
    assert_eq!(play.repeat, Repeat::Forever);
}

#[test]
fn say_spells_when_it_is_told_to() {
    let text = |data: Value| match one("say", data) {
        Op::Play(play) => format!("{:?}", play.items),
        other => panic!("{other:?}"),
    };
    assert!(text(json!({"text": "12 a", "method": "iterated"})).contains("\"1 2 a\""));
    assert!(text(json!({"text": 12, "method": "pronounced"})).contains("\"12\""));
}

#[test]
fn sleep_knows_its_units_and_ends_after_a_day() {
    let millis = |data| match one("sleep", data) {
        Op::Sleep(crate::ir::Expr::Literal(millis)) => millis,
        other => panic!("{other:?}"),
    };
    assert_eq!(millis(json!({"duration": 2})), 2_000);
    assert_eq!(millis(json!({"duration": "250", "unit": "ms"})), 250);
    assert_eq!(millis(json!({"duration": 100, "unit": "h"})), 86_400_000);
    assert_eq!(millis(json!({"duration": -3})), 0);
}

#[test]
fn recordings_are_sent_to_the_address_with_the_calls_id() {
    let upload = |data: Value| format!("{:?}", one("record_caller", data));
    assert!(upload(json!({"url": "http://r.example/a/"})).contains("http://r.example/a/call_recording_"));
    assert!(upload(json!({"url": "http://r.example/?f="})).contains("?f=call_recording_"));
    let kept = upload(json!({"url": "http://r.example/a?token=1"}));
    assert!(kept.contains("http://r.example/a/call_recording_") && kept.contains(".wav?token=1"), "{kept}");
    let named = upload(json!({"url": "http://r.example/a", "media_name": "my call.mp3", "format": "mp3"}));
    assert!(named.contains("http://r.example/a/my%20call.mp3"), "{named}");
    assert!(upload(json!({"url": "http://r.example/a", "format": "mp3"})).contains("\".mp3\""));
    let said = said(&json!({"module": "record_call", "data": {"url": "ftp://x", "format": "flac"}}));
    assert_eq!(said.iter().map(|said| said.1.as_str()).collect::<Vec<_>>(), ["/data/format", "/data/url"]);
}

#[test]
fn a_call_is_recorded_from_both_sides_and_a_caller_from_one() {
    let Op::RecordStart(call) = one("record_call", json!({"format": "mp3"})) else { panic!() };
    assert_eq!((call.format, call.sides), (FileFormat::Mp3, Sides::Both));
    let Op::Record(caller) = one("record_caller", json!({})) else { panic!() };
    assert_eq!((caller.format, caller.sides), (FileFormat::Wav, Sides::Caller));
    let action = |action: &str| one("record_call", json!({"action": action}));
    assert!(matches!(action("toggle"), Op::RecordToggle(_)));
    assert_eq!((action("mask"), action("unmask")), (Op::RecordMask(true), Op::RecordMask(false)));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let document = json!({"module": "tts", "data": {"text": "x", "voice": {}}, "children": {
        "1": {"module": "colect_dtmf", "data": {"max_digits": "many"}},
        "_": {"module": "collect_dtmf", "data": {"max_digits": "many", "terminator": "x", "colection_name": "n"}, "children": {
            "_": {"data": {}}, "x": {}
        }}
    }});
    let said: Vec<String> =
        said(&document).into_iter().map(|(_, at, message)| format!("{at}: {message}")).collect();
    let unknown = "/children/1/module: unknown module `colect_dtmf`, skipped to the child `_`: did you mean `collect_dtmf`?";
    assert!(said.contains(&unknown.to_owned()), "{said:#?}");
    for pointer in [
        "/data/voice",
        "/children/1",
        "/children/_/data/max_digits",
        "/children/_/data/terminator",
        "/children/_/data/colection_name",
        "/children/_/children/_",
        "/children/_/children/x",
    ] {
        assert!(said.iter().any(|said| said.starts_with(&format!("{pointer}: "))), "{pointer} in {said:#?}");
    }
}

#[test]
fn rules_come_from_the_list_the_children_and_the_set() {
    let rule = |day: &str| json!({"cycle": "weekly", "wdays": [day]});
    let document = json!({
        "rules": {"a": rule("monday"), "b": rule("wensday"), "c": rule("friday")},
        "rule_sets": {"week": {"temporal_rules": ["c", "gone"]}},
        "flow": {
            "module": "temporal_route",
            "data": {"rules": ["a"], "rule_set": "week", "timezone": "Mars/Olympus"},
            "children": {"a": {"module": "answer", "data": {}}, "b": {"module": "answer", "data": {}}}
        }
    });
    let lowered = lowered(&document);
    let Op::Hours(hours) = &entry(&lowered.program).op else { panic!("hours") };
    let rules: Vec<_> = hours.rules.iter().map(|rule| (rule.id.as_str(), rule.weekdays.as_slice())).collect();
    assert_eq!(rules, [("a", [1].as_slice()), ("b", &[3]), ("rule_set", &[5])]);
    assert_eq!(hours.timezone, "UTC");
    let said: Vec<&str> = lowered.diagnostics.iter().map(|said| said.pointer.as_str()).collect();
    assert_eq!(said, ["/rule_sets/week", "/flow/children", "/flow/data/timezone"]);
}

#[test]
fn a_rules_start_is_counted_from_year_zero() {
    let rule = json!({"id": "r", "cycle": "date", "start_date": 62_167_219_200_i64 + 86_400 * 3 + 5});
    let Op::Hours(hours) = one("temporal_route", json!({"rules": [rule]})) else { panic!("hours") };
    assert_eq!(hours.rules.first().and_then(|rule| rule.start_day), Some(3));
}

#[test]
fn no_change_of_an_example_breaks_the_reading() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/kazoo");
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

#[test]
fn star_codes_have_kazoos_defaults_and_their_mistakes_are_told() {
    let document = json!({"flow": {}, "metaflow": {"numbers": {"1": {"module": "hold", "data": {}}}}});
    let program = lowered(&document).program;
    let codes = program.metaflows.clone().expect("codes");
    assert_eq!((codes.binding, codes.timeout, codes.listen_on), ('*', Duration::from_millis(800), Side::Own));
    let [(code, node)] = codes.numbers.as_slice() else { panic!("{codes:?}") };
    let Some(Op::Feature(feature)) = program.node(*node).map(|node| node.op.clone()) else {
        panic!("a feature")
    };
    assert!(matches!(&*feature, Feature::Hold(hold) if code == "1" && hold.release == Some('1')));
    let document = json!({"flow": {}, "metaflows": {
        "binding_digit": "**", "listen_on": "all",
        "numbers": {"2": {"module": "transfer", "data": {}}, "3": {"module": "recrd_call", "data": {}}},
        "patterns": {"(": {"module": "break", "data": {}}}
    }});
    let places: Vec<String> = said(&document).into_iter().map(|said| said.1).collect();
    for place in [
        "/metaflows/binding_digit",
        "/metaflows/listen_on",
        "/metaflows/numbers/2/data/target",
        "/metaflows/numbers/3/module",
        "/metaflows/patterns/(",
    ] {
        assert!(places.iter().any(|at| at == place), "{place} in {places:?}");
    }
    assert_eq!(lowered(&json!({"flow": {}, "metaflow": {}})).program.metaflows, None);
}

#[test]
fn numbers_in_quotes_are_taken_where_codes_and_lengths_stand() {
    assert!(matches!(one("response", json!({"code": "404"})), Op::Hangup(hangup) if hangup.status == 404));
    assert!(matches!(one("response", json!({})), Op::Hangup(hangup) if hangup.status == 486));
    let Op::SendDigits(send) = one("send_dtmf", json!({"digits": "1a", "duration_ms": "250"})) else {
        panic!()
    };
    assert_eq!((send.duration, send.digits.as_literal()), (Duration::from_millis(250), Some("1A")));
    let Op::SendDigits(send) = one("send_dtmf", json!({"digits": "1"})) else { panic!() };
    assert_eq!(send.duration, Duration::from_secs(2));
}

#[test]
fn a_menu_has_kazoos_defaults() {
    let Op::Menu(menu) = one("menu", json!({"media": {"transfer_media": false}})) else { panic!("a menu") };
    assert_eq!((menu.retries, menu.gather.max, menu.hunt, menu.record), (3, Some(4), None, None));
    let times = (menu.gather.first, menu.gather.between);
    assert_eq!(times, (Duration::from_secs(10), Duration::from_secs(2)));
    assert!(menu.transfer.is_empty() && !menu.invalid.is_empty() && !menu.exit.is_empty());
}

#[test]
fn a_callflows_ringback_is_heard_where_a_transfer_names_none() {
    let transfer = |data: Value| json!({"module": "transfer", "data": data});
    let document = json!({"flow": {}, "ringback": {"transfer": "song"}, "metaflow": {"patterns": {
        "1(.)": transfer(json!({})), "2(.)": transfer(json!({"ringback": "other"}))
    }}});
    let heard: Vec<_> = lowered(&document)
        .program
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            Op::Feature(feature) => match &**feature {
                Feature::Transfer(of) => {
                    of.ringback.as_ref().and_then(|sound| sound.as_literal().map(str::to_owned))
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(heard, ["song", "other"]);
}
