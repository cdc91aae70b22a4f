//! How good a call sounds, by numbers alone: the E-model, ITU-T G.107 (narrow) and G.107.1 (wide).
//!
//! R begins with what a perfect line has; delay, the codec, and the loss that its concealment does not hide are taken
//! off it, and what remains is mapped to the opinion that people would have, from 1 (bad) to 4.5.
//! Everything that a server cannot know (loudness, noise of rooms, echo of phones) has G.107's default.
//! A wide call is judged on the wide scale: its opinion is that of people who are used to wide calls.

use std::time::Duration;

/// R of a line without any impairment: G.107's defaults, and G.107.1's.
const NARROW: f32 = 93.2;
const WIDE: f32 = 129.0;

/// What a codec takes off R, and how well it stands losses; G.113's terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equipment {
    /// Judged as a wide call.
    pub wide: bool,
    /// Impairment without loss (Ie).
    pub impairment: f32,
    /// Robustness to loss (Bpl): half the remaining quality goes with so many percent.
    pub robustness: f32,
}

impl Equipment {
    /// G.711 with concealment: G.113 appendix I.
    pub const G711: Equipment = Equipment { wide: false, impairment: 0.0, robustness: 25.1 };

    /// G.722 at 64 kbit/s: the impairment is G.113 appendix IV's; the robustness is that of G.711, whose concealment
    /// it has here.
    pub const G722: Equipment = Equipment { wide: true, impairment: 13.0, robustness: 25.1 };

    /// Linear samples: no impairment but loss.
    pub const L16: Equipment = Equipment { wide: true, impairment: 0.0, robustness: 25.1 };

    /// Opus for voices at its usual rates. G.113 has no figures for it; these are ours, near those of other codecs of
    /// its kind: a little impairment, and better robustness for its redundancy.
    pub const OPUS: Equipment = Equipment { wide: true, impairment: 7.0, robustness: 30.0 };

    /// Opus of which a narrow band is heard.
    pub const OPUS_NARROW: Equipment = Equipment { wide: false, impairment: 3.0, robustness: 30.0 };
}

/// What the way does to a voice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Way {
    /// From mouth to ear: half the round trip, packets, the jitter buffer.
    pub delay: Duration,
    /// The share of packets that are not heard: lost or late, 0 to 1.
    pub loss: f32,
    /// G.107's BurstR: 1 for random losses, more for those that come together.
    pub burst_ratio: f32,
}

/// R of a call: 0 to 93.2, or to 129 for a wide one.
pub fn r_factor(equipment: &Equipment, way: &Way) -> f32 {
    let best = if equipment.wide { WIDE } else { NARROW };
    (best - delay(way.delay) - loss(equipment, way)).clamp(0.0, best)
}

/// R without what delay takes off it: how it sounds to one who only listens.
pub fn r_listening(equipment: &Equipment, way: &Way) -> f32 {
    r_factor(equipment, &Way { delay: Duration::ZERO, ..*way })
}

/// Idd of G.107 §7.4 (3-27, 3-28): nothing up to 100 ms, then more and more.
fn delay(delay: Duration) -> f32 {
    let ms = delay.as_secs_f32() * 1_000.0;
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// Ie-eff of G.107 §7.5 (3-29): the codec, and the loss that it does not stand.
fn loss(equipment: &Equipment, way: &Way) -> f32 {
    let percent = way.loss.clamp(0.0, 1.0) * 100.0;
    let ratio = way.burst_ratio.max(1.0);
    let most = if equipment.wide { WIDE } else { 95.0 };
    let left = most - equipment.impairment;
    equipment.impairment + left * percent / (percent / ratio + equipment.robustness)
}

/// The mean opinion score of an R: G.107 annex B; a wide R is brought to that scale first (G.107.1 annex A).
pub fn mos(equipment: &Equipment, r: f32) -> f32 {
    let r = if equipment.wide { r / 1.29 } else { r };
    match r {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        // The cubic dips below 1 for an R under 6.5.
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(ms: u64, loss: f32, burst_ratio: f32) -> Way {
        Way { delay: Duration::from_millis(ms), loss, burst_ratio }
    }

    fn opinion(equipment: &Equipment, way: Way) -> f32 {
        mos(equipment, r_factor(equipment, &way))
    }

    #[test]
    fn a_perfect_line_has_the_defaults_of_g_107() {
        assert_eq!(r_factor(&Equipment::G711, &way(0, 0.0, 1.0)), 93.2);
        assert!((opinion(&Equipment::G711, way(0, 0.0, 1.0)) - 4.41).abs() < 0.01);
        assert!((mos(&Equipment::L16, 129.0) - 4.5).abs() < 0.01);
    }

    #[test]
    fn delay_takes_off_what_g_107_says() {
        // Figures of G.107's Idd: R falls by about 4 at 200 ms, 14 at 300 ms and 25 at 400 ms.
        for (ms, fall) in [(100, 0.0), (150, 0.2), (200, 3.0), (300, 14.8), (400, 24.3)] {
            let off = 93.2 - r_factor(&Equipment::G711, &way(ms, 0.0, 1.0));
            assert!((off - fall).abs() < 1.5, "{ms} ms: {off}");
        }
    }

    #[test]
    fn loss_takes_off_more_the_more_it_comes_together() {
        // G.113: G.711 with concealment at 5 % random loss has an Ie-eff of about 16.
        let random = r_factor(&Equipment::G711, &way(0, 0.05, 1.0));
        assert!((93.2 - random - 15.8).abs() < 0.5, "{random}");
        assert!(r_factor(&Equipment::G711, &way(0, 0.05, 3.0)) < random);
        assert!(opinion(&Equipment::G711, way(0, 0.2, 1.0)) < 2.8);
    }

    #[test]
    fn any_figures_give_an_opinion_in_bounds_that_falls_with_them() {
        for equipment in
            [Equipment::G711, Equipment::G722, Equipment::L16, Equipment::OPUS, Equipment::OPUS_NARROW]
        {
            let mut before = 5.0;
            for n in 0..200 {
                let score = opinion(&equipment, way(n * 10, n as f32 / 150.0, n as f32 / 20.0));
                assert!((1.0..=4.5).contains(&score), "{score}");
                assert!(score <= before + 0.001, "{equipment:?} {n}: {score} after {before}");
                before = score;
            }
            assert!(opinion(&equipment, way(0, f32::NAN, f32::NAN)).is_finite());
        }
    }
}
