//! What goes into an endpoint and what comes out: inputs, outputs, events and their small parts.
//! Values only; the order of outputs is the order they must be obeyed in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::body::Body;
use crate::call::InviteFacts;
use crate::flow::{Flow, Hop};
use crate::locate::{Answer, Query};
use crate::message::Method;
use crate::registration::{RegistrationId, RegistrationState};
use crate::request::{RequestId, Response};
use crate::session::{Refer, ReferId};
use crate::subscription::{Package, SubscribeFacts, SubscriptionId, Unsubscribed};
use crate::texting::{TextFacts, TextId};

/// What an endpoint is given.
#[derive(Clone, Debug)]
pub enum Input {
    /// One whole message: a datagram, or one cut out of a stream by [`crate::stream::Framer`].
    Message {
        /// Where it came from.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// A stream went away: what used it fails.
    Closed {
        /// The stream.
        flow: Flow,
    },
    /// Something could not be sent, or an ICMP error came back: transactions of the flow fail.
    TransmitFailed {
        /// The flow.
        flow: Flow,
    },
    /// A way asked for by [`Output::Connect`] is open.
    Connected {
        /// What was asked for.
        hop: Hop,
        /// The way.
        flow: Flow,
    },
    /// A way asked for by [`Output::Connect`] cannot be opened.
    Unreachable {
        /// What was asked for.
        hop: Hop,
    },
    /// DNS answers a question asked by [`Output::Query`].
    Found {
        /// The question.
        query: Query,
        /// The answer.
        answer: Answer,
    },
    /// The time [`crate::Endpoint::poll_timeout`] named has come.
    Timeout,
}

/// What an endpoint wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// Where to.
        flow: Flow,
        /// The whole message.
        bytes: Bytes,
        /// The message in short, for traces.
        summary: Summary,
    },
    /// Find the way to this address: open a stream, or take one that is open; for UDP, say which of our addresses the
    /// peer can reach. [`Input::Connected`] or [`Input::Unreachable`] answers.
    Connect(Hop),
    /// Ask DNS. [`Input::Found`] answers, in time or not at all.
    Query(Query),
    /// Something happened.
    Event(Event),
}

/// Names a session: one call's INVITE usage, ours or the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// Where the number of the endpoint stands.
    pub(crate) const SHARD: u32 = 56;

    /// The number of its endpoint, [`crate::Config::shard`].
    pub fn shard(self) -> u8 {
        (self.0 >> Self::SHARD) as u8
    }

    /// The number in it, unique among the endpoints of a server.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session-{:x}", self.0)
    }
}

/// A message in short: `INVITE`, `200 OK (INVITE)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The request's method, or that of the request a response answers.
    pub method: Method,
    /// The status code; `None` for a request.
    pub status: Option<u16>,
    /// The number in CSeq.
    pub cseq: u32,
    /// Whether there is a body.
    pub body: bool,
    /// Whether these bytes were sent before.
    pub again: bool,
    /// The session the message belongs to, where known.
    pub session: Option<SessionId>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status} {} ({})", crate::message::phrase(status), self.method)?,
            None => write!(f, "{}", self.method)?,
        }
        if self.body {
            f.write_str(" with a body")?;
        }
        if self.again {
            f.write_str(", again")?;
        }
        Ok(())
    }
}

/// Something happened.
///
/// A message is reported as [`Event::Message`] before what it caused,
/// except an INVITE that makes a session: there `Invited` comes first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Somebody calls: owes `answer`, `reject`, `challenge` or `hang_up`. 100 was sent.
    Invited {
        /// The new session.
        session: SessionId,
        /// What the INVITE says.
        invite: Arc<InviteFacts>,
    },
    /// The way to the next hop of our call is open: owes [`crate::Endpoint::offer`]. Again for each hop that is tried.
    Reached {
        /// The session.
        session: SessionId,
        /// The way.
        flow: Flow,
    },
    /// Our call made progress (a 1xx other than 100).
    Progressed {
        /// The session.
        session: SessionId,
        /// Which of the INVITE's early dialogs, counted from 1: forks each have their own. 0 makes no dialog.
        early: u32,
        /// The status code, 101 to 199. 199 says that this early dialog has ended (RFC 6228).
        status: u16,
        /// Early media's description, if any: the answer to our offer, or an offer if `owes_answer`.
        body: Option<Body>,
        /// `body` is an offer, and [`crate::Endpoint::acknowledge_early`] must carry the answer.
        owes_answer: bool,
    },
    /// Our call was redirected, or goes on to another target of an earlier redirect. The first of `targets` is tried now
    /// if [`crate::Invite::follow`] says so and there is one; else `Ended` follows.
    Redirected {
        /// The session.
        session: SessionId,
        /// The status that the target before gave, 300 to 699; 408 for silence, 503 if it cannot be reached.
        status: u16,
        /// Where to: URIs not tried yet, most wanted first.
        targets: Vec<String>,
    },
    /// Our call was answered. The ACK is sent already, unless `owes_answer`.
    Answered {
        /// The session.
        session: SessionId,
        /// Which early dialog it was, as in `Progressed`; a new number if there was none.
        early: u32,
        /// The description in force: the answer to our offer, or the peer's offer if our INVITE had none.
        body: Option<Body>,
        /// `body` is an offer, and [`crate::Endpoint::acknowledge`] must carry the answer.
        owes_answer: bool,
    },
    /// The ACK of our answer came.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The peer's answer if the offer was ours; `None` where one was owed is a peer's mistake.
        body: Option<Body>,
    },
    /// The PRACK of a provisional of ours came that carried our offer (RFC 3262 §5).
    Acknowledged {
        /// The session.
        session: SessionId,
        /// The peer's answer; `None` is a peer's mistake.
        body: Option<Body>,
    },
    /// A re-INVITE (or an UPDATE with a body): owes `answer_reinvite`.
    Reinvited {
        /// The session.
        session: SessionId,
        /// The peer's offer; `None` asks for ours.
        offer: Option<Body>,
    },
    /// The ACK of a re-INVITE's 200 came.
    Reconfirmed {
        /// The session.
        session: SessionId,
        /// The peer's answer if the offer was ours.
        body: Option<Body>,
    },
    /// What came of our re-INVITE or UPDATE. Told once for each, unless the session ends before.
    Changed {
        /// The session.
        session: SessionId,
        /// The peer's answer to our offer, or its offer if we made none; or the status it refused with, which leaves
        /// the call as it was. 491 stands for a change of the peer's that came first, too.
        result: Result<Option<Body>, u16>,
        /// The body is an offer, and [`crate::Endpoint::acknowledge`] must carry the answer.
        owes_answer: bool,
    },
    /// The session timer repeated our description, and the peer answered it: most often with what it said before.
    Refreshed {
        /// The session.
        session: SessionId,
        /// The peer's answer.
        body: Body,
    },
    /// A REFER came in a call: owes [`crate::Endpoint::answer_refer`].
    Referred {
        /// The session.
        session: SessionId,
        /// What it asks for.
        refer: Arc<Refer>,
    },
    /// A REFER of ours was answered: 2xx if the peer takes it on, 408 for silence.
    ReferAnswered {
        /// The session.
        session: SessionId,
        /// Which one.
        refer: ReferId,
        /// The status code.
        status: u16,
    },
    /// The call that a REFER of ours asked for made progress.
    ReferProgress {
        /// The session.
        session: SessionId,
        /// Which one.
        refer: ReferId,
        /// The status that call's INVITE got; below 200 with `last` it will not be known.
        status: u16,
        /// Nothing more will be heard of it.
        last: bool,
    },
    /// An INFO with a key came in a call, or one without a body, and was answered 200.
    Info {
        /// The session.
        session: SessionId,
        /// Its Content-Type.
        content_type: String,
        /// Its body.
        body: Bytes,
    },
    /// An INFO of ours was answered.
    Informed {
        /// The session.
        session: SessionId,
        /// The status code; 408 for silence.
        status: u16,
    },
    /// The session is over. The last event of every session, exactly once.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        reason: Ended,
    },
    /// A request of ours outside of calls has its answer, or will have none.
    Responded {
        /// The request.
        request: RequestId,
        /// The answer.
        response: Arc<Response>,
    },
    /// A registration of ours was granted, refreshed, refused or ended.
    Registration {
        /// The registration.
        registration: RegistrationId,
        /// How it stands now.
        state: RegistrationState,
    },
    /// A contact was registered or refreshed.
    Registered {
        /// Whose.
        user: String,
        /// Its Contact URI.
        contact: String,
        /// For how long.
        expires: Duration,
        /// The way back to it.
        flow: Flow,
    },
    /// A contact was removed, expired, or its stream closed.
    Unregistered {
        /// Whose.
        user: String,
        /// Its Contact URI.
        contact: String,
    },
    /// Somebody wants to watch: owes `accept_subscription` or `refuse_subscription`.
    Subscribed {
        /// The new subscription.
        subscription: SubscriptionId,
        /// Who, whom and what.
        facts: Arc<SubscribeFacts>,
    },
    /// A watcher refreshed its subscription, or ended it: owes `notify` with the state.
    StateWanted {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// A subscription is over: its last event, unless it was refused.
    Unsubscribed {
        /// The subscription.
        subscription: SubscriptionId,
        /// Why.
        why: Unsubscribed,
    },
    /// What a user publishes of itself changed.
    Published {
        /// Who.
        user: String,
        /// The package it belongs to.
        package: Package,
        /// What counts now: the newest publication; `None` when the last one is gone.
        body: Option<Body>,
    },
    /// A MESSAGE came: owes `answer_text`.
    Texted {
        /// The text.
        text: TextId,
        /// What it says.
        facts: Arc<TextFacts>,
    },
    /// Credentials were wrong: a bad password, or no such user.
    AuthFailed {
        /// The user name given.
        user: String,
        /// Where from.
        flow: Flow,
    },
    /// A message came in, in short, for the trace. It may name a session that has ended,
    /// as the ACK of a refusal does.
    Message {
        /// Its session, where there is one.
        session: Option<SessionId>,
        /// Where from.
        flow: Flow,
        /// The message in short.
        summary: Summary,
        /// Its Call-ID.
        call_id: String,
    },
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The peer hung up. `cause` is its Reason header, if any.
    Bye {
        /// The Reason header's value (RFC 3326).
        cause: Option<String>,
    },
    /// The peer gave up before we answered. `cause` is its Reason header, if any.
    Cancelled {
        /// The Reason header's value (RFC 3326).
        cause: Option<String>,
    },
    /// We hung up ([`crate::Endpoint::hang_up`]).
    HungUp,
    /// We refused it ([`crate::Endpoint::reject`] or [`crate::Endpoint::challenge`]).
    Rejected {
        /// With this status.
        status: u16,
    },
    /// Our 200 was never acknowledged, and a BYE was sent; or a reliable provisional was not, and 504 was.
    NoAck,
    /// Our call failed, or an in-dialog request showed the peer forgot the call; 408 stands for silence.
    Failed {
        /// The status code.
        status: u16,
    },
    /// Nobody refreshed the session (RFC 4028 §10); a BYE was sent.
    Expired,
    /// The transport broke.
    TransportLost,
}
