//! Bytes nobody meant to send: seeded mutations of real messages, into the reader, the framer and an endpoint.
//! Nothing may panic, nothing may be sent that cannot be read, and what stays behind must end.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use sip::stream::Framer;
use sip::{Credentials, Event, Input, Invite, Message, Next, Offer, Output, Reason, ReferId, SessionId};

use crate::harness::*;

/// What is mutated: whole messages of many kinds.
fn corpus() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/torture"))
        .unwrap()
        .filter_map(|e| std::fs::read(e.unwrap().path()).ok())
        .collect();
    all.sort();
    let texts = [
        invite(),
        request("ACK", 1, "a", ";tag=x", "", ""),
        request("BYE", 2, "b", ";tag=x", "", ""),
        request("CANCEL", 1, "i1", "", "", ""),
        request("OPTIONS", 1, "o", "", "Accept: */*\r\nRequire: a\r\n", ""),
        request(
            "REGISTER",
            1,
            "r",
            "",
            "Contact: *\r\nExpires: 0\r\nAuthorization: Digest username=\"alice\", realm=\"offhook\", nonce=\"00\", uri=\"x\", response=\"1\", qop=auth, nc=00000001, cnonce=\"c\"\r\n",
            "",
        ),
        request("INVITE", 1, "m", "", "Record-Route: <sip:1.2.3.4;lr>, <sip:p>\r\n", SDP),
    ];
    all.extend(texts.into_iter().map(String::into_bytes));
    all
}

/// Bytes that mean something to a reader.
const SPICE: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b" ",
    b"\t",
    b";",
    b",",
    b":",
    b"=",
    b"\"",
    b"<",
    b">",
    b"@",
    b"%",
    b"\\",
    b"[",
    b"]",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"SIP/2.0",
    b"99999999999",
    b"z9hG4bK",
    b";tag=",
    b"Via: ",
    b"Content-Length: 5\r\n",
    b"sip:",
    b"tel:",
    b"*",
    b"-1",
    b";rport",
    b"Route: <sip:x;lr>\r\n",
    b"Content-Type: multipart/mixed;boundary=b\r\n",
];

fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let bytes = corpus[rng.usize(..corpus.len())].clone();
    let strokes = rng.usize(1..6);
    mutate(rng, corpus, bytes, strokes)
}

fn mutate(rng: &mut Rng, corpus: &[Vec<u8>], mut bytes: Vec<u8>, strokes: usize) -> Vec<u8> {
    for _ in 0..strokes {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..12)).min(bytes.len());
        match rng.u8(..7) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, SPICE[rng.usize(..SPICE.len())].iter().copied())),
            2 => drop(bytes.splice(at..end, SPICE[rng.usize(..SPICE.len())].iter().copied())),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            4 if at < bytes.len() => bytes[at] = rng.u8(..),
            5 => bytes.truncate(at),
            _ => {
                let other = &corpus[rng.usize(..corpus.len())];
                let from = rng.usize(..other.len());
                let to = (from + rng.usize(..80)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn no_mutation_breaks_the_reader_or_the_framer() {
    let (mut rng, corpus) = (Rng::with_seed(1), corpus());
    for _ in 0..150_000 {
        let bytes = Bytes::from(mutated(&mut rng, &corpus));
        let _ = Message::parse(bytes.clone());
        let mut framer = Framer::new(8192);
        for chunk in bytes.chunks(rng.usize(1..400)) {
            framer.push(chunk);
        }
        for _ in 0..8 {
            if !matches!(framer.next_frame(), Ok(Some(_))) {
                break;
            }
        }
    }
}

/// An endpoint whose calls are handled at random.
struct Storm {
    b: Bench,
    rng: Rng,
    live: Vec<SessionId>,
    /// Requests of ours, to be answered.
    asked: Vec<String>,
    /// Transfers, theirs and ours.
    refers: Vec<ReferId>,
    /// The RSeq we sent last.
    rseq: u32,
    ended: usize,
    begun: usize,
}

impl Storm {
    /// Takes what comes out, and does something to calls that come.
    fn drain(&mut self) {
        while let Some(output) = self.b.endpoint.poll_output() {
            let (now, rng) = (self.b.now, &mut self.rng);
            match output {
                Output::Transmit { bytes, .. } => {
                    let sent = Message::parse(bytes.clone()).expect("what we send can be read");
                    assert_eq!(sent.problem(), None);
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    if let Some(rseq) = find(&text, "RSeq") {
                        self.rseq = rseq.parse().unwrap();
                    }
                    if sent.method().is_some() && self.asked.len() < 50 {
                        self.asked.push(text);
                    }
                }
                Output::Event(Event::Invited { session, .. }) => {
                    self.begun += 1;
                    self.live.push(session);
                    let endpoint = &mut self.b.endpoint;
                    match rng.u8(..6) {
                        0..3 => endpoint.answer(now, session, Some(sdp()), contact()).unwrap(),
                        3 => endpoint.progress(now, session, 183, Some(sdp()), contact()).unwrap(),
                        4 => endpoint.challenge(now, session).unwrap(),
                        _ => {}
                    }
                }
                Output::Event(Event::Reinvited { session, .. }) if rng.bool() => {
                    let answer = if rng.bool() { Ok(sdp()) } else { Err(488) };
                    self.b.endpoint.answer_reinvite(now, session, answer).unwrap();
                }
                Output::Event(Event::Referred { refer, .. }) => self.refers.push(refer.id),
                Output::Event(Event::Ended { session, .. }) => {
                    self.ended += 1;
                    assert!(self.live.contains(&session), "an end without a beginning, or a second one");
                    self.live.retain(|s| *s != session);
                }
                Output::Event(_) | Output::Connect(_) | Output::Query(_) => {}
            }
        }
    }

    /// A message that belongs to something: a request in a live dialog, or a response to a request of ours.
    fn fitting(&mut self) -> Option<Vec<u8>> {
        if self.rng.bool() {
            let asked = self.asked.get(self.rng.usize(..self.asked.len().max(1)))?;
            let status = [
                "100 Trying",
                "180 Ringing",
                "183 Progress",
                "199 Over",
                "200 OK",
                "202 OK",
                "302 Moved",
                "401 No",
                "422 No",
                "481 No",
                "491 No",
                "500 No",
            ][self.rng.usize(..12)];
            let body = if self.rng.bool() { SDP } else { "" };
            let reliable = if self.rng.bool() { reliably(self.rng.u32(1..4)) } else { String::new() };
            let tag = ["x", "y", ""][self.rng.usize(..3)];
            return Some(response(asked, status, tag, &reliable, body).into_bytes());
        }
        let session = *self.live.get(self.rng.usize(..self.live.len().max(1)))?;
        let view = self.b.endpoint.session(session)?;
        let method = [
            "ACK",
            "BYE",
            "INVITE",
            "UPDATE",
            "INFO",
            "OPTIONS",
            "CANCEL",
            "PRACK",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
        ][self.rng.usize(..11)];
        let cseq = self.rng.u32(1..6);
        let extra = match method {
            // The number of the first reliable provisional is random: the one sent last is looked up.
            "PRACK" => format!("RAck: {} 1 INVITE\r\n", self.rseq),
            "REFER" => "Refer-To: <sip:z@h>\r\n".to_owned(),
            "NOTIFY" | "SUBSCRIBE" => {
                let id = self.rng.u32(1..6);
                format!("Event: refer;id={id}\r\nSubscription-State: active\r\nExpires: {}\r\n", id % 3)
            }
            _ => String::new(),
        };
        let (branch, body) = (format!("m{}", self.rng.u8(..)), if self.rng.bool() { SDP } else { "" });
        let text = request(method, cseq, &branch, &format!(";tag={}", view.local_tag), &extra, body);
        Some(text.replace("call-1", &view.call_id).into_bytes())
    }

    fn command(&mut self) {
        let (now, contact) = (self.b.now, contact());
        let Some(session) = self.live.get(self.rng.usize(..self.live.len().max(1))).copied() else { return };
        let endpoint = &mut self.b.endpoint;
        // Most of these are out of place, and must then do nothing.
        let refer = self.refers.get(self.rng.usize(..self.refers.len().max(1))).copied();
        let _ = match self.rng.u8(..17) {
            0 => endpoint.answer(now, session, None, contact),
            1 => endpoint.progress(now, session, self.rng.u16(..), self.rng.bool().then(sdp), contact),
            10 => endpoint.acknowledge_early(now, session, self.rng.u32(..3), Some(sdp())),
            11 => endpoint.refer(now, session, "sip:z@h", vec![]).map(|refer| self.refers.push(refer)),
            12 => refer.map_or(Ok(()), |refer| endpoint.answer_refer(now, refer, Ok(()))),
            13 => refer.map_or(Ok(()), |refer| endpoint.notify_refer(now, refer, self.rng.u16(..))),
            2 => endpoint.reject(now, session, self.rng.u16(..), None, vec![]),
            3 => endpoint.answer_reinvite(now, session, Err(self.rng.u16(..))),
            4 => endpoint.acknowledge(now, session, None),
            8 => endpoint.reinvite(now, session, self.rng.bool().then(sdp)),
            9 => endpoint.update(now, session, self.rng.bool().then(sdp)),
            5 => {
                endpoint.hang_up(now, session, Reason::normal());
                Ok(())
            }
            _ => {
                let invite = Invite {
                    next: Next::Flow(self.b.flow),
                    target: "sip:x@198.51.100.7".into(),
                    from: "sip:y@h".into(),
                    to: "sip:x@h".into(),
                    user: "ivr".into(),
                    offer: if self.rng.bool() { Offer::Ready(sdp()) } else { Offer::None },
                    credentials: Some(Credentials { user: "u".into(), password: "p".into() }),
                    headers: vec![],
                    follow: true,
                    max_forwards: 70,
                };
                self.begun += 1;
                self.live.push(endpoint.invite(now, invite));
                Ok(())
            }
        };
    }
}

#[test]
fn no_storm_of_mutations_and_commands_breaks_an_endpoint_and_nothing_stays() {
    let corpus = corpus();
    let mut calls = 0;
    for seed in 0..50 {
        let rng = Rng::with_seed(seed);
        let mut s = Storm {
            b: Bench::new(),
            rng,
            live: vec![],
            asked: vec![],
            refers: vec![],
            rseq: 0,
            ended: 0,
            begun: 0,
        };
        for _ in 0..1500 {
            let bytes = match s.rng.u8(..4) {
                0 => s.fitting(),
                1 => s.fitting().map(|bytes| mutate(&mut s.rng, &corpus, bytes, 1)),
                _ => None,
            };
            let bytes = bytes.unwrap_or_else(|| mutated(&mut s.rng, &corpus));
            s.b.endpoint.handle(s.b.now, Input::Message { flow: s.b.flow, bytes: Bytes::from(bytes) });
            s.drain();
            match s.rng.u8(..64) {
                0..8 => s.command(),
                8 => {
                    s.b.now += Duration::from_millis(s.rng.u64(..8000));
                    s.b.endpoint.handle(s.b.now, Input::Timeout);
                }
                9 if s.rng.u8(..20) == 0 => {
                    s.b.endpoint.handle(s.b.now, Input::TransmitFailed { flow: s.b.flow });
                }
                10 if s.rng.u8(..20) == 0 => s.b.endpoint.handle(s.b.now, Input::Closed { flow: s.b.flow }),
                _ => {}
            }
            s.drain();
        }
        for session in s.live.clone() {
            s.b.endpoint.hang_up(s.b.now, session, Reason::normal());
        }
        s.drain();
        assert_eq!((s.begun, s.live.len()), (s.ended, 0), "SEED={seed:#x}");
        s.b.is_clean();
        calls += s.begun;
    }
    assert!(calls > 2000, "the storm is weak: {calls} calls");
}

/// Long runs of what nests, splits or repeats: each must be read in one pass.
#[test]
fn long_messages_of_one_kind_are_read_in_time() {
    let head = "OPTIONS sip:h SIP/2.0\r\n";
    let core = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n";
    for part in
        [",", ";", ";a=b", "\"", "<", "\\", "%41", "\r\n ", " ", "\r\nX: y", "\r\nVia: SIP/2.0/UDP h", "a,"]
    {
        for start in [
            "Contact: <sip:h>",
            "Via: SIP/2.0/UDP h",
            "To: \"",
            "Require: ",
            "Authorization: Digest a",
            "X: ",
        ] {
            let text = format!("{head}{start}{}\r\n{core}\r\n", part.repeat(60_000 / part.len()));
            let mut b = Bench::new();
            b.hear(&text);
            b.hear(&text.replace("OPTIONS", "REGISTER"));
            b.hear(&text.replace("OPTIONS", "INVITE"));
        }
    }
}
