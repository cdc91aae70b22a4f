//! What the switch does beyond the caller's own leg.

use crate::{
    engine::{Cx, Event, Halt, Reply},
    ir::{Feature, Outcome, Side},
    leg::{LegCommand, LegEvent},
};

/// Asks for it and waits for its word.
pub(super) async fn run(cx: &Cx, op: &Feature) -> Result<Outcome, Halt> {
    let request = op.map(|template| cx.text(template));
    let by_peer = cx.port().store.code.as_ref().is_some_and(|code| code.by == Side::Peer);
    let request = if by_peer { Feature::ForPeer(Box::new(request)) } else { request };
    let tag = cx.command(LegCommand::Feature(Box::new(request)));
    loop {
        let Event::Reply(of, Reply::Leg(event)) = cx.wait(None, None).await? else { continue };
        match event {
            LegEvent::Finished { word } if of == tag => {
                return Ok(if word == "done" { Outcome::Done } else { Outcome::Key(word) });
            }
            LegEvent::Failed { cause, .. } if of == tag => return Ok(Outcome::Failed(cause)),
            _ => {}
        }
    }
}
