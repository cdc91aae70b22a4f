//! How the four machines are tested: a script of steps, a clock of its own, and a record of transitions.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Machine, TxEvent};
use crate::config::Timers;

/// One step of a script.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Request,
    Ack,
    Provisional,
    Success,
    Failure,
    Progress,
    Answer,
    Refusal,
    Abandon,
    Hush,
    Broken,
    /// Until the next timer.
    Wait,
    /// Until no timer is left.
    WaitOut,
}

impl Step {
    fn event(self) -> Option<TxEvent> {
        let bytes = Bytes::from_static(b"x");
        Some(match self {
            Step::Request => TxEvent::Request,
            Step::Ack => TxEvent::Ack,
            Step::Provisional => TxEvent::Provisional(bytes),
            Step::Success => TxEvent::Success(bytes),
            Step::Failure => TxEvent::Failure(bytes),
            Step::Progress => TxEvent::Progress,
            Step::Answer => TxEvent::Answer,
            Step::Refusal => TxEvent::Refusal(bytes),
            Step::Abandon => TxEvent::Abandon,
            Step::Hush => TxEvent::Hush,
            Step::Broken => TxEvent::TransportError,
            Step::Wait | Step::WaitOut => return None,
        })
    }
}

type Taken<S> = Vec<(S, &'static str, S)>;

fn run<M: Machine>(machine: &mut M, script: &[Step]) -> (Taken<M::State>, usize) {
    let timers = Timers::default();
    let mut now = Instant::now() + Duration::from_millis(1);
    let (mut taken, mut sent) = (Vec::new(), 0);
    let mut apply = |machine: &mut M, now: Instant, event: TxEvent| {
        let (from, name) = (machine.place().state, event.name());
        let reaction = machine.step(now, event, &timers);
        sent += usize::from(reaction.send.is_some());
        taken.push((from, name, machine.place().state));
    };
    for step in script {
        match step.event() {
            Some(event) => apply(machine, now, event),
            None => {
                for _ in 0..if matches!(step, Step::Wait) { 1 } else { 100 } {
                    let Some(at) = machine.timers().next() else { break };
                    now = now.max(at);
                    let timer = machine.timers().take_due(now).expect("a due timer is taken");
                    apply(machine, now, TxEvent::Timer(timer));
                }
            }
        }
    }
    (taken, sent)
}

/// Runs every script to the machine's end and fails if a transition of its table is never taken.
pub(super) fn check<M: Machine>(scripts: Vec<(M, &[Step])>) {
    let mut all = Vec::new();
    for (mut machine, script) in scripts {
        all.extend(run(&mut machine, script).0);
        assert!(machine.is_over(), "after {script:?}");
        assert_eq!(machine.timers().next(), None, "a timer is left after {script:?}");
    }
    for transition in M::TRANSITIONS {
        assert!(all.contains(transition), "{transition:?} was never taken");
    }
}

/// How many messages a script makes the machine send.
pub(super) fn sends<M: Machine>(mut machine: M, script: &[Step]) -> usize {
    run(&mut machine, script).1
}
