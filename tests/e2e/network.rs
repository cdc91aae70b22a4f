//! Callers from another machine: a network namespace of its own stands in for it.
//!
//! Needs root and iproute2; says so and passes where they are missing.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use testkit::ear;
use testkit::ua::{Offer, Phone, PhoneError};
use tests::peers::process::Process;
use tests::server::{PASSWORD, binary};

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
