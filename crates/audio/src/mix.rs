//! Mixing: sums of frames, everybody's own taken out again, and what is too loud bent instead of wrapped.
//!
//! A sum is of 32 bits, so that some ten thousand voices at full scale fit in it, and what is subtracted from it is
//! exactly what was added.
//! Up to [`KNEE`] a sum is heard as it is; beyond, it approaches full scale and never reaches past it.
//! The loops are plain and of equal lengths, which is what the compiler needs to vectorise them.

/// Up to here, 2.5 dB below full scale, nothing is bent.
pub const KNEE: i32 = 24_576;

/// What is left above the knee.
const REST: f32 = (i16::MAX as i32 - KNEE) as f32;

/// Where floats are whole numbers.
const WHOLE: f32 = 8_388_608.0;

/// A linear gain in steps of 1/4096, from -8 to 8 (18 dB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain(i32);

impl Gain {
    /// As it is.
    pub const UNITY: Gain = Gain(4_096);

    /// Nothing.
    pub const NONE: Gain = Gain(0);

    /// From a factor, cut to what is possible; one that is no number is unity.
    pub fn new(factor: f32) -> Gain {
        if factor.is_nan() { Gain::UNITY } else { Gain((factor.clamp(-8.0, 8.0) * 4_096.0).round() as i32) }
    }

    /// The gain that is still to be added to what was mixed with `other`.
    pub fn beyond(self, other: Gain) -> Gain {
        Gain((self.0 - other.0).clamp(-8 * 4_096, 8 * 4_096))
    }

    fn of(self, sample: i16) -> i32 {
        (i32::from(sample) * self.0) >> 12
    }
}

/// Add a frame to a sum. The shorter of both counts.
pub fn add(sum: &mut [i32], frame: &[i16]) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(*sample);
    }
}

/// Add a frame with a gain of its own.
pub fn add_scaled(sum: &mut [i32], frame: &[i16], gain: Gain) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += gain.of(*sample);
    }
}

/// Everybody but one: `sum` without `own`, which is part of it, to `rest`.
pub fn without(sum: &[i32], own: &[i16], rest: &mut [i32]) {
    for ((rest, sum), own) in rest.iter_mut().zip(sum).zip(own) {
        *rest = sum - i32::from(*own);
    }
}

/// Everybody but one, as a frame. `peak` is at least the largest magnitude in it: the sum's and the one's together do.
pub fn others(sum: &[i32], own: &[i16], peak: i32, frame: &mut [i16]) {
    if peak <= KNEE {
        for ((frame, sum), own) in frame.iter_mut().zip(sum).zip(own) {
            *frame = saturate(sum - i32::from(*own));
        }
    } else {
        for ((frame, sum), own) in frame.iter_mut().zip(sum).zip(own) {
            *frame = bend(sum - i32::from(*own));
        }
    }
}

/// A sum as a frame. `peak` is at least the largest magnitude in it.
pub fn settle(sum: &[i32], peak: i32, frame: &mut [i16]) {
    if peak <= KNEE {
        for (frame, sum) in frame.iter_mut().zip(sum) {
            *frame = saturate(*sum);
        }
    } else {
        for (frame, sum) in frame.iter_mut().zip(sum) {
            *frame = bend(*sum);
        }
    }
}

/// Change a frame's level; what gets too loud saturates.
pub fn scale(frame: &mut [i16], gain: Gain) {
    for sample in frame {
        *sample = saturate(gain.of(*sample));
    }
}

/// Let a frame fade away, from its level to nothing.
pub fn fade_out(frame: &mut [i16]) {
    let len = frame.len().max(1) as i32;
    for (n, sample) in frame.iter_mut().enumerate() {
        *sample = (i32::from(*sample) * (len - n as i32) / len) as i16;
    }
}

/// The largest magnitude in a sum.
pub fn peak(sum: &[i32]) -> i32 {
    let (low, high) = sum.iter().fold((0, 0), |(low, high), sum| (*sum.min(&low), *sum.max(&high)));
    high.max(low.saturating_neg())
}

fn saturate(sum: i32) -> i16 {
    sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The knee: a straight line up to it, then a curve of the same slope towards full scale.
fn bend(sum: i32) -> i16 {
    let over = (sum.saturating_abs() - KNEE).max(0) as f32;
    let kept = sum.clamp(-KNEE, KNEE);
    // Beside 2²³ a float's last bits are an integer; a cast would see to numbers that cannot occur, and cost thrice.
    let bent = ((REST * over / (over + REST) + WHOLE).to_bits() - WHOLE.to_bits()) as i32;
    (kept + if sum < 0 { -bent } else { bent }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(seed: u32, len: usize, amplitude: i32) -> Vec<i16> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as i32 % (2 * amplitude + 1) - amplitude
        };
        (0..len).map(|_| next() as i16).collect()
    }

    #[test]
    fn everybody_but_one_is_exact() {
        for members in [2, 3, 10, 40] {
            let voices: Vec<Vec<i16>> = (0..members).map(|n| voice(n, 160, 500)).collect();
            let mut sum = vec![0; 160];
            voices.iter().for_each(|voice| add(&mut sum, voice));
            for (n, own) in voices.iter().enumerate() {
                let mut frame = [0; 160];
                others(&sum, own, peak(&sum) + 500, &mut frame);
                for at in 0..160 {
                    let wanted: i32 = (0..voices.len())
                        .filter(|other| *other != n)
                        .map(|other| i32::from(voices[other][at]))
                        .sum();
                    assert_eq!(i32::from(frame[at]), wanted);
                }
            }
        }
    }

    #[test]
    fn what_is_too_loud_bends_and_never_wraps() {
        let mut last = [i16::MIN; 1];
        for sum in (-3_000_000..3_000_000).step_by(257) {
            let mut frame = [0];
            settle(&[sum], 3_000_000, &mut frame);
            assert!(frame >= last, "louder is never quieter: {sum}");
            if sum.abs() <= KNEE {
                assert_eq!(i32::from(frame[0]), sum);
            }
            assert_eq!(i32::from(frame[0]).signum(), sum.signum());
            last = frame;
        }
        for extreme in [i32::MIN, i32::MAX] {
            let mut frame = [0];
            settle(&[extreme], i32::MAX, &mut frame);
            assert!(frame[0].unsigned_abs() >= 32_766);
        }
    }

    #[test]
    fn five_hundred_at_full_scale_are_loud_and_whole() {
        let mut sum = vec![0; 320];
        let square: Vec<i16> = (0..320).map(|n| if n % 16 < 8 { i16::MAX } else { i16::MIN }).collect();
        (0..500).for_each(|_| add(&mut sum, &square));
        let mut frame = [0; 320];
        others(&sum, &square, peak(&sum) + 32_768, &mut frame);
        assert!(frame.iter().zip(&square).all(|(heard, said)| heard.signum() == said.signum()));
        assert!(frame.iter().all(|sample| sample.unsigned_abs() > 32_700));
    }

    #[test]
    fn gains_are_factors() {
        let mut frame = [1_000, -1_000, 30_000];
        scale(&mut frame, Gain::new(2.0));
        assert_eq!(frame, [2_000, -2_000, 32_767]);
        scale(&mut frame, Gain::NONE);
        assert_eq!(frame, [0; 3]);
        let mut sum = [10; 2];
        add_scaled(&mut sum, &[400, -400], Gain::new(0.25));
        assert_eq!(sum, [110, -90]);
        add_scaled(&mut sum, &[400, -400], Gain::new(1.5).beyond(Gain::UNITY));
        assert_eq!(sum, [310, -290]);
        assert_eq!(Gain::new(f32::NAN), Gain::UNITY);
        assert_eq!(Gain::new(1e9), Gain::new(8.0));
    }

    #[test]
    fn a_faded_frame_ends_in_nothing() {
        let mut frame = [8_000; 160];
        fade_out(&mut frame);
        assert_eq!(frame[0], 8_000);
        assert!(frame.windows(2).all(|two| two[1] <= two[0]) && frame[159] <= 50);
    }
}
