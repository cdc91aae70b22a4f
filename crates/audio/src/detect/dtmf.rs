//! Keys in the sound itself, for the peers that do not send them as RFC 4733 events.
//!
//! Eight Goertzel filters over blocks of 12.75 ms; a key counts when two blocks in a row agree, and again only after two blocks without it.
//! Within ITU-T Q.24: 40 ms of tone are heard, 23 ms are not required to be, twist up to 8 dB is borne.

use super::Goertzel;
use crate::Rate;
use crate::tone::{COLUMNS, KEYS, ROWS};

/// Listens for keys; feed it every sample in order.
#[derive(Debug, Clone)]
pub struct Dtmf {
    rows: [Goertzel; 4],
    columns: [Goertzel; 4],
    /// Samples a block: 102 at 8 kHz, where the bins fall best on the eight frequencies.
    block: usize,
    filled: usize,
    energy: f32,
    last: Option<char>,
    held: Option<char>,
    misses: u8,
}

/// The quietest tone that counts, as a mean square of either frequency: about -42 dBov.
const QUIETEST: f32 = 32_768.0 * 32_768.0 * 6e-5;
/// The high tone may be this much louder than the low one: 8 dB. Trunks and old sets do that.
const TWIST: f32 = 6.3;
/// The low tone may be this much louder than the high one: 8 dB, as long cables make it.
const REVERSE_TWIST: f32 = 6.3;
/// Both tones stand out of their group by this much: 8 dB.
const STANDS_OUT: f32 = 6.3;
/// The share of a block's energy in the two tones; speech has its energy elsewhere too.
const SHARE: f32 = 0.70;

impl Dtmf {
    /// A detector for sound of `rate`.
    pub fn new(rate: Rate) -> Dtmf {
        Dtmf {
            rows: ROWS.map(|hertz| Goertzel::new(rate, hertz)),
            columns: COLUMNS.map(|hertz| Goertzel::new(rate, hertz)),
            block: (rate.hertz() as usize * 102 / 8_000).max(1),
            filled: 0,
            energy: 0.0,
            last: None,
            held: None,
            misses: 0,
        }
    }

    /// Takes the next samples and calls `pressed` for each key that begins in them.
    pub fn push(&mut self, samples: &[i16], mut pressed: impl FnMut(char)) {
        for &sample in samples {
            let sample = f32::from(sample);
            self.energy += sample * sample;
            for filter in self.rows.iter_mut().chain(&mut self.columns) {
                filter.push(sample);
            }
            self.filled += 1;
            if self.filled == self.block
                && let Some(key) = self.end_block()
            {
                pressed(key);
            }
        }
    }

    /// The key being held, once it counts.
    pub fn held(&self) -> Option<char> {
        self.held
    }

    fn end_block(&mut self) -> Option<char> {
        let key = self.judge();
        self.filled = 0;
        self.energy = 0.0;
        self.rows.iter_mut().chain(&mut self.columns).for_each(Goertzel::reset);
        let twice = key.is_some() && key == self.last;
        self.last = key;
        if key == self.held {
            self.misses = 0;
            return None;
        }
        if twice {
            self.held = key;
            self.misses = 0;
            return key;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= 2 {
            self.held = None;
        }
        None
    }

    /// Which key the filled block sounds like.
    fn judge(&self) -> Option<char> {
        let (row, low) = strongest(&self.rows)?;
        let (column, high) = strongest(&self.columns)?;
        // A sine's Goertzel power is its energy times half the block.
        let scale = self.block as f32 / 2.0;
        let quietest = QUIETEST * self.block as f32 * scale;
        let loud = low >= quietest && high >= quietest;
        let level = high <= low * TWIST && low <= high * REVERSE_TWIST;
        let pure = low + high >= SHARE * self.energy * scale;
        if loud && level && pure { KEYS.get(row * 4 + column).copied() } else { None }
    }
}

/// The filter that stands out of its group, and its power.
fn strongest(group: &[Goertzel; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|filter| filter.power());
    let (at, &most) = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let others = powers.iter().enumerate().filter(|&(other, _)| other != at);
    others.map(|(_, power)| power * STANDS_OUT).all(|power| power <= most).then_some((at, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pcm;
    use crate::tone;
    use std::time::Duration;

    fn keys_in(sound: &Pcm, frame: usize) -> String {
        let mut detector = Dtmf::new(sound.rate);
        let mut keys = String::new();
        for part in sound.samples.chunks(frame) {
            detector.push(part, |key| keys.push(key));
        }
        keys
    }

    fn dialled(keys: &str, on: u64, off: u64, rate: Rate) -> Pcm {
        let mut sound = Pcm::silence(rate, Duration::from_millis(37));
        for key in keys.chars() {
            sound.append(&tone::dtmf(key, Duration::from_millis(on), rate));
            sound.append(&Pcm::silence(rate, Duration::from_millis(off)));
        }
        sound
    }

    const ALL: &str = "123A456B789C*0#D";

    #[test]
    fn every_key_is_heard_once_at_every_rate_and_frame_length() {
        for rate in [Rate::NARROW, Rate::WIDE, Rate::FULL] {
            for frame in [1, 80, 160, 333, 100_000] {
                assert_eq!(keys_in(&dialled(ALL, 80, 80, rate), frame), ALL, "{rate} in {frame}s");
            }
        }
    }

    #[test]
    fn the_shortest_key_of_the_standard_is_heard() {
        assert_eq!(keys_in(&dialled("1122", 45, 45, Rate::NARROW), 160), "1122");
    }

    #[test]
    fn a_key_held_long_counts_once_and_a_short_gap_does_not_split_it() {
        let mut sound = tone::dtmf('5', Duration::from_secs(2), Rate::NARROW);
        sound.samples[8_000..8_060].fill(0);
        assert_eq!(keys_in(&sound, 160), "5");
    }

    #[test]
    fn quiet_and_twisted_keys_are_heard() {
        let mut quiet = dialled(ALL, 80, 80, Rate::NARROW);
        quiet.samples.iter_mut().for_each(|sample| *sample /= 12);
        assert_eq!(keys_in(&quiet, 160), ALL);
    }

    #[test]
    fn keys_survive_g711() {
        for codec in [crate::codec::Codec::Pcmu, crate::codec::Codec::Pcma] {
            let mut sound = dialled(ALL, 70, 60, Rate::NARROW);
            let mut payload = vec![0; sound.samples.len()];
            codec.encode(&sound.samples, &mut payload);
            codec.decode(&payload, &mut sound.samples);
            assert_eq!(keys_in(&sound, 160), ALL);
        }
    }

    #[test]
    fn other_tones_and_noise_are_no_keys() {
        let length = Duration::from_secs(1);
        for hertz in [&[440][..], &[350, 440], &[480, 620], &[697], &[1_209], &[697, 770], &[1_000, 2_000]] {
            assert_eq!(
                keys_in(&tone::render(hertz, length, Duration::ZERO, length, Rate::NARROW), 160),
                "",
                "{hertz:?}"
            );
        }
        let mut state = 1u32;
        let noise = (0..80_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        });
        assert_eq!(keys_in(&Pcm::new(Rate::NARROW, noise.collect()), 160), "");
    }
}
