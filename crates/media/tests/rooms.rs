//! Rooms over real sockets and threads: members on two workers, other packet times, coaches, recordings.
//!
//! Each phone sings a tone of its own, at the pace of what it is sent; what it hears is told apart by pitch.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use audio::codec::{Codec, Decoder, Encoder, OpusSettings};
use audio::detect::goertzel_power;
use audio::{Rate, tone};
use media::{
    Command, Config, Event, Form, Format, IoMode, LegId, LegSetup, Member, Prompt, Repeat, RoomCommand,
    RoomConfig, RoomId,
};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq, View};

use self::house::House;

mod house;

/// Longer than anything here takes; reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(10);

/// Pitches, none of which is a multiple of another.
const PITCHES: [f64; 6] = [420.0, 550.0, 690.0, 830.0, 970.0, 1_130.0];

impl House {
    fn new(first_port: u16, ports: u16) -> House {
        House::recording_to(first_port, ports, std::env::temp_dir())
    }

    fn recording_to(first_port: u16, ports: u16, recordings_dir: std::path::PathBuf) -> House {
        House::start(Config {
            ports: first_port..=first_port + ports - 1,
            recordings_dir,
            io: IoMode::Poll,
            ..Config::default()
        })
    }

    fn wait_for(&self, event: &Event) {
        self.wait(|other| (other == *event).then_some(()));
    }

    /// The first worker has so many legs that the next leg comes to the second.
    fn crowd(&self) {
        for _ in 0..256 {
            let remote = (Ipv4Addr::LOCALHOST, 9).into();
            let held = LegSetup { send: false, receive: false, ..LegSetup::new(Codec::Pcmu, 0, remote) };
            self.engine.adopt(self.engine.reserve().unwrap(), held).unwrap();
        }
    }

    fn phone(&self, n: usize, codec: Codec, ptime: u64) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let ports = self.engine.reserve().unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
        let payload_type = codec.payload_type().unwrap_or(96);
        let setup = LegSetup {
            ptime: Duration::from_millis(ptime),
            ..LegSetup::new(codec, payload_type, socket.local_addr().unwrap())
        };
        let leg = self.engine.adopt(ports, setup.clone()).unwrap();
        Phone {
            leg,
            n,
            socket,
            writer: Writer::new(70 + n as u32, Seq(1)),
            timestamp: RtpTime(0),
            encoder: Encoder::new(codec, setup.rate, &OpusSettings::default()).unwrap(),
            decoder: Decoder::new(codec, setup.rate).unwrap(),
            setup,
            at: 0,
            heard: Vec::new(),
        }
    }

    fn join(&self, room: RoomId, phone: &Phone, member: Member) {
        self.engine.join(room, phone.leg, phone.n as u64, member).unwrap();
        self.wait_for(&Event::Joined { room, leg: phone.leg, tag: phone.n as u64 });
    }
}

struct Phone {
    leg: LegId,
    n: usize,
    socket: UdpSocket,
    setup: LegSetup,
    writer: Writer,
    timestamp: RtpTime,
    encoder: Encoder,
    decoder: Decoder,
    at: usize,
    heard: Vec<i16>,
}

impl Phone {
    /// What came while nobody sang is no pace.
    fn drain(&mut self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 2_048]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
        self.heard.clear();
    }

    /// Take a packet and send one.
    fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        let n = self.socket.recv(&mut buffer).unwrap();
        if buffer[1] >= 200 {
            return;
        }
        let view = View::parse(&buffer[..n]).unwrap();
        let mut pcm = [0; 2_880];
        let n = self.decoder.decode(view.payload, &mut pcm);
        self.heard.extend_from_slice(&pcm[..n]);
        let rate = self.setup.rate.0 as f64;
        let samples = self.setup.rate.0 as usize * self.setup.ptime.as_millis() as usize / 1_000;
        let at = self.at;
        self.at += samples;
        let angle = |n: usize| (at + n) as f64 / rate * PITCHES[self.n] * std::f64::consts::TAU;
        let frame: Vec<i16> = (0..samples).map(|n| (angle(n).sin() * 4_000.0) as i16).collect();
        let mut packet = [0; 1_500];
        let n = self.encoder.encode(&frame, &mut packet[HEADER..]);
        self.writer.write(&mut packet, self.setup.payload_type, false, self.timestamp);
        let ticks = self.setup.codec.clock() / 1_000 * self.setup.ptime.as_millis() as u32;
        self.timestamp = self.timestamp.plus(ticks);
        self.socket.send(&packet[..HEADER + n]).unwrap();
    }

    /// Whom it hears, by the middle of what it heard: not all begin and end at once.
    fn hears(&self) -> Vec<usize> {
        let middle = &self.heard[self.heard.len() / 4..self.heard.len() * 3 / 4];
        (0..PITCHES.len()).filter(|n| level(middle, self.setup.rate, PITCHES[*n]) > 700.0).collect()
    }
}

/// How loud a pitch is: by parts of 100 ms, for on a busy machine a stream is stretched and mended.
fn level(sound: &[i16], rate: Rate, pitch: f64) -> f64 {
    let parts = sound.chunks_exact(rate.0 as usize / 10);
    let count = parts.len() as f64;
    let power: f64 = parts.map(|part| f64::from(goertzel_power(part, rate, pitch as f32))).sum();
    (power / count).sqrt() * 20.0 / f64::from(rate.0)
}

/// All sing for so many milliseconds, each in a thread of its own, for their packet times differ.
fn sing(phones: &mut [Phone], ms: u64) {
    std::thread::scope(|scope| {
        for phone in phones {
            scope.spawn(move || {
                let turns = ms / phone.setup.ptime.as_millis() as u64;
                phone.drain();
                (0..turns).for_each(|_| phone.turn());
            });
        }
    });
}

fn others(n: usize, of: usize) -> Vec<usize> {
    (0..of).filter(|other| *other != n).collect()
}

#[test]
fn members_on_two_workers_hear_each_other_as_in_one_room() {
    let house = House::new(25_800, 600);
    let room = house.engine.open_room(RoomConfig { rate: Rate::NARROW, widens: false }).unwrap();
    let mut phones = vec![house.phone(0, Codec::Pcmu, 20), house.phone(1, Codec::Pcma, 20)];
    house.crowd();
    phones.extend([house.phone(2, Codec::Pcmu, 20), house.phone(3, Codec::Pcmu, 30)]);
    let workers: Vec<bool> = phones.iter().map(|phone| phone.leg.to_string().starts_with("leg-1.")).collect();
    assert_eq!(workers, [false, false, true, true]);
    phones.iter().for_each(|phone| house.join(room, phone, Member::default()));
    sing(&mut phones, 1_500);
    for phone in &phones {
        assert_eq!(phone.hears(), others(phone.n, 4), "phone {}", phone.n);
    }
    let described = house.engine.describe(phones[2].leg).unwrap();
    assert!(
        described.contains(&format!("room {} (4)", room.to_string().trim_start_matches("room-"))),
        "{described}"
    );
    assert_eq!(house.engine.members(room).len(), 4);

    // Now the hub has nobody of its own any more.
    house.engine.send(phones[0].leg, Command::Release).unwrap();
    house.wait_for(&Event::Left { room, leg: phones[0].leg, tag: 0 });
    house.engine.leave(room, phones[1].leg).unwrap();
    house.wait_for(&Event::Left { room, leg: phones[1].leg, tag: 1 });
    phones.remove(0);
    sing(&mut phones, 1_200);
    assert_eq!([0, 1, 2].map(|n: usize| phones[n].hears()), [vec![], vec![3], vec![2]]);

    house.engine.send_to_room(room, RoomCommand::Close).unwrap();
    let mut gone = 0;
    house.wait(|event| {
        gone += usize::from(matches!(event, Event::Left { .. }));
        (gone == 2).then_some(())
    });
    assert!(house.engine.join(room, phones[0].leg, 9, Member::default()).is_err());
    house.engine.stop();
}

#[test]
fn a_coach_on_another_worker_is_heard_by_the_agent_only() {
    let house = House::new(26_400, 600);
    let room = house.engine.open_room(RoomConfig { rate: Rate::NARROW, widens: false }).unwrap();
    let customer = house.phone(0, Codec::Pcmu, 20);
    house.crowd();
    let (agent, coach) = (house.phone(1, Codec::Pcmu, 20), house.phone(2, Codec::Pcmu, 20));
    let mut phones = [customer, agent, coach];
    let agent = phones[1].leg;
    house.join(room, &phones[0], Member::default());
    house.join(room, &phones[1], Member::default());
    let whisper = Member { private: true, pairs: vec![(agent, 1.0)], ..Member::default() };
    house.join(room, &phones[2], whisper.clone());
    sing(&mut phones, 1_200);
    assert_eq!([0, 1, 2].map(|n: usize| phones[n].hears()), [vec![1], vec![0, 2], vec![0, 1]]);
    // The coach takes part, then only listens.
    house.engine.change(room, phones[2].leg, Member::default()).unwrap();
    sing(&mut phones, 1_200);
    assert_eq!([0, 1, 2].map(|n: usize| phones[n].hears()), [vec![1, 2], vec![0, 2], vec![0, 1]]);
    house.engine.change(room, phones[2].leg, Member { mute: true, ..whisper }).unwrap();
    sing(&mut phones, 1_200);
    assert_eq!([0, 1, 2].map(|n: usize| phones[n].hears()), [vec![1], vec![0], vec![0, 1]]);
    house.engine.stop();
}

#[test]
fn a_room_is_recorded_announced_to_and_plays_music_to_who_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::recording_to(24_240, 20, folder.path().to_owned());
    let room = house.engine.open_room(RoomConfig { rate: Rate::NARROW, widens: false }).unwrap();
    let record = |tag| RoomCommand::Record {
        tag,
        path: "room.wav".into(),
        format: Format::Wav,
        rate: None,
        limit: None,
        silence: None,
    };
    assert!(house.engine.send_to_room(room, record(1)).is_err(), "nobody is there to be recorded");
    let length = Duration::from_secs(10);
    let sound = |hertz| tone::render(&[hertz], length, Duration::ZERO, length, Rate::NARROW);
    let mut phones = vec![house.phone(0, Codec::Pcmu, 20)];
    let music = Arc::new(Prompt::encode(&sound(970), phones[0].setup.form()).unwrap());
    house.join(room, &phones[0], Member { music: vec![music], ..Member::default() });
    sing(&mut phones, 800);
    assert_eq!(phones[0].hears(), [4]);
    phones.push(house.phone(1, Codec::Pcmu, 20));
    house.join(room, &phones[1], Member::default());
    house.engine.send_to_room(room, record(2)).unwrap();
    let linear = Form::new(Codec::L16(Rate::NARROW), Duration::from_millis(20), OpusSettings::default());
    let words = Arc::new(Prompt::encode(&sound(1_130), linear).unwrap());
    let play = |tag, items| RoomCommand::Play { tag, items, repeat: Repeat::Times(1) };
    let wrong = Arc::new(Prompt::encode(&sound(970), phones[0].setup.form()).unwrap());
    assert!(house.engine.send_to_room(room, play(3, vec![wrong])).is_err());
    house.engine.send_to_room(room, play(3, vec![words])).unwrap();
    sing(&mut phones, 1_200);
    assert_eq!([0, 1].map(|n: usize| phones[n].hears()), [vec![1, 5], vec![0, 5]]);
    house.engine.send_to_room(room, RoomCommand::Stop { tag: 3 }).unwrap();
    house.wait_for(&Event::RoomPlayed { room, tag: 3, stopped: true });
    house.engine.send_to_room(room, RoomCommand::Stop { tag: 2 }).unwrap();
    let (path, duration) = house.wait(|event| match event {
        Event::RoomRecorded { tag: 2, path, duration, .. } => Some((path, duration)),
        _ => None,
    });
    assert!(duration > Duration::from_millis(1_000), "{duration:?}");
    let heard = audio::read::decode(std::fs::read(path).unwrap(), Some("wav")).unwrap();
    let last = &heard.samples[heard.samples.len() - 4_000..];
    for pitch in [0, 1, 5].map(|n: usize| PITCHES[n]) {
        assert!(level(last, heard.rate, pitch) > 700.0, "{pitch} Hz are in the recording");
    }
    house.engine.leave(room, phones[1].leg).unwrap();
    house.wait_for(&Event::Left { room, leg: phones[1].leg, tag: 1 });
    phones.truncate(1);
    sing(&mut phones, 800);
    assert_eq!(phones[0].hears(), [4], "alone again");
    house.engine.stop();
}

#[test]
fn whoever_joins_leaves_once_whatever_happens_and_nothing_stays_behind() {
    let house = House::new(25_000, 800);
    let mut phones: Vec<Phone> = (0..3).map(|n| house.phone(n, Codec::Pcmu, 20)).collect();
    house.crowd();
    phones.extend([(3, 20), (4, 30), (5, 20)].map(|(n, ptime)| house.phone(n, Codec::Pcmu, ptime)));
    let mut state = 0x2545_f491_u32;
    let mut dice = |sides: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) % sides
    };
    let open = || house.engine.open_room(RoomConfig { rate: Rate::NARROW, widens: false }).unwrap();
    let mut rooms = [open(), open()];
    let mut joins = Vec::new();
    for tag in 0..600 {
        let at = dice(2) as usize;
        let room = rooms[at];
        let phone = &phones[dice(6) as usize];
        let leg = phone.leg;
        match dice(12) {
            0 => {
                house.engine.send_to_room(room, RoomCommand::Close).unwrap();
                rooms[at] = open();
            }
            1..=3 => drop(house.engine.leave(room, leg)),
            4 => {
                let other = phones[dice(6) as usize].leg;
                let pairs = vec![(other, 2.0)];
                drop(house.engine.change(
                    room,
                    leg,
                    Member { pairs, private: dice(2) == 0, ..Member::default() },
                ));
            }
            5 => {
                let ptime = Duration::from_millis([20, 30][dice(2) as usize]);
                let setup = LegSetup { ptime, ..phone.setup.clone() };
                house.engine.send(leg, Command::Reconfigure(Box::new(setup))).unwrap();
            }
            6 => house
                .engine
                .send(leg, Command::Stop { tag: tag - u64::from(dice(20).min(tag as u32)) })
                .unwrap(),
            _ => {
                house.engine.join(room, leg, tag, Member::default()).unwrap();
                joins.push((room, leg, tag));
            }
        }
        if dice(3) == 0 {
            std::thread::sleep(Duration::from_millis(u64::from(dice(12))));
        }
    }
    for phone in &phones {
        house.engine.send(phone.leg, Command::Release).unwrap();
    }
    let (mut joined, mut left, mut released) = (Vec::new(), Vec::new(), Vec::new());
    // A seat on another worker than its leg's may come out last; that it was left is told before.
    while released.len() < phones.len() || left.len() < joins.len() {
        match house.events.recv_timeout(DEADLINE).expect("an event in time") {
            Event::Joined { room, leg, tag } => joined.push((room, leg, tag)),
            Event::Left { room, leg, tag } => left.push((room, leg, tag)),
            Event::Released { leg, .. } => released.push(leg),
            _ => {}
        }
    }
    let deadline = std::time::Instant::now() + DEADLINE;
    while house.engine.stats().rooms > 0 {
        assert!(std::time::Instant::now() < deadline, "a room that runs for nobody");
        std::thread::sleep(Duration::from_millis(20));
    }
    left.extend(house.events.try_iter().filter_map(|event| match event {
        Event::Left { room, leg, tag } => Some((room, leg, tag)),
        _ => None,
    }));
    let sorted = |mut list: Vec<(RoomId, LegId, u64)>| {
        list.sort_unstable();
        list
    };
    assert_eq!(sorted(left), sorted(joins.clone()), "whoever was let in is told to have left, once");
    assert!(joined.len() > joins.len() / 2 && joined.iter().all(|one| joins.contains(one)));
    let count = joined.len();
    joined.sort_unstable();
    joined.dedup();
    assert_eq!(joined.len(), count, "and to have joined, once");
    assert!(rooms.iter().all(|room| house.engine.members(*room).is_empty()));
    assert_eq!(house.engine.stats().panics, 0);
    house.engine.stop();
}

#[test]
fn a_room_becomes_wider_with_who_comes_and_with_a_re_invite_and_its_recording_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::recording_to(27_600, 600, folder.path().to_owned());
    let room = house.engine.open_room(RoomConfig::suiting(Rate::NARROW)).unwrap();
    let mut phones = vec![house.phone(0, Codec::Pcmu, 20), house.phone(1, Codec::Pcma, 30)];
    house.crowd();
    phones.push(house.phone(2, Codec::Pcmu, 20));
    phones.iter().for_each(|phone| house.join(room, phone, Member::default()));
    let path = "room.wav".into();
    let (format, rate) = (Format::Wav, Some(Rate::WIDE));
    let record = RoomCommand::Record { tag: 1, path, format, rate, limit: None, silence: None };
    house.engine.send_to_room(room, record).unwrap();
    sing(&mut phones, 900);
    assert_eq!(house.engine.room_rate(room), Some(Rate::NARROW));
    phones.push(house.phone(3, Codec::G722, 20));
    house.join(room, &phones[3], Member::default());
    assert_eq!(house.engine.room_rate(room), Some(Rate::WIDE));
    sing(&mut phones, 1_200);
    for phone in &phones {
        assert_eq!(phone.hears(), others(phone.n, 4), "phone {}", phone.n);
    }
    // One of those who were there before changes over.
    let before = phones.swap_remove(0);
    let setup = LegSetup { codec: Codec::Opus, payload_type: 96, rate: Rate::FULL, ..before.setup.clone() };
    house.engine.send(before.leg, Command::Reconfigure(Box::new(setup.clone()))).unwrap();
    let encoder = Encoder::new(Codec::Opus, setup.rate, &OpusSettings::default()).unwrap();
    let decoder = Decoder::new(Codec::Opus, setup.rate).unwrap();
    phones.push(Phone { encoder, decoder, setup, at: 0, ..before });
    assert_eq!(house.engine.room_rate(room), Some(Rate::FULL));
    sing(&mut phones, 600);
    sing(&mut phones, 1_200);
    for phone in &phones {
        assert_eq!(phone.hears(), others(phone.n, 4), "phone {}", phone.n);
    }
    house.engine.send_to_room(room, RoomCommand::Stop { tag: 1 }).unwrap();
    let (path, duration) = house.wait(|event| match event {
        Event::RoomRecorded { tag: 1, path, duration, .. } => Some((path, duration)),
        _ => None,
    });
    assert!(duration > Duration::from_millis(3_000), "{duration:?}");
    let heard = audio::read::decode(std::fs::read(path).unwrap(), Some("wav")).unwrap();
    assert_eq!(heard.rate, Rate::WIDE);
    let last = &heard.samples[heard.samples.len() - 8_000..];
    for pitch in [0, 1, 2, 3].map(|n: usize| PITCHES[n]) {
        assert!(level(last, heard.rate, pitch) > 700.0, "{pitch} Hz are in the recording");
    }
    assert_eq!(house.engine.stats().panics, 0);
    house.engine.stop();
}
