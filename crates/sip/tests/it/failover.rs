//! Calls and their ways: opened, refused, silent, busy, and the hop that is tried next (RFC 3263 §4.3).

use std::time::Duration;

use sip::{Hop, Invite, Next, Offer, Reason, SessionId, Transport};

use crate::harness::*;
use crate::locate::{Zone, options, serve};

pub(crate) fn invite_to(next: Next) -> Invite {
    Invite {
        next,
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "<sip:bob@203.0.113.9>".into(),
        user: "ivr".into(),
        offer: Offer::Ready(sdp()),
        credentials: None,
        headers: Vec::new(),
        follow: true,
        max_forwards: 70,
    }
}

fn hop(transport: Transport) -> Next {
    Next::Hop(Hop {
        transport,
        remote: "203.0.113.9:5060".parse().unwrap(),
        name: Some("gw.example.com".into()),
    })
}

fn place(b: &mut Bench, invite: Invite) -> SessionId {
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    session
}

#[test]
fn a_hop_is_opened_before_its_invite_is_written() {
    let mut b = Bench::new();
    place(&mut b, invite_to(hop(Transport::Tls)));
    b.sends(&[]);
    b.opens("TLS 203.0.113.9:5060 (gw.example.com)", true);
    let invite = b.sends(&["INVITE"]).remove(0);
    assert!(header(&invite, "Via").starts_with("SIP/2.0/TLS 192.0.2.1:5060;"), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sip:ivr@192.0.2.1:5060;transport=tls>");
    b.hear(&response(&invite, "486 Busy Here", "t", "", ""));
    b.tells(&["ended Failed { status: 486 }"]);
    b.is_clean();
}

#[test]
fn a_numeric_uri_needs_no_question() {
    for (uri, hop) in [
        ("sip:bob@203.0.113.9", "UDP 203.0.113.9:5060"),
        ("sip:203.0.113.9:5070;transport=tcp", "TCP 203.0.113.9:5070"),
        ("sips:[2001:db8::1]", "TLS [2001:db8::1]:5061"),
        ("sip:x@example.com;maddr=192.0.2.77", "UDP 192.0.2.77:5060"),
        ("sip:203.0.113.9;transport=ws", "WS 203.0.113.9:80"),
    ] {
        let mut b = Bench::new();
        place(&mut b, invite_to(Next::Uri(uri.into())));
        b.opens(hop, false);
        b.tells(&["ended Failed { status: 503 }"]);
        b.is_clean();
    }
}

#[test]
fn a_call_that_leads_nowhere_fails_at_once() {
    let mut b = Bench::new();
    for uri in ["tel:+15551234", "sip:x@203.0.113.9;transport=sctp", "nonsense"] {
        place(&mut b, invite_to(Next::Uri(uri.into())));
        b.tells(&["ended Failed { status: 503 }"]);
    }
    b.is_clean();
}

#[test]
fn the_offer_is_asked_for_when_the_hop_is_reached() {
    let mut b = Bench::new();
    let session = place(&mut b, Invite { offer: Offer::WhenReached, ..invite_to(hop(Transport::Udp)) });
    assert!(b.endpoint.offer(b.now, session, Some(sdp())).is_err(), "not asked for yet");
    b.opens("UDP 203.0.113.9:5060 (gw.example.com)", true);
    b.tells(&["reached UDP 203.0.113.9:5060"]);
    b.sends(&[]);
    b.endpoint.offer(b.now, session, Some(sdp())).unwrap();
    assert!(b.endpoint.offer(b.now, session, Some(sdp())).is_err(), "given already");
    b.drain();
    let invite = b.sends(&["INVITE"]).remove(0);
    assert!(invite.ends_with(SDP));
    b.hear(&response(&invite, "200 OK", "t", "", SDP));
    b.tells(&["answered body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn hanging_up_before_anything_was_sent_tells_nobody() {
    let mut b = Bench::new();
    let session = place(&mut b, Invite { offer: Offer::WhenReached, ..invite_to(hop(Transport::Tcp)) });
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.opens("TCP 203.0.113.9:5060 (gw.example.com)", true);
    let session = place(&mut b, Invite { offer: Offer::WhenReached, ..invite_to(hop(Transport::Udp)) });
    b.opens("UDP 203.0.113.9:5060 (gw.example.com)", true);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&[]);
    b.tells(&["ended HungUp", "reached UDP 203.0.113.9:5060", "ended HungUp"]);
    b.is_clean();
}

#[test]
fn the_only_hop_has_the_whole_time_of_its_transaction() {
    let mut b = Bench::new();
    place(&mut b, invite_to(hop(Transport::Udp)));
    b.opens("UDP 203.0.113.9:5060 (gw.example.com)", true);
    b.pass(Duration::from_secs(31));
    b.tells(&[]);
    b.pass(Duration::from_secs(2));
    b.tells(&["ended Failed { status: 408 }"]);
    // A stream that never opens is given up too.
    place(&mut b, invite_to(hop(Transport::Tcp)));
    b.pass(Duration::from_secs(33));
    b.tells(&["ended Failed { status: 503 }"]);
    b.sent.clear();
    b.is_clean();
}

const PAIR: &str = "
    gw.example.com A 600 203.0.113.1
    gw.example.com A 600 203.0.113.2
";

const FIRST: &str = "UDP 203.0.113.1:5060 (gw.example.com)";
const SECOND: &str = "UDP 203.0.113.2:5060 (gw.example.com)";

/// A call to a name with two addresses, sent to the first.
fn to_the_first(b: &mut Bench, offer: Offer) -> (SessionId, String) {
    let next = Next::Uri("sip:gw.example.com:5060".into());
    let session = place(b, Invite { offer, ..invite_to(next) });
    serve(b, &Zone::new(PAIR));
    b.flow = b.opens(FIRST, true);
    if !b.events.is_empty() {
        b.tells(&["reached UDP 203.0.113.1:5060"]);
        b.endpoint.offer(b.now, session, Some(sdp())).unwrap();
        b.drain();
    }
    (session, b.sends(&["INVITE"]).remove(0))
}

#[test]
fn a_silent_hop_is_exchanged_after_four_seconds_for_the_next() {
    let mut b = Bench::new();
    let (session, first) = to_the_first(&mut b, Offer::WhenReached);
    b.pass(Duration::from_millis(3999));
    b.sends(&["INVITE", "INVITE", "INVITE"]);
    b.pass(Duration::from_millis(1));
    b.flow = b.opens(SECOND, true);
    b.tells(&["reached UDP 203.0.113.2:5060"]);
    b.endpoint.offer(b.now, session, Some(sdp())).unwrap();
    b.drain();
    let second = b.sends(&["INVITE"]).remove(0);
    // The same request in a transaction of its own.
    for name in ["From", "To", "Call-ID", "CSeq", "Contact"] {
        assert_eq!(header(&first, name), header(&second, name));
    }
    assert_ne!(header(&first, "Via"), header(&second, "Via"));
    b.hear(&response(&second, "200 OK", "t2", "", SDP));
    b.tells(&["answered body"]);
    b.sends(&["ACK"]);
    // The first one wakes up: what rings there is cancelled.
    b.hear(&response(&first, "180 Ringing", "t1", "", ""));
    let cancel = b.sends(&["CANCEL"]).remove(0);
    assert_eq!(header(&cancel, "Via"), header(&first, "Via"));
    b.hear(&response(&first, "180 Ringing", "t1", "", ""));
    b.hear(&response(&cancel, "200 OK", "t1", "", ""));
    b.hear(&response(&first, "487 Request Terminated", "t1", "", ""));
    b.sends(&["ACK"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let bye = b.sends(&["BYE"]).remove(0);
    b.hear(&response(&bye, "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_late_answer_of_a_hop_given_up_is_hung_up() {
    let mut b = Bench::new();
    let (_, first) = to_the_first(&mut b, Offer::Ready(sdp()));
    b.pass(Duration::from_secs(4));
    b.sent.clear();
    b.opens(SECOND, true);
    let second = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&first, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["ACK", "BYE"]);
    assert!(header(&sent[1], "To").ends_with(";tag=t1"));
    b.hear(&response(&second, "486 Busy Here", "t2", "", ""));
    b.tells(&["ended Failed { status: 486 }"]);
    b.is_clean();
}

#[test]
fn a_503_and_a_transport_error_lead_on_and_other_refusals_do_not() {
    let mut b = Bench::new();
    let (_, first) = to_the_first(&mut b, Offer::Ready(sdp()));
    b.hear(&response(&first, "503 Service Unavailable", "t1", "Retry-After: 20 (busy)\r\n", ""));
    b.flow = b.opens(SECOND, true);
    let sent = b.sends(&["ACK", "INVITE"]);
    b.endpoint.handle(b.now, sip::Input::TransmitFailed { flow: b.flow });
    b.drain();
    b.tells(&["ended Failed { status: 503 }"]);
    assert_ne!(sent[0], sent[1]);
    // Both are avoided now, for 20 and 60 s, so they are tried in their order; after 20 s the first again.
    b.pass(Duration::from_secs(21));
    let (_, again) = to_the_first(&mut b, Offer::Ready(sdp()));
    for status in ["486 Busy Here", "603 Decline", "500 Server Internal Error", "404 Not Found"] {
        b.hear(&response(&again, status, "t", "", ""));
    }
    b.sends(&["ACK", "ACK", "ACK", "ACK"]);
    b.tells(&["ended Failed { status: 486 }"]);
    b.is_clean();
}

#[test]
fn a_hop_that_failed_is_avoided_for_a_minute() {
    let mut b = Bench::new();
    to_the_first(&mut b, Offer::Ready(sdp()));
    b.pass(Duration::from_secs(4));
    b.sent.clear();
    let flow = b.opens(SECOND, true);
    b.flow = flow;
    let second = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&second, "404 Not Found", "t", "", ""));
    b.tells(&["ended Failed { status: 404 }"]);
    b.sends(&["ACK"]);
    place(&mut b, invite_to(Next::Uri("sip:gw.example.com:5060".into())));
    b.opens(SECOND, true);
    let third = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&third, "404 Not Found", "t", "", ""));
    b.pass(Duration::from_secs(60));
    b.sent.clear();
    b.events.clear();
    to_the_first(&mut b, Offer::Ready(sdp()));
    b.pass(Duration::from_secs(100));
    b.connects.clear();
    b.sent.clear();
    b.is_clean();
}

#[test]
fn a_hop_that_rang_is_the_one() {
    let mut b = Bench::new();
    let (_, first) = to_the_first(&mut b, Offer::Ready(sdp()));
    b.hear(&response(&first, "100 Trying", "", "", ""));
    b.pass(Duration::from_secs(60));
    assert!(b.connects.is_empty());
    b.endpoint.handle(b.now, sip::Input::TransmitFailed { flow: b.flow });
    b.drain();
    b.tells(&["ended Failed { status: 503 }"]);
    b.is_clean();
}

#[test]
fn hanging_up_while_the_next_hop_is_sought_ends_it_all() {
    let mut b = Bench::new();
    let (session, first) = to_the_first(&mut b, Offer::Ready(sdp()));
    b.pass(Duration::from_secs(4));
    b.sent.clear();
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["ended HungUp"]);
    b.opens(SECOND, true);
    b.sends(&[]);
    b.hear(&response(&first, "180 Ringing", "t1", "", ""));
    b.sends(&["CANCEL"]);
    b.is_clean();
}

#[test]
fn a_next_hop_that_has_to_be_asked_for_is_asked_for_while_the_first_may_still_answer() {
    let mut b = Bench::new();
    place(&mut b, invite_to(Next::Uri("sip:gw.example.com:5060".into())));
    let zone = Zone::new("gw.example.com A 600 203.0.113.1\ngw.example.com AAAA 600 2001:db8::1");
    let query = b.queries.remove(0);
    let answer = zone.answer(&query);
    b.endpoint.handle(b.now, sip::Input::Found { query, answer });
    b.drain();
    b.opens(FIRST, true);
    b.pass(Duration::from_secs(5));
    assert!(b.connects.is_empty());
    serve(&mut b, &zone);
    b.opens("UDP [2001:db8::1]:5060 (gw.example.com)", true);
    b.sends(&["INVITE", "INVITE", "INVITE", "INVITE", "INVITE"]);
    b.pass(Duration::from_secs(40));
    b.tells(&["ended Failed { status: 408 }"]);
    b.sent.clear();
    b.is_clean();
}

#[test]
fn a_request_outside_of_calls_fails_over_too() {
    let mut b = Bench::new();
    b.endpoint.request(b.now, options("sip:gw.example.com:5060"));
    b.drain();
    serve(&mut b, &Zone::new(PAIR));
    b.opens(FIRST, true);
    b.pass(Duration::from_secs(4));
    b.sent.clear();
    b.opens(SECOND, true);
    let second = b.sends(&["OPTIONS"]).remove(0);
    assert_eq!(header(&second, "CSeq"), "1 OPTIONS");
    b.hear(&response(&second, "503 Service Unavailable", "t", "", ""));
    b.tells(&["responded 503"]);
    b.is_clean();
}
