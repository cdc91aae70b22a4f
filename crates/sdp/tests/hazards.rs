//! What real phones and trunks put into session descriptions, a test for each.
//!
//! | Peer | Hazard | Test |
//! |---|---|---|
//! | Linphone | answer in the profile offered: AVP, AVPF; SAVP, SAVPF | `the_profile_of_the_offer_is_the_answers`, `encrypted_profiles_are_declined_cleanly` |
//! | Linphone | the same m-lines, the rejected kept | `every_line_is_answered_in_its_place` |
//! | Linphone | `rtcp-fb:* trr-int`, `rtcp-xr`, `extmap`, `ssrc`, `msid`, BUNDLE | `feedback_and_browser_attributes_are_ignored` |
//! | Linphone | mixed session and media `c=`, one of them missing, several | `the_address_may_stand_anywhere` |
//! | Linphone | ICE with a private default address | `unused_ice_is_ignored_and_the_default_address_taken` |
//! | Linphone | ZRTP attributes, several `a=crypto` | `keys_beside_a_plain_profile_are_ignored` |
//! | Linphone | opus/48000 with telephone-event at 48000 and 8000 | `the_event_clock_is_the_codecs` |
//! | Linphone | CN at 8000 and 48000 | `comfort_noise_is_no_codec` |
//! | Linphone | Opus parameters, opus/48000 without channels | `parameters_of_opus_go_each_way_for_itself` |
//! | Browsers | `minptime`, fmtp twice, Opus packets of 120 ms | `parameters_of_opus_go_each_way_for_itself`, `packet_times_are_those_of_the_codec` |
//! | Desk phones | G722/16000 for G722/8000 | `the_clock_of_g722_is_8000_whatever_is_said` |
//! | Trunks | order of codecs | `the_peers_order_counts_in_answers_and_ours_in_offers` |
//! | Linphone | rtpmap omitted for static types | `static_types_need_no_rtpmap` |
//! | PJSIP, baresip, Zoiper | quick re-INVITE for codec lock or ICE | `a_re_offer_right_after_the_answer_is_answered` |
//! | PJSIP | `AES_256_CM` and `AES_CM_256` suite names | `keys_beside_a_plain_profile_are_ignored` |
//! | Desk phones | telephone-event/8000 beside 16 and 32 kHz codecs | `the_event_clock_is_the_codecs` |
//! | Desk phones | hold by sendonly, inactive, 0.0.0.0 | `every_spelling_of_hold_is_understood` |
//! | Trunks | re-INVITE with another codec: compatible answer or 488, never a stale one | `a_codec_change_is_followed_or_refused` |
//! | Trunks | offerless re-INVITE, delayed offer | `an_offer_of_ours_in_mid_call_says_what_is_in_use` |
//! | Trunks | 183 then 200, each with a description | `early_and_final_answers_may_differ` |
//! | General | payload type changed in mid-call | `numbers_may_change_in_mid_call`, `each_end_may_use_its_own_numbers` |
//! | General | packet times | `packet_times_are_followed_within_reason` |
//! | General | sloppy text | `sloppy_text_is_read` |
//! | General | `a=inactive`, port 0, no line at all | `audio_may_be_turned_off` |
//! | General | `o=` versions | `a_repeated_description_changes_nothing` |
//!
//! What is not about descriptions is in the `hazards` tests of the crate `sip`.

use sdp::negotiate::{self, Audio, Capabilities, Codec, Ours};
use sdp::{Direction, Reject, Session};

fn ours() -> Capabilities {
    Capabilities {
        codecs: vec![Codec::new("PCMU", 0, 8_000), Codec::new("PCMA", 8, 8_000)],
        telephone_event: true,
        comfort_noise: true,
        encryption: Default::default(),
        address: "198.51.100.1".parse().unwrap(),
        rtp_port: 20_000,
        ptime: 20,
        session_id: 7,
        version: 1,
    }
}

fn wide() -> Capabilities {
    let mut wide = ours();
    wide.codecs =
        vec![Codec::new("opus", 96, 48_000), Codec::new("G722", 9, 8_000), Codec::new("L16", 97, 16_000)];
    wide
}

const HEAD: &str = "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\n";

fn with(lines: &str) -> Session {
    read(&format!("{HEAD}{lines}\n"))
}

#[track_caller]
fn read(text: &str) -> Session {
    Session::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The answer's `m=` and `a=` lines, and the audio.
#[track_caller]
fn answer_to(offer: &Session, ours: &Capabilities) -> (Vec<String>, Audio) {
    let negotiated = negotiate::answer(offer, ours).unwrap_or_else(|e| panic!("{e}: {offer}"));
    let text = negotiated.answer.to_string();
    let is_media = |line: &&str| line.starts_with("m=") || line.starts_with("a=");
    (text.lines().filter(is_media).map(str::to_owned).collect(), negotiated.audio)
}

#[track_caller]
fn take(lines: &str) -> (Vec<String>, Audio) {
    answer_to(&with(lines), &ours())
}

fn refuse(lines: &str) -> Reject {
    negotiate::answer(&with(lines), &ours()).unwrap_err()
}

#[test]
fn the_profile_of_the_offer_is_the_answers() {
    for profile in ["RTP/AVP", "RTP/AVPF", "rtp/avp"] {
        let (lines, _) = take(&format!("m=audio 4000 {profile} 0"));
        assert_eq!(lines[0], format!("m=audio 20000 {profile} 0"));
    }
}

#[test]
fn encrypted_profiles_are_declined_cleanly() {
    for profile in ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/RTP/AVP", "udp"] {
        assert_eq!(refuse(&format!("m=audio 4000 {profile} 0")), Reject::Profile, "{profile}");
    }
    assert_eq!((Reject::Profile.status(), Reject::Profile.warning()), (488, 302));
    // Both ways offered: the plain line is taken, the other kept in its place.
    let (lines, audio) = take(
        "m=audio 4000 RTP/SAVP 0 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\nm=audio 4002 RTP/AVP 8 0",
    );
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("m=audio 0 RTP/SAVP 0 8", "m=audio 20000 RTP/AVP 8"));
    assert_eq!(audio.remote.port(), 4_002);
}

#[test]
fn every_line_is_answered_in_its_place() {
    let (lines, audio) = take(
        "m=text 4004 RTP/AVP 98 99\na=rtpmap:98 t140/1000\nm=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 8\n\
         m=video 4006 RTP/AVPF 97 98\nm=image 4008 udptl t38\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n\
         m=message 4010 TCP/MSRP *\nm=video 0 RTP/AVP 31",
    );
    let media: Vec<&str> = lines.iter().filter(|l| l.starts_with("m=")).map(String::as_str).collect();
    assert_eq!(
        media,
        [
            "m=text 0 RTP/AVP 98 99",
            "m=audio 20000 RTP/AVP 0",
            "m=audio 0 RTP/AVP 8",
            "m=video 0 RTP/AVPF 97 98",
            "m=image 0 udptl t38",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
            "m=message 0 TCP/MSRP *",
            "m=video 0 RTP/AVP 31",
        ]
    );
    assert_eq!(audio.remote.port(), 4_000);
    assert_eq!(refuse("m=video 4000 RTP/AVP 31"), Reject::NoAudio);
    assert_eq!(refuse("m=image 4000 udptl t38"), Reject::NoAudio);
}

#[test]
fn feedback_and_browser_attributes_are_ignored() {
    let (lines, audio) = take(
        "a=group:BUNDLE audio video\na=msid-semantic: WMS *\na=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup\n\
         a=extmap-allow-mixed\na=ice-options:trickle\n\
         m=audio 4000 RTP/AVPF 0\na=rtcp-fb:* trr-int 1000\na=rtcp-fb:* nack pli\na=rtcp-fb:0 ccm tmmbr\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\na=ssrc:314159 cname:x\na=msid:- track\na=mid:audio\n\
         a=rtcp-mux\na=rtcp-rsize\na=rtcp-xr:voip-metrics\na=setup:actpass\na=fingerprint:sha-256 AA:BB\n\
         m=video 4002 RTP/AVPF 96\na=mid:video",
    );
    assert_eq!(
        lines,
        [
            "m=audio 20000 RTP/AVPF 0",
            "a=rtpmap:0 PCMU/8000",
            "a=ptime:20",
            "a=rtcp-mux",
            "a=sendrecv",
            "m=video 0 RTP/AVPF 96"
        ]
    );
    assert!(audio.rtcp_mux);
}

#[test]
fn the_address_may_stand_anywhere() {
    let head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n";
    let check = |text: &str, expected: &str| {
        let (_, audio) = answer_to(&read(&format!("{head}{text}\n")), &ours());
        assert_eq!(audio.remote.to_string(), expected, "{text}");
    };
    check("c=IN IP4 192.0.2.2\nt=0 0\nm=audio 4000 RTP/AVP 0", "192.0.2.2:4000");
    check("t=0 0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.3", "192.0.2.3:4000");
    check("c=IN IP4 192.0.2.2\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.3", "192.0.2.3:4000");
    check("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.3", "192.0.2.3:4000");
    check(
        "m=video 1 RTP/AVP 31\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.3",
        "192.0.2.3:4000",
    );
    check("c=IN IP4 192.0.2.2\nc=IN IP4 192.0.2.8\nm=audio 4000 RTP/AVP 0", "192.0.2.2:4000");
    check("m=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.2\nc=IN IP4 192.0.2.8", "192.0.2.2:4000");
    check("c=in ip4 192.0.2.2  \nm=audio 4000 RTP/AVP 0", "192.0.2.2:4000");
    check("c=IN IP6 ::ffff:192.0.2.2\nm=audio 4000 RTP/AVP 0", "192.0.2.2:4000");
    check("m=audio 49170/2 RTP/AVP 0\nc=IN IP4 192.0.2.3", "192.0.2.3:49170");
    // None at all, the wrong family, a group.
    for text in ["", "c=IN IP6 2001:db8::1", "c=IN IP4 224.2.1.1/127/3", "c=IN IP4 300.1.2.3"] {
        let offer = read(&format!("{head}{text}\nm=audio 4000 RTP/AVP 0\n"));
        assert_eq!(negotiate::answer(&offer, &ours()), Err(Reject::Address), "{text}");
    }
    let mut six = ours();
    six.address = "2001:db8::1".parse().unwrap();
    let (_, audio) = answer_to(&with("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::7"), &six);
    assert_eq!(audio.remote.to_string(), "[2001:db8::7]:4000");
}

#[test]
fn a_host_name_is_looked_up_first() {
    let mut offer = read(
        "v=0\nc=IN IP4 media.example.com\nm=audio 4000 RTP/AVP 0\nc=IN IP4 Media2.example.com\nm=video 9 RTP/AVP 31\nc=IN IP4 other.example.com\n",
    );
    assert_eq!(offer.names(), ["media.example.com", "Media2.example.com"]);
    assert_eq!(negotiate::answer(&offer, &ours()), Err(Reject::Address));
    offer.resolve("media2.example.com", "192.0.2.5".parse().unwrap());
    assert_eq!(answer_to(&offer, &ours()).1.remote.to_string(), "192.0.2.5:4000");
    assert!(with("m=audio 1 RTP/AVP 0").names().is_empty());
}

#[test]
fn unused_ice_is_ignored_and_the_default_address_taken() {
    let (lines, audio) = take(
        "a=ice-ufrag:0aBc\na=ice-pwd:0123456789abcdef01234567\na=ice-lite\nm=audio 7078 RTP/AVP 0\n\
         c=IN IP4 10.11.12.13\na=rtcp:7179 IN IP4 10.11.12.14\n\
         a=candidate:1 1 UDP 2130706431 10.11.12.13 7078 typ host\n\
         a=candidate:2 1 UDP 1694498815 203.0.113.9 40000 typ srflx raddr 10.11.12.13 rport 7078\n\
         a=candidate:nonsense\na=remote-candidates:1 192.0.2.1 5000\na=end-of-candidates\na=ice-mismatch",
    );
    assert_eq!(audio.remote.to_string(), "10.11.12.13:7078");
    assert_eq!(audio.remote_rtcp.unwrap().to_string(), "10.11.12.14:7179");
    assert!(lines.iter().all(|l| !l.contains("ice") && !l.contains("candidate")), "{lines:?}");
}

#[test]
fn keys_beside_a_plain_profile_are_ignored() {
    let (lines, _) = take(
        "m=audio 4000 RTP/AVP 0\na=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA\na=crypto:2 AES_CM_256_HMAC_SHA1_80 inline:BBBB\n\
         a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:CCCC|2^31|1:1\na=crypto:x\na=zrtp-hash:1.10 0123456789\nk=base64:AAAA\na=key-mgmt:mikey AAAA",
    );
    assert_eq!(lines, ["m=audio 20000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv"]);
}

#[test]
fn the_event_clock_is_the_codecs() {
    let event = |ours: &Capabilities, lines: &str| {
        let (_, audio) = answer_to(&with(lines), ours);
        audio.telephone_event.map(|event| (event.send_payload_type, event.clock))
    };
    let both = "a=rtpmap:96 opus/48000/2\na=rtpmap:97 L16/16000\na=rtpmap:101 telephone-event/48000\na=rtpmap:100 telephone-event/8000";
    let narrow = format!("m=audio 4000 RTP/AVP 0 96 101 100\n{both}");
    assert_eq!(event(&ours(), &narrow), Some((100, 8_000)));
    assert_eq!(event(&wide(), &format!("m=audio 4000 RTP/AVP 96 0 101 100\n{both}")), Some((101, 48_000)));
    assert_eq!(event(&wide(), &format!("m=audio 4000 RTP/AVP 9 101 100\n{both}")), Some((100, 8_000)));
    // Desk phones have 8000 beside everything.
    assert_eq!(event(&wide(), &format!("m=audio 4000 RTP/AVP 97 100\n{both}")), Some((100, 8_000)));
    assert_eq!(event(&wide(), &format!("m=audio 4000 RTP/AVP 96 100\n{both}")), Some((100, 8_000)));
    // An event of another clock is none.
    assert_eq!(event(&ours(), &format!("m=audio 4000 RTP/AVP 0 101\n{both}")), None);
    assert_eq!(
        event(&ours(), "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 Telephone-Event/8000"),
        Some((101, 8_000))
    );
    let (lines, _) = answer_to(&with(&format!("m=audio 4000 RTP/AVP 96 101 100\n{both}")), &wide());
    assert_eq!(
        lines[..3],
        ["m=audio 20000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/48000"]
    );
}

#[test]
fn comfort_noise_is_no_codec() {
    let (lines, audio) = take(
        "m=audio 4000 RTP/AVP 13 118 0 101\na=rtpmap:13 CN/8000\na=rtpmap:118 CN/48000\na=rtpmap:101 telephone-event/8000",
    );
    assert_eq!(audio.codec.name, "PCMU");
    assert_eq!(lines[0], "m=audio 20000 RTP/AVP 0 13 101");
    assert_eq!(lines[2], "a=rtpmap:13 CN/8000");
    assert_eq!(audio.comfort_noise.map(|noise| noise.send_payload_type), Some(13));
    assert_eq!(refuse("m=audio 4000 RTP/AVP 13 118\na=rtpmap:118 CN/48000"), Reject::Codec);
    // Opus has its own.
    let opus = "m=audio 4000 RTP/AVP 96 118\na=rtpmap:96 opus/48000/2\na=rtpmap:118 CN/48000";
    assert_eq!(answer_to(&with(opus), &wide()).1.comfort_noise, None);
    let mut without = ours();
    without.comfort_noise = false;
    assert_eq!(answer_to(&with("m=audio 4000 RTP/AVP 0 13"), &without).0[0], "m=audio 20000 RTP/AVP 0");
}

#[test]
fn parameters_of_opus_go_each_way_for_itself() {
    let mut ours = wide();
    ours.codecs = vec![Codec::new("opus", 96, 48_000).with("useinbandfec=1")];
    for map in ["opus/48000/2", "opus/48000", "OPUS/48000/2"] {
        let (lines, audio) = answer_to(
            &with(&format!(
                "m=audio 4000 RTP/AVP 111\na=rtpmap:111 {map}\na=fmtp:111 minptime=10;usedtx=1\na=fmtp:111 maxplaybackrate=16000"
            )),
            &ours,
        );
        assert_eq!(lines[1..3], ["a=rtpmap:111 opus/48000/2", "a=fmtp:111 useinbandfec=1"], "{map}");
        let theirs = sdp::Opus::read(&audio.parameters);
        assert_eq!((theirs.max_playback_rate, theirs.dtx, theirs.fec), (16_000, true, false));
    }
    // What is said of another number is not about this codec.
    let (_, audio) =
        answer_to(&with("m=audio 4000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=fmtp:11 cbr=1"), &ours);
    assert_eq!(audio.parameters, "");
}

#[test]
fn the_clock_of_g722_is_8000_whatever_is_said() {
    for map in ["", "\na=rtpmap:9 G722/8000", "\na=rtpmap:9 G722/16000", "\na=rtpmap:9 g722/8000/1"] {
        let (lines, audio) = answer_to(&with(&format!("m=audio 4000 RTP/AVP 9{map}")), &wide());
        assert_eq!((audio.codec.clock, lines[1].as_str()), (8_000, "a=rtpmap:9 G722/8000"), "{map}");
    }
}

#[test]
fn packet_times_are_those_of_the_codec() {
    let opus = "m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2";
    let linear = "m=audio 4000 RTP/AVP 97\na=rtpmap:97 L16/16000";
    for (line, asked, ptime, maxptime) in [
        (opus, 10, 10, Some("a=maxptime:60")),
        (opus, 30, 20, Some("a=maxptime:60")),
        (opus, 50, 40, Some("a=maxptime:60")),
        (opus, 120, 60, Some("a=maxptime:60")),
        (linear, 60, 40, Some("a=maxptime:40")),
        (linear, 30, 30, Some("a=maxptime:40")),
        ("m=audio 4000 RTP/AVP 9", 50, 50, None),
    ] {
        let (lines, audio) = answer_to(&with(&format!("{line}\na=ptime:{asked}")), &wide());
        assert_eq!(audio.ptime_ms, ptime, "{line} {asked}");
        assert!(lines.contains(&format!("a=ptime:{ptime}")), "{lines:?}");
        assert_eq!(lines.iter().find(|line| line.contains("maxptime")).map(String::as_str), maxptime);
    }
}

#[test]
fn the_peers_order_counts_in_answers_and_ours_in_offers() {
    let any = "a=rtpmap:96 opus/48000/2\na=rtpmap:97 L16/16000";
    for (order, name) in [("97 9 96", "L16"), ("9 96 97", "G722"), ("0 8 96 9", "opus")] {
        assert_eq!(
            answer_to(&with(&format!("m=audio 4000 RTP/AVP {order}\n{any}")), &wide()).1.codec.name,
            name
        );
    }
    let mut ours = Ours::new(wide());
    let offer = ours.offer(Direction::SendRecv).to_string();
    assert!(offer.contains("m=audio 20000 RTP/AVP 96 9 97 "), "{offer}");
    // What the answer puts first is used, wherever we had it.
    assert_eq!(ours.accept(&with("m=audio 4000 RTP/AVP 97 96")).unwrap().audio.unwrap().codec.name, "L16");
}

#[test]
fn static_types_need_no_rtpmap() {
    assert_eq!(take("m=audio 4000 RTP/AVP 18 8 0").1.codec.name, "PCMA");
    assert_eq!(answer_to(&with("m=audio 4000 RTP/AVP 9"), &wide()).1.codec.name, "G722");
    // But an rtpmap counts, also where a static number means something else by it.
    assert_eq!(
        take("m=audio 4000 RTP/AVP 0 111\na=rtpmap:0 L16/8000\na=rtpmap:111 PCMA/8000").1.payload_type,
        111
    );
    assert_eq!(take("m=audio 4000 RTP/AVP 0\na=rtpmap:0 pcmu").1.codec.name, "PCMU");
    assert_eq!(refuse("m=audio 4000 RTP/AVP 96"), Reject::Codec);
}

#[test]
fn a_number_listed_twice_counts_once() {
    let (lines, _) = take(
        "m=audio 4000 RTP/AVP 0 0 8 101 101 0\na=rtpmap:101 telephone-event/8000\na=rtpmap:101 CN/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:0 PCMA/8000",
    );
    assert_eq!(lines[0], "m=audio 20000 RTP/AVP 0 101");
    let many = format!("m=audio 4000 RTP/AVP {}8", "96 ".repeat(20_000));
    let attributes = "a=fmtp:1 x\n".repeat(300);
    assert_eq!(take(&format!("{many}\n{attributes}")).1.codec.name, "PCMA");
}

#[test]
fn every_spelling_of_hold_is_understood() {
    // What we answer, whether we send, whether the peer hears us.
    for (lines, direction, held) in [
        ("m=audio 4000 RTP/AVP 0\na=sendonly", Direction::RecvOnly, true),
        ("m=audio 4000 RTP/AVP 0\na=recvonly", Direction::SendOnly, false),
        ("m=audio 4000 RTP/AVP 0\na=inactive", Direction::Inactive, true),
        ("a=sendonly\nm=audio 4000 RTP/AVP 0", Direction::RecvOnly, true),
        ("a=sendonly\nm=audio 4000 RTP/AVP 0\na=sendrecv", Direction::SendRecv, false),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0", Direction::RecvOnly, true),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=sendonly", Direction::RecvOnly, true),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=inactive", Direction::Inactive, true),
        ("m=audio 4000 RTP/AVP 0\na=SendOnly ", Direction::RecvOnly, true),
        ("m=audio 4000 RTP/AVP 0\na=sendrecv\na=sendonly", Direction::RecvOnly, true),
    ] {
        let (answer, audio) = take(lines);
        assert_eq!((audio.direction, audio.held), (direction, held), "{lines}");
        assert_eq!(answer.last().unwrap(), &format!("a={}", direction.name()), "{lines}");
        assert!(!audio.remote.ip().is_unspecified() || !audio.direction.sends(), "{lines}");
    }
    // Resumed by an attribute-less offer.
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=audio 4000 RTP/AVP 0\na=inactive")).unwrap();
    let (_, terms) = ours.answer(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    assert_eq!((terms.audio.unwrap().direction, terms.changed), (Direction::SendRecv, true));
    let mut six = crate::ours();
    six.address = "2001:db8::1".parse().unwrap();
    assert!(answer_to(&with("m=audio 4000 RTP/AVP 0\nc=IN IP6 ::"), &six).1.held);
}

#[test]
fn a_re_offer_right_after_the_answer_is_answered() {
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000")).unwrap();
    let (answer, terms) =
        ours.answer(&with("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000")).unwrap();
    assert!(!terms.changed);
    assert_eq!(answer.version(), 1, "the same answer keeps its version");
}

#[test]
fn a_codec_change_is_followed_or_refused() {
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=audio 4000 RTP/AVP 8")).unwrap();
    let (answer, terms) = ours.answer(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    assert!(terms.changed && answer.to_string().contains("RTP/AVP 0\r\n") && answer.version() == 2);
    assert_eq!(ours.answer(&with("m=audio 4000 RTP/AVP 18")), Err(Reject::Codec));
    // Fax instead of audio is refused too, so that it comes as audio.
    assert_eq!(ours.answer(&with("m=audio 0 RTP/AVP 0\nm=image 4000 udptl t38")), Err(Reject::NoAudio));
    assert_eq!(ours.agreed().unwrap().codec.name, "PCMU");
}

#[test]
fn an_offer_of_ours_in_mid_call_says_what_is_in_use() {
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=video 4 RTP/AVPF 99\nm=audio 4000 RTP/AVPF 8 96\na=rtpmap:96 telephone-event/8000"))
        .unwrap();
    let offer = ours.offer(Direction::SendRecv).to_string();
    assert!(offer.contains("m=video 0 RTP/AVPF 99\r\nm=audio 20000 RTP/AVPF 0 8 13 96\r\n"), "{offer}");
    let answer = with("m=video 0 RTP/AVPF 99\nm=audio 4004 RTP/AVPF 0 96\na=rtpmap:96 telephone-event/8000");
    assert_eq!(ours.accept(&answer).unwrap().audio.unwrap().remote.port(), 4_004);
}

#[test]
fn early_and_final_answers_may_differ() {
    let mut ours = Ours::new(ours());
    ours.offer(Direction::SendRecv);
    assert_eq!(ours.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap().audio.unwrap().remote.port(), 4_000);
    assert_eq!(ours.accept(&with("m=audio 5000 RTP/AVP 8")).unwrap().audio.unwrap().remote.port(), 5_000);
}

#[test]
fn numbers_may_change_in_mid_call() {
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000")).unwrap();
    let (_, terms) =
        ours.answer(&with("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000")).unwrap();
    let event = terms.audio.unwrap().telephone_event.unwrap();
    assert_eq!((terms.changed, event.send_payload_type, event.receive_payload_type), (true, 96, 96));
}

#[test]
fn each_end_may_use_its_own_numbers() {
    let audio = negotiate::accept(
        &ours(),
        &with("m=audio 4000 RTP/AVP 110 96\na=rtpmap:110 PCMU/8000\na=rtpmap:96 telephone-event/8000"),
    );
    let audio = audio.unwrap();
    assert_eq!((audio.payload_type, audio.receive_payload_type), (110, 0));
    let event = audio.telephone_event.unwrap();
    assert_eq!((event.send_payload_type, event.receive_payload_type), (96, 101));
    // What was never offered is no answer.
    assert_eq!(negotiate::accept(&ours(), &with("m=audio 4000 RTP/AVP 9 18")), Err(Reject::Codec));
    assert_eq!(negotiate::accept(&ours(), &with("m=audio 0 RTP/AVP 0")), Err(Reject::Declined));
    // Several codecs: the first counts, the others are told.
    let audio = negotiate::accept(&ours(), &with("m=audio 4000 RTP/AVP 8 0")).unwrap();
    assert_eq!((audio.codec.name.as_str(), audio.others[0].name.as_str()), ("PCMA", "PCMU"));
}

#[test]
fn packet_times_are_followed_within_reason() {
    for (lines, expected) in [
        ("", 20),
        ("a=ptime:30", 30),
        ("a=ptime:20\na=minptime:40", 40),
        ("a=ptime:60\na=maxptime:40", 40),
        ("a=minptime:10\na=maxptime:150", 20),
        ("a=ptime:240", 60),
        ("a=ptime:0", 20),
        ("a=PTIME:40", 40),
        ("a=maxptime:5", 10),
        ("a=ptime:20.5", 20),
        ("a=ptime:-20", 20),
    ] {
        let (answer, audio) = take(&format!("m=audio 4000 RTP/AVP 0\n{lines}"));
        assert_eq!(audio.ptime_ms, expected, "{lines}");
        assert!(answer.contains(&format!("a=ptime:{expected}")), "{lines}");
    }
}

#[test]
fn sloppy_text_is_read() {
    let plain = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n";
    let texts = [
        plain.replace("\r\n", "\n"),
        plain.trim_end().to_owned(),
        plain.replace("t=0 0\r\n", ""),
        plain.replace("s=-\r\n", "s=\r\n"),
        plain.replace("s=-\r\n", ""),
        plain.replace("o=- 1 1 IN IP4 192.0.2.7\r\n", ""),
        plain.replace("o=- 1 1 IN IP4 192.0.2.7\r\n", "o=x 99999999999999999999999999 1 IN IP4 h\r\n"),
        plain.replace("o=- 1 1", "o=a name with blanks 1 1"),
        plain.replace("\r\n", "  \r\n"),
        plain.replace("m=audio", "m=Audio"),
        plain.replace("m=audio 4000", "m=audio  4000 "),
        plain.replace("IN IP4", "in ip4"),
        plain.replace("t=0 0", "b=AS:64\r\nb=X-ODD:1\r\nb=TIAS:64000\r\nb=\r\nb=CT:x\r\nt=0 0"),
        plain.replace("t=0 0", "t=0 0\r\nt=now\r\nr=x\r\nz=y\r\ni=\r\nu=\r\ne=\r\np=\r\nk=\r\nW=?"),
        plain.replace("a=sendrecv", &"b=odd\r\n".repeat(10)),
        plain.replace("a=sendrecv", &"u=odd\r\nx\r\n".repeat(500)),
        format!("\r\n\r\n{plain}"),
        format!("{plain}\r\n\r\n"),
        format!("{plain}\0"),
        plain.replace("s=-", "s=\u{fc}\0"),
        // Lines in a wrong order.
        plain.replace("c=IN IP4 192.0.2.7\r\nt=0 0\r\n", "t=0 0\r\nc=IN IP4 192.0.2.7\r\n"),
    ];
    for text in texts {
        let (_, audio) = answer_to(&read(&text), &ours());
        assert_eq!(audio.remote.to_string(), "192.0.2.7:4000", "{text}");
    }
    for text in [
        "",
        "hello",
        "v=1\r\n",
        "m=audio 4000 RTP/AVP 0",
        "v=0\nc=IN IP4\nm=audio 1 RTP/AVP 0",
        "v=0\nm=audio x RTP/AVP 0",
    ] {
        let read = Session::parse(text.as_bytes());
        assert!(read.is_err(), "{text}");
    }
}

#[test]
fn audio_may_be_turned_off() {
    assert_eq!(refuse("m=audio 0 RTP/AVP 0"), Reject::NoAudio);
    assert_eq!(refuse(""), Reject::NoAudio);
    let mut ours = Ours::new(ours());
    ours.answer(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    let (answer, terms) = ours.answer(&with("m=audio 0 RTP/AVP 0")).unwrap();
    assert!(answer.to_string().ends_with("m=audio 0 RTP/AVP 0\r\n") && terms.audio.is_none());
    let (_, terms) = ours.answer(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    assert!(terms.audio.is_some() && terms.changed);
}

#[test]
fn a_repeated_description_changes_nothing() {
    let mut ours = Ours::new(ours());
    let offer = with("m=audio 4000 RTP/AVP 0");
    let (first, _) = ours.answer(&offer).unwrap();
    let (second, terms) = ours.answer(&offer).unwrap();
    assert_eq!((second.to_string(), terms.changed), (first.to_string(), false));
    // Counted without a change, and changed without counting: what is said counts.
    let counted = read(&offer.to_string().replace("o=- 1 1", "o=- 1 2"));
    assert!(!ours.answer(&counted).unwrap().1.changed);
    assert!(ours.answer(&with("m=audio 4002 RTP/AVP 0")).unwrap().1.changed);
    // The session id stays.
    assert!(ours.offer(Direction::Inactive).to_string().contains("o=- 7 2 IN"));
}

#[test]
fn rtcp_may_be_elsewhere_or_nowhere() {
    let rtcp =
        |lines: &str| take(&format!("m=audio 4000 RTP/AVP 0\n{lines}")).1.remote_rtcp.map(|a| a.to_string());
    assert_eq!(rtcp("").as_deref(), Some("192.0.2.7:4001"));
    assert_eq!(rtcp("a=rtcp:53020").as_deref(), Some("192.0.2.7:53020"));
    assert_eq!(rtcp("a=rtcp:53020 IN IP4 192.0.2.8").as_deref(), Some("192.0.2.8:53020"));
    assert_eq!(rtcp("a=rtcp:0").as_deref(), Some("192.0.2.7:4001"));
    assert_eq!(rtcp("b=RR:0\nb=RS:0"), None);
}
