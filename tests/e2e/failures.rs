//! What goes wrong, and what then happens: each has a defined outcome.

use std::time::Duration;

use testkit::ua::{Offer, Phone, PhoneError};
use tests::peers::sipp::{Caller, Step};
use tests::server::{PASSWORD, Server, Setup};

const SOON: Duration = Duration::from_secs(15);

fn refusal(server: &Server, user: &str, password: Option<&str>, number: &str) -> u16 {
    let mut phone = Phone::new(server.sip, user, password).expect("a phone");
    match phone.call(number, Offer::Early, SOON) {
        Err(PhoneError::Refused(status, _)) => status,
        other => panic!("{number} is not refused: {other:?}"),
    }
}

#[test]
fn an_unknown_number_is_not_found() {
    assert_eq!(refusal(&Server::demo(), "alice", Some(PASSWORD), "5555"), 404);
}

#[test]
fn a_wrong_password_is_asked_again_and_then_given_up() {
    let server = Server::demo();
    let mut phone = Phone::new(server.sip, "alice", Some("wrong")).expect("a phone");
    assert!(matches!(phone.register(60), Ok(401 | 403)), "registered with a wrong password");
    let mut phone = Phone::new(server.sip, "nobody", Some("wrong")).expect("a phone");
    assert!(matches!(phone.register(60), Ok(401 | 403)), "registered an unknown user");
    assert_eq!(server.metric("offhook_registrations"), 0.0);
}

#[test]
fn a_number_that_is_not_public_asks_who_calls() {
    let flow = r#"{"actions":[{"type":"SAY","params":{"text":"Hello."}},{"type":"HANGUP"}]}"#;
    let server = Server::start(Setup {
        flows: vec![("numbers.toml", "\"2000\" = \"a.json\"\n".into()), ("a.json", flow.into())],
        ..Setup::default()
    });
    assert!(matches!(refusal(&server, "stranger", None, "2000"), 401 | 407));
    let mut phone = Phone::new(server.sip, "alice", Some(PASSWORD)).expect("a phone");
    let mut call = phone.call("2000", Offer::Early, SOON).expect("alice may call");
    assert!(call.until_bye(SOON).expect("a call"), "no BYE");
}

#[test]
fn a_broken_flow_answers_503_and_the_others_still_run() {
    let server = Server::start(Setup {
        flows: vec![
            (
                "numbers.toml",
                "defaults.public = true\n\"2000\" = \"good.json\"\n\"2001\" = \"broken.json\"\n".into(),
            ),
            (
                "good.json",
                r#"{"actions":[{"type":"SAY","params":{"text":"Hello."}},{"type":"HANGUP"}]}"#.into(),
            ),
            ("broken.json", "{ \"actions\": [\n  { \"type\": SAY }\n] }".into()),
        ],
        ..Setup::default()
    });
    assert_eq!(refusal(&server, "caller", None, "2001"), 503);
    let log = server.process.lines().join("\n");
    assert!(log.contains("broken.json:2:"), "the log does not name the place:\n{log}");
    Caller::new([Step::AwaitBye]).call(&server.address(), "2000").expect_success();
}

#[test]
fn an_offer_without_a_known_codec_is_not_acceptable() {
    let server = Server::demo();
    let phone = Phone::new(server.sip, "odd", None).expect("a phone");
    let local = phone.address();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 3\r\n",
        ip = local.ip()
    );
    let invite = format!(
        "INVITE sip:1001@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKgsm;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:odd@{local}>;tag=1\r\nTo: <sip:1001@{sip}>\r\nCall-ID: gsm-{local}\r\nCSeq: 1 INVITE\r\nContact: <sip:odd@{local}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}",
        sip = server.sip,
        length = sdp.len()
    );
    phone.send_raw(invite.as_bytes()).expect("sent");
    let status = tests::wait::until("a final response", SOON, || {
        phone.receive(Duration::from_millis(200)).expect("a socket")?.status().filter(|status| *status >= 200)
    });
    assert_eq!(status, 488);
}

#[test]
fn a_call_is_cancelled_before_it_is_answered() {
    // Nothing answers on port 9, and the pivot waits for it: meanwhile the caller gives up.
    let web = tests::web::Web::start(|_| tests::web::Answer {
        delay: Duration::from_secs(8),
        ..tests::web::Answer::json("{}")
    });
    let flow =
        format!(r#"{{"module":"pivot","data":{{"voice_url":"{}"}},"children":{{}}}}"#, web.url("/slow"));
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"slow.json\"\n".into()),
            ("slow.json", flow),
        ],
        ..Setup::default()
    });
    let call = tests::peers::sipp::scenario("cancel.xml", &server.address(), "2000", Duration::from_secs(20));
    call.expect_success();
    let view = server.finished_call("2000");
    assert_eq!(view.ended().expect("over").1, "caller");
    tests::wait::until("the call to be gone", SOON, || (server.metric("offhook_calls") == 0.0).then_some(()));
}

#[test]
fn a_phone_that_vanishes_is_hung_up_on() {
    let server = Server::start(Setup { settings: vec![("rtp", "timeout_s = 2".into())], ..Setup::default() });
    let mut phone = Phone::new(server.sip, "ghost", None).expect("a phone");
    let mut call = phone.call("9197", Offer::Early, SOON).expect("answered");
    call.listen(Duration::from_secs(1)).expect("a call");
    call.vanish();
    let view = server.finished_call("9197");
    let (cause, by) = view.ended().expect("over");
    assert!(cause.contains("media"), "{cause} by {by}");
    tests::wait::until("the call to be forgotten", Duration::from_secs(60), || {
        (server.metric("offhook_calls") == 0.0).then_some(())
    });
}

#[test]
fn a_late_offer_is_answered_with_ours() {
    let server = Server::demo();
    let mut phone = Phone::new(server.sip, "late", None).expect("a phone");
    let mut call = phone.call("1001", Offer::Late, SOON).expect("answered");
    assert!(call.until_bye(SOON).expect("a call"), "no BYE");
    let heard = call.hang_up().expect("over");
    assert!(testkit::ear::sounding(&heard.pcm()) > 0.7, "{} packets", heard.packets);
}

#[test]
fn calls_beyond_the_ports_are_told_to_come_back() {
    let server = Server::start(Setup {
        settings: vec![("rtp", "ports = \"29900-29901\"".into())],
        ..Setup::default()
    });
    let mut first = Phone::new(server.sip, "one", None).expect("a phone");
    let _call = first.call("9197", Offer::Early, SOON).expect("the first call has the ports");
    assert_eq!(refusal(&server, "two", None, "9197"), 503);
}

#[test]
fn a_voice_that_fails_takes_the_error_edge_and_the_call_goes_on() {
    let server = Server::start(Setup {
        settings: vec![(
            "speech",
            "provider = \"openai\"\nopenai_url = \"http://127.0.0.1:9/v1/audio/speech\"\ntimeout_s = 2"
                .into(),
        )],
        ..Setup::default()
    });
    let mut phone = Phone::new(server.sip, "mute", None).expect("a phone");
    let mut call = phone.call("1001", Offer::Early, SOON).expect("answered");
    assert!(call.until_bye(SOON).expect("a call"), "the flow does not go on");
    let view = server.finished_call("1001");
    assert_eq!(view.nodes(), ["/actions/0", "/actions/1"]);
    assert!(!view.notes().is_empty(), "the timeline does not say that the voice failed");
}

#[test]
fn garbage_on_the_sip_port_is_dropped_and_counted() {
    let server = Server::demo();
    let phone = Phone::new(server.sip, "noise", None).expect("a phone");
    for noise in [&b"\0\0\0\0"[..], b"INVITE\r\n\r\n", b"SIP/2.0 999 \r\n\r\n", &[0xff; 1400]] {
        phone.send_raw(noise).expect("sent");
    }
    Caller::new([Step::AwaitBye]).call(&server.address(), "1001").expect_success();
}
