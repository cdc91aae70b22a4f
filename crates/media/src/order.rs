//! What crosses between the engine and a worker: finished things in, everything else out.

use std::collections::VecDeque;

use rtp::jitter::Buffer;
use rtrb::Producer;

use crate::command::LegSetup;
use crate::event::Event;
use crate::id::LegId;
use crate::leg::Leg;
use crate::recorder::Recorder;
use crate::report::LegReport;
use crate::source::Playlist;
use crate::stats::WorkerStats;
use crate::tx::Dialling;

/// A command with all its slow parts done. `P` is what a leg's sockets come in.
pub(crate) enum Order<P> {
    Adopt(Box<Leg>, P),
    Play(LegId, Playlist),
    Echo(LegId, u64, Box<Buffer>),
    Dial(LegId, Dialling),
    Record(LegId, Recorder, Box<Buffer>),
    Stop(LegId, u64),
    Reconfigure(LegId, Box<LegSetup>),
    Release(LegId),
}

/// What a worker lets out.
pub(crate) enum Out<P> {
    Event(Event),
    Report(LegId, LegReport),
    Stats(u16, WorkerStats),
    /// A leg that is over, with its sockets.
    Released(Box<Leg>, Option<P>),
    /// To be freed elsewhere.
    Spent(Spent<P>),
}

/// Things with memory behind them that a worker is done with.
#[allow(dead_code, reason = "they are carried to be dropped")]
pub(crate) enum Spent<P> {
    Order(Order<P>),
    Playlist(Playlist),
    Dialling(Dialling),
    Recorder(Recorder),
    Buffer(Box<Buffer>),
    Setup(Box<LegSetup>),
}

/// A worker's way out: a ring to the carrier, and a shelf for what finds it full.
pub(crate) struct Outlet<P> {
    ring: Producer<Out<P>>,
    shelf: VecDeque<Out<P>>,
    /// Something was put out that should not wait for the carrier's own round.
    urgent: bool,
    pub(crate) dropped: u64,
}

impl<P> Outlet<P> {
    pub(crate) fn new(ring: Producer<Out<P>>) -> Outlet<P> {
        let shelf = VecDeque::with_capacity(ring.buffer().capacity());
        Outlet { ring, shelf, urgent: false, dropped: 0 }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.put(Out::Event(event));
    }

    pub(crate) fn spent(&mut self, spent: Spent<P>) {
        self.put(Out::Spent(spent));
    }

    /// Let something out. Reports and counters are dropped rather than shelved: another comes in a second.
    pub(crate) fn put(&mut self, out: Out<P>) {
        let periodic = matches!(out, Out::Report(..) | Out::Stats(..));
        self.urgent |= !periodic;
        let kept = if self.shelf.is_empty() {
            match self.ring.push(out) {
                Ok(()) => return,
                Err(rtrb::PushError::Full(out)) => out,
            }
        } else {
            out
        };
        self.urgent = true;
        if !periodic && self.shelf.len() < self.shelf.capacity() {
            self.shelf.push_back(kept);
        } else {
            self.dropped += 1;
        }
    }

    /// The end of a slot: what was shelved moves up. `true` if the carrier should be woken.
    pub(crate) fn close(&mut self) -> bool {
        while let Some(out) = self.shelf.pop_front() {
            if let Err(rtrb::PushError::Full(out)) = self.ring.push(out) {
                self.shelf.push_front(out);
                break;
            }
        }
        std::mem::take(&mut self.urgent) || !self.shelf.is_empty()
    }

    /// Whether everything is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.shelf.is_empty()
    }
}
