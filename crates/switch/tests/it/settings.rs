//! What users change by phone: it holds for the next call, and after a restart.

use std::path::Path;
use std::time::Duration;

use crate::rig::{Rig, trace};
use serde_json::{Value, json};
use store::{Document, Flows, HotDesk, Trunks, User, Users};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

/// Four users, and star codes: a number each.
fn start(state: &Path) -> Rig {
    let path = state.join("settings.json");
    let rig = Rig::with(&[], |config| config.settings = Some(path));
    let desk = HotDesk { id: "77".into(), pin: Some("1234".into()) };
    let people = [("alice", "201"), ("bob", "202"), ("carol", "203"), ("lobby", "205")];
    let mut users: Users =
        people.map(|(name, number)| User::new(name, "secret").numbered(number)).into_iter().collect();
    users.insert(User { hot_desk: Some(desk), ..User::new("bob", "secret").numbered("202") });
    let module = |module: &str, data: Value| json!({ "module": module, "data": data });
    let member = |id: &str| json!({ "endpoint_type": "user", "id": id, "timeout": 5 });
    let flows = [
        ("778", module("do_not_disturb", json!({ "action": "activate" }))),
        ("779", module("do_not_disturb", json!({ "action": "toggle" }))),
        ("772", module("call_forward", json!({ "action": "activate" }))),
        ("773", module("call_forward", json!({ "action": "deactivate" }))),
        ("774", module("call_forward", json!({ "action": "toggle" }))),
        ("711", module("hotdesk", json!({ "action": "login", "interdigit_timeout": 500 }))),
        ("712", module("hotdesk", json!({ "action": "logout" }))),
        ("720", module("ring_group_toggle", json!({ "action": "logout", "callflow_id": "730" }))),
        ("721", module("ring_group_toggle", json!({ "action": "login", "callflow_id": "730" }))),
        ("730", module("ring_group", json!({ "endpoints": [member("bob"), member("carol")], "timeout": 5 }))),
        ("775", module("call_forward", json!({ "action": "menu" }))),
        ("750", hours(json!({}))),
        ("751", hours(json!({ "action": "enable" }))),
        ("752", hours(json!({ "action": "reset" }))),
        ("740", module("call_waiting", json!({ "action": "deactivate", "scope": "user" }))),
    ];
    let mut table = Flows::new();
    for (number, source) in flows {
        let id = format!("{number}.json");
        table.add(Document::read(id.as_str(), None, source).expect("a flow"));
        assert!(table.number(number, &id, true));
    }
    let inside = rig.runtime.enter();
    rig.switch().reload(table, &users, &Trunks::default());
    drop(inside);
    rig
}

/// A rule for a day that is long over, which leads to 410; without it 411 comes.
fn hours(data: Value) -> Value {
    let code = |code: &str| json!({ "module": "response", "data": { "code": code } });
    let mut flow = json!({ "module": "temporal_route", "data": { "rules": ["past"] },
        "rules": { "past": { "cycle": "date", "start_date": 62_167_219_200_i64 } },
        "children": { "past": code("410"), "_": code("411") } });
    if let (Some(all), Some(data)) = (flow["data"].as_object_mut(), data.as_object()) {
        all.extend(data.clone());
    }
    let rules = flow["rules"].take();
    json!({ "rules": rules, "flow": flow })
}

/// A user dials a star code, and types what is asked for; until the call is over.
fn dial(rig: &Rig, desk: &Desk, number: &str, keys: &[&str]) {
    let call = desk.call(number);
    for (at, keys) in keys.iter().enumerate() {
        rig.wait("the question", || living(rig, "  Collect") > at);
        assert!(desk.up(call), "{:?}", rig.traces());
        desk.press(call, keys);
        rig.wait("the answer", || living(rig, "got    ") > at);
    }
    assert!(desk.over(call), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
}

/// How often the trace of the living call says this.
fn living(rig: &Rig, words: &str) -> usize {
    let call = rig.switch().calls().first().and_then(|call| rig.switch().call(call.id));
    call.map_or(0, |call| trace(&call).matches(words).count())
}

fn rings(rig: &Rig, caller: &Desk, number: &str, wanted: &Desk, before: usize) -> LineId {
    let call = caller.call(number);
    assert!(wanted.wait(|lines| lines.len() == before + 1), "{number}: {:?}", rig.traces());
    caller.hang_up(call);
    assert!(caller.over(call) && wanted.over(before));
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    before
}

fn refused(rig: &Rig, caller: &Desk, number: &str) -> Option<u16> {
    let call = caller.call(number);
    assert!(caller.over(call), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    caller.line(call, |line| line.status)
}

#[test]
fn do_not_disturb_is_switched_by_phone_and_survives_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    {
        let rig = start(home.path());
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
        rings(&rig, &alice, "202", &bob, 0);
        dial(&rig, &bob, "778", &[]);
        assert_eq!(refused(&rig, &alice, "202"), Some(486), "{:?}", rig.traces());
    }
    let rig = start(home.path());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    assert_eq!(refused(&rig, &alice, "202"), Some(486), "after the restart: {:?}", rig.traces());
    dial(&rig, &bob, "779", &[]);
    rings(&rig, &alice, "202", &bob, 1);
    rig.nothing_left();
}

#[test]
fn calls_are_forwarded_by_phone_to_the_number_that_is_typed() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, Manner::Ring);
    dial(&rig, &bob, "772", &["203#"]);
    rings(&rig, &alice, "202", &carol, 0);
    dial(&rig, &bob, "773", &[]);
    // The call to the star code was the first of his lines.
    rings(&rig, &alice, "202", &bob, 2);
    // The number is remembered.
    dial(&rig, &bob, "774", &[]);
    rings(&rig, &alice, "202", &carol, 1);
    let kept = std::fs::read_to_string(home.path().join("settings.json")).expect("a file");
    assert!(kept.contains("\"203\""), "{kept}");
    rig.nothing_left();
}

#[test]
fn a_phone_is_whose_who_sits_down_there() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let (alice, lobby) = (rig.desk("alice", A, Manner::Ring), rig.desk("lobby", C, Manner::Ring));
    assert_eq!(refused(&rig, &alice, "202"), Some(480));
    dial(&rig, &lobby, "711", &["77#", "1234#"]);
    rings(&rig, &alice, "202", &lobby, 1);
    // Its own number has no phone now, and it calls as bob.
    assert_eq!(refused(&rig, &alice, "205"), Some(480));
    let call = lobby.call("201");
    assert!(alice.wait(|lines| lines.len() == 4), "{:?}", rig.traces());
    let from = alice.line(3, |line| line.invite.clone()).expect("an INVITE");
    assert!(from.header("from").is_some_and(|from| from.contains("sip:202@")), "{from:?}");
    lobby.hang_up(call);
    assert!(lobby.over(call));
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    dial(&rig, &lobby, "712", &[]);
    assert_eq!(refused(&rig, &alice, "202"), Some(480), "{:?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn who_leaves_a_ring_group_does_not_ring_with_it() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, Manner::Ring);
    dial(&rig, &bob, "720", &[]);
    rings(&rig, &alice, "730", &carol, 0);
    assert!(bob.wait(|lines| lines.len() == 1), "he does not ring: {:?}", rig.traces());
    dial(&rig, &bob, "721", &[]);
    rings(&rig, &alice, "730", &bob, 2);
    rig.nothing_left();
}

#[test]
fn call_waiting_is_switched_off_by_phone() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    dial(&rig, &bob, "740", &[]);
    let call = bob.call("201");
    assert!(bob.up(call) && alice.up(0), "{:?}", rig.traces());
    let second = carol.call("202");
    assert!(carol.over(second), "{:?}", rig.traces());
    assert_eq!(carol.line(second, |line| line.status), Some(486));
    bob.hang_up(call);
    assert!(alice.over(0));
    rig.wait("the end of the calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
}

#[test]
fn a_menu_asks_what_is_to_become_of_forwarding_and_for_the_number() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, Manner::Ring);
    let call = bob.call("775");
    assert!(bob.up(call), "{:?}", rig.traces());
    // On, but nobody knows where to.
    bob.press(call, "1203#");
    assert!(bob.over(call), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    rings(&rig, &alice, "202", &carol, 0);
    let call = bob.call("775");
    assert!(bob.up(call), "{:?}", rig.traces());
    bob.press(call, "2");
    assert!(bob.over(call), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    rings(&rig, &alice, "202", &bob, 2);
    rig.nothing_left();
}

#[test]
fn a_calendar_rule_is_forced_by_phone_until_the_calendar_decides_again() {
    let home = tempfile::tempdir().expect("a directory");
    let rig = start(home.path());
    let alice = rig.desk("alice", A, SOON);
    assert_eq!(refused(&rig, &alice, "750"), Some(411), "{:?}", rig.traces());
    dial(&rig, &alice, "751", &[]);
    assert_eq!(refused(&rig, &alice, "750"), Some(410), "{:?}", rig.traces());
    dial(&rig, &alice, "752", &[]);
    assert_eq!(refused(&rig, &alice, "750"), Some(411), "{:?}", rig.traces());
    rig.nothing_left();
}
