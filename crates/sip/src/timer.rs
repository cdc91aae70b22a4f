//! Timers without a clock: one slot a purpose, and one schedule over all owners.
//! `TimerTable` is a transaction's; `Schedule` answers what is due next in O(log n) and forgets what is gone.

use std::collections::BTreeSet;
use std::time::Instant;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Send the same bytes again: A, E, G and the repetition of a 2xx.
    Retransmit,
    /// Give up: B, F, H.
    Timeout,
    /// Stay to absorb what comes late: D, I, J, K, L, M.
    Linger,
}

/// One slot a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimerTable {
    retransmit: Option<Instant>,
    timeout: Option<Instant>,
    linger: Option<Instant>,
}

impl TimerTable {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        *self.slot(timer) = Some(at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = TimerTable::default();
    }

    fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        match timer {
            Timer::Retransmit => &mut self.retransmit,
            Timer::Timeout => &mut self.timeout,
            Timer::Linger => &mut self.linger,
        }
    }

    /// When the first of them is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.retransmit, self.timeout, self.linger].into_iter().flatten().min()
    }

    /// Takes one that is due. Giving up goes before trying again.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        [Timer::Linger, Timer::Timeout, Timer::Retransmit]
            .into_iter()
            .find(|t| self.slot(*t).take_if(|at| *at <= now).is_some())
    }
}

/// Who a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Transaction(u64),
    Session(u64),
    Way(u64),
    Questions,
    Registration(u64),
    Subscription(u64),
    Registrar,
    Publications,
    Nonces,
}

/// The deadlines of everything, in order. An owner has at most one; it remembers which, and hands it back to move it.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    due: BTreeSet<(Instant, Owner)>,
}

impl Schedule {
    /// Moves an owner's deadline from `old` to `new`.
    pub(crate) fn shift(&mut self, owner: Owner, old: &mut Option<Instant>, new: Option<Instant>) {
        if *old == new {
            return;
        }
        if let Some(at) = old.take() {
            self.due.remove(&(at, owner));
        }
        if let Some(at) = new {
            self.due.insert((at, owner));
        }
        *old = new;
    }

    /// The first deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The owner of the first deadline, if it has come.
    pub(crate) fn due(&self, now: Instant) -> Option<Owner> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, owner)| *owner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_due_timer_is_taken_once_and_giving_up_goes_first() {
        let now = Instant::now();
        let mut table = TimerTable::default();
        table.set(Timer::Retransmit, now);
        table.set(Timer::Timeout, now);
        assert_eq!(table.next(), Some(now));
        assert_eq!(table.take_due(now), Some(Timer::Timeout));
        assert_eq!(table.take_due(now), Some(Timer::Retransmit));
        assert_eq!(table.take_due(now), None);
    }

    #[test]
    fn a_schedule_keeps_one_deadline_an_owner() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let (mut schedule, mut a, mut b) = (Schedule::default(), None, None);
        schedule.shift(Owner::Session(1), &mut a, Some(later));
        schedule.shift(Owner::Session(2), &mut b, Some(now));
        assert_eq!((schedule.next(), schedule.due(now)), (Some(now), Some(Owner::Session(2))));
        schedule.shift(Owner::Session(2), &mut b, None);
        assert_eq!((schedule.due(now), schedule.next()), (None, Some(later)));
        schedule.shift(Owner::Session(1), &mut a, None);
        assert_eq!(schedule.next(), None);
    }
}
