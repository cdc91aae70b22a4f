//! A leg's handshake: with who is where the peer said it would be, and with a few who are elsewhere, where a peer behind
//! NAT may be.
//!
//! What is in clear can be anybody's, so that nothing of it ends a handshake: one that fails is begun anew until the
//! peer's patience is over, and what it failed of is told then (RFC 6347 §4.1.2.7).
//! What only the peer can have caused is told at once: it showed another certificate, or what it echoed a cookie with is
//! not to be agreed upon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtp::srtp::Keys;

use super::association::{Association, Progress};
use super::hello::{Hello, Worth};
use super::identity::Identity;
use crate::guard::Fingerprint;

/// Who are not where the peer said it would be, at a time. More than that have no place at the leg's port either.
const OTHERS: usize = 4;

/// A handshake that failed is begun anew after so long, where we begin.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Talk {
    fingerprints: Arc<[Fingerprint]>,
    active: bool,
    since: Instant,
    /// With who is where the peer said it would be; once it is over, with whoever it was.
    peer: Party,
    others: Vec<Party>,
    /// What went wrong last.
    failure: Option<String>,
    pub(super) over: bool,
}

/// One end, and what goes on with it.
struct Party {
    at: SocketAddr,
    since: Instant,
    /// Of its hello.
    random: [u8; 32],
    association: Option<Association>,
    /// Datagrams that the association got.
    letters: u32,
}

/// What a turn came to.
pub(super) enum Turn {
    Going,
    /// The keys of what we send and of what comes, and where they were proven if that is elsewhere.
    Done(Keys, Keys, Option<SocketAddr>),
    Failed(String),
}

/// What a party's turn came to.
enum Step {
    Going,
    Done(Keys, Keys),
    /// Anybody can have caused it.
    Broken(String),
    /// Only who receives there can have.
    Refused(String),
}

impl Talk {
    pub(super) fn new(at: SocketAddr, fingerprints: Arc<[Fingerprint]>, active: bool, now: Instant) -> Talk {
        let peer = Party { at, since: now, random: [0; 32], association: None, letters: 0 };
        Talk { fingerprints, active, since: now, peer, others: Vec::new(), failure: None, over: false }
    }

    /// Nothing is to be done before a datagram comes.
    pub(super) fn rests(&self) -> bool {
        self.over && self.peer.association.as_ref().is_none_or(Association::is_quiet)
    }

    /// A datagram that the leg's port let pass: if it is a hello, its sender has echoed its cookie.
    pub(super) fn read(&mut self, identity: &Identity, at: SocketAddr, datagram: &[u8], now: Instant) {
        if !self.over {
            match Worth::of(datagram) {
                Worth::Part => {}
                Worth::Alert(what) if at == self.peer.at => {
                    self.failure = Some(format!("the peer ended the handshake (alert {what})"));
                    return;
                }
                Worth::Alert(_) | Worth::Nothing => return,
            }
            if !self.active
                && let Some(hello) = Hello::read(datagram)
            {
                self.meet(identity, at, &hello, now);
            }
        }
        let party = match at == self.peer.at {
            true => Some(&mut self.peer),
            false => self.others.iter_mut().find(|other| other.at == at),
        };
        if let Some(party) = party
            && let Some(association) = &mut party.association
        {
            party.letters = party.letters.saturating_add(1);
            association.receive(datagram);
        }
    }

    /// Who begins a handshake gets one, and another one if it begins anew.
    fn meet(&mut self, identity: &Identity, at: SocketAddr, hello: &Hello, now: Instant) {
        let party = match at == self.peer.at {
            true => Some(&mut self.peer),
            false => self.others.iter_mut().find(|other| other.at == at),
        };
        if party.as_ref().is_some_and(|party| party.association.is_some() && party.random == hello.random) {
            return;
        }
        let Ok(association) = Association::answer(identity, hello) else { return };
        let met = Party { at, since: now, random: hello.random, association: Some(association), letters: 0 };
        match party {
            Some(party) => *party = met,
            None => {
                if self.others.len() == OTHERS {
                    self.others.remove(0);
                }
                self.others.push(met);
            }
        }
    }

    /// Goes on with what came; `send` gets what is to be sent, and where.
    pub(super) fn advance(
        &mut self,
        identity: &Identity,
        now: Instant,
        patience: Duration,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Turn {
        if self.over {
            self.peer.repeat(send);
            return Turn::Going;
        }
        if self.active && self.peer.association.is_none() {
            self.begin(identity, now);
        }
        match self.peer.advance(&self.fingerprints, send) {
            Step::Going => {}
            Step::Done(ours, theirs) => return self.done(ours, theirs, None),
            Step::Refused(why) => return self.failed(why),
            Step::Broken(why) => self.failure = Some(why),
        }
        let mut proven = None;
        self.others.retain_mut(|other| match other.advance(&self.fingerprints, send) {
            Step::Done(ours, theirs) => {
                proven = Some((ours, theirs, other.at));
                true
            }
            Step::Going => true,
            Step::Broken(_) | Step::Refused(_) => false,
        });
        if let Some((ours, theirs, at)) = proven {
            if let Some(place) = self.others.iter().position(|other| other.at == at) {
                self.peer = self.others.swap_remove(place);
            }
            return self.done(ours, theirs, Some(at));
        }
        if now.saturating_duration_since(self.since) < patience {
            return Turn::Going;
        }
        let why = self.failure.take().map(|why| format!(": {why}")).unwrap_or_default();
        self.failed(format!("no handshake within {} s{why}", patience.as_secs_f32()))
    }

    fn begin(&mut self, identity: &Identity, now: Instant) {
        if self.failure.is_some() && now.saturating_duration_since(self.peer.since) < AGAIN {
            return;
        }
        self.peer.since = now;
        match Association::begin(identity) {
            Ok(association) => self.peer.association = Some(association),
            Err(error) => self.failure = Some(error.to_string()),
        }
    }

    fn done(&mut self, ours: Keys, theirs: Keys, at: Option<SocketAddr>) -> Turn {
        self.over = true;
        self.others.clear();
        Turn::Done(ours, theirs, at)
    }

    fn failed(&mut self, why: String) -> Turn {
        self.over = true;
        self.others.clear();
        Turn::Failed(why)
    }
}

impl Party {
    fn advance(&mut self, fingerprints: &[Fingerprint], send: &mut dyn FnMut(SocketAddr, &[u8])) -> Step {
        let Some(association) = &mut self.association else { return Step::Going };
        let step = match association.advance(fingerprints) {
            Progress::Going => Step::Going,
            Progress::Done(ours, theirs) => Step::Done(ours, theirs),
            Progress::Refused(why) => Step::Refused(why),
            // All that it got is the hello, whose cookie proves whose it is.
            Progress::Broken(why) if association.answers() && self.letters == 1 => Step::Refused(why),
            Progress::Broken(why) => {
                // Neither does what was said to us end the handshake of the peer: the alert is not sent.
                self.association = None;
                return Step::Broken(why);
            }
        };
        association.outgoing().iter().for_each(|datagram| send(self.at, datagram));
        step
    }

    /// The peer may have missed our last words.
    fn repeat(&mut self, send: &mut dyn FnMut(SocketAddr, &[u8])) {
        if let Some(association) = &mut self.association {
            association.repeat();
            association.outgoing().iter().for_each(|datagram| send(self.at, datagram));
        }
    }
}
