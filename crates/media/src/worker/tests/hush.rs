//! A phone that describes its silences (RFC 3389) to one that is passed its packets on, in virtual time.

use super::relaying::{assert_even, bridged, other, packet, say, to_bob};
use super::*;

/// A description of the phone's silence, of this level, whose own time goes on by `ms`; and so much of the worker.
fn hush(rig: &mut Rig, alice: &mut Phone, level: u8, ms: u32) {
    let noise = alice.packet(13, alice.timestamp, &[level]);
    rig.io.arrive(0, Channel::Rtp, home(), &noise);
    if rig.io.watched.contains(&0) {
        rig.worker.between(clock::at(rig.slot) - MS(3), &[0], &mut rig.io);
    }
    alice.timestamp = alice.timestamp.plus(ms * 8);
    rig.slots(u64::from(ms / 5));
}

/// How loud 20 ms are, as the mean of their samples' sizes.
fn loudness(view: &View<'_>) -> i32 {
    let mut samples = [0; 160];
    let n = Codec::Pcmu.decode(view.payload, &mut samples);
    samples[..n].iter().map(|sample| i32::from(sample.abs())).sum::<i32>() / n.max(1) as i32
}

#[test]
fn a_silence_is_heard_as_noise_by_who_does_not_take_descriptions_of_it() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..50).for_each(|_| say(&mut rig, &mut alice, 0x20));
    let before = rig.worker.stats.relayed;
    assert!(before > 40, "{before}");
    to_bob(&mut rig);
    // A pause of two seconds, in which she says only twice how loud her silence is.
    hush(&mut rig, &mut alice, 40, 1_000);
    hush(&mut rig, &mut alice, 40, 1_000);
    let silence = to_bob(&mut rig);
    let noisy = views(&silence).iter().filter(|view| (20..2_000).contains(&loudness(view))).count();
    assert!((98..=101).contains(&silence.len()) && noisy >= 95, "{noisy} of {}", silence.len());
    assert_eq!(rig.worker.stats.relayed, before);
    // Her first word is passed on whole, and all that follows.
    for n in 1..=50 {
        say(&mut rig, &mut alice, n);
    }
    let said = to_bob(&mut rig);
    let heard: Vec<u8> = views(&said).iter().map(|view| view.payload[80]).collect();
    assert_eq!(heard, (1..=50).collect::<Vec<u8>>());
    assert_eq!(rig.worker.stats.relayed, before + 49, "and one was kept and handed over");
    assert_even(&[silence, said].concat(), 1);
}

#[test]
fn a_silence_is_passed_on_as_it_is_described_to_who_takes_that_and_described_on_while_it_lasts() {
    let taking = LegSetup { comfort_noise: Some(13), comfort_noise_send: Some(19), ..other() };
    let (mut rig, mut alice, _) = bridged(setup(), taking);
    (0..50).for_each(|_| say(&mut rig, &mut alice, 0x20));
    let spoken = to_bob(&mut rig);
    hush(&mut rig, &mut alice, 40, 300);
    hush(&mut rig, &mut alice, 50, 300);
    let noise = to_bob(&mut rig);
    let described: Vec<(u8, &[u8])> =
        views(&noise).iter().map(|view| (view.payload_type, view.payload)).collect();
    assert_eq!(described, [(19, &[40][..]), (19, &[50][..])], "each as it came");
    // She says no more of it: he is told all the same, as he would be of our own silence.
    alice.timestamp = alice.timestamp.plus(2_000 * 8);
    rig.slots(400);
    let on = to_bob(&mut rig);
    assert!((8..=10).contains(&on.len()), "{}", on.len());
    assert!(views(&on).iter().all(|view| (view.payload_type, view.payload) == (19, &[50][..])));
    (0..50).for_each(|n| say(&mut rig, &mut alice, n));
    let said = to_bob(&mut rig);
    let heard: Vec<u8> = views(&said).iter().map(|view| view.payload[80]).collect();
    assert_eq!(heard, (0..50).collect::<Vec<u8>>());
    assert!(views(&said)[0].marker);
    let all = [spoken, noise, on, said].concat();
    assert!(views(&all).windows(2).all(|two| two[1].seq == two[0].seq.plus(1)), "none is missing");
    let passed = (all.last().unwrap().slot - all[50].slot) as i32 * 40;
    let told = views(&all).last().unwrap().timestamp.since(views(&all)[50].timestamp);
    assert!((told - passed).abs() <= 320, "{told} of {passed}: time is that on the wall");
}

#[test]
fn an_echo_of_a_silence_is_noise() {
    let mut rig = Rig::with(setup());
    let mut alice = Phone::new(home(), 9);
    rig.slots(8);
    rig.order(Order::Echo(id(0), 3, Kit::to_talk(&setup(), Delay::PATIENT).unwrap()));
    for n in 0..20 {
        let said = packet(&mut alice, 0, n);
        rig.io.arrive(0, Channel::Rtp, home(), &said);
        rig.slots(4);
    }
    assert_eq!(rig.worker.stats.relayed, 20);
    rig.heard();
    hush(&mut rig, &mut alice, 40, 1_000);
    let sent = rig.heard();
    let noisy = views(&sent).iter().filter(|view| (20..2_000).contains(&loudness(view))).count();
    assert!(noisy >= 40, "{noisy} of {}", sent.len());
}
