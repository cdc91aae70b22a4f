//! Where a program goes when it is used up, when something is missing, and when something fails.

use serde_json::{Value, json};

use super::{action, at, end, node, run, said, say, talk, tts, voipbin, voxology};

fn route(modules: Value) -> Value {
    let mut route = json!({ "a": { "module": "start", "next": "b" } });
    route.as_object_mut().expect("an object").extend(modules.as_object().expect("an object").clone());
    route
}

#[test]
fn a_program_that_is_used_up_hangs_up_and_a_callback_is_asked_again() {
    for document in [
        tts("x"),
        voipbin(json!([talk("x")])),
        voxology(json!([say("x")])),
        route(json!({ "b": { "module": "play", "sound": "x" } })),
    ] {
        assert_eq!(end(&run(&document, "")), "normal, by the flow", "{document}");
    }
    let callback = json!({ "callback": { "url": "http://h/", "method": "POST" } });
    let transcript = run(
        &callback,
        "http 200 {\"actions\":[{\"type\":\"SAY\",\"params\":{\"text\":\"x\"}}]}\nhttp 200 {}",
    );
    assert!(transcript.contains("\"live_call\"") && transcript.contains("\"end_call\""), "{transcript}");
}

#[test]
fn a_called_document_returns_and_a_fetched_one_returns_in_voipbin_only() {
    let called = node("callflow", json!({ "id": "other" }), json!({ "_": tts("back") }));
    assert_eq!(
        said(&run(&called, "flow other {\"module\":\"tts\",\"data\":{\"text\":\"there\"}}")),
        ["there", "back"]
    );
    let fetched = voipbin(json!([action("fetch", json!({ "event_url": "http://h/" })), talk("back")]));
    assert_eq!(
        said(&run(&fetched, "http 200 [{\"type\":\"talk\",\"option\":{\"text\":\"there\"}}]")),
        ["there", "back"]
    );
    let pivot = node("pivot", json!({ "voice_url": "http://h/" }), json!({ "_": tts("back") }));
    assert_eq!(said(&run(&pivot, "http 200 {\"module\":\"tts\",\"data\":{\"text\":\"there\"}}")), ["there"]);
    let redirect = voxology(json!([{ "type": "REDIRECT", "params": { "url": "http://h/" } }, say("back")]));
    assert_eq!(
        said(&run(&redirect, "http 200 {\"actions\":[{\"type\":\"SAY\",\"params\":{\"text\":\"there\"}}]}")),
        ["there"]
    );
}

#[test]
fn a_target_that_is_missing_ends_the_call_and_a_missing_child_leads_to_the_default_one() {
    let menu =
        node("branch_variable", json!({ "variable": "x" }), json!({ "1": tts("one"), "_": tts("other") }));
    assert_eq!(said(&run(&menu, "")), ["other"]);
    let childless = node("branch_variable", json!({ "variable": "x" }), json!({ "1": tts("one") }));
    assert_eq!(end(&run(&childless, "")), "normal, by the flow");
    assert!(
        end(&run(&route(json!({ "b": { "module": "play", "sound": "x", "next": "nowhere" } })), ""))
            .ends_with("by the flow")
    );
    let goto = voipbin(json!([talk("x"), action("goto", json!({ "target_id": "nowhere" })), talk("never")]));
    assert_eq!(said(&run(&goto, "")), ["x"]);
    let goto =
        voxology(json!([say("x"), { "type": "GOTO", "params": { "label": "nowhere" } }, say("never")]));
    assert_eq!(said(&run(&goto, "")), ["x"]);
}

#[test]
fn what_is_unknown_is_skipped_but_ends_a_call_route() {
    assert_eq!(said(&run(&node("no_such", json!({}), json!({ "_": tts("next") })), "")), ["next"]);
    let flow = voipbin(json!([{ "type": "answer" }, action("no_such", json!({})), talk("next")]));
    assert_eq!(said(&run(&flow, "")), ["next"]);
    assert_eq!(
        said(&run(&voxology(json!([{ "type": "NO_SUCH", "params": {} }, say("next")])), "")),
        ["next"]
    );
    let transcript = run(
        &route(
            json!({ "b": { "module": "no_such", "next": "c" }, "c": { "module": "play", "sound": "next" } }),
        ),
        "",
    );
    assert!(!transcript.contains("Sound("), "{transcript}");
}

#[test]
fn what_answers_by_itself() {
    let answers = |document: &Value| run(document, "").lines().any(|line| line.ends_with(" answer"));
    for module in [
        tts("x"),
        node("play", json!({ "id": "x" }), json!({})),
        node("collect_dtmf", json!({}), json!({})),
        node("menu", json!({}), json!({})),
        node("record_caller", json!({ "time_limit": 5 }), json!({})),
    ] {
        assert!(answers(&module), "{module}");
    }
    for module in [
        node("play", json!({ "id": "x", "answer": false }), json!({})),
        node("sleep", json!({ "duration": 1 }), json!({})),
        node("response", json!({ "media": "x" }), json!({})),
    ] {
        assert!(!answers(&module), "{module}");
    }
    assert!(answers(&voipbin(json!([talk("x")]))));
    for quiet in [
        json!({ "type": "beep" }),
        action("play", json!({ "stream_urls": ["x"] })),
        action("sleep", json!({ "duration": 1 })),
        action("digits_receive", json!({ "duration": 1 })),
        action("echo", json!({ "duration": 1000 })),
    ] {
        assert!(!answers(&voipbin(json!([quiet]))), "{quiet}");
    }
    for heard in [
        say("x"),
        json!({ "type": "PLAY", "params": { "url": "x" } }),
        json!({ "type": "COLLECT", "params": {} }),
        json!({ "type": "RECORD", "params": { "max_length": 5000 } }),
    ] {
        assert!(answers(&voxology(json!([heard]))), "{heard}");
    }
    assert!(!answers(&voxology(json!([{ "type": "REJECT" }]))));
    assert!(answers(&route(json!({ "b": { "module": "play", "sound": "x" } }))));
    assert!(answers(&route(json!({ "b": { "module": "pressextension", "duration": 1, "next": {} } }))));
    assert!(
        !answers(&route(json!({ "b": { "module": "busy" } }))),
        "the tone is early media, and then comes 486"
    );
}

#[test]
fn a_callee_who_cannot_be_reached_leads_where_each_dialect_leads() {
    let device = node("device", json!({ "id": "x" }), json!({ "_": tts("nobody") }));
    assert_eq!(said(&run(&device, "")), ["nobody"]);
    let extension = route(
        json!({ "b": { "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "x" }], "noanswer": "c" },
        "c": { "module": "play", "sound": "nobody" } }),
    );
    assert!(run(&extension, "").contains("Sound(\"nobody\")"));
    let to = json!([{ "type": "tel", "target": "+1" }]);
    let connect = voipbin(json!([action("connect", json!({ "destinations": to })), talk("nobody")]));
    assert_eq!(said(&run(&connect, "")), ["nobody"]);
    let nowhere = voipbin(json!([action("connect", json!({ "destinations": [] })), talk("nobody")]));
    assert_eq!(said(&run(&nowhere, "")), [""; 0], "a control action that fails ends the flow");
    let transfer = voxology(json!([{ "type": "TRANSFER", "params": { "no": "1" } }, say("nobody")]));
    assert_eq!(said(&run(&transfer, "")), ["nobody"]);
}

#[test]
fn a_fetch_that_fails_goes_to_the_default_child_or_ends_the_call() {
    let failures = ["http 500 {}", "http refused", "http 200 garbage"];
    for failure in failures {
        let pivot = node("pivot", json!({ "voice_url": "http://h/" }), json!({ "_": tts("sorry") }));
        assert_eq!(said(&run(&pivot, failure)), ["sorry"], "{failure}");
        let fetch = voipbin(
            json!([{ "type": "answer" }, action("fetch", json!({ "event_url": "http://h/" })), talk("never")]),
        );
        assert_eq!(said(&run(&fetch, failure)), [""; 0], "{failure}");
        let redirect =
            voxology(json!([{ "type": "REDIRECT", "params": { "url": "http://h/" } }, say("never")]));
        assert_eq!(end(&run(&redirect, failure)), "callback failed, by the flow", "{failure}");
    }
    let pivot = node(
        "pivot",
        json!({ "voice_url": "http://h/", "req_timeout_ms": 9000 }),
        json!({ "_": tts("sorry") }),
    );
    assert_eq!(at(&run(&pivot, "http timeout"), "sorry"), 5000, "Kazoo waits five seconds at most");
    let redirect = voxology(json!([{ "type": "REDIRECT", "params": { "url": "http://h/" } }]));
    assert_eq!(at(&run(&redirect, "http timeout"), "end: "), 10_000);
}

#[test]
fn a_reply_is_a_node_a_bare_list_or_actions() {
    let pivot = node("pivot", json!({ "voice_url": "http://h/" }), json!({}));
    for reply in [
        "{\"module\":\"tts\",\"data\":{\"text\":\"x\"}}",
        "{\"flow\":{\"module\":\"tts\",\"data\":{\"text\":\"x\"}}}",
    ] {
        assert_eq!(said(&run(&pivot, &format!("http 200 {reply}"))), ["x"], "{reply}");
    }
    let fetch = voipbin(json!([action("fetch", json!({ "event_url": "http://h/" }))]));
    for reply in [
        "[{\"type\":\"talk\",\"option\":{\"text\":\"x\"}}]",
        "{\"actions\":[{\"type\":\"talk\",\"option\":{\"text\":\"x\"}}]}",
    ] {
        assert_eq!(said(&run(&fetch, &format!("http 200 {reply}"))), ["x"], "{reply}");
    }
    let callback = json!({ "callback": { "url": "http://h/" } });
    let reply = "http 200 {\"name\":\"n\",\"actions\":[{\"type\":\"SAY\",\"params\":{\"text\":\"x\"}},{\"type\":\"HANGUP\"}]}";
    assert_eq!(said(&run(&callback, reply)), ["x"]);
}

#[test]
fn after_a_conversation_a_voipbin_flow_goes_on_and_it_rings_for_a_minute() {
    let to = json!([{ "type": "tel", "target": "+1" }]);
    let connect = voipbin(json!([action("connect", json!({ "destinations": to })), talk("after")]));
    let answered = run(&connect, "dial 3s answered 10s");
    assert_eq!(said(&answered), ["after"]);
    assert_eq!(at(&answered, "Say("), 13_000);
    let silent = run(&connect, "dial silent");
    assert_eq!(at(&silent, "Say("), 60_000);
    // A reason that is relayed ends the call either way.
    let relay = json!({ "destinations": to, "relay_reason": true });
    let relayed = voipbin(json!([action("connect", relay), talk("never")]));
    assert_eq!(said(&run(&relayed, "dial 3s answered 10s")), [""; 0]);
    assert!(run(&relayed, "dial 3s 486").contains("refuse 486"));
}
