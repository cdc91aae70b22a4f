//! What a leg costs: thread CPU time of a worker a leg and packet time, against a floor in the same run that does
//! nothing but receive and send the same packets on as many sockets, on the same 5 ms grid.
//!
//! `cargo bench -p media --bench slot`, or with numbers of legs: `-- 200 1000`.
//! A machine's speed swings: the ratio to the floor is what counts, and the getppid beside it tells how fast it was.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audio::codec::{Codec, OpusSettings};
use audio::{Rate, tone};
use media::{Command, Config, Engine, Form, LegSetup, Prompt, Recording, Repeat, Start};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

const SLOT: Duration = Duration::from_millis(5);
const WARM: Duration = Duration::from_millis(500);
const MEASURE: Duration = Duration::from_millis(1_200);
const PACKET: usize = HEADER + 160;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![200, 1_000];
    }
    println!("getppid {:.0} ns", getppid());
    println!(
        "{:<16}{:>6}{:>16}{:>18}{:>10}{:>10}{:>12}",
        "what", "legs", "µs/leg/20 ms", "ms CPU/call-s", "of floor", "lost ‰", "late p99 µs"
    );
    for legs in sizes {
        // Three floors around the others: a machine's speed changes within seconds.
        let runs = [
            ("floor", floor(legs)),
            ("silence", engine(legs, Job::Silence)),
            ("playback", engine(legs, Job::Playback)),
            ("floor", floor(legs)),
            ("echo", engine(legs, Job::Echo)),
            ("record to WAV", engine(legs, Job::Record)),
            ("floor", floor(legs)),
        ];
        let mut floors: Vec<f64> =
            runs.iter().filter(|(what, _)| *what == "floor").map(|(_, run)| run.us).collect();
        floors.sort_by(f64::total_cmp);
        for (what, figures) in &runs {
            row(what, legs, figures, floors[floors.len() / 2]);
        }
    }
    println!("getppid {:.0} ns", getppid());
}

/// What a run showed.
struct Figures {
    /// CPU time of the thread, in microseconds a leg and 20 ms.
    us: f64,
    /// Packets that the phones missed, in thousandths.
    lost: f64,
    late_us: Option<u64>,
}

fn row(what: &str, legs: usize, figures: &Figures, floor: f64) {
    let late = figures.late_us.map_or("-".into(), |us| format!("≤ {us}"));
    println!(
        "{what:<16}{legs:>6}{:>16.2}{:>18.3}{:>10.2}{:>10.1}{late:>12}",
        figures.us,
        figures.us * 50.0 / 1_000.0,
        figures.us / floor,
        figures.lost,
    );
}

/// The phones: each sends a packet and takes what came every 20 ms, a quarter of them every 5 ms.
struct Phones {
    sockets: Arc<Vec<UdpSocket>>,
    heard: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Phones {
    fn new(count: usize) -> Phones {
        let socket = || {
            let socket =
                UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket: raise the limit of open files");
            socket.set_nonblocking(true).expect("a socket that does not block");
            socket
        };
        Phones {
            sockets: Arc::new((0..count).map(|_| socket()).collect()),
            heard: Arc::default(),
            stop: Arc::default(),
            thread: None,
        }
    }

    fn address(&self, at: usize) -> SocketAddr {
        self.sockets[at].local_addr().expect("a bound socket")
    }

    fn start(&mut self) {
        let (sockets, heard, stop) = (self.sockets.clone(), self.heard.clone(), self.stop.clone());
        let mut writers: Vec<Writer> = (0..sockets.len()).map(|n| Writer::new(n as u32, Seq(0))).collect();
        self.thread = Some(thread::spawn(move || {
            let mut packet = [0xd5; PACKET];
            let mut buffer = [0; 512];
            grid(&stop, |slot| {
                let timestamp = RtpTime((slot / 4) as u32 * 160);
                for n in (slot as usize % 4..sockets.len()).step_by(4) {
                    writers[n].write(&mut packet, 0, false, timestamp);
                    let _ = sockets[n].send(&packet);
                    while sockets[n].recv(&mut buffer).is_ok() {
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }));
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// Call `slot` every 5 ms until `stop`.
fn grid(stop: &AtomicBool, mut slot: impl FnMut(u64)) {
    let epoch = Instant::now();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = SLOT * n as u32;
        if let Some(rest) = due.checked_sub(epoch.elapsed()) {
            thread::sleep(rest);
        }
        slot(n);
        n += 1;
    }
}

/// Let a thread run and take its CPU time, and what the phones heard meanwhile.
fn measure(legs: usize, tid: i32, phones: &Phones) -> Figures {
    thread::sleep(WARM);
    let (cpu, wall, heard) = (cpu_time(tid), Instant::now(), phones.heard.load(Ordering::Relaxed));
    thread::sleep(MEASURE);
    let cpu = cpu_time(tid) - cpu;
    let heard = phones.heard.load(Ordering::Relaxed) - heard;
    let turns = wall.elapsed().as_secs_f64() * 50.0 * legs as f64;
    Figures {
        us: cpu.as_secs_f64() * 1e6 / turns,
        lost: ((turns - heard as f64) / turns * 1_000.0).max(0.0),
        late_us: None,
    }
}

/// The least that can be done with a socket a leg: one `recvfrom` and one `sendto` a packet time.
fn floor(legs: usize) -> Figures {
    let mut phones = Phones::new(legs);
    let sockets: Vec<UdpSocket> = (0..legs)
        .map(|n| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket that does not block");
            let port = socket.local_addr().expect("a bound socket").port();
            phones.sockets[n].connect((Ipv4Addr::LOCALHOST, port)).expect("a peer");
            socket
        })
        .collect();
    let peers: Vec<SocketAddr> = (0..legs).map(|n| phones.address(n)).collect();
    phones.start();
    let stop = Arc::new(AtomicBool::new(false));
    let ends = stop.clone();
    let (put, tid) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        // SAFETY: plain numbers, about this thread only. A worker asks for the same.
        let tid = unsafe {
            libc::prctl(libc::PR_SET_TIMERSLACK, 1);
            libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, -10);
            libc::gettid()
        };
        let _ = put.send(tid);
        let (packet, mut buffer) = ([0xd5; PACKET], [0; 2_048]);
        grid(&ends, |slot| {
            for n in (slot as usize % 4..sockets.len()).step_by(4) {
                let _ = sockets[n].recv_from(&mut buffer);
                let _ = sockets[n].send_to(&packet, peers[n]);
            }
        });
    });
    let figures = measure(legs, tid.recv().expect("the floor's thread"), &phones);
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    figures
}

#[derive(Clone, Copy, PartialEq)]
enum Job {
    Silence,
    Playback,
    Echo,
    Record,
}

fn engine(legs: usize, job: Job) -> Figures {
    let folder = std::env::temp_dir().join(format!("offhook-bench-{}", std::process::id()));
    let config = Config {
        workers: 1,
        bind: Ipv4Addr::UNSPECIFIED.into(),
        dscp: None,
        recordings_dir: folder.clone(),
        ..Config::default()
    };
    let engine = Engine::start(config, |_| {}).expect("the engine");
    let mut phones = Phones::new(legs);
    let minute = Duration::from_secs(60);
    let sound = tone::render(&[440], minute, Duration::ZERO, minute, Rate::NARROW);
    let prompt = Arc::new(Prompt::encode(&sound, ulaw()).unwrap());
    for n in 0..legs {
        let ports = engine.reserve().expect("ports");
        phones.sockets[n].connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).expect("a peer");
        let remote = phones.address(n);
        let setup = LegSetup {
            telephone_event: Some(101),
            telephone_event_receive: Some(101),
            ..LegSetup::new(Codec::Pcmu, 0, remote)
        };
        let leg = engine.adopt(ports, setup).expect("a leg");
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
        };
        if let Some(command) = command {
            engine.send(leg, command).expect("room in the queue");
        }
        // A burst of commands is obeyed 256 a slot.
        if n % 500 == 499 {
            thread::sleep(4 * SLOT);
        }
    }
    phones.start();
    let mut figures = measure(legs, thread_named("media-0").expect("the worker"), &phones);
    figures.late_us = engine.stats().lateness.quantile_us(0.99);
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
