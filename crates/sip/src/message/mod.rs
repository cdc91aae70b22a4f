//! A SIP message: one buffer, and where its header fields stand in it.
//! Owns reading and writing; typed values are borrowed from the buffer when asked for. Keeps no dialog state.

mod address;
mod core;
mod header;
pub(crate) mod identity;
pub(crate) mod lex;
mod method;
mod parse;
mod status;
mod uri;
mod via;
pub(crate) mod write;

use bytes::Bytes;

pub(crate) use self::address::Address;
pub(crate) use self::core::Core;
pub(crate) use self::header::Name;
use self::header::{Field, Span};
pub use self::method::{Known, Method};
pub use self::status::phrase;
pub(crate) use self::uri::{Scheme, Uri, host_and_port};
pub(crate) use self::via::Via;
use crate::error::ParseError;

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Request { method: Method, token: Span, uri: Span, version: Version },
    Response { status: u16 },
}

/// The SIP version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Two,
    /// To be answered 505 (RFC 3261 §21.5.6).
    Other,
}

/// A message as it came.
///
/// Cloning is cheap for the buffer and copies the offsets.
#[derive(Clone, Debug)]
pub struct Message {
    /// Start line and headers. Folding is undone in place and bytes that are no UTF-8 are `?`,
    /// so offsets are those of the message as received.
    head: Bytes,
    start: Start,
    fields: Vec<Field>,
    body: Bytes,
    problem: Option<ParseError>,
}

impl Message {
    /// Reads a message. Total: any bytes give a message or what is wrong with them.
    ///
    /// A message whose start line can be read but not all of its headers is returned too,
    /// with [`Message::problem`] set, so that the sender can be told.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        parse::message(bytes)
    }

    /// The first thing wrong with the framing or header section, if anything is.
    pub fn problem(&self) -> Option<ParseError> {
        self.problem
    }

    /// The method of a request.
    pub fn method(&self) -> Option<Method> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status } => Some(status),
        }
    }

    /// The method of a request as it is written, extension methods included.
    pub(crate) fn method_token(&self) -> &str {
        match self.start {
            Start::Request { token, .. } => self.text(token),
            Start::Response { .. } => "",
        }
    }

    /// The Request-URI; empty in a response.
    pub(crate) fn request_uri(&self) -> &str {
        match self.start {
            Start::Request { uri, .. } => self.text(uri),
            Start::Response { .. } => "",
        }
    }

    /// Whether this is a request of another SIP version.
    pub(crate) fn is_of_another_version(&self) -> bool {
        matches!(self.start, Start::Request { version: Version::Other, .. })
    }

    /// The body.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    fn text(&self, span: Span) -> &str {
        let bytes = self.head.get(span.start..span.end).unwrap_or_default();
        // The head was made valid UTF-8 when it was read, and fields end at ASCII bytes.
        std::str::from_utf8(bytes).unwrap_or("")
    }

    /// The fields of a name: where the value stands, and the value.
    fn fields(&self, name: Name) -> impl Iterator<Item = (usize, &str)> {
        self.fields.iter().filter(move |f| f.name == name).map(|f| (f.value.start, self.text(f.value)))
    }

    /// Every field of a name, not split at commas.
    pub(crate) fn lines(&self, name: Name) -> impl Iterator<Item = &str> {
        self.fields(name).map(|(_, value)| value)
    }

    /// The first field of a name.
    pub(crate) fn line(&self, name: Name) -> Option<&str> {
        self.lines(name).next()
    }

    /// Every value of a name, over all its fields and their commas, in order.
    pub(crate) fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.lines(name).flat_map(lex::list)
    }

    /// Every field: its name, in full where we know it, and its value.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = |f: &Field| if f.name == Name::Other { self.text(f.label) } else { f.name.text() };
        self.fields.iter().map(move |f| (name(f), self.text(f.value)))
    }

    /// Fields we have no name for: label and value.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter(|f| f.name == Name::Other).map(|f| (self.text(f.label), self.text(f.value)))
    }

    /// The headers every message has, checked.
    pub(crate) fn core(&self) -> Result<Core<'_>, ParseError> {
        Core::of(self)
    }

    /// The values of `name`, each read as an address.
    pub(crate) fn addresses(&self, name: Name) -> Result<Vec<Address<'_>>, ParseError> {
        let mut all = Vec::new();
        for (at, line) in self.fields(name) {
            for value in lex::list(line) {
                all.push(Address::parse(value).map_err(|expected| ParseError {
                    at,
                    header: Some(name.text()),
                    expected,
                })?);
            }
        }
        Ok(all)
    }
}
