//! The keeper of the spool: a task that owns all orders, writes them down, has them sent, and tells what became of them.
//!
//! Orders are written in batches on a thread of their own, synced before anything is sent. What cannot be written (a full
//! disk) is kept in memory, sent all the same, and written when there is room.
//! A server that fails is asked again after waits that double; so many are tried at once, and so many of one server's,
//! that a dead one keeps no other waiting.

mod asked;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub(super) use self::asked::Asked;
use super::RecordingsConfig;
use super::attempt::{attempt, page};
use super::bucket::Store;
use super::order::{self, Destination, End, Order, Sending};
use super::shelf::Shelf;
use super::web::Try;
use crate::book::RecordingState;
use crate::error::StartError;
use crate::events::{Happening, monotonic, wall_clock};
use crate::shared::Shared;

/// Sent at once, and to one server.
const MOST: usize = 16;
const MOST_EACH: usize = 4;
/// A parcel whose server is busy with others is looked at again after this.
const LOOK: Duration = Duration::from_millis(200);
/// A disk that took no order is tried again after this.
const DISK: Duration = Duration::from_secs(1);
/// Notes taken at once.
const BATCH: usize = 256;

/// What the keeper is told.
#[derive(Debug)]
pub(super) enum Note {
    Begun(Box<Order>),
    /// It is of this call, too.
    Of {
        id: String,
        call: String,
    },
    Over {
        id: String,
        call: String,
        end: End,
    },
    Flush(oneshot::Sender<()>),
    /// An operator wants something.
    Asked(Asked),
}

/// A try that is over.
struct Tried {
    id: String,
    parcel: usize,
    server: String,
    came: Try,
}

/// See the module.
pub(crate) struct Keeper {
    config: RecordingsConfig,
    recordings: PathBuf,
    shelf: Shelf,
    store: Option<Arc<Store>>,
    notes: mpsc::UnboundedReceiver<Note>,
    orders: HashMap<String, Order>,
    /// Orders that are not on the disk as they are.
    dirty: HashSet<String>,
    /// When the disk may be tried again.
    disk: Option<Instant>,
    /// What is to be tried, and when: order and parcel.
    due: BinaryHeap<Reverse<(Instant, String, usize)>>,
    tries: JoinSet<Tried>,
    /// What is tried now.
    trying: HashSet<(String, usize)>,
    /// Tries on their way, by server.
    busy: HashMap<String, usize>,
}

impl Keeper {
    pub(super) fn new(
        config: RecordingsConfig,
        recordings: &Path,
        store: Option<Arc<Store>>,
        notes: mpsc::UnboundedReceiver<Note>,
    ) -> Result<Keeper, StartError> {
        let shelf = Shelf::new(recordings);
        let cannot = |source| StartError::Directory { path: shelf.spool.clone(), source };
        std::fs::create_dir_all(&shelf.spool).map_err(cannot)?;
        let left = order::read(&shelf.spool).map_err(cannot)?;
        if !left.is_empty() {
            tracing::info!(recordings = left.len(), "recordings of the last run are taken up again");
        }
        let orders = left.into_iter().map(|order| (order.id.clone(), order)).collect();
        Ok(Keeper {
            config,
            recordings: recordings.to_owned(),
            shelf,
            store,
            notes,
            orders,
            dirty: HashSet::new(),
            disk: None,
            due: BinaryHeap::new(),
            tries: JoinSet::new(),
            trying: HashSet::new(),
            busy: HashMap::new(),
        })
    }

    /// Runs until the last way to it is gone; tries on their way end with it, and are made again after the next start.
    pub(super) async fn run(mut self, shared: Weak<Shared>) {
        self.take_up().await;
        let mut batch = Vec::new();
        loop {
            let due = self.due.peek().map(|Reverse((due, ..))| *due).filter(|_| self.tries.len() < MOST);
            let due = [due, self.disk].into_iter().flatten().min();
            let wait = due.map_or(DISK * 60, |due| due.saturating_duration_since(monotonic()));
            tokio::select! {
                taken = self.notes.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                }
                Some(tried) = self.tries.join_next(), if !self.tries.is_empty() => {
                    if let Ok(tried) = tried {
                        self.tried(&shared, tried);
                    }
                }
                () = crate::call::run::pause(wait) => self.disk = None,
            }
            let mut flushed = Vec::new();
            let mut over: Vec<String> = Vec::new();
            for note in batch.drain(..) {
                match note {
                    Note::Begun(order) => {
                        self.dirty.insert(order.id.clone());
                        self.orders.insert(order.id.clone(), *order);
                    }
                    Note::Of { id, call } => {
                        if let Some(order) = self.orders.get_mut(&id)
                            && !order.calls.contains(&call)
                        {
                            order.calls.push(call);
                            self.dirty.insert(id);
                        }
                    }
                    Note::Over { id, call, end } => {
                        self.over(&id, call, end);
                        over.push(id);
                    }
                    Note::Flush(done) => flushed.push(done),
                    Note::Asked(asked) => self.asked(&shared, asked).await,
                }
            }
            // Those that go nowhere else are forgotten once they are written.
            let over: Vec<Order> = over.iter().filter_map(|id| self.orders.get(id)).cloned().collect();
            if self.disk.is_none() && !self.dirty.is_empty() {
                self.write().await;
            }
            if let Some(shared) = shared.upgrade() {
                over.iter().for_each(|order| self.saved(&shared, order));
            }
            self.dispatch(&shared);
            metrics::gauge!("offhook_spool").set(self.orders.len() as f64);
            for done in flushed {
                // Whoever waited may have given up.
                let _ = done.send(());
            }
        }
    }

    /// What the last run left: recordings that it was killed in are made whole, and all are due at once.
    async fn take_up(&mut self) {
        let cut: Vec<String> =
            self.orders.values().filter(|order| order.end.is_none()).map(|order| order.id.clone()).collect();
        for id in cut {
            let Some(order) = self.orders.get_mut(&id) else { continue };
            let file = self.recordings.join(&order.file);
            // A panic of the mending says no more than a file that cannot be mended.
            let _ = tokio::task::spawn_blocking(move || media::repair_recording(&file)).await;
            let why = "the switch was killed".to_owned();
            order.end = Some(if order.fleeting { End::Discarded(why) } else { End::Broken(why) });
            order.over = Some(wall_clock().to_string());
            self.dirty.insert(id);
        }
        let ids: Vec<String> = self.orders.keys().cloned().collect();
        for id in ids {
            self.schedule(&id);
        }
        if !self.dirty.is_empty() {
            self.write().await;
        }
    }

    /// All parcels of an order that wait are due now; an order without any is done.
    fn schedule(&mut self, id: &str) {
        let Some(order) = self.orders.get(id) else { return };
        let now = monotonic();
        for (at, parcel) in order.parcels.iter().enumerate() {
            if matches!(parcel.sending, Sending::Waiting { .. }) {
                self.due.push(Reverse((now, id.to_owned(), at)));
            }
        }
        if order.is_done() {
            self.dirty.insert(id.to_owned());
        }
    }

    fn over(&mut self, id: &str, call: String, end: End) {
        let Some(order) = self.orders.get_mut(id) else { return };
        if !order.calls.contains(&call) {
            order.calls.push(call);
        }
        order.over = Some(wall_clock().to_string());
        match &end {
            End::Discarded(_) | End::Short { .. } => order.parcels.clear(),
            End::Broken(why) if !self.recordings.join(&order.file).exists() => {
                let at = wall_clock().to_string();
                for parcel in &mut order.parcels {
                    parcel.sending = Sending::Failed { why: why.clone(), at: at.clone() };
                }
            }
            End::Broken(_) | End::Complete(_) => {}
        }
        order.end = Some(end);
        self.dirty.insert(id.to_owned());
        self.schedule(id);
    }

    /// Writes down what has changed. What is done goes to its recording, and is forgotten here.
    async fn write(&mut self) {
        let orders: Vec<Order> = self.dirty.iter().filter_map(|id| self.orders.get(id)).cloned().collect();
        let shelf = self.shelf.clone();
        let work = tokio::task::spawn_blocking(move || {
            let results: Vec<_> = orders.into_iter().map(|order| (shelf.put(&order), order)).collect();
            // Its worth is after a power cut only: an error is one of the next write, too.
            let _ = order::sync(&shelf.spool);
            results
        });
        for (result, order) in work.await.unwrap_or_default() {
            match result {
                Ok(()) => {
                    self.dirty.remove(&order.id);
                    if order.is_done() {
                        self.orders.remove(&order.id);
                    }
                }
                Err(error) => {
                    metrics::counter!("offhook_spool_unwritten_total").increment(1);
                    if self.disk.is_none() {
                        tracing::error!(%error, "the spool cannot be written; what is to be sent is kept in memory");
                    }
                    self.disk = Some(monotonic() + DISK);
                }
            }
        }
    }

    /// Tells that a recording is over.
    fn saved(&self, shared: &Shared, order: &Order) {
        match &order.end {
            None | Some(End::Discarded(_)) => {}
            Some(End::Short { why, .. }) => {
                let discarded = Happening::RecordingDiscarded { id: order.id.clone(), why: why.clone() };
                self.tell(shared, order, Some(discarded));
            }
            Some(End::Broken(why)) => {
                let failed = Happening::RecordingFailed { id: order.id.clone(), why: why.clone() };
                self.tell(shared, order, Some(failed));
            }
            Some(End::Complete(_)) => {
                let place = self.recordings.join(&order.file).display().to_string();
                self.tell(shared, order, Some(Happening::Recorded { id: order.id.clone(), place }));
            }
        }
    }

    /// Tries what is due, as far as it may be.
    fn dispatch(&mut self, shared: &Weak<Shared>) {
        let Some(shared) = shared.upgrade() else { return };
        let now = monotonic();
        while self.tries.len() < MOST
            && let Some(Reverse((due, id, at))) = self.due.pop()
        {
            if due > now {
                self.due.push(Reverse((due, id, at)));
                return;
            }
            let Some(order) = self.orders.get(&id) else { continue };
            let waits = |parcel: &&order::Parcel| matches!(parcel.sending, Sending::Waiting { .. });
            let Some(parcel) = order.parcels.get(at).filter(waits) else { continue };
            if self.trying.contains(&(id.clone(), at)) {
                continue;
            }
            let server = parcel.to.server().to_owned();
            let busy = self.busy.entry(server.clone()).or_default();
            if *busy >= MOST_EACH {
                self.due.push(Reverse((now + LOOK, id, at)));
                continue;
            }
            *busy += 1;
            self.trying.insert((id.clone(), at));
            let (order, to) = (order.clone(), parcel.to.clone());
            let file = self.recordings.join(&order.file);
            let (owner, store) = (shared.clone(), self.store.clone());
            self.tries.spawn(async move {
                let came = attempt(&owner, store.as_deref(), &order, &to, &file).await;
                Tried { id, parcel: at, server, came }
            });
        }
    }

    fn tried(&mut self, shared: &Weak<Shared>, tried: Tried) {
        let Tried { id, parcel: at, server, came } = tried;
        self.trying.remove(&(id.clone(), at));
        if let Some(busy) = self.busy.get_mut(&server) {
            *busy -= 1;
            if *busy == 0 {
                self.busy.remove(&server);
            }
        }
        let (longest, give_up, first) =
            (self.config.longest_wait, self.config.give_up, self.config.first_wait);
        let Some(order) = self.orders.get_mut(&id) else { return };
        let since = order.again.as_deref().or(order.over.as_deref());
        let since = since.and_then(|since| since.parse::<jiff::Timestamp>().ok());
        let age = since.map_or(Duration::ZERO, |since| {
            Duration::try_from(wall_clock().duration_since(since)).unwrap_or_default()
        });
        let Some(parcel) = order.parcels.get_mut(at) else { return };
        let tries = match parcel.sending {
            Sending::Waiting { tries, .. } => tries + 1,
            // It was given up meanwhile.
            _ => return,
        };
        let stamp = wall_clock().to_string();
        parcel.sending = match came {
            Try::Sent(place) => Sending::Sent { place, at: stamp },
            Try::Never(why) => Sending::Failed { why, at: stamp },
            Try::Later(why, _) if age >= give_up => {
                Sending::Failed { why: format!("given up after {tries} tries: {why}"), at: stamp }
            }
            Try::Later(why, after) => {
                let doubled = first.saturating_mul(1 << (tries - 1).min(20));
                let wait = doubled.max(after.unwrap_or_default()).min(longest);
                // A dead server's recordings do not all come back in one moment.
                let wait = wait.mul_f64(0.9 + 0.2 * fastrand::f64());
                metrics::counter!("offhook_uploads_retried_total").increment(1);
                tracing::info!(recording = id, to = parcel.to.words(), tries, why, "not sent yet");
                self.due.push(Reverse((monotonic() + wait, id.clone(), at)));
                Sending::Waiting { tries, why: Some(why) }
            }
        };
        let settled = !matches!(parcel.sending, Sending::Waiting { .. });
        self.dirty.insert(id.clone());
        if !settled {
            return;
        }
        if let Sending::Failed { why, .. } = &parcel.sending {
            let (to, file) = (parcel.to.words(), order.file.as_str());
            tracing::warn!(to, file, why, "a recording was not taken; it is kept here");
            metrics::counter!("offhook_uploads_failed_total").increment(1);
        }
        let stored = |parcel: &order::Parcel| matches!(parcel.to, Destination::Bucket { .. });
        if !self.config.keep && order.is_sent() && order.parcels.iter().any(stored) {
            let file = self.recordings.join(&order.file);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = std::fs::remove_file(&file) {
                    tracing::warn!(file = %file.display(), %error, "a stored recording stays here, too");
                }
            });
        }
        if let (Some(shared), Some(order)) = (shared.upgrade(), self.orders.get(&id)) {
            let happening = match order.state(&self.recordings) {
                _ if !order.is_done() => None,
                RecordingState::Sent { place } => Some(Happening::RecordingSent { id, place }),
                RecordingState::Failed { why, .. } => Some(Happening::RecordingFailed { id, why }),
                _ => None,
            };
            self.tell(&shared, order, happening);
        }
    }

    /// Writes what became of a recording into its calls, and tells the bus.
    fn tell(&self, shared: &Shared, order: &Order, happening: Option<Happening>) {
        let state = order.state(&self.recordings);
        let records: Vec<_> = order.calls.iter().filter_map(|call| page(shared, call, &order.id)).collect();
        // The call that it was in last knows how it was paused.
        let last = records.last().and_then(|record| record.recording(&order.id));
        for record in records {
            record.write_recording(&order.id, |view| {
                view.state = state.clone();
                view.pauses = last.as_ref().map_or(view.pauses, |last| last.pauses);
                if let Some(End::Complete(seconds) | End::Short { seconds, .. }) = order.end {
                    view.seconds = Some(seconds);
                }
            });
        }
        let call = order.calls.first().and_then(|call| call.parse().ok());
        if let (Some(happening), Some(call)) = (happening, call) {
            shared.bus.publish(call, happening);
        }
    }
}
