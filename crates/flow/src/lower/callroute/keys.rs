//! Modules that take keys: `pressextension` and `dialbyextension`.
//!
//! A sound that cannot be played takes no edge of its own: the caller may know what to press.

use std::time::Duration;

use super::service::{feature, leave};
use super::{Members, Route, Step};
use crate::ir::{Callee, Collect, Edges, Expr, Fact, Item, Op, Outcome, Part, Target, Template};
use crate::lower::Code;

/// Time for a key if the module does not say.
const FIRST: Duration = Duration::from_secs(10);
/// Time between the keys of a longer number.
const BETWEEN: Duration = Duration::from_secs(5);
/// How long the telephone rings if the module does not say.
const RING: Duration = Duration::from_secs(30);

impl Route<'_> {
    /// One key, which stops the sound; the time for it starts when the sound is over.
    pub(super) fn press_extension(&mut self, step: &Step<'_>) {
        let sound = self.sound(step);
        let first = step.members.seconds(&mut self.builder, "duration").unwrap_or(FIRST);
        let next = self.next(step);
        let mut cases = Vec::new();
        let mut longest = 1;
        let keys: Vec<String> = next.keys().map(str::to_owned).collect();
        for key in keys.iter().filter(|key| !["invalid", "timeout"].contains(&key.as_str())) {
            if key.is_empty() || !key.bytes().all(|key| b"0123456789*#".contains(&key)) {
                let message = format!("`{key}` is no key of a telephone: expected 0 to 9, `*` or `#`");
                self.builder.report(Code::BadValue, &next.at(key), message);
                continue;
            }
            longest = longest.max(key.len() as u32);
            let target = self.or_end(&next, key);
            cases.push((Outcome::Key(key.clone()), target));
        }
        cases.push((Outcome::Timeout, self.or_end(&next, "timeout")));
        let invalid = self.or_end(&next, "invalid");
        let collect = Collect { max: Some(longest), ..gather(sound, first, String::new()) };
        self.put(step, Op::Collect(collect), Edges { cases, otherwise: invalid });
    }

    /// A number, ended by `#` or by a pause; then its telephone rings.
    pub(super) fn dial_by_extension(&mut self, step: &Step<'_>) {
        let sound = self.sound(step);
        let first = step.members.seconds(&mut self.builder, "wait_duration").unwrap_or(FIRST);
        let rings = step.members.seconds(&mut self.builder, "dial_duration").unwrap_or(RING);
        let next = self.next(step);
        let timeout = self.or_end(&next, "timeout");
        let invalid = self.or_end(&next, "invalid");
        let typed = || Template(vec![Part::Value(Expr::Fact(Fact::LastDigits))]);
        let noanswer = match step.members.text(&mut self.builder, "noanswer").as_deref() {
            Some("sipuser_voicemail") => {
                Some(self.add(step, feature(leave(vec![typed()])), Edges::always(Target::Hangup)))
            }
            _ => self.target(&step.members, "noanswer"),
        };
        let dial = self.dialling(vec![Callee::Extension(typed()).into()], rings, step);
        let edges = Edges::always(noanswer.unwrap_or(Target::Hangup))
            .case(Outcome::Done, Target::Hangup)
            // Nobody has this extension.
            .case(Outcome::Key("UNALLOCATED_NUMBER".to_owned()), invalid);
        let dial = self.add(step, Op::Dial(Box::new(dial)), edges);
        let edges = Edges::always(dial).case(Outcome::Timeout, timeout);
        self.put(step, Op::Collect(gather(sound, first, "#".to_owned())), edges);
    }

    fn next<'a>(&mut self, step: &Step<'a>) -> Members<'a> {
        let at = step.members.at("next");
        let next = step.members.get("next");
        if next.is_none() {
            let message = "`next` is missing: a map of keys, `invalid` and `timeout` to modules";
            self.builder.report(Code::MissingOption, &at, message);
        }
        Members::of(&mut self.builder, next, at)
    }
}

fn gather(prompts: Vec<Item>, first: Duration, terminators: String) -> Collect {
    Collect { terminators, between: BETWEEN, ..Collect::new(prompts, first) }
}
