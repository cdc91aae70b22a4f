//! Calls by the thousand: INVITE, 200, ACK, the server's BYE and our 200, in an open loop at a given rate.
//!
//! Nothing is sent twice: a message that gets lost is a failed call, or a late one where the server repeats its own.
//! Every message of the server is checked: its call, its CSeq, its tags, its session description.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::sockets::{SOCKETS as PHONES, Sockets, TURN};
use super::text::{bracketed, header, lines, parameter, status};

/// Calls that did not end so long after the last one began have failed.
const STRAGGLERS: Duration = Duration::from_secs(8);

/// Many phones that call one number.
pub struct Callers {
    server: SocketAddr,
    number: String,
    phones: Sockets,
    /// Where the server's audio goes; nobody listens to it.
    ear: UdpSocket,
    /// Tells the rounds of one process from those of another.
    prefix: String,
    round: u32,
    /// Calls at once; the next one waits. Without a limit, begins depend on the clock alone.
    most: usize,
}

/// Where a call stands.
enum State {
    /// The INVITE is out.
    Inviting(Instant),
    /// Answered and acknowledged; the server's tag.
    Answered(String),
    Over,
}

/// What came of a round.
#[derive(Debug, Default)]
pub struct Round {
    /// Calls begun.
    pub begun: usize,
    /// Calls that went from INVITE to the 200 of their BYE without a fault.
    pub complete: usize,
    /// INVITE to 200 in microseconds, sorted.
    pub answers: Vec<u32>,
    /// Faults, and how often each was seen.
    pub faults: BTreeMap<String, usize>,
    /// The server's messages that came again.
    pub repeated: usize,
    /// From the first INVITE to the last one.
    pub time: Duration,
}

impl Round {
    /// Calls without a good end.
    pub fn failed(&self) -> usize {
        self.begun - self.complete
    }

    /// The time to the answer that this share of the calls did not exceed, in ms.
    pub fn answer_ms(&self, share: f64) -> f64 {
        let at = (self.answers.len() as f64 * share) as usize;
        f64::from(self.answers.get(at).or(self.answers.last()).copied().unwrap_or_default()) / 1e3
    }

    fn fault(&mut self, what: impl Into<String>) {
        *self.faults.entry(what.into()).or_default() += 1;
    }
}

impl Callers {
    /// Phones on loopback for `server`, all of which call `number`.
    pub fn new(server: SocketAddr, number: &str) -> Callers {
        Callers {
            server,
            number: number.to_owned(),
            phones: Sockets::new(server),
            ear: UdpSocket::bind(("127.0.0.1", 0)).expect("a socket"),
            prefix: format!("{:x}", std::process::id()),
            round: 0,
            most: usize::MAX,
        }
    }

    /// With at most so many calls at once. A few fit into any socket's buffer, so that a busy machine loses none.
    pub fn at_most(self, most: usize) -> Callers {
        Callers { most, ..self }
    }

    /// Begins `count` calls, `rate` of them a second, and waits for their ends.
    pub fn round(&mut self, rate: u32, count: usize) -> Round {
        self.round += 1;
        let invites: Vec<String> = (0..PHONES).map(|phone| self.invite(phone)).collect();
        let mut round = Round::default();
        let mut calls: Vec<State> = Vec::with_capacity(count);
        let (mut over, begun) = (0, Instant::now());
        let mut last = begun;
        let mut buffer = [0; 4_096];
        while over < count && last.elapsed() < STRAGGLERS {
            let now = Instant::now();
            let due = (now.duration_since(begun).as_secs_f64() * f64::from(rate)) as usize;
            while calls.len() < due.min(count) && calls.len() - over < self.most {
                let (call, sent) = (calls.len(), Instant::now());
                let invite = invites[call % PHONES].replace("{call}", &call.to_string());
                self.phones.send(call, &invite);
                calls.push(State::Inviting(sent));
                last = sent;
            }
            let mut quiet = true;
            for phone in 0..PHONES {
                while let Some(length) = self.phones.receive(phone, &mut buffer) {
                    quiet = false;
                    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    match self.take(&message, &mut calls, &mut round) {
                        Ok(true) => over += 1,
                        Ok(false) => {}
                        Err(fault) => round.fault(fault),
                    }
                }
            }
            if quiet {
                self.phones.wait(TURN);
            }
        }
        round.time = last.duration_since(begun);
        round.begun = calls.len();
        for call in &calls {
            match call {
                State::Inviting(_) => round.fault("no answer"),
                State::Answered(_) => round.fault("no BYE"),
                State::Over => {}
            }
        }
        round.answers.sort_unstable();
        round
    }

    /// Obeys one message of the server. Whether its call is over with it.
    fn take(&self, message: &str, calls: &mut [State], round: &mut Round) -> Result<bool, String> {
        let id = header(message, "Call-ID").ok_or("a message without Call-ID")?;
        let Some(number) = self.number_of(id) else { return Ok(false) };
        let call = calls.get_mut(number).ok_or("a call that never began")?;
        match status(message) {
            Some(100..=199) => Ok(false),
            Some(code) => self.answered(message, code, number, call, round),
            None if message.starts_with("BYE ") => self.hung_up(message, number, call, round),
            None => Err(format!("unexpected: {}", message.lines().next().unwrap_or_default())),
        }
    }

    fn answered(
        &self,
        message: &str,
        code: u16,
        number: usize,
        call: &mut State,
        round: &mut Round,
    ) -> Result<bool, String> {
        if header(message, "CSeq") != Some("1 INVITE") {
            return Err("a response to no request of ours".to_owned());
        }
        let to = header(message, "To").ok_or("a response without To")?;
        let tag = parameter(to, "tag").ok_or("a final response without a tag")?;
        let State::Inviting(sent) = call else {
            round.repeated += 1;
            let own_branch = if code == 200 { "a" } else { "" };
            self.phones.send(number, &self.ack(number, to, &self.own_uri(), own_branch));
            return Ok(false);
        };
        if code != 200 {
            // A refusal's ACK belongs to the INVITE's transaction (RFC 3261 §17.1.1.3).
            self.phones.send(number, &self.ack(number, to, &self.own_uri(), ""));
            *call = State::Over;
            round.fault(format!("refused with {code}"));
            return Ok(true);
        }
        round.answers.push(sent.elapsed().as_micros() as u32);
        let contact = header(message, "Contact").and_then(bracketed).ok_or("a 200 without Contact")?;
        let audio = message.split("\r\nm=audio ").nth(1).and_then(|rest| rest.split(' ').next());
        let port = audio.and_then(|port| port.parse::<u16>().ok()).ok_or("a 200 without audio")?;
        if port == 0 || port % 2 != 0 {
            round.fault(format!("RTP port {port}"));
        }
        self.phones.send(number, &self.ack(number, to, contact, "a"));
        *call = State::Answered(tag.to_owned());
        Ok(false)
    }

    fn hung_up(&self, bye: &str, number: usize, call: &mut State, round: &mut Round) -> Result<bool, String> {
        let mut answer = String::with_capacity(400);
        answer += "SIP/2.0 200 OK\r\n";
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for line in lines(bye, name) {
                answer += line;
                answer += "\r\n";
            }
        }
        answer += "Content-Length: 0\r\n\r\n";
        self.phones.send(number, &answer);
        match call {
            State::Answered(tag) => {
                let from = header(bye, "From").and_then(|from| parameter(from, "tag"));
                let to = header(bye, "To").and_then(|to| parameter(to, "tag"));
                let ours = to.is_some_and(|to| to == self.tag(number));
                let right = ours && from == Some(tag.as_str());
                *call = State::Over;
                if right {
                    round.complete += 1;
                } else {
                    round.fault("a BYE with other tags");
                }
                Ok(true)
            }
            State::Over => {
                round.repeated += 1;
                Ok(false)
            }
            State::Inviting(_) => Err("a BYE before the answer".to_owned()),
        }
    }

    /// The number of a call of this round.
    fn number_of(&self, id: &str) -> Option<usize> {
        let rest = id.strip_prefix(&self.prefix)?.strip_prefix('-')?;
        let (round, number) = rest.split_once('-')?;
        (round.parse() == Ok(self.round)).then(|| number.parse().ok())?
    }

    fn tag(&self, number: usize) -> String {
        format!("t{}-{number}", self.round)
    }

    fn own_uri(&self) -> String {
        format!("sip:{}@{}", self.number, self.server)
    }

    /// The INVITE of a phone, with `{call}` for the call's number.
    fn invite(&self, phone: usize) -> String {
        let (prefix, round, number, server) = (&self.prefix, self.round, &self.number, self.server);
        let own = self.phones.address(phone);
        let rtp = self.ear.local_addr().expect("bound").port();
        let sdp = format!(
            "v=0\r\no=- 3848276 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {rtp} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        );
        format!(
            "INVITE sip:{number}@{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK{prefix}-{round}-{{call}};rport\r\n\
             Max-Forwards: 70\r\n\
             From: \"Phone {phone}\" <sip:phone{phone}@{own}>;tag=t{round}-{{call}}\r\n\
             To: <sip:{number}@{server}>\r\n\
             Call-ID: {prefix}-{round}-{{call}}\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:phone{phone}@{own}>\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\n\
             Supported: replaces\r\n\
             User-Agent: offhook-load\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        )
    }

    fn ack(&self, call: usize, to: &str, target: &str, own_branch: &str) -> String {
        let (prefix, round, phone) = (&self.prefix, self.round, call % PHONES);
        let own = self.phones.address(phone);
        format!(
            "ACK {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK{prefix}-{round}-{call}{own_branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: \"Phone {phone}\" <sip:phone{phone}@{own}>;tag={}\r\n\
             To: {to}\r\n\
             Call-ID: {prefix}-{round}-{call}\r\n\
             CSeq: 1 ACK\r\n\
             Content-Length: 0\r\n\r\n",
            self.tag(call)
        )
    }
}
