//! Flows that ask a web server: what it is told, and what becomes of a call when it fails.

use std::time::Duration;

use serde_json::{Value, json};
use tests::peers::sipp::{Caller, Step};
use tests::server::{CallView, Server, Setup};
use tests::web::{Answer, Web};

/// A server whose number 2000 is a Voxology number with this callback.
fn with_callback(url: &str, method: &str, content_type: &str) -> Server {
    let flow = json!({ "callback": { "url": url, "method": method, "content_type": content_type } });
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"callback.json\"\n".into()),
            ("callback.json", flow.to_string()),
        ],
        ..Setup::default()
    })
}

/// A server whose number 2001 is a Kazoo pivot to `url`, which says sorry when that fails.
fn with_pivot(url: &str) -> Server {
    let flow = json!({
        "module": "answer", "data": {}, "children": { "_": {
            "module": "pivot", "data": { "voice_url": url, "req_timeout_ms": 2000 }, "children": { "_": {
                "module": "tts", "data": { "text": "Sorry, something went wrong." }, "children": {} } } } } });
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2001\" = \"pivot.json\"\n".into()),
            ("pivot.json", flow.to_string()),
        ],
        ..Setup::default()
    })
}

fn call(server: &Server, number: &str, steps: impl IntoIterator<Item = Step>) -> CallView {
    Caller::new(steps).call(&server.address(), number).expect_success();
    server.finished_call(number)
}

#[test]
fn the_callback_loop_asks_again_until_it_is_told_to_hang_up() {
    let web = Web::start(|asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        match body["type"].as_str() {
            Some("init_call") => Answer::json(json!({ "actions": [
                { "type": "SESSIONDATA", "session_data": { "round": 1 } },
                { "type": "SAY", "params": { "text": "Round one." } } ] })),
            Some("live_call") => Answer::json(json!({ "actions": [
                { "type": "SAY", "params": { "text": "Round two." } }, { "type": "HANGUP" } ] })),
            _ => Answer::json(json!({})),
        }
    });
    let server = with_callback(&web.url("/voice"), "POST", "application/json");
    let view = call(&server, "2000", [Step::AwaitBye]);
    assert!(
        view.prompts().contains("Round one.") && view.prompts().contains("Round two."),
        "{}",
        view.prompts()
    );
    let end = web.wait_for("the end_call callback", |asked| asked.body.contains("\"end_call\""));
    let end: Value = serde_json::from_str(&end.body).expect("JSON");
    assert_eq!(end["session_data"]["round"], 1);
    assert!(end["end_time"].is_string(), "{end}");
    let asked = web.asked();
    let first: Value = serde_json::from_str(&asked[0].body).expect("JSON");
    for field in [
        "type",
        "app_id",
        "subaccount_id",
        "call_id",
        "start_time",
        "direction",
        "status",
        "caller_no",
        "api_no",
        "key_presses",
        "recordings",
        "session_data",
    ] {
        assert!(first.get(field).is_some(), "the first callback lacks {field}: {first}");
    }
    assert_eq!(
        (first["type"].as_str(), first["api_no"].as_str(), first["direction"].as_str()),
        (Some("init_call"), Some("2000"), Some("inbound"))
    );
    assert_eq!(first["app_id"], "offhook");
    assert_eq!(asked.len(), 3, "{asked:#?}");
}

#[test]
fn a_get_callback_carries_its_fields_in_the_query() {
    let web = Web::start(|_| {
        Answer::json(
            json!({ "actions": [{ "type": "SAY", "params": { "text": "Hi." } }, { "type": "HANGUP" }] }),
        )
    });
    let server = with_callback(&web.url("/voice?key=1"), "GET", "application/json");
    call(&server, "2000", [Step::AwaitBye]);
    let first = web.asked().remove(0);
    assert_eq!(first.method, "GET");
    assert!(
        first.uri.starts_with("/voice?key=1&")
            && first.uri.contains("type=init_call")
            && first.uri.contains("api_no=2000"),
        "{}",
        first.uri
    );
}

#[test]
fn a_form_callback_carries_its_fields_in_a_form() {
    let web = Web::start(|_| Answer::json(json!({ "actions": [{ "type": "HANGUP" }] })));
    let server = with_callback(&web.url("/voice"), "POST", "application/x-www-form-urlencoded");
    // The flow hangs up an unanswered call: SIPp sees a refusal.
    let refused = Caller::new([]).call(&server.address(), "2000");
    assert_ne!(refused.code, 0);
    let first = web.wait_for("the first callback", |asked| asked.body.contains("type=init_call"));
    assert_eq!(first.content_type, "application/x-www-form-urlencoded");
}

#[test]
fn pivot_parameters_name_the_call_and_its_digits() {
    let web = Web::start(|_| {
        Answer::json(json!({ "module": "tts", "data": { "text": "Thank you." }, "children": {} }))
    });
    let server = with_pivot(&web.url("/pivot"));
    let view = call(&server, "2001", [Step::AwaitBye]);
    assert!(view.prompts().contains("Thank you."), "{}", view.prompts());
    let asked = web.asked().remove(0);
    assert_eq!(asked.method, "GET");
    for parameter in ["Call-ID=", "Direction=inbound", "From=", "To=2001", "Caller-ID-Number="] {
        assert!(asked.uri.contains(parameter), "{parameter} is not in {}", asked.uri);
    }
}

/// A callback that answers like this: the flow's error edge is taken, and the timeline says what came.
fn pivot_fails(answer: Answer, note: &str) {
    let web = Web::start(move |_| answer.clone());
    let server = with_pivot(&web.url("/pivot"));
    let view = call(&server, "2001", [Step::AwaitBye]);
    assert!(view.prompts().contains("Sorry, something went wrong."), "{}", view.prompts());
    let http = view.entries("http");
    assert!(
        !http.is_empty() && format!("{http:?}{}", view.notes()).contains(note),
        "{http:?} {}",
        view.notes()
    );
}

#[test]
fn a_callback_that_answers_500_takes_the_error_edge() {
    pivot_fails(Answer { status: 500, ..Answer::json("oops") }, "500");
}

#[test]
fn a_callback_that_answers_garbage_takes_the_error_edge() {
    pivot_fails(Answer::json("{ this is not JSON"), "JSON");
}

#[test]
fn a_callback_that_answers_too_late_takes_the_error_edge() {
    pivot_fails(Answer { delay: Duration::from_secs(10), ..Answer::json("{}") }, "2000 ms");
}

#[test]
fn a_callback_that_cannot_be_reached_takes_the_error_edge() {
    // Port 9 of loopback: nobody listens there.
    let server = with_pivot("http://127.0.0.1:9/pivot");
    let view = call(&server, "2001", [Step::AwaitBye]);
    assert!(view.prompts().contains("Sorry, something went wrong."), "{}", view.prompts());
    assert!(view.entries("http").iter().any(|entry| entry["status"] == 0), "{:?}", view.0);
}

#[test]
fn a_slow_callback_does_not_hold_up_another_call() {
    let web = Web::start(|_| Answer { delay: Duration::from_secs(10), ..Answer::json("{}") });
    let server = with_pivot(&web.url("/pivot"));
    let address = server.address();
    let slow = std::thread::spawn(move || Caller::new([Step::AwaitBye]).call(&address, "2001"));
    web.wait_for("the slow call's request", |_| true);
    let begun = std::time::Instant::now();
    let status = Caller::new([]).call(&server.address(), "404404");
    assert_ne!(status.code, 0, "an unknown number is refused");
    assert!(begun.elapsed() < Duration::from_secs(8), "the refusal waited for the slow callback");
    slow.join().expect("the slow call ends").expect_success();
}

#[test]
fn a_webhook_is_sent_and_the_flow_goes_on() {
    let web = Web::start(|_| Answer::json("{}"));
    let flow = json!({ "actions": [
        { "type": "answer" },
        { "type": "webhook_send", "option": { "sync": false, "uri": web.url("/hook"), "method": "POST", "data_type": "application/json", "data": "{\"from\":\"${voipbin.call.source.target}\"}" } },
        { "type": "talk", "option": { "text": "Done.", "language": "en-US" } },
        { "type": "hangup" } ] });
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2002\" = \"hook.json\"\n".into()),
            ("hook.json", flow.to_string()),
        ],
        ..Setup::default()
    });
    let view = call(&server, "2002", [Step::AwaitBye]);
    assert!(view.prompts().contains("Done."), "{}", view.prompts());
    let hook = web.wait_for("the webhook", |asked| asked.uri == "/hook");
    assert_eq!(hook.body, "{\"from\":\"sipp\"}");
}
