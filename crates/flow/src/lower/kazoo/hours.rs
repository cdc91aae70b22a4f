//! `temporal_route`: calendar rules, and the child of the first that is active.
//!
//! Kazoo keeps rules in documents of the account and names them by id.
//! Here a rule stands in `data.rules` itself, or in the document's `rules` by id; both are ours.
//! A rule set stands in the document's `rule_sets`, id to a list of rule ids or to `{"temporal_rules": […]}`.

use serde_json::Value;

use super::super::members::Members;
use super::{Step, Walk};
use crate::ir::{
    Change, Cycle, Edges, Feature, Hours, NodeId, Op, Pointer, Rule, Setting, Target, Template, What,
};
use crate::lower::Code;

/// Seconds from year 0 to 1970: Kazoo counts Gregorian seconds.
const GREGORIAN_UNIX: i64 = 62_167_219_200;
const DAY: i64 = 86_400;
/// The child that a rule set leads to.
const SET: &str = "rule_set";

impl<'a> Walk<'a> {
    /// Rules are tried as Kazoo does: those of `rules`, then those named by a child's key, then the set.
    pub(super) fn temporal_route(&mut self, step: &Step<'a>) -> NodeId {
        if let Some(action) = step.data.text(&mut self.builder, "action").filter(|action| !action.is_empty())
        {
            return self.force(&action, step);
        }
        let mut rules = Vec::new();
        let at = step.data.at("rules");
        for (index, rule) in step.data.list(&mut self.builder, "rules").unwrap_or_default().iter().enumerate()
        {
            rules.extend(self.rule(rule, &at.child(index)));
        }
        let keys: Vec<String> = step.children.keys().map(str::to_owned).collect();
        for key in keys {
            let given = rules.iter().any(|rule: &Rule| rule.id == key);
            if let (false, Some((rule, at))) = (given, self.doc.entry("rules", &key)) {
                rules.extend(self.calendar(rule, &at, Some(&key)));
            }
        }
        rules.extend(self.rule_set(step));
        if rules.is_empty() {
            self.report(Code::MissingOption, &at, "no rules: every call goes on at the child `_`");
        }
        for rule in &rules {
            if step.children.get(&rule.id).is_none() {
                let message =
                    format!("there is no child `{}`: the rule leads to `_` like no rule at all", rule.id);
                self.report(Code::MissingBranch, &step.at.child("children"), message);
            }
        }
        let timezone = self.timezone(step);
        let edges = step.children.edges();
        self.add(Op::Hours(Hours { timezone, rules }), edges, step)
    }

    /// Forces the listed rules on or off, gives them back to the calendar, or lets the caller choose.
    fn force(&mut self, action: &str, step: &Step<'a>) -> NodeId {
        let change = match action {
            "enable" => Change::On,
            "disable" => Change::Off,
            "reset" => Change::Reset,
            "menu" => Change::Menu,
            other => {
                let message =
                    format!("unknown action `{other}`: expected `enable`, `disable`, `reset` or `menu`");
                self.report(Code::BadValue, &step.data.at("action"), message);
                return self.onward(Op::Noop, step);
            }
        };
        let rules = step.data.list(&mut self.builder, "rules").unwrap_or_default();
        let ids: Vec<String> = rules.iter().filter_map(|rule| Some(rule.as_str()?.to_owned())).collect();
        let setting = |id: Option<String>| {
            let (what, scope) = (What::Hours, "account");
            let setting = Setting { what, change, id: id.map(Template::literal), value: None, scope };
            Op::Feature(Box::new(Feature::Setting(setting)))
        };
        if ids.is_empty() {
            return self.onward(setting(None), step);
        }
        // From the last to the first, which is where it begins.
        let mut target = step.next();
        let mut first = NodeId(0);
        for id in ids.into_iter().rev() {
            first = self.add(setting(Some(id)), Edges::always(target), step);
            target = Target::Node(first);
        }
        self.add(Op::Answer, Edges::always(Target::Node(first)), step)
    }

    fn timezone(&mut self, step: &Step<'a>) -> String {
        let name = step.data.text(&mut self.builder, "timezone").filter(|name| !name.is_empty());
        let Some(name) = name else { return "UTC".to_owned() };
        if jiff::tz::TimeZone::get(&name).is_err() {
            let message =
                format!("unknown time zone `{name}`: expected a name such as `Europe/Oslo`; UTC is taken");
            self.report(Code::BadValue, &step.data.at("timezone"), message);
            return "UTC".to_owned();
        }
        name
    }

    fn rule_set(&mut self, step: &Step<'a>) -> Vec<Rule> {
        let Some(id) = step.data.text(&mut self.builder, SET).filter(|id| !id.is_empty()) else {
            return Vec::new();
        };
        let Some((set, at)) = self.doc.entry("rule_sets", &id) else {
            self.missing(&step.data.at(SET), "rule set", &id, "rule_sets");
            return Vec::new();
        };
        let list = set.get("temporal_rules").unwrap_or(set);
        let rules = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let lowered: Vec<Rule> = rules.iter().filter_map(|rule| self.rule(rule, &at)).collect();
        // Whichever rule of the set is active, the child is the set's.
        lowered.into_iter().map(|rule| Rule { id: SET.to_owned(), ..rule }).collect()
    }

    /// A rule's id, or the rule itself.
    fn rule(&mut self, value: &'a Value, at: &Pointer) -> Option<Rule> {
        let Some(id) = value.as_str() else { return self.calendar(value, at, None) };
        match self.doc.entry("rules", id) {
            Some((rule, at)) => self.calendar(rule, &at, Some(id)),
            None => {
                self.missing(at, "rule", id, "rules");
                None
            }
        }
    }

    fn missing(&mut self, at: &Pointer, what: &str, id: &str, place: &str) {
        self.report(
            Code::DanglingTarget,
            at,
            format!("no {what} `{id}` in the document's `{place}`; it never holds"),
        );
    }

    fn calendar(&mut self, value: &'a Value, at: &Pointer, id: Option<&str>) -> Option<Rule> {
        let data = Members::of(&mut self.builder, Some(value), at.clone());
        let builder = &mut self.builder;
        let own = ["id", "_id", "name"].into_iter().find_map(|key| data.text(builder, key));
        let Some(id) = id.map(str::to_owned).or(own) else {
            self.report(
                Code::MissingOption,
                at,
                "a rule needs `id`, the key of the child it leads to; it is left out",
            );
            return None;
        };
        let weekdays = self.weekdays(&data);
        let cycle = self.cycle(&data, &weekdays);
        let builder = &mut self.builder;
        let second = |seconds: Option<u32>, usual: u32| seconds.unwrap_or(usual).min(DAY as u32);
        let start = data.number(builder, "start_date").map(|start| start as i64);
        let days = data.list(builder, "days").unwrap_or_default();
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        Some(Rule {
            id,
            enabled: data.flag(builder, "enabled"),
            cycle,
            interval: data.count(builder, "interval").unwrap_or(1).max(1),
            start_day: start.map(|start| (start - GREGORIAN_UNIX).div_euclid(DAY)),
            window: (
                second(data.count(builder, "time_window_start"), 0),
                second(data.count(builder, "time_window_stop"), DAY as u32),
            ),
            weekdays,
            days: days.iter().filter_map(number).filter_map(|day| u32::try_from(day).ok()).collect(),
            month: data.count(builder, "month").filter(|month| (1..=12).contains(month)),
            ordinal: self.ordinal(&data),
        })
    }

    fn cycle(&mut self, data: &Members<'_>, weekdays: &[u32]) -> Cycle {
        let usual = if weekdays.is_empty() { Cycle::Daily } else { Cycle::Weekly };
        match data.text(&mut self.builder, "cycle").as_deref() {
            Some("date") => Cycle::Date,
            Some("daily") => Cycle::Daily,
            Some("weekly") => Cycle::Weekly,
            Some("monthly") => Cycle::Monthly,
            Some("yearly") => Cycle::Yearly,
            Some(other) => {
                let expected = "expected `date`, `daily`, `weekly`, `monthly` or `yearly`";
                self.report(
                    Code::BadValue,
                    &data.at("cycle"),
                    format!("unknown cycle `{other}`: {expected}"),
                );
                usual
            }
            // A rule that is forced on or off needs no calendar.
            None if data.get("enabled").is_some() => usual,
            None => {
                self.report(
                    Code::Tolerated,
                    data.pointer(),
                    "a rule needs `cycle`; daily is taken, or weekly if it has `wdays`",
                );
                usual
            }
        }
    }

    fn weekdays(&mut self, data: &Members<'_>) -> Vec<u32> {
        let list = data.list(&mut self.builder, "wdays").unwrap_or_default();
        let mut days = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let day = match value.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
                "sunday" => 0,
                "monday" => 1,
                "tuesday" => 2,
                // Kazoo's own old documents misspell it.
                "wednesday" | "wensday" => 3,
                "thursday" => 4,
                "friday" => 5,
                "saturday" => 6,
                _ => {
                    let at = data.at("wdays").child(index);
                    super::super::members::wrong(&mut self.builder, &at, "a day such as `monday`", value);
                    continue;
                }
            };
            days.push(day);
        }
        days
    }

    fn ordinal(&mut self, data: &Members<'_>) -> Option<i32> {
        match data.text(&mut self.builder, "ordinal").as_deref() {
            None | Some("every") => None,
            Some("first") => Some(1),
            Some("second") => Some(2),
            Some("third") => Some(3),
            Some("fourth") => Some(4),
            Some("fifth") => Some(5),
            Some("last") => Some(-1),
            Some(other) => {
                let message =
                    format!("unknown ordinal `{other}`: expected `every`, `first` to `fifth` or `last`");
                self.report(Code::BadValue, &data.at("ordinal"), message);
                None
            }
        }
    }
}
