//! The portable backend: each socket is asked at its slot, one datagram a system call.
//!
//! What is to be sent is collected and sent some dozens at a time: what the kernel does to receive and what it does to
//! send do not fit into the processor's cache of instructions together.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::watch::Watch;
use super::{Channel, Io, Received, stamp};
use crate::clock;
use crate::port::Ports;

/// Datagrams sent together, and the room of each. Longer ones go at once.
const BATCH: usize = 64;
const ROOM: usize = 256;

/// A datagram on its way out.
struct Leaving {
    place: u32,
    to: SocketAddr,
    len: u16,
    bytes: [u8; ROOM],
}

/// Owns the sockets of a worker's legs.
pub(crate) struct SocketPoll {
    ports: Vec<Option<Ports>>,
    outbox: Vec<Leaving>,
    /// Datagrams that the system refused after they had been taken.
    failures: u64,
    /// The time since 1970 at the slot's time.
    wall: Duration,
    watch: Watch,
}

impl SocketPoll {
    /// For so many legs.
    pub(crate) fn new(places: usize) -> SocketPoll {
        SocketPoll {
            ports: (0..places).map(|_| None).collect(),
            outbox: Vec::with_capacity(BATCH),
            failures: 0,
            wall: Duration::ZERO,
            watch: Watch::new(),
        }
    }

    fn socket(&self, place: usize, channel: Channel) -> Option<&UdpSocket> {
        let ports = self.ports.get(place)?.as_ref()?;
        Some(match channel {
            Channel::Rtp => ports.rtp(),
            Channel::Rtcp => ports.rtcp(),
        })
    }
}

impl Io for SocketPoll {
    type Ports = Ports;

    fn attach(&mut self, place: usize, ports: Ports) -> Result<(), Ports> {
        match self.ports.get_mut(place) {
            Some(free @ None) => {
                *free = Some(ports);
                Ok(())
            }
            _ => Err(ports),
        }
    }

    fn detach(&mut self, place: usize) -> Option<Ports> {
        self.flush();
        let ports = self.ports.get_mut(place)?.take()?;
        if !self.watch.is_empty() {
            // Most are not watched, which does no harm.
            self.watch.remove(ports.rtp().as_raw_fd());
        }
        Some(ports)
    }

    fn connect(&mut self, place: usize, peer: SocketAddr, told: Option<IpAddr>) -> bool {
        let ports = self.ports.get_mut(place).and_then(Option::as_mut);
        ports.is_some_and(|ports| ports.connect(peer, told))
    }

    fn disconnect(&mut self, place: usize) {
        self.ports.get_mut(place).and_then(Option::as_mut).into_iter().for_each(Ports::disconnect);
    }

    fn watch(&mut self, place: usize, on: bool) -> bool {
        let Some(socket) = self.socket(place, Channel::Rtp).map(AsRawFd::as_raw_fd) else { return false };
        if on {
            return self.watch.add(socket, place as u32);
        }
        self.watch.remove(socket);
        false
    }

    fn is_watching(&self) -> bool {
        !self.watch.is_empty()
    }

    fn wait(&mut self, span: Duration, ready: &mut Vec<u32>) {
        self.watch.wait(span, ready);
        self.wall = clock::wall();
    }

    fn begin(&mut self, late: Duration) {
        self.wall = clock::wall().saturating_sub(late);
    }

    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received> {
        stamp::next(self.socket(place, channel)?, self.wall, buffer)
    }

    fn send(&mut self, place: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let fits = channel == Channel::Rtp && datagram.len() <= ROOM;
        // None overtakes another.
        if self.outbox.len() == BATCH || (channel == Channel::Rtp && !fits) {
            self.flush();
        }
        let Some(ports) = self.ports.get(place).and_then(Option::as_ref) else { return false };
        match channel {
            Channel::Rtcp => return ports.rtcp().send_to(datagram, to).is_ok(),
            Channel::Rtp if !fits => return ports.send(to, datagram).is_ok(),
            Channel::Rtp => {}
        }
        let mut leaving = Leaving { place: place as u32, to, len: datagram.len() as u16, bytes: [0; ROOM] };
        leaving.bytes[..datagram.len()].copy_from_slice(datagram);
        self.outbox.push(leaving);
        true
    }

    fn flush(&mut self) {
        for Leaving { place, to, len, bytes } in &self.outbox {
            let ports = self.ports.get(*place as usize).and_then(Option::as_ref);
            let sent = ports.is_some_and(|ports| ports.send(*to, &bytes[..usize::from(*len)]).is_ok());
            self.failures += u64::from(!sent);
        }
        self.outbox.clear();
    }

    fn refused(&mut self) -> u64 {
        std::mem::take(&mut self.failures)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;
    use crate::port::Pool;

    #[test]
    fn what_is_sent_leaves_together_and_in_order() {
        let pool = Arc::new(Pool::new(26_300..=26_303, Ipv4Addr::LOCALHOST.into(), None).unwrap());
        let mut io = SocketPoll::new(2);
        io.attach(0, pool.reserve(clock::now()).unwrap()).unwrap();
        let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        phone.set_nonblocking(true).unwrap();
        let to = phone.local_addr().unwrap();
        let heard = || {
            let mut buffer = [0; 2_048];
            let one = || phone.recv(&mut buffer).ok().map(|len| (buffer[0], len));
            std::iter::from_fn(one).collect::<Vec<_>>()
        };
        for n in 0..3 {
            assert!(io.send(0, Channel::Rtp, to, &[n; 172]));
        }
        assert_eq!(heard(), []);
        io.flush();
        assert_eq!(heard(), [(0, 172), (1, 172), (2, 172)]);
        // One that has no room takes those before it along; so does one too many.
        assert!(io.send(0, Channel::Rtp, to, &[3; 172]) && io.send(0, Channel::Rtp, to, &[4; 1_000]));
        assert_eq!(heard(), [(3, 172), (4, 1_000)]);
        assert!((0..=BATCH as u8).all(|n| io.send(0, Channel::Rtp, to, &[n; 20])));
        assert_eq!(heard(), (0..BATCH as u8).map(|n| (n, 20)).collect::<Vec<_>>());
        // Whoever leaves has said all he said.
        drop(io.detach(0));
        assert_eq!(heard(), [(BATCH as u8, 20)]);
        assert!(!io.send(0, Channel::Rtp, to, &[0; 20]));
        assert_eq!(io.refused(), 0);
        pool.close();
    }

    #[test]
    fn what_the_system_refuses_is_counted() {
        let pool = Arc::new(Pool::new(26_304..=26_307, Ipv4Addr::LOCALHOST.into(), None).unwrap());
        let mut io = SocketPoll::new(1);
        io.attach(0, pool.reserve(clock::now()).unwrap()).unwrap();
        // A socket of IPv4 sends nothing to IPv6.
        assert!(io.send(0, Channel::Rtp, "[::1]:9".parse().unwrap(), &[0; 20]));
        io.flush();
        assert_eq!((io.refused(), io.refused()), (1, 0));
        pool.close();
    }
}
