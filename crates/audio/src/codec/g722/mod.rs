//! ITU-T G.722 (09/2012) at 64 kbit/s: two sub-bands of 4 kHz, six bits a sample for the lower, two for the upper.
//!
//! A byte stands for two samples of 16 kHz, the upper band in its two high bits (RFC 3551 §4.5.2).
//! Everything is in whole numbers as the recommendation has it; an encoder and a decoder are 200 bytes each.

mod band;
mod filter;
#[cfg(test)]
mod tests;

use band::{Predictor, Scale};
use filter::{Joiner, Splitter};

/// Byte pairs that are worked on at a time: 10 ms.
const BLOCK: usize = 80;

/// QL6 of clause 6.2.1.1: the 29 thresholds between the magnitudes of the lower band's 30 steps.
const THRESHOLDS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// How many thresholds a magnitude, in units of the step, has reached.
static REACHED: [u8; 2_920] = reached();

const fn reached() -> [u8; 2_920] {
    let mut table = [0; 2_920];
    let (mut magnitude, mut count) = (0, 0);
    while magnitude < table.len() {
        if count < THRESHOLDS.len() && magnitude as i32 >= THRESHOLDS[count] {
            count += 1;
        }
        table[magnitude] = count as u8;
        magnitude += 1;
    }
    table
}

/// QQ6 of the codes of six bits: what the decoder hears.
static LOWER_FINE: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
/// QQ4 of the codes' upper four bits: what both ends predict from, whatever became of the lower two.
static LOWER_COARSE: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// WL of the same four bits.
static LOWER_GAIN: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// QQ2 of the upper band's two bits.
static UPPER: [i32; 4] = [-7408, -1616, 7408, 1616];
/// WH of the same.
static UPPER_GAIN: [i32; 4] = [798, -214, 798, -214];

/// The lower band's state, alike at both ends.
#[derive(Debug, Clone)]
struct Lower {
    scale: Scale,
    predictor: Predictor,
}

impl Lower {
    fn new() -> Lower {
        Lower { scale: Scale::new(32), predictor: Predictor::default() }
    }

    /// QUANTL: the code of a sample.
    #[inline(always)]
    fn quantize(&self, sample: i32) -> u8 {
        let error = (sample - self.predictor.estimate).clamp(-32_768, 32_767);
        let magnitude = if error >= 0 { error } else { !error };
        // A threshold t is reached when (t * step) >> 12 is no more than the magnitude; this is that, solved for t.
        let units = ((((magnitude + 1) as u32) << 12) - 1) / (self.scale.step as u32);
        let reached = REACHED[(units as usize).min(REACHED.len() - 1)];
        match (error < 0, reached) {
            (false, reached) => 61 - reached,
            // The two smallest negative steps stand apart: the codes 0 to 3 are never sent.
            (true, reached @ 0..=1) => 63 - reached,
            (true, reached) => 33 - reached,
        }
    }

    /// INVQAL and all that follows: what both ends make of a code.
    #[inline(always)]
    fn adapt(&mut self, code: u8) {
        let coarse = usize::from(code >> 2 & 15);
        let difference = (self.scale.step * LOWER_COARSE[coarse]) >> 15;
        self.scale.adapt(LOWER_GAIN[coarse], 18_432, 8);
        self.predictor.adapt(difference);
    }

    /// INVQBL, RECONS and LIMIT: the sample of a code.
    #[inline(always)]
    fn sample(&self, code: u8) -> i32 {
        let difference = (self.scale.step * LOWER_FINE[usize::from(code & 63)]) >> 15;
        (self.predictor.estimate + difference).clamp(-16_384, 16_383)
    }
}

/// The upper band's state, alike at both ends.
#[derive(Debug, Clone)]
struct Upper {
    scale: Scale,
    predictor: Predictor,
}

impl Upper {
    fn new() -> Upper {
        Upper { scale: Scale::new(8), predictor: Predictor::default() }
    }

    /// QUANTH.
    #[inline(always)]
    fn quantize(&self, sample: i32) -> u8 {
        let error = (sample - self.predictor.estimate).clamp(-32_768, 32_767);
        let magnitude = if error >= 0 { error } else { !error };
        let large = magnitude >= (564 * self.scale.step) >> 12;
        (if error >= 0 { 2 } else { 0 }) + u8::from(!large)
    }

    /// INVQAH and all that follows; the reconstructed sample.
    #[inline(always)]
    fn adapt(&mut self, code: u8) -> i32 {
        let code = usize::from(code & 3);
        let difference = (self.scale.step * UPPER[code]) >> 15;
        let sample = (self.predictor.estimate + difference).clamp(-16_384, 16_383);
        self.scale.adapt(UPPER_GAIN[code], 22_528, 10);
        self.predictor.adapt(difference);
        sample
    }
}

/// From samples of 16 kHz to bytes.
#[derive(Debug, Clone)]
pub struct Encoder {
    splitter: Splitter,
    lower: Lower,
    upper: Upper,
}

impl Default for Encoder {
    /// One that has heard nothing yet.
    fn default() -> Encoder {
        Encoder { splitter: Splitter::default(), lower: Lower::new(), upper: Upper::new() }
    }
}

impl Encoder {
    /// Encodes as many pairs of samples as there are bytes for, and says how many bytes were written.
    pub(super) fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let (mut low, mut high) = ([0; BLOCK], [0; BLOCK]);
        // Locals stay in registers, which a field behind a reference does not.
        let (mut lower, mut upper) = (self.lower.clone(), self.upper.clone());
        let mut written = 0;
        for (samples, bytes) in samples.chunks(2 * BLOCK).zip(payload.chunks_mut(BLOCK)) {
            let pairs = (samples.len() / 2).min(bytes.len());
            self.splitter.split(&samples[..2 * pairs], &mut low, &mut high);
            for ((byte, &low), &high) in bytes[..pairs].iter_mut().zip(&low).zip(&high) {
                let (low, high) = (lower.quantize(i32::from(low)), upper.quantize(i32::from(high)));
                lower.adapt(low);
                upper.adapt(high);
                *byte = high << 6 | low;
            }
            written += pairs;
        }
        (self.lower, self.upper) = (lower, upper);
        written
    }
}

/// From bytes to samples of 16 kHz.
#[derive(Debug, Clone)]
pub struct Decoder {
    joiner: Joiner,
    lower: Lower,
    upper: Upper,
}

impl Default for Decoder {
    /// One that has heard nothing yet.
    fn default() -> Decoder {
        Decoder { joiner: Joiner::default(), lower: Lower::new(), upper: Upper::new() }
    }
}

impl Decoder {
    /// Decodes as many bytes as there is room for two samples each, and says how many samples were written.
    pub(super) fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        let (mut low, mut high) = ([0; BLOCK], [0; BLOCK]);
        let (mut lower, mut upper) = (self.lower.clone(), self.upper.clone());
        let mut written = 0;
        for (bytes, samples) in payload.chunks(BLOCK).zip(samples.chunks_mut(2 * BLOCK)) {
            let pairs = (samples.len() / 2).min(bytes.len());
            for ((&byte, low), high) in bytes[..pairs].iter().zip(&mut low).zip(&mut high) {
                *low = lower.sample(byte) as i16;
                lower.adapt(byte);
                *high = upper.adapt(byte >> 6) as i16;
            }
            self.joiner.join(&low[..pairs], &high[..pairs], samples);
            written += 2 * pairs;
        }
        (self.lower, self.upper) = (lower, upper);
        written
    }
}
