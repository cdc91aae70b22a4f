//! Telling an HTTP server something.

use crate::{
    engine::{Cx, Halt, HttpRequest, build_request},
    ir::{Cause, Outcome, Webhook},
};

/// Sends the request; fails only if the flow waits for the reply.
pub(super) async fn run(cx: &Cx, op: &Webhook) -> Result<Outcome, Halt> {
    let request = build_request(&cx.port(), &op.request, op.wait);
    let reply = match request {
        Ok(request) => cx.http(HttpRequest { last_good: None, ..request }).await?,
        Err(why) => {
            cx.note(why);
            None
        }
    };
    let accepted = reply.is_some_and(|reply| (200..300).contains(&reply.status));
    Ok(if op.wait && !accepted { Outcome::Failed(Cause::Http) } else { Outcome::Done })
}
