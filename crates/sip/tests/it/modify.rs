//! Our own re-INVITEs: answers, refusals, collisions with the peer's, and what ends the call (RFC 3261 §14.1).

use std::time::Duration;

use sip::Reason;

use crate::harness::*;

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";

/// Ends the call and checks that nothing is left.
#[track_caller]
fn end(b: &mut Bench, session: sip::SessionId) {
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

/// The re-INVITE that is sent at once.
#[track_caller]
fn reinvited(b: &mut Bench, session: sip::SessionId, offer: bool) -> String {
    b.endpoint.reinvite(b.now, session, offer.then(sdp)).unwrap();
    b.drain();
    b.sends(&["INVITE"]).remove(0)
}

/// How long it takes until the endpoint sends something, in steps of 10 ms.
fn wait_for_send(b: &mut Bench) -> u64 {
    for steps in 0..1000 {
        if !b.sent.is_empty() {
            return steps;
        }
        b.pass(Duration::from_millis(10));
    }
    panic!("nothing is sent");
}

#[test]
fn our_reinvite_is_answered_and_acknowledged_from_both_roles() {
    let mut b = Bench::new();
    let (session, invite) = call_placed(&mut b, "");
    let change = reinvited(&mut b, session, true);
    assert_eq!(header(&change, "CSeq"), "2 INVITE");
    assert_eq!(header(&change, "Contact"), "<sip:ivr@192.0.2.1:5060>");
    assert_eq!(header(&change, "Call-ID"), header(&invite, "Call-ID"));
    assert!(header(&change, "To").ends_with(";tag=peer") && change.ends_with(SDP));
    b.hear(&response(&change, "100 Trying", "", "", ""));
    b.hear(&response(&change, "200 OK", "", "", SDP));
    let ack = b.sends(&["ACK"]).remove(0);
    assert_eq!(header(&ack, "CSeq"), "2 ACK");
    b.hear(&response(&change, "200 OK", "", "", SDP));
    assert_eq!(b.sends(&["ACK"]), [ack]);
    b.tells(&["changed body"]);
    end(&mut b, session);

    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    assert_eq!(header(&change, "CSeq"), "1 INVITE");
    assert_eq!(header(&change, "From"), format!("<sip:100@192.0.2.1>{tag}"));
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.sends(&["ACK"]);
    b.tells(&["changed body"]);
    end(&mut b, session);
}

#[test]
fn our_reinvite_without_an_offer_answers_the_peers_in_its_ack() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let change = reinvited(&mut b, session, false);
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.sends(&[]);
    b.tells(&["changed body owes"]);
    b.endpoint.acknowledge(b.now, session, Some(sdp())).unwrap();
    b.drain();
    assert!(b.sends(&["ACK"])[0].ends_with(SDP));
    assert_eq!(b.endpoint.session(session).unwrap().phase, "confirmed");
    // Hanging up before the answer is made owes the ACK all the same.
    let change = reinvited(&mut b, session, false);
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.tells(&["changed body owes"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&["ACK", "BYE"]);
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_refusal_leaves_the_call_as_it_was_and_the_next_change_goes() {
    for status in ["488 Not Acceptable Here", "503 Unavailable", "603 Decline", "500 Error", "302 Moved"] {
        let mut b = Bench::new();
        let (session, _) = call_up(&mut b);
        let change = reinvited(&mut b, session, true);
        b.hear(&response(&change, status, "", "", ""));
        b.sends(&["ACK"]);
        b.tells(&[&format!("changed {}", &status[..3])]);
        let view = b.endpoint.session(session).unwrap();
        assert_eq!((view.phase, view.remote_target.as_str()), ("confirmed", "sip:alice@10.0.0.5:5070"));
        let change = reinvited(&mut b, session, true);
        b.hear(&response(&change, "200 OK", "", "", SDP));
        b.sends(&["ACK"]);
        b.tells(&["changed body"]);
        assert_eq!(b.endpoint.session(session).unwrap().remote_target, "sip:callee@203.0.113.9:5080");
        end(&mut b, session);
    }
}

#[test]
fn a_peer_that_forgot_the_call_ends_it() {
    for status in [481, 408] {
        let mut b = Bench::new();
        let (session, _) = call_up(&mut b);
        let change = reinvited(&mut b, session, true);
        b.hear(&response(&change, &format!("{status} No"), "", "", ""));
        b.sends(&["ACK", "BYE"]);
        b.tells(&[&format!("ended Failed {{ status: {status} }}")]);
        b.is_clean();
    }
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    reinvited(&mut b, session, true);
    b.pass(Duration::from_secs(33));
    b.tells(&["ended Failed { status: 408 }"]);
    b.is_clean();
}

#[test]
fn a_challenge_to_a_change_is_answered_once() {
    let mut b = Bench::new();
    let (session, _) = call_placed(&mut b, "");
    let first = reinvited(&mut b, session, true);
    b.hear(&response(&first, "407 Proxy", "", CHALLENGE, ""));
    let second = b.sends(&["ACK", "INVITE"]).remove(1);
    let line = header(&second, "Proxy-Authorization");
    assert!(line.contains("uri=\"sip:callee@203.0.113.9:5080\""), "{line}");
    assert_eq!(header(&second, "CSeq"), "3 INVITE");
    b.hear(&response(&second, "407 Proxy", "", CHALLENGE, ""));
    b.sends(&["ACK"]);
    b.tells(&["changed 407"]);
    end(&mut b, session);
}

#[test]
fn the_peers_change_is_told_to_wait_while_ours_is_open() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.hear(&request("UPDATE", 3, "u1", &tag, "", SDP));
    b.hear(&request("UPDATE", 4, "u2", &tag, "", ""));
    b.sends(&["491", "491", "200"]);
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.tells(&["changed body"]);
    b.hear(&request("INVITE", 5, "r2", &tag, "", SDP));
    b.tells(&["reinvited body"]);
    end(&mut b, session);
}

/// RFC 3261 §14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other.
#[test]
fn after_491_a_change_is_sent_again_later_by_who_owns_the_call_id() {
    let mut waits = std::collections::BTreeSet::new();
    for owner in [true, false] {
        let mut b = Bench::new();
        let session = if owner { call_placed(&mut b, "").0 } else { call_up(&mut b).0 };
        let mut change = reinvited(&mut b, session, true);
        for _ in 0..7 {
            b.hear(&response(&change, "491 Request Pending", "", "", ""));
            let mut sent = b.sent.split_off(1);
            b.sends(&["ACK"]);
            b.sent.append(&mut sent);
            let steps = wait_for_send(&mut b);
            let expected = if owner { 210..=401 } else { 0..=201 };
            assert!(expected.contains(&steps), "{steps}");
            waits.insert(steps);
            change = b.sends(&["INVITE"]).remove(0);
        }
        b.tells(&[]);
        b.hear(&response(&change, "491 Request Pending", "", "", ""));
        b.tells(&["changed 491"]);
        b.sent.clear();
        end(&mut b, session);
    }
    assert!(waits.len() > 8, "not random: {waits:?}");
}

#[test]
fn a_change_of_the_peers_ends_the_wait_of_ours() {
    let mut b = Bench::new();
    let (session, invite) = call_placed(&mut b, "");
    let change = reinvited(&mut b, session, true);
    b.hear(&response(&change, "491 Request Pending", "", "", ""));
    assert!(b.endpoint.reinvite(b.now, session, Some(sdp())).is_err());
    b.hear(&request_back(&invite, "INVITE", 9, "", SDP));
    b.tells(&["changed 491", "reinvited body"]);
    assert!(b.endpoint.reinvite(b.now, session, Some(sdp())).is_err());
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.drain();
    b.sends(&["ACK", "100", "200"]);
    b.hear(&request_back(&invite, "ACK", 9, "", ""));
    b.tells(&["reconfirmed"]);
    b.pass(Duration::from_secs(10));
    b.sends(&[]);
    end(&mut b, session);
}

#[test]
fn a_peer_that_asks_to_wait_a_little_is_asked_again_then() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    b.hear(&response(&change, "500 Busy", "", "Retry-After: 3 (soon)\r\n", ""));
    b.sends(&["ACK"]);
    b.pass(Duration::from_millis(2990));
    b.sends(&[]);
    b.pass(Duration::from_millis(20));
    let change = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.tells(&["changed body"]);
    end(&mut b, session);
}

#[test]
fn a_change_waits_for_the_ack_of_the_last_one() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    b.sends(&["100", "200"]);
    b.hear(&request("ACK", 2, "a2", &tag, "", ""));
    let change = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&change, "200 OK", "", "", SDP));
    b.tells(&["reinvited body", "reconfirmed", "changed body"]);
    end(&mut b, session);
}

#[test]
fn a_change_waits_for_the_ack_of_the_call() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    assert!(b.endpoint.reinvite(b.now, session, Some(sdp())).is_err());
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    b.sends(&["INVITE"]);
    end(&mut b, session);
}

#[test]
fn a_change_that_crosses_a_bye_ends_with_the_call() {
    // The peer's BYE.
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    b.hear(&request("BYE", 2, "b1", &tag, "", ""));
    b.hear(&response(&change, "487 Request Terminated", "", "", ""));
    b.sends(&["200", "ACK"]);
    b.tells(&["ended Bye { cause: None }"]);
    b.is_clean();

    // Ours; the peer's 2xx crosses it.
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&response(&change, "200 OK", "", "", SDP));
    let bye = b.sends(&["BYE", "ACK"]).remove(0);
    b.hear(&response(&bye, "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    b.is_clean();

    // Ours crosses the peer's re-INVITE.
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.sends(&["BYE", "481"]);
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_change_that_is_never_answered_is_cancelled() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let change = reinvited(&mut b, session, true);
    b.hear(&response(&change, "100 Trying", "", "", ""));
    b.pass(Duration::from_millis(32_100));
    let cancel = b.sends(&["CANCEL"]).remove(0);
    assert_eq!(header(&cancel, "Via"), header(&change, "Via"));
    b.hear(&response(&cancel, "200 OK", "", "", ""));
    b.hear(&response(&change, "487 Request Terminated", "", "", ""));
    b.sends(&["ACK"]);
    b.tells(&["changed 487"]);
    // A peer that does not even answer that has lost the call.
    let change = reinvited(&mut b, session, true);
    b.hear(&response(&change, "180 Ringing", "", "", ""));
    b.pass(Duration::from_secs(65));
    b.tells(&["ended Failed { status: 408 }"]);
    b.is_clean();
}

#[test]
fn a_broken_way_fails_the_change_and_not_the_call() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    reinvited(&mut b, session, true);
    let flow = b.flow;
    b.endpoint.handle(b.now, sip::Input::TransmitFailed { flow });
    b.drain();
    b.tells(&["changed 503"]);
    assert_eq!(b.endpoint.session(session).unwrap().phase, "confirmed");
    end(&mut b, session);
}

#[test]
fn commands_out_of_place_are_refused() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    reinvited(&mut b, session, true);
    assert_eq!(b.endpoint.update(b.now, session, None).unwrap_err().phase, "changing");
    assert!(b.endpoint.acknowledge(b.now, session, None).is_err());
    b.endpoint.hang_up(b.now, session, Reason::normal());
    assert_eq!(b.endpoint.reinvite(b.now, session, None).unwrap_err().phase, "leaving");
    b.drain();
    b.is_clean();
    assert_eq!(b.endpoint.reinvite(b.now, session, None).unwrap_err().phase, "gone");
}

/// A peer that answers without a tag in To is changed without one, and may ring for ever.
#[test]
fn a_change_of_a_call_without_a_tag_ends_with_its_call() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "200 OK", "", "", SDP));
    b.sends(&["ACK"]);
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    let change = b.sends(&["INVITE"]).remove(0);
    assert!(!header(&change, "To").contains("tag="));
    b.hear(&response(&change, "180 Ringing", "", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}
