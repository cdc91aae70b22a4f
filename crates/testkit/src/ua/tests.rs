//! The phone against a switch of a few lines: digest, media both ways, keys, and both ways of hanging up.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use audio::codec::Codec;

use super::script::{Event, Script, ScriptError};
use super::*;

/// What the few lines do with a call.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Ask for a password, answer, speak for half a second, and wait to be hung up on.
    Answer,
    /// Answer, speak, and hang up.
    HangUp,
    /// Refuse.
    Busy,
}

/// The events of the keys that came, and the methods of the requests.
type Seen = (Vec<u8>, Vec<String>);

/// Starts the switch for one call; its address, and what it saw when the call is over.
fn switch(manner: Manner) -> (SocketAddr, mpsc::Receiver<Seen>) {
    let sip = UdpSocket::bind("127.0.0.1:0").unwrap();
    sip.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let address = sip.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let outcome = serve(&sip, manner);
        // A test that has failed already does not listen any more.
        let _ = tell.send(outcome);
    });
    (address, told)
}

fn serve(sip: &UdpSocket, manner: Manner) -> Seen {
    let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
    rtp.set_nonblocking(true).unwrap();
    let (mut events, mut requests) = (Vec::new(), Vec::new());
    let mut media: Option<SocketAddr> = None;
    let (mut sequence, mut invite) = (0_u16, None);
    let mut next = Instant::now();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut buffer = [0; 4096];
    while Instant::now() < deadline {
        if let Ok((length, from)) = sip.recv_from(&mut buffer) {
            let message = Message::parse(&buffer[..length]).unwrap();
            let Some(method) = message.method() else {
                // The answer to our BYE.
                return (events, requests);
            };
            requests.push(method.to_owned());
            let reply = match method {
                "REGISTER" | "INVITE"
                    if manner == Manner::Answer && message.header("authorization").is_none() =>
                {
                    let challenge = "WWW-Authenticate: Digest realm=\"test\", nonce=\"abc\", algorithm=SHA-256, qop=\"auth\"\r\n";
                    message.reply("401 Unauthorized", challenge)
                }
                "INVITE" if manner == Manner::Busy => message.reply("486 Busy Here", ""),
                "INVITE" => {
                    media = message.media();
                    next = Instant::now();
                    let sdp = format!(
                        "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {} RTP/AVP 0\r\n",
                        rtp.local_addr().unwrap().port()
                    );
                    let head = message.reply("200 OK", "Contact: <sip:switch@127.0.0.1>\r\n");
                    invite = Some((message.clone(), from));
                    head.replace(
                        "Content-Length: 0\r\n\r\n",
                        &format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()),
                    )
                }
                "ACK" if manner == Manner::Busy => return (events, requests),
                "ACK" => continue,
                _ => message.reply("200 OK", ""),
            };
            sip.send_to(reply.as_bytes(), from).unwrap();
            if method == "BYE" {
                return (events, requests);
            }
        }
        while let Ok((length, _)) = rtp.recv_from(&mut buffer) {
            if buffer[1] & 0x7f == stream::EVENTS && length >= 16 && !events.contains(&buffer[12]) {
                events.push(buffer[12]);
            }
        }
        while let Some(to) = media.filter(|_| next <= Instant::now()) {
            next += Duration::from_millis(20);
            // Half a second of 400 Hz, then silence.
            let wave = |n: usize| ((n as f64 * 400.0 / 8000.0 * std::f64::consts::TAU).sin() * 8000.0) as i16;
            let samples: Vec<i16> = (0..160).map(|n| if sequence < 25 { wave(n) } else { 0 }).collect();
            let mut packet = vec![0x80, 0];
            packet.extend(sequence.to_be_bytes());
            packet.extend((u32::from(sequence) * 160).to_be_bytes());
            packet.extend([0; 4]);
            packet.extend([0; 160]);
            Codec::Pcmu.encode(&samples, &mut packet[12..]);
            // The phone may have closed its port.
            let _ = rtp.send_to(&packet, to);
            sequence += 1;
        }
        if let (Some((message, from)), true) = (&invite, manner == Manner::HangUp && sequence == 60) {
            let bye = format!(
                "BYE sip:phone SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
                message.header("call-id").unwrap()
            );
            sip.send_to(bye.as_bytes(), from).unwrap();
            sequence += 1;
        }
    }
    panic!("no call within its time");
}

#[test]
fn a_script_registers_calls_listens_and_presses() {
    let (server, told) = switch(Manner::Answer);
    let mut phone = Phone::new(server, "alice", Some("secret")).unwrap();
    assert_eq!(phone.register(60).unwrap(), 200);
    let script: Script = "wait-speech 5s; wait-speech-end 300ms 5s; press 1#; hangup".parse().unwrap();
    let mut events = Vec::new();
    let heard = script.run(&mut phone, "100", |_, event| events.push(event)).unwrap();
    assert_eq!(events.first(), Some(&Event::Answered));
    assert_eq!((events.len(), events.last()), (5, Some(&Event::HungUp)));
    let pcm = heard.pcm();
    assert!((crate::ear::sounding(&pcm) - 0.5).abs() < 0.1, "{}", crate::ear::sounding(&pcm));
    assert!((crate::ear::pitch(&pcm).unwrap() - 400.0).abs() < 8.0);
    assert_eq!(heard.lost, 0);
    assert!(heard.spacing_at(0.5).unwrap() < Duration::from_millis(60));
    let (keys, requests) = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(keys, [1, 11]);
    let expected = ["REGISTER", "REGISTER", "INVITE", "ACK", "INVITE", "ACK", "BYE"];
    assert_eq!(requests, expected);
}

#[test]
fn the_far_end_may_hang_up_first() {
    let (server, told) = switch(Manner::HangUp);
    let mut phone = Phone::new(server, "bob", None).unwrap();
    let script: Script = "wait-bye 10s; listen 1s".parse().unwrap();
    let mut events = Vec::new();
    script.run(&mut phone, "100", |_, event| events.push(event)).unwrap();
    assert!(events.contains(&Event::FarEndHungUp));
    assert!(told.recv_timeout(Duration::from_secs(5)).is_ok());
}

#[test]
fn a_key_for_a_call_that_is_over_is_too_late() {
    let (server, _told) = switch(Manner::HangUp);
    let mut phone = Phone::new(server, "bob", None).unwrap();
    let script: Script = "wait-bye 10s; press 1".parse().unwrap();
    let outcome = script.run(&mut phone, "100", |_, _| {});
    assert!(matches!(outcome, Err(ScriptError::Over(_))), "{outcome:?}");
}

#[test]
fn a_refusal_has_its_status() {
    let (server, told) = switch(Manner::Busy);
    let mut phone = Phone::new(server, "bob", None).unwrap();
    let outcome = phone.call("100", Offer::Early, Duration::from_secs(5));
    assert!(matches!(outcome, Err(PhoneError::Refused(486, _))));
    let (_, requests) = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(requests, ["INVITE", "ACK"]);
}
