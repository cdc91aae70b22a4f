//! The studio: makes what a flow wants heard into prompts in a leg's form.
//!
//! Speech comes from the voice, sounds from the flows' directory or from the web, tones and silence are made here.
//! Everything is decoded, resampled and encoded once and then shared through [`media::Prompts`].
//! Slow work runs on blocking threads, and a whole list has one deadline: a bad prompt never stalls a call.

mod signal;
mod web;

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use audio::codec::CodecError;
use audio::{Pcm, ReadError};
use flow::ir::{FileFormat, Tone, print};
use flow::leg::{Prompt, Speech};
use media::{Form, Long, NotMade, Origin, Prompts};
use store::{Flows, SoundError, Sounds};

use crate::http::{Http, HttpError};
use crate::speech::{SpeechError, Voice};
pub use web::WebSounds;
use web::is_url;

/// Longest tone or silence rendered in one piece; a longer one is cut, for it would only fill the cache.
const LONGEST: Duration = Duration::from_secs(600);
/// The longest sound that is kept decoded and encoded, 1 MB of G.711; longer ones are read while they are heard.
const KEPT: Duration = Duration::from_secs(120);
/// URLs whose sounds are kept, and names of sounds whose files are known.
const REMEMBERED: usize = 1_000;

/// Why something cannot be heard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    #[error("{0}")]
    Sound(#[from] SoundError),
    #[error("sound {name}: {source}")]
    Read { name: String, source: ReadError },
    #[error("sound {name}: {source}")]
    Io { name: String, source: std::io::Error },
    #[error("sound {url}: {source}")]
    Http { url: String, source: HttpError },
    #[error("sound {url}: the server says {status}")]
    Status { url: String, status: u16 },
    /// What all who wanted a sound of the web at once are told.
    #[error("{0}")]
    Web(Arc<PromptError>),
    #[error("voice: {0}")]
    Speech(#[from] SpeechError),
    #[error("{what} is not ready within {} ms", .limit.as_millis())]
    Timeout { what: String, limit: Duration },
    #[error("no tones of country {0} are known: expected one of {1}")]
    Country(String, String),
    #[error("no such tone: {0}")]
    Tone(String),
    #[error("the decoder failed")]
    Decoder,
    #[error("{0}")]
    Codec(#[from] CodecError),
}

/// See the module.
pub(crate) struct Studio {
    prompts: Arc<Prompts>,
    voice: Voice,
    flows: Arc<ArcSwap<Flows>>,
    /// Sounds that come with the switch, looked at when the flows have none of the name.
    built_in: Sounds,
    recordings: PathBuf,
    /// Whose network's signals are heard where none is named.
    country: String,
    limit: Duration,
    /// Keys of sounds by the names that flows use, as the flows that run now have them.
    resolved: Mutex<HashMap<String, String>>,
    web: Arc<web::Web>,
}

impl Studio {
    pub(crate) fn new(
        cache_bytes: usize,
        voice: Voice,
        web: (WebSounds, Http),
        flows: Arc<ArcSwap<Flows>>,
        built_in: Sounds,
        (recordings, country): (PathBuf, String),
        limit: Duration,
    ) -> Studio {
        let prompts = Arc::new(Prompts::new(cache_bytes));
        let web = Arc::new(web::Web::new(web.0, web.1, prompts.clone()));
        Studio {
            prompts,
            voice,
            flows,
            built_in,
            recordings,
            country,
            limit,
            resolved: Mutex::new(HashMap::new()),
            web,
        }
    }

    /// All of a list, in order, or the first thing that fails.
    pub(crate) async fn prepare(
        &self,
        wanted: &[Prompt],
        form: Form,
    ) -> Result<Vec<Arc<media::Prompt>>, PromptError> {
        let mut ready = Vec::with_capacity(wanted.len());
        let all = async {
            for prompt in wanted {
                let named = match prompt {
                    Prompt::Sound(name) => flow::tone::named(name).transpose().map_err(PromptError::Tone)?,
                    _ => None,
                };
                ready.push(match named.as_ref().unwrap_or(prompt) {
                    Prompt::Speech(speech) => self.speech(speech, form).await?,
                    Prompt::Sound(name) if is_url(name) => self.fetched(name, form).await?,
                    Prompt::Sound(name) => self.sound(name, form).await?,
                    Prompt::Recording(id) => self.recorded(id, form).await?,
                    made @ (Prompt::Tone(_) | Prompt::Signal(_) | Prompt::Silence(_)) => {
                        self.made(made, form).await?
                    }
                });
            }
            Ok(())
        };
        match tokio::time::timeout(self.limit, all).await {
            Ok(all) => all.map(|()| ready),
            Err(_) => {
                let what = match wanted.get(ready.len()) {
                    // What is said to a caller is not for the log.
                    Some(Prompt::Speech(_)) | None => "speech".to_owned(),
                    Some(prompt) => print::prompt(prompt),
                };
                Err(PromptError::Timeout { what, limit: self.limit })
            }
        }
    }

    /// The sounds may have changed.
    pub(crate) fn forget(&self) {
        self.web.expire();
        self.prompts.clear();
        crate::lock(&self.resolved).clear();
    }

    /// Bytes of encoded audio in the cache.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.prompts.bytes()
    }

    /// The same list if all of it is in memory: nothing has to be waited for.
    pub(crate) fn at_hand(&self, wanted: &[Prompt], form: Form) -> Option<Vec<Arc<media::Prompt>>> {
        wanted
            .iter()
            .map(|prompt| {
                let key = match prompt {
                    Prompt::Sound(name) if is_url(name) => return self.web.at_hand(name, form),
                    Prompt::Sound(name) => crate::lock(&self.resolved).get(name)?.clone(),
                    made => made_key(made)?,
                };
                self.prompts.get(&key, form)
            })
            .collect()
    }

    async fn speech(&self, speech: &Speech, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let key = speech_key(speech);
        if let Some(prompt) = self.prompts.get(&key, form) {
            return Ok(prompt);
        }
        let pcm = self.voice.speak(speech).await?;
        self.load(key, form, move || Ok(pcm)).await
    }

    async fn sound(&self, name: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let flows = self.flows.load_full();
        let built_in = self.built_in.clone();
        let prompts = self.prompts.clone();
        let (wanted, of) = (name.to_owned(), flows.clone());
        let (key, prompt) = blocking(move || {
            let name = wanted;
            let found =
                of.sounds().resolve(&name).or_else(|missing| built_in.resolve(&name).map_err(|_| missing))?;
            let key = found.key();
            let prompt = prompts.get_or_load(&key, form, || opened(&found, &name, form))?;
            Ok((key, prompt))
        })
        .await?;
        let mut resolved = crate::lock(&self.resolved);
        // After a reload meanwhile the name may mean another sound: `forget` comes after the flows are others.
        if Arc::ptr_eq(&flows, &self.flows.load()) {
            if resolved.len() >= REMEMBERED {
                resolved.clear();
            }
            resolved.insert(name.to_owned(), key);
        }
        Ok(prompt)
    }

    /// A recording of this switch, in whichever form it was made.
    async fn recorded(&self, id: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let missing = PromptError::Sound(SoundError::Missing(id.to_owned()));
        let folder = match plain {
            true => self.recordings.clone(),
            false => return Err(missing),
        };
        let (name, prompts) = (id.to_owned(), self.prompts.clone());
        blocking(move || {
            let files =
                FileFormat::ALL.map(|format| folder.join(crate::call::recording::file(&name, format)));
            let about = |file: PathBuf| Some((file.metadata().ok().filter(Metadata::is_file)?, file));
            let (about, file) = files.into_iter().find_map(about).ok_or(missing)?;
            // One that still runs is longer the next time.
            let key = format!("recording:{name}@{}/{:?}", about.len(), about.modified().ok());
            prompts.get_or_load(&key, form, || opened(&store::Sound::File(file), &name, form))
        })
        .await
    }

    /// A tone or silence.
    async fn made(&self, prompt: &Prompt, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let key = made_key(prompt).ok_or(PromptError::Decoder)?;
        let (prompt, country) = (prompt.clone(), self.country.clone());
        self.load(key, form, move || {
            Ok(media::Sound::Whole(match prompt {
                Prompt::Tone(Tone { hertz, on, off, total }) => {
                    audio::tone::render(&hertz, on, off, total.min(LONGEST), form.rate())
                }
                Prompt::Signal(signal) => return signal::render(&signal, &country, form),
                Prompt::Silence(length) => Pcm::silence(form.rate(), length.min(LONGEST)),
                _ => return Err(PromptError::Decoder),
            }))
        })
        .await
    }

    async fn load<S: Into<media::Sound>>(
        &self,
        key: String,
        form: Form,
        make: impl FnOnce() -> Result<S, PromptError> + Send + 'static,
    ) -> Result<Arc<media::Prompt>, PromptError> {
        if let Some(prompt) = self.prompts.get(&key, form) {
            return Ok(prompt);
        }
        let prompts = self.prompts.clone();
        blocking(move || prompts.get_or_load(&key, form, make)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PromptError> + Send + 'static,
) -> Result<T, PromptError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(PromptError::Decoder))
}

/// A sound of a directory, in a form.
fn opened(found: &store::Sound, name: &str, form: Form) -> Result<media::Sound, PromptError> {
    let origin = match found {
        store::Sound::File(path) => Origin::File(path.clone()),
        _ => {
            let bytes = found.read().map_err(|source| PromptError::Io { name: name.to_owned(), source })?;
            Origin::Bytes(bytes.into())
        }
    };
    sound(origin, found.extension(), name, form)
}

/// The sound of a file in a form; one that is long is not decoded here.
fn sound(
    origin: Origin,
    extension: Option<&str>,
    name: &str,
    form: Form,
) -> Result<media::Sound, PromptError> {
    let read = |source| PromptError::Read { name: name.to_owned(), source };
    let file = Long::new(origin, extension).map_err(read)?;
    if file.length() > KEPT {
        return Ok(media::Sound::Long(file));
    }
    let prompt = media::Prompt::read(&file, form).map_err(|why| match why {
        NotMade::Read(source) => read(source),
        NotMade::Codec(why) => PromptError::Codec(why),
    })?;
    Ok(media::Sound::Encoded(prompt))
}

fn speech_key(speech: &Speech) -> String {
    format!("speech:{}|{}|{}", speech.language, speech.voice, speech.text)
}

/// The key of what is made here; `None` for what comes from elsewhere, and for recordings, which may be gone or longer
/// than they were.
fn made_key(prompt: &Prompt) -> Option<String> {
    match prompt {
        Prompt::Speech(speech) => Some(speech_key(speech)),
        Prompt::Tone(Tone { hertz, on, off, total }) => {
            let [on, off, total] = [on, off, total].map(Duration::as_millis);
            Some(format!("tone:{hertz:?}/{on}/{off}/{total}"))
        }
        Prompt::Signal(signal) => Some(signal.name()),
        Prompt::Silence(length) => Some(format!("silence:{}", length.as_millis())),
        Prompt::Recording(_) | Prompt::Sound(_) => None,
    }
}

#[cfg(test)]
mod tests;
