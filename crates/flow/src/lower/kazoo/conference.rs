//! `conference` and `conference_feature`.
//!
//! Kazoo keeps conferences in documents of the account. Here their settings stand in the callflow document's
//! `conferences`, by id, which is ours, or in the module's own `config`; a room that nothing is said of is an open one.

use serde_json::Value;

use super::super::members::Members;
use super::{Step, Walk};
use crate::ir::{
    Announced, Collect, Conference, Edges, Expr, Fact, Item, NodeId, Op, Part, Pin, SpeechItem, Target,
    Template,
};

/// How often a PIN may be typed.
const ATTEMPTS: u32 = 3;

impl<'a> Walk<'a> {
    /// `captured`: the room's number is the capture group of the pattern that was dialled.
    pub(super) fn conference(&mut self, captured: bool, step: &Step<'a>) -> NodeId {
        let id = step.data.text(&mut self.builder, "id").filter(|id| !id.is_empty());
        let config = self.room(id.as_deref(), step);
        let builder = &mut self.builder;
        let name = config.text(builder, "name").filter(|name| !name.is_empty());
        let fact = |fact| Template(vec![Part::Value(Expr::Fact(fact))]);
        let asked = !captured && id.is_none() && name.is_none();
        let room = match (captured, id.or(name)) {
            (true, None) => fact(Fact::CaptureGroup),
            (false, None) => fact(Fact::LastDigits),
            (_, Some(name)) => Template::literal(name),
        };
        let [member, moderator] =
            ["member", "moderator"].map(|who| Members::of(builder, config.get(who), config.at(who)));
        let mut flag = |of: &Members<'_>, key: &str| of.flag(builder, key).unwrap_or(false);
        let conference = Conference {
            room,
            welcome: Vec::new(),
            pins: Vec::new(),
            attempts: ATTEMPTS,
            moderator: flag(&step.data, "moderator"),
            muted: [flag(&member, "join_muted"), flag(&moderator, "join_muted")],
            deaf: [flag(&member, "join_deaf"), flag(&moderator, "join_deaf")],
            most: None,
            closes: false,
            waits: flag(&config, "wait_for_moderator") || flag(&config, "require_moderator"),
            music: None,
            keys: true,
            typed: asked,
            ..Conference::default()
        };
        let conference = Conference {
            welcome: self.welcome(step),
            pins: [self.pins(&member, false), self.pins(&moderator, true)].concat(),
            most: config.count(&mut self.builder, "max_participants").filter(|most| *most > 0),
            entry: self.announced("play_entry_tone", step, &config),
            exit: self.announced("play_exit_tone", step, &config),
            ..conference
        };
        // Kazoo never comes back from a conference; a flow that goes on at `_` means it.
        let after = if step.children.has_next() { step.next() } else { Target::Hangup };
        let node = self.add(Op::Conference(Box::new(conference)), Edges::always(after), step);
        if !asked {
            return node;
        }
        let op = Op::Collect(number());
        self.add(op, Edges::always(Target::Node(node)), step)
    }

    /// What is said of the room.
    fn room(&mut self, id: Option<&str>, step: &Step<'a>) -> Members<'a> {
        match id.and_then(|id| self.doc.entry("conferences", id)) {
            Some((settings, at)) => Members::of(&mut self.builder, Some(settings), at),
            None => Members::of(&mut self.builder, step.data.get("config"), step.data.at("config")),
        }
    }

    fn welcome(&mut self, step: &Step<'a>) -> Vec<Item> {
        let at = step.data.at("welcome_prompt");
        let prompt = Members::of(&mut self.builder, step.data.get("welcome_prompt"), at.clone());
        if prompt.flag(&mut self.builder, "play") == Some(false) {
            return Vec::new();
        }
        let media = prompt.text(&mut self.builder, "media_id").filter(|media| !media.is_empty());
        media.map(|media| self.media(&media, &prompt.at("media_id"))).unwrap_or_default()
    }

    fn pins(&mut self, of: &Members<'a>, moderator: bool) -> Vec<Pin> {
        let list = of.list(&mut self.builder, "pins").unwrap_or_default();
        let pin = |pin: &Value| match pin {
            Value::String(digits) => Some(digits.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let digits = list.iter().filter_map(pin).filter(|digits| !digits.is_empty());
        digits.map(|digits| Pin { digits, moderator }).collect()
    }

    /// `true`, or a tone's name, of which there is one here. The module's word goes before the conference's, and
    /// `play_name` before both.
    fn announced(&mut self, key: &str, step: &Step<'a>, config: &Members<'a>) -> Announced {
        if config.get("play_name").and_then(Value::as_bool) == Some(true) {
            return Announced::Recorded;
        }
        match step.data.get(key).or_else(|| config.get(key)) {
            Some(Value::Bool(flag)) => Announced::tone(*flag),
            Some(Value::String(text)) => Announced::tone(!["", "false", "none"].contains(&text.as_str())),
            // As Kazoo does, unless it is told otherwise.
            _ => Announced::Tone,
        }
    }
}

/// Asks for the number of the room.
fn number() -> Collect {
    let text = SpeechItem {
        text: Template::literal("Please enter the conference number, then press pound."),
        language: Some(Template::literal("en-US")),
        ..SpeechItem::default()
    };
    let patience = std::time::Duration::from_secs(8);
    Collect { max: Some(16), by_value: false, ..Collect::new(vec![Item::Speech(text)], patience) }
}
