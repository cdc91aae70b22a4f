//! One room: who has a seat, who is inside, and what each is told.

use audio::Rate;
use jiff::Timestamp;
use media::{Engine, Member, RoomCommand, RoomConfig, RoomId};

use super::{ConferenceView, MemberView, RoomNews, Seat};
use crate::call::{CallId, LegKey, Mail, post};
use crate::events::wall_clock;

/// A room with somebody in it.
pub(super) struct Room {
    id: RoomId,
    rate: Rate,
    opened: Timestamp,
    places: Vec<Place>,
}

struct Place {
    seat: Seat,
    /// Whether the engine has it in the room.
    inside: bool,
    /// What it was told last.
    alone: Option<bool>,
}

/// Of the sound that a leg's rate is mixed in: there are narrow rooms and wide ones.
fn suited(rate: Rate) -> Rate {
    if rate == Rate::NARROW { Rate::NARROW } else { Rate::WIDE }
}

impl Room {
    pub(super) fn open(engine: &Engine, rate: Rate) -> Result<Room, media::Error> {
        let rate = suited(rate);
        let id = engine.open_room(RoomConfig { rate })?;
        Ok(Room { id, rate, opened: wall_clock(), places: Vec::new() })
    }

    pub(super) fn id(&self) -> RoomId {
        self.id
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether somebody more would be too many, for those inside or for the one who comes.
    pub(super) fn is_full(&self, seat: &Seat) -> bool {
        let limits = self.places.iter().map(|place| place.seat.joining.most);
        let most = limits.chain([seat.joining.most]).flatten().min();
        most.is_some_and(|most| self.places.len() >= most as usize)
    }

    /// Gives somebody a seat.
    pub(super) fn take(&mut self, engine: &Engine, seat: Seat) -> Result<(), media::Error> {
        if suited(seat.rate) > self.rate {
            self.widen(engine)?;
        }
        self.places.push(Place { seat, inside: false, alone: None });
        self.settle(engine);
        Ok(())
    }

    /// Takes a seat away.
    pub(super) fn give_up(&mut self, engine: &Engine, key: LegKey) -> Option<Seat> {
        let at = self.places.iter().position(|place| place.seat.key == key)?;
        let place = self.places.remove(at);
        if place.inside {
            // A leg that is gone has left already.
            let _ = engine.leave(self.id, place.seat.leg);
        }
        self.settle(engine);
        Some(place.seat)
    }

    pub(super) fn close(&mut self, engine: &Engine) {
        self.places.clear();
        if let Err(error) = engine.send_to_room(self.id, RoomCommand::Close) {
            tracing::warn!(%error, room = %self.id, "a room is not closed");
        }
    }

    /// Whether a leg is inside, and the engine's room of this name is the one.
    pub(super) fn holds(&self, key: LegKey, id: RoomId) -> bool {
        self.id == id && self.places.iter().any(|place| place.inside && place.seat.key == key)
    }

    /// Changes seats; whether there was one to change.
    pub(super) fn change(
        &mut self,
        engine: &Engine,
        which: impl Fn(&Seat) -> bool,
        mut change: impl FnMut(&mut Seat),
    ) -> bool {
        let mut found = false;
        for place in self.places.iter_mut().filter(|place| which(&place.seat)) {
            found = true;
            change(&mut place.seat);
            if place.inside
                && let Err(error) = engine.change(self.id, place.seat.leg, member(&place.seat))
            {
                tracing::warn!(%error, room = %self.id, "a member is not changed");
            }
        }
        found
    }

    /// Tells the member of a call; whose leg that is.
    pub(super) fn tell(&self, call: CallId, news: RoomNews) -> Option<LegKey> {
        let place = self.places.iter().find(|place| place.seat.call == call)?;
        post(&place.seat.mail, Mail::Room(place.seat.key, news));
        Some(place.seat.key)
    }

    pub(super) fn tell_all(&self, news: RoomNews) {
        for place in &self.places {
            post(&place.seat.mail, Mail::Room(place.seat.key, news));
        }
    }

    /// All move to a room that mixes wide sound.
    fn widen(&mut self, engine: &Engine) -> Result<(), media::Error> {
        let id = engine.open_room(RoomConfig { rate: Rate::WIDE })?;
        let old = std::mem::replace(&mut self.id, id);
        self.rate = Rate::WIDE;
        for place in &mut self.places {
            if place.inside {
                place.inside = enter(engine, id, &place.seat);
            }
        }
        // Whoever could not move has no room any more, and is let in when somebody comes or goes.
        let _ = engine.send_to_room(old, RoomCommand::Close);
        Ok(())
    }

    /// Lets in who may come in, and tells who is alone now.
    fn settle(&mut self, engine: &Engine) {
        let led = self.places.iter().any(|place| place.seat.joining.moderator);
        for place in &mut self.places {
            if !place.inside && (led || !place.seat.joining.waits) {
                place.inside = enter(engine, self.id, &place.seat);
            }
        }
        let inside = self.places.iter().filter(|place| place.inside).count();
        for place in &mut self.places {
            let alone = !place.inside || inside == 1;
            if place.alone != Some(alone) {
                place.alone = Some(alone);
                post(&place.seat.mail, Mail::Room(place.seat.key, RoomNews::Alone(alone)));
            }
        }
    }

    pub(super) fn view(&self, name: &str) -> ConferenceView {
        let members = self.places.iter().map(|Place { seat, inside, .. }| MemberView {
            call: seat.call,
            party: seat.party.clone(),
            since: seat.since,
            moderator: seat.joining.moderator,
            muted: seat.joining.muted,
            deaf: seat.joining.deaf,
            waiting: !inside,
        });
        ConferenceView {
            name: name.to_owned(),
            rate: self.rate.hertz(),
            opened: self.opened,
            members: members.collect(),
        }
    }
}

/// Lets a leg in; whether that worked.
fn enter(engine: &Engine, id: RoomId, seat: &Seat) -> bool {
    let entered = engine.join(id, seat.leg, seat.number, member(seat));
    if let Err(error) = &entered {
        tracing::warn!(%error, room = %id, leg = %seat.leg, "a member does not get in");
    }
    entered.is_ok()
}

fn member(seat: &Seat) -> Member {
    Member { mute: seat.joining.muted || seat.held, deaf: seat.joining.deaf, ..Member::default() }
}
