//! A line of a soak's phone: a dialog as phones have it, with requests that are sent again and answers that are kept.
//!
//! Writes what is sent; what comes is judged in `take.rs`.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::super::registrations::user;
use super::super::sockets::Sockets;
use super::super::text::{header, lines, parameter};
use super::audio::Audio;

/// RFC 3261's T1 and T2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// A transaction's end, 64 times T1, and a little more: the server's own end is seen first.
const PATIENCE: Duration = Duration::from_secs(36);

/// Names a line.
pub(super) type LineId = usize;

/// What phones send with: the sockets of SIP, those of audio, and where all goes.
pub(super) struct Net {
    pub(super) server: SocketAddr,
    pub(super) sip: Sockets,
    pub(super) rtp: Vec<UdpSocket>,
    /// Tells the calls of one process from those of another.
    pub(super) prefix: String,
}

/// Where a line stands.
#[derive(Debug)]
pub(super) enum State {
    /// Our INVITE is out; given up by CANCEL or not.
    Calling {
        cancelled: bool,
    },
    /// Theirs came, and something is done about it at this time.
    Ringing {
        then: Instant,
        does: Answer,
    },
    /// Answered.
    Up,
    /// Our BYE is out.
    Leaving,
    /// The phone has no power any more.
    Vanished,
    Over,
}

/// What a phone does that rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Take,
    Refuse(u16),
    /// Until it is cancelled, or for a minute.
    Ring,
}

/// What is sent until something comes in return.
#[derive(Debug)]
struct Pending {
    what: Awaited,
    text: String,
    since: Instant,
    again: Instant,
    wait: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The final response to a request of ours.
    Response(&'static str, u32),
    /// The ACK of our 200.
    Ack(u32),
}

/// See the module.
pub(super) struct Line {
    pub(super) phone: usize,
    pub(super) call_id: String,
    /// The pair that it was begun for; `None` where it was called.
    pub(super) pair: Option<usize>,
    pub(super) state: State,
    /// From, of what we ask; To, of what is asked.
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) target: String,
    cseq: u32,
    /// Of the INVITE that began it, ours or theirs.
    pub(super) first: u32,
    /// Theirs, to be answered.
    pub(super) invite: String,
    pending: Vec<Pending>,
    /// What was answered, by branch and method.
    answered: VecDeque<(String, String)>,
    pub(super) audio: Audio,
    pub(super) direction: &'static str,
    version: u32,
    pub(super) deed: Instant,
    pub(super) until: Instant,
    pub(super) began: Instant,
    pub(super) up_since: Option<Instant>,
    /// The other line of this phone that the far end is to be connected with.
    pub(super) consults: Option<LineId>,
    /// Hangs up as soon as it is known how the transfer goes.
    pub(super) leaves: bool,
    /// What happened, for people.
    pub(super) story: Vec<String>,
}

impl Line {
    fn new(phone: usize, call_id: String, state: State, now: Instant, port: usize) -> Line {
        Line {
            phone,
            call_id,
            pair: None,
            state,
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            cseq: 0,
            first: 1,
            invite: String::new(),
            pending: Vec::new(),
            answered: VecDeque::new(),
            audio: Audio::new(port),
            direction: "sendrecv",
            version: 0,
            deed: now,
            until: now,
            began: now,
            up_since: None,
            consults: None,
            leaves: false,
            story: Vec::new(),
        }
    }

    /// Calls `number`.
    pub(super) fn calling(net: &Net, now: Instant, phone: usize, id: LineId, number: &str) -> Line {
        let call_id = format!("{}-{id}", net.prefix);
        let mut line = Line::new(phone, call_id, State::Calling { cancelled: false }, now, id);
        let (name, server) = (user(phone), net.server);
        line.local = format!("<sip:{name}@{server}>;tag=l{id}");
        line.target = format!("sip:{number}@{server}");
        line.remote = format!("<{}>", line.target);
        line.tell(now, format!("calls {number}"));
        let body = line.description(net, "sendrecv");
        line.request(net, now, "INVITE", "", &body);
        line.first = line.cseq;
        line
    }

    /// Is called.
    pub(super) fn called(net: &Net, now: Instant, phone: usize, id: LineId, invite: &str) -> Option<Line> {
        let state = State::Ringing { then: now, does: Answer::Ring };
        let mut line = Line::new(phone, header(invite, "Call-ID")?.to_owned(), state, now, id);
        line.local = format!("{};tag=l{id}", header(invite, "To")?);
        line.remote = header(invite, "From")?.to_owned();
        line.target = contact(invite)?;
        line.first = cseq(invite)?.0;
        line.invite = invite.to_owned();
        line.audio.connect(invite);
        line.respond(net, invite, "180 Ringing", "");
        let from = line.remote.clone();
        line.tell(now, format!("rings for {from}"));
        Some(line)
    }

    /// Writes something into its story.
    pub(super) fn tell(&mut self, now: Instant, what: impl Into<String>) {
        let at = now.duration_since(self.began).as_secs_f64();
        self.story.push(format!("{at:8.3} {}", what.into()));
    }

    /// Whether a change of the session is under way.
    pub(super) fn changes(&self) -> bool {
        self.pending.iter().any(|p| matches!(p.what, Awaited::Response("INVITE", _) | Awaited::Ack(_)))
    }

    /// Sends a request in the dialog, or the one that begins it.
    pub(super) fn request(
        &mut self,
        net: &Net,
        now: Instant,
        method: &'static str,
        headers: &str,
        body: &str,
    ) {
        self.cseq += 1;
        let text = self.compose(net, method, self.cseq, "", headers, body);
        self.tell(now, format!("→ {method}"));
        self.expect(net, now, Awaited::Response(method, self.cseq), text);
    }

    fn expect(&mut self, net: &Net, now: Instant, what: Awaited, text: String) {
        net.sip.send(self.phone, &text);
        self.pending.push(Pending { what, text, since: now, again: now + T1, wait: T1 });
    }

    /// CANCEL of the INVITE that began it.
    pub(super) fn cancel(&mut self, net: &Net, now: Instant) {
        let text = self.compose(net, "CANCEL", self.first, "INVITE", "", "");
        self.tell(now, "→ CANCEL");
        self.expect(net, now, Awaited::Response("CANCEL", self.first), text);
    }

    /// ACK: of a 200 a request of its own, else part of the INVITE's transaction.
    pub(super) fn acknowledge(&self, net: &Net, cseq: u32, status: u16) {
        let branch = if status < 300 { "" } else { "INVITE" };
        net.sip.send(self.phone, &self.compose(net, "ACK", cseq, branch, "", ""));
    }

    /// Changes the session.
    pub(super) fn change(&mut self, net: &Net, now: Instant, direction: &'static str) {
        self.direction = direction;
        let body = self.description(net, direction);
        self.tell(now, format!("wants {direction}"));
        self.request(net, now, "INVITE", "", &body);
    }

    /// Answers the INVITE that began it, until the ACK comes.
    pub(super) fn take(&mut self, net: &Net, now: Instant) {
        let body = self.description(net, "sendrecv");
        let invite = std::mem::take(&mut self.invite);
        let text = self.respond(net, &invite, "200 OK", &body);
        self.invite = invite;
        self.tell(now, "→ 200");
        let what = Awaited::Ack(self.first);
        self.pending.push(Pending { what, text, since: now, again: now + T1, wait: T1 });
        (self.state, self.up_since) = (State::Up, Some(now));
    }

    /// Answers a change of theirs: the direction that suits both.
    pub(super) fn agree(&mut self, net: &Net, now: Instant, request: &str) {
        self.audio.connect(request);
        let theirs = ["sendonly", "recvonly", "inactive"]
            .into_iter()
            .find(|word| request.contains(&format!("\r\na={word}\r\n")));
        let ours = match (self.direction, theirs) {
            ("sendrecv", Some("sendonly")) => "recvonly",
            ("sendonly", Some("sendonly")) | (_, Some("inactive")) | ("inactive", _) => "inactive",
            ("sendrecv", Some("recvonly")) => "sendonly",
            (own, _) => own,
        };
        let body = if request.starts_with("UPDATE") && !request.contains("\r\n\r\nv=") {
            String::new()
        } else {
            self.description(net, ours)
        };
        let text = self.respond(net, request, "200 OK", &body);
        let Some((number, "INVITE")) = cseq(request) else { return };
        self.pending.push(Pending {
            what: Awaited::Ack(number),
            text,
            since: now,
            again: now + T1,
            wait: T1,
        });
    }

    /// Sends a response; what was sent is kept for a request that comes again.
    pub(super) fn respond(&mut self, net: &Net, request: &str, status: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            for line in lines(request, name) {
                text += line;
                let tagged = name != "To" || parameter(line, "tag").is_some();
                if !tagged && let Some(tag) = parameter(&self.local, "tag") {
                    text += &format!(";tag={tag}");
                }
                text += "\r\n";
            }
        }
        let (name, own) = (user(self.phone), net.sip.address(self.phone));
        text += &format!("Contact: <sip:{name}@{own}>\r\n");
        if !body.is_empty() {
            text += "Content-Type: application/sdp\r\n";
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        net.sip.send(self.phone, &text);
        if let Some(key) = key(request) {
            self.answered.retain(|(known, _)| *known != key);
            self.answered.push_back((key, text.clone()));
            if self.answered.len() > 8 {
                self.answered.pop_front();
            }
        }
        text
    }

    /// Says again what was answered to this request, if it was.
    pub(super) fn repeat(&self, net: &Net, request: &str) -> bool {
        let Some(key) = key(request) else { return false };
        let known = self.answered.iter().find(|(known, _)| *known == key);
        known.is_some_and(|(_, text)| {
            net.sip.send(self.phone, text);
            true
        })
    }

    /// Something came that was waited for; whether it was.
    pub(super) fn arrived(&mut self, what: &Awaited) -> bool {
        let before = self.pending.len();
        self.pending.retain(|pending| pending.what != *what);
        self.pending.len() < before
    }

    /// A provisional response: the request need not be sent again.
    pub(super) fn heard_of(&mut self, now: Instant, what: &Awaited) {
        for pending in self.pending.iter_mut().filter(|pending| pending.what == *what) {
            (pending.again, pending.since) = (now + Duration::from_secs(90), now + Duration::from_secs(54));
        }
    }

    /// Forgets all that is waited for.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
    }

    /// Sends again what is due; what has been waited for in vain.
    pub(super) fn overdue(&mut self, net: &Net, now: Instant) -> Option<Awaited> {
        for pending in self.pending.iter_mut().filter(|pending| pending.again <= now) {
            net.sip.send(self.phone, &pending.text);
            pending.wait = (pending.wait * 2).min(T2);
            pending.again = now + pending.wait;
        }
        let late = |pending: &Pending| now.saturating_duration_since(pending.since) > PATIENCE;
        let at = self.pending.iter().position(late)?;
        Some(self.pending.remove(at).what)
    }

    /// A URI of the far end that takes this line's place.
    pub(super) fn replaces_uri(&self) -> Option<String> {
        let far = self.remote.split(['<', '>']).nth(1)?.split(';').next()?;
        let (to, from) = (parameter(&self.remote, "tag")?, parameter(&self.local, "tag")?);
        let call_id = self.call_id.replace('@', "%40");
        Some(format!("<{far}?Replaces={call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>"))
    }

    /// A request; `as_if` shares the branch of that method's.
    fn compose(&self, net: &Net, method: &str, cseq: u32, as_if: &str, headers: &str, body: &str) -> String {
        let (own, name) = (net.sip.address(self.phone), user(self.phone));
        let tag = parameter(&self.local, "tag").unwrap_or_default();
        let of = if as_if.is_empty() { method } else { as_if };
        let kind = if method == "INFO" { "application/dtmf-relay" } else { "application/sdp" };
        let content = if body.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        // What began with us goes to where it was called until somebody answers.
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{tag}.{cseq}.{of}.{prefix};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{name}@{own}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REFER, NOTIFY, UPDATE\r\n\
             Supported: replaces\r\n{headers}{content}Content-Length: {length}\r\n\r\n{body}",
            target = self.target,
            prefix = net.prefix,
            from = self.local,
            to = self.remote,
            id = self.call_id,
            length = body.len(),
        )
    }

    /// A session description. Phones differ in what they speak, so that some pairs are passed on and some are mixed.
    fn description(&mut self, net: &Net, direction: &str) -> String {
        self.version += 1;
        let (version, port) = (self.version, self.audio.port(&net.rtp));
        let formats = if self.phone.is_multiple_of(3) { "8" } else { "0 8" };
        format!(
            "v=0\r\no=soak {id} {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats} 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={direction}\r\n",
            id = self.first,
        )
    }
}

/// The number and the method of a CSeq.
pub(super) fn cseq(message: &str) -> Option<(u32, &str)> {
    let (number, method) = header(message, "CSeq")?.split_once(' ')?;
    Some((number.parse().ok()?, method.trim()))
}

/// The URI of Contact.
pub(super) fn contact(message: &str) -> Option<String> {
    let value = header(message, "Contact")?;
    Some(super::super::text::bracketed(value).unwrap_or(value).to_owned())
}

/// What a request is known by when it comes again.
fn key(request: &str) -> Option<String> {
    let via = lines(request, "Via").next()?;
    Some(format!("{} {}", parameter(via, "branch")?, request.split(' ').next()?))
}
