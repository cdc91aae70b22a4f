//! Members of rooms: what one costs should not depend on the size of its room, nor on how many rooms there are.

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Instant;

use audio::Rate;
use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use media::{Config, Engine, IoMode, LegSetup, Member, RoomConfig};

use crate::Asked;
use crate::floor::{When, floor};
use crate::phones::{Phones, Said, payload_type};
use crate::report::{Figures, head, median, row};
use crate::thread::{self, SLOT};

/// Opus as everybody here encodes it.
fn settings() -> OpusSettings {
    OpusSettings { complexity: 0, ..OpusSettings::default() }
}

pub(crate) fn tables(asked: &Asked) {
    head();
    for members in asked.sizes(&[99, 399, 1_599, 2_400]) {
        table(asked, members, 3, 1.0);
    }
    for members in [3, 10, 100, 500] {
        table(asked, members, members, 1.0);
    }
    println!("ten of them talk, the others listen:");
    table(asked, 100, 100, 0.1);
    table(asked, 500, 500, 0.02);
    println!("members on Opus at 48 kHz (complexity 0), rooms of three, against nothing but their codecs:");
    opus(60);
}

/// Rooms of a size with so many members in all, a part of whom talk, between two floors.
fn table(asked: &Asked, members: usize, size: usize, talking: f64) {
    let what = if size == members { "one room".into() } else { format!("rooms of {size}") };
    for (io, mode) in asked.modes() {
        let before = floor(members, mode, When::Slot);
        let rooms = rooms(members, size, talking, Codec::Pcmu, mode);
        let floor = median(vec![before, floor(members, mode, When::Slot)]);
        row("floor", io, members, &floor, floor.us);
        row(&what, io, members, &rooms, floor.us);
    }
}

/// A second of loud noise in packets of 20 ms, different for each.
fn voice(n: u32, codec: Codec) -> Vec<&'static [u8]> {
    let rate = codec.rate();
    let mut encoder = Encoder::new(codec, rate, &settings()).expect("an encoder");
    let mut state = 0x2545_f491u32.wrapping_add(n.wrapping_mul(2_654_435_761)) | 1;
    let mut sample = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        ((state >> 8) as i32 % 8_001 - 4_000) as i16
    };
    let mut packet = || {
        let frame: Vec<i16> = (0..rate.0 / 50).map(|_| sample()).collect();
        let mut payload = vec![0; MAX_PAYLOAD];
        let len = encoder.encode(&frame, &mut payload);
        payload.truncate(len);
        &*payload.leak()
    };
    (0..50).map(|_| packet()).collect()
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
        let setup = LegSetup {
            opus: settings(),
            told: Some(Ipv4Addr::LOCALHOST.into()),
            ..LegSetup::new(codec, payload_type(codec), phones.call(n, &ports))
        };
        let leg = engine.adopt(ports, setup).expect("a leg");
        engine.join(room.expect("a room"), leg, 1, Member::default()).expect("room in the queue");
        // A burst of commands is obeyed 256 a slot.
        if n % 100 == 99 {
            sleep(4 * SLOT);
        }
    }
    let talkers = (members as f64 * talking).ceil() as usize;
    let voices: Vec<_> = (0..7).map(|n| voice(n, codec)).collect();
    phones.start(move |turn, n| {
        let voice = &voices[n % voices.len()];
        let payload = if n < talkers { voice[(turn + n) % voice.len()] } else { &[0xff; 160] };
        Said { codec, payload }
    });
    let mut figures = phones.measure(thread::named("media-0").expect("the worker"));
    let late = engine.stats().lateness;
    figures.late = Some((late.quantile_us(0.5), late.quantile_us(0.99)));
    engine.stop();
    figures
}

/// Opus members against the cost of one encoding and one decoding each.
fn opus(members: usize) {
    let rate = Rate::FULL;
    let packets = voice(1, Codec::Opus);
    let mut encoder = Encoder::new(Codec::Opus, rate, &settings()).expect("an encoder");
    let mut decoder = Decoder::new(Codec::Opus, rate).expect("a decoder");
    let (mut frame, mut payload) = (vec![0; 960], vec![0; MAX_PAYLOAD]);
    let begin = Instant::now();
    for packet in packets.iter().cycle().take(2_000) {
        decoder.decode(packet, &mut frame);
        encoder.encode(&frame, &mut payload);
    }
    let codec = begin.elapsed().as_secs_f64() * 1e6 / 2_000.0;
    row("codec alone", "-", members, &Figures { us: codec, ..Figures::default() }, codec);
    let figures = rooms(members, 3, 1.0, Codec::Opus, IoMode::Poll);
    row("rooms of 3", "poll", members, &figures, codec);
}
