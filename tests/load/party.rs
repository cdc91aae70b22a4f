//! Calls that stay: placed and answered, and then left to their audio. They end with the server.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use testkit::ua::Phone;

use super::streams::{Kind, socket};

/// A call is answered in this time.
const SOON: Duration = Duration::from_secs(10);

/// Somebody who places calls.
pub struct Caller {
    phone: Phone,
    server: SocketAddr,
    placed: usize,
}

impl Caller {
    /// For this server, without an account.
    pub fn new(server: SocketAddr) -> Caller {
        Caller { phone: Phone::new(server, "load", None).expect("a phone"), server, placed: 0 }
    }

    /// Calls `number` as `from`; the socket of the call's audio and where that goes.
    pub fn call(&mut self, from: &str, number: &str, kind: Kind) -> (UdpSocket, SocketAddr) {
        self.placed += 1;
        let (own, server, audio) = (self.phone.address(), self.server, socket());
        let (id, body) = (
            format!("{:x}-{}@load", std::process::id(), self.placed),
            kind.description(audio.local_addr().expect("bound").port()),
        );
        let target = format!("sip:{number}@{server}");
        let head = |method: &str, target: &str, to: &str| {
            format!(
                "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}{method};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:{from}@{server}>;tag=load\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: 1 {method}\r\n\
                 Contact: <sip:{from}@{own}>\r\n"
            )
        };
        let to = format!("<{target}>");
        let invite = head("INVITE", &target, &to);
        let invite =
            format!("{invite}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.phone.send_raw(invite.as_bytes()).expect("sent");
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            let Some(message) = self.phone.receive(Duration::from_millis(100)).expect("a socket") else {
                continue;
            };
            if message.header("call-id") != Some(&id) || message.status().is_none_or(|status| status < 200) {
                continue;
            }
            assert_eq!(message.status(), Some(200), "{}", message.start);
            let contact = message.header("contact").and_then(|contact| contact.split(['<', '>']).nth(1));
            let ack = head("ACK", contact.unwrap_or(&target), message.header("to").expect("a To"));
            self.phone.send_raw(format!("{ack}Content-Length: 0\r\n\r\n").as_bytes()).expect("sent");
            return (audio, message.media().expect("an address for audio"));
        }
        panic!("the call to {number} is not answered");
    }
}

/// A registered user who takes every call at once, on a thread of its own that ends with the program.
pub struct Callee(Receiver<(UdpSocket, SocketAddr)>);

impl Callee {
    /// `user` of this server, who speaks `kind`.
    pub fn new(server: SocketAddr, user: &str, password: &str, kind: Kind) -> Callee {
        let mut phone = Phone::new(server, user, Some(password)).expect("a phone");
        assert_eq!(phone.register(3_600).expect("an answer"), 200, "{user} registers");
        let (taken, calls) = mpsc::channel();
        let contact = format!("Contact: <sip:{user}@{}>\r\n", phone.address());
        thread::spawn(move || {
            while let Ok(message) = phone.receive(Duration::from_secs(1)) {
                let Some(message) = message else { continue };
                match message.method() {
                    Some("INVITE") => {
                        let audio = socket();
                        let body = kind.description(audio.local_addr().expect("bound").port());
                        let more = format!("{contact}Content-Type: application/sdp\r\n");
                        let reply = message.reply("200 OK", &more).replace("\r\nto: <", "\r\nTo: <");
                        let reply = tagged(&reply).replace(
                            "Content-Length: 0\r\n\r\n",
                            &format!("Content-Length: {}\r\n\r\n{body}", body.len()),
                        );
                        let _ = phone.send_raw(reply.as_bytes());
                        let Some(media) = message.media() else { continue };
                        if taken.send((audio, media)).is_err() {
                            return;
                        }
                    }
                    Some("ACK") | None => {}
                    Some(_) => {
                        let _ = phone.send_raw(message.reply("200 OK", "").as_bytes());
                    }
                }
            }
        });
        Callee(calls)
    }

    /// The next call that it has taken: the socket of its audio and where that goes.
    pub fn taken(&self) -> (UdpSocket, SocketAddr) {
        self.0.recv_timeout(SOON).expect("a call comes")
    }
}

/// With a tag of ours in To.
fn tagged(reply: &str) -> String {
    let lines = reply.split("\r\n").map(|line| match line.starts_with("To: ") && !line.contains("tag=") {
        true => format!("{line};tag=taken"),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}
