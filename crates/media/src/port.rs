//! RTP ports: even ones from a range, each with its odd neighbour for RTCP.
//!
//! The search starts at a random place and passes over what is busy.
//! A freed pair rests for a while, so that a late packet of the last call is not heard in the next.
//! It rests with its sockets open, since making them costs more than all else that a leg takes to begin and to end:
//! the next call has them emptied, and what nobody wants for a while is closed.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::clock;
use crate::error::Error;
use crate::io::stamp;

/// How long a freed pair rests: longer than the jitter of a peer that hung up.
const REST: Duration = Duration::from_secs(3);

/// How long it rests at least, where all others are taken or rest too: 5,000 pairs carry 5,000 short calls a second.
const SHORT_REST: Duration = Duration::from_secs(1);

/// A pair that nobody wanted for so long is closed.
const UNWANTED: Duration = Duration::from_secs(10);

/// Datagrams that a rested pair may have collected; one that has more is being flooded, and is closed.
const COLLECTED: usize = 256;

/// A bound pair of RTP and RTCP sockets. Dropping it gives the ports back.
pub struct Ports {
    pair: Arc<Pair>,
    pool: Arc<Pool>,
}

impl Ports {
    /// The even port, for SDP.
    pub fn rtp_port(&self) -> u16 {
        self.pair.port
    }

    pub(crate) fn rtp(&self) -> &UdpSocket {
        &self.pair.rtp
    }

    pub(crate) fn rtcp(&self) -> &UdpSocket {
        &self.pair.rtcp
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ports({})", self.pair.port)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.pool.free(self.pair.clone(), clock::now());
    }
}

/// Two bound sockets.
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
}

impl Pair {
    /// Throws away what came while nobody listened. `false` if there is no end of it.
    fn empty(&self) -> bool {
        let mut byte = [0];
        // An error is either that nothing is left or what an ICMP message left behind, which counts like a datagram.
        let ended = |socket: &UdpSocket| {
            (0..COLLECTED).any(|_| {
                matches!(socket.recv(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
            })
        };
        [&self.rtp, &self.rtcp].into_iter().all(ended)
    }
}

/// The range and what is taken of it.
pub(crate) struct Pool {
    bind: IpAddr,
    dscp: Option<u8>,
    /// The lowest even port.
    first: u16,
    /// How many pairs may be open; beyond it, freed ones are closed at once.
    open: usize,
    book: Mutex<Book>,
}

struct Book {
    /// One a pair; those that rest are taken.
    taken: Vec<bool>,
    /// Where the next search begins.
    next: usize,
    /// Pairs that were freed, the oldest first.
    resting: VecDeque<Resting>,
    /// How many pairs are open, those that rest among them.
    open: usize,
}

/// A pair that was freed.
struct Resting {
    since: Instant,
    at: usize,
    /// Closed ones rest like the others: their ports are remembered by the last call's peer.
    pair: Option<Arc<Pair>>,
}

impl Pool {
    pub(crate) fn new(range: RangeInclusive<u16>, bind: IpAddr, dscp: Option<u8>) -> Result<Pool, Error> {
        let wrong = Error::PortRange(*range.start(), *range.end());
        let Some(first) = range.start().checked_next_multiple_of(2) else { return Err(wrong) };
        let pairs = (u32::from(*range.end()) + 1).saturating_sub(u32::from(first)) / 2;
        if pairs == 0 {
            return Err(wrong);
        }
        let taken = vec![false; pairs as usize];
        // The hasher's keys are random: enough to keep a restarted server from its last calls' ports.
        let next = (RandomState::new().hash_one(first) % u64::from(pairs)) as usize;
        let book = Book { taken, next, resting: VecDeque::new(), open: 0 };
        // Two thirds of the files that may be open, two a pair: the rest is for everything else.
        Ok(Pool { bind, dscp, first, open: open_files() / 3, book: Mutex::new(book) })
    }

    /// How many legs can exist at once.
    pub(crate) fn pairs(&self) -> usize {
        self.lock().taken.len()
    }

    /// A pair that has rested, or the next free one.
    pub(crate) fn reserve(self: &Arc<Pool>, now: Instant) -> Result<Ports, Error> {
        let mut book = self.lock();
        let ports = |pair| Ports { pair, pool: self.clone() };
        if let Some(pair) = book.rested(now, REST) {
            return Ok(ports(pair));
        }
        match self.bind_next(&mut book) {
            Some(pair) => Ok(ports(Arc::new(pair))),
            None => match book.rested(now, SHORT_REST) {
                Some(pair) => Ok(ports(pair)),
                // Those that rested long enough without their sockets are free now.
                None => self.bind_next(&mut book).map(|pair| ports(Arc::new(pair))).ok_or(Error::NoPorts),
            },
        }
    }

    /// Closes what nobody wanted for a while; to be called now and then.
    pub(crate) fn tidy(&self, now: Instant) {
        let mut unwanted = Vec::new();
        let mut book = self.lock();
        while let Some(resting) = book.next_rested(now, UNWANTED) {
            book.taken[resting.at] = false;
            if let Some(pair) = resting.pair {
                book.open -= 1;
                unwanted.push(pair);
            }
        }
        drop(book);
        // Closing takes a while, which nobody has to wait for.
        drop(unwanted);
    }

    fn bind_next(&self, book: &mut Book) -> Option<Pair> {
        let pairs = book.taken.len();
        for step in 0..pairs {
            let at = (book.next + step) % pairs;
            if book.taken[at] {
                continue;
            }
            match self.bind(self.first + 2 * at as u16) {
                Ok(pair) => {
                    book.taken[at] = true;
                    book.next = (at + 1) % pairs;
                    book.open += 1;
                    return Some(pair);
                }
                // No other port would do better.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    return None;
                }
                // Somebody else may hold one of the two: pass on.
                Err(_) => {}
            }
        }
        None
    }

    fn bind(&self, port: u16) -> std::io::Result<Pair> {
        let one = |port: u16| {
            let address = SocketAddr::new(self.bind, port);
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            if let (Some(dscp), IpAddr::V4(_)) = (self.dscp, self.bind) {
                // Marking is a wish; a system that refuses it still carries the call.
                let _ = socket.set_tos_v4(u32::from(dscp) << 2);
            }
            socket.bind(&address.into())?;
            Ok::<UdpSocket, std::io::Error>(socket.into())
        };
        let (rtp, rtcp) = (one(port)?, one(port + 1)?);
        stamp::enable(&rtp);
        stamp::enable(&rtcp);
        Ok(Pair { rtp, rtcp, port })
    }

    fn free(&self, pair: Arc<Pair>, now: Instant) {
        let at = usize::from(pair.port - self.first) / 2;
        let mut book = self.lock();
        let (keep, close) = match book.open <= self.open {
            true => (Some(pair), None),
            false => (None, Some(pair)),
        };
        book.open -= usize::from(close.is_some());
        book.resting.push_back(Resting { since: now, at, pair: keep });
        drop(book);
        drop(close);
    }

    /// Closes the pairs that rest: nobody will want them again.
    pub(crate) fn close(&self) {
        let resting = std::mem::take(&mut self.lock().resting);
        let mut book = self.lock();
        for pair in resting {
            book.taken[pair.at] = false;
            book.open -= usize::from(pair.pair.is_some());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // No statement under the lock leaves the book half written.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// The first pair that has rested so long with its sockets open; those without are free from here on.
    fn rested(&mut self, now: Instant, rest: Duration) -> Option<Arc<Pair>> {
        while let Some(resting) = self.next_rested(now, rest) {
            match resting.pair {
                Some(pair) if pair.empty() => return Some(pair),
                Some(_) => self.open -= 1,
                None => {}
            }
            self.taken[resting.at] = false;
        }
        None
    }

    /// Takes the pair that was freed first, if that is so long ago.
    fn next_rested(&mut self, now: Instant, rest: Duration) -> Option<Resting> {
        let rested = |resting: &Resting| now.saturating_duration_since(resting.since) >= rest;
        if self.resting.front().is_some_and(rested) { self.resting.pop_front() } else { None }
    }
}

/// How many files this process may have open.
fn open_files() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes the two numbers it is given, or fails.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if got == 0 { usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn pool(range: RangeInclusive<u16>) -> Arc<Pool> {
        Arc::new(Pool::new(range, Ipv4Addr::LOCALHOST.into(), None).unwrap())
    }

    #[test]
    fn pairs_are_even_and_inside_the_range() {
        let pool = pool(28_101..=28_107);
        assert_eq!(pool.pairs(), 3);
        let now = clock::now();
        let all: Vec<Ports> = (0..3).map(|_| pool.reserve(now).unwrap()).collect();
        let mut ports: Vec<u16> = all.iter().map(Ports::rtp_port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [28_102, 28_104, 28_106]);
        assert_eq!(all[0].rtcp().local_addr().unwrap().port(), all[0].rtp_port() + 1);
        assert!(matches!(pool.reserve(now), Err(Error::NoPorts)));
    }

    #[test]
    fn a_busy_port_is_passed_over() {
        let holder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 28_123)).unwrap();
        let pool = pool(28_120..=28_125);
        let now = clock::now();
        let (a, b) = (pool.reserve(now).unwrap(), pool.reserve(now).unwrap());
        assert!(a.rtp_port() != 28_122 && b.rtp_port() != 28_122);
        assert!(pool.reserve(now).is_err());
        drop(holder);
        assert_eq!(pool.reserve(now).unwrap().rtp_port(), 28_122);
    }

    #[test]
    fn a_freed_port_rests_before_it_is_used_again() {
        let pool = pool(28_140..=28_141);
        drop(pool.reserve(clock::now()).unwrap());
        assert!(pool.reserve(clock::now()).is_err());
        assert!(pool.reserve(clock::now() + SHORT_REST).is_ok());
    }

    #[test]
    fn a_rested_pair_is_used_again_without_what_came_meanwhile() {
        let pool = pool(28_150..=28_153);
        let now = clock::now();
        let first = pool.reserve(now).unwrap();
        let port = first.rtp_port();
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        drop(first);
        for port in [port, port + 1] {
            stranger.send_to(b"late", (Ipv4Addr::LOCALHOST, port)).unwrap();
        }
        let again = pool.reserve(clock::now() + REST).unwrap();
        assert_eq!((again.rtp_port(), pool.lock().open), (port, 1));
        let nothing = |socket: &UdpSocket| socket.recv(&mut [0; 8]).unwrap_err().kind();
        assert_eq!(nothing(again.rtp()), std::io::ErrorKind::WouldBlock);
        assert_eq!(nothing(again.rtcp()), std::io::ErrorKind::WouldBlock);
        // Before its rest is over, another pair is bound.
        drop(again);
        assert_ne!(pool.reserve(clock::now()).unwrap().rtp_port(), port);
    }

    #[test]
    fn a_flooded_pair_is_closed() {
        let pool = pool(28_156..=28_157);
        let port = pool.reserve(clock::now()).unwrap().rtp_port();
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for _ in 0..=COLLECTED {
            stranger.send_to(b"flood", (Ipv4Addr::LOCALHOST, port)).unwrap();
        }
        let again = pool.reserve(clock::now() + REST).unwrap();
        assert_eq!(again.rtp().recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn what_nobody_wants_is_closed() {
        let pool = pool(28_160..=28_169);
        let all: Vec<Ports> = (0..5).map(|_| pool.reserve(clock::now()).unwrap()).collect();
        drop(all);
        pool.tidy(clock::now());
        assert_eq!(pool.lock().open, 5);
        pool.tidy(clock::now() + UNWANTED);
        assert_eq!(pool.lock().open, 0);
        assert!(pool.lock().resting.is_empty());
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, 28_160)).is_ok());
    }

    #[test]
    fn beyond_the_limit_of_open_files_freed_pairs_are_closed_at_once() {
        let mut pool = Pool::new(28_170..=28_173, Ipv4Addr::LOCALHOST.into(), None).unwrap();
        pool.open = 1;
        let pool = Arc::new(pool);
        let both = [pool.reserve(clock::now()).unwrap(), pool.reserve(clock::now()).unwrap()];
        drop(both);
        assert_eq!(pool.lock().open, 1);
        assert!(pool.reserve(clock::now()).is_err(), "closed ones rest, too");
        let later = clock::now() + SHORT_REST;
        assert!(pool.reserve(later).is_ok() && pool.reserve(later).is_ok());
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        assert!(Pool::new(20_001..=20_002, Ipv4Addr::LOCALHOST.into(), None).is_err());
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = 20_010..=20_000;
        assert!(Pool::new(backwards, Ipv4Addr::LOCALHOST.into(), None).is_err());
    }
}
