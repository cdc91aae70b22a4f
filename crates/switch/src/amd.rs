//! When what counts for finding out who answered: the switch's timings, and what a flow says otherwise.

use std::time::Duration;

use audio::detect::Timings;

/// The timings of a switch that is not told otherwise; [`Timings::beep`] is how long a machine's greeting is followed where
/// that is wanted.
pub(crate) fn usual() -> Timings {
    Timings { total: flow::ir::Timings::TOTAL, beep: Some(flow::ir::Timings::BEEP), ..Timings::default() }
}

/// What a flow asks for, with what it does not say from the switch's; the greeting of a machine is followed or not.
pub(crate) fn timings(switch: &Timings, asked: &flow::ir::Timings, follows: bool) -> Timings {
    let of = |asked: Option<Duration>, usual: Duration| asked.unwrap_or(usual);
    Timings {
        initial_silence: of(asked.initial_silence, switch.initial_silence),
        greeting: of(asked.greeting, switch.greeting),
        after_greeting_silence: of(asked.after_greeting_silence, switch.after_greeting_silence),
        total: of(asked.total, switch.total),
        min_word: of(asked.min_word, switch.min_word),
        between_words: of(asked.between_words, switch.between_words),
        max_words: asked.max_words.unwrap_or(switch.max_words),
        max_word: of(asked.max_word, switch.max_word),
        beep: asked.beep.or(switch.beep).filter(|_| follows),
        greeting_end: of(asked.greeting_end, switch.greeting_end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flow_does_not_say_is_as_the_switch_has_it() {
        let ms = Duration::from_millis;
        let switch = Timings { greeting: ms(3_000), max_words: 5, ..usual() };
        let nothing = timings(&switch, &flow::ir::Timings::default(), false);
        assert_eq!(nothing, Timings { beep: None, ..switch });
        let asked = flow::ir::Timings {
            greeting: Some(ms(1_000)),
            max_words: Some(3),
            beep: Some(ms(9_000)),
            ..flow::ir::Timings::default()
        };
        let some = timings(&switch, &asked, true);
        let expected = Timings { greeting: ms(1_000), max_words: 3, beep: Some(ms(9_000)), ..switch };
        assert_eq!(some, expected);
        assert_eq!(timings(&switch, &flow::ir::Timings::default(), true).beep, Some(ms(60_000)));
    }
}
