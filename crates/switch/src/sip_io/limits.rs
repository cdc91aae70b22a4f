//! Who may hold a connection: how many in all, how many from one peer, how many that have not said who they are.
//!
//! A connection's permit is dropped with it. Nothing here closes one; the listeners ask before they go on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::events::monotonic;

/// Refusals of one peer are logged this often.
const QUIET: Duration = Duration::from_secs(1);

/// Peers whose last complaint is remembered.
const COMPLAINTS: usize = 1_024;

/// Limits on connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time that came in.
    pub(super) connections: usize,
    /// Of these, from one peer.
    pub(super) per_peer: usize,
}

impl Limits {
    /// Connections that may be in the middle of a handshake: a part of all, so that a flood of those leaves room.
    fn handshakes(self) -> usize {
        (self.connections / 4).max(16)
    }
}

/// Why a connection is refused or closed: the label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are too many.
    Connections,
    /// There are too many of this peer.
    PerPeer,
    /// There are too many unfinished handshakes.
    Handshakes,
    /// Its handshake took too long or broke off.
    Handshake,
    /// It said nothing.
    Silent,
    /// It did not read what it was sent.
    Slow,
    /// What it sent is no SIP.
    Garbage,
}

impl Refusal {
    /// The value of the metric's label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Refusal::Connections => "too_many_connections",
            Refusal::PerPeer => "too_many_of_a_peer",
            Refusal::Handshakes => "too_many_handshakes",
            Refusal::Handshake => "handshake",
            Refusal::Silent => "silent",
            Refusal::Slow => "slow_reader",
            Refusal::Garbage => "garbage",
        }
    }
}

/// Counts connections that came in.
#[derive(Debug)]
pub(super) struct Gate {
    limits: Limits,
    counts: Mutex<Counts>,
    complaints: Mutex<HashMap<IpAddr, Instant>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    handshakes: usize,
    peers: HashMap<IpAddr, usize>,
}

/// Allows one connection while it lives.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    peer: IpAddr,
    /// Whether the handshake is still going on.
    fresh: bool,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Arc<Gate> {
        Arc::new(Gate { limits, counts: Mutex::default(), complaints: Mutex::default() })
    }

    /// Lets a connection of `peer` in, to begin its handshake.
    pub(super) fn admit(self: &Arc<Gate>, peer: IpAddr) -> Result<Permit, Refusal> {
        let peer = household(peer);
        let mut counts = crate::lock(&self.counts);
        let of_peer = counts.peers.get(&peer).copied().unwrap_or(0);
        if of_peer >= self.limits.per_peer {
            return Err(Refusal::PerPeer);
        }
        if counts.all >= self.limits.connections {
            return Err(Refusal::Connections);
        }
        if counts.handshakes >= self.limits.handshakes() {
            return Err(Refusal::Handshakes);
        }
        counts.all += 1;
        counts.handshakes += 1;
        counts.peers.insert(peer, of_peer + 1);
        Ok(Permit { gate: self.clone(), peer, fresh: true })
    }

    /// Counts a refusal and logs it, unless this peer's last one was logged a moment ago.
    pub(super) fn complain(&self, peer: IpAddr, refusal: Refusal, why: &dyn std::fmt::Display) {
        metrics::counter!("offhook_sip_refused_total", "why" => refusal.label()).increment(1);
        let now = monotonic();
        let mut complaints = crate::lock(&self.complaints);
        let household = household(peer);
        if complaints.get(&household).is_some_and(|last| now.saturating_duration_since(*last) < QUIET) {
            return;
        }
        if complaints.len() >= COMPLAINTS {
            complaints.retain(|_, last| now.saturating_duration_since(*last) < QUIET);
        }
        // With more peers than that in a second their lines are no longer worth reading.
        if complaints.len() < COMPLAINTS {
            complaints.insert(household, now);
            drop(complaints);
            tracing::info!(%peer, why = refusal.label(), "a SIP connection is refused: {why}");
        }
    }
}

impl Permit {
    /// The handshake is done.
    pub(super) fn established(&mut self) {
        if std::mem::take(&mut self.fresh) {
            crate::lock(&self.gate.counts).handshakes -= 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.established();
        let mut counts = crate::lock(&self.gate.counts);
        counts.all -= 1;
        let left = counts.peers.get(&self.peer).copied().unwrap_or(1) - 1;
        if left == 0 {
            counts.peers.remove(&self.peer);
        } else {
            counts.peers.insert(self.peer, left);
        }
    }
}

/// Whom an address stands for: an IPv6 host has a /64 of them.
fn household(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_in_all_and_for_each_peer() {
        let gate = Gate::new(Limits { connections: 3, per_peer: 2 });
        let (one, two) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let first = gate.admit(one).unwrap();
        let _second = gate.admit(one).unwrap();
        assert_eq!(gate.admit(one).unwrap_err(), Refusal::PerPeer);
        let _third = gate.admit(two).unwrap();
        assert_eq!(gate.admit(two).unwrap_err(), Refusal::Connections);
        drop(first);
        gate.admit(one).unwrap();
    }

    #[test]
    fn an_ipv6_peer_is_its_network() {
        let gate = Gate::new(Limits { connections: 9, per_peer: 1 });
        let _first = gate.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(gate.admit("2001:db8::2".parse().unwrap()).unwrap_err(), Refusal::PerPeer);
        gate.admit("2001:db8:0:1::1".parse().unwrap()).unwrap();
    }

    #[test]
    fn unfinished_handshakes_leave_room_for_the_others() {
        let gate = Gate::new(Limits { connections: 100, per_peer: 100 });
        let mut permits: Vec<Permit> =
            (0..25).map(|n| gate.admit(IpAddr::from([192, 0, 2, n])).unwrap()).collect();
        let late = IpAddr::from([198, 51, 100, 1]);
        assert_eq!(gate.admit(late).unwrap_err(), Refusal::Handshakes);
        permits[0].established();
        gate.admit(late).unwrap();
        permits.clear();
        let counts = gate.counts.lock().unwrap();
        assert_eq!((counts.all, counts.handshakes, counts.peers.len()), (0, 0, 0));
    }
}
