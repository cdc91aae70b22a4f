//! Tones, sweeps and whole sounds.

use super::*;
use crate::detect::goertzel_power;
use crate::level::rms_dbov;
use crate::tone;
use std::time::Duration;

fn tone_at(hertz: u16, rate: Rate, ms: u64) -> Pcm {
    let length = Duration::from_millis(ms);
    tone::render(&[hertz], length, Duration::ZERO, length, rate)
}

#[test]
fn a_tone_keeps_pitch_level_and_length() {
    for from in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
        for to in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
            let before = tone_at(1_000, Rate(from), 500);
            let after = before.resampled(to);
            let expected = (before.samples.len() * to.hertz() as usize).div_ceil(from as usize);
            assert_eq!(after.samples.len(), expected, "{from} to {to}");
            let change = rms_dbov(&after.samples) - rms_dbov(&before.samples);
            assert!(change.abs() < 0.2, "{from} to {to}: {change} dB");
            let total: f64 = after.samples.iter().map(|&s| f64::from(s).powi(2)).sum();
            let at_pitch = goertzel_power(&after.samples, to, 1_000.0);
            // A pure tone's Goertzel power is its energy times half the length.
            let share = f64::from(at_pitch) / (total * after.samples.len() as f64 / 2.0);
            assert!(share > 0.97, "{from} to {to}: {share}");
        }
    }
}

#[test]
fn the_telephone_band_survives_and_what_would_alias_does_not() {
    let kept = tone_at(3_400, Rate(48_000), 500).resampled(Rate::NARROW);
    assert!(rms_dbov(&kept.samples) > rms_dbov(&tone_at(3_400, Rate(48_000), 500).samples) - 1.0);
    let gone = tone_at(4_600, Rate(48_000), 500).resampled(Rate::NARROW);
    let middle = &gone.samples[400..3_600];
    assert!(rms_dbov(middle) < -70.0, "{}", rms_dbov(middle));
}

#[test]
fn very_short_sounds_keep_their_length_and_tail() {
    for length in [1, 2, 7, 80, 441, 4_095, 4_096, 4_097] {
        let sound = Pcm::new(Rate(44_100), vec![8_000; length]);
        let after = sound.resampled(Rate::NARROW);
        assert_eq!(after.samples.len(), (length * 8_000).div_ceil(44_100), "{length}");
        if length >= 4_095 {
            let near_the_end = after.samples[after.samples.len() - 20];
            assert!((7_000..9_000).contains(&near_the_end), "{length}: {near_the_end}");
        }
    }
}

#[test]
fn a_rate_of_zero_gives_nothing() {
    assert!(Pcm::new(Rate(0), vec![1; 10]).resampled(Rate::NARROW).samples.is_empty());
    assert!(Pcm::new(Rate::NARROW, vec![1; 10]).resampled(Rate(0)).samples.is_empty());
}

const RATES: [u32; 6] = [8_000, 12_000, 16_000, 24_000, 32_000, 48_000];

/// A tone of `amplitude` at any frequency.
fn sine(hertz: f64, rate: u32, samples: usize, amplitude: f64) -> Vec<i16> {
    let step = hertz / f64::from(rate) * std::f64::consts::TAU;
    (0..samples).map(|at| ((at as f64 * step).sin() * amplitude).round() as i16).collect()
}

fn streamed(samples: &[i16], from: u32, to: u32, frame: usize) -> Vec<i16> {
    let mut resampler = Resampler::new(Rate(from), Rate(to));
    let mut out = vec![0; frame * to as usize / from as usize + 2];
    let mut all = Vec::new();
    for frame in samples.chunks(frame) {
        let length = resampler.process(frame, &mut out);
        all.extend_from_slice(&out[..length]);
    }
    all
}

#[test]
fn whole_five_milliseconds_stay_whole() {
    for from in RATES {
        for to in RATES {
            let mut resampler = Resampler::new(Rate(from), Rate(to));
            let (input, mut out) = (vec![100; from as usize / 200], vec![0; 600]);
            for turn in 0..50 {
                assert_eq!(resampler.process(&input, &mut out), to as usize / 200, "{from} to {to}, {turn}");
            }
        }
    }
}

#[test]
fn frames_are_one_stream() {
    for (from, to) in [(8_000, 16_000), (48_000, 8_000), (16_000, 24_000), (12_000, 8_000), (44_100, 8_000)] {
        let samples = sine(700.0, from, from as usize / 5, 9_000.0);
        let whole = streamed(&samples, from, to, samples.len());
        for frame in [1, 7, 80, 441, 960, 1_000] {
            assert_eq!(streamed(&samples, from, to, frame), whole, "{from} to {to}, {frame} at a time");
        }
    }
}

/// Everywhere up to 0.9 of the narrower Nyquist frequency the level stays, and nothing else appears.
#[test]
fn what_both_rates_hold_passes_flat_and_clean() {
    for from in RATES {
        for to in RATES.into_iter().filter(|&to| to != from) {
            let nyquist = f64::from(from.min(to)) / 2.0;
            for share in [0.05, 0.3, 0.6, 0.8, 0.9] {
                let samples = sine(nyquist * share, from, from as usize / 16, 16_000.0);
                let out = streamed(&samples, from, to, samples.len());
                let out = &out[out.len() / 5..];
                // The tone by least squares; what is left is images and rounding.
                let step = nyquist * share / f64::from(to) * std::f64::consts::TAU;
                let [mut cc, mut ss, mut cs, mut yc, mut ys] = [0.0; 5];
                for (at, &sample) in out.iter().enumerate() {
                    let (sin, cos) = (at as f64 * step).sin_cos();
                    cc += cos * cos;
                    ss += sin * sin;
                    cs += cos * sin;
                    yc += f64::from(sample) * cos;
                    ys += f64::from(sample) * sin;
                }
                let determinant = cc * ss - cs * cs;
                let (c, s) = ((yc * ss - ys * cs) / determinant, (ys * cc - yc * cs) / determinant);
                let gain = 20.0 * (c.hypot(s) / 16_000.0).log10();
                assert!(gain.abs() < 0.1, "{from} to {to} at {share}: {gain} dB");
                let left: f64 = out
                    .iter()
                    .enumerate()
                    .map(|(at, &sample)| {
                        let at = at as f64 * step;
                        (f64::from(sample) - c * at.cos() - s * at.sin()).powi(2)
                    })
                    .sum();
                let left = 10.0 * (left * 2.0 / out.len() as f64 / 16_000f64.powi(2)).log10();
                assert!(left < -60.0, "{from} to {to} at {share}: {left} dB");
            }
        }
    }
}

/// From 1.06 of the narrower Nyquist frequency on, what goes in does not come out, at whatever pitch.
#[test]
fn what_the_other_rate_cannot_hold_is_gone() {
    for (from, to) in [(16_000, 8_000), (48_000, 8_000), (48_000, 16_000), (24_000, 16_000), (48_000, 32_000)]
    {
        let (low, high) = (f64::from(to) * 0.53, f64::from(from) * 0.5);
        let mut phase = 0.0;
        let length = from as usize / 4;
        let sweep: Vec<i16> = (0..length)
            .map(|at| {
                phase += (low + (high - low) * at as f64 / length as f64) / f64::from(from)
                    * std::f64::consts::TAU;
                (phase.sin() * 16_000.0).round() as i16
            })
            .collect();
        let out = streamed(&sweep, from, to, sweep.len());
        // The beginning is a click, which holds every pitch.
        let level = rms_dbov(&out[out.len() / 10..]) - rms_dbov(&sweep);
        assert!(level < -60.0, "{from} to {to}: {level} dB");
    }
}

#[test]
fn full_scale_does_not_wrap() {
    let square: Vec<i16> = [[i16::MAX; 20], [i16::MIN; 20]].concat().repeat(20);
    for to in [12_000, 16_000, 48_000] {
        let out = streamed(&square, 8_000, to, 160);
        let turns =
            out.windows(2).filter(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() > 60_000).count();
        assert_eq!(turns, 0, "to {to}");
    }
}

#[test]
fn a_short_buffer_loses_samples_but_not_the_time() {
    let mut resampler = Resampler::new(Rate::NARROW, Rate::WIDE);
    assert_eq!(resampler.process(&[5; 160], &mut [0; 100]), 100);
    assert_eq!(resampler.process(&[5; 160], &mut [0; 400]), 320);
    assert_eq!(resampler.process(&[], &mut [0; 400]), 0);
    let mut same = Resampler::new(Rate::WIDE, Rate::WIDE);
    let mut out = [0; 4];
    assert_eq!(same.process(&[1, 2, 3], &mut out), 3);
    assert_eq!(out, [1, 2, 3, 0]);
}

#[test]
fn a_sound_in_pieces_comes_to_what_it_is_as_a_whole() {
    for (from, to) in [(8_000, 48_000), (48_000, 8_000), (22_050, 8_000), (44_100, 16_000), (8_000, 8_000)] {
        let sound = tone_at(700, Rate(from), 333);
        let whole = sound.resampled(Rate(to)).samples;
        for piece in [1, 7, 160, 1_000] {
            let (mut conversion, mut samples) = (Conversion::new(Rate(from), Rate(to)), Vec::new());
            for piece in sound.samples.chunks(piece) {
                conversion.push(piece, &mut samples);
            }
            conversion.end(&mut samples);
            assert!(samples == whole, "{from} to {to} in pieces of {piece}");
        }
    }
}

#[test]
fn a_stream_goes_on_in_another_resampler_without_a_seam() {
    let sound = sine(440.0, 8_000, 1_600, 9_000.0);
    let (first, rest) = sound.split_at(800);
    let whole = streamed(&sound, 8_000, 16_000, 160);
    // From one that was there before.
    let mut before = Resampler::new(Rate(8_000), Rate(48_000));
    before.process(first, &mut [0; 4_800]);
    let mut next = Resampler::new(Rate(8_000), Rate(16_000));
    next.follow(&before);
    let mut out = vec![0; 1_600];
    assert_eq!(next.process(rest, &mut out), 1_600);
    assert_eq!(out, whole[1_600..]);
    // From nothing but what was heard last.
    let mut next = Resampler::new(Rate(8_000), Rate(16_000));
    next.hear(&first[780..]);
    next.hear(&first[..0]);
    next.hear(&first[640..]);
    let mut out = vec![0; 1_600];
    next.process(rest, &mut out);
    assert_eq!(out, whole[1_600..]);
    // One of another rate has nothing to say to it.
    let mut other = Resampler::new(Rate(16_000), Rate(8_000));
    other.follow(&before);
    let mut out = [1; 80];
    other.process(&[0; 160], &mut out);
    assert_eq!(out, [0; 80]);
}
