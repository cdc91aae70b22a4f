//! Conferences: who hears whom, who is let in, and what becomes of the flow afterwards.

use std::time::Duration;

use crate::rig::{Rig, hears, trace};
use serde_json::{Value, json};
use switch::MemberChange;
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 1_600;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// A Voxology script that joins a room and then hangs up.
fn room(name: &str, params: Value) -> Value {
    let mut params = params;
    params["name"] = name.into();
    json!({ "actions": [{ "type": "CONFERENCE", "params": params }, { "type": "HANGUP" }] })
}

/// A call to `number` that is up.
fn join(rig: &Rig, desk: &Desk, number: &str) -> LineId {
    let line = desk.call(number);
    assert!(desk.up(line), "{:?}", rig.traces());
    line
}

fn share(pcm: &audio::Pcm, tone: u16) -> f64 {
    ear::purity(pcm, f32::from(tone))
}

fn hears_music(desk: &Desk, line: LineId) -> bool {
    desk.hears_so(line, |pcm| {
        ear::sounding(pcm) > 0.1 && [A, B, C, D].iter().all(|tone| share(pcm, *tone) < 0.5)
    })
}

#[test]
fn three_hear_each_other_and_one_who_holds_is_not_heard() {
    let rig = Rig::start(&[("700", room("team", json!({})))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let a = join(&rig, &alice, "700");
    assert!(hears_music(&alice, a), "{:?}", rig.traces());
    let b = join(&rig, &bob, "700");
    hears(&rig, &alice, a, &[B]);
    hears(&rig, &bob, b, &[A]);
    let c = join(&rig, &carol, "700");
    hears(&rig, &alice, a, &[B, C]);
    hears(&rig, &bob, b, &[A, C]);
    hears(&rig, &carol, c, &[A, B]);
    bob.hold(b);
    hears(&rig, &alice, a, &[C]);
    bob.resume(b);
    hears(&rig, &alice, a, &[B, C]);

    let views = rig.switch().conferences();
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].name.as_str(), views[0].rate, views[0].members.len()), ("team", 8_000, 3));
    carol.hang_up(c);
    hears(&rig, &alice, a, &[B]);
    bob.hang_up(b);
    assert!(hears_music(&alice, a));
    alice.hang_up(a);
    assert!(alice.over(a));
    rig.nothing_left();
    assert!(rig.switch().conferences().is_empty());
}

#[test]
fn the_api_mutes_deafens_and_removes_and_the_flow_goes_on() {
    let rig = Rig::start(&[("700", room("team", json!({})))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (a, b) = (join(&rig, &alice, "700"), join(&rig, &bob, "700"));
    hears(&rig, &alice, a, &[B]);
    let _inside = rig.runtime.enter();
    let switch = rig.switch();
    let members = switch.conferences().remove(0).members;
    let (of_alice, of_bob) = (members[0].call, members[1].call);
    let change = |call, change: fn(&mut MemberChange)| {
        let mut wanted = MemberChange::default();
        change(&mut wanted);
        switch.change_member("team", call, wanted)
    };
    assert!(change(of_bob, |change| change.muted = Some(true)));
    assert!(alice.hears_nothing(a));
    hears(&rig, &bob, b, &[A]);
    assert!(change(of_bob, |change| (change.muted, change.deaf) = (Some(false), Some(true))));
    hears(&rig, &alice, a, &[B]);
    assert!(bob.hears_nothing(b));
    let view = &switch.conferences()[0].members[1];
    assert_eq!((view.muted, view.deaf), (false, true));
    assert!(!switch.change_member("another", of_bob, MemberChange::default()));
    assert!(switch.remove_member("team", of_bob));
    assert!(bob.over(b), "the flow hangs up: {:?}", rig.traces());
    assert!(hears_music(&alice, a));
    assert!(!switch.remove_member("team", of_bob) && switch.remove_member("team", of_alice));
    assert!(alice.over(a));
    rig.nothing_left();
}

#[test]
fn a_full_room_lets_nobody_in_and_a_closed_one_frees_its_members() {
    let limited = room("small", json!({ "max_participants": 2 }));
    let rig = Rig::start(&[("700", limited), ("701", room("small", json!({ "end_on_exit": "true" })))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let (a, b) = (join(&rig, &alice, "700"), join(&rig, &bob, "701"));
    hears(&rig, &bob, b, &[A]);
    let c = carol.call("700");
    assert!(carol.over(c), "{:?}", rig.traces());
    let refused = rig.finished_but(2);
    assert!(trace(&refused).contains("left the conference: full"), "{}", trace(&refused));
    bob.hang_up(b);
    assert!(alice.over(a), "the room ends with bob: {:?}", rig.traces());
    rig.nothing_left();
    assert!(rig.traces().iter().any(|text| text.contains("left the conference: closed")));
}

#[test]
fn what_a_script_plays_in_a_room_is_heard_whole_before_the_music_of_who_is_alone() {
    let inside = json!([{ "type": "PLAY", "params": { "url": "welcome" } }, { "type": "HANGUP" }]);
    let mut script = room("team", json!({}));
    script["actions"][0]["events"] = json!({ "on_enter": inside });
    let rig = Rig::start(&[("700", script)]);
    let alice = rig.desk("alice", A, SOON);
    let began = std::time::Instant::now();
    let a = join(&rig, &alice, "700");
    assert!(alice.over(a), "{:?}", rig.traces());
    // Music that took the prompt's place would have ended it, and the call, at once.
    assert!(began.elapsed() > Duration::from_millis(700), "{:?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn members_wait_for_a_moderator_and_join_muted() {
    let kazoo = |moderator: bool| {
        json!({ "module": "conference", "data": { "moderator": moderator, "play_entry_tone": false, "config": {
            "name": "board", "wait_for_moderator": true, "member": { "join_muted": true } } } })
    };
    let rig = Rig::start(&[("700", kazoo(false)), ("701", kazoo(true))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let a = join(&rig, &alice, "700");
    assert!(hears_music(&alice, a), "{:?}", rig.traces());
    assert!(rig.switch().conferences()[0].members[0].waiting);
    let b = join(&rig, &bob, "701");
    hears(&rig, &alice, a, &[B]);
    assert!(bob.hears_nothing(b), "who joins muted is not heard");
    alice.hang_up(a);
    bob.hang_up(b);
    assert!(alice.over(a) && bob.over(b));
    rig.nothing_left();
}
