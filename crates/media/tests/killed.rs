//! A process that is killed while it records: what is on the disk can be played, lacks less than a second, and is made whole by
//! the next start.
//!
//! The process is this program once more, as its test [`child`]; it is killed at moments of all kinds.

use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::codec::Codec;
use audio::write::{Repair, mp3, opus, wav};
use audio::{Pcm, Rate, tone};
use media::{Command, Config, Engine, Format, LegSetup, Prompt, Recording, Repeat, Sides, Start};

/// Tells the program that it is the child, and where it records to.
const FOLDER: &str = "KILLED_TEST_FOLDER";
const PORT: &str = "KILLED_TEST_PORT";
/// How many record at once, and what each after the other is.
const RECORDINGS: usize = 12;
const KINDS: [(Format, Sides); 4] = [
    (Format::Wav, Sides::Said),
    (Format::Mp3 { kbps: None }, Sides::Mixed),
    (Format::Opus { bitrate: None }, Sides::Stereo),
    (Format::Wav, Sides::Stereo),
];
/// The most that a crash may cost.
const LOST: Duration = Duration::from_secs(1);

fn config(folder: PathBuf, port: u16) -> Config {
    Config {
        workers: 1,
        // Others may have some of them.
        ports: port..=port + 199,
        bind: Ipv4Addr::LOCALHOST.into(),
        recordings_dir: folder,
        ..Config::default()
    }
}

fn file(n: usize) -> String {
    format!("{n}.{}", KINDS[n % KINDS.len()].0.extension())
}

/// Records until it is killed, if it is the child.
#[test]
fn child() {
    let (Ok(folder), Ok(port)) = (std::env::var(FOLDER), std::env::var(PORT)) else { return };
    let engine = Engine::start(config(folder.into(), port.parse().unwrap()), |_| {}).unwrap();
    let sound =
        tone::render(&[440], Duration::from_secs(2), Duration::ZERO, Duration::from_secs(2), Rate::NARROW);
    // Where nobody listens.
    let setup = LegSetup::new(Codec::Pcmu, 0, (Ipv4Addr::LOCALHOST, 9).into());
    let prompt = Arc::new(Prompt::encode(&sound, setup.form()).unwrap());
    for n in 0..RECORDINGS {
        let leg = engine.adopt(engine.reserve().unwrap(), setup.clone()).unwrap();
        let items = vec![prompt.clone()];
        engine
            .send(leg, Command::Play { tag: 1, items, repeat: Repeat::Forever, start: Start::BEGINNING })
            .unwrap();
        let (format, sides) = KINDS[n % KINDS.len()];
        let recording = Recording { format, sides, ..Recording::new(file(n)) };
        engine.send(leg, Command::Record { tag: 2, recording }).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nbegun {n}").unwrap();
        out.flush().unwrap();
        drop(out);
        std::thread::sleep(Duration::from_millis(37));
    }
    // Until the test is over, should that not kill it.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Ends with its test.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a file holds now.
fn play(path: &Path) -> Pcm {
    let extension = path.extension().unwrap().to_str();
    audio::read::decode(std::fs::read(path).unwrap(), extension)
        .unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn is_whole(path: &Path) -> bool {
    let mut file = Cursor::new(std::fs::read(path).unwrap());
    let found = match path.extension().unwrap().to_str() {
        Some("wav") => wav::repair(&mut file),
        Some("mp3") => mp3::repair(&mut file),
        _ => opus::repair(&mut file),
    };
    found.unwrap() == Repair::Whole
}

/// Whether a program of somebody else can play it; `None` where there is no such program.
fn others_play(path: &Path) -> Option<bool> {
    let program = if path.extension()? == "ogg" { "opusinfo" } else { "sox" };
    let mut process = Process::new(program);
    process.arg(path);
    if program == "sox" {
        process.args(["-n", "stat"]);
    }
    let output = process.output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).to_lowercase()
        + &String::from_utf8_lossy(&output.stderr).to_lowercase();
    Some(output.status.success() && !said.contains("warning") && !said.contains("error"))
}

#[test]
fn recordings_of_a_killed_process_lack_less_than_a_second_and_are_made_whole() {
    for (round, wait) in [613, 1_240, 1_777, 2_391].into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let port = 23_000 + 200 * round as u16;
        let process = Process::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(PORT, port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut victim = Victim(process);
        let mut begun = Vec::new();
        for line in BufReader::new(victim.0.stdout.take().unwrap()).lines() {
            if line.unwrap().starts_with("begun") {
                begun.push(Instant::now());
            }
            if begun.len() == RECORDINGS {
                break;
            }
        }
        assert_eq!(begun.len(), RECORDINGS, "the child did not begin");
        std::thread::sleep(Duration::from_millis(wait));
        let killed = Instant::now();
        victim.0.kill().unwrap();
        victim.0.wait().unwrap();

        let files: Vec<PathBuf> = (0..RECORDINGS).map(|n| folder.path().join(file(n))).collect();
        for (path, begun) in files.iter().zip(&begun) {
            let lasted = killed.duration_since(*begun);
            let held = play(path).duration();
            assert!(held + LOST > lasted, "{}: {held:?} of {lasted:?} before the repair", path.display());
        }
        let engine = Engine::start(config(folder.path().to_owned(), port), |_| {}).unwrap();
        let patience = Instant::now() + Duration::from_secs(20);
        for (path, begun) in files.iter().zip(&begun) {
            // The engine mends in the background.
            while !is_whole(path) {
                assert!(Instant::now() < patience, "{} is not mended", path.display());
                std::thread::sleep(Duration::from_millis(50));
            }
            let sound = play(path);
            assert!(sound.duration() + LOST > killed.duration_since(*begun), "{}", path.display());
            let middle = &sound.samples[sound.samples.len() / 4..sound.samples.len() * 3 / 4];
            let level = audio::level::rms_dbov(middle);
            // In one of two channels a tone is half as loud in the mix.
            assert!((-24.0..-12.0).contains(&level), "{}: {level} dBov", path.display());
            assert_ne!(others_play(path), Some(false), "{} for others", path.display());
        }
        engine.stop();
    }
}
