//! How well it sounds, and that others understand it.

use super::*;
use crate::level::rms_dbov;
use crate::{Pcm, Rate, tone};
use std::time::Duration;

/// Something like a vowel: harmonics of a gliding pitch, with a little breath, syllable by syllable.
fn voice(samples: usize) -> Vec<i16> {
    let mut state = 1u32;
    let mut phase = 0.0f64;
    (0..samples)
        .map(|at| {
            let time = at as f64 / 16_000.0;
            phase += (110.0 + 30.0 * (time * 5.0).sin()) / 16_000.0 * std::f64::consts::TAU;
            let syllable = (time * 4.0 * std::f64::consts::PI).sin().abs();
            let tone: f64 = (1..=40)
                .map(|harmonic| {
                    let hertz = 120.0 * f64::from(harmonic);
                    let formants = 1.0 / (1.0 + ((hertz - 700.0) / 200.0).powi(2))
                        + 0.5 / (1.0 + ((hertz - 1_220.0) / 200.0).powi(2))
                        + 0.2 / (1.0 + ((hertz - 2_600.0) / 300.0).powi(2));
                    (phase * f64::from(harmonic)).sin() * formants
                })
                .sum();
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let breath = f64::from((state >> 16) as i16) / 32_768.0 * 60.0;
            (tone * syllable * 4_000.0 + breath) as i16
        })
        .collect()
}

fn round_trip(samples: &[i16]) -> Vec<i16> {
    let mut payload = vec![0; samples.len() / 2];
    assert_eq!(Encoder::default().encode(samples, &mut payload), payload.len());
    let mut out = vec![0; samples.len()];
    assert_eq!(Decoder::default().decode(&payload, &mut out), samples.len());
    out
}

/// Samples by which both filters delay what goes through.
const DELAY: usize = 22;

/// Decibels between `before` and what became different.
fn snr(before: &[i16], after: &[i16]) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (&before, &after) in before.iter().zip(&after[DELAY..]).skip(400) {
        signal += f64::from(before).powi(2);
        noise += (f64::from(after) - f64::from(before)).powi(2);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn tones_and_voices_come_through() {
    for (hertz, least) in [(300, 35.0), (1_000, 35.0), (3_000, 30.0), (5_000, 12.0), (6_500, 12.0)] {
        let tone = tone::beep(hertz, Duration::from_millis(300), Rate::WIDE).samples;
        let snr = snr(&tone, &round_trip(&tone));
        assert!(snr > least, "{hertz} Hz: {snr} dB");
    }
    let voice = voice(8_000);
    let snr = snr(&voice, &round_trip(&voice));
    assert!(snr > 20.0, "a voice: {snr} dB");
}

#[test]
fn frames_are_one_stream() {
    let voice = voice(3_200);
    let whole = round_trip(&voice);
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let mut pieces = Vec::new();
    let mut from = 0;
    for size in [2, 80, 160, 320, 20, 480, 960].into_iter().cycle() {
        let frame = &voice[from..(from + size).min(voice.len())];
        let (mut payload, mut samples) = ([0; 480], [0; 960]);
        let bytes = encoder.encode(frame, &mut payload);
        let decoded = decoder.decode(&payload[..bytes], &mut samples);
        pieces.extend_from_slice(&samples[..decoded]);
        from += frame.len();
        if from == voice.len() {
            break;
        }
    }
    assert_eq!(pieces, whole);
}

/// FNV-1a, enough to tell two streams apart.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// A signal of whole numbers alone, so that every machine makes the same.
fn triangles_and_noise(samples: usize) -> Vec<i16> {
    let mut state = 7u32;
    (0..samples as i32)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let ramp = ((at * (200 + at / 40)) % 16_000 - 8_000).abs() - 4_000;
            let noise = i32::from((state >> 16) as i16) >> (4 + at / 2_000 % 8);
            (ramp + noise) as i16
        })
        .collect()
}

/// The digests were found to be those of spandsp 0.0.6's encoder and decoder too (but for samples that it lets overflow).
#[test]
fn the_bits_are_those_of_others() {
    let samples = triangles_and_noise(32_000);
    let mut payload = vec![0; samples.len() / 2];
    Encoder::default().encode(&samples, &mut payload);
    assert_eq!(digest(payload.iter().copied()), 9_042_143_398_317_498_760, "encoded");
    // All bytes in all neighbourhoods, more than an encoder would ever send.
    let mut state = 3u32;
    let random: Vec<u8> = (0..16_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for (bytes, expected) in [(payload, 17_141_468_424_575_040_598), (random, 7_530_748_078_077_746_131)] {
        let mut decoded = vec![0; bytes.len() * 2];
        Decoder::default().decode(&bytes, &mut decoded);
        assert_eq!(digest(decoded.iter().flat_map(|sample| sample.to_le_bytes())), expected, "decoded");
    }
}

#[test]
fn silence_stays_silent() {
    let silence = super::super::Codec::G722.silence();
    let mut out = vec![1; 16_000];
    Decoder::default().decode(&[silence; 8_000], &mut out);
    assert!(out.iter().all(|&sample| sample == 0));
    // After something loud, too.
    let mut payload = [0; 1_600];
    Encoder::default().encode(&voice(3_200), &mut payload);
    let mut decoder = Decoder::default();
    decoder.decode(&payload, &mut out);
    decoder.decode(&[silence; 8_000], &mut out);
    assert!(rms_dbov(&out[..1_600]) < -30.0, "{}", rms_dbov(&out[..1_600]));
    assert!(out[1_600..].iter().all(|sample| sample.abs() < 64));
    let quiet = round_trip(&Pcm::silence(Rate::WIDE, Duration::from_millis(200)).samples);
    assert!(quiet.iter().all(|sample| sample.abs() < 16));
}

#[test]
fn a_shorter_buffer_limits_what_is_coded() {
    let mut payload = [0; 3];
    assert_eq!(Encoder::default().encode(&[0; 9], &mut payload), 3);
    assert_eq!(Encoder::default().encode(&[0; 5], &mut payload), 2, "half a pair stays behind");
    assert_eq!(Decoder::default().decode(&payload, &mut [0; 5]), 4);
    assert_eq!(Decoder::default().decode(&[], &mut [0; 5]), 0);
}
