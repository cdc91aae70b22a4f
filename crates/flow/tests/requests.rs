//! What flows of each dialect ask of web servers: how often, and what may stand in for an answer.

use std::sync::Arc;
use std::time::Instant;

use flow::leg::{LegCommand, LegEvent};
use flow::{Effect, Facts, HttpReply, HttpRequest, Input, Machine, Settings, Start};
use serde_json::{Value, json};

/// The requests that a call to `document` makes; each is answered with `reply`.
fn requests(document: &Value, keys: &str, reply: &Value) -> Vec<HttpRequest> {
    let lowered = flow::lower::lower(None, document).expect("a flow");
    let start = Start::new(Arc::new(lowered.program), Facts::default(), Settings::default());
    let (mut machine, now) = (Machine::new(start), Instant::now());
    machine.handle(now, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    let (mut asked, mut keys) = (Vec::new(), keys.chars());
    while let Some(effect) = machine.poll_effect() {
        match effect {
            Effect::Http(tag, request) => {
                asked.push(request);
                let body = reply.to_string().into_bytes();
                let content_type = "application/json".to_owned();
                let reply = HttpReply { status: 200, content_type, body, note: String::new() };
                machine.handle(now, Input::Http(tag, Ok(reply)));
            }
            Effect::Leg(tag, LegCommand::Answer) => machine.handle(now, Input::Leg(tag, LegEvent::Answered)),
            Effect::Leg(tag, LegCommand::Play { .. }) => {
                for key in keys.by_ref() {
                    machine.handle(now, Input::Leg(tag, LegEvent::Digit(key)));
                }
                machine.handle(now, Input::Leg(tag, LegEvent::Played { stopped: false }));
            }
            _ => {}
        }
    }
    asked
}

fn pivot(url: &str) -> Value {
    json!({"module": "pivot", "data": {"voice_url": url}, "children": {}})
}

#[test]
fn each_dialect_asks_again_as_often_as_its_documents_say() {
    let webhook = |retries: Value| json!({"module": "webhook", "data": {"uri": "http://h/", "retries": retries}, "children": {}});
    let voipbin = |kind: &str, option: Value| json!({"actions": [{"type": kind, "option": option}]});
    let callback =
        json!({"callback": {"url": "http://h/", "method": "POST", "content_type": "application/json"}});
    let cases = [
        (pivot("http://h/"), 0),
        (webhook(json!(3)), 3),
        (webhook(Value::Null), 0),
        (voipbin("fetch", json!({"event_url": "http://h/", "event_method": "POST"})), 0),
        (voipbin("webhook_send", json!({"uri": "http://h/", "method": "POST", "sync": true})), 2),
        (callback, 1),
    ];
    for (document, retries) in cases {
        let asked = requests(&document, "", &json!([]));
        assert_eq!(asked.first().map(|request| request.retries), Some(retries), "{document}");
    }
}

#[test]
fn what_a_call_begins_with_may_be_kept_and_nothing_after_it() {
    let kept = |document: &Value, keys: &str, reply: &Value| {
        requests(document, keys, reply).into_iter().map(|request| request.last_good).collect::<Vec<_>>()
    };
    let hangup = json!({"module": "hangup", "data": {}, "children": {}});
    let first = kept(&pivot("http://h/flow?tenant=5#x"), "", &hangup);
    assert_eq!(first, [Some("GET http://h/flow?tenant=5".to_owned())], "without the fields of the call");
    let second = kept(&pivot("http://h/a"), "", &pivot("http://h/a"));
    assert!(second.len() > 5 && second.iter().filter(|key| key.is_some()).count() == 1, "{second:?}");
    let collect = json!({"module": "collect_dtmf", "data": {"max_digits": 1},
        "children": {"_": pivot("http://h/a")}});
    let after_a_key = json!({"module": "tts", "data": {"text": "Hello"}, "children": {"_": collect}});
    assert_eq!(kept(&after_a_key, "1", &hangup), [None], "the caller pressed a key");
    let webhook = json!({"module": "webhook", "data": {"uri": "http://h/"}, "children": {}});
    assert_eq!(kept(&webhook, "", &hangup), [None]);
}
