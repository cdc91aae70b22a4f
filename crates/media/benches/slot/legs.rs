//! Legs that all do the same.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use audio::codec::{Codec, OpusSettings};
use audio::{Rate, tone};
use media::{Command, Config, Engine, Form, IoMode, LegId, LegSetup, Prompt, Recording, Repeat, Start};

use crate::Asked;
use crate::floor::{When, floor};
use crate::phones::{HUM, Phones, Said, payload_type};
use crate::report::{Figures, head, median, row};
use crate::thread::{self, SLOT, cpu_time};

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

pub(crate) fn tables(asked: &Asked) {
    let all = !JOBS.iter().any(|(name, ..)| asked.named(name));
    head();
    for legs in asked.sizes(&[100, 400, 1_600, thread::most_legs()]) {
        for (io, mode) in asked.modes() {
            let jobs = JOBS.iter().filter(|(name, ..)| all || asked.named(name));
            rows(legs, io, mode, jobs.copied().collect());
        }
    }
}

/// The rows of a backend: floors before, among and after the others, since a machine's speed changes within seconds.
fn rows(legs: usize, io: &str, mode: IoMode, jobs: Vec<(&str, Job, Option<f64>)>) {
    let mut floors = vec![floor(legs, mode, When::Slot)];
    let mut runs = Vec::new();
    for (n, (name, job, most)) in jobs.iter().enumerate() {
        if *job == Job::Relay {
            runs.push(("floor, at once", floor(legs, mode, When::AtOnce), None));
        }
        runs.push((*name, engine(legs, *job, mode), *most));
        if n % 2 == 1 || n + 1 == jobs.len() {
            floors.push(floor(legs, mode, When::Slot));
        }
    }
    let floor = median(floors);
    row("floor", io, legs, &floor, floor.us);
    for (name, figures, most) in runs {
        let name = most.map_or(name.to_owned(), |most| format!("{name} (≤ {most})"));
        row(&name, io, legs, &figures, floor.us);
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
        let codec = self.codec(n);
        // Without events, keys are listened for in the sound, which is not what is measured here.
        LegSetup {
            telephone_event: Some(101),
            telephone_event_receive: Some(101),
            told: Some(Ipv4Addr::LOCALHOST.into()),
            ..LegSetup::new(codec, payload_type(codec), remote)
        }
    }

    /// What the `n`th phone speaks.
    fn codec(self, n: usize) -> Codec {
        if self == Job::Transcode && n % 2 == 1 { Codec::Pcma } else { Codec::Pcmu }
    }
}

fn engine(legs: usize, job: Job, io: IoMode) -> Figures {
    let folder = std::env::temp_dir().join(format!("offhook-bench-{}", std::process::id()));
    let config = Config {
        workers: 1,
        bind: Ipv4Addr::UNSPECIFIED.into(),
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
        let phone = phones.call(n, &ports);
        let leg = engine.adopt(ports, job.setup(n, phone)).expect("a leg");
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
            sleep(4 * SLOT);
        }
    }
    phones.start(move |_, n| Said { codec: job.codec(n), ..HUM });
    // Recording takes another thread beside the worker.
    let disk = (job == Job::Record).then(|| thread::named("media-disk").expect("the disk thread"));
    let before = disk.map(cpu_time);
    let mut figures = phones.measure(thread::named("media-0").expect("the worker"));
    if let (Some(disk), Some(before)) = (disk, before) {
        figures.disk = (cpu_time(disk) - before).as_secs_f64() * 1e6 / figures.turns;
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

/// The form of all prompts here.
fn ulaw() -> Form {
    Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default())
}
