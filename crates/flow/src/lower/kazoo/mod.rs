//! The Kazoo front-end: a tree of `{module, data, children}` (seeds 000 and 002).
//!
//! This file walks the tree; `doc` knows the document around it, `modules` the table of modules, and one file a family
//! knows what the modules of that family become.
//! A child key becomes an edge, `_` every other outcome, and no child the end of the branch: back to the callflow that
//! called this one, or hang up.
//!
//! Kazoo keeps some things in other documents of the account. Here they stand in the callflow document itself, which is
//! ours: `rules` and `rule_sets` for `temporal_route` (a rule may also stand in `data.rules`), `menus` for `menu` (its
//! settings may also stand in `data`), `lists` for `cidlistmatch`, `lookupcidname` and `dynamic_cid`,
//! `conferences` for `conference` (or in `data.config`), `vmboxes` for `voicemail`, and `devices`, `users` and `groups`,
//! which say what the plain ids of a `ring_group` are; each a map by id.
//! A media id `tts://text` is ours too.

mod caller;
mod children;
mod conference;
mod control;
mod digits;
mod disa;
mod doc;
mod hours;
mod media;
mod menu;
mod metaflow;
mod modules;
mod outside;
mod people;
mod pivot;
mod place;
mod record;
mod reference;
mod ring;
mod route;
mod service;
mod setting;
pub(crate) mod twiml;
mod variable;

use serde_json::Value;

use self::children::Children;
use self::doc::Doc;
pub(super) use self::reference::{COMMON, TABLES};
use super::members::Members;
use super::options::{self, Place};
use super::{Builder, Claims, Code, Dialect, LowerError, Lowered};
use crate::ir::{Edges, Feature, Lacking, Meanwhile, NodeId, Op, Pointer, Target, Template};

/// Lowers a Kazoo document: a bare node, a callflow with `flow`, or either in a `{"data": …}` envelope.
pub fn lower(document: &Value) -> Result<Lowered, LowerError> {
    let expected = "a node with `module` or a callflow with `flow`";
    let doc = Doc::of(document).filter(Doc::is_callflow).ok_or(LowerError::Root(expected))?;
    let builder = Builder::new(Dialect::Kazoo, Lacking::Fail);
    let mut walk = Walk { builder, doc: &doc, beside: false, leaving: Vec::new() };
    let root = walk.root(document);
    walk.ringback();
    walk.builder.program().entry = match root {
        Target::Node(entry) => Some(entry),
        Target::Return | Target::Hangup => None,
    };
    Ok(walk.builder.finish())
}

/// The numbers and patterns that a callflow document lists.
pub fn claims(document: &Value) -> Claims {
    Doc::of(document).map(|doc| doc.claims()).unwrap_or_default()
}

/// A document being lowered.
struct Walk<'a> {
    builder: Builder,
    doc: &'a Doc<'a>,
    /// The nodes being lowered are star codes', which have modules of their own.
    beside: bool,
    /// Nodes of star codes that end the conversation.
    leaving: Vec<NodeId>,
}

/// A node whose children are lowered already.
struct Step<'a> {
    data: Members<'a>,
    at: Pointer,
    children: Children,
}

impl Step<'_> {
    /// Where the step goes on when its module has nothing to choose by: the child `_`, or the end of the branch.
    fn next(&self) -> Target {
        self.children.next()
    }

    /// Edges to [`Step::next`] whatever happens.
    fn onward(&self) -> Edges {
        Edges::always(self.next())
    }
}

impl<'a> Walk<'a> {
    fn root(&mut self, document: &'a Value) -> Target {
        if self.doc.is_node() {
            let pointer = self.doc.pointer.clone();
            return self.node(document.pointer(&pointer.0).unwrap_or(document), &pointer);
        }
        self.metaflows();
        match self.doc.root() {
            // An empty flow hangs up, and is what an editor saves for a new callflow.
            Some((Value::Object(flow), _)) if flow.is_empty() => Target::Return,
            Some((flow, pointer)) => self.node(flow, &pointer),
            // A reply without content; it hangs up, as an empty body does.
            None if self.doc.object.is_empty() => Target::Return,
            // Star codes of an account, a user or a device: there is nothing to run.
            None if self.doc.codes().is_some() => Target::Return,
            None => {
                let at = self.doc.pointer.clone();
                self.report(Code::MissingOption, &at, "the callflow has no `flow`; it hangs up at once");
                Target::Return
            }
        }
    }

    /// What callers hear while it rings, and while they are transferred, unless a module says otherwise.
    fn ringback(&mut self) {
        let at = self.doc.pointer.child("ringback");
        let ringback = Members::of(&mut self.builder, self.doc.object.get("ringback"), at);
        let mut sound = |key: &str| {
            let sound = ringback.text(&mut self.builder, key).filter(|sound| !sound.is_empty());
            sound.map(Template::literal)
        };
        let (early, transfer) = (sound("early"), sound("transfer"));
        for node in &mut self.builder.program().nodes {
            match &mut node.op {
                Op::Dial(dial) if dial.meanwhile == Meanwhile::Pass => {
                    dial.meanwhile = early.clone().map_or(Meanwhile::Pass, Meanwhile::Sound);
                }
                Op::Feature(feature) => {
                    if let Feature::Transfer(of) = &mut **feature {
                        of.ringback = of.ringback.take().or_else(|| transfer.clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// Lowers a node and what is below it; what is no node ends the branch.
    fn node(&mut self, value: &'a Value, at: &Pointer) -> Target {
        let Some(object) = value.as_object() else {
            super::members::wrong(&mut self.builder, at, "a node with `module`", value);
            return Target::Return;
        };
        let members = Members::new(object, at.clone());
        let Some(name) = members.text(&mut self.builder, "module").filter(|name| !name.is_empty()) else {
            self.report(Code::MissingModule, at, "a node needs `module`; the branch ends here");
            return Target::Return;
        };
        let children = self.children(object.get("children"), &at.child("children"));
        let data = Members::of(&mut self.builder, object.get("data"), at.child("data"));
        let step = Step { data, at: at.clone(), children };
        let skipped = step.data.flag(&mut self.builder, "skip_module").unwrap_or(false);
        let node = if skipped {
            let edges = step.onward();
            self.builder.add_with(Op::Noop, edges, at)
        } else {
            let name = name.to_ascii_lowercase();
            let (node, name) = match self.beside {
                true => (self.metaflow(&name, &step), format!("{}{name}", metaflow::PREFIX)),
                false => (self.module(&name, &step), name),
            };
            for (place, members) in [(Place::Options, &step.data), (Place::Beside, &members)] {
                options::check(&mut self.builder, Dialect::Kazoo, &name, members, place);
            }
            node
        };
        Target::Node(node)
    }

    /// Adds a node for `step`.
    fn add(&mut self, op: Op, edges: Edges, step: &Step<'_>) -> NodeId {
        self.builder.add_with(op, edges, &step.at)
    }

    /// Adds a node for `step` that goes on to its next step whatever happens.
    fn onward(&mut self, op: Op, step: &Step<'_>) -> NodeId {
        let edges = step.onward();
        self.add(op, edges, step)
    }

    fn report(&mut self, code: Code, at: &Pointer, message: impl Into<String>) {
        self.builder.report(code, at, message);
    }

    /// A text that the module cannot do without; its absence is told.
    fn required(&mut self, step: &Step<'_>, key: &str) -> Option<String> {
        let text = step.data.text(&mut self.builder, key).filter(|text| !text.is_empty());
        if text.is_none() && step.data.get(key).is_none_or(Value::is_string) {
            self.report(
                Code::MissingOption,
                &step.data.at(key),
                format!("`{key}` is missing; the module is skipped"),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests;
