//! Modules that ring: `device`, `user`, `ring_group`, `group`, `page_group`, `intercom`, `route_to_cid`.
//!
//! A conversation ends the flow.
//! A failure takes the child of its cause (`USER_BUSY`), else that of its status (`sip:486`), else `_`.

use std::time::Duration;

use serde_json::Value;

use super::super::members::{Members, wrong};
use super::people::{captured, value};
use super::{Step, Walk};
use crate::ir::{
    Binary, Callee, Cause, Dial, Edges, Endpoint, Expr, Fact, Feature, Identity, Meanwhile, NodeId, Op,
    Order, Outcome, Page, Pointer, Target, Template, Withheld,
};
use crate::lower::Code;

/// How long somebody rings, if nothing is said; 0 means the same.
const RING: Duration = Duration::from_secs(20);
/// How long a page waits for phones.
const PAGE: Duration = Duration::from_secs(5);
/// Most rounds of a ring group; nobody waits for more.
const ROUNDS: u32 = 100;

impl<'a> Walk<'a> {
    pub(super) fn device(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let order = self.order("dial_strategy", step);
        let dial = self.ringing(vec![Callee::Device(Template::literal(id))], step);
        self.dial(Dial { order, ..dial }, step)
    }

    pub(super) fn user(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let order = self.order("strategy", step);
        let dial = self.ringing(vec![Callee::User(Template::literal(id))], step);
        let one_rejects_all = self.flag(step, "fail_on_single_reject");
        self.dial(Dial { order, one_rejects_all, ..dial }, step)
    }

    /// Whoever shows the captured number, or the dialled one, as a caller id.
    pub(super) fn route_to_cid(&mut self, step: &Step<'a>) -> NodeId {
        const CLASSES: [&str; 4] = ["internal", "external", "emergency", "asserted"];
        let classes = self.chosen("cid_types", &CLASSES, step);
        let classes = if classes.is_empty() { vec!["internal"] } else { classes };
        let kind = match self.chosen("endpoint_types", &["user", "device"], step).as_slice() {
            [one] => *one,
            _ => "",
        };
        let facts = [Fact::CaptureGroup, Fact::CalledNumber].map(|fact| Box::new(Expr::Fact(fact)));
        let [captured, called] = facts;
        let number = value(Expr::Binary(Binary::Or, captured, called));
        let shows = |class: &'static str| Callee::Shows { number: number.clone(), class, kind };
        let dial = self.ringing(classes.into_iter().map(shows).collect(), step);
        self.dial(dial, step)
    }

    /// The captured extension, whose phone answers by itself.
    pub(super) fn intercom(&mut self, step: &Step<'a>) -> NodeId {
        let barge = self.flag(step, "barge_calls");
        let dial = Dial::new(vec![Callee::Extension(captured()).into()], RING);
        self.dial(Dial { auto_answer: true, barge, ..dial }, step)
    }

    pub(super) fn ring_group(&mut self, step: &Step<'a>) -> NodeId {
        let to = self.endpoints(step);
        self.ring_together(to, false, step)
    }

    /// The same for a group of the account, or for those of `endpoints`; it answers first.
    pub(super) fn group(&mut self, step: &Step<'a>) -> NodeId {
        let to = match self.words(step, "id") {
            Some(id) if step.data.get("endpoints").is_none() => vec![Callee::Group(id).into()],
            _ => self.endpoints(step),
        };
        self.ring_together(to, true, step)
    }

    fn ring_together(&mut self, to: Vec<Endpoint>, answers: bool, step: &Step<'a>) -> NodeId {
        let order = self.order("strategy", step);
        let timeout = self.limit_of(&step.data, RING);
        let rounds = step.data.count(&mut self.builder, "repeats").unwrap_or(1).clamp(1, ROUNDS);
        let meanwhile = self.heard_meanwhile(step);
        let alert = self.ringtones(step);
        let follow_forward = !step.data.flag(&mut self.builder, "ignore_forward").unwrap_or(true);
        let one_rejects_all = self.flag(step, "fail_on_single_reject");
        if to.is_empty() {
            let message = "nobody to ring: `endpoints` needs at least one; the child `_` follows";
            self.report(Code::MissingOption, &step.data.at("endpoints"), message);
            return self.onward(Op::Noop, step);
        }
        let dial = Dial::new(to, timeout);
        let dial = Dial { order, rounds, meanwhile, alert, follow_forward, one_rejects_all, answers, ..dial };
        self.dial(dial, step)
    }

    pub(super) fn page_group(&mut self, step: &Step<'a>) -> NodeId {
        let to = self.endpoints(step);
        let two_way = self.text(step, "audio").is_some_and(|audio| audio == "two-way");
        let timeout = self.limit_of(&step.data, PAGE);
        let barge = self.flag(step, "barge_calls");
        self.ending(Feature::Page(Page { to, two_way, timeout, barge }), step)
    }

    /// A node that dials, with the edges of a bridge.
    pub(super) fn dial(&mut self, dial: Dial, step: &Step<'a>) -> NodeId {
        let edges = bridge(step.next(), step);
        self.add(Op::Dial(Box::new(dial)), edges, step)
    }

    /// What `device`, `user` and `route_to_cid` have in common. A limit counts from when it rings.
    fn ringing(&mut self, callees: Vec<Callee>, step: &Step<'a>) -> Dial {
        let timeout = self.limit_of(&step.data, RING);
        let delay = step.data.seconds(&mut self.builder, "delay").unwrap_or_default();
        let to = callees.into_iter().map(|callee| Endpoint { delay, ..callee.into() }).collect();
        let withheld = if self.flag(step, "suppress_clid") { Withheld::Both } else { Withheld::Nothing };
        Dial {
            identity: Identity { withheld, ..Identity::default() },
            headers: self.headers(step),
            request_user: self.words(step, "static_invite"),
            own_phones: self.flag(step, "can_call_self"),
            ..Dial::new(to, timeout.saturating_add(delay))
        }
    }

    /// `timeout` in seconds; 0 is `usual`.
    fn limit_of(&mut self, of: &Members<'_>, usual: Duration) -> Duration {
        let given = of.seconds(&mut self.builder, "timeout");
        given.filter(|timeout| !timeout.is_zero()).unwrap_or(usual)
    }

    fn order(&mut self, key: &str, step: &Step<'_>) -> Order {
        match self.text(step, key).as_deref() {
            Some("single") => Order::InTurn,
            Some("weighted_random") => Order::Weighted,
            _ => Order::Together,
        }
    }

    /// `custom_sip_headers`. Newer documents sort them by direction; those that come in are nothing to the callee.
    pub(super) fn headers(&mut self, step: &Step<'a>) -> Vec<(String, Template)> {
        let key = "custom_sip_headers";
        let all = Members::of(&mut self.builder, step.data.get(key), step.data.at(key));
        let out = all.get("out").map(|out| Members::of(&mut self.builder, Some(out), all.at("out")));
        let text = |(name, value): (&str, &Value)| match value {
            Value::String(text) => Some((name.to_owned(), Template::literal(text))),
            Value::Number(number) => Some((name.to_owned(), Template::literal(number.to_string()))),
            _ => None,
        };
        out.unwrap_or(all).entries().filter_map(text).collect()
    }

    /// What the caller hears: the module's `ringback`; the callflow's own is put in where there is none.
    pub(super) fn heard_meanwhile(&mut self, step: &Step<'a>) -> Meanwhile {
        self.words(step, "ringback").map_or(Meanwhile::Pass, Meanwhile::Sound)
    }

    /// `Alert-Info` by whether a user of ours calls.
    fn ringtones(&mut self, step: &Step<'a>) -> Option<Template> {
        let tones = Members::of(&mut self.builder, step.data.get("ringtones"), step.data.at("ringtones"));
        let [inside, outside] = ["internal", "external"]
            .map(|key| tones.text(&mut self.builder, key).filter(|tone| !tone.is_empty()));
        if inside.is_none() && outside.is_none() {
            return None;
        }
        let text = |tone: Option<String>| Box::new(Expr::Literal(Value::from(tone.unwrap_or_default())));
        let user = Box::new(Expr::Fact(Fact::User));
        Some(value(Expr::Ternary(user, text(inside), text(outside))))
    }

    /// Those of `endpoints`: objects, or plain ids as seed 000 has them.
    fn endpoints(&mut self, step: &Step<'a>) -> Vec<Endpoint> {
        let at = step.data.at("endpoints");
        let list = step.data.list(&mut self.builder, "endpoints").unwrap_or_default();
        let mut untold = false;
        let mut found = Vec::new();
        for (index, entry) in list.iter().enumerate() {
            let at = at.child(index);
            match entry {
                Value::String(id) if !id.is_empty() => {
                    let callee = self.kept(id).unwrap_or_else(|| {
                        untold = true;
                        Callee::User(Template::literal(id))
                    });
                    found.push(Endpoint { timeout: Some(RING), ..callee.into() });
                }
                Value::Object(object) => found.extend(self.endpoint(&Members::new(object, at))),
                other => wrong(&mut self.builder, &at, "an object with `endpoint_type` and `id`", other),
            }
        }
        if untold {
            let message = "ids that do not say what they are count as users; write `{\"endpoint_type\": \"device\", \
                           \"id\": …}`, or keep them in the document's `devices`, `users` or `groups`";
            self.report(Code::Approximated, &at, message);
        }
        found
    }

    fn endpoint(&mut self, of: &Members<'_>) -> Option<Endpoint> {
        let id = of.text(&mut self.builder, "id").filter(|id| !id.is_empty());
        let Some(id) = id else {
            self.report(Code::MissingOption, &of.at("id"), "`id` is missing; this one is not rung");
            return None;
        };
        let kind = of.text(&mut self.builder, "endpoint_type");
        let name = Template::literal(id.as_str());
        let callee = match kind.as_deref() {
            Some("device") => Callee::Device(name),
            Some("user") => Callee::User(name),
            Some("group") => Callee::Group(name),
            found => {
                let found = found.map_or(String::new(), |found| format!(", found `{found}`"));
                let message = format!("expected `device`, `user` or `group`{found}");
                self.report(Code::BadValue, &of.at("endpoint_type"), message);
                self.kept(&id).unwrap_or(Callee::User(name))
            }
        };
        let delay = of.seconds(&mut self.builder, "delay").unwrap_or_default();
        let timeout = Some(self.limit_of(of, RING));
        let weight = of.count(&mut self.builder, "weight").unwrap_or(1).clamp(1, 100);
        Some(Endpoint { delay, timeout, weight, ..callee.into() })
    }

    /// What the document's `devices`, `users` and `groups` say of an id.
    fn kept(&self, id: &str) -> Option<Callee> {
        let name = || Template::literal(id);
        let is = |place| self.doc.entry(place, id).is_some();
        match () {
            () if is("devices") => Some(Callee::Device(name())),
            () if is("users") => Some(Callee::User(name())),
            () if is("groups") => Some(Callee::Group(name())),
            () => None,
        }
    }

    /// The words of a list that are known; others are told.
    fn chosen(&mut self, key: &str, known: &[&'static str], step: &Step<'a>) -> Vec<&'static str> {
        let list = step.data.list(&mut self.builder, key).unwrap_or_default();
        let at = step.data.at(key);
        let mut found = Vec::new();
        for (index, word) in list.iter().enumerate() {
            match known.iter().find(|known| word.as_str() == Some(known)) {
                Some(known) => found.push(*known),
                None => self.unknown_word(&at.child(index), known, word),
            }
        }
        found
    }

    fn unknown_word(&mut self, at: &Pointer, known: &[&str], found: &Value) {
        let known = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        self.report(Code::BadValue, at, format!("expected one of {known}, found {found}"));
    }
}

/// The edges of a bridge: a conversation stops the flow; `otherwise` is where failures without a child lead.
pub(super) fn bridge(otherwise: Target, step: &Step<'_>) -> Edges {
    // A leg that cannot dial at all takes the first failure there is.
    let mut edges = Edges::always(otherwise)
        .case(Outcome::Done, Target::Return)
        .case(Outcome::Failed(Cause::Unavailable), otherwise);
    for key in step.children.keys() {
        let Some(target) = step.children.get(key) else { continue };
        let status = key.strip_prefix("sip:").and_then(|status| status.trim().parse().ok());
        let outcome =
            status.map_or(Outcome::Key(key.to_owned()), |status| Outcome::Failed(Cause::Status(status)));
        edges = edges.case(outcome, target);
    }
    edges
}
