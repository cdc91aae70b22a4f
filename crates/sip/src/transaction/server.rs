//! The server transaction of every method but INVITE and ACK: RFC 3261 §17.2.2.
//!
//! ```text
//!        request (made)
//!             │
//!             ▼
//!          Trying ─── 1xx: send ──▶ Proceeding   request, 1xx: send
//!             │                         │
//!             └── 200-699: send, ───────┤
//!                 start J               ▼
//!      error ──▶ Terminated ◀─ J ── Completed   request: send again
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Machine, Reaction, TxEvent};
use crate::config::Timers;
use crate::timer::{Timer, TimerTable};

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// A request being answered.
#[derive(Debug)]
pub(crate) struct Server {
    state: State,
    timers: TimerTable,
    last: Option<Bytes>,
    reliable: bool,
}

/// Every transition there is: a test fails if one is never taken, and debug builds if another one is.
pub(super) const TRANSITIONS: &[(State, &str, State)] = &[
    (State::Trying, "request", State::Trying),
    (State::Trying, "1xx", State::Proceeding),
    (State::Trying, "2xx", State::Completed),
    (State::Trying, "failure", State::Completed),
    (State::Trying, "transport error", State::Terminated),
    (State::Proceeding, "request", State::Proceeding),
    (State::Proceeding, "1xx", State::Proceeding),
    (State::Proceeding, "2xx", State::Completed),
    (State::Proceeding, "failure", State::Completed),
    (State::Proceeding, "transport error", State::Terminated),
    (State::Completed, "request", State::Completed),
    (State::Completed, "transport error", State::Terminated),
    (State::Completed, "linger", State::Terminated),
];

impl Server {
    pub(crate) fn new(reliable: bool) -> Self {
        Server { state: State::Trying, timers: TimerTable::default(), last: None, reliable }
    }

    fn handle(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Reaction {
        let (from, name) = (self.state, event.name());
        let (to, reaction) = match (self.state, event) {
            (State::Trying, TxEvent::Request) => (State::Trying, Reaction::NOTHING),
            (State::Proceeding | State::Completed, TxEvent::Request) => {
                (self.state, Reaction::again(&self.last))
            }
            (State::Trying | State::Proceeding, TxEvent::Provisional(bytes)) => {
                self.last = Some(bytes.clone());
                (State::Proceeding, Reaction::first(bytes))
            }
            (State::Trying | State::Proceeding, TxEvent::Success(bytes) | TxEvent::Failure(bytes)) => {
                self.last = Some(bytes.clone());
                // Timer J.
                let linger = if self.reliable { Duration::ZERO } else { timers.give_up() };
                self.timers.set(Timer::Linger, now + linger);
                (State::Completed, Reaction::first(bytes))
            }
            (State::Trying | State::Proceeding | State::Completed, TxEvent::TransportError) => {
                (State::Terminated, Reaction::BROKEN)
            }
            (State::Completed, TxEvent::Timer(Timer::Linger)) => (State::Terminated, Reaction::NOTHING),
            (state, _) => return Reaction::ignored(state == State::Terminated),
        };
        debug_assert!(TRANSITIONS.contains(&(from, name, to)), "{from:?} {name} {to:?} is not in the table");
        self.state = to;
        if to == State::Terminated {
            self.timers.stop_all();
        }
        reaction
    }
}

impl Machine for Server {
    type State = State;

    fn state(&self) -> State {
        self.state
    }

    fn timers(&mut self) -> &mut TimerTable {
        &mut self.timers
    }

    fn step(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Reaction {
        self.handle(now, event, timers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Step::*, check, sends};
    use super::*;

    #[test]
    fn every_transition_is_taken() {
        check(
            TRANSITIONS,
            State::Terminated,
            vec![
                (Server::new(false), &[Request, Success, Request, WaitOut]),
                (Server::new(false), &[Failure, Failure, Broken]),
                (Server::new(true), &[Provisional, Request, Provisional, Success, WaitOut]),
                (Server::new(true), &[Provisional, Failure, WaitOut]),
                (Server::new(true), &[Provisional, Broken]),
                (Server::new(true), &[Broken]),
            ],
        );
    }

    #[test]
    fn a_repeated_request_gets_the_same_answer_and_none_before_there_is_one() {
        assert_eq!(sends(Server::new(false), &[Request, Success, Request, Request, WaitOut]), 3);
    }
}
