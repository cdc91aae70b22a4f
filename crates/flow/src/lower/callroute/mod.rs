//! The call-route front-end: a map of key to `{module, next}` (seed 001).
//!
//! `doc` finds the map in whatever envelope it comes, `modules` and the files of its families know what a module
//! becomes, and this file ties the keys together.
//! Every module gets its node before any edge is written, because a key may be named before it stands.

mod caller;
mod conference;
mod dial;
mod doc;
mod keys;
mod modules;
mod reference;
mod service;

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use self::doc::Doc;
pub(super) use self::reference::{COMMON, TABLES};
use super::members::{self, Members};
use super::options::{self, Place};
use super::{Builder, Claims, Code, Dialect, LowerError, Lowered};
use crate::ir::{Edges, Hangup, Identity, Lacking, NodeId, Op, Pointer, Target};

/// Lowers a call route: a map of modules, a call flow object with `flow`, one module, or any in a `{"result": …}`
/// envelope.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let expected = "a map of modules, a call flow with `flow`, or an envelope with `result`";
    let mut builder = Builder::new(Dialect::Callroute, Lacking::Fail);
    let doc = Doc::of(document, &mut builder).ok_or(LowerError::Root(expected))?;
    let shown = dial::shown(doc.object);
    let mut route = Route { builder, nodes: BTreeMap::new(), named: HashSet::new(), shown };
    route.modules(&doc);
    Ok(route.builder.finish())
}

/// The extension that a call flow object is assigned.
pub fn claims(document: &Value) -> Claims {
    doc::claims(document)
}

/// A route being lowered.
struct Route<'a> {
    builder: Builder,
    /// The first node of each key's module.
    nodes: BTreeMap<&'a str, NodeId>,
    /// Keys that some module leads to.
    named: HashSet<String>,
    /// Who callees outside see.
    shown: Identity,
}

/// A module and the node that was set aside for it.
struct Step<'a> {
    members: Members<'a>,
    at: Pointer,
    node: NodeId,
}

impl<'a> Route<'a> {
    fn modules(&mut self, doc: &Doc<'a>) {
        let mut starts = Vec::new();
        for module in &doc.modules {
            let node = self.builder.add(Op::Noop, &module.at);
            self.nodes.insert(module.key, node);
            if module.name().is_some_and(|name| name.eq_ignore_ascii_case("start")) {
                starts.push((module.key, node, &module.at));
            }
        }
        for module in &doc.modules {
            let Some(&node) = self.nodes.get(module.key) else { continue };
            let members = Members::of(&mut self.builder, Some(module.value), module.at.clone());
            let step = Step { members, at: module.at.clone(), node };
            match module.name() {
                Some(name) => {
                    let name = name.to_ascii_lowercase();
                    self.module(&name, &step);
                    options::check(
                        &mut self.builder,
                        Dialect::Callroute,
                        &name,
                        &step.members,
                        Place::Options,
                    );
                }
                None => {
                    let message = "a module needs `module`, its name; the call ends here";
                    self.builder.report(Code::MissingModule, &module.at, message);
                }
            }
        }
        let first = doc.modules.first().and_then(|module| self.nodes.get(module.key)).copied();
        self.builder.program().entry = starts.first().map(|(_, node, _)| *node).or(first);
        if doc.bare {
            return;
        }
        match starts.as_slice() {
            [] if first.is_some() => {
                let message = "there is no module `start`; the first module of the map is taken";
                self.builder.report(Code::MissingModule, &doc.at, message);
            }
            [_, others @ ..] => {
                for (key, _, at) in others {
                    let message = format!("`{key}` is a second `start`; the first is taken");
                    self.builder.report(Code::DuplicateId, at, message);
                }
            }
            [] => {}
        }
        self.unreached(doc);
    }

    /// Tells of modules that nothing leads to.
    fn unreached(&mut self, doc: &Doc<'a>) {
        let entry = self.builder.program().entry;
        for module in &doc.modules {
            let start = module.name().is_some_and(|name| name.eq_ignore_ascii_case("start"));
            let first = self.nodes.get(module.key).copied() == entry;
            if !start && !first && !self.named.contains(module.key) {
                self.builder.report(Code::Unreachable, &module.at, "no module leads here");
            }
        }
    }

    /// Puts the operation of a module in its place.
    fn put(&mut self, step: &Step<'_>, op: Op, edges: Edges) {
        if let Some(node) = self.builder.program().nodes.get_mut(step.node.0 as usize) {
            node.op = op;
        }
        self.builder.edges(step.node, edges);
    }

    /// A further node of the same module.
    fn add(&mut self, step: &Step<'_>, op: Op, edges: Edges) -> Target {
        Target::Node(self.builder.add_with(op, edges, &step.at))
    }

    /// Where the key at `member` leads; `None` if it is absent or leads nowhere, which is told.
    fn target(&mut self, members: &Members<'_>, member: &str) -> Option<Target> {
        let key = members.text(&mut self.builder, member).filter(|key| !key.is_empty())?;
        if let Some(node) = self.nodes.get(key.as_str()) {
            self.named.insert(key);
            return Some(Target::Node(*node));
        }
        let meant = self.builder.nearest(&key, self.nodes.keys().copied());
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let message = format!("there is no module with the key `{key}`, the call ends here{meant}");
        self.builder.report(Code::DanglingTarget, &members.at(member), message);
        None
    }

    /// Where the key at `member` leads, or the end of the call.
    fn or_end(&mut self, members: &Members<'_>, member: &str) -> Target {
        self.target(members, member).unwrap_or(Target::Hangup)
    }

    /// A node that ends the call; `status` is for callers who were not answered.
    fn end(&mut self, step: &Step<'_>, status: u16, cause: &str) -> Target {
        let hangup = Hangup { status, phrase: None, cause: cause.to_owned() };
        self.add(step, Op::Hangup(hangup), Edges::always(Target::Hangup))
    }
}

/// Tells that `value` is not what was expected.
fn wrong(route: &mut Route<'_>, at: &Pointer, expected: &str, value: &Value) {
    members::wrong(&mut route.builder, at, expected, value);
}

#[cfg(test)]
mod tests;
