//! One line of a desk phone: a dialog, its media, and what happened on it.

use std::time::{Duration, Instant};

use super::desk::{Manner, Set};
use super::stream::{EVENTS, OPUS, Stream};
use super::{Message, uri};

mod incoming;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Calling, and not answered.
    Calling,
    /// Calling, and cancelled: an answer that crosses the CANCEL is acknowledged and hung up (RFC 3261 §9.1).
    GivingUp,
    /// Being called.
    Ringing,
    /// Answered.
    Up,
    /// Over.
    Over,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Pending {
    text: String,
    cseq: u32,
    method: String,
    again: Instant,
    wait: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Line {
    /// Where it stands.
    pub phase: Phase,
    /// The Call-ID.
    pub call_id: String,
    /// Provisional statuses that came.
    pub progress: Vec<u16>,
    /// The final status that came, or was sent.
    pub status: Option<u16>,
    /// The INVITE that came.
    pub invite: Option<Message>,
    /// The BYE or CANCEL that ended it.
    pub end: Option<Message>,
    /// Requests that came while it was up, first lines.
    pub requests: Vec<String>,
    /// INFOs that came, each once.
    pub infos: Vec<Message>,
    /// What NOTIFYs told of a transfer: first lines of sipfrag.
    pub news: Vec<String>,
    /// The answer to the last re-INVITE or REFER: its status.
    pub changed: Option<u16>,
    /// The SDP of the answer to the last re-INVITE.
    pub answered: String,
    /// The media.
    pub stream: Stream,
    local: String,
    peer: String,
    target: String,
    cseq: u32,
    version: u32,
    direction: String,
    /// The payload types of audio that are offered.
    formats: &'static str,
    key_events: bool,
    answers: Option<Instant>,
    pending: Vec<Pending>,
    /// What the INVITE of ours was, to be sent again with credentials.
    placed: Option<(String, String, bool)>,
}

impl Line {
    fn new(set: &Set, call_id: String, phase: Phase) -> Line {
        Line {
            phase,
            call_id,
            progress: Vec::new(),
            status: None,
            invite: None,
            end: None,
            requests: Vec::new(),
            infos: Vec::new(),
            news: Vec::new(),
            changed: None,
            answered: String::new(),
            stream: Stream::open(set.address().ip()).expect("a port"),
            local: String::new(),
            peer: String::new(),
            target: String::new(),
            cseq: 0,
            version: 1,
            direction: "sendrecv".to_owned(),
            formats: set.formats,
            key_events: set.key_events,
            answers: None,
            pending: Vec::new(),
            placed: None,
        }
    }

    pub(super) fn outgoing(set: &mut Set, number: &str, headers: &str, offer: bool) -> Line {
        set.requests += 1;
        let call_id = format!("desk-{}-{}-{}", set.user, set.address().port(), set.requests);
        let mut line = Line::new(set, call_id, Phase::Calling);
        line.local = format!("\"{0}\" <sip:{0}@{1}>;tag=l{2}", set.user, set.server, set.requests);
        line.target = format!("sip:{number}@{}", set.server);
        line.peer = format!("<{}>", line.target);
        line.placed = Some((headers.to_owned(), String::new(), offer));
        line.invite_now(set);
        line
    }

    fn invite_now(&mut self, set: &mut Set) {
        let Some((headers, authorization, offer)) = self.placed.clone() else { return };
        let body = if offer { self.sdp(set, None) } else { String::new() };
        self.request(set, "INVITE", &format!("{headers}{authorization}"), &body);
    }

    pub(super) fn incoming(set: &mut Set, invite: Message, manner: Manner) -> Option<Line> {
        let mut line = Line::new(set, invite.header("call-id")?.to_owned(), Phase::Ringing);
        set.requests += 1;
        line.local = format!("{};tag=l{}", invite.header("to")?, set.requests);
        line.peer = invite.header("from")?.to_owned();
        line.target = invite.header("contact").and_then(uri)?;
        if let Some(media) = invite.media() {
            line.stream.connect(media);
        }
        line.invite = Some(invite);
        match manner {
            Manner::Refuse(status) => line.refuse(set, status),
            Manner::Early | Manner::Quiet => {
                let sdp = line.sdp(set, None);
                line.sound(manner == Manner::Early);
                line.reply_invite(set, "183 Session Progress", &sdp);
            }
            Manner::Progress => line.reply_invite(set, "183 Session Progress", ""),
            Manner::Answer(after) => {
                line.reply_invite(set, "180 Ringing", "");
                line.answers = Some(Instant::now() + after);
            }
            Manner::Ring => line.reply_invite(set, "180 Ringing", ""),
            Manner::Deaf => {}
        }
        Some(line)
    }

    fn sdp(&mut self, set: &Set, address: Option<&str>) -> String {
        let own = set.address().ip().to_string();
        let (version, port) = (self.version, self.stream.port());
        self.version += 1;
        let (events, described) = match self.key_events {
            true => (
                format!(" {EVENTS}"),
                format!("a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\n"),
            ),
            false => Default::default(),
        };
        format!(
            "v=0\r\no=desk 1 {version} IN IP4 {own}\r\ns=-\r\nc=IN IP4 {at}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}{events}\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:{OPUS} opus/48000/2\r\n{described}\
             a=ptime:20\r\na={direction}\r\n",
            at = address.unwrap_or(&own),
            direction = self.direction,
            formats = self.formats,
        )
    }

    fn request(&mut self, set: &mut Set, method: &str, headers: &str, body: &str) {
        self.cseq += 1;
        let text = self.text(set, method, self.cseq, headers, body);
        set.send(&text);
        let wait = Duration::from_millis(500);
        let (cseq, method, again) = (self.cseq, method.to_owned(), Instant::now() + wait);
        self.pending.push(Pending { text, cseq, method, again, wait });
    }

    fn text(&self, set: &Set, method: &str, cseq: u32, headers: &str, body: &str) -> String {
        let (local, port) = (set.address(), set.address().port());
        let content = match method {
            _ if body.is_empty() => "",
            "INFO" => "Content-Type: application/dtmf-relay\r\n",
            _ => "Content-Type: application/sdp\r\n",
        };
        let branch = format!("z9hG4bK{port}{}{cseq}{method}", self.call_id.len());
        let unique: u32 =
            self.call_id.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        // An ACK of a refusal and a CANCEL belong to the INVITE's transaction.
        let branch = match method {
            "CANCEL" => format!("z9hG4bK{port}{}{cseq}INVITE{unique}", self.call_id.len()),
            "ACK" if self.phase != Phase::Up => {
                format!("z9hG4bK{port}{}{cseq}INVITE{unique}", self.call_id.len())
            }
            _ => format!("{branch}{unique}"),
        };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@{local}>\r\n\
             {headers}{content}Content-Length: {length}\r\n\r\n{body}",
            target = self.target,
            from = self.local,
            to = self.peer,
            id = self.call_id,
            user = set.user,
            length = body.len(),
        )
    }

    fn reply_invite(&self, set: &Set, status: &str, body: &str) {
        let Some(invite) = &self.invite else { return };
        self.reply(set, invite, status, body);
    }

    /// A response with our tag.
    fn reply(&self, set: &Set, request: &Message, status: &str, body: &str) {
        let tagged = Message {
            headers: request
                .headers
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "to" if !value.contains("tag=") => (name.clone(), self.local.clone()),
                    _ => (name.clone(), value.clone()),
                })
                .collect(),
            ..request.clone()
        };
        let contact = set.contact(status);
        let text = tagged.reply(status, &contact);
        match body.is_empty() {
            true => set.send(&text),
            false => {
                let head = text.trim_end_matches("Content-Length: 0\r\n\r\n");
                let content =
                    format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                set.send(&format!("{head}{content}"));
            }
        }
    }

    pub(super) fn answer(&mut self, set: &mut Set) {
        if self.phase == Phase::Ringing {
            self.phase = Phase::Up;
            self.status = Some(200);
            let sdp = self.sdp(set, None);
            self.reply_invite(set, "200 OK", &sdp);
        }
    }

    pub(super) fn sound(&mut self, on: bool) {
        match self.invite.as_ref().and_then(Message::media).filter(|_| on) {
            Some(media) => self.stream.connect(media),
            None => self.stream.vanish(),
        }
    }

    pub(super) fn roam(&mut self) -> Option<u16> {
        self.stream.roam().ok()
    }

    pub(super) fn refuse(&mut self, set: &mut Set, status: u16) {
        if self.phase == Phase::Ringing {
            self.status = Some(status);
            self.reply_invite(set, &format!("{status} No"), "");
            self.finish();
        }
    }

    pub(super) fn hang_up(&mut self, set: &mut Set) {
        match self.phase {
            Phase::Up => self.request(set, "BYE", "", ""),
            Phase::Calling => {
                let text = self.text(set, "CANCEL", self.cseq, "", "");
                set.send(&text);
                self.phase = Phase::GivingUp;
                return;
            }
            Phase::Ringing => return self.refuse(set, 603),
            Phase::GivingUp | Phase::Over => return,
        }
        self.finish();
    }

    pub(super) fn reinvite(&mut self, set: &mut Set, direction: &str, address: Option<&str>) {
        self.direction = direction.to_owned();
        self.changed = None;
        let sdp = self.sdp(set, address);
        self.request(set, "INVITE", "", &sdp);
    }

    pub(super) fn press_by_info(&mut self, set: &mut Set, key: char) {
        self.request(set, "INFO", "", &format!("Signal={key}\r\nDuration=160\r\n"));
    }

    pub(super) fn change_formats(&mut self, set: &mut Set, formats: &'static str) {
        self.formats = formats;
        self.reinvite(set, "sendrecv", None);
    }

    pub(super) fn refer(&mut self, set: &mut Set, to: &str) {
        self.changed = None;
        let headers = format!("Refer-To: {to}\r\nReferred-By: <sip:{}@{}>\r\n", set.user, set.server);
        self.request(set, "REFER", &headers, "");
    }

    /// The URI of this line's far end that replaces this line.
    pub fn replaces_uri(&self) -> String {
        let tag = |party: &str| {
            party.split("tag=").nth(1).and_then(|tag| tag.split(';').next()).unwrap_or_default().to_owned()
        };
        let (call_id, to, from) = (self.call_id.replace('@', "%40"), tag(&self.peer), tag(&self.local));
        let target = self.peer.split(['<', '>']).nth(1).unwrap_or_default();
        let target = target.split(';').next().unwrap_or_default();
        format!("<{target}?Replaces={call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>")
    }

    /// The header of an INVITE that takes over the far end's side of this line.
    pub fn replaces(&self) -> String {
        let tag = |party: &str| {
            party.split("tag=").nth(1).and_then(|tag| tag.split(';').next()).unwrap_or_default().to_owned()
        };
        // As the switch sees the dialog: its own tag is that of our peer.
        format!("Replaces: {};to-tag={};from-tag={}\r\n", self.call_id, tag(&self.peer), tag(&self.local))
    }

    fn finish(&mut self) {
        self.phase = Phase::Over;
        self.stream.vanish();
    }

    pub(super) fn turn(&mut self, set: &mut Set, now: Instant) {
        if self.answers.is_some_and(|at| at <= now) {
            self.answers = None;
            self.answer(set);
        }
        for pending in &mut self.pending {
            if pending.again <= now {
                set.send(&pending.text);
                pending.wait = (pending.wait * 2).min(Duration::from_secs(4));
                pending.again = now + pending.wait;
            }
        }
        if self.stream.queued() < 4_000 && self.phase != Phase::Over {
            self.stream.talk(&set.speech());
        }
        // A port that is gone is the far end's affair.
        let _ = self.stream.turn(now);
    }
}
