//! Sound made shorter or longer by one pitch period, so that nobody hears it.
//!
//! The distance at which the sound is most like itself is looked for, and one such stretch is taken out, or put in,
//! with a cross-fade (the waveform similarity of WSOLA).
//! What has no such distance, a word's beginning, is better left alone: the caller says how alike it must be.

use std::time::Duration;

use crate::Rate;
use crate::pitch::{self, Search};

/// The shortest stretch taken out or put in.
const SHORTEST: Duration = Duration::from_micros(2_500);

/// How much must be there beyond what is wanted of it, so that [`shorten`] can find the longest period.
pub const REACH: Duration = pitch::LONGEST;

/// The longest stretch put in, in samples: [`REACH`] at 48 kHz; and at 8 kHz.
const JOINED: usize = 720;
const NARROW_JOINED: usize = 120;

fn bounds(rate: Rate) -> (usize, usize) {
    (rate.samples(SHORTEST).max(1), rate.samples(pitch::LONGEST).max(1))
}

/// Take one period of at most `most` samples out of the beginning of `sound`, which should last twice as long or more;
/// what remains is at its front.
/// Answers how many samples are gone; `None`, and nothing changed, if no stretch is `like` its neighbour (0 to 1).
pub fn shorten(rate: Rate, sound: &mut [i16], most: usize, like: f32) -> Option<usize> {
    let (least, longest) = bounds(rate);
    let most = most.min(longest).min(sound.len() / 2);
    let view = &sound[..(2 * most).max(most + 2 * least).min(sound.len())];
    // Short periods are compared over twice their length, for a few samples are easily alike.
    let place = |lag: usize| (0, lag.max(2 * least).min(view.len() - lag));
    let (period, likeness) = Search { rate, sound: view, place }.best(least, most)?;
    if likeness < like {
        return None;
    }
    let (first, rest) = sound.split_at_mut(period);
    pitch::cross_fade(first, &rest[..period]);
    sound.copy_within(2 * period.., period);
    Some(period)
}

/// Put one period into the beginning of the first `length` samples of `sound`, which follow `before`.
/// Answers how many samples were added; `None`, and nothing changed, if the sound is nowhere `like` itself, or the
/// room in `sound` does not suffice.
pub fn lengthen(rate: Rate, before: &[i16], sound: &mut [i16], length: usize, like: f32) -> Option<usize> {
    let (least, most) = bounds(rate);
    let room = sound.len().checked_sub(length)?;
    let (mut narrow, mut wide);
    let most = most.min(before.len()).min(length).min(room).min(JOINED);
    let after = length.min(most.max(2 * least)).min(JOINED);
    // A small room is sooner made than a large one.
    let joined: &mut [i16] = if most + after <= 2 * NARROW_JOINED {
        narrow = [0; 2 * NARROW_JOINED];
        &mut narrow
    } else {
        wide = [0; 2 * JOINED];
        &mut wide
    };
    // The last period before, and what comes after it, against what comes now.
    joined[..most].copy_from_slice(&before[before.len() - most..]);
    joined[most..most + after].copy_from_slice(&sound[..after]);
    let place = |lag: usize| (most - lag, lag.max(2 * least).min(after));
    let (period, likeness) = Search { rate, sound: &joined[..most + after], place }.best(least, most)?;
    if likeness < like {
        return None;
    }
    // It begins as it would, turns into the last period again, and after that comes what comes now, whole.
    sound.copy_within(..length, period);
    pitch::cross_fade(&mut sound[..period], &before[before.len() - period..]);
    Some(period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    const RATES: [Rate; 3] = [Rate::NARROW, Rate::WIDE, Rate::FULL];

    fn vowel(rate: Rate, pitch: f32, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| {
                let t = n as f32 / rate.hertz() as f32 * std::f32::consts::TAU * pitch;
                ((1..10).map(|h| (t * h as f32).sin() / h as f32).sum::<f32>() * 6_000.0) as i16
            })
            .collect()
    }

    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_vowel_is_shortened_and_lengthened_without_a_click() {
        for rate in RATES {
            for pitch in [80.0, 125.0, 210.0, 300.0] {
                let sound = vowel(rate, pitch, rate.samples(Duration::from_millis(60)));
                let steep = steepest(&sound) * 21 / 20 + 8;
                let mut shorter = sound.clone();
                let gone = shorten(rate, &mut shorter, usize::MAX, 0.9).unwrap();
                shorter.truncate(sound.len() - gone);
                assert!(steepest(&shorter) <= steep, "{rate} {pitch}");
                assert_eq!(shorter[gone..], sound[2 * gone..]);

                let (before, now) = sound.split_at(sound.len() / 2);
                let mut longer = now.to_vec();
                longer.resize(now.len() + rate.samples(REACH), 0);
                let added = lengthen(rate, before, &mut longer, now.len(), 0.9).unwrap();
                assert_eq!(longer[added..added + now.len()], *now);
                let joined = [before, &longer[..now.len() + added]].concat();
                assert!(steepest(&joined) <= steep, "{rate} {pitch}");
            }
        }
    }

    #[test]
    fn silence_gives_the_longest_stretch() {
        let mut sound = [0; 400];
        assert_eq!(shorten(Rate::NARROW, &mut sound, usize::MAX, 0.9), Some(120));
        assert_eq!(shorten(Rate::NARROW, &mut sound, 50, 0.9), Some(50));
        assert_eq!(lengthen(Rate::NARROW, &[0; 390], &mut sound, 200, 0.9), Some(120));
    }

    #[test]
    fn a_beginning_is_left_alone() {
        let mut sound = vec![0; 20];
        sound.extend(tone::beep(440, Duration::from_millis(40), Rate::NARROW).samples);
        let before = sound.clone();
        assert_eq!(shorten(Rate::NARROW, &mut sound, usize::MAX, 0.95), None);
        assert_eq!(sound, before);
    }

    #[test]
    fn too_little_sound_or_room_is_left_alone() {
        assert_eq!(shorten(Rate::NARROW, &mut [7; 10], usize::MAX, 0.0), None);
        assert_eq!(shorten(Rate::NARROW, &mut [7; 400], 10, 0.0), None);
        assert_eq!(shorten(Rate::NARROW, &mut [], usize::MAX, 0.0), None);
        assert_eq!(lengthen(Rate::NARROW, &[7; 300], &mut [7; 160], 160, 0.0), None);
        assert_eq!(lengthen(Rate::NARROW, &[], &mut [7; 400], 160, 0.0), None);
        assert_eq!(lengthen(Rate::NARROW, &[7; 300], &mut [7; 10], 160, 0.0), None);
    }
}
