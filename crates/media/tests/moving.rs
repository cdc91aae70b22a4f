//! Legs that move between workers, with real threads and sockets: two that are bridged end on one worker, are relayed, and
//! nothing of what they do suffers.
//!
//! Each test runs over both backends; where there is no io_uring, twice over the other.

use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use audio::codec::Codec;
use audio::detect::goertzel_power;
use audio::{Rate, tone};
use media::{Command, Config, Event, IoMode, LegId, LegSetup, Member, Recording, RoomConfig, Sides};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq, View};

use self::house::House;

mod house;

/// Longer than anything here takes; reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(20);

/// What the phones sing.
const PITCHES: [f32; 2] = [420.0, 1_130.0];

impl House {
    /// Each leg comes to the emptier of two workers.
    fn new(io: IoMode, first_port: u16, recordings_dir: PathBuf) -> House {
        House::start(Config {
            crowd: 0,
            ports: first_port..=first_port + 99,
            io,
            recordings_dir,
            ..Config::default()
        })
    }

    fn phone(&self, n: usize) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let ports = self.engine.reserve().unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
        let setup = LegSetup::new(Codec::Pcmu, 0, socket.local_addr().unwrap());
        let leg = self.engine.adopt(ports, setup).unwrap();
        let sound = tone::render(&[PITCHES[n] as u16], DEADLINE, Duration::ZERO, DEADLINE, Rate::NARROW);
        Phone {
            leg,
            socket,
            writer: Writer::new(70 + n as u32, Seq(65_530)),
            timestamp: RtpTime(0),
            song: sound.samples,
            last: None,
            heard: Vec::new(),
        }
    }

    /// Until both have sung so often, each at the pace of what it is sent.
    fn sing(phones: &mut [Phone; 2], packets: usize) {
        for _ in 0..packets {
            phones.iter_mut().for_each(Phone::turn);
        }
    }

    fn relayed(&self) -> u64 {
        self.engine.stats().relayed
    }

    /// Ends what is there, and sees that nothing is left.
    fn over(self, legs: &[LegId]) {
        for leg in legs {
            self.engine.send(*leg, Command::Release).unwrap();
        }
        let mut left: Vec<LegId> = legs.to_vec();
        while !left.is_empty() {
            let ended =
                self.wait(|event| if let Event::Released { leg, .. } = event { Some(leg) } else { None });
            assert!(left.contains(&ended), "{ended} ends once");
            left.retain(|leg| *leg != ended);
        }
        let begun = Instant::now();
        while self.engine.stats().legs > 0 {
            assert!(begun.elapsed() < DEADLINE, "legs are left");
            std::thread::yield_now();
        }
        self.engine.stop();
    }
}

struct Phone {
    leg: LegId,
    socket: UdpSocket,
    writer: Writer,
    timestamp: RtpTime,
    song: Vec<i16>,
    /// SSRC, number and time of the last packet heard.
    last: Option<(u32, Seq, RtpTime)>,
    heard: Vec<i16>,
}

impl Phone {
    /// Sings 20 ms, and hears the next packet, which has to follow the one before.
    fn turn(&mut self) {
        let mut packet = vec![0; HEADER + 160];
        let from = self.timestamp.0 as usize % self.song.len();
        self.writer.write(&mut packet, 0, false, self.timestamp);
        Codec::Pcmu.encode(&self.song[from..from + 160], &mut packet[HEADER..]);
        self.timestamp = self.timestamp.plus(160);
        self.socket.send(&packet).unwrap();
        let mut buffer = [0; 2_048];
        let n = self.socket.recv(&mut buffer).unwrap();
        let view = View::parse(&buffer[..n]).unwrap();
        if let Some((ssrc, seq, timestamp)) = self.last {
            assert_eq!((view.ssrc, view.seq), (ssrc, seq.plus(1)), "one stream without a gap");
            let step = view.timestamp.since(timestamp);
            assert!(step > 0 && step % 160 == 0, "{step}");
        }
        self.last = Some((view.ssrc, view.seq, view.timestamp));
        let mut pcm = [0; 160];
        let n = Codec::Pcmu.decode(view.payload, &mut pcm);
        self.heard.extend_from_slice(&pcm[..n]);
    }

    /// How loud a pitch was in the last 200 ms.
    fn hears(&self, pitch: f32) -> f32 {
        let part = &self.heard[self.heard.len() - 1_600..];
        goertzel_power(part, Rate::NARROW, pitch).sqrt() / 800.0
    }
}

fn two_of_two_workers_are_relayed_once_they_are_bridged(io: IoMode) {
    let house = House::new(io, 21_600, PathBuf::new());
    let mut phones = [house.phone(0), house.phone(1)];
    let [one, other] = [phones[0].leg, phones[1].leg];
    assert!(one.to_string().starts_with("leg-0.") && other.to_string().starts_with("leg-1."));
    House::sing(&mut phones, 10);
    house.engine.bridge((one, 1), (other, 2)).unwrap();
    // What is sent meanwhile is not lost and not overtaken: each stops what the one before began.
    for tag in 10..40 {
        for leg in [one, other] {
            house.engine.send(leg, Command::Echo { tag }).unwrap();
            house.engine.send(leg, Command::Stop { tag }).unwrap();
        }
    }
    let mut ended: HashMap<LegId, u64> = HashMap::new();
    while ended.len() < 2 || ended.values().any(|last| *last < 39) {
        let (leg, tag, stopped) = house.wait(|event| match event {
            Event::Played { leg, tag, stopped } => Some((leg, tag, stopped)),
            _ => None,
        });
        let before = ended.insert(leg, tag);
        assert_eq!((before.map_or(10, |before| before + 1), stopped), (tag, true), "in their order");
    }
    let begun = Instant::now();
    let before = house.relayed();
    while house.relayed() < before + 150 {
        House::sing(&mut phones, 10);
        assert!(begun.elapsed() < DEADLINE, "they are not relayed");
    }
    for (phone, at) in phones.iter().zip([1, 0]) {
        let (wanted, own) = (phone.hears(PITCHES[at]), phone.hears(PITCHES[1 - at]));
        assert!(wanted > 1_000.0 && own < wanted / 10.0, "{wanted} {own}");
    }
    house.over(&[one, other]);
}

fn a_recording_of_who_moves_has_no_hole(io: IoMode) {
    let dir = tempfile::tempdir().unwrap();
    let house = House::new(io, 21_700, dir.path().to_owned());
    let mut phones = [house.phone(0), house.phone(1)];
    let [one, other] = [phones[0].leg, phones[1].leg];
    let record = |leg, name: &str| {
        let recording = Recording { sides: Sides::Heard, ..Recording::new(name) };
        house.engine.send(leg, Command::Record { tag: 9, recording }).unwrap();
    };
    House::sing(&mut phones, 10);
    record(one, "one.wav");
    record(other, "other.wav");
    House::sing(&mut phones, 50);
    house.engine.bridge((one, 1), (other, 2)).unwrap();
    House::sing(&mut phones, 75);
    for leg in [one, other] {
        house.engine.send(leg, Command::Stop { tag: 9 }).unwrap();
    }
    for _ in 0..2 {
        let (leg, path, duration) = house.wait(|event| match event {
            Event::Recorded { leg, path, duration, .. } => Some((leg, path, duration)),
            Event::RecordFailed { why, .. } => panic!("{why}"),
            _ => None,
        });
        let n = usize::from(leg == other);
        let sound = audio::read::decode(std::fs::read(path).unwrap(), Some("wav")).unwrap();
        assert!((2_300..2_900).contains(&duration.as_millis()), "{duration:?}");
        // From where its voice begins on, each 20 ms has it.
        let levels: Vec<f32> = sound
            .samples
            .chunks_exact(160)
            .map(|part| goertzel_power(part, Rate::NARROW, PITCHES[n]).sqrt() / 80.0)
            .collect();
        let begin = levels.iter().position(|level| *level > 1_000.0).unwrap();
        assert!(begin < 30, "{levels:?}");
        let holes = levels[begin..levels.len() - 2].iter().filter(|level| **level < 500.0).count();
        assert_eq!(holes, 0, "of {n}: {levels:?}");
    }
    house.over(&[one, other]);
}

fn whoever_is_bridged_with_whomever_ends_once_and_nothing_is_left(io: IoMode) {
    mingle(House::new(io, 21_800, PathBuf::new()), false);
}

fn legs_on_their_way_end_with_the_engine(io: IoMode) {
    mingle(House::new(io, 21_900, PathBuf::new()), true);
}

/// Many legs, bridged and put into a room by chance; in the end the engine is stopped in the midst of it, or they are.
fn mingle(house: House, stop: bool) {
    let remote = (Ipv4Addr::LOCALHOST, 9).into();
    let legs: Vec<LegId> = (0..24)
        .map(|_| {
            let ports = house.engine.reserve().unwrap();
            house.engine.adopt(ports, LegSetup::new(Codec::Pcmu, 0, remote)).unwrap()
        })
        .collect();
    let room = house.engine.open_room(RoomConfig::default()).unwrap();
    let mut chance: u64 = 0x9e37_79b9;
    let mut any = |of: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % of
    };
    let mut tag = 0;
    for _ in 0..600 {
        let (one, other) = (legs[any(24)], legs[any(24)]);
        tag += 2;
        match any(5) {
            _ if one == other => {}
            0 => house.engine.join(room, one, tag, Member::default()).unwrap(),
            1 => drop(house.engine.leave(room, one)),
            2 => house.engine.send(one, Command::Echo { tag }).unwrap(),
            _ => house.engine.bridge((one, tag), (other, tag + 1)).unwrap(),
        }
        if any(8) == 0 {
            std::thread::sleep(Duration::from_millis(7));
        }
    }
    house.engine.send_to_room(room, media::RoomCommand::Close).unwrap();
    let inside = |leg: LegId| house.engine.describe(leg).is_some_and(|line| line.contains("room"));
    let begun = Instant::now();
    while legs.iter().any(|leg| inside(*leg)) {
        assert!(begun.elapsed() < DEADLINE, "somebody is in the room");
        std::thread::yield_now();
    }
    for (one, other) in legs[..12].iter().zip(&legs[12..]) {
        tag += 2;
        house.engine.bridge((*one, tag), (*other, tag + 1)).unwrap();
    }
    if !stop {
        return house.over(&legs);
    }
    let House { engine, events } = house;
    engine.stop();
    let mut ended: Vec<LegId> = events
        .try_iter()
        .filter_map(|event| if let Event::Released { leg, .. } = event { Some(leg) } else { None })
        .collect();
    ended.sort_unstable();
    let mut all = legs;
    all.sort_unstable();
    assert_eq!(ended, all);
}

/// Each test with each backend.
macro_rules! with_each {
    ($($name:ident)*) => {
        mod by_poll {
            $(#[test] fn $name() { super::$name(media::IoMode::Poll) })*
        }
        mod by_uring {
            $(#[test] fn $name() { super::$name(media::IoMode::Uring) })*
        }
    };
}

with_each! {
    two_of_two_workers_are_relayed_once_they_are_bridged
    a_recording_of_who_moves_has_no_hole
    whoever_is_bridged_with_whomever_ends_once_and_nothing_is_left
    legs_on_their_way_end_with_the_engine
}
