//! A recording on its way to a customer's web server: one try, with its redirects, and what its answer means.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Method, Url};
use tokio::fs::File;

use super::order::Order;
use crate::call::recording::{format, media_type};
use crate::http::{Http, HttpError, describe, header};

/// For one try: an hour of G.711 WAV is 58 MB.
const LIMIT: Duration = Duration::from_secs(120);
/// Redirects followed, each with the same method and file.
const REDIRECTS: usize = 5;

/// What came of a try.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Try {
    /// It is there.
    Sent(String),
    /// It may work later, not before this time has passed.
    Later(String, Option<Duration>),
    /// It never will.
    Never(String),
}

/// What a try came to, with the status for the call's timeline; 0 for no answer.
pub(super) async fn send(http: &Http, order: &Order, (method, url): (&str, &str), file: &Path) -> (u16, Try) {
    let method = if method.eq_ignore_ascii_case("post") { Method::POST } else { Method::PUT };
    let kind = format(file).map_or("application/octet-stream", media_type);
    let mut url = url.to_owned();
    for _ in 0..=REDIRECTS {
        let (file, length) = match open(file).await {
            Ok(file) => file,
            Err(error) => return (0, missing(&error)),
        };
        let request = match http.request(method.clone(), &url) {
            Ok(request) => request,
            Err(error) => return (0, refused(error)),
        };
        let call = order.calls.first().map(String::as_str).unwrap_or_default();
        let sent = request
            .timeout(LIMIT)
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, length)
            .header("x-offhook-recording", &order.id)
            .header("x-offhook-call", call)
            .body(file)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return (0, refused(describe(error, LIMIT))),
        };
        let status = response.status().as_u16();
        if let (301 | 302 | 307 | 308, Some(to)) = (status, header(&response, LOCATION)) {
            match Url::parse(&url).and_then(|base| base.join(&to)) {
                Ok(to) => url = to.into(),
                Err(_) => return (status, Try::Never(format!("redirected to {to:?}, which is no address"))),
            }
            continue;
        }
        let after =
            header(&response, RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        return (status, judge(status, after, &url));
    }
    (0, Try::Never(format!("more than {REDIRECTS} redirects")))
}

pub(super) async fn open(file: &Path) -> std::io::Result<(File, u64)> {
    let file = File::open(file).await?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}

/// What it means that the file cannot be read.
pub(super) fn missing(error: &std::io::Error) -> Try {
    match error.kind() {
        ErrorKind::NotFound => Try::Never("its file is gone".to_owned()),
        _ => Try::Later(format!("its file cannot be read: {error}"), None),
    }
}

fn refused(error: HttpError) -> Try {
    match error {
        HttpError::Url(_) | HttpError::Refused(_) | HttpError::Method(_) => Try::Never(error.to_string()),
        error => Try::Later(error.to_string(), None),
    }
}

/// A server that decided does not change its mind; one that has trouble, or too much to do, is asked again.
fn judge(status: u16, after: Option<Duration>, url: &str) -> Try {
    let words = format!("the server answered {status}");
    match status {
        // See Other: what came of it is elsewhere (RFC 9110 §15.4.4).
        200..=299 | 303 => Try::Sent(url.split(['?', '#']).next().unwrap_or_default().to_owned()),
        408 | 423 | 425 | 429 => Try::Later(words, after),
        300..=499 => Try::Never(words),
        _ => Try::Later(words, after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_decided_is_not_asked_again() {
        let url = "http://a.example/x.wav?key=s3cret";
        assert_eq!(judge(201, None, url), Try::Sent("http://a.example/x.wav".into()));
        assert!(matches!(judge(303, None, url), Try::Sent(_)));
        for status in [304, 400, 401, 403, 404, 409, 410, 413] {
            assert!(matches!(judge(status, None, url), Try::Never(_)), "{status}");
        }
        let after = Some(Duration::from_secs(7));
        for status in [408, 425, 429, 500, 502, 503, 507] {
            assert_eq!(judge(status, after, url), Try::Later(format!("the server answered {status}"), after));
        }
    }
}
