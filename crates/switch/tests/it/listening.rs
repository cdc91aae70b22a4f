//! Who hears whom when somebody listens to a conversation: silent, heard by one, heard by both, and back again.

use std::time::Duration;

use crate::rig::Rig;
use serde_json::{Value, json};
use switch::MemberChange;
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 620;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

fn flow(name: &str, data: Value) -> Value {
    json!({ "module": name, "data": data, "children": {} })
}

/// `*33` listens to bob, `*34` only if dave does.
fn flows() -> Vec<(&'static str, Value)> {
    vec![
        ("*33", flow("eavesdrop", json!({ "user_id": "bob" }))),
        ("*34", flow("eavesdrop", json!({ "user_id": "bob", "approved_user_id": "dave" }))),
    ]
}

/// Alice, who called bob, and carol.
fn talking(rig: &Rig) -> (Desk, Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    (alice, bob, carol, call)
}

/// Waits until these tones are heard, and of those of the tests no others.
fn hears(desk: &Desk, line: LineId, tones: &[u16]) -> bool {
    desk.hears_so(line, |pcm| {
        [A, B, C, D].iter().all(|tone| {
            let share = ear::purity(pcm, f32::from(*tone));
            if tones.contains(tone) { share > 0.15 } else { share < 0.03 }
        })
    })
}

fn all_over(rig: &Rig, text: &str) {
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    let traces = rig.traces().concat();
    assert!(traces.contains(text), "{text} is missing:\n{traces}");
    rig.nothing_left();
    assert_eq!(rig.counts().lines, 0);
}

#[test]
fn a_listener_hears_both_and_is_heard_by_whom_it_chooses() {
    let rig = Rig::start(&flows());
    let (alice, bob, carol, call) = talking(&rig);
    let line = carol.call("*33");
    assert!(hears(&carol, line, &[A, B]), "{:?}", rig.traces());
    assert!(hears(&alice, call, &[B]) && hears(&bob, 0, &[A]), "silent: {:?}", rig.traces());
    carol.press(line, "2");
    assert!(hears(&bob, 0, &[A, C]) && hears(&alice, call, &[B]), "to bob: {:?}", rig.traces());
    carol.press(line, "1");
    assert!(hears(&alice, call, &[B, C]) && hears(&bob, 0, &[A]), "to alice: {:?}", rig.traces());
    carol.press(line, "3");
    assert!(hears(&alice, call, &[B, C]) && hears(&bob, 0, &[A, C]), "to both: {:?}", rig.traces());
    carol.press(line, "0");
    assert!(hears(&alice, call, &[B]) && hears(&bob, 0, &[A]), "silent again: {:?}", rig.traces());
    assert!(hears(&carol, line, &[A, B]));
    alice.hang_up(call);
    assert!(bob.over(0) && carol.over(line), "{:?}", rig.traces());
    all_over(&rig, "somebody listens");
}

#[test]
fn the_two_hear_each_other_without_a_break_while_listeners_come_and_go() {
    let rig = Rig::start(&flows());
    let (alice, bob, carol, call) = talking(&rig);
    for _ in 0..3 {
        let pcm = std::thread::scope(|scope| {
            let heard = scope.spawn(|| alice.listen(call));
            let line = carol.call("*33");
            assert!(carol.up(line) && carol.hears_so(line, |pcm| ear::sounding(pcm) > 0.2));
            carol.hang_up(line);
            assert!(carol.over(line));
            heard.join().expect("a second")
        });
        let quiet =
            ear::levels(&pcm, Duration::from_millis(10)).iter().filter(|level| **level < -50.0).count();
        assert!(
            quiet <= 12,
            "{quiet} of {} windows of 10 ms are quiet: {:?}",
            pcm.samples.len() / 80,
            rig.traces()
        );
    }
    assert!(hears(&alice, call, &[B]) && hears(&bob, 0, &[A]), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.over(call));
    all_over(&rig, "somebody listens");
}

#[test]
fn only_who_is_approved_listens_and_there_must_be_somebody_to_listen_to() {
    let rig = Rig::start(&flows());
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let line = carol.call("*33");
    assert!(carol.over(line) && carol.line(line, |line| line.status) != Some(200), "{:?}", rig.traces());
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, B), "{:?}", rig.traces());
    let line = carol.call("*34");
    assert!(carol.over(line) && carol.line(line, |line| line.status) != Some(200), "{:?}", rig.traces());
    let line = dave.call("*33");
    assert!(dave.over(line) && dave.line(line, |line| line.status) != Some(200), "{:?}", rig.traces());
    let line = dave.call("*34");
    assert!(hears(&dave, line, &[A, B]), "{:?}", rig.traces());
    dave.press(line, "3");
    rig.wait("that he is refused", || rig.traces().concat().contains("may not be heard"));
    assert!(hears(&bob, 0, &[A]) && hears(&alice, call, &[B]), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.over(call) && dave.over(line));
    all_over(&rig, "may not listen to that call");
}

#[test]
fn a_listener_hears_on_when_the_other_party_is_another() {
    let rig = Rig::start(&flows());
    let (alice, bob, carol, call) = talking(&rig);
    let dave = rig.desk("dave", D, SOON);
    let line = carol.call("*33");
    assert!(hears(&carol, line, &[A, B]), "{:?}", rig.traces());
    // Alice has called dave on her other line, and connects him with bob.
    alice.hold(call);
    let second = alice.call("204");
    assert!(alice.up(second) && dave.up(0), "{:?}", rig.traces());
    alice.refer_to_line(second, call);
    assert!(alice.over(call) && alice.over(second), "{:?}", rig.traces());
    assert!(hears(&bob, 0, &[D]) && hears(&dave, 0, &[B]), "{:?}", rig.traces());
    assert!(hears(&carol, line, &[B, D]), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(dave.over(0) && carol.over(line), "{:?}", rig.traces());
    all_over(&rig, "takes the place of");
}

#[test]
fn a_listener_is_told_when_the_one_it_listens_to_is_transferred_away() {
    let rig = Rig::start(&flows());
    let (alice, bob, carol, call) = talking(&rig);
    let dave = rig.desk("dave", D, SOON);
    let line = carol.call("*33");
    assert!(hears(&carol, line, &[A, B]), "{:?}", rig.traces());
    alice.refer(call, "204");
    assert!(alice.over(call) && carol.over(line), "{:?}", rig.traces());
    assert!(hears(&bob, 0, &[D]) && hears(&dave, 0, &[B]), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(dave.over(0));
    all_over(&rig, "the conversation is over that was listened to");
}

#[test]
fn two_listen_at_once_and_one_vanishes() {
    let rig = Rig::with(&flows(), |config| config.media.media_timeout = Duration::from_secs(1));
    let (alice, bob, carol, call) = talking(&rig);
    let dave = rig.desk("dave", D, SOON);
    let (one, other) = (carol.call("*33"), dave.call("*34"));
    assert!(hears(&carol, one, &[A, B]) && hears(&dave, other, &[A, B]), "{:?}", rig.traces());
    carol.vanish();
    rig.wait("that one is gone", || rig.switch().calls().len() == 2);
    assert!(hears(&dave, other, &[A, B]), "{:?}", rig.traces());
    dave.hang_up(other);
    assert!(hears(&alice, call, &[B]) && hears(&bob, 0, &[A]), "{:?}", rig.traces());
    alice.hang_up(call);
    // Its BYE is sent again for half a minute to the one who is not there.
    rig.wait("the end of all calls", || rig.switch().calls().is_empty() && rig.counts().legs == 0);
    assert_eq!(rig.counts().lines, 0);
}

/// Alice and bob in a conference, and their lines.
fn conferring(rig: &Rig) -> (Desk, Desk, LineId, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let one = alice.call("700");
    // The members are told in the order in which they came.
    rig.wait("alice in the conference", || {
        rig.switch().conferences().first().is_some_and(|room| room.members.len() == 1)
    });
    let two = bob.call("700");
    assert!(alice.up(one) && bob.up(two), "{:?}", rig.traces());
    assert!(hears(&alice, one, &[B]) && hears(&bob, two, &[A]), "{:?}", rig.traces());
    (alice, bob, one, two)
}

fn with_room() -> Rig {
    let script =
        json!({ "actions": [{ "type": "CONFERENCE", "params": { "name": "team" } }, { "type": "HANGUP" }] });
    let mut all = flows();
    all.push(("700", script));
    Rig::start(&all)
}

#[test]
fn who_listens_to_a_member_of_a_conference_hears_what_it_hears_and_whispers_to_it_alone() {
    let rig = with_room();
    let (alice, bob, one, two) = conferring(&rig);
    let carol = rig.desk("carol", C, SOON);
    let line = carol.call("*33");
    assert!(hears(&carol, line, &[A, B]), "{:?}", rig.traces());
    assert!(hears(&alice, one, &[B]) && hears(&bob, two, &[A]), "silent: {:?}", rig.traces());
    let members = || rig.switch().conferences().first().map(|room| room.members.clone()).unwrap_or_default();
    assert_eq!(members().len(), 2, "who listens has no seat");
    carol.press(line, "2");
    assert!(hears(&bob, two, &[A, C]) && hears(&alice, one, &[B]), "to bob: {:?}", rig.traces());
    carol.press(line, "3");
    assert!(hears(&bob, two, &[A, C]) && hears(&alice, one, &[B, C]), "to all: {:?}", rig.traces());
    carol.press(line, "0");
    assert!(hears(&bob, two, &[A]) && hears(&alice, one, &[B]), "silent again: {:?}", rig.traces());
    // Who comes later is heard, and what bob does not hear is not.
    let dave = rig.desk("dave", D, SOON);
    let third = dave.call("700");
    assert!(dave.up(third) && hears(&carol, line, &[A, B, D]), "{:?}", rig.traces());
    let of_bob = members().get(1).map(|member| member.call).expect("bob");
    let inside = rig.runtime.enter();
    let deaf = |on| MemberChange { deaf: Some(on), ..MemberChange::default() };
    assert!(rig.switch().change_member("team", of_bob, deaf(true)));
    assert!(hears(&carol, line, &[B]), "{:?}", rig.traces());
    assert!(rig.switch().change_member("team", of_bob, deaf(false)));
    drop(inside);
    assert!(hears(&carol, line, &[A, B, D]), "{:?}", rig.traces());
    bob.hang_up(two);
    assert!(carol.over(line), "{:?}", rig.traces());
    assert!(hears(&alice, one, &[D]) && hears(&dave, third, &[A]), "{:?}", rig.traces());
    alice.hang_up(one);
    dave.hang_up(third);
    all_over(&rig, "somebody listens");
}

#[test]
fn who_listens_to_a_member_of_a_conference_may_go_and_it_ends_with_the_conference() {
    let rig = with_room();
    let (alice, bob, one, two) = conferring(&rig);
    let carol = rig.desk("carol", C, SOON);
    let first = carol.call("*33");
    carol.press(first, "3");
    assert!(hears(&carol, first, &[A, B]), "{:?}", rig.traces());
    carol.hang_up(first);
    assert!(carol.over(first));
    assert!(hears(&alice, one, &[B]) && hears(&bob, two, &[A]), "{:?}", rig.traces());
    let second = carol.call("*33");
    assert!(hears(&carol, second, &[A, B]), "{:?}", rig.traces());
    alice.hang_up(one);
    assert!(hears(&carol, second, &[B]), "bob is alone: {:?}", rig.traces());
    bob.hang_up(two);
    assert!(carol.over(second), "{:?}", rig.traces());
    all_over(&rig, "somebody listens");
    assert!(rig.switch().conferences().is_empty());
}
