//! Listening instead of counting packets: where there is sound, at what pitch, and whether two recordings are alike.

use std::time::Duration;

use audio::level::rms_dbov;
use audio::{Pcm, Rate};

/// Sound louder than this, in dBov, is taken for speech; G.711 silence and comfort noise lie below -60.
pub const FLOOR: f32 = -48.0;

/// A stretch of sound, in seconds from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

impl Segment {
    /// How long it is, in seconds.
    pub fn length(&self) -> f64 {
        self.end - self.start
    }
}

/// The level of each window of `window`, in dBov (0 is a full-scale square wave; silence is very low).
pub fn levels(pcm: &Pcm, window: Duration) -> Vec<f32> {
    pcm.samples.chunks(pcm.rate.samples(window).max(1)).map(rms_dbov).collect()
}

/// Stretches with sound in them; pauses shorter than `pause` belong to the stretch, clicks under 60 ms do not count.
pub fn segments(pcm: &Pcm, pause: Duration) -> Vec<Segment> {
    const WINDOW: f64 = 0.02;
    let mut out: Vec<Segment> = Vec::new();
    for (at, level) in levels(pcm, Duration::from_secs_f64(WINDOW)).into_iter().enumerate() {
        if level < FLOOR {
            continue;
        }
        let start = at as f64 * WINDOW;
        match out.last_mut() {
            Some(last) if start - last.end <= pause.as_secs_f64() => last.end = start + WINDOW,
            _ => out.push(Segment { start, end: start + WINDOW }),
        }
    }
    out.retain(|segment| segment.length() >= 0.06);
    out
}

/// Seconds of sound in all, pauses under 300 ms included.
pub fn sounding(pcm: &Pcm) -> f64 {
    segments(pcm, Duration::from_millis(300)).iter().map(Segment::length).sum()
}

/// The part of `pcm` from `start` to `end` seconds.
pub fn cut(pcm: &Pcm, start: f64, end: f64) -> Pcm {
    let at = |seconds: f64| ((seconds.max(0.0) * f64::from(pcm.rate.0)) as usize).min(pcm.samples.len());
    Pcm { rate: pcm.rate, samples: pcm.samples[at(start)..at(end).max(at(start))].to_vec() }
}

/// How much of the sound's energy lies at `hertz`, 0 to 1.
pub fn purity(pcm: &Pcm, hertz: f32) -> f64 {
    // Goertzel over the whole stretch, in double precision; a window of 100 ms tolerates a small detuning.
    let window = pcm.rate.samples(Duration::from_millis(100));
    let (mut at_pitch, mut all) = (0.0, 0.0);
    for chunk in pcm.samples.chunks_exact(window.max(1)) {
        let step = std::f64::consts::TAU * f64::from(hertz) / f64::from(pcm.rate.0);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in chunk.iter().enumerate() {
            let value = f64::from(*sample);
            re += value * (step * n as f64).cos();
            im += value * (step * n as f64).sin();
            all += value * value;
        }
        at_pitch += 2.0 * (re * re + im * im) / chunk.len() as f64;
    }
    if all == 0.0 { 0.0 } else { (at_pitch / all).min(1.0) }
}

/// The pitch of the loudest 100 ms, in hertz: the strongest period between 50 Hz and 1 kHz (autocorrelation).
/// `None` for silence and for noise.
pub fn pitch(pcm: &Pcm) -> Option<f64> {
    let rate = f64::from(pcm.rate.0);
    let window = pcm.rate.samples(Duration::from_millis(100)).max(1);
    let loudest = pcm.samples.chunks_exact(window).max_by(|a, b| rms_dbov(a).total_cmp(&rms_dbov(b)))?;
    if rms_dbov(loudest) < FLOOR {
        return None;
    }
    let samples: Vec<f64> = loudest.iter().map(|sample| f64::from(*sample)).collect();
    let likeness = |lag: usize| at_lag(&samples, &samples, lag as i64);
    let (shortest, longest) = ((rate / 1000.0) as usize, (rate / 50.0) as usize);
    let all: Vec<f64> = (shortest.max(2) - 1..=longest + 1).map(likeness).collect();
    let best = all.iter().copied().fold(0.0, f64::max);
    // A period's multiples are as good as itself: the first peak that is nearly the best is the period.
    let peak = (1..all.len() - 1)
        .find(|&at| all[at] > 0.9 * best && all[at] >= all[at - 1] && all[at] >= all[at + 1])?;
    let (before, at, after) = (all[peak - 1], all[peak], all[peak + 1]);
    // A parabola through the three points finds the top between samples.
    let bend = before - 2.0 * at + after;
    let shift = if bend == 0.0 { 0.0 } else { 0.5 * (before - after) / bend };
    (at > 0.5).then(|| rate / ((shortest.max(2) - 1 + peak) as f64 + shift))
}

/// How alike two recordings are, and how far one lies behind the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// Normalised correlation at the best lag: 1 is the same sound, about 0 is unrelated.
    pub correlation: f64,
    /// Seconds by which the sound is later in `heard` than in `original`.
    pub lag: f64,
}

/// Looks for `original` in `heard` (both resampled to 8 kHz): first by envelope, then sample by sample.
pub fn likeness(original: &Pcm, heard: &Pcm) -> Likeness {
    const STEP: usize = 40;
    const CANDIDATES: usize = 6;
    let original = original.resampled(Rate(8000)).samples;
    let heard = heard.resampled(Rate(8000)).samples;
    let envelope = |samples: &[i16]| -> Vec<f64> {
        samples
            .chunks(STEP)
            .map(|chunk| chunk.iter().map(|s| f64::from(s.unsigned_abs())).sum::<f64>() / STEP as f64)
            .collect()
    };
    let (short, long) = (envelope(&original), envelope(&heard));
    if short.is_empty() || long.is_empty() {
        return Likeness { correlation: 0.0, lag: 0.0 };
    }
    let range = -(short.len() as i64) + 1..long.len() as i64;
    let mut coarse: Vec<(i64, f64)> = range.map(|lag| (lag, at_lag(&short, &long, lag))).collect();
    coarse.sort_by(|a, b| b.1.total_cmp(&a.1));
    // Envelopes are alike in several places, in speech most of all; the samples decide between the best ones.
    let mut candidates: Vec<i64> = Vec::new();
    for (lag, _) in coarse {
        if candidates.iter().all(|taken| (taken - lag).abs() > 4) {
            candidates.push(lag);
        }
        if candidates.len() == CANDIDATES {
            break;
        }
    }
    let (short, long): (Vec<f64>, Vec<f64>) =
        (original.iter().map(|s| f64::from(*s)).collect(), heard.iter().map(|s| f64::from(*s)).collect());
    let step = STEP as i64;
    let (lag, correlation) = candidates
        .into_iter()
        .flat_map(|coarse| (coarse - 3) * step..=(coarse + 3) * step)
        .map(|lag| (lag, at_lag(&short, &long, lag)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0));
    Likeness { correlation, lag: lag as f64 / 8000.0 }
}

/// Correlation of the overlap when `short` is laid `lag` items into `long`, scaled by how much of `short` overlaps.
fn at_lag(short: &[f64], long: &[f64], lag: i64) -> f64 {
    let (skip_short, skip_long) = if lag < 0 { ((-lag) as usize, 0) } else { (0, lag as usize) };
    let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in short.iter().skip(skip_short).zip(long.iter().skip(skip_long)) {
        product += a * b;
        left += a * a;
        right += b * b;
    }
    let whole: f64 = short.iter().map(|a| a * a).sum();
    if left == 0.0 || right == 0.0 { 0.0 } else { product / (left * right).sqrt() * (left / whole).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: u16, millis: u64) -> Pcm {
        let length = Duration::from_millis(millis);
        audio::tone::render(&[hertz], length, Duration::ZERO, length, Rate(8000))
    }

    fn silence(millis: u64) -> Pcm {
        Pcm::silence(Rate(8000), Duration::from_millis(millis))
    }

    #[test]
    fn sound_is_found_where_it_is() {
        let mut pcm = silence(500);
        pcm.append(&tone(440, 1000));
        pcm.append(&silence(1000));
        pcm.append(&tone(440, 300));
        let found = segments(&pcm, Duration::from_millis(300));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!((found[0].start - 0.5).abs() < 0.03 && (found[0].end - 1.5).abs() < 0.03, "{found:?}");
        assert!((sounding(&pcm) - 1.3).abs() < 0.06);
    }

    #[test]
    fn a_tone_is_pure_at_its_own_pitch_only() {
        assert!(purity(&tone(440, 1000), 440.0) > 0.95);
        assert!(purity(&tone(440, 1000), 1000.0) < 0.05);
    }

    #[test]
    fn a_tone_has_its_pitch_and_silence_has_none() {
        for hertz in [100, 220, 440, 941] {
            let found = pitch(&tone(hertz, 500)).expect("a pitch");
            assert!((found - f64::from(hertz)).abs() < f64::from(hertz) / 50.0, "{found} for {hertz}");
        }
        assert_eq!(pitch(&silence(500)), None);
        // Marsaglia's xorshift: noise enough, and the same each time.
        let mut state = 0x2545_f491_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 18) as i16
        };
        let samples = (0..4000).map(|_| noise() - 8192).collect();
        assert_eq!(pitch(&Pcm::new(Rate(8000), samples)), None);
    }

    #[test]
    fn a_delayed_copy_is_alike_and_another_sound_is_not() {
        let mut sweep = Pcm::new(Rate(8000), Vec::new());
        for step in 0..20 {
            sweep.append(&tone(300 + 97 * (step * 7 % 20), 60));
            sweep.append(&silence(u64::from(step % 5) * 10));
        }
        let mut late = silence(333);
        late.append(&sweep);
        let found = likeness(&sweep, &late);
        assert!(found.correlation > 0.99 && (found.lag - 0.333).abs() < 0.002, "{found:?}");
        assert!(likeness(&sweep, &tone(440, 3000)).correlation < 0.5);
    }
}
