//! What a member of a room costs: thread CPU time of a worker a member and packet time, everybody talking, against a
//! floor in the same run that does nothing but receive and send the same packets on as many sockets.
//!
//! `cargo bench -p media --bench rooms`, or with numbers of members: `-- 100 400`.
//! A member's cost should not depend on the size of its room, nor on how many rooms there are.
//! A machine's speed swings: the ratio to the floor is what counts.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audio::Rate;
use audio::codec::{Codec, Encoder, OpusSettings};
use media::{Config, Engine, IoMode, LegSetup, Member, RoomConfig};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

const SLOT: Duration = Duration::from_millis(5);
const WARM: Duration = Duration::from_millis(1_500);
const MEASURE: Duration = Duration::from_millis(1_500);

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![99, 399, 1_599, 2_400];
    }
    head();
    for members in sizes {
        table(members, &[3], 1.0);
    }
    for members in [3, 10, 100, 500] {
        table(members, &[members], 1.0);
    }
    println!("ten of them talk, the others listen:");
    table(100, &[100], 0.1);
    table(500, &[500], 0.02);
    println!("members on Opus at 48 kHz (complexity 0), rooms of three, against nothing but their codecs:");
    opus(60);
}

fn head() {
    println!(
        "{:<22}{:>8}{:>16}{:>20}{:>10}{:>8}{:>12}",
        "what", "members", "µs/member/20 ms", "ms CPU/member-s", "of floor", "lost ‰", "late p99 µs"
    );
}

/// Rooms of some sizes with so many members in all, a part of whom talk, between two floors.
fn table(members: usize, sizes: &[usize], talking: f64) {
    for size in sizes {
        let before = floor(members);
        let by_poll = rooms(members, *size, talking, Codec::Pcmu, IoMode::Poll);
        let by_uring = rooms(members, *size, talking, Codec::Pcmu, IoMode::Uring);
        let after = floor(members);
        let floor = (before.us + after.us) / 2.0;
        row("floor", members, &Figures { us: floor, ..before }, floor);
        let what = if *size == members { "one room".into() } else { format!("rooms of {size}") };
        row(&what, members, &by_poll, floor);
        row(&format!("{what}, io_uring"), members, &by_uring, floor);
    }
}

/// What a run showed.
struct Figures {
    /// CPU time of the thread, in microseconds a member and 20 ms.
    us: f64,
    /// Packets that the phones missed, in thousandths.
    lost: f64,
    late_us: Option<u64>,
}

fn row(what: &str, members: usize, figures: &Figures, floor: f64) {
    let late = figures.late_us.map_or("-".into(), |us| format!("≤ {us}"));
    println!(
        "{what:<22}{members:>8}{:>16.2}{:>20.3}{:>10.2}{:>8.1}{late:>12}",
        figures.us,
        figures.us * 50.0 / 1_000.0,
        figures.us / floor,
        figures.lost,
    );
}

/// Phones that send 20 ms of voice, each its own, and take what came, a quarter of them every 5 ms.
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
        let sockets = Arc::new((0..count).map(|_| socket()).collect());
        Phones { sockets, heard: Arc::default(), stop: Arc::default(), thread: None }
    }

    fn address(&self, at: usize) -> SocketAddr {
        self.sockets[at].local_addr().expect("a bound socket")
    }

    /// The first `talking` of them talk; the others send silence.
    fn start(&mut self, talking: usize, codec: Codec) {
        let (sockets, heard, stop) = (self.sockets.clone(), self.heard.clone(), self.stop.clone());
        let mut writers: Vec<Writer> = (0..sockets.len()).map(|n| Writer::new(n as u32, Seq(0))).collect();
        let voices: Vec<Vec<Vec<u8>>> = (0..7).map(|n| voice(n, codec)).collect();
        let quiet = vec![0xff; 160];
        self.thread = Some(thread::spawn(move || {
            let mut packet = [0; 1_500];
            let mut buffer = [0; 1_500];
            grid(&stop, |slot| {
                let turn = slot as usize / 4;
                let timestamp = RtpTime(turn as u32 * codec.clock() / 50);
                for n in (slot as usize % 4..sockets.len()).step_by(4) {
                    let voice = &voices[n % voices.len()];
                    let payload = if n < talking { &voice[(turn + n) % voice.len()] } else { &quiet };
                    let len = HEADER + payload.len();
                    packet[HEADER..len].copy_from_slice(payload);
                    writers[n].write(
                        &mut packet[..len],
                        codec.payload_type().unwrap_or(96),
                        false,
                        timestamp,
                    );
                    let _ = sockets[n].send(&packet[..len]);
                    while sockets[n].recv(&mut buffer).is_ok() {
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }));
    }
}

/// A second of loud noise in packets of 20 ms, different for each.
fn voice(n: u32, codec: Codec) -> Vec<Vec<u8>> {
    let rate = codec.rate();
    let settings = OpusSettings { complexity: 0, ..OpusSettings::default() };
    let mut encoder = Encoder::new(codec, rate, &settings).expect("an encoder");
    let mut state = 0x2545_f491u32.wrapping_add(n.wrapping_mul(2_654_435_761)) | 1;
    let mut sample = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        ((state >> 8) as i32 % 8_001 - 4_000) as i16
    };
    let mut packet = || {
        let frame: Vec<i16> = (0..rate.0 / 50).map(|_| sample()).collect();
        let mut payload = vec![0; 1_400];
        let len = encoder.encode(&frame, &mut payload);
        payload.truncate(len);
        payload
    };
    (0..50).map(|_| packet()).collect()
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
        if let Some(rest) = (SLOT * n as u32).checked_sub(epoch.elapsed()) {
            thread::sleep(rest);
        }
        slot(n);
        n += 1;
    }
}

/// Let a thread run and take its CPU time, and what the phones heard meanwhile.
fn measure(members: usize, tid: i32, phones: &Phones) -> Figures {
    thread::sleep(WARM);
    let (cpu, wall, heard) = (cpu_time(tid), Instant::now(), phones.heard.load(Ordering::Relaxed));
    thread::sleep(MEASURE);
    let cpu = cpu_time(tid) - cpu;
    let heard = phones.heard.load(Ordering::Relaxed) - heard;
    let turns = wall.elapsed().as_secs_f64() * 50.0 * members as f64;
    let lost = ((turns - heard as f64) / turns * 1_000.0).max(0.0);
    Figures { us: cpu.as_secs_f64() * 1e6 / turns, lost, late_us: None }
}

/// The least that can be done with a socket a member: one `recvfrom` and one `sendto` a packet time.
fn floor(members: usize) -> Figures {
    let mut phones = Phones::new(members);
    let sockets: Vec<UdpSocket> = (0..members)
        .map(|n| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket that does not block");
            let port = socket.local_addr().expect("a bound socket").port();
            phones.sockets[n].connect((Ipv4Addr::LOCALHOST, port)).expect("a peer");
            socket
        })
        .collect();
    let peers: Vec<SocketAddr> = (0..members).map(|n| phones.address(n)).collect();
    phones.start(members, Codec::Pcmu);
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
        let (packet, mut buffer) = ([0xd5; HEADER + 160], [0; 2_048]);
        grid(&ends, |slot| {
            for n in (slot as usize % 4..sockets.len()).step_by(4) {
                let _ = sockets[n].recv_from(&mut buffer);
                let _ = sockets[n].send_to(&packet, peers[n]);
            }
        });
    });
    let figures = measure(members, tid.recv().expect("the floor's thread"), &phones);
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    figures
}

fn rooms(members: usize, size: usize, talking: f64, codec: Codec, io: IoMode) -> Figures {
    let bind = Ipv4Addr::UNSPECIFIED.into();
    let config = Config { workers: 1, bind, dscp: None, io, ..Config::default() };
    let engine = Engine::start(config, |_| {}).expect("the engine");
    let mut phones = Phones::new(members);
    let rate = codec.rate();
    let mut room = None;
    for n in 0..members {
        if n % size == 0 {
            room = engine.open_room(RoomConfig { rate, widens: false }).ok();
        }
        let ports = engine.reserve().expect("ports");
        phones.sockets[n].connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).expect("a peer");
        let setup = LegSetup {
            opus: OpusSettings { complexity: 0, ..OpusSettings::default() },
            told: Some(Ipv4Addr::LOCALHOST.into()),
            ..LegSetup::new(codec, codec.payload_type().unwrap_or(96), phones.address(n))
        };
        let leg = engine.adopt(ports, setup).expect("a leg");
        engine.join(room.expect("a room"), leg, 1, Member::default()).expect("room in the queue");
        // A burst of commands is obeyed 256 a slot.
        if n % 100 == 99 {
            thread::sleep(4 * SLOT);
        }
    }
    phones.start((members as f64 * talking).ceil() as usize, codec);
    let mut figures = measure(members, thread_named("media-0").expect("the worker"), &phones);
    figures.late_us = engine.stats().lateness.quantile_us(0.99);
    engine.stop();
    figures
}

/// Opus members against the cost of one encoding and one decoding each.
fn opus(members: usize) {
    let rate = Rate::FULL;
    let settings = OpusSettings { complexity: 0, ..OpusSettings::default() };
    let packets = voice(1, Codec::Opus);
    let mut encoder = Encoder::new(Codec::Opus, rate, &settings).expect("an encoder");
    let mut decoder = audio::codec::Decoder::new(Codec::Opus, rate).expect("a decoder");
    let (mut frame, mut payload) = (vec![0; 960], vec![0; 1_400]);
    let begin = Instant::now();
    for packet in packets.iter().cycle().take(2_000) {
        decoder.decode(packet, &mut frame);
        encoder.encode(&frame, &mut payload);
    }
    let codec = begin.elapsed().as_secs_f64() * 1e6 / 2_000.0;
    row("codec alone", members, &Figures { us: codec, lost: 0.0, late_us: None }, codec);
    let figures = rooms(members, 3, 1.0, Codec::Opus, IoMode::Poll);
    row("rooms of 3", members, &figures, codec);
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
