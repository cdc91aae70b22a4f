//! What is heard in a call's sound: keys of phones without telephone-events, people and machines.

use std::time::Duration;

use crate::rig::{LONG, Rig, end, trace};
use audio::{Pcm, Rate, tone};
use serde_json::{Value, json};
use switch::{Codecs, InbandDtmf};
use testkit::speech::SPEAKERS;
use testkit::ua::Offer;
use testkit::ua::desk::Manner;

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

#[test]
fn who_answered_is_found_out_though_the_phone_settles_for_another_codec_meanwhile() {
    let rig = Rig::start(&[("1001", screen())]);
    let alice = rig.desk("alice", 440, Manner::Ring);
    let mut greeting = Pcm::silence(Rate::NARROW, ms(900));
    greeting.append(&SPEAKERS[0].say("Hello, Smith speaking."));
    greeting.append(&Pcm::silence(Rate::NARROW, Duration::from_secs(9)));
    alice.say(greeting);
    // Wideband at first; narrowband as soon as it is answered, as PJSIP does to have one codec.
    alice.describe("9 0 8");
    let call = alice.call("1001");
    assert!(alice.up(call), "{:?}", rig.traces());
    alice.change_formats(call, "0 8");
    assert!(alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    assert!(trace(&view).contains("G722") && trace(&view).contains("PCMU"), "{}", trace(&view));
    assert!(trace(&view).contains("answered by: live_person"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn the_timings_are_the_servers_unless_the_flow_says_otherwise() {
    // Who says more than one word is a machine.
    let strict = |option: Value| json!({"actions": [{"type": "answer"}, {"type": "amd", "option": option}, {"type": "hangup"}]});
    let flows = [("1001", strict(json!({}))), ("1002", strict(json!({"max_words": 8})))];
    let rig = Rig::with(&flows, |config| config.amd.max_words = 1);
    for (number, heard) in [("1001", "machine"), ("1002", "live_person")] {
        let mut phone = rig.phone("caller");
        let mut call = phone.call(number, Offer::Early, LONG).expect("an answer");
        let mut greeting = Pcm::silence(Rate::NARROW, ms(400));
        for _ in 0..3 {
            greeting.append(&tone::render(&[210, 330, 650], ms(200), ms(0), ms(200), Rate::NARROW));
            greeting.append(&Pcm::silence(Rate::NARROW, ms(150)));
        }
        call.talk(&greeting).expect("talked");
        assert!(call.until_bye(LONG).expect("a socket"));
        let view = rig.finished();
        assert!(trace(&view).contains(&format!("answered by: {heard}")), "{}", trace(&view));
    }
    rig.nothing_left();
}

/// Listens for a fax for so many seconds: 1,000 Hz for one, 600 Hz for a voice.
fn fax_or_voice(seconds: u32) -> Value {
    let tone = |hertz: u16| json!({ "module": "play", "data": { "id": format!("tone_stream://%(3000,0,{hertz})") } });
    json!({ "module": "fax_detect", "data": { "duration": seconds },
        "children": { "ON_FAX": tone(1_000), "ON_VOICE": tone(600) } })
}

/// A calling fax, as T.30 has it, that has sent its tone once.
fn cng() -> Pcm {
    let mut sound = Pcm::silence(Rate::NARROW, ms(700));
    sound.append(&tone::beep(1_100, ms(500), Rate::NARROW));
    sound.append(&Pcm::silence(Rate::NARROW, ms(600)));
    sound
}

#[test]
fn a_fax_that_calls_takes_the_branch_of_faxes_as_soon_as_its_tone_is_over() {
    let rig = Rig::start(&[("1001", fax_or_voice(20))]);
    for offer in [Offer::Early, Offer::Late] {
        let mut phone = rig.phone("caller");
        let mut call = phone.call("1001", offer, LONG).expect("an answer");
        call.talk(&cng()).expect("talked");
        let heard = |hertz| {
            move |stream: &testkit::ua::Stream| testkit::ear::purity(&stream.heard.pcm(), hertz) > 0.3
        };
        assert!(call.run(LONG, heard(1_000.0)).expect("a socket"), "{offer:?}: {:?}", rig.traces());
        assert!(testkit::ear::purity(&call.stream.heard.pcm(), 600.0) < 0.05, "{offer:?}");
        call.hang_up().expect("hung up");
        let view = rig.finished();
        assert!(trace(&view).contains("listened for a fax: fax"), "{}", trace(&view));
    }
    rig.nothing_left();
}

#[test]
fn somebody_who_talks_or_says_nothing_takes_the_branch_of_voices_when_the_time_is_over() {
    let rig = Rig::start(&[("1001", fax_or_voice(2))]);
    for words in ["", "Hello, this is Anna. I am calling about the invoice."] {
        let mut phone = rig.phone("caller");
        let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
        if !words.is_empty() {
            call.talk(&SPEAKERS[0].say(words)).expect("talked");
        }
        let heard = |stream: &testkit::ua::Stream| testkit::ear::purity(&stream.heard.pcm(), 600.0) > 0.3;
        assert!(call.run(LONG, heard).expect("a socket"), "{:?}", rig.traces());
        call.hang_up().expect("hung up");
        let view = rig.finished();
        assert!(trace(&view).contains("listened for a fax: voice"), "{}", trace(&view));
    }
    rig.nothing_left();
}

#[test]
fn a_caller_who_is_gone_while_a_fax_is_listened_for_leaves_nothing() {
    let rig = Rig::start(&[("1001", fax_or_voice(600))]);
    let mut phone = rig.phone("caller");
    let call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.hang_up().expect("hung up");
    rig.finished();
    rig.nothing_left();
}
