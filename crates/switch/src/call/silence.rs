//! Whether the far end's silence means that it is gone.
//!
//! The engine tells once that nothing comes. That says nothing while the call is held or not answered; when audio should
//! flow again, it gets the same time once more.

use std::time::{Duration, Instant};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) enum Silence {
    /// The engine will tell.
    Unknown,
    /// It has told, when it meant nothing.
    Told,
    /// If by `until` no more than so many packets have come, the far end is gone.
    Watched { until: Instant, packets: u64 },
}

impl Silence {
    /// The engine told. Whether the far end is gone.
    pub(super) fn lost(&mut self, audio_expected: bool) -> bool {
        if !audio_expected {
            *self = Silence::Told;
        }
        audio_expected
    }

    /// From here on audio is expected, after `packets` so far.
    pub(super) fn expect(&mut self, now: Instant, limit: Duration, packets: u64) {
        if let (Silence::Told, Some(until)) = (*self, now.checked_add(limit)) {
            *self = Silence::Watched { until, packets };
        }
    }

    /// When to call [`Silence::is_over`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Silence::Watched { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Whether the time is over and still no more than the packets of its beginning came.
    pub(super) fn is_over(&mut self, now: Instant, packets_now: impl FnOnce() -> u64) -> bool {
        match *self {
            Silence::Watched { until, packets } if until <= now => {
                *self = Silence::Unknown;
                packets_now() <= packets
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_on_hold_is_held_against_a_caller_only_after_the_call_was_resumed() {
        let (now, limit) = (Instant::now(), Duration::from_secs(30));
        let mut silence = Silence::Unknown;
        assert!(silence.lost(true), "silence in a call is what it seems");
        silence.expect(now, limit, 5);
        assert_eq!(silence.poll_timeout(), None, "nothing was told yet");
        assert!(!silence.lost(false));
        silence.expect(now, limit, 5);
        assert_eq!(silence.poll_timeout(), Some(now + limit));
        assert!(!silence.is_over(now, || 5));
        let mut came_back = silence;
        assert!(!came_back.is_over(now + limit, || 6));
        assert!(silence.is_over(now + limit, || 5));
    }
}
