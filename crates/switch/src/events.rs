//! The bus that tells others what calls do, and the wall clock that stamps it.
//!
//! Listeners that do not keep up lose the oldest events and are told how many; nothing here waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::call::CallId;

/// Events that a slow listener may lag behind before it loses some.
const BACKLOG: usize = 1024;

/// Something a call did.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which call.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What a call did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// It arrived and was routed.
    Started {
        /// Who calls.
        caller: String,
        /// Whom.
        called: String,
    },
    /// It was answered.
    Answered,
    /// It is over.
    Ended {
        /// A short word or sentence.
        cause: String,
        /// `caller`, `callee`, `flow` or `server`.
        by: String,
        /// From arrival to end.
        duration: Duration,
    },
    /// A recording of it is over, and here.
    Recorded {
        /// Its name.
        id: String,
        /// Its path.
        place: String,
    },
    /// A recording of it is everywhere it was to be sent.
    RecordingSent {
        /// Its name.
        id: String,
        /// Where it was sent last: an address without its query, or `s3://bucket/name`.
        place: String,
    },
    /// A recording of it was shorter than its author wants, and is thrown away.
    RecordingDiscarded {
        /// Its name.
        id: String,
        /// How short, and what the least was.
        why: String,
    },
    /// A recording of it could not be made, or will not be sent any more.
    RecordingFailed {
        /// Its name.
        id: String,
        /// Why.
        why: String,
    },
}

/// The bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus(broadcast::Sender<Arc<Event>>);

impl Bus {
    pub(crate) fn new() -> Bus {
        Bus(broadcast::Sender::new(BACKLOG))
    }

    /// Listen from here on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }

    pub(crate) fn publish(&self, call: CallId, what: Happening) {
        // An error only says that nobody listens.
        let _ = self.0.send(Arc::new(Event { call, at: wall_clock(), what }));
    }
}

/// The time of day, for stamps in views and CDRs and as a flow's start.
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// The monotonic clock, for latencies measured outside a call's own task (uploads, fetched sounds).
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
