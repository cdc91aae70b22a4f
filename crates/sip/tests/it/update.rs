//! UPDATE, ours and the peer's, in calls that are up and before they are answered (RFC 3311).

use std::time::Duration;

use sip::{Body, Reason, SessionId};

use crate::harness::*;

const RELIABLE: &str = "Supported: 100rel\r\n";

fn other() -> Body {
    Body::sdp(SDP.replace("1 1 IN", "7 7 IN").into_bytes())
}

#[track_caller]
fn end(b: &mut Bench, session: SessionId) {
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

/// The UPDATE that is sent at once.
#[track_caller]
fn updated(b: &mut Bench, session: SessionId, offer: Option<Body>) -> String {
    b.endpoint.update(b.now, session, offer).unwrap();
    b.drain();
    b.sends(&["UPDATE"]).remove(0)
}

/// A call of the peer's that is early: our answer went out reliably and its PRACK came.
fn early_in(b: &mut Bench) -> (SessionId, String) {
    b.hear(&request("INVITE", 1, "i1", "", RELIABLE, SDP));
    let session = b.invited();
    b.endpoint.progress(b.now, session, 183, Some(sdp()), contact()).unwrap();
    b.drain();
    let progress = b.sends(&["100", "183"]).remove(1);
    let tag = to_tag(&progress);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&progress, "RSeq"));
    b.hear(&request("PRACK", 2, "p1", &tag, &rack, ""));
    b.sends(&["200"]);
    b.events.clear();
    (session, tag)
}

/// A call of ours that is early: the peer's answer came reliably.
fn early_out(b: &mut Bench) -> (SessionId, String) {
    let invite = sip::Invite {
        next: sip::Next::Flow(b.flow),
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: sip::Offer::Ready(sdp()),
        credentials: None,
        headers: vec![],
        follow: true,
        max_forwards: 70,
    };
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    let invite = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&invite, "183 Progress", "peer", "Require: 100rel\r\nRSeq: 5\r\n", SDP));
    let prack = b.sends(&["PRACK"]).remove(0);
    b.hear(&response(&prack, "200 OK", "", "", ""));
    b.tells(&["progressed 183 body"]);
    (session, invite)
}

#[test]
fn our_update_changes_a_call_in_both_roles() {
    for placed in [true, false] {
        let mut b = Bench::new();
        let session = if placed { call_placed(&mut b, "").0 } else { call_up(&mut b).0 };
        let update = updated(&mut b, session, Some(sdp()));
        assert!(update.ends_with(SDP) && header(&update, "Contact").contains("ivr@192.0.2.1"));
        b.hear(&response(&update, "200 OK", "", "", SDP));
        b.tells(&["changed body"]);
        assert_eq!(b.endpoint.session(session).unwrap().remote_target, "sip:callee@203.0.113.9:5080");
        let update = updated(&mut b, session, None);
        assert_eq!(find(&update, "Content-Type"), None);
        b.hear(&response(&update, "200 OK", "", "", ""));
        b.tells(&["changed"]);
        end(&mut b, session);
    }
}

#[test]
fn our_update_can_be_refused_collide_and_find_no_call() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let update = updated(&mut b, session, Some(sdp()));
    b.hear(&response(&update, "488 No", "", "", ""));
    b.tells(&["changed 488"]);
    let update = updated(&mut b, session, Some(sdp()));
    b.hear(&response(&update, "491 Request Pending", "", "", ""));
    b.pass(Duration::from_millis(2010));
    let update = b.sent.remove(0).1;
    b.sent.clear();
    b.hear(&response(&update, "200 OK", "", "", SDP));
    b.tells(&["changed body"]);
    let update = updated(&mut b, session, Some(sdp()));
    b.hear(&response(&update, "481 No", "", "", ""));
    b.tells(&["ended Failed { status: 481 }"]);
    b.is_clean();
}

#[test]
fn an_update_without_a_description_moves_the_target_only() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("UPDATE", 2, "u1", &tag, "", "").replace("alice@10.0.0.5:5070>", "moved@10.0.0.6>"));
    let ok = b.sends(&["200"]).remove(0);
    assert_eq!(header(&ok, "Contact"), "<sip:ivr@192.0.2.1:5060>");
    b.tells(&[]);
    assert_eq!(b.endpoint.session(session).unwrap().remote_target, "sip:moved@10.0.0.6");
    end(&mut b, session);
}

/// RFC 3311 §5.2: 491 while our offer has no answer, 500 while its own has none.
#[test]
fn an_update_with_an_offer_waits_for_the_one_before() {
    // Our answer to the INVITE is not out.
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "180"])[1]);
    b.hear(&request("UPDATE", 2, "u1", &tag, "", SDP));
    assert!(find(&b.sends(&["500"])[0], "Retry-After").is_some());
    b.hear(&request("UPDATE", 3, "u2", &tag, "", ""));
    b.sends(&["200"]);
    end(&mut b, session);
    // Its last UPDATE is not answered.
    let mut b = Bench::new();
    let (session, tag) = early_in(&mut b);
    b.hear(&request("UPDATE", 3, "u1", &tag, "", SDP));
    b.hear(&request("UPDATE", 4, "u2", &tag, "", SDP));
    assert!(find(&b.sends(&["500"])[0], "Retry-After").is_some());
    b.tells(&["reinvited body"]);
    end(&mut b, session);
    // Ours is not answered.
    let mut b = Bench::new();
    let (session, tag) = early_in(&mut b);
    let update = updated(&mut b, session, Some(sdp()));
    b.hear(&request("UPDATE", 3, "u1", &tag, "", SDP));
    b.sends(&["491"]);
    b.hear(&response(&update, "200 OK", "", "", SDP));
    b.tells(&["changed body"]);
    end(&mut b, session);
}

#[test]
fn the_peer_can_change_a_call_that_we_have_not_answered() {
    let mut b = Bench::new();
    let (session, tag) = early_in(&mut b);
    b.hear(&request("UPDATE", 3, "u1", &tag, "", SDP));
    b.tells(&["reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(other())).unwrap();
    b.drain();
    assert!(b.sends(&["200"])[0].contains("7 7 IN"));
    b.endpoint.answer(b.now, session, None, contact()).unwrap();
    b.drain();
    // The description is out already.
    let ok = b.sends(&["200"]).remove(0);
    assert_eq!(find(&ok, "Content-Type"), None);
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    end(&mut b, session);
}

#[test]
fn an_update_that_is_open_ends_with_its_call() {
    // By CANCEL, by our refusal, and by hanging up.
    for by in 0..3 {
        let mut b = Bench::new();
        let (session, tag) = early_in(&mut b);
        b.hear(&request("UPDATE", 3, "u1", &tag, "", SDP));
        match by {
            0 => {
                b.hear(&request("CANCEL", 1, "i1", "", "", ""));
                b.sends(&["200", "487", "487"]);
            }
            1 => {
                b.endpoint.reject(b.now, session, 486, None, vec![]).unwrap();
                b.drain();
                b.sends(&["487", "486"]);
            }
            _ => {
                b.endpoint.hang_up(b.now, session, Reason::normal());
                b.drain();
                b.sends(&["487", "480"]);
            }
        }
        assert!(b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).is_err());
        b.is_clean();
    }
}

#[test]
fn we_can_change_a_call_that_we_have_not_answered() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    // Its offer has no answer yet.
    assert!(b.endpoint.update(b.now, session, Some(sdp())).is_err());
    end(&mut b, session);

    let mut b = Bench::new();
    let (session, tag) = early_in(&mut b);
    let update = updated(&mut b, session, Some(other()));
    assert_eq!(find(&update, "Session-Expires"), None);
    b.hear(&response(&update, "200 OK", "", "", SDP));
    b.tells(&["changed body"]);
    b.endpoint.answer(b.now, session, None, contact()).unwrap();
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    end(&mut b, session);
}

#[test]
fn we_can_change_a_call_of_ours_that_is_not_answered() {
    let mut b = Bench::new();
    let (session, invite) = early_out(&mut b);
    let update = updated(&mut b, session, Some(other()));
    assert!(update.starts_with("UPDATE sip:callee@203.0.113.9:5080 ") && update.contains("7 7 IN"));
    assert!(header(&update, "To").ends_with(";tag=peer"));
    b.hear(&response(&update, "200 OK", "", "", &SDP.replace("1 1 IN", "2 2 IN")));
    b.tells(&["changed body"]);
    b.hear(&response(&invite, "200 OK", "peer", "", ""));
    b.sends(&["ACK"]);
    // What the peer said last holds.
    match b.events.remove(0) {
        sip::Event::Answered { body: Some(body), owes_answer: false, .. } => {
            assert!(String::from_utf8_lossy(&body.bytes).contains("2 2 IN"));
        }
        other => panic!("{other:?}"),
    }
    // A refresh repeats what we said last.
    b.pass(Duration::from_millis(900_100));
    assert!(b.sends(&["INVITE"])[0].contains("7 7 IN"));
    end(&mut b, session);
}

#[test]
fn the_peer_can_change_a_call_of_ours_that_is_not_answered() {
    let mut b = Bench::new();
    let (session, invite) = early_out(&mut b);
    b.hear(&request_back(&invite, "UPDATE", 20, "", &SDP.replace("1 1 IN", "3 3 IN")));
    b.tells(&["reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(other())).unwrap();
    b.drain();
    b.sends(&["200"]);
    b.hear(&request_back(&invite, "INVITE", 21, "", SDP));
    b.sends(&["491"]);
    b.hear(&response(&invite, "200 OK", "peer", "", SDP));
    b.sends(&["ACK"]);
    match b.events.remove(0) {
        sip::Event::Answered { body: Some(body), .. } => {
            assert!(String::from_utf8_lossy(&body.bytes).contains("3 3 IN"));
        }
        other => panic!("{other:?}"),
    }
    end(&mut b, session);
}

#[test]
fn a_change_in_one_fork_ends_when_another_answers() {
    let mut b = Bench::new();
    let (session, invite) = early_out(&mut b);
    b.hear(&request_back(&invite, "UPDATE", 20, "", SDP));
    b.tells(&["reinvited body"]);
    b.hear(&response(&invite, "200 OK", "fork", "", SDP));
    b.sends(&["487", "ACK"]);
    b.tells(&["answered in 2 body"]);
    end(&mut b, session);

    let mut b = Bench::new();
    let (session, invite) = early_out(&mut b);
    let update = updated(&mut b, session, Some(other()));
    b.hear(&response(&invite, "200 OK", "fork", "", SDP));
    b.tells(&["changed 487", "answered in 2 body"]);
    b.hear(&response(&update, "200 OK", "", "", SDP));
    b.tells(&[]);
    end(&mut b, session);
}

#[test]
fn an_update_before_the_answer_needs_an_exchange_that_is_done() {
    let mut b = Bench::new();
    let (session, _) = early_out(&mut b);
    assert!(b.endpoint.reinvite(b.now, session, Some(sdp())).is_err());
    updated(&mut b, session, None);
    assert!(b.endpoint.update(b.now, session, None).is_err());
    end(&mut b, session);
}
