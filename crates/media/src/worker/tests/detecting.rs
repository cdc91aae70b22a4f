//! Keys in the sound, and detectors, in virtual time.

use audio::codec::Encoder;
use audio::detect::{Answer, Change, Fax, Patience, Timings};

use super::*;
use crate::detector::{Detector, Found, Listener};
use crate::event::KeyWay;

/// A phone that takes no telephone-events.
fn plain(codec: Codec, payload_type: u8) -> LegSetup {
    LegSetup { keys_in_sound: true, ..LegSetup::new(codec, payload_type, home()) }
}

/// Has a phone say `sound` with the codec of `setup`.
fn say(rig: &mut Rig, setup: &LegSetup, sound: &Pcm) {
    let mut encoder = Encoder::new(setup.codec, setup.rate, &setup.opus).unwrap();
    let mut phone = Phone::new(home(), 9);
    let ticks = setup.codec.clock() / 50;
    for frame in sound.resampled(setup.rate).samples.chunks_exact(setup.rate.0 as usize / 50) {
        let mut payload = [0; audio::codec::MAX_PAYLOAD];
        let n = encoder.encode(frame, &mut payload);
        let packet = phone.packet(setup.payload_type, phone.timestamp, &payload[..n]);
        phone.timestamp = phone.timestamp.plus(ticks);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
        rig.slots(4);
    }
}

fn keys(presses: &str, on: u64, off: u64) -> Pcm {
    let mut sound = Pcm::silence(Rate::NARROW, MS(300));
    for key in presses.chars() {
        sound.append(&tone::dtmf(key, MS(on), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, MS(off)));
    }
    sound.append(&Pcm::silence(Rate::NARROW, MS(200)));
    sound
}

fn told(events: &[Event]) -> String {
    let key = |event: &Event| match event {
        Event::Digit { key, way: KeyWay::Sound, .. } => Some(*key),
        _ => None,
    };
    events.iter().filter_map(key).collect()
}

#[test]
fn keys_in_the_sound_are_heard_of_every_codec() {
    for setup in [
        plain(Codec::Pcmu, 0),
        plain(Codec::Pcma, 8),
        plain(Codec::G722, 9),
        plain(Codec::L16(Rate::WIDE), 96),
        plain(Codec::Opus, 97),
        LegSetup { rate: Rate::NARROW, ..plain(Codec::Opus, 97) },
    ] {
        let mut rig = Rig::with(setup.clone());
        say(&mut rig, &setup, &keys("159#", 100, 80));
        let events = rig.take_events();
        assert_eq!(told(&events), "159#", "{:?} at {}", setup.codec, setup.rate);
        let ends: Vec<u32> = events
            .iter()
            .filter_map(|event| if let Event::DigitEnded { ms, .. } = event { Some(*ms) } else { None })
            .collect();
        assert_eq!(ends.len(), 4);
        assert!(ends.iter().all(|ms| ms.abs_diff(100) <= 20), "{ends:?}");
    }
}

#[test]
fn nobody_listens_for_keys_in_the_sound_who_was_not_asked_to() {
    let setup = LegSetup { keys_in_sound: false, ..plain(Codec::Pcmu, 0) };
    let mut rig = Rig::with(setup.clone());
    say(&mut rig, &setup, &keys("159#", 100, 80));
    assert_eq!(rig.take_events(), []);
    rig.slots(400);
    assert_eq!(rig.reports.last().unwrap().buffer_ms, None, "no ears");
}

#[test]
fn a_reinvite_begins_and_ends_the_listening_for_keys() {
    let with = plain(Codec::Pcmu, 0);
    let without = LegSetup { keys_in_sound: false, ..with.clone() };
    let mut rig = Rig::with(without.clone());
    let kit = |setup: &LegSetup| Some(Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
    rig.order(Order::Reconfigure(id(0), Box::new(with.clone()), kit(&with)));
    rig.slots(4);
    say(&mut rig, &with, &keys("7", 100, 80));
    assert_eq!(told(&rig.take_events()), "7");
    rig.order(Order::Reconfigure(id(0), Box::new(without.clone()), kit(&without)));
    rig.slots(4);
    say(&mut rig, &without, &keys("7", 100, 80));
    assert_eq!(told(&rig.take_events()), "");
    rig.slots(400);
    assert_eq!(rig.reports.last().unwrap().buffer_ms, None, "the ears are gone");
}

#[test]
fn a_recording_that_ends_leaves_the_ears_to_the_keys() {
    let setup = plain(Codec::Pcmu, 0);
    let mut rig = Rig::with(setup.clone());
    let _ring = rig.record(4, None, None);
    rig.slots(8);
    rig.order(Order::Stop(id(0), 4));
    say(&mut rig, &setup, &keys("42", 100, 80));
    assert_eq!(told(&rig.take_events()), "42");
}

fn detect(rig: &mut Rig, setup: &LegSetup, tag: u64, what: Detector) {
    let listener = Box::new(Listener::new(tag, what));
    rig.order(Order::Detect(id(0), listener, Kit::to_detect(setup, Delay::PATIENT).unwrap()));
}

/// Somebody who says so many milliseconds and waits, again and again.
fn talk(lengths: &[(u64, u64)]) -> Pcm {
    let mut sound = Pcm::silence(Rate::NARROW, MS(300));
    for &(words, pause) in lengths {
        sound.append(&tone::render(&[210, 330, 650], MS(words), MS(0), MS(words), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, MS(pause)));
    }
    sound
}

fn found(events: Vec<Event>) -> Vec<(u64, Found)> {
    let what = |event| if let Event::Detected { tag, what, .. } = event { Some((tag, what)) } else { None };
    events.into_iter().filter_map(what).collect()
}

#[test]
fn who_answered_is_told_once_and_the_ears_close() {
    let setup = setup();
    let mut rig = Rig::with(setup.clone());
    detect(&mut rig, &setup, 3, Detector::Machine(Timings::default()));
    say(&mut rig, &setup, &talk(&[(500, 2_000)]));
    assert_eq!(found(rig.take_events()), [(3, Found::Answer(Answer::Human)), (3, Found::Over)]);
    rig.slots(400);
    assert_eq!(rig.reports.last().unwrap().buffer_ms, None);
    detect(&mut rig, &setup, 4, Detector::Machine(Timings::default()));
    say(&mut rig, &setup, &talk(&[(1_500, 100), (1_500, 100)]));
    assert_eq!(found(rig.take_events()), [(4, Found::Answer(Answer::Machine)), (4, Found::Over)]);
}

fn reconfigure(rig: &mut Rig, setup: &LegSetup) {
    let kit = Kit::for_all(setup, Delay::CONVERSATION).unwrap();
    rig.order(Order::Reconfigure(id(0), Box::new(setup.clone()), Some(kit)));
    rig.slots(4);
}

/// Leaves out that detectors are over.
fn but_over(found: Vec<(u64, Found)>) -> Vec<(u64, Found)> {
    found.into_iter().filter(|(_, what)| *what != Found::Over).collect()
}

#[test]
fn several_detectors_hear_the_same_and_each_ends_by_itself() {
    for setup in [plain(Codec::Pcmu, 0), plain(Codec::G722, 9), plain(Codec::Opus, 97)] {
        let setup = LegSetup { keys_in_sound: false, ..setup };
        let mut rig = Rig::with(setup.clone());
        let patience = Patience { speech: MS(100), silence: MS(400) };
        detect(&mut rig, &setup, 3, Detector::Fax);
        detect(&mut rig, &setup, 4, Detector::Machine(Timings::default()));
        detect(&mut rig, &setup, 5, Detector::Speech(patience));
        let mut sound = talk(&[(600, 1_200)]);
        sound.append(&tone::beep(1_100, MS(500), Rate::NARROW));
        sound.append(&Pcm::silence(Rate::NARROW, MS(600)));
        say(&mut rig, &setup, &sound);
        let (speaking, silent) = (Found::Speech(Change::Speaking), Found::Speech(Change::Silent));
        let all = found(rig.take_events());
        let of = |tag| all.iter().filter(|(of, _)| *of == tag).map(|(_, what)| *what).collect::<Vec<_>>();
        let codec = setup.codec;
        assert_eq!(of(3), [Found::Fax(Fax::Calling)], "{codec:?}");
        assert_eq!(of(4), [Found::Answer(Answer::Human), Found::Over], "{codec:?}");
        assert_eq!(of(5), [speaking, silent, speaking, silent], "{codec:?}");
        // The one in the middle is over; of the others each hears its stop.
        for tag in [5, 3] {
            rig.order(Order::Stop(id(0), tag));
            rig.slots(4);
            assert_eq!(found(rig.take_events()), [(tag, Found::Over)]);
        }
        rig.slots(400);
        assert_eq!(rig.reports.last().unwrap().buffer_ms, None, "the ears close with the last");
    }
}

#[test]
fn a_leg_listens_for_eight_things_at_once_and_no_more() {
    let setup = setup();
    let mut rig = Rig::with(setup.clone());
    (0..9).for_each(|tag| detect(&mut rig, &setup, tag, Detector::Fax));
    rig.slots(4);
    assert_eq!(found(rig.take_events()), [(8, Found::Over)]);
    say(&mut rig, &setup, &tone::beep(1_100, MS(500), Rate::NARROW));
    say(&mut rig, &setup, &Pcm::silence(Rate::NARROW, MS(300)));
    assert_eq!(but_over(found(rig.take_events())).len(), 8);
}

#[test]
fn detectors_listen_on_when_the_leg_changes_its_codec_and_rate() {
    let phone = |codec, payload_type| LegSetup { keys_in_sound: false, ..plain(codec, payload_type) };
    let (ulaw, wide, full) = (phone(Codec::Pcmu, 0), phone(Codec::G722, 9), phone(Codec::Opus, 97));
    for (before, after) in [(&ulaw, &wide), (&wide, &ulaw), (&full, &ulaw), (&ulaw, &full), (&wide, &full)] {
        let names = format!("{:?} to {:?}", before.codec, after.codec);
        let mut rig = Rig::with(before.clone());
        detect(&mut rig, before, 3, Detector::Machine(Timings::default()));
        detect(&mut rig, before, 4, Detector::Fax);
        // A phone that settles for one codec as soon as it is answered.
        say(&mut rig, before, &Pcm::silence(Rate::NARROW, MS(300)));
        reconfigure(&mut rig, after);
        assert_eq!(found(rig.take_events()), [], "{names}");
        say(&mut rig, after, &talk(&[(500, 1_600)]));
        let human = (3, Found::Answer(Answer::Human));
        assert_eq!(found(rig.take_events()), [human, (3, Found::Over)], "{names}");
        reconfigure(&mut rig, before);
        say(&mut rig, before, &tone::beep(1_100, MS(500), Rate::NARROW));
        say(&mut rig, before, &Pcm::silence(Rate::NARROW, MS(300)));
        assert_eq!(found(rig.take_events()), [(4, Found::Fax(Fax::Calling))], "{names} and back");
    }
}

#[test]
fn a_detector_ends_with_its_leg_and_before_it_begins_if_its_leg_is_another_by_then() {
    let setup = setup();
    let mut rig = Rig::with(setup.clone());
    let wide = LegSetup { codec: Codec::G722, rate: Rate::WIDE, ..setup.clone() };
    reconfigure(&mut rig, &wide);
    detect(&mut rig, &setup, 3, Detector::Fax);
    rig.slots(4);
    assert_eq!(found(rig.take_events()), [(3, Found::Over)]);
    detect(&mut rig, &wide, 4, Detector::Progress(None));
    rig.slots(4);
    rig.order(Order::Release(id(0)));
    rig.slots(1);
    assert_eq!(found(rig.take_events()), [(4, Found::Over)]);
}

#[test]
fn who_puts_us_on_hold_says_nothing_which_is_found_in_its_time() {
    for (send, receive) in [(true, false), (false, true), (false, false)] {
        let setup = setup();
        let mut rig = Rig::with(setup.clone());
        detect(&mut rig, &setup, 3, Detector::Machine(Timings::default()));
        say(&mut rig, &setup, &Pcm::silence(Rate::NARROW, MS(300)));
        reconfigure(&mut rig, &LegSetup { send, receive, ..setup.clone() });
        rig.slots(1_200);
        let all = found(rig.take_events());
        assert_eq!(all.last(), Some(&(3, Found::Over)), "{send} {receive}: {all:?}");
    }
}
