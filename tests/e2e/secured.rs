//! Encrypted calls of real phones: what they say and hear is listened to.

use std::time::Duration;

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

use crate::sound::{self, pass};

const SOON: Duration = Duration::from_secs(15);
const ALICE: u16 = 440;
const BOB: u16 = 700;

fn encrypting(server: &Server, user: &str, how: &str, tone: u16) -> Baresip {
    let before = server.metric("offhook_registrations");
    let phone = Baresip::encrypting(&server.address(), user, PASSWORD, &sound::tone_file(tone), how);
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") > before).then_some(()));
    phone
}

/// The media path of the first leg of the only call, as the API tells it.
fn path(server: &Server, wanted: &str) {
    wait::until(wanted, SOON, || {
        let calls = server.json("/calls");
        let id = calls["calls"][0]["id"].as_str()?.to_owned();
        server.call_view(&id).0.to_string().contains(wanted).then_some(())
    });
}

#[test]
fn baresip_hears_itself_encrypted_by_keys_and_by_handshake() {
    for (how, told) in [("srtp-mand", "SRTP A"), ("dtls_srtp", "DTLS-SRTP A")] {
        let server = Server::demo();
        let mut phone = encrypting(&server, "alice", how, ALICE);
        phone.dial(&server.uri("9196"));
        phone.wait_for("CALL_RTPESTAB", SOON);
        path(&server, told);
        pass(Duration::from_secs(3));
        // baresip opens the way through NAT with RTCP in clear before it has keys; by handshake all its RTCP is on a port
        // of its own that gets none.
        assert!(server.metric("offhook_rtp_forged_total") < 4.0, "{how}");
        phone.hang_up();
        phone.wait_for("CALL_CLOSED", SOON);
        let heard = phone.heard();
        assert!(sound::hears(&heard, ALICE), "{how}: {:.2?}", sound::shares(&heard, ALICE));
    }
}

#[test]
fn what_is_encrypted_on_one_side_may_be_plain_on_the_other() {
    let server = Server::demo();
    let mut alice = encrypting(&server, "alice", "srtp-mand", ALICE);
    let before = server.metric("offhook_registrations");
    let mut bob = Baresip::by_hand(&server.address(), "bob", PASSWORD, &sound::tone_file(BOB));
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") > before).then_some(()));
    alice.dial(&server.uri("bob"));
    bob.accept();
    alice.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(3));
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    let (alice, bob) = (alice.heard(), bob.heard());
    assert!(sound::hears(&alice, BOB), "{:.2?}", sound::shares(&alice, BOB));
    assert!(sound::hears(&bob, ALICE), "{:.2?}", sound::shares(&bob, ALICE));
}

#[test]
fn where_encryption_is_required_phones_are_offered_it_and_plain_calls_are_refused() {
    for (keys, how) in [("sdes", "srtp-mand"), ("dtls", "dtls_srtp")] {
        let settings = vec![("media", format!("encryption = \"required\"\nencryption_keys = \"{keys}\""))];
        let server = Server::start(Setup { settings, ..Setup::default() });
        let mut alice = encrypting(&server, "alice", how, ALICE);
        let mut bob = encrypting(&server, "bob", how, BOB);
        alice.dial(&server.uri("bob"));
        bob.accept();
        alice.wait_for("CALL_RTPESTAB", SOON);
        bob.wait_for("CALL_RTPESTAB", SOON);
        pass(Duration::from_secs(3));
        alice.hang_up();
        bob.wait_for("CALL_CLOSED", SOON);
        let (alice, bob) = (alice.heard(), bob.heard());
        assert!(sound::hears(&alice, BOB), "{how}: {:.2?}", sound::shares(&alice, BOB));
        assert!(sound::hears(&bob, ALICE), "{how}: {:.2?}", sound::shares(&bob, ALICE));
        let mut plain = Baresip::start(&server.address(), "alice", PASSWORD, false, &sound::tone_file(ALICE));
        plain.dial(&server.uri("9196"));
        let closed = plain.wait_for("CALL_CLOSED", SOON);
        assert!(closed["param"].as_str().is_some_and(|why| why.contains("488")), "{closed}");
    }
}

#[test]
fn linphone_is_heard_encrypted_by_keys_and_by_handshake() {
    for (how, told) in [("srtp", "SRTP A"), ("dtls", "DTLS-SRTP A")] {
        let server = Server::demo();
        let mut linphone = Linphone::encrypting(how);
        linphone.register(&server.address(), "alice", PASSWORD, "Ok");
        let mut bob = Baresip::by_hand(&server.address(), "bob", PASSWORD, &sound::tone_file(BOB));
        wait::until("a registration", SOON, || (server.metric("offhook_registrations") > 1.0).then_some(()));
        linphone.command(&format!("call {}", server.uri("bob")));
        bob.accept();
        linphone.wait_for("LinphoneCallStreamsRunning", Duration::from_secs(20));
        linphone.talk(&sound::tone_file(ALICE));
        path(&server, told);
        pass(Duration::from_secs(4));
        bob.hang_up();
        linphone.over(SOON);
        let heard = bob.heard();
        assert!(sound::hears(&heard, ALICE), "{how}: {:.2?}", sound::shares(&heard, ALICE));
        assert!(ear::sounding(&heard) > 2.0);
    }
}

#[test]
fn encryption_as_a_wish_is_taken_by_who_can_and_ignored_by_who_cannot() {
    for (how, told) in [(Some("srtp"), ", SRTP A"), (None, "PCM")] {
        let settings = vec![("media", "encryption = \"preferred\"".to_owned())];
        let server = Server::start(Setup { settings, ..Setup::default() });
        let mut bob = match how {
            Some(how) => encrypting(&server, "bob", how, BOB),
            None => {
                let phone = Baresip::by_hand(&server.address(), "bob", PASSWORD, &sound::tone_file(BOB));
                wait::until("a registration", SOON, || {
                    (server.metric("offhook_registrations") > 0.0).then_some(())
                });
                phone
            }
        };
        let mut alice = Baresip::start(&server.address(), "alice", PASSWORD, false, &sound::tone_file(ALICE));
        alice.dial(&server.uri("bob"));
        bob.accept();
        alice.wait_for("CALL_RTPESTAB", SOON);
        pass(Duration::from_secs(3));
        path(&server, told);
        alice.hang_up();
        bob.wait_for("CALL_CLOSED", SOON);
        let (alice, bob) = (alice.heard(), bob.heard());
        assert!(sound::hears(&alice, BOB), "{how:?}: {:.2?}", sound::shares(&alice, BOB));
        assert!(sound::hears(&bob, ALICE), "{how:?}: {:.2?}", sound::shares(&bob, ALICE));
    }
}
