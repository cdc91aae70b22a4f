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

use super::{Machine, Place, Reaction, TxEvent};
use crate::config::Timers;
use crate::timer::Timer;

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
    place: Place<State>,
    last: Option<Bytes>,
    reliable: bool,
}

impl Server {
    pub(crate) fn new(reliable: bool) -> Self {
        Server { place: Place::new(State::Trying), last: None, reliable }
    }
}

impl Machine for Server {
    type State = State;

    const TRANSITIONS: &[(State, &str, State)] = &[
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
    const OVER: State = State::Terminated;

    fn place(&mut self) -> &mut Place<State> {
        &mut self.place
    }

    fn next(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Option<(State, Reaction)> {
        Some(match (self.place.state, event) {
            (State::Trying, TxEvent::Request) => (State::Trying, Reaction::NOTHING),
            (State::Proceeding | State::Completed, TxEvent::Request) => {
                (self.place.state, Reaction::again(&self.last))
            }
            (State::Trying | State::Proceeding, TxEvent::Provisional(bytes)) => {
                self.last = Some(bytes.clone());
                (State::Proceeding, Reaction::first(bytes))
            }
            (State::Trying | State::Proceeding, TxEvent::Success(bytes) | TxEvent::Failure(bytes)) => {
                self.last = Some(bytes.clone());
                // Timer J.
                let linger = if self.reliable { Duration::ZERO } else { timers.give_up() };
                self.place.timers.set(Timer::Linger, now + linger);
                (State::Completed, Reaction::first(bytes))
            }
            (State::Trying | State::Proceeding | State::Completed, TxEvent::TransportError) => {
                (State::Terminated, Reaction::BROKEN)
            }
            (State::Completed, TxEvent::Timer(Timer::Linger)) => (State::Terminated, Reaction::NOTHING),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Step::*, check, sends};
    use super::*;

    #[test]
    fn every_transition_is_taken() {
        check(vec![
            (Server::new(false), &[Request, Success, Request, WaitOut]),
            (Server::new(false), &[Failure, Failure, Broken]),
            (Server::new(true), &[Provisional, Request, Provisional, Success, WaitOut]),
            (Server::new(true), &[Provisional, Failure, WaitOut]),
            (Server::new(true), &[Provisional, Broken]),
            (Server::new(true), &[Broken]),
        ]);
    }

    #[test]
    fn a_repeated_request_gets_the_same_answer_and_none_before_there_is_one() {
        assert_eq!(sends(Server::new(false), &[Request, Success, Request, Request, WaitOut]), 3);
    }
}
