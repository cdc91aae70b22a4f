//! The engine with its real threads, sockets and files; everything is waited for by its event.
//!
//! Each test runs over both backends; where there is no io_uring, twice over the other.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use audio::codec::{Codec, OpusSettings};
use audio::{Pcm, Rate, tone};
use media::{
    Command, Config, DigitToSend, Engine, Error, Event, Form, IoMode, LegId, LegSetup, Ports, Profile,
    Prompt, Recording, Repeat, Security, SrtpKeys, Start,
};
use rtp::packet::{HEADER, Writer};
use rtp::srtp::Unprotector;
use rtp::{RtpTime, Seq, View};

use self::house::House;

mod house;

/// Longer than anything here takes; reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(10);

impl House {
    fn new(io: IoMode, ports: std::ops::RangeInclusive<u16>, recordings_dir: PathBuf) -> House {
        House::start(Config { ports, io, recordings_dir, ..Config::default() })
    }

    fn leg(&self, phone: &Phone) -> LegId {
        let ports = self.engine.reserve().unwrap();
        phone.socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
        self.engine.adopt(ports, setup(phone.socket.local_addr().unwrap())).unwrap()
    }
}

fn setup(remote: SocketAddr) -> LegSetup {
    LegSetup {
        telephone_event: Some(101),
        telephone_event_receive: Some(101),
        ..LegSetup::new(Codec::Pcmu, 0, remote)
    }
}

struct Phone {
    socket: UdpSocket,
    writer: Writer,
    timestamp: RtpTime,
}

impl Phone {
    fn new() -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Phone { socket, writer: Writer::new(77, Seq(1)), timestamp: RtpTime(0) }
    }

    fn say(&mut self, payload: &[u8]) {
        let mut packet = vec![0; HEADER];
        self.writer.write(&mut packet, 0, false, self.timestamp);
        packet.extend_from_slice(payload);
        self.timestamp = self.timestamp.plus(160);
        self.socket.send(&packet).unwrap();
    }

    /// The payload of the next packet of audio.
    fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let n = self.socket.recv(&mut buffer).unwrap();
        View::parse(&buffer[..n]).unwrap().payload.to_vec()
    }
}

fn sound(ms: u64) -> Pcm {
    let length = Duration::from_millis(ms);
    tone::render(&[440], length, Duration::ZERO, length, Rate::NARROW)
}

fn a_prompt_is_heard_whole_and_a_released_leg_reports(io: IoMode) {
    let house = House::new(io, 20_400..=20_409, PathBuf::new());
    let phone = Phone::new();
    let leg = house.leg(&phone);
    assert!(phone.hear().iter().all(|byte| *byte == 0xff), "silence from the start");
    let prompt = Arc::new(Prompt::encode(&sound(500), ulaw()).unwrap());
    let play = Command::Play {
        tag: 5,
        items: vec![prompt.clone()],
        repeat: Repeat::Times(1),
        start: Start::BEGINNING,
    };
    house.engine.send(leg, play).unwrap();
    let mut said = Vec::new();
    while said.len() < prompt.bytes().len() {
        let frame = phone.hear();
        if !said.is_empty() || frame == prompt.bytes()[..160] {
            said.extend(frame);
        }
    }
    assert_eq!(said, prompt.bytes());
    let played =
        house.wait(
            |event| if let Event::Played { tag, stopped, .. } = event { Some((tag, stopped)) } else { None },
        );
    assert_eq!(played, (5, false));
    house.engine.send(leg, Command::Release).unwrap();
    let report = house.wait(|event| {
        if let Event::Released { leg: id, report } = event { (id == leg).then_some(report) } else { None }
    });
    assert!(report.packets_out >= 26);
    assert!(matches!(house.engine.send(leg, Command::Stop { tag: 5 }), Err(Error::NoLeg)));
    house.engine.stop();
}

fn a_recording_is_a_whole_file_before_its_leg_is_released(io: IoMode) {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(io, 20_420..=20_429, folder.path().to_owned());
    let mut phone = Phone::new();
    let leg = house.leg(&phone);
    let path = PathBuf::from("a folder/call.wav");
    house.engine.send(leg, Command::Record { tag: 9, recording: Recording::new(path) }).unwrap();
    let frames = Prompt::encode(&sound(600), ulaw()).unwrap();
    for frame in frames.bytes().chunks(160) {
        // What the engine sends sets the phone's pace.
        phone.hear();
        phone.say(frame);
    }
    house.engine.send(leg, Command::Release).unwrap();
    let mut recorded = None;
    house.wait(|event| match event {
        Event::Recorded { tag: 9, path, duration, .. } => {
            recorded = Some((path, duration));
            None
        }
        Event::Released { .. } => Some(()),
        _ => None,
    });
    let (path, duration) = recorded.expect("the recording's end comes before the leg's");
    assert_eq!(path, folder.path().join("a folder/call.wav"));
    assert!(duration >= Duration::from_millis(500), "{duration:?}");
    let heard = audio::read::decode(std::fs::read(path).unwrap(), Some("wav")).unwrap();
    assert_eq!(heard.rate, Rate::NARROW);
    assert_eq!(heard.duration(), duration);
    assert!(heard.samples.iter().filter(|sample| sample.abs() > 1_000).count() > 3_000);
    house.engine.stop();
}

fn a_full_disk_fails_the_recording_and_not_the_call(io: IoMode) {
    let house = House::new(io, 20_440..=20_449, PathBuf::from("/dev"));
    let phone = Phone::new();
    let leg = house.leg(&phone);
    let path = PathBuf::from("full");
    house.engine.send(leg, Command::Record { tag: 1, recording: Recording::new(path) }).unwrap();
    let why = house
        .wait(|event| if let Event::RecordFailed { tag: 1, why, .. } = event { Some(why) } else { None });
    assert!(!why.is_empty());
    for _ in 0..5 {
        phone.hear();
    }
    house.engine.send(leg, Command::Release).unwrap();
    house.wait(|event| matches!(event, Event::Released { .. }).then_some(()));
    house.engine.stop();
}

fn keys_go_to_a_peer_without_telephone_events_as_tones(io: IoMode) {
    let house = House::new(io, 20_460..=20_469, PathBuf::new());
    let phone = Phone::new();
    let ports = house.engine.reserve().unwrap();
    let remote = phone.socket.local_addr().unwrap();
    let plain = LegSetup { telephone_event: None, telephone_event_receive: None, ..setup(remote) };
    let leg = house.engine.adopt(ports, plain).unwrap();
    let key = |key| DigitToSend {
        key: Some(key),
        duration: Duration::from_millis(100),
        gap: Duration::from_millis(100),
    };
    house.engine.send(leg, Command::SendDigits { tag: 3, digits: vec![key('4'), key('*')] }).unwrap();
    house.wait(|event| matches!(event, Event::DigitsSent { tag: 3, .. }).then_some(()));
    let mut ear = audio::detect::Dtmf::new(Rate::NARROW);
    let mut heard = String::new();
    let mut pcm = [0; 160];
    while heard.len() < 2 {
        let n = Codec::Pcmu.decode(&phone.hear(), &mut pcm);
        ear.push(&pcm[..n], |press| {
            if let audio::detect::Press::Down(key) = press {
                heard.push(key);
            }
        });
    }
    assert_eq!(heard, "4*");
    house.engine.stop();
}

fn stopping_releases_every_leg_and_gives_the_ports_back(io: IoMode) {
    let house = House::new(io, 20_480..=20_483, PathBuf::new());
    let (a, b) = (Phone::new(), Phone::new());
    let (one, other) = (house.leg(&a), house.leg(&b));
    assert!(matches!(house.engine.reserve(), Err(Error::NoPorts)));
    a.hear();
    b.hear();
    let clone = house.engine.clone();
    house.engine.stop();
    let mut over: Vec<LegId> = house
        .events
        .try_iter()
        .filter_map(|event| if let Event::Released { leg, .. } = event { Some(leg) } else { None })
        .collect();
    over.sort_unstable();
    let mut both = vec![one, other];
    both.sort_unstable();
    assert_eq!(over, both);
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, 20_480)).is_ok());
    assert!(matches!(clone.send(one, Command::Release), Err(Error::NoLeg)));
}

fn an_engine_dropped_by_its_own_sink_ends(io: IoMode) {
    let (put, gone) = mpsc::channel();
    let slot = Arc::new(std::sync::Mutex::new(None::<Engine>));
    let inside = slot.clone();
    let first = if io == IoMode::Uring { 27_490 } else { 20_490 };
    let config =
        Config { ports: first..=first + 9, bind: Ipv4Addr::LOCALHOST.into(), io, ..Config::default() };
    let engine = Engine::start(config, move |event| {
        if matches!(event, Event::Released { .. }) {
            drop(inside.lock().unwrap().take());
            let _ = put.send(());
        }
    })
    .unwrap();
    let ports: Ports = engine.reserve().unwrap();
    let leg = engine.adopt(ports, setup("127.0.0.1:9".parse().unwrap())).unwrap();
    let clone = engine.clone();
    *slot.lock().unwrap() = Some(engine);
    clone.send(leg, Command::Release).unwrap();
    drop(clone);
    gone.recv_timeout(DEADLINE).unwrap();
}

/// The form of all prompts here.
fn ulaw() -> Form {
    Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default())
}

fn a_change_that_is_refused_changes_no_keys(io: IoMode) {
    let house = House::new(io, 20_620..=20_629, PathBuf::new());
    let phone = Phone::new();
    let keys = |seed: u8| {
        let profile = Profile::AeadAes128Gcm;
        SrtpKeys::new(profile, &vec![seed; profile.keys_len()]).unwrap()
    };
    let secured = |seed| LegSetup {
        security: Security::Keys { send: keys(seed), receive: keys(seed), identifier: 0 },
        ..setup(phone.socket.local_addr().unwrap())
    };
    let ports = house.engine.reserve().unwrap();
    phone.socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
    let leg = house.engine.adopt(ports, secured(1)).unwrap();
    // PCMU has no samples of that rate.
    let wrong = LegSetup { rate: Rate::WIDE, ..secured(2) };
    house.engine.send(leg, Command::Reconfigure(Box::new(wrong))).unwrap_err();
    let mut buffer = [0; 512];
    let mut hear = |ears: &mut Unprotector| {
        let n = phone.socket.recv(&mut buffer).unwrap();
        ears.rtp(&mut buffer[..n]).is_ok()
    };
    let mut ears = Unprotector::new(&keys(1)).unwrap();
    assert!((0..20).all(|_| hear(&mut ears)), "the keys are those that were agreed on");
    house.engine.send(leg, Command::Reconfigure(Box::new(secured(2)))).unwrap();
    let mut ears = Unprotector::new(&keys(2)).unwrap();
    assert!((0..20).any(|_| hear(&mut ears)));
    house.engine.stop();
}

fn bridged_legs_that_speak_alike_pass_packets_on_in_time(io: IoMode) {
    let house = House::new(io, 20_600..=20_609, PathBuf::new());
    let (mut alice, mut bob) = (Phone::new(), Phone::new());
    let one = house.leg(&alice);
    let ports = house.engine.reserve().unwrap();
    bob.socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
    let its = setup(bob.socket.local_addr().unwrap());
    let other = house.engine.adopt_beside(ports, its, Some(one)).unwrap();
    house.engine.bridge((one, 1), (other, 2)).unwrap();
    // Each says something new every 20 ms; what is heard of it is counted.
    let (mut heard, mut waits) = ([0, 0], Vec::new());
    for n in 0..150u8 {
        let begun = Instant::now();
        alice.say(&[n; 160]);
        bob.say(&[n | 0x80; 160]);
        for (phone, wanted, at) in [(&bob, n, 0), (&alice, n | 0x80, 1)] {
            // Silence from before the bridge, or after a pause.
            for _ in 0..3 {
                phone.socket.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
                let mut buffer = [0; 512];
                let Ok(len) = phone.socket.recv(&mut buffer) else { break };
                if View::parse(&buffer[..len]).unwrap().payload == [wanted; 160] {
                    heard[at] += 1;
                    waits.push(begun.elapsed());
                    break;
                }
            }
        }
        let rest = Duration::from_millis(20).saturating_sub(begun.elapsed());
        std::thread::sleep(rest);
    }
    waits.sort_unstable();
    let middle = waits[waits.len() / 2];
    assert!(heard.iter().all(|heard| *heard > 130), "{heard:?}");
    assert!(middle < Duration::from_millis(5), "{middle:?}: packets do not wait for a turn");
    house.engine.send(one, Command::Release).unwrap();
    house.wait(|event| matches!(event, Event::Released { .. }).then_some(()));
    house.engine.stop();
}

macro_rules! by_both {
    ($($test:ident),* $(,)?) => {
        mod by_poll {
            use super::*;
            $(#[test] fn $test() { super::$test(IoMode::Poll) })*
        }
        mod by_uring {
            use super::*;
            $(#[test] fn $test() { super::$test(IoMode::Uring) })*
        }
    };
}

by_both! {
    a_change_that_is_refused_changes_no_keys,
    bridged_legs_that_speak_alike_pass_packets_on_in_time,
    a_prompt_is_heard_whole_and_a_released_leg_reports,
    a_recording_is_a_whole_file_before_its_leg_is_released,
    a_full_disk_fails_the_recording_and_not_the_call,
    keys_go_to_a_peer_without_telephone_events_as_tones,
    stopping_releases_every_leg_and_gives_the_ports_back,
    an_engine_dropped_by_its_own_sink_ends,
}
