//! Paging and intercom: one who speaks to many phones, which answer by themselves.

use std::time::Duration;

use crate::rig::{Rig, hears};
use serde_json::{Value, json};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const D: u16 = 1_600;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Pages these users.
fn page(audio: &str, users: &[&str], more: Value) -> Value {
    let endpoint = |user: &&str| json!({"endpoint_type": "user", "id": user});
    let endpoints: Vec<Value> = users.iter().map(endpoint).collect();
    let mut data = json!({"audio": audio, "timeout": 2, "endpoints": endpoints});
    for (key, value) in more.as_object().expect("an object") {
        data[key] = value.clone();
    }
    json!({"flow": {"module": "page_group", "data": data, "children": {}}})
}

fn rings(desk: &Desk, line: LineId) -> bool {
    desk.wait(|lines| lines.len() > line)
}

#[test]
fn all_hear_who_pages_and_nobody_else_and_who_does_not_answer_in_time_is_left() {
    let rig = Rig::start(&[("700", page("one-way", &["bob", "carol", "dave"], json!({})))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, Manner::Ring));
    let call = alice.call("700");
    assert!(alice.up(call), "{:#?}", rig.traces());
    assert!(bob.up(0) && carol.up(0) && rings(&dave, 0), "{:#?}", rig.traces());
    let invite = bob.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert_eq!(invite.header("answer-mode"), Some("Auto"));
    assert!(invite.header("call-info").is_some_and(|info| info.contains("answer-after=0")), "{invite:?}");
    hears(&rig, &bob, 0, &[A]);
    hears(&rig, &carol, 0, &[A]);
    assert!(alice.hears_nothing(call), "one way: {:#?}", rig.traces());
    assert!(dave.over(0), "{:#?}", rig.traces());
    bob.hang_up(0);
    hears(&rig, &carol, 0, &[A]);
    alice.hang_up(call);
    assert!(carol.over(0), "the page ends with who pages: {:#?}", rig.traces());
    rig.nothing_left();
    assert!(rig.switch().conferences().is_empty());
    assert!(rig.traces().concat().contains("1 did not answer the page in time"), "{:#?}", rig.traces());
}

#[test]
fn two_way_all_talk_and_the_page_is_over_with_the_last_phone() {
    let rig = Rig::start(&[("700", page("two-way", &["bob", "carol", "alice"], json!({})))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("700");
    assert!(bob.up(0) && carol.up(0), "{:#?}", rig.traces());
    hears(&rig, &bob, 0, &[A, C]);
    hears(&rig, &carol, 0, &[A, B]);
    hears(&rig, &alice, call, &[B, C]);
    assert!(alice.wait(|lines| lines.len() == 1), "who pages is not paged");
    bob.hang_up(0);
    carol.hang_up(0);
    assert!(alice.over(call), "{:#?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn a_phone_in_a_call_is_paged_only_if_that_is_wanted() {
    let kind = page("one-way", &["bob", "carol"], json!({}));
    let barging = page("one-way", &["bob", "carol"], json!({"barge_calls": true}));
    let rig = Rig::start(&[("700", kind), ("701", barging)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let (carol, dave) = (rig.desk("carol", C, SOON), rig.desk("dave", D, SOON));
    let talk = dave.call("202");
    assert!(dave.up(talk) && bob.up(0) && dave.hears_tone(talk, B), "{:#?}", rig.traces());
    let first = alice.call("700");
    assert!(carol.up(0), "{:#?}", rig.traces());
    hears(&rig, &carol, 0, &[A]);
    assert!(rig.traces().concat().contains("bob is in a call and is not paged"), "{:#?}", rig.traces());
    alice.hang_up(first);
    assert!(carol.over(0));
    let second = alice.call("701");
    assert!(rings(&bob, 1) && bob.up(1) && carol.up(1), "{:#?}", rig.traces());
    hears(&rig, &bob, 1, &[A]);
    assert!(dave.hears_tone(talk, B), "their call goes on");
    alice.hang_up(second);
    assert!(bob.over(1) && carol.over(1));
    dave.hang_up(talk);
    rig.nothing_left();
}

#[test]
fn a_page_that_nobody_answers_is_over_after_its_time() {
    let rig = Rig::start(&[("700", page("one-way", &["bob", "carol"], json!({"timeout": 1})))]);
    let alice = rig.desk("alice", A, SOON);
    let bob = rig.desk("bob", B, Manner::Ring);
    let call = alice.call("700");
    assert!(rings(&bob, 0) && bob.over(0), "{:#?}", rig.traces());
    assert!(alice.over(call), "{:#?}", rig.traces());
    rig.nothing_left();
    assert!(rig.traces().concat().contains("no phone of carol is registered"));
}

#[test]
fn a_phone_that_vanishes_ends_no_page() {
    let rig = Rig::with(&[("700", page("two-way", &["bob", "carol"], json!({})))], |config| {
        config.media.media_timeout = Duration::from_millis(800);
    });
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    let call = alice.call("700");
    assert!(bob.up(0) && carol.up(0));
    hears(&rig, &carol, 0, &[A, B]);
    bob.vanish();
    hears(&rig, &carol, 0, &[A]);
    hears(&rig, &alice, call, &[C]);
    alice.hang_up(call);
    assert!(carol.over(0));
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
}

#[test]
fn an_intercom_calls_the_captured_extension_which_answers_by_itself() {
    let flow =
        json!({"patterns": ["^\\*84(\\d+)$"], "flow": {"module": "intercom", "data": {}, "children": {}}});
    let rig = Rig::start(&[]);
    let home = rig.dir.path().join("flows");
    std::fs::create_dir_all(&home).expect("a directory");
    std::fs::write(home.join("intercom.json"), flow.to_string()).expect("written");
    std::fs::write(home.join("numbers.toml"), "[defaults]\npublic = true\n").expect("written");
    let loaded = store::Directory::load(Some(&home)).expect("readable");
    let _inside = rig.runtime.enter();
    rig.switch().reload(loaded.flows, &Rig::people(), &loaded.trunks);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("*84202");
    assert!(alice.up(call) && bob.up(0), "{:#?} {:#?}", rig.traces(), loaded.problems);
    let invite = bob.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert_eq!(invite.header("answer-mode"), Some("Auto"));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A));
    bob.hang_up(0);
    assert!(alice.over(call));
    rig.nothing_left();
}
