//! What a running call plays and records, steered over HTTP, by ear.

mod asking;

use std::time::Duration;

use asking::{Served, wait};
use audio::{Pcm, Rate, tone};
use serde_json::{Value, json};
use store::{Document, Flows, Users};
use testkit::ua::{Call, Offer, Phone};

/// Longest that anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(10);
const MS: fn(u64) -> Duration = Duration::from_millis;

/// Ten steps of half a second, each with a tone of its own.
const STEPS: usize = 10;
const STEP: Duration = Duration::from_millis(500);

fn pitch(step: usize) -> u16 {
    400 + 200 * step as u16
}

fn stairs() -> Pcm {
    let mut sound = Pcm::new(Rate::NARROW, Vec::new());
    (0..STEPS).for_each(|step| sound.append(&tone::beep(pitch(step), STEP, Rate::NARROW)));
    sound
}

/// A switch with this flow at 700 and the stairs as a sound.
fn served(flow: Value) -> Served {
    let mut flows = Flows::new();
    flows.add(Document::read("700.json", None, flow).expect("a flow"));
    assert!(flows.number("700", "700.json", true));
    Served::flows(flows, &Users::default(), |config, home| {
        let sounds = home.join("sounds");
        std::fs::create_dir_all(&sounds).expect("a directory");
        std::fs::write(sounds.join("stairs.wav"), audio::write::wav::to_bytes(&stairs())).expect("written");
        config.sounds = store::Sounds::new().then(sounds);
        config.cdr = Some(home.join("cdr.jsonl"));
    })
}

fn phone(served: &Served) -> Phone {
    Phone::new(served.switch.sip_udp().expect("UDP"), "caller", None).expect("a phone")
}

/// The only call that lives.
fn call_of(served: &Served) -> String {
    served.switch.calls().first().expect("a call").id.to_string()
}

fn json_of((status, _, body): (u16, String, String)) -> (u16, Value) {
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// Which of these tones sounds in each 20 ms, -1 for none: how often each after the other.
fn runs(pcm: &Pcm, tones: &[u16]) -> Vec<(i32, usize)> {
    let mut runs: Vec<(i32, usize)> = Vec::new();
    for window in pcm.samples.chunks_exact(pcm.rate.samples(MS(20))) {
        let loud = audio::level::rms_dbov(window) > -40.0;
        let power = |hertz: &u16| audio::detect::goertzel_power(window, pcm.rate, f32::from(*hertz));
        let best = (0..tones.len()).max_by(|a, b| power(&tones[*a]).total_cmp(&power(&tones[*b])));
        let what = if loud { best.map_or(-1, |best| best as i32) } else { -1 };
        match runs.last_mut() {
            Some((last, count)) if *last == what => *count += 1,
            _ => runs.push((what, 1)),
        }
    }
    runs
}

/// Those of the runs that are long enough to be heard as such, neighbours joined.
fn heard(pcm: &Pcm, tones: &[u16]) -> Vec<(i32, usize)> {
    let mut all: Vec<(i32, usize)> = Vec::new();
    for (what, count) in runs(pcm, tones).into_iter().filter(|(_, count)| *count > 2) {
        match all.last_mut() {
            Some((last, before)) if *last == what => *before += count,
            _ => all.push((what, count)),
        }
    }
    all
}

/// Waits until a step is what is heard last.
#[track_caller]
fn hears(call: &mut Call<'_>, step: usize) {
    let tones: Vec<u16> = (0..STEPS).map(pitch).collect();
    let is_last = |samples: &[i16]| {
        let last = Pcm::new(Rate::NARROW, samples[samples.len().saturating_sub(8 * 100)..].to_vec());
        heard(&last, &tones) == [(step as i32, 5)]
    };
    assert!(
        call.run(LONG, |stream| is_last(&stream.heard.samples)).expect("a call"),
        "step {step} is not heard"
    );
}

/// Plays the stairs, which no key stops, and then waits.
fn playing() -> Value {
    let wait = json!({"module": "sleep", "data": {"duration": 20}, "children": {}});
    json!({"module": "play", "data": {"id": "stairs", "terminators": []}, "children": {"_": wait}})
}

#[test]
fn what_is_heard_is_paused_goes_on_exactly_there_and_is_moved_and_stopped() {
    let served = served(playing());
    let mut phone = phone(&served);
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    let id = call_of(&served);
    let steer = |body: Value| json_of(served.post(&format!("/calls/{id}/playback"), &body.to_string()));
    hears(&mut call, 2);
    let (status, paused) = steer(json!({"action": "pause"}));
    assert_eq!((status, &paused["paused"], &paused["leg"]), (200, &json!(true), &json!("A")), "{paused}");
    let at = paused["position_ms"].as_u64().expect("a place");
    assert!((1_000..1_500).contains(&at) && paused["length_ms"] == 5_000, "{paused}");
    call.listen(MS(600)).expect("a call");
    let (_, view) = json_of(served.get(&format!("/calls/{id}")));
    let shown = &view["playback"][0];
    assert_eq!(
        (&shown["position_ms"], &shown["paused"]),
        (&json!(at), &json!(true)),
        "it stands still: {view}"
    );
    assert!(
        shown["what"][0] == "Sound(\"stairs\")" && shown["times"] == 1 && shown["by"] == "flow",
        "{shown}"
    );
    assert_eq!(steer(json!({"action": "resume"})).1["paused"], false);
    hears(&mut call, 3);
    let (_, moved) = steer(json!({"action": "seek", "to_ms": 4_000}));
    assert_eq!(moved["position_ms"], 4_000, "{moved}");
    hears(&mut call, 8);
    let (_, back) = steer(json!({"action": "seek", "by_ms": -2_000}));
    let place = back["position_ms"].as_u64().expect("a place");
    assert!((2_000..2_900).contains(&place), "{back}");
    hears(&mut call, 5);
    assert_eq!(steer(json!({"action": "seek", "by_ms": -60_000})).1["position_ms"], 0);
    hears(&mut call, 0);
    hears(&mut call, 1);
    let (status, again) = steer(json!({"action": "restart"}));
    assert_eq!((status, &again["position_ms"], &again["paused"]), (200, &json!(0), &json!(false)), "{again}");
    hears(&mut call, 0);
    assert_eq!(steer(json!({"action": "stop"})).0, 204);
    call.listen(MS(300)).expect("a call");
    let pcm = call.hang_up().expect("over").pcm();
    let tones: Vec<u16> = (0..STEPS).map(pitch).collect();
    let all = heard(&pcm, &tones);
    let order: Vec<i32> = all.iter().map(|(what, _)| *what).collect();
    let from = order.windows(2).position(|pair| pair == [2, -1]).expect("the pause");
    assert_eq!(order[from - 2..from + 4], [0, 1, 2, -1, 2, 3], "{all:?}");
    // Nothing of the third step is lost or said twice: half a second in all.
    let third = all[from].1 + all[from + 2].1;
    assert!((24..=26).contains(&third), "{all:?}");
    assert!(all[from + 1].1 >= 28, "silence as long as it was paused: {all:?}");
    let rest = &order[from + 4..];
    let in_order = |wanted: &[i32]| wanted.iter().all(|step| rest.contains(step));
    assert!(rest[0] == 8 && in_order(&[8, 5, 0]) && rest.last() == Some(&-1), "{all:?}");
    wait("the end", || !served.switch.recent().is_empty());
    let (_, view) = json_of(served.get(&format!("/calls/{id}")));
    let text = view["trace"].to_string();
    for word in [
        "paused from outside, at 1.",
        "resumed from outside",
        "moved from outside, at 4.0 s",
        "stopped from outside",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(view["playback"], json!([]));
}

#[test]
fn a_place_behind_the_end_a_party_that_is_not_there_and_a_call_that_plays_nothing_are_told_apart() {
    let served = served(playing());
    let mut phone = phone(&served);
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    let id = call_of(&served);
    let steer = |body: Value| json_of(served.post(&format!("/calls/{id}/playback"), &body.to_string()));
    assert!(call.run(LONG, |stream| stream.heard.samples.len() >= 8 * 200).expect("a call"));
    let message =
        |(status, body): (u16, Value)| (status, body["error"]["message"].as_str().unwrap_or("").to_owned());
    let (status, why) = message(steer(json!({"action": "seek", "to_ms": 5_001})));
    assert!(status == 400 && why.contains("0 to 5000 ms"), "{status} {why}");
    let (status, why) = message(steer(json!({"action": "pause", "leg": "C"})));
    assert!(status == 404 && why.contains("no party C"), "{status} {why}");
    // Behind the end by a step from here is the end.
    assert_eq!(steer(json!({"action": "seek", "by_ms": 60_000})).0, 200);
    call.listen(MS(200)).expect("a call");
    let (status, why) = message(steer(json!({"action": "pause"})));
    assert!(status == 409 && why.contains("nothing of a flow"), "{status} {why}");
    call.hang_up().expect("over");
    wait("the end", || !served.switch.recent().is_empty());
    let (status, why) = message(steer(json!({"action": "pause"})));
    assert!(status == 409 && why.contains("is over"), "{status} {why}");
}

/// Says a tone, and waits until all of it is where it is to be.
fn say(call: &mut Call<'_>, hertz: u16, ms: u64) {
    call.talk(&tone::beep(hertz, MS(ms), Rate::NARROW)).expect("a call");
    call.listen(MS(300)).expect("a call");
}

/// A recording in which the caller says three tones, paused in this way at the second: the call's page at the second, the
/// record, and the sound.
fn paused_at_the_second(mode: &Value) -> (Value, Value, Pcm) {
    let wait_long = json!({"module": "sleep", "data": {"duration": 20}, "children": {}});
    let record = json!({"module": "record_call", "data": {"format": "wav"}, "children": {"_": wait_long}});
    let served = served(json!({"module": "answer", "data": {}, "children": {"_": record}}));
    let mut phone = phone(&served);
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    let id = call_of(&served);
    let recordings = || json_of(served.get(&format!("/calls/{id}"))).1["recordings"].clone();
    wait("a recording", || recordings()[0]["id"].is_string());
    let recording = recordings()[0]["id"].as_str().expect("an id").to_owned();
    let steer = |what: &str, body: &Value| {
        json_of(served.post(&format!("/calls/{id}/recordings/{recording}/{what}"), &body.to_string()))
    };
    assert_eq!(steer("resume", &json!({})).0, 409, "it is not paused");
    say(&mut call, TONES[0], 600);
    let (status, paused) = steer("pause", mode);
    assert_eq!((status, &paused["pauses"]), (200, &json!(1)), "{paused}");
    say(&mut call, TONES[1], 1_500);
    assert_eq!(steer("pause", mode).1["pauses"], 1, "the same pause");
    let (status, resumed) = steer("resume", &json!({}));
    assert_eq!((status, &resumed["paused"]), (200, &Value::Null), "{resumed}");
    say(&mut call, TONES[2], 600);
    assert_eq!(steer("stop", &json!({})).0, 204);
    wait("its end", || recordings()[0]["state"] == "saved");
    assert_eq!(steer("pause", mode).0, 409, "it is over");
    for (body, status) in [("{}", 404), ("", 404), ("{\"mod\": \"cut\"}", 400), ("{\"mode\": 1}", 400)] {
        let (is, why) = json_of(served.post(&format!("/calls/{id}/recordings/nobody/pause"), body));
        assert!(is == status && why["error"]["message"].is_string(), "{body}: {is} {why}");
    }
    call.hang_up().expect("over");
    let cdr = served.dir.path().join("recordings/cdr.jsonl");
    let line = || {
        std::fs::read_to_string(&cdr).ok().and_then(|text| serde_json::from_str(text.lines().next()?).ok())
    };
    wait("the record", || line().is_some());
    let record: Value = line().expect("a record");
    let (_, view) = json_of(served.get(&format!("/calls/{id}")));
    assert!(view["trace"].to_string().contains("was paused from outside"), "{view}");
    let file = served.switch.recording(&format!("{recording}.wav")).expect("a path").0;
    let sound = audio::read::decode(std::fs::read(file).expect("a file"), Some("wav")).expect("a sound");
    (paused, record["recordings"][0].clone(), sound)
}

const TONES: [u16; 3] = [700, 1_100, 1_500];

#[test]
fn what_is_said_while_a_recording_is_paused_is_silence_in_it_and_the_record_says_how_long() {
    let (paused, record, sound) = paused_at_the_second(&json!({}));
    assert_eq!(paused["paused"], "silence", "{paused}");
    let all = heard(&sound, &TONES);
    let order: Vec<i32> = all.iter().map(|(what, _)| *what).filter(|what| *what >= 0).collect();
    assert_eq!(order, [0, 2], "{all:?}");
    let first = all.iter().position(|(what, _)| *what == 0).expect("the first");
    assert!(all[first + 1].1 > 100, "as long as it was: {all:?}");
    let seconds = record["paused_s"].as_f64().expect("a length");
    assert!(record["pauses"] == 1 && (1.5..5.0).contains(&seconds), "{record}");
}

#[test]
fn what_is_said_while_a_recording_is_paused_may_be_cut_out_of_it() {
    let (paused, record, sound) = paused_at_the_second(&json!({"mode": "cut"}));
    assert_eq!(paused["paused"], "cut", "{paused}");
    let all = heard(&sound, &TONES);
    let order: Vec<i32> = all.iter().map(|(what, _)| *what).filter(|what| *what >= 0).collect();
    assert_eq!(order, [0, 2], "{all:?}");
    let first = all.iter().position(|(what, _)| *what == 0).expect("the first");
    assert!(all[first + 1].1 < 60, "no time for the second: {all:?}");
    assert!(record["pauses"] == 1 && record["paused_s"].as_f64() > Some(1.5), "{record}");
}

/// The sound of a recording that is over, and which of the tones are in it, with the silences between them.
fn tones_of(served: &Served, recording: &str) -> Vec<(i32, usize)> {
    let file = served.switch.recording(&format!("{recording}.wav")).expect("a path").0;
    let sound = audio::read::decode(std::fs::read(file).expect("a file"), Some("wav")).expect("a sound");
    let all = heard(&sound, &TONES);
    let first = all.iter().position(|(what, _)| *what >= 0).expect("a tone");
    let last = all.iter().rposition(|(what, _)| *what >= 0).expect("a tone");
    all[first..=last].to_vec()
}

#[test]
fn the_recording_of_a_conference_is_paused_resumed_and_stopped_by_its_name_and_by_a_call_that_takes_part() {
    let served = served(json!({"actions": [{"type": "CONFERENCE", "params": {"name": "team"}}]}));
    let mut phone = phone(&served);
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    let id = call_of(&served);
    let lead = |body: Value| json_of(served.post("/conferences/team", &body.to_string()));
    let of_call = || json_of(served.get(&format!("/calls/{id}"))).1["recordings"][0].clone();
    let listed = || json_of(served.get("/recordings")).1["recordings"][0].clone();
    let why =
        |(status, body): (u16, Value)| (status, body["error"]["message"].as_str().unwrap_or("").to_owned());
    wait("a room", || served.get("/conferences/team").0 == 200);
    let (status, text) = why(lead(json!({"recording": "paused"})));
    assert!(status == 409 && text.contains("\"team\" is not recorded now"), "{status} {text}");
    for (body, words) in [
        (
            json!({"recording": "stopped"}),
            "recording: invalid value: string \"stopped\", expected true, false or",
        ),
        (json!({"recording": 1}), "recording: invalid type: integer `1`, expected true, false or"),
        (json!({"recording": true, "mode": "cut"}), "mode belongs to a recording that is to be paused"),
        (json!({"mode": "silence"}), "mode belongs to a recording that is to be paused"),
        (json!({"recording": "paused", "mode": "beep"}), "mode: unknown variant `beep`"),
    ] {
        let (status, text) = why(lead(body));
        assert!(status == 400 && text.contains(words), "{status} {text}");
    }
    let (status, room) = lead(json!({"recording": true}));
    assert_eq!((status, &room["recording_paused"]), (200, &Value::Null), "{room}");
    let recording = room["recording"].as_str().expect("an id").to_owned();

    say(&mut call, TONES[0], 600);
    let (status, room) = lead(json!({"recording": "paused"}));
    assert_eq!(
        (status, &room["recording"], &room["recording_paused"]),
        (200, &json!(recording), &json!("silence"))
    );
    say(&mut call, TONES[1], 1_500);
    assert_eq!(json_of(served.get("/conferences/team")).1["recording_paused"], "silence");
    assert_eq!((&listed()["id"], &listed()["paused"]), (&json!(recording), &json!("silence")));
    assert_eq!((&of_call()["paused"], &of_call()["pauses"]), (&json!("silence"), &json!(1)));
    assert_eq!(lead(json!({"recording": true})).1["recording_paused"], Value::Null);
    say(&mut call, TONES[2], 600);

    let steer = |what: &str, body: Value| {
        json_of(served.post(&format!("/calls/{id}/recordings/{recording}/{what}"), &body.to_string()))
    };
    assert_eq!(steer("resume", json!({})).0, 409, "it is not paused");
    let (status, view) = steer("pause", json!({"mode": "cut"}));
    assert_eq!((status, &view["paused"], &view["pauses"]), (200, &json!("cut"), &json!(2)), "{view}");
    say(&mut call, TONES[1], 1_500);
    assert_eq!(listed()["paused"], "cut");
    assert_eq!(steer("resume", json!({})).0, 200);
    assert_eq!(listed()["paused"], Value::Null);
    say(&mut call, TONES[0], 600);
    assert_eq!(steer("stop", json!({})).0, 204);
    // Whoever wants it recorded again has another recording, also where the one before has not ended yet.
    assert_eq!(lead(json!({"recording": true})).0, 200);
    wait("its end", || of_call()["state"] == "saved");
    assert_eq!(steer("pause", json!({})).0, 409, "it is over");
    let next = || json_of(served.get("/conferences/team")).1["recording"].clone();
    wait("another recording", || next().is_string() && next() != json!(recording));

    let all = tones_of(&served, &recording);
    let order: Vec<i32> = all.iter().map(|(what, _)| *what).filter(|what| *what >= 0).collect();
    assert_eq!(order, [0, 2, 0], "{all:?}");
    let gaps: Vec<usize> = all.iter().filter(|(what, _)| *what < 0).map(|(_, count)| *count).collect();
    assert!(
        gaps.len() == 2 && gaps[0] > 100 && gaps[1] < 60,
        "silence as long as it was, and no time: {all:?}"
    );
    call.hang_up().expect("over");
    wait("the record", || !served.switch.recent().is_empty());
    let view = json_of(served.get(&format!("/calls/{id}"))).1;
    let text = view["trace"].to_string();
    for did in ["paused from outside, with silence in its place", "resumed", "paused", "stopped"] {
        assert!(text.contains(&format!("the conference's recording was {did}")), "{text}");
    }
    let paused = view["recordings"][0]["paused_s"].as_f64().expect("a length");
    assert!((3.0..9.0).contains(&paused), "{view}");
}
