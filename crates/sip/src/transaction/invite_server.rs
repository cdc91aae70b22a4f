//! The INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.
//!
//! ```text
//!                 INVITE (made)
//!                      │
//!                      ▼            INVITE: last 1xx again
//!               ┌─ Proceeding ──┐   1xx: send
//!      300-699: │      │        │ 2xx: send, start L
//!  send, start  │      │ error  │
//!     G and H   ▼      │        ▼
//!           Completed  │    Accepted   INVITE: absorbed; ACK: up; 2xx: send
//!   INVITE, G:  │ │ H  │        │ L
//!  send again   │ └──┐ │        │
//!          ACK  ▼    ▼ ▼        │
//!           Confirmed ─I─▶ Terminated ◀┘
//! ```
//!
//! It repeats final failures itself; a 2xx is repeated by the session, end to end (RFC 3261 §13.3.1.4).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Machine, Place, Reaction, TxEvent};
use crate::config::Timers;
use crate::timer::Timer;

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// An INVITE being answered.
#[derive(Debug)]
pub(crate) struct InviteServer {
    place: Place<State>,
    last: Option<Bytes>,
    interval: Duration,
    reliable: bool,
}

impl InviteServer {
    pub(crate) fn new(reliable: bool, timers: &Timers) -> Self {
        InviteServer { place: Place::new(State::Proceeding), last: None, interval: timers.t1, reliable }
    }

    fn send(&mut self, bytes: Bytes) -> Reaction {
        self.last = Some(bytes.clone());
        Reaction::first(bytes)
    }
}

impl Machine for InviteServer {
    type State = State;

    const TRANSITIONS: &[(State, &str, State)] = &[
        (State::Proceeding, "request", State::Proceeding),
        (State::Proceeding, "1xx", State::Proceeding),
        (State::Proceeding, "2xx", State::Accepted),
        (State::Proceeding, "failure", State::Completed),
        (State::Proceeding, "transport error", State::Terminated),
        (State::Completed, "request", State::Completed),
        (State::Completed, "retransmit", State::Completed),
        (State::Completed, "ack", State::Confirmed),
        (State::Completed, "timeout", State::Terminated),
        (State::Completed, "transport error", State::Terminated),
        (State::Confirmed, "linger", State::Terminated),
        (State::Accepted, "request", State::Accepted),
        (State::Accepted, "ack", State::Accepted),
        (State::Accepted, "2xx", State::Accepted),
        (State::Accepted, "linger", State::Terminated),
    ];
    const OVER: State = State::Terminated;

    fn place(&mut self) -> &mut Place<State> {
        &mut self.place
    }

    fn next(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Option<(State, Reaction)> {
        Some(match (self.place.state, event) {
            (State::Proceeding, TxEvent::Request) => (State::Proceeding, Reaction::again(&self.last)),
            (State::Proceeding, TxEvent::Provisional(bytes)) => (State::Proceeding, self.send(bytes)),
            (State::Proceeding, TxEvent::Success(bytes)) => {
                // Timer L.
                self.place.timers.set(Timer::Linger, now + timers.give_up());
                // Copies of the INVITE are absorbed from here on: for 32 s, nothing of what was sent is needed.
                self.last = None;
                (State::Accepted, Reaction::first(bytes))
            }
            (State::Proceeding, TxEvent::Failure(bytes)) => {
                if !self.reliable {
                    // Timer G.
                    self.place.timers.set(Timer::Retransmit, now + self.interval);
                }
                // Timer H.
                self.place.timers.set(Timer::Timeout, now + timers.give_up());
                (State::Completed, self.send(bytes))
            }
            (State::Completed, TxEvent::Request) => (State::Completed, Reaction::again(&self.last)),
            (State::Completed, TxEvent::Timer(Timer::Retransmit)) => {
                self.interval = (self.interval * 2).min(timers.t2);
                self.place.timers.set(Timer::Retransmit, now + self.interval);
                (State::Completed, Reaction::again(&self.last))
            }
            (State::Completed, TxEvent::Ack) => {
                self.place.timers.stop_all();
                // Timer I: nothing comes late over a reliable transport.
                let linger = if self.reliable { Duration::ZERO } else { timers.t4 };
                self.place.timers.set(Timer::Linger, now + linger);
                (State::Confirmed, Reaction::NOTHING)
            }
            (State::Completed, TxEvent::Timer(Timer::Timeout)) => (State::Terminated, Reaction::TIMED_OUT),
            (State::Proceeding | State::Completed, TxEvent::TransportError) => {
                (State::Terminated, Reaction::BROKEN)
            }
            (State::Accepted, TxEvent::Ack) => (State::Accepted, Reaction::UP),
            (State::Accepted, TxEvent::Success(bytes)) => (State::Accepted, Reaction::again(&Some(bytes))),
            (State::Accepted, TxEvent::Request) => (State::Accepted, Reaction::NOTHING),
            (State::Confirmed | State::Accepted, TxEvent::Timer(Timer::Linger)) => {
                (State::Terminated, Reaction::NOTHING)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Step::*, check};
    use super::*;

    #[test]
    fn every_transition_is_taken() {
        let udp = || InviteServer::new(false, &Timers::default());
        let tcp = || InviteServer::new(true, &Timers::default());
        check(vec![
            (udp(), &[Request, Provisional, Request, Success, Request, Ack, Success, WaitOut]),
            (udp(), &[Failure, Request, Wait, Ack, Ack, WaitOut]),
            (tcp(), &[Failure, Ack, WaitOut]),
            (udp(), &[Failure, WaitOut]),
            (udp(), &[Failure, Broken]),
            (udp(), &[Broken]),
        ]);
    }

    #[test]
    fn a_failure_is_repeated_with_growing_pauses_over_udp_only() {
        use super::super::check::sends;
        let t = Timers::default();
        // 0.5, 1.5, 3.5, 7.5, 11.5, ... 31.5 s: the first and ten repetitions within 64·T1.
        assert_eq!(sends(InviteServer::new(false, &t), &[Failure, WaitOut]), 11);
        assert_eq!(sends(InviteServer::new(true, &t), &[Failure, WaitOut]), 1);
    }
}
