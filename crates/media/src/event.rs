//! What legs tell.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::detector::Found;
use crate::id::{LegId, RoomId};
use crate::recording::Ended;
use crate::report::{LegReport, Secured};

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWay {
    /// As a telephone-event, RFC 4733.
    Event,
    /// As a tone in the sound.
    Sound,
}

/// Something happened on a leg. The sink is called on the carrier thread, in order for each leg.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A play or an echo is over.
    Played {
        /// Whose.
        leg: LegId,
        /// Of its command.
        tag: u64,
        /// It was stopped before its end.
        stopped: bool,
    },
    /// A play was paused, resumed or sought, or is asked where it is.
    Position {
        /// Whose.
        leg: LegId,
        /// Of the play's command.
        tag: u64,
        /// Where it is, from the beginning of the list.
        at: Duration,
        /// Whether it stands there.
        paused: bool,
    },
    /// All keys were sent, or the sending was stopped.
    DigitsSent {
        /// Whose.
        leg: LegId,
        /// Of its command.
        tag: u64,
    },
    /// The far end pressed a key; told at its first packet, so that a prompt stops at once.
    Digit {
        /// Whose.
        leg: LegId,
        /// `0-9`, `*`, `#`, `A-D`
        key: char,
        /// How it came.
        way: KeyWay,
    },
    /// The far end let the key go.
    DigitEnded {
        /// Whose.
        leg: LegId,
        /// `0-9`, `*`, `#`, `A-D`
        key: char,
        /// How it came.
        way: KeyWay,
        /// How long it was pressed, in milliseconds.
        ms: u32,
    },
    /// A recording is complete; its file is whole. Comes before the leg's [`Event::Released`].
    Recorded {
        /// Whose.
        leg: LegId,
        /// Of its command.
        tag: u64,
        /// The file.
        path: PathBuf,
        /// How much was recorded.
        duration: Duration,
        /// What ended it.
        ended: Ended,
    },
    /// A recording could not be written (any more); what was written until then is a whole file. The call goes on.
    RecordFailed {
        /// Whose.
        leg: LegId,
        /// Of its command.
        tag: u64,
        /// In words.
        why: String,
    },
    /// The far end began to speak; told while a recording runs.
    Talking {
        /// Whose.
        leg: LegId,
    },
    /// A detector found something.
    Detected {
        /// Whose.
        leg: LegId,
        /// Of its command.
        tag: u64,
        /// What.
        what: Found,
    },
    /// Nothing arrived for the configured time. Told once, and again only after something had arrived.
    Lost {
        /// Whose.
        leg: LegId,
    },
    /// A packet of audio has come that was awaited ([`Command::Await`](crate::Command::Await)). Told once each time.
    Arrives {
        /// Whose.
        leg: LegId,
    },
    /// Audio goes to another address than the peer signalled, for it sends from there (symmetric RTP).
    Latched {
        /// Whose.
        leg: LegId,
        /// Where to.
        remote: SocketAddr,
    },
    /// A leg takes part in a room.
    Joined {
        /// Which room.
        room: RoomId,
        /// Which leg.
        leg: LegId,
        /// Of its joining.
        tag: u64,
    },
    /// A leg takes part in a room no longer, for whatever reason. Comes before its [`Event::Released`].
    Left {
        /// Which room.
        room: RoomId,
        /// Which leg.
        leg: LegId,
        /// Of its joining.
        tag: u64,
    },
    /// A member of a room begins or ceases to talk.
    Speaking {
        /// Which room.
        room: RoomId,
        /// Which leg.
        leg: LegId,
        /// Whether it talks now.
        on: bool,
    },
    /// What was played to a room is over.
    RoomPlayed {
        /// Which room.
        room: RoomId,
        /// Of its command.
        tag: u64,
        /// It was stopped before its end.
        stopped: bool,
    },
    /// What a room said is recorded; the file is whole.
    RoomRecorded {
        /// Which room.
        room: RoomId,
        /// Of its command.
        tag: u64,
        /// The file.
        path: PathBuf,
        /// How much was recorded.
        duration: Duration,
        /// Why it ended.
        ended: Ended,
    },
    /// A room could not be recorded (any more); what was written until then is a whole file.
    RoomRecordFailed {
        /// Which room.
        room: RoomId,
        /// Of its command.
        tag: u64,
        /// In words.
        why: String,
    },
    /// Somebody else is the one who speaks most audibly.
    ActiveSpeaker {
        /// Which room.
        room: RoomId,
        /// Which leg.
        leg: LegId,
    },
    /// The handshake of an encrypted leg is over: from here on something goes both ways.
    Secured {
        /// Whose.
        leg: LegId,
        /// How.
        secured: Secured,
    },
    /// The handshake of an encrypted leg came to nothing; nothing ever goes either way.
    Unsecured {
        /// Whose.
        leg: LegId,
        /// In words.
        why: String,
    },
    /// The leg is gone; its last event.
    Released {
        /// Which.
        leg: LegId,
        /// How it went.
        report: LegReport,
    },
}
