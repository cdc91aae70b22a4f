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

/// A packet of a pressed key, which is not passed on.
fn key(alice: &mut Phone, n: u16) -> Vec<u8> {
    let [high, low] = (n * 160).to_be_bytes();
    alice.packet(101, alice.timestamp, &[5, 10, high, low])
}

#[test]
fn a_sender_that_counts_anew_around_a_key_is_heard_under_new_numbers() {
    for secured in [false, true] {
        // Either the key's first packet is lost, and what follows the key counts from before it; or the key does, and what
        // follows it comes close behind what was passed on. All of it was held back, or the pause would have told.
        for (lost, clock_back) in [(true, 0), (true, 60), (false, 0), (false, 60)] {
            let security = Security::Keys { send: keys(1), receive: keys(2), identifier: 0 };
            let bob = if secured { LegSetup { security, ..other() } } else { other() };
            let (mut rig, mut alice, _) = bridged(setup(), bob);
            let mut ears = secured.then(|| Unprotector::new(&keys(1)).unwrap());
            let mut numbers = HashSet::new();
            (0..200).for_each(|n| say(&mut rig, &mut alice, n));
            let first = View::parse(&key(&mut alice, 0)).unwrap().seq;
            // Its clock may be set back, too.
            alice.timestamp = alice.timestamp.plus(0u32.wrapping_sub(clock_back * 160));
            if !lost {
                alice.writer.set_next(first.plus(0u16.wrapping_sub(106)));
            }
            for n in 0..50 {
                let packet = key(&mut alice, n);
                arrive(&mut rig, 0, home(), &packet);
                rig.slots(1);
            }
            if lost {
                alice.writer.set_next(first.plus(0u16.wrapping_sub(55)));
            }
            heard_by_bob(&mut rig, &mut ears, &mut numbers);
            for n in 0..100 {
                let packet = packet(&mut alice, 0, n);
                arrive(&mut rig, 0, home(), &packet);
                rig.slots(1);
            }
            let after = heard_by_bob(&mut rig, &mut ears, &mut numbers);
            let said: Vec<u8> = (u8::from(lost)..100).collect();
            assert!(after.ends_with(&said), "{secured} {lost} {clock_back}: {after:?}");
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

#[test]
fn another_stream_under_new_keys_begins_far_from_a_roll_over_where_packets_are_passed_on_too() {
    let of = |send| LegSetup {
        security: Security::Keys { send: keys(send), receive: keys(2), identifier: 0 },
        ..other()
    };
    let (mut rig, mut alice, _) = bridged(setup(), of(1));
    let last = |rig: &mut Rig| {
        let sent = to_bob(rig);
        let view = View::parse(&sent.last().unwrap().bytes).unwrap();
        (view.ssrc, view.seq.0, view.marker)
    };
    let mut rolled = 0;
    let mut before = (0, 0, false);
    while rolled == 0 || before.1 < 50_000 {
        let next = alice.writer.next_seq();
        alice.writer.set_next(next.plus(400));
        say(&mut rig, &mut alice, 7);
        let now = last(&mut rig);
        rolled += usize::from(now.1 < before.1);
        before = now;
    }
    let new = of(3);
    let guard = crate::guard::Guard::of(&new.security).unwrap();
    rig.order(Order::Rekey(id(1), Box::new(new), None, guard));
    rig.slots(1);
    say(&mut rig, &mut alice, 8);
    let (ssrc, seq, marker) = last(&mut rig);
    assert!(ssrc != before.0 && seq < 1 << 15 && marker, "{seq}");
}
