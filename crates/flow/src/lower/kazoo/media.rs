//! Modules that are heard: `play`, `tts`, `say`, `audio_macro`; and what a media id means.

use std::time::Duration;

use serde_json::Value;

use super::super::members::Members;
use super::{Step, Walk};
use crate::ir::{Barge, Item, NodeId, Op, Play, Pointer, Repeat, SpeechItem, Template, Tone};
use crate::lower::Code;

/// The keys of a telephone, which all stop a prompt unless `terminators` says otherwise.
pub(super) const KEYS: &str = "1234567890*#";

impl Walk<'_> {
    pub(super) fn play(&mut self, step: &Step<'_>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let items = self.media(&id, &step.data.at("id"));
        let times = step.data.count(&mut self.builder, "loop_count").unwrap_or(1).max(1);
        let answers = step.data.flag(&mut self.builder, "answer").unwrap_or(true);
        self.heard(items, times, answers, step)
    }

    /// `tts`, and `say`, which seed 000 uses as another name for it.
    pub(super) fn speak(&mut self, step: &Step<'_>) -> NodeId {
        if self.required(step, "text").is_none() {
            return self.onward(Op::Noop, step);
        }
        let data = step.data.clone();
        let items = self.speech(&data).into_iter().map(Item::Speech).collect();
        self.heard(items, 1, true, step)
    }

    pub(super) fn audio_macro(&mut self, step: &Step<'_>) -> NodeId {
        let mut items = Vec::new();
        let language = step.data.text(&mut self.builder, "language");
        let macros = step.data.list(&mut self.builder, "macros").unwrap_or_default();
        for (index, value) in macros.iter().enumerate() {
            let at = step.data.at("macros").child(index);
            let data = Members::of(&mut self.builder, Some(value), at.clone());
            let mut part = self.macro_part(&data, &at);
            for item in &mut part {
                if let (Item::Speech(speech), Some(language)) = (item, &language) {
                    speech.language.get_or_insert_with(|| Template::literal(language));
                }
            }
            items.extend(part);
        }
        if items.is_empty() {
            self.report(
                Code::MissingOption,
                &step.data.at("macros"),
                "nothing to play; the module is skipped",
            );
        }
        self.heard(items, 1, true, step)
    }

    fn macro_part(&mut self, data: &Members<'_>, at: &Pointer) -> Vec<Item> {
        let kind = data.text(&mut self.builder, "macro").unwrap_or_default();
        match kind.as_str() {
            "play" | "prompt" => match data.text(&mut self.builder, "id") {
                Some(id) if !id.is_empty() => self.media(&id, &data.at("id")),
                _ => {
                    self.report(Code::MissingOption, &data.at("id"), "`id` is missing; the part is left out");
                    Vec::new()
                }
            },
            "say" | "tts" => self.speech(data).into_iter().map(Item::Speech).collect(),
            "tone" => self.tone(data).into_iter().map(Item::Tone).collect(),
            other => {
                let expected = "expected `play`, `prompt`, `say`, `tts` or `tone`";
                self.report(
                    Code::BadValue,
                    &at.child("macro"),
                    format!("unknown macro `{other}`: {expected}; it is left out"),
                );
                Vec::new()
            }
        }
    }

    /// The text, language and voice of a `tts` or `say`.
    pub(super) fn speech(&mut self, data: &Members<'_>) -> Option<SpeechItem> {
        let text = data.text(&mut self.builder, "text").filter(|text| !text.is_empty());
        let Some(text) = text else {
            self.report(Code::MissingOption, &data.at("text"), "`text` is missing; nothing is said");
            return None;
        };
        let voice = data.text(&mut self.builder, "voice").or_else(|| data.text(&mut self.builder, "gender"));
        let voice = voice.map(|voice| match voice.as_str() {
            "masculine" => "male".to_owned(),
            "feminine" => "female".to_owned(),
            "neuter" => "neutral".to_owned(),
            _ => voice,
        });
        let language = data.text(&mut self.builder, "language");
        // `say` spells letter by letter when it is told to.
        let spelt = data.text(&mut self.builder, "method").is_some_and(|method| method == "iterated");
        let text = if spelt { spelled(&text) } else { text };
        Some(SpeechItem {
            text: Template::literal(text),
            language: language.map(Template::literal),
            voice: voice.map(Template::literal),
        })
    }

    fn tone(&mut self, data: &Members<'_>) -> Option<Tone> {
        let list = data.list(&mut self.builder, "frequencies").unwrap_or_default();
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let hertz: Vec<u16> = list.iter().filter_map(number).map(|hertz| hertz as u16).collect();
        if hertz.is_empty() {
            self.report(
                Code::MissingOption,
                &data.at("frequencies"),
                "a tone needs frequencies in hertz; it is left out",
            );
            return None;
        }
        let on = data.millis(&mut self.builder, "duration_on").unwrap_or(Duration::from_millis(500));
        let off = data.millis(&mut self.builder, "duration_off").unwrap_or_default();
        let times = data.count(&mut self.builder, "repeat").unwrap_or(1).max(1);
        Some(Tone { hertz, on, off, total: (on + off).saturating_mul(times) })
    }

    /// A node that plays; a key that stops it stays typed ahead for the next `collect_dtmf`, as in Kazoo.
    fn heard(&mut self, items: Vec<Item>, times: u32, answers: bool, step: &Step<'_>) -> NodeId {
        let endless = step.data.flag(&mut self.builder, "endless_playback").unwrap_or(false);
        let repeat = if endless { Repeat::Forever } else { Repeat::Times(times) };
        let barge = match self.keys(step, "terminators") {
            None => Barge::Keys(KEYS.to_owned()),
            Some(keys) if keys.is_empty() => Barge::None,
            Some(keys) => Barge::Keys(keys),
        };
        if items.is_empty() {
            return self.onward(Op::Noop, step);
        }
        self.onward(Op::Play(Play { items, repeat, barge, consume: false, answers }), step)
    }

    /// A list of keys, or a text of them; `None` if absent.
    pub(super) fn keys(&mut self, step: &Step<'_>, key: &str) -> Option<String> {
        let at = step.data.at(key);
        let parts: Vec<String> = match step.data.get(key)? {
            Value::Array(list) => {
                list.iter().map(|key| key.as_str().map_or(key.to_string(), str::to_owned)).collect()
            }
            Value::String(text) if text == "none" => Vec::new(),
            Value::String(text) => vec![text.clone()],
            other => vec![other.to_string()],
        };
        let keys: String = parts.concat();
        let (good, bad): (Vec<char>, Vec<char>) = keys.chars().partition(|key| KEYS.contains(*key));
        if !bad.is_empty() {
            let bad: String = bad.into_iter().collect();
            self.report(
                Code::BadValue,
                &at,
                format!("`{bad}` is no key of a telephone: expected 0 to 9, `*` or `#`"),
            );
        }
        Some(good.into_iter().collect())
    }

    /// What a media id means: a sound's name or address, `silence_stream://ms`, `tone_stream://%(on,off,hertz…)`, or
    /// `tts://text`, `tone://busy` and `recording://id`, which are ours.
    pub(super) fn media(&mut self, id: &str, at: &Pointer) -> Vec<Item> {
        if let Some(text) = id.strip_prefix("tts://") {
            return vec![Item::Speech(SpeechItem { text: Template::literal(text), ..SpeechItem::default() })];
        }
        if let Some(rest) = id.strip_prefix("silence_stream://") {
            let millis = rest.split(',').next().and_then(|millis| millis.trim().parse().ok());
            if let Some(millis) = millis {
                return vec![Item::Silence(Duration::from_millis(millis))];
            }
            self.report(
                Code::BadValue,
                at,
                format!("`{id}` is no silence: expected `silence_stream://1000` in milliseconds"),
            );
            return Vec::new();
        }
        if let Some(named) = crate::tone::named(id) {
            if let Err(why) = named {
                self.report(Code::BadValue, at, format!("`{id}` is no tone: {why}"));
                return Vec::new();
            }
            return vec![Item::Sound(Template::literal(id))];
        }
        if let Some(rest) = id.strip_prefix("tone_stream://") {
            let tones = crate::tone::stream(rest);
            if tones.is_empty() {
                self.report(
                    Code::BadValue,
                    at,
                    format!("`{id}` is no tone: expected `tone_stream://%(on ms,off ms,hertz)`"),
                );
            }
            return tones.into_iter().map(Item::Tone).collect();
        }
        vec![Item::Sound(Template::literal(id))]
    }
}

/// The characters with spaces between them, so that a voice speaks them one by one.
fn spelled(text: &str) -> String {
    let characters = text.chars().filter(|c| !c.is_whitespace()).map(String::from);
    characters.collect::<Vec<_>>().join(" ")
}
