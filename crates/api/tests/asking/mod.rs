//! A switch with its API on loopback, and somebody who asks it.

#![allow(dead_code)] // Each test file uses its part.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Api, router};
use arc_swap::ArcSwap;
use store::{Flows, Users};
use switch::{Config, Switch};

/// Longest that anything in a test may take on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// Until it is dropped.
pub(crate) struct Served {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) switch: Arc<Switch>,
    address: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
}

impl Served {
    /// Without flows, configured like that; the recordings' directory is there.
    pub(crate) fn with(change: impl FnOnce(&mut Config, &Path)) -> Served {
        Served::flows(Flows::new(), &Users::default(), change)
    }

    pub(crate) fn flows(flows: Flows, users: &Users, change: impl FnOnce(&mut Config, &Path)) -> Served {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = Config::default();
        config.sip.udp = vec![([127, 0, 0, 1], 0).into()];
        config.sip.tcp = vec![([127, 0, 0, 1], 0).into()];
        config.media.workers = 1;
        let base = 40_000 + (std::process::id() as u16 % 100) * 100;
        config.media.ports = base..=base + 499;
        config.media.recordings_dir = dir.path().join("recordings");
        config.http.allowed = vec!["127.0.0.0/8".parse().expect("a network")];
        std::fs::create_dir_all(&config.media.recordings_dir).expect("a directory");
        let home = config.media.recordings_dir.clone();
        change(&mut config, &home);
        let flows = Arc::new(ArcSwap::from_pointee(flows));
        let (switch, address) = runtime.block_on(async {
            let switch = Arc::new(Switch::start(config, flows, users).await.expect("a switch"));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let router = router(Api { switch: switch.clone(), metrics: Arc::new(String::new) });
            tokio::spawn(async move { axum::serve(listener, router).await });
            (switch, address)
        });
        Served { runtime, switch, address, dir }
    }

    /// Status, head in lower case, and body of what is answered.
    pub(crate) fn get(&self, path: &str) -> (u16, String, String) {
        self.ask("GET", path, "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String, String) {
        self.ask("POST", path, body)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: offhook\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_lowercase(), body.to_owned())
    }
}

/// Waits until `ready` says so.
pub(crate) fn wait(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !ready() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
