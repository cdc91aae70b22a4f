//! Trunks with SIPp as the carrier: what providers do that phones do not, and who hears whom meanwhile.
//!
//! The scenarios stand in `tests/sipp`; each checks what we say, and a phone of ours checks what is heard.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::rig::{Rig, end, trace};
use serde_json::{Value, json};
use testkit::ua::desk::{Desk, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(200));

/// SIPp with a scenario; killed with the test.
struct Sipp {
    child: Child,
    port: u16,
    home: tempfile::TempDir,
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sipp {
    /// A carrier that waits for a call.
    fn waits(scenario: &str) -> Sipp {
        let sipp = Sipp::start(scenario, "127.0.0.1", &[]);
        let deadline = Instant::now() + crate::rig::LONG;
        while UdpSocket::bind(("127.0.0.1", sipp.port)).is_ok() {
            assert!(Instant::now() < deadline, "SIPp does not listen");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        sipp
    }

    /// A carrier at 127.0.0.2 that calls this number.
    fn calls(scenario: &str, rig: &Rig, number: &str) -> Sipp {
        Sipp::start(scenario, "127.0.0.2", &["-s", number, &rig.address().to_string()])
    }

    fn start(scenario: &str, address: &str, more: &[&str]) -> Sipp {
        let home = tempfile::tempdir().expect("a directory");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sipp").join(scenario);
        let file: PathBuf = file.canonicalize().expect("a scenario");
        let (port, media) = (free(address), free(address));
        let mut sipp = Command::new("sipp");
        sipp.arg("-sf").arg(file).args(["-i", address, "-mi", address, "-rtp_echo", "-m", "1"]);
        sipp.args([
            "-nostdin",
            "-timeout",
            "60",
            "-trace_err",
            "-error_file",
            "errors",
            "-trace_msg",
            "-message_file",
            "messages",
        ]);
        sipp.args(["-p", &port.to_string(), "-mp", &media.to_string()]).args(more);
        sipp.current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        Sipp { child: sipp.spawn().expect("SIPp (apt-get install sip-tester)"), port, home }
    }

    /// A trunk's table, with these settings.
    fn trunk(&self, more: &str) -> String {
        format!("[acme]\nserver = \"sip:127.0.0.1:{}\"\nping = 0\n{more}\n", self.port)
    }

    /// How many messages have come with these words.
    fn received(&self, words: &str) -> usize {
        let messages = std::fs::read_to_string(self.home.path().join("messages")).unwrap_or_default();
        messages.split("message received").skip(1).filter(|message| message.contains(words)).count()
    }

    /// Waits until its call is over, as its scenario has it.
    fn done(&mut self, rig: &Rig) {
        let mut status = None;
        let deadline = Instant::now() + Duration::from_secs(40);
        while status.is_none() {
            assert!(Instant::now() < deadline, "SIPp goes on; {:?}", rig.traces());
            status = self.child.try_wait().expect("a child");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let errors = std::fs::read_to_string(self.home.path().join("errors")).unwrap_or_default();
        assert!(status.is_some_and(|status| status.success()), "{errors}\n{}", rig.traces().concat());
    }
}

/// A port that is free, with the next ones.
fn free(address: &str) -> u16 {
    let base = 20_000 + fastrand::u16(..2_000) * 4;
    let fits = |port: &u16| (0..4).all(|more| UdpSocket::bind((address, port + more)).is_ok());
    (0..1_000).map(|at| base + at * 4).find(fits).expect("a free port")
}

/// A switch with this trunk, and alice, who calls outside.
fn rig(trunk: &str, change: impl FnOnce(&mut switch::Config)) -> (Rig, Desk) {
    let rig = Rig::with(&[], change);
    rig.reload(&[], trunk);
    let alice = rig.desk("alice", A, SOON);
    (rig, alice)
}

/// How often these words are in the last call's timeline.
fn count(rig: &Rig, words: &str) -> usize {
    rig.traces().concat().matches(words).count()
}

#[test]
fn a_carrier_changes_codecs_asks_for_offers_and_is_refused_and_the_two_talk_on() {
    let mut carrier = Sipp::waits("carrier-changes.xml");
    let (rig, alice) = rig(&carrier.trunk(""), |_| {});
    let call = alice.call("+4722334455");
    // Who speaks hears himself: the carrier sends back what comes.
    assert!(alice.up(call) && alice.hears_tone(call, A), "{:?}", rig.traces());
    for answers in 2..=3 {
        rig.wait("the next change", || count(&rig, "B → 200 OK (INVITE)") >= answers - 1);
        assert!(alice.hears_tone(call, A), "change {answers}: {:?}", rig.traces());
    }
    rig.wait("the refusal", || count(&rig, "B → 488") == 1);
    assert!(alice.hears_tone(call, A), "a refused change leaves the call: {:?}", rig.traces());
    assert!(alice.over(call));
    carrier.done(&rig);
    assert_eq!(end(&rig.finished()), ("hangup".into(), "callee".into()));
    rig.nothing_left();
}

#[test]
fn a_carrier_that_leaves_the_session_timer_to_us_is_refreshed() {
    let mut carrier = Sipp::waits("carrier-leaves-the-timer.xml");
    let (rig, alice) = rig(&carrier.trunk(""), |config| {
        (config.sip.session_expires, config.sip.min_se) = (Duration::from_secs(12), Duration::from_secs(10));
    });
    let call = alice.call("+4722334455");
    assert!(alice.up(call) && alice.hears_tone(call, A), "{:?}", rig.traces());
    let deadline = Instant::now() + Duration::from_secs(25);
    while count(&rig, "B ← 200 OK (UPDATE)") < 2 {
        assert!(Instant::now() < deadline, "{:?}", rig.traces());
        assert!(alice.hears_tone(call, A), "{:?}", rig.traces());
    }
    alice.hang_up(call);
    carrier.done(&rig);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_carrier_that_keeps_the_session_timer_refreshes_and_is_hung_up_when_it_does_not_any_more() {
    let mut carrier = Sipp::waits("carrier-keeps-the-timer.xml");
    let (rig, alice) = rig(&carrier.trunk(""), |config| config.sip.min_se = Duration::from_secs(10));
    let call = alice.call("+4722334455");
    assert!(alice.up(call), "{:?}", rig.traces());
    let deadline = Instant::now() + Duration::from_secs(15);
    while count(&rig, "B → 200 OK (INVITE)") == 0 {
        assert!(Instant::now() < deadline, "{:?}", rig.traces());
        assert!(alice.hears_tone(call, A), "{:?}", rig.traces());
    }
    // It says no more of itself from here on.
    carrier.done(&rig);
    assert!(alice.over(call), "{:?}", rig.traces());
    let view = rig.finished();
    assert!(trace(&view).contains("nobody refreshed the session in time"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn early_media_that_must_be_acknowledged_is_heard_and_the_answer_needs_no_description() {
    let mut carrier = Sipp::waits("carrier-reliable.xml");
    let (rig, alice) = rig(&carrier.trunk(""), |_| {});
    let call = alice.call("+4722334455");
    assert!(alice.hears_tone(call, A), "early: {:?}", rig.traces());
    assert!(alice.line(call, |line| line.progress.contains(&183)));
    assert!(alice.up(call) && alice.hears_tone(call, A), "{:?}", rig.traces());
    alice.hang_up(call);
    carrier.done(&rig);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn of_a_carriers_forks_the_one_that_answers_is_talked_to() {
    let mut carrier = Sipp::waits("carrier-forks.xml");
    let (rig, alice) = rig(&carrier.trunk(""), |_| {});
    let call = alice.call("+4722334455");
    assert!(alice.up(call) && alice.hears_tone(call, A), "{:?}", rig.traces());
    rig.wait("the third one's codec", || count(&rig, "PCMA") > 0);
    alice.hang_up(call);
    carrier.done(&rig);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_carrier_that_asks_who_calls_is_told_the_account() {
    let mut carrier = Sipp::waits("carrier-asks-who.xml");
    let (rig, alice) = rig(&carrier.trunk("username = \"acct\"\npassword = \"secret\""), |_| {});
    let call = alice.call("+4722334455");
    assert!(alice.up(call) && alice.hears_tone(call, A), "{:?}", rig.traces());
    alice.hang_up(call);
    carrier.done(&rig);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_trunk_is_registered_refreshed_and_taken_back() {
    let mut registrar = Sipp::waits("registrar.xml");
    let account = "username = \"acct\"\npassword = \"secret\"\nregister = true";
    let (rig, _alice) = rig(&registrar.trunk(account), |_| {});
    let standing = || rig.switch().trunks()[0].registration;
    rig.wait("the registration", || standing() == "registered");
    // Asked who it is, asked for a longer time, registered, refreshed.
    rig.wait("the refresh", || registrar.received("REGISTER sip:") == 4);
    assert_eq!(standing(), "registered");
    rig.reload(&[], "");
    registrar.done(&rig);
}

/// Rings bob.
fn bob() -> Value {
    json!({ "module": "user", "data": { "id": "bob" }, "children": {} })
}

#[test]
fn a_carriers_call_without_an_offer_reaches_the_flow_of_its_number_and_shows_whom_it_asserts() {
    let settings = "[acme]\nserver = \"sip:127.0.0.2:9\"\nping = 0\nfrom = [\"127.0.0.2\"]\ncountry = \"47\"\n\
                    national_prefix = \"\"\ncodecs = [\"PCMA\"]\n";
    for called in ["+4721000001", "4721000001", "004721000001", "21000001"] {
        let rig = Rig::start(&[]);
        rig.reload(&[("+4721000001", bob())], settings);
        let bob = rig.desk("bob", B, SOON);
        let mut carrier = Sipp::calls("carrier-calls.xml", &rig, called);
        assert!(bob.up(0), "{called}: {:?}", rig.traces());
        // The carrier sends back what bob says.
        assert!(bob.hears_tone(0, B), "{called}: {:?}", rig.traces());
        let invite = bob.line(0, |line| line.invite.clone()).expect("an INVITE");
        let from = invite.header("from").unwrap_or_default();
        assert!(from.starts_with("\"Ola Nordmann\" <sip:+4722334455@"), "{from}");
        bob.hang_up(0);
        carrier.done(&rig);
        let view = rig.finished();
        assert!(trace(&view).contains("by trunk acme") && trace(&view).contains("PCMA"), "{}", trace(&view));
        rig.nothing_left();
    }
}

#[test]
fn a_number_goes_out_by_a_trunk_with_its_flags_and_is_carried_as_the_flow_says() {
    let data = json!({ "to_did": "030 1234567", "outbound_flags": ["fax"], "bypass_e164": true, "resource_type": "audio",
        "from_uri_realm": "ours.example", "emit_account_id": true, "use_local_resources": true,
        "custom_sip_headers": { "X-Order": "42" } });
    let flow = json!({ "module": "resources", "data": data, "children": {} });
    let rig = Rig::with(&[], |config| config.account = "a1".to_owned());
    let alice = rig.desk("alice", A, SOON);
    let (plain, theirs, fax) =
        (rig.desk("bob", B, SOON), rig.desk("carol", 1_100, SOON), rig.desk("dave", 1_300, SOON));
    let trunk = |name: &str, desk: &Desk, more: &str| {
        format!("[{name}]\nserver = \"sip:{}\"\nping = 0\ncountry = \"49\"\n{more}\n", desk.address())
    };
    let trunks = [
        trunk("plain", &plain, "priority = 1"),
        trunk("theirs", &theirs, "priority = 2\nflags = [\"fax\"]\naccount = \"*\""),
        trunk("fax", &fax, "priority = 3\nflags = [\"fax\", \"cheap\"]"),
    ];
    rig.reload(&[("700", flow)], &trunks.concat());
    let call = alice.call("700");
    assert!(alice.up(call) && fax.up(0) && alice.hears_tone(call, 1_300), "{:?}", rig.traces());
    let invite = fax.line(0, |line| line.invite.clone()).expect("an INVITE");
    assert_eq!(invite.start, format!("INVITE sip:030%201234567@{} SIP/2.0", fax.address()));
    let header = |name: &str| invite.header(name).unwrap_or_default().to_owned();
    assert!(header("from").contains("@ours.example>"), "{}", header("from"));
    assert_eq!((header("x-account-id"), header("x-order")), ("a1".to_owned(), "42".to_owned()));
    // They are tried in turn, so that nobody is called later.
    assert!(
        [&plain, &theirs].iter().all(|desk| desk.wait(|lines| lines.is_empty())),
        "nobody else is called"
    );
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_barred_number_does_not_go_out_and_each_trunk_has_its_own_order_of_codecs() {
    let rig = Rig::start(&[]);
    let (alice, carrier) = (rig.desk("alice", A, SOON), rig.desk("dave", B, SOON));
    let server = format!("server = \"sip:{}\"\nping = 0\n", carrier.address());
    rig.reload(&[], &format!("[acme]\n{server}barred = ['^\\+47829']\ncodecs = [\"PCMA\", \"PCMU\"]\n"));
    let call = alice.call("+4782900000");
    assert!(alice.over(call));
    assert_eq!(alice.line(call, |line| line.status), Some(404), "{:?}", rig.traces());
    rig.finished();
    let call = alice.call("+4722334455");
    assert!(alice.up(call) && alice.hears_tone(call, B) && carrier.hears_tone(0, A), "{:?}", rig.traces());
    let body = carrier.line(0, |line| line.invite.as_ref().map(|invite| invite.body.clone()));
    let audio = body.as_deref().and_then(|body| body.lines().find(|line| line.starts_with("m=audio")));
    let formats: Vec<&str> = audio.unwrap_or_default().split(' ').skip(3).take(2).collect();
    assert_eq!(formats, ["8", "0"], "{body:?}");
    carrier.hang_up(0);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}
