//! Transfers: REFER and its NOTIFYs both ways (RFC 3515), without a subscription (RFC 4488), with Replaces and
//! Referred-By (RFC 3892), and what transferors do to a call afterwards.

use std::sync::Arc;
use std::time::Duration;

use sip::{Event, Reason, Refer, ReferId, SessionId};

use crate::harness::*;

/// A call up, and a REFER in it: what it asks for.
fn referred(b: &mut Bench, cseq: u32, tag: &str, extra: &str) -> Arc<Refer> {
    b.hear(&request("REFER", cseq, &format!("r{cseq}"), tag, extra, ""));
    match b.events.pop() {
        Some(Event::Referred { refer, .. }) => refer,
        other => panic!("{other:?}; {:?}", b.sent.last()),
    }
}

fn accept(b: &mut Bench, id: ReferId) -> String {
    b.endpoint.answer_refer(b.now, id, Ok(())).unwrap();
    b.drain();
    let sent = b.sends(&["202", "NOTIFY"]);
    assert!(header(&sent[0], "Contact").contains("192.0.2.1"));
    sent.into_iter().nth(1).unwrap()
}

/// The peer answers a request of ours in a call it made.
fn ok(b: &mut Bench, request: &str) {
    b.hear(&response(request, "200 OK", "", "", ""));
}

const TO: &str = "Refer-To: <sip:carol@example.com>\r\n";

#[test]
fn a_blind_transfer_is_accepted_and_its_progress_told() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let by = "Referred-By: <sip:alice@example.com>;cid=\"x@y\"\r\n";
    let refer = referred(&mut b, 2, &tag, &(TO.to_owned() + by));
    assert_eq!((refer.to.user.as_str(), refer.to.uri.as_str()), ("carol", "sip:carol@example.com"));
    assert_eq!((refer.id.session, &refer.replaces, refer.wants_progress), (session, &None, true));
    assert_eq!(refer.referred_by.as_deref(), Some("<sip:alice@example.com>;cid=\"x@y\""));
    b.sends(&[]);
    let first = accept(&mut b, refer.id);
    assert!(first.starts_with("NOTIFY sip:alice@10.0.0.5:5070 SIP/2.0\r\n"), "{first}");
    assert_eq!(header(&first, "Event"), "refer");
    assert_eq!(header(&first, "Subscription-State"), "active;expires=180");
    assert_eq!(header(&first, "Content-Type"), "message/sipfrag;version=2.0");
    assert!(first.ends_with("\r\n\r\nSIP/2.0 100 Trying\r\n"));
    ok(&mut b, &first);
    b.pass(Duration::from_secs(10));
    b.endpoint.notify_refer(b.now, refer.id, 180).unwrap();
    b.drain();
    let second = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&second, "Subscription-State"), "active;expires=170");
    ok(&mut b, &second);
    b.endpoint.notify_refer(b.now, refer.id, 200).unwrap();
    b.drain();
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert!(last.ends_with("SIP/2.0 200 OK\r\n"));
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=noresource");
    ok(&mut b, &last);
    assert!(b.endpoint.notify_refer(b.now, refer.id, 200).is_err());
    assert!(b.endpoint.answer_refer(b.now, refer.id, Ok(())).is_err());
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_transfer_can_be_refused() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let refer = referred(&mut b, 2, &tag, TO);
    b.endpoint.answer_refer(b.now, refer.id, Err(603)).unwrap();
    b.drain();
    b.sends(&["603"]);
    assert!(b.endpoint.notify_refer(b.now, refer.id, 100).is_err());
}

#[test]
fn an_attended_transfer_names_the_dialog_to_be_replaced() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    for (cseq, uri, call_id, early) in [
        (2, "sip:carol@h?Replaces=c%401%3Bto-tag%3Da%3Bfrom-tag%3Db", "c@1", false),
        (
            3,
            "sip:carol@h;x=y?Require=replaces&replaces=c2%3bfrom-tag%3db%3bto-tag%3da%3bearly-only",
            "c2",
            true,
        ),
        // Not escaped, as some phones write it.
        (4, "sip:carol@h?Replaces=c3@h;to-tag=a;from-tag=b", "c3@h", false),
    ] {
        let refer = referred(&mut b, cseq, &tag, &format!("Refer-To: \"C\" <{uri}>\r\n"));
        let replaces = refer.replaces.clone().unwrap();
        assert_eq!((&*replaces.call_id, &*replaces.to_tag, &*replaces.from_tag), (call_id, "a", "b"));
        assert_eq!(replaces.early_only, early);
        assert_eq!((refer.to.user.as_str(), refer.to.uri.contains('?')), ("carol", false));
        assert_eq!(refer.to.display.as_deref(), Some("C"));
    }
}

#[test]
fn a_refer_that_says_nothing_useful_is_refused() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let mut cseq = 1;
    let mut check = |b: &mut Bench, extra: &str, expected: &str| {
        cseq += 1;
        b.hear(&request("REFER", cseq, &format!("r{cseq}"), &tag, extra, ""));
        b.sends(&[expected]);
        b.tells(&[]);
    };
    check(&mut b, "", "400");
    check(&mut b, "Refer-To: <sip:a@h>, <sip:b@h>\r\n", "400");
    check(&mut b, "Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n", "400");
    check(&mut b, "Refer-To: <sip:a@h?Replaces=x>\r\n", "400");
    check(&mut b, "Refer-To: <sip:a@h?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=y>\r\n", "400");
    check(&mut b, "Refer-To: carol\r\n", "400");
    check(&mut b, "Refer-To: <http://example.com>\r\n", "416");
    check(&mut b, "Refer-To: <sip:a@h;method=BYE>\r\n", "603");
    check(&mut b, "Refer-To: <sip:a@h>\r\nRequire: foo\r\n", "420");
}

#[test]
fn a_transfer_to_itself_is_no_loop() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    // The call cannot take its own place.
    let own = tag.trim_start_matches(";tag=");
    for (to, from) in [(own, "peer"), ("peer", own)] {
        let extra =
            format!("Refer-To: <sip:100@192.0.2.1?Replaces=call-1%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>\r\n");
        b.hear(&request("REFER", if to == own { 2 } else { 3 }, &format!("r{to}"), &tag, &extra, ""));
        b.sends(&["400"]);
    }
    // Its own address, or ours, is an address like any other.
    let refer = referred(&mut b, 4, &tag, "Refer-To: <sip:alice@10.0.0.5:5070>\r\n");
    assert_eq!(refer.to.uri, "sip:alice@10.0.0.5:5070");
    accept(&mut b, refer.id);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_peer_that_wants_no_notify_gets_none() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let extra = TO.to_owned() + "Refer-Sub: false\r\nRequire: norefersub\r\n";
    let refer = referred(&mut b, 2, &tag, &extra);
    assert!(!refer.wants_progress);
    b.endpoint.answer_refer(b.now, refer.id, Ok(())).unwrap();
    b.drain();
    assert_eq!(header(&b.sends(&["200"])[0], "Refer-Sub"), "false");
    assert!(b.endpoint.notify_refer(b.now, refer.id, 200).is_err());
}

#[test]
fn several_transfers_in_one_call_are_told_apart() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let one = referred(&mut b, 2, &tag, TO);
    assert_eq!(header(&accept(&mut b, one.id), "Event"), "refer");
    let two = referred(&mut b, 7, &tag, TO);
    assert_eq!(header(&accept(&mut b, two.id), "Event"), "refer;id=7");
    b.endpoint.notify_refer(b.now, one.id, 486).unwrap();
    b.endpoint.notify_refer(b.now, two.id, 200).unwrap();
    b.drain();
    let sent = b.sends(&["NOTIFY", "NOTIFY"]);
    assert!(sent[0].ends_with("SIP/2.0 486 Busy Here\r\n") && header(&sent[0], "Event") == "refer");
    assert!(sent[1].ends_with("SIP/2.0 200 OK\r\n") && header(&sent[1], "Event") == "refer;id=7");
    for cseq in 8..16 {
        referred(&mut b, cseq, &tag, TO);
    }
    b.hear(&request("REFER", 16, "r16", &tag, TO, ""));
    b.sends(&["500"]);
}

#[test]
fn a_transferor_that_hangs_up_after_the_202_hears_no_more_and_hurts_nothing() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let refer = referred(&mut b, 2, &tag, TO);
    let notify = accept(&mut b, refer.id);
    b.hear(&request("BYE", 3, "b3", &tag, "", ""));
    b.sends(&["200"]);
    b.tells(&["ended Bye { cause: None }"]);
    b.hear(&response(&notify, "481 Gone", "", "", ""));
    assert!(b.endpoint.notify_refer(b.now, refer.id, 200).is_err());
    assert!(b.endpoint.session(session).is_none());
    b.is_clean();
}

#[test]
fn a_transfer_nobody_decided_on_is_answered_when_the_call_ends() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let refer = referred(&mut b, 2, &tag, TO);
    b.hear(&request("BYE", 3, "b3", &tag, "", ""));
    b.sends(&["200", "481"]);
    assert!(b.endpoint.answer_refer(b.now, refer.id, Ok(())).is_err());
    b.events.clear();
    b.is_clean();

    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    referred(&mut b, 2, &tag, TO);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.sends(&["481", "BYE"]);
    b.is_clean();
}

#[test]
fn the_subscription_of_a_transfer_expires_and_can_be_prolonged_and_ended() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let refer = referred(&mut b, 2, &tag, TO);
    let first = accept(&mut b, refer.id);
    ok(&mut b, &first);
    b.pass(Duration::from_secs(100));
    b.hear(&request("SUBSCRIBE", 3, "s3", &tag, "Event: refer\r\nExpires: 120\r\n", ""));
    let sent = b.sends(&["200", "NOTIFY"]);
    assert_eq!(header(&sent[0], "Expires"), "120");
    assert_eq!(header(&sent[1], "Subscription-State"), "active;expires=120");
    ok(&mut b, &sent[1]);
    b.pass(Duration::from_secs(119));
    b.sends(&[]);
    b.pass(Duration::from_millis(1_200));
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=timeout");
    ok(&mut b, &last);
    assert!(b.endpoint.notify_refer(b.now, refer.id, 200).is_err());

    let refer = referred(&mut b, 4, &tag, TO);
    let first = accept(&mut b, refer.id);
    ok(&mut b, &first);
    b.hear(&request("SUBSCRIBE", 5, "s5", &tag, "Event: refer;id=4\r\nExpires: 0\r\n", ""));
    let sent = b.sends(&["200", "NOTIFY"]);
    assert_eq!(header(&sent[1], "Subscription-State"), "terminated;reason=timeout");
    b.hear(&request("SUBSCRIBE", 6, "s6", &tag, "Event: refer;id=4\r\n", ""));
    b.hear(&request("SUBSCRIBE", 7, "s7", &tag, "Event: talk\r\n", ""));
    b.sends(&["481", "489"]);
}

#[test]
fn a_notify_that_is_refused_ends_the_subscription() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let refer = referred(&mut b, 2, &tag, TO);
    let first = accept(&mut b, refer.id);
    b.hear(&response(&first, "481 No Subscription", "", "", ""));
    assert!(b.endpoint.notify_refer(b.now, refer.id, 200).is_err());
    b.tells(&[]);
}

#[test]
fn a_refer_outside_a_call_or_before_its_answer_is_refused() {
    let mut b = Bench::new();
    b.hear(&request("REFER", 1, "r1", "", TO, ""));
    b.sends(&["403"]);
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.progress(b.now, session, 180, None, contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "180"])[1]);
    b.hear(&request("REFER", 2, "r2", &tag, TO, ""));
    b.sends(&["403"]);
}

/// A call we placed and a REFER of ours in it.
fn referring(b: &mut Bench) -> (SessionId, String, String, ReferId) {
    let (session, invite) = place(b, Some(sdp()));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.sends(&["ACK"]);
    b.events.clear();
    let by = vec![("Referred-By".to_owned(), "<sip:ivr@192.0.2.1>".to_owned())];
    let id = b.endpoint.refer(b.now, session, "sip:carol@example.com", by).unwrap();
    b.drain();
    let refer = b.sends(&["REFER"]).remove(0);
    (session, invite, refer, id)
}

fn notify(invite: &str, cseq: u32, event: &str, state: &str, fragment: &str) -> String {
    let extra = format!("Event: {event}\r\nSubscription-State: {state}\r\n");
    theirs(invite, "t1", "NOTIFY", cseq, &extra, fragment)
        .replace("Content-Type: application/sdp", "Content-Type: message/sipfrag;version=2.0")
}

#[test]
fn we_transfer_and_hear_how_it_goes() {
    let mut b = Bench::new();
    let (session, invite, refer, _) = referring(&mut b);
    assert!(refer.starts_with("REFER sip:callee@203.0.113.9:5080 SIP/2.0\r\n"), "{refer}");
    assert_eq!(header(&refer, "Refer-To"), "<sip:carol@example.com>");
    assert_eq!(header(&refer, "Referred-By"), "<sip:ivr@192.0.2.1>");
    assert!(header(&refer, "Contact").contains("ivr@192.0.2.1"));
    b.hear(&response(&refer, "202 Accepted", "", "", ""));
    b.hear(&notify(&invite, 1, "refer", "active;expires=60", "SIP/2.0 100 Trying\r\n"));
    b.hear(&notify(&invite, 2, "refer;id=2", "active", "SIP/2.0 180 Ringing"));
    b.hear(&notify(&invite, 3, "refer", "active", ""));
    b.hear(&notify(&invite, 4, "refer", "active", "SIP/2.0 200 OK\r\n"));
    b.hear(&notify(&invite, 5, "refer", "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"));
    b.hear(&notify(&invite, 6, "refer", "terminated", "SIP/2.0 200 OK\r\n"));
    b.sends(&["200", "200", "200", "200", "200", "481"]);
    b.tells(&[
        "refer answered 202",
        "refer progress 100",
        "refer progress 180",
        "refer progress 180",
        "refer progress 200 last",
    ]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_notify_that_overtakes_the_202_counts_and_one_for_nothing_is_refused() {
    let mut b = Bench::new();
    let (_, invite, refer, _) = referring(&mut b);
    b.hear(&notify(&invite, 1, "refer;id=99", "active", "SIP/2.0 100 Trying\r\n"));
    b.hear(&notify(&invite, 2, "message-summary", "active", ""));
    b.hear(&notify(&invite, 3, "refer", "terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n"));
    b.sends(&["481", "481", "200"]);
    b.hear(&response(&refer, "202 Accepted", "", "", ""));
    b.tells(&["refer progress 486 last"]);
}

#[test]
fn a_refer_refused_unanswered_or_without_a_subscription_is_told() {
    let mut b = Bench::new();
    let (_, _, refer, _) = referring(&mut b);
    b.hear(&response(&refer, "603 Decline", "", "", ""));
    b.tells(&["refer answered 603"]);

    let mut b = Bench::new();
    referring(&mut b);
    b.pass(Duration::from_secs(33));
    b.tells(&["refer answered 408"]);

    let mut b = Bench::new();
    let (_, invite, refer, _) = referring(&mut b);
    b.hear(&response(&refer, "200 OK", "", "Refer-Sub: false\r\n", ""));
    b.tells(&["refer answered 200"]);
    b.hear(&notify(&invite, 1, "refer", "active", "SIP/2.0 100 Trying\r\n"));
    b.sends(&["481"]);

    // Accepted, and then nothing is heard.
    let mut b = Bench::new();
    let (_, _, refer, _) = referring(&mut b);
    b.hear(&response(&refer, "202 Accepted", "", "", ""));
    b.pass(Duration::from_secs(181));
    b.tells(&["refer answered 202", "refer progress 100 last"]);
}

#[test]
fn a_challenged_refer_is_sent_again_and_its_new_number_names_it() {
    let mut b = Bench::new();
    let (_, invite, refer, _) = referring(&mut b);
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&refer, "401 Unauthorized", "", challenge, ""));
    let again = b.sends(&["REFER"]).remove(0);
    assert_eq!(header(&again, "CSeq"), "3 REFER");
    assert!(header(&again, "Authorization").contains("uri=\"sip:callee@203.0.113.9:5080\""));
    b.hear(&response(&again, "202 Accepted", "", "", ""));
    b.hear(&notify(&invite, 1, "refer;id=2", "active", "SIP/2.0 100 Trying\r\n"));
    b.hear(&notify(&invite, 2, "refer;id=3", "active", "SIP/2.0 100 Trying\r\n"));
    b.sends(&["481", "200"]);
    b.tells(&["refer answered 202", "refer progress 100"]);
}
