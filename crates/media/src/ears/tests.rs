//! What ears make of streams: a sender, a network and a reader in virtual time.

use audio::codec::{Decoder, Encoder, OpusSettings};
use audio::level::rms_dbov;

use super::*;

mod measures;
mod streams;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A die.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// Something like speech: syllables of a gliding voice with short pauses between them.
fn speech(rate: Rate, seconds: f32) -> Vec<i16> {
    let mut random = Random(99);
    let (mut phase, mut sound) = (0.0f32, Vec::new());
    while sound.len() < (seconds * rate.0 as f32) as usize {
        let (pitch, glide) = (100.0 + random.below(90) as f32, random.below(60) as f32 - 30.0);
        let (formant, length) =
            (400.0 + random.below(1_200) as f32, rate.0 as usize * (120 + random.below(150)) / 1_000);
        for n in 0..length {
            let part = n as f32 / length as f32;
            phase += (pitch + glide * part) / rate.0 as f32;
            let envelope = (part * std::f32::consts::PI).sin().sqrt();
            let sum: f32 = (1..24)
                .map(|h| {
                    let distance = (pitch * h as f32 - formant) / 300.0;
                    (phase * h as f32 * std::f32::consts::TAU).sin()
                        * (0.15 / h as f32 + 0.6 / (1.0 + distance * distance))
                })
                .sum();
            sound.push((sum * envelope * 5_000.0) as i16);
        }
        sound.extend(std::iter::repeat_n(0, rate.0 as usize * random.below(90) / 1_000));
    }
    sound
}

/// A sender's packets: numbered, with timestamps, and when they leave by its own clock.
struct Sender {
    codec: Codec,
    packets: Vec<Vec<u8>>,
    ptime_ms: u32,
}

impl Sender {
    fn new(codec: Codec, rate: Rate, ptime_ms: u32, sound: &[i16]) -> Sender {
        let settings = OpusSettings { fec: true, complexity: 3, ..OpusSettings::default() };
        let mut encoder = Encoder::new(codec, rate, &settings).unwrap();
        encoder.expect_loss(20);
        let packets = sound
            .chunks_exact((rate.0 * ptime_ms / 1_000) as usize)
            .map(|frame| {
                let mut payload = vec![0; MAX_PAYLOAD];
                let n = encoder.encode(frame, &mut payload);
                payload.truncate(n);
                payload
            })
            .collect();
        Sender { codec, packets, ptime_ms }
    }

    fn ticks(&self) -> u32 {
        self.codec.clock() / 1_000 * self.ptime_ms
    }
}

/// What came of a run.
struct Run {
    heard: Vec<i16>,
    ears: Ears,
    /// The delay after each frame, in milliseconds.
    delays: Vec<u32>,
}

/// Play `times` over what `sender` has, through a network that says for each packet when it arrives (in ms after it
/// was sent) and how often, to a reader of 20 ms. `ppm` is how much slower the sender's clock is than the reader's.
fn run(
    sender: &Sender,
    rate: Rate,
    delay: Delay,
    times: usize,
    ppm: f64,
    mut network: impl FnMut(usize) -> Vec<f64>,
) -> Run {
    let mut ears = Ears::new(sender.codec, rate, &[], delay).unwrap();
    let frame = rate.samples(MS(20));
    let count = sender.packets.len() * times;
    let ptime = f64::from(sender.ptime_ms) * (1.0 + ppm / 1e6);
    let (mut flying, mut next) = (Vec::<(f64, usize)>::new(), 0);
    let (mut heard, mut delays) = (Vec::new(), Vec::new());
    let (first, begin) = (65_000u16, u32::MAX - 70_000);
    for turn in 0..(count as f64 * ptime / 20.0) as u32 {
        let at = f64::from(turn) * 20.0;
        while next < count && next as f64 * ptime <= at {
            flying.extend(network(next).into_iter().map(|late| (next as f64 * ptime + late, next)));
            next += 1;
        }
        flying.sort_by(|a, b| a.0.total_cmp(&b.0));
        let now = (turn * 20).wrapping_mul(sender.codec.clock() / 1_000);
        let arrived = flying.iter().take_while(|(due, _)| *due <= at).count();
        for (_, n) in flying.drain(..arrived) {
            let timestamp = RtpTime((n as u32).wrapping_mul(sender.ticks()).wrapping_add(begin));
            let seq = Seq((n as u16).wrapping_add(first));
            ears.insert(now, seq, timestamp, 0, &sender.packets[n % sender.packets.len()]);
        }
        let mut out = vec![7; frame];
        ears.read(now, &mut out);
        heard.extend(out);
        delays.push(ears.delay().as_millis() as u32);
    }
    Run { heard, ears, delays }
}

/// What a decoder makes of all packets without a network between.
fn plain(sender: &Sender, rate: Rate, times: usize) -> Vec<i16> {
    let mut decoder = Decoder::new(sender.codec, rate).unwrap();
    let mut out = vec![0; rate.samples(LONGEST)];
    let mut sound = Vec::new();
    for n in 0..sender.packets.len() * times {
        let count = decoder.decode(&sender.packets[n % sender.packets.len()], &mut out);
        sound.extend_from_slice(&out[..count]);
    }
    sound
}

fn signal_to_noise(sound: &[i16], heard: &[i16]) -> f32 {
    let error: Vec<i16> = sound.iter().zip(heard).map(|(a, b)| a.saturating_sub(*b)).collect();
    rms_dbov(&sound[..error.len()]) - rms_dbov(&error)
}

/// The greatest step from a sample to the next.
fn steepest(sound: &[i16]) -> i32 {
    sound.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap_or(0)
}
