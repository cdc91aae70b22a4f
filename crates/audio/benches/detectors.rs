//! What the detectors take for what, as tables, and what they cost.
//!
//! The sound is made in the run: espeak-ng speaks, tones are computed, lines hiss.

#[path = "../tests/sounds/mod.rs"]
mod sounds;

use std::time::{Duration, Instant};

use audio::detect::{CallProgress, Dtmf, FaxTones, Machine, Patience, Speech, Timings};
use audio::{Pcm, Rate};
use sounds::measure;

/// Detector time of a 20 ms frame: of the quickest of many batches, because the machine has other things to do.
fn cost(name: &str, sound: &Pcm, mut push: impl FnMut(&[i16])) {
    let frame = sound.rate.samples(Duration::from_millis(20));
    let times = sound.samples.chunks_exact(frame * 50).map(|batch| {
        let began = Instant::now();
        batch.chunks_exact(frame).for_each(&mut push);
        began.elapsed() / 50
    });
    println!("{name:<10}{:>9} {:>10.2?}", sound.rate.to_string(), times.min().unwrap_or_default());
}

fn main() {
    let hour = sounds::talk(sounds::HOUR);
    let minutes = sounds::minutes(&hour);
    let (keys, false_keys) = measure::keys(&hour);
    keys.print("Keys in the sound, 45 to 250 ms");
    println!("{false_keys} keys in {minutes:.0} min of talk");
    let (who, beeps) = measure::answering(6);
    who.print("Who answered: people of 10 greetings, machines of 8, 6 voices");
    beeps.print("Machines' beeps of 80 ms to 1 s, 400 to 2,000 Hz");
    println!("{} beeps in {minutes:.0} min of talk", measure::false_beeps(&hour));
    measure::fax(&hour, 1).print("Fax");
    let (blind, knowing) = measure::progress(&hour, 1);
    blind.print("The network's signals of 40 countries on 4 lines, not knowing the country");
    knowing.print("The same, knowing it");
    measure::special().print("Special information tones on 4 lines");
    measure::speech(&hour).print("Speech and silence, in frames of 20 ms");

    println!("\nThe cost of a frame of 20 ms of loud noise");
    let mut loud = Pcm::silence(Rate::NARROW, Duration::from_secs(20));
    testkit::speech::add_noise(&mut loud.samples, -20.0, 1);
    for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
        let sound = loud.resampled(rate);
        let mut keys = Dtmf::new(rate);
        cost("keys", &sound, |frame| keys.push(frame, |_| {}));
        let timings = Timings {
            max_word: Duration::MAX,
            greeting: Duration::MAX,
            total: Duration::MAX,
            ..Timings::default()
        };
        let mut machine = Machine::new(rate, timings);
        cost("machine", &sound, |frame| machine.push(frame, |_| {}));
        let mut fax = FaxTones::new(rate);
        cost("fax", &sound, |frame| fax.push(frame, |_| {}));
        let mut progress = CallProgress::new(rate, None);
        cost("progress", &sound, |frame| progress.push(frame, |_| {}));
        let mut speech = Speech::new(rate, Patience::default());
        cost("speech", &sound, |frame| speech.push(frame, |_| {}));
    }
    // Last, so that the figures are there to be looked at.
    assert_eq!(false_keys, 0, "keys in an hour of talk");
}
