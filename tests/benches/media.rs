//! What audio costs: the release binary on one core, and phones on the other that talk all the while.
//!
//! `cargo bench -p tests --bench media [-- ROW... CALLS... [max] [poll | uring]]`
//!
//! Rows: `playback`, `echo`, `record`, `relay`, `transcode` (pairs), `threes` (rooms of three), `room` (one room).
//! CPU is what the kernel charged to the server process; the floor is a process that only receives and sends the same
//! packets on as many sockets, in the same run. Loss is counted by the phones; spacing comes from the kernel's stamps of
//! some of the calls, beside that of the floor, which is what the machine itself does, and beside how evenly the phones
//! speak themselves, which is what echoes and relays cannot better. `max` looks for the most calls with loss below 0.01 % and 99 of 100 gaps
//! less than 3 ms off. `poll` and `uring` choose the backend that packets go by.

use std::time::{Duration, Instant};

use tests::load::cost;
use tests::load::party::{Callee, Caller};
use tests::load::rtp_floor::{Floor, be_floor};
use tests::load::streams::{Counted, Kind, Streams};
use tests::server::{PASSWORD, Server, Setup};

/// Measured for so long, after a second that is not.
const TIME: Duration = Duration::from_secs(5);
/// Calls whose packets are watched.
const WATCHED: usize = 50;
/// What still counts as good.
const LOSS: f64 = 0.000_1;
const SPACING_MS: f64 = 3.0;

/// Name, streams a unit, what a unit is.
const ROWS: [(&str, usize, &str); 7] = [
    ("playback", 1, "call"),
    ("echo", 1, "call"),
    ("record", 1, "call"),
    ("relay", 2, "pair"),
    ("transcode", 2, "pair"),
    ("threes", 1, "member"),
    ("room", 1, "member"),
];

/// What a row came to.
struct Figures {
    /// Milliseconds of CPU a unit and second.
    cpu: f64,
    counted: Counted,
    /// Of 20 ms, in ms, sorted.
    spacing: Vec<f64>,
    /// Of the phones' own packets.
    own: Vec<f64>,
    /// Kilobytes a unit.
    memory: f64,
}

impl Figures {
    fn is_good(&self) -> bool {
        self.counted.received > 0
            && self.counted.loss() < LOSS
            && percentile(&self.spacing, 0.99) < SPACING_MS
    }
}

/// What this share of sorted values does not exceed.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

fn main() {
    be_floor();
    // `cargo bench` passes `--bench`, which is not for us.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let counts: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![100, 400, 1_600] } else { counts };
    let named: Vec<&(&str, usize, &str)> =
        ROWS.iter().filter(|(name, ..)| words.iter().any(|word| word == name)).collect();
    let rows = if named.is_empty() { ROWS.iter().collect() } else { named };
    let search = words.iter().any(|word| word == "max");

    cost::pin(std::process::id(), "1");
    println!("one core; {} s each; ms of CPU a second and call, pair or member", TIME.as_secs());
    println!(
        "  row          count   of    CPU   floor  ratio     loss %   spacing p50 / p99 (floor's, phones') ms   KB each   behind ms"
    );
    for (name, streams, unit) in rows {
        for count in &counts {
            show(name, *count, *streams, unit);
        }
        if search {
            let mut best = None;
            let mut count = counts.last().copied().unwrap_or(1_600);
            while count < 20_000 {
                if !show(name, count, *streams, unit) {
                    break;
                }
                best = Some(count);
                count = count * 5 / 4;
            }
            println!("  {name:<10} most: {}", best.map_or("none".to_owned(), |best| best.to_string()));
        }
    }
}

/// Measures and prints a row; whether it was good.
fn show(name: &str, count: usize, streams: usize, unit: &str) -> bool {
    let (floor, floor_spacing) = floor(count * streams);
    let floor = floor * streams as f64;
    let figures = measure(name, count);
    println!(
        "  {name:<10} {count:>7}  {unit:<6} {:.3}  {floor:.3}  {:>5.2}   {:>8.4}          {:>5.2} / {:>5.2} ({floor_spacing:>5.2}, {:>5.2})            {:>7.1}     {:>5.1}",
        figures.cpu,
        figures.cpu / floor,
        figures.counted.loss() * 100.0,
        percentile(&figures.spacing, 0.5),
        percentile(&figures.spacing, 0.99),
        percentile(&figures.own, 0.99),
        figures.memory,
        figures.counted.behind.as_secs_f64() * 1e3,
    );
    figures.is_good()
}

/// Milliseconds of CPU a stream and second of a process that does nothing else, and the p99 of its spacing error in ms.
fn floor(count: usize) -> (f64, f64) {
    let floor = Floor::start("0", count);
    let mut streams = Streams::new();
    for port in &floor.ports {
        streams.add(tests::load::streams::socket(), Kind::Pcmu, ([127, 0, 0, 1], *port).into());
    }
    streams.run(Duration::from_secs(1));
    streams.watch(WATCHED);
    let (begun, before) = (Instant::now(), cost::cpu(floor.id()));
    streams.run(TIME / 2);
    let cpu = (cost::cpu(floor.id()) - before) * 1e3 / (count as f64 * begun.elapsed().as_secs_f64());
    (cpu, percentile(&streams.spacing().0, 0.99))
}

fn measure(name: &str, count: usize) -> Figures {
    let server = server();
    let pid = server.process.id();
    let mut streams = Streams::new();
    let mut caller = Caller::new(server.sip);
    // The first call loads what all others share.
    let (audio, remote) = caller.call("5", "9197", Kind::Pcmu);
    drop((audio, remote));
    let before = cost::resident_kb(pid);
    connect(name, count, &server, &mut caller, &mut streams);
    let memory = cost::resident_kb(pid).saturating_sub(before) as f64 / count as f64;
    streams.run(Duration::from_secs(2));
    streams.watch(WATCHED);
    let (begun, before) = (Instant::now(), cost::cpu(pid));
    let counted = streams.run(TIME);
    let cpu = (cost::cpu(pid) - before) * 1e3 / (count as f64 * begun.elapsed().as_secs_f64());
    let (spacing, own) = streams.spacing();
    Figures { cpu, counted, spacing, own, memory }
}

fn connect(name: &str, count: usize, server: &Server, caller: &mut Caller, streams: &mut Streams) {
    let pair = match name {
        "relay" => Some(Kind::Pcmu),
        "transcode" => Some(Kind::Opus),
        _ => None,
    };
    let callee = pair.map(|kind| Callee::new(server.sip, "bob", PASSWORD, kind));
    for at in 0..count {
        // Voxology knows the caller by number; a room is named by it.
        let (from, number) = match name {
            "playback" => ("5".to_owned(), "9197"),
            "echo" => ("5".to_owned(), "9196"),
            "record" => ("5".to_owned(), "9199"),
            "threes" => (format!("{}", 5_000 + at / 3), "7000"),
            "room" => ("4999".to_owned(), "7000"),
            _ => ("5".to_owned(), "bob"),
        };
        let (audio, remote) = caller.call(&from, number, Kind::Pcmu);
        streams.add(audio, Kind::Pcmu, remote);
        if let (Some(callee), Some(kind)) = (&callee, pair) {
            let (audio, remote) = callee.taken();
            streams.add(audio, kind, remote);
        }
    }
}

/// A server on core 0 whose calls do not end by themselves.
fn server() -> Server {
    let backend = std::env::args().find(|word| matches!(word.as_str(), "poll" | "uring"));
    let io = backend.as_deref().unwrap_or("auto");
    let flow = |text: &str| text.to_owned();
    Server::start(Setup {
        flows: vec![
            (
                "numbers.toml",
                flow(
                    "defaults.public = true\n\"7000\" = \"room.json\"\n\"9196\" = \"echo.json\"\n\"9197\" = \"play.json\"\n\"9199\" = \"record.json\"\n",
                ),
            ),
            (
                "room.json",
                flow(r#"{"actions":[{"type":"CONFERENCE","params":{"name":"room-${callerNo}"}}]}"#),
            ),
            (
                "echo.json",
                flow(r#"{"actions":[{"type":"answer"},{"type":"echo","option":{"duration":3600000}}]}"#),
            ),
            (
                "play.json",
                flow(
                    r#"{"module":"play","data":{"id":"demo-60s","endless_playback":true,"terminators":[]},"children":{}}"#,
                ),
            ),
            (
                "record.json",
                flow(r#"{"actions":[{"type":"RECORD","params":{"max_length":3600000,"timeout":3600000}}]}"#),
            ),
        ],
        settings: vec![
            ("media", format!("io = \"{io}\"")),
            ("rtp", "timeout_s = 0\nports = \"20000-31999\"".to_owned()),
            ("calls", "max = 20000".to_owned()),
        ],
        core: Some("0"),
        ..Setup::default()
    })
}
