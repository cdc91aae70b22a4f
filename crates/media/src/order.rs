//! What crosses between the engine and a worker: finished things in, everything else out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use audio::Rate;
use audio::codec::{Codec, Decoder, Encoder};
use audio::mix::Gain;
use audio::resample::Resampler;
use rtrb::Producer;

use crate::bridge::Bridge;
use crate::command::LegSetup;
use crate::detector::Listener;
use crate::dtls::Letter;
use crate::ears::{Ears, Interpreter, Kit};
use crate::event::Event;
use crate::guard::Guard;
use crate::id::{LegId, PartId};
use crate::leg::Leg;
use crate::recorder::Recorder;
use crate::recording::Pause;
use crate::report::LegReport;
use crate::room::{Lists, Room, Seat, Settings, Shared, Wider};
use crate::source::Playlist;
use crate::stats::WorkerStats;
use crate::tx::Dialling;

/// A command with all its slow parts done. `P` is what a leg's sockets come in.
pub(crate) enum Order<P> {
    Adopt(Box<Leg>, P),
    /// Hand a leg over to another worker.
    Move(LegId, u16),
    /// A leg that was handed over, by which worker, and in which slot.
    Arrive(Box<Leg>, P, u16, u64),
    Play(LegId, Playlist),
    Swap(LegId, Playlist),
    Steer(LegId, u64, Steer),
    Echo(LegId, u64, Kit),
    Bridge(LegId, u64, Box<Bridge>, Kit),
    Dial(LegId, Dialling),
    Record(LegId, Box<Recorder>, Kit),
    Pause(LegId, u64, Option<Pause>),
    Loudness(LegId, Gain),
    Await(LegId),
    Detect(LegId, Box<Listener>, Kit),
    Stop(LegId, u64),
    Reconfigure(LegId, Box<LegSetup>, Option<Kit>),
    /// The same with new keys: nobody has the ones without the other.
    Rekey(LegId, Box<LegSetup>, Option<Kit>, Box<Guard>),
    /// The peer may have moved.
    Renew(LegId),
    /// New keys, and where they were proven if that is not where the peer said it would be.
    Secure(LegId, Box<Guard>, Option<SocketAddr>),
    /// What decodes the codec that the peer has changed over to.
    Interpret(LegId, Box<Interpreter>),
    /// Send a datagram of a handshake.
    Post(Box<Letter>),
    Release(LegId),
    Room(PartId, RoomOrder),
}

/// What a part of a room is asked to do.
pub(crate) enum RoomOrder {
    Open(Box<Room>),
    Join(Box<Joining>),
    Change(LegId, Box<Settings>),
    Leave(LegId),
    /// Whether there is anybody in other parts.
    Company(bool),
    /// With what leads from its rate to the room's.
    Play(Playlist, Option<Box<Resampler>>),
    /// With what leads from the room's rate to its.
    Record(Box<Recorder>, Option<Box<Resampler>>),
    /// Leave out of the recording of this tag what comes, or go on.
    Pause(u64, Option<Pause>),
    Stop(u64),
    /// Go on at another rate.
    Widen(Box<Wider>),
    Close,
}

/// Somebody who is to take a seat, and what that takes. It goes out again with what was not needed.
pub(crate) struct Joining {
    pub(crate) seat: Option<Box<Seat>>,
    /// If its manner is new to the room.
    pub(crate) shared: Option<Box<Shared>>,
    /// If it sits inline.
    pub(crate) kit: Option<Kit>,
    /// If those that are there are full.
    pub(crate) lists: Option<Box<Lists>>,
}

/// What is asked of a play that goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Steer {
    Pause,
    Resume,
    Seek(Duration),
    /// By so many milliseconds, within the round.
    Skip(i64),
    /// Nothing but tell where it is.
    Tell,
}

/// What a worker lets out.
#[allow(clippy::large_enum_variant, reason = "counters are copied, not boxed: a worker allocates nothing")]
pub(crate) enum Out<P> {
    Event(Event),
    Report(LegId, LegReport),
    /// The peer has changed over to this codec: what decodes it to samples of this rate is to be made.
    Wanted(LegId, Codec, Rate),
    Stats(u16, WorkerStats),
    /// A leg that is over, with its sockets.
    Released(Box<Leg>, Option<P>),
    /// A leg that was to move is at a worker now; `from` is where it was, the same if it could not move.
    Moved {
        leg: LegId,
        from: u16,
        at: u16,
    },
    /// A member that left a room, or could not take its seat.
    Seat(PartId, Box<Seat>),
    /// A part of a room that is closed.
    Part(Box<Room>),
    /// To be freed elsewhere.
    Spent(Spent<P>),
}

/// Things with memory behind them that a worker is done with.
#[allow(dead_code, reason = "they are carried to be dropped")]
pub(crate) enum Spent<P> {
    Order(Order<P>),
    Playlist(Playlist),
    Dialling(Dialling),
    Recorder(Box<Recorder>),
    Ears(Box<Ears>),
    Keys(Box<audio::detect::Dtmf>),
    Listener(Box<Listener>),
    Narrow(Box<audio::detect::Narrow>),
    Encoder(Encoder),
    Decoder(Decoder),
    Interpreter(Box<Interpreter>),
    Bridge(Box<Bridge>),
    Setup(Box<LegSetup>),
    Seat(Box<Seat>),
    Settings(Box<Settings>),
    Shared(Box<Shared>),
    Joining(Box<Joining>),
    Lists(Box<Lists>),
    Wider(Box<Wider>),
    Resampler(Box<Resampler>),
    Guard(Box<Guard>),
    Letter(Box<Letter>),
}

/// Ends that a leg can have at once: its own, its seat's, its room's, its move's.
const ENDS: usize = 4;

/// A worker's way out: a ring to the carrier, and a shelf for what finds it full.
pub(crate) struct Outlet<P> {
    ring: Producer<Out<P>>,
    shelf: VecDeque<Out<P>>,
    /// How much the shelf takes of what is not a leg's end; ends have room of their own.
    room: usize,
    places: usize,
    /// Something was put out that should not wait for the carrier's own round.
    urgent: bool,
    /// The key that was told last, and of whom, for whoever ends by it.
    pub(crate) pressed: Option<(LegId, char)>,
    /// To the thread of handshakes.
    letters: Option<Producer<Letter>>,
    pub(crate) dropped: u64,
}

impl<P> Outlet<P> {
    /// For a worker of so many legs.
    pub(crate) fn new(ring: Producer<Out<P>>, places: usize) -> Outlet<P> {
        let room = ring.buffer().capacity();
        let shelf = VecDeque::with_capacity(room + ENDS * places);
        Outlet { ring, shelf, room, places, urgent: false, pressed: None, letters: None, dropped: 0 }
    }

    /// The same with a way to the thread of handshakes.
    pub(crate) fn with_letters(mut self, letters: Producer<Letter>) -> Outlet<P> {
        self.letters = Some(letters);
        self
    }

    /// Hand a datagram of a handshake on. One that finds no room is repeated by its sender.
    pub(crate) fn letter(&mut self, leg: LegId, from: SocketAddr, datagram: &[u8]) {
        if let (Some(letters), Some(letter)) = (&mut self.letters, Letter::new(leg, from, datagram)) {
            let _ = letters.push(letter);
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        if let Event::Digit { leg, key, .. } = event {
            self.pressed = Some((leg, key));
        }
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
        // A leg's end that got lost would be a place and ports lost for good, and a call that waits for ever; without the
        // end of its move, nothing would reach it any more.
        // Ends are as many as legs at most: no place is given again before its end was told.
        let room = match &kept {
            Out::Released(..) | Out::Seat(..) | Out::Part(_) | Out::Moved { .. } => {
                self.room + ENDS * self.places
            }
            _ => self.room,
        };
        if !periodic && self.shelf.len() < room {
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

#[cfg(test)]
mod tests {
    use rtrb::RingBuffer;

    use super::*;

    #[test]
    fn a_legs_end_finds_room_where_nothing_else_does() {
        let (ring, mut other) = RingBuffer::new(2);
        let mut out = Outlet::<u16>::new(ring, 1);
        let id = LegId { home: 0, place: 0, generation: 0 };
        for _ in 0..9 {
            out.event(Event::Talking { leg: id });
        }
        assert_eq!(out.dropped, 5, "two in the ring, two on the shelf");
        let setup = crate::worker::tests::setup();
        let leg = Box::new(Leg::new(id, setup, "x".into(), std::time::Duration::ZERO, 1));
        out.put(Out::Released(leg, Some(7)));
        assert_eq!(out.dropped, 5);
        let mut told = Vec::new();
        while out.close() {
            while let Ok(one) = other.pop() {
                told.push(matches!(one, Out::Released(..)));
            }
        }
        while let Ok(one) = other.pop() {
            told.push(matches!(one, Out::Released(..)));
        }
        assert_eq!(told, [false, false, false, false, true]);
    }
}
