//! Hearing what a sound is: keys, fax machines, the network's signals, people and machines.
//!
//! Every detector takes sound of any rate, works at 8 kHz, allocates when it is made and never after, and calls back when
//! it found something.

mod amd;
mod beep;
mod dtmf;
mod fax;
mod narrow;
mod progress;
mod spectrum;
mod speech;

pub use amd::{Answer, Machine, Timings};
pub use dtmf::{Dtmf, Press};
pub use fax::{Fax, FaxTones};
pub use narrow::Narrow;
pub use progress::{CallProgress, Progress, Sit};
pub use speech::{Change, Patience, Speech};

use std::f64::consts::TAU;

use crate::Rate;

/// The power of `samples` at `hertz` by Goertzel's algorithm: the squared magnitude of that one bin of a Fourier transform.
///
/// A sine of amplitude a over n samples gives about (a·n/2)², so its share of the whole is this over n/2 times the sum of squares.
pub fn goertzel_power(samples: &[i16], rate: Rate, hertz: f32) -> f32 {
    // In double precision, because the error of the recurrence grows with the length and this one has no bound.
    let coefficient = 2.0 * (TAU * f64::from(hertz) / f64::from(rate.hertz().max(1))).cos();
    let (mut last, mut before) = (0.0f64, 0.0f64);
    for &sample in samples {
        (last, before) = (f64::from(sample) + coefficient * last - before, last);
    }
    (last * last + before * before - coefficient * last * before) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;
    use std::time::Duration;

    #[test]
    fn power_is_that_of_the_amplitude_at_the_pitch_and_little_elsewhere() {
        let sound = tone::beep(1_000, Duration::from_secs(1), Rate::NARROW);
        let expected = (8_231.0f32 * 8_000.0 / 2.0).powi(2);
        let found = goertzel_power(&sound.samples, Rate::NARROW, 1_000.0);
        assert!((found / expected - 1.0).abs() < 0.05, "{}", found / expected);
        assert!(goertzel_power(&sound.samples, Rate::NARROW, 1_100.0) < expected / 1_000.0);
        assert_eq!(goertzel_power(&[], Rate::NARROW, 1_000.0), 0.0);
    }
}
