//! Keys by handshake: DTLS-SRTP (RFC 5763, RFC 5764) on a thread of its own, since a handshake takes a millisecond and a
//! worker has none to give.
//!
//! A worker hands on what came from the address that the peer signalled, and a few datagrams a second from elsewhere,
//! where a peer behind NAT may be; what is sent and the keys go to it as orders.
//! Who is not where it said it would be may try once in two seconds and proves itself by its certificate;
//! it takes nothing away from who is.

mod association;
mod identity;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use self::association::{Association, Progress};
pub(crate) use self::identity::Identity;
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
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who is not at the signalled address has so long before another may try.
const TRIAL: Duration = Duration::from_secs(2);

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

/// A leg's handshake.
struct Talk {
    fingerprints: Arc<[Fingerprint]>,
    active: bool,
    since: Instant,
    /// With who is where the peer said it would be; once it is over, with whoever it was.
    peer: Party,
    /// With somebody elsewhere, and since when.
    other: Option<(Party, Instant)>,
    over: bool,
}

struct Party {
    at: SocketAddr,
    association: Association,
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
                        talk.read(&self.identity, &letter, now);
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
                match Association::new(&self.identity, active) {
                    Ok(association) => {
                        let peer = Party { at: remote, association };
                        let since = clock::now();
                        let talk = Talk { fingerprints, active, since, peer, other: None, over: false };
                        talks.insert(leg, talk);
                    }
                    Err(error) => self.tell(Event::Unsecured { leg, why: error.to_string() }),
                }
            }
            Note::End(leg) => drop(talks.remove(&leg)),
            Note::Stop => {}
        }
    }

    fn advance(&self, leg: LegId, talk: &mut Talk, now: Instant) {
        if talk.over && talk.peer.association.is_quiet() {
            return;
        }
        let progress = talk.peer.association.advance(&talk.fingerprints);
        self.send(leg, &mut talk.peer);
        let elsewhere = talk.other.as_mut().map(|(other, _)| {
            let progress = other.association.advance(&talk.fingerprints);
            self.send(leg, other);
            progress
        });
        if talk.over {
            return;
        }
        let (keys, from) = match (progress, elsewhere) {
            (Progress::Done(send, receive), _) => ((send, receive), None),
            (_, Some(Progress::Done(send, receive))) => {
                if let Some((other, _)) = talk.other.take() {
                    talk.peer = other;
                }
                ((send, receive), Some(talk.peer.at))
            }
            (Progress::Failed(why), _) => return self.fail(leg, talk, why),
            (Progress::Going, Some(Progress::Failed(_))) => {
                talk.other = None;
                return;
            }
            (Progress::Going, _) => {
                if now.saturating_duration_since(talk.since) >= PATIENCE {
                    self.fail(leg, talk, format!("no handshake within {} s", PATIENCE.as_secs()));
                }
                return;
            }
        };
        talk.over = true;
        talk.other = None;
        let profile = keys.0.profile();
        match Guard::keyed(&keys.0, &keys.1, 0) {
            Some(guard) => self.order(leg, Order::Secure(leg, guard, from)),
            None => return self.fail(leg, talk, "the keys are of no use".to_owned()),
        }
        self.tell(Event::Secured { leg, secured: Secured::Dtls(profile) });
    }

    fn fail(&self, leg: LegId, talk: &mut Talk, why: String) {
        talk.over = true;
        self.tell(Event::Unsecured { leg, why });
    }

    fn send(&self, leg: LegId, to: &mut Party) {
        for datagram in to.association.outgoing() {
            if let Some(letter) = Letter::new(leg, to.at, &datagram) {
                self.order(leg, Order::Post(Box::new(letter)));
            }
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

impl Talk {
    fn read(&mut self, identity: &Identity, letter: &Letter, now: Instant) {
        if letter.at == self.peer.at {
            return self.peer.association.receive(letter.bytes());
        }
        // Who begins is spoken to where it said it would be.
        if self.over || self.active {
            return;
        }
        let goes_on = matches!(&self.other, Some((other, _)) if other.at == letter.at);
        let taken = matches!(&self.other, Some((_, since)) if now.saturating_duration_since(*since) < TRIAL);
        if !goes_on {
            if taken || !is_hello(letter.bytes()) {
                return;
            }
            let Ok(association) = Association::new(identity, false) else { return };
            self.other = Some((Party { at: letter.at, association }, now));
        }
        if let Some((other, _)) = &mut self.other {
            other.association.receive(letter.bytes());
        }
    }
}

/// Whether this is a ClientHello, which a handshake begins with: RFC 6347 §4.2.2.
fn is_hello(datagram: &[u8]) -> bool {
    matches!(datagram, [22, 254, _, _, _, _, _, _, _, _, _, _, _, 1, ..])
}

#[cfg(test)]
mod tests;
