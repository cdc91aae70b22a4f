//! Legs that move between workers, talking, recorded and relayed: neither worker allocates or frees for it.

mod counting;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use audio::codec::Codec;
use counting::{COUNT, COUNTING};
use media::{Command, Config, Engine, Event, IoMode, LegId, LegSetup, Recording};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

fn moves(io: IoMode, first_port: u16) {
    COUNTING.store(true, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let (put, events) = mpsc::channel();
    let config = Config {
        workers: 2,
        crowd: 0,
        ports: first_port..=first_port + 19,
        bind: Ipv4Addr::LOCALHOST.into(),
        recordings_dir: folder.path().to_owned(),
        io,
        ..Config::default()
    };
    let engine = Engine::start(config, move |event| drop(put.send(event))).unwrap();
    let mut phones: Vec<_> = (0..3u32)
        .map(|n| {
            let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let ports = engine.reserve().unwrap();
            phone.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
            let setup = LegSetup::new(Codec::Pcmu, 0, phone.local_addr().unwrap());
            let leg = engine.adopt(ports, setup).unwrap();
            (phone, leg, Writer::new(n, Seq(0)), RtpTime(0))
        })
        .collect();
    phones[0].0.recv(&mut [0; 512]).unwrap();
    assert!(COUNT.swap(0, Ordering::SeqCst) > 0, "its start is seen: the counting works");
    let recording = Recording::new("a.wav");
    engine.send(phones[2].1, Command::Record { tag: 1, recording }).unwrap();
    for n in 0..120u64 {
        if n % 4 == 0 {
            // Whoever was moved last is with the one that moves next.
            let pairs = [(0, 1), (2, 1), (0, 2)];
            let (one, other) = pairs[n as usize / 4 % 3];
            engine.bridge((phones[one].1, 10 + n), (phones[other].1, 10 + n)).unwrap();
        }
        for (phone, _, writer, timestamp) in &mut phones {
            let mut packet = [n as u8; HEADER + 160];
            writer.write(&mut packet, 0, false, *timestamp);
            *timestamp = timestamp.plus(160);
            phone.send(&packet).unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let legs: Vec<LegId> = phones.iter().map(|(_, leg, ..)| *leg).collect();
    for leg in &legs {
        engine.send(*leg, Command::Release).unwrap();
    }
    let mut left = legs.len() + 1;
    while left > 0 {
        let event = events.recv_timeout(Duration::from_secs(10)).unwrap();
        left -= usize::from(matches!(event, Event::Released { .. } | Event::Recorded { .. }));
    }
    COUNTING.store(false, Ordering::SeqCst);
    // Counters come once a second, and at the end of the last leg.
    let begun = std::time::Instant::now();
    while engine.stats().legs > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    let stats = engine.stats();
    assert!(stats.moved >= 20, "{} moves", stats.moved);
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "allocations and frees on the worker");
    engine.stop();
}

#[test]
fn moving_allocates_and_frees_nothing_on_the_workers() {
    moves(IoMode::Poll, 24_400);
    moves(IoMode::Uring, 24_440);
}
