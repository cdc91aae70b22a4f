//! People call people: ringing, answers, refusals, several phones at once, and who hears whom.

use std::time::Duration;

use crate::rig::{Rig, end, trace};
use serde_json::json;
use testkit::ear;
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

#[test]
fn two_phones_talk_and_who_hangs_up_ends_it_for_both() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    for number in ["202", "bob"] {
        let call = alice.call(number);
        assert!(alice.up(call), "{:?}", rig.traces());
        assert!(alice.line(call, |line| line.progress.contains(&180)), "it rings");
        assert!(bob.up(call));
        assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
        assert!(bob.hears_tone(call, A), "{:?}", rig.traces());
        match number {
            "202" => bob.hang_up(call),
            _ => alice.hang_up(call),
        }
        assert!(alice.over(call) && bob.over(call));
        let view = rig.finished();
        let by = if number == "202" { "callee" } else { "caller" };
        assert_eq!(end(&view), ("hangup".into(), by.into()), "{}", trace(&view));
        let text = trace(&view);
        for wanted in
            ["B → INVITE", "B ← 180 Ringing", "A → 180 Ringing", "B ← 200 OK", "A and B hear each other"]
        {
            assert!(text.contains(wanted), "{wanted} is missing:\n{text}");
        }
        let names: Vec<&str> = view.legs.iter().map(|leg| leg.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        assert!(view.legs.iter().all(|leg| leg.answered.is_some() && leg.ended.is_some()), "{:?}", view.legs);
        rig.nothing_left();
    }
}

#[test]
fn who_has_the_same_codec_is_relayed_until_somebody_listens() {
    let rig = Rig::with(&[], |config| config.media.workers = 2);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    let id = rig.switch().calls()[0].id;
    // Reports are a second old at most.
    rig.wait("that both are relayed, by one worker", || {
        let view = rig.switch().call(id).expect("it lives");
        view.legs.iter().all(|leg| leg.media.as_deref().is_some_and(|words| words.contains("relayed")))
    });
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn the_callee_is_told_who_calls() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let diversion = "Diversion: <sip:old@example.com>;reason=unconditional\r\n\
                     P-Asserted-Identity: <sip:boss@example.com>\r\n";
    let call = alice.call_with("202", diversion, true);
    assert!(bob.wait(|lines| !lines.is_empty()));
    let invite = bob.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert!(
        invite.header("from").is_some_and(|from| from.starts_with("\"alice\" <sip:alice@")),
        "{invite:?}"
    );
    assert_eq!(invite.header("max-forwards"), Some("69"));
    assert!(invite.header("diversion").is_some_and(|value| value.contains("old@example.com")));
    assert_eq!(invite.header("p-asserted-identity"), None, "phones are not trusted with it");
    alice.hang_up(call);
    assert!(alice.over(call) && bob.over(0));
    assert_eq!(end(&rig.finished()).0, "cancelled");
    rig.nothing_left();
}

#[test]
fn refusals_reach_the_caller_as_they_were_said() {
    let rig = Rig::start(&[]);
    let alice = rig.desk("alice", A, SOON);
    let status = |number: &str| {
        let call = alice.call(number);
        assert!(alice.over(call), "{:?}", rig.traces());
        alice.line(call, |line| line.status)
    };
    assert_eq!(status("202"), Some(480), "nobody is registered");
    let bob = rig.desk("bob", B, Manner::Refuse(486));
    assert_eq!(status("202"), Some(486));
    assert_eq!(end(&rig.finished()), ("busy".into(), "flow".into()));
    bob.behave(Manner::Refuse(603));
    assert_eq!(status("202"), Some(603));
    bob.behave(Manner::Refuse(404));
    assert_eq!(status("202"), Some(404));
    bob.behave(Manner::Refuse(302));
    assert_eq!(status("202"), Some(480), "a phone that sends a call to itself has refused it");
    bob.unregister();
    assert_eq!(status("202"), Some(480));
    rig.nothing_left();
}

#[test]
fn all_phones_of_a_user_ring_and_the_first_to_answer_has_the_call() {
    let rig = Rig::start(&[]);
    let alice = rig.desk("alice", A, SOON);
    let (one, two) = (rig.desk("bob", B, Manner::Ring), rig.desk("bob", 1_200, Manner::Ring));
    let busy = rig.desk("bob", 1_600, Manner::Refuse(486));
    let call = alice.call("202");
    assert!(one.wait(|lines| !lines.is_empty()) && two.wait(|lines| !lines.is_empty()));
    assert!(busy.over(0));
    two.answer(0);
    assert!(alice.up(call) && one.over(0));
    let reason =
        one.line(0, |line| line.end.as_ref().and_then(|end| end.header("reason").map(str::to_owned)));
    assert_eq!(reason.as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    assert!(alice.hears_tone(call, 1_200));
    alice.hang_up(call);
    assert!(two.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn of_two_answers_at_once_one_is_left() {
    let rig = Rig::start(&[]);
    let alice = rig.desk("alice", A, SOON);
    let phones = [B, 1_200, 1_600].map(|tone| rig.desk("bob", tone, Manner::Answer(Duration::ZERO)));
    for round in 0..3 {
        let call = alice.call("202");
        assert!(alice.up(call));
        rig.wait("that one phone is left", || {
            phones.iter().filter(|phone| phone.wait(|lines| lines.len() > round)).count() == 3
                && phones.iter().filter(|phone| phone.line(round, |line| line.end.is_none())).count() == 1
        });
        let left = phones.iter().position(|phone| phone.line(round, |line| line.end.is_none())).expect("one");
        assert!(alice.hears_tone(call, [B, 1_200, 1_600][left]), "{:?}", rig.traces());
        alice.hang_up(call);
        assert!(phones[left].over(round));
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn a_caller_who_gives_up_stops_all_ringing() {
    let rig = Rig::start(&[]);
    let alice = rig.desk("alice", A, SOON);
    let phones = [B, 1_200].map(|tone| rig.desk("bob", tone, Manner::Ring));
    let call = alice.call("202");
    assert!(phones.iter().all(|phone| phone.wait(|lines| !lines.is_empty())));
    rig.wait("ringing", || alice.line(call, |line| line.progress.contains(&180)));
    alice.hang_up(call);
    assert!(alice.over(call) && phones.iter().all(|phone| phone.over(0)));
    assert_eq!(alice.line(call, |line| line.status), Some(487));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn early_media_of_the_callee_is_heard_before_the_answer() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Early));
    let call = alice.call("202");
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    assert!(alice.line(call, |line| line.progress.contains(&183) && line.status.is_none()));
    bob.answer(0);
    assert!(alice.up(call));
    assert!(bob.hears_tone(0, A) && alice.hears_tone(call, B));
    bob.hang_up(0);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_caller_with_a_late_offer_hears_it_ring_and_talks() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Early));
    let call = alice.call_with("202", "", false);
    rig.wait("ringing", || alice.line(call, |line| line.progress.contains(&180)));
    bob.answer(0);
    assert!(alice.up(call));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn star_codes_of_both_parties_do_what_the_callflow_says() {
    let codes = json!({
        "listen_on": "both", "digit_timeout": 400,
        "numbers": {
            "1": {"module": "record_call", "data": {"action": "start"}},
            "9": {"module": "hangup", "data": {}}
        }
    });
    let star = json!({"metaflow": codes, "flow": {"module": "callflow", "data": {"id": "2001"}}});
    let dial = json!({"flow": {
        "s": {"module": "start", "next": "d"},
        "d": {"module": "extension", "extensions": [{"type": "sipuser", "uuid": "bob"}]}
    }});
    let rig = Rig::start(&[("1001", star), ("2001", dial)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("1001");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.press(call, "*1");
    let said = |text: &str| rig.traces().iter().any(|trace| trace.contains(text));
    rig.wait("the recording", || said("node   /metaflow/numbers/1"));
    assert!(alice.hears_tone(call, B), "they still talk: {:?}", rig.traces());
    bob.press(0, "*9");
    assert!(alice.over(call) && bob.over(0), "{:?}", rig.traces());
    let view = rig.finished();
    let text = trace(&view);
    for wanted in
        ["key    *", "got    \"1\"", "B pressed *", "got    \"9\"", "/metaflow/numbers/9  Hangup", "rec    "]
    {
        assert!(text.contains(wanted), "{wanted} is missing:\n{text}");
    }
    rig.nothing_left();
}

#[test]
fn keys_go_from_one_phone_to_the_other_each_once() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A));
    alice.press(call, "1234*#");
    rig.wait("the keys", || bob.line(0, |line| line.stream.heard.keys.len() >= 6));
    bob.press(0, "99");
    rig.wait("the keys", || alice.line(call, |line| line.stream.heard.keys.len() >= 2));
    assert_eq!(bob.line(0, |line| line.stream.heard.keys.clone()), "1234*#");
    assert_eq!(alice.line(call, |line| line.stream.heard.keys.clone()), "99");
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn keys_by_info_reach_a_partner_of_a_phone_that_sends_them_no_other_way() {
    let rig = Rig::start(&[]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    alice.describe_no_key_events();
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A));
    for key in "5#9".chars() {
        alice.press_by_info(call, key);
    }
    assert!(bob.wait(|lines| lines[0].stream.heard.keys.len() >= 3), "{:?}", rig.traces());
    assert_eq!(bob.line(0, |line| line.stream.heard.keys.clone()), "5#9");
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_phone_that_vanishes_in_a_conversation_is_noticed_and_the_other_is_free() {
    let rig = Rig::with(&[], |config| config.media.media_timeout = Duration::from_millis(800));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, B));
    bob.vanish();
    assert!(alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    assert!(trace(&view).contains("B no RTP from the far end"), "{}", trace(&view));
}

#[test]
fn strangers_do_not_ring_users_phones_and_a_flow_goes_before_a_user() {
    let hello = json!({"actions": [{"type": "answer"}, {"type": "beep"}, {"type": "hangup"}]});
    let rig = Rig::start(&[("202", hello)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && alice.over(call), "the flow answers and hangs up");
    assert!(bob.wait(|lines| lines.is_empty()));
    let call = alice.call("bob");
    assert!(alice.up(call) && bob.up(0));
    assert!(ear::sounding(&alice.listen(call)) > 0.5);
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}
