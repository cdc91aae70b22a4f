//! Signalling beyond the plain call: hold, other codecs, lost and crossing messages, keys in INFO, odd but lawful messages.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use testkit::ear;
use tests::peers::capture::{self, Packet};
use tests::peers::linphone::Linphone;
use tests::peers::sipp;
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

use crate::wire::{SOON, Wire};

/// Runs a scenario of `tests/sipp/` against 9197, whose music plays for ever.
fn scenario(name: &str) -> (Server, Vec<Packet>) {
    let server = Server::demo();
    let call = sipp::scenario(name, &server.address(), "9197", Duration::from_secs(60));
    call.expect_success();
    let view = server.finished_call("9197");
    assert_eq!(view.ended().expect("over").1, "caller", "{:?}", view.0);
    (server, call.packets)
}

/// The stretches in which packets came without a pause of half a second, as (start, end).
fn stretches(packets: &[Packet]) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    for packet in packets {
        match out.last_mut() {
            Some(last) if packet.at - last.1 < 0.5 => last.1 = packet.at,
            _ => out.push((packet.at, packet.at)),
        }
    }
    out
}

fn is_one_stream(packets: &[Packet]) {
    assert!(packets.windows(2).all(|pair| pair[0].ssrc == pair[1].ssrc), "the SSRC changes");
    let steps = packets.windows(2).map(|pair| pair[1].sequence.wrapping_sub(pair[0].sequence));
    assert!(steps.clone().all(|step| step == 1), "the sequence has gaps: {:?}", steps.collect::<Vec<_>>());
}

#[test]
fn a_call_is_held_in_three_ways_and_taken_back_each_time() {
    let (_server, packets) = scenario("hold.xml");
    let stretches = stretches(&packets);
    assert_eq!(stretches.len(), 4, "sound before, between and after three holds: {stretches:?}");
    assert!(stretches.iter().all(|(start, end)| end - start > 1.0), "{stretches:?}");
    is_one_stream(&packets);
    for (start, end) in stretches {
        let part: Vec<Packet> = packets.iter().filter(|p| p.at >= start && p.at <= end).map(copy).collect();
        assert!(ear::sounding(&capture::heard(&part)) > 0.7, "no music from {start:.1} s to {end:.1} s");
    }
}

fn copy(packet: &Packet) -> Packet {
    Packet { payload: packet.payload.clone(), ..*packet }
}

#[test]
fn the_codec_changes_in_the_call_and_a_change_that_is_refused_changes_nothing() {
    let (server, packets) = scenario("codec-change.xml");
    let mut kinds: Vec<u8> = packets.iter().map(|packet| packet.payload_type).collect();
    kinds.dedup();
    assert_eq!(kinds, [0, 8, 0], "PCMU, then PCMA (through the refused change), then PCMU by our own offer");
    is_one_stream(&packets);
    assert_eq!(stretches(&packets).len(), 1, "the sound stops at a change");
    assert!(ear::sounding(&capture::heard(&packets)) > 5.0);
    let notes = server.finished_call("9197").notes();
    assert!(notes.contains("re-INVITE refused"), "{notes}");
}

#[test]
fn a_caller_that_knows_pcma_alone_hears_it() {
    let (_server, packets) = scenario("alaw.xml");
    assert!(packets.iter().all(|packet| packet.payload_type == 8));
    assert!(ear::sounding(&capture::heard(&packets)) > 0.7);
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let (_server, packets) = scenario("late-offer.xml");
    assert!(ear::sounding(&capture::heard(&packets)) > 0.7);
}

#[test]
fn a_cancel_that_crosses_the_200_does_not_end_the_call() {
    scenario("cancel-late.xml");
}

#[test]
fn silence_on_hold_is_forgiven_and_after_the_resume_it_is_not() {
    let server = Server::start(Setup { settings: vec![("rtp", "timeout_s = 2".into())], ..Setup::default() });
    let mut caller = Wire::new(&server, "9197");
    let media = caller.call().media().expect("an address for audio");
    for n in 0..25_u16 {
        caller.rtp(media, 0, n, u32::from(n) * 160, &[0xff; 160]);
    }
    let change = |caller: &mut Wire, cseq, direction: &str| {
        let offer = caller.offer() + direction;
        caller.ask("INVITE", cseq, "", &offer);
        assert_eq!(caller.answered("INVITE").status(), Some(200));
        caller.ask("ACK", cseq, "", "");
    };
    change(&mut caller, 2, "a=inactive\r\n");
    let heard = caller.all(Duration::from_secs(5));
    assert!(
        heard.iter().all(|message| message.method() != Some("BYE")),
        "a held call is ended for its silence"
    );
    change(&mut caller, 3, "a=sendrecv\r\n");
    let bye = caller.wait_for("a BYE", |message| message.method() == Some("BYE"));
    caller.send(&bye.reply("200 OK", ""));
    assert_eq!(server.finished_call("9197").ended().expect("over").0, "media timeout");
}

#[test]
fn linphone_holds_the_call_and_takes_it_back() {
    let server = Server::demo();
    let mut phone = Linphone::start();
    phone.register(&server.address(), "alice", PASSWORD, "Ok");
    let capture = phone.call(&server.uri("9197"));
    let second = Duration::from_millis(1500);
    let listen = || {
        let end = Instant::now() + second;
        wait::until("the moment to pass", SOON, || (Instant::now() > end).then_some(()));
    };
    listen();
    phone.command("call-pause 1");
    phone.wait_for("LinphoneCallPaused", SOON);
    listen();
    phone.command("call-resume 1");
    phone.wait_for("LinphoneCallStreamsRunning", SOON);
    listen();
    phone.command("terminate");
    phone.over(SOON);
    let packets = capture.finish();
    let stretches = stretches(&packets);
    assert_eq!(stretches.len(), 2, "sound before and after the hold: {stretches:?}");
    is_one_stream(&packets);
    let view = server.finished_call("9197");
    assert_eq!(view.ended().expect("over").1, "caller", "{:?}", view.0);
}

#[test]
fn a_200_that_nobody_acknowledges_is_sent_again_and_then_ended_by_bye() {
    // The silent caller is not to be taken for one that has vanished.
    let server = Server::start(Setup { settings: vec![("rtp", "timeout_s = 0".into())], ..Setup::default() });
    let mut caller = Wire::new(&server, "9197");
    let offer = caller.offer();
    caller.ask("INVITE", 1, "", &offer);
    let answer = caller.answered("INVITE");
    caller.enter(&answer);
    // 64 times T1 is 32 s; at T1, doubling up to T2, the 200 comes ten times or more in it (RFC 3261 §13.3.1.4).
    let mut answers = 1;
    let bye = wait::until("a BYE", Duration::from_secs(45), || {
        let heard = caller.all(Duration::from_millis(200));
        answers += heard.iter().filter(|message| message.status() == Some(200)).count();
        heard.into_iter().find(|message| message.method() == Some("BYE"))
    });
    assert!((9..=12).contains(&answers), "the 200 came {answers} times");
    caller.send(&bye.reply("200 OK", ""));
    let view = server.finished_call("9197");
    assert_eq!(view.ended().expect("over").0, "no ACK", "{:?}", view.0);
}

#[test]
fn an_invite_that_comes_again_is_the_same_call() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9197");
    let branch = caller.branch();
    let invite = caller.request("INVITE", 1, &branch, "", &caller.offer());
    for _ in 0..3 {
        caller.send(&invite);
    }
    let answer = caller.answered("INVITE");
    caller.enter(&answer);
    caller.ask("ACK", 1, "", "");
    caller.send(&invite);
    caller.hang_up(2);
    server.finished_call("9197");
    assert_eq!(server.metric("offhook_calls_total"), 1.0);
    // The same request by another way round is a loop or a fork (RFC 3261 §8.2.2.2), not another call.
    let mut caller = Wire::new(&server, "9197");
    let offer = caller.offer();
    caller.ask("INVITE", 1, "", &offer);
    caller.ask("INVITE", 1, "", &offer);
    assert_eq!(caller.wait_for("a refusal", |m| m.status().is_some_and(|s| s >= 400)).status(), Some(482));
}

#[test]
fn keys_in_info_count_once() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9198");
    let media = caller.call().media().expect("an address for audio");
    let told = |caller: &mut Wire, cseq, kind: &str, body: &str| {
        caller.ask("INFO", cseq, &format!("Content-Type: {kind}\r\n"), body);
        caller.answered("INFO").status()
    };
    let info = |caller: &mut Wire, cseq, kind: &str, body: &str| {
        assert_eq!(told(caller, cseq, kind, body), Some(200));
    };
    info(&mut caller, 2, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    info(&mut caller, 3, "application/dtmf", "6");
    assert_eq!(told(&mut caller, 4, "text/plain", "7"), Some(415));
    // One press of 8 both ways, then one of 9 as an event alone.
    info(&mut caller, 5, "application/dtmf-relay", "Signal=8\r\nDuration=160\r\n");
    for (sequence, timestamp, key) in [(1, 1600, 8), (2, 1600, 8), (3, 8000, 9)] {
        caller.rtp(media, 96, sequence, timestamp, &[key, 0x8a, 3, 0x20]);
    }
    wait::until("all keys", SOON, || {
        let calls = server.json("/calls");
        let id = calls["calls"][0]["id"].as_str()?.to_owned();
        server.call_view(&id).keys().ends_with('9').then_some(())
    });
    caller.hang_up(6);
    assert_eq!(server.finished_call("9198").keys(), "5689");
}

#[test]
fn an_options_ping_is_answered_in_and_out_of_a_call() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9197");
    caller.ask("OPTIONS", 1, "", "");
    let answer = caller.answered("OPTIONS");
    assert_eq!(answer.status(), Some(200));
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("INVITE")), "{answer:?}");
    let mut caller = Wire::new(&server, "9197");
    caller.call();
    caller.ask("OPTIONS", 2, "", "");
    assert_eq!(caller.answered("OPTIONS").status(), Some(200));
    caller.hang_up(3);
}

#[test]
fn an_update_changes_the_call_only_once_it_is_answered() {
    // Nothing answers this pivot in time, so the call stays unanswered for a while.
    let web = tests::web::Web::start(|_| tests::web::Answer {
        delay: Duration::from_secs(3),
        ..tests::web::Answer::json(r#"{"module":"play","data":{"id":"demo-60s"},"children":{}}"#)
    });
    let flow = format!(
        r#"{{"module":"pivot","data":{{"voice_url":"{}","req_timeout_ms":9000}},"children":{{}}}}"#,
        web.url("/slow")
    );
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"slow.json\"\n".into()),
            ("slow.json", flow),
        ],
        ..Setup::default()
    });
    let mut caller = Wire::new(&server, "2000");
    let offer = caller.offer();
    caller.ask("INVITE", 1, "", &offer);
    let branch = caller.branch();
    web.wait_for("the pivot", |_| true);
    // Without a provisional there is no early dialog yet, so this one is of no dialog.
    caller.send(&caller.request("UPDATE", 2, &branch, "", &offer));
    assert_ne!(caller.answered("UPDATE").status(), Some(200));
    let answer = caller.answered("INVITE");
    caller.enter(&answer);
    caller.ask("ACK", 1, "", "");
    let held = format!("{offer}a=sendonly\r\n");
    caller.ask("UPDATE", 3, "", &held);
    let answer = caller.answered("UPDATE");
    assert_eq!(answer.status(), Some(200));
    assert!(answer.body.contains("a=recvonly"), "{}", answer.body);
    caller.hang_up(4);
}

#[test]
fn an_offer_with_its_address_at_the_session_and_events_at_another_number_is_understood() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9198");
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Call\r\nc=IN IP4 127.0.0.1\r\nb=AS:84\r\nt=0 0\r\na=X-nat:0\r\n\
         m=audio {} RTP/AVP 3 18 0 127\r\na=rtpmap:127 telephone-event/8000\r\na=fmtp:127 0-16\r\na=rtcp-mux\r\n\
         m=video 0 RTP/AVP 96\r\n",
        caller.media_port()
    );
    caller.ask("INVITE", 1, "", &sdp);
    let answer = caller.answered("INVITE");
    caller.enter(&answer);
    caller.ask("ACK", 1, "", "");
    assert!(answer.body.contains("RTP/AVP 0 127"), "{}", answer.body);
    assert_eq!(answer.body.matches("m=").count(), 2, "{}", answer.body);
    let media = answer.media().expect("an address for audio");
    caller.rtp(media, 127, 1, 1600, &[3, 0x8a, 3, 0x20]);
    wait::until("the key", SOON, || {
        let calls = server.json("/calls");
        let id = calls["calls"][0]["id"].as_str()?.to_owned();
        (server.call_view(&id).keys() == "3").then_some(())
    });
    caller.hang_up(2);
}

#[test]
fn compact_and_folded_headers_are_a_call_and_a_wrong_length_is_not() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9197");
    let (local, sdp, id) = (caller.address(), caller.offer(), caller.call_id().to_owned());
    let head = format!(
        "INVITE {uri} SIP/2.0\r\nv: SIP / 2.0 / UDP {local}\r\n ;branch=z9hG4bK{id}\r\n\t;rport\r\nMax-Forwards: 70\r\n\
         f: \"A \\\"quoted\\\" name\"\r\n  <sip:wire@{local}>;tag={id}\r\nt:<{uri}>\r\ni:{id}\r\nCSeq:1\r\n INVITE\r\n\
         m: sip:wire@{local}\r\nk: timer,\r\n replaces\r\nSubject:\r\nX-Odd: \u{fc}ml\u{e4}ut\r\nc: application/sdp\r\n",
        uri = server.uri("9197"),
    );
    caller.send(&format!("{head}l: {}\r\n\r\n{sdp}trailing bytes of the datagram", sdp.len()));
    let answer = caller.answered("INVITE");
    caller.enter(&answer);
    caller.ask("ACK", 1, "", "");
    caller.hang_up(2);
    // A length beyond the datagram's end: RFC 3261 §18.3 wants 400.
    let mut caller = Wire::new(&server, "9197");
    let (branch, offer) = (caller.branch(), caller.offer());
    let invite = caller.request("INVITE", 1, &branch, "", &offer);
    let length = format!("Content-Length: {}", offer.len());
    caller.send(&invite.replace(&length, "Content-Length: 5000"));
    assert_eq!(caller.answered("INVITE").status(), Some(400));
    caller.send(&invite.replace(&length, "Content-Length: many"));
    assert_eq!(server.metric("offhook_calls_total"), 1.0);
}

#[test]
fn tcp_messages_are_cut_apart_wherever_the_segments_end() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "9197");
    let mut options = |cseq| {
        let branch = caller.branch();
        caller.request("OPTIONS", cseq, &branch, "", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP")
    };
    let mut stream = TcpStream::connect(server.sip).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    let mut heard = String::new();
    let mut hear = |stream: &mut TcpStream, what: &str, wanted: &dyn Fn(&str) -> bool| {
        wait::until(what, SOON, || {
            let mut buffer = [0; 4096];
            if let Ok(read) = stream.read(&mut buffer) {
                heard += &String::from_utf8_lossy(&buffer[..read]);
            }
            wanted(&heard).then(|| std::mem::take(&mut heard))
        })
    };
    let both = options(1) + &options(2);
    stream.write_all(both.as_bytes()).expect("sent");
    hear(&mut stream, "two answers to one segment", &|heard| heard.matches("SIP/2.0 200").count() == 2);
    for byte in format!("\r\n\r\n{}", options(3)).as_bytes() {
        stream.write_all(&[*byte]).expect("sent");
    }
    hear(&mut stream, "an answer to single bytes", &|heard| heard.contains("CSeq: 3 OPTIONS\r\n"));
    stream.write_all(b"\r\n\r\n").expect("sent");
    let pong = hear(&mut stream, "the pong", &|heard| !heard.is_empty());
    assert_eq!(pong, "\r\n", "a keepalive is answered by CRLF (RFC 5626 §4.4.1)");
    // A message that has no end is not waited for: the connection is closed, and others are served.
    let head = options(4).replace("Content-Length: 0\r\n\r\n", "");
    let flood = head + &"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(20_000);
    let sent = stream.write_all(flood.as_bytes());
    let closed = wait::until("the connection to be closed", SOON, || {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => Some(true),
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(true),
        }
    });
    assert!(closed, "{sent:?}");
    Wire::new(&server, "9197").call();
}
