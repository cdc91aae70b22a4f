//! A proxy in front: kamailio stays in the path of calls and of registrations, over UDP and over TCP; and sipsak.

use std::time::Duration;

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::kamailio::Kamailio;
use tests::peers::sipp::{Caller, Step};
use tests::peers::sipsak;
use tests::server::{PASSWORD, Server};

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

fn sipp_calls_through_a_proxy(transport: &str) {
    let server = Server::demo();
    let proxy = Kamailio::in_front_of(&server, transport);
    let call = Caller::new([Step::AwaitBye]).call(&proxy.address(), "1001");
    call.expect_success();
    assert!(ear::sounding(&call.heard()) > 0.7);
    assert_eq!(server.finished_call("1001").ended().expect("over").1, "flow");
}

#[test]
fn a_call_through_a_proxy_is_answered_and_ended_through_it() {
    sipp_calls_through_a_proxy("udp");
}

#[test]
fn a_proxy_may_speak_tcp_to_the_server_and_udp_to_the_phone() {
    sipp_calls_through_a_proxy("tcp");
}

#[test]
fn baresip_registers_through_a_proxy_and_calls() {
    let server = Server::demo();
    let proxy = Kamailio::in_front_of(&server, "udp");
    let mut phone = Baresip::start(&proxy.address(), "alice", PASSWORD, true, &sound::long_file());
    tests::wait::until("a registration", SOON, || {
        (server.metric("offhook_registrations") == 1.0).then_some(())
    });
    phone.dial(&format!("sip:1003@{}", proxy.address()));
    phone.wait_for("CALL_RTPESTAB", SOON);
    phone.press('1');
    phone.wait_for("CALL_CLOSED", Duration::from_secs(30));
    assert!(ear::sounding(&phone.heard()) > 2.0);
    assert_eq!(server.finished_call("1003").keys(), "1");
}

#[test]
fn a_phone_that_registered_through_a_proxy_is_called_through_it() {
    let server = Server::demo();
    let proxy = Kamailio::in_front_of(&server, "udp");
    let mut alice = Baresip::by_hand(&proxy.address(), "alice", PASSWORD, &sound::tone_file(440));
    let registered = |wanted: f64| {
        tests::wait::until("a registration", SOON, || {
            (server.metric("offhook_registrations") == wanted).then_some(())
        });
    };
    registered(1.0);
    // The other one is not behind the proxy.
    let mut bob = Baresip::start(&server.address(), "bob", PASSWORD, true, &sound::tone_file(700));
    registered(2.0);
    bob.dial(&server.uri("alice"));
    alice.accept();
    bob.wait_for("CALL_RTPESTAB", SOON);
    alice.wait_for("CALL_RTPESTAB", SOON);
    sound::pass(Duration::from_secs(2));
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    assert!(sound::hears(&bob.heard(), 440) && sound::hears(&alice.heard(), 700));
    let view = server.finished_call("alice");
    assert_eq!(view.ended(), Some(("hangup".to_owned(), "callee".to_owned())), "{:?}", view.0);
    assert!(proxy.saw("BYE"), "the BYE does not go through the proxy");
}

#[test]
fn sipsak_pings_registers_and_is_told_when_it_may_not() {
    let server = Server::demo();
    let uri = server.uri("alice");
    let (content, said) = sipsak::run(&["-s", &uri, "-vv"]);
    assert!(content && said.contains("200 OK"), "{said}");
    let (content, said) = sipsak::run(&[
        "-U",
        "-u",
        "alice",
        "-C",
        "sip:alice@127.0.0.1:9",
        "-x",
        "120",
        "-a",
        PASSWORD,
        "-s",
        &uri,
        "-vv",
    ]);
    assert!(content, "{said}");
    tests::wait::until("a registration", SOON, || {
        (server.metric("offhook_registrations") == 1.0).then_some(())
    });
    let (content, said) = sipsak::run(&[
        "-U",
        "-u",
        "alice",
        "-C",
        "sip:alice@127.0.0.1:9",
        "-x",
        "120",
        "-a",
        "wrong",
        "-s",
        &uri,
        "-vv",
    ]);
    assert!(!content, "{said}");
    // A request with too few hops is refused, and a traceroute ends here.
    let (_, said) = sipsak::run(&["-T", "-s", &uri, "-vv"]);
    assert!(said.contains("200") || said.contains("483"), "{said}");
}
