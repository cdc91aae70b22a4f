//! The carrier thread: takes what workers let out, frees what they are done with and calls the event sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use crate::board::{Board, Ended};
use crate::clock;
use crate::disk::{Disks, Done};
use crate::dtls;
use crate::ears::Interpreter;
use crate::event::Event;
use crate::id::{LegId, PartId, RoomId};
use crate::order::{Order, Out, Spent};
use crate::port::{Pool, Ports};
use crate::register::Register;
use crate::room::{Seat, Who};
use crate::stats::WorkerStats;

/// The carrier looks by itself so often; workers wake it for what is urgent.
const ROUND: Duration = Duration::from_millis(500);

/// And so often while a worker has no room for what it is to do, or more ports are to be closed: some slots.
const AGAIN: Duration = Duration::from_millis(20);

/// Moves of legs there and back that are looked into for what came before them; a worker obeys no more in a slot.
const DEEPEST: u32 = 256;

/// Overruns are logged at most so often: whoever has one has many.
const QUIET: Duration = Duration::from_secs(60);

/// What the carrier thread owns.
pub(crate) struct Carrier<F> {
    pub(crate) rings: Vec<Consumer<Out<Ports>>>,
    pub(crate) recordings: Receiver<Done>,
    pub(crate) disks: Disks,
    /// What came of handshakes.
    pub(crate) handshakes: Receiver<Event>,
    pub(crate) dtls: Sender<dtls::Note>,
    pub(crate) board: Arc<Board>,
    pub(crate) register: Arc<Register>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) sink: F,
    /// When overruns were last logged.
    pub(crate) complained: Option<Instant>,
    /// How many of each worker's were known then.
    pub(crate) overruns: Vec<u64>,
    /// Moves that are being carried.
    pub(crate) depth: u32,
}

impl<F: Fn(Event)> Carrier<F> {
    pub(crate) fn run(mut self) {
        loop {
            // Read before the last look, so that what came before the stop is carried.
            let stopping = self.stop.load(Ordering::Acquire);
            self.round();
            let late = self.register.resend() | self.board.resend();
            if stopping {
                return self.sweep();
            }
            let more = self.pool.tidy(clock::now());
            thread::park_timeout(if late || more { AGAIN } else { ROUND });
        }
    }

    fn round(&mut self) {
        for at in 0..self.rings.len() {
            self.empty(at);
        }
        while let Ok(event) = self.handshakes.try_recv() {
            (self.sink)(event);
        }
        while let Ok(done) = self.recordings.try_recv() {
            let Done { leg, tag, path, ended, result } = done;
            (self.sink)(match (result, RoomId::of_leg(leg)) {
                (Ok(duration), None) => Event::Recorded { leg, tag, path, duration, ended },
                (Err(why), None) => Event::RecordFailed { leg, tag, why },
                (Ok(duration), Some(room)) => Event::RoomRecorded { room, tag, path, duration, ended },
                (Err(why), Some(room)) => Event::RoomRecordFailed { room, tag, why },
            });
            if let Some(report) = self.board.recording_ended(leg) {
                (self.sink)(Event::Released { leg, report });
            }
        }
        for (leg, report) in self.board.untold() {
            (self.sink)(Event::Released { leg, report });
        }
    }

    /// Carry what a worker has let out so far.
    fn empty(&mut self, at: usize) {
        while let Some(out) = self.rings.get_mut(at).and_then(|ring| ring.pop().ok()) {
            self.carry(out);
        }
    }

    /// The workers have ended: legs that were on their way from one to another are over.
    fn sweep(&mut self) {
        let board = self.board.clone();
        for mailbox in board.mailboxes() {
            while let Some(order) = mailbox.pop() {
                if let Order::Arrive(leg, ports, ..) = order {
                    self.carry(Out::Released(leg, Some(ports)));
                }
            }
        }
    }

    /// A worker that gives up slots is a machine that has too much to do.
    fn complain(&mut self, worker: u16, stats: &WorkerStats) {
        let Some(before) = self.overruns.get_mut(usize::from(worker)) else { return };
        if stats.overruns <= *before {
            return;
        }
        let now = clock::now();
        if self.complained.is_none_or(|at| now.duration_since(at) >= QUIET) {
            tracing::warn!(worker, overruns = stats.overruns, legs = stats.legs, "media slots were given up");
            self.complained = Some(now);
            *before = stats.overruns;
        }
    }

    /// A member's seat is free again.
    fn seat(&self, part: PartId, seat: &Seat) {
        let mut register = self.register.lock();
        let Who::Leg(leg) = seat.who else { return };
        let news = register.left(part, leg, seat.serial);
        let orders = register.settle(part.room);
        drop(register);
        // A worker with somebody in a room does not rest; one without anybody may take its time.
        orders.into_iter().for_each(|(part, order)| self.register.post(part, order));
        if news {
            (self.sink)(Event::Left { room: part.room, leg, tag: seat.tag });
        }
    }

    /// A leg is over; if it sat on another worker, its seat will come later.
    fn leg_gone(&self, leg: LegId) {
        let mut register = self.register.lock();
        let Some((room, tag)) = register.gone(leg) else { return };
        let orders = register.settle(room);
        drop(register);
        orders.into_iter().for_each(|(part, order)| self.register.post(part, order));
        (self.sink)(Event::Left { room, leg, tag });
    }

    fn carry(&mut self, out: Out<Ports>) {
        match out {
            Out::Event(event) => (self.sink)(event),
            Out::Wanted(leg, codec, rate) => {
                // Where there is none, or no room for it, the worker asks again in a second, and conceals meanwhile.
                if let Ok(interpreter) = Interpreter::new(codec, rate) {
                    let _ = self.board.send(leg, Order::Interpret(leg, Box::new(interpreter)));
                }
            }
            Out::Report(leg, report) => self.board.report(leg, report),
            Out::Stats(worker, stats) => {
                self.complain(worker, &stats);
                self.board.stats(worker, stats);
            }
            Out::Released(leg, ports) => {
                let (id, report) = (leg.id, leg.report());
                if report.secured.by_handshake() {
                    // Without the thread there is nothing to end.
                    let _ = self.dtls.send(dtls::Note::End(id));
                }
                drop(ports);
                drop(leg);
                self.leg_gone(id);
                let Ended { told, held } = self.board.released(id, report);
                held.into_iter().for_each(|order| self.carry(Out::Spent(Spent::Order(order))));
                if told {
                    (self.sink)(Event::Released { leg: id, report });
                }
            }
            Out::Moved { leg, from, at } => {
                // What it did there comes before what it does here.
                if from != at && self.depth < DEEPEST {
                    self.depth += 1;
                    self.empty(from.into());
                    self.depth -= 1;
                }
                self.board.moved(leg, at);
            }
            Out::Seat(part, seat) => self.seat(part, &seat),
            Out::Part(room) => self.register.lock().give_back(room.part),
            Out::Spent(spent) => {
                let recording = match &spent {
                    Spent::Recorder(recorder) => Some((recorder.leg, recorder.tag)),
                    Spent::Order(Order::Record(leg, recorder, _)) => Some((*leg, recorder.tag)),
                    _ => None,
                };
                drop(spent);
                if let Some((leg, tag)) = recording {
                    self.disks.ended(leg, tag);
                }
            }
        }
    }
}
