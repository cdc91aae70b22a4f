//! Variables, conditions, jumps, and how documents are written.

use serde_json::{Value, json};

use super::{action, node, run, said, say, talk, tts, voipbin, voxology};

#[test]
fn variables_are_filled_in_by_voipbin_and_voxology_and_are_text_elsewhere() {
    assert_eq!(said(&run(&tts("${x} $y"), "")), ["${x} $y"]);
    let flow = voipbin(json!([
        action("variable_set", json!({ "key": "Provider name", "value": "v" })),
        talk("[${Provider name}${unknown}] $y ${voipbin.call.source.target}")
    ]));
    assert_eq!(said(&run(&flow, "")), ["[v] $y +15550100"]);
    let script = voxology(json!([{ "$name": "'v'" }, say("[${name}${unknown}] $y ${callerNo} ${...name}")]));
    assert_eq!(said(&run(&script, "")), ["[v] $y +15550100 v"]);
}

#[test]
fn a_condition_is_an_edge_a_pattern_a_comparison_or_an_expression() {
    let branch = node(
        "set_variables",
        json!({ "custom_application_vars": { "tier": "gold" } }),
        json!({ "_":
        node("branch_variable", json!({ "variable": "tier" }), json!({ "gold": tts("yes"), "_": tts("no") })) }),
    );
    assert_eq!(said(&run(&branch, "")), ["yes"]);
    let route = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "calleridmatch", "patterns": ["^1555", "anonymous"], "match": "m", "nomatch": "n" },
        "m": { "module": "play", "sound": "yes" }, "n": { "module": "play", "sound": "no" } });
    assert!(run(&route, "").contains("Sound(\"yes\")"), "the number is searched without its plus");
    let compared = |variable: &str, kind: &str, condition: &str, value: Value| {
        let mut option = json!({ "variable": variable, "value_type": kind, "condition": condition, "false_target_id": "no" });
        option[format!("value_{kind}")] = value;
        let flow = voipbin(
            json!([action("variable_set", json!({ "key": "n", "value": "10" })), action("condition_variable", option),
            talk("yes"), { "type": "hangup" }, { "id": "no", "type": "talk", "option": { "text": "no" } }]),
        );
        said(&run(&flow, "")) == ["yes"]
    };
    assert!(compared("n", "number", ">", json!(9)) && !compared("n", "string", ">", json!("9")));
    assert!(compared("n", "length", "==", json!(2)) && compared("${n}", "string", "==", json!("10")));
    assert!(!compared("unknown", "number", "<", json!(5)), "what is no number meets no condition");
    let expression = |condition: &str| {
        let choice =
            json!({ "type": "IF", "condition": condition, "then": [say("yes")], "orElse": [say("no")] });
        said(&run(&voxology(json!([{ "$n": "10", "$t": "'10'" }, choice])), "")) == ["yes"]
    };
    assert!(expression("$n == '10'") && !expression("$n === '10'") && expression("$t > 9"));
    assert!(expression("false && false || true"), "&& binds tighter than ||");
}

#[test]
fn voipbins_clock_is_utc_and_tests_each_field_and_kazoos_is_local() {
    let clock = |option: Value| {
        let mut option = option;
        option["false_target_id"] = "no".into();
        let flow = voipbin(json!([action("condition_datetime", option), talk("open"), { "type": "hangup" },
            { "id": "no", "type": "talk", "option": { "text": "closed" } }]));
        said(&run(&flow, "at 2026-03-04T10:30:00Z")) == ["open"]
    };
    assert!(clock(
        json!({ "condition": ">=", "hour": 8, "minute": -1, "day": -1, "month": 0, "weekdays": [1, 2, 3] })
    ));
    assert!(
        !clock(json!({ "condition": ">=", "hour": 8, "minute": 45 })),
        "not a time of the day but two fields"
    );
    assert!(!clock(json!({ "condition": ">=", "hour": 8, "weekdays": [0, 6] })));
    let hours = |zone: &str| {
        let document = json!({ "numbers": ["1"],
            "rules": { "day": { "cycle": "daily", "time_window_start": 39_600, "time_window_stop": 61_200 } },
            "flow": node("temporal_route", json!({ "rules": ["day"], "timezone": zone }), json!({ "day": tts("open"), "_": tts("closed") })) });
        said(&run(&document, "at 2026-03-04T10:30:00Z")) == ["open"]
    };
    assert!(hours("Europe/Oslo") && !hours("UTC"), "eleven o'clock has come in Oslo");
}

#[test]
fn goto_with_a_count_jumps_so_often_zero_never_and_none_always() {
    let rounds = |option: Value| {
        let flow = voipbin(
            json!([{ "id": "top", "type": "talk", "option": { "text": "x" } }, action("goto", option)]),
        );
        said(&run(&flow, "")).len()
    };
    assert_eq!(rounds(json!({ "target_id": "top", "loop_count": 2 })), 3);
    assert_eq!(rounds(json!({ "target_id": "top", "loop_count": "2" })), 3);
    assert_eq!(rounds(json!({ "target_id": "top", "loop_count": 0 })), 1);
    assert_eq!(rounds(json!({ "target_id": "top" })), 50, "to the limit of 100 actions");
    let script = voxology(
        json!([{ "type": "LABEL", "name": "top" }, say("x"), { "type": "GOTO", "params": { "label": "top" } }]),
    );
    assert!(said(&run(&script, "")).len() > 500, "until the caller has enough");
}

#[test]
fn a_circle_that_never_waits_is_ended_in_every_dialect() {
    let route = json!({ "a": { "module": "start", "next": "b" }, "b": { "module": "start", "next": "a" } });
    assert!(run(&route, "").contains("circle"));
    let script = voxology(
        json!([{ "type": "LABEL", "name": "top" }, { "$n": "+$n + 1" }, { "type": "IF", "condition": "$n != 0", "then": [
        { "type": "GOTO", "params": { "label": "top" } }] }]),
    );
    assert!(run(&script, "").contains("end: budget, by the flow"));
    let flow =
        voipbin(json!([{ "id": "top", "type": "answer" }, action("goto", json!({ "target_id": "top" }))]));
    assert!(run(&flow, "").contains("end: budget, by the flow"));
    let again = json!({ "module": "callflow", "data": { "id": "me" } });
    assert!(run(&again, &format!("flow me {again}")).contains("end: frames, by the flow"));
}

#[test]
fn a_short_pause_does_not_buy_a_circle_a_thousand_steps() {
    let script = voxology(
        json!([{ "type": "LABEL", "name": "top" }, { "$a": "1" }, { "$a": "2" }, { "$a": "3" }, { "$a": "4" },
        { "type": "PAUSE", "params": { "duration": 1 } }, { "type": "GOTO", "params": { "label": "top" } }]),
    );
    assert!(run(&script, "").contains("end: budget, by the flow"), "seven steps a millisecond are too many");
}

#[test]
fn ids_are_any_text() {
    let flow = voipbin(json!([action("goto", json!({ "target_id": "main menu / 1~2" })), talk("no"),
        { "id": "main menu / 1~2", "type": "talk", "option": { "text": "yes" } }]));
    assert_eq!(said(&run(&flow, "")), ["yes"]);
    let route =
        json!({ "é": { "module": "start", "next": "b/c" }, "b/c": { "module": "play", "sound": "yes" } });
    assert!(run(&route, "").contains("Sound(\"yes\")"));
}

#[test]
fn names_are_read_without_regard_to_case() {
    assert_eq!(said(&run(&node("TTS", json!({ "text": "x" }), json!({})), "")), ["x"]);
    assert_eq!(said(&run(&voipbin(json!([{ "type": "Talk", "option": { "text": "x" } }])), "")), ["x"]);
    assert_eq!(said(&run(&voxology(json!([{ "type": "say", "params": { "text": "x" } }])), "")), ["x"]);
    let trunk = json!({ "a": { "module": "Start", "next": "b" }, "b": { "module": "Trunk", "uuid": "x" } });
    assert!(run(&trunk, "").contains("dial 1000 by x"));
}

#[test]
fn booleans_and_numbers_written_as_text_are_read() {
    let refused = run(&node("response", json!({ "code": "404" }), json!({})), "");
    assert!(refused.contains("404"), "{refused}");
    let skipped = node("tts", json!({ "text": "no", "skip_module": "true" }), json!({ "_": tts("yes") }));
    assert_eq!(said(&run(&skipped, "")), ["yes"]);
    let script = voxology(json!([{ "type": "SAY", "params": { "text": "x", "loop": "2" } }]));
    assert!(run(&script, "").contains("Say(\"x\") 2 times"));
}

#[test]
fn of_two_keys_of_one_name_the_last_wins() {
    let text = r#"{"actions":[{"type":"SAY","comment":"a","comment":"b","params":{"text":"no"},"params":{"text":"yes"}}]}"#;
    let document: Value = serde_json::from_str(text).expect("duplicate keys are JSON");
    assert_eq!(said(&run(&document, "")), ["yes"]);
}
