//! Sound to measure detectors on, made in the run.
#![allow(dead_code, reason = "the tests and the benchmark use different parts")]

pub(crate) mod measure;

use std::thread;

use audio::{Pcm, Rate};
use testkit::speech::{Speaker, TALK};

/// Times of [`talk`] that are an hour of it.
pub(crate) const HOUR: usize = 222;

/// How long that is altogether, in minutes.
pub(crate) fn minutes(talk: &[Pcm]) -> f64 {
    talk.iter().map(|part| part.duration().as_secs_f64()).sum::<f64>() / 60.0
}

/// Talk of several people in several languages, repeated by voices of other pitch, pace and level: each about 17 s.
pub(crate) fn talk(times: usize) -> Vec<Pcm> {
    let variants = ["", "+f3", "+m3", "+f5", "+m7"];
    let jobs: Vec<(usize, usize)> =
        (0..TALK.len()).flat_map(|text| (0..variants.len()).map(move |variant| (text, variant))).collect();
    let speak = |&(text, variant): &(usize, usize)| {
        let (language, words) = TALK[text];
        let voice: &'static str = format!("{language}{}", variants[variant]).leak();
        let number = (text * 5 + variant) as u32;
        Speaker { voice, pace: 130 + number * 17 % 90, pitch: 10 + number * 31 % 85 }.say(words)
    };
    let half = jobs.len() / 2;
    let (first, second) = jobs.split_at(half);
    let spoken: Vec<Pcm> = thread::scope(|scope| {
        let other = scope.spawn(|| second.iter().map(speak).collect::<Vec<_>>());
        let mut all: Vec<Pcm> = first.iter().map(speak).collect();
        all.extend(other.join().expect("a speaker"));
        all
    });
    let mut talk = Vec::new();
    for time in 0..times {
        // Each time through another throat: 0.75 to 1.35 of the pitch and the pace.
        let step = 0.75 + 0.6 * (time as f32 * 0.381_966).fract();
        let gain = [1.0, 0.5, 0.25, 1.6][time % 4];
        talk.push(varied(&spoken[time % spoken.len()], step, gain));
    }
    talk
}

/// Faster and higher by `step`, louder by `gain`.
pub(crate) fn varied(sound: &Pcm, step: f32, gain: f32) -> Pcm {
    let length = (sound.samples.len() as f32 / step) as usize;
    let samples = (0..length.saturating_sub(1)).map(|at| {
        let place = at as f32 * step;
        let (before, share) = (place as usize, place.fract());
        let (a, b) = (f32::from(sound.samples[before]), f32::from(sound.samples[before + 1]));
        ((a + (b - a) * share) * gain) as i16
    });
    Pcm::new(Rate::NARROW, samples.collect())
}

/// What people say when they answer.
pub(crate) const PEOPLE: [&str; 10] = [
    "Hello?",
    "Yes?",
    "Hello, Smith speaking.",
    "Hi, this is Anna.",
    "Good morning, Miller and Sons.",
    "Hello? Who is this?",
    "Speaking.",
    "Jones.",
    "Hello, how can I help you?",
    "Yes, hello.",
];

/// What machines say.
pub(crate) const MACHINES: [&str; 8] = [
    "Hello, you have reached the voicemail of John Smith. I can not take your call right now. Please leave a message \
     after the tone.",
    "Hi, this is Anna. Sorry I missed you. Leave your name and number and I will call you back.",
    "The person you are calling is not available. Please record your message after the beep.",
    "Your call has been forwarded to an automatic voice message system. Five five five, zero one, two three is not \
     available.",
    "Welcome to Miller and Sons. Our office is closed. Our hours are nine to five, Monday to Friday.",
    "You have reached five five five, zero one two three. At the tone, please record your message.",
    "Thank you for calling. Nobody is able to answer the telephone. Please try again later or leave a message.",
    "We are not at home at the moment, but if you leave a message we will get back to you as soon as we can.",
];

/// A line: how loud its voices are in dBov, and how loud it hisses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) voice: f32,
    pub(crate) noise: f32,
}

pub(crate) const LINES: [Line; 4] = [
    Line { name: "clean", voice: -19.0, noise: -90.0 },
    Line { name: "quiet", voice: -33.0, noise: -75.0 },
    Line { name: "noisy, 25 dB", voice: -22.0, noise: -47.0 },
    Line { name: "noisy, 15 dB", voice: -22.0, noise: -37.0 },
];

impl Line {
    /// What is heard at the other end of it.
    pub(crate) fn carry(self, mut sound: Pcm, seed: u64) -> Pcm {
        sound.normalise(self.voice);
        self.hiss(&mut sound, seed);
        sound
    }

    pub(crate) fn hiss(self, sound: &mut Pcm, seed: u64) {
        testkit::speech::add_noise(&mut sound.samples, self.noise, seed);
    }
}

/// Says each text once by each of so many speakers, two at a time.
pub(crate) fn spoken(texts: &[&str], speakers: &[Speaker]) -> Vec<Pcm> {
    let jobs: Vec<(Speaker, &str)> =
        speakers.iter().flat_map(|speaker| texts.iter().map(move |text| (*speaker, *text))).collect();
    let say = |jobs: &[(Speaker, &str)]| -> Vec<Pcm> { jobs.iter().map(|(by, text)| by.say(text)).collect() };
    let (first, second) = jobs.split_at(jobs.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| say(second));
        let mut all = say(first);
        all.extend(other.join().expect("a speaker"));
        all
    })
}

/// How often what was taken for what.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, Vec<(String, u32)>)>,
}

impl Table {
    pub(crate) fn count(&mut self, truth: &str, found: &str) {
        if !self.rows.iter().any(|(name, _)| name == truth) {
            self.rows.push((truth.into(), Vec::new()));
        }
        let Some((_, row)) = self.rows.iter_mut().find(|(name, _)| name == truth) else { return };
        match row.iter_mut().find(|(name, _)| name == found) {
            Some((_, count)) => *count += 1,
            None => row.push((found.into(), 1)),
        }
    }

    /// The share of `truth` that was found to be one of `found`.
    pub(crate) fn share(&self, truth: &str, found: &[&str]) -> f64 {
        let row = self.rows.iter().find(|(name, _)| name == truth);
        let row = row.map(|(_, row)| row.as_slice()).unwrap_or_default();
        let all: u32 = row.iter().map(|(_, count)| count).sum();
        let right: u32 =
            row.iter().filter(|(name, _)| found.contains(&name.as_str())).map(|(_, count)| count).sum();
        f64::from(right) / f64::from(all.max(1))
    }

    pub(crate) fn print(&self, title: &str) {
        println!("\n{title}");
        let mut columns: Vec<&str> =
            self.rows.iter().flat_map(|(_, row)| row.iter().map(|(name, _)| name.as_str())).collect();
        columns.sort_unstable();
        columns.dedup();
        print!("{:<32}", "");
        columns.iter().for_each(|column| print!("{column:>14}"));
        println!();
        for (truth, row) in &self.rows {
            print!("{truth:<32}");
            for column in &columns {
                let count = row.iter().find(|(name, _)| name == column).map_or(0, |(_, count)| *count);
                if count == 0 { print!("{:>14}", ".") } else { print!("{count:>14}") }
            }
            println!();
        }
    }
}
