//! Calls that are redirected (RFC 3261 §8.1.3.4): which targets are tried, in which order, and when it is enough.

use sip::{Credentials, Input, Invite, Next, Offer, Reason, SessionId};

use crate::harness::*;

/// A call to a trunk.
fn placed(b: &mut Bench, follow: bool) -> (SessionId, String) {
    let invite = Invite {
        next: Next::Flow(b.flow),
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: Offer::Ready(sdp()),
        credentials: Some(Credentials { user: "ivr".into(), password: "pw".into() }),
        headers: vec![("X-Call".into(), "7".into())],
        follow,
        max_forwards: 70,
    };
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    (session, b.sends(&["INVITE"]).remove(0))
}

/// A 3xx that points to these.
fn redirect(invite: &str, status: &str, contacts: &str) -> String {
    response(invite, status, "r1", "", "")
        .replace("Contact: <sip:callee@203.0.113.9:5080>\r\n", &format!("Contact: {contacts}\r\n"))
}

/// The way that was asked for last is open: the INVITE that goes by it.
fn reached(b: &mut Bench) -> String {
    let hop = b.connects.pop().expect("a way was asked for");
    let flow = sip::Flow { remote: hop.remote, transport: hop.transport, ..b.flow };
    b.endpoint.handle(b.now, Input::Connected { hop, flow });
    b.drain();
    let (sent_to, _) = b.sent.last().expect("an INVITE");
    assert_eq!(*sent_to, flow);
    b.sends(&["INVITE"]).remove(0)
}

#[test]
fn a_302_is_followed_with_the_same_call_id_and_the_next_number() {
    let mut b = Bench::new();
    let (session, first) = placed(&mut b, true);
    b.hear(&response(&first, "180 Ringing", "t1", "", ""));
    b.hear(&redirect(&first, "302 Moved Temporarily", "<sip:carol@198.51.100.20:5070;x=y?Subject=no>"));
    b.sends(&["ACK"]);
    b.tells(&["progressed 180", "redirected 302 to sip:carol@198.51.100.20:5070;x=y"]);
    let second = reached(&mut b);
    assert!(second.starts_with("INVITE sip:carol@198.51.100.20:5070;x=y SIP/2.0\r\n"), "{second}");
    for name in ["Call-ID", "From", "To", "X-Call"] {
        assert_eq!(header(&second, name), header(&first, name));
    }
    assert_eq!(header(&second, "CSeq"), "2 INVITE");
    assert_ne!(header(&second, "Via"), header(&first, "Via"));
    assert!(second.ends_with(SDP));
    // The early dialogs of the first target are over; the number of an INVITE is in RAck.
    b.hear(&response(&second, "183 Session Progress", "t2", &reliably(1), SDP));
    let prack = b.sends(&["PRACK"]).remove(0);
    assert_eq!((header(&prack, "RAck"), header(&prack, "CSeq")), ("1 2 INVITE", "3 PRACK"));
    b.hear(&response(&second, "200 OK", "t2", "", ""));
    b.sends(&["ACK"]);
    b.tells(&["progressed 183 in 2 body", "answered in 2 body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn targets_are_tried_by_preference_until_one_answers() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, true);
    let contacts = "<sip:c@198.51.100.3>;q=0.1, <sip:a@198.51.100.1>;q=0.9, <mailto:x@example.com>";
    b.hear(&redirect(&first, "300 Multiple Choices", contacts));
    b.sends(&["ACK"]);
    b.tells(&["redirected 300 to sip:a@198.51.100.1 sip:c@198.51.100.3"]);
    let second = reached(&mut b);
    b.hear(&response(&second, "404 Not Found", "t2", "", ""));
    b.sends(&["ACK"]);
    b.tells(&["redirected 404 to sip:c@198.51.100.3"]);
    let third = reached(&mut b);
    assert!(third.starts_with("INVITE sip:c@198.51.100.3 SIP/2.0\r\n"));
    b.hear(&response(&third, "404 Not Found", "t3", "", ""));
    b.sends(&["ACK"]);
    b.tells(&["ended Failed { status: 404 }"]);
    b.is_clean();
}

#[test]
fn a_target_that_cannot_be_reached_gives_way_to_the_next() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, true);
    b.hear(&redirect(&first, "302 Moved", "<sip:a@198.51.100.1>, <sip:b@198.51.100.2>"));
    b.sends(&["ACK"]);
    let hop = b.connects.pop().unwrap();
    b.endpoint.handle(b.now, Input::Unreachable { hop });
    b.drain();
    b.tells(&[
        "redirected 302 to sip:a@198.51.100.1 sip:b@198.51.100.2",
        "redirected 503 to sip:b@198.51.100.2",
    ]);
    assert!(reached(&mut b).starts_with("INVITE sip:b@198.51.100.2 "));
}

#[test]
fn busy_and_declined_speak_for_all_targets() {
    for status in ["486 Busy Here", "603 Decline"] {
        let mut b = Bench::new();
        let (_, first) = placed(&mut b, true);
        b.hear(&redirect(&first, "302 Moved", "<sip:a@198.51.100.1>, <sip:b@198.51.100.2>"));
        b.sends(&["ACK"]);
        b.events.clear();
        let second = reached(&mut b);
        b.hear(&response(&second, status, "t2", "", ""));
        b.sends(&["ACK"]);
        b.tells(&[&format!("ended Failed {{ status: {} }}", &status[..3])]);
        b.is_clean();
    }
}

#[test]
fn a_redirect_in_circles_ends() {
    // To itself.
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, true);
    b.hear(&redirect(&first, "302 Moved", "<sip:bob@203.0.113.9>"));
    b.sends(&["ACK"]);
    b.tells(&["redirected 302 to ", "ended Failed { status: 302 }"]);
    b.is_clean();

    // Always further: five targets and no more.
    let mut b = Bench::new();
    let (_, mut invite) = placed(&mut b, true);
    for target in 1..=5 {
        b.hear(&redirect(&invite, "302 Moved", &format!("<sip:x@198.51.100.{target}>")));
        b.sends(&["ACK"]);
        b.tells(&[&format!("redirected 302 to sip:x@198.51.100.{target}")]);
        invite = reached(&mut b);
    }
    b.hear(&redirect(&invite, "302 Moved", "<sip:x@198.51.100.6>"));
    b.sends(&["ACK"]);
    b.tells(&["redirected 302 to ", "ended Failed { status: 302 }"]);
    b.is_clean();
}

#[test]
fn a_caller_that_follows_nothing_is_told_where_it_points() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, false);
    b.hear(&redirect(&first, "302 Moved", "<sip:2002@pbx.example.com>, <tel:+1555>;q=0.5"));
    b.sends(&["ACK"]);
    b.tells(&["redirected 302 to sip:2002@pbx.example.com tel:+1555", "ended Failed { status: 302 }"]);
    b.is_clean();
}

#[test]
fn a_305_or_380_or_one_without_a_usable_contact_fails() {
    for (status, contacts) in [
        ("305 Use Proxy", "<sip:proxy@198.51.100.1>"),
        ("380 Alternative Service", "<sip:x@198.51.100.1>"),
        ("302 Moved", "<http://example.com>"),
        ("302 Moved", "<sip:x@198.51.100.1;method=REGISTER>"),
        ("302 Moved", "garbage <"),
    ] {
        let mut b = Bench::new();
        let (_, first) = placed(&mut b, true);
        b.hear(&redirect(&first, status, contacts));
        b.sends(&["ACK"]);
        assert!(b.connects.is_empty());
        b.is_clean();
    }
}

#[test]
fn a_telephone_number_goes_where_the_call_went_before() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, true);
    b.hear(&redirect(&first, "302 Moved", "<tel:+15551234>"));
    let second = b.sends(&["ACK", "INVITE"]).remove(1);
    assert!(second.starts_with("INVITE tel:+15551234 SIP/2.0\r\n"));
    // The password may be shown there.
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&second, "401 Unauthorized", "t1", challenge, ""));
    assert!(header(&b.sends(&["ACK", "INVITE"])[1], "Authorization").contains("uri=\"tel:+15551234\""));
}

#[test]
fn a_stranger_does_not_get_our_digest() {
    let mut b = Bench::new();
    let (_, first) = placed(&mut b, true);
    b.hear(&redirect(&first, "302 Moved", "<sip:x@198.51.100.66>"));
    b.sends(&["ACK"]);
    let second = reached(&mut b);
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&second, "401 Unauthorized", "t1", challenge, ""));
    b.sends(&["ACK"]);
    b.tells(&["redirected 302 to sip:x@198.51.100.66", "ended Failed { status: 401 }"]);
    b.is_clean();
}

#[test]
fn a_redirect_that_crosses_the_wish_to_end_is_not_followed() {
    let mut b = Bench::new();
    let (session, first) = placed(&mut b, true);
    b.hear(&response(&first, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&redirect(&first, "302 Moved", "<sip:x@198.51.100.1>"));
    b.sends(&["CANCEL", "ACK"]);
    b.tells(&["progressed 180", "ended HungUp"]);
    b.is_clean();

    // Between two targets there is nothing to cancel.
    let mut b = Bench::new();
    let (session, first) = placed(&mut b, true);
    b.hear(&redirect(&first, "302 Moved", "<sip:x@198.51.100.1>"));
    b.sends(&["ACK"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["redirected 302 to sip:x@198.51.100.1", "ended HungUp"]);
    b.is_clean();
}
