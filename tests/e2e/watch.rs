//! What phones watch: mailboxes and presence.

use std::time::Duration;

use testkit::ua::{Message, digest};
use tests::peers::baresip::Baresip;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server};
use tests::wait;

use crate::sound;
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(15);

#[test]
fn linphone_publishes_and_watches_and_gets_clean_replies() {
    let server = Server::demo();
    let phone = Linphone::publishing(&server.address(), "alice", PASSWORD, &server.uri("bob"));
    wait::until("clean replies to PUBLISH and SUBSCRIBE", SOON, || {
        let log = phone.log();
        let clean = |method: &str| answers(&log, method).contains(&200);
        (clean("PUBLISH") && clean("SUBSCRIBE") && log.contains("NOTIFY sip:")).then_some(())
    });
    let log = phone.log();
    for method in ["PUBLISH", "SUBSCRIBE"] {
        let answers = answers(&log, method);
        assert!(answers.iter().all(|status| matches!(status, 200 | 401 | 407)), "{method}: {answers:?}");
    }
}

/// The statuses that requests of this method were answered with, in a log of messages.
fn answers(log: &str, method: &str) -> Vec<u16> {
    let mut status: Option<u16> = None;
    let mut out = Vec::new();
    for line in log.lines() {
        if let Some(rest) = line.split("SIP/2.0 ").nth(1).filter(|_| line.starts_with("SIP/2.0 ")) {
            status = rest.get(..3).and_then(|code| code.parse().ok());
        } else if line.starts_with("CSeq:") && line.trim_end().ends_with(method) {
            out.extend(status.take());
        }
    }
    out
}

/// Subscribes to `package` of the watcher's number as bob, who is asked for his password.
fn subscribe(watcher: &mut Wire, server: &Server, number: &str, package: &str) {
    let event = format!("Event: {package}\r\nExpires: 300\r\n");
    watcher.ask("SUBSCRIBE", 1, &event, "");
    let asked = watcher.answered("SUBSCRIBE");
    assert_eq!(asked.status(), Some(401));
    let challenge = asked.header("www-authenticate").expect("a challenge");
    let proof = digest::answer(challenge, "SUBSCRIBE", &server.uri(number), "bob", PASSWORD).expect("known");
    watcher.ask("SUBSCRIBE", 2, &format!("{event}Authorization: {proof}\r\n"), "");
    let taken = watcher.wait_for("the answer", |message| {
        message.status().is_some_and(|status| status >= 200) && message.header("cseq") == Some("2 SUBSCRIBE")
    });
    assert_eq!((taken.status(), taken.header("expires")), (Some(200), Some("300")));
}

/// The next NOTIFY with this in its body; all are answered.
fn told(watcher: &Wire, text: &str) -> Message {
    watcher.wait_for(text, |message| {
        let notify = message.method() == Some("NOTIFY");
        if notify {
            watcher.send(&message.reply("200 OK", ""));
        }
        notify && message.body.contains(text)
    })
}

#[test]
fn a_mailbox_is_watched_by_its_owner() {
    let server = Server::demo();
    let mut owner = Wire::new(&server, "bob");
    subscribe(&mut owner, &server, "bob", "message-summary");
    let first = told(&owner, "Messages-Waiting: no");
    assert!(first.header("subscription-state").is_some_and(|state| state.starts_with("active")), "{first:?}");
}

#[test]
fn a_lamp_shows_a_call_that_rings_is_answered_and_ends() {
    let server = Server::demo();
    let mut lamp = Wire::new(&server, "alice");
    subscribe(&mut lamp, &server, "alice", "dialog");
    let first = told(&lamp, "state=\"full\"");
    assert!(!first.body.contains("<dialog "), "{}", first.body);
    let mut alice = Baresip::by_hand(&server.address(), "alice", PASSWORD, &sound::tone_file(440));
    let mut bob = Baresip::start(&server.address(), "bob", PASSWORD, true, &sound::tone_file(700));
    wait::until("both phones to be there", SOON, || {
        (server.metric("offhook_registrations") == 2.0).then_some(())
    });
    bob.dial(&server.uri("alice"));
    let early = told(&lamp, "<state>early</state>");
    assert!(early.body.contains("direction=\"recipient\""), "{}", early.body);
    alice.accept();
    told(&lamp, "<state>confirmed</state>");
    alice.wait_for("CALL_ESTABLISHED", SOON);
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    told(&lamp, "<state>terminated</state>");
}
