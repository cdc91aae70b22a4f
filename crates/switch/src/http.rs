//! HTTP requests that flows make, with every limit they need.
//!
//! One client for the whole switch, so connections are reused. A request has a time limit for the whole exchange, a
//! reply has a size limit, redirects are followed five times, and addresses in the denied networks are not talked to,
//! whether the URL names them, a name resolves to them or a redirect leads there.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Once};
use std::time::Duration;

use flow::engine::{HttpFailure, HttpReply, HttpRequest};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Response, Url, redirect};
use store::Network;

use crate::error::StartError;

/// Redirects followed; browsers allow 20, APIs need one or two.
const REDIRECTS: usize = 5;
/// Largest reply read into memory. A flow document of the field's largest customers has 200 KiB.
const REPLY_LIMIT: usize = 1 << 20;
/// Time to make a connection; the caller hears silence meanwhile.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest any request may take, whatever the flow says.
const LONGEST: Duration = Duration::from_secs(120);

/// How the switch talks to HTTP servers.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Networks that flows may not reach.
    pub denied: Vec<Network>,
    /// The User-Agent header.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            denied: Network::link_local(),
            user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The shared client.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    denied: Arc<[Network]>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0} is not an HTTP URL")]
    Url(String),
    #[error("{0} is in a network that flows may not reach")]
    Denied(String),
    #[error("{0} is not a method")]
    Method(String),
    #[error("no reply within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("the reply is larger than {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    Broken(String),
}

impl Http {
    pub(crate) fn new(config: &HttpConfig) -> Result<Http, StartError> {
        install_crypto();
        let denied: Arc<[Network]> = config.denied.clone().into();
        let client = builder(config, &denied).build().or_else(|error| {
            // A machine without certificate authorities (a bare container) still talks plain HTTP.
            tracing::warn!(%error, "no certificate authorities: https fails until ca-certificates is installed");
            let tls = rustls::ClientConfig::builder()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder(config, &denied).tls_backend_preconfigured(tls).build()
        });
        let client = client.map_err(StartError::Http)?;
        Ok(Http { client, denied })
    }

    /// The client itself, for servers that the operator has named.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// One request of a flow, with its retries. A status that is not a success is a reply, not an error.
    pub(crate) async fn exchange(&self, request: &HttpRequest) -> Result<HttpReply, HttpFailure> {
        let mut tries = 0;
        loop {
            match self.once(request).await {
                Ok(reply) => return Ok(reply),
                // Only what never reached the server may be sent again.
                Err(HttpError::Connect(_)) if tries < request.retries => tries += 1,
                Err(error) => {
                    let timeout = matches!(error, HttpError::Timeout(_));
                    return Err(HttpFailure { why: error.to_string(), timeout });
                }
            }
        }
    }

    async fn once(&self, request: &HttpRequest) -> Result<HttpReply, HttpError> {
        let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| HttpError::Method(request.method.clone()))?;
        let limit = request.timeout.min(LONGEST);
        let mut builder = self.client.request(method, self.checked(&request.url)?).timeout(limit);
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
                return Err(HttpError::Broken(format!("{name}: {value:?} is not a header")));
            };
            builder = builder.header(name, value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        let response = builder.send().await.map_err(|error| describe(error, limit))?;
        let status = response.status().as_u16();
        let content_type = header(&response, CONTENT_TYPE).unwrap_or_default();
        let body = read(response, REPLY_LIMIT, limit).await?;
        Ok(HttpReply { status, content_type, body })
    }

    /// A request builder for what is not a flow's own request (sounds, uploads), its URL checked.
    pub(crate) fn request(&self, method: Method, url: &str) -> Result<reqwest::RequestBuilder, HttpError> {
        Ok(self.client.request(method, self.checked(url)?))
    }

    fn checked(&self, url: &str) -> Result<Url, HttpError> {
        let parsed = Url::parse(url).map_err(|_| HttpError::Url(url.to_owned()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(HttpError::Url(url.to_owned()));
        }
        match refused(&parsed, &self.denied) {
            Some(why) => Err(why),
            None => Ok(parsed),
        }
    }
}

fn builder(config: &HttpConfig, denied: &Arc<[Network]>) -> ClientBuilder {
    let watched = denied.clone();
    let policy = redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            attempt.error(format!("more than {REDIRECTS} redirects"))
        } else if let Some(why) = refused(attempt.url(), &watched) {
            attempt.error(why.to_string())
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        // A proxy of the environment would be asked instead of callbacks on this machine, and reach denied networks.
        .no_proxy()
        .user_agent(config.user_agent.clone())
        .connect_timeout(CONNECT)
        .redirect(policy)
        .dns_resolver(GuardedDns { denied: denied.clone() })
        .pool_max_idle_per_host(32)
}

/// Reads a reply's body up to `limit` bytes.
pub(crate) async fn read(mut response: Response, limit: usize, time: Duration) -> Result<Vec<u8>, HttpError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(HttpError::TooLarge(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| describe(error, time))? {
        if body.len() + chunk.len() > limit {
            return Err(HttpError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A reply's header as text.
pub(crate) fn header(response: &Response, name: HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// An error of the client in our words, its innermost cause included, without the URL (the trace has it).
pub(crate) fn describe(error: reqwest::Error, limit: Duration) -> HttpError {
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let why = inner.to_string();
    if let Some(Denied(address)) = inner.downcast_ref() {
        HttpError::Denied(address.to_string())
    } else if error.is_timeout() && !error.is_connect() {
        HttpError::Timeout(limit)
    } else if error.is_connect() {
        HttpError::Connect(why)
    } else {
        HttpError::Broken(why)
    }
}

/// Names are checked when they resolve; an address in the URL is checked here.
fn refused(url: &Url, denied: &[Network]) -> Option<HttpError> {
    let host = url.host_str()?;
    let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    denied.iter().any(|network| network.contains(address)).then(|| HttpError::Denied(address.to_string()))
}

/// The system's resolver, without the denied addresses.
struct GuardedDns {
    denied: Arc<[Network]>,
}

/// A name that resolves only to denied addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0} is in a network that flows may not reach")]
struct Denied(IpAddr);

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let denied = self.denied.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (refused, allowed): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|found| denied.iter().any(|network| network.contains(found.ip())));
            match (allowed.is_empty(), refused.first()) {
                (true, Some(first)) => Err(Denied(first.ip()).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// rustls asks for one crypto provider a process; the first to install it wins.
pub(crate) fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the embedding program installed one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(5),
            retries: 0,
            wait: true,
        }
    }

    #[tokio::test]
    async fn a_denied_network_is_reached_neither_by_address_nor_by_name() {
        let config = HttpConfig {
            denied: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            ..HttpConfig::default()
        };
        let http = Http::new(&config).unwrap();
        for url in [
            "http://127.0.0.1:9/",
            "http://localhost:9/",
            "http://[::ffff:127.0.0.1]:9/",
            "http://2130706433:9/",
        ] {
            let failure = http.exchange(&get(url)).await.unwrap_err();
            assert!(failure.why.contains("may not reach"), "{url}: {}", failure.why);
        }
        assert!(http.exchange(&get("ftp://example.com/")).await.unwrap_err().why.contains("not an HTTP URL"));
    }
}
