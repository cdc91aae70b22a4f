//! Real calls and their journals: run again without a call, they tell the same.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use crate::rig::{LONG, Rig, trace};
use flow::journal::{Replay, replay};
use serde_json::{Value, json};
use testkit::ua::Offer;
use testkit::ua::desk::Manner;

/// A web server that answers every request with `flow`.
fn serve(flow: &Value) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = flow.to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 8192];
            // A GET is one packet on loopback.
            let _ = stream.read(&mut buffer);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

pub(crate) fn with_journals(flows: &[(&str, Value)]) -> (Rig, PathBuf) {
    let folder = std::env::temp_dir().join(format!("journals-{:x}", fastrand::u64(..)));
    let rig = Rig::with(flows, |config| config.journal = Some(folder.clone()));
    (rig, folder)
}

/// The journals in `folder`, oldest first, run again.
fn replayed(folder: &PathBuf) -> Vec<Replay> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("journals").flatten().map(|file| file.path()).collect();
    files.sort();
    let run = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a journal");
        replay(text.lines()).unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()))
    };
    files.iter().map(run).collect()
}

/// Compares the only call's timeline with its journal's.
pub(crate) fn same(rig: Rig, folder: &PathBuf) -> Replay {
    let call = rig.finished();
    rig.nothing_left();
    // What was written is on disk when the switch has stopped.
    drop(rig);
    let replay = replayed(folder).pop().expect("a journal");
    assert_eq!(replay.notes, Vec::<String>::new());
    assert_eq!(replay.differs(&call.trace), None, "{}", trace(&call));
    std::fs::remove_dir_all(folder).expect("removed");
    replay
}

#[test]
fn a_call_with_keys_documents_and_a_web_server_is_replayed_times_included() {
    let fetched = json!({"module": "play", "data": {"id": "tone_stream://%(200,0,440)"},
        "children": {"_": {"module": "hangup", "data": {}, "children": {}}}});
    let server = serve(&fetched);
    let other =
        json!({"module": "pivot", "data": {"voice_url": format!("http://{server}/flow")}, "children": {}});
    let first = json!({"module": "answer", "data": {}, "children": {"_": {
        "module": "collect_dtmf", "data": {"max_digits": 3, "terminators": ["#"], "interdigit_timeout": 3000},
        "children": {"_": {"module": "callflow", "data": {"id": "1002"}, "children": {}}}}}});
    let (rig, folder) = with_journals(&[("1001", first), ("1002", other)]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    rig.wait("that keys are waited for", || rig.traces().iter().any(|trace| trace.contains("Collect")));
    call.press("42#").expect("pressed");
    assert!(call.until_bye(LONG).expect("a socket"));
    let replay = same(rig, &folder);
    let told: String = replay.entries.iter().map(|entry| format!("{entry}\n")).collect();
    for part in ["key    4", "got    \"42\"", "1002", "→ 200 in", "Tone(440 Hz", "end    "] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn a_caller_who_hangs_up_in_the_midst_is_replayed() {
    let flow = json!({"module": "tts", "data": {"text": "A long story"}, "children": {}});
    let waits = json!({"module": "sleep", "data": {"duration": 60}, "children": {"_": flow}});
    let (rig, folder) =
        with_journals(&[("1001", json!({"module": "answer", "data": {}, "children": {"_": waits}}))]);
    let mut phone = rig.phone("caller");
    let call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.hang_up().expect("heard");
    let replay = same(rig, &folder);
    assert_eq!(replay.end.map(|end| end.by), Some("caller".to_owned()));
    let waits = replay.snapshot.expect("a snapshot of where it waited");
    assert_eq!(waits.pointer(), "/children/_");
}

#[test]
fn calls_to_users_have_journals_too() {
    let (rig, folder) = with_journals(&[]);
    let mut phone = rig.phone("caller");
    // Nobody is registered there.
    assert!(phone.call("201", Offer::Early, LONG).is_err());
    let replay = same(rig, &folder);
    assert!(replay.entries.iter().any(|entry| entry.to_string().contains("Dial")), "{replay:?}");
}

#[test]
fn star_codes_of_the_other_party_are_replayed() {
    let codes = json!({"listen_on": "both", "numbers": {"9": {"module": "hangup", "data": {}}}});
    let star = json!({"metaflow": codes, "flow": {"module": "device", "data": {"id": "bob"}}});
    let (rig, folder) = with_journals(&[("1001", star)]);
    let soon = Manner::Answer(Duration::from_millis(100));
    let (alice, bob) = (rig.desk("alice", 440, soon), rig.desk("bob", 800, soon));
    let call = alice.call("1001");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, 440), "{:?}", rig.traces());
    bob.press(0, "*9");
    assert!(alice.over(call) && bob.over(0), "{:?}", rig.traces());
    let replay = same(rig, &folder);
    let code = |entry: &flow::trace::Entry| entry.to_string().contains("/metaflow/numbers/9  Hangup");
    assert!(replay.entries.iter().any(code), "{replay:?}");
}

#[test]
fn calendar_rules_that_were_forced_lead_the_same_way_in_the_replay() {
    let code = |code: &str| json!({"module": "response", "data": {"code": code}});
    // A day that is long over leads to 410 only if it is forced.
    let hours = |data: Value| {
        json!({"rules": {"past": {"cycle": "date", "start_date": 62_167_219_200_i64}},
            "flow": {"module": "temporal_route", "data": data, "children": {"past": code("410"), "_": code("411")}}})
    };
    let enable = hours(json!({"rules": ["past"], "action": "enable"}));
    let leads = json!({"module": "callflow", "data": {"id": "701"}, "children": {}});
    let flows = [("700", enable), ("701", hours(json!({"rules": ["past"]}))), ("702", leads)];
    let (rig, folder) = with_journals(&flows);
    let alice = rig.desk("alice", 440, Manner::Refuse(486));
    for number in ["700", "701", "702"] {
        let call = alice.call(number);
        assert!(alice.over(call), "{:#?}", rig.traces());
        rig.wait("the end of the call", || rig.switch().calls().is_empty());
    }
    let calls: Vec<_> =
        rig.switch().recent().iter().filter_map(|call| rig.switch().call(call.id)).take(2).collect();
    drop(rig);
    let all = replayed(&folder);
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(all.len(), 3, "each call has a journal");
    for call in &calls {
        assert!(trace(call).contains("410"), "{}", trace(call));
        let same = all.iter().filter(|replay| replay.differs(&call.trace).is_none()).count();
        assert_eq!(same, 1, "{} is not replayed:\n{}", call.called, trace(call));
    }
}
