//! Modules that reach people and services, none of which are there yet: `extension`, `voicemail`, `fax`, …
//!
//! `extension` goes on at `noanswer`, as if nobody had answered; the terminating ones end the call.

use serde_json::Value;

use super::{Route, Step};
use crate::ir::{Cause, Edges, Op, Outcome};

impl Route<'_> {
    pub(super) fn extension(&mut self, step: &Step<'_>) {
        self.destinations(step);
        let noanswer = self.target(&step.members, "noanswer");
        let mut cases = Vec::new();
        // Kept for when there are calls to fail in these ways.
        for member in ["busy", "unavailable", "answer"] {
            if step.members.get(member).is_some()
                && let Some(target) = self.target(&step.members, member)
            {
                cases.push((Outcome::Key(member.to_owned()), target));
            }
        }
        self.not_there("calling an extension", noanswer.map(|_| "noanswer"), step);
        let otherwise = noanswer.unwrap_or_else(|| self.end(step, 480, "no answer"));
        cases.insert(0, (Outcome::Failed(Cause::Unavailable), otherwise));
        let op = Op::Unavailable { feature: "calling an extension".to_owned() };
        self.put(step, op, Edges { cases, otherwise });
    }

    /// Tells what is wrong with the list of who is called.
    fn destinations(&mut self, step: &Step<'_>) {
        let at = step.members.at("extensions");
        let list = step.members.list(&mut self.builder, "extensions").unwrap_or_default();
        for (index, value) in list.iter().enumerate() {
            let at = at.child(index);
            let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let (kind, needs) = match text("type") {
                Some("forward") => ("forward", "number"),
                Some(kind @ ("sipuser" | "huntgroup" | "trunk" | "callflow")) => (kind, "uuid"),
                _ => {
                    let found = value.get("type").unwrap_or(value);
                    super::wrong(self, &at.child("type"), "`sipuser`, `huntgroup` or `forward`", found);
                    continue;
                }
            };
            if text(needs).is_none() {
                self.error(&at.child(needs), format!("`{kind}` needs `{needs}`"));
            }
        }
    }

    /// Hold music is for calls on hold, and there are none; the route goes on.
    pub(super) fn music_on_hold(&mut self, step: &Step<'_>) {
        self.not_there("music on hold", Some("next"), step);
        self.onward(Op::Unavailable { feature: "music on hold".to_owned() }, step);
    }

    /// A module that ends the route: at `noanswer` or `next` if it has one all the same, else the call.
    pub(super) fn absent(&mut self, feature: &str, step: &Step<'_>) {
        let on = ["noanswer", "next"].into_iter().find(|member| step.members.get(member).is_some());
        let target = on.and_then(|member| self.target(&step.members, member));
        self.not_there(feature, target.and(on), step);
        let target = target.unwrap_or_else(|| self.end(step, 480, "unavailable"));
        self.put(step, Op::Unavailable { feature: feature.to_owned() }, Edges::always(target));
    }

    /// Tells the author what will not happen, and what will.
    pub(super) fn not_there(&mut self, feature: &str, member: Option<&str>, step: &Step<'_>) {
        let follows = match member {
            Some(member) => format!("`{member}` follows"),
            None => "the call ends here".to_owned(),
        };
        self.warn(&step.at, format!("{feature} is not there yet; {follows}"));
    }
}
