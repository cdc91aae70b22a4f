//! Keys to a far end, by the way that its user, its device or its trunk says: `dtmf`.

use std::time::Duration;

use crate::rig::{Rig, trace};
use audio::{Pcm, Rate, tone};
use serde_json::{Value, json};
use store::{Device, Dtmf, User, Users};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Sends these keys to the caller, then says a tone and hangs up.
fn sends(keys: &str) -> Value {
    let option = json!({"digits": keys, "duration": 100, "interval": 50});
    json!({"actions": [
        {"type": "answer"}, {"type": "digits_send", "option": option}, {"type": "beep"}, {"type": "hangup"}
    ]})
}

/// A switch where keys go to bob's phones so.
fn rig(flows: &[(&str, Value)], dtmf: Dtmf) -> Rig {
    rig_with(flows, dtmf, |_| {})
}

fn rig_with(flows: &[(&str, Value)], dtmf: Dtmf, change: impl FnOnce(&mut switch::Config)) -> Rig {
    let rig = Rig::with(flows, change);
    let mut users = Rig::people();
    let bob = users.get("bob").cloned().expect("a user");
    users.insert(User { dtmf, ..bob });
    take(&rig, &users, "");
    rig
}

/// These users and trunks from here on, and the flows that there are.
fn take(rig: &Rig, users: &Users, trunks: &str) {
    std::fs::write(rig.dir.path().join("trunks.toml"), trunks).expect("written");
    let loaded = store::Directory::load(Some(rig.dir.path())).expect("readable");
    assert!(!loaded.problems.iter().any(|problem| problem.is_error()), "{:?}", loaded.problems);
    let _inside = rig.runtime.enter();
    let flows = store::Flows::clone(&rig.switch().flows());
    rig.switch().reload(flows, users, &loaded.trunks);
}

/// Alice talks to bob.
fn talking(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = talk(rig, &alice, &bob);
    (alice, bob, call)
}

fn talk(rig: &Rig, alice: &Desk, bob: &Desk) -> LineId {
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    call
}

fn over(rig: &Rig, alice: &Desk, call: LineId) -> String {
    alice.hang_up(call);
    let text = trace(&rig.finished());
    rig.nothing_left();
    text
}

/// A phone that has an ear for nothing but keys: it hears one tone, or keys in the sound.
fn quiet(desk: &Desk) {
    desk.speak(0);
}

#[test]
fn a_flows_keys_go_by_info_each_after_the_answer_to_the_one_before() {
    let rig = rig(&[("700", sends("1w2#"))], Dtmf::Info);
    let bob = rig.desk("bob", B, SOON);
    bob.answer_info(0);
    let call = bob.call("700");
    assert!(bob.up(call), "{:?}", rig.traces());
    let copies = |line: &testkit::ua::line::Line| {
        line.requests.iter().filter(|request| request.starts_with("INFO")).count()
    };
    assert!(bob.wait(|lines| copies(&lines[call]) >= 2), "{:?}", rig.traces());
    assert_eq!(bob.keys_by_info(call), "1", "the next waits for the answer");
    bob.answer_info(200);
    assert!(bob.over(call), "{:?}", rig.traces());
    assert_eq!(bob.keys_by_info(call), "12#");
    let body = bob.line(call, |line| {
        (line.infos[0].body.clone(), line.infos[0].header("content-type").map(str::to_owned))
    });
    assert_eq!(body, ("Signal=1\r\nDuration=100\r\n".to_owned(), Some("application/dtmf-relay".to_owned())));
    assert_eq!((bob.keys_by_events(call), bob.keys_in_sound(call)), Default::default());
    let text = trace(&rig.finished());
    assert!(text.contains("telephone-event 101, keys by INFO"), "{text}");
    rig.nothing_left();
}

#[test]
fn keys_of_a_conversation_go_by_info_to_who_takes_them_so_and_as_events_to_the_other() {
    let rig = rig(&[], Dtmf::Info);
    let (alice, bob, call) = talking(&rig);
    alice.press(call, "12#");
    rig.wait("the keys", || bob.keys_by_info(0).len() >= 3);
    assert_eq!(bob.keys_by_info(0), "12#");
    for key in "34".chars() {
        bob.press_by_info(0, key);
    }
    rig.wait("the keys", || alice.keys_by_events(call).len() >= 2);
    assert_eq!(alice.keys_by_events(call), "34");
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    assert_eq!((bob.keys_by_events(0), bob.keys_in_sound(0)), Default::default());
    over(&rig, &alice, call);
}

#[test]
fn keys_in_the_sound_of_the_other_party_go_by_info_too() {
    let rig = rig(&[], Dtmf::Info);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    alice.describe_no_key_events();
    let mut sound = Pcm::silence(Rate::NARROW, Duration::from_millis(1_000));
    for key in ['7', '8'] {
        sound.append(&tone::dtmf(key, Duration::from_millis(100), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, Duration::from_millis(1_000)));
    }
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    alice.say(sound);
    rig.wait("the keys", || bob.keys_by_info(0).contains("78"));
    over(&rig, &alice, call);
}

#[test]
fn who_takes_no_info_hears_keys_in_the_sound_and_the_timeline_says_so_once() {
    for status in [405, 415] {
        let rig = rig(&[], Dtmf::Info);
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
        quiet(&alice);
        bob.answer_info(status);
        let call = alice.call("202");
        assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, B), "{:?}", rig.traces());
        alice.press(call, "12");
        rig.wait("the keys", || bob.keys_in_sound(0) == "12");
        assert_eq!((bob.keys_by_info(0), bob.keys_by_events(0)), ("1".to_owned(), String::new()));
        let text = over(&rig, &alice, call);
        assert_eq!(text.matches(&format!("takes no keys by INFO ({status}")).count(), 1, "{text}");
    }
    // A flow goes on with what is left.
    let rig = rig(&[("700", sends("12#"))], Dtmf::Info);
    let bob = rig.desk("bob", B, SOON);
    bob.answer_info(415);
    let call = bob.call("700");
    assert!(bob.up(call) && bob.over(call), "{:?}", rig.traces());
    assert_eq!((bob.keys_by_info(call), bob.keys_in_sound(call)), ("1".to_owned(), "12#".to_owned()));
    rig.finished();
}

#[test]
fn an_info_that_fails_is_noted_and_the_next_is_sent_and_one_of_no_call_ends_it() {
    let rig = rig(&[], Dtmf::Info);
    let (alice, bob, call) = talking(&rig);
    bob.answer_info(500);
    alice.press(call, "1");
    rig.wait("the note", || rig.traces().concat().contains("the INFO with 1 was refused: 500"));
    bob.answer_info(200);
    alice.press(call, "2");
    rig.wait("the key", || bob.keys_by_info(0) == "12");
    assert!(bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.answer_info(481);
    alice.press(call, "3");
    assert!(alice.over(call) && bob.over(0), "{:?}", rig.traces());
    let text = trace(&rig.finished());
    assert!(text.contains("the session failed with 481"), "{text}");
    rig.nothing_left();
}

#[test]
fn what_waited_behind_an_info_that_nobody_answers_is_not_sent_and_the_call_goes_on() {
    let rig = rig_with(&[], Dtmf::Info, |config| config.sip.timers.t1 = Duration::from_millis(60));
    let (alice, bob, call) = talking(&rig);
    bob.answer_info(0);
    alice.press(call, "12");
    rig.wait("the note", || rig.traces().concat().contains("the INFO with 1 is not answered"));
    bob.answer_info(200);
    alice.press(call, "3");
    rig.wait("the key", || bob.keys_by_info(0).ends_with('3'));
    assert_eq!(bob.keys_by_info(0), "13");
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    over(&rig, &alice, call);
}

#[test]
fn a_trunk_and_a_device_have_ways_of_their_own() {
    let resources = json!({ "module": "resources", "data": { "to_did": "+12125550123" } });
    let rig = Rig::start(&[("700", resources)]);
    let (alice, carrier) = (rig.desk("alice", A, SOON), rig.desk("dave", B, SOON));
    let trunk =
        |dtmf: &str| format!("[acme]\nserver = \"sip:{}\"\nping = 0\ndtmf = \"{dtmf}\"\n", carrier.address());
    for (line, dtmf) in ["info", "rfc4733", "inband"].into_iter().enumerate() {
        take(&rig, &Rig::people(), &trunk(dtmf));
        quiet(&alice);
        let call = alice.call("700");
        assert!(alice.up(call) && carrier.up(line) && alice.hears_tone(call, B), "{:?}", rig.traces());
        let offer = carrier.line(line, |line| line.invite.as_ref().map(|invite| invite.body.clone()));
        let offers = offer.is_some_and(|offer| offer.contains("telephone-event"));
        assert_eq!(offers, dtmf != "inband", "{dtmf}");
        alice.press(call, "5");
        rig.wait("the key", || match dtmf {
            "info" => carrier.keys_by_info(line) == "5",
            "inband" => carrier.keys_in_sound(line) == "5",
            _ => carrier.keys_by_events(line) == "5",
        });
        let ways = [carrier.keys_by_info(line), carrier.keys_by_events(line), carrier.keys_in_sound(line)];
        assert_eq!(ways.concat(), "5", "{dtmf}: one way only");
        alice.hang_up(call);
        assert!(carrier.over(line), "{:?}", rig.traces());
        rig.finished();
    }
    let mut users = Rig::people();
    let bob = users.get("bob").cloned().expect("a user");
    let door = Device { dtmf: Some(Dtmf::Info), ..Device::new("bob-door", "secret") };
    users.insert(User { dtmf: Dtmf::Inband, devices: vec![door], ..bob });
    take(&rig, &users, "");
    let door = rig.desk("bob-door", B, SOON);
    let call = alice.call("202");
    assert!(alice.up(call) && door.up(0), "{:?}", rig.traces());
    alice.press(call, "6");
    rig.wait("the key", || door.keys_by_info(0) == "6");
    alice.hang_up(call);
    assert!(door.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn inband_means_tones_both_ways_whatever_the_phone_offers() {
    let gather = json!({"actions": [
        {"type": "answer"},
        {"type": "digits_receive", "option": {"duration": 5_000, "length": 2}},
        {"type": "digits_send", "option": {"digits": "34", "duration": 100, "interval": 50}},
        {"type": "beep"},
        {"type": "hangup"}
    ]});
    let rig = rig(&[("700", gather)], Dtmf::Inband);
    let bob = rig.desk("bob", B, SOON);
    let mut sound = Pcm::silence(Rate::NARROW, Duration::from_millis(300));
    for key in ['1', '2'] {
        sound.append(&tone::dtmf(key, Duration::from_millis(100), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, Duration::from_millis(100)));
    }
    bob.say(sound);
    let call = bob.call("700");
    assert!(bob.up(call) && bob.over(call), "{:?}", rig.traces());
    assert_eq!((bob.keys_in_sound(call), bob.keys_by_events(call)), ("34".to_owned(), String::new()));
    let text = trace(&rig.finished());
    assert!(text.contains("no telephone-event") && text.contains("got    \"12\""), "{text}");
    rig.nothing_left();
}

#[test]
fn where_only_events_are_wanted_and_the_phone_takes_none_no_tone_is_heard() {
    let rig = rig(&[("700", sends("12"))], Dtmf::Events);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    quiet(&alice);
    bob.describe_no_key_events();
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, B), "{:?}", rig.traces());
    alice.press(call, "5");
    let words = "5 is not passed on: the far end takes no telephone-events";
    rig.wait("the note", || rig.traces().concat().contains(words));
    alice.speak(A);
    assert!(bob.hears_tone(0, A));
    assert_eq!((bob.keys_in_sound(0), bob.keys_by_events(0)), Default::default());
    over(&rig, &alice, call);
}
