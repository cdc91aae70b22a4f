//! Requests of ours outside of calls: answered, challenged, lost, unreachable.

use std::time::Duration;

use sip::{Credentials, Event, Hop, Known, Next, Request, Transport};

use crate::harness::*;

fn request_by(next: Next) -> Request {
    Request {
        method: Known::Options,
        next,
        target: "sip:gw.example.com".into(),
        from: "sip:us@192.0.2.1".into(),
        to: "sip:gw.example.com".into(),
        user: Some("us".into()),
        headers: vec![("Accept".into(), "application/sdp".into())],
        body: None,
        credentials: Some(Credentials { user: "us".into(), password: "pw".into() }),
    }
}

fn by_flow() -> Next {
    Next::Flow(flow(Transport::Udp))
}

fn asked(b: &mut Bench, request: Request) -> String {
    b.endpoint.request(b.now, request);
    b.drain();
    b.sends(&["OPTIONS"]).remove(0)
}

#[test]
fn a_request_is_written_whole_and_its_answer_told_once() {
    let mut b = Bench::new();
    let options = asked(&mut b, request_by(Next::Flow(flow(Transport::Udp))));
    assert!(options.starts_with("OPTIONS sip:gw.example.com SIP/2.0\r\n"));
    assert!(header(&options, "From").starts_with("<sip:us@192.0.2.1>;tag="));
    assert_eq!(header(&options, "To"), "<sip:gw.example.com>");
    assert_eq!((header(&options, "CSeq"), header(&options, "Max-Forwards")), ("1 OPTIONS", "70"));
    assert_eq!(header(&options, "Contact"), "<sip:us@192.0.2.1:5060>");
    assert_eq!(header(&options, "Accept"), "application/sdp");
    b.hear(&response(&options, "100 Trying", "", "", ""));
    let answer = response(&options, "200 OK", "t", "k: timer\r\n", SDP);
    b.hear(&answer);
    b.hear(&answer);
    let Some(Event::Responded { response, .. }) = b.events.first() else { panic!("{:?}", b.events) };
    assert_eq!(response.header("supported"), Some("timer"));
    b.tells(&["responded 200 body"]);
    b.is_clean();
}

#[test]
fn a_body_is_carried() {
    let mut b = Bench::new();
    let body = sip::Body { content_type: "text/plain".into(), bytes: "hi".into() };
    let request =
        Request { method: Known::Message, body: Some(body), user: None, ..request_by(Next::Flow(b.flow)) };
    b.endpoint.request(b.now, request);
    b.drain();
    let text = b.sends(&["MESSAGE"]).remove(0);
    assert!(text.ends_with("Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"), "{text}");
    assert!(find(&text, "Contact").is_none());
    b.hear(&response(&text, "202 Accepted", "t", "", ""));
    b.tells(&["responded 202"]);
    b.is_clean();
}

#[test]
fn a_challenge_is_answered_once_by_each_who_asks() {
    let mut b = Bench::new();
    let first = asked(&mut b, request_by(by_flow()));
    let ask = |name: &str, realm: &str| {
        format!("{name}-Authenticate: Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"\r\n")
    };
    b.hear(&response(&first, "407 Proxy Authentication Required", "t", &ask("Proxy", "p"), ""));
    let second = b.sends(&["OPTIONS"]).remove(0);
    assert_eq!(header(&second, "CSeq"), "2 OPTIONS");
    assert_eq!(header(&second, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(&second, "From"), header(&first, "From"));
    assert!(header(&second, "Proxy-Authorization").contains("realm=\"p\""));
    b.hear(&response(&second, "401 Unauthorized", "t", &ask("WWW", "h"), ""));
    let third = b.sends(&["OPTIONS"]).remove(0);
    assert!(header(&third, "Authorization").contains("realm=\"h\""));
    assert!(header(&third, "Proxy-Authorization").contains("nc=00000002"));
    b.hear(&response(&third, "401 Unauthorized", "t", &ask("WWW", "h"), ""));
    b.sends(&[]);
    b.tells(&["responded 401"]);
    // Without credentials there is nothing to answer with.
    let bare = asked(&mut b, Request { credentials: None, ..request_by(by_flow()) });
    b.hear(&response(&bare, "401 Unauthorized", "t", &ask("WWW", "h"), ""));
    b.tells(&["responded 401"]);
    b.is_clean();
}

#[test]
fn silence_is_408_and_no_way_is_503() {
    let mut b = Bench::new();
    asked(&mut b, request_by(by_flow()));
    b.pass(Duration::from_secs(33));
    b.tells(&["responded 408 by nobody"]);
    b.sent.clear();
    let hop = Hop { transport: Transport::Tcp, remote: "203.0.113.9:5060".parse().unwrap(), name: None };
    b.endpoint.request(b.now, request_by(Next::Hop(hop)));
    b.drain();
    b.opens("TCP 203.0.113.9:5060", false);
    b.tells(&["responded 503 by nobody"]);
    let tcp = flow(Transport::Tcp);
    asked(&mut b, request_by(Next::Flow(tcp)));
    b.endpoint.handle(b.now, sip::Input::Closed { flow: tcp });
    b.drain();
    b.tells(&["responded 503 by nobody"]);
    b.is_clean();
}

#[test]
fn a_503_of_the_only_hop_is_told_as_it_came() {
    let mut b = Bench::new();
    let options = asked(&mut b, request_by(by_flow()));
    b.hear(&response(&options, "503 Service Unavailable", "t", "Retry-After: 30\r\n", ""));
    let Some(Event::Responded { response, .. }) = b.events.first() else { panic!("{:?}", b.events) };
    assert_eq!(response.header("Retry-After"), Some("30"));
    b.tells(&["responded 503"]);
    b.is_clean();
}
