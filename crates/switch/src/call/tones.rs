//! The network's signals as prompts, for whoever is to hear how a call goes.

use std::time::Duration;

use audio::tone::{Signal, country};
use flow::ir::Tone;
use flow::leg::Prompt;

/// One turn of a country's signal, to be repeated for as long as it lasts. `code` is an ISO 3166 code or a language tag.
pub(super) fn signal(code: &str, signal: Signal) -> Vec<Prompt> {
    let cadence = country(code).cadence(signal);
    let turns = cadence.pattern.iter().map(|&(on, off)| {
        let [on, off] = [on, off].map(|ms| Duration::from_millis(ms.into()));
        Prompt::Tone(Tone { hertz: cadence.hertz.to_vec(), on, off, total: on + off })
    });
    turns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::Rate;
    use audio::tone::render;

    #[test]
    fn every_signal_of_a_country_can_be_played() {
        for code in ["us", "en-GB", "de", "fr", "au", "jp", ""] {
            for wanted in [Signal::Dial, Signal::Ringback, Signal::Busy, Signal::Congestion] {
                let mut played = Vec::new();
                for prompt in signal(code, wanted) {
                    let Prompt::Tone(Tone { hertz, on, off, total }) = prompt else { panic!("{prompt:?}") };
                    played.extend(render(&hertz, on, off, total, Rate::NARROW).samples);
                }
                let sung = country(code).cadence(wanted).render(Rate::NARROW);
                assert_eq!(played, sung.samples, "{code} {wanted:?}");
            }
        }
    }
}
