//! The one source of tags, branches, Call-IDs and nonces: SHA-256 in counter mode over the endpoint's seed.
//! Seeded, so that a test's messages are the same every time; one-way, so that a tag on the wire tells nobody
//! the next one, nor the secret nonces are sealed with.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use sha2::{Digest, Sha256};

use crate::glance;

/// A seeded, one-way generator.
#[derive(Debug)]
pub(crate) struct Random {
    key: [u8; 32],
    counter: u64,
    /// Which of how many endpoints it works for.
    shard: u8,
    shards: u8,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"offhook sip ");
        hash.update(seed.to_be_bytes());
        Random { key: hash.finalize().into(), counter: 0, shard: 0, shards: 1 }
    }

    /// Makes branches and Call-IDs that lead back to this one of several endpoints.
    pub(crate) fn of_shard(self, shard: u8, shards: u8) -> Self {
        Random { shard, shards: shards.max(1), ..self }
    }

    /// 32 fresh bytes.
    pub(crate) fn block(&mut self) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(self.counter.to_be_bytes());
        hash.finalize().into()
    }

    /// 64 fresh bits as 16 hexadecimal digits: more than RFC 3261 §19.3 asks of a tag (32 bits).
    pub(crate) fn token(&mut self) -> String {
        let block = self.block();
        hex(block.get(..8).unwrap_or_default())
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u32 {
        self.block().iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
    }

    /// A branch with the cookie of RFC 3261 §8.1.1.7.
    pub(crate) fn branch(&mut self) -> String {
        let token = self.token();
        match self.shards {
            0 | 1 => format!("z9hG4bK{token}"),
            _ => glance::branch_of(self.shard, &token),
        }
    }

    /// A Call-ID whose requests come to this endpoint.
    pub(crate) fn call_id(&mut self) -> String {
        let mut call_id = self.token();
        // One in `shards` fits, at most 255: so many in vain do not happen, and then another endpoint answers 481.
        for _ in 0..10_000 {
            if self.shards <= 1 || glance::shard_of_call(&call_id, self.shards) == self.shard {
                break;
            }
            call_id = self.token();
        }
        call_id
    }
}

/// Hashes map keys under the endpoint's seed: peers cannot aim at a bucket, and runs repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(random: &mut Random) -> Self {
        let block = random.block();
        Seeded(block.iter().fold(0, |seed, byte| (seed << 8) ^ u64::from(*byte)))
    }
}

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// Lower-case hexadecimal, as digest wants it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_tokens_and_no_token_comes_twice() {
        let (mut a, mut b, mut c) = (Random::new(7), Random::new(7), Random::new(8));
        let tokens: Vec<String> = (0..1000).map(|_| a.token()).collect();
        assert!(tokens.iter().all(|t| *t == b.token() && *t != c.token() && t.len() == 16));
        let distinct: std::collections::BTreeSet<&String> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }
}
