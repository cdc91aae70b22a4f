//! Recordings on their way: to servers that take them, refuse them, fail, die, or come back after a restart.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::rig::{LONG, Rig, trace};
use serde_json::{Value, json};
use switch::{CallView, Config, Happening, RecordingState, RecordingView};
use testkit::disk::SmallDisk;
use testkit::receiver::Receiver;
use testkit::ua::Offer;
use tokio::sync::broadcast;

/// The caller is recorded for a second and sent to `url`.
fn record(url: &str) -> Value {
    json!({"module": "record_caller", "data": {"time_limit": 5, "url": url, "format": "wav"}, "children": {}})
}

/// Waits between tries short enough for a test.
fn quick(config: &mut Config) {
    config.recordings.first_wait = Duration::from_millis(100);
}

/// Calls 1001, says something, and hangs up.
fn leave_a_message(rig: &Rig) -> CallView {
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.talk(&audio::tone::beep(700, Duration::from_secs(1), audio::Rate::NARROW)).expect("talked");
    call.hang_up().expect("over");
    rig.finished()
}

/// The call's only recording, once it is in such a state.
fn until(rig: &Rig, call: &CallView, word: &str) -> RecordingView {
    let look = || rig.switch().call(call.id).and_then(|view| view.recordings.first().cloned());
    rig.wait(&format!("a recording that is {word}"), || {
        look().is_some_and(|recording| recording.state.word() == word)
    });
    look().expect("a recording")
}

fn path(rig: &Rig, recording: &RecordingView) -> PathBuf {
    rig.switch().recording(&recording.file).expect("a path").0
}

/// The next event about a recording.
fn happened(rig: &Rig, events: &mut broadcast::Receiver<std::sync::Arc<switch::Event>>) -> Happening {
    rig.runtime.block_on(async {
        loop {
            let event = tokio::time::timeout(LONG, events.recv()).await.expect("an event").expect("the bus");
            match &event.what {
                Happening::Started { .. } | Happening::Answered | Happening::Ended { .. } => {}
                what => return what.clone(),
            }
        }
    })
}

fn orders(directory: &Path) -> usize {
    let all = std::fs::read_dir(directory.join("spool")).expect("the spool").flatten();
    all.filter(|entry| entry.path().is_file()).count()
}

#[test]
fn a_server_that_fails_is_asked_again_until_it_takes_the_recording() {
    let server = Receiver::start(|nth, _| match nth {
        0 => (503, String::new()),
        1 => (429, "Retry-After: 1\r\n".into()),
        _ => (201, String::new()),
    });
    let rig = Rig::with(&[("1001", record(&server.url("/box?key=s3cret")))], quick);
    let mut events = rig.switch().subscribe();
    let call = leave_a_message(&rig);
    let sent = until(&rig, &call, "sent");
    let got = [server.wait_for(0), server.wait_for(1), server.wait_for(2)];
    let file = std::fs::read(path(&rig, &sent)).expect("it stays here");
    for got in &got {
        assert_eq!(got.method, "PUT");
        assert!(
            got.path.starts_with("/box/call_recording_") && got.path.ends_with(".wav?key=s3cret"),
            "{got:?}"
        );
        assert_eq!(got.header("content-type"), "audio/wav");
        assert_eq!(got.header("x-offhook-recording"), sent.id);
        assert_eq!(got.header("x-offhook-call"), call.id.to_string());
        assert!(got.body == file && file.len() > 4_000, "{} of {} bytes", got.body.len(), file.len());
    }
    assert!(got[2].at - got[1].at >= Duration::from_millis(900), "the server said when to come again");
    let RecordingState::Sent { place } = &sent.state else { panic!("{sent:?}") };
    assert!(place.starts_with(&server.url("/box/call_recording_")) && !place.contains("s3cret"), "{place}");
    assert!(sent.seconds.is_some_and(|seconds| (0.4..1.6).contains(&seconds)), "{sent:?}");
    let text = trace(&rig.switch().call(call.id).expect("its page"));
    assert!(["→ 503", "→ 429", "→ 201"].iter().all(|words| text.contains(words)), "{text}");
    let here = path(&rig, &sent).display().to_string();
    assert_eq!(happened(&rig, &mut events), Happening::Recorded { id: sent.id.clone(), place: here.clone() });
    assert_eq!(
        happened(&rig, &mut events),
        Happening::RecordingSent { id: sent.id.clone(), place: place.clone() }
    );
    // The order lies beside the recording, and tells what became of it.
    let beside = PathBuf::from(here).with_extension("json");
    rig.wait("the order's last word", || {
        std::fs::read_to_string(&beside).is_ok_and(|text| text.contains("\"sent\""))
    });
    assert_eq!(orders(beside.parent().expect("a directory")), 0);
    rig.nothing_left();
}

#[test]
fn a_server_that_refuses_is_not_asked_again_and_the_recording_stays() {
    let server = Receiver::start(|_, _| (403, String::new()));
    let rig = Rig::with(&[("1001", record(&server.url("/box")))], quick);
    let mut events = rig.switch().subscribe();
    let call = leave_a_message(&rig);
    let failed = until(&rig, &call, "failed");
    assert!(
        matches!(&failed.state, RecordingState::Failed { why, .. } if why == "the server answered 403"),
        "{failed:?}"
    );
    assert!(path(&rig, &failed).exists());
    assert!(matches!(happened(&rig, &mut events), Happening::Recorded { .. }));
    assert!(matches!(happened(&rig, &mut events), Happening::RecordingFailed { id, .. } if id == failed.id));
    assert_eq!(server.got().len(), 1);
}

#[test]
fn what_a_server_never_takes_is_given_up_after_the_time_that_is_set() {
    let server = Receiver::start(|_, _| (500, String::new()));
    let rig = Rig::with(&[("1001", record(&server.url("/box")))], |config| {
        quick(config);
        config.recordings.longest_wait = Duration::from_millis(200);
        config.recordings.give_up = Duration::from_secs(1);
    });
    let call = leave_a_message(&rig);
    let failed = until(&rig, &call, "failed");
    assert!(
        matches!(&failed.state, RecordingState::Failed { why, .. } if why.contains("given up after")),
        "{failed:?}"
    );
    assert!((3..20).contains(&server.got().len()), "{}", server.got().len());
}

#[test]
fn a_file_that_vanishes_is_told_and_not_tried_for_ever() {
    let server = Receiver::start(|_, _| (503, "Retry-After: 1\r\n".into()));
    let rig = Rig::with(&[("1001", record(&server.url("/box")))], quick);
    let call = leave_a_message(&rig);
    server.wait_for(0);
    std::fs::remove_file(path(&rig, &until(&rig, &call, "waiting"))).expect("removed");
    let failed = until(&rig, &call, "failed");
    assert!(
        matches!(&failed.state, RecordingState::Failed { why, .. } if why == "its file is gone"),
        "{failed:?}"
    );
}

#[test]
fn a_recording_is_not_sent_to_closed_addresses_whether_named_or_by_redirect() {
    let closed = Receiver::start(|_, _| (201, String::new()));
    let guarded = |config: &mut Config| {
        quick(config);
        config.http = switch::HttpConfig::default();
    };
    let rig = Rig::with(&[("1001", record(&closed.url("/box")))], guarded);
    let call = leave_a_message(&rig);
    let failed = until(&rig, &call, "failed");
    assert!(
        matches!(&failed.state, RecordingState::Failed { why, .. } if why.contains("loopback")),
        "{failed:?}"
    );
    assert!(closed.got().is_empty());
    drop(rig);

    let to = closed.address.port();
    let open = Receiver::start(move |_, _| (307, format!("Location: http://127.0.0.2:{to}/box\r\n")));
    let rig = Rig::with(&[("1001", record(&open.url("/box")))], |config| {
        quick(config);
        config.http.denied = vec!["127.0.0.2".parse().expect("a network")];
    });
    let call = leave_a_message(&rig);
    let failed = until(&rig, &call, "failed");
    assert!(
        matches!(&failed.state, RecordingState::Failed { why, .. } if why.contains("closes")),
        "{failed:?}"
    );
    assert!(open.got().len() == 1 && closed.got().is_empty());
}

#[test]
fn a_redirect_is_followed_with_the_same_method_and_the_whole_file() {
    let server = Receiver::start(|nth, _| match nth {
        0 => (302, "Location: /elsewhere/x.wav\r\n".into()),
        _ => (204, String::new()),
    });
    let flow = json!({"actions": [{"type": "RECORD", "name": "message",
        "params": {"beep": false, "max_length": 6_000, "url": server.url("/box")}}]});
    let rig = Rig::with(&[("1001", flow)], quick);
    let call = leave_a_message(&rig);
    let sent = until(&rig, &call, "sent");
    let (first, second) = (server.wait_for(0), server.wait_for(1));
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/box"));
    assert_eq!((second.method.as_str(), second.path.as_str()), ("POST", "/elsewhere/x.wav"));
    assert!(first.body == second.body && second.body == std::fs::read(path(&rig, &sent)).expect("a file"));
    assert!(sent.id.starts_with("message-"), "{sent:?}");
}

#[test]
fn a_dead_server_and_a_restart_cost_no_recording() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let shared = |config: &mut Config| {
        quick(config);
        config.media.recordings_dir = directory.clone();
    };
    let rig = Rig::with(&[("1001", record(&format!("http://{address}/box")))], shared);
    let call = leave_a_message(&rig);
    let waiting = until(&rig, &call, "waiting");
    assert!(
        waiting.state.to().is_some_and(|to| to.starts_with(&format!("http://{address}/box/"))),
        "{waiting:?}"
    );
    rig.wait("a try in vain", || {
        rig.switch().call(call.id).is_some_and(|view| trace(&view).contains("no connection"))
    });
    drop(rig);
    assert_eq!(orders(&directory), 1, "the order outlives the switch");

    let server =
        Receiver::on(TcpListener::bind(address).expect("the same port"), |_, _| (201, String::new()));
    let rig = Rig::with(&[], shared);
    let mut events = rig.switch().subscribe();
    let got = server.wait_for(0);
    assert_eq!(got.body, std::fs::read(directory.join(&waiting.file)).expect("the file"));
    assert_eq!(got.header("x-offhook-recording"), waiting.id);
    assert!(matches!(happened(&rig, &mut events), Happening::RecordingSent { id, .. } if id == waiting.id));
    rig.wait("that the order is done", || orders(&directory) == 0);
}

#[test]
fn an_order_of_a_switch_that_was_killed_while_it_recorded_is_sent_at_the_next_start() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    std::fs::create_dir_all(directory.join("spool")).expect("a spool");
    let server = Receiver::start(|_, _| (201, String::new()));
    // What a kill leaves: a file whose header is behind its samples, an order without an end, and half an order.
    let mut file =
        audio::write::wav::to_bytes(&audio::tone::beep(600, Duration::from_millis(400), audio::Rate::NARROW));
    let whole = file.clone();
    file[4..8].copy_from_slice(&36_u32.to_le_bytes());
    file[40..44].copy_from_slice(&0_u32.to_le_bytes());
    std::fs::write(directory.join("x.wav"), &file).expect("written");
    let order = json!({"id": "x", "file": "x.wav", "name": "", "calls": ["call-00abcd"], "sip_call_id": "1@a",
        "caller": "sip:a@b", "called": "1", "begun": "2026-01-01T00:00:00Z", "over": null, "end": null, "notes": [],
        "parcels": [{"to": {"web": {"method": "PUT", "url": server.url("/x.wav")}}, "state": "waiting", "tries": 0}]});
    std::fs::write(directory.join("spool/x.json"), order.to_string()).expect("written");
    std::fs::write(directory.join("spool/y.json"), "{\"id\"").expect("written");
    let rig = Rig::with(&[], |config| config.media.recordings_dir = directory.clone());
    assert_eq!(server.wait_for(0).body, whole);
    rig.wait("the order's last word", || {
        std::fs::read_to_string(directory.join("x.json"))
            .is_ok_and(|text| text.contains("the switch was killed"))
    });
    assert!(directory.join("spool/y.broken").exists());
}

#[test]
fn a_recording_that_failed_is_listed_sent_again_or_given_up_also_after_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    let server = Receiver::start(|nth, _| if nth < 3 { (403, String::new()) } else { (201, String::new()) });
    let shared = |config: &mut Config| {
        quick(config);
        config.media.recordings_dir = directory.clone();
    };
    let rig = Rig::with(&[("1001", record(&server.url("/box?key=s3cret")))], shared);
    let failed = [leave_a_message(&rig), leave_a_message(&rig)].map(|call| until(&rig, &call, "failed").id);
    drop(rig);
    assert_eq!(orders(&directory), 0, "nothing waits");

    let rig = Rig::with(&[], shared);
    let mut events = rig.switch().subscribe();
    let list = || rig.runtime.block_on(rig.switch().spool()).entries;
    let all = list();
    assert_eq!(
        all.iter().map(|entry| entry.state.why()).collect::<Vec<_>>(),
        [Some("the server answered 403"); 2]
    );
    let parcel = &all[0].parcels[0];
    assert!(parcel.to.starts_with(&server.url("/box/")) && !parcel.to.contains("s3cret"), "{parcel:?}");
    assert_eq!((parcel.state, parcel.why.as_deref()), ("failed", Some("the server answered 403")));
    // The server has not changed its mind; then it has.
    let again = |id: &str| rig.runtime.block_on(rig.switch().send_again(id));
    assert_eq!(again(&failed[0]).expect("an order").state.word(), "waiting");
    assert!(matches!(happened(&rig, &mut events), Happening::RecordingFailed { id, .. } if id == failed[0]));
    rig.wait("that it failed again", || list().iter().all(|entry| entry.state.word() == "failed"));
    assert_eq!(list().len(), 2);
    again(&failed[0]).expect("an order");
    assert!(matches!(happened(&rig, &mut events), Happening::RecordingSent { id, .. } if id == failed[0]));
    assert_eq!(server.wait_for(3).header("x-offhook-recording"), failed[0]);
    rig.wait("that it is off the list", || list().len() == 1);
    assert_eq!(again(&failed[0]).expect_err("it is sent"), switch::NotDone::Unknown);
    assert_eq!(again("../x").expect_err("no name"), switch::NotDone::Unknown);
    // Of the other nothing is wanted any more; its recording stays.
    let drop = |id: &str| rig.runtime.block_on(rig.switch().give_up_sending(id));
    assert_eq!(drop(&failed[1]).expect("an order").state.word(), "failed");
    rig.wait("an empty list", || list().is_empty());
    let file = directory.join(format!("{}.wav", failed[1]));
    assert!(file.exists() && file.with_extension("json").exists());
    assert_eq!(
        (drop(&failed[1]).expect_err("it is done"), server.got().len()),
        (switch::NotDone::Unknown, 4)
    );
}

#[test]
fn what_was_recorded_for_a_moment_is_gone_after_a_kill() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    std::fs::create_dir_all(directory.join("spool")).expect("a spool");
    let order = |id: &str, fleeting: bool| {
        let order = json!({"id": id, "fleeting": fleeting, "file": format!("{id}.wav"), "name": "", "calls": ["call-00abcd"],
            "sip_call_id": "1@a", "caller": "sip:a@b", "called": "1", "begun": "2026-01-01T00:00:00Z", "over": null,
            "end": null, "notes": [], "parcels": []});
        std::fs::write(directory.join(format!("spool/{id}.json")), order.to_string()).expect("written");
        std::fs::write(directory.join(format!("{id}.wav")), b"RIFF").expect("written");
    };
    order("name", true);
    order("message", false);
    let _rig = Rig::with(&[], |config| config.media.recordings_dir = directory.clone());
    let deadline = std::time::Instant::now() + LONG;
    while orders(&directory) > 0 {
        assert!(std::time::Instant::now() < deadline, "the orders are not done");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let exist =
        ["name.wav", "name.json", "message.wav", "message.json"].map(|file| directory.join(file).exists());
    assert_eq!(exist, [false, false, true, true]);
}

#[test]
fn a_recording_that_waits_is_tried_at_once_when_that_is_wanted_and_not_at_all_without_its_file() {
    let up = Arc::new(AtomicBool::new(false));
    let server = Receiver::start({
        let up = up.clone();
        move |_, _| if up.load(Ordering::Relaxed) { (201, String::new()) } else { (503, String::new()) }
    });
    let rig = Rig::with(&[("1001", record(&server.url("/box")))], |config| {
        config.recordings.first_wait = Duration::from_secs(3_600);
        config.recordings.longest_wait = Duration::from_secs(3_600);
    });
    let (first, second) = (leave_a_message(&rig), leave_a_message(&rig));
    server.wait_for(1);
    let [first, second] = [first, second].map(|call| until(&rig, &call, "waiting"));
    let list = || rig.runtime.block_on(rig.switch().spool()).entries;
    let tried = |entry: &switch::SpoolView| (entry.parcels[0].tries, entry.parcels[0].why.clone());
    rig.wait("what the last try came to", || {
        list().iter().all(|entry| tried(entry) == (1, Some("the server answered 503".to_owned())))
    });
    up.store(true, Ordering::Relaxed);
    std::fs::remove_file(path(&rig, &second)).expect("removed");
    let again = |id: &str| rig.runtime.block_on(rig.switch().send_again(id));
    assert_eq!(again(&second.id).expect_err("no file"), switch::NotDone::NoFile);
    again(&first.id).expect("an order");
    assert_eq!(server.wait_for(2).header("x-offhook-recording"), first.id);
    rig.wait("that it is sent", || list().iter().all(|entry| entry.id == second.id));
}

#[test]
fn a_full_disk_costs_neither_the_order_nor_what_fitted_of_the_recording() {
    let Some(home) = SmallDisk::of(128) else { return };
    let directory = home.path().join("recordings");
    let server = Receiver::start(|_, _| (201, String::new()));
    let rig = Rig::with(&[("1001", record(&server.url("/box")))], |config| {
        quick(config);
        config.media.recordings_dir = directory.clone();
    });
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    rig.wait("the order", || orders(&directory) == 1);
    let filler = home.path().join("filler");
    let mut room = std::fs::File::create(&filler).expect("a file");
    while room.write_all(&[0; 512]).is_ok() {}
    call.talk(&audio::tone::beep(700, Duration::from_secs(2), audio::Rate::NARROW)).expect("talked");
    call.until_bye(LONG).expect("a socket");
    // Whole as far as it goes, and sent although nothing can be written of that.
    let got = server.wait_for(0);
    assert!(got.body.starts_with(b"RIFF"), "{} bytes", got.body.len());
    let call = rig.finished();
    assert!(trace(&call).contains("ecording"), "{}", trace(&call));
    until(&rig, &call, "sent");
    assert_eq!(orders(&directory), 1, "the order is as it could be written last");
    std::fs::remove_file(&filler).expect("removed");
    drop(room);
    rig.wait("that the order is done", || orders(&directory) == 0);
    drop(rig);
}
