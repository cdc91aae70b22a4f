//! Modules that reach people or change what is kept of them: which name becomes what, and what the families share.

use super::{Step, Walk};
use crate::ir::{
    Barge, Cause, Edges, Expr, Fact, Feature, Item, NodeId, Op, Outcome, Part, Play, Repeat, SpeechItem,
    Target, Template,
};

/// Those that go on at `_` only, or not at all.
const STRAIGHT: &[&str] = &[
    "acdc_agent",
    "acdc_queue",
    "after_bridge",
    "call_forward",
    "call_waiting",
    "do_not_disturb",
    "dynamic_cid",
    "edr",
    "function",
    "hotdesk",
    "lookupcidname",
    "manual_presence",
    "missed_call_alert",
    "notification",
    "privacy",
    "ring_group_toggle",
    "set_alert_info",
];

impl<'a> Walk<'a> {
    /// Lowers the module `name` if it is one of these.
    pub(super) fn people(&mut self, name: &str, step: &Step<'a>) -> Option<NodeId> {
        if STRAIGHT.contains(&name) && name != "hotdesk" {
            self.only_next(name, step);
        }
        Some(match name {
            "device" => self.device(step),
            "user" => self.user(step),
            "ring_group" => self.ring_group(step),
            "group" => self.group(step),
            "page_group" => self.page_group(step),
            "intercom" => self.intercom(step),
            "route_to_cid" => self.route_to_cid(step),
            "resources" => self.resources(true, step),
            "offnet" => self.resources(false, step),
            "transfer" => self.transfer(step),
            "after_bridge" => self.after_bridge(step),
            "move" => self.take_over(step),
            "park" => self.park(step),
            "group_pickup" | "intercept" => self.pickup(name, step),
            "group_pickup_feature" | "intercept_feature" => self.pickup_captured(name, step),
            "eavesdrop" => self.eavesdrop(false, step),
            "eavesdrop_feature" => self.eavesdrop(true, step),
            "camping_feature" => self.camp(step),
            "call_forward" => self.call_forward(step),
            "do_not_disturb" => self.do_not_disturb(step),
            "call_waiting" => self.call_waiting(step),
            "hotdesk" => self.hotdesk(step),
            "ring_group_toggle" => self.ring_group_toggle(step),
            "manual_presence" => self.presence(step),
            "set_alert_info" => self.alert_info(step),
            "lookupcidname" => self.lookup_name(step),
            "privacy" => self.privacy(step),
            "dynamic_cid" => self.dynamic_cid(step),
            "nomorobo" => self.nomorobo(step),
            "voicemail" => self.voicemail(step),
            "receive_fax" => self.fax(&["owner_id"], step),
            "faxbox" => self.fax(&["id", "faxbox_id"], step),
            "fax_detect" => self.fax_detect(step),
            "acdc_member" => self.queue_member(step),
            "acdc_agent" => self.agent(step),
            "acdc_queue" => self.agent_of_queue(step),
            "acdc_wait_time" => self.wait_time(step),
            "missed_call_alert" => self.missed_call(step),
            "notification" => self.notification(step),
            "edr" => self.event("edr", step),
            "function" => self.event("function", step),
            _ => return None,
        })
    }

    /// A text of the module's that is not empty.
    pub(super) fn text(&mut self, step: &Step<'_>, key: &str) -> Option<String> {
        step.data.text(&mut self.builder, key).filter(|text| !text.is_empty())
    }

    /// The same as a template.
    pub(super) fn words(&mut self, step: &Step<'_>, key: &str) -> Option<Template> {
        self.text(step, key).map(Template::literal)
    }

    /// A flag, false unless it says otherwise.
    pub(super) fn flag(&mut self, step: &Step<'_>, key: &str) -> bool {
        step.data.flag(&mut self.builder, key).unwrap_or(false)
    }

    /// A feature after which the flow stops; whatever else comes of it leads to a child of that name or to `_`.
    pub(super) fn ending(&mut self, feature: Feature, step: &Step<'_>) -> NodeId {
        let edges = step.onward().case(Outcome::Done, Target::Return);
        self.add(Op::Feature(Box::new(feature)), edges, step)
    }

    /// A feature after which the flow stops, however it went; where it is not configured, `_` follows.
    pub(super) fn final_feature(&mut self, name: &str, feature: Feature, step: &Step<'_>) -> NodeId {
        self.only_next(name, step);
        let edges = Edges::always(Target::Return).case(Outcome::Failed(Cause::Unavailable), step.next());
        self.add(Op::Feature(Box::new(feature)), edges, step)
    }

    /// A feature that goes on at `_` whatever happens.
    pub(super) fn passing(&mut self, feature: Feature, step: &Step<'_>) -> NodeId {
        self.onward(Op::Feature(Box::new(feature)), step)
    }

    /// A node that says something, and answers if nothing did before.
    pub(super) fn spoken(&mut self, text: &str, then: Target, step: &Step<'_>) -> Target {
        let play = Play {
            items: vec![speech(text)],
            repeat: Repeat::Times(1),
            barge: Barge::Any,
            consume: false,
            answers: true,
        };
        Target::Node(self.add(Op::Play(play), Edges::always(then), step))
    }
}

/// Words of our own.
pub(super) fn speech(text: &str) -> Item {
    Item::Speech(SpeechItem {
        text: Template::literal(text),
        language: Some(Template::literal("en-US")),
        ..SpeechItem::default()
    })
}

/// The text of an expression.
pub(super) fn value(expr: Expr) -> Template {
    Template(vec![Part::Value(expr)])
}

/// What the dialled number's pattern captured.
pub(super) fn captured() -> Template {
    value(Expr::Fact(Fact::CaptureGroup))
}

#[cfg(test)]
mod tests;
