//! The book of calls: those that live, and the last thousand that do not.
//!
//! Holds what others may look at. A call's own state is in its task; the record here is what that task writes down.

mod recording;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use flow::trace::Entry;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

pub use self::recording::{RecordingState, RecordingView};
use crate::call::{CallId, Mail, Mark, Order, Timeline};
use crate::events::wall_clock;
use crate::origination::Direction;

/// Finished calls that can still be looked up.
const FINISHED: usize = 1_000;
/// Entries of their timelines in all, some 150 bytes each; talkative calls push older ones out earlier.
const ENTRIES: usize = 400_000;

/// Where a call stands.
#[derive(Clone, Debug, PartialEq)]
pub enum CallState {
    /// The flow has not answered it yet.
    Ringing,
    /// Unanswered, with early media.
    Early,
    /// Answered.
    Answered,
    /// Over.
    Ended {
        /// Why.
        cause: String,
        /// `caller`, `callee`, `flow` or `server`.
        by: String,
    },
}

/// Where a leg stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegState {
    /// Placed or come, and nothing more.
    Calling,
    /// It rings there.
    Ringing,
    /// Unanswered, with early media.
    Early,
    /// Answered.
    Answered,
    /// Over.
    Ended {
        /// Why.
        cause: String,
        /// Who ended it.
        by: Ender,
        /// The final status of a leg that was not answered, if there was one.
        status: Option<u16>,
    },
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// The phone or carrier.
    FarEnd,
    /// We, because the flow or another party wanted it, or something failed.
    Switch,
}

impl Ender {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Ender::FarEnd => "far_end",
            Ender::Switch => "switch",
        }
    }
}

impl LegState {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            LegState::Calling => "calling",
            LegState::Ringing => "ringing",
            LegState::Early => "early",
            LegState::Answered => "answered",
            LegState::Ended { .. } => "ended",
        }
    }
}

/// One party of a call, as others see it.
#[derive(Clone, Debug)]
pub struct LegView {
    /// `A` for the one who called, then `B`, `C` and so on; in the timeline, too.
    pub name: String,
    /// Who it is: the URI of the one who called, or what was dialled.
    pub party: String,
    /// The trunk by which it came, or was called.
    pub trunk: Option<String>,
    /// When it came, or was called.
    pub began: Timestamp,
    /// Where it stands.
    pub state: LegState,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The media path in words.
    pub media: Option<String>,
    /// How its audio went: now, or in the end.
    pub quality: Option<Quality>,
}

/// How a party's audio went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// How it was heard here: 1 (bad) to 4.5, by the E-model.
    pub mos: f32,
    /// How it heard us, as far as it told.
    pub remote_mos: Option<f32>,
    /// Packets of it that never came.
    pub lost: i64,
    /// Interarrival jitter, in milliseconds.
    pub jitter_ms: f32,
    /// The share of what was heard that was made up for losses, 0 to 1; `None` if nothing listened.
    pub concealed: Option<f32>,
}

impl Quality {
    /// `None` if it was never heard.
    pub(crate) fn of(report: &media::LegReport) -> Option<Quality> {
        Some(Quality {
            mos: report.mos?,
            remote_mos: report.remote_mos,
            lost: report.lost,
            jitter_ms: report.jitter_ms,
            concealed: report.concealed,
        })
    }
}

impl LegView {
    pub(crate) fn new(mark: Mark, party: String) -> LegView {
        let (name, began, state) = (mark.to_string(), wall_clock(), LegState::Calling);
        let (answered, ended, trunk) = (None, None, None);
        LegView { name, party, trunk, began, state, answered, ended, media: None, quality: None }
    }
}

/// A call as others see it.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its name.
    pub id: CallId,
    /// Who began it.
    pub direction: Direction,
    /// The call whose flow began it.
    pub master: Option<CallId>,
    /// Who calls, as the INVITE has it; of one that we began, who its callee sees.
    pub caller: String,
    /// The number called.
    pub called: String,
    /// The user that authenticated, if any.
    pub user: Option<String>,
    /// The SIP Call-ID.
    pub sip_call_id: String,
    /// The flow document.
    pub flow: Option<String>,
    /// Where it stands.
    pub state: CallState,
    /// Whether its flow waits to be let go on.
    pub blocked: bool,
    /// When it arrived.
    pub started: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The caller's media path in words: `PCMU 20ms → 192.0.2.1:4000 · telephone-event 101`.
    pub media: Option<String>,
    /// Its parties in the order in which they came, the caller first.
    pub legs: Vec<LegView>,
    /// Its recordings, in the order in which they began.
    pub recordings: Vec<RecordingView>,
    /// Its timeline.
    pub trace: Vec<Entry>,
}

/// What a call's task writes down for others.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: CallId,
    pub(crate) timeline: Timeline,
    about: Mutex<CallView>,
    /// The media legs while they live, to ask the engine about them.
    media: Mutex<Vec<(Mark, media::LegId)>>,
    /// Parties so far.
    parties: AtomicU8,
    /// Recordings so far.
    recordings: AtomicU32,
    mail: mpsc::Sender<Box<Mail>>,
}

impl Record {
    /// `about` carries no trace; the timeline is it.
    pub(crate) fn new(about: CallView, timeline: Timeline, mail: mpsc::Sender<Box<Mail>>) -> Record {
        let parties = AtomicU8::new(about.legs.len() as u8);
        let recordings = AtomicU32::new(0);
        let (id, about, media) = (about.id, Mutex::new(about), Mutex::default());
        Record { id, timeline, about, media, parties, recordings, mail }
    }

    /// Changes what is written down.
    pub(crate) fn write(&self, change: impl FnOnce(&mut CallView)) {
        change(&mut crate::lock(&self.about));
    }

    /// The way to the call.
    pub(crate) fn mail(&self) -> &mpsc::Sender<Box<Mail>> {
        &self.mail
    }

    /// A new party, and its mark.
    pub(crate) fn add_leg(&self, party: String) -> Mark {
        let mut about = crate::lock(&self.about);
        let mark = Mark(about.legs.len().min(254) as u8);
        about.legs.push(LegView::new(mark, party));
        self.parties.store(mark.0 + 1, Ordering::Relaxed);
        mark
    }

    /// Who a party is.
    pub(crate) fn party(&self, mark: Mark) -> String {
        let about = crate::lock(&self.about);
        about.legs.get(usize::from(mark.0)).map(|leg| leg.party.clone()).unwrap_or_default()
    }

    /// Changes what is written down about a party.
    pub(crate) fn write_leg(&self, mark: Mark, change: impl FnOnce(&mut LegView)) {
        if let Some(leg) = crate::lock(&self.about).legs.get_mut(usize::from(mark.0)) {
            change(leg);
        }
    }

    /// Whether we began the call.
    pub(crate) fn is_outbound(&self) -> bool {
        crate::lock(&self.about).direction == Direction::Outbound
    }

    /// What stands before a party's lines in the timeline; nothing as long as there is only one.
    pub(crate) fn marked(&self, mark: Mark) -> String {
        match self.parties.load(Ordering::Relaxed) {
            0 | 1 => String::new(),
            _ => format!("{mark} "),
        }
    }

    pub(crate) fn set_media(&self, mark: Mark, leg: Option<media::LegId>) {
        let mut media = crate::lock(&self.media);
        media.retain(|(of, _)| *of != mark);
        media.extend(leg.map(|leg| (mark, leg)));
    }

    /// A media leg of the call, if it has any.
    pub(crate) fn any_media(&self) -> Option<media::LegId> {
        crate::lock(&self.media).first().map(|(_, leg)| *leg)
    }

    /// Whether a user is the caller, or a party who answered, and is still there.
    fn engages(&self, user: &str) -> bool {
        let about = crate::lock(&self.about);
        let is_there = |leg: &LegView| leg.ended.is_none();
        let said = about.caller.split_once(':').and_then(|(_, rest)| rest.split('@').next());
        let is_user = about.user.as_deref().or(said) == Some(user);
        let calls = is_user && about.legs.first().is_some_and(is_there);
        let talks = |leg: &LegView| leg.party == user && leg.state == LegState::Answered && is_there(leg);
        calls || about.legs.iter().any(talks)
    }

    /// The call as others see it; living legs describe themselves.
    pub(crate) fn view(&self, engine: &media::Engine) -> CallView {
        let mut view = crate::lock(&self.about).clone();
        view.trace = self.timeline.entries();
        for (mark, leg_id) in crate::lock(&self.media).iter() {
            let live = engine.describe(*leg_id);
            if let (Some(live), Some(leg)) = (live, view.legs.get_mut(usize::from(mark.0))) {
                leg.quality = engine.report(*leg_id).as_ref().and_then(Quality::of);
                leg.media = Some(match leg.media.take() {
                    Some(agreed) => format!("{agreed} · {live}"),
                    None => live,
                });
            }
        }
        view.media = own_media(&view);
        view
    }

    /// As [`Record::view`], without the trace.
    pub(crate) fn summary(&self) -> CallView {
        let mut view = crate::lock(&self.about).clone();
        view.media = own_media(&view);
        view
    }
}

/// The media of the one who called, or of the first who answered where we called.
fn own_media(view: &CallView) -> Option<String> {
    match view.direction {
        Direction::Inbound => view.legs.first().and_then(|leg| leg.media.clone()),
        Direction::Outbound => view.legs.iter().find_map(|leg| leg.media.clone()),
    }
}

/// All records.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
    /// Rings whenever a call leaves the living.
    left: Notify,
}

#[derive(Debug, Default)]
struct Pages {
    living: HashMap<CallId, Arc<Record>>,
    finished: HashMap<CallId, Arc<Record>>,
    /// The finished in the order of their ends.
    order: VecDeque<CallId>,
    /// Entries of the finished calls' timelines, as many as they had when they finished.
    entries: usize,
}

impl Book {
    /// A name that no call in the book has.
    pub(crate) fn fresh_id(&self) -> CallId {
        let pages = crate::lock(&self.pages);
        loop {
            let id = CallId::random();
            if !pages.living.contains_key(&id) && !pages.finished.contains_key(&id) {
                return id;
            }
        }
    }

    pub(crate) fn open(&self, record: Arc<Record>) {
        crate::lock(&self.pages).living.insert(record.id, record);
    }

    /// Moves a call from the living to the finished.
    pub(crate) fn close(&self, id: CallId) {
        let mut pages = crate::lock(&self.pages);
        if let Some(record) = pages.living.remove(&id) {
            pages.entries += record.timeline.finish();
            pages.finished.insert(id, record);
            pages.order.push_back(id);
            while pages.order.len() > FINISHED || (pages.entries > ENTRIES && pages.order.len() > 1) {
                let Some(oldest) = pages.order.pop_front() else { break };
                let record = pages.finished.remove(&oldest);
                pages.entries -= record.map_or(0, |record| record.timeline.finish());
            }
        }
        drop(pages);
        self.left.notify_waiters();
    }

    pub(crate) fn living(&self) -> usize {
        crate::lock(&self.pages).living.len()
    }

    /// Whether a user talks or calls in another call than this one.
    pub(crate) fn engages(&self, user: &str, but: CallId) -> bool {
        let talks = |record: &Arc<Record>| record.id != but && record.engages(user);
        crate::lock(&self.pages).living.values().any(talks)
    }

    /// Living calls, oldest first, without traces.
    pub(crate) fn calls(&self) -> Vec<CallView> {
        let mut calls: Vec<_> =
            crate::lock(&self.pages).living.values().map(|record| record.summary()).collect();
        calls.sort_by_key(|call| call.started);
        calls
    }

    /// Finished calls, newest first, without traces.
    pub(crate) fn recent(&self) -> Vec<CallView> {
        let pages = crate::lock(&self.pages);
        let records = pages.order.iter().rev().filter_map(|id| pages.finished.get(id));
        records.map(|record| record.summary()).collect()
    }

    /// One call, living or finished.
    pub(crate) fn view(&self, id: CallId, engine: &media::Engine) -> Option<CallView> {
        self.record(id).map(|record| record.view(engine))
    }

    /// The page of a call, living or finished.
    pub(crate) fn record(&self, id: CallId) -> Option<Arc<Record>> {
        let pages = crate::lock(&self.pages);
        pages.living.get(&id).or_else(|| pages.finished.get(&id)).cloned()
    }

    /// Tells a living call to do something; whether there was such a call.
    pub(crate) fn order(&self, id: CallId, order: Order) -> bool {
        let mail = crate::lock(&self.pages).living.get(&id).map(|record| record.mail.clone());
        mail.is_some_and(|mail| crate::call::post(&mail, Mail::Order(order)))
    }

    /// Tells every living call.
    pub(crate) fn order_all(&self, order: &Order) {
        let mails: Vec<_> =
            crate::lock(&self.pages).living.values().map(|record| record.mail.clone()).collect();
        for mail in mails {
            crate::call::post(&mail, Mail::Order(order.clone()));
        }
    }

    /// Returns when no call lives.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Armed before the question, so that a call that leaves in between is not missed.
            left.as_mut().enable();
            if self.living() == 0 {
                return;
            }
            left.await;
        }
    }
}
