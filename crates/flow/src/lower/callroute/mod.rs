//! The call-route front-end: a map of key to `{module, next}` (seed 001).

use serde_json::Value;

use super::{Builder, Claims, Dialect, LowerError, Lowered};
use crate::ir::{Lacking, Pointer};

/// Lowers a call route: a map of modules, a call flow object with `flow`, or either in a `{"result": …}` envelope.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let _ = document.as_object().ok_or(LowerError::Root("an object"))?;
    Ok(Builder::new(Dialect::Callroute, Lacking::Fail).finish())
}

/// The extension that a call flow object is assigned.
pub fn claims(document: &Value) -> Claims {
    let (object, pointer) = match document.get("result") {
        Some(result) => (result, Pointer::default().child("result")),
        None => (document, Pointer::default()),
    };
    let extension = match object.get("extension") {
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(text)) if text.chars().all(|key| key.is_ascii_digit()) => Some(text.clone()),
        _ => None,
    };
    let numbers = extension.map(|number| (pointer.child("extension"), number));
    Claims { numbers: numbers.into_iter().collect(), patterns: Vec::new() }
}
