//! One room: who has a seat, who is inside, and what each is told.

use std::sync::Arc;

use audio::Rate;
use flow::ir::FileFormat;
use jiff::Timestamp;
use media::{Engine, Member, RoomCommand, RoomConfig, RoomId};
use tokio::task::AbortHandle;

use super::announcing::Announcer;
use super::auditing::Auditor;
use super::relating::Relations;
use super::talking::factor;
use super::taping::{Tape, Taping};
use super::{ConferenceView, MemberView, RoomNews, Seat};
use crate::book::Record;
use crate::call::{CallId, LegKey, Mail, post};
use crate::events::{monotonic, wall_clock};

/// A room with somebody in it.
pub(super) struct Room {
    id: RoomId,
    opened: Timestamp,
    places: Vec<Place>,
    /// Members so far.
    numbers: u32,
    /// Nobody else is let in but those who lead it.
    pub(super) locked: bool,
    pub(super) announcer: Announcer,
    pub(super) relations: Relations,
    pub(super) audience: Vec<Auditor>,
    /// Who spoke most audibly last.
    pub(super) speaker: Option<LegKey>,
    pub(super) taping: Taping,
    pub(super) tape: Option<Arc<Tape>>,
    /// No other room of this name has it.
    serial: u64,
    /// What closes the room after its time.
    limit: Option<Limit>,
}

/// Ends the task with the room.
struct Limit(AbortHandle);

impl Drop for Limit {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Place {
    seat: Seat,
    /// See [`MemberView::number`].
    number: u32,
    /// Whether the engine has it in the room.
    inside: bool,
    /// What it was told last.
    alone: Option<bool>,
    /// The recording that its call has noted.
    taped: Option<u64>,
}

/// Whether a member is called so: a user's name, or the address of one who calls.
fn same_party(party: &str, name: &str) -> bool {
    let user = party.split_once(':').map_or(party, |(_, rest)| rest);
    party == name || user.split(['@', ';']).next() == Some(name)
}

impl Room {
    pub(super) fn open(engine: &Engine, rate: Rate, serial: u64) -> Result<Room, media::Error> {
        let id = engine.open_room(RoomConfig::suiting(rate))?;
        Ok(Room {
            id,
            opened: wall_clock(),
            places: Vec::new(),
            numbers: 0,
            locked: false,
            announcer: Announcer::default(),
            relations: Relations::default(),
            audience: Vec::new(),
            speaker: None,
            taping: Taping::default(),
            tape: None,
            serial,
            limit: None,
        })
    }

    pub(super) fn id(&self) -> RoomId {
        self.id
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// What closes the room after its time, if nothing does yet.
    pub(super) fn limit(&mut self, begin: impl FnOnce() -> AbortHandle) {
        self.limit.get_or_insert_with(|| Limit(begin()));
    }

    /// At which it mixes now; wider, perhaps, with the next who comes.
    pub(super) fn rate(&self, engine: &Engine) -> Rate {
        engine.room_rate(self.id).unwrap_or(Rate::NARROW)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// In the order in which they came.
    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.places.iter().map(|place| &place.seat)
    }

    pub(super) fn seats_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.places.iter_mut().map(|place| &mut place.seat)
    }

    pub(super) fn seat(&self, key: LegKey) -> Option<&Seat> {
        self.seats().find(|seat| seat.key == key)
    }

    /// The leg of the first who is called by one of these names.
    pub(super) fn named(&self, names: &[String]) -> Option<LegKey> {
        let is = |place: &&Place, name: &String| {
            same_party(&place.seat.party, name)
                || place.number.to_string() == *name
                || place.seat.call().to_string() == *name
        };
        let found = names.iter().find_map(|name| self.places.iter().find(|place| is(place, name)));
        found.map(|place| place.seat.key)
    }

    /// Whether somebody more would be too many, for those inside or for the one who comes.
    pub(super) fn is_full(&self, seat: &Seat) -> bool {
        let limits = self.places.iter().map(|place| place.seat.joining.most);
        let most = limits.chain([seat.joining.most]).flatten().min();
        most.is_some_and(|most| self.places.len() >= most as usize)
    }

    pub(super) fn is_locked_for(&self, seat: &Seat) -> bool {
        self.locked && !seat.joining.moderator
    }

    /// Whether somebody is there who leads it.
    pub(super) fn is_led(&self) -> bool {
        self.seats().any(|seat| seat.joining.moderator)
    }

    /// The form in which a member's flow wants it recorded.
    pub(super) fn asked_format(&self) -> Option<FileFormat> {
        self.seats().find_map(|seat| seat.joining.record)
    }

    /// Those who are inside and have not noted what is recorded.
    pub(super) fn untold_of(&mut self, tape: u64) -> Vec<Arc<Record>> {
        let untold = self.places.iter_mut().filter(|place| place.inside && place.taped != Some(tape));
        let told = untold.map(|place| {
            place.taped = Some(tape);
            place.seat.record.clone()
        });
        told.collect()
    }

    /// Who was the first to come of those who are inside.
    pub(super) fn first_inside(&self) -> Option<&Arc<Record>> {
        self.places.iter().find(|place| place.inside).map(|place| &place.seat.record)
    }

    /// Gives somebody a seat; whether it is inside.
    pub(super) fn take(&mut self, engine: &Engine, seat: Seat) -> bool {
        let key = seat.key;
        self.numbers += 1;
        self.places.push(Place { seat, number: self.numbers, inside: false, alone: None, taped: None });
        self.settle(engine);
        self.places.iter().any(|place| place.inside && place.seat.key == key)
    }

    /// Takes a seat away; whose it was, and whether it was inside. The others are told by [`Room::settle`].
    pub(super) fn give_up(&mut self, engine: &Engine, key: LegKey) -> Option<(Seat, bool)> {
        let at = self.places.iter().position(|place| place.seat.key == key)?;
        let place = self.places.remove(at);
        self.dismiss(engine, |auditor| auditor.of == key);
        self.relations.forget(key);
        self.speaker = self.speaker.filter(|speaker| *speaker != key);
        if place.inside {
            // A leg that is gone has left already.
            let _ = engine.leave(self.id, place.seat.leg);
        }
        Some((place.seat, place.inside))
    }

    pub(super) fn close(&mut self, engine: &Engine) {
        let now = monotonic();
        self.seats().for_each(|seat| seat.note_talk(now));
        self.places.clear();
        self.dismiss(engine, |_| true);
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
        }
        // Who listens to one who is deaf now, or no longer, hears the others as it does.
        let all = !self.audience.is_empty();
        self.apply(engine, |seat| all || which(seat));
        found
    }

    /// The engine does as these seats are now.
    pub(super) fn apply(&self, engine: &Engine, which: impl Fn(&Seat) -> bool) {
        for place in self.places.iter().filter(|place| place.inside && which(&place.seat)) {
            if let Err(error) = engine.change(self.id, place.seat.leg, self.member(&place.seat)) {
                tracing::warn!(%error, room = %self.id, "a member is not changed");
            }
        }
    }

    /// Tells the member of a call; whose leg that is.
    pub(super) fn tell(&self, call: CallId, news: RoomNews) -> Option<LegKey> {
        let seat = self.seats().find(|seat| seat.call() == call)?;
        post(&seat.mail, Mail::Room(seat.key, news));
        Some(seat.key)
    }

    pub(super) fn tell_those(&self, which: impl Fn(&Seat) -> bool, news: RoomNews) {
        for seat in self.seats().filter(|seat| which(seat)) {
            post(&seat.mail, Mail::Room(seat.key, news));
        }
    }

    pub(super) fn tell_all(&self, news: RoomNews) {
        self.tell_those(|_| true, news);
    }

    /// Whether somebody who may come in could not: a worker was too busy.
    pub(super) fn owes(&self) -> bool {
        let led = self.is_led();
        self.places.iter().any(|place| !place.inside && (led || !place.seat.joining.waits))
    }

    /// Lets in who may come in, and tells who is alone now.
    pub(super) fn settle(&mut self, engine: &Engine) {
        let led = self.is_led();
        for at in 0..self.places.len() {
            let may = self.places.get(at).is_some_and(|place| led || !place.seat.joining.waits);
            self.enter(engine, at, may);
        }
        let inside = self.places.iter().filter(|place| place.inside).count();
        let speaks = self.announcer.speaks();
        for place in &mut self.places {
            let alone = !place.inside || inside == 1 && !speaks;
            if place.alone != Some(alone) {
                place.alone = Some(alone);
                post(&place.seat.mail, Mail::Room(place.seat.key, RoomNews::Alone(alone)));
            }
        }
    }

    /// Lets the one at this place in, if it may and is not inside.
    fn enter(&mut self, engine: &Engine, at: usize, may: bool) {
        let Some(place) = self.places.get(at).filter(|place| may && !place.inside) else { return };
        let seat = &place.seat;
        let entered = engine.join(self.id, seat.leg, seat.number, self.member(seat));
        if let Err(error) = &entered {
            tracing::warn!(%error, room = %self.id, leg = %seat.leg, "a member does not get in");
        }
        if let Some(place) = self.places.get_mut(at) {
            place.inside = entered.is_ok();
        }
    }

    fn member(&self, seat: &Seat) -> Member {
        Member {
            mute: seat.joining.muted || seat.held,
            deaf: seat.joining.deaf,
            gain: factor(seat.loudness.gain_db),
            volume: factor(seat.loudness.volume_db),
            pairs: self.pairs(seat.key),
            ..Member::default()
        }
    }

    pub(super) fn view(&self, engine: &Engine, name: &str) -> ConferenceView {
        let now = monotonic();
        let members = self.places.iter().map(|Place { seat, number, inside, .. }| MemberView {
            number: *number,
            call: seat.call(),
            party: seat.party.clone(),
            since: seat.since,
            moderator: seat.joining.moderator,
            muted: seat.joining.muted,
            deaf: seat.joining.deaf,
            gain_db: seat.loudness.gain_db,
            volume_db: seat.loudness.volume_db,
            talking: seat.talk.is_on(),
            talked: seat.talk.whole(now),
            active_speaker: self.speaker == Some(seat.key),
            not_heard: self.not_heard_by(seat.key),
            waiting: !inside,
        });
        ConferenceView {
            name: name.to_owned(),
            rate: self.rate(engine).hertz(),
            opened: self.opened,
            locked: self.locked,
            recording: self.tape.as_ref().map(|tape| tape.id.clone()),
            paused: self.tape.as_ref().and_then(|tape| tape.paused()),
            members: members.collect(),
        }
    }
}
