//! Offers and answers with every codec there is.

use super::*;
use crate::negotiate::Ours;

/// All that the switch speaks.
fn all() -> Capabilities {
    Capabilities {
        codecs: vec![
            Codec::new("opus", 96, 48_000).with("useinbandfec=1"),
            Codec::new("G722", 9, 8_000),
            Codec::new("PCMU", 0, 8_000),
            Codec::new("PCMA", 8, 8_000),
            Codec::new("L16", 97, 16_000),
        ],
        comfort_noise: true,
        ..ours()
    }
}

#[test]
fn our_offer_has_each_codec_with_its_parameters_and_each_clock_once() {
    let text = offer(&all()).to_string();
    let (_, lines) = text.split_once("t=0 0\r\n").unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            "m=audio 20000 RTP/AVP 96 9 0 8 97 13 101 102 103 104",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:97 L16/16000",
            "a=rtpmap:13 CN/8000",
            "a=rtpmap:101 CN/16000",
            "a=rtpmap:102 telephone-event/8000",
            "a=fmtp:102 0-15",
            "a=rtpmap:103 telephone-event/16000",
            "a=fmtp:103 0-15",
            "a=rtpmap:104 telephone-event/48000",
            "a=fmtp:104 0-15",
            "a=ptime:20",
            "a=maxptime:40",
            "a=rtcp-mux",
            "a=rtcp-xr:voip-metrics",
            "a=sendrecv",
        ]
    );
}

/// An INVITE is one datagram as long as it has no more than 1,300 bytes (RFC 3261 §18.1.1), of which its headers take 600.
#[test]
fn an_offer_of_everything_leaves_room_for_the_headers_of_an_invite() {
    let size = |encryption| offer(&Capabilities { encryption, ..all() }).to_string().len();
    assert!(size(Encryption::default()) < 650, "{}", size(Encryption::default()));
}

#[test]
fn every_codec_of_ours_is_agreed_on_with_ourselves() {
    for codec in all().codecs {
        let one = Capabilities { codecs: vec![codec.clone()], ..all() };
        let offered = offer(&one);
        let negotiated = answer(&offered, &all()).unwrap();
        let accepted = accept(&one, &negotiated.answer).unwrap();
        assert!(accepted.codec.same(&codec) && negotiated.audio.codec.same(&codec));
        assert_eq!(accepted.parameters, codec.parameters, "{}", codec.name);
        assert_eq!(accepted.comfort_noise.is_some(), codec.name != "opus");
        assert_eq!(negotiated.audio.comfort_noise, accepted.comfort_noise);
        assert_eq!(accepted.telephone_event.unwrap().clock, codec.clock);
    }
}

/// RFC 3264 §8.3.2: a number keeps its meaning; comfort noise does, too.
#[test]
fn the_number_of_comfort_noise_stays() {
    let mut ours = Ours::new(all());
    let lines = "m=audio 4000 RTP/AVP 97 101\na=rtpmap:97 L16/16000\na=rtpmap:101 CN/16000";
    let (_, terms) = ours.answer(&with(lines)).unwrap();
    assert_eq!(terms.audio.unwrap().comfort_noise.unwrap().receive_payload_type, 101);
    let offer = ours.offer(Direction::SendRecv).to_string();
    assert!(offer.contains("a=rtpmap:101 CN/16000\r\n"), "{offer}");
    // The answer explains nothing, since our offer does.
    let audio = ours.accept(&with("m=audio 4000 RTP/AVP 97 101 103")).unwrap().audio.unwrap();
    assert_eq!(audio.comfort_noise.unwrap().send_payload_type, 101);
    assert_eq!(audio.telephone_event.unwrap().clock, 16_000);
}

#[test]
fn each_end_may_say_something_else_of_opus() {
    let mut ours = Ours::new(all());
    ours.offer(Direction::SendRecv);
    let lines =
        "m=audio 4000 RTP/AVP 107 0\na=rtpmap:107 opus/48000/2\na=fmtp:107 maxaveragebitrate=16000;cbr=1";
    let audio = ours.accept(&with(lines)).unwrap().audio.unwrap();
    assert_eq!((audio.payload_type, audio.receive_payload_type), (107, 96));
    let theirs = crate::Opus::read(&audio.parameters);
    assert_eq!((theirs.max_average_bitrate, theirs.cbr, theirs.fec), (Some(16_000), true, false));
    // Other parameters in mid-call are something new.
    let (_, terms) = ours
        .answer(&with("m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1"))
        .unwrap();
    assert!(terms.changed);
}

#[test]
fn a_wideband_offer_is_answered_by_the_peers_order() {
    let offer = with(LINPHONE);
    let audio = answer(&offer, &all()).unwrap().audio;
    assert_eq!((audio.codec.name.as_str(), audio.payload_type), ("opus", 96));
    assert_eq!(audio.telephone_event.unwrap().clock, 48_000);
    assert_eq!(audio.parameters, "useinbandfec=1");
}
