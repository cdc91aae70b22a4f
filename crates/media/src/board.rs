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
    /// Legs that have arrived before all that was to follow them: their worker's mailbox was full.
    behind: Vec<LegId>,
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
    /// While it moves: what is to follow it.
    held: Option<VecDeque<Order<Ports>>>,
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
        let inner = Inner { free, counts, legs: HashMap::new(), behind: Vec::new(), stats };
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

    /// The worker that a leg is at, or moves to; `None` if it is gone.
    pub(crate) fn worker_of(&self, leg: LegId) -> Option<u16> {
        self.lock().legs.get(&leg).filter(|known| !known.released).map(|known| known.at)
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

    /// Send an order about a leg to a worker; if the leg moves there, after it.
    pub(crate) fn send_with(&self, leg: LegId, worker: u16, order: Order<Ports>) -> Sent<Ports> {
        let moves = |known: &Known| known.held.is_some() && known.at == worker && !known.released;
        if self.lock().legs.get(&leg).is_some_and(|known| moves(known)) {
            return self.send(leg, order);
        }
        self.put(worker, order)
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
    /// It moves to where a new leg would come. From here on its orders wait, until [`Board::moved`].
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
        if matches!(self.put(from, Order::Move(leg, to)), Sent::Done)
            && let Some(known) = inner.legs.get_mut(&leg)
        {
            (known.at, known.held) = (to, Some(VecDeque::new()));
            inner.count(from, -1);
            inner.count(to, 1);
        }
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
    pub(crate) fn resend(&self) {
        let mut inner = self.lock();
        for leg in std::mem::take(&mut inner.behind) {
            self.follow(&mut inner, leg);
        }
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
mod tests {
    use super::*;
    use crate::leg::Leg;

    fn board(workers: usize, places: usize, orders: usize) -> Board {
        let mailboxes = (0..workers).map(|_| Arc::new(Mailbox::new(orders))).collect();
        Board::new(mailboxes, places, SOME)
    }

    fn setup() -> LegSetup {
        crate::worker::tests::setup()
    }

    #[test]
    fn a_second_worker_is_woken_when_the_first_has_some_legs() {
        let board = board(2, 1_000, 1);
        let setup = setup();
        let all: Vec<LegId> = (0..2 * SOME + 100).map(|_| board.place(&setup, None).unwrap()).collect();
        assert!(all[..SOME].iter().all(|id| id.home == 0));
        assert!(all[SOME..2 * SOME].iter().all(|id| id.home == 1));
        let rest = all[2 * SOME..].iter().filter(|id| id.home == 0).count();
        assert_eq!(rest, 50, "beyond that they share");
        board.withdraw(all[3]);
        board.withdraw(all[4]);
        for id in &all[2 * SOME..] {
            board.withdraw(*id);
        }
        assert_eq!(board.place(&setup, None).unwrap().home, 0);
    }

    #[test]
    fn every_place_is_given_once() {
        let board = board(2, 3, 1);
        let setup = setup();
        let mut all: Vec<LegId> = (0..3).map(|_| board.place(&setup, None).unwrap()).collect();
        assert!(matches!(board.place(&setup, None), Err(Error::Busy)));
        all.sort_unstable_by_key(|id| id.place);
        all.dedup_by_key(|id| id.place);
        assert_eq!(all.len(), 3, "of all workers: a leg keeps it when it moves");
        board.withdraw(all[1]);
        let again = board.place(&setup, None).unwrap();
        assert_eq!((again.place, again.generation), (all[1].place, 1));
    }

    /// Which tags a worker is asked to stop, and how many legs it is to give away.
    fn orders(board: &Board, worker: usize) -> (Vec<u64>, usize) {
        let (mut stops, mut moves) = (Vec::new(), 0);
        while let Some(order) = board.mailboxes[worker].pop() {
            match order {
                Order::Stop(_, tag) => stops.push(tag),
                Order::Move(..) => moves += 1,
                _ => panic!("another order"),
            }
        }
        (stops, moves)
    }

    /// Two legs, of which the second is at the second worker.
    fn apart(board: &Board) -> [LegId; 2] {
        let setup = setup();
        let first = board.place(&setup, None).unwrap();
        (1..SOME).for_each(|_| assert!(board.place(&setup, None).is_ok()));
        [first, board.place(&setup, None).unwrap()]
    }

    #[test]
    fn orders_for_a_leg_that_moves_follow_it_in_their_order() {
        let board = board(2, 300, 3);
        let [first, other] = apart(&board);
        let one = board.place(&setup(), Some(other)).unwrap();
        assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
        board.withdraw(LegId { home: 0, place: 7, generation: 0 });
        board.bring_together(first, other);
        assert_eq!(orders(&board, 1), (vec![1], 1), "what came before goes before");
        assert_eq!(board.worker_of(other), Some(0), "to the first, which has few legs again");
        board.bring_together(other, one);
        assert_eq!(orders(&board, 1), (vec![], 0), "who moves is not moved again");
        for tag in 2..7 {
            assert!(matches!(board.send(other, Order::Stop(other, tag)), Sent::Done));
        }
        assert_eq!((orders(&board, 0), orders(&board, 1)), ((vec![], 0), (vec![], 0)));
        board.moved(other, 0);
        assert!(matches!(board.send(other, Order::Stop(other, 7)), Sent::Done));
        assert_eq!(orders(&board, 0), (vec![2, 3, 4], 0), "as many as there is room for");
        board.resend();
        assert_eq!(orders(&board, 0), (vec![5, 6, 7], 0));
        assert!(matches!(board.send(other, Order::Stop(other, 8)), Sent::Done));
        assert_eq!(orders(&board, 0), (vec![8], 0));
    }

    #[test]
    fn who_has_fewer_legs_gets_the_other_and_one_that_could_not_move_has_its_orders_where_it_is() {
        let board = board(2, 600, 3);
        let [one, other] = apart(&board);
        (0..SOME).for_each(|_| assert!(board.place(&setup(), Some(other)).is_ok()));
        board.bring_together(one, other);
        assert_eq!((orders(&board, 0).1, orders(&board, 1).1), (0, 1));
        assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
        board.moved(other, 1);
        assert_eq!((orders(&board, 0).0, orders(&board, 1).0), (vec![], vec![1]));
        assert_eq!(board.worker_of(other), Some(1));
        // A full mailbox: they stay apart, and it is reached as ever.
        (0..3).for_each(|tag| drop(board.send(other, Order::Stop(other, tag))));
        board.bring_together(one, other);
        assert_eq!((board.worker_of(other), orders(&board, 1)), (Some(1), (vec![0, 1, 2], 0)));
    }

    #[test]
    fn what_was_to_follow_a_leg_that_is_over_comes_back() {
        let board = board(2, 300, 3);
        let [one, other] = apart(&board);
        board.bring_together(one, other);
        assert!(matches!(board.send(one, Order::Stop(one, 1)), Sent::Done));
        assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
        let report = Leg::new(one, setup(), "x".into(), std::time::Duration::ZERO, 1).report();
        let ended = [one, other].map(|leg| board.released(leg, report));
        assert_eq!(ended.iter().map(|ended| ended.held.len()).sum::<usize>(), 1);
        assert!(ended.iter().all(|ended| ended.told));
        board.moved(one, 1);
        board.moved(other, 0);
        assert!(matches!(board.send(one, Order::Stop(one, 2)), Sent::NoLeg));
    }
}
