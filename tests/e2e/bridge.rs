//! Real phones call each other through the release binary: who hears whom, hold, resume, transfers.
//!
//! Each party sends a tone of its own, and what a phone heard is told as a row of letters, one for each stretch.

use std::time::{Duration, Instant};

use audio::Pcm;
use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::capture;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server, Setup};

use crate::sound;

const SOON: Duration = Duration::from_secs(20);
/// The parties' tones.
const TONES: [(char, u16); 3] = [('A', 440), ('B', 800), ('C', 1_200)];

fn server() -> Server {
    let users = format!("carol = {{ password = \"{PASSWORD}\" }}");
    Server::start(Setup { settings: vec![("users", users)], ..Setup::default() })
}

fn phone(server: &Server, user: &str, tone: u16) -> Baresip {
    let before = server.metric("offhook_registrations");
    let phone = Baresip::start(&server.address(), user, PASSWORD, true, &sound::tone_file(tone));
    tests::wait::until("a registration", SOON, || {
        (server.metric("offhook_registrations") > before).then_some(())
    });
    phone
}

fn talk(length: u64) {
    let until = Instant::now() + Duration::from_secs(length);
    tests::wait::until("some talk", SOON, || (Instant::now() > until).then_some(()));
}

/// What was heard: `A` for the first party's tone and so on, `m` for other sound; silence is left out, and so is what
/// is shorter than half a second.
fn heard(pcm: &Pcm) -> String {
    let mut row = String::new();
    let mut last = ('.', 0);
    for window in pcm.samples.chunks(2_000) {
        let window = Pcm::new(pcm.rate, window.to_vec());
        let tone = TONES.iter().find(|(_, hertz)| ear::purity(&window, f32::from(*hertz)) > 0.7);
        let letter = match tone {
            Some((letter, _)) => *letter,
            None if ear::sounding(&window) > 0.1 => 'm',
            None => '.',
        };
        last = if letter == last.0 { (letter, last.1 + 1) } else { (letter, 1) };
        if last.1 == 2 && letter != '.' && !row.ends_with(letter) {
            row.push(letter);
        }
    }
    row
}

fn over(server: &Server) {
    tests::wait::until("the end of all calls", SOON, || {
        let left = ["offhook_calls", "offhook_media_legs", "offhook_sip_sessions", "offhook_tasks"];
        left.iter().all(|name| server.metric(name) == 0.0).then_some(())
    });
}

#[test]
fn two_baresips_talk_hold_and_resume() {
    let server = server();
    let (mut alice, mut bob) = (phone(&server, "alice", 440), phone(&server, "bob", 800));
    alice.dial(&server.uri("bob"));
    alice.wait_for("CALL_ESTABLISHED", SOON);
    bob.wait_for("CALL_ESTABLISHED", SOON);
    talk(3);
    alice.command("hold", "");
    talk(4);
    alice.command("resume", "");
    talk(3);
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    over(&server);
    let view = server.finished_call("bob");
    assert_eq!(heard(&bob.heard()), "AmA", "{:#?}", view.0);
    assert_eq!(heard(&alice.heard()), "B", "{:#?}", view.0);
}

#[test]
fn a_baresip_transfers_its_caller() {
    let server = server();
    let (mut alice, mut bob) = (phone(&server, "alice", 440), phone(&server, "bob", 800));
    let mut carol = phone(&server, "carol", 1_200);
    alice.dial(&server.uri("bob"));
    bob.wait_for("CALL_ESTABLISHED", SOON);
    talk(3);
    bob.command("transfer", &server.uri("carol"));
    carol.wait_for("CALL_ESTABLISHED", SOON);
    bob.wait_for("CALL_CLOSED", SOON);
    talk(3);
    alice.hang_up();
    carol.wait_for("CALL_CLOSED", SOON);
    over(&server);
    let alices = heard(&alice.heard());
    assert!(alices.starts_with('B') && alices.ends_with('C'), "{alices}");
    assert_eq!(heard(&carol.heard()), "A");
}

#[test]
fn a_linphone_transfers_its_caller_to_its_other_call() {
    let server = server();
    let (mut alice, mut carol) = (phone(&server, "alice", 440), phone(&server, "carol", 1_200));
    let mut bob = Linphone::start();
    bob.register(&server.address(), "bob", PASSWORD, "Ok");
    alice.dial(&server.uri("bob"));
    let _at_bob = bob.answer();
    alice.wait_for("CALL_ESTABLISHED", SOON);
    bob.talk(&sound::tone_file(800));
    talk(3);
    bob.command(&format!("call {}", server.uri("carol")));
    carol.wait_for("CALL_ESTABLISHED", SOON);
    bob.wait_for("LinphoneCallStreamsRunning", SOON);
    talk(3);
    bob.command("call-transfer 1 2");
    bob.over(SOON);
    talk(3);
    alice.hang_up();
    carol.wait_for("CALL_CLOSED", SOON);
    over(&server);
    let (alices, carols) = (heard(&alice.heard()), heard(&carol.heard()));
    assert!(alices.starts_with("Bm") && alices.ends_with('C'), "{alices}");
    assert!(carols.ends_with('A'), "{carols}");
}

#[test]
fn two_linphones_talk_and_one_holds_and_resumes_and_transfers() {
    let server = server();
    let mut carol = phone(&server, "carol", 1_200);
    let (mut alice, mut bob) = (Linphone::start(), Linphone::start());
    alice.register(&server.address(), "alice", PASSWORD, "Ok");
    bob.register(&server.address(), "bob", PASSWORD, "Ok");
    alice.command(&format!("call {}", server.uri("bob")));
    let at_bob = bob.answer();
    alice.wait_for("LinphoneCallStreamsRunning", SOON);
    alice.talk(&sound::tone_file(440));
    talk(3);
    alice.command("call-pause");
    alice.wait_for("LinphoneCallPaused", SOON);
    talk(3);
    alice.command("call-resume 1");
    alice.wait_for("LinphoneCallStreamsRunning", SOON);
    alice.talk(&sound::tone_file(440));
    talk(3);
    alice.command(&format!("call-transfer 1 {}", server.uri("carol")));
    carol.wait_for("CALL_ESTABLISHED", SOON);
    talk(3);
    bob.command("terminate");
    carol.wait_for("CALL_CLOSED", SOON);
    over(&server);
    let row = heard(&capture::heard(&at_bob.finish()));
    assert!(row.starts_with("Am") && row.contains("mA") && row.ends_with('C'), "{row}");
}
