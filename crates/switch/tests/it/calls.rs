//! Calls from end to end over real sockets: a phone dials, a flow runs, the phone hears it and presses keys.

use std::time::Duration;

use crate::rig::{LONG, Rig, end, trace};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::{Offer, PhoneError};

/// Answers, beeps, hangs up.
fn beep() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "beep"}, {"type": "hangup"}]})
}

/// Answers and sends back what it hears.
fn echo() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]})
}

/// Answers, gathers four keys or until `#`, hangs up.
fn gather() -> Value {
    json!({"actions": [
        {"type": "answer"},
        {"type": "digits_receive", "option": {"duration": 8_000, "length": 4, "key": "#"}},
        {"type": "hangup"}
    ]})
}

#[test]
fn a_flow_answers_is_heard_and_hangs_up() {
    let rig = Rig::start(&[("1001", beep())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"), "the flow hangs up");
    let heard = call.hang_up().expect("heard");
    assert!(ear::sounding(&heard.pcm()) > 0.1, "the beep is heard");
    let view = rig.finished();
    assert_eq!(end(&view).1, "flow", "{}", trace(&view));
    let text = trace(&view);
    for wanted in
        ["← INVITE", "→ 200 OK (INVITE)", "← ACK", "node   /actions/1", "→ BYE", "media  PCMU", "released"]
    {
        assert!(text.contains(wanted), "{wanted} is missing:\n{text}");
    }
    rig.nothing_left();
}

#[test]
fn keys_of_rfc_4733_reach_the_flow() {
    let rig = Rig::start(&[("1001", gather())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.press("1234").expect("pressed");
    assert!(call.until_bye(LONG).expect("a socket"));
    let view = rig.finished();
    assert!(trace(&view).contains("got    \"1234\""), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_caller_who_hangs_up_ends_everything() {
    let rig = Rig::start(&[("9196", echo())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("9196", Offer::Early, LONG).expect("an answer");
    call.listen(Duration::from_millis(300)).expect("a socket");
    call.hang_up().expect("a BYE answered");
    let view = rig.finished();
    assert_eq!(end(&view), ("hangup".to_owned(), "caller".to_owned()), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn what_is_said_to_the_echo_comes_back() {
    let rig = Rig::start(&[("9196", echo())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("9196", Offer::Early, LONG).expect("an answer");
    let tone = audio::tone::beep(1_000, Duration::from_millis(600), audio::Rate::NARROW);
    call.talk(&tone).expect("talked");
    call.listen(Duration::from_millis(500)).expect("a socket");
    let heard = call.hang_up().expect("heard");
    assert!(ear::sounding(&heard.pcm()) > 0.4, "the tone comes back");
    rig.nothing_left();
}

#[test]
fn an_offer_in_the_200_is_answered_in_the_ack() {
    let rig = Rig::start(&[("1001", beep())]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Late, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"));
    let heard = call.hang_up().expect("heard");
    assert!(ear::sounding(&heard.pcm()) > 0.1, "the beep is heard:\n{:?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn an_unknown_number_is_404_with_a_trace() {
    let rig = Rig::start(&[]);
    let mut phone = rig.phone("caller");
    let refused = phone.call("4711", Offer::Early, LONG);
    assert!(matches!(refused, Err(PhoneError::Refused(404, _))), "{refused:?}");
    let view = rig.finished();
    assert_eq!(end(&view).0, "route.unknown_number");
    assert!(trace(&view).contains("→ 404 Not Found (INVITE)"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_phone_that_vanishes_is_noticed_and_gets_a_bye() {
    let rig = Rig::with(&[("9196", echo())], |config| {
        config.media.media_timeout = Duration::from_millis(800);
    });
    let mut phone = rig.phone("caller");
    let mut call = phone.call("9196", Offer::Early, LONG).expect("an answer");
    call.listen(Duration::from_millis(300)).expect("a socket");
    call.stream.vanish();
    assert!(call.until_bye(LONG).expect("a socket"), "a BYE comes");
    let view = rig.finished();
    assert_eq!(end(&view), ("media timeout".to_owned(), "server".to_owned()), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_call_that_lasts_too_long_is_cut() {
    let rig = Rig::with(&[("9196", echo())], |config| config.max_duration = Duration::from_millis(500));
    let mut phone = rig.phone("caller");
    let mut call = phone.call("9196", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"), "a BYE comes");
    assert_eq!(end(&rig.finished()).0, "longest duration reached");
    rig.nothing_left();
}

#[test]
fn without_ports_a_caller_is_told_to_try_again() {
    // Below what the system gives to others, and not that of the same test run by someone else.
    let port = 18_000 + (std::process::id() % 500) as u16 * 2;
    let rig = Rig::with(&[("9196", echo())], |config| config.media.ports = port..=port + 1);
    let (mut first, mut second) = (rig.phone("first"), rig.phone("second"));
    let call = first.call("9196", Offer::Early, LONG).expect("an answer");
    let refused = second.call("9196", Offer::Early, LONG);
    assert!(matches!(refused, Err(PhoneError::Refused(503, _))), "{refused:?}");
    call.hang_up().expect("a BYE answered");
    rig.nothing_left();
}

#[test]
fn a_drain_refuses_new_calls_and_says_bye_to_old_ones_at_its_limit() {
    let rig = Rig::start(&[("9196", echo())]);
    let (mut first, mut second) = (rig.phone("first"), rig.phone("second"));
    let mut call = first.call("9196", Offer::Early, LONG).expect("an answer");
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| rig.runtime.block_on(rig.switch().drain(Duration::from_millis(700))));
        call.listen(Duration::from_millis(200)).expect("a socket");
        let refused = second.call("9196", Offer::Early, LONG);
        assert!(matches!(refused, Err(PhoneError::Refused(503, _))), "{refused:?}");
        assert!(call.until_bye(LONG).expect("a socket"), "a BYE comes");
        assert_eq!(drain.join().expect("drained"), 1);
    });
    rig.nothing_left();
    let records = std::fs::read_to_string(rig.dir.path().join("cdr.jsonl")).expect("call records");
    let record: Value = serde_json::from_str(records.lines().next().expect("a line")).expect("JSON");
    assert_eq!(record["cause"], "the switch is going down");
    let leg = &record["legs"][0];
    assert!(leg["mos"].as_f64().is_some_and(|mos| (4.0..=4.5).contains(&mos)), "how it sounded: {leg}");
    assert_eq!((leg["lost"].as_i64(), leg["remote_mos"].as_f64()), (Some(0), None), "{leg}");
}

#[test]
fn a_user_with_a_password_reaches_what_is_not_public() {
    let rig = Rig::start(&[]);
    let mut flows = store::Flows::new();
    flows.add(store::Document::read("closed.json", None, beep()).expect("a flow"));
    assert!(flows.number("2001", "closed.json", false));
    let alice = store::User::new("alice", "secret");
    rig.switch().reload(flows, &[alice].into_iter().collect(), &store::Trunks::default());
    let mut stranger = rig.phone("stranger");
    let refused = stranger.call("2001", Offer::Early, LONG);
    assert!(matches!(refused, Err(PhoneError::Refused(401 | 407, _))), "{refused:?}");
    let mut alice = testkit::ua::Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    let mut call = alice.call("2001", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"));
    assert_eq!(rig.finished().user.as_deref(), Some("alice"));
    rig.nothing_left();
}

#[test]
fn this_machine_is_asked_like_any_other_where_it_is_not_trusted() {
    let rig = Rig::with(&[("1001", beep())], |config| config.trust_local = false);
    for number in ["1001", "bob"] {
        let mut stranger = rig.phone("stranger");
        let refused = stranger.call(number, Offer::Early, LONG);
        assert!(matches!(refused, Err(PhoneError::Refused(401 | 407, _))), "{number}: {refused:?}");
    }
    rig.nothing_left();
}

#[test]
fn many_calls_at_once_leave_nothing_behind() {
    let rig = Rig::start(&[("1001", gather()), ("9196", echo())]);
    std::thread::scope(|scope| {
        for n in 0..24 {
            let rig = &rig;
            scope.spawn(move || {
                let mut phone = rig.phone(&format!("caller-{n}"));
                for round in 0..3 {
                    // One in three is hung up on, the others hang up.
                    let number = if (n + round) % 3 == 0 { "1001" } else { "9196" };
                    let mut call = phone.call(number, Offer::Early, LONG).expect("an answer");
                    if number == "1001" {
                        call.press("4321").expect("pressed");
                        assert!(call.until_bye(LONG).expect("a socket"));
                    } else {
                        call.listen(Duration::from_millis(100)).expect("a socket");
                        call.hang_up().expect("a BYE answered");
                    }
                }
            });
        }
    });
    rig.nothing_left();
    assert_eq!(rig.switch().recent().len(), 72);
    let ended = |by: &str| rig.switch().recent().iter().filter(|call| end(call).1 == by).count();
    assert_eq!((ended("flow"), ended("caller")), (24, 48));
}
