//! What real phones and trunks do that trips servers: every hazard known, and the tests that hold it.
//!
//! The table says where each is tested, and one test here sees that those tests exist. What no other file has a place for
//! is tested here. Hazards of session descriptions are in `crates/sdp/tests/hazards`.

use std::collections::HashMap;

use sip::{
    Asserted, Config, Diversion, Event, Hidden, Invite, Next, Offer, Party, Privacy, RemoteParty, Transport,
    Why,
};

use crate::harness::*;

/// A peer's habit, a file, and the tests in it that meet the habit.
type Hazard = (&'static str, &'static str, &'static [&'static str]);

const SIP: &str = "crates/sip/tests/it/";

const LINPHONE: &[Hazard] = &[
    (
        "answers in the profile offered, with the same lines",
        "crates/sdp/tests/hazards/lines.rs",
        &["the_profile_of_the_offer_is_the_answers", "every_line_is_answered_in_its_place"],
    ),
    (
        "rtcp-fb trr-int, rtcp-xr, mixed c=, ICE lines, ZRTP, several crypto lines",
        "crates/sdp/tests/hazards/lines.rs",
        &[
            "feedback_and_browser_attributes_are_ignored",
            "the_address_may_stand_anywhere",
            "unused_ice_is_ignored_and_the_default_address_taken",
            "keys_beside_a_plain_profile_are_ignored",
        ],
    ),
    (
        "opus with two clocks of events, CN, static types without rtpmap",
        "crates/sdp/tests/hazards/codecs.rs",
        &["the_event_clock_is_the_codecs", "comfort_noise_is_no_codec", "static_types_need_no_rtpmap"],
    ),
    (
        "a new Call-ID and port with each refresh, a second REGISTER at once",
        "outbound.rs",
        &["an_instance_that_changes_port_and_call_id_with_each_refresh_stays_one_phone"],
    ),
    (
        "a registration for a year, push parameters",
        "registrar.rs",
        &[
            "a_year_is_cut_to_a_day_and_the_answer_says_so",
            "push_parameters_are_kept_and_a_contact_without_end_is_not",
        ],
    ),
    (
        "push parameters bloat the Contact past a datagram",
        "hazards.rs",
        &["an_invite_of_several_datagrams_length_is_taken_and_ours_stay_below_what_pjsip_reads"],
    ),
    ("pings are not answered", "request.rs", &["silence_is_408_and_no_way_is_503"]),
    (
        "PUBLISH and SUBSCRIBE get a clean reply",
        "hazards.rs",
        &["what_phones_ask_beside_calls_gets_a_clean_reply"],
    ),
];

const SOFTPHONES: &[Hazard] = &[
    ("a quick re-INVITE after the answer", "reinvite.rs", &["a_reinvite_before_the_first_ack_implies_it"]),
    (
        "a quick re-INVITE changes nothing twice",
        "crates/sdp/tests/hazards/changes.rs",
        &["a_re_offer_right_after_the_answer_is_answered"],
    ),
    (
        "buffers of 4000 bytes, INVITEs longer than a datagram",
        "hazards.rs",
        &["an_invite_of_several_datagrams_length_is_taken_and_ours_stay_below_what_pjsip_reads"],
    ),
    (
        "both spellings of AES 256 suites",
        "crates/sdp/tests/hazards/lines.rs",
        &["keys_beside_a_plain_profile_are_ignored"],
    ),
    ("a REFER to the referred call itself", "refer.rs", &["a_transfer_to_itself_is_no_loop"]),
];

const DESK_PHONES: &[Hazard] = &[
    (
        "a session timer nobody asked for in the 200",
        "hazards.rs",
        &["a_session_timer_nobody_asked_for_is_kept"],
    ),
    (
        "telephone-event/8000 beside wideband codecs",
        "crates/sdp/tests/hazards/codecs.rs",
        &["the_event_clock_is_the_codecs"],
    ),
    (
        "hold by sendonly, inactive or 0.0.0.0",
        "crates/sdp/tests/hazards/changes.rs",
        &["every_spelling_of_hold_is_understood"],
    ),
    (
        "hold heard by the other party",
        "crates/switch/tests/it/hold.rs",
        &["hold_in_every_spelling_plays_music_and_resume_brings_the_other_back"],
    ),
    (
        "busy lamps refresh their subscriptions",
        "subscribe.rs",
        &["a_refresh_is_answered_and_the_state_follows"],
    ),
    (
        "an unsolicited NOTIFY of waiting messages",
        "hazards.rs",
        &["what_phones_ask_beside_calls_gets_a_clean_reply"],
    ),
];

const TRUNKS: &[Hazard] = &[
    (
        "a re-INVITE with another codec, or with none in common",
        "crates/sdp/tests/hazards/changes.rs",
        &["a_codec_change_is_followed_or_refused", "an_offer_of_ours_in_mid_call_says_what_is_in_use"],
    ),
    (
        "488 does not end a call, offerless re-INVITE",
        "reinvite.rs",
        &[
            "a_refused_reinvite_leaves_the_call_and_its_target_as_they_were",
            "an_offerless_reinvite_asks_for_our_offer",
        ],
    ),
    (
        "the refresher flips, Min-SE gives 422",
        "session_timer.rs",
        &[
            "the_refresher_may_change_with_each_refresh",
            "too_short_a_timer_is_answered_422_with_our_minimum",
            "a_422_is_obeyed_and_the_minimum_remembered",
        ],
    ),
    (
        "491 and who waits how long",
        "modify.rs",
        &["after_491_a_change_is_sent_again_later_by_who_owns_the_call_id"],
    ),
    ("183 then 180", "hazards.rs", &["ringing_after_early_media_does_not_end_it"]),
    (
        "early media with and without PRACK, Require: 100rel",
        "prack.rs",
        &[
            "a_trunk_that_requires_100rel_is_served_and_gets_every_provisional_reliably",
            "a_reliable_provisional_of_a_peer_is_acknowledged_once_and_in_order",
            "the_answer_of_an_unreliable_183_stands_unless_the_200_has_another",
        ],
    ),
    ("delayed offer of ours", "calls.rs", &["a_late_offer_is_ours_and_its_answer_comes_with_the_ack"]),
    ("delayed offer of theirs", "place.rs", &["an_offer_in_the_200_is_answered_in_the_ack"]),
    (
        "200 after CANCEL",
        "cancel.rs",
        &["a_200_after_the_cancel_is_acknowledged_and_hung_up_also_in_two_forks"],
    ),
    ("no other target after 486 or 603", "redirect.rs", &["busy_and_declined_speak_for_all_targets"]),
    (
        "no other hop after a refusal",
        "failover.rs",
        &["a_503_and_a_transport_error_lead_on_and_other_refusals_do_not"],
    ),
    (
        "numbers with and without +, tel:, user=phone; PAI, RPID, Diversion, History-Info, Privacy",
        "hazards.rs",
        &["who_calls_by_a_trunks_word_reaches_the_call_and_ours_reaches_the_trunk"],
    ),
];

const ALL: &[Hazard] = &[
    ("compact and folded headers", "hazards.rs", &["a_call_in_compact_and_folded_headers_is_a_call"]),
    ("multipart bodies", "hazards.rs", &["a_description_beside_isup_is_the_offer"]),
    (
        "requests over 1300 bytes go over TCP, or as datagrams after all",
        "mtu.rs",
        &[
            "a_large_invite_goes_over_tcp_and_says_so",
            "without_a_stream_it_is_a_datagram_and_the_next_one_at_once",
        ],
    ),
    ("maddr is no way to aim our answers", "outside.rs", &["responses_go_where_the_via_and_the_source_say"]),
    (
        "ACK and BYE go to the Contact by the Record-Route",
        "place.rs",
        &["a_call_is_placed_answered_acknowledged_and_hung_up"],
    ),
    (
        "connections and NAT bindings are used again",
        "crates/sip/src/dialog.rs",
        &[
            "requests_follow_the_route_set_or_the_flow",
            "a_number_seen_before_is_stale_and_the_flow_follows_the_peer",
        ],
    ),
    (
        "symmetric RTP with probation",
        "crates/media/src/latch/tests.rs",
        &[
            "another_address_is_believed_after_five_in_a_row",
            "while_the_signalled_source_speaks_nobody_else_is_believed",
        ],
    ),
    (
        "keys by timestamp and not by marker, three ends, long gaps",
        "crates/rtp/src/dtmf/tests.rs",
        &[
            "a_key_is_told_at_its_first_packet_and_its_three_ends_once",
            "a_lost_end_is_made_up_for_by_the_next_key_or_by_giving_up",
        ],
    ),
    (
        "payload types change in mid-call",
        "crates/sdp/tests/hazards/changes.rs",
        &["numbers_may_change_in_mid_call"],
    ),
    (
        "the transferor hangs up right after the 202",
        "refer.rs",
        &["a_transferor_that_hangs_up_after_the_202_hears_no_more_and_hurts_nothing"],
    ),
    ("Replaces finds the dialog it names", "replaces.rs", &["the_dialog_to_be_replaced_is_read_and_found"]),
];

#[test]
fn every_hazard_has_a_test() {
    let mut files: HashMap<String, String> = HashMap::new();
    for (hazard, file, tests) in [LINPHONE, SOFTPHONES, DESK_PHONES, TRUNKS, ALL].concat() {
        let path = if file.contains('/') { file.to_owned() } else { format!("{SIP}{file}") };
        let text = files.entry(path.clone()).or_insert_with(|| {
            let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        });
        for test in tests {
            assert!(text.contains(&format!("fn {test}(")), "{hazard}: there is no {test} in {path}");
        }
    }
}

#[test]
fn a_call_in_compact_and_folded_headers_is_a_call() {
    let compact = |text: String| {
        text.replace("\r\nVia: ", "\r\nv:\r\n ")
            .replace("\r\nFrom: ", "\r\nf : ")
            .replace("\r\nTo: ", "\r\nt:\t")
            .replace("\r\nCall-ID: ", "\r\ni: ")
            .replace("\r\nContact: ", "\r\nm:\r\n\t")
            .replace("\r\nContent-Type: ", "\r\nc: ")
            .replace("\r\nContent-Length: ", "\r\nl :\r\n  ")
            .replace(";branch", "\r\n ;branch")
            .replace(";tag", "\r\n ; tag")
    };
    let mut b = Bench::new();
    b.hear(&compact(invite()));
    let session = b.invited();
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let tag = to_tag(&b.sends(&["100", "200"])[1]);
    b.hear(&compact(request("ACK", 1, "a1", &tag, "", "")));
    b.tells(&["confirmed"]);
    b.hear(&compact(request("BYE", 2, "b1", &tag, "", "")));
    b.sends(&["200"]);
    b.tells(&["ended Bye { cause: None }"]);
    b.is_clean();
}

#[test]
fn a_description_beside_isup_is_the_offer() {
    let parts = format!(
        "--b1\r\nContent-Type: application/ISUP;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\x02\r\n\
         --b1\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--b1\r\nContent-Type: application/pidf+xml\r\n\r\n<presence/>\r\n--b1--\r\n"
    );
    let text = request("INVITE", 1, "i1", "", "", &parts);
    let mut b = Bench::new();
    b.hear(&text.replace(
        "Content-Type: application/sdp\r\nContent-Length",
        "Content-Type: multipart/mixed;boundary=b1\r\nContent-Length",
    ));
    let Event::Invited { invite, .. } = b.events.remove(0) else { panic!() };
    let offer = invite.offer.as_ref().unwrap();
    assert!(offer.is("application/sdp") && offer.bytes.starts_with(SDP.as_bytes()));
}

#[test]
fn an_invite_of_several_datagrams_length_is_taken_and_ours_stay_below_what_pjsip_reads() {
    let push = format!(";pn-provider=apns;pn-param={};pn-prid={}", "A".repeat(200), "B".repeat(1500));
    let long = format!("{SDP}{}", "a=candidate:1 1 UDP 2130706431 10.11.12.13 7078 typ host\r\n".repeat(40));
    let text =
        request("INVITE", 1, "i1", "", "", &long).replace("10.0.0.5:5070>", &format!("10.0.0.5:5070{push}>"));
    assert!(text.len() > 4_000);
    let mut b = Bench::new();
    b.hear(&text);
    let session = b.invited();
    assert!(b.endpoint.session(session).unwrap().remote_target.ends_with(&push));
    b.endpoint.answer(b.now, session, Some(sdp()), contact()).unwrap();
    b.drain();
    let sent = b.sends(&["100", "200"]);
    // PJSIP reads 4000 bytes of a datagram and drops the message if there is more.
    assert!(sent.iter().all(|text| text.len() < 1_300), "{}", sent[1].len());
}

#[test]
fn what_phones_ask_beside_calls_gets_a_clean_reply() {
    for (method, extra, statuses) in [
        ("SUBSCRIBE", "Event: message-summary\r\nExpires: 600\r\n", &["401", "407", "489"][..]),
        ("SUBSCRIBE", "Event: nobody-knows\r\n", &["401", "407", "489"]),
        ("PUBLISH", "Event: presence\r\nExpires: 600\r\n", &["401", "407", "489"]),
        ("NOTIFY", "Event: message-summary\r\nSubscription-State: active\r\n", &["481"]),
        ("NOTIFY", "Event: keep-alive\r\n", &["200"]),
        ("MESSAGE", "", &["401", "407", "200", "202", "404"]),
        ("INFO", "", &["481"]),
        ("UPDATE", "", &["481"]),
        ("PRACK", "RAck: 1 1 INVITE\r\n", &["481"]),
        ("REFER", "Refer-To: <sip:a@b>\r\n", &["481", "405", "403", "603"]),
        ("OPTIONS", "", &["200"]),
        ("FOO", "", &["501"]),
    ] {
        let mut b = Bench::new();
        b.hear(&request(method, 1, "x1", "", extra, ""));
        let answers: Vec<&str> = b.sent.iter().map(|(_, text)| &text["SIP/2.0 ".len()..][..3]).collect();
        let one = answers.len() == 1 || method == "MESSAGE";
        assert!(one && answers.iter().all(|a| statuses.contains(a)), "{method} {extra}: {answers:?}");
    }
}

#[test]
fn a_session_timer_nobody_asked_for_is_kept() {
    // The peer refreshes, and goes silent: the call ends when its time is over.
    let mut b = Bench::over(Transport::Tcp);
    let config = Config { seed: 42, session_expires: std::time::Duration::ZERO, ..Config::default() };
    b.endpoint = sip::Endpoint::new(config);
    let (session, sent) = place(&mut b, Some(sdp()));
    assert_eq!(find(&sent, "Session-Expires"), None);
    b.hear(&response(&sent, "200 OK", "t1", "Session-Expires: 120;refresher=uas\r\n", SDP));
    b.sends(&["ACK"]);
    b.tells(&["answered body"]);
    b.pass(std::time::Duration::from_secs(130));
    let starts: Vec<String> =
        b.sent.drain(..).map(|(_, t)| t.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(starts, ["BYE"]);
    b.tells(&["ended Expired"]);
    assert!(b.endpoint.session(session).is_none_or(|view| view.phase != "confirmed"));
}

#[test]
fn ringing_after_early_media_does_not_end_it() {
    let mut b = Bench::over(Transport::Tcp);
    let (_, sent) = place(&mut b, Some(sdp()));
    b.hear(&response(&sent, "183 Session Progress", "t1", "", SDP));
    b.hear(&response(&sent, "180 Ringing", "t1", "", ""));
    b.hear(&response(&sent, "183 Session Progress", "t1", "", SDP));
    b.hear(&response(&sent, "200 OK", "t1", "", SDP));
    let told: Vec<String> = b.events.drain(..).map(|event| format!("{event:?}")).collect();
    let early: Vec<bool> =
        told.iter().filter(|t| t.starts_with("Progressed")).map(|t| t.contains("early: 1")).collect();
    assert_eq!(early, [true, true, true], "one early dialog: {told:?}");
    assert!(told.last().unwrap().starts_with("Answered"), "{told:?}");
    b.sends(&["ACK"]);
}

#[test]
fn who_calls_by_a_trunks_word_reaches_the_call_and_ours_reaches_the_trunk() {
    let extra = "P-Asserted-Identity: \"Al\" <sip:+4930123@t.example;user=phone>, <tel:+4930123>\r\n\
        Privacy: id\r\nDiversion: <sip:+4940@t.example;user=phone>;reason=no-answer;counter=1\r\n\
        History-Info: <sip:+4940@t.example?Reason=SIP%3Bcause%3D408>;index=1, <sip:100@h>;index=1.1\r\n\
        Remote-Party-ID: <sip:+4930123@t.example>;party=calling;privacy=off;screen=yes\r\n";
    let mut b = Bench::new();
    let text = request("INVITE", 1, "i1", "", extra, SDP);
    b.hear(&text.replace("INVITE sip:100@192.0.2.1", "INVITE tel:100;phone-context=+4930"));
    let Event::Invited { invite, .. } = b.events.remove(0) else { panic!() };
    let called = &invite.request_uri;
    assert_eq!(
        (called.number().as_deref(), called.param("phone-context").as_deref()),
        (Some("100"), Some("+4930"))
    );
    let said = &invite.asserted;
    let numbers: Vec<_> = said.p_asserted.iter().map(|party| party.number().unwrap()).collect();
    assert_eq!(numbers, ["+4930123", "+4930123"]);
    assert!(said.is_anonymous() && said.p_asserted[1].is_tel());
    assert_eq!(
        (said.diversions[0].why, said.history[0].status(), said.remote_party.len()),
        (Why::NoAnswer, Some(408), 1)
    );

    let caller = Party::phone("+4930123", "t.example").named("Evil\"\r\nX: 1");
    let asserted = Asserted {
        p_asserted: vec![caller.clone(), Party::tel("+4930123")],
        remote_party: vec![RemoteParty::calling(caller.clone(), Hidden::Full)],
        privacy: Privacy::id(),
        diversions: vec![Diversion::new(Party::phone("+4940", "t.example"), Why::Busy)],
        ..Asserted::default()
    };
    let mut b = Bench::new();
    let invite = Invite {
        next: Next::Flow(b.flow),
        target: "sip:+49301@t.example;user=phone".into(),
        from: Party::anonymous().to_string(),
        to: "<sip:+49301@t.example;user=phone>".into(),
        user: "trunk".into(),
        offer: Offer::Ready(sdp()),
        credentials: None,
        headers: asserted.headers(),
        max_forwards: 70,
        follow: false,
    };
    b.endpoint.invite(b.now, invite);
    b.drain();
    let sent = b.sends(&["INVITE"]).remove(0);
    assert_eq!(find(&sent, "X"), None, "{sent}");
    let read = Asserted::of(&sip::Message::parse(sent.clone().into()).unwrap());
    assert_eq!(read.headers(), asserted.headers());
    assert!(
        header(&sent, "From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="),
        "{sent}"
    );
}
