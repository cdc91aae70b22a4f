//! Parties of different calls who are joined and whose audio lives on two media workers: one of them moves to the other's.
//!
//! Each leg that is not a call's second comes to the emptier of two workers here.

use std::time::Duration;

use crate::rig::Rig;
use audio::Pcm;
use media::IoMode;
use serde_json::json;
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 620;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

fn with(io: IoMode, flows: &[(&str, serde_json::Value)]) -> Rig {
    Rig::with(flows, |config| {
        config.media.workers = 2;
        config.media.crowd = 0;
        config.media.io = io;
    })
}

/// Alice, who called this number, and talks to bob, whose other line talks to carol at the other worker.
fn consulting(rig: &Rig, number: &str) -> ([Desk; 3], LineId, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call(number);
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hold(0);
    let second = bob.call("203");
    assert!(bob.up(second) && carol.up(0), "{:?}", rig.traces());
    assert!(carol.hears_tone(0, B), "{:?}", rig.traces());
    ([alice, bob, carol], call, second)
}

fn moved(rig: &Rig, legs: u64) {
    rig.wait("a move", || rig.switch().media_stats().moved == legs);
}

/// All who talk are relayed, which those of two workers are not.
fn relayed(rig: &Rig) {
    rig.wait("that both are relayed", || {
        let legs: Vec<_> = rig
            .switch()
            .calls()
            .iter()
            .filter_map(|call| rig.switch().call(call.id))
            .flat_map(|view| view.legs)
            .filter(|leg| leg.answered.is_some() && leg.ended.is_none())
            .collect();
        let passed = |words: &str| words.contains("relayed");
        legs.len() == 2 && legs.iter().all(|leg| leg.media.as_deref().is_some_and(passed))
    });
}

fn over(rig: &Rig) {
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
    // Counters are a second old at most.
    rig.wait("that the workers have no legs", || rig.switch().media_stats().legs == 0);
    let stats = rig.switch().media_stats();
    assert_eq!((stats.panics, stats.events_dropped), (0, 0));
}

#[test]
fn whom_a_transfer_joins_are_relayed_by_one_worker() {
    for io in [IoMode::Poll, IoMode::Uring] {
        let rig = with(io, &[]);
        let ([alice, bob, carol], call, second) = consulting(&rig, "202");
        moved(&rig, 0);
        bob.refer_to_line(0, second);
        assert!(bob.over(0) && bob.over(second), "{:?}", rig.traces());
        assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
        moved(&rig, 1);
        relayed(&rig);
        assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
        alice.hang_up(call);
        assert!(carol.over(0));
        over(&rig);
    }
}

#[test]
fn who_retrieves_from_a_slot_is_relayed_with_whom_it_finds_there() {
    let slot = |action: &str| json!({ "module": "park", "data": { "action": action, "slot": "101" } });
    // She is answered before she retrieves, and so at a worker already.
    let answered = json!({ "module": "answer", "data": {}, "children": { "_": slot("retrieve") } });
    let rig = with(IoMode::Auto, &[("*3101", slot("auto")), ("*5101", answered)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let call = alice.call("202");
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.refer(0, "*3101");
    rig.wait("that alice is parked", || rig.counts().parked == 1 && rig.counts().legs == 1);
    let line = carol.call("*5101");
    assert!(carol.hears_tone(line, A) && alice.hears_tone(call, C), "{:?}", rig.traces());
    moved(&rig, 1);
    relayed(&rig);
    // And on to somebody else, which is one more leg at the side of hers.
    carol.refer(line, "204");
    assert!(alice.hears_tone(call, D) && dave.hears_tone(0, A), "{:?}", rig.traces());
    relayed(&rig);
    alice.hang_up(call);
    assert!(dave.over(0));
    over(&rig);
}

#[test]
fn what_is_recorded_of_who_moves_goes_on() {
    let bob = json!({ "module": "user", "data": { "id": "bob", "timeout": 10 }, "children": {} });
    let record = json!({ "module": "record_call", "data": { "should_follow_transfer": true }, "children": { "_": bob } });
    let echo =
        json!({ "actions": [{ "type": "answer" }, { "type": "echo", "option": { "duration": 60_000 } }] });
    let rig = with(IoMode::Auto, &[("700", record), ("9196", echo)]);
    let ([alice, bob, carol], call, second) = consulting(&rig, "700");
    // One more at alice's worker, so that it is she who moves.
    let dave = rig.desk("dave", D, SOON);
    let echo = dave.call("9196");
    assert!(dave.hears_tone(echo, D), "{:?}", rig.traces());
    bob.refer_to_line(0, second);
    assert!(bob.over(0) && bob.over(second), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    moved(&rig, 1);
    alice.hang_up(call);
    dave.hang_up(echo);
    assert!(carol.over(0));
    over(&rig);
    let recordings = || {
        let calls = rig.switch().recent();
        let all = calls.iter().filter_map(|call| rig.switch().call(call.id)).flat_map(|call| call.recordings);
        all.collect::<Vec<_>>()
    };
    rig.wait("the recording", || {
        let all = recordings();
        !all.is_empty() && all.iter().all(|recording| recording.state.word() == "saved")
    });
    let path = rig.switch().recording(&recordings()[0].file).expect("a path").0;
    let kind = path.extension().and_then(|kind| kind.to_str()).map(str::to_owned);
    let sound = audio::read::decode(std::fs::read(path).expect("a file"), kind.as_deref()).expect("a sound");
    // Alice in each half second of it, from her first word to her last; carol at its end.
    let length = sound.duration().as_secs_f64();
    let part = |at: f64, long: f64| ear::cut(&sound, at, at + long);
    let hers = |pcm: &Pcm| ear::purity(pcm, f32::from(A));
    let mut at = 0.5;
    while at + 1.0 < length {
        assert!(hers(&part(at, 0.5)) > 0.1, "nothing of her at {at} of {length} s");
        at += 0.5;
    }
    let last = part(length - 0.4, 0.3);
    assert!(ear::purity(&last, f32::from(C)) > 0.2 && hers(&last) > 0.2);
}
