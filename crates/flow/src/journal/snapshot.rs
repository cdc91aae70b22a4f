//! A run at a node that waits, as data: enough to begin again at that node, in another process.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::forms::{FactsForm, SettingsForm};
use crate::engine::{Facts, Settings};

/// See [`Machine::snapshot`](crate::Machine::snapshot). Times are nanoseconds since the machine's first input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// When it was taken, and by the wall clock (RFC 3339).
    pub(crate) now_ns: u64,
    pub(crate) wall: String,
    pub(crate) began_ns: u64,
    /// `absent`, `ringing`, `answered`, `gone`.
    pub(crate) leg: String,
    pub(crate) over_ns: Option<u64>,
    /// Cause and by.
    pub(crate) end: Option<(String, String)>,
    pub(crate) after: bool,
    #[serde(with = "FactsForm")]
    pub(crate) facts: Facts,
    #[serde(with = "SettingsForm")]
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    /// Keys that the node has taken so far, with their serial numbers.
    pub(crate) taken: Vec<(u64, char)>,
    /// Keys that were pressed and that nobody took.
    pub(crate) keys: Vec<(u64, char)>,
    pub(crate) key_serial: u64,
    pub(crate) late_terminator: Option<(String, u64)>,
    pub(crate) open_recordings: Vec<Recording>,
    pub(crate) fetched: bool,
    pub(crate) changed: bool,
    /// The call was answered when it ended.
    pub(crate) answered: bool,
    pub(crate) asks: bool,
    pub(crate) nodes: u32,
    pub(crate) all_nodes: u32,
    pub(crate) last_tag: u64,
    /// What the run uses; others refer to them by their place here.
    pub(crate) documents: Vec<Used>,
    /// The return stack, the running program last.
    pub(crate) frames: Vec<Depth>,
    /// The node that waits, in the last frame's program.
    pub(crate) node: Spot,
    /// Where the run goes when it is used up, and when the leg is gone: a document and a node.
    pub(crate) on_end: Option<(usize, Spot)>,
    pub(crate) on_gone: Option<(usize, Spot)>,
    /// The longest that the call may last.
    pub(crate) longest_ns: Option<u64>,
    /// Flows that were over when the leg was gone.
    pub(crate) completed: u32,
    /// A detection in the background: its tag, and status, phrase and cause of the hang-up if it is a machine.
    #[allow(clippy::type_complexity)]
    pub(crate) detecting: Option<(u64, Option<(u16, Option<String>, String)>)>,
    /// The document whose star codes count where the running ones have none.
    pub(crate) codes: Option<usize>,
}

impl Snapshot {
    /// The place of the node that waits, in the running document.
    pub fn pointer(&self) -> &str {
        &self.node.pointer
    }
}

/// A document that a run uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// One of the store, by name; also `user/alice` and `trunk/+1555`.
    Stored(String),
    /// What came for the HTTP request of this tag.
    Fetched {
        /// Where it came from, without query.
        name: String,
        /// The tag.
        tag: u64,
    },
}

/// A node of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    pub id: u32,
    pub pointer: String,
}

/// A frame of the return stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Depth {
    pub document: usize,
    pub base: String,
    pub resume: Resume,
    pub jumps: Vec<(Spot, u32)>,
    pub loops: Vec<(u32, Vec<(Value, Value)>)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resume {
    Node(Spot),
    Return,
    Hangup,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recording {
    pub tag: u64,
    pub name: String,
    pub stop_keys: String,
    pub format: String,
}

/// The memory of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub variables: Map<String, Value>,
    pub last_digits: String,
    pub collections: Map<String, Value>,
    pub presses: Vec<Value>,
    pub recordings: Vec<Value>,
    pub recorded_ns: Option<u64>,
    pub recorded_format: Option<String>,
    pub detection: Option<String>,
    pub language: String,
    pub identity: Option<Shown>,
    pub alert: Option<String>,
    /// Digits, captures, and whether the other party pressed it.
    pub code: Option<(String, Vec<String>, String)>,
}

/// How the caller is shown to whom is dialled: the kind of number and name, with the text of a given one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub number: (String, String),
    pub name: (String, String),
    pub prefix: Option<String>,
    pub withheld: String,
    pub still: bool,
}

/// Why a run cannot begin again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Another release wrote it.
    #[error("a snapshot of version {0}, which this release does not read")]
    Version(u32),
    /// A document is not there any more.
    #[error("the document {0} is not there")]
    Document(String),
    /// It has changed, and the node is not in it any more.
    #[error("{document} has no node at {pointer}")]
    Node {
        /// The document.
        document: String,
        /// The node's place.
        pointer: String,
    },
    /// A field that makes no sense.
    #[error("{0} makes no sense in a snapshot")]
    Nonsense(String),
}
