//! Keys of a leg: those that its far end presses, and those that are pressed for it, each by the way that suits it.

use std::time::{Duration, Instant};

use flow::ir::Cause;
use flow::leg::{LegEvent, Tag};
use media::{Command, DigitToSend};
use sip::Body;
use store::Dtmf;

use super::informing::Step;
use super::{CallLeg, Notice, OWN};
use crate::call::keypad::{Way, info_key};
use crate::call::media_end::Job;

/// How long a key lasts that came by INFO, and the most that is taken for one.
const KEY: Duration = Duration::from_millis(160);
const LONGEST_KEY: Duration = Duration::from_secs(5);

/// Quiet after a key that is passed on.
const KEY_GAP: Duration = Duration::from_millis(60);

impl CallLeg {
    /// An INFO came: perhaps with a key.
    pub(super) fn key_by_info(&mut self, now: Instant, content_type: &str, body: &[u8]) {
        if let Some(key) = info_key(content_type, body)
            && self.is_new_key(now, Way::Info, key)
        {
            self.outbox.push_back(Notice::Key(key, Way::Info, KEY));
        }
    }

    /// The media leg heard that a key was pressed.
    pub(super) fn key_down(&mut self, now: Instant, way: Way, key: char) {
        if self.is_new_key(now, way, key) {
            self.pressed = Some((key, way));
        } else if self.pressed.is_some_and(|(_, of)| of == way) {
            self.pressed = None;
        }
    }

    /// It was let go after so long.
    pub(super) fn key_up(&mut self, now: Instant, way: Way, key: char, length: Duration) {
        self.keypad.let_go(now, way, key);
        if self.pressed == Some((key, way)) {
            self.pressed = None;
            self.outbox.push_back(Notice::Key(key, way, length.min(LONGEST_KEY)));
        }
    }

    /// Whether a key is a press of its own; then the flow hears of it.
    fn is_new_key(&mut self, now: Instant, way: Way, key: char) -> bool {
        let new = self.keypad.is_new(now, way, key);
        if new {
            metrics::counter!("offhook_digits_total", "way" => way.word()).increment(1);
            if !self.room_key(now, key) {
                self.tell(Tag::default(), LegEvent::Digit(key));
            }
        }
        new
    }

    /// Whether the far end is told of keys by INFO, so that it does not look for them in the sound.
    pub(in crate::call) fn takes_info(&self) -> bool {
        let refused = || self.informing.as_ref().is_some_and(|informing| informing.is_refused());
        self.is_answered() && self.table.codecs().dtmf == Dtmf::Info && !refused()
    }

    /// Presses a key for the far end.
    pub(in crate::call) fn press(&mut self, now: Instant, key: char, length: Duration) {
        let digit = DigitToSend { key: Some(key), duration: length, gap: KEY_GAP };
        if let Err(why) = self.send_keys(now, OWN, vec![digit]) {
            self.note_media(now, format!("{key} is not passed on: {why}"));
        }
    }

    /// Presses keys for the far end, which `DigitsSent` tells the end of.
    pub(super) fn send_keys(
        &mut self,
        now: Instant,
        tag: Tag,
        digits: Vec<DigitToSend>,
    ) -> Result<(), String> {
        if self.takes_info() {
            self.informing.get_or_insert_default().add(tag, digits);
            self.go_on_pressing(now);
            return Ok(());
        }
        let events = self.table.setup().is_some_and(|setup| setup.telephone_event.is_some());
        if self.table.codecs().dtmf == Dtmf::Events && !events {
            return Err("the far end takes no telephone-events".to_owned());
        }
        let started = self.media.start(tag, Job::Keys, |tag| Command::SendDigits { tag, digits });
        started.map_err(|error| error.to_string())
    }

    /// Sends the next key by INFO, if its time has come.
    pub(super) fn go_on_pressing(&mut self, now: Instant) {
        while let Some(step) = self.informing.as_mut().and_then(|informing| informing.step(now)) {
            match step {
                Step::Press(key, length) => {
                    let text = format!("Signal={key}\r\nDuration={}\r\n", length.as_millis());
                    let content_type = "application/dtmf-relay".to_owned();
                    self.session.inform(Body { content_type, bytes: text.into() });
                }
                Step::Sent(tag) => self.tell(tag, LegEvent::DigitsSent),
            }
        }
    }

    /// What the far end says to a key. One that takes no INFO hears keys in the sound from here on.
    pub(super) fn informed(&mut self, now: Instant, status: u16) {
        let Some(informing) = &mut self.informing else { return };
        let digit = informing.answered();
        let key = digit.and_then(|digit| digit.key);
        let about = key.map_or_else(|| "an INFO".to_owned(), |key| format!("the INFO with {key}"));
        let phrase = sip::phrase(status);
        match status {
            ..300 => {}
            // It knows the method not, or such content.
            405 | 415 | 501 => {
                let (mut tags, digits) = informing.refuse(digit);
                self.note(now, format!("takes no keys by INFO ({status} {phrase}): they go in the sound"));
                let last = tags.pop();
                tags.into_iter().for_each(|tag| self.tell(tag, LegEvent::DigitsSent));
                if let Some(tag) = last
                    && let Err(why) = self.send_keys(now, tag, digits)
                {
                    self.fail(tag, Cause::Unsupported, why);
                }
            }
            // Half a minute has passed: what waited behind it comes too late.
            408 => {
                let waited = informing.give_up();
                self.note(now, format!("{about} is not answered; keys that waited are not sent"));
                waited.into_iter().for_each(|tag| self.tell(tag, LegEvent::DigitsSent));
            }
            _ => self.note(now, format!("{about} was refused: {status} {phrase}")),
        }
        self.go_on_pressing(now);
    }

    /// Sends no more of the keys that were given under this tag; whether there were some.
    pub(super) fn stop_keys(&mut self, tag: Tag) -> bool {
        let stopped = self.informing.as_mut().is_some_and(|informing| informing.stop(tag));
        if stopped {
            self.tell(tag, LegEvent::DigitsSent);
        }
        stopped
    }

    /// Sends no more keys, and tells nobody.
    pub(super) fn forget_keys(&mut self) {
        self.informing.iter_mut().for_each(|informing| drop(informing.give_up()));
    }
}
