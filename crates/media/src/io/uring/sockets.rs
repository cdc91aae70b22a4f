//! The ring as a worker uses it.

use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::Uring;
use crate::clock;
use crate::io::{Channel, Io, Received, stamp};
use crate::port::Ports;

impl Io for Uring {
    type Ports = Ports;

    const TELLS_OF_EMPTY: bool = true;

    fn attach(&mut self, at: usize, ports: Ports) -> Result<(), Ports> {
        let Some(free @ None) = self.ports.get_mut(at) else { return Err(ports) };
        let (rtp, peer) = (ports.rtp().as_raw_fd(), ports.peer());
        *free = Some(ports);
        self.hold(at, rtp, peer);
        Ok(())
    }

    fn detach(&mut self, at: usize) -> Option<Ports> {
        let ports = self.ports.get_mut(at)?.take()?;
        let place = self.places.get_mut(at)?;
        let (name, armed) = (place.name(at), place.armed);
        while let Some(buffer) = place.take(&self.store) {
            self.store.give_back(buffer);
        }
        place.generation = place.generation.wrapping_add(1);
        self.watched -= usize::from(mem::take(&mut place.watched));
        place.armed = false;
        place.rtp = -1;
        place.peer = None;
        self.legs -= 1;
        if armed {
            self.cancel(name);
        }
        // From here on no request names the sockets that the kernel has not seen, and it holds those that it has seen.
        self.submit();
        Some(ports)
    }

    fn drain(&mut self, at: usize) -> Option<usize> {
        let place = self.places.get(at).filter(|place| place.rtp >= 0)?;
        if place.armed {
            let name = place.name(at);
            self.cancel(name);
            self.submit();
            // What it brought before its end comes with that.
            self.gather();
        }
        let place = self.places.get(at)?;
        (!place.armed).then_some(place.held.into())
    }

    fn connect(&mut self, at: usize, peer: SocketAddr, told: Option<IpAddr>) -> bool {
        let ports = self.ports.get_mut(at).and_then(Option::as_mut);
        let (Some(ports), Some(place)) = (ports, self.places.get_mut(at)) else { return false };
        let connected = ports.connect(peer, told);
        place.peer = ports.peer();
        connected
    }

    fn disconnect(&mut self, at: usize) {
        // What is said to the peer without its name goes before.
        self.submit();
        if let Some(place) = self.places.get_mut(at) {
            place.peer = None;
        }
        self.ports.get_mut(at).and_then(Option::as_mut).into_iter().for_each(Ports::disconnect);
    }

    fn watch(&mut self, at: usize, on: bool) -> bool {
        let Some(place) = self.places.get_mut(at).filter(|place| place.rtp >= 0) else { return false };
        self.watched += usize::from(on);
        self.watched -= usize::from(mem::replace(&mut place.watched, on));
        if place.held > 0 {
            place.tell(at, &mut self.arrived);
        }
        on
    }

    fn is_watching(&self) -> bool {
        self.watched > 0
    }

    fn wait(&mut self, span: Duration, ready: &mut Vec<u32>) {
        if self.arrived.is_empty() && !self.has_more() {
            self.linger(span);
        }
        self.wall = clock::wall();
        self.gather();
        ready.clear();
        mem::swap(ready, &mut self.arrived);
        for at in ready.iter() {
            if let Some(place) = self.places.get_mut(*at as usize) {
                place.told = false;
            }
        }
    }

    fn begin(&mut self, late: Duration) {
        self.wall = clock::wall().saturating_sub(late);
        self.gather();
    }

    fn expect(&self, at: usize) {
        if let Some(place) = self.places.get(at).filter(|place| place.held > 0) {
            self.store.fetch(place.head);
        }
    }

    fn receive(&mut self, at: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received> {
        match channel {
            Channel::Rtp => self.receive_rtp(at, buffer),
            Channel::Rtcp => stamp::next(self.ports.get(at)?.as_ref()?.rtcp(), self.wall, buffer),
        }
    }

    fn send(&mut self, at: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        match channel {
            Channel::Rtp => self.send_rtp(at, to, datagram),
            Channel::Rtcp => {
                let ports = self.ports.get(at).and_then(Option::as_ref);
                ports.is_some_and(|ports| ports.rtcp().send_to(datagram, to).is_ok())
            }
        }
    }

    fn flush(&mut self) {
        self.provide();
        self.arm();
        self.submit();
    }

    fn refused(&mut self) -> u64 {
        mem::take(&mut self.failures)
    }

    fn starved(&self) -> u64 {
        self.exhausted
    }
}
