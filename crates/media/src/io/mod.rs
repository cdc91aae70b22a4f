//! How a worker reaches its sockets.
//!
//! The trait is drawn so that a backend may batch: everything received for a slot can be fetched in `begin`,
//! everything sent in it can leave in `flush`.
//! [`uring::Uring`] does; [`poll::SocketPoll`] asks each socket in turn; tests use a scripted network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

mod memory;
pub(crate) mod poll;
#[cfg(test)]
pub(crate) mod scripted;
pub(crate) mod stamp;
pub(crate) mod uring;
mod watch;

/// Which backend carries packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IoMode {
    /// io_uring where the system lets us, else the other.
    #[default]
    Auto,
    /// io_uring; where the system does not let us, the other, and a warning.
    Uring,
    /// A system call for each packet.
    Poll,
}

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
    /// How long before the slot's time it came, as far as the kernel told; zero for what came after it.
    pub(crate) waited: Duration,
    /// It came so long ago that nothing is to be measured by it; it seems to have waited for no time then.
    pub(crate) stale: bool,
}

/// The network as a worker sees it. Legs are named by their place at the worker.
pub(crate) trait Io {
    /// What a leg's sockets come in.
    type Ports;

    /// That nothing waits for a leg is known without asking the system.
    const TELLS_OF_EMPTY: bool = false;

    /// Take a leg's sockets. `ports` come back if the place is taken, which is a mistake of the caller.
    fn attach(&mut self, place: usize, ports: Self::Ports) -> Result<(), Self::Ports>;

    /// Give them back.
    fn detach(&mut self, place: usize) -> Option<Self::Ports>;

    /// Receive nothing more by this leg's RTP socket: it moves. How many datagrams wait for it here and not in its socket;
    /// `None` if it goes on receiving, and has to stay.
    fn drain(&mut self, place: usize) -> Option<usize> {
        let _ = place;
        Some(0)
    }

    /// Receive by this leg's RTP socket only what comes from `peer`, which was `told` one of our addresses, and send there
    /// without looking up the way; whether that is so now.
    fn connect(&mut self, place: usize, peer: SocketAddr, told: Option<IpAddr>) -> bool {
        let _ = (place, peer, told);
        false
    }

    /// Receive from anybody again.
    fn disconnect(&mut self, place: usize) {
        let _ = place;
    }

    /// A slot begins, so much later than its time.
    fn begin(&mut self, late: Duration) {
        let _ = late;
    }

    /// This leg's turn is near.
    fn expect(&self, place: usize) {
        let _ = place;
    }

    /// One datagram into `buffer`; `None` if none waits.
    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received>;

    /// Send a datagram. `false` if the system refused it.
    fn send(&mut self, place: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool;

    /// The slot ends.
    fn flush(&mut self) {}

    /// Wake for what this leg's RTP socket receives, or no more; whether that is so now.
    fn watch(&mut self, place: usize, on: bool) -> bool {
        let _ = (place, on);
        false
    }

    /// Whether any socket is watched.
    fn is_watching(&self) -> bool {
        false
    }

    /// Wait until watched sockets have received something, which are then in `ready`, for so long at most.
    fn wait(&mut self, span: Duration, ready: &mut Vec<u32>) {
        let _ = (span, ready);
    }

    /// How many datagrams, since this was last asked, were refused by the system after `send` had taken them.
    fn refused(&mut self) -> u64 {
        0
    }

    /// How often a socket had to wait for a buffer to receive into, in all.
    fn starved(&self) -> u64 {
        0
    }
}
