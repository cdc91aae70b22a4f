//! Rooms in virtual time: who hears whom, told apart by the tone that each sings.

use super::*;
use crate::bridge::Bridge;
use crate::id::RoomId;
use crate::order::{Joining, RoomOrder};
use crate::room::{Seat, Settings};

pub(super) mod choir;
mod stumbling;
mod widening;

use choir::*;

#[test]
fn everybody_hears_the_others_and_not_itself() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..5).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(4);
    let told = rig.take_events();
    assert_eq!(told, (0..5).map(joined).collect::<Vec<_>>());
    rig.heard();
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    for singer in &all {
        let others: Vec<u32> = (0..5).filter(|place| *place != singer.place).collect();
        assert_eq!(singer.hears(&sent), others, "member {}", singer.place);
    }
    for place in 0..5 {
        let to_it: Vec<Sent> = sent.iter().filter(|one| one.to == address(place)).cloned().collect();
        assert_eq!(to_it.len(), 50);
        assert!(to_it.windows(2).all(|two| two[1].slot - two[0].slot == 4), "at an even pace");
        let views = views(&to_it);
        assert!(views.windows(2).all(|two| two[1].timestamp == two[0].timestamp.plus(160)));
        assert!(views.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)));
    }
}

#[test]
fn the_delay_from_mouth_to_ear_is_a_frame_and_the_buffers() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(40);
    rig.heard();
    all[0].sing(&mut rig, 8_000.0);
    let first = rig.slot;
    for _ in 0..30 {
        all[0].sing(&mut rig, 8_000.0);
        rig.slots(4);
    }
    let sent = rig.heard();
    let arrived = sent.iter().find(|one| {
        one.to == address(1)
            && View::parse(&one.bytes).unwrap().payload.iter().any(|byte| *byte & 0x7f < 0x60)
    });
    let delay = arrived.unwrap().slot - first;
    assert!(delay <= 10, "{delay} slots");
}

#[test]
fn members_come_and_go_while_others_sing() {
    let mut rig = hall();
    let mut a = come(&mut rig, 0, setup());
    let mut b = come(&mut rig, 1, setup());
    choir(&mut rig, &mut [&mut a, &mut b], 300);
    let mut c = come(&mut rig, 2, setup());
    let sent = choir(&mut rig, &mut [&mut a, &mut b, &mut c], 1_000);
    assert_eq!([a.hears(&sent), b.hears(&sent), c.hears(&sent)], [vec![1, 2], vec![0, 2], vec![0, 1]]);
    rig.order(Order::Room(ROOM, RoomOrder::Leave(id(0))));
    let sent = choir(&mut rig, &mut [&mut a, &mut b, &mut c], 1_000);
    assert_eq!([a.hears(&sent), b.hears(&sent), c.hears(&sent)], [vec![], vec![2], vec![1]]);
    assert_eq!(sent.iter().filter(|one| one.to == address(0)).count(), 50, "who left still has a leg");
    rig.order(Order::Release(id(1)));
    let sent = choir(&mut rig, &mut [&mut c], 500);
    assert_eq!(c.hears(&sent), vec![]);
    rig.order(Order::Stop(id(2), 52));
    rig.slots(4);
    let told = rig.take_events();
    let ends: Vec<Event> = told.into_iter().filter(|event| matches!(event, Event::Left { .. })).collect();
    assert_eq!(ends, [left(0), left(1), left(2)]);
    assert_eq!((rig.worker.stats.rooms, rig.worker.stats.legs), (0, 2), "a room without anybody has no turn");
    join(&mut rig, &a, Rate::NARROW, Settings::default());
    join(&mut rig, &c, Rate::NARROW, Settings::default());
    let sent = choir(&mut rig, &mut [&mut a, &mut c], 1_000);
    assert_eq!([a.hears(&sent), c.hears(&sent)], [vec![2], vec![0]]);
}

#[test]
fn who_comes_or_goes_is_spoken_to_at_almost_the_same_pace() {
    for shift in 0..16 {
        let mut rig = hall();
        let mut b = come(&mut rig, 1, setup());
        rig.slots(shift % 4);
        let mut a = Singer::new(0, setup());
        rig.adopt(0, a.setup.clone());
        choir(&mut rig, &mut [&mut a, &mut b], 200 + shift / 4 * 5);
        join(&mut rig, &a, Rate::NARROW, Settings::default());
        let mut sent = rig.heard();
        sent.extend(choir(&mut rig, &mut [&mut a, &mut b], 500));
        rig.slots(shift % 4);
        rig.order(Order::Room(ROOM, RoomOrder::Leave(id(0))));
        let came = sent.len();
        sent.extend(choir(&mut rig, &mut [&mut a, &mut b], 200));
        let to_it = |sent: &[Sent]| -> Vec<u64> {
            sent.iter().filter(|one| one.to == address(0)).map(|one| one.slot).collect()
        };
        let steps: Vec<u64> = to_it(&sent).windows(2).map(|two| two[1] - two[0]).collect();
        assert!(steps.iter().all(|step| (2..=6).contains(step)), "{shift}: {steps:?}");
        assert!(steps.iter().filter(|step| **step != 4).count() <= 1, "{shift}: {steps:?}");
        let after = to_it(&sent[came - 2..]);
        assert!(after.windows(2).all(|two| two[1] - two[0] == 4), "{shift}: it keeps the room's slots");
    }
}

#[test]
fn a_member_that_makes_us_stumble_takes_nobody_with_it() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..4).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(8);
    rig.io.trap = Some(1);
    rig.slots(8);
    rig.io.trap = None;
    assert_eq!((rig.worker.stats.legs, rig.worker.stats.panics, rig.released.len()), (3, 1, 1));
    assert!(rig.take_events().contains(&left(1)));
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 2, 3].map(|n: usize| all[n].hears(&sent)), [vec![2, 3], vec![0, 3], vec![0, 2]]);
}

#[test]
fn other_packet_times_and_laws_hear_and_are_heard() {
    let mut rig = hall();
    let a_law = LegSetup::new(Codec::Pcma, 8, home());
    let of = |ptime| LegSetup { ptime: MS(ptime), ..setup() };
    let setups = [setup(), of(10), of(30), of(40), of(60), a_law];
    let mut all: Vec<Singer> =
        setups.into_iter().zip(0..).map(|(setup, n)| come(&mut rig, n, setup)).collect();
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 2_400);
    for singer in &all {
        let others: Vec<u32> = (0..6).filter(|place| *place != singer.place).collect();
        assert_eq!(singer.hears(&sent), others, "member {}", singer.place);
        let heard = singer.heard(&sent);
        let gaps = heard[8_000..].chunks(80).filter(|part| part.iter().all(|s| s.abs() < 200)).count();
        assert_eq!(gaps, 0, "a hole in what {} hears", singer.place);
    }
}

#[test]
fn lost_packets_make_no_hole_in_the_others_and_late_ones_none_at_all() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    for n in 0..150 {
        for singer in &mut all {
            let packet = singer.packet(4_000.0);
            // One in ten of the first member's is lost.
            if singer.place > 0 || n % 10 != 5 {
                rig.io.arrive(singer.place as usize, Channel::Rtp, singer.setup.remote, &packet);
            }
        }
        rig.slots(4);
    }
    let sent = rig.heard();
    assert_eq!(all[2].hears(&sent), [0, 1]);
    assert_eq!(all[0].hears(&sent), [1, 2]);
    let heard = all[0].heard(&sent);
    assert!(heard[4_000..].chunks(80).all(|part| part.iter().any(|s| s.abs() > 500)));
}

#[test]
fn what_goes_before_the_room_covers_it_and_the_room_is_there_after_it() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 500);
    let words = prompt(&[9_000; 4_000]);
    rig.play(7, vec![words.clone()], Repeat::Times(1));
    rig.order(Order::Echo(id(1), 8, kit()));
    rig.order(Order::Dial(
        id(2),
        Dialling::Events(Keys::new(9, vec![DigitToSend { key: Some('5'), duration: MS(100), gap: MS(60) }])),
    ));
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 500);
    let to_first = all[0].heard(&sent);
    assert!(
        to_first.windows(3_900).any(|part| part.iter().all(|s| (8_700..9_300).contains(s))),
        "the whole prompt"
    );
    assert_eq!(all[1].hears(&sent), [1], "its own echo");
    assert!(rig.take_events().contains(&Event::DigitsSent { leg: id(2), tag: 9 }));
    rig.order(Order::Stop(id(1), 8));
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 1, 2].map(|n: usize| all[n].hears(&sent)), [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn skipped_slots_move_every_members_clock() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 500);
    rig.due(40);
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 1, 2].map(|n: usize| all[n].hears(&sent)), [vec![1, 2], vec![0, 2], vec![0, 1]]);
    let to_it: Vec<Sent> = sent.iter().filter(|one| one.to == address(0)).cloned().collect();
    let views = views(&to_it);
    assert!(views.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)));
    assert!(rig.worker.stats.overruns == 40);
}

#[test]
fn a_re_invite_changes_codec_or_packet_time_of_a_member() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(4);
    rig.take_events();
    choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 500);
    let changes = [
        LegSetup { remote: address(1), ..LegSetup::new(Codec::Pcma, 8, home()) },
        LegSetup { ptime: MS(40), remote: address(1), ..setup() },
        LegSetup { remote: address(1), ..setup() },
    ];
    for change in changes {
        let kit = Kit::to_talk(&change, Delay::CONVERSATION).unwrap();
        rig.order(Order::Reconfigure(id(1), Box::new(change.clone()), Some(kit)));
        let before = std::mem::replace(&mut all[1], Singer::new(1, change));
        (all[1].at, all[1].phone) = (before.at, before.phone);
        join(&mut rig, &all[1], Rate::NARROW, Settings::default());
        let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_600);
        assert_eq!([0, 1, 2].map(|n: usize| all[n].hears(&sent)), [vec![1, 2], vec![0, 2], vec![0, 1]]);
    }
    assert!(
        rig.take_events().iter().all(|event| !matches!(event, Event::Joined { .. } | Event::Left { .. }))
    );
}

#[test]
fn an_announcement_is_heard_by_all_over_what_they_say_and_its_end_is_told() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..2).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(4);
    rig.take_events();
    let wave = tone::render(&[830], MS(1_000), MS(0), MS(1_000), Rate::NARROW);
    let form = crate::prompt::Form::new(Codec::L16(Rate::NARROW), MS(20), Default::default());
    let words = Arc::new(Prompt::encode(&wave, form).unwrap());
    rig.order(Order::Room(
        ROOM,
        RoomOrder::Play(Playlist::new(4, vec![words.clone()], Repeat::Times(1)), None),
    ));
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 1].map(|n: usize| all[n].hears(&sent)), [vec![1, 3], vec![0, 3]]);
    let over = |stopped| Event::RoomPlayed { room: RoomId(7), tag: 4, stopped };
    assert!(rig.take_events().contains(&over(false)));
    rig.order(Order::Room(ROOM, RoomOrder::Play(Playlist::new(4, vec![words], Repeat::Forever), None)));
    rig.slots(8);
    rig.order(Order::Room(ROOM, RoomOrder::Stop(4)));
    rig.slots(8);
    assert_eq!(rig.take_events().iter().filter(|event| **event == over(true)).count(), 1);
}

#[test]
fn who_is_alone_hears_its_own_copy_of_the_music() {
    let mut rig = hall();
    let singer = Singer::new(0, setup());
    rig.adopt(0, singer.setup.clone());
    let music = prompt(&(0..16_000).map(|n| (n % 8_000) as i16).collect::<Vec<_>>());
    let mut seat = Box::new(Seat::new(
        Who::Leg(id(0)),
        50,
        Rate::NARROW,
        Settings::default(),
        inline(Rate::NARROW, &singer.setup),
    ));
    seat.music = Some(Playlist::new(50, vec![music.clone()], Repeat::Forever));
    let kit = Some(Kit::to_talk(&singer.setup, Delay::CONVERSATION).unwrap());
    rig.order(Order::Room(
        ROOM,
        RoomOrder::Join(Box::new(Joining { seat: Some(seat), shared: None, kit, lists: None })),
    ));
    rig.slots(400);
    let heard: Vec<u8> = views(&rig.heard()).iter().flat_map(|view| view.payload).copied().collect();
    assert!(heard.windows(8_000).any(|part| part == &music.bytes()[..8_000]), "byte for byte");
    let mut other = come(&mut rig, 1, setup());
    rig.slots(4);
    rig.heard();
    rig.slots(40);
    assert!(
        rig.heard().iter().all(|one| one.bytes[12..].iter().all(|byte| *byte == 0xff)),
        "the music is over"
    );
    let sent = choir(&mut rig, &mut [&mut other], 1_000);
    assert_eq!(singer.hears(&sent), [1]);
}

#[test]
fn a_room_that_is_closed_lets_everybody_go_and_is_given_back() {
    let mut rig = hall();
    let of = |ptime| LegSetup { ptime: MS(ptime), ..setup() };
    for (place, setup) in (0..).zip([setup(), setup(), of(30)]) {
        come(&mut rig, place, setup);
    }
    rig.slots(8);
    rig.take_events();
    rig.order(Order::Room(ROOM, RoomOrder::Close));
    rig.slots(8);
    assert_eq!(rig.take_events(), [left(0), left(2), left(1)]);
    assert_eq!((rig.parts_closed, rig.worker.stats.rooms, rig.worker.stats.legs), (1, 0, 3));
    rig.heard();
    rig.slots(120);
    assert_eq!(rig.heard().len(), 30 + 30 + 20, "their legs go on");
    join(&mut rig, &Singer::new(0, setup()), Rate::NARROW, Settings::default());
    rig.slots(4);
    assert_eq!(rig.take_events(), [left(0)], "who joins what is no more is told to have left");
}

#[test]
fn a_bridge_takes_a_member_out_of_its_room() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..3).map(|place| come(&mut rig, place, setup())).collect();
    rig.slots(4);
    rig.take_events();
    let (a, b) = Bridge::pair(Rate::NARROW, Rate::NARROW);
    for (place, end) in [(0, a), (1, b)] {
        let kit = Kit::to_talk(&setup(), Delay::CONVERSATION).unwrap();
        rig.order(Order::Bridge(id(place), 1, Box::new(end), kit));
    }
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 1, 2].map(|n: usize| all[n].hears(&sent)), [vec![1], vec![0], vec![]]);
    let told = rig.take_events();
    assert!(told.contains(&left(0)) && told.contains(&left(1)));
    join(&mut rig, &all[0], Rate::NARROW, Settings::default());
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_000);
    assert_eq!([0, 1, 2].map(|n: usize| all[n].hears(&sent)), [vec![2], vec![], vec![0]]);
    assert!(rig.take_events().contains(&Event::Played { leg: id(0), tag: 1, stopped: true }));
}

#[test]
fn members_of_every_codec_hear_each_other_and_wideband_stays_wideband() {
    let mut rig = hall_at(Rate::WIDE);
    let opus = |ptime| LegSetup { ptime: MS(ptime), ..LegSetup::new(Codec::Opus, 96, home()) };
    let setups = [
        setup(),
        LegSetup::new(Codec::G722, 9, home()),
        opus(20),
        LegSetup::new(Codec::L16(Rate::WIDE), 97, home()),
        opus(40),
        LegSetup { rate: Rate::NARROW, ..opus(20) },
    ];
    let mut all: Vec<Singer> =
        setups.into_iter().zip(0..).map(|(setup, n)| come_at(&mut rig, n, setup, Rate::WIDE)).collect();
    // Beyond what narrowband carries.
    all[3].hertz = 5_900.0;
    let sent = choir(&mut rig, &mut all.iter_mut().collect::<Vec<_>>(), 1_600);
    for singer in &all {
        let others: Vec<u32> = (0..6).filter(|place| *place != singer.place && *place != 3).collect();
        assert_eq!(singer.hears(&sent), others, "member {}", singer.place);
        let heard = singer.heard(&sent);
        let high = singer.level(&heard[heard.len() / 2..], 5_900.0);
        let wide = singer.setup.rate > Rate::NARROW && singer.place != 3;
        assert!(if wide { high > 1_500.0 } else { high < 100.0 }, "member {}: {high}", singer.place);
    }
}

#[test]
fn silent_listeners_get_the_same_bytes_and_each_its_own_headers() {
    let mut rig = hall();
    let mut all: Vec<Singer> = (0..5).map(|place| come(&mut rig, place, setup())).collect();
    let sent = choir(&mut rig, &mut [&mut all[0]], 600);
    let payloads = |place: u32| -> Vec<u8> {
        let to_it: Vec<Sent> = sent.iter().filter(|one| one.to == address(place)).cloned().collect();
        views(&to_it).iter().flat_map(|view| view.payload).copied().collect()
    };
    let first = payloads(1);
    assert!(first.iter().any(|byte| *byte != 0xff));
    assert!((2..5).all(|place| payloads(place) == first));
    let ssrcs: std::collections::HashSet<u32> =
        sent.iter().map(|one| View::parse(&one.bytes).unwrap().ssrc).collect();
    assert_eq!(ssrcs.len(), 5);
}
