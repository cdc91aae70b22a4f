//! Offers as phones and trunks send them.

use super::*;

mod codecs;
mod ours;

fn ours() -> Capabilities {
    Capabilities {
        codecs: vec![Codec::new("PCMU", 0, 8_000), Codec::new("PCMA", 8, 8_000)],
        telephone_event: true,
        comfort_noise: false,
        encryption: Encryption::default(),
        address: "198.51.100.1".parse().unwrap(),
        rtp_port: 20_000,
        ptime: 20,
        session_id: 7,
        version: 3,
    }
}

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";

/// A session with these lines below the usual head.
fn with(lines: &str) -> Session {
    let lines: String = lines.trim().lines().map(|line| format!("{}\r\n", line.trim())).collect();
    Session::parse(format!("{HEAD}{lines}").as_bytes()).unwrap()
}

#[track_caller]
fn take(lines: &str) -> Negotiated {
    let offer = with(lines);
    let negotiated = answer(&offer, &ours()).unwrap();
    // Whatever else: the answer has the offer's lines in the offer's order, in the offer's profiles.
    assert_eq!(negotiated.answer.media_count(), offer.media_count());
    for (ours, theirs) in negotiated.answer.0.medias.iter().zip(&offer.0.medias) {
        assert_eq!((&ours.media, &ours.proto), (&theirs.media, &theirs.proto));
        if ours.port == 0 {
            assert_eq!(ours.fmt, theirs.fmt);
        }
    }
    assert_eq!(Session::parse(negotiated.answer.to_string().as_bytes()).unwrap(), negotiated.answer);
    negotiated
}

fn refuse(lines: &str) -> Reject {
    answer(&with(lines), &ours()).unwrap_err()
}

fn text(negotiated: &Negotiated) -> String {
    negotiated.answer.to_string()
}

/// An offer with all that Linphone 5 puts in one: AVPF, feedback, ICE, ZRTP, keys, three clocks of telephone-event, video.
const LINPHONE: &str = "
    b=AS:380
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
    a=record:off
    a=ice-ufrag:0aBc
    a=ice-pwd:0123456789abcdef01234567
    m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100
    c=IN IP4 10.11.12.13
    a=rtpmap:96 opus/48000/2
    a=fmtp:96 useinbandfec=1
    a=rtpmap:97 speex/16000
    a=rtpmap:98 speex/8000
    a=fmtp:18 annexb=yes
    a=rtpmap:101 telephone-event/48000
    a=rtpmap:99 telephone-event/16000
    a=rtpmap:100 telephone-event/8000
    a=rtcp-fb:* trr-int 1000
    a=rtcp-fb:* ccm tmmbr
    a=candidate:1 1 UDP 2130706431 10.11.12.13 7078 typ host
    a=candidate:1 2 UDP 2130706430 10.11.12.13 7079 typ host
    a=zrtp-hash:1.10 0123456789
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    m=video 9078 RTP/AVPF 96 97
    a=rtpmap:96 VP8/90000
    a=rtpmap:97 H264/90000
    a=rtcp-fb:* ccm fir
";

#[test]
fn linphones_offer_is_answered_in_its_profile_with_video_declined() {
    let negotiated = take(LINPHONE);
    let audio = &negotiated.audio;
    assert_eq!((audio.codec.name.as_str(), audio.payload_type, audio.receive_payload_type), ("PCMU", 0, 0));
    // Of three telephone-events the one with the codec's clock.
    let event = audio.telephone_event.unwrap();
    assert_eq!((event.send_payload_type, event.receive_payload_type, event.clock), (100, 100, 8_000));
    assert_eq!(audio.remote, "10.11.12.13:7078".parse().unwrap());
    assert_eq!(audio.remote_rtcp, Some("10.11.12.13:7079".parse().unwrap()));
    assert!(audio.voice_reports);
    let text = text(&negotiated);
    assert_eq!(
        text,
        "v=0\r\no=- 7 3 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVPF 0 100\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:100 telephone-event/8000\r\n\
         a=fmtp:100 0-15\r\na=ptime:20\r\na=rtcp-xr:voip-metrics\r\na=sendrecv\r\nm=video 0 RTP/AVPF 96 97\r\n"
    );
}

#[test]
fn the_callers_order_of_codecs_decides() {
    assert_eq!(take("m=audio 4000 RTP/AVP 18 8 0").audio.codec.name, "PCMA");
    assert_eq!(take("m=audio 4000 RTP/AVP 0 8").audio.codec.name, "PCMU");
}

#[test]
fn an_offer_without_telephone_event_is_answered_without() {
    let negotiated = take("m=audio 4000 RTP/AVP 0");
    assert_eq!(negotiated.audio.telephone_event, None);
    assert!(!text(&negotiated).contains("telephone-event"));
}

#[test]
fn an_event_of_another_clock_than_the_codecs_is_not_taken() {
    assert_eq!(
        take("m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/48000").audio.telephone_event,
        None
    );
    // But a desk phone's event at 8000 goes with a wideband codec.
    let mut wide = ours();
    wide.codecs = vec![Codec::new("L16", 98, 16_000)];
    let offer = with("m=audio 4000 RTP/AVP 98 101\na=rtpmap:98 L16/16000\na=rtpmap:101 telephone-event/8000");
    assert_eq!(answer(&offer, &wide).unwrap().audio.telephone_event.unwrap().clock, 8_000);
}

#[test]
fn codecs_may_have_other_numbers_and_static_numbers_other_meanings() {
    let negotiated = take("m=audio 4000 RTP/AVP 0 111\na=rtpmap:0 L16/8000\na=rtpmap:111 pcma/8000/1");
    assert_eq!((negotiated.audio.codec.name.as_str(), negotiated.audio.payload_type), ("PCMA", 111));
    assert!(text(&negotiated).contains("m=audio 20000 RTP/AVP 111\r\na=rtpmap:111 PCMA/8000\r\n"));
    assert_eq!(refuse("m=audio 4000 RTP/AVP 111\na=rtpmap:111 PCMU/8000/2"), Reject::Codec);
    assert_eq!(refuse("m=audio 4000 RTP/AVP 111\na=rtpmap:111 PCMU/16000"), Reject::Codec);
    assert_eq!(refuse("m=audio 4000 RTP/AVP 300 x 96"), Reject::Codec);
}

#[test]
fn hold_is_answered_with_its_mirror() {
    for (theirs, answered, sends, held) in [
        ("sendonly", Direction::RecvOnly, false, true),
        ("recvonly", Direction::SendOnly, true, false),
        ("inactive", Direction::Inactive, false, true),
        ("sendrecv", Direction::SendRecv, true, false),
    ] {
        for at_session in [true, false] {
            let line = "m=audio 4000 RTP/AVP 0";
            let lines =
                if at_session { format!("a={theirs}\n{line}") } else { format!("{line}\na={theirs}") };
            let negotiated = take(&lines);
            assert_eq!(negotiated.audio.direction, answered, "{theirs}");
            assert_eq!(
                (negotiated.audio.direction.sends(), negotiated.audio.held),
                (sends, held),
                "{theirs}"
            );
            assert!(text(&negotiated).ends_with(&format!("a={}\r\n", answered.name())));
        }
    }
    // The media line's own direction counts before the session's.
    assert_eq!(take("a=inactive\nm=audio 4000 RTP/AVP 0\na=sendrecv").audio.direction, Direction::SendRecv);
}

#[test]
fn an_address_of_zero_is_hold_too() {
    let negotiated = take("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0");
    assert!(negotiated.audio.held);
    assert_eq!(negotiated.audio.direction, Direction::RecvOnly);
    assert_eq!(negotiated.audio.remote_rtcp, None);
    assert_eq!(
        take("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=sendonly").audio.direction,
        Direction::RecvOnly
    );
    assert_eq!(
        take("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=recvonly").audio.direction,
        Direction::Inactive
    );
}

#[test]
fn the_media_lines_address_counts_before_the_sessions() {
    let negotiated =
        take("m=video 9000 RTP/AVP 96\nc=IN IP4 203.0.113.5\nm=audio 4000 RTP/AVP 0\nc=IN IP4 203.0.113.9");
    assert_eq!(negotiated.audio.remote, "203.0.113.9:4000".parse().unwrap());
    assert_eq!(take("m=audio 4000 RTP/AVP 0").audio.remote, "192.0.2.7:4000".parse().unwrap());
}

#[test]
fn addresses_that_cannot_be_sent_to_are_refused() {
    for address in ["IP4 phone.example.com", "IP4 224.2.1.1/127", "IP6 2001:db8::1", "IP4 300.1.1.1"] {
        assert_eq!(refuse(&format!("m=audio 4000 RTP/AVP 0\nc=IN {address}")), Reject::Address, "{address}");
    }
    let offer = Session::parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
    assert_eq!(answer(&offer, &ours()), Err(Reject::Address));
}

#[test]
fn ipv6_meets_ipv6() {
    let mut six = ours();
    six.address = "2001:db8::1".parse().unwrap();
    let negotiated = answer(&with("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::7"), &six).unwrap();
    assert_eq!(negotiated.audio.remote, "[2001:db8::7]:4000".parse().unwrap());
    assert!(text(&negotiated).contains("c=IN IP6 2001:db8::1\r\n"));
}

#[test]
fn what_is_not_supported_is_refused_with_its_reason() {
    assert_eq!(refuse("m=audio 4000 RTP/AVP 9 18 96\na=rtpmap:96 opus/48000/2"), Reject::Codec);
    assert_eq!(refuse("m=audio 4000 RTP/SAVP 0"), Reject::Profile);
    assert_eq!(refuse("m=audio 4000 UDP/TLS/RTP/SAVPF 0"), Reject::Profile);
    assert_eq!(refuse("m=audio 0 RTP/AVP 0"), Reject::NoAudio);
    assert_eq!(refuse("m=image 4000 udptl t38"), Reject::NoAudio);
    assert_eq!(answer(&with(""), &ours()), Err(Reject::NoAudio));
    assert_eq!((Reject::Codec.status(), Reject::Codec.warning()), (488, 305));
}

#[test]
fn of_a_secure_and_a_plain_line_the_plain_one_is_taken() {
    let negotiated =
        take("m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:A\nm=audio 4002 RTP/AVP 0");
    assert_eq!(negotiated.audio.remote.port(), 4_002);
    assert!(text(&negotiated).contains("m=audio 0 RTP/SAVP 0\r\nm=audio 20000 RTP/AVP 0\r\n"));
    assert!(!text(&negotiated).contains("crypto"));
}

#[test]
fn only_the_first_of_two_audio_lines_is_taken_and_a_dead_one_stays_dead() {
    let negotiated = take("m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 8\nm=text 4004 RTP/AVP 98");
    assert_eq!(negotiated.audio.remote.port(), 4_000);
    let lines: Vec<u16> = negotiated.answer.0.medias.iter().map(|media| media.port).collect();
    assert_eq!(lines, [20_000, 0, 0]);
    let negotiated = take("m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 8");
    assert_eq!(negotiated.answer.0.medias[0].port, 0);
    assert_eq!(negotiated.audio.remote.port(), 4_002);
}

#[test]
fn bundle_is_declined_by_silence_and_rtcp_shares_a_port() {
    let negotiated = take(
        "a=group:BUNDLE 0 1\nm=audio 4000 RTP/AVPF 0\na=mid:0\na=rtcp-mux\nm=video 4000 RTP/AVPF 96\na=mid:1",
    );
    assert!(negotiated.audio.rtcp_mux);
    assert_eq!(negotiated.audio.remote_rtcp, Some(negotiated.audio.remote));
    let text = text(&negotiated);
    assert!(text.contains("a=rtcp-mux\r\n") && !text.contains("BUNDLE") && !text.contains("mid"));
}

#[test]
fn the_peers_packet_time_is_followed_within_reason() {
    for (lines, expected) in [
        ("", 20),
        ("a=ptime:30", 30),
        ("a=ptime:10", 10),
        ("a=ptime:5", 10),
        ("a=ptime:200", 60),
        ("a=ptime:0", 20),
        ("a=ptime:25", 20),
        ("a=ptime:20.0", 20),
        ("a=ptime: 40 ", 40),
        ("a=ptime:x", 20),
        ("a=ptime", 20),
        ("a=ptime:60\na=maxptime:40", 40),
        ("a=maxptime:10", 10),
        ("a=maxptime:150", 20),
        ("a=ptime:99999999999", 20),
    ] {
        let negotiated = take(&format!("m=audio 4000 RTP/AVP 0\n{lines}"));
        assert_eq!(negotiated.audio.ptime_ms, expected, "{lines}");
        assert!(text(&negotiated).contains(&format!("a=ptime:{expected}\r\n")));
    }
}

#[test]
fn rtcp_goes_where_the_peer_says() {
    let rtcp = |lines: &str| {
        take(&format!("m=audio 4000 RTP/AVP 0\n{lines}")).audio.remote_rtcp.map(|at| at.to_string())
    };
    assert_eq!(rtcp("").as_deref(), Some("192.0.2.7:4001"));
    assert_eq!(rtcp("a=rtcp:5000").as_deref(), Some("192.0.2.7:5000"));
    assert_eq!(rtcp("a=rtcp:5000 IN IP4 192.0.2.9").as_deref(), Some("192.0.2.9:5000"));
    assert_eq!(rtcp("a=rtcp:nonsense").as_deref(), Some("192.0.2.7:4001"));
    assert_eq!(rtcp("b=RS:0\nb=RR:0"), None);
    assert_eq!(take("m=audio 65535 RTP/AVP 0").audio.remote_rtcp, None);
}

#[test]
fn our_offer_says_all_we_can_do() {
    assert_eq!(
        offer(&ours()).to_string(),
        "v=0\r\no=- 7 3 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n\
         a=rtcp-mux\r\na=rtcp-xr:voip-metrics\r\na=sendrecv\r\n"
    );
}

#[test]
fn rtcp_shares_a_port_where_the_answer_says_so_and_has_its_own_where_not() {
    for (lines, muxed, rtcp) in
        [("a=rtcp-mux", true, 4_000), ("", false, 4_001), ("a=rtcp:5000\na=rtcp-mux", true, 4_000)]
    {
        let mut session = Ours::new(ours());
        assert!(session.offer(Direction::SendRecv).to_string().contains("a=rtcp-mux\r\n"));
        let answer = with(&format!("m=audio 4000 RTP/AVP 0\n{lines}"));
        let audio = session.accept(&answer).unwrap().audio.unwrap();
        assert_eq!(audio.rtcp_mux, muxed);
        assert_eq!(audio.remote_rtcp, Some(SocketAddr::new(audio.remote.ip(), rtcp)));
        // The peer may think otherwise later on.
        let again = session.offer(Direction::SendOnly).to_string();
        assert!(again.contains("a=rtcp-mux\r\n"));
        let audio = session.accept(&with("m=audio 4000 RTP/AVP 0\na=rtcp-mux")).unwrap().audio.unwrap();
        assert_eq!(audio.remote_rtcp, Some(audio.remote));
    }
}

#[test]
fn who_tells_how_it_hears_is_told_and_asked_the_same() {
    for (line, wanted) in [
        ("a=rtcp-xr:voip-metrics", true),
        ("a=rtcp-xr:rcvr-rtt=all:100 VoIP-Metrics", true),
        ("a=rtcp-xr:rcvr-rtt=all", false),
        ("", false),
    ] {
        let negotiated = take(&format!("m=audio 4000 RTP/AVP 0\n{line}"));
        assert_eq!(negotiated.audio.voice_reports, wanted);
        assert_eq!(text(&negotiated).contains("a=rtcp-xr:voip-metrics\r\n"), wanted, "{line}");
    }
    let audio = accept(&ours(), &with("m=audio 4000 RTP/AVP 0\na=rtcp-xr:voip-metrics")).unwrap();
    assert!(audio.voice_reports);
}

#[test]
fn an_answer_with_other_numbers_is_sent_by_its_numbers_and_heard_by_ours() {
    let lines = "m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\na=ptime:30";
    let audio = accept(&ours(), &with(lines)).unwrap();
    assert_eq!((audio.codec.name.as_str(), audio.payload_type, audio.receive_payload_type), ("PCMA", 8, 8));
    let event = audio.telephone_event.unwrap();
    assert_eq!((event.send_payload_type, event.receive_payload_type), (96, 101));
    assert_eq!(audio.ptime_ms, 30);
}

#[test]
fn an_answer_that_declines_or_strays_is_refused() {
    let accept = |lines| accept(&ours(), &with(lines)).unwrap_err();
    assert_eq!(accept("m=audio 0 RTP/AVP 0"), Reject::Declined);
    assert_eq!(accept("m=audio 4000 RTP/AVP 9"), Reject::Codec);
    assert_eq!(accept(""), Reject::NoAudio);
}

#[test]
fn two_of_us_understand_each_other() {
    let mut theirs = ours();
    theirs.codecs.reverse();
    theirs.address = "192.0.2.9".parse().unwrap();
    theirs.rtp_port = 30_000;
    let offered = offer(&ours());
    let negotiated = answer(&offered, &theirs).unwrap();
    let accepted = accept(&ours(), &negotiated.answer).unwrap();
    assert_eq!(accepted.codec.name, negotiated.audio.codec.name);
    assert_eq!(accepted.remote, "192.0.2.9:30000".parse().unwrap());
    assert_eq!(negotiated.audio.remote, "198.51.100.1:20000".parse().unwrap());
    assert_eq!(accepted.telephone_event, negotiated.audio.telephone_event);
}

#[test]
fn an_event_number_of_ours_is_never_a_codecs() {
    let mut ours = ours();
    ours.codecs.push(Codec::new("L16", 101, 16_000));
    assert!(offer(&ours).to_string().contains("m=audio 20000 RTP/AVP 0 8 101 102 103\r\n"));
}

/// Whatever comes, it is read or refused, and an answer to it can be read again and has its lines.
#[test]
fn mutated_offers_never_panic() {
    let seed = format!("{HEAD}{}", LINPHONE.trim().replace("\n    ", "\r\n"));
    let spice: [&[u8]; 12] = [
        b"m=audio 1 RTP/AVP 0\r\n",
        b"a=rtpmap:",
        b"c=IN IP4 ",
        b"\r\n",
        b"\n",
        b"\0",
        b"/",
        b" ",
        b"=",
        b"65536",
        b"-1",
        b"\xff\xfe",
    ];
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below.max(1)
    };
    let (mut read, mut answered) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = seed.clone().into_bytes();
        for _ in 0..1 + random(8) {
            if bytes.is_empty() {
                break;
            }
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.splice(at..at, spice[random(spice.len())].iter().copied())),
                2 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                _ => bytes.truncate(at + 1),
            }
        }
        let Ok(offer) = Session::parse(&bytes) else { continue };
        read += 1;
        let Ok(negotiated) = answer(&offer, &ours()) else { continue };
        answered += 1;
        let again = Session::parse(negotiated.answer.to_string().as_bytes()).unwrap();
        assert_eq!(again.media_count(), offer.media_count());
        let _ = accept(&ours(), &offer);
    }
    assert!(read > 5_000 && answered > 2_000, "{read} read, {answered} answered");
}
