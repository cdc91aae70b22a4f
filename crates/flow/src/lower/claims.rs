//! The numbers that a document asks to be reached by, in the dialects that write them into the document.

use serde_json::Value;

use super::{Dialect, callroute, kazoo};
use crate::ir::Pointer;

/// What a document says of the numbers that lead to it, each with where it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Numbers, matched whole; Kazoo's `no_match` stands among them.
    pub numbers: Vec<(Pointer, String)>,
    /// Regular expressions, searched for unanchored.
    pub patterns: Vec<(Pointer, String)>,
}

/// The numbers and patterns that `document` claims.
pub fn claims(dialect: Dialect, document: &Value) -> Claims {
    match dialect {
        Dialect::Kazoo => kazoo::claims(document),
        Dialect::Callroute => callroute::claims(document),
        Dialect::Voipbin | Dialect::Voxology | Dialect::Own => Claims::default(),
    }
}
