//! Sounds that tests talk with, made by espeak-ng and sox.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use audio::Pcm;
use testkit::ear;

/// A spoken sentence of about six seconds at 8 kHz.
pub(crate) fn sentence() -> Pcm {
    audio::read::decode(std::fs::read(sentence_file()).expect("the sentence"), Some("wav"))
        .expect("a WAV file")
}

/// The sentence as a 16-bit WAV file.
pub(crate) fn sentence_file() -> PathBuf {
    made("sentence.wav", &["-r", "8000", "-c", "1", "-b", "16"], &[])
}

/// The sentence as a µ-law WAV file.
pub(crate) fn sentence_ulaw() -> PathBuf {
    made("sentence-ulaw.wav", &["-r", "8000", "-c", "1", "-e", "u-law"], &[])
}

/// Two minutes of the sentence and silence, for phones that hang up when their sound ends.
pub(crate) fn long_file() -> PathBuf {
    made("long.wav", &["-r", "8000", "-c", "1", "-b", "16"], &["pad", "0", "114"])
}

/// How much of `heard` a tone is, half second by half second.
pub(crate) fn shares(heard: &Pcm, hertz: u16) -> Vec<f64> {
    let parts = heard.samples.len() * 2 / heard.rate.0 as usize;
    let part = |n: usize| ear::cut(heard, n as f64 / 2.0, (n + 1) as f64 / 2.0);
    (0..parts).map(|n| ear::purity(&part(n), f32::from(hertz))).collect()
}

/// Whether a tone alone was heard for a second.
pub(crate) fn hears(heard: &Pcm, hertz: u16) -> bool {
    shares(heard, hertz).windows(2).any(|pair| pair.iter().all(|share| *share > 0.9))
}

/// Lets so long pass, for a call that has to be heard.
pub(crate) fn pass(time: Duration) {
    let end = Instant::now() + time;
    tests::wait::until("the moment to pass", time * 2, || (Instant::now() > end).then_some(()));
}

/// Makes a file once; every test process has its own folder below the target directory.
fn made(name: &str, format: &[&str], effects: &[&str]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("offhook-e2e-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let text = "The quick brown fox jumps over the lazy dog, and then it walks back home by the river.";
        let status = Command::new("espeak-ng").arg("-w").arg(folder.join("spoken.wav")).arg(text).status();
        assert!(status.expect("espeak-ng runs").success());
        folder
    });
    static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = MAKING.lock();
    let file = folder.join(name);
    if !file.exists() {
        let mut sox = Command::new("sox");
        sox.arg(folder.join("spoken.wav")).args(format).arg(&file).args(effects);
        assert!(sox.status().expect("sox runs").success());
    }
    file
}

/// The same at the rate that a phone works at with this codec.
pub(crate) fn tone_file_for(codec: &str, hertz: u16) -> PathBuf {
    let rate = match codec {
        "opus" => audio::Rate::FULL,
        "G722" | "L16" => audio::Rate::WIDE,
        _ => audio::Rate::NARROW,
    };
    write_tone(hertz, rate, &format!("tone-{hertz}-{}.wav", rate.hertz()))
}

/// Two minutes of a steady tone as a 16-bit WAV file: who is heard is told by it.
pub(crate) fn tone_file(hertz: u16) -> PathBuf {
    write_tone(hertz, audio::Rate::NARROW, &format!("tone-{hertz}.wav"))
}

fn write_tone(hertz: u16, rate: audio::Rate, name: &str) -> PathBuf {
    let file = long_file().with_file_name(name);
    let length = Duration::from_secs(120);
    let tone = audio::tone::render(&[hertz], length, Duration::ZERO, length, rate);
    // The phone of another test may be reading it: it is whole whenever it is there.
    let mut whole =
        tempfile::NamedTempFile::new_in(long_file().parent().expect("its folder")).expect("a file");
    whole.write_all(&audio::write::wav::to_bytes(&tone)).expect("room on the disk");
    whole.persist(&file).expect("renamed");
    file
}
