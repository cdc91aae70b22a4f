//! Legs that move from one worker to another, in virtual time: two workers, each with a network of its own, between which
//! what waits in sockets is carried.

use super::relaying::{assert_even, away, other, packet};
use super::*;
use crate::bridge::Bridge;
use crate::id::{PartId, RoomId};
use crate::member::Member;
use crate::order::{Joining, RoomOrder};
use crate::recording::Sides;
use crate::report::Saying;
use crate::room::{Lists, Room, Seat, Way};

/// Two workers.
struct Two {
    rigs: [Rig; 2],
    /// What was sent to anybody, in the order of slots.
    sent: Vec<Sent>,
}

impl Two {
    /// With room for so many orders each.
    fn new(orders: usize) -> Two {
        let mailboxes: Vec<_> = (0..2).map(|_| Arc::new(Mailbox::new(orders))).collect();
        let rig = |n: usize| {
            let (put, ring) = RingBuffer::new(256);
            let worker = Worker::new(n as u16, 16, mailboxes[n].clone(), Outlet::new(put, 16), WALL)
                .among(mailboxes.clone(), MS(0));
            Rig { worker, orders: mailboxes[n].clone(), ring, ..Rig::new() }
        };
        Two { rigs: [rig(0), rig(1)], sent: vec![] }
    }

    /// Alice at place 0 of a worker and Bob at place 1 of the other, told to hear each other with tags 1 and 2.
    fn bridged(alice: (usize, LegSetup), bob: LegSetup) -> (Two, Phone, Phone) {
        let mut two = Two::new(64);
        let (at, alice) = alice;
        let phones = (Phone::new(alice.remote, 9), Phone::new(bob.remote, 10));
        let kits = [&alice, &bob].map(|setup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
        let (mut a, mut b) = Bridge::pair(alice.rate, bob.rate);
        Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
        two.rigs[at].adopt(0, alice);
        two.rigs[1 - at].adopt(1, bob);
        let [kit, other_kit] = kits;
        two.rigs[at].order(Order::Bridge(id(0), 1, Box::new(a), kit));
        two.rigs[1 - at].order(Order::Bridge(id(1), 2, Box::new(b), other_kit));
        (two, phones.0, phones.1)
    }

    fn slots(&mut self, n: u64) {
        for _ in 0..n {
            for at in 0..2 {
                self.carry();
                self.rigs[at].due(0);
                self.sent.append(&mut self.rigs[at].io.sent);
            }
            self.carry();
        }
    }

    /// What waits in a socket is where the socket is.
    fn carry(&mut self) {
        for at in 0..2 {
            let [one, other] = &mut self.rigs;
            let (from, to) = if at == 0 { (one, other) } else { (other, one) };
            let there = |(place, _): &(usize, bool)| to.io.attached.contains_key(place);
            let gone: Vec<_> = from.io.waiting.keys().copied().filter(there).collect();
            for key in gone {
                let waiting = from.io.waiting.remove(&key).unwrap_or_default();
                to.io.waiting.entry(key).or_default().extend(waiting);
            }
        }
    }

    /// A packet for a leg; where its socket is watched, it is heard at once.
    fn arrive(&mut self, place: u32, from: SocketAddr, packet: &[u8]) {
        let at = usize::from(self.rigs[1].io.attached.contains_key(&(place as usize)));
        let rig = &mut self.rigs[at];
        rig.io.arrive(place as usize, Channel::Rtp, from, packet);
        if rig.io.watched.contains(&(place as usize)) {
            rig.worker.between(clock::at(rig.slot) - MS(3), &[place], &mut rig.io);
            self.sent.append(&mut rig.io.sent);
        }
    }

    fn to(&mut self, address: SocketAddr) -> Vec<Sent> {
        let all = std::mem::take(&mut self.sent).into_iter();
        all.filter(|sent| sent.channel == Channel::Rtp && sent.to == address).collect()
    }
}

/// How loud a pitch is, in payloads of PCMU.
fn loudness(payloads: &[&[u8]], pitch: f32) -> f32 {
    let mut heard = Vec::new();
    for payload in payloads {
        let mut frame = [0; 160];
        let n = Codec::Pcmu.decode(payload, &mut frame);
        heard.extend_from_slice(&frame[..n]);
    }
    detect::goertzel_power(&heard, Rate::NARROW, pitch).sqrt() / heard.len() as f32 * 2.0
}

/// A packet of the phone's with this payload.
fn saying(phone: &mut Phone, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let packet = phone.packet(payload_type, phone.timestamp, payload);
    phone.timestamp = phone.timestamp.plus(160);
    packet
}

fn tone_of(pitch: u16) -> Vec<Vec<u8>> {
    let sound = tone::render(&[pitch], MS(4_000), MS(0), MS(4_000), Rate::NARROW);
    prompt(&sound.samples).bytes().chunks(160).map(<[u8]>::to_vec).collect()
}

#[test]
fn who_moves_to_the_other_goes_on_in_its_numbers_and_is_relayed() {
    for from in 0..2 {
        let (mut two, mut alice, mut bob) = Two::bridged((from, setup()), other());
        let (hers, his) = (tone_of(400), tone_of(1_000));
        for n in 0..150 {
            let said = saying(&mut alice, 0, &hers[n]);
            two.arrive(0, home(), &said);
            let said = saying(&mut bob, 96, &his[n]);
            two.arrive(1, away(), &said);
            if n == 100 {
                two.rigs[from].order(Order::Move(id(0), 1 - from as u16));
            }
            two.slots(4);
            if n == 99 {
                let relayed: u64 = two.rigs.iter().map(|rig| rig.worker.stats.relayed).sum();
                assert_eq!(relayed, 0, "two workers mix");
            }
        }
        let there = &two.rigs[1 - from];
        assert_eq!(there.moved, [(id(0), from as u16, 1 - from as u16)]);
        assert_eq!((two.rigs[from].worker.stats.legs, there.worker.stats.legs), (0, 2));
        assert!(two.rigs[from].worker.is_idle() && two.rigs[from].io.attached.is_empty());
        assert!(there.worker.stats.relayed >= 90, "{}", there.worker.stats.relayed);
        assert_eq!(there.io.watched.len(), 2, "and at once");
        let all = std::mem::take(&mut two.sent);
        for (address, pitch, other) in [(home(), 1_000.0, 400.0), (away(), 400.0, 1_000.0)] {
            let sent: Vec<Sent> = all
                .iter()
                .filter(|sent| sent.channel == Channel::Rtp && sent.to == address)
                .cloned()
                .collect();
            assert_even(&sent, 2);
            // Two slots more than a packet time, and half a packet to be in step.
            let gap = sent.windows(2).map(|two| two[1].slot - two[0].slot).max().unwrap();
            assert!(gap <= 8, "{gap} slots of silence to {address} from worker {from}");
            let payloads: Vec<&[u8]> = views(&sent).iter().map(|view| view.payload).collect();
            for part in payloads[20..].chunks(25).filter(|part| part.len() == 25) {
                let (wanted, own) = (loudness(part, pitch), loudness(part, other));
                assert!(wanted > 1_000.0 && own < wanted / 10.0, "{wanted} {own} to {address}");
            }
        }
        // What comes leaves before any slot.
        let said = packet(&mut alice, 0, 7);
        two.arrive(0, home(), &said);
        assert_eq!(two.to(away()).len(), 1);
        two.slots(200);
        let there = &mut two.rigs[1 - from];
        for place in 0..2 {
            there.order(Order::Release(id(place)));
        }
        two.slots(2);
        let there = &two.rigs[1 - from];
        assert_eq!((there.released.len(), there.worker.stats.legs), (2, 0));
        assert!(there.released.iter().all(|report| report.lost == 0 && report.packets_in >= 150));
        assert!(there.worker.is_idle() && there.io.attached.is_empty());
    }
}

#[test]
fn nothing_is_lost_of_what_waits_in_sockets_or_before_its_turn() {
    for taken in 0..4 {
        let (mut two, mut alice, _) = Two::bridged((0, setup()), other());
        two.slots(21);
        two.rigs[0].io.taken = Some(taken);
        for n in 0..3 {
            let said = packet(&mut alice, 0, n);
            two.arrive(0, home(), &said);
        }
        two.rigs[0].order(Order::Move(id(0), 1));
        two.slots(1);
        let said = packet(&mut alice, 0, 3);
        two.arrive(0, home(), &said);
        two.slots(8);
        two.rigs[1].order(Order::Release(id(0)));
        two.slots(1);
        let report = two.rigs[1].released[0];
        assert_eq!((report.packets_in, report.lost, report.out_of_order), (4, 0, 0), "{taken}");
    }
}

#[test]
fn what_it_plays_and_what_is_recorded_of_it_has_no_hole() {
    let mut two = Two::new(64);
    two.rigs[0].adopt(0, setup());
    let mut alice = Phone::new(home(), 9);
    let (ring, mut recorded) = RingBuffer::new(1_000_000);
    two.rigs[0].record_as(7, ring, &Recording { sides: Sides::Stereo, ..Recording::new("a.wav") });
    let whole = frames(3).concat();
    let sound = tone::render(&[440], MS(3_000), MS(0), MS(3_000), Rate::NARROW);
    two.rigs[0].play(3, vec![prompt(&sound.samples)], Repeat::Times(1));
    let hers = tone_of(1_000);
    let mut moves = 0;
    for (n, frame) in hers.iter().enumerate().take(140) {
        let said = saying(&mut alice, 0, frame);
        two.arrive(0, home(), &said);
        // There and back again, at any slot of its four.
        for slot in 0..4 {
            if n >= 40 && n % 20 == 0 && slot == (n / 20) % 4 {
                let at = usize::from(two.rigs[1].io.attached.contains_key(&0));
                two.rigs[at].order(Order::Move(id(0), 1 - at as u16));
                moves += 1;
            }
            two.slots(1);
        }
    }
    assert_eq!((moves, two.rigs[0].moved.len() + two.rigs[1].moved.len()), (5, 5));
    let sent = two.to(home());
    assert_even(&sent, 0);
    let said: Vec<u8> = views(&sent).iter().flat_map(|view| view.payload.to_vec()).collect();
    let begin = said.windows(160).position(|part| part == &whole[..160]).unwrap();
    let length = said.len() - begin;
    assert!(length > 160 * 130);
    assert_eq!(said[begin..], whole[..length], "each packet of the prompt, and none twice");
    let mut samples = Vec::new();
    while let Ok(sample) = recorded.pop() {
        samples.push(sample);
    }
    assert!(samples.len().abs_diff(2 * 160 * 140) <= 2 * 160 * 4, "{} samples", samples.len());
    for (side, pitch) in [(0, 1_000.0), (1, 440.0)] {
        let side: Vec<i16> = samples.iter().copied().skip(side).step_by(2).collect();
        for (n, part) in side.chunks(160).enumerate().filter(|(n, part)| *n > 12 && part.len() == 160) {
            let level = detect::goertzel_power(part, Rate::NARROW, pitch).sqrt() / 80.0;
            assert!(level > 1_000.0, "{level} at {n} of {pitch}");
        }
    }
}

#[test]
fn who_cannot_move_stays_and_is_heard_over_two_workers() {
    let (mut two, mut alice, _) = Two::bridged((0, setup()), other());
    two.slots(4);
    // Its sockets cannot be stopped.
    two.rigs[0].io.taken = None;
    two.rigs[0].order(Order::Move(id(0), 1));
    two.slots(1);
    assert_eq!(two.rigs[0].moved, [(id(0), 0, 0)]);
    two.rigs[0].io.taken = Some(0);
    // The other worker has no room.
    for _ in 0..64 {
        two.rigs[1].order(Order::Stop(id(9), 1));
    }
    two.rigs[0].order(Order::Move(id(0), 1));
    two.slots(1);
    assert_eq!(two.rigs[0].moved, [(id(0), 0, 0); 2]);
    // There is no such worker, and it is there already.
    two.rigs[0].order(Order::Move(id(0), 5));
    two.rigs[0].order(Order::Move(id(0), 0));
    // A leg that is gone is nobody's.
    two.rigs[0].order(Order::Move(id(3), 1));
    two.slots(1);
    assert_eq!(two.rigs[0].moved, [(id(0), 0, 0); 4]);
    assert_eq!((two.rigs[0].worker.stats.legs, two.rigs[1].worker.stats.legs), (1, 1));
    two.to(away());
    for frame in &tone_of(400)[..100] {
        let said = saying(&mut alice, 0, frame);
        two.arrive(0, home(), &said);
        two.slots(4);
    }
    let sent = two.to(away());
    assert_even(&sent, 0);
    let payloads: Vec<&[u8]> = views(&sent).iter().map(|view| view.payload).collect();
    assert!(loudness(&payloads[20..], 400.0) > 1_000.0);
}

#[test]
fn who_is_in_a_room_stays_there() {
    let mut two = Two::new(64);
    two.rigs[0].adopt(0, setup());
    let part = PartId { worker: 0, place: 0, room: RoomId(1) };
    let room = Box::new(Room::new(part, Rate::NARROW, Lists::new(4, 2)));
    two.rigs[0].order(Order::Room(part, RoomOrder::Open(room)));
    let way = Way::Inline { inward: None, outward: None };
    let seat = Box::new(Seat::new(Who::Leg(id(0)), 5, Rate::NARROW, Member::default().settings(), way));
    let joining = Joining { seat: Some(seat), shared: None, kit: Some(kit()), lists: None };
    two.rigs[0].order(Order::Room(part, RoomOrder::Join(Box::new(joining))));
    two.rigs[0].order(Order::Move(id(0), 1));
    two.slots(1);
    assert_eq!(two.rigs[0].moved, [(id(0), 0, 0)]);
    assert_eq!((two.rigs[0].worker.stats.rooms, two.rigs[0].worker.stats.legs), (1, 1));
    // Nobody moves from a worker that ends.
    two.rigs[0].order(Order::Room(part, RoomOrder::Leave(id(0))));
    two.slots(1);
    two.rigs[0].order(Order::Move(id(0), 1));
    let due = Due { slot: two.rigs[0].slot, skipped: 0, late: MS(0) };
    let Rig { worker, io, .. } = &mut two.rigs[0];
    assert!(worker.release_all(due, io));
    let mut ends = Vec::new();
    while let Ok(out) = two.rigs[0].ring.pop() {
        match out {
            Out::Moved { from, at, .. } => ends.push((from, at)),
            Out::Released(leg, ports) => ends.push((leg.id.place as u16, ports.unwrap())),
            _ => {}
        }
    }
    assert_eq!(ends, [(0, 0), (0, 20_000)]);
}

#[test]
fn who_was_relayed_and_talks_to_another_says_something_at_once_wherever_that_is() {
    for moves in [false, true] {
        let mut two = Two::new(64);
        let (mut a, mut b) = Bridge::pair(Rate::NARROW, Rate::NARROW);
        Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
        two.rigs[0].adopt(0, setup());
        two.rigs[0].adopt(1, other());
        two.rigs[0].order(Order::Bridge(id(0), 1, Box::new(a), kit()));
        let his = Kit::to_talk(&other(), Delay::PATIENT).unwrap();
        two.rigs[0].order(Order::Bridge(id(1), 2, Box::new(b), his));
        let (mut alice, mut bob) = (Phone::new(home(), 9), Phone::new(away(), 10));
        for n in 0..40 {
            let said = packet(&mut alice, 0, n);
            two.arrive(0, home(), &said);
            let said = packet(&mut bob, 96, n);
            two.arrive(1, away(), &said);
            two.slots(4);
        }
        assert!(two.rigs[0].worker.stats.relayed > 70);
        let (c, _carol) = Bridge::pair(Rate::NARROW, Rate::NARROW);
        let before = two.to(home());
        two.rigs[0].order(Order::Bridge(id(0), 3, Box::new(c), kit()));
        if moves {
            two.rigs[0].order(Order::Move(id(0), 1));
        }
        two.slots(12);
        assert!(two.rigs[0].events.contains(&Event::Played { leg: id(0), tag: 1, stopped: true }));
        let sent = two.to(home());
        assert!(sent.len() >= 2, "{} packets in 60 ms", sent.len());
        assert_even(&[before, sent].concat(), 1);
        two.slots(200);
        let there = &two.rigs[usize::from(moves)];
        assert_eq!(there.worker.stats.legs, if moves { 1 } else { 2 });
        assert!(there.reports.iter().rev().take(2).any(|report| report.saying == Saying::Bridge));
        assert!(two.rigs[1].io.watched.is_empty(), "nobody is relayed there");
    }
}
