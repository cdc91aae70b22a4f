//! Lists of actions: one node after the other, labels, and what every action needs to be lowered.
//!
//! Owns the order of nodes and the jumps between them.
//! Each action's own meaning is in `actions` and `control`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::expr::Scope;
use super::{END, actions, control, expr, native, text};
use crate::ir::{Access, Edges, Expr, Hangup, Lacking, NodeId, Op, Part, Pointer, Section, Target, Template};
use crate::lower::members::{Members, wrong};
use crate::lower::options::{self, Place};
use crate::lower::{Builder, Code, Dialect, Lowered, nearest};

/// Every action that the documentation lists; one without a type assigns.
const ACTIONS: [&str; 21] = [
    "SAY",
    "PLAY",
    "COLLECT",
    "CONFERENCE",
    "DIAL",
    "DETECT",
    "HANGUP",
    "PAUSE",
    "QUEUE",
    "RECORD",
    "REDIRECT",
    "REJECT",
    "SESSIONDATA",
    "SMS",
    "STOP",
    "TRANSFER",
    "WEBHOOK",
    "FOREACH",
    "IF",
    "GOTO",
    "LABEL",
];

/// A script under translation.
pub(super) struct Lowering {
    pub(super) builder: Builder,
    labels: HashMap<String, NodeId>,
    gotos: Vec<(NodeId, String, Pointer)>,
    /// FOREACH loops so far; each has a slot of its own.
    pub(super) loops: u32,
    /// FOREACH loops around the place in hand.
    pub(super) inside: u32,
    /// An action that answers the call stands earlier.
    pub(super) answered: bool,
}

/// Whether an object is an action: it has a type, or assigns to a variable.
pub(super) fn is_action(object: &Map<String, Value>) -> bool {
    let known = |kind: &str| {
        ACTIONS.contains(&kind.to_ascii_uppercase().as_str())
            || object.contains_key("params")
            || object.contains_key("actions")
    };
    match object.get("type") {
        Some(kind) => kind.as_str().is_some_and(known),
        None => object.keys().any(|key| key.starts_with('$')),
    }
}

impl Lowering {
    pub(super) fn new(builder: Builder) -> Lowering {
        Lowering { builder, labels: HashMap::new(), gotos: Vec::new(), loops: 0, inside: 0, answered: false }
    }

    /// The document's own list. An empty one hangs up: asking again would get the same answer for ever.
    pub(super) fn script(&mut self, actions: &[Value], pointer: &Pointer) {
        let entry = match self.list(actions, pointer, END) {
            Target::Node(id) => id,
            _ => self.builder.add(hangup("no actions"), pointer),
        };
        self.builder.program().entry = Some(entry);
    }

    /// A document that is one action.
    pub(super) fn single(&mut self, action: &Map<String, Value>, pointer: &Pointer) -> NodeId {
        let head = self.builder.add_with(Op::Noop, Edges::always(END), pointer);
        self.action(action, head, END, pointer);
        head
    }

    /// Lowers a list that goes on at `after`; where it begins, or `after` if it is empty.
    pub(super) fn list(&mut self, actions: &[Value], pointer: &Pointer, after: Target) -> Target {
        let heads: Vec<NodeId> =
            (0..actions.len()).map(|at| self.builder.add(Op::Noop, &pointer.child(at))).collect();
        for (at, (action, head)) in actions.iter().zip(&heads).enumerate() {
            let next = heads.get(at + 1).map_or(after, |id| Target::Node(*id));
            let pointer = pointer.child(at);
            self.builder.edges(*head, Edges::always(next));
            match action.as_object() {
                Some(action) => self.action(action, *head, next, &pointer),
                None => wrong(&mut self.builder, &pointer, "an action, an object with a `type`", action),
            }
        }
        heads.first().map_or(after, |id| Target::Node(*id))
    }

    /// Lowers a list that is run beside the action that has it.
    pub(super) fn section(&mut self, actions: &[Value], pointer: &Pointer) -> Option<Section> {
        let first = self.builder.nodes().len() as u32;
        let Target::Node(entry) = self.list(actions, pointer, END) else { return None };
        Some(Section { entry, nodes: first..self.builder.nodes().len() as u32 })
    }

    fn action(&mut self, action: &Map<String, Value>, head: NodeId, next: Target, pointer: &Pointer) {
        let members = Members::new(action, pointer.clone());
        let kind = match members.get("type") {
            None => return control::assignment(self, action, head, pointer),
            Some(Value::String(kind)) => kind,
            Some(other) => {
                wrong(&mut self.builder, &members.at("type"), "the name of an action", other);
                return self.op(head, Op::Residual(other.to_string()));
            }
        };
        let name = kind.trim().to_ascii_uppercase();
        let params = Members::of(&mut self.builder, members.get("params"), pointer.child("params"));
        let action = Action { name: &name, top: members, params, head, next };
        if control::lower(self, &action) || actions::lower(self, &action) {
            for (place, members) in [(Place::Options, &action.params), (Place::Beside, &action.top)] {
                options::check(&mut self.builder, Dialect::Voxology, &name, members, place);
            }
            return;
        }
        let meant =
            nearest(&name, &ACTIONS).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        let message = format!("unknown action `{kind}`{meant}; it is skipped");
        self.builder.report(Code::UnknownModule, &pointer.child("type"), message);
        self.op(head, Op::Residual(kind.clone()));
    }

    /// Gives a node its operation; its edges stay.
    pub(super) fn op(&mut self, id: NodeId, op: Op) {
        if let Some(node) = self.builder.program().nodes.get_mut(id.0 as usize) {
            node.op = op;
        }
    }

    /// A label at `head`.
    pub(super) fn label(&mut self, name: &str, head: NodeId, pointer: &Pointer) {
        if self.labels.contains_key(name) {
            let message = format!("a second label `{name}`; GOTO leads to the first");
            self.builder.report(Code::DuplicateId, pointer, message);
        } else {
            self.labels.insert(name.to_string(), head);
        }
    }

    /// A jump from `head`, resolved when all labels are known.
    pub(super) fn goto(&mut self, label: &str, head: NodeId, pointer: &Pointer) {
        self.gotos.push((head, label.to_string(), pointer.clone()));
    }

    /// Lowers a list as a program of its own, for somebody else to run. Its jumps stay in it.
    pub(super) fn apart(&self, actions: &[Value], pointer: &Pointer) -> Lowered {
        let mut apart = Lowering::new(Builder::new(Dialect::Voxology, Lacking::Fail));
        (apart.inside, apart.loops, apart.answered) = (self.inside, self.loops, true);
        apart.script(actions, pointer);
        apart.finish()
    }

    /// Resolves the jumps.
    pub(super) fn finish(mut self) -> Lowered {
        for (head, label, pointer) in std::mem::take(&mut self.gotos) {
            if let Some(id) = self.labels.get(&label) {
                self.builder.edges(head, Edges::always(Target::Node(*id)));
                continue;
            }
            let meant = self.builder.nearest(&label, self.labels.keys().map(String::as_str));
            let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let message = format!("no LABEL is named `{label}`{meant}");
            self.builder.report(Code::DanglingTarget, &pointer, message);
            self.op(head, hangup(&format!("no label {label}")));
            self.builder.edges(head, Edges::always(Target::Hangup));
        }
        self.builder.finish()
    }

    fn scope(&self, bare: bool) -> Scope {
        Scope { bare, loops: self.inside }
    }

    /// A text with variables.
    pub(super) fn template(&mut self, text: &str, pointer: &Pointer) -> Template {
        let parsed = text::parse(text, self.inside);
        for error in parsed.errors {
            let message = format!("at character {}: expected {}", error.column, error.expected);
            self.builder.report(Code::BadExpression, pointer, message);
        }
        parsed.template
    }

    /// An expression; one that cannot be read is undefined.
    pub(super) fn expression(&mut self, text: &str, pointer: &Pointer) -> Expr {
        match expr::parse(text, self.scope(false)) {
            Ok(parsed) => {
                for name in parsed.bare {
                    let message =
                        format!("`{name}` is written `${name}` in an expression; it is read as that");
                    self.builder.report(Code::Tolerated, pointer, message);
                }
                parsed.expr
            }
            Err(error) => {
                let message = format!("at character {}: expected {}", error.column, error.expected);
                self.builder.report(Code::BadExpression, pointer, message);
                native::undefined()
            }
        }
    }

    /// Data: texts are templates, and a text that is nothing but `$path` is that variable's value.
    pub(super) fn data(&mut self, value: &Value, pointer: &Pointer) -> Expr {
        match value {
            Value::String(text) => {
                if let Some(path) = self.path_expression(text) {
                    return path;
                }
                let template = self.template(text, pointer);
                match template.0.as_slice() {
                    [] => native::text(""),
                    [Part::Literal(text)] => native::text(text),
                    _ => Expr::Template(template),
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Expr::Array(items.map(|(at, item)| self.data(item, &pointer.child(at))).collect())
            }
            Value::Object(members) => {
                let members = members.iter();
                Expr::Object(
                    members
                        .map(|(key, value)| (key.clone(), self.data(value, &pointer.child(key))))
                        .collect(),
                )
            }
            other => Expr::Literal(other.clone()),
        }
    }

    /// `$name.member` and nothing else.
    pub(super) fn path_expression(&self, text: &str) -> Option<Expr> {
        if !text.starts_with('$') || text.starts_with("${") {
            return None;
        }
        let parsed = expr::parse(text, self.scope(false)).ok()?;
        is_path(&parsed.expr).then_some(parsed.expr)
    }
}

fn is_path(expr: &Expr) -> bool {
    match expr {
        Expr::Member(of, Access::Name(_)) => is_path(of),
        Expr::Member(of, Access::Index(index)) => is_path(of) && matches!(**index, Expr::Literal(_)),
        other => !matches!(other, Expr::Call(..) | Expr::Unary(..) | Expr::Binary(..) | Expr::Array(_)),
    }
}

/// An action in hand.
pub(super) struct Action<'a> {
    /// Its type in capitals.
    pub(super) name: &'a str,
    /// What stands beside `type`.
    pub(super) top: Members<'a>,
    /// What stands in `params`.
    pub(super) params: Members<'a>,
    /// Its node.
    pub(super) head: NodeId,
    /// What follows it.
    pub(super) next: Target,
}

impl<'a> Action<'a> {
    /// The members that hold `key`, which belongs in `params`; beside `type` it is taken with a warning.
    pub(super) fn param(&self, lowering: &mut Lowering, key: &str) -> &Members<'a> {
        if self.params.get(key).is_none() && self.top.get(key).is_some() {
            let message = format!("`{key}` belongs in `params`");
            lowering.builder.report(Code::MisplacedOption, &self.top.at(key), message);
            return &self.top;
        }
        &self.params
    }

    /// As [`Action::template`], beside `type`.
    pub(super) fn beside_template(&self, lowering: &mut Lowering, key: &str) -> Option<Template> {
        let text = self.top.text(&mut lowering.builder, key).filter(|text| !text.trim().is_empty())?;
        Some(lowering.template(&text, &self.top.at(key)))
    }

    /// The text under `key`, with its variables; an empty one counts as absent.
    pub(super) fn template(&self, lowering: &mut Lowering, key: &str) -> Option<Template> {
        let members = self.param(lowering, key).clone();
        let text = members.text(&mut lowering.builder, key).filter(|text| !text.trim().is_empty())?;
        Some(lowering.template(&text, &members.at(key)))
    }

    /// Whether one of `keys` is set; the first that is there counts.
    pub(super) fn flag(&self, lowering: &mut Lowering, keys: &[&str]) -> bool {
        let found = keys.iter().find_map(|key| {
            let members = self.param(lowering, key).clone();
            members.flag(&mut lowering.builder, key)
        });
        found.unwrap_or(false)
    }

    /// The members that hold `key`, which belongs beside `type`; in `params` it is taken with a warning.
    pub(super) fn beside(&self, lowering: &mut Lowering, key: &str) -> &Members<'a> {
        if self.top.get(key).is_none() && self.params.get(key).is_some() {
            let message = format!("`{key}` belongs beside `type`, not in `params`");
            lowering.builder.report(Code::MisplacedOption, &self.params.at(key), message);
            return &self.params;
        }
        &self.top
    }
}

/// Ends the call. 480 if it was not answered: the server is well, and no one takes this call now.
pub(super) fn hangup(cause: &str) -> Op {
    Op::Hangup(Hangup { status: 480, phrase: None, cause: cause.to_string() })
}
