//! Pairs of legs with different codecs: thread CPU time of the worker a pair and 20 ms, beside what the codecs alone cost in
//! the same run, and a pair of G.711's two laws, which is everything but codecs. What counts is `over`, what a pair costs
//! more than the G.711 pair, by what its codecs cost.

use std::net::Ipv4Addr;
use std::time::Duration;

use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::{Pcm, Rate, tone};
use media::{Config, Engine, LegSetup};

use crate::Asked;
use crate::phones::{Phones, Said, payload_type};
use crate::thread::{self, cpu_time, own};

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

pub(crate) fn table(asked: &Asked) {
    println!(
        "{:<30}{:>6}{:>14}{:>14}{:>8}{:>14}{:>8}",
        "what", "pairs", "µs/pair/20 ms", "codecs alone", "over", "pairs a core", "lost ‰"
    );
    for pairs in asked.sizes(&[20, 60]) {
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
fn packets(side: Side) -> Vec<&'static [u8]> {
    let mut encoder = Encoder::new(side.codec, side.wire, &settings(side)).expect("an encoder");
    let mut payload = [0; MAX_PAYLOAD];
    let sound = speech(side.wire);
    let frames = sound.samples.chunks_exact(side.wire.0 as usize / 50);
    frames
        .map(|frame| {
            let length = encoder.encode(frame, &mut payload);
            &*payload[..length].to_vec().leak()
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
    let begin = cpu_time(own());
    for round in 0..ROUNDS {
        for n in 0..pairs {
            for (packets, codecs, frame) in &mut both {
                let (packet, (decoder, encoder)) = (packets[(round + n) % packets.len()], &mut codecs[n]);
                decoder.decode(packet, &mut samples);
                std::hint::black_box(encoder.encode(&samples[..*frame], &mut payload));
            }
        }
    }
    (cpu_time(own()) - begin).as_secs_f64() * 1e6 / (ROUNDS * pairs) as f64
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
    let mut phones = Phones::new(2 * pairs);
    for pair in 0..pairs {
        let legs = [(2 * pair, one), (2 * pair + 1, other)].map(|(n, side)| {
            let ports = engine.reserve().expect("ports");
            let setup = LegSetup {
                rate: side.rate,
                opus: settings(side),
                // Without events, keys are listened for in the sound, which is not what is measured here.
                telephone_event: Some(101),
                telephone_event_receive: Some(101),
                told: Some(Ipv4Addr::LOCALHOST.into()),
                ..LegSetup::new(side.codec, payload_type(side.codec), phones.call(n, &ports))
            };
            engine.adopt(ports, setup).expect("a leg")
        });
        engine.bridge((legs[0], pair as u64), (legs[1], pair as u64)).expect("room in the queue");
    }
    let voices = [one, other].map(|side| (side.codec, packets(side)));
    phones.start(move |turn, n| {
        let (codec, voice) = &voices[n % 2];
        Said { codec: *codec, payload: voice[(turn + n) % voice.len()] }
    });
    let figures = phones.measure(thread::named("media-0").expect("the worker"));
    engine.stop();
    (2.0 * figures.us, figures.lost)
}
