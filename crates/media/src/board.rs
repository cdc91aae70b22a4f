//! What is known outside the workers about legs and workers: written by the carrier, read by everybody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audio::codec::Codec;

use crate::command::LegSetup;
use crate::error::Error;
use crate::id::LegId;
use crate::report::LegReport;
use crate::stats::WorkerStats;

/// The board. No worker touches it.
pub(crate) struct Board {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Free places, by worker; the next leg's full name.
    free: Vec<Vec<LegId>>,
    legs: HashMap<LegId, Known>,
    stats: Vec<WorkerStats>,
}

/// A leg as last heard of.
struct Known {
    report: Option<LegReport>,
    speech: Speech,
    /// Recordings whose files are not finished. A leg's end is not told before theirs.
    recordings: u32,
    released: Option<LegReport>,
}

/// How a leg speaks, as far as commands must be prepared for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(crate) codec: Codec,
    /// Keys go as telephone-events.
    pub(crate) events: bool,
}

impl Speech {
    pub(crate) fn of(setup: &LegSetup) -> Speech {
        Speech { codec: setup.codec, events: setup.telephone_event.is_some() }
    }
}

impl Board {
    pub(crate) fn new(workers: usize, places: usize) -> Board {
        let place =
            |worker: usize, place: usize| LegId { worker: worker as u16, place: place as u32, generation: 0 };
        let free = (0..workers).map(|w| (0..places).rev().map(|p| place(w, p)).collect()).collect();
        let stats = vec![WorkerStats::default(); workers];
        Board { inner: Mutex::new(Inner { free, legs: HashMap::new(), stats }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each statement under the lock leaves the board whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a leg, at the worker with the most room.
    pub(crate) fn place(&self, speech: Speech) -> Result<LegId, Error> {
        let mut inner = self.lock();
        let roomiest = inner.free.iter_mut().max_by_key(|free| free.len());
        let id = roomiest.and_then(Vec::pop).ok_or(Error::Busy)?;
        inner.legs.insert(id, Known { report: None, speech, recordings: 0, released: None });
        Ok(id)
    }

    /// The leg never came to be.
    pub(crate) fn withdraw(&self, leg: LegId) {
        let mut inner = self.lock();
        inner.legs.remove(&leg);
        inner.give_back(leg);
    }

    /// How a leg speaks; `None` if it is gone.
    pub(crate) fn speech(&self, leg: LegId) -> Option<Speech> {
        self.lock().legs.get(&leg).filter(|known| known.released.is_none()).map(|known| known.speech)
    }

    pub(crate) fn set_speech(&self, leg: LegId, speech: Speech) {
        if let Some(known) = self.lock().legs.get_mut(&leg) {
            known.speech = speech;
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
        let report = known.released.filter(|_| known.recordings == 0)?;
        inner.legs.remove(&leg);
        Some(report)
    }

    /// A leg is over and its place free. `true` if that can be told now.
    pub(crate) fn released(&self, leg: LegId, report: LegReport) -> bool {
        let mut inner = self.lock();
        inner.give_back(leg);
        match inner.legs.get_mut(&leg) {
            Some(known) if known.recordings > 0 => {
                known.released = Some(report);
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
