//! Whether a fax calls: a party is listened to for a time.

use std::time::{Duration, Instant};

use flow::ir::{Cause, Side};
use flow::leg::{Leg, LegCommand, LegEvent, Tag};

use super::LegKey;
use super::feature::{Doing, Running};
use super::run::Call;

/// Nothing was heard of a fax.
const VOICE: &str = "voice";

/// A party that is listened to.
#[derive(Debug)]
pub(super) struct FaxWait {
    of: LegKey,
    length: Duration,
    /// Until when; it is answered first.
    until: Option<Instant>,
}

impl FaxWait {
    pub(super) fn due(&self) -> Option<Instant> {
        self.until
    }
}

impl Call {
    /// Answers, and listens for so long. → `fax` as soon as one is heard, else `voice`
    pub(super) fn detect_fax(&mut self, now: Instant, tag: Tag, by: Side, length: Duration) {
        let Some(of) = self.sides(by).0 else {
            return self.came(
                now,
                tag,
                Err((Cause::Unavailable, "nobody is there to be listened to".into())),
            );
        };
        let wait = FaxWait { of, length, until: None };
        self.doing.push(Running { tag, doing: Doing::Fax(wait) });
        if let Some(leg) = self.leg_mut(of) {
            leg.perform(now, tag, LegCommand::Answer);
        }
    }

    /// The leg tells something under this tag; whether it is not for the flow.
    pub(super) fn fax_heard(&mut self, now: Instant, tag: Tag, event: &LegEvent) -> bool {
        let Some(Doing::Fax(wait)) = self.running(tag) else { return false };
        match event {
            LegEvent::Answered if wait.until.is_none() => {
                wait.until = Some(now + wait.length);
                let of = wait.of;
                self.leg_mut(of).into_iter().for_each(|leg| leg.listen_for_fax(now, tag));
                false
            }
            LegEvent::Finished { word } => {
                let word = word.clone();
                self.fax_known(now, tag, &word);
                true
            }
            LegEvent::Failed { cause, why } => {
                let came = Err((cause.clone(), why.clone()));
                self.came(now, tag, came);
                true
            }
            _ => false,
        }
    }

    /// Somebody's time may be over.
    pub(super) fn fax_time(&mut self, now: Instant, tag: Tag) {
        if matches!(self.running(tag), Some(Doing::Fax(wait)) if wait.until.is_some_and(|until| until <= now))
        {
            self.fax_known(now, tag, VOICE);
        }
    }

    fn fax_known(&mut self, now: Instant, tag: Tag, word: &str) {
        self.stop_fax(tag);
        self.record.timeline.note(now, format!("listened for a fax: {word}"));
        self.finish(now, tag, word);
    }

    /// Nobody wants to know any more.
    pub(super) fn stop_fax(&mut self, tag: Tag) {
        let Some(Doing::Fax(wait)) = self.running(tag) else { return };
        let of = wait.of;
        self.leg_mut(of).into_iter().for_each(|leg| leg.stop_listening(tag));
    }
}
