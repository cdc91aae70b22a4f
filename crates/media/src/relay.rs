//! Relaying: packets of one leg leave through another as they came, at once and without being decoded.
//!
//! What leaves is still one stream of ours: its own SSRC, and numbers that go on from what was said before, whatever that
//! was. Within a stretch of relaying they follow the incoming ones, so that what was lost or reordered on the way here looks
//! so there, too, and the phone that hears it can do something about it.
//!
//! Who may relay to whom is asked for each packet (`Leg::aim`): both in the same codec and packet time, nobody else
//! listening to the one, nothing else being said by the other. As soon as that is no longer so, sound takes the way of
//! samples, and back.

use std::net::SocketAddr;

use rtp::{RtpTime, Seq, View};

use crate::io::Io;
use crate::tx::Tx;
use crate::worker::Turn;

/// Turns without a packet after which a leg speaks for itself again, in milliseconds: silence, where a peer that goes
/// on with DTX sends something each 400 ms.
const QUIET_MS: u32 = 500;

/// A step of the sequence number beyond this is not of the same stretch.
const LEAP: i16 = 500;

/// So far the timestamps of a stretch may jump forward: a long silence.
const PAUSE_S: i64 = 60;

/// What of an incoming packet an outgoing one is made of, beside the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) ssrc: u32,
    pub(crate) seq: Seq,
    pub(crate) timestamp: RtpTime,
    pub(crate) marker: bool,
}

impl Head {
    pub(crate) fn of(packet: &View<'_>) -> Head {
        Head { ssrc: packet.ssrc, seq: packet.seq, timestamp: packet.timestamp, marker: packet.marker }
    }
}

/// A stretch of relaying: how the numbers that come become those that leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    ssrc: u32,
    /// To be added to what comes.
    seq: u16,
    timestamp: u32,
    /// The first packet; what is older belongs to before.
    first: Seq,
    newest: Seq,
    newest_at: RtpTime,
}

/// Where a packet belongs in the outgoing stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After all others.
    Next(Seq, RtpTime),
    /// Between others: it was overtaken.
    Between(Seq, RtpTime),
    /// Before the stretch: too late.
    Before,
    /// Nowhere: another stretch begins with it.
    New,
}

impl Stretch {
    /// A stretch that begins with `head`, which leaves with these numbers.
    pub(crate) fn begin(head: &Head, seq: Seq, timestamp: RtpTime) -> Stretch {
        Stretch {
            ssrc: head.ssrc,
            seq: seq.0.wrapping_sub(head.seq.0),
            timestamp: timestamp.0.wrapping_sub(head.timestamp.0),
            first: head.seq,
            newest: head.seq,
            newest_at: head.timestamp,
        }
    }

    /// Where a packet belongs; `clock` in ticks a second.
    pub(crate) fn place(&mut self, head: &Head, clock: u32) -> Place {
        let step = head.seq.since(self.newest);
        let ahead = i64::from(head.timestamp.since(self.newest_at));
        let (seq, timestamp) = (head.seq.plus(self.seq), head.timestamp.plus(self.timestamp));
        if head.ssrc != self.ssrc || !(-LEAP..=LEAP).contains(&step) {
            return Place::New;
        }
        if step <= 0 {
            return match head.seq.since(self.first) < 0 || ahead > 0 {
                true => Place::Before,
                false => Place::Between(seq, timestamp),
            };
        }
        if !(0..PAUSE_S * i64::from(clock)).contains(&ahead) {
            return Place::New;
        }
        self.newest = head.seq;
        self.newest_at = head.timestamp;
        Place::Next(seq, timestamp)
    }

    /// A packet that is not passed on leaves no gap behind.
    pub(crate) fn swallow(&mut self, head: &Head) {
        if head.ssrc == self.ssrc && head.seq == self.newest.plus(1) {
            self.newest = head.seq;
            self.seq = self.seq.wrapping_sub(1);
            self.first = head.seq.plus(1);
        }
    }
}

/// What an outgoing stream knows of being relayed to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Relayed {
    stretch: Option<Stretch>,
    /// Turns since the last packet.
    quiet: u32,
}

impl Tx {
    /// Whether what is said here comes from elsewhere as packets.
    pub(crate) fn is_relayed(&self) -> bool {
        self.relayed.stretch.is_some()
    }

    /// A turn of a leg that is relayed to. `false` if nothing has come for so long that it has to speak itself.
    pub(crate) fn stands_by(&mut self, ticks: u32, ms: usize) -> bool {
        if self.relayed.stretch.is_none() {
            return false;
        }
        self.relayed.quiet = self.relayed.quiet.saturating_add(1);
        if self.relayed.quiet.saturating_mul(ms as u32) <= QUIET_MS {
            return true;
        }
        self.leave(ticks);
        false
    }

    /// Turns passed in which nobody could have relayed.
    pub(crate) fn slept(&mut self, turns: u64) {
        self.relayed.quiet = self.relayed.quiet.saturating_add(turns.min(1 << 20) as u32);
    }

    /// The stretch is over: what is said next goes on from its numbers, with the time that passed since.
    pub(crate) fn leave(&mut self, ticks: u32) {
        if self.relayed.stretch.take().is_some() {
            // A packet was due at the last turn, and one will be at this.
            self.pass(ticks.wrapping_mul(self.relayed.quiet.saturating_sub(1)));
            self.pause();
        }
        self.relayed.quiet = 0;
    }

    /// A packet that is not relayed, of a stream that is.
    pub(crate) fn swallow(&mut self, head: &Head) {
        if let Some(stretch) = &mut self.relayed.stretch {
            stretch.swallow(head);
        }
    }

    /// Send the payload of `len` bytes that stands behind the header's place in the turn's packet in place of `head`'s.
    pub(crate) fn relay<I: Io>(
        &mut self,
        at: usize,
        to: SocketAddr,
        (payload_type, len, ticks, clock): (u8, usize, u32, u32),
        head: &Head,
        turn: &mut Turn<'_, I>,
    ) {
        let place = self.relayed.stretch.as_mut().map_or(Place::New, |stretch| stretch.place(head, clock));
        let (place, begins) = match place {
            Place::Before => return,
            Place::New => {
                self.leave(ticks);
                let (seq, timestamp) = (self.next_seq(), self.timestamp());
                self.relayed.stretch = Some(Stretch::begin(head, seq, timestamp));
                (Place::Next(seq, timestamp), true)
            }
            other => (other, false),
        };
        match place {
            Place::Between(seq, timestamp) => {
                let next = self.next_seq();
                self.renumber(seq);
                self.send(at, to, (payload_type, head.marker, timestamp), len, turn);
                self.renumber(next);
            }
            Place::Next(seq, timestamp) => {
                self.renumber(seq);
                self.send(at, to, (payload_type, head.marker || begins, timestamp), len, turn);
                self.set_timestamp(timestamp.plus(ticks));
                self.relayed.quiet = 0;
                turn.stats.relayed += 1;
            }
            Place::Before | Place::New => {}
        }
    }
}
