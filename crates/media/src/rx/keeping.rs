//! Packets that were to be passed on as they came, and are kept for whoever listens after all.

use rtp::View;

use super::{Packet, Rx};
use crate::id::LegId;
use crate::io::Io;
use crate::worker::Turn;

impl Rx {
    /// Keep the turn's datagram, of this length, for whoever listens.
    pub(crate) fn keep<I: Io>(&mut self, id: LegId, about: Packet, len: usize, turn: &mut Turn<'_, I>) {
        if let Some(packet) = turn.scratch.datagram.get(..len).and_then(View::parse) {
            self.insert(id, about, &packet, (turn.out, turn.stats));
        }
    }

    /// Keep the turn's datagram, a description of silence, in which audio takes the way of samples: until the peer speaks.
    pub(crate) fn keep_noise<I: Io>(&mut self, about: Packet, len: usize, turn: &Turn<'_, I>) {
        let packet = turn.scratch.datagram.get(..len).and_then(View::parse);
        if let (Some(ears), Some(packet)) = (&mut self.ears, packet) {
            ears.insert_noise(about.arrival, packet.seq, about.timestamp, packet.payload);
        }
    }

    /// The peer is silent, and what it says of that is not passed on as it comes.
    pub(crate) fn falls_silent(&mut self) {
        self.astray = self.astray.max(1);
    }
}
