//! What is said to the SIP shard, and by which way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use sip::locate::{Answer, Query};
use sip::{
    Body, Contact, Counters, Counts, Flow, Hop, Invite, InviteFacts, Reason, ReferId, SessionId, User,
};
use tokio::sync::{mpsc, oneshot};

use crate::book::Record;
use crate::call::{LegKey, Mail, Mark};
use crate::error::Refusal;
use crate::presence::Directory;

/// What the transport tasks tell the shard.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A whole message.
    Message { flow: Flow, bytes: Bytes },
    /// A stream is gone.
    Closed { flow: Flow },
    /// A stream has been silent for long: is it needed?
    Idle { flow: Flow, reply: oneshot::Sender<bool> },
    /// The way that the shard asked for, if there is one.
    Way { hop: Hop, flow: Option<Flow> },
    /// What DNS says to what the shard asked.
    Found { query: Query, answer: Answer },
}

/// What calls and the switch ask of the shard.
#[derive(Debug)]
#[allow(dead_code, reason = "some of it no call has a use for yet")]
pub(crate) enum Command {
    /// Places a call. What becomes of it goes to its owner, `Began` first.
    Invite {
        invite: Box<Invite>,
        owner: Owner,
    },
    /// A session belongs to another call from here on.
    Rehome {
        session: SessionId,
        owner: Owner,
        /// The call it belonged to; told when no more letters about it will come.
        before: mpsc::Sender<Box<Mail>>,
    },
    /// Whose the session is that a transfer names: answered by [`Mail::Found`] for the leg that asks.
    Find {
        replaces: sip::Replaces,
        by: LegKey,
        mail: mpsc::Sender<Box<Mail>>,
    },
    /// Where a user can be reached: answered by [`Mail::Contacts`] with this tag.
    Reach {
        user: String,
        /// Its phones' accounts.
        accounts: Vec<String>,
        tag: flow::leg::Tag,
        mail: mpsc::Sender<Box<Mail>>,
    },
    /// The offer that `Reached` asked for.
    Offer {
        session: SessionId,
        offer: Option<Body>,
    },
    /// The answer that `Answered` asked for.
    Acknowledge {
        session: SessionId,
        answer: Option<Body>,
    },
    /// The answer that `Progressed` asked for.
    AcknowledgeEarly {
        session: SessionId,
        early: u32,
        answer: Option<Body>,
    },
    /// A re-INVITE; without an offer the peer makes one. `Changed` tells what came of it, also if it could not be sent.
    Reinvite {
        session: SessionId,
        offer: Option<Body>,
    },
    /// Whether a transfer is taken on; `NotifyRefer` says then how it goes.
    AnswerRefer {
        refer: ReferId,
        answer: Result<(), u16>,
    },
    /// The status of the call that a transfer asked for; from 200 on the last.
    NotifyRefer {
        refer: ReferId,
        status: u16,
    },
    /// Asks the peer to call somebody else: the value of Refer-To.
    Refer {
        session: SessionId,
        to: String,
        headers: Vec<(String, String)>,
    },
    Progress {
        session: SessionId,
        status: u16,
        body: Option<Body>,
        contact: Contact,
    },
    Answer {
        session: SessionId,
        body: Option<Body>,
        contact: Contact,
    },
    Reject {
        session: SessionId,
        status: u16,
        phrase: Option<String>,
        headers: Vec<(String, String)>,
    },
    AnswerReinvite {
        session: SessionId,
        answer: Result<Body, u16>,
    },
    /// Changes a call by UPDATE, which can be done before it is answered; `Changed` tells what came of it.
    Update {
        session: SessionId,
        offer: Option<Body>,
    },
    /// An INFO; `Informed` tells what came of it, also if it could not be sent.
    Info {
        session: SessionId,
        body: Body,
    },
    HangUp {
        session: SessionId,
        reason: Reason,
    },
    /// Sends a request outside of calls; its final answer goes to `reply`.
    Ask {
        request: Box<sip::Request>,
        reply: oneshot::Sender<Arc<sip::Response>>,
    },
    /// Keeps a registration with others; what becomes of it goes to `states`.
    Register {
        kept: u64,
        registration: Box<sip::Registration>,
        states: mpsc::UnboundedSender<sip::RegistrationState>,
    },
    /// Ends it.
    Unregister {
        kept: u64,
    },
    Users(Vec<User>),
    /// How others name the users.
    Directory(Directory),
    /// A lamp that a flow lights: the user part of its address.
    Lamp {
        id: String,
        lamp: flow::ir::Lamp,
    },
    Drain,
    Snapshot(oneshot::Sender<Snapshot>),
    Bindings(oneshot::Sender<Vec<Registration>>),
}

/// What the shard holds and has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) counters: Counters,
    pub(crate) counts: Counts,
    pub(crate) streams: usize,
}

/// A registered contact, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whose.
    pub user: String,
    /// The Contact URI.
    pub contact: String,
    /// Where its requests come from.
    pub from: SocketAddr,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// Seconds until it expires.
    pub expires_s: u64,
}

impl Registration {
    /// All that are registered.
    pub(super) fn all(endpoint: &sip::Endpoint, now: Instant) -> Vec<Registration> {
        let bindings = endpoint.bindings().map(|binding| Registration {
            user: binding.user.to_string(),
            contact: binding.contact.clone(),
            from: binding.flow.remote,
            transport: binding.flow.transport.name(),
            expires_s: binding.expires.saturating_duration_since(now).as_secs(),
        });
        bindings.collect()
    }
}

/// An INVITE that wants a decision.
pub(crate) struct Invitation {
    pub(crate) session: SessionId,
    pub(crate) invite: Arc<InviteFacts>,
    /// To whom the session belongs that it is to take over (RFC 3891), or the status to refuse it with.
    pub(crate) replaced: Option<Result<Owner, u16>>,
    pub(crate) now: Instant,
}

/// The decision.
pub(crate) enum Admission {
    /// Who are you? (407)
    Challenge,
    /// No.
    Refuse(Refusal),
    /// No, with this status alone.
    Reject(u16),
    /// The session belongs to a call now.
    Take(Owner),
}

/// To whom a session belongs.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The leg, as its call knows it, and as the timeline does.
    pub(crate) leg: LegKey,
    pub(crate) mark: Mark,
    /// The call's mailbox and record.
    pub(crate) mail: mpsc::Sender<Box<Mail>>,
    pub(crate) record: Arc<Record>,
}

/// A way to a registered phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    /// The account that it is registered with.
    pub(crate) account: String,
    /// Its Contact URI.
    pub(crate) target: String,
    pub(crate) flow: Flow,
    /// Route headers.
    pub(crate) routes: Vec<(String, String)>,
}

impl Phone {
    /// The ways to all that are registered with these accounts.
    pub(super) fn all(endpoint: &sip::Endpoint, accounts: &[String]) -> Vec<Phone> {
        let mut all = Vec::new();
        for account in accounts {
            all.extend(endpoint.bindings_of(account).into_iter().map(|binding| Phone {
                account: account.clone(),
                target: binding.contact.clone(),
                flow: binding.flow,
                routes: binding.routes(),
            }));
        }
        all
    }
}

/// Who decides; called on the shards' tasks, so it must be quick.
pub(crate) type Reception = Arc<dyn Fn(Invitation) -> Admission + Send + Sync>;

/// The way to the shards.
#[derive(Clone, Debug)]
pub(crate) struct ShardHandle {
    shards: Arc<[mpsc::UnboundedSender<Command>]>,
    /// Calls placed, for taking turns.
    placed: Arc<AtomicUsize>,
    /// Registrations with others, for their numbers.
    kept: Arc<AtomicU64>,
}

/// A registration with others; it is taken back when this is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    number: u64,
    shard: ShardHandle,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shard.send(Command::Unregister { kept: self.number });
    }
}

impl ShardHandle {
    /// A handle and the queues it feeds, one a shard. Unbounded, since a call sends at most one command for each event it
    /// was given, and a call cannot wait in the middle of obeying its flow.
    pub(crate) fn channels(count: u8) -> (ShardHandle, Vec<mpsc::UnboundedReceiver<Command>>) {
        let (senders, queues): (Vec<_>, Vec<_>) =
            (0..count.max(1)).map(|_| mpsc::unbounded_channel()).unzip();
        (ShardHandle { shards: senders.into(), placed: Arc::default(), kept: Arc::default() }, queues)
    }

    /// Sends a command to the shard that it concerns. What concerns all is sent by functions of its own.
    pub(crate) fn send(&self, command: Command) {
        let shard = match &command {
            Command::Invite { .. } => self.placed.fetch_add(1, Ordering::Relaxed) % self.shards.len(),
            Command::Rehome { session, .. }
            | Command::Offer { session, .. }
            | Command::Acknowledge { session, .. }
            | Command::AcknowledgeEarly { session, .. }
            | Command::Reinvite { session, .. }
            | Command::Refer { session, .. }
            | Command::Progress { session, .. }
            | Command::Answer { session, .. }
            | Command::Reject { session, .. }
            | Command::AnswerReinvite { session, .. }
            | Command::Update { session, .. }
            | Command::Info { session, .. }
            | Command::HangUp { session, .. } => usize::from(session.shard()),
            Command::AnswerRefer { refer, .. } | Command::NotifyRefer { refer, .. } => {
                usize::from(refer.session.shard())
            }
            Command::Find { replaces, .. } => {
                let shards = u8::try_from(self.shards.len()).unwrap_or(u8::MAX);
                usize::from(sip::glance::shard_of_call(&replaces.call_id, shards))
            }
            // The first has the registrar.
            Command::Reach { .. }
            | Command::Ask { .. }
            | Command::Register { .. }
            | Command::Unregister { .. }
            | Command::Bindings(_)
            | Command::Users(_)
            | Command::Directory(_)
            | Command::Lamp { .. }
            | Command::Drain
            | Command::Snapshot(_) => 0,
        };
        if let Some(shard) = self.shards.get(shard) {
            // Without a shard the switch is stopping, and its sessions are gone with it.
            let _ = shard.send(command);
        }
    }

    /// Sends a request outside of calls and waits for its final answer; `None` when the switch is stopping.
    pub(crate) async fn ask(&self, request: sip::Request) -> Option<Arc<sip::Response>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask { request: Box::new(request), reply });
        answer.await.ok()
    }

    /// Keeps a registration with others for as long as what it returns.
    pub(crate) fn register(
        &self,
        registration: sip::Registration,
        states: mpsc::UnboundedSender<sip::RegistrationState>,
    ) -> Kept {
        let number = self.kept.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Register { kept: number, registration: Box::new(registration), states });
        Kept { number, shard: self.clone() }
    }

    /// Tells all shards whom they may let in.
    pub(crate) fn users(&self, users: &[User]) {
        for shard in &*self.shards {
            let _ = shard.send(Command::Users(users.to_vec()));
        }
    }

    /// Tells all shards to take no more calls.
    pub(crate) fn drain(&self) {
        for shard in &*self.shards {
            let _ = shard.send(Command::Drain);
        }
    }

    /// What the shards hold together; zeros when they are gone.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        for shard in &*self.shards {
            let (reply, answer) = oneshot::channel();
            let _ = shard.send(Command::Snapshot(reply));
            let one = answer.await.unwrap_or_default();
            sum.counters += one.counters;
            sum.counts += one.counts;
            // They all write to the same ones.
            sum.streams = one.streams;
        }
        sum
    }

    /// The registrar's contents.
    pub(crate) async fn bindings(&self) -> Vec<Registration> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Bindings(reply));
        answer.await.unwrap_or_default()
    }
}
