//! A session: one INVITE usage from its first message to its last, as RFC 3261 §13 to §15 have it.
//! Phases are an enum with data; the files beside this one are what an endpoint does in them.
//!
//! ```text
//!   theirs:  Incoming ── answer ──▶ Answered ── ACK ──┐
//!                                                     ├──▶ Confirmed ── BYE ──▶ gone
//!   ours:    Calling ─── 200, ACK ────────────────────┘
//!                │          └─▶ Unacknowledged ─ACK─▶ (our INVITE had no offer)
//!                └─ and every phase: hang up ──▶ Leaving ──▶ gone
//! ```
//!
//! `Ended` is told on entering Leaving or on going; what is left of the protocol then goes on without the caller.

mod accepted;
mod change;
mod changed;
mod early;
mod ending;
mod facts;
mod informing;
mod modify;
mod offer;
mod pending;
mod placing;
mod prack;
mod redirect;
mod refer;
mod referral;
mod referring;
mod refresh;
mod reliable;
mod replaces;
mod uac;
mod uas;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::change::{Ours, Wanted};
use self::early::Earlies;
use self::offer::Debt;
use self::pending::Pending;
use self::redirect::Trail;
use self::referral::Referrals;
pub use self::referral::{Refer, ReferId};
use self::refresh::{Alarm, Timing};
use self::reliable::Reliable;
pub use self::replaces::Replaces;
use crate::auth::asking::Asking;
use crate::auth::proofs::Proofs;
use crate::body::Body;
use crate::call::{Contact, Credentials, Invite};
use crate::dialog::Dialog;
use crate::error::WrongPhase;
use crate::event::SessionId;
use crate::flow::{Flow, Next};
use crate::random::Seeded;
use crate::reason::Reason;
use crate::timer::{Timer, TimerTable};
use crate::transaction::TxId;
use crate::way::WayId;

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) dialog: Dialog,
    pub(crate) phase: Phase,
    /// What is being changed. An UPDATE can come before the call is answered, so it stands beside the phase.
    pub(crate) change: Change,
    debt: Debt,
    /// The number of the INVITE that made the session, which RAck repeats.
    invite_cseq: u32,
    /// The reliable provisional that our final response overtook: its PRACK may still come (RFC 3262 §3).
    late_prack: Option<u32>,
    /// Our requests beside the phase's own.
    pending: Vec<Pending>,
    referrals: Referrals,
    /// Our Contact.
    contact: Option<Contact>,
    credentials: Option<Credentials>,
    /// Our description that holds.
    description: Option<Body>,
    timing: Timing,
    /// A change of ours that waits for its turn.
    wanted: Option<Box<Wanted>>,
    timers: TimerTable,
    /// The search for the name its requests go to, while it lasts.
    pub(crate) lead: Option<WayId>,
    pub(crate) due: Option<Instant>,
}

/// Where a session stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// An INVITE came and is not answered. Boxed, as is what else a session has for a short time only: a call that is up
    /// has no room for it.
    Incoming(Box<Incoming>),
    /// Our 2xx is not acknowledged.
    Answered(Repeat),
    /// Our INVITE is not answered.
    Calling(Box<Calling>),
    /// A 2xx with an offer came, and the answer for its ACK is awaited from the caller.
    Unacknowledged { cseq: u32, invite: TxId },
    /// Up.
    Confirmed,
    /// Ended for the caller, not yet for the peer.
    Leaving(Leaving),
}

/// An INVITE that came.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) invite: TxId,
    /// How to ask for credentials, if they are asked for.
    pub(crate) asking: Asking,
    /// Whether it had no offer, so that ours is wanted.
    asked: bool,
    /// The last provisional, to be sent again each minute.
    progress: Option<(u16, Option<Body>)>,
    reliable: Reliable,
    /// Our answer to the call, if it waits for a PRACK (RFC 3262 §3).
    held: Option<Held>,
}

/// A 2xx that waits.
#[derive(Debug)]
pub(crate) struct Held {
    body: Option<Body>,
}

/// A 2xx that is sent again until its ACK comes (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(crate) struct Repeat {
    transaction: TxId,
    bytes: Bytes,
    /// The INVITE's number, which its ACK repeats.
    cseq: u32,
    interval: Duration,
}

/// An INVITE of ours.
#[derive(Debug)]
pub(crate) struct Calling {
    /// How the INVITE gets to where it goes.
    way: WayId,
    /// The last one sent; `None` before there is a way, and while the next one is sought.
    transaction: Option<TxId>,
    invite: Invite,
    /// Where it goes now: elsewhere than at first once it was redirected.
    next: Next,
    trail: Trail,
    /// Our offer for the hop at hand.
    offer: Option<Body>,
    /// Whether that offer was asked for and is awaited.
    wants_offer: bool,
    /// Whether an INVITE was sent whose number another hop gets too (RFC 3263 §4.3).
    numbered: bool,
    /// Whether a 1xx came: a CANCEL may be sent only then (RFC 3261 §9.1).
    progressed: bool,
    /// The challenges answered: each only once.
    proofs: Proofs,
    earlies: Earlies,
}

/// What changes in a session: the INVITE or UPDATE in its dialog that is open, of which there is one at most.
#[derive(Debug, Default)]
pub(crate) enum Change {
    /// Nothing.
    #[default]
    Idle,
    /// The peer asks, and `answer_reinvite` is owed.
    Asked { transaction: TxId, acknowledged: bool },
    /// Our 2xx to a re-INVITE is not acknowledged.
    Answered(Repeat),
    /// Ours is not answered.
    Sent { transaction: TxId, ours: Box<Ours> },
    /// A 2xx to our re-INVITE brought an offer, and the answer for its ACK is awaited from the caller.
    Unacknowledged { cseq: u32, invite: TxId },
}

/// Which deadline of a session has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Timer(Timer),
    /// A change of ours waited long enough.
    Retry,
    Alarm(Alarm),
    /// The subscription of a REFER expires.
    Referrals,
}

/// What is left to do once a session has ended for the caller.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// Waiting for a 1xx, to send CANCEL then.
    Cancel { invite: TxId, reason: Reason },
    /// CANCEL is sent; the INVITE's final response is awaited.
    Cancelled { invite: TxId, reason: Reason },
    /// Our 2xx is not acknowledged, and a BYE may be sent only then (RFC 3261 §15).
    Acknowledge { repeat: Repeat, reason: Reason },
    /// Our BYE is not answered.
    Bye { transaction: TxId, authorized: bool },
}

impl Repeat {
    /// What is left in the place of one that moved to another phase.
    fn nothing() -> Self {
        Repeat { transaction: TxId(0), bytes: Bytes::new(), cseq: 0, interval: Duration::ZERO }
    }
}

impl Phase {
    /// In one word.
    fn name(&self) -> &'static str {
        match self {
            Phase::Incoming(_) => "incoming",
            Phase::Answered(_) => "answered",
            Phase::Calling(_) => "calling",
            Phase::Unacknowledged { .. } => "unacknowledged",
            Phase::Confirmed => "confirmed",
            Phase::Leaving(_) => "leaving",
        }
    }

    /// Whether the caller was told `Ended`.
    fn is_leaving(&self) -> bool {
        matches!(self, Phase::Leaving(_))
    }
}

impl Session {
    /// The peer's tag, also before the answer.
    pub(crate) fn remote_tag(&self) -> &str {
        let early = match &self.phase {
            Phase::Calling(calling) => calling.earlies.last_tag(),
            _ => None,
        };
        early.unwrap_or(&self.dialog.remote_tag)
    }

    pub(crate) fn new(id: SessionId, dialog: Dialog, phase: Phase) -> Self {
        Session {
            id,
            dialog,
            phase,
            change: Change::Idle,
            debt: Debt::default(),
            invite_cseq: 0,
            late_prack: None,
            pending: Vec::new(),
            referrals: Referrals::default(),
            contact: None,
            credentials: None,
            description: None,
            timing: Timing::default(),
            wanted: None,
            timers: TimerTable::default(),
            lead: None,
            due: None,
        }
    }

    /// The user part of our Contact in a call that we place.
    pub(crate) fn user(&self) -> String {
        match &self.phase {
            Phase::Calling(calling) => calling.invite.user.clone(),
            _ => String::new(),
        }
    }

    pub(crate) fn set_contact(&mut self, contact: Contact) {
        self.contact = Some(contact);
    }

    /// How its INVITE gets to where it goes, while that is not settled.
    pub(crate) fn way(&self) -> Option<WayId> {
        match &self.phase {
            Phase::Calling(calling) => Some(calling.way),
            _ => None,
        }
    }

    /// When its first deadline comes.
    pub(crate) fn next(&self) -> Option<Instant> {
        let timers = self.timers.next();
        if self.phase.is_leaving() {
            return timers;
        }
        [timers, self.retry(), self.timing.next(), self.referrals.next()].into_iter().flatten().min()
    }

    /// The deadline that has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Due> {
        if let Some(timer) = self.timers.take_due(now) {
            return Some(Due::Timer(timer));
        }
        if self.phase.is_leaving() {
            return None;
        }
        if self.retry().is_some_and(|at| at <= now) {
            return Some(Due::Retry);
        }
        if self.referrals.expired(now).is_some() {
            return Some(Due::Referrals);
        }
        self.timing.take_due(now).map(Due::Alarm)
    }

    /// The 2xx that waits for its ACK.
    fn repeated(&mut self) -> Option<&mut Repeat> {
        match (&mut self.phase, &mut self.change) {
            (Phase::Answered(repeat) | Phase::Leaving(Leaving::Acknowledge { repeat, .. }), _) => {
                Some(repeat)
            }
            (Phase::Leaving(_), _) => None,
            (_, Change::Answered(repeat)) => Some(repeat),
            _ => None,
        }
    }

    /// Where it stands, in one word.
    pub(crate) fn stands(&self) -> &'static str {
        match (&self.phase, &self.change) {
            (Phase::Confirmed, Change::Asked { .. }) => "being changed",
            (Phase::Confirmed, Change::Answered(_)) => "changed",
            (Phase::Confirmed, Change::Sent { .. } | Change::Unacknowledged { .. }) => "changing",
            (phase, _) => phase.name(),
        }
    }

    /// The requests of the peer that wait for an answer of the caller's.
    pub(crate) fn unanswered(&self) -> Vec<TxId> {
        self.referrals.open()
    }

    fn wrong(&self) -> WrongPhase {
        WrongPhase { phase: self.stands() }
    }
}

/// The error for a session there is not.
pub(crate) const GONE: WrongPhase = WrongPhase { phase: "gone" };

/// The sessions of an endpoint, by id and by our tag.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// Boxed, so that the table grows without a pause.
    all: HashMap<SessionId, Box<Session>, Seeded>,
    /// Our tags are ours alone, so a tag finds the session; Call-ID and the peer's tag are compared then.
    by_tag: HashMap<String, SessionId, Seeded>,
    last: u64,
}

impl Sessions {
    /// Ids begin with the number of the endpoint, so that those of several never meet.
    pub(crate) fn new(hashes: Seeded, shard: u8) -> Self {
        let last = u64::from(shard) << SessionId::SHARD;
        Sessions { all: HashMap::with_hasher(hashes), by_tag: HashMap::with_hasher(hashes), last }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn next_id(&mut self) -> SessionId {
        self.last += 1;
        SessionId(self.last)
    }

    pub(crate) fn add(&mut self, session: Session) {
        self.by_tag.insert(session.dialog.local_tag.clone(), session.id);
        self.all.insert(session.id, Box::new(session));
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.all.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.all.remove(&id)?;
        self.by_tag.remove(&session.dialog.local_tag);
        Some(*session)
    }

    /// The session of a message: our tag, the Call-ID and the peer's tag must agree.
    pub(crate) fn find(&self, local_tag: &str, call_id: &str, remote_tag: &str) -> Option<SessionId> {
        let session = self.all.get(self.by_tag.get(local_tag)?)?;
        let early = matches!(&session.phase, Phase::Calling(calling) if calling.earlies.has(remote_tag));
        let known = early || session.dialog.remote_tag == remote_tag;
        (session.dialog.call_id == call_id && known).then_some(session.id)
    }

    /// The sessions whose flow this is, in the order they were made.
    pub(crate) fn on_flow(&self, flow: &Flow) -> Vec<SessionId> {
        let mut ids: Vec<SessionId> =
            self.all.values().filter(|s| s.dialog.flow == *flow).map(|s| s.id).collect();
        ids.sort_unstable();
        ids
    }
}
