//! Refuses programs that no lowering should make: edges to nowhere, a start that is not there, certain endless loops.

use super::{Edges, Expr, NodeId, Op, Program, Target};

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The entry, `on_end` or `on_gone` is no node of the program.
    #[error("{0} names node {1}, which does not exist")]
    Entry(&'static str, u32),
    /// An edge leads to no node of the program.
    #[error("an edge of {pointer} leads to node {target}, which does not exist")]
    Dangling {
        /// Where the node stands in the document.
        pointer: String,
        /// The missing node.
        target: u32,
    },
    /// Nodes that lead only to each other, whatever happens, without ever waiting.
    #[error("{pointer} runs in a circle that never waits")]
    Circle {
        /// Where one of the nodes stands in the document.
        pointer: String,
    },
}

/// Checks a program.
pub fn verify(program: &Program) -> Result<(), Malformed> {
    let missing = |id: NodeId| program.node(id).is_none();
    for (name, entry) in
        [("the entry", program.entry), ("on_end", program.on_end), ("on_gone", program.on_gone)]
    {
        if let Some(id) = entry.filter(|id| missing(*id)) {
            return Err(Malformed::Entry(name, id.0));
        }
    }
    let codes = program.metaflows.iter().flat_map(|codes| codes.numbers.iter().chain(&codes.patterns));
    if let Some((_, id)) = codes.into_iter().find(|(_, id)| missing(*id)) {
        return Err(Malformed::Entry("a star code", id.0));
    }
    for node in &program.nodes {
        for target in targets(&node.edges).chain(node.op.beside().map(Target::Node)) {
            if let Target::Node(id) = target
                && missing(id)
            {
                return Err(Malformed::Dangling { pointer: node.source.to_string(), target: id.0 });
            }
        }
    }
    circle(program)
}

fn targets(edges: &Edges) -> impl Iterator<Item = Target> + '_ {
    edges.cases.iter().map(|(_, target)| *target).chain([edges.otherwise])
}

/// Follows the nodes that have one way out and never wait; a walk that meets itself is a circle.
fn circle(program: &Program) -> Result<(), Malformed> {
    // The walk on which a node was last met; walks are numbered from 1.
    let mut met = vec![0_usize; program.nodes.len()];
    for (walk, start) in (1..).zip(0..program.nodes.len()) {
        let mut at = start;
        while let (Some(node), Some(mark)) = (program.nodes.get(at), met.get_mut(at)) {
            if *mark == walk {
                return Err(Malformed::Circle { pointer: node.source.to_string() });
            }
            // Already walked from here, without finding a circle.
            if *mark != 0 {
                break;
            }
            *mark = walk;
            match only_way(&node.op, &node.edges) {
                Some(Target::Node(next)) => at = next.0 as usize,
                _ => break,
            }
        }
    }
    Ok(())
}

/// Whether an operation takes no time at all.
pub(crate) fn instant(op: &Op) -> bool {
    match op {
        Op::Noop
        | Op::Set(_)
        | Op::FlushDigits
        | Op::Language(_)
        | Op::Residual(_)
        | Op::Unavailable { .. } => true,
        Op::RecordStop
        | Op::RecordMask(_)
        | Op::EachStart { .. }
        | Op::If(_)
        | Op::Branch(_)
        | Op::Hours(_) => true,
        Op::Jump(None) => true,
        Op::Webhook(webhook) => !webhook.wait,
        Op::Sleep(Expr::Literal(length)) => length.as_f64().is_some_and(|length| length <= 0.0),
        _ => false,
    }
}

/// Where a node that does not wait leads, if that is certain.
fn only_way(op: &Op, edges: &Edges) -> Option<Target> {
    // A conditional jump whose both ways are the same is as certain as any other.
    let mut ways = targets(edges);
    let first = ways.next()?;
    (instant(op) && ways.all(|way| way == first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ir::{Lacking, Pointer},
        lower::{Builder, Dialect},
    };

    fn check(ops: &[(Op, Target)]) -> Result<(), Malformed> {
        let mut builder = Builder::new(Dialect::Kazoo, Lacking::Fail);
        for (at, (op, target)) in ops.iter().enumerate() {
            builder.add_with(op.clone(), Edges::always(*target), &Pointer::default().child(at));
        }
        builder.program().entry = Some(NodeId(0));
        verify(&builder.finish().program)
    }

    #[test]
    fn an_edge_to_nowhere_is_refused() {
        let dangling = check(&[(Op::Noop, Target::Node(NodeId(7)))]);
        assert_eq!(dangling, Err(Malformed::Dangling { pointer: "/0".into(), target: 7 }));
        assert_eq!(check(&[]), Err(Malformed::Entry("the entry", 0)));
    }

    #[test]
    fn a_circle_that_never_waits_is_refused_and_one_that_waits_is_not() {
        let to = |id| Target::Node(NodeId(id));
        assert!(check(&[(Op::Noop, to(1)), (Op::FlushDigits, to(0))]).is_err());
        assert!(check(&[(Op::Noop, to(1)), (Op::Echo(None), to(0))]).is_ok());
        assert!(check(&[(Op::Noop, to(1)), (Op::Noop, Target::Return), (Op::Noop, to(0))]).is_ok());
    }
}
