//! What is known outside the workers about legs and workers: where each leg is, how it is set up and how it was last.
//! Written by the engine and the carrier, read by everybody but the workers.
//!
//! Orders for a leg go through here, so that they find it: under one lock its worker is looked up and the order put into
//! that one's mailbox. While a leg moves they wait here, and follow it when it has arrived, in their order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::command::LegSetup;
use crate::error::Error;
use crate::id::LegId;
use crate::mailbox::Mailbox;
use crate::order::Order;
use crate::port::Ports;
use crate::report::LegReport;
use crate::stats::WorkerStats;

/// So many legs a worker takes before the next one is woken: a twelfth of a core's time.
///
/// A worker that has legs wakes for each of its slots, and two that share the legs of one wake twice as often.
pub(crate) const SOME: usize = 256;

/// Orders that may wait for a leg that moves.
const HELD: usize = 1_024;

/// The board. No worker touches it.
pub(crate) struct Board {
    inner: Mutex<Inner>,
    /// The workers'.
    mailboxes: Vec<Arc<Mailbox<Ports>>>,
    /// As [`SOME`].
    some: usize,
}

struct Inner {
    /// Free places, with the next leg's generation; its home is where it comes to.
    free: Vec<LegId>,
    /// How many legs each worker has or is to have.
    counts: Vec<usize>,
    /// Boxed, so that a table that has room for more is not twice as large.
    legs: HashMap<LegId, Box<Known>>,
    /// Legs for which something waits although they are where they are to be: their worker's mailbox was full.
    behind: Vec<LegId>,
    /// Legs that are over, and whose end nobody was told.
    untold: Vec<(LegId, LegReport)>,
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
    /// The worker that has it, or that it moves to.
    at: u16,
    /// While it moves, or its worker had no room for what must arrive: what is to follow.
    held: Option<VecDeque<Order<Ports>>>,
}

/// Where a leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// At this worker.
    At(u16),
    /// On its way to this worker, where it may not arrive: it may stay, and it may end.
    MovesTo(u16),
}

/// What became of an order.
pub(crate) enum Sent<P> {
    /// It is on its way.
    Done,
    /// The leg is gone.
    NoLeg,
    /// There is no room for it.
    Full(Order<P>),
}

impl<P> From<Sent<P>> for Result<(), Error> {
    fn from(sent: Sent<P>) -> Result<(), Error> {
        match sent {
            Sent::Done => Ok(()),
            Sent::NoLeg => Err(Error::NoLeg),
            Sent::Full(_) => Err(Error::Busy),
        }
    }
}

/// What the end of a leg came to.
pub(crate) struct Ended {
    /// Whether it can be told now.
    pub(crate) told: bool,
    /// What was to follow it.
    pub(crate) held: VecDeque<Order<Ports>>,
}

impl Board {
    /// For workers with these mailboxes and so many legs in all, each worker to have `some` before the next.
    pub(crate) fn new(mailboxes: Vec<Arc<Mailbox<Ports>>>, places: usize, some: usize) -> Board {
        let place = |place: usize| LegId { home: 0, place: place as u32, generation: 0 };
        let free = (0..places).rev().map(place).collect();
        let (counts, stats) = (vec![0; mailboxes.len()], vec![WorkerStats::default(); mailboxes.len()]);
        let inner =
            Inner { free, counts, legs: HashMap::new(), behind: Vec::new(), untold: Vec::new(), stats };
        Board { inner: Mutex::new(inner), mailboxes, some }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each statement under the lock leaves the board whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workers' mailboxes.
    pub(crate) fn mailboxes(&self) -> &[Arc<Mailbox<Ports>>] {
        &self.mailboxes
    }

    /// A place for a leg: `beside` another, else at the first worker with few legs, or else at the one with the fewest.
    pub(crate) fn place(&self, setup: &LegSetup, beside: Option<LegId>) -> Result<LegId, Error> {
        let mut inner = self.lock();
        let near = beside.and_then(|leg| inner.legs.get(&leg)).map(|known| known.at);
        let at = near.unwrap_or_else(|| inner.roomiest(0..self.mailboxes.len() as u16, self.some));
        let id = LegId { home: at, ..inner.free.pop().ok_or(Error::Busy)? };
        inner.count(at, 1);
        let known =
            Known { report: None, setup: setup.clone(), recordings: 0, released: false, at, held: None };
        inner.legs.insert(id, Box::new(known));
        Ok(id)
    }

    /// The leg never came to be.
    pub(crate) fn withdraw(&self, leg: LegId) {
        let mut inner = self.lock();
        inner.give_back(leg);
        inner.legs.remove(&leg);
    }

    /// Where a leg is; `None` if it is gone.
    pub(crate) fn whereabouts(&self, leg: LegId) -> Option<Whereabouts> {
        let inner = self.lock();
        let known = inner.legs.get(&leg).filter(|known| !known.released)?;
        Some(match known.held {
            None => Whereabouts::At(known.at),
            Some(_) => Whereabouts::MovesTo(known.at),
        })
    }

    /// Send an order to a leg, wherever it is.
    pub(crate) fn send(&self, leg: LegId, order: Order<Ports>) -> Sent<Ports> {
        let mut inner = self.lock();
        let Some(known) = inner.legs.get_mut(&leg).filter(|known| !known.released) else {
            return Sent::NoLeg;
        };
        match &mut known.held {
            None => self.put(known.at, order),
            Some(held) if held.len() < HELD => {
                held.push_back(order);
                Sent::Done
            }
            Some(_) => Sent::Full(order),
        }
    }

    /// Send an order that must arrive, whatever becomes of those after it: one that finds no room goes when the carrier
    /// finds some, and what is sent after it waits behind it. Whether the leg is there.
    pub(crate) fn post(&self, leg: LegId, order: Order<Ports>) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(known) = inner.legs.get_mut(&leg).filter(|known| !known.released) else { return false };
        if let Some(held) = &mut known.held {
            held.push_back(order);
        } else if let Sent::Full(order) = self.put(known.at, order) {
            known.held = Some(VecDeque::from([order]));
            inner.behind.push(leg);
        }
        true
    }

    /// Put an order into a worker's mailbox.
    pub(crate) fn put(&self, worker: u16, order: Order<Ports>) -> Sent<Ports> {
        let Some(mailbox) = self.mailboxes.get(usize::from(worker)) else { return Sent::NoLeg };
        match mailbox.push(order) {
            Ok(()) => Sent::Done,
            Err(order) => Sent::Full(order),
        }
    }

    /// Two legs that are to talk to each other should live on one worker: have one of them move, if neither does already.
    ///
    /// It moves to where a new leg would come, had it these two to choose from: to the lower-numbered one until that has
    /// [`SOME`] legs, then to the other until that has, then to that with fewer.
    /// From here on its orders wait, until [`Board::moved`]. One that moves already is not moved again.
    pub(crate) fn bring_together(&self, one: LegId, other: LegId) {
        let mut inner = self.lock();
        let at = |leg| {
            let known = inner.legs.get(&leg)?;
            (known.held.is_none() && !known.released).then_some(known.at)
        };
        let (Some(here), Some(there)) = (at(one), at(other)) else { return };
        if here == there {
            return;
        }
        let to = inner.roomiest([here.min(there), here.max(there)].into_iter(), self.some);
        let (leg, from) = if to == here { (other, there) } else { (one, here) };
        // Where it finds no room they talk over two workers.
        if matches!(self.put(from, Order::Move(leg, to)), Sent::Done) {
            inner.depart(leg, to);
        }
    }

    /// Have a leg be on its way without anybody who brings it there, until [`Board::moved`].
    #[cfg(test)]
    pub(crate) fn depart(&self, leg: LegId, to: u16) {
        self.lock().depart(leg, to);
    }

    /// A leg that was to move is at this worker now: what waited for it follows.
    pub(crate) fn moved(&self, leg: LegId, at: u16) {
        let mut inner = self.lock();
        let Some(known) = inner.legs.get_mut(&leg) else { return };
        let before = std::mem::replace(&mut known.at, at);
        inner.count(before, -1);
        inner.count(at, 1);
        self.follow(&mut inner, leg);
    }

    /// Send what found a mailbox full.
    ///
    /// Whether some are left.
    pub(crate) fn resend(&self) -> bool {
        let mut inner = self.lock();
        for leg in std::mem::take(&mut inner.behind) {
            self.follow(&mut inner, leg);
        }
        !inner.behind.is_empty()
    }

    fn follow(&self, inner: &mut Inner, leg: LegId) {
        let Some(known) = inner.legs.get_mut(&leg) else { return };
        let Some(mut held) = known.held.take() else { return };
        while let Some(order) = held.pop_front() {
            if let Sent::Full(order) = self.put(known.at, order) {
                held.push_front(order);
                known.held = Some(held);
                return inner.behind.push(leg);
            }
        }
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

    /// A recording that was counted never came to be. If its leg has been over and waited for it, the carrier is told at
    /// its next round.
    pub(crate) fn never_recorded(&self, leg: LegId) {
        if let Some(report) = self.recording_ended(leg) {
            self.lock().untold.push((leg, report));
        }
    }

    /// Legs that are over, and whose end is to be told now.
    pub(crate) fn untold(&self) -> Vec<(LegId, LegReport)> {
        std::mem::take(&mut self.lock().untold)
    }

    /// A leg is over and its place free.
    pub(crate) fn released(&self, leg: LegId, report: LegReport) -> Ended {
        let mut inner = self.lock();
        inner.give_back(leg);
        let held = inner.legs.get_mut(&leg).and_then(|known| known.held.take());
        let told = match inner.legs.get_mut(&leg) {
            Some(known) if known.recordings > 0 => {
                (known.report, known.released) = (Some(report), true);
                false
            }
            _ => {
                inner.legs.remove(&leg);
                true
            }
        };
        Ended { told, held: held.unwrap_or_default() }
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
    /// Of these workers the first with few legs, or else the one with the fewest.
    fn roomiest(&self, mut workers: impl Iterator<Item = u16> + Clone, some: usize) -> u16 {
        let legs = |worker: &u16| self.counts.get(usize::from(*worker)).copied().unwrap_or(usize::MAX);
        let fewest = workers.clone().min_by_key(legs);
        workers.find(|worker| legs(worker) < some).or(fewest).unwrap_or_default()
    }

    /// From here on what comes for a leg waits.
    fn depart(&mut self, leg: LegId, to: u16) {
        let Some(known) = self.legs.get_mut(&leg) else { return };
        let from = std::mem::replace(&mut known.at, to);
        known.held = Some(VecDeque::new());
        self.count(from, -1);
        self.count(to, 1);
    }

    fn count(&mut self, worker: u16, more: isize) {
        if let Some(count) = self.counts.get_mut(usize::from(worker)) {
            *count = count.saturating_add_signed(more);
        }
    }

    fn give_back(&mut self, leg: LegId) {
        if let Some(at) = self.legs.get(&leg).map(|known| known.at) {
            self.count(at, -1);
            self.free.push(leg.next());
        }
    }
}

#[cfg(test)]
mod tests;
