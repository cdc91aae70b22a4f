//! The UDP sockets that stand for many phones.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::wait::readable;

/// How many there are; each has a receive buffer of its own.
pub(super) const SOCKETS: usize = 8;
/// Longest wait for the server while nothing is due of ours.
pub(super) const TURN: Duration = Duration::from_micros(200);

/// Sockets on loopback that speak to one server. The phone of number `n` has the socket `n` modulo [`SOCKETS`].
pub(super) struct Sockets {
    server: SocketAddr,
    sockets: Vec<(UdpSocket, SocketAddr)>,
}

impl Sockets {
    pub(super) fn new(server: SocketAddr) -> Sockets {
        let socket = |_| {
            let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            let address = socket.local_addr().expect("bound");
            (socket, address)
        };
        Sockets { server, sockets: (0..SOCKETS).map(socket).collect() }
    }

    pub(super) fn address(&self, phone: usize) -> SocketAddr {
        self.sockets[phone % SOCKETS].1
    }

    pub(super) fn send(&self, phone: usize, message: &str) {
        // What a full buffer loses is a failure, counted at the end.
        let _ = self.sockets[phone % SOCKETS].0.send_to(message.as_bytes(), self.server);
    }

    /// Waits until the server sent something, and `limit` at most.
    pub(super) fn wait(&self, limit: Duration) {
        readable(self.sockets.iter().map(|(socket, _)| socket), limit);
    }

    /// The length of what the server sent, if anything waits.
    pub(super) fn receive(&self, socket: usize, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match self.sockets[socket].0.recv_from(buffer) {
                Ok((length, from)) if from == self.server => return Some(length),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                // ICMP errors: the server's socket is gone, and nothing will be answered.
                Err(_) => {}
            }
        }
    }
}
