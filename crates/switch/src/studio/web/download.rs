//! A sound on its way from the web: asked for from one redirect to the next, then read to memory, or to disk what is larger.
//!
//! How long it may take is measured by its progress: a server that sends nothing for [`STALL`] has failed, and so has one that
//! is not done after [`WHOLE`], or sends less than [`SLOWEST`] of what is written to disk: there are few seats for that, and a
//! stream without end would have one of them for good.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Fleeting, Origin};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::shelf::{Body, Kept};
use super::{Terms, Web, extension};
use crate::events::{monotonic, wall_clock};
use crate::http::{self, HttpError, REDIRECTS};
use crate::studio::PromptError;

/// A server that sends nothing for so long has failed.
const STALL: Duration = Duration::from_secs(10);
/// The longest that all of a sound may take.
const WHOLE: Duration = Duration::from_secs(600);
/// Bytes a second that a sound comes with at least while it is written to disk; music has half of it as MP3.
const SLOWEST: u64 = 32_000;
/// What is larger goes to disk while it comes.
const IN_MEMORY: usize = 1 << 20;
/// The largest sound that may not be kept: it stays in memory.
const LARGEST_IN_MEMORY: u64 = 16 << 20;

/// What a server answered.
pub(super) enum Reply {
    /// The sound is the one that is known.
    Unchanged(HeaderMap),
    /// Another sound, or the first; it is still to be read.
    New(Response),
}

/// A reply, whose it is, and how long it may be used at most for the sake of the redirects that led to it.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) at: String,
    pub(super) limit: Duration,
}

/// A large sound that is written while it comes.
struct Writing<'a> {
    name: Arc<Fleeting>,
    file: File,
    _seat: SemaphorePermit<'a>,
    since: Instant,
    /// Bytes that had come by then.
    before: u64,
}

impl Writing<'_> {
    /// Whether it comes too slowly to keep others waiting for the seat.
    fn is_slow(&self, now: Instant, length: u64) -> bool {
        is_slow(now.saturating_duration_since(self.since), length.saturating_sub(self.before))
    }
}

/// Whether so many bytes took too long.
fn is_slow(took: Duration, bytes: u64) -> bool {
    took > STALL + Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST)
}

impl Web {
    /// Asks for a sound; where the one that is known came from, with that one's validators.
    pub(super) async fn ask(&self, url: &str, known: Option<&Kept>) -> Result<Answer, PromptError> {
        let failed = |source| PromptError::Http { url: url.to_owned(), source };
        let (mut at, mut limit) = (url.to_owned(), Duration::MAX);
        for _ in 0..=REDIRECTS {
            let mut request = self.http.request(Method::GET, &at).map_err(failed)?;
            let known = known.filter(|known| known.at == at);
            if let Some(known) = known {
                request = known.terms.asked_with(request);
            }
            let response = match timeout(STALL, request.send()).await {
                Ok(response) => response.map_err(|error| failed(http::describe(error, STALL)))?,
                Err(_) => return Err(failed(HttpError::Timeout(STALL))),
            };
            let status = response.status();
            let reply = match status {
                StatusCode::NOT_MODIFIED if known.is_some() => Reply::Unchanged(response.headers().clone()),
                _ if status.is_success() => Reply::New(response),
                _ => {
                    let Some(to) = http::target(&response) else {
                        return Err(PromptError::Status { url: url.to_owned(), status: status.as_u16() });
                    };
                    limit = limit.min(redirected(&response));
                    at = to.into();
                    continue;
                }
            };
            return Ok(Answer { reply, at, limit });
        }
        Err(failed(HttpError::Redirects))
    }

    /// Reads a sound. One that may not be kept stays in memory, and so does a small one that the disk does not take.
    pub(super) async fn read(&self, url: &str, response: Response, keep: bool) -> Result<Body, PromptError> {
        let reading = self.read_all(url, response, keep);
        let failed = || PromptError::Http { url: url.to_owned(), source: HttpError::Timeout(WHOLE) };
        timeout(WHOLE, reading).await.unwrap_or_else(|_| Err(failed()))
    }

    async fn read_all(&self, url: &str, mut response: Response, keep: bool) -> Result<Body, PromptError> {
        let failed = |source| PromptError::Http { url: url.to_owned(), source };
        let no_file = |source| PromptError::Io { name: url.to_owned(), source };
        let largest = if keep { self.largest } else { LARGEST_IN_MEMORY };
        let too_large = || failed(HttpError::TooLarge(largest as usize));
        if response.content_length().is_some_and(|length| length > largest) {
            return Err(too_large());
        }
        let (mut contents, mut length) = (Sha256::new(), 0);
        let mut memory = Vec::new();
        let mut disk: Option<Writing<'_>> = None;
        loop {
            let chunk = match timeout(STALL, response.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| failed(http::describe(error, STALL)))?,
                Err(_) => return Err(failed(HttpError::Timeout(STALL))),
            };
            let Some(chunk) = chunk else { break };
            length += chunk.len() as u64;
            if length > largest {
                return Err(too_large());
            }
            if disk.as_ref().is_some_and(|writing| writing.is_slow(monotonic(), length)) {
                return Err(failed(HttpError::Slow(SLOWEST)));
            }
            contents.update(&chunk);
            memory.extend_from_slice(&chunk);
            if keep && memory.len() > IN_MEMORY {
                let writing = match &mut disk {
                    Some(writing) => writing,
                    None => disk.insert(self.writing(length).await.map_err(no_file)?),
                };
                writing.file.write_all(&memory).await.map_err(no_file)?;
                memory.clear();
            }
        }
        let digest: String = contents.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        // What has not changed keeps its name, and so all forms that were made of it.
        let key = format!("web:{digest}.{}", extension(url).unwrap_or_default());
        let file = match disk {
            Some(Writing { name, mut file, .. }) => {
                let written = async {
                    file.write_all(&memory).await?;
                    file.flush().await
                };
                written.await.map_err(no_file)?;
                Some(name)
            }
            None if keep => self.written(&memory).await.unwrap_or_else(|error| {
                tracing::warn!(%error, url, "a fetched sound is not kept");
                None
            }),
            None => None,
        };
        let origin = match file {
            Some(file) => Origin::Fleeting(file),
            None => Origin::Bytes(memory.into()),
        };
        Ok(Body { key, bytes: length, origin })
    }

    /// A file for a sound of which so much has come.
    async fn writing(&self, before: u64) -> io::Result<Writing<'_>> {
        // A few of these at a time: what they take of the disk is in no bound.
        let seat = self.large.acquire().await.map_err(io::Error::other)?;
        let (name, file) = self.new_file().await?;
        Ok(Writing { name, file, _seat: seat, since: monotonic(), before })
    }

    async fn written(&self, bytes: &[u8]) -> io::Result<Option<Arc<Fleeting>>> {
        let (name, mut file) = self.new_file().await?;
        file.write_all(bytes).await?;
        file.flush().await?;
        Ok(Some(name))
    }

    async fn new_file(&self) -> io::Result<(Arc<Fleeting>, File)> {
        let name = self.shelf.file();
        if let Some(directory) = name.path().parent() {
            tokio::fs::create_dir_all(directory).await?;
        }
        let file = File::create(name.path()).await?;
        Ok((name, file))
    }
}

/// How long a redirect may be followed without asking again: one for good as long as its target is fresh, others no longer
/// than they say (RFC 9110 §15.4).
fn redirected(response: &Response) -> Duration {
    let otherwise = match response.status().as_u16() {
        301 | 308 => Duration::MAX,
        _ => Duration::ZERO,
    };
    Terms::of(response.headers()).lifetime(wall_clock()).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_that_comes_more_slowly_than_it_is_heard_gives_its_seat_back() {
        let seconds = Duration::from_secs;
        // A byte now and then; music as it is heard, as web radio sends it; a slow line.
        for (took, bytes, slow) in
            [(11, 2, true), (9, 0, false), (21, 21 * 16_000, true), (300, 300 * 40_000, false)]
        {
            assert_eq!(is_slow(seconds(took), bytes), slow, "{bytes} bytes in {took} s");
        }
    }
}
