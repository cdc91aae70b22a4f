//! Metaflows: star codes that do something while two people talk, from the callflow's `metaflow` object, or from a
//! document of star codes alone.
//!
//! Their nodes look like those of a callflow and have modules of their own, a few of the same names.
//! Where one names a side, `self` is the party that pressed the code.

use std::time::Duration;

use serde_json::Value;

use super::super::members::Members;
use super::{Step, Walk};
use crate::ir::{
    Access, Announce, Announcement, Callee, Edges, Expr, Fact, Feature, Hold, Holding, Install, Metaflows,
    NodeId, Op, Part, Pickup, Pointer, Relate, Relation, Side, Subflow, Target, Template, Transfer,
};
use crate::lower::{Code, nearest};

/// Where the rows of these modules stand in the table, beside callflow modules of the same name.
pub(super) const PREFIX: &str = "metaflow/";

/// A code is over when no digit came for so long.
const TIMEOUT: Duration = Duration::from_millis(800);

/// How long the target of a transfer rings.
const RING: Duration = Duration::from_secs(20);

/// All of them.
const MODULES: [&str; 17] = [
    "audio_level",
    "break",
    "callflow",
    "hangup",
    "hold",
    "hold_control",
    "intercept",
    "move",
    "pivot",
    "play",
    "record_call",
    "relate",
    "resume",
    "say",
    "sound_touch",
    "transfer",
    "tts",
];

impl<'a> Walk<'a> {
    /// Lowers the document's star codes, if it has some.
    pub(super) fn metaflows(&mut self) {
        let Some((value, at)) = self.doc.codes() else { return };
        let data = Members::of(&mut self.builder, Some(value), at);
        let binding = match data.text(&mut self.builder, "binding_digit").as_deref() {
            None => '*',
            Some(text) => self.one_key(text).unwrap_or_else(|| {
                self.report(
                    Code::BadValue,
                    &data.at("binding_digit"),
                    format!("expected one key, found `{text}`; `*` is taken"),
                );
                '*'
            }),
        };
        let timeout = data.millis(&mut self.builder, "digit_timeout").unwrap_or(TIMEOUT);
        let listen_on = self.side(&data, "listen_on", Side::Own);
        self.beside = true;
        let mut metaflows = Metaflows {
            binding,
            timeout,
            listen_on,
            numbers: Vec::new(),
            patterns: Vec::new(),
            leaving: Vec::new(),
        };
        for (code, node, at) in self.codes(&data, "numbers") {
            if code.is_empty() || !code.bytes().all(|digit| digit.is_ascii_digit()) {
                let message =
                    format!("`{code}` is no number; a code with other keys is written among the `patterns`");
                self.report(Code::BadValue, &at, message);
            }
            self.without_target(node, &at);
            if let Target::Node(node) = self.node(node, &at) {
                metaflows.numbers.push((code.to_owned(), node));
            }
        }
        for (pattern, node, at) in self.codes(&data, "patterns") {
            let target = self.node(node, &at);
            if let (Target::Node(node), Some(pattern)) = (target, self.pattern(&at, pattern.to_owned())) {
                metaflows.patterns.push((pattern, node));
            }
        }
        self.beside = false;
        metaflows.leaving = std::mem::take(&mut self.leaving);
        let is_empty = metaflows.numbers.is_empty() && metaflows.patterns.is_empty();
        self.builder.program().metaflows = Some(metaflows).filter(|_| !is_empty);
    }

    /// The codes of `numbers` or `patterns`, in the document's order.
    fn codes(&mut self, data: &Members<'a>, key: &str) -> Vec<(&'a str, &'a Value, Pointer)> {
        let codes = Members::of(&mut self.builder, data.get(key), data.at(key));
        codes.entries().map(|(code, node)| (code, node, codes.at(code))).collect()
    }

    /// A transfer to what was captured cannot be made where nothing is.
    fn without_target(&mut self, node: &Value, at: &Pointer) {
        let data = |key: &str| node.pointer(&format!("/data/{key}")).is_some();
        let transfers = node.get("module").and_then(Value::as_str) == Some("transfer");
        if transfers && !data("target") && !data("captures") {
            let message = "a number captures nothing: give the transfer a `target`, or write the code as a pattern with a group";
            self.report(Code::MissingOption, &at.child("data").child("target"), message);
        }
    }

    /// Lowers the metaflow module `name` (lower case), and answers where it begins.
    pub(super) fn metaflow(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        if MODULES.contains(&name) {
            self.only_next(name, step);
        }
        match name {
            "hangup" => self.hangup(step),
            "transfer" => self.hand_over(step),
            "hold" => self.hold(step),
            "hold_control" => self.hold_control(step),
            "resume" => self.held(Holding::Release, step),
            "play" => self.play_beside(step),
            "tts" | "say" => self.speak_beside(name, step),
            "break" => self.feature(Feature::Break(Side::Own), step),
            "record_call" => self.record_as(step, "toggle"),
            "move" => self.move_call(step),
            "intercept" => self.intercept_call(step),
            "callflow" => self.leave_for_callflow(step),
            "pivot" => self.pivot(step),
            "audio_level" => self.audio_level(step),
            "sound_touch" => self.sound_touch(step),
            "relate" => self.relate(step),
            _ => {
                let meant = nearest(name, MODULES)
                    .map(|name| format!(": did you mean `{name}`?"))
                    .unwrap_or_default();
                let message =
                    format!("there is no metaflow module `{name}`, skipped to the child `_`{meant}");
                self.report(Code::UnknownModule, &step.at.child("module"), message);
                self.onward(Op::Residual(name.to_owned()), step)
            }
        }
    }

    fn feature(&mut self, feature: Feature, step: &Step<'a>) -> NodeId {
        self.onward(Op::Feature(Box::new(feature)), step)
    }

    fn hand_over(&mut self, step: &Step<'a>) -> NodeId {
        let builder = &mut self.builder;
        let attended = step.data.text(builder, "transfer_type").is_some_and(|how| how == "attended");
        let target = step.data.text(builder, "target").filter(|target| !target.is_empty());
        let given = step.data.list(builder, "captures").and_then(|list| list.first()?.as_str());
        let to = match (target, given) {
            (Some(target), _) => Template::literal(target),
            (None, Some(given)) => Template::literal(given),
            (None, None) => captured(),
        };
        let text = |this: &mut Self, key: &str| {
            let text = step.data.text(&mut this.builder, key).filter(|text| !text.is_empty());
            text.map(Template::literal)
        };
        let side = match step.data.text(&mut self.builder, "leg").as_deref() {
            Some("self") => Side::Own,
            _ => Side::Peer,
        };
        let takeback = step.data.text(&mut self.builder, "takeback_dtmf").unwrap_or_else(|| "*1".to_owned());
        let timeout = step.data.seconds(&mut self.builder, "timeout").unwrap_or(RING);
        let (ringback, music) = (text(self, "ringback"), text(self, "moh"));
        self.feature(
            Feature::Transfer(Transfer { to, attended, side, takeback, timeout, ringback, music }),
            step,
        )
    }

    fn hold(&mut self, step: &Step<'a>) -> NodeId {
        let key = step.data.text(&mut self.builder, "unhold_key").filter(|key| !key.is_empty());
        let release = match key {
            None => Some('1'),
            Some(text) => self.one_key(&text).or_else(|| {
                let message = format!("expected one key, found `{text}`; `1` is taken");
                self.report(Code::BadValue, &step.data.at("unhold_key"), message);
                Some('1')
            }),
        };
        let mut music = |key: &str| {
            let id = step.data.text(&mut self.builder, key).filter(|id| !id.is_empty());
            id.map(Template::literal)
        };
        let (own_music, music) = (music("moh_aleg"), music("moh_bleg"));
        self.feature(Feature::Hold(Hold { how: Holding::Hold, release, music, own_music }), step)
    }

    fn hold_control(&mut self, step: &Step<'a>) -> NodeId {
        let how = match step.data.text(&mut self.builder, "action").as_deref() {
            Some("hold") => Holding::Hold,
            Some("unhold") => Holding::Release,
            _ => Holding::Toggle,
        };
        self.held(how, step)
    }

    fn held(&mut self, how: Holding, step: &Step<'a>) -> NodeId {
        self.feature(Feature::Hold(Hold { how, release: None, music: None, own_music: None }), step)
    }

    fn play_beside(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let side = self.side(&step.data, "leg", Side::Both);
        let what = match id.strip_prefix("tts://") {
            Some(text) => Announcement::Speech { text: Template::literal(text), language: None, voice: None },
            None => Announcement::Sound(Template::literal(id)),
        };
        self.feature(Feature::Announce(Announce { what, side }), step)
    }

    fn speak_beside(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        if self.required(step, "text").is_none() {
            return self.onward(Op::Noop, step);
        }
        let data = step.data.clone();
        let Some(speech) = self.speech(&data) else { return self.onward(Op::Noop, step) };
        let what = Announcement::Speech { text: speech.text, language: speech.language, voice: speech.voice };
        let side = if name == "tts" { self.side(&step.data, "leg", Side::Own) } else { Side::Own };
        self.feature(Feature::Announce(Announce { what, side }), step)
    }

    /// To the named phone, else to the named user's, else to another of those of the one who pressed the code.
    fn move_call(&mut self, step: &Step<'a>) -> NodeId {
        let mut named = |key: &str| step.data.text(&mut self.builder, key).filter(|id| !id.is_empty());
        let to = match (named("device_id"), named("owner_id")) {
            (Some(device), _) => Some(Callee::Device(Template::literal(device))),
            (None, Some(owner)) => Some(Callee::User(Template::literal(owner))),
            (None, None) => None,
        };
        self.feature(Feature::Move(to), step)
    }

    fn intercept_call(&mut self, step: &Step<'a>) -> NodeId {
        let id = step.data.text(&mut self.builder, "target_id").filter(|id| !id.is_empty());
        let id = id.map_or_else(captured, Template::literal);
        let of = match step.data.text(&mut self.builder, "target_type").as_deref() {
            Some("device") => Callee::Device(id),
            Some("user") => Callee::User(id),
            _ => Callee::Extension(id),
        };
        let answered = !step.data.flag(&mut self.builder, "unbridged_only").unwrap_or(true);
        self.feature(Feature::Pickup(Pickup { of, answered, approved: None }), step)
    }

    /// The conversation ends and the caller goes on in a callflow: this one, that of an id, or that of the captured
    /// number.
    fn leave_for_callflow(&mut self, step: &Step<'a>) -> NodeId {
        let id = step.data.text(&mut self.builder, "id").filter(|id| !id.is_empty());
        if let Some(id) = id {
            return self
                .onward(Op::Subflow(Subflow { id: Template::literal(id), install: Install::Replace }), step);
        }
        if let Some(flow) = step.data.get("flow") {
            self.beside = false;
            let target = self.node(flow, &step.data.at("flow"));
            self.beside = true;
            if let Target::Node(node) = target {
                self.leaving.push(node);
            }
            return self.add(Op::Noop, Edges::always(target), step);
        }
        let mut number =
            |key: &str| step.data.text(&mut self.builder, key).filter(|number| !number.is_empty());
        let number = number("captures").or_else(|| number("collected"));
        let number = number.map_or_else(captured, Template::literal);
        self.onward(Op::Number(number), step)
    }

    fn audio_level(&mut self, step: &Step<'a>) -> NodeId {
        let stop = step.data.text(&mut self.builder, "action").is_some_and(|action| action == "stop");
        let level = step.data.number(&mut self.builder, "level").unwrap_or(0.0);
        if !(-4.0..=4.0).contains(&level) {
            self.report(Code::OutOfRange, &step.data.at("level"), "expected -4 to 4; the nearest is taken");
        }
        let level = if stop { 0.0 } else { level.clamp(-4.0, 4.0) };
        let mode = step.data.text(&mut self.builder, "mode").unwrap_or_else(|| "write".to_owned());
        self.sound(vec![("gain", level.to_string()), ("mode", mode)], step)
    }

    fn sound_touch(&mut self, step: &Step<'a>) -> NodeId {
        let stop = step.data.text(&mut self.builder, "action").is_some_and(|action| action == "stop");
        let mut settings = vec![("action", if stop { "stop" } else { "start" }.to_owned())];
        for key in ["adjust_in_octaves", "adjust_in_semitones", "pitch", "rate", "tempo"] {
            let number = step.data.number(&mut self.builder, key);
            settings.extend(number.map(|number| (key, number.to_string())));
        }
        for key in ["hook_dtmf", "sending_leg"] {
            let flag = step.data.flag(&mut self.builder, key);
            settings.extend(flag.map(|flag| (key, flag.to_string())));
        }
        self.sound(settings, step)
    }

    fn sound(&mut self, settings: Vec<(&str, String)>, step: &Step<'a>) -> NodeId {
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), Template::literal(value)));
        self.feature(Feature::Sound(settings.collect()), step)
    }

    fn relate(&mut self, step: &Step<'a>) -> NodeId {
        let named =
            ["conference_id", "participant_id", "other_participant"].map(|key| self.required(step, key));
        let [Some(conference), Some(one), Some(other)] = named else { return self.onward(Op::Noop, step) };
        let relation = match step.data.text(&mut self.builder, "relationship").as_deref() {
            Some("deaf") => Relation::Deaf,
            Some("mute") => Relation::Mute,
            _ => Relation::Clear,
        };
        let [conference, one, other] = [conference, one, other].map(Template::literal);
        self.feature(Feature::Relate(Relate { conference, one, other, relation }), step)
    }

    /// `self`, `peer` or `both`.
    fn side(&mut self, data: &Members<'_>, key: &str, usual: Side) -> Side {
        match data.text(&mut self.builder, key).as_deref() {
            None | Some("") => usual,
            Some("self") => Side::Own,
            Some("peer") => Side::Peer,
            Some("both") => Side::Both,
            Some(other) => {
                let message = format!("expected `self`, `peer` or `both`, found `{other}`");
                self.report(Code::BadValue, &data.at(key), message);
                usual
            }
        }
    }

    fn one_key(&self, text: &str) -> Option<char> {
        let mut keys = text.trim().chars();
        let key = keys.next().filter(|key| super::media::KEYS.contains(*key))?;
        keys.next().is_none().then_some(key)
    }
}

/// What the code's pattern captured first.
fn captured() -> Template {
    let first = Access::Index(Box::new(Expr::Literal(Value::from(0))));
    Template(vec![Part::Value(Expr::Member(Box::new(Expr::Fact(Fact::Captures)), first))])
}
