//! What a flow asks of a call leg, and what it hears back.
//!
//! The engine emits [`LegCommand`]s as effects and never calls a leg; a driver hands them to a [`Leg`].

use std::time::{Duration, Instant};

use crate::ir::{Repeat, Tone};

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
    /// Silence.
    Silence(Duration),
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
        /// Where to send it: method and URL.
        upload: Option<(String, String)>,
    },
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
#[derive(Clone, Debug, PartialEq)]
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
    /// The command could not be obeyed.
    Failed {
        /// For the edge.
        cause: crate::ir::Cause,
        /// For the trace.
        why: String,
    },
    /// The far end pressed a key: `0-9`, `*`, `#`, `A-D`. Not an answer to a command; its tag is not looked at.
    Digit(char),
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
