//! The close look at what the filters take for a key: exact pitches, levels, and that there is nothing else.
//!
//! It costs a few microseconds and is taken only when five blocks in a row seem to be the same key.

use std::f32::consts::{PI, TAU};

use super::{BLOCK, QUIETEST, RATE};

/// Blocks looked at: 31.9 ms, which a tone of 40 ms fills wherever it begins and one of 23 ms never does.
pub(super) const BLOCKS: usize = 5;
/// Samples looked at.
pub(super) const SPAN: usize = BLOCK * BLOCKS;
/// Samples of each of the two looks whose phases are compared.
const LOOK: usize = SPAN - BLOCK;

/// How far off a pitch may be: ITU-T Q.24 wants 1.5 % accepted and 3.5 % refused.
const TOLERANCE: f32 = 0.024;
/// The high tone may be this much louder than the low one: 4 dB are to be accepted.
const TWIST: f32 = 4.0; // 6 dB
/// The low tone may be this much louder than the high one: 8 dB are to be accepted.
const REVERSE_TWIST: f32 = 10.0; // 10 dB
/// The share of the two tones in all there is; noise 12 dB below them still passes.
const SHARE: f32 = 0.88;
/// The most that twice a tone's pitch may hold of its power: -13 dB. Voices have harmonics, keys have none.
const HARMONIC: f32 = 0.05;

/// Whether `samples` hold the two tones of a key at nominally `low` and `high` hertz, and nothing else to speak of.
pub(super) fn proves(samples: &[f32; SPAN], low: f32, high: f32) -> bool {
    let whole = Hann::<SPAN>::weigh(samples);
    let tones = [low, high].map(|nominal| {
        let exact = pitch(samples, nominal);
        ((exact / nominal - 1.0).abs() <= TOLERANCE).then(|| (exact, power(&whole, exact)))
    });
    let [Some((low, low_power)), Some((high, high_power))] = tones else { return false };
    let energy =
        samples.iter().enumerate().map(|(at, x)| hann(at, SPAN) * hann(at, SPAN) * x * x).sum::<f32>()
            / (0.375 * SPAN as f32);
    let loud = low_power >= QUIETEST && high_power >= QUIETEST;
    let level = high_power <= low_power * TWIST && low_power <= high_power * REVERSE_TWIST;
    let pure = low_power + high_power >= SHARE * energy;
    loud && level && pure && !sings(&whole, low, low_power, high) && !sings(&whole, high, high_power, low)
}

/// Whether the tone at `hertz` has a second harmonic; one that falls on the `other` tone cannot be told from it.
fn sings(whole: &[f32; SPAN], hertz: f32, of: f32, other: f32) -> bool {
    let twice = 2.0 * hertz;
    (twice - other).abs() > 120.0 && power(whole, twice) > HARMONIC * of
}

/// The pitch near `nominal`, by how far its phase goes in one block.
fn pitch(samples: &[f32; SPAN], nominal: f32) -> f32 {
    let look = |from: usize| {
        let mut part = [0.0; LOOK];
        part.copy_from_slice(&samples[from..from + LOOK]);
        project(&Hann::<LOOK>::weigh(&part), nominal)
    };
    let (first, second) = (look(0), look(BLOCK));
    let phase = second.1.atan2(second.0) - first.1.atan2(first.0) - TAU * nominal / RATE * BLOCK as f32;
    let turns = phase / TAU;
    nominal + (turns - turns.round()) * RATE / BLOCK as f32
}

/// The mean square of the tone at `hertz`, in samples that were weighed.
fn power(weighed: &[f32], hertz: f32) -> f32 {
    let (re, im) = project(weighed, hertz);
    let half = weighed.len() as f32 / 2.0;
    2.0 * (re * re + im * im) / (half * half)
}

/// One point of a Fourier transform.
fn project(weighed: &[f32], hertz: f32) -> (f32, f32) {
    let (step_im, step_re) = (-TAU * hertz / RATE).sin_cos();
    let (mut re, mut im) = (1.0f32, 0.0f32);
    let mut sum = (0.0, 0.0);
    for x in weighed {
        sum.0 += x * re;
        sum.1 += x * im;
        (re, im) = (re * step_re - im * step_im, re * step_im + im * step_re);
    }
    sum
}

/// Raised at both ends from nothing, so that one tone does not leak into the other's measure.
struct Hann<const N: usize>;

impl<const N: usize> Hann<N> {
    fn weigh(samples: &[f32; N]) -> [f32; N] {
        std::array::from_fn(|at| samples[at] * hann(at, N))
    }
}

fn hann(at: usize, of: usize) -> f32 {
    0.5 - 0.5 * (2.0 * PI * (at as f32 + 0.5) / of as f32).cos()
}
