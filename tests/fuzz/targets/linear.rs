//! Long messages of one kind: sixteen times the length costs about sixteen times the time, where a reader that looks back
//! costs 256 times. The bound lies between, far enough from both for a machine that is busy with other things.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{Asserted, Config, Endpoint, Flow, Input, Message, Transport};

/// The quickest of a few runs: what else the machine does only adds.
fn quickest(mut what: impl FnMut()) -> Duration {
    let run = |what: &mut dyn FnMut()| {
        let started = Instant::now();
        what();
        started.elapsed()
    };
    (0..3).map(|_| run(&mut what)).min().unwrap_or_default()
}

/// Without optimisation it takes ten times as long, and shows as much.
const SMALL: usize = if cfg!(debug_assertions) { 2_000 } else { 16_000 };
/// The spread between the lengths.
const TIMES: usize = 16;
/// The most a longer message may cost more.
const BOUND: f64 = 90.0;

/// Fails if the time grows much faster than the length.
fn check(name: &str, small: usize, make: impl Fn(usize) -> Vec<u8>, run: impl Fn(&[u8])) {
    let time = |length| {
        let bytes = make(length);
        quickest(|| run(&bytes))
    };
    let mut ratio = 0.0;
    // Again if it looks bad: a busy machine may spoil all runs.
    for _ in 0..6 {
        // What takes less is nobody's burden, and not to be measured.
        let short = time(small).max(Duration::from_micros(10));
        ratio = time(TIMES * small).as_secs_f64() / short.as_secs_f64();
        if ratio < BOUND {
            return;
        }
    }
    panic!("{name}: {TIMES} times the length costs {ratio:.0} times the time");
}

const CORE: &str =
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\n";

/// What is repeated.
const PARTS: &[&str] = &[
    ",",
    ";",
    ";a=b",
    ";tag=1",
    "\"",
    "<",
    ">",
    "\\",
    "\\\"",
    "%41",
    "\r\n ",
    " ",
    "\t",
    "\r\nX: y",
    "\r\nVia: SIP/2.0/UDP h",
    "\r\nContact: <sip:a@b>",
    "\r\nRoute: <sip:a;lr>",
    "a,",
    "<sip:a@b>,",
    "<sip:a@b>;index=1,",
    "\"a\" <sip:a@b>;x=\"y\",",
    "\r\n-",
    "\r\nDiversion: <sip:a@b>;reason=unknown",
    "=",
    "@",
    "?a=b",
    "&a=b",
    "(",
    "é",
    "\r\nAuthorization: Digest a=b",
    "\r\nSupported: a",
    "\r\nContent-Length: 0",
    "\r\n\r\n",
];

/// Before what is repeated.
const STARTS: &[&str] = &[
    "Contact: <sip:h>",
    "Contact: ",
    "Via: SIP/2.0/UDP h",
    "To: \"",
    "To: <sip:a@b>",
    "From: <sip:",
    "Require: ",
    "Authorization: Digest a",
    "History-Info: ",
    "Replaces: a",
    "Accept: ",
    "X: ",
    "Record-Route: <sip:h;lr>",
];

fn long(method: &str, start: &str, part: &str, length: usize) -> Vec<u8> {
    let head = format!("{method} sip:h SIP/2.0\r\n{CORE}CSeq: 1 {method}\r\n{start}");
    format!("{head}{}\r\n\r\n", part.repeat(length / part.len())).into_bytes()
}

#[test]
fn the_reader_takes_time_in_proportion_to_length() {
    for start in STARTS {
        for part in PARTS {
            check(
                &format!("{start}{part:?}…"),
                SMALL,
                |length| long("INVITE", start, part, length),
                |bytes| {
                    if let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes)) {
                        black_box((sip::probe::headers(&message), Asserted::of(&message)));
                    }
                },
            );
        }
    }
}

#[test]
fn the_endpoint_takes_time_in_proportion_to_length() {
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "198.51.100.7:5070".parse().expect("an address"),
    };
    for method in ["INVITE", "OPTIONS", "REGISTER"] {
        for start in STARTS {
            for part in PARTS {
                check(
                    &format!("{method} {start}{part:?}…"),
                    SMALL,
                    |length| long(method, start, part, length),
                    |bytes| {
                        let mut endpoint = Endpoint::new(Config::default());
                        let bytes = Bytes::copy_from_slice(bytes);
                        endpoint.handle(Instant::now(), Input::Message { flow, bytes });
                        while endpoint.poll_output().is_some() {}
                    },
                );
            }
        }
    }
}

#[test]
fn descriptions_take_time_in_proportion_to_length() {
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";
    let ours = sdp::negotiate::Capabilities {
        codecs: vec![sdp::negotiate::Codec::new("PCMU", 0, 8_000)],
        telephone_event: true,
        comfort_noise: true,
        encryption: Default::default(),
        address: "198.51.100.1".parse().expect("an address"),
        rtp_port: 20_000,
        ptime: 20,
        session_id: 7,
        version: 1,
    };
    for start in [
        "m=audio 4000 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 96 97 98 99 100 8\r\n",
        "m=audio 1 RTP/AVP 18\r\n",
        "",
    ] {
        for part in [
            " 0",
            " 96",
            " 300",
            "a=rtpmap:96 x/8000\r\n",
            "\r\na=sendonly",
            "m=audio 1 RTP/AVP 18\r\n",
            "\r\nb=AS:1",
            "\r\nb=x",
            "\r\nc=IN IP4 192.0.2.1",
            "\r\nt=x",
            "\r\n",
            "\n",
            " ",
            "a",
            "\r\na=ptime:20",
            "\r\na=candidate:1 1 UDP 1 h 1",
            "m=video 1 RTP/AVP 31\r\nc=IN IP4 h.example.com\r\n",
        ] {
            let make = |length: usize| {
                format!("{head}{start}{}\r\n", part.repeat((length - 300) / part.len())).into_bytes()
            };
            check(&format!("{start}{part:?}…"), 4_000, make, |bytes| {
                if let Ok(offer) = sdp::Session::parse(bytes) {
                    black_box((offer.names(), sdp::negotiate::answer(&offer, &ours).is_ok()));
                }
            });
        }
    }
}
