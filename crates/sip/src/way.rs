//! Ways: how a request of ours gets to where it goes, and to the next place when that one fails (RFC 3263 §4.3).
//!
//! ```text
//!   set out ──▶ Seeking ── a hop ──▶ Opening ── open ──▶ Open ── a response ──▶ heard, and left at the final one
//!                 ▲  │                  │                 │
//!                 │  └─ none is left ─▶ stranded          │
//!                 └──────── unreachable, silent, 503 ─────┘
//! ```
//!
//! Keeps who travels, the hops tried, and those to be avoided for a while; `endpoint/reach.rs` moves it all.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::event::SessionId;
use crate::flow::{Flow, Hop, Next, Transport};
use crate::locate::Search;
use crate::random::Seeded;
use crate::request::RequestId;
use crate::timer::{Owner, Schedule};
use crate::transaction::TxId;

/// Names a way; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WayId(pub(crate) u64);

/// What wants to get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traveller {
    /// The INVITE of this call.
    Call(SessionId),
    /// This request outside of calls.
    Request(RequestId),
    /// Whatever this call sends in its dialog.
    Dialog(SessionId),
    /// This request, which is too large for a datagram.
    Held(TxId),
}

/// Why a hop failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody answered.
    Silent,
    /// It cannot be reached, or was lost before it answered; or there is no such place.
    Unreachable,
    /// The flow we were given is gone.
    Lost,
    /// It answered 503, perhaps with a Retry-After.
    Unavailable { wait: Option<Duration> },
}

impl Failure {
    /// The status that stands for it (RFC 3261 §8.1.3.1).
    pub(crate) fn status(self) -> u16 {
        match self {
            Failure::Silent => 408,
            Failure::Unreachable | Failure::Lost | Failure::Unavailable { .. } => 503,
        }
    }
}

/// Where a way stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Seeking,
    Opening {
        hop: Hop,
        since: Instant,
    },
    /// `hop` is `None` on a flow that was given.
    Open {
        hop: Option<Hop>,
        heard: bool,
    },
}

/// One way.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) traveller: Traveller,
    pub(crate) search: Search,
    pub(crate) stage: Stage,
    /// Why the last hop failed.
    pub(crate) failure: Option<Failure>,
    /// Whether its hop has had its time, and the answer that may name another one is awaited.
    pub(crate) overdue: bool,
    deadline: Option<Instant>,
}

/// All ways.
#[derive(Debug)]
pub(crate) struct Ways {
    all: HashMap<WayId, Way, Seeded>,
    /// Hops being opened, and who waits for them.
    opening: HashMap<Hop, Vec<WayId>, Seeded>,
    avoided: HashMap<(Transport, SocketAddr), Instant, Seeded>,
    last: u64,
}

/// Hops avoided at a time.
const MOST_AVOIDED: usize = 1024;

impl Ways {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Ways {
            all: HashMap::with_hasher(hashes),
            opening: HashMap::with_hasher(hashes),
            avoided: HashMap::with_hasher(hashes),
            last: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn add(&mut self, traveller: Traveller, next: &Next, seed: u64) -> WayId {
        self.last += 1;
        let id = WayId(self.last);
        let search = Search::new(next, seed);
        let stage = Stage::Seeking;
        self.all.insert(id, Way { traveller, search, stage, failure: None, overdue: false, deadline: None });
        id
    }

    pub(crate) fn get(&self, id: WayId) -> Option<&Way> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: WayId) -> Option<&mut Way> {
        self.all.get_mut(&id)
    }

    /// Sets when a way's patience ends.
    pub(crate) fn set_deadline(&mut self, schedule: &mut Schedule, id: WayId, at: Option<Instant>) {
        if let Some(way) = self.all.get_mut(&id) {
            schedule.shift(Owner::Way(id.0), &mut way.deadline, at);
        }
    }

    pub(crate) fn remove(&mut self, schedule: &mut Schedule, id: WayId) -> Option<Way> {
        let mut way = self.all.remove(&id)?;
        schedule.shift(Owner::Way(id.0), &mut way.deadline, None);
        if let Stage::Opening { hop, .. } = &way.stage {
            self.not_waiting(id, hop);
        }
        Some(way)
    }

    /// Waits for a hop to open; true if nobody waits for it yet, so that it has to be asked for.
    pub(crate) fn wait_for(&mut self, id: WayId, hop: &Hop) -> bool {
        let waiting = self.opening.entry(hop.clone()).or_default();
        waiting.push(id);
        waiting.len() == 1
    }

    pub(crate) fn not_waiting(&mut self, id: WayId, hop: &Hop) {
        if let Some(waiting) = self.opening.get_mut(hop) {
            waiting.retain(|other| *other != id);
            if waiting.is_empty() {
                self.opening.remove(hop);
            }
        }
    }

    /// Who waited for a hop; nobody does any more.
    pub(crate) fn opened(&mut self, hop: &Hop) -> Vec<WayId> {
        self.opening.remove(hop).unwrap_or_default()
    }

    /// Puts a hop behind all others until then.
    pub(crate) fn avoid(&mut self, now: Instant, hop: &Hop, until: Instant) {
        if self.avoided.len() >= MOST_AVOIDED {
            self.avoided.retain(|_, until| *until > now);
        }
        if self.avoided.len() < MOST_AVOIDED {
            self.avoided.insert((hop.transport, hop.remote), until);
        }
    }

    /// A hop works.
    pub(crate) fn trust(&mut self, hop: &Hop) {
        self.avoided.remove(&(hop.transport, hop.remote));
    }

    /// Whether a hop failed of late.
    pub(crate) fn is_avoided(&self, now: Instant, hop: &Hop) -> bool {
        self.avoided.get(&(hop.transport, hop.remote)).is_some_and(|until| *until > now)
    }
}

/// The flow of what has not been reached yet.
pub(crate) fn nowhere() -> Flow {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    Flow { transport: Transport::Udp, local: any, remote: any }
}
