//! The questions that are open, and who waits for which: each is asked once, however many want to know.
//! An I/O side that never answers is not waited for: the question fails by itself.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::Query;
use crate::random::Seeded;
use crate::way::WayId;

/// How long an answer is waited for; resolvers give up before.
const LIMIT: Duration = Duration::from_secs(15);
/// Questions open at a time; with more, a further one fails at once.
const MOST: usize = 4096;

/// What became of wanting to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is to be asked.
    Now,
    /// Somebody asked before.
    Already,
    /// This one asked before.
    Yourself,
    /// There are too many.
    TooMany,
}

/// The open questions.
#[derive(Debug)]
pub(crate) struct Questions {
    open: HashMap<Query, (Instant, Vec<WayId>), Seeded>,
    ends: BTreeSet<(Instant, Query)>,
}

impl Questions {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Questions { open: HashMap::with_hasher(hashes), ends: BTreeSet::new() }
    }

    pub(crate) fn ask(&mut self, now: Instant, query: &Query, way: WayId) -> Asked {
        if let Some((_, waiting)) = self.open.get_mut(query) {
            if waiting.contains(&way) {
                return Asked::Yourself;
            }
            waiting.push(way);
            return Asked::Already;
        }
        if self.open.len() >= MOST {
            return Asked::TooMany;
        }
        let until = now + LIMIT;
        self.open.insert(query.clone(), (until, vec![way]));
        self.ends.insert((until, query.clone()));
        Asked::Now
    }

    /// A question is answered: who waited for it; `None` if nobody asked.
    pub(crate) fn answered(&mut self, query: &Query) -> Option<Vec<WayId>> {
        let (until, waiting) = self.open.remove(query)?;
        self.ends.remove(&(until, query.clone()));
        Some(waiting)
    }

    /// A question that was waited for long enough.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Query> {
        self.ends.first().filter(|(until, _)| *until <= now).map(|(_, query)| query.clone())
    }

    /// When the first of them ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.ends.first().map(|(until, _)| *until)
    }
}
