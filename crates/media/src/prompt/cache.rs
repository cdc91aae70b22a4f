//! The cache of prompts. Its loaders run on the caller's thread, never on a worker.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use audio::codec::CodecError;

use super::{Form, Prompt, Sound};

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
    entries: HashMap<(String, Form), Entry>,
    bytes: usize,
    /// Counts uses; the smallest stamp is the longest unused.
    uses: u64,
    /// Counts [`Prompts::clear`]: what was begun to be loaded before one is not kept.
    generation: u64,
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
    key: Option<(String, Form)>,
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

    /// The prompt named `key` in `form`, loaded by `load` if it is not here.
    ///
    /// Blocks while loading, and while another thread loads the same: call it where blocking is allowed.
    /// Concurrent calls for one key load once; if that fails, the next of them tries itself.
    pub fn get_or_load<E: From<CodecError>, S: Into<Sound>>(
        &self,
        key: &str,
        form: Form,
        load: impl FnOnce() -> Result<S, E>,
    ) -> Result<Arc<Prompt>, E> {
        let key = (key.to_owned(), form);
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
        let generation = shelf.generation;
        drop(shelf);
        let mut mark = Mark { prompts: self, key: Some(key) };
        let prompt = Arc::new(Prompt::of(load()?.into(), form)?);
        let mut shelf = self.lock();
        if shelf.generation == generation
            && let Some(key) = mark.key.take()
        {
            shelf.put(key, prompt.clone(), self.bound);
            self.loaded.notify_all();
        }
        drop(shelf);
        Ok(prompt)
    }

    /// The prompt named `key` if it is here.
    pub fn get(&self, key: &str, form: Form) -> Option<Arc<Prompt>> {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let now = shelf.uses;
        match shelf.entries.get_mut(&(key.to_owned(), form)) {
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

    /// Forget all forms of one prompt.
    pub fn forget(&self, key: &str) {
        let mut shelf = self.lock();
        let Shelf { entries, bytes, .. } = &mut *shelf;
        entries.retain(|(known, _), entry| match entry {
            Entry::Here { prompt, .. } if known == key => {
                *bytes -= prompt.size();
                false
            }
            _ => true,
        });
    }

    /// Forget everything, as after a reload of the sounds. What is being loaded goes to those who asked for it before, and
    /// is not kept.
    pub fn clear(&self) {
        let mut shelf = self.lock();
        shelf.entries.retain(|_, entry| matches!(entry, Entry::Loading));
        shelf.bytes = 0;
        shelf.generation += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // The shelf is whole between any two statements that could panic.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn put(&mut self, key: (String, Form), prompt: Arc<Prompt>, bound: usize) {
        let size = prompt.size();
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
                .min_by_key(|(used, _)| *used)
                .map(|(_, key)| key.clone());
            let Some(oldest) = oldest else { break };
            if let Some(Entry::Here { prompt, .. }) = self.entries.remove(&oldest) {
                self.bytes -= prompt.size();
            }
        }
        self.bytes += size;
        self.entries.insert(key, Entry::Here { prompt, used: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use std::time::Duration;

    use audio::codec::{Codec, OpusSettings};
    use audio::{Pcm, Rate};

    use super::*;
    use crate::stream::{Long, Origin};

    const ULAW: fn() -> Form = || Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default());
    const ALAW: fn() -> Form = || Form::new(Codec::Pcma, Duration::ZERO, OpusSettings::default());

    fn sound(samples: usize) -> Result<Pcm, CodecError> {
        Ok(Pcm::new(Rate::NARROW, vec![1_000; samples]))
    }

    fn never() -> Result<Pcm, CodecError> {
        panic!("it is in the cache")
    }

    #[test]
    fn each_codec_has_its_own_form() {
        let prompts = Prompts::new(10_000);
        let a = prompts.get_or_load("hello", ULAW(), || sound(100)).unwrap();
        let b = prompts.get_or_load("hello", ALAW(), || sound(100)).unwrap();
        assert_ne!(a.bytes(), b.bytes());
        assert!(Arc::ptr_eq(&a, &prompts.get_or_load("hello", ULAW(), never).unwrap()));
        assert_eq!(prompts.bytes(), 200);
        prompts.get_or_load("other", ALAW(), || sound(10)).unwrap();
        prompts.forget("hello");
        assert!(prompts.get("hello", ULAW()).is_none() && prompts.get("hello", ALAW()).is_none());
        assert_eq!(prompts.bytes(), 10);
        prompts.clear();
        assert!(prompts.get("other", ALAW()).is_none() && prompts.bytes() == 0);
    }

    #[test]
    fn the_longest_unused_leaves_first_and_a_giant_is_not_kept() {
        let prompts = Prompts::new(1_000);
        for name in ["a", "b"] {
            prompts.get_or_load(name, ULAW(), || sound(400)).unwrap();
        }
        assert!(prompts.get("a", ULAW()).is_some());
        prompts.get_or_load("c", ULAW(), || sound(400)).unwrap();
        assert!(prompts.get("a", ULAW()).is_some());
        assert!(prompts.get("b", ULAW()).is_none());
        let giant = prompts.get_or_load("giant", ULAW(), || sound(1_001)).unwrap();
        assert_eq!(giant.bytes().len(), 1_001);
        assert_eq!(prompts.bytes(), 800);
    }

    #[test]
    fn long_sounds_are_kept_in_bounds_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.wav");
        std::fs::write(&path, audio::write::wav::to_bytes(&sound(800).unwrap())).unwrap();
        let prompts = Prompts::new(10_000);
        for n in 0..1_000 {
            let long = Long::new(Origin::File(path.clone()), Some("wav")).unwrap();
            prompts.get_or_load(&n.to_string(), ULAW(), || Ok::<_, CodecError>(Sound::Long(long))).unwrap();
        }
        assert!(prompts.get("999", ULAW()).is_some() && prompts.get("0", ULAW()).is_none());
        assert!((1..=10_000).contains(&prompts.bytes()));
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
                    prompts.get_or_load("hello", ULAW(), load).unwrap();
                });
            }
        });
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_was_being_loaded_when_all_was_forgotten_is_not_kept() {
        let prompts = Prompts::new(10_000);
        let old = prompts.get_or_load("hello", ULAW(), || {
            prompts.clear();
            sound(100)
        });
        assert_eq!(old.unwrap().bytes().len(), 100);
        assert!(prompts.get("hello", ULAW()).is_none() && prompts.bytes() == 0);
        assert_eq!(prompts.get_or_load("hello", ULAW(), || sound(50)).unwrap().bytes().len(), 50);
        assert_eq!(prompts.bytes(), 50);
    }

    #[test]
    fn a_load_that_fails_or_panics_lets_the_next_one_try() {
        let prompts = Prompts::new(10_000);
        let failed = prompts.get_or_load("x", ULAW(), || Err::<Pcm, _>(CodecError::Library(Codec::Opus)));
        assert_eq!(failed, Err(CodecError::Library(Codec::Opus)));
        let (begun_in, begun) = mpsc::channel();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                prompts.get_or_load("x", ULAW(), || -> Result<Pcm, CodecError> {
                    begun_in.send(()).unwrap();
                    panic!("a broken decoder")
                })
            });
            begun.recv().unwrap();
            assert!(prompts.get_or_load("x", ULAW(), || sound(10)).is_ok());
            assert!(panics.join().is_err());
        });
        assert_eq!(prompts.bytes(), 10);
    }
}
