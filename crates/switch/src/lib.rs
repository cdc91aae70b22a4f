//! The switch: where signalling, media and flows meet.
//!
//! [`Switch::start`] opens the SIP sockets and starts the media workers; from then on each invitation becomes a call,
//! a task of its own that routes between a SIP session, a media leg and a flow machine (`call/`).
//! Nothing here parses SIP, mixes audio or knows a dialect; that is what the crates below are for.
//!
//! What is shared between calls is a table of handles and an immutable set of flows that is swapped as a whole.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address;
mod amd;
mod book;
mod call;
mod codecs;
mod conference;
mod config;
mod control;
mod dns;
mod encryption;
mod error;
mod events;
mod http;
mod journal;
mod lines;
mod lot;
mod meters;
mod origination;
mod presence;
mod route;
mod settings;
mod shared;
mod sip_io;
pub mod speech;
mod spool;
mod studio;
mod trunk;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use store::{Flows, Trunks, Users};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use audio::Rate;
pub use audio::codec::OpusSettings;
pub use audio::detect::Timings as AmdTimings;
pub use audio::tone::CODES as COUNTRIES;
pub use book::{
    CallState, CallView, Ender, LegState, LegView, Pauses, Quality, RecordingState, RecordingView,
};
pub use call::{CallId, FlowWish, Machines, NotACallId, NotARunId, RunId, RunState, RunView, obeys};
pub use codecs::{Codecs, ComfortNoise, InbandDtmf, codec_named};
pub use conference::{
    ConferenceView, Hearing, LOUDNESS_DB, MemberChange, MemberView, NotChanged, RoomChange, RoomRecording,
};
pub use config::Config;
pub use control::{NotControlled, PlaybackOrder, PlaybackView, RecordingOrder};
pub use dns::DnsFault;
pub use encryption::Encryption;
pub use error::{Refusal, StartError};
pub use events::{Event, Happening};
pub use http::HttpConfig;
pub use media::Pause;
pub use meters::describe_metrics;
pub use origination::{Direction, NotBegun, Origination};
pub use sdp::negotiate::security::{Keying, Policy};
pub use sip_io::{ClientCertificates, KeyFiles, Registration, SipConfig, TlsConfig, TlsError};
pub use spool::{Bucket, NotDone, NotHad, ParcelView, RecordingsConfig, SpoolList, SpoolView, Stored};
pub use store::{Network, NotANetwork};
pub use studio::WebSounds;
pub use trunk::TrunkView;

use crate::address::Addresses;
use crate::book::Book;
use crate::call::{Ends, Legs, Order};
use crate::conference::Conferences;
use crate::events::Bus;
use crate::http::Http;
use crate::presence::Directory;
use crate::shared::{Shared, Tasks};
use crate::sip_io::{Command, ShardHandle, SipIo};
use crate::studio::Studio;
use crate::trunk::Keepers;

/// After the limit of a drain: time for the BYEs and their answers.
const FAREWELL: Duration = Duration::from_secs(5);
/// Between two looks at what is left.
const LOOK: Duration = Duration::from_millis(50);

/// A running switch. Dropping it ends the sockets at once and the calls with them; [`Switch::stop`] does it politely.
pub struct Switch {
    shared: Arc<Shared>,
    sip: SipIo,
    meters: JoinHandle<()>,
    /// The tasks that keep the trunks; they end with the set.
    keepers: Mutex<Keepers>,
}

/// What a switch holds at the moment. A finished call leaves nothing of it behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Living calls.
    pub calls: usize,
    /// Media legs.
    pub legs: usize,
    /// Tasks of calls: theirs, prompts being made, requests, uploads.
    pub tasks: usize,
    /// SIP sessions.
    pub sessions: usize,
    /// SIP transactions; they outlive their sessions by up to 32 s to absorb retransmissions.
    pub transactions: usize,
    /// Registered contacts.
    pub bindings: usize,
    /// TCP connections.
    pub streams: usize,
    /// Parties of calls, as others may pick them up or listen to them.
    pub lines: usize,
    /// Who waits for others to have time, to be called back.
    pub camps: usize,
    /// Slots with a parked caller.
    pub parked: usize,
}

impl Switch {
    /// Starts a switch in the current tokio runtime. `flows` may be swapped by [`Switch::reload`] only.
    pub async fn start(
        config: Config,
        flows: Arc<ArcSwap<Flows>>,
        users: &Users,
    ) -> Result<Switch, StartError> {
        let (recordings_dir, media_timeout) =
            (config.media.recordings_dir.clone(), config.media.media_timeout);
        make_directory(&recordings_dir)?;
        if let Some(parent) = config.cdr.as_deref().and_then(Path::parent) {
            make_directory(parent)?;
        }
        if let Some(journals) = config.journal.as_deref() {
            make_directory(journals)?;
        }
        let (spool, waiting) = spool::Spool::open(config.recordings, &recordings_dir)?;
        let legs = Arc::new(Legs::default());
        let (sink, runtime) = (legs.clone(), tokio::runtime::Handle::current());
        let (of_rooms, room_events) = tokio::sync::mpsc::unbounded_channel();
        let engine = media::Engine::start(config.media, move |event| {
            let _context = runtime.enter();
            match Conferences::concerns(&event) {
                // A switch that is going down has no more rooms.
                true => drop(of_rooms.send(event)),
                false => sink.deliver(event),
            }
        })?;
        let encryption = config.codecs.encryption.clone().certified(engine.fingerprint());
        let codecs = Codecs { encryption, ..config.codecs };
        let http = Http::new(&config.http)?;
        let voice = speech::Voice::new(config.speech, http.client());
        let studio = Studio::new(
            config.prompt_cache_bytes,
            voice,
            (config.web_sounds, http.clone()),
            flows.clone(),
            config.sounds,
            (recordings_dir.clone(), config.country),
            config.prompt_limit,
        );
        let advertised = config.advertise.map(|address| address.to_string());
        let hosts = advertised.into_iter().chain([config.sip.realm.clone()]).collect();
        let (studio, tasks) = (Arc::new(studio), Tasks::default());
        let cdr = call::cdr::Cdr::start(config.cdr);
        let conferences = Arc::new(Conferences::new(
            engine.clone(),
            studio.clone(),
            tasks.clone(),
            (recordings_dir.clone(), codecs.tape_rate()),
            (spool.clone(), cdr.clone()),
        ));
        tokio::spawn(conference::listen(Arc::downgrade(&conferences), room_events));
        let (shard, commands) = ShardHandle::channels(config.sip.shards);
        let shared = Arc::new(Shared {
            conferences,
            engine,
            legs,
            shard,
            book: Book::default(),
            bus: Bus::new(),
            ends: Ends::default(),
            cdr,
            journals: journal::Journals::start(config.journal),
            spool,
            lines: Arc::default(),
            camps: Default::default(),
            runs: Default::default(),
            lot: Arc::default(),
            http,
            studio,
            flows,
            trunks: trunk::Board::new(&config.trunks, &config.account),
            users: ArcSwap::from_pointee(users.clone()),
            settings: Arc::new(settings::Kept::open(config.settings)),
            tasks,
            codecs: Arc::new(codecs),
            amd: config.amd,
            language: config.language,
            account: config.account,
            hosts,
            recordings_dir,
            allow_anonymous: config.allow_anonymous,
            trust_local: config.trust_local,
            max_calls: config.max_calls,
            max_duration: config.max_duration,
            media_timeout,
            draining: AtomicBool::new(false),
            leg_count: AtomicU64::new(0),
        });
        waiting.start(&shared);
        let addresses = Arc::new(Addresses::new(config.advertise));
        let owner = shared.clone();
        let reception = Arc::new(move |invitation| route::admit(&owner, invitation));
        // Waits in the queue, so that it is known before the first message.
        shared.shard.send(Command::Directory(Directory::new(users, &shared.settings.load())));
        for (id, shows) in shared.settings.load().lamps() {
            let lamp = if shows == "ringing" { flow::ir::Lamp::Ringing } else { flow::ir::Lamp::Busy };
            shared.shard.send(Command::Lamp { id: id.to_owned(), lamp });
        }
        let sip = SipIo::start(&config.sip, &addresses, commands, &digest_users(users), reception).await?;
        let meters = tokio::spawn(meters::publish(shared.clone()));
        let mut keepers = Keepers::default();
        keepers.follow(&shared.trunks, &shared.shard);
        let keepers = Mutex::new(keepers);
        Ok(Switch { shared, sip, meters, keepers })
    }

    /// Where SIP over UDP is listened for.
    pub fn sip_udp(&self) -> Option<SocketAddr> {
        self.sip.address(sip::Transport::Udp)
    }

    /// Where SIP over TCP is listened for.
    pub fn sip_tcp(&self) -> Option<SocketAddr> {
        self.sip.address(sip::Transport::Tcp)
    }

    /// Where SIP is listened for, with the transports' names as Via headers write them.
    pub fn listening(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.sip.listening.iter().map(|(transport, address)| (transport.name(), *address))
    }

    /// Living calls, oldest first, without traces.
    pub fn calls(&self) -> Vec<CallView> {
        self.shared.book.calls()
    }

    /// The media workers' counters, as of at most a second ago.
    pub fn media_stats(&self) -> media::WorkerStats {
        self.shared.engine.stats()
    }

    /// What audio packets go by: `uring` (many with a system call) or `poll` (one with a system call).
    pub fn media_io(&self) -> &'static str {
        match self.shared.engine.io() {
            media::IoMode::Uring => "uring",
            _ => "poll",
        }
    }

    /// The last thousand finished calls, newest first, without traces.
    pub fn recent(&self) -> Vec<CallView> {
        self.shared.book.recent()
    }

    /// A call with its trace, living or among the last thousand finished ones.
    pub fn call(&self, id: CallId) -> Option<CallView> {
        self.shared.book.view(id, &self.shared.engine)
    }

    /// Ends a call with BYE, or refuses it; whether it lived.
    pub fn hang_up(&self, id: CallId, cause: &str) -> bool {
        self.shared.book.order(id, Order::HangUp(cause.to_owned()))
    }

    /// What calls do from here on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared.bus.subscribe()
    }

    /// Where the recording's file of this name is, whether or not it exists, and its media type; `None` if no recording is
    /// called so.
    pub fn recording(&self, file: &str) -> Option<(PathBuf, &'static str)> {
        let format = call::recording::format(Path::new(file))?;
        let (id, _) = file.rsplit_once('.')?;
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let plain = !id.is_empty() && id.chars().all(name);
        let path = self.shared.recordings_dir.join(call::recording::file(id, format));
        plain.then(|| (path, call::recording::media_type(format)))
    }

    /// New flows, users and trunks for the calls to come; those that run keep what they have.
    pub fn reload(&self, flows: Flows, users: &Users, trunks: &Trunks) {
        self.shared.flows.store(Arc::new(flows));
        self.shared.trunks.reload(trunks);
        lock(&self.keepers).follow(&self.shared.trunks, &self.shared.shard);
        self.shared.users.store(Arc::new(users.clone()));
        self.shared.studio.forget();
        self.shared.shard.users(&digest_users(users));
        let directory = Directory::new(users, &self.shared.settings.load());
        self.shared.shard.send(Command::Directory(directory));
    }

    /// Reads the TLS certificates again, for connections to come. What is wrong with them is logged, and changes nothing.
    pub fn reload_certificates(&self) {
        self.sip.reload_certificates();
    }

    /// The flows in use.
    pub fn flows(&self) -> Arc<Flows> {
        self.shared.flows.load_full()
    }

    /// Who is registered, and where.
    pub async fn registrations(&self) -> Vec<Registration> {
        self.shared.shard.bindings().await
    }

    /// The trunks, and how they fare.
    pub fn trunks(&self) -> Vec<TrunkView> {
        self.shared.trunks.all().iter().map(|trunk| TrunkView::of(trunk)).collect()
    }

    /// Conferences with somebody in them, by name.
    pub fn conferences(&self) -> Vec<ConferenceView> {
        self.shared.conferences.views()
    }

    /// Sends the member of this call out; its flow goes on. Whether there was one. Needs a tokio context.
    pub fn remove_member(&self, room: &str, call: CallId) -> bool {
        self.shared.conferences.remove(room, call)
    }

    /// What is held now.
    pub async fn counts(&self) -> Counts {
        let snapshot = self.shared.shard.snapshot().await;
        Counts {
            calls: self.shared.book.living(),
            legs: self.shared.legs.count(),
            tasks: self.shared.tasks.count(),
            sessions: snapshot.counts.sessions,
            transactions: snapshot.counts.transactions,
            bindings: snapshot.counts.bindings,
            streams: snapshot.streams,
            lines: self.shared.lines.count(),
            camps: self.shared.camps.count(),
            parked: self.shared.lot.count(),
        }
    }

    /// Whether no more calls are taken.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Takes no calls from here on (503 with Retry-After), waits for those that run, says BYE to the rest after `limit`,
    /// and waits a little for the answers. Returns how many calls had to be cut off.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.shard.drain();
        // Carriers send no more calls to where nobody is registered.
        lock(&self.keepers).stop();
        let mut cut = 0;
        if timeout(limit, self.shared.book.empty()).await.is_err() {
            cut = self.shared.book.living();
            self.shared.book.order_all(&Order::HangUp("the switch is going down".to_owned()));
        }
        let farewell = async {
            self.shared.book.empty().await;
            while self.shared.shard.snapshot().await.counts.sessions > 0 {
                call::run::pause(LOOK).await;
            }
            // The last of a conference's recording is written when everybody has left.
            while self.shared.conferences.is_taping() {
                call::run::pause(LOOK).await;
            }
        };
        // Whoever does not answer a BYE in time is left behind.
        let _ = timeout(FAREWELL, farewell).await;
        self.shared.spool.flush().await;
        self.shared.cdr.flush().await;
        self.shared.journals.flush().await;
        cut
    }

    /// Cuts what is left off and ends everything. After [`Switch::drain`] nothing is left.
    pub async fn stop(self) {
        self.drain(Duration::ZERO).await;
        self.meters.abort();
        self.sip.stop();
        let engine = self.shared.engine.clone();
        // The workers' threads are joined, which blocks.
        let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
        if stopped.is_err() {
            tracing::error!("the media engine did not stop in order");
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.meters.abort();
        self.sip.stop();
    }
}

fn digest_users(users: &Users) -> Vec<sip::User> {
    let account = |(name, password): (&str, &str)| sip::User { name: name.into(), password: password.into() };
    users.iter().flat_map(store::User::accounts).map(account).collect()
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(path).map_err(|source| StartError::Directory { path: path.to_owned(), source })
}

/// Locks what every statement under its lock leaves whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
