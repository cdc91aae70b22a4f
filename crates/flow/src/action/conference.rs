//! Talking in a room.

use std::time::Duration;

use super::{collect, digits, fetch, play};
use crate::{
    engine::{Aside, Beside, Cx, Event, Halt, Reply, Waited},
    ir::{
        Announced, Barge, Cause, Collect, Conference, FileFormat, Item, Keeping, Outcome, Repeat, Section,
        Sides, SpeechItem, Tone,
    },
    leg::{Joining, Leaving, LegCommand, LegEvent, Prompt, Speech, Tag},
};

/// Time for the first digit of a PIN, and for each that follows.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often the number of a room may be typed that is not known.
const NUMBERS: u32 = 3;

/// The longest name that is recorded, and the silence that ends it.
const NAME: Duration = Duration::from_secs(5);
const NAME_OVER: Duration = Duration::from_millis(1_200);

/// The tones of who comes and who goes: long enough to be noticed, short enough not to be in the way.
const ENTRY: u16 = 660;
const EXIT: u16 = 330;
const TONE: Duration = Duration::from_millis(200);

/// Asks for what must be typed, greets, and stays until the end.
pub(super) async fn run(cx: &Cx, op: &Conference) -> Result<Outcome, Halt> {
    cx.answer().await?;
    let back = came_back(cx);
    let Some(op) = &meant(cx, op, back.as_deref()).await? else { return Ok(Outcome::Key("pin".to_owned())) };
    if let Some(first) = op.before.as_ref().filter(|_| back.is_none()) {
        let depth = cx.port().frames.len();
        cx.port().entering = Some((depth, cx.id(), cx.text(&op.room)));
        return fetch::before(cx, first.clone()).await;
    }
    let Some(led) = admitted(cx, op).await? else { return Ok(Outcome::Key("pin".to_owned())) };
    courtesy(play::prompts(cx, &op.welcome, Repeat::Times(1), &Barge::None).await)?;
    let said = match [&op.entry, &op.exit].contains(&&Announced::Recorded) {
        true => recorded_name(cx).await?,
        false => None,
    };
    let moderator = op.moderator || led;
    let of = |[member, lead]: [bool; 2]| if moderator { lead } else { member };
    let joining = Joining {
        room: cx.text(&op.room).trim().to_owned(),
        moderator,
        muted: of(op.muted),
        deaf: of(op.deaf),
        most: op.most,
        closes: op.closes,
        ends_with_lead: op.ends_with_lead,
        ends_alone: op.ends_alone,
        waits: op.waits && !moderator,
        music: op.music.as_ref().and_then(|item| play::prompt(cx, item)),
        entry: announced(cx, &op.entry, said.as_deref(), (ENTRY, "has joined.")),
        exit: announced(cx, &op.exit, said.as_deref(), (EXIT, "has left.")),
        keys: op.keys,
        record: op.record,
        longest: op.longest,
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
    match how {
        Leaving::Full | Leaving::Locked => Ok(Outcome::Key(how.word().to_owned())),
        _ => {
            if let Some(last) = &op.after {
                fetch::then(cx, last).await?;
            }
            Ok(Outcome::Done)
        }
    }
}

/// The room that is entered now, if the document that runs before it has come back.
fn came_back(cx: &Cx) -> Option<String> {
    let mut port = cx.port();
    let (depth, id) = (port.frames.len(), cx.id());
    let here = port.entering.take_if(|(of, node, _)| (*of, *node) == (depth, id));
    here.map(|(.., room)| room)
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

/// What is asked for, with the settings of the room if it is known; `back` if that was found out before. `None` if the
/// caller types no room that is.
async fn meant(cx: &Cx, op: &Conference, back: Option<&str>) -> Result<Option<Conference>, Halt> {
    let rooms = cx.port().settings.rooms.clone();
    let user = cx.port().facts.user.clone();
    let mut named = back.map_or_else(|| cx.text(&op.room).trim().to_owned(), str::to_owned);
    for _ in 1..NUMBERS {
        if let Some((name, profile)) = rooms.find(&named) {
            return Ok(Some(profile.furnish(name, user.as_deref(), op)));
        }
        // Without rooms that are known, any number is one.
        if !op.typed || rooms.is_empty() {
            return Ok(Some(op.clone()));
        }
        let ask = "There is no such conference. Please enter its number, then press pound.";
        named = collect::gather(cx, &question(ask)).await?.digits;
    }
    if let Some((name, profile)) = rooms.find(&named) {
        return Ok(Some(profile.furnish(name, user.as_deref(), op)));
    }
    cx.note("no number of a conference was typed");
    Ok(None)
}

/// Whether the caller knows a PIN, where one is needed, and whether it is a moderator's; `None` if he does not.
async fn admitted(cx: &Cx, op: &Conference) -> Result<Option<bool>, Halt> {
    if op.pins.is_empty() {
        return Ok(Some(false));
    }
    let mut ask = match op.open {
        false => "Please enter the PIN, then press pound.",
        true => "If you lead this conference, please enter your PIN. Then press pound.",
    };
    for _ in 0..op.attempts.max(1) {
        let typed = collect::gather(cx, &question(ask)).await?.digits;
        if let Some(pin) = op.pins.iter().find(|pin| pin.digits == typed) {
            return Ok(Some(pin.moderator));
        }
        if op.open && typed.is_empty() {
            return Ok(Some(false));
        }
        ask = "That is not right. Please enter the PIN, then press pound.";
    }
    cx.note("no PIN of the conference was typed");
    Ok(None)
}

/// Lets the caller say its name; the recording's id.
async fn recorded_name(cx: &Cx) -> Result<Option<String>, Halt> {
    let ask = Item::Speech(SpeechItem::english("Please say your name after the tone, then press pound."));
    let beep = Item::Tone(tone(ENTRY));
    courtesy(play::prompts(cx, &[ask, beep], Repeat::Times(1), &Barge::None).await)?;
    let tag = cx.command(LegCommand::Record {
        name: "name".to_owned(),
        limit: Some(NAME),
        silence: Some(NAME_OVER),
        format: FileFormat::Wav,
        sides: Sides::Caller,
        keys: "#".to_owned(),
        upload: None,
        keeping: Keeping { fleeting: true, ..Keeping::default() },
    });
    let mut heard = cx.last_key();
    loop {
        match cx.wait(Some(heard), Some(cx.now() + NAME * 2)).await? {
            Event::Key(pressed) => {
                heard = pressed.serial;
                cx.port().stop(tag);
            }
            Event::Reply(of, Reply::Leg(LegEvent::Recorded { id, .. })) if of == tag => return Ok(Some(id)),
            Event::Reply(of, Reply::Leg(LegEvent::Failed { .. })) if of == tag => return Ok(None),
            Event::Timer => return Ok(None),
            Event::Reply(..) => {}
        }
    }
}

/// What is heard of the member's coming or going.
fn announced(cx: &Cx, how: &Announced, said: Option<&str>, (hertz, what): (u16, &str)) -> Vec<Prompt> {
    let speech =
        |text: String| Prompt::Speech(Speech { text, language: "en-US".to_owned(), ..Speech::default() });
    match (how, said) {
        (Announced::Nothing, _) => Vec::new(),
        (Announced::Tone, _) => vec![Prompt::Tone(tone(hertz))],
        (Announced::Sound(name), _) => vec![Prompt::Sound(name.clone())],
        (Announced::Recorded, Some(id)) => {
            vec![Prompt::Recording(id.to_owned()), speech(what.to_owned())]
        }
        (Announced::Name | Announced::Recorded, _) => vec![speech(format!("{} {what}", name(cx)))],
    }
}

/// Who calls, as a voice says it: the name, or the number digit by digit.
fn name(cx: &Cx) -> String {
    let port = cx.port();
    let facts = &port.facts;
    match (facts.caller_name.trim(), facts.caller_number.as_str()) {
        ("", "") => "Somebody".to_owned(),
        ("", number) if number.chars().any(char::is_alphabetic) => number.to_owned(),
        ("", number) => number.chars().map(|digit| format!("{digit} ")).collect::<String>().trim().to_owned(),
        (name, _) => name.to_owned(),
    }
}

fn tone(hertz: u16) -> Tone {
    Tone { hertz: vec![hertz], on: TONE, off: Duration::ZERO, total: TONE }
}

/// A greeting is a courtesy: one that cannot be heard keeps nobody out.
fn courtesy(heard: Result<play::Heard, Halt>) -> Result<(), Halt> {
    match heard {
        Err(Halt::Gone) => Err(Halt::Gone),
        Err(Halt::Failed(_)) | Ok(_) => Ok(()),
    }
}

fn question(text: &str) -> Collect {
    let items = vec![Item::Speech(SpeechItem::english(text))];
    Collect { max: Some(20), ..Collect::new(items, PATIENCE) }
}
