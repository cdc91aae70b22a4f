//! Modules for calls that are elsewhere: `park`, pickups, `eavesdrop`, `camping_feature`, `transfer`, `after_bridge`,
//! `move`.

use std::time::Duration;

use super::super::members::Members;
use super::people::{captured, value};
use super::{Step, Walk};
use crate::ir::{
    AfterBridge, Branch, Callee, Expr, Fact, Feature, Lamp, Listen, Listening, NodeId, Op, Outcome, Park,
    Parking, Pickup, Side, Slot, Target, Template, Transfer,
};
use crate::lower::Code;

/// How long the target of a transfer rings.
const RING: Duration = Duration::from_secs(20);
/// Keys that take an attended transfer back.
const TAKEBACK: &str = "*1";

impl<'a> Walk<'a> {
    /// The slot is the one that is named, else the captured one, else the first that is free.
    pub(super) fn park(&mut self, step: &Step<'a>) -> NodeId {
        let how = match self.text(step, "action").as_deref() {
            Some("retrieve") => Parking::Retrieve,
            Some("auto") => Parking::Auto,
            Some("direct_park") => Parking::Direct,
            _ => Parking::Park,
        };
        let slot = self.words(step, "slot").unwrap_or_else(captured);
        let number = Expr::Template(slot.clone());
        let usual = self.slot(&step.data, "default_", step);
        let all = Members::of(&mut self.builder, step.data.get("slots"), step.data.at("slots"));
        let slots: Vec<(String, Slot)> = all
            .entries()
            .map(|(name, of)| {
                let of = Members::of(&mut self.builder, Some(of), all.at(name));
                let own = self.slot(&of, "", step);
                // What a slot does not say of itself is as usual.
                let slot = Slot {
                    ringback: own.ringback.or(usual.ringback),
                    callback: own.callback.or(usual.callback),
                    presence: own.presence.or_else(|| usual.presence.clone()),
                    lamp: own.lamp.or(usual.lamp),
                };
                (name.to_owned(), slot)
            })
            .collect();
        let most = step.data.count(&mut self.builder, "max_slot_number").filter(|most| *most > 0);
        let too_high = step.children.get("MAX_SLOT_EXCEEDED").unwrap_or(step.next());
        let park = Feature::Park(Park { how, slot: Some(slot), most, usual, slots });
        let edges = step
            .onward()
            .case(Outcome::Done, Target::Return)
            .case(Outcome::Key("too_high".to_owned()), too_high);
        let node = self.add(Op::Feature(Box::new(park)), edges.clone(), step);
        // Nobody took the caller, and the parker does not answer: the slot's child, else parked again.
        let mut by_slot = step.children.edges();
        by_slot.otherwise = Target::Node(node);
        let branch = Branch { on: number, reset: None, flush: false };
        let branch = self.add(Op::Branch(branch), by_slot, step);
        self.builder.edges(node, edges.case(Outcome::Key("callback".to_owned()), Target::Node(branch)));
        node
    }

    /// What is said of a slot; the options of the module itself begin with `default_`.
    fn slot(&mut self, of: &Members<'_>, prefix: &str, step: &Step<'a>) -> Slot {
        let builder = &mut self.builder;
        let key = |name: &str| format!("{prefix}{name}");
        let ringback = of.millis(builder, &key("ringback_timeout"));
        let callback = of.seconds(builder, &key("callback_timeout"));
        let lamp = of.text(builder, &key("presence_type")).and_then(|word| lamp(&word));
        let presence = of.text(builder, "presence_id").filter(|id| !id.is_empty());
        // Explicitly not its own: the lamp is that of the slot.
        let own = step.data.flag(builder, "custom_presence_id").unwrap_or(true);
        let presence = presence.filter(|_| own).map(Template::literal);
        Slot { ringback, callback, presence, lamp }
    }

    /// `group_pickup` takes what rings, `intercept` what is answered too.
    pub(super) fn pickup(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        let Some(of) = self.whose("", step) else {
            let message = "`device_id`, `user_id` or `group_id` is missing; the module is skipped";
            self.report(Code::MissingOption, step.data.pointer(), message);
            return self.onward(Op::Noop, step);
        };
        let approved = self.whose("approved_", step);
        self.final_feature(
            name,
            Feature::Pickup(Pickup { of, answered: name == "intercept", approved }),
            step,
        )
    }

    /// The same for whom the captured number means.
    pub(super) fn pickup_captured(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        let of = match self.text(step, "type").as_deref() {
            Some("user") => Callee::User(captured()),
            Some("device") => Callee::Device(captured()),
            Some("group") if name == "group_pickup_feature" => Callee::Group(captured()),
            _ => Callee::Extension(captured()),
        };
        let approved = self.whose("approved_", step);
        let answered = name == "intercept_feature";
        self.final_feature(name, Feature::Pickup(Pickup { of, answered, approved }), step)
    }

    pub(super) fn eavesdrop(&mut self, of_captured: bool, step: &Step<'a>) -> NodeId {
        let (name, to) = match of_captured {
            true => ("eavesdrop_feature", Some(Callee::Extension(captured()))),
            false => ("eavesdrop", self.whose("", step)),
        };
        let Some(to) = to else {
            let message = "`device_id` or `user_id` is missing; the module is skipped";
            self.report(Code::MissingOption, step.data.pointer(), message);
            return self.onward(Op::Noop, step);
        };
        let within = if of_captured { self.words(step, "group_id").map(Callee::Group) } else { None };
        let approved = self.whose("approved_", step);
        let listen = Listen { to, within, approved, how: Listening::Silent };
        self.final_feature(name, Feature::Listen(listen), step)
    }

    /// The first of `device_id`, `user_id` and `group_id` that is given.
    fn whose(&mut self, prefix: &str, step: &Step<'a>) -> Option<Callee> {
        type Kind = (&'static str, fn(Template) -> Callee);
        const KINDS: [Kind; 3] =
            [("device_id", Callee::Device), ("user_id", Callee::User), ("group_id", Callee::Group)];
        KINDS.into_iter().find_map(|(key, callee)| {
            let id = step.data.text(&mut self.builder, &format!("{prefix}{key}"));
            id.filter(|id| !id.is_empty()).map(|id| callee(Template::literal(id)))
        })
    }

    pub(super) fn camp(&mut self, step: &Step<'a>) -> NodeId {
        self.final_feature("camping_feature", Feature::Camp(Callee::Extension(captured())), step)
    }

    /// The caller's other phone talks; this one takes the conversation over.
    pub(super) fn take_over(&mut self, step: &Step<'a>) -> NodeId {
        let of = Callee::User(value(Expr::Fact(Fact::User)));
        self.final_feature("move", Feature::Pickup(Pickup { of, answered: true, approved: None }), step)
    }

    /// To `target`, else to the first of `captures`, else to the captured number.
    pub(super) fn transfer(&mut self, step: &Step<'a>) -> NodeId {
        let target = self.words(step, "target");
        let given = step.data.list(&mut self.builder, "captures").unwrap_or_default();
        let given = given.iter().filter_map(|value| value.as_str()).find(|number| *number != "no_match");
        let to = target.or_else(|| given.map(Template::literal)).unwrap_or_else(captured);
        let attended = self.text(step, "transfer_type").is_some_and(|how| how == "attended");
        let side = match self.text(step, "leg").as_deref() {
            Some("bleg") => Side::Peer,
            _ => Side::Own,
        };
        let takeback = TAKEBACK.to_owned();
        let transfer = Transfer { to, attended, side, takeback, timeout: RING, ringback: None, music: None };
        self.ending(Feature::Transfer(transfer), step)
    }

    pub(super) fn after_bridge(&mut self, step: &Step<'a>) -> NodeId {
        let data = self.text(step, "data");
        let on = data.as_deref() != Some("false");
        let then = match (self.text(step, "action").as_deref(), data) {
            (Some("park"), _) if on => AfterBridge::Park,
            (Some("transfer"), Some(to)) if on && to != "true" => {
                AfterBridge::Transfer(Template::literal(to))
            }
            (Some("transfer"), _) if on => {
                let message = "`data` needs the number to transfer to; the caller is hung up on";
                self.report(Code::MissingOption, &step.data.at("data"), message);
                AfterBridge::Hangup
            }
            _ => AfterBridge::Hangup,
        };
        self.passing(Feature::AfterBridge(then), step)
    }
}

/// A lamp by the name of its dialog's state.
pub(super) fn lamp(word: &str) -> Option<Lamp> {
    match word {
        "terminated" | "idle" | "green" => Some(Lamp::Idle),
        "early" | "ringing" | "red_flash" => Some(Lamp::Ringing),
        "confirmed" | "busy" | "red_solid" => Some(Lamp::Busy),
        _ => None,
    }
}
