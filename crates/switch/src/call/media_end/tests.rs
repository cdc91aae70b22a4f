//! A worker that has no room for orders.

use std::time::{Duration, Instant};

use audio::codec::Codec;
use media::{Engine, Event};

use super::*;

/// A worker has room for 4096 orders, and obeys 256 in 5 ms.
fn flood(engine: &Engine, leg: LegId) {
    while engine.send(leg, Command::Await).is_ok() {}
}

struct Bench {
    engine: Engine,
    events: std::sync::mpsc::Receiver<Event>,
    ends: Vec<MediaEnd>,
}

impl Bench {
    /// Two ends of a bridge.
    fn new(base: u16) -> Bench {
        let (put, events) = std::sync::mpsc::channel();
        let bind = std::net::Ipv4Addr::LOCALHOST.into();
        let config = media::Config { workers: 1, ports: base..=base + 19, bind, ..media::Config::default() };
        let engine = Engine::start(config, move |event| drop(put.send(event))).expect("an engine");
        let legs = Arc::new(Legs::default());
        let (mail, _) = mpsc::channel(8);
        let ends = [9_000, 9_002].map(|port| {
            let ports = engine.reserve().expect("ports");
            let mut end = MediaEnd::new(engine.clone(), legs.clone(), ports, mail.clone());
            let setup = LegSetup::new(Codec::Pcmu, 0, ([127, 0, 0, 1], port).into());
            end.adopt(&Arc::new(setup), None).expect("a leg");
            end
        });
        let mut bench = Bench { engine, events, ends: ends.into() };
        let here = bench.ends[0].bridge_end().expect("an end");
        let there = bench.ends[1].bridge_end().expect("an end");
        bench.engine.bridge(here, there).expect("a bridge");
        bench
    }

    /// The end of what has this number is told of a leg.
    fn ended(&self, leg: LegId, number: u64) -> bool {
        let is = |event: &Event| matches!(event, Event::Played { leg: of, tag, .. } if (*of, *tag) == (leg, number));
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Ok(event) = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if is(&event) {
                return true;
            }
        }
        false
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.engine.clone().stop();
    }
}

#[test]
fn what_must_not_be_lost_is_sent_again_to_a_worker_that_had_no_room_for_it() {
    let mut bench = Bench::new(27_560);
    let leg = bench.ends[0].leg().expect("a leg");
    flood(&bench.engine, leg);
    bench.ends[0].set_gain(0.0);
    bench.ends[0].set_gain(0.5);
    bench.ends[0].part();
    assert_eq!(bench.ends[0].owed, [Owed::Loudness(0.5), Owed::Stop(1)], "in their order, each once");
    assert!(bench.ends[0].owes());
    let deadline = Instant::now() + Duration::from_secs(10);
    while bench.ends[0].owes() && Instant::now() < deadline {
        std::thread::yield_now();
        bench.ends[0].settle();
    }
    assert!(!bench.ends[0].owes());
    assert!(bench.ended(leg, 1), "the bridge is over");
}

#[test]
fn a_leg_that_is_gone_owes_nothing() {
    let mut bench = Bench::new(27_580);
    let leg = bench.ends[0].leg().expect("a leg");
    flood(&bench.engine, leg);
    bench.ends[0].set_gain(0.0);
    bench.ends[0].release();
    assert!(bench.ends[0].owes(), "its release");
    let deadline = Instant::now() + Duration::from_secs(10);
    while bench.ends[0].owes() && Instant::now() < deadline {
        std::thread::yield_now();
        bench.ends[0].settle();
    }
    assert!(!bench.ends[0].owes() && bench.ends[0].owed.is_empty());
}

#[test]
fn what_is_heard_is_told_from_keys_that_are_passed_on_beside_it() {
    let mut bench = Bench::new(27_600);
    let (end, tag) = (&mut bench.ends[0], Tag(7));
    end.start(tag, Job::Sound, |tag| Command::Echo { tag }).expect("a sound");
    let music = end.numbers;
    let key = media::DigitToSend { key: Some('5'), duration: Duration::from_secs(1), gap: Duration::ZERO };
    end.start(tag, Job::Keys, |tag| Command::SendDigits { tag, digits: vec![key] }).expect("keys");
    assert_eq!((end.sound(tag), end.numbers), (Some(music), music + 1));
}
