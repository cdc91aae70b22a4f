//! The signals of telephone networks as sounds: dial, ringback, busy, congestion, in the way of a country.

use std::time::Duration;

use audio::Pcm;
use audio::tone::{self, CODES, Country};
use flow::tone::{Sign, Signal};
use media::{Form, Sound};

use super::{LONGEST, PromptError};

/// The country whose signal it is; `usual` where it names none.
fn country(signal: &Signal, usual: &str) -> Result<Country, PromptError> {
    match &signal.country {
        None => Ok(tone::country(usual)),
        Some(code) if CODES.contains(&code.as_str()) => Ok(tone::country(code)),
        Some(code) => Err(PromptError::Country(code.clone(), CODES.join(", "))),
    }
}

/// One turn of its cadence, to be repeated for as long as it is needed, or so much as it says.
pub(super) fn render(signal: &Signal, usual: &str, form: Form) -> Result<Sound, PromptError> {
    let rate = form.rate();
    let cadence = country(signal, usual)?.cadence(match signal.what {
        Sign::Dial => tone::Signal::Dial,
        Sign::Ringback => tone::Signal::Ringback,
        Sign::Busy => tone::Signal::Busy,
        Sign::Congestion => tone::Signal::Congestion,
    });
    Ok(match (signal.total.map(|total| total.min(LONGEST)), cadence.is_steady()) {
        (None, true) => Sound::Endless(cadence.render_for(rate, form.packet())),
        (None, false) => Sound::Whole(cadence.render(rate)),
        // Without a pause there is nothing to be repeated.
        (Some(total), true) => Sound::Whole(tone::render(cadence.hertz, total, Duration::ZERO, total, rate)),
        (Some(total), false) => {
            let turn = cadence.render(rate).samples;
            Sound::Whole(Pcm::new(rate, turn.iter().copied().cycle().take(rate.samples(total)).collect()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::Rate;
    use audio::codec::{Codec, OpusSettings};
    use audio::detect::goertzel_power;

    fn made(name: &str, usual: &str) -> Result<Sound, PromptError> {
        let form = Form::new(Codec::Pcmu, Duration::from_millis(20), OpusSettings::default());
        match flow::tone::named(name) {
            Some(Ok(flow::leg::Prompt::Signal(signal))) => render(&signal, usual, form),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn heard(name: &str, usual: &str) -> Result<Pcm, PromptError> {
        match made(name, usual)? {
            Sound::Whole(pcm) | Sound::Endless(pcm) => Ok(pcm),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_dial_tone_without_a_length_has_no_end_and_one_with_a_cadence_has_pauses() {
        assert!(matches!(made("tone://dial", "de"), Ok(Sound::Endless(_))));
        for whole in ["tone://dial;country=it", "tone://dial;ms=3000", "tone://busy"] {
            assert!(matches!(made(whole, "de"), Ok(Sound::Whole(_))), "{whole}");
        }
    }

    #[test]
    fn a_signal_sounds_as_in_its_country_and_as_in_the_usual_one_where_it_names_none() {
        for (name, usual, pitches, period) in [
            ("tone://ringback", "de", &[425.0f32][..], 5_000),
            ("tone://ringback", "us", &[440.0, 480.0], 6_000),
            ("tone://busy", "us", &[480.0, 620.0], 1_000),
            ("tone://busy;country=gb", "us", &[400.0], 750),
            ("tone://busy;country=us", "de", &[480.0, 620.0], 1_000),
            ("tone://congestion", "de", &[425.0], 480),
        ] {
            let sound = heard(name, usual).expect("a sound");
            assert_eq!(sound.duration(), Duration::from_millis(period), "{name} {usual}");
            let first = &sound.samples[..1_600];
            let total: f64 = first.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            let at = pitches.iter().map(|hertz| goertzel_power(first, Rate::NARROW, *hertz)).sum::<f32>();
            let share = 2.0 * f64::from(at) / (total * first.len() as f64);
            assert!(share > 0.8, "{name} {usual}: {share}");
        }
    }

    #[test]
    fn a_signal_lasts_as_long_as_it_says_whatever_its_cadence() {
        for (name, ms) in
            [("tone://busy;ms=2500", 2_500), ("tone://dial;ms=3100", 3_100), ("tone://ringback;ms=70", 70)]
        {
            let sound = heard(name, "de").expect("a sound");
            assert_eq!(sound.duration(), Duration::from_millis(ms), "{name}");
        }
        let steady = heard("tone://dial;ms=3000", "de").expect("a sound").samples;
        let quietest = steady[800..22_400].chunks(80).map(|part| part.iter().max().copied()).min();
        assert!(quietest.flatten() > Some(7_000), "a dial tone has no holes: {quietest:?}");
    }

    #[test]
    fn a_country_whose_signals_are_not_known_is_told_with_those_that_are() {
        let why = heard("tone://busy;country=zz", "de").map(|_| ()).expect_err("no such country").to_string();
        assert!(why.contains("zz") && why.contains("de, dk") && why.contains("us"), "{why}");
    }
}
