//! One trunk while the switch runs: its settings, its calls, and whether it answers.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use store::Trunk;

use super::gate::Gate;
use crate::codecs::Codecs;

/// Whether a trunk answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// It answered, whatever it said: a server that refuses OPTIONS is there.
    Up,
    /// It did not.
    Down {
        /// Since when.
        since: Timestamp,
        /// What came instead.
        why: String,
    },
}

/// Whether we are registered at a trunk that wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does not want it.
    #[default]
    NotAsked,
    /// On the way.
    Trying,
    /// Registered; calls go by these routes (RFC 3608).
    Registered {
        /// The Service-Route.
        routes: Vec<String>,
        /// Where the registrar's answer came from; so do its calls.
        peer: IpAddr,
    },
    /// Refused or unanswered; it is tried again.
    Failed {
        /// The status, 408 for silence.
        status: u16,
        /// In words.
        why: String,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TrunkState {
    pub(crate) trunk: Trunk,
    pub(crate) gate: Gate,
    health: Mutex<Health>,
    standing: Mutex<Standing>,
}

impl TrunkState {
    /// A trunk of which nothing is known, or one that was read again: what it carries and how it fares stays.
    pub(crate) fn new(trunk: Trunk, before: Option<&TrunkState>) -> TrunkState {
        let (calls, rate) = (trunk.calls, trunk.calls_per_second);
        let standing = match (trunk.register, before) {
            (None, _) => Standing::NotAsked,
            (Some(_), Some(before)) if before.trunk.account == trunk.account => before.standing(),
            (Some(_), _) => Standing::Trying,
        };
        TrunkState {
            gate: before
                .map_or_else(|| Gate::new(calls, rate), |before| before.gate.with_limits(calls, rate)),
            health: Mutex::new(before.map(TrunkState::health).unwrap_or_default()),
            standing: Mutex::new(standing),
            trunk,
        }
    }

    /// Whether calls from this address are its own.
    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        let registered = |peer: IpAddr| peer.to_canonical() == address.to_canonical();
        let there =
            matches!(&*crate::lock(&self.standing), Standing::Registered { peer, .. } if registered(*peer));
        there || self.trunk.owns(address)
    }

    /// The codecs to speak with it, of those that the switch speaks, and how keys go to it.
    pub(crate) fn codecs(&self, ours: &Arc<Codecs>) -> Arc<Codecs> {
        let codecs = match self.trunk.codecs.as_slice() {
            [] => ours.clone(),
            names => Arc::new(ours.in_order(names)),
        };
        codecs.pressed_by(self.trunk.dtmf)
    }

    pub(crate) fn health(&self) -> Health {
        crate::lock(&self.health).clone()
    }

    /// Notes whether it answers; the state it left, if that is another one.
    pub(crate) fn set_health(&self, health: Health) -> Option<Health> {
        let mut now = crate::lock(&self.health);
        // It is down since the first time that it did not answer.
        let same = std::mem::discriminant(&*now) == std::mem::discriminant(&health);
        (!same).then(|| std::mem::replace(&mut *now, health))
    }

    pub(crate) fn standing(&self) -> Standing {
        crate::lock(&self.standing).clone()
    }

    /// Notes whether it is registered; whether that is another kind of standing than before.
    pub(crate) fn set_standing(&self, standing: Standing) -> bool {
        let mut now = crate::lock(&self.standing);
        let same = std::mem::discriminant(&*now) == std::mem::discriminant(&standing);
        *now = standing;
        !same
    }

    /// Whether calls are likely to get through.
    pub(crate) fn is_fit(&self) -> bool {
        let answers = !matches!(*crate::lock(&self.health), Health::Down { .. });
        let stands = !matches!(*crate::lock(&self.standing), Standing::Failed { .. });
        answers && stands
    }
}
