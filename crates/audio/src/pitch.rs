//! How alike two stretches of sound are, and at which distance a sound is most like itself: its pitch period.

use std::time::Duration;

use crate::Rate;

/// The longest period looked for: a voice of 66 Hz (ITU-T G.711 Appendix I).
pub(crate) const LONGEST: Duration = Duration::from_millis(15);

/// Below this mean square, -60 dBov, everything is alike: nobody hears a seam in it.
const SILENT: f32 = 32_768.0 * 32_768.0 * 1e-6;

/// The normalised correlation of every `stride`th sample of two stretches: 1 for the same, 0 for nothing in common.
fn likeness(one: &[i16], other: &[i16], stride: usize) -> f32 {
    let (mut cross, mut first, mut second, mut count) = (0.0f32, 0.0f32, 0.0f32, 0u32);
    for (a, b) in one.iter().zip(other).step_by(stride) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        cross += a * b;
        first += a * a;
        second += b * b;
        count += 1;
    }
    let quiet = SILENT * count as f32;
    if first <= quiet && second <= quiet {
        return 1.0;
    }
    // What is loud on one side and silent on the other is not alike, however it correlates.
    cross / (first * second).sqrt().max(first.max(second) / 2.0).max(1.0)
}

/// The lag from `least` to `most` at which the two stretches that `pair` gives for it are most alike, and how alike.
/// First on a coarse grid of 4 kHz, then around its best. `None` if `pair` has nothing for any lag.
pub(crate) fn search<'a>(
    rate: Rate,
    least: usize,
    most: usize,
    pair: impl Fn(usize) -> Option<(&'a [i16], &'a [i16])>,
) -> Option<(usize, f32)> {
    let coarse = (rate.hertz() as usize / 4_000).max(1);
    let fine = (rate.hertz() as usize / 16_000).max(1);
    let best = |lags: &mut dyn Iterator<Item = usize>, stride: usize| {
        let mut best: Option<(usize, f32)> = None;
        for lag in lags {
            let Some((one, other)) = pair(lag) else { continue };
            let like = likeness(one, other, stride);
            if best.is_none_or(|(_, than)| like > than) {
                best = Some((lag, like));
            }
        }
        best
    };
    // From the longest down: in silence, where all are alike, the longest is taken.
    let (around, _) = best(&mut (least..=most).rev().step_by(coarse), coarse)?;
    let near = around.saturating_sub(coarse).max(least)..=(around + coarse).min(most);
    best(&mut near.rev(), fine)
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

    #[test]
    fn the_period_of_a_sound_is_found_at_any_rate() {
        for hertz in [8_000u32, 16_000, 48_000] {
            let rate = Rate(hertz);
            let sound: Vec<i16> = (0..hertz / 10)
                .map(|n| {
                    let t = n as f32 / hertz as f32 * std::f32::consts::TAU * 125.0;
                    ((t.sin() + (3.0 * t).sin() * 0.7 + (7.0 * t).cos() * 0.3) * 6_000.0) as i16
                })
                .collect();
            let window = rate.samples(Duration::from_millis(20));
            let (lag, like) = search(rate, window / 4, rate.samples(LONGEST), |lag| {
                Some((sound.get(..window)?, sound.get(lag..lag + window)?))
            })
            .unwrap();
            assert_eq!(lag, hertz as usize / 125);
            assert!(like > 0.999, "{like}");
        }
    }

    #[test]
    fn silence_is_like_silence_and_not_like_sound() {
        assert_eq!(likeness(&[0; 80], &[3; 80], 1), 1.0);
        assert!(likeness(&[100; 80], &[5_000; 80], 1) < 0.1);
        assert!(likeness(&[1_000; 80], &[-1_000; 80], 1) < -0.9);
    }
}
