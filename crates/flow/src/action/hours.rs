//! Calendar rules: which of them is active now, in the rules' own time zone.

use jiff::{
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};

use crate::{
    engine::Cx,
    ir::{Cycle, Hours, Outcome, Rule},
};

/// One day.
const DAY: u32 = 86_400;

/// Takes the edge of the first rule that is active.
pub(super) fn run(cx: &Cx, op: &Hours) -> Outcome {
    let zone = TimeZone::get(&op.timezone).unwrap_or_else(|_| {
        cx.note(format!("there is no time zone \"{}\"; UTC is used", op.timezone));
        TimeZone::UTC
    });
    let now = cx.port().wall_clock().to_zoned(zone).datetime();
    match op.rules.iter().find(|rule| is_active(rule, now)) {
        Some(rule) => Outcome::Key(rule.id.clone()),
        None => Outcome::No,
    }
}

fn is_active(rule: &Rule, now: DateTime) -> bool {
    if let Some(forced) = rule.enabled {
        return forced;
    }
    let time = now.time();
    let second = [(time.hour(), 3_600), (time.minute(), 60), (time.second(), 1)];
    let second: u32 = second.iter().map(|(field, unit)| u32::from(field.unsigned_abs()) * unit).sum();
    let (start, stop) = rule.window;
    // A window that ends before it starts reaches into the next day, and belongs to the day it starts on.
    let stop = if stop <= start { stop + DAY } else { stop };
    let today = (start..stop).contains(&second) && falls_on(rule, now.date());
    let yesterday = || {
        let date = now.date().yesterday();
        (start..stop).contains(&(second + DAY)) && date.is_ok_and(|date| falls_on(rule, date))
    };
    today || yesterday()
}

/// Whether the rule holds on this day.
fn falls_on(rule: &Rule, date: Date) -> bool {
    let day = epoch_day(date);
    if rule.start_day.is_some_and(|start| day < start) {
        return false;
    }
    let start = rule.start_day.and_then(date_of).unwrap_or(Date::constant(1970, 1, 1));
    let every = |count: i64| count.rem_euclid(i64::from(rule.interval.max(1))) == 0;
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    match rule.cycle {
        Cycle::Date => rule.start_day == Some(day),
        Cycle::Daily => every(day - epoch_day(start)),
        Cycle::Weekly => every(week(date) - week(start)) && on_weekday(rule, date),
        Cycle::Monthly => every(months(date) - months(start)) && in_month(rule, date),
        Cycle::Yearly => {
            let month = rule.month.is_none_or(|month| month == u32::from(date.month().unsigned_abs()));
            every(i64::from(date.year()) - i64::from(start.year())) && month && in_month(rule, date)
        }
    }
}

/// The day of the month, or the n-th weekday of it; a rule that names neither holds on every day.
fn in_month(rule: &Rule, date: Date) -> bool {
    let number = u32::from(date.day().unsigned_abs());
    let ordinal = match rule.ordinal {
        None => true,
        Some(-1) => number + 7 > u32::from(date.days_in_month().unsigned_abs()),
        Some(nth) => i64::from((number - 1) / 7 + 1) == i64::from(nth),
    };
    let day = rule.days.is_empty() || rule.days.contains(&number);
    day && ordinal && on_weekday(rule, date)
}

fn on_weekday(rule: &Rule, date: Date) -> bool {
    let weekday = u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
    rule.weekdays.is_empty() || rule.weekdays.contains(&weekday)
}

/// Days since 1970-01-01.
fn epoch_day(date: Date) -> i64 {
    i64::from(date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days()))
}

fn date_of(day: i64) -> Option<Date> {
    let span = jiff::Span::new().try_days(day).ok()?;
    Date::constant(1970, 1, 1).checked_add(span).ok()
}

/// Weeks since the one of 1970-01-01, a week beginning on Monday.
fn week(date: Date) -> i64 {
    // 1970-01-01 was a Thursday, three days after its week's Monday.
    (epoch_day(date) + i64::from(Weekday::Thursday.to_monday_zero_offset())).div_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(cycle: Cycle) -> Rule {
        Rule {
            id: "r".into(),
            enabled: None,
            cycle,
            interval: 1,
            start_day: None,
            window: (0, DAY),
            weekdays: Vec::new(),
            days: Vec::new(),
            month: None,
            ordinal: None,
        }
    }

    fn check(rule: &Rule, now: &str, active: bool) {
        assert_eq!(is_active(rule, now.parse().unwrap()), active, "{now} {rule:?}");
    }

    #[test]
    fn office_hours_begin_and_end_on_the_second() {
        let office =
            Rule { window: (9 * 3600, 17 * 3600), weekdays: vec![1, 2, 3, 4, 5], ..rule(Cycle::Weekly) };
        check(&office, "2026-03-04T09:00:00", true);
        check(&office, "2026-03-04T08:59:59", false);
        check(&office, "2026-03-04T17:00:00", false);
        check(&office, "2026-03-07T12:00:00", false);
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_it_begins() {
        let night = Rule { window: (22 * 3600, 6 * 3600), weekdays: vec![5], ..rule(Cycle::Weekly) };
        check(&night, "2026-03-06T23:00:00", true);
        check(&night, "2026-03-07T05:59:59", true);
        check(&night, "2026-03-06T05:00:00", false);
        check(&night, "2026-03-07T23:00:00", false);
    }

    #[test]
    fn every_other_week_counts_from_the_start() {
        let start = epoch_day(Date::constant(2026, 3, 2));
        let weekly = Rule { interval: 2, start_day: Some(start), weekdays: vec![1], ..rule(Cycle::Weekly) };
        check(&weekly, "2026-03-02T12:00:00", true);
        check(&weekly, "2026-03-09T12:00:00", false);
        check(&weekly, "2026-03-16T12:00:00", true);
        check(&weekly, "2026-02-16T12:00:00", false);
    }

    #[test]
    fn ordinals_pick_a_weekday_of_the_month() {
        let third_tuesday = Rule { ordinal: Some(3), weekdays: vec![2], ..rule(Cycle::Monthly) };
        check(&third_tuesday, "2026-03-17T12:00:00", true);
        check(&third_tuesday, "2026-03-10T12:00:00", false);
        let last_friday = Rule { ordinal: Some(-1), weekdays: vec![5], ..rule(Cycle::Monthly) };
        check(&last_friday, "2026-03-27T12:00:00", true);
        check(&last_friday, "2026-03-20T12:00:00", false);
    }

    #[test]
    fn every_so_many_days_months_and_years_count_from_the_start() {
        let start = Some(epoch_day(Date::constant(2026, 1, 30)));
        let daily = Rule { interval: 3, start_day: start, ..rule(Cycle::Daily) };
        check(&daily, "2026-02-02T12:00:00", true);
        check(&daily, "2026-02-01T12:00:00", false);
        let monthly = Rule { interval: 2, start_day: start, days: vec![1, 15], ..rule(Cycle::Monthly) };
        check(&monthly, "2026-03-15T12:00:00", true);
        check(&monthly, "2026-02-15T12:00:00", false);
        check(&monthly, "2026-01-15T12:00:00", false);
        let yearly =
            Rule { interval: 4, start_day: start, month: Some(2), days: vec![29], ..rule(Cycle::Yearly) };
        check(&yearly, "2030-02-28T12:00:00", false);
        check(&yearly, "2042-02-28T12:00:00", false);
        let fifth = Rule { ordinal: Some(5), weekdays: vec![6], ..rule(Cycle::Monthly) };
        check(&fifth, "2026-05-30T12:00:00", true);
        check(&fifth, "2026-05-23T12:00:00", false);
        let may = Rule { ordinal: Some(-1), weekdays: vec![1], month: Some(5), ..rule(Cycle::Yearly) };
        check(&may, "2026-05-25T12:00:00", true);
        check(&may, "2026-06-29T12:00:00", false);
    }

    /// The clocks of Oslo go from 2 to 3 on 29 March and from 3 back to 2 on 25 October 2026.
    #[test]
    fn rules_follow_the_local_clock_over_its_changes() {
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        let local = |utc: &str| utc.parse::<jiff::Timestamp>().unwrap().to_zoned(zone.clone()).datetime();
        let night = Rule { window: (2 * 3600, 3 * 3600), ..rule(Cycle::Daily) };
        assert!(
            !is_active(&night, local("2026-03-29T00:59:59Z"))
                && !is_active(&night, local("2026-03-29T01:00:00Z"))
        );
        assert!(
            is_active(&night, local("2026-10-25T00:30:00Z"))
                && is_active(&night, local("2026-10-25T01:30:00Z"))
        );
        let morning = Rule { window: (9 * 3600, 17 * 3600), ..rule(Cycle::Daily) };
        assert!(
            is_active(&morning, local("2026-03-28T08:00:00Z"))
                && !is_active(&morning, local("2026-03-28T07:59:59Z"))
        );
        assert!(
            is_active(&morning, local("2026-03-29T07:00:00Z"))
                && !is_active(&morning, local("2026-03-29T06:59:59Z"))
        );
    }

    #[test]
    fn a_yearly_rule_knows_christmas() {
        let christmas = Rule { month: Some(12), days: vec![25], ..rule(Cycle::Yearly) };
        check(&christmas, "2026-12-25T12:00:00", true);
        check(&christmas, "2026-11-25T12:00:00", false);
    }

    #[test]
    fn a_date_holds_once_and_force_beats_the_calendar() {
        let day = epoch_day(Date::constant(2026, 7, 4));
        let once = Rule { start_day: Some(day), ..rule(Cycle::Date) };
        check(&once, "2026-07-04T12:00:00", true);
        check(&once, "2027-07-04T12:00:00", false);
        check(&Rule { enabled: Some(true), ..once.clone() }, "2027-07-04T12:00:00", true);
        check(&Rule { enabled: Some(false), ..once }, "2026-07-04T12:00:00", false);
    }
}
