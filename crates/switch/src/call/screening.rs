//! Screening: who answers is not connected at once, but hears an announcement first, or is asked to press a key by which
//! he takes the call.
//!
//! ```text
//!   answered ─→ hears the announcement ──── its end, where no key is asked for ──→ connected
//!                  ├── the key ─────────────────────────────────────────────────→ connected
//!                  └── no key after three times, time, hangs up ─→ refused; the others ring on
//! ```
//!
//! The caller hears it ring all the while. Where a key is asked for, the others ring on, and the first who presses it has
//! the call: an answering machine does not take it away from a person. Where none is, who answers has the call for
//! certain, and the others stop ringing at once.

use std::time::{Duration, Instant};

use flow::ir::Repeat;
use flow::leg::{Leg, LegCommand, LegEvent, Prompt, Speech};
use sip::Reason;

use super::LegKey;
use super::dial::Stage;
use super::leg::SCREENING;
use super::refusal::Refusal;
use super::run::Call;

/// How often one hears what it is about who is to press a key, and how long there is quiet after each time.
const TIMES: u32 = 3;
const QUIET: Duration = Duration::from_secs(2);

/// No announcement keeps two people apart for longer.
const LONGEST: Duration = Duration::from_secs(60);

/// How long one has to press the key to whom nothing could be played.
const UNTOLD: Duration = Duration::from_secs(10);

/// One who answered and is not connected yet.
#[derive(Debug)]
pub(super) struct Screened {
    pub(super) leg: LegKey,
    pub(super) place: usize,
    /// What takes the call; `None` if hearing the announcement does.
    key: Option<char>,
    /// It is decided by then.
    pub(super) until: Instant,
}

impl Call {
    /// Lets who answered at this place hear what is to be heard before; whether there is anything.
    pub(super) fn screen(&mut self, now: Instant, leg: LegKey, place: usize) -> bool {
        let Some(dial) = &self.dial else { return false };
        let key = dial.order.to.get(place).and_then(|to| to.confirm).or(dial.order.confirm);
        let named = dial.order.announcement.as_deref().filter(|sound| !sound.is_empty());
        let sound = named.map(flow::tone::prompts).filter(|sound| !sound.is_empty());
        let (prompts, repeat) = match (key, sound) {
            (None, None) => return false,
            (None, Some(sound)) => (sound, Repeat::Times(1)),
            (Some(key), sound) => {
                let text = format!("Press {} to take the call.", spoken(key));
                let language = self.shared.language.clone();
                let asked = || Prompt::Speech(Speech { text, language, voice: String::new() });
                let mut prompts = sound.unwrap_or_else(|| vec![asked()]);
                prompts.push(Prompt::Silence(QUIET));
                (prompts, Repeat::Times(TIMES))
            }
        };
        let Some(Stage::Ringing { rota, lookups, forks, screened, heard, .. }) = self.stage() else {
            return false;
        };
        forks.retain(|(fork, _)| *fork != leg);
        screened.push(Screened { leg, place, key, until: now + LONGEST });
        // What it let be heard before the answer is over; the caller is not to hear what comes now.
        let was_heard = *heard == Some(leg);
        if was_heard {
            *heard = None;
        }
        if key.is_none() {
            lookups.clear();
            rota.only(place);
            self.drop_ringing(&Reason::completed_elsewhere(), |_| true);
        }
        if was_heard {
            self.part();
            self.let_ring();
        }
        let what = key.map_or_else(|| "the announcement".to_owned(), |key| format!("what is asked: {key}"));
        if let Some(leg) = self.leg_mut(leg) {
            let mark = leg.mark();
            leg.perform(now, SCREENING, LegCommand::Play { prompts, repeat });
            self.record.timeline.note(now, format!("{mark} answered and hears {what}"));
        }
        true
    }

    /// What one who is screened tells; whether it is one.
    pub(super) fn screened(&mut self, now: Instant, leg: LegKey, event: &LegEvent) -> bool {
        let Some(Stage::Ringing { screened, .. }) = self.stage() else { return false };
        let Some(one) = screened.iter_mut().find(|one| one.leg == leg) else { return false };
        match (event, one.key) {
            (LegEvent::Digit(digit), Some(key)) => {
                let takes = if *digit == key { "which takes" } else { "which does not take" };
                self.record.timeline.note(now, format!("{digit} was pressed, {takes} the call"));
                if *digit == key {
                    self.take(now, leg);
                }
            }
            (LegEvent::Played { .. }, None) => self.take(now, leg),
            (LegEvent::Played { .. }, Some(key)) => {
                self.turn_down(now, leg, &format!("{key} was not pressed"))
            }
            (LegEvent::Failed { why, .. }, key) => {
                one.until = if key.is_some() { now + UNTOLD } else { now };
                self.record.timeline.note(now, format!("the announcement is not heard: {why}"));
                self.screening_time(now);
            }
            (LegEvent::Gone { .. }, _) => self.turn_down(now, leg, "the callee hung up before"),
            _ => {}
        }
        true
    }

    /// Decides what is to be decided by now.
    pub(super) fn screening_time(&mut self, now: Instant) {
        while let Some(Stage::Ringing { screened, .. }) = self.stage()
            && let Some(one) = screened.iter().find(|one| one.until <= now)
        {
            match (one.leg, one.key) {
                (leg, None) => return self.take(now, leg),
                (leg, Some(key)) => self.turn_down(now, leg, &format!("{key} was not pressed in time")),
            }
        }
    }

    /// Who is screened does not take the call.
    fn turn_down(&mut self, now: Instant, leg: LegKey, why: &str) {
        let Some(Stage::Ringing { screened, hunts, .. }) = self.stage() else { return };
        let Some(at) = screened.iter().position(|one| one.leg == leg) else { return };
        let place = screened.remove(at).place;
        hunts.retain(|hunt| !hunt.is_by(leg));
        if let Some(leg) = self.leg_mut(leg) {
            let mark = leg.mark();
            leg.leave(480, None, Reason::normal());
            self.record.timeline.note(now, format!("{mark} does not take the call: {why}"));
        }
        self.came_to(Refusal::not_taken());
        self.look(now, Some(place));
    }

    /// What is played to who was screened is over.
    pub(super) fn end_screening(&mut self, now: Instant, leg: LegKey) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.perform(now, SCREENING, LegCommand::Stop(SCREENING));
        }
    }
}

/// A key as a voice says it.
fn spoken(key: char) -> String {
    match key {
        '*' => "star".to_owned(),
        '#' => "hash".to_owned(),
        key => key.to_string(),
    }
}
