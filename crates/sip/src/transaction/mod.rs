//! The transaction layer: RFC 3261 §17. Four machines, one file each, and the table that finds them.
//! A machine is told events and says what to send and what to tell its user; it does neither itself.

#[cfg(test)]
mod check;
mod client;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod table;

use std::fmt::Debug;
use std::time::Instant;

use bytes::Bytes;

pub(crate) use self::client::Client;
pub(crate) use self::invite_client::InviteClient;
pub(crate) use self::invite_server::InviteServer;
pub(crate) use self::key::Key;
pub(crate) use self::server::Server;
pub(crate) use self::table::{Held, New, Transactions};
use crate::config::Timers;
use crate::timer::{Timer, TimerTable};

/// Names a transaction; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TxId(pub(crate) u64);

/// What can happen to a transaction.
#[derive(Clone, Debug)]
pub(crate) enum TxEvent {
    /// Server: the request came again.
    Request,
    /// Server: its ACK came.
    Ack,
    /// Server: the user answers 1xx.
    Provisional(Bytes),
    /// Server: the user answers 2xx.
    Success(Bytes),
    /// Server: the user answers 300 to 699.
    Failure(Bytes),
    /// Client: a 1xx came.
    Progress,
    /// Client: a 2xx came.
    Answer,
    /// Client: a 300 to 699 came; the bytes are its ACK (used for INVITE only).
    Refusal(Bytes),
    /// Client: the user cancelled and waits no longer (RFC 3261 §9.1).
    Abandon,
    /// Client: another hop is tried; nothing is sent again, but what still comes is heard for 64·T1 (RFC 3263 §4.3).
    Hush,
    /// A timer fired.
    Timer(Timer),
    /// The transport failed.
    TransportError,
}

impl TxEvent {
    /// The event's name in the transition tables.
    fn name(&self) -> &'static str {
        match self {
            TxEvent::Request => "request",
            TxEvent::Ack => "ack",
            TxEvent::Provisional(_) => "1xx",
            TxEvent::Success(_) => "2xx",
            TxEvent::Failure(_) => "failure",
            TxEvent::Progress => "progress",
            TxEvent::Answer => "answer",
            TxEvent::Refusal(_) => "refusal",
            TxEvent::Abandon => "abandon",
            TxEvent::Hush => "hush",
            TxEvent::Timer(Timer::Retransmit) => "retransmit",
            TxEvent::Timer(Timer::Timeout) => "timeout",
            TxEvent::Timer(Timer::Linger) => "linger",
            TxEvent::TransportError => "transport error",
        }
    }
}

/// What a transaction wants told to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    Nothing,
    /// What came is for the user.
    Up,
    /// Nobody answered.
    TimedOut,
    /// The transport failed.
    Broken,
}

/// What a transaction wants done.
#[derive(Clone, Debug)]
pub(crate) struct Reaction {
    /// Bytes to send, and whether they were sent before.
    pub(crate) send: Option<(Bytes, bool)>,
    pub(crate) tell: Tell,
}

impl Reaction {
    const NOTHING: Reaction = Reaction { send: None, tell: Tell::Nothing };
    const UP: Reaction = Reaction { send: None, tell: Tell::Up };
    const TIMED_OUT: Reaction = Reaction { send: None, tell: Tell::TimedOut };
    const BROKEN: Reaction = Reaction { send: None, tell: Tell::Broken };

    fn first(bytes: Bytes) -> Self {
        Reaction { send: Some((bytes, false)), tell: Tell::Nothing }
    }

    fn again(bytes: &Option<Bytes>) -> Self {
        Reaction { send: bytes.clone().map(|b| (b, true)), tell: Tell::Nothing }
    }

    fn and_up(self) -> Self {
        Reaction { tell: Tell::Up, ..self }
    }
}

/// Where a machine stands, and what it waits for.
#[derive(Debug)]
pub(crate) struct Place<S> {
    state: S,
    timers: TimerTable,
}

impl<S> Place<S> {
    /// Nothing is waited for.
    fn new(state: S) -> Self {
        Place { state, timers: TimerTable::default() }
    }
}

/// What the four machines have in common.
pub(crate) trait Machine {
    type State: Copy + PartialEq + Debug + 'static;

    /// Every transition there is: a test fails if one is never taken, and debug builds if another one is.
    const TRANSITIONS: &'static [(Self::State, &'static str, Self::State)];
    /// The state that none follows.
    const OVER: Self::State;

    fn place(&mut self) -> &mut Place<Self::State>;

    /// The next state, and what is to be done; `None` for an event that the state has no use for: peers send what they
    /// like.
    fn next(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Option<(Self::State, Reaction)>;

    fn timers(&mut self) -> &mut TimerTable {
        &mut self.place().timers
    }

    fn is_over(&mut self) -> bool {
        self.place().state == Self::OVER
    }

    /// Takes an event in.
    fn step(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Reaction {
        let (from, name) = (self.place().state, event.name());
        // Ended machines are gone from the table.
        debug_assert!(from != Self::OVER, "an ended transaction was told something");
        let Some((to, reaction)) = self.next(now, event, timers) else { return Reaction::NOTHING };
        debug_assert!(
            Self::TRANSITIONS.contains(&(from, name, to)),
            "{from:?} {name} {to:?} is not in the table"
        );
        self.place().state = to;
        if to == Self::OVER {
            self.timers().stop_all();
        }
        reaction
    }
}

/// One of the four.
#[derive(Debug)]
pub(crate) enum Role {
    InviteServer(InviteServer),
    Server(Server),
    InviteClient(InviteClient),
    Client(Client),
}

impl Role {
    pub(crate) fn step(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Reaction {
        match self {
            Role::InviteServer(m) => m.step(now, event, timers),
            Role::Server(m) => m.step(now, event, timers),
            Role::InviteClient(m) => m.step(now, event, timers),
            Role::Client(m) => m.step(now, event, timers),
        }
    }

    pub(crate) fn timers(&mut self) -> &mut TimerTable {
        match self {
            Role::InviteServer(m) => m.timers(),
            Role::Server(m) => m.timers(),
            Role::InviteClient(m) => m.timers(),
            Role::Client(m) => m.timers(),
        }
    }

    pub(crate) fn is_over(&mut self) -> bool {
        match self {
            Role::InviteServer(m) => m.is_over(),
            Role::Server(m) => m.is_over(),
            Role::InviteClient(m) => m.is_over(),
            Role::Client(m) => m.is_over(),
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Role::InviteServer(_) | Role::Server(_))
    }
}
