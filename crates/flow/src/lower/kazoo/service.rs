//! Modules that hand over to a service: mailboxes, fax, call queues, mail, event records.

use std::time::Duration;

use serde_json::Value;

use super::super::members::Members;
use super::people::captured;
use super::place::lamp;
use super::setting::lamp_of;
use super::{Step, Walk};
use crate::ir::{
    Agent, AgentChange, Cause, Channel, Edges, Feature, Install, Lamp, Leave, Mailbox, Message, NodeId, Op,
    Outcome, Queue, Subflow, Target, Template,
};
use crate::lower::Code;

/// Longest message that is left.
const MESSAGE: Duration = Duration::from_secs(500);
/// Time between keys in a mailbox.
const BETWEEN: Duration = Duration::from_millis(2_000);
/// How long a fax machine is listened for.
const FAX: Duration = Duration::from_secs(5);

impl<'a> Walk<'a> {
    /// The box is `id`, else the captured number. What the account keeps of a box may stand in the document's `vmboxes`,
    /// by id, which is ours.
    pub(super) fn voicemail(&mut self, step: &Step<'a>) -> NodeId {
        let check = self.text(step, "action").is_some_and(|action| action == "check");
        let given = self.text(step, "id");
        let between = step.data.millis(&mut self.builder, "interdigit_timeout").unwrap_or(BETWEEN);
        let node = match check {
            true => {
                let id = Some(given.map_or_else(captured, Template::literal));
                let single = self.flag(step, "single_mailbox_login");
                let by_caller = self.flag(step, "callerid_match_login");
                self.passing(Feature::Mailbox(Mailbox { id, single, by_caller, between }), step)
            }
            false => self.compose(given, between, step),
        };
        self.add(Op::Answer, Edges::always(Target::Node(node)), step)
    }

    fn compose(&mut self, given: Option<String>, between: Duration, step: &Step<'a>) -> NodeId {
        let kept = given.as_ref().and_then(|id| self.doc.entry("vmboxes", id));
        let at = kept.as_ref().map_or_else(|| self.doc.pointer.child("vmboxes"), |(_, at)| at.clone());
        let kept = Members::of(&mut self.builder, kept.map(|(value, _)| value), at);
        let builder = &mut self.builder;
        let longest = step.data.seconds(builder, "max_message_length").unwrap_or(MESSAGE);
        let leave = Leave {
            boxes: vec![given.map_or_else(captured, Template::literal)],
            longest: Some(longest),
            skip_greeting: kept.flag(builder, "skip_greeting").unwrap_or(false),
            skip_instructions: kept.flag(builder, "skip_instructions").unwrap_or(false),
            check_if_owner: kept.flag(builder, "check_if_owner").unwrap_or(true),
            between,
        };
        let operator = kept.text(builder, "operator_number").filter(|number| !number.is_empty());
        let mut edges = step.onward();
        if let Some(number) = operator {
            // The operator's callflow comes back to `_`, as every callflow that is branched to.
            let subflow = Subflow { id: Template::literal(number), install: Install::Push };
            let operator = self.onward(Op::Subflow(subflow), step);
            edges = edges.case(Outcome::Key("operator".to_owned()), Target::Node(operator));
        }
        self.add(Op::Feature(Box::new(Feature::Leave(leave))), edges, step)
    }

    /// Hands the call to the fax machine; the flow stops, however it went.
    pub(super) fn fax(&mut self, owners: &[&str], step: &Step<'a>) -> NodeId {
        let owner = owners.iter().find_map(|key| self.words(step, key));
        let media = Members::of(&mut self.builder, step.data.get("media"), step.data.at("media"));
        let t38 = match media.get("fax_option") {
            Some(Value::String(word)) if word == "auto" => None,
            Some(_) => media.flag(&mut self.builder, "fax_option"),
            None => None,
        };
        let edges = Edges::always(Target::Return).case(Outcome::Failed(Cause::Unavailable), step.next());
        self.add(Op::Feature(Box::new(Feature::Fax { owner, t38 })), edges, step)
    }

    pub(super) fn fax_detect(&mut self, step: &Step<'a>) -> NodeId {
        let length = step.data.seconds(&mut self.builder, "duration").filter(|length| !length.is_zero());
        let child = |key: &str| step.children.get(key).unwrap_or(step.next());
        let key = |word: &str| Outcome::Key(word.to_owned());
        // Where nothing can listen, a person is more likely.
        let edges = step
            .onward()
            .case(key("fax"), child("ON_FAX"))
            .case(key("voice"), child("ON_VOICE"))
            .case(Outcome::Failed(Cause::Unavailable), child("ON_VOICE"));
        self.add(Op::Feature(Box::new(Feature::FaxDetect(length.unwrap_or(FAX)))), edges, step)
    }

    /// A conversation with an agent ends the flow; whatever else comes of waiting leads on.
    pub(super) fn queue_member(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        self.only_next("acdc_member", step);
        let priority = step.data.count(&mut self.builder, "priority").unwrap_or(0);
        let id = Template::literal(id);
        let queue = Queue { id, priority, timeout: None, service: None, exit_keys: None, wait: None };
        self.ending(Feature::Queue(queue), step)
    }

    pub(super) fn agent(&mut self, step: &Step<'a>) -> NodeId {
        let pause = step.data.seconds(&mut self.builder, "timeout").filter(|pause| !pause.is_zero());
        let (change, usual) = match self.text(step, "action").as_deref() {
            Some("logout") => (AgentChange::Logout, Lamp::Busy),
            Some("paused") => (AgentChange::Pause(pause), Lamp::Ringing),
            Some("resume") => (AgentChange::Resume, Lamp::Idle),
            Some("login") => (AgentChange::Login, Lamp::Idle),
            _ => {
                let message = "expected `login`, `logout`, `paused` or `resume`; the module is skipped";
                self.report(Code::MissingOption, &step.data.at("action"), message);
                return self.onward(Op::Noop, step);
            }
        };
        let shown = self.text(step, "presence_state").and_then(|word| lamp(&word)).unwrap_or(usual);
        let change = Feature::Agent(Agent { agent: None, queue: None, change });
        match self.text(step, "presence_id") {
            None => self.passing(change, step),
            Some(id) => {
                let lamp = self.passing(Feature::Presence { id: lamp_of(id), lamp: shown }, step);
                let edges = step.onward().case(Outcome::Done, Target::Node(lamp));
                self.add(Op::Feature(Box::new(change)), edges, step)
            }
        }
    }

    pub(super) fn agent_of_queue(&mut self, step: &Step<'a>) -> NodeId {
        let queue = self.words(step, "id");
        let change = match self.text(step, "action").as_deref() {
            Some("logout") => AgentChange::Logout,
            _ => AgentChange::Login,
        };
        self.passing(Feature::Agent(Agent { agent: None, queue, change }), step)
    }

    /// The child with the highest number of seconds that callers waited at least.
    pub(super) fn wait_time(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let window = step.data.seconds(&mut self.builder, "window").filter(|window| !window.is_zero());
        let steps = self.steps(step);
        let feature = Feature::WaitTime { queue: Template::literal(id), window, steps };
        let edges = step.children.edges();
        self.add(Op::Feature(Box::new(feature)), edges, step)
    }

    /// The children that are numbers; others are told.
    pub(super) fn steps(&mut self, step: &Step<'a>) -> Vec<u32> {
        let mut steps = Vec::new();
        for key in step.children.keys() {
            match key.parse() {
                Ok(number) => steps.push(number),
                Err(_) => {
                    let at = step.at.child("children").child(key);
                    self.builder.report(Code::IgnoredBranch, &at, "never reached: expected a number or `_`");
                }
            }
        }
        steps
    }

    /// Mail when the call is over, if nobody talked to the caller and no message was left.
    pub(super) fn missed_call(&mut self, step: &Step<'a>) -> NodeId {
        let to = self.recipients(step);
        if to.is_empty() {
            return self.onward(Op::Noop, step);
        }
        let text = Template::literal("missed_call");
        let message = Message { at_end: true, if_missed: true, ..Message::new(Channel::Mail, to, text) };
        self.passing(Feature::Message(message), step)
    }

    pub(super) fn notification(&mut self, step: &Step<'a>) -> NodeId {
        let to = self.recipients(step);
        let at_end = self.text(step, "send_at").is_none_or(|when| when != "callflow_exec");
        let subject = self.words(step, "comments");
        let template = self.words(step, "template_id");
        let text = template.or_else(|| subject.clone()).unwrap_or_else(|| Template::literal("notification"));
        let media = step.data.list(&mut self.builder, "notification_media").unwrap_or_default();
        let mut ways: Vec<Channel> = media
            .iter()
            .filter_map(|way| match way.as_str()? {
                "sms" => Some(Channel::Sms),
                "email" => Some(Channel::Mail),
                _ => None,
            })
            .collect();
        if ways.is_empty() {
            ways.push(Channel::Mail);
        }
        if to.is_empty() {
            return self.onward(Op::Noop, step);
        }
        let mut target = step.next();
        let mut node = None;
        for by in ways.into_iter().rev() {
            let message =
                Message { subject: subject.clone(), at_end, ..Message::new(by, to.clone(), text.clone()) };
            let op = Op::Feature(Box::new(Feature::Message(message)));
            let added = self.add(op, Edges::always(target), step);
            target = Target::Node(added);
            node = Some(added);
        }
        node.unwrap_or_else(|| self.onward(Op::Noop, step))
    }

    /// Addresses as they stand, users by their ids.
    fn recipients(&mut self, step: &Step<'a>) -> Vec<Template> {
        let at = step.data.at("recipients");
        let list = step.data.list(&mut self.builder, "recipients").unwrap_or_default();
        let mut found = Vec::new();
        for (index, one) in list.iter().enumerate() {
            let one = Members::of(&mut self.builder, Some(one), at.child(index));
            let kind = one.text(&mut self.builder, "type").unwrap_or_default();
            let ids: Vec<&str> = match one.get("id") {
                Some(Value::String(id)) => vec![id],
                Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let address = |id: &str| match kind.as_str() {
                "user" if !id.contains('@') => format!("user:{id}"),
                _ => id.to_owned(),
            };
            found
                .extend(ids.into_iter().filter(|id| !id.is_empty()).map(|id| Template::literal(address(id))));
        }
        if found.is_empty() {
            self.report(
                Code::MissingOption,
                &at,
                "nobody to tell: `recipients` needs at least one with an `id`",
            );
        }
        found
    }

    /// Tells another system; it is given what the module's data says.
    pub(super) fn event(&mut self, kind: &'static str, step: &Step<'a>) -> NodeId {
        let id = self.words(step, "id").unwrap_or_else(|| Template::literal(kind));
        let data = step.data.get("data").map(|data| Template::literal(data.to_string()));
        self.passing(Feature::Event { kind, id, data }, step)
    }

    /// How likely the caller is a robot, by the child with the highest number that is not above the score.
    pub(super) fn nomorobo(&mut self, step: &Step<'a>) -> NodeId {
        let Some(user) = self.required(step, "username") else { return self.onward(Op::Noop, step) };
        let password = self.words(step, "password").unwrap_or_default();
        let steps = self.steps(step);
        let edges = step.children.edges();
        let feature = Feature::Score { user: Template::literal(user), password, steps };
        self.add(Op::Feature(Box::new(feature)), edges, step)
    }
}
