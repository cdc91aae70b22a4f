//! Choosing by a text, and jumps that are allowed so many times.

use crate::{
    engine::Cx,
    eval,
    ir::{Branch, Expr, Fact, Outcome, Target},
};

/// Takes the edge that is named like the text.
pub(super) fn run(cx: &Cx, op: &Branch) -> Outcome {
    let mut port = cx.port();
    let value = eval::text(&*port, &op.on);
    if let Some(name) = &op.reset {
        if op.on == Expr::Fact(Fact::LastDigits) {
            port.store.last_digits.clear();
        }
        if port.store.variables.contains_key(name) {
            port.store.assign(std::slice::from_ref(name), Some("".into()), false);
        }
    }
    if op.flush {
        port.keys.clear();
    }
    Outcome::Key(value)
}

/// `Yes` as long as the jump was taken fewer times than allowed.
pub(super) fn jump(cx: &Cx, limit: Option<u32>) -> Outcome {
    let Some(limit) = limit else { return Outcome::Yes };
    let mut port = cx.port();
    let Some(frame) = port.frames.last_mut() else { return Outcome::No };
    let taken = frame.jumps.entry(cx.id()).or_insert(0);
    if *taken >= limit {
        return Outcome::No;
    }
    *taken += 1;
    Outcome::Yes
}

/// Ends the runs above the nearest calling program that has a node of this name, and lets that one go on there.
pub(super) fn leave(cx: &Cx, name: &str) -> Outcome {
    let mut port = cx.port();
    let Some(own) = port.frames.len().checked_sub(1) else { return Outcome::No };
    let calling = port.frames.iter().take(own).enumerate().rev();
    let found = calling.filter_map(|(at, frame)| Some((at, *frame.program.names.get(name)?))).next();
    let Some((at, node)) = found else {
        port.note(format!("no action has the id \"{name}\""));
        return Outcome::No;
    };
    if let Some(frame) = port.frames.get_mut(at) {
        frame.resume = Target::Node(node);
    }
    // This program's own frame goes when its edge returns.
    port.frames.drain(at + 1..own);
    Outcome::Yes
}
