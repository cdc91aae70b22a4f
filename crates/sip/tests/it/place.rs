//! Calls we place: progress, answer, forks, challenges, cancelling and silence.

use std::time::Duration;

use sip::{Body, Credentials, Input, Invite, Next, Offer, Reason, SessionId, Transport};

use crate::harness::*;

fn placed(b: &mut Bench, body: Option<Body>) -> (SessionId, String) {
    let invite = Invite {
        next: Next::Flow(b.flow),
        target: "sip:bob@203.0.113.9;x=y".into(),
        from: "\"Us\" <sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: body.map_or(Offer::None, Offer::Ready),
        credentials: Some(Credentials { user: "ivr".into(), password: "pw".into() }),
        headers: vec![("X-Call".into(), "7".into())],
        follow: true,
        max_forwards: 12,
    };
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    let sent = b.sends(&["INVITE"]);
    (session, sent.into_iter().next().unwrap())
}

#[test]
fn a_call_is_placed_answered_acknowledged_and_hung_up() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, Some(sdp()));
    assert!(invite.starts_with("INVITE sip:bob@203.0.113.9;x=y SIP/2.0\r\n"));
    assert_eq!(header(&invite, "Max-Forwards"), "12");
    assert_eq!(header(&invite, "To"), "<sip:bob@203.0.113.9>");
    assert_eq!((header(&invite, "X-Call"), header(&invite, "CSeq")), ("7", "1 INVITE"));
    b.hear(&response(&invite, "100 Trying", "", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "183 Session Progress", "t1", "", SDP));
    let routes = "Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n";
    b.hear(&response(&invite, "200 OK", "t1", routes, SDP));
    b.tells(&["progressed 180", "progressed 183 body", "answered body"]);
    let ack = b.sends(&["ACK"]).remove(0);
    assert!(ack.starts_with("ACK sip:callee@203.0.113.9:5080 SIP/2.0\r\n"), "{ack}");
    assert_eq!(ack.matches("Route: ").count(), 2);
    assert_eq!(header(&ack, "Route"), "<sip:p1.example.com;lr>");
    assert_ne!(header(&ack, "Via"), header(&invite, "Via"));
    b.hear(&response(&invite, "200 OK", "t1", routes, SDP));
    assert_eq!(b.sends(&["ACK"]), [ack]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let bye = b.sends(&["BYE"]).remove(0);
    assert_eq!(header(&bye, "CSeq"), "2 BYE");
    assert!(header(&bye, "To").ends_with(";tag=t1"));
    b.hear(&response(&bye, "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    assert_eq!(b.endpoint.counts().sessions, 0);
    // The 200 may still come again.
    b.hear(&response(&invite, "200 OK", "t1", routes, SDP));
    b.sends(&["ACK"]);
    b.is_clean();
}

#[test]
fn the_peer_can_hang_up_a_call_we_placed_and_change_it() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let theirs = |method: &str, cseq: u32, body: &str| {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:ivr@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK{method}{cseq};rport\r\n\
             From: <sip:bob@203.0.113.9>;tag=t1\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            header(&invite, "From"),
            header(&invite, "Call-ID"),
            body.len()
        )
    };
    b.hear(&theirs("INVITE", 100, SDP));
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.hear(&theirs("ACK", 100, ""));
    b.hear(&theirs("BYE", 101, ""));
    b.sends(&["ACK", "100", "200", "200"]);
    b.tells(&["answered body", "reinvited body", "reconfirmed", "ended Bye { cause: None }"]);
    b.is_clean();
}

#[test]
fn a_refusal_is_acknowledged_and_ends_the_call() {
    let mut b = Bench::new();
    let (_, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "486 Busy Here", "t1", "", ""));
    b.hear(&response(&invite, "486 Busy Here", "t1", "", ""));
    let acks = b.sends(&["ACK", "ACK"]);
    assert_eq!(header(&acks[0], "Via"), header(&invite, "Via"));
    assert!(header(&acks[0], "To").ends_with(";tag=t1"));
    b.tells(&["ended Failed { status: 486 }"]);
    b.is_clean();
}

#[test]
fn an_offer_in_the_200_is_answered_in_the_ack() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, None);
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.sends(&[]);
    b.tells(&["answered body owes"]);
    b.endpoint.acknowledge(b.now, session, Some(sdp())).unwrap();
    b.drain();
    assert!(b.sends(&["ACK"])[0].ends_with(SDP));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn hanging_up_an_offer_not_answered_acknowledges_it_first() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, None);
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&["ACK", "BYE"]);
    b.tells(&["answered body owes", "ended HungUp"]);
    b.is_clean();
}

#[test]
fn every_fork_but_the_first_is_acknowledged_and_hung_up() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t2", "", ""));
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["ACK", "ACK", "BYE", "ACK"]);
    assert!(header(&sent[2], "To").ends_with(";tag=t1"));
    assert_eq!(b.endpoint.session(session).unwrap().remote_tag, "t2");
    b.hear(&response(&sent[2], "200 OK", "", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn a_challenge_is_answered_once() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, Some(sdp()));
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"\r\n";
    b.hear(&response(&first, "401 Unauthorized", "t1", challenge, ""));
    let sent = b.sends(&["ACK", "INVITE"]);
    let again = &sent[1];
    assert_eq!(header(again, "CSeq"), "2 INVITE");
    assert_eq!(header(again, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(again, "From"), header(&first, "From"));
    assert_ne!(header(again, "Via"), header(&first, "Via"));
    let line = header(again, "Authorization");
    assert!(line.contains("username=\"ivr\"") && line.contains("algorithm=SHA-256"), "{line}");
    b.hear(&response(again, "200 OK", "t2", "", SDP));
    assert!(find(&b.sends(&["ACK"])[0], "Authorization").is_some());
    b.tells(&["answered body"]);

    let mut b = Bench::new();
    let (_, first) = placed(&mut b, Some(sdp()));
    b.hear(&response(&first, "407 Proxy", "t1", &challenge.replace("WWW", "Proxy"), ""));
    let sent = b.sends(&["ACK", "INVITE"]);
    b.hear(&response(&sent[1], "407 Proxy", "t1", &challenge.replace("WWW", "Proxy"), ""));
    b.sends(&["ACK"]);
    b.tells(&["ended Failed { status: 407 }"]);
    b.is_clean();
}

#[test]
fn cancelling_waits_for_a_provisional() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, Some(sdp()));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&[]);
    b.tells(&["ended HungUp"]);
    b.hear(&response(&invite, "100 Trying", "", "", ""));
    let cancel = b.sends(&["CANCEL"]).remove(0);
    assert_eq!(header(&cancel, "Via"), header(&invite, "Via"));
    assert_eq!(header(&cancel, "CSeq"), "1 CANCEL");
    b.hear(&response(&cancel, "200 OK", "t1", "", ""));
    b.hear(&response(&invite, "487 Request Terminated", "t1", "", ""));
    b.sends(&["ACK"]);
    assert_eq!(b.endpoint.counts().sessions, 0);
    b.is_clean();
}

#[test]
fn a_200_that_crosses_a_cancel_is_acknowledged_and_hung_up() {
    let mut b = Bench::new();
    let (session, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["CANCEL", "ACK", "BYE"]);
    b.hear(&response(&sent[2], "200 OK", "", "", ""));
    b.tells(&["progressed 180", "ended HungUp"]);
    assert_eq!(b.endpoint.counts().sessions, 0);
    b.is_clean();
}

#[test]
fn silence_ends_a_call_with_408_and_a_cancel_with_nothing() {
    let mut b = Bench::new();
    placed(&mut b, Some(sdp()));
    b.pass(Duration::from_secs(33));
    assert_eq!(b.sent.len(), 6);
    b.tells(&["ended Failed { status: 408 }"]);
    b.sent.clear();

    let (session, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
    b.tells(&["progressed 180", "ended HungUp"]);
}

#[test]
fn a_broken_transport_ends_a_call_being_placed() {
    for closed in [false, true] {
        let mut b = Bench::over(if closed { Transport::Tcp } else { Transport::Udp });
        placed(&mut b, Some(sdp()));
        let flow = b.flow;
        b.endpoint
            .handle(b.now, if closed { Input::Closed { flow } } else { Input::TransmitFailed { flow } });
        b.drain();
        b.tells(&["ended TransportLost"]);
        b.is_clean();
    }
}

#[test]
fn responses_to_nothing_are_dropped_and_counted() {
    let mut b = Bench::new();
    let (_, invite) = placed(&mut b, Some(sdp()));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP).replace("branch=z9hG4bK", "branch=z9hG4bKx"));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP).replace("Via: ", "Via: SIP/2.0/UDP other, "));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP).replace("1 INVITE", "1 BYE"));
    assert_eq!(b.endpoint.counters().stray_responses, 3);
    b.sends(&[]);
    b.tells(&[]);
}
