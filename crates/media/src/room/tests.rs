//! Rooms as values: who hears whom, how loud, and what is told.

use audio::codec::{Codec, OpusSettings};

use super::*;

const RATE: Rate = Rate::NARROW;
const FRAME: usize = 160;

fn leg(n: u32) -> LegId {
    LegId { home: 0, place: n, generation: 0 }
}

fn room(seats: usize) -> Room {
    part(seats, 0)
}

fn part(seats: usize, worker: u16) -> Room {
    let id = RoomId(7);
    let part = PartId { worker, place: 0, room: id };
    Room::new(part, RATE, Lists::new(seats, 2))
}

fn ulaw() -> Manner {
    Manner::new(Codec::Pcmu, RATE, OpusSettings::default())
}

fn shared(manner: Manner) -> Box<Shared> {
    Box::new(Shared::new(manner, RATE).unwrap())
}

fn seat(n: u32, settings: Settings) -> Box<Seat> {
    let way = Way::Inline { inward: None, outward: None };
    Box::new(Seat::new(Who::Leg(leg(n)), u64::from(n), RATE, settings, way))
}

fn sit(room: &mut Room, n: u32, settings: Settings) {
    let mut seat = seat(n, settings);
    seat.manner = Some(ulaw());
    room.share(shared(ulaw()));
    assert!(matches!(room.join(seat, |_| {}), Ok(None)));
}

fn full(members: u32) -> Room {
    let mut room = room(members as usize);
    (0..members).for_each(|n| sit(&mut room, n, Settings::default()));
    room
}

/// Noise that is different for everybody.
fn voice(n: u32, amplitude: i32) -> Vec<i16> {
    let mut state = n.wrapping_add(1).wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as i32 % (2 * amplitude + 1) - amplitude
    };
    (0..FRAME).map(|_| next() as i16).collect()
}

/// A turn; what each hears. `says` has a frame for each seat, empty where it says nothing.
fn turn(room: &mut Room, says: &[Vec<i16>]) -> (Vec<(Given, Vec<i16>)>, Vec<Event>) {
    let mut events = Vec::new();
    room.open();
    for at in 0..room.len() {
        let sounds = says.get(at).is_some_and(|frame| !frame.is_empty());
        if sounds {
            room.seat(at).unwrap().frame.copy_from_slice(&says[at]);
        }
        room.hear(at, sounds, |event| events.push(event));
    }
    room.mix(|event| events.push(event));
    let heard = (0..room.len())
        .map(|at| {
            let mut frame = vec![0; FRAME];
            let given = room.give(at, &mut frame);
            if given == Given::Shared {
                let payload = room.payload(at).unwrap().to_vec();
                Codec::Pcmu.decode(&payload, &mut frame);
            }
            (given, frame)
        })
        .collect();
    (heard, events)
}

fn sum(parts: &[(&[i16], f32)]) -> Vec<i16> {
    (0..FRAME)
        .map(|at| parts.iter().map(|(part, gain)| f32::from(part[at]) * gain).sum::<f32>() as i16)
        .collect()
}

fn close(one: &[i16], other: &[i16], by: i32) -> bool {
    one.iter().zip(other).all(|(a, b)| (i32::from(*a) - i32::from(*b)).abs() <= by)
}

#[test]
fn everybody_hears_all_others_and_not_itself() {
    for members in [2, 3, 10, 100, 500] {
        let mut room = full(members);
        let says: Vec<Vec<i16>> = (0..members).map(|n| voice(n, 3_000)).collect();
        let (heard, _) = turn(&mut room, &says);
        let all: Vec<i32> = (0..FRAME).map(|at| says.iter().map(|one| i32::from(one[at])).sum()).collect();
        for (n, (given, frame)) in heard.iter().enumerate() {
            assert_eq!(*given, Given::Samples);
            for at in 0..FRAME {
                let wanted = all[at] - i32::from(says[n][at]);
                if wanted.abs() <= mix::KNEE {
                    assert_eq!(i32::from(frame[at]), wanted, "{n} of {members}");
                } else {
                    assert!(i32::from(frame[at]).abs() >= mix::KNEE && (frame[at] > 0) == (wanted > 0));
                }
            }
        }
    }
}

#[test]
fn listeners_share_one_packet_and_who_talks_has_its_own() {
    let mut room = full(100);
    let mut says = vec![vec![]; 100];
    (says[3], says[50]) = (voice(3, 2_000), voice(50, 2_000));
    for _ in 0..10 {
        let (heard, _) = turn(&mut room, &says);
        let common = sum(&[(&says[3], 1.0), (&says[50], 1.0)]);
        for (n, (given, frame)) in heard.iter().enumerate() {
            match n {
                3 => assert_eq!((*given, frame), (Given::Samples, &says[50])),
                50 => assert_eq!((*given, frame), (Given::Samples, &says[3])),
                _ => {
                    assert_eq!(*given, Given::Shared);
                    assert!(close(frame, &common, 140), "but for the codec's steps");
                }
            }
        }
    }
    assert_eq!(room.shared[0].encoded, 10, "once a turn for 98 listeners");
}

#[test]
fn listeners_of_a_codec_with_state_share_once_they_have_settled() {
    let mut room = room(3);
    for n in 0..3 {
        let mut seat = seat(n, Settings::default());
        seat.manner = Some(Manner::new(Codec::G722, RATE, OpusSettings::default()));
        room.join(seat, |_| {}).ok().unwrap();
        // Any encoder does: it is not asked.
        room.seats[n as usize].shared = Some(0);
    }
    let says = [voice(1, 3_000), voice(2, 3_000), vec![]];
    let (heard, _) = {
        room.shared.push(shared(ulaw()));
        turn(&mut room, &says)
    };
    assert_eq!(heard[2].0, Given::Shared, "who never spoke has no past");
    turn(&mut room, &[vec![], vec![], voice(3, 3_000)]);
    for n in 1..120 {
        let (heard, _) = turn(&mut room, &says);
        assert_eq!(heard[2].0 == Given::Shared, n >= SETTLED as usize, "{n}");
    }
}

#[test]
fn silence_is_no_sound_and_costs_no_encoding() {
    let mut room = full(3);
    let (heard, events) = turn(&mut room, &[vec![8; FRAME], vec![], vec![-8; FRAME]]);
    assert!(heard.iter().all(|(given, _)| *given == Given::Silence));
    assert!(events.is_empty());
    assert_eq!(room.shared[0].encoded, 0);
    let (heard, _) = turn(&mut room, &[voice(0, 3_000), vec![], vec![]]);
    assert_eq!(heard[0].0, Given::Silence, "the only one who speaks hears nobody");
}

#[test]
fn mute_deaf_gain_and_volume() {
    let mut room = room(4);
    let muted = Settings { mute: true, ..Settings::default() };
    let deaf = Settings { deaf: true, ..Settings::default() };
    let loud = Settings { gain: Gain::new(2.0), ..Settings::default() };
    let keen = Settings { volume: Gain::new(1.5), ..Settings::default() };
    for (n, settings) in [muted, deaf, loud, keen].into_iter().enumerate() {
        sit(&mut room, n as u32, settings);
    }
    let says: Vec<Vec<i16>> = (0..4).map(|n| voice(n, 2_000)).collect();
    let (heard, events) = turn(&mut room, &says);
    let of = |n: usize, gain| (says[n].as_slice(), gain);
    assert_eq!(heard[0].0, Given::Shared);
    assert!(close(&heard[0].1, &sum(&[of(1, 1.0), of(2, 2.0), of(3, 1.0)]), 400));
    assert_eq!(heard[1].0, Given::Silence);
    assert!(close(&heard[2].1, &sum(&[of(1, 1.0), of(3, 1.0)]), 1));
    assert!(close(&heard[3].1, &sum(&[of(1, 1.5), of(2, 3.0)]), 2));
    assert!(!events.contains(&Event::Speaking { room: RoomId(7), leg: leg(0), on: true }));
    assert!(events.contains(&Event::Speaking { room: RoomId(7), leg: leg(1), on: true }));
}

#[test]
fn muting_who_talks_is_told_as_the_end_of_its_talking() {
    let mut room = full(2);
    let says = [voice(0, 3_000), voice(1, 3_000)];
    turn(&mut room, &says);
    let mut events = Vec::new();
    let muted = Settings { mute: true, ..Settings::default() };
    room.set(0, Box::new(muted), |event| events.push(event));
    assert_eq!(events, [Event::Speaking { room: RoomId(7), leg: leg(0), on: false }]);
    let (heard, more) = turn(&mut room, &says);
    assert_eq!((heard[1].0, more), (Given::Silence, vec![]));
    room.set(0, Box::default(), |_| ());
    let (heard, more) = turn(&mut room, &says);
    assert_eq!(heard[1].1, says[0]);
    assert!(more.contains(&Event::Speaking { room: RoomId(7), leg: leg(0), on: true }));
}

/// A customer (0), an agent (1), and a coach (2) whom only the agent hears.
fn coached() -> Room {
    let mut room = full(2);
    let before = room.grow(Box::new(Lists::new(4, 4)));
    assert!(before.seats.is_empty() && before.shared.is_empty());
    let coach = Settings { private: true, pairs: Box::new([(leg(1), Gain::UNITY)]), ..Settings::default() };
    sit(&mut room, 2, coach);
    room
}

#[test]
fn a_coach_hears_both_and_is_heard_by_the_agent_only() {
    let mut room = coached();
    let says: Vec<Vec<i16>> = (0..3).map(|n| voice(n, 3_000)).collect();
    let (heard, _) = turn(&mut room, &says);
    assert_eq!(heard[0].1, says[1], "the customer hears the agent");
    assert_eq!(heard[1].1, sum(&[(&says[0], 1.0), (&says[2], 1.0)]));
    assert!(close(&heard[2].1, &sum(&[(&says[0], 1.0), (&says[1], 1.0)]), 400));
    let (heard, _) = turn(&mut room, &[vec![], vec![], says[2].clone()]);
    assert_eq!(heard[0].0, Given::Silence);
    assert_eq!(heard[1].1, says[2]);
    assert_eq!(heard[2].0, Given::Silence);
}

#[test]
fn gains_of_pairs_come_on_top_of_the_sum() {
    let mut room = full(4);
    let whisper = Settings {
        pairs: Box::new([(leg(1), Gain::new(0.5)), (leg(2), Gain::NONE), (leg(0), Gain::new(4.0))]),
        ..Settings::default()
    };
    room.set(0, Box::new(whisper), |_| ());
    let says: Vec<Vec<i16>> = (0..4).map(|n| voice(n, 2_000)).collect();
    let (heard, _) = turn(&mut room, &says);
    let of = |n: usize, gain| (says[n].as_slice(), gain);
    assert!(
        close(&heard[0].1, &sum(&[of(1, 1.0), of(2, 1.0), of(3, 1.0)]), 1),
        "not itself, whatever it asks"
    );
    assert!(close(&heard[1].1, &sum(&[of(0, 0.5), of(2, 1.0), of(3, 1.0)]), 2));
    assert!(close(&heard[2].1, &sum(&[of(1, 1.0), of(3, 1.0)]), 2));
    assert!(close(&heard[3].1, &sum(&[of(0, 1.0), of(1, 1.0), of(2, 1.0)]), 1));
}

#[test]
fn two_parts_are_one_room() {
    let (mut whole, mut hub, mut other) = (full(6), part(4, 0), part(4, 1));
    for n in 0..3 {
        sit(&mut hub, n, Settings::default());
        sit(&mut other, n + 3, Settings::default());
    }
    let link = |worker| {
        let mut link = seat(0, Settings::default());
        link.who = Who::Link(worker);
        link
    };
    hub.join(link(1), |_| {}).ok().unwrap();
    other.join(link(0), |_| {}).ok().unwrap();
    let says: Vec<Vec<i16>> = (0..6).map(|n| voice(n, 3_000)).collect();
    let (heard, _) = turn(&mut whole, &says);
    // What the parts say to each other arrives a turn later.
    let mut of_hub = [says[..3].to_vec(), vec![vec![]]].concat();
    let mut of_other = [says[3..].to_vec(), vec![vec![]]].concat();
    for _ in 0..3 {
        let (in_hub, events) = turn(&mut hub, &of_hub);
        let (in_other, _) = turn(&mut other, &of_other);
        of_hub[3] = in_other[3].1.clone();
        of_other[3] = in_hub[3].1.clone();
        assert!(events.iter().all(|event| !matches!(event, Event::Speaking { leg, .. } if leg.place > 2)));
    }
    let (in_hub, _) = turn(&mut hub, &of_hub);
    let (in_other, _) = turn(&mut other, &of_other);
    for n in 0..3 {
        assert!(close(&in_hub[n].1, &heard[n].1, 1));
        assert!(close(&in_other[n].1, &heard[n + 3].1, 1));
    }
}

#[test]
fn who_is_alone_hears_music_until_somebody_comes() {
    let mut room = full(1);
    assert_eq!(turn(&mut room, &[vec![]]).0[0].0, Given::Music);
    assert_eq!(turn(&mut room, &[voice(0, 3_000)]).0[0].0, Given::Music);
    room.open();
    room.hear(0, false, |_| ());
    room.announce(&[500; FRAME]);
    room.mix(|_| ());
    assert_eq!(room.give(0, &mut [0; FRAME]), Given::Shared, "an announcement goes before it");
    room.set_company(true);
    assert_eq!(turn(&mut room, &[vec![]]).0[0].0, Given::Silence, "there is somebody in another part");
    let mut room = full(2);
    assert_eq!(turn(&mut room, &[vec![], vec![]]).0[0].0, Given::Silence);
    room.leave(1, |_| ());
    assert_eq!(turn(&mut room, &[vec![]]).0[0].0, Given::Music);
}

#[test]
fn talking_is_told_with_its_beginning_and_its_end() {
    let mut room = full(2);
    let mut told = Vec::new();
    for n in 0..100 {
        let says = if (10..30).contains(&n) { voice(0, 4_000) } else { vec![] };
        let (_, events) = turn(&mut room, &[says, vec![]]);
        told.extend(events.into_iter().map(|event| (n, event)));
    }
    let speaking = |on| Event::Speaking { room: RoomId(7), leg: leg(0), on };
    let active = Event::ActiveSpeaker { room: RoomId(7), leg: leg(0) };
    assert_eq!(told, [(10, speaking(true)), (10, active), (54, speaking(false))]);
}

#[test]
fn the_active_speaker_is_not_whoever_coughs() {
    let mut room = full(3);
    let mut active = Vec::new();
    let mut run = |room: &mut Room, turns: usize, levels: [i32; 3]| {
        for _ in 0..turns {
            let says: Vec<Vec<i16>> = levels
                .iter()
                .zip(0..)
                .map(|(level, n)| if *level > 0 { voice(n, *level) } else { vec![] })
                .collect();
            for event in turn(room, &says).1 {
                if let Event::ActiveSpeaker { leg, .. } = event {
                    active.push(leg.place);
                }
            }
        }
    };
    run(&mut room, 100, [3_000, 0, 0]);
    run(&mut room, 8, [3_000, 16_000, 0]);
    run(&mut room, 100, [3_000, 0, 3_500]);
    run(&mut room, 60, [1_000, 0, 9_000]);
    run(&mut room, 60, [0, 2_000, 0]);
    assert_eq!(active, [0, 2, 1]);
}

#[test]
fn in_a_crowd_those_that_only_rustle_are_not_summed() {
    let mut room = full(40);
    let mut says: Vec<Vec<i16>> = (0..40).map(|n| voice(n, 60)).collect();
    says[7] = voice(7, 5_000);
    let (heard, _) = turn(&mut room, &says);
    assert_eq!(heard[7].0, Given::Silence);
    assert!(close(&heard[0].1, &says[7], 300));
    let mut few = full(3);
    let (heard, _) = turn(&mut few, &says[..3]);
    assert_eq!(heard[0].1, sum(&[(&says[1], 1.0), (&says[2], 1.0)]), "among few, everything is heard");
}

#[test]
fn members_come_and_go_in_any_order_while_others_talk() {
    let mut room = room(8);
    let mut present: Vec<u32> = Vec::new();
    let mut state = 7u32;
    for _ in 0..2_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let n = state >> 24 & 7;
        match present.iter().position(|other| *other == n) {
            Some(at) => {
                let gone = room.find(Who::Leg(leg(n))).unwrap();
                assert!(room.leave(gone, |_| ()).is_some());
                present.remove(at);
            }
            None => {
                sit(&mut room, n, Settings::default());
                present.push(n);
            }
        }
        let order: Vec<u32> = room
            .seats()
            .iter()
            .map(|seat| if let Who::Leg(leg) = seat.who { leg.place } else { 99 })
            .collect();
        let says: Vec<Vec<i16>> = order.iter().map(|n| voice(*n, 2_000)).collect();
        let (heard, _) = turn(&mut room, &says);
        for (at, (_, frame)) in heard.iter().enumerate() {
            let others: Vec<(&[i16], f32)> = (0..says.len())
                .filter(|other| *other != at)
                .map(|other| (says[other].as_slice(), 1.0))
                .collect();
            if !others.is_empty() {
                assert_eq!(*frame, sum(&others));
            }
        }
    }
}

#[test]
fn a_full_room_refuses_and_a_member_that_joins_again_is_there_once() {
    let mut room = full(2);
    let fifth = || seat(5, Settings::default());
    assert!(!room.has_room_for(fifth().who) && room.join(fifth(), |_| {}).is_err());
    room.grow(Box::new(Lists::new(3, 0)));
    assert!(matches!(room.join(fifth(), |_| {}), Ok(None)));
    assert!(matches!(room.join(fifth(), |_| {}), Ok(Some(_))));
    assert_eq!(room.len(), 3);
}

#[test]
fn who_only_changes_its_seat_goes_on_talking_and_who_is_mute_there_is_told_as_silent() {
    let mut room = full(2);
    let says = [voice(0, 6_000), Vec::new()];
    for _ in 0..10 {
        turn(&mut room, &says);
    }
    let mut told = Vec::new();
    room.join(seat(0, Settings::default()), |event| told.push(event)).ok().unwrap();
    assert_eq!(told, []);
    assert_eq!(turn(&mut room, &says).1, [], "neither that it begins nor that it ceases");
    let mute = Settings { mute: true, ..Settings::default() };
    room.join(seat(0, mute), |event| told.push(event)).ok().unwrap();
    assert_eq!(told, [Event::Speaking { room: RoomId(7), leg: leg(0), on: false }]);
}
