//! Several shards are one switch: calls, registrations and counts are the same with any number of them.

use crate::rig::{Dialog, Rig, sdp};
use serde_json::{Value, json};
use testkit::ua::Stream;

fn echo() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]})
}

fn calls_are_made_and_ended(shards: u8) {
    let rig = Rig::with(&[("1001", echo())], |config| config.sip.shards = shards);
    let mut alice = testkit::ua::Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    assert_eq!(alice.register(120).expect("an answer"), 200);
    assert_eq!(rig.runtime.block_on(rig.switch().registrations()).len(), 1);
    let stream = Stream::open("127.0.0.1".parse().expect("an address")).expect("a stream");
    let phone = rig.phone("rig");
    // Call-IDs are random: with 4 shards, 16 calls meet one of them with a probability of 1 in 10^8.
    let mut calls: Vec<Dialog<'_>> = (0..16).map(|_| Dialog::new(&rig, &phone, "1001")).collect();
    for call in &mut calls {
        call.send("INVITE", "", &sdp(stream.port(), "0", "sendrecv"));
        call.expect(200, "INVITE");
        call.send("ACK", "", "");
        call.send("INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n");
        call.expect(200, "INFO");
    }
    assert_eq!((rig.counts().sessions, rig.switch().calls().len()), (16, 16));
    for call in &mut calls[..8] {
        call.send("BYE", "", "");
        call.expect(200, "BYE");
    }
    for call in rig.switch().calls() {
        rig.switch().hang_up(call.id, "enough");
    }
    for call in &mut calls[8..] {
        call.expect_request("BYE");
    }
    rig.nothing_left();
    assert_eq!(rig.counts().bindings, 1);
}

#[test]
fn one_shard_takes_all_calls() {
    calls_are_made_and_ended(1);
}

#[test]
fn two_shards_share_the_calls() {
    calls_are_made_and_ended(2);
}

#[test]
fn four_shards_share_the_calls() {
    calls_are_made_and_ended(4);
}
