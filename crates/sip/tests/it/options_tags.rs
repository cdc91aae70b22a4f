//! Option tags and hops: Require, Supported, Unsupported, Max-Forwards and loops (RFC 3261 §8.2.2, §16.3).

use sip::Reason;

use crate::harness::*;

#[test]
fn what_we_support_is_said_where_it_counts() {
    let mut b = Bench::new();
    b.hear(&request("OPTIONS", 1, "o1", "", "", ""));
    let all = header(&b.sends(&["200"])[0], "Supported").to_owned();
    for option in ["timer", "path"] {
        assert!(all.split(", ").any(|o| o == option), "{all}");
    }
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    assert!(header(&b.sends(&["100", "200"])[1], "Supported").contains("timer"));
    let (_, placed) = call_placed(&mut b, "");
    assert!(header(&placed, "Supported").contains("timer"));
}

#[test]
fn any_request_that_requires_what_we_lack_is_refused() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    for (cseq, method) in (2..).zip(["INVITE", "UPDATE", "INFO", "BYE", "OPTIONS"]) {
        b.hear(&request(method, cseq, &format!("q{cseq}"), &tag, "Require: timer, flying\r\n", ""));
        assert_eq!(header(&b.sends(&["420"])[0], "Unsupported"), "flying", "{method}");
    }
    b.tells(&[]);
    for (cseq, method) in (1..).zip(["INVITE", "OPTIONS", "REGISTER"]) {
        let text = request(method, cseq, &format!("p{cseq}"), "", "Require: x\r\nProxy-Require: y\r\n", "");
        b.hear(&text.replace("call-1", "call-2"));
        assert_eq!(header(&b.sends(&["420"])[0], "Unsupported"), "x, y", "{method}");
    }
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn ack_and_cancel_are_taken_whatever_they_require() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.hear(&request("CANCEL", 1, "i1", "", "Require: flying\r\n", ""));
    b.sends(&["100", "200", "487"]);
    b.tells(&["ended Cancelled { cause: None }"]);
    assert!(b.endpoint.session(session).is_none());
    b.is_clean();

    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&request("ACK", 1, "a1", &tag, "Require: flying\r\n", ""));
    b.tells(&["confirmed"]);
}

#[test]
fn required_extensions_that_we_have_pass() {
    let mut b = Bench::new();
    b.hear(&request("INVITE", 1, "i1", "", "Require: timer\r\nProxy-Require: privacy\r\n", SDP));
    b.invited();
    b.sends(&["100"]);
}

#[test]
fn an_invite_of_ours_that_comes_back_is_a_loop_unless_it_asks_for_another() {
    let mut b = Bench::new();
    let (_, placed) = call_placed(&mut b, "");
    let back = placed.replacen("Via: ", "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKproxy\r\nVia: ", 1);
    b.hear(&back);
    b.sends(&["482"]);
    b.hear(&placed.replace("CSeq: 1 INVITE", "CSeq: 9 INVITE"));
    b.sends(&["482"]);
    assert_eq!(b.endpoint.counters().merged, 2);
    // A proxy that sends it on to another of our numbers means it.
    let elsewhere = back.replace("INVITE sip:bob@203.0.113.9", "INVITE sip:200@192.0.2.1");
    b.hear(&elsewhere.replace("z9hG4bKproxy", "z9hG4bKother").replace("CSeq: 1 INVITE", "CSeq: 2 INVITE"));
    b.sends(&["100"]);
    b.tells(&["invited"]);
}
