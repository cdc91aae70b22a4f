//! Flows that run without a call, over HTTP.

mod asking;

use asking::{Served, wait};
use serde_json::{Value, json};
use store::{Document, Flows, User, Users};
use testkit::receiver::Receiver;

fn flows(all: &[(&str, Value)]) -> Flows {
    let mut flows = Flows::new();
    for (id, source) in all {
        flows.add(Document::read(*id, None, source.clone()).expect("a flow"));
    }
    flows
}

/// What is said of a run.
fn run(served: &Served, id: &str) -> Value {
    let (status, _, body) = served.get(&format!("/runs/{id}"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

fn begin(served: &Served, wish: &Value) -> String {
    let (status, head, body) = served.post("/runs", &wish.to_string());
    assert_eq!(status, 201, "{body}");
    let value: Value = serde_json::from_str(&body).expect("JSON");
    let id = value["id"].as_str().expect("a name").to_owned();
    assert!(head.contains(&format!("location: /runs/{id}")), "{head}");
    id
}

#[test]
fn a_flow_is_run_without_a_call_waits_to_be_let_go_on_and_tells_what_it_found_out() {
    let server = Receiver::start(|_, _| (200, String::new()));
    let hook = |path: &str, data: &str| {
        json!({"type": "webhook_send", "option": {"uri": server.url(path), "method": "POST",
            "data_type": "application/json", "data": data, "sync": true}})
    };
    let flow = json!({"actions": [
        {"type": "talk", "option": {"text": "Nobody hears this.", "language": "en-US"}},
        {"type": "variable_set", "option": {"key": "greeting", "value": "Hello ${name}"}},
        hook("/first", "${greeting} of ${voipbin.activeflow.reference_type}"),
        {"type": "block"},
        hook("/second", "x"),
        {"type": "stop"}
    ]});
    let served = Served::flows(flows(&[("report.json", flow)]), &Users::default(), |_, _| {});
    let id = begin(&served, &json!({"flow": "report.json", "variables": {"name": "Ann"}}));
    assert_eq!(server.wait_for(0).body, b"Hello Ann of api");
    wait("that it waits", || run(&served, &id)["state"] == "blocked");
    assert_eq!(server.got().len(), 1, "it waits before the second");
    assert_eq!(served.post(&format!("/runs/{id}/session"), "{\"more\": 1}").0, 204);
    assert_eq!(served.post(&format!("/runs/{id}/continue"), "").0, 204);
    assert_eq!(server.wait_for(1).path, "/second");
    wait("its end", || run(&served, &id)["state"] == "ended");
    let over = run(&served, &id);
    assert_eq!(
        (&over["variables"]["greeting"], &over["reference_type"]),
        (&json!("Hello Ann"), &json!("api"))
    );
    assert_eq!(over["variables"]["sessionData"]["more"], 1);
    assert!(
        over["ended"].is_string() && over["trace"].as_array().is_some_and(|trace| trace.len() > 5),
        "{over}"
    );
    let (status, _, body) = served.post(&format!("/runs/{id}/continue"), "");
    assert_eq!(status, 409, "{body}");
    assert_eq!(served.ask("DELETE", &format!("/runs/{id}"), "").0, 409);
    let (_, _, body) = served.get("/runs");
    assert!(body.contains(&id) && !body.contains("\"trace\""), "{body}");
}

#[test]
fn a_run_is_ended_from_outside_and_what_is_no_flow_is_refused() {
    let waits = json!({"actions": [{"type": "block"}, {"type": "stop"}]});
    let served = Served::flows(flows(&[("waits.json", waits)]), &Users::default(), |_, _| {});
    let id = begin(&served, &json!({"flow": "waits.json"}));
    wait("that it waits", || run(&served, &id)["state"] == "blocked");
    assert_eq!(served.ask("DELETE", &format!("/runs/{id}"), "").0, 204);
    wait("its end", || run(&served, &id)["state"] == "ended");
    assert_eq!(run(&served, &id)["cause"], "stopped");
    let (status, _, body) = served.post("/runs", "{\"flow\": \"nothing.json\"}");
    assert!(status == 404 && body.contains("there is no flow"), "{body}");
    assert_eq!(served.post("/runs", "{\"flwo\": \"x\"}").0, 400);
    assert_eq!(served.get("/runs/run-zzzzzz").0, 404);
    let tasks = || served.runtime.block_on(served.switch.counts()).tasks;
    wait("that nothing is left", || tasks() == 0);
}

#[test]
fn a_flow_without_a_call_begins_calls_that_go_their_own_way() {
    let greets = json!({"actions": [{"type": "hangup"}]});
    let flow = json!({"actions": [{"type": "call", "option": {
        "source": {"type": "tel", "target": "+15550001"}, "destinations": [{"type": "agent", "target": "alice"}],
        "flow_id": "greets.json"}}]});
    let users: Users = [User::new("alice", "secret").numbered("201")].into_iter().collect();
    let served = Served::flows(flows(&[("calls.json", flow), ("greets.json", greets)]), &users, |_, _| {});
    let id = begin(&served, &json!({"flow": "calls.json"}));
    wait("its end", || run(&served, &id)["state"] == "ended");
    let over = run(&served, &id);
    let call = over["calls"][0].as_str().unwrap_or_else(|| panic!("no call: {over}"));
    let (status, _, body) = served.get(&format!("/calls/{call}"));
    let view: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (status, &view["called"], &view["caller"]),
        (200, &json!("alice"), &json!("+15550001")),
        "{body}"
    );
}
