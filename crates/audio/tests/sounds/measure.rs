//! Each detector against sound whose truth is known; a table for each.

use std::time::Duration;

use audio::detect::{
    Answer, CallProgress, Change, Dtmf, Fax, FaxTones, Machine, Patience, Press, Progress, Sit, Speech,
    Timings,
};
use audio::tone::{self, Signal};
use audio::{Pcm, Rate};
use testkit::speech::{SPEAKERS, Speaker};

use super::{LINES, MACHINES, PEOPLE, Table, spoken};

const RATE: Rate = Rate::NARROW;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn frames(sound: &Pcm) -> impl Iterator<Item = &[i16]> {
    sound.samples.chunks(160)
}

/// Who answered, and a machine's beep. `many` speakers of the six.
pub(crate) fn answering(many: usize) -> (Table, Table) {
    let speakers: &[Speaker] = &SPEAKERS[..many];
    let (people, machines) = (spoken(&PEOPLE, speakers), spoken(&MACHINES, speakers));
    let (mut who, mut beeps) = (Table::default(), Table::default());
    for line in LINES {
        let name = |kind: &str| format!("{kind}, {}", line.name);
        for (at, greeting) in people.iter().enumerate() {
            let mut call = Pcm::silence(RATE, ms(200 + at as u64 * 173 % 1_200));
            call.append(greeting);
            let mut call = line.carry(call, at as u64);
            let mut wait = Pcm::silence(RATE, ms(2_500));
            line.hiss(&mut wait, at as u64 + 77);
            call.append(&wait);
            who.count(
                &name("person"),
                found(&call, Timings::default()).first().copied().unwrap_or("nothing"),
            );
        }
        for (at, greeting) in machines.iter().enumerate() {
            let mut call = Pcm::silence(RATE, ms(200 + at as u64 * 173 % 1_200));
            call.append(greeting);
            call.append(&Pcm::silence(RATE, ms(300 + at as u64 * 131 % 900)));
            let mut call = line.carry(call, at as u64);
            let hertz = [400, 440, 850, 1_000, 1_400, 2_000][at % 6];
            let mut end = Pcm::new(RATE, Vec::new());
            let beeps_too = at % 4 != 3;
            if beeps_too {
                end.append(&tone::beep(hertz, ms([80, 200, 500, 1_000][at / 4 % 4]), RATE));
            }
            end.append(&Pcm::silence(RATE, ms(3_000)));
            line.hiss(&mut end, at as u64 + 77);
            call.append(&end);
            who.count(
                &name("machine"),
                found(&call, Timings::default()).first().copied().unwrap_or("nothing"),
            );
            let patient = Timings { beep: Some(ms(30_000)), ..Timings::default() };
            let last = found(&call, patient).last().copied().unwrap_or("nothing");
            beeps.count(&name(if beeps_too { "machine that beeps" } else { "machine without" }), last);
        }
        let mut nobody = Pcm::silence(RATE, ms(7_000));
        line.hiss(&mut nobody, 5);
        who.count(&name("nobody"), found(&nobody, Timings::default()).first().copied().unwrap_or("nothing"));
    }
    (who, beeps)
}

/// How many beeps are heard in talk.
pub(crate) fn false_beeps(talk: &[Pcm]) -> usize {
    let endless = Duration::MAX;
    let timings = Timings {
        initial_silence: endless,
        greeting: endless,
        after_greeting_silence: endless,
        total: endless,
        max_words: u32::MAX,
        max_word: endless,
        ..Timings::default()
    };
    talk.iter().filter(|part| found(part, timings).contains(&"beep")).count()
}

fn found(call: &Pcm, timings: Timings) -> Vec<&'static str> {
    let (mut machine, mut told) = (Machine::new(RATE, timings), Vec::new());
    for frame in frames(call) {
        machine.push(frame, |answer| {
            told.push(match answer {
                Answer::Human => "human",
                Answer::Machine => "machine",
                Answer::Beep => "beep",
                Answer::GreetingOver => "greeting over",
                _ => "unknown",
            });
        });
    }
    told
}

/// Every `nth` of 20 faxes on each line, and what is none.
pub(crate) fn fax(talk: &[Pcm], nth: usize) -> Table {
    let mut table = Table::default();
    for line in LINES {
        for at in (0..20u64).step_by(nth) {
            for (hertz, length, name) in [
                (1_062 + at as u16 * 4, 430 + at * 7, "CNG"),
                (2_087 + at as u16, 2_600, "CED"),
                (1_000, 500, "beep"),
            ] {
                let mut sound = Pcm::silence(RATE, ms(300 + at * 3));
                sound.append(&tone::beep(hertz, ms(length), RATE));
                sound.append(&Pcm::silence(RATE, ms(1_000)));
                let gain = 10f32.powf((line.voice + 19.0) / 20.0);
                sound.samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
                line.hiss(&mut sound, at);
                table.count(&format!("{name}, {}", line.name), fax_in(&sound));
            }
        }
    }
    talk.iter().for_each(|sound| table.count("talk", fax_in(sound)));
    table
}

fn fax_in(sound: &Pcm) -> &'static str {
    let (mut fax, mut told) = (FaxTones::new(RATE), "nothing");
    for frame in frames(sound) {
        fax.push(frame, |tone| told = if tone == Fax::Calling { "calling" } else { "answered" });
    }
    told
}

/// The network's signals of every `nth` country, not knowing and knowing which.
pub(crate) fn progress(talk: &[Pcm], nth: usize) -> (Table, Table) {
    let (mut blind, mut knowing) = (Table::default(), Table::default());
    let signals = [
        (Signal::Dial, "dial tone"),
        (Signal::Ringback, "ringback"),
        (Signal::Busy, "busy"),
        (Signal::Congestion, "congestion"),
    ];
    for code in tone::CODES.iter().step_by(nth) {
        let country = tone::country(code);
        for (signal, name) in signals {
            let turn = country.cadence(signal).render(RATE);
            for (at, line) in LINES.into_iter().enumerate() {
                let mut sound = Pcm::silence(RATE, ms(200 + at as u64 * 37));
                while sound.duration() < Duration::from_secs(8) {
                    sound.append(&turn);
                }
                let gain = 10f32.powf((line.voice + 19.0) / 20.0);
                sound.samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
                line.hiss(&mut sound, at as u64);
                let broken = signal == Signal::Dial && country.cadence(signal).pattern.len() > 1;
                let name = if broken { "dial tone, interrupted" } else { name };
                blind.count(name, progress_in(&sound, None));
                knowing.count(name, progress_in(&sound, Some(country)));
            }
        }
    }
    for sound in talk {
        blind.count("talk", progress_in(sound, None));
    }
    (blind, knowing)
}

/// The special information tones: Telcordia's four and E.180's own, a little off in pitch, with and without gaps.
pub(crate) fn special() -> Table {
    let mut table = Table::default();
    // The pitches and lengths of GR-1162; E.180 §5.4.
    let kinds = [
        ("no circuit", [(985, 380), (1_429, 380), (1_777, 380)]),
        ("intercept", [(914, 274), (1_371, 274), (1_777, 380)]),
        ("vacant code", [(985, 380), (1_371, 274), (1_777, 380)]),
        ("reorder", [(914, 274), (1_429, 380), (1_777, 380)]),
        ("international", [(950, 330), (1_400, 330), (1_800, 330)]),
    ];
    for line in LINES {
        for (name, tones) in kinds {
            for off in [-5i16, 0, 5] {
                for gap in [0, 4, 30] {
                    let mut sound = Pcm::silence(RATE, ms(400 + gap));
                    for (hertz, length) in tones {
                        sound.append(&tone::beep((hertz + off) as u16, ms(length), RATE));
                        sound.append(&Pcm::silence(RATE, ms(gap)));
                    }
                    sound.append(&Pcm::silence(RATE, ms(1_000)));
                    let gain = 10f32.powf((line.voice + 19.0) / 20.0);
                    sound.samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
                    line.hiss(&mut sound, gap + 1);
                    table.count(&format!("{name}, {}", line.name), progress_in(&sound, None));
                }
            }
        }
    }
    table
}

fn progress_in(sound: &Pcm, country: Option<tone::Country>) -> &'static str {
    let (mut progress, mut told) = (CallProgress::new(RATE, country), "nothing");
    for frame in frames(sound) {
        progress.push(frame, |signal| {
            told = match signal {
                Progress::DialTone => "dial tone",
                Progress::Ringback => "ringback",
                Progress::Busy => "busy",
                Progress::Congestion => "congestion",
                Progress::Special(Sit::NoCircuit) => "no circuit",
                Progress::Special(Sit::Intercept) => "intercept",
                Progress::Special(Sit::VacantCode) => "vacant code",
                Progress::Special(Sit::Reorder) => "reorder",
                Progress::Special(Sit::International) => "international",
            }
        });
    }
    told
}

/// Speech and silence, in shares of 20 ms frames: what the detector says against what is in the clean sound.
pub(crate) fn speech(talk: &[Pcm]) -> Table {
    let mut table = Table::default();
    let pause = Pcm::silence(RATE, ms(2_000));
    for line in LINES {
        for (at, part) in talk.iter().take(6).enumerate() {
            let mut clean = pause.clone();
            clean.append(part);
            clean.append(&pause);
            let sound = line.carry(clean, at as u64);
            let spoken = RATE.samples(ms(2_000))..sound.samples.len() - RATE.samples(ms(2_000));
            let (mut detector, mut state, mut place) =
                (Speech::new(RATE, Patience::default()), Change::Silent, 0);
            for frame in frames(&sound) {
                detector.push(frame, |change| state = change);
                // The edges are the detector's patience.
                let inner = spoken.start + 3_200..spoken.end.saturating_sub(800);
                let outer = place < spoken.start.saturating_sub(160) || place > spoken.end + 9_600;
                let truth = if inner.contains(&place) { "speech" } else { "silence" };
                if inner.contains(&place) || outer {
                    let found = if state == Change::Speaking { "speech" } else { "silence" };
                    table.count(&format!("{truth}, {}", line.name), found);
                }
                place += frame.len();
            }
        }
    }
    table
}

/// Keys, and keys heard in talk: how many of how much.
pub(crate) fn keys(talk: &[Pcm]) -> (Table, u32) {
    let mut table = Table::default();
    for line in LINES {
        for (at, key) in tone::KEYS.into_iter().cycle().take(64).enumerate() {
            let mut sound = Pcm::silence(RATE, ms(100 + at as u64));
            sound.append(&tone::dtmf(key, ms([45, 60, 100, 250][at / 16]), RATE));
            sound.append(&Pcm::silence(RATE, ms(200)));
            let gain = 10f32.powf((line.voice + 19.0) / 20.0);
            sound.samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
            line.hiss(&mut sound, at as u64);
            let heard = keys_in(&sound);
            let found = match heard.as_str() {
                "" => "nothing",
                one if one.chars().eq([key]) => "the key",
                _ => "another",
            };
            table.count(&format!("key, {}", line.name), found);
        }
    }
    (table, false_keys(talk))
}

/// How many keys are heard in talk.
pub(crate) fn false_keys(talk: &[Pcm]) -> u32 {
    talk.iter().map(|part| keys_in(part).len() as u32).sum()
}

fn keys_in(sound: &Pcm) -> String {
    let (mut detector, mut keys) = (Dtmf::new(RATE), String::new());
    for frame in frames(sound) {
        detector.push(frame, |press| {
            if let Press::Down(key) = press {
                keys.push(key);
            }
        });
    }
    keys
}
