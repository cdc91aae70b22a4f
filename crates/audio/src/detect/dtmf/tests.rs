//! The rules of ITU-T Q.24, and what is no key.

use std::f64::consts::TAU;
use std::time::Duration;

use super::{Dtmf, Press};
use crate::codec::Codec;
use crate::tone::{self, KEYS, frequencies};
use crate::{Pcm, Rate};

/// A key as a bad exchange would send it: no ramps, any levels, any pitches.
#[derive(Clone, Copy)]
struct Pressed {
    key: char,
    ms: f64,
    /// dBm0 of each tone; a full-scale sine is +3.17.
    low: f64,
    high: f64,
    /// Parts of the pitch.
    low_off: f64,
    high_off: f64,
}

const USUAL: Pressed = Pressed { key: '5', ms: 60.0, low: -9.0, high: -9.0, low_off: 0.0, high_off: 0.0 };

/// A line of our own making.
struct Line {
    samples: Vec<f64>,
    state: u64,
}

impl Line {
    fn new() -> Line {
        Line { samples: Vec::new(), state: 0x2545_f491_4f6c_dd1d }
    }

    fn random(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pause(&mut self, ms: f64) {
        self.samples.extend(std::iter::repeat_n(0.0, (ms * 8.0) as usize));
    }

    fn press(&mut self, of: Pressed) {
        let (low, high) = frequencies(of.key).unwrap();
        let amplitude = |level: f64| 32_768.0 * 10f64.powf((level - 3.17) / 20.0);
        let (low, high) = (f64::from(low) * (1.0 + of.low_off), f64::from(high) * (1.0 + of.high_off));
        let (phase, other) = (self.random() * TAU, self.random() * TAU);
        self.samples.extend((0..(of.ms * 8.0) as usize).map(|at| {
            let t = at as f64 / 8_000.0;
            amplitude(of.low) * (TAU * low * t + phase).sin()
                + amplitude(of.high) * (TAU * high * t + other).sin()
        }));
    }

    /// White noise at `level` dBm0 over all of it.
    fn noise(&mut self, level: f64) {
        let sigma = 32_768.0 / 2f64.sqrt() * 10f64.powf((level - 3.17) / 20.0);
        for at in 0..self.samples.len() {
            let sum: f64 = (0..12).map(|_| self.random()).sum();
            self.samples[at] += (sum - 6.0) * sigma;
        }
    }

    fn heard(&self) -> Vec<Press> {
        let samples: Vec<i16> = self.samples.iter().map(|sample| *sample as i16).collect();
        presses(&Pcm::new(Rate::NARROW, samples), 160)
    }

    fn keys(&self) -> String {
        downs(&self.heard())
    }
}

fn presses(sound: &Pcm, frame: usize) -> Vec<Press> {
    let mut detector = Dtmf::new(sound.rate);
    let mut told = Vec::new();
    sound.samples.chunks(frame).for_each(|part| detector.push(part, |press| told.push(press)));
    told
}

fn downs(told: &[Press]) -> String {
    told.iter().filter_map(|press| if let Press::Down(key) = press { Some(*key) } else { None }).collect()
}

fn keys_in(sound: &Pcm, frame: usize) -> String {
    downs(&presses(sound, frame))
}

fn dialled(keys: &str, on: u64, off: u64, rate: Rate) -> Pcm {
    let mut sound = Pcm::silence(rate, Duration::from_millis(37));
    for key in keys.chars() {
        sound.append(&tone::dtmf(key, Duration::from_millis(on), rate));
        sound.append(&Pcm::silence(rate, Duration::from_millis(off)));
    }
    sound
}

const ALL: &str = "123A456B789C*0#D";

/// All sixteen, each after a pause of its own length so that they begin anywhere in a block.
fn all(of: Pressed, noise: Option<f64>) -> String {
    let mut line = Line::new();
    for (at, key) in KEYS.into_iter().enumerate() {
        line.pause(60.0 + at as f64 * 0.4);
        line.press(Pressed { key, ..of });
    }
    line.pause(100.0);
    if let Some(noise) = noise {
        line.noise(noise);
    }
    line.keys()
}

#[test]
fn every_key_is_heard_once_at_every_rate_and_frame_length() {
    for rate in [8_000, 12_000, 16_000, 24_000, 48_000].map(Rate) {
        for frame in [1, 80, 160, 333, 100_000] {
            assert_eq!(keys_in(&dialled(ALL, 80, 80, rate), frame), ALL, "{rate} in {frame}s");
        }
    }
}

#[test]
fn every_key_is_heard_at_every_level() {
    for level in -30..=-3 {
        let level = f64::from(level);
        assert_eq!(all(Pressed { low: level, high: level, ..USUAL }, None), ALL, "{level} dBm0");
    }
}

#[test]
fn every_key_is_heard_with_the_twist_of_the_standard_and_not_with_much_more() {
    for twist in -8..=4 {
        for level in [-22.0, -12.0, -8.0] {
            let of = Pressed { low: level, high: level + f64::from(twist), ..USUAL };
            assert_eq!(all(of, None), ALL, "{twist} dB at {level}");
        }
    }
    for twist in [-14.0, 9.0] {
        assert_eq!(all(Pressed { low: -15.0, high: -15.0 + twist, ..USUAL }, None), "", "{twist} dB");
    }
}

#[test]
fn pitches_may_be_off_by_one_and_a_half_per_cent_and_not_by_three_and_a_half() {
    for low_off in [-0.015, 0.0, 0.015] {
        for high_off in [-0.015, 0.0, 0.015] {
            for twist in [-8.0, 0.0, 4.0] {
                let of = Pressed { low_off, high_off, high: -9.0 + twist, low: -9.0, ..USUAL };
                assert_eq!(all(of, Some(-40.0)), ALL, "{low_off} {high_off} {twist}");
            }
        }
    }
    for off in [-0.05, -0.035, 0.035, 0.05] {
        assert_eq!(all(Pressed { low_off: off, ..USUAL }, None), "", "{off} low");
        assert_eq!(all(Pressed { high_off: off, ..USUAL }, None), "", "{off} high");
    }
}

#[test]
fn noise_fifteen_decibels_below_the_keys_hides_none() {
    for below in [15.0, 18.0, 24.0] {
        let (mut line, mut dialled) = (Line::new(), String::new());
        for at in 0..1_000 {
            let key = KEYS[at * 7 % 16];
            line.pause(50.0 + line.state as f64 % 13.0);
            let off = |random: f64| (random - 0.5) * 0.02;
            let (low_off, high_off) = (off(line.random()), off(line.random()));
            line.press(Pressed { key, ms: 50.0, low_off, high_off, low: -15.0, high: -15.0 });
            dialled.push(key);
        }
        // Against the power of both tones: 3 dB more than either.
        line.noise(-12.0 - below);
        assert_eq!(line.keys(), dialled, "{below} dB");
    }
}

#[test]
fn forty_milliseconds_are_a_key_and_twenty_three_are_none_wherever_they_begin() {
    for at in 0..51 {
        for (ms, expected) in [(40.0, "5"), (23.0, ""), (20.0, ""), (10.0, "")] {
            let mut line = Line::new();
            line.pause(50.0 + f64::from(at) / 8.0);
            line.press(Pressed { ms, ..USUAL });
            line.pause(100.0);
            line.noise(-45.0);
            assert_eq!(line.keys(), expected, "{ms} ms at {at}");
        }
    }
}

#[test]
fn a_pause_of_forty_milliseconds_parts_and_an_interruption_of_ten_does_not() {
    for at in 0..51 {
        for (gap, expected) in [(40.0, "55"), (10.0, "5"), (5.0, "5")] {
            let mut line = Line::new();
            line.pause(50.0 + f64::from(at) / 8.0);
            line.press(USUAL);
            line.pause(gap);
            line.press(USUAL);
            line.pause(100.0);
            line.noise(-45.0);
            assert_eq!(line.keys(), expected, "{gap} ms at {at}");
        }
    }
}

#[test]
fn the_end_tells_how_long_a_key_was_held() {
    for ms in [40.0, 55.0, 80.0, 123.0, 500.0, 12_000.0] {
        let mut line = Line::new();
        line.pause(33.0);
        line.press(Pressed { ms, ..USUAL });
        line.pause(100.0);
        let [Press::Down('5'), Press::Up { key: '5', held }] = line.heard()[..] else { panic!("{ms}") };
        assert!((held.as_secs_f64() * 1_000.0 - ms).abs() <= 8.0, "{ms}: {held:?}");
    }
}

#[test]
fn a_key_is_told_within_forty_milliseconds_for_barge_in() {
    for at in 0..51 {
        let mut line = Line::new();
        line.pause(50.0 + f64::from(at) / 8.0);
        line.press(Pressed { ms: 40.0, ..USUAL });
        assert_eq!(line.keys(), "5", "{at}: no sample of what follows is needed");
    }
}

#[test]
fn keys_that_follow_without_a_pause_are_two() {
    let mut line = Line::new();
    line.pause(20.0);
    line.press(Pressed { key: '1', ms: 80.0, ..USUAL });
    line.press(Pressed { key: '9', ms: 80.0, ..USUAL });
    line.pause(100.0);
    let told = line.heard();
    assert!(matches!(
        told[..],
        [Press::Down('1'), Press::Up { key: '1', .. }, Press::Down('9'), Press::Up { key: '9', .. }]
    ));
}

#[test]
fn keys_survive_every_cheap_codec() {
    use crate::codec::{Decoder, Encoder, OpusSettings};
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::L16(Rate::NARROW)] {
        let mut sound = dialled(ALL, 70, 60, Rate::NARROW);
        let mut payload = vec![0; sound.samples.len() * 2];
        let mut encoder = Encoder::new(codec, Rate::NARROW, &OpusSettings::default()).unwrap();
        let n = encoder.encode(&sound.samples, &mut payload);
        Decoder::new(codec, Rate::NARROW).unwrap().decode(&payload[..n], &mut sound.samples);
        assert_eq!(keys_in(&sound, 160), ALL);
    }
}

#[test]
fn other_tones_and_noise_are_no_keys() {
    let length = Duration::from_secs(1);
    for hertz in [
        &[440][..],
        &[350, 440],
        &[480, 620],
        &[697],
        &[1_209],
        &[697, 770],
        &[1_000, 2_000],
        &[1_100],
        &[2_100],
        &[914, 1_371],
        &[770, 1_336, 2_000],
    ] {
        let sound = tone::render(hertz, length, Duration::ZERO, length, Rate::NARROW);
        assert_eq!(keys_in(&sound, 160), "", "{hertz:?}");
    }
    let mut line = Line::new();
    line.pause(60_000.0);
    line.noise(-20.0);
    assert_eq!(line.keys(), "");
}
