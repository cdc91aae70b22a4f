//! A room that goes on at another rate while its members sing: nothing of it begins anew.

use audio::resample::Resampler;

use super::choir::*;
use super::*;
use crate::recording::Pause;
use crate::room::{Fitting, Manner, Wider};

const TO: Rate = Rate::WIDE;

/// The room of these members, which is narrow, goes on wide. What is said to all was narrow, the recording is wide.
fn widen(rig: &mut Rig, members: &[&Singer]) {
    let mut wider = Box::new(Wider::new(TO));
    for member in members {
        let setup = &member.setup;
        let back = if setup.period() == 4 { setup.rate } else { Rate::NARROW };
        wider.fittings.push(Fitting::new(
            Who::Leg(id(member.place)),
            TO,
            (setup.rate, back),
            Resampler::between,
        ));
        wider
            .manners
            .push((Manner::new(setup.codec, setup.rate, setup.opus), Resampler::between(TO, setup.rate)));
    }
    wider.saying = Resampler::between(Rate::NARROW, TO).map(Box::new);
    rig.order(Order::Room(ROOM, RoomOrder::Widen(wider)));
}

/// A recording of the room at 16 kHz, which is narrow now.
fn tape(rig: &mut Rig) -> Consumer<i16> {
    let (ring, out) = RingBuffer::new(1_000_000);
    let recorder = Recorder::new((id(9), 1), ring, TO, &Recording::new("a.wav"), Default::default());
    let resampler = Resampler::between(Rate::NARROW, TO).map(Box::new);
    rig.order(Order::Room(ROOM, RoomOrder::Record(Box::new(recorder), resampler)));
    out
}

fn all_of(mut ring: Consumer<i16>) -> Vec<i16> {
    std::iter::from_fn(|| ring.pop().ok()).collect()
}

/// Parts of 5 ms in which there is almost nothing, from `from` on.
fn holes(sound: &[i16], rate: Rate, from: Duration) -> usize {
    let sound = &sound[rate.samples(from)..];
    sound.chunks(rate.samples(MS(5))).filter(|part| part.iter().all(|s| s.abs() < 400)).count()
}

#[test]
fn a_recording_goes_on_sample_for_sample_where_its_room_becomes_wider() {
    let taped = |wider: bool| {
        let mut rig = hall();
        let mut a = come(&mut rig, 0, setup());
        let mut b = come(&mut rig, 1, setup());
        let mut c = come(&mut rig, 2, setup());
        let out = tape(&mut rig);
        // Who hears and is silent, and who is heard by all.
        let mut sent = choir(&mut rig, &mut [&mut a, &mut b], 500);
        if wider {
            widen(&mut rig, &[&a, &b, &c]);
            let setup = LegSetup::new(Codec::L16(TO), 97, home());
            come_at(&mut rig, 3, setup, TO);
        }
        sent.extend(choir(&mut rig, &mut [&mut a, &mut b], 500));
        for (singer, others) in [(&a, vec![1]), (&b, vec![0]), (&c, vec![0, 1])] {
            assert_eq!(singer.hears(&sent), others, "{wider}: {}", singer.place);
            assert_eq!(holes(&singer.heard(&sent), Rate::NARROW, MS(200)), 0, "{wider}: {}", singer.place);
        }
        let sung = choir(&mut rig, &mut [&mut a, &mut b, &mut c], 500);
        assert_eq!(a.hears(&sung), [1, 2]);
        rig.order(Order::Room(ROOM, RoomOrder::Stop(1)));
        rig.slots(4);
        all_of(out)
    };
    let (plain, wider) = (taped(false), taped(true));
    assert_eq!(plain.len(), wider.len());
    let worst = plain.iter().zip(&wider).map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max();
    assert!(worst.is_some_and(|worst| worst <= 8), "{worst:?}: a seam");
    assert!(plain.iter().any(|sample| *sample > 5_000), "something was sung");
}

#[test]
fn nothing_that_is_said_while_a_rooms_recording_is_paused_is_in_it_also_where_the_room_becomes_wider_meanwhile()
 {
    for (pause, ms) in [(Pause::Silence, 1_500), (Pause::Cut, 1_000)] {
        let mut rig = hall();
        let mut a = come(&mut rig, 0, setup());
        let mut b = come(&mut rig, 1, setup());
        let out = tape(&mut rig);
        let order = |rig: &mut Rig, tag, pause| rig.order(Order::Room(ROOM, RoomOrder::Pause(tag, pause)));
        // Of another recording: nothing becomes of it.
        order(&mut rig, 2, Some(pause));
        choir(&mut rig, &mut [&mut a], 500);
        order(&mut rig, 1, Some(pause));
        choir(&mut rig, &mut [&mut b], 240);
        widen(&mut rig, &[&a, &b]);
        choir(&mut rig, &mut [&mut b], 160);
        // What it said last is on its way, and part of the pause.
        rig.slots(20);
        order(&mut rig, 1, None);
        choir(&mut rig, &mut [&mut a], 500);
        rig.order(Order::Room(ROOM, RoomOrder::Stop(1)));
        rig.slots(4);
        let taped = all_of(out);
        let off = taped.len().abs_diff(TO.samples(MS(ms)));
        assert!(off <= TO.samples(MS(20)), "{pause:?}: {} samples", taped.len());
        let level = |part: &[i16], place| a.level_at(part, TO, pitch(place));
        // What had been said before the pause is heard some 40 ms later.
        let pieces: Vec<&[i16]> = taped.chunks_exact(TO.samples(MS(100))).collect();
        let (before, after) = (&pieces[1..5], &pieces[pieces.len() - 4..]);
        assert!(before.iter().chain(after).all(|part| level(part, 0) > 3_000.0), "{pause:?}");
        if pause == Pause::Silence {
            assert!(taped[TO.samples(MS(520))..TO.samples(MS(980))].iter().all(|sample| *sample == 0));
        }
        let of_b = pieces.iter().map(|part| level(part, 1)).fold(0.0, f64::max);
        assert!(of_b < 100.0, "{pause:?}: {of_b}");
    }
}

#[test]
fn what_is_said_to_all_is_heard_whole_where_the_room_becomes_wider() {
    let mut rig = hall();
    let a = come(&mut rig, 0, setup());
    let out = tape(&mut rig);
    rig.slots(4);
    rig.take_events();
    let wave = tone::render(&[830], MS(1_000), MS(0), MS(1_000), Rate::NARROW);
    let form = crate::prompt::Form::new(Codec::L16(Rate::NARROW), MS(20), Default::default());
    let words = Arc::new(Prompt::encode(&wave, form).unwrap());
    let list = Playlist::new(4, vec![words], Repeat::Times(1));
    rig.order(Order::Room(ROOM, RoomOrder::Play(list, None)));
    rig.slots(80);
    widen(&mut rig, &[&a]);
    come_at(&mut rig, 1, LegSetup::new(Codec::L16(TO), 97, home()), TO);
    rig.slots(160);
    let over = Event::RoomPlayed { room: RoomId(7), tag: 4, stopped: false };
    assert!(rig.take_events().contains(&over));
    let sent = rig.heard();
    for (sound, rate) in [(a.heard(&sent), Rate::NARROW), (all_of(out), TO)] {
        let parts = sound.chunks(rate.samples(MS(5)));
        let loud: Vec<bool> = parts.map(|part| part.iter().any(|sample| sample.abs() > 2_000)).collect();
        let (first, last) = (loud.iter().position(|loud| *loud), loud.iter().rposition(|loud| *loud));
        let (first, last) = (first.unwrap(), last.unwrap());
        assert!(loud[first..=last].iter().all(|loud| *loud), "no hole in it");
        assert!((198..=203).contains(&(last - first)), "a second: {}", last - first);
        // The pitch is the same on both sides.
        for part in sound[first * rate.samples(MS(5))..].chunks_exact(rate.samples(MS(450))).take(2) {
            let power = f64::from(detect::goertzel_power(part, rate, 830.0));
            assert!(power.sqrt() / part.len() as f64 * 2.0 > 2_000.0);
        }
    }
}

#[test]
fn who_sits_by_a_ring_goes_on_hearing_and_being_heard_in_a_wider_room() {
    let mut rig = hall();
    let mut a = come(&mut rig, 0, setup());
    let mut b = come(&mut rig, 1, LegSetup { ptime: MS(40), ..setup() });
    choir(&mut rig, &mut [&mut a, &mut b], 600);
    widen(&mut rig, &[&a, &b]);
    let mut c = come_at(&mut rig, 2, LegSetup::new(Codec::L16(TO), 97, home()), TO);
    let sent = choir(&mut rig, &mut [&mut a, &mut b, &mut c], 1_200);
    assert_eq!([a.hears(&sent), b.hears(&sent), c.hears(&sent)], [vec![1, 2], vec![0, 2], vec![0, 1]]);
    for singer in [&a, &b] {
        assert_eq!(holes(&singer.heard(&sent), Rate::NARROW, MS(0)), 0, "{}", singer.place);
    }
    // Wider again: what its ring carries stays as it was.
    let mut wider = Box::new(Wider::new(Rate::FULL));
    for singer in [&a, &b, &c] {
        let back = if singer.place == 1 { Rate::NARROW } else { singer.setup.rate };
        let who = Who::Leg(id(singer.place));
        wider.fittings.push(Fitting::new(who, Rate::FULL, (singer.setup.rate, back), Resampler::between));
    }
    rig.order(Order::Room(ROOM, RoomOrder::Widen(wider)));
    let sent = choir(&mut rig, &mut [&mut a, &mut b, &mut c], 1_200);
    assert_eq!([a.hears(&sent), b.hears(&sent), c.hears(&sent)], [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn who_talks_goes_on_talking_where_the_room_becomes_wider() {
    let mut rig = hall();
    let mut a = come(&mut rig, 0, setup());
    choir(&mut rig, &mut [&mut a], 500);
    assert!(rig.take_events().contains(&Event::Speaking { room: RoomId(7), leg: id(0), on: true }));
    widen(&mut rig, &[&a]);
    choir(&mut rig, &mut [&mut a], 500);
    assert_eq!(rig.take_events(), []);
    rig.slots(200);
    assert!(rig.take_events().contains(&Event::Speaking { room: RoomId(7), leg: id(0), on: false }));
}
