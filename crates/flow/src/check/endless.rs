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
    let quick_one = |id: &NodeId| program.node(*id).is_some_and(|node| quick(&node.op));
    let nodes: HashSet<NodeId> = walk::reached(program).into_iter().filter(quick_one).collect();
    let mut circles: Vec<(NodeId, HashSet<NodeId>)> = circles(program, &nodes)
        .into_iter()
        .filter_map(|circle| Some((circle.iter().min().copied()?, circle)))
        .filter(|(_, circle)| !(changes(program, circle) && leaves(program, circle)))
        .collect();
    circles.sort_by_key(|(first, _)| *first);
    for (first, circle) in circles.into_iter().take(MOST) {
        let path = names(program, &shortest(program, first, &circle));
        let message = format!("nothing in this circle waits, and no run comes out of it: {path}");
        if let Some(node) = program.node(first) {
            diagnostics.push(Diagnostic::new(Code::EndlessLoop, &node.source, message));
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

/// The nodes that lead to each other, by circle (Tarjan's strongly connected components, without recursion: a document
/// must not be able to use the stack up).
fn circles(program: &Program, nodes: &HashSet<NodeId>) -> Vec<HashSet<NodeId>> {
    let next = |id| -> Vec<NodeId> {
        walk::next(program, id).into_iter().filter(|next| nodes.contains(next)).collect()
    };
    let mut circles = Vec::new();
    // In which order nodes were met, and the earliest that is known to be met again from there.
    let mut met: HashMap<NodeId, (usize, usize)> = HashMap::new();
    let (mut open, mut is_open) = (Vec::new(), HashSet::new());
    for start in nodes {
        let mut walk: Vec<(NodeId, Vec<NodeId>)> = Vec::new();
        if !met.contains_key(start) {
            walk.push((*start, next(*start)));
        }
        while let Some((id, ways)) = walk.last_mut() {
            let (id, order) = (*id, met.len());
            if met.entry(id).or_insert((order, order)).0 == order {
                open.push(id);
                is_open.insert(id);
            }
            match ways.pop() {
                Some(next_id) => match met.get(&next_id).copied() {
                    None => walk.push((next_id, next(next_id))),
                    Some((order, _)) if is_open.contains(&next_id) => earlier(&mut met, id, order),
                    Some(_) => {}
                },
                None => {
                    walk.pop();
                    let Some((order, earliest)) = met.get(&id).copied() else { continue };
                    if let Some((before, _)) = walk.last() {
                        earlier(&mut met, *before, earliest);
                    }
                    if earliest == order {
                        let at = open.iter().rposition(|open| *open == id).unwrap_or_default();
                        let circle: HashSet<NodeId> = open.split_off(at).into_iter().collect();
                        for id in &circle {
                            is_open.remove(id);
                        }
                        if circle.len() > 1 || next(id).contains(&id) {
                            circles.push(circle);
                        }
                    }
                }
            }
        }
    }
    circles
}

/// Notes that a node leads to one that was met as early as `order`.
fn earlier(met: &mut HashMap<NodeId, (usize, usize)>, id: NodeId, order: usize) {
    if let Some((_, earliest)) = met.get_mut(&id) {
        *earliest = order.min(*earliest);
    }
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
