//! Calendar rules, as an operation holds them.

/// Calendar rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// IANA time zone, `Europe/Oslo`.
    pub timezone: String,
    /// Rules, tried in order.
    pub rules: Vec<Rule>,
}

/// One calendar rule (Kazoo's temporal rule).
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The outcome's key.
    pub id: String,
    /// Forced on (`Some(true)`), off (`Some(false)`), or by the calendar.
    pub enabled: Option<bool>,
    /// How it recurs.
    pub cycle: Cycle,
    /// Every so many cycles.
    pub interval: u32,
    /// First day it holds, as days since 1970-01-01; `None` for ever.
    pub start_day: Option<i64>,
    /// Seconds of the local day at which it begins and ends.
    pub window: (u32, u32),
    /// Days of the week, 0 = Sunday; empty for any.
    pub weekdays: Vec<u32>,
    /// Days of the month; empty for any.
    pub days: Vec<u32>,
    /// Month 1..=12.
    pub month: Option<u32>,
    /// Which of the month's weekdays: 1..=5, -1 for the last, `None` for every.
    pub ordinal: Option<i32>,
}

/// How a rule recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Cycle {
    Date,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}
