//! ITU-T G.711: µ-law and A-law.
//!
//! Decoding is by table, of 256 samples. Encoding is arithmetic that the compiler vectorises: a table for it has 64 KB,
//! of which a worker with hundreds of legs finds little in its caches.

/// A sample for each byte.
pub(super) type DecodeTable = [i16; 256];

pub(super) static ULAW_DECODE: DecodeTable = ulaw_decode_table();
pub(super) static ALAW_DECODE: DecodeTable = alaw_decode_table();

pub(super) fn encode_ulaw(samples: &[i16], payload: &mut [u8]) -> usize {
    encode(ulaw, samples, payload)
}

pub(super) fn encode_alaw(samples: &[i16], payload: &mut [u8]) -> usize {
    encode(alaw, samples, payload)
}

#[inline(always)]
fn encode(law: impl Fn(i16) -> u8, samples: &[i16], payload: &mut [u8]) -> usize {
    for (byte, &sample) in payload.iter_mut().zip(samples) {
        *byte = law(sample);
    }
    samples.len().min(payload.len())
}

pub(super) fn decode(table: &DecodeTable, payload: &[u8], samples: &mut [i16]) -> usize {
    for (sample, &byte) in samples.iter_mut().zip(payload) {
        *sample = table[usize::from(byte)];
    }
    samples.len().min(payload.len())
}

/// Added to a magnitude so that the segments of the µ-law curve begin at powers of two: 33 in G.711's 14 bits.
const BIAS: i16 = 33 << 2;
/// The largest magnitude that, biased, still fits in 15 bits.
const CLIP: i16 = 32_635;

/// Sixteen times the power of two below a magnitude of 1 or more, and which sixteenth of the way to the next it is at:
/// the exponent of a float and the highest four bits behind its point.
#[inline(always)]
fn sixteenths(magnitude: i16) -> i16 {
    (f32::from(magnitude).to_bits() >> 19) as i16 - (127 << 4)
}

/// µ-law: the sign, three bits of segment and four of step, all inverted.
#[inline(always)]
fn ulaw(sample: i16) -> u8 {
    let negative = sample >> 15;
    // In halves, because -32768 has no magnitude of 16 bits.
    let magnitude = (sample ^ negative).min(CLIP - 1) - negative + BIAS;
    // The highest set bit is 7 in segment 0 and 14 in segment 7.
    let code = sixteenths(magnitude) - (7 << 4);
    !(((sample >> 8) & 0x80) | code) as u8
}

/// Every other bit of an A-law byte is inverted on the line.
const EVEN_BITS: i16 = 0x55;

/// A-law: the sign, three bits of segment and four of step; the first two segments are one straight line.
#[inline(always)]
fn alaw(sample: i16) -> u8 {
    // G.711 has no zero in A-law: a negative sample is its one's complement.
    let magnitude = sample ^ (sample >> 15);
    // The highest set bit is 8 in segment 1.
    let curved = sixteenths(magnitude.max(1)) - (7 << 4);
    let code = if magnitude < 256 { magnitude >> 4 } else { curved };
    (((!sample >> 8) & 0x80 | code) ^ EVEN_BITS) as u8
}

const fn ulaw_sample(byte: u8) -> i16 {
    let bits = !byte as i32;
    let segment = (bits >> 4) & 7;
    let bias = BIAS as i32;
    let magnitude = ((((bits & 0x0F) << 3) + bias) << segment) - bias;
    (if bits & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

const fn alaw_sample(byte: u8) -> i16 {
    let bits = byte as i32 ^ EVEN_BITS as i32;
    let segment = (bits >> 4) & 7;
    let step = ((bits & 0x0F) << 4) + 8;
    let magnitude = if segment == 0 { step } else { (step + 256) << (segment - 1) };
    (if bits & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

const fn ulaw_decode_table() -> DecodeTable {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = ulaw_sample(byte as u8);
        byte += 1;
    }
    table
}

const fn alaw_decode_table() -> DecodeTable {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = alaw_sample(byte as u8);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of the two curves from the tables of G.711, scaled to 16 bits.
    #[test]
    fn the_curves_go_through_the_points_of_the_standard() {
        for (byte, sample) in
            [(0xFF, 0), (0x7F, 0), (0x80, 32_124), (0x00, -32_124), (0xF0, 120), (0x8F, 16_764)]
        {
            assert_eq!(ULAW_DECODE[byte], sample, "mu-law {byte:#04x}");
        }
        for (byte, sample) in
            [(0xD5, 8), (0x55, -8), (0xAA, 32_256), (0x2A, -32_256), (0xC5, 264), (0xDA, 248)]
        {
            assert_eq!(ALAW_DECODE[byte], sample, "A-law {byte:#04x}");
        }
    }

    #[test]
    fn every_byte_survives_a_round_trip() {
        for byte in 0..=255u8 {
            let again = ulaw(ULAW_DECODE[usize::from(byte)]);
            // 0x7F is minus zero and comes back as plus zero.
            assert_eq!(again, if byte == 0x7F { 0xFF } else { byte });
            assert_eq!(alaw(ALAW_DECODE[usize::from(byte)]), byte);
        }
    }

    #[test]
    fn a_sample_returns_within_its_segments_step() {
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let ulaw = i32::from(ULAW_DECODE[usize::from(ulaw(sample))]);
            let alaw = i32::from(ALAW_DECODE[usize::from(alaw(sample))]);
            // A step is a sixteenth of its segment, and a sample is at most half of it away, or clipped.
            let allowed = 16 + magnitude / 24;
            assert!((ulaw - i32::from(sample)).abs() <= allowed, "mu-law {sample} {ulaw}");
            assert!((alaw - i32::from(sample)).abs() <= allowed, "A-law {sample} {alaw}");
        }
    }

    /// The curves as G.711 has them: segments found by the highest set bit.
    fn by_segments(sample: i16) -> (u8, u8) {
        let sample = i32::from(sample);
        let biased = sample.abs().min(CLIP.into()) + i32::from(BIAS);
        let segment = 31 - biased.leading_zeros() as i32 - 7;
        let sign = if sample < 0 { 0x80 } else { 0 };
        let ulaw = !((sign | (segment << 4) | ((biased >> (segment + 3)) & 0x0F)) as u8);
        let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (0x80, sample) };
        let segment = if magnitude < 256 { 0 } else { 31 - magnitude.leading_zeros() as i32 - 7 };
        let step = (magnitude >> (if segment == 0 { 4 } else { segment + 3 })) & 0x0F;
        (ulaw, ((sign | (segment << 4) | step) ^ 0x55) as u8)
    }

    #[test]
    fn every_sample_is_encoded_as_its_segment_says() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let (mut ulaw, mut alaw) = (vec![0; samples.len()], vec![0; samples.len()]);
        encode_ulaw(&samples, &mut ulaw);
        encode_alaw(&samples, &mut alaw);
        for ((sample, ulaw), alaw) in samples.into_iter().zip(ulaw).zip(alaw) {
            assert_eq!((ulaw, alaw), by_segments(sample), "{sample}");
        }
    }
}
