//! Bringing sound of any rate to the 8 kHz that every detector works in.
//!
//! What detectors look for lies below 3.4 kHz, so a short filter is enough; to be heard by people it would be too coarse.

use std::f64::consts::PI;

use crate::Rate;

/// Zero crossings of the filter's sinc on each side; its edge is about 1.2 kHz wide.
const CROSSINGS: f64 = 6.0;
/// Where the filter has lost half: nothing above 4.4 kHz comes back below 3.6 kHz with more than a hundredth.
const CUTOFF: f64 = 3_600.0;
/// Input samples taken at a time.
const CHUNK: usize = 480;

/// Input of some rate, 8 kHz out. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub(crate) struct Narrow {
    /// `None`: the input is at 8 kHz already.
    filter: Option<Filter>,
}

#[derive(Debug, Clone)]
struct Filter {
    /// A row of coefficients for each place that an output can have between two inputs.
    phases: Vec<f32>,
    taps: usize,
    /// Output and input samples in the shortest time that has whole numbers of both.
    up: usize,
    down: usize,
    /// Where the next output is, in `up`ths of an input sample from the start of `window`.
    next: usize,
    window: Vec<f32>,
    output: Vec<i16>,
}

impl Narrow {
    /// From `rate`; a rate of zero hears nothing.
    pub(crate) fn new(rate: Rate) -> Narrow {
        Narrow { filter: (rate != Rate::NARROW).then(|| Filter::new(rate.hertz().max(1) as usize)) }
    }

    /// Hands the samples on at 8 kHz, in pieces.
    pub(crate) fn feed(&mut self, samples: &[i16], mut take: impl FnMut(&[i16])) {
        match &mut self.filter {
            None => take(samples),
            Some(filter) => {
                for part in samples.chunks(CHUNK) {
                    take(filter.chunk(part));
                }
            }
        }
    }
}

impl Filter {
    fn new(rate: usize) -> Filter {
        let common = gcd(rate, 8_000);
        let (up, down) = (8_000 / common, rate / common);
        // A filter for a lower rate than ours must not pass what the input cannot hold.
        let cutoff = CUTOFF.min(rate as f64 * 0.45) * 2.0 / rate as f64;
        let reach = CROSSINGS / cutoff;
        let taps = (2.0 * reach).ceil() as usize + 1;
        let mut phases = Vec::with_capacity(up * taps);
        for phase in 0..up {
            let middle = reach + phase as f64 / up as f64;
            let row: Vec<f64> = (0..taps).map(|tap| kernel(tap as f64 - middle, cutoff, reach)).collect();
            let sum: f64 = row.iter().sum();
            phases.extend(row.iter().map(|tap| (tap / sum) as f32));
        }
        Filter {
            phases,
            taps,
            up,
            down,
            next: 0,
            window: Vec::with_capacity(taps + CHUNK),
            output: Vec::with_capacity(CHUNK * up / down + 2),
        }
    }

    fn chunk(&mut self, part: &[i16]) -> &[i16] {
        self.window.extend(part.iter().map(|&sample| f32::from(sample)));
        self.output.clear();
        loop {
            let (start, phase) = (self.next / self.up, self.next % self.up);
            let Some(input) = self.window.get(start..start + self.taps) else { break };
            let row = &self.phases[phase * self.taps..(phase + 1) * self.taps];
            self.output.push(dot(input, row) as i16);
            self.next += self.down;
        }
        let done = (self.next / self.up).min(self.window.len());
        self.window.drain(..done);
        self.next -= done * self.up;
        &self.output
    }
}

/// In four sums, which the compiler keeps in one register; floats may not be summed in another order by it.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 4];
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// A sinc under a Hann window; `cutoff` as a share of half the rate.
fn kernel(at: f64, cutoff: f64, reach: f64) -> f64 {
    if at.abs() >= reach {
        return 0.0;
    }
    let x = PI * at * cutoff;
    let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
    sinc * (0.5 + 0.5 * (PI * at / reach).cos())
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::detect::goertzel_power;
    use crate::level::rms_dbov;
    use crate::{Pcm, tone};

    fn narrowed(sound: &Pcm, frame: usize) -> Vec<i16> {
        let mut narrow = Narrow::new(sound.rate);
        let mut out = Vec::new();
        sound.samples.chunks(frame).for_each(|part| narrow.feed(part, |some| out.extend_from_slice(some)));
        out
    }

    fn sine(hertz: u16, rate: u32) -> Pcm {
        let length = Duration::from_millis(400);
        tone::render(&[hertz], length, Duration::ZERO, length, Rate(rate))
    }

    #[test]
    fn every_rate_comes_out_at_eight_kilohertz_with_pitch_and_level() {
        for rate in [8_000, 11_025, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000] {
            for frame in [rate as usize / 50, 77, 5_000] {
                for hertz in [440u16, 1_100, 2_100] {
                    let before = sine(hertz, rate);
                    let after = narrowed(&before, frame);
                    assert!(after.len().abs_diff(3_200) < 40, "{rate}: {}", after.len());
                    let change = rms_dbov(&after) - rms_dbov(&before.samples);
                    assert!(change.abs() < 0.3, "{hertz} at {rate}: {change} dB");
                    let energy: f64 = after.iter().map(|&s| f64::from(s).powi(2)).sum();
                    let power = f64::from(goertzel_power(&after, Rate::NARROW, f32::from(hertz)));
                    assert!(power / (energy * after.len() as f64 / 2.0) > 0.97, "{hertz} at {rate}");
                }
            }
        }
    }

    #[test]
    fn what_lies_above_is_gone() {
        let gone = narrowed(&sine(7_000, 48_000), 960);
        assert!(rms_dbov(&gone[200..3_000]) < -55.0, "{}", rms_dbov(&gone[200..3_000]));
        assert!(rms_dbov(&narrowed(&sine(5_500, 16_000), 320)[200..3_000]) < -55.0);
        assert!(narrowed(&Pcm::new(Rate(0), vec![1; 10]), 10).len() < 11);
    }
}
