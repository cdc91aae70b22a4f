//! Text to sound: one speaker, chosen in the configuration, behind a cache.
//!
//! [`Voice`] is what the rest of the switch holds.
//! It looks on the disk first, lets identical requests that come at once be spoken once, brings every voice to one loudness
//! and gives every request a deadline, so that a failing speaker never stalls a call.
//! A [`Speaker`] is a small thing: [`espeak`] runs a process, [`openai`] asks an HTTP server.

mod cache;
mod error;
mod espeak;
mod once;
mod openai;
mod ssml;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use audio::{Pcm, Rate};
use flow::leg::Speech;
use sha2::{Digest, Sha256};

pub use error::SpeechError;
pub use openai::OpenAi;

use cache::Cache;
use espeak::Espeak;
use once::Once;

/// What a normalised voice measures, in dBov: the level ITU-T P.56 and most prompt studios agree on, within a decibel or two.
const LOUDNESS: f32 = -19.0;
/// Longer texts are a mistake in a flow; these are already more than ten minutes of talk.
const LONGEST_TEXT: usize = 10_000;
/// More sound than a speaker may hand over for one text, in bytes: 25 minutes at 22 kHz.
const LARGEST: usize = 64 << 20;

/// Who speaks, how, and where what was spoken is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who speaks.
    pub provider: Provider,
    /// For flows that name no language.
    pub language: String,
    /// `male`, `female`, `neutral` or the provider's own name of a voice, for flows that name none; empty for its default.
    pub voice: String,
    /// Where spoken texts are kept; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
    /// How much may be kept there, in bytes; the oldest goes first.
    pub cache_bytes: u64,
    /// A text that is not spoken by then has failed.
    pub deadline: Duration,
}

/// The speakers there are.
#[derive(Clone, Debug)]
pub enum Provider {
    /// espeak-ng on this machine.
    Espeak,
    /// A server with OpenAI's speech endpoint.
    OpenAi(OpenAi),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            provider: Provider::Espeak,
            language: "en-US".into(),
            voice: String::new(),
            cache_dir: None,
            cache_bytes: 256 << 20,
            deadline: Duration::from_secs(10),
        }
    }
}

/// One text to be spoken, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Utterance {
    /// Plain text, or SSML if [`ssml::is_ssml`] says so.
    text: String,
    language: String,
    /// Spoken when there is no voice for `language`.
    fallback: String,
    voice: VoiceWish,
}

/// Which voice a flow asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VoiceWish {
    Any,
    Male,
    Female,
    Named(String),
}

impl VoiceWish {
    fn new(name: &str) -> VoiceWish {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "default" | "neutral" | "neuter" => VoiceWish::Any,
            "male" | "man" | "masculine" => VoiceWish::Male,
            "female" | "woman" | "feminine" => VoiceWish::Female,
            _ => VoiceWish::Named(name.trim().to_owned()),
        }
    }
}

/// What a [`Speaker`] comes back with, in its time.
type Spoken<'a> = Pin<Box<dyn Future<Output = Result<Pcm, SpeechError>> + Send + 'a>>;

/// Turns a text into sound. Dropping the future gives up and leaves nothing behind.
trait Speaker: Send + Sync {
    /// All that changes how a text sounds and is not in the utterance; part of the cache's key.
    fn identity(&self) -> String;
    /// Speaks, at whatever rate and loudness; has no deadline of its own.
    fn speak<'a>(&'a self, utterance: &'a Utterance) -> Spoken<'a>;
}

/// The switch's voice; see the module.
pub struct Voice {
    speaker: Box<dyn Speaker>,
    cache: Option<Arc<Cache>>,
    once: Once<Pcm>,
    language: String,
    voice: String,
    deadline: Duration,
}

impl Voice {
    /// A voice. `client` carries the requests of a speaker on the network; its own limits may only be wider than the deadline.
    /// A cache directory that cannot be used is logged, and the voice then speaks every text anew.
    pub fn new(config: Config, client: reqwest::Client) -> Voice {
        let speaker: Box<dyn Speaker> = match config.provider {
            Provider::Espeak => Box::new(Espeak::new()),
            Provider::OpenAi(server) => Box::new(openai::Client::new(server, client)),
        };
        let cache = config.cache_dir.and_then(|directory| {
            Cache::open(directory.clone(), config.cache_bytes)
                .inspect_err(
                    |error| tracing::warn!(%error, directory = %directory.display(), "speech is not cached"),
                )
                .ok()
        });
        Voice {
            speaker,
            cache: cache.map(Arc::new),
            once: Once::default(),
            language: config.language,
            voice: config.voice,
            deadline: config.deadline,
        }
    }

    /// Speaks, or fetches what was spoken before. Done by the deadline, one way or the other.
    ///
    /// # Errors
    /// [`SpeechError`], which has been logged.
    pub async fn speak(&self, speech: &Speech) -> Result<Pcm, SpeechError> {
        let utterance = self.utterance(speech);
        if utterance.text.trim().is_empty() {
            // Nothing to say is said at once; not of zero length, so that a prompt repeated for ever is no busy loop.
            return Ok(Pcm::silence(Rate::NARROW, Duration::from_millis(20)));
        }
        let spoken = tokio::time::timeout(self.deadline, self.speak_once(&utterance)).await;
        let spoken = spoken.unwrap_or(Err(SpeechError::Timeout(self.deadline)));
        if let Err(error) = &spoken {
            tracing::warn!(%error, language = utterance.language, text = excerpt(&utterance.text), "a text was not spoken");
        }
        spoken
    }

    fn utterance(&self, speech: &Speech) -> Utterance {
        let or = |wish: &str, default: &str| {
            if wish.trim().is_empty() { default.to_owned() } else { wish.trim().to_owned() }
        };
        Utterance {
            text: speech.text.clone(),
            language: or(&speech.language, &self.language),
            fallback: self.language.clone(),
            voice: VoiceWish::new(&or(&speech.voice, &self.voice)),
        }
    }

    async fn speak_once(&self, utterance: &Utterance) -> Result<Pcm, SpeechError> {
        let length = utterance.text.chars().count();
        if length > LONGEST_TEXT {
            return Err(SpeechError::TextTooLong { length, limit: LONGEST_TEXT });
        }
        let key = self.key(utterance);
        self.once.get(key.clone(), || self.cached_or_spoken(key, utterance)).await
    }

    async fn cached_or_spoken(&self, key: String, utterance: &Utterance) -> Result<Pcm, SpeechError> {
        if let Some(cache) = self.cache.clone() {
            let key = key.clone();
            if let Some(found) = blocking(move || cache.get(&key)).await? {
                return Ok(found);
            }
        }
        let mut sound = self.speaker.speak(utterance).await?;
        let cache = self.cache.clone();
        blocking(move || {
            sound.normalise(LOUDNESS);
            if let Some(cache) = cache
                && let Err(error) = cache.put(&key, &sound)
            {
                // The call has its prompt; only the next one has to wait for it again.
                tracing::warn!(%error, "a spoken text was not cached");
            }
            sound
        })
        .await
    }

    /// The name of an utterance's sound: whatever changes the sound changes it.
    fn key(&self, utterance: &Utterance) -> String {
        let voice = match &utterance.voice {
            VoiceWish::Any => "any",
            VoiceWish::Male => "male",
            VoiceWish::Female => "female",
            VoiceWish::Named(name) => name,
        };
        let mut hash = Sha256::new();
        let identity = self.speaker.identity();
        for part in [identity.as_str(), &utterance.language, &utterance.fallback, voice, &utterance.text] {
            // The lengths keep "a", "bc" and "ab", "c" apart.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Runs what blocks or computes for long where it holds up no one.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SpeechError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SpeechError::Aborted)
}

/// Decodes what a speaker handed over.
async fn decoded(bytes: Vec<u8>) -> Result<Pcm, SpeechError> {
    blocking(move || audio::read::decode(bytes, None)).await?.map_err(SpeechError::NotSound)
}

/// Enough of a text to find it again in a flow.
fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
