//! Answering the call.

use crate::{
    engine::{Cx, Halt},
    ir::Outcome,
};

/// Answers, once.
pub(super) async fn run(cx: &Cx) -> Result<Outcome, Halt> {
    cx.answer().await?;
    Ok(Outcome::Done)
}
