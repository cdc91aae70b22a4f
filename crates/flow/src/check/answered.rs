//! Media that wants an answered call, at places that no answered call comes to.

use std::collections::HashSet;

use super::walk;
use crate::ir::{NodeId, Op, Program};
use crate::lower::{Code, Diagnostic, Dialect};

/// Tells of what is heard or gathered before the call is answered, whatever way leads there.
pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    let Some(entry) = program.entry else { return };
    let mut visited: HashSet<(NodeId, bool)> = HashSet::new();
    let mut open = vec![(entry, false)];
    // A program that another one called may begin in a call that is answered; so may what a called one jumps to.
    open.extend(program.on_end.map(|id| (id, true)));
    while let Some((id, answered)) = open.pop() {
        if !visited.insert((id, answered)) {
            continue;
        }
        let Some(node) = program.node(id) else { continue };
        for next in walk::next(program, id) {
            match after(&node.op, answered) {
                After::Answered => open.push((next, true)),
                After::Same => open.push((next, answered)),
                After::Either => open.extend([(next, true), (next, answered)]),
            }
        }
    }
    for (id, node) in (0_u32..).map(NodeId).zip(&program.nodes) {
        let only_before = visited.contains(&(id, false)) && !visited.contains(&(id, true));
        // An action without a list around it is a part of some flow.
        if node.source.0.is_empty() && program.dialect != Dialect::Kazoo {
            continue;
        }
        let Some(what) = wants(&node.op, program.dialect).filter(|_| only_before) else { continue };
        let message = format!("the call is not answered yet: {what}");
        diagnostics.push(Diagnostic::new(Code::MediaBeforeAnswer, &node.source, message));
    }
}

/// Whether a call is answered when a node is left.
enum After {
    Answered,
    Same,
    Either,
}

fn after(op: &Op, answered: bool) -> After {
    let answers = match op {
        Op::Answer | Op::Conference(_) => true,
        Op::Play(play) => play.answers,
        Op::Collect(gather) => gather.answers,
        Op::Menu(menu) => menu.gather.answers,
        Op::Detect(detect) => detect.answers,
        Op::Record(record) | Op::RecordStart(record) | Op::RecordToggle(record) => record.answers,
        // Whoever was dialled may have answered, and what another program did is not known here.
        Op::Dial(_) | Op::Fetch(_) | Op::Subflow(_) | Op::Number(_) | Op::Feature(_) => return After::Either,
        _ => false,
    };
    if answers || answered { After::Answered } else { After::Same }
}

/// What an operation cannot do well before the call is answered; `None` if it can, or if early media is what it is for.
fn wants(op: &Op, dialect: Dialect) -> Option<&'static str> {
    match op {
        // The other dialects play before the answer only where the author says so.
        Op::Play(play) if !play.answers && dialect == Dialect::Voipbin => {
            Some("this is played as early media, which many carriers do not pass on")
        }
        Op::Collect(gather) if !gather.answers => Some("carriers pass on no keys before the answer"),
        Op::Record(record) if !record.answers => Some("there is nothing to record"),
        Op::Detect(detect) if !detect.answers => Some("nobody can be told from a machine yet"),
        Op::SendDigits(_) => Some("keys reach nobody before the answer"),
        Op::Echo(_) => Some("there is nothing to send back"),
        _ => None,
    }
}
