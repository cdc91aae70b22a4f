//! What is said to the SIP shard, and by which way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::{
    Body, Contact, Counters, Counts, Flow, Hop, Invite, InviteFacts, Reason, ReferId, SessionId, User,
};
use tokio::sync::{mpsc, oneshot};

use crate::book::Record;
use crate::call::{LegKey, Mail, Mark};
use crate::error::Refusal;

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
}

/// What calls and the switch ask of the shard.
#[derive(Debug)]
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
    },
    /// Where a user can be reached: answered by [`Mail::Contacts`] with this tag.
    Reach {
        user: String,
        tag: flow::leg::Tag,
        mail: mpsc::Sender<Mail>,
    },
    /// The offer that `Reached` asked for.
    Offer {
        session: SessionId,
        offer: Option<Body>,
    },
    /// The answer that `Answered` asked for.
    #[allow(dead_code, reason = "every INVITE of ours has an offer")]
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
    HangUp {
        session: SessionId,
        reason: Reason,
    },
    /// Sends a request outside of calls; its final answer goes to `reply`.
    Ask {
        request: Box<sip::Request>,
        reply: oneshot::Sender<Arc<sip::Response>>,
    },
    Users(Vec<User>),
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

/// An INVITE that wants a decision.
pub(crate) struct Invitation {
    pub(crate) session: SessionId,
    pub(crate) invite: Arc<InviteFacts>,
    pub(crate) now: Instant,
}

/// The decision.
pub(crate) enum Admission {
    /// Who are you? (407)
    Challenge,
    /// No.
    Refuse(Refusal),
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
    pub(crate) mail: mpsc::Sender<Mail>,
    pub(crate) record: Arc<Record>,
}

/// A way to a registered phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    /// Its Contact URI.
    pub(crate) target: String,
    pub(crate) flow: Flow,
    /// Route headers.
    pub(crate) routes: Vec<(String, String)>,
}

/// Who decides; called on the shard's task, so it must be quick.
pub(crate) type Reception = Box<dyn FnMut(Invitation) -> Admission + Send>;

/// The way to a shard.
#[derive(Clone, Debug)]
pub(crate) struct ShardHandle(mpsc::UnboundedSender<Command>);

impl ShardHandle {
    /// A handle and the queue it feeds. Unbounded, since a call sends at most one command for each event it was given,
    /// and a call cannot wait in the middle of obeying its flow.
    pub(crate) fn channel() -> (ShardHandle, mpsc::UnboundedReceiver<Command>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (ShardHandle(sender), receiver)
    }

    pub(crate) fn send(&self, command: Command) {
        // Without a shard the switch is stopping, and its sessions are gone with it.
        let _ = self.0.send(command);
    }

    /// Sends a request outside of calls and waits for its final answer; `None` when the switch is stopping.
    pub(crate) async fn ask(&self, request: sip::Request) -> Option<Arc<sip::Response>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask { request: Box::new(request), reply });
        answer.await.ok()
    }

    /// What the shard holds; zeros when it is gone.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Snapshot(reply));
        answer.await.unwrap_or_default()
    }

    /// The registrar's contents.
    pub(crate) async fn bindings(&self) -> Vec<Registration> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Bindings(reply));
        answer.await.unwrap_or_default()
    }
}
