//! The last good answers: what a server said a call begins with, for when it says nothing any more.
//!
//! Off unless the operator says for how long an answer is good enough (`flows.last_good_s`). Kept is what the flow allows
//! (the first document of a call, before any key was pressed) and what the server does not forbid (RFC 9111 §5.2.2:
//! `no-store`, `private`).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use flow::HttpReply;

/// Answers kept.
const MOST: usize = 512;
/// Bytes of them together.
const BYTES: usize = 32 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LastGood {
    /// How old an answer may be; zero for none at all.
    age: Duration,
    kept: Mutex<HashMap<String, (Instant, HttpReply)>>,
}

impl LastGood {
    /// A memory of answers that are `age` old at most.
    pub(super) fn new(age: Duration) -> LastGood {
        LastGood { age, kept: Mutex::default() }
    }

    /// Keeps what came for `key`, unless it is no success or the server forbids it by its `Cache-Control`.
    pub(super) fn keep(&self, now: Instant, key: &str, reply: &HttpReply, cache_control: &str) {
        if self.age.is_zero() || !(200..300).contains(&reply.status) || reply.body.len() > BYTES / 4 {
            return;
        }
        let mut kept = crate::lock(&self.kept);
        let forbids = |word: &str| {
            let word = word.trim().split('=').next().unwrap_or_default();
            word.eq_ignore_ascii_case("no-store") || word.eq_ignore_ascii_case("private")
        };
        if cache_control.split(',').any(forbids) {
            kept.remove(key);
            return;
        }
        kept.insert(key.to_owned(), (now, reply.clone()));
        while kept.len() > MOST || kept.values().map(|(_, reply)| reply.body.len()).sum::<usize>() > BYTES {
            let oldest = kept.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            kept.remove(&oldest);
        }
    }

    /// The last good answer for `key` and its age.
    pub(super) fn find(&self, now: Instant, key: &str) -> Option<(Duration, HttpReply)> {
        let kept = crate::lock(&self.kept);
        let (at, reply) = kept.get(key)?;
        let age = now.saturating_duration_since(*at);
        (age < self.age).then(|| (age, reply.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, bytes: usize) -> HttpReply {
        HttpReply { status, content_type: String::new(), body: vec![b'x'; bytes], note: String::new() }
    }

    #[test]
    fn good_answers_are_kept_for_their_time_unless_their_server_forbids_it() {
        let (now, memory) = (Instant::now(), LastGood::new(Duration::from_secs(60)));
        let later = |seconds| now + Duration::from_secs(seconds);
        memory.keep(now, "a", &reply(200, 1), "max-age=5");
        memory.keep(now, "b", &reply(404, 1), "");
        memory.keep(now, "c", &reply(200, 1), "max-age=5, No-Store");
        assert!(memory.find(later(59), "a").is_some_and(|(age, _)| age == Duration::from_secs(59)));
        assert!(memory.find(later(60), "a").is_none());
        assert!(memory.find(now, "b").is_none() && memory.find(now, "c").is_none());
        memory.keep(now, "a", &reply(200, 1), "private=\"x\"");
        assert!(memory.find(now, "a").is_none(), "a server may change its mind");
        let off = LastGood::new(Duration::ZERO);
        off.keep(now, "a", &reply(200, 1), "");
        assert!(off.find(now, "a").is_none());
    }

    #[test]
    fn neither_many_nor_large_answers_fill_the_memory() {
        let (now, memory) = (Instant::now(), LastGood::new(Duration::from_secs(3_600)));
        for n in 0..2_000_u64 {
            memory.keep(now + Duration::from_secs(n), &n.to_string(), &reply(200, 10), "");
        }
        assert_eq!(crate::lock(&memory.kept).len(), MOST);
        for n in 2_000..2_100_u64 {
            memory.keep(now + Duration::from_secs(n), &n.to_string(), &reply(200, 1 << 20), "");
        }
        let bytes: usize = crate::lock(&memory.kept).values().map(|(_, reply)| reply.body.len()).sum();
        assert!(bytes <= BYTES, "{bytes}");
        let now = now + Duration::from_secs(2_100);
        assert!(
            memory.find(now, "2099").is_some() && memory.find(now, "1999").is_none(),
            "the oldest go first"
        );
    }
}
