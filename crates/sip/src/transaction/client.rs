//! The client transaction of every method but INVITE and ACK: RFC 3261 §17.1.2.
//!
//! ```text
//!            request sent (made), start E and F
//!                      │
//!   E: send again ▶ Trying ─── 1xx: up ───▶ Proceeding   1xx: up; E: send again
//!                   │    │                    │    │
//!                   │    └─ 200-699: up, ─────┤    │
//!                   │       start K           ▼    │
//!         F, error: │                    Completed │ F, error:
//!                up │                         │ K  │ up
//!                   └─────▶ Terminated ◀──────┴────┘
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Machine, Place, Reaction, TxEvent};
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

/// A request of ours.
#[derive(Debug)]
pub(crate) struct Client {
    place: Place<State>,
    request: Bytes,
    interval: Duration,
    reliable: bool,
}

impl Client {
    /// Starts timers E and F; the caller sends `request` the first time.
    pub(crate) fn new(now: Instant, request: Bytes, reliable: bool, timers: &Timers) -> Self {
        let mut table = TimerTable::default();
        if !reliable {
            table.set(Timer::Retransmit, now + timers.t1);
        }
        table.set(Timer::Timeout, now + timers.give_up());
        let place = Place { state: State::Trying, timers: table };
        Client { place, request, interval: timers.t1, reliable }
    }
}

impl Machine for Client {
    type State = State;

    const TRANSITIONS: &[(State, &str, State)] = &[
        (State::Trying, "retransmit", State::Trying),
        (State::Trying, "progress", State::Proceeding),
        (State::Trying, "answer", State::Completed),
        (State::Trying, "refusal", State::Completed),
        (State::Trying, "timeout", State::Terminated),
        (State::Trying, "transport error", State::Terminated),
        (State::Proceeding, "retransmit", State::Proceeding),
        (State::Proceeding, "progress", State::Proceeding),
        (State::Proceeding, "answer", State::Completed),
        (State::Proceeding, "refusal", State::Completed),
        (State::Proceeding, "timeout", State::Terminated),
        (State::Proceeding, "transport error", State::Terminated),
        (State::Completed, "linger", State::Terminated),
    ];
    const OVER: State = State::Terminated;

    fn place(&mut self) -> &mut Place<State> {
        &mut self.place
    }

    fn next(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Option<(State, Reaction)> {
        Some(match (self.place.state, event) {
            (State::Trying, TxEvent::Timer(Timer::Retransmit)) => {
                self.interval = (self.interval * 2).min(timers.t2);
                self.place.timers.set(Timer::Retransmit, now + self.interval);
                (State::Trying, Reaction::again(&Some(self.request.clone())))
            }
            (State::Proceeding, TxEvent::Timer(Timer::Retransmit)) => {
                self.place.timers.set(Timer::Retransmit, now + timers.t2);
                (State::Proceeding, Reaction::again(&Some(self.request.clone())))
            }
            (State::Trying | State::Proceeding, TxEvent::Timer(Timer::Timeout)) => {
                (State::Terminated, Reaction::TIMED_OUT)
            }
            (State::Trying | State::Proceeding, TxEvent::Progress) => (State::Proceeding, Reaction::UP),
            (State::Trying | State::Proceeding, TxEvent::Answer | TxEvent::Refusal(_)) => {
                self.place.timers.stop_all();
                // Timer K.
                let linger = if self.reliable { Duration::ZERO } else { timers.t4 };
                self.place.timers.set(Timer::Linger, now + linger);
                (State::Completed, Reaction::UP)
            }
            (State::Trying | State::Proceeding, TxEvent::TransportError) => {
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

    fn machine(reliable: bool) -> Client {
        Client::new(Instant::now(), Bytes::from_static(b"BYE"), reliable, &Timers::default())
    }

    #[test]
    fn every_transition_is_taken() {
        check(vec![
            (machine(false), &[Wait, Progress, Wait, Progress, Answer, Answer, WaitOut]),
            (machine(false), &[Progress, Refusal, WaitOut]),
            (machine(false), &[Progress, WaitOut]),
            (machine(true), &[Progress, Broken]),
            (machine(true), &[Answer, WaitOut]),
            (machine(true), &[Refusal, WaitOut]),
            (machine(false), &[WaitOut]),
            (machine(false), &[Broken]),
        ]);
    }

    #[test]
    fn a_request_nobody_answers_is_repeated_ten_times_over_udp_only() {
        // 0.5, 1.5, 3.5, then every 4 s up to 31.5 s.
        assert_eq!(sends(machine(false), &[WaitOut]), 10);
        assert_eq!(sends(machine(true), &[WaitOut]), 0);
    }
}
