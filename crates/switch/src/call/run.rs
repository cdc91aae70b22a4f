//! A call's task: one select, one match.
//!
//! Each letter goes to the part it is for; then whatever the parts have to say to each other is passed around until all
//! are quiet. The task ends when nothing of the call is left: no SIP session, no leg, no flow, no request of the flow.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::End;
use flow::engine::{Effect, Input, Machine};
use flow::ir::{AfterBridge, Side};
use flow::leg::{DialOutcome, Leg, LegCommand, LegEvent, Tag};
use flow::trace::What;
use sip::Reason;
use tokio::sync::mpsc;

use super::bridge::Bridge;
use super::caller::Caller;
use super::dial::Dial;
use super::ending;
use super::feature::Running;
use super::hold::Held;
use super::leg::{CallLeg, Notice};
use super::listen::Overheard;
use super::outset::Outset;
use super::told::Request;
use super::transfer::{Moved, News, Origin, Transfer};
use super::{CallId, LegKey, Mail};
use crate::book::Record;
use crate::journal::Journal;
use crate::lines::Listing;
use crate::shared::Shared;

/// A call that is over holds on for its last requests and its BYE, but not longer: the longest request with a retry.
const LINGER: Duration = Duration::from_secs(250);

/// A flow that does nothing after the other party left but hang up, within this, hangs up because of that.
const CLOSING: Duration = Duration::from_secs(5);

/// Between two looks at calls that legs went to.
const LOOK: Duration = Duration::from_secs(1);

/// A call that runs.
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) record: Arc<Record>,
    pub(super) mail: mpsc::Sender<Box<Mail>>,
    /// The parties, in the order in which they came.
    pub(super) legs: Vec<CallLeg>,
    /// The one that the flow runs on.
    pub(super) subject: Option<LegKey>,
    /// What the flow waits for before it has a leg.
    pub(super) outset: Outset,
    /// Calls that this one began and that end with it.
    pub(super) chained: Vec<CallId>,
    pub(super) caller: Caller,
    /// What the flow dials.
    pub(super) dial: Option<Box<Dial>>,
    /// What takes time of what the flow asks for beyond its own leg.
    pub(super) doing: Vec<Running>,
    /// The status that the last dialling came to.
    pub(super) last_dialled: Option<u16>,
    /// Who hears whom.
    pub(super) bridge: Option<Bridge>,
    /// Those two are kept apart by a flow, one of them on hold.
    pub(super) held: Option<Held>,
    /// The class of the music on hold, as the flow has said last.
    pub(super) music: Option<String>,
    /// What becomes of the subject when the next conversation is over.
    pub(super) after: Option<AfterBridge<String>>,
    /// The room where they meet as long as somebody listens.
    pub(super) overheard: Option<Box<Overheard>>,
    /// The other party left at this moment, for this reason.
    pub(super) left: Option<(Instant, Reason)>,
    /// A party that is being transferred, or was.
    pub(super) transfer: Option<Box<Transfer>>,
    /// Where the subject came from, as long as it may have to go back there.
    pub(super) origin: Option<Origin>,
    /// The user who sent the subject here, and is called back if it waits in a slot for too long.
    pub(super) parker: Option<Arc<str>>,
    /// What others see of the legs.
    pub(super) listing: Listing,
    /// Legs that went to other calls, as long as letters about them may come.
    pub(super) moved: Vec<Moved>,
    pub(super) machine: Machine,
    /// The star codes of the phones of subject and other party, as the flow was told; boxed, since few have some.
    pub(super) codes: Option<Box<[Option<Arc<store::Document>>; 2]>>,
    /// What the flow is told, written down.
    pub(super) journal: Option<Journal>,
    /// The call may last until then.
    pub(super) last: Instant,
    /// Requests of the flow on their way.
    pub(super) requests: HashMap<Tag, Request>,
    /// How it ended, first reason first.
    pub(super) end: Option<End>,
    /// When it ended.
    pub(super) ended: Option<Instant>,
}

impl Call {
    /// Runs to the end.
    pub(super) async fn run(mut self: Box<Self>, mut mailbox: mpsc::Receiver<Box<Mail>>) {
        let now = Instant::now();
        self.set_out(now);
        self.settle(now);
        while !self.is_finished(Instant::now()) {
            let due = self.due(Instant::now());
            let mut letter = tokio::select! {
                letter = mailbox.recv() => letter,
                () = tokio::time::sleep_until(due.into()) => None,
            };
            let now = Instant::now();
            loop {
                match letter.map(|letter| *letter) {
                    Some(letter @ (Mail::Sip(..) | Mail::Media(_) | Mail::Prompts { .. })) => {
                        self.hand_on(now, letter);
                    }
                    Some(Mail::Room(key, news)) => {
                        if let Some(leg) = self.leg_mut(key) {
                            leg.room_news(now, news);
                        }
                    }
                    Some(Mail::Leg(arrival)) => self.arrived(now, *arrival),
                    Some(Mail::Hearing(key, hearing)) => self.hearing(now, key, hearing),
                    Some(Mail::Transfer(key, news)) => self.transfer_news(now, key, news),
                    Some(Mail::Found { by, found }) => self.dialog_found(now, by, found),
                    Some(Mail::Moved(key)) => self.moved.retain(|moved| moved.key != key),
                    Some(Mail::Replacing(replacing)) => self.replacing(now, *replacing),
                    Some(Mail::Contacts { tag, user, ways }) => self.contacts(now, tag, &user, ways),
                    Some(Mail::Kept(tag, kept)) => self.kept(now, tag, kept),
                    Some(Mail::Http(tag, result)) => self.replied(now, tag, result),
                    Some(Mail::Order(order)) => self.ordered(now, order),
                    Some(Mail::Control(control)) => self.controlled(now, control),
                    None => self.time(now),
                }
                self.settle(now);
                match mailbox.try_recv() {
                    Ok(next) => letter = Some(next),
                    Err(_) => break,
                }
            }
        }
        self.close(Instant::now());
    }

    /// The next moment at which something is to be done unasked.
    fn due(&self, now: Instant) -> Instant {
        let limit = match self.ended {
            None => self.last,
            Some(ended) => ended + LINGER,
        };
        let dial = self.dial.as_ref().and_then(|dial| dial.poll_timeout());
        let bridge = self.bridge.as_ref().and_then(Bridge::poll_timeout);
        // Nobody tells when the call is over that a leg went to.
        let limit = if self.moved.is_empty() { limit } else { limit.min(now + LOOK) };
        let transfer = self.transfer.as_ref().and_then(|transfer| transfer.poll_timeout());
        let legs = self.legs.iter().filter_map(|leg| leg.poll_timeout(now));
        [self.machine.poll_timeout(), dial, bridge, transfer, self.feature_due()]
            .into_iter()
            .flatten()
            .chain(legs)
            .fold(limit, Instant::min)
    }

    /// Takes a letter to the leg it is for.
    fn hand_on(&mut self, now: Instant, letter: Mail) {
        match letter {
            Mail::Sip(key, event) => match self.leg_mut(key) {
                Some(leg) => leg.session_event(now, event),
                None => self.forward(|moved| moved.key == key, Mail::Sip(key, event)),
            },
            Mail::Media(event) => {
                let id = super::addresses::leg_of(&event);
                match self.legs.iter_mut().find(|leg| id.is_some_and(|id| leg.owns(id))) {
                    Some(leg) => leg.media_event(now, event),
                    None => self.forward(|moved| moved.media == id, Mail::Media(event)),
                }
            }
            // What was made ready for a leg that has moved is of no use there.
            Mail::Prompts { leg: key, errand, result } => {
                if let Some(leg) = self.leg_mut(key) {
                    leg.prompts_ready(errand, result);
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, now: Instant) {
        self.legs.iter_mut().for_each(|leg| leg.tick(now));
        self.bridge_time(now);
        self.dial_time(now);
        self.transfer_time(now);
        self.feature_time(now);
        if self.machine.poll_timeout().is_some_and(|due| due <= now) {
            self.tell(now, Input::Timeout);
        }
        if self.ended.is_none() && self.last <= now {
            self.cut(now, "longest duration reached");
        }
    }

    pub(super) fn cut(&mut self, now: Instant, cause: &str) {
        self.ending(cause, "server");
        // Nobody stays.
        self.drop_features(now);
        match self.subject.and_then(|key| self.leg_mut(key)) {
            // The others go with it.
            Some(leg) if leg.is_up() => leg.cut(cause, 480),
            _ => self.subject_gone(now, cause, &Reason::normal()),
        }
    }

    /// Ends every leg from our side.
    pub(super) fn leave_all(&mut self, reason: &Reason) {
        self.part();
        for leg in &mut self.legs {
            leg.leave(480, None, reason.clone());
        }
    }

    /// Passes what leg and machine say to each other around until both are quiet.
    fn settle(&mut self, now: Instant) {
        loop {
            let notice = self.legs.iter_mut().find_map(|leg| Some((leg.key(), leg.poll_notice()?)));
            if let Some((key, notice)) = notice {
                self.noticed(now, key, notice);
            } else if let Some(effect) = self.machine.poll_effect() {
                self.obey(now, effect);
            } else {
                self.legs.retain(|leg| !leg.is_finished());
                self.list();
                if let Some(journal) = &mut self.journal {
                    journal.settled(&self.machine);
                }
                return;
            }
        }
    }

    /// A leg has something to say.
    fn noticed(&mut self, now: Instant, key: LegKey, notice: Notice) {
        let is_subject = self.subject == Some(key);
        if let Notice::Flow(_, LegEvent::Digit(digit)) = &notice {
            self.begin_key(now, key, *digit);
        }
        match notice {
            Notice::Flow(_, event) if self.screened(now, key, &event) => {}
            Notice::Flow(tag, event) if self.announced(now, key, tag, &event) => {}
            Notice::Flow(_, LegEvent::Gone { cause }) => self.gone(now, key, cause),
            Notice::Flow(tag, event) if self.asked(now, key, tag, &event) => {}
            Notice::Flow(_, LegEvent::Digit(digit)) if self.listener_pressed(now, key, digit) => {}
            Notice::Flow(tag, event) if self.feature_heard(now, key, tag, &event) => {}
            // While its caller talks to somebody, a flow hears both for the sake of star codes.
            Notice::Flow(_, LegEvent::Digit(digit)) if self.talks(key) && !is_subject => {
                if self.bridge.as_ref().and_then(|bridge| bridge.partner(key)) == self.subject {
                    self.tell(now, Input::Leg(Tag::default(), LegEvent::PeerDigit(digit)));
                }
            }
            Notice::Flow(tag, event) if is_subject => {
                if self.outset_heard(now, tag, &event) || self.directory_heard(now, tag, &event) {
                    return;
                }
                self.heard(now, &event);
                if matches!(event, LegEvent::Played { .. }) {
                    self.sync_hold();
                }
                self.tell(now, Input::Leg(tag, event));
            }
            // What was recorded of one who has left his place to another.
            Notice::Flow(tag, event @ LegEvent::Recorded { .. }) => self.tell(now, Input::Leg(tag, event)),
            Notice::Flow(..) => {}
            Notice::Progress { media } => self.fork_progress(now, key, media),
            Notice::Arrives => self.early_comes(now, key),
            Notice::Signal(signal) => self.signalled(now, key, signal),
            Notice::Answered if self.page_answered(now, key) => {}
            Notice::Refused { .. } if self.page_left(now, key) => {}
            Notice::Answered => self.fork_answered(now, key),
            Notice::Refused { status } => self.fork_refused(now, key, status),
            Notice::Media => {
                self.take_seat(now, key);
                self.page_media(now, key);
                self.join(now);
                self.sync_hold();
            }
            Notice::Referred(refer) => self.referred(now, key, &refer),
            Notice::Key(digit, way, length) => self.key(now, key, digit, way, length),
        }
    }

    /// The one that the flow runs on is gone, and with it all others.
    pub(super) fn subject_gone(&mut self, now: Instant, cause: &str, reason: &Reason) {
        self.dial = None;
        self.outset_gone();
        self.drop_features(now);
        self.leave_all(reason);
        let event = LegEvent::Gone { cause: cause.to_owned() };
        self.heard(now, &event);
        self.tell(now, Input::Leg(Tag::default(), event));
    }

    /// A party is gone.
    fn gone(&mut self, now: Instant, key: LegKey, cause: String) {
        let reason = self.leg(key).map_or_else(Reason::normal, CallLeg::farewell);
        self.hears_no_more(now, key);
        if self.consult_left(now, key) || self.subject != Some(key) && self.feature_gone(now, key) {
            return;
        }
        if self.transfer.as_ref().is_some_and(|transfer| transfer.by == key) {
            // It has no part in what comes of the transfer.
            self.transferred(now);
        } else if self.subject == Some(key) {
            if let Some(origin) = self.origin.take() {
                origin.tell(News::Lost);
            }
            self.subject_gone(now, &cause, &reason);
        } else if self.dial.as_ref().and_then(|dial| dial.winner()) == Some(key) {
            self.left = Some((now, reason));
            self.dialled(now, DialOutcome::Answered, 200);
        }
    }

    fn heard(&mut self, now: Instant, event: &LegEvent) {
        if let LegEvent::Gone { cause } = event {
            let party = if self.record.is_outbound() { "callee" } else { "caller" };
            let by = if matches!(cause.as_str(), "hangup" | "cancelled") { party } else { "server" };
            self.ending(cause, by);
            self.over(now);
        }
        // A flow that is over does not write down what it still hears.
        if let LegEvent::Recorded { id, duration } = event
            && self.machine.is_over()
        {
            let (id, duration_ms) = (id.clone(), duration.as_millis() as u64);
            self.record.timeline.add(now, What::Recorded { id, duration_ms });
        }
    }

    fn obey(&mut self, now: Instant, effect: Effect) {
        match effect {
            Effect::Leg(tag, command) => {
                self.command(now, tag, command);
            }
            Effect::Http(tag, request) => {
                self.left = None;
                self.request(now, tag, request);
            }
            Effect::Document(tag, id) => {
                let flows = self.shared.flows.load();
                let document = flows.document(&id).filter(|document| document.broken.is_none());
                let input = Input::Document(tag, document.as_ref().map(|document| self.forced(document)));
                self.journal(now, &input, document.as_ref());
                self.machine.handle(now, input);
            }
            // The call writes its own last line: it also knows of ends that the flow did not see.
            Effect::Trace(What::Ended { .. }) => {}
            Effect::Trace(what) => self.record.timeline.add(now, what),
            Effect::Ended(end) => {
                self.give_back(now);
                self.ending(&end.cause, &end.by);
                self.over(now);
                self.outset_gone();
                self.leave_all(&Reason::normal());
            }
        }
    }

    pub(super) fn command(&mut self, now: Instant, tag: Tag, command: LegCommand) {
        let Some(command) = self.postponed(now, tag, command) else { return };
        self.goes_on(&command);
        match command {
            LegCommand::Dial(dial) => {
                if let Some(caller) = self.subject {
                    self.dial(now, tag, caller, *dial);
                }
            }
            LegCommand::Feature(feature) => self.feature(now, tag, Side::Own, *feature),
            LegCommand::Stop(started) if self.stop_feature(now, started) => {}
            LegCommand::Stop(started) if self.stop_dial(now, started) => {}
            LegCommand::Hangup { status, phrase, cause } => self.hang_up(now, status, phrase, &cause),
            command => {
                if let Some(leg) = self.subject.and_then(|key| self.leg_mut(key)) {
                    leg.perform(now, tag, command);
                }
            }
        }
    }

    /// The flow hangs up. If it does so because the other party left, that is how the call ended.
    fn hang_up(&mut self, now: Instant, status: u16, phrase: Option<String>, cause: &str) {
        if self.give_back(now) {
            return;
        }
        let reason = match self.left.take() {
            // A moment passes while recordings are closed.
            Some((at, reason)) if now <= at + CLOSING => {
                self.ending("hangup", "callee");
                reason
            }
            _ => {
                self.ending(cause, "flow");
                Reason::normal()
            }
        };
        self.record.timeline.note(now, format!("the flow hangs up: {cause}"));
        self.outset_gone();
        if let Some(leg) = self.subject.and_then(|key| self.leg_mut(key)) {
            leg.leave(status, phrase, reason.clone());
        }
        self.leave_all(&reason);
    }

    /// Notes how the call ended; the first word counts.
    pub(super) fn ending(&mut self, cause: &str, by: &str) {
        self.record.timeline.ending();
        self.end.get_or_insert_with(|| End { cause: cause.to_owned(), by: by.to_owned() });
    }

    /// No letter can come that would have to go to another call.
    fn is_settled(&self) -> bool {
        self.moved.iter().all(|moved| moved.is_over())
    }

    fn is_finished(&self, now: Instant) -> bool {
        let quiet =
            self.legs.is_empty() && self.is_settled() && self.flow_is_over() && self.requests.is_empty();
        quiet || self.ended.is_some_and(|ended| ended + LINGER <= now)
    }

    fn close(&mut self, now: Instant) {
        if !self.legs.is_empty() || !self.flow_is_over() {
            // Never seen; counted so that it would be.
            metrics::counter!("offhook_calls_abandoned_total").increment(1);
            tracing::error!("a call did not come to its end by itself");
        }
        let end = self.end.take().unwrap_or_else(|| End { cause: "normal".into(), by: "flow".into() });
        ending::close(&self.shared, &self.record, now, end);
    }
}

/// Waits; for tasks that belong to calls and have no clock of their own.
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The monotonic clock, for the beginning of a refused call's wait.
pub(super) fn now() -> Instant {
    Instant::now()
}
