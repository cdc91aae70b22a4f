//! Conference rooms: what is recorded of them, what is asked of them from outside, and what flows run around them.

use std::time::Duration;

use crate::rig::rooms::{QUIET, inside, join, noted, with_rooms, with_rooms_and};
use crate::rig::{LONG, Rig, hears};
use serde_json::{Value, json};
use switch::{Happening, Hearing, NotChanged, Pause, RecordingState, RoomChange, RoomRecording};
use testkit::ear;
use testkit::receiver::Receiver;
use testkit::ua::desk::{Desk, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 1_600;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Files of the recordings' directory whose names end so.
fn files(rig: &Rig, end: &str) -> Vec<String> {
    let all = std::fs::read_dir(rig.dir.path().join("recordings")).expect("recordings").flatten();
    all.map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(end))
        .collect()
}

/// Orders of the spool that are not done.
fn spooled(rig: &Rig) -> Vec<Value> {
    let all = std::fs::read_dir(rig.dir.path().join("recordings/spool")).expect("a spool").flatten();
    let texts = all.filter_map(|file| std::fs::read(file.path()).ok());
    texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
}

/// A bucket at this server.
fn stored_at(server: &Receiver) -> switch::Bucket {
    switch::Bucket {
        endpoint: Some(server.url("")),
        name: "calls".into(),
        region: "eu-1".into(),
        prefix: String::new(),
        key_id: "KEY".into(),
        secret: "s3cret".into(),
    }
}

#[test]
fn a_room_is_recorded_as_long_as_somebody_is_inside_and_stored_like_a_call_and_every_call_has_it() {
    let bucket = Receiver::start(|nth, _| match nth {
        0 => (503, String::new()),
        _ => (200, "ETag: \"1\"\r\n".into()),
    });
    let rooms = format!("[board]\nnumber = \"800\"\npublic = true\nrecord = \"wav\"\n{QUIET}");
    let rig = with_rooms_and(&rooms, &[], |config| {
        config.recordings.first_wait = Duration::from_millis(100);
        config.recordings.bucket = Some(stored_at(&bucket));
    });
    let mut events = rig.switch().subscribe();
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    hears(&rig, &alice, a, &[B]);
    let id = rig.switch().conferences()[0].recording.clone().expect("recorded");
    let calls: Vec<String> = rig.switch().calls().iter().map(|call| call.id.to_string()).collect();
    // A kill now would cost nothing: what is recorded, and of whom, is on the disk.
    rig.wait("the order of both", || {
        spooled(&rig).iter().any(|order| order["id"] == *id && order["calls"] == json!(calls))
    });
    assert!(!alice.listen(a).samples.is_empty());
    alice.hang_up(a);
    bob.hang_up(b);
    rig.nothing_left();
    let place = format!("s3://calls/{id}.wav");
    let views = || rig.switch().recent().into_iter().flat_map(|call| call.recordings).collect::<Vec<_>>();
    rig.wait("that both calls know where it is", || {
        views().len() == 2 && views().iter().all(|view| view.id == id && view.state.place() == Some(&place))
    });
    assert!(views().iter().all(|view| view.seconds.is_some_and(|seconds| seconds > 0.3)), "{:?}", views());
    let (path, kind) = rig.switch().recording(&format!("{id}.wav")).expect("a name");
    assert_eq!(kind, "audio/wav");
    let stored = bucket.wait_for(1);
    assert_eq!(stored.path, format!("/calls/{id}.wav"));
    assert!(stored.body == std::fs::read(&path).expect("it stays here"), "the same file");
    let pcm = audio::read::decode(stored.body, Some("wav")).expect("a sound");
    let (of_a, of_b) = (ear::purity(&pcm, f32::from(A)), ear::purity(&pcm, f32::from(B)));
    assert!(of_a > 0.2 && of_b > 0.2 && of_a + of_b > 0.7, "both are heard: {of_a:.2} {of_b:.2}");
    let mut told = Vec::new();
    rig.runtime.block_on(async {
        while told.len() < 2 {
            let event = tokio::time::timeout(LONG, events.recv()).await.expect("an event").expect("the bus");
            told.extend(match &event.what {
                Happening::Recorded { id, .. } => Some(format!("recorded {id}")),
                Happening::RecordingSent { id, .. } => Some(format!("sent {id}")),
                _ => None,
            });
        }
    });
    assert_eq!(told, [format!("recorded {id}"), format!("sent {id}")]);
    rig.wait("that nothing is owed", || spooled(&rig).is_empty());
    assert_eq!(files(&rig, ".json"), [format!("{id}.json")]);
}

#[test]
fn a_switch_that_stops_ends_the_recording_of_a_room_in_order() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    let rooms = format!("[board]\nnumber = \"800\"\npublic = true\nrecord = \"wav\"\n{QUIET}");
    let rig = with_rooms_and(&rooms, &[], |config| config.media.recordings_dir = directory.clone());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    hears(&rig, &alice, a, &[B]);
    let id = rig.switch().conferences()[0].recording.clone().expect("recorded");
    drop(rig);
    assert!(alice.over(a) && bob.over(b));
    let order = std::fs::read(directory.join(format!("{id}.json"))).expect("the order beside its recording");
    let order: Value = serde_json::from_slice(&order).expect("JSON");
    assert!(order["end"]["complete"].as_f64().is_some_and(|seconds| seconds > 0.3), "{order}");
}

#[test]
fn a_room_that_can_not_be_recorded_says_so_in_its_calls() {
    let rooms = format!("[board]\nnumber = \"800\"\npublic = true\nrecord = \"wav\"\n{QUIET}");
    let rig = with_rooms(&rooms, &[]);
    // A directory that is none: no file can be made there.
    let home = rig.dir.path().join("recordings");
    std::fs::rename(&home, rig.dir.path().join("elsewhere")).expect("moved");
    std::fs::write(&home, "").expect("written");
    let mut events = rig.switch().subscribe();
    let alice = rig.desk("alice", A, SOON);
    let a = join(&rig, &alice, "800", "");
    let failed = || {
        let all = rig.switch().calls().into_iter().chain(rig.switch().recent());
        let mut views = all.flat_map(|call| call.recordings);
        views.find(|view| matches!(view.state, RecordingState::Failed { .. }))
    };
    rig.wait("that it failed", || failed().is_some());
    let failed = failed().expect("a recording");
    rig.runtime.block_on(async {
        loop {
            let event = tokio::time::timeout(LONG, events.recv()).await.expect("an event").expect("the bus");
            if matches!(&event.what, Happening::RecordingFailed { id, .. } if *id == failed.id) {
                return;
            }
        }
    });
    alice.hang_up(a);
    rig.nothing_left();
}

/// Recordings of half a second and more.
fn said(rig: &Rig) -> usize {
    let home = rig.dir.path().join("recordings");
    let long = |name: &String| std::fs::metadata(home.join(name)).is_ok_and(|about| about.len() > 8_000);
    files(rig, ".wav").iter().filter(|name| long(name)).count()
}

#[test]
fn a_name_that_was_said_at_the_door_is_heard_when_its_member_comes_and_goes_and_is_gone_then() {
    let bucket = Receiver::start(|_, _| (200, "ETag: \"1\"\r\n".into()));
    let rooms =
        "[board]\nnumber = \"800\"\npublic = true\nentry = \"recorded name\"\nexit = \"recorded name\"\n";
    let rig = with_rooms_and(rooms, &[], |config| config.recordings.bucket = Some(stored_at(&bucket)));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let speak = |desk: &Desk, line, number: usize| {
        rig.wait("the name", || said(&rig) == number);
        desk.press(line, "#");
        inside(&rig, "board", number);
    };
    let a = join(&rig, &alice, "800", "");
    speak(&alice, a, 1);
    let b = join(&rig, &bob, "800", "");
    speak(&bob, b, 2);
    rig.wait("two orders", || spooled(&rig).len() == 2);
    bob.hang_up(b);
    inside(&rig, "board", 1);
    assert!(alice.hears_so(a, |pcm| ear::purity(pcm, f32::from(B)) > 0.3), "{:#?}", rig.traces());
    rig.wait("that bob's name is gone", || files(&rig, ".wav").len() == 1);
    alice.hang_up(a);
    rig.nothing_left();
    rig.wait("that both are gone", || files(&rig, ".wav").is_empty() && spooled(&rig).is_empty());
    let recent = rig.switch().recent();
    assert!(recent.iter().all(|call| call.recordings.is_empty()), "{recent:?}");
    assert!(bucket.got().is_empty() && files(&rig, ".json").is_empty());

    // Who says a name and goes before the room is entered leaves nothing either.
    let a = join(&rig, &alice, "800", "");
    rig.wait("the name", || said(&rig) == 1);
    alice.hang_up(a);
    rig.wait("that it is gone", || files(&rig, ".wav").is_empty() && spooled(&rig).is_empty());
}

#[test]
fn a_room_is_locked_recorded_and_divided_from_outside() {
    let rig = with_rooms(&format!("[board]\nnumber = \"800\"\npublic = true\n{QUIET}"), &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let lines = [&alice, &bob, &carol].map(|desk| join(&rig, desk, "800", ""));
    let [a, b, c] = lines;
    hears(&rig, &alice, a, &[B, C]);
    let _inside = rig.runtime.enter();
    let switch = rig.switch();
    let change = |locked, recording| switch.change_room("board", RoomChange { locked, recording });
    // Carol does not hear alice, who is named by her number in the room; all others hear each other.
    let of_alice = switch.conferences()[0].members[0].call;
    assert!(switch.relate("board", "1", "carol", Hearing::Mute));
    hears(&rig, &carol, c, &[B]);
    hears(&rig, &bob, b, &[A, C]);
    hears(&rig, &alice, a, &[B, C]);
    let not_heard: Vec<_> = switch.conferences()[0].members.iter().map(|one| one.not_heard.clone()).collect();
    assert_eq!(not_heard, [vec![], vec![], vec![of_alice]]);
    assert!(
        !switch.relate("board", "1", "dave", Hearing::Mute) && !switch.relate("x", "1", "2", Hearing::Deaf)
    );
    assert!(switch.relate("board", &of_alice.to_string(), "carol", Hearing::Clear));
    hears(&rig, &carol, c, &[A, B]);

    assert_eq!(
        change(Some(true), Some(RoomRecording::Paused(Pause::Cut))).map(|_| ()),
        Err(NotChanged::NotRecorded("board".to_owned())),
        "nothing is recorded, and the room is not locked either"
    );
    assert!(!switch.conferences()[0].locked);
    let locked = change(Some(true), Some(RoomRecording::On)).expect("a room");
    assert!(locked.locked && locked.recording.is_some(), "{locked:?}");
    let d = dave.call("800");
    assert!(dave.over(d), "{:#?}", rig.traces());
    noted(&rig, "left the conference: locked");
    let id = locked.recording.expect("recorded");
    let recorded = || {
        let all = switch.calls().into_iter().flat_map(|call| call.recordings);
        all.filter(|view| view.id == id && matches!(view.state, RecordingState::Saved { .. })).count()
    };
    hears(&rig, &alice, a, &[B, C]);
    let open = change(Some(false), Some(RoomRecording::Off)).expect("a room");
    assert!(!open.locked, "{open:?}");
    rig.wait("the end of the recording in all three calls", || recorded() == 3);
    assert!(switch.conferences()[0].recording.is_none() && change(None, None).is_ok());
    let d = join(&rig, &dave, "800", "");
    hears(&rig, &alice, a, &[B, C, D]);
    for (desk, line) in [(&alice, a), (&bob, b), (&carol, c), (&dave, d)] {
        desk.hang_up(line);
    }
    rig.nothing_left();
    assert!(matches!(change(Some(true), None), Err(NotChanged::Empty(_))), "nobody is there");
}

#[test]
fn a_room_is_closed_after_its_time_and_flows_run_before_and_after_it() {
    let rooms = format!(
        "[board]\nnumber = \"800\"\npublic = true\ntimeout_s = 3\npre_flow = \"f701\"\npost_flow = \"f702\"\n{QUIET}"
    );
    // Who comes hears the gong before the room, who has left it the harp.
    let plays = |sound: &str| json!({"module": "play", "data": {"id": sound}, "children": {}});
    let join_by_flow = json!({"actions": [{"type": "answer"}, {"type": "conference_join",
        "option": {"conference_id": "board"}}, {"type": "beep"}, {"type": "hangup"}]});
    let flows = [("700", join_by_flow), ("701", plays("gong")), ("702", plays("harp"))];
    let rig = with_rooms(&rooms, &flows);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let a = join(&rig, &alice, "700", "");
    assert!(alice.hears_tone(a, 2_200), "before the room: {:#?}", rig.traces());
    inside(&rig, "board", 1);
    let b = join(&rig, &bob, "800", "");
    inside(&rig, "board", 2);
    hears(&rig, &alice, a, &[B]);
    assert!(alice.hears_tone(a, 2_600), "after the room, which was closed: {:#?}", rig.traces());
    assert!(alice.over(a) && bob.over(b), "{:#?}", rig.traces());
    rig.nothing_left();
    let traces = rig.traces().concat();
    assert_eq!(traces.matches("left the conference: closed").count(), 2, "{traces}");
    // One that was empty before is open again, and not closed by the time of the one before.
    let a = join(&rig, &alice, "800", "");
    inside(&rig, "board", 1);
    alice.hang_up(a);
    rig.nothing_left();
}

#[test]
fn one_who_speaks_wider_comes_into_a_recorded_room_and_neither_the_recording_nor_what_is_said_begins_anew() {
    let rooms = "[board]\nnumber = \"800\"\npublic = true\nrecord = \"wav\"\nentry = \"gong\"\nexit = \"none\"\nmusic = \"harp\"\n";
    let rig = with_rooms(rooms, &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    for silent in [&bob, &carol] {
        silent.speak(0);
    }
    bob.describe("107");
    let a = join(&rig, &alice, "800", "");
    inside(&rig, "board", 1);
    let id = rig.switch().conferences()[0].recording.clone().expect("recorded");
    // Her own coming is told, and then she is alone.
    assert!(alice.hears_tone(a, 2_600), "{:#?}", rig.traces());
    let from = alice.line(a, |line| line.stream.heard.samples.len());
    let c = join(&rig, &carol, "800", "");
    assert!(alice.hears_so(a, |pcm| ear::purity(pcm, 2_200.0) > 0.2), "{:#?}", rig.traces());
    assert_eq!(rig.switch().conferences()[0].rate, 8_000);
    let b = join(&rig, &bob, "800", "");
    inside(&rig, "board", 3);
    assert_eq!(rig.switch().conferences()[0].rate, 16_000);
    // Both gongs of a second each, of which the first had begun.
    let gong = || {
        let heard = alice.line(a, |line| line.stream.heard.samples[from..].to_vec());
        let parts = heard.chunks_exact(800).map(|part| audio::Pcm::new(audio::Rate::NARROW, part.to_vec()));
        parts.filter(|part| ear::purity(part, 2_200.0) > 0.5).count()
    };
    rig.wait("two seconds of gongs", || gong() >= 18);
    let view = rig.switch().conferences().remove(0);
    assert_eq!(view.recording.as_ref(), Some(&id), "it is the same recording");
    assert!(alice.hears_nothing(a), "{:#?}", rig.traces());
    for (desk, line) in [(&bob, b), (&carol, c), (&alice, a)] {
        desk.hang_up(line);
    }
    rig.nothing_left();
    rig.wait("the end of the recording", || {
        let mut all = rig.switch().recent().into_iter().flat_map(|call| call.recordings);
        all.all(|view| view.id == id && matches!(view.state, RecordingState::Saved { .. }))
    });
    assert_eq!(files(&rig, ".wav"), [format!("{id}.wav")], "one file");
    let bytes = std::fs::read(rig.dir.path().join(format!("recordings/{id}.wav"))).expect("a file");
    let tape = audio::read::decode(bytes, Some("wav")).expect("a sound");
    assert_eq!(tape.rate, audio::Rate::WIDE);
    // Alice's tone from the first to the last, but where the phone was too busy to say it.
    let parts: Vec<_> = tape.samples.chunks_exact(320).collect();
    let spoken = &parts[25..parts.len() - 10];
    let holes = spoken.iter().filter(|part| audio::level::rms_dbov(part) < -40.0).count();
    assert!(holes * 10 < spoken.len(), "{holes} holes of {}", spoken.len());
}
