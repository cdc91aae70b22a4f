//! Prompts: encoded once per codec, shared by every call that plays them.
//!
//! [`Prompt`] is immutable audio in one codec's form; playing it is copying bytes.
//! [`Prompts`] is the cache; its loaders run on the caller's thread, never on a worker.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audio::codec::{Codec, CodecError, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::{Pcm, Rate};

use crate::source::is_law;
use crate::stream::Long;

/// What places in prompts are counted in: ticks of 48 kHz, of which the samples of every codec are a whole number.
pub(crate) const TICKS_A_MS: u64 = 48;

/// How a leg's prompts are encoded: legs of the same form share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// The codec.
    pub codec: Codec,
    /// What a packet holds; zero for codecs whose payload can be cut anywhere.
    packet: Duration,
    /// For Opus; the default for all others.
    opus: OpusSettings,
}

impl Form {
    /// What legs with this codec, packet time and settings can share.
    pub fn new(codec: Codec, packet: Duration, opus: OpusSettings) -> Form {
        match codec.bytes_per_ms() {
            Some(_) => Form { codec, packet: Duration::ZERO, opus: OpusSettings::default() },
            None => Form { codec, packet, opus },
        }
    }

    /// What a packet holds; zero for codecs whose payload can be cut anywhere.
    pub(crate) fn packet(&self) -> Duration {
        self.packet
    }

    /// For Opus.
    pub(crate) fn opus(&self) -> OpusSettings {
        self.opus
    }

    /// The rate of the samples that prompts are encoded from.
    pub fn rate(&self) -> Rate {
        self.codec.rate()
    }
}

/// A sound before it is a prompt.
#[derive(Debug)]
pub enum Sound {
    /// All of it, to be encoded once for all who hear it.
    Whole(Pcm),
    /// Too long to be kept: it is read, decoded and encoded while it is heard, for each who hears it.
    Long(Long),
}

impl From<Pcm> for Sound {
    fn from(pcm: Pcm) -> Sound {
        Sound::Whole(pcm)
    }
}

/// Audio in one form.
#[derive(PartialEq)]
pub struct Prompt {
    form: Form,
    bytes: Box<[u8]>,
    /// Where each packet ends; empty for codecs whose payload can be cut anywhere.
    ends: Box<[u32]>,
    /// What is read while it is heard, instead of the bytes.
    long: Option<Box<Long>>,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} {:?})", self.form.codec.name(), self.duration())
    }
}

impl Prompt {
    /// Encode `pcm`, resampled if need be. Opus fills its last packet with silence.
    ///
    /// # Errors
    /// [`CodecError`] if there is no encoder to be had.
    pub fn encode(pcm: &Pcm, form: Form) -> Result<Prompt, CodecError> {
        let resampled;
        let samples = if pcm.rate == form.rate() {
            &pcm.samples
        } else {
            resampled = pcm.resampled(form.rate());
            &resampled.samples
        };
        let mut encoder = Encoder::new(form.codec, form.rate(), &form.opus)?;
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        match form.codec.bytes_per_ms() {
            Some(per_ms) => {
                // As many as there are samples, whatever they come to.
                bytes.resize((samples.len() * per_ms * 1_000).div_ceil(form.rate().0.max(1) as usize), 0);
                let written = encoder.encode(samples, &mut bytes);
                bytes.truncate(written);
            }
            None => {
                let mut packet = [0; MAX_PAYLOAD];
                let length = form.rate().samples(form.packet).max(1);
                for part in samples.chunks(length) {
                    let mut frame = part.to_vec();
                    frame.resize(length, 0);
                    let written = encoder.encode(&frame, &mut packet);
                    bytes.extend_from_slice(packet.get(..written).unwrap_or_default());
                    ends.push(bytes.len() as u32);
                }
            }
        }
        Ok(Prompt { form, bytes: bytes.into_boxed_slice(), ends: ends.into_boxed_slice(), long: None })
    }

    /// A sound in a form.
    ///
    /// # Errors
    /// As of [`Prompt::encode`].
    pub fn of(sound: Sound, form: Form) -> Result<Prompt, CodecError> {
        match sound {
            Sound::Whole(pcm) => Prompt::encode(&pcm, form),
            Sound::Long(long) => {
                Ok(Prompt { form, bytes: Box::default(), ends: Box::default(), long: Some(Box::new(long)) })
            }
        }
    }

    /// Bytes that it keeps in memory.
    fn size(&self) -> usize {
        self.bytes.len() + self.long.as_ref().map_or(0, |long| long.size())
    }

    /// What is read while it is heard.
    pub(crate) fn long(&self) -> Option<&Long> {
        self.long.as_deref()
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.ticks() * 1_000_000 / TICKS_A_MS)
    }

    /// How it is encoded.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload of the packet that sounds at `at` (in [`TICKS_A_MS`]), of codecs whose packets are wholes.
    pub(crate) fn packet_at(&self, at: u64) -> Option<&[u8]> {
        let at = usize::try_from(at.checked_div(self.packet_ticks())?).ok()?;
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.bytes.get(start..end)
    }

    /// How long it sounds, in [`TICKS_A_MS`].
    pub(crate) fn ticks(&self) -> u64 {
        if let Some(long) = &self.long {
            return long.length().as_millis() as u64 * TICKS_A_MS;
        }
        match self.form.codec.bytes_per_ms() {
            Some(per_ms) => self.bytes.len() as u64 * TICKS_A_MS / per_ms as u64,
            None => self.packet_ticks() * self.ends.len() as u64,
        }
    }

    /// Whether it can be heard in packets of `ms` milliseconds of `codec`; G.711's two laws are turned into each other.
    pub(crate) fn suits(&self, codec: Codec, ms: usize) -> bool {
        match codec.bytes_per_ms() {
            Some(_) => self.form.codec == codec || is_law(self.form.codec) && is_law(codec),
            None => self.form.codec == codec && self.form.packet.as_millis() == ms as u128,
        }
    }

    fn packet_ticks(&self) -> u64 {
        self.form.packet.as_millis() as u64 * TICKS_A_MS
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
    entries: HashMap<(String, Form), Entry>,
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
        drop(shelf);
        let mut mark = Mark { prompts: self, key: Some(key) };
        let prompt = Arc::new(Prompt::of(load()?.into(), form)?);
        if let Some(key) = mark.key.take() {
            self.lock().put(key, prompt.clone(), self.bound);
            self.loaded.notify_all();
        }
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

    use audio::Rate;

    use super::*;

    const ULAW: fn() -> Form = || Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default());
    const ALAW: fn() -> Form = || Form::new(Codec::Pcma, Duration::ZERO, OpusSettings::default());

    fn sound(samples: usize) -> Result<Pcm, CodecError> {
        Ok(Pcm::new(Rate::NARROW, vec![1_000; samples]))
    }

    fn never() -> Result<Pcm, CodecError> {
        panic!("it is in the cache")
    }

    #[test]
    fn a_prompt_is_resampled_and_knows_its_length() {
        let prompt = Prompt::encode(&Pcm::new(Rate(48_000), vec![0; 48_000]), ALAW()).unwrap();
        assert_eq!(prompt.form(), ALAW());
        assert!(prompt.duration().abs_diff(Duration::from_secs(1)) < Duration::from_millis(5));
    }

    #[test]
    fn each_codec_has_its_own_form() {
        let prompts = Prompts::new(10_000);
        let a = prompts.get_or_load("hello", ULAW(), || sound(100)).unwrap();
        let b = prompts.get_or_load("hello", ALAW(), || sound(100)).unwrap();
        assert_ne!(a.bytes(), b.bytes());
        assert!(Arc::ptr_eq(&a, &prompts.get_or_load("hello", ULAW(), never).unwrap()));
        assert_eq!(prompts.bytes(), 200);
        prompts.clear();
        assert!(prompts.get("hello", ULAW()).is_none() && prompts.bytes() == 0);
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
