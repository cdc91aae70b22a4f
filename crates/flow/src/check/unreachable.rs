//! Parts of the document that no way leads to.

use std::collections::{BTreeMap, HashSet};

use super::walk;
use crate::ir::{NodeId, Pointer, Program};
use crate::lower::{Code, Diagnostic};

/// Most places that are told of.
const MOST: usize = 100;

/// Tells of nodes that are never come to; of a row of them the first, of nested ones the outermost.
pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    let reached = walk::reached(program);
    // Whether any node that stands at a pointer is come to.
    let mut alive: BTreeMap<&str, bool> = BTreeMap::new();
    for (id, node) in (0_u32..).zip(&program.nodes) {
        *alive.entry(&node.source.0).or_default() |= reached.contains(&NodeId(id));
    }
    let dead: HashSet<&str> =
        alive.iter().filter(|(_, alive)| !**alive).map(|(pointer, _)| *pointer).collect();
    let mut told: Vec<&str> = Vec::new();
    for pointer in alive.keys().filter(|pointer| dead.contains(**pointer)) {
        let outer = outwards(pointer).skip(1).any(|outer| dead.contains(outer));
        let before = before(pointer).is_some_and(|before| dead.contains(before.as_str()));
        // What is below a place that was spoken of already needs no second word.
        let spoken = |found: &Diagnostic| {
            let about = [Code::IgnoredBranch, Code::Unreachable, Code::UnknownModule, Code::MissingModule];
            about.contains(&found.code) && outwards(pointer).any(|outer| outer == found.pointer)
        };
        if !outer && !before && !diagnostics.iter().any(spoken) {
            told.push(pointer);
        }
    }
    for pointer in told.into_iter().take(MOST) {
        let follow = row(pointer, &dead);
        let message = match follow {
            0 => "no way leads here".to_owned(),
            more => format!("no way leads here, nor to the {more} that follow"),
        };
        diagnostics.push(Diagnostic::new(Code::Unreachable, &Pointer(pointer.to_owned()), message));
    }
}

/// The pointer itself and those of what it stands in, from the inside.
fn outwards(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |inner| inner.rsplit_once('/').map(|(outer, _)| outer))
}

/// The list's element before this one.
fn before(pointer: &str) -> Option<String> {
    let (list, index) = pointer.rsplit_once('/')?;
    let index = index.parse::<usize>().ok()?.checked_sub(1)?;
    Some(format!("{list}/{index}"))
}

/// How many elements that follow in the list are dead too.
fn row(pointer: &str, dead: &HashSet<&str>) -> usize {
    let Some((list, index)) = pointer.rsplit_once('/') else { return 0 };
    let Ok(index) = index.parse::<usize>() else { return 0 };
    (index + 1..).take_while(|index| dead.contains(format!("{list}/{index}").as_str())).count()
}
