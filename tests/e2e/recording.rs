//! Recordings in every format, and when things go wrong: a server that is killed, a disk that is full; sounds too long to be kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use audio::Pcm;
use serde_json::json;
use testkit::ear;
use testkit::ua::{Offer, Phone};
use tests::server::{Server, Setup};
use tests::wait;
use tests::web::{Answer, Web};

use crate::sound;

const SOON: Duration = Duration::from_secs(15);
/// A canonical WAV header.
const HEADER: usize = 44;

fn folder(server: &Server) -> PathBuf {
    server.folder.path().join("data/recordings")
}

/// The only recording of the server, once there is one.
fn recording(server: &Server) -> PathBuf {
    let folder = folder(server);
    wait::until("a recording's file", SOON, || {
        fs::read_dir(&folder)
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            // What is to become of it stands beside it, in a file that is written anew now and then.
            .find(|path| path.extension().is_some_and(|kind| kind != "json" && kind != "new"))
    })
}

/// What a header says of its samples, in bytes.
fn claimed(file: &[u8]) -> usize {
    assert_eq!((&file[..4], &file[36..40]), (&b"RIFF"[..], &b"data"[..]));
    u32::from_le_bytes([file[40], file[41], file[42], file[43]]) as usize
}

/// A server whose number 2000 records at once.
fn recorder() -> Server {
    let flow = json!({ "actions": [
        { "type": "RECORD", "name": "message", "params": { "beep": false, "max_length": 60_000 } },
        { "type": "PLAY", "params": { "url": "after.wav" } },
        { "type": "HANGUP" } ] });
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", flow.to_string()),
        ],
        ..Setup::default()
    })
}

#[test]
fn a_server_that_is_killed_leaves_a_valid_file_and_repairs_it_when_it_comes_back() {
    let mut server = recorder();
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    let file = recording(&server);
    let begun = Instant::now();
    let said = ear::cut(&sound::sentence(), 0.0, 4.0);
    call.stream.talk(&said);
    call.run(Duration::from_millis(3_700), |_| false).expect("a call");
    server.kill();
    let elapsed = begun.elapsed().as_secs_f64();
    call.vanish();

    let bytes = fs::read(&file).expect("the file");
    assert!(claimed(&bytes) + HEADER <= bytes.len(), "the header promises more than there is");
    let pcm = audio::read::decode(bytes.clone(), Some("wav")).expect("a WAV file");
    let length = claimed(&bytes) as f64 / 16_000.0;
    assert!((pcm.duration().as_secs_f64() - length).abs() < 0.001, "a reader finds what the header says");
    assert!(length > elapsed - 1.0, "{length:.2} s of {elapsed:.2} s");
    let likeness = ear::likeness(&ear::cut(&said, 0.0, 2.0), &pcm);
    assert!(likeness.correlation > 0.9, "{likeness:?}");

    // As after a kill at the worst moment: the header is older than the samples, the last of which is half written.
    let mut behind = bytes.clone();
    behind[4..8].copy_from_slice(&(36_u32 + 16_000).to_le_bytes());
    behind[40..44].copy_from_slice(&16_000_u32.to_le_bytes());
    behind.push(0);
    fs::write(&file, &behind).expect("written");
    let stranger = folder(&server).join("notes.wav");
    fs::write(&stranger, b"not a recording").expect("written");
    server.start_again();
    let repaired = wait::until("the repair", SOON, || {
        let now = fs::read(&file).expect("the file");
        (claimed(&now) != 16_000).then_some(now)
    });
    assert_eq!(claimed(&repaired), (bytes.len() - HEADER) & !1, "not all that reached the disk is counted");
    assert_eq!(repaired[HEADER..bytes.len()], bytes[HEADER..]);
    assert_eq!(fs::read(&stranger).expect("the file"), b"not a recording");
}

/// How much of the middle of a sound lies at `hertz`.
fn share(sound: &Pcm, hertz: f32) -> f64 {
    let length = sound.duration().as_secs_f64();
    ear::purity(&ear::cut(sound, length * 0.3, length * 0.7), hertz)
}

/// A tone of `hertz` at the level of speech.
fn tone(hertz: u16, ms: u64) -> Pcm {
    let length = Duration::from_millis(ms);
    audio::tone::render(&[hertz], length, Duration::ZERO, length, audio::Rate::NARROW)
}

#[test]
fn a_call_is_recorded_from_both_sides_in_each_format_sent_and_served_as_what_it_is() {
    let web = Web::start(|_| Answer::json("{}"));
    for (format, kind) in [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ogg", "audio/ogg; codecs=opus")] {
        let play =
            json!({ "module": "play", "data": { "id": "tone_stream://%(2000,0,880)" }, "children": {} });
        let record = json!({ "module": "record_call",
            "data": { "format": format, "url": web.url(&format!("/{format}")), "method": "put" },
            "children": { "_": play } });
        let flow = json!({ "module": "answer", "data": {}, "children": { "_": record } });
        let server = Server::start(Setup {
            flows: vec![
                ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
                ("flow.json", flow.to_string()),
            ],
            ..Setup::default()
        });
        let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
        let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
        call.stream.talk(&tone(440, 3_000));
        assert!(call.until_bye(Duration::from_secs(20)).expect("a call"), "no BYE");
        call.hang_up().expect("over");
        let view = server.finished_call("2000");
        let id =
            view.entries("recorded").last().expect("a recording")["id"].as_str().expect("its id").to_owned();

        let sent = web.wait_for("the recording", |asked| asked.uri.starts_with(&format!("/{format}/")));
        assert!(sent.uri.ends_with(&format!(".{format}")), "{}", sent.uri);
        assert_eq!(sent.content_type, kind);
        let (served, bytes) = server.file(&format!("/recordings/{id}.{format}"));
        assert_eq!(served, kind);
        let sound = audio::read::decode(bytes, Some(format)).expect("a sound");
        assert!((1.8..2.6).contains(&sound.duration().as_secs_f64()), "{format}: {:?}", sound.duration());
        // The caller and what the caller hears, beside each other.
        let (caller, prompt) = (share(&sound, 440.0), share(&sound, 880.0));
        assert!(caller > 0.2 && prompt > 0.2, "{format}: {caller} of it is the caller, {prompt} the prompt");
        assert_eq!(server.get(&format!("/recordings/{id}.flac")), Err(404));
    }
}

#[test]
fn a_beep_is_heard_and_not_recorded_and_a_key_ends_what_follows() {
    let flow = json!({ "actions": [
        { "type": "RECORD", "name": "message", "params": { "beep": true, "finish_on_key": "pound" } },
        { "type": "HANGUP" } ] });
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", flow.to_string()),
        ],
        ..Setup::default()
    });
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    call.listen_until_quiet(Duration::from_millis(300), SOON).expect("a beep");
    call.talk(&tone(700, 1_500)).expect("talked");
    call.press("#").expect("pressed");
    assert!(call.until_bye(SOON).expect("a call"), "the key did not end it");
    let heard = call.hang_up().expect("over").pcm();
    assert!((ear::pitch(&heard).expect("the beep") - 440.0).abs() < 5.0);
    let recorded = audio::read::decode(fs::read(recording(&server)).expect("the file"), Some("wav"))
        .expect("a WAV file");
    assert!(share(&recorded, 700.0) > 0.8 && ear::purity(&recorded, 440.0) < 0.05);
}

#[test]
fn a_sound_of_three_minutes_is_heard_from_its_beginning_and_not_kept_in_memory() {
    let flow = json!({ "actions": [
        { "type": "PLAY", "params": { "url": "long.wav" } },
        { "type": "HANGUP" } ] });
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", flow.to_string()),
        ],
        ..Setup::default()
    });
    let mut long = sound::sentence();
    long.append(&tone(600, 180_000));
    server.write_sound("long.wav", &audio::write::wav::to_bytes(&long));
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    call.run(Duration::from_secs(6), |_| false).expect("a call");
    let heard = call.hang_up().expect("over").pcm();
    let likeness = ear::likeness(&ear::cut(&long, 0.2, 2.0), &heard);
    // That it has no gaps is for tests in virtual time; this says that it is the sound, from its beginning.
    assert!(likeness.correlation > 0.7 && likeness.lag < 2.0, "{likeness:?}");
    assert!(server.metric("offhook_prompt_cache_bytes") < 1e6, "it is not kept in memory");
}

/// A file system of its own, taken away with the test.
struct Tiny(PathBuf);

impl Tiny {
    /// 64 KiB at `path`, which is four seconds of recording; `None` where nobody may mount.
    fn mount(path: &Path) -> Option<Tiny> {
        fs::create_dir_all(path).expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Tiny(path.to_owned()))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        // Lazily, for the server may still have its file open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let server = recorder();
    let Some(_disk) = Tiny::mount(&folder(&server)) else {
        println!("skipped: a file system of 64 KiB needs the right to mount one");
        return;
    };
    let tone = audio::tone::render(
        &[440],
        Duration::from_millis(700),
        Duration::ZERO,
        Duration::from_millis(700),
        audio::Rate(8000),
    );
    server.write_sound("after.wav", &audio::write::wav::to_bytes(&tone));
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    call.stream.talk(&sound::sentence());
    call.stream.talk(&sound::sentence());
    assert!(call.until_bye(Duration::from_secs(20)).expect("a call"), "the flow does not go on");
    let heard = call.hang_up().expect("over");
    let pitch = ear::pitch(&heard.pcm()).expect("the sound after the recording");
    assert!((pitch - 440.0).abs() < 5.0, "{pitch} Hz");
    let view = server.finished_call("2000");
    assert!(view.notes().contains("space"), "the timeline does not say why: {:#}", view.0);
    // What fitted is a file that can be heard.
    let bytes = fs::read(recording(&server)).expect("the file");
    assert!(claimed(&bytes) + HEADER <= bytes.len());
    let kept = audio::read::decode(bytes, Some("wav")).expect("a WAV file");
    assert!(kept.duration() > Duration::from_secs(2), "{:?}", kept.duration());
}
