//! How a worker reaches its sockets.
//!
//! The trait is drawn so that a backend may batch: everything received for a slot can be fetched in `begin`,
//! everything sent in it can leave in `flush`.
//! [`poll::SocketPoll`] does neither and asks each socket in turn; tests use a scripted network.

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) mod poll;
#[cfg(test)]
pub(crate) mod scripted;
pub(crate) mod stamp;

/// Which of a leg's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Rtp,
    Rtcp,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) from: SocketAddr,
    /// How long it waited, as far as that is known; RTP is read soon enough not to ask.
    pub(crate) waited: Duration,
}

/// The network as a worker sees it. Legs are named by their place at the worker.
pub(crate) trait Io {
    /// What a leg's sockets come in.
    type Ports;

    /// Take a leg's sockets. `ports` come back if the place is taken, which is a mistake of the caller.
    fn attach(&mut self, place: usize, ports: Self::Ports) -> Result<(), Self::Ports>;

    /// Give them back.
    fn detach(&mut self, place: usize) -> Option<Self::Ports>;

    /// A slot begins.
    fn begin(&mut self) {}

    /// One datagram into `buffer`; `None` if none waits.
    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received>;

    /// Send a datagram. `false` if the system refused it.
    fn send(&mut self, place: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool;

    /// The slot ends.
    fn flush(&mut self) {}
}
