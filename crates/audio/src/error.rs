//! What can go wrong when sound is read or written.

use thiserror::Error;

/// Why bytes did not become sound.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No known container begins like this, and the hint named none either.
    #[error("not a sound file of a known format")]
    UnknownFormat,
    /// The container is known and its contents cannot be decoded here.
    #[error("unsupported sound: {what}")]
    Unsupported {
        /// The codec or property that is not supported.
        what: &'static str,
    },
    /// The bytes contradict their own format.
    #[error("malformed sound file: {what}")]
    Malformed {
        /// The rule that was broken.
        what: &'static str,
    },
    /// The file is well-formed as far as it goes and holds not one sample.
    #[error("the sound file is empty")]
    Empty,
    /// More sound than [`crate::read::LONGEST`]; whoever needs it must stream it.
    #[error("the sound is longer than an hour")]
    TooLong,
}

/// Why samples did not reach a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The writer below failed: disk full, file gone.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// What the format cannot hold, or its library refuses.
    #[error("cannot be recorded: {0}")]
    Unsupported(&'static str),
    /// A WAV file counts bytes in 32 bits; this one is full (at 8 kHz after 74 hours).
    #[error("the WAV file is full")]
    Full,
    /// The file to repair does not begin as our own recordings do.
    #[error("not a file this program wrote")]
    NotOurs,
}
