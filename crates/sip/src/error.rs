//! The errors of this crate: what a message lacks, what a stream broke, what a call's phase forbids.
//! Each names what a caller can act on; none carries free text of ours.

use thiserror::Error;

/// What is wrong with a message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{expected} expected{} at byte {at}", header.map(|h| format!(" in {h}")).unwrap_or_default())]
pub struct ParseError {
    /// The offset in the message, in bytes.
    pub at: usize,
    /// The header it is in; `None` is the start line or the framing.
    pub header: Option<&'static str>,
    /// What should have stood there.
    pub expected: &'static str,
}

/// The call is not in a phase that allows what was asked, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session is {phase}")]
pub struct WrongPhase {
    /// The phase it is in, in one word; `gone` when there is no such session.
    pub phase: &'static str,
}

/// Why a byte stream cannot be cut into messages any more: the connection should be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A header section or body over the limit.
    #[error("a message of more than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A Content-Length that is no number, or two that differ.
    #[error("a Content-Length that is no number")]
    BadLength,
}
