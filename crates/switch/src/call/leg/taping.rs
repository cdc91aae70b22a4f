//! Recordings of a leg: begun when their time comes, told when they are over, taken along to another call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::ir::Cause;
use flow::leg::{LegEvent, Tag};
use media::{Command, Pause};

use super::{CallLeg, TAKEN_ALONG};
use crate::book::Record;
use crate::call::errand;
use crate::call::media_end::Job;
use crate::call::recording::{self, Kept, Ongoing, Order, Pending};
use crate::control::RecordingOrder;
use crate::spool::Fleeting;

impl CallLeg {
    /// The flow wants a recording, now or when its time has come.
    pub(super) fn record(&mut self, tag: Tag, order: Order) {
        self.pending.push(Pending { tag, order, masked: false });
        self.begin_recordings();
    }

    /// Begins what waited for audio, for the answer, or for somebody to talk to, if that is there by now.
    pub(in crate::call) fn begin_recordings(&mut self) {
        let (audio, answered, bridged) = (self.has_media(), self.is_answered(), self.media.is_bridged());
        let ready = |pending: &mut Pending| pending.order.may_begin(audio, answered, bridged);
        for pending in self.pending.extract_if(.., ready).collect::<Vec<_>>() {
            self.begin_recording(pending);
        }
    }

    fn begin_recording(&mut self, Pending { tag, order, masked }: Pending) {
        let record = self.owner.record.clone();
        let at = recording::moment();
        let id = recording::id(&order.name, at, record.id, record.next_recording());
        // Relative: the media engine knows the directory.
        let recording = order.recording(recording::file(&id, order.format), self.shared.spool.stereo);
        let ongoing = order.ongoing(&id, self.after_recording.clone());
        let job = Job::Recording(Box::new(recording::begun(&self.shared, &record, ongoing, at, order)));
        match self.media.start(tag, job, |tag| Command::Record { tag, recording }) {
            Ok(()) => {
                if masked {
                    self.paused(|of, _| of == tag, Some(Pause::Silence));
                }
            }
            Err(error) => {
                recording::unbegun(&self.shared, &record, &id, &error.to_string());
                self.fail(tag, Cause::Recording, error.to_string());
            }
        }
    }

    /// The flow stops what it started with this tag; whether that was a recording that had not begun.
    pub(super) fn forget_recording(&mut self, started: Tag) -> bool {
        let Some(at) = self.pending.iter().position(|pending| pending.tag == started) else { return false };
        self.pending.remove(at);
        self.fail(started, Cause::Recording, "stopped before there was anything to record".to_owned());
        true
    }

    /// Puts silence in place of what is heard, or no longer.
    pub(super) fn mask(&mut self, tag: Tag, on: bool) {
        self.paused(|of, _| of == tag, on.then_some(Pause::Silence));
        let waits = self.pending.iter_mut().filter(|pending| pending.tag == tag);
        waits.for_each(|pending| pending.masked = on);
    }

    /// Whether the recording of this id runs here.
    pub(in crate::call) fn records(&self, id: &str) -> bool {
        self.media.recordings().any(|ongoing| ongoing.id == id)
    }

    /// Somebody outside has a recording leave out what comes, go on, or end.
    pub(in crate::call) fn steer_recording(&mut self, now: Instant, id: &str, order: RecordingOrder) {
        self.note(now, format!("the recording {id} was {}", order.words()));
        match order {
            RecordingOrder::Pause(pause) => self.paused(|_, ongoing| ongoing.id == id, Some(pause)),
            RecordingOrder::Resume => self.paused(|_, ongoing| ongoing.id == id, None),
            RecordingOrder::Stop => self.media.stop_recording(id),
        }
    }

    /// Has recordings leave out what comes, or go on, and writes that down.
    fn paused(&mut self, is_meant: impl Fn(Tag, &Ongoing) -> bool, pause: Option<Pause>) {
        let at = recording::moment();
        for id in self.media.pause_recordings(is_meant, pause) {
            self.owner.record.write_recording(&id, |view| view.pauses.change(pause, at));
        }
    }

    /// The flow that runs without a call when a recording from here on is over.
    pub(in crate::call) fn run_after_recordings(&mut self, flow: Option<String>) {
        self.after_recording = flow;
    }

    /// A recording is over.
    pub(super) fn recorded(&mut self, now: Instant, tag: Tag, ongoing: &Ongoing, duration: Duration) {
        let (shared, record) = (self.shared.clone(), self.owner.record.clone());
        match recording::finished(&shared, &record, ongoing, duration) {
            Kept::Yes => {
                self.fleeting.extend(ongoing.fleeting.clone());
                if let Some(flow) = ongoing.after.as_ref().filter(|_| ongoing.fleeting.is_none()) {
                    errand::after_recording(&shared, &record, flow, &ongoing.id, duration);
                }
                if tag == TAKEN_ALONG {
                    // Its flow stayed in the call that the leg came from.
                    self.note(now, format!("recorded {}", ongoing.id));
                }
                self.tell(tag, LegEvent::Recorded { id: ongoing.id.clone(), duration });
            }
            Kept::No(why) => {
                self.note(now, &why);
                self.fail(tag, Cause::Recording, why);
            }
        }
    }

    /// A recording broke off.
    pub(super) fn recording_failed(&mut self, tag: Tag, ongoing: &Ongoing, why: String) {
        recording::failed(&self.shared, &self.owner.record, ongoing, &why);
        self.fail(tag, Cause::Recording, why);
    }

    /// What keeps the recordings that it needs for a moment.
    pub(in crate::call) fn fleeting(&self) -> Vec<Arc<Fleeting>> {
        self.fleeting.clone()
    }

    /// The leg goes to another call, and what records there goes with it.
    pub(super) fn take_recordings_to(&mut self, record: &Record) {
        self.pending.clear();
        for ongoing in self.media.recordings().filter(|ongoing| ongoing.follows) {
            if let Some(view) = self.owner.record.recording(&ongoing.id) {
                record.add_recording(view);
                // Now, not at its end: a kill in between would not know of this call, nor would who lists what runs.
                self.shared.spool.is_of(&ongoing.id, record.id);
            }
        }
    }
}
