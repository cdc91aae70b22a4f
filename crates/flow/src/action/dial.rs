//! Calling others, and how the caller is shown to them.

use crate::{
    engine::{Cx, Event, Halt, LegState, Reply},
    ir::{Cause, Dial, Hangup, Identity, Outcome, Shown, Template, Withheld},
    leg::{DialOutcome, LegCommand, LegEvent, Tag},
};

use super::{hangup, talk};

/// Dials until nobody is left or the conversation is over.
pub(super) async fn run(cx: &Cx, op: &Dial) -> Result<Outcome, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    let tag = ask(cx, op);
    loop {
        let Event::Reply(of, Reply::Leg(event)) = cx.wait(None, None).await? else { continue };
        match event {
            LegEvent::Answered if of == tag => {
                connected(cx);
                talk::run(cx, tag).await?;
                return Ok(Outcome::Done);
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

/// Asks the leg to dial. A function of its own, so that a call that waits does not keep the request.
fn ask(cx: &Cx, op: &Dial) -> Tag {
    let mut request = op.map(|template| cx.text(template));
    {
        let port = cx.port();
        if let Some(said) = &port.store.identity {
            request.identity = shown(request.identity, said);
        }
        let alert = request.alert.take().filter(|alert| !alert.is_empty());
        request.alert = alert.or_else(|| port.store.alert.clone());
    }
    cx.command(LegCommand::Dial(Box::new(request)))
}

/// The caller is answered by who was dialled.
pub(super) fn connected(cx: &Cx) {
    let mut port = cx.port();
    if port.leg == LegState::Ringing {
        port.leg = LegState::Answered;
    }
}

async fn failed(cx: &Cx, op: &Dial, outcome: DialOutcome, status: u16) -> Result<Outcome, Halt> {
    cx.note(format!("nobody was connected: {} ({status})", outcome.word()));
    // A flow that names the cause means it; the usual outcomes are for callers who are answered already.
    let named = [Outcome::Key(outcome.cause(status).to_owned()), Outcome::Failed(Cause::Status(status))];
    let edge = named.into_iter().find(|outcome| cx.edges().is_some_and(|edges| edges.has(outcome)));
    if let Some(outcome) = edge {
        return Ok(outcome);
    }
    let ringing = cx.port().leg == LegState::Ringing;
    if op.relay && ringing {
        return hangup::run(cx, &Hangup { status, phrase: None, cause: outcome.word().to_owned() }).await;
    }
    Ok(Outcome::Key(outcome.word().to_owned()))
}

/// How the caller is shown by one dialling: what it says itself, else what was said before it; a class of numbers is only
/// what holds if nobody said anything.
fn shown(asked: Identity<String>, said: &Identity<String>) -> Identity<String> {
    let one = |asked: Shown<String>, said: &Shown<String>| match (asked, said) {
        (asked @ (Shown::Given(_) | Shown::Called), _) | (asked, Shown::Caller) => asked,
        (_, said) => said.clone(),
    };
    let withheld = match asked.withheld {
        Withheld::Nothing => said.withheld,
        asked => asked,
    };
    Identity {
        number: one(asked.number, &said.number),
        name: one(asked.name, &said.name),
        prefix: asked.prefix.or_else(|| said.prefix.clone()),
        withheld,
        still: false,
    }
}

/// Both of them.
fn joined(one: Withheld, other: Withheld) -> Withheld {
    match (one, other) {
        (Withheld::Nothing, same) | (same, Withheld::Nothing) => same,
        (one, other) if one == other => one,
        (Withheld::AsCaller, other) | (other, Withheld::AsCaller) => other,
        _ => Withheld::Both,
    }
}

/// How the caller is shown to whom is dialled from here on. What this one does not say stays as it was said before.
pub(super) fn identify(cx: &Cx, op: &Identity) -> Outcome {
    let mut new = op.map(|template| cx.text(template));
    let mut port = cx.port();
    if let Some(old) = port.store.identity.take() {
        let kept = |new: &mut Shown<String>, old: Shown<String>| {
            if *new == Shown::Caller {
                *new = old;
            }
        };
        kept(&mut new.number, old.number);
        kept(&mut new.name, old.name);
        new.prefix = new.prefix.or(old.prefix);
        if new.still {
            new.withheld = joined(new.withheld, old.withheld);
        }
    }
    port.store.identity = Some(new);
    Outcome::Done
}

/// `Alert-Info` from here on.
pub(super) fn alert(cx: &Cx, op: &Template) -> Outcome {
    let alert = Some(cx.text(op)).filter(|alert| !alert.is_empty());
    cx.port().store.alert = alert;
    Outcome::Done
}
