//! The book of calls: those that live, and the last thousand that do not.
//!
//! Holds what others may look at. A call's own state is in its task; the record here is what that task writes down.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use flow::trace::Entry;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::call::{CallId, Mail, Order, Timeline};

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
        /// `caller`, `flow` or `server`.
        by: String,
    },
}

/// A call as others see it.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its name.
    pub id: CallId,
    /// Who calls, as the INVITE has it.
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
    /// When it arrived.
    pub started: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The media path in words: `PCMU 20ms → 192.0.2.1:4000 · telephone-event 101`.
    pub media: Option<String>,
    /// Ids of its recordings.
    pub recordings: Vec<String>,
    /// Its timeline.
    pub trace: Vec<Entry>,
}

/// What a call's task writes down for others.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: CallId,
    pub(crate) timeline: Timeline,
    about: Mutex<CallView>,
    /// The media leg while it lives, to ask the engine about it.
    leg: Mutex<Option<media::LegId>>,
    mail: mpsc::Sender<Mail>,
}

impl Record {
    /// `about` carries no trace; the timeline is it.
    pub(crate) fn new(about: CallView, timeline: Timeline, mail: mpsc::Sender<Mail>) -> Record {
        Record { id: about.id, timeline, about: Mutex::new(about), leg: Mutex::new(None), mail }
    }

    /// Changes what is written down.
    pub(crate) fn write(&self, change: impl FnOnce(&mut CallView)) {
        change(&mut crate::lock(&self.about));
    }

    pub(crate) fn set_leg(&self, leg: Option<media::LegId>) {
        *crate::lock(&self.leg) = leg;
    }

    /// The call as others see it; a living leg describes itself.
    pub(crate) fn view(&self, engine: &media::Engine) -> CallView {
        let mut view = crate::lock(&self.about).clone();
        view.trace = self.timeline.entries();
        let leg = *crate::lock(&self.leg);
        if let Some(live) = leg.and_then(|leg| engine.describe(leg)) {
            view.media = Some(match view.media {
                Some(agreed) => format!("{agreed} · {live}"),
                None => live,
            });
        }
        view
    }

    /// As [`Record::view`], without the trace.
    pub(crate) fn summary(&self) -> CallView {
        crate::lock(&self.about).clone()
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
        let pages = crate::lock(&self.pages);
        let record = pages.living.get(&id).or_else(|| pages.finished.get(&id)).cloned();
        drop(pages);
        record.map(|record| record.view(engine))
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
