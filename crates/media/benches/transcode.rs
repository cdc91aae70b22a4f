//! What pairs of legs with different codecs cost: thread CPU time of the worker a pair and 20 ms, beside what the codecs
//! alone cost in the same run, and a pair of G.711's two laws, which is everything but codecs.
//!
//! `cargo bench -p media --bench transcode`, or with numbers of pairs: `-- 20 60`.
//! A machine's speed swings: what counts is `over`, what a pair costs more than the G.711 pair, by what its codecs cost.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::{Pcm, Rate, tone};
use media::{Config, Engine, LegSetup};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

const SLOT: Duration = Duration::from_millis(5);
const WARM: Duration = Duration::from_millis(800);
const MEASURE: Duration = Duration::from_secs(2);

/// One side of a pair: what is on the wire, and the rate at which the leg works.
#[derive(Clone, Copy)]
struct Side {
    codec: Codec,
    wire: Rate,
    rate: Rate,
    complexity: u8,
}

const fn side(codec: Codec, wire: u32, rate: u32, complexity: u8) -> Side {
    Side { codec, wire: Rate(wire), rate: Rate(rate), complexity }
}

const ULAW: Side = side(Codec::Pcmu, 8_000, 8_000, 0);
const ALAW: Side = side(Codec::Pcma, 8_000, 8_000, 0);
const G722: Side = side(Codec::G722, 16_000, 16_000, 0);

const PAIRS: [(&str, Side, Side); 6] = [
    ("PCMU/PCMA", ULAW, ALAW),
    ("PCMU/G722", ULAW, G722),
    ("PCMU/opus 48k, complexity 0", ULAW, side(Codec::Opus, 48_000, 8_000, 0)),
    ("PCMU/opus 48k, complexity 5", ULAW, side(Codec::Opus, 48_000, 8_000, 5)),
    ("G722/opus 48k, complexity 0", G722, side(Codec::Opus, 48_000, 16_000, 0)),
    ("G722/opus 48k, complexity 5", G722, side(Codec::Opus, 48_000, 16_000, 5)),
];

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![20, 60];
    }
    println!(
        "{:<30}{:>6}{:>14}{:>14}{:>8}{:>14}{:>8}",
        "what", "pairs", "µs/pair/20 ms", "codecs alone", "over", "pairs a core", "lost ‰"
    );
    for pairs in sizes {
        let mut law = 0.0;
        for (name, one, other) in PAIRS {
            let before = alone(pairs, one, other);
            let (us, lost) = run(pairs, one, other);
            let codecs = (before + alone(pairs, one, other)) / 2.0;
            if name == PAIRS[0].0 {
                law = us;
            }
            let over = if codecs < 1.0 { "-".to_owned() } else { format!("{:.2}", (us - law) / codecs) };
            println!(
                "{name:<30}{pairs:>6}{us:>14.1}{codecs:>14.1}{over:>8}{:>14.0}{lost:>8.1}",
                20_000.0 / us
            );
        }
    }
}

/// Two seconds of something that moves like a voice.
fn speech(rate: Rate) -> Pcm {
    let mut sound = Pcm::new(rate, Vec::new());
    for word in 0..5u16 {
        let pitches = [120 + word * 9, 360 + word * 27, 700, 1_220 + word * 40, 2_600];
        let length = Duration::from_millis(300);
        sound.append(&tone::render(&pitches, length, Duration::ZERO, length, rate));
        sound.append(&Pcm::silence(rate, Duration::from_millis(100)));
    }
    let mut state = 1u32;
    for sample in &mut sound.samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = sample.saturating_add(((state >> 16) as i16) >> 8);
    }
    sound
}

fn settings(side: Side) -> OpusSettings {
    OpusSettings { complexity: side.complexity, ..OpusSettings::default() }
}

/// What the far end of a side sends, packet by packet.
fn packets(side: Side) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(side.codec, side.wire, &settings(side)).expect("an encoder");
    let mut payload = [0; MAX_PAYLOAD];
    let sound = speech(side.wire);
    let frames = sound.samples.chunks_exact(side.wire.0 as usize / 50);
    frames
        .map(|frame| {
            let length = encoder.encode(frame, &mut payload);
            payload[..length].to_vec()
        })
        .collect()
}

/// Microseconds of this thread that both sides' decoders and encoders take for 20 ms of a pair, and nothing else. There are
/// as many of them as of pairs, which have their turns one after the other: each is out of the caches by its next.
fn alone(pairs: usize, one: Side, other: Side) -> f64 {
    const ROUNDS: usize = 100;
    let both = [one, other].map(|side| {
        let pair = |_| {
            let decoder = Decoder::new(side.codec, side.rate).expect("a decoder");
            (decoder, Encoder::new(side.codec, side.rate, &settings(side)).expect("an encoder"))
        };
        (packets(side), (0..pairs).map(pair).collect::<Vec<_>>(), side.rate.0 as usize / 50)
    });
    let (mut samples, mut payload, mut both) = ([0; 960], [0; MAX_PAYLOAD], both);
    let begin = cpu_time(libc::CLOCK_THREAD_CPUTIME_ID);
    for round in 0..ROUNDS {
        for n in 0..pairs {
            for (packets, codecs, frame) in &mut both {
                let (packet, (decoder, encoder)) = (&packets[(round + n) % packets.len()], &mut codecs[n]);
                decoder.decode(packet, &mut samples);
                std::hint::black_box(encoder.encode(&samples[..*frame], &mut payload));
            }
        }
    }
    (cpu_time(libc::CLOCK_THREAD_CPUTIME_ID) - begin).as_secs_f64() * 1e6 / (ROUNDS * pairs) as f64
}

/// Microseconds of the worker a pair and 20 ms, and how many packets in a thousand the phones missed.
fn run(pairs: usize, one: Side, other: Side) -> (f64, f64) {
    let config = Config {
        workers: 1,
        bind: Ipv4Addr::UNSPECIFIED.into(),
        dscp: None,
        relay: false,
        ..Config::default()
    };
    let engine = Engine::start(config, |_| {}).expect("the engine");
    let mut phones = Vec::new();
    for n in 0..pairs as u64 {
        let legs = [one, other].map(|side| {
            let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
            phone.set_nonblocking(true).expect("a socket that does not block");
            let ports = engine.reserve().expect("ports");
            phone.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).expect("a peer");
            let payload_type = side.codec.payload_type().unwrap_or(107);
            let setup = LegSetup {
                rate: side.rate,
                opus: settings(side),
                // Without events, keys are listened for in the sound, which is not what is measured here.
                telephone_event: Some(101),
                telephone_event_receive: Some(101),
                told: Some(Ipv4Addr::LOCALHOST.into()),
                ..LegSetup::new(side.codec, payload_type, phone.local_addr().expect("bound"))
            };
            phones.push((phone, payload_type, side));
            engine.adopt(ports, setup).expect("a leg")
        });
        engine.bridge((legs[0], n), (legs[1], n)).expect("room in the queue");
    }
    let heard = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let talk = {
        let (heard, stop, voices) = (heard.clone(), stop.clone(), [packets(one), packets(other)]);
        thread::spawn(move || talk(&phones, &voices, &heard, &stop))
    };
    thread::sleep(WARM);
    let worker = clock_of(thread_named("media-0").expect("the worker"));
    let (cpu, wall, before) = (cpu_time(worker), Instant::now(), heard.load(Ordering::Relaxed));
    thread::sleep(MEASURE);
    let cpu = cpu_time(worker) - cpu;
    let turns = wall.elapsed().as_secs_f64() * 50.0 * pairs as f64;
    let heard = (heard.load(Ordering::Relaxed) - before) as f64;
    stop.store(true, Ordering::Relaxed);
    talk.join().expect("the phones");
    engine.stop();
    (cpu.as_secs_f64() * 1e6 / turns, ((2.0 * turns - heard) / turns * 500.0).max(0.0))
}

/// The phones: each sends a packet and takes what came every 20 ms, a quarter of them every 5 ms.
fn talk(phones: &[(UdpSocket, u8, Side)], voices: &[Vec<Vec<u8>>; 2], heard: &AtomicU64, stop: &AtomicBool) {
    let mut writers: Vec<Writer> = (0..phones.len()).map(|n| Writer::new(n as u32, Seq(0))).collect();
    let mut packet = [0; HEADER + MAX_PAYLOAD];
    let mut buffer = [0; 2_048];
    let (epoch, mut slot) = (Instant::now(), 0usize);
    while !stop.load(Ordering::Relaxed) {
        if let Some(rest) = (SLOT * slot as u32).checked_sub(epoch.elapsed()) {
            thread::sleep(rest);
        }
        for n in (slot % 4..phones.len()).step_by(4) {
            let (socket, payload_type, side) = &phones[n];
            let voice = &voices[n % 2];
            let payload = &voice[(slot / 4 + n) % voice.len()];
            let timestamp = RtpTime((slot / 4) as u32 * (side.codec.clock() / 50));
            packet[HEADER..HEADER + payload.len()].copy_from_slice(payload);
            let packet = &mut packet[..HEADER + payload.len()];
            writers[n].write(packet, *payload_type, false, timestamp);
            // A packet that finds no room is one that the leg misses.
            let _ = socket.send(packet);
            while socket.recv(&mut buffer).is_ok() {
                heard.fetch_add(1, Ordering::Relaxed);
            }
        }
        slot += 1;
    }
}

/// The clock of a thread's CPU time: linux/posix-timers has it as the thread's id, inverted, with the kind of clock below.
fn clock_of(tid: i32) -> libc::clockid_t {
    (!tid << 3) | 6
}

fn cpu_time(clock: libc::clockid_t) -> Duration {
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
