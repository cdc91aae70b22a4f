//! What a flow hears and moves: a call leg made of a SIP session and a media leg.
//!
//! Commands of the flow are obeyed here; what becomes of them goes to the outbox, which the call hands to the flow.

mod negotiation;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::ir::Cause;
use flow::leg::{Leg, LegCommand, LegEvent, Need, Tag};
use flow::trace::What;
use media::Command;
use sip::Body;
use tokio::sync::mpsc;

use super::answer::{Agreement, Table};
use super::keypad::{Keypad, Way, info_key};
use super::media_end::{Job, MediaEnd, Outcome};
use super::player::Player;
use super::recording;
use super::session::{Phase, Session, describe};
use super::silence::Silence;
use super::{Mail, SessionEvent};
use crate::book::{CallState, Record};
use crate::error::Refusal;
use crate::events::{Happening, wall_clock};
use crate::shared::Shared;
use crate::studio::PromptError;

/// A worker too busy to let a leg go is asked again after two slots.
const RELEASE_AGAIN: Duration = Duration::from_millis(10);

/// What the far end and we have settled about media.
#[derive(Debug)]
enum Terms {
    /// The INVITE had an offer: this is our answer to it.
    Agreed { answer: Body, agreement: Agreement },
    /// It had none: we offer in the 200, and the flow's `Answer` waits for the ACK.
    Late { waiting: Option<Tag> },
}

/// See the module.
pub(crate) struct CallLeg {
    shared: Arc<Shared>,
    record: Arc<Record>,
    session: Session,
    media: MediaEnd,
    table: Table,
    terms: Terms,
    player: Player,
    keypad: Keypad,
    recordings: u32,
    silence: Silence,
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
            player: Player::new(shared.clone(), mail),
            shared,
            record,
            session,
            media,
            table,
            terms,
            keypad: Keypad::default(),
            recordings: 0,
            silence: Silence::Unknown,
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

    /// When [`CallLeg::tick`] is to be called.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let release = self.media.owes_release().then_some(now + RELEASE_AGAIN);
        [release, self.silence.poll_timeout()].into_iter().flatten().min()
    }

    /// Asks a worker that was too busy again to let go; looks whether audio came back.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.media.owes_release() {
            self.media.release();
        }
        if self.silence.is_over(now, || self.media.packets_in()) {
            self.lost(now);
        }
    }

    fn lost(&mut self, now: Instant) {
        if self.silence.lost(self.expects_audio()) {
            self.record.timeline.media(now, "no RTP from the far end");
            self.cut("media timeout", 408);
        }
    }

    fn expects_audio(&self) -> bool {
        self.session.phase() == Phase::Answered && self.media.expects_audio()
    }

    /// The call was answered or changed, so that audio may be expected now.
    fn expect_audio(&mut self, now: Instant) {
        if self.expects_audio() {
            self.silence.expect(now, self.shared.media_timeout, self.media.packets_in());
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
        self.player.silence();
        self.silence = Silence::Unknown;
        self.media.release();
    }

    /// What the SIP session tells.
    pub(crate) fn session_event(&mut self, now: Instant, event: SessionEvent) {
        match event {
            SessionEvent::Confirmed(answer) => self.confirmed(now, answer),
            SessionEvent::Reinvited(offer) => self.reinvited(now, offer),
            SessionEvent::Reconfirmed(answer) => self.reconfirmed(now, answer),
            SessionEvent::Refreshed(answer) => self.reconfirmed(now, Some(answer)),
            SessionEvent::Info { content_type, body } => {
                if let Some(key) = info_key(&content_type, &body) {
                    self.key(now, Way::Info, key);
                }
            }
            SessionEvent::Referred(refer) => self.session.refuse_refer(refer.id),
            // Of sessions that are placed, or of what no flow asks for.
            SessionEvent::Began(_)
            | SessionEvent::Reached(_)
            | SessionEvent::Progressed { .. }
            | SessionEvent::Redirected { .. }
            | SessionEvent::Answered { .. }
            | SessionEvent::Acknowledged(_)
            | SessionEvent::Changed { .. }
            | SessionEvent::ReferAnswered { .. }
            | SessionEvent::ReferProgress { .. } => {}
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

    fn answered(&mut self, now: Instant, tag: Tag) {
        self.expect_audio(now);
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
            media::Event::Lost { .. } => self.lost(now),
            media::Event::Latched { remote, .. } => {
                self.record
                    .timeline
                    .media(now, format!("the far end sends from {remote}; so do we to there"));
            }
            media::Event::Released { report, .. } => {
                let words = self.media.released(report);
                self.record.set_leg(None);
                self.record.timeline.media(now, words);
            }
            _ => match self.media.outcome(&event) {
                Some(Outcome::Told(tag, event)) => {
                    self.player.played(tag);
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
    pub(crate) fn prompts_ready(&mut self, tag: Tag, result: Result<Vec<Arc<media::Prompt>>, PromptError>) {
        let told = self.player.ready(&mut self.media, tag, result);
        self.outbox.extend(told);
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
                        self.answered(now, tag);
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
            Terms::Late { .. } => {
                Err("the caller sent no offer, so there is no audio before the answer".to_owned())
            }
            Terms::Agreed { .. } => Err("the call is over".to_owned()),
        }
    }

    fn start_recording(&mut self, tag: Tag, order: recording::Order) {
        self.recordings += 1;
        let recording::Order { name, limit, silence, upload } = order;
        let id = recording::id(&name, self.record.id, self.recordings);
        // Relative: the media engine knows the directory.
        let path = recording::file(&id);
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
            LegCommand::Play { .. }
                | LegCommand::SendDigits { .. }
                | LegCommand::Echo
                | LegCommand::Record { .. }
        );
        if needs_media && let Err(why) = self.ensure_media(now) {
            return self.fail(tag, Cause::Unsupported, why);
        }
        match command {
            LegCommand::Answer => self.answer(now, tag),
            LegCommand::Play { prompts, repeat } => {
                let told = self.player.start(&mut self.media, tag, prompts, repeat);
                self.outbox.extend(told.into_iter().flatten());
            }
            LegCommand::Stop(started) => match self.player.stop(started) {
                Some(told) => self.outbox.push_back(told),
                None => {
                    self.media.stop(started);
                }
            },
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
