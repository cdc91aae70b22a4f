//! What playback costs: the release binary plays 9197 to many callers who talk all the while.
//!
//! `cargo bench -p tests --bench playback [-- CALLS SECONDS]`
//!
//! The server runs on one core, the callers and the capture on the others.
//! CPU is what the kernel charged to the server process; loss and spacing come from the kernel's time stamps on loopback.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::ua::{Call, Offer, Phone};
use tests::peers::process::Process;
use tests::server::Server;

/// Kernel clock ticks a second, `getconf CLK_TCK`; 100 on every Linux this runs on.
const TICKS: f64 = 100.0;

fn main() {
    // `cargo bench` passes `--bench`, which is not for us.
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(200) as usize;
    let seconds = numbers.get(1).copied().unwrap_or(5);

    let server = Server::demo();
    let pid = server.process.id().to_string();
    pin(&pid, "0");
    pin(&std::process::id().to_string(), "1");
    let mut phones: Vec<Phone> =
        (0..count).map(|at| Phone::new(server.sip, &format!("caller{at}"), None).expect("a phone")).collect();
    let mut calls: Vec<Call<'_>> = Vec::new();
    for phone in &mut phones {
        calls.push(phone.call("9197", Offer::Early, Duration::from_secs(10)).expect("answered"));
        talk(&mut calls, Duration::from_millis(1));
    }
    // The first second has the prompt's loading in it.
    talk(&mut calls, Duration::from_secs(2));

    println!("{count} calls to 9197, {seconds} s, PCMU 20 ms both ways");
    let mut costs: Vec<f64> = (0..3).map(|_| cost(&pid, &mut calls, seconds)).collect();
    costs.sort_by(f64::total_cmp);
    println!("  ms of CPU a call-second, three rounds: {:.3} / {:.3} / {:.3}", costs[0], costs[1], costs[2]);
    let errors = captured(&mut calls, seconds);
    let at = |share: f64| {
        errors.get((errors.len() as f64 * share) as usize).or(errors.last()).copied().unwrap_or(0.0)
    };
    println!("  spacing error p50 / p99 / max: {:.2} / {:.2} / {:.2} ms", at(0.5), at(0.99), at(1.0));
    let lost: u64 = calls.iter().map(|call| call.stream.heard.lost).sum();
    let stalls = errors.iter().filter(|error| **error > 10.0).count();
    println!("  gaps more than 10 ms off: {stalls} of {}; packets lost: {lost}", errors.len());
    for call in calls {
        // The server ends with us: nobody has to wait for its answer to a BYE.
        call.vanish();
    }
}

/// Milliseconds of CPU a call-second. Nothing is captured meanwhile, for the kernel would charge that to the server.
fn cost(pid: &str, calls: &mut [Call<'_>], seconds: u64) -> f64 {
    let (begun, before) = (Instant::now(), cpu(pid));
    talk(calls, Duration::from_secs(seconds));
    (cpu(pid) - before) * 1000.0 / (calls.len() as f64 * begun.elapsed().as_secs_f64())
}

/// How far each gap between neighbouring packets is from 20 ms, in ms, sorted.
fn captured(calls: &mut [Call<'_>], seconds: u64) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("heard.pcap");
    let what = "udp src portrange 20000-29999";
    let mut capture = Process::start(
        "dumpcap",
        Command::new("taskset")
            .args(["-c", "1", "dumpcap", "-q", "-P", "-i", "lo", "-s", "64", "-B", "64", "-f", what, "-w"])
            .arg(&file),
    );
    capture.wait_for("File:", 0, Duration::from_secs(10));
    talk(calls, Duration::from_secs(seconds));
    capture.signal("INT");
    capture.wait_exit(Duration::from_secs(10));
    let ours: Vec<u16> = calls.iter().map(|call| call.stream.port()).collect();
    spacing(&fs::read(&file).expect("a capture"), &ours)
}

/// Lets all calls talk and listen for `time`.
fn talk(calls: &mut [Call<'_>], time: Duration) {
    let deadline = Instant::now() + time;
    loop {
        let now = Instant::now();
        let mut next = deadline;
        for call in calls.iter_mut() {
            next = next.min(call.stream.turn(now).expect("a socket"));
        }
        if now >= deadline {
            return;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()).min(Duration::from_millis(5)));
    }
}

/// Seconds of CPU that the process has used, all threads, user and system.
fn cpu(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

fn pin(pid: &str, core: &str) {
    let done = Command::new("taskset").args(["-a", "-c", "-p", core, pid]).output().expect("taskset runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// How far each gap of each stream is from 20 ms, in ms, sorted; streams are told apart by their destination port.
fn spacing(file: &[u8], ours: &[u16]) -> Vec<f64> {
    // When a stream's last packet came; another server's streams have no place here.
    let mut last = vec![None; 65_536];
    for port in ours {
        last[usize::from(*port)] = Some(0.0_f64);
    }
    let mut errors = Vec::new();
    let mut rest = &file[24..];
    while rest.len() >= 16 {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes"));
        let (at, length) = (f64::from(word(0)) * 1e3 + f64::from(word(4)) / 1e3, word(8) as usize);
        let Some(frame) = rest.get(16..16 + length) else { break };
        rest = &rest[16 + length..];
        // Ethernet 14, IPv4 20, UDP 8; RTP with payload type 0.
        if frame.len() < 44 || frame[43] & 0x7f != 0 {
            continue;
        }
        let port = usize::from(u16::from_be_bytes([frame[36], frame[37]]));
        let Some(last) = &mut last[port] else { continue };
        if *last > 0.0 {
            errors.push((at - *last - 20.0).abs());
        }
        *last = at;
    }
    errors.sort_by(f64::total_cmp);
    errors
}
