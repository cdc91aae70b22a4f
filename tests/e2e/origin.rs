//! Calls that begin here: `offhook call` and `POST /calls`, with baresip at both ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::server::{Server, Setup, binary};
use tests::wait;

use crate::party::{hears, phone};
use crate::sound::pass;

const SOON: Duration = Duration::from_secs(15);
const ALICE: u16 = 440;
const BOB: u16 = 700;

/// `offhook call` with these words.
fn call(server: &Server, words: &[&str]) -> Child {
    Command::new(binary())
        .arg("call")
        .args(words)
        .args(["--url", &format!("http://{}", server.http)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("offhook call")
}

/// What it said, and its exit status.
fn told(mut child: Child) -> (Vec<String>, Option<i32>) {
    let out = child.stdout.take().expect("its output");
    let mut lines: Vec<String> = BufReader::new(out).lines().map_while(Result::ok).collect();
    let errors = child.stderr.take().expect("its errors");
    lines.extend(BufReader::new(errors).lines().map_while(Result::ok));
    (lines, child.wait().expect("its end").code())
}

#[test]
fn click_to_call_rings_one_then_the_other_and_tells_how_it_goes() {
    let server = Server::demo();
    let (mut alice, mut bob) = (phone(&server, "alice", ALICE), phone(&server, "bob", BOB));
    let command = call(&server, &["alice", "bob"]);
    alice.accept();
    bob.accept();
    alice.wait_for("CALL_RTPESTAB", SOON);
    bob.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(3));
    bob.hang_up();
    alice.wait_for("CALL_CLOSED", SOON);
    let (lines, status) = told(command);
    assert_eq!(status, Some(0), "{lines:#?}");
    let said = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}");
    said(": calling alice");
    said("alice answered; calling bob");
    said("bob answered; connected");
    said("hung up, by the callee");
    hears(&alice.heard(), BOB);
    hears(&bob.heard(), ALICE);
    let view = server.json("/calls")["calls"][0].clone();
    assert_eq!(
        (view["direction"].as_str(), view["state"].as_str()),
        (Some("outbound"), Some("ended")),
        "{view}"
    );
}

#[test]
fn the_exit_status_tells_who_was_not_reached() {
    let server = Server::demo();
    let (mut alice, mut bob) = (phone(&server, "alice", ALICE), phone(&server, "bob", BOB));
    let command = call(&server, &["alice", "bob"]);
    alice.wait_for("CALL_INCOMING", SOON);
    alice.hang_up();
    let (lines, status) = told(command);
    assert_eq!(status, Some(1), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("alice did not answer: ")), "{lines:#?}");

    let command = call(&server, &["alice", "bob"]);
    alice.accept();
    bob.wait_for("CALL_INCOMING", SOON);
    bob.hang_up();
    let (lines, status) = told(command);
    assert_eq!(status, Some(3), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("bob was not reached: ")), "{lines:#?}");

    let (lines, status) = told(call(&server, &["nobody", "bob"]));
    assert_eq!(status, Some(2), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("nobody can be rung at \"nobody\"")), "{lines:#?}");
}

#[test]
fn a_flow_runs_on_whoever_answers_and_the_call_can_be_hung_up_from_outside() {
    let echo = r#"{"actions": [{"type": "echo", "option": {"duration": 60000}}]}"#;
    let server = Server::start(Setup { flows: vec![("echo.json", echo.to_owned())], ..Setup::default() });
    let mut alice = phone(&server, "alice", ALICE);
    let (lines, status) = told(call(&server, &["alice", "--flow", "echo.json", "--detach"]));
    assert_eq!((status, lines.len()), (Some(0), 1), "{lines:#?}");
    alice.accept();
    alice.wait_for("CALL_RTPESTAB", SOON);
    pass(Duration::from_secs(3));
    let id = lines.first().expect("a name");
    let url = format!("http://{}/calls/{id}", server.http);
    assert_eq!(ureq::delete(&url).call().expect("a reply").status().as_u16(), 204);
    alice.wait_for("CALL_CLOSED", SOON);
    hears(&alice.heard(), ALICE);
    wait::until("its end", SOON, || (server.call_view(id).ended()?.1 == "server").then_some(()));
}
