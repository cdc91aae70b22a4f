//! Who comes into rooms and who goes, by order.

use audio::resample::Resampler;

use super::timetable::Entry;
use super::{Worker, find};
use crate::ears::Kit;
use crate::event::Event;
use crate::id::{LegId, PartId};
use crate::io::Io;
use crate::order::{Joining, Order, Out, RoomOrder, Spent};
use crate::room::{PERIOD, Room, Seat, Way, Who};

impl<I: Io> Worker<I> {
    /// Obey what a part of a room is asked to do. What finds no room goes out again.
    pub(super) fn obey_room(&mut self, part: PartId, order: RoomOrder) {
        if let RoomOrder::Open(room) = order {
            return self.open_room(room);
        }
        let Some(mut room) = self.take_room(part.place) else { return self.refuse(part, order) };
        if room.part != part {
            self.put_room(room);
            return self.refuse(part, order);
        }
        match order {
            RoomOrder::Open(_) => {}
            RoomOrder::Join(joining) => self.join(&mut room, joining),
            RoomOrder::Change(leg, settings) => {
                let settings = match room.find(Who::Leg(leg)) {
                    Some(at) => room.set(at, settings, |event| self.out.event(event)),
                    None => settings,
                };
                self.out.spent(Spent::Settings(settings));
            }
            RoomOrder::Leave(leg) => {
                if let Some(at) = room.find(Who::Leg(leg)) {
                    self.vacate(&mut room, at);
                }
            }
            RoomOrder::Company(company) => room.set_company(company),
            RoomOrder::Play(list, resampler) => {
                self.end_announcement(&mut room, true);
                room.playing = Some(list);
                self.discard(std::mem::replace(&mut room.saying, resampler));
            }
            RoomOrder::Record(recorder, resampler) => {
                self.discard(std::mem::replace(&mut room.taping, resampler));
                let before = room.recorder.replace(recorder);
                before.into_iter().for_each(|recorder| self.out.spent(Spent::Recorder(recorder)));
            }
            RoomOrder::Pause(tag, pause) => {
                if let Some(recorder) = room.recorder.as_mut().filter(|recorder| recorder.tag == tag) {
                    recorder.pause(pause);
                }
            }
            RoomOrder::Stop(tag) => {
                if room.playing.as_ref().is_some_and(|list| list.tag == tag) {
                    self.end_announcement(&mut room, true);
                }
                if room.recorder.as_ref().is_some_and(|recorder| recorder.tag == tag)
                    && let Some(recorder) = room.recorder.take()
                {
                    self.out.spent(Spent::Recorder(recorder));
                }
            }
            RoomOrder::Widen(mut wider) => {
                room.widen(&mut wider);
                self.out.spent(Spent::Wider(wider));
            }
            RoomOrder::Close => return self.close_room(room),
        }
        self.put_room(room);
    }

    fn open_room(&mut self, room: Box<Room>) {
        match self.rooms.get_mut(room.part.place as usize) {
            Some(free) if free.is_none() => *free = Some(room),
            _ => self.out.put(Out::Part(room)),
        }
    }

    fn refuse(&mut self, part: PartId, order: RoomOrder) {
        match order {
            RoomOrder::Join(mut joining) => {
                let seat = joining.seat.take();
                seat.into_iter().for_each(|seat| self.out.put(Out::Seat(part, seat)));
                self.out.spent(Spent::Joining(joining));
            }
            RoomOrder::Play(list, resampler) => {
                self.discard(resampler);
                self.out.event(Event::RoomPlayed { room: part.room, tag: list.tag, stopped: true });
                self.out.spent(Spent::Playlist(list));
            }
            RoomOrder::Record(recorder, resampler) => {
                self.discard(resampler);
                self.out.spent(Spent::Recorder(recorder));
            }
            order => self.out.spent(Spent::Order(Order::Room(part, order))),
        }
    }

    fn discard(&mut self, resampler: Option<Box<Resampler>>) {
        resampler.into_iter().for_each(|resampler| self.out.spent(Spent::Resampler(resampler)));
    }

    /// A room on its way to its turn or to an order; it is put back by [`Worker::put_room`].
    pub(super) fn take_room(&mut self, place: u32) -> Option<Box<Room>> {
        self.rooms.get_mut(place as usize).and_then(Option::take)
    }

    /// Put a room back where it was. A room that nobody is in has no turn: `true` if it had one before.
    pub(super) fn put_room(&mut self, mut room: Box<Room>) -> bool {
        let place = room.part.place;
        let entry = Entry::Room(place);
        let over = room.scheduled && room.is_empty();
        if over {
            self.timetable.remove(entry, PERIOD, 0);
            self.stats.rooms -= 1;
        } else if !room.scheduled && !room.is_empty() {
            self.timetable.add(entry, PERIOD, room.inline());
            self.stats.rooms += 1;
        }
        room.scheduled = !room.is_empty();
        if let Some(free) = self.rooms.get_mut(place as usize) {
            *free = Some(room);
        }
        over
    }

    fn join(&mut self, room: &mut Room, mut joining: Box<Joining>) {
        if let Some(lists) = joining.lists.take() {
            joining.lists = Some(room.grow(lists));
        }
        joining.shared = joining.shared.take().and_then(|shared| room.share(shared));
        if let Some(seat) = joining.seat.take() {
            self.sit_down(room, seat, &mut joining.kit);
        }
        self.out.spent(Spent::Joining(joining));
    }

    fn sit_down(&mut self, room: &mut Room, seat: Box<Seat>, kit: &mut Option<Kit>) {
        let (who, tag, moved) = (seat.who, seat.tag, seat.moved);
        let seated = room.has_room_for(who) && self.fetch_in(room, &seat, kit);
        if !seated {
            return self.out.put(Out::Seat(room.part, seat));
        }
        match room.join(seat, |event| self.out.event(event)) {
            Ok(Some(before)) if before.tag == tag => self.out.spent(Spent::Seat(before)),
            Ok(before) => {
                before.into_iter().for_each(|before| self.out.put(Out::Seat(room.part, before)));
                if let Who::Leg(leg) = who
                    && !moved
                {
                    self.out.event(Event::Joined { room: room.room, leg, tag });
                }
            }
            Err(seat) => self.out.put(Out::Seat(room.part, seat)),
        }
    }

    /// Give a leg that sits inline its turn with the room, wherever it had it before; take the turn from one that does
    /// no longer. `false` if the leg is gone.
    fn fetch_in(&mut self, room: &mut Room, seat: &Seat, kit: &mut Option<Kit>) -> bool {
        let Who::Leg(id) = seat.who else { return true };
        if matches!(seat.way, Way::Ring(_)) {
            if let Some(before) = room.find(seat.who).and_then(|at| room.seats().get(at)) {
                self.unseat(room.part, before);
            }
            return true;
        }
        let part = find(&mut self.legs, id).and_then(|leg| leg.part());
        if let Some(other) = part.filter(|part| *part != room.part) {
            self.leave_part(other, id);
        }
        let Some(leg) = find(&mut self.legs, id) else { return false };
        if leg.part().is_none() {
            self.timetable.remove(Entry::Leg(id.place), leg.period(), 1);
            self.timetable.weigh(Entry::Room(room.part.place), PERIOD, 0, 1);
        }
        leg.join_room(room.part, kit.take(), &mut self.out);
        true
    }

    /// A leg leaves the room that it has its turn with, if it joined by this tag.
    pub(super) fn leave_room(&mut self, id: LegId, tag: Option<u64>) {
        let Some(part) = find(&mut self.legs, id).and_then(|leg| leg.part()) else { return };
        let seat = self.rooms.get(part.place as usize).and_then(Option::as_ref);
        let joined = seat.and_then(|room| room.seats().get(room.find(Who::Leg(id))?)).map(|seat| seat.tag);
        if tag.is_none() || tag == joined {
            self.leave_part(part, id);
        }
    }

    /// A leg leaves a part of a room.
    pub(super) fn leave_part(&mut self, part: PartId, leg: LegId) {
        let Some(mut room) = self.take_room(part.place) else { return };
        if let Some(at) = room.find(Who::Leg(leg)).filter(|_| room.part == part) {
            self.vacate(&mut room, at);
        }
        self.put_room(room);
    }

    /// The end of all rooms.
    pub(super) fn close_rooms(&mut self) {
        for place in 0..self.rooms.len() as u32 {
            if let Some(room) = self.take_room(place) {
                self.close_room(room);
            }
        }
    }

    pub(super) fn close_room(&mut self, mut room: Box<Room>) {
        self.end_announcement(&mut room, true);
        if let Some(recorder) = room.recorder.take() {
            self.out.spent(Spent::Recorder(recorder));
        }
        while !room.is_empty() {
            self.vacate(&mut room, 0);
        }
        let place = room.part.place as usize;
        self.put_room(room);
        if let Some(room) = self.rooms.get_mut(place).and_then(Option::take) {
            self.out.put(Out::Part(room));
        }
    }
}
