//! What real phones and trunks put into session descriptions, a test for each.
//!
//! | Peer | Hazard | Test |
//! |---|---|---|
//! | Linphone | answer in the profile offered: AVP, AVPF; SAVP, SAVPF | `the_profile_of_the_offer_is_the_answers`, `encrypted_profiles_are_declined_cleanly` |
//! | Linphone | the same m-lines, the rejected kept | `every_line_is_answered_in_its_place` |
//! | Linphone | `rtcp-xr` wanted, beside formats that are not ours | `feedback_and_browser_attributes_are_ignored` |
//! | Linphone | `rtcp-fb:* trr-int`, `extmap`, `ssrc`, `msid`, BUNDLE | `feedback_and_browser_attributes_are_ignored` |
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

mod changes;
mod codecs;
mod lines;

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
