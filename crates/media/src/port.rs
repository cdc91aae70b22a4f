//! RTP ports: even ones from a range, each with its odd neighbour for RTCP.
//!
//! The search starts at a random place and passes over what is busy.
//! A freed port rests for a while, so that a late packet of the last call is not heard in the next.

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

/// How long a freed port rests: longer than the jitter of a peer that hung up, and so short that 5,000 pairs carry
/// 1,600 short calls a second.
const REST: Duration = Duration::from_secs(3);

/// A bound pair of RTP and RTCP sockets. Dropping it gives the ports back.
pub struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    port: u16,
    pool: Arc<Pool>,
}

impl Ports {
    /// The even port, for SDP.
    pub fn rtp_port(&self) -> u16 {
        self.port
    }

    pub(crate) fn rtp(&self) -> &UdpSocket {
        &self.rtp
    }

    pub(crate) fn rtcp(&self) -> &UdpSocket {
        &self.rtcp
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ports({})", self.port)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.pool.free(self.port, clock::now());
    }
}

/// The range and what is taken of it.
pub(crate) struct Pool {
    bind: IpAddr,
    dscp: Option<u8>,
    /// The lowest even port.
    first: u16,
    book: Mutex<Book>,
}

struct Book {
    /// One a pair.
    taken: Vec<bool>,
    /// Where the next search begins.
    next: usize,
    /// Pairs that were freed, the oldest first; still marked as taken.
    resting: VecDeque<(Instant, usize)>,
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
        Ok(Pool { bind, dscp, first, book: Mutex::new(Book { taken, next, resting: VecDeque::new() }) })
    }

    /// How many legs can exist at once.
    pub(crate) fn pairs(&self) -> usize {
        self.lock().taken.len()
    }

    /// Bind the next free pair.
    pub(crate) fn reserve(self: &Arc<Pool>, now: Instant) -> Result<Ports, Error> {
        let mut book = self.lock();
        while let Some((freed, pair)) = book.resting.front().copied() {
            if now.saturating_duration_since(freed) < REST {
                break;
            }
            book.resting.pop_front();
            book.taken[pair] = false;
        }
        let pairs = book.taken.len();
        for step in 0..pairs {
            let pair = (book.next + step) % pairs;
            if book.taken[pair] {
                continue;
            }
            let port = self.first + 2 * pair as u16;
            // Somebody else may hold one of the two: pass on.
            let Ok((rtp, rtcp)) = self.bind(port) else { continue };
            book.taken[pair] = true;
            book.next = (pair + 1) % pairs;
            return Ok(Ports { rtp, rtcp, port, pool: self.clone() });
        }
        Err(Error::NoPorts)
    }

    fn bind(&self, port: u16) -> std::io::Result<(UdpSocket, UdpSocket)> {
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
        stamp::enable(&rtcp);
        Ok((rtp, rtcp))
    }

    fn free(&self, port: u16, now: Instant) {
        let pair = usize::from(port - self.first) / 2;
        self.lock().resting.push_back((now, pair));
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // No statement under the lock leaves the book half written.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        assert!(pool.reserve(clock::now() + REST).is_ok());
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        assert!(Pool::new(20_001..=20_002, Ipv4Addr::LOCALHOST.into(), None).is_err());
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = 20_010..=20_000;
        assert!(Pool::new(backwards, Ipv4Addr::LOCALHOST.into(), None).is_err());
    }
}
