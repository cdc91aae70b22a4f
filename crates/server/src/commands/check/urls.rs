//! Trying the URLs of flows: who answers, whatever it answers, is there.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::lower::{Code, Diagnostic};
use reqwest::{Client, Method, StatusCode};
use tokio::task::JoinSet;

use super::Checked;
use crate::commands::Unreadable;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// URLs that are tried at once.
const AT_ONCE: usize = 8;

/// Tells of URLs that do not answer; each is tried once, however often it is written.
pub(super) fn check(checked: &mut [Checked]) -> Result<(), Unreadable> {
    let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (_, url) in checked.iter().flat_map(|file| &file.report.urls) {
        all.insert(url.clone(), None);
    }
    // The provider is chosen once a process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |error: &dyn std::fmt::Display| Unreadable(format!("the URLs cannot be tried: {error}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let client = Client::builder().timeout(PATIENCE).build().map_err(|error| failed(&error))?;
    runtime.block_on(try_all(&client, &mut all));
    for file in checked {
        for (pointer, url) in file.report.urls.clone() {
            if let Some(Some(why)) = all.get(&url) {
                let message = format!("`{}` does not answer: {why}", without_query(&url));
                file.report.add(Diagnostic::new(Code::UnreachableUrl, &pointer, message));
            }
        }
    }
    Ok(())
}

async fn try_all(client: &Client, all: &mut BTreeMap<String, Option<String>>) {
    let urls: Vec<String> = all.keys().cloned().collect();
    for some in urls.chunks(AT_ONCE) {
        let mut tries = JoinSet::new();
        for url in some {
            let (client, url) = (client.clone(), url.clone());
            tries.spawn(async move {
                let why = try_one(&client, &url).await;
                (url, why)
            });
        }
        while let Some(tried) = tries.join_next().await {
            if let Ok((url, why)) = tried {
                all.insert(url, why);
            }
        }
    }
}

/// Why a URL does not answer; `None` if it does. A server that refuses the question, because it takes POST only or
/// wants to know who asks, is there.
async fn try_one(client: &Client, url: &str) -> Option<String> {
    let head = client.request(Method::HEAD, url).send().await;
    // Many servers know GET only.
    let reply = match head {
        Ok(reply) if !is_missing(reply.status()) => return None,
        Err(error) if error.is_connect() || error.is_builder() => return Some(reason(&error)),
        _ => client.get(url).send().await,
    };
    match reply {
        Ok(reply) if is_missing(reply.status()) => Some(format!("it answers {}", reply.status())),
        Ok(_) => None,
        Err(error) => Some(reason(&error)),
    }
}

fn is_missing(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::NOT_FOUND, StatusCode::GONE].contains(&status)
}

/// The innermost reason; the outer ones only say that the request failed.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("nothing came within {} s", PATIENCE.as_secs());
    }
    let outer: &dyn std::error::Error = error;
    let inner = std::iter::successors(Some(outer), |error| error.source()).last();
    inner.map_or_else(|| error.to_string(), ToString::to_string)
}

/// The URL without its query, which may hold secrets.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
