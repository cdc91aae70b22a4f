//! Every number of the demo, called by SIPp with real sound and real keys.

use std::time::Duration;

use testkit::ear;
use tests::peers::sipp::{Call, Caller, Step};
use tests::server::{CallView, Server, Setup};

use crate::sound;

fn seconds(number: f64) -> Duration {
    Duration::from_secs_f64(number)
}

fn press(keys: &str) -> Step {
    Step::Press(keys.to_owned())
}

/// Calls `number` of a fresh demo; what SIPp saw and what the server tells.
fn call(number: &str, steps: impl IntoIterator<Item = Step>) -> (Call, CallView) {
    let server = Server::demo();
    let call = Caller::new(steps).call(&server.address(), number);
    call.expect_success();
    let view = server.finished_call(number);
    (call, view)
}

/// Panics unless the caller heard at least `least` seconds of sound, and no packet is missing.
fn heard_speech(call: &Call, least: f64) {
    let sounding = ear::sounding(&call.heard());
    assert!(sounding > least, "{sounding:.1} s of sound in {} packets", call.packets.len());
    let audio: Vec<_> = call.packets.iter().filter(|packet| packet.payload_type == 0).collect();
    for pair in audio.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "a gap in the sequence numbers");
        // A worker that the machine kept from running skips time, but it never plays it twice or out of step.
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step > 0 && step % 160 == 0 && step < 8000, "the timestamp moves by {step}");
    }
    assert!(audio.iter().any(|packet| packet.marker), "no marker at a talk start");
}

#[test]
fn hello_world_is_said_and_hung_up() {
    let (call, view) = call("1001", [Step::AwaitBye]);
    heard_speech(&call, 0.7);
    assert_eq!(view.nodes(), ["/actions/0", "/actions/1"]);
    assert!(view.prompts().contains("Hello, world."), "{}", view.prompts());
    assert_eq!(view.ended().expect("over").1, "flow");
}

#[test]
fn a_goto_skips_what_is_not_reached() {
    let (call, view) = call("1002", [Step::AwaitBye]);
    heard_speech(&call, 5.0);
    assert!(view.prompts().contains("You successfully navigated"), "{}", view.prompts());
    assert!(!view.prompts().contains("You will not reach this"), "{}", view.prompts());
}

#[test]
fn pressing_one_takes_the_branch_for_one() {
    let (call, view) = call("1003", [Step::Listen(seconds(2.0)), press("1"), Step::AwaitBye]);
    heard_speech(&call, 3.0);
    assert_eq!(view.keys(), "1");
    assert!(view.prompts().contains("You pressed 1. Thank you"), "{}", view.prompts());
}

#[test]
fn pressing_two_takes_the_other_branch() {
    let (_, view) = call("1003", [Step::Listen(seconds(2.0)), press("2"), Step::AwaitBye]);
    assert_eq!(view.keys(), "2");
    assert!(view.prompts().contains("You did not press 1"), "{}", view.prompts());
}

#[test]
fn variables_decide_a_condition_with_and_before_or() {
    let (_, view) = call("1004", [Step::Listen(seconds(1.0)), press("1#"), Step::AwaitBye]);
    assert!(view.prompts().contains("You pressed 1, or you are over 21"), "{}", view.prompts());
    let (_, view) = self::call("1004", [Step::Listen(seconds(1.0)), press("2#"), Step::AwaitBye]);
    assert!(view.prompts().contains("You did not press 1 and are not a male"), "{}", view.prompts());
    assert!(view.prompts().contains("Good bye"), "{}", view.prompts());
}

#[test]
fn collected_digits_go_to_the_web_server_and_come_back_as_speech() {
    let server = Server::start(Setup { callback_server: true, ..Setup::default() });
    let call = Caller::new([Step::Listen(seconds(1.5)), press("4071"), Step::AwaitBye])
        .call(&server.address(), "1101");
    call.expect_success();
    heard_speech(&call, 2.0);
    let view = server.finished_call("1101");
    assert_eq!(view.keys(), "4071");
    let http = view.entries("http");
    assert!(http.iter().any(|entry| entry["status"] == 200), "{http:?}");
    assert!(
        http.iter().any(|entry| entry["url"].as_str().is_some_and(|url| url.contains("4071"))),
        "{http:?}"
    );
    assert!(view.prompts().contains('4'), "{}", view.prompts());
}

#[test]
fn office_hours_decide_what_is_heard() {
    let (call, view) = call("1102", [Step::AwaitBye]);
    heard_speech(&call, 1.0);
    assert!(
        view.entries("node")
            .iter()
            .any(|entry| entry["op"].as_str().is_some_and(|op| op.starts_with("Hours"))),
        "{:?}",
        view.0
    );
}

#[test]
fn a_branch_follows_the_key_and_no_key_takes_the_default() {
    let (call, view) = call("1201", [Step::Listen(seconds(9.0)), press("2"), Step::AwaitBye]);
    heard_speech(&call, 10.0);
    assert!(view.prompts().contains("Mama, Just killed a man"), "{}", view.prompts());

    let (_, view) = self::call("1201", [Step::Listen(seconds(22.0))]);
    assert!(view.prompts().contains("Default selected"), "{}", view.prompts());
    assert_eq!(view.ended().expect("over").1, "caller");
}

#[test]
fn a_call_route_takes_keys_and_tells_a_wrong_one() {
    let (call, view) = call(
        "1301",
        [Step::Listen(seconds(1.0)), press("7"), Step::Listen(seconds(4.0)), press("1"), Step::AwaitBye],
    );
    heard_speech(&call, 2.0);
    assert_eq!(view.keys(), "71");
    assert!(view.prompts().contains("reception-invalid"), "{}", view.prompts());
    assert!(view.prompts().contains("reception-sales"), "{}", view.prompts());
}

#[test]
fn a_busy_tone_is_the_right_tone() {
    let (call, _) = call("1301", [Step::Listen(seconds(1.0)), press("9"), Step::AwaitBye]);
    let heard = call.heard();
    let last = ear::segments(&heard, Duration::from_millis(100)).pop().expect("a tone at the end");
    let tone = ear::cut(&heard, last.start, last.end);
    let share = ear::purity(&tone, 480.0) + ear::purity(&tone, 620.0);
    assert!(share > 0.8, "480 + 620 Hz are {share:.2} of the tone at {last:?}");
}

#[test]
fn echo_sends_back_what_was_said() {
    let (call, _) = call("9196", [Step::Talk(sound::sentence_ulaw()), Step::Listen(seconds(5.0))]);
    let likeness = ear::likeness(&ear::cut(&sound::sentence(), 0.0, 3.0), &call.heard());
    assert!(likeness.correlation > 0.9, "{likeness:?}");
}

#[test]
fn a_looped_prompt_plays_without_a_gap() {
    let (call, view) = call("9197", [Step::Listen(seconds(6.0))]);
    heard_speech(&call, 4.0);
    assert_eq!(view.ended().expect("over").1, "caller");
}

#[test]
fn digits_are_read_back_one_by_one() {
    let (call, view) = call(
        "9198",
        [Step::Listen(seconds(1.0)), press("3#"), Step::Listen(seconds(2.5)), press("#"), Step::AwaitBye],
    );
    heard_speech(&call, 1.0);
    assert_eq!(view.keys(), "3##");
    assert!(view.prompts().contains("\"3\""), "{}", view.prompts());
}

#[test]
fn several_digits_are_spoken_apart() {
    let (_, view) = call(
        "9198",
        [Step::Listen(seconds(1.0)), press("407#"), Step::Listen(seconds(4.0)), press("#"), Step::AwaitBye],
    );
    assert!(view.prompts().contains("4 0 7"), "{}", view.prompts());
}

#[test]
fn the_caller_is_recorded_until_hang_up() {
    let server = Server::demo();
    let steps = [Step::Listen(seconds(5.0)), Step::Talk(sound::sentence_ulaw()), Step::Listen(seconds(5.0))];
    Caller::new(steps).call(&server.address(), "9199").expect_success();
    let view = server.finished_call("9199");
    let recorded = view.entries("recorded");
    let id = recorded.last().expect("a recording in the timeline")["id"].as_str().expect("its id").to_owned();
    let file = server.folder.path().join("data/recordings").join(format!("{id}.wav"));
    let pcm = audio::read::decode(std::fs::read(&file).expect("the recording is there"), Some("wav"))
        .expect("a WAV file");
    let likeness = ear::likeness(&ear::cut(&sound::sentence(), 0.0, 3.0), &pcm);
    assert!(likeness.correlation > 0.9, "{likeness:?} in {:.1} s", pcm.duration().as_secs_f64());
}
