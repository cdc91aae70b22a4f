//! A bare caller: an SDP of the test's own, and RTP and RTCP packet by packet, from sockets that the test holds.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::{Pcm, Rate, codec::Codec};
use testkit::ua::{Message, Phone};

use super::capture::Packet;
use crate::wait;

/// The payload type that a line offers for telephone-events.
pub const EVENTS: u8 = 101;

/// See the module.
pub struct Line {
    phone: Phone,
    server: SocketAddr,
    dialog: String,
    /// Where RTP is wanted.
    pub rtp: UdpSocket,
    /// Where RTCP is wanted: the port after it.
    pub rtcp: UdpSocket,
    /// Where the server wants RTP; RTCP goes to the port after it.
    pub media: SocketAddr,
}

/// A datagram to be sent, so long after the beginning.
pub struct Send<'a> {
    /// When.
    pub at: Duration,
    /// From where.
    pub from: &'a UdpSocket,
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

impl Line {
    /// Calls `number` and waits for the answer. The SDP names the RTP socket, or `elsewhere` instead of it.
    pub fn call(server: SocketAddr, number: &str, ptime: u32, elsewhere: Option<u16>) -> Line {
        let phone = Phone::new(server, "line", None).expect("a phone");
        let (rtp, rtcp) = pair();
        let port = elsewhere.unwrap_or_else(|| rtp.local_addr().expect("bound").port());
        let local = phone.address();
        let ip = local.ip();
        let sdp = format!(
            "v=0\r\no=line 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 {EVENTS}\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:{EVENTS} telephone-event/8000\r\na=ptime:{ptime}\r\n"
        );
        let head = |to: &str, cseq: &str, branch: u32| {
            format!(
                "Via: SIP/2.0/UDP {local};branch=z9hG4bKline{branch};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:line@{local}>;tag=1\r\nTo: {to}\r\nCall-ID: line-{local}\r\nCSeq: {cseq}\r\n\
                 Contact: <sip:line@{local}>\r\n"
            )
        };
        let target = format!("sip:{number}@{server}");
        let invite = format!(
            "INVITE {target} SIP/2.0\r\n{}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            head(&format!("<{target}>"), "1 INVITE", 1),
            sdp.len()
        );
        phone.send_raw(invite.as_bytes()).expect("sent");
        let answer: Message = wait::until("the answer", Duration::from_secs(15), || {
            let message = phone.receive(Duration::from_millis(100)).expect("a socket")?;
            message.status().is_some_and(|status| status >= 200).then_some(message)
        });
        assert_eq!(answer.status(), Some(200), "{}", answer.start);
        let media = answer.media().expect("an SDP");
        let to = answer.header("to").expect("To").to_owned();
        let ack = format!("ACK {target} SIP/2.0\r\n{}Content-Length: 0\r\n\r\n", head(&to, "1 ACK", 2));
        phone.send_raw(ack.as_bytes()).expect("sent");
        let dialog = format!("BYE {target} SIP/2.0\r\n{}Content-Length: 0\r\n\r\n", head(&to, "2 BYE", 3));
        Line { phone, server, dialog, rtp, rtcp, media }
    }

    /// Where the server wants RTCP.
    pub fn media_rtcp(&self) -> SocketAddr {
        SocketAddr::new(self.media.ip(), self.media.port() + 1)
    }

    /// Says BYE and waits for its answer.
    pub fn hang_up(&self) {
        self.phone.send_raw(self.dialog.as_bytes()).expect("sent");
        wait::until(&format!("the end of the call to {}", self.server), Duration::from_secs(5), || {
            let message = self.phone.receive(Duration::from_millis(100)).expect("a socket")?;
            (message.cseq_method() == Some("BYE")).then_some(())
        });
    }
}

/// A free port and the one after it, as RFC 3550 §11 has them.
fn pair() -> (UdpSocket, UdpSocket) {
    loop {
        let rtp = socket();
        let port = rtp.local_addr().expect("bound").port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1))
        {
            rtcp.set_nonblocking(true).expect("a socket");
            return (rtp, rtcp);
        }
    }
}

/// A socket on a free port of loopback.
pub fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_nonblocking(true).expect("a socket");
    socket
}

/// `sound` as PCMU packets of 20 ms.
pub fn packets(sound: &Pcm, ssrc: u32, sequence: u16, timestamp: u32) -> Vec<Vec<u8>> {
    let samples = sound.resampled(Rate(8000)).samples;
    let packet = |(n, chunk): (usize, &[i16])| {
        let mut payload = [0xff; 160];
        Codec::Pcmu.encode(chunk, &mut payload);
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.wrapping_add(n as u16).to_be_bytes());
        packet.extend(timestamp.wrapping_add(160 * n as u32).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(payload);
        packet
    };
    samples.chunks(160).enumerate().map(packet).collect()
}

/// `packets`, one every 20 ms from `start` on.
pub fn steadily(packets: Vec<Vec<u8>>, start: Duration, from: &UdpSocket, to: SocketAddr) -> Vec<Send<'_>> {
    let at = |n: usize| start + Duration::from_millis(20) * n as u32;
    packets.into_iter().enumerate().map(|(n, bytes)| Send { at: at(n), from, to, bytes }).collect()
}

/// Sends what is to be sent and listens with `ears` for `time`; what each ear heard, with its time.
pub fn exchange(time: Duration, mut sends: Vec<Send<'_>>, ears: &[&UdpSocket]) -> Vec<Vec<(f64, Vec<u8>)>> {
    sends.sort_by_key(|send| send.at);
    let mut sends = sends.into_iter().peekable();
    let mut heard = vec![Vec::new(); ears.len()];
    let begun = Instant::now();
    let mut buffer = [0; 2_048];
    while begun.elapsed() < time {
        while let Some(send) = sends.next_if(|send| send.at <= begun.elapsed()) {
            // A server that has closed its port answers by ICMP, which is the next send's error.
            let _ = send.from.send_to(&send.bytes, send.to);
        }
        for (ear, heard) in ears.iter().zip(&mut heard) {
            while let Ok(length) = ear.recv(&mut buffer) {
                heard.push((begun.elapsed().as_secs_f64(), buffer[..length].to_vec()));
            }
        }
        let next = sends.peek().map_or(time, |send| send.at).min(time);
        wait::readable(ears.iter().copied(), next.saturating_sub(begun.elapsed()));
    }
    heard
}

/// The RTP among datagrams.
pub fn rtp(heard: &[(f64, Vec<u8>)]) -> Vec<Packet> {
    heard.iter().filter_map(|(at, bytes)| Packet::parse(*at, bytes)).collect()
}
