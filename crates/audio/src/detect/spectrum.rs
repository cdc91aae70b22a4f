//! What a stretch of sound is made of: its loudest one or two lines, and how much there is besides.
//!
//! Windows of 32 ms, one each 16 ms; silent ones are not transformed.
//! Tones that lie closer than 60 Hz, as many ringbacks', are one line here, whose pitch is between them.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples a window, at 8 kHz.
const WINDOW: usize = 256;
/// Samples from one window to the next.
pub(super) const HOP: usize = 128;
/// Milliseconds from one window to the next.
pub(super) const HOP_MS: u32 = 16;
/// Hertz from one bin to the next.
const BIN: f32 = 8_000.0 / WINDOW as f32;
/// Bins on each side of a line that are its own: the main lobe of a Hann window.
const LOBE: usize = 2;
/// Bins on each side that two close tones may reach.
const AROUND: usize = 4;
/// Nothing below this is looked into: -50 dBov, as a mean square.
const SILENCE: f32 = 32_768.0 * 32_768.0 * 1e-5;

/// A tone, or what comes nearest to one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Line {
    pub(super) hertz: f32,
    /// Its part in all the power.
    pub(super) share: f32,
}

/// One window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Look {
    /// Mean square; zero if there is next to nothing.
    pub(super) power: f32,
    /// Loudest first; without share in silence.
    pub(super) lines: [Line; 2],
    /// The part of all the power that lies within 125 Hz of the loudest line: of two tones that are close.
    pub(super) around: f32,
}

impl Look {
    pub(super) fn is_silent(&self) -> bool {
        self.power == 0.0
    }
}

/// Takes samples at 8 kHz. Allocates when it is made, never after.
#[derive(Clone)]
pub(super) struct Spectrum {
    transform: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    recent: [i16; WINDOW],
    filled: usize,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("filled", &self.filled).finish_non_exhaustive()
    }
}

impl Spectrum {
    pub(super) fn new() -> Spectrum {
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
        let turn = std::f32::consts::TAU / WINDOW as f32;
        Spectrum {
            hann: (0..WINDOW).map(|at| 0.5 - 0.5 * (turn * (at as f32 + 0.5)).cos()).collect(),
            recent: [0; WINDOW],
            filled: 0,
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
        }
    }

    /// Takes the next samples and hands each window that they complete to `seen`.
    pub(super) fn feed(&mut self, mut samples: &[i16], mut seen: impl FnMut(Look)) {
        while !samples.is_empty() {
            let (some, rest) = samples.split_at(samples.len().min(HOP - self.filled));
            let from = WINDOW - HOP + self.filled;
            self.recent[from..from + some.len()].copy_from_slice(some);
            self.filled += some.len();
            samples = rest;
            if self.filled == HOP {
                self.filled = 0;
                seen(self.look());
                self.recent.copy_within(HOP.., 0);
            }
        }
    }

    fn look(&mut self) -> Look {
        let mut energy = 0.0;
        for ((to, &sample), weight) in self.input.iter_mut().zip(&self.recent).zip(&self.hann) {
            let sample = f32::from(sample);
            energy += sample * sample;
            *to = sample * weight;
        }
        let power = energy / WINDOW as f32;
        let lengths_fit =
            self.transform.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
        if power < SILENCE || lengths_fit.is_err() {
            return Look::default();
        }
        let bins = &self.output;
        let total: f32 = bins.iter().map(Complex::norm_sqr).sum();
        let first = loudest(bins, None);
        let second = loudest(bins, Some(first));
        let around: f32 =
            bins.iter().skip(first.saturating_sub(AROUND)).take(2 * AROUND + 1).map(Complex::norm_sqr).sum();
        let lines = [first, second].map(|at| line(bins, at, total));
        Look { power, lines, around: around / total.max(f32::MIN_POSITIVE) }
    }
}

/// The loudest bin that is not of the line at `beside`.
fn loudest(bins: &[Complex<f32>], beside: Option<usize>) -> usize {
    let mut loudest = (0, 0.0);
    for (at, bin) in bins.iter().enumerate() {
        let other = beside.is_none_or(|line| at.abs_diff(line) > 2 * LOBE - 1);
        let power = bin.norm_sqr();
        if other && power > loudest.1 {
            loudest = (at, power);
        }
    }
    loudest.0
}

fn line(bins: &[Complex<f32>], at: usize, total: f32) -> Line {
    let power = |at: usize| bins.get(at).map_or(0.0, Complex::norm_sqr);
    let lobe: f32 = (at.saturating_sub(LOBE)..=at + LOBE).map(power).sum();
    // Of a Hann window: between two bins lies a line whose magnitudes there have this ratio.
    let (left, right) = (power(at.wrapping_sub(1)).sqrt(), power(at + 1).sqrt());
    let ratio = left.max(right) / power(at).sqrt().max(f32::MIN_POSITIVE);
    let off = ((2.0 * ratio - 1.0) / (ratio + 1.0)).clamp(0.0, 0.5);
    let place = if right >= left { at as f32 + off } else { at as f32 - off };
    Line { hertz: place * BIN, share: lobe / total.max(f32::MIN_POSITIVE) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tone;
    use crate::{Pcm, Rate};

    fn looks(sound: &Pcm) -> Vec<Look> {
        let mut looks = Vec::new();
        let mut spectrum = Spectrum::new();
        sound.samples.chunks(111).for_each(|part| spectrum.feed(part, |look| looks.push(look)));
        looks
    }

    #[test]
    fn a_tone_has_one_line_and_two_have_two() {
        let length = Duration::from_millis(200);
        for hertz in [200, 413, 425, 440, 950, 1_099, 1_100, 1_777, 2_100, 3_333] {
            for look in &looks(&tone::beep(hertz, length, Rate::NARROW))[2..11] {
                assert!((look.lines[0].hertz - f32::from(hertz)).abs() < 2.0, "{hertz}: {look:?}");
                assert!(look.lines[0].share > 0.98, "{hertz}: {look:?}");
            }
        }
        let sound = tone::render(&[480, 620], length, Duration::ZERO, length, Rate::NARROW);
        for look in &looks(&sound)[2..11] {
            let mut hertz = look.lines.map(|line| line.hertz);
            hertz.sort_by(f32::total_cmp);
            assert!((hertz[0] - 480.0).abs() < 8.0 && (hertz[1] - 620.0).abs() < 8.0, "{look:?}");
            assert!(look.lines[0].share + look.lines[1].share > 0.97, "{look:?}");
        }
    }

    #[test]
    fn silence_has_none_and_noise_no_line_to_speak_of() {
        assert!(looks(&Pcm::silence(Rate::NARROW, Duration::from_millis(100))).iter().all(Look::is_silent));
        let mut state = 1u32;
        let noise = (0..8_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 4
        });
        let looks = looks(&Pcm::new(Rate::NARROW, noise.collect()));
        assert!(looks.iter().all(|look| look.lines[0].share < 0.35));
    }
}
