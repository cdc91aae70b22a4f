//! Real phones take calls from elsewhere: out of a slot, from a phone that rings, from one of a user's own two phones.

use serde_json::{Value, json};
use tests::peers::baresip::Baresip;
use tests::server::Server;
use tests::wait;

use crate::office::{module, office};
use crate::party::{
    A, B, C, D, Ear, SOON, all_over, encrypting, hears_music, hears_now, linphone, noted, phone,
};
use crate::sound;

/// `*3101` parks in slot 101 or retrieves; in 102 nobody waits for longer than a second until the parker is called back;
/// `*4` finds a slot itself, of which 101 is the first.
fn lot() -> Vec<(&'static str, Value)> {
    vec![
        ("*3101", module("park", json!({ "action": "auto", "slot": "101" }))),
        (
            "*3102",
            module("park", json!({ "action": "auto", "slot": "102", "default_ringback_timeout": 1_000 })),
        ),
        ("*4", module("park", json!({ "action": "park" }))),
    ]
}

/// Alice calls bob, who answers.
fn talking(server: &Server, alice: &mut Baresip, bob: &mut Baresip) {
    alice.dial(&server.uri("bob"));
    bob.accept();
    hear_each_other(server, (alice, A), (bob, B));
}

/// Each hears the other's tone, and nothing else.
#[track_caller]
fn hear_each_other(server: &Server, one: (&impl Ear, u16), other: (&impl Ear, u16)) {
    hears_now(server, one.0, &[other.1]);
    hears_now(server, other.0, &[one.1]);
}

/// The last CANCEL that a phone wrote down says that the call was completed elsewhere (RFC 3326).
#[track_caller]
fn assert_elsewhere(log: &str) {
    let cancel = log.rsplit("CANCEL sip:").next().unwrap_or_default();
    let reason = cancel.lines().find(|line| line.starts_with("Reason:")).unwrap_or_default();
    assert!(
        reason.contains("cause=200") && reason.to_lowercase().contains("completed elsewhere"),
        "{cancel}"
    );
}

#[test]
fn a_baresip_parks_its_caller_and_another_phone_retrieves_or_the_parker_is_called_back() {
    let server = office(&lot(), Vec::new());
    // Her leg goes from call to call, and her keys with it.
    let mut alice = encrypting(&server, "alice", A, "dtls_srtp");
    let (mut bob, mut carol) = (phone(&server, "bob", B), phone(&server, "carol", C));
    talking(&server, &mut alice, &mut bob);
    bob.command("transfer", &server.uri("*3101"));
    bob.wait_for("CALL_CLOSED", SOON);
    hears_music(&server, &alice);
    carol.dial(&server.uri("*3101"));
    hear_each_other(&server, (&alice, A), (&carol, C));
    carol.hang_up();
    alice.wait_for("CALL_CLOSED", SOON);

    talking(&server, &mut alice, &mut bob);
    bob.command("transfer", &server.uri("*3102"));
    bob.wait_for("CALL_CLOSED", SOON);
    bob.accept();
    wait::until("an INVITE that names the slot", SOON, || {
        bob.sip().contains("From: \"Parked 102 ").then_some(())
    });
    hear_each_other(&server, (&alice, A), (&bob, B));
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    let told = all_over(&server);
    assert!(told.contains("taken out of slot 101") && told.contains("calls bob back"), "{told}");
}

#[test]
fn a_linphone_asks_for_a_slot_sends_its_caller_there_and_another_linphone_retrieves() {
    let server = office(&lot(), Vec::new());
    let mut alice = phone(&server, "alice", A);
    let (mut bob, mut dave) = (linphone(&server, "bob"), linphone(&server, "dave"));
    alice.dial(&server.uri("bob"));
    let _at_bob = bob.answer();
    bob.talk(&sound::tone_file(B));
    hears_now(&server, &alice, &[B]);
    // It is told its slot, and sends its caller there in its own place (RFC 3891).
    bob.command(&format!("call {}", server.uri("*4")));
    noted(&server, "parked in slot 101");
    bob.wait_for("LinphoneCallStreamsRunning", SOON);
    bob.command("call-transfer 1 2");
    bob.over(SOON);
    noted(&server, "takes the place of");
    hears_music(&server, &alice);
    let at_dave = dave.call(&server.uri("*3101"));
    dave.talk(&sound::tone_file(D));
    hear_each_other(&server, (&alice, A), (&at_dave, D));
    alice.hang_up();
    dave.over(SOON);
    let told = all_over(&server);
    assert!(told.contains("taken out of slot 101"), "{told}");
}

#[test]
fn a_phone_that_rings_is_picked_up_by_another_and_by_nobody_who_may_not() {
    let numbers = [
        ("*87", module("group_pickup", json!({ "group_id": "sales" }))),
        ("*88", module("intercept", json!({ "user_id": "bob" }))),
    ];
    let server = office(&numbers, Vec::new());
    let (mut alice, mut bob) = (phone(&server, "alice", A), phone(&server, "bob", B));
    let mut dave = phone(&server, "dave", D);
    let mut carol = linphone(&server, "carol");
    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_INCOMING", SOON);
    dave.dial(&server.uri("*87"));
    dave.wait_for("CALL_CLOSED", SOON);
    noted(&server, "may not pick up that call");
    // A pickup within the group.
    let at_carol = carol.call(&server.uri("*87"));
    carol.talk(&sound::tone_file(C));
    bob.wait_for("CALL_CLOSED", SOON);
    assert_elsewhere(&bob.sip());
    hear_each_other(&server, (&alice, A), (&at_carol, C));
    carol.command("terminate");
    alice.wait_for("CALL_CLOSED", SOON);
    // A pickup of what rings at one user, and of a call that this one is in already.
    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_INCOMING", SOON);
    let at_carol = carol.call(&server.uri("*88"));
    carol.talk(&sound::tone_file(C));
    bob.wait_for("CALL_CLOSED", SOON);
    hear_each_other(&server, (&alice, A), (&at_carol, C));
    alice.hang_up();
    carol.over(SOON);
    talking(&server, &mut alice, &mut bob);
    let at_carol = carol.call(&server.uri("*88"));
    carol.talk(&sound::tone_file(C));
    bob.wait_for("CALL_CLOSED", SOON);
    hear_each_other(&server, (&alice, A), (&at_carol, C));
    alice.hang_up();
    carol.over(SOON);
    let told = all_over(&server);
    assert_eq!(told.matches("picks up call-").count(), 3, "{told}");
}

#[test]
fn of_a_users_two_phones_the_one_that_is_late_is_told_that_the_call_was_completed_elsewhere() {
    let server = office(&[], Vec::new());
    let (mut alice, mut desk) = (phone(&server, "alice", A), phone(&server, "carol", C));
    let mut mobile = linphone(&server, "carol-mobile");
    // The Linphone is faster.
    alice.dial(&server.uri("203"));
    desk.wait_for("CALL_INCOMING", SOON);
    let at_mobile = mobile.answer();
    mobile.talk(&sound::tone_file(D));
    desk.wait_for("CALL_CLOSED", SOON);
    assert_elsewhere(&desk.sip());
    hear_each_other(&server, (&alice, A), (&at_mobile, D));
    mobile.command("terminate");
    alice.wait_for("CALL_CLOSED", SOON);
    // The baresip is faster.
    alice.dial(&server.uri("203"));
    mobile.wait_for("LinphoneCallIncomingReceived", SOON);
    desk.accept();
    mobile.over(SOON);
    hear_each_other(&server, (&alice, A), (&desk, C));
    assert_elsewhere(&mobile.log());
    alice.hang_up();
    desk.wait_for("CALL_CLOSED", SOON);
    all_over(&server);
}
