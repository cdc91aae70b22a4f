//! Session timers (RFC 4028) with a carrier: who refreshes, how, and what becomes of a call that nobody refreshes.
//!
//! The least interval is lowered to ten seconds, so that three refreshes pass within half a minute.

use std::time::Duration;

use testkit::ear;
use tests::peers::capture;
use tests::peers::script::{SDP, Script};
use tests::peers::sipp::Call;
use tests::server::{Server, Setup};

const TIMER: &str = "Supported: timer\n";
const UPDATES: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n";

fn server() -> Server {
    Server::start(Setup { settings: vec![("sip", "min_se = 10".into())], ..Setup::default() })
}

fn seconds(time: u64) -> Duration {
    Duration::from_secs(time)
}

/// The call was over by the `by` that the timeline names, and its music never stopped before.
fn ended(server: &Server, call: &Call, cause: &str, by: &str, heard: f64) {
    call.expect_success();
    let view = server.finished_call("9197");
    assert_eq!(view.ended(), Some((cause.to_owned(), by.to_owned())), "{:?}", view.0);
    let late = call.packets.windows(2).find(|pair| pair[1].at - pair[0].at > 0.5);
    assert!(late.is_none(), "the sound stops: {late:?}");
    let sounded = ear::sounding(&capture::heard(&call.packets));
    assert!(sounded > heard, "{sounded:.1} s of sound");
}

#[test]
fn we_refresh_by_update_where_the_peer_takes_it() {
    let server = server();
    let mut carrier = Script::new().answered(&format!("{TIMER}{UPDATES}Session-Expires: 12;refresher=uas\n"));
    for _ in 0..3 {
        carrier = carrier.serves("UPDATE", "Session-Expires: 12;refresher=uac\nRequire: timer\n", "");
    }
    let call = carrier.hangs_up().call(&server.address(), "9197");
    ended(&server, &call, "hangup", "caller", 10.0);
    let answer = call.response(200, "INVITE");
    assert_eq!(answer.header("session-expires"), Some("12;refresher=uas"));
    assert!(answer.all("require").any(|option| option.contains("timer")), "{answer:?}");
    for refresh in call.requests("UPDATE") {
        assert_eq!(refresh.header("session-expires"), Some("12;refresher=uac"));
        assert!(refresh.body.is_empty(), "a refresh changes nothing: {}", refresh.body);
    }
}

#[test]
fn we_refresh_by_re_invite_with_the_same_description_and_for_longer_if_told_so() {
    let server = server();
    let offer = format!("{TIMER}Allow: INVITE, ACK, BYE, CANCEL\nSession-Expires: 12;refresher=uas\n");
    let mut carrier = Script::new().answered(&offer);
    // A proxy on the way wants fewer refreshes.
    carrier =
        carrier.awaits("INVITE").reply("422 Session Interval Too Small", "Min-SE: 14\n", "").awaits("ACK");
    for _ in 0..3 {
        carrier = carrier.serves("INVITE", "Session-Expires: 14;refresher=uac\nRequire: timer\n", SDP);
    }
    let call = carrier.hangs_up().call(&server.address(), "9197");
    ended(&server, &call, "hangup", "caller", 10.0);
    let first = &call.response(200, "INVITE").body;
    let refreshes = call.requests("INVITE");
    assert!(
        refreshes.iter().all(|refresh| refresh.body == *first),
        "the description changes: {refreshes:#?}"
    );
    let asked: Vec<_> = refreshes.iter().filter_map(|refresh| refresh.header("session-expires")).collect();
    assert_eq!(asked[0], "12;refresher=uac");
    assert!(asked[1..].iter().all(|asked| *asked == "14;refresher=uac"), "{asked:?}");
    assert_eq!(refreshes[1].header("min-se"), Some("14"));
}

#[test]
fn the_peer_is_told_the_least_interval_refreshes_thrice_and_hands_the_role_over() {
    let server = server();
    let invite = |expires: &str| format!("{TIMER}{UPDATES}Session-Expires: {expires};refresher=uac\n");
    let update = |role: &str| format!("{TIMER}Session-Expires: 12;refresher={role}\n");
    let call = Script::new()
        .invite(&invite("9"), SDP)
        .refused(422)
        .answered(&invite("12"))
        .pause(seconds(5))
        .request("UPDATE", &update("uac"), "")
        .expect_plain(200)
        .pause(seconds(5))
        .request("INVITE", &update("uac"), SDP)
        .expect(200)
        .ack("")
        .pause(seconds(2))
        .request("UPDATE", &update("uas"), "")
        .expect_plain(200)
        .serves("UPDATE", "Session-Expires: 12;refresher=uac\nRequire: timer\n", "")
        .hangs_up()
        .call(&server.address(), "9197");
    ended(&server, &call, "hangup", "caller", 10.0);
    assert_eq!(call.response(422, "INVITE").header("min-se"), Some("10"));
    let agreed: Vec<_> = call
        .received
        .iter()
        .filter(|message| message.status() == Some(200))
        .filter_map(|message| message.header("session-expires"))
        .collect();
    assert_eq!(agreed, ["12;refresher=uac", "12;refresher=uac", "12;refresher=uac", "12;refresher=uas"]);
}

#[test]
fn a_call_that_the_peer_no_longer_refreshes_is_ended_and_says_so() {
    let server = server();
    let offer = format!("{TIMER}{UPDATES}Session-Expires: 12;refresher=uac\n");
    let call = Script::new().answered(&offer).is_hung_up().call(&server.address(), "9197");
    ended(&server, &call, "session expired", "server", 5.0);
    let bye = &call.requests("BYE")[0];
    assert!(bye.header("reason").is_some_and(|reason| reason.contains("cause=102")), "{bye:?}");
}
