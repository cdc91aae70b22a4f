//! Measured: clocks that run apart, jitter, loss, and what is heard of it.

use super::*;

/// Frames of 20 ms that are much quieter in `heard` than in `sound`, in percent of those that are not quiet there.
fn gaps(sound: &[i16], heard: &[i16], frame: usize) -> f32 {
    let loud: Vec<(f32, f32)> = sound
        .chunks_exact(frame)
        .zip(heard.chunks_exact(frame))
        .map(|(a, b)| (rms_dbov(a), rms_dbov(b)))
        .filter(|(original, _)| *original > -35.0)
        .collect();
    loud.iter().filter(|(original, heard)| *heard < original - 12.0).count() as f32 * 100.0
        / loud.len().max(1) as f32
}

#[test]
fn an_hour_of_clocks_that_run_apart_neither_drifts_nor_clicks() {
    let rate = Rate::NARROW;
    let sender = Sender::new(Codec::Pcmu, rate, 20, &speech(rate, 10.0));
    let steep = steepest(&plain(&sender, rate, 2));
    for ppm in [200.0, -200.0] {
        let mut random = Random(3);
        let jitter = |_| vec![random.below(30) as f64 / 10.0];
        let run = run(&sender, rate, Delay::PATIENT, 360, ppm, jitter);
        let (least, most) = (run.delays[50..].iter().min().unwrap(), run.delays.iter().max().unwrap());
        let tally = run.ears.tally();
        println!("{ppm:+} ppm: delay {least} to {most} ms, {tally:?}");
        assert!(*most <= 85, "{ppm} ppm: {least} to {most} ms");
        assert_eq!(tally.concealed, 0, "{ppm} ppm");
        assert!(steepest(&run.heard) <= steep * 6 / 5, "{ppm} ppm: a click");
        // 200 ppm of an hour are 720 ms.
        let moved = (tally.added as i64 - tally.removed as i64) / 8;
        assert!((moved - ppm as i64 * 36 / 10).abs() < 40, "{ppm} ppm: {moved} ms");
    }
}

#[test]
fn jitter_is_met_with_delay_and_little_is_made_up() {
    let rate = Rate::NARROW;
    let sender = Sender::new(Codec::Pcmu, rate, 20, &speech(rate, 10.0));
    let patient = [(0, 0.0, 40), (10, 0.0, 65), (30, 0.1, 75), (60, 0.5, 115)];
    let talking = [(0, 0.0, 25), (10, 0.1, 45), (30, 0.1, 65), (60, 0.5, 115)];
    let rows = patient.map(|row| (Delay::PATIENT, row)).into_iter();
    for (kind, (jitter, concealed, delay)) in rows.chain(talking.map(|row| (Delay::CONVERSATION, row))) {
        let mut random = Random(17);
        let run = run(&sender, rate, kind, 6, 0.0, |_| vec![random.below(jitter * 10 + 1) as f64 / 10.0]);
        let tally = run.ears.tally();
        let share = tally.concealed as f32 * 100.0 / run.heard.len() as f32;
        let last = *run.delays.last().unwrap();
        println!("jitter {jitter} ms: {share:.2} % concealed, delay {last} ms, {tally:?}");
        assert!(share <= concealed, "jitter {jitter}: {share} % of {tally:?}");
        assert!(last <= delay, "jitter {jitter}: {last} ms");
    }
}

/// Random loss, or bursts of three on the mean (a Gilbert model).
fn loss(percent: usize, bursty: bool) -> impl FnMut(usize) -> Vec<f64> {
    let (mut random, mut bad) = (Random(5), false);
    move |n| {
        let lost = if bursty {
            bad = if bad { random.below(3) > 0 } else { random.below(30_000) < 100 * percent };
            bad
        } else {
            random.below(100) < percent
        };
        if lost && n > 5 { vec![] } else { vec![0.0] }
    }
}

/// How far the spectra of two sounds are apart, in dB: the mean over frames that are loud in the original and over
/// bands of a third of an octave or so, of which none counts for less than 40 dB below the frame's loudest.
fn distance(sound: &[i16], heard: &[i16], rate: Rate) -> f32 {
    let bands: Vec<f32> = (0..14).map(|n| 200.0 * 1.22f32.powi(n)).collect();
    let spectrum = |frame: &[i16]| -> Vec<f32> {
        let power = |hertz: &f32| {
            let turn = hertz / rate.0 as f32 * std::f32::consts::TAU;
            let (mut re, mut im) = (0.0f32, 0.0f32);
            for (n, sample) in frame.iter().enumerate() {
                let window = (n as f32 / frame.len() as f32 * std::f32::consts::PI).sin().powi(2);
                re += f32::from(*sample) * window * (turn * n as f32).cos();
                im += f32::from(*sample) * window * (turn * n as f32).sin();
            }
            10.0 * (re * re + im * im + 1.0).log10()
        };
        bands.iter().map(power).collect()
    };
    let (mut sum, mut count) = (0.0f32, 0.0f32);
    let frame = rate.samples(MS(20));
    for (a, b) in sound.chunks_exact(frame).zip(heard.chunks_exact(frame)) {
        if rms_dbov(a) > -35.0 {
            let (a, b) = (spectrum(a), spectrum(b));
            let floor = a.iter().copied().fold(0.0, f32::max) - 40.0;
            let apart = a.iter().zip(&b).map(|(a, b)| (a.max(floor) - b.max(floor)).powi(2)).sum::<f32>();
            sum += (apart / bands.len() as f32).sqrt();
            count += 1.0;
        }
    }
    sum / count.max(1.0)
}

#[test]
fn losses_are_made_up_for_so_that_speech_goes_on() {
    for (codec, rate) in [(Codec::Pcmu, Rate::NARROW), (Codec::G722, Rate::WIDE), (Codec::Opus, Rate::NARROW)]
    {
        let sender = Sender::new(codec, rate, 20, &speech(rate, 12.0));
        let plain = plain(&sender, rate, 1);
        let (start, frame) = (rate.samples(MS(40)), rate.samples(MS(20)));
        for (percent, bursty) in [(1, false), (5, false), (10, false), (5, true), (10, true)] {
            let run = run(&sender, rate, Delay::PATIENT, 1, 0.0, loss(percent, bursty));
            let heard = &run.heard[start..];
            let mut network = loss(percent, bursty);
            let mut silenced = plain.clone();
            for (n, part) in silenced.chunks_mut(frame).enumerate() {
                if network(n).is_empty() {
                    part.fill(0);
                }
            }
            let (with, without) = (distance(&plain, heard, rate), distance(&plain, &silenced, rate));
            let (torn, quiet) = (gaps(&plain, heard, frame), gaps(&plain, &silenced, frame));
            let how = if bursty { "in bursts" } else { "at random" };
            println!(
                "{codec:?} {percent} % {how}: spectra {with:.2} dB apart, {without:.2} with silence; \
                 gaps {torn:.1} %, {quiet:.1} with silence"
            );
            let case = format!("{codec:?} {percent} % {how}: {with} of {without} dB, {torn} of {quiet} %");
            // Bursts of three are longer than what can be made up.
            let (near, whole) = match (bursty, percent) {
                (true, _) => (0.85, 0.8),
                (false, 1) => (1.0, 0.25),
                _ => (0.7, 0.25),
            };
            assert!(with < without * near, "{case}");
            assert!(torn < quiet * whole + 0.2, "{case}");
        }
    }
}

#[test]
fn opus_tells_of_a_lost_packet_in_the_one_after_it() {
    let rate = Rate::WIDE;
    let sender = Sender::new(Codec::Opus, rate, 20, &speech(rate, 10.0));
    let plain = plain(&sender, rate, 1);
    let every_tenth = |n: usize| if n % 10 == 9 { vec![] } else { vec![0.0] };
    // With two packets' delay the next one is here when one is missing; with none it is not.
    let run = run(&sender, rate, Delay::PATIENT, 1, 0.0, every_tenth);
    let start = rate.samples(MS(40));
    let recovered = signal_to_noise(&plain, &run.heard[start..]);
    let made_up = run.ears.tally().concealed as f32 / run.heard.len() as f32;
    println!("one in ten lost: {recovered:.1} dB, {:.2} % made up", made_up * 100.0);
    assert!(made_up < 0.02, "{made_up}");
    assert!(recovered > 6.0, "{recovered}");
}

#[test]
fn a_frame_of_an_even_stream_costs_little_and_ears_are_small() {
    let rate = Rate::NARROW;
    let mut ears = Ears::new(Codec::Pcmu, rate, &[], Delay::PATIENT).unwrap();
    let payload = [0x55; 160];
    let mut out = [0; 160];
    let mut turn = |n: u32| {
        ears.insert(n * 160, Seq(n as u16), RtpTime(n * 160), 0, &payload);
        ears.read(n * 160, &mut out);
    };
    (0..1_000).for_each(&mut turn);
    let frames = 20_000;
    let begin = std::time::Instant::now();
    (1_000..1_000 + frames).for_each(&mut turn);
    let each = begin.elapsed() / frames;
    let size = size_of::<Ears>();
    println!("{each:?} a frame of PCMU through the ears, {size} bytes and what they point to");
    // In a build without optimisation, on a busy machine; the figure is printed for others.
    assert!(each < Duration::from_micros(60), "{each:?}");
    assert!(size < 4_096, "{size}");
}

/// What ears have, with all that they point to but the codec's own: bytes a leg.
#[test]
fn ears_have_the_memory_that_their_codec_needs() {
    for (codec, rate, most) in [
        (Codec::Pcmu, Rate::NARROW, 12_000),
        (Codec::G722, Rate::WIDE, 16_000),
        (Codec::L16(Rate::WIDE), Rate::WIDE, 32_000),
        (Codec::Opus, Rate::NARROW, 24_000),
        (Codec::Opus, Rate::FULL, 48_000),
    ] {
        let ears = Ears::new(codec, rate, &[], Delay::CONVERSATION).unwrap();
        let (own, packets, sound) = (size_of_val(&ears), ears.packets.reserved(), 2 * ears.sound.capacity());
        let all = own + packets + sound + 2 * 2 * ears.concealer.heard().len();
        println!(
            "{codec:?} at {rate}: {all} bytes; {own} of the ears, {packets} for packets, {sound} for sound"
        );
        assert!(all <= most, "{codec:?} at {rate}: {all}");
    }
}
