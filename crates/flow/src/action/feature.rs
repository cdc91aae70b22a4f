//! What the switch does beyond the caller's own leg.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{Aside, Beside, Cx, Event, Halt, Reply, Waited},
    ir::{Feature, Outcome, Program, Side},
    leg::{LegCommand, LegEvent},
};

/// Asks for it and waits for its word.
pub(super) async fn run(cx: &Cx, op: &Feature) -> Result<Outcome, Halt> {
    let request = op.map(|template| cx.text(template));
    let by_peer = cx.port().store.code.as_ref().is_some_and(|code| code.by == Side::Peer);
    let request = if by_peer { Feature::ForPeer(Box::new(request)) } else { request };
    let tag = cx.command(LegCommand::Feature(Box::new(request)));
    let mut meanwhile = Meanwhile::new(op);
    let mut aside = None;
    loop {
        meanwhile.begin(cx, &mut aside);
        match cx.wait_with(None, None, &mut aside).await? {
            Waited::Own(Event::Reply(of, Reply::Leg(LegEvent::Finished { word }))) if of == tag => {
                return Ok(if word == "done" { Outcome::Done } else { Outcome::Key(word) });
            }
            Waited::Own(Event::Reply(of, Reply::Leg(LegEvent::Failed { cause, .. }))) if of == tag => {
                return Ok(Outcome::Failed(cause));
            }
            // Whom it connects with somebody else is answered.
            Waited::Own(Event::Reply(of, Reply::Leg(LegEvent::Answered))) if of == tag => {
                super::dial::connected(cx);
                // What a star code began is beside a conversation already; who is listened to has none, and its keys are
                // for what asks next.
                let talks = !matches!(op, Feature::FaxDetect(_));
                if talks && cx.port().talk.is_none() && meanwhile.program.is_none() {
                    return Ok(match super::talk::run(cx, tag).await? {
                        LegEvent::Finished { word } if word != "done" => Outcome::Key(word),
                        LegEvent::Failed { cause, .. } => Outcome::Failed(cause),
                        _ => Outcome::Done,
                    });
                }
            }
            Waited::Own(_) | Waited::Pressed(..) | Waited::Aside(Beside::UsedUp) => {}
            // It goes on elsewhere, which is not where the caller waits.
            Waited::Aside(Beside::Leads) => {
                meanwhile = Meanwhile { program: None, begun: None };
                cx.port().stop(tag);
            }
        }
    }
}

/// What runs again and again while a caller waits in a queue.
struct Meanwhile {
    program: Option<Arc<Program>>,
    /// When it was begun last.
    begun: Option<Duration>,
}

impl Meanwhile {
    fn new(op: &Feature) -> Meanwhile {
        let program = match op {
            Feature::Queue(queue) => queue.wait.clone(),
            _ => None,
        };
        Meanwhile { program, begun: None }
    }

    /// Begins it if it does not run; one that takes no time is not begun again.
    fn begin(&mut self, cx: &Cx, aside: &mut Option<Aside>) {
        let Some((program, entry)) =
            self.program.as_ref().and_then(|program| Some((program, program.entry?)))
        else {
            return;
        };
        let now = cx.now();
        if aside.is_some() || self.begun == Some(now) {
            return;
        }
        self.begun = Some(now);
        let nodes = u32::try_from(program.nodes.len()).unwrap_or(u32::MAX);
        *aside = Some(Aside::begin(&cx.beside(program.clone(), entry), entry, 0..nodes));
    }
}
