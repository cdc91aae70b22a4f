//! What carriers do beside the plain call: odd offers, odd headers, odd numbers, and what they must be refused.

use std::time::Duration;

use testkit::ear;
use tests::peers::script::{SDP, Script};
use tests::peers::sipp::Call;
use tests::server::{Server, Setup, free_port};

/// As long as a caller listens to the music.
const LISTEN: Duration = Duration::from_millis(1500);

/// The carrier was followed to the end, and heard music.
fn heard(call: &Call) {
    call.expect_success();
    let sounded = ear::sounding(&call.heard());
    assert!(sounded > 0.7, "{sounded:.1} s of sound");
}

/// Invites, hears music and hangs up.
fn listens(carrier: Script) -> Script {
    carrier.expect(200).ack("").pause(LISTEN).hangs_up()
}

#[test]
fn what_cannot_be_done_is_refused_with_the_status_that_says_why() {
    let server = Server::demo();
    let refusal = |headers: &str, body: &str, status: u16| {
        let call = Script::new().invite(headers, body).refused(status).call(&server.address(), "9197");
        call.expect_success();
        call.response(status, "INVITE").clone()
    };
    let unsupported = refusal("Require: 100rel, replaces, example-tag\n", SDP, 420);
    assert_eq!(unsupported.header("unsupported"), Some("example-tag"));
    refusal("Max-Forwards: 0\n", SDP, 483);
    let secure = SDP.replace("RTP/AVP 0 96", "RTP/SAVP 0 96")
        + "a=crypto:1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\n";
    refusal("", &secure, 488);
    let codecs = SDP.replace("RTP/AVP 0 96", "RTP/AVP 18").replace("a=rtpmap:0 PCMU/8000\n", "");
    refusal("", &codecs, 488);
    let xml = refusal("Content-Type: application/vnd.example+xml\n", "<offer/>\n", 415);
    assert!(xml.header("accept").is_some_and(|accept| accept.contains("application/sdp")), "{xml:?}");
    // It rings nowhere, and the next call is a call.
    heard(&listens(Script::new().invite("", SDP)).call(&server.address(), "9197"));
}

#[test]
fn an_offer_of_several_lines_is_answered_line_by_line() {
    let server = Server::demo();
    let offer = format!(
        "{SDP}a=sendrecv\nm=video 40000 RTP/AVP 99\na=rtpmap:99 H264/90000\nm=image 40002 udptl t38\n\
         m=audio 40004 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\n"
    );
    let call = listens(Script::new().invite("", &offer)).call(&server.address(), "9197");
    heard(&call);
    let answer = &call.response(200, "INVITE").body;
    let lines: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines.len(), 4, "{answer}");
    assert!(lines[0].contains("RTP/AVP 0 96") && !lines[0].contains(" 0 RTP"), "{answer}");
    let refused = ["m=video 0 RTP/AVP ", "m=image 0 udptl ", "m=audio 0 RTP/SAVP "];
    assert!(lines[1..].iter().zip(refused).all(|(line, start)| line.starts_with(start)), "{answer}");
}

#[test]
fn an_offer_among_other_parts_is_found() {
    let server = Server::demo();
    let body = format!(
        "--cut\nContent-Type: application/isup;version=itu-t92+;base=itu-t92+\nContent-Disposition: signal;handling=optional\n\n\
         isup\n--cut\nContent-Type: application/sdp\n\n{SDP}--cut--\n"
    );
    let kind = "MIME-Version: 1.0\nContent-Type: multipart/mixed;boundary=\"cut\"\n";
    heard(&listens(Script::new().invite(kind, &body)).call(&server.address(), "9197"));
}

#[test]
fn who_calls_for_whom_is_read_and_tel_uris_lead_to_numbers() {
    let server = Server::demo();
    let headers = "P-Asserted-Identity: \"Boss\" <sip:+442079460001@carrier.example;user=phone>, <tel:+442079460001>\n\
                   Diversion: \"Desk\" <sip:+442079460002@carrier.example>;reason=no-answer;counter=1;privacy=off\n\
                   History-Info: <sip:+442079460002@carrier.example?Reason=SIP%3Bcause%3D408>;index=1, <sip:9197@carrier.example;cause=408>;index=1.1\n\
                   Privacy: none\nP-Charging-Vector: icid-value=1;orig-ioi=carrier.example\nP-Early-Media: supported\n\
                   Allow-Events: talk, hold, refer\nAccept-Contact: *;explicit\nSession-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\n";
    let call = listens(Script::new().invite_as(
        "tel:9197;phone-context=+44",
        "<tel:9197;phone-context=+44>",
        headers,
        SDP,
    ));
    let call = call.call(&server.address(), "9197");
    heard(&call);
    assert_eq!(server.finished_call("9197").ended().expect("over").1, "caller");
}

#[test]
fn an_invite_of_three_kilobytes_is_a_call_over_udp_and_over_tcp() {
    let server = Server::demo();
    let record = (0..24).map(|n| format!("X-Carrier-{n}: {}\n", "0123456789abcdef".repeat(8)));
    let headers = record.collect::<String>();
    assert!(headers.len() > 3_000);
    for carrier in [Script::new(), Script::new().over_tcp()] {
        heard(&listens(carrier.invite(&headers, SDP)).call(&server.address(), "9197"));
    }
}

#[test]
fn a_call_over_ipv6_is_heard_and_changed() {
    let port = free_port();
    let settings = ["udp", "tcp"].map(|key| ("sip", format!("{key} = \"[::]:{port}\"")));
    let _server = Server::start(Setup { settings: settings.into(), ..Setup::default() });
    let held = format!("{SDP}a=sendonly\n").replace("carrier 1 1", "carrier 1 2");
    for carrier in [Script::new(), Script::new().over_tcp()] {
        let carrier = carrier.from("[::1]").answered("").pause(LISTEN);
        let carrier = carrier.request("INVITE", "", &held).expect(200).ack("").hangs_up();
        let call = carrier.call(&format!("[::1]:{port}"), "9197");
        call.expect_success();
        let answers: Vec<_> =
            call.received.iter().filter(|m| m.status() == Some(200) && !m.body.is_empty()).collect();
        assert_eq!(answers.len(), 2);
        assert!(answers.iter().all(|answer| answer.body.contains("c=IN IP6 ::1")), "{answers:?}");
        assert!(answers[1].body.contains("a=recvonly"), "{}", answers[1].body);
    }
}

#[test]
fn a_carrier_asks_for_an_offer_in_the_call_and_a_refused_change_leaves_it_alone() {
    let server = Server::demo();
    let answer = SDP.replace("carrier 1 1", "carrier 1 2");
    let opus = SDP.replace("carrier 1 1", "carrier 1 3").replace("RTP/AVP 0 96", "RTP/AVP 18");
    let call = Script::new()
        .answered("")
        .pause(LISTEN)
        .request("INVITE", "", "")
        .expect(200)
        .ack(&answer)
        .pause(LISTEN)
        .request("INVITE", "", &opus)
        .refused_in_dialog(488)
        .pause(LISTEN)
        .hangs_up()
        .call(&server.address(), "9197");
    heard(&call);
    let gap = call.packets.windows(2).find(|pair| pair[1].at - pair[0].at > 0.5);
    assert!(gap.is_none(), "the sound stops: {gap:?}");
    assert!(ear::sounding(&call.heard()) > 3.5);
}
