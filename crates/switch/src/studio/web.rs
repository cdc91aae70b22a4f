//! Sounds on the web: asked for once, kept with what their server says of them, validated when that is over.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use media::Form;
use reqwest::header::{CACHE_CONTROL, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Method, StatusCode};

use super::{PromptError, REMEMBERED, Studio, decoded};
use crate::events::monotonic;
use crate::http;

/// Largest sound file fetched: an hour of G.711 WAV is 28 MB, a prompt is a few hundred KB.
const SOUND_LIMIT: usize = 16 << 20;
/// Time to fetch one.
const SOUND_TIME: Duration = Duration::from_secs(10);

/// What is known of the web.
#[derive(Default)]
pub(super) struct Memory {
    known: Mutex<HashMap<String, Known>>,
    /// URLs being asked for, with the time of the last attempt: who wants one meanwhile waits for that one.
    flights: Mutex<HashMap<String, Arc<Flight>>>,
}

type Flight = tokio::sync::Mutex<Option<Instant>>;

/// What is known of a sound on the web.
#[derive(Clone, Debug)]
struct Known {
    key: String,
    etag: Option<String>,
    modified: Option<String>,
    /// Until then the server need not be asked.
    fresh_until: Instant,
}

impl Studio {
    /// A sound on the web. One that was fetched before is asked for with its validators, and kept in use when its
    /// server fails.
    pub(super) async fn fetched(&self, url: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
        let wanted = monotonic();
        let cached = || {
            let known = crate::lock(&self.web.known).get(url).cloned()?;
            Some((self.prompts.get(&known.key, form)?, known))
        };
        if let Some((prompt, known)) = cached()
            && wanted < known.fresh_until
        {
            return Ok(prompt);
        }
        let flight = self.flight(url);
        let mut asked = flight.lock().await;
        let cached = cached();
        // Somebody else's question was answered, or failed, meanwhile.
        if let Some((prompt, _)) = &cached
            && asked.is_some_and(|asked| asked >= wanted)
        {
            return Ok(prompt.clone());
        }
        let fetched = self.fetch(url, form, cached).await;
        *asked = Some(monotonic());
        fetched
    }

    /// The place where those who want a URL wait for each other.
    fn flight(&self, url: &str) -> Arc<Flight> {
        let mut flights = crate::lock(&self.web.flights);
        if flights.len() >= REMEMBERED {
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        flights.entry(url.to_owned()).or_default().clone()
    }

    async fn fetch(
        &self,
        url: &str,
        form: Form,
        cached: Option<(Arc<media::Prompt>, Known)>,
    ) -> Result<Arc<media::Prompt>, PromptError> {
        let http = |source| PromptError::Http { url: url.to_owned(), source };
        let mut request = self.http.request(Method::GET, url).map_err(http)?.timeout(SOUND_TIME);
        if let Some((_, known)) = &cached {
            if let Some(etag) = &known.etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(modified) = &known.modified {
                request = request.header(IF_MODIFIED_SINCE, modified);
            }
        }
        let reply = async {
            let response = request.send().await.map_err(|error| http(http::describe(error, SOUND_TIME)))?;
            match response.status() {
                StatusCode::NOT_MODIFIED => Ok(None),
                status if status.is_success() => Ok(Some(response)),
                status => Err(PromptError::Status { url: url.to_owned(), status: status.as_u16() }),
            }
        };
        let response = match (reply.await, cached) {
            (Ok(Some(response)), _) => response,
            (Ok(None), Some((prompt, _))) => return Ok(prompt),
            (Ok(None), None) => return Err(PromptError::Status { url: url.to_owned(), status: 304 }),
            (Err(error), Some((prompt, _))) => {
                tracing::warn!(%error, "a fetched sound is played from the cache");
                return Ok(prompt);
            }
            (Err(error), None) => return Err(error),
        };
        let mut known = Known {
            key: String::new(),
            etag: http::header(&response, ETAG),
            modified: http::header(&response, LAST_MODIFIED),
            fresh_until: monotonic() + max_age(http::header(&response, CACHE_CONTROL).as_deref()),
        };
        let bytes = http::read(response, SOUND_LIMIT, SOUND_TIME).await.map_err(http)?;
        // What has not changed keeps its name, and so all forms that were made of it.
        let mut contents = DefaultHasher::new();
        bytes.hash(&mut contents);
        known.key = format!("{url}#{:016x}", contents.finish());
        let name = url.to_owned();
        let prompt = self
            .load(known.key.clone(), form, move || {
                decoded(bytes, extension(&name))
                    .map_err(|source| PromptError::Read { name: name.clone(), source })
            })
            .await?;
        let mut all = crate::lock(&self.web.known);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(url.to_owned(), known);
        Ok(prompt)
    }
}

/// Whether a sound's name is to be fetched.
pub(super) fn is_url(name: &str) -> bool {
    let scheme = |scheme: &str| name.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    scheme("http://") || scheme("https://")
}

/// How long a reply may be used without asking again (RFC 9111 §5.2.2.1), at most a day.
fn max_age(cache_control: Option<&str>) -> Duration {
    let directives = cache_control.unwrap_or_default().to_ascii_lowercase();
    let mut directives = directives.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-cache" | "no-store")) {
        return Duration::ZERO;
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse::<u64>().ok());
    Duration::from_secs(seconds.unwrap_or(0).min(86_400))
}

/// The extension of the URL's last path segment, as a hint to the decoder.
fn extension(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_how_long_its_sound_stays_fresh() {
        assert_eq!(max_age(Some("public, Max-Age=60")), Duration::from_secs(60));
        assert_eq!(max_age(Some("max-age=60, no-cache")), Duration::ZERO);
        assert_eq!(max_age(Some("max-age=99999999")), Duration::from_secs(86_400));
        assert_eq!(max_age(None), Duration::ZERO);
    }

    #[test]
    fn the_extension_of_a_url_is_that_of_its_path() {
        assert_eq!(extension("http://x.y/a/b.mp3?c=d.e"), Some("mp3"));
        assert_eq!(extension("http://x.y/a/b"), None);
        assert!(is_url("HTTPS://x") && !is_url("httpx/menu"));
    }
}
