//! The book of calls: those that live, and the last thousand that do not.
//!
//! Holds what others may look at. A call's own state is in its task; the record here is what that task writes down.

mod recording;
mod view;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

pub use self::recording::{Pauses, RecordingState, RecordingView};
pub use self::view::{CallState, CallView, Ender, LegState, LegView, Quality};
use crate::call::{CallId, Control, Mail, Mark, Order, Timeline};
use crate::origination::Direction;

/// Finished calls that can still be looked up.
const FINISHED: usize = 1_000;
/// Entries of their timelines in all, some 150 bytes each; talkative calls push older ones out earlier.
const ENTRIES: usize = 400_000;

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

    /// The trunk by which a party is reached, if it is by one.
    pub(crate) fn trunk(&self, mark: Mark) -> Option<String> {
        crate::lock(&self.about).legs.get(usize::from(mark.0))?.trunk.clone()
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
        if let Some(leg) = leg {
            // Of most calls one: no room for four.
            media.reserve_exact(1);
            media.push((mark, leg));
        }
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
        self.send(id, Mail::Order(order))
    }

    /// Asks something of what a living call plays and records; whether there was such a call.
    pub(crate) fn control(&self, id: CallId, control: Control) -> bool {
        self.send(id, Mail::Control(control))
    }

    fn send(&self, id: CallId, letter: Mail) -> bool {
        let mail = crate::lock(&self.pages).living.get(&id).map(|record| record.mail.clone());
        mail.is_some_and(|mail| crate::call::post(&mail, letter))
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
