//! Where packets begin to be passed on: what waited goes first, and whose stream it is none of.

use super::*;

#[test]
fn an_echo_that_is_passed_on_again_loses_nothing_of_what_was_said() {
    let mut rig = Rig::with(setup());
    let mut alice = Phone::new(home(), 9);
    rig.slots(8);
    rig.order(Order::Echo(id(0), 3, Kit::to_talk(&setup(), Delay::PATIENT).unwrap()));
    (0..40).for_each(|n| say(&mut rig, &mut alice, n));
    let (ring, _kept) = RingBuffer::new(80_000);
    rig.record_as(4, ring, &Recording::new("a.wav"));
    (40..80).for_each(|n| say(&mut rig, &mut alice, n));
    rig.order(Order::Stop(id(0), 4));
    (80..120).for_each(|n| say(&mut rig, &mut alice, n));
    let sent = rig.heard();
    assert_even(&sent, 1);
    let said: Vec<u8> =
        views(&sent).iter().map(|view| view.payload[0]).filter(|byte| *byte != 0xff).collect();
    assert_eq!(said, (0..120).collect::<Vec<u8>>());
}

#[test]
fn who_was_bridged_with_a_leg_before_does_not_disturb_what_is_passed_on_to_it_now() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    // Bob is bridged with Carol; Alice's end still names him.
    let third: SocketAddr = "198.51.100.3:7000".parse().unwrap();
    let carols = LegSetup { remote: third, ..setup() };
    let mut carol = Phone::new(third, 11);
    rig.adopt(2, carols.clone());
    let (mut a, mut b) = Bridge::pair(Rate::NARROW, Rate::NARROW);
    Bridge::face((&mut a, id(1)), (&mut b, id(2)), true);
    let kit = || Kit::to_talk(&setup(), Delay::CONVERSATION).unwrap();
    rig.order(Order::Bridge(id(1), 5, Box::new(a), kit()));
    rig.order(Order::Bridge(id(2), 6, Box::new(b), kit()));
    rig.slots(4);
    to_bob(&mut rig);
    for n in 100..110 {
        let said = packet(&mut carol, 0, n);
        arrive(&mut rig, 2, third, &said);
        rig.slots(4);
        if n == 105 {
            say(&mut rig, &mut alice, n);
        }
    }
    let sent = to_bob(&mut rig);
    assert_even(&sent, 1);
    let (said, marked): (Vec<u8>, Vec<bool>) = views(&sent)
        .iter()
        .map(|view| (view.payload[0], view.marker))
        .filter(|(byte, _)| *byte != 0xff)
        .unzip();
    assert_eq!(said, (100..110).collect::<Vec<u8>>());
    assert_eq!(marked.iter().filter(|marked| **marked).count(), 1, "her stretch is one: {marked:?}");
}

#[test]
fn what_was_on_its_way_while_the_machine_stood_still_keeps_its_time() {
    for (stood, phase) in [20, 40, 90].into_iter().flat_map(|stood| (0..4).map(move |phase| (stood, phase))) {
        let (mut rig, mut alice, mut bob) = bridged(setup(), other());
        rig.slots(8 + phase);
        let mut both = |rig: &mut Rig, n: u8| {
            let said = [packet(&mut alice, 0, n), packet(&mut bob, 96, n)];
            [(0, home()), (1, away())].iter().zip(said).for_each(|((at, from), said)| {
                rig.io.arrive(*at, Channel::Rtp, *from, &said);
            });
        };
        let between = |rig: &mut Rig| {
            rig.worker.between(clock::at(rig.slot) - MS(3), &[0, 1], &mut rig.io);
        };
        for n in 0..60 {
            if n == 20 {
                rig.heard();
            } else if n == 40 {
                (0..stood).for_each(|_| both(&mut rig, n));
                rig.due(4 * stood);
                between(&mut rig);
                rig.slots(3);
            }
            both(&mut rig, n);
            between(&mut rig);
            rig.slots(4);
        }
        let sent = rig.heard();
        for address in [home(), away()] {
            let sent: Vec<Sent> = sent.iter().filter(|one| one.to == address).cloned().collect();
            assert_even(&sent, 0);
            assert!(views(&sent).iter().all(|view| view.payload[0] != 0xff), "{stood} to {address}");
        }
    }
}
