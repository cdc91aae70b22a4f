//! What a flow asks of the leg it runs on.

use std::time::Instant;

use flow::ir::Cause;
use flow::leg::{Leg, LegCommand, LegEvent, Need, Tag};
use flow::trace::What;
use media::Command;
use sip::Reason;

use super::{CallLeg, Terms};
use crate::amd;
use crate::book::{CallState, Ender};
use crate::call::digits;
use crate::call::media_end::Job;
use crate::call::recording;

impl CallLeg {
    fn answer(&mut self, now: Instant, tag: Tag) {
        if !self.session.is_unanswered() {
            return match &self.terms {
                // The first Answer still waits for its ACK; both are told then, in effect, by one.
                Terms::Late { waiting: Some(_) } => self.terms = Terms::Late { waiting: Some(tag) },
                _ => self.tell(tag, LegEvent::Answered),
            };
        }
        match &mut self.terms {
            Terms::Agreed { answer } => {
                let answer = answer.clone();
                match self.adopt_agreed(now) {
                    Ok(()) => {
                        self.session.answer(answer);
                        self.answered(now, tag);
                    }
                    Err(refusal) => {
                        self.note(now, refusal.to_string());
                        self.session.refuse(&refusal);
                        self.depart("no media", Ender::Switch, Reason::normal());
                    }
                }
            }
            Terms::Late { waiting } => {
                *waiting = Some(tag);
                let offer = self.table.offer();
                self.session.answer(offer);
            }
            Terms::Offered => {}
        }
    }

    /// Media for a command that needs it: an unanswered call gets early media.
    pub(crate) fn ensure_media(&mut self, now: Instant) -> Result<(), String> {
        if self.media.leg().is_some() {
            return Ok(());
        }
        match &self.terms {
            Terms::Agreed { answer } if self.session.is_unanswered() => {
                let answer = answer.clone();
                self.adopt_agreed(now).map_err(|refusal| refusal.to_string())?;
                self.session.progress(answer);
                self.owner.record.write(|about| about.state = CallState::Early);
                Ok(())
            }
            Terms::Late { .. } => {
                Err("the caller sent no offer, so there is no audio before the answer".to_owned())
            }
            Terms::Agreed { .. } | Terms::Offered => Err("the call is over".to_owned()),
        }
    }
}

impl Leg for CallLeg {
    fn supports(&self, need: Need) -> bool {
        match need {
            Need::Call => self.gone.is_none(),
            Need::Media => self.gone.is_none() && !self.media.is_gone(),
        }
    }

    fn perform(&mut self, now: Instant, tag: Tag, command: LegCommand) {
        if !self.is_up() {
            if !matches!(command, LegCommand::Hangup { .. } | LegCommand::Stop(_) | LegCommand::Mask(..)) {
                self.fail(tag, Cause::Unsupported, "the call is over".to_owned());
            }
            return;
        }
        let needs_media = matches!(
            command,
            LegCommand::Play { .. }
                | LegCommand::SendDigits { .. }
                | LegCommand::Echo
                | LegCommand::Detect { .. }
                | LegCommand::Conference(_)
        );
        if needs_media && let Err(why) = self.ensure_media(now) {
            return self.fail(tag, Cause::Unsupported, why);
        }
        match command {
            LegCommand::Answer => self.answer(now, tag),
            LegCommand::Play { prompts, repeat } => self.speak(tag, prompts, repeat),
            LegCommand::Stop(started) if self.stop_attending(started) => {}
            LegCommand::Stop(started) => self.stop_play(started),
            LegCommand::Conference(joining) => self.attend(now, tag, joining),
            LegCommand::SendDigits { digits, duration, gap } => {
                let digits = digits::spell(&digits, duration, gap);
                if let Err(why) = self.send_keys(now, tag, digits) {
                    self.fail(tag, Cause::Unsupported, why);
                }
            }
            LegCommand::Echo => {
                if let Err(error) = self.media.start(tag, Job::Sound, |tag| Command::Echo { tag }) {
                    self.fail(tag, Cause::Unsupported, error.to_string());
                }
            }
            LegCommand::Detect { follows, timings } => {
                let timings = amd::timings(&self.shared.amd, &timings, follows);
                self.detect(tag, media::Detector::Machine(timings));
            }
            LegCommand::Record { name, limit, silence, format, sides, keys, upload, keeping } => {
                let order = recording::Order { name, limit, silence, format, sides, keys, upload, keeping };
                self.record(tag, order);
            }
            LegCommand::Mask(recording, on) => self.mask(recording, on),
            // It takes more than this leg; the call sees to it.
            LegCommand::Dial(_) | LegCommand::Feature(_) => {
                self.fail(tag, Cause::Unsupported, "a leg alone cannot do this".to_owned());
            }
            LegCommand::Hangup { status, phrase, cause } => {
                let text = format!("the flow hangs up: {cause}");
                self.owner.record.timeline.add(now, What::Note { text });
                self.leave(status, phrase, Reason::normal());
            }
        }
    }
}
