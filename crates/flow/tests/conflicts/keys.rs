//! Keys: terminators, how many, none at all, those typed ahead.

use serde_json::{Value, json};

use super::{action, node, run, said, say, talk, tts, voipbin, voxology};

fn kazoo(data: Value) -> Value {
    node("collect_dtmf", data, json!({ "_": tts("after") }))
}

fn received(option: Value) -> Value {
    voipbin(json!([{ "type": "answer" }, action("digits_receive", option), talk("[${voipbin.call.digits}]")]))
}

fn collected(params: Value) -> Value {
    voxology(json!([{ "type": "COLLECT", "params": params }, say("[${keyPresses}]")]))
}

#[test]
fn the_terminator_is_part_of_the_result_in_voipbin_only() {
    let keys = "wait 1s 12#";
    assert!(run(&kazoo(json!({ "max_digits": 5 })), keys).contains("got \"12\""));
    assert_eq!(said(&run(&received(json!({ "duration": 5000, "key": "#" })), keys)), ["[12#]"]);
    assert_eq!(said(&run(&collected(json!({ "finish_on_key": "pound" })), keys)), ["[12]"]);
    let route =
        json!({ "a": { "module": "start", "next": "b" }, "b": { "module": "dialbyextension", "next": {} } });
    assert!(run(&route, keys).contains("got \"12\""));
}

#[test]
fn which_keys_end_a_number() {
    assert!(
        run(&kazoo(json!({ "max_digits": 9, "terminators": ["0", "*"] })), "wait 1s 12#0")
            .contains("got \"12#\"")
    );
    assert!(run(&kazoo(json!({ "max_digits": 9, "terminator": "*" })), "wait 1s 1#*").contains("got \"1#\""));
    let any_of = json!({ "duration": 5000, "key": "*#" });
    assert_eq!(said(&run(&received(any_of), "wait 1s 1*2#")), ["[1*]"]);
    let none = json!({ "duration": 5000, "length": 3 });
    assert_eq!(said(&run(&received(none), "wait 1s 1#2")), ["[1#2]"], "no key ends it unless it is named");
    assert_eq!(said(&run(&collected(json!({ "finish_on_key": "star" })), "wait 1s 1#2*")), ["[1#2]"]);
    assert_eq!(said(&run(&collected(json!({ "finish_on_key": "#" })), "wait 1s 12#")), ["[12]"]);
}

#[test]
fn how_many_keys_without_a_word() {
    assert!(run(&kazoo(json!({})), "wait 1s 12").contains("got \"1\""));
    assert_eq!(said(&run(&received(json!({ "duration": 5000 })), "wait 1s 1 wait 10s")), ["[1]"]);
    let keyed = json!({ "duration": 5000, "key": "#" });
    assert_eq!(
        said(&run(&received(keyed), "wait 1s 123456#")),
        ["[123456#]"],
        "with a key there is no limit"
    );
    assert_eq!(said(&run(&collected(json!({})), "wait 1s 123456#")), ["[123456]"]);
}

#[test]
fn no_key_goes_on_or_takes_an_edge_of_its_own() {
    assert_eq!(said(&run(&kazoo(json!({ "timeout": 1000 })), "")), ["after"]);
    assert_eq!(said(&run(&received(json!({ "duration": 1000 })), "")), ["[]"]);
    assert_eq!(said(&run(&collected(json!({ "timeout": 1000 })), "")), ["[]"]);
    let route = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "pressextension", "duration": 1, "next": { "1": "x", "invalid": "x", "timeout": "t" } },
        "x": { "module": "play", "sound": "wrong" }, "t": { "module": "play", "sound": "late" } });
    assert!(run(&route, "").contains("Sound(\"late\")"));
    let menu = |children| {
        node("menu", json!({ "retries": 2, "timeout": 1000, "media": { "exit_media": false } }), children)
    };
    assert_eq!(said(&run(&menu(json!({ "timeout": tts("late") })), "")), ["late"]);
    let transcript = run(&menu(json!({ "max_retries": tts("enough"), "_": tts("no") })), "");
    assert_eq!(transcript.matches("got \"\"").count(), 2, "{transcript}");
    assert_eq!(said(&transcript), ["enough"]);
}

#[test]
fn of_keys_typed_ahead_kazoo_takes_all_voipbin_the_last_and_voxology_none() {
    let early = "wait 100ms 12 wait 20s";
    let prompt = node(
        "play",
        json!({ "id": "long", "terminators": [] }),
        json!({ "_": kazoo(json!({ "max_digits": 2 })) }),
    );
    let transcript = run(&prompt, early);
    assert!(transcript.contains("2000 got \"12\""), "{transcript}");
    let flow = voipbin(json!([
        talk("a long prompt"),
        action("digits_receive", json!({ "duration": 1000, "length": 2 })),
        talk("[${voipbin.call.digits}]")
    ]));
    assert_eq!(said(&run(&flow, early)), ["a long prompt", "[2]"]);
    let script = voxology(json!([say("a long prompt"), { "type": "COLLECT", "params": { "timeout": 1000 } },
        say("[${keyPresses}]")]));
    assert_eq!(said(&run(&script, early)), ["a long prompt", "[]"]);
}

#[test]
fn a_branch_empties_the_keys_so_that_the_next_receive_waits_for_new_ones() {
    let receive = action("digits_receive", json!({ "duration": 1000, "length": 1 }));
    let flow = voipbin(
        json!([receive, action("branch", json!({ "target_ids": { "1": "one" }, "default_target_id": "one" })),
        { "id": "one", "type": "talk", "option": { "text": "[${voipbin.call.digits}]" } }, receive,
        talk("[${voipbin.call.digits}]")]),
    );
    assert_eq!(said(&run(&flow, "1")), ["[]", "[]"]);
}
