//! The handle that asynchronous code holds: it starts the threads, places legs and passes commands on.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use rtrb::RingBuffer;

use crate::board::{self, Board};
use crate::carrier::Carrier;
use crate::clock::{self, Priority};
use crate::command::LegSetup;
use crate::disk::{Disk, Disks};
use crate::dtls::{self, Dtls};
use crate::ears::{Delay, Kit};
use crate::error::Error;
use crate::event::Event;
use crate::guard::Security;
use crate::id::LegId;
use crate::io::IoMode;
use crate::leg::Leg;
use crate::mailbox::Mailbox;
use crate::order::{Order, Outlet};
use crate::port::{Pool, Ports};
use crate::register::Register;
use crate::repair;
use crate::report::LegReport;
use crate::runner::{self, Runner};
use crate::stats::WorkerStats;
use crate::stream::{self, Streams};

mod rooms;

/// Orders that may wait for a worker: at 256 a slot it catches up with a full queue in 80 ms.
const ORDERS: usize = 4_096;

/// What a worker may let out between two rounds of the carrier.
const OUTS: usize = 8_192;

mod commands;

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Worker threads; 0 is one for each core, at most 4.
    pub workers: usize,
    /// So many legs a worker takes before the next one is woken; beyond that they share.
    pub crowd: usize,
    /// RTP and RTCP ports, both ends included.
    pub ports: RangeInclusive<u16>,
    /// The address the sockets are bound to.
    pub bind: IpAddr,
    /// The Differentiated Services code point of what is sent; 46 is what telephony uses (RFC 3246).
    pub dscp: Option<u8>,
    /// Our name in RTCP (RFC 3550 §6.5.1).
    pub cname: String,
    /// So long without RTP is [`Event::Lost`]; zero never is.
    pub media_timeout: Duration,
    /// How packets are received and sent.
    pub io: IoMode,
    /// Bridged legs that speak alike have their packets passed on as they come, where nobody else listens.
    pub relay: bool,
    /// How the workers stand to other threads.
    pub priority: Priority,
    /// Each worker stays on a core of its own.
    pub pin: bool,
    /// Where relative paths of recordings begin. WAV files below it are taken for ours.
    pub recordings_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            workers: 0,
            crowd: board::SOME,
            ports: 20_000..=29_999,
            bind: Ipv4Addr::UNSPECIFIED.into(),
            dscp: Some(46),
            cname: "offhook".into(),
            media_timeout: Duration::from_secs(30),
            io: IoMode::Auto,
            relay: true,
            priority: Priority::Nice,
            pin: false,
            recordings_dir: PathBuf::from("recordings"),
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
    /// How many of them have io_uring.
    urings: Arc<AtomicUsize>,
    pool: Arc<Pool>,
    board: Arc<Board>,
    register: Arc<Register>,
    config: Config,
    cname: Arc<str>,
    /// Where playlists that run on count from, and the workers' slots.
    began: Instant,
    /// SSRCs and the like: a keyed hash of the count of legs.
    seeds: RandomState,
    count: AtomicU64,
    stop: Arc<AtomicBool>,
    carrier_stop: Arc<AtomicBool>,
    disks: Disks,
    /// To the thread of handshakes.
    dtls: Sender<dtls::Note>,
    /// Of our certificate in handshakes, SHA-256.
    fingerprint: Vec<u8>,
    streams: Streams,
    /// The disk threads and the carrier, in the order of their ends.
    ends: Mutex<Vec<JoinHandle<()>>>,
}

/// A worker as seen from outside.
struct Handle {
    thread: Thread,
    join: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Start the threads. `events` is called on the carrier thread, never on a worker; it must not block.
    /// Recordings that a crash cut off are repaired meanwhile.
    pub fn start(config: Config, events: impl Fn(Event) + Send + 'static) -> Result<Engine, Error> {
        let pool = Arc::new(Pool::new(config.ports.clone(), config.bind, config.dscp)?);
        let places = pool.pairs();
        let cut_off = repair::find(&config.recordings_dir);
        if !cut_off.is_empty() {
            // Thousands of them take seconds, which no call has to wait for.
            spawn("media-repair".into(), move || {
                repair::repair(&cut_off);
            })?;
        }
        let workers = match config.workers {
            0 => thread::available_parallelism().map_or(1, usize::from).min(4),
            n => n.min(64),
        };
        let mailboxes: Vec<_> = (0..workers).map(|_| Arc::new(Mailbox::new(ORDERS))).collect();
        let board = Arc::new(Board::new(mailboxes.clone(), places, config.crowd));
        let register = Arc::new(Register::new(mailboxes.clone(), places));
        let (rings_in, rings_out): (Vec<_>, Vec<_>) = (0..workers).map(|_| RingBuffer::new(OUTS)).unzip();
        let (done_in, done_out) = mpsc::channel();
        let identity = dtls::Identity::new().map_err(|error| Error::Certificate(error.to_string()))?;
        let fingerprint = identity.fingerprint.clone();
        let (letters_in, letters): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| RingBuffer::new(dtls::LETTERS)).unzip();
        let (handshakes_in, handshakes) = mpsc::channel();
        let (dtls, dtls_notes) = mpsc::channel();
        let (disks, notes) = Disks::new();
        let carrier_stop = Arc::new(AtomicBool::new(false));
        let carrier = Carrier {
            rings: rings_out,
            recordings: done_out,
            disks: disks.clone(),
            handshakes,
            dtls: dtls.clone(),
            board: board.clone(),
            register: register.clone(),
            pool: pool.clone(),
            stop: carrier_stop.clone(),
            sink: events,
            complained: None,
            overruns: vec![0; workers],
            depth: 0,
        };
        let carrier = spawn("media-carrier".into(), move || carrier.run())?;
        let carrier_thread = carrier.thread().clone();
        let mut ends = Vec::new();
        for (name, notes) in notes {
            let disk = Disk::new(notes, done_in.clone(), carrier_thread.clone());
            ends.push(spawn(name, move || disk.run())?);
        }
        let handshakes = Dtls {
            identity,
            notes: dtls_notes,
            letters,
            orders: {
                let board = board.clone();
                Box::new(move |leg, order| board.send(leg, order))
            },
            events: handshakes_in,
            carrier: carrier_thread.clone(),
            patience: dtls::PATIENCE,
        };
        ends.push(spawn("media-dtls".into(), move || handshakes.run())?);
        let (streams, feeds) = Streams::new();
        for (name, feeds) in feeds {
            ends.push(spawn(name, move || stream::run(&feeds))?);
        }
        ends.push(carrier);

        let stop = Arc::new(AtomicBool::new(false));
        let mut handles = Vec::with_capacity(workers);
        let uring = runner::wants_uring(config.io);
        let urings = Arc::new(AtomicUsize::new(0));
        let (ready, all_ready) = mpsc::sync_channel::<()>(0);
        // The clock on the wall is read beside the workers' epoch.
        let (began, wall) = (clock::now(), clock::wall());
        for (id, (ring, letters)) in rings_in.into_iter().zip(letters_in).enumerate() {
            let runner = Runner {
                id: id as u16,
                places,
                uring,
                priority: config.priority,
                pin: config.pin,
                mailboxes: mailboxes.clone(),
                epoch: (began, wall),
                out: Outlet::new(ring, places).with_letters(letters),
                stop: stop.clone(),
                carrier: carrier_thread.clone(),
                urings: urings.clone(),
                ready: ready.clone(),
            };
            let join = spawn(format!("media-{id}"), move || runner.run())?;
            handles.push(Handle { thread: join.thread().clone(), join: Mutex::new(Some(join)) });
        }
        drop(ready);
        // Nothing is sent: it ends when all have hung up, ready or not.
        let _ = all_ready.recv();
        let shared = Shared {
            workers: handles,
            urings,
            pool,
            board,
            register,
            cname: config.cname.as_str().into(),
            began,
            config,
            seeds: RandomState::new(),
            count: AtomicU64::new(0),
            stop,
            carrier_stop,
            disks,
            dtls,
            fingerprint,
            streams,
            ends: Mutex::new(ends),
        };
        Ok(Engine { shared: Arc::new(shared) })
    }

    /// A pair of ports that nobody has; [`Error::NoPorts`] if none is left.
    pub fn reserve(&self) -> Result<Ports, Error> {
        self.shared.pool.reserve(clock::now())
    }

    /// Make a leg of ports and what was agreed on.
    /// It speaks within a packet time; where nothing plays, silence.
    pub fn adopt(&self, ports: Ports, setup: LegSetup) -> Result<LegId, Error> {
        self.adopt_beside(ports, setup, None)
    }

    /// The same at the worker of another leg, if there is room: two that are to hear each other do so with less work.
    pub fn adopt_beside(&self, ports: Ports, setup: LegSetup, beside: Option<LegId>) -> Result<LegId, Error> {
        let shared = &*self.shared;
        if shared.stop.load(Ordering::Acquire) {
            return Err(Error::Stopped);
        }
        let setup = setup.seen_from(shared.config.bind);
        let kit = setup.keys_in_sound.then(|| Kit::to_hear(&setup, Delay::CONVERSATION)).transpose()?;
        let id = shared.board.place(&setup, beside)?;
        let seed = shared.seeds.hash_one(shared.count.fetch_add(1, Ordering::Relaxed));
        if matches!(setup.security, Security::Handshake { .. }) {
            self.shake_hands(id, &setup);
        }
        let mut leg = Leg::new(id, setup, shared.cname.clone(), shared.config.media_timeout, seed);
        kit.into_iter().for_each(|kit| leg.listen_for_keys(kit));
        let sent = self.order(id, Order::Adopt(Box::new(leg), ports));
        if sent.is_err() {
            let _ = shared.dtls.send(dtls::Note::End(id));
            shared.board.withdraw(id);
        }
        sent.map(|()| id)
    }

    /// The SHA-256 fingerprint of the certificate that we show in handshakes, for the session description (RFC 8122).
    pub fn fingerprint(&self) -> &[u8] {
        &self.shared.fingerprint
    }

    /// The leg's media path in a line, as of at most a second ago; `None` if it is gone or too young.
    pub fn describe(&self, leg: LegId) -> Option<String> {
        let line = self.report(leg)?.describe();
        Some(match self.describe_room(leg) {
            Some(room) => line.replacen(" · room", &format!(" · {room}"), 1),
            None => line,
        })
    }

    /// The leg's counters as of at most a second ago; `None` if it is gone or too young.
    pub fn report(&self, leg: LegId) -> Option<LegReport> {
        self.shared.board.last_report(leg)
    }

    /// What packets go by: `Uring` if that is so at every worker, else `Poll`.
    pub fn io(&self) -> IoMode {
        let urings = self.shared.urings.load(Ordering::Relaxed);
        if urings == self.shared.workers.len() { IoMode::Uring } else { IoMode::Poll }
    }

    /// All workers' counters, as of at most a second ago.
    pub fn stats(&self) -> WorkerStats {
        WorkerStats { stalls: self.shared.streams.stalls(), ..self.shared.board.sum() }
    }

    /// Release every leg, carry the last events out and end the threads. Not to be called from the event sink.
    pub fn stop(self) {
        self.shared.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        for worker in &self.workers {
            worker.thread.unpark();
        }
        let mut ends = std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner));
        if ends.iter().any(|join| join.thread().id() == thread::current().id()) {
            // The sink dropped the last handle, on the carrier itself: nobody can be waited for.
            self.carrier_stop.store(true, Ordering::Release);
            ends.clear();
        }
        for worker in &self.workers {
            let join = worker.join.lock().unwrap_or_else(PoisonError::into_inner).take();
            // A worker that panicked has nothing left to end.
            let _ = join.map(JoinHandle::join);
        }
        // The carrier tells what became of the last recordings, so the disk threads end first.
        self.disks.end();
        // It ended before if this is refused.
        let _ = self.dtls.send(dtls::Note::Stop);
        self.streams.end();
        let last = ends.len().saturating_sub(1);
        for (n, join) in ends.into_iter().enumerate() {
            if n == last {
                self.carrier_stop.store(true, Ordering::Release);
            }
            join.thread().unpark();
            let _ = join.join();
        }
        self.pool.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new().name(name).spawn(run).map_err(Error::Thread)
}
