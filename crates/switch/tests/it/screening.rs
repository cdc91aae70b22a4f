//! Who answers hears an announcement first, or is to press a key; the caller hears it ring until then.

use std::path::Path;
use std::time::Duration;

use crate::rig::{Rig, end, trace};
use flow::ir::Dial;
use serde_json::{Value, json};
use store::Sounds;
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};
use testkit::ua::line::Phase;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
/// What is announced.
const SAID: u16 = 1_700;
const NOW: Manner = Manner::Answer(Duration::ZERO);

/// A switch whose sound `said` is so many milliseconds of a tone.
fn rig(flows: &[(&str, Value)], ms: u64) -> (Rig, tempfile::TempDir) {
    let sounds = tempfile::tempdir().expect("a directory");
    write_tone(&sounds.path().join("said.wav"), ms);
    let rig = Rig::with(flows, |config| config.sounds = Sounds::built_in().then(sounds.path()));
    (rig, sounds)
}

fn write_tone(path: &Path, ms: u64) {
    let long = Duration::from_millis(ms);
    let samples = audio::tone::render(&[SAID], long, Duration::ZERO, long, audio::Rate::NARROW).samples;
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let size = data.len() as u32;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000u32.to_le_bytes());
    file.extend(16_000u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    std::fs::write(path, file).expect("written");
}

/// A call route that rings these users, with an announcement.
fn route(users: &[&str], seconds: u32) -> Value {
    let to: Vec<Value> = users.iter().map(|user| json!({ "type": "sipuser", "uuid": user })).collect();
    json!({ "s": { "module": "start", "next": "e" },
        "e": { "module": "extension", "announcement": "said", "extensions": to, "duration": seconds } })
}

/// The flow at 700 rings these users, who are to press 1.
fn ask_for_key(rig: &Rig, users: &[&str], seconds: u32, change: impl Fn(&mut Dial)) {
    rig.dials(route(users, seconds), |dial| {
        dial.confirm = Some('1');
        change(dial);
    });
}

fn calling(desk: &Desk, call: LineId) -> bool {
    desk.line(call, |line| line.phase == Phase::Calling)
}

fn reason(desk: &Desk, line: LineId) -> Option<String> {
    desk.line(line, |line| line.end.as_ref().and_then(|end| end.header("reason").map(str::to_owned)))
}

#[test]
fn the_callee_hears_the_announcement_and_is_connected_when_it_is_over() {
    // It takes longer than the callee may ring.
    let (rig, _sounds) = rig(&[("700", route(&["bob", "carol"], 2))], 2_500);
    let alice = rig.desk("alice", A, NOW);
    let (bob, carol) = (rig.desk("bob", B, NOW), rig.desk("carol", C, Manner::Ring));
    let call = alice.call("700");
    assert!(bob.up(0) && bob.hears_tone(0, SAID), "{:?}", rig.traces());
    assert!(calling(&alice, call), "the caller still hears it ring");
    assert!(carol.over(0), "nobody else is wanted");
    assert!(alice.up(call), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    let view = rig.finished();
    assert!(trace(&view).contains("B answered and hears the announcement"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn an_announcement_that_is_not_there_keeps_nobody_apart() {
    let rig = Rig::start(&[("700", route(&["bob"], 9))]);
    let (alice, bob) = (rig.desk("alice", A, NOW), rig.desk("bob", B, NOW));
    let call = alice.call("700");
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.hang_up(0);
    let view = rig.finished();
    assert!(trace(&view).contains("the announcement is not heard"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn who_hangs_up_during_the_announcement_has_refused_the_call() {
    let (rig, _sounds) = rig(&[("700", route(&["bob"], 9))], 5_000);
    let (alice, bob) = (rig.desk("alice", A, NOW), rig.desk("bob", B, NOW));
    let call = alice.call("700");
    assert!(bob.up(0) && bob.hears_tone(0, SAID), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.over(call));
    assert_eq!(alice.line(call, |line| line.status), Some(603), "{:?}", rig.traces());
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_caller_who_gives_up_during_the_announcement_leaves_nobody_behind() {
    let (rig, _sounds) = rig(&[("700", route(&["bob"], 9))], 5_000);
    let (alice, bob) = (rig.desk("alice", A, NOW), rig.desk("bob", B, NOW));
    let call = alice.call("700");
    assert!(bob.up(0) && bob.hears_tone(0, SAID), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(alice.over(call) && bob.over(0), "{:?}", rig.traces());
    assert_eq!(end(&rig.finished()), ("cancelled".into(), "caller".into()));
    rig.nothing_left();
}

#[test]
fn the_first_who_presses_the_key_has_the_call_and_the_other_hears_that_it_was_taken() {
    let (rig, _sounds) = rig(&[], 400);
    ask_for_key(&rig, &["bob", "carol"], 9, |_| {});
    let alice = rig.desk("alice", A, NOW);
    let (bob, carol) = (rig.desk("bob", B, NOW), rig.desk("carol", C, NOW));
    let call = alice.call("700");
    // Both answer at once, and both hear what it is about.
    assert!(bob.up(0) && carol.up(0), "{:?}", rig.traces());
    let said = |pcm: &audio::Pcm| ear::purity(pcm, f32::from(SAID)) > 0.5;
    assert!(bob.hears_so(0, said) && carol.hears_so(0, said), "{:?}", rig.traces());
    bob.press(0, "2");
    rig.wait("the wrong key", || {
        rig.traces().concat().contains("2 was pressed, which does not take the call")
    });
    assert!(calling(&alice, call), "a wrong key takes no call");
    carol.press(0, "1");
    assert!(alice.up(call) && bob.over(0), "{:?}", rig.traces());
    assert_eq!(reason(&bob, 0).as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    carol.hang_up(0);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn an_answering_machine_does_not_take_the_call_and_the_others_ring_on() {
    let (rig, _sounds) = rig(&[], 200);
    ask_for_key(&rig, &["bob", "carol"], 2, |dial| {
        // The other one has longer.
        dial.timeout = Duration::from_secs(30);
        dial.to[0].timeout = Some(Duration::from_secs(2));
    });
    let alice = rig.desk("alice", A, NOW);
    let (machine, carol) = (rig.desk("bob", B, NOW), rig.desk("carol", C, Manner::Ring));
    let call = alice.call("700");
    assert!(machine.up(0) && carol.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    assert!(machine.over(0), "no key came: {:?}", rig.traces());
    assert!(calling(&alice, call) && carol.line(0, |line| line.phase == Phase::Ringing));
    carol.answer(0);
    assert!(carol.hears_so(0, |pcm| ear::purity(pcm, f32::from(SAID)) > 0.3), "{:?}", rig.traces());
    carol.press(0, "1");
    assert!(alice.up(call) && alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn where_nobody_presses_the_key_the_call_is_refused() {
    let (rig, _sounds) = rig(&[], 100);
    ask_for_key(&rig, &["bob"], 3, |dial| {
        dial.confirm = None;
        // One of several may have to press it, and the others not.
        dial.to[0].confirm = Some('#');
    });
    let (alice, bob) = (rig.desk("alice", A, NOW), rig.desk("bob", B, NOW));
    let call = alice.call("700");
    assert!(bob.up(0) && bob.over(0) && alice.over(call), "{:?}", rig.traces());
    assert_eq!(alice.line(call, |line| line.status), Some(603));
    let view = rig.finished();
    assert!(trace(&view).contains("B does not take the call: # was not pressed"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn the_caller_hears_nothing_of_what_is_said_to_the_callee() {
    let (rig, _sounds) = rig(&[("700", route(&["bob"], 9))], 2_000);
    let (alice, bob) = (rig.desk("alice", A, NOW), rig.desk("bob", B, Manner::Early));
    let call = alice.call("700");
    assert!(alice.hears_tone(call, B), "early media: {:?}", rig.traces());
    bob.answer(0);
    assert!(bob.hears_tone(0, SAID), "{:?}", rig.traces());
    // The ringing tone, where the callee was heard before.
    let rings = |pcm: &audio::Pcm| {
        ear::purity(pcm, f32::from(B)) < 0.1
            && ear::purity(pcm, f32::from(SAID)) < 0.1
            && ear::purity(pcm, 480.0) > 0.3
    };
    assert!(alice.hears_so(call, rings), "{:?}", rig.traces());
    assert!(alice.up(call) && alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hang_up(0);
    rig.finished();
    rig.nothing_left();
}
