//! What a leg hears passed on as packets: to the leg it is bridged with, or back.

use std::net::SocketAddr;
use std::time::Duration;

use audio::codec::Codec;
use audio::mix::Gain;
use rtp::View;
use rtp::packet::HEADER;

use super::Leg;
use crate::bridge::Bridged;
use crate::clock;
use crate::ears::Ears;
use crate::id::LegId;
use crate::io::{Channel, Io, Received};
use crate::relay::Head;
use crate::rtcp;
use crate::rx::Heard;
use crate::source::Source;
use crate::tx::Tx;
use crate::worker::{Turn, find};

/// Datagrams read between two turns; more are a flood, and wait for the turn.
const EARLY: u8 = 16;

/// Where packets came together, the socket is asked for more at so many arrivals: a second's.
const DOUBT: u8 = 50;

impl Leg {
    /// Take one datagram from the socket, if there is one; how long it has waited.
    pub(crate) fn hear_one<I: Io>(&mut self, turn: &mut Turn<'_, I>) -> Option<Duration> {
        let received = turn.io.receive(self.place(), Channel::Rtp, &mut turn.scratch.datagram)?;
        let waited = Some(received.waited);
        let Some((len, proven)) = self.open(Channel::Rtp, &received, turn) else { return waited };
        let received = Received { len, ..received };
        let datagram = turn.scratch.datagram.get(..len).unwrap_or_default();
        if rtcp::is_rtcp(datagram) {
            if proven || received.from.ip() == self.rx.latch.remote().ip() {
                self.hear_report(&received, turn);
            }
            return waited;
        }
        let to = self.aim(turn);
        let heard = self.rx.datagram(self.id, &self.setup, received, proven, turn);
        let anew = std::mem::take(&mut self.rx.anew);
        if let Some(to) = to {
            if anew {
                self.renumber(to, turn);
            }
            match heard {
                Heard::Audio => self.pass_on(to, received, None, turn),
                Heard::Other => self.keep(to, received.len, turn),
                // From here on it takes the way of samples, and so does this packet.
                Heard::Astray(about) => {
                    self.aim(turn);
                    self.rx.keep(self.id, about, received.len, turn);
                }
                Heard::Noise(about) => match self.noise_of(to, turn) {
                    noise @ Some(_) => self.pass_on(to, received, noise, turn),
                    // The far end is to hear the silence as sound.
                    None => {
                        self.rx.falls_silent();
                        self.aim(turn);
                        self.rx.keep_noise(about, received.len, turn);
                    }
                },
                Heard::Nothing => {}
            }
        }
        waited
    }

    /// A packet came between two turns, after the watch was looked at `before`.
    ///
    /// To ask the socket whether there are more mostly costs as much as half a packet, and there are none: so only where
    /// this one did not come a packet time after the last, as when the network or the sender holds some back and lets them
    /// go together, or has been there for longer, or some came together lately. What is left by mistake goes with the next.
    pub(crate) fn hear_early<I: Io>(&mut self, before: Duration, turn: &mut Turn<'_, I>) {
        let time = clock::SLOT * u32::from(self.pace.period);
        let first = self.early;
        while self.early < EARLY {
            let Some(waited) = self.hear_one(turn) else { break };
            self.early += 1;
            let came = turn.now.saturating_sub(waited);
            let gap = came.saturating_sub(std::mem::replace(&mut self.came, came));
            let alone = !I::TELLS_OF_EMPTY && (time / 2..time * 3 / 2).contains(&gap) && came > before;
            if alone && self.early == first + 1 && self.doubt == 0 {
                break;
            }
        }
        self.doubt = if self.early > first + 1 { DOUBT } else { self.doubt.saturating_sub(1) };
        if self.early == EARLY {
            self.rx.hunger();
        }
    }

    /// It leaves its worker: whom it heard and who heard it there as packets has no part in it any more.
    pub(crate) fn depart(&mut self) {
        (self.watched, self.aimed) = (false, None);
        if std::mem::take(&mut self.rx.relaying) {
            self.rx.resume();
        }
        self.tx.leave(self.pace.ticks.into());
    }

    /// It comes to a worker after so many slots without one.
    pub(crate) fn arrive(&mut self, slots: u64) {
        // Less than a packet time is what its next turn is given to be in step.
        let missed = slots / self.period();
        if missed > 0 {
            self.skip(missed);
            self.served += if self.served == 0 { 0 } else { missed * self.period() };
        }
        // What its socket holds is read at its first turns.
        self.rx.hunger();
    }

    /// The leg that a packet is likely to go to.
    pub(crate) fn aimed(&self) -> Option<LegId> {
        self.aimed
    }

    /// Where what is heard here is passed on as packets, as far as that is this leg's to say.
    fn passes_to(&self) -> Option<LegId> {
        let overheard = !self.recorders.is_empty()
            || self.room.is_some()
            || !self.detectors.is_empty()
            || self.rx.tones.is_some()
            // Whoever hears it may know no other codec than the one.
            || self.rx.is_astray()
            // What is passed on as it comes is as loud as it came.
            || self.gain != Gain::UNITY;
        if !self.setup.receive || overheard {
            return None;
        }
        match (&self.source, &self.bridge) {
            (Source::Echo { .. }, None) if self.setup.send && self.dialling.is_none() => Some(self.id),
            (Source::Echo { .. }, _) => None,
            (_, Some(bridge)) => bridge.facing.filter(|_| bridge.relays),
            _ => None,
        }
    }

    /// Whether this leg says what `from` hears, as packets.
    fn takes_from(&self, from: &Leg) -> bool {
        self.bridge.as_ref().is_some_and(|bridge| bridge.facing == Some(from.id))
            && matches!(self.source, Source::Silence)
            && self.dialling.is_none()
            && self.setup.send
            // Both sides may be on it.
            && self.recorders.is_empty()
            && (self.setup.codec, self.pace.period) == (from.setup.codec, from.pace.period)
            // Whoever wants its Opus slower, or even, is taken to send it so.
            && (self.setup.codec != Codec::Opus || self.setup.opus.are_met_by(&from.setup.opus))
    }

    /// Whether this leg's turn is another's to fill.
    pub(super) fn is_relayed(&self) -> bool {
        let free = self.recorders.is_empty()
            && match self.source {
                Source::Silence => self.bridge.is_some(),
                Source::Echo { .. } => self.rx.relaying,
                Source::Prompts(_) => false,
            };
        free && self.dialling.is_none() && self.tx.is_relayed()
    }

    /// Whether packets are passed on from here and to here, so that nothing waits for a turn.
    pub(crate) fn relays_both_ways(&self) -> bool {
        self.rx.relaying && self.is_relayed()
    }

    /// Nobody passes packets on any more that was asked to; to be called when that may be so.
    pub(super) fn review<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        if self.rx.relaying && self.passes_to().is_none() {
            self.aim(turn);
        }
    }

    /// Find out where the next packet goes; `None` for the way of samples.
    pub(super) fn aim<I: Io>(&mut self, turn: &mut Turn<'_, I>) -> Option<LegId> {
        let to = self
            .passes_to()
            .filter(|to| *to == self.id || find(turn.legs, *to).is_some_and(|other| other.takes_from(self)));
        self.aimed = to;
        if to.is_some() != self.rx.relaying {
            self.rx.relaying = to.is_some();
            to.into_iter().for_each(|to| self.hand_over(to, turn));
            self.rx.resume();
            if let Some(Bridged { end: bridge, .. }) = &mut self.bridge {
                bridge.pass();
            }
            let facing = self.bridge.as_ref().and_then(|bridge| bridge.facing);
            // It may have been bridged with somebody else meanwhile, whose packets are no matter of this leg's.
            let facing = facing
                .and_then(|facing| find(turn.legs, facing))
                .filter(|other| other.bridge.as_ref().is_some_and(|bridge| bridge.facing == Some(self.id)));
            match (to, facing) {
                (None, Some(other)) if other.is_covered() => other.tx.leave(other.pace.ticks.into()),
                (None, Some(other)) => other.tx.change_way(),
                (Some(_), Some(other)) => {
                    if let Some(Bridged { end: bridge, .. }) = &mut other.bridge {
                        bridge.pass();
                    }
                }
                _ => {}
            }
            if to.is_none() && self.bridge.is_none() {
                self.tx.leave(self.pace.ticks.into());
            }
        }
        to
    }

    /// Packets are passed on from here on: those that waited to be heard go first, and nothing of them is lost.
    fn hand_over<I: Io>(&mut self, to: LegId, turn: &mut Turn<'_, I>) {
        let Some(ears) = &mut self.rx.ears else { return };
        if to == self.id {
            let way = (to.place as usize, self.rx.latch.remote(), self.setup.payload_type);
            return pour(ears, &mut self.tx, way, turn);
        }
        let Turn { now, io, scratch, out, stats, legs } = turn;
        let Some(other) = find(legs, to) else { return };
        let turn = &mut Turn { now: *now, io: &mut **io, scratch, out, stats, legs: &mut [] };
        let way = (other.place(), other.rx.latch.remote(), other.setup.payload_type);
        pour(ears, &mut other.tx, way, turn);
    }

    /// The payload type by which the leg `to` describes silence, if its far end agreed to that.
    fn noise_of<I: Io>(&self, to: LegId, turn: &mut Turn<'_, I>) -> Option<u8> {
        if to == self.id {
            return self.setup.comfort_noise_send;
        }
        find(turn.legs, to)?.setup.comfort_noise_send
    }

    /// Pass the turn's datagram on: audio, or `noise` of this payload type.
    pub(super) fn pass_on<I: Io>(
        &mut self,
        to: LegId,
        received: Received,
        noise: Option<u8>,
        turn: &mut Turn<'_, I>,
    ) {
        let Some(packet) = turn.scratch.datagram.get(..received.len).and_then(View::parse) else { return };
        let (head, octets) = (Head::of(&packet), packet.payload.len());
        let Some(place) = turn.scratch.packet.get_mut(HEADER..HEADER + octets) else { return };
        place.copy_from_slice(packet.payload);
        if to == self.id {
            return self.say_again(&head, octets, noise, turn);
        }
        turn.stats.transit.count(received.waited);
        let Turn { now, io, scratch, out, stats, legs } = turn;
        if let Some(other) = find(legs, to) {
            let turn = &mut Turn { now: *now, io: &mut **io, scratch, out, stats, legs: &mut [] };
            other.say_again(&head, octets, noise, turn);
        }
    }

    /// A packet came that is not passed on.
    pub(super) fn keep<I: Io>(&mut self, to: LegId, len: usize, turn: &mut Turn<'_, I>) {
        let Some(packet) = turn.scratch.datagram.get(..len).and_then(View::parse) else { return };
        let head = Head::of(&packet);
        match to == self.id {
            true => self.tx.swallow(&head),
            false => {
                if let Some(other) = find(turn.legs, to) {
                    other.tx.swallow(&head);
                }
            }
        }
    }

    /// The numbers that come begin anew, be it with a packet that is not passed on: what has come before by one of them is
    /// no longer known, so that those that are passed on get new ones of ours.
    fn renumber<I: Io>(&mut self, to: LegId, turn: &mut Turn<'_, I>) {
        let other = if to == self.id { Some(self) } else { find(turn.legs, to) };
        other.into_iter().for_each(|other| other.tx.begin_anew(other.pace.ticks.into()));
    }

    fn say_again<I: Io>(&mut self, head: &Head, octets: usize, noise: Option<u8>, turn: &mut Turn<'_, I>) {
        let to = self.rx.latch.remote();
        let clock = self.setup.codec.clock();
        // The packet says itself how long it is where its bytes do.
        let ticks = match (noise, self.setup.codec.bytes_per_ms()) {
            (None, Some(bytes)) => (octets / bytes.max(1)) as u32 * (clock / 1_000),
            _ => self.pace.ticks.into(),
        };
        let level = noise.and_then(|_| turn.scratch.packet.get(HEADER).copied());
        self.tx.passes_noise(level);
        let payload_type = noise.unwrap_or(self.setup.payload_type);
        self.tx.relay(self.place(), to, (payload_type, octets, ticks, clock), head, turn);
    }
}

/// Send all that waits in `ears` by the stream of the leg at this place, to this address under this payload type.
fn pour<I: Io>(ears: &mut Ears, tx: &mut Tx, way: (usize, SocketAddr, u8), turn: &mut Turn<'_, I>) {
    let (place, at, payload_type) = way;
    while let Some(payload) = turn.scratch.packet.get_mut(HEADER..)
        && let Some((gap, len, ticks)) = ears.hand_over(payload)
    {
        tx.pass(gap);
        tx.audio(place, at, payload_type, true, (len, ticks), turn);
    }
}
