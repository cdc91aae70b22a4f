//! Circles in which nothing waits: a run in one turns until the engine's budget ends the call.
//!
//! A circle with a way out that may come to be taken, because something in it counts or assigns, is no mistake.

use std::collections::{HashMap, HashSet, VecDeque};

use super::walk;
use crate::ir::{NodeId, Op, Program, Target, instant};
use crate::lower::{Code, Diagnostic};

/// Most circles that are told of; a document with more has other worries.
const MOST: usize = 20;

/// Most nodes that are named of one circle.
const NAMED: usize = 8;

/// Tells of circles.
pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    let mut left = candidates(program);
    let mut found = 0;
    while let Some(start) = left.iter().min().copied() {
        if found >= MOST {
            return;
        }
        let component = component(program, start, &left);
        if component.is_empty() {
            left.remove(&start);
            continue;
        }
        left.retain(|id| !component.contains(id));
        if changes(program, &component) && leaves(program, &component) {
            continue;
        }
        let path = shortest(program, start, &component);
        let message =
            format!("nothing in this circle waits, and no run comes out of it: {}", names(program, &path));
        if let Some(node) = program.node(start) {
            diagnostics.push(Diagnostic::new(Code::EndlessLoop, &node.source, message));
            found += 1;
        }
    }
}

/// Whether a node takes no time, in a circle that was gone through once.
fn quick(op: &Op) -> bool {
    instant(op)
        || matches!(
            op,
            Op::Answer | Op::Identify(_) | Op::Alert(_) | Op::RecordStart(_) | Op::EachNext { .. }
        )
        || matches!(op, Op::Jump(_))
}

/// Nodes that take no time and may lie on a circle of such nodes: those that lead nowhere, or that nothing leads to,
/// are taken away until none is left of them.
fn candidates(program: &Program) -> HashSet<NodeId> {
    let reached = walk::reached(program);
    let quick_one = |id: &NodeId| program.node(*id).is_some_and(|node| quick(&node.op));
    let mut left: HashSet<NodeId> = reached.into_iter().filter(quick_one).collect();
    let mut into: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    let mut out: HashMap<NodeId, usize> = HashMap::new();
    for id in &left {
        let next: Vec<NodeId> = walk::next(program, *id).into_iter().filter(|id| left.contains(id)).collect();
        out.insert(*id, next.len());
        for next in next {
            into.entry(next).or_default().push(*id);
        }
    }
    let mut open: Vec<NodeId> = out.iter().filter(|(_, ways)| **ways == 0).map(|(id, _)| *id).collect();
    while let Some(id) = open.pop() {
        left.remove(&id);
        for before in into.get(&id).into_iter().flatten() {
            if let Some(ways) = out.get_mut(before) {
                *ways = ways.saturating_sub(1);
                if *ways == 0 {
                    open.push(*before);
                }
            }
        }
    }
    left
}

/// The nodes that `start` leads to and that lead back to it; none if it lies on no circle.
fn component(program: &Program, start: NodeId, left: &HashSet<NodeId>) -> HashSet<NodeId> {
    let mut ahead = HashSet::new();
    let mut into: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        for next in walk::next(program, id).into_iter().filter(|next| left.contains(next)) {
            into.entry(next).or_default().push(id);
            if ahead.insert(next) {
                open.push(next);
            }
        }
    }
    let mut back = HashSet::new();
    open.extend(into.get(&start).into_iter().flatten().copied());
    while let Some(id) = open.pop() {
        if back.insert(id) {
            open.extend(into.get(&id).into_iter().flatten().copied());
        }
    }
    back
}

/// Whether something in the circle may change what its questions answer.
fn changes(program: &Program, component: &HashSet<NodeId>) -> bool {
    let op = |id: &NodeId| program.node(*id).map(|node| &node.op);
    component.iter().filter_map(op).any(|op| match op {
        Op::Set(_) | Op::EachNext { .. } | Op::Jump(Some(_)) => true,
        Op::Branch(branch) => branch.reset.is_some() || branch.flush,
        _ => false,
    })
}

/// Whether a way leads out of the circle.
fn leaves(program: &Program, component: &HashSet<NodeId>) -> bool {
    component.iter().filter_map(|id| program.node(*id)).any(|node| {
        walk::ways(&node.op, &node.edges).iter().any(|target| match target {
            Target::Node(id) => !component.contains(id),
            Target::Return | Target::Hangup => true,
        })
    })
}

/// The shortest way from `start` back to it.
fn shortest(program: &Program, start: NodeId, component: &HashSet<NodeId>) -> Vec<NodeId> {
    let mut from: HashMap<NodeId, NodeId> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(id) = open.pop_front() {
        for next in walk::next(program, id).into_iter().filter(|next| component.contains(next)) {
            if next == start {
                let mut path = vec![id];
                while let Some(before) = path.last().and_then(|last| from.get(last)) {
                    path.push(*before);
                }
                path.reverse();
                return path;
            }
            if next != id && !from.contains_key(&next) {
                from.insert(next, id);
                open.push_back(next);
            }
        }
    }
    vec![start]
}

/// Where the nodes stand, in their order, and the first again.
fn names(program: &Program, path: &[NodeId]) -> String {
    let mut names: Vec<String> =
        path.iter().filter_map(|id| program.node(*id)).map(|node| node.source.to_string()).collect();
    names.dedup();
    let first = names.first().cloned().unwrap_or_default();
    if names.len() > NAMED {
        names.truncate(NAMED);
        names.push("…".to_owned());
    }
    names.push(first);
    names.join(" → ")
}
