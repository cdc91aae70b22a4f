//! What is recorded of which leg: from when on, whose voice in which channel, at which rate, and over transfers.

use std::time::Duration;

use crate::rig::{LONG, Rig, trace};
use audio::{Pcm, Rate};
use serde_json::{Value, json};
use switch::{CallView, Happening, Pause, RecordingOrder, RecordingState, RecordingView};
use testkit::ear;
use testkit::receiver::Receiver;
use testkit::ua::Offer;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Records with this data, then calls bob.
fn then_bob(data: Value) -> Value {
    let bob = json!({"module": "user", "data": {"id": "bob", "timeout": 10}, "children": {}});
    json!({"module": "record_call", "data": data, "children": {"_": bob}})
}

/// Alice, who called 700 and talks to bob.
fn talking(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    (alice, bob, call)
}

/// The finished call's recordings.
fn recordings(rig: &Rig) -> (CallView, Vec<RecordingView>) {
    let call = rig.finished();
    let settled = || {
        let all = rig.switch().call(call.id).map(|call| call.recordings).unwrap_or_default();
        all.iter().all(|recording| recording.state != RecordingState::Recording).then_some(all)
    };
    rig.wait("the recordings' ends", || settled().is_some());
    let all = settled().expect("settled");
    (call, all)
}

fn only(rig: &Rig) -> RecordingView {
    let (call, all) = recordings(rig);
    assert_eq!(all.len(), 1, "{}", trace(&call));
    all[0].clone()
}

fn sound(rig: &Rig, recording: &RecordingView) -> Pcm {
    let path = rig.switch().recording(&recording.file).expect("a path").0;
    let kind = path.extension().and_then(|kind| kind.to_str()).map(str::to_owned);
    audio::read::decode(std::fs::read(path).expect("a file"), kind.as_deref()).expect("a sound")
}

/// How much of the end of a sound lies at `hertz`.
fn share(sound: &Pcm, hertz: u16) -> f64 {
    let length = sound.duration().as_secs_f64();
    ear::purity(&ear::cut(sound, length * 0.6, length * 0.95), f32::from(hertz))
}

/// Both channels of a WAV file.
fn channels(rig: &Rig, recording: &RecordingView) -> [Pcm; 2] {
    let bytes = std::fs::read(rig.switch().recording(&recording.file).expect("a path").0).expect("a file");
    assert_eq!(bytes[22], 2, "two channels");
    let samples: Vec<i16> =
        bytes[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let rate = Rate(u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]));
    [0, 1].map(|channel| Pcm::new(rate, samples.iter().skip(channel).step_by(2).copied().collect()))
}

#[test]
fn both_are_in_one_channel_or_each_in_its_own() {
    let rig = Rig::start(&[("700", then_bob(json!({})))]);
    let (alice, bob, call) = talking(&rig);
    alice.hang_up(call);
    assert!(bob.over(0));
    let mixed = sound(&rig, &only(&rig));
    assert!(share(&mixed, A) > 0.2 && share(&mixed, B) > 0.2, "{} {}", share(&mixed, A), share(&mixed, B));
    drop((alice, bob, rig));

    let rig = Rig::with(&[("700", then_bob(json!({})))], |config| config.recordings.stereo = true);
    let (alice, bob, call) = talking(&rig);
    alice.hang_up(call);
    assert!(bob.over(0));
    let [left, right] = channels(&rig, &only(&rig));
    let shares = |side| [share(side, A), share(side, B)];
    let sides = [shares(&left), shares(&right)];
    assert!(sides[0][0] > 0.5 && sides[0][1] < 0.05, "the caller is on the left: {sides:?}");
    assert!(sides[1][1] > 0.5 && sides[1][0] < 0.05, "the callee is on the right: {sides:?}");
}

#[test]
fn what_the_caller_says_to_the_flow_is_recorded_beside_the_whole_call() {
    let bob = json!({"module": "user", "data": {"id": "bob", "timeout": 10}, "children": {}});
    let caller = json!({"module": "record_caller", "data": {"time_limit": 5, "media_name": "reason"},
        "children": {"_": bob}});
    let whole = json!({"module": "record_call", "data": {"media_name": "whole"}, "children": {"_": caller}});
    let rig = Rig::start(&[("700", json!({"module": "answer", "data": {}, "children": {"_": whole}}))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    // Five seconds for her reason.
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    let (view, all) = recordings(&rig);
    let of = |name: &str| all.iter().find(|one| one.id.starts_with(name)).expect("a recording").clone();
    let (reason, whole) = (of("reason-"), of("whole-"));
    assert_eq!(
        (all.len(), reason.state.word(), whole.state.word()),
        (2, "saved", "saved"),
        "{}",
        trace(&view)
    );
    let longer = whole.seconds.zip(reason.seconds).is_some_and(|(whole, reason)| whole > reason + 0.5);
    assert!(longer, "{all:?}");
    let (reason, whole) = (sound(&rig, &reason), sound(&rig, &whole));
    assert!(share(&reason, A) > 0.9, "the caller alone: {}", share(&reason, A));
    let end = ear::cut(&whole, whole.duration().as_secs_f64() - 0.4, whole.duration().as_secs_f64() - 0.1);
    let shares = [A, B].map(|tone| ear::purity(&end, f32::from(tone)));
    assert!(shares.iter().all(|share| *share > 0.2), "both, to the end: {shares:?}");
    rig.nothing_left();
}

#[test]
fn a_recording_from_the_bridge_on_has_nothing_of_what_was_before_it() {
    let data = json!({"record_on_bridge": true, "record_sample_rate": 16_000, "format": "mp3", "label": "sales",
        "origin": "desk 4", "media_name": "talk"});
    let bob = json!({"module": "user", "data": {"id": "bob", "timeout": 10}, "children": {}});
    let record = json!({"module": "record_call", "data": data, "children": {"_": bob}});
    let tone =
        json!({"module": "play", "data": {"id": "tone_stream://%(700,0,1200)"}, "children": {"_": record}});
    let rig = Rig::start(&[("700", json!({"module": "answer", "data": {}, "children": {"_": tone}}))]);
    let (alice, bob, call) = talking(&rig);
    alice.hang_up(call);
    assert!(bob.over(0));
    let recording = only(&rig);
    let notes = [("label", "sales"), ("origin", "desk 4")];
    assert_eq!(recording.notes, notes.map(|(key, text)| (key.to_owned(), text.to_owned())));
    assert!(recording.id.starts_with("talk-") && recording.file.ends_with(".mp3"), "{recording:?}");
    let sound = sound(&rig, &recording);
    assert_eq!(sound.rate, Rate(16_000));
    let early = ear::cut(&sound, 0.0, 0.5);
    assert!(ear::purity(&early, 1_200.0) < 0.05, "the tone before is not in it");
    assert!(share(&sound, A) > 0.2 && share(&sound, B) > 0.2);
}

#[test]
fn a_recording_from_the_answer_on_begins_then_and_changes_no_ringing() {
    for (key, length) in [("record_on_answer", true), ("label", false)] {
        let rig =
            Rig::start(&[("700", then_bob(json!({ key: if length { json!(true) } else { json!("x") } })))]);
        let alice = rig.desk("alice", A, SOON);
        let bob = rig.desk("bob", B, Manner::Ring);
        let call = alice.call("700");
        assert!(bob.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
        assert!(alice.wait(|lines| lines[call].progress.contains(&180)), "{:?}", rig.traces());
        assert!(!alice.line(call, |line| line.progress.contains(&183)), "a recording makes no early media");
        bob.answer(0);
        assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
        bob.hang_up(0);
        assert!(alice.over(call));
        let sound = sound(&rig, &only(&rig));
        assert!(share(&sound, A) > 0.2 && share(&sound, B) > 0.2, "{key}");
    }
}

#[test]
fn a_recording_that_is_too_short_is_thrown_away_and_one_that_never_began_is_none() {
    let server = Receiver::start(|_, _| (201, String::new()));
    let data = json!({"record_min_sec": 60, "url": server.url("/box")});
    let rig = Rig::start(&[("700", then_bob(data)), ("701", then_bob(json!({"record_on_bridge": true})))]);
    let mut events = rig.switch().subscribe();
    let (alice, bob, call) = talking(&rig);
    alice.hang_up(call);
    assert!(bob.over(0));
    let (view, all) = recordings(&rig);
    assert!(trace(&view).contains("is thrown away"), "{all:?}\n{}", trace(&view));
    let [discarded] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((discarded.state.word(), discarded.state.place()), ("discarded", None));
    assert!(discarded.seconds.is_some_and(|seconds| (0.1..60.0).contains(&seconds)), "{discarded:?}");
    rig.wait("the event", || {
        loop {
            match events.try_recv() {
                Ok(event) => match &event.what {
                    Happening::RecordingDiscarded { id, why } => {
                        assert_eq!((id, Some(why.as_str())), (&discarded.id, discarded.state.why()));
                        return true;
                    }
                    Happening::Recorded { .. } | Happening::RecordingFailed { .. } => panic!("{event:?}"),
                    _ => {}
                },
                Err(_) => return false,
            }
        }
    });
    let record = || std::fs::read_to_string(rig.dir.path().join("cdr.jsonl")).unwrap_or_default();
    rig.wait("the call's record", || record().contains("\"discarded\""));
    let left = || std::fs::read_dir(rig.dir.path().join("recordings")).expect("a directory").flatten();
    rig.wait("an empty directory", || left().all(|entry| entry.path().is_dir()));
    assert!(server.got().is_empty());

    bob.behave(Manner::Refuse(486));
    let call = alice.call("701");
    assert!(alice.over(call));
    let (view, all) = recordings(&rig);
    assert!(all.is_empty(), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn a_recording_goes_on_after_a_transfer_unless_it_is_to_end_there() {
    for follows in [true, false] {
        let rig = Rig::start(&[("700", then_bob(json!({ "should_follow_transfer": follows })))]);
        let (alice, bob, call) = talking(&rig);
        let carol = rig.desk("carol", C, SOON);
        let steer = |order| {
            let views = rig.switch().calls();
            let call = views.iter().max_by_key(|call| call.started).expect("a call");
            let steered = rig.switch().steer_recording(call.id, &call.recordings[0].id, order);
            rig.runtime.block_on(steered).expect("it runs")
        };
        let listed = || rig.runtime.block_on(rig.switch().spool()).entries[0].paused;
        if follows {
            steer(RecordingOrder::Pause(Pause::Cut));
            assert_eq!(listed(), Some(Pause::Cut));
        }
        bob.refer(0, "203");
        assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
        if follows {
            assert_eq!(listed(), Some(Pause::Cut));
            assert_eq!(steer(RecordingOrder::Resume).pauses.count, 1);
            assert_eq!(listed(), None);
            (0..2).for_each(|_| drop(alice.listen(call)));
        }
        alice.hang_up(call);
        assert!(carol.over(0) && bob.over(0), "{:?}", rig.traces());
        rig.wait("both ends", || rig.switch().calls().is_empty());
        let mut calls: Vec<CallView> = rig.switch().recent();
        calls.sort_by_key(|call| call.started);
        assert_eq!(calls.len(), 2);
        let of = |call: &CallView| rig.switch().call(call.id).expect("a call").recordings.clone();
        rig.wait("the recordings' ends", || {
            calls.iter().flat_map(of).all(|recording| recording.state.word() == "saved")
        });
        let (first, second) = (of(&calls[0]), of(&calls[1]));
        let carols = share(&sound(&rig, &[&first[..], &second[..]].concat()[0]), C);
        match follows {
            true => {
                assert_eq!((first.len(), &first), (1, &second), "both calls tell of it");
                assert!(first[0].pauses.now.is_none() && first[0].pauses.count == 1, "{first:?}");
                assert!(carols > 0.2, "carol is in it: {carols}; {:#?} {}", first, rig.traces().concat());
            }
            false => {
                assert_eq!((first.len(), second.len()), (1, 0));
                assert!(carols < 0.05, "carol is not in it: {carols}");
            }
        }
    }
}

#[test]
fn a_flow_runs_without_a_call_when_a_recording_is_over() {
    let server = Receiver::start(|_, _| (200, String::new()));
    let after = json!({"actions": [{"type": "webhook_send", "option": {"uri": server.url("/over"), "method": "POST",
        "data_type": "application/json", "data": "{\"of\": \"${voipbin.activeflow.reference_type}\"}"}}]});
    let flow = json!({"actions": [{"type": "answer"},
        {"type": "recording_start", "option": {"format": "ogg", "on_end_flow_id": "900.json"}},
        {"type": "sleep", "option": {"duration": 400}}, {"type": "recording_stop"}, {"type": "hangup"}]});
    let rig = Rig::start(&[("700", flow), ("900", after)]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"));
    let got = server.wait_for(0);
    assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/over"));
    let recording = only(&rig);
    assert!(recording.file.ends_with(".ogg"), "{recording:?}");
    assert_eq!(String::from_utf8_lossy(&got.body), "{\"of\": \"recording\"}");
    rig.nothing_left();
}

#[test]
fn every_recording_is_stored_in_the_bucket_and_perhaps_nowhere_else() {
    let bucket = Receiver::start(|nth, _| match nth {
        0 => (503, String::new()),
        _ => (200, "ETag: \"1\"\r\n".into()),
    });
    let rig = Rig::with(&[("700", then_bob(json!({})))], |config| {
        config.recordings.first_wait = Duration::from_millis(100);
        config.recordings.keep = false;
        config.recordings.bucket = Some(switch::Bucket {
            endpoint: Some(bucket.url("")),
            name: "calls".into(),
            region: "eu-1".into(),
            prefix: "today/".into(),
            key_id: "KEY".into(),
            secret: "s3cret".into(),
        });
    });
    let (alice, bob, call) = talking(&rig);
    alice.hang_up(call);
    assert!(bob.over(0));
    let recording = only(&rig);
    let got = bucket.wait_for(1);
    assert_eq!(got.path, format!("/calls/today/{}", recording.file));
    assert_eq!((got.method.as_str(), got.header("content-type")), ("PUT", "audio/wav"));
    assert!(got.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=KEY/"), "{got:?}");
    assert!(got.body.starts_with(b"RIFF") && got.body.len() > 4_000);
    let place = format!("s3://calls/today/{}", recording.file);
    let call = rig.switch().recent()[0].id;
    rig.wait("that it is there", || {
        rig.switch().call(call).is_some_and(|call| call.recordings[0].state.place() == Some(&place))
    });
    let here = rig.switch().recording(&recording.file).expect("a path").0;
    rig.wait("that it is nowhere else", || !here.exists());
}

#[test]
fn the_record_of_a_call_says_who_hung_up_and_where_its_recording_is() {
    let server = Receiver::start(|_, _| (503, String::new()));
    let data = json!({"url": server.url("/box?key=s3cret"), "label": "sales"});
    let rig = Rig::start(&[("700", then_bob(data))]);
    let (alice, bob, call) = talking(&rig);
    bob.hang_up(0);
    assert!(alice.over(call));
    let view = rig.finished();
    let file = rig.dir.path().join("cdr.jsonl");
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    rig.wait("the record", || read().ends_with('\n'));
    let line: Value = serde_json::from_str(read().lines().next().expect("a line")).expect("JSON");
    assert_eq!((&line["call"], &line["by"]), (&json!(view.id.to_string()), &json!("callee")), "{line}");
    assert!(line["talk_s"].as_f64().is_some_and(|talk| talk > 0.1), "{line}");
    let recording = &line["recordings"][0];
    assert_eq!(
        (&recording["state"], &recording["notes"]["label"]),
        (&json!("waiting"), &json!("sales")),
        "{line}"
    );
    let to = recording["to"].as_str().expect("whereto");
    assert!(to.starts_with(&server.url("/box/")) && !to.contains("s3cret"), "{line}");
    let [first, second] = line["legs"].as_array().expect("legs").as_slice() else { panic!("{line}") };
    assert_eq!((&first["by"], &second["by"]), (&json!("switch"), &json!("far_end")), "{line}");
    assert!(first["mos"].as_f64().is_some_and(|mos| mos > 4.0) && second["talk_s"].is_number(), "{line}");
    // The last file of who lives says that nobody does.
    let alive = rig.dir.path().join("cdr.jsonl.alive");
    let over = format!("\"over\":\"{} ", view.id);
    rig.wait("the note of its end", || {
        std::fs::read_to_string(&alive).is_ok_and(|text| text.contains(&over))
    });
}
