//! Sound for what was lost, in the manner of ITU-T G.711 Appendix I, at any rate and without delay.
//!
//! The last pitch period before the loss is repeated, after 10 ms the last two, after 20 ms the last three, so that a
//! vowel goes on and no buzz comes up; each repetition is blended into the next over a quarter of a period.
//! From 10 ms on it fades, and after 60 ms it is silent.
//! What comes after the loss is blended in over up to 10 ms.
//!
//! Sound that is not lost passes unchanged: the original's delay of 3.75 ms, which smooths the beginning of a loss, is
//! exchanged for an offset that leads from the last sample into the repetition.

use std::time::Duration;

use crate::Rate;
use crate::pitch::{self, Search};

/// What is remembered: three periods of the longest and a quarter.
const HISTORY: Duration = Duration::from_micros(48_750);

/// The stretch in which periods are compared, and the shortest period.
const WINDOW: Duration = Duration::from_millis(20);
const SHORTEST: Duration = Duration::from_millis(5);

/// When a loss begins to fade, and when it is silent; a pause fades faster.
const FADE_FROM: Duration = Duration::from_millis(10);
const FADE_OVER: Duration = Duration::from_millis(60);
const PAUSE_OVER: Duration = Duration::from_millis(5);

/// The longest blend after a loss.
const MERGE: Duration = Duration::from_millis(10);

/// The longest blend after silence.
const ONSET: Duration = Duration::from_micros(2_500);

/// Remembers what was heard and continues it.
#[derive(Debug, Clone)]
pub struct Concealer {
    rate: Rate,
    /// The last good samples, oldest first; always full.
    history: Vec<i16>,
    /// What was made up since, as much of it as `history` holds.
    made: Vec<i16>,
    /// How many samples were made up in a row.
    lost: usize,
    /// The pitch period, and the quarter of it over which repetitions are blended.
    period: usize,
    quarter: usize,
    /// Where in the history the repetition is.
    at: usize,
    /// Periods in the next repetition.
    periods: usize,
    /// What leads from the last good sample into the repetition.
    offset: f32,
    /// From where to where the current gap fades.
    fade: (usize, usize),
}

impl Concealer {
    /// For sound of `rate`. Allocates, which nothing else here does.
    pub fn new(rate: Rate) -> Concealer {
        let length = rate.samples(HISTORY).max(8);
        Concealer {
            rate,
            history: vec![0; length],
            made: Vec::with_capacity(length),
            lost: 0,
            period: 1,
            quarter: 1,
            at: 0,
            periods: 1,
            offset: 0.0,
            fade: (0, 0),
        }
    }

    /// Another stream begins: nothing was heard.
    pub fn reset(&mut self) {
        self.history.fill(0);
        self.made.clear();
        self.lost = 0;
    }

    /// Whether the last samples were made up.
    pub fn is_concealing(&self) -> bool {
        self.lost > 0
    }

    /// The last good samples, oldest first.
    pub fn heard(&self) -> &[i16] {
        &self.history
    }

    /// Good sound, blended with what was made up before it, if any was.
    pub fn hear(&mut self, sound: &mut [i16]) {
        if self.lost > 0 {
            self.merge(sound);
        }
        append(&mut self.history, sound);
    }

    /// What is heard next does not follow: it is blended into a continuation of what was heard last.
    pub fn break_off(&mut self) {
        if self.lost == 0 {
            self.conceal(&mut []);
            self.lost = 1;
        }
    }

    /// Blend the first good sound into what was made up.
    fn merge(&mut self, sound: &mut [i16]) {
        // Appendix I: a quarter of a period, and 4 ms more for each 10 ms lost.
        let longer = self.lost / self.rate.samples(Duration::from_millis(10)).max(1);
        let wanted = self.quarter + longer * self.rate.samples(Duration::from_millis(4));
        // Out of silence a word begins as it is; a little blend is enough against a click.
        let longest = if self.lost < self.fade.1 { MERGE } else { ONSET };
        let blend = wanted.min(self.rate.samples(longest)).min(sound.len());
        let steps = blend as f32 + 1.0;
        for (n, sample) in sound.iter_mut().take(blend).enumerate() {
            let share = (n as f32 + 1.0) / steps;
            let made = self.sample();
            *sample = (made * (1.0 - share) + f32::from(*sample) * share).round() as i16;
        }
        let made = std::mem::take(&mut self.made);
        append(&mut self.history, &made);
        self.made = made;
        self.made.clear();
        self.lost = 0;
    }

    /// Fill `out` with the continuation of what was heard, fading to silence.
    pub fn conceal(&mut self, out: &mut [i16]) {
        self.fill(out, FADE_FROM, FADE_OVER);
    }

    /// Fill `out` with the beginning of a pause, or its continuation: silence, but without a click.
    pub fn pause(&mut self, out: &mut [i16]) {
        self.fill(out, Duration::ZERO, PAUSE_OVER);
    }

    fn fill(&mut self, out: &mut [i16], from: Duration, over: Duration) {
        if self.lost == 0 {
            self.fade = (self.rate.samples(from), self.rate.samples(over));
            self.begin();
        }
        if self.lost >= self.fade.1 {
            self.lost += out.len();
            out.fill(0);
            return;
        }
        for sample in out.iter_mut() {
            *sample = self.sample().round() as i16;
        }
        let keep = out.len().min(self.history.len());
        let over = (self.made.len() + keep).saturating_sub(self.history.len());
        self.made.drain(..over);
        self.made.extend_from_slice(&out[out.len() - keep..]);
    }

    /// Find the period of what was heard.
    fn begin(&mut self) {
        let (history, end) = (&self.history, self.history.len());
        let window = self.rate.samples(WINDOW).min(end / 2);
        let least = self.rate.samples(SHORTEST).max(1);
        let most = self.rate.samples(pitch::LONGEST).max(1).min(end - window);
        let sound = &history[end - window - most..];
        let search = Search { rate: self.rate, sound, place: |lag| (most - lag, window) };
        self.period = search.best(least, most).map_or(most, |(lag, _)| lag);
        self.quarter = (self.period / 4).max(1);
        self.at = end - self.period;
        self.periods = 1;
        self.offset = f32::from(history[end - 1]) - f32::from(history[end - self.period - 1]);
    }

    /// The next sample of the continuation.
    fn sample(&mut self) -> f32 {
        let end = self.history.len();
        if self.lost >= self.fade.1 {
            self.lost += 1;
            return 0.0;
        }
        let tail = end - self.quarter;
        if self.at == tail {
            // The next repetition is chosen here, and this one blended into it.
            let since = self.lost / self.rate.samples(Duration::from_millis(10)).max(1);
            let room = (end - self.quarter) / self.period;
            self.periods = (since + 1).min(3).min(room).max(1);
        }
        let mut value = f32::from(self.history[self.at]);
        if self.at >= tail {
            let share = (self.at - tail + 1) as f32 / (self.quarter + 1) as f32;
            let next = f32::from(self.history[self.at - self.periods * self.period]);
            value = value * (1.0 - share) + next * share;
        }
        if self.lost < self.quarter {
            value += self.offset * (1.0 - self.lost as f32 / self.quarter as f32);
        }
        self.at += 1;
        if self.at == end {
            self.at = end - self.periods * self.period;
        }
        let (from, over) = self.fade;
        let faded = self.lost.saturating_sub(from) as f32 / (over - from).max(1) as f32;
        self.lost += 1;
        (value * (1.0 - faded)).clamp(-32_768.0, 32_767.0)
    }
}

/// Push `sound` into a window that keeps its length.
fn append(window: &mut [i16], sound: &[i16]) {
    let length = window.len();
    match length.checked_sub(sound.len()) {
        Some(stay) => {
            window.copy_within(sound.len().., 0);
            window[stay..].copy_from_slice(sound);
        }
        None => window.copy_from_slice(&sound[sound.len() - length..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbov;

    const RATES: [Rate; 3] = [Rate::NARROW, Rate::WIDE, Rate::FULL];

    /// A vowel: harmonics of a pitch that glides a little.
    fn vowel(rate: Rate, samples: usize) -> Vec<i16> {
        let mut phase = 0.0f32;
        (0..samples)
            .map(|n| {
                let t = n as f32 / rate.hertz() as f32;
                phase += (130.0 + 10.0 * (t * 4.0).sin()) / rate.hertz() as f32 * std::f32::consts::TAU;
                let sum: f32 = (1..12).map(|h| (phase * h as f32).sin() / h as f32).sum();
                (sum * 6_000.0) as i16
            })
            .collect()
    }

    /// The vowel with the frames of `lost` made up; what was heard, frame by frame.
    fn torn(rate: Rate, frames: usize, lost: impl Fn(usize) -> bool) -> (Vec<i16>, Vec<i16>) {
        let frame = rate.samples(Duration::from_millis(20));
        let sound = vowel(rate, frames * frame);
        let mut concealer = Concealer::new(rate);
        let mut heard = sound.clone();
        for (n, part) in heard.chunks_mut(frame).enumerate() {
            if lost(n) {
                concealer.conceal(part);
            } else {
                concealer.hear(part);
            }
        }
        (sound, heard)
    }

    fn signal_to_noise(sound: &[i16], heard: &[i16]) -> f32 {
        let error: Vec<i16> = sound.iter().zip(heard).map(|(a, b)| a.saturating_sub(*b)).collect();
        rms_dbov(sound) - rms_dbov(&error)
    }

    /// The greatest step from a sample to the next.
    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn sound_without_loss_passes_unchanged() {
        let (sound, heard) = torn(Rate::NARROW, 50, |_| false);
        assert_eq!(sound, heard);
    }

    #[test]
    fn a_vowel_goes_on_through_a_lost_frame_at_any_rate() {
        for rate in RATES {
            let (sound, heard) = torn(rate, 100, |n| n > 5 && n % 10 == 0);
            let ratio = signal_to_noise(&sound, &heard);
            let mut silenced = sound.clone();
            let frame = rate.samples(Duration::from_millis(20));
            silenced
                .chunks_mut(frame)
                .enumerate()
                .filter(|(n, _)| *n > 5 && n % 10 == 0)
                .for_each(|(_, f)| f.fill(0));
            let without = signal_to_noise(&sound, &silenced);
            assert!(ratio > without + 4.0, "{rate}: {ratio} dB, with silence {without} dB");
            assert!(steepest(&heard) <= steepest(&sound) * 5 / 4, "{rate}: a click");
        }
    }

    #[test]
    fn a_long_loss_fades_and_is_silent_after_60_ms() {
        for rate in RATES {
            let (sound, heard) = torn(rate, 20, |n| (10..16).contains(&n));
            let part = |n: usize| {
                &heard[n * rate.samples(Duration::from_millis(20))..]
                    [..rate.samples(Duration::from_millis(20))]
            };
            assert!((rms_dbov(part(10)) - rms_dbov(&sound)).abs() < 2.5);
            assert!(rms_dbov(part(12)) < rms_dbov(part(10)) - 6.0);
            assert!(part(13).iter().all(|sample| *sample == 0));
            assert!(steepest(&heard) <= steepest(&sound) * 5 / 4, "{rate}: a click");
            let end = 17 * rate.samples(Duration::from_millis(20));
            assert_eq!(sound[end..], heard[end..], "after the blend all is as it was");
        }
    }

    #[test]
    fn a_pause_begins_without_a_click_and_is_silent_at_once() {
        let rate = Rate::NARROW;
        let mut concealer = Concealer::new(rate);
        let mut sound = vowel(rate, 1_000);
        let steep = steepest(&sound);
        concealer.hear(&mut sound);
        let mut pause = vec![1; 160];
        concealer.pause(&mut pause);
        assert!(pause[40..].iter().all(|sample| *sample == 0));
        sound.extend_from_slice(&pause);
        assert!(steepest(&sound) <= steep * 5 / 4);
    }

    #[test]
    fn anything_is_survived_at_any_rate_and_length() {
        let mut state = 1u32;
        let mut random = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % below
        };
        for rate in [Rate(8_000), Rate(11_025), Rate(16_000), Rate(44_100), Rate(48_000), Rate(1_000)] {
            let mut concealer = Concealer::new(rate);
            for _ in 0..300 {
                let mut frame: Vec<i16> = (0..random(3_000)).map(|_| random(65_536) as u16 as i16).collect();
                match random(3) {
                    0 => concealer.conceal(&mut frame),
                    1 => concealer.pause(&mut frame),
                    _ => concealer.hear(&mut frame),
                }
            }
            concealer.reset();
        }
    }
}
