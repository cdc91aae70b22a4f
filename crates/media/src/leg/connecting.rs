//! When a leg's RTP socket is connected to the peer.
//!
//! While the signalled address speaks, the latch takes nobody else's packets (see `latch`): then the system may as well drop
//! them before they are ours to judge, which leaves the peer's packets their room in the socket under a flood, and may keep
//! the way to the peer, which it otherwise looks up for each packet.
//! Before the latch would listen to others again, the socket does.
//!
//! Not for a peer behind NAT: if the signalled address speaks after all, that one is right.
//! Not for an encrypted leg: its keys prove the peer wherever it sends from, at once.

use std::time::Duration;

use super::Leg;
use crate::io::Io;
use crate::worker::Turn;

/// Who was heard so lately speaks.
const SPEAKS: Duration = Duration::from_millis(100);

/// Who was not heard for so long may have gone elsewhere. With the second between looks, less than the latch waits.
const PAUSES: Duration = Duration::from_millis(500);

/// Whose packets the RTP socket takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Door {
    /// Anybody's.
    #[default]
    Open,
    /// The peer's.
    Connected,
    /// Anybody's: the system did not do otherwise.
    Stuck,
}

impl Leg {
    /// Now and then: connect the socket, or disconnect it.
    pub(super) fn tend_door<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let plain = self.tx.guard.is_none() && self.setup.send && self.setup.receive;
        let heard = |lately| self.rx.latch.heard_within(turn.now, lately).filter(|_| plain);
        match self.door {
            Door::Open => {
                if let Some(peer) = heard(SPEAKS) {
                    let connected = turn.io.connect(self.place(), peer, self.setup.told);
                    self.door = if connected { Door::Connected } else { Door::Stuck };
                }
            }
            Door::Connected if heard(PAUSES).is_none() => self.open_door(turn.io),
            Door::Connected | Door::Stuck => {}
        }
    }

    /// The peer may be somebody else from now on.
    pub(crate) fn open_door<I: Io>(&mut self, io: &mut I) {
        if std::mem::take(&mut self.door) == Door::Connected {
            io.disconnect(self.place());
        }
    }
}
