//! Constructs of the four dialects that the demo does not reach, on real calls: what a phone hears, gets and is refused
//! with.

use std::time::Duration;

use audio::Pcm;
use serde_json::{Value, json};
use testkit::ear::{self, Segment};
use testkit::ua::{Call, Heard, Offer, Phone, PhoneError};
use tests::server::{CallView, Server, Setup};
use tests::web::{Answer, Web};

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server whose number 2000 runs `flow`.
fn serving(flow: &Value) -> Server {
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", flow.to_string()),
        ],
        ..Setup::default()
    })
}

/// Calls 2000; what the phone heard once `script` is through and the call is over.
fn call(server: &Server, script: impl FnOnce(&mut Call<'_>)) -> (Heard, CallView) {
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("an answer");
    script(&mut call);
    let heard = call.hang_up().expect("the end of the call");
    (heard, server.finished_call("2000"))
}

fn until_bye(call: &mut Call<'_>) {
    assert!(call.until_bye(Duration::from_secs(20)).expect("a call"), "no BYE");
}

fn refusal(server: &Server) -> (u16, String) {
    let mut phone = Phone::new(server.sip, "caller", None).expect("a phone");
    match phone.call("2000", Offer::Early, SOON) {
        Err(PhoneError::Refused(status, phrase)) => (status, phrase.trim().to_owned()),
        other => panic!("the call is not refused: {other:?}"),
    }
}

fn sounds(heard: &Heard) -> Vec<Segment> {
    ear::segments(&heard.pcm(), ms(150))
}

/// The recording that the timeline tells of, once it is closed.
fn recording(server: &Server, view: &CallView) -> Pcm {
    let id = view.entries("recorded").last().expect("a recording")["id"].as_str().expect("its id").to_owned();
    let file = server.folder.path().join("data/recordings").join(format!("{id}.wav"));
    audio::read::decode(std::fs::read(&file).expect("the file"), Some("wav")).expect("a WAV file")
}

#[test]
fn keys_that_a_flow_sends_arrive_as_telephone_events() {
    let server = serving(&json!({ "actions": [
        { "type": "answer" },
        { "type": "sleep", "option": { "duration": 300 } },
        { "type": "digits_send", "option": { "digits": "129A#", "duration": 150, "interval": 100 } },
        { "type": "hangup" } ] }));
    let (heard, view) = call(&server, until_bye);
    assert_eq!(heard.keys, "129A#", "{:?}", view.0);
}

#[test]
fn a_beep_a_sleep_and_a_goto_with_a_count_are_heard_in_their_lengths() {
    let server = serving(&json!({ "actions": [
        { "type": "answer" },
        { "type": "sleep", "option": { "duration": 200 } },
        { "id": "again", "type": "beep" },
        { "type": "sleep", "option": { "duration": 700 } },
        { "type": "goto", "option": { "target_id": "again", "loop_count": 2 } },
        { "type": "hangup" } ] }));
    let (heard, _) = call(&server, until_bye);
    let beeps = sounds(&heard);
    assert_eq!(beeps.len(), 3, "two jumps make three rounds: {beeps:?}");
    for beep in &beeps {
        assert!((beep.length() - 0.5).abs() < 0.1, "{beeps:?}");
        let middle = ear::cut(&heard.pcm(), beep.start + 0.1, beep.end - 0.1);
        assert!(ear::purity(&middle, 1000.0) > 0.9, "no beep of 1000 Hz");
    }
    for pair in beeps.windows(2) {
        assert!((pair[1].start - pair[0].start - 1.2).abs() < 0.15, "half a second and 700 ms: {beeps:?}");
    }
}

#[test]
fn a_recording_in_the_background_holds_what_was_said_between_start_and_stop() {
    let server = serving(&json!({ "actions": [
        { "type": "answer" },
        { "type": "recording_start", "option": { "format": "wav" } },
        { "type": "sleep", "option": { "duration": 3000 } },
        { "type": "recording_stop" },
        { "type": "talk", "option": { "text": "${voipbin.recording.filenames}", "language": "en-US" } },
        { "type": "hangup" } ] }));
    let sentence = sound::sentence();
    let (_, view) = call(&server, |call| {
        call.talk(&ear::cut(&sentence, 0.0, 2.5)).expect("talked");
        until_bye(call);
    });
    let recorded = recording(&server, &view);
    let length = recorded.duration().as_secs_f64();
    assert!((length - 3.0).abs() < 0.4, "{length:.2} s");
    let likeness = ear::likeness(&ear::cut(&sentence, 0.0, 2.0), &recorded);
    assert!(likeness.correlation > 0.9, "{likeness:?}");
    assert!(view.prompts().contains(".wav"), "the file has no name: {}", view.prompts());
}

#[test]
fn a_key_stops_a_talk_that_lets_it_and_counts_for_the_next_receive() {
    let long = "This is a long text that nobody wants to hear to its end, and so they press a key at once.";
    let server = serving(&json!({ "actions": [
        { "type": "talk", "option": { "text": long, "language": "en-US", "digits_handle": "next" } },
        { "type": "digits_receive", "option": { "duration": 3000, "length": 2 } },
        { "type": "branch", "option": { "target_ids": { "42": "right" }, "default_target_id": "wrong" } },
        { "id": "wrong", "type": "hangup" },
        { "id": "right", "type": "beep" },
        { "type": "hangup" } ] }));
    let (_, view) = call(&server, |call| {
        call.listen(ms(700)).expect("a call");
        call.press("42").expect("pressed");
        until_bye(call);
    });
    assert!(view.nodes().contains(&"/actions/4".to_owned()), "{:?}", view.0);
}

#[test]
fn foreach_says_each_and_a_redirect_is_seen_from_its_own_address() {
    let web = Web::start(|asked| match asked.uri.split('?').next() {
        Some("/flows/start") => Answer::json(json!({ "actions": [
            { "$list": "['ab', 'cd', 'ef']" },
            { "type": "FOREACH", "params": { "iterator": "$list" }, "then": [
                { "type": "SAY", "params": { "text": "${val}" } } ] },
            { "type": "REDIRECT", "params": { "url": "next?from=${callerNo}", "method": "GET" } },
            { "type": "SAY", "params": { "text": "never" } } ] })),
        Some("/flows/next") => Answer::json(
            json!({ "actions": [ { "type": "SAY", "params": { "text": "next" } }, { "type": "HANGUP" } ] }),
        ),
        _ => Answer::json("{}"),
    });
    let server = serving(&json!({ "callback": {
        "method": "POST", "url": web.url("/flows/start?a=1"), "content_type": "application/json" } }));
    let (_, view) = call(&server, until_bye);
    let said = view.prompts();
    let order: Vec<Option<usize>> = ["ab", "cd", "ef", "next"].iter().map(|word| said.find(word)).collect();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{said}");
    assert!(!said.contains("never"), "{said}");
    assert!(
        web.asked().iter().any(|asked| asked.uri.starts_with("/flows/next?from=caller&")),
        "{:#?}",
        web.asked()
    );
}

#[test]
fn a_record_ends_with_its_key_and_the_next_callback_names_it() {
    let web = Web::start(|asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        match body["type"].as_str() {
            Some("init_call") => Answer::json(json!({ "actions": [
                { "type": "RECORD", "name": "greeting", "params": { "finish_on_key": "star", "max_length": 20000 } } ] })),
            _ => Answer::json(json!({ "actions": [ { "type": "HANGUP" } ] })),
        }
    });
    let server = serving(&json!({ "callback": {
        "method": "POST", "url": web.url("/voice"), "content_type": "application/json" } }));
    let sentence = sound::sentence();
    let (heard, view) = call(&server, |call| {
        call.listen_until_quiet(ms(300), SOON).expect("a beep");
        call.talk(&ear::cut(&sentence, 0.0, 2.0)).expect("talked");
        call.press("#*").expect("pressed");
        until_bye(call);
    });
    assert!(
        sounds(&heard).first().is_some_and(|beep| (beep.length() - 0.5).abs() < 0.1),
        "{:?}",
        sounds(&heard)
    );
    let likeness = ear::likeness(&ear::cut(&sentence, 0.2, 1.8), &recording(&server, &view));
    assert!(likeness.correlation > 0.9, "{likeness:?}");
    let told = web.wait_for("live_call", |asked| asked.body.contains("\"live_call\""));
    let told: Value = serde_json::from_str(&told.body).expect("JSON");
    let recordings = told["recordings"].as_array().expect("a list");
    assert_eq!(recordings.len(), 1, "{told}");
    let names: Vec<&String> = recordings[0].as_object().expect("an object").keys().collect();
    assert_eq!(names, ["name", "id"], "{told}");
    assert_eq!(recordings[0]["name"], "greeting");
}

#[test]
fn stop_keeps_the_call_until_the_caller_hangs_up() {
    let server = serving(&json!({ "actions": [
        { "type": "SAY", "params": { "text": "Hold on." } }, { "type": "STOP" },
        { "type": "SAY", "params": { "text": "Never." } } ] }));
    let (_, view) = call(&server, |call| {
        call.listen(ms(2500)).expect("a call");
        assert!(!call.is_over(), "STOP hung up");
    });
    assert_eq!(view.ended().expect("over").1, "caller");
    assert!(!view.prompts().contains("Never."), "{}", view.prompts());
}

#[test]
fn a_rejected_call_is_busy_or_declined() {
    for (reason, status) in [("busy", 486), ("rejected", 603)] {
        let server = serving(&json!({ "actions": [ { "type": "REJECT", "params": { "reason": reason } } ] }));
        assert_eq!(refusal(&server).0, status, "{reason}");
    }
}

#[test]
fn a_response_refuses_with_its_code_and_message() {
    let cases = [
        (json!({ "code": "486", "message": "User Busy" }), (486, "User Busy")),
        (json!({ "code": 404 }), (404, "Not Found")),
        (json!({ "media": "tone_stream://%(300,0,440)" }), (486, "Busy Here")),
    ];
    for (data, (status, phrase)) in cases {
        let server = serving(&json!({ "module": "response", "data": data, "children": {} }));
        assert_eq!(refusal(&server), (status, phrase.to_owned()), "{data}");
    }
}

#[test]
fn a_menu_takes_a_second_try_and_then_the_child_of_the_key() {
    let beep = |hertz: u16| json!({ "module": "play", "data": { "id": format!("tone_stream://%(400,0,{hertz})") }, "children": {} });
    let server = serving(&json!({
        "numbers": ["2000"],
        "menus": { "main": { "retries": 2, "timeout": 3000, "media": {
            "greeting": "tone_stream://%(300,0,350)", "invalid_media": "tone_stream://%(300,0,500)", "exit_media": false } } },
        "flow": { "module": "menu", "data": { "id": "main" }, "children": { "1": beep(1000), "2": beep(2000) } } }));
    let (heard, view) = call(&server, |call| {
        call.listen_until_quiet(ms(300), SOON).expect("a greeting");
        call.press("7").expect("pressed");
        call.listen_until_quiet(ms(300), SOON).expect("the invalid tone and the greeting");
        call.press("2").expect("pressed");
        until_bye(call);
    });
    let last = *sounds(&heard).last().expect("sounds");
    let last = ear::cut(&heard.pcm(), last.end - 0.35, last.end - 0.05);
    assert!(ear::purity(&last, 2000.0) > 0.9, "not the child of 2: {:?}", view.0);
    assert!(view.nodes().contains(&"/flow/children/2".to_owned()), "{:?}", view.nodes());
}

#[test]
fn collect_ends_at_its_terminator_and_leaves_it_out() {
    let web = Web::start(|_| Answer::json(json!({ "module": "hangup", "data": {} })));
    let server = serving(&json!({ "module": "collect_dtmf",
        "data": { "max_digits": 8, "timeout": 8000, "interdigit_timeout": 8000, "terminators": ["*"], "collection_name": "pin" },
        "children": { "_": { "module": "pivot", "data": { "voice_url": web.url("/collected") }, "children": {} } } }));
    call(&server, |call| {
        call.listen(ms(300)).expect("a call");
        call.press("12#3*").expect("pressed");
        assert!(call.until_bye(Duration::from_secs(5)).expect("a call"), "the terminator did not end it");
    });
    let asked = web.asked().remove(0).uri;
    assert!(asked.contains("Digits%5Bpin%5D=12%233"), "{asked}");
}

#[test]
fn record_caller_ends_at_any_key_and_sends_its_file() {
    let web = Web::start(|_| Answer::json("{}"));
    let server = serving(&json!({ "module": "record_caller",
        "data": { "format": "wav", "url": web.url("/box"), "time_limit": 30 },
        "children": { "_": { "module": "play", "data": { "id": "tone_stream://%(300,0,600)" }, "children": {} } } }));
    let sentence = sound::sentence();
    let (heard, view) = call(&server, |call| {
        call.listen_until_quiet(ms(300), SOON).expect("a beep");
        call.talk(&ear::cut(&sentence, 0.0, 2.0)).expect("talked");
        call.press("5").expect("pressed");
        until_bye(call);
    });
    let likeness = ear::likeness(&ear::cut(&sentence, 0.2, 1.8), &recording(&server, &view));
    assert!(likeness.correlation > 0.9, "{likeness:?}");
    assert_eq!(sounds(&heard).len(), 2, "a beep before and a tone after: {:?}", sounds(&heard));
    let sent = web.wait_for("the recording", |asked| asked.method == "PUT");
    assert!(sent.uri.starts_with("/box/call_recording_") && sent.uri.ends_with(".wav"), "{}", sent.uri);
}

#[test]
fn a_call_route_goes_on_at_timeout_and_at_invalid() {
    let route = json!({
        "a": { "module": "start", "next": "b" },
        "b": { "module": "pressextension", "duration": 1, "next": { "1": "busy", "invalid": "again", "timeout": "b2" } },
        "b2": { "module": "pressextension", "duration": 8, "next": { "1": "busy", "invalid": "busy", "timeout": "again" } },
        "again": { "module": "busy", "duration": 5 },
        "busy": { "module": "busy", "duration": 1 } });
    let server = serving(&route);
    let (heard, view) = call(&server, |call| {
        // Nobody presses a key at the first, and a wrong one at the second.
        call.listen(ms(1800)).expect("a call");
        call.press("9").expect("pressed");
        until_bye(call);
    });
    assert_eq!(view.nodes(), ["/a", "/b", "/b2", "/busy", "/busy"], "{:?}", view.0);
    let tone = sounds(&heard).first().copied().expect("a busy tone");
    let tone = ear::cut(&heard.pcm(), tone.start + 0.05, tone.end - 0.05);
    let purity = ear::purity(&tone, 480.0) + ear::purity(&tone, 620.0);
    assert!(purity > 0.9, "no busy tone: {purity:.2}");
}

#[test]
fn a_menu_hunts_down_the_extension_that_is_typed() {
    let menu = json!({ "module": "menu", "data": { "hunt": true, "hunt_allow": "^3", "max_extension_length": 3,
            "media": { "greeting": "tone_stream://%(300,0,350)" } },
        "children": { "_": { "module": "play", "data": { "id": "tone_stream://%(300,0,2000)" }, "children": {} } } });
    let extension = json!({ "numbers": ["301"], "flow":
        { "module": "play", "data": { "id": "tone_stream://%(300,0,1000)" }, "children": {} } });
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"menu.json\"\n".into()),
            ("menu.json", menu.to_string()),
            ("extension.json", extension.to_string()),
        ],
        ..Setup::default()
    });
    let (heard, view) = call(&server, |call| {
        call.listen_until_quiet(ms(300), SOON).expect("a greeting");
        call.press("301").expect("pressed");
        until_bye(call);
    });
    // The extension's tone, and then the one after the menu: the two stand together.
    let last = *sounds(&heard).last().expect("sounds");
    let part = |from: f64, to: f64| ear::cut(&heard.pcm(), from, to);
    assert!(ear::purity(&part(last.start + 0.05, last.start + 0.25), 1000.0) > 0.9, "{:?}", view.0);
    assert!(ear::purity(&part(last.end - 0.25, last.end - 0.05), 2000.0) > 0.9, "{:?}", view.0);
}

#[test]
fn a_reply_that_is_huge_or_nested_without_end_takes_the_error_edge() {
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(10 << 20));
    let nested = "{\"module\":\"answer\",\"data\":{},\"children\":{\"_\":".repeat(20_000);
    for body in [huge, nested] {
        let web = Web::start(move |_| Answer::json(&body));
        let server = serving(
            &json!({ "module": "pivot", "data": { "voice_url": web.url("/pivot") }, "children": { "_":
            { "module": "play", "data": { "id": "tone_stream://%(300,0,600)" }, "children": {} } } }),
        );
        let (heard, view) = call(&server, until_bye);
        assert_eq!(sounds(&heard).len(), 1, "{:?}", view.0);
        assert!(view.nodes().contains(&"/children/_".to_owned()), "{:?}", view.nodes());
    }
}
