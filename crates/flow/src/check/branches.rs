//! Questions to callers without a branch for what callers do: press nothing, or something else.

use super::walk;
use crate::ir::{Node, NodeId, Op, Outcome, Program, Target};
use crate::lower::{Code, Diagnostic};

/// Tells of gathered keys whose branches leave out the caller who presses nothing, or something else.
pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    let reached = walk::reached(program);
    for (id, node) in (0_u32..).zip(&program.nodes) {
        let (menu, gather) = match &node.op {
            Op::Collect(gather) if gather.by_value => (false, gather),
            Op::Menu(menu) => (true, &menu.gather),
            _ => continue,
        };
        let chooses = node.edges.cases.iter().any(|(outcome, _)| matches!(outcome, Outcome::Key(_)));
        // A branch that leads to nothing was told of already.
        let told = |found: &Diagnostic| {
            let about = [Code::DanglingTarget, Code::Tolerated].contains(&found.code);
            about && found.pointer.strip_prefix(&node.source.0).is_some_and(|rest| rest.starts_with('/'))
        };
        if diagnostics.iter().any(told) {
            continue;
        }
        if !chooses || !reached.contains(&NodeId(id)) {
            continue;
        }
        let silent = ends(program, node, &Outcome::Timeout);
        // An outcome that no document has a case for.
        let other = if menu { "max_retries" } else { "\u{0}" };
        let wrong = ends(program, node, &Outcome::Key(other.to_owned()));
        let seconds = gather.first.as_secs_f64();
        let message = match (silent, wrong) {
            (true, true) => {
                format!("a caller who presses nothing for {seconds} s, or another key, is hung up on")
            }
            (true, false) => format!("a caller who presses nothing for {seconds} s is hung up on"),
            (false, true) => "a caller who presses another key is hung up on".to_owned(),
            (false, false) => continue,
        };
        diagnostics.push(Diagnostic::new(Code::MissingBranch, &node.source, message));
    }
}

/// Whether the call ends there, without anything else being done.
fn ends(program: &Program, node: &Node, outcome: &Outcome) -> bool {
    match node.edges.target(outcome) {
        Target::Hangup => true,
        Target::Return => program.on_end.is_none(),
        // A hang-up that the document does not write: it stands where the question stands.
        Target::Node(id) => program
            .node(id)
            .is_some_and(|next| next.source == node.source && matches!(next.op, Op::Hangup(_))),
    }
}
