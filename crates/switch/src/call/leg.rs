//! What a flow hears and moves: a call leg made of a SIP session and a media leg.
//!
//! Commands of the flow are obeyed here; what becomes of them goes to the outbox, which the call hands to the flow.
//! Prompts are made ready in a task of their own, which a `Stop` or the end of the call ends.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use flow::ir::Cause;
use flow::leg::{Leg, LegCommand, LegEvent, Need, Prompt, Tag};
use flow::trace::What;
use media::Command;
use sip::Body;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::answer::{Agreement, Table};
use super::keypad::{Keypad, Way, info_key};
use super::media_end::{Job, MediaEnd, Outcome};
use super::recording;
use super::session::{Phase, Session};
use super::{Mail, SessionEvent, post};
use crate::book::{CallState, Record};
use crate::error::Refusal;
use crate::events::{Happening, wall_clock};
use crate::shared::Shared;
use crate::studio::PromptError;

/// What the far end and we have settled about media.
#[derive(Debug)]
enum Terms {
    /// The INVITE had an offer: this is our answer to it.
    Agreed { answer: Body, agreement: Agreement },
    /// It had none: we offer in the 200, and the flow's `Answer` waits for the ACK.
    Late { waiting: Option<Tag> },
}

/// A play, kept so that it can start anew in another codec.
#[derive(Clone, Debug)]
struct Playing {
    tag: Tag,
    prompts: Arc<[Prompt]>,
    repeat: media::Repeat,
}

/// See the module.
pub(crate) struct CallLeg {
    shared: Arc<Shared>,
    record: Arc<Record>,
    mail: mpsc::Sender<Mail>,
    session: Session,
    media: MediaEnd,
    table: Table,
    terms: Terms,
    playing: Option<Playing>,
    /// Prompts being made ready.
    resolving: HashMap<Tag, AbortHandle>,
    keypad: Keypad,
    recordings: u32,
    outbox: VecDeque<(Tag, LegEvent)>,
    /// Why the far end is gone, once it is.
    gone: Option<String>,
}

impl CallLeg {
    /// A leg for an invitation; its offer is answered in advance so that a call without a common codec rings nowhere.
    pub(crate) fn new(
        shared: Arc<Shared>,
        record: Arc<Record>,
        mail: mpsc::Sender<Mail>,
        session: Session,
        media: MediaEnd,
        mut table: Table,
        offer: Option<&Body>,
    ) -> Result<CallLeg, (Session, Refusal)> {
        let terms = match offer.map(|offer| table.answer(offer)) {
            Some(Ok((answer, agreement))) => Terms::Agreed { answer, agreement },
            Some(Err(refusal)) => return Err((session, refusal)),
            None => Terms::Late { waiting: None },
        };
        Ok(CallLeg {
            shared,
            record,
            mail,
            session,
            media,
            table,
            terms,
            playing: None,
            resolving: HashMap::new(),
            keypad: Keypad::default(),
            recordings: 0,
            outbox: VecDeque::new(),
            gone: None,
        })
    }

    /// The next thing to tell the flow.
    pub(crate) fn poll_event(&mut self) -> Option<(Tag, LegEvent)> {
        self.outbox.pop_front()
    }

    /// Nothing of the call is left in SIP and media.
    pub(crate) fn is_finished(&self) -> bool {
        self.session.phase() == Phase::Over && self.media.is_gone()
    }

    /// Whether [`CallLeg::retry`] is to be called soon.
    pub(crate) fn owes_release(&self) -> bool {
        self.media.owes_release()
    }

    /// Asks the worker again to let go.
    pub(crate) fn retry(&mut self) {
        if self.media.owes_release() {
            self.media.release();
        }
    }

    /// Ends the call from our side and tells the flow that the far end is gone, if it does not know.
    pub(crate) fn cut(&mut self, cause: &str, status: u16) {
        self.session.leave(status, None);
        self.depart(cause);
    }

    /// Ends the call from our side after the flow is over.
    pub(crate) fn leave(&mut self, status: u16, phrase: Option<String>) {
        self.session.leave(status, phrase);
        self.stop_sound();
    }

    fn depart(&mut self, cause: &str) {
        self.stop_sound();
        if self.gone.is_none() {
            self.gone = Some(cause.to_owned());
            self.outbox.push_back((Tag::default(), LegEvent::Gone { cause: cause.to_owned() }));
        }
    }

    fn stop_sound(&mut self) {
        for (_, task) in self.resolving.drain() {
            task.abort();
        }
        self.playing = None;
        self.media.release();
    }

    /// What the SIP session tells.
    pub(crate) fn session_event(&mut self, now: Instant, event: SessionEvent) {
        match event {
            SessionEvent::Confirmed(answer) => self.confirmed(now, answer),
            SessionEvent::Reinvited(offer) => self.reinvited(now, offer),
            SessionEvent::Reconfirmed(answer) => self.reconfirmed(now, answer),
            SessionEvent::Info { content_type, body } => {
                if let Some(key) = info_key(&content_type, &body) {
                    self.key(now, Way::Info, key);
                }
            }
            SessionEvent::Ended(reason) => {
                let theirs = self.session.over();
                let (cause, words) = describe(&reason);
                if theirs {
                    self.record.timeline.note(now, words);
                    self.depart(cause);
                } else {
                    self.stop_sound();
                }
            }
        }
    }

    fn confirmed(&mut self, now: Instant, answer: Option<Body>) {
        let Terms::Late { waiting } = &mut self.terms else { return };
        let Some(tag) = waiting.take() else { return };
        let accepted = match answer {
            Some(answer) => self.table.accept(&answer),
            None => Err(Refusal::NoCommonCodec("the ACK has no answer to our offer".to_owned())),
        };
        match accepted.and_then(|agreement| self.adopt(now, &agreement)) {
            Ok(()) => self.answered(tag),
            Err(refusal) => {
                self.record.timeline.note(now, refusal.to_string());
                self.cut("no media", 488);
            }
        }
    }

    /// Hold, resume, another address or codec. What cannot be agreed on leaves everything as it was.
    fn reinvited(&mut self, now: Instant, offer: Option<Body>) {
        let Some(offer) = offer else {
            let offer = self.table.offer();
            return self.session.answer_reinvite(Ok(offer));
        };
        let agreed = self.table.answer(&offer).and_then(|(answer, agreement)| {
            self.change(now, agreement)?;
            Ok(answer)
        });
        if let Err(refusal) = &agreed {
            self.record.timeline.note(now, format!("re-INVITE refused: {refusal}"));
        }
        self.session.answer_reinvite(agreed.map_err(|refusal| refusal.status()));
    }

    fn reconfirmed(&mut self, now: Instant, answer: Option<Body>) {
        let Some(answer) = answer else { return };
        let changed = self.table.accept(&answer).and_then(|agreement| self.change(now, agreement));
        if let Err(refusal) = changed {
            self.record.timeline.note(now, format!("the answer to our offer is of no use: {refusal}"));
        }
    }

    fn change(&mut self, now: Instant, agreement: Agreement) -> Result<(), Refusal> {
        let recoded = self.media.reconfigure(agreement.setup).map_err(|_| Refusal::MediaBusy)?;
        self.record.timeline.media(now, format!("changed: {}", agreement.words));
        self.record.write(|about| about.media = Some(agreement.words));
        if recoded && let Some(playing) = self.playing.clone() {
            // Prompts are encoded for one codec: from the beginning again, in the new one.
            self.media.disown(playing.tag);
            self.prepare(playing);
        }
        Ok(())
    }

    fn adopt(&mut self, now: Instant, agreement: &Agreement) -> Result<(), Refusal> {
        if self.media.leg().is_none() {
            self.media.adopt(&agreement.setup)?;
            let leg = self.media.leg();
            self.record.timeline.media(now, agreement.words.clone());
            self.record.write(|about| about.media = Some(agreement.words.clone()));
            self.record.set_leg(leg);
        }
        Ok(())
    }

    fn answered(&mut self, tag: Tag) {
        self.record.write(|about| {
            about.state = CallState::Answered;
            about.answered = Some(wall_clock());
        });
        metrics::counter!("offhook_calls_answered_total").increment(1);
        tracing::info!("answered");
        self.shared.bus.publish(self.record.id, Happening::Answered);
        self.outbox.push_back((tag, LegEvent::Answered));
    }

    /// What the media leg tells.
    pub(crate) fn media_event(&mut self, now: Instant, event: media::Event) {
        match &event {
            media::Event::Digit { key, .. } => self.key(now, Way::Rtp, *key),
            media::Event::Lost { .. } if self.session.phase() == Phase::Answered && self.media.expects_audio() => {
                self.record.timeline.media(now, "no RTP from the far end");
                self.cut("media timeout", 408);
            }
            media::Event::Latched { remote, .. } => {
                self.record.timeline.media(now, format!("the far end sends from {remote}; so do we to there"));
            }
            media::Event::Released { report, .. } => {
                let words = self.media.released(report);
                self.record.set_leg(None);
                self.record.timeline.media(now, words);
            }
            _ => match self.media.outcome(&event) {
                Some(Outcome::Told(tag, event)) => {
                    if self.playing.as_ref().is_some_and(|playing| playing.tag == tag) {
                        self.playing = None;
                    }
                    self.outbox.push_back((tag, event));
                }
                Some(Outcome::Recorded { tag, id, duration, upload }) => {
                    recording::finished(&self.shared, &self.record, &id, upload);
                    self.outbox.push_back((tag, LegEvent::Recorded { id, duration }));
                }
                Some(Outcome::RecordFailed { tag, id, why }) => {
                    tracing::warn!(recording = id, why, "a recording failed");
                    self.fail(tag, Cause::Recording, why);
                }
                None => {}
            },
        }
    }

    fn key(&mut self, now: Instant, way: Way, key: char) {
        if self.keypad.is_new(now, way, key) {
            let way = if way == Way::Rtp { "rtp" } else { "info" };
            metrics::counter!("offhook_digits_total", "way" => way).increment(1);
            self.outbox.push_back((Tag::default(), LegEvent::Digit(key)));
        }
    }

    /// The prompts of `tag` are ready, or will not be.
    pub(crate) fn prompts_ready(
        &mut self,
        tag: Tag,
        result: Result<Vec<Arc<media::Prompt>>, PromptError>,
    ) {
        // A stop that came first has answered already.
        if self.resolving.remove(&tag).is_none() {
            return;
        }
        let Some(playing) = self.playing.clone().filter(|playing| playing.tag == tag) else { return };
        let items = match result {
            Ok(items) => items,
            Err(error) => {
                self.playing = None;
                metrics::counter!("offhook_prompts_failed_total").increment(1);
                tracing::warn!(%error, "a prompt failed");
                return self.fail(tag, Cause::Prompt, error.to_string());
            }
        };
        // The codec changed while they were made.
        if items.iter().any(|item| Some(item.codec()) != self.media.codec()) {
            return self.prepare(playing);
        }
        let repeat = playing.repeat;
        let started = self.media.start(tag, Job::Sound, |tag| Command::Play { tag, items, repeat });
        if let Err(error) = started {
            self.playing = None;
            self.fail(tag, Cause::Prompt, error.to_string());
        }
    }

    fn prepare(&mut self, playing: Playing) {
        let Some(codec) = self.media.codec() else {
            return self.fail(playing.tag, Cause::Unsupported, "there is no audio".to_owned());
        };
        let (tag, prompts) = (playing.tag, playing.prompts.clone());
        self.playing = Some(playing);
        let (studio, mail) = (self.shared.studio.clone(), self.mail.clone());
        let task = self.shared.tasks.spawn(async move {
            let result = studio.prepare(&prompts, codec).await;
            post(&mail, Mail::Prompts { tag, result });
        });
        if let Some(before) = self.resolving.insert(tag, task) {
            before.abort();
        }
    }

    fn fail(&mut self, tag: Tag, cause: Cause, why: String) {
        self.outbox.push_back((tag, LegEvent::Failed { cause, why }));
    }

    fn answer(&mut self, now: Instant, tag: Tag) {
        if !self.session.is_unanswered() {
            return match &self.terms {
                // The first Answer still waits for its ACK; both are told then, in effect, by one.
                Terms::Late { waiting: Some(_) } => self.terms = Terms::Late { waiting: Some(tag) },
                _ => self.outbox.push_back((tag, LegEvent::Answered)),
            };
        }
        match &mut self.terms {
            Terms::Agreed { answer, agreement } => {
                let (answer, agreement) = (answer.clone(), agreement.clone());
                match self.adopt(now, &agreement) {
                    Ok(()) => {
                        self.session.answer(answer);
                        self.answered(tag);
                    }
                    Err(refusal) => {
                        self.record.timeline.note(now, refusal.to_string());
                        self.session.refuse(&refusal);
                        self.depart("no media");
                    }
                }
            }
            Terms::Late { waiting } => {
                *waiting = Some(tag);
                let offer = self.table.offer();
                self.session.answer(offer);
            }
        }
    }

    /// Media for a command that needs it: an unanswered call gets early media.
    fn ensure_media(&mut self, now: Instant) -> Result<(), String> {
        if self.media.leg().is_some() {
            return Ok(());
        }
        match &self.terms {
            Terms::Agreed { answer, agreement } if self.session.is_unanswered() => {
                let (answer, agreement) = (answer.clone(), agreement.clone());
                self.adopt(now, &agreement).map_err(|refusal| refusal.to_string())?;
                self.session.progress(answer);
                self.record.write(|about| about.state = CallState::Early);
                Ok(())
            }
            Terms::Late { .. } => Err("the caller sent no offer, so there is no audio before the answer".to_owned()),
            Terms::Agreed { .. } => Err("the call is over".to_owned()),
        }
    }

    fn start_recording(&mut self, tag: Tag, order: recording::Order) {
        self.recordings += 1;
        let recording::Order { name, limit, silence, upload } = order;
        let id = recording::id(&name, self.record.id, self.recordings);
        let path = recording::path(&self.shared.recordings_dir, &id);
        let job = Job::Recording { id, upload };
        let started = self.media.start(tag, job, |tag| Command::Record { tag, path, limit, silence });
        if let Err(error) = started {
            self.fail(tag, Cause::Recording, error.to_string());
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
        if self.gone.is_some() || matches!(self.session.phase(), Phase::Leaving | Phase::Over) {
            if !matches!(command, LegCommand::Hangup { .. } | LegCommand::Stop(_)) {
                self.fail(tag, Cause::Unsupported, "the call is over".to_owned());
            }
            return;
        }
        let needs_media = matches!(
            command,
            LegCommand::Play { .. } | LegCommand::SendDigits { .. } | LegCommand::Echo | LegCommand::Record { .. }
        );
        if needs_media && let Err(why) = self.ensure_media(now) {
            return self.fail(tag, Cause::Unsupported, why);
        }
        match command {
            LegCommand::Answer => self.answer(now, tag),
            LegCommand::Play { prompts, repeat } => {
                let repeat = match repeat {
                    flow::ir::Repeat::Times(times) => media::Repeat::Times(times),
                    flow::ir::Repeat::Forever => media::Repeat::Forever,
                };
                self.prepare(Playing { tag, prompts: prompts.into(), repeat });
            }
            LegCommand::Stop(started) => {
                if let Some(task) = self.resolving.remove(&started) {
                    task.abort();
                    self.playing = None;
                    self.outbox.push_back((started, LegEvent::Played { stopped: true }));
                } else {
                    self.media.stop(started);
                }
            }
            LegCommand::SendDigits { digits, duration, gap } => {
                let digits = super::digits::spell(&digits, duration, gap);
                let started = self.media.start(tag, Job::Sound, |tag| Command::SendDigits { tag, digits });
                if let Err(error) = started {
                    self.fail(tag, Cause::Unsupported, error.to_string());
                }
            }
            LegCommand::Echo => {
                if let Err(error) = self.media.start(tag, Job::Sound, |tag| Command::Echo { tag }) {
                    self.fail(tag, Cause::Unsupported, error.to_string());
                }
            }
            LegCommand::Record { name, limit, silence, upload } => {
                self.start_recording(tag, recording::Order { name, limit, silence, upload });
            }
            LegCommand::Hangup { status, phrase, cause } => {
                self.record.timeline.add(now, What::Note { text: format!("the flow hangs up: {cause}") });
                self.leave(status, phrase);
            }
        }
    }
}

impl Drop for CallLeg {
    fn drop(&mut self) {
        for (_, task) in self.resolving.drain() {
            task.abort();
        }
    }
}

/// A short word for the flow and the CDR, and a sentence for the trace.
fn describe(reason: &sip::Ended) -> (&'static str, String) {
    use sip::Ended::*;
    let with = |text: &str, cause: &Option<String>| match cause {
        Some(cause) => format!("{text}, {cause}"),
        None => text.to_owned(),
    };
    match reason {
        Bye { cause } => ("hangup", with("the caller hung up", cause)),
        Cancelled { cause } => ("cancelled", with("the caller gave up", cause)),
        NoAck => ("no ACK", "our 200 was never acknowledged".to_owned()),
        TransportLost => ("transport lost", "the caller's connection is gone".to_owned()),
        Failed { status } => ("failed", format!("the session failed with {status}")),
        Rejected { status } => ("rejected", format!("refused with {status}")),
        HungUp => ("hangup", "hung up".to_owned()),
        _ => ("failed", "the session ended".to_owned()),
    }
}
