//! Conference rooms of `conferences.toml`: who is let in, what their keys do, what is announced.

use std::time::Duration;

use crate::rig::rooms::{QUIET, inside, join, members, noted, with_rooms};
use crate::rig::{end, hears, trace};
use serde_json::json;
use testkit::ear;
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 1_600;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

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
    let told = rig.traces().concat();
    assert_eq!(
        told.matches("s in the conference board").count(),
        3,
        "also of whom the room's end sends out: {told}"
    );
}

#[test]
fn a_room_that_ends_when_one_is_alone_lets_the_last_one_go_and_waits_for_the_second() {
    let rooms = format!("[pair]\nnumber = \"800\"\npublic = true\nend_when_alone = true\n{QUIET}");
    let after = json!({"actions": [
        {"type": "conference_join", "option": {"conference_id": "pair"}}, {"type": "hangup"}]});
    let rig = with_rooms(&rooms, &[("700", after)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    // The first who comes is alone and stays.
    let a = join(&rig, &alice, "700", "");
    inside(&rig, "pair", 1);
    let b = join(&rig, &bob, "800", "");
    let c = join(&rig, &carol, "800", "");
    hears(&rig, &alice, a, &[B, C]);
    carol.hang_up(c);
    hears(&rig, &alice, a, &[B]);
    bob.hang_up(b);
    assert!(alice.over(a), "the last one is let go: {:#?}", rig.traces());
    rig.nothing_left();
    assert!(rig.switch().conferences().is_empty());
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
