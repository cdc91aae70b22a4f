//! Recording all that is said in a room.
//!
//! A recording begins with the first who is inside of a room that wants it, and ends with the last. Every call that takes
//! part has its id.

use std::sync::Arc;
use std::time::Duration;

use flow::ir::FileFormat;
use media::RoomCommand;

use super::Conferences;
use super::room::Room;
use crate::book::{Record, RecordingState, RecordingView};
use crate::call::recording;
use crate::events::wall_clock;

/// What of a room's name goes into a file's.
const NAME: usize = 64;

/// A recording that runs.
pub(super) struct Tape {
    pub(super) tag: u64,
    /// As the calls that take part have it. It is where it stays, and readable at every moment.
    pub(super) view: RecordingView,
    pub(super) calls: Vec<Arc<Record>>,
}

impl Tape {
    /// It is over, and as long as that.
    pub(super) fn over(&self, length: Duration) {
        let seconds = (length.as_secs_f64() * 1_000.0).round() / 1_000.0;
        for call in &self.calls {
            call.write_recording(&self.view.id, |view| view.seconds = Some(seconds));
        }
    }

    /// It could not be made, or only in part.
    pub(super) fn failed(&self, why: &str) {
        for call in &self.calls {
            call.write_recording(&self.view.id, |view| {
                if let RecordingState::Saved { place } = &view.state {
                    view.state = RecordingState::Failed { why: why.to_owned(), here: place.clone() };
                }
            });
        }
    }
}

/// Whether a room is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Taping {
    /// As its members' flows want it.
    #[default]
    AsAsked,
    /// Who leads it wants it, or does not.
    On,
    Off,
}

impl Conferences {
    /// Begins to record if that is wanted and somebody is inside; who came notes what is recorded.
    pub(super) fn tape(self: &Arc<Self>, name: &str, room: &mut Room) {
        let wanted = match room.taping {
            Taping::AsAsked => room.asked_format(),
            Taping::On => Some(room.asked_format().unwrap_or_default()),
            Taping::Off => None,
        };
        if let Some(format) = wanted
            && room.tape.is_none()
            && room.has_somebody_inside()
        {
            let tag = self.tag();
            let id = id(name, tag);
            let path = recording::file(&id, format);
            let place = self.recordings_dir.join(&path).display().to_string();
            let view = RecordingView {
                id,
                file: path.display().to_string(),
                began: wall_clock(),
                seconds: None,
                notes: vec![("conference".to_owned(), name.to_owned())],
                state: RecordingState::Saved { place },
            };
            let command = RoomCommand::Record { tag, path, format: of(format), limit: None, silence: None };
            match self.engine.send_to_room(room.id(), command) {
                Ok(()) => room.tape = Some(Tape { tag, view, calls: Vec::new() }),
                Err(error) => tracing::warn!(%error, room = name, "a conference is not recorded"),
            }
        }
        room.note_tape();
    }

    /// Ends the recording.
    pub(super) fn untape(&self, room: &mut Room) {
        let stop = room.tape.as_ref().map(|tape| RoomCommand::Stop { tag: tape.tag });
        if let Some(stop) = stop
            && self.engine.send_to_room(room.id(), stop).is_err()
        {
            // A room that is gone has ended it.
            room.tape = None;
        }
    }
}

fn of(format: FileFormat) -> media::Format {
    match format {
        FileFormat::Wav => media::Format::Wav,
        FileFormat::Mp3 => media::Format::Mp3 { kbps: None },
        FileFormat::Ogg => media::Format::Opus { bitrate: None },
    }
}

/// `conference-board-20261121T170500-3`: no other recording is called so.
fn id(name: &str, tag: u64) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let name: String = name.chars().map(plain).take(NAME).collect();
    format!("conference-{name}-{}-{tag}", wall_clock().strftime("%Y%m%dT%H%M%S"))
}
