//! The handle that asynchronous code holds: it starts the threads, places legs and passes commands on.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use rtrb::RingBuffer;

use crate::carrier::Carrier;
use crate::clock::{self, Clock};
use crate::command::{Command, LegSetup};
use crate::error::Error;
use crate::event::Event;
use crate::id::LegId;
use crate::io::poll::SocketPoll;
use crate::leg::Leg;
use crate::order::{Order, Outlet};
use crate::port::{Pool, Ports};
use crate::report::LegReport;
use crate::source::Playlist;
use crate::stats::WorkerStats;
use crate::worker::Worker;

/// Orders that may wait for a worker: at 256 a slot it catches up with a full queue in 80 ms.
const ORDERS: usize = 4_096;

/// What a worker may let out between two rounds of the carrier.
const OUTS: usize = 8_192;

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Worker threads; 0 is one for each core, at most 4.
    pub workers: usize,
    /// RTP and RTCP ports, both ends included.
    pub ports: RangeInclusive<u16>,
    /// The address the sockets are bound to.
    pub bind: IpAddr,
    /// The Differentiated Services code point of what is sent; 46 is what telephony uses (RFC 3246).
    pub dscp: Option<u8>,
    /// Our name in RTCP (RFC 3550 §6.5.1).
    pub cname: String,
    /// So long without RTP is [`Event::Lost`].
    pub media_timeout: Duration,
    /// Where relative paths of recordings begin.
    pub recordings_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            workers: 0,
            ports: 20_000..=29_999,
            bind: Ipv4Addr::UNSPECIFIED.into(),
            dscp: Some(46),
            cname: "offhook".into(),
            media_timeout: Duration::from_secs(30),
            recordings_dir: PathBuf::from("."),
        }
    }
}

/// The media engine. Clones are handles to the same one; it ends with [`Engine::stop`] or the last of them.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Vec<Handle>,
    pool: Arc<Pool>,
    board: Arc<Board>,
    seeds: RandomState,
    stop: Arc<AtomicBool>,
    carrier: Mutex<Option<JoinHandle<()>>>,
    carrier_stop: Arc<AtomicBool>,
}

/// A worker as seen from outside.
struct Handle {
    orders: Arc<ArrayQueue<Order<Ports>>>,
    /// Set while the worker rests without legs.
    resting: Arc<AtomicBool>,
    thread: Thread,
    join: Mutex<Option<JoinHandle<()>>>,
}

/// What is known outside the workers about legs and workers.
pub(crate) struct Board {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Free places, by worker; the next leg's full name.
    free: Vec<Vec<LegId>>,
    legs: HashMap<LegId, Known>,
    stats: Vec<WorkerStats>,
    seeds: u64,
}

/// A leg as last heard of.
struct Known {
    report: Option<LegReport>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each statement under the lock leaves the board whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, leg: LegId, report: LegReport) {
        if let Some(known) = self.lock().legs.get_mut(&leg) {
            known.report = Some(report);
        }
    }

    pub(crate) fn stats(&self, worker: u16, stats: WorkerStats) {
        if let Some(last) = self.lock().stats.get_mut(usize::from(worker)) {
            *last = stats;
        }
    }

    pub(crate) fn released(&self, leg: LegId) {
        let mut inner = self.lock();
        inner.legs.remove(&leg);
        if let Some(free) = inner.free.get_mut(usize::from(leg.worker)) {
            free.push(leg.next());
        }
    }
}

impl Engine {
    /// Start the threads. `events` is called on the carrier thread, never on a worker; it must not block.
    pub fn start(config: Config, events: impl Fn(Event) + Send + 'static) -> Result<Engine, Error> {
        let pool = Arc::new(Pool::new(config.ports.clone(), config.bind, config.dscp)?);
        let places = pool.pairs();
        let workers = match config.workers {
            0 => thread::available_parallelism().map_or(1, usize::from).min(4),
            n => n.min(64),
        };
        let free = (0..workers)
            .map(|worker| {
                (0..places as u32)
                    .rev()
                    .map(|place| LegId { worker: worker as u16, place, generation: 0 })
                    .collect()
            })
            .collect();
        let inner =
            Inner { free, legs: HashMap::new(), stats: vec![WorkerStats::default(); workers], seeds: 0 };
        let board = Arc::new(Board { inner: Mutex::new(inner) });

        let (rings_in, rings_out): (Vec<_>, Vec<_>) = (0..workers).map(|_| RingBuffer::new(OUTS)).unzip();
        let carrier_stop = Arc::new(AtomicBool::new(false));
        let carrier =
            Carrier { rings: rings_out, board: board.clone(), stop: carrier_stop.clone(), sink: events };
        let carrier = thread::Builder::new()
            .name("media-carrier".into())
            .spawn(move || carrier.run())
            .map_err(Error::Thread)?;

        let stop = Arc::new(AtomicBool::new(false));
        let mut handles = Vec::with_capacity(workers);
        for (id, ring) in rings_in.into_iter().enumerate() {
            let orders = Arc::new(ArrayQueue::new(ORDERS));
            let resting = Arc::new(AtomicBool::new(false));
            let worker = Worker::new(id as u16, places, orders.clone(), Outlet::new(ring));
            let (rests, ends, wake) = (resting.clone(), stop.clone(), carrier.thread().clone());
            let join = thread::Builder::new()
                .name(format!("media-{id}"))
                .spawn(move || run(worker, SocketPoll::new(places), &rests, &ends, &wake))
                .map_err(Error::Thread)?;
            handles.push(Handle {
                orders,
                resting,
                thread: join.thread().clone(),
                join: Mutex::new(Some(join)),
            });
        }
        let shared = Shared {
            workers: handles,
            pool,
            board,
            seeds: RandomState::new(),
            stop,
            carrier: Mutex::new(Some(carrier)),
            carrier_stop,
        };
        Ok(Engine { shared: Arc::new(shared) })
    }

    /// Bind the next free pair of ports; [`Error::NoPorts`] if none is left.
    pub fn reserve(&self) -> Result<Ports, Error> {
        self.shared.pool.reserve(clock::now())
    }

    /// Make a leg of ports and what was agreed on, on the worker with the most room.
    /// It speaks within a packet time; where nothing plays, silence.
    pub fn adopt(&self, ports: Ports, setup: LegSetup) -> Result<LegId, Error> {
        if self.shared.stop.load(Ordering::Acquire) {
            return Err(Error::Stopped);
        }
        let mut inner = self.shared.board.lock();
        let roomiest = inner.free.iter_mut().max_by_key(|free| free.len());
        let id = roomiest.and_then(Vec::pop).ok_or(Error::Busy)?;
        inner.seeds += 1;
        let seed = self.shared.seeds.hash_one(inner.seeds);
        inner.legs.insert(id, Known { report: None });
        drop(inner);
        let leg = Box::new(Leg::new(id, setup, seed));
        let sent = self.order(id, Order::Adopt(leg, ports));
        if sent.is_err() {
            self.shared.board.released(id);
        }
        sent.map(|()| id)
    }

    /// Pass a command on; it is obeyed within a slot (5 ms).
    /// [`Error::Busy`] if the worker's queue is full; a leg that is gone takes no commands and gives no event.
    pub fn send(&self, leg: LegId, command: Command) -> Result<(), Error> {
        if !self.shared.board.lock().legs.contains_key(&leg) {
            return Err(Error::NoLeg);
        }
        let order = match command {
            Command::Play { tag, items, repeat } => Order::Play(leg, Playlist::new(tag, items, repeat)),
            Command::Stop { tag } => Order::Stop(leg, tag),
            Command::Reconfigure(setup) => Order::Reconfigure(leg, setup),
            Command::Release => Order::Release(leg),
            Command::Echo { .. } | Command::SendDigits { .. } | Command::Record { .. } => return Ok(()),
        };
        self.order(leg, order)
    }

    /// The leg's media path in a line, as of at most a second ago; `None` if it is gone or too young.
    pub fn describe(&self, leg: LegId) -> Option<String> {
        self.report(leg).map(|report| report.describe())
    }

    /// The leg's counters as of at most a second ago; `None` if it is gone or too young.
    pub fn report(&self, leg: LegId) -> Option<LegReport> {
        self.shared.board.lock().legs.get(&leg)?.report
    }

    /// All workers' counters, as of at most a second ago.
    pub fn stats(&self) -> WorkerStats {
        let mut sum = WorkerStats::default();
        for stats in &self.shared.board.lock().stats {
            sum.add(stats);
        }
        sum
    }

    /// Release every leg, carry the last events out and end the threads. Not to be called from the event sink.
    pub fn stop(self) {
        self.shared.stop();
    }

    fn order(&self, leg: LegId, order: Order<Ports>) -> Result<(), Error> {
        let worker = self.shared.workers.get(usize::from(leg.worker)).ok_or(Error::NoLeg)?;
        worker.orders.push(order).map_err(|_| Error::Busy)?;
        // The worker marks itself as resting before it looks at the queue a last time: one of us sees the other.
        std::sync::atomic::fence(Ordering::SeqCst);
        if worker.resting.load(Ordering::SeqCst) {
            worker.thread.unpark();
        }
        Ok(())
    }
}

impl Shared {
    fn stop(&self) {
        let take =
            |slot: &Mutex<Option<JoinHandle<()>>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stop.store(true, Ordering::Release);
        for worker in &self.workers {
            worker.thread.unpark();
        }
        for worker in &self.workers {
            if let Some(join) = take(&worker.join) {
                // A worker that panicked has nothing left to end.
                let _ = join.join();
            }
        }
        self.carrier_stop.store(true, Ordering::Release);
        if let Some(join) = take(&self.carrier) {
            join.thread().unpark();
            // The last handle may be dropped by the sink, on the carrier itself.
            if join.thread().id() != thread::current().id() {
                let _ = join.join();
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A worker's thread: slots on the grid while there are legs, rest while there are none.
fn run(
    mut worker: Worker<SocketPoll>,
    mut io: SocketPoll,
    resting: &AtomicBool,
    stop: &AtomicBool,
    carrier: &Thread,
) {
    let mut clock = Clock::new();
    while !stop.load(Ordering::Acquire) {
        if worker.is_idle() {
            resting.store(true, Ordering::SeqCst);
            std::sync::atomic::fence(Ordering::SeqCst);
            while worker.is_idle() && !stop.load(Ordering::Acquire) {
                thread::park();
            }
            resting.store(false, Ordering::SeqCst);
            clock.resume();
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
