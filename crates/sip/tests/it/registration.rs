//! Registrations of ours: granted, refreshed, refused, redirected, lost with their flow and ended.

use std::time::Duration;

use sip::{
    Credentials, Event, Hop, Input, Next, Registration, RegistrationId, RegistrationState, Transport, Trouble,
};

use crate::harness::*;

fn registration(next: Next) -> Registration {
    Registration {
        registrar: "sip:example.com".into(),
        next,
        aor: "sip:trunk@example.com".into(),
        user: "trunk".into(),
        credentials: Some(Credentials { user: "trunk".into(), password: "pw".into() }),
        expires: Duration::from_secs(600),
        instance: None,
        headers: Vec::new(),
    }
}

fn started(b: &mut Bench, registration: Registration) -> (RegistrationId, String) {
    let id = b.endpoint.register(b.now, registration);
    b.drain();
    (id, b.sends(&["REGISTER"]).remove(0))
}

fn by_flow() -> Registration {
    registration(Next::Flow(flow(Transport::Udp)))
}

/// The one event there is, in short.
#[track_caller]
fn state(b: &mut Bench) -> String {
    let now = b.now;
    let [Event::Registration { state, .. }] = &b.events[..] else { panic!("{:?}", b.events) };
    let text = match state {
        RegistrationState::Registered { until, .. } => format!("until {}", (*until - now).as_secs()),
        RegistrationState::Retrying { status, why, at } => {
            format!(
                "{status} {why:?} {}",
                if *at - now <= Duration::from_secs(60) { "soon" } else { "later" }
            )
        }
        RegistrationState::Unregistered => "over".into(),
    };
    b.events.clear();
    text
}

fn next_register(b: &mut Bench, within: u64) -> String {
    for _ in 0..within * 10 {
        b.pass(Duration::from_millis(100));
        if !b.sent.is_empty() {
            break;
        }
    }
    b.sends(&["REGISTER"]).remove(0)
}

fn ok(register: &str, extra: &str) -> String {
    response(register, "200 OK", "t", extra, "").replace("Contact: <sip:callee@203.0.113.9:5080>\r\n", "")
}

#[test]
fn a_registration_is_refreshed_before_it_ends_and_removed_in_the_end() {
    let mut b = Bench::new();
    let (id, first) = started(&mut b, by_flow());
    assert!(first.starts_with("REGISTER sip:example.com SIP/2.0\r\n"));
    assert_eq!((header(&first, "CSeq"), header(&first, "Expires")), ("1 REGISTER", "600"));
    assert_eq!(header(&first, "Contact"), "<sip:trunk@192.0.2.1:5060>");
    assert_eq!(header(&first, "To"), "<sip:trunk@example.com>");
    let ask = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    b.hear(&response(&first, "401 Unauthorized", "t", ask, ""));
    let second = b.sends(&["REGISTER"]).remove(0);
    b.hear(&ok(&second, "Contact: <sip:x@y>;expires=5, <sip:trunk@192.0.2.1:5060>;expires=100\r\n"));
    assert_eq!(state(&mut b), "until 100");
    b.pass(Duration::from_secs(68));
    b.sends(&[]);
    let third = next_register(&mut b, 8);
    assert_eq!(
        (header(&third, "CSeq"), header(&third, "Call-ID")),
        ("3 REGISTER", header(&first, "Call-ID"))
    );
    assert!(header(&third, "Authorization").contains("nc=00000002"), "the nonce serves again");
    b.hear(&ok(&third, "Expires: 200\r\n"));
    assert_eq!(state(&mut b), "until 200");
    assert!(matches!(b.endpoint.registration(id), Some(RegistrationState::Registered { .. })));
    b.endpoint.unregister(b.now, id);
    b.drain();
    let last = b.sends(&["REGISTER"]).remove(0);
    assert_eq!(header(&last, "Expires"), "0");
    b.hear(&ok(&last, ""));
    assert_eq!(state(&mut b), "over");
    assert_eq!(b.endpoint.registration(id), None);
    b.is_clean();
}

#[test]
fn what_the_registrar_wants_of_calls_and_flows_is_told() {
    let mut b = Bench::new();
    let wish = Registration { instance: Some("urn:uuid:f00".into()), ..by_flow() };
    let (id, register) = started(&mut b, wish);
    assert_eq!(
        header(&register, "Contact"),
        "<sip:trunk@192.0.2.1:5060>;reg-id=1;+sip.instance=\"<urn:uuid:f00>\""
    );
    assert_eq!(header(&register, "Supported"), "path, outbound");
    let extra = "Service-Route: <sip:p1;lr>, <sip:p2;lr>\r\nService-Route: <sip:p3;lr>\r\nFlow-Timer: 25\r\nExpires: 600\r\n";
    b.hear(&ok(&register, extra));
    let Some(Event::Registration { state, .. }) = b.events.pop() else { panic!() };
    let RegistrationState::Registered { service_route, keep_alive, flow, .. } = state else {
        panic!("{state:?}")
    };
    assert_eq!(service_route, ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>"]);
    assert_eq!((keep_alive, flow), (Some(Duration::from_secs(25)), b.flow));
    assert!(b.endpoint.uses(&flow));
    b.endpoint.unregister(b.now, id);
    b.drain();
    // Nobody answers that any more.
    b.pass(Duration::from_secs(33));
    assert_eq!(self::state(&mut b), "over");
    b.sent.clear();
    b.is_clean();
}

#[test]
fn too_brief_a_registration_asks_for_longer_once() {
    let mut b = Bench::new();
    let (_, first) = started(&mut b, by_flow());
    b.hear(&response(&first, "423 Interval Too Brief", "t", "Min-Expires: 1800\r\n", ""));
    let second = b.sends(&["REGISTER"]).remove(0);
    assert_eq!((header(&second, "Expires"), header(&second, "CSeq")), ("1800", "2 REGISTER"));
    b.hear(&response(&second, "423 Interval Too Brief", "t", "Min-Expires: 1800\r\n", ""));
    b.sends(&[]);
    assert_eq!(state(&mut b), "423 Refused soon");
}

#[test]
fn failures_wait_longer_each_time_and_a_retry_after_is_obeyed() {
    let mut b = Bench::new();
    let (_, first) = started(&mut b, by_flow());
    b.hear(&response(&first, "500 Server Internal Error", "t", "", ""));
    assert_eq!(state(&mut b), "500 Refused soon");
    b.pass(Duration::from_secs(29));
    b.sends(&[]);
    let second = next_register(&mut b, 31);
    b.hear(&response(&second, "500 Server Internal Error", "t", "", ""));
    assert_eq!(state(&mut b), "500 Refused later");
    b.pass(Duration::from_secs(59));
    b.sends(&[]);
    let third = next_register(&mut b, 61);
    b.hear(&response(&third, "503 Service Unavailable", "t", "Retry-After: 7\r\n", ""));
    assert_eq!(state(&mut b), "503 Refused soon");
    b.pass(Duration::from_secs(6));
    b.sends(&[]);
    let fourth = next_register(&mut b, 1);
    b.hear(&ok(&fourth, ""));
    assert_eq!(state(&mut b), "until 600");
    // Silence is a failure like others, and the first again.
    b.pass(Duration::from_secs(451));
    b.sent.clear();
    b.pass(Duration::from_secs(33));
    assert_eq!(state(&mut b), "408 Silence soon");
}

#[test]
fn a_wrong_password_is_not_tried_again_for_ten_minutes() {
    let mut b = Bench::new();
    let (id, first) = started(&mut b, by_flow());
    let ask = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    b.hear(&response(&first, "401 Unauthorized", "t", ask, ""));
    let second = b.sends(&["REGISTER"]).remove(0);
    b.hear(&response(&second, "401 Unauthorized", "t", ask, ""));
    assert_eq!(state(&mut b), "401 Credentials later");
    b.pass(Duration::from_secs(599));
    b.sends(&[]);
    next_register(&mut b, 1);
    b.endpoint.unregister(b.now, id);
    b.drain();
    assert!(b.events.is_empty(), "it is being asked");
    b.pass(Duration::from_secs(33));
    b.sent.clear();
    assert_eq!(state(&mut b), "over");
    b.is_clean();
    let (_, other) = started(&mut b, by_flow());
    b.hear(&response(&other, "404 Not Found", "t", "", ""));
    assert_eq!(state(&mut b), "404 Unknown later");
}

#[test]
fn a_redirection_is_followed_and_circles_are_not() {
    let mut b = Bench::new();
    let (_, first) = started(&mut b, by_flow());
    let to = |register: &str, uri: &str| {
        response(register, "302 Moved", "t", "", "").replace("sip:callee@203.0.113.9:5080", uri)
    };
    b.hear(&to(&first, "sip:203.0.113.50"));
    b.opens("UDP 203.0.113.50:5060", true);
    let second = b.sends(&["REGISTER"]).remove(0);
    assert!(second.starts_with("REGISTER sip:203.0.113.50 SIP/2.0\r\n"));
    b.hear(&to(&second, "sip:203.0.113.50"));
    assert_eq!(state(&mut b), "302 Refused soon");
    let third = next_register(&mut b, 60);
    assert!(third.starts_with("REGISTER sip:example.com "), "from the beginning");
}

#[test]
fn a_lost_flow_is_registered_anew_at_once() {
    let mut b = Bench::over(Transport::Tcp);
    let hop = Hop { transport: Transport::Tcp, remote: "198.51.100.7:5070".parse().unwrap(), name: None };
    b.endpoint.register(b.now, registration(Next::Hop(hop)));
    b.drain();
    let flow = b.opens("TCP 198.51.100.7:5070", true);
    let register = b.sends(&["REGISTER"]).remove(0);
    b.hear(&ok(&register, ""));
    assert_eq!(state(&mut b), "until 600");
    b.pass(Duration::from_secs(60));
    b.endpoint.handle(b.now, Input::Closed { flow });
    b.drain();
    b.opens("TCP 198.51.100.7:5070", true);
    let register = b.sends(&["REGISTER"]).remove(0);
    b.hear(&ok(&register, ""));
    assert_eq!(state(&mut b), "until 600");
    // One that is lost again at once waits.
    b.endpoint.handle(b.now, Input::Closed { flow });
    b.drain();
    assert_eq!(state(&mut b), "503 Unreachable soon");
    b.pass(Duration::from_secs(60));
    b.opens("TCP 198.51.100.7:5070", false);
    let Some(Event::Registration { state: RegistrationState::Retrying { why, .. }, .. }) = b.events.pop()
    else {
        panic!()
    };
    assert_eq!(why, Trouble::Unreachable);
}

#[test]
fn a_registration_ended_while_it_is_asked_for_is_removed() {
    let mut b = Bench::new();
    let (id, first) = started(&mut b, by_flow());
    b.endpoint.unregister(b.now, id);
    b.drain();
    b.sends(&[]);
    b.hear(&ok(&first, ""));
    let last = b.sends(&["REGISTER"]).remove(0);
    assert_eq!(header(&last, "Expires"), "0");
    b.hear(&ok(&last, ""));
    assert_eq!(state(&mut b), "over");
    b.is_clean();
}
