//! What a member asks of its room by keys; some of it is for those who lead the room.

use std::sync::Arc;

use super::taping::Taping;
use super::{Conferences, RoomNews, Seat, Turn};
use crate::call::LegKey;

/// What a member wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To be heard no more, or again.
    Mute,
    /// To hear the others no more, or again.
    Deaf,
    /// To be heard louder or quieter by the others.
    Gain(Turn),
    /// To hear the others louder or quieter.
    Volume(Turn),
    /// To know how many are there.
    Count,
    /// That nobody else is let in, or that others are again. For who leads the room, as all that follows.
    Lock,
    /// That none of the others who do not lead is heard, or that they are again.
    MuteAll,
    /// That the one who came last of those who do not lead is sent out.
    SendOut,
    /// That the room is recorded, or no longer.
    Record,
    /// To add somebody.
    Add,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    Muted(bool),
    Deaf(bool),
    /// In dB, as they are now.
    Gain(i32),
    Volume(i32),
    Count(usize),
    Locked(bool),
    AllMuted(bool),
    /// Whether there was somebody.
    SentOut(bool),
    Recorded(bool),
    /// The number may follow.
    Adding,
    /// Whether the number is called.
    Added(bool),
    /// It is not for this member to ask.
    Denied,
}

impl Conferences {
    /// Does what the member with this leg wants; `None` if it has no seat there.
    pub(crate) fn wish(self: &Arc<Self>, name: &str, key: LegKey, wish: Wish) -> Option<Granted> {
        let mut rooms = crate::lock(&self.rooms);
        let room = rooms.get_mut(name)?;
        let seat = room.seat(key)?;
        let (leads, muted, deaf) = (seat.joining.moderator, seat.joining.muted, seat.joining.deaf);
        let loudness = seat.loudness;
        let own = |seat: &Seat| seat.key == key;
        Some(match wish {
            Wish::Mute => {
                room.change(&self.engine, own, |seat| seat.joining.muted = !muted);
                Granted::Muted(!muted)
            }
            Wish::Deaf => {
                room.change(&self.engine, own, |seat| seat.joining.deaf = !deaf);
                Granted::Deaf(!deaf)
            }
            Wish::Gain(turn) => {
                let db = turn.of(loudness.gain_db);
                room.change(&self.engine, own, |seat| seat.loudness.gain_db = db);
                Granted::Gain(db.round() as i32)
            }
            Wish::Volume(turn) => {
                let db = turn.of(loudness.volume_db);
                room.change(&self.engine, own, |seat| seat.loudness.volume_db = db);
                Granted::Volume(db.round() as i32)
            }
            Wish::Count => Granted::Count(room.len()),
            _ if !leads => Granted::Denied,
            Wish::Lock => {
                room.locked = !room.locked;
                Granted::Locked(room.locked)
            }
            Wish::MuteAll => {
                let on = room.seats().any(|seat| !seat.joining.moderator && !seat.joining.muted);
                room.change(&self.engine, |seat| !seat.joining.moderator, |seat| seat.joining.muted = on);
                room.tell_those(|seat| !seat.joining.moderator, RoomNews::Muted(on));
                Granted::AllMuted(on)
            }
            Wish::SendOut => {
                let last = room.seats().filter(|seat| !seat.joining.moderator).last();
                let last = last.map(|seat| seat.key);
                if let Some(last) = last {
                    room.tell_those(|seat| seat.key == last, RoomNews::Removed);
                    drop(rooms);
                    self.leave(name, last);
                }
                Granted::SentOut(last.is_some())
            }
            Wish::Add => Granted::Adding,
            Wish::Record if room.tape.is_some() => {
                room.taping = Taping::Off;
                self.untape(room);
                Granted::Recorded(false)
            }
            Wish::Record => {
                room.taping = Taping::On;
                self.tape(name, room);
                Granted::Recorded(room.tape.is_some())
            }
        })
    }
}
