//! What a process costs, by the kernel's books.

use std::fs;
use std::process::Command;

/// Kernel clock ticks a second, `getconf CLK_TCK`; 100 on every Linux this runs on.
const TICKS: f64 = 100.0;

/// Seconds of CPU that a process has used, all threads, user and system.
pub fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

/// Kilobytes of memory that are resident.
pub fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How many files and sockets are open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count()
}

/// Datagrams that the kernel dropped because the receiver of this local UDP port was behind.
pub fn dropped(port: u16) -> u64 {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let suffix = format!(":{port:04X}");
    let of = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ours = fields.get(1).is_some_and(|local| local.ends_with(&suffix));
        ours.then(|| fields.last().and_then(|drops| drops.parse::<u64>().ok())).flatten()
    };
    tables.iter().flat_map(|table| table.lines()).filter_map(of).sum()
}

/// Keeps all threads of a process on one core.
pub fn pin(pid: u32, core: &str) {
    let pid = pid.to_string();
    let done = Command::new("taskset").args(["-a", "-c", "-p", core, &pid]).output().expect("taskset runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
