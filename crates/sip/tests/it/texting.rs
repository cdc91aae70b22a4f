//! MESSAGE (RFC 3428) as it comes, and INFO with keys: what is answered, and what is told.

use std::time::Duration;

use sip::{Event, TextId};

use crate::harness::*;
use crate::proof::Ask;

const BOB: &str = "sip:bob@192.0.2.1";

#[track_caller]
fn text(b: &mut Bench) -> (TextId, std::sync::Arc<sip::TextFacts>) {
    match b.events.remove(0) {
        Event::Texted { text, facts } => (text, facts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_comes_with_a_proved_sender_and_is_answered_once() {
    for status in [200, 202, 404, 480] {
        let mut b = Bench::new();
        let headers = "Content-Type: text/plain;charset=UTF-8\r\n";
        Ask { headers, body: "hell\u{f6}", ..Ask::new("MESSAGE", BOB, "m") }.send(&mut b, 1, &[]);
        let (id, facts) = text(&mut b);
        assert_eq!(facts.sender.as_deref(), Some("alice"));
        assert_eq!((facts.request_uri.user.as_str(), facts.session), ("bob", None));
        assert_eq!(facts.body.content_type, "text/plain;charset=UTF-8");
        assert_eq!(&facts.body.bytes[..], "hell\u{f6}".as_bytes());
        b.endpoint.answer_text(b.now, id, status);
        b.endpoint.answer_text(b.now, id, 500);
        b.drain();
        let answer = b.sends(&[&status.to_string()]).remove(0);
        assert!(find(&answer, "Contact").is_none());
        b.pass(Duration::from_secs(400));
        b.is_clean();
    }
}

#[test]
fn a_stranger_is_challenged_and_nobody_hears_of_it() {
    let mut b = Bench::new();
    let ask = Ask { body: "spam", ..Ask::new("MESSAGE", BOB, "m") };
    b.hear(&ask.text(1, ""));
    let refusal = b.sends(&["407"]).remove(0);
    let wrong = crate::proof::credentials(&refusal, "MESSAGE", BOB, "alice", "guess", 1);
    b.hear(&ask.text(2, &wrong));
    b.sends(&["407"]);
    b.tells(&["auth failed alice"]);
}

#[test]
fn texts_that_are_too_long_packed_or_going_in_circles_are_refused() {
    let mut b = Bench::new();
    let long = "x".repeat(65_537);
    Ask { body: &long, ..Ask::new("MESSAGE", BOB, "m") }.send(&mut b, 1, &["413"]);
    let headers = "Content-Encoding: gzip\r\n";
    Ask { body: "x", headers, ..Ask::new("MESSAGE", BOB, "n") }.send(&mut b, 1, &["415"]);
    b.hear(&Ask::new("MESSAGE", BOB, "o").text(1, "").replace("Max-Forwards: 70", "Max-Forwards: 0"));
    b.sends(&["483"]);
    b.tells(&[]);
}

#[test]
fn a_text_in_a_call_is_its_peers() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.hear(&request("MESSAGE", 2, "t1", &tag, "", "hi").replace("application/sdp", "text/plain"));
    let (id, facts) = text(&mut b);
    assert_eq!((facts.session, facts.sender.as_deref()), (Some(session), None));
    b.endpoint.answer_text(b.now, id, 200);
    b.drain();
    let ok = b.sends(&["200"]).remove(0);
    assert_eq!(to_tag(&ok), tag);
}

#[test]
fn keys_by_info_are_taken_and_other_infos_are_told_what_is() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    let mut info = |cseq: u32, kind: &str, extra: &str, body: &str| {
        let text = request("INFO", cseq, &format!("k{cseq}"), &tag, extra, body);
        b.hear(&text.replace("application/sdp", kind));
        let answer = b.sent.pop().unwrap().1;
        (answer[8..11].to_owned(), answer)
    };
    assert_eq!(info(2, "application/dtmf-relay", "", "Signal=5\r\nDuration=160\r\n").0, "200");
    assert_eq!(info(3, "application/dtmf", "", "5").0, "200");
    assert_eq!(info(4, "", "", "").0, "200");
    let (status, answer) = info(5, "application/media_control+xml", "", "<x/>");
    assert_eq!(
        (status.as_str(), header(&answer, "Accept")),
        ("415", "application/dtmf-relay, application/dtmf")
    );
    let (status, answer) = info(6, "text/plain", "Info-Package: foo\r\n", "x");
    assert_eq!((status.as_str(), find(&answer, "Recv-Info").is_some()), ("469", true));
    b.tells(&["info Signal=5\r\nDuration=160\r\n", "info 5", "info "]);
    b.hear(&request("INFO", 9, "k9", ";tag=unknown", "", ""));
    b.sends(&["481"]);
}
