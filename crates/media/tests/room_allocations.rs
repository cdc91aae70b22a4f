//! A worker with rooms neither allocates nor frees: members of several codecs and packet times who come, change and go,
//! announcements, recordings, music, rooms that open and close.

mod counting;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use audio::codec::{Codec, Encoder, OpusSettings};
use audio::{Rate, tone};
use counting::{COUNT, COUNTING};
use media::{
    Config, Engine, Event, Form, Format, IoMode, LegSetup, Member, Prompt, Repeat, RoomCommand, RoomConfig,
};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

#[test]
fn rooms_allocate_and_free_nothing_on_the_worker() {
    COUNTING.store(true, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let (put, events) = mpsc::channel();
    let config = Config {
        workers: 1,
        ports: 24_300..=24_319,
        bind: Ipv4Addr::LOCALHOST.into(),
        recordings_dir: folder.path().to_owned(),
        io: IoMode::Poll,
        ..Config::default()
    };
    let engine = Engine::start(config, move |event| drop(put.send(event))).unwrap();
    let kinds =
        [(Codec::Pcmu, 20), (Codec::Pcmu, 20), (Codec::G722, 20), (Codec::Opus, 20), (Codec::Pcma, 30)];
    let mut phones: Vec<_> = kinds
        .iter()
        .map(|(codec, ptime)| {
            let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let ports = engine.reserve().unwrap();
            phone.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
            let payload_type = codec.payload_type().unwrap_or(96);
            let setup = LegSetup {
                ptime: Duration::from_millis(*ptime),
                ..LegSetup::new(*codec, payload_type, phone.local_addr().unwrap())
            };
            let leg = engine.adopt(ports, setup.clone()).unwrap();
            let encoder = Encoder::new(*codec, setup.rate, &OpusSettings::default()).unwrap();
            (phone, leg, setup, encoder, Writer::new(payload_type.into(), Seq(0)))
        })
        .collect();
    phones[0].0.recv(&mut [0; 512]).unwrap();
    assert!(COUNT.swap(0, Ordering::SeqCst) > 0, "its start is seen: the counting works");

    let length = Duration::from_millis(300);
    let sound = tone::render(&[440], length, Duration::ZERO, length, Rate::WIDE);
    let form = |codec| Form::new(codec, Duration::from_millis(20), OpusSettings::default());
    let words = Arc::new(Prompt::encode(&sound, form(Codec::L16(Rate::WIDE))).unwrap());
    let music = Arc::new(Prompt::encode(&sound, form(Codec::Pcmu)).unwrap());
    let mut room = engine.open_room(RoomConfig::default()).unwrap();
    for n in 0..250u64 {
        let member =
            |n: u64| Member { mute: n.is_multiple_of(3), music: vec![music.clone()], ..Member::default() };
        for (at, (_, leg, ..)) in (0u64..).zip(&phones) {
            // In at different times, out in another order.
            if n % 50 == at * 4 {
                engine.join(room, *leg, n, member(n)).unwrap();
            }
            if n % 50 == 46 - at * 3 && n % 100 < 50 {
                engine.leave(room, *leg).unwrap();
            }
            if n % 50 == 25 + at {
                let pairs = vec![(phones[0].1, 0.5)];
                engine.change(room, *leg, Member { pairs, volume: 0.7, ..member(n) }).unwrap();
            }
        }
        if n % 50 == 20 {
            let items = vec![words.clone()];
            engine.send_to_room(room, RoomCommand::Play { tag: n, items, repeat: Repeat::Times(2) }).unwrap();
            let (path, format) = (format!("{n}.wav").into(), Format::Wav);
            let limit = Some(Duration::from_millis(200));
            let record = RoomCommand::Record { tag: n, path, format, rate: None, limit, silence: None };
            engine.send_to_room(room, record).unwrap();
        }
        if n % 100 == 99 {
            engine.send_to_room(room, RoomCommand::Close).unwrap();
            room = engine.open_room(RoomConfig { rate: Rate::NARROW, widens: false }).unwrap();
            engine.send_to_room(room, RoomCommand::Close).unwrap();
            room = engine.open_room(RoomConfig::suiting(Rate::NARROW)).unwrap();
        }
        // What the engine sends sets the pace.
        for (phone, _, setup, encoder, writer) in &mut phones {
            if setup.ptime.as_millis() == 30 && n % 3 == 2 {
                continue;
            }
            phone.recv(&mut [0; 2_048]).unwrap();
            let samples = setup.rate.0 as u128 * setup.ptime.as_millis() / 1_000;
            let frame: Vec<i16> =
                (0..samples).map(|at| ((at * 700 + u128::from(n)) % 8_000) as i16).collect();
            let mut packet = [0; 1_500];
            let len = HEADER + encoder.encode(&frame, &mut packet[HEADER..]);
            let ticks = u128::from(setup.codec.clock()) * setup.ptime.as_millis() / 1_000;
            writer.write(&mut packet, setup.payload_type, false, RtpTime((u128::from(n) * ticks) as u32));
            phone.send(&packet[..len]).unwrap();
        }
    }
    for (_, leg, ..) in &phones[..2] {
        engine.send(*leg, media::Command::Release).unwrap();
    }
    let (mut released, mut joined, mut left, mut played, mut recorded) = (0, 0, 0, 0, 0);
    while released < 2 || recorded < 5 {
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Released { .. } => released += 1,
            Event::Joined { .. } => joined += 1,
            Event::Left { .. } => left += 1,
            Event::RoomPlayed { .. } => played += 1,
            Event::RoomRecorded { .. } => recorded += 1,
            _ => {}
        }
    }
    COUNTING.store(false, Ordering::SeqCst);
    assert!(joined >= 25 && left >= 20 && played >= 3, "{joined} {left} {played}: all of it took place");
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "allocations and frees on the worker");
    engine.stop();
}
