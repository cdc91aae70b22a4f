//! The server of a soak: its users, its flows, and limits that let a soak see ends that come by time.

use super::super::registrations::user;
use super::Plan;
use crate::server::{PASSWORD, Setup};

/// Conferences.
pub(super) const ROOMS: usize = 20;
/// Slots to park at.
pub(super) const SLOTS: usize = 20;

/// What is pressed in a conversation, and by who listens to one: keys choose who hears it.
pub(super) const CODES: [&str; 10] = ["*1", "*2", "*3", "*4", "*5", "*6", "*7", "*9", "12#*0", "1230"];

/// The number that leads to a pair's second phone by a flow with star codes.
pub(super) fn star(pair: usize) -> String {
    format!("2{pair:05}")
}

/// The number of a conference.
pub(super) fn room(room: usize) -> String {
    format!("70{room:02}")
}

/// The number of a slot to park at.
pub(super) fn slot(slot: usize) -> String {
    format!("71{slot:02}")
}

/// The number that takes what rings at somebody, or talks there.
pub(super) fn pickup(name: &str) -> String {
    format!("*87{name}")
}

/// The number that listens to somebody.
pub(super) fn listening(name: &str) -> String {
    format!("*88{name}")
}

/// A server for this plan: its phones' accounts, a flow for each pair, conferences, slots, an echo, and two by which a call
/// elsewhere is taken or heard.
pub fn setup(plan: &Plan) -> Setup {
    let may = "[\"outside\", \"pickup\", \"listen\", \"whisper\", \"barge\"]";
    let account = |phone| format!("[{}]\npassword = \"{PASSWORD}\"\nmay = {may}\n", user(phone));
    let users: Vec<String> = (0..plan.targets().end).map(account).collect();
    let mut numbers = String::from("defaults.public = true\n\"9196\" = \"echo.json\"\n");
    let mut flows = vec![(
        "echo.json",
        r#"{"actions":[{"type":"answer"},{"type":"echo","option":{"duration":15000}}]}"#.to_owned(),
    )];
    let mut add = |number: String, flow: String| {
        numbers += &format!("\"{number}\" = \"{number}.json\"\n");
        let name: &'static str = format!("{number}.json").leak();
        flows.push((name, flow));
    };
    let targets = plan.targets();
    for pair in 0..plan.calls {
        let target = user(targets.start + pair % targets.len());
        add(star(pair), stars(&user(2 * pair + 1), &target, pair));
    }
    for at in 0..ROOMS {
        let target = user(targets.start + at % targets.len());
        let next = format!(r#"{{"module":"user","data":{{"id":"{target}","timeout":10}},"children":{{}}}}"#);
        let room = format!(
            r#"{{"module":"conference","data":{{"config":{{"name":"room{at}"}}}},"children":{{"_":{next}}}}}"#
        );
        add(self::room(at), room);
    }
    for at in 0..SLOTS {
        let park = format!(
            r#"{{"module":"park","data":{{"action":"auto","slot":"{at}","default_callback_timeout":5000}},"children":{{}}}}"#
        );
        add(slot(at), park);
    }
    for (file, code, module) in
        [("pickup.json", 87, "intercept_feature"), ("listening.json", 88, "eavesdrop_feature")]
    {
        let flow = format!(
            r#"{{"patterns":["^\\*{code}(phone\\d+)$"],"flow":{{"module":"{module}","data":{{}},"children":{{}}}}}}"#
        );
        flows.push((file, flow));
    }
    flows.push(("numbers.toml", numbers));
    flows.push(("users.toml", users.join("\n")));
    Setup {
        flows,
        settings: vec![
            ("sip", "session_expires = 30\nmin_se = 10".to_owned()),
            ("rtp", "timeout_s = 8\nports = \"20000-29999\"".to_owned()),
            ("calls", "max = 20000".to_owned()),
        ],
        quiet: true,
        ..Setup::default()
    }
}

/// A callflow that calls a phone, with star codes for both parties.
fn stars(phone: &str, target: &str, pair: usize) -> String {
    let room = room(pair % ROOMS);
    format!(
        r#"{{"metaflow": {{"listen_on": "both", "digit_timeout": 400, "numbers": {{
            "1": {{"module": "hold_control", "data": {{"action": "toggle"}}}},
            "2": {{"module": "record_call", "data": {{"action": "toggle"}}}},
            "3": {{"module": "play", "data": {{"id": "demo-60s"}}}},
            "4": {{"module": "break", "data": {{}}}},
            "5": {{"module": "transfer", "data": {{"target": "{target}"}}}},
            "6": {{"module": "callflow", "data": {{"captures": "{room}"}}}},
            "7": {{"module": "hold", "data": {{}}}},
            "9": {{"module": "hangup", "data": {{}}}}
        }}}}, "flow": {{"module": "user", "data": {{"id": "{phone}", "timeout": 20}}, "children": {{}}}}}}"#
    )
}
