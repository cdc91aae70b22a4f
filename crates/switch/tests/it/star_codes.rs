//! Star codes of the account, of users and of their phones (`metaflows` in `users.toml`): valid on either leg, in calls
//! that no callflow leads.

use std::time::Duration;

use crate::rig::{Rig, trace};
use serde_json::{Value, json};
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const JAZZ: u16 = 1_300;
const WAIT: u16 = 1_700;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// What all have: `*1` is heard by the other party.
const OFFICE: &str = r#"{"data": {"metaflows": {"numbers": {
    "1": {"module": "play", "data": {"id": "jazz", "leg": "peer"}},
    "3": {"module": "break", "data": {}},
    "7": {"module": "hangup", "data": {}}}}}}"#;

/// Alice's codes are also the other party's; bob's mobile has `*1` for itself. `after` is a flow.
const USERS: &str = r##"
    metaflows = "codes/office"
    [alice]
    password = "secret"
    number = "201"
    metaflows = { listen_on = "both", numbers = { "2" = { module = "play", data = { id = "wait", leg = "self" } }, "5" = "after" } }
    [bob]
    number = "202"
    [bob.devices.bob-mobile]
    password = "secret"
    metaflows = { binding_digit = "#", numbers = { "1" = { module = "play", data = { id = "wait", leg = "peer" } } } }
    [bob.devices.bob-desk]
    password = "secret"
"##;

fn prepare(rig: &Rig) {
    rig.sound("jazz", JAZZ);
    rig.sound("wait", WAIT);
    let home = rig.dir.path();
    std::fs::create_dir_all(home.join("codes")).expect("a directory");
    std::fs::write(home.join("codes/office.json"), OFFICE).expect("written");
    let after = json!({"flow": {"module": "answer", "data": {}, "children": {"_": {
        "module": "play", "data": {"id": "wait"}, "children": {}}}}});
    std::fs::write(home.join("after.json"), after.to_string()).expect("written");
    std::fs::write(home.join("users.toml"), USERS).expect("written");
    let loaded = store::Directory::load(Some(home)).expect("readable");
    assert!(loaded.problems.iter().all(|problem| !problem.is_error()), "{:?}", loaded.problems);
    let _inside = rig.runtime.enter();
    rig.switch().reload(loaded.flows, &loaded.users, &loaded.trunks);
}

#[test]
fn codes_of_account_user_and_device_count_on_either_leg_the_most_specific_first() {
    let rig = Rig::start(&[]);
    prepare(&rig);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob-mobile", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    // The account's, pressed by the one who called.
    alice.press(call, "*1");
    assert!(bob.hears_tone(0, JAZZ) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.press(0, "#3");
    assert!(bob.hears_tone(0, A), "who hears it breaks it off: {:?}", rig.traces());
    // That of the phone that was called, with its own first key.
    bob.press(0, "#1");
    assert!(alice.hears_tone(call, WAIT) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.press(call, "*3");
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    // Alice's user's, which listens to the other party too: of whoever presses it.
    bob.press(0, "*2");
    assert!(bob.hears_tone(0, WAIT), "{:?}", rig.traces());
    bob.press(0, "#3");
    assert!(bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.press(0, "*4");
    rig.wait("the word that there is no such code", || rig.traces().concat().contains("no star code 4"));
    // All of them hang up.
    bob.press(0, "#7");
    assert!(bob.over(0) && alice.over(call), "{:?}", rig.traces());
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_phones_code_may_lead_to_a_flow_and_is_replayed() {
    let (rig, folder) = crate::journal::with_journals(&[]);
    prepare(&rig);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob-desk", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.press(call, "*5");
    assert!(bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, WAIT), "{:?}", rig.traces());
    assert!(alice.over(call), "the flow is used up: {:?}", rig.traces());
    let replay = crate::journal::same(rig, &folder);
    let told: String = replay.entries.iter().map(|entry| format!("{entry}\n")).collect();
    assert!(told.contains("flow   after (kazoo)"), "{told}");
}

#[test]
fn the_flows_code_goes_before_the_phones_and_a_reload_counts_in_calls_that_talk() {
    let codes = json!({ "numbers": { "1": { "module": "play", "data": { "id": "wait", "leg": "peer" } } } });
    let flow = json!({ "flow": { "module": "user", "data": { "id": "bob" } }, "metaflow": codes });
    let rig = Rig::start(&[]);
    prepare(&rig);
    let numbered = |flow: &Value| {
        let mut flow = flow.clone();
        flow["numbers"] = json!(["700"]);
        flow.to_string()
    };
    std::fs::write(rig.dir.path().join("seven.json"), numbered(&flow)).expect("written");
    let reload = || {
        let loaded = store::Directory::load(Some(rig.dir.path())).expect("readable");
        let _inside = rig.runtime.enter();
        rig.switch().reload(loaded.flows, &loaded.users, &loaded.trunks);
    };
    reload();
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob-desk", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.press(call, "*1");
    assert!(bob.hears_tone(0, WAIT), "the flow's: {:?}", rig.traces());
    bob.press(0, "*3");
    assert!(bob.hears_tone(0, A), "{:?}", rig.traces());
    // Bob's desk has no code of its own until its file is read again.
    bob.press(0, "*4");
    rig.wait("the word", || rig.traces().concat().contains("no star code 4"));
    let more = OFFICE.replace("\"7\"", "\"4\"");
    std::fs::write(rig.dir.path().join("codes/office.json"), more).expect("written");
    reload();
    bob.press(0, "*4");
    assert!(bob.over(0) && alice.over(call), "{:?}", rig.traces());
    assert!(trace(&rig.finished()).contains("Hangup"));
    rig.nothing_left();
}
