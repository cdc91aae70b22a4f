//! Transfers by phones: blind, attended, refused, interrupted; and calls that one phone takes over from another.

use std::time::Duration;

use crate::rig::{Rig, hears, trace};
use serde_json::{Value, json};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Alice, who called bob, and carol.
fn talking(rig: &Rig, carol: Manner) -> (Desk, Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, carol);
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A));
    (alice, bob, carol, call)
}

fn news(desk: &Desk, line: LineId, wanted: &str) -> bool {
    desk.wait(|lines| lines[line].news.iter().any(|news| news.contains(wanted)))
}

fn echo() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]})
}

fn all_over(rig: &Rig, text: &str) {
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    let traces = rig.traces().concat();
    assert!(traces.contains(text), "{text} is missing:\n{traces}");
    rig.nothing_left();
}

#[test]
fn the_callee_transfers_the_caller_to_a_third() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, Manner::Ring);
    bob.refer(0, "203");
    assert!(bob.wait(|lines| lines[0].changed == Some(202)), "{:?}", rig.traces());
    assert!(carol.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let invite = carol.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert!(invite.header("from").is_some_and(|from| from.contains("alice")), "{invite:?}");
    assert!(invite.header("referred-by").is_some_and(|by| by.contains("bob")), "{invite:?}");
    assert!(news(&bob, 0, "100") && news(&bob, 0, "180"), "{:?}", rig.traces());
    carol.answer(0);
    assert!(news(&bob, 0, "200") && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    carol.hang_up(0);
    assert!(alice.over(call));
    all_over(&rig, "transferred from call-");
}

#[test]
fn the_caller_transfers_the_callee_and_hangs_up_at_once() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, Manner::Ring);
    alice.refer(call, "carol");
    assert!(alice.wait(|lines| lines[call].changed == Some(202)), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    let invite = carol.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert!(invite.header("from").is_some_and(|from| from.contains("sip:202@")), "{invite:?}");
    carol.answer(0);
    assert!(bob.hears_tone(0, C) && carol.hears_tone(0, B), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(carol.over(0));
    all_over(&rig, "transferred");
}

#[test]
fn a_transfer_that_comes_to_nothing_brings_the_two_back_together() {
    let rig = Rig::start(&[]);
    let (alice, bob, _carol, call) = talking(&rig, Manner::Refuse(486));
    bob.hold(0);
    for (to, status) in [("203", "486"), ("204", "480"), ("999", "404")] {
        let before = bob.line(0, |line| line.news.len());
        bob.refer(0, to);
        assert!(
            bob.wait(|lines| lines[0].news.iter().skip(before).any(|news| news.contains(status))),
            "{to}: {:?}",
            rig.traces()
        );
    }
    bob.resume(0);
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    all_over(&rig, "they talk again");
}

#[test]
fn a_transfer_that_comes_to_nothing_ends_cleanly_when_the_transferor_is_gone() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, Manner::Ring);
    bob.refer(0, "203");
    assert!(bob.wait(|lines| lines[0].changed == Some(202)));
    bob.hang_up(0);
    assert!(carol.wait(|lines| !lines.is_empty()));
    carol.refuse(0, 486);
    assert!(alice.over(call), "{:?}", rig.traces());
    all_over(&rig, "transferred");
}

#[test]
fn the_transferred_party_may_hang_up_while_it_rings() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, Manner::Ring);
    bob.refer(0, "203");
    assert!(carol.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(0) && bob.over(0), "{:?}", rig.traces());
    assert!(news(&bob, 0, "487"));
    all_over(&rig, "transferred");
}

#[test]
fn a_transfer_to_a_flow_runs_it_on_the_leg() {
    let rig = Rig::start(&[("9196", echo())]);
    let (alice, bob, _carol, call) = talking(&rig, SOON);
    bob.refer(0, "9196");
    assert!(news(&bob, 0, "200") && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, A), "its own echo: {:?}", rig.traces());
    alice.hang_up(call);
    all_over(&rig, "9196.json");
}

#[test]
fn an_attended_transfer_joins_the_two_others() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    bob.hold(0);
    let second = bob.call("203");
    assert!(bob.up(second) && carol.up(0), "{:?}", rig.traces());
    assert!(carol.hears_tone(0, B));
    bob.refer_to_line(0, second);
    assert!(news(&bob, 0, "200"), "{:?}", rig.traces());
    assert!(bob.over(0) && bob.over(second), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(0));
    all_over(&rig, "takes the place of");
}

#[test]
fn an_attended_transfer_the_other_way_round_works_as_well() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    alice.hold(call);
    let second = carol.call("201");
    assert!(alice.wait(|lines| lines.len() == 2) && alice.up(1) && carol.up(second), "{:?}", rig.traces());
    alice.refer_to_line(call, 1);
    assert!(news(&alice, call, "200") && alice.over(call) && alice.over(1), "{:?}", rig.traces());
    assert!(bob.hears_tone(0, C) && carol.hears_tone(second, B), "{:?}", rig.traces());
    carol.hang_up(second);
    assert!(bob.over(0));
    all_over(&rig, "takes the place of");
}

/// Bob, who talked to alice and now hears it ring at carol; his second call.
fn consulting(rig: &Rig, carol: Manner) -> (Desk, Desk, Desk, LineId, LineId) {
    let (alice, bob, carol, call) = talking(rig, carol);
    bob.hold(0);
    let second = bob.call("203");
    assert!(bob.wait(|lines| !lines[second].progress.is_empty()), "{:?}", rig.traces());
    (alice, bob, carol, call, second)
}

#[test]
fn who_is_transferred_to_a_phone_that_rings_hears_it_ring_and_is_connected_when_it_is_answered() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call, second) = consulting(&rig, Manner::Ring);
    bob.refer_to_line(0, second);
    assert!(bob.wait(|lines| lines[0].changed == Some(202)), "{:?}", rig.traces());
    assert!(bob.over(second) && bob.line(second, |line| line.status) == Some(487), "{:?}", rig.traces());
    hears(&rig, &alice, call, &[440, 480]);
    assert!(news(&bob, 0, "180") && !bob.line(0, |line| line.news.iter().any(|news| news.contains("200"))));
    carol.answer(0);
    assert!(news(&bob, 0, "200") && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    carol.hang_up(0);
    assert!(alice.over(call));
    all_over(&rig, "takes the place of");
}

#[test]
fn who_is_transferred_to_a_phone_that_lets_something_be_heard_hears_that() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call, second) = consulting(&rig, Manner::Early);
    assert!(bob.hears_tone(second, C), "{:?}", rig.traces());
    bob.refer_to_line(0, second);
    assert!(alice.hears_tone(call, C), "{:?}", rig.traces());
    // Whoever transfers may go at once.
    bob.hang_up(0);
    carol.answer(0);
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(0));
    all_over(&rig, "takes the place of");
}

#[test]
fn a_transfer_to_a_phone_that_rings_and_declines_brings_the_two_back_together() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call, second) = consulting(&rig, Manner::Ring);
    bob.refer_to_line(0, second);
    hears(&rig, &alice, call, &[440, 480]);
    carol.refuse(0, 486);
    assert!(news(&bob, 0, "486"), "{:?}", rig.traces());
    bob.resume(0);
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    all_over(&rig, "they talk again");
}

#[test]
fn who_is_transferred_to_a_phone_that_rings_is_hung_up_if_it_declines_and_nobody_is_left() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call, second) = consulting(&rig, Manner::Ring);
    bob.refer_to_line(0, second);
    hears(&rig, &alice, call, &[440, 480]);
    bob.hang_up(0);
    rig.wait("the end of bob's call", || rig.switch().calls().len() == 1);
    carol.refuse(0, 486);
    assert!(alice.over(call), "{:?}", rig.traces());
    all_over(&rig, "takes the place of");
}

#[test]
fn the_transferred_party_may_hang_up_while_the_consulted_phone_rings() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call, second) = consulting(&rig, Manner::Ring);
    bob.refer_to_line(0, second);
    hears(&rig, &alice, call, &[440, 480]);
    alice.hang_up(call);
    assert!(carol.over(0) && news(&bob, 0, "487") && bob.over(0), "{:?}", rig.traces());
    all_over(&rig, "takes the place of");
}

#[test]
fn before_the_answer_only_the_one_who_calls_may_be_replaced_by_a_transfer_of_his_own() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    // Carol calls dave's phone, and bob knows how that call is named.
    let dave = rig.desk("dave", 1_600, Manner::Ring);
    let foreign = carol.call("204");
    assert!(carol.wait(|lines| !lines[foreign].progress.is_empty()), "{:?}", rig.traces());
    let to = carol.line(foreign, |line| line.replaces_uri());
    bob.refer_uri(0, &to);
    assert!(news(&bob, 0, "481"), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    // Nor by an INVITE (RFC 3891 §3).
    let taken = bob.call_with("204", &carol.line(foreign, |line| line.replaces()), true);
    assert!(bob.over(taken) && bob.line(taken, |line| line.status) == Some(481));
    dave.answer(0);
    assert!(carol.up(foreign) && carol.hears_tone(foreign, 1_600), "{:?}", rig.traces());
    carol.hang_up(foreign);
    alice.hang_up(call);
    all_over(&rig, "goes back");
}

#[test]
fn a_transfer_to_a_call_that_is_not_there_is_declined_and_nothing_happens() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    let second = bob.call("203");
    assert!(bob.up(second) && carol.up(0));
    bob.hang_up(second);
    assert!(carol.over(0));
    bob.refer_to_line(0, second);
    assert!(bob.wait(|lines| lines[0].changed == Some(603)), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A));
    alice.hang_up(call);
    assert!(bob.over(0));
    all_over(&rig, "there is no such call");
}

#[test]
fn in_a_call_with_a_flow_there_is_nobody_to_transfer() {
    let rig = Rig::start(&[("9196", echo())]);
    let alice = rig.desk("alice", A, SOON);
    let call = alice.call("9196");
    assert!(alice.up(call));
    alice.refer(call, "202");
    assert!(alice.wait(|lines| lines[call].changed == Some(603)), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, A), "the echo goes on");
    alice.hang_up(call);
    all_over(&rig, "there is nobody to transfer");
}

#[test]
fn a_phone_takes_over_the_conversation_of_another() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    let replaces = bob.line(0, |line| line.replaces());
    let taken = carol.call_with("202", &replaces, true);
    assert!(carol.up(taken) && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(taken, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(taken));
    all_over(&rig, "takes the place of");
}

#[test]
fn a_phone_picks_up_what_rings_at_another() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("202");
    assert!(bob.wait(|lines| !lines.is_empty()));
    rig.wait("ringing", || alice.line(call, |line| line.progress.contains(&180)));
    let replaces = bob.line(0, |line| line.replaces()).replace("\r\n", ";early-only\r\n");
    let taken = carol.call_with("202", &replaces, true);
    assert!(carol.up(taken) && alice.up(call) && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, C) && carol.hears_tone(taken, A), "{:?}", rig.traces());
    carol.hang_up(taken);
    assert!(alice.over(call));
    all_over(&rig, "");
}

#[test]
fn replaces_of_what_is_not_there_or_is_answered_is_refused() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol, call) = talking(&rig, SOON);
    let status = |headers: &str| {
        let line = carol.call_with("202", headers, true);
        assert!(carol.over(line), "{:?}", rig.traces());
        carol.line(line, |line| line.status)
    };
    assert_eq!(status("Replaces: nothing;to-tag=1;from-tag=2\r\n"), Some(481));
    let replaces = bob.line(0, |line| line.replaces());
    assert_eq!(status(&replaces.replace("\r\n", ";early-only\r\n")), Some(486));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "nothing happened to the call");
    alice.hang_up(call);
    assert!(bob.over(0));
    assert!(matches!(status(&replaces), Some(481 | 603)));
    rig.nothing_left();
}

#[test]
fn whoever_vanishes_in_a_transfer_takes_nobody_along() {
    let rig = Rig::with(&[], |config| config.media.media_timeout = Duration::from_millis(800));
    let (alice, bob, carol, call) = talking(&rig, Manner::Ring);
    bob.refer(0, "203");
    assert!(bob.wait(|lines| lines[0].changed == Some(202)));
    bob.vanish();
    assert!(carol.wait(|lines| !lines.is_empty()));
    carol.answer(0);
    assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(0));
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    let last = rig.switch().recent().first().map(|call| call.id).and_then(|id| rig.switch().call(id));
    assert!(last.is_some_and(|call| !trace(&call).is_empty()));
}

#[test]
fn whoever_has_not_proved_to_be_a_user_sends_nobody_outside() {
    let rig = Rig::start(&[]);
    let home = tempfile::tempdir().expect("a directory");
    let trunk = "[acme]\nserver = \"127.0.0.2:9\"\nnumbers = ['^\\+']\n";
    std::fs::write(home.path().join("trunks.toml"), trunk).expect("written");
    let trunks = store::Directory::load(Some(home.path())).expect("readable").trunks;
    rig.reload_trunks(&trunks);
    let (alice, bob, _carol, call) = talking(&rig, SOON);
    // Alice called from this machine and was not asked for her password.
    alice.refer(call, "+4722334455");
    assert!(news(&alice, call, "404"), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    // Bob's phone is registered.
    bob.refer(0, "+4722334455");
    rig.wait("the call outside", || rig.traces().concat().contains("trunk/+4722334455"));
    alice.hang_up(call);
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
}
