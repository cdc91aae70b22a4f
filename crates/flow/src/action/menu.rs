//! Kazoo's auto-attendant.

use super::{collect, condition, play};
use crate::{
    engine::{Cx, Halt, Installation},
    ir::{Barge, Hunt, Install, Item, Menu, Outcome, Repeat},
};

/// Prompt, gather, route; a key that leads nowhere, or none, costs a round.
pub(super) async fn run(cx: &Cx, menu: &Menu) -> Result<Outcome, Halt> {
    for _ in 0..menu.retries {
        let gathered = collect::gather(cx, &menu.gather).await?;
        if gathered.pressed {
            let choice = Outcome::Key(gathered.digits.clone());
            if leads_somewhere(cx, &choice) {
                return Ok(choice);
            }
            if hunted(cx, menu.hunt.as_ref(), gathered.digits).await? {
                return Ok(Outcome::Done);
            }
            say(cx, &menu.invalid).await?;
        } else if let Some(timeout) = timeout(cx) {
            return Ok(timeout);
        }
    }
    say(cx, &menu.exit).await?;
    Ok(Outcome::Key("max_retries".to_owned()))
}

/// Enters the flow of the number that was typed, if the menu may hunt for it and there is one.
async fn hunted(cx: &Cx, hunt: Option<&Hunt>, number: String) -> Result<bool, Halt> {
    let Some(hunt) = hunt.filter(|_| !number.is_empty()) else { return Ok(false) };
    let found = |pattern: &String| condition::matches(&number, pattern);
    if hunt.deny.as_ref().is_some_and(found) || !hunt.allow.as_ref().is_none_or(found) {
        cx.note(format!("the menu may not call {number}"));
        return Ok(false);
    }
    let Some(program) = cx.document(&number).await? else { return Ok(false) };
    let base = String::new();
    cx.install(Installation { program, name: number, base, install: Install::Push });
    Ok(true)
}

fn leads_somewhere(cx: &Cx, outcome: &Outcome) -> bool {
    cx.edges().is_some_and(|edges| edges.has(outcome))
}

/// The outcome for a caller who pressed nothing, if the document has a child for that.
fn timeout(cx: &Cx) -> Option<Outcome> {
    [Outcome::Timeout, Outcome::Key("timeout".to_owned())]
        .into_iter()
        .find(|outcome| leads_somewhere(cx, outcome))
}

/// A prompt that is a courtesy: if it cannot be played the menu goes on.
async fn say(cx: &Cx, items: &[Item]) -> Result<(), Halt> {
    match play::prompts(cx, items, Repeat::Times(1), &Barge::None).await {
        Err(Halt::Gone) => Err(Halt::Gone),
        Err(Halt::Failed(_)) | Ok(_) => Ok(()),
    }
}
