//! The low-pass filter of the resampler: a sinc under a Kaiser window, cut into phases.
//!
//! Flat within 0.01 dB up to 0.9 of the narrower side's Nyquist frequency, 60 dB down from 1.06 of it on.

use std::f64::consts::PI;

/// Half the filter's length, in samples of the narrower rate; so long is also its delay.
const HALF: usize = 24;
/// The middle of the transition, in Nyquist frequencies of the narrower rate.
const EDGE: f64 = 0.975;
/// The window's shape: higher is quieter and less steep.
const BETA: f64 = 6.0;
/// Taps are 1 in 14 bits: twice the sum of a phase's magnitudes, which is about 2, still fits a product of 32 bits.
pub(super) const UNIT: i32 = 1 << 14;
/// Taps a phase come in multiples of this, for the machine's sake.
pub(super) const LANES: usize = 48;
/// Ratios of larger numbers than this are rounded to smaller ones; nobody hears a pitch that is off by a ten-thousandth.
const LARGEST: u64 = 2_048;

/// The filter for one ratio of rates.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// Output samples for every `down` input samples; also the number of phases.
    pub(super) up: usize,
    pub(super) down: usize,
    /// Taps of a phase.
    pub(super) width: usize,
    /// Phase after phase, each for a window of input samples from the oldest to the newest.
    pub(super) taps: Box<[i16]>,
}

impl Filter {
    /// For whatever two rates; zero counts as 1.
    pub(super) fn new(from: u32, to: u32) -> Filter {
        let (up, down) = ratio(u64::from(to.max(1)), u64::from(from.max(1)));
        // The narrower rate in terms of the input's.
        let narrowing = (up as f64 / down as f64).min(1.0);
        let half = HALF as f64 / narrowing;
        let width = (2 * half.ceil() as usize).next_multiple_of(LANES);
        let mut taps = Vec::with_capacity(up * width);
        for phase in 0..up {
            let exact: Vec<f64> = (0..width)
                .map(|at| {
                    let back = (width - 1 - at) as f64 + phase as f64 / up as f64;
                    kernel((back - (width / 2) as f64) * narrowing)
                })
                .collect();
            taps.extend(rounded(&exact));
        }
        Filter { up, down, width, taps: taps.into() }
    }
}

/// The ideal low-pass under its window, at so many samples of the narrower rate from the middle.
fn kernel(at: f64) -> f64 {
    let half = HALF as f64;
    if at.abs() >= half {
        return 0.0;
    }
    let x = PI * EDGE * at;
    let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
    sinc * bessel(BETA * (1.0 - (at / half).powi(2)).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind and order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..40 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

/// Whole taps that sum up to [`UNIT`] exactly, so that no phase is louder than another.
fn rounded(exact: &[f64]) -> Vec<i16> {
    let gain = f64::from(UNIT) / exact.iter().sum::<f64>();
    let mut taps: Vec<i16> = exact.iter().map(|tap| (tap * gain).round() as i16).collect();
    let missing = UNIT - taps.iter().map(|&tap| i32::from(tap)).sum::<i32>();
    if let Some(largest) = taps.iter_mut().max() {
        *largest += missing as i16;
    }
    taps
}

/// `up / down` in small numbers: exactly where they are small already, else the nearest fraction that is.
fn ratio(up: u64, down: u64) -> (usize, usize) {
    // The convergents of the continued fraction: the last one is the fraction itself, reduced.
    let (mut high, mut low) = (up, down);
    let (mut before, mut best) = ((0, 1), (1, 0));
    while low > 0 {
        let whole = high / low;
        let next = (whole * best.0 + before.0, whole * best.1 + before.1);
        // The first two may be 0 over 1, or all there is of a huge ratio.
        if best.0 > 0 && best.1 > 0 && next.0.max(next.1) > LARGEST {
            break;
        }
        (before, best) = (best, next);
        (high, low) = (low, high % low);
    }
    (best.0 as usize, best.1 as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_small_and_as_exact_as_can_be() {
        assert_eq!(ratio(16_000, 8_000), (2, 1));
        assert_eq!(ratio(8_000, 48_000), (1, 6));
        assert_eq!(ratio(8_000, 44_100), (80, 441));
        assert_eq!(ratio(48_000, 11_025), (640, 147));
        assert_eq!(ratio(1, 384_000), (1, 384_000));
        for (up, down) in [(48_000, 383_999), (383_999, 1_000), (8_000, 22_257), (47_999, 48_000)] {
            let (small_up, small_down) = ratio(up, down);
            assert!(small_up.max(small_down) <= 2_048, "{up}/{down}");
            let error = small_up as f64 / small_down as f64 * down as f64 / up as f64 - 1.0;
            assert!(error.abs() < 1e-4, "{up}/{down}: {error}");
        }
    }

    #[test]
    fn no_phase_can_overflow() {
        for (from, to) in
            [(8_000, 48_000), (48_000, 8_000), (8_000, 12_000), (44_100, 48_000), (11_025, 8_000)]
        {
            let filter = Filter::new(from, to);
            assert_eq!(filter.taps.len(), filter.up * filter.width);
            for phase in filter.taps.chunks(filter.width) {
                assert_eq!(phase.iter().map(|&tap| i32::from(tap)).sum::<i32>(), UNIT);
                let most: i64 = phase.iter().map(|&tap| i64::from(tap).abs() * 32_768).sum();
                assert!(most + i64::from(UNIT) / 2 < i64::from(i32::MAX), "{from} to {to}: {most}");
            }
        }
    }
}
