//! A trunk's limits: calls at a time, and new calls a second.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Why a call may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// As many calls as the trunk carries are running.
    Calls,
    /// As many calls as it takes a second have begun.
    Rate,
}

/// Counts a trunk's calls.
#[derive(Debug)]
pub(crate) struct Gate {
    calls: Arc<AtomicU32>,
    most: Option<u32>,
    rate: Option<u32>,
    bucket: Mutex<Bucket>,
}

/// Calls that may begin at once; filled again at the rate, up to a second's worth.
#[derive(Debug)]
struct Bucket {
    left: f64,
    since: Option<Instant>,
}

/// A call on the trunk, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<AtomicU32>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new(most: Option<u32>, rate: Option<u32>) -> Gate {
        let bucket = Mutex::new(Bucket { left: f64::from(rate.unwrap_or(0)), since: None });
        Gate { calls: Arc::default(), most, rate, bucket }
    }

    /// The same calls under other limits, after a reload.
    pub(crate) fn with_limits(&self, most: Option<u32>, rate: Option<u32>) -> Gate {
        Gate { calls: self.calls.clone(), ..Gate::new(most, rate) }
    }

    /// Calls it carries now.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Lets a call of ours out.
    pub(crate) fn leave(&self, now: Instant) -> Result<Pass, Busy> {
        let pass = self.enter()?;
        let Some(rate) = self.rate.map(f64::from) else { return Ok(pass) };
        let mut bucket = crate::lock(&self.bucket);
        let passed = bucket.since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        bucket.left = (bucket.left + passed * rate).min(rate);
        bucket.since = Some(now);
        if bucket.left < 1.0 {
            return Err(Busy::Rate);
        }
        bucket.left -= 1.0;
        Ok(pass)
    }

    /// Lets a call of the carrier in; its rate is the carrier's affair.
    pub(crate) fn enter(&self) -> Result<Pass, Busy> {
        let most = self.most.unwrap_or(u32::MAX);
        let room = |calls: u32| (calls < most).then_some(calls + 1);
        match self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(Pass(self.calls.clone())),
            Err(_) => Err(Busy::Calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn calls_at_a_time_are_counted_both_ways_and_given_back() {
        let gate = Gate::new(Some(2), None);
        let now = Instant::now();
        let out = gate.leave(now).expect("room");
        let _in = gate.enter().expect("room");
        assert_eq!(gate.leave(now).expect_err("full"), Busy::Calls);
        drop(out);
        let smaller = gate.with_limits(Some(1), None);
        assert_eq!(smaller.enter().expect_err("full"), Busy::Calls);
        assert_eq!((gate.calls(), smaller.calls()), (1, 1));
    }

    #[test]
    fn calls_a_second_may_come_at_once_and_then_at_their_rate() {
        let gate = Gate::new(None, Some(2));
        let start = Instant::now();
        let at = |ms| gate.leave(start + Duration::from_millis(ms)).map(drop);
        assert_eq!([at(0), at(0), at(0)], [Ok(()), Ok(()), Err(Busy::Rate)]);
        assert_eq!([at(400), at(500), at(600)], [Err(Busy::Rate), Ok(()), Err(Busy::Rate)]);
        assert_eq!([at(10_000), at(10_000), at(10_000)], [Ok(()), Ok(()), Err(Busy::Rate)]);
        assert_eq!(gate.calls(), 0, "a refused call is not counted");
    }
}
