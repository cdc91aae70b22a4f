//! What SIP costs: reading an INVITE, and a whole call through an endpoint, INVITE to BYE.
//! Run with `cargo bench -p sip`; the clock does not move within a call, so timers are set and never fire.

use std::time::{Duration, Instant};

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sip::{Body, Config, Contact, Endpoint, Event, Flow, Input, Message, Output, Transport};

fn main() {
    divan::main();
}

const SDP: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "198.51.100.7:5060".parse().unwrap(),
    }
}

fn request(method: &str, cseq: u32, call: usize, branch: &str, tag: &str, body: &str) -> Bytes {
    Bytes::from(format!(
        "{method} sip:1000@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{branch}{call};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Alice\" <sip:alice@example.com>;tag=9fxced76sl\r\n\
         To: <sip:1000@192.0.2.1>{tag}\r\n\
         Call-ID: {call}-3848276298220188511@198.51.100.7\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@198.51.100.7:5060;transport=udp>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO\r\n\
         Supported: replaces, outbound\r\n\
         User-Agent: Bench/1.0\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Bytes to a message with its header offsets.
#[divan::bench(sample_size = 1000)]
fn parse_invite(bencher: Bencher<'_, '_>) {
    let bytes = request("INVITE", 1, 1, "i", "", SDP);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| Message::parse(black_box(bytes.clone())));
}

/// INVITE, 100, 180, 200, ACK, BYE, 200: four messages in or out each way, and all state made and dropped.
#[divan::bench(sample_size = 1000, sample_count = 40)]
fn whole_call(bencher: Bencher<'_, '_>) {
    let mut endpoint = Endpoint::new(Config::default());
    let contact = Contact::new("1000", flow().local, Transport::Udp);
    let mut now = Instant::now();
    let mut call = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        call += 1;
        // As if 1,000 calls came a second, so that old transactions end as they would.
        now += Duration::from_millis(1);
        if endpoint.poll_timeout().is_some_and(|at| at <= now) {
            endpoint.handle(now, Input::Timeout);
        }
        let hear = |endpoint: &mut Endpoint, bytes: Bytes| {
            endpoint.handle(now, Input::Message { flow: flow(), bytes });
        };
        hear(&mut endpoint, request("INVITE", 1, call, "i", "", SDP));
        let mut session = None;
        while let Some(output) = endpoint.poll_output() {
            if let Output::Event(Event::Invited { session: s, .. }) = output {
                session = Some(s);
            }
        }
        let session = session.unwrap();
        endpoint.progress(now, session, 180, None, contact.clone()).unwrap();
        endpoint.answer(now, session, Some(Body::sdp(SDP.as_bytes())), contact.clone()).unwrap();
        let tag = format!(";tag={}", endpoint.session(session).unwrap().local_tag);
        hear(&mut endpoint, request("ACK", 1, call, "a", &tag, ""));
        hear(&mut endpoint, request("BYE", 2, call, "b", &tag, ""));
        while let Some(output) = endpoint.poll_output() {
            black_box(output);
        }
    });
    assert_eq!(endpoint.counts().sessions, 0);
}
