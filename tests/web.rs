//! A real HTTP server for callbacks: answers as a test wants, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;

use crate::wait;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// `Content-Type`, or nothing.
    pub content_type: String,
    /// `If-None-Match`, or nothing.
    pub if_none_match: String,
    /// Body.
    pub body: String,
}

/// What to answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// More headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Body.
    pub body: Bytes,
    /// How long to think first.
    pub delay: Duration,
}

impl Answer {
    /// 200 with a WAV file.
    pub fn wav(bytes: Vec<u8>) -> Answer {
        Answer { content_type: "audio/wav", body: Bytes::from(bytes), ..Answer::json("") }
    }

    /// 200 with JSON.
    pub fn json(body: impl ToString) -> Answer {
        Answer {
            status: 200,
            content_type: "application/json",
            headers: Vec::new(),
            body: Bytes::from(body.to_string()),
            delay: Duration::ZERO,
        }
    }
}

type Script = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// A running web server.
pub struct Web {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// Starts a server on a free loopback port that answers with `script`.
    pub fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Web {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let state = (Arc::new(script) as Script, Arc::clone(&asked));
        let (ready, address) = mpsc::channel();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                ready.send(listener.local_addr().expect("bound")).expect("the test waits");
                let app = Router::new().fallback(answer).with_state(state);
                axum::serve(listener, app).await.expect("serves until the test ends");
            });
        });
        Web { address: address.recv().expect("the server starts"), asked }
    }

    /// The address of `path` on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no handler panics").clone()
    }

    /// Waits for a request that `wanted` accepts.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Asked) -> bool) -> Asked {
        wait::until(what, Duration::from_secs(20), || self.asked().into_iter().find(|asked| wanted(asked)))
    }
}

async fn answer(
    State((script, asked)): State<(Script, Arc<Mutex<Vec<Asked>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let request = Asked {
        method: method.to_string(),
        uri: uri.to_string(),
        content_type: named(header::CONTENT_TYPE),
        if_none_match: named(header::IF_NONE_MATCH),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let reply = script(&request);
    asked.lock().expect("no handler panics").push(request);
    tokio::time::sleep(reply.delay).await;
    let status = StatusCode::from_u16(reply.status).expect("a status code");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    for (name, value) in reply.headers {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (status, headers, reply.body)
}
