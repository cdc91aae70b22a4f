//! Two guards that talk to each other.

use rtp::packet::HEADER;
use rtp::srtp::OVERHEAD;
use rtp::{RtpTime, Seq, Writer};

use super::*;

fn keys(seed: u8) -> Keys {
    let profile = Profile::Aes128Sha1_80;
    Keys::new(profile, &vec![seed; profile.keys_len()]).unwrap()
}

fn security(send: u8, receive: u8) -> Security {
    Security::Keys { send: keys(send), receive: keys(receive), identifier: 0 }
}

fn guard(send: u8, receive: u8) -> Box<Guard> {
    Guard::of(&security(send, receive)).unwrap()
}

fn sealed(guard: &mut Guard, seq: u16) -> Vec<u8> {
    let mut bytes = vec![7; HEADER + 160 + OVERHEAD];
    Writer::new(1, Seq(seq)).write(&mut bytes, 0, false, RtpTime(0));
    let len = guard.seal(false, &mut bytes, HEADER + 160).unwrap();
    bytes.truncate(len);
    bytes
}

fn open(guard: &mut Guard, bytes: &[u8], ms: u64) -> bool {
    guard.open(false, &mut bytes.to_vec(), Duration::from_millis(ms)) == Some(HEADER + 160)
}

#[test]
fn without_keys_nothing_goes_either_way() {
    let security = Security::Handshake { fingerprints: [].into(), active: false };
    let mut waiting = Guard::of(&security).unwrap();
    assert_eq!(waiting.seal(false, &mut [0x80; 200], 172), None);
    assert_eq!(waiting.seal(true, &mut [0x80; 200], 28), None);
    assert_eq!(waiting.open(false, &mut [0x80; 172], Duration::ZERO), None);
    assert!(!waiting.proves());
    assert!(Guard::of(&Security::None).is_none());
}

#[test]
fn old_keys_are_taken_for_a_while_after_new_ones_came() {
    let (mut peer, mut ours) = (guard(1, 2), guard(2, 1));
    assert!(open(&mut ours, &sealed(&mut peer, 5), 0));
    let late = [sealed(&mut peer, 6), sealed(&mut peer, 7), sealed(&mut peer, 8)];
    let mut changed = guard(2, 3);
    assert!(!ours.follow(&mut changed, Duration::from_millis(100)));
    assert!(open(&mut ours, &late[0], 200), "on its way when the keys changed");
    assert!(open(&mut ours, &sealed(&mut guard(3, 2), 9), 300));
    assert!(open(&mut ours, &late[1], 400));
    assert!(!open(&mut ours, &late[1], 400), "a replay under the old keys");
    assert!(!open(&mut ours, &late[2], 3_200), "the old keys have had their time");
    assert_eq!((ours.forged, ours.replayed), (1, 1));
}

#[test]
fn keys_that_stay_keep_counting() {
    let (mut peer, mut ours) = (guard(1, 2), guard(2, 1));
    for seq in (0..=65_535).step_by(1_000) {
        assert!(open(&mut peer, &sealed(&mut ours, seq), 0));
    }
    assert!(open(&mut peer, &sealed(&mut ours, 3), 0));
    // The peer changes its key, ours stays: our packets go on after a roll-over.
    assert!(!ours.follow(&mut guard(2, 9), Duration::ZERO));
    assert!(open(&mut peer, &sealed(&mut ours, 4), 0));
    // Ours changes too: a new stream, since the peer may count on or begin anew.
    assert!(ours.follow(&mut guard(8, 9), Duration::ZERO));
    assert_eq!(ours.profile(), Some(Profile::Aes128Sha1_80));
}

#[test]
fn reports_under_new_keys_are_none_that_came_before() {
    let report = |guard: &mut Guard| {
        let mut bytes = [&[0x80, 0xc9, 0, 1, 0, 0, 0, 7][..], &[0; 40]].concat();
        let len = guard.seal(true, &mut bytes, 8).unwrap();
        // Its number stands before the tag of ten bytes.
        bytes[len - 14..len - 10].to_vec()
    };
    let mut ours = guard(2, 1);
    let before: Vec<_> = (0..3).map(|_| report(&mut ours)).collect();
    ours.follow(&mut guard(8, 9), Duration::ZERO);
    assert!(!before.contains(&report(&mut ours)));
}

#[test]
fn encryption_may_begin_and_end_in_mid_call() {
    let mut ours = guard(2, 1);
    ours.follow(&mut Guard::plain(), Duration::ZERO);
    assert_eq!(ours.seal(false, &mut [0x80; 200], 172), Some(172));
    assert!(!ours.proves());
    ours.follow(&mut guard(4, 5), Duration::ZERO);
    assert!(ours.proves());
    let security = Security::Handshake { fingerprints: [].into(), active: false };
    let mut waiting = Guard::of(&security).unwrap();
    waiting.follow(&mut guard(4, 5), Duration::ZERO);
    assert!(waiting.proves());
}

#[test]
fn a_handshake_is_told_by_its_first_byte() {
    for (byte, handshake) in
        [(19, false), (20, true), (22, true), (63, true), (64, false), (0x80, false), (0, false)]
    {
        assert_eq!(is_handshake(&[byte, 1, 2]), handshake, "{byte}");
    }
    assert!(!is_handshake(&[]));
}
