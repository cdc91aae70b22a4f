//! A leg's encryption: between its sockets and everything else of it.
//!
//! What is wrong for the keys never gets past [`Guard::open`], and what has none leaves nothing behind: while keys are
//! awaited, packets are dropped both ways and never sent in clear.
//! Made on the engine's side, because making one allocates.

mod callers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtp::srtp::{Keys, Profile, Protector, Refused, Unprotector};

use self::callers::Callers;
pub(crate) use self::callers::{Fate, Manner};

/// After new keys, packets under the old ones are taken for so long: they were on their way.
const OLD_KEYS: Duration = Duration::from_secs(3);

/// How a leg's audio is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    #[default]
    None,
    /// With keys that the descriptions brought (RFC 4568).
    Keys {
        /// Of what we send.
        send: Keys,
        /// Of what comes.
        receive: Keys,
        /// Bytes of the master key identifier in what comes (RFC 3711 §3.1); 0 as a rule.
        identifier: u8,
    },
    /// With keys that a handshake on the leg's port brings (RFC 5764).
    Handshake {
        /// One of these is the peer's certificate's.
        fingerprints: Arc<[Fingerprint]>,
        /// Whether we begin.
        active: bool,
    },
}

/// The hash of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The hash function as SDP calls it: `sha-256`.
    pub hash: String,
    /// Of the certificate's DER form.
    pub bytes: Vec<u8>,
}

/// What an end of a secured leg does with packets.
enum End<T> {
    Plain,
    /// No keys yet.
    Closed,
    Keyed(T),
}

/// Both directions of a leg.
pub(crate) struct Guard {
    send: End<Protector>,
    receive: End<Unprotector>,
    /// What was received with until new keys came, and when they did.
    old: Option<(Unprotector, Duration)>,
    callers: Callers,
    pub(crate) forged: u64,
    pub(crate) replayed: u64,
}

impl Guard {
    /// What `security` asks for at first; `None` where it asks for nothing, which costs nothing.
    pub(crate) fn of(security: &Security) -> Option<Box<Guard>> {
        match security {
            Security::None => None,
            Security::Keys { send, receive, identifier } => Guard::keyed(send, receive, *identifier),
            Security::Handshake { .. } => Some(Guard::new(End::Closed, End::Closed)),
        }
    }

    /// A guard with these keys.
    pub(crate) fn keyed(send: &Keys, receive: &Keys, identifier: u8) -> Option<Box<Guard>> {
        let receive = Unprotector::new(receive)?.with_identifier(identifier.into());
        Some(Guard::new(End::Keyed(Protector::new(send)?), End::Keyed(receive)))
    }

    /// A guard that lets everything pass, to end encryption with.
    pub(crate) fn plain() -> Box<Guard> {
        Guard::new(End::Plain, End::Plain)
    }

    fn new(send: End<Protector>, receive: End<Unprotector>) -> Box<Guard> {
        Box::new(Guard { send, receive, old: None, callers: Callers::new(), forged: 0, replayed: 0 })
    }

    /// `new` takes over at `now` and gets what `self` had and does not need any more, to be freed elsewhere.
    /// A direction whose keys stay keeps its counters. `true` if what is sent should become another stream, so that
    /// no peer has to know whether roll-overs are counted on or begin anew with the keys (RFC 3711 §3.3.1 and those who
    /// read it otherwise).
    pub(crate) fn follow(&mut self, new: &mut Guard, now: Duration) -> bool {
        let mut renew = false;
        match (&self.send, &mut new.send) {
            (End::Keyed(old), End::Keyed(keys)) if old.keys() == keys.keys() => {}
            (old, new_keys) => {
                if let (End::Keyed(old), End::Keyed(keys)) = (old, new_keys) {
                    keys.follow(old);
                }
                renew = matches!(old, End::Keyed(old) if old.rollovers() > 0);
                std::mem::swap(&mut self.send, &mut new.send);
            }
        }
        match (&mut self.receive, &mut new.receive) {
            (End::Keyed(old), End::Keyed(keys)) if old.keys() == keys.keys() => {}
            (End::Keyed(old), End::Keyed(keys)) => {
                keys.follow(old);
                std::mem::swap(old, keys);
                if let End::Keyed(old) = std::mem::replace(&mut new.receive, End::Plain) {
                    new.old = self.old.replace((old, now));
                }
            }
            (old, keys) => std::mem::swap(old, keys),
        }
        renew
    }

    /// What becomes of a datagram of a handshake; `known` if it came from where the peer is.
    pub(crate) fn judge(
        &mut self,
        from: SocketAddr,
        known: bool,
        manner: Manner,
        datagram: &[u8],
        now: Duration,
    ) -> Fate {
        self.callers.judge(from, known, manner, datagram, now)
    }

    /// Whether what comes is proven to be the peer's.
    pub(crate) fn proves(&self) -> bool {
        matches!(self.receive, End::Keyed(_))
    }

    /// How what is sent is protected.
    pub(crate) fn profile(&self) -> Option<Profile> {
        match &self.send {
            End::Keyed(keys) => Some(keys.profile()),
            _ => None,
        }
    }

    /// Protect the packet of `len` bytes at the front of `buffer`. Its length after; `None` if it may not leave.
    pub(crate) fn seal(&mut self, rtcp: bool, buffer: &mut [u8], len: usize) -> Option<usize> {
        match &mut self.send {
            End::Plain => Some(len),
            End::Closed => None,
            End::Keyed(keys) if rtcp => keys.rtcp(buffer, len),
            End::Keyed(keys) => keys.rtp(buffer, len),
        }
    }

    /// Unprotect what came at `now`. Its length after; `None` if it is not the peer's.
    pub(crate) fn open(&mut self, rtcp: bool, packet: &mut [u8], now: Duration) -> Option<usize> {
        let keys = match &mut self.receive {
            End::Plain => return Some(packet.len()),
            End::Closed => return None,
            End::Keyed(keys) => keys,
        };
        let mut open = |keys: &mut Unprotector| if rtcp { keys.rtcp(packet) } else { keys.rtp(packet) };
        let opened = match (open(keys), &mut self.old) {
            (Err(Refused::Forged), Some((old, since))) if now.saturating_sub(*since) < OLD_KEYS => open(old),
            (opened, _) => opened,
        };
        match opened {
            Ok(len) => Some(len),
            Err(Refused::Replayed) => {
                self.replayed += 1;
                None
            }
            Err(_) => {
                self.forged += 1;
                None
            }
        }
    }
}

/// Whether a datagram belongs to a handshake: RFC 7983 §7.
pub(crate) fn is_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [20..=63, ..])
}

#[cfg(test)]
mod tests;
