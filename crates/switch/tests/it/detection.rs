//! What is heard in a call's sound: keys of phones without telephone-events, people and machines.

use std::time::Duration;

use crate::rig::{LONG, Rig, end, trace};
use audio::{Pcm, Rate, tone};
use serde_json::{Value, json};
use switch::{Codecs, InbandDtmf};
use testkit::speech::SPEAKERS;
use testkit::ua::Offer;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Answers, gathers four keys or until `#`, hangs up.
fn gather() -> Value {
    json!({"actions": [
        {"type": "answer"},
        {"type": "digits_receive", "option": {"duration": 8_000, "length": 4, "key": "#"}},
        {"type": "hangup"}
    ]})
}

/// Answers, hangs up on machines, beeps to people.
fn screen() -> Value {
    json!({"actions": [
        {"type": "answer"},
        {"type": "amd", "option": {"machine_handle": "hangup"}},
        {"type": "beep"},
        {"type": "hangup"}
    ]})
}

fn tones(keys: &str) -> Pcm {
    let mut sound = Pcm::silence(Rate::NARROW, ms(300));
    for key in keys.chars() {
        sound.append(&tone::dtmf(key, ms(80), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, ms(80)));
    }
    sound
}

#[test]
fn keys_in_the_sound_of_a_phone_without_telephone_events_reach_the_flow() {
    let rig = Rig::start(&[("1001", gather())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Plain, LONG).expect("an answer");
    call.talk(&tones("1193")).expect("talked");
    assert!(call.until_bye(LONG).expect("a socket"));
    let view = rig.finished();
    assert!(trace(&view).contains("got    \"1193\""), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn keys_in_the_sound_are_heard_of_whom_the_setting_says() {
    // The phone offers telephone-events, and sends none.
    for (setting, expected) in [(InbandDtmf::Always, "got    \"12#\""), (InbandDtmf::Auto, "got    \"\"")] {
        let rig = Rig::with(&[("1001", gather())], |config| {
            config.codecs = Codecs { inband_dtmf: setting, ..config.codecs.clone() };
        });
        let mut phone = rig.phone("caller");
        let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
        call.talk(&tones("12#")).expect("talked");
        assert!(call.until_bye(LONG).expect("a socket"));
        let view = rig.finished();
        assert!(trace(&view).contains(expected), "{setting:?}: {}", trace(&view));
        rig.nothing_left();
    }
}

#[test]
fn a_person_and_a_machine_take_different_ways_through_a_flow() {
    let rig = Rig::start(&[("1001", screen())]);
    let person = "Hello, Smith speaking.";
    let machine = "Hello, you have reached the voicemail of John Smith. I can not take your call right now.";
    for (words, cause, heard) in [(person, "normal", "live_person"), (machine, "amd", "machine")] {
        let mut phone = rig.phone("caller");
        let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
        let mut greeting = Pcm::silence(Rate::NARROW, ms(400));
        greeting.append(&SPEAKERS[0].say(words));
        call.talk(&greeting).expect("talked");
        assert!(call.until_bye(LONG).expect("a socket"));
        let view = rig.finished();
        assert!(trace(&view).contains(&format!("answered by: {heard}")), "{}", trace(&view));
        assert_eq!(end(&view).0, cause, "{}", trace(&view));
    }
    rig.nothing_left();
}

/// Listens for a machine while it gathers keys.
fn screen_behind(handle: &str) -> Value {
    json!({"actions": [
        {"type": "answer"},
        {"type": "amd", "option": {"machine_handle": handle, "async": true}},
        {"type": "digits_receive", "option": {"duration": 30_000, "length": 1}},
        {"type": "hangup"}
    ]})
}

#[test]
fn a_flow_goes_on_while_it_is_found_out_who_answered_and_a_machine_ends_it_only_where_that_is_wanted() {
    let rig = Rig::start(&[("1001", screen_behind("hangup")), ("1002", screen_behind("continue"))]);
    let person = "Hello, Smith speaking.";
    let machine = "Hello, you have reached the voicemail of John Smith. I can not take your call right now.";
    for (number, words, heard, cause) in [
        ("1001", person, "live_person", "normal"),
        ("1001", machine, "machine", "amd"),
        ("1002", machine, "machine", "normal"),
    ] {
        let mut phone = rig.phone("caller");
        let mut call = phone.call(number, Offer::Early, LONG).expect("an answer");
        rig.wait("that keys are waited for", || rig.traces()[0].contains("Collect"));
        assert!(!rig.traces()[0].contains("answered by"), "{:?}", rig.traces());
        let mut greeting = Pcm::silence(Rate::NARROW, ms(400));
        greeting.append(&SPEAKERS[0].say(words));
        greeting.append(&Pcm::silence(Rate::NARROW, ms(3_000)));
        call.talk(&greeting).expect("talked");
        if cause == "normal" {
            rig.wait("who it is", || rig.traces()[0].contains(&format!("answered by: {heard}")));
            call.press("5").expect("pressed");
        }
        assert!(call.until_bye(LONG).expect("a socket"));
        let view = rig.finished();
        assert!(trace(&view).contains(&format!("answered by: {heard}")), "{}", trace(&view));
        assert_eq!(trace(&view).contains("got    \"5\""), cause == "normal", "{}", trace(&view));
        assert_eq!(end(&view).0, cause, "{}", trace(&view));
    }
    rig.nothing_left();
}
