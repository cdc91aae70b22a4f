//! Who may call: callers from another machine, and accounts that change while the server runs.
//!
//! A network namespace of its own stands in for the other machine. That needs root and iproute2; where they are missing,
//! the test says so and passes.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use testkit::ear;
use testkit::ua::{Offer, Phone, PhoneError};
use tests::peers::baresip::Baresip;
use tests::peers::capture;
use tests::peers::linphone::Linphone;
use tests::peers::process::Process;
use tests::server::{PASSWORD, Server, Setup, binary};
use tests::wait;

use crate::sound;
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(15);

/// A namespace joined to this one by a pair of interfaces; gone with the value.
struct Elsewhere {
    name: String,
    /// The address in there.
    address: IpAddr,
}

fn ip(line: &str) -> Result<(), String> {
    let output = Command::new("ip").args(line.split(' ')).output().map_err(|error| error.to_string())?;
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("ip {line}: {words}")) }
}

impl Elsewhere {
    fn new() -> Result<Elsewhere, String> {
        let id = std::process::id();
        let name = format!("offhook-{id}");
        // TEST-NET-2 (RFC 5737): no machine has it.
        let (here, there) = ("198.51.100.1", "198.51.100.2");
        ip(&format!("netns add {name}"))?;
        let elsewhere = Elsewhere { name: name.clone(), address: there.parse().expect("an address") };
        let (near, far) = (format!("oh{id}a"), format!("oh{id}b"));
        ip(&format!("link add {near} type veth peer name {far} netns {name}"))?;
        ip(&format!("address add {here}/30 dev {near}"))?;
        ip(&format!("link set {near} up"))?;
        ip(&format!("-n {name} address add {there}/30 dev {far}"))?;
        ip(&format!("-n {name} link set {far} up"))?;
        ip(&format!("-n {name} link set lo up"))?;
        Ok(elsewhere)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The interfaces go with the namespace.
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

#[test]
fn a_caller_from_elsewhere_needs_an_account_and_hears_the_prompt() {
    let elsewhere = match Elsewhere::new() {
        Ok(elsewhere) => elsewhere,
        Err(why) => return println!("skipped: no network namespace ({why})"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!(
        "[sip]\nport = 5070\n[demo]\ncallback_server = \"\"\n[users]\nalice = {{ password = \"{PASSWORD}\" }}\n"
    );
    std::fs::write(folder.path().join("offhook.toml"), config).expect("a config file");
    // All addresses are listened on, as without a configuration.
    let mut server = Process::start(
        "offhook",
        Command::new("ip")
            .args(["netns", "exec", &elsewhere.name])
            .arg(binary())
            .args(["serve", "--config", "offhook.toml"])
            .current_dir(folder.path()),
    );
    server.wait_for("ready", 0, Duration::from_secs(20));
    let sip = SocketAddr::new(elsewhere.address, 5070);

    let mut stranger = Phone::new(sip, "stranger", None).expect("a phone");
    assert!(!stranger.address().ip().is_loopback());
    for number in ["1001", "5555"] {
        match stranger.call(number, Offer::Early, SOON) {
            Err(PhoneError::Refused(401 | 407, _)) => {}
            other => panic!("{number} is not challenged: {other:?}"),
        }
    }
    let mut liar = Phone::new(sip, "alice", Some("wrong")).expect("a phone");
    assert!(liar.call("1001", Offer::Early, SOON).is_err());

    let mut alice = Phone::new(sip, "alice", Some(PASSWORD)).expect("a phone");
    assert_eq!(alice.register(60).expect("an answer"), 200);
    for offer in [Offer::Early, Offer::Late] {
        let mut call = alice.call("1001", offer, SOON).expect("answered");
        assert_eq!(call.answer.media().map(|media| media.ip()), Some(elsewhere.address));
        let contact = call.answer.header("contact").expect("a Contact");
        assert!(contact.contains(&sip.to_string()), "{contact}");
        assert!(call.until_bye(SOON).expect("a call"), "no BYE");
        let heard = call.hang_up().expect("over");
        assert!(ear::sounding(&heard.pcm()) > 0.7, "{} packets", heard.packets);
    }
}

fn registered(server: &Server, user: &str, password: &str) -> u16 {
    let mut phone = Phone::new(server.sip, user, Some(password)).expect("a phone");
    phone.register(60).expect("an answer")
}

#[test]
fn a_reload_takes_new_accounts_new_passwords_and_removals() {
    let say = r#"{"actions":[{"type":"SAY","params":{"text":"Hello."}},{"type":"HANGUP"}]}"#;
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "\"2000\" = \"a.json\"\n".into()),
            ("a.json", say.into()),
            ("users.toml", "[carol]\npassword = \"old\"\n[dave]\npassword = \"same\"\n".into()),
        ],
        ..Setup::default()
    });
    for (user, password) in [("alice", PASSWORD), ("bob", PASSWORD), ("carol", "old"), ("dave", "same")] {
        assert_eq!(registered(&server, user, password), 200, "{user}");
    }
    assert_eq!(registered(&server, "erin", "new"), 401);
    let mut carol = Phone::new(server.sip, "carol", Some("old")).expect("a phone");
    let mut call = carol.call("2000", Offer::Early, SOON).expect("carol may call");
    assert!(call.until_bye(SOON).expect("a call"), "no BYE");

    // The flows directory: carol's password changes, dave goes, erin comes.
    server.write_flow("users.toml", "[carol]\npassword = \"new\"\n[erin]\npassword = \"new\"\n");
    // The configuration: bob goes, frank comes.
    let file = server.folder.path().join("offhook.toml");
    let config = std::fs::read_to_string(&file).expect("a config file");
    std::fs::write(&file, config.replace("bob =", "frank =")).expect("written");
    server.reload();
    wait::until("the new account", SOON, || (registered(&server, "erin", "new") == 200).then_some(()));
    assert_eq!(registered(&server, "frank", PASSWORD), 200);
    assert_eq!(registered(&server, "alice", PASSWORD), 200);
    assert_eq!(registered(&server, "carol", "new"), 200);
    for (user, password) in [("carol", "old"), ("dave", "same"), ("bob", PASSWORD)] {
        assert_eq!(registered(&server, user, password), 401, "{user}");
        let mut phone = Phone::new(server.sip, user, Some(password)).expect("a phone");
        assert!(phone.call("2000", Offer::Early, SOON).is_err(), "{user} may still call");
    }
    // alice and carol with two contacts each, erin and frank with one: what dave and bob had is gone.
    wait::until("six registrations", SOON, || (server.metric("offhook_registrations") == 6.0).then_some(()));
}

#[test]
fn both_digest_algorithms_are_asked_for_and_answered() {
    let server = Server::demo();
    let mut caller = Wire::new(&server, "alice");
    let asked = |caller: &mut Wire, cseq, agent: &str| -> Vec<String> {
        caller.ask("REGISTER", cseq, &format!("User-Agent: {agent}\r\n"), "");
        let answer = caller.answered("REGISTER");
        assert_eq!(answer.status(), Some(401));
        answer.all("www-authenticate").map(str::to_owned).collect()
    };
    let lines = asked(&mut caller, 1, "any");
    assert!(lines.len() == 2 && lines[0].contains("SHA-256") && lines[1].contains("MD5"), "{lines:?}");
    let lines = asked(&mut caller, 2, "baresip v1.0.0");
    assert!(lines.len() == 1 && lines[0].contains("MD5"), "{lines:?}");
    // The scripted phone answers the first, SHA-256; baresip 1 the second.
    let mut phone = Phone::new(server.sip, "alice", Some(PASSWORD)).expect("a phone");
    assert_eq!(phone.register(60).expect("an answer"), 200);
    let mut phone = Baresip::start(&server.address(), "bob", PASSWORD, true, &sound::long_file());
    wait::until("both registrations", SOON, || (server.metric("offhook_registrations") == 2.0).then_some(()));
    phone.hang_up();
}

#[test]
fn a_registered_linphone_is_asked_again_for_a_number_that_is_not_public() {
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "\"2000\" = \"a.json\"\n".into()),
            (
                "a.json",
                r#"{"actions":[{"type":"SAY","params":{"text":"Hello, Alice."}},{"type":"HANGUP"}]}"#.into(),
            ),
        ],
        ..Setup::default()
    });
    let mut phone = Linphone::start();
    phone.register(&server.address(), "alice", PASSWORD, "Ok");
    let capture = phone.call(&server.uri("2000"));
    phone.over(SOON);
    assert!(ear::sounding(&capture::heard(&capture.finish())) > 0.5);
    assert_eq!(server.finished_call("2000").0["user"], "alice");
}
