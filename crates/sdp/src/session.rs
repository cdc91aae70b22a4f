//! A session description, read or to be written.

use std::fmt;
use std::net::IpAddr;

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

/// Names beyond these are not looked up.
const MOST_NAMES: usize = 4;

impl Session {
    /// The host names that stand where an address should (RFC 8866 §5.7 allows them), to be looked up and given to
    /// [`Session::resolve`] before negotiating; a name that is left makes [`crate::Reject::Address`].
    pub fn names(&self) -> Vec<String> {
        let audio = |media: &&sdp_types::Media| media.media.eq_ignore_ascii_case("audio") && media.port != 0;
        let of_media = self.0.medias.iter().filter(audio).flat_map(|media| &media.connections);
        let mut names = Vec::new();
        for connection in self.0.connection.iter().chain(of_media) {
            let name = &connection.connection_address;
            let is_name = name.bytes().any(|b| b.is_ascii_alphabetic())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if is_name && names.len() < MOST_NAMES && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Puts an address in the place of a host name.
    pub fn resolve(&mut self, name: &str, address: IpAddr) {
        let of_media = self.0.medias.iter_mut().flat_map(|media| &mut media.connections);
        for connection in self.0.connection.iter_mut().chain(of_media) {
            if connection.connection_address.eq_ignore_ascii_case(name) {
                *connection = sdp_types::Connection::from_ip_addr(address);
            }
        }
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
