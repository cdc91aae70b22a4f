//! The voice: the provider over HTTP from the request to the caller's ear, and what espeak makes of SSML, language and voice.

use std::process::Command;
use std::time::{Duration, Instant};

use audio::{Pcm, Rate};
use serde_json::{Value, json};
use testkit::ear;
use tests::peers::process::Process;
use tests::peers::sipp::{Caller, Step};
use tests::server::{Server, Setup, binary};
use tests::wait;
use tests::web::{Answer, Web};

const SOON: Duration = Duration::from_secs(20);

/// A server whose voice is `web`, and whose numbers from 2000 on say these texts (actions' params).
fn server(provider: Option<&Web>, says: &[Value]) -> Server {
    let mut numbers = String::from("defaults.public = true\n");
    let mut flows = Vec::new();
    for (at, params) in says.iter().enumerate() {
        let name: &'static str = ["a.json", "b.json", "c.json", "d.json"][at];
        numbers += &format!("\"200{at}\" = \"{name}\"\n");
        let flow = json!({ "actions": [{ "type": "SAY", "params": params }, { "type": "HANGUP" }] });
        flows.push((name, flow.to_string()));
    }
    flows.push(("numbers.toml", numbers));
    let settings = provider.map(|web| {
        let url = web.url("/v1/audio/speech");
        let voice = format!("provider = \"openai\"\nopenai_url = \"{url}\"\nopenai_model = \"m1\"\nopenai_key = \"k1\"\ntimeout_s = 2");
        ("speech", voice)
    });
    Server::start(Setup { flows, settings: settings.into_iter().collect(), ..Setup::default() })
}

fn call(server: &Server, number: &str) -> Pcm {
    let call = Caller::new([Step::AwaitBye]).call(&server.address(), number);
    call.expect_success();
    call.heard()
}

/// Ends the server and starts it again in its folder, in an environment whose proxy is not to be asked.
fn restart(server: &mut Server) {
    server.process.signal("TERM");
    assert!(server.process.wait_exit(SOON).success());
    server.process = Process::start(
        "offhook",
        Command::new(binary())
            .args(["serve", "--config", "offhook.toml"])
            .env("http_proxy", "http://127.0.0.1:9")
            .env("ALL_PROXY", "http://127.0.0.1:9")
            .current_dir(server.folder.path()),
    );
    wait::until("the server to be ready again", SOON, || server.get("/healthz").ok());
}

#[test]
fn the_voice_of_a_web_server_is_heard_and_asked_for_once() {
    // 24 kHz, as OpenAI answers.
    let second = Duration::from_secs(1);
    let tone = audio::tone::render(&[440], second, Duration::ZERO, second, Rate(24_000));
    let wav = audio::write::wav::to_bytes(&tone);
    let web = Web::start(move |_| Answer::wav(wav.clone()));
    let mut server = server(Some(&web), &[json!({ "text": "Tone, please." }), json!({ "text": "Another." })]);
    let heard = call(&server, "2000");
    assert!((0.9..1.3).contains(&ear::sounding(&heard)), "{:.2} s of sound", ear::sounding(&heard));
    let pitch = ear::pitch(&heard).expect("a pitch");
    assert!((pitch - 440.0).abs() < 5.0, "{pitch:.1} Hz");
    let part = &ear::segments(&heard, Duration::from_millis(100))[0];
    assert!(ear::purity(&ear::cut(&heard, part.start + 0.1, part.end - 0.1), 440.0) > 0.95);

    call(&server, "2000");
    assert_eq!(web.asked().len(), 1, "{:?}", web.asked());
    let asked: Value = serde_json::from_str(&web.asked()[0].body).expect("JSON");
    assert_eq!(
        (asked["input"].as_str(), asked["model"].as_str(), web.asked()[0].uri.as_str()),
        (Some("Tone, please."), Some("m1"), "/v1/audio/speech")
    );
    restart(&mut server);
    let heard = call(&server, "2000");
    assert!(
        ear::sounding(&heard) > 0.9,
        "{:.2} s of sound\n{:?}",
        ear::sounding(&heard),
        server.finished_call("2000")
    );
    assert_eq!(web.asked().len(), 1, "the voice is not kept across a restart");
    call(&server, "2001");
    assert_eq!(web.asked().len(), 2);
}

#[test]
fn a_voice_server_that_fails_or_dawdles_does_not_hold_the_call_up() {
    let web = Web::start(|asked| match asked.body.as_str() {
        text if text.contains("five hundred") => Answer { status: 500, ..Answer::json("{}") },
        text if text.contains("garbage") => Answer::wav(b"RIFF\xff\xff\xff\xffWAVEfmt garbage".to_vec()),
        text if text.contains("empty") => Answer::wav(Vec::new()),
        _ => Answer { delay: Duration::from_secs(30), ..Answer::json("{}") },
    });
    let texts = ["five hundred", "garbage", "empty", "slow"];
    let server = server(Some(&web), &texts.map(|text| json!({ "text": text })));
    for (at, text) in texts.iter().enumerate() {
        let number = format!("200{at}");
        let began = Instant::now();
        let heard = call(&server, &number);
        assert!(began.elapsed() < Duration::from_secs(6), "{text}: {:?}", began.elapsed());
        assert!(ear::sounding(&heard) < 0.1, "{text}: there is sound");
        let view = server.finished_call(&number);
        assert_eq!(view.nodes(), ["/actions/0", "/actions/1"], "{text}");
        assert!(!view.notes().is_empty(), "{text}: the timeline does not say what failed");
    }
}

#[test]
fn ssml_language_and_voice_change_what_is_heard() {
    let text = "The table is in the garden.";
    let server = server(
        None,
        &[
            json!({ "text": text, "language": "en-US", "gender": "male" }),
            json!({ "text": text, "language": "de-DE", "gender": "male" }),
            json!({ "text": text, "language": "en-US", "gender": "female" }),
            json!({ "text": "<speak>The table <break time=\"1500ms\"/> is in the garden.</speak>", "language": "en-US", "gender": "male" }),
        ],
    );
    let [plain, german, female, broken] =
        ["2000", "2001", "2002", "2003"].map(|number| call(&server, number));
    let like = |a: &Pcm, b: &Pcm| ear::likeness(a, b).correlation;
    let again = call(&server, "2000");
    let (same, german, female) = (like(&plain, &again), like(&plain, &german), like(&plain, &female));
    assert!(
        same > 0.9,
        "the same words are only {same:.2} alike: {:?} and {:?}",
        plain.duration(),
        again.duration()
    );
    assert!(german < 0.8, "German and English are {german:.2} alike");
    assert!(female < 0.8, "the voices are {female:.2} alike");
    let pause = Duration::from_millis(800);
    assert_eq!(ear::segments(&plain, pause).len(), 1);
    assert_eq!(ear::segments(&broken, pause).len(), 2, "the break is not heard");
}
