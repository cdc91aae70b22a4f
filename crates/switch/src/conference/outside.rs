//! What is asked of rooms from outside, over the HTTP API: locking, recording, how members take part, and who hears whom.

use std::sync::Arc;

use flow::ir::Relation;

use super::taping::Taping;
use super::{ConferenceView, Conferences, LOUDNESS_DB, Seat};
use crate::Switch;
use crate::call::CallId;
use crate::control::RecordingOrder;

/// What is to change about a room; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// Nobody else is let in but those who lead it.
    pub locked: Option<bool>,
    /// Whether all that is said is recorded.
    pub recording: Option<RoomRecording>,
}

/// How a room is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomRecording {
    /// From when somebody is inside; one that was paused goes on.
    On,
    /// What runs leaves out what comes, until it is to be on again.
    Paused(media::Pause),
    /// No longer, whatever members' flows want.
    Off,
}

/// Why a room was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotChanged {
    /// It is not there.
    #[error("nobody is in a conference {0:?}")]
    Empty(String),
    /// Nothing runs that could be paused.
    #[error("recording: the conference {0:?} is not recorded now, so that there is nothing to pause")]
    NotRecorded(String),
}

/// What is to change about a member; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemberChange {
    /// The others do not hear it.
    pub muted: Option<bool>,
    /// It does not hear the others.
    pub deaf: Option<bool>,
    /// How much louder than usual the others hear it, in dB; cut to [`LOUDNESS_DB`].
    pub gain_db: Option<f32>,
    /// How much louder than usual it hears the others, in dB; cut to [`LOUDNESS_DB`].
    pub volume_db: Option<f32>,
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
    /// Changes a room; how it is then.
    fn change_room(self: &Arc<Self>, name: &str, change: RoomChange) -> Result<ConferenceView, NotChanged> {
        let mut rooms = crate::lock(&self.rooms);
        let room = rooms.get_mut(name).ok_or_else(|| NotChanged::Empty(name.to_owned()))?;
        match change.recording {
            Some(RoomRecording::On) => {
                self.steer(room, RecordingOrder::Resume);
                room.taping = Taping::On;
                self.tape(name, room);
            }
            Some(RoomRecording::Paused(_)) if room.tape.is_none() => {
                return Err(NotChanged::NotRecorded(name.to_owned()));
            }
            Some(RoomRecording::Paused(pause)) => self.steer(room, RecordingOrder::Pause(pause)),
            Some(RoomRecording::Off) => {
                self.steer(room, RecordingOrder::Stop);
                room.taping = Taping::Off;
            }
            None => {}
        }
        room.locked = change.locked.unwrap_or(room.locked);
        Ok(room.view(&self.engine, name))
    }

    /// Changes how the members of this call take part; whether there is one.
    pub(crate) fn set(&self, name: &str, call: CallId, wanted: MemberChange) -> bool {
        let MemberChange { muted, deaf, gain_db, volume_db } = wanted;
        let cut = |db: f32| db.clamp(*LOUDNESS_DB.start(), *LOUDNESS_DB.end());
        let change = |seat: &mut Seat| {
            seat.joining.muted = muted.unwrap_or(seat.joining.muted);
            seat.joining.deaf = deaf.unwrap_or(seat.joining.deaf);
            seat.loudness.gain_db = gain_db.map_or(seat.loudness.gain_db, cut);
            seat.loudness.volume_db = volume_db.map_or(seat.loudness.volume_db, cut);
        };
        self.change(name, |seat| seat.call() == call, change)
    }
}

impl Switch {
    /// Locks a room or records it, or no longer; how it is then. Needs a tokio context.
    ///
    /// # Errors
    /// [`NotChanged`], and then nothing is.
    pub fn change_room(&self, room: &str, change: RoomChange) -> Result<ConferenceView, NotChanged> {
        self.shared.conferences.change_room(room, change)
    }

    /// The conference of this name, if somebody is in it.
    pub fn conference(&self, name: &str) -> Option<ConferenceView> {
        self.shared.conferences.view(name)
    }

    /// Changes whether and how loud the member of this call is heard and hears; whether there is one. Needs a tokio
    /// context, as does [`Switch::remove_member`].
    pub fn change_member(&self, room: &str, call: CallId, change: MemberChange) -> bool {
        self.shared.conferences.set(room, call, change)
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
