//! Kazoo's auto-attendant.

use super::{collect, play};
use crate::{
    engine::{Cx, Halt},
    ir::{Barge, Item, Menu, Outcome, Repeat},
};

/// Prompt, gather, route; a key that leads nowhere, or none, costs a round.
pub(super) async fn run(cx: &Cx, menu: &Menu) -> Result<Outcome, Halt> {
    for _ in 0..menu.retries {
        let gathered = collect::gather(cx, &menu.gather).await?;
        if gathered.pressed {
            let choice = Outcome::Key(gathered.digits);
            if leads_somewhere(cx, &choice) {
                return Ok(choice);
            }
            say(cx, &menu.invalid).await?;
        } else if let Some(timeout) = timeout(cx) {
            return Ok(timeout);
        }
    }
    say(cx, &menu.exit).await?;
    Ok(Outcome::Key("max_retries".to_owned()))
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
