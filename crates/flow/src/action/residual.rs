//! What does not run here, and says so.

use crate::{
    engine::Cx,
    ir::{Cause, Outcome},
};

/// A feature known by name.
pub(super) fn unavailable(cx: &Cx, feature: &str) -> Outcome {
    cx.note(format!("{feature} is not available here"));
    Outcome::Failed(Cause::Unavailable)
}

/// A construct that no lowering knows.
pub(super) fn run(cx: &Cx, construct: &str) -> Outcome {
    cx.note(format!("\"{construct}\" is not known and was skipped"));
    Outcome::Done
}
