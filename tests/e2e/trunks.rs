//! Trunks: calls out by carriers that answer, refuse or are not there, and a switch that registers with another one.

use std::time::Duration;

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::carrier::Carrier;
use tests::peers::sipp::{Caller, Step};
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

/// A server with these trunks, and one flow at `number`.
fn server(number: &str, trunks: String) -> Server {
    let hello =
        r#"{"actions":[{"type":"SAY","params":{"text":"Hello from the other switch"}},{"type":"HANGUP"}]}"#;
    let flows = vec![
        ("trunks.toml", trunks),
        ("numbers.toml", format!("\"{number}\" = \"hello.json\"\n")),
        ("hello.json", hello.to_owned()),
    ];
    Server::start(Setup { flows, ..Setup::default() })
}

fn phone(server: &Server) -> Baresip {
    let phone = Baresip::start(&server.address(), "alice", PASSWORD, true, &sound::long_file());
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") == 1.0).then_some(()));
    phone
}

#[test]
fn a_phone_calls_out_by_a_trunk_and_both_hear_each_other() {
    let mut carrier = Carrier::answering();
    let server =
        server("1", format!("[acme]\n{}country = \"47\"\nnational_prefix = \"\"\n", carrier.server()));
    let mut phone = phone(&server);
    phone.dial(&server.uri("22334455"));
    phone.wait_for("CALL_ESTABLISHED", SOON);
    let talked = std::time::Instant::now() + Duration::from_secs(6);
    wait::until("six seconds of talk", SOON, || (std::time::Instant::now() > talked).then_some(()));
    phone.hang_up();
    assert!(carrier.finish().success(), "the carrier was not called as it expects");
    let view = server.finished_call("22334455");
    assert!(view.0.to_string().contains("acme"), "{}", view.0);
    // The first second is early media, then the answer. A busy machine may lose a slot of a worker here and there.
    let heard = phone.heard();
    let alike = [1.5, 2.5, 3.5]
        .map(|start| ear::likeness(&ear::cut(&sound::sentence(), start, start + 1.0), &heard).correlation);
    assert!(alike.iter().any(|correlation| *correlation > 0.9), "{alike:?}");
}

#[test]
fn a_carrier_out_of_order_is_passed_over_and_a_busy_person_is_not_called_again() {
    let (mut broken, mut busy) =
        (Carrier::refusing("503 Service Unavailable"), Carrier::refusing("486 Busy Here"));
    let never = Carrier::answering();
    let server = server(
        "1",
        format!(
            "[a]\n{}priority = 1\n[b]\n{}priority = 2\n[c]\n{}priority = 3\n",
            broken.server(),
            busy.server(),
            never.server()
        ),
    );
    let mut phone = phone(&server);
    phone.dial(&server.uri("+4722334455"));
    let closed = phone.wait_for("CALL_CLOSED", SOON);
    assert!(closed.to_string().contains("486"), "{closed}");
    assert!(broken.finish().success() && busy.finish().success());
    let text = server.finished_call("+4722334455").0.to_string();
    assert!(text.contains("503") && text.contains("486"), "{text}");
}

#[test]
fn a_trunk_that_carries_enough_is_passed_over_and_strangers_do_not_call_out() {
    let server = server("1", "[a]\nserver = \"sip:127.0.0.1:9\"\nping = 0\ncalls = 0\n".into());
    let mut phone = phone(&server);
    phone.dial(&server.uri("+4722334455"));
    let closed = phone.wait_for("CALL_CLOSED", SOON);
    assert!(closed.to_string().contains("503"), "{closed}");
    let notes = server.finished_call("+4722334455").notes();
    assert!(notes.contains("carries as many calls as it may"), "{notes}");
    let stranger = Caller::new([Step::AwaitBye]).call(&server.address(), "+4722334455");
    assert_ne!(stranger.code, 0, "a stranger called out");
}

#[test]
fn a_switch_registers_with_another_one_and_calls_go_both_ways() {
    let carrier = server("+4721000000", String::new());
    let account = format!("username = \"bob\"\npassword = \"{PASSWORD}\"\n");
    let trunk =
        format!("[carrier]\nserver = \"sip:{}\"\n{account}register = true\nping = 1\n", carrier.address());
    // The carrier calls us by the name that we are registered under.
    let customer = server("bob", trunk);
    wait::until("the trunk to be registered", SOON, || {
        let trunk = &customer.json("/trunks")["trunks"][0];
        (trunk["registration"] == "registered" && trunk["health"] == "up").then_some(())
    });
    let mut ours = phone(&customer);
    ours.dial(&customer.uri("+4721000000"));
    ours.wait_for("CALL_CLOSED", Duration::from_secs(30));
    assert!(ear::sounding(&ours.heard()) > 0.7, "the carrier's greeting is not heard");
    let view = carrier.finished_call("+4721000000");
    assert_eq!(view.0["user"], "bob", "the trunk's account was not asked for: {}", view.0);
    let mut theirs = Baresip::start(&carrier.address(), "alice", PASSWORD, true, &sound::long_file());
    wait::until("a registration", SOON, || (carrier.metric("offhook_registrations") == 2.0).then_some(()));
    theirs.dial(&carrier.uri("bob"));
    theirs.wait_for("CALL_CLOSED", Duration::from_secs(30));
    assert!(ear::sounding(&theirs.heard()) > 0.7, "the customer's greeting is not heard");
    let notes = customer.finished_call("bob").notes();
    assert!(notes.contains("by trunk carrier"), "{notes}");
}

#[test]
fn a_carrier_that_changes_the_call_is_followed_and_the_sound_goes_on() {
    let mut carrier = Carrier::playing("carrier-changes.xml");
    let server = server("1", format!("[acme]\n{}", carrier.server()));
    let mut phone = phone(&server);
    phone.dial(&server.uri("+4722334455"));
    phone.wait_for("CALL_ESTABLISHED", SOON);
    // PCMU, PCMA, an offer of ours, a codec that nobody has; the carrier hangs up.
    phone.wait_for("CALL_CLOSED", Duration::from_secs(30));
    assert!(carrier.finish().success(), "the carrier was not answered as it expects");
    let heard = phone.heard();
    // The phone talks for six seconds, and hears itself: but for a quarter of a second at most of each second that is looked
    // at, in which a phone whose own clock slips on a busy machine leaves something out or says it twice.
    let said = sound::sentence();
    let alike = [1.5, 2.75, 3.75].map(|start| {
        [0.0, 0.25, 0.5, 0.75].map(|quarter| {
            let begin = start + quarter;
            ear::likeness(&ear::cut(&said, begin, begin + 0.25), &heard).correlation
        })
    });
    println!("{alike:.2?}");
    let goes_on = |second: &[f64; 4]| second.iter().filter(|quarter| **quarter > 0.8).count() >= 3;
    assert!(alike.iter().all(goes_on), "{alike:.2?}");
}

#[test]
fn a_carrier_that_wants_its_early_media_acknowledged_is_heard_before_it_answers() {
    let mut carrier = Carrier::playing("carrier-reliable.xml");
    let server = server("1", format!("[acme]\n{}", carrier.server()));
    let mut phone = phone(&server);
    phone.dial(&server.uri("+4722334455"));
    phone.wait_for("CALL_ESTABLISHED", SOON);
    sound::pass(Duration::from_secs(2));
    phone.hang_up();
    assert!(carrier.finish().success(), "the carrier was not called as it expects");
    assert!(ear::sounding(&phone.heard()) > 2.0);
}
