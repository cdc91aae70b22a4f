//! Giving a call up: CANCEL and its races (RFC 3261 §9), and the Reason it carries (RFC 3326).

use std::time::Duration;

use sip::{Cause, Ended, Event, Invite, Next, Offer, Reason};

use crate::harness::*;

#[test]
fn the_phones_that_lost_are_told_that_the_call_was_completed_elsewhere() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::completed_elsewhere());
    b.drain();
    let cancel = b.sends(&["CANCEL"]).remove(0);
    assert_eq!(header(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    b.hear(&response(&cancel, "200 OK", "t1", "", ""));
    b.hear(&response(&invite, "487 Request Terminated", "t1", "", ""));
    b.sends(&["ACK"]);
    b.is_clean();
}

#[test]
fn the_reason_of_a_cancel_is_told_and_can_be_read() {
    let mut b = Bench::new();
    b.hear(&invite());
    b.invited();
    let reason = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
    b.hear(&request("CANCEL", 1, "i1", "", reason, ""));
    b.sends(&["100", "200", "487"]);
    match b.events.remove(0) {
        Event::Ended { reason: Ended::Cancelled { cause: Some(cause) }, .. } => {
            let text = Some("Call completed elsewhere".to_owned());
            assert_eq!(Cause::parse(&cause), Some((Cause::Sip(200), text)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cancel_waits_for_a_provisional_and_keeps_its_reason() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.endpoint.hang_up(b.now, session, Reason::completed_elsewhere());
    b.drain();
    b.sends(&[]);
    b.hear(&response(&invite, "100 Trying", "", "", ""));
    let cancel = b.sends(&["CANCEL"]).remove(0);
    assert!(header(&cancel, "Reason").starts_with("SIP;cause=200"));
    b.is_clean();
}

#[test]
fn a_final_answer_before_any_provisional_needs_no_cancel() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&response(&invite, "486 Busy Here", "t1", "", ""));
    b.sends(&["ACK"]);
    b.tells(&["ended HungUp"]);
    b.is_clean();

    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.endpoint.hang_up(b.now, session, Reason::completed_elsewhere());
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let bye = b.sends(&["ACK", "BYE"]).remove(1);
    assert!(header(&bye, "Reason").starts_with("SIP;cause=200"));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_200_after_the_cancel_is_acknowledged_and_hung_up_also_in_two_forks() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["CANCEL", "ACK", "BYE", "ACK", "BYE", "ACK"]);
    assert_eq!(header(&sent[2], "Reason"), "Q.850;cause=16");
    b.tells(&["progressed 180", "ended HungUp"]);
    b.is_clean();
}

#[test]
fn an_offer_in_the_200_after_the_cancel_is_acknowledged_without_an_answer() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, None);
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["CANCEL", "ACK", "BYE"]);
    assert_eq!(find(&sent[1], "Content-Type"), None);
    b.is_clean();
}

#[test]
fn a_487_that_is_lost_is_not_waited_for_for_ever() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let cancel = b.sends(&["CANCEL"]).remove(0);
    b.hear(&response(&cancel, "200 OK", "t1", "", ""));
    b.pass(Duration::from_secs(33));
    assert!(b.endpoint.session(session).is_none());
    b.is_clean();
}

#[test]
fn a_cancel_that_finds_nothing_leaves_the_invite_to_answer_for_itself() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let cancel = b.sends(&["CANCEL"]).remove(0);
    b.hear(&response(&cancel, "481 No", "t1", "", ""));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.sends(&["ACK", "BYE"]);
    b.is_clean();
}

#[test]
fn a_challenge_that_crosses_the_wish_to_cancel_is_not_answered() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&invite, "401 Unauthorized", "t1", challenge, ""));
    b.sends(&["ACK"]);
    b.is_clean();
}

#[test]
fn a_call_given_up_before_its_offer_was_there_sends_nothing() {
    let mut b = Bench::new();
    let invite = Invite {
        next: Next::Flow(b.flow),
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: Offer::WhenReached,
        credentials: None,
        headers: vec![],
        follow: true,
        max_forwards: 70,
    };
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    assert!(matches!(b.events.remove(0), Event::Reached { .. }));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&[]);
    b.tells(&["ended HungUp"]);
    assert!(b.endpoint.offer(b.now, session, Some(sdp())).is_err());
    b.is_clean();
}

#[test]
fn a_bye_before_the_answer_ends_a_call_that_came() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "180"])[1]);
    b.hear(&request("BYE", 2, "b1", &tag, "Reason: Q.850;cause=16\r\n", ""));
    b.sends(&["200", "487"]);
    b.tells(&["ended Bye { cause: Some(\"Q.850;cause=16\") }"]);
    b.is_clean();
}
