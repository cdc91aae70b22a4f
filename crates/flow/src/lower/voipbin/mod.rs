//! The VoIPBIN front-end: a list of `{id, next_id, type, option}` (seed 003).
//!
//! Owns which shapes of document are VoIPBIN's: a flow with `actions`, a bare list (what `fetch` answers), a single
//! action, and any of them in the envelope of a REST reply (`result`) or a webhook (`data`).
//! A list that comes to its end returns to the one that fetched it, and the outermost one hangs up.

mod actions;
mod address;
mod condition;
mod control;
mod ending;
mod list;
mod media;
mod people;
mod reference;
mod seeded;
mod services;
mod variables;

use std::time::Duration;

use serde_json::{Map, Value};

use super::members::Members;
use super::{Builder, Code, Dialect, LowerError, Lowered};
use crate::ir::{Edges, Install, Lacking, Op, Pointer, Subflow, Target};
use list::Lowering;
pub(super) use reference::{COMMON, TABLES};
pub use seeded::{of_message, seeded};

/// Actions that one activeflow may run in all, fetched ones included.
const ACTION_LIMIT: u32 = 100;

/// Stacks that one activeflow may have at once: its own and those of forks.
const STACK_LIMIT: u32 = 100;

/// The longest call.
const CALL: Duration = Duration::from_secs(3_600);

/// Envelopes inside each other; one is usual.
const DEEPEST: u32 = 4;

/// Lowers a VoIPBIN flow.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let mut lowering = begin();
    inside(&mut lowering, document, &Pointer::default(), DEEPEST)?;
    Ok(lowering.finish())
}

/// An empty flow with VoIPBIN's limits.
fn begin() -> Lowering {
    let mut lowering = Lowering::new(Builder::new(Dialect::Voipbin, Lacking::Skip));
    let program = lowering.builder.program();
    program.node_limit = Some(ACTION_LIMIT);
    program.stack_limit = Some(STACK_LIMIT);
    program.longest = Some(CALL);
    lowering
}

/// The flow that runs when this one is over and its call is gone; it has all variables of this one.
fn on_complete(lowering: &mut Lowering, flow: &Members<'_>) {
    let Some(id) = lowering.id(flow, "on_complete_flow_id") else { return };
    let id = lowering.template(&id);
    let op = Op::Subflow(Subflow { id, install: Install::Replace });
    let node = lowering.builder.add_with(op, Edges::always(Target::Return), &flow.at("on_complete_flow_id"));
    lowering.builder.program().on_gone = Some(node);
}

fn inside(lowering: &mut Lowering, value: &Value, pointer: &Pointer, depth: u32) -> Result<(), LowerError> {
    match value {
        Value::Array(actions) => {
            lowering.flow(actions, pointer);
            Ok(())
        }
        Value::Object(object) => of_object(lowering, object, value, pointer, depth),
        _ => Err(LowerError::Root("an object or a list of actions")),
    }
}

fn of_object(
    lowering: &mut Lowering,
    object: &Map<String, Value>,
    value: &Value,
    pointer: &Pointer,
    depth: u32,
) -> Result<(), LowerError> {
    match object.get("actions") {
        Some(Value::Array(actions)) => {
            lowering.flow(actions, &pointer.child("actions"));
            on_complete(lowering, &Members::new(object, pointer.clone()));
            return Ok(());
        }
        Some(_) => return Err(LowerError::Root("a list `actions`")),
        None => {}
    }
    if depth > 0 {
        if let Some(flows @ Value::Array(list)) = object.get("result") {
            return of_result(lowering, flows, list, &pointer.child("result"), depth);
        }
        for envelope in ["result", "data"] {
            if let Some(inner @ Value::Object(_)) = object.get(envelope) {
                return inside(lowering, inner, &pointer.child(envelope), depth - 1);
            }
        }
    }
    if list::is_action(object) {
        lowering.flow(std::slice::from_ref(value), pointer);
        // The list of one stands at the document's root, not at an index of it.
        lowering.rebase(&pointer.child(0), pointer);
        return Ok(());
    }
    Err(LowerError::Unrecognised)
}

/// A list of flows, or of actions. The first flow is the one that runs.
fn of_result(
    lowering: &mut Lowering,
    flows: &Value,
    list: &[Value],
    pointer: &Pointer,
    depth: u32,
) -> Result<(), LowerError> {
    match list.first() {
        Some(first) if first.get("actions").is_some() => {
            if list.len() > 1 {
                let message = format!("a list of {} flows; the first is read", list.len());
                lowering.builder.report(Code::Tolerated, pointer, message);
            }
            inside(lowering, first, &pointer.child(0), depth - 1)
        }
        _ => inside(lowering, flows, pointer, depth - 1),
    }
}

#[cfg(test)]
mod tests;
