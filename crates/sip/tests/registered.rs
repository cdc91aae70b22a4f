//! What a registered phone costs: the memory of a process that holds four thousand of them, each with its credentials.
//! Alone in its file, because it reads the memory of the whole process.

use std::time::{Duration, Instant};

use bytes::Bytes;
use md5::Digest;
use sip::{Config, Endpoint, Flow, Input, Output, Transport, User};

/// Phones registered.
const PHONES: usize = 4_000;
/// The most that one may cost, in bytes.
const MOST: usize = 4096;

fn flow(n: usize) -> Flow {
    let remote = std::net::SocketAddr::from(([198, 51, (n >> 8) as u8, n as u8], 5060));
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), remote }
}

/// What phone `n` sends: push parameters and an instance, as real ones have.
fn register(n: usize, cseq: u32, proof: &str) -> Bytes {
    Bytes::from(format!(
        "REGISTER sip:192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK{n}x{cseq};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:user{n}@example.com>;tag=a{n}\r\n\
         To: <sip:user{n}@example.com>\r\n\
         Call-ID: 1ceb7d2f4a0e4b6f8f1c{n}@10.0.0.5\r\n\
         CSeq: {cseq} REGISTER\r\n\
         Contact: <sip:user{n}@10.0.0.5:5070;transport=udp;pn-provider=fcm;pn-param=project;pn-prid=0123456789abcdef0123456789abcdef0123456789abcdef>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-{n:012}>\";reg-id=1\r\n\
         Expires: 3600\r\nSupported: path, outbound\r\nUser-Agent: Phone/1.0\r\n{proof}Content-Length: 0\r\n\r\n"
    ))
}

/// Gives a message; the answer to it.
fn ask(endpoint: &mut Endpoint, now: Instant, n: usize, bytes: Bytes) -> Bytes {
    endpoint.handle(now, Input::Message { flow: flow(n), bytes });
    let mut answer = Bytes::new();
    while let Some(output) = endpoint.poll_output() {
        if let Output::Transmit { bytes, .. } = output {
            answer = bytes;
        }
    }
    answer
}

fn proof(n: usize, refusal: &[u8]) -> String {
    let text = std::str::from_utf8(refusal).unwrap();
    let nonce = text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let hash = |text: String| md5::Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let a1 = hash(format!("user{n}:offhook:password{n}"));
    let a2 = hash("REGISTER:sip:192.0.2.1".into());
    let response = hash(format!("{a1}:{nonce}:00000001:cn:auth:{a2}"));
    format!(
        "Authorization: Digest username=\"user{n}\", realm=\"offhook\", nonce=\"{nonce}\", uri=\"sip:192.0.2.1\", response=\"{response}\", algorithm=MD5, cnonce=\"cn\", qop=auth, nc=00000001\r\n"
    )
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn register_all(endpoint: &mut Endpoint, now: &mut Instant, cseq: u32) {
    for n in 0..PHONES {
        let refusal = ask(endpoint, *now, n, register(n, cseq, ""));
        let ok = ask(endpoint, *now, n, register(n, cseq + 1, &proof(n, &refusal)));
        assert!(ok.starts_with(b"SIP/2.0 200"), "{}", String::from_utf8_lossy(&ok));
        // 36,000 an hour: what is answered is forgotten while others come, as it would be.
        *now += Duration::from_millis(100);
        while endpoint.poll_timeout().is_some_and(|at| at <= *now) {
            endpoint.handle(*now, Input::Timeout);
        }
    }
}

#[test]
fn a_registered_phone_costs_less_than_four_kilobytes() {
    let mut endpoint = Endpoint::new(Config { algorithms: vec![sip::Algorithm::Md5], ..Config::default() });
    let mut now = Instant::now();
    let before = resident();
    let users =
        (0..PHONES).map(|n| User { name: format!("user{n}"), password: format!("password{n}") }).collect();
    endpoint.set_users(users);
    for round in 0..2 {
        register_all(&mut endpoint, &mut now, 1 + round * 10);
    }
    // Their transactions end; the nonces they used are still remembered.
    now += Duration::from_secs(40);
    endpoint.handle(now, Input::Timeout);
    while endpoint.poll_output().is_some() {}
    let counts = endpoint.counts();
    assert_eq!((counts.bindings, counts.transactions), (PHONES, 0));
    let each = (resident() - before) / PHONES;
    println!("{each} bytes a phone, with its account and what its transactions left to the allocator");
    // The most that transactions were at once is left as room in the process; it is theirs and not the phones'.
    assert!(each < MOST, "{each} bytes a phone");
}
