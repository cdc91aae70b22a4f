//! Ways through a program.

use std::collections::HashSet;

use crate::ir::{Edges, NodeId, Op, Outcome, Program, Target};

/// Where a node may lead, as far as its operation tells which outcomes it can have.
pub(super) fn ways(op: &Op, edges: &Edges) -> Vec<Target> {
    match op {
        Op::Hangup(_) | Op::WaitForHangup => Vec::new(),
        Op::If(_) | Op::Leave(_) | Op::EachNext { .. } | Op::Jump(Some(_)) => {
            vec![edges.target(&Outcome::Yes), edges.target(&Outcome::No)]
        }
        Op::Jump(None) => vec![edges.target(&Outcome::Yes)],
        Op::Noop | Op::Set(_) | Op::FlushDigits | Op::Language(_) | Op::RecordStop | Op::RecordMask(_) => {
            vec![edges.target(&Outcome::Done)]
        }
        Op::EachStart { .. } | Op::Residual(_) => vec![edges.target(&Outcome::Done)],
        _ => edges.cases.iter().map(|(_, target)| *target).chain([edges.otherwise]).collect(),
    }
}

/// The nodes that a node may lead to.
pub(super) fn next(program: &Program, id: NodeId) -> Vec<NodeId> {
    let Some(node) = program.node(id) else { return Vec::new() };
    let nodes = ways(&node.op, &node.edges).into_iter().filter_map(|target| match target {
        Target::Node(id) => Some(id),
        Target::Return | Target::Hangup => None,
    });
    nodes.collect()
}

/// The nodes at which a run may begin, or be taken up again from elsewhere.
fn roots(program: &Program) -> Vec<NodeId> {
    let mut roots: Vec<NodeId> =
        [program.entry, program.on_end, program.on_gone].into_iter().flatten().collect();
    if let Some(metaflows) = &program.metaflows {
        roots.extend(metaflows.numbers.iter().chain(&metaflows.patterns).map(|(_, id)| *id));
    }
    roots
}

/// The nodes that some run comes to.
pub(super) fn reached(program: &Program) -> HashSet<NodeId> {
    let mut reached = HashSet::new();
    spread(program, roots(program), &mut reached);
    // A program that is called from here may jump to any named node.
    let calls = |id: &NodeId| {
        let op = program.node(*id).map(|node| &node.op);
        matches!(op, Some(Op::Fetch(_) | Op::Subflow(_) | Op::Number(_)))
    };
    if reached.iter().any(calls) {
        spread(program, program.names.values().copied().collect(), &mut reached);
    }
    reached
}

fn spread(program: &Program, mut open: Vec<NodeId>, reached: &mut HashSet<NodeId>) {
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(next(program, id));
        }
    }
}
