//! Loops over lists.

use crate::{
    engine::{Cx, Each},
    ir::{Expr, Outcome},
};

/// Points loop `slot` at the start of a list; what is no list has no elements.
pub(super) fn start(cx: &Cx, slot: u32, over: &Expr) -> Outcome {
    let list = cx.eval(over);
    if let Some(frame) = cx.port().frames.last_mut() {
        frame.loops.insert(slot, Each::over(list));
    }
    Outcome::Done
}

/// Assigns the next element; an empty name for the key leaves that out.
pub(super) fn next(cx: &Cx, slot: u32, value: &str, key: &str) -> Outcome {
    let mut port = cx.port();
    let next = port.frames.last_mut().and_then(|frame| frame.loops.get_mut(&slot)?.next());
    let Some((index, element)) = next else { return Outcome::No };
    for (name, item) in [(value, element), (key, index)] {
        if !name.is_empty() && !port.store.assign(&[name.to_owned()], Some(item), false) {
            port.note(format!("{name} is too large and was not kept"));
        }
    }
    Outcome::Yes
}
