//! How loud a sound is, making it as loud as wanted, and whether someone is talking.
//!
//! Levels are in dBov: 0 is the loudest a digital system can be, a full-scale square wave, RFC 6464 §3; a full-scale sine is -3.

use std::time::Duration;

use crate::{Pcm, Rate};

/// What silence measures, and the floor of every answer: RFC 6464's quietest.
pub const SILENCE_DBOV: f32 = -127.0;

/// The mean level of `samples` in dBov; [`SILENCE_DBOV`] for none.
pub fn rms_dbov(samples: &[i16]) -> f32 {
    dbov(mean_square(samples))
}

/// The largest magnitude among `samples`.
pub fn peak(samples: &[i16]) -> u16 {
    samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
}

/// What a pass over a frame tells about its loudness.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// The mean of the samples' squares.
    pub mean_square: f32,
    /// The largest magnitude.
    pub peak: u16,
}

/// Mean and peak of a frame in one pass.
pub fn measure(samples: &[i16]) -> Measure {
    let (low, high) = samples.iter().fold((0, 0), |(low, high), s| (low.min(*s), high.max(*s)));
    // A square is 2³⁰ at most: two of them fit 32 bits without a sign, which is what the machine adds up at once.
    let squares =
        |two: &[i16; 2]| two.iter().map(|s| i32::from(*s) * i32::from(*s)).fold(0, i32::wrapping_add);
    let (pairs, last) = samples.as_chunks();
    let mut sum: u64 = pairs.iter().map(|two| u64::from(squares(two) as u32)).sum();
    sum += last.iter().map(|s| u64::from((i32::from(*s) * i32::from(*s)) as u32)).sum::<u64>();
    let mean_square = sum as f32 / samples.len().max(1) as f32;
    Measure { mean_square, peak: high.unsigned_abs().max(low.unsigned_abs()) }
}

fn mean_square(samples: &[i16]) -> f64 {
    // A frame's sum fits in 64 bits for 2³³ samples.
    let sum: i64 = samples.iter().map(|&sample| i64::from(sample) * i64::from(sample)).sum();
    sum as f64 / samples.len().max(1) as f64
}

fn dbov(mean_square: f64) -> f32 {
    let full = 32_768.0f64 * 32_768.0;
    (10.0 * (mean_square / full).log10()).max(f64::from(SILENCE_DBOV)) as f32
}

/// How far below its loudest 20 ms a frame may lie and still count as speech and not as a pause.
const PAUSE_BELOW: f64 = 1_000.0; // 30 dB
/// The loudest a normalised sample may be: -1 dBFS, so that a codec or a resampler has room to overshoot.
const CEILING: f64 = 29_204.0;

impl Pcm {
    /// The level of the voice in it, in dBov: of those 20 ms frames that are not pauses.
    pub fn speech_dbov(&self) -> f32 {
        let frames =
            || self.samples.chunks(self.rate.samples(Duration::from_millis(20)).max(1)).map(mean_square);
        let loudest = frames().fold(0.0, f64::max);
        let (sum, count) = frames()
            .filter(|&square| square > 0.0 && square * PAUSE_BELOW >= loudest)
            .fold((0.0, 0u32), |(sum, count), square| (sum + square, count + 1));
        dbov(sum / f64::from(count.max(1)))
    }

    /// Brings the voice in it to `target` dBov, or as near as it gets without clipping; silence stays silence.
    pub fn normalise(&mut self, target: f32) {
        let peak = f64::from(peak(&self.samples));
        if peak == 0.0 {
            return;
        }
        let wanted = 10f64.powf(f64::from(target - self.speech_dbov()) / 20.0);
        let gain = wanted.min(CEILING / peak);
        for sample in &mut self.samples {
            *sample = (f64::from(*sample) * gain).round() as i16;
        }
    }
}

/// Tells talking from silence by energy, with a noise floor it learns and a hangover that bridges the gaps between words.
///
/// Costs one pass over the frame and no allocation; time is counted in samples.
#[derive(Debug, Clone)]
pub struct Gate {
    rate: Rate,
    hangover: usize,
    floor: f64,
    quiet: usize,
    talking: bool,
}

/// Nothing below this counts as talking, however quiet the line: -50 dBov.
const QUIETEST_VOICE: f64 = 32_768.0 * 32_768.0 * 1e-5;
/// Everything above this counts as talking, however noisy the line: -30 dBov.
const SURELY_VOICE: f64 = 32_768.0 * 32_768.0 * 1e-3;
/// A voice stands at least this much above the noise: 9 dB.
const ABOVE_NOISE: f64 = 8.0;
/// The floor falls to a quieter frame at once and rises towards a louder one by this share a millisecond: 6 dB in 1.4 s.
const RISE: f64 = 0.000_5;
impl Gate {
    /// A gate that closes after `hangover` without voice.
    pub fn new(rate: Rate, hangover: Duration) -> Gate {
        Gate { rate, hangover: rate.samples(hangover), floor: f64::INFINITY, quiet: 0, talking: false }
    }

    /// Takes the next frame and says whether someone is talking, hangover included.
    pub fn push(&mut self, frame: &[i16]) -> bool {
        self.push_energy(mean_square(frame), frame.len())
    }

    /// The same for a frame of so many samples whose mean square ([`measure`]) is known.
    pub fn push_energy(&mut self, energy: f64, samples: usize) -> bool {
        if samples == 0 {
            return self.talking;
        }
        // Of a line's first sound nobody can say what it is; rather a voice than a word that is lost.
        let noise = if self.floor.is_finite() { self.floor } else { 0.0 };
        let threshold = (noise * ABOVE_NOISE).clamp(QUIETEST_VOICE, SURELY_VOICE);
        // By time and not by frames: those are of 10 ms here and of 60 ms there.
        let ms = samples as f64 * 1_000.0 / f64::from(self.rate.hertz().max(1));
        if energy < self.floor {
            // Before the first packets there is nothing at all, which says nothing of the line's noise.
            let unknown = self.floor.is_infinite() && energy < 1.0;
            self.floor = if unknown { f64::INFINITY } else { energy.max(QUIETEST_VOICE / ABOVE_NOISE) };
        } else {
            self.floor *= 1.0 + RISE * ms;
        }
        if energy >= threshold {
            self.quiet = 0;
            self.talking = true;
        } else {
            self.quiet = self.quiet.saturating_add(samples);
            self.talking &= self.quiet < self.hangover;
        }
        self.talking
    }

    /// The frames to come are of another rate.
    pub fn retime(&mut self, rate: Rate) {
        let (from, to) = (u64::from(self.rate.hertz().max(1)), u64::from(rate.hertz()));
        let time = |samples: usize| usize::try_from(samples as u64 * to / from).unwrap_or(usize::MAX);
        (self.hangover, self.quiet) = (time(self.hangover), time(self.quiet));
        self.rate = rate;
    }

    /// Whoever talked is not listened to any more; what was learned of the noise stays.
    pub fn rest(&mut self) {
        self.talking = false;
    }

    /// Whether someone was talking in the last frame, hangover included.
    pub fn talking(&self) -> bool {
        self.talking
    }

    /// How long there has been no voice, hangover not included: "silence for so long" is this against a limit.
    pub fn silence(&self) -> Duration {
        self.rate.duration(self.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    fn noise(amplitude: i32, samples: usize) -> Vec<i16> {
        let mut state = 0x2545_F491u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as i32 % (amplitude + 1)
        };
        (0..samples).map(|_| (next() - next()) as i16).collect()
    }

    #[test]
    fn levels_are_relative_to_full_scale() {
        assert_eq!(rms_dbov(&[]), SILENCE_DBOV);
        assert_eq!(rms_dbov(&[0; 160]), SILENCE_DBOV);
        assert!(rms_dbov(&[i16::MIN; 160]).abs() < 0.001);
        let sine: Vec<i16> = (0..8_000).map(|n| ((f64::from(n) * 0.785).sin() * 32_767.0) as i16).collect();
        assert!((rms_dbov(&sine) + 3.01).abs() < 0.05, "{}", rms_dbov(&sine));
        assert_eq!(peak(&[3, i16::MIN, 7]), 32_768);
        let measured = measure(&[3, i16::MIN, 7, -9]);
        assert_eq!(measured.peak, 32_768);
        assert!((f64::from(measured.mean_square) / mean_square(&[3, i16::MIN, 7, -9]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_quiet_voice_is_raised_and_its_pauses_do_not_count() {
        let second = Duration::from_secs(1);
        let mut sound = tone::render(&[300], second, second, Duration::from_secs(4), Rate::NARROW);
        sound.samples.iter_mut().for_each(|sample| *sample /= 8);
        assert!((sound.speech_dbov() + 33.0).abs() < 0.5, "{}", sound.speech_dbov());
        sound.normalise(-19.0);
        assert!((sound.speech_dbov() + 19.0).abs() < 0.2, "{}", sound.speech_dbov());
    }

    #[test]
    fn peaks_are_never_clipped() {
        let mut sound = Pcm::new(Rate::NARROW, noise(200, 8_000));
        sound.samples[4_000] = 30_000;
        sound.normalise(-19.0);
        assert!(peak(&sound.samples) <= 29_205);
        let mut silence = Pcm::silence(Rate::NARROW, Duration::from_secs(1));
        silence.normalise(-19.0);
        assert_eq!(peak(&silence.samples), 0);
    }

    #[test]
    fn the_gate_opens_on_voice_and_closes_after_the_hangover() {
        let mut gate = Gate::new(Rate::NARROW, Duration::from_millis(200));
        let voice = tone::beep(300, Duration::from_millis(20), Rate::NARROW).samples;
        assert!(!gate.push(&[0; 160]));
        assert!(gate.push(&voice));
        for _ in 0..9 {
            assert!(gate.push(&[0; 160]));
        }
        assert!(!gate.push(&[0; 160]));
        assert_eq!(gate.silence(), Duration::from_millis(200));
    }

    #[test]
    fn steady_noise_is_learned_and_a_voice_over_it_still_heard() {
        let mut gate = Gate::new(Rate::NARROW, Duration::from_millis(100));
        let hiss = noise(250, 160); // about -48 dBov
        for _ in 0..250 {
            gate.push(&hiss);
        }
        assert!(!gate.talking());
        assert!(gate.silence() > Duration::from_secs(1));
        assert!(gate.push(&tone::beep(300, Duration::from_millis(20), Rate::NARROW).samples));
    }

    #[test]
    fn a_loud_voice_that_never_pauses_stays_a_voice() {
        let mut gate = Gate::new(Rate::NARROW, Duration::from_millis(100));
        let voice = tone::beep(300, Duration::from_millis(20), Rate::NARROW).samples;
        for _ in 0..3_000 {
            assert!(gate.push(&voice));
        }
    }
}
