//! What a room is and how somebody takes part in it, as those who ask for it say it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audio::Rate;
use audio::mix::Gain;

use crate::command::Repeat;
use crate::id::LegId;
use crate::prompt::Prompt;
use crate::recording::{Format, Pause};
use crate::room::Settings;

/// How a room is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomConfig {
    /// Of the samples that are mixed: 8, 16, 24 or 48 kHz. Members of other rates are resampled, both ways.
    pub rate: Rate,
    /// Go on at a higher rate, with all that is said and recorded, as soon as there is a member who speaks wider.
    pub widens: bool,
}

/// What rooms are mixed at.
const RATES: [Rate; 4] = [Rate::NARROW, Rate::WIDE, Rate(24_000), Rate::FULL];

impl RoomConfig {
    /// A room that begins with the least rate in which nothing is lost of what a leg of this rate says, and widens.
    pub fn suiting(rate: Rate) -> RoomConfig {
        let rate = RATES.into_iter().find(|room| *room >= rate).unwrap_or(Rate::FULL);
        RoomConfig { rate, widens: true }
    }

    /// Whether there are rooms of this rate.
    pub(crate) fn has(rate: Rate) -> bool {
        RATES.contains(&rate)
    }
}

impl Default for RoomConfig {
    fn default() -> RoomConfig {
        RoomConfig { rate: Rate::WIDE, widens: false }
    }
}

/// How a leg takes part in a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Nobody hears it.
    pub mute: bool,
    /// It hears nobody.
    pub deaf: bool,
    /// How loud it is heard: a factor, at most 8.
    pub gain: f32,
    /// How loud it hears the others: a factor, at most 8.
    pub volume: f32,
    /// Heard only by those of `pairs`: a coach, a whisper.
    pub private: bool,
    /// How loud single others hear it, as a factor instead of 1; 0 is not at all.
    pub pairs: Vec<(LegId, f32)>,
    /// What it hears while it is alone, over and over: in its own form ([`LegSetup::form`](crate::LegSetup::form))
    /// or, as it must be if its packet time is not 20 ms, as [`Codec::L16`](audio::codec::Codec::L16) at the room's rate.
    /// In the latter form it falls silent where the room becomes wider.
    pub music: Vec<Arc<Prompt>>,
}

/// What a room is asked to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum RoomCommand {
    /// Let all hear these, in order, over what they hear. What was playing ends with `RoomPlayed { stopped: true }`.
    /// → [`Event::RoomPlayed`](crate::Event::RoomPlayed)
    Play {
        /// Comes back in the event.
        tag: u64,
        /// As [`Codec::L16`](audio::codec::Codec::L16) of one of the rates that rooms have, the same for all.
        items: Vec<Arc<Prompt>>,
        /// How often the whole list.
        repeat: Repeat,
    },
    /// Record what all say into a file until the `Stop` of this tag, the limit, the silence, or the last member leaves.
    /// What was recorded until then ends.
    /// → [`Event::RoomRecorded`](crate::Event::RoomRecorded) or [`Event::RoomRecordFailed`](crate::Event::RoomRecordFailed)
    Record {
        /// Comes back in the event.
        tag: u64,
        /// The file; relative to the recordings' directory.
        path: PathBuf,
        /// Of the file.
        format: Format,
        /// Of the file: 8, 16, 24 or 48 kHz; the room's if that is higher. It stays so when the room becomes wider.
        rate: Option<Rate>,
        /// Longest.
        limit: Option<Duration>,
        /// Ends after so much silence.
        silence: Option<Duration>,
    },
    /// Leave out of the recording of this tag what comes, until it is resumed.
    PauseRecording {
        /// Of the recording.
        tag: u64,
        /// What that leaves in the file.
        pause: Pause,
    },
    /// Go on with the recording of this tag.
    ResumeRecording {
        /// Of the recording.
        tag: u64,
    },
    /// End what plays, or what is recorded, by this tag; its own event follows.
    Stop {
        /// Of the command to end.
        tag: u64,
    },
    /// Let everybody go. The room is not there any more. → [`Event::Left`](crate::Event::Left) of each member
    Close,
}

impl Default for Member {
    fn default() -> Member {
        Member {
            mute: false,
            deaf: false,
            gain: 1.0,
            volume: 1.0,
            private: false,
            pairs: Vec::new(),
            music: Vec::new(),
        }
    }
}

impl Member {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            mute: self.mute,
            deaf: self.deaf,
            gain: Gain::new(self.gain),
            volume: Gain::new(self.volume),
            private: self.private,
            pairs: self.pairs.iter().map(|(leg, gain)| (*leg, Gain::new(*gain))).collect(),
        }
    }
}
