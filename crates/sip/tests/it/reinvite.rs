//! Changes of calls that are up: re-INVITE and UPDATE, their refusals and their races.

use std::time::Duration;

use sip::Reason;

use crate::harness::*;

fn end(b: &mut Bench, session: sip::SessionId) {
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn a_reinvite_is_answered_repeated_and_confirmed() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let change = request("INVITE", 2, "r1", &tag, "", SDP).replace("alice@10.0.0.5:5070>", "moved@10.0.0.6>");
    b.hear(&change);
    b.tells(&["reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.pass(Duration::from_millis(600));
    let sent = b.sends(&["100", "200", "200"]);
    assert_eq!(header(&sent[1], "Contact"), "<sip:ivr@192.0.2.1:5060>");
    b.hear(&request("ACK", 2, "a2", &tag, "", ""));
    b.tells(&["reconfirmed"]);
    assert_eq!(b.endpoint.session(session).unwrap().remote_target, "sip:moved@10.0.0.6");
    end(&mut b, session);
}

#[test]
fn a_refused_reinvite_leaves_the_call_and_its_target_as_they_were() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP).replace("alice@10.0.0.5:5070>", "moved@10.0.0.6>"));
    b.endpoint.answer_reinvite(b.now, session, Err(488)).unwrap();
    b.drain();
    b.sends(&["100", "488"]);
    let view = b.endpoint.session(session).unwrap();
    assert_eq!((view.remote_target.as_str(), view.phase), ("sip:alice@10.0.0.5:5070", "confirmed"));
    b.hear(&request("ACK", 2, "r1", &tag, "", ""));
    b.hear(&request("INVITE", 3, "r2", &tag, "", SDP).replace("application/sdp", "text/plain"));
    let sent = b.sends(&["415"]);
    assert_eq!(header(&sent[0], "Accept"), "application/sdp");
    b.tells(&["reinvited body"]);
    end(&mut b, session);
}

#[test]
fn an_offerless_reinvite_asks_for_our_offer() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", ""));
    b.tells(&["reinvited"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.hear(&request("INVITE", 3, "r2", &tag, "", SDP));
    b.sends(&["100", "200", "491"]);
    b.hear(&request("ACK", 2, "a2", &tag, "", SDP));
    b.tells(&["reconfirmed body"]);
    end(&mut b, session);
}

#[test]
fn a_second_reinvite_while_one_is_open_is_told_to_wait() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.hear(&request("INVITE", 3, "r2", &tag, "", SDP));
    let sent = b.sends(&["100", "500"]);
    let wait: u32 = header(&sent[1], "Retry-After").parse().unwrap();
    assert!(wait <= 10);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.drain();
    b.sends(&["200"]);
    // The ACK is lost, but a new offer shows that the 200 came.
    b.hear(&request("INVITE", 4, "r3", &tag, "", SDP));
    b.tells(&["reinvited body", "reconfirmed", "reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Err(488)).unwrap();
    end(&mut b, session);
}

#[test]
fn a_reinvite_before_the_first_ack_implies_it() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.tells(&["confirmed", "reinvited body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&["100", "487", "BYE"]);
}

#[test]
fn a_reinvite_of_a_call_not_answered_is_told_to_wait() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "180"])[1]);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.sends(&["500"]);
    end(&mut b, session);
}

#[test]
fn a_reinvite_can_be_cancelled_and_the_call_lives_on() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.hear(&request("CANCEL", 2, "r1", &tag, "", ""));
    b.sends(&["100", "200", "487"]);
    assert!(b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).is_err());
    assert_eq!(b.endpoint.session(session).unwrap().phase, "confirmed");
    end(&mut b, session);
}

#[test]
fn a_reinvite_without_its_ack_ends_the_call() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.pass(Duration::from_secs(33));
    assert!(b.sent.iter().any(|(_, t)| t.starts_with("BYE")));
    b.tells(&["reinvited body", "ended NoAck"]);
    b.is_clean();
}

#[test]
fn an_update_with_an_offer_is_a_change_without_an_ack() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("UPDATE", 2, "u1", &tag, "", SDP));
    b.tells(&["reinvited body"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.pass(Duration::from_secs(40));
    b.sends(&["200"]);
    assert_eq!(b.endpoint.session(session).unwrap().phase, "confirmed");
    end(&mut b, session);
}

#[test]
fn a_bye_in_the_middle_of_a_change_ends_both() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.hear(&request("BYE", 3, "b1", &tag, "", ""));
    b.sends(&["100", "200", "487"]);
    b.tells(&["reinvited body", "ended Bye { cause: None }"]);
    b.is_clean();
}
