//! A web server that takes recordings: keeps what came byte for byte, and answers as a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest that a request may take to come on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Got {
    /// `PUT`, `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As long as its head says.
    pub body: Vec<u8>,
    /// When it was whole.
    pub at: Instant,
}

impl Got {
    /// A header by its name in lower case; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers as they are written, each with its end of line; without the length.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

impl From<(u16, String)> for Answer {
    fn from((status, headers): (u16, String)) -> Answer {
        Answer { status, headers, body: Vec::new() }
    }
}

/// A server that runs as long as the process.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// On a free port, answering the nth request as `answer` says.
    ///
    /// # Panics
    ///
    /// If there is no port.
    pub fn start<A: Into<Answer>>(answer: impl Fn(usize, &Got) -> A + Send + Sync + 'static) -> Receiver {
        Receiver::on(TcpListener::bind("127.0.0.1:0").expect("a port"), answer)
    }

    /// The same on this port.
    ///
    /// # Panics
    ///
    /// If the listener has no address.
    pub fn on<A: Into<Answer>>(
        listener: TcpListener,
        answer: impl Fn(usize, &Got) -> A + Send + Sync + 'static,
    ) -> Receiver {
        let answer = move |nth: usize, got: &Got| answer(nth, got).into();
        let address = listener.local_addr().expect("an address");
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (all, answer) = (got.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, answer) = (all.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &all, &*answer));
            }
        });
        Receiver { address, got }
    }

    /// The address of a path there.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that came so far.
    ///
    /// # Panics
    ///
    /// If a test panicked while it answered.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().expect("no panic").clone()
    }

    /// The nth request, once it is there.
    ///
    /// # Panics
    ///
    /// If it does not come.
    pub fn wait_for(&self, nth: usize) -> Got {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(got) = self.got().get(nth) {
                return got.clone();
            }
            assert!(Instant::now() < deadline, "request {nth} did not come: {:?}", self.got());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<Got>>, answer: &dyn Fn(usize, &Got) -> Answer) {
    let mut bytes = Vec::new();
    while let Some(got) = read(&mut stream, &mut bytes) {
        let nth = {
            let mut all = all.lock().expect("no panic");
            all.push(got.clone());
            all.len() - 1
        };
        let Answer { status, headers, body } = answer(nth, &got);
        let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

/// The next request; what is left over stays in `bytes`.
fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Got> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines();
            let mut first = lines.next()?.split(' ');
            let headers: Vec<_> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let rest = bytes.split_off(end + 4 + length);
                let body = bytes.split_off(end + 4);
                *bytes = rest;
                let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
                return Some(Got { method, path, headers, body, at: Instant::now() });
            }
        }
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&buffer[..length]);
    }
}
