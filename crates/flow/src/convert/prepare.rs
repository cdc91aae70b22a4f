//! Makes a program ready to be written: without steps that do nothing, and without menus where there are none.

use super::Loss;
use crate::{
    ir::{Barge, Collect, Edges, Menu, Node, NodeId, Op, Outcome, Play, Program, Repeat, Target, print},
    lower::Dialect,
};

/// The program as it is written down.
pub(super) fn prepared(program: &Program, to: Dialect, losses: &mut Vec<Loss>) -> Program {
    let mut program = program.clone();
    if to != Dialect::Kazoo {
        for at in 0..program.nodes.len() {
            let Some(node) = program.nodes.get(at).cloned() else { continue };
            if let Op::Menu(menu) = &node.op {
                menu_of_steps(&mut program, NodeId(at as u32), &node, menu, losses);
            }
        }
    }
    shortened(&mut program, to);
    program
}

/// A menu, written out: gather, branch, say what is wrong, again; as often as it has rounds.
fn menu_of_steps(program: &mut Program, id: NodeId, node: &Node, menu: &Menu, losses: &mut Vec<Loss>) {
    let source = node.source.clone();
    if menu.hunt.is_some() {
        let what = format!("{}: looking up what is typed among the numbers", print::op(&node.op));
        losses.push(Loss { pointer: source.to_string(), what, instead: "it is left out".into() });
    }
    let mut add = |op: Op, edges: Edges| {
        program.nodes.push(Node::new(op, edges, source.clone()));
        Target::Node(NodeId((program.nodes.len() - 1) as u32))
    };
    let over = node.edges.target(&Outcome::Key("max_retries".into()));
    let say = |items: &[crate::ir::Item]| {
        let items = items.to_vec();
        // The keys were asked for before, which answered the call.
        let answers = menu.gather.answers;
        Op::Play(Play { items, repeat: Repeat::Times(1), barge: Barge::None, consume: false, answers })
    };
    let over = if menu.exit.is_empty() { over } else { add(say(&menu.exit), Edges::always(over)) };
    let rounds = menu.retries.saturating_sub(1);
    let again = match rounds {
        0 => over,
        rounds => add(Op::Jump(Some(rounds)), Edges::always(over).case(Outcome::Yes, Target::Node(id))),
    };
    let wrong = if menu.invalid.is_empty() { again } else { add(say(&menu.invalid), Edges::always(again)) };
    let timeout = [Outcome::Timeout, Outcome::Key("timeout".into())].into_iter();
    let timeout =
        timeout.filter(|outcome| node.edges.has(outcome)).map(|outcome| node.edges.target(&outcome)).next();
    let words = ["timeout", "max_retries"];
    let key = |outcome: &Outcome| matches!(outcome, Outcome::Key(key) if !words.contains(&key.as_str()));
    let mut cases: Vec<(Outcome, Target)> =
        node.edges.cases.iter().filter(|(outcome, _)| key(outcome)).cloned().collect();
    cases.push((Outcome::Timeout, timeout.unwrap_or(again)));
    let gather = Collect { by_value: true, ..menu.gather.clone() };
    if let Some(node) = program.nodes.get_mut(id.0 as usize) {
        node.op = Op::Collect(gather);
        node.edges = Edges { cases, otherwise: wrong };
    }
}

/// Leads every edge past steps that do nothing, and leaves out answers before what answers by itself.
fn shortened(program: &mut Program, to: Dialect) {
    let old = program.clone();
    let past = |target: Target| {
        let mut at = target;
        for _ in 0..old.nodes.len() {
            let Target::Node(id) = at else { break };
            let Some(node) = old.node(id) else { break };
            let next = node.edges.otherwise;
            let answers = |target: Target| match target {
                Target::Node(id) => old.node(id).is_some_and(|node| {
                    // Voxology's way to send keys answers.
                    answers(&node.op) || (to == Dialect::Voxology && matches!(node.op, Op::SendDigits(_)))
                }),
                _ => false,
            };
            let idle = match node.op {
                Op::Noop => node.edges.cases.is_empty(),
                Op::Answer => node.edges.cases.is_empty() && answers(next),
                _ => false,
            };
            if !idle {
                return at;
            }
            at = next;
        }
        // A circle of nothing stays as it is.
        if matches!(at, Target::Node(_)) { target } else { at }
    };
    for node in &mut program.nodes {
        for (_, target) in &mut node.edges.cases {
            *target = past(*target);
        }
        node.edges.otherwise = past(node.edges.otherwise);
    }
    program.entry = program.entry.and_then(|entry| match past(Target::Node(entry)) {
        Target::Node(entry) => Some(entry),
        _ => None,
    });
}

/// Whether an operation answers a call that is not answered.
pub(super) fn answers(op: &Op) -> bool {
    match op {
        Op::Play(play) => play.answers,
        Op::Collect(collect) => collect.answers,
        Op::Record(record) => record.answers,
        _ => false,
    }
}
