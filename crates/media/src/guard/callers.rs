//! Who may hand datagrams of a handshake on: whoever has shown that it receives what is sent to where it claims to be.
//!
//! A hello is answered with a cookie, of which nothing is kept (RFC 6347 §4.2.1); who echoes it has so many datagrams
//! a second of its own, which no flood from elsewhere uses up.
//! Runs on workers: it allocates nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::dtls::{COOKIE, Hello, VERIFY};

/// Datagrams that are handed on a second, of each source; a dozen make a handshake.
const LETTERS: u16 = 50;

/// Hellos that are answered with a cookie a second: the answer is shorter than what it answers, and costs what a packet
/// of audio does.
const HELLOS: u16 = 1_000;

/// Sources that can have echoed a cookie at a time.
const SOURCES: usize = 5;

/// Whoever is not where the peer said it would be has so long before its place is another's.
const TRIAL: Duration = Duration::from_secs(2);

/// What becomes of a datagram of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    HandOn,
    /// This is sent back, and nothing is kept.
    Answer([u8; VERIFY]),
    Drop,
}

/// How a leg stands to whoever sends it handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// We begin: the peer answers from where it said it would be.
    Begin,
    /// It begins, from wherever its NAT has it.
    Await,
}

struct Source {
    at: SocketAddr,
    /// Since when it has had its place.
    since: Duration,
    letters: u16,
}

/// A leg's sources of handshakes.
pub(super) struct Callers {
    /// What cookies are made with. Without any (the system had no random numbers) nobody gets one.
    secret: Option<[u8; COOKIE]>,
    /// When this second began, and what came in it.
    second: Duration,
    hellos: u16,
    /// Of the peer, where we begin.
    answers: u16,
    sources: [Option<Source>; SOURCES],
}

impl Callers {
    pub(super) fn new() -> Callers {
        let mut secret = [0; COOKIE];
        let secret = openssl::rand::rand_bytes(&mut secret).is_ok().then_some(secret);
        Callers { secret, second: Duration::ZERO, hellos: 0, answers: 0, sources: Default::default() }
    }

    /// What becomes of a datagram that came `from` there; `known` if that is where the peer is.
    pub(super) fn judge(
        &mut self,
        from: SocketAddr,
        known: bool,
        manner: Manner,
        datagram: &[u8],
        now: Duration,
    ) -> Fate {
        if now.saturating_sub(self.second) >= Duration::from_secs(1) {
            (self.second, self.hellos, self.answers) = (now, 0, 0);
            self.sources.iter_mut().flatten().for_each(|source| source.letters = 0);
        }
        if manner == Manner::Begin {
            // Who begins is spoken to where it said it would be.
            return if known && spend(&mut self.answers, LETTERS) { Fate::HandOn } else { Fate::Drop };
        }
        let hello = Hello::read(datagram);
        if let Some(hello) = hello.filter(|hello| hello.message == 0) {
            let cookie = self.cookie(from).filter(|_| spend(&mut self.hellos, HELLOS));
            return cookie.map_or(Fate::Drop, |cookie| Fate::Answer(hello.verify(&cookie)));
        }
        if let Some(hello) = hello
            && (hello.message != 1 || self.cookie(from).is_none_or(|cookie| cookie != hello.cookie))
        {
            return Fate::Drop;
        }
        let has_place = self.sources.iter().flatten().any(|source| source.at == from);
        let source = match hello {
            Some(_) if !has_place => self.admit(from, known, now),
            _ => self.sources.iter_mut().flatten().find(|source| source.at == from),
        };
        let handed_on = source.is_some_and(|source| spend(&mut source.letters, LETTERS));
        if handed_on { Fate::HandOn } else { Fate::Drop }
    }

    /// A place for who has echoed its cookie. Who comes from a network that has one waits for that; the peer's own
    /// address waits for nobody.
    fn admit(&mut self, at: SocketAddr, known: bool, now: Duration) -> Option<&mut Source> {
        let age = |source: &Source| now.saturating_sub(source.since);
        let neighbour = |source: &Source| network(source.at) == network(at);
        let neighbours = self.sources.iter().position(|source| source.as_ref().is_some_and(neighbour));
        let free = self.sources.iter().position(Option::is_none);
        let oldest = || {
            let ages = self.sources.iter().map(|source| source.as_ref().map_or(Duration::MAX, age));
            ages.enumerate().max_by_key(|(_, age)| *age).map(|(place, _)| place)
        };
        let place = if known { free.or_else(oldest) } else { neighbours.or(free).or_else(oldest) }?;
        let place = self.sources.get_mut(place)?;
        if !known && place.as_ref().is_some_and(|source| age(source) < TRIAL) {
            return None;
        }
        Some(place.insert(Source { at, since: now, letters: 0 }))
    }

    /// What only who receives at `at` can know.
    fn cookie(&self, at: SocketAddr) -> Option<[u8; COOKIE]> {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret?).ok()?;
        match at.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&at.port().to_be_bytes());
        mac.finalize().into_bytes().first_chunk().copied()
    }
}

/// Whether one more of `most` is left; it is spent then.
fn spend(count: &mut u16, most: u16) -> bool {
    let left = *count < most;
    *count += u16::from(left);
    left
}

/// What one customer of a provider has: an address of IPv4, 64 bits of one of IPv6.
fn network(at: SocketAddr) -> IpAddr {
    match at.ip().to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        ip => ip,
    }
}

#[cfg(test)]
mod tests;
