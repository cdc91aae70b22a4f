//! Recording all that is said in a room.
//!
//! A recording begins with the first who is inside of a room that wants it, and ends with the last. It is one file, also
//! where somebody comes who speaks wider: at the rate of the room, 16 kHz at least where any of our codecs is wide. Every call that takes
//! part has its id, and it goes the way of calls' recordings through the spool. It is paused as theirs are, by the room's name
//! or by a call that takes part.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::ir::FileFormat;
use jiff::Timestamp;
use media::{Pause, RoomCommand};

use super::room::Room;
use super::{Conferences, RoomNews};
use crate::book::{Pauses, Record, RecordingView};
use crate::call::recording;
use crate::control::RecordingOrder;
use crate::events::wall_clock;
use crate::spool::End;

/// What of a room's name goes into a file's.
const NAME: usize = 64;

/// A recording that runs, or whose end is still to be told.
pub(super) struct Tape {
    pub(super) tag: u64,
    pub(super) id: String,
    /// As the calls that take part have it, but for its pauses.
    view: RecordingView,
    /// Where it will be sent first.
    to: Option<String>,
    told: Mutex<Told>,
}

/// What the calls that take part know of a recording.
#[derive(Default)]
struct Told {
    /// Those that took part, the one that it began with first.
    calls: Vec<Arc<Record>>,
    /// How it was paused.
    pauses: Pauses,
}

impl Tape {
    /// What its pause that goes on leaves in the file.
    pub(super) fn paused(&self) -> Option<Pause> {
        crate::lock(&self.told).pauses.now.map(|(pause, _)| pause)
    }

    /// One more call takes part.
    fn tell(&self, call: Arc<Record>) {
        let mut told = crate::lock(&self.told);
        call.add_recording(RecordingView { pauses: told.pauses, ..self.view.clone() });
        told.calls.push(call);
    }

    /// It is paused from here on, or goes on, and all who take part know it.
    fn change(&self, pause: Option<Pause>) {
        let mut told = crate::lock(&self.told);
        told.pauses.change(pause, wall_clock());
        for call in &told.calls {
            call.write_recording(&self.id, |view| view.pauses = told.pauses);
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
            && let Some(first) = room.first_inside()
        {
            let first = first.clone();
            room.tape = self.begin_tape(name, room, format, &first);
        }
        let Some(tape) = room.tape.clone() else { return };
        for call in room.untold_of(tape.tag) {
            tape.tell(call.clone());
            self.cdr.alive(&call);
            self.spool.is_of(&tape.id, call.id);
        }
    }

    fn begin_tape(
        &self,
        name: &str,
        room: &Room,
        format: FileFormat,
        first: &Arc<Record>,
    ) -> Option<Arc<Tape>> {
        let (tag, at) = (self.tag(), wall_clock());
        let id = id(name, at, tag);
        let path = recording::file(&id, format);
        let (format_of_file, rate) = (of(format), Some(self.tape_rate));
        let command =
            RoomCommand::Record { tag, path, format: format_of_file, rate, limit: None, silence: None };
        if let Err(error) = self.engine.send_to_room(room.id(), command) {
            tracing::warn!(%error, room = name, "a conference is not recorded");
            return None;
        }
        let mut letter = recording::letter(first, &id, at, format);
        letter.name = name.to_owned();
        letter.notes = vec![("conference".to_owned(), name.to_owned())];
        let view = recording::view(&letter, at);
        let to = self.spool.begun(letter);
        let tape = Arc::new(Tape { tag, id, view, to, told: Mutex::default() });
        crate::lock(&self.tapes).push(tape.clone());
        Some(tape)
    }

    /// The recording of this tag is over, and so long, or broke off: the calls that took part note it, and it goes where it
    /// is to be.
    pub(super) fn taped(self: &Arc<Self>, tag: u64, came: Result<Duration, &str>) {
        for (name, room) in crate::lock(&self.rooms).iter_mut() {
            // Somebody wanted another one before this one had ended.
            if room.tape.take_if(|tape| tape.tag == tag).is_some()
                && came.is_ok()
                && room.taping == Taping::On
            {
                self.tape(name, room);
            }
        }
        let mut tapes = crate::lock(&self.tapes);
        let Some(at) = tapes.iter().position(|tape| tape.tag == tag) else { return };
        let tape = tapes.remove(at);
        drop(tapes);
        tape.change(None);
        let calls = std::mem::take(&mut crate::lock(&tape.told).calls);
        let here = &self.recordings_dir;
        let (name, id) = (&tape.view.notes, &tape.id);
        let end = match came {
            Ok(length) => {
                let seconds = recording::seconds(length);
                metrics::counter!("offhook_recordings_total").increment(1);
                tracing::info!(recording = id, ?name, seconds, "a conference was recorded");
                for call in &calls {
                    call.write_recording(id, |view| {
                        recording::complete(view, seconds, here, tape.to.as_deref());
                    });
                }
                End::Complete(seconds)
            }
            Err(why) => {
                metrics::counter!("offhook_recordings_failed_total").increment(1);
                tracing::warn!(recording = id, ?name, why, "a conference's recording failed");
                for call in &calls {
                    call.write_recording(id, |view| recording::broken(view, why, here));
                }
                End::Broken(why.to_owned())
            }
        };
        if let Some(first) = calls.first() {
            self.spool.over(id, first.id, end);
        }
    }

    /// Whether something is recorded, or its end is still to be told.
    pub(crate) fn is_taping(&self) -> bool {
        !crate::lock(&self.tapes).is_empty()
    }

    /// Somebody outside asks for something of the recording of this id; whether a room has it that is still there.
    pub(crate) fn steer_tape(&self, id: &str, order: RecordingOrder) -> bool {
        let mut rooms = crate::lock(&self.rooms);
        let is_meant = |room: &&mut Room| room.tape.as_ref().is_some_and(|tape| tape.id == id);
        let Some(room) = rooms.iter_mut().map(|(_, room)| room).find(is_meant) else { return false };
        self.steer(room, order);
        true
    }

    /// Has a room's recording leave out what comes, go on, or end; its members' timelines say so.
    pub(super) fn steer(&self, room: &mut Room, order: RecordingOrder) {
        let Some(tape) = room.tape.clone() else { return };
        let (tag, pause) = match order {
            RecordingOrder::Stop => {
                room.taping = Taping::Off;
                self.untape(room);
                return room.tell_all(RoomNews::Steered(order));
            }
            RecordingOrder::Pause(pause) => (tape.tag, Some(pause)),
            RecordingOrder::Resume => (tape.tag, None),
        };
        if tape.paused() == pause {
            return;
        }
        let command = match pause {
            Some(pause) => RoomCommand::PauseRecording { tag, pause },
            None => RoomCommand::ResumeRecording { tag },
        };
        // A room that is gone has ended it, and tells so.
        if self.engine.send_to_room(room.id(), command).is_ok() {
            tape.change(pause);
            room.tell_all(RoomNews::Steered(order));
        }
    }

    /// Ends the recording.
    pub(super) fn untape(&self, room: &mut Room) {
        let stop = room.tape.as_ref().map(|tape| RoomCommand::Stop { tag: tape.tag });
        if let Some(stop) = stop
            && self.engine.send_to_room(room.id(), stop).is_err()
        {
            // A room that is gone has ended it, and tells so.
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
fn id(name: &str, at: Timestamp, tag: u64) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let name: String = name.chars().map(plain).take(NAME).collect();
    format!("conference-{name}-{}-{tag}", at.strftime("%Y%m%dT%H%M%S"))
}
