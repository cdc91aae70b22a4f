//! Codecs, their numbers, clocks, parameters and packet times.

use super::*;

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
