//! Prompts: speech, sounds, tones, silence.

use crate::{
    engine::{Cx, Event, Halt, Pressed, Reply},
    ir::{Barge, Cause, Item, Outcome, Play, Repeat, print},
    leg::{LegCommand, LegEvent, Prompt, Speech, Tag},
    tone,
    trace::What,
};

/// How a prompt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// At its end.
    Whole,
    /// By this key, which is still among the typed-ahead keys.
    UpTo(Pressed),
}

/// Plays; only keys that are pressed meanwhile can stop it.
pub(super) async fn run(cx: &Cx, op: &Play) -> Result<Outcome, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    match prompts(cx, &op.items, op.repeat, &op.barge).await? {
        Heard::Whole => Ok(Outcome::Done),
        Heard::UpTo(pressed) => {
            if op.consume {
                cx.take(pressed);
            }
            Ok(Outcome::Key(pressed.key.to_string()))
        }
    }
}

/// Begins to play; what comes of it is of no interest.
pub(super) async fn behind(cx: &Cx, op: &Play) -> Result<Outcome, Halt> {
    if op.answers {
        cx.answer().await?;
    }
    begin(cx, &op.items, op.repeat);
    Ok(Outcome::Done)
}

/// Plays `items` to their end or to a key of `barge`.
pub(super) async fn prompts(cx: &Cx, items: &[Item], repeat: Repeat, barge: &Barge) -> Result<Heard, Halt> {
    let mut heard = cx.last_key();
    let Some(tag) = begin(cx, items, repeat) else { return Ok(Heard::Whole) };
    loop {
        let keys = (*barge != Barge::None).then_some(heard);
        match cx.wait(keys, None).await? {
            Event::Key(pressed) => {
                heard = pressed.serial;
                let stops = match barge {
                    Barge::None => false,
                    Barge::Any => true,
                    Barge::Keys(keys) => keys.contains(pressed.key),
                };
                if stops {
                    cx.port().stop(tag);
                    return Ok(Heard::UpTo(pressed));
                }
            }
            Event::Reply(of, Reply::Leg(LegEvent::Failed { .. })) if of == tag => {
                return Err(Halt::Failed(Cause::Prompt));
            }
            Event::Reply(of, _) if of == tag => return Ok(Heard::Whole),
            Event::Reply(..) | Event::Timer => {}
        }
    }
}

/// Begins to play; `None` if there is nothing to be heard.
pub(super) fn begin(cx: &Cx, items: &[Item], repeat: Repeat) -> Option<Tag> {
    let prompts: Vec<Prompt> = items.iter().filter_map(|item| prompt(cx, item)).collect();
    if prompts.is_empty() || repeat == Repeat::Times(0) {
        return None;
    }
    let times = match repeat {
        Repeat::Times(1) => String::new(),
        Repeat::Times(times) => format!(" {times} times"),
        Repeat::Forever => " for ever".to_owned(),
    };
    for prompt in &prompts {
        cx.trace(What::Prompt { what: print::prompt(prompt) + &times });
    }
    Some(cx.command(LegCommand::Play { prompts, repeat }))
}

/// An item with its variables filled in; `None` if nothing of it can be heard.
pub(super) fn prompt(cx: &Cx, item: &Item) -> Option<Prompt> {
    match item {
        Item::Speech(speech) => {
            let text = cx.text(&speech.text);
            let language = match &speech.language {
                Some(language) => cx.text(language),
                None => String::new(),
            };
            let language = if language.is_empty() { cx.port().language().to_owned() } else { language };
            let voice = speech.voice.as_ref().map(|voice| cx.text(voice)).unwrap_or_default();
            (!text.trim().is_empty()).then_some(Prompt::Speech(Speech { text, language, voice }))
        }
        Item::Sound(name) => {
            let plain = cx.text(name);
            match tone::named(&plain) {
                Some(Ok(Prompt::Tone(tone))) if tone.total.is_zero() => return None,
                Some(Ok(Prompt::Signal(signal))) if signal.total.is_some_and(|total| total.is_zero()) => {
                    return None;
                }
                Some(Ok(prompt)) => return Some(prompt),
                // Whoever is to play it says what is wrong with it.
                Some(Err(_)) | None => {}
            }
            // The name of a local file is no address: its letters stay.
            let name = if plain.contains("://") { cx.address(name) } else { plain };
            (!name.trim().is_empty()).then_some(Prompt::Sound(name))
        }
        Item::Tone(tone) => (!tone.total.is_zero()).then(|| Prompt::Tone(tone.clone())),
        Item::Silence(length) => (!length.is_zero()).then_some(Prompt::Silence(*length)),
    }
}
