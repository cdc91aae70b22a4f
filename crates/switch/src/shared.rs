//! What all calls of a switch share: handles, tables and limits. Nothing in it belongs to one call.

use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use flow::leg::Prompt;
use futures_util::FutureExt;
use media::Engine;
use store::{Flows, Users};
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::book::Book;
use crate::call::cdr::Cdr;
use crate::call::{Camps, Ends, LegKey, Legs, Runs};
use crate::codecs::Codecs;
use crate::conference::Conferences;
use crate::events::Bus;
use crate::http::Http;
use crate::journal::Journals;
use crate::lines::Lines;
use crate::lot::Lot;
use crate::settings::Kept;
use crate::sip_io::ShardHandle;
use crate::spool::Spool;
use crate::studio::Studio;
use crate::trunk::Board;

/// See the module.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) conferences: Arc<Conferences>,
    pub(crate) legs: Arc<Legs>,
    pub(crate) shard: ShardHandle,
    pub(crate) book: Book,
    pub(crate) bus: Bus,
    /// How calls ended.
    pub(crate) ends: Ends,
    pub(crate) cdr: Cdr,
    pub(crate) journals: Journals,
    pub(crate) spool: Spool,
    pub(crate) lines: Arc<Lines>,
    pub(crate) camps: Camps,
    /// Flows that run without a call.
    pub(crate) runs: Runs,
    pub(crate) lot: Arc<Lot>,
    pub(crate) http: Http,
    pub(crate) studio: Arc<Studio>,
    pub(crate) flows: Arc<ArcSwap<Flows>>,
    pub(crate) trunks: Board,
    pub(crate) users: ArcSwap<Users>,
    pub(crate) settings: Arc<Kept>,
    pub(crate) tasks: Tasks,
    pub(crate) codecs: Arc<Codecs>,
    /// When what counts for finding out who answered.
    pub(crate) amd: audio::detect::Timings,
    pub(crate) language: String,
    pub(crate) account: String,
    /// The domain's name, and our address as others see it.
    pub(crate) hosts: Vec<String>,
    pub(crate) recordings_dir: PathBuf,
    pub(crate) allow_anonymous: bool,
    pub(crate) trust_local: bool,
    pub(crate) max_calls: usize,
    pub(crate) max_duration: Duration,
    pub(crate) media_timeout: Duration,
    pub(crate) draining: AtomicBool,
    /// Legs so far.
    pub(crate) leg_count: AtomicU64,
}

impl Shared {
    /// Whether whoever calls from this address is on this machine, and is believed for that.
    pub(crate) fn is_here(&self, from: IpAddr) -> bool {
        self.trust_local && from.is_loopback()
    }

    /// Whether who is at the phone of this account may call numbers outside.
    pub(crate) fn may_call_outside(&self, account: &str) -> bool {
        let users = self.users.load();
        let user = self.settings.load();
        let user = user.user_at(&users, account);
        user.is_none_or(|user| user.may(store::Permission::Outside))
    }

    /// What flows that begin now are told of the switch.
    pub(crate) fn flow_settings(&self) -> flow::Settings {
        let rooms = self.flows.load().rooms().clone();
        flow::Settings { default_language: self.language.clone(), rooms, ..flow::Settings::default() }
    }

    /// What is heard for as long as somebody waits, by its name: a tone, silence, a text, a sound, or all sounds of the
    /// directory of that name, a playlist.
    pub(crate) fn music(&self, name: &str) -> Vec<Prompt> {
        let prompts = flow::tone::prompts(name);
        match prompts.is_empty() {
            // Whoever prepares it says that it cannot be had.
            true => vec![Prompt::Sound(name.to_owned())],
            false => prompts.into_iter().flat_map(|prompt| self.playlist(prompt)).collect(),
        }
    }

    /// All sounds of a directory, if that is what it names; else the prompt itself.
    pub(crate) fn playlist(&self, prompt: Prompt) -> Vec<Prompt> {
        let names = match &prompt {
            Prompt::Sound(name) => self.flows.load().sounds().within(name),
            _ => Vec::new(),
        };
        match names.is_empty() {
            true => vec![prompt],
            false => names.into_iter().map(Prompt::Sound).collect(),
        }
    }

    /// A name for a new leg.
    pub(crate) fn leg_key(&self) -> LegKey {
        LegKey::new(self.leg_count.fetch_add(1, Ordering::Relaxed))
    }
}

/// Starts the tasks of calls and counts them, so that one can see that none is left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(Arc<AtomicUsize>);

/// Counts a task as long as it lives, however it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tasks {
    /// Starts `work` in the current span.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.0.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(self.0.clone());
        // Not an async block, which would hold `work` twice: as what it was given and as what it waits for.
        let work = work.in_current_span().map(move |()| drop(counted));
        tokio::spawn(work).abort_handle()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
