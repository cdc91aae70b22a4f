//! What the detectors tell apart, as tables, and what they cost.
#[path = "../tests/sounds/mod.rs"]
mod sounds;

use std::time::{Duration, Instant};

use audio::detect::{Dtmf, Press};
use audio::{Pcm, Rate};

/// Detector time of a 20 ms frame: of the quickest of many batches, because the machine has other things to do.
fn cost(sound: &Pcm, mut push: impl FnMut(&[i16])) -> Duration {
    let frame = sound.rate.samples(Duration::from_millis(20));
    let batches = sound.samples.chunks_exact(frame * 50);
    let times = batches.map(|batch| {
        let began = Instant::now();
        batch.chunks_exact(frame).for_each(&mut push);
        began.elapsed() / 50
    });
    times.min().unwrap_or_default()
}

fn main() {
    let hour = sounds::talk(216);
    let seconds: f64 = hour.iter().map(|part| part.duration().as_secs_f64()).sum();
    let mut false_keys = 0;
    for part in &hour {
        let mut detector = Dtmf::new(part.rate);
        detector.push(&part.samples, |press| false_keys += u32::from(matches!(press, Press::Down(_))));
    }
    println!("keys in {:.0} min of talk: {false_keys}", seconds / 60.0);
    let mut loud = Pcm::silence(Rate::NARROW, Duration::from_secs(30));
    testkit::speech::add_noise(&mut loud.samples, -20.0, 1);
    for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
        let sound = loud.resampled(rate);
        let mut detector = Dtmf::new(rate);
        let time = cost(&sound, |frame| detector.push(frame, |_| {}));
        println!("dtmf at {rate}: {time:?} a frame of 20 ms");
    }
}
