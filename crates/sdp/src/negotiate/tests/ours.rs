//! One call's descriptions in their order: what stays, what changes, and how the version counts.

use super::*;
use crate::negotiate::{Ours, Terms};

fn begun() -> Ours {
    Ours::new(ours())
}

/// Answers these lines; the answer as text without its head, its version, and the terms.
#[track_caller]
fn answered(ours: &mut Ours, lines: &str) -> (String, u64, Terms) {
    let (answer, terms) = ours.answer(&with(lines)).unwrap();
    (below(&answer), answer.version(), terms)
}

/// The media lines of a description.
fn below(session: &Session) -> String {
    let text = session.to_string();
    text.split_once("t=0 0\r\n").unwrap().1.replace("\r\n", " ").trim_end().to_owned()
}

#[test]
fn the_version_grows_exactly_when_our_description_changes() {
    let mut ours = begun();
    let (_, first, terms) = answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    assert!(terms.changed && first == 3);
    // The peer refreshes its session: nothing is new, to it or to us.
    let (_, second, terms) = answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    assert!(!terms.changed && second == 3);
    // It moves, which changes nothing of what we say.
    let (_, third, terms) = answered(&mut ours, "m=audio 4002 RTP/AVP 0");
    assert!(terms.changed && third == 3);
    let (_, fourth, terms) = answered(&mut ours, "m=audio 4002 RTP/AVP 0\na=sendonly");
    assert!(terms.changed && fourth == 4);
    let (_, fifth, _) = answered(&mut ours, "m=audio 4002 RTP/AVP 0");
    assert_eq!(fifth, 5);
    let offer = ours.offer(Direction::SendRecv);
    assert_eq!((offer.version(), ours.offer(Direction::SendRecv).version()), (6, 6));
    assert_eq!(ours.said(), Some(offer.to_string().as_str()));
}

#[test]
fn a_refused_offer_changes_nothing() {
    let mut ours = begun();
    answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    let before = ours.agreed().cloned();
    for lines in
        ["m=audio 4000 RTP/AVP 18", "m=image 4000 udptl t38\nm=audio 0 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0"]
    {
        assert!(ours.answer(&with(lines)).is_err(), "{lines}");
    }
    assert_eq!(ours.agreed(), before.as_ref());
    assert_eq!(answered(&mut ours, "m=audio 4000 RTP/AVP 0").1, 3);
}

#[test]
fn our_hold_survives_the_peers_offers_until_we_resume() {
    let mut ours = begun();
    answered(&mut ours, "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000");
    let hold = ours.offer(Direction::SendOnly);
    assert!(below(&hold).ends_with("a=sendonly"));
    // Not answered yet: a peer's offer in between meets what is agreed.
    assert!(answered(&mut ours.clone(), "m=audio 4000 RTP/AVP 0").0.ends_with("a=sendrecv"));
    let terms = ours.accept(&with("m=audio 4000 RTP/AVP 0\na=recvonly")).unwrap();
    let audio = terms.audio.unwrap();
    assert_eq!((audio.direction, audio.held, terms.changed), (Direction::SendOnly, false, true));
    let (text, _, terms) = answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    assert!(text.ends_with("a=sendonly"), "{text}");
    assert_eq!(terms.audio.unwrap().direction, Direction::SendOnly);
    // Both hold.
    assert!(answered(&mut ours, "m=audio 4000 RTP/AVP 0\na=sendonly").0.ends_with("a=inactive"));
    assert_eq!(ours.wish(), Direction::SendOnly);
    assert!(below(&ours.offer(Direction::SendRecv)).ends_with("a=sendrecv"));
    let terms = ours.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    assert_eq!(terms.audio.unwrap().direction, Direction::SendRecv);
    // A peer that answers our hold as if nothing had been asked is held nevertheless.
    ours.offer(Direction::Inactive);
    let terms = ours.accept(&with("m=audio 4000 RTP/AVP 0\na=sendrecv")).unwrap();
    assert_eq!(terms.audio.unwrap().direction, Direction::Inactive);
}

#[test]
fn our_offers_keep_the_sessions_lines_profile_and_numbers() {
    let mut ours = begun();
    let lines = "m=video 9000 RTP/AVPF 99\nm=audio 4000 RTP/AVPF 111 101 96\na=rtpmap:111 PCMA/8000\n\
                 a=rtpmap:101 L16/44100\na=rtpmap:96 telephone-event/8000\nm=image 4002 udptl t38";
    answered(&mut ours, lines);
    assert_eq!(
        below(&ours.offer(Direction::SendRecv)),
        "m=video 0 RTP/AVPF 99 m=audio 20000 RTP/AVPF 0 111 96 a=rtpmap:0 PCMU/8000 a=rtpmap:111 PCMA/8000 \
         a=rtpmap:96 telephone-event/8000 a=fmtp:96 0-15 a=ptime:20 a=rtcp-mux \
         a=rtcp-xr:voip-metrics a=sendrecv m=image 0 udptl t38"
    );
    // Right place, although the peer forgot the declined lines.
    let terms = ours.accept(&with("m=audio 4000 RTP/AVPF 111 96")).unwrap();
    let audio = terms.audio.unwrap();
    assert_eq!(
        (audio.codec.name.as_str(), audio.payload_type, audio.receive_payload_type),
        ("PCMA", 111, 111)
    );
    assert_eq!(audio.telephone_event.unwrap().receive_payload_type, 96);
    let all = "m=video 0 RTP/AVPF 99\nm=audio 4010 RTP/AVPF 0\nm=image 0 udptl t38";
    assert_eq!(ours.accept(&with(all)).unwrap().audio.unwrap().remote.port(), 4_010);
}

#[test]
fn numbers_may_change_their_meaning_in_mid_call() {
    let mut ours = begun();
    answered(&mut ours, "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000");
    let lines = "m=audio 4000 RTP/AVP 101 96\na=rtpmap:101 PCMA/8000\na=rtpmap:96 telephone-event/8000";
    let (text, _, terms) = answered(&mut ours, lines);
    let audio = terms.audio.unwrap();
    assert_eq!(
        (audio.codec.name.as_str(), audio.payload_type, audio.receive_payload_type),
        ("PCMA", 101, 101)
    );
    assert_eq!(audio.telephone_event.unwrap().send_payload_type, 96);
    assert!(
        text.starts_with(
            "m=audio 20000 RTP/AVP 101 96 a=rtpmap:101 PCMA/8000 a=rtpmap:96 telephone-event/8000"
        )
    );
    assert!(terms.changed);
}

#[test]
fn audio_that_is_turned_off_and_on_again_is_answered_in_kind() {
    let mut ours = begun();
    assert!(ours.answer(&with("m=audio 0 RTP/AVP 0")).is_err());
    answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    let (text, _, terms) = answered(&mut ours, "m=audio 0 RTP/AVP 0");
    assert_eq!((text.as_str(), terms), ("m=audio 0 RTP/AVP 0", Terms { audio: None, changed: true }));
    assert_eq!(ours.agreed(), None);
    let (answer, terms) = ours.answer(&with("")).unwrap();
    assert_eq!((answer.media_count(), terms.changed), (0, false));
    let (text, _, terms) = answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    assert!(text.starts_with("m=audio 20000 RTP/AVP 0") && terms.changed);
    let (_, _, terms) = answered(&mut ours, "m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 0");
    assert_eq!(terms.audio.unwrap().remote.port(), 4_002);
    assert!(
        below(&ours.offer(Direction::SendRecv)).starts_with("m=audio 0 RTP/AVP 0 m=audio 20000 RTP/AVP 0 8")
    );
}

#[test]
fn the_line_in_use_is_kept_when_another_could_be_had_too() {
    let mut ours = begun();
    answered(&mut ours, "m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 0");
    let (text, _, terms) = answered(&mut ours, "m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0");
    assert_eq!(terms.audio.unwrap().remote.port(), 4_002);
    assert!(text.starts_with("m=audio 0 RTP/AVP 0 m=audio 20000"));
}

#[test]
fn an_answer_may_come_several_times_and_only_to_an_offer() {
    let mut ours = begun();
    assert_eq!(ours.accept(&with("m=audio 4000 RTP/AVP 0")), Err(Reject::NotOffered));
    ours.offer(Direction::SendRecv);
    // Ringing in one place, answered in another.
    let early = ours.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    assert!(early.changed);
    assert!(!ours.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap().changed);
    let late = ours.accept(&with("m=audio 5000 RTP/AVP 8")).unwrap();
    assert_eq!(late.audio.unwrap().codec.name, "PCMA");
    answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    assert_eq!(ours.accept(&with("m=audio 4000 RTP/AVP 0")), Err(Reject::NotOffered));
}

#[test]
fn a_declined_or_strange_answer_leaves_everything_as_it_was() {
    let mut ours = begun();
    answered(&mut ours, "m=audio 4000 RTP/AVP 0");
    let before = ours.agreed().cloned();
    ours.offer(Direction::SendOnly);
    assert_eq!(ours.accept(&with("m=audio 0 RTP/AVP 0")), Err(Reject::Declined));
    assert_eq!(ours.accept(&with("m=audio 4000 RTP/AVP 18")), Err(Reject::Codec));
    assert_eq!(ours.accept(&with("")), Err(Reject::NoAudio));
    assert_eq!((ours.agreed(), ours.wish()), (before.as_ref(), Direction::SendRecv));
}

#[test]
fn an_answer_with_several_codecs_says_which_others_may_come() {
    let mut ours = begun();
    ours.offer(Direction::SendRecv);
    let audio = ours.accept(&with("m=audio 4000 RTP/AVP 8 0 101")).unwrap().audio.unwrap();
    assert_eq!((audio.codec.name.as_str(), audio.others.len()), ("PCMA", 1));
    // The one codec is offered again, which leaves the peer no choice.
    ours.set_codecs(vec![audio.codec]);
    assert!(
        below(&ours.offer(Direction::SendRecv)).starts_with("m=audio 20000 RTP/AVP 8 101 a=rtpmap:8 PCMA")
    );
    assert!(ours.accept(&with("m=audio 4000 RTP/AVP 8 101")).unwrap().audio.unwrap().others.is_empty());
}

#[test]
fn what_goes_along_with_another_codec_has_its_clock() {
    let codecs = vec![Codec::new("opus", 107, 48_000), Codec::new("PCMU", 0, 8_000)];
    let mut ours = Ours::new(Capabilities { codecs, comfort_noise: true, ..ours() });
    let offer = below(&ours.offer(Direction::SendRecv));
    assert!(offer.starts_with("m=audio 20000 RTP/AVP 107 0 13 101 102 "), "{offer}");
    let answer = with(
        "m=audio 4000 RTP/AVP 107 0 13 101 102\na=rtpmap:107 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=rtpmap:102 telephone-event/48000",
    );
    let audio = ours.accept(&answer).unwrap().audio.unwrap();
    assert_eq!((audio.telephone_event.unwrap().receive_payload_type, audio.comfort_noise), (102, None));
    let [other] = &audio.others[..] else { panic!("{:?}", audio.others) };
    let event = other.telephone_event.unwrap();
    assert_eq!((other.codec.payload_type, event.receive_payload_type, event.clock), (0, 101, 8_000));
    assert_eq!(other.comfort_noise.unwrap().receive_payload_type, 13);
}

#[test]
fn an_answer_may_leave_out_what_our_offer_explains() {
    let mut wide = ours();
    wide.codecs = vec![Codec::new("opus", 96, 48_000), Codec::new("PCMU", 0, 8_000)];
    let mut ours = Ours::new(wide);
    assert!(below(&ours.offer(Direction::SendRecv)).starts_with(
        "m=audio 20000 RTP/AVP 96 0 101 102 a=rtpmap:96 opus/48000/2 a=rtpmap:0 PCMU/8000 \
         a=rtpmap:101 telephone-event/8000 a=fmtp:101 0-15 a=rtpmap:102 telephone-event/48000"
    ));
    let audio = ours.accept(&with("m=audio 4000 RTP/AVP 96 102 101")).unwrap().audio.unwrap();
    let event = audio.telephone_event.unwrap();
    assert_eq!((audio.codec.name.as_str(), event.clock, event.send_payload_type), ("opus", 48_000, 102));
    let audio = ours.accept(&with("m=audio 4000 RTP/AVP 0 102 101")).unwrap().audio.unwrap();
    assert_eq!(audio.telephone_event.unwrap().clock, 8_000);
}

#[test]
fn early_dialogs_of_a_fork_each_have_their_own() {
    let mut ours = begun();
    ours.offer(Direction::SendRecv);
    let (mut one, mut other) = (ours.clone(), ours);
    one.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap();
    other.accept(&with("m=audio 5000 RTP/AVP 8")).unwrap();
    assert_ne!(one.agreed(), other.agreed());
    assert_eq!(one.offer(Direction::SendOnly).version(), other.offer(Direction::SendOnly).version());
}
