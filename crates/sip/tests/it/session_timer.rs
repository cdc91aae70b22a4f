//! Session timers: who refreshes, how, how often, and what happens when nobody does (RFC 4028).

use std::time::Duration;

use sip::{Config, Endpoint, Reason, SessionId, Transport};

use crate::harness::*;

const TIMER: &str = "Supported: timer\r\n";
const UPDATES: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";

/// Over a stream nothing is repeated, so that every message stands for itself.
fn bench() -> Bench {
    Bench::over(Transport::Tcp)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A call of the peer's whose INVITE has these headers too; the session, our tag and our 200.
fn taken(b: &mut Bench, extra: &str) -> (SessionId, String, String) {
    b.hear(&request("INVITE", 1, "i1", "", extra, SDP));
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let ok = b.sends(&["100", "200"]).remove(1);
    let tag = to_tag(&ok);
    b.hear(&request("ACK", 1, "a1", &tag, "", ""));
    b.tells(&["confirmed"]);
    (session, tag, ok)
}

#[track_caller]
fn end(b: &mut Bench, session: SessionId) {
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.tells(&["ended HungUp"]);
    b.is_clean();
}

/// RFC 4028 §9, table 2: who refreshes by what the INVITE says.
#[test]
fn the_answer_says_who_refreshes() {
    let check = |extra: &str, expires: &str, requires: bool| {
        let mut b = bench();
        let (session, _, ok) = taken(&mut b, extra);
        assert_eq!(header(&ok, "Session-Expires"), expires, "{extra}");
        assert_eq!(find(&ok, "Require") == Some("timer"), requires, "{extra}");
        end(&mut b, session);
    };
    check("", "1800;refresher=uas", false);
    check("Session-Expires: 600\r\n", "600;refresher=uas", false);
    check(TIMER, "1800;refresher=uac", true);
    check("k: timer\r\nx: 600\r\n", "600;refresher=uac", true);
    check("Require: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", true);
    check("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas", true);
    // It is made shorter if the peer's minimum allows, and never longer.
    check("Supported: timer\r\nSession-Expires: 7200\r\n", "1800;refresher=uac", true);
    check("Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n", "3600;refresher=uac", true);
    check("Supported: timer\r\nMin-SE: 3600\r\n", "3600;refresher=uac", true);
    check("Supported: timer\r\nSession-Expires: soon\r\n", "1800;refresher=uac", true);
}

#[test]
fn too_short_a_timer_is_answered_422_with_our_minimum() {
    let mut b = bench();
    b.hear(&request("INVITE", 1, "i1", "", "Supported: timer\r\nSession-Expires: 60\r\n", SDP));
    assert_eq!(header(&b.sends(&["422"])[0], "Min-SE"), "90");
    b.hear(&request("ACK", 1, "i1", "", "", ""));
    let (session, tag, _) = {
        b.hear(&request("INVITE", 2, "i2", "", "Supported: timer\r\nSession-Expires: 90\r\n", SDP));
        let session = b.invited();
        b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
        b.drain();
        let ok = b.sends(&["100", "200"]).remove(1);
        b.hear(&request("ACK", 2, "a2", &to_tag(&ok), "", ""));
        b.tells(&["confirmed"]);
        (session, to_tag(&ok), ok)
    };
    for (cseq, method) in [(3, "INVITE"), (4, "UPDATE")] {
        let extra = "Supported: timer\r\nSession-Expires: 60\r\n";
        b.hear(&request(method, cseq, &format!("r{cseq}"), &tag, extra, ""));
        assert_eq!(header(&b.sends(&["422"])[0], "Min-SE"), "90", "{method}");
    }
    end(&mut b, session);
    // One who does not know timers could not ask for more.
    let mut b = bench();
    let (session, ..) = taken(&mut b, "Session-Expires: 60\r\n");
    end(&mut b, session);
}

#[test]
fn a_peer_that_does_not_refresh_loses_the_call() {
    let mut b = bench();
    let (_, tag, _) = taken(&mut b, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");
    b.pass(seconds(300));
    // Its refresh: by re-INVITE, and later by UPDATE, where the roles are those of that request.
    let extra = "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n";
    b.hear(&request("UPDATE", 2, "u1", &tag, extra, ""));
    assert_eq!(header(&b.sends(&["200"])[0], "Session-Expires"), "600;refresher=uac");
    // RFC 4028 §10: 32 seconds before the end.
    b.pass(seconds(567));
    b.sends(&[]);
    b.pass(seconds(2));
    assert!(header(&b.sends(&["BYE"])[0], "Reason").contains("cause=102"));
    b.tells(&["ended Expired"]);
    b.is_clean();
}

#[test]
fn a_short_session_ends_a_third_before_its_time() {
    let mut b = bench();
    taken(&mut b, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    b.pass(seconds(59));
    b.tells(&[]);
    b.pass(seconds(2));
    b.tells(&["ended Expired"]);
    b.is_clean();
}

#[test]
fn we_refresh_by_update_where_the_peer_takes_it() {
    let mut b = bench();
    let extra = format!("{TIMER}{UPDATES}Session-Expires: 600;refresher=uas\r\n");
    let (session, ..) = taken(&mut b, &extra);
    for round in 0..3 {
        b.pass(seconds(299));
        b.sends(&[]);
        b.pass(seconds(2));
        let update = b.sends(&["UPDATE"]).remove(0);
        // The server of the INVITE is the client of this: the words change places.
        assert_eq!(header(&update, "Session-Expires"), "600;refresher=uac", "{round}");
        assert_eq!(find(&update, "Content-Type"), None);
        b.hear(&response(
            &update,
            "200 OK",
            "",
            "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n",
            "",
        ));
        b.pass(seconds(0));
    }
    b.tells(&[]);
    end(&mut b, session);
}

#[test]
fn else_we_refresh_by_a_reinvite_that_repeats_our_last_description() {
    let mut b = bench();
    let (session, ..) = taken(&mut b, "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n");
    // A change is a refresh too.
    b.pass(seconds(200));
    let other = sip::Body::sdp(SDP.replace("1 1 IN", "1 2 IN").into_bytes());
    b.endpoint.reinvite(b.now, session, Some(other)).unwrap();
    b.drain();
    let change = b.sends(&["INVITE"]).remove(0);
    let answer = "Session-Expires: 600;refresher=uac\r\n";
    assert_eq!(header(&change, "Session-Expires"), "600;refresher=uac");
    b.hear(&response(&change, "200 OK", "", answer, SDP));
    b.sends(&["ACK"]);
    b.tells(&["changed body"]);
    b.pass(seconds(299));
    b.sends(&[]);
    b.pass(seconds(2));
    let refresh = b.sends(&["INVITE"]).remove(0);
    assert_eq!(refresh.split("\r\n\r\n").nth(1), change.split("\r\n\r\n").nth(1));
    b.hear(&response(&refresh, "200 OK", "", answer, SDP));
    b.sends(&["ACK"]);
    b.tells(&["refreshed"]);
    end(&mut b, session);
}

#[test]
fn the_refresher_may_change_with_each_refresh() {
    let mut b = bench();
    let (session, tag, _) = taken(&mut b, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");
    b.pass(seconds(100));
    // The peer hands it to us.
    let extra = format!("{TIMER}{UPDATES}Session-Expires: 600;refresher=uas\r\n");
    b.hear(&request("UPDATE", 2, "u1", &tag, &extra, ""));
    assert_eq!(header(&b.sends(&["200"])[0], "Session-Expires"), "600;refresher=uas");
    b.pass(seconds(301));
    let update = b.sends(&["UPDATE"]).remove(0);
    // And takes it back in its answer.
    b.hear(&response(&update, "200 OK", "", "Session-Expires: 300;refresher=uas\r\n", ""));
    b.pass(seconds(260));
    b.sends(&[]);
    b.hear(&request("UPDATE", 3, "u2", &tag, "Supported: timer\r\nSession-Expires: 300\r\n", ""));
    b.sends(&["200"]);
    b.pass(seconds(260));
    b.tells(&[]);
    end(&mut b, session);
}

#[test]
fn our_invite_asks_for_a_timer_and_takes_the_answer() {
    let check = |answer: &str, refreshed_by_us_after: Option<u64>, expires_after: Option<u64>| {
        let mut b = bench();
        let (session, invite) = call_placed(&mut b, &format!("{UPDATES}{answer}"));
        assert_eq!(header(&invite, "Session-Expires"), "1800");
        assert_eq!(find(&invite, "Min-SE"), None);
        if let Some(after) = refreshed_by_us_after {
            b.pass(seconds(after - 1));
            b.sends(&[]);
            b.pass(seconds(2));
            let update = b.sends(&["UPDATE"]).remove(0);
            assert!(header(&update, "Session-Expires").ends_with(";refresher=uac"), "{update}");
            b.hear(&response(&update, "200 OK", "", answer, ""));
        }
        match expires_after {
            Some(after) => {
                b.pass(seconds(after + 1));
                b.tells(&["ended Expired"]);
            }
            None => end(&mut b, session),
        }
    };
    check("Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n", Some(900), None);
    check("Require: timer\r\nSession-Expires: 600;refresher=uas\r\n", None, Some(568));
    // Without the word it is ours; without the header too, and the call does not expire.
    check("Session-Expires: 600\r\n", Some(300), None);
    check("", Some(900), None);
    // A time nobody can mean.
    check("Session-Expires: 0;refresher=uac\r\n", Some(5), None);
}

#[test]
fn a_422_is_obeyed_and_the_minimum_remembered() {
    let mut b = bench();
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
    let first = b.sends(&["INVITE"]).remove(0);
    b.hear(&response(&first, "422 Too Small", "t", "Min-SE: 3600\r\n", ""));
    let second = b.sends(&["ACK", "INVITE"]).remove(1);
    assert_eq!((header(&second, "Session-Expires"), header(&second, "Min-SE")), ("3600", "3600"));
    assert_eq!(header(&second, "CSeq"), "2 INVITE");
    assert_eq!(header(&second, "Call-ID"), header(&first, "Call-ID"));
    b.hear(&response(&second, "200 OK", "peer", "Session-Expires: 3600;refresher=uac\r\n", SDP));
    b.sends(&["ACK"]);
    b.tells(&["answered body"]);
    // The same for a change in the call.
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    let change = b.sends(&["INVITE"]).remove(0);
    assert_eq!(header(&change, "Min-SE"), "3600");
    b.hear(&response(&change, "422 Too Small", "", "Min-SE: 4000\r\n", ""));
    let again = b.sends(&["ACK", "INVITE"]).remove(1);
    assert_eq!(header(&again, "Session-Expires"), "4000;refresher=uac");
    b.hear(&response(&again, "200 OK", "", "Session-Expires: 4000;refresher=uac\r\n", SDP));
    b.tells(&["changed body"]);
    b.sends(&["ACK"]);
    end(&mut b, session);

    // A peer that asks for less than it was given, or for more and more, is not asked for ever.
    let mut b = bench();
    let (session, _) = call_placed(&mut b, "");
    b.endpoint.reinvite(b.now, session, Some(sdp())).unwrap();
    b.drain();
    for raise in 1..=5 {
        let change = b.sent.pop().unwrap().1;
        assert!(change.starts_with("INVITE"), "{raise}");
        b.hear(&response(&change, "422 Too Small", "", &format!("Min-SE: {}\r\n", raise * 5000), ""));
    }
    b.tells(&["changed 422"]);
    b.sent.clear();
    end(&mut b, session);
}

/// A call we refresh by UPDATE every 300 s; the first refresh is on its way.
fn refreshing(b: &mut Bench) -> (SessionId, String) {
    let extra = format!("{TIMER}{UPDATES}Session-Expires: 600;refresher=uas\r\n");
    let (session, ..) = taken(b, &extra);
    b.pass(seconds(301));
    (session, b.sends(&["UPDATE"]).remove(0))
}

#[test]
fn a_refresh_that_finds_no_call_ends_it() {
    for status in [481, 408] {
        let mut b = bench();
        let (_, update) = refreshing(&mut b);
        b.hear(&response(&update, &format!("{status} No"), "", "", ""));
        b.sends(&["BYE"]);
        b.tells(&[&format!("ended Failed {{ status: {status} }}")]);
        b.is_clean();
    }
    let mut b = bench();
    refreshing(&mut b);
    b.pass(seconds(40));
    b.tells(&["ended Failed { status: 408 }"]);
    b.is_clean();
}

#[test]
fn a_refresh_that_meets_another_change_is_tried_again() {
    let mut b = bench();
    let (session, update) = refreshing(&mut b);
    b.hear(&response(&update, "491 Request Pending", "", "", ""));
    b.pass(seconds(3));
    let again = b.sends(&["UPDATE"]).remove(0);
    b.hear(&response(&again, "200 OK", "", "Session-Expires: 600;refresher=uac\r\n", ""));
    b.pass(seconds(298));
    b.tells(&[]);
    end(&mut b, session);
}

#[test]
fn a_refresh_waits_for_a_change_that_is_open() {
    let mut b = bench();
    let extra = format!("{TIMER}{UPDATES}Session-Expires: 600;refresher=uas\r\n");
    let (session, tag, _) = taken(&mut b, &extra);
    b.pass(seconds(299));
    b.hear(&request("INVITE", 2, "r1", &tag, "", SDP));
    b.pass(seconds(5));
    b.sends(&["100"]);
    b.endpoint.answer_reinvite(b.now, session, Err(488)).unwrap();
    b.hear(&request("ACK", 2, "r1", &tag, "", ""));
    b.pass(seconds(2));
    b.sends(&["488", "UPDATE"]);
    b.tells(&["reinvited body"]);
    end(&mut b, session);
}

#[test]
fn a_peer_that_does_not_take_update_after_all_gets_a_reinvite() {
    let mut b = bench();
    let (session, update) = refreshing(&mut b);
    b.hear(&response(&update, "405 Method Not Allowed", "", "", ""));
    b.pass(seconds(1));
    let again = b.sends(&["INVITE"]).remove(0);
    assert!(again.ends_with(SDP));
    b.hear(&response(&again, "200 OK", "", "Session-Expires: 600;refresher=uac\r\n", SDP));
    b.sends(&["ACK"]);
    b.tells(&["refreshed"]);
    end(&mut b, session);
}

#[test]
fn refreshes_that_are_refused_until_the_end_end_the_call_in_time() {
    let mut b = bench();
    let (_, mut update) = refreshing(&mut b);
    while b.events.is_empty() {
        b.hear(&response(&update, "503 Unavailable", "", "", ""));
        b.pass(seconds(11));
        update = b.sent.pop().unwrap().1;
        b.sent.clear();
    }
    b.tells(&["ended Expired"]);
    b.is_clean();
}

#[test]
fn a_peer_without_timers_is_refreshed_and_refusals_do_not_matter_to_it() {
    let mut b = bench();
    let (session, ..) = taken(&mut b, "");
    for _ in 0..5 {
        b.pass(seconds(901));
        let refresh = b.sends(&["INVITE"]).remove(0);
        assert!(refresh.ends_with(SDP));
        b.hear(&response(&refresh, "488 Not Acceptable Here", "", "", ""));
        b.sends(&["ACK"]);
    }
    b.tells(&[]);
    end(&mut b, session);
}

#[test]
fn timers_can_be_left_to_the_peer() {
    let quiet = Config { seed: 1, session_expires: Duration::ZERO, ..Config::default() };
    let mut b = bench();
    b.endpoint = Endpoint::new(quiet.clone());
    let (session, invite) = call_placed(&mut b, "");
    assert_eq!(find(&invite, "Session-Expires"), None);
    b.pass(seconds(100_000));
    b.sends(&[]);
    end(&mut b, session);

    let mut b = bench();
    b.endpoint = Endpoint::new(quiet.clone());
    let (session, _, ok) = taken(&mut b, TIMER);
    assert_eq!(find(&ok, "Session-Expires"), None);
    end(&mut b, session);

    // A desk phone's wish is honoured all the same.
    let mut b = bench();
    b.endpoint = Endpoint::new(quiet);
    let (session, _) = call_placed(&mut b, &format!("{UPDATES}Session-Expires: 200;refresher=uac\r\n"));
    b.pass(seconds(101));
    b.sends(&["UPDATE"]);
    end(&mut b, session);
}

#[test]
fn a_minimum_of_ours_above_the_least_is_said() {
    let mut b = bench();
    b.endpoint = Endpoint::new(Config { seed: 1, min_se: seconds(300), ..Config::default() });
    let (session, invite) = call_placed(&mut b, "");
    assert_eq!(header(&invite, "Min-SE"), "300");
    end(&mut b, session);
}
