//! Gathering keys.

use std::time::Duration;

use super::play;
use crate::{
    engine::{Cx, Event, Halt, Reply},
    ir::{Cause, Collect, Outcome, Repeat, TimerStart, TypeAhead},
    leg::LegEvent,
    trace::What,
};

/// "Press 1, then press pound": a pound that comes so soon after a collect which the 1 has filled belongs to it.
const LATE_TERMINATOR: Duration = Duration::from_secs(2);

/// Most keys in one go, when the flow sets no limit.
const MOST: usize = 1_000;

/// What was pressed.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub digits: String,
    /// Whether any key was pressed, a terminator included.
    pub pressed: bool,
    finished: bool,
    /// It was a key that ended it.
    terminated: bool,
}

impl Gathered {
    fn add(&mut self, op: &Collect, key: char) {
        self.pressed = true;
        let ends = op.terminators.contains(key);
        if !ends || op.keep_terminator {
            self.digits.push(key);
        }
        let most = op.max.map_or(MOST, |max| max as usize);
        self.terminated = ends;
        self.finished = ends || (most > 0 && self.digits.len() >= most);
    }
}

/// Gathers; the outcome is what was pressed, or only that it is over.
pub(super) async fn run(cx: &Cx, op: &Collect) -> Result<Outcome, Halt> {
    let gathered = gather(cx, op).await?;
    Ok(match op.by_value {
        true if !gathered.pressed => Outcome::Timeout,
        true => Outcome::Key(gathered.digits),
        false => Outcome::Done,
    })
}

/// Gathers and keeps what was gathered.
pub(super) async fn gather(cx: &Cx, op: &Collect) -> Result<Gathered, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    let mut gathered = typed_ahead(cx, op);
    if !gathered.finished {
        listen(cx, op, &mut gathered).await?;
    }
    let name = op.name.as_ref().map(|name| cx.text(name)).filter(|name| !name.is_empty());
    let mut port = cx.port();
    port.taken.clear();
    port.trace(What::Collected { digits: gathered.digits.clone() });
    if gathered.finished && !gathered.terminated && !op.terminators.is_empty() {
        port.late_terminator = Some((op.terminators.clone(), port.now + LATE_TERMINATOR));
    }
    port.store.collected(name.as_deref(), &gathered.digits);
    for variable in &op.into {
        port.store.assign(std::slice::from_ref(variable), Some(gathered.digits.as_str().into()), false);
    }
    drop(port);
    Ok(gathered)
}

/// Keys pressed before: they count as far as they are wanted, and the rest is forgotten (Kazoo).
fn typed_ahead(cx: &Cx, op: &Collect) -> Gathered {
    let mut port = cx.port();
    let skip = match op.ahead {
        TypeAhead::All => 0,
        TypeAhead::Last => port.keys.len().saturating_sub(1),
        TypeAhead::Drop => port.keys.len(),
    };
    let mut gathered = Gathered::default();
    // What was typed in a run that was interrupted here counts in any case.
    let again = std::mem::take(&mut port.again);
    let ahead: Vec<_> = again.into_iter().chain(port.keys.drain(..).skip(skip)).collect();
    for pressed in ahead {
        // A terminator that ends nothing was meant for something before this.
        let stray = op.ahead == TypeAhead::All && !gathered.pressed && op.terminators.contains(pressed.key);
        if !gathered.finished && !stray {
            gathered.add(op, pressed.key);
            port.taken.push(pressed);
        }
    }
    gathered
}

/// Plays the prompts until the first key, and takes keys until enough came or the time is up.
async fn listen(cx: &Cx, op: &Collect, gathered: &mut Gathered) -> Result<(), Halt> {
    let entry = cx.now();
    // Somebody who has already begun to type knows the prompt.
    let mut playing = if gathered.pressed { None } else { play::begin(cx, &op.prompts, Repeat::Times(1)) };
    let mut prompt_end = playing.is_none().then_some(entry);
    let mut last_key = entry;
    while !gathered.finished {
        let counted_from = match op.timer {
            TimerStart::Entry => Some(entry),
            TimerStart::PromptEnd => prompt_end,
        };
        let due = if gathered.pressed {
            Some(last_key + op.between)
        } else {
            counted_from.map(|from| from + op.first)
        };
        let total = counted_from.zip(op.total).map(|(from, total)| from + total);
        match cx.wait(Some(0), earlier(due, total)).await? {
            Event::Key(pressed) => {
                cx.take(pressed);
                last_key = cx.now();
                if let Some(tag) = playing.take() {
                    cx.port().stop(tag);
                    prompt_end = Some(last_key);
                }
                gathered.add(op, pressed.key);
            }
            Event::Reply(tag, reply) if Some(tag) == playing => {
                playing = None;
                prompt_end = Some(cx.now());
                let failed = matches!(reply, Reply::Leg(LegEvent::Failed { .. }));
                let prompt = Outcome::Failed(Cause::Prompt);
                // A flow without an edge for it would rather have the keys than the prompt.
                if failed && cx.edges().is_some_and(|edges| edges.has(&prompt)) {
                    return Err(Halt::Failed(Cause::Prompt));
                }
            }
            Event::Reply(..) => {}
            Event::Timer => break,
        }
    }
    if let Some(tag) = playing {
        cx.port().stop(tag);
    }
    Ok(())
}

fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
