//! Transfers by star codes and by modules: blind, with a question first, to another phone; and all that can go wrong.

use std::time::Duration;

use crate::rig::Rig;
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const JAZZ: u16 = 1_700;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Dials bob; these are the star codes: `*2` blind, `*3` attended, `*4` oneself, `*5` to another phone.
fn flow() -> Value {
    let transfer = |kind: &str, leg: &str| json!({ "module": "transfer", "data": { "transfer_type": kind, "leg": leg, "moh": "jazz", "timeout": 5 } });
    json!({
        "flow": { "module": "user", "data": { "id": "bob" } },
        "metaflow": {
            "listen_on": "both",
            "numbers": {
                "5": { "module": "move", "data": { "owner_id": "bob" } }, "7": { "module": "move", "data": {} },
                "6": { "module": "transfer", "data": { "target": "+4722334455" } },
            },
            "patterns": {
                "^2(\\d+)$": transfer("blind", "bleg"),
                "^3(\\d+)$": transfer("attended", "bleg"),
                "^4(\\d+)$": transfer("blind", "self"),
            },
        },
    })
}

/// Alice, who called bob by the flow, and carol.
struct Three {
    rig: Rig,
    alice: Desk,
    bob: Desk,
    carol: Desk,
    call: LineId,
}

fn three(carol: Manner) -> Three {
    three_of(Rig::start(&[("700", flow())]), carol)
}

fn three_of(rig: Rig, carol: Manner) -> Three {
    rig.sound("jazz", JAZZ);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, carol);
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    Three { rig, alice, bob, carol, call }
}

impl Three {
    /// All calls are over; in one of their timelines is this.
    fn over(&self, text: &str) {
        self.rig.wait("the end of all calls", || self.rig.switch().calls().is_empty());
        let traces = self.rig.traces().concat();
        assert!(traces.contains(text), "{text} is missing:\n{traces}");
        self.rig.nothing_left();
    }

    fn traces(&self) -> String {
        self.rig.traces().concat()
    }

    fn carol_rings(&self) -> bool {
        self.carol.wait(|lines| !lines.is_empty())
    }

    /// Alice and bob hear each other.
    fn as_before(&self) -> bool {
        self.alice.hears_tone(self.call, B) && self.bob.hears_tone(0, A)
    }
}

/// The tone of ringing: 440 and 480 Hz, or silence between.
fn rings(desk: &Desk, line: LineId) -> bool {
    desk.hears_so(line, |pcm| ear::purity(pcm, 440.0) > 0.3 && ear::purity(pcm, 480.0) > 0.3)
}

#[test]
fn the_caller_transfers_the_callee_blind() {
    let t = three(Manner::Ring);
    t.alice.press(t.call, "*2203");
    assert!(t.carol_rings(), "{}", t.traces());
    let invite = t.carol.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert!(invite.header("from").is_some_and(|from| from.contains("sip:202@")), "{invite:?}");
    t.carol.answer(0);
    assert!(t.alice.over(t.call), "{}", t.traces());
    assert!(t.bob.hears_tone(0, C) && t.carol.hears_tone(0, B), "{}", t.traces());
    t.bob.hang_up(0);
    assert!(t.carol.over(0));
    t.over("A transfers B to 203");
}

#[test]
fn the_callee_transfers_the_caller_blind_and_hangs_up_at_once() {
    let t = three(Manner::Ring);
    t.bob.press(0, "*2203");
    assert!(t.carol_rings(), "{}", t.traces());
    t.bob.hang_up(0);
    assert!(rings(&t.alice, t.call), "{}", t.traces());
    t.carol.answer(0);
    assert!(t.alice.hears_tone(t.call, C) && t.carol.hears_tone(0, A), "{}", t.traces());
    t.carol.hang_up(0);
    assert!(t.alice.over(t.call));
    t.over("transferred from");
}

#[test]
fn a_blind_transfer_that_comes_to_nothing_brings_the_two_back_together() {
    let t = three(Manner::Refuse(486));
    for (from, to) in [("alice", "203"), ("bob", "203"), ("alice", "204"), ("bob", "999")] {
        let before = t.traces().matches("Transfer(").count();
        match from {
            "alice" => t.alice.press(t.call, &format!("*2{to}")),
            _ => t.bob.press(0, &format!("*2{to}")),
        }
        t.rig.wait("the transfer", || t.traces().matches("Transfer(").count() > before);
        assert!(t.as_before(), "{from} {to}: {}", t.traces());
        t.rig.wait("that the other call is over", || t.rig.switch().calls().len() == 1);
    }
    t.alice.hang_up(t.call);
    assert!(t.bob.over(0));
    t.over("they talk again");
}

#[test]
fn who_transfers_himself_leaves_the_other() {
    let t = three(SOON);
    t.alice.press(t.call, "*4203");
    assert!(t.alice.hears_tone(t.call, C) && t.carol.hears_tone(0, A), "{}", t.traces());
    assert!(t.bob.over(0), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.carol.over(0));
    t.over("B transfers A to 203");
}

#[test]
fn the_caller_asks_first_and_hangs_up_to_transfer() {
    let t = three(Manner::Ring);
    t.alice.press(t.call, "*3203");
    assert!(t.carol_rings(), "{}", t.traces());
    assert!(t.bob.hears_tone(0, JAZZ) && rings(&t.alice, t.call), "{}", t.traces());
    t.carol.answer(0);
    assert!(t.alice.hears_tone(t.call, C) && t.carol.hears_tone(0, A), "{}", t.traces());
    assert!(t.bob.hears_tone(0, JAZZ), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.bob.hears_tone(0, C) && t.carol.hears_tone(0, B), "{}", t.traces());
    t.carol.hang_up(0);
    assert!(t.bob.over(0));
    t.over("B goes on with C");
}

#[test]
fn the_callee_asks_first_and_the_one_who_is_asked_sees_who_asks() {
    let t = three(SOON);
    t.bob.press(0, "*3203");
    assert!(t.bob.hears_tone(0, C) && t.carol.hears_tone(0, B), "{}", t.traces());
    let invite = t.carol.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert!(invite.header("from").is_some_and(|from| from.contains("sip:202@")), "{invite:?}");
    assert!(t.alice.hears_tone(t.call, JAZZ), "{}", t.traces());
    t.bob.hang_up(0);
    assert!(t.alice.hears_tone(t.call, C) && t.carol.hears_tone(0, A), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.carol.over(0));
    t.over("A goes on with C");
}

#[test]
fn keys_take_the_old_conversation_back_before_the_answer_and_after_it() {
    let t = three(Manner::Ring);
    for line in 0..2 {
        t.alice.press(t.call, "*3203");
        assert!(t.carol.wait(|lines| lines.len() > line), "{}", t.traces());
        assert!(t.bob.hears_tone(0, JAZZ), "{}", t.traces());
        if line == 1 {
            t.carol.answer(line);
            assert!(t.alice.hears_tone(t.call, C), "{}", t.traces());
        }
        t.alice.press(t.call, "*1");
        assert!(t.as_before() && t.carol.over(line), "{}", t.traces());
    }
    t.bob.hang_up(0);
    assert!(t.alice.over(t.call));
    t.over("A takes the other party back");
}

#[test]
fn who_is_asked_may_refuse_not_answer_and_hang_up() {
    let t = three(Manner::Refuse(603));
    t.bob.press(0, "*3203");
    assert!(t.carol_rings() && t.as_before(), "{}", t.traces());
    t.carol.behave(Manner::Ring);
    t.alice.press(t.call, "*3203");
    assert!(t.bob.hears_tone(0, JAZZ), "{}", t.traces());
    assert!(t.carol.over(1) && t.as_before(), "after five seconds: {}", t.traces());
    t.carol.behave(SOON);
    t.bob.press(0, "*3203");
    assert!(t.bob.hears_tone(0, C), "{}", t.traces());
    t.carol.hang_up(2);
    assert!(t.as_before(), "{}", t.traces());
    // Nobody has this number, and nothing happens.
    t.alice.press(t.call, "*3999");
    t.rig.wait("that it is told", || t.traces().contains("no transfer to 999"));
    assert!(t.as_before(), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.bob.over(0));
    t.over("the transfer came to nothing; they talk again");
}

#[test]
fn whoever_asks_and_hangs_up_before_the_answer_leaves_the_other_to_whom_he_asked() {
    for caller in [true, false] {
        let t = three(Manner::Ring);
        let (by, of, line, stays) = match caller {
            true => (&t.alice, &t.bob, t.call, 0),
            false => (&t.bob, &t.alice, 0, t.call),
        };
        by.press(line, "*3203");
        assert!(t.carol_rings(), "{}", t.traces());
        by.hang_up(line);
        assert!(rings(of, stays), "{}", t.traces());
        t.carol.answer(0);
        let (own, other) = if caller { (B, C) } else { (A, C) };
        assert!(of.hears_tone(stays, other) && t.carol.hears_tone(0, own), "{}", t.traces());
        of.hang_up(stays);
        assert!(t.carol.over(0));
        t.over("goes on with C");
    }
}

#[test]
fn one_who_is_left_with_somebody_who_refuses_is_hung_up_on() {
    let t = three(Manner::Ring);
    t.alice.press(t.call, "*3203");
    assert!(t.carol_rings());
    t.alice.hang_up(t.call);
    assert!(rings(&t.bob, 0), "{}", t.traces());
    t.carol.refuse(0, 486);
    assert!(t.bob.over(0), "{}", t.traces());
    t.over("B stays without A");
}

#[test]
fn who_is_to_be_transferred_may_hang_up_and_the_two_others_talk_on() {
    for caller in [true, false] {
        for answered in [true, false] {
            let t = three(Manner::Ring);
            let (by, of, line, gone) = match caller {
                true => (&t.alice, &t.bob, t.call, 0),
                false => (&t.bob, &t.alice, 0, t.call),
            };
            by.press(line, "*3203");
            assert!(t.carol_rings(), "{}", t.traces());
            if answered {
                t.carol.answer(0);
                assert!(by.hears_tone(line, C), "{}", t.traces());
            }
            of.hang_up(gone);
            assert!(of.over(gone));
            t.rig.wait("that it is seen", || t.traces().contains("stays without"));
            if !answered {
                t.carol.answer(0);
            }
            let own = if caller { A } else { B };
            assert!(by.hears_tone(line, C) && t.carol.hears_tone(0, own), "{}", t.traces());
            by.hang_up(line);
            assert!(t.carol.over(0), "{}", t.traces());
            t.over("goes on with C");
        }
    }
}

#[test]
fn a_phone_that_vanishes_in_a_transfer_takes_nobody_along() {
    let timeout = |config: &mut switch::Config| config.media.media_timeout = Duration::from_millis(800);
    for caller in [true, false] {
        let t = three_of(Rig::with(&[("700", flow())], timeout), SOON);
        let (by, of, line, stays, own) = match caller {
            true => (&t.alice, &t.bob, t.call, 0, B),
            false => (&t.bob, &t.alice, 0, t.call, A),
        };
        by.press(line, "*3203");
        assert!(by.hears_tone(line, C) && of.hears_tone(stays, JAZZ), "{}", t.traces());
        by.vanish();
        assert!(of.hears_tone(stays, C) && t.carol.hears_tone(0, own), "{}", t.traces());
        of.hang_up(stays);
        assert!(t.carol.over(0), "{}", t.traces());
        t.rig.wait("the end of all calls", || t.rig.switch().calls().is_empty());
    }
}

#[test]
fn reinvites_and_refers_during_a_transfer_change_nothing_of_it() {
    let t = three(SOON);
    t.alice.press(t.call, "*3203");
    assert!(t.alice.hears_tone(t.call, C) && t.bob.hears_tone(0, JAZZ), "{}", t.traces());
    // Who hears the music holds and resumes, and speaks another codec then.
    for change in ["hold", "resume", "formats"] {
        match change {
            "hold" => t.bob.hold(0),
            "resume" => t.bob.resume(0),
            _ => t.bob.change_formats(0, "8"),
        }
        assert!(t.bob.wait(|lines| lines[0].changed == Some(200)), "{change}: {}", t.traces());
    }
    assert!(t.bob.hears_tone(0, JAZZ), "{}", t.traces());
    // Who transfers by a star code does not transfer by REFER at the same time, and holds whom it talks to.
    t.alice.refer(t.call, "204");
    assert!(t.alice.wait(|lines| lines[t.call].changed == Some(603)), "{}", t.traces());
    t.alice.hold(t.call);
    assert!(
        t.carol.hears_so(0, |pcm| ear::sounding(pcm) > 0.1 && ear::purity(pcm, f32::from(A)) < 0.5),
        "{}",
        t.traces()
    );
    t.alice.resume(t.call);
    assert!(t.carol.hears_tone(0, A) && t.alice.hears_tone(t.call, C), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.bob.hears_tone(0, C) && t.carol.hears_tone(0, B), "{}", t.traces());
    t.bob.hang_up(0);
    assert!(t.carol.over(0));
    t.over("B goes on with C");
}

#[test]
fn of_two_who_transfer_at_the_same_time_one_does() {
    let t = three(Manner::Ring);
    t.alice.press(t.call, "*3203");
    t.bob.press(0, "*3203");
    assert!(t.carol_rings(), "{}", t.traces());
    t.rig.wait("that the second is told", || t.traces().contains("another star code is still at work"));
    t.carol.answer(0);
    let first = t.traces().contains("A transfers B");
    let (by, of, line, stays, own) = match first {
        true => (&t.alice, &t.bob, t.call, 0, B),
        false => (&t.bob, &t.alice, 0, t.call, A),
    };
    assert!(by.hears_tone(line, C) && of.hears_tone(stays, JAZZ), "{}", t.traces());
    by.hang_up(line);
    assert!(of.hears_tone(stays, C) && t.carol.hears_tone(0, own), "{}", t.traces());
    of.hang_up(stays);
    t.over("goes on with C");
}

#[test]
fn a_conversation_moves_to_another_phone_of_the_user() {
    let t = three(SOON);
    let mobile = t.rig.desk("bob", 1_500, Manner::Ring);
    t.bob.press(0, "*7");
    assert!(mobile.wait(|lines| !lines.is_empty()), "{}", t.traces());
    assert!(t.as_before(), "they talk while it rings: {}", t.traces());
    mobile.answer(0);
    assert!(t.alice.hears_tone(t.call, 1_500) && mobile.hears_tone(0, A), "{}", t.traces());
    assert!(t.bob.over(0) && t.bob.wait(|lines| lines.len() == 1), "it did not ring itself: {}", t.traces());
    // The star codes are the new phone's.
    mobile.press(0, "*2203");
    assert!(t.alice.hears_tone(t.call, C) && mobile.over(0), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.carol.over(0));
    t.over("B moves to user bob");
}

#[test]
fn who_moves_and_hangs_up_at_once_is_waited_for_and_one_who_has_no_other_phone_stays() {
    let t = three(SOON);
    t.bob.press(0, "*5");
    t.rig.wait("that nobody else is there", || t.traces().contains("no other phone answered"));
    assert!(t.as_before(), "{}", t.traces());
    let mobile = t.rig.desk("bob", 1_500, Manner::Ring);
    t.bob.press(0, "*5");
    assert!(mobile.wait(|lines| !lines.is_empty()), "{}", t.traces());
    t.bob.hang_up(0);
    assert!(rings(&t.alice, t.call), "{}", t.traces());
    mobile.answer(0);
    assert!(t.alice.hears_tone(t.call, 1_500) && mobile.hears_tone(0, A), "{}", t.traces());
    mobile.hang_up(0);
    assert!(t.alice.over(t.call));
    t.over("A goes on with C");
}

#[test]
fn a_module_sends_the_caller_elsewhere_before_and_after_a_conversation() {
    let transfer = json!({ "module": "transfer", "data": { "target": "203" } });
    let after = json!({ "module": "after_bridge", "data": { "action": "transfer", "data": "203" },
        "children": { "_": { "module": "user", "data": { "id": "bob" } } } });
    let hangup = json!({ "module": "after_bridge", "data": { "action": "hangup", "data": "true" },
        "children": { "_": { "module": "user", "data": { "id": "bob" },
            "children": { "_": { "module": "user", "data": { "id": "carol" } } } } } });
    let rig = Rig::start(&[("701", transfer), ("702", after), ("703", hangup)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("701");
    assert!(alice.up(call) && alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(carol.over(0));
    let call = alice.call("702");
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.hang_up(0);
    assert!(alice.hears_tone(call, C) && carol.hears_tone(1, A), "{:?}", rig.traces());
    carol.hang_up(1);
    assert!(alice.over(call));
    let call = alice.call("703");
    assert!(alice.up(call) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.hang_up(1);
    assert!(alice.over(call), "{:?}", rig.traces());
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
}

#[test]
fn whoever_has_not_proved_to_be_a_user_sends_nobody_outside_by_a_star_code() {
    let t = three(SOON);
    t.rig.reload(&[("700", flow())], "[acme]\nserver = \"127.0.0.2:9\"\nnumbers = ['^\\+']\n");
    // Alice called from this machine and was not asked for her password; bob's phone is registered.
    t.alice.press(t.call, "*6");
    t.rig.wait("that it is told", || t.traces().contains("no transfer to +4722334455"));
    assert!(t.as_before(), "{}", t.traces());
    t.bob.press(0, "*6");
    t.rig.wait("the call outside", || t.traces().contains("trunk/+4722334455"));
    t.alice.hang_up(t.call);
    t.bob.hang_up(0);
    t.rig.wait("the end of all calls", || t.rig.switch().calls().is_empty());
}

#[test]
fn what_was_recorded_of_one_who_transferred_is_told_to_the_flow_that_runs_on() {
    let mut recorded = flow();
    let user = recorded["flow"].take();
    recorded["flow"] =
        json!({ "module": "record_call", "data": { "action": "start" }, "children": { "_": user } });
    let t = three_of(Rig::start(&[("700", recorded)]), SOON);
    t.alice.press(t.call, "*3203");
    assert!(t.alice.hears_tone(t.call, C), "{}", t.traces());
    t.alice.hang_up(t.call);
    assert!(t.bob.hears_tone(0, C) && t.carol.hears_tone(0, B), "{}", t.traces());
    t.rig.wait("the recording", || t.traces().contains("rec    "));
    t.carol.hang_up(0);
    assert!(t.bob.over(0), "{}", t.traces());
    t.over("B goes on with C");
}
