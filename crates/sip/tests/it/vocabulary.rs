//! rsip as the other reader: what we send, a stack we did not write can read, and finds the same in it.

use rsip::prelude::*;

use crate::harness::*;

#[test]
fn rsip_reads_every_message_of_a_call_of_ours() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 183, Some(sdp()), contact()).unwrap();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sent.last().unwrap().1);
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.endpoint.hang_up(b.now, session, sip::Reason::normal());
    b.hear(&request("OPTIONS", 1, "o1", "", "", "").replace("call-1", "call-2"));
    b.hear(&request("REGISTER", 1, "r1", "", "", "").replace("call-1", "call-3"));
    let sent = b.sends(&["100", "183", "200", "BYE", "200", "401"]);
    for text in &sent {
        let ours = sip::Message::parse(text.clone().into()).unwrap();
        let (headers, status, method) = match rsip::SipMessage::try_from(text.as_bytes()).unwrap() {
            rsip::SipMessage::Request(r) => (r.headers, None, Some(sip::Method::Known(r.method))),
            rsip::SipMessage::Response(r) => (r.headers, Some(r.status_code.code()), None),
        };
        assert_eq!((ours.status(), ours.method()), (status, method));
        let named = |name: fn(&rsip::Header) -> bool| headers.iter().filter(|h| name(h)).count();
        assert_eq!(named(|h| matches!(h, rsip::Header::Via(_))), 1);
        assert_eq!(named(|h| matches!(h, rsip::Header::ContentLength(_))), 1);
        for h in headers.iter() {
            match h {
                rsip::Header::CSeq(h) => drop(h.typed().unwrap()),
                rsip::Header::From(h) => drop(h.typed().unwrap()),
                rsip::Header::To(h) => drop(h.typed().unwrap()),
                rsip::Header::Contact(h) => drop(h.typed().unwrap()),
                rsip::Header::Via(h) => drop(h.typed().unwrap()),
                _ => {}
            }
        }
    }
}
