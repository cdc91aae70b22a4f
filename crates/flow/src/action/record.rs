//! Recording: in the foreground until the caller is done, or in the background.

use std::time::Duration;

use super::play;
use crate::{
    engine::{Cx, Event, Halt, OpenRecording, Reply},
    ir::{Barge, Cause, Item, Outcome, Record, Repeat, Tone},
    leg::{LegCommand, LegEvent, Tag},
};

/// Time for the leg to close a recording that was stopped.
const CLOSING: Duration = Duration::from_secs(5);

/// Beeps, records until a stop key, silence, the limit or the end of the call.
pub(super) async fn foreground(cx: &Cx, op: &Record) -> Result<Outcome, Halt> {
    prepare(cx, op).await?;
    let tag = begin(cx, op, "");
    let mut heard = cx.last_key();
    let mut until = None;
    loop {
        let keys = (until.is_none() && !op.stop_keys.is_empty()).then_some(heard);
        match cx.wait(keys, until).await? {
            Event::Key(pressed) => {
                heard = pressed.serial;
                if op.stop_keys.contains(pressed.key) {
                    cx.take(pressed);
                    cx.port().stop(tag);
                    until = Some(cx.now() + CLOSING);
                }
            }
            Event::Reply(of, Reply::Leg(LegEvent::Failed { .. })) if of == tag => {
                return Err(Halt::Failed(Cause::Recording));
            }
            Event::Reply(of, Reply::Leg(LegEvent::Recorded { .. })) if of == tag => return Ok(Outcome::Done),
            Event::Reply(..) => {}
            Event::Timer => {
                cx.note("the recording was not closed in time");
                return Err(Halt::Failed(Cause::Recording));
            }
        }
    }
}

/// Starts recording and goes on. Only one at a time: while one runs, a second is not begun.
pub(super) async fn start(cx: &Cx, op: &Record) -> Result<Outcome, Halt> {
    if !cx.port().recordings.is_empty() {
        cx.note("a recording is already running");
        return Ok(Outcome::Done);
    }
    prepare(cx, op).await?;
    begin(cx, op, &op.stop_keys);
    Ok(Outcome::Done)
}

/// Stops what records, and waits until it is closed, so that what follows knows its id.
pub(super) async fn stop(cx: &Cx) -> Result<Outcome, Halt> {
    let open: Vec<Tag> = {
        let mut port = cx.port();
        let open: Vec<Tag> = port.recordings.iter().map(|open| open.tag).collect();
        for tag in &open {
            port.stop(*tag);
            port.adopt(*tag);
        }
        open
    };
    let until = cx.now() + CLOSING;
    for tag in open {
        cx.reply(tag, Some(until)).await?;
    }
    Ok(Outcome::Done)
}

/// Stops what records, or starts to.
pub(super) async fn toggle(cx: &Cx, op: &Record) -> Result<Outcome, Halt> {
    let runs = !cx.port().recordings.is_empty();
    if runs { stop(cx).await } else { start(cx, op).await }
}

/// Silence in place of what is recorded, or no longer.
pub(super) fn mask(cx: &Cx, on: bool) -> Outcome {
    let mut port = cx.port();
    let open: Vec<Tag> = port.recordings.iter().map(|open| open.tag).collect();
    for tag in open {
        port.command(LegCommand::Mask(tag, on));
    }
    Outcome::Done
}

async fn prepare(cx: &Cx, op: &Record) -> Result<(), Halt> {
    if op.answers {
        cx.answer().await?;
    }
    if op.beep {
        // 440 Hz for half a second: Kazoo's beep, in the middle of what telephones carry.
        let length = Duration::from_millis(500);
        let beep = Item::Tone(Tone { hertz: vec![440], on: length, off: Duration::ZERO, total: length });
        play::prompts(cx, &[beep], Repeat::Times(1), &Barge::None).await?;
    }
    Ok(())
}

fn begin(cx: &Cx, op: &Record, stop_keys: &str) -> Tag {
    let name = op.name.as_ref().map(|name| cx.text(name)).unwrap_or_default();
    let upload = op.upload.as_ref().map(|upload| (upload.method.clone(), cx.address(&upload.url)));
    let (limit, silence, format, sides) = (op.limit, op.silence, op.format, op.sides);
    let (name_there, keys, keeping) = (name.clone(), op.stop_keys.clone(), op.keeping.clone());
    let mut port = cx.port();
    let tag = port.command(LegCommand::Record {
        name: name_there,
        limit,
        silence,
        format,
        sides,
        keys,
        upload,
        keeping,
    });
    port.recordings.push(OpenRecording { tag, name, stop_keys: stop_keys.to_owned(), format });
    tag
}
