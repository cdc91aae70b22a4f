//! Changing the sampling rate of a whole sound.
//!
//! The work is rubato's synchronous FFT resampler; this file chooses its block and sees to the edges.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use crate::{Pcm, Rate};

/// Frames a block, on the input side.
/// Long, because the filter is as long as the block: at 48 kHz its edge is then about 100 Hz wide, and a voice keeps all of its 3.4 kHz.
const BLOCK: usize = 4_096;

impl Pcm {
    /// The same sound at another rate: same beginning, same length to the sample, rounded up.
    /// A rate of zero, on either side, gives no samples.
    pub fn resampled(&self, rate: Rate) -> Pcm {
        if rate == self.rate || self.samples.is_empty() {
            return Pcm::new(rate, self.samples.clone());
        }
        Pcm::new(rate, resample(&self.samples, self.rate, rate).unwrap_or_default())
    }
}

/// `None` if rubato refuses the pair of rates, which of all pairs it does for those with a zero.
fn resample(samples: &[i16], from: Rate, to: Rate) -> Option<Vec<i16>> {
    let linear: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let input = InterleavedSlice::new(&linear, 1, linear.len()).ok()?;
    let (from, to) = (from.hertz() as usize, to.hertz() as usize);
    let mut resampler =
        Fft::<f32>::new_custom(from, to, BLOCK, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
            .ok()?;
    let output = resampler.process_all(&input, linear.len(), None).ok()?;
    let mut output = output.take_data();
    output.truncate((samples.len() * to).div_ceil(from));
    Some(output.into_iter().map(to_i16).collect())
}

/// A sample of full scale ±1 in 16 bits, clipped.
pub(crate) fn to_i16(sample: f32) -> i16 {
    // `as` saturates, and makes a NaN zero.
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
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
}
