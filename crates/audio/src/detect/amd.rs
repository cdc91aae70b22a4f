//! Who answered: a person, who says little and waits, or a machine, which talks on and beeps.
//!
//! What is measured is words and pauses by an energy gate, and beeps by their spectrum; words are not understood.

use std::time::Duration;

use super::beep::Beep;
use super::narrow::Narrow;
use super::spectrum::Spectrum;
use super::speech::Frames;
use crate::Rate;

/// When what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Nobody says anything for so long: [`Answer::Unknown`].
    pub initial_silence: Duration,
    /// A greeting longer than this, pauses between words included, is a machine's.
    pub greeting: Duration,
    /// So much silence after a shorter greeting: a person waits.
    pub after_greeting_silence: Duration,
    /// Nothing was decided in this time: [`Answer::Unknown`].
    pub total: Duration,
    /// A shorter sound is no word.
    pub min_word: Duration,
    /// A shorter pause does not end a word.
    pub between_words: Duration,
    /// More words than this in a greeting are a machine's.
    pub max_words: u32,
    /// A longer word is a machine's: music, or a line that hums.
    pub max_word: Duration,
    /// After a machine was told: wait so long for its beep, or for the end of its greeting.
    pub beep: Option<Duration>,
    /// So much silence is the end of a machine's greeting that does not beep.
    pub greeting_end: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        let ms = Duration::from_millis;
        Timings {
            initial_silence: ms(2_500),
            greeting: ms(2_200),
            after_greeting_silence: ms(800),
            total: ms(5_000),
            min_word: ms(100),
            between_words: ms(50),
            max_words: 8,
            max_word: ms(5_000),
            beep: None,
            greeting_end: ms(2_000),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A person.
    Human,
    /// A machine.
    Machine,
    /// A machine's beep: it records from here on.
    Beep,
    /// A machine's greeting is over, and it did not beep.
    GreetingOver,
    /// Neither a person nor a machine could be made out.
    Unknown,
}

/// Listens from the moment of the answer. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct Machine {
    narrow: Narrow,
    frames: Frames,
    spectrum: Spectrum,
    beep: Beep,
    judge: Judge,
}

impl Machine {
    /// For sound of `rate`.
    pub fn new(rate: Rate, timings: Timings) -> Machine {
        Machine {
            narrow: Narrow::new(rate),
            frames: Frames::new(),
            spectrum: Spectrum::new(),
            beep: Beep::new(),
            judge: Judge { timings, ..Judge::default() },
        }
    }

    /// Takes the next samples and calls `told` for what was found in them: once, or twice where
    /// [`Timings::beep`] is given.
    pub fn push(&mut self, samples: &[i16], mut told: impl FnMut(Answer)) {
        let Machine { narrow, frames, spectrum, beep, judge } = self;
        narrow.feed(samples, |samples| {
            if judge.stage == Stage::Over {
                return;
            }
            let mut beeped = false;
            spectrum.feed(samples, |look| beeped |= beep.see(&look));
            if beeped && judge.stage != Stage::Over {
                judge.stage = Stage::Over;
                return told(Answer::Beep);
            }
            frames.feed(samples, |voice| {
                if let Some(answer) = judge.hear(voice) {
                    told(answer);
                }
            });
        });
    }

    /// Whether everything was told.
    pub fn is_over(&self) -> bool {
        self.judge.stage == Stage::Over
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// Nobody spoke yet.
    #[default]
    Initial,
    Greeting,
    /// A machine was told; its greeting goes on.
    Machine,
    Over,
}

#[derive(Debug, Clone, Default)]
struct Judge {
    timings: Timings,
    stage: Stage,
    /// Since the beginning, since the greeting's first word, since the machine was told.
    elapsed: Duration,
    greeting: Duration,
    machine: Duration,
    /// Of the sound and of the silence that go on.
    word: Duration,
    silence: Duration,
    /// The word that goes on was counted.
    counted: bool,
    words: u32,
}

impl Judge {
    fn hear(&mut self, voice: bool) -> Option<Answer> {
        let frame = Frames::LENGTH;
        self.elapsed += frame;
        if voice {
            self.word += frame;
            self.silence = Duration::ZERO;
        } else {
            self.silence += frame;
            if self.silence >= self.timings.between_words {
                self.word = Duration::ZERO;
                self.counted = false;
            }
        }
        if !self.counted && self.word >= self.timings.min_word {
            self.counted = true;
            self.words += 1;
            if self.stage == Stage::Initial {
                self.stage = Stage::Greeting;
                self.greeting = self.word;
            }
        }
        let answer = self.judge()?;
        let waits = answer == Answer::Machine && self.timings.beep.is_some();
        self.stage = if waits { Stage::Machine } else { Stage::Over };
        Some(answer)
    }

    fn judge(&mut self) -> Option<Answer> {
        let timings = &self.timings;
        match self.stage {
            Stage::Over => None,
            Stage::Initial => {
                let nobody = self.elapsed >= timings.initial_silence || self.elapsed >= timings.total;
                (nobody && self.word.is_zero()).then_some(Answer::Unknown)
            }
            Stage::Greeting => {
                self.greeting += Frames::LENGTH;
                let spoken = self.greeting.saturating_sub(self.silence);
                let talks_on = spoken > timings.greeting
                    || self.words > timings.max_words
                    || self.word > timings.max_word;
                if talks_on {
                    Some(Answer::Machine)
                } else if self.silence >= timings.after_greeting_silence {
                    Some(Answer::Human)
                } else {
                    (self.elapsed >= timings.total).then_some(Answer::Unknown)
                }
            }
            Stage::Machine => {
                self.machine += Frames::LENGTH;
                let ended = self.silence >= timings.greeting_end
                    || timings.beep.is_some_and(|limit| self.machine >= limit);
                ended.then_some(Answer::GreetingOver)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pcm, tone};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sounds and silences in turn, beginning with a silence.
    fn call(rate: Rate, lengths: &[u64]) -> Pcm {
        let mut sound = Pcm::new(rate, Vec::new());
        for (at, &length) in lengths.iter().enumerate() {
            sound.append(&match at % 2 {
                0 => Pcm::silence(rate, ms(length)),
                _ => tone::render(&[210, 330, 650], ms(length), Duration::ZERO, ms(length), rate),
            });
        }
        sound
    }

    fn answers(sound: &Pcm, timings: Timings) -> Vec<(Answer, u64)> {
        let mut machine = Machine::new(sound.rate, timings);
        let (mut told, mut at) = (Vec::new(), 0);
        for part in sound.samples.chunks(sound.rate.samples(ms(20))) {
            at += 20;
            machine.push(part, |answer| told.push((answer, at)));
        }
        told
    }

    fn answer(lengths: &[u64]) -> Vec<Answer> {
        let told = answers(&call(Rate::NARROW, lengths), Timings::default());
        told.into_iter().map(|(answer, _)| answer).collect()
    }

    #[test]
    fn a_person_says_little_and_waits() {
        for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
            let told = answers(&call(rate, &[600, 400, 100, 300, 2_000]), Timings::default());
            let [(Answer::Human, at)] = told[..] else { panic!("{rate}: {told:?}") };
            assert!(at.abs_diff(1_400 + 800) <= 40, "{at}");
        }
    }

    #[test]
    fn a_machine_talks_on() {
        assert_eq!(answer(&[400, 900, 100, 900, 150, 1_000, 100, 900, 2_000]), [Answer::Machine]);
        let many =
            [300, 110, 60, 110, 60, 110, 60, 110, 60, 110, 60, 110, 60, 110, 60, 110, 60, 110, 60, 110];
        assert_eq!(answer(&many), [Answer::Machine], "more words than a person says");
    }

    #[test]
    fn silence_and_clicks_say_nothing() {
        assert_eq!(answer(&[6_000]), [Answer::Unknown]);
        assert_eq!(answer(&[400, 40, 400, 40, 6_000]), [Answer::Unknown]);
    }

    #[test]
    fn a_beep_is_a_machine_whatever_was_said() {
        let mut sound = Pcm::silence(Rate::NARROW, ms(500));
        sound.append(&tone::beep(1_000, ms(400), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, ms(400)));
        let told = answers(&sound, Timings::default());
        let [(Answer::Beep, at)] = told[..] else { panic!("{told:?}") };
        assert!((900..1_000).contains(&at), "told when it ends: {at}");
    }

    #[test]
    fn a_machine_is_followed_to_its_beep_or_to_its_end() {
        let timings = Timings { beep: Some(ms(20_000)), ..Timings::default() };
        let mut sound = call(Rate::NARROW, &[400, 2_900, 150, 900, 600]);
        let silent = sound.clone();
        sound.append(&tone::beep(1_400, ms(200), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, ms(3_000)));
        let told: Vec<Answer> = answers(&sound, timings).into_iter().map(|(answer, _)| answer).collect();
        assert_eq!(told, [Answer::Machine, Answer::Beep]);
        let mut sound = silent;
        sound.append(&Pcm::silence(Rate::NARROW, ms(3_000)));
        let told: Vec<Answer> = answers(&sound, timings).into_iter().map(|(answer, _)| answer).collect();
        assert_eq!(told, [Answer::Machine, Answer::GreetingOver]);
    }

    #[test]
    fn beeps_of_every_usual_pitch_and_length_are_heard() {
        for hertz in [400, 440, 512, 853, 1_000, 1_050, 1_400, 2_000] {
            for length in [80, 120, 250, 1_000] {
                let mut sound = Pcm::silence(Rate::NARROW, ms(507));
                sound.append(&tone::beep(hertz, ms(length), Rate::NARROW));
                sound.append(&Pcm::silence(Rate::NARROW, ms(400)));
                let told = answers(&sound, Timings::default());
                assert!(matches!(told[..], [(Answer::Beep, _)]), "{hertz} Hz, {length} ms: {told:?}");
            }
        }
    }
}
