//! baresip and Linphone: register, dial, press keys, listen.

use std::time::Duration;

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::capture;
use tests::peers::linphone::Linphone;
use tests::peers::sipp::{Caller, Step};
use tests::server::{PASSWORD, Server};

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

/// Waits until a phone is registered; it may have been before its control port answered.
fn registered(server: &Server) {
    tests::wait::until("a registration", SOON, || {
        (server.metric("offhook_registrations") == 1.0).then_some(())
    });
}

#[test]
fn baresip_registers_dials_presses_and_hears_its_branch() {
    let server = Server::demo();
    let mut phone = Baresip::start(&server.address(), "alice", PASSWORD, true, &sound::long_file());
    registered(&server);
    phone.dial(&server.uri("1003"));
    phone.wait_for("CALL_ESTABLISHED", SOON);
    phone.wait_for("CALL_RTPESTAB", SOON);
    phone.press('1');
    phone.wait_for("CALL_CLOSED", Duration::from_secs(30));
    let heard = phone.heard();
    assert!(ear::sounding(&heard) > 2.0, "{:.1} s of sound", ear::sounding(&heard));
    let view = server.finished_call("1003");
    assert_eq!(view.keys(), "1");
    assert!(view.prompts().contains("You pressed 1. Thank you"), "{}", view.prompts());
    assert!(view.0.to_string().contains("sip:alice@"), "{}", view.0);
}

#[test]
fn baresip_hears_itself_in_the_echo() {
    let server = Server::demo();
    let mut phone = Baresip::start(&server.address(), "bob", PASSWORD, true, &sound::long_file());
    registered(&server);
    phone.dial(&server.uri("9196"));
    phone.wait_for("CALL_RTPESTAB", SOON);
    let talked = std::time::Instant::now() + Duration::from_secs(6);
    tests::wait::until("six seconds of talk", SOON, || (std::time::Instant::now() > talked).then_some(()));
    phone.hang_up();
    phone.wait_for("CALL_CLOSED", SOON);
    let likeness = ear::likeness(&ear::cut(&sound::sentence(), 0.5, 3.0), &phone.heard());
    assert!(likeness.correlation > 0.85, "{likeness:?}");
}

#[test]
fn baresip_with_a_wrong_password_is_refused() {
    let server = Server::demo();
    let mut phone = Baresip::start(&server.address(), "alice", "wrong", true, &sound::long_file());
    // The challenge before it stands in its log as a message, which has no such beginning.
    phone.wait_for_line(": 401 Unauthorized", SOON);
    assert_eq!(server.metric("offhook_registrations"), 0.0);
}

#[test]
fn linphone_registers_dials_presses_and_hears_its_branch() {
    let server = Server::demo();
    let mut phone = Linphone::start();
    phone.register(&server.address(), "alice", PASSWORD, "Ok");
    let capture = phone.call(&server.uri("1003"));
    phone.command("dtmf 2");
    phone.over(Duration::from_secs(30));
    let heard = capture::heard(&capture.finish());
    assert!(ear::sounding(&heard) > 2.0, "{:.1} s of sound", ear::sounding(&heard));
    let view = server.finished_call("1003");
    assert_eq!(view.keys(), "2");
    assert!(view.prompts().contains("You did not press 1"), "{}", view.prompts());
}

#[test]
fn linphone_with_a_wrong_password_is_refused() {
    let server = Server::demo();
    let mut phone = Linphone::start();
    phone.register(&server.address(), "alice", "wrong", "Failed");
}

#[test]
fn sipp_calls_over_tcp() {
    let server = Server::demo();
    let call = Caller::new([Step::AwaitBye]).over_tcp().call(&server.address(), "1001");
    call.expect_success();
    assert!(ear::sounding(&call.heard()) > 0.7);
}
