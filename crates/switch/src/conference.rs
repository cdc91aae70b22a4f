//! Conferences: the engine's rooms, by name.
//!
//! Whoever names the same room meets there. A room is opened with its first member and closed with its last.
//! It mixes narrow sound as long as all its members are narrow, and moves to a wide one with the first who is not.
//! Members belong to calls, which ask for a seat, and are told by letter what changes around them.

mod room;
mod tones;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Mutex;

use audio::Rate;
use flow::leg::Joining;
use jiff::Timestamp;
use media::{Engine, LegId, RoomId};
use tokio::sync::mpsc;

use self::room::Room;
use self::tones::{Tone, Tones};
use crate::call::{CallId, LegKey, Mail};

/// The rooms of a switch.
pub(crate) struct Conferences {
    engine: Engine,
    rooms: Mutex<BTreeMap<String, Room>>,
    tones: Tones,
}

/// Somebody in a room, or before its door.
pub(crate) struct Seat {
    pub(crate) call: CallId,
    pub(crate) key: LegKey,
    pub(crate) leg: LegId,
    /// The leg's own number for its stay.
    pub(crate) number: u64,
    /// At which the leg works.
    pub(crate) rate: Rate,
    /// Who it is.
    pub(crate) party: String,
    pub(crate) since: Timestamp,
    pub(crate) joining: Joining,
    /// Its far end has put us on hold; its music is not for the room.
    pub(crate) held: bool,
    pub(crate) mail: mpsc::Sender<Box<Mail>>,
}

/// What is told to a member's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomNews {
    /// Whether nobody else is there, or it still waits for a moderator.
    Alone(bool),
    /// It was sent out; its seat is gone.
    Removed,
    /// The room is closed; its seat is gone.
    Closed,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotIn {
    #[error("the room is full")]
    Full,
    #[error(transparent)]
    Media(#[from] media::Error),
}

/// A room as others see it.
#[derive(Clone, Debug)]
pub struct ConferenceView {
    /// Its name.
    pub name: String,
    /// Samples a second that are mixed.
    pub rate: u32,
    /// Since when it is there.
    pub opened: Timestamp,
    /// In the order in which they came.
    pub members: Vec<MemberView>,
}

/// Somebody in a room, as others see it.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Its call, which names it.
    pub call: CallId,
    /// Who it is.
    pub party: String,
    /// Since when.
    pub since: Timestamp,
    /// It leads the room.
    pub moderator: bool,
    /// The others do not hear it.
    pub muted: bool,
    /// It does not hear the others.
    pub deaf: bool,
    /// It is not inside yet: no moderator is.
    pub waiting: bool,
}

impl Conferences {
    pub(crate) fn new(engine: Engine) -> Conferences {
        Conferences { engine, rooms: Mutex::default(), tones: Tones::default() }
    }

    /// Gives somebody a seat in the room that it names.
    pub(crate) fn join(&self, seat: Seat) -> Result<(), NotIn> {
        let (engine, tone) = (&self.engine, seat.joining.entry_tone);
        let mut rooms = crate::lock(&self.rooms);
        let room = match rooms.entry(seat.joining.room.clone()) {
            Entry::Occupied(room) if room.get().is_full(&seat) => return Err(NotIn::Full),
            Entry::Occupied(room) => room.into_mut(),
            Entry::Vacant(place) => place.insert(Room::open(engine, seat.rate)?),
        };
        room.take(engine, seat)?;
        if tone {
            self.tones.play(engine, room, Tone::Entry);
        }
        Ok(())
    }

    /// Takes the seat of a leg away, whoever wants that. With some members the room goes.
    pub(crate) fn leave(&self, name: &str, key: LegKey) {
        let mut rooms = crate::lock(&self.rooms);
        let Some(room) = rooms.get_mut(name) else { return };
        let Some(left) = room.give_up(&self.engine, key) else { return };
        if left.joining.closes {
            room.tell_all(RoomNews::Closed);
        }
        if left.joining.closes || room.is_empty() {
            room.close(&self.engine);
            rooms.remove(name);
        } else if left.joining.exit_tone {
            self.tones.play(&self.engine, room, Tone::Exit);
        }
    }

    /// The engine let the leg go from its room. Whether that was the room it is to be in: then its seat is gone.
    pub(crate) fn dropped(&self, name: &str, key: LegKey, id: RoomId) -> bool {
        let ours = crate::lock(&self.rooms).get(name).is_some_and(|room| room.holds(key, id));
        if ours {
            self.leave(name, key);
        }
        ours
    }

    /// The far end of a member holds us, or no longer does.
    pub(crate) fn hold(&self, name: &str, key: LegKey, held: bool) {
        self.change(name, |seat| seat.key == key, |seat| seat.held = held);
    }

    /// Changes what the members of this call say and hear; whether there is one.
    pub(crate) fn set(&self, name: &str, call: CallId, muted: Option<bool>, deaf: Option<bool>) -> bool {
        let change = |seat: &mut Seat| {
            seat.joining.muted = muted.unwrap_or(seat.joining.muted);
            seat.joining.deaf = deaf.unwrap_or(seat.joining.deaf);
        };
        self.change(name, |seat| seat.call == call, change)
    }

    /// Sends the member of this call out; whether there is one.
    pub(crate) fn remove(&self, name: &str, call: CallId) -> bool {
        let seat = crate::lock(&self.rooms).get(name).and_then(|room| room.tell(call, RoomNews::Removed));
        if let Some(key) = seat {
            self.leave(name, key);
        }
        seat.is_some()
    }

    /// All rooms, by name.
    pub(crate) fn views(&self) -> Vec<ConferenceView> {
        crate::lock(&self.rooms).iter().map(|(name, room)| room.view(name)).collect()
    }

    /// Rooms, and members in all of them.
    pub(crate) fn count(&self) -> (usize, usize) {
        let rooms = crate::lock(&self.rooms);
        (rooms.len(), rooms.values().map(Room::len).sum())
    }

    fn change(&self, name: &str, which: impl Fn(&Seat) -> bool, change: impl FnMut(&mut Seat)) -> bool {
        let mut rooms = crate::lock(&self.rooms);
        rooms.get_mut(name).is_some_and(|room| room.change(&self.engine, which, change))
    }
}
