//! Nonces: made without being remembered, judged by their seal and age, remembered only once used.
//!
//! ```text
//!   16 hex digits    16 hex digits    32 hex digits
//!   milliseconds     salt             first half of SHA-256(secret, milliseconds, salt)
//! ```
//!
//! So a flood of challenges costs no memory; only right credentials make an entry, for the nonce's life.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::random::{Random, Seeded, hex};

/// How long a nonce is good for; then the challenge says `stale=true` and the phone repeats by itself.
const LIFE: Duration = Duration::from_secs(300);

/// Used nonces remembered. A phone uses one a registration or call, so this is 300 of either a second for a nonce's life;
/// beyond it the oldest are taken for old, and their phones are asked again.
const REMEMBERED: usize = 100_000;

/// What tells one nonce from another: the milliseconds of its making, and its salt.
type Mark = (u64, u64);

/// Makes and judges nonces.
#[derive(Debug)]
pub(super) struct Nonces {
    secret: [u8; 32],
    /// The time nonces count from: the first one made.
    epoch: Option<Instant>,
    /// The highest count used with each nonce that was used.
    used: HashMap<Mark, u32, Seeded>,
    /// The same nonces, oldest first: all live as long.
    ages: BTreeSet<Mark>,
    /// Nonces made no later than this are stale, whatever their age.
    floor: Option<Mark>,
}

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    Fresh,
    /// Ours, but too old or its count was used.
    Stale,
    /// Not of our making.
    Foreign,
}

impl Nonces {
    pub(super) fn new(random: &mut Random) -> Self {
        let hashes = Seeded::new(random);
        Nonces {
            secret: random.block(),
            epoch: None,
            used: HashMap::with_hasher(hashes),
            ages: BTreeSet::new(),
            floor: None,
        }
    }

    pub(super) fn make(&mut self, now: Instant, random: &mut Random) -> String {
        let epoch = *self.epoch.get_or_insert(now);
        let age = now.saturating_duration_since(epoch).as_millis();
        let head = format!("{:016x}{}", u64::try_from(age).unwrap_or(u64::MAX), random.token());
        let seal = self.seal(&head);
        head + &seal
    }

    fn seal(&self, head: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.secret);
        hash.update(head.as_bytes());
        hex(hash.finalize().get(..16).unwrap_or_default())
    }

    /// Judges a nonce and its count without using it. `None` as the count is a response without `qop`,
    /// whose nonce is good once.
    pub(super) fn judge(&self, now: Instant, nonce: &str, count: Option<u32>) -> Worth {
        let (Some(head), Some(seal)) = (nonce.get(..32), nonce.get(32..)) else { return Worth::Foreign };
        if !equal(self.seal(head).as_bytes(), seal.as_bytes()) {
            return Worth::Foreign;
        }
        let Some(mark) = mark(head) else { return Worth::Foreign };
        let count = count.unwrap_or(u32::MAX);
        let spent = self.used.get(&mark).is_some_and(|highest| count <= *highest);
        let forgotten = self.floor.is_some_and(|floor| mark <= floor);
        let old = self.end(mark).is_none_or(|end| now >= end);
        if old || forgotten || spent || count == 0 { Worth::Stale } else { Worth::Fresh }
    }

    /// Notes that right credentials used a nonce with this count.
    pub(super) fn spend(&mut self, nonce: &str, count: Option<u32>) {
        let Some(mark) = nonce.get(..32).and_then(mark) else { return };
        self.used.insert(mark, count.unwrap_or(u32::MAX));
        self.ages.insert(mark);
        if self.ages.len() > REMEMBERED
            && let Some(oldest) = self.ages.pop_first()
        {
            self.used.remove(&oldest);
            self.floor = Some(oldest);
        }
    }

    fn end(&self, mark: Mark) -> Option<Instant> {
        self.epoch?.checked_add(Duration::from_millis(mark.0))?.checked_add(LIFE)
    }

    /// Forgets nonces whose life is over.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.next().is_some_and(|end| end <= now) {
            if let Some(oldest) = self.ages.pop_first() {
                self.used.remove(&oldest);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.end(*self.ages.first()?)
    }
}

/// The mark of a nonce's head; the seal vouches that it is the text we wrote.
fn mark(head: &str) -> Option<Mark> {
    Some((u64::from_str_radix(head.get(..16)?, 16).ok()?, u64::from_str_radix(head.get(16..32)?, 16).ok()?))
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_rising_counts_until_it_is_old() {
        let mut random = Random::new(1);
        let mut nonces = Nonces::new(&mut random);
        let now = Instant::now();
        let nonce = nonces.make(now, &mut random);
        let check = |nonces: &Nonces, at: u64, count, worth| {
            assert_eq!(nonces.judge(now + Duration::from_secs(at), &nonce, count), worth, "{at} {count:?}");
        };
        check(&nonces, 0, Some(1), Worth::Fresh);
        nonces.spend(&nonce, Some(1));
        check(&nonces, 0, Some(1), Worth::Stale);
        check(&nonces, 0, Some(2), Worth::Fresh);
        check(&nonces, 300, Some(2), Worth::Stale);
        check(&nonces, 0, Some(0), Worth::Stale);
        nonces.spend(&nonce, None);
        check(&nonces, 0, None, Worth::Stale);
        assert_eq!(nonces.next(), Some(now + LIFE));
        nonces.expire(now + LIFE);
        assert_eq!((nonces.next(), nonces.used.len()), (None, 0));
    }

    #[test]
    fn a_flood_of_uses_makes_the_oldest_stale_instead_of_filling_the_memory() {
        let mut random = Random::new(1);
        let mut nonces = Nonces::new(&mut random);
        let now = Instant::now();
        let first = nonces.make(now, &mut random);
        nonces.spend(&first, Some(1));
        let later = now + Duration::from_millis(1);
        let mut last = String::new();
        for _ in 0..REMEMBERED {
            last = nonces.make(later, &mut random);
            nonces.spend(&last, Some(1));
        }
        assert_eq!((nonces.used.len(), nonces.ages.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(nonces.judge(later, &first, Some(1)), Worth::Stale, "a replay of the forgotten one");
        assert_eq!(nonces.judge(later, &first, Some(2)), Worth::Stale);
        assert_eq!(nonces.judge(later, &last, Some(2)), Worth::Fresh);
    }

    #[test]
    fn a_forged_or_broken_nonce_is_foreign() {
        let mut random = Random::new(1);
        let mut nonces = Nonces::new(&mut random);
        let now = Instant::now();
        let nonce = nonces.make(now, &mut random);
        let older = format!("{}{}", "0000000000000001", &nonce[16..]);
        for forged in ["", "x", "é", &nonce[1..], &older, &nonce.to_uppercase(), &"é".repeat(40)] {
            assert_eq!(nonces.judge(now, forged, Some(1)), Worth::Foreign, "{forged}");
        }
    }
}
