//! Datagrams of a handshake, as they come to a leg's port: handed on, answered, or dropped as a stranger's.

use std::net::SocketAddr;

use super::Leg;
use crate::guard::{Fate, Manner, Security};
use crate::io::{Channel, Io};
use crate::worker::Turn;

impl Leg {
    /// The datagram of `len` bytes in the turn's buffer came `from` there.
    pub(super) fn greet<I: Io>(&mut self, from: SocketAddr, len: usize, turn: &mut Turn<'_, I>) {
        let (Some(guard), Some(datagram)) = (&mut self.tx.guard, turn.scratch.datagram.get(..len)) else {
            return;
        };
        let known = from == self.rx.latch.remote() || from == self.setup.remote;
        let fate = match &self.setup.security {
            Security::Handshake { active, .. } => {
                let manner = if *active { Manner::Begin } else { Manner::Await };
                guard.judge(from, known, manner, datagram, turn.now)
            }
            _ => Fate::Drop,
        };
        match fate {
            Fate::HandOn => turn.out.letter(self.id, from, datagram),
            Fate::Answer(bytes) => {
                turn.io.send(self.place(), Channel::Rtp, from, &bytes);
            }
            Fate::Drop => {
                self.rx.strangers += 1;
                turn.stats.strangers += 1;
            }
        }
    }
}
