//! An endpoint, a clock, and a peer that speaks text: what the scenario tests are written in.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{
    Body, Config, Contact, Credentials, Endpoint, Event, Flow, Input, Invite, Message, Next, Offer, Output,
    SessionId, Transport, User,
};

/// An endpoint under test, and everything it put out so far.
pub(crate) struct Bench {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
    pub(crate) flow: Flow,
    pub(crate) sent: Vec<(Flow, String)>,
    pub(crate) events: Vec<Event>,
    pub(crate) connects: Vec<sip::Hop>,
    pub(crate) queries: Vec<sip::locate::Query>,
}

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\n";

pub(crate) fn flow(transport: Transport) -> Flow {
    Flow { transport, local: "192.0.2.1:5060".parse().unwrap(), remote: "198.51.100.7:5070".parse().unwrap() }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench::over(Transport::Udp)
    }

    pub(crate) fn over(transport: Transport) -> Self {
        let mut endpoint = Endpoint::new(Config { seed: 42, ..Config::default() });
        endpoint.set_users(vec![
            User { name: "alice".into(), password: "secret".into() },
            User { name: "bob".into(), password: "hidden".into() },
        ]);
        Bench {
            endpoint,
            now: Instant::now(),
            flow: flow(transport),
            sent: Vec::new(),
            events: Vec::new(),
            connects: Vec::new(),
            queries: Vec::new(),
        }
    }

    /// Gives a message and takes what comes out.
    pub(crate) fn hear(&mut self, text: &str) {
        let flow = self.flow;
        self.hear_on(flow, Bytes::copy_from_slice(text.as_bytes()));
    }

    pub(crate) fn hear_on(&mut self, flow: Flow, bytes: Bytes) {
        self.endpoint.handle(self.now, Input::Message { flow, bytes });
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes, summary } => {
                    let message = Message::parse(bytes.clone()).expect("what we send can be read");
                    assert_eq!(message.problem(), None, "what we send has no fault");
                    assert_eq!(message.status(), summary.status);
                    self.sent.push((flow, String::from_utf8(bytes.to_vec()).unwrap()));
                }
                Output::Event(Event::Message { .. }) => {}
                Output::Event(event) => self.events.push(event),
                Output::Connect(hop) => self.connects.push(hop),
                Output::Query(query) => self.queries.push(query),
            }
        }
        if let Some(at) = self.endpoint.poll_timeout() {
            assert!(at > self.now || at >= self.now, "a timer is in the past");
        }
    }

    /// Opens the way asked for, from our usual address, or says that there is none.
    #[track_caller]
    pub(crate) fn opens(&mut self, expected: &str, opens: bool) -> Flow {
        let hop = self.connects.remove(0);
        assert_eq!(hop.to_string(), expected);
        let flow = Flow { transport: hop.transport, remote: hop.remote, ..self.flow };
        let input = if opens { Input::Connected { hop, flow } } else { Input::Unreachable { hop } };
        self.endpoint.handle(self.now, input);
        self.drain();
        flow
    }

    /// Lets time pass, firing every timer on its way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.endpoint.handle(self.now, Input::Timeout);
            self.drain();
        }
        self.now = end;
    }

    /// The start lines of what was sent since last asked.
    #[track_caller]
    pub(crate) fn sends(&mut self, expected: &[&str]) -> Vec<String> {
        let sent: Vec<String> = self.sent.drain(..).map(|(_, text)| text).collect();
        let starts: Vec<&str> = sent.iter().map(|t| t.lines().next().unwrap()).map(short).collect();
        assert_eq!(starts, expected);
        sent
    }

    /// The events since last asked, in short.
    #[track_caller]
    pub(crate) fn tells(&mut self, expected: &[&str]) {
        let told: Vec<String> = self.events.drain(..).map(|e| brief(&e)).collect();
        assert_eq!(told, expected);
    }

    /// The session of the only call.
    #[track_caller]
    pub(crate) fn invited(&mut self) -> SessionId {
        match self.events.remove(0) {
            Event::Invited { session, .. } => session,
            other => panic!("{other:?} instead of Invited"),
        }
    }

    /// Everything ends and nothing is left.
    #[track_caller]
    pub(crate) fn is_clean(&mut self) {
        self.pass(Duration::from_secs(200));
        let counts = self.endpoint.counts();
        assert_eq!((counts.transactions, counts.sessions), (0, 0), "something is left");
        assert_eq!((counts.requests, counts.ways), (0, 0), "a request is left");
        assert_eq!(counts.bindings == 0, self.endpoint.poll_timeout().is_none(), "a timer is left");
    }
}

/// `SIP/2.0 200 OK` as `200`, `BYE sip:... SIP/2.0` as `BYE`.
fn short(start: &str) -> &str {
    let mut words = start.split(' ');
    match words.next() {
        Some("SIP/2.0") => words.next().unwrap(),
        word => word.unwrap(),
    }
}

fn owes(owes_answer: bool) -> &'static str {
    if owes_answer { " owes" } else { "" }
}

fn brief(event: &Event) -> String {
    let with = |body: &Option<Body>| if body.is_some() { " body" } else { "" };
    match event {
        Event::Invited { .. } => "invited".into(),
        Event::Progressed { early, status, body, owes_answer, .. } => {
            let fork = if *early == 1 { String::new() } else { format!(" in {early}") };
            format!("progressed {status}{fork}{}{}", with(body), owes(*owes_answer))
        }
        Event::Answered { early, body, owes_answer, .. } => {
            let fork = if *early == 1 { String::new() } else { format!(" in {early}") };
            format!("answered{fork}{}{}", with(body), owes(*owes_answer))
        }
        Event::Redirected { status, targets, .. } => format!("redirected {status} to {}", targets.join(" ")),
        Event::Referred { refer, .. } => format!("referred {}", refer.to.uri),
        Event::ReferAnswered { status, .. } => format!("refer answered {status}"),
        Event::ReferProgress { status, last, .. } => {
            format!("refer progress {status}{}", if *last { " last" } else { "" })
        }
        Event::Acknowledged { body, .. } => format!("acknowledged{}", with(body)),
        Event::Confirmed { body, .. } => format!("confirmed{}", with(body)),
        Event::Reinvited { offer, .. } => format!("reinvited{}", with(offer)),
        Event::Reconfirmed { body, .. } => format!("reconfirmed{}", with(body)),
        Event::Changed { result: Ok(body), owes_answer, .. } => {
            format!("changed{}{}", with(body), if *owes_answer { " owes" } else { "" })
        }
        Event::Changed { result: Err(status), .. } => format!("changed {status}"),
        Event::Refreshed { .. } => "refreshed".into(),
        Event::Informed { status, .. } => format!("informed {status}"),
        Event::Info { body, .. } => format!("info {}", String::from_utf8_lossy(body)),
        Event::Reached { flow, .. } => format!("reached {} {}", flow.transport, flow.remote),
        Event::Responded { response, .. } => format!(
            "responded {}{}{}",
            response.status,
            if response.flow.is_none() { " by nobody" } else { "" },
            with(&response.body)
        ),
        Event::Ended { reason, .. } => format!("ended {reason:?}"),
        Event::Registered { user, contact, expires, .. } => {
            format!("registered {user} {contact} {}", expires.as_secs())
        }
        Event::Unregistered { user, contact } => format!("unregistered {user} {contact}"),
        Event::AuthFailed { user, .. } => format!("auth failed {user}"),
        other => format!("{other:?}"),
    }
}

/// A header of a message as text.
#[track_caller]
pub(crate) fn header<'a>(text: &'a str, name: &str) -> &'a str {
    find(text, name).unwrap_or_else(|| panic!("no {name} in {text}"))
}

pub(crate) fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn contact() -> Contact {
    Contact::new("ivr", "192.0.2.1:5060".parse().unwrap(), Transport::Udp)
}

pub(crate) fn sdp() -> Body {
    Body::sdp(SDP.as_bytes())
}

/// A request of the peer: `to` is what follows the To URI, `extra` whole headers, `body` a description.
pub(crate) fn request(method: &str, cseq: u32, branch: &str, to: &str, extra: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:100@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Al\" <sip:alice@example.com>;tag=peer\r\n\
         To: <sip:100@192.0.2.1>{to}\r\n\
         Call-ID: call-1\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@10.0.0.5:5070>\r\n\
         {extra}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn invite() -> String {
    request("INVITE", 1, "i1", "", "", SDP)
}

/// `;tag=...` of a message's To header.
pub(crate) fn to_tag(text: &str) -> String {
    let to = header(text, "To");
    to[to.find(";tag=").expect("a tag")..].to_owned()
}

/// A call up: the endpoint answered and the ACK came. Returns the session and our tag.
pub(crate) fn call_up(bench: &mut Bench) -> (SessionId, String) {
    bench.hear(&invite());
    let session = bench.invited();
    bench.endpoint.answer(bench.now, session, Some(sdp()), contact()).unwrap();
    bench.drain();
    let sent = bench.sends(&["100", "200"]);
    let tag = to_tag(&sent[1]);
    bench.hear(&request("ACK", 1, "a1", &tag, "", ""));
    bench.tells(&["confirmed"]);
    bench.sends(&[]);
    (session, tag)
}

/// A call of ours up: the endpoint called and acknowledged the answer, which had the headers `extra` too.
/// Returns the session and the INVITE.
pub(crate) fn call_placed(bench: &mut Bench, extra: &str) -> (SessionId, String) {
    let invite = Invite {
        next: Next::Flow(bench.flow),
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: Offer::Ready(sdp()),
        credentials: Some(Credentials { user: "ivr".into(), password: "pw".into() }),
        headers: vec![],
        follow: true,
        max_forwards: 70,
    };
    let session = bench.endpoint.invite(bench.now, invite);
    bench.drain();
    let invite = bench.sends(&["INVITE"]).remove(0);
    bench.hear(&response(&invite, "200 OK", "peer", extra, SDP));
    bench.sends(&["ACK"]);
    bench.tells(&["answered body"]);
    (session, invite)
}

/// A request of the peer in a call that we placed with `invite`.
pub(crate) fn request_back(invite: &str, method: &str, cseq: u32, extra: &str, body: &str) -> String {
    let text = request(method, cseq, &format!("{method}{cseq}"), "", extra, body);
    text.replace("\"Al\" <sip:alice@example.com>;tag=peer", "<sip:bob@203.0.113.9>;tag=peer")
        .replace("To: <sip:100@192.0.2.1>", &format!("To: {}", header(invite, "From")))
        .replace("call-1", header(invite, "Call-ID"))
}

/// The peer's response to a request of ours, with a tag.
pub(crate) fn response(request: &str, status: &str, tag: &str, extra: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let to = header(request, "To");
    let to = if to.contains(";tag=") || tag.is_empty() { to.to_owned() } else { format!("{to};tag={tag}") };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:callee@203.0.113.9:5080>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
        header(request, "Via"),
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
        body.len()
    )
}

/// A call of ours: its session and its INVITE as sent.
pub(crate) fn place(b: &mut Bench, body: Option<Body>) -> (SessionId, String) {
    let invite = Invite {
        next: Next::Flow(b.flow),
        target: "sip:bob@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:bob@203.0.113.9".into(),
        user: "ivr".into(),
        offer: body.map_or(Offer::None, Offer::Ready),
        credentials: Some(Credentials { user: "ivr".into(), password: "pw".into() }),
        headers: vec![],
        follow: true,
        max_forwards: 70,
    };
    let session = b.endpoint.invite(b.now, invite);
    b.drain();
    (session, b.sends(&["INVITE"]).remove(0))
}

/// Another description than [`SDP`].
pub(crate) fn described(name: &str) -> String {
    SDP.replace("s=-", &format!("s={name}"))
}

/// The headers of a reliable provisional (RFC 3262 §7.1).
pub(crate) fn reliably(rseq: u32) -> String {
    format!("Require: 100rel\r\nRSeq: {rseq}\r\n")
}

/// A request of the peer in the dialog of an INVITE of ours.
pub(crate) fn theirs(invite: &str, tag: &str, method: &str, cseq: u32, extra: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:ivr@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK{tag}{method}{cseq};rport\r\n\
         From: <sip:bob@203.0.113.9>;tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:callee@203.0.113.9:5081>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
        header(invite, "From"),
        header(invite, "Call-ID"),
        body.len()
    )
}
