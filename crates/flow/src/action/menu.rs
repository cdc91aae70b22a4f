//! Kazoo's auto-attendant.

use super::{collect, condition, play, record};
use crate::{
    engine::{Cx, Halt, Installation},
    ir::{Barge, Install, Item, Menu, Outcome, Repeat},
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
            if hunted(cx, menu, &gathered.digits).await? {
                return Ok(Outcome::Done);
            }
            if recorded(cx, menu, &gathered.digits).await? {
                continue;
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
async fn hunted(cx: &Cx, menu: &Menu, number: &str) -> Result<bool, Halt> {
    let Some(hunt) = menu.hunt.as_ref().filter(|_| !number.is_empty()) else { return Ok(false) };
    let found = |pattern: &String| condition::matches(number, pattern);
    if hunt.deny.as_ref().is_some_and(found) || !hunt.allow.as_ref().is_none_or(found) {
        cx.note(format!("the menu may not call {number}"));
        return Ok(false);
    }
    let Some(program) = cx.document(number).await? else { return Ok(false) };
    say(cx, &menu.transfer).await?;
    let (name, base) = (number.to_owned(), String::new());
    cx.install(Installation { program, name, base, install: Install::Push });
    Ok(true)
}

/// Records a greeting, if that is what was typed for; it is kept among the recordings, and the menu goes on.
async fn recorded(cx: &Cx, menu: &Menu, digits: &str) -> Result<bool, Halt> {
    let Some(record) = menu.record.as_ref().filter(|record| record.pin == digits) else { return Ok(false) };
    if !record.anyone && cx.port().facts.user.is_none() {
        cx.note("only users may record the menu's greeting");
        return Ok(false);
    }
    match record::foreground(cx, &record.record).await {
        Err(Halt::Gone) => return Err(Halt::Gone),
        Err(Halt::Failed(_)) => cx.note("the greeting was not recorded"),
        Ok(_) => cx.note("the greeting was recorded; the menu plays the sound that its document names"),
    }
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
