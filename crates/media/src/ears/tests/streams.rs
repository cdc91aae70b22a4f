//! Streams that are even, paused, keyed, described, cut into other packet times, and of any kind at all.

use super::*;

const ALL: [(Codec, Rate); 6] = [
    (Codec::Pcmu, Rate::NARROW),
    (Codec::Pcma, Rate::NARROW),
    (Codec::G722, Rate::WIDE),
    (Codec::L16(Rate::WIDE), Rate::WIDE),
    (Codec::Opus, Rate::NARROW),
    (Codec::Opus, Rate::FULL),
];

#[test]
fn an_even_stream_comes_out_sample_for_sample_in_any_codec_and_packet_time() {
    for (codec, rate) in ALL {
        for ptime in [10, 20, 40, 60] {
            if codec == Codec::L16(Rate::WIDE) && ptime == 60 {
                continue;
            }
            let sender = Sender::new(codec, rate, ptime, &speech(rate, 1.2));
            let plain = plain(&sender, rate, 1);
            let run = run(&sender, rate, Delay::PATIENT, 1, 0.0, |_| vec![0.0]);
            let start = rate.samples(MS(40));
            assert!(run.heard[..start].iter().all(|sample| *sample == 0));
            assert!(run.heard[start..] == plain[..run.heard.len() - start], "{codec:?} {ptime} ms");
            assert_eq!(run.ears.tally().concealed, 0);
        }
    }
}

#[test]
fn a_packet_time_that_the_reader_does_not_share_leaves_no_gap() {
    let rate = Rate::NARROW;
    let sender = Sender::new(Codec::Pcmu, rate, 30, &speech(rate, 3.0));
    let run = run(&sender, rate, Delay::PATIENT, 1, 0.0, |_| vec![0.0]);
    assert!(run.heard[320..] == plain(&sender, rate, 1)[..run.heard.len() - 320]);
}

#[test]
fn duplicates_and_disorder_are_not_heard() {
    for (codec, rate) in ALL {
        let sender = Sender::new(codec, rate, 20, &speech(rate, 1.2));
        let even = run(&sender, rate, Delay::PATIENT, 1, 0.0, |_| vec![0.0]);
        let mut random = Random(4);
        let other = run(&sender, rate, Delay::PATIENT, 1, 0.0, |n| match (n, random.below(4)) {
            (0, _) => vec![0.0],
            (_, 0) => vec![0.0, 15.0],
            (_, 1) => vec![15.0],
            _ => vec![0.0],
        });
        assert!(even.heard == other.heard, "{codec:?}");
    }
}

/// Packets by hand: PCMU, 20 ms.
struct Line {
    ears: Ears,
    now: u32,
    seq: u16,
    timestamp: u32,
}

impl Line {
    fn new() -> Line {
        let ears = Ears::new(Codec::Pcmu, Rate::NARROW, &[], Delay::PATIENT).unwrap();
        Line { ears, now: 5, seq: 9, timestamp: 70_000 }
    }

    fn say(&mut self, frame: &[i16]) -> Vec<i16> {
        let mut payload = vec![0; frame.len()];
        Codec::Pcmu.encode(frame, &mut payload);
        self.ears.insert(self.now, Seq(self.seq), RtpTime(self.timestamp), 0, &payload);
        self.seq += 1;
        self.pass()
    }

    /// 20 ms in which nothing comes.
    fn pass(&mut self) -> Vec<i16> {
        let mut out = vec![7; 160];
        self.ears.read(self.now, &mut out);
        self.now += 160;
        self.timestamp += 160;
        out
    }
}

#[test]
fn comfort_noise_is_heard_until_sound_comes_back() {
    let mut line = Line::new();
    let voice = speech(Rate::NARROW, 1.0);
    for frame in voice.chunks_exact(160).take(20) {
        line.say(frame);
    }
    line.ears.insert_noise(line.now, Seq(line.seq), RtpTime(line.timestamp), &[45]);
    line.seq += 1;
    let quiet: Vec<i16> = (0..50).flat_map(|_| line.pass()).collect();
    let level = rms_dbov(&quiet[1_600..]);
    assert!((level + 45.0).abs() < 2.0, "{level}");
    let back: Vec<i16> = voice.chunks_exact(160).take(20).flat_map(|frame| line.say(frame)).collect();
    assert!(rms_dbov(&back[1_600..]) > -30.0);
    assert_eq!(line.ears.tally().concealed, 0, "a described silence is no loss");
}

#[test]
fn a_pause_is_silent_and_no_loss() {
    let mut line = Line::new();
    let voice = speech(Rate::NARROW, 1.0);
    for frame in voice.chunks_exact(160).take(20) {
        line.say(frame);
    }
    let pause: Vec<i16> = (0..50).flat_map(|_| line.pass()).collect();
    assert!(pause[1_600..].iter().all(|sample| *sample == 0));
    let back: Vec<i16> = voice.chunks_exact(160).take(10).flat_map(|frame| line.say(frame)).collect();
    let plain: Vec<i16> = back[320 + 160..].to_vec();
    let mut payload = vec![0; voice.len()];
    Codec::Pcmu.encode(&voice, &mut payload);
    let mut expected = vec![0; voice.len()];
    Codec::Pcmu.decode(&payload, &mut expected);
    assert!(plain == expected[160..160 + plain.len()], "it goes on sample for sample");
    assert_eq!(line.ears.tally().concealed, 0);
}

#[test]
fn keys_instead_of_sound_are_silence_at_once() {
    let mut line = Line::new();
    let voice = speech(Rate::NARROW, 1.0);
    for frame in voice.chunks_exact(160).skip(4).take(20) {
        line.say(frame);
    }
    let mut heard = Vec::new();
    for _ in 0..10 {
        line.ears.mute(Seq(line.seq));
        line.seq += 1;
        heard.extend(line.pass());
    }
    assert!(heard[320 + 40..].iter().all(|sample| *sample == 0), "what lay in the buffer, and no more");
    for frame in voice.chunks_exact(160).take(5) {
        line.say(frame);
    }
    assert_eq!(line.ears.tally().concealed, 0);
}

#[test]
fn a_late_burst_is_heard_whole_and_the_delay_comes_back_down() {
    let rate = Rate::NARROW;
    let sender = Sender::new(Codec::Pcmu, rate, 20, &speech(rate, 5.0));
    // In the fourth second the network stands still for 100 ms, then everything comes at once.
    let run = run(&sender, rate, Delay::PATIENT, 12, 0.0, |n| match n {
        150..155 => vec![f64::from(155 - n as u32) * 20.0],
        _ => vec![0.0],
    });
    let tally = run.ears.tally();
    assert_eq!(run.ears.packets.late(), 0);
    let all = 320 + tally.played + tally.concealed + tally.added - tally.removed;
    assert!(all.abs_diff(run.heard.len() as u64) <= 400, "{tally:?} in {}", run.heard.len());
    assert!(run.delays[156] >= 95, "{}", run.delays[156]);
    assert!(*run.delays.last().unwrap() <= 65, "{:?} {tally:?}", run.delays.last());
    assert!(tally.concealed <= 100 * 8, "{tally:?}");
}

#[test]
fn any_network_is_survived_with_every_frame_filled_and_the_delay_in_bounds() {
    for seed in 1..40 {
        let mut random = Random(seed * 7_919);
        let (codec, rate) = ALL[random.below(4)];
        let sender = Sender::new(codec, rate, [10, 20, 30, 40][random.below(4)], &speech(rate, 3.0));
        let (loss, jitter, spike) = (random.below(30), 1 + random.below(120), random.below(3));
        let mut dice = Random(seed * 31 + 1);
        let ppm = random.below(2_000) as f64 - 1_000.0;
        let run = run(&sender, rate, Delay::PATIENT, 3, ppm, |_| {
            if dice.below(100) < loss {
                return vec![];
            }
            let late = dice.below(jitter) + if dice.below(100) < spike { dice.below(600) } else { 0 };
            (0..1 + usize::from(dice.below(10) == 0)).map(|_| late as f64).collect()
        });
        let most = run.delays.iter().max().copied().unwrap_or(0);
        assert!(most <= 460, "SEED={seed}: {most} ms, loss {loss} jitter {jitter} spikes {spike}");
        assert!(steepest(&run.heard) < 40_000);
    }
}

#[test]
fn broken_packets_are_survived_in_any_codec() {
    for (codec, rate) in ALL {
        let mut random = Random(77);
        let others = [Codec::G722, Codec::Opus, Codec::Pcma];
        let mut ears = Ears::new(codec, rate, &others, Delay::CONVERSATION).unwrap();
        let mut out = vec![0; rate.samples(MS(20))];
        let mut now = 0u32;
        for n in 0..3_000u32 {
            let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
            let seq = Seq(n as u16 + random.below(3) as u16);
            let ticks = codec.clock() / 50;
            let timestamp =
                RtpTime(n * ticks + if random.below(20) == 0 { random.below(90_000) as u32 } else { 0 });
            match random.below(10) {
                0 => drop(ears.insert_noise(now, seq, timestamp, &bytes)),
                1 => ears.mute(seq),
                2 if random.below(50) == 0 => ears.reset(),
                _ => drop(ears.insert(now, seq, timestamp, random.below(4) as u8, &bytes)),
            }
            if random.below(100) == 0 {
                let other = [Codec::G722, Codec::Opus, Codec::Pcma][random.below(3)];
                drop(Interpreter::new(other, rate).map(|interpreter| ears.equip(Box::new(interpreter))));
            }
            ears.read(now, &mut out);
            now = now.wrapping_add(ticks);
        }
    }
}

#[test]
fn a_codec_whose_decoder_is_on_its_way_is_made_up_for_until_it_is_there() {
    let rate = Rate::NARROW;
    let sender = Sender::new(Codec::Opus, Rate::FULL, 20, &speech(Rate::FULL, 2.0));
    let mut ears = Ears::new(Codec::Pcmu, rate, &[Codec::G722, Codec::Opus], Delay::PATIENT).unwrap();
    let (mut heard, mut asked) = (Vec::new(), 0);
    for (n, packet) in sender.packets.iter().enumerate() {
        let now = n as u32 * 160;
        ears.insert(now, Seq(n as u16), RtpTime(now), 2, packet);
        asked += usize::from(ears.wants(2, now) == Some(Codec::Opus));
        if n == 30 {
            let wrong = Box::new(Interpreter::new(Codec::Opus, Rate::WIDE).unwrap());
            assert!(ears.equip(wrong).is_some(), "made for what the leg was before");
            assert!(ears.equip(Box::new(Interpreter::new(Codec::Opus, rate).unwrap())).is_none());
        }
        let mut out = vec![7; 160];
        ears.read(now, &mut out);
        heard.extend(out);
    }
    assert_eq!(asked, 1, "once, and again only after a second without it");
    assert!(heard[..30 * 160].iter().all(|sample| *sample == 0), "nothing was heard that could go on");
    assert!(rms_dbov(&heard[40 * 160..]) > -35.0);
    let tally = ears.tally();
    assert_eq!((tally.concealed, tally.played), (28 * 160, 72 * 160));
}
