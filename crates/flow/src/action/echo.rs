//! Sending back what is heard; before the answer it is early media.

use std::time::Duration;

use super::sleep;
use crate::{
    engine::{Cx, Halt},
    ir::Outcome,
    leg::LegCommand,
};

/// Echoes for so long, or until the far end hangs up.
pub(super) async fn run(cx: &Cx, length: Option<Duration>) -> Result<Outcome, Halt> {
    let tag = cx.command(LegCommand::Echo);
    let Some(length) = length else { return sleep::for_ever(cx).await };
    sleep::until(cx, cx.now() + length).await?;
    cx.port().stop(tag);
    Ok(Outcome::Done)
}
