//! What changes while a call goes on, and text that is written sloppily.

use super::*;

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
    assert_eq!((audio.codec.name.as_str(), audio.others[0].codec.name.as_str()), ("PCMA", "PCMU"));
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
