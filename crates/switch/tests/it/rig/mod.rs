//! A switch on loopback with the flows of a test, and a phone that says exactly what a test writes.

#![allow(dead_code)] // `tests/memory.rs`, a process of its own, uses a part.

pub(crate) mod rooms;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use flow::ir::{Dial, Op};
use serde_json::Value;
use store::{Document, Flows, Permission, User, Users};
use switch::{CallState, CallView, Config, Counts, Switch};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};
use testkit::ua::{Message, Phone};

/// Longest that anything in a test may take on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Rig {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) switch: Option<Switch>,
    pub(crate) dir: tempfile::TempDir,
}

impl Rig {
    /// A switch with these flows, all public.
    pub(crate) fn start(flows: &[(&str, Value)]) -> Rig {
        Rig::with(flows, |_| {})
    }

    pub(crate) fn with(flows: &[(&str, Value)], change: impl FnOnce(&mut Config)) -> Rig {
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
        // Away from the default range and from each other, for tests run side by side.
        let base = 30_000 + (std::process::id() as u16 % 100) * 100;
        config.media.ports = base..=base + 999;
        config.media.recordings_dir = relative(&dir.path().join("recordings"));
        config.web_sounds.directory = dir.path().join("web-sounds");
        config.cdr = Some(dir.path().join("cdr.jsonl"));
        // The web servers of the tests.
        config.http.allowed = vec!["127.0.0.0/8".parse().expect("a network")];
        change(&mut config);
        let users = people();
        let mut flows = table(flows);
        flows.set_sounds(store::Sounds::new().then(dir.path().join("sounds")));
        let flows = Arc::new(ArcSwap::from_pointee(flows));
        let switch = runtime.block_on(Switch::start(config, flows, &users)).expect("a switch");
        Rig { runtime, switch: Some(switch), dir }
    }

    /// The same users, no flows, and these trunks.
    pub(crate) fn reload_trunks(&self, trunks: &store::Trunks) {
        let _inside = self.runtime.enter();
        self.switch().reload(Flows::new(), &people(), trunks);
    }

    /// The same users, these flows, all public, and the trunks of a file with this text.
    pub(crate) fn reload(&self, flows: &[(&str, Value)], trunks: &str) {
        std::fs::write(self.dir.path().join("trunks.toml"), trunks).expect("written");
        let loaded = store::Directory::load(Some(self.dir.path())).expect("readable");
        let errors: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let _inside = self.runtime.enter();
        self.switch().reload(table(flows), &people(), &loaded.trunks);
    }

    /// The users of every test.
    pub(crate) fn people() -> Users {
        people()
    }

    /// The same users, and at 700 a flow whose diallings are as `change` has them.
    pub(crate) fn dials(&self, source: Value, change: impl Fn(&mut Dial)) {
        let mut document = Document::read("700.json", None, source).expect("a flow");
        for node in &mut Arc::make_mut(&mut document.program).nodes {
            if let Op::Dial(dial) = &mut node.op {
                change(dial);
            }
        }
        let mut table = Flows::new();
        table.add(document);
        assert!(table.number("700", "700.json", true));
        let _inside = self.runtime.enter();
        self.switch().reload(table, &people(), &store::Trunks::default());
    }

    pub(crate) fn switch(&self) -> &Switch {
        self.switch.as_ref().expect("a switch")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.switch().sip_udp().expect("UDP")
    }

    pub(crate) fn phone(&self, user: &str) -> Phone {
        Phone::new(self.address(), user, None).expect("a phone")
    }

    /// A registered phone on a thread of its own, that says a tone.
    pub(crate) fn desk(&self, user: &str, tone: u16, manner: Manner) -> Desk {
        let desk = Desk::new(self.address(), user, "secret", tone, manner).expect("a phone");
        assert_eq!(desk.registered(), Some(200), "{user} registers");
        desk
    }

    /// Writes a sound of this name for the flows: ten seconds of a tone.
    pub(crate) fn sound(&self, name: &str, hertz: u16) {
        let path = self.dir.path().join("sounds").join(name).with_extension("wav");
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        let long = Duration::from_secs(10);
        let tone = audio::tone::render(&[hertz], long, Duration::ZERO, long, audio::Rate::NARROW);
        std::fs::write(path, audio::write::wav::to_bytes(&tone)).expect("written");
    }

    pub(crate) fn counts(&self) -> Counts {
        self.runtime.block_on(self.switch().counts())
    }

    /// Waits until `ready` says so.
    pub(crate) fn wait(&self, what: &str, mut ready: impl FnMut() -> bool) {
        let deadline = Instant::now() + LONG;
        while !ready() {
            assert!(Instant::now() < deadline, "{what} did not happen; calls: {:#?}", self.traces());
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits for the last call to end, with its trace.
    pub(crate) fn finished(&self) -> CallView {
        self.wait("the end of the call", || {
            self.switch().calls().is_empty() && !self.switch().recent().is_empty()
        });
        let last = self.switch().recent().first().map(|call| call.id).expect("a call");
        self.switch().call(last).expect("its record")
    }

    /// Waits until all calls but so many have ended; the last that did.
    pub(crate) fn finished_but(&self, living: usize) -> CallView {
        self.wait("the end of a call", || {
            self.switch().calls().len() == living && !self.switch().recent().is_empty()
        });
        let last = self.switch().recent().first().map(|call| call.id).expect("a call");
        self.switch().call(last).expect("its record")
    }

    /// Waits until nothing of any call is left but SIP transactions, which linger by rule.
    pub(crate) fn nothing_left(&self) {
        self.wait("that nothing is left", || {
            let Counts { calls, legs, tasks, sessions, .. } = self.counts();
            calls + legs + tasks + sessions == 0
        });
    }

    pub(crate) fn traces(&self) -> Vec<String> {
        let calls = self.switch().calls().into_iter().chain(self.switch().recent());
        calls.filter_map(|call| self.switch().call(call.id)).map(|call| trace(&call)).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(switch) = self.switch.take() {
            self.runtime.block_on(switch.stop());
        }
    }
}

/// The same path from the working directory: configurations name directories that way, too.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().expect("a working directory");
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    up.join(path.strip_prefix("/").expect("an absolute path"))
}

/// Waits until these tones, and nothing else, are heard.
#[track_caller]
pub(crate) fn hears(rig: &Rig, desk: &Desk, line: LineId, tones: &[u16]) {
    let shares = |pcm: &audio::Pcm| -> Vec<f64> {
        tones.iter().map(|tone| ear::purity(pcm, f32::from(*tone))).collect()
    };
    let heard = desk.hears_so(line, |pcm| {
        let shares = shares(pcm);
        shares.iter().sum::<f64>() > 0.9 && shares.iter().all(|one| *one > 0.5 / tones.len() as f64)
    });
    let last = shares(&desk.hears(line));
    assert!(heard, "not {tones:?}, whose shares are {last:.2?}: {:#?}", rig.traces());
}

/// A call's timeline as text.
pub(crate) fn trace(call: &CallView) -> String {
    call.trace.iter().map(|entry| format!("{entry}\n")).collect()
}

/// Cause and by of a finished call.
pub(crate) fn end(call: &CallView) -> (String, String) {
    match &call.state {
        CallState::Ended { cause, by } => (cause.clone(), by.clone()),
        other => panic!("the call is {other:?}:\n{}", trace(call)),
    }
}

/// A SIP dialog written out by hand.
pub(crate) struct Dialog<'a> {
    pub(crate) phone: &'a Phone,
    number: String,
    call_id: String,
    server: SocketAddr,
    to: String,
    cseq: u32,
    target: String,
}

impl<'a> Dialog<'a> {
    pub(crate) fn new(rig: &Rig, phone: &'a Phone, number: &str) -> Dialog<'a> {
        let server = rig.address();
        let target = format!("sip:{number}@{server}");
        Dialog {
            phone,
            number: number.to_owned(),
            call_id: format!("{:x}@rig", fastrand::u64(..)),
            server,
            to: format!("<{target}>"),
            cseq: 0,
            target,
        }
    }

    /// Sends a request; ACK and CANCEL belong to the request before, the others get a number of their own.
    pub(crate) fn send(&mut self, method: &str, headers: &str, body: &str) {
        if !matches!(method, "ACK" | "CANCEL") {
            self.cseq += 1;
        }
        let branch = match method {
            "ACK" => format!("z9hG4bK-{}-{}-ack", self.call_id, self.cseq),
            _ => format!("z9hG4bK-{}-{}", self.call_id, self.cseq),
        };
        let local = self.phone.address();
        let kind = if body.starts_with("v=0") { "Content-Type: application/sdp\r\n" } else { "" };
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:rig@{server}>;tag=rig\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:rig@{local}>\r\n{headers}{kind}Content-Length: {length}\r\n\r\n{body}",
            target = self.target,
            server = self.server,
            to = self.to,
            id = self.call_id,
            cseq = self.cseq,
            length = body.len(),
        );
        self.phone.send_raw(text.as_bytes()).expect("sent");
    }

    /// Waits for this response of this dialog; learns the To tag and the Contact from it.
    pub(crate) fn expect(&mut self, status: u16, method: &str) -> Message {
        let deadline = Instant::now() + LONG;
        let mut seen = Vec::new();
        while Instant::now() < deadline {
            let Some(message) = self.phone.receive(Duration::from_millis(200)).expect("a socket") else {
                continue;
            };
            if message.header("call-id") != Some(self.call_id.as_str()) {
                continue;
            }
            if message.status() == Some(status) && message.cseq_method() == Some(method) {
                if let Some(to) = message.header("to").filter(|to| to.contains("tag=")) {
                    self.to = to.to_owned();
                }
                if let Some(contact) = message.header("contact").and_then(|c| c.split(['<', '>']).nth(1)) {
                    self.target = contact.to_owned();
                }
                return message;
            }
            seen.push(message.start.clone());
        }
        panic!("no {status} to {method} of {}; came: {seen:?}", self.number);
    }

    /// Waits for this request of the switch and answers it with 200.
    pub(crate) fn expect_request(&mut self, method: &str) -> Message {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            let Some(message) = self.phone.receive(Duration::from_millis(200)).expect("a socket") else {
                continue;
            };
            if message.method() == Some(method) && message.header("call-id") == Some(self.call_id.as_str()) {
                self.phone.send_raw(message.reply("200 OK", "").as_bytes()).expect("sent");
                return message;
            }
        }
        panic!("no {method} came");
    }
}

/// An offer of `codecs` (payload types) at `port` of loopback.
pub(crate) fn sdp(port: u16, codecs: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=rig 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {codecs} 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// These flows at their numbers, all public.
fn table(flows: &[(&str, Value)]) -> Flows {
    let mut table = Flows::new();
    for (number, source) in flows {
        let id = format!("{number}.json");
        table.add(Document::read(id.as_str(), None, source.clone()).expect("a flow"));
        assert!(table.number(*number, &id, true));
    }
    table
}

/// Four users with numbers; carol may listen, and be heard.
pub(crate) fn people() -> Users {
    let people = [("alice", "201"), ("bob", "202"), ("carol", "203"), ("dave", "204")];
    let user = |(name, number): (&str, &str)| User::new(name, "secret").numbered(number);
    let mut users: Users = people.into_iter().map(user).collect();
    if let Some(carol) = users.get("carol").cloned() {
        let may = [Permission::Pickup, Permission::Listen, Permission::Whisper, Permission::Barge];
        users.insert(User { may: may.into_iter().collect(), ..carol });
    }
    let members = ["alice", "bob", "carol"].map(str::to_owned).to_vec();
    users.insert_group(store::Group { members, number: Some("600".into()), ..store::Group::new("sales") });
    users
}
