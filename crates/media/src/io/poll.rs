//! The portable backend: each socket is asked at its slot, one datagram a system call.
//!
//! Sockets are not connected to their peers, which would save a tenth (a route is looked up for each packet):
//! one bound to every address would then take packets only for the address that *our* route to the peer begins
//! with, and on a host with several addresses that need not be the one in the SDP.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::watch::Watch;
use super::{Channel, Io, Received, stamp};
use crate::clock;
use crate::port::Ports;

/// Owns the sockets of a worker's legs.
pub(crate) struct SocketPoll {
    ports: Vec<Option<Ports>>,
    /// The time since 1970 at the slot's time.
    wall: Duration,
    watch: Watch,
}

impl SocketPoll {
    /// For so many legs.
    pub(crate) fn new(places: usize) -> SocketPoll {
        SocketPoll { ports: (0..places).map(|_| None).collect(), wall: Duration::ZERO, watch: Watch::new() }
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
        let ports = self.ports.get_mut(place)?.take()?;
        if !self.watch.is_empty() {
            // Most are not watched, which does no harm.
            self.watch.remove(ports.rtp().as_raw_fd());
        }
        Some(ports)
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
        self.socket(place, channel).is_some_and(|socket| socket.send_to(datagram, to).is_ok())
    }
}
