//! What SIP costs: reading messages, long ones too, and a whole call through an endpoint, INVITE to BYE.
//! Run with `cargo bench -p sip`; the clock does not move within a call, so timers are set and never fire.

use std::time::{Duration, Instant};

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
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

/// The INVITE of Linphone 5 with its many codecs and lines.
#[divan::bench(sample_size = 1000)]
fn parse_linphone_invite(bencher: Bencher<'_, '_>) {
    read(bencher, with_body(LINPHONE, LINPHONE_SDP));
}

/// The 200 of an INVITE, as a proxy hands it on.
#[divan::bench(sample_size = 1000)]
fn parse_ok(bencher: Bencher<'_, '_>) {
    read(bencher, with_body(OK, SDP));
}

/// A REGISTER with digest credentials.
#[divan::bench(sample_size = 1000)]
fn parse_register(bencher: Bencher<'_, '_>) {
    read(bencher, with_body(REGISTER, ""));
}

/// So many kilobytes of headers: the bytes a second stay the same, or the cost would not be linear.
#[divan::bench(args = [1, 4, 16, 63], sample_size = 20)]
fn parse_many_headers(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let lines = "X-Padding: 0123456789, <sip:a@b>;c=\"d\"\r\n".repeat(kilobytes * 1_024 / 42);
    read(bencher, with_body(&format!("{REGISTER}{lines}"), ""));
}

/// One header of so many kilobytes.
#[divan::bench(args = [1, 4, 16, 63], sample_size = 20)]
fn parse_long_header(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let value = "<sip:a@b;lr>, ".repeat(kilobytes * 1_024 / 14);
    read(bencher, with_body(&format!("{REGISTER}Route: {value}<sip:c@d>\r\n"), ""));
}

fn read(bencher: Bencher<'_, '_>, bytes: Bytes) {
    assert!(Message::parse(bytes.clone()).is_ok());
    bencher
        .counter(ItemsCount::new(1usize))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| Message::parse(black_box(bytes.clone())));
}

fn with_body(head: &str, body: &str) -> Bytes {
    Bytes::from(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
}

const LINPHONE: &str = "INVITE sip:1000@192.0.2.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK.Rn0~L8-2q;rport\r\n\
    From: <sip:alice@192.0.2.1>;tag=QbL3jVX~m\r\n\
    To: sip:1000@192.0.2.1\r\n\
    CSeq: 20 INVITE\r\n\
    Call-ID: d9UwKcV3eC\r\n\
    Max-Forwards: 70\r\n\
    Supported: replaces, outbound, gruu, path, record-aware\r\n\
    Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE\r\n\
    Content-Type: application/sdp\r\n\
    Contact: <sip:alice@198.51.100.7:5060;transport=udp>;expires=600;+sip.instance=\"<urn:uuid:5a2b6f1e-53a9-0050-8f2c-3b5bb1b3d2a1>\";+org.linphone.specs=\"ephemeral/1.1,groupchat/1.2,lime\"\r\n\
    User-Agent: Linphone-Desktop/5.1.2 (Debian GNU/Linux 12, Qt 5.15.8) LinphoneCore/5.2.98\r\n";

const LINPHONE_SDP: &str = "v=0\r\no=alice 3117 2482 IN IP4 198.51.100.7\r\ns=Talk\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\na=record:off\r\n\
    m=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:97 speex/16000\r\na=fmtp:97 vbr=on\r\na=rtpmap:98 speex/8000\r\na=fmtp:98 vbr=on\r\na=fmtp:18 annexb=yes\r\n\
    a=rtpmap:101 telephone-event/48000\r\na=rtpmap:99 telephone-event/16000\r\na=rtpmap:100 telephone-event/8000\r\n\
    a=rtcp:7079\r\na=rtcp-fb:* trr-int 5000\r\na=rtcp-fb:* ccm tmmbr\r\n";

const OK: &str = "SIP/2.0 200 OK\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK8f2c3b5bb1b3d2a1;rport=5060;received=192.0.2.1\r\n\
    Record-Route: <sip:198.51.100.1;lr;ftag=9fxced76sl>\r\n\
    From: <sip:1000@192.0.2.1>;tag=9fxced76sl\r\n\
    To: <sip:alice@example.com>;tag=QbL3jVX~m\r\n\
    Call-ID: 3848276298220188511@192.0.2.1\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:alice@198.51.100.7:5060;transport=udp>\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO\r\n\
    Content-Type: application/sdp\r\n";

const REGISTER: &str = "REGISTER sip:192.0.2.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK.Rn0~L8-2r;rport\r\n\
    From: <sip:alice@192.0.2.1>;tag=QbL3jVX~n\r\n\
    To: sip:alice@192.0.2.1\r\n\
    CSeq: 21 REGISTER\r\n\
    Call-ID: d9UwKcV3eD\r\n\
    Max-Forwards: 70\r\n\
    Supported: replaces, outbound, gruu, path\r\n\
    Contact: <sip:alice@198.51.100.7:5060;transport=udp>;+sip.instance=\"<urn:uuid:5a2b6f1e-53a9-0050-8f2c-3b5bb1b3d2a1>\"\r\n\
    Expires: 3600\r\n\
    Authorization: Digest realm=\"offhook\", nonce=\"5f2c3b5bb1b3d2a15f2c3b5bb1b3d2a1\", algorithm=SHA-256, username=\"alice\", uri=\"sip:192.0.2.1\", response=\"3c27f0b1fd1a4c3de2a1d2d2a1b3d2a15f2c3b5bb1b3d2a15f2c3b5bb1b3d2a1\", cnonce=\"0a4f113b\", nc=00000001, qop=auth\r\n";

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
