//! Silence that is described (RFC 3389) in place of being sent, in virtual time.

use super::*;
use crate::bridge::Bridge;

/// A leg whose peer takes comfort noise with number 13.
fn taking(setup: LegSetup) -> LegSetup {
    LegSetup { comfort_noise: Some(13), comfort_noise_send: Some(13), ..setup }
}

#[test]
fn a_silence_is_described_at_its_beginning_and_five_times_a_second() {
    for (setup, silent) in [
        (setup(), 0xFF),
        (LegSetup { ptime: MS(40), ..LegSetup::new(Codec::G722, 9, home()) }, 0xFC),
        (LegSetup::new(Codec::L16(Rate::WIDE), 108, home()), 0),
    ] {
        let (ms, clock) = (setup.ptime.as_millis() as u32, setup.codec.clock());
        let number = setup.payload_type;
        let mut rig = Rig::with(taking(setup));
        rig.slots(u64::from(10 * ms / 5) + 400);
        let sent = rig.heard();
        let views = views(&sent);
        let (whole, described) = views.split_at(10);
        assert!(
            whole.iter().all(|view| view.payload_type == number && view.payload.iter().all(|b| *b == silent))
        );
        assert!(described.iter().all(|view| (view.payload_type, view.payload) == (13, &[127][..])));
        assert_eq!(described.len(), 10, "in two seconds");
        assert!(views.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)), "none is missing");
        let steps: Vec<i32> = views.windows(2).map(|two| two[1].timestamp.since(two[0].timestamp)).collect();
        let packet = (clock / 1_000 * ms) as i32;
        assert!(steps[..10].iter().all(|step| *step == packet), "{steps:?}");
        assert!(steps[10..].iter().all(|step| *step == clock as i32 / 5), "{steps:?}");
        assert!(views.iter().all(|view| !view.marker));
    }
}

/// RFC 7587 §3.1.3: who asked for it is not sent silence, but for what shows that we are there.
#[test]
fn a_peer_that_asked_for_no_silence_of_opus_is_sent_it_seldom() {
    for (dtx, count) in [(true, 5), (false, 100)] {
        let opus = audio::codec::OpusSettings { dtx, ..Default::default() };
        let setup = LegSetup { opus, ..LegSetup::new(Codec::Opus, 107, home()) };
        let mut rig = Rig::with(setup.clone());
        rig.slots(40);
        assert_eq!(rig.heard().len(), 10, "the first are whole");
        rig.slots(400);
        let sent = rig.heard();
        let all = views(&sent);
        assert_eq!(all.len(), count, "in two seconds");
        assert!(all.iter().all(|view| view.payload_type == 107 && !view.marker && view.payload.len() > 2));
        assert!(all.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)), "none is missing");
        let step = 96_000 / count as i32;
        assert!(all.windows(2).all(|two| two[1].timestamp.since(two[0].timestamp) == step));
        // What is said between is in its time, and marked.
        rig.play(
            7,
            vec![Arc::new(Prompt::encode(&Pcm::silence(Rate::WIDE, MS(60)), setup.form()).unwrap())],
            Repeat::Times(1),
        );
        rig.slots(20);
        let prompt = rig.heard();
        let said = views(&prompt);
        assert_eq!(said.iter().filter(|view| view.marker).count(), 1);
        let passed = (prompt.last().unwrap().slot - sent[0].slot) as i32 * 240;
        assert_eq!(said.last().unwrap().timestamp.since(all[0].timestamp), passed);
    }
}

#[test]
fn what_is_said_between_silences_begins_with_a_marker_and_is_in_its_time() {
    let mut rig = Rig::with(taking(setup()));
    rig.slots(200);
    // 60 ms after the last description.
    let before = rig.heard().len();
    assert!(before < 20);
    rig.play(7, vec![prompt(&[1_000; 480])], Repeat::Times(1));
    rig.slots(200);
    let sent = rig.heard();
    let all = views(&sent);
    let said: Vec<usize> = (0..all.len()).filter(|n| all[*n].payload_type == 0).collect();
    assert_eq!(said.len(), 3, "three packets of a prompt");
    let first = said[0];
    assert_eq!(said, [first, first + 1, first + 2]);
    assert!(all.iter().enumerate().all(|(n, view)| view.marker == (n == first)));
    assert_eq!(all[first + 3].payload_type, 13, "silence begins right after it");
    assert_eq!(all[first + 3].timestamp.since(all[first].timestamp), 480);
    // Timestamps are those of the clock on the wall, said or not.
    let passed = (sent.last().unwrap().slot - sent[0].slot) as i32 * 40;
    assert_eq!(all.last().unwrap().timestamp.since(all[0].timestamp), passed);
    // A key is in its time, too.
    let keys = vec![DigitToSend { key: Some('1'), duration: MS(100), gap: MS(60) }];
    rig.order(Order::Dial(id(0), Dialling::Events(Keys::new(9, keys))));
    rig.slots(100);
    let sent = rig.heard();
    assert!(views(&sent).iter().any(|view| view.payload_type == 101));
    assert!(views(&sent).windows(2).all(|two| two[1].seq == two[0].seq.plus(1)));
}

#[test]
fn who_hears_others_or_agreed_on_nothing_is_sent_silence() {
    // Bridged with somebody who says nothing.
    let mut rig = Rig::new();
    let other = LegSetup { remote: "198.51.100.2:6000".parse().unwrap(), ..setup() };
    let kits = [&setup(), &other].map(|setup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
    let (mut a, mut b) = Bridge::pair(Rate::NARROW, Rate::NARROW);
    Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
    rig.adopt(0, taking(setup()));
    rig.adopt(1, other.clone());
    let [kit, other_kit] = kits;
    rig.order(Order::Bridge(id(0), 1, Box::new(a), kit));
    rig.order(Order::Bridge(id(1), 2, Box::new(b), other_kit));
    rig.slots(400);
    let sent = rig.heard();
    // One was given another's slots.
    assert!((199..=201).contains(&sent.len()), "{}", sent.len());
    assert!(views(&sent).iter().all(|view| view.payload_type == 0), "it is the other's silence");
    // Apart again.
    rig.order(Order::Stop(id(0), 1));
    rig.order(Order::Stop(id(1), 2));
    rig.slots(400);
    let sent = rig.heard();
    let to = |to: SocketAddr| sent.iter().filter(|sent| sent.to == to).count();
    let (taking, other) = (to(home()), to(other.remote));
    assert!(
        (10..=11).contains(&taking) && (99..=101).contains(&other),
        "one takes descriptions: {taking} {other}"
    );
}
