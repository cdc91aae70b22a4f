//! Changing the sampling rate.
//!
//! [`Resampler`] does it for a stream, frame by frame, without allocating; [`Pcm::resampled`] for a whole sound, and
//! [`Conversion`] for one that comes in pieces.
//! One polyphase filter in whole numbers serves both.

mod filter;
#[cfg(test)]
mod tests;

use crate::{Pcm, Rate};
use filter::{Filter, LANES, UNIT};

/// Input samples that are worked on at a time.
const BLOCK: usize = 960;

/// A stream of samples on its way to another rate.
///
/// What comes out is late by half the filter: 24 samples of the lower of the two rates, 3 ms at 8 kHz.
#[derive(Debug, Clone)]
pub struct Resampler {
    from: Rate,
    to: Rate,
    filter: Filter,
    /// The last `filter.width - 1` samples, and room for a block.
    line: Box<[i16]>,
    /// How many of the coming input samples pass before the next output.
    ahead: usize,
    /// The phase of the next output.
    phase: usize,
}

impl Resampler {
    /// What leads from one rate to another; `None` where they are the same. Allocates.
    pub fn between(from: Rate, to: Rate) -> Option<Resampler> {
        (from != to).then(|| Resampler::new(from, to))
    }

    /// For a stream of `from` that is wanted at `to`. Allocates, and computes a filter: microseconds for the rates of
    /// telephony, milliseconds for odd ones.
    pub fn new(from: Rate, to: Rate) -> Resampler {
        let filter = Filter::new(from.0, to.0);
        let line = vec![0; filter.width - 1 + BLOCK].into();
        Resampler { from, to, filter, line, ahead: 0, phase: 0 }
    }

    /// Of what goes in.
    pub fn from(&self) -> Rate {
        self.from
    }

    /// Of what comes out.
    pub fn to(&self) -> Rate {
        self.to
    }

    /// Takes `input`, writes what it comes to at the other rate to the beginning of `out`, and says how many samples
    /// that were. Whole 5 ms give whole 5 ms, at rates that have such. What does not fit into `out` is lost.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        if self.from == self.to {
            let length = input.len().min(out.len());
            out[..length].copy_from_slice(&input[..length]);
            return length;
        }
        let past = self.filter.width - 1;
        let mut written = 0;
        for block in input.chunks(BLOCK) {
            self.line[past..past + block.len()].copy_from_slice(block);
            written += match self.filter.width {
                // Every step up has this many; the compiler lays them out.
                LANES if self.filter.down == 1 => self.run_up::<LANES>(block.len(), &mut out[written..]),
                LANES => self.run(block.len(), &mut out[written..], dot::<LANES>),
                _ => self.run(block.len(), &mut out[written..], dot_of_any),
            };
            self.line.copy_within(block.len()..block.len() + past, 0);
        }
        written
    }

    /// Has what went through `other`, of the same rate, behind it: the stream goes on here.
    pub fn follow(&mut self, other: &Resampler) {
        if self.from == other.from {
            let (past, theirs) = (self.filter.width - 1, other.filter.width - 1);
            let known = past.min(theirs);
            self.line[..past - known].fill(0);
            self.line[past - known..past].copy_from_slice(&other.line[theirs - known..theirs]);
        }
    }

    /// Has `last` behind it, which went elsewhere: the stream goes on here.
    pub fn hear(&mut self, last: &[i16]) {
        let past = self.filter.width - 1;
        let known = past.min(last.len());
        self.line.copy_within(known..past, 0);
        self.line[past - known..past].copy_from_slice(&last[last.len() - known..]);
    }

    /// Forgets what went through.
    pub fn reset(&mut self) {
        self.line.fill(0);
        (self.ahead, self.phase) = (0, 0);
    }

    /// As [`Resampler::run`], for whole multiples: each window of the input gives one sample of every phase.
    fn run_up<const WIDTH: usize>(&mut self, length: usize, out: &mut [i16]) -> usize {
        let (taps, _) = self.filter.taps.as_chunks::<WIDTH>();
        let windows = self.line.windows(WIDTH).skip(self.ahead).take(length.saturating_sub(self.ahead));
        for (window, samples) in windows.zip(out.chunks_mut(taps.len())) {
            for (taps, sample) in taps.iter().zip(samples) {
                *sample = rounded(dot::<WIDTH>(taps, window));
            }
        }
        let written = (length.saturating_sub(self.ahead) * taps.len()).min(out.len());
        self.ahead = self.ahead.saturating_sub(length);
        written
    }

    #[inline(always)]
    fn run(&mut self, length: usize, out: &mut [i16], dot: impl Fn(&[i16], &[i16]) -> i32) -> usize {
        let Filter { up, down, width, ref taps } = self.filter;
        let (whole, rest) = (down / up, down % up);
        let (mut at, mut phase, mut written) = (self.ahead, self.phase, 0);
        while at < length {
            if let Some(sample) = out.get_mut(written) {
                let sum = dot(&taps[phase * width..][..width], &self.line[at..][..width]);
                *sample = rounded(sum);
                written += 1;
            }
            at += whole;
            phase += rest;
            if phase >= up {
                phase -= up;
                at += 1;
            }
        }
        (self.ahead, self.phase) = (at - length, phase);
        written
    }
}

/// A sum of products as a sample.
#[inline(always)]
fn rounded(sum: i32) -> i16 {
    ((sum + UNIT / 2) >> UNIT.ilog2()).clamp(-32_768, 32_767) as i16
}

#[inline(always)]
fn dot<const N: usize>(taps: &[i16], window: &[i16]) -> i32 {
    let (Some(taps), Some(window)) = (taps.first_chunk::<N>(), window.first_chunk::<N>()) else { return 0 };
    taps.iter().zip(window).map(|(&tap, &sample)| i32::from(tap) * i32::from(sample)).sum()
}

#[inline(always)]
fn dot_of_any(taps: &[i16], window: &[i16]) -> i32 {
    let (taps, window) = (taps.as_chunks::<LANES>().0, window.as_chunks::<LANES>().0);
    taps.iter().zip(window).map(|(taps, window)| dot::<LANES>(taps, window)).sum()
}

/// A sound on its way to another rate in pieces, which come to what [`Pcm::resampled`] makes of the whole: nothing is late, and
/// the length is the same to the sample.
#[derive(Debug, Clone)]
pub struct Conversion {
    resampler: Resampler,
    /// Samples that came, and that they came to.
    taken: u64,
    given: u64,
}

impl Conversion {
    /// For a sound of `from` that is wanted at `to`. Allocates, as do the others.
    pub fn new(from: Rate, to: Rate) -> Conversion {
        let mut resampler = Resampler::new(from, to);
        if from != to {
            // The first output belongs to the first input when that stands in the middle of the filter.
            resampler.ahead = resampler.filter.width / 2;
        }
        Conversion { resampler, taken: 0, given: 0 }
    }

    /// Appends what the next samples come to.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let before = out.len();
        // The filter may have held one back.
        out.resize(before + self.comes_to(samples.len() as u64) as usize + 1, 0);
        let n = self.resampler.process(samples, &mut out[before..]);
        out.truncate(before + n);
        self.taken += samples.len() as u64;
        self.given += n as u64;
    }

    /// Appends what the filter still holds: the sound is over.
    pub fn end(&mut self, out: &mut Vec<i16>) {
        let before = out.len();
        out.resize(before + self.comes_to(self.taken).saturating_sub(self.given) as usize, 0);
        let silence = vec![0; self.resampler.filter.width / 2 + 1];
        let n = self.resampler.process(&silence, &mut out[before..]);
        out.truncate(before + n);
        self.given += n as u64;
    }

    fn comes_to(&self, samples: u64) -> u64 {
        let (from, to) = (u64::from(self.resampler.from.0.max(1)), u64::from(self.resampler.to.0));
        (samples * to).div_ceil(from)
    }
}

impl Pcm {
    /// The same sound at another rate: same beginning, same length to the sample, rounded up.
    /// A rate of zero, on either side, gives no samples.
    pub fn resampled(&self, rate: Rate) -> Pcm {
        if rate == self.rate || self.samples.is_empty() {
            return Pcm::new(rate, self.samples.clone());
        }
        if rate.0 == 0 || self.rate.0 == 0 {
            return Pcm::new(rate, Vec::new());
        }
        let (mut conversion, mut samples) = (Conversion::new(self.rate, rate), Vec::new());
        conversion.push(&self.samples, &mut samples);
        conversion.end(&mut samples);
        Pcm::new(rate, samples)
    }
}

/// A sample of full scale ±1 in 16 bits, clipped.
pub(crate) fn to_i16(sample: f32) -> i16 {
    // `as` saturates, and makes a NaN zero.
    (sample * 32_768.0).round() as i16
}
