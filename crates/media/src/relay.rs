//! Relaying: packets of one leg leave through another as they came, at once and without being decoded.
//!
//! What leaves is still one stream of ours: its own SSRC, and numbers that go on from what was said before, whatever that
//! was. Within a stretch of relaying they follow the incoming ones, so that what was lost or reordered on the way here looks
//! so there, too, and the phone that hears it can do something about it.
//!
//! Who may relay to whom is asked for each packet (`Leg::aim`): both in the same codec and packet time, nobody else
//! listening to the one, nothing else being said by the other. As soon as that is no longer so, sound takes the way of
//! samples, and back.
//!
//! The way of samples is longer, by a jitter buffer and what a turn is waited for. Nothing is put in for that where sound
//! begins to take it, and nothing left out where it no longer does: what follows has the timestamps that follow. To the
//! phone it is as if a packet had been late, or some had come early, and it has a jitter buffer for both.

use std::net::SocketAddr;

use rtp::{RtpTime, Seq, View, receiver};

use crate::io::Io;
use crate::tx::Tx;
use crate::worker::Turn;

/// Turns without a packet after which a leg speaks for itself again, in milliseconds: silence, where a peer that goes
/// on with DTX sends something each 400 ms.
const QUIET_MS: u32 = 500;

/// So long what is said next is waited for where sound changes its way, in milliseconds: a jitter buffer for packets that
/// are as late as ever, and some turns.
const CHANGE_MS: u32 = 200;

/// A step ahead of the sequence number beyond this is not of the same stretch.
const LEAP: i16 = 500;

/// A step back as this one is not, either: the receiver has taken it for a new start.
const ANEW: i16 = -(receiver::MAX_MISORDER as i16);

/// What is so far behind the newest may have been passed on before, for all that the receiver knows.
const FORGOTTEN: i16 = -(receiver::REMEMBERED as i16);

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
    /// Before the stretch, or so late that it may have been there already.
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
        if head.ssrc != self.ssrc || step <= ANEW || step > LEAP {
            return Place::New;
        }
        if step <= 0 {
            return match step <= FORGOTTEN || head.seq.since(self.first) < 0 || ahead > 0 {
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
    way: Way,
    /// Turns since the last packet, and such that did not take place: what came meanwhile may still wait.
    quiet: u32,
    slept: u32,
}

impl Relayed {
    /// Turns since the last packet in all.
    fn turns(&self) -> u32 {
        self.quiet.saturating_add(self.slept)
    }
}

/// Where what is said comes from.
#[derive(Clone, Copy, Debug, Default)]
enum Way {
    /// The leg itself.
    #[default]
    Own,
    /// Elsewhere, as packets.
    Passed(Stretch),
    /// It came as packets, and is to come as samples.
    Changing,
}

impl Tx {
    /// Whether what is said here comes from elsewhere as packets.
    pub(crate) fn is_relayed(&self) -> bool {
        matches!(self.relayed.way, Way::Passed(_))
    }

    /// A turn of a leg that is relayed to. `false` if nothing has come for so long that it has to speak itself.
    pub(crate) fn stands_by(&mut self, ticks: u32, ms: usize) -> bool {
        if !self.is_relayed() {
            return false;
        }
        self.relayed.quiet = self.relayed.quiet.saturating_add(1);
        if self.relayed.quiet.saturating_mul(ms as u32) <= QUIET_MS {
            return true;
        }
        self.leave(ticks);
        false
    }

    /// Turns passed in which nobody could have relayed; `false` if nobody would have.
    pub(crate) fn slept(&mut self, turns: u64) -> bool {
        let waits = !matches!(self.relayed.way, Way::Own);
        if waits {
            self.relayed.slept = self.relayed.slept.saturating_add(turns.min(1 << 20) as u32);
        }
        waits
    }

    /// The stretch is over: what is said next goes on from its numbers, with the time that passed since.
    pub(crate) fn leave(&mut self, ticks: u32) {
        if !matches!(std::mem::take(&mut self.relayed.way), Way::Own) {
            // A packet was due at the last turn, and one will be at this.
            self.pass(ticks.wrapping_mul(self.relayed.turns().saturating_sub(1)));
            self.pause();
        }
        self.relayed = Relayed::default();
    }

    /// What is passed on next begins another stretch.
    pub(crate) fn begin_anew(&mut self, ticks: u32) {
        if self.is_relayed() {
            self.leave(ticks);
        }
    }

    /// The stretch is over, and what followed in it comes as samples from here on.
    pub(crate) fn change_way(&mut self) {
        if self.is_relayed() {
            self.relayed.way = Way::Changing;
        }
    }

    /// What follows the stretch is here: it goes on from its numbers.
    pub(crate) fn go_on(&mut self, ticks: u32, ms: usize) {
        if !matches!(self.relayed.way, Way::Own)
            && self.relayed.turns().saturating_mul(ms as u32) <= CHANGE_MS
        {
            self.relayed = Relayed::default();
        } else {
            self.leave(ticks);
        }
    }

    /// A turn without anything to say. `false` if nothing is waited for, or no longer.
    pub(crate) fn waits_on(&mut self, ticks: u32, ms: usize) -> bool {
        if !matches!(self.relayed.way, Way::Changing) {
            return false;
        }
        self.relayed.quiet = self.relayed.quiet.saturating_add(1);
        if self.relayed.turns().saturating_mul(ms as u32) <= CHANGE_MS {
            return true;
        }
        self.leave(ticks);
        false
    }

    /// A packet that is not relayed, of a stream that is.
    pub(crate) fn swallow(&mut self, head: &Head) {
        if let Way::Passed(stretch) = &mut self.relayed.way {
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
        let place = match &mut self.relayed.way {
            Way::Passed(stretch) => stretch.place(head, clock),
            Way::Own | Way::Changing => Place::New,
        };
        let (place, begins) = match place {
            Place::Before => return,
            Place::New => {
                match self.relayed.way {
                    Way::Changing => self.relayed = Relayed::default(),
                    Way::Own | Way::Passed(_) => self.leave(ticks),
                }
                let (seq, timestamp) = (self.next_seq(), self.timestamp());
                self.relayed.way = Way::Passed(Stretch::begin(head, seq, timestamp));
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
                (self.relayed.quiet, self.relayed.slept) = (0, 0);
                turn.stats.relayed += 1;
            }
            Place::Before | Place::New => {}
        }
    }
}
