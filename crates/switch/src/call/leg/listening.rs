//! What a leg is listened to for: who answered, a fax, what the network says of a call that we place.
//!
//! Several at once; each under the tag of whoever asked.

use std::time::Instant;

use audio::detect::{Answer, Fax};
use audio::tone::Country;
use flow::ir::Cause;
use flow::leg::{Detection, LegEvent, Tag};
use media::{Command, Detector, Found};

use super::{CallLeg, NETWORK, Notice};
use crate::call::media_end::Job;

/// The word of [`LegEvent::Finished`] for a fax.
pub(in crate::call) const FAX: &str = "fax";

impl CallLeg {
    /// Listens under this tag; of a detector that cannot be had, the tag is told that it failed.
    pub(super) fn detect(&mut self, tag: Tag, what: Detector) {
        let job = Job::Detector { told: false };
        if let Err(error) = self.media.start(tag, job, |tag| Command::Detect { tag, what }) {
            self.fail(tag, Cause::Unavailable, error.to_string());
        }
    }

    /// Listens for a fax until it is stopped. → `Finished` with [`FAX`], or `Failed`
    pub(in crate::call) fn listen_for_fax(&mut self, now: Instant, tag: Tag) {
        match self.ensure_media(now) {
            Ok(()) => self.detect(tag, Detector::Fax),
            Err(why) => self.fail(tag, Cause::Unavailable, why),
        }
    }

    /// Listens for the network's signals before the answer, once. → [`Notice::Signal`]
    pub(in crate::call) fn listen_for_signals(&mut self, country: Option<Country>) {
        if self.has_media() && !self.is_answered() && !self.media.is_doing(NETWORK) {
            self.detect(NETWORK, Detector::Progress(country));
        }
    }

    /// What was started with this tag is listened for no more.
    pub(in crate::call) fn stop_listening(&mut self, tag: Tag) {
        self.media.stop(tag);
    }

    /// A detector found something.
    pub(super) fn found(&mut self, tag: Tag, found: Found) {
        match found {
            Found::Answer(answer) => self.tell(tag, LegEvent::Detected(detection(answer))),
            Found::Fax(Fax::Calling | Fax::Answered) => {
                self.tell(tag, LegEvent::Finished { word: FAX.to_owned() });
            }
            Found::Progress(signal) => self.outbox.push_back(Notice::Signal(signal)),
            // It came to nothing: whoever waits for it goes on.
            Found::Over => self.tell(tag, LegEvent::Detected(Detection::Unknown)),
            // Nobody asks for it.
            _ => {}
        }
    }
}

fn detection(answer: Answer) -> Detection {
    match answer {
        Answer::Human => Detection::Person,
        Answer::Machine => Detection::Machine,
        Answer::Beep => Detection::Beep,
        Answer::GreetingOver => Detection::GreetingOver,
        Answer::Unknown => Detection::Unknown,
    }
}
