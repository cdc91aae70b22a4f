//! Calls without an offer (RFC 3261 §13.2.1, RFC 6337 §3.1): the callee offers, in whatever message it can, also with
//! reliable provisionals, forks and redirects in between.

use sip::Reason;

use crate::harness::*;

#[test]
fn two_forks_offer_and_each_answer_goes_to_its_own() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    assert_eq!(find(&invite, "Content-Type"), None);
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(1), &described("one")));
    b.hear(&response(&invite, "183 Session Progress", "t2", &reliably(1), &described("two")));
    b.tells(&["progressed 183 body owes", "progressed 183 in 2 body owes"]);
    b.endpoint.acknowledge_early(b.now, session, 2, Some(sip::Body::sdp(described("to two")))).unwrap();
    b.endpoint.acknowledge_early(b.now, session, 1, Some(sip::Body::sdp(described("to one")))).unwrap();
    b.drain();
    let pracks = b.sends(&["PRACK", "PRACK"]);
    assert!(header(&pracks[0], "To").ends_with(";tag=t2") && pracks[0].contains("s=to two"));
    assert!(header(&pracks[1], "To").ends_with(";tag=t1") && pracks[1].contains("s=to one"));
    // The 200 repeats its offer, which is no new one.
    b.hear(&response(&invite, "200 OK", "t2", "", &described("two")));
    assert_eq!(find(&b.sends(&["ACK"])[0], "Content-Type"), None);
    b.tells(&["answered in 2 body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_fork_that_only_answers_offers_in_its_200() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(1), SDP));
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.tells(&["progressed 183 body owes", "answered in 2 body owes"]);
    // The other fork's offer is no longer of interest.
    assert!(b.endpoint.acknowledge_early(b.now, session, 1, Some(sdp())).is_err());
    b.endpoint.acknowledge(b.now, session, Some(sdp())).unwrap();
    b.drain();
    assert!(b.sends(&["ACK"])[0].ends_with(SDP));
    // Another 200 with an offer gets its ACK without an answer, and BYE.
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    assert_eq!(find(&b.sends(&["ACK", "BYE"])[0], "Content-Type"), None);
}

#[test]
fn a_call_without_an_offer_is_redirected_without_one() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    b.hear(
        &response(&invite, "302 Moved", "r", "", "")
            .replace("<sip:callee@203.0.113.9:5080>", "<tel:+15551234>"),
    );
    let again = b.sends(&["ACK", "INVITE"]).remove(1);
    assert_eq!(find(&again, "Content-Type"), None);
    b.hear(&response(&again, "200 OK", "t1", "", SDP));
    b.tells(&["redirected 302 to tel:+15551234", "answered body owes"]);
    b.endpoint.acknowledge(b.now, session, Some(sdp())).unwrap();
    b.drain();
    b.sends(&["ACK"]);
}

#[test]
fn we_offer_in_the_200_where_only_ringing_went_before() {
    let mut b = Bench::new();
    b.hear(&request("INVITE", 1, "i1", "", "Require: 100rel\r\n", ""));
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let ringing = b.sends(&["100", "180"]).remove(1);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&ringing, "RSeq"));
    b.hear(&request("PRACK", 2, "p2", &to_tag(&ringing), &rack, ""));
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let ok = b.sends(&["200", "200"]).remove(1);
    assert!(ok.ends_with(SDP));
    b.hear(&request("ACK", 1, "a1", &to_tag(&ok), "", SDP));
    b.tells(&["confirmed body"]);
}

#[test]
fn the_200_waits_for_the_answer_to_our_offer_in_the_183() {
    let mut b = Bench::new();
    b.hear(&request("INVITE", 1, "i1", "", "Supported: 100rel\r\n", ""));
    let session = b.invited();
    b.endpoint.progress(b.now, session, 183, Some(sdp()), contact()).unwrap();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let early = b.sends(&["100", "183"]).remove(1);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&early, "RSeq"));
    b.hear(&request("PRACK", 2, "p2", &to_tag(&early), &rack, SDP));
    b.tells(&["acknowledged body"]);
    let sent = b.sends(&["200", "200"]);
    assert_eq!((header(&sent[0], "CSeq"), header(&sent[1], "CSeq")), ("2 PRACK", "1 INVITE"));
    assert_eq!(find(&sent[1], "Content-Type"), None);
    b.hear(&request("ACK", 1, "a1", &to_tag(&sent[1]), "", ""));
    b.tells(&["confirmed"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}
