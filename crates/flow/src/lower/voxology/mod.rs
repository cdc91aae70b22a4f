//! The Voxology front-end: a list of `{type, params}` that is asked for again when it is used up (seed 004).
//!
//! Owns which shapes of document are Voxology's: a script, a bare list, a single action, a call flow configuration.
//! A configuration becomes a program that fetches its script: `init_call` on entry, `live_call` whenever a script is
//! used up, `end_call` when the call is over.
//! A script has no callback of its own; fetched by a configuration, it goes on asking that one's (the engine keeps
//! `on_end` and `on_gone` of a replaced program), and read from a file it ends with a hang-up.

mod actions;
mod callback;
mod conference;
mod control;
mod detect;
mod expr;
mod list;
mod native;
mod reach;
mod reference;
mod text;
mod web;

use serde_json::{Map, Value};

use super::{Builder, Dialect, LowerError, Lowered};
use crate::ir::{Lacking, Pointer, Target};
use list::Lowering;
pub(super) use reference::{COMMON, TABLES};

/// Lowers a Voxology script or a call flow configuration.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let root = Pointer::default();
    let mut lowering = Lowering::new(Builder::new(Dialect::Voxology, Lacking::Fail));
    match document {
        Value::Array(actions) => lowering.script(actions, &root),
        Value::Object(object) => {
            if let Some(callback) = object.get("callback") {
                callback::configuration(&mut lowering, callback, &root.child("callback"));
            } else if let Some(actions) = object.get("actions") {
                match actions.as_array() {
                    Some(actions) => lowering.script(actions, &root.child("actions")),
                    None => return Err(LowerError::Root("a list `actions`")),
                }
            } else if list::is_action(object) {
                let head = lowering.single(object, &root);
                lowering.builder.program().entry = Some(head);
            } else if is_silent(object) {
                lowering.script(&[], &root);
            } else {
                return Err(LowerError::Unrecognised);
            }
        }
        _ => return Err(LowerError::Root("an object or a list")),
    }
    Ok(lowering.finish())
}

/// A reply without instructions: `{}`, or nothing but remarks. It is valid, and hangs a live call up.
fn is_silent(object: &Map<String, Value>) -> bool {
    object.keys().all(|key| ["name", "comment", "comments", "actions"].contains(&key.as_str()))
}

/// Where a script goes when it is used up.
const END: Target = Target::Return;

#[cfg(test)]
mod tests;
