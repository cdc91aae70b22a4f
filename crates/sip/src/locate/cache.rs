//! What DNS said and still holds: answers by question, until their time is over (RFC 1035 §3.2.1, RFC 2308).
//! Bounded: what ends first makes room.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::{Answer, Query};
use crate::random::Seeded;

/// Answers kept.
const MOST: usize = 4096;
/// However long a record says it holds (RFC 8767 §4 caps at a week; a trunk that moves should be found the next day).
const LONGEST: Duration = Duration::from_secs(86_400);
/// The same for names that do not exist (RFC 2308 §5).
const LONGEST_NOTHING: Duration = Duration::from_secs(900);
/// How long a failure is not asked again (RFC 2308 §7.1 allows five minutes).
const FAILURE: Duration = Duration::from_secs(5);

/// The answers.
#[derive(Debug)]
pub(crate) struct Cache {
    all: HashMap<Query, (Instant, Answer), Seeded>,
    ends: BTreeSet<(Instant, Query)>,
}

impl Cache {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Cache { all: HashMap::with_hasher(hashes), ends: BTreeSet::new() }
    }

    pub(crate) fn get(&self, now: Instant, query: &Query) -> Option<&Answer> {
        self.all.get(query).filter(|(until, _)| *until > now).map(|(_, answer)| answer)
    }

    pub(crate) fn put(&mut self, now: Instant, query: &Query, answer: &Answer) {
        if let Some((until, _)) = self.all.remove(query) {
            self.ends.remove(&(until, query.clone()));
        }
        let holds = match answer {
            Answer::Records(records) => records.iter().map(|r| r.ttl).min().unwrap_or(FAILURE).min(LONGEST),
            Answer::Nothing { ttl } => (*ttl).min(LONGEST_NOTHING),
            Answer::Failure => FAILURE,
        };
        // What holds for no time is for those who asked alone.
        if holds.is_zero() {
            return;
        }
        while self.all.len() >= MOST
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.all.remove(&first);
        }
        self.ends.insert((now + holds, query.clone()));
        self.all.insert(query.clone(), (now + holds, answer.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::{Data, Kind, Record};
    use super::*;
    use crate::random::Random;

    fn query(number: usize) -> Query {
        Query { name: format!("h{number}.example"), kind: Kind::A }
    }

    fn holding(seconds: u64) -> Answer {
        let record =
            |s| Record { ttl: Duration::from_secs(s), data: Data::Address(Ipv4Addr::LOCALHOST.into()) };
        Answer::Records(vec![record(seconds + 9), record(seconds)])
    }

    fn cache() -> Cache {
        Cache::new(Seeded::new(&mut Random::new(1)))
    }

    #[test]
    fn an_answer_holds_as_long_as_its_shortest_record() {
        let (mut cache, now) = (cache(), Instant::now());
        let check = |cache: &Cache, seconds: u64, holds: bool| {
            assert_eq!(
                cache.get(now + Duration::from_secs(seconds), &query(1)).is_some(),
                holds,
                "{seconds}"
            );
        };
        cache.put(now, &query(1), &holding(30));
        check(&cache, 29, true);
        check(&cache, 30, false);
        cache.put(now, &query(1), &holding(0));
        check(&cache, 0, false);
        cache.put(now, &query(1), &Answer::Nothing { ttl: Duration::from_secs(99_999) });
        check(&cache, 899, true);
        check(&cache, 900, false);
        cache.put(now, &query(1), &Answer::Failure);
        check(&cache, 5, false);
        cache.put(now, &query(1), &Answer::Records(Vec::new()));
        check(&cache, 4, true);
    }

    #[test]
    fn the_cache_does_not_grow_and_forgets_what_ends_first() {
        let (mut cache, now) = (cache(), Instant::now());
        for number in 0..MOST + 10 {
            cache.put(now, &query(number), &holding(10 + number as u64));
        }
        assert_eq!((cache.all.len(), cache.ends.len()), (MOST, MOST));
        assert!(cache.get(now, &query(9)).is_none());
        assert!(cache.get(now, &query(10)).is_some());
    }
}
