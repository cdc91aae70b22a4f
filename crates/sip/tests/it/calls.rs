//! Calls that come: from INVITE to BYE, and every way they go wrong.

use std::time::Duration;

use sip::{Ended, Event, Identity, Input, Reason, Transport};

use crate::harness::*;

#[test]
fn a_call_is_offered_progressed_answered_confirmed_and_ended_by_the_peer() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.endpoint.progress(b.now, session, 183, Some(sdp()), contact()).unwrap();
    b.endpoint.answer(b.now, session, None, contact()).unwrap();
    b.drain();
    let sent = b.sends(&["100", "180", "183", "200"]);
    assert!(!header(&sent[0], "To").contains("tag"), "a 100 has no tag");
    let tag = to_tag(&sent[1]);
    for text in &sent[1..] {
        assert_eq!(to_tag(text), tag);
        assert_eq!(header(text, "Contact"), "<sip:ivr@192.0.2.1:5060>");
        assert!(header(text, "Via").ends_with("branch=z9hG4bKi1;rport=5070;received=198.51.100.7"));
    }
    assert!(sent[2].ends_with(SDP) && sent[3].ends_with(SDP), "early media's answer is repeated in the 200");
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    b.hear(&request("BYE", 2, "b1", &tag, "Reason: Q.850;cause=16\r\n", ""));
    b.sends(&["200"]);
    b.tells(&["ended Bye { cause: Some(\"Q.850;cause=16\") }"]);
    b.hear(&request("BYE", 2, "b1", &tag, "", ""));
    b.sends(&["200"]);
    b.hear(&request("BYE", 3, "b2", &tag, "", ""));
    b.sends(&["481"]);
    b.is_clean();
}

#[test]
fn an_invite_is_told_with_its_facts() {
    let mut b = Bench::new();
    let extra = "X-One: 1\r\nx-two: a, b\r\nP-Asserted-Identity: \"Al B\" <tel:+4712345678>\r\nAllow: INVITE, ACK\r\nk: timer\r\nUser-Agent: Test/1\r\n";
    b.hear(&request("INVITE", 1, "i1", "", extra, SDP).replace("INVITE sip:100@", "INVITE sip:1%3000;x=y@"));
    let Event::Invited { invite, session } = b.events.remove(0) else { panic!() };
    assert_eq!((invite.call_id.as_str(), invite.identity.clone()), ("call-1", Identity::Anonymous));
    assert_eq!((invite.request_uri.user.as_str(), invite.request_uri.host.as_str()), ("1000", "192.0.2.1"));
    assert_eq!((invite.from.display.as_deref(), invite.from.user.as_str()), (Some("Al"), "alice"));
    let asserted = invite.asserted.caller().unwrap();
    assert_eq!((asserted.display.as_deref(), asserted.user.as_str()), (Some("Al B"), "+4712345678"));
    let x = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(invite.x_headers, [x("X-One", "1"), x("x-two", "a, b")]);
    assert_eq!((invite.allow.len(), invite.supported.len(), invite.max_forwards), (2, 1, 70));
    assert_eq!((invite.user_agent.as_deref(), invite.flow), (Some("Test/1"), b.flow));
    assert_eq!(invite.offer.as_ref().map(|o| &o.bytes[..]), Some(SDP.as_bytes()));
    let view = b.endpoint.session(session).unwrap();
    assert_eq!((view.remote_target.as_str(), view.phase), ("sip:alice@10.0.0.5:5070", "incoming"));
    b.endpoint.reject(b.now, session, 404, None, vec![]).unwrap();
    b.drain();
    b.is_clean();
}

#[test]
fn a_retransmitted_invite_gets_the_last_response_again() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.hear(&invite());
    b.sends(&["100", "100"]);
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.hear(&invite());
    b.sends(&["180", "180"]);
    assert_eq!(b.endpoint.counters().retransmissions_in, 2);
    b.endpoint.hang_up(b.now, session, Reason::status(486));
    b.drain();
    b.sends(&["486"]);
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn a_lost_ack_is_asked_for_again_and_no_ack_ends_in_bye() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut b = Bench::over(transport);
        b.hear(&invite());
        let session = b.invited();
        b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
        b.pass(Duration::from_secs(2));
        // 0, 0.5 and 1.5 s.
        let sent = b.sends(&["100", "200", "200", "200"]);
        assert_eq!(sent[1], sent[3]);
        b.pass(Duration::from_secs(31));
        assert_eq!(b.sent.last().map(|(_, t)| t.starts_with("BYE sip:alice@10.0.0.5:5070 ")), Some(true));
        b.tells(&["ended NoAck"]);
        b.is_clean();
        b.tells(&[]);
    }
}

#[test]
fn a_cancel_ends_a_call_that_is_not_answered() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.hear(&request("CANCEL", 1, "i1", "", "Reason: SIP;cause=200\r\n", ""));
    let sent = b.sends(&["100", "180", "200", "487"]);
    assert_eq!(to_tag(&sent[2]), to_tag(&sent[3]));
    assert_eq!(header(&sent[2], "CSeq"), "1 CANCEL");
    b.tells(&["ended Cancelled { cause: Some(\"SIP;cause=200\") }"]);
    assert!(b.endpoint.answer(b.now, session, Some(sdp()), contact()).is_err());
    b.hear(&request("ACK", 1, "i1", &to_tag(&sent[3]), "", ""));
    b.is_clean();
    b.sends(&[]);
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.hear(&request("CANCEL", 1, "i1", "", "", ""));
    let sent = b.sends(&["100", "200", "200"]);
    b.hear(&request("ACK", 1, "a1", &to_tag(&sent[1]), "", ""));
    b.tells(&["confirmed"]);
    b.hear(&request("CANCEL", 9, "nothing", "", "", ""));
    b.sends(&["481"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    let sent = b.sends(&["BYE"]);
    b.hear(&response(&sent[0], "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.endpoint.hang_up(b.now, session, Reason { text: Some("a \"b\"".into()), ..Reason::normal() });
    b.drain();
    b.tells(&["ended HungUp"]);
    let sent = b.sends(&["100", "200"]);
    b.pass(Duration::from_secs(1));
    b.sends(&["200"]);
    b.hear(&request("ACK", 1, "a1", &to_tag(&sent[1]), "", ""));
    let bye = b.sends(&["BYE"]);
    assert_eq!(header(&bye[0], "Reason"), "Q.850;cause=16;text=\"a \\\"b\\\"\"");
    b.hear(&response(&bye[0], "200 OK", "", "", ""));
    b.is_clean();
    b.tells(&[]);
}

#[test]
fn hanging_up_without_any_ack_sends_bye_in_the_end() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.pass(Duration::from_secs(33));
    assert!(b.sent.iter().any(|(_, t)| t.starts_with("BYE")));
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

#[test]
fn byes_that_cross_are_both_answered() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.hear(&request("BYE", 2, "b1", &tag, "", ""));
    let sent = b.sends(&["BYE", "200"]);
    b.hear(&response(&sent[0], "200 OK", "", "", ""));
    b.tells(&["ended HungUp"]);
    assert_eq!(b.endpoint.counts().sessions, 0);
    b.is_clean();
}

#[test]
fn a_bye_nobody_answers_is_given_up() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.pass(Duration::from_secs(33));
    assert_eq!(b.sent.len(), 11);
    assert_eq!(b.endpoint.counters().timeouts, 1);
    b.is_clean();
}

#[test]
fn a_bye_of_an_early_call_ends_the_invite_too() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let sent = b.sends(&["100", "180"]);
    b.hear(&request("BYE", 2, "b1", &to_tag(&sent[1]), "", ""));
    b.sends(&["200", "487"]);
    b.tells(&["ended Bye { cause: None }"]);
    b.is_clean();
}

#[test]
fn a_late_offer_is_ours_and_its_answer_comes_with_the_ack() {
    let mut b = Bench::new();
    b.hear(&request("INVITE", 1, "i1", "", "", ""));
    let Event::Invited { invite, session } = b.events.remove(0) else { panic!() };
    assert_eq!(invite.offer, None);
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let sent = b.sends(&["100", "200"]);
    let tag = to_tag(&sent[1]);
    // The answer is missing yet: a change cannot begin.
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.sends(&["491"]);
    b.hear(&request("ACK", 1, "a1", &tag, "", SDP));
    b.tells(&["confirmed body"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn an_ack_with_a_body_nobody_asked_for_is_only_an_ack() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&request("INFO", 2, "n1", &tag, "", ""));
    b.hear(&request("ACK", 1, "a1", &tag, "", SDP));
    b.hear(&request("ACK", 1, "a1", &tag, "", SDP));
    b.tells(&["info ", "confirmed"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn a_rejection_is_repeated_until_its_ack_and_carries_headers() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    let headers = vec![("Retry-After".to_owned(), "5\r\nEvil: 1".to_owned())];
    b.endpoint.reject(b.now, session, 503, Some("No Ports\r\n"), headers).unwrap();
    b.pass(Duration::from_millis(600));
    let sent = b.sends(&["100", "503", "503"]);
    assert!(sent[1].starts_with("SIP/2.0 503 No Ports"));
    assert_eq!(header(&sent[1], "Retry-After"), "5  Evil: 1");
    b.hear(&request("ACK", 1, "i1", &to_tag(&sent[1]), "", ""));
    b.tells(&["ended Rejected { status: 503 }"]);
    b.is_clean();
    b.sends(&[]);
}

#[test]
fn a_provisional_is_repeated_each_minute() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 183, Some(sdp()), contact()).unwrap();
    b.pass(Duration::from_secs(125));
    b.sends(&["100", "183", "183", "183"]);
    b.endpoint.hang_up(b.now, session, Reason::status(480));
    b.drain();
    b.is_clean();
}

#[test]
fn in_dialog_requests_get_their_answers() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let mut check = |method: &str, cseq: u32, extra: &str, expected: &str| {
        b.hear(&request(method, cseq, &format!("q{method}{cseq}"), &tag, extra, ""));
        b.sends(&[expected]).remove(0)
    };
    let ok = check("OPTIONS", 2, "", "200");
    assert!(header(&ok, "Allow").contains("INVITE") && header(&ok, "Accept").contains("application/sdp"));
    check("UPDATE", 3, "", "200");
    check("NOTIFY", 4, "Event: x\r\n", "481");
    check("SUBSCRIBE", 5, "Event: x\r\n", "489");
    assert!(header(&check("PUBLISH", 6, "", "405"), "Allow").contains("BYE"));
    check("REGISTER", 7, "", "405");
    check("PRACK", 8, "RAck: 1 1 INVITE\r\n", "481");
    check("NEWMETHOD", 9, "", "501");
    check("INFO", 8, "", "500");
    assert_eq!(header(&check("UPDATE", 11, "Require: a, timer\r\n", "420"), "Unsupported"), "a");
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.tells(&[]);
    b.drain();
    b.is_clean();
}

#[test]
fn an_info_is_told_and_answered() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let body = "Signal=5\r\nDuration=160\r\n";
    let info = request("INFO", 2, "n1", &tag, "", body).replace("application/sdp", "application/dtmf-relay");
    b.hear(&info);
    b.sends(&["200"]);
    match b.events.remove(0) {
        Event::Info { session: s, content_type, body: told } => {
            assert_eq!(
                (s, content_type.as_str(), &told[..]),
                (session, "application/dtmf-relay", body.as_bytes())
            );
        }
        other => panic!("{other:?}"),
    }
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn a_closed_stream_ends_its_calls_and_transactions() {
    let mut b = Bench::over(Transport::Tcp);
    let (_, _) = call_up(&mut b);
    let other = request("INVITE", 1, "i2", "", "", SDP).replace("call-1", "call-2");
    b.hear(&other);
    b.events.clear();
    b.endpoint.handle(b.now, Input::Closed { flow: b.flow });
    b.drain();
    let ended = |e: &Event| matches!(e, Event::Ended { reason: Ended::TransportLost, .. });
    assert!(b.events.len() == 2 && b.events.iter().all(ended), "{:?}", b.events);
    b.is_clean();
}

#[test]
fn commands_for_a_session_that_is_gone_are_errors_and_harmless() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.reject(b.now, session, 404, None, vec![]).unwrap();
    let phase = |r: Result<(), sip::WrongPhase>| r.unwrap_err().phase;
    assert_eq!(phase(b.endpoint.reject(b.now, session, 404, None, vec![])), "gone");
    assert_eq!(phase(b.endpoint.progress(b.now, session, 180, None, contact())), "gone");
    assert_eq!(phase(b.endpoint.answer_reinvite(b.now, session, Err(488))), "gone");
    assert_eq!(phase(b.endpoint.challenge(b.now, session)), "gone");
    assert_eq!(phase(b.endpoint.acknowledge(b.now, session, None)), "gone");
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["ended Rejected { status: 404 }"]);
    let (session, _) = call_up_again(&mut b);
    assert_eq!(phase(b.endpoint.answer(b.now, session, None, contact())), "confirmed");
    assert_eq!(phase(b.endpoint.answer_reinvite(b.now, session, Err(488))), "confirmed");
    b.endpoint.hang_up(b.now, session, Reason::normal());
    assert_eq!(phase(b.endpoint.answer(b.now, session, None, contact())), "leaving");
    b.drain();
    b.is_clean();
}

fn call_up_again(b: &mut Bench) -> (sip::SessionId, String) {
    b.pass(Duration::from_secs(40));
    b.sent.clear();
    call_up(b)
}

#[test]
fn many_calls_leave_nothing() {
    let mut b = Bench::new();
    for n in 0..200 {
        let id = format!("call-{n}");
        let own = |text: String| text.replace("call-1", &id).replace("z9hG4bK", &format!("z9hG4bK{n}"));
        b.hear(&own(invite()));
        let session = b.invited();
        b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
        b.drain();
        let tag = to_tag(&b.sends(&["100", "200"])[1]);
        b.hear(&own(request("ACK", 1, "a1", &tag, "", "")));
        b.hear(&own(request("BYE", 2, "b1", &tag, "", "")));
        b.sends(&["200"]);
        b.tells(&["confirmed", "ended Bye { cause: None }"]);
    }
    assert_eq!(b.endpoint.counts().sessions, 0);
    b.is_clean();
}
