//! What comes of calling others: how long they ring, what follows a conversation, where failures lead, how long a
//! caller waits in a queue.

use serde_json::{Value, json};

use super::{action, at, end, node, run, said, say, talk, tts, voipbin, voxology};

fn extension(members: Value) -> Value {
    let mut module = json!({ "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "bob" }] });
    module.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    json!({ "s": { "module": "start", "next": "e" }, "e": module, "n": { "module": "play", "sound": "after" } })
}

fn user(data: Value, children: Value) -> Value {
    let mut all = json!({ "id": "bob" });
    all.as_object_mut().expect("an object").extend(data.as_object().expect("an object").clone());
    node("user", all, children)
}

fn connect() -> Value {
    let to = json!([{ "type": "extension", "target": "bob" }]);
    voipbin(json!([action("connect", json!({ "source": {}, "destinations": to })), talk("after")]))
}

fn transfer() -> Value {
    voxology(json!([{ "type": "TRANSFER", "params": { "no": "1002" } }, say("after")]))
}

/// Rows 2 and 20.
#[test]
fn it_rings_for_20_s_in_kazoo_30_in_a_call_route_and_60_elsewhere_and_what_is_written_is_seconds() {
    let silent = "dial silent";
    assert_eq!(at(&run(&user(json!({}), json!({ "_": tts("after") })), silent), "after"), 20_000);
    assert_eq!(
        at(&run(&user(json!({ "timeout": 7 }), json!({ "_": tts("after") })), silent), "after"),
        7_000
    );
    assert_eq!(at(&run(&extension(json!({ "noanswer": "n" })), silent), "after"), 30_000);
    let short = extension(json!({ "noanswer": "n", "duration": 7 }));
    assert_eq!(at(&run(&short, silent), "after"), 7_000);
    assert_eq!(at(&run(&connect(), silent), "after"), 60_000);
    assert_eq!(at(&run(&transfer(), silent), "after"), 60_000);
}

/// Row 16.
#[test]
fn after_a_conversation_kazoo_and_a_call_route_are_over_and_the_others_go_on() {
    let talks = "dial 2s answered 10s";
    let kazoo = run(&user(json!({}), json!({ "_": tts("after") })), talks);
    assert_eq!((said(&kazoo), end(&kazoo)), (vec![], "normal, by the flow"));
    let route = run(&extension(json!({ "noanswer": "n" })), talks);
    assert!(!route.contains("after") && end(&route) == "normal, by the flow", "{route}");
    for document in [connect(), transfer()] {
        assert_eq!(at(&run(&document, talks), "after"), 12_000);
    }
}

/// Row 21.
#[test]
fn a_failure_leads_to_kazoos_cause_its_sip_code_or_default_to_noanswer_or_on() {
    let children = json!({ "USER_BUSY": tts("cause"), "sip:404": tts("code"), "_": tts("default") });
    let kazoo = user(json!({}), children);
    for (fate, words) in [("486", "cause"), ("404", "code"), ("603", "default"), ("busy", "cause")] {
        assert_eq!(said(&run(&kazoo, &format!("dial 2s {fate}"))), [words], "{fate}");
    }
    // Of an outside number `_` is not taken: the caller gets what the carrier said.
    let outside = node("resources", json!({ "to_did": "+15550199" }), json!({ "_": tts("default") }));
    let refused = run(&outside, "dial 2s 503");
    assert!(said(&refused).is_empty() && refused.contains("refuse 503"), "{refused}");
    for fate in ["486", "404", "603"] {
        let script = format!("dial 2s {fate}");
        assert_eq!(at(&run(&extension(json!({ "noanswer": "n" })), &script), "after"), 2_000);
        assert_eq!(at(&run(&connect(), &script), "after"), 2_000);
        assert_eq!(at(&run(&transfer(), &script), "after"), 2_000);
    }
}

/// Row 5: Voxology says nothing of its unit; seconds, as its other ringing times are.
#[test]
fn a_queues_own_limits_are_not_written_in_flows_but_in_voxology() {
    let kazoo = run(&node("acdc_member", json!({ "id": "q" }), json!({ "_": tts("after") })), "");
    assert!(kazoo.contains("Queue(\"q\")"), "{kazoo}");
    let flow = run(&voipbin(json!([action("queue_join", json!({ "queue_id": "q" }))])), "");
    assert!(flow.contains("Queue(\"q\")"), "{flow}");
    let script = voxology(json!([{ "type": "QUEUE", "name": "q", "params": { "timeout": 30 } }]));
    assert!(run(&script, "").contains("Queue(\"q\", wait 30 s"));
}
