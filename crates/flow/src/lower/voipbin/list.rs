//! VoIPBIN's list: ids, what follows an action, and what every action needs to be lowered.
//!
//! What follows is `next_id`, else the next element, else the list that fetched this one.
//! Each action's own meaning is in `actions`, `control` and `condition`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{actions, control, ending, media, people, services, variables};
use crate::ir::{Cause, Edges, Expr, Hangup, NodeId, Op, Outcome, Pointer, Target, Template, When};
use crate::lower::members::{Members, wrong};
use crate::lower::options::{self, Place};
use crate::lower::{Builder, Code, Dialect, Lowered, nearest};

/// Every action type that VoIPBIN has or had.
pub(super) const ACTIONS: [&str; 47] = [
    "agent_call",
    "ai_summary",
    "ai_talk",
    "ai_task",
    "amd",
    "answer",
    "beep",
    "block",
    "branch",
    "call",
    "case_create",
    "chatbot_talk",
    "condition_call_digits",
    "condition_call_status",
    "condition_datetime",
    "condition_variable",
    "confbridge_join",
    "conference_join",
    "connect",
    "conversation_send",
    "digits_receive",
    "digits_send",
    "echo",
    "email_send",
    "empty",
    "external_media_start",
    "external_media_stop",
    "fetch",
    "fetch_flow",
    "goto",
    "hangup",
    "hangup_relay",
    "message_send",
    "mute",
    "play",
    "queue_join",
    "recording_start",
    "recording_stop",
    "sleep",
    "stop",
    "stream_echo",
    "talk",
    "transcribe_recording",
    "transcribe_start",
    "transcribe_stop",
    "variable_set",
    "webhook_send",
];

/// Reserved ids: the start, the end, and whatever is next.
const START: &str = "00000000-0000-0000-0000-000000000001";
const FINISH: &str = "00000000-0000-0000-0000-000000000002";
const NEXT: &str = "00000000-0000-0000-0000-000000000003";

/// A flow under translation.
pub(super) struct Lowering {
    pub(super) builder: Builder,
    ids: HashMap<String, NodeId>,
    heads: Vec<NodeId>,
}

/// Whether an object is an action: a type with options, or a type that is known.
pub(super) fn is_action(object: &Map<String, Value>) -> bool {
    let kind = object.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| {
        object.contains_key("option") || ACTIONS.contains(&kind.trim().to_ascii_lowercase().as_str())
    })
}

/// An action in hand.
pub(super) struct Action<'a> {
    /// Its type in lower case.
    pub(super) name: &'a str,
    /// What stands beside `type`.
    pub(super) top: Members<'a>,
    /// What stands in `option`.
    pub(super) option: Members<'a>,
    /// Its node.
    pub(super) head: NodeId,
    /// What follows it.
    pub(super) next: Target,
}

impl Lowering {
    pub(super) fn new(builder: Builder) -> Lowering {
        Lowering { builder, ids: HashMap::new(), heads: Vec::new() }
    }

    /// The flow's list.
    pub(super) fn flow(&mut self, actions: &[Value], pointer: &Pointer) {
        let heads: Vec<NodeId> =
            (0..actions.len()).map(|at| self.builder.add(Op::Noop, &pointer.child(at))).collect();
        self.builder.program().entry = heads.first().copied();
        self.heads.clone_from(&heads);
        for (at, (action, head)) in actions.iter().zip(&heads).enumerate() {
            self.name(action, *head, &pointer.child(at));
        }
        for (at, (action, head)) in actions.iter().zip(&heads).enumerate() {
            let next = heads.get(at + 1).map_or(Target::Return, |id| Target::Node(*id));
            self.builder.edges(*head, Edges::always(next));
            match action.as_object() {
                Some(action) => self.action(action, *head, next, &pointer.child(at)),
                None => {
                    wrong(
                        &mut self.builder,
                        &pointer.child(at),
                        "an action, an object with a `type`",
                        action,
                    );
                }
            }
        }
    }

    fn name(&mut self, action: &Value, head: NodeId, pointer: &Pointer) {
        let Some(id) = action.get("id").and_then(Value::as_str).filter(|id| !is_empty_id(id)) else { return };
        if self.ids.contains_key(id) {
            let message = format!("a second action `{id}`; jumps lead to the first");
            self.builder.report(Code::DuplicateId, &pointer.child("id"), message);
        } else {
            self.ids.insert(id.to_string(), head);
        }
    }

    fn action(&mut self, action: &Map<String, Value>, head: NodeId, next: Target, pointer: &Pointer) {
        let top = Members::new(action, pointer.clone());
        let next = match self.id(&top, "next_id") {
            Some(id) if id != NEXT => self.target(&id, &top.at("next_id")),
            _ => next,
        };
        self.builder.edges(head, Edges::always(next));
        let kind = match top.get("type") {
            Some(Value::String(kind)) => kind,
            Some(other) => {
                wrong(&mut self.builder, &top.at("type"), "the name of an action", other);
                return self.op(head, Op::Residual(other.to_string()));
            }
            None => {
                self.builder.report(Code::MissingModule, pointer, "an action needs a `type`");
                return self.op(head, Op::Residual(String::new()));
            }
        };
        let name = kind.trim().to_ascii_lowercase();
        let option = Members::of(&mut self.builder, top.get("option"), pointer.child("option"));
        let action = Action { name: &name, top, option, head, next };
        let known = control::lower(self, &action)
            || ending::lower(self, &action)
            || actions::lower(self, &action)
            || media::lower(self, &action)
            || people::lower(self, &action)
            || services::lower(self, &action);
        if known {
            self.media_check(&action);
            // The documentation has one type with a capital.
            if *kind != name {
                let message = format!("`{kind}` is written `{name}`");
                self.builder.report(Code::Tolerated, &action.top.at("type"), message);
            }
            for (place, members) in [(Place::Options, &action.option), (Place::Beside, &action.top)] {
                options::check(&mut self.builder, Dialect::Voipbin, &name, members, place);
            }
            return;
        }
        let meant =
            nearest(&name, &ACTIONS).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        let message = format!("unknown action `{kind}`{meant}; it is skipped");
        self.builder.report(Code::UnknownModule, &pointer.child("type"), message);
        self.op(head, Op::Residual(kind.clone()));
    }

    /// Gives a node its operation; its edges stay.
    pub(super) fn op(&mut self, id: NodeId, op: Op) {
        if let Some(node) = self.builder.program().nodes.get_mut(id.0 as usize) {
            node.op = op;
        }
    }

    /// The id that `key` holds; `None` if it is absent, empty or all zeros.
    pub(super) fn id(&mut self, members: &Members<'_>, key: &str) -> Option<String> {
        members.text(&mut self.builder, key).filter(|id| !is_empty_id(id))
    }

    /// Where an id leads. One that no action here has may be a calling flow's; else it ends the flow.
    pub(super) fn target(&mut self, id: &str, pointer: &Pointer) -> Target {
        if let Some(node) = self.ids.get(id) {
            return Target::Node(*node);
        }
        match id {
            START => return self.builder.program().entry.map_or(Target::Return, Target::Node),
            FINISH => return Target::Hangup,
            _ => {}
        }
        let names = self.ids.keys().map(String::as_str);
        let meant = self
            .builder
            .nearest(id, names)
            .map(|name| format!(" (did you mean `{name}`?)"))
            .unwrap_or_default();
        let message = format!(
            "no action has the id `{id}`{meant}; unless a flow that fetches this one has it, the flow ends here"
        );
        self.builder.report(Code::DanglingTarget, pointer, message);
        let leave = Op::Leave(id.to_string());
        let edges = Edges::always(Target::Hangup).case(Outcome::Yes, Target::Return);
        let id = self.builder.add_with(leave, edges, pointer);
        self.builder.within(id);
        Target::Node(id)
    }

    /// The action at this place of the list, from 0.
    pub(super) fn head(&self, index: u32) -> Option<Target> {
        self.heads.get(index as usize).map(|head| Target::Node(*head))
    }

    /// Where the id in `key` leads; `None` if there is none.
    pub(super) fn target_of(&mut self, members: &Members<'_>, key: &str) -> Option<Target> {
        let id = self.id(members, key)?;
        Some(self.target(&id, &members.at(key)))
    }

    /// Moves what stands at `from` to `to`.
    pub(super) fn rebase(&mut self, from: &Pointer, to: &Pointer) {
        self.builder.rebase(from, to);
    }

    pub(super) fn finish(mut self) -> Lowered {
        self.builder.program().names = self.ids;
        self.builder.finish()
    }

    /// A text with variables.
    pub(super) fn template(&mut self, text: &str) -> Template {
        variables::template(text)
    }

    /// The text in `key`, with variables.
    pub(super) fn text(&mut self, members: &Members<'_>, key: &str) -> Option<Template> {
        members.text(&mut self.builder, key).map(|text| variables::template(&text))
    }

    /// A number that may be a variable, as an expression.
    pub(super) fn amount(&mut self, members: &Members<'_>, key: &str) -> Option<Expr> {
        match members.get(key) {
            Some(Value::String(text)) if text.contains("${") => {
                Some(Expr::Template(variables::template(text)))
            }
            _ => members.number(&mut self.builder, key).map(|number| {
                let whole = number.fract() == 0.0 && number.abs() < 9e15;
                Expr::Literal(if whole { (number as i64).into() } else { number.into() })
            }),
        }
    }

    /// Tells that an option is missing.
    pub(super) fn missing(&mut self, action: &Action<'_>, key: &str) {
        let message = format!("{} needs `option.{key}`", action.name);
        self.builder.report(Code::MissingOption, action.top.pointer(), message);
    }

    /// An action that does not run in flows of this kind is passed over.
    fn media_check(&mut self, action: &Action<'_>) {
        let when = when(action.name);
        if when == When::Always {
            return;
        }
        self.builder.when(action.head, when);
        let Some(node) = self.builder.nodes().get(action.head.0 as usize) else { return };
        if node.edges.target(&Outcome::Done) != action.next {
            let edges = node.edges.clone().case(Outcome::Failed(Cause::Unsupported), action.next);
            self.builder.edges(action.head, edges);
        }
    }

    /// A node beside the action's own, which belongs to the same action.
    pub(super) fn beside(&mut self, action: &Action<'_>, op: Op, edges: Edges) -> Target {
        let id = self.builder.add_with(op, edges, action.top.pointer());
        self.builder.within(id);
        Target::Node(id)
    }

    /// The text in `key`, with variables; an empty one is none.
    pub(super) fn filled(&mut self, members: &Members<'_>, key: &str) -> Option<Template> {
        self.text(members, key).filter(|text| text.as_literal() != Some(""))
    }
}

/// Which actions run only with a call, and which only without one; the rest run in all flows.
fn when(name: &str) -> When {
    match name {
        "ai_summary" | "ai_task" | "block" => When::OffCall,
        "agent_call"
        | "amd"
        | "answer"
        | "beep"
        | "condition_call_digits"
        | "condition_call_status"
        | "confbridge_join"
        | "conference_join"
        | "connect"
        | "digits_receive"
        | "digits_send"
        | "echo"
        | "external_media_start"
        | "external_media_stop"
        | "hangup"
        | "hangup_relay"
        | "mute"
        | "play"
        | "queue_join"
        | "recording_start"
        | "recording_stop"
        | "sleep"
        | "stream_echo"
        | "talk"
        | "transcribe_start"
        | "transcribe_stop" => When::OnCall,
        _ => When::Always,
    }
}

fn is_empty_id(id: &str) -> bool {
    id.chars().all(|c| c == '0' || c == '-')
}

/// Ends the call with this status if it was not answered.
pub(super) fn hangup(status: u16, cause: &str) -> Op {
    Op::Hangup(Hangup { status, phrase: None, cause: cause.to_string() })
}
