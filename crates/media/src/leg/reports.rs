//! What the peer tells a leg by RTCP.

use super::Leg;
use crate::io::{Channel, Io, Received};
use crate::worker::Turn;

/// RTCP datagrams of the peer's that are read a second; it sends one in five.
const RTCP_A_SECOND: u32 = 8;

/// Datagrams on the RTCP socket that are read a second, whoever sends them: strangers must not keep the peer's waiting.
const MOST: u32 = 64;

impl Leg {
    /// Once a second: read what came to the RTCP socket.
    pub(super) fn hear_reports<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let (mut heard, place) = (0, self.place());
        for _ in 0..MOST {
            if heard == RTCP_A_SECOND {
                break;
            }
            let received = turn.io.receive(place, Channel::Rtcp, &mut turn.scratch.datagram);
            let Some(received) = received else { break };
            let Some((len, proven)) = self.open(Channel::Rtcp, &received, turn) else { continue };
            let known = [self.rx.latch.remote().ip(), self.setup.remote_rtcp.ip()];
            if proven || known.contains(&received.from.ip()) {
                heard += 1;
                if self.hear_report(&Received { len, ..received }, turn) {
                    self.rtcp.from = Some(received.from);
                }
            }
        }
    }

    /// The peer's RTCP, in the turn's buffer. That it reports is a sign of life, if it says nothing else. `false` if it is
    /// none.
    pub(super) fn hear_report<I: Io>(&mut self, received: &Received, turn: &mut Turn<'_, I>) -> bool {
        let datagram = turn.scratch.datagram.get(..received.len).unwrap_or_default();
        let came = (!received.stale).then(|| turn.now.saturating_sub(received.waited));
        let read = self.rtcp.read(came, self.tx.ssrc(), datagram);
        if read {
            self.rx.lives(turn.now);
        }
        read
    }
}
