//! Requests of flows to servers of every kind, on loopback, which the tests open.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow::engine::HttpRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(5),
        retries: 0,
        wait: true,
        last_good: None,
    }
}

/// Loopback is open, but for 127.0.0.2.
fn open() -> HttpConfig {
    let networks = |text: &str| vec![text.parse().unwrap()];
    HttpConfig { allowed: networks("127.0.0.0/8"), denied: networks("127.0.0.2"), ..HttpConfig::default() }
}

/// What a server was asked, one text a request.
type Asked = Arc<Mutex<Vec<String>>>;

/// A server that answers with what `reply` makes of a request's text and closes the connection; nothing for silence.
async fn serve(reply: impl Fn(&str) -> String + Send + Sync + 'static) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Asked::default());
    let (seen, reply) = (asked.clone(), Arc::new(reply));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, reply.clone(), seen.clone()));
        }
    });
    (address, asked)
}

async fn answer(mut stream: TcpStream, reply: Arc<impl Fn(&str) -> String>, seen: Asked) {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.to_ascii_lowercase();
        let length =
            length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        Some(body.len() >= length.unwrap_or(0))
    };
    while whole(&text) != Some(true) {
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => text += &String::from_utf8_lossy(&buffer[..length]),
            _ => return,
        }
    }
    let answer = reply(&text);
    crate::lock(&seen).push(text);
    if answer.is_empty() {
        return std::future::pending().await;
    }
    // Who asked may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// A resolver that gives these answers one after the other, the last one for ever, and counts the questions.
fn names(answers: &'static [&'static [&'static str]]) -> (Lookup, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let at = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let found = answers[at].iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        Box::pin(async move { io::Result::Ok(found) })
    });
    (lookup, count)
}

#[tokio::test]
async fn a_closed_address_is_reached_neither_by_number_nor_by_name_and_the_setting_is_named() {
    let http = Http::new(&HttpConfig::default()).unwrap();
    let cases = [
        ("http://127.0.0.1:9/", "127.0.0.1 is a loopback address"),
        ("http://localhost:9/", "is a loopback address"),
        ("http://[::ffff:127.0.0.1]:9/", "127.0.0.1 is a loopback address"),
        ("http://2130706433:9/", "127.0.0.1 is a loopback address"),
        ("http://0x7f.1/", "127.0.0.1 is a loopback address"),
        ("http://127.0.0.1./", "127.0.0.1 is a loopback address"),
        ("http://[::1]/", "::1 is a loopback address"),
        ("http://10.0.0.7/", "flows.allowed_networks = \"10.0.0.7\" opens it"),
        ("http://[fd00::7]/", "flows.allowed_networks = \"fd00::7\" opens it"),
        (
            "http://169.254.169.254/latest",
            "169.254.169.254 is in 169.254.0.0/16, which flows.denied_networks closes",
        ),
    ];
    for (url, wanted) in cases {
        let failure = http.exchange(&get(url)).await.unwrap_err();
        assert!(failure.why.contains(wanted) && !failure.timeout, "{url}: {}", failure.why);
    }
    assert!(http.exchange(&get("ftp://example.com/")).await.unwrap_err().why.contains("not an HTTP URL"));
    assert!(
        matches!(http.request(Method::GET, "http://10.0.0.7/a.wav"), Err(HttpError::Refused(_))),
        "sounds"
    );
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    let (server, _) = serve(|_| ok("hello")).await;
    let (lookup, asked) = names(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.2", "127.0.0.1"]]);
    let http = Http::with_lookup(&open(), Some(lookup)).unwrap();
    let request = get(format!("http://rebinds.example:{}/", server.port()));
    assert_eq!(http.exchange(&request).await.unwrap().body, b"hello");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it is looked up once, to be judged and to be connected to");
    let refused = http.exchange(&request).await.unwrap_err();
    assert!(refused.why.contains("127.0.0.2 is in 127.0.0.2/32"), "{}", refused.why);
    // Of several addresses the open ones serve.
    assert_eq!(http.exchange(&request).await.unwrap().body, b"hello");
}

#[tokio::test]
async fn redirects_are_judged_bounded_and_signed_anew() {
    let (other, asked_other) = serve(|_| ok("there")).await;
    let to_other = format!("http://{other}/next?x=1#part");
    let (server, asked) = serve(move |request| match request.split(' ').nth(1) {
        Some("/other") => redirect(302, &to_other),
        Some("/same") => redirect(307, "/home"),
        Some("/inside") => redirect(302, "http://127.0.0.2/secret"),
        Some("/circle") => redirect(302, "/circle"),
        _ => ok("home"),
    })
    .await;
    let config = HttpConfig { signing_key: Some("s3cret".into()), ..open() };
    let http = Http::new(&config).unwrap();
    let post = |path: &str| HttpRequest {
        method: "POST".into(),
        headers: vec![("Authorization".into(), "Bearer x".into()), ("X-Mine".into(), "1".into())],
        body: b"{}".to_vec(),
        ..get(format!("http://{server}{path}"))
    };
    let signed = |text: &str, method: &str, url: &str, body: &[u8]| {
        let lower = text.to_ascii_lowercase();
        let line = lower.lines().find_map(|line| line.strip_prefix("x-offhook-signature: ")).expect("signed");
        let time = line.split(['=', ',']).nth(1).unwrap().parse().unwrap();
        assert_eq!(line, sign::signature("s3cret", time, method, url, body));
        assert!((wall_clock().as_second() - time).abs() < 60);
    };

    assert_eq!(http.exchange(&post("/other")).await.unwrap().body, b"there");
    let (first, second) = (crate::lock(&asked)[0].clone(), crate::lock(&asked_other)[0].clone());
    signed(&first, "POST", &format!("http://{server}/other"), b"{}");
    signed(&second, "GET", &format!("http://{other}/next?x=1"), b"");
    assert!(second.starts_with("GET /next?x=1 ") && second.contains("x-mine: 1"), "{second}");
    assert!(first.contains("Bearer") && !second.contains("Bearer"), "no secrets for another server");

    assert_eq!(http.exchange(&post("/same")).await.unwrap().body, b"home");
    let kept = crate::lock(&asked).last().cloned().unwrap();
    assert!(kept.starts_with("POST /home") && kept.ends_with("{}") && kept.contains("Bearer"), "{kept}");

    let refused = http.exchange(&post("/inside")).await.unwrap_err();
    assert!(refused.why.contains("flows.denied_networks"), "{}", refused.why);
    let before = crate::lock(&asked).len();
    let bounded = http.exchange(&post("/circle")).await.unwrap_err();
    assert_eq!((bounded.why.as_str(), crate::lock(&asked).len() - before), ("more than 5 redirects", 6));
}

#[tokio::test]
async fn only_what_never_reached_its_server_is_sent_again() {
    let (fails, asked) =
        serve(|_| "HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".into()).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (lookup, lookups) = names(&[&["127.0.0.1"]]);
    let http = Http::with_lookup(&open(), Some(lookup)).unwrap();
    let request = |port| HttpRequest { retries: 2, ..get(format!("http://name.example:{port}/")) };
    assert_eq!(http.exchange(&request(fails.port())).await.unwrap().status, 500);
    assert_eq!((crate::lock(&asked).len(), lookups.swap(0, Ordering::Relaxed)), (1, 1));
    assert!(http.exchange(&request(gone.port())).await.unwrap_err().why.starts_with("no connection"));
    assert_eq!(lookups.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn the_last_good_answer_stands_in_for_a_server_that_fails() {
    let count = AtomicUsize::new(0);
    let (server, _) = serve(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => ok("good"),
        1 => "HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops".into(),
        _ => String::new(),
    })
    .await;
    let config = HttpConfig { last_good: Duration::from_secs(60), ..open() };
    let http = Http::new(&config).unwrap();
    let request = |key: &str, query: &str| HttpRequest {
        last_good: Some(key.into()),
        timeout: Duration::from_millis(300),
        ..get(format!("http://{server}/flow?{query}"))
    };
    let good = http.exchange(&request("flow", "call=1")).await.unwrap();
    assert_eq!((good.body.as_slice(), good.note.as_str()), (&b"good"[..], ""));
    let refused = http.exchange(&request("flow", "call=2")).await.unwrap();
    let note = "the server answered 503; instead its last good answer, 0 s old";
    assert_eq!((refused.status, refused.body.as_slice(), refused.note.as_str()), (200, &b"good"[..], note));
    let silent = http.exchange(&request("flow", "call=3")).await.unwrap();
    assert!(silent.note.starts_with("no reply within 300 ms; instead"), "{}", silent.note);
    let other = http.exchange(&request("other", "call=4")).await.unwrap_err();
    assert!(other.timeout, "another document has no answer yet");
    let none = http.exchange(&HttpRequest { last_good: None, ..request("", "call=5") }).await.unwrap_err();
    assert!(none.timeout, "a request in the midst of a call has none to stand in");
}

#[tokio::test]
async fn a_server_that_never_answers_keeps_nobody_else_waiting() {
    let (silent, asked) = serve(|_| String::new()).await;
    let (quick, _) = serve(|_| ok("hello")).await;
    let http = Http::new(&open()).unwrap();
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let (http, url) = (http.clone(), format!("http://{silent}/"));
            tokio::spawn(async move { http.exchange(&get(url)).await })
        })
        .collect();
    while crate::lock(&asked).len() < slow.len() {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        assert_eq!(http.exchange(&get(format!("http://{quick}/"))).await.unwrap().body, b"hello");
    }
    assert!(slow.iter().all(|slow| !slow.is_finished()), "all 50 were answered while 200 waited");
}
