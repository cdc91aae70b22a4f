//! Secured offers as phones send them, and ours.

use super::*;
use crate::negotiate::{Audio, Capabilities, Codec, Ours};
use crate::{Direction, Session};

const SHA1_80: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const GCM_256: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=";
const SHA_256: &str =
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF";

fn capabilities(policy: Policy, keying: Keying) -> Capabilities {
    let mut secrets = Secrets::default();
    secrets.0.iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
    let fingerprint = Some(Fingerprint { digest: Digest::Sha256, bytes: vec![0xab; 32] });
    Capabilities {
        codecs: vec![Codec::new("PCMU", 0, 8_000)],
        telephone_event: false,
        comfort_noise: false,
        encryption: Encryption { policy, keying, secrets, fingerprint, roomy: false },
        address: "198.51.100.1".parse().unwrap(),
        rtp_port: 20_000,
        ptime: 20,
        session_id: 7,
        version: 3,
    }
}

fn ours(policy: Policy, keying: Keying) -> Ours {
    Ours::new(capabilities(policy, keying))
}

fn with(lines: &str) -> Session {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";
    Session::parse(format!("{head}{lines}").as_bytes()).unwrap()
}

/// What comes of an offer, and how the answer says it.
#[track_caller]
fn take(ours: &mut Ours, lines: &str) -> (Audio, String) {
    let (answer, terms) = ours.answer(&with(lines)).unwrap();
    assert_eq!(Session::parse(answer.to_string().as_bytes()).unwrap(), answer);
    (terms.audio.unwrap(), answer.to_string())
}

fn refuse(policy: Policy, lines: &str) -> Reject {
    ours(policy, Keying::Sdes).answer(&with(lines)).unwrap_err()
}

#[test]
fn the_strongest_of_several_keys_is_taken_and_answered_with_its_tag() {
    let mut ours = ours(Policy::Offered, Keying::Sdes);
    let (audio, text) = take(
        &mut ours,
        &format!(
            "m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{SHA1_80}|2^31|1:1
             a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{SHA1_80}|2^31
             a=crypto:x\na=crypto:3 F8_128_HMAC_SHA1_80 inline:{SHA1_80}\na=crypto:7 AEAD_AES_256_GCM inline:{GCM_256}"
        ),
    );
    let Security::Sdes { tag: 7, send, receive } = &audio.security else { panic!("{:?}", audio.security) };
    assert_eq!(
        (receive.suite.name, receive.bytes.clone()),
        ("AEAD_AES_256_GCM", (0..44).collect::<Vec<u8>>())
    );
    assert_eq!(send.bytes, (132..176).collect::<Vec<u8>>());
    assert!(text.contains("m=audio 20000 RTP/SAVP 0\r\n"));
    assert!(
        text.contains(&format!("a=crypto:7 AEAD_AES_256_GCM inline:{}\r\n", base64::encode(&send.bytes)))
    );
    assert_eq!(text.matches("a=crypto").count(), 1);
    assert_eq!(format!("{send:?}"), "Key(AEAD_AES_256_GCM)");
}

#[test]
fn both_spellings_of_aes_256_are_read_and_answered_as_they_came() {
    let key = base64::encode(&[9; 46]);
    for spelling in ["AES_256_CM_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80", "aes_cm_256_hmac_sha1_32"] {
        let lines = format!("m=audio 4000 RTP/SAVPF 0\na=crypto:1 {spelling} inline:{key}");
        let (audio, text) = take(&mut ours(Policy::Offered, Keying::Sdes), &lines);
        assert!(text.contains(&format!("a=crypto:1 {spelling} inline:")), "{text}");
        let Security::Sdes { receive, .. } = audio.security else { panic!() };
        assert_eq!(receive.suite.len, 46);
    }
}

#[test]
fn demands_that_we_do_not_meet_make_a_line_unusable() {
    let line =
        |rest: &str| format!("m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{rest}");
    for rest in [
        format!("{SHA1_80} UNENCRYPTED_SRTP"),
        format!("{SHA1_80} UNAUTHENTICATED_SRTP"),
        format!("{SHA1_80} KDR=4"),
        format!("{SHA1_80} SOMETHING_NEW=1"),
        format!("{SHA1_80}|2^20|1:4;inline:{SHA1_80}|2^20|2:4"),
        format!("{SHA1_80}AAAA"),
        SHA1_80.replace('W', "*"),
        String::new(),
    ] {
        assert_eq!(refuse(Policy::Offered, &line(&rest)), Reject::Encryption, "{rest}");
    }
    for (rest, identifier) in [
        (format!("{SHA1_80}|2^31|1:1 WSH=64"), 1),
        (format!("{SHA1_80}|1:4 KDR=0"), 4),
        (format!("{SHA1_80}|1048576 -NOVEL=1"), 0),
    ] {
        let (audio, _) = take(&mut ours(Policy::Offered, Keying::Sdes), &line(&rest));
        let Security::Sdes { receive, .. } = audio.security else { panic!() };
        assert_eq!(receive.identifier, identifier, "{rest}");
    }
}

#[test]
fn the_policy_decides() {
    let secure = format!("m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SHA1_80}");
    let wish = secure.replace("SAVP", "AVP");
    let plain = "m=audio 4000 RTP/AVP 0";
    assert_eq!(refuse(Policy::Off, &secure), Reject::Profile);
    assert_eq!(refuse(Policy::Required, plain), Reject::Encryption);
    assert_eq!(refuse(Policy::Offered, "m=audio 4000 RTP/SAVP 0"), Reject::Encryption);
    assert_eq!(refuse(Policy::Offered, "m=audio 4000 UDP/TLS/RTP/SAVPF 0"), Reject::Encryption);
    let taken = |policy, lines: &str| take(&mut ours(policy, Keying::Sdes), lines);
    assert_eq!(taken(Policy::Off, &wish).0.security, Security::None);
    assert!(!taken(Policy::Off, &wish).1.contains("crypto"));
    for policy in [Policy::Offered, Policy::Preferred, Policy::Required] {
        for lines in [&secure, &wish] {
            let (audio, text) = taken(policy, lines);
            assert!(matches!(audio.security, Security::Sdes { .. }), "{policy:?} {lines}");
            assert!(text.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"));
            let profile = |text: &str| {
                text.lines()
                    .find_map(|line| Some(line.strip_prefix("m=audio ")?.split(' ').nth(1)?.to_owned()))
            };
            assert_eq!(profile(&text), profile(lines), "the answer has the profile of the offer");
        }
    }
    assert_eq!(taken(Policy::Preferred, plain).0.security, Security::None);
    // Of a secured and a plain line the first counts.
    let (audio, text) = taken(Policy::Offered, &format!("{secure}\nm=audio 4002 RTP/AVP 0"));
    assert!(matches!(audio.security, Security::Sdes { .. }));
    assert!(text.contains("m=audio 0 RTP/AVP 0"));
}

#[test]
fn a_handshake_is_answered_in_the_role_that_is_left() {
    for (setup, active, said) in
        [("actpass", false, "passive"), ("passive", true, "active"), ("active", false, "passive")]
    {
        for at_session in [false, true] {
            let print = format!("a=fingerprint:{SHA_256}\na=setup:{setup}\n");
            let line = "m=audio 4000 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux\n";
            let lines = if at_session { print + line } else { line.to_owned() + &print };
            let (audio, text) = take(&mut ours(Policy::Offered, Keying::Sdes), &lines);
            let Security::Dtls { fingerprints, active: we } = &audio.security else { panic!() };
            assert_eq!((fingerprints[0].to_string().as_str(), *we), (SHA_256, active));
            assert!(
                text.contains(&format!("a=setup:{said}\r\n"))
                    && text.contains("a=fingerprint:sha-256 AB:AB:")
            );
            assert!(audio.rtcp_mux && text.contains("a=rtcp-mux\r\n"));
            assert_eq!(audio.remote_rtcp, Some(audio.remote));
        }
    }
    let lines = format!("m=audio 4000 RTP/SAVPF 0\na=fingerprint:{SHA_256}\na=setup:actpass");
    let (audio, _) = take(&mut ours(Policy::Offered, Keying::Sdes), &lines);
    assert!(matches!(audio.security, Security::Dtls { .. }), "as gateways had it before RFC 5764");
    assert_eq!(audio.remote_rtcp, None, "a port of its own would take a handshake of its own");
    let mut without = capabilities(Policy::Offered, Keying::Sdes);
    without.encryption.fingerprint = None;
    assert_eq!(Ours::new(without).answer(&with(&lines)).unwrap_err(), Reject::Encryption);
}

#[test]
fn the_best_hash_counts_and_bad_ones_do_not() {
    let sha1 = "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
    let of = |lines: &str| {
        let offer = with(&format!("m=audio 4000 UDP/TLS/RTP/SAVP 0\na=setup:active\n{lines}"));
        let audio = ours(Policy::Offered, Keying::Sdes).answer(&offer).ok()?.1.audio?;
        let Security::Dtls { fingerprints, .. } = audio.security else { return None };
        Some(fingerprints.iter().map(|one| one.digest).collect::<Vec<_>>())
    };
    assert_eq!(of(&format!("a=fingerprint:{sha1}")), Some(vec![Digest::Sha1]));
    assert_eq!(of(&format!("a=fingerprint:{sha1}\na=fingerprint:{SHA_256}")), Some(vec![Digest::Sha256]));
    for bad in ["sha-256 4A:AD", "md5 4A:AD", "sha-1 zz", "sha-256", &sha1.replace(':', "")] {
        assert_eq!(of(&format!("a=fingerprint:{bad}")), None, "{bad}");
    }
}

#[test]
fn our_offers_say_what_the_policy_wants() {
    let text = |policy, keying| ours(policy, keying).offer(Direction::SendRecv).to_string();
    for policy in [Policy::Off, Policy::Offered] {
        let plain = text(policy, Keying::Dtls);
        assert!(plain.contains("RTP/AVP 0") && !plain.contains("crypto") && !plain.contains("fingerprint"));
    }
    let wish = text(Policy::Preferred, Keying::Sdes);
    assert!(wish.contains("m=audio 20000 RTP/AVP 0\r\n"));
    assert!(wish.contains("a=crypto:1 AEAD_AES_256_GCM inline:AAECAwQF"));
    assert!(wish.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:SElKS0xN"));
    assert!(text(Policy::Required, Keying::Sdes).contains("m=audio 20000 RTP/SAVP 0\r\n"));
    let dtls = text(Policy::Required, Keying::Dtls);
    assert!(dtls.contains("m=audio 20000 UDP/TLS/RTP/SAVP 0\r\n") && !dtls.contains("crypto"));
    assert!(dtls.contains("a=setup:actpass\r\n") && dtls.contains("a=rtcp-mux\r\n"));
}

#[test]
fn where_there_is_room_the_short_tag_is_offered_too() {
    let text = |ours: &mut Ours| ours.offer(Direction::SendRecv).to_string();
    let narrow = text(&mut ours(Policy::Required, Keying::Sdes));
    assert!(!narrow.contains("HMAC_SHA1_32"));
    let mut session = ours(Policy::Required, Keying::Sdes);
    session.give_room();
    let roomy = text(&mut session);
    assert!(roomy.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"));
    assert!(roomy.contains("a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:"));
    // Who knows nothing else is understood; without room it is not what was offered.
    let line = format!("m=audio 4000 RTP/SAVP 0\na=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{SHA1_80}");
    let audio = session.accept(&with(&line)).unwrap().audio.unwrap();
    let Security::Sdes { tag: 4, send, .. } = audio.security else { panic!() };
    assert_eq!((send.suite.name, send.bytes), ("AES_CM_128_HMAC_SHA1_32", (102..132).collect()));
    let mut narrow = ours(Policy::Required, Keying::Sdes);
    text(&mut narrow);
    assert_eq!(narrow.accept(&with(&line)), Err(Reject::Encryption));
}

#[test]
fn an_answer_names_one_of_our_lines() {
    let mut session = ours(Policy::Required, Keying::Sdes);
    session.offer(Direction::SendRecv);
    let answer = |line: &str| with(&format!("m=audio 4000 RTP/SAVP 0\n{line}"));
    let key = |tag: u8| answer(&format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{SHA1_80}"));
    let audio = session.accept(&key(3)).unwrap().audio.unwrap();
    let Security::Sdes { tag: 3, send, .. } = audio.security else { panic!() };
    assert_eq!(send.bytes, (72..102).collect::<Vec<u8>>());
    for wrong in [key(1), key(0), key(9), answer(""), with("m=audio 4000 RTP/AVP 0")] {
        assert_eq!(session.accept(&wrong), Err(Reject::Encryption));
    }
    let mut wish = ours(Policy::Preferred, Keying::Sdes);
    wish.offer(Direction::SendRecv);
    let plain = wish.accept(&with("m=audio 4000 RTP/AVP 0")).unwrap().audio.unwrap();
    assert_eq!(plain.security, Security::None);
    assert!(!wish.offer(Direction::SendOnly).to_string().contains("crypto"), "what is plain stays plain");

    let mut dtls = ours(Policy::Required, Keying::Dtls);
    dtls.offer(Direction::SendRecv);
    let lines = format!("m=audio 4000 UDP/TLS/RTP/SAVP 0\na=rtcp-mux\na=fingerprint:{SHA_256}\na=setup:");
    for (setup, active) in [("active", false), ("passive", true), ("actpass", false)] {
        let audio = dtls.accept(&with(&format!("{lines}{setup}"))).unwrap().audio.unwrap();
        assert!(matches!(audio.security, Security::Dtls { active: we, .. } if we == active));
        assert!(audio.rtcp_mux);
    }
}

#[test]
fn a_change_keeps_our_key_and_takes_the_peers_new_one() {
    let mut session = ours(Policy::Offered, Keying::Sdes);
    let lines = format!("m=audio 4000 RTP/SAVP 0\na=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{SHA1_80}");
    let first = take(&mut session, &lines).0;
    assert!(!session.answer(&with(&lines)).unwrap().1.changed, "the same keys change nothing");
    let new = base64::encode(&[3; 30]);
    let (second, text) = take(&mut session, &lines.replace(SHA1_80, &new).replace("crypto:4", "crypto:5"));
    let keys = |audio: &Audio| match &audio.security {
        Security::Sdes { send, receive, .. } => (send.bytes.clone(), receive.bytes.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(keys(&first).0, keys(&second).0);
    assert_eq!(keys(&second).1, [3; 30]);
    assert!(text.contains("a=crypto:5 "));
    // Our own change offers the keys that are in use, and nothing else.
    let offer = session.offer(Direction::SendOnly).to_string();
    assert!(offer.contains("RTP/SAVP 0\r\n") && offer.contains("a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:"));
    assert_eq!(offer.matches("a=crypto").count(), 1);
    let answer = with(&lines.replace(SHA1_80, &new).replace("crypto:4", "crypto:5"));
    assert_eq!(keys(&session.accept(&answer).unwrap().audio.unwrap()), keys(&second));
}

#[test]
fn roles_of_a_handshake_stay() {
    let mut session = ours(Policy::Offered, Keying::Sdes);
    let lines = |setup| format!("m=audio 4000 UDP/TLS/RTP/SAVP 0\na=fingerprint:{SHA_256}\na=setup:{setup}");
    let first = take(&mut session, &lines("passive")).0;
    let again = take(&mut session, &lines("actpass"));
    assert_eq!(first.security, again.0.security);
    assert!(again.1.contains("a=setup:active\r\n"));
    let offer = session.offer(Direction::SendRecv).to_string();
    assert!(offer.contains("UDP/TLS/RTP/SAVP 0") && offer.contains("a=setup:actpass"));
}

#[test]
fn two_of_us_understand_each_other() {
    for keying in [Keying::Sdes, Keying::Dtls] {
        for policy in [Policy::Preferred, Policy::Required] {
            let (mut a, mut b) = (ours(policy, keying), ours(Policy::Offered, Keying::Sdes));
            let offer = a.offer(Direction::SendRecv);
            let (answer, terms) = b.answer(&offer).unwrap();
            match (a.accept(&answer).unwrap().audio.unwrap().security, terms.audio.unwrap().security) {
                (Security::Sdes { send, receive, .. }, Security::Sdes { send: s, receive: r, .. }) => {
                    assert!(keying == Keying::Sdes && send.bytes == r.bytes && receive.bytes == s.bytes);
                    assert_eq!(send.suite.name, "AEAD_AES_256_GCM");
                }
                (Security::Dtls { active: a, .. }, Security::Dtls { active: b, .. }) => {
                    assert!(keying == Keying::Dtls && a != b);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
