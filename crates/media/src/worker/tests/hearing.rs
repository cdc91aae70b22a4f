//! Recordings and echoes in virtual time.

use super::*;

#[test]
fn an_echo_gives_back_what_is_heard() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    rig.order(Order::Echo(id(0), 3, kit()));
    let tone = frames(2);
    for frame in &tone {
        phone.say(&mut rig, frame);
    }
    let sent = rig.heard();
    let said: Vec<u8> = views(&sent).iter().flat_map(|view| view.payload).copied().collect();
    let sent: Vec<u8> = tone.concat();
    assert_eq!(said[..8_000], sent[..8_000], "as it came");
    rig.slots(400);
    assert!(rig.reports.last().unwrap().describe().starts_with("PCMU 20 ms · jitter 0 ms · echo"));
    rig.order(Order::Stop(id(0), 3));
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 3, stopped: true }]);
}

#[test]
fn a_recording_keeps_time_and_what_was_lost_is_made_up() {
    let mut rig = Rig::with(setup());
    let mut ring = rig.record(4, None, None);
    let mut phone = Phone::new(home(), 9);
    for (n, frame) in frames(4).iter().enumerate() {
        if n % 20 == 10 { phone.lose(&mut rig) } else { phone.say(&mut rig, frame) }
    }
    let mut all = vec![0; ring.slots()];
    ring.pop_entire_slice(&mut all).unwrap();
    assert_eq!(all.len(), 32_000, "four seconds are four seconds");
    let loud = detect::goertzel_power(&all[8_000..9_600], Rate::NARROW, 440.0);
    assert!(loud > 0.0);
    let silent = all.chunks(80).filter(|half| half.iter().all(|s| *s == 0)).count();
    assert_eq!(silent, 4, "the delay at the beginning, and no packet of the ten that were lost");
    assert_eq!(rig.take_events(), [Event::Talking { leg: id(0) }]);
    rig.order(Order::Release(id(0)));
    rig.slots(1);
    assert!(ring.is_abandoned(), "the disk's end is told");
}

#[test]
fn a_recording_ends_at_its_limit_or_after_silence() {
    let mut rig = Rig::with(setup());
    let limited = rig.record(4, Some(MS(500)), None);
    rig.slots(400);
    assert_eq!(limited.slots(), 4_000);
    assert!(limited.is_abandoned());
    let silent = rig.record(5, None, Some(MS(1_000)));
    let mut phone = Phone::new(home(), 9);
    for frame in frames(2) {
        phone.say(&mut rig, &frame);
    }
    assert!(!silent.is_abandoned());
    rig.slots(240);
    assert!(silent.is_abandoned());
    let seconds = silent.slots() as f32 / 8_000.0;
    assert!((2.9..3.2).contains(&seconds), "{seconds}");
}

#[test]
fn a_recording_keeps_time_over_skipped_slots() {
    let mut rig = Rig::with(setup());
    let ring = rig.record(4, None, None);
    let mut phone = Phone::new(home(), 9);
    for frame in frames(1) {
        phone.say(&mut rig, &frame);
    }
    rig.due(399);
    rig.slots(200);
    assert_eq!(ring.slots(), 32_000);
}

#[test]
fn what_arrives_during_skipped_slots_is_recorded_in_its_time() {
    let mut rig = Rig::with(setup());
    let mut ring = rig.record(4, None, None);
    let mut phone = Phone::new(home(), 9);
    let tone = frames(2);
    for frame in &tone[..50] {
        phone.say(&mut rig, frame);
    }
    for frame in &tone[50..60] {
        let packet = phone.packet(0, phone.timestamp, frame);
        phone.timestamp = phone.timestamp.plus(160);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
    }
    rig.due(39);
    for frame in &tone[60..] {
        phone.say(&mut rig, frame);
    }
    let mut all = vec![0; ring.slots()];
    ring.pop_entire_slice(&mut all).unwrap();
    let silent = all.chunks(80).skip(4).filter(|half| half.iter().all(|s| *s == 0)).count();
    assert_eq!(silent, 0, "nothing of ten packets is lost");
}
