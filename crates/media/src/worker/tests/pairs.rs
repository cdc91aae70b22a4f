//! Two legs of a worker that talk to each other have their turns together, in virtual time.

use super::*;
use crate::bridge::Bridge;

/// Slots from one packet to the next.
const PACE: u64 = 4;

/// Two legs and the phones that speak to them, not bridged yet.
fn apart(places: [u32; 2]) -> (Rig, [Phone; 2]) {
    let mut rig = Rig::new();
    // Between them come legs that have nothing to do with them, so that their slots differ.
    for place in 0..=places[1] {
        let remote = SocketAddr::from(([198, 51, 100, 1], 6_000 + place as u16 * 2));
        rig.adopt(place, LegSetup { remote, ..setup() });
    }
    let phone =
        |place: u32| Phone::new(SocketAddr::from(([198, 51, 100, 1], 6_000 + place as u16 * 2)), place + 9);
    (rig, places.map(phone))
}

fn talk(rig: &mut Rig, places: [u32; 2]) {
    let (mut here, mut there) = Bridge::pair(Rate::NARROW, Rate::NARROW);
    Bridge::face((&mut here, id(places[0])), (&mut there, id(places[1])), false);
    for (place, end) in places.into_iter().zip([here, there]) {
        let kit = Kit::to_talk(&setup(), Delay::CONVERSATION).unwrap();
        rig.order(Order::Bridge(id(place), 1, Box::new(end), kit));
    }
}

/// A packet from each, which come before the turns of the next slot.
fn say(rig: &mut Rig, places: [u32; 2], phones: &mut [Phone; 2], payload: &[u8]) {
    for (place, phone) in places.into_iter().zip(phones) {
        let packet = phone.packet(0, phone.timestamp, payload);
        phone.timestamp = phone.timestamp.plus(payload.len() as u32);
        rig.io.arrive(place as usize, Channel::Rtp, phone.from, &packet);
    }
}

/// The slots in which packets were sent to a phone, and what they were.
fn to<'a>(sent: &'a [Sent], phone: &Phone) -> Vec<&'a Sent> {
    sent.iter().filter(|sent| sent.to == phone.from).collect()
}

#[test]
fn both_hear_before_either_speaks_and_wait_no_longer_than_the_network_asks_for() {
    for far in 1..4 {
        let places = [0, far];
        let (mut rig, mut phones) = apart(places);
        talk(&mut rig, places);
        // Ten seconds of a tone, then frames that can be told apart.
        for frame in &frames(10) {
            say(&mut rig, places, &mut phones, frame);
            rig.slots(PACE);
        }
        rig.heard();
        let mut said = Vec::new();
        for n in 0..40u8 {
            said.push(rig.slot);
            say(&mut rig, places, &mut phones, &[n | 0x80; 160]);
            rig.slots(PACE);
        }
        let sent = rig.heard();
        for phone in &phones {
            let heard = to(&sent, phone);
            for n in 20..30u8 {
                // The first sample of it, wherever in a packet it is.
                let found = heard.iter().find_map(|sent| {
                    let at = sent.bytes[12..].iter().position(|byte| *byte == n | 0x80)?;
                    Some(sent.slot as usize * 5 + at / 8)
                });
                let delay = found.unwrap() - said[usize::from(n)] as usize * 5;
                assert!(delay < 25, "{delay} ms at {n} of {far}");
            }
        }
    }
}

#[test]
fn who_gets_other_slots_goes_on_within_half_a_packet() {
    for far in 1..4 {
        let places = [0, far];
        let (mut rig, mut phones) = apart(places);
        for frame in &frames(1) {
            say(&mut rig, places, &mut phones, frame);
            rig.slots(PACE);
        }
        talk(&mut rig, places);
        for frame in &frames(1) {
            say(&mut rig, places, &mut phones, frame);
            rig.slots(PACE);
        }
        let sent = rig.heard();
        let slots = phones.each_ref().map(|phone| {
            let heard = to(&sent, phone);
            let steps = heard.windows(2).map(|two| two[1].slot - two[0].slot);
            let other: Vec<u64> = steps.filter(|step| *step != PACE).collect();
            assert!(other.len() <= 1 && other.iter().all(|step| (2..=6).contains(step)), "{other:?}");
            let numbers =
                views(&heard.iter().map(|sent| (*sent).clone()).collect::<Vec<_>>()).windows(2).all(|two| {
                    two[1].seq.since(two[0].seq) == 1 && two[1].timestamp.since(two[0].timestamp) == 160
                });
            assert!(numbers, "continuous");
            heard.last().unwrap().slot % PACE
        });
        assert_eq!(slots[0], slots[1], "they have their turns together");
    }
}

#[test]
fn who_is_left_has_turns_of_its_own() {
    for gone in 0..2 {
        let places = [0, 2];
        let (mut rig, mut phones) = apart(places);
        talk(&mut rig, places);
        for frame in &frames(1) {
            say(&mut rig, places, &mut phones, frame);
            rig.slots(PACE);
        }
        rig.order(Order::Release(id(places[gone])));
        rig.slots(PACE);
        rig.heard();
        rig.slots(50 * PACE);
        assert_eq!(to(&rig.heard(), &phones[1 - gone]).len(), 50);
    }
}

#[test]
fn a_talk_goes_on_when_the_packet_time_changes() {
    let places = [0, 3];
    let (mut rig, mut phones) = apart(places);
    talk(&mut rig, places);
    rig.slots(PACE);
    for place in places {
        let remote = phones[usize::from(place != 0)].from;
        let longer = LegSetup { ptime: MS(40), remote, ..setup() };
        rig.order(Order::Reconfigure(id(place), Box::new(longer), None));
    }
    rig.slots(8);
    rig.heard();
    for frame in &frames(1) {
        say(&mut rig, places, &mut phones, frame);
        rig.slots(PACE);
    }
    let sent = rig.heard();
    let [one, other] = phones.each_ref().map(|phone| to(&sent, phone));
    assert_eq!((one.len(), other.len()), (25, 25));
    assert!(one.iter().zip(&other).all(|(one, other)| one.slot == other.slot));
}
