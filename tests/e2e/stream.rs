//! One call's RTP and RTCP as they are on the wire, and what a bad network or a stranger does to them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use audio::{Pcm, Rate};
use serde_json::{Value, json};
use testkit::ear;
use tests::peers::capture::{self, Capture, Packet};
use tests::peers::line::{self, EVENTS, Line, Send, exchange, packets, steadily};
use tests::server::{Server, Setup};

use crate::sound;

const SSRC: u32 = 0x0b5e_55ed;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn serving(flow: &Value) -> Server {
    Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"2000\" = \"flow.json\"\n".into()),
            ("flow.json", flow.to_string()),
        ],
        ..Setup::default()
    })
}

/// What the server heard of a call to 9199, once that is over.
fn recorded(server: &Server) -> Pcm {
    let view = server.finished_call("9199");
    let id = view.entries("recorded").last().expect("a recording")["id"].as_str().expect("an id").to_owned();
    let file = server.folder.path().join("data/recordings").join(format!("{id}.wav"));
    audio::read::decode(std::fs::read(file).expect("the file"), Some("wav")).expect("a WAV file")
}

#[test]
fn one_stream_goes_on_through_silence_sound_and_keys() {
    let server = serving(&json!({ "actions": [
        { "type": "answer" },
        { "type": "sleep", "option": { "duration": 600 } },
        { "type": "beep" },
        { "type": "sleep", "option": { "duration": 500 } },
        { "type": "digits_send", "option": { "digits": "5#", "duration": 150, "interval": 100 } },
        { "type": "beep" },
        { "type": "sleep", "option": { "duration": 3000 } },
        { "type": "hangup" } ] }));
    let line = Line::call(server.sip, "2000", 20, None);
    let silence = packets(&Pcm::silence(Rate(8000), ms(4000)), SSRC, 7, 0);
    let heard = exchange(ms(4000), steadily(silence, ms(0), &line.rtp, line.media), &[&line.rtp]);
    let all = line::rtp(&heard[0]);
    line.hang_up();

    let first = &all[0];
    // A worker that the machine kept from running skips time; it never plays it twice or out of step.
    let mut skipped = 0;
    let mut event = None;
    for (n, packet) in all.iter().enumerate() {
        assert_eq!(packet.ssrc, first.ssrc);
        assert_eq!(packet.sequence, first.sequence.wrapping_add(n as u16), "the sequence has a gap");
        let passed = packet.timestamp.wrapping_sub(first.timestamp).wrapping_sub(160 * n as u32);
        match packet.payload_type {
            0 => {
                assert_eq!(packet.payload.len(), 160);
                assert!(passed >= skipped && passed < 8_000 && passed % 160 == 0, "packet {n}: {passed} off");
                skipped = passed;
                event = None;
            }
            EVENTS if event == Some(packet.timestamp) => {}
            EVENTS => {
                assert!(passed >= skipped && passed % 160 == 0, "an event at {passed} off");
                event = Some(packet.timestamp);
            }
            other => panic!("payload type {other}"),
        }
    }
    let keys: Vec<&Packet> = all.iter().filter(|packet| packet.payload_type == EVENTS).collect();
    let key_starts: Vec<u32> = keys.iter().filter(|p| p.marker).map(|p| p.timestamp).collect();
    assert_eq!(key_starts.len(), 2, "each key has one marker");
    for (start, key) in key_starts.iter().zip([5, 11]) {
        let of: Vec<&&Packet> = keys.iter().filter(|packet| packet.timestamp == *start).collect();
        assert!(of[0].marker && of.iter().all(|p| p.payload.len() == 4 && p.payload[0] == key));
        let durations: Vec<u16> =
            of.iter().map(|p| u16::from_be_bytes([p.payload[2], p.payload[3]])).collect();
        assert!(durations.is_sorted() && durations.last() == Some(&1_200), "150 ms: {durations:?}");
        let ends: Vec<bool> = of.iter().map(|p| p.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends.iter().filter(|end| **end).count(), 3, "{ends:?}");
        assert!(ends.is_sorted() && durations[durations.len() - 3..] == [1_200; 3], "{durations:?}");
    }
    // Markers on audio stand where sound begins, and nowhere else.
    let marked: Vec<&Packet> = all.iter().filter(|p| p.payload_type == 0 && p.marker).collect();
    let sounds: Vec<&Packet> = all
        .windows(2)
        .filter(|pair| pair[0].payload.iter().all(|b| *b == 0xff) || pair[0].payload_type == EVENTS)
        .map(|pair| &pair[1])
        .filter(|p| p.payload_type == 0 && p.payload.iter().any(|b| *b != 0xff))
        .collect();
    let at = |of: &[&Packet]| of.iter().map(|p| p.timestamp).collect::<Vec<_>>();
    assert_eq!(sounds.len(), 2, "two beeps");
    if skipped == 0 {
        assert_eq!(at(&marked), at(&sounds));
    }
}

/// The middle of a 64-bit NTP time, as reports carry it.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[test]
fn reports_tell_what_was_sent_and_what_was_lost() {
    let server = Server::demo();
    let line = Line::call(server.sip, "9197", 20, None);
    // Every twentieth packet of ours gets lost.
    let all = packets(&Pcm::silence(Rate(8000), ms(13_000)), SSRC, 65_000, 77);
    let mut sends = steadily(all, ms(0), &line.rtp, line.media);
    let mut count = 0;
    sends.retain(|_| {
        count += 1;
        count % 20 != 10
    });
    // A sender report of ours, with a time of its own: LSR must name it.
    let mut report = vec![0x80, 200, 0, 6];
    report.extend(SSRC.to_be_bytes());
    report.extend([0, 0, 0xab, 0xcd, 0xef, 0x01, 0, 0]);
    report.extend([0; 12]);
    let reported = ms(1_230);
    sends.push(Send { at: reported, from: &line.rtcp, to: line.media_rtcp(), bytes: report });
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let heard = exchange(ms(13_000), sends, &[&line.rtp, &line.rtcp]);
    line.hang_up();
    let sound = line::rtp(&heard[0]);

    let reports = &heard[1];
    assert!((2..=6).contains(&reports.len()), "{} reports in 13 s", reports.len());
    for (at, bytes) in reports {
        assert_eq!((bytes[0], bytes[1]), (0x81, 200), "a sender report with one block");
        assert_eq!(word(bytes, 4), sound[0].ssrc);
        let ntp = f64::from(word(bytes, 8)) - 2_208_988_800.0 + f64::from(word(bytes, 12)) / 4_294_967_296.0;
        assert!((ntp - (wall + at)).abs() < 0.1, "NTP is {} s off", ntp - (wall + at));
        let so_far = sound.iter().filter(|packet| packet.at <= *at).count() as u32;
        let last = sound.iter().rfind(|packet| packet.at <= *at).expect("sound before a report");
        assert!(word(bytes, 20).abs_diff(so_far) <= 2, "{} packets for {so_far}", word(bytes, 20));
        assert_eq!(word(bytes, 24), word(bytes, 20) * 160, "octets");
        assert!(word(bytes, 16).wrapping_sub(last.timestamp) <= 480, "the RTP time is of another moment");
        // The block about us.
        assert_eq!(word(bytes, 28), SSRC);
        let sent = (at / 0.02) as u32;
        let (fraction, lost) = (bytes[32], word(bytes, 32) & 0x00ff_ffff);
        assert!(lost.abs_diff(sent / 20) <= 1, "{lost} lost of {sent}");
        assert!((6..=26).contains(&fraction), "one of twenty is 13 of 256, not {fraction}");
        let highest = word(bytes, 36);
        assert!(highest.abs_diff(65_000 + sent) <= 4, "{highest:#x} after {sent}");
        assert!(word(bytes, 40) < 160, "jitter of {} samples on loopback", word(bytes, 40));
        if *at > reported.as_secs_f64() + 0.5 {
            assert_eq!(word(bytes, 44), 0xabcd_ef01, "LSR");
            let since = f64::from(word(bytes, 48)) / 65_536.0;
            let real = at - reported.as_secs_f64();
            assert!((since - real).abs() < 0.1, "DLSR is {since} s and {real} s passed");
        }
        // SDES with a name stands behind it.
        assert_eq!((bytes[53], bytes[60]), (202, 1), "no CNAME");
    }
}

#[test]
fn packets_are_as_long_and_as_far_apart_as_was_asked_for() {
    for ptime in [10_u64, 30] {
        let server = Server::demo();
        let line = Line::call(server.sip, "9197", ptime as u32, None);
        let capture = Capture::start(line.rtp.local_addr().expect("bound").port());
        let silence = packets(&Pcm::silence(Rate(8000), ms(3000)), SSRC, 7, 0);
        exchange(ms(3000), steadily(silence, ms(0), &line.rtp, line.media), &[&line.rtp]);
        let all = capture.finish();
        line.hang_up();
        assert!(all.len() as u64 > 2_500 / ptime, "{} packets", all.len());
        assert!(all.iter().all(|packet| packet.payload.len() as u64 == ptime * 8));
        let mut errors: Vec<f64> =
            all.windows(2).map(|pair| ((pair[1].at - pair[0].at) * 1e3 - ptime as f64).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let at = |share: f64| errors[(errors.len() as f64 * share) as usize];
        // Other tests run meanwhile: the benchmark tells how exact it is on a quiet machine.
        assert!(at(0.5) < 0.5 && at(0.9) < 5.0, "{ptime} ms: {} / {}", at(0.5), at(0.9));
    }
}

#[test]
fn an_echo_over_a_bad_network_is_still_alike() {
    let server = Server::demo();
    let line = Line::call(server.sip, "9196", 20, None);
    let said = ear::cut(&sound::sentence(), 0.0, 5.0);
    let mut sends = steadily(packets(&said, SSRC, 60_000, 9), ms(200), &line.rtp, line.media);
    // A generator of our own, so that each run has the same network (Numerical Recipes' LCG).
    let mut state = 1_u32;
    let mut chance = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    sends.retain(|_| chance() % 100 >= 5);
    let again: Vec<Send<'_>> = sends
        .iter()
        .filter(|_| chance() % 100 < 5)
        .map(|send| Send { bytes: send.bytes.clone(), at: send.at + ms(3), ..*send })
        .collect();
    sends.extend(again);
    for send in &mut sends {
        // 20 ms of jitter overtake the packet after.
        send.at += Duration::from_micros(u64::from(chance() % 20_000));
    }
    let heard = exchange(ms(6_000), sends, &[&line.rtp]);
    line.hang_up();
    let heard = capture::heard(&line::rtp(&heard[0]));
    let likeness = ear::likeness(&said, &heard);
    assert!(likeness.correlation > 0.85, "{likeness:?}");
    assert!(likeness.lag < 0.5, "{likeness:?}");
}

#[test]
fn a_stranger_is_neither_heard_nor_sent_anything() {
    let server = Server::demo();
    let line = Line::call(server.sip, "9199", 20, None);
    let said = sound::sentence();
    let talk = packets(&said, SSRC, 100, 28_000);
    // What a stranger could know who sees the packets, and what he could guess: one stream each.
    let (clone, other) = (line::socket(), line::socket());
    let tone = audio::tone::render(&[1_500], ms(6_000), ms(0), ms(6_000), Rate(8000));
    let mut sends = steadily(talk, ms(3_500), &line.rtp, line.media);
    sends.extend(steadily(
        packets(&Pcm::silence(Rate(8000), ms(3_480)), SSRC, 65_462, 0),
        ms(0),
        &line.rtp,
        line.media,
    ));
    sends.extend(steadily(packets(&tone, SSRC, 101, 28_160), ms(3_505), &clone, line.media));
    sends.extend(steadily(packets(&tone, 0xbad, 100, 0), ms(3_495), &other, line.media));
    let heard = exchange(ms(10_000), sends, &[&line.rtp, &clone, &other]);
    line.hang_up();
    assert!(heard[1].is_empty() && heard[2].is_empty(), "a stranger was sent the call");
    assert!(heard[0].len() > 400, "{} packets", heard[0].len());
    let recorded = recorded(&server);
    let likeness = ear::likeness(&ear::cut(&said, 0.0, 4.0), &recorded);
    assert!(likeness.correlation > 0.9, "{likeness:?}");
    assert!(ear::purity(&recorded, 1_500.0) < 0.05, "the stranger's tone was recorded");
    // Nearly all of their 600 packets came while the phone spoke, and the system dropped those before the server saw them.
    let seen = server.metric("offhook_rtp_strangers_total");
    assert!(seen < 300.0, "{seen}");
}

#[test]
fn a_caller_behind_nat_is_found_where_his_packets_come_from() {
    let server = Server::demo();
    let inside = line::socket();
    let line = Line::call(server.sip, "9196", 20, Some(inside.local_addr().expect("bound").port()));
    let said = ear::cut(&sound::sentence(), 0.0, 4.0);
    let sends = steadily(packets(&said, SSRC, 100, 0), ms(100), &line.rtp, line.media);
    let heard = exchange(ms(5_000), sends, &[&line.rtp, &inside]);
    line.hang_up();
    let echo = capture::heard(&line::rtp(&heard[0]));
    let likeness = ear::likeness(&ear::cut(&said, 0.2, 4.0), &echo);
    assert!(likeness.correlation > 0.9, "{likeness:?}");
    let last = heard[1].last().map_or(0.0, |(at, _)| *at);
    assert!(last < 1.0, "packets still go to the address of the SDP after {last} s");
}
