//! What a flow asks of a call leg, and what it hears back.
//!
//! The engine emits [`LegCommand`]s as effects and never calls a leg; a driver hands them to a [`Leg`].

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::ir::{Dial, Feature, Repeat, Tone};
use crate::tone::Signal;

/// Pairs a command with what came of it, so that a late answer to something abandoned is dropped by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// A capability an operation may need of its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// There is a call at all (flows also run for messages and for API triggers).
    Call,
    /// Audio can be sent and heard.
    Media,
}

/// Something to be heard, with all variables filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Text for a voice.
    Speech(Speech),
    /// A sound by name, path or URL.
    Sound(String),
    /// A tone.
    Tone(Tone),
    /// A network's signal, in the way of a country.
    Signal(Signal),
    /// Silence.
    Silence(Duration),
    /// A recording of this switch, by its id.
    Recording(String),
}

/// Text for a voice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Speech {
    /// Plain text, or SSML if it starts with `<speak`.
    pub text: String,
    /// `en-US`; empty for the default.
    pub language: String,
    /// `male`, `female`, `neutral` or a voice's name; empty for the default.
    pub voice: String,
}

/// What came of dialling, whoever said it and in whatever words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialOutcome {
    /// Somebody answered, and the conversation is over.
    Answered,
    /// Busy.
    Busy,
    /// It rang, and nobody answered in time.
    NoAnswer,
    /// Somebody did not want to talk.
    Rejected,
    /// Nobody can be reached there now.
    Unavailable,
    /// Another failure.
    Failed,
    /// The caller or the flow gave up.
    Cancelled,
}

impl DialOutcome {
    /// What a final SIP status of one callee comes to.
    pub fn of(status: u16) -> DialOutcome {
        match status {
            200..=299 => DialOutcome::Answered,
            486 | 600 => DialOutcome::Busy,
            403 | 603 | 607 | 608 => DialOutcome::Rejected,
            408 | 430 | 480 | 410 => DialOutcome::Unavailable,
            487 => DialOutcome::Cancelled,
            _ => DialOutcome::Failed,
        }
    }

    /// The cause by its name in Q.850, as Kazoo's edges are named: `USER_BUSY` (RFC 3398 §7.2.4.1).
    pub fn cause(self, status: u16) -> &'static str {
        match (self, status) {
            (DialOutcome::Answered, _) => "NORMAL_CLEARING",
            (DialOutcome::NoAnswer, _) => "NO_ANSWER",
            (DialOutcome::Cancelled, _) => "ORIGINATOR_CANCEL",
            (_, 486 | 600) => "USER_BUSY",
            (_, 401 | 402 | 403 | 407 | 603 | 607 | 608) => "CALL_REJECTED",
            (_, 404 | 485 | 604) => "UNALLOCATED_NUMBER",
            (_, 410) => "NUMBER_CHANGED",
            (_, 408 | 504) => "RECOVERY_ON_TIMER_EXPIRE",
            (_, 480) => "NO_USER_RESPONSE",
            (_, 405) => "SERVICE_UNAVAILABLE",
            (_, 413 | 414 | 416 | 420 | 421 | 423 | 505 | 513) => "INTERWORKING",
            (_, 484) => "INVALID_NUMBER_FORMAT",
            (_, 482 | 483) => "EXCHANGE_ROUTING_ERROR",
            (_, 488 | 606 | 415) => "INCOMPATIBLE_DESTINATION",
            (_, 501) => "SERVICE_NOT_IMPLEMENTED",
            (_, 502) => "NETWORK_OUT_OF_ORDER",
            (_, 500 | 503) => "NORMAL_TEMPORARY_FAILURE",
            (DialOutcome::Unavailable, _) => "SUBSCRIBER_ABSENT",
            (DialOutcome::Busy, _) => "USER_BUSY",
            (DialOutcome::Rejected, _) => "CALL_REJECTED",
            (DialOutcome::Failed, _) => "NORMAL_UNSPECIFIED",
        }
    }

    /// A word for edges, traces and CDRs: `no_answer`.
    pub fn word(self) -> &'static str {
        match self {
            DialOutcome::Answered => "answered",
            DialOutcome::Busy => "busy",
            DialOutcome::NoAnswer => "no_answer",
            DialOutcome::Rejected => "rejected",
            DialOutcome::Unavailable => "unavailable",
            DialOutcome::Failed => "failed",
            DialOutcome::Cancelled => "cancelled",
        }
    }
}

/// How a leg joins a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Joining {
    /// Whoever names the same room meets there.
    pub room: String,
    /// The member leads the room.
    pub moderator: bool,
    /// The others do not hear the member.
    pub muted: bool,
    /// The member does not hear the others.
    pub deaf: bool,
    /// Nobody else comes in when so many are inside; `None` for no such limit.
    pub most: Option<u32>,
    /// The room is closed when this member leaves.
    pub closes: bool,
    /// The room is closed when this member leaves as the last that leads it.
    pub ends_with_lead: bool,
    /// The room is closed when this member leaves and one is left in it.
    pub ends_alone: bool,
    /// The member waits alone until a moderator is inside.
    pub waits: bool,
    /// Heard while nobody else is there, or while waiting.
    pub music: Option<Prompt>,
    /// What all hear when the member comes.
    pub entry: Vec<Prompt>,
    /// What the others hear when the member goes.
    pub exit: Vec<Prompt>,
    /// The member has the keys of [`Conference::keys`](crate::ir::Conference::keys).
    pub keys: bool,
    /// All that is said in the room is recorded from when somebody is inside.
    pub record: Option<crate::ir::FileFormat>,
    /// The room is closed when it has been there for so long.
    pub longest: Option<Duration>,
}

/// Why a leg is in a room no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// The flow wanted it.
    Stopped,
    /// Somebody sent the member out.
    Removed,
    /// The room was closed.
    Closed,
    /// There was no place in it.
    Full,
    /// Nobody else is let in.
    Locked,
    /// The member pressed the key that leaves.
    Left,
}

impl Leaving {
    /// A word for edges and traces.
    pub fn word(self) -> &'static str {
        match self {
            Leaving::Stopped => "stopped",
            Leaving::Removed => "removed",
            Leaving::Closed => "closed",
            Leaving::Full => "full",
            Leaving::Locked => "locked",
            Leaving::Left => "left",
        }
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detection {
    /// A person.
    Person,
    /// A machine.
    Machine,
    /// A machine, which beeped: it records from here on.
    Beep,
    /// A machine, whose greeting is over without a beep.
    GreetingOver,
    /// Neither could be made out.
    Unknown,
}

impl Detection {
    /// A person, a machine, or unknown.
    pub fn kind(self) -> Detection {
        match self {
            Detection::Beep | Detection::GreetingOver => Detection::Machine,
            other => other,
        }
    }

    /// A word for edges and variables: `live_person`, `machine`, `unknown`.
    pub fn word(self) -> &'static str {
        match self.kind() {
            Detection::Person => "live_person",
            Detection::Unknown => "unknown",
            _ => "machine",
        }
    }
}

/// What a flow asks of its leg.
#[derive(Clone, Debug, PartialEq)]
pub enum LegCommand {
    /// Answer the call. → [`LegEvent::Answered`] or [`LegEvent::Failed`]. Answering twice is `Answered` at once.
    Answer,
    /// Play. An unanswered call sends it as early media (183). → [`LegEvent::Played`] or [`LegEvent::Failed`]
    Play {
        /// In order, without gaps.
        prompts: Vec<Prompt>,
        /// How often the whole list.
        repeat: Repeat,
    },
    /// Stop the play that was started with this tag; it answers with `Played { stopped: true }`.
    Stop(Tag),
    /// Send keys to the far end. → [`LegEvent::DigitsSent`] or [`LegEvent::Failed`]
    SendDigits {
        /// `0-9A-D*#`, `w` for half a second's and `W` for a second's pause.
        digits: String,
        /// Each key.
        duration: Duration,
        /// Between keys.
        gap: Duration,
    },
    /// Send back what is heard until the `Stop` of this tag.
    Echo,
    /// Record what is heard until the `Stop` of this tag, the limit or the silence. → [`LegEvent::Recorded`] or `Failed`
    Record {
        /// Its name for the customer; empty for one made from the call's id.
        name: String,
        /// Longest.
        limit: Option<Duration>,
        /// Ends after so much silence.
        silence: Option<Duration>,
        /// The form of its file.
        format: crate::ir::FileFormat,
        /// Whose voice.
        sides: crate::ir::Sides,
        /// Keys that end it, where the leg sees them first.
        keys: String,
        /// Where to send it: method and URL.
        upload: Option<(String, String)>,
        /// When it begins, and whether it is kept.
        keeping: crate::ir::Keeping,
    },
    /// Put silence in place of what the recording of this tag hears (`true`), or go on with it. No event follows.
    Mask(Tag, bool),
    /// Call others and connect whoever answers first; the leg hears how it rings there, or what [`Dial::meanwhile`] says.
    /// → [`LegEvent::Answered`] when somebody answers; [`LegEvent::Dialled`] when that conversation is over or nobody
    /// could be had, also after the `Stop` of this tag
    Dial(Box<Dial<String>>),
    /// Something beyond this leg. → [`LegEvent::Finished`] or [`LegEvent::Failed`]; it may be stopped by its tag
    Feature(Box<Feature<String>>),
    /// Find out who answered. → [`LegEvent::Detected`], twice where a machine's greeting is followed, or `Failed`
    Detect {
        /// After a machine was told: wait for its beep or for the end of its greeting.
        follows: bool,
        /// When what counts.
        timings: Box<crate::ir::Timings>,
    },
    /// Talk with all who are in a room, until the `Stop` of this tag, or until the member is sent out or the room closed.
    /// → [`LegEvent::Joined`] when it is inside; [`LegEvent::Left`] or [`LegEvent::Failed`]
    Conference(Joining),
    /// End the call: BYE, or the final response with this status if it was not answered. No event follows.
    Hangup {
        /// 400..=699
        status: u16,
        /// The reason phrase, if not the usual one.
        phrase: Option<String>,
        /// A short word for traces and CDRs.
        cause: String,
    },
}

/// What a leg tells its flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEvent {
    /// The call is answered (its ACK may still be on the way).
    Answered,
    /// The play is over.
    Played {
        /// It was stopped before its end.
        stopped: bool,
    },
    /// The keys were sent.
    DigitsSent,
    /// The recording is over.
    Recorded {
        /// The recording's id (its file's stem).
        id: String,
        /// How much was recorded.
        duration: Duration,
    },
    /// The dialling is over.
    Dialled {
        /// How it went.
        outcome: DialOutcome,
        /// The SIP status that says the same; 200 if somebody answered.
        status: u16,
    },
    /// Who answered was made out.
    Detected(Detection),
    /// A [`Feature`] is over.
    Finished {
        /// Its word; `done` if there is nothing to choose by.
        word: String,
    },
    /// The leg is in its room.
    Joined,
    /// The leg is in its room no more.
    Left {
        /// Why.
        how: Leaving,
    },
    /// The command could not be obeyed.
    Failed {
        /// For the edge.
        #[serde(with = "crate::journal::CauseForm")]
        cause: crate::ir::Cause,
        /// For the trace.
        why: String,
    },
    /// The far end pressed a key: `0-9`, `*`, `#`, `A-D`. Not an answer to a command; its tag is not looked at.
    Digit(char),
    /// The other party of a conversation pressed a key. Not an answer to a command either.
    PeerDigit(char),
    /// The far end is gone. Not an answer to a command. Nothing may be asked of the leg any more.
    Gone {
        /// `hangup`, `cancelled`, `media timeout`, `failed`, …
        cause: String,
    },
}

/// What a call leg can do for a flow: `switch`'s real leg, the simulator's and the tests'.
pub trait Leg {
    /// Whether the leg has this capability now.
    fn supports(&self, need: Need) -> bool;
    /// Begin `command`; what comes of it arrives as an input with the same tag.
    fn perform(&mut self, now: Instant, tag: Tag, command: LegCommand);
}
