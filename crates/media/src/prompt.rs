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
