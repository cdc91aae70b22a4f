//! Units of time, defaults, and when a timer starts.

use serde_json::json;

use super::{action, at, node, run, say, talk, tts, voipbin, voxology};

#[test]
fn the_time_for_keys_is_milliseconds_but_seconds_in_a_call_route() {
    let kazoo = node("collect_dtmf", json!({ "timeout": 2000 }), json!({ "_": tts("after") }));
    assert_eq!(at(&run(&kazoo, ""), "after"), 2000);
    let callroute = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "pressextension", "duration": 2, "next": { "timeout": "c" } },
        "c": { "module": "play", "sound": "after" } });
    assert_eq!(at(&run(&callroute, ""), "after"), 2000);
    let flow =
        voipbin(json!([action("digits_receive", json!({ "duration": 2000, "length": 1 })), talk("after")]));
    assert_eq!(at(&run(&flow, ""), "after"), 2000);
    let script = voxology(
        json!([{ "type": "COLLECT", "params": { "timeout": 2000, "num_digits": 1 } }, say("after")]),
    );
    assert_eq!(at(&run(&script, ""), "after"), 2000);
}

#[test]
fn the_time_for_the_first_key_has_a_default_of_each_dialects_own() {
    let kazoo = node("collect_dtmf", json!({}), json!({ "_": tts("after") }));
    assert_eq!(at(&run(&kazoo, ""), "after"), 5000);
    let callroute = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "pressextension", "next": { "timeout": "c" } }, "c": { "module": "play", "sound": "after" } });
    assert_eq!(at(&run(&callroute, ""), "after"), 10_000);
    let flow = voipbin(json!([action("digits_receive", json!({ "length": 1 })), talk("after")]));
    assert_eq!(at(&run(&flow, ""), "after"), 0, "no duration waits for nothing");
    let script = voxology(json!([{ "type": "COLLECT", "params": { "num_digits": 1 } }, say("after")]));
    assert_eq!(at(&run(&script, ""), "after"), 5000);
}

#[test]
fn between_keys_kazoo_waits_two_seconds_voxology_its_timeout_and_voipbin_not_beyond_its_total() {
    let script = "wait 1s 1";
    let kazoo =
        node("collect_dtmf", json!({ "max_digits": 4, "timeout": 8000 }), json!({ "_": tts("after") }));
    assert_eq!(at(&run(&kazoo, script), "after"), 3000);
    let vox = voxology(
        json!([{ "type": "COLLECT", "params": { "num_digits": 4, "timeout": 3000 } }, say("after")]),
    );
    assert_eq!(at(&run(&vox, script), "after"), 4000);
    let flow =
        voipbin(json!([action("digits_receive", json!({ "duration": 3000, "length": 4 })), talk("after")]));
    assert_eq!(at(&run(&flow, script), "after"), 3000);
    let dial = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "dialbyextension", "next": { "invalid": "c" } }, "c": { "module": "play", "sound": "after" } });
    assert_eq!(at(&run(&dial, "dial 0s 404\nwait 1s 1"), "after"), 6000);
}

#[test]
fn the_timer_starts_when_the_prompt_is_over() {
    // "0123456789" is said in 600 ms, a sound is played in two seconds.
    let vox = voxology(json!([
        { "type": "COLLECT", "params": { "timeout": 1000 }, "actions": [say("0123456789")] }, say("after")]));
    assert_eq!(at(&run(&vox, ""), "after"), 1600);
    let callroute = json!({ "a": { "module": "start", "next": "b" },
        "b": { "module": "pressextension", "sound": "menu", "duration": 1, "next": { "timeout": "c" } },
        "c": { "module": "play", "sound": "after" } });
    assert_eq!(at(&run(&callroute, ""), "after"), 3000);
    let menu = json!({ "numbers": ["1"], "menus": { "m": { "timeout": 1000, "media": { "greeting": "menu" } } },
        "flow": node("menu", json!({ "id": "m" }), json!({ "timeout": tts("after") })) });
    assert_eq!(at(&run(&menu, ""), "after"), 3000);
}

#[test]
fn sleep_is_seconds_in_kazoo_unless_it_says_and_milliseconds_elsewhere() {
    let kazoo =
        |data| node("answer", json!({}), json!({ "_": node("sleep", data, json!({ "_": tts("after") })) }));
    assert_eq!(at(&run(&kazoo(json!({ "duration": 2 })), ""), "after"), 2000);
    assert_eq!(at(&run(&kazoo(json!({ "duration": "2", "unit": "ms" })), ""), "after"), 2);
    assert_eq!(at(&run(&kazoo(json!({ "duration": 1, "unit": "m" })), ""), "after"), 60_000);
    let flow = voipbin(json!([action("sleep", json!({ "duration": 2000 })), talk("after")]));
    assert_eq!(at(&run(&flow, ""), "after"), 2000);
    let script = voxology(json!([{ "type": "PAUSE", "params": { "duration": 2000 } }, say("after")]));
    assert_eq!(at(&run(&script, ""), "after"), 2000);
}

#[test]
fn a_recordings_limit_is_seconds_but_milliseconds_in_voxology() {
    // After the beep of half a second.
    let kazoo = node("record_caller", json!({ "time_limit": 7 }), json!({ "_": tts("after") }));
    assert_eq!(at(&run(&kazoo, ""), "after"), 7500);
    let script = voxology(json!([{ "type": "RECORD", "params": { "max_length": 7000 } }, say("after")]));
    assert_eq!(at(&run(&script, ""), "after"), 7500);
    let flow = voipbin(json!([{ "type": "answer" }, action("recording_start", json!({ "duration": 7 })),
        action("sleep", json!({ "duration": 9000 }))]));
    assert_eq!(at(&run(&flow, ""), "recorded"), 7000);
}

#[test]
fn a_recording_is_waited_for_or_goes_on_in_the_background() {
    let background = node("record_call", json!({ "action": "start" }), json!({ "_": tts("after") }));
    assert_eq!(at(&run(&background, ""), "after"), 0);
    let flow = voipbin(json!([{ "type": "answer" }, action("recording_start", json!({})), talk("after")]));
    assert_eq!(at(&run(&flow, ""), "after"), 0);
    let route = json!({ "a": { "module": "start", "next": "r" }, "r": { "module": "recording", "next": "p" },
        "p": { "module": "play", "sound": "after" } });
    assert_eq!(at(&run(&route, ""), "after"), 0);
    let script = voxology(json!([{ "type": "RECORD", "params": { "max_length": 7000 } }, say("after")]));
    assert!(at(&run(&script, ""), "after") > 7000);
}
