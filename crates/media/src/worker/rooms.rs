//! Rooms on a worker: their turns.
//!
//! Members of this worker with packets of 20 ms have no turn of their own: in the room's turn each hears, then all is
//! mixed, then each speaks.
//! All others are heard and spoken to through a ring, as over a bridge, and keep their turns.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use audio::Rate;
use audio::codec::Codec;
use rtp::packet::HEADER;

use super::timetable::Entry;
use super::{Turn, Worker, fetch, find};
use crate::clock;
use crate::event::Event;
use crate::id::{LegId, PartId};
use crate::io::Io;
use crate::leg::Said;
use crate::order::{Out, Spent};
use crate::recorder::Progress;
use crate::room::{FRAME_MS, Given, PERIOD, Room, Seat, Way, Who, samples};
use crate::source::{Filled, Playlist};

impl<I: Io> Worker<I> {
    /// A room's turn. `true` if nobody is left in it, and it has no turn any more.
    pub(super) fn room_turn(&mut self, place: u32, now: Duration, io: &mut I) -> bool {
        let Some(mut room) = self.take_room(place) else { return false };
        let served = panic::catch_unwind(AssertUnwindSafe(|| self.serve(&mut room, now, io)));
        if served.is_err() {
            // A mistake of ours in the room itself: it ends, its legs go on.
            self.stats.panics += 1;
            self.close_room(room);
            return true;
        }
        self.put_room(room)
    }

    fn serve(&mut self, room: &mut Room, now: Duration, io: &mut I) {
        room.open();
        let mut at = 0;
        while at < room.len() {
            self.prefetch(room, at + 1);
            at += usize::from(self.hear_member(room, at, now, io));
        }
        self.announce(room);
        room.mix(|event| self.out.event(event));
        self.record(room);
        at = 0;
        while at < room.len() {
            self.prefetch(room, at + 1);
            at += usize::from(self.speak_to_member(room, at, now, io));
        }
    }

    /// Have a member's leg on its way while another is served.
    fn prefetch(&self, room: &Room, at: usize) {
        if let Some(Who::Leg(leg)) = room.seats().get(at).map(|seat| seat.who)
            && let Some(Some(leg)) = self.legs.get(leg.place as usize)
        {
            fetch(leg);
        }
    }

    /// Take a member's frame. `false` if it is not there any more, and another is in its place.
    fn hear_member(&mut self, room: &mut Room, at: usize, now: Duration, io: &mut I) -> bool {
        let Some(seat) = room.seat(at) else { return true };
        let sounds = match (&mut seat.way, seat.who) {
            (Way::Ring(bridge), _) => {
                if bridge.is_cut() {
                    self.vacate(room, at);
                    return false;
                }
                seat.take_from_ring()
            }
            (Way::Inline { inward, .. }, Who::Leg(id)) => {
                let Some(leg) = find(&mut self.legs, id) else {
                    self.vacate(room, at);
                    return false;
                };
                let slot = clock::slot_of(now);
                // A re-INVITE has just changed its packet time, and another seat is on its way; or it has just come, with
                // a turn that was its own.
                if leg.period() != PERIOD || !leg.is_due(slot) {
                    seat.served = true;
                    room.hear(at, false, |event| self.out.event(event));
                    return true;
                }
                leg.served = slot;
                let (scratch, out, stats) = (&mut *self.scratch, &mut self.out, &mut self.stats);
                let mut turn = Turn { now, io: &mut *io, scratch, out, stats, legs: &mut [] };
                let Ok(attended) = panic::catch_unwind(AssertUnwindSafe(|| leg.attend(&mut turn))) else {
                    self.stumbled(room, at, id, io);
                    return false;
                };
                seat.served = attended.served;
                let heard = self.scratch.heard.get(..attended.heard).unwrap_or_default();
                match inward {
                    Some(inward) if !heard.is_empty() => {
                        inward.process(heard, &mut seat.frame);
                        true
                    }
                    None if heard.len() == seat.frame.len() => {
                        seat.frame.copy_from_slice(heard);
                        true
                    }
                    _ => false,
                }
            }
            (Way::Inline { .. }, Who::Link(_)) => false,
        };
        room.hear(at, sounds, |event| self.out.event(event));
        true
    }

    /// Say to a member what it is to hear. `false` as for [`Worker::hear_member`].
    fn speak_to_member(&mut self, room: &mut Room, at: usize, now: Duration, io: &mut I) -> bool {
        let (samples, rate) = (room.samples(), room.rate());
        let Some(seat) = room.seat(at) else { return true };
        let resampled = match &seat.way {
            Way::Inline { .. } if seat.served => return true,
            Way::Inline { outward, .. } => outward.is_some(),
            Way::Ring(_) => false,
        };
        let scratch = &mut *self.scratch;
        let frame = if resampled { &mut scratch.heard } else { &mut scratch.said };
        let Some(frame) = frame.get_mut(..samples) else { return true };
        let given = room.give(at, frame);
        let Some(payload) = scratch.packet.get_mut(HEADER..) else { return true };
        let written = match given {
            Given::Shared => room.payload(at).map(|shared| {
                let len = shared.len().min(payload.len());
                payload[..len].copy_from_slice(&shared[..len]);
                len
            }),
            _ => None,
        };
        let Some(seat) = room.seat(at) else { return true };
        let mut sounds = given == Given::Samples;
        let (outward, id) = match (&mut seat.way, seat.who) {
            (Way::Ring(bridge), _) => {
                if let (Given::Music, Some(music)) = (given, &mut seat.music) {
                    linear(music, rate, &mut scratch.datagram, frame);
                } else if !sounds {
                    frame.fill(0);
                }
                bridge.push(frame);
                return true;
            }
            (Way::Inline { outward, .. }, Who::Leg(id)) => (outward, id),
            (Way::Inline { .. }, Who::Link(_)) => return true,
        };
        let Some(leg) = find(&mut self.legs, id) else { return true };
        let mut said = written.map_or(Said::Nothing, Said::Written);
        if let (Given::Music, Some(music)) = (given, &mut seat.music) {
            if music.is_in(leg.codec()) {
                said = Said::Written(music.next(leg.codec(), FRAME_MS, payload).len);
            } else {
                linear(music, rate, &mut scratch.datagram, frame);
                sounds = true;
            }
        }
        if sounds {
            said = Said::Samples;
            if let Some(outward) = outward {
                outward.process(&scratch.heard[..samples], &mut scratch.said);
            }
        }
        let (out, stats) = (&mut self.out, &mut self.stats);
        let mut turn = Turn { now, io: &mut *io, scratch, out, stats, legs: &mut [] };
        if panic::catch_unwind(AssertUnwindSafe(|| leg.reply(said, &mut turn))).is_err() {
            self.stumbled(room, at, id, io);
            return false;
        }
        true
    }

    /// A mistake of ours on one member must not silence the others.
    fn stumbled(&mut self, room: &mut Room, at: usize, id: LegId, io: &mut I) {
        self.stats.panics += 1;
        self.vacate(room, at);
        self.let_go(id, io);
    }

    /// What all say, for who writes it down.
    fn record(&mut self, room: &mut Room) {
        let Some(recorder) = &mut room.recorder else { return };
        let progress = match &mut room.taping {
            Some(resampler) => {
                let written = resampler.process(&room.common, &mut self.scratch.said);
                recorder.push(self.scratch.said.get(..written).unwrap_or_default())
            }
            None => recorder.push(&room.common),
        };
        if progress == Progress::Over
            && let Some(recorder) = room.recorder.take()
        {
            self.out.spent(Spent::Recorder(recorder));
        }
    }

    /// The next of what is being said to all.
    fn announce(&mut self, room: &mut Room) {
        let rate = room.saying.as_ref().map_or(room.rate(), |resampler| resampler.from());
        let Some(list) = &mut room.playing else { return };
        let Some(frame) = self.scratch.said.get_mut(..samples(rate)) else { return };
        let filled = linear(list, rate, &mut self.scratch.datagram, frame);
        match &mut room.saying {
            Some(resampler) => {
                let written = resampler.process(frame, &mut self.scratch.heard);
                room.announce(self.scratch.heard.get(..written).unwrap_or_default());
            }
            None => room.announce(frame),
        }
        if filled.last {
            self.end_announcement(room, false);
        }
    }

    pub(super) fn end_announcement(&mut self, room: &mut Room, stopped: bool) {
        if let Some(list) = room.playing.take() {
            self.out.event(Event::RoomPlayed { room: room.room, tag: list.tag, stopped });
            self.out.spent(Spent::Playlist(list));
        }
    }

    /// A member's seat goes out. Its leg has its own turns again.
    pub(super) fn vacate(&mut self, room: &mut Room, at: usize) {
        let Some(seat) = room.leave(at, |event| self.out.event(event)) else { return };
        self.unseat(room.part, &seat);
        self.out.put(Out::Seat(room.part, seat));
    }

    /// A leg that had its turn with the room has its own again, in the same slots.
    pub(super) fn unseat(&mut self, part: PartId, seat: &Seat) {
        let (Way::Inline { .. }, Who::Leg(id)) = (&seat.way, seat.who) else { return };
        self.timetable.weigh(Entry::Room(part.place), PERIOD, 1, 0);
        if let Some(leg) = find(&mut self.legs, id) {
            leg.leave_room(&mut self.out);
            let (entry, period) = (Entry::Leg(id.place), leg.period());
            leg.phase = match period == PERIOD && leg.served != 0 {
                true => leg.served % period,
                false => self.timetable.emptiest(period),
            };
            self.timetable.add_at(leg.phase, entry, period, 1);
        }
    }
}

/// The next frame of a list in linear form; silence if it is in another.
fn linear(list: &mut Playlist, rate: Rate, bytes: &mut [u8], frame: &mut [i16]) -> Filled {
    let form = Codec::L16(rate);
    let filled = list.next(form, FRAME_MS, bytes);
    let n = form.decode(bytes.get(..filled.len).unwrap_or_default(), frame);
    frame.get_mut(n..).unwrap_or_default().fill(0);
    filled
}
