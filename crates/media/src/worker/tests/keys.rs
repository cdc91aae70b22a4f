//! Keys, both ways.

use super::*;
use crate::event::KeyWay;

#[test]
fn keys_are_sent_as_events_and_the_prompt_waits() {
    let mut rig = Rig::with(setup());
    rig.play(1, vec![prompt(&[5_000; 3_200])], Repeat::Times(1));
    rig.slots(8);
    let digits = vec![
        DigitToSend { key: Some('1'), duration: MS(60), gap: MS(80) },
        DigitToSend { key: None, duration: MS(100), gap: MS(0) },
        DigitToSend { key: Some('#'), duration: MS(60), gap: MS(80) },
    ];
    rig.order(Order::Dial(id(0), Dialling::Events(Keys::new(2, digits))));
    rig.slots(200);
    let sent = rig.heard();
    let views = views(&sent);
    let events: Vec<&View<'_>> = views.iter().filter(|view| view.payload_type == 101).collect();
    assert_eq!(events.len(), 10, "three updates, the last of them three times, for each key");
    assert_eq!(events.iter().filter(|view| view.marker).count(), 2);
    assert!(views.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)));
    let mut receiver = dtmf::Receiver::new(8_000);
    let keys: Vec<char> = events
        .iter()
        .filter_map(|view| match receiver.feed(view.timestamp, view.payload)? {
            dtmf::Report::Started { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(keys, ['1', '#']);
    // Each audio packet's timestamp is its place in time, events or not.
    let first = views[0].timestamp;
    for (n, view) in views.iter().enumerate().filter(|(_, view)| view.payload_type == 0) {
        assert_eq!(view.timestamp, first.plus(160 * n as u32));
    }
    let said = views.iter().filter(|view| view.payload_type == 0 && view.payload[0] != 0xff).count();
    assert_eq!(said, 20, "nothing of the prompt is lost");
    let events = rig.take_events();
    assert_eq!(events[0], Event::DigitsSent { leg: id(0), tag: 2 });
    assert_eq!(events[1], Event::Played { leg: id(0), tag: 1, stopped: false });
}

#[test]
fn stopped_keys_still_get_their_ends() {
    let mut rig = Rig::with(setup());
    let digits = vec![DigitToSend { key: Some('5'), duration: MS(2_000), gap: MS(80) }; 4];
    rig.order(Order::Dial(id(0), Dialling::Events(Keys::new(2, digits))));
    rig.slots(12);
    rig.order(Order::Stop(id(0), 2));
    rig.slots(40);
    let sent = rig.heard();
    let views = views(&sent);
    let ends = views.iter().filter(|view| view.payload_type == 101 && view.payload[1] & 0x80 != 0).count();
    assert_eq!(ends, 3);
    assert_eq!(rig.take_events(), [Event::DigitsSent { leg: id(0), tag: 2 }]);
}

#[test]
fn keys_that_are_heard_are_told_once_each() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    for key in ['1', '1', '#'] {
        phone.say(&mut rig, &[0xff; 160]);
        phone.press(&mut rig, key);
    }
    let told = rig.take_events();
    let keys: Vec<char> = told
        .iter()
        .filter_map(|e| if let Event::Digit { key, .. } = e { Some(*key) } else { None })
        .collect();
    assert_eq!(keys, ['1', '1', '#']);
    let ends = told.iter().filter(|e| matches!(e, Event::DigitEnded { ms: 100, .. })).count();
    assert_eq!(ends, 3);
}

#[test]
fn a_key_whose_end_is_lost_is_let_go() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    let packet = phone.packet(101, RtpTime(0), &[5, 10, 0, 160]);
    rig.io.arrive(0, Channel::Rtp, home(), &packet);
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Digit { leg: id(0), key: '5', way: KeyWay::Event }]);
    rig.slots(60);
    assert_eq!(rig.take_events(), [Event::DigitEnded { leg: id(0), key: '5', way: KeyWay::Event, ms: 20 }]);
}

#[test]
fn keys_under_an_ssrc_of_their_own_are_told_once_and_leave_the_voice_alone() {
    let mut rig = Rig::with(setup());
    let (mut voice, mut gateway) = (Phone::new(home(), 9), Phone::new(home(), 10));
    for key in ['1', '2'] {
        voice.say(&mut rig, &[0xff; 160]);
        let mut sender = dtmf::Sender::new(key, voice.timestamp, 800).unwrap();
        while let Some(update) = sender.next(160) {
            let packet = gateway.packet(101, update.timestamp, &update.payload);
            rig.io.arrive(0, Channel::Rtp, home(), &packet);
            voice.say(&mut rig, &[0xff; 160]);
        }
    }
    let told = rig.take_events();
    assert_eq!(told.iter().filter(|event| matches!(event, Event::Digit { .. })).count(), 2);
    rig.order(Order::Release(id(0)));
    rig.slots(1);
    assert_eq!((rig.released[0].packets_in, rig.released[0].lost), (16, 0), "the voice is one stream");
}

#[test]
fn what_comes_under_another_payload_type_is_no_key() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    for (n, payload_type) in [101, 96, 127].into_iter().enumerate() {
        let packet = phone.packet(payload_type, RtpTime(n as u32 * 8_000), &[n as u8, 0x80, 3, 32]);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
        rig.slots(40);
    }
    let keys: String = rig.take_events().iter().filter_map(pressed).collect();
    assert_eq!(keys, "0");
}

#[test]
fn keys_that_begin_again_at_an_old_timestamp_are_told_once_the_old_ones_are_long_over() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    for (key, time) in [(1, 400), (2, 800)] {
        let packet = phone.packet(101, RtpTime(time), &[key, 0x80, 3, 32]);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
        rig.slots(4);
    }
    // A straggler of the first key, then, two seconds later, a new row of keys.
    rig.io.arrive(0, Channel::Rtp, home(), &phone.packet(101, RtpTime(400), &[1, 0x80, 3, 32]));
    rig.slots(400);
    rig.io.arrive(0, Channel::Rtp, home(), &phone.packet(101, RtpTime(400), &[3, 0x80, 3, 32]));
    rig.slots(40);
    let keys: String = rig.take_events().iter().filter_map(pressed).collect();
    assert_eq!(keys, "123");
}

/// Some gateways send the beginning of a key, nothing while it is pressed, and its end.
#[test]
fn a_long_key_with_a_gap_is_told_once_and_a_new_one_at_its_timestamp_is_told() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    let mut comes = |rig: &mut Rig, time, payload: [u8; 4], slots| {
        rig.io.arrive(0, Channel::Rtp, home(), &phone.packet(101, RtpTime(time), &payload));
        rig.slots(slots);
    };
    let told = |rig: &mut Rig| {
        let events = rig.take_events();
        let keys: String = events.iter().filter_map(pressed).collect();
        (keys, events.iter().filter(|event| matches!(event, Event::DigitEnded { .. })).count())
    };
    // 20 and 40 ms; three seconds; the end, as often as ends are sent.
    comes(&mut rig, 400, [1, 10, 0, 160], 4);
    comes(&mut rig, 400, [1, 10, 1, 64], 600);
    for _ in 0..3 {
        comes(&mut rig, 400, [1, 0x8a, 0x5f, 0xff], 4);
    }
    assert_eq!(told(&mut rig), ("1".to_owned(), 1));
    // Another one that begins at the same timestamp is shorter at first.
    rig.slots(400);
    comes(&mut rig, 400, [1, 10, 0, 160], 4);
    comes(&mut rig, 400, [1, 0x8a, 3, 32], 4);
    assert_eq!(told(&mut rig), ("1".to_owned(), 1));
    // Another one of whose predecessor the end was lost.
    comes(&mut rig, 9_000, [2, 10, 0, 160], 400);
    comes(&mut rig, 9_000, [3, 0x8a, 3, 32], 4);
    assert_eq!(told(&mut rig), ("23".to_owned(), 2));
}

fn pressed(event: &Event) -> Option<char> {
    if let Event::Digit { key, .. } = event { Some(*key) } else { None }
}

#[test]
fn keys_are_sent_and_heard_by_the_clock_that_was_agreed_on() {
    for (clock, setup) in [
        (16_000, LegSetup { codec: Codec::L16(Rate::WIDE), rate: Rate::WIDE, ..setup() }),
        (48_000, LegSetup { codec: Codec::Opus, rate: Rate::WIDE, ..setup() }),
        // Some phones count events by 8,000 a second, whatever the codec.
        (8_000, LegSetup { codec: Codec::Opus, rate: Rate::WIDE, ..setup() }),
    ] {
        let setup = LegSetup { telephone_event_clock: clock, ..setup };
        let mut rig = Rig::with(setup);
        let press = DigitToSend { key: Some('8'), duration: MS(2_000), gap: MS(100) };
        rig.order(Order::Dial(id(0), Dialling::Events(Keys::new(3, vec![press]))));
        rig.slots(500);
        let mut receiver = dtmf::Receiver::new(clock);
        let sent = rig.heard();
        let events = views(&sent).into_iter().filter(|view| view.payload_type == 101);
        let told: Vec<dtmf::Report> =
            events.filter_map(|view| receiver.feed(view.timestamp, view.payload)).collect();
        let ended = dtmf::Ended { key: '8', duration: MS(2_000) };
        assert_eq!(told.last(), Some(&dtmf::Report::Ended(ended)), "{clock}");
        assert_eq!(told.len(), 2, "{clock}");
        rig.take_events();
        let mut phone = Phone::new(home(), 9);
        let ms = clock / 1_000;
        let mut sender = dtmf::Sender::new('9', RtpTime(7), 100 * ms).unwrap();
        while let Some(update) = sender.next(20 * ms) {
            let packet = phone.packet(101, update.timestamp, &update.payload);
            rig.io.arrive(0, Channel::Rtp, home(), &packet);
            rig.slots(4);
        }
        let way = KeyWay::Event;
        let wanted = [
            Event::Digit { leg: id(0), key: '9', way },
            Event::DigitEnded { leg: id(0), key: '9', way, ms: 100 },
        ];
        assert_eq!(rig.take_events(), wanted, "{clock}");
    }
}
