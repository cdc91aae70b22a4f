//! The voice with a speaker of our own, and with the real espeak-ng.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use audio::level::peak;
use audio::tone;
use tokio::sync::Notify;

use super::*;

pub(super) fn client() -> reqwest::Client {
    // Whoever was first has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn espeak(config: Config) -> Voice {
    Voice::new(config, client())
}

pub(super) fn speech(text: &str) -> Speech {
    Speech { text: text.into(), ..Speech::default() }
}

fn utterance(language: &str, voice: &str) -> Utterance {
    Utterance {
        text: "Hello".into(),
        language: language.into(),
        fallback: "en-US".into(),
        voice: VoiceWish::new(voice),
    }
}

/// A speaker that counts, waits when told to, and fails when told to.
#[derive(Default)]
struct Counting {
    calls: AtomicUsize,
    gate: Option<Arc<Notify>>,
    fail: bool,
}

impl Speaker for Arc<Counting> {
    fn identity(&self) -> String {
        "counting".into()
    }

    fn speak<'a>(&'a self, _: &'a Utterance) -> Spoken<'a> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            if self.fail { Err(SpeechError::Espeak("told to".into())) } else { Ok(beep()) }
        })
    }
}

pub(super) fn beep() -> Pcm {
    tone::beep(440, Duration::from_millis(200), Rate::WIDE)
}

fn counting(speaker: &Arc<Counting>, config: Config) -> Voice {
    Voice { speaker: Box::new(speaker.clone()), ..Voice::new(config, client()) }
}

fn cached_in(directory: &tempfile::TempDir) -> Config {
    Config { cache_dir: Some(directory.path().join("speech")), ..Config::default() }
}

fn files_in(directory: &tempfile::TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory.path().join("speech")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn espeak_says_a_sentence_at_the_loudness_of_a_prompt() {
    let sound = espeak(Config::default()).speak(&speech("Welcome to the demo. Press one.")).await.unwrap();
    let seconds = sound.duration().as_secs_f32();
    assert!((1.0..5.0).contains(&seconds), "{seconds} s");
    let level = sound.speech_dbov();
    assert!((-24.0..=-18.9).contains(&level), "{level} dBov");
    assert!(peak(&sound.samples) < 29_300);
}

#[tokio::test]
async fn espeak_honours_markup_and_reads_brackets_in_plain_text() {
    let voice = espeak(Config::default());
    let length = async |text: &str| voice.speak(&speech(text)).await.unwrap().duration().as_millis();
    let plain = length("<speak>Hi there</speak>").await;
    let paused = length("<speak>Hi <break time=\"1500ms\"/> there</speak>").await;
    assert!(paused > plain + 1_000, "{plain} ms, {paused} ms");
    // Not markup: the words in brackets are said.
    assert!(length("a < b and c > d").await > 500);
    assert!(length("<speak>Never closed <break").await > 300);
}

#[tokio::test]
async fn languages_and_genders_sound_different() {
    let voice = espeak(Config::default());
    let mut sounds = Vec::new();
    for (language, wish) in [("en-US", "male"), ("en-US", "female"), ("de-DE", "male"), ("de-DE", "en-gb+f2")]
    {
        let wish = Speech { text: "Hotel 12".into(), language: language.into(), voice: wish.into() };
        sounds.push(voice.speak(&wish).await.unwrap().samples);
    }
    for one in 0..sounds.len() {
        for other in one + 1..sounds.len() {
            assert_ne!(sounds[one], sounds[other], "{one} and {other}");
        }
    }
}

#[tokio::test]
async fn an_unknown_language_or_voice_is_spoken_in_the_nearest_one() {
    let voice = espeak(Config::default());
    let say = async |language: &str, wish: &str| {
        let wish = Speech { text: "Hello".into(), language: language.into(), voice: wish.into() };
        voice.speak(&wish).await.unwrap().samples
    };
    assert_eq!(say("xx-YY", "").await, say("en-US", "").await);
    assert_eq!(say("en-US", "Polly.Joanna").await, say("en-US", "").await);
    assert_eq!(say("../../etc", "../passwd").await, say("en-US", "").await);
}

#[test]
fn voices_are_tried_from_the_most_fitting_on() {
    assert_eq!(espeak::voices(&utterance("de-DE", "female")), ["de-de+f3", "de+f3", "en-us+f3", "en+f3"]);
    assert_eq!(espeak::voices(&utterance("en_GB", "")), ["en-gb", "en", "en-us"]);
    assert_eq!(espeak::voices(&utterance("nb", "en-gb+klatt")), ["en-gb+klatt", "nb", "en-us", "en"]);
    assert_eq!(espeak::voices(&utterance("-w/tmp/x", "-w/tmp/x")), ["en-us", "en"]);
}

#[tokio::test]
async fn a_missing_or_hanging_program_is_an_error_in_time() {
    let with = |program: &str| Voice {
        speaker: Box::new(Espeak::running(program)),
        ..espeak(Config { deadline: Duration::from_millis(300), ..Config::default() })
    };
    assert!(matches!(with("no-such-espeak").speak(&speech("Hi")).await, Err(SpeechError::NoEspeak(_))));
    assert!(matches!(with("false").speak(&speech("Hi")).await, Err(SpeechError::Espeak(_))));
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("pid");
    let program = script(&directory, &format!("echo $$ > {}\nexec tail -f /dev/null", trace.display()));
    let started = Instant::now();
    let hung = with(&program).speak(&speech("Hi")).await;
    assert!(matches!(hung, Err(SpeechError::Timeout(_))), "{hung:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    // And it is gone, not left running.
    let pid = std::fs::read_to_string(trace).unwrap();
    let gone = async {
        while std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
            .is_ok_and(|stat| !stat.contains(") Z"))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

/// An executable that does `what`. A shell writes it: were it open for writing here while another test forks, it would be "busy".
fn script(directory: &tempfile::TempDir, what: &str) -> String {
    let program = directory.path().join("program");
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
    let written =
        std::process::Command::new("sh").args(["-c", write]).arg(&program).arg(what).status().unwrap();
    assert!(written.success());
    program.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn endless_sound_and_endless_text_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let endless = Espeak::running(&script(&directory, "exec cat /dev/zero"));
    let voice = Voice { speaker: Box::new(endless), ..espeak(Config::default()) };
    let answer = voice.speak(&speech("Hi")).await;
    assert!(matches!(answer, Err(SpeechError::TooLarge(_))), "{answer:?}");
    let long = "word ".repeat(3_000);
    assert!(matches!(voice.speak(&speech(&long)).await, Err(SpeechError::TextTooLong { .. })));
}

#[tokio::test]
async fn nothing_to_say_is_a_moment_of_silence() {
    let speaker = Arc::new(Counting::default());
    let sound = counting(&speaker, Config::default()).speak(&speech(" \n")).await.unwrap();
    assert_eq!(sound.duration(), Duration::from_millis(20));
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_text_is_spoken_once_and_then_read_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let speaker = Arc::new(Counting::default());
    let first = counting(&speaker, cached_in(&directory)).speak(&speech("Hello")).await.unwrap();
    let again = counting(&speaker, cached_in(&directory)).speak(&speech("Hello")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 1);
    let other = Speech { voice: "female".into(), ..speech("Hello") };
    counting(&speaker, cached_in(&directory)).speak(&other).await.unwrap();
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 2);
    assert_eq!(files_in(&directory).len(), 2);
}

#[tokio::test]
async fn a_damaged_file_is_thrown_away_and_spoken_again() {
    let directory = tempfile::tempdir().unwrap();
    let speaker = Arc::new(Counting::default());
    let voice = counting(&speaker, cached_in(&directory));
    let whole = voice.speak(&speech("Hello")).await.unwrap();
    let file = files_in(&directory).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    for damage in [&b"not a sound"[..], b"", &bytes[..bytes.len() / 2]] {
        std::fs::write(&file, damage).unwrap();
        assert_eq!(voice.speak(&speech("Hello")).await.unwrap(), whole);
    }
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 4);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn the_oldest_files_go_when_the_cache_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let speaker = Arc::new(Counting::default());
    // A beep has 6,444 bytes: five fit, and the sixth clears down to four.
    let voice = counting(&speaker, Config { cache_bytes: 33_000, ..cached_in(&directory) });
    for number in 0..6u64 {
        voice.speak(&speech(&format!("Text {number}"))).await.unwrap();
        let newest = voice.key(&voice.utterance(&speech(&format!("Text {number}"))));
        if number < 5 {
            // The order of writing, made plain for file systems with coarse clocks.
            let path = directory.path().join("speech").join(newest).with_extension("wav");
            let age = Duration::from_secs(1_000_000 + number);
            std::fs::File::open(path).unwrap().set_modified(std::time::UNIX_EPOCH + age).unwrap();
        }
    }
    assert_eq!(files_in(&directory).len(), 4);
    let asked = |number: u64| speech(&format!("Text {number}"));
    voice.speak(&asked(5)).await.unwrap();
    voice.speak(&asked(2)).await.unwrap();
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 6);
    voice.speak(&asked(0)).await.unwrap();
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn a_cache_that_cannot_be_used_is_done_without() {
    let directory = tempfile::tempdir().unwrap();
    let in_the_way = directory.path().join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let speaker = Arc::new(Counting::default());
    let voice = counting(&speaker, Config { cache_dir: Some(in_the_way), ..Config::default() });
    voice.speak(&speech("Hello")).await.unwrap();
    // One that goes away later costs a log line a text.
    let voice = counting(&speaker, cached_in(&directory));
    std::fs::remove_dir_all(directory.path().join("speech")).unwrap();
    voice.speak(&speech("Hello")).await.unwrap();
}

#[tokio::test]
async fn unfinished_files_of_a_crash_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("speech")).unwrap();
    std::fs::write(directory.path().join("speech/abc.1-0.part"), "half").unwrap();
    espeak(cached_in(&directory));
    assert!(files_in(&directory).is_empty());
}

#[tokio::test]
async fn identical_requests_at_once_are_spoken_once() {
    let gate = Arc::new(Notify::new());
    let speaker = Arc::new(Counting { gate: Some(gate.clone()), ..Counting::default() });
    let voice = Arc::new(counting(&speaker, Config::default()));
    let one = speech("Hello");
    let (first, second, third, other, ()) = tokio::join!(
        voice.speak(&one),
        voice.speak(&one),
        voice.speak(&one),
        async {
            let speech = speech("Another");
            voice.speak(&speech).await
        },
        async {
            while speaker.calls.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            gate.notify_waiters();
        },
    );
    assert_eq!(first.unwrap(), second.unwrap());
    assert!(third.is_ok() && other.is_ok());
    assert_eq!(speaker.calls.load(Ordering::SeqCst), 2);
    assert!(voice.once.is_idle());
}

#[tokio::test]
async fn when_the_first_gives_up_the_next_in_line_goes_on() {
    let gate = Arc::new(Notify::new());
    let speaker = Arc::new(Counting { gate: Some(gate.clone()), ..Counting::default() });
    let voice = Arc::new(counting(&speaker, Config::default()));
    let began = async |count: usize| {
        while speaker.calls.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    };
    let asking = |voice: Arc<Voice>| tokio::spawn(async move { voice.speak(&speech("Hello")).await });
    let leader = asking(voice.clone());
    began(1).await;
    let follower = asking(voice.clone());
    leader.abort();
    began(2).await;
    gate.notify_waiters();
    assert!(follower.await.unwrap().is_ok());
    assert!(voice.once.is_idle());
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let speaker = Arc::new(Counting { fail: true, ..Counting::default() });
    let voice = counting(&speaker, Config::default());
    for calls in 1..=2 {
        assert!(matches!(voice.speak(&speech("Hello")).await, Err(SpeechError::Espeak(_))));
        assert_eq!(speaker.calls.load(Ordering::SeqCst), calls);
    }
    assert!(voice.once.is_idle());
}

#[test]
fn markup_is_recognised_and_its_words_found() {
    assert!(ssml::is_ssml(" <speak>x</speak>") && ssml::is_ssml("<?xml version=\"1.0\"?><speak>x</speak>"));
    assert!(!ssml::is_ssml("say <speak>") && !ssml::is_ssml(""));
    assert_eq!(ssml::words("<speak>a<break/>b &lt;c&gt; &amp;lt; <p>d</p> <unclosed"), "a b <c> &lt; d");
}
