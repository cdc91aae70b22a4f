//! The portable backend: each socket is asked at its slot, one datagram a system call.
//!
//! Sockets are not connected to their peers, which would save a tenth (a route is looked up for each packet):
//! one bound to every address would then take packets only for the address that *our* route to the peer begins
//! with, and on a host with several addresses that need not be the one in the SDP.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::{Channel, Io, Received, stamp};
use crate::port::Ports;

/// Owns the sockets of a worker's legs.
pub(crate) struct SocketPoll {
    ports: Vec<Option<Ports>>,
}

impl SocketPoll {
    /// For so many legs.
    pub(crate) fn new(places: usize) -> SocketPoll {
        SocketPoll { ports: (0..places).map(|_| None).collect() }
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
        self.ports.get_mut(place)?.take()
    }

    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received> {
        let socket = self.socket(place, channel)?;
        // Errors that an ICMP message left behind are no datagrams: ask again, a few times at most.
        for _ in 0..4 {
            let received = match channel {
                Channel::Rtp => socket.recv_from(buffer).map(|(len, from)| (len, from, Duration::ZERO)),
                Channel::Rtcp => stamp::receive(socket, buffer),
            };
            match received {
                Ok((len, from, waited)) => return Some(Received { len, from, waited }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(_) => {}
            }
        }
        None
    }

    fn send(&mut self, place: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        self.socket(place, channel).is_some_and(|socket| socket.send_to(datagram, to).is_ok())
    }
}
