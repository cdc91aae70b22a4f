//! What a dialling asks for beside whom: rounds, time limits, headers, how phones are to ring, what the caller hears.

use std::time::Duration;

use crate::rig::{Rig, end, trace};
use flow::ir::{Dial, Meanwhile, Template, Withheld};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
const SOON: Manner = Manner::Answer(Duration::ZERO);

/// A switch whose flow at 700 rings these users as `change` has it.
fn rig(users: &[&str], change: impl Fn(&mut Dial)) -> Rig {
    let rig = Rig::start(&[]);
    let to: Vec<Value> = users.iter().map(|user| json!({ "endpoint_type": "user", "id": user })).collect();
    let group = json!({ "module": "ring_group", "data": { "endpoints": to } });
    rig.dials(group, change);
    rig
}

/// A header of the INVITE that a phone got.
fn told(desk: &Desk, line: LineId, name: &str) -> Vec<String> {
    desk.line(line, |line| {
        let invite = line.invite.as_ref().expect("an INVITE");
        invite.all(name).map(str::to_owned).collect()
    })
}

fn reason(desk: &Desk, line: LineId) -> Option<String> {
    desk.line(line, |line| line.end.as_ref().and_then(|end| end.header("reason").map(str::to_owned)))
}

#[test]
fn a_phone_is_called_as_the_flow_says() {
    let rig = rig(&["bob"], |dial| {
        dial.headers =
            vec![("X-Order".into(), Template::literal("42")), ("Call-ID".into(), Template::literal("mine"))];
        dial.alert = Some(Template::literal("<http://x>;info=external"));
        dial.request_user = Some(Template::literal("desk 7"));
        dial.auto_answer = true;
        dial.identity.prefix = Some(Template::literal("Shop:"));
    });
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert_eq!(told(&bob, 0, "x-order"), ["42"]);
    let ids = told(&bob, 0, "call-id");
    assert!(ids.len() == 1 && ids[0] != "mine", "{ids:?}");
    let alerts = told(&bob, 0, "alert-info").join(" ");
    assert!(alerts.contains("info=external") && alerts.contains("alert-autoanswer"), "{alerts}");
    assert_eq!(told(&bob, 0, "answer-mode"), ["Auto"]);
    let target = bob.line(0, |line| line.invite.as_ref().map(|invite| invite.start.clone()));
    let wanted = format!("INVITE sip:desk%207@{} SIP/2.0", bob.address());
    assert_eq!(target, Some(wanted));
    assert!(
        told(&bob, 0, "from")[0].starts_with("\"Shop: alice\" <sip:alice@"),
        "{:?}",
        told(&bob, 0, "from")
    );
    assert!(told(&bob, 0, "to")[0].contains("sip:bob@"), "the user, not the phone");
    alice.hang_up(call);
    assert!(trace(&rig.finished()).contains("the header Call-ID cannot be sent"));
    rig.nothing_left();
}

#[test]
fn a_caller_who_is_withheld_is_nobody_to_the_callee() {
    let rig = rig(&["bob"], |dial| dial.identity.withheld = Withheld::Both);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(told(&bob, 0, "from")[0].starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"));
    let invite = bob.line(0, |line| line.invite.clone()).expect("an INVITE");
    // What the phone may learn by way of the audio's address is the switch's.
    let names = |text: &str| text.contains("alice") || text.contains("201@");
    assert!(!invite.headers.iter().any(|(_, value)| names(value)), "{invite:?}");
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_does_not_answer_is_rung_again_in_the_next_round() {
    let rig = rig(&["bob"], |dial| {
        (dial.timeout, dial.rounds) = (Duration::from_secs(1), 2);
        dial.to[0].timeout = None;
    });
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let call = alice.call("700");
    assert!(bob.over(0) && bob.over(1), "{:?}", rig.traces());
    // Not a caller who gave up: nobody answered in time (Q.850 19).
    assert_eq!(reason(&bob, 0).as_deref(), Some("Q.850;cause=19"));
    assert!(alice.over(call));
    rig.finished();
    assert!(bob.wait(|lines| lines.len() == 2), "and not a third time");
    rig.nothing_left();
}

#[test]
fn the_longest_conversation_ends_by_itself_for_both() {
    let rig = rig(&["bob"], |dial| dial.longest = Some(Duration::from_millis(1_500)));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    assert!(bob.over(0) && alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    assert!(trace(&view).contains("the longest conversation is over"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn early_media_is_kept_from_the_caller_where_the_flow_says_so() {
    let rig = rig(&["bob"], |dial| dial.meanwhile = Meanwhile::Ringing);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Early));
    let call = alice.call("700");
    assert!(bob.wait(|lines| !lines.is_empty()));
    rig.wait("ringing", || alice.line(call, |line| line.progress.contains(&180)));
    bob.answer(0);
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    assert!(!alice.line(call, |line| line.progress.contains(&183)), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_183_without_sound_is_ringing_until_sound_comes_and_again_when_it_has_ceased() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Quiet));
    let call = alice.call("202");
    assert!(alice.wait(|lines| lines[call].progress.contains(&180)), "{:?}", rig.traces());
    assert!(!alice.line(call, |line| line.progress.contains(&183)), "no sound, no 183: {:?}", rig.traces());
    bob.sound(0, true);
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    assert!(alice.line(call, |line| line.progress.contains(&183)), "{:?}", rig.traces());
    bob.sound(0, false);
    crate::rig::hears(&rig, &alice, call, &[440, 480]);
    bob.sound(0, true);
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.answer(0);
    assert!(alice.up(call) && alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_183_without_a_description_is_ringing() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Progress));
    let call = alice.call("202");
    assert!(alice.wait(|lines| lines[call].progress.contains(&180)), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_was_answered_already_hears_the_ringing_tone_before_early_media_and_when_its_phone_is_gone() {
    let rig = rig(&["bob", "carol"], |dial| dial.answers = true);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Quiet));
    let carol = rig.desk("carol", C, Manner::Ring);
    let call = alice.call("700");
    assert!(alice.up(call) && carol.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    crate::rig::hears(&rig, &alice, call, &[440, 480]);
    bob.sound(0, true);
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.refuse(0, 486);
    crate::rig::hears(&rig, &alice, call, &[440, 480]);
    carol.answer(0);
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_caller_who_is_answered_first_hears_the_ringing_tone() {
    let rig = rig(&["bob"], |dial| dial.answers = true);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let call = alice.call("700");
    assert!(alice.up(call), "{:?}", rig.traces());
    assert!(alice.hears_so(call, |pcm| ear::purity(pcm, 480.0) > 0.3), "{:?}", rig.traces());
    bob.answer(0);
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.over(call));
    assert_eq!(end(&rig.finished()), ("hangup".into(), "callee".into()));
    rig.nothing_left();
}

#[test]
fn one_who_rejects_ends_it_for_all_where_the_flow_says_so_and_for_himself_otherwise() {
    for all in [true, false] {
        let rig = rig(&["bob", "carol"], |dial| dial.one_rejects_all = all);
        let alice = rig.desk("alice", A, SOON);
        let (bob, carol) = (rig.desk("bob", B, Manner::Ring), rig.desk("carol", C, Manner::Ring));
        let call = alice.call("700");
        assert!(bob.wait(|lines| !lines.is_empty()) && carol.wait(|lines| !lines.is_empty()));
        carol.refuse(0, 603);
        match all {
            true => assert!(bob.over(0) && alice.over(call), "{:?}", rig.traces()),
            false => {
                rig.wait("the refusal", || rig.traces().concat().contains("C ← 603"));
                bob.answer(0);
                assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
                alice.hang_up(call);
            }
        }
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn one_phone_that_declines_silences_the_users_others_and_nobody_elses() {
    let rig = rig(&["bob", "carol"], |_| {});
    let alice = rig.desk("alice", A, SOON);
    let [desk, mobile] = [B, 1_300].map(|tone| rig.desk("bob", tone, Manner::Ring));
    let carol = rig.desk("carol", C, Manner::Ring);
    let call = alice.call("700");
    assert!([&desk, &mobile, &carol].iter().all(|phone| phone.wait(|lines| !lines.is_empty())));
    mobile.refuse(0, 603);
    assert!(desk.over(0), "{:?}", rig.traces());
    carol.answer(0);
    assert!(alice.up(call) && alice.hears_tone(call, C), "{:?}", rig.traces());
    carol.hang_up(0);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn by_weight_each_rings_alone_until_one_answers() {
    let rig = rig(&["bob", "carol"], |dial| {
        dial.order = flow::ir::Order::Weighted;
        dial.to.iter_mut().for_each(|to| to.timeout = Some(Duration::from_secs(1)));
        dial.to[1].weight = 100;
    });
    let alice = rig.desk("alice", A, SOON);
    let (bob, carol) = (rig.desk("bob", B, Manner::Ring), rig.desk("carol", C, Manner::Ring));
    let call = alice.call("700");
    assert!(bob.over(0) && carol.over(0) && alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    let at =
        |words: &str| view.trace.iter().position(|entry| entry.to_string().contains(words)).expect("there");
    assert!(at("B → CANCEL") < at("C → INVITE"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_tone_may_be_heard_in_place_of_the_ringing_and_one_that_cannot_be_is_not_silence() {
    for (sound, hertz) in
        [("tone_stream://%(500,0,1500)", 1_500.0), ("%(500,0,1500)", 1_500.0), ("no such sound", 480.0)]
    {
        let rig = rig(&["bob"], |dial| dial.meanwhile = Meanwhile::Sound(Template::literal(sound)));
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Early));
        let call = alice.call("700");
        let heard = alice.hears_so(call, |pcm| ear::purity(pcm, hertz) > 0.3);
        assert!(heard, "{sound}: {:?}", rig.traces());
        bob.answer(0);
        assert!(alice.up(call) && alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
        alice.hang_up(call);
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn a_phone_in_a_call_answers_by_itself_only_where_the_flow_barges_in() {
    for barge in [false, true] {
        let rig = rig(&["bob"], |dial| (dial.auto_answer, dial.barge) = (true, barge));
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
        let carol = rig.desk("carol", C, SOON);
        let talk = carol.call("202");
        assert!(carol.up(talk) && bob.up(0) && carol.hears_tone(talk, B), "{:?}", rig.traces());
        bob.behave(Manner::Ring);
        let call = alice.call("700");
        assert!(bob.wait(|lines| lines.len() == 2), "{:?}", rig.traces());
        assert_eq!(told(&bob, 1, "answer-mode").len(), usize::from(barge));
        assert!(carol.hears_tone(talk, B), "the conversation goes on");
        alice.hang_up(call);
        carol.hang_up(talk);
        assert!(alice.over(call) && bob.over(0) && bob.over(1));
        rig.wait("the end", || rig.switch().calls().is_empty());
        rig.nothing_left();
    }
}
