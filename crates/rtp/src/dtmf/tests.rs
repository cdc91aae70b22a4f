//! Keys over good and bad networks.

use super::*;
use crate::packet::tests::Random;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn started(key: char) -> Option<Report> {
    Some(Report::Started { key, before: None, ended: None })
}

fn ended(key: char, ms: u64) -> Option<Report> {
    Some(Report::Ended(Ended { key, duration: MS(ms) }))
}

#[test]
fn a_key_is_told_at_its_first_packet_and_its_three_ends_once() {
    let mut receiver = Receiver::new(8_000);
    let t = RtpTime(1_000);
    assert_eq!(receiver.feed(t, &[5, 10, 0, 160]), started('5'));
    assert!(receiver.is_pressed());
    assert_eq!(receiver.feed(t, &[5, 10, 1, 64]), None);
    assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), ended('5', 100));
    assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), None);
    assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), None);
    assert!(!receiver.is_pressed());
}

#[test]
fn the_same_key_twice_is_two_keys() {
    let mut receiver = Receiver::new(8_000);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0, 160]), started('1'));
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 1, 64]), ended('1', 40));
    assert_eq!(receiver.feed(RtpTime(1_600), &[1, 0, 0, 160]), started('1'));
}

#[test]
fn a_key_of_which_only_an_end_arrives_is_told() {
    let mut receiver = Receiver::new(8_000);
    let over = Ended { key: '#', duration: MS(100) };
    let report = receiver.feed(RtpTime(0), &[11, 0x80, 3, 32]);
    assert_eq!(report, Some(Report::Started { key: '#', before: None, ended: Some(over) }));
    assert_eq!(receiver.feed(RtpTime(0), &[11, 0x80, 3, 32]), None);
}

#[test]
fn a_lost_end_is_made_up_for_by_the_next_key_or_by_giving_up() {
    let mut receiver = Receiver::new(8_000);
    receiver.feed(RtpTime(0), &[1, 0, 1, 64]);
    let before = Some(Ended { key: '1', duration: MS(40) });
    let report = receiver.feed(RtpTime(3_200), &[2, 0, 0, 160]);
    assert_eq!(report, Some(Report::Started { key: '2', before, ended: None }));
    assert_eq!(receiver.give_up(), Some(Ended { key: '2', duration: MS(20) }));
    assert_eq!(receiver.give_up(), None);
    assert_eq!(receiver.feed(RtpTime(3_200), &[2, 0x80, 3, 32]), None, "its end comes late: nothing new");
}

#[test]
fn an_overtaken_packet_of_the_last_key_is_no_key() {
    let mut receiver = Receiver::new(8_000);
    receiver.feed(RtpTime(0), &[1, 0x80, 3, 32]);
    receiver.feed(RtpTime(1_600), &[2, 0, 0, 160]);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 3, 32]), None);
}

#[test]
fn a_clock_that_starts_anew_does_not_swallow_keys() {
    let mut receiver = Receiver::new(8_000);
    receiver.feed(RtpTime(4_000_000), &[1, 0x80, 3, 32]);
    assert_eq!(receiver.feed(RtpTime(160), &[2, 0, 0, 160]), started('2'));
}

#[test]
fn a_long_press_in_segments_is_one_key() {
    let mut receiver = Receiver::new(8_000);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0xff, 0xff]), started('1'));
    assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0, 0, 160]), None);
    assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0x80, 0, 161]), ended('1', (65_535 + 161) / 8));
}

#[test]
fn durations_are_in_the_events_own_clock() {
    let mut receiver = Receiver::new(48_000);
    receiver.feed(RtpTime(0), &[1, 0, 3, 192]);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 0x12, 0xc0]), ended('1', 100));
}

#[test]
fn flash_and_short_payloads_are_passed_over() {
    let mut receiver = Receiver::new(8_000);
    assert_eq!(receiver.feed(RtpTime(0), &[16, 0, 0, 160]), None);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0]), None);
    assert_eq!(receiver.feed(RtpTime(0), &[]), None);
}

#[test]
fn a_key_is_sent_with_one_marker_growing_durations_and_three_ends() {
    let mut sender = Sender::new('9', RtpTime(800), 480).unwrap();
    let sent: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
    let durations: Vec<u16> = sent.iter().map(|u| u16::from_be_bytes([u.payload[2], u.payload[3]])).collect();
    assert_eq!(durations, [160, 320, 480, 480, 480]);
    assert_eq!(sent.iter().map(|u| u.marker).collect::<Vec<_>>(), [true, false, false, false, false]);
    let ends: Vec<bool> = sent.iter().map(|u| u.payload[1] & 0x80 != 0).collect();
    assert_eq!(ends, [false, false, true, true, true]);
    assert!(sent.iter().all(|u| u.timestamp == RtpTime(800) && u.payload[0] == 9));
}

#[test]
fn a_key_shorter_than_a_packet_and_one_too_long_are_sent() {
    let mut sender = Sender::new('*', RtpTime(0), 0).unwrap();
    let sent: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent[0].marker && sent.iter().all(|u| u.payload[1] & 0x80 != 0));
    assert!(Sender::new('x', RtpTime(0), 160).is_none());
}

fn durations(sent: &[Update]) -> Vec<(u32, u16, bool)> {
    sent.iter()
        .map(|u| (u.timestamp.0, u16::from_be_bytes([u.payload[2], u.payload[3]]), u.payload[1] & 0x80 != 0))
        .collect()
}

#[test]
fn a_key_longer_than_a_duration_can_tell_is_sent_in_segments() {
    // Three seconds at 48 kHz, in packets of 20 ms.
    let mut sender = Sender::new('7', RtpTime(5_000), 144_000).unwrap();
    let sent: Vec<Update> = std::iter::from_fn(|| sender.next(960)).collect();
    assert_eq!(sent.iter().filter(|u| u.marker).count(), 1);
    let told = durations(&sent);
    let full: Vec<_> = told.iter().filter(|(_, duration, _)| *duration == 0xffff).collect();
    assert_eq!(full, [&(5_000, 0xffff, false), &(5_000 + 0xffff, 0xffff, false)]);
    let rest = (144_000 - 2 * 0xffff) as u16;
    assert_eq!(told[told.len() - 3..], [(5_000 + 2 * 0xffff, rest, true); 3]);
    assert_eq!(told.len(), 150 + 2, "a packet each 20 ms and two more ends");
    let mut receiver = Receiver::new(48_000);
    let told: Vec<Report> = sent.iter().filter_map(|u| receiver.feed(u.timestamp, &u.payload)).collect();
    assert_eq!(told, [started('7').unwrap(), ended('7', 3_000).unwrap()]);
}

#[test]
fn a_key_let_go_in_any_segment_ends_with_what_was_told() {
    for after in [1, 67, 68, 69, 70, 137, 138] {
        let mut sender = Sender::new('7', RtpTime(0), u32::MAX).unwrap();
        let mut sent: Vec<Update> = (0..after).map_while(|_| sender.next(960)).collect();
        sender.cut();
        sent.extend(std::iter::from_fn(|| sender.next(960)));
        assert_eq!(sent.len(), after + 3, "{after}");
        let mut receiver = Receiver::new(48_000);
        let told: Vec<Report> = sent.iter().filter_map(|u| receiver.feed(u.timestamp, &u.payload)).collect();
        assert_eq!(told, [started('7').unwrap(), ended('7', after as u64 * 20).unwrap()], "{after}");
    }
}

#[test]
fn a_long_press_goes_on_although_the_last_packet_of_a_segment_was_lost() {
    let mut receiver = Receiver::new(48_000);
    assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0xff, 0x00]), started('1'));
    assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0, 3, 192]), None);
    assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0x80, 7, 128]), ended('1', (65_535 + 1_920) / 48));
    assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0x80, 7, 128]), None);
}

#[test]
fn another_clock_ends_what_is_pressed_and_counts_anew() {
    let mut receiver = Receiver::new(8_000);
    receiver.feed(RtpTime(0), &[1, 0, 1, 64]);
    assert_eq!(receiver.change_clock(8_000), None);
    assert!(receiver.is_pressed());
    assert_eq!(receiver.change_clock(48_000), Some(Ended { key: '1', duration: MS(40) }));
    assert_eq!(receiver.change_clock(16_000), None);
    // Timestamps of the new stream may lie before those of the old one.
    let over = Ended { key: '2', duration: MS(100) };
    let report = receiver.feed(RtpTime(4_294_967_000), &[2, 0x80, 6, 64]);
    assert_eq!(report, Some(Report::Started { key: '2', before: None, ended: Some(over) }));
}

#[test]
fn a_key_cut_short_ends_with_what_was_told() {
    let mut sender = Sender::new('1', RtpTime(0), 8_000).unwrap();
    sender.next(160);
    sender.cut();
    let rest: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
    assert_eq!(rest.len(), 3);
    assert!(rest.iter().all(|u| u.payload == [1, 0x80 | VOLUME, 0, 160]));
}

/// Whatever is lost, doubled or swapped with its neighbour: each key of which anything arrives is told once.
#[test]
fn every_key_that_left_a_trace_is_told_once_over_a_bad_network() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let clock = [8_000, 16_000, 48_000][seed as usize % 3];
        let ms = clock / 1_000;
        let (mut wire, mut keys) = (Vec::new(), Vec::new());
        for n in 0..20u32 {
            let key = KEYS[random.below(16)];
            let mut sender = Sender::new(key, RtpTime(n * 200 * ms), 100 * ms).unwrap();
            let mut any = false;
            while let Some(update) = sender.next(20 * ms) {
                if random.below(3) > 0 {
                    any = true;
                    for _ in 0..1 + random.below(2) {
                        wire.push(update);
                    }
                }
            }
            if any {
                keys.push(key);
            }
        }
        let mut receiver = Receiver::new(clock);
        let mut told = Vec::new();
        for update in wire {
            if let Some(Report::Started { key, .. }) = receiver.feed(update.timestamp, &update.payload) {
                told.push(key);
            }
        }
        assert_eq!(told, keys, "SEED={seed:#x}");
    }
}

#[test]
fn any_payload_is_survived() {
    let mut random = Random(1);
    let mut receiver = Receiver::new(8_000);
    for _ in 0..200_000 {
        let bytes = random.next().to_be_bytes();
        receiver.feed(RtpTime(random.next() as u32 & 0xfff), &bytes[..random.below(9)]);
    }
}
