//! Packets passed on as they come, in virtual time: what leaves is one stream, whatever it is made of.

use super::*;
use crate::bridge::Bridge;
use crate::report::Saying;

mod beginnings;
mod numbers;

/// Two legs that may relay, bridged with tags 1 and 2, and the phones that speak to them.
pub(super) fn bridged(one: LegSetup, other: LegSetup) -> (Rig, Phone, Phone) {
    let mut rig = Rig::new();
    let phones = (Phone::new(one.remote, 9), Phone::new(other.remote, 10));
    let kits = [&one, &other].map(|setup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
    let (mut a, mut b) = Bridge::pair(one.rate, other.rate);
    Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
    rig.adopt(0, one);
    rig.adopt(1, other);
    let [kit, other_kit] = kits;
    rig.order(Order::Bridge(id(0), 1, Box::new(a), kit));
    rig.order(Order::Bridge(id(1), 2, Box::new(b), other_kit));
    (rig, phones.0, phones.1)
}

pub(super) fn away() -> SocketAddr {
    "198.51.100.2:6000".parse().unwrap()
}

/// The second leg's payload types are its own.
pub(super) fn other() -> LegSetup {
    LegSetup { remote: away(), payload_type: 96, receive_payload_type: 96, ..setup() }
}

/// A packet of the phone's, whose own time goes on by 20 ms.
pub(super) fn packet(phone: &mut Phone, payload_type: u8, byte: u8) -> Vec<u8> {
    let packet = phone.packet(payload_type, phone.timestamp, &[byte; 160]);
    phone.timestamp = phone.timestamp.plus(160);
    packet
}

/// Let it arrive between two slots, watched or not.
fn arrive(rig: &mut Rig, place: u32, from: SocketAddr, packet: &[u8]) {
    rig.io.arrive(place as usize, Channel::Rtp, from, packet);
    if rig.io.watched.contains(&(place as usize)) {
        rig.worker.between(clock::at(rig.slot) - MS(3), &[place], &mut rig.io);
    }
}

/// 20 ms in which Alice says a byte.
pub(super) fn say(rig: &mut Rig, alice: &mut Phone, byte: u8) {
    let packet = packet(alice, 0, byte);
    arrive(rig, 0, home(), &packet);
    rig.slots(4);
}

pub(super) fn to_bob(rig: &mut Rig) -> Vec<Sent> {
    rig.heard().into_iter().filter(|sent| sent.to == away()).collect()
}

/// One SSRC, sequence numbers without a gap, and time that goes on by packets, `pauses` times by more.
pub(super) fn assert_even(sent: &[Sent], pauses: usize) {
    let views = views(sent);
    let mut longer = 0;
    for two in views.windows(2) {
        let step = two[1].timestamp.since(two[0].timestamp);
        assert_eq!((two[1].ssrc, two[1].seq), (two[0].ssrc, two[0].seq.plus(1)));
        assert!(step > 0 && step % 160 == 0, "{step}");
        longer += usize::from(step > 160);
    }
    assert!(longer <= pauses, "{longer} pauses");
}

#[test]
fn packets_are_passed_on_at_once_in_the_numbers_of_the_stream_they_join() {
    let (mut rig, mut alice, mut bob) = bridged(setup(), other());
    rig.slots(40);
    assert!(rig.io.watched.is_empty(), "nothing came yet");
    say(&mut rig, &mut alice, 1);
    assert_eq!(rig.io.watched.iter().collect::<Vec<_>>(), [&0], "from here on it is watched for");
    let before = to_bob(&mut rig);
    let before_her = before.len() - 1;
    for n in 2..100 {
        let said = packet(&mut alice, 0, n);
        arrive(&mut rig, 0, home(), &said);
        let now = to_bob(&mut rig);
        assert_eq!(now.len(), 1, "before any slot");
        let view = View::parse(&now[0].bytes).unwrap();
        assert_eq!((view.payload_type, view.payload), (96, &[n; 160][..]));
        assert!(!view.marker);
        rig.slots(4);
        assert_eq!(to_bob(&mut rig).len(), 0, "and once");
    }
    say(&mut rig, &mut alice, 100);
    let all = [before, to_bob(&mut rig)].concat();
    let (first, last) =
        (View::parse(&all[0].bytes).unwrap(), View::parse(&all.last().unwrap().bytes).unwrap());
    assert_eq!(first.ssrc, last.ssrc);
    assert_ne!(last.ssrc, 9, "it is our stream and not hers");
    assert_eq!(last.seq.since(first.seq) as usize, all.len() + 98 - 1);
    assert_eq!(last.timestamp.since(first.timestamp) as usize, (all.len() + 98 - 1) * 160);
    let markers: Vec<usize> = (0..all.len()).filter(|n| views(&all)[*n].marker).collect();
    assert_eq!(markers, [before_her], "the first that was passed on begins a talkspurt");
    assert_eq!(rig.worker.stats.relayed, 100);
    // The other way is a matter of its own.
    let said = packet(&mut bob, 96, 7);
    arrive(&mut rig, 1, away(), &said);
    rig.slots(4);
    assert!(rig.heard().iter().any(|sent| sent.to == home() && sent.bytes.ends_with(&[7; 160])));
    rig.slots(200);
    assert_eq!(rig.reports.last().unwrap().saying, Saying::Bridge, "it is quiet by now");
}

#[test]
fn packets_that_came_together_do_not_wait_for_one_another() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    say(&mut rig, &mut alice, 0);
    to_bob(&mut rig);
    // Three packet times' worth after as long a pause: all are passed on, although the network tells of them once.
    let together = |rig: &mut Rig, alice: &mut Phone| {
        for n in 1..4 {
            let said = packet(alice, 0, n);
            rig.io.arrive(0, Channel::Rtp, home(), &said);
        }
        rig.worker.between(clock::at(rig.slot) - MS(3), &[0], &mut rig.io);
        to_bob(rig).len()
    };
    rig.slots(8);
    assert_eq!(together(&mut rig, &mut alice), 3);
}

#[test]
fn a_sender_of_two_at_a_time_is_passed_on_two_at_a_time() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    say(&mut rig, &mut alice, 0);
    to_bob(&mut rig);
    let mut passed = Vec::new();
    for n in 0..10 {
        for half in [n, n + 100] {
            let said = packet(&mut alice, 0, half);
            rig.io.arrive(0, Channel::Rtp, home(), &said);
        }
        rig.worker.between(clock::at(rig.slot) - MS(3), &[0], &mut rig.io);
        passed.push(to_bob(&mut rig).len());
        rig.slots(4);
    }
    // The first two come as one would; that there was another is seen when the next two come.
    assert_eq!(passed, [1, 3, 2, 2, 2, 2, 2, 2, 2, 2]);
}

#[test]
fn a_flood_of_who_is_passed_on_is_read_as_far_as_any_other() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    say(&mut rig, &mut alice, 0);
    to_bob(&mut rig);
    rig.slots(8);
    for n in 0..60 {
        let said = packet(&mut alice, 0, n);
        rig.io.arrive(0, Channel::Rtp, home(), &said);
        rig.worker.between(clock::at(rig.slot) - MS(3), &[0], &mut rig.io);
    }
    assert_eq!(to_bob(&mut rig).len(), 16, "between two turns");
    rig.slots(4);
    assert_eq!(to_bob(&mut rig).len(), 16, "and in a turn");
}

#[test]
fn what_the_network_did_to_the_packets_looks_so_behind_us() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    say(&mut rig, &mut alice, 0);
    say(&mut rig, &mut alice, 1);
    to_bob(&mut rig);
    let all: Vec<Vec<u8>> = (2..12).map(|n| packet(&mut alice, 0, n)).collect();
    // 4 is lost, 6 overtakes 5, 8 comes twice, and a stranger speaks.
    for n in [2, 3, 6, 5, 7, 8, 8, 9] {
        arrive(&mut rig, 0, home(), &all[n - 2]);
    }
    arrive(&mut rig, 0, "203.0.113.9:4000".parse().unwrap(), &all[8]);
    let sent = to_bob(&mut rig);
    let views = views(&sent);
    let first = views[0].seq;
    let seen: Vec<(u8, i16, i32)> = views
        .iter()
        .map(|view| (view.payload[0], view.seq.since(first), view.timestamp.since(views[0].timestamp)))
        .collect();
    let expected = [2, 3, 6, 5, 7, 8, 9].map(|n| (n, i16::from(n) - 2, (i32::from(n) - 2) * 160));
    assert_eq!(seen, expected);
}

#[test]
fn prompts_keys_and_recordings_come_and_go_without_a_break_in_the_numbers() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    rig.slots(20);
    let mut voice = None;
    for n in 0..400u32 {
        match n {
            40 => {
                let list = Playlist::new(7, vec![prompt(&[9_000; 8_000])], Repeat::Times(1));
                rig.order(Order::Play(id(1), list));
            }
            150 => {
                let (ring, out) = RingBuffer::new(1_000_000);
                rig.record_as(9, ring, &Recording::new("a.wav"));
                voice = Some(out);
            }
            250 => rig.order(Order::Stop(id(0), 9)),
            300 => {
                let key = DigitToSend { key: Some('5'), duration: MS(100), gap: MS(100) };
                rig.order(Order::Dial(id(1), Dialling::Events(Keys::new(8, vec![key]))));
            }
            _ => {}
        }
        say(&mut rig, &mut alice, if n % 2 == 0 { 0x10 } else { 0x90 });
    }
    let sent = to_bob(&mut rig);
    let (audio, keys): (Vec<Sent>, Vec<Sent>) =
        sent.iter().cloned().partition(|one| View::parse(&one.bytes).unwrap().payload_type == 96);
    assert!(keys.len() >= 7 && audio.len() >= 390, "{} {}", keys.len(), audio.len());
    // All packets share the sequence numbers; time is the audio's.
    for two in views(&sent).windows(2) {
        assert_eq!((two[1].ssrc, two[1].seq), (two[0].ssrc, two[0].seq.plus(1)));
    }
    for two in views(&audio).windows(2) {
        let step = two[1].timestamp.since(two[0].timestamp);
        assert!(step > 0 && step % 160 == 0 && step <= 160 * 12, "{step}");
    }
    let relayed = rig.worker.stats.relayed;
    assert!((400 - 50 - 100 - 20..=400 - 50 - 100 - 7).contains(&relayed), "{relayed}");
    let mut events = rig.take_events();
    events.retain(|event| !matches!(event, Event::Talking { .. }));
    let played = |tag| Event::Played { leg: id(1), tag, stopped: false };
    assert_eq!(events, [played(7), Event::DigitsSent { leg: id(1), tag: 8 }]);
    let mut voice = voice.unwrap();
    let recorded: Vec<i16> = voice.read_chunk(voice.slots()).unwrap().into_iter().collect();
    assert!((99 * 160..=101 * 160).contains(&recorded.len()), "{}", recorded.len());
    let loud = recorded.iter().filter(|sample| sample.abs() > 1_000).count();
    assert!(loud > 90 * 160, "{loud}: she is on the recording");
}

#[test]
fn another_stream_and_leaps_of_hers_are_none_of_ours() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    // Transferred: another SSRC, other numbers.
    alice = Phone { writer: Writer::new(77, Seq(3)), timestamp: RtpTime(5), from: home() };
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    // Her clock leaps back, then far ahead.
    alice.timestamp = RtpTime(1_000_000_000);
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    alice.timestamp = RtpTime(2_000_000_000);
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    let sent = to_bob(&mut rig);
    assert!(sent.len() >= 78, "{}", sent.len());
    assert_even(&sent, 0);
}

#[test]
fn when_nothing_comes_silence_is_sent_until_something_does() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    to_bob(&mut rig);
    rig.slots(4 * 100);
    let silence = to_bob(&mut rig);
    assert!((74..=76).contains(&silence.len()), "{}: after half a second", silence.len());
    assert!(views(&silence).iter().all(|view| view.payload == [0xff; 160]));
    // A pause of hers, as with DTX: her time has gone on.
    alice.timestamp = alice.timestamp.plus(100 * 160);
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    let sent = to_bob(&mut rig);
    assert_eq!(sent.len(), 20);
    assert_even(&[silence, sent].concat(), 0);
    // A short pause is hers to describe.
    alice.timestamp = alice.timestamp.plus(10 * 160);
    rig.slots(40);
    say(&mut rig, &mut alice, 1);
    say(&mut rig, &mut alice, 2);
    let sent = to_bob(&mut rig);
    assert_eq!(sent.len(), 2);
    assert_even(&sent, 0);
}

#[test]
fn keys_are_not_passed_on_and_leave_no_gap() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..10).for_each(|n| say(&mut rig, &mut alice, n));
    let mut key = dtmf::Sender::new('5', alice.timestamp, 800).unwrap();
    while let Some(update) = key.next(160) {
        let event = alice.packet(101, update.timestamp, &update.payload);
        alice.timestamp = alice.timestamp.plus(160);
        arrive(&mut rig, 0, home(), &event);
        rig.slots(4);
    }
    (0..10).for_each(|n| say(&mut rig, &mut alice, n));
    let sent = to_bob(&mut rig);
    assert_even(&sent, 1);
    assert!(sent.iter().all(|one| one.bytes.len() == 172));
    assert!(rig.take_events().contains(&Event::DigitEnded {
        leg: id(0),
        key: '5',
        way: crate::event::KeyWay::Event,
        ms: 100
    }));
}

#[test]
fn who_differs_or_listens_is_served_by_samples() {
    let a_law = LegSetup { codec: Codec::Pcma, payload_type: 8, receive_payload_type: 8, ..other() };
    let slow = LegSetup { ptime: MS(40), ..other() };
    let in_band = LegSetup { telephone_event_receive: None, keys_in_sound: true, ..setup() };
    for (one, two) in [(setup(), a_law.clone()), (setup(), slow), (in_band, other())] {
        let (mut rig, mut alice, _) = bridged(one, two);
        (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
        assert_eq!(rig.worker.stats.relayed, 0);
        assert!(rig.io.watched.is_empty() && to_bob(&mut rig).len() >= 9);
    }
    // A re-INVITE makes them differ, and another alike again.
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    let kit = Kit::to_talk(&a_law, Delay::CONVERSATION).unwrap();
    rig.order(Order::Reconfigure(id(1), Box::new(a_law), Some(kit)));
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    let kit = Kit::to_talk(&other(), Delay::CONVERSATION).unwrap();
    rig.order(Order::Reconfigure(id(1), Box::new(other()), Some(kit)));
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    let relayed = rig.worker.stats.relayed;
    assert!((38..=41).contains(&relayed), "{relayed}");
    let sent = to_bob(&mut rig);
    assert!(sent.len() >= 57, "{}", sent.len());
    assert_even(&sent, 2);
    assert!(views(&sent)[25..35].iter().all(|view| view.payload_type == 8));
    // On hold nobody is spoken to.
    let hold = LegSetup { send: false, ..other() };
    rig.order(Order::Reconfigure(id(1), Box::new(hold), None));
    rig.slots(1);
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    assert_eq!(to_bob(&mut rig).len(), 0);
}

#[test]
fn a_leg_that_goes_takes_its_bridge_and_nothing_else() {
    let (mut rig, mut alice, _) = bridged(setup(), other());
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    rig.order(Order::Release(id(1)));
    (0..20).for_each(|_| say(&mut rig, &mut alice, 0x20));
    assert_eq!((rig.released.len(), rig.worker.stats.panics), (1, 0));
    rig.order(Order::Stop(id(0), 1));
    rig.slots(8);
    assert!(rig.io.watched.is_empty());
    rig.order(Order::Release(id(0)));
    rig.slots(4);
    assert!(rig.worker.is_idle());
}

#[test]
fn an_echo_that_nobody_listens_to_goes_back_as_it_came() {
    let mut rig = Rig::with(setup());
    let mut alice = Phone::new(home(), 9);
    rig.slots(8);
    rig.order(Order::Echo(id(0), 3, Kit::to_talk(&setup(), Delay::PATIENT).unwrap()));
    (0..50).for_each(|n| say(&mut rig, &mut alice, n));
    assert_eq!(rig.io.watched.iter().collect::<Vec<_>>(), [&0], "it goes back as it comes");
    let sent = rig.heard();
    assert_even(&sent, 0);
    let said: Vec<u8> =
        views(&sent).iter().map(|view| view.payload[0]).filter(|byte| *byte != 0xff).collect();
    assert_eq!(said, (0..50).collect::<Vec<u8>>());
    assert_eq!(rig.worker.stats.relayed, 50);
    rig.slots(200 - rig.slot % 200);
    // With a recorder it is decoded, and the numbers go on.
    let (ring, _kept) = RingBuffer::new(80_000);
    rig.record_as(4, ring, &Recording::new("a.wav"));
    (0..50).for_each(|n| say(&mut rig, &mut alice, n));
    // The first came before the order was obeyed.
    assert_eq!(rig.worker.stats.relayed, 51);
    rig.order(Order::Stop(id(0), 4));
    (0..50).for_each(|n| say(&mut rig, &mut alice, n));
    rig.order(Order::Stop(id(0), 3));
    rig.slots(8);
    let sent = [sent, rig.heard()].concat();
    assert_even(&sent, 1);
    assert!(rig.worker.stats.relayed >= 99);
    assert_eq!(rig.take_events().last(), Some(&Event::Played { leg: id(0), tag: 3, stopped: true }));
}

#[test]
fn a_detector_hears_what_was_relayed_before_and_packets_are_passed_on_again_after_it() {
    use crate::detector::{Detector, Found, Listener};
    let (mut rig, mut alice, _bob) = bridged(setup(), other());
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    assert!(!rig.io.watched.is_empty(), "relayed");
    let listener = Box::new(Listener::new(7, Detector::Fax));
    rig.order(Order::Detect(id(0), listener, Kit::to_hear(&setup(), Delay::PATIENT).unwrap()));
    rig.slots(4);
    let cng = tone::beep(1_100, MS(500), Rate::NARROW);
    let silence = Pcm::silence(Rate::NARROW, MS(300));
    for sound in [&cng, &silence] {
        for frame in prompt(&sound.samples).bytes().chunks(160) {
            let packet = alice.packet(0, alice.timestamp, frame);
            alice.timestamp = alice.timestamp.plus(160);
            arrive(&mut rig, 0, home(), &packet);
            rig.slots(4);
        }
    }
    assert!(rig.io.watched.is_empty(), "heard");
    let fax = Found::Fax(audio::detect::Fax::Calling);
    assert!(rig.take_events().contains(&Event::Detected { leg: id(0), tag: 7, what: fax }));
    rig.order(Order::Stop(id(0), 7));
    (0..20).for_each(|n| say(&mut rig, &mut alice, n));
    assert!(!rig.io.watched.is_empty(), "relayed again");
}
