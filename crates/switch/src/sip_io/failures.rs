//! Wrong credentials and their like, told to the log in short: whoever tries a thousand passwords gets a line a minute, not a thousand.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Between two lines about one source.
const QUIET: Duration = Duration::from_secs(60);

/// Sources remembered. Beyond it those that have been silent go, and if there is none, newcomers are not told of.
const MOST: usize = 4_096;

/// Who failed of late.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    sources: HashMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Source {
    told: Instant,
    /// Failures since then.
    since: u64,
}

impl Failures {
    /// Notes a failure; how many are to be told of now, this one and those kept back, or `None` to say nothing.
    pub(crate) fn note(&mut self, now: Instant, from: IpAddr) -> Option<u64> {
        if let Some(source) = self.sources.get_mut(&from) {
            source.since += 1;
            if now.saturating_duration_since(source.told) < QUIET {
                return None;
            }
            source.told = now;
            return Some(std::mem::take(&mut source.since));
        }
        if self.sources.len() >= MOST {
            self.sources.retain(|_, source| now.saturating_duration_since(source.told) < QUIET);
        }
        if self.sources.len() >= MOST {
            return None;
        }
        self.sources.insert(from, Source { told: now, since: 0 });
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brute_force_is_a_line_a_minute_with_its_count() {
        let (start, mut failures) = (Instant::now(), Failures::default());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let source: IpAddr = "198.51.100.7".parse().unwrap();
        let told: Vec<u64> = (0..1_000).filter_map(|n| failures.note(at(n * 130), source)).collect();
        assert_eq!(told, [1, 462, 462]);
        assert_eq!(failures.note(at(0), "198.51.100.8".parse().unwrap()), Some(1));
    }

    #[test]
    fn a_flood_of_sources_fills_neither_the_log_nor_the_memory() {
        let (start, mut failures) = (Instant::now(), Failures::default());
        let told = (0..10_000_u32).filter_map(|n| failures.note(start, IpAddr::V4(n.into()))).count();
        assert_eq!((told, failures.sources.len()), (MOST, MOST));
        let later = start + QUIET;
        assert_eq!(failures.note(later, IpAddr::V4(9_999.into())), Some(1));
        assert_eq!(failures.sources.len(), 1);
    }
}
