//! Conference rooms of `conferences.toml`: who is let in, what their keys do, what is announced and recorded.

mod rig;

use std::time::Duration;

use rig::{LONG, Rig, end, hears, trace};
use serde_json::{Value, json};
use switch::{Config, Happening, RecordingState};
use testkit::ear;
use testkit::receiver::Receiver;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 1_600;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// A switch with these rooms, and these flows beside them.
fn with_rooms(rooms: &str, flows: &[(&str, Value)]) -> Rig {
    with_rooms_and(rooms, flows, |_| {})
}

/// The same, configured like that.
fn with_rooms_and(rooms: &str, flows: &[(&str, Value)], change: impl FnOnce(&mut Config)) -> Rig {
    let rig = Rig::with(&[], change);
    let home = rig.dir.path().join("flows");
    std::fs::create_dir_all(home.join("sounds")).expect("a directory");
    std::fs::write(home.join("conferences.toml"), rooms).expect("written");
    let second = Duration::from_secs(1);
    for (name, tone) in [("gong", 2_200), ("harp", 2_600)] {
        let pcm = audio::tone::render(&[tone], second, Duration::ZERO, second, audio::Rate::NARROW);
        let bytes = audio::write::wav::to_bytes(&pcm);
        std::fs::write(home.join(format!("sounds/{name}.wav")), bytes).expect("written");
    }
    let mut numbers = String::new();
    for (number, flow) in flows {
        std::fs::write(home.join(format!("f{number}.json")), flow.to_string()).expect("written");
        numbers.push_str(&format!("\"{number}\" = {{ flow = \"f{number}\", public = true }}\n"));
    }
    std::fs::write(home.join("numbers.toml"), numbers).expect("written");
    let loaded = store::Directory::load(Some(&home)).expect("readable");
    let broken: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let users = Rig::people();
    let _inside = rig.runtime.enter();
    rig.switch().reload(loaded.flows, &users, &loaded.trunks);
    rig
}

/// A call that is up; its PIN is typed if there is one.
fn join(rig: &Rig, desk: &Desk, number: &str, pin: &str) -> LineId {
    let line = desk.call(number);
    assert!(desk.up(line), "{:#?}", rig.traces());
    if !pin.is_empty() {
        desk.press(line, pin);
    }
    line
}

fn members(rig: &Rig, room: &str) -> usize {
    rig.switch().conferences().iter().filter(|view| view.name == room).map(|view| view.members.len()).sum()
}

fn inside(rig: &Rig, room: &str, wanted: usize) {
    rig.wait(&format!("{wanted} in {room}"), || members(rig, room) == wanted);
}

fn noted(rig: &Rig, text: &str) {
    rig.wait(text, || rig.traces().iter().any(|trace| trace.contains(text)));
}

const QUIET: &str = "entry = \"none\"\nexit = \"none\"\n";

#[test]
fn a_room_asks_for_a_pin_and_knows_whose_it_is() {
    let rooms = format!(
        "[board]\nnumber = \"800\"\npublic = true\npin = \"12\"\nmoderator_pin = \"98\"\nattempts = 2\n{QUIET}"
    );
    let rig = with_rooms(&rooms, &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let a = join(&rig, &alice, "800", "12#");
    inside(&rig, "board", 1);
    let b = join(&rig, &bob, "800", "98#");
    hears(&rig, &alice, a, &[B]);
    hears(&rig, &bob, b, &[A]);
    let leads: Vec<bool> =
        rig.switch().conferences()[0].members.iter().map(|member| member.moderator).collect();
    assert_eq!(leads, [false, true]);
    let c = join(&rig, &carol, "800", "11#");
    noted(&rig, "not right");
    carol.press(c, "13#");
    assert!(carol.over(c), "{:#?}", rig.traces());
    let refused = rig.finished_but(2);
    assert!(trace(&refused).contains("no PIN of the conference was typed"), "{}", trace(&refused));
    assert_eq!(members(&rig, "board"), 2);
    alice.hang_up(a);
    bob.hang_up(b);
    rig.nothing_left();
}

#[test]
fn the_others_hear_a_sound_when_somebody_comes_and_goes_and_who_is_alone_hears_the_rooms_music() {
    let rooms =
        "[board]\nnumber = \"800\"\npublic = true\nentry = \"gong\"\nexit = \"gong\"\nmusic = \"harp\"\n";
    let rig = with_rooms(rooms, &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let a = join(&rig, &alice, "800", "");
    assert!(alice.hears_tone(a, 2_600), "{:#?}", rig.traces());
    let b = join(&rig, &bob, "800", "");
    hears(&rig, &alice, a, &[B, 2_200]);
    hears(&rig, &alice, a, &[B]);
    bob.hang_up(b);
    assert!(alice.hears_so(a, |pcm| ear::purity(pcm, 2_200.0) > 0.2), "{:#?}", rig.traces());
    assert!(alice.hears_tone(a, 2_600), "the music is back: {:#?}", rig.traces());
    alice.hang_up(a);
    rig.nothing_left();
}

#[test]
fn a_member_mutes_itself_hears_nobody_and_leaves_by_keys() {
    let rig = with_rooms(&format!("[board]\nnumber = \"800\"\npublic = true\n{QUIET}"), &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    hears(&rig, &alice, a, &[B]);
    bob.press(b, "*1");
    assert!(alice.hears_nothing(a), "{:#?}", rig.traces());
    hears(&rig, &bob, b, &[A]);
    bob.press(b, "*1");
    hears(&rig, &alice, a, &[B]);
    bob.press(b, "*2");
    noted(&rig, "Deaf(true)");
    assert!(bob.hears_nothing(b), "{:#?}", rig.traces());
    hears(&rig, &alice, a, &[B]);
    bob.press(b, "*2");
    hears(&rig, &bob, b, &[A]);
    alice.press(a, "*3");
    noted(&rig, "Count(2)");
    // What is for those who lead is not for others.
    bob.press(b, "*6");
    noted(&rig, "Denied");
    bob.press(b, "#");
    assert!(bob.over(b), "{:#?}", rig.traces());
    noted(&rig, "left the conference: left");
    alice.hang_up(a);
    rig.nothing_left();
}

#[test]
fn who_leads_mutes_all_locks_and_sends_out_and_the_room_ends_with_it() {
    let rooms = format!(
        "[board]\nnumber = \"800\"\npublic = true\nmoderator_pin = \"98\"\nwait_for_moderator = true\n\
         end_with_moderator = true\n{QUIET}"
    );
    let rig = with_rooms(&rooms, &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    // Who has no PIN presses pound, and waits.
    let a = join(&rig, &alice, "800", "#");
    inside(&rig, "board", 1);
    assert!(rig.switch().conferences()[0].members[0].waiting);
    let b = join(&rig, &bob, "800", "98#");
    hears(&rig, &alice, a, &[B]);
    let c = join(&rig, &carol, "800", "#");
    hears(&rig, &bob, b, &[A, C]);
    bob.press(b, "*5");
    assert!(bob.hears_nothing(b), "{:#?}", rig.traces());
    hears(&rig, &alice, a, &[B]);
    bob.press(b, "*5");
    hears(&rig, &bob, b, &[A, C]);
    bob.press(b, "*4");
    noted(&rig, "Locked(true)");
    assert!(rig.switch().conferences()[0].locked);
    let d = join(&rig, &dave, "800", "#");
    assert!(dave.over(d), "{:#?}", rig.traces());
    noted(&rig, "left the conference: locked");
    bob.press(b, "*6");
    assert!(carol.over(c), "the last who came: {:#?}", rig.traces());
    hears(&rig, &bob, b, &[A]);
    bob.hang_up(b);
    assert!(alice.over(a), "the room ends: {:#?}", rig.traces());
    rig.nothing_left();
    assert!(rig.switch().conferences().is_empty());
}

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
fn a_flow_that_names_a_room_has_its_settings() {
    let rooms = format!("[board]\nnumber = \"800\"\npin = \"12\"\nmembers = 1\n{QUIET}");
    let kazoo = json!({"flow": {"module": "conference", "data": {"id": "board"}, "children": {}}});
    let asks = json!({"flow": {"module": "conference", "data": {}, "children": {}}});
    let rig = with_rooms(&rooms, &[("700", kazoo), ("701", asks)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let a = join(&rig, &alice, "700", "12#");
    inside(&rig, "board", 1);
    // One who is asked for the number gets another try.
    let b = join(&rig, &bob, "701", "999#");
    noted(&rig, "There is no such conference");
    bob.press(b, "800#");
    noted(&rig, "Please enter the PIN");
    bob.press(b, "12#");
    assert!(bob.over(b), "{:#?}", rig.traces());
    let refused = rig.finished_but(1);
    assert!(trace(&refused).contains("left the conference: full"), "{}", trace(&refused));
    assert_eq!(end(&refused).1, "flow");
    alice.hang_up(a);
    rig.nothing_left();
}

#[test]
fn one_member_may_not_hear_another_whom_all_others_hear() {
    let relate = |relationship: &str| {
        json!({"module": "relate", "data": {"conference_id": "800", "participant_id": "alice",
            "other_participant": "202", "relationship": relationship}})
    };
    let talk = json!({
        "flow": {"module": "user", "data": {"id": "dave"}, "children": {}},
        "metaflows": {"binding_digit": "*", "listen_on": "self", "digit_timeout": 500,
            "numbers": {"1": relate("deaf"), "2": relate("clear"), "3": relate("mute")}}
    });
    let rig = with_rooms(&format!("[board]\nnumber = \"800\"\npublic = true\n{QUIET}"), &[("700", talk)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    let c = join(&rig, &carol, "800", "");
    hears(&rig, &alice, a, &[B, C]);
    // Somebody else sees to it: who talks to dave.
    let second = carol.call("700");
    assert!(carol.up(second) && dave.up(0), "{:#?}", rig.traces());
    assert!(carol.hears_tone(second, D));
    carol.press(second, "*1");
    hears(&rig, &alice, a, &[C]);
    hears(&rig, &bob, b, &[A, C]);
    carol.press(second, "*2");
    hears(&rig, &alice, a, &[B, C]);
    carol.press(second, "*3");
    hears(&rig, &bob, b, &[C]);
    hears(&rig, &carol, c, &[A, B]);
    for line in [c, second] {
        carol.hang_up(line);
    }
    alice.hang_up(a);
    bob.hang_up(b);
    rig.nothing_left();
}

#[test]
fn who_leads_adds_somebody_by_a_number_who_comes_in_by_a_key_and_others_may_not() {
    let rooms = format!("[board]\nnumber = \"800\"\npublic = true\nmoderator_pin = \"98\"\n{QUIET}");
    let rig = with_rooms(&rooms, &[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let a = join(&rig, &alice, "800", "98#");
    inside(&rig, "board", 1);
    alice.press(a, "*0202#");
    assert!(bob.up(0), "{:#?}", rig.traces());
    noted(&rig, "hears what is asked: 1");
    assert_eq!(members(&rig, "board"), 1, "nobody is put into a room unasked");
    bob.press(0, "1");
    inside(&rig, "board", 2);
    hears(&rig, &alice, a, &[B]);
    hears(&rig, &bob, 0, &[A]);
    // Bob does not lead; there is no such number; no trunk takes it.
    bob.press(0, "*0203#");
    noted(&rig, "pressed *0 in the conference: Denied");
    alice.press(a, "*0999#");
    noted(&rig, "999 is not added to the conference");
    let _inside = rig.runtime.enter();
    let carol = rig.desk("carol", C, Manner::Refuse(486));
    let call = rig.switch().invite("board", "carol").expect("a call");
    rig.wait("that carol refused", || rig.switch().recent().iter().any(|view| view.id == call));
    assert_eq!((carol.wait(|lines| lines.len() == 1), members(&rig, "board")), (true, 2));
    assert!(rig.switch().invite("board", "nobody").is_err());
    alice.hang_up(a);
    bob.hang_up(0);
    rig.nothing_left();
}
