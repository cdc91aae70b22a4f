//! A peer that changes its codec in mid-stream, in virtual time: a tone stays the tone.

use audio::codec::{Encoder, MAX_PAYLOAD};

use super::*;
use crate::bridge::Bridge;
use crate::command::Alternative;
use crate::report::Saying;

/// All that the far end may send, with their payload types.
const ALL: [(Codec, u8); 6] = [
    (Codec::Pcmu, 0),
    (Codec::Opus, 107),
    (Codec::G722, 9),
    (Codec::L16(Rate::WIDE), 108),
    (Codec::Pcma, 8),
    (Codec::L16(Rate::NARROW), 109),
];

/// A leg that agreed on the codec of this place of the list first, and on all the others beside it.
fn agreed(first: usize, rate: Rate) -> LegSetup {
    let (codec, number) = ALL[first];
    let others = ALL.iter().enumerate().filter(|(at, _)| *at != first);
    let alternatives = others.map(|(_, (codec, number))| Alternative {
        codec: *codec,
        receive_payload_type: *number,
        telephone_event: (codec.clock() == 16_000).then_some(116),
        comfort_noise: None,
    });
    LegSetup {
        rate: if codec == Codec::Opus { rate } else { codec.rate() },
        telephone_event: Some(101),
        telephone_event_receive: Some(101),
        alternatives: alternatives.collect(),
        ..LegSetup::new(codec, number, home())
    }
}

/// A phone that says 440 Hz by any codec, with timestamps that count by the clock of each and an encoder that begins anew
/// with each change, as phones have it.
struct Singer {
    phone: Phone,
    said: usize,
    encoder: Option<(usize, Encoder)>,
}

impl Singer {
    fn new(from: SocketAddr) -> Singer {
        Singer { phone: Phone::new(from, 9), said: 0, encoder: None }
    }

    /// The next 20 ms by this codec.
    fn packet(&mut self, of: usize) -> Vec<u8> {
        let (codec, number) = ALL[of];
        let encoder = match self.encoder.take() {
            Some((before, encoder)) if before == of => encoder,
            _ => Encoder::new(codec, codec.rate(), &Default::default()).unwrap(),
        };
        let (_, encoder) = self.encoder.insert((of, encoder));
        let rate = codec.rate();
        let frame = rate.samples(MS(20));
        let sample = |n: usize| {
            let at = (self.said * frame + n) as f64 / f64::from(rate.0);
            ((at * 440.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16
        };
        let frame: Vec<i16> = (0..frame).map(sample).collect();
        let mut payload = vec![0; MAX_PAYLOAD];
        let n = encoder.encode(&frame, &mut payload);
        self.said += 1;
        let packet = self.phone.packet(number, self.phone.timestamp, &payload[..n]);
        self.phone.timestamp = self.phone.timestamp.plus(codec.clock() / 50);
        packet
    }

    fn sing(&mut self, rig: &mut Rig, of: usize) {
        let packet = self.packet(of);
        rig.io.arrive(0, Channel::Rtp, self.phone.from, &packet);
        rig.slots(4);
    }
}

/// How many of each second's frames of 20 ms are not the tone, and how many milliseconds are silent in a row at the most.
fn blemishes(sound: &[i16], rate: Rate) -> (usize, usize) {
    let frame = rate.samples(MS(20));
    let impure = |part: &&[i16]| {
        let total = part.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() * frame as f32;
        2.0 * detect::goertzel_power(part, rate, 440.0) < 0.8 * total || total == 0.0
    };
    let most = sound.chunks(50 * frame).map(|second| second.chunks_exact(frame).filter(impure).count()).max();
    let (mut silent, mut longest) = (0, 0);
    for part in sound.chunks(rate.samples(MS(1)) * 3) {
        silent = if audio::level::rms_dbov(part) < -30.0 { silent + 3 } else { 0 };
        longest = longest.max(silent);
    }
    (most.unwrap_or(0), longest)
}

fn recorded(rig: &mut Rig, setup: &LegSetup) -> Consumer<i16> {
    let (ring, out) = RingBuffer::new(4_000_000);
    let order = Recording::new("a.wav");
    let recorder = Recorder::new((id(0), 4), ring, setup.rate, &order, Default::default());
    let kit = Kit::to_record(setup, Delay::PATIENT, order.sides).unwrap();
    rig.order(Order::Record(id(0), Box::new(recorder), kit));
    out
}

fn all_of(mut ring: Consumer<i16>) -> Vec<i16> {
    let mut all = vec![0; ring.slots()];
    ring.pop_entire_slice(&mut all).unwrap();
    all
}

#[test]
fn a_tone_stays_the_tone_through_every_change_of_codec() {
    for (first, rate) in [
        (0, Rate::NARROW),
        (1, Rate::NARROW),
        (1, Rate::WIDE),
        (1, Rate::FULL),
        (2, Rate::WIDE),
        (3, Rate::WIDE),
    ] {
        // Each for half a second, and then a change with every packet.
        for lasting in [25, 1] {
            let setup = agreed(first, rate);
            let mut rig = Rig::with(setup.clone());
            let ring = recorded(&mut rig, &setup);
            let mut singer = Singer::new(home());
            for n in 0..600usize {
                singer.sing(&mut rig, (first + n / lasting) % ALL.len());
            }
            let heard = all_of(ring);
            let report = rig.reports.last().unwrap();
            let begin = setup.rate.samples(MS(200));
            let (impure, silent) = blemishes(&heard[begin..], setup.rate);
            let name = format!(
                "{} at {rate}, each for {lasting}: {impure} {silent} {report:?}",
                ALL[first].0.name()
            );
            assert_eq!((report.unusable, report.late, report.lost), (0, 0, 0), "{name}");
            assert!(report.concealed.unwrap() < 0.01, "{name}");
            assert!(report.jitter_ms < 1.0, "one clock's timestamps are not another's: {name}");
            if lasting > 1 {
                println!("{name}");
                assert!(impure <= 4 && silent <= 6, "two changes a second, and no hole in any: {name}");
            }
            assert_eq!(heard.len(), setup.rate.samples(MS(12_000)), "{name}");
        }
    }
}

#[test]
fn packets_that_are_dropped_do_not_move_the_others() {
    let run = |disturbed: bool| {
        let setup = agreed(1, Rate::WIDE);
        let mut rig = Rig::with(setup.clone());
        let ring = recorded(&mut rig, &setup);
        let mut singer = Singer::new(home());
        for n in 0..300u16 {
            let packet = singer.packet(usize::from(n / 10 % 3));
            rig.io.arrive(0, Channel::Rtp, home(), &packet);
            if disturbed && n % 25 == 12 {
                // Of another clock, and with a number of another life; and once more what has come.
                let mut stray = Phone::new(home(), 9);
                stray.writer.set_next(Seq(20_000 + n * 50));
                let stray = stray.packet(0, RtpTime(n.into()), &[0xff; 160]);
                rig.io.arrive(0, Channel::Rtp, home(), &stray);
                rig.io.arrive(0, Channel::Rtp, home(), &packet);
            }
            rig.slots(4);
        }
        let report = *rig.reports.last().unwrap();
        (report.jitter_ms, report.late, report.concealed, all_of(ring))
    };
    assert!(run(true) == run(false));
}

#[test]
fn a_relayed_pair_takes_the_way_of_samples_while_one_speaks_otherwise_and_relays_again() {
    let setup = agreed(0, Rate::NARROW);
    let away: SocketAddr = "198.51.100.2:6000".parse().unwrap();
    let other = LegSetup { remote: away, ..LegSetup::new(Codec::Pcmu, 0, away) };
    let mut rig = Rig::new();
    let kits = [&setup, &other].map(|setup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
    let (mut a, mut b) = Bridge::pair(setup.rate, other.rate);
    Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
    rig.adopt(0, setup);
    rig.adopt(1, other);
    let [kit, other_kit] = kits;
    rig.order(Order::Bridge(id(0), 1, Box::new(a), kit));
    rig.order(Order::Bridge(id(1), 2, Box::new(b), other_kit));
    let mut singer = Singer::new(home());
    let mut sing = |rig: &mut Rig, of: usize, packets: usize| {
        for _ in 0..packets {
            singer.sing(rig, of);
        }
        rig.worker.stats.relayed
    };
    assert_eq!(sing(&mut rig, 0, 100), 100);
    let between = sing(&mut rig, 2, 100);
    assert_eq!(between, 100, "what the other side does not have is not passed on");
    assert_eq!(sing(&mut rig, 1, 100), between);
    let after = sing(&mut rig, 0, 200);
    assert!((240..=260).contains(&after), "it is sure to be back after a second: {after}");
    let sent: Vec<Sent> = rig.heard().into_iter().filter(|sent| sent.to == away).collect();
    let mut sound = Vec::new();
    for two in views(&sent).windows(2) {
        let step = two[1].timestamp.since(two[0].timestamp);
        assert_eq!((two[1].payload_type, two[1].seq), (0, two[0].seq.plus(1)));
        assert!(step > 0 && step <= 320, "{step}");
        let mut pcm = [0; 160];
        Codec::Pcmu.decode(two[0].payload, &mut pcm);
        sound.extend(pcm);
    }
    let (impure, silent) = blemishes(&sound[1_600..], Rate::NARROW);
    println!("{impure} {silent}");
    assert!(impure <= 4 && silent <= 45, "the delay of the samples' way: {impure} frames, {silent} ms");
    rig.slots(200);
    assert!(rig.reports.iter().any(|report| report.saying == Saying::Relay));
}

#[test]
fn what_was_not_agreed_on_is_refused_and_what_was_is_heard_in_keys_too() {
    let mut rig = Rig::with(agreed(0, Rate::NARROW));
    let mut singer = Singer::new(home());
    (0..20).for_each(|_| singer.sing(&mut rig, 3));
    let stranger = singer.phone.packet(33, singer.phone.timestamp, &[1; 160]);
    rig.io.arrive(0, Channel::Rtp, home(), &stranger);
    rig.slots(4);
    assert_eq!(rig.worker.stats.unusable, 1);
    // 100 ms by the clock of L16 at 16 kHz.
    let mut sender = dtmf::Sender::new('7', singer.phone.timestamp, 1_600).unwrap();
    while let Some(update) = sender.next(320) {
        let packet = singer.phone.packet(116, update.timestamp, &update.payload);
        rig.io.arrive(0, Channel::Rtp, home(), &packet);
        rig.slots(4);
    }
    rig.slots(100);
    let told = rig.take_events();
    let pressed = |event: &&Event| matches!(event, Event::Digit { key: '7', .. });
    assert_eq!(told.iter().filter(pressed).count(), 1, "{told:?}");
    assert!(
        told.iter().any(|event| matches!(event, Event::DigitEnded { key: '7', ms: 100, .. })),
        "{told:?}"
    );
}
