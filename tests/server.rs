//! The release binary under test: its own folder, its own ports, its own users; ended with the test.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::peers::process::Process;
use crate::{root, wait};

/// A port that was free for UDP and TCP a moment ago, from a range that nothing else here uses.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries run one after another, but a peer of an earlier one may linger: start somewhere of our own.
    let offset = (std::process::id() % 100) as u16 * 80;
    loop {
        // SIPp takes the port after the next two for video: ports lie eight apart.
        let step = NEXT.fetch_add(8, Ordering::Relaxed);
        let port = 11_000 + (offset + step) % 8_000;
        let free = UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", port + 2)).is_ok()
            && TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free {
            return port;
        }
    }
}

/// The built release binary.
pub fn binary() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = target.join("release/offhook");
    assert!(binary.exists(), "{} is missing: cargo build --release", binary.display());
    binary
}

/// How a server is to be configured.
#[derive(Default)]
pub struct Setup {
    /// More lines of configuration, by table: `("rtp", "timeout_s = 1")`.
    pub settings: Vec<(&'static str, String)>,
    /// Files of the flows directory, by relative path; without any, the embedded demo is used.
    pub flows: Vec<(&'static str, String)>,
    /// Whether the demo's web server runs; its port is fixed, so only one test at a time can have it.
    pub callback_server: bool,
    /// Whether flows may talk to public web servers only, as by default, and not to those of the tests.
    pub guarded: bool,
    /// Whether it logs as it does by default, into a file of its folder, and not each step of each call.
    pub quiet: bool,
    /// The only core it may run on; it is then quiet.
    pub core: Option<&'static str>,
}

/// A running offhook.
pub struct Server {
    /// SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
    /// Its working folder: `offhook.toml`, `flows/`, `data/`.
    pub folder: tempfile::TempDir,
    /// The process, with its log.
    pub process: Process,
    launch: Launch,
}

/// How the binary is started.
#[derive(Clone, Copy)]
enum Launch {
    /// With each step of each call in its log, which is kept in memory.
    Telling,
    /// With its usual log in a file, on one core if one is named.
    Quiet(Option<&'static str>),
}

/// The password of every user in the tests.
pub const PASSWORD: &str = "correct-horse";

impl Server {
    /// Starts the demo with `alice` and `bob`.
    pub fn demo() -> Server {
        Server::start(Setup::default())
    }

    /// Starts a server and waits until it is ready.
    pub fn start(setup: Setup) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (sip, http) = (free_port(), free_port());
        let config = configuration(folder.path(), sip, http, &setup);
        fs::write(folder.path().join("offhook.toml"), config).expect("a config file");
        for (path, text) in &setup.flows {
            write_flow(folder.path(), path, text);
        }
        let how = match setup {
            Setup { quiet: false, core: None, .. } => Launch::Telling,
            Setup { core, .. } => Launch::Quiet(core),
        };
        let process = launch(folder.path(), how);
        let server = Server {
            sip: SocketAddr::from(([127, 0, 0, 1], sip)),
            http: SocketAddr::from(([127, 0, 0, 1], http)),
            folder,
            process,
            launch: how,
        };
        server.await_ready();
        server
    }

    /// Kills the process without a warning.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait_exit(Duration::from_secs(10));
    }

    /// Starts it again in the same folder, after it has ended.
    pub fn start_again(&mut self) {
        self.process = launch(self.folder.path(), self.launch);
        self.await_ready();
    }

    fn await_ready(&self) {
        wait::until("the server to be ready", Duration::from_secs(20), || self.get("/healthz").ok());
    }

    /// Writes a sound into the flows directory.
    pub fn write_sound(&self, name: &str, bytes: &[u8]) {
        let folder = self.folder.path().join("flows/sounds");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("a sound file");
    }

    /// Replaces or adds a file of the flows directory; the server hears of it by [`Server::reload`].
    pub fn write_flow(&self, path: &str, text: &str) {
        write_flow(self.folder.path(), path, text);
    }

    /// Sends SIGHUP.
    pub fn reload(&self) {
        self.process.signal("HUP");
    }

    /// `127.0.0.1:PORT` of SIP.
    pub fn address(&self) -> String {
        self.sip.to_string()
    }

    /// A SIP URI of `number` here.
    pub fn uri(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.sip)
    }

    /// GETs a path; the body, or the status.
    pub fn get(&self, path: &str) -> Result<String, u16> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        let mut reply = agent.get(format!("http://{}{path}", self.http)).call().map_err(|_| 0_u16)?;
        let status = reply.status().as_u16();
        if status == 200 { reply.body_mut().read_to_string().map_err(|_| status) } else { Err(status) }
    }

    /// GETs a file: its media type and its bytes.
    pub fn file(&self, path: &str) -> (String, Vec<u8>) {
        let mut reply = ureq::get(format!("http://{}{path}", self.http)).call().expect("the file");
        let kind = reply.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        (kind, reply.body_mut().read_to_vec().expect("the bytes"))
    }

    /// GETs JSON.
    pub fn json(&self, path: &str) -> Value {
        let body = self.get(path).unwrap_or_else(|status| panic!("GET {path}: {status}"));
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path}: {error} in {body}"))
    }

    /// Waits until the one call (or the latest) to `number` is over; its view.
    pub fn finished_call(&self, number: &str) -> CallView {
        wait::until(&format!("a finished call to {number}"), Duration::from_secs(30), || {
            let calls = self.json("/calls");
            let call = calls["calls"].as_array()?.iter().find(|call| call["called"] == number)?.clone();
            let view = self.call_view(call["id"].as_str()?);
            view.ended().is_some().then_some(view)
        })
    }

    /// The call with this id.
    pub fn call_view(&self, id: &str) -> CallView {
        CallView(self.json(&format!("/calls/{id}")))
    }

    /// The value of a metric without labels, or the sum over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").expect("metrics");
        let values: Vec<f64> = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        assert!(!values.is_empty(), "no metric {name} in\n{text}");
        values.iter().sum()
    }
}

/// A call as `GET /calls/{id}` shows it.
#[derive(Debug)]
pub struct CallView(pub Value);

impl CallView {
    /// The trace's entries of one kind.
    pub fn entries(&self, kind: &str) -> Vec<&Value> {
        self.trace().iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// The JSON pointers of the nodes that were entered.
    pub fn nodes(&self) -> Vec<String> {
        self.entries("node")
            .iter()
            .map(|entry| entry["pointer"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The words that were spoken and the sounds that were played.
    pub fn prompts(&self) -> String {
        self.entries("prompt")
            .iter()
            .filter_map(|entry| entry["what"].as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The keys that were heard.
    pub fn keys(&self) -> String {
        self.entries("digit").iter().filter_map(|entry| entry["key"].as_str()).collect()
    }

    /// Notes, as one text.
    pub fn notes(&self) -> String {
        self.entries("note").iter().filter_map(|entry| entry["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Why it ended and by whom, once it has.
    pub fn ended(&self) -> Option<(String, String)> {
        let entry = self.entries("ended").pop()?;
        Some((entry["cause"].as_str()?.to_owned(), entry["by"].as_str()?.to_owned()))
    }

    fn trace(&self) -> &Vec<Value> {
        self.0["trace"].as_array().unwrap_or_else(|| panic!("no trace in {}", self.0))
    }
}

fn launch(folder: &Path, how: Launch) -> Process {
    let mut command = Command::new("sh");
    match how {
        Launch::Telling => {
            command = Command::new(binary());
            command.args(["serve", "--config", "offhook.toml"]).env("RUST_LOG", "info,switch=debug");
        }
        Launch::Quiet(core) => {
            let run = match core {
                Some(core) => format!("exec taskset -c {core} \"$0\" serve --config offhook.toml 2> log"),
                None => "exec \"$0\" serve --config offhook.toml 2> log".to_owned(),
            };
            command.arg("-c").arg(run).arg(binary()).env_remove("RUST_LOG");
        }
    }
    Process::start("offhook", command.current_dir(folder).env_remove("NO_COLOR"))
}

fn write_flow(folder: &Path, path: &str, text: &str) {
    let file = folder.join("flows").join(path);
    fs::create_dir_all(file.parent().expect("below flows/")).expect("a folder");
    fs::write(file, text).expect("a flow file");
}

fn configuration(folder: &Path, sip: u16, http: u16, setup: &Setup) -> String {
    let user = format!("{{ password = \"{PASSWORD}\" }}");
    let mut tables = vec![
        ("", format!("data_dir = \"{}\"", folder.join("data").display())),
        ("sip", format!("bind = \"127.0.0.1\"\nport = {sip}")),
        ("http", format!("port = {http}")),
        ("users", format!("alice = {user}\nbob = {user}")),
    ];
    if !setup.flows.is_empty() {
        tables.push(("flows", format!("directory = \"{}\"", folder.join("flows").display())));
    }
    if !setup.guarded {
        tables.push(("flows", "allowed_networks = \"127.0.0.0/8\"".to_owned()));
    }
    if !setup.callback_server {
        tables.push(("demo", "callback_server = \"\"".to_owned()));
    }
    tables.extend(setup.settings.iter().cloned());
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &tables {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut text = String::new();
    for name in names {
        if !name.is_empty() {
            text += &format!("[{name}]\n");
        }
        for (_, line) in tables.iter().filter(|(table, _)| *table == name) {
            text += &format!("{line}\n");
        }
    }
    text
}
