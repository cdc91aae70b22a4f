//! Prompts: encoded once per codec, shared by every call that plays them.
//!
//! [`Prompt`] is immutable audio in one codec's form; playing it is copying bytes.
//! [`Prompts`] is the cache; its loaders run on the caller's thread, never on a worker.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audio::Pcm;
use audio::codec::Codec;

/// Audio in one codec's form.
#[derive(PartialEq)]
pub struct Prompt {
    codec: Codec,
    bytes: Box<[u8]>,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} {:?})", self.codec.name(), self.duration())
    }
}

impl Prompt {
    /// Encode `pcm`, resampled to the codec's rate if need be.
    pub fn encode(pcm: &Pcm, codec: Codec) -> Prompt {
        let resampled;
        let samples = if pcm.rate == codec.rate() {
            &pcm.samples
        } else {
            resampled = pcm.resampled(codec.rate());
            &resampled.samples
        };
        let mut bytes = vec![0; samples.len()];
        let written = codec.encode(samples, &mut bytes);
        bytes.truncate(written);
        Prompt { codec, bytes: bytes.into_boxed_slice() }
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        // G.711: a byte is a sample.
        Duration::from_nanos(self.bytes.len() as u64 * 1_000_000_000 / u64::from(self.codec.rate().0.max(1)))
    }

    /// How it is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The cache of prompts: bounded in bytes, the longest unused leaves first.
///
/// A prompt that is being played lives on after it left the cache.
pub struct Prompts {
    bound: usize,
    shelf: Mutex<Shelf>,
    /// Told when a load ends, one way or the other.
    loaded: Condvar,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<(String, &'static str), Entry>,
    bytes: usize,
    /// Counts uses; the smallest stamp is the longest unused.
    uses: u64,
}

enum Entry {
    /// Somebody is loading it.
    Loading,
    Here {
        prompt: Arc<Prompt>,
        used: u64,
    },
}

/// Takes the `Loading` mark away if the loader fails or panics.
struct Mark<'a> {
    prompts: &'a Prompts,
    key: Option<(String, &'static str)>,
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.prompts.lock().entries.remove(&key);
            self.prompts.loaded.notify_all();
        }
    }
}

impl Prompts {
    /// A cache of at most `bound` bytes of encoded audio (8,000 bytes are a second of G.711).
    pub fn new(bound: usize) -> Prompts {
        Prompts { bound, shelf: Mutex::default(), loaded: Condvar::new() }
    }

    /// The prompt named `key` in `codec`, loaded by `load` if it is not here.
    ///
    /// Blocks while loading, and while another thread loads the same: call it where blocking is allowed.
    /// Concurrent calls for one key load once; if that fails, the next of them tries itself.
    pub fn get_or_load<E>(
        &self,
        key: &str,
        codec: Codec,
        load: impl FnOnce() -> Result<Pcm, E>,
    ) -> Result<Arc<Prompt>, E> {
        let key = (key.to_owned(), codec.name());
        let mut shelf = self.lock();
        loop {
            shelf.uses += 1;
            let now = shelf.uses;
            match shelf.entries.get_mut(&key) {
                Some(Entry::Here { prompt, used }) => {
                    *used = now;
                    return Ok(prompt.clone());
                }
                Some(Entry::Loading) => {
                    shelf = self.loaded.wait(shelf).unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        shelf.entries.insert(key.clone(), Entry::Loading);
        drop(shelf);
        let mut mark = Mark { prompts: self, key: Some(key) };
        let prompt = Arc::new(Prompt::encode(&load()?, codec));
        if let Some(key) = mark.key.take() {
            self.lock().put(key, prompt.clone(), self.bound);
            self.loaded.notify_all();
        }
        Ok(prompt)
    }

    /// The prompt named `key` if it is here.
    pub fn get(&self, key: &str, codec: Codec) -> Option<Arc<Prompt>> {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let now = shelf.uses;
        match shelf.entries.get_mut(&(key.to_owned(), codec.name())) {
            Some(Entry::Here { prompt, used }) => {
                *used = now;
                Some(prompt.clone())
            }
            _ => None,
        }
    }

    /// Bytes of encoded audio held now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Forget everything, as after a reload of the sounds.
    pub fn clear(&self) {
        let mut shelf = self.lock();
        shelf.entries.retain(|_, entry| matches!(entry, Entry::Loading));
        shelf.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // The shelf is whole between any two statements that could panic.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn put(&mut self, key: (String, &'static str), prompt: Arc<Prompt>, bound: usize) {
        let size = prompt.bytes.len();
        self.uses += 1;
        self.entries.remove(&key);
        // One that is larger than the whole cache is used without being kept.
        if size > bound {
            return;
        }
        while self.bytes + size > bound {
            let oldest = self
                .entries
                .iter()
                .filter_map(|(key, entry)| match entry {
                    Entry::Here { used, .. } => Some((*used, key)),
                    Entry::Loading => None,
                })
                .min()
                .map(|(_, key)| key.clone());
            let Some(oldest) = oldest else { break };
            if let Some(Entry::Here { prompt, .. }) = self.entries.remove(&oldest) {
                self.bytes -= prompt.bytes.len();
            }
        }
        self.bytes += size;
        self.entries.insert(key, Entry::Here { prompt, used: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use audio::Rate;

    use super::*;

    fn sound(samples: usize) -> Result<Pcm, Infallible> {
        Ok(Pcm::new(Rate::NARROW, vec![1_000; samples]))
    }

    fn never() -> Result<Pcm, Infallible> {
        panic!("it is in the cache")
    }

    #[test]
    fn a_prompt_is_resampled_and_knows_its_length() {
        let prompt = Prompt::encode(&Pcm::new(Rate(48_000), vec![0; 48_000]), Codec::Pcma);
        assert_eq!(prompt.codec(), Codec::Pcma);
        assert!(prompt.duration().abs_diff(Duration::from_secs(1)) < Duration::from_millis(5));
    }

    #[test]
    fn each_codec_has_its_own_form() {
        let prompts = Prompts::new(10_000);
        let a = prompts.get_or_load("hello", Codec::Pcmu, || sound(100)).unwrap();
        let b = prompts.get_or_load("hello", Codec::Pcma, || sound(100)).unwrap();
        assert_ne!(a.bytes(), b.bytes());
        assert!(Arc::ptr_eq(&a, &prompts.get_or_load("hello", Codec::Pcmu, never).unwrap()));
        assert_eq!(prompts.bytes(), 200);
        prompts.clear();
        assert!(prompts.get("hello", Codec::Pcmu).is_none() && prompts.bytes() == 0);
    }

    #[test]
    fn the_longest_unused_leaves_first_and_a_giant_is_not_kept() {
        let prompts = Prompts::new(1_000);
        for name in ["a", "b"] {
            prompts.get_or_load(name, Codec::Pcmu, || sound(400)).unwrap();
        }
        assert!(prompts.get("a", Codec::Pcmu).is_some());
        prompts.get_or_load("c", Codec::Pcmu, || sound(400)).unwrap();
        assert!(prompts.get("a", Codec::Pcmu).is_some());
        assert!(prompts.get("b", Codec::Pcmu).is_none());
        let giant = prompts.get_or_load("giant", Codec::Pcmu, || sound(1_001)).unwrap();
        assert_eq!(giant.bytes().len(), 1_001);
        assert_eq!(prompts.bytes(), 800);
    }

    #[test]
    fn many_who_want_the_same_load_it_once() {
        let prompts = Prompts::new(10_000);
        let (loads, start) = (AtomicU32::new(0), Barrier::new(8));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let load = || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        sound(100)
                    };
                    prompts.get_or_load("hello", Codec::Pcmu, load).unwrap();
                });
            }
        });
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_load_that_fails_or_panics_lets_the_next_one_try() {
        let prompts = Prompts::new(10_000);
        assert_eq!(prompts.get_or_load("x", Codec::Pcmu, || Err("no such file")), Err("no such file"));
        let (begun_in, begun) = mpsc::channel();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                prompts.get_or_load("x", Codec::Pcmu, || -> Result<Pcm, Infallible> {
                    begun_in.send(()).unwrap();
                    panic!("a broken decoder")
                })
            });
            begun.recv().unwrap();
            assert!(prompts.get_or_load("x", Codec::Pcmu, || sound(10)).is_ok());
            assert!(panics.join().is_err());
        });
        assert_eq!(prompts.bytes(), 10);
    }
}
