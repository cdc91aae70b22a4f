//! Waiting for something to become true, with a deadline.
//!
//! Tests never sleep for a fixed time: they wait for a line, an answer or a state, and fail with what was awaited.

use std::thread;
use std::time::{Duration, Instant};

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
