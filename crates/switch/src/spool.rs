//! The spool: recordings on their way to where they are to be, over restarts and dead servers.
//!
//! Each recording has an order, one small JSON file in the directory `spool` beside the recordings, from its first
//! second on: where it goes, and how far it is. When all is done the order is moved beside its recording, where it tells
//! what became of it. A kill costs no order: the next start sends what the last one did not.
//!
//! [`Spool`] is the calls' way to the [`keeper`], a task that owns all orders; [`order`] is what they are and how they get
//! to the disk, [`shelf`] where there, [`web`] and [`bucket`] are the two places that recordings are sent to, [`operator`] is
//! what an operator sees of it. Nothing here knows SIP or flows.

mod attempt;
mod bucket;
mod fleeting;
mod keeper;
mod operator;
mod order;
mod shelf;
mod web;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use self::bucket::Bucket;
use self::bucket::Store;
pub(crate) use self::fleeting::Fleeting;
use self::keeper::{Keeper, Note};
pub use self::operator::{NotDone, NotHad, ParcelView, SpoolList, SpoolView, Stored};
pub(crate) use self::order::{Destination, End, Order};
use crate::call::CallId;
use crate::error::StartError;
use crate::shared::Shared;

/// What is done with recordings.
#[derive(Clone, Debug)]
pub struct RecordingsConfig {
    /// Two parties in two channels, the caller on the left, and not in one. Default: one.
    pub stereo: bool,
    /// Before the first try again; each wait is twice the one before. Default: 2 s.
    pub first_wait: Duration,
    /// The longest wait. Default: 10 min.
    pub longest_wait: Duration,
    /// What could not be sent by then, counted from its end, stays here. Default: 3 days.
    pub give_up: Duration,
    /// Where all recordings are stored besides the local disk. Default: nowhere.
    pub bucket: Option<Bucket>,
    /// Keep a recording's file here when the bucket has it. Default: yes.
    pub keep: bool,
}

impl Default for RecordingsConfig {
    fn default() -> RecordingsConfig {
        RecordingsConfig {
            stereo: false,
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(600),
            give_up: Duration::from_secs(3 * 86_400),
            bucket: None,
            keep: true,
        }
    }
}

/// The way to the keeper.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    notes: mpsc::UnboundedSender<Note>,
    /// Every recording goes to the bucket, too.
    bucket: Option<Arc<Store>>,
    pub(crate) stereo: bool,
}

/// The keeper's end, until it starts.
pub(crate) struct Waiting(Keeper);

impl Spool {
    /// The way and its end. What the last run left is read; recordings in `directory`.
    pub(crate) fn open(config: RecordingsConfig, directory: &Path) -> Result<(Spool, Waiting), StartError> {
        crate::http::install_crypto();
        let (sender, notes) = mpsc::unbounded_channel();
        let bucket = config.bucket.as_ref().map(Store::new).transpose()?.map(Arc::new);
        let spool = Spool { notes: sender, bucket: bucket.clone(), stereo: config.stereo };
        Ok((spool, Waiting(Keeper::new(config, directory, bucket, notes)?)))
    }

    /// A recording began. Where it will be sent first, if it will.
    pub(crate) fn begun(&self, mut order: Order) -> Option<String> {
        if let Some(bucket) = self.bucket.as_ref().filter(|_| !order.fleeting) {
            let key = bucket.key(&order.file);
            order.add(Destination::Bucket { key });
        }
        let to = order.parcels.first().map(|parcel| parcel.to.words());
        self.note(Note::Begun(Box::new(order)));
        to
    }

    /// It is of another call, too.
    pub(crate) fn is_of(&self, id: &str, call: CallId) {
        self.note(Note::Of { id: id.to_owned(), call: call.to_string() });
    }

    /// It ended, in this call.
    pub(crate) fn over(&self, id: &str, call: CallId, end: End) {
        self.note(Note::Over { id: id.to_owned(), call: call.to_string(), end });
    }

    /// Returns when everything before is on disk. Nothing is waited for that is to be sent.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.note(Note::Flush(done));
        // A keeper that is gone has nothing to flush.
        let _ = wait.await;
    }

    fn note(&self, note: Note) {
        // The keeper ends with the switch.
        let _ = self.notes.send(note);
    }
}

impl Waiting {
    /// Starts the keeper, which ends when the last way to it does.
    pub(crate) fn start(self, shared: &Arc<Shared>) {
        tokio::spawn(self.0.run(Arc::downgrade(shared)));
    }
}
