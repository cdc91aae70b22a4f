//! The recorded inputs of a run: one JSON object a line, enough to run it again offline ([`replay`]).
//!
//! A journal begins with a [`Line::Journal`] that tells the version, then the document and the [`Line::Start`]; every
//! input follows with its time, and a document before the first input that brings it.
//! A driver writes it down as it goes; nothing of it is needed for the run itself.
//!
//! What a machine does follows from these lines alone, so a replay of the same release prints the same trace.
//! A later release may lower documents otherwise; its replay is as good as its understanding of them.

mod forms;
mod replay;
pub mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::forms::CauseForm;
use self::forms::{FactsForm, FailureForm, ReplyForm, SettingsForm};
use crate::engine::{Facts, HttpFailure, HttpReply, Settings};
use crate::leg::{LegEvent, Tag};
use crate::lower::{self, Dialect};
use crate::{
    Input,
    ir::{Forced, Program, Side},
    own,
};

pub use replay::{Replay, ReplayError, replay};
pub use snapshot::{RestoreError, Snapshot, Used};

/// The version of the lines. Another one is not replayed.
pub const VERSION: u32 = 1;

/// Largest journal of one call, in bytes; what comes after is left out, and the journal says so in its last line.
pub const LIMIT: usize = 16 << 20;

/// Where a program comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A document, in a dialect by its name.
    Document {
        /// `kazoo`, …
        dialect: String,
        /// As it was written.
        #[serde(with = "forms::shared")]
        source: Arc<Value>,
        /// The calendar rules in it that were forced on or off.
        #[serde(default, skip_serializing_if = "Forced::is_empty")]
        forced: Forced,
    },
    /// The number of a user ([`own::user`]).
    User(String),
    /// A number outside ([`own::outside`]).
    Outside(String),
    /// The number of a conference room ([`own::conference`]).
    Conference(String),
}

impl Origin {
    /// The program; the error says why there is none.
    pub fn program(&self) -> Result<Program, String> {
        match self {
            Origin::User(name) => Ok(own::user(name)),
            Origin::Outside(number) => Ok(own::outside(number)),
            Origin::Conference(name) => Ok(own::conference(name)),
            Origin::Document { dialect, source, forced } => {
                let named = Dialect::WRITTEN.into_iter().find(|known| known.name() == dialect);
                let dialect = named.ok_or_else(|| format!("there is no dialect \"{dialect}\""))?;
                let lowered = lower::lower(Some(dialect), source).map_err(|error| error.to_string())?;
                Ok(if forced.is_empty() { lowered.program } else { lowered.program.with_forced(forced) })
            }
        }
    }
}

/// One line of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Journal {
        /// [`VERSION`].
        version: u32,
        /// The release that wrote it.
        release: String,
    },
    /// A document, before the line that uses it.
    Document {
        /// Its number in this journal, from 1.
        number: u32,
        /// Its name in the store.
        name: String,
        /// The document.
        origin: Origin,
    },
    /// What the machine was made from.
    Start(Box<Begun>),
    /// An input.
    Input {
        /// Nanoseconds since the call began, which is where its timeline begins.
        at_ns: u64,
        /// What it was.
        input: Told,
    },
    /// The run as it stood when a node began to wait, for a later release to go on from; the last one counts.
    Snapshot(Box<Snapshot>),
    /// The journal had grown to [`LIMIT`]; what came after is not in it.
    Full,
}

/// A [`Start`](crate::Start), as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// The number of the first document.
    pub document: u32,
    /// The call.
    #[serde(with = "FactsForm")]
    pub facts: Facts,
    /// Variables that were there from the start.
    pub variables: Map<String, Value>,
    /// Limits and defaults.
    #[serde(with = "SettingsForm")]
    pub settings: Settings,
}

/// An [`Input`], as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Told {
    Start {
        /// RFC 3339.
        at: String,
        media: bool,
    },
    Leg {
        tag: u64,
        event: LegEvent,
    },
    Reply {
        tag: u64,
        #[serde(with = "ReplyForm")]
        reply: HttpReply,
    },
    NoReply {
        tag: u64,
        #[serde(with = "FailureForm")]
        failure: HttpFailure,
    },
    Document {
        tag: u64,
        /// Its number in this journal; `None` if there is none of that name.
        document: Option<u32>,
    },
    Codes {
        /// The other party's phone, not that of the flow's own.
        peer: bool,
        /// As in `Document`.
        document: Option<u32>,
    },
    Merge {
        variable: String,
        value: Value,
    },
    Timeout,
}

impl Told {
    /// The input, with the number of the document if it brings one.
    pub fn of(input: &Input, document: Option<u32>) -> Told {
        match input {
            Input::Start { at, media } => Told::Start { at: at.to_string(), media: *media },
            Input::Leg(tag, event) => Told::Leg { tag: tag.0, event: event.clone() },
            Input::Http(tag, Ok(reply)) => Told::Reply { tag: tag.0, reply: reply.clone() },
            Input::Http(tag, Err(failure)) => Told::NoReply { tag: tag.0, failure: failure.clone() },
            Input::Document(tag, _) => Told::Document { tag: tag.0, document },
            Input::Codes(side, _) => Told::Codes { peer: *side == Side::Peer, document },
            Input::Merge { variable, value } => {
                Told::Merge { variable: variable.clone(), value: value.clone() }
            }
            Input::Timeout => Told::Timeout,
        }
    }

    /// The input again; `documents` has the programs by number.
    fn input(self, documents: impl Fn(u32) -> Option<Arc<Program>>) -> Result<Input, String> {
        let known = |number: Option<u32>| match number {
            None => Ok(None),
            Some(number) => {
                documents(number).map(Some).ok_or_else(|| format!("there is no document {number}"))
            }
        };
        Ok(match self {
            Told::Start { at, media } => {
                let at = at.parse().map_err(|error| format!("\"{at}\" is no time: {error}"))?;
                Input::Start { at, media }
            }
            Told::Leg { tag, event } => Input::Leg(Tag(tag), event),
            Told::Reply { tag, reply } => Input::Http(Tag(tag), Ok(reply)),
            Told::NoReply { tag, failure } => Input::Http(Tag(tag), Err(failure)),
            Told::Document { tag, document } => Input::Document(Tag(tag), known(document)?),
            Told::Codes { peer, document } => {
                Input::Codes(if peer { Side::Peer } else { Side::Own }, known(document)?)
            }
            Told::Merge { variable, value } => Input::Merge { variable, value },
            Told::Timeout => Input::Timeout,
        })
    }
}

impl Line {
    /// The first line of a journal of this release.
    pub fn header() -> Line {
        Line::Journal { version: VERSION, release: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// An input `at` after the call began.
    pub fn input(at: Duration, input: &Input, document: Option<u32>) -> Line {
        let at_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        Line::Input { at_ns, input: Told::of(input, document) }
    }

    /// The line as JSON, without its end.
    pub fn json(&self) -> String {
        // Maps with keys of text and numbers that are finite: nothing of it can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
