//! Keys by handshake: DTLS-SRTP (RFC 5763, RFC 5764) on a thread of its own, since a handshake takes a millisecond and a
//! worker has none to give.
//!
//! A worker hands on what comes from where the peer is and, where the peer begins, what comes from those who have echoed
//! a cookie (`guard/callers.rs`); what is sent and the keys go to it as orders.
//! Who is not where it said it would be proves itself by its certificate; it takes nothing away from who is.

mod association;
mod hello;
mod identity;
mod talk;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rtrb::Consumer;

pub(crate) use self::hello::{COOKIE, Hello, VERIFY};
pub(crate) use self::identity::Identity;
use self::talk::{Talk, Turn};
use crate::board::Sent;
use crate::clock;
use crate::event::Event;
use crate::guard::{Fingerprint, Guard};
use crate::id::LegId;
use crate::order::Order;
use crate::report::Secured;

/// The longest datagram of a handshake: what an Ethernet frame takes.
pub(crate) const LONGEST: usize = 1_500;

/// Letters that may wait for the thread, a worker; more are repeated by their senders.
pub(crate) const LETTERS: usize = 64;

/// How often the thread looks for letters while a handshake goes on, and while all are over.
const BUSY: Duration = Duration::from_millis(5);
const QUIET: Duration = Duration::from_millis(100);
/// And while there is none.
const IDLE: Duration = Duration::from_secs(3_600);

/// A handshake that is not over after so long has failed: the peer had four tries (RFC 6347 §4.2.4.1).
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A datagram of a handshake.
pub(crate) struct Letter {
    pub(crate) leg: LegId,
    /// Who sent it, or who is to get it.
    pub(crate) at: SocketAddr,
    len: u16,
    bytes: [u8; LONGEST],
}

impl Letter {
    /// `None` if it is too long to be one.
    pub(crate) fn new(leg: LegId, at: SocketAddr, datagram: &[u8]) -> Option<Letter> {
        let mut letter = Letter { leg, at, len: datagram.len() as u16, bytes: [0; LONGEST] };
        letter.bytes.get_mut(..datagram.len())?.copy_from_slice(datagram);
        Some(letter)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// What the thread is asked.
pub(crate) enum Note {
    /// A leg awaits keys.
    Begin {
        leg: LegId,
        /// Where the peer said it would be.
        remote: SocketAddr,
        fingerprints: Arc<[Fingerprint]>,
        active: bool,
    },
    /// A leg is over, or has its keys otherwise.
    End(LegId),
    Stop,
}

/// Sends an order to a leg.
pub(crate) type Orders<P> = Box<dyn Fn(LegId, Order<P>) -> Sent<P> + Send>;

/// What the thread owns. `P` is what a leg's sockets come in.
pub(crate) struct Dtls<P> {
    pub(crate) identity: Identity,
    pub(crate) notes: Receiver<Note>,
    pub(crate) letters: Vec<Consumer<Letter>>,
    /// The way to legs, wherever they are.
    pub(crate) orders: Orders<P>,
    pub(crate) events: Sender<Event>,
    pub(crate) carrier: Thread,
    /// How long a handshake may take.
    pub(crate) patience: Duration,
}

impl<P> Dtls<P> {
    pub(crate) fn run(mut self) {
        let mut talks = HashMap::new();
        loop {
            let pending = talks.values().any(|talk: &Talk| !talk.over);
            let wait = match (pending, talks.is_empty()) {
                (true, _) => BUSY,
                (false, false) => QUIET,
                (false, true) => IDLE,
            };
            match self.notes.recv_timeout(wait) {
                Ok(Note::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(note) => self.take(note, &mut talks),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = clock::now();
            for at in 0..self.letters.len() {
                while let Ok(letter) = self.letters[at].pop() {
                    if let Some(talk) = talks.get_mut(&letter.leg) {
                        talk.read(&self.identity, letter.at, letter.bytes(), now);
                    }
                }
            }
            for (leg, talk) in &mut talks {
                self.advance(*leg, talk, now);
            }
        }
    }

    fn take(&self, note: Note, talks: &mut HashMap<LegId, Talk>) {
        match note {
            Note::Begin { leg, remote, fingerprints, active } => {
                talks.insert(leg, Talk::new(remote, fingerprints, active, clock::now()));
            }
            Note::End(leg) => drop(talks.remove(&leg)),
            Note::Stop => {}
        }
    }

    fn advance(&self, leg: LegId, talk: &mut Talk, now: Instant) {
        if talk.rests() {
            return;
        }
        let turn = talk.advance(&self.identity, now, self.patience, &mut |to, datagram| {
            if let Some(letter) = Letter::new(leg, to, datagram) {
                self.order(leg, Order::Post(Box::new(letter)));
            }
        });
        match turn {
            Turn::Going => {}
            Turn::Failed(why) => self.tell(Event::Unsecured { leg, why }),
            Turn::Done(send, receive, from) => match Guard::keyed(&send, &receive, 0) {
                Some(guard) => {
                    self.order(leg, Order::Secure(leg, guard, from));
                    self.tell(Event::Secured { leg, secured: Secured::Dtls(send.profile()) });
                }
                None => self.tell(Event::Unsecured { leg, why: "the keys are of no use".to_owned() }),
            },
        }
    }

    /// What finds the queue full is lost, as it may be on the network; keys find it full for no longer than a few slots.
    fn order(&self, leg: LegId, order: Order<P>) {
        let mut order = order;
        let patient = matches!(order, Order::Secure(..));
        for _ in 0..if patient { 200 } else { 1 } {
            match (self.orders)(leg, order) {
                Sent::Done | Sent::NoLeg => return,
                Sent::Full(back) => order = back,
            }
            std::thread::park_timeout(BUSY);
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens when the engine ends.
        let _ = self.events.send(event);
        self.carrier.unpark();
    }
}

#[cfg(test)]
mod tests;
