//! What a caller's signalling may do to a call: give up, hold, change its mind, ask for the impossible.

use std::io::{Read, Write};
use std::time::Duration;

use crate::rig::{Dialog, LONG, Rig, end, sdp, trace};
use serde_json::{Value, json};
use testkit::ua::{Offer, Stream};

fn echo() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]})
}

/// Keys until `#`, then hangs up.
fn gather() -> Value {
    json!({"actions": [
        {"type": "answer"},
        {"type": "digits_receive", "option": {"duration": 8_000, "length": 9, "key": "#"}},
        {"type": "hangup"}
    ]})
}

/// Waits a minute without answering.
fn ringing() -> Value {
    json!({"module": "sleep", "data": {"duration": 60}, "children": {}})
}

fn stream() -> Stream {
    Stream::open("127.0.0.1".parse().expect("an address")).expect("a stream")
}

#[test]
fn a_caller_who_gives_up_gets_487() {
    let rig = Rig::start(&[("1001", ringing())]);
    let (phone, stream) = (rig.phone("rig"), stream());
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(stream.port(), "0", "sendrecv"));
    dialog.expect(100, "INVITE");
    rig.wait("the flow", || rig.traces().concat().contains("node   "));
    dialog.send("CANCEL", "", "");
    dialog.expect(200, "CANCEL");
    dialog.expect(487, "INVITE");
    dialog.send("ACK", "", "");
    let view = rig.finished();
    assert_eq!(end(&view), ("cancelled".to_owned(), "caller".to_owned()), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn an_offer_without_a_common_codec_is_488() {
    let rig = Rig::start(&[("1001", echo())]);
    let phone = rig.phone("rig");
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(4_000, "18", "sendrecv"));
    dialog.expect(488, "INVITE");
    dialog.send("ACK", "", "");
    assert_eq!(end(&rig.finished()).0, "media.no_common_codec");
    rig.nothing_left();
}

#[test]
fn keys_by_info_reach_the_flow() {
    let rig = Rig::start(&[("1001", gather())]);
    let (phone, stream) = (rig.phone("rig"), stream());
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(stream.port(), "0", "sendrecv"));
    dialog.expect(200, "INVITE");
    dialog.send("ACK", "", "");
    for key in ["7", "7", "#"] {
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        dialog.send("INFO", "Content-Type: application/dtmf-relay\r\n", &body);
        dialog.expect(200, "INFO");
    }
    dialog.expect_request("BYE");
    let view = rig.finished();
    assert!(trace(&view).contains("got    \"77#\""), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn hold_resume_and_a_bad_offer_leave_the_call_alive() {
    let rig = Rig::start(&[("1001", echo())]);
    let (phone, stream) = (rig.phone("rig"), stream());
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(stream.port(), "0 8", "sendrecv"));
    dialog.expect(200, "INVITE");
    dialog.send("ACK", "", "");
    dialog.send("INVITE", "", &sdp(stream.port(), "0 8", "sendonly"));
    assert!(dialog.expect(200, "INVITE").body.contains("a=recvonly"), "hold is answered recvonly");
    dialog.send("ACK", "", "");
    dialog.send("INVITE", "", &sdp(stream.port(), "18", "sendrecv"));
    dialog.expect(488, "INVITE");
    dialog.send("ACK", "", "");
    dialog.send("INVITE", "", &sdp(stream.port(), "8", "sendrecv"));
    let resumed = dialog.expect(200, "INVITE");
    assert!(resumed.body.contains("RTP/AVP 8"), "the other codec is taken:\n{}", resumed.body);
    dialog.send("ACK", "", "");
    dialog.send("BYE", "", "");
    dialog.expect(200, "BYE");
    let view = rig.finished();
    let text = trace(&view);
    assert!(text.contains("held") && text.contains("changed: PCMA"), "{text}");
    rig.nothing_left();
}

#[test]
fn the_settings_of_session_timers_are_those_that_hold() {
    let rig = Rig::with(&[("1001", echo())], |config| {
        config.sip.session_expires = Duration::from_secs(300);
        config.sip.min_se = Duration::from_secs(120);
    });
    let (phone, stream) = (rig.phone("rig"), stream());
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    let timer = "Supported: timer\r\nSession-Expires: 110\r\n";
    dialog.send("INVITE", timer, &sdp(stream.port(), "0", "sendrecv"));
    assert_eq!(dialog.expect(422, "INVITE").header("min-se"), Some("120"));
    dialog.send("ACK", "", "");
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(stream.port(), "0", "sendrecv"));
    assert_eq!(dialog.expect(200, "INVITE").header("session-expires"), Some("300;refresher=uas"));
    dialog.send("ACK", "", "");
    dialog.send("BYE", "", "");
    dialog.expect(200, "BYE");
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_prompt_before_the_answer_is_early_media() {
    let busy = json!({"module": "response", "data": {"code": 486}, "children": {}});
    let tone = json!({"module": "play", "data": {"id": "tone_stream://%(500,0,440)", "answer": false},
        "children": {"_": busy}});
    let rig = Rig::start(&[("1002", tone)]);
    let (phone, stream) = (rig.phone("rig"), stream());
    let mut dialog = Dialog::new(&rig, &phone, "1002");
    dialog.send("INVITE", "", &sdp(stream.port(), "0", "sendrecv"));
    let progress = dialog.expect(183, "INVITE");
    assert!(progress.body.contains("m=audio"));
    dialog.expect(486, "INVITE");
    dialog.send("ACK", "", "");
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_late_offer_without_an_answer_in_the_ack_ends_in_a_bye() {
    let rig = Rig::start(&[("1001", echo())]);
    let phone = rig.phone("rig");
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", "");
    assert!(dialog.expect(200, "INVITE").body.contains("m=audio"), "the offer is ours");
    dialog.send("ACK", "", "");
    dialog.expect_request("BYE");
    assert_eq!(end(&rig.finished()).0, "no media");
    rig.nothing_left();
}

#[test]
fn a_call_over_tcp_is_answered_on_its_connection() {
    let rig = Rig::start(&[("1001", json!({"actions": [{"type": "answer"}, {"type": "hangup"}]}))]);
    let server = rig.switch().sip_tcp().expect("TCP");
    let mut connection = std::net::TcpStream::connect(server).expect("a connection");
    connection.set_read_timeout(Some(LONG)).expect("a limit");
    let local = connection.local_addr().expect("an address");
    let body = sdp(4_000, "0", "sendrecv");
    let request = |method: &str, to: &str, body: &str| {
        format!(
            "{method} sip:1001@{server} SIP/2.0\r\nVia: SIP/2.0/TCP {local};branch=z9hG4bK-{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:rig@{server}>;tag=rig\r\nTo: <sip:1001@{server}>{to}\r\nCall-ID: tcp@rig\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:rig@{local};transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // A ping first, and the request in two pieces.
    let invite = request("INVITE", "", &body);
    let (first, second) = invite.split_at(100);
    connection.write_all(b"\r\n\r\n").expect("written");
    connection.write_all(first.as_bytes()).expect("written");
    connection.write_all(second.as_bytes()).expect("written");
    let mut text = String::new();
    let mut read = |text: &mut String, wanted: &str| {
        let mut buffer = [0; 4096];
        while !text.contains(wanted) {
            let length = connection.read(&mut buffer).expect("more");
            assert!(length > 0, "closed before {wanted}; came: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            if text.contains("SIP/2.0 200") && !text.contains("acked") {
                let tag =
                    text.split(";tag=").last().and_then(|t| t.split(['\r', ';']).next()).unwrap_or_default();
                let ack = request("ACK", &format!(";tag={tag}"), "");
                connection.write_all(ack.as_bytes()).expect("written");
                text.push_str("acked");
            }
        }
    };
    read(&mut text, "SIP/2.0 200");
    read(&mut text, "BYE sip:");
    assert!(text.starts_with("\r\n"), "the ping is answered");
}

#[test]
fn a_sound_that_is_not_there_takes_the_error_edge_and_says_so() {
    let flow = json!({"actions": [
        {"type": "answer"},
        {"type": "play", "option": {"stream_urls": ["no-such-sound"]}},
        {"type": "beep"},
        {"type": "hangup"}
    ]});
    let rig = Rig::start(&[("1001", flow)]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"));
    let text = trace(&rig.finished());
    assert!(text.contains("no-such-sound") && text.contains("/actions/2"), "{text}");
    rig.nothing_left();
}

#[test]
fn a_recording_is_a_file_and_is_sent_where_the_flow_wants_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("an address");
    let taken = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        connection.set_read_timeout(Some(LONG)).expect("a limit");
        let mut bytes = Vec::new();
        let mut buffer = [0; 65_536];
        let whole = |bytes: &[u8]| {
            let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
            let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
            let length: usize = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
            (bytes.len() >= head + 4 + length).then_some(head + 4)
        };
        loop {
            let length = connection.read(&mut buffer).expect("more");
            assert!(length > 0, "closed too early");
            bytes.extend_from_slice(&buffer[..length]);
            if let Some(at) = whole(&bytes) {
                connection.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").expect("written");
                return (String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at..].to_vec());
            }
        }
    });
    let flow = json!({"module": "record_caller", "data": {
        "time_limit": 1, "url": format!("http://{server}/put"), "method": "put", "format": "wav"
    }, "children": {}});
    let rig = Rig::start(&[("1001", flow)]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.talk(&audio::tone::beep(700, Duration::from_secs(2), audio::Rate::NARROW)).expect("talked");
    call.until_bye(LONG).expect("a socket");
    let view = rig.finished();
    let id = &view.recordings.first().unwrap_or_else(|| panic!("a recording:\n{}", trace(&view))).id;
    let file =
        std::fs::read(rig.switch().recording(&format!("{id}.wav")).expect("a path").0).expect("a file");
    let (head, body) = taken.join().expect("an upload");
    assert!(head.starts_with("PUT /put"), "{head}");
    assert!(body.len() > 4_000 && body == file, "the file is sent whole: {} and {}", body.len(), file.len());
    rig.nothing_left();
    rig.wait("the upload's line", || {
        rig.switch().call(view.id).is_some_and(|view| trace(&view).contains("→ 201"))
    });
}

#[test]
fn another_codec_in_the_middle_of_a_prompt_goes_on_in_that_codec() {
    let flow =
        json!({"module": "play", "data": {"id": "tone_stream://%(400,0,440);loops=20"}, "children": {}});
    let rig = Rig::start(&[("1001", flow)]);
    let phone = rig.phone("rig");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(LONG)).expect("a limit");
    let port = socket.local_addr().expect("an address").port();
    // Until a packet of this payload type comes whose sound is not silence.
    let hear = |wanted: u8, silence: u8| {
        let mut buffer = [0; 2048];
        loop {
            let length = socket.recv(&mut buffer).expect("RTP");
            if buffer[1] & 0x7f == wanted && buffer[12..length].iter().any(|byte| *byte != silence) {
                return;
            }
        }
    };
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    dialog.send("INVITE", "", &sdp(port, "0 8", "sendrecv"));
    dialog.expect(200, "INVITE");
    dialog.send("ACK", "", "");
    hear(0, 0xff);
    dialog.send("INVITE", "", &sdp(port, "8", "sendrecv"));
    dialog.expect(200, "INVITE");
    dialog.send("ACK", "", "");
    hear(8, 0xd5);
    dialog.send("BYE", "", "");
    dialog.expect(200, "BYE");
    let text = trace(&rig.finished());
    assert!(!text.contains("failed"), "{text}");
    rig.nothing_left();
}

#[test]
fn garbage_harms_nobody() {
    let rig = Rig::start(&[("1001", gather())]);
    let phone = rig.phone("rig");
    let mut dialog = Dialog::new(&rig, &phone, "1001");
    let mut bytes =
        b"INVITE sip:1001@x SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4\r\nCSeq: 1 INVITE\r\n\r\nv=0".to_vec();
    for n in 0..2_000_usize {
        let at = (n * 31) % bytes.len();
        bytes[at] = bytes[at].wrapping_add((n % 251) as u8);
        phone.send_raw(&bytes).expect("sent");
    }
    let mut stream =
        std::net::TcpStream::connect(rig.switch().sip_tcp().expect("TCP")).expect("a connection");
    // The switch may close in the middle of it.
    let _ = stream.write_all(&vec![b'x'; 200_000]);
    dialog.send("INVITE", "", &sdp(4_000, "0", "sendrecv"));
    dialog.expect(200, "INVITE");
    dialog.send("ACK", "", "");
    dialog.send("BYE", "", "");
    dialog.expect(200, "BYE");
    rig.wait("the end of the calls", || rig.switch().calls().is_empty());
    drop(stream);
    rig.wait("that the stream is gone", || rig.counts().streams == 0);
    rig.nothing_left();
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let rig = Rig::with(&[], |config| config.sip.idle = Duration::from_millis(300));
    let mut stream =
        std::net::TcpStream::connect(rig.switch().sip_tcp().expect("TCP")).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    rig.wait("the connection", || rig.counts().streams == 1);
    // Bytes that make no message are no sign of life.
    stream.write_all(b"OPTIONS sip:x").expect("written");
    assert_eq!(stream.read(&mut [0; 16]).expect("the end"), 0);
    rig.wait("that the stream is gone", || rig.counts().streams == 0);
}
