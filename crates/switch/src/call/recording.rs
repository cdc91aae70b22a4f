//! Recordings: their names, their files, and their way to a customer's server after the call's own part is done.
//!
//! The media engine writes the file; it is whole before anything here touches it. An upload outlives its call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow::ir::{FileFormat, Sides};
use flow::trace::What;
use reqwest::Method;

use super::CallId;
use super::run::pause;
use crate::book::Record;
use crate::events::monotonic;
use crate::http::{HttpError, describe};
use crate::shared::Shared;

/// Tries of an upload, and what is waited before each: a server that restarts is back within a minute.
const TRIES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(45)];
/// For one try: an hour of G.711 WAV is 58 MB.
const UPLOAD: Duration = Duration::from_secs(120);
/// What of a customer's name goes into a file's.
const NAME: usize = 64;

/// What a flow wants recorded.
pub(super) struct Order {
    pub(super) name: String,
    pub(super) limit: Option<Duration>,
    pub(super) silence: Option<Duration>,
    pub(super) format: FileFormat,
    pub(super) sides: Sides,
    pub(super) keys: String,
    pub(super) upload: Option<(String, String)>,
}

impl Order {
    /// The same for the media engine.
    pub(super) fn recording(&self, path: PathBuf) -> media::Recording {
        media::Recording {
            format: match self.format {
                FileFormat::Wav => media::Format::Wav,
                FileFormat::Mp3 => media::Format::Mp3 { kbps: None },
                FileFormat::Ogg => media::Format::Opus { bitrate: None },
            },
            sides: match self.sides {
                Sides::Caller => media::Sides::Heard,
                Sides::Both => media::Sides::Mixed,
            },
            limit: self.limit,
            silence: self.silence,
            keys: media::Keys::of(&self.keys),
            ..media::Recording::new(path)
        }
    }
}

/// A recording's id: the customer's name as far as it can be a file's, the call's id and a number, so that no recording
/// overwrites another.
pub(super) fn id(name: &str, call: CallId, number: u32) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .take(NAME)
        .collect();
    if clean.is_empty() { format!("{call}-{number}") } else { format!("{clean}-{call}-{number}") }
}

/// The file of a recording, in the recordings' directory.
pub(crate) fn file(id: &str, format: FileFormat) -> PathBuf {
    PathBuf::from(format!("{id}.{}", format.name()))
}

/// The media type of a recording's file, by its extension.
pub(crate) fn media_type(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Wav => "audio/wav",
        FileFormat::Mp3 => "audio/mpeg",
        // RFC 7845 §9.
        FileFormat::Ogg => "audio/ogg; codecs=opus",
    }
}

/// The format of the file of this name.
pub(crate) fn format(file: &Path) -> Option<FileFormat> {
    FileFormat::from_name(file.extension()?.to_str()?)
}

/// Notes a complete recording and sends it on its way, if it has one.
pub(super) fn finished(
    shared: &Arc<Shared>,
    record: &Arc<Record>,
    id: &str,
    file: &Path,
    upload: Option<(String, String)>,
) {
    metrics::counter!("offhook_recordings_total").increment(1);
    tracing::info!(recording = id, "recorded");
    record.write(|about| about.recordings.push(id.to_owned()));
    let Some((method, url)) = upload else { return };
    let file = shared.recordings_dir.join(file);
    let (owner, record) = (shared.clone(), record.clone());
    shared.tasks.spawn(async move {
        for wait in TRIES {
            pause(wait).await;
            let began = monotonic();
            let sent = send(&owner, &method, &url, &file).await;
            let now = monotonic();
            let latency_ms = now.saturating_duration_since(began).as_millis() as u64;
            let (status, note) = match &sent {
                Ok(status) => (*status, "upload of a recording".to_owned()),
                Err(error) => (0, format!("upload of a recording: {error}")),
            };
            let (method, url) = (method.clone(), url.clone());
            record.timeline.add(now, What::Http { method, url, status, latency_ms, note });
            match sent {
                Ok(200..=299) => return,
                // The server has decided; asking again does not change its mind.
                Ok(400..=499) | Err(UploadError::File(_)) => break,
                Ok(_) | Err(UploadError::Http(_)) => {}
            }
        }
        tracing::warn!(url, file = %file.display(), "a recording was not taken by its server; it is kept here");
        metrics::counter!("offhook_uploads_failed_total").increment(1);
    });
}

#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error("{0}")]
    Http(#[from] HttpError),
    #[error("{0}")]
    File(#[from] std::io::Error),
}

async fn send(shared: &Shared, method: &str, url: &str, file: &Path) -> Result<u16, UploadError> {
    let kind = format(file).map_or("application/octet-stream", media_type);
    let method = if method.eq_ignore_ascii_case("post") { Method::POST } else { Method::PUT };
    let file = tokio::fs::File::open(file).await?;
    let length = file.metadata().await?.len();
    let response = shared
        .http
        .request(method, url)?
        .timeout(UPLOAD)
        .header(reqwest::header::CONTENT_TYPE, kind)
        .header(reqwest::header::CONTENT_LENGTH, length)
        .body(file)
        .send()
        .await
        .map_err(|error| describe(error, UPLOAD))?;
    Ok(response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_name_cannot_leave_the_directory() {
        let call: CallId = "00ff10".parse().unwrap();
        assert_eq!(id("", call, 2), "call-00ff10-2");
        assert_eq!(id("../../etc/passwd", call, 1), "______etc_passwd-call-00ff10-1");
        assert_eq!(id("greeting", call, 1), "greeting-call-00ff10-1");
    }
}
