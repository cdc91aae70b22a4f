//! What a server has in hand, as it counts it itself and as the kernel does, before and after.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::super::cost;
use crate::server::Server;
use crate::wait;

/// What the server counts and what must be nothing in the end.
const LEVELS: [&str; 8] = [
    "calls",
    "media_legs",
    "tasks",
    "sip_sessions",
    "sip_transactions",
    "sip_streams",
    "conferences",
    "conference_members",
];
/// The longest that anything lives on after the last phone is silent: a session timer, its request's 32 s, a rest.
const SETTLING: Duration = Duration::from_secs(120);

/// Levels at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// By name, in the order of the server's own.
    pub levels: Vec<(&'static str, u64)>,
    /// Files and sockets that are open.
    pub files: usize,
    /// UDP sockets in the range of audio.
    pub ports: usize,
    /// Threads.
    pub threads: usize,
    /// Registered contacts.
    pub registrations: u64,
    /// Resident memory in kilobytes.
    pub memory: u64,
}

impl Left {
    /// As it is now.
    pub fn of(server: &Server) -> Left {
        let pid = server.process.id();
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").count();
        Left {
            levels: LEVELS.map(|name| (name, server.metric(&format!("offhook_{name}")) as u64)).to_vec(),
            files: cost::open_files(pid),
            ports: audio_ports(pid),
            threads,
            registrations: server.metric("offhook_registrations") as u64,
            memory: cost::resident_kb(pid),
        }
    }

    /// Whether everything was given back that was not there before.
    fn is_back_to(&self, before: &Left) -> bool {
        self.levels.iter().all(|(_, level)| *level == 0)
            && self.files <= before.files
            && self.threads <= before.threads
            && self.ports == before.ports
            && self.registrations == before.registrations
    }

    /// Waits until a server has nothing more than before; the last look, and whether it came to that.
    pub fn awaited(server: &Server, before: &Left) -> (Left, bool) {
        let begun = std::time::Instant::now();
        loop {
            let now = Left::of(server);
            if now.is_back_to(before) {
                return (now, true);
            }
            if begun.elapsed() > SETTLING {
                return (now, false);
            }
            wait::readable(std::iter::empty(), Duration::from_millis(250));
        }
    }
}

/// UDP sockets of a process in the range of audio; other processes may have some there too.
fn audio_ports(pid: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").flatten();
    let socket = |link: PathBuf| {
        let text = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(text.to_owned())
    };
    let own: HashSet<String> =
        files.filter_map(|file| fs::read_link(file.path()).ok()).filter_map(socket).collect();
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let counts = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = fields.get(1).and_then(|local| local.rsplit(':').next());
        let port = port.and_then(|port| u16::from_str_radix(port, 16).ok());
        port.is_some_and(|port| (20_000..=29_999).contains(&port))
            && fields.get(9).is_some_and(|inode| own.contains(*inode))
    };
    tables.iter().flat_map(|table| table.lines().skip(1)).filter(counts).count()
}

/// The traces of the calls that this phone or this Call-ID has a part in, the latest first.
pub(super) fn traces(server: &Server, phone: &str, call_id: &str) -> String {
    let calls = server.json("/calls");
    let of = |call: &&serde_json::Value| {
        let party =
            |leg: &serde_json::Value| leg["party"].as_str().is_some_and(|party| party.contains(phone));
        call["sip_call_id"] == call_id || call["legs"].as_array().is_some_and(|legs| legs.iter().any(party))
    };
    let found = calls["calls"].as_array().into_iter().flatten().filter(of).take(3);
    let trace = |call: &serde_json::Value| {
        let id = call["id"].as_str().unwrap_or_default();
        server.get(&format!("/calls/{id}/trace")).unwrap_or_default()
    };
    found.map(trace).collect::<Vec<_>>().join("\n")
}

/// The traces of calls that still live.
pub fn living(server: &Server) -> String {
    let calls = server.json("/calls");
    let lives = calls["calls"].as_array().into_iter().flatten().filter(|call| call["state"] != "ended");
    let trace = |call: &serde_json::Value| {
        let id = call["id"].as_str().unwrap_or_default();
        server.get(&format!("/calls/{id}/trace")).unwrap_or_default()
    };
    lives.take(5).map(trace).collect::<Vec<_>>().join("\n")
}
