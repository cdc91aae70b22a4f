//! Questions: expressions, patterns, the clock.

use crate::{
    engine::Cx,
    eval,
    ir::{Compare, Condition, Outcome},
    pattern,
};
use jiff::{civil::DateTime, tz::TimeZone};

/// What a network writes when it keeps the caller's number to itself.
const WITHHELD: [&str; 6] = ["", "anonymous", "unavailable", "unknown", "restricted", "private"];

/// Asks.
pub(super) fn run(cx: &Cx, condition: &Condition) -> Outcome {
    let port = cx.port();
    let holds = match condition {
        Condition::Expr(expr) => eval::truthy(&*port, expr),
        Condition::Matches { text, patterns } => {
            let text = eval::text(&*port, text);
            patterns.iter().any(|pattern| matches(&text, pattern))
        }
        Condition::Clock { op, fields, weekdays } => {
            let now = port.wall_clock().to_zoned(TimeZone::UTC).datetime();
            clock(now, *op, *fields, weekdays)
        }
    };
    if holds { Outcome::Yes } else { Outcome::No }
}

/// Whether `pattern` is found anywhere in `text`, with or without the `+` of an international number.
/// The words `anonymous` and `unavailable` are found in every withheld number.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    if ["anonymous", "unavailable"].contains(&pattern.to_ascii_lowercase().as_str()) {
        return WITHHELD.contains(&text.to_ascii_lowercase().as_str());
    }
    let Ok(regex) = pattern::compile(pattern) else { return false };
    regex.is_match(text) || text.strip_prefix('+').is_some_and(|national| regex.is_match(national))
}

/// Each field that is given must pass by itself.
fn clock(now: DateTime, op: Compare, fields: [Option<u32>; 4], weekdays: &[u32]) -> bool {
    let is = [now.minute(), now.hour(), now.day(), now.month()].map(|field| field.unsigned_abs().into());
    let passes = |is: u32, field: u32| match op {
        Compare::Eq => is == field,
        Compare::Ne => is != field,
        Compare::Lt => is < field,
        Compare::Le => is <= field,
        Compare::Gt => is > field,
        Compare::Ge => is >= field,
    };
    let weekday = u32::from(now.weekday().to_sunday_zero_offset().unsigned_abs());
    is.into_iter().zip(fields).all(|(is, field)| field.is_none_or(|field| passes(is, field)))
        && (weekdays.is_empty() || weekdays.contains(&weekday))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_with_or_without_the_plus() {
        assert!(matches("+448001234", "^44800"));
        assert!(matches("+448001234", r"^\+44"));
        assert!(matches("0448001234", "44800"));
        assert!(!matches("+48001234", "^44"));
        assert!(!matches("1", "("), "a broken pattern matches nothing");
    }

    #[test]
    fn the_words_for_withheld_callers_match_them_only() {
        assert!(matches("", "anonymous"));
        assert!(matches("Anonymous", "unavailable"));
        assert!(!matches("+4412", "anonymous"));
    }

    #[test]
    fn each_field_of_the_clock_passes_by_itself() {
        let now = jiff::civil::datetime(2026, 3, 4, 10, 30, 0, 0);
        assert!(clock(now, Compare::Ge, [None, Some(8), None, None], &[1, 2, 3, 4, 5]));
        assert!(!clock(now, Compare::Ge, [Some(45), Some(8), None, None], &[]));
        assert!(!clock(now, Compare::Ge, [None, Some(8), None, None], &[0, 6]));
        assert!(clock(now, Compare::Lt, [None, None, Some(5), Some(4)], &[]));
    }
}
