//! Bytes nobody meant to send: seeded mutations of real messages, into the reader, the framer and an endpoint.
//! Nothing may panic, nothing may be sent that cannot be read, and what stays behind must end.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use sip::stream::Framer;
use sip::{Endpoint, Event, Input, Message, Output, Reason};

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
    let mut bytes = corpus[rng.usize(..corpus.len())].clone();
    for _ in 0..rng.usize(1..6) {
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

#[test]
fn no_mutation_breaks_an_endpoint_and_nothing_stays() {
    let corpus = corpus();
    for seed in 0..50 {
        let mut rng = Rng::with_seed(seed);
        let mut b = Bench::new();
        let mut sessions = Vec::new();
        for _ in 0..1000 {
            let bytes = Bytes::from(mutated(&mut rng, &corpus));
            b.endpoint.handle(b.now, Input::Message { flow: b.flow, bytes });
            drain(&mut b.endpoint, &mut sessions, &mut rng, b.now);
            if rng.u8(..) == 0 {
                b.now += Duration::from_millis(rng.u64(..5000));
                b.endpoint.handle(b.now, Input::Timeout);
                drain(&mut b.endpoint, &mut sessions, &mut rng, b.now);
            }
        }
        for session in sessions {
            b.endpoint.hang_up(b.now, session, Reason::normal());
        }
        b.drain();
        b.is_clean();
    }
}

/// Takes what comes out, and does something to calls that come.
fn drain(
    endpoint: &mut Endpoint,
    sessions: &mut Vec<sip::SessionId>,
    rng: &mut Rng,
    now: std::time::Instant,
) {
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit { bytes, .. } => {
                let sent = Message::parse(bytes).expect("what we send can be read");
                assert_eq!(sent.problem(), None);
            }
            Output::Event(Event::Invited { session, .. }) => {
                match rng.u8(..4) {
                    0 => endpoint.answer(now, session, Some(sdp()), contact()).unwrap(),
                    1 => endpoint.progress(now, session, 180, None, contact()).unwrap(),
                    2 => endpoint.challenge(now, session).unwrap(),
                    _ => {}
                }
                sessions.push(session);
            }
            Output::Event(Event::Reinvited { session, .. }) => {
                endpoint.answer_reinvite(now, session, Ok(sdp())).unwrap();
            }
            Output::Event(_) => {}
        }
    }
}
