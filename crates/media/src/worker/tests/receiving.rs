//! What peers do to their streams, who else sends, and what is told of how it sounds.

use rtp::rtcp::{Block, VoiceMetrics};

use super::*;

/// A leg that is listened to, its phone, and what is heard.
fn listening() -> (Rig, Phone, Consumer<i16>) {
    let mut rig = Rig::with(setup());
    let ring = rig.record(3, None, None);
    (rig, Phone::new(home(), 9), ring)
}

fn heard(mut ring: Consumer<i16>) -> Vec<i16> {
    let mut all = vec![0; ring.slots()];
    ring.pop_entire_slice(&mut all).unwrap();
    all
}

/// Stretches of 10 ms without any sound.
fn silent(pcm: &[i16]) -> usize {
    pcm.chunks(80).filter(|part| part.iter().all(|sample| sample.abs() < 16)).count()
}

#[test]
fn another_stream_of_the_same_peer_is_heard_at_once() {
    let (mut rig, mut phone, ring) = listening();
    let tone = frames(4);
    tone[..50].iter().for_each(|frame| phone.say(&mut rig, frame));
    let mut other = Phone::new(home(), 77);
    other.timestamp = RtpTime(5);
    tone[50..100].iter().for_each(|frame| other.say(&mut rig, frame));
    let heard = heard(ring);
    assert!(silent(&heard) <= 10, "the delay of each stream, and no more: {}", silent(&heard));
    assert_eq!(rig.worker.stats.strangers, 0);
    rig.order(Order::Release(id(0)));
    rig.slots(4);
    assert_eq!((rig.released[0].packets_in, rig.released[0].lost), (100, 0));
}

#[test]
fn timestamps_that_jump_are_not_heard() {
    let (mut rig, mut phone, ring) = listening();
    for (n, frame) in frames(2).iter().enumerate() {
        if n % 25 == 24 {
            phone.timestamp = phone.timestamp.plus(0x1357_9bdf);
        }
        phone.say(&mut rig, frame);
    }
    let heard = heard(ring);
    assert_eq!(silent(&heard), 4, "the delay at the beginning");
    let sent: Vec<u8> = frames(2).concat();
    let mut plain = vec![0; sent.len()];
    Codec::Pcmu.decode(&sent, &mut plain);
    assert_eq!(heard[320..], plain[..heard.len() - 320]);
}

#[test]
fn the_other_law_of_g_711_is_understood_without_being_asked() {
    let (mut rig, mut phone, ring) = listening();
    for (n, frame) in frames(2).iter().enumerate() {
        if n / 20 % 2 == 0 {
            phone.say(&mut rig, frame);
            continue;
        }
        let mut pcm = [0; 160];
        Codec::Pcmu.decode(frame, &mut pcm);
        let mut other = [0; 160];
        Codec::Pcma.encode(&pcm, &mut other);
        let packet = phone.packet(8, phone.timestamp, &other);
        phone.timestamp = phone.timestamp.plus(160);
        rig.io.arrive(0, Channel::Rtp, phone.from, &packet);
        rig.slots(4);
    }
    let heard = heard(ring);
    assert_eq!(silent(&heard), 4);
    let tone = detect::goertzel_power(&heard[4_000..12_000], Rate::NARROW, 440.0);
    let total = heard[4_000..12_000].iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 8_000.0;
    assert!(f64::from(tone) / total > 0.4, "nothing but the tone: {tone} of {total}");
    assert_eq!(rig.worker.stats.unusable, 0);
}

#[test]
fn a_key_between_words_is_a_pause_and_the_words_go_on() {
    let (mut rig, mut phone, ring) = listening();
    let tone = frames(2);
    tone[..40].iter().for_each(|frame| phone.say(&mut rig, frame));
    phone.press(&mut rig, '5');
    tone[40..].iter().for_each(|frame| phone.say(&mut rig, frame));
    let heard = heard(ring);
    let pause = heard.chunks(160).filter(|frame| silent(frame) == 2).count();
    assert!((5..=10).contains(&pause), "100 ms of a key, 40 ms at the beginning: {pause} frames");
    let last = &heard[heard.len() - 8_000..];
    assert_eq!(silent(last), 0);
    rig.slots(200);
    assert_eq!(rig.reports.last().unwrap().concealed, Some(0.0));
}

#[test]
fn comfort_noise_is_heard_where_something_listens() {
    let (mut rig, mut phone, ring) = listening();
    frames(1).iter().for_each(|frame| phone.say(&mut rig, frame));
    let packet = phone.packet(13, phone.timestamp, &[50, 100, 140]);
    rig.io.arrive(0, Channel::Rtp, home(), &packet);
    rig.slots(400);
    let all = heard(ring);
    let level = audio::level::rms_dbov(&all[12_000..]);
    assert!((level + 50.0).abs() < 2.0, "{level}");
}

/// Somebody who guesses ports sends noise to a call of a phone, in one of several ways; the phone needs so many packets to
/// be believed again.
fn bled(proof: usize, attack: impl Fn(&mut Rig, &mut Phone, &mut Phone)) -> Rig {
    let mut rig = Rig::with(setup());
    rig.order(Order::Echo(id(0), 3, kit()));
    let mut phone = Phone::new(home(), 9);
    let evil: SocketAddr = "203.0.113.66:666".parse().unwrap();
    let mut stranger = Phone::new(evil, 9);
    attack(&mut rig, &mut phone, &mut stranger);
    rig.heard();
    // Whatever was tried: when the phone speaks, it is heard and hears, and nobody else does.
    let tone = frames(1);
    for frame in &tone {
        let packet = stranger.packet(0, stranger.timestamp, &[0x80; 160]);
        stranger.timestamp = stranger.timestamp.plus(160);
        rig.io.arrive(0, Channel::Rtp, evil, &packet);
        phone.say(&mut rig, frame);
    }
    let sent = rig.heard();
    assert!(sent[1 + proof..].iter().all(|one| one.to == home()), "audio goes to the phone only");
    for sent in &sent[10 + proof..] {
        let view = View::parse(&sent.bytes).unwrap();
        assert!(view.payload.iter().all(|byte| *byte != 0x80), "nothing of the stranger is heard");
    }
    rig
}

#[test]
fn a_stranger_before_the_first_packet_loses_to_the_signalled_phone() {
    bled(4, |rig, _, stranger| {
        for _ in 0..50 {
            stranger.say(rig, &[0x80; 160]);
        }
    });
}

#[test]
fn a_stranger_in_a_silence_is_not_believed_even_with_the_right_ssrc() {
    let rig = bled(0, |rig, phone, stranger| {
        frames(1).iter().for_each(|frame| phone.say(rig, frame));
        // The phone is silent for ten seconds; the stranger has its SSRC, but not its numbers.
        for _ in 0..3_000 {
            stranger.packet(0, stranger.timestamp, &[]);
        }
        rig.slots(1_000);
        for _ in 0..400 {
            stranger.say(rig, &[0x80; 160]);
        }
    });
    assert!(!rig.events.iter().any(|event| matches!(event, Event::Latched { .. })), "{:?}", rig.events);
}

#[test]
fn a_stranger_with_the_right_ssrc_and_numbers_is_not_believed_while_the_phone_speaks() {
    let rig = bled(0, |rig, phone, stranger| {
        for frame in frames(2) {
            let packet = stranger.packet(0, stranger.timestamp, &[0x80; 160]);
            stranger.timestamp = stranger.timestamp.plus(160);
            rig.io.arrive(0, Channel::Rtp, stranger.from, &packet);
            phone.say(rig, &frame);
        }
    });
    assert_eq!(rig.worker.stats.strangers, 150);
}

#[test]
fn a_stranger_after_a_latch_is_never_believed_however_long_the_phone_is_silent() {
    let mut rig = Rig::with(setup());
    rig.order(Order::Echo(id(0), 3, kit()));
    let nat: SocketAddr = "198.51.100.7:40000".parse().unwrap();
    let mut phone = Phone::new(nat, 9);
    frames(1).iter().for_each(|frame| phone.say(&mut rig, frame));
    assert_eq!(rig.take_events(), [Event::Latched { leg: id(0), remote: nat }]);
    let mut stranger = Phone::new("203.0.113.66:666".parse().unwrap(), 9);
    for _ in 0..50 {
        stranger.packet(0, stranger.timestamp, &[]);
    }
    rig.heard();
    for _ in 0..1_000 {
        stranger.say(&mut rig, &[0x80; 160]);
    }
    assert!(rig.heard().iter().all(|sent| sent.to == nat));
    let told = rig.take_events();
    assert!(!told.iter().any(|event| matches!(event, Event::Latched { .. })), "{told:?}");
}

/// The voice metrics in what was sent by RTCP.
fn metrics(rig: &Rig) -> Vec<VoiceMetrics> {
    let rtcp = rig.io.sent.iter().filter(|sent| sent.channel == Channel::Rtcp);
    let packets = rtcp.flat_map(|sent| Compound::parse(&sent.bytes).into_iter().flatten());
    let blocks = packets.flat_map(|packet| match packet {
        Packet::ExtendedReport(xr) => xr.blocks().collect(),
        _ => Vec::new(),
    });
    blocks.filter_map(|block| if let Block::Voice(voice) = block { Some(voice) } else { None }).collect()
}

#[test]
fn a_peer_that_asks_is_told_how_it_is_heard_and_others_are_not() {
    for asks in [true, false] {
        let mut rig = Rig::with(LegSetup { voice_reports: asks, ..setup() });
        let _ring = rig.record(3, None, None);
        let mut phone = Phone::new(home(), 0xabcd);
        for (n, frame) in frames(20).iter().enumerate() {
            if n % 20 == 10 { phone.lose(&mut rig) } else { phone.say(&mut rig, frame) }
        }
        let told = metrics(&rig);
        assert_eq!(told.is_empty(), !asks);
        let report = rig.reports.last().unwrap();
        let concealed = report.concealed.unwrap();
        assert!((0.04..0.06).contains(&concealed), "{concealed}");
        let mos = report.mos.unwrap();
        assert!((3.6..4.2).contains(&mos), "5 % of G.711 made up for: {mos}");
        assert!(report.describe().contains("MOS "), "{}", report.describe());
        let Some(voice) = told.last() else { continue };
        assert_eq!((voice.ssrc, voice.discard_rate), (0xabcd, 0));
        assert!((11..=14).contains(&voice.loss_rate), "{voice:?}");
        assert!((36..=42).contains(&voice.mos_conversation), "{voice:?}");
        assert_eq!((voice.buffer_ms, voice.buffer_most_ms), (40, 200));
    }
}

#[test]
fn a_call_without_loss_is_as_good_as_g_711_gets() {
    let (mut rig, mut phone, _ring) = listening();
    frames(3).iter().for_each(|frame| phone.say(&mut rig, frame));
    let report = rig.reports.last().unwrap();
    assert!((report.mos.unwrap() - 4.4).abs() < 0.05, "{:?}", report.mos);
    assert_eq!((report.concealed, report.delay_ms), (Some(0.0), Some(40)));
    assert_eq!(report.remote_mos, None, "the peer said nothing");
}

#[test]
fn how_the_peer_hears_us_is_its_own_word_or_follows_from_its_losses() {
    let (mut rig, mut phone, _ring) = listening();
    frames(2).iter().for_each(|frame| phone.say(&mut rig, frame));
    let sent = rig.heard();
    let ssrc = views(&sent)[0].ssrc;
    let tell = |rig: &mut Rig, lost: i32, voice: Option<u8>| {
        let mut buffer = [0; 128];
        let mut writer = rtp::rtcp::Writer::new(&mut buffer);
        writer.receiver_report(5, &[ReportBlock { ssrc, lost, ..ReportBlock::default() }]);
        if let Some(mos_conversation) = voice {
            let voice = VoiceMetrics {
                ssrc,
                loss_rate: 0,
                discard_rate: 0,
                burst_density: 0,
                gap_density: 0,
                burst_ms: 0,
                gap_ms: 0,
                round_trip_ms: 0,
                end_system_ms: 0,
                r_factor: 70,
                mos_listening: 127,
                mos_conversation,
                buffer_ms: 0,
                buffer_high_ms: 0,
                buffer_most_ms: 0,
            };
            writer.extended_report(5, &[Block::Voice(voice)]);
        }
        let n = writer.finish().unwrap();
        rig.io.arrive(0, Channel::Rtp, home(), &buffer[..n]);
        rig.slots(204);
        rig.reports.last().unwrap().remote_mos
    };
    assert!(tell(&mut rig, 0, None).unwrap() > 4.3);
    assert!(tell(&mut rig, 40, None).unwrap() < 3.0);
    assert_eq!(tell(&mut rig, 40, Some(33)), Some(3.3));
    assert!((tell(&mut rig, 40, Some(127)).unwrap() - 3.6).abs() < 0.1, "by its R of 70");
}
