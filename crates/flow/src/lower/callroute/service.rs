//! Modules that hand the caller over to a service: voicemail, fax, queues, music on hold, other routes.
//!
//! Those that end a route go on at `noanswer` or `next` all the same if they have one and the service is not there.

use super::{Route, Step};
use crate::ir::{Edges, Feature, Install, Leave, Op, Outcome, Queue, Subflow, Target, Template};
use crate::lower::Code;

impl Route<'_> {
    /// Hold music from here on.
    pub(super) fn music_on_hold(&mut self, step: &Step<'_>) {
        match self.needed(step, "class") {
            Some(class) => self.onward(feature(Feature::HoldMusic(Template::literal(class))), step),
            None => self.onward(Op::Noop, step),
        }
    }

    /// A message for each of the boxes.
    pub(super) fn voicemail(&mut self, step: &Step<'_>) {
        let at = step.members.at("mailboxes");
        let list = step.members.list(&mut self.builder, "mailboxes").unwrap_or_default();
        let mut boxes = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value.as_str().filter(|name| !name.is_empty()) {
                Some(name) => boxes.push(Template::literal(name)),
                None => super::wrong(self, &at.child(index), "a mailbox's uuid", value),
            }
        }
        if boxes.is_empty() && step.members.get("mailboxes").is_none_or(|list| list.is_array()) {
            self.builder.report(Code::MissingOption, &at, "`mailboxes` is missing: no message can be left");
        }
        self.hand_over(leave(boxes), step);
    }

    pub(super) fn fax(&mut self, step: &Step<'_>) {
        self.hand_over(Feature::Fax { owner: None, t38: None }, step);
    }

    pub(super) fn queue(&mut self, step: &Step<'_>) {
        let id = self.needed(step, "uuid").unwrap_or_default();
        let queue = Queue {
            id: Template::literal(id),
            priority: 0,
            timeout: step.members.seconds(&mut self.builder, "duration"),
            service: None,
            exit_keys: None,
            wait: None,
        };
        self.hand_over(Feature::Queue(queue), step);
    }

    /// Another route takes the call.
    pub(super) fn other_route(&mut self, step: &Step<'_>) {
        let next = self.otherwise(step);
        let op = match self.needed(step, "uuid") {
            Some(id) => Op::Subflow(Subflow { id: Template::literal(id), install: Install::Replace }),
            None => Op::Noop,
        };
        self.put(step, op, Edges::always(next));
    }

    /// What is known by name only: nobody documented what stands in it.
    pub(super) fn undocumented(&mut self, feature: &str, step: &Step<'_>) {
        let target = self.otherwise(step);
        let message = format!("what stands in {feature} is documented nowhere; the route goes on without");
        self.builder.report(Code::Unsupported, &step.at, message);
        self.put(step, Op::Unavailable { feature: feature.to_owned() }, Edges::always(target));
    }

    /// Answers, hands over, and hangs up afterwards.
    fn hand_over(&mut self, service: Feature, step: &Step<'_>) {
        let otherwise = self.otherwise(step);
        let edges = Edges::always(otherwise).case(Outcome::Done, Target::Hangup);
        let node = self.add(step, feature(service), edges);
        self.put(step, Op::Answer, Edges::always(node));
    }

    /// Where a module that ends the route goes on if it cannot.
    fn otherwise(&mut self, step: &Step<'_>) -> Target {
        let on = ["noanswer", "next"].into_iter().find(|member| step.members.get(member).is_some());
        let target = on.and_then(|member| self.target(&step.members, member));
        target.unwrap_or_else(|| self.end(step, 480, "unavailable"))
    }
}

/// An operation of the switch.
pub(super) fn feature(feature: Feature) -> Op {
    Op::Feature(Box::new(feature))
}

/// Leaving a message in each of these boxes.
pub(super) fn leave(boxes: Vec<Template>) -> Feature {
    // Five minutes, as long as a message of this system may be.
    let longest = Some(std::time::Duration::from_secs(300));
    let (skip_greeting, skip_instructions, check_if_owner) = (false, false, false);
    Feature::Leave(Leave {
        boxes,
        longest,
        skip_greeting,
        skip_instructions,
        check_if_owner,
        between: std::time::Duration::from_secs(5),
    })
}
