//! The Voxology front-end: a list of `{type, params}` (seed 004).

use serde_json::Value;

use super::{Builder, Dialect, LowerError, Lowered};
use crate::ir::Lacking;

/// Lowers a Voxology script or a call flow configuration.
pub fn lower(_document: &Value) -> Result<Lowered, LowerError> {
    Ok(Builder::new(Dialect::Voxology, Lacking::Fail).finish())
}
