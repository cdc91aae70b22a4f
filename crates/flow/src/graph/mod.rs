//! A program as a picture: boxes and arrows, with the words on them; and written for Mermaid and Graphviz.
//!
//! What does nothing (labels, containers) is left out, and arrows to the same box are one.
//! Where things stand in a drawing is not decided here.

mod dot;
mod mermaid;

pub use self::{dot::dot, mermaid::mermaid};

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Edges, Install, NodeId, Op, Outcome, Program, Target, print};

/// Boxes and arrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// In the order of the document; ends follow.
    pub shapes: Vec<Shape>,
    /// From one to another, by their places in `shapes`.
    pub arrows: Vec<Arrow>,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it stands for.
    pub kind: Kind,
    /// What is done.
    pub title: String,
    /// Where that stands in the document, as a JSON pointer; empty for what stands nowhere.
    pub source: String,
    /// Whether a call can come here.
    pub reachable: bool,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Where a run begins.
    Start,
    /// Something to be heard.
    Prompt,
    /// Keys are gathered.
    Keys,
    /// A question, or another branch.
    Question,
    /// A server or another flow is asked.
    Ask,
    /// Others are called or met.
    People,
    /// Anything else that is done.
    Step,
    /// Something that offhook cannot do.
    Missing,
    /// The flow ends, or a call does.
    End,
}

/// An arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Where it begins.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// The outcomes that take it; empty if there is no choice.
    pub label: String,
}

/// The picture of `program`.
pub fn picture(program: &Program) -> Picture {
    let reachable = reachable(program);
    let mut painter = Painter { program, picture: Picture::default(), places: BTreeMap::new() };
    for (id, node) in (0..).map(NodeId).zip(&program.nodes) {
        if through(program, id) != Target::Node(id) {
            continue;
        }
        let shape = Shape {
            kind: kind(&node.op),
            title: print::op(&node.op),
            source: node.source.to_string(),
            reachable: reachable.contains(&id),
        };
        let place = painter.shape(shape);
        painter.places.insert(id, place);
    }
    for (title, entry) in starts(program) {
        let start = painter.end(Kind::Start, &title, true);
        painter.arrow(start, Target::Node(entry), String::new(), true);
    }
    if program.entry.is_none() {
        painter.end(Kind::Start, "an empty flow", true);
    }
    for (id, node) in (0..).map(NodeId).zip(&program.nodes) {
        let Some(&from) = painter.places.get(&id) else { continue };
        for (target, label) in ways(program, &node.op, &node.edges) {
            painter.arrow(from, target, label, reachable.contains(&id));
        }
    }
    painter.picture
}

struct Painter<'a> {
    program: &'a Program,
    picture: Picture,
    places: BTreeMap<NodeId, usize>,
}

impl Painter<'_> {
    fn shape(&mut self, shape: Shape) -> usize {
        self.picture.shapes.push(shape);
        self.picture.shapes.len() - 1
    }

    fn end(&mut self, kind: Kind, title: &str, reachable: bool) -> usize {
        self.shape(Shape { kind, title: title.to_owned(), source: String::new(), reachable })
    }

    /// Ends are boxes of their own, so that no arrow crosses the picture to reach one.
    fn arrow(&mut self, from: usize, target: Target, label: String, reachable: bool) {
        let to = match target {
            Target::Node(id) => match through(self.program, id) {
                Target::Node(id) => self.places.get(&id).copied(),
                end => Some(self.ending(end, reachable)),
            },
            end => Some(self.ending(end, reachable)),
        };
        if let Some(to) = to {
            self.picture.arrows.push(Arrow { from, to, label });
        }
    }

    fn ending(&mut self, end: Target, reachable: bool) -> usize {
        let title = if end == Target::Return { "flow over" } else { "hang up" };
        self.end(Kind::End, title, reachable)
    }
}

/// Where one is after all that does nothing; the node itself if it is in a circle of such.
fn through(program: &Program, id: NodeId) -> Target {
    let mut at = id;
    for _ in 0..program.nodes.len() {
        let Some(node) = program.node(at) else { break };
        if node.op != Op::Noop || !node.edges.cases.is_empty() {
            return Target::Node(at);
        }
        match node.edges.otherwise {
            Target::Node(next) => at = next,
            end => return end,
        }
    }
    Target::Node(id)
}

/// Where something begins, and what sets it off.
fn starts(program: &Program) -> Vec<(String, NodeId)> {
    let runs = [
        ("start", program.entry),
        ("when the flow is over", program.on_end),
        ("after the call", program.on_gone),
    ];
    let runs = runs.into_iter().filter_map(|(title, entry)| Some((title.to_owned(), entry?)));
    let codes = program.metaflows.iter().flat_map(|codes| {
        let named = |(digits, entry): &(String, NodeId)| (format!("{}{digits}", codes.binding), *entry);
        codes.numbers.iter().chain(&codes.patterns).map(named)
    });
    let codes = codes.map(|(code, entry)| (format!("{code} in a conversation"), entry));
    runs.chain(codes).collect()
}

fn reachable(program: &Program) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut coming: Vec<NodeId> = starts(program).into_iter().map(|(_, entry)| entry).collect();
    while let Some(id) = coming.pop() {
        let Some(node) = program.node(id).filter(|_| found.insert(id)) else { continue };
        for (target, _) in ways(program, &node.op, &node.edges) {
            if let Target::Node(next) = target {
                coming.push(next);
            }
        }
    }
    found
}

/// The targets that a node may take, each with the outcomes that lead there.
fn ways(program: &Program, op: &Op, edges: &Edges) -> Vec<(Target, String)> {
    if matches!(op, Op::Hangup(_) | Op::WaitForHangup | Op::Echo(None)) {
        return Vec::new();
    }
    let two = matches!(op, Op::If(_) | Op::Jump(_) | Op::EachNext { .. } | Op::Leave(_));
    let rest = match (two, edges.has(&Outcome::Yes), edges.has(&Outcome::No)) {
        (true, true, true) => None,
        (true, true, false) => Some("no"),
        (true, false, true) => Some("yes"),
        _ if edges.cases.is_empty() => Some(if entered(op) { "failed" } else { "" }),
        _ => Some("otherwise"),
    };
    let cases = edges.cases.iter().map(|(outcome, target)| (outcome.to_string(), *target));
    let rest = rest.map(|word| (word.to_owned(), edges.otherwise));
    let mut ways: Vec<(Target, Vec<String>)> = Vec::new();
    for (word, target) in cases.chain(rest) {
        let meant = match target {
            Target::Node(id) => through(program, id),
            end => end,
        };
        match ways.iter_mut().find(|(known, _)| *known == meant) {
            Some((_, words)) => words.push(word),
            None => ways.push((meant, vec![word])),
        }
    }
    let alone = ways.len() == 1;
    // Whatever happens leads there.
    let label = |words: Vec<String>| if alone && words.len() > 1 { String::new() } else { words.join(", ") };
    ways.into_iter().map(|(target, words)| (target, label(words))).collect()
}

/// Whether another program takes the place of this one, so that only a failure goes on here.
fn entered(op: &Op) -> bool {
    match op {
        Op::Fetch(fetch) => fetch.install == Install::Replace,
        Op::Subflow(subflow) => subflow.install == Install::Replace,
        Op::Number(_) => true,
        _ => false,
    }
}

fn kind(op: &Op) -> Kind {
    match op {
        Op::Play(_) => Kind::Prompt,
        Op::Collect(_) | Op::Menu(_) => Kind::Keys,
        Op::If(_) | Op::Branch(_) | Op::Hours(_) | Op::Jump(_) | Op::EachNext { .. } => Kind::Question,
        Op::Fetch(_) | Op::Subflow(_) | Op::Number(_) | Op::Webhook(_) => Kind::Ask,
        Op::Dial(_) | Op::Conference(_) | Op::Detect(_) | Op::Feature(_) => Kind::People,
        Op::Unavailable { .. } | Op::Residual(_) => Kind::Missing,
        Op::Hangup(_) => Kind::End,
        _ => Kind::Step,
    }
}

#[cfg(test)]
mod tests;
