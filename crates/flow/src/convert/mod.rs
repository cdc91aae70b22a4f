//! From a program to a document of another dialect, as far as that has the words.
//!
//! Each dialect has a file that writes its modules and ties them together.
//! What was written for a step is lowered again and compared with the step ([`same`]): whatever is not the same
//! is told, so that nothing is lost in silence, whatever the writers think.
//! Limits of a service itself (VoIPBIN's hour for a call, its stacks) are no part of a flow and are not told.

mod callroute;
mod kazoo;
mod prepare;
mod same;
mod voipbin;
mod voxology;
mod words;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    ir::{Node, NodeId, Op, Outcome, Program, Target, print},
    lower::Dialect,
};

/// A document of another dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The document.
    pub document: Value,
    /// What it does not carry, or carries in another way; empty if it does all that the program does.
    pub losses: Vec<Loss>,
}

/// Something that was not carried as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where it stands in the document that was converted, as a JSON pointer.
    pub pointer: String,
    /// What it is.
    pub what: String,
    /// What stands in its place.
    pub instead: String,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.pointer, self.what, self.instead)
    }
}

/// `program` as a document of the dialect `to`; `None` for [`Dialect::Own`], which has no documents.
pub fn convert(program: &Program, to: Dialect) -> Option<Conversion> {
    let mut losses = Vec::new();
    let program = prepare::prepared(program, to, &mut losses);
    let mut pen = Pen { program: &program, to, losses };
    pen.around();
    let document = match to {
        Dialect::Kazoo => kazoo::document(&mut pen),
        Dialect::Callroute => callroute::document(&mut pen),
        Dialect::Voipbin => voipbin::document(&mut pen),
        Dialect::Voxology => voxology::document(&mut pen),
        Dialect::Own => return None,
    };
    let mut losses: Vec<Loss> = Vec::new();
    for loss in pen.losses {
        // A branch that is written twice loses the same thing twice.
        if !losses.contains(&loss) {
            losses.push(loss);
        }
    }
    Some(Conversion { document, losses })
}

/// What the writers share: the program and the list of what was lost.
struct Pen<'a> {
    program: &'a Program,
    to: Dialect,
    losses: Vec<Loss>,
}

impl<'a> Pen<'a> {
    fn node(&self, id: NodeId) -> Option<&'a Node> {
        self.program.node(id)
    }

    fn lost(&mut self, node: &Node, what: impl Into<String>, instead: impl Into<String>) {
        self.losses.push(Loss {
            pointer: node.source.to_string(),
            what: what.into(),
            instead: instead.into(),
        });
    }

    /// What a program has beside its nodes.
    fn around(&mut self) {
        for (entry, what) in [
            (self.program.on_end, "what is asked for when the flow is over"),
            (self.program.on_gone, "what is done after the call"),
        ] {
            if let Some(node) = entry.and_then(|entry| self.node(entry)) {
                self.lost(node, what, "it is left out");
            }
        }
        let limit = self.program.node_limit;
        if let Some(node) = circle(self.program).and_then(|id| self.node(id)) {
            match (limit, self.to) {
                (Some(limit), _) => {
                    let what = format!("a circle that ends after {limit} steps of a call");
                    self.lost(node, what, "it ends when the caller hangs up");
                }
                (None, Dialect::Voipbin) => {
                    self.lost(node, "a circle without a limit", "VoIPBIN allows 100 steps in a call");
                }
                _ => {}
            }
        }
        if self.program.metaflows.is_some() {
            let root = Loss {
                pointer: "/".into(),
                what: "star codes during a conversation".into(),
                instead: "they are left out".into(),
            };
            self.losses.push(root);
        }
    }

    /// The modules that do what `node` does; what they do otherwise is told. None if there are no such.
    fn carried(
        &mut self,
        node: &Node,
        modules: Option<Vec<Value>>,
        document: impl Fn(&[Value]) -> Value,
    ) -> Vec<Value> {
        let Some(modules) = modules.filter(|modules| !modules.is_empty()) else {
            if node.op != Op::Noop {
                self.left_out(node);
            }
            return Vec::new();
        };
        for difference in same::differences(self.to, &document(&modules), &node.op) {
            self.lost(node, print::op(&node.op), difference);
        }
        modules
    }

    fn left_out(&mut self, node: &Node) {
        let what = match &node.op {
            Op::Fetch(_) => {
                let from = dialect(self.program.dialect);
                format!("{}, whose server answers in the words of {from}", print::op(&node.op))
            }
            op => format!("{}, which {} does not have", print::op(op), dialect(self.to)),
        };
        self.lost(node, what, "it is left out, and the flow goes on");
    }

    /// Where a step leads that can have one way only; the others are told.
    fn only_way(&mut self, node: &Node) -> Target {
        let way = ordinary(node);
        let (mut others, mut known) = (Vec::new(), vec![way]);
        let cases = node.edges.cases.iter().map(|(outcome, target)| (outcome.to_string(), *target));
        for (outcome, target) in cases.chain([("any other outcome".to_owned(), node.edges.otherwise)]) {
            if !known.contains(&target) {
                known.push(target);
                others.push(outcome);
            }
        }
        if !others.is_empty() {
            let what = format!("{}: a way of its own for {}", print::op(&node.op), others.join(", "));
            self.lost(node, what, "the flow goes on as it does after success");
        }
        way
    }
}

/// Where a step leads when it did its work.
fn ordinary(node: &Node) -> Target {
    node.edges.target(&Outcome::Done)
}

/// A step that leads back to itself, other than by a jump that is counted.
fn circle(program: &Program) -> Option<NodeId> {
    let ways = |id: NodeId| -> Vec<NodeId> {
        let Some(node) = program.node(id) else { return Vec::new() };
        let counted = matches!(node.op, Op::Jump(Some(_)));
        let cases = node.edges.cases.iter().filter(|(outcome, _)| !(counted && *outcome == Outcome::Yes));
        let targets = cases.map(|(_, target)| *target).chain([node.edges.otherwise]);
        let nodes = targets.filter_map(|target| match target {
            Target::Node(next) => Some(next),
            _ => None,
        });
        nodes.collect()
    };
    let back = |start: NodeId| {
        let (mut met, mut coming) = (vec![false; program.nodes.len()], ways(start));
        while let Some(id) = coming.pop() {
            if id == start {
                return true;
            }
            if let Some(mark) = met.get_mut(id.0 as usize).filter(|mark| !**mark) {
                *mark = true;
                coming.extend(ways(id));
            }
        }
        false
    };
    order(program).into_iter().find(|id| back(*id))
}

/// The steps that a call can come to: the ordinary way first, then the others.
fn order(program: &Program) -> Vec<NodeId> {
    let (mut found, mut met) = (Vec::new(), BTreeSet::new());
    let mut coming: Vec<NodeId> = program.entry.into_iter().collect();
    while let Some(id) = coming.pop() {
        let Some(node) = program.node(id).filter(|_| met.insert(id)) else { continue };
        found.push(id);
        let cases = node.edges.cases.iter().map(|(_, target)| *target);
        let first = match node.op {
            Op::If(_) | Op::EachNext { .. } => node.edges.target(&Outcome::Yes),
            Op::Jump(_) => node.edges.target(&Outcome::No),
            _ => ordinary(node),
        };
        let ways: Vec<Target> = [first].into_iter().chain(cases).chain([node.edges.otherwise]).collect();
        coming.extend(ways.into_iter().rev().filter_map(|target| match target {
            Target::Node(next) => Some(next),
            _ => None,
        }));
    }
    found
}

/// Gives a module a member.
fn set(module: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(members) = module.as_object_mut() {
        members.insert(key.to_owned(), value.into());
    }
}

fn dialect(to: Dialect) -> &'static str {
    match to {
        Dialect::Kazoo => "Kazoo",
        Dialect::Callroute => "a call route",
        Dialect::Voipbin => "VoIPBIN",
        Dialect::Voxology => "Voxology",
        Dialect::Own => "offhook",
    }
}

#[cfg(test)]
mod tests;
