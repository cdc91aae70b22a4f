//! A network for tests: what arrives is put in by hand, what leaves is kept with its time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::clock;

use super::{Channel, Io, Received, stamp};

/// What left: the slot's number as counted here, channel, address and bytes.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) slot: u64,
    pub(crate) channel: Channel,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// With the count of slots before it came: it comes right before the next.
type Queue = VecDeque<(SocketAddr, Vec<u8>, u64)>;

/// The scripted network. Its ports are just numbers.
pub(crate) struct Scripted {
    /// By place and whether it is RTP.
    pub(crate) waiting: HashMap<(usize, bool), Queue>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) attached: HashMap<usize, u16>,
    pub(crate) refuse: bool,
    /// How long everything waited beside the slots since it came.
    pub(crate) waited: Duration,
    /// A leg that makes us stumble.
    pub(crate) trap: Option<usize>,
    /// So many datagrams of each leg are out of its socket before its turn, as with io_uring; `None`: it cannot be stopped.
    pub(crate) taken: Option<usize>,
    /// Those of the leg that is leaving; who goes without having read them loses them.
    drained: usize,
    /// Calls to `receive`.
    pub(crate) asked: u64,
    /// Whom places are connected to, where the system does that; nothing is held back for it.
    pub(crate) connected: HashMap<usize, SocketAddr>,
    pub(crate) connects: bool,
    /// Watched places.
    pub(crate) watched: HashSet<usize>,
    slots: u64,
}

impl Default for Scripted {
    fn default() -> Scripted {
        Scripted {
            waiting: HashMap::new(),
            sent: Vec::new(),
            attached: HashMap::new(),
            refuse: false,
            waited: Duration::ZERO,
            trap: None,
            taken: Some(0),
            drained: 0,
            asked: 0,
            connected: HashMap::new(),
            connects: true,
            watched: HashSet::new(),
            slots: 0,
        }
    }
}

impl Scripted {
    /// Let a datagram wait on a socket.
    pub(crate) fn arrive(&mut self, place: usize, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        let queue = self.waiting.entry((place, channel == Channel::Rtp)).or_default();
        queue.push_back((from, bytes.to_vec(), self.slots));
    }
}

impl Io for Scripted {
    type Ports = u16;

    fn attach(&mut self, place: usize, ports: u16) -> Result<(), u16> {
        self.attached.insert(place, ports);
        Ok(())
    }

    fn detach(&mut self, place: usize) -> Option<u16> {
        for _ in 0..std::mem::take(&mut self.drained) {
            self.waiting.get_mut(&(place, true))?.pop_front()?;
        }
        self.watched.remove(&place);
        self.attached.remove(&place)
    }

    fn drain(&mut self, place: usize) -> Option<usize> {
        let waiting = self.waiting.get(&(place, true)).map_or(0, VecDeque::len);
        self.drained = self.taken?.min(waiting);
        Some(self.drained)
    }

    fn connect(&mut self, place: usize, peer: SocketAddr, _told: Option<IpAddr>) -> bool {
        if self.connects {
            self.connected.insert(place, peer);
        }
        self.connects
    }

    fn disconnect(&mut self, place: usize) {
        assert!(self.connected.remove(&place).is_some(), "{place} was not connected");
    }

    fn watch(&mut self, place: usize, on: bool) -> bool {
        match on {
            true => self.watched.insert(place),
            false => self.watched.remove(&place),
        };
        on
    }

    fn is_watching(&self) -> bool {
        !self.watched.is_empty()
    }

    fn begin(&mut self, _late: Duration) {
        self.slots += 1;
    }

    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received> {
        self.asked += 1;
        assert_ne!(self.trap, Some(place), "the trap of a test");
        let (from, bytes, before) = self.waiting.get_mut(&(place, channel == Channel::Rtp))?.pop_front()?;
        self.drained = self.drained.saturating_sub(1);
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        let slots = self.slots.saturating_sub(before + 1) as u32;
        let (waited, stale) = stamp::bounded(self.waited + clock::SLOT * slots);
        Some(Received { len, from, waited, stale })
    }

    fn send(&mut self, _place: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        if self.refuse {
            return false;
        }
        self.sent.push(Sent { slot: self.slots, channel, to, bytes: datagram.to_vec() });
        true
    }
}
