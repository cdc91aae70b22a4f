//! Two legs that hear each other, in virtual time.

use audio::mix::Gain;

use super::*;
use crate::bridge::Bridge;

/// Two legs, bridged with tags 1 and 2, and the phones that speak to them.
fn bridged(one: LegSetup, other: LegSetup) -> (Rig, Phone, Phone) {
    let mut rig = Rig::new();
    let phones = (Phone::new(one.remote, 9), Phone::new(other.remote, 10));
    let kits = (talk(&one), talk(&other));
    let (a, b) = Bridge::pair(one.rate, other.rate);
    rig.adopt(0, one);
    rig.adopt(1, other);
    rig.order(Order::Bridge(id(0), 1, Box::new(a), kits.0));
    rig.order(Order::Bridge(id(1), 2, Box::new(b), kits.1));
    (rig, phones.0, phones.1)
}

fn talk(setup: &LegSetup) -> Kit {
    Kit::to_talk(setup, Delay::CONVERSATION).unwrap()
}

fn away() -> SocketAddr {
    "198.51.100.2:6000".parse().unwrap()
}

fn other() -> LegSetup {
    LegSetup { remote: away(), ..setup() }
}

fn arrive(rig: &mut Rig, place: usize, phone: &mut Phone, payload_type: u8, payload: &[u8]) {
    let packet = phone.packet(payload_type, phone.timestamp, payload);
    phone.timestamp = phone.timestamp.plus(payload.len() as u32);
    rig.io.arrive(place, Channel::Rtp, phone.from, &packet);
}

/// The audio that was sent to an address.
fn said(sent: &[Sent], to: SocketAddr) -> Vec<u8> {
    let to_it: Vec<Sent> = sent.iter().filter(|one| one.to == to).cloned().collect();
    views(&to_it)
        .iter()
        .filter(|view| view.payload_type != 101)
        .flat_map(|view| view.payload)
        .copied()
        .collect()
}

fn find(heard: &[u8], what: &[u8]) -> Option<usize> {
    heard.windows(what.len()).position(|part| part == what)
}

#[test]
fn each_hears_the_other_and_not_itself_within_two_packets() {
    let (mut rig, mut alice, mut bob) = bridged(setup(), other());
    let tone = frames(2);
    let low: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n.saturating_mul(2) | 0x80; 160]).collect();
    for (from_alice, from_bob) in tone.iter().zip(&low) {
        arrive(&mut rig, 0, &mut alice, 0, from_alice);
        arrive(&mut rig, 1, &mut bob, 0, from_bob);
        rig.slots(4);
    }
    let sent = rig.heard();
    let (to_alice, to_bob) = (said(&sent, home()), said(&sent, away()));
    // The first packet's bytes are silence of another spelling; from the second on the tone is itself.
    let delay = find(&to_bob, &tone[1..90].concat()).expect("bob hears alice, byte for byte") - 160;
    assert!(delay <= 2 * 160, "{delay} samples of delay");
    let delay = find(&to_alice, &low[1..90].concat()).expect("alice hears bob, byte for byte") - 160;
    assert!(delay <= 2 * 160, "{delay} samples of delay");
}

#[test]
fn other_codecs_and_packet_times_are_bridged_without_a_gap() {
    let a_law =
        LegSetup { codec: Codec::Pcma, payload_type: 8, receive_payload_type: 8, ptime: MS(30), ..other() };
    let (mut rig, mut alice, _) = bridged(setup(), a_law);
    let wave = tone::render(&[440], MS(2_000), MS(0), MS(2_000), Rate::NARROW);
    for frame in prompt(&wave.samples).bytes().chunks(160) {
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    let sent = rig.heard();
    let heard = said(&sent, away());
    let mut pcm = vec![0; heard.len()];
    Codec::Pcma.decode(&heard, &mut pcm);
    let begin = pcm.iter().position(|sample| sample.abs() > 1_000).unwrap();
    assert!(begin <= 640, "{begin} samples of delay");
    let dull =
        pcm[begin..begin + 15_000].chunks(80).filter(|part| part.iter().all(|s| s.abs() < 1_000)).count();
    assert_eq!(dull, 0, "a gap of 10 ms");
}

#[test]
fn a_prompt_goes_before_the_other_party_and_leaves_no_old_sound() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let tone = frames(4);
    let voice = prompt(&[9_000; 8_000]);
    for (n, frame) in tone.iter().enumerate() {
        if n == 50 {
            rig.order(Order::Play(id(1), Playlist::new(7, vec![voice.clone()], Repeat::Times(1))));
        }
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    assert_eq!(rig.take_events(), [Event::Played { leg: id(1), tag: 7, stopped: false }]);
    let heard = said(&rig.heard(), away());
    assert!(find(&heard, voice.bytes()).is_some(), "the prompt is whole");
    let end = find(&heard, &tone[190..195].concat()).expect("then alice again");
    let live = 190 * 160 + 480;
    assert!(end <= live, "no later than before: {end} of {live}");
}

#[test]
fn who_is_muted_is_not_heard_and_one_who_is_made_softer_is() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let mut heard = |gain: f32| {
        rig.order(Order::Loudness(id(0), Gain::new(gain)));
        rig.heard();
        for frame in frames(1) {
            arrive(&mut rig, 0, &mut alice, 0, &frame);
            rig.slots(4);
        }
        let heard = said(&rig.heard(), away());
        let mut pcm = vec![0; heard.len()];
        Codec::Pcmu.decode(&heard, &mut pcm);
        // What was on its way when the order came is over by then.
        pcm[4_000..].iter().map(|sample| sample.unsigned_abs()).max().unwrap()
    };
    let (plain, soft, mute, again) = (heard(1.0), heard(0.2), heard(0.0), heard(1.0));
    assert!(plain > 1_000 && again == plain, "{plain}, {again}");
    assert!((plain / 6..plain / 4).contains(&soft), "{soft} of {plain}");
    assert!(mute < 10, "{mute}");
}

#[test]
fn keys_are_no_sound_and_are_told() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    alice.say(&mut rig, &[0xff; 160]);
    alice.press(&mut rig, '5');
    assert!(rig.take_events().contains(&Event::DigitEnded {
        leg: id(0),
        key: '5',
        way: crate::event::KeyWay::Event,
        ms: 100
    }));
    assert!(said(&rig.heard(), away()).iter().all(|byte| *byte == 0xff));
}

#[test]
fn an_end_is_taken_down_by_its_tag_and_the_other_hears_silence() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    for frame in &frames(1) {
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    assert!(rig.reports.iter().any(|report| report.describe().contains("bridged")));
    rig.order(Order::Stop(id(0), 1));
    rig.slots(20);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: true }]);
    rig.heard();
    for frame in &frames(1) {
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    assert!(said(&rig.heard(), away()).iter().all(|byte| *byte == 0xff));
    rig.order(Order::Release(id(1)));
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(1), tag: 2, stopped: true }]);
}

#[test]
fn a_leg_is_bridged_anew_to_another() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let carol: SocketAddr = "203.0.113.3:7000".parse().unwrap();
    rig.adopt(2, LegSetup { remote: carol, ..setup() });
    let (a, c) = Bridge::pair(Rate::NARROW, Rate::NARROW);
    rig.order(Order::Bridge(id(0), 3, Box::new(a), talk(&setup())));
    rig.order(Order::Bridge(id(2), 4, Box::new(c), talk(&setup())));
    for frame in &frames(1) {
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: true }]);
    let sent = rig.heard();
    assert!(said(&sent, away()).iter().all(|byte| *byte == 0xff));
    assert!(said(&sent, carol).iter().any(|byte| *byte != 0xff));
}

#[test]
fn a_held_leg_hears_nothing_old_when_it_is_back() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    let tone = frames(4);
    for (n, frame) in tone.iter().enumerate() {
        let change = match n {
            50 => Some(LegSetup { send: false, receive: false, ..other() }),
            100 => Some(other()),
            _ => None,
        };
        if let Some(setup) = change {
            rig.order(Order::Reconfigure(id(1), Box::new(setup), None));
        }
        arrive(&mut rig, 0, &mut alice, 0, frame);
        rig.slots(4);
    }
    let heard = said(&rig.heard(), away());
    let end = find(&heard, &tone[190..195].concat()).expect("alice again");
    assert!(end <= (190 - 50) * 160 + 480, "{end}");
}
