//! A party of a call: a SIP session and a media leg, ours to command and to listen to.
//!
//! A leg came to us or was placed by us; once answered there is no difference. Commands of the flow that runs on it are
//! obeyed here; what becomes of them and what its far end does goes to the outbox, which the call empties.
//! What two legs have to do with each other is the call's affair.

mod hearing;
mod informing;
mod keys;
mod listening;
mod moving;
mod negotiation;
mod noting;
mod orders;
mod placed;
mod playback;
mod rate;
mod sound;
mod taping;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::codec::Codec;
use flow::leg::{LegEvent, Prompt, Tag};
use sip::{Body, Reason};

use super::answer::{Agreement, Table};
use super::attend::Attending;
use super::keypad::{Keypad, Way};
use super::media_end::MediaEnd;
use super::player::Player;
use super::recording::Pending;
use super::session::{Phase, Session, describe, passed_on};
use super::silence::Silence;
use super::{LegKey, Mark, SessionEvent};
use crate::book::Ender;
use crate::error::Refusal;
use crate::lines::Owned;
use crate::shared::Shared;
use crate::sip_io::Owner;
use crate::spool::Fleeting;
use crate::trunk::Pass;
use informing::Informing;

/// A worker too busy for an order is asked again after two slots.
const AGAIN: Duration = Duration::from_millis(10);

/// What the call itself plays, for which no flow waits: ringing tones, music on hold.
pub(super) const OWN: Tag = Tag(u64::MAX);

/// A recording of a flow that stayed in the call from which the leg came.
const TAKEN_ALONG: Tag = Tag(u64::MAX - 1);

/// What is played to one who answered and is not connected yet (`screening.rs`).
pub(super) const SCREENING: Tag = Tag(u64::MAX - 2);

/// What is played to who is asked what is to become of a setting.
pub(super) const MENU: Tag = Tag(u64::MAX - 3);

/// What the call itself tells the far end, in words.
const NOTICE: Tag = Tag(u64::MAX - 4);

/// What is asked of a leg before its flow begins: who answered.
pub(super) const LISTENING: Tag = Tag(u64::MAX - 5);

/// What is heard of the network before a call that we place is answered.
const NETWORK: Tag = Tag(u64::MAX - 6);

/// What the far end and we have settled about media.
#[derive(Debug)]
enum Terms {
    /// The INVITE had an offer: this is our answer to it, and the table knows what was agreed on.
    Agreed { answer: Body },
    /// It had none: we offer in the 200, and the flow's `Answer` waits for the ACK.
    Late { waiting: Option<Tag> },
    /// We placed the call, and offered.
    Offered,
}

/// What the call itself plays to a leg.
#[derive(Clone, Debug, PartialEq)]
enum Own {
    Nothing,
    /// The ringing tone.
    Ringing,
    /// What is to be heard in its place.
    Ringback,
    Music(Vec<Prompt>),
}

/// What a leg tells its call.
#[derive(Debug)]
pub(crate) enum Notice {
    /// To the flow that runs on it, if one does; `Gone` is for the call as well.
    Flow(Tag, LegEvent),
    /// Of a call that we placed: it rings there, or early media comes.
    Progress { media: bool },
    /// Sound comes that was awaited.
    Arrives,
    /// Of a call that we placed: this is what the network says in the sound, before the answer.
    Signal(audio::detect::Progress),
    /// Of a call that we placed: somebody answered, and there is media.
    Answered,
    /// Of a call that we placed: it came to nothing.
    Refused { status: u16 },
    /// Media began, or was changed: hold, resume.
    Media,
    /// The far end wants the other party to be connected with somebody else.
    Referred(Arc<sip::Refer>),
    /// The far end pressed a key for so long; of interest to whoever hears the leg.
    Key(char, Way, Duration),
}

/// See the module.
pub(crate) struct CallLeg {
    shared: Arc<Shared>,
    owner: Owner,
    /// Whether the far end is one of our users, or on this machine: it may have calls placed.
    trusted: bool,
    /// Whether the far end is one of our users for certain: the calls that it has placed may go outside.
    proved: bool,
    /// Whose phone it is, if it is a user's.
    owned: Option<Owned>,
    session: Session,
    /// Of an INVITE of ours, once it is known.
    call_id: String,
    media: MediaEnd,
    table: Table,
    terms: Terms,
    player: Player,
    keypad: Keypad,
    /// The key that is pressed, if it counts, and which way it came.
    pressed: Option<(char, Way)>,
    /// Keys that go to the far end by INFO; nothing as long as none did.
    informing: Option<Box<Informing>>,
    own: Own,
    /// Who asked outside where it is that the leg hears; mostly nobody.
    asked: Vec<playback::Asked>,
    /// Recordings whose time has not come.
    pending: Vec<Pending>,
    /// The flow that runs when a recording that begins from here on is over.
    after_recording: Option<String>,
    /// Keeps what it recorded for a moment, as long as it is there.
    fleeting: Vec<Arc<Fleeting>>,
    /// How loud the far end is heard by others: muted or not, and the factor when it is not.
    loudness: (bool, f32),
    silence: Silence,
    /// How its far end is reached, as far as it is known.
    flow: Option<sip::Flow>,
    /// Its place among the calls of a trunk.
    #[allow(dead_code, reason = "held, not read")]
    pass: Option<Pass>,
    /// The conference it is in.
    pub(super) attending: Option<Attending>,
    /// The codec of the party it talks to.
    partner: Option<Codec>,
    outbox: VecDeque<Notice>,
    /// Where the far end wants the call to go instead.
    sent_to: Vec<String>,
    /// Why the far end is gone, once it is, and what the other party should be told.
    gone: Option<Box<(String, Reason)>>,
}

impl CallLeg {
    /// A leg for an invitation; its offer is answered in advance so that a call without a common codec rings nowhere.
    pub(crate) fn new(
        shared: Arc<Shared>,
        owner: Owner,
        session: Session,
        media: MediaEnd,
        mut table: Table,
        offer: Option<&Body>,
    ) -> Result<CallLeg, (Session, Refusal)> {
        let terms = match offer.map(|offer| table.answer(offer)) {
            Some(Ok((answer, _))) => Terms::Agreed { answer },
            Some(Err(refusal)) => return Err((session, refusal)),
            None => Terms::Late { waiting: None },
        };
        Ok(CallLeg::with(shared, owner, session, media, table, terms))
    }

    fn with(
        shared: Arc<Shared>,
        owner: Owner,
        session: Session,
        media: MediaEnd,
        table: Table,
        terms: Terms,
    ) -> CallLeg {
        CallLeg {
            player: Player::new(shared.clone(), owner.leg, owner.mail.clone()),
            shared,
            owner,
            trusted: false,
            proved: false,
            owned: None,
            session,
            media,
            table,
            terms,
            keypad: Keypad::default(),
            pressed: None,
            informing: None,
            own: Own::Nothing,
            asked: Vec::new(),
            pending: Vec::new(),
            after_recording: None,
            fleeting: Vec::new(),
            loudness: (false, 1.0),
            silence: Silence::Unknown,
            flow: None,
            pass: None,
            attending: None,
            partner: None,
            outbox: VecDeque::new(),
            call_id: String::new(),
            sent_to: Vec::new(),
            gone: None,
        }
    }

    /// Counts among the calls of a trunk as long as it lives.
    pub(crate) fn carry(&mut self, pass: Pass) {
        self.pass = Some(pass);
    }

    /// Our address as the far end sees it, once it is known how that is reached.
    pub(crate) fn local(&self) -> Option<std::net::IpAddr> {
        self.flow.map(|flow| flow.local.ip())
    }

    /// The far end is reached by this flow.
    pub(crate) fn at(&mut self, flow: sip::Flow) {
        self.flow = Some(flow);
    }

    /// Whether the far end is reached by this flow.
    pub(crate) fn is_at(&self, flow: sip::Flow) -> bool {
        self.flow == Some(flow)
    }

    pub(crate) fn key(&self) -> LegKey {
        self.owner.leg
    }

    pub(crate) fn mark(&self) -> Mark {
        self.owner.mark
    }

    /// The next thing to tell the call.
    pub(crate) fn poll_notice(&mut self) -> Option<Notice> {
        self.outbox.pop_front()
    }

    /// Nothing of the leg is left in SIP and media.
    pub(crate) fn is_finished(&self) -> bool {
        self.session.phase() == Phase::Over && self.media.is_gone()
    }

    /// Whether it takes part in the call: its end has not been told or asked for.
    pub(crate) fn is_up(&self) -> bool {
        self.gone.is_none() && !matches!(self.session.phase(), Phase::Leaving | Phase::Over)
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.session.phase() == Phase::Answered
    }

    /// Whether the leg has sound both in and out, or would have if it were not held.
    pub(crate) fn has_media(&self) -> bool {
        self.is_up() && self.media.leg().is_some()
    }

    /// Whether it is this media leg's.
    pub(crate) fn owns(&self, leg: media::LegId) -> bool {
        self.media.is_of(leg)
    }

    /// Whether the far end has put us on hold.
    pub(crate) fn holds(&self) -> bool {
        self.has_media() && self.media.is_held()
    }

    /// Why it is gone, in words for the other party.
    pub(crate) fn farewell(&self) -> Reason {
        self.gone.as_ref().map_or_else(Reason::normal, |gone| gone.1.clone())
    }

    /// When [`CallLeg::tick`] is to be called.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let again = self.media.owes().then_some(now + AGAIN);
        let informs = self.informing.as_ref().and_then(|informing| informing.poll_timeout());
        [again, informs, self.silence.poll_timeout()].into_iter().flatten().min()
    }

    /// Asks a worker again that was too busy; looks whether audio came back.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.media.settle();
        self.go_on_pressing(now);
        if self.silence.is_over(now, || self.media.packets_in()) {
            self.lost(now);
        }
    }

    fn note(&self, now: Instant, text: impl AsRef<str>) {
        self.owner.record.timeline.note(now, format!("{}{}", self.prefix(), text.as_ref()));
    }

    pub(super) fn note_media(&self, now: Instant, text: impl AsRef<str>) {
        self.owner.record.timeline.media(now, format!("{}{}", self.prefix(), text.as_ref()));
    }

    fn prefix(&self) -> String {
        self.owner.record.marked(self.owner.mark)
    }

    fn lost(&mut self, now: Instant) {
        if self.silence.lost(self.expects_audio()) {
            self.note_media(now, "no RTP from the far end");
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

    /// Ends the leg from our side and tells the call that it is gone, if it does not know.
    pub(crate) fn cut(&mut self, cause: &str, status: u16) {
        self.session.leave(status, None, Reason::normal());
        self.depart(cause, Ender::Switch, Reason::normal());
    }

    /// Ends the leg from our side; nobody has to be told.
    pub(crate) fn leave(&mut self, status: u16, phrase: Option<String>, reason: Reason) {
        self.session.leave(status, phrase, reason);
        self.stop_sound();
    }

    fn depart(&mut self, cause: &str, by: Ender, reason: Reason) {
        self.stop_sound();
        if self.gone.is_none() {
            self.gone = Some(Box::new((cause.to_owned(), reason)));
            self.record_end(cause, by, None);
            self.tell(Tag::default(), LegEvent::Gone { cause: cause.to_owned() });
        }
    }

    fn stop_sound(&mut self) {
        self.unattend();
        self.forget_keys();
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
            SessionEvent::Info { content_type, body } => self.key_by_info(now, &content_type, &body),
            SessionEvent::Informed { status } => self.informed(now, status),
            SessionEvent::Began(session, call_id) => {
                self.record_call_id(&call_id, false);
                self.call_id = call_id;
                self.session.began(session);
            }
            SessionEvent::Reached(flow) => self.reached(flow),
            SessionEvent::Progressed { status, body, .. } => self.progressed(now, status, body),
            SessionEvent::Answered { body, .. } => self.call_answered(now, body),
            SessionEvent::Referred(refer) => self.outbox.push_back(Notice::Referred(refer)),
            // What nothing here asks for: our INVITEs have offers, we change and transfer nothing of our own.
            SessionEvent::Redirected { targets, .. } => self.redirected(targets),
            SessionEvent::Acknowledged(_)
            | SessionEvent::Changed { .. }
            | SessionEvent::ReferAnswered { .. }
            | SessionEvent::ReferProgress { .. } => {}
            SessionEvent::Ended(reason) => {
                let calling = self.session.phase() == Phase::Calling;
                let theirs = self.session.over();
                let (cause, words) = describe(&reason);
                match theirs {
                    true if calling => self.refused(now, &reason),
                    true => {
                        self.note(now, words);
                        self.depart(cause, Ender::FarEnd, passed_on(&reason));
                    }
                    false => {
                        self.record_end(cause, Ender::Switch, None);
                        self.stop_sound();
                    }
                }
            }
        }
    }

    fn adopt(&mut self, now: Instant, agreement: &Agreement) -> Result<(), Refusal> {
        if self.media.leg().is_none() {
            let beside = self.owner.record.any_media();
            self.media.adopt(&self.tuned(&agreement.setup), beside)?;
            self.settle_loudness();
            self.note_media(now, &agreement.words);
            let words = agreement.words.clone();
            self.owner.record.write_leg(self.mark(), |leg| leg.media = Some(words));
            self.owner.record.set_media(self.mark(), self.media.leg());
            self.outbox.push_back(Notice::Media);
            self.begin_recordings();
        }
        Ok(())
    }

    /// As the offer that came and our answer to it have it.
    fn adopt_agreed(&mut self, now: Instant) -> Result<(), Refusal> {
        let none = || Refusal::NoCommonCodec("nothing was agreed on".to_owned());
        let agreement = self.table.agreed().cloned().ok_or_else(none)?;
        self.adopt(now, &agreement)
    }

    fn answered(&mut self, now: Instant, tag: Tag) {
        self.expect_audio(now);
        self.record_answer();
        self.begin_recordings();
        self.tell(tag, LegEvent::Answered);
    }
}

impl std::fmt::Debug for CallLeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallLeg")
            .field("key", &self.key())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
