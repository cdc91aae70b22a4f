//! Subscriptions: who watches what, from SUBSCRIBE to the last NOTIFY. RFC 6665, our side as the notifier.
//! Owns the dialogs and their times; what is told in a NOTIFY is bytes, and the caller makes them.
//!
//! ```text
//!   SUBSCRIBE ──▶ Asked ── accept ──▶ Active ── SUBSCRIBE ──▶ Active (a NOTIFY is owed)
//!                   │ refuse            │ Expires: 0, expiry, end
//!                   ▼                   ▼
//!                 gone              Ending ── the last NOTIFY ──▶ gone
//! ```

mod ask;
mod notify;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::call::Party;
use crate::dialog::Dialog;
use crate::flow::Flow;
use crate::random::Seeded;
use crate::transaction::TxId;

/// The most subscriptions of one user: a console with 200 lamps has room.
const MOST: usize = 250;

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub(crate) u64);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscription-{:x}", self.0)
    }
}

/// What can be watched: the event packages we notify of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Package {
    /// A user's calls (RFC 4235): the lamps of desk phones.
    Dialog,
    /// A user's mailbox (RFC 3842).
    MessageSummary,
    /// Whether a user can be reached (RFC 3856).
    Presence,
}

impl Package {
    /// All of them, as Allow-Events lists them.
    pub(crate) const LIST: &'static str = "dialog, message-summary, presence";

    /// The name, as the Event header writes it.
    pub fn name(self) -> &'static str {
        match self {
            Package::Dialog => "dialog",
            Package::MessageSummary => "message-summary",
            Package::Presence => "presence",
        }
    }

    /// The media type of its state.
    pub fn media_type(self) -> &'static str {
        match self {
            Package::Dialog => "application/dialog-info+xml",
            Package::MessageSummary => "application/simple-message-summary",
            Package::Presence => "application/pidf+xml",
        }
    }

    /// The package of this name; names are compared as they stand (RFC 6665 §8.2.1).
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Package::Dialog, Package::MessageSummary, Package::Presence].into_iter().find(|p| p.name() == name)
    }
}

/// What a SUBSCRIBE asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscribeFacts {
    /// Who watches: the user that authenticated.
    pub watcher: String,
    /// Who is watched: the Request-URI.
    pub watched: Party,
    /// What of it.
    pub package: Package,
    /// For how long; zero asks for the state once.
    pub expires: Duration,
    /// Where the SUBSCRIBE came from.
    pub flow: Flow,
    /// The watcher's software.
    pub user_agent: Option<String>,
}

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsubscribed {
    /// The watcher unsubscribed, or asked for the state once only.
    Asked,
    /// It was not refreshed.
    Expired,
    /// We ended it.
    Ended,
    /// A NOTIFY was refused, or not answered (408).
    Failed {
        /// The status code.
        status: u16,
    },
    /// The way to the watcher broke.
    Lost,
}

/// What the watcher is told of the end of a subscription that we end (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Termination {
    /// Subscribe again at once.
    Deactivated,
    /// Do not subscribe again: you may not.
    Rejected,
    /// Do not subscribe again: there is no such thing any more.
    NoResource,
}

impl Termination {
    fn name(self) -> &'static str {
        match self {
            Termination::Deactivated => "deactivated",
            Termination::Rejected => "rejected",
            Termination::NoResource => "noresource",
        }
    }
}

/// There is no such subscription, or it is not in a stage for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such subscription any more")]
pub struct NoSubscription;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its SUBSCRIBE is not answered.
    Asked {
        transaction: TxId,
        seconds: u32,
    },
    Active,
    /// The next NOTIFY is the last, and says why.
    Ending {
        reason: &'static str,
        why: Unsubscribed,
    },
}

/// A subscription.
#[derive(Debug)]
struct Subscription {
    dialog: Dialog,
    package: Package,
    /// The `id` of its Event header, to be repeated.
    event_id: Option<String>,
    watcher: Arc<str>,
    /// The user part of our Contact.
    watched: String,
    stage: Stage,
    /// When it ends if it is not refreshed, or when the last NOTIFY goes out even without its body.
    ends: Instant,
    /// The NOTIFY that is not answered: the next one waits, and only the newest of those.
    sending: Option<TxId>,
    waiting: Option<Option<Body>>,
    due: Option<Instant>,
}

/// The subscriptions of an endpoint.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    all: HashMap<SubscriptionId, Subscription, Seeded>,
    /// Our tags are ours alone.
    by_tag: HashMap<String, SubscriptionId, Seeded>,
    by_transaction: HashMap<TxId, SubscriptionId, Seeded>,
    by_watcher: HashMap<Arc<str>, usize, Seeded>,
    /// Those over streams, to be found when one closes.
    streams: BTreeSet<(Flow, SubscriptionId)>,
    last: u64,
}

impl Subscriptions {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Subscriptions {
            all: HashMap::with_hasher(hashes),
            by_tag: HashMap::with_hasher(hashes),
            by_transaction: HashMap::with_hasher(hashes),
            by_watcher: HashMap::with_hasher(hashes),
            streams: BTreeSet::new(),
            last: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The subscription of a request in its dialog.
    pub(crate) fn find(&self, local_tag: &str, call_id: &str, remote_tag: &str) -> Option<SubscriptionId> {
        let id = *self.by_tag.get(local_tag)?;
        let dialog = &self.all.get(&id)?.dialog;
        (dialog.call_id == call_id && dialog.remote_tag == remote_tag).then_some(id)
    }

    /// The subscription whose NOTIFY this is.
    pub(crate) fn of_transaction(&self, id: TxId) -> Option<SubscriptionId> {
        self.by_transaction.get(&id).copied()
    }

    fn is_full(&self, watcher: &str) -> bool {
        self.by_watcher.get(watcher).is_some_and(|count| *count >= MOST)
    }

    fn add(&mut self, subscription: Subscription) -> SubscriptionId {
        self.last += 1;
        let id = SubscriptionId(self.last);
        self.by_tag.insert(subscription.dialog.local_tag.clone(), id);
        *self.by_watcher.entry(subscription.watcher.clone()).or_default() += 1;
        if subscription.dialog.flow.transport.is_reliable() {
            self.streams.insert((subscription.dialog.flow, id));
        }
        self.all.insert(id, subscription);
        id
    }

    /// The watcher's requests come over another flow from now on.
    fn moved(&mut self, id: SubscriptionId, from: Flow, to: Flow) {
        self.streams.remove(&(from, id));
        if to.transport.is_reliable() {
            self.streams.insert((to, id));
        }
    }

    fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let gone = self.all.remove(&id)?;
        self.by_tag.remove(&gone.dialog.local_tag);
        self.streams.remove(&(gone.dialog.flow, id));
        if let Some(transaction) = gone.sending {
            self.by_transaction.remove(&transaction);
        }
        if let Some(count) = self.by_watcher.get_mut(&gone.watcher) {
            *count -= 1;
            if *count == 0 {
                self.by_watcher.remove(&gone.watcher);
            }
        }
        Some(gone)
    }

    /// The subscriptions over a stream, in the order they were made.
    pub(crate) fn on_flow(&self, flow: &Flow) -> Vec<SubscriptionId> {
        let range = (*flow, SubscriptionId(0))..=(*flow, SubscriptionId(u64::MAX));
        self.streams.range(range).map(|(_, id)| *id).collect()
    }

    /// The subscriptions of watchers that `stays` does not know, in the order they were made.
    pub(crate) fn leaving(&self, stays: impl Fn(&str) -> bool) -> Vec<SubscriptionId> {
        let leaves = |(id, s): (&SubscriptionId, &Subscription)| (!stays(&s.watcher)).then_some(*id);
        let mut ids: Vec<SubscriptionId> = self.all.iter().filter_map(leaves).collect();
        ids.sort_unstable();
        ids
    }
}
