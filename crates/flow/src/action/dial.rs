//! Calling others.

use crate::{
    engine::{Cx, Event, Halt, LegState, Reply},
    ir::{Callee, Dial, Hangup, Outcome},
    leg::{Destination, DialOutcome, LegCommand, LegEvent},
};

use super::hangup;

/// Dials until nobody is left or the conversation is over.
pub(super) async fn run(cx: &Cx, op: &Dial) -> Result<Outcome, Halt> {
    let to = op.to.iter().map(|callee| match callee {
        Callee::User(name) => Destination::User(cx.text(name)),
        Callee::Trunk(trunk, number) => {
            Destination::Trunk { name: trunk.as_ref().map(|name| cx.text(name)), number: cx.text(number) }
        }
        Callee::Uri(uri) => Destination::Uri(cx.text(uri)),
    });
    let tag = cx.command(LegCommand::Dial { to: to.collect(), timeout: op.timeout });
    loop {
        let Event::Reply(of, Reply::Leg(event)) = cx.wait(None, None).await? else { continue };
        match event {
            LegEvent::Answered if of == tag => {
                let mut port = cx.port();
                if port.leg == LegState::Ringing {
                    port.leg = LegState::Answered;
                }
            }
            LegEvent::Dialled { outcome: DialOutcome::Answered, .. } if of == tag => {
                return Ok(Outcome::Done);
            }
            LegEvent::Dialled { outcome, status } if of == tag => {
                return failed(cx, op, outcome, status).await;
            }
            LegEvent::Failed { cause, .. } if of == tag => return Ok(Outcome::Failed(cause)),
            _ => {}
        }
    }
}

async fn failed(cx: &Cx, op: &Dial, outcome: DialOutcome, status: u16) -> Result<Outcome, Halt> {
    cx.note(format!("nobody was connected: {} ({status})", outcome.word()));
    let ringing = cx.port().leg == LegState::Ringing;
    if op.relay && ringing {
        return hangup::run(cx, &Hangup { status, phrase: None, cause: outcome.word().to_owned() }).await;
    }
    Ok(Outcome::Key(outcome.word().to_owned()))
}
