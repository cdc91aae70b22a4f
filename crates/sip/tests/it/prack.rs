//! Reliable provisional responses (RFC 3262), on calls that come and on calls we place.

use std::time::Duration;

use sip::{Body, Reason, SessionId};

use crate::harness::*;

const SUPPORTED: &str = "Supported: 100rel\r\n";
const REQUIRED: &str = "Require: 100rel\r\n";

/// A call that comes with these headers: its session.
fn called(b: &mut Bench, extra: &str, body: &str) -> SessionId {
    b.hear(&request("INVITE", 1, "i1", "", extra, body));
    b.sends(&["100"]);
    b.invited()
}

fn progress(b: &mut Bench, session: SessionId, status: u16, body: Option<Body>) {
    b.endpoint.progress(b.now, session, status, body, contact()).unwrap();
    b.drain();
}

fn answer(b: &mut Bench, session: SessionId, body: Option<Body>) {
    b.endpoint.answer(b.now, session, body, contact()).unwrap();
    b.drain();
}

/// The peer's PRACK of a provisional of ours.
fn prack(provisional: &str, cseq: u32, body: &str) -> String {
    let rack = format!("RAck: {} 1 INVITE\r\n", header(provisional, "RSeq"));
    request("PRACK", cseq, &format!("p{cseq}"), &to_tag(provisional), &rack, body)
}

fn rseq(provisional: &str) -> u32 {
    header(provisional, "RSeq").parse().unwrap()
}

#[test]
fn a_trunk_that_requires_100rel_is_served_and_gets_every_provisional_reliably() {
    let mut b = Bench::new();
    let session = called(&mut b, REQUIRED, SDP);
    progress(&mut b, session, 180, None);
    let ringing = b.sends(&["180"]).remove(0);
    assert_eq!(header(&ringing, "Require"), "100rel");
    b.hear(&prack(&ringing, 2, ""));
    b.sends(&["200"]);
    progress(&mut b, session, 183, Some(sdp()));
    let early = b.sends(&["183"]).remove(0);
    assert_eq!(rseq(&early), rseq(&ringing) + 1);
    b.hear(&prack(&early, 3, ""));
    b.sends(&["200"]);
    answer(&mut b, session, Some(sdp()));
    // RFC 6337 §3.1.1: what stood in a reliable provisional is not said again.
    let ok = b.sends(&["200"]).remove(0);
    assert_eq!(find(&ok, "Content-Type"), None);
    b.hear(&request("ACK", 1, "a1", &to_tag(&ok), "", ""));
    b.tells(&["confirmed"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_peer_that_supports_100rel_gets_descriptions_reliably_and_ringing_plainly() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, SDP);
    progress(&mut b, session, 180, None);
    assert_eq!(find(&b.sends(&["180"])[0], "RSeq"), None);
    progress(&mut b, session, 183, Some(sdp()));
    assert!(find(&b.sends(&["183"])[0], "RSeq").is_some());

    let mut b = Bench::new();
    let session = called(&mut b, "", SDP);
    progress(&mut b, session, 183, Some(sdp()));
    assert_eq!(find(&b.sends(&["183"])[0], "RSeq"), None);
}

#[test]
fn a_reliable_provisional_is_sent_again_with_doubling_pauses_until_its_prack() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    let first = b.sends(&["183"]).remove(0);
    // RFC 3262 §3: at T1, and no T2 stops the doubling: 0.5, 1.5, 3.5, 7.5, 15.5 s.
    b.pass(Duration::from_millis(7_600));
    assert_eq!(b.sends(&["183", "183", "183", "183"]), vec![first.clone(); 4]);
    b.hear(&prack(&first, 2, ""));
    b.hear(&prack(&first, 2, ""));
    b.sends(&["200", "200"]);
    b.pass(Duration::from_secs(30));
    b.sends(&[]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&["480"]);
}

#[test]
fn a_call_whose_provisional_nobody_acknowledges_is_refused() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    b.pass(Duration::from_secs(33));
    let sent: Vec<String> = b.sent.drain(..).map(|(_, text)| text).collect();
    assert_eq!(sent.iter().filter(|text| text.starts_with("SIP/2.0 183")).count(), 7);
    assert!(sent[7].starts_with("SIP/2.0 504"), "{}", sent[7]);
    b.tells(&["ended NoAck"]);
    assert!(b.endpoint.session(session).is_none());
    b.is_clean();
}

#[test]
fn a_prack_that_acknowledges_nothing_is_refused() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    let early = b.sends(&["183"]).remove(0);
    let tag = to_tag(&early);
    let with = |cseq: u32, rack: &str| request("PRACK", cseq, &format!("x{cseq}"), &tag, rack, "");
    b.hear(&with(2, &format!("RAck: {} 1 INVITE\r\n", rseq(&early) + 1)));
    b.hear(&with(3, &format!("RAck: {} 2 INVITE\r\n", rseq(&early))));
    b.hear(&with(4, &format!("RAck: {} 1 UPDATE\r\n", rseq(&early))));
    b.hear(&with(5, ""));
    b.hear(&with(6, "RAck: x\r\n"));
    b.sends(&["481", "481", "481", "400", "400"]);
    b.hear(&prack(&early, 7, ""));
    b.hear(&prack(&early, 8, ""));
    b.sends(&["200", "481"]);
}

#[test]
fn the_next_provisional_waits_for_the_prack_of_the_one_before() {
    let mut b = Bench::new();
    let session = called(&mut b, REQUIRED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    progress(&mut b, session, 180, None);
    progress(&mut b, session, 181, None);
    let first = b.sends(&["183"]).remove(0);
    b.hear(&prack(&first, 2, ""));
    let second = b.sends(&["200", "180"]).remove(1);
    assert_eq!(rseq(&second), rseq(&first) + 1);
    b.hear(&prack(&second, 3, ""));
    let third = b.sends(&["200", "181"]).remove(1);
    assert_eq!(rseq(&third), rseq(&first) + 2);
}

#[test]
fn the_200_waits_for_the_prack_of_a_description_only() {
    let mut b = Bench::new();
    let session = called(&mut b, REQUIRED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    let early = b.sends(&["183"]).remove(0);
    answer(&mut b, session, Some(sdp()));
    b.sends(&[]);
    assert!(b.endpoint.answer(b.now, session, None, contact()).is_err());
    b.hear(&prack(&early, 2, ""));
    b.sends(&["200", "200"]);
    b.tells(&[]);

    // Ringing holds nothing up, and its PRACK may come late.
    let mut b = Bench::new();
    let session = called(&mut b, REQUIRED, SDP);
    progress(&mut b, session, 180, None);
    let ringing = b.sends(&["180"]).remove(0);
    answer(&mut b, session, Some(sdp()));
    let ok = b.sends(&["200"]).remove(0);
    assert!(ok.ends_with(SDP));
    b.hear(&prack(&ringing, 2, ""));
    b.hear(&prack(&ringing, 3, ""));
    b.sends(&["200", "481"]);
    b.hear(&request("ACK", 1, "a1", &to_tag(&ok), "", ""));
    b.tells(&["confirmed"]);
}

#[test]
fn a_call_cancelled_or_hung_up_while_its_200_waits_is_refused() {
    for cancelled in [true, false] {
        let mut b = Bench::new();
        let session = called(&mut b, SUPPORTED, SDP);
        progress(&mut b, session, 183, Some(sdp()));
        answer(&mut b, session, None);
        b.sends(&["183"]);
        if cancelled {
            b.hear(&request("CANCEL", 1, "i1", "", "", ""));
            b.sends(&["200", "487"]);
            b.tells(&["ended Cancelled { cause: None }"]);
        } else {
            b.endpoint.hang_up(b.now, session, Reason::status(486));
            b.drain();
            b.sends(&["486"]);
            b.tells(&["ended HungUp"]);
        }
        b.is_clean();
    }
}

#[test]
fn our_offer_in_a_reliable_183_is_answered_in_the_prack() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, "");
    progress(&mut b, session, 183, Some(sdp()));
    let early = b.sends(&["183"]).remove(0);
    assert!(early.ends_with(SDP));
    b.hear(&prack(&early, 2, SDP));
    b.sends(&["200"]);
    b.tells(&["acknowledged body"]);
    answer(&mut b, session, None);
    let ok = b.sends(&["200"]).remove(0);
    assert_eq!(find(&ok, "Content-Type"), None);
    b.hear(&request("ACK", 1, "a1", &to_tag(&ok), "", ""));
    b.tells(&["confirmed"]);
}

#[test]
fn an_offer_does_not_go_out_unreliably() {
    let mut b = Bench::new();
    let session = called(&mut b, "", "");
    progress(&mut b, session, 183, Some(sdp()));
    assert_eq!(find(&b.sends(&["183"])[0], "Content-Type"), None);
    answer(&mut b, session, None);
    let ok = b.sends(&["200"]).remove(0);
    assert!(ok.ends_with(SDP));
    b.hear(&request("ACK", 1, "a1", &to_tag(&ok), "", SDP));
    b.tells(&["confirmed body"]);
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200_and_the_call_waits_for_that() {
    let mut b = Bench::new();
    let session = called(&mut b, SUPPORTED, SDP);
    progress(&mut b, session, 183, Some(sdp()));
    let early = b.sends(&["183"]).remove(0);
    answer(&mut b, session, None);
    b.hear(&prack(&early, 2, SDP));
    b.sends(&[]);
    b.tells(&["reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.drain();
    let sent = b.sends(&["200", "200"]);
    assert_eq!(header(&sent[0], "CSeq"), "2 PRACK");
    assert!(sent[0].ends_with(SDP));
    assert_eq!(header(&sent[1], "CSeq"), "1 INVITE");
}

#[test]
fn ringing_is_repeated_each_minute_in_the_way_the_peer_asked_for() {
    let mut b = Bench::new();
    let session = called(&mut b, REQUIRED, SDP);
    progress(&mut b, session, 180, None);
    let ringing = b.sends(&["180"]).remove(0);
    b.hear(&prack(&ringing, 2, ""));
    b.sends(&["200"]);
    b.pass(Duration::from_secs(60));
    let again = b.sends(&["180"]).remove(0);
    assert_eq!(rseq(&again), rseq(&ringing) + 1);
}

#[test]
fn a_reliable_provisional_of_a_peer_is_acknowledged_once_and_in_order() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    assert!(header(&invite, "Supported").contains("100rel"));
    let routes = "Record-Route: <sip:p1.example.com;lr>\r\n";
    let early = |rseq: u32| {
        response(&invite, "183 Session Progress", "t1", &(routes.to_owned() + &reliably(rseq)), "")
    };
    b.hear(&early(100));
    let prack = b.sends(&["PRACK"]).remove(0);
    assert!(prack.starts_with("PRACK sip:callee@203.0.113.9:5080 SIP/2.0\r\n"), "{prack}");
    assert_eq!((header(&prack, "RAck"), header(&prack, "CSeq")), ("100 1 INVITE", "2 PRACK"));
    assert_eq!(header(&prack, "Route"), "<sip:p1.example.com;lr>");
    assert!(header(&prack, "To").ends_with(";tag=t1"));
    // It came again, then one out of order, then an old one: none is acknowledged or told (RFC 3262 §4).
    b.hear(&early(100));
    b.hear(&early(102));
    b.hear(&early(99));
    b.sends(&[]);
    b.tells(&["progressed 183"]);
    b.hear(&response(&prack, "200 OK", "", "", ""));
    b.hear(&early(101));
    assert_eq!(header(&b.sends(&["PRACK"])[0], "RAck"), "101 1 INVITE");
    b.hear(&response(&invite, "200 OK", "t1", routes, SDP));
    b.sends(&["ACK"]);
    b.tells(&["progressed 183", "answered body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    assert_eq!(header(&b.sends(&["BYE"])[0], "CSeq"), "4 BYE");
    b.is_clean();
}

#[test]
fn a_prack_is_sent_again_until_it_is_answered() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", &reliably(1), ""));
    b.pass(Duration::from_secs(4));
    b.sends(&["PRACK", "PRACK", "PRACK", "PRACK"]);
}

#[test]
fn a_challenged_prack_is_sent_with_credentials() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", &reliably(1), ""));
    let prack = b.sends(&["PRACK"]).remove(0);
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&prack, "401 Unauthorized", "", challenge, ""));
    let again = b.sends(&["PRACK"]).remove(0);
    assert_eq!((header(&again, "RAck"), header(&again, "CSeq")), ("1 1 INVITE", "3 PRACK"));
    assert!(header(&again, "Authorization").contains("username=\"ivr\""));
    b.hear(&response(&again, "401 Unauthorized", "", challenge, ""));
    b.sends(&[]);
}

#[test]
fn the_answer_of_a_reliable_183_stands_whatever_the_200_says() {
    for body in [String::new(), described("other")] {
        let mut b = Bench::new();
        let (_, invite) = place(&mut b, Some(sdp()));
        b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(1), &described("first")));
        b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
        b.hear(&response(&invite, "200 OK", "t1", "", &body));
        assert!(in_force(&b).contains("s=first"));
        b.tells(&["progressed 183 body", "progressed 180", "answered body"]);
        b.sends(&["PRACK", "ACK"]);
    }
}

#[test]
fn the_answer_of_an_unreliable_183_stands_unless_the_200_has_another() {
    for (body, expected) in [(String::new(), "s=first"), (described("other"), "s=other")] {
        let mut b = Bench::new();
        let (_, invite) = place(&mut b, Some(sdp()));
        b.hear(&response(&invite, "183 Session Progress", "t1", "", &described("first")));
        b.hear(&response(&invite, "200 OK", "t1", "", &body));
        assert!(in_force(&b).contains(expected));
        b.tells(&["progressed 183 body", "answered body"]);
        b.sends(&["ACK"]);
    }
}

/// The description of the event told last.
fn in_force(b: &Bench) -> String {
    match b.events.last() {
        Some(sip::Event::Answered { body: Some(body), .. }) => {
            String::from_utf8(body.bytes.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_offer_in_a_reliable_183_is_answered_in_our_prack() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(5), SDP));
    b.sends(&[]);
    b.tells(&["progressed 183 body owes"]);
    // It comes again until it is acknowledged, and is told once.
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(5), SDP));
    b.tells(&[]);
    b.endpoint.acknowledge_early(b.now, session, 1, Some(sdp())).unwrap();
    b.drain();
    let prack = b.sends(&["PRACK"]).remove(0);
    assert!(prack.ends_with(SDP) && header(&prack, "RAck") == "5 1 INVITE");
    assert!(b.endpoint.acknowledge_early(b.now, session, 1, None).is_err());
    b.hear(&response(&prack, "200 OK", "", "", ""));
    b.hear(&response(&invite, "200 OK", "t1", "", ""));
    let ack = b.sends(&["ACK"]).remove(0);
    assert_eq!(find(&ack, "Content-Type"), None);
    b.tells(&["answered body"]);
}

#[test]
fn an_offer_that_comes_unreliably_is_none_and_one_not_answered_yet_goes_into_the_ack() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    b.hear(&response(&invite, "183 Session Progress", "t1", "", SDP));
    b.tells(&["progressed 183"]);
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(5), SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", ""));
    b.tells(&["progressed 183 body owes", "answered body owes"]);
    b.endpoint.acknowledge(b.now, session, Some(sdp())).unwrap();
    b.drain();
    assert!(b.sends(&["ACK"])[0].ends_with(SDP));
}

#[test]
fn a_reliable_provisional_to_our_reinvite_is_acknowledged_and_its_answer_stands() {
    let mut b = Bench::new();
    let (session, _) = call_placed(&mut b, "");
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    let invite = b.sends(&["INVITE"]).remove(0);
    let early = response(&invite, "183 Session Progress", "", &reliably(9), &described("held"));
    b.hear(&early);
    b.hear(&early);
    let prack = b.sends(&["PRACK"]).remove(0);
    assert_eq!((header(&prack, "RAck"), header(&prack, "CSeq")), ("9 2 INVITE", "3 PRACK"));
    b.hear(&response(&invite, "200 OK", "", "", ""));
    b.sends(&["ACK"]);
    match b.events.remove(0) {
        sip::Event::Changed { result: Ok(Some(body)), owes_answer: false, .. } => {
            assert_eq!(body.bytes, described("held"));
        }
        other => panic!("{other:?}"),
    }
}
