//! From a customer's document to a [`Program`].
//!
//! Lowering never fails on content: what it cannot make sense of becomes a diagnostic, and a residual node that takes
//! its ordinary edge.

use serde::{Deserialize, Serialize};

mod builder;
pub mod callroute;
mod claims;
mod code;
mod detect;
pub mod kazoo;
mod members;
mod nearest;
mod options;
pub mod reference;
mod timings;
pub mod voipbin;
pub mod voxology;

pub use builder::Builder;
pub use claims::{Claims, claims};
pub use code::Code;
pub use detect::detect;
pub use nearest::nearest;
pub use reference::modules;

use serde_json::Value;

use crate::ir::{Pointer, Program};

/// A callflow dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// A tree of `{module, data, children}` (seeds 000 and 002).
    Kazoo,
    /// A map of key to `{module, next}` (seed 001).
    Callroute,
    /// A list of `{id, type, option}` (seed 003).
    Voipbin,
    /// A list of `{type, params}`, asked for again when it is used up (seed 004).
    Voxology,
    /// None: a program that offhook made itself.
    Own,
}

impl Dialect {
    /// The dialects that documents are written in.
    pub const WRITTEN: [Dialect; 4] =
        [Dialect::Kazoo, Dialect::Callroute, Dialect::Voipbin, Dialect::Voxology];

    /// Its name in lower case, `kazoo`.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Kazoo => "kazoo",
            Dialect::Callroute => "callroute",
            Dialect::Voipbin => "voipbin",
            Dialect::Voxology => "voxology",
            Dialect::Own => "own",
        }
    }

    /// What it is called in texts.
    pub fn title(self) -> &'static str {
        match self {
            Dialect::Kazoo => "Kazoo",
            Dialect::Callroute => "Call route",
            Dialect::Voipbin => "VoIPBIN",
            Dialect::Voxology => "Voxology",
            Dialect::Own => "offhook",
        }
    }
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The flow runs as written; something is odd.
    Warning,
    /// Part of the flow cannot do what was meant.
    Error,
}

/// Something to tell a flow's author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What is wrong, for programs.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the document, as a JSON pointer.
    pub pointer: String,
    /// What is wrong, what was expected, what to do.
    pub message: String,
}

/// A lowered document.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// What the engine runs.
    pub program: Program,
    /// What the author should know.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where a diagnostic stands, and its words.
impl Diagnostic {
    /// A diagnostic at `pointer`, as bad as its code.
    pub fn new(code: Code, pointer: &Pointer, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: code.severity(), pointer: pointer.0.clone(), message: message.into() }
    }
}

/// A document that is not a flow at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LowerError {
    /// No dialect's shape fits.
    #[error(
        "not a flow of any dialect: expected {{\"module\"}}, {{\"flow\"}}, {{\"actions\"}}, {{\"callback\"}} or a list of actions"
    )]
    Unrecognised,
    /// The value at the root is of the wrong type for the named dialect.
    #[error("expected {0} at the root")]
    Root(&'static str),
}

/// Lowers `document` as `dialect`, or as the dialect its shape tells.
pub fn lower(dialect: Option<Dialect>, document: &Value) -> Result<Lowered, LowerError> {
    match dialect.or_else(|| detect(document)).ok_or(LowerError::Unrecognised)? {
        Dialect::Kazoo => kazoo::lower(document),
        Dialect::Callroute => callroute::lower(document),
        Dialect::Voipbin => voipbin::lower(document),
        Dialect::Voxology => voxology::lower(document),
        // Such programs are made, not written.
        Dialect::Own => Err(LowerError::Unrecognised),
    }
}

#[cfg(test)]
mod mutation;
