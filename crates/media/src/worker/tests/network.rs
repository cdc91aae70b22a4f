//! Who is believed, what RTCP tells, and how sockets are read.

use super::*;

#[test]
fn strangers_are_dropped_and_a_peer_behind_nat_is_found() {
    let mut rig = Rig::with(setup());
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    let mut phone = Phone::new(nat, 9);
    for _ in 0..10 {
        phone.say(&mut rig, &[0xff; 160]);
    }
    assert_eq!(rig.take_events(), [Event::Latched { leg: id(0), remote: nat }]);
    assert_eq!(rig.heard().last().unwrap().to, nat);
    let mut stranger = Phone::new("203.0.113.66:666".parse().unwrap(), 9);
    for _ in 0..50 {
        stranger.say(&mut rig, &[0xff; 160]);
    }
    rig.order(Order::Release(id(0)));
    rig.slots(4);
    let report = rig.released[0];
    assert_eq!((report.packets_in, report.strangers), (6, 54));
    assert_eq!(rig.heard().last().unwrap().to, nat);
}

/// Let a phone say so many packets.
fn talk(rig: &mut Rig, phone: &mut Phone, packets: usize) {
    (0..packets).for_each(|_| phone.say(rig, &[0xff; 160]));
}

#[test]
fn a_socket_is_connected_while_the_signalled_address_speaks() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    talk(&mut rig, &mut phone, 100);
    assert_eq!(rig.io.connected.get(&0), Some(&home()));
    // The latch waits for two seconds: until then it has been opened.
    rig.slots(310);
    assert!(rig.io.connected.is_empty());
    rig.slots(200);
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    phone.from = nat;
    talk(&mut rig, &mut phone, 100);
    assert!(rig.take_events().contains(&Event::Latched { leg: id(0), remote: nat }));
    // The signalled address may still come, and is right then.
    assert!(rig.io.connected.is_empty());
    phone.from = home();
    talk(&mut rig, &mut phone, 100);
    assert_eq!(rig.io.connected.get(&0), Some(&home()));
}

#[test]
fn a_re_invite_opens_the_socket_and_a_hold_leaves_it_open() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    talk(&mut rig, &mut phone, 100);
    assert!(rig.io.connected.contains_key(&0));
    let away = SocketAddr::from(([192, 0, 2, 99], 4_000));
    rig.order(Order::Reconfigure(id(0), Box::new(LegSetup { remote: away, ..setup() }), None));
    rig.slots(1);
    assert!(rig.io.connected.is_empty());
    let mut moved = Phone::new(away, 9);
    talk(&mut rig, &mut moved, 100);
    assert_eq!(rig.io.connected.get(&0), Some(&away));
    let hold = LegSetup { send: false, receive: false, remote: away, ..setup() };
    rig.order(Order::Reconfigure(id(0), Box::new(hold), None));
    talk(&mut rig, &mut moved, 100);
    assert!(rig.io.connected.is_empty());
}

#[test]
fn a_socket_that_cannot_be_connected_is_left_alone() {
    let mut rig = Rig::with(setup());
    rig.io.connects = false;
    let mut phone = Phone::new(home(), 9);
    talk(&mut rig, &mut phone, 100);
    rig.io.connects = true;
    talk(&mut rig, &mut phone, 200);
    assert!(rig.io.connected.is_empty());
    rig.order(Order::Reconfigure(id(0), Box::new(setup()), None));
    talk(&mut rig, &mut phone, 100);
    assert!(rig.io.connected.contains_key(&0));
}

#[test]
fn silence_of_the_peer_is_told_once_until_it_speaks_again() {
    let mut rig = Rig::with(setup());
    rig.slots(29 * 200);
    assert_eq!(rig.take_events(), []);
    rig.slots(120 * 200);
    assert_eq!(rig.take_events(), [Event::Lost { leg: id(0) }]);
    Phone::new(home(), 9).say(&mut rig, &[0xff; 160]);
    rig.slots(120 * 200);
    assert_eq!(rig.take_events(), [Event::Lost { leg: id(0) }]);
}

#[test]
fn reports_come_every_few_seconds_and_a_goodbye_at_the_end() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 0xabcd);
    for _ in 0..3_000 {
        phone.say(&mut rig, &[0xff; 160]);
    }
    rig.order(Order::Release(id(0)));
    rig.slots(4);
    let rtcp: Vec<Sent> = rig.io.sent.iter().filter(|s| s.channel == Channel::Rtcp).cloned().collect();
    assert!((10..=24).contains(&rtcp.len()), "{} in a minute", rtcp.len());
    assert!(rtcp.iter().all(|sent| sent.to == setup().remote_rtcp));
    let Some(Packet::SenderReport(sr)) = Compound::parse(&rtcp[3].bytes).unwrap().next() else { panic!() };
    let block = sr.blocks().next().unwrap();
    assert_eq!((block.ssrc, block.lost), (0xabcd, 0));
    let at = clock::at(rtcp[3].slot - 1);
    assert_eq!(sr.info.ntp, NtpTime::from_unix(WALL + at));
    let last = Compound::parse(&rtcp.last().unwrap().bytes).unwrap();
    assert!(last.clone().any(|packet| matches!(packet, Packet::Bye(_))));
}

#[test]
fn who_fell_silent_is_reported_on_once_more_and_then_no_longer() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 0xabcd);
    talk(&mut rig, &mut phone, 500);
    rig.slots(25 * 200);
    let rtcp = rig.io.sent.iter().filter(|sent| sent.channel == Channel::Rtcp);
    let blocks = rtcp.map(|sent| match Compound::parse(&sent.bytes).unwrap().next() {
        Some(Packet::SenderReport(sr)) => sr.blocks().count(),
        other => panic!("{other:?}"),
    });
    let blocks: Vec<usize> = blocks.collect();
    let told = blocks.iter().filter(|count| **count == 1).count();
    assert!((1..=7).contains(&told) && blocks.len() > told + 2, "{blocks:?}");
    assert!(blocks[..told].iter().all(|count| *count == 1), "{blocks:?}");
}

#[test]
fn the_round_trip_is_measured() {
    let mut rig = Rig::with(setup());
    rig.slots(200);
    let sent = rig.heard();
    let ssrc = views(&sent)[0].ssrc;
    // The peer answers a report of half a second ago, which it held for 300 ms.
    let now = WALL + clock::at(rig.slot);
    let last_sr = NtpTime::from_unix(now - MS(500)).middle();
    let block = ReportBlock { ssrc, lost: 3, last_sr, delay: 65_536 * 3 / 10, ..ReportBlock::default() };
    let mut buffer = [0; 64];
    let mut writer = rtp::rtcp::Writer::new(&mut buffer);
    writer.receiver_report(5, &[block]);
    let n = writer.finish().unwrap();
    let muxed = setup().remote;
    rig.io.arrive(0, Channel::Rtp, muxed, &buffer[..n]);
    rig.slots(204);
    let report = rig.reports.last().unwrap();
    assert_eq!(report.remote_lost, Some(3));
    let trip = report.round_trip_ms.unwrap();
    assert!((200.0..=220.0).contains(&trip), "{trip}");
}

/// A receiver report of the peer's on what the leg sends, which it answers `delay` after our report of `before` ago.
fn report(rig: &mut Rig, before: Duration, delay: Duration) -> Vec<u8> {
    let ssrc = views(&rig.heard())[0].ssrc;
    let last_sr = NtpTime::from_unix(WALL + clock::at(rig.slot) - before).middle();
    let delay = (delay.as_millis() * 65_536 / 1_000) as u32;
    let mut buffer = [0; 64];
    let mut writer = rtp::rtcp::Writer::new(&mut buffer);
    writer.receiver_report(5, &[ReportBlock { ssrc, lost: 3, last_sr, delay, ..ReportBlock::default() }]);
    let n = writer.finish().unwrap();
    buffer[..n].to_vec()
}

#[test]
fn strangers_at_the_rtcp_port_keep_no_report_waiting() {
    let mut rig = Rig::with(setup());
    let stranger: SocketAddr = "203.0.113.66:666".parse().unwrap();
    for _ in 0..500 {
        rig.io.arrive(0, Channel::Rtcp, stranger, &[0x81, 201, 0, 0]);
        rig.slots(4);
    }
    let report = report(&mut rig, MS(500), MS(300));
    rig.io.arrive(0, Channel::Rtcp, setup().remote_rtcp, &report);
    rig.slots(204);
    let told = rig.reports.last().unwrap();
    assert_eq!(told.remote_lost, Some(3));
    let trip = told.round_trip_ms.unwrap();
    assert!((195.0..=220.0).contains(&trip), "{trip}");
}

#[test]
fn nothing_is_measured_by_a_report_of_which_nobody_knows_when_it_came() {
    let mut rig = Rig::with(setup());
    rig.slots(200);
    let report = report(&mut rig, MS(500), MS(300));
    rig.io.waited = MS(30_000);
    rig.io.arrive(0, Channel::Rtcp, setup().remote_rtcp, &report);
    rig.slots(204);
    let told = rig.reports.last().unwrap();
    assert_eq!((told.remote_lost, told.round_trip_ms), (Some(3), None));
}

#[test]
fn the_time_of_another_source_is_not_given_back_as_that_of_the_one_that_is_heard() {
    let told = |of: u32| {
        let mut rig = Rig::with(setup());
        let mut phone = Phone::new(home(), 9);
        talk(&mut rig, &mut phone, 100);
        let mut buffer = [0; 64];
        let mut writer = rtp::rtcp::Writer::new(&mut buffer);
        let info = rtp::rtcp::SenderInfo {
            ntp: NtpTime::from_unix(WALL),
            timestamp: RtpTime(1),
            packets: 9,
            octets: 9,
        };
        writer.sender_report(of, &info, &[]);
        let n = writer.finish().unwrap();
        rig.io.arrive(0, Channel::Rtcp, setup().remote_rtcp, &buffer[..n]);
        talk(&mut rig, &mut phone, 500);
        let sent = rig.io.sent.iter().rfind(|sent| sent.channel == Channel::Rtcp).unwrap();
        let about = Compound::parse(&sent.bytes).unwrap().find_map(|packet| match packet {
            Packet::SenderReport(report) => report.blocks().next(),
            _ => None,
        });
        let about = about.unwrap();
        assert_eq!(about.ssrc, 9);
        (about.last_sr, about.delay > 0)
    };
    assert_eq!(told(9), (NtpTime::from_unix(WALL).middle(), true));
    assert_eq!(told(10), (0, false), "RFC 3550 §6.4.1");
}

#[test]
fn reports_go_where_the_peers_come_from_behind_nat() {
    let mut rig = Rig::with(setup());
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    let mut phone = Phone::new(nat, 9);
    let went = |rig: &Rig| rig.io.sent.iter().rfind(|sent| sent.channel == Channel::Rtcp).unwrap().to;
    talk(&mut rig, &mut phone, 500);
    assert_eq!(went(&rig), "203.0.113.9:31001".parse().unwrap());
    let there: SocketAddr = "203.0.113.9:45123".parse().unwrap();
    let report = report(&mut rig, MS(500), MS(300));
    rig.io.arrive(0, Channel::Rtcp, there, &report);
    // Nobody else's count, nor what is no report.
    rig.io.arrive(0, Channel::Rtcp, "203.0.113.66:666".parse().unwrap(), &report);
    rig.io.arrive(0, Channel::Rtcp, "203.0.113.9:9".parse().unwrap(), b"hello, there");
    talk(&mut rig, &mut phone, 500);
    assert_eq!(went(&rig), there);
}

#[test]
fn who_reports_is_there_also_if_it_says_nothing() {
    for (channel, from) in [(Channel::Rtcp, setup().remote_rtcp), (Channel::Rtp, home())] {
        let mut rig = Rig::with(setup());
        rig.slots(200);
        for _ in 0..20 {
            let report = report(&mut rig, MS(500), MS(300));
            rig.io.arrive(0, channel, from, &report);
            rig.slots(5 * 200);
        }
        assert_eq!(rig.take_events(), []);
        // What is none is no sign of life, nor is a stranger's.
        let report = report(&mut rig, MS(500), MS(300));
        for _ in 0..7 {
            rig.io.arrive(0, Channel::Rtcp, setup().remote_rtcp, &[0x81, 201, 0, 9]);
            rig.io.arrive(0, Channel::Rtcp, "203.0.113.66:666".parse().unwrap(), &report);
            rig.slots(5 * 200);
        }
        assert_eq!(rig.take_events(), [Event::Lost { leg: id(0) }]);
    }
}

#[test]
fn a_steady_peer_costs_one_receive_a_turn_and_a_burst_is_taken_at_once() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 9);
    for _ in 0..100 {
        phone.say(&mut rig, &[0xff; 160]);
    }
    let before = rig.io.asked;
    for _ in 0..400 {
        phone.say(&mut rig, &[0xff; 160]);
    }
    let asked = rig.io.asked - before;
    assert!(asked < 500, "{asked} for 400 packets");
    // A pause of 200 ms, then all of it at once.
    for _ in 0..10 {
        let packet = phone.packet(0, phone.timestamp, &[0xff; 160]);
        phone.timestamp = phone.timestamp.plus(160);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
    }
    rig.slots(4 * 9);
    assert!(rig.io.waiting.values().all(|queue| queue.is_empty()));
}

#[test]
fn any_datagram_is_survived_and_counted() {
    let mut rig = Rig::with(setup());
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let _ring = rig.record(1, None, None);
    for _ in 0..20_000 {
        let mut bytes = [0u8; 64];
        for chunk in bytes.chunks_mut(8) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chunk.copy_from_slice(&(random ^ (random >> 29)).to_be_bytes());
        }
        bytes[0] = 0x80 | (bytes[0] & 0x3f);
        bytes[1] &= if bytes[2] & 1 == 0 { 0xe5 } else { 0xff };
        let len = usize::from(bytes[3] & 0x3f);
        let channel = if bytes[4] & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
        rig.io.arrive(0, channel, home(), &bytes[..len]);
        rig.slots(1);
    }
    assert!(rig.worker.stats.unusable > 0);
}

/// One leg speaks, another records, and between them is a network that loses, delays, doubles and reorders.
#[test]
fn over_any_network_the_recording_keeps_its_time_and_most_of_what_was_said() {
    for seed in 0..64u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        let (mut mouth, mut ear) = (Rig::with(setup()), Rig::with(setup()));
        let length = MS(6_000);
        let sound = tone::render(&[440], length, MS(0), length, Rate::NARROW);
        mouth.play(1, vec![prompt(&sound.samples)], Repeat::Forever);
        let mut ring = ear.record(2, None, None);
        let (loss, delay) = (below(8), below(80));
        let mut flying: Vec<(u64, Vec<u8>)> = Vec::new();
        for slot in 0..1_200u64 {
            mouth.slots(1);
            for sent in mouth.heard() {
                if below(100) < loss {
                    continue;
                }
                for _ in 0..1 + u64::from(below(50) == 0) {
                    flying.push((slot + (delay + below(30)) / 5, sent.bytes.clone()));
                }
            }
            flying.retain(|(due, bytes)| {
                let arrives = *due <= slot;
                if arrives {
                    ear.io.arrive(0, Channel::Rtp, home(), bytes);
                }
                !arrives
            });
            ear.slots(1);
        }
        let mut all = vec![0; ring.slots()];
        ring.pop_entire_slice(&mut all).unwrap();
        assert_eq!(all.len(), 48_000, "SEED={seed:#x}: six seconds are six seconds");
        let silent = all.iter().skip(4_000).filter(|sample| sample.abs() < 8).count() as f64 / 44_000.0;
        assert!(
            silent < 0.03 + loss as f64 / 100.0 * 1.5,
            "SEED={seed:#x}: {silent:.3} silent at {loss} % loss"
        );
        let power = detect::goertzel_power(&all[4_000..4_800], Rate::NARROW, 440.0);
        assert!(power > 0.0, "SEED={seed:#x}");
        ear.order(Order::Release(id(0)));
        ear.slots(1);
        let report = ear.released[0];
        assert!(report.lost <= 300 * loss as i64 / 50 + 8, "SEED={seed:#x}: {report:?}");
    }
}

#[test]
fn jitter_is_the_networks_and_not_that_of_our_grid() {
    let mut rig = Rig::with(setup());
    rig.slots(400);
    let mut phone = Phone::new(home(), 1);
    for n in 0..300u32 {
        // Sent and received evenly, but not in step with our turns: they find it after another wait each time.
        let waited = n * 7 % 20;
        rig.io.waited = MS(waited.into());
        let packet = phone.packet(0, RtpTime((20 * (n + 1) - waited) * 8), &[0xd5; 160]);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
        rig.slots(4);
    }
    let jitter = rig.reports.last().unwrap().jitter_ms;
    assert!(jitter < 0.2, "{jitter}");
}
