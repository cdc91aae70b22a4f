//! Waiting for something to become true, with a deadline.
//!
//! Tests never sleep for a fixed time: they wait for a line, an answer or a state, and fail with what was awaited.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// Asks `probe` until it has an answer; panics with `what` when `limit` has passed.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until there is something to read at any of `sockets`, and `limit` at most.
pub fn readable<'a>(sockets: impl Iterator<Item = &'a UdpSocket>, limit: Duration) {
    let mut polled: Vec<PollFd<'_>> = sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    // A signal only makes it shorter.
    let _ = rustix::event::poll(&mut polled, Some(&limit));
}
