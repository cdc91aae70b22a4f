//! A caller who writes its SIP by hand, for what no phone does on purpose.
//!
//! Owns one UDP socket and the text of one dialog; each test says itself what it sends and what must come back.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use testkit::ua::{Message, Phone};
use tests::server::Server;
use tests::wait;

/// How long an answer may take.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// One dialog's caller.
pub(crate) struct Wire {
    phone: Phone,
    media: UdpSocket,
    name: String,
    target: String,
    /// The To of the next request; with the far end's tag once there is one.
    pub(crate) to: String,
    branches: u32,
}

impl Wire {
    /// A caller to `number`; nothing is sent yet.
    pub(crate) fn new(server: &Server, number: &str) -> Wire {
        let phone = Phone::new(server.sip, "wire", None).expect("a phone");
        let media = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let target = server.uri(number);
        let name = format!("wire-{}-{}", phone.address().port(), std::process::id());
        Wire { phone, media, name, to: format!("<{target}>"), target, branches: 0 }
    }

    /// An offer of PCMU, and telephone-event at 96.
    pub(crate) fn offer(&self) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n",
            self.media_port()
        )
    }

    /// Where the caller's audio is wanted.
    pub(crate) fn media_port(&self) -> u16 {
        self.media.local_addr().expect("bound").port()
    }

    /// Where the caller's SIP comes from.
    pub(crate) fn address(&self) -> SocketAddr {
        self.phone.address()
    }

    /// The Call-ID.
    pub(crate) fn call_id(&self) -> &str {
        &self.name
    }

    /// A branch that was not used before.
    pub(crate) fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK{}-{}", self.name, self.branches)
    }

    /// A request of the dialog with these further headers (each ended by CRLF) and this SDP, on `branch`.
    pub(crate) fn request(&self, method: &str, cseq: u32, branch: &str, more: &str, body: &str) -> String {
        let kind = if body.is_empty() || more.contains("Content-Type") {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:wire@{local}>;tag={name}\r\nTo: {to}\r\nCall-ID: {name}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:wire@{local}>\r\n{more}{kind}Content-Length: {length}\r\n\r\n{body}",
            target = self.target,
            local = self.address(),
            name = self.name,
            to = self.to,
            length = body.len(),
        )
    }

    /// Sends text as one datagram.
    pub(crate) fn send(&self, text: &str) {
        self.phone.send_raw(text.as_bytes()).expect("sent");
    }

    /// Sends a request on a branch of its own.
    pub(crate) fn ask(&mut self, method: &str, cseq: u32, more: &str, body: &str) {
        let branch = self.branch();
        self.send(&self.request(method, cseq, &branch, more, body));
    }

    /// The next message that `wanted` accepts; others are dropped.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        wait::until(what, SOON, || {
            self.phone.receive(Duration::from_millis(100)).expect("a socket").filter(&wanted)
        })
    }

    /// The final response to `method`.
    pub(crate) fn answered(&self, method: &str) -> Message {
        self.wait_for(&format!("the answer to {method}"), |message| {
            message.status().is_some_and(|status| status >= 200) && message.cseq_method() == Some(method)
        })
    }

    /// Everything that comes within `time`.
    pub(crate) fn all(&self, time: Duration) -> Vec<Message> {
        let end = std::time::Instant::now() + time;
        let mut out = Vec::new();
        while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
            out.extend(self.phone.receive(left).expect("a socket"));
        }
        out
    }

    /// Takes the far end's tag and Contact from its 200, as the dialog's later requests need them.
    pub(crate) fn enter(&mut self, answer: &Message) {
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        answer.header("to").expect("a To").clone_into(&mut self.to);
        let contact = answer.header("contact").expect("a Contact");
        let uri = contact.split(['<', '>']).nth(1).expect("a URI in brackets");
        uri.clone_into(&mut self.target);
    }

    /// INVITE, 200, ACK.
    pub(crate) fn call(&mut self) -> Message {
        let offer = self.offer();
        self.ask("INVITE", 1, "", &offer);
        let answer = self.answered("INVITE");
        self.enter(&answer);
        self.ask("ACK", 1, "", "");
        answer
    }

    /// BYE and its answer.
    pub(crate) fn hang_up(&mut self, cseq: u32) {
        self.ask("BYE", cseq, "", "");
        assert_eq!(self.answered("BYE").status(), Some(200));
    }

    /// Sends an RTP packet from the caller's media port.
    pub(crate) fn rtp(&self, to: SocketAddr, kind: u8, sequence: u16, timestamp: u32, payload: &[u8]) {
        let mut packet = vec![0x80, kind];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend(payload);
        self.media.send_to(&packet, to).expect("sent");
    }
}
