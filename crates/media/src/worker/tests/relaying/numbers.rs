//! Numbers of what is passed on when the sender's step back: each leaves once, in clear and under keys.

use std::collections::HashSet;

use rtp::srtp::{Keys, Profile, Unprotector};

use super::*;
use crate::guard::Security;

fn keys(seed: u8) -> Keys {
    let profile = Profile::AeadAes128Gcm;
    Keys::new(profile, &vec![seed; profile.keys_len()]).unwrap()
}

/// What Bob is sent, decrypted if that is needed; no two of a number.
fn heard_by_bob(rig: &mut Rig, ears: &mut Option<Unprotector>, numbers: &mut HashSet<Seq>) -> Vec<u8> {
    let mut said = Vec::new();
    for mut sent in to_bob(rig) {
        let len = ears.as_mut().map_or(sent.bytes.len(), |ears| ears.rtp(&mut sent.bytes).unwrap());
        let view = View::parse(&sent.bytes[..len]).unwrap();
        assert!(numbers.insert(view.seq), "{:?} is sent twice, now with {}", view.seq, view.payload[0]);
        said.push(view.payload[0]);
    }
    said
}

#[test]
fn a_sender_that_counts_anew_from_a_little_before_is_heard_under_new_numbers() {
    for secured in [false, true] {
        for back in [101, 150, 499, 501, 3_000] {
            let security = Security::Keys { send: keys(1), receive: keys(2), identifier: 0 };
            let bob = if secured { LegSetup { security, ..other() } } else { other() };
            let (mut rig, mut alice, _) = bridged(setup(), bob);
            let mut ears = secured.then(|| Unprotector::new(&keys(1)).unwrap());
            let mut numbers = HashSet::new();
            for n in 0..600u16 {
                say(&mut rig, &mut alice, n as u8);
            }
            let before = heard_by_bob(&mut rig, &mut ears, &mut numbers);
            assert!(before.len() >= 600 && before.ends_with(&[86, 87]));
            let next = alice.packet(0, alice.timestamp, &[]);
            let seq = View::parse(&next).unwrap().seq;
            // The next is so far behind the last.
            alice.writer.set_next(seq.plus(0u16.wrapping_sub(back + 1)));
            for n in 0..200u16 {
                say(&mut rig, &mut alice, n as u8);
            }
            // The first of them could have been anybody's.
            let after = heard_by_bob(&mut rig, &mut ears, &mut numbers);
            assert_eq!(after, (1..200).collect::<Vec<u8>>(), "{back} back");
            assert_eq!(rig.worker.stats.unsealed, 0);
        }
    }
}

#[test]
fn what_is_so_late_that_it_may_have_come_before_is_not_passed_on() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let all: Vec<Vec<u8>> = (0..200).map(|n| packet(&mut alice, 0, n)).collect();
    for (n, packet) in all.iter().enumerate() {
        // One is missing where others come twice.
        if n != 130 {
            arrive(&mut rig, 0, home(), packet);
        }
        rig.slots(4);
    }
    let mut numbers = HashSet::new();
    heard_by_bob(&mut rig, &mut None, &mut numbers);
    // Up to 64 back it is known which were there.
    for n in (101..200).rev() {
        arrive(&mut rig, 0, home(), &all[n]);
    }
    rig.slots(40);
    assert_eq!(heard_by_bob(&mut rig, &mut None, &mut numbers), Vec::<u8>::new());
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let all: Vec<Vec<u8>> = (0..100).map(|n| packet(&mut alice, 0, n)).collect();
    for (n, packet) in all.iter().enumerate().filter(|(n, _)| *n != 70) {
        arrive(&mut rig, 0, home(), packet);
        rig.slots(if n == 0 { 8 } else { 4 });
    }
    to_bob(&mut rig);
    arrive(&mut rig, 0, home(), &all[70]);
    assert_eq!(heard_by_bob(&mut rig, &mut None, &mut HashSet::new()), [70], "29 back it is known");
}
