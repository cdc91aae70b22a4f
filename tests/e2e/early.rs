//! Early media to a carrier that wants its provisionals reliable (RFC 3262), heard before the answer.

use std::time::Duration;

use testkit::ear;
use tests::peers::script::{SDP, Script};
use tests::server::{Server, Setup};

/// 2000 plays 440 Hz unanswered, then 880 Hz answered; 2001 plays music for a minute, unanswered.
fn server() -> Server {
    let answered = r#"{"module":"play","data":{"id":"tone_stream://%(1500,0,880)"},"children":{}}"#;
    let tones = format!(
        r#"{{"module":"play","data":{{"id":"tone_stream://%(2500,0,440)","answer":false}},"children":{{"_":{answered}}}}}"#
    );
    let music =
        r#"{"module":"play","data":{"id":"tone_stream://%(60000,0,440)","answer":false},"children":{}}"#;
    Server::start(Setup {
        flows: vec![
            (
                "numbers.toml",
                "defaults.public = true\n\"2000\" = \"tones.json\"\n\"2001\" = \"music.json\"\n".into(),
            ),
            ("tones.json", tones),
            ("music.json", music.into()),
        ],
        ..Setup::default()
    })
}

#[test]
fn a_prack_confirms_early_media_that_is_heard_before_the_answer() {
    let server = server();
    for header in ["Require: 100rel\n", "Supported: 100rel\n"] {
        let carrier = Script::new().invite(header, SDP).reliable(183).prack();
        let call = carrier.expect_plain(200).ack("").is_hung_up().call(&server.address(), "2000");
        call.expect_success();
        let progress = call.response(183, "INVITE");
        assert!(progress.all("require").any(|option| option.contains("100rel")), "{progress:?}");
        assert!(progress.body.contains("m=audio "), "{progress:?}");
        let heard = call.heard();
        assert!(ear::purity(&ear::cut(&heard, 0.3, 2.0), 440.0) > 0.9, "{header}: no early media");
        let rest = ear::cut(&heard, 2.7, 3.7);
        assert!(ear::purity(&rest, 880.0) > 0.9, "{header}: no sound after the answer");
        assert_eq!(server.finished_call("2000").ended().expect("over").1, "flow");
    }
}

#[test]
fn a_caller_that_knows_nothing_of_it_gets_a_plain_provisional() {
    let server = server();
    let carrier = Script::new().invite("", SDP).expect_plain(100).expect_plain(183);
    let call = carrier.expect_plain(200).ack("").is_hung_up().call(&server.address(), "2000");
    call.expect_success();
    let progress = call.response(183, "INVITE");
    assert!(progress.header("rseq").is_none() && progress.header("require").is_none(), "{progress:?}");
    assert!(ear::purity(&ear::cut(&call.heard(), 0.3, 2.0), 440.0) > 0.9);
}

#[test]
fn without_a_prack_the_provisional_comes_again_and_the_call_fails() {
    let server = server();
    let carrier = Script::new().invite("Require: 100rel\n", SDP).reliable(183).refused(504);
    let call = carrier.call(&server.address(), "2001");
    call.expect_success();
    // At T1, doubling without an end, until 64 times T1 have passed: at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
    let came = call.received.iter().filter(|message| message.status() == Some(183)).count();
    assert!((6..=7).contains(&came), "the 183 came {came} times");
    assert!(ear::sounding(&call.heard()) > 20.0, "early media goes on until then");
    let view = server.finished_call("2001");
    assert_eq!(view.ended().expect("over").0, "no ACK", "{:?}", view.0);
}

#[test]
fn a_caller_who_gives_up_during_early_media_is_told_so() {
    let server = server();
    let call = Script::new()
        .invite("Supported: 100rel\n", SDP)
        .reliable(183)
        .prack()
        .pause(Duration::from_secs(1))
        .cancels()
        .call(&server.address(), "2001");
    call.expect_success();
    let view = server.finished_call("2001");
    assert_eq!(view.ended().expect("over"), ("cancelled".to_owned(), "caller".to_owned()), "{:?}", view.0);
}
