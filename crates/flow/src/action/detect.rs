//! Finding out who answered: a person or a machine.

use std::time::Duration;

use crate::{
    engine::{Cx, Halt, Reply},
    ir::{Detect, Hangup, Outcome, Timings},
    leg::{Detection, LegCommand, LegEvent},
};

/// Time for the leg to tell what it found at the last moment.
const GRACE: Duration = Duration::from_secs(2);

fn command(op: &Detect) -> LegCommand {
    LegCommand::Detect { follows: op.follows, timings: op.timings.clone() }
}

/// Listens until it is known, and, where that is wanted, until a machine's greeting is over.
pub(super) async fn run(cx: &Cx, op: &Detect) -> Result<Outcome, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    let tag = cx.command(command(op));
    let (total, beep) = Timings::LONGEST;
    let beep = if op.follows { op.timings.beep.unwrap_or(beep) } else { Duration::ZERO };
    let until = cx.now() + op.timings.total.unwrap_or(total) + beep + GRACE;
    let mut found = Detection::Unknown;
    loop {
        match cx.reply(tag, Some(until)).await? {
            Some(Reply::Leg(LegEvent::Detected(detection))) => {
                let follows = detection == Detection::Machine && op.follows;
                // What comes after a machine is more of the machine.
                if found != Detection::Machine {
                    found = detection.kind();
                    cx.port().store.detection = Some(found.word());
                    cx.note(format!("answered by: {}", found.word()));
                }
                if follows {
                    continue;
                }
                if detection == Detection::Beep {
                    cx.note("it beeped");
                }
                break;
            }
            Some(Reply::Leg(LegEvent::Failed { cause, .. })) => return Err(Halt::Failed(cause)),
            Some(_) => {}
            None => {
                cx.port().stop(tag);
                break;
            }
        }
    }
    if found == Detection::Unknown {
        cx.port().store.detection = Some(found.word());
    }
    Ok(Outcome::Key(found.word().to_owned()))
}

/// Begins to listen and goes on; what is found out comes to light when it comes.
pub(super) async fn behind(cx: &Cx, op: &Detect, hangup: Option<&Hangup>) -> Result<Outcome, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    let tag = cx.command(command(op));
    cx.port().detecting = Some((tag, hangup.cloned()));
    Ok(Outcome::Done)
}
