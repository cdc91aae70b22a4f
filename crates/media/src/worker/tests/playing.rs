//! Prompts: stopped, paused, sought, in another codec, and music that goes on in the background.

use super::*;
use crate::command::LegSetup;
use crate::order::Steer;
use audio::codec::Codec;

fn speaking(codec: Codec, payload_type: u8) -> LegSetup {
    LegSetup { telephone_event: Some(101), ..LegSetup::new(codec, payload_type, home()) }
}

/// A second that tells its place: a tone of its own in each tenth.
fn scale(setup: &LegSetup) -> Arc<Prompt> {
    let form = setup.form();
    let mut sound = Pcm::new(form.rate(), Vec::new());
    for step in 0..10 {
        sound.append(&tone::beep(400 + step * 150, MS(100), form.rate()));
    }
    Arc::new(Prompt::encode(&sound, form).unwrap())
}

fn payloads(sent: &[Sent]) -> Vec<Vec<u8>> {
    views(sent).iter().map(|view| view.payload.to_vec()).collect()
}

fn silence(codec: Codec) -> Vec<u8> {
    let mut payload = vec![0; 1_400];
    let n = codec.write_silence(20, &mut payload);
    payload.truncate(n);
    payload
}

#[test]
fn a_barge_in_is_silent_with_the_very_next_packet() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::G722, 9), (Codec::Opus, 107)] {
        let setup = speaking(codec, payload_type);
        let mut rig = Rig::with(setup.clone());
        rig.play(1, vec![scale(&setup)], Repeat::Forever);
        rig.slots(40);
        assert!(payloads(&rig.heard()).iter().skip(2).all(|payload| *payload != silence(codec)));
        rig.order(Order::Stop(id(0), 1));
        rig.slots(4);
        assert_eq!(payloads(&rig.heard()), [silence(codec)], "{codec:?}");
        assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: true }]);
    }
}

#[test]
fn a_play_is_paused_sought_and_resumed() {
    let setup = setup();
    let mut rig = Rig::with(setup.clone());
    let whole = scale(&setup);
    rig.play(3, vec![whole.clone()], Repeat::Times(1));
    rig.slots(4 * 10);
    rig.heard();
    rig.order(Order::Steer(id(0), 3, Steer::Pause));
    rig.slots(400);
    let at = match rig.take_events()[..] {
        [Event::Position { tag: 3, at, paused: true, .. }] => at,
        ref other => panic!("{other:?}"),
    };
    assert!(payloads(&rig.heard()).iter().all(|payload| *payload == silence(Codec::Pcmu)));
    rig.order(Order::Steer(id(0), 3, Steer::Resume));
    rig.slots(4);
    let sent = rig.heard();
    let from = at.as_millis() as usize * 8;
    assert_eq!(payloads(&sent), [whole.bytes()[from..from + 160].to_vec()]);
    assert!(views(&sent)[0].marker, "sound after a pause is a talkspurt");
    rig.order(Order::Steer(id(0), 3, Steer::Seek(MS(900))));
    rig.order(Order::Steer(id(0), 4, Steer::Seek(MS(0))));
    rig.slots(4 * 5);
    assert_eq!(payloads(&rig.heard()).concat(), whole.bytes()[7_200..]);
    assert_eq!(
        rig.take_events(),
        [
            Event::Position { leg: id(0), tag: 3, at, paused: false },
            Event::Position { leg: id(0), tag: 3, at: MS(900), paused: false },
            Event::Played { leg: id(0), tag: 3, stopped: false },
        ]
    );
}

#[test]
fn a_play_skips_forwards_and_backwards_within_its_bounds() {
    let setup = setup();
    let mut rig = Rig::with(setup.clone());
    let whole = scale(&setup);
    let length = whole.duration();
    rig.play(3, vec![whole.clone()], Repeat::Times(1));
    rig.slots(4 * 10);
    rig.heard();
    rig.order(Order::Steer(id(0), 3, Steer::Tell));
    rig.order(Order::Steer(id(0), 3, Steer::Skip(300)));
    rig.order(Order::Steer(id(0), 3, Steer::Skip(-100)));
    rig.order(Order::Steer(id(0), 3, Steer::Skip(i64::MIN)));
    rig.slots(1);
    let places = |events: Vec<Event>| -> Vec<Duration> {
        let place = |event| match event {
            Event::Position { tag: 3, at, paused: false, .. } => at,
            other => panic!("{other:?}"),
        };
        events.into_iter().map(place).collect()
    };
    let told = places(rig.take_events());
    assert_eq!(told[1..], [told[0] + MS(300), told[0] + MS(200), MS(0)], "{told:?}");
    // The turn in the slot of the orders and those to come.
    rig.slots(3);
    assert_eq!(payloads(&rig.heard()), [whole.bytes()[..160].to_vec()]);
    rig.order(Order::Steer(id(0), 3, Steer::Skip(i64::MAX)));
    rig.slots(8);
    let end = rig.take_events();
    assert!(length > MS(0) && end.contains(&Event::Played { leg: id(0), tag: 3, stopped: false }), "{end:?}");
}

#[test]
fn after_a_change_of_codec_a_play_goes_on_at_its_place() {
    let (law, opus) = (setup(), speaking(Codec::Opus, 107));
    let (in_law, in_opus) = (scale(&law), scale(&opus));
    let mut rig = Rig::with(law);
    rig.play(1, vec![in_law], Repeat::Times(1));
    rig.slots(4 * 12);
    rig.heard();
    rig.order(Order::Reconfigure(
        id(0),
        Box::new(opus.clone()),
        Some(Kit::to_talk(&opus, Delay::PATIENT).unwrap()),
    ));
    rig.slots(4 * 20);
    assert!(payloads(&rig.heard()).iter().all(|payload| *payload == silence(Codec::Opus)));
    assert_eq!(rig.take_events(), []);
    rig.order(Order::Swap(id(0), Playlist::new(9, vec![], Repeat::Times(0))));
    rig.order(Order::Swap(id(0), Playlist::new(1, vec![in_opus.clone()], Repeat::Times(0))));
    rig.slots(4 * 60);
    let sent = payloads(&rig.heard());
    let rest: Vec<&[u8]> = (0..50).filter_map(|n| in_opus.packet_at(n * 960)).collect();
    let first = rest.iter().position(|packet| **packet == sent[0][..]).expect("a packet of it");
    assert!((11..=12).contains(&first), "{first}");
    assert_eq!(sent[..50 - first], rest[first..]);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: false }]);
}

#[test]
fn music_in_the_background_goes_on_for_whoever_does_not_hear_it() {
    let mut rig = Rig::new();
    let music = scale(&setup());
    let at = |place| LegSetup { remote: SocketAddr::new(home().ip(), 5_000 + place as u16), ..setup() };
    for place in 0..2 {
        rig.adopt(place, at(place));
        rig.order(Order::Play(
            id(place),
            Playlist::new(1, vec![music.clone()], Repeat::Forever).from(MS(7_300)).running(),
        ));
    }
    rig.slots(40);
    rig.heard();
    // One is held, presses keys and misses slots; the other hears it all.
    let hold = LegSetup { send: false, ..at(1) };
    rig.order(Order::Reconfigure(id(1), Box::new(hold), None));
    rig.slots(4 * 33);
    rig.order(Order::Reconfigure(id(1), Box::new(at(1)), None));
    let keys = vec![DigitToSend { key: Some('5'), duration: MS(100), gap: MS(60) }];
    rig.order(Order::Dial(id(1), Dialling::Events(Keys::new(5, keys))));
    rig.slots(4 * 20);
    rig.due(16);
    rig.slots(4 * 10 - 1);
    rig.heard();
    rig.slots(4 * 10);
    let sent = rig.heard();
    let of = |place: u32| -> Vec<u8> {
        let own: Vec<Sent> = sent.iter().filter(|sent| sent.to == at(place).remote).cloned().collect();
        payloads(&own).concat()
    };
    let (one, other) = (of(0), of(1));
    assert_eq!(one.len(), 1_600);
    assert_eq!(one, other, "both are at the same place");
}

#[test]
fn what_was_to_be_said_before_a_hold_is_not_said_after_it() {
    let mut rig = Rig::with(setup());
    rig.play(1, vec![prompt(&[5_000; 80_000])], Repeat::Times(1));
    rig.slots(20);
    let before = rig.heard();
    // Held in the very slot after those that were given up.
    let hold = LegSetup { send: false, ..setup() };
    rig.order(Order::Reconfigure(id(0), Box::new(hold), None));
    rig.due(12);
    rig.slots(199);
    assert_eq!(rig.heard().len(), 0);
    rig.order(Order::Reconfigure(id(0), Box::new(setup()), None));
    rig.slots(4);
    let after = rig.heard();
    assert_eq!(after.len(), 1, "a packet time has one packet");
    let passed = views(&after)[0].timestamp.since(views(&before).last().unwrap().timestamp);
    assert_eq!(passed, 160 * (1 + 3 + 50), "and the time that was skipped has passed");
}

#[test]
fn what_a_few_skipped_turns_had_to_say_is_said_late_and_leaves_no_hole() {
    for skipped in [1, 4, 11, 12] {
        let mut rig = Rig::with(setup());
        let ramp: Vec<i16> = (0..4_800).map(|n| 500 + n * 3).collect();
        let whole = prompt(&ramp);
        rig.play(1, vec![whole.clone()], Repeat::Times(1));
        rig.slots(20);
        rig.due(skipped);
        rig.slots(120);
        let sent = rig.heard();
        let views = views(&sent);
        assert!(views.windows(2).all(|two| two[1].timestamp.since(two[0].timestamp) == 160), "{skipped}");
        let said: Vec<u8> = views.iter().flat_map(|view| view.payload).copied().collect();
        assert!(said.windows(whole.bytes().len()).any(|part| part == whole.bytes()), "{skipped}");
    }
}
