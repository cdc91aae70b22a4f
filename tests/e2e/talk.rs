//! Phones of different makes call each other through the server: who rings, who answers, and who vanishes.
//!
//! Each phone says a tone of its own, so that what one hears tells whom it hears.

use std::time::Duration;

use tests::peers::capture;
use tests::peers::linphone::Linphone;
use tests::server::{CallView, PASSWORD, Server, Setup};
use tests::wait;

use crate::party::{hears, phone};
use crate::sound::{self, pass};

const SOON: Duration = Duration::from_secs(15);
const ALICE: u16 = 440;
const BOB: u16 = 700;
const OTHER: u16 = 900;

/// The timeline of the last call to `number` says that it ended so.
fn ended(server: &Server, number: &str, cause: &str, by: &str) -> CallView {
    let view = server.finished_call(number);
    assert_eq!(view.ended(), Some((cause.to_owned(), by.to_owned())), "{:?}", view.0);
    view
}

#[test]
fn a_caller_gives_up_a_callee_declines_and_one_of_two_phones_answers() {
    let server = Server::demo();
    let (mut alice, mut bob) = (phone(&server, "alice", ALICE), phone(&server, "bob", BOB));
    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_INCOMING", SOON);
    alice.wait_for("CALL_RINGING", SOON);
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    alice.wait_for("CALL_CLOSED", SOON);
    ended(&server, "bob", "cancelled", "caller");

    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_INCOMING", SOON);
    bob.hang_up();
    let closed = alice.wait_for("CALL_CLOSED", SOON);
    assert!(closed["param"].as_str().is_some_and(|why| why.contains("486")), "{closed}");
    wait::until("the end of the second call", SOON, || {
        let view = server.finished_call("bob");
        (view.ended() == Some(("busy".to_owned(), "flow".to_owned()))).then_some(())
    });

    let mut second = phone(&server, "bob", OTHER);
    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_INCOMING", SOON);
    second.accept();
    bob.wait_for("CALL_CLOSED", SOON);
    alice.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(3));
    alice.hang_up();
    second.wait_for("CALL_CLOSED", SOON);
    hears(&alice.heard(), OTHER);
    hears(&second.heard(), ALICE);
    wait::until("the end of the third call", SOON, || {
        let view = server.finished_call("bob");
        (view.ended() == Some(("hangup".to_owned(), "caller".to_owned()))).then_some(())
    });
}

#[test]
fn baresip_calls_linphone_which_answers() {
    let server = Server::demo();
    let mut bob = Linphone::start();
    bob.register(&server.address(), "bob", PASSWORD, "Ok");
    let mut alice = phone(&server, "alice", ALICE);
    alice.dial(&server.uri("bob"));
    let ear = bob.answer();
    bob.talk(&sound::tone_file(BOB));
    alice.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(3));
    alice.hang_up();
    bob.over(SOON);
    hears(&capture::heard(&ear.finish()), ALICE);
    hears(&alice.heard(), BOB);
    ended(&server, "bob", "hangup", "caller");
}

#[test]
fn a_phone_that_is_killed_in_a_call_frees_the_other() {
    let server = Server::start(Setup { settings: vec![("rtp", "timeout_s = 2".into())], ..Setup::default() });
    let (mut alice, mut bob) = (phone(&server, "alice", ALICE), phone(&server, "bob", BOB));
    alice.dial(&server.uri("bob"));
    bob.accept();
    alice.wait_for("CALL_RTPESTAB", SOON);
    bob.wait_for("CALL_RTPESTAB", SOON);
    bob.kill();
    alice.wait_for("CALL_CLOSED", Duration::from_secs(20));
    let view = ended(&server, "bob", "hangup", "callee");
    assert_eq!(view.0["legs"][1]["cause"], "media timeout", "{:?}", view.0);
    wait::until("nothing to be left", SOON, || (server.metric("offhook_media_legs") == 0.0).then_some(()));
}
