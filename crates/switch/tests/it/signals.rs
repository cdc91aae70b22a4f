//! What a trunk says in the sound before the answer: ringing, busy, congestion, special information tones, speech.

use std::time::Duration;

use crate::rig::{Rig, end, trace};
use audio::tone::{self, Signal, country};
use audio::{Pcm, Rate};
use serde_json::{Value, json};
use switch::Origination;
use testkit::speech::SPEAKERS;
use testkit::ua::desk::{Desk, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::ZERO);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Calls outside; each child answers the caller with a status of its own.
fn flow() -> Value {
    let response = |status: u16| json!({ "module": "response", "data": { "code": status } });
    let children = json!({ "USER_BUSY": response(411), "UNALLOCATED_NUMBER": response(412),
        "NUMBER_CHANGED": response(413), "_": response(415) });
    json!({ "module": "resources", "data": { "to_did": "+12125550123" }, "children": children })
}

/// A switch whose trunk is dave, who says this before the answer; and alice, who calls there by 700.
fn carrier(progress: &str, says: Pcm) -> (Rig, Desk, Desk) {
    let rig = Rig::start(&[]);
    let (alice, carrier) = (rig.desk("alice", A, SOON), rig.desk("dave", B, Manner::Early));
    carrier.say(says);
    rig.reload(&[("700", flow())], &trunk("a", &carrier, progress));
    (rig, alice, carrier)
}

fn trunk(name: &str, carrier: &Desk, more: &str) -> String {
    format!("[{name}]\nserver = \"sip:{}\"\nping = 0\n{more}\n", carrier.address())
}

/// A turn of a country's signal.
fn sung(code: &str, signal: Signal) -> Pcm {
    country(code).cadence(signal).render(Rate::NARROW)
}

/// Three rising tones, and what an announcement would take.
fn special(first: u16, second: u16) -> Pcm {
    let mut sound = Pcm::silence(Rate::NARROW, ms(300));
    for (hertz, length) in [(first, 330), (second, 330), (1_777, 380)] {
        sound.append(&tone::beep(hertz, ms(length), Rate::NARROW));
    }
    sound.append(&Pcm::silence(Rate::NARROW, Duration::from_secs(30)));
    sound
}

#[test]
fn busy_and_special_tones_before_the_answer_are_what_came_of_the_call() {
    for (says, status, words) in [
        (sung("us", Signal::Busy), 411, "the busy tone is heard: as after 486"),
        (special(985, 1_371), 412, "no such number is heard: as after 404"),
        (special(914, 1_371), 413, "has changed is heard: as after 410"),
    ] {
        let (rig, alice, carrier) = carrier("progress = \"act\"", says);
        let call = alice.call("700");
        assert!(alice.over(call), "{words}: {:?}", rig.traces());
        assert_eq!(alice.line(call, |line| line.status), Some(status), "{words}: {:?}", rig.traces());
        assert!(carrier.over(0), "it is told");
        assert!(carrier.line(0, |line| line.end.as_ref().is_some_and(|end| end.method() == Some("CANCEL"))));
        let view = rig.finished();
        assert!(trace(&view).contains(words), "{}", trace(&view));
        rig.nothing_left();
    }
}

#[test]
fn after_congestion_before_the_answer_the_next_trunk_is_tried() {
    for says in [sung("us", Signal::Congestion), special(985, 1_428)] {
        let (rig, alice, first) = carrier("progress = \"act\"\npriority = 1", says);
        let second = rig.desk("bob", B, SOON);
        let both =
            trunk("a", &first, "progress = \"act\"\npriority = 1") + &trunk("b", &second, "priority = 2");
        rig.reload(&[("700", flow())], &both);
        let call = alice.call("700");
        assert!(alice.up(call) && second.up(0), "{:?}", rig.traces());
        assert!(alice.hears_tone(call, B) && first.over(0), "{:?}", rig.traces());
        alice.hang_up(call);
        let view = rig.finished();
        assert!(trace(&view).contains("is heard: as after 503"), "{}", trace(&view));
        rig.nothing_left();
    }
}

#[test]
fn a_trunk_that_does_not_say_so_only_has_its_signals_noted_and_one_that_forbids_it_is_not_listened_to() {
    for (progress, noted) in [("", true), ("progress = \"off\"", false)] {
        let (rig, alice, carrier) = carrier(progress, sung("gb", Signal::Busy));
        let call = alice.call("700");
        // Three turns are 2.3 s.
        assert!(alice.hears_so(call, |pcm| testkit::ear::sounding(pcm) > 0.3), "{:?}", rig.traces());
        (0..4).for_each(|_| drop(alice.listen(call)));
        assert_eq!(rig.traces().concat().contains("the busy tone is heard"), noted, "{:?}", rig.traces());
        carrier.answer(0);
        assert!(alice.up(call), "the call goes on: {:?}", rig.traces());
        alice.hang_up(call);
        assert_eq!(end(&rig.finished()).0, "hangup");
        rig.nothing_left();
    }
}

#[test]
fn ringing_is_told_of_and_the_call_rings_on() {
    let (rig, alice, carrier) = carrier("progress = \"act\"", sung("gb", Signal::Ringback));
    let call = alice.call("700");
    rig.wait("the ringing tone", || rig.traces().concat().contains("B the ringing tone is heard"));
    carrier.answer(0);
    assert!(alice.up(call), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn neither_speech_nor_what_is_heard_after_the_answer_ends_a_call() {
    let mut speech = SPEAKERS[0].say("The person you are calling can not be reached at the moment.");
    speech.append(&Pcm::silence(Rate::NARROW, ms(400)));
    for (says, before) in [(speech, 5), (sung("us", Signal::Busy), 0)] {
        let (rig, alice, carrier) = carrier("progress = \"act\"", says);
        let call = alice.call("700");
        assert!(alice.hears_so(call, |pcm| testkit::ear::sounding(pcm) > 0.1), "{:?}", rig.traces());
        (0..before).for_each(|_| drop(alice.listen(call)));
        carrier.answer(0);
        assert!(alice.up(call), "{:?}", rig.traces());
        (0..4).for_each(|_| drop(alice.listen(call)));
        assert!(alice.line(call, |line| line.end.is_none()), "{:?}", rig.traces());
        alice.hang_up(call);
        let view = rig.finished();
        assert!(!trace(&view).contains("is heard"), "{}", trace(&view));
        rig.nothing_left();
    }
}

#[test]
fn a_call_that_the_switch_begins_comes_to_what_the_network_says() {
    let (rig, _alice, carrier) = carrier("progress = \"act\"", sung("us", Signal::Busy));
    let id = {
        let _inside = rig.runtime.enter();
        let wish = Origination { flow: Some("700.json".to_owned()), ..Origination::new("+12125550123") };
        rig.switch().originate(wish).expect("a call")
    };
    assert!(carrier.over(0), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().recent().iter().any(|call| call.id == id));
    assert_eq!(end(&rig.switch().call(id).expect("its record")).0, "busy");
    rig.nothing_left();
}
