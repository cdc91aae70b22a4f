//! Telling an HTTP server something.

use crate::{
    engine::{Cx, Halt, HttpRequest, Sent, build_request},
    ir::{Cause, Outcome, Webhook},
};

/// Sends the request; fails only if the flow waits for the reply.
pub(super) async fn run(cx: &Cx, op: &Webhook) -> Result<Outcome, Halt> {
    let reply = match ask(cx, op) {
        Ok(sent) => cx.reply_of(sent).await?,
        Err(why) => {
            cx.note(why);
            None
        }
    };
    let accepted = reply.is_some_and(|reply| (200..300).contains(&reply.status));
    Ok(if op.wait && !accepted { Outcome::Failed(Cause::Http) } else { Outcome::Done })
}

/// Sends the request.
fn ask(cx: &Cx, op: &Webhook) -> Result<Sent, String> {
    let request = build_request(&cx.port(), &op.request, op.wait)?;
    Ok(cx.send(HttpRequest { last_good: None, ..request }))
}
