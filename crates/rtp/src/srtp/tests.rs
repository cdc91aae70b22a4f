//! The examples of the RFCs, and what the two ends of a session make of each other's packets.

use super::cipher::{Aes, Cipher};
use super::derive::{Label, derive};
use super::*;
use crate::packet::tests::Random;
use crate::{RtpTime, Seq, View, Writer};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn keys(profile: Profile, seed: u64) -> Keys {
    let mut random = Random(seed);
    let bytes: Vec<u8> = (0..profile.keys_len()).map(|_| random.next() as u8).collect();
    Keys::new(profile, &bytes).unwrap()
}

fn ends(profile: Profile) -> (Protector, Unprotector) {
    let keys = keys(profile, 5);
    (Protector::new(&keys).unwrap(), Unprotector::new(&keys).unwrap())
}

/// A packet of a stream, with 160 bytes of audio.
fn packet(ssrc: u32, seq: u16) -> Vec<u8> {
    let mut bytes = vec![seq as u8; 172];
    assert!(Writer::new(ssrc, Seq(seq)).write(&mut bytes, 0, false, RtpTime(u32::from(seq) * 160)));
    bytes
}

/// The same as it goes over the wire.
fn sealed(tx: &mut Protector, ssrc: u32, seq: u16) -> Vec<u8> {
    let mut bytes = packet(ssrc, seq);
    bytes.resize(172 + OVERHEAD, 0);
    let len = tx.rtp(&mut bytes, 172).unwrap();
    bytes.truncate(len);
    bytes
}

fn open(rx: &mut Unprotector, bytes: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut bytes = bytes.to_vec();
    let before = bytes.clone();
    match rx.rtp(&mut bytes) {
        Ok(len) => Ok(bytes[..len].to_vec()),
        Err(refused) => {
            assert_eq!(bytes, before, "what is refused is left as it came");
            Err(refused)
        }
    }
}

/// RFC 3711 B.2, RFC 6188 §7.1 and §7.2: keystreams.
#[test]
fn keystreams_of_the_rfcs() {
    let start = u128::from_be_bytes(hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").try_into().unwrap());
    for (key, stream) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0",
        ),
        (
            "eab234764e517b2d3d160d587d8c8621 9740f65f99b6bcf7",
            "35096cba4610028dc1b57503804ce37c 5de986291dcce161d5165ec4568f5c9a 474a40c77894bc17180202272a4c264d",
        ),
        (
            "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
            "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
        ),
    ] {
        let mut data = [0; 48];
        Aes::new(&hex(key)).unwrap().xor(start, &mut data);
        assert_eq!(data[..], hex(stream));
    }
}

/// RFC 3711 B.3, RFC 6188 §7.3 and §7.4: session keys.
#[test]
fn session_keys_of_the_rfcs() {
    for (profile, master, key, salt, authentication) in [
        (
            Profile::Aes128Sha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
            "c61e7a93744f39ee10734afe3ff7a087",
            "30cbbc08863d8c85d49db34a9ae1",
            "cebe321f6ff7716b6fd4ab49af256a156d38baa4",
        ),
        (
            Profile::Aes192Sha1_80,
            "73edc66c4fa15776fb57f9505c171365 50ffda71f3e8e5f1 c8522f3acd4ce86d5add78edbb11",
            "31874736a8f1143870c26e4857d8a5b2 c4a354407faadabb",
            "2372b82d639b6d8503a47adc0a6c",
            "355b10973cd95b9eacf4061c7e1a7151e7cfbfcb",
        ),
        (
            Profile::Aes256Sha1_80,
            "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
            "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4",
            "fa31791685ca444a9e07c6c64e93",
            "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        ),
    ] {
        let keys = Keys::new(profile, &hex(master)).unwrap();
        for (label, expected) in
            [(Label::RtpEncryption, key), (Label::RtpSalt, salt), (Label::RtpAuthentication, authentication)]
        {
            let expected = hex(expected);
            let mut derived = vec![1; expected.len()];
            derive(&keys, label, &mut derived).unwrap();
            assert_eq!(derived, expected, "{}", profile.name());
        }
    }
}

/// Whole packets under the keys of RFC 3711 B.3, as other implementations write them.
#[test]
fn packets_of_other_implementations() {
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let keys = Keys::new(Profile::Aes128Sha1_80, &master).unwrap();
    let (mut tx, mut rx) = (Protector::new(&keys).unwrap(), Unprotector::new(&keys).unwrap());
    let rtp = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let srtp = hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb");
    let mut buffer = [0; 60];
    buffer[..28].copy_from_slice(&rtp);
    let len = tx.rtp(&mut buffer, 28).unwrap();
    assert_eq!(buffer[..len], srtp);
    assert_eq!(rx.rtp(&mut buffer[..len]), Ok(28));
    assert_eq!(buffer[..28], rtp);

    let rtcp = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let srtcp = hex("81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798");
    buffer[..24].copy_from_slice(&rtcp);
    let len = tx.rtcp(&mut buffer, 24).unwrap();
    assert_eq!(buffer[..len], srtcp);
    assert_eq!(rx.rtcp(&mut buffer[..len]), Ok(24));
    assert_eq!(buffer[..24], rtcp);
}

/// RFC 7714 §16 and §17.
#[test]
fn gcm_packets_of_the_rfc() {
    let salt = *b"Quid pro quo";
    let (short, long): (Vec<u8>, Vec<u8>) = ((0..16).collect(), (0..32).collect());
    let rtp = hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
                   696e2070 61727465 73207472 6573");
    for (key, srtp) in [
        (
            &short,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
             51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            &long,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
             76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let cipher = Cipher::with_session_keys(key, salt);
        let name = (0x5501_a0b2, 0xf17b);
        let mut buffer = rtp.clone();
        buffer.resize(rtp.len() + 16, 0);
        assert_eq!(cipher.seal_rtp(name, &mut buffer, 12, rtp.len()), Some(rtp.len() + 16));
        assert_eq!(buffer, hex(srtp));
        assert_eq!(cipher.open_rtp(name, &mut buffer, 12), Some(rtp.len()));
        assert_eq!(buffer[..rtp.len()], rtp);
    }
    let rtcp = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                    deadbeef deadbeef deadbeef deadbeef deadbeef");
    let srtcp = hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
                     c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
                     45d9eade 800005d4");
    let cipher = Cipher::with_session_keys(&short, salt);
    let mut buffer = rtcp.clone();
    buffer.resize(rtcp.len() + 20, 0);
    assert_eq!(cipher.seal_rtcp(0x4d61_7273, 0x8000_05d4, &mut buffer, rtcp.len()), Some(srtcp.len()));
    assert_eq!(buffer, srtcp);
    assert_eq!(cipher.rtcp_word(&buffer), Some(0x8000_05d4));
    assert_eq!(cipher.open_rtcp(0x4d61_7273, 0x8000_05d4, &mut buffer), Some(rtcp.len()));
    assert_eq!(buffer[..rtcp.len()], rtcp);
}

#[test]
fn what_one_end_protects_the_other_reads() {
    for profile in Profile::ALL {
        let (mut tx, mut rx) = ends(profile);
        for seq in 100..120 {
            let wire = sealed(&mut tx, 7, seq);
            assert_eq!(wire.len(), 172 + profile.tag_len());
            assert_ne!(wire[12..172], packet(7, seq)[12..]);
            assert_eq!(open(&mut rx, &wire), Ok(packet(7, seq)), "{}", profile.name());
        }
        let mut report = hex("80c90001 00000007 00000000 81ca0002 00000007 00000000");
        let clear = report.clone();
        report.resize(clear.len() + OVERHEAD, 0);
        let len = tx.rtcp(&mut report, clear.len()).unwrap();
        assert_ne!(report[8..clear.len()], clear[8..]);
        let mut copy = report[..len].to_vec();
        assert_eq!(rx.rtcp(&mut report[..len]), Ok(clear.len()));
        assert_eq!(report[..clear.len()], clear);
        assert_eq!(rx.rtcp(&mut copy), Err(Refused::Replayed));
    }
}

#[test]
fn extensions_and_csrcs_stay_readable_and_empty_packets_work() {
    for profile in Profile::ALL {
        let (mut tx, mut rx) = ends(profile);
        let mut bytes = hex("92000001 00000000 00000009 00000001 00000002 bede0001 10aa0000 0102030405");
        let clear = bytes.clone();
        bytes.resize(clear.len() + OVERHEAD, 0);
        let len = tx.rtp(&mut bytes, clear.len()).unwrap();
        assert_eq!(bytes[..28], clear[..28]);
        assert_ne!(bytes[28..33], clear[28..]);
        assert_eq!(rx.rtp(&mut bytes[..len]), Ok(clear.len()));
        assert_eq!(bytes[..clear.len()], clear);

        let mut bytes = [0; 12 + OVERHEAD];
        Writer::new(1, Seq(2)).write(&mut bytes, 0, false, RtpTime(0));
        let len = tx.rtp(&mut bytes, 12).unwrap();
        assert_eq!(rx.rtp(&mut bytes[..len]), Ok(12));
        assert_eq!(tx.rtp(&mut bytes[..13], 12), None, "no room for the tag");
    }
}

#[test]
fn a_mangled_packet_never_authenticates() {
    for profile in Profile::ALL {
        let (mut tx, mut rx) = ends(profile);
        let wire = sealed(&mut tx, 7, 1);
        for at in 0..wire.len() {
            let mut bytes = wire.clone();
            bytes[at] ^= 1 << (at % 8);
            assert!(open(&mut rx, &bytes).is_err(), "{} byte {at}", profile.name());
        }
        for len in (0..wire.len()).step_by(3) {
            assert!(open(&mut rx, &wire[..len]).is_err());
        }
        assert!(open(&mut rx, &wire).is_ok());
        assert!(open(&mut Unprotector::new(&keys(profile, 6)).unwrap(), &wire).is_err(), "other keys");

        let mut report = hex("80c90001 00000007 00000000 81ca0002 00000007 00000000");
        report.resize(24 + OVERHEAD, 0);
        let len = tx.rtcp(&mut report, 24).unwrap();
        for at in 0..len * 8 {
            let mut bytes = report[..len].to_vec();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(rx.rtcp(&mut bytes).is_err());
        }
        assert_eq!(rx.rtcp(&mut report[..len]), Ok(24));
    }
}

#[test]
fn replayed_packets_are_refused_and_late_ones_taken() {
    let (mut tx, mut rx) = ends(Profile::Aes128Sha1_80);
    let wire: Vec<Vec<u8>> = (1_000..1_300).map(|seq| sealed(&mut tx, 7, seq)).collect();
    assert!(open(&mut rx, &wire[10]).is_ok());
    assert!(open(&mut rx, &wire[5]).is_ok(), "out of order");
    for at in [10, 5] {
        assert_eq!(open(&mut rx, &wire[at]), Err(Refused::Replayed));
    }
    assert!(open(&mut rx, &wire[200]).is_ok());
    assert_eq!(open(&mut rx, &wire[72]), Err(Refused::Replayed), "too old to tell");
    assert!(open(&mut rx, &wire[73]).is_ok());
}

#[test]
fn sequence_numbers_roll_over() {
    let (mut tx, mut rx) = ends(Profile::AeadAes128Gcm);
    let mut seq = 65_000u16;
    for _ in 0..70_000 {
        let wire = sealed(&mut tx, 7, seq);
        // One in a hundred arrives, so that the roll-over happens between two that are heard.
        if seq.is_multiple_of(100) {
            assert!(open(&mut rx, &wire).is_ok(), "{seq}");
        }
        seq = seq.wrapping_add(1);
    }
    assert_eq!(tx.rollovers(), 2);
}

#[test]
fn a_late_packet_from_before_the_roll_over_is_read() {
    let (mut tx, mut rx) = ends(Profile::Aes256Sha1_32);
    let wire: Vec<Vec<u8>> = [65_534, 65_535, 0, 1].map(|seq| sealed(&mut tx, 7, seq)).into();
    for at in [0, 2, 1, 3] {
        assert!(open(&mut rx, &wire[at]).is_ok(), "{at}");
    }
    let mut late = Unprotector::new(&keys(Profile::Aes256Sha1_32, 5)).unwrap();
    assert!(open(&mut late, &wire[2]).is_ok(), "the first one heard came after the roll-over");
    assert!(open(&mut late, &wire[1]).is_ok());
}

#[test]
fn no_number_is_used_for_two_packets() {
    for profile in Profile::ALL {
        let (mut tx, mut rx) = ends(profile);
        // One is overtaken, around the roll-over.
        let order = [65_533, 65_535, 65_534, 1, 0];
        for seq in order {
            assert!(open(&mut rx, &sealed(&mut tx, 7, seq)).is_ok(), "{seq}");
        }
        let mut refused = |seq: u16| {
            let mut other = packet(7, seq);
            other[12..].fill(0x55);
            other.resize(172 + OVERHEAD, 0);
            tx.rtp(&mut other, 172)
        };
        for seq in order {
            assert_eq!(refused(seq), None, "{seq} with {}", profile.name());
        }
        assert_eq!(refused(65_000), None, "so old that it may have left");
        assert_eq!(tx.repeated(), 6);
        assert!(open(&mut rx, &sealed(&mut tx, 7, 2)).is_ok());
    }
    let (mut tx, _) = ends(Profile::AeadAes128Gcm);
    sealed(&mut tx, 7, 3);
    let mut before = packet(7, 65_535);
    before.resize(172 + OVERHEAD, 0);
    assert_eq!(tx.rtp(&mut before, 172), None, "before the first there is none");
}

#[test]
fn each_stream_counts_for_itself() {
    let (mut tx, mut rx) = ends(Profile::Aes128Sha1_80);
    for seq in (60_000..65_536).chain(0..10).step_by(2) {
        assert!(open(&mut rx, &sealed(&mut tx, 7, seq as u16)).is_ok());
    }
    assert_eq!(tx.rollovers(), 1);
    assert!(open(&mut rx, &sealed(&mut tx, 8, 40_000)).is_ok(), "another stream begins anew");
    assert_eq!(tx.rollovers(), 0);
    for ssrc in 100..200 {
        assert!(open(&mut rx, &sealed(&mut tx, ssrc, 9)).is_ok(), "any number of streams, one by one");
    }
    let mut again = packet(199, 9);
    again.resize(172 + OVERHEAD, 0);
    let before = again.clone();
    assert_eq!((tx.rtp(&mut again, 172), tx.repeated()), (None, 1), "a number is used once");
    assert_eq!(again, before);
}

#[test]
fn new_keys_take_over_whether_the_peer_counts_on_or_not() {
    let profile = Profile::Aes128Sha1_80;
    let (mut old, mut rx) = ends(profile);
    for seq in (65_000..65_536).chain(0..1_000) {
        assert!(open(&mut rx, &sealed(&mut old, 7, seq as u16)).is_ok());
    }
    let new = keys(profile, 9);
    for counts_on in [false, true] {
        let mut next = Unprotector::new(&new).unwrap();
        next.follow(&rx);
        let mut tx = Protector::new(&new).unwrap();
        if counts_on {
            sealed(&mut tx, 7, 65_000);
            sealed(&mut tx, 7, 10);
            assert_eq!(tx.rollovers(), 1);
        }
        assert!(open(&mut next, &sealed(&mut tx, 7, 1_001)).is_ok());
        assert!(open(&mut next, &sealed(&mut tx, 7, 1_002)).is_ok());
    }
}

#[test]
fn reports_are_counted_on_under_new_keys() {
    for profile in Profile::ALL {
        let (mut old, _) = ends(profile);
        let mut next = Protector::new(&keys(profile, 9)).unwrap();
        let index = |tx: &mut Protector| {
            let mut report = hex("80c90001 00000007 00000000 81ca0002 00000007 00000000");
            report.resize(24 + OVERHEAD, 0);
            let len = tx.rtcp(&mut report, 24).unwrap();
            let tag = if profile.is_gcm() { 0 } else { 10 };
            u32::from_be_bytes(*report[..len - tag].last_chunk().unwrap()) & !ENCRYPTED
        };
        assert_eq!([index(&mut old), index(&mut old)], [1, 2]);
        next.follow(&old);
        assert_eq!(index(&mut next), 3, "{}", profile.name());
    }
}

#[test]
fn identifiers_of_keys_are_left_out() {
    for profile in Profile::ALL {
        let (mut tx, rx) = ends(profile);
        let mut rx = rx.with_identifier(4);
        let behind = if profile.is_gcm() { 0 } else { profile.tag_len() };
        let mut wire = sealed(&mut tx, 7, 1);
        wire.splice(wire.len() - behind..wire.len() - behind, [0, 0, 0, 1]);
        let mut mangled = wire.clone();
        mangled[20] ^= 1;
        assert_eq!(open(&mut rx, &mangled), Err(Refused::Forged));
        assert_eq!(open(&mut rx, &wire), Ok(packet(7, 1)), "{}", profile.name());
        assert_eq!(open(&mut rx, &wire[..3]), Err(Refused::Malformed));

        let mut report = hex("80c90001 00000007 00000000 81ca0002 00000007 00000000");
        report.resize(24 + OVERHEAD, 0);
        let len = tx.rtcp(&mut report, 24).unwrap();
        report.truncate(len);
        let behind = if profile.is_gcm() { 0 } else { 10 };
        report.splice(len - behind..len - behind, [0, 0, 0, 1]);
        assert_eq!(rx.rtcp(&mut report), Ok(24), "{}", profile.name());
    }
}

#[test]
fn keys_have_their_length_and_are_not_shown() {
    for profile in Profile::ALL {
        assert!(Keys::new(profile, &vec![1; profile.keys_len()]).is_some());
        assert!(Keys::new(profile, &vec![1; profile.keys_len() + 1]).is_none());
        assert_eq!(format!("{:?}", keys(profile, 1)), format!("Keys({})", profile.name()));
        assert!(profile.keys_len() <= LONGEST_KEYS);
    }
}

/// No bytes at all panic or pass.
#[test]
fn noise_is_refused() {
    let mut random = Random(11);
    for profile in Profile::ALL {
        let (mut tx, mut rx) = ends(profile);
        let base = sealed(&mut tx, 7, 1);
        for _ in 0..2_000 {
            let mut bytes = base.clone();
            for _ in 0..1 + random.below(4) {
                let at = random.below(20);
                bytes[at] = random.next() as u8;
            }
            bytes.truncate(random.below(bytes.len() + 1));
            if bytes != base {
                assert!(rx.rtp(&mut bytes).is_err());
            }
            assert!(rx.rtcp(&mut bytes).is_err());
            assert!(View::parse(&bytes).is_none_or(|view| view.payload.len() < 200));
        }
    }
}
