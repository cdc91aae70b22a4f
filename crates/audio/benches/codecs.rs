//! What each codec and resampler costs a frame of 20 ms.
//!
//! `cargo bench -p audio --bench codecs`, or with a filter: `-- opus`.

use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::resample::Resampler;
use audio::{Rate, tone};
use divan::{Bencher, black_box};
use std::time::Duration;

fn main() {
    divan::main();
}

/// Five seconds of something that moves like a voice: words of 300 ms at changing pitches over a breath, with pauses.
fn speech(rate: Rate) -> Vec<i16> {
    let mut samples = Vec::new();
    let mut state = 1u32;
    for word in 0..12u16 {
        let pitches = [120 + word * 9, 360 + word * 27, 700, 1_220 + word * 40, 2_600];
        let length = Duration::from_millis(300);
        let tone = tone::render(&pitches, length, Duration::ZERO, length, rate);
        samples.extend_from_slice(&tone.samples);
        samples.extend(std::iter::repeat_n(0, rate.0 as usize / 9));
    }
    for sample in &mut samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = sample.saturating_add(((state >> 16) as i16) >> 8);
    }
    samples
}

/// A codec at a rate of samples.
#[derive(Clone, Copy)]
struct Case(&'static str, Codec, u32);

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

const CASES: [Case; 7] = [
    Case("PCMU", Codec::Pcmu, 8_000),
    Case("PCMA", Codec::Pcma, 8_000),
    Case("G722", Codec::G722, 16_000),
    Case("L16 16k", Codec::L16(Rate::WIDE), 16_000),
    Case("opus 8k", Codec::Opus, 8_000),
    Case("opus 16k", Codec::Opus, 16_000),
    Case("opus 48k", Codec::Opus, 48_000),
];

fn encoder(case: Case, complexity: u8) -> Encoder {
    let settings = OpusSettings { complexity, ..OpusSettings::default() };
    Encoder::new(case.1, Rate(case.2), &settings).expect("it works at this rate")
}

fn encoding(bencher: Bencher<'_, '_>, case: Case, complexity: u8) {
    let samples = speech(Rate(case.2));
    let mut frames = samples.chunks_exact(case.2 as usize / 50).cycle();
    let mut encoder = encoder(case, complexity);
    let mut payload = [0; MAX_PAYLOAD];
    bencher.bench_local(|| {
        if let Some(frame) = frames.next() {
            black_box(encoder.encode(black_box(frame), &mut payload));
        }
    });
}

#[divan::bench(args = CASES)]
fn encode(bencher: Bencher<'_, '_>, case: Case) {
    encoding(bencher, case, OpusSettings::default().complexity);
}

#[divan::bench(args = [0, 1, 2, 3, 4, 5, 6, 8, 10])]
fn encode_opus_8k_by_complexity(bencher: Bencher<'_, '_>, complexity: u8) {
    encoding(bencher, CASES[4], complexity);
}

#[divan::bench(args = [0, 1, 2, 3, 4, 5, 6, 8, 10])]
fn encode_opus_16k_by_complexity(bencher: Bencher<'_, '_>, complexity: u8) {
    encoding(bencher, CASES[5], complexity);
}

#[divan::bench(args = [0, 1, 2, 3, 4, 5, 6, 8, 10])]
fn encode_opus_48k_by_complexity(bencher: Bencher<'_, '_>, complexity: u8) {
    encoding(bencher, CASES[6], complexity);
}

fn decoding(bencher: Bencher<'_, '_>, case: Case, rate: u32) {
    let samples = speech(Rate(case.2));
    let mut encoder = encoder(case, 5);
    let mut payload = [0; MAX_PAYLOAD];
    let packets: Vec<Vec<u8>> = samples
        .chunks_exact(case.2 as usize / 50)
        .map(|frame| {
            let length = encoder.encode(frame, &mut payload);
            payload[..length].to_vec()
        })
        .collect();
    let mut packets = packets.iter().cycle();
    let mut decoder = Decoder::new(case.1, Rate(rate)).expect("it works at this rate");
    let mut out = [0; 960];
    bencher.bench_local(|| {
        if let Some(packet) = packets.next() {
            black_box(decoder.decode(black_box(packet), &mut out));
        }
    });
}

#[divan::bench(args = CASES)]
fn decode(bencher: Bencher<'_, '_>, case: Case) {
    decoding(bencher, case, case.2);
}

/// A stream of 48 kHz for a leg that is bridged to a lower one.
#[divan::bench(args = [8_000, 16_000, 24_000])]
fn decode_opus_48k_to(bencher: Bencher<'_, '_>, rate: u32) {
    decoding(bencher, CASES[6], rate);
}

const RATIOS: [(u32, u32); 9] = [
    (8_000, 16_000),
    (8_000, 24_000),
    (8_000, 48_000),
    (16_000, 8_000),
    (16_000, 48_000),
    (24_000, 16_000),
    (48_000, 8_000),
    (48_000, 16_000),
    (44_100, 8_000),
];

#[divan::bench(args = RATIOS.map(|(from, to)| format!("{from} to {to}")))]
fn resample(bencher: Bencher<'_, '_>, rates: &str) {
    let Some((from, to)) = rates.split_once(" to ") else { return };
    let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse()) else { return };
    let samples = speech(Rate(from));
    let mut frames = samples.chunks_exact(from as usize / 50).cycle();
    let mut resampler = Resampler::new(Rate(from), Rate(to));
    let mut out = [0; 970];
    bencher.bench_local(|| {
        if let Some(frame) = frames.next() {
            black_box(resampler.process(black_box(frame), &mut out));
        }
    });
}
