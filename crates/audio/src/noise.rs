//! Comfort noise: what is sent instead of silence and made again from a few bytes, RFC 3389.
//!
//! ```text
//! |0|   level   |      N1       |      N2       | …      level in -dBov; N: reflection coefficients, may be absent
//! ```
//!
//! The noise is white noise through the all-pole lattice that the coefficients describe, at the level that is said.

use crate::level::rms_dbov;

/// Coefficients that are used; those beyond are ignored, as RFC 3389 §3 allows.
pub const ORDER: usize = 12;

/// No peer makes noise louder than this, in dBov: it is meant to comfort.
const LOUDEST: u8 = 30;

/// The level of the noise goes to that of a new description by this share each sample: 20 ms at 8 kHz.
const GLIDE: f32 = 1.0 / 160.0;

/// Makes noise as the last description has it.
#[derive(Debug, Clone)]
pub struct Noise {
    reflection: [f32; ORDER],
    order: usize,
    state: [f32; ORDER + 1],
    /// The level of the white noise, and what it is going to.
    gain: f32,
    target: f32,
    random: u32,
}

impl Noise {
    /// Silence, until something else is described.
    pub fn new() -> Noise {
        Noise {
            reflection: [0.0; ORDER],
            order: 0,
            state: [0.0; ORDER + 1],
            gain: 0.0,
            target: 0.0,
            random: 0x2545_F491,
        }
    }

    /// A description came; an empty one changes nothing.
    pub fn describe(&mut self, payload: &[u8]) {
        let Some((level, coefficients)) = payload.split_first() else { return };
        self.order = coefficients.len().min(ORDER);
        let mut share = 1.0f32;
        for (k, n) in self.reflection.iter_mut().zip(coefficients) {
            // RFC 3389 §3.2: in steps of 258/32768 around 127. 255 is not used; it must not make the filter ring.
            *k = ((f32::from(*n) - 127.0) * 258.0 / 32_768.0).clamp(-0.97, 0.97);
            share *= 1.0 - *k * *k;
        }
        let level = (level & 0x7f).max(LOUDEST);
        let loud = 32_768.0 * 10f32.powf(-f32::from(level) / 20.0);
        // The filter adds what its poles are worth.
        self.target = if level == 127 { 0.0 } else { loud * share.max(1e-20).sqrt() };
    }

    /// Fill `out` with noise.
    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            self.gain += (self.target - self.gain) * GLIDE;
            let mut forward = self.white() * self.gain;
            for n in (0..self.order).rev() {
                let k = self.reflection[n];
                forward -= k * self.state[n];
                self.state[n + 1] = self.state[n] + k * forward;
            }
            self.state[0] = forward;
            *sample = forward.clamp(-32_768.0, 32_767.0) as i16;
        }
    }

    /// White noise of mean square 1: four even dice make a good enough bell.
    fn white(&mut self) -> f32 {
        let mut sum = 0i32;
        for _ in 0..2 {
            // xorshift32
            self.random ^= self.random << 13;
            self.random ^= self.random >> 17;
            self.random ^= self.random << 5;
            sum += (self.random & 0xffff) as i32 - 0x8000;
            sum += (self.random >> 16) as i32 - 0x8000;
        }
        // Each die's mean square is 2³²/12.
        sum as f32 * (3f32.sqrt() / 65_536.0)
    }
}

impl Default for Noise {
    fn default() -> Noise {
        Noise::new()
    }
}

/// Describe `sound` with its level and `order` coefficients, as much as `payload` holds. Answers the bytes written.
pub fn write(sound: &[i16], order: usize, payload: &mut [u8]) -> usize {
    let Some((level, coefficients)) = payload.split_first_mut() else { return 0 };
    *level = (-rms_dbov(sound)).round().clamp(0.0, 127.0) as u8;
    let order = order.min(ORDER).min(coefficients.len());
    let reflection = reflection(sound, order);
    for (n, k) in coefficients.iter_mut().zip(&reflection[..order]) {
        *n = (k * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8;
    }
    1 + order
}

/// The first reflection coefficients of a sound, by Levinson's and Durbin's recursion; zeros where it is silent.
fn reflection(sound: &[i16], order: usize) -> [f32; ORDER] {
    let mut correlation = [0.0f32; ORDER + 1];
    for (lag, sum) in correlation.iter_mut().enumerate().take(order + 1) {
        let later = sound.get(lag..).unwrap_or_default();
        *sum = later.iter().zip(sound).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
    }
    let mut found = [0.0f32; ORDER];
    // A little white noise keeps the recursion from dividing by nothing.
    let mut error = correlation[0] * 1.0001 + 1.0;
    let mut filter = [0.0f32; ORDER + 1];
    for n in 0..order {
        let sum: f32 = (0..n).map(|m| filter[m] * correlation[n - m]).sum();
        let k = -(correlation[n + 1] + sum) / error;
        let before = filter;
        for m in 0..n {
            filter[m] = before[m] + k * before[n - 1 - m];
        }
        filter[n] = k;
        error *= 1.0 - k * k;
        found[n] = k;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(payload: &[u8], samples: usize) -> Vec<i16> {
        let mut noise = Noise::new();
        noise.describe(payload);
        let mut out = vec![0; samples + 2_000];
        noise.fill(&mut out);
        out.split_off(2_000)
    }

    #[test]
    fn noise_has_the_level_that_is_said_with_and_without_a_spectrum() {
        for level in [35u8, 50, 65] {
            for coefficients in [&[][..], &[40, 150], &[10, 200, 127, 90, 127, 130]] {
                let payload = [&[level], coefficients].concat();
                let loud = rms_dbov(&made(&payload, 16_000));
                assert!((loud + f32::from(level)).abs() < 1.0, "{payload:?}: {loud}");
            }
        }
    }

    #[test]
    fn a_spectrum_survives_the_way_there_and_back() {
        let original = made(&[40, 20, 190, 110, 140], 16_000);
        let mut payload = [0; 1 + 4];
        assert_eq!(write(&original, 4, &mut payload), 5);
        let expected = [40, 20, 190, 110, 140];
        for (got, wanted) in payload.iter().zip(expected) {
            assert!(got.abs_diff(wanted) <= 4, "{payload:?}");
        }
    }

    #[test]
    fn silence_is_described_and_made() {
        let mut payload = [9; 3];
        assert_eq!(write(&[0; 160], 2, &mut payload), 3);
        assert_eq!(payload, [127, 127, 127]);
        assert!(made(&payload, 800).iter().all(|sample| *sample == 0));
        assert_eq!(write(&[5; 160], 2, &mut []), 0);
        assert_eq!(write(&[], 2, &mut payload), 3);
    }

    #[test]
    fn no_description_is_louder_than_comfort_or_makes_it_ring() {
        for payload in [&[0][..], &[0, 255, 255, 255], &[0, 0, 0, 0, 0], &[0x80, 255, 0, 255, 0], &[1; 40]] {
            let loud = rms_dbov(&made(payload, 16_000));
            assert!(loud < -26.0, "{payload:?}: {loud}");
        }
        let mut noise = Noise::default();
        noise.describe(&[]);
        let mut out = [1; 10];
        noise.fill(&mut out);
        assert_eq!(out, [0; 10]);
    }
}
