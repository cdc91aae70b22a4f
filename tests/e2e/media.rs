//! Sounds as customers have them, from the flows directory and from the web: heard at their pitch, level and length.

use std::fs;
use std::process::Command;
use std::time::Duration;

use audio::Pcm;
use audio::level::rms_dbov;
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::{Heard, Offer, Phone};
use tests::server::{CallView, Server, Setup};
use tests::wait;
use tests::web::{Answer, Web};

const SOON: Duration = Duration::from_secs(15);

/// Each form with a pitch of its own, so that none can pass for another.
const FORMS: [(&str, &str, u16); 5] = [
    ("tone.wav", "audio/wav", 300),
    ("tone.mp3", "audio/mpeg", 400),
    ("tone.ogg", "audio/ogg", 500),
    ("tone.opus", "audio/ogg", 600),
    ("tone.flac", "audio/flac", 700),
];

/// How long each sounds, and how loud: a sine of a quarter of full scale is 3 dB below a square wave of it.
const LENGTH: f64 = 0.8;
const LEVEL: f32 = -15.0;

/// A sound of `hertz`: 44.1 kHz, stereo, faded in and out, in the form that the name's extension says.
fn sound(name: &str, hertz: u16) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let (wav, file) = (folder.path().join("source.wav"), folder.path().join(name));
    let run = |program: &str, make: &dyn Fn(&mut Command) -> &mut Command| {
        let output = make(&mut Command::new(program)).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("sox", &|sox| {
        sox.args(["-n", "-r", "44100", "-c", "2", "-b", "16"]).arg(&wav).args([
            "synth",
            &LENGTH.to_string(),
            "sine",
            &hertz.to_string(),
            "vol",
            "0.25",
            "fade",
            "q",
            "0.03",
            &LENGTH.to_string(),
            "0.03",
        ])
    });
    match name.rsplit('.').next() {
        Some("wav") => {
            fs::copy(&wav, &file).expect("copied");
        }
        Some("opus") => run("opusenc", &|opusenc| opusenc.arg("--quiet").arg(&wav).arg(&file)),
        // sox has LAME, libvorbis and libFLAC.
        _ => run("sox", &|sox| sox.arg(&wav).arg(&file)),
    }
    fs::read(&file).expect("a sound file")
}

/// A server whose number 2000 plays each of `urls`, with a pause after each, and hangs up.
fn playing(urls: &[String]) -> Server {
    let mut actions: Vec<Value> = Vec::new();
    for url in urls {
        actions.push(json!({ "type": "PLAY", "params": { "url": url } }));
        actions.push(json!({ "type": "PAUSE", "params": { "duration": 400 } }));
    }
    actions.push(json!({ "type": "HANGUP" }));
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", json!({ "actions": actions }).to_string()),
        ],
        ..Setup::default()
    })
}

/// Calls 2000 and listens until it is over; again if the machine kept the server from sending, for then there are gaps.
fn call(server: &Server) -> (Heard, CallView) {
    let overruns = || {
        // Counters are told once a second, and at the end of the last leg.
        wait::until("the leg to be gone", SOON, || {
            (server.metric("offhook_media_legs") == 0.0).then_some(())
        });
        server.metric("offhook_media_overruns_total")
    };
    for _ in 0..5 {
        let before = overruns();
        let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
        let mut call = phone.call("2000", Offer::Early, SOON).expect("an answer");
        assert!(call.until_bye(Duration::from_secs(30)).expect("a call"), "no BYE");
        let heard = call.hang_up().expect("over");
        let view = server.finished_call("2000");
        if overruns() == before {
            return (heard, view);
        }
    }
    panic!("the machine is too busy for sound without gaps")
}

/// Panics unless the tones were heard in this order, whole, clean and without a click.
fn expect_tones(heard: &Pcm, pitches: &[u16], notes: &str) {
    let found = ear::segments(heard, Duration::from_millis(100));
    assert_eq!(found.len(), pitches.len(), "{found:?}\n{notes}");
    for (segment, hertz) in found.iter().zip(pitches) {
        // The fades are below the ear's floor for a few milliseconds, and its windows are 20 ms long.
        assert!((segment.length() - LENGTH).abs() < 0.06, "{hertz} Hz: {segment:?}");
        let middle = ear::cut(heard, segment.start + 0.1, segment.end - 0.1);
        let pitch = ear::pitch(&middle).expect("a pitch");
        assert!((pitch / f64::from(*hertz) - 1.0).abs() < 0.01, "{pitch} for {hertz} Hz");
        let purity = ear::purity(&middle, f32::from(*hertz));
        assert!(purity > 0.97, "{hertz} Hz is not alone: {purity:.3} in {segment:?}\n{notes}");
        let level = rms_dbov(&middle.samples);
        assert!((level - LEVEL).abs() < 1.0, "{hertz} Hz at {level} dBov");
    }
    // A sine of 700 Hz and this level moves 4,300 at most from one sample to the next; a click at an edge jumps further,
    // and so does a gap inside.
    let jump = heard.samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
    assert!(jump.is_some_and(|jump| jump < 5_200), "a click: {jump:?}");
}

#[test]
fn every_form_of_sound_is_heard_from_the_flows_directory() {
    let server = playing(&FORMS.map(|(name, ..)| name.to_owned()));
    for (name, _, hertz) in FORMS {
        server.write_sound(name, &sound(name, hertz));
    }
    let (heard, view) = call(&server);
    expect_tones(&heard.pcm(), &FORMS.map(|(.., hertz)| hertz), &view.notes());
}

#[test]
fn every_form_of_sound_is_heard_from_the_web() {
    let files = FORMS.map(|(name, kind, hertz)| (format!("/{name}"), kind, sound(name, hertz)));
    let web = Web::start(move |asked| match files.iter().find(|(name, ..)| asked.uri == *name) {
        Some((_, kind, bytes)) => {
            Answer { content_type: kind, body: bytes.clone().into(), ..Answer::json("") }
        }
        None => Answer { status: 404, ..Answer::json("") },
    });
    let server = playing(&FORMS.map(|(name, ..)| web.url(&format!("/{name}"))));
    let (heard, view) = call(&server);
    expect_tones(&heard.pcm(), &FORMS.map(|(.., hertz)| hertz), &view.notes());
}

#[test]
fn a_sound_that_is_missing_or_garbage_is_told_and_the_flow_goes_on() {
    let web = Web::start(|asked| match asked.uri.as_str() {
        "/garbage.mp3" => Answer::wav(b"\xff\xfb\x90 this is no sound at all".repeat(50)),
        _ => Answer { status: 404, ..Answer::json("") },
    });
    let bad =
        ["nowhere.wav".to_owned(), "garbage.ogg".into(), web.url("/nothing.wav"), web.url("/garbage.mp3")];
    let server = playing(&[&bad[..], &["tone.wav".into()]].concat());
    server.write_sound("tone.wav", &sound("tone.wav", 300));
    server.write_sound("garbage.ogg", &b"OggS\0garbage".repeat(100));
    let (heard, view) = call(&server);
    expect_tones(&heard.pcm(), &[300], &view.notes());
    let notes = view.notes();
    for name in &bad {
        assert!(notes.contains(name.as_str()), "{name} is not told of in\n{notes}");
    }
    assert!(server.metric("offhook_prompts_failed_total") >= bad.len() as f64);
}

#[test]
fn a_sound_on_the_web_is_fetched_once_while_it_is_fresh() {
    let bytes = sound("tone.wav", 300);
    let web = Web::start(move |_| Answer {
        headers: vec![("cache-control", "max-age=600")],
        ..Answer::wav(bytes.clone())
    });
    let server = playing(&[web.url("/tone.wav")]);
    for _ in 0..2 {
        let (heard, view) = call(&server);
        expect_tones(&heard.pcm(), &[300], &view.notes());
    }
    assert_eq!(web.asked().len(), 1, "{:#?}", web.asked());
}

#[test]
fn a_sound_that_may_have_changed_is_asked_for_and_not_sent_again() {
    let bytes = sound("tone.wav", 300);
    let web = Web::start(move |asked| {
        let headers = vec![("etag", "\"one\"")];
        match asked.if_none_match.as_str() {
            "\"one\"" => Answer { status: 304, headers, ..Answer::json("") },
            _ => Answer { headers, ..Answer::wav(bytes.clone()) },
        }
    });
    let server = playing(&[web.url("/tone.wav")]);
    for _ in 0..2 {
        let (heard, view) = call(&server);
        expect_tones(&heard.pcm(), &[300], &view.notes());
    }
    let asked: Vec<String> = web.asked().into_iter().map(|asked| asked.if_none_match).collect();
    assert!(asked[0].is_empty() && asked.len() > 1, "{asked:?}");
    assert!(asked[1..].iter().all(|tag| tag == "\"one\""), "{asked:?}");
}
