//! Real phones are dialled by flows through the release binary: what the callee hears before the two are connected, what
//! the caller hears meanwhile, and where a call goes that nobody takes.

use std::time::{Duration, Instant};

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

use crate::sound;

const SOON: Duration = Duration::from_secs(20);
const A: u16 = 440;
const B: u16 = 800;
/// What is announced.
const SAID: u16 = 1_200;

/// A server whose number 700 is this flow.
fn server(flow: &str) -> Server {
    let flows =
        vec![("numbers.toml", "\"700\" = \"ring.json\"\n".to_owned()), ("ring.json", flow.to_owned())];
    Server::start(Setup { flows, ..Setup::default() })
}

/// A call route that rings bob with an announcement, and carries on with a tone for who is not answered.
fn route(announced: bool, seconds: u32) -> String {
    let announcement = if announced { "\"announcement\": \"tone_stream://%(2500,0,1200)\"," } else { "" };
    format!(
        r#"{{ "s": {{ "module": "start", "next": "e" }},
             "e": {{ "module": "extension", {announcement} "duration": {seconds}, "noanswer": "p",
                     "extensions": [{{ "type": "sipuser", "uuid": "bob" }}] }},
             "p": {{ "module": "play", "sound": "demo-60s" }} }}"#
    )
}

fn registered(server: &Server, phones: f64) {
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") == phones).then_some(()));
}

fn over(server: &Server) {
    wait::until("the end of all calls", SOON, || {
        let left = ["offhook_calls", "offhook_media_legs", "offhook_sip_sessions", "offhook_tasks"];
        left.iter().all(|name| server.metric(name) == 0.0).then_some(())
    });
}

#[test]
fn a_baresip_hears_what_it_is_about_before_it_is_connected() {
    let server = server(&route(true, 20));
    let mut alice = Baresip::start(&server.address(), "alice", PASSWORD, true, &sound::tone_file(A));
    let mut bob = Baresip::start(&server.address(), "bob", PASSWORD, true, &sound::tone_file(B));
    registered(&server, 2.0);
    alice.dial(&server.uri("700"));
    bob.wait_for("CALL_ESTABLISHED", SOON);
    let answered = Instant::now();
    alice.wait_for("CALL_ESTABLISHED", SOON);
    assert!(answered.elapsed() > Duration::from_secs(1), "connected in the middle of the announcement");
    sound::pass(Duration::from_secs(3));
    alice.hang_up();
    bob.wait_for("CALL_CLOSED", SOON);
    over(&server);
    let notes = server.finished_call("700").notes();
    assert!(notes.contains("B answered and hears the announcement"), "{notes}");
    let (alices, bobs) = (alice.heard(), bob.heard());
    assert!(sound::hears(&bobs, SAID) && sound::hears(&bobs, A), "{notes}");
    assert!(sound::hears(&alices, B) && !sound::hears(&alices, SAID), "{notes}");
}

#[test]
fn a_linphone_that_does_not_answer_is_left_and_the_flow_goes_on() {
    let server = server(&route(false, 3));
    let mut alice = Baresip::start(&server.address(), "alice", PASSWORD, true, &sound::tone_file(A));
    let mut bob = Linphone::start();
    bob.register(&server.address(), "bob", PASSWORD, "Ok");
    registered(&server, 2.0);
    alice.dial(&server.uri("700"));
    alice.wait_for("CALL_ESTABLISHED", SOON);
    sound::pass(Duration::from_secs(3));
    alice.hang_up();
    over(&server);
    let text = server.finished_call("700").0.to_string();
    assert!(text.contains("no_answer (480)") && text.contains("CANCEL"), "{text}");
    assert!(ear::sounding(&alice.heard()) > 1.0, "the tone of who was not answered: {text}");
}
