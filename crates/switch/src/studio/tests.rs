//! Sounds of directories and recordings.

use std::path::Path;
use std::sync::mpsc;
use std::task::Poll;

use audio::codec::Codec;
use audio::write::wav;

use super::*;
use crate::http::HttpConfig;
use crate::speech;

/// A studio that may fetch from this machine, with recordings in `home`.
pub(super) fn studio(home: &Path, web: WebSounds, flows: Arc<ArcSwap<Flows>>, limit: Duration) -> Studio {
    let allowed = vec!["127.0.0.0/8".parse().expect("a network")];
    let http = Http::new(&HttpConfig { allowed, ..HttpConfig::default() }).expect("a client");
    let voice = Voice::new(speech::Config::default(), http.client());
    let home = (home.to_owned(), "us".to_owned());
    Studio::new(64 << 20, voice, (web, http), flows, Sounds::new(), home, limit)
}

fn ulaw() -> Form {
    Form::new(Codec::Pcmu, Duration::ZERO, Default::default())
}

fn silence(seconds: u64) -> Vec<u8> {
    wav::to_bytes(&Pcm::silence(audio::Rate::NARROW, Duration::from_secs(seconds)))
}

/// Flows whose sounds are in this directory, where `menu` lasts so long.
fn flows(directory: &Path, seconds: u64) -> Flows {
    std::fs::create_dir_all(directory).expect("made");
    std::fs::write(directory.join("menu.wav"), silence(seconds)).expect("written");
    let mut flows = Flows::new();
    flows.set_sounds(Sounds::new().then(directory));
    flows
}

async fn seconds(studio: &Studio, prompt: &Prompt) -> u64 {
    let ready = studio.prepare(std::slice::from_ref(prompt), ulaw()).await.expect("a sound");
    ready[0].duration().as_secs()
}

#[test]
fn only_sounds_of_more_than_two_minutes_are_read_while_they_are_heard() {
    for (seconds, long) in [(1, false), (119, false), (121, true)] {
        let sound = sound(Origin::Bytes(silence(seconds).into()), Some("wav"), "a", ulaw()).expect("a sound");
        assert_eq!(matches!(sound, media::Sound::Long(_)), long, "{seconds} s");
    }
}

#[tokio::test]
async fn what_a_name_meant_before_a_reload_is_not_heard_after_it() {
    let home = tempfile::tempdir().expect("a folder");
    let (before, after) = (flows(&home.path().join("1"), 1), flows(&home.path().join("2"), 2));
    let old = before.sounds().resolve("menu").expect("there").key();
    let all = Arc::new(ArcSwap::from_pointee(before));
    let studio = studio(home.path(), WebSounds::default(), all.clone(), Duration::from_secs(10));
    let menu = Prompt::Sound("menu".to_owned());
    // Somebody else loads it, who takes long: whoever wants it meanwhile waits.
    let ((begun, begins), (open, gate)) = (mpsc::channel(), mpsc::channel());
    let prompts = studio.prompts.clone();
    let other = std::thread::spawn(move || {
        prompts.get_or_load::<PromptError, _>(&old, ulaw(), || {
            begun.send(()).expect("the test waits");
            gate.recv().expect("the test lets it go on");
            Ok(Pcm::silence(audio::Rate::NARROW, Duration::from_secs(1)))
        })
    });
    begins.recv().expect("it has begun");
    let mut waits = Box::pin(seconds(&studio, &menu));
    let begun = std::future::poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx))).await;
    assert!(begun.is_pending());
    all.store(Arc::new(after));
    studio.forget();
    open.send(()).expect("it waits");
    assert_eq!(waits.await, 1, "who asked before hears what it asked for");
    other.join().expect("no panic").expect("a sound");
    assert!(studio.at_hand(std::slice::from_ref(&menu), ulaw()).is_none());
    assert_eq!(seconds(&studio, &menu).await, 2);
    assert!(studio.at_hand(&[menu], ulaw()).is_some(), "nothing is waited for");
}

#[tokio::test]
async fn a_recording_is_played_as_it_is_by_now_and_not_when_it_is_gone() {
    let home = tempfile::tempdir().expect("a folder");
    let all = Arc::new(ArcSwap::from_pointee(Flows::new()));
    let studio = studio(home.path(), WebSounds::default(), all, Duration::from_secs(10));
    let recording = Prompt::Recording("a-1".to_owned());
    let file = home.path().join("a-1.wav");
    for length in [1, 3] {
        std::fs::write(&file, silence(length)).expect("written");
        assert_eq!(seconds(&studio, &recording).await, length);
    }
    std::fs::remove_file(&file).expect("removed");
    assert!(studio.at_hand(std::slice::from_ref(&recording), ulaw()).is_none());
    let gone = studio.prepare(&[recording], ulaw()).await.expect_err("it is gone").to_string();
    assert!(gone.contains("a-1"), "{gone}");
}
