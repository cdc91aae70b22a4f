//! RTP ports: even ones from a range, each with its odd neighbour for RTCP.
//!
//! The search starts at a random place and passes over what is busy.
//! A freed pair rests for a while, so that a late packet of the last call is not heard in the next.
//! It rests with its sockets open, since making them costs more than all else that a leg takes to begin and to end:
//! the next call has them emptied, and what nobody wants for a while is closed.
//! A pair that the last call's peer goes on sending to, as one does that missed our goodbye, rests on as long as there are
//! others: the next call would take it for its own peer behind NAT, and shut that one out.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::clock;
use crate::error::Error;
use crate::io::stamp::{self, Emptied};

/// How long a freed pair rests: longer than the jitter of a peer that hung up.
const REST: Duration = Duration::from_secs(3);

/// How long it rests at least, where all others are taken or rest too: 5,000 pairs carry 5,000 short calls a second.
const SHORT_REST: Duration = Duration::from_secs(1);

/// A pair that nobody wanted for so long is closed.
const UNWANTED: Duration = Duration::from_secs(10);

/// What comes so long after a pair was freed was not on its way then: its sender goes on.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// So many pairs that rested are looked at for one that is wanted, and so many that nobody wanted at a time.
const LOOKS: usize = 8;
const TIDIED: usize = 32;

/// A rested pair that so many came to, faster than one a millisecond, is being flooded, and is closed.
const COLLECTED: u32 = 256;

/// A bound pair of RTP and RTCP sockets. Dropping it gives the ports back.
pub struct Ports {
    pair: Arc<Pair>,
    pool: Arc<Pool>,
    /// Whom the RTP socket is connected to.
    peer: Option<SocketAddr>,
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

    /// Whom the RTP socket is connected to.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Have the system take for the RTP socket only what comes from `peer`, and know the way there without looking it up
    /// for each packet. Whether that is so now.
    ///
    /// One that is bound to every address takes then only what comes to the address that our way to the peer begins with,
    /// and on a host with several that need not be the one that the peer was `told`: such a one stays open.
    pub(crate) fn connect(&mut self, peer: SocketAddr, told: Option<IpAddr>) -> bool {
        self.peer = Some(peer);
        let reached = || {
            self.pair.rtp.connect(peer).ok()?;
            let ours = self.pair.rtp.local_addr().ok()?.ip().to_canonical();
            Some(!self.pool.bind.is_unspecified() || told.map(|told| told.to_canonical()) == Some(ours))
        };
        let reached = reached().unwrap_or_default();
        if !reached {
            self.disconnect();
        }
        reached
    }

    /// The RTP socket takes what comes from anybody again.
    pub(crate) fn disconnect(&mut self) {
        if self.peer.take().is_some() {
            // SAFETY: an address is plain numbers; zeros are of no family, which the call takes for "nobody".
            unsafe {
                let nobody: libc::sockaddr = std::mem::zeroed();
                let len = size_of::<libc::sockaddr>() as libc::socklen_t;
                libc::connect(self.pair.rtp.as_raw_fd(), &raw const nobody, len);
            }
        }
    }

    /// Send by the RTP socket.
    ///
    /// That nobody listens there any more, as a connected socket learns, is no failure: who hangs up closes his port
    /// before he says so.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let sent = match self.peer == Some(to) {
            true => self.pair.rtp.send(datagram),
            false => self.pair.rtp.send_to(datagram, to),
        };
        match sent {
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ports({})", self.pair.port)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.disconnect();
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
    /// Throws away what came while nobody listened, of both sockets.
    fn empty(&self, wall: Duration) -> Emptied {
        let [rtp, rtcp] = [&self.rtp, &self.rtcp].map(|socket| stamp::empty(socket, wall, COLLECTED));
        match (rtp, rtcp) {
            (Emptied::Endless, _) | (_, Emptied::Endless) => Emptied::Endless,
            (Emptied::Nothing, other) | (other, Emptied::Nothing) => other,
            (Emptied::Last(one), Emptied::Last(other)) => Emptied::Last(one.min(other)),
        }
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
    /// It has rested before, and somebody went on sending to it.
    noisy: bool,
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
        let ports = |pair| Ports { pair, pool: self.clone(), peer: None };
        if let Some(pair) = book.rested(now, REST) {
            return Ok(ports(pair));
        }
        match self.bind_next(&mut book) {
            Some(pair) => Ok(ports(Arc::new(pair))),
            None => match book.rested(now, SHORT_REST).or_else(|| book.noisy(now)) {
                Some(pair) => Ok(ports(pair)),
                // Those that rested long enough without their sockets are free now.
                None => self.bind_next(&mut book).map(|pair| ports(Arc::new(pair))).ok_or(Error::NoPorts),
            },
        }
    }

    /// Closes a few of those that nobody wanted for a while; to be called now and then, and soon again if it says so.
    pub(crate) fn tidy(&self, now: Instant) -> bool {
        let mut unwanted = Vec::new();
        let mut book = self.lock();
        let mut looks = 0;
        while looks < TIDIED {
            let Some(resting) = book.next_rested(now, UNWANTED) else { break };
            looks += 1;
            let at = resting.at;
            if let Some(pair) = book.look(resting, now) {
                book.taken[at] = false;
                book.open -= 1;
                unwanted.push(pair);
            }
        }
        drop(book);
        // Closing takes a while, which nobody has to wait for.
        drop(unwanted);
        looks == TIDIED
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

    fn bind(&self, port: u16) -> io::Result<Pair> {
        let one = |port: u16| {
            let address = SocketAddr::new(self.bind, port);
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            if let Some(dscp) = self.dscp {
                mark(&socket, dscp, self.bind);
            }
            socket.bind(&address.into())?;
            Ok::<UdpSocket, io::Error>(socket.into())
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
        book.resting.push_back(Resting { since: now, at, pair: keep, noisy: false });
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
    /// The first pair that has rested so long with its sockets open, and that nobody sends to; those without are free from
    /// here on.
    fn rested(&mut self, now: Instant, rest: Duration) -> Option<Arc<Pair>> {
        let mut looks = 0;
        while looks < LOOKS {
            let resting = self.next_rested(now, rest)?;
            looks += usize::from(resting.pair.is_some());
            if let Some(pair) = self.look(resting, now) {
                return Some(pair);
            }
        }
        None
    }

    /// Looks whether somebody goes on sending to a pair that has rested, and empties it. If so, or if it has no sockets,
    /// it stays here.
    fn look(&mut self, resting: Resting, now: Instant) -> Option<Arc<Pair>> {
        let Resting { since, at, pair, .. } = resting;
        let Some(pair) = pair else {
            self.taken[at] = false;
            return None;
        };
        let pair = match pair.empty(clock::wall_at(now)) {
            Emptied::Nothing => return Some(pair),
            Emptied::Last(ago) if since + ON_ITS_WAY + ago >= now => return Some(pair),
            Emptied::Last(_) => Some(pair),
            // What floods it finds nobody there for a while.
            Emptied::Endless => {
                self.open -= 1;
                None
            }
        };
        self.resting.push_back(Resting { since: now, at, pair, noisy: true });
        None
    }

    /// Where there is no other, the pair that somebody went on sending to the longest time ago, as far as is known; without
    /// its sockets it is free.
    fn noisy(&mut self, now: Instant) -> Option<Arc<Pair>> {
        let first = self.resting.iter().position(|resting| resting.noisy)?;
        let Resting { at, pair, .. } = self.resting.remove(first)?;
        let quiet = pair.filter(|pair| {
            let ended = pair.empty(clock::wall_at(now)) != Emptied::Endless;
            self.open -= usize::from(!ended);
            ended
        });
        self.taken[at] = quiet.is_some();
        quiet
    }

    /// Takes the pair that was freed first, if that is so long ago.
    fn next_rested(&mut self, now: Instant, rest: Duration) -> Option<Resting> {
        let rested = |resting: &Resting| now.saturating_duration_since(resting.since) >= rest;
        if self.resting.front().is_some_and(rested) { self.resting.pop_front() } else { None }
    }
}

/// Have the system mark what leaves. That is a wish; a system that refuses it still carries the call.
fn mark(socket: &Socket, dscp: u8, bind: IpAddr) {
    // An IPv6 socket marks what it sends to IPv4 peers by the setting of IPv4.
    let _ = socket.set_tos_v4(u32::from(dscp) << 2);
    if bind.is_ipv6() {
        let class = libc::c_int::from(dscp) << 2;
        // SAFETY: the descriptor is open, and the kernel reads one int, whose size is given.
        unsafe {
            let (what, len) = ((&raw const class).cast(), size_of::<libc::c_int>() as libc::socklen_t);
            libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_TCLASS, what, len);
        }
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
mod tests;
