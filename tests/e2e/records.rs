//! Records of calls and recordings on their way, when the server is killed: nothing that was promised is lost.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::{Offer, Phone};
use tests::peers::baresip::Baresip;
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;
use tests::web::{Answer, Web};

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

fn records(server: &Server) -> PathBuf {
    server.folder.path().join("records.jsonl")
}

/// The lines of the file of records, each whole.
fn lines(server: &Server) -> Vec<Value> {
    let text = fs::read_to_string(records(server)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

/// A server whose number 2000 says something short and 2001 records what it hears, for `url`.
fn server(url: &str) -> Server {
    let short = json!({"module": "play", "data": {"id": "tone_stream://%(200,0,440)"}, "children": {}});
    let long = json!({"module": "record_caller", "data": {"url": url, "time_limit": 60}, "children": {}});
    Server::start(Setup {
        settings: vec![("calls", "records = \"records.jsonl\"".into())],
        flows: vec![
            (
                "numbers.toml",
                "defaults.public = true\n\"2000\" = \"short.json\"\n\"2001\" = \"long.json\"\n".into(),
            ),
            ("short.json", json!({"module": "answer", "data": {}, "children": {"_": short}}).to_string()),
            ("long.json", long.to_string()),
        ],
        ..Setup::default()
    })
}

#[test]
fn a_call_that_was_alive_when_the_server_was_killed_has_a_record_and_its_recording_is_sent() {
    let taken: Arc<Mutex<bool>> = Arc::default();
    let open = taken.clone();
    let web = Web::start(move |_| {
        let status = if *open.lock().expect("no panic") { 201 } else { 503 };
        Answer { status, ..Answer::json("") }
    });
    let mut server = server(&web.url("/box"));
    let mut phone = Phone::new(server.sip, "short", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    assert!(call.until_bye(SOON).expect("a call"));
    call.hang_up().expect("over");
    wait::until("the first record", SOON, || (lines(&server).len() == 1).then_some(()));

    let mut phone = Phone::new(server.sip, "long", None).expect("a phone");
    let mut call = phone.call("2001", Offer::Early, SOON).expect("answered");
    call.stream.talk(&audio::tone::beep(600, Duration::from_secs(3), audio::Rate::NARROW));
    call.run(Duration::from_millis(2_500), |_| false).expect("a call");
    server.kill();
    call.vanish();
    assert_eq!(lines(&server).len(), 1, "the one that lives has none yet");

    *taken.lock().expect("no panic") = true;
    server.start_again();
    let all = wait::until("the second record", SOON, || {
        let all = lines(&server);
        (all.len() == 2).then_some(all)
    });
    let (ended, killed) = (&all[0], &all[1]);
    assert_eq!((&ended["called"], &ended["by"]), (&json!("2000"), &json!("flow")), "{ended}");
    assert!(ended["talk_s"].as_f64().is_some_and(|talk| talk > 0.1), "{ended}");
    assert_eq!((&killed["called"], &killed["cause"]), (&json!("2001"), &json!("killed")), "{killed}");
    assert!(killed["answered"].is_string() && killed["ended"].is_null(), "{killed}");
    let id = killed["recordings"][0]["id"].as_str().expect("its recording");
    let sent = web.wait_for("the recording", |asked| asked.method == "PUT");
    assert!(sent.uri.starts_with("/box/call_recording_"), "{}", sent.uri);
    let order = server.folder.path().join(format!("data/recordings/{id}.json"));
    wait::until("the order's last word", SOON, || {
        fs::read_to_string(&order).ok().filter(|text| text.contains("\"sent\""))
    });
    // A second start finds nothing left to tell.
    server.kill();
    server.start_again();
    wait::until("health", SOON, || server.get("/healthz").ok());
    assert_eq!(lines(&server).len(), 2);
}

#[test]
fn a_server_that_is_dead_gets_its_recording_when_both_are_back() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut server = server(&format!("http://{address}/box"));
    let mut phone = Phone::new(server.sip, "long", None).expect("a phone");
    let mut call = phone.call("2001", Offer::Early, SOON).expect("answered");
    call.run(Duration::from_millis(1_500), |_| false).expect("a call");
    call.hang_up().expect("over");
    let view = server.finished_call("2001");
    let state = |server: &Server| {
        let all = server.json(&format!("/calls/{}", view.0["id"].as_str().expect("its id")));
        all["recordings"][0]["state"].as_str().map(str::to_owned)
    };
    wait::until("a recording that waits", SOON, || state(&server).filter(|state| state == "waiting"));
    wait::until("its record", SOON, || {
        lines(&server).first().filter(|line| line["recordings"][0]["to"].is_string()).cloned()
    });
    server.kill();
    server.start_again();
    let spool = server.folder.path().join("data/recordings/spool");
    assert_eq!(fs::read_dir(&spool).expect("the spool").count(), 1);
    let late = std::net::TcpListener::bind(address).expect("the same port");
    let (head, _) = take(&late);
    assert!(head.starts_with("PUT /box/call_recording_"), "{head}");
    wait::until("an empty spool", SOON, || (fs::read_dir(&spool).ok()?.count() == 0).then_some(()));
}

#[test]
fn two_phones_are_recorded_each_in_a_channel_and_the_record_tells_where_it_was_sent() {
    let web = Web::start(|_| Answer { status: 201, ..Answer::json("") });
    let bob = json!({"module": "user", "data": {"id": "bob", "timeout": 10}, "children": {}});
    let data = json!({"url": web.url("/box"), "record_on_bridge": true});
    let server = Server::start(Setup {
        settings: vec![
            ("calls", "records = \"records.jsonl\"".into()),
            ("recordings", "stereo = true".into()),
        ],
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"700\" = \"flow.json\"\n".into()),
            ("flow.json", json!({"module": "record_call", "data": data, "children": {"_": bob}}).to_string()),
        ],
        ..Setup::default()
    });
    let phone = |user: &str, tone: u16| {
        let before = server.metric("offhook_registrations");
        let phone = Baresip::by_hand(&server.address(), user, PASSWORD, &sound::tone_file(tone));
        wait::until("a registration", SOON, || {
            (server.metric("offhook_registrations") > before).then_some(())
        });
        phone
    };
    let (mut alice, mut bob) = (phone("alice", 440), phone("bob", 700));
    alice.dial(&server.uri("700"));
    bob.accept();
    alice.wait_for("CALL_RTPESTAB", SOON);
    sound::pass(Duration::from_secs(3));
    bob.hang_up();
    alice.wait_for("CALL_CLOSED", SOON);
    let line = wait::until("the record", SOON, || lines(&server).first().cloned());
    assert_eq!((&line["by"], &line["legs"][1]["by"]), (&json!("callee"), &json!("far_end")), "{line}");
    assert!(line["legs"][0]["mos"].as_f64().is_some_and(|mos| mos > 4.0), "{line}");
    let recording = &line["recordings"][0];
    assert!(
        recording["to"].as_str().is_some_and(|to| to.starts_with(&web.url("/box/call_recording_"))),
        "{line}"
    );
    web.wait_for("the recording", |asked| asked.method == "PUT" && asked.content_type == "audio/wav");
    let (_, bytes) = server.file(&format!("/recordings/{}", recording["file"].as_str().expect("a file")));
    let samples: Vec<i16> =
        bytes[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    for (channel, own, others) in [(0, 440.0, 700.0), (1, 700.0, 440.0)] {
        let side: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
        let rate = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
        let side = ear::cut(&audio::Pcm::new(audio::Rate(rate), side), 1.0, 2.0);
        assert!(ear::purity(&side, own) > 0.7 && ear::purity(&side, others) < 0.05, "channel {channel}");
    }
}

/// Takes one request whole, and answers it.
fn take(listener: &TcpListener) -> (String, Vec<u8>) {
    use std::io::{Read, Write};
    let (mut stream, _) = listener.accept().expect("a connection");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    loop {
        let length = stream.read(&mut buffer).expect("a request");
        assert!(length > 0, "it broke off");
        bytes.extend_from_slice(&buffer[..length]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap_or_default() {
            stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").expect("answered");
            return (head, bytes.split_off(end + 4));
        }
    }
}
