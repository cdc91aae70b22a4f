//! Rooms and their members as others see them.

use std::time::Duration;

use jiff::Timestamp;

use crate::call::CallId;

/// A room as others see it.
#[derive(Clone, Debug)]
pub struct ConferenceView {
    /// Its name.
    pub name: String,
    /// Samples a second that are mixed.
    pub rate: u32,
    /// Since when it is there.
    pub opened: Timestamp,
    /// Nobody else is let in.
    pub locked: bool,
    /// The id of the recording that runs.
    pub recording: Option<String>,
    /// What its pause leaves in the file, if it is paused.
    pub paused: Option<media::Pause>,
    /// In the order in which they came.
    pub members: Vec<MemberView>,
}

/// Somebody in a room, as others see it.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Its number in the room; nobody else there ever has the same.
    pub number: u32,
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
    /// How much louder than usual the others hear it, in dB.
    pub gain_db: f32,
    /// How much louder than usual it hears the others, in dB.
    pub volume_db: f32,
    /// It talks; pauses of less than half a second are part of that.
    pub talking: bool,
    /// For how long it has talked since it came.
    pub talked: Duration,
    /// Of all who talked it spoke most audibly last.
    pub active_speaker: bool,
    /// The calls of those whom it does not hear, though it hears others.
    pub not_heard: Vec<CallId>,
    /// It is not inside yet: no moderator is.
    pub waiting: bool,
}
