//! Talking in a room.

use std::time::Duration;

use super::{collect, digits, play};
use crate::{
    engine::{Aside, Beside, Cx, Event, Halt, Reply, Waited},
    ir::{Barge, Cause, Collect, Conference, Item, Outcome, Repeat, Section, SpeechItem, Template},
    leg::{Joining, Leaving, LegCommand, LegEvent, Tag},
};

/// Time for the first digit of a PIN, and for each that follows.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks for what must be typed, greets, and stays until the end.
pub(super) async fn run(cx: &Cx, op: &Conference) -> Result<Outcome, Halt> {
    cx.answer().await?;
    let Some(led) = admitted(cx, op).await? else { return Ok(Outcome::Key("pin".to_owned())) };
    match play::prompts(cx, &op.welcome, Repeat::Times(1), &Barge::None).await {
        Err(Halt::Gone) => return Err(Halt::Gone),
        // A greeting is a courtesy.
        Err(Halt::Failed(_)) | Ok(_) => {}
    }
    let moderator = op.moderator || led;
    let of = |[member, lead]: [bool; 2]| if moderator { lead } else { member };
    let joining = Joining {
        room: cx.text(&op.room).trim().to_owned(),
        moderator,
        muted: of(op.muted),
        deaf: of(op.deaf),
        most: op.most,
        closes: op.closes,
        waits: op.waits && !moderator,
        music: op.music.as_ref().and_then(|item| play::prompt(cx, item)),
        entry_tone: op.entry_tone,
        exit_tone: op.exit_tone,
    };
    if joining.room.is_empty() {
        cx.note("a conference needs a name");
        return Ok(Outcome::Failed(Cause::Missing));
    }
    let tag = cx.command(LegCommand::Conference(joining));
    let how = stay(cx, tag, op.inside.as_ref()).await?;
    // What was pressed in the room was meant for the room.
    digits::flush(cx);
    cx.note(format!("left the conference: {}", how.word()));
    Ok(match how {
        Leaving::Full => Outcome::Key("full".to_owned()),
        _ => Outcome::Done,
    })
}

/// Stays until the end, and does meanwhile what is to be done inside.
async fn stay(cx: &Cx, tag: Tag, inside: Option<&Section>) -> Result<Leaving, Halt> {
    let mut aside = None;
    loop {
        match cx.wait_with(None, None, &mut aside).await? {
            Waited::Own(Event::Reply(of, Reply::Leg(event))) if of == tag => match event {
                LegEvent::Joined => {
                    aside = inside.map(|inside| Aside::begin(cx, inside.entry, inside.nodes.clone()));
                }
                LegEvent::Left { how } => return Ok(how),
                LegEvent::Failed { cause, .. } => return Err(Halt::Failed(cause)),
                _ => {}
            },
            Waited::Own(_) | Waited::Pressed(..) | Waited::Aside(Beside::UsedUp) => {}
            // It goes on elsewhere, which is not in the room.
            Waited::Aside(Beside::Leads) => cx.port().stop(tag),
        }
    }
}

/// Whether the caller knows a PIN, where one is needed, and whether it is a moderator's; `None` if he does not.
async fn admitted(cx: &Cx, op: &Conference) -> Result<Option<bool>, Halt> {
    if op.pins.is_empty() {
        return Ok(Some(false));
    }
    let mut ask = "Please enter the PIN, then press pound.";
    for _ in 0..op.attempts.max(1) {
        let typed = collect::gather(cx, &question(ask)).await?.digits;
        if let Some(pin) = op.pins.iter().find(|pin| pin.digits == typed) {
            return Ok(Some(pin.moderator));
        }
        ask = "That is not right. Please enter the PIN, then press pound.";
    }
    cx.note("no PIN of the conference was typed");
    Ok(None)
}

fn question(text: &str) -> Collect {
    let text = SpeechItem {
        text: Template::literal(text),
        language: Some(Template::literal("en-US")),
        ..SpeechItem::default()
    };
    Collect { max: Some(20), ..Collect::new(vec![Item::Speech(text)], PATIENCE) }
}
