//! Receiving with the kernel's word on when a datagram came.
//!
//! RTP waits up to a packet time for its leg's turn, and jitter is reckoned from when it arrived; RTCP waits up to a
//! second for its leg's housekeeping, and round trips are reckoned from that.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::SockAddr;

use super::Received;

/// What waited longer, or came after a step back of the clock on the wall, came at a time that is not known.
const LONGEST: Duration = Duration::from_secs(2);

/// Room for one control message of a time stamp, aligned as the kernel's are.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Have the kernel stamp what a socket receives. It may refuse; then nothing seems to have waited.
pub(crate) fn enable(socket: &UdpSocket) {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the kernel reads one int, whose size is given.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
}

/// The next datagram, if one waits; `wall` is the time since 1970 at the slot's time.
pub(crate) fn next(socket: &UdpSocket, wall: Duration, buffer: &mut [u8]) -> Option<Received> {
    // Errors that an ICMP message left behind are no datagrams: ask again, a few times at most.
    for _ in 0..4 {
        match receive(socket, wall, buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
    None
}

/// What emptying a socket came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// There was nothing in it.
    Nothing,
    /// The last datagram came so long ago.
    Last(Duration),
    /// There is no end of it.
    Endless,
}

/// Throw away what waits in a socket; `wall` is the time since 1970. So `many` that came faster than one a millisecond have
/// no end: nobody who talks sends so.
pub(crate) fn empty(socket: &UdpSocket, wall: Duration, many: u32) -> Emptied {
    let mut emptied = Emptied::Nothing;
    // Of so many: how many were read, and when the first and the last of them came.
    let (mut count, mut first, mut last) = (0, None, None);
    loop {
        match read(socket, &mut [0]) {
            // One without a stamp, or of the time to come, may have come just now.
            Ok((.., stamp)) => {
                emptied = Emptied::Last(stamp.map_or(Duration::ZERO, |stamp| wall.saturating_sub(stamp)));
                (first, last) = (first.or(stamp), stamp);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return emptied,
            // What an ICMP message left behind counts like a datagram, but for its time.
            Err(_) => {}
        }
        count += 1;
        if count == many {
            let span = last.zip(first).and_then(|(last, first)| last.checked_sub(first)).unwrap_or_default();
            if span < Duration::from_millis(many.into()) {
                return Emptied::Endless;
            }
            (count, first) = (0, None);
        }
    }
}

/// One datagram: its length, its sender, and how long before `wall` it came.
fn receive(socket: &UdpSocket, wall: Duration, buffer: &mut [u8]) -> io::Result<Received> {
    let (got, from, stamp) = read(socket, buffer)?;
    let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    let (waited, stale) = since(stamp, wall);
    Ok(Received { len: got.min(buffer.len()), from, waited, stale })
}

/// One datagram: its length, its sender, and when it came, since 1970.
fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SockAddr, Option<Duration>)> {
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is plain numbers and pointers, for which zeros are values.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control.0).cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the closure has the kernel write an address and its length into what it is given, or fails.
    // Every pointer in `message` is to something that outlives the call and is as long as it says.
    let (got, from) = unsafe {
        SockAddr::try_init(|storage, length| {
            message.msg_name = storage.cast();
            message.msg_namelen = *length;
            let got = libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0);
            if got < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = message.msg_namelen;
            Ok(got as usize)
        })
    }?;
    Ok((got, from, stamp(control.0.get(..message.msg_controllen).unwrap_or_default())))
}

/// How long before `wall` a datagram came, by its control message; zero if that does not tell, or says that it waited for
/// too long to be true, which the flag tells.
pub(crate) fn waited(control: &[u8], wall: Duration) -> (Duration, bool) {
    since(stamp(control), wall)
}

fn since(stamp: Option<Duration>, wall: Duration) -> (Duration, bool) {
    bounded(stamp.and_then(|stamp| wall.checked_sub(stamp)).unwrap_or_default())
}

/// The time that something waited, and whether that was too long to be true.
pub(super) fn bounded(waited: Duration) -> (Duration, bool) {
    let stale = waited >= LONGEST;
    (if stale { Duration::ZERO } else { waited }, stale)
}

/// The time since 1970 in the first control message, if it is a time stamp (`struct timespec` behind a `cmsghdr`).
fn stamp(control: &[u8]) -> Option<Duration> {
    let word = |at: usize| Some(i32::from_ne_bytes(control.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(i64::from_ne_bytes(control.get(at..at + 8)?.try_into().ok()?));
    const DATA: usize = size_of::<libc::cmsghdr>();
    // Elsewhere a header or a time has another size: no stamp then.
    if DATA != 16 || size_of::<libc::timespec>() != 16 {
        return None;
    }
    if (word(8)?, word(12)?) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    let (seconds, nanos) = (u64::try_from(long(DATA)?).ok()?, u32::try_from(long(DATA + 8)?).ok()?);
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::thread;

    use super::*;
    use crate::clock;

    #[test]
    fn a_datagram_says_how_long_it_waited() {
        let (one, other) = (
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
        );
        one.set_nonblocking(true).unwrap();
        enable(&one);
        let mut buffer = [0; 16];
        assert_eq!(next(&one, clock::wall(), &mut buffer), None);
        // The kernel begins to stamp a while after the first socket on the machine wants it.
        let waited = (0..50).map(|_| {
            other.send_to(b"a report", one.local_addr().unwrap()).unwrap();
            let begun = clock::now();
            // Parking may end early.
            while begun.elapsed() < Duration::from_millis(60) {
                thread::park_timeout(Duration::from_millis(10));
            }
            let Received { len, from, waited, .. } = next(&one, clock::wall(), &mut buffer).unwrap();
            assert_eq!((&buffer[..len], from), (&b"a report"[..], other.local_addr().unwrap()));
            assert!(waited <= begun.elapsed() + Duration::from_millis(5), "{waited:?}");
            waited
        });
        assert!(waited.into_iter().any(|waited| waited > Duration::from_millis(50)));
        // A datagram that does not fit is cut, as by recv.
        other.send_to(&[7; 100], one.local_addr().unwrap()).unwrap();
        assert_eq!(next(&one, clock::wall(), &mut buffer).unwrap().len, 16);
    }

    #[test]
    fn who_sends_as_phones_do_is_no_flood_however_much_has_come_together() {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (one, other) = (socket(), socket());
        one.set_nonblocking(true).unwrap();
        enable(&one);
        let send = |count, apart| {
            for _ in 0..count {
                let begun = clock::now();
                other.send_to(b"sound", one.local_addr().unwrap()).unwrap();
                while begun.elapsed() < apart {
                    thread::park_timeout(apart);
                }
            }
        };
        assert_eq!(empty(&one, clock::wall(), 4), Emptied::Nothing);
        // The kernel begins to stamp a while after the first socket on the machine wants it.
        let steady = (0..50).any(|_| {
            send(10, Duration::from_millis(4));
            match empty(&one, clock::wall(), 4) {
                Emptied::Last(ago) => ago < Duration::from_secs(1),
                Emptied::Nothing | Emptied::Endless => {
                    while one.recv(&mut [0; 8]).is_ok() {}
                    false
                }
            }
        });
        assert!(steady && one.recv(&mut [0; 8]).is_err(), "all of them are gone");
        send(40, Duration::ZERO);
        assert_eq!(empty(&one, clock::wall(), 40), Emptied::Endless);
    }

    #[test]
    fn without_a_stamp_nothing_waited() {
        let one = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        one.send_to(b"x", one.local_addr().unwrap()).unwrap();
        assert_eq!(next(&one, clock::wall(), &mut [0; 4]).unwrap().waited, Duration::ZERO);
        assert_eq!(stamp(&[0; 64]), None);
        assert_eq!(stamp(&[]), None);
    }
}
