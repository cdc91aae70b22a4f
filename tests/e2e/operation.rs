//! What an operator does: configure, reload, stop, look.

use std::process::Command;
use std::time::Duration;

use testkit::ua::{Offer, Phone};
use tests::peers::sipp::{Caller, Step};
use tests::server::{Server, Setup, binary};
use tests::wait;

const SOON: Duration = Duration::from_secs(15);

fn say(text: &str) -> String {
    format!(r#"{{"actions":[{{"type":"SAY","params":{{"text":"{text}"}}}},{{"type":"HANGUP"}}]}}"#)
}

#[test]
fn a_reload_takes_new_flows_and_keeps_the_old_one_of_a_broken_file() {
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"a.json\"\n".into()),
            ("a.json", say("Old.")),
        ],
        ..Setup::default()
    });
    server.write_flow("a.json", &say("New."));
    server
        .write_flow("numbers.toml", "defaults.public = true\n\"2000\" = \"a.json\"\n\"2001\" = \"a.json\"\n");
    server.reload();
    wait::until("the new number", SOON, || {
        let mut phone = Phone::new(server.sip, "one", None).expect("a phone");
        phone.call("2001", Offer::Early, SOON).and_then(|mut call| call.until_bye(SOON)).ok()
    });
    assert!(server.finished_call("2001").prompts().contains("New."));

    server.write_flow("a.json", "{ broken");
    server.reload();
    wait::until("the log to name the file", SOON, || {
        server.process.lines().iter().any(|line| line.contains("a.json:1:")).then_some(())
    });
    Caller::new([Step::AwaitBye]).call(&server.address(), "2000").expect_success();
    assert!(
        server.finished_call("2000").prompts().contains("New."),
        "the broken file took the place of the good one"
    );
}

#[test]
fn a_stop_lets_a_call_end_and_takes_no_new_one() {
    let mut server = Server::start(Setup {
        settings: vec![("calls", "drain_s = 20".into())],
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"a.json\"\n".into()),
            (
                "a.json",
                say(
                    "This sentence takes a few seconds, during which the server is told to stop. It does so only when the call is over.",
                ),
            ),
        ],
        ..Setup::default()
    });
    let mut phone = Phone::new(server.sip, "one", None).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("answered");
    call.listen(Duration::from_secs(1)).expect("a call");
    server.process.signal("TERM");
    server.process.wait_for("no more calls are taken", 0, SOON);
    let mut second = Phone::new(server.sip, "two", None).expect("a phone");
    let refused = second.call("2000", Offer::Early, SOON).expect_err("a draining server takes no calls");
    assert!(refused.to_string().contains("503"), "{refused}");
    assert!(call.until_bye(Duration::from_secs(20)).expect("a call"), "the call was not ended by its flow");
    assert!(server.process.wait_exit(SOON).success());
}

#[test]
fn a_stop_says_bye_to_what_does_not_end() {
    let mut server =
        Server::start(Setup { settings: vec![("calls", "drain_s = 1".into())], ..Setup::default() });
    let mut phone = Phone::new(server.sip, "one", None).expect("a phone");
    let mut call = phone.call("9197", Offer::Early, SOON).expect("answered");
    server.process.signal("TERM");
    assert!(call.until_bye(SOON).expect("a call"), "no BYE");
    assert!(server.process.wait_exit(SOON).success());
}

#[test]
fn metrics_are_there_before_anything_happens() {
    let server = Server::demo();
    for name in ["offhook_calls_total", "offhook_calls", "offhook_registrations"] {
        assert_eq!(server.metric(name), 0.0, "{name}");
    }
    Caller::new([Step::AwaitBye]).call(&server.address(), "1001").expect_success();
    server.finished_call("1001");
    assert_eq!(server.metric("offhook_calls_total"), 1.0);
    wait::until("the call to be gone", SOON, || (server.metric("offhook_calls") == 0.0).then_some(()));
}

#[test]
fn a_call_is_traced_by_command_and_by_log() {
    let server = Server::demo();
    Caller::new([Step::AwaitBye]).call(&server.address(), "1001").expect_success();
    let view = server.finished_call("1001");
    let id = view.0["id"].as_str().expect("an id").to_owned();
    let output = Command::new(binary())
        .args(["trace", &id, "--url", &format!("http://{}", server.http)])
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    for expected in ["INVITE", "200 OK", "/actions/0", "Hello, world.", "BYE"] {
        assert!(
            text.contains(expected),
            "{expected} is not in\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(server.process.lines().iter().any(|line| line.contains(&id)), "the log does not name {id}");
}

#[test]
fn a_wrong_setting_names_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("offhook.toml");
    std::fs::write(&file, "[sip]\nport = 5060\nprot = 1\n").expect("written");
    let output =
        Command::new(binary()).args(["config", "check", "--config"]).arg(&file).output().expect("runs");
    assert!(!output.status.success());
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("offhook.toml:3") && text.contains("sip.port"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let first = Server::demo();
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(binary())
        .arg("serve")
        .current_dir(folder.path())
        .env("OFFHOOK_SIP__BIND", "127.0.0.1")
        .env("OFFHOOK_SIP__PORT", first.sip.port().to_string())
        .env("OFFHOOK_HTTP__PORT", "0")
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains(&first.sip.port().to_string()), "{text}");
}

#[test]
fn nothing_is_left_of_calls_that_ended() {
    let server = Server::demo();
    for _ in 0..3 {
        let mut phone = Phone::new(server.sip, "one", None).expect("a phone");
        let call = phone.call("9196", Offer::Early, SOON).expect("answered");
        call.hang_up().expect("hung up");
    }
    wait::until("legs, sessions and transactions to go", Duration::from_secs(45), || {
        let left: f64 =
            ["offhook_calls", "offhook_media_legs", "offhook_sip_sessions", "offhook_sip_transactions"]
                .iter()
                .map(|name| server.metric(name))
                .sum();
        (left == 0.0).then_some(())
    });
}
