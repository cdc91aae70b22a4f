//! Sounds on the web: fetched once for all forms of them, kept on disk with what their server says of them, and asked for
//! again when that is over.
//!
//! ```text
//!   nothing ──200──→ kept, fresh ──its time is over──→ kept ──304──→ kept, fresh
//!                                                      kept ──200──→ another, fresh
//!                                                      kept ──the server fails──→ used for a while, if that is not forbidden
//!                                                      kept ──404, 410 …──→ nothing
//! ```
//!
//! A URL is asked for once at a time, in a task of its own: whoever wants it meanwhile waits for the same reply, and one that
//! takes longer than callers can be kept waiting (`prompt_limit`) is there for the next.

mod download;
mod shelf;
mod terms;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::{Form, Origin, Prompts};
use tokio::sync::{Semaphore, watch};

use self::download::{Answer, Reply};
use self::shelf::{Body, Kept, Shelf};
use self::terms::Terms;
use super::{PromptError, Studio, blocking, sound};
use crate::events::{monotonic, wall_clock};
use crate::http::{Http, HttpError};

/// How long a caller waits for a server that is asked whether the sound that is here is still the one.
const PATIENCE: Duration = Duration::from_secs(3);
/// A server that failed is not asked again for so long, if there is something to be heard in its place.
const RESPITE: Duration = Duration::from_secs(10);
/// Sounds that are fetched at a time. They come for the next who wants them, too, and so outlive the calls that asked.
const FLIGHTS: usize = 256;
/// Large ones of them.
const LARGE_AT_ONCE: usize = 8;

/// What is kept of sounds on the web.
#[derive(Clone, Debug)]
pub struct WebSounds {
    /// Where they are kept; what is there from before is removed. Default: `web-sounds`.
    pub directory: PathBuf,
    /// Bytes that are kept. Default: 512 MiB.
    pub kept: u64,
    /// The largest sound that is fetched, in bytes. Default: 128 MiB.
    pub largest: u64,
}

impl Default for WebSounds {
    fn default() -> WebSounds {
        WebSounds { directory: PathBuf::from("web-sounds"), kept: 512 << 20, largest: 128 << 20 }
    }
}

/// See the module.
pub(super) struct Web {
    http: Http,
    prompts: Arc<Prompts>,
    shelf: Shelf,
    largest: u64,
    large: Semaphore,
    /// URLs being asked for.
    flights: Mutex<HashMap<String, Flight>>,
}

type Outcome = Result<Body, Arc<PromptError>>;
type Flight = watch::Receiver<Option<Outcome>>;

impl Web {
    pub(super) fn new(config: WebSounds, http: Http, prompts: Arc<Prompts>) -> Web {
        let shelf = Shelf::new(config.directory, config.kept);
        let largest = config.largest.min(config.kept);
        let large = Semaphore::new(LARGE_AT_ONCE);
        Web { http, prompts, shelf, largest, large, flights: Mutex::default() }
    }

    /// A sound that nobody need be asked for, in a form that was made before.
    pub(super) fn at_hand(&self, url: &str, form: Form) -> Option<Arc<media::Prompt>> {
        let kept = self.shelf.get(url).filter(|kept| monotonic() < kept.fresh_until)?;
        self.prompts.get(&kept.body.key, form)
    }

    async fn body(self: &Arc<Self>, url: &str) -> Result<Body, PromptError> {
        let wanted = monotonic();
        let (flight, kept) = {
            let mut flights = crate::lock(&self.flights);
            // A flight keeps what it brought before it is over: who finds none finds that.
            let kept = self.shelf.get(url);
            if let Some(kept) = &kept
                && (wanted < kept.fresh_until || wanted <= kept.confirmed)
            {
                return Ok(kept.body.clone());
            }
            let flight = match flights.get(url) {
                Some(flight) => flight.clone(),
                None if flights.len() >= FLIGHTS => {
                    let crowded =
                        || PromptError::Http { url: url.to_owned(), source: HttpError::Crowded(FLIGHTS) };
                    let kept = kept.filter(|kept| kept.terms.may_stand_in());
                    return kept.map(|kept| kept.body).ok_or_else(crowded);
                }
                None => {
                    let (landing, flight) = watch::channel(None);
                    flights.insert(url.to_owned(), flight.clone());
                    tokio::spawn(self.clone().fly(url.to_owned(), kept.clone(), landing));
                    flight
                }
            };
            (flight, kept)
        };
        let landed = landed(flight);
        match kept.filter(|kept| kept.terms.may_stand_in()) {
            Some(kept) => tokio::time::timeout(PATIENCE, landed).await.unwrap_or(Ok(kept.body)),
            None => landed.await,
        }
    }

    async fn fly(self: Arc<Self>, url: String, kept: Option<Kept>, landing: watch::Sender<Option<Outcome>>) {
        // Also if this ends by a panic, or with the runtime.
        let seat = Seat { web: &self, url: &url };
        let outcome = match self.renewed(&url, kept.clone()).await {
            Ok(body) => Ok(body),
            Err(error) => match kept.filter(|kept| is_failing(&error) && kept.terms.may_stand_in()) {
                Some(kept) => {
                    tracing::warn!(%error, "a fetched sound is played as it was");
                    self.shelf.postpone(&url, monotonic() + RESPITE);
                    Ok(kept.body)
                }
                None => {
                    if !is_failing(&error) {
                        self.lose(&url).await;
                    }
                    Err(Arc::new(error))
                }
            },
        };
        drop(seat);
        // Those who wanted it may have gone.
        let _ = landing.send(Some(outcome));
    }

    /// Asks the server, and keeps what it says.
    async fn renewed(&self, url: &str, kept: Option<Kept>) -> Result<Body, PromptError> {
        let asked = monotonic();
        let Answer { reply, at, limit } = self.ask(url, kept.as_ref()).await?;
        let (body, terms) = match (reply, kept) {
            (Reply::Unchanged(headers), Some(kept)) => (kept.body, kept.terms.renewed(&headers)),
            (Reply::Unchanged(_), None) => {
                return Err(PromptError::Status { url: url.to_owned(), status: 304 });
            }
            (Reply::New(response), _) => {
                let terms = Terms::of(response.headers());
                (self.read(url, response, terms.may_be_kept()).await?, terms)
            }
        };
        if matches!(body.origin, Origin::Bytes(_)) || !terms.may_be_kept() {
            self.lose(url).await;
            return Ok(body);
        }
        let lifetime = terms.lifetime(wall_clock()).unwrap_or_default().min(limit);
        let (confirmed, fresh_until) = (monotonic(), asked + lifetime);
        let kept = Kept { body: body.clone(), at, terms, confirmed, fresh_until };
        self.discard(self.shelf.put(url, kept), &body.key).await;
        Ok(body)
    }

    /// What was kept of a URL is not used any more.
    async fn lose(&self, url: &str) {
        self.discard(Vec::from_iter(self.shelf.remove(url)), "").await;
    }

    /// Forgets all forms of what is not kept any more, unless they have this key. Removing its files may take a while.
    async fn discard(&self, gone: Vec<Kept>, but: &str) {
        if !gone.is_empty() {
            gone.iter()
                .filter(|gone| gone.body.key != but)
                .for_each(|gone| self.prompts.forget(&gone.body.key));
            // What went wrong there is in nobody's way.
            let _ = tokio::task::spawn_blocking(move || drop(gone)).await;
        }
    }

    /// Each server is asked before its sound is used again.
    pub(super) fn expire(&self) {
        self.shelf.expire(monotonic());
    }
}

/// Takes a flight away when it is over.
struct Seat<'a> {
    web: &'a Web,
    url: &'a str,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        crate::lock(&self.web.flights).remove(self.url);
    }
}

async fn landed(mut flight: Flight) -> Result<Body, PromptError> {
    match flight.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone()) {
        Some(outcome) => outcome.map_err(PromptError::Web),
        None => Err(PromptError::Decoder),
    }
}

/// Whether a server could not answer, in contrast to one that says there is no such sound.
fn is_failing(error: &PromptError) -> bool {
    match error {
        PromptError::Status { status, .. } => matches!(status, 408 | 429 | 500..),
        _ => true,
    }
}

impl Studio {
    /// A sound on the web, in a form.
    pub(super) async fn fetched(&self, url: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let body = self.web.body(url).await?;
        match self.encoded(body, url, form).await {
            // Its file was removed by somebody: it is fetched again.
            Err(PromptError::Io { .. }) => {
                self.web.lose(url).await;
                let body = self.web.body(url).await?;
                self.encoded(body, url, form).await
            }
            // Not a sound, whatever its server says of it: the next who wants it asks for another.
            Err(error @ PromptError::Read { .. }) => {
                self.web.shelf.postpone(url, monotonic());
                Err(error)
            }
            made => made,
        }
    }

    async fn encoded(&self, body: Body, url: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let Body { key, origin, .. } = body;
        let name = url.to_owned();
        let kept = matches!(origin, Origin::Fleeting(_));
        let make = move || {
            if let Origin::Fleeting(file) = &origin {
                let io = |source| PromptError::Io { name: name.clone(), source };
                std::fs::metadata(file.path()).map_err(io)?;
            }
            sound(origin, extension(&name), &name, form)
        };
        if !kept {
            // What may not be kept is not kept in any form.
            return blocking(move || Ok(Arc::new(media::Prompt::of(make()?, form)?))).await;
        }
        if let Some(prompt) = self.prompts.get(&key, form) {
            return Ok(prompt);
        }
        let (web, url) = (self.web.clone(), url.to_owned());
        blocking(move || {
            let made = web.prompts.get_or_load(&key, form, make);
            // One that was given up meanwhile is not to be held by its forms: its file would be in no bound.
            if !web.shelf.keeps(&url, &key) {
                web.prompts.forget(&key);
            }
            made
        })
        .await
    }
}

/// Whether a sound's name is to be fetched.
pub(super) fn is_url(name: &str) -> bool {
    let scheme = |scheme: &str| name.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    scheme("http://") || scheme("https://")
}

/// The extension of the URL's last path segment, as a hint to the decoder.
fn extension(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(extension)
}

#[cfg(test)]
mod tests;
