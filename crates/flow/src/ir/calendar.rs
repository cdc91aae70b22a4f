//! Calendar rules, as an operation holds them, and those that are forced on or off.

use std::collections::BTreeMap;

use super::{Op, Program};

/// Calendar rules that are forced on or off, by their ids.
pub type Forced = BTreeMap<String, bool>;

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

impl Program {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        let hours = self.nodes.iter().filter_map(|node| match &node.op {
            Op::Hours(hours) => Some(&hours.rules),
            _ => None,
        });
        hours.flatten()
    }

    /// Which of the calendar rules that it looks at `forced` forces.
    pub fn forced_by(&self, forced: impl Fn(&str) -> Option<bool>) -> Forced {
        self.rules().filter_map(|rule| Some((rule.id.clone(), forced(&rule.id)?))).collect()
    }

    /// The same program in which these rules are forced.
    pub fn with_forced(&self, forced: &Forced) -> Program {
        let mut own = self.clone();
        for node in &mut own.nodes {
            if let Op::Hours(hours) = &mut node.op {
                let rules = hours.rules.iter_mut();
                rules.for_each(|rule| rule.enabled = forced.get(&rule.id).copied().or(rule.enabled));
            }
        }
        own
    }

    /// The rules that are forced in `other`, which is this program but for them; `None` if it is another one.
    pub fn forced_in(&self, other: &Program) -> Option<Forced> {
        let both = self.rules().zip(other.rules());
        let changed = both.filter(|(own, others)| own.enabled != others.enabled);
        let forced: Forced =
            changed.filter_map(|(_, others)| Some((others.id.clone(), others.enabled?))).collect();
        (self.with_forced(&forced) == *other).then_some(forced)
    }
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
