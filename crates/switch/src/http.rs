//! HTTP requests that flows make, with every limit they need.
//!
//! One client for all flows, so connections are reused. A request has a time limit for the whole exchange, a reply has a
//! size limit, redirects are followed five times, and addresses that are not open to flows (`guard`) are not talked to,
//! whether the URL names them, a name resolves to them (`resolve`) or a redirect leads there.
//! Each request is a task of its own: a slow server keeps nobody waiting but the flow that asked it.

mod guard;
mod last_good;
mod resolve;
mod sign;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use bytes::Bytes;
use flow::engine::{HttpFailure, HttpReply, HttpRequest};
use reqwest::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::{Client, ClientBuilder, Method, Response, Url, redirect};
use store::Network;

use self::guard::{Guard, Refused};
use self::last_good::LastGood;
use self::resolve::{GuardedDns, Lookup};
use crate::error::StartError;
use crate::events::{monotonic, wall_clock};
use crate::sip_io::Failures;

/// Redirects followed; browsers allow 20, APIs need one or two.
pub(crate) const REDIRECTS: usize = 5;
/// Largest reply read into memory. A flow document of the field's largest customers has 200 KiB.
const REPLY_LIMIT: usize = 1 << 20;
/// Time to make a connection; the caller hears silence meanwhile.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest any request may take, whatever the flow says.
const LONGEST: Duration = Duration::from_secs(120);

/// How the switch talks to HTTP servers.
#[derive(Clone)]
pub struct HttpConfig {
    /// Networks that flows may reach besides public addresses. Default: none.
    pub allowed: Vec<Network>,
    /// Networks that flows may not reach, whatever `allowed` says. Default: link-local addresses.
    pub denied: Vec<Network>,
    /// Servers that flows may reach at exactly this address and port. Default: none.
    pub servers: Vec<SocketAddr>,
    /// The key that flows' requests are signed with. Default: none, and they are not signed.
    pub signing_key: Option<String>,
    /// How old a document may be that stands in for one that a server fails to give. Default: zero, and none does.
    pub last_good: Duration,
    /// The User-Agent header.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            allowed: Vec::new(),
            denied: Network::link_local(),
            servers: Vec::new(),
            signing_key: None,
            last_good: Duration::ZERO,
            user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl std::fmt::Debug for HttpConfig {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig")
            .field("allowed", &self.allowed)
            .field("denied", &self.denied)
            .field("servers", &self.servers)
            .field("signed", &self.signing_key.is_some())
            .field("last_good", &self.last_good)
            .finish_non_exhaustive()
    }
}

/// The clients, and what they may do.
#[derive(Clone)]
pub(crate) struct Http {
    /// For flows' requests, sounds and recordings; redirects are followed here, hop by hop.
    flows: Client,
    /// For servers that the operator has named.
    operator: Client,
    guard: Arc<Guard>,
    signing_key: Option<Arc<str>>,
    last_good: Arc<LastGood>,
    /// Addresses that flows wanted and may not have, for the log.
    told: Arc<Mutex<Failures>>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0} is not an HTTP URL")]
    Url(String),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0} is not a method")]
    Method(String),
    #[error("no reply within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("the reply is larger than {0} bytes")]
    TooLarge(usize),
    #[error("{0} others are being fetched")]
    Crowded(usize),
    #[error("it comes with less than {0} bytes a second")]
    Slow(u64),
    #[error("more than {REDIRECTS} redirects")]
    Redirects,
    #[error("{0}")]
    Broken(String),
}

/// A request on its way, from one redirect to the next.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Http {
    pub(crate) fn new(config: &HttpConfig) -> Result<Http, StartError> {
        Http::with_lookup(config, None)
    }

    fn with_lookup(config: &HttpConfig, lookup: Option<Lookup>) -> Result<Http, StartError> {
        install_crypto();
        let guard = Arc::new(Guard {
            allowed: config.allowed.clone(),
            denied: config.denied.clone(),
            servers: config.servers.clone(),
        });
        let dns = || GuardedDns::new(guard.clone(), lookup.clone());
        let flows = client(|| builder(config).dns_resolver(dns()).redirect(redirect::Policy::none()))?;
        let operator = client(|| builder(config))?;
        Ok(Http {
            flows,
            operator,
            guard,
            signing_key: config.signing_key.as_deref().filter(|key| !key.is_empty()).map(Arc::from),
            last_good: Arc::new(LastGood::new(config.last_good)),
            told: Arc::default(),
        })
    }

    /// The client for servers that the operator has named, which may be anywhere.
    pub(crate) fn client(&self) -> Client {
        self.operator.clone()
    }

    /// One request of a flow, with its retries. A status that is not a success is a reply, not an error.
    pub(crate) async fn exchange(&self, request: &HttpRequest) -> Result<HttpReply, HttpFailure> {
        let mut tries = 0;
        let result = loop {
            match self.once(request).await {
                // Only what never reached the server may be sent again.
                Err(HttpError::Connect(_)) if tries < request.retries => tries += 1,
                result => break result,
            }
        };
        let why = match result {
            Ok(reply) if reply.status < 500 => return Ok(reply),
            Ok(reply) => Ok(reply),
            Err(error) => {
                if let HttpError::Refused(refused) = &error {
                    self.tell(&request.url, *refused);
                    return Err(HttpFailure { why: error.to_string(), timeout: false });
                }
                let timeout = matches!(error, HttpError::Timeout(_));
                Err(HttpFailure { why: error.to_string(), timeout })
            }
        };
        self.instead(request, why)
    }

    /// The last good answer in the place of a failed one, if there is one.
    fn instead(
        &self,
        request: &HttpRequest,
        failed: Result<HttpReply, HttpFailure>,
    ) -> Result<HttpReply, HttpFailure> {
        let key = request.last_good.as_deref();
        let Some((age, last)) = key.and_then(|key| self.last_good.find(monotonic(), key)) else {
            return failed;
        };
        let what = match failed {
            Ok(reply) => format!("the server answered {}", reply.status),
            Err(failure) => failure.why,
        };
        let note = format!("{what}; instead its last good answer, {} s old", age.as_secs());
        metrics::counter!("offhook_http_last_good_total").increment(1);
        Ok(HttpReply { note, ..last })
    }

    async fn once(&self, request: &HttpRequest) -> Result<HttpReply, HttpError> {
        let limit = request.timeout.min(LONGEST);
        let exchange = self.follow(request, limit);
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(HttpError::Timeout(limit)))
    }

    async fn follow(&self, request: &HttpRequest, limit: Duration) -> Result<HttpReply, HttpError> {
        let mut hop = Hop {
            method: Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
                .map_err(|_| HttpError::Method(request.method.clone()))?,
            url: self.checked(&request.url)?,
            headers: headers(&request.headers)?,
            body: Bytes::from(request.body.clone()),
        };
        for _ in 0..=REDIRECTS {
            let response = self.send(&hop).await.map_err(|error| describe(error, limit))?;
            if let Some(to) = target(&response) {
                judged(&self.guard, &to)?;
                hop.redirect(response.status().as_u16(), to);
                continue;
            }
            let status = response.status().as_u16();
            let content_type = header(&response, CONTENT_TYPE).unwrap_or_default();
            let cache_control = header(&response, CACHE_CONTROL).unwrap_or_default();
            let body = read(response, REPLY_LIMIT, limit).await?;
            let reply = HttpReply { status, content_type, body, note: String::new() };
            if let Some(key) = &request.last_good {
                self.last_good.keep(monotonic(), key, &reply, &cache_control);
            }
            return Ok(reply);
        }
        Err(HttpError::Redirects)
    }

    /// Sends a request as it stands, signed if there is a key. Its addresses were judged before.
    async fn send(&self, hop: &Hop) -> Result<Response, reqwest::Error> {
        let mut headers = hop.headers.clone();
        if let Some(key) = &self.signing_key {
            let mut url = hop.url.clone();
            url.set_fragment(None);
            let time = wall_clock().as_second();
            let text = sign::signature(key, time, hop.method.as_str(), url.as_str(), &hop.body);
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(sign::HEADER), value);
            }
        }
        let mut request = self.flows.request(hop.method.clone(), hop.url.clone()).headers(headers);
        if !hop.body.is_empty() {
            request = request.body(hop.body.clone());
        }
        request.send().await
    }

    /// A request builder for what is not a flow's own request (sounds, recordings), its URL checked; whoever sends it follows
    /// redirects itself.
    pub(crate) fn request(&self, method: Method, url: &str) -> Result<reqwest::RequestBuilder, HttpError> {
        let checked = self.checked(url);
        if let Err(HttpError::Refused(refused)) = &checked {
            self.tell(url, *refused);
        }
        Ok(self.flows.request(method, checked?))
    }

    fn checked(&self, url: &str) -> Result<Url, HttpError> {
        let parsed = Url::parse(url).map_err(|_| HttpError::Url(url.to_owned()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(HttpError::Url(url.to_owned()));
        }
        judged(&self.guard, &parsed)?;
        Ok(parsed)
    }

    /// Tells the operator of an address that is closed, once a minute.
    fn tell(&self, url: &str, refused: Refused) {
        metrics::counter!("offhook_http_refused_total").increment(1);
        if let Some(times) = crate::lock(&self.told).note(monotonic(), refused.address()) {
            let url = url.split(['?', '#']).next().unwrap_or_default();
            tracing::warn!(url, times, "a flow's request is not sent: {refused}");
        }
    }
}

impl Hop {
    /// RFC 9110 §15.4: another method where browsers change it, and no secrets for another server.
    fn redirect(&mut self, status: u16, to: Url) {
        let changes = match status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if changes {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_ENCODING);
        }
        if self.url.origin() != to.origin() {
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                self.headers.remove(secret);
            }
        }
        self.url = to;
    }
}

/// Where a reply sends us, if it does.
pub(crate) fn target(response: &Response) -> Option<Url> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = header(response, LOCATION).filter(|_| redirects)?;
    response.url().join(&location).ok().filter(|to| matches!(to.scheme(), "http" | "https"))
}

fn headers(named: &[(String, String)]) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
            return Err(HttpError::Broken(format!("{name}: {value:?} is not a header")));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// A client, also on a machine without certificate authorities (a bare container), where it still talks plain HTTP.
fn client(builder: impl Fn() -> ClientBuilder) -> Result<Client, StartError> {
    let client = builder().build().or_else(|error| {
        tracing::warn!(%error, "no certificate authorities: https fails until ca-certificates is installed");
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder().tls_backend_preconfigured(tls).build()
    });
    client.map_err(StartError::Http)
}

fn builder(config: &HttpConfig) -> ClientBuilder {
    Client::builder()
        // A proxy of the environment would be asked instead of callbacks on this machine, and reach closed networks.
        .no_proxy()
        .user_agent(config.user_agent.clone())
        .connect_timeout(CONNECT)
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
    if let Some(refused) = inner.downcast_ref::<Refused>() {
        HttpError::Refused(*refused)
    } else if error.is_timeout() && !error.is_connect() {
        HttpError::Timeout(limit)
    } else if error.is_connect() {
        HttpError::Connect(why)
    } else {
        HttpError::Broken(why)
    }
}

/// Judges an address that stands in a URL; names are judged when they are looked up.
fn judged(guard: &Guard, url: &Url) -> Result<(), Refused> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => guard.judge(address, url.port_or_known_default()),
        Err(_) => Ok(()),
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
