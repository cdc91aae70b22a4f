//! What goes into a machine and what comes out of it.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::Facts;
use crate::rooms::Rooms;
use crate::{
    ir::{Program, Side},
    leg::{LegCommand, LegEvent, Tag},
    trace::What,
};

/// Everything a machine is made from.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program to run.
    pub program: Arc<Program>,
    /// The call.
    pub facts: Facts,
    /// Variables that are there from the start, such as `sessionData`.
    pub variables: Map<String, Value>,
    /// Limits and defaults.
    pub settings: Settings,
}

impl Start {
    /// A start without variables.
    pub fn new(program: Arc<Program>, facts: Facts, settings: Settings) -> Start {
        Start { program, facts, variables: Map::new(), settings }
    }
}

/// Limits and defaults of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Nodes that may run without time passing; more end the call.
    pub budget: u32,
    /// Depth of the return stack; more end the call.
    pub frames: usize,
    /// The prompts' language when neither flow nor document names one; empty leaves it to the leg.
    pub default_language: String,
    /// The conference rooms that are known.
    pub rooms: Rooms,
}

impl Default for Settings {
    /// 1,000 nodes and 50 frames (Kazoo's own limit of branches).
    fn default() -> Settings {
        Settings { budget: 1_000, frames: 50, default_language: String::new(), rooms: Rooms::default() }
    }
}

/// What a machine is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// The call begins: when by the wall clock, and whether it has media. First input of a run, once.
    Start {
        /// Wall-clock time of this instant.
        at: jiff::Timestamp,
        /// Whether there is a leg with audio; without one, operations that need it take the program's
        /// [`Lacking`](crate::ir::Lacking) policy.
        media: bool,
    },
    /// The leg said something.
    Leg(Tag, LegEvent),
    /// An HTTP exchange ended. Also welcome for requests nobody waits for: they are traced.
    Http(Tag, Result<HttpReply, HttpFailure>),
    /// The document that was asked for; `None` if there is none.
    Document(Tag, Option<Arc<Program>>),
    /// A party of a conversation has a phone with these star codes ([`Program::metaflows`]), or with none; they count
    /// beside those of the flow until others are told.
    Codes(Side, Option<Arc<Program>>),
    /// Somebody outside merges a value into a variable, an object member by member (Voxology's session data injection).
    Merge {
        /// The variable's name, `sessionData`.
        variable: String,
        /// What is merged into it.
        value: Value,
    },
    /// The time of [`Machine::poll_timeout`](super::Machine::poll_timeout) has come.
    Timeout,
}

/// What a machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the leg for something.
    Leg(Tag, LegCommand),
    /// Make an HTTP request; the outcome comes as [`Input::Http`] with the same tag.
    Http(Tag, HttpRequest),
    /// Look up a document of the store by id; the outcome comes as [`Input::Document`].
    Document(Tag, String),
    /// A line for the call's timeline.
    Trace(What),
    /// The run is over. The last effect, exactly once.
    Ended(End),
}

/// A request, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Upper case.
    pub method: String,
    /// Absolute, `http://` or `https://`.
    pub url: String,
    /// In order; the content type is among them if there is a body.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// For the whole exchange, one try.
    pub timeout: Duration,
    /// Tries after the first when no connection could be made.
    pub retries: u32,
    /// Whether the flow waits for the outcome.
    pub wait: bool,
    /// What a good answer may be kept as, to stand in for one that fails later: method and address before the call's
    /// fields were added. `None` for requests whose answers depend on what happened in their call.
    pub last_good: Option<String>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// 100..=599
    pub status: u16,
    /// The Content-Type header as it came; empty for none.
    pub content_type: String,
    /// The body as it came.
    pub body: Vec<u8>,
    /// What the timeline should tell of it; empty for nothing. Not empty where an older answer stands in.
    pub note: String,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpFailure {
    /// For the trace.
    pub why: String,
    /// Whether the time limit was exceeded.
    pub timeout: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `normal`, `hangup`, `busy`, `budget`, …
    pub cause: String,
    /// `caller`, `flow` or `server`.
    pub by: String,
}
