//! Calls and their ways: opened, refused, silent, busy, and the hop that is tried next (RFC 3263 §4.3).

use std::time::Duration;

use sip::{Hop, Invite, Next, Offer, Reason, SessionId, Transport};

use crate::harness::*;

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
