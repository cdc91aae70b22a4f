//! The quadrature mirror filters of G.722, clause 6.2.1 and 6.2.2: 16 kHz into two bands of 8 kHz, and back.

use super::BLOCK;

/// Taps of the filter (table 11 of the recommendation), whose second half mirrors its first.
const TAPS: [i16; 24] = [
    3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876, 3876, 951, -805, -210, 362, 32, -156, 12, 53,
    -11, -11, 3,
];
/// The same with every other sign turned, which mirrors the band.
const MIRRORED: [i16; 24] = mirrored();
/// Every other tap: what one of two output samples is made of.
const EVEN: [i16; 12] = every_other(0);
const ODD: [i16; 12] = every_other(1);

const fn mirrored() -> [i16; 24] {
    let mut taps = TAPS;
    let mut at = 0;
    while at < taps.len() {
        taps[at] = -taps[at];
        at += 2;
    }
    taps
}

const fn every_other(first: usize) -> [i16; 12] {
    let mut taps = [0; 12];
    let mut at = 0;
    while at < taps.len() {
        taps[at] = TAPS[2 * at + first];
        at += 1;
    }
    taps
}

#[inline(always)]
fn dot<const N: usize>(taps: &[i16; N], samples: &[i16]) -> i32 {
    taps.iter().zip(samples).map(|(&tap, &sample)| i32::from(tap) * i32::from(sample)).sum()
}

/// Samples that a filter of 24 taps remembers between two calls.
const SPLITTER_PAST: usize = 22;

/// The transmit filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Splitter {
    past: [i16; SPLITTER_PAST],
}

impl Splitter {
    /// Splits up to `2 * BLOCK` samples; each pair gives one of the lower and one of the upper band, of 15 bits.
    pub(super) fn split(&mut self, samples: &[i16], low: &mut [i16; BLOCK], high: &mut [i16; BLOCK]) {
        let mut line = [0; SPLITTER_PAST + 2 * BLOCK];
        line[..SPLITTER_PAST].copy_from_slice(&self.past);
        line[SPLITTER_PAST..SPLITTER_PAST + samples.len()].copy_from_slice(samples);
        for ((low, high), window) in
            low.iter_mut().zip(high).zip(line.windows(TAPS.len()).step_by(2)).take(samples.len() / 2)
        {
            *low = (dot(&TAPS, window) >> 14).clamp(-16_384, 16_383) as i16;
            *high = (dot(&MIRRORED, window) >> 14).clamp(-16_384, 16_383) as i16;
        }
        self.past.copy_from_slice(&line[samples.len()..samples.len() + SPLITTER_PAST]);
    }
}

const JOINER_PAST: usize = 11;

/// The receive filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Joiner {
    differences: [i16; JOINER_PAST],
    sums: [i16; JOINER_PAST],
}

impl Joiner {
    /// Joins up to `BLOCK` samples of each band to twice as many.
    pub(super) fn join(&mut self, low: &[i16], high: &[i16], samples: &mut [i16]) {
        let mut differences = [0; JOINER_PAST + BLOCK];
        let mut sums = [0; JOINER_PAST + BLOCK];
        differences[..JOINER_PAST].copy_from_slice(&self.differences);
        sums[..JOINER_PAST].copy_from_slice(&self.sums);
        for (at, (&low, &high)) in (JOINER_PAST..).zip(low.iter().zip(high)) {
            // Both are of 15 bits: neither can overflow.
            differences[at] = low - high;
            sums[at] = low + high;
        }
        for ((pair, differences), sums) in samples
            .chunks_exact_mut(2)
            .zip(differences.windows(ODD.len()))
            .zip(sums.windows(EVEN.len()))
            .take(low.len())
        {
            pair[0] = (dot(&ODD, differences) >> 11).clamp(-32_768, 32_767) as i16;
            pair[1] = (dot(&EVEN, sums) >> 11).clamp(-32_768, 32_767) as i16;
        }
        self.differences.copy_from_slice(&differences[low.len()..low.len() + JOINER_PAST]);
        self.sums.copy_from_slice(&sums[low.len()..low.len() + JOINER_PAST]);
    }
}
