//! Keys to the far end, and forgetting keys from it.

use crate::{
    engine::{Cx, Halt, Reply},
    ir::{Outcome, SendDigits},
    leg::{LegCommand, LegEvent},
};

/// Most keys in one go; VoIPBIN's limit.
const MOST: usize = 100;

/// Sends keys and waits until they are out.
pub(super) async fn send(cx: &Cx, op: &SendDigits) -> Result<Outcome, Halt> {
    let sendable = |c: &char| c.is_ascii_digit() || "*#ABCDwW".contains(*c);
    let upper = |c: char| if ('a'..='d').contains(&c) { c.to_ascii_uppercase() } else { c };
    let digits: String = cx.text(&op.digits).chars().map(upper).filter(sendable).take(MOST).collect();
    if digits.is_empty() {
        return Ok(Outcome::Done);
    }
    let tag = cx.command(LegCommand::SendDigits { digits, duration: op.duration, gap: op.gap });
    match cx.reply(tag, None).await? {
        Some(Reply::Leg(LegEvent::Failed { cause, .. })) => Err(Halt::Failed(cause)),
        _ => Ok(Outcome::Done),
    }
}

/// Forgets the keys typed ahead.
pub(super) fn flush(cx: &Cx) -> Outcome {
    cx.port().keys.clear();
    Outcome::Done
}
