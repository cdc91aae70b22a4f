//! A session description, read or to be written.

use std::fmt;

use crate::ParseError;
use crate::parse;

/// A whole description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session(pub(crate) sdp_types::Session);

impl Session {
    /// Reads a description from the body of a SIP message.
    ///
    /// Forgiven: bytes that are not UTF-8, bare line feeds, extra spaces, lines in a wrong order, missing `o=`, `s=` and `t=`,
    /// and any broken line that says nothing about where media goes.
    ///
    /// # Errors
    /// [`ParseError`] names the line when `v=`, `c=` or `m=` cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Session, ParseError> {
        parse::session(bytes).map(Session)
    }

    /// How many media lines there are, declined ones included.
    pub fn media_count(&self) -> usize {
        self.0.medias.len()
    }

    /// The version of the `o=` line: a re-INVITE whose version is the old one changes nothing, RFC 3264 §8.
    pub fn version(&self) -> u64 {
        self.0.origin.sess_version
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        // Writing to memory does not fail.
        self.0.write(&mut text).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}
