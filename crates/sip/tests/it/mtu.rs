//! Requests too large for a datagram (RFC 3261 §18.1.1), and dialogs whose requests go to a name (RFC 3263).

use std::time::Duration;

use sip::{Body, Flow, Input, Invite, Next, Offer, Reason, SessionId};

use crate::failover::invite_to;
use crate::harness::*;
use crate::locate::{Zone, options, serve};

const TCP: &str = "TCP 203.0.113.9:5060";
const UDP: &str = "UDP 203.0.113.9:5060";

fn long() -> Vec<(String, String)> {
    vec![("X-Long".into(), "x".repeat(1300))]
}

fn large(uri: &str) -> Invite {
    Invite { headers: long(), ..invite_to(Next::Uri(uri.into())) }
}

fn place(b: &mut Bench, invite: Invite) -> SessionId {
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    session
}

/// Opens a stream of our address 192.0.2.1:5062 to what is asked for.
fn opens_stream(b: &mut Bench, expected: &str) -> Flow {
    let hop = b.connects.remove(0);
    assert_eq!(hop.to_string(), expected);
    let local = "192.0.2.1:5062".parse().unwrap();
    let flow = Flow { transport: hop.transport, local, remote: hop.remote };
    b.endpoint.handle(b.now, Input::Connected { hop, flow });
    b.drain();
    flow
}

#[test]
fn a_large_invite_goes_over_tcp_and_says_so() {
    let mut b = Bench::new();
    let session = place(&mut b, large("sip:203.0.113.9"));
    b.opens(UDP, true);
    b.pass(Duration::from_millis(600));
    b.sends(&[]);
    b.flow = opens_stream(&mut b, TCP);
    let (flow, invite) = b.sent.remove(0);
    assert_eq!(flow, b.flow);
    assert!(header(&invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5062;"), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sip:ivr@192.0.2.1:5062;transport=tcp>");
    assert!(invite.ends_with(SDP));
    b.pass(Duration::from_secs(10));
    b.sends(&[]);
    b.hear(&response(&invite, "200 OK", "t", "", SDP));
    b.tells(&["answered body"]);
    assert!(b.sent.iter().all(|(by, _)| *by == flow));
    b.sends(&["ACK"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let bye = b.sends(&["BYE"]).remove(0);
    b.hear(&response(&bye, "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn without_a_stream_it_is_a_datagram_and_the_next_one_at_once() {
    for refused in [true, false] {
        let mut b = Bench::new();
        place(&mut b, large("sip:203.0.113.9"));
        b.opens(UDP, true);
        if refused {
            b.opens(TCP, false);
        } else {
            b.connects.clear();
            b.pass(Duration::from_secs(4));
        }
        let invite = b.sends(&["INVITE"]).remove(0);
        assert!(header(&invite, "Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;"), "{invite}");
        assert_eq!(header(&invite, "Contact"), "<sip:ivr@192.0.2.1:5060>");
        // Its whole patience begins now.
        b.pass(Duration::from_secs(31));
        b.tells(&[]);
        b.sent.clear();
        b.hear(&response(&invite, "486 Busy Here", "t", "", ""));
        b.sends(&["ACK"]);
        place(&mut b, large("sip:203.0.113.9"));
        b.opens(UDP, true);
        let invite = b.sends(&["INVITE"]).remove(0);
        assert!(b.connects.is_empty());
        b.hear(&response(&invite, "486 Busy Here", "t", "", ""));
        b.sends(&["ACK"]);
        b.pass(Duration::from_secs(601));
        place(&mut b, large("sip:203.0.113.9"));
        b.opens(UDP, true);
        b.opens(TCP, false);
        b.pass(Duration::from_secs(33));
        b.sent.clear();
        b.tells(&[
            "ended Failed { status: 486 }",
            "ended Failed { status: 486 }",
            "ended Failed { status: 408 }",
        ]);
        b.is_clean();
    }
}

#[test]
fn a_transport_that_the_uri_fixes_and_the_way_of_a_peer_are_kept() {
    let mut b = Bench::new();
    for next in [Next::Uri("sip:203.0.113.9;transport=udp".into()), Next::Flow(b.flow)] {
        let is_flow = matches!(next, Next::Flow(_));
        place(&mut b, Invite { headers: long(), ..invite_to(next) });
        if !is_flow {
            b.opens(UDP, true);
        }
        let invite = b.sends(&["INVITE"]).remove(0);
        b.hear(&response(&invite, "404 Not Found", "t", "", ""));
        b.sends(&["ACK"]);
    }
    assert!(b.connects.is_empty());
    b.events.clear();
    b.is_clean();
}

#[test]
fn hanging_up_before_the_stream_is_open_sends_nothing() {
    let mut b = Bench::new();
    let session = place(&mut b, large("sip:203.0.113.9"));
    b.opens(UDP, true);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.opens(TCP, true);
    b.sends(&[]);
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_challenge_over_the_stream_is_answered_over_it() {
    let mut b = Bench::new();
    let credentials = Some(sip::Credentials { user: "u".into(), password: "p".into() });
    let request =
        sip::Request { headers: long(), credentials, user: Some("us".into()), ..options("sip:203.0.113.9") };
    b.endpoint.request(b.now, request);
    b.drain();
    b.opens(UDP, true);
    b.flow = opens_stream(&mut b, TCP);
    let first = b.sends(&["OPTIONS"]).remove(0);
    assert_eq!(header(&first, "Contact"), "<sip:us@192.0.2.1:5062;transport=tcp>");
    let ask = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    b.hear(&response(&first, "401 Unauthorized", "t", ask, ""));
    assert_eq!(b.sent[0].0, b.flow);
    let second = b.sends(&["OPTIONS"]).remove(0);
    b.hear(&response(&second, "200 OK", "t", "", ""));
    b.tells(&["responded 200"]);
    b.is_clean();
}

#[test]
fn a_large_change_of_a_call_takes_a_stream_where_the_peer_is_in_the_open() {
    for (contact, in_the_open) in [("sip:alice@198.51.100.7:5070", true), ("sip:alice@10.0.0.5:5070", false)]
    {
        let mut b = Bench::new();
        b.hear(&invite().replace("sip:alice@10.0.0.5:5070", contact));
        let session = b.invited();
        b.endpoint.answer(b.now, session, Some(sdp()), self::contact()).unwrap();
        b.drain();
        let tag = to_tag(&b.sends(&["100", "200"])[1]);
        b.hear(&request("ACK", 1, "a1", &tag, "", "").replace("sip:alice@10.0.0.5:5070", contact));
        b.tells(&["confirmed"]);
        let body = format!("{SDP}a=x:{}\r\n", "y".repeat(1300));
        b.endpoint.reinvite(b.now, session, Some(Body::sdp(body.into_bytes()))).unwrap();
        b.drain();
        if in_the_open {
            b.sends(&[]);
            let flow = opens_stream(&mut b, "TCP 198.51.100.7:5070");
            let (by, reinvite) = b.sent.remove(0);
            assert_eq!(by, flow);
            assert!(header(&reinvite, "Via").starts_with("SIP/2.0/TCP "));
            assert_eq!(header(&reinvite, "Contact"), "<sip:ivr@192.0.2.1:5060>");
            b.hear_on(flow, response(&reinvite, "200 OK", "", "", SDP).into());
        } else {
            let reinvite = b.sends(&["INVITE"]).remove(0);
            b.hear(&response(&reinvite, "200 OK", "", "", SDP));
        }
        b.sends(&["ACK"]);
        assert_eq!(b.events.len(), 1, "{:?}", b.events);
        b.endpoint.hang_up(b.now, session, Reason::normal());
        b.drain();
        b.sent.clear();
        b.events.clear();
        b.is_clean();
    }
}

#[test]
fn a_dialog_whose_route_is_a_name_goes_where_the_name_leads() {
    let mut b = Bench::new();
    let zone = Zone::new("proxy.example.com A 60 203.0.113.77");
    b.hear(&request("INVITE", 1, "i1", "", "Record-Route: <sip:proxy.example.com:5066;lr>\r\n", SDP));
    let session = b.invited();
    serve(&mut b, &zone);
    b.opens("UDP 203.0.113.77:5066 (proxy.example.com)", true);
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let (flow, bye) = b.sent.remove(0);
    assert_eq!(flow.remote.to_string(), "203.0.113.77:5066");
    assert_eq!(header(&bye, "Route"), "<sip:proxy.example.com:5066;lr>");
    b.hear(&response(&bye, "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_contact_that_cannot_be_located_is_reached_where_it_came_from() {
    let mut b = Bench::new();
    let next = Next::Flow(b.flow);
    let session = place(&mut b, Invite { offer: Offer::Ready(sdp()), ..invite_to(next) });
    let invite = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&invite, "200 OK", "t", "", SDP).replace("203.0.113.9:5080", "phone.invalid"));
    b.sends(&["ACK"]);
    assert_eq!(serve(&mut b, &Zone::new("")).len(), 6);
    assert!(b.connects.is_empty());
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    assert_eq!(b.sent.remove(0).0, b.flow);
    b.events.clear();
    b.is_clean();
}
