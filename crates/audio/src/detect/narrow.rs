//! Bringing sound of any rate to the 8 kHz that every detector works in.
//!
//! Each detector has one of its own; who feeds several with the same sound narrows it once for all of them.

use crate::Rate;
use crate::resample::Resampler;

/// Input samples taken at a time, at most 60 ms of 8 kHz out of a rate that is lower still.
const CHUNK: usize = 480;

/// Input of some rate, 8 kHz out. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct Narrow {
    rate: Rate,
    /// `None`: the input is at 8 kHz already.
    resampler: Option<Resampler>,
    output: Vec<i16>,
}

impl Narrow {
    /// From `rate`.
    pub fn new(rate: Rate) -> Narrow {
        let resampler = Resampler::between(rate, Rate::NARROW);
        let most = CHUNK as u64 * u64::from(Rate::NARROW.0) / u64::from(rate.0.clamp(1_000, 192_000)) + 2;
        let output = if resampler.is_some() { vec![0; most as usize] } else { Vec::new() };
        Narrow { rate, resampler, output }
    }

    /// Of the input.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Hands the samples on at 8 kHz, in pieces.
    pub fn feed(&mut self, samples: &[i16], mut take: impl FnMut(&[i16])) {
        match &mut self.resampler {
            None => take(samples),
            Some(resampler) => {
                for part in samples.chunks(CHUNK) {
                    let n = resampler.process(part, &mut self.output);
                    take(&self.output[..n]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::level::rms_dbov;
    use crate::tone;

    #[test]
    fn every_rate_comes_out_at_eight_kilohertz_whatever_the_frames() {
        for rate in [8_000, 12_000, 16_000, 24_000, 44_100, 48_000] {
            let before = tone::beep(1_100, Duration::from_millis(400), Rate(rate));
            for frame in [rate as usize / 50, 77, 5_000] {
                let (mut narrow, mut after) = (Narrow::new(Rate(rate)), Vec::new());
                let parts = before.samples.chunks(frame);
                parts.for_each(|part| narrow.feed(part, |some| after.extend_from_slice(some)));
                assert!(after.len().abs_diff(3_200) < 40, "{rate}: {}", after.len());
                let change = rms_dbov(&after) - rms_dbov(&before.samples);
                assert!(change.abs() < 0.3, "{rate}: {change} dB");
            }
        }
    }
}
