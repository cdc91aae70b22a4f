//! What is known outside the workers about legs and workers: written by the carrier, read by everybody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::command::LegSetup;
use crate::error::Error;
use crate::id::LegId;
use crate::report::LegReport;
use crate::stats::WorkerStats;

/// So many legs a worker takes before the next one is woken: a twelfth of a core's time.
///
/// A worker that has legs wakes for each of its slots, and two that share the legs of one wake twice as often.
const SOME: usize = 256;

/// The board. No worker touches it.
pub(crate) struct Board {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Free places, by worker; the next leg's full name.
    free: Vec<Vec<LegId>>,
    /// What each worker has in all.
    places: usize,
    /// Boxed, so that a table that has room for more is not twice as large.
    legs: HashMap<LegId, Box<Known>>,
    stats: Vec<WorkerStats>,
}

/// A leg as last heard of.
struct Known {
    report: Option<LegReport>,
    setup: LegSetup,
    /// Recordings whose files are not finished. A leg's end is not told before theirs.
    recordings: u32,
    /// It is over, and the report its last.
    released: bool,
}

impl Board {
    pub(crate) fn new(workers: usize, places: usize) -> Board {
        let place =
            |worker: usize, place: usize| LegId { worker: worker as u16, place: place as u32, generation: 0 };
        let free = (0..workers).map(|w| (0..places).rev().map(|p| place(w, p)).collect()).collect();
        let stats = vec![WorkerStats::default(); workers];
        Board { inner: Mutex::new(Inner { free, places, legs: HashMap::new(), stats }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each statement under the lock leaves the board whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a leg: `beside` another if there is room, else at the first worker with few legs, or else at the one with
    /// the most room.
    pub(crate) fn place(&self, setup: &LegSetup, beside: Option<LegId>) -> Result<LegId, Error> {
        let mut inner = self.lock();
        let Inner { free, places, .. } = &mut *inner;
        let near = beside
            .map(|leg| usize::from(leg.worker))
            .filter(|at| free.get(*at).is_some_and(|free| !free.is_empty()));
        let first = near.or_else(|| free.iter().position(|free| *places - free.len() < SOME.min(*places)));
        let at = match first {
            Some(first) => free.get_mut(first),
            None => free.iter_mut().max_by_key(|free| free.len()),
        };
        let id = at.and_then(Vec::pop).ok_or(Error::Busy)?;
        let known = Known { report: None, setup: setup.clone(), recordings: 0, released: false };
        inner.legs.insert(id, Box::new(known));
        Ok(id)
    }

    /// The leg never came to be.
    pub(crate) fn withdraw(&self, leg: LegId) {
        let mut inner = self.lock();
        inner.legs.remove(&leg);
        inner.give_back(leg);
    }

    /// How a leg is set up; `None` if it is gone.
    pub(crate) fn setup(&self, leg: LegId) -> Option<LegSetup> {
        self.lock().legs.get(&leg).filter(|known| !known.released).map(|known| known.setup.clone())
    }

    pub(crate) fn set_setup(&self, leg: LegId, setup: LegSetup) {
        if let Some(known) = self.lock().legs.get_mut(&leg) {
            known.setup = setup;
        }
    }

    pub(crate) fn recording_begins(&self, leg: LegId) {
        if let Some(known) = self.lock().legs.get_mut(&leg) {
            known.recordings += 1;
        }
    }

    /// A recording's file is finished. The report of the leg if it has been over and this was what it waited for.
    pub(crate) fn recording_ended(&self, leg: LegId) -> Option<LegReport> {
        let mut inner = self.lock();
        let known = inner.legs.get_mut(&leg)?;
        known.recordings = known.recordings.saturating_sub(1);
        let report = known.report.filter(|_| known.released && known.recordings == 0)?;
        inner.legs.remove(&leg);
        Some(report)
    }

    /// A leg is over and its place free. `true` if that can be told now.
    pub(crate) fn released(&self, leg: LegId, report: LegReport) -> bool {
        let mut inner = self.lock();
        inner.give_back(leg);
        match inner.legs.get_mut(&leg) {
            Some(known) if known.recordings > 0 => {
                (known.report, known.released) = (Some(report), true);
                false
            }
            _ => {
                inner.legs.remove(&leg);
                true
            }
        }
    }

    pub(crate) fn report(&self, leg: LegId, report: LegReport) {
        if let Some(known) = self.lock().legs.get_mut(&leg) {
            known.report = Some(report);
        }
    }

    pub(crate) fn last_report(&self, leg: LegId) -> Option<LegReport> {
        self.lock().legs.get(&leg)?.report
    }

    pub(crate) fn stats(&self, worker: u16, stats: WorkerStats) {
        if let Some(last) = self.lock().stats.get_mut(usize::from(worker)) {
            *last = stats;
        }
    }

    pub(crate) fn sum(&self) -> WorkerStats {
        let mut sum = WorkerStats::default();
        for stats in &self.lock().stats {
            sum.add(stats);
        }
        sum
    }
}

impl Inner {
    fn give_back(&mut self, leg: LegId) {
        if let Some(free) = self.free.get_mut(usize::from(leg.worker)) {
            free.push(leg.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_worker_is_woken_when_the_first_has_some_legs() {
        let board = Board::new(2, 1_000);
        let setup = crate::worker::tests::setup();
        let all: Vec<LegId> = (0..2 * SOME + 100).map(|_| board.place(&setup, None).unwrap()).collect();
        assert!(all[..SOME].iter().all(|id| id.worker == 0));
        assert!(all[SOME..2 * SOME].iter().all(|id| id.worker == 1));
        let rest = all[2 * SOME..].iter().filter(|id| id.worker == 0).count();
        assert_eq!(rest, 50, "beyond that they share");
        board.withdraw(all[3]);
        board.withdraw(all[4]);
        for id in &all[2 * SOME..] {
            board.withdraw(*id);
        }
        assert_eq!(board.place(&setup, None).unwrap().worker, 0);
    }

    #[test]
    fn every_place_is_given_once() {
        let board = Board::new(2, 3);
        let setup = crate::worker::tests::setup();
        let mut all: Vec<LegId> = (0..6).map(|_| board.place(&setup, None).unwrap()).collect();
        assert!(matches!(board.place(&setup, None), Err(Error::Busy)));
        all.sort_unstable_by_key(|id| (id.worker, id.place));
        all.dedup();
        assert_eq!(all.len(), 6);
    }
}
