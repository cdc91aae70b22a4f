//! Media lines, profiles, addresses and attributes of offers.

use super::*;

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
            "a=rtcp-xr:voip-metrics",
            "a=sendrecv",
            "m=video 0 RTP/AVPF 96"
        ]
    );
    assert!(audio.rtcp_mux && audio.voice_reports);
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
