//! The timings by which it is found out who answered, as options of the actions that do so.
//!
//! The dialects' documents name none but how long it is listened; the others are offhook's own, and have the names of
//! the settings in `media.amd`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::members::Members;
use super::reference::{Kind, Opt};
use super::{Builder, Code};
use crate::ir::Timings;
use crate::ir::print::time;

pub(super) const INITIAL_SILENCE: Opt =
    millis("initial_silence", "Nobody says anything for so long: unknown.");
pub(super) const GREETING: Opt = millis("greeting", "Who talks longer is a machine.");
pub(super) const AFTER_GREETING: Opt =
    millis("after_greeting_silence", "Who said less and is silent for so long is a person.");
pub(super) const MIN_WORD: Opt = millis("min_word", "A shorter sound is no word.");
pub(super) const BETWEEN_WORDS: Opt = millis("between_words", "A shorter pause does not end a word.");
pub(super) const MAX_WORDS: Opt = Opt::new("max_words", Kind::Count, "Who says more words is a machine.");
pub(super) const MAX_WORD: Opt = millis("max_word", "A longer word is a machine's.");
/// VoIPBIN's alone; Voxology's is called `timeout`.
pub(super) const TOTAL: Opt = millis("total", "How long it listens at most.");
/// For who follows a machine's greeting.
pub(super) const BEEP: Opt = millis("beep", "How long a machine's greeting is followed.");
pub(super) const GREETING_END: Opt =
    millis("greeting_end", "So much silence ends a machine's greeting that does not beep.");

const fn millis(name: &'static str, doc: &'static str) -> Opt {
    Opt::new(name, Kind::Millis, doc)
}

/// What may be said, in milliseconds; the settings of `media.amd` have the same bounds.
const SILENCE: RangeInclusive<u64> = 100..=60_000;
const WORD: RangeInclusive<u64> = 20..=2_000;
const LONG_WORD: RangeInclusive<u64> = 200..=60_000;
const WORDS: RangeInclusive<u32> = 1..=100;
const LISTENS: RangeInclusive<u64> = 500..=120_000;
const FOLLOWS: RangeInclusive<u64> = 1_000..=600_000;
const ENDS: RangeInclusive<u64> = 200..=30_000;

/// What `options` say; `total` is where it stands how long it is listened, of which 0 is none.
/// What makes no sense is told, and is as the server has it.
pub(super) fn read(builder: &mut Builder, options: &Members<'_>, total: (&Members<'_>, &str)) -> Timings {
    let (beside, total) = total;
    let listens = beside.millis(builder, total).filter(|given| !given.is_zero());
    let mut timings = Timings {
        initial_silence: within(builder, options, INITIAL_SILENCE.name, SILENCE),
        greeting: within(builder, options, GREETING.name, SILENCE),
        after_greeting_silence: within(builder, options, AFTER_GREETING.name, SILENCE),
        total: listens.and_then(|_| within(builder, beside, total, LISTENS)),
        min_word: within(builder, options, MIN_WORD.name, WORD),
        between_words: within(builder, options, BETWEEN_WORDS.name, WORD),
        max_words: options.count(builder, MAX_WORDS.name),
        max_word: within(builder, options, MAX_WORD.name, LONG_WORD),
        beep: None,
        greeting_end: None,
    };
    if let Some(words) = timings.max_words.filter(|words| !WORDS.contains(words)) {
        let message = format!("expected 1 to 100 words, found {words}; it is as usual");
        builder.report(Code::BadValue, &options.at(MAX_WORDS.name), message);
        timings.max_words = None;
    }
    if let (Some(least), Some(most)) = (timings.min_word, timings.max_word)
        && least >= most
    {
        let (least, most) = (time(least), time(most));
        let message =
            format!("the shortest word, {least}, is no shorter than the longest, {most}; both are as usual");
        builder.report(Code::BadValue, &options.at(MIN_WORD.name), message);
        (timings.min_word, timings.max_word) = (None, None);
    }
    timings
}

/// What `options` say of following a machine's greeting.
pub(super) fn follow(builder: &mut Builder, options: &Members<'_>, timings: &mut Timings) {
    timings.beep = within(builder, options, BEEP.name, FOLLOWS);
    timings.greeting_end = within(builder, options, GREETING_END.name, ENDS);
}

fn within(
    builder: &mut Builder,
    options: &Members<'_>,
    key: &str,
    bounds: RangeInclusive<u64>,
) -> Option<Duration> {
    let given = options.millis(builder, key)?;
    if bounds.contains(&(given.as_millis() as u64)) {
        return Some(given);
    }
    let (least, most) = (bounds.start(), bounds.end());
    let message = format!("expected {least} to {most} milliseconds, found {}; it is as usual", time(given));
    builder.report(Code::BadValue, &options.at(key), message);
    None
}
