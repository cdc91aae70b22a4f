//! Waiting for those sockets whose packets are passed on at once.
//!
//! By epoll, which tells of a socket when something comes to it (`EPOLLET`): to be told for as long as it holds something
//! would have the kernel look at each socket once more, when that is out of the caches again. Whoever reads less than all
//! there is has to know why: see `Leg::hear_early`.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// Arrivals told of at once; more are told of right after.
const AT_ONCE: usize = 1_024;

/// The sockets that are waited for.
pub(crate) struct Watch {
    /// `None` if the system has no room for one more open file.
    epoll: Option<OwnedFd>,
    sockets: usize,
    arrivals: Vec<libc::epoll_event>,
    /// Whether the system waits for parts of a millisecond (Linux 5.11).
    fine: bool,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        // SAFETY: a plain number goes in, a new descriptor or -1 comes out.
        let epoll = unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
        };
        Watch {
            epoll,
            sockets: 0,
            arrivals: vec![libc::epoll_event { events: 0, u64: 0 }; AT_ONCE],
            fine: true,
        }
    }

    /// Wait for a socket, too. `false` if that cannot be.
    pub(crate) fn add(&mut self, socket: RawFd, place: u32) -> bool {
        let added = self.control(libc::EPOLL_CTL_ADD, socket, place);
        self.sockets += usize::from(added);
        added
    }

    /// No more for this one.
    pub(crate) fn remove(&mut self, socket: RawFd) {
        self.sockets -= usize::from(self.control(libc::EPOLL_CTL_DEL, socket, 0));
    }

    fn control(&self, what: libc::c_int, socket: RawFd, place: u32) -> bool {
        let Some(epoll) = &self.epoll else { return false };
        let mut event =
            libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: place.into() };
        // SAFETY: both are open, and the kernel reads the struct.
        unsafe { libc::epoll_ctl(epoll.as_raw_fd(), what, socket, &raw mut event) == 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sockets == 0
    }

    /// Wait for `span` at most; the places of those that received something.
    pub(crate) fn wait(&mut self, span: Duration, ready: &mut Vec<u32>) {
        ready.clear();
        let Some(epoll) = &self.epoll else { return };
        let mut got = -1;
        if self.fine {
            let time = libc::timespec {
                tv_sec: span.as_secs() as libc::time_t,
                tv_nsec: libc::c_long::from(span.subsec_nanos() as i32),
            };
            // SAFETY: the kernel writes at most so many events as there is room for, and reads the time.
            got = unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    epoll.as_raw_fd(),
                    self.arrivals.as_mut_ptr(),
                    AT_ONCE as libc::c_int,
                    &raw const time,
                    ptr::null::<libc::sigset_t>(),
                    0_usize,
                )
            };
            let error = std::io::Error::last_os_error().raw_os_error();
            self.fine = got >= 0 || error == Some(libc::EINTR);
        }
        if !self.fine {
            // Whole milliseconds, and not too late for the slot.
            let ms = span.as_millis() as libc::c_int;
            // SAFETY: as above.
            got = unsafe {
                let (arrivals, most) = (self.arrivals.as_mut_ptr(), AT_ONCE as libc::c_int);
                libc::epoll_wait(epoll.as_raw_fd(), arrivals, most, ms).into()
            };
        }
        let got = usize::try_from(got).unwrap_or_default();
        ready.extend(self.arrivals.iter().take(got).map(|event| event.u64 as u32));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::time::Instant;

    use super::*;

    #[test]
    fn each_arrival_is_told_of_in_time_and_once() {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (one, other) = (socket(), socket());
        for fine in [true, false] {
            let mut watch = Watch::new();
            watch.fine = fine;
            let mut ready = Vec::new();
            assert!(watch.is_empty() && watch.add(one.as_raw_fd(), 7) && !watch.is_empty());
            for _ in 0..2 {
                one.send_to(b"x", one.local_addr().unwrap()).unwrap();
                other.send_to(b"x", other.local_addr().unwrap()).unwrap();
                watch.wait(Duration::from_secs(5), &mut ready);
                assert_eq!(ready, [7]);
            }
            let begun = Instant::now();
            watch.wait(Duration::from_millis(3), &mut ready);
            assert!(ready.is_empty() && begun.elapsed() >= Duration::from_millis(3));
            watch.remove(one.as_raw_fd());
            assert!(watch.is_empty());
        }
    }
}
