//! Waiting.

use std::time::Duration;

use crate::{
    engine::{Cx, Event, Halt, Reply},
    eval,
    ir::{Expr, Outcome},
};

/// Longest sleep; Kazoo's own limit.
const DAY: Duration = Duration::from_secs(86_400);

/// Waits for the milliseconds that `length` evaluates to.
pub(super) async fn run(cx: &Cx, length: &Expr) -> Result<Outcome, Halt> {
    let millis = eval::number(&*cx.port(), length);
    // NaN is not greater than zero either: no time at all.
    let length = if millis > 0.0 { Duration::from_millis(millis as u64).min(DAY) } else { Duration::ZERO };
    until(cx, cx.now() + length).await?;
    Ok(Outcome::Done)
}

/// Waits until the far end hangs up.
pub(super) async fn for_ever(cx: &Cx) -> Result<Outcome, Halt> {
    loop {
        cx.wait(None, None).await?;
    }
}

/// Waits until a variable is changed from outside; a change that nobody was told of yet counts.
pub(super) async fn for_change(cx: &Cx) -> Result<Outcome, Halt> {
    cx.port().watch();
    loop {
        if let Event::Reply(_, Reply::Changed) = cx.wait(None, None).await? {
            return Ok(Outcome::Done);
        }
    }
}

/// Waits until a time, whatever comes meanwhile.
pub(super) async fn until(cx: &Cx, time: Duration) -> Result<(), Halt> {
    loop {
        if let Event::Timer = cx.wait(None, Some(time)).await? {
            return Ok(());
        }
    }
}
