//! A worker's thread: what it asks of the system, which backend it has, and slots on the grid while there are legs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::clock::{self, Clock, Priority};
use crate::io::poll::SocketPoll;
use crate::io::uring::{Uring, probe};
use crate::io::{Io, IoMode};
use crate::mailbox::Mailbox;
use crate::order::Outlet;
use crate::port::Ports;
use crate::worker::Worker;

/// Whether workers are to try io_uring. Says in the log what packets go by, and why not by what was wanted.
pub(crate) fn wants_uring(mode: IoMode) -> bool {
    let lacking = match mode {
        IoMode::Poll => {
            tracing::info!("media packets go by a system call each, as media.io says");
            return false;
        }
        IoMode::Auto | IoMode::Uring => probe::probe().err(),
    };
    match (mode, lacking) {
        (_, None) => {
            tracing::info!("media packets go by io_uring");
            return true;
        }
        (IoMode::Uring, Some(why)) => {
            tracing::warn!("media packets go by a system call each, although media.io says uring: {why}");
        }
        (_, Some(why)) => tracing::info!("media packets go by a system call each: {why}"),
    }
    false
}

/// Packets that are passed on are waited for so long together.
const TOGETHER: Duration = Duration::from_millis(1);

/// Legs told of at once; see `io::watch`.
const READY: usize = 1_024;

/// What a worker's thread begins with.
pub(crate) struct Runner {
    pub(crate) id: u16,
    pub(crate) places: usize,
    /// Try io_uring.
    pub(crate) uring: bool,
    pub(crate) priority: Priority,
    pub(crate) pin: bool,
    /// All workers', its own among them.
    pub(crate) mailboxes: Vec<Arc<Mailbox<Ports>>>,
    /// All workers' epoch, and the time since 1970 at it.
    pub(crate) epoch: (Instant, Duration),
    pub(crate) out: Outlet<Ports>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) carrier: Thread,
    /// How many workers have io_uring.
    pub(crate) urings: Arc<AtomicUsize>,
    /// Hung up when the worker is ready.
    pub(crate) ready: SyncSender<()>,
}

impl Runner {
    /// The thread's life.
    pub(crate) fn run(self) {
        self.ask_the_system();
        // The kernel serves a ring on the thread that made it only.
        let uring = self.uring.then(|| Uring::new(self.places)).and_then(|made| {
            made.inspect_err(|error| {
                tracing::warn!(worker = self.id, "this one's packets go by a system call each: {error}");
            })
            .ok()
        });
        match uring {
            Some(io) => {
                self.urings.fetch_add(1, Ordering::Relaxed);
                self.begin(io);
            }
            None => {
                let io = SocketPoll::new(self.places);
                self.begin(io);
            }
        }
    }

    fn ask_the_system(&self) {
        let granted = clock::hurry(self.priority);
        // What one is told, all are.
        if self.id == 0 {
            match (self.priority, granted) {
                (Priority::Normal, _) => tracing::info!("media threads run at the usual priority"),
                (Priority::Nice, Ok(())) => tracing::info!("media threads run at nice -10"),
                (Priority::Realtime, Ok(())) => tracing::info!("media threads run at a real-time priority"),
                (Priority::Nice, Err(why)) => tracing::info!(
                    "media threads run at the usual priority; nice -10 is not permitted (CAP_SYS_NICE): {why}"
                ),
                (Priority::Realtime, Err(why)) => tracing::warn!(
                    "media threads run at the usual priority; real time is not permitted (CAP_SYS_NICE): {why}"
                ),
            }
        }
        if self.pin {
            match clock::pin(self.id.into()) {
                Ok(core) => tracing::info!(worker = self.id, core, "media thread pinned"),
                Err(why) => tracing::warn!(worker = self.id, "media thread not pinned: {why}"),
            }
        }
    }

    fn begin<I: Io<Ports = Ports>>(self, io: I) {
        let (epoch, wall) = self.epoch;
        let clock = Clock::new(epoch, self.id.into(), self.mailboxes.len());
        let Some(orders) = self.mailboxes.get(usize::from(self.id)).cloned() else { return };
        let worker = Worker::new(self.id, self.places, orders.clone(), self.out, wall)
            .among(self.mailboxes, clock.offset());
        drop(self.ready);
        run(worker, io, clock, self.places, &orders, &self.stop, &self.carrier);
    }
}

/// Slots on the grid while there are legs, rest while there are none.
fn run<I: Io>(
    mut worker: Worker<I>,
    mut io: I,
    mut clock: Clock,
    places: usize,
    orders: &Mailbox<I::Ports>,
    stop: &AtomicBool,
    carrier: &Thread,
) {
    let (mut ready, mut woken) = (Vec::with_capacity(places.max(READY)), Duration::ZERO);
    while !stop.load(Ordering::Acquire) {
        if worker.is_idle() {
            orders.rest(|| worker.is_idle() && !stop.load(Ordering::Acquire));
            clock.resume();
        }
        while io.is_watching()
            && let Some(rest) = clock.rest()
        {
            // Those that come within a millisecond are passed on together: under load that is what keeps it cheap.
            let nap = (woken + TOGETHER).saturating_sub(clock.elapsed());
            if !nap.is_zero() {
                clock.nap(nap.min(rest));
                continue;
            }
            io.wait(rest, &mut ready);
            woken = clock.elapsed();
            if !ready.is_empty() {
                worker.between(woken, &ready, &mut io);
            }
        }
        let due = clock.wait();
        if worker.slot(due, &mut io) {
            carrier.unpark();
        }
    }
    while !worker.release_all(clock.wait(), &mut io) {
        carrier.unpark();
    }
    carrier.unpark();
}
