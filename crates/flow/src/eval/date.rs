//! Dates of the expression language: milliseconds since 1970 and their UTC fields.

use jiff::{Timestamp, civil, tz::TimeZone};

/// One day.
const DAY: f64 = 86_400_000.0;

/// `2026-03-04T10:00:00.000Z`; `None` if the date is invalid or out of range.
pub(super) fn iso(millis: f64) -> Option<String> {
    let date = fields(millis)?;
    let (year, month, day) = (date.year(), date.month(), date.day());
    let (hour, minute, second) = (date.hour(), date.minute(), date.second());
    let fraction = date.subsec_nanosecond() / 1_000_000;
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"))
}

/// Milliseconds of an ISO 8601 text, a date without a time being midnight UTC; NaN if it is none.
pub(super) fn parse(text: &str) -> f64 {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return timestamp.as_millisecond() as f64;
    }
    match text.parse::<civil::DateTime>().map(|date| date.to_zoned(TimeZone::UTC)) {
        Ok(Ok(zoned)) => zoned.timestamp().as_millisecond() as f64,
        _ => f64::NAN,
    }
}

fn fields(millis: f64) -> Option<civil::DateTime> {
    if !millis.is_finite() {
        return None;
    }
    let timestamp = Timestamp::from_millisecond(millis as i64).ok()?;
    Some(timestamp.to_zoned(TimeZone::UTC).datetime())
}

/// `getUTCHours` and its kin; NaN for an invalid date or an unknown field.
pub(super) fn get(millis: f64, field: &str) -> f64 {
    let Some(date) = fields(millis) else { return f64::NAN };
    match field {
        "FullYear" => f64::from(date.year()),
        "Month" => f64::from(date.month() - 1),
        "Date" => f64::from(date.day()),
        "Day" => f64::from(date.weekday().to_sunday_zero_offset()),
        "Hours" => f64::from(date.hour()),
        "Minutes" => f64::from(date.minute()),
        "Seconds" => f64::from(date.second()),
        "Milliseconds" => f64::from(date.subsec_nanosecond() / 1_000_000),
        _ => f64::NAN,
    }
}

/// `setUTCHours` and its kin: the changed milliseconds. Values out of a field's range carry over, and values for the
/// smaller fields may follow, as in ECMAScript.
pub(super) fn set(millis: f64, field: &str, values: &[f64]) -> f64 {
    let Some(date) = fields(millis) else { return f64::NAN };
    let names = ["FullYear", "Month", "Date", "Hours", "Minutes", "Seconds", "Milliseconds"];
    let mut all = names.map(|name| get(millis, name));
    let Some(first) = names.iter().position(|name| *name == field) else { return f64::NAN };
    if values.is_empty() {
        return f64::NAN;
    }
    // A date's setters end at the day, a time's at the millisecond.
    let last = if first < 3 { 3 } else { 7 };
    for (slot, value) in all.iter_mut().take(last).skip(first).zip(values) {
        *slot = value.trunc();
    }
    let _ = date;
    let [year, month, day, hours, minutes, seconds, fraction] = all;
    made(year, month, day, [hours, minutes, seconds, fraction])
}

/// The milliseconds of UTC fields, months counted from 0, each carrying over; NaN if out of range.
pub(super) fn made(year: f64, month: f64, day: f64, time: [f64; 4]) -> f64 {
    let year = year + (month / 12.0).floor();
    let month = month.rem_euclid(12.0);
    if !year.is_finite() || !month.is_finite() || year.abs() > 9_000.0 {
        return f64::NAN;
    }
    let Ok(first) = civil::Date::new(year as i16, month as i8 + 1, 1) else { return f64::NAN };
    let Ok(midnight) = first.to_zoned(TimeZone::UTC) else { return f64::NAN };
    let [hours, minutes, seconds, fraction] = time;
    let within = hours * 3_600_000.0 + minutes * 60_000.0 + seconds * 1_000.0 + fraction;
    midnight.timestamp().as_millisecond() as f64 + (day - 1.0) * DAY + within
}
