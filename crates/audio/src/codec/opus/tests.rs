//! Opus as the legs use it.

use super::*;
use crate::level::rms_dbov;
use crate::tone;
use std::time::Duration;

const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

fn tone_of(rate: Rate, ms: u64) -> Vec<i16> {
    tone::beep(800, Duration::from_millis(ms), rate).samples
}

/// The packets of `samples`, each of `ms`.
fn packets(samples: &[i16], rate: Rate, ms: usize, settings: &OpusSettings) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(rate, settings).unwrap();
    let frame = rate.0 as usize / 1_000 * ms;
    let mut payload = [0; crate::codec::MAX_PAYLOAD];
    samples
        .chunks_exact(frame)
        .map(|samples| {
            let length = encoder.encode(samples, &mut payload);
            payload[..length].to_vec()
        })
        .collect()
}

#[test]
fn every_rate_and_length_goes_to_every_rate() {
    for from in RATES.map(Rate) {
        for ms in [5, 10, 20, 40, 60] {
            let packets = packets(&tone_of(from, 480), from, ms, &OpusSettings::default());
            for to in RATES.map(Rate) {
                let mut decoder = Decoder::new(to).unwrap();
                let mut out = vec![0; to.0 as usize / 1_000 * 60];
                let mut all = Vec::new();
                for packet in &packets {
                    let samples = decoder.decode(packet, &mut out);
                    assert_eq!(samples, to.0 as usize / 1_000 * ms, "{from} to {to}");
                    assert_eq!(decoder.samples(packet), samples);
                    all.extend_from_slice(&out[..samples]);
                }
                let level = rms_dbov(&all[all.len() / 2..]);
                assert!((level + 15.0).abs() < 1.5, "{from} to {to}, {ms} ms: {level} dBov");
            }
        }
    }
    assert!(Encoder::new(Rate(44_100), &OpusSettings::default()).is_err());
    assert!(Decoder::new(Rate(32_000)).is_err());
}

#[test]
fn lengths_that_are_no_packet_give_nothing() {
    let mut encoder = Encoder::new(Rate::NARROW, &OpusSettings::default()).unwrap();
    let mut payload = [0; 400];
    for samples in [0, 1, 100, 161] {
        assert_eq!(encoder.encode(&vec![0; samples], &mut payload), 0, "{samples}");
    }
    assert_eq!(encoder.encode(&[0; 160], &mut []), 0);
    assert!(encoder.encode(&[0; 160], &mut payload) > 0);
}

#[test]
fn a_lost_packet_is_recovered_from_the_next() {
    let rate = Rate::WIDE;
    let settings = OpusSettings { fec: true, bitrate: Some(24_000), ..OpusSettings::default() };
    let mut encoder = Encoder::new(rate, &settings).unwrap();
    encoder.expect_loss(20);
    // What changes with every packet cannot be guessed from the one before.
    let sounds: Vec<Vec<i16>> =
        (0..40).map(|at| tone::beep(300 + at * 37, Duration::from_millis(20), rate).samples).collect();
    let mut payload = [0; 400];
    let packets: Vec<Vec<u8>> = sounds
        .iter()
        .map(|samples| {
            let length = encoder.encode(samples, &mut payload);
            payload[..length].to_vec()
        })
        .collect();
    let carrying = packets.iter().filter(|packet| packet::carries_the_one_before(packet)).count();
    assert!(carrying > 30, "{carrying} of {}", packets.len());

    let mut whole = Decoder::new(rate).unwrap();
    let (mut recovering, mut guessing) = (Decoder::new(rate).unwrap(), Decoder::new(rate).unwrap());
    let (mut from_next, mut from_past) = (0.0, 0.0);
    let error = |a: &[i16], b: &[i16]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
    };
    for (at, packet) in packets.iter().enumerate() {
        let (mut sent, mut recovered, mut guessed) = ([0; 320], [0; 320], [0; 320]);
        whole.decode(packet, &mut sent);
        if at > 5 && at % 4 == 0 {
            assert_eq!(recovering.recover(&packets[at + 1], &mut recovered), 320);
            assert!(guessing.conceal(&mut guessed));
            from_next += error(&sent, &recovered);
            from_past += error(&sent, &guessed);
        } else {
            recovering.decode(packet, &mut recovered);
            guessing.decode(packet, &mut guessed);
        }
    }
    assert!(from_next < from_past / 2.0, "{from_next} against {from_past}");
}

#[test]
fn without_a_copy_there_is_nothing_to_recover() {
    let packets = packets(&tone_of(Rate::WIDE, 200), Rate::WIDE, 20, &OpusSettings::default());
    let mut decoder = Decoder::new(Rate::WIDE).unwrap();
    for packet in &packets {
        assert_eq!(decoder.recover(packet, &mut [0; 320]), 0);
    }
    assert_eq!(decoder.recover(&[], &mut [0; 320]), 0);
}

#[test]
fn what_is_concealed_goes_on_and_fades() {
    let mut decoder = Decoder::new(Rate::WIDE).unwrap();
    let mut out = [0; 320];
    for packet in packets(&tone_of(Rate::WIDE, 400), Rate::WIDE, 20, &OpusSettings::default()) {
        decoder.decode(&packet, &mut out);
    }
    assert!(decoder.conceal(&mut out));
    assert!(rms_dbov(&out) > -25.0, "{}", rms_dbov(&out));
    let mut long = [1; 16_000];
    assert!(decoder.conceal(&mut long));
    assert!(rms_dbov(&long[8_000..]) < -40.0, "{}", rms_dbov(&long[8_000..]));
    // No multiple of 2.5 ms: the rest is silence.
    let mut odd = [1; 50];
    assert!(decoder.conceal(&mut odd));
    assert_eq!(odd[40..], [0; 10]);
    assert!(!decoder.conceal(&mut [0; 39]));
}

#[test]
fn silence_is_not_sent_with_dtx() {
    let settings = OpusSettings { dtx: true, ..OpusSettings::default() };
    let mut samples = tone_of(Rate::NARROW, 200);
    samples.extend_from_slice(&[0; 16_000]);
    let lengths: Vec<usize> = packets(&samples, Rate::NARROW, 20, &settings).iter().map(Vec::len).collect();
    assert!(lengths[..10].iter().all(|&length| length > 0));
    let unsent = lengths[50..].iter().filter(|&&length| length == 0).count();
    // A packet every 400 ms tells how silent it is.
    assert!((50..60).contains(&unsent), "{unsent} of 60: {lengths:?}");
    let all = packets(&samples, Rate::NARROW, 20, &OpusSettings::default());
    assert!(all.iter().all(|packet| !packet.is_empty()));
}

#[test]
fn settings_reach_the_packets() {
    let samples = tone_of(Rate::FULL, 400);
    let constant = OpusSettings { cbr: true, bitrate: Some(16_000), ..OpusSettings::default() };
    assert!(packets(&samples, Rate::FULL, 20, &constant).iter().all(|packet| packet.len() == 40));
    for (rate, bandwidth) in
        [(8_000, Bandwidth::Narrowband), (16_000, Bandwidth::Wideband), (48_000, Bandwidth::Fullband)]
    {
        let settings =
            OpusSettings { max_playback_rate: Rate(rate), bitrate: Some(64_000), ..OpusSettings::default() };
        let last = packets(&samples, Rate::FULL, 20, &settings).pop().unwrap();
        assert_eq!(audiopus::packet::bandwidth((&last).try_into().unwrap()).unwrap(), bandwidth);
    }
}

#[test]
fn stereo_is_mixed() {
    let lib = LibEncoder::new(SampleRate::Hz48000, Channels::Stereo, Application::Audio).unwrap();
    let left: Vec<i16> = tone_of(Rate::FULL, 400).into_iter().flat_map(|sample| [sample, 0]).collect();
    let mut decoder = Decoder::new(Rate::NARROW).unwrap();
    let (mut payload, mut out) = ([0; 1_400], [0; 160]);
    for frame in left.chunks_exact(1_920) {
        let length = lib.encode(frame, &mut payload).unwrap();
        assert_eq!(decoder.decode(&payload[..length], &mut out), 160);
    }
    assert!((rms_dbov(&out) + 21.0).abs() < 1.5, "{}", rms_dbov(&out));
}

#[test]
fn what_is_broken_gives_nothing_and_harms_nobody() {
    let mut decoder = Decoder::new(Rate::FULL).unwrap();
    let mut out = vec![0; 2_880];
    assert_eq!(decoder.decode(&[], &mut out), 0);
    assert_eq!(decoder.samples(&[]), 0);
    // Code 3 with no frames, with none following, and with 49 frames of 2.5 ms.
    for broken in [&[0x03, 0][..], &[0x03], &[0x83, 49, 1, 2, 3]] {
        assert_eq!(decoder.decode(broken, &mut out), 0, "{broken:?}");
        assert_eq!(decoder.samples(broken), 0, "{broken:?}");
    }
    // 120 ms do not fit into 60.
    assert_eq!(decoder.decode(&[0x19, 0, 0], &mut out), 0);
    assert_eq!(decoder.samples(&[0x19, 0, 0]), 5_760);
    let good = packets(&tone_of(Rate::FULL, 400), Rate::FULL, 20, &OpusSettings::default());
    let mut state = 1u32;
    for turn in 0..2_000 {
        let mut packet = good[turn % good.len()].clone();
        for _ in 0..turn % 5 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize / 7 % packet.len().min(if turn % 2 == 0 { 3 } else { 400 });
            packet[at] = (state >> 24) as u8;
        }
        packet.truncate(1 + state as usize / 3 % packet.len());
        let claimed = decoder.samples(&packet);
        let decoded = decoder.decode(&packet, &mut out);
        assert!(decoded == 0 || decoded == claimed, "{decoded} of {claimed}");
        decoder.recover(&packet, &mut out[..960]);
        if decoded == 0 {
            decoder.conceal(&mut out[..960]);
        }
    }
    decoder.reset();
    assert_eq!(decoder.decode(&good[0], &mut out), 960);
}
