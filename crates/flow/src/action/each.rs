//! Loops over lists.

use crate::{
    engine::{Cx, Each, LARGEST_MEMORY},
    ir::{Expr, Outcome},
};

/// Points loop `slot` at the start of a list; what is no list has no elements.
pub(super) fn start(cx: &Cx, slot: u32, over: &Expr) -> Outcome {
    let list = cx.eval(over);
    let mut each = Each::over(list);
    let mut port = cx.port();
    if let Some(frame) = port.frames.last_mut() {
        frame.loops.remove(&slot);
    }
    let open: usize = port.frames.iter().flat_map(|frame| frame.loops.values()).map(|each| each.size).sum();
    if open + each.size > LARGEST_MEMORY {
        port.note("the lists of all loops together are too large; this one is passed over");
        each = Each::default();
    }
    if let Some(frame) = port.frames.last_mut() {
        frame.loops.insert(slot, each);
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
