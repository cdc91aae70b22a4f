//! The transactions of an endpoint: found by key, or by id from their user and their timer.
//! Owns them and their deadlines; an ended one leaves nothing behind, and tests count that.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::{Key, Reaction, Role, TxEvent, TxId};
use crate::config::Timers;
use crate::event::{SessionId, Summary};
use crate::flow::{Flow, Hop};
use crate::message::{Known, Message};
use crate::random::Seeded;
use crate::timer::{Owner, Schedule, Timer};
use crate::way::WayId;

/// A transaction and what it serves.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) role: Role,
    /// Where its bytes go.
    pub(crate) flow: Flow,
    /// The request that made it: ours for good, because ACK and CANCEL repeat parts of it;
    /// theirs until its final response, because nothing is written from it after that.
    pub(crate) request: Option<Arc<Message>>,
    pub(crate) session: Option<SessionId>,
    /// What waits for a stream and was not sent yet.
    pub(crate) held: Option<Box<Held>>,
    /// What it sent last, in short.
    pub(crate) summary: Summary,
    /// Our ACKs of a 2xx by the tag they answer, to be sent again when the 2xx comes again.
    pub(crate) acks: Vec<(String, bytes::Bytes, Flow)>,
    key: Key,
    merged: Option<Key>,
    due: Option<Instant>,
}

/// A request of ours that waits for a stream (RFC 3261 §18.1.1).
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) way: WayId,
    pub(crate) hop: Hop,
    pub(crate) method: Known,
    pub(crate) bytes: bytes::Bytes,
}

/// What a transaction is made of.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) key: Key,
    /// The key by which copies of its request are known (RFC 3261 §8.2.2.2).
    pub(crate) merged: Option<Key>,
    pub(crate) role: Role,
    pub(crate) flow: Flow,
    pub(crate) request: Arc<Message>,
    pub(crate) summary: Summary,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Transactions {
    /// Boxed, so that a table of a hundred thousand grows within a millisecond.
    all: HashMap<TxId, Box<Transaction>, Seeded>,
    by_key: HashMap<Key, TxId, Seeded>,
    /// By where their bytes go: a way that breaks is no reason to look at all of them.
    by_flow: BTreeSet<(Flow, TxId)>,
    last: u64,
}

impl Transactions {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Transactions {
            all: HashMap::with_hasher(hashes),
            by_key: HashMap::with_hasher(hashes),
            by_flow: BTreeSet::new(),
            last: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn find(&self, key: &Key) -> Option<TxId> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, id: TxId) -> Option<&Transaction> {
        self.all.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: TxId) -> Option<&mut Transaction> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    /// Adds one.
    pub(crate) fn add(&mut self, schedule: &mut Schedule, new: New) -> TxId {
        self.last += 1;
        let id = TxId(self.last);
        let New { key, merged, role, flow, request, summary } = new;
        self.by_key.insert(key.clone(), id);
        if let Some(merged) = &merged {
            self.by_key.insert(merged.clone(), id);
        }
        let mut transaction = Box::new(Transaction {
            role,
            flow,
            request: Some(request),
            session: summary.session,
            held: None,
            summary,
            acks: Vec::new(),
            key,
            merged,
            due: None,
        });
        let next = transaction.role.timers().next();
        schedule.shift(Owner::Transaction(id.0), &mut transaction.due, next);
        self.by_flow.insert((flow, id));
        self.all.insert(id, transaction);
        id
    }

    /// From now on a copy of its request is a new request.
    pub(crate) fn unmerge(&mut self, id: TxId) {
        if let Some(merged) = self.all.get_mut(&id).and_then(|t| t.merged.take())
            && self.by_key.get(&merged) == Some(&id)
        {
            self.by_key.remove(&merged);
        }
    }

    /// Tells one something. An ended one is dropped; what it wanted is still returned.
    pub(crate) fn step(
        &mut self,
        schedule: &mut Schedule,
        now: Instant,
        id: TxId,
        event: TxEvent,
        timers: &Timers,
    ) -> Option<Reaction> {
        let transaction = self.all.get_mut(&id)?;
        let reaction = transaction.role.step(now, event, timers);
        let next = transaction.role.timers().next();
        schedule.shift(Owner::Transaction(id.0), &mut transaction.due, next);
        Some(reaction)
    }

    /// Has a refused INVITE wait for its ACK no longer than until `end`.
    pub(crate) fn hasten(&mut self, schedule: &mut Schedule, id: TxId, end: Instant) {
        let Some(transaction) = self.all.get_mut(&id) else { return };
        if !matches!(transaction.role, Role::InviteServer(_)) {
            return;
        }
        transaction.role.timers().set(Timer::Timeout, end);
        let next = transaction.role.timers().next();
        schedule.shift(Owner::Transaction(id.0), &mut transaction.due, next);
    }

    /// The timer of this one that is due.
    pub(crate) fn take_due(&mut self, now: Instant, id: TxId) -> Option<Timer> {
        self.all.get_mut(&id)?.role.timers().take_due(now)
    }

    /// One that waited begins now, by this flow.
    pub(crate) fn restart(
        &mut self,
        schedule: &mut Schedule,
        id: TxId,
        role: Role,
        flow: Flow,
        request: Arc<Message>,
    ) {
        let Some(transaction) = self.all.get_mut(&id) else { return };
        transaction.role = role;
        transaction.request = Some(request);
        transaction.flow = flow;
        let next = transaction.role.timers().next();
        schedule.shift(Owner::Transaction(id.0), &mut transaction.due, next);
    }

    /// Drops one whatever its state.
    pub(crate) fn forget(&mut self, schedule: &mut Schedule, id: TxId) {
        if let Some(mut gone) = self.all.remove(&id) {
            schedule.shift(Owner::Transaction(id.0), &mut gone.due, None);
            self.by_flow.remove(&(gone.flow, id));
            for key in [Some(gone.key), gone.merged].into_iter().flatten() {
                // A later transaction may have taken the key over.
                if self.by_key.get(&key) == Some(&id) {
                    self.by_key.remove(&key);
                }
            }
        }
    }

    /// Drops it if it has ended.
    pub(crate) fn sweep(&mut self, schedule: &mut Schedule, id: TxId) {
        if self.all.get_mut(&id).is_some_and(|t| t.role.is_over()) {
            self.forget(schedule, id);
        }
    }

    /// The transactions that use a flow, in the order they were made.
    pub(crate) fn on_flow(&self, flow: &Flow) -> Vec<TxId> {
        let range = (*flow, TxId(0))..=(*flow, TxId(u64::MAX));
        self.by_flow.range(range).map(|(_, id)| *id).collect()
    }
}
