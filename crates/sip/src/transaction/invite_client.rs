//! The INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
//!
//! ```text
//!             INVITE sent (made), start A and B
//!                      │
//!    A: send again ▶ Calling ── 1xx: up ──▶ Proceeding   1xx: up
//!                   │  │  │                  │     │ │
//!         B, error: │  │  └─ 2xx: up, ───────┤     │ │ abandoned, error:
//!                up │  │     start M         ▼     │ │ up
//!                   │  │                 Accepted  │ │
//!                   │  └ 300-699: ACK, up,   │ 2xx: │ │
//!                   │    start D   │         │  up  │ │
//!                   │              ▼         │      │ │
//!                   │          Completed ◀───┼──────┘ │
//!                   │ 300-699: │ │ D         │ M      │
//!                   │ ACK again┘ ▼           ▼        │
//!                   └────────▶ Terminated ◀───────────┘
//! ```
//!
//! It acknowledges failures; a 2xx is acknowledged by the session (RFC 3261 §13.2.2.4).
//! One that is hushed, because its request went to another hop meanwhile, sends nothing again and ends after 64·T1.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Machine, Place, Reaction, TxEvent};
use crate::config::Timers;
use crate::timer::{Timer, TimerTable};

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

/// An INVITE of ours.
#[derive(Debug)]
pub(crate) struct InviteClient {
    place: Place<State>,
    request: Bytes,
    ack: Option<Bytes>,
    interval: Duration,
    reliable: bool,
    patience: Option<Duration>,
}

impl InviteClient {
    /// Starts timers A and B; the caller sends `request` the first time.
    pub(crate) fn new(now: Instant, request: Bytes, reliable: bool, timers: &Timers) -> Self {
        let mut table = TimerTable::default();
        if !reliable {
            table.set(Timer::Retransmit, now + timers.t1);
        }
        table.set(Timer::Timeout, now + timers.give_up());
        let interval = timers.t1;
        InviteClient {
            place: Place { state: State::Calling, timers: table },
            request,
            ack: None,
            interval,
            reliable,
            patience: None,
        }
    }

    /// Gives up `patience` after the last 1xx. A call rings as long as its caller likes; a re-INVITE must not stay open
    /// when its call is over.
    pub(crate) fn within(self, patience: Duration) -> Self {
        InviteClient { patience: Some(patience), ..self }
    }
}

impl Machine for InviteClient {
    type State = State;

    const TRANSITIONS: &[(State, &str, State)] = &[
        (State::Calling, "retransmit", State::Calling),
        (State::Calling, "progress", State::Proceeding),
        (State::Calling, "answer", State::Accepted),
        (State::Calling, "refusal", State::Completed),
        (State::Calling, "timeout", State::Terminated),
        (State::Calling, "transport error", State::Terminated),
        (State::Calling, "abandon", State::Terminated),
        (State::Calling, "hush", State::Calling),
        (State::Proceeding, "progress", State::Proceeding),
        (State::Proceeding, "answer", State::Accepted),
        (State::Proceeding, "refusal", State::Completed),
        (State::Proceeding, "transport error", State::Terminated),
        (State::Proceeding, "abandon", State::Terminated),
        (State::Proceeding, "hush", State::Proceeding),
        (State::Proceeding, "timeout", State::Terminated),
        (State::Completed, "refusal", State::Completed),
        (State::Completed, "transport error", State::Terminated),
        (State::Completed, "linger", State::Terminated),
        (State::Accepted, "answer", State::Accepted),
        (State::Accepted, "linger", State::Terminated),
    ];
    const OVER: State = State::Terminated;

    fn place(&mut self) -> &mut Place<State> {
        &mut self.place
    }

    fn next(&mut self, now: Instant, event: TxEvent, timers: &Timers) -> Option<(State, Reaction)> {
        Some(match (self.place.state, event) {
            (State::Calling, TxEvent::Timer(Timer::Retransmit)) => {
                // Timer A doubles without a limit; B ends it.
                self.interval *= 2;
                self.place.timers.set(Timer::Retransmit, now + self.interval);
                (State::Calling, Reaction::again(&Some(self.request.clone())))
            }
            (State::Calling | State::Proceeding, TxEvent::Timer(Timer::Timeout)) => {
                (State::Terminated, Reaction::TIMED_OUT)
            }
            (State::Calling | State::Proceeding, TxEvent::Hush) => {
                self.place.timers.stop_all();
                self.patience = Some(timers.give_up());
                self.place.timers.set(Timer::Timeout, now + timers.give_up());
                (self.place.state, Reaction::NOTHING)
            }
            (State::Calling | State::Proceeding, TxEvent::Progress) => {
                self.place.timers.stop_all();
                if let Some(patience) = self.patience {
                    self.place.timers.set(Timer::Timeout, now + patience);
                }
                (State::Proceeding, Reaction::UP)
            }
            (State::Calling | State::Proceeding, TxEvent::Answer) => {
                self.place.timers.stop_all();
                // Timer M.
                self.place.timers.set(Timer::Linger, now + timers.give_up());
                (State::Accepted, Reaction::UP)
            }
            (State::Calling | State::Proceeding, TxEvent::Refusal(ack)) => {
                self.place.timers.stop_all();
                // Timer D: at least 32 s, which is 64·T1.
                let linger = if self.reliable { Duration::ZERO } else { timers.give_up() };
                self.place.timers.set(Timer::Linger, now + linger);
                self.ack = Some(ack.clone());
                (State::Completed, Reaction::first(ack).and_up())
            }
            (State::Calling | State::Proceeding, TxEvent::Abandon) => {
                (State::Terminated, Reaction::TIMED_OUT)
            }
            (State::Calling | State::Proceeding | State::Completed, TxEvent::TransportError) => {
                (State::Terminated, Reaction::BROKEN)
            }
            (State::Completed, TxEvent::Refusal(_)) => (State::Completed, Reaction::again(&self.ack)),
            (State::Accepted, TxEvent::Answer) => (State::Accepted, Reaction::UP),
            (State::Completed | State::Accepted, TxEvent::Timer(Timer::Linger)) => {
                (State::Terminated, Reaction::NOTHING)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Step::*, check, sends};
    use super::*;

    fn machine(reliable: bool) -> InviteClient {
        InviteClient::new(Instant::now(), Bytes::from_static(b"INVITE"), reliable, &Timers::default())
    }

    #[test]
    fn every_transition_is_taken() {
        check(vec![
            (machine(false), &[Wait, Progress, Progress, Answer, Answer, WaitOut]),
            (machine(true), &[Answer, WaitOut]),
            (machine(false), &[Refusal, Refusal, WaitOut]),
            (machine(true), &[Progress, Refusal, WaitOut]),
            (machine(false), &[Progress, Refusal, Broken]),
            (machine(false), &[WaitOut]),
            (machine(false), &[Broken]),
            (machine(false), &[Abandon]),
            (machine(false), &[Progress, Abandon]),
            (machine(false).within(Duration::from_secs(64)), &[Progress, Progress, WaitOut]),
            (machine(false), &[Progress, Broken]),
            (machine(false), &[Hush, Progress, WaitOut]),
            (machine(true), &[Progress, Hush, Answer, WaitOut]),
        ]);
    }

    #[test]
    fn an_invite_nobody_answers_is_repeated_six_times_over_udp_only() {
        // 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s after the first, which the caller sends.
        assert_eq!(sends(machine(false), &[WaitOut]), 6);
        assert_eq!(sends(machine(true), &[WaitOut]), 0);
    }

    #[test]
    fn every_refusal_is_acknowledged() {
        assert_eq!(sends(machine(false), &[Refusal, Refusal, Refusal]), 3);
    }
}
