//! How alike two stretches of sound are, and at which distance a sound is most like itself: its pitch period.
//!
//! The search is a coarse one over all distances, on sums of neighbouring samples at 4 kHz, and finer ones around what
//! that found, down to single samples.
//! Samples are brought down to 11 bits for it: so many of their products fit a word that the compiler multiplies eight
//! at once, and whole numbers add up to the same in any order.

use std::time::Duration;

use crate::Rate;

/// The longest period looked for: a voice of 66 Hz (ITU-T G.711 Appendix I).
pub(crate) const LONGEST: Duration = Duration::from_millis(15);

/// Below this mean square, -60 dBov, everything is alike: nobody hears a seam in it.
const SILENT: f32 = 32_768.0 * 32_768.0 * 1e-6;

/// Bits of a sample that is compared, beside its sign. The energy of the longest stretch, 20 ms at 48 kHz, just fits
/// 32 bits.
const BITS: u32 = 11;

/// The most samples that a search looks at: 20 ms and the longest period, at 48 kHz.
const REACH: usize = 35 * 48;

/// Those of a search at 8 kHz: a small room is sooner made than a large one.
const NARROW_REACH: usize = 35 * 8;

/// Those of its coarse search: as long, at less than 8 kHz.
const COARSE_REACH: usize = 35 * 8;

/// The normalised correlation of two stretches of `count` samples: 1 for the same, 0 for nothing in common. `cross` is
/// the sum of their products, `first` and `second` are their energies, and `silent` is the energy of a sample of what
/// counts as silence.
fn likeness(cross: f32, first: f32, second: f32, count: usize, silent: f32) -> f32 {
    let quiet = silent * count as f32;
    if first <= quiet && second <= quiet {
        return 1.0;
    }
    // What is loud on one side and silent on the other is not alike, however it correlates.
    cross / (first * second).sqrt().max(first.max(second) / 2.0).max(1.0)
}

/// The sum of the products of a few samples, which the compiler turns into the instruction for it.
fn product<const N: usize>(one: &[i16; N], other: &[i16; N]) -> i64 {
    one.iter().zip(other).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>().into()
}

/// The sum of the products of two stretches of one length.
fn correlation(one: &[i16], other: &[i16]) -> f32 {
    let (ones, one) = one.as_chunks::<16>();
    let (others, other) = other.as_chunks::<16>();
    let mut sum: i64 = ones.iter().zip(others).map(|(a, b)| product(a, b)).sum();
    let (ones, one) = one.as_chunks::<4>();
    let (others, other) = other.as_chunks::<4>();
    sum += ones.iter().zip(others).map(|(a, b)| product(a, b)).sum::<i64>();
    sum += one.iter().zip(other).map(|(a, b)| product(&[*a], &[*b])).sum::<i64>();
    sum as f32
}

/// Sums of `N` neighbours each, in `BITS` bits.
fn reduce<const N: usize>(sound: &[i16], out: &mut [i16], shift: u32) -> usize {
    let half = 1 << shift >> 1;
    let groups = sound.as_chunks::<N>().0;
    for (out, group) in out.iter_mut().zip(groups) {
        let sum: i32 = group.iter().map(|sample| i32::from(*sample)).sum();
        *out = ((sum + half) >> shift) as i16;
    }
    groups.len().min(out.len())
}

/// The stretches that a distance is judged by, and what they are cut from.
pub(crate) struct Search<'a, F> {
    pub(crate) rate: Rate,
    /// What the stretches lie in.
    pub(crate) sound: &'a [i16],
    /// Where the earlier stretch of a lag begins, and how long both are; the later one lies a lag further on.
    /// Neither its beginning nor the other's end moves there and back while the lag grows.
    pub(crate) place: F,
}

impl<F: Fn(usize) -> (usize, usize)> Search<'_, F> {
    /// The lag from `least` to `most` whose stretches are most alike, and how alike. `None` if there is no lag whose
    /// stretches lie in the sound.
    pub(crate) fn best(&self, least: usize, most: usize) -> Option<(usize, f32)> {
        if least > most {
            return None;
        }
        let hertz = self.rate.hertz() as usize;
        let finest = hertz.div_ceil(48_000).max(1);
        let coarse = (hertz / 4_000).max(finest);
        let middle = (hertz / 16_000).max(finest);
        // All bits that any of the samples has beside its sign.
        let bits = self.sound.iter().fold(0, |bits, sample| bits | (sample ^ (sample >> 15)) as u16);
        let mut found = self.coarse(coarse, least, most, bits);
        for (before, stride) in [(coarse, middle), (middle, finest)] {
            if stride < before {
                let (from, to) = found.map_or((least, most), |(around, _)| {
                    (around.saturating_sub(before).max(least), (around + before).min(most))
                });
                found = self.fine(stride, from, to, bits).or(found);
            }
        }
        found
    }

    /// Every `stride`th lag on sums of so many samples, with each sample squared once for all lags.
    fn coarse(&self, stride: usize, least: usize, most: usize, bits: u16) -> Option<(usize, f32)> {
        let mut room = [0; COARSE_REACH];
        let (sound, silent) = self.reduced(&mut room, stride, 0, self.sound.len(), bits);
        // The energy up to each sample; it may wrap, differences of it do not.
        let mut energy = [0u32; COARSE_REACH + 1];
        let mut sum = 0u32;
        for (energy, sample) in energy[1..].iter_mut().zip(sound) {
            sum = sum.wrapping_add((i32::from(*sample) * i32::from(*sample)) as u32);
            *energy = sum;
        }
        let energy = |from: usize, to: usize| energy[to].wrapping_sub(energy[from]) as f32;
        self.most_alike(least.div_ceil(stride)..=most / stride, |lag| {
            let (begin, length) = (self.place)(lag * stride);
            let begin = begin / stride;
            // A whole number of steps is compared sooner than a few samples more.
            let length = (length / stride).next_multiple_of(4).min(sound.len().checked_sub(begin + lag)?);
            let (one, other) = (begin..begin + length, begin + lag..begin + lag + length);
            let cross = correlation(sound.get(one.clone())?, sound.get(other.clone())?);
            let (first, second) = (energy(one.start, one.end), energy(other.start, other.end));
            Some(likeness(cross, first, second, length, silent))
        })
        .map(|(lag, like)| (lag * stride, like))
    }

    /// Every `stride`th lag of a few, on sums of so many samples.
    fn fine(&self, stride: usize, least: usize, most: usize, bits: u16) -> Option<(usize, f32)> {
        let (mut narrow, mut wide);
        let ends = [least, most].map(|lag| {
            let (begin, length) = (self.place)(lag);
            (begin, begin + lag + length)
        });
        let (from, to) = (ends[0].0.min(ends[1].0), ends[0].1.max(ends[1].1));
        let room: &mut [i16] = if to <= from + NARROW_REACH * stride {
            narrow = [0; NARROW_REACH];
            &mut narrow
        } else {
            wide = [0; REACH];
            &mut wide
        };
        let (sound, silent) = self.reduced(room, stride, from, to, bits);
        self.most_alike(least.div_ceil(stride)..=most / stride, |lag| {
            let (begin, length) = (self.place)(lag * stride);
            let (begin, length) = (begin.checked_sub(from)? / stride, length / stride);
            let (one, other) =
                (sound.get(begin..begin + length)?, sound.get(begin + lag..begin + lag + length)?);
            let (first, second) = (correlation(one, one), correlation(other, other));
            Some(likeness(correlation(one, other), first, second, length, silent))
        })
        .map(|(lag, like)| (lag * stride, like))
    }

    /// From the longest down: in silence, where all are alike, the longest is taken.
    fn most_alike(
        &self,
        lags: std::ops::RangeInclusive<usize>,
        like: impl Fn(usize) -> Option<f32>,
    ) -> Option<(usize, f32)> {
        let mut best: Option<(usize, f32)> = None;
        for lag in lags.rev() {
            let Some(like) = like(lag) else { continue };
            if best.is_none_or(|(_, than)| like > than) {
                best = Some((lag, like));
            }
        }
        best
    }

    /// The sound from `from` to `to` in sums of `stride` samples of `BITS` bits, as much of it as `room` holds, and the
    /// energy of a sample of silence in it.
    fn reduced<'b>(
        &self,
        room: &'b mut [i16],
        stride: usize,
        from: usize,
        to: usize,
        bits: u16,
    ) -> (&'b [i16], f32) {
        let sound = &self.sound[from..to.min(self.sound.len()).max(from)];
        let most = u64::from(bits) * stride as u64;
        let shift = (u64::BITS - most.leading_zeros()).saturating_sub(BITS);
        let count = match stride {
            1 => reduce::<1>(sound, room, shift),
            2 => reduce::<2>(sound, room, shift),
            3 => reduce::<3>(sound, room, shift),
            4 => reduce::<4>(sound, room, shift),
            12 => reduce::<12>(sound, room, shift),
            _ => {
                let half = 1 << shift >> 1;
                for (out, group) in room.iter_mut().zip(sound.chunks_exact(stride)) {
                    let sum: i64 = group.iter().map(|sample| i64::from(*sample)).sum();
                    *out = ((sum + half) >> shift) as i16;
                }
                (sound.len() / stride).min(room.len())
            }
        };
        let scale = stride as f32 / (1u64 << shift) as f32;
        (&room[..count], SILENT * scale * scale)
    }
}

/// `from` turning into `to` over the length of `from`, written over `from`.
pub(crate) fn cross_fade(from: &mut [i16], to: &[i16]) {
    let steps = from.len() as f32 + 1.0;
    for (n, (a, b)) in from.iter_mut().zip(to).enumerate() {
        let share = (n as f32 + 1.0) / steps;
        let mixed = f32::from(*a) * (1.0 - share) + f32::from(*b) * share;
        *a = mixed.round() as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [Rate; 6] =
        [Rate(8_000), Rate(11_025), Rate(16_000), Rate(44_100), Rate(48_000), Rate(96_000)];

    /// Three harmonics.
    fn voice(rate: Rate, pitch: f32, loud: f32) -> Vec<i16> {
        (0..rate.hertz() / 10)
            .map(|n| {
                let t = n as f32 / rate.hertz() as f32 * std::f32::consts::TAU * pitch;
                ((t.sin() + (3.0 * t).sin() * 0.7 + (7.0 * t).cos() * 0.3) * loud) as i16
            })
            .collect()
    }

    /// The best period of the first 20 ms.
    fn best(rate: Rate, sound: &[i16]) -> (usize, f32) {
        let window = rate.samples(Duration::from_millis(20));
        let most = rate.samples(LONGEST);
        Search { rate, sound: &sound[..window + most], place: |_| (0, window) }
            .best(window / 4, most)
            .unwrap()
    }

    /// The likeness by its definition, in no hurry.
    fn exact(one: &[i16], other: &[i16]) -> f32 {
        let sum = |a: &[i16], b: &[i16]| {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
        };
        likeness(sum(one, other), sum(one, one), sum(other, other), one.len(), SILENT)
    }

    #[test]
    fn the_period_of_a_sound_is_found_at_any_rate_and_loudness() {
        for rate in RATES {
            for loud in [16_000.0, 6_000.0, 200.0] {
                let sound = voice(rate, 125.0, loud);
                let (lag, like) = best(rate, &sound);
                let wanted = (rate.hertz() as usize + 62) / 125;
                assert!(lag.abs_diff(wanted) <= rate.hertz() as usize / 48_000, "{rate} {loud}: {lag}");
                assert!(like > 0.99, "{rate} {loud}: {like}");
            }
        }
    }

    /// Voices that glide, with noise on them: what is found is about as like as the best that there is.
    #[test]
    fn no_other_lag_is_much_more_alike_than_the_one_that_is_found() {
        let mut state = 7u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let (mut worse, mut count) = (0.0, 0);
        for _ in 0..60 {
            for rate in [Rate(8_000), Rate(16_000), Rate(48_000)] {
                let (pitch, noise) = (70 + random(150), 1 + random(4_000));
                let mut sound = voice(rate, pitch as f32, 200.0 + random(12_000) as f32);
                sound.iter_mut().for_each(|sample| *sample += random(noise) as i16);
                let (lag, like) = best(rate, &sound);
                let window = rate.samples(Duration::from_millis(20));
                let of = |lag: usize| exact(&sound[..window], &sound[lag..lag + window]);
                assert!((of(lag) - like).abs() < 0.002, "{rate}: {like} and {}", of(lag));
                let most = (window / 4..=rate.samples(LONGEST)).map(of).fold(-1.0, f32::max);
                assert!(like > most - 0.1, "{rate}: {like} of {most}");
                worse += most - like;
                count += 1;
            }
        }
        assert!(worse / (count as f32) < 0.003, "{}", worse / count as f32);
    }

    #[test]
    fn extremes_are_compared_without_wrapping() {
        for rate in RATES {
            let (lag, like) = best(rate, &vec![i16::MIN; rate.hertz() as usize / 10]);
            assert!(lag <= rate.samples(LONGEST));
            assert!((like - 1.0).abs() < 1e-3, "{rate}: {like}");
            let ends = [i16::MIN, i16::MAX, 0, -1];
            let sound: Vec<i16> = (0..rate.hertz() as usize / 10).map(|n| ends[n * n / 7 % 4]).collect();
            best(rate, &sound);
        }
    }

    #[test]
    fn silence_is_like_silence_and_not_like_sound() {
        assert_eq!(exact(&[0; 80], &[3; 80]), 1.0);
        assert!(exact(&[100; 80], &[5_000; 80]) < 0.1);
        assert!(exact(&[1_000; 80], &[-1_000; 80]) < -0.9);
        assert_eq!(best(Rate::NARROW, &[3; 800]), (120, 1.0));
    }

    #[test]
    fn there_is_no_best_of_nothing() {
        let search = Search { rate: Rate::NARROW, sound: &[], place: |_| (0, 10) };
        assert_eq!(search.best(40, 120), None);
        assert_eq!(search.best(40, 39), None);
    }
}
