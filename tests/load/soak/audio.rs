//! The audio of a soak's line, kept cheap: a packet now and then, keys as RFC 4733 wants them, and nothing decoded.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};

/// A packet of sound goes out every so many turns of 20 ms.
const EVERY: u64 = 10;
/// Turns of a key: five that say how long it is, three that say that it is over, three between two.
const HELD: u16 = 5;
const ENDS: u16 = 8;
const NEXT: u16 = 11;
const EVENTS: u8 = 101;

/// See the module.
#[derive(Debug)]
pub(super) struct Audio {
    /// Of the shared sockets.
    socket: usize,
    ssrc: u32,
    pub(super) remote: Option<SocketAddr>,
    format: u8,
    sequence: u16,
    turns: u64,
    keys: VecDeque<u8>,
    step: u16,
    event_at: u32,
    /// Packets that came for it.
    pub(super) heard: u64,
}

impl Audio {
    pub(super) fn new(id: usize) -> Audio {
        Audio {
            socket: id,
            ssrc: 0x5000_0000 | id as u32,
            remote: None,
            format: 8,
            sequence: 0,
            turns: 0,
            keys: VecDeque::new(),
            step: 0,
            event_at: 0,
            heard: 0,
        }
    }

    /// Where it listens.
    pub(super) fn port(&self, sockets: &[UdpSocket]) -> u16 {
        sockets[self.socket % sockets.len()].local_addr().expect("bound").port()
    }

    /// Takes the address and the codec of a description, if there is one in this message.
    pub(super) fn connect(&mut self, message: &str) {
        let Some(media) = message.split("\r\nm=audio ").nth(1) else { return };
        let mut words = media.split("\r\n").next().unwrap_or_default().split(' ');
        let port = words.next().and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        self.remote = port.map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
        self.format = words.nth(1).and_then(|format| format.parse().ok()).unwrap_or(8);
    }

    /// Presses keys.
    pub(super) fn press(&mut self, keys: &str) {
        let number = |key| b"0123456789*#".iter().position(|known| *known == key).map(|at| at as u8);
        self.keys.extend(keys.bytes().filter_map(number));
    }

    /// Whether keys are being pressed.
    pub(super) fn presses(&self) -> bool {
        !self.keys.is_empty()
    }

    /// 20 ms pass.
    pub(super) fn turn(&mut self, sockets: &[UdpSocket], silent: bool) {
        self.turns += 1;
        let Some(remote) = self.remote else { return };
        let socket = &sockets[self.socket % sockets.len()];
        let now = (self.turns * 160) as u32;
        if let Some(key) = self.keys.front().copied() {
            if self.step == 0 {
                self.event_at = now;
            }
            if self.step < ENDS {
                let (duration, end) = ((self.step.min(HELD - 1) + 1) * 160, self.step >= HELD);
                let mut packet = self.head(EVENTS | if self.step == 0 { 0x80 } else { 0 }, self.event_at);
                packet.extend([key, if end { 0x8a } else { 0x0a }]);
                packet.extend(duration.to_be_bytes());
                let _ = socket.send_to(&packet, remote);
            }
            self.step += 1;
            if self.step == NEXT {
                self.step = 0;
                self.keys.pop_front();
            }
        } else if !silent && self.turns.is_multiple_of(EVERY) {
            let mut packet = self.head(self.format, now);
            packet.resize(172, 0xd5);
            // Before the far end is there, ICMP says so.
            let _ = socket.send_to(&packet, remote);
        }
    }

    fn head(&mut self, kind: u8, at: u32) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = Vec::with_capacity(172);
        packet.extend([0x80, kind]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(at.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet
    }
}
