//! Sound to measure detectors on, made in the run.
#![allow(dead_code, reason = "the tests and the benchmark use different parts")]

use std::thread;

use audio::{Pcm, Rate};
use testkit::speech::{Speaker, TALK};

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
