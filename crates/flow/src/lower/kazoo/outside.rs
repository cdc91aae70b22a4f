//! `resources` and `offnet`: numbers outside, by way of a trunk.
//!
//! Unlike every other module that dials, these do not know the child `_`: without a child for what went wrong the caller
//! gets the failure itself, and the call is over.

use std::time::Duration;

use serde_json::Value;

use super::people::value;
use super::ring::bridge;
use super::variable::lookup;
use super::{Step, Walk};
use crate::ir::{
    Callee, Carriage, Cause, Dial, Edges, Expr, Fact, Hangup, Identity, Meanwhile, NodeId, Op, Outcome,
    Shown, Target, Template,
};
use crate::lower::Code;

/// How long a trunk has, if nothing is said: what Kazoo's own media server takes.
const RING: Duration = Duration::from_secs(60);

impl<'a> Walk<'a> {
    /// `own`: by the account's own trunks, unless the document says otherwise.
    pub(super) fn resources(&mut self, own: bool, step: &Step<'a>) -> NodeId {
        let number = self.words(step, "to_did").unwrap_or_else(|| value(Expr::Fact(Fact::CalledNumber)));
        let timeout = step.data.seconds(&mut self.builder, "timeout");
        let timeout = timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(RING);
        let identity = self.class(step);
        let meanwhile = match self.heard_meanwhile(step) {
            Meanwhile::Pass if self.flag(step, "ignore_early_media") => Meanwhile::Ringing,
            meanwhile => meanwhile,
        };
        let own = step.data.flag(&mut self.builder, "use_local_resources").unwrap_or(own);
        let carriage = self.carriage(own, step);
        let flags = self.outbound_flags(step);
        let headers = self.headers(step);
        if step.children.has_next() {
            let message = "never reached: a failure without a child of its own ends the call";
            self.report(Code::IgnoredBranch, &step.at.child("children").child("_"), message);
        }
        let refusal = Hangup { status: 503, phrase: None, cause: "unavailable".to_owned() };
        let refusal = self.add(Op::Hangup(refusal), Edges::always(Target::Hangup), step);
        let mut edges = bridge(Target::Return, step);
        if let Some((_, target)) =
            edges.cases.iter_mut().find(|(outcome, _)| *outcome == Outcome::Failed(Cause::Unavailable))
        {
            *target = Target::Node(refusal);
        }
        let to = vec![Callee::Trunk { name: None, number }.into()];
        let dial = Dial::new(to, timeout);
        let dial = Dial { identity, meanwhile, carriage, flags, headers, relay: true, ..dial };
        self.add(Op::Dial(Box::new(dial)), edges, step)
    }

    /// The numbers of this class of the caller's, `external` unless it says otherwise.
    fn class(&mut self, step: &Step<'a>) -> Identity {
        const CLASSES: [&str; 3] = ["external", "internal", "emergency"];
        let name = self.text(step, "caller_id_type").unwrap_or_else(|| "external".to_owned());
        let class = CLASSES.into_iter().find(|class| *class == name).unwrap_or("external");
        Identity { number: Shown::Class(class), name: Shown::Class(class), ..Identity::default() }
    }

    fn carriage(&mut self, own: bool, step: &Step<'a>) -> Carriage {
        let as_written = self.flag(step, "bypass_e164") | self.flag(step, "do_not_normalize");
        Carriage {
            own,
            account: self.words(step, "hunt_account_id"),
            as_written,
            realm: self.words(step, "from_uri_realm"),
            formed: self.flag(step, "format_from_uri"),
            tells_account: self.flag(step, "emit_account_id"),
            kind: self.words(step, "resource_type"),
            unrestricted: false,
        }
    }

    /// Words that a trunk must have: those written, and those that the call has by these names.
    fn outbound_flags(&mut self, step: &Step<'a>) -> Vec<Template> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let written = step.data.list(&mut self.builder, "outbound_flags").unwrap_or_default();
        let mut flags: Vec<Template> = written.iter().filter_map(text).map(Template::literal).collect();
        let named = step.data.list(&mut self.builder, "dynamic_flags").unwrap_or_default();
        // A path of names, such as `["custom_channel_vars", "owner_id"]`, counts by its last.
        let last = |value: &Value| text(value).or_else(|| text(value.as_array()?.last()?));
        flags.extend(named.iter().filter_map(last).map(|name| value(lookup(&name))));
        flags
    }
}
