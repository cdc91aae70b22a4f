//! Making tones: single and summed frequencies, the keys of a telephone, and the signals of each country's network.
//!
//! Every stretch of tone begins and ends with a short ramp, so that nothing clicks; what is repeated without a pause has
//! none ([`Cadence::render_for`]).

mod countries;
mod dtmf;
mod network;

pub use countries::CODES;
pub(crate) use dtmf::{COLUMNS, ROWS};
pub use dtmf::{KEYS, dtmf, frequencies};
pub use network::{Cadence, Country, Signal, country};

use std::f64::consts::{PI, TAU};
use std::time::Duration;

use crate::{Pcm, Rate};

/// What all frequencies of a tone together reach at most: -12 dBFS, so -15 dBov for one sine.
/// Loud enough over any line and well below a voice's peaks.
const PEAK: f64 = 8_231.0;
/// The ramp at each end of a stretch of tone: 5 ms, a tenth of the shortest key press.
const RAMP: Duration = Duration::from_millis(5);

/// A tone that is `on`, then `off`, again and again until `total` is full; `off` of zero is a tone without pause.
/// `hertz` sound together, equally loud; none of them is silence.
pub fn render(hertz: &[u16], on: Duration, off: Duration, total: Duration, rate: Rate) -> Pcm {
    let partials = partials(hertz);
    let mut sound = Pcm::silence(rate, total);
    let (on, period) = if off.is_zero() { (total, total) } else { (on, on + off) };
    let period = rate.samples(period).max(1);
    for stretch in sound.samples.chunks_mut(period) {
        let on = rate.samples(on).min(stretch.len());
        if let Some(stretch) = stretch.get_mut(..on) {
            sing(stretch, &partials, rate, RAMP);
        }
    }
    sound
}

/// A piece of a tone that goes on for ever, to be repeated: so long that it ends where it begins.
fn piece(hertz: &[u16], length: Duration, rate: Rate) -> Pcm {
    let mut sound = Pcm::silence(rate, length);
    sing(&mut sound.samples, &partials(hertz), rate, Duration::ZERO);
    sound
}

/// `(hertz, amplitude)` of what sounds together, equally loud.
fn partials(hertz: &[u16]) -> Vec<(f64, f64)> {
    let amplitude = PEAK / hertz.len().max(1) as f64;
    hertz.iter().map(|&hz| (f64::from(hz), amplitude)).collect()
}

/// Adds the partials to silence, each starting at phase zero, with ramps of this length at both ends.
fn sing(stretch: &mut [i16], partials: &[(f64, f64)], rate: Rate, ramp: Duration) {
    let length = stretch.len();
    let ramp = rate.samples(ramp).min(length / 2);
    for (at, sample) in stretch.iter_mut().enumerate() {
        let seconds = at as f64 / f64::from(rate.hertz().max(1));
        let sum: f64 =
            partials.iter().map(|(hertz, amplitude)| amplitude * (TAU * hertz * seconds).sin()).sum();
        let from_edge = at.min(length - 1 - at);
        let gain = if from_edge < ramp {
            0.5 - 0.5 * (PI * (from_edge as f64 + 0.5) / ramp as f64).cos()
        } else {
            1.0
        };
        *sample = (sum * gain).round() as i16;
    }
}

/// The beep before a recording: 440 Hz unless a flow asks otherwise.
pub fn beep(hertz: u16, length: Duration, rate: Rate) -> Pcm {
    render(&[hertz], length, Duration::ZERO, length, rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::goertzel_power;
    use crate::level::rms_dbov;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_tone_has_its_pitch_and_level() {
        let sound = beep(440, SECOND, Rate::NARROW);
        let here = goertzel_power(&sound.samples, Rate::NARROW, 440.0);
        let there = goertzel_power(&sound.samples, Rate::NARROW, 480.0);
        assert!(here > 1_000.0 * there);
        assert!((rms_dbov(&sound.samples) + 15.0).abs() < 0.3, "{}", rms_dbov(&sound.samples));
    }

    #[test]
    fn a_cadence_is_on_then_off() {
        let half = Duration::from_millis(500);
        let sound = render(&[480, 620], half, half, Duration::from_millis(1_700), Rate::NARROW);
        assert_eq!(sound.samples.len(), 13_600);
        assert!(rms_dbov(&sound.samples[..4_000]) > -20.0);
        assert!(sound.samples[4_000..8_000].iter().all(|&s| s == 0));
        assert!(rms_dbov(&sound.samples[8_000..12_000]) > -20.0);
        assert!(sound.samples[12_000..].iter().all(|&s| s == 0));
    }

    #[test]
    fn no_edge_clicks() {
        let sound =
            render(&[440], Duration::from_millis(100), Duration::from_millis(50), SECOND, Rate::NARROW);
        let steepest =
            sound.samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        // What a 440 Hz sine of this amplitude does between two samples at most.
        assert!(steepest <= Some((PEAK * TAU * 440.0 / 8_000.0) as i32 + 1), "{steepest:?}");
        assert!(sound.samples[0].abs() < 50 && sound.samples[799].abs() < 50);
    }

    #[test]
    fn degenerate_requests_give_silence_or_nothing() {
        assert!(render(&[], SECOND, SECOND, SECOND, Rate::NARROW).samples.iter().all(|&s| s == 0));
        assert!(render(&[440], Duration::ZERO, SECOND, SECOND, Rate::NARROW).samples.iter().all(|&s| s == 0));
        assert!(render(&[440], SECOND, SECOND, Duration::ZERO, Rate::NARROW).samples.is_empty());
        assert!(render(&[440], SECOND, SECOND, SECOND, Rate(0)).samples.is_empty());
    }
}
