//! What is asked of rooms from outside, over the HTTP API: locking, recording, and who hears whom.

use std::sync::Arc;

use flow::ir::Relation;

use super::taping::Taping;
use super::{ConferenceView, Conferences};
use crate::Switch;

/// What is to change about a room; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// Nobody else is let in but those who lead it.
    pub locked: Option<bool>,
    /// All that is said is recorded, from when somebody is inside; or no longer, whatever members' flows want.
    pub recording: Option<bool>,
}

/// How one member hears and is heard by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Both hear each other.
    Clear,
    /// The other does not hear it.
    Mute,
    /// It does not hear the other.
    Deaf,
}

impl Conferences {
    /// Changes a room; how it is then, `None` if it is not there.
    fn change_room(self: &Arc<Self>, name: &str, change: RoomChange) -> Option<ConferenceView> {
        let mut rooms = crate::lock(&self.rooms);
        let room = rooms.get_mut(name)?;
        room.locked = change.locked.unwrap_or(room.locked);
        match change.recording {
            Some(true) => {
                room.taping = Taping::On;
                self.tape(name, room);
            }
            Some(false) => {
                room.taping = Taping::Off;
                self.untape(room);
            }
            None => {}
        }
        Some(room.view(name))
    }
}

impl Switch {
    /// Locks a room or records it, or no longer; how it is then, `None` if nobody is in a room of this name. Needs a tokio
    /// context.
    pub fn change_room(&self, room: &str, change: RoomChange) -> Option<ConferenceView> {
        self.shared.conferences.change_room(room, change)
    }

    /// Lets a member hear another and be heard by it, or not; each is named by its call, its number in the room, or whose
    /// phone it is. Whether both are there.
    pub fn relate(&self, room: &str, member: &str, other: &str, hearing: Hearing) -> bool {
        let relation = match hearing {
            Hearing::Clear => Relation::Clear,
            Hearing::Mute => Relation::Mute,
            Hearing::Deaf => Relation::Deaf,
        };
        self.shared.conferences.relate(room, &[member.to_owned()], &[other.to_owned()], relation)
    }
}
