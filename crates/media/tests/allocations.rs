//! A worker in steady state neither allocates nor frees: counted on its own thread, with everything going on.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use audio::codec::{Codec, OpusSettings};
use audio::detect::{Patience, Timings};
use audio::{Rate, tone};
use media::{
    Alternative, Command, Config, Detector, DigitToSend, Engine, Event, Form, Found, IoMode, LegSetup,
    Profile, Prompt, Recording, Repeat, Security, Sides, SrtpKeys, Start,
};
use rtp::packet::{HEADER, Writer};
use rtp::srtp::{OVERHEAD, Protector};
use rtp::{RtpTime, Seq, dtmf};

mod counting;

use counting::{COUNT, COUNTING};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn prompts_recordings_echo_bridges_and_keys_allocate_and_free_nothing_on_the_worker() {
    // One after the other: there is one count.
    nothing_is_allocated(IoMode::Poll, 20_520);
    nothing_is_allocated(IoMode::Uring, 20_540);
    nothing_is_allocated_for_keys(20_560);
}

/// An encrypted echo whose keys change, beside packets of strangers and of handshakes.
fn nothing_is_allocated_for_keys(first: u16) {
    COUNTING.store(true, Ordering::SeqCst);
    let config = Config {
        workers: 1,
        ports: first..=first + 9,
        bind: Ipv4Addr::LOCALHOST.into(),
        ..Config::default()
    };
    let engine = Engine::start(config, |_| {}).unwrap();
    let keys = |seed: u32| {
        let profile = if seed.is_multiple_of(2) { Profile::AeadAes256Gcm } else { Profile::Aes128Sha1_80 };
        SrtpKeys::new(profile, &vec![seed as u8; profile.keys_len()]).unwrap()
    };
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let setup = |seed| LegSetup {
        security: Security::Keys { send: keys(seed), receive: keys(seed), identifier: 0 },
        ..LegSetup::new(Codec::Pcmu, 0, phone.local_addr().unwrap())
    };
    let ports = engine.reserve().unwrap();
    phone.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
    let leg = engine.adopt(ports, setup(0)).unwrap();
    let mut buffer = [0; 512];
    phone.recv(&mut buffer).unwrap();
    COUNT.store(0, Ordering::SeqCst);
    engine.send(leg, Command::Echo { tag: 1 }).unwrap();
    let mut writer = Writer::new(5, Seq(0));
    let mut protector = Protector::new(&keys(0)).unwrap();
    for n in 0..200u32 {
        if n % 40 == 39 {
            engine.send(leg, Command::Reconfigure(Box::new(setup(n / 40 + 1)))).unwrap();
            protector = Protector::new(&keys(n / 40 + 1)).unwrap();
        }
        phone.recv(&mut buffer).unwrap();
        let mut packet = [0xff; HEADER + 160 + OVERHEAD];
        writer.write(&mut packet, 0, false, RtpTime(n * 160));
        let len = protector.rtp(&mut packet, HEADER + 160).unwrap();
        phone.send(&packet[..len]).unwrap();
        if n % 5 == 0 {
            phone.send(&[0x80; HEADER + 160]).unwrap();
            phone.send(&[22; 100]).unwrap();
        }
    }
    // What is echoed at once takes no second, which is how old a report may be.
    let mut report = engine.report(leg).unwrap();
    for _ in 0..200 {
        if report.packets_in > 100 && report.forged > 20 {
            break;
        }
        phone.recv(&mut buffer).unwrap();
        report = engine.report(leg).unwrap();
    }
    COUNTING.store(false, Ordering::SeqCst);
    assert!(report.packets_in > 100 && report.forged > 20, "{report:?}");
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "allocations and frees on the worker");
    engine.stop();
}

fn nothing_is_allocated(io: IoMode, first: u16) {
    COUNTING.store(true, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let (put, events) = mpsc::channel();
    let config = Config {
        workers: 1,
        ports: first..=first + 9,
        io,
        bind: Ipv4Addr::LOCALHOST.into(),
        recordings_dir: folder.path().to_owned(),
        ..Config::default()
    };
    let engine = Engine::start(config, move |event| drop(put.send(event))).unwrap();
    let sound = tone::render(&[440], MS(200), MS(0), MS(200), Rate::NARROW);
    let prompt = Arc::new(Prompt::encode(&sound, ulaw()).unwrap());

    let phones: Vec<UdpSocket> = (0..4).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let setup = |remote: SocketAddr| LegSetup {
        telephone_event: Some(101),
        telephone_event_receive: Some(101),
        keys_in_sound: true,
        alternatives: [(Codec::G722, 9), (Codec::Opus, 107), (Codec::L16(Rate::WIDE), 108)]
            .map(|(codec, receive_payload_type)| Alternative {
                codec,
                receive_payload_type,
                telephone_event: None,
                comfort_noise: None,
            })
            .into(),
        ..LegSetup::new(Codec::Pcmu, 0, remote)
    };
    let legs: Vec<_> = phones
        .iter()
        .map(|phone| {
            phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let ports = engine.reserve().unwrap();
            phone.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
            engine.adopt(ports, setup(phone.local_addr().unwrap())).unwrap()
        })
        .collect();

    let mut first = [0; 512];
    phones[3].recv(&mut first).unwrap();
    assert!(COUNT.swap(0, Ordering::SeqCst) > 0, "its start is seen: the counting works");
    let mut writer = Writer::new(5, Seq(0));
    let mut key = dtmf::Sender::new('5', RtpTime(0), 800).unwrap();
    for n in 0..250u32 {
        let tag = u64::from(n);
        if n % 50 == 0 {
            let path = format!("{n}.wav");
            let record = Command::Record {
                tag,
                recording: Recording { limit: Some(MS(600)), ..Recording::new(path) },
            };
            engine.send(legs[1], record).unwrap();
            // Beside it, one of both sides, which needs a decoder and ends earlier.
            let both = Recording {
                sides: Sides::Mixed,
                limit: Some(MS(400)),
                ..Recording::new(format!("{n}b.wav"))
            };
            engine.send(legs[1], Command::Record { tag: tag + 1_000, recording: both }).unwrap();
            let what = [
                Detector::Machine(Timings::default()),
                Detector::Fax,
                Detector::Progress(None),
                Detector::Speech(Patience::default()),
            ];
            // At most eight are taken; the others are over at once.
            for (tag, what) in (tag + 2_000..).zip(what) {
                engine.send(legs[1], Command::Detect { tag, what }).unwrap();
            }
            // The detectors go on in another codec and at another rate.
            let mut change = setup(phones[1].local_addr().unwrap());
            if n % 100 == 0 {
                (change.codec, change.payload_type, change.rate) = (Codec::G722, 9, Rate::WIDE);
                change.alternatives = change.alternatives.iter().skip(1).cloned().collect();
            }
            engine.send(legs[1], Command::Reconfigure(Box::new(change))).unwrap();
            engine.send(legs[2], Command::Echo { tag }).unwrap();
            engine.bridge((legs[0], tag + 1_000), (legs[3], tag + 1_000)).unwrap();
            let digits = vec![DigitToSend { key: Some('1'), duration: MS(100), gap: MS(100) }; 2];
            engine.send(legs[3], Command::SendDigits { tag, digits }).unwrap();
            engine
                .send(legs[3], Command::Reconfigure(Box::new(setup(phones[3].local_addr().unwrap()))))
                .unwrap();
        }
        if n % 20 == 0 {
            let items = vec![prompt.clone(), prompt.clone()];
            engine
                .send(
                    legs[0],
                    Command::Play { tag, items, repeat: Repeat::Times(1), start: Start::BEGINNING },
                )
                .unwrap();
        }
        // What the engine sends sets the pace: five seconds of it.
        for phone in &phones {
            let mut buffer = [0; 512];
            phone.recv(&mut buffer).unwrap();
            // Loud enough for every detector to look into it.
            let mut packet = [0; HEADER + 160];
            packet.iter_mut().enumerate().for_each(|(at, byte)| *byte = (n as usize * 31 + at * 7) as u8);
            let len = match key.next(160).filter(|_| n % 25 < 7) {
                Some(update) => {
                    writer.write(&mut packet, 101, update.marker, update.timestamp);
                    packet[HEADER..HEADER + 4].copy_from_slice(&update.payload);
                    HEADER + 4
                }
                None => {
                    key = dtmf::Sender::new('5', RtpTime(n * 160 + 160), 800).unwrap();
                    // The codec changes; this is the first byte of Opus for 20 ms, and any byte of others.
                    packet[HEADER] = 31 << 3;
                    writer.write(
                        &mut packet,
                        [0, 9, 0, 107, 108][n as usize / 10 % 5],
                        false,
                        RtpTime(n * 160),
                    );
                    packet.len()
                }
            };
            // One in eleven is lost, and made up for.
            if n % 11 != 10 {
                phone.send(&packet[..len]).unwrap();
            }
        }
    }
    for leg in &legs[..2] {
        engine.send(*leg, Command::Release).unwrap();
    }
    let (mut released, mut digits, mut played, mut recorded, mut detected) = (0, 0, 0, 0, 0);
    while released < 2 {
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Released { .. } => released += 1,
            Event::Digit { .. } => digits += 1,
            Event::Played { .. } => played += 1,
            Event::Recorded { .. } => recorded += 1,
            Event::Detected { what: Found::Over, .. } => detected += 1,
            _ => {}
        }
    }
    COUNTING.store(false, Ordering::SeqCst);
    assert!(
        digits > 10 && played > 10 && recorded == 10 && detected == 20,
        "{digits} {played} {recorded} {detected}: all of it took place"
    );
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "allocations and frees on the worker");
    engine.stop();
}

/// The form of all prompts here.
fn ulaw() -> Form {
    Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default())
}
