//! Modules that ring somebody: `extension`, `trunk`, and those of the wild that are like them.
//!
//! An answered call ends when the conversation does. A caller whom nobody answers goes on at `noanswer`; without it he
//! gets the callee's refusal in SIP, or is hung up on if he was answered before.

use std::time::Duration;

use serde_json::Value;

use super::{Route, Step};
use crate::ir::{
    Callee, Dial, Edges, Endpoint, Expr, Fact, Identity, Meanwhile, Op, Outcome, Part, Shown, Target,
    Template,
};
use crate::leg::DialOutcome;
use crate::lower::Code;

/// How long extensions ring if the module does not say.
const RING: Duration = Duration::from_secs(30);

/// How long a call by a trunk may take: carriers give up at about three minutes.
const OUTSIDE: Duration = Duration::from_secs(180);

impl Route<'_> {
    /// All extensions at once.
    pub(super) fn extension(&mut self, step: &Step<'_>) {
        let to = self.destinations(step);
        let timeout = step.members.seconds(&mut self.builder, "duration").unwrap_or(RING);
        let dial = self.dialling(to, timeout, step);
        let mut cases = Vec::new();
        for (member, outcome) in [
            ("answer", Outcome::Done),
            ("busy", Outcome::Key(DialOutcome::Busy.word().to_owned())),
            ("unavailable", Outcome::Key(DialOutcome::Unavailable.word().to_owned())),
        ] {
            if step.members.get(member).is_some()
                && let Some(target) = self.target(&step.members, member)
            {
                cases.push((outcome, target));
            }
        }
        if !cases.iter().any(|(outcome, _)| *outcome == Outcome::Done) {
            cases.push((Outcome::Done, Target::Hangup));
        }
        let noanswer = self.target(&step.members, "noanswer");
        self.ring(dial, cases, noanswer, step);
    }

    /// `forwardcall` of the wild: one number outside.
    pub(super) fn forward(&mut self, step: &Step<'_>) {
        if step.members.get("extensions").is_some() {
            return self.extension(step);
        }
        let Some(number) = self.needed(step, "number") else { return self.nobody(step) };
        let to = vec![Callee::Trunk { name: None, number: Template::literal(number) }.into()];
        let timeout = step.members.seconds(&mut self.builder, "duration").unwrap_or(RING);
        let dial = self.dialling(to, timeout, step);
        let noanswer = self.target(&step.members, "noanswer");
        self.ring(dial, vec![(Outcome::Done, Target::Hangup)], noanswer, step);
    }

    /// A trunk carries the number that was called.
    pub(super) fn trunk(&mut self, step: &Step<'_>) {
        let Some(name) = self.needed(step, "uuid") else { return self.nobody(step) };
        let called = Template(vec![Part::Value(Expr::Fact(Fact::CalledNumber))]);
        let to = vec![Callee::Trunk { name: Some(Template::literal(name)), number: called }.into()];
        let dial = Dial { identity: Identity::default(), ..self.dialling(to, OUTSIDE, step) };
        let next = self.target(&step.members, "noanswer");
        self.ring(dial, vec![(Outcome::Done, Target::Hangup)], next, step);
    }

    /// A dialling with what the route and the module say of how the caller is shown and of what is heard.
    pub(super) fn dialling(&mut self, to: Vec<Endpoint>, timeout: Duration, step: &Step<'_>) -> Dial {
        let mut dial = Dial::new(to, timeout);
        let mut sound = |key: &str| {
            let name = step.members.text(&mut self.builder, key).filter(|name| !name.is_empty());
            name.map(Template::literal)
        };
        if let Some(ringtone) = sound("ringtone") {
            dial.meanwhile = Meanwhile::Sound(ringtone);
        }
        dial.announcement = sound("announcement");
        dial.identity.prefix = self.shown.prefix.clone();
        // A route by itself says nothing; only an object with its two flags does.
        if self.shown != Identity::default() {
            dial.outside = Some(self.shown.clone());
        }
        dial
    }

    /// Puts a dialling whose failures lead to `noanswer`, or end the call as the callee did.
    pub(super) fn ring(
        &mut self,
        dial: Dial,
        cases: Vec<(Outcome, Target)>,
        noanswer: Option<Target>,
        step: &Step<'_>,
    ) {
        let op = Op::Dial(Box::new(Dial { relay: noanswer.is_none(), ..dial }));
        self.put(step, op, Edges { cases, otherwise: noanswer.unwrap_or(Target::Hangup) });
    }

    /// A module that names nobody: as if nobody had answered.
    fn nobody(&mut self, step: &Step<'_>) {
        let target = self.target(&step.members, "noanswer");
        let target = target.unwrap_or_else(|| self.end(step, 480, "no answer"));
        self.put(step, Op::Noop, Edges::always(target));
    }

    /// The text of a member that the module cannot do without.
    pub(super) fn needed(&mut self, step: &Step<'_>, key: &str) -> Option<String> {
        let text = step.members.text(&mut self.builder, key).filter(|text| !text.is_empty());
        if text.is_none() {
            self.builder.report(Code::MissingOption, &step.members.at(key), format!("`{key}` is missing"));
        }
        text
    }

    /// Who is called; tells what is wrong with the list.
    fn destinations(&mut self, step: &Step<'_>) -> Vec<Endpoint> {
        let at = step.members.at("extensions");
        let list = step.members.list(&mut self.builder, "extensions").unwrap_or_default();
        if step.members.get("extensions").is_none_or(|list| list.as_array().is_some_and(Vec::is_empty)) {
            self.builder.report(Code::MissingOption, &at, "`extensions` is missing: nobody is called");
        }
        let mut to = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let at = at.child(index);
            let text = |key: &str| match value.get(key) {
                Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            let kind = text("type").unwrap_or_default();
            let needs = match kind.as_str() {
                "forward" => "number",
                "sipuser" | "huntgroup" | "trunk" | "callflow" => "uuid",
                _ => {
                    let found = value.get("type").unwrap_or(value);
                    super::wrong(self, &at.child("type"), "`sipuser`, `huntgroup` or `forward`", found);
                    continue;
                }
            };
            let Some(id) = text(needs) else {
                let message = format!("`{kind}` needs `{needs}`");
                self.builder.report(Code::MissingOption, &at.child(needs), message);
                continue;
            };
            let id = Template::literal(id);
            let callee = match kind.as_str() {
                "forward" => Callee::Trunk { name: None, number: id },
                "huntgroup" => Callee::Group(id),
                "callflow" => Callee::Extension(id),
                "trunk" => {
                    let number = Template(vec![Part::Value(Expr::Fact(Fact::CalledNumber))]);
                    Callee::Trunk { name: Some(id), number }
                }
                _ => Callee::User(id),
            };
            to.push(callee.into());
        }
        to
    }
}

/// How the caller is shown to those whom the route calls outside: `show_original_caller_id` and
/// `show_call_route_name` of the call flow object around the map.
pub(super) fn shown(object: Option<&serde_json::Map<String, Value>>) -> Identity {
    let flag = |key: &str| match object.and_then(|object| object.get(key)) {
        Some(Value::Bool(flag)) => Some(*flag),
        Some(Value::String(text)) => Some(text.eq_ignore_ascii_case("true")),
        _ => None,
    };
    let name = object.and_then(|object| object.get("name")).and_then(Value::as_str).unwrap_or_default();
    let number = match flag("show_original_caller_id") {
        // The documentation's default: the number that was called.
        Some(false) => Shown::Called,
        Some(true) | None => Shown::Caller,
    };
    let named = flag("show_call_route_name") == Some(true) && !name.is_empty();
    Identity { number, prefix: named.then(|| Template::literal(name)), ..Identity::default() }
}
