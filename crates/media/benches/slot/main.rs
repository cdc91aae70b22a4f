//! What a leg costs: thread CPU time of a worker a leg and packet time, against a floor in the same run and over the same
//! backend that does nothing but receive and send the same packets on as many sockets, on the same 5 ms grid.
//!
//! `cargo bench -p media --bench slot`, or with numbers of legs, backends and rows: `-- 200 1000 uring relay echo`.
//! A machine's speed swings: the ratio to the floor is what counts, and the getppid beside it tells how fast it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use audio::codec::{Codec, OpusSettings};
use audio::{Rate, tone};
use media::{Command, Config, Engine, Form, IoMode, LegId, LegSetup, Prompt, Recording, Repeat, Start};

use self::floor::When;
use self::phones::{Phones, SLOT};
use self::report::{Figures, head, row};

mod floor;
mod phones;
mod report;

/// By then every leg has kept house once, and its socket is connected.
const WARM: Duration = Duration::from_millis(1_500);
const MEASURE: Duration = Duration::from_millis(1_200);

/// What legs do, and how much more than the floor that may cost.
const JOBS: [(&str, Job, Option<f64>); 7] = [
    ("silence", Job::Silence, None),
    ("playback", Job::Playback, Some(1.2)),
    ("echo", Job::Echo, None),
    ("relay", Job::Relay, Some(1.15)),
    ("mix", Job::Mix, Some(1.4)),
    ("transcode", Job::Transcode, None),
    ("record", Job::Record, None),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100, 400, 1_600, most()];
    }
    let named = |word: &str| words.iter().any(|other| other == word);
    let all_modes = !named("poll") && !named("uring");
    let all_jobs = !JOBS.iter().any(|(name, ..)| named(name));
    println!("getppid {:.0} ns", getppid());
    head();
    for legs in sizes {
        for (io, mode) in [("poll", IoMode::Poll), ("uring", IoMode::Uring)] {
            if all_modes || named(io) {
                let jobs = JOBS.iter().filter(|(name, ..)| all_jobs || named(name));
                rows(legs, io, mode, jobs.copied().collect());
            }
        }
    }
    println!("getppid {:.0} ns", getppid());
}

/// The rows of a backend: floors before, among and after the others, since a machine's speed changes within seconds.
fn rows(legs: usize, io: &str, mode: IoMode, jobs: Vec<(&str, Job, Option<f64>)>) {
    let floor = || floor::floor(legs, mode, When::Slot);
    let mut floors = vec![floor()];
    let mut runs = Vec::new();
    for (n, (name, job, most)) in jobs.iter().enumerate() {
        if *job == Job::Relay {
            runs.push(("floor, at once", floor::floor(legs, mode, When::AtOnce), None));
        }
        runs.push((*name, engine(legs, *job, mode), *most));
        if n % 2 == 1 || n + 1 == jobs.len() {
            floors.push(floor());
        }
    }
    floors.sort_by(|one, other| one.us.total_cmp(&other.us));
    let floor = floors[floors.len() / 2];
    row("floor", io, legs, &floor, floor.us);
    for (name, figures, most) in runs {
        let name = most.map_or(name.to_owned(), |most| format!("{name} (≤ {most})"));
        row(&name, io, legs, &figures, floor.us);
    }
}

/// As many legs as there may be open files for, three a leg, and ports.
fn most() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes the two numbers it is given, or fails.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    ((limit.rlim_cur as usize).saturating_sub(500) / 3).min(4_800) / 100 * 100
}

/// Let a thread run and take its CPU time, and what the phones heard meanwhile.
fn measure(tid: i32, phones: &Phones) -> Figures {
    thread::sleep(WARM);
    let counts = || [&phones.said, &phones.heard].map(|count| count.load(Ordering::Relaxed));
    let (cpu, [said, heard]) = (cpu_time(tid), counts());
    thread::sleep(MEASURE);
    let cpu = cpu_time(tid) - cpu;
    let [said, heard] = [counts()[0] - said, counts()[1] - heard];
    // By the packets that were there: on a busy machine the phones have not always sent all that were due.
    let turns = (said as f64).max(1.0);
    Figures {
        us: cpu.as_secs_f64() * 1e6 / turns,
        lost: ((turns - heard as f64) / turns * 1_000.0).max(0.0),
        ..Figures::default()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Job {
    Silence,
    Playback,
    Echo,
    /// Pairs that speak alike.
    Relay,
    /// The same without relaying: their samples go across.
    Mix,
    /// Pairs of µ-law and A-law.
    Transcode,
    Record,
}

impl Job {
    /// How the `n`th leg is set up.
    fn setup(self, n: usize, remote: SocketAddr) -> LegSetup {
        let (codec, payload_type) = match self {
            Job::Transcode if n % 2 == 1 => (Codec::Pcma, 8),
            _ => (Codec::Pcmu, 0),
        };
        // Without events, keys are listened for in the sound, which is not what is measured here.
        LegSetup {
            telephone_event: Some(101),
            telephone_event_receive: Some(101),
            told: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            ..LegSetup::new(codec, payload_type, remote)
        }
    }

    /// The payload type that the `n`th phone speaks.
    fn speaks(self) -> fn(usize) -> u8 {
        match self {
            Job::Transcode => |n| if n % 2 == 1 { 8 } else { 0 },
            _ => |_| 0,
        }
    }
}

fn engine(legs: usize, job: Job, io: IoMode) -> Figures {
    let folder = std::env::temp_dir().join(format!("offhook-bench-{}", std::process::id()));
    let config = Config {
        workers: 1,
        bind: std::net::Ipv4Addr::UNSPECIFIED.into(),
        dscp: None,
        io,
        relay: job == Job::Relay,
        recordings_dir: folder.clone(),
        ..Config::default()
    };
    let engine = Engine::start(config, |_| {}).expect("the engine");
    assert_eq!(engine.io(), io, "this system lacks it");
    let mut phones = Phones::new(legs);
    let minute = Duration::from_secs(60);
    let sound = tone::render(&[440], minute, Duration::ZERO, minute, Rate::NARROW);
    let prompt = Arc::new(Prompt::encode(&sound, ulaw()).expect("G.711"));
    let mut first: Option<LegId> = None;
    for n in 0..legs {
        let ports = engine.reserve().expect("ports");
        phones.sockets[n].connect((std::net::Ipv4Addr::LOCALHOST, ports.rtp_port())).expect("a peer");
        let leg = engine.adopt(ports, job.setup(n, phones.address(n))).expect("a leg");
        let command = match job {
            Job::Silence => None,
            Job::Playback => Some(Command::Play {
                tag: 1,
                items: vec![prompt.clone()],
                repeat: Repeat::Forever,
                start: Start::BEGINNING,
            }),
            Job::Echo => Some(Command::Echo { tag: 1 }),
            Job::Record => Some(Command::Record { tag: 1, recording: Recording::new(format!("{n}.wav")) }),
            Job::Relay | Job::Mix | Job::Transcode => {
                match first.take() {
                    Some(one) => engine.bridge((one, 1), (leg, 1)),
                    None => {
                        first = Some(leg);
                        Ok(())
                    }
                }
                .expect("room in the queue");
                None
            }
        };
        if let Some(command) = command {
            engine.send(leg, command).expect("room in the queue");
        }
        // A burst of commands is obeyed 256 a slot.
        if n % 200 == 199 {
            thread::sleep(4 * SLOT);
        }
    }
    phones.start(job.speaks());
    // Recording takes another thread beside the worker.
    let disk = (job == Job::Record).then(|| thread_named("media-disk").expect("the disk thread"));
    let (before, began) = (disk.map(cpu_time), Instant::now());
    let mut figures = measure(thread_named("media-0").expect("the worker"), &phones);
    if let (Some(disk), Some(before)) = (disk, before) {
        let turns = began.elapsed().as_secs_f64() * 50.0 * legs as f64;
        figures.disk = (cpu_time(disk) - before).as_secs_f64() * 1e6 / turns;
    }
    let stats = engine.stats();
    let both = |histogram: &media::Histogram| (histogram.quantile_us(0.5), histogram.quantile_us(0.99));
    figures.late = Some(both(&stats.lateness));
    figures.transit = (job == Job::Relay).then(|| both(&stats.transit));
    engine.stop();
    // The folder exists only if something was recorded.
    let _ = std::fs::remove_dir_all(folder);
    figures
}

/// CPU time of a thread of this process.
fn cpu_time(tid: i32) -> Duration {
    // linux/posix-timers: a thread's clock is its id, inverted, with the kind of clock below.
    let clock = (!tid << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(failed, 0, "the thread is gone");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn thread_named(name: &str) -> Option<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    tasks.flatten().find_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        (comm.trim() == name).then(|| task.file_name().to_str()?.parse().ok())?
    })
}

/// Nanoseconds of the cheapest system call: how fast this machine is just now.
fn getppid() -> f64 {
    const CALLS: u32 = 200_000;
    let begin = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: getppid has no conditions.
        std::hint::black_box(unsafe { libc::getppid() });
    }
    begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// The form of all prompts here.
fn ulaw() -> Form {
    Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default())
}
