//! What the network sings to the one who calls: ringback, busy, congestion, dial tone, special information tones.
//!
//! Countries differ in pitch and rhythm (ITU-T E.180, supplement 2), and a trunk leads to all of them: what counts is that
//! there is nothing but one or two low tones, and when it begins and ends.
//! Busy and congestion are told apart by pace, or by the table of a country that is known.

use super::narrow::Narrow;
use super::spectrum::{HOP_MS, Look, Spectrum};
use crate::Rate;
use crate::tone::{Country, Signal};

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// A tone without pause.
    DialTone,
    /// The other end rings.
    Ringback,
    /// The other end talks to somebody else.
    Busy,
    /// The network could not get there.
    Congestion,
    /// Three rising tones before an announcement.
    Special(Sit),
}

/// The special information tones that Telcordia tells apart (GR-1162, by the pitches of the first two tones), and
/// E.180's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sit {
    /// 985.2 and 1,428.5 Hz: no circuit is free.
    NoCircuit,
    /// 913.8 and 1,370.6 Hz: the number has changed or is not in use.
    Intercept,
    /// 985.2 and 1,370.6 Hz: there is no such number.
    VacantCode,
    /// 913.8 and 1,428.5 Hz: the exchange failed.
    Reorder,
    /// 950, 1,400 and 1,800 Hz: E.180 §5.4, whose announcement says why.
    International,
}

/// The share of one or two tones in all the sound, at least.
const SHARE: f32 = 0.9;
/// The most that a pause between tones may hold of their power: noise 12 dB below them.
const PAUSE: f32 = 0.06;
/// The lower or only tone of a signal, in hertz. Keys begin at 697.
const PITCHES: std::ops::RangeInclusive<f32> = 300.0..=640.0;
/// A tone of another pitch is another tone from here on, in hertz.
const STEP: f32 = 70.0;
/// Windows of something else until it counts.
const SURE: u32 = 2;
/// A longer silence after a ring is a ringback's pause: no busy signal has one.
const RING_PAUSE: u32 = 1_200;
/// A longer tone is a dial tone: no ring is.
const DIAL: u32 = 3_000;
/// A cadence of a shorter period is that of congestion.
const FAST: u32 = 560;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sound {
    Silence,
    Tone(f32),
    Other,
}

impl Sound {
    /// `tone` is the power of the last tone: what is far below it is the line's noise.
    fn of(look: &Look, tone: &mut f32) -> Sound {
        let [one, other] = look.lines;
        let quiet = look.is_silent() || look.power < *tone * PAUSE;
        let pure = (one.share + other.share).max(look.around) >= SHARE && one.share >= 0.3;
        if pure && !quiet {
            *tone = look.power;
            // Of a pair now one and now the other is louder.
            let lower = if other.share >= 0.2 { one.hertz.min(other.hertz) } else { one.hertz };
            Sound::Tone(lower)
        } else if quiet {
            Sound::Silence
        } else {
            Sound::Other
        }
    }

    fn is_pitched_like(self, other: Sound) -> bool {
        matches!((self, other), (Sound::Tone(a), Sound::Tone(b)) if (a - b).abs() < STEP)
    }

    /// Whether both are stretches of the same.
    fn goes_on_as(self, other: Sound) -> bool {
        match (self, other) {
            (Sound::Tone(a), Sound::Tone(b)) => {
                (a - b).abs() < STEP || (PITCHES.contains(&a) && PITCHES.contains(&b))
            }
            (a, b) => a == b,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    sound: Sound,
    ms: u32,
}

impl Stretch {
    fn signal(self) -> Option<u32> {
        matches!(self.sound, Sound::Tone(hertz) if PITCHES.contains(&hertz)).then_some(self.ms)
    }
}

/// Listens to a call being set up. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct CallProgress {
    narrow: Narrow,
    spectrum: Spectrum,
    /// The power of the last tone.
    tone: f32,
    rhythm: Rhythm,
}

impl CallProgress {
    /// For sound of `rate`; `country` is where the call leads, if that is known.
    pub fn new(rate: Rate, country: Option<Country>) -> CallProgress {
        CallProgress {
            narrow: Narrow::new(rate),
            spectrum: Spectrum::new(),
            tone: 0.0,
            rhythm: Rhythm {
                country,
                past: [Stretch { sound: Sound::Other, ms: 0 }; 6],
                now: Stretch { sound: Sound::Silence, ms: 0 },
                rival: Stretch { sound: Sound::Silence, ms: 0 },
                told: None,
            },
        }
    }

    /// Takes the next samples and calls `told` when a signal is made out, and again when it is another.
    pub fn push(&mut self, samples: &[i16], mut told: impl FnMut(Progress)) {
        let CallProgress { narrow, spectrum, tone, rhythm } = self;
        narrow.feed(samples, |samples| {
            spectrum.feed(samples, |look| {
                if let Some(progress) = rhythm.hear(Sound::of(&look, tone)) {
                    told(progress);
                }
            });
        });
    }
}

#[derive(Debug, Clone)]
struct Rhythm {
    country: Option<Country>,
    /// Oldest first.
    past: [Stretch; 6],
    now: Stretch,
    /// What may be the next stretch.
    rival: Stretch,
    told: Option<Progress>,
}

impl Rhythm {
    fn hear(&mut self, sound: Sound) -> Option<Progress> {
        if sound.goes_on_as(self.now.sound) {
            self.now.ms += HOP_MS + self.rival.ms;
            self.rival.ms = 0;
            // The first window may have caught no more than the tone's edge.
            if let (Sound::Tone(hertz), Sound::Tone(now)) = (&mut self.now.sound, sound) {
                *hertz += (now - *hertz) / 4.0;
            }
        } else {
            if !sound.goes_on_as(self.rival.sound) {
                // Two short stretches of different kinds are an edge: the first goes to what was.
                self.now.ms += self.rival.ms;
                self.rival = Stretch { sound, ms: 0 };
            }
            self.rival.ms += HOP_MS;
            if self.rival.ms >= SURE * HOP_MS {
                self.past.rotate_left(1);
                self.past[5] = self.now;
                self.now = self.rival;
                self.rival.ms = 0;
            }
        }
        let progress = self.judge()?;
        (self.told != Some(progress)).then(|| {
            self.told = Some(progress);
            progress
        })
    }

    fn judge(&self) -> Option<Progress> {
        if let Some(sit) = self.special() {
            return Some(Progress::Special(sit));
        }
        if self.now.sound == Sound::Silence {
            let rang = self.past[5].signal().is_some_and(|ms| (250..=2_700).contains(&ms));
            return (rang && self.now.ms >= RING_PAUSE).then_some(Progress::Ringback);
        }
        let on = self.now.signal()?;
        if on >= DIAL {
            return Some(Progress::DialTone);
        }
        // Two whole turns and the beginning of a third.
        let [_, _, first, first_pause, second, second_pause] = self.past;
        let (first_on, second_on) = (first.signal()?, second.signal()?);
        let paused = [first_pause, second_pause].iter().all(|pause| pause.sound == Sound::Silence);
        let (one, other) = (first_on + first_pause.ms, second_on + second_pause.ms);
        let regular = one.abs_diff(other) <= 32 + one / 10 && (250..=1_700).contains(&one);
        let same = [first.sound, second.sound].iter().all(|sound| self.now.sound.is_pitched_like(*sound));
        let limps = first_on.abs_diff(second_on) > 90;
        (on >= 96 && paused && regular && same)
            .then(|| self.tell_apart(first_on.midpoint(second_on), one.midpoint(other), limps))
    }

    /// Busy or congestion, of a tone that lasts `on` of every `period` milliseconds, or now longer and now shorter.
    fn tell_apart(&self, on: u32, period: u32, limps: bool) -> Progress {
        if let Some(country) = self.country {
            let off = |signal: Signal| {
                let pattern = country.cadence(signal).pattern;
                let turns = pattern.len().max(1) as u32;
                let ons = pattern.iter().map(|&(on, _)| u32::from(on)).sum::<u32>() / turns;
                let periods =
                    pattern.iter().map(|&(on, off)| u32::from(on) + u32::from(off)).sum::<u32>() / turns;
                ons.abs_diff(on) + periods.abs_diff(period)
            };
            let congested = off(Signal::Congestion) < off(Signal::Busy);
            return if congested { Progress::Congestion } else { Progress::Busy };
        }
        // Busy signals are as long as their pauses. A window makes tones some 16 ms longer than they are.
        let even = on * 100 >= (period - on.min(period)) * 80;
        if period < FAST || !even || limps { Progress::Congestion } else { Progress::Busy }
    }

    /// Three rising tones without a pause to speak of.
    fn special(&self) -> Option<Sit> {
        // On a noisy line the edge of two tones is neither for a window or two.
        let between = |stretch: &&Stretch| match stretch.sound {
            Sound::Silence => stretch.ms <= 80,
            Sound::Other => stretch.ms <= 64,
            Sound::Tone(_) => false,
        };
        let all = self.past.iter().chain([&self.now]);
        let mut tones = [Stretch { sound: Sound::Other, ms: 0 }; 3];
        for stretch in all.filter(|stretch| !between(stretch)) {
            tones.rotate_left(1);
            tones[2] = *stretch;
        }
        let [Sound::Tone(first), Sound::Tone(second), Sound::Tone(third)] = tones.map(|tone| tone.sound)
        else {
            return None;
        };
        let rises = (890.0..=1_010.0).contains(&first)
            && (1_340.0..=1_460.0).contains(&second)
            && (1_735.0..=1_860.0).contains(&third);
        let long = tones.iter().all(|tone| (200..=480).contains(&tone.ms));
        if !rises || !long {
            return None;
        }
        let international = (first - 950.0).abs() < 18.0 || third > 1_788.0;
        Some(match (first > 950.0, second > 1_400.0) {
            _ if international => Sit::International,
            (true, true) => Sit::NoCircuit,
            (false, false) => Sit::Intercept,
            (true, false) => Sit::VacantCode,
            (false, true) => Sit::Reorder,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tone::{self, country};
    use crate::{Pcm, Rate};

    fn heard(sound: &Pcm, country: Option<Country>) -> Vec<Progress> {
        let (mut detector, mut told) = (CallProgress::new(sound.rate, country), Vec::new());
        let frame = sound.rate.samples(Duration::from_millis(20));
        sound.samples.chunks(frame).for_each(|part| detector.push(part, |progress| told.push(progress)));
        told
    }

    fn sung(code: &str, signal: Signal, rate: Rate) -> Pcm {
        let turn = country(code).cadence(signal).render(rate);
        let mut sound = Pcm::silence(rate, Duration::from_millis(300));
        while sound.duration() < Duration::from_secs(9) {
            sound.append(&turn);
        }
        sound
    }

    #[test]
    fn american_and_european_signals_are_told_without_a_country() {
        for (rate, codes) in
            [(Rate::NARROW, &["gb", "us", "de", "fr", "in", "jp"][..]), (Rate::FULL, &["gb"])]
        {
            for code in codes {
                assert_eq!(
                    heard(&sung(code, Signal::Ringback, rate), None),
                    [Progress::Ringback],
                    "{code} {rate}"
                );
                assert_eq!(heard(&sung(code, Signal::Busy, rate), None), [Progress::Busy], "{code} {rate}");
                assert_eq!(
                    heard(&sung(code, Signal::Dial, rate), None),
                    [Progress::DialTone],
                    "{code} {rate}"
                );
            }
            for code in codes.iter().filter(|code| **code != "jp") {
                let told = heard(&sung(code, Signal::Congestion, rate), None);
                assert_eq!(told, [Progress::Congestion], "{code} {rate}");
            }
        }
    }

    #[test]
    fn a_known_country_tells_its_quick_busy_from_congestion() {
        for code in ["es", "se", "au"] {
            let sound = sung(code, Signal::Busy, Rate::NARROW);
            assert_eq!(heard(&sound, Some(country(code))), [Progress::Busy], "{code}");
        }
        let sound = sung("es", Signal::Congestion, Rate::NARROW);
        assert_eq!(heard(&sound, Some(country("es")))[0], Progress::Busy, "its first turns are a busy's");
    }

    #[test]
    fn special_information_tones_say_why() {
        let kinds = [
            ((985, 380), (1_428, 380), 1_777, Sit::NoCircuit),
            ((914, 274), (1_371, 274), 1_777, Sit::Intercept),
            ((985, 380), (1_371, 274), 1_777, Sit::VacantCode),
            ((914, 274), (1_428, 380), 1_777, Sit::Reorder),
            ((950, 330), (1_400, 330), 1_800, Sit::International),
        ];
        for (first, second, third, kind) in kinds {
            for gap in [0, 4, 30] {
                let mut sound = Pcm::silence(Rate::NARROW, Duration::from_millis(400));
                for (hertz, ms) in [first, second, (third, 380)] {
                    sound.append(&tone::beep(hertz, Duration::from_millis(ms), Rate::NARROW));
                    sound.append(&Pcm::silence(Rate::NARROW, Duration::from_millis(gap)));
                }
                sound.append(&Pcm::silence(Rate::NARROW, Duration::from_millis(500)));
                assert_eq!(heard(&sound, None), [Progress::Special(kind)], "{kind:?} with {gap} ms");
            }
        }
    }

    #[test]
    fn silence_keys_and_beeps_are_no_signal() {
        assert_eq!(heard(&Pcm::silence(Rate::NARROW, Duration::from_secs(5)), None), []);
        let mut keys = Pcm::new(Rate::NARROW, Vec::new());
        for key in "0123456789".chars() {
            keys.append(&tone::dtmf(key, Duration::from_millis(200), Rate::NARROW));
            keys.append(&Pcm::silence(Rate::NARROW, Duration::from_millis(200)));
        }
        keys.append(&tone::beep(1_000, Duration::from_secs(4), Rate::NARROW));
        assert_eq!(heard(&keys, None), []);
    }
}
