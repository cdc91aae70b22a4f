//! Every codec against real phones: heard at its pitch, wide where both ends are wide, and translated where they differ.

use std::time::Duration;

use audio::{Pcm, Rate};
use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::capture;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

use crate::sound::{self, pass};

const SOON: Duration = Duration::from_secs(20);
const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
/// Above all that narrow sound has (ITU-T G.711 ends at 3.4 kHz, its sampling at 4 kHz).
const HIGH: u16 = 5_000;

/// A server with all codecs, and three users.
fn server() -> Server {
    let codecs = "codecs = \"opus, G722, L16/16000, PCMU, PCMA\"".to_owned();
    let users = format!("carol = {{ password = \"{PASSWORD}\" }}");
    Server::start(Setup { settings: vec![("users", users), ("media", codecs)], ..Setup::default() })
}

/// A registered baresip that says `tone`.
fn phone(server: &Server, user: &str, tone: u16, codec: &str) -> Baresip {
    let before = server.metric("offhook_registrations");
    let talks = sound::tone_file_for(codec, tone);
    let phone = Baresip::speaking(&server.address(), user, PASSWORD, &talks, &[codec]);
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") > before).then_some(()));
    phone
}

#[track_caller]
fn hears(heard: &Pcm, tone: u16, whom: &str) {
    assert!(sound::hears(heard, tone), "{whom}: no second of {tone} Hz: {:.2?}", sound::shares(heard, tone));
}

/// The legs' media in words, as long as the call lives.
fn media(server: &Server, number: &str) -> Vec<String> {
    let calls = server.json("/calls");
    let call = calls["calls"].as_array().and_then(|calls| calls.iter().find(|call| call["called"] == number));
    let id = call.and_then(|call| call["id"].as_str()).expect("a call");
    let view = server.call_view(id).0;
    let legs = view["legs"].as_array().expect("legs").iter();
    legs.map(|leg| leg["media"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Calls the echo with one codec and a tone; what came back.
fn echo(codec: &str, tone: u16) -> (Pcm, String) {
    let server = server();
    let mut phone = phone(&server, "alice", tone, codec);
    phone.dial(&server.uri("9196"));
    phone.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(4));
    let words = media(&server, "9196").concat();
    phone.hang_up();
    phone.wait_for("CALL_CLOSED", SOON);
    (phone.heard(), words)
}

#[test]
fn baresip_hears_itself_in_every_codec() {
    for codec in ["opus", "G722", "L16", "PCMU", "PCMA"] {
        let (heard, words) = echo(codec, A);
        assert!(words.to_lowercase().contains(&codec.to_lowercase()), "{codec}: {words}");
        hears(&heard, A, codec);
    }
}

#[test]
fn what_is_high_comes_back_in_wide_codecs_only() {
    for codec in ["opus", "G722", "L16"] {
        let (heard, _) = echo(codec, HIGH);
        hears(&heard, HIGH, codec);
    }
    // A narrow call has no room for it: what a phone makes of it is its own affair.
    assert_eq!(echo("PCMU", HIGH).0.rate, Rate::NARROW);
}

#[test]
fn prompts_are_heard_in_every_codec() {
    for codec in ["opus", "G722", "L16", "PCMA"] {
        let server = server();
        let mut phone = phone(&server, "alice", A, codec);
        phone.dial(&server.uri("1001"));
        phone.wait_for("CALL_CLOSED", SOON);
        let heard = phone.heard();
        assert!(ear::sounding(&heard) > 0.7, "{codec}: {:.1} s of sound", ear::sounding(&heard));
    }
}

#[test]
fn parties_of_different_codecs_hear_each_other() {
    for (one, other) in
        [("opus", "PCMU"), ("PCMA", "opus"), ("G722", "PCMU"), ("opus", "G722"), ("L16", "PCMA")]
    {
        let server = server();
        let (mut alice, mut bob) = (phone(&server, "alice", A, one), phone(&server, "bob", B, other));
        alice.dial(&server.uri("bob"));
        alice.wait_for("CALL_RTPESTAB", SOON);
        bob.wait_for("CALL_RTPESTAB", SOON);
        pass(Duration::from_secs(4));
        let words = media(&server, "bob");
        alice.hang_up();
        bob.wait_for("CALL_CLOSED", SOON);
        hears(&alice.heard(), B, &format!("{one} from {other}: {words:?}"));
        hears(&bob.heard(), A, &format!("{other} from {one}: {words:?}"));
    }
}

#[test]
fn parties_of_one_codec_are_relayed() {
    for codec in ["PCMU", "opus"] {
        let server = server();
        let (mut alice, mut bob) = (phone(&server, "alice", A, codec), phone(&server, "bob", B, codec));
        alice.dial(&server.uri("bob"));
        bob.wait_for("CALL_RTPESTAB", SOON);
        // Reports are a second old at most.
        wait::until("both legs to be relayed", SOON, || {
            media(&server, "bob").iter().all(|words| words.contains("relayed")).then_some(())
        });
        pass(Duration::from_secs(2));
        alice.hang_up();
        bob.wait_for("CALL_CLOSED", SOON);
        hears(&alice.heard(), B, codec);
        hears(&bob.heard(), A, codec);
    }
}

#[test]
fn wide_parties_hear_each_other_wide() {
    for (one, other) in [("opus", "G722"), ("G722", "opus"), ("opus", "opus")] {
        let server = server();
        let (mut alice, mut bob) = (phone(&server, "alice", HIGH, one), phone(&server, "bob", B, other));
        alice.dial(&server.uri("bob"));
        bob.wait_for("CALL_RTPESTAB", SOON);
        pass(Duration::from_secs(4));
        alice.hang_up();
        bob.wait_for("CALL_CLOSED", SOON);
        hears(&bob.heard(), HIGH, &format!("{other} from {one}"));
    }
}

#[test]
fn linphone_with_opus_talks_to_a_phone_that_has_only_g711() {
    let server = server();
    let mut bob = phone(&server, "bob", B, "PCMU");
    let mut alice = Linphone::start();
    alice.register(&server.address(), "alice", PASSWORD, "Ok");
    let ear = alice.call(&server.uri("bob"));
    bob.wait_for("CALL_ESTABLISHED", SOON);
    alice.talk(&sound::tone_file(A));
    pass(Duration::from_secs(4));
    let words = media(&server, "bob");
    alice.command("terminate");
    bob.wait_for("CALL_CLOSED", SOON);
    assert!(words[0].starts_with("opus") && words[1].starts_with("PCMU"), "{words:?}");
    hears(&capture::heard(&ear.finish()), B, "Linphone");
    hears(&bob.heard(), A, "baresip");
}

#[test]
fn three_phones_in_a_conference_each_hear_the_two_others() {
    let server = server();
    let parties = [("alice", A, "opus"), ("bob", B, "PCMU"), ("carol", C, "G722")];
    let mut phones: Vec<Baresip> =
        parties.iter().map(|(user, tone, codec)| phone(&server, user, *tone, codec)).collect();
    for phone in &mut phones {
        phone.dial(&server.uri("9195"));
        phone.wait_for("CALL_RTPESTAB", SOON);
    }
    wait::until("three members", SOON, || (server.metric("offhook_conference_members") == 3.0).then_some(()));
    pass(Duration::from_secs(4));
    let rooms = server.json("/conferences");
    assert_eq!(rooms["conferences"][0]["name"], "demo", "{rooms}");
    assert_eq!(rooms["conferences"][0]["members"].as_array().map(Vec::len), Some(3), "{rooms}");
    for phone in &mut phones {
        phone.hang_up();
        phone.wait_for("CALL_CLOSED", SOON);
    }
    wait::until("the end of the room", SOON, || (server.metric("offhook_conferences") == 0.0).then_some(()));
    for ((user, own, codec), phone) in parties.iter().zip(phones) {
        let heard = phone.heard();
        // The last second in which all three talked: the others leave one after the other.
        let best = |tone: u16| sound::shares(&heard, tone);
        let others: Vec<u16> = parties.iter().map(|party| party.1).filter(|tone| tone != own).collect();
        let both = best(others[0]).into_iter().zip(best(others[1]));
        let together = both.filter(|(one, other)| *one > 0.25 && *other > 0.25 && one + other > 0.85).count();
        assert!(together >= 2, "{user} ({codec}): {:.2?} {:.2?}", best(others[0]), best(others[1]));
        let itself = best(*own).into_iter().fold(0.0, f64::max);
        assert!(itself < 0.05, "{user} hears itself: {itself:.2}");
    }
}
