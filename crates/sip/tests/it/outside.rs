//! Requests outside of calls, and messages that are wrong: what each is answered, if anything.

use bytes::Bytes;
use sip::{Flow, Transport};

use crate::harness::*;

/// What a request without a session is answered, and one header of the answer.
#[track_caller]
fn check(text: &str, status: &str, name: &str, value: &str) {
    let mut b = Bench::new();
    b.hear(text);
    let answer = b.sends(&[status]).remove(0);
    if !name.is_empty() {
        assert_eq!(header(&answer, name), value, "{text}");
    }
    assert!(header(&answer, "To").contains(";tag="), "{answer}");
    assert_eq!(b.endpoint.counts().sessions, 0);
    b.is_clean();
    b.tells(&[]);
}

const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, REGISTER, \
    SUBSCRIBE, PUBLISH, MESSAGE";

#[test]
fn methods_get_clean_answers() {
    let plain = |method: &str| request(method, 1, "m1", "", "", "");
    check(&plain("OPTIONS"), "200", "Allow", ALLOW);
    check(&plain("SUBSCRIBE"), "489", "Allow-Events", "dialog, message-summary, presence");
    check(&plain("NOTIFY"), "481", "", "");
    check(&plain("PUBLISH"), "489", "Allow-Events", "presence");
    check(&plain("MESSAGE"), "407", "", "");
    check(&request("NOTIFY", 1, "m1", "", "Event: keep-alive\r\n", ""), "200", "", "");
    check(&plain("REFER"), "403", "", "");
    check(&plain("BYE"), "481", "", "");
    check(&plain("UPDATE"), "481", "", "");
    check(&plain("FOO"), "501", "Allow", ALLOW);
    check(&request("BYE", 1, "m1", ";tag=unknown", "", ""), "481", "", "");
    check(&request("INVITE", 1, "m1", ";tag=unknown", "", SDP), "481", "", "");
}

#[test]
fn an_invite_we_cannot_serve_is_refused_with_a_reason() {
    check(&invite().replace("Max-Forwards: 70", "Max-Forwards: 0"), "483", "", "");
    check(
        &request("INVITE", 1, "m", "", "Require: 100rel, path\r\nRequire: x\r\n", SDP),
        "420",
        "Unsupported",
        "path, x",
    );
    check(&invite().replace("application/sdp", "text/plain"), "415", "Accept", "application/sdp");
    check(
        &request("INVITE", 1, "m", "", "Content-Encoding: gzip\r\n", SDP),
        "415",
        "Accept-Encoding",
        "identity",
    );
    check(&request("INVITE", 1, "m", "", "Accept: text/html\r\n", SDP), "406", "", "");
    check(&invite().replace("INVITE sip:100@192.0.2.1", "INVITE urn:service:sos"), "416", "", "");
    check(&invite().replace("INVITE sip:100@192.0.2.1", "INVITE sip:"), "400", "", "");
    check(&invite().replace("Contact: <sip:alice@10.0.0.5:5070>\r\n", ""), "400", "", "");
    check(&invite().replace("Contact: <sip:alice", "Contact: <tel:1"), "400", "", "");
    check(&invite().replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia"), "505", "", "");
}

/// The status line of what a broken message is answered; empty if it is dropped.
#[track_caller]
fn broken(text: &str, expected: &str) {
    let mut b = Bench::new();
    b.hear(text);
    let line = b.sent.first().map(|(_, t)| t.lines().next().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(line, expected, "{text}");
    let counters = b.endpoint.counters();
    assert_eq!(counters.garbage, u64::from(expected.is_empty()));
    assert_eq!(b.endpoint.counts().transactions, 0);
}

#[test]
fn a_broken_request_is_told_which_header_is_wrong() {
    let swap = |from: &str, to: &str| {
        let text = invite();
        assert!(text.contains(from));
        text.replace(from, to)
    };
    broken(&swap("CSeq: 1 INVITE", "CSeq: x INVITE"), "SIP/2.0 400 Bad CSeq: a number below 2^31 Expected");
    broken(
        &swap("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        "SIP/2.0 400 Bad CSeq: the method of the request line Expected",
    );
    broken(
        &swap("Max-Forwards: 70", "Max-Forwards: 300"),
        "SIP/2.0 400 Bad Max-Forwards: a number from 0 to 255 Expected",
    );
    broken(&swap("\"Al\" <sip", "\"Al <sip"), "SIP/2.0 400 Bad From: a closing quote Expected");
    broken(
        &swap("Call-ID: call-1", "Call-ID: a b"),
        "SIP/2.0 400 Bad Call-ID: a word without spaces Expected",
    );
    broken(
        &swap("Call-ID: call-1", "i: a\r\ni: b"),
        "SIP/2.0 400 Bad Call-ID: one such header only Expected",
    );
    broken(
        &swap("Content-Length: ", "Content-Length: 9"),
        "SIP/2.0 400 Bad Content-Length: no more than the bytes that came Expected",
    );
    broken(
        &swap("Content-Length: ", "Content-Length: -"),
        "SIP/2.0 400 Bad Content-Length: a number Expected",
    );
    broken(
        &swap("Max-Forwards: 70", "no colon here"),
        "SIP/2.0 400 Bad Request: a header name and a colon Expected",
    );
    broken(&swap("Call-ID: call-1\r\n", ""), "SIP/2.0 400 Bad Call-ID: the header Expected");
    // Nobody can be told.
    broken(&swap("CSeq: 1 INVITE\r\n", ""), "");
    broken(&swap("Via: SIP/2.0/UDP", "Via: SIP/9/UDP"), "");
    broken(&swap("INVITE", "ACK").replace("CSeq: 1", "CSeq: x"), "");
    broken("SIP/2.0 200 OK\r\nCSeq: x\r\n\r\n", "");
    broken("hello\r\n\r\n", "");
}

#[test]
fn blank_datagrams_are_keepalives() {
    let mut b = Bench::new();
    for text in ["", "\r\n\r\n", "\0\0\0\0", " "] {
        b.hear(text);
    }
    assert_eq!((b.endpoint.counters().keepalives, b.endpoint.counters().garbage), (4, 0));
    b.sends(&[]);
}

#[test]
fn a_request_by_two_ways_is_taken_once() {
    let mut b = Bench::new();
    b.hear(&invite());
    b.hear(&invite().replace("z9hG4bKi1", "z9hG4bKother"));
    b.sends(&["100", "482"]);
    b.tells(&["invited"]);
    assert_eq!(b.endpoint.counters().merged, 1);
}

#[test]
fn a_caller_who_tries_again_with_the_same_number_is_no_copy() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.challenge(b.now, session).unwrap();
    b.drain();
    b.hear(&invite().replace("z9hG4bKi1", "z9hG4bKi2"));
    b.sends(&["100", "407", "100"]);
    b.tells(&["ended Rejected { status: 407 }", "invited"]);
}

#[test]
fn messages_are_told_before_what_they_caused_and_an_invite_after_its_session() {
    use sip::{Event, Input, Output};
    let mut b = Bench::new();
    let mut heard = |text: String| {
        b.endpoint.handle(b.now, Input::Message { flow: b.flow, bytes: text.into() });
        let mut all = Vec::new();
        while let Some(output) = b.endpoint.poll_output() {
            all.push(match output {
                Output::Transmit { summary, .. } => summary.to_string(),
                Output::Event(Event::Message { summary, session, .. }) => {
                    format!("heard {summary} {}", session.is_some())
                }
                Output::Event(Event::Invited { .. }) => "invited".into(),
                Output::Event(Event::AuthFailed { .. }) => "auth failed".into(),
                Output::Event(Event::Ended { .. }) => "ended".into(),
                other => format!("{other:?}"),
            });
        }
        all
    };
    let wrong = "Authorization: Digest username=\"alice\", realm=\"offhook\", nonce=\"0\", response=\"0\", algorithm=X\r\n";
    let told = heard(request("INVITE", 1, "i1", "", wrong, SDP));
    assert_eq!(told, ["auth failed", "invited", "heard INVITE with a body true", "100 Trying (INVITE)"]);
    let told = heard(request("CANCEL", 1, "i1", "", "", ""));
    let expected = ["heard CANCEL true", "200 OK (CANCEL)", "487 Request Terminated (INVITE)", "ended"];
    assert_eq!(told, expected);
    let told = heard(request("CANCEL", 1, "i1", "", "", ""));
    assert_eq!(told, ["heard CANCEL, again true", "200 OK (CANCEL), again"]);
}

#[test]
fn stray_acks_are_dropped_and_counted() {
    let mut b = Bench::new();
    b.hear(&request("ACK", 1, "a", ";tag=unknown", "", ""));
    b.hear(&request("ACK", 1, "a", "", "", ""));
    b.sends(&[]);
    assert_eq!(b.endpoint.counters().stray_acks, 2);
    assert_eq!(b.endpoint.counts().transactions, 0);
}

#[test]
fn a_draining_endpoint_refuses_new_calls_only() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    b.endpoint.draining(true);
    b.hear(&request("INVITE", 1, "i2", "", "", SDP).replace("call-1", "call-2"));
    b.hear(&request("OPTIONS", 1, "o2", "", "", "").replace("call-1", "call-3"));
    b.hear(&request("REGISTER", 1, "g2", "", "", "").replace("call-1", "call-4"));
    b.hear(&request("OPTIONS", 2, "o3", &tag, "", ""));
    let sent = b.sends(&["503", "503", "401", "200"]);
    assert_eq!(header(&sent[0], "Retry-After"), "30");
    assert_eq!(b.endpoint.session(session).unwrap().phase, "confirmed");
    b.endpoint.draining(false);
    b.hear(&request("OPTIONS", 1, "o4", "", "", "").replace("call-1", "call-5"));
    b.sends(&["200"]);
}

#[test]
fn responses_go_where_the_via_and_the_source_say() {
    let check = |via: &str, transport: Transport, port: u16, written: &str| {
        let mut b = Bench::over(transport);
        b.hear(
            &request("OPTIONS", 1, "v1", "", "", "")
                .replace("SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bKv1;rport", via),
        );
        let (flow, text) = b.sent.remove(0);
        assert_eq!(
            flow,
            Flow { remote: std::net::SocketAddr::from(([198, 51, 100, 7], port)), ..b.flow },
            "{via}"
        );
        assert_eq!(header(&text, "Via"), written);
    };
    let udp = Transport::Udp;
    check(
        "SIP/2.0/UDP 10.0.0.5:5099;rport;branch=z9hG4bKv1",
        udp,
        5070,
        "SIP/2.0/UDP 10.0.0.5:5099;branch=z9hG4bKv1;rport=5070;received=198.51.100.7",
    );
    check(
        "SIP/2.0/UDP 10.0.0.5:5099;branch=z9hG4bKv1",
        udp,
        5099,
        "SIP/2.0/UDP 10.0.0.5:5099;branch=z9hG4bKv1;received=198.51.100.7",
    );
    check(
        "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKv1;received=1.2.3.4",
        udp,
        5060,
        "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKv1",
    );
    check(
        "SIP/2.0/TCP 10.0.0.5:5099;branch=z9hG4bKv1;maddr=1.2.3.4",
        Transport::Tcp,
        5070,
        "SIP/2.0/TCP 10.0.0.5:5099;branch=z9hG4bKv1;maddr=1.2.3.4;received=198.51.100.7",
    );
}

#[test]
fn cutting_a_stream_gives_whole_messages() {
    use sip::stream::{Frame, Framer};
    let text = invite();
    let stream = format!("\r\n{text}\r\n\r\n{text}\r\n\r\n\r\n\r\n{text}");
    for step in [1, 2, 3, 7, 64, 4096] {
        let (mut framer, mut frames) = (Framer::default(), Vec::new());
        for chunk in stream.as_bytes().chunks(step) {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        let message = Frame::Message(Bytes::from(text.clone()));
        let expected = [message.clone(), Frame::Ping, message.clone(), Frame::Ping, Frame::Ping, message];
        assert_eq!(frames, expected, "{step} bytes at a time");
        assert_eq!(framer.pending(), 0);
    }
}

#[test]
fn a_stream_that_cannot_be_cut_is_an_error() {
    use sip::FrameError::*;
    let check = |text: &str, expected| {
        let mut framer = sip::stream::Framer::new(1000);
        framer.push(text.as_bytes());
        assert_eq!(framer.next_frame(), Err(expected), "{text}");
    };
    check("A b\r\nContent-Length: x\r\n\r\n", BadLength);
    check("A b\r\nl: 1\r\nl: 2\r\n\r\n", BadLength);
    check("A b\r\nContent-Length: 99999999999\r\n\r\n", BadLength);
    check("A b\r\nContent-Length: 990\r\n\r\n", TooLong { limit: 1000 });
    check(&"a".repeat(1001), TooLong { limit: 1000 });
    check(&"a\r\n".repeat(400), TooLong { limit: 1000 });
}

#[test]
fn in_a_crowd_a_request_is_forgotten_once_it_is_answered() {
    let mut b = Bench::new();
    b.endpoint = sip::Endpoint::new(sip::Config { crowd: 3, ..sip::Config::default() });
    for n in 0..10 {
        b.hear(
            &request("OPTIONS", 1, &format!("m{n}"), "", "", "")
                .replace("Call-ID: ", &format!("Call-ID: {n}")),
        );
        b.sends(&["200"]);
    }
    assert_eq!(b.endpoint.counts().transactions, 3);
    for n in 0..10 {
        b.hear(
            &invite()
                .replace("z9hG4bKi1", &format!("z9hG4bKi{n}"))
                .replace("Call-ID: ", &format!("Call-ID: {n}")),
        );
        let session = b.invited();
        b.endpoint.challenge(b.now, session).unwrap();
        b.drain();
        b.sends(&["100", "407"]);
        b.tells(&["ended Rejected { status: 407 }"]);
    }
    assert_eq!((b.endpoint.counts().transactions, b.endpoint.counts().sessions), (3, 0));
}
