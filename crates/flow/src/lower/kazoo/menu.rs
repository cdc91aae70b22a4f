//! `menu`: Kazoo's auto-attendant.
//!
//! Kazoo keeps the prompt and the timing in a menu document of the account.
//! Here they stand in the callflow document's `menus`, by id, or in the module's own `data`; both are ours.

use std::time::Duration;

use super::super::members::Members;
use super::{Step, Walk};
use crate::ir::{
    Collect, FileFormat, Hunt, Item, Menu, NodeId, Op, Outcome, Record, RecordPin, Sides, SpeechItem,
    Template,
};
use crate::lower::Code;

impl<'a> Walk<'a> {
    pub(super) fn menu(&mut self, step: &Step<'a>) -> NodeId {
        let settings = self.settings(step);
        let builder = &mut self.builder;
        let retries = settings.count(builder, "retries").unwrap_or(3).clamp(1, 10);
        let first = settings.millis(builder, "timeout").unwrap_or(Duration::from_secs(10));
        let between = step.data.millis(builder, "interdigit_timeout");
        let between = between.or_else(|| settings.millis(builder, "interdigit_timeout"));
        let max = settings.count(builder, "max_extension_length").unwrap_or(4).clamp(1, 6);
        let quiet = settings.flag(builder, "suppress_media").unwrap_or(false);
        let hunts = settings.flag(builder, "hunt").unwrap_or(false);
        let hunt = hunts.then(|| Hunt {
            allow: self.filter(&settings, "hunt_allow"),
            deny: self.filter(&settings, "hunt_deny"),
        });
        let media = Members::of(&mut self.builder, settings.get("media"), settings.at("media"));
        let greeting = self.prompt(&media, "greeting", None);
        let invalid = self.prompt(&media, "invalid_media", Some("That is not a valid choice."));
        let transfer = self.prompt(&media, "transfer_media", Some("One moment, please."));
        let exit = self.prompt(&media, "exit_media", Some("Good bye."));
        let record = self.record_pin(&settings);
        // One key is enough to know the choice when no child has more, and nobody waits for the next one in vain.
        let longest = step.children.keys().filter(|key| key.bytes().all(|key| key.is_ascii_digit()));
        let longest = longest.map(|key| key.len() as u32).max();
        let own = if hunts { max } else { longest.unwrap_or(max).min(max) };
        let pin = record.as_ref().map_or(0, |record| record.pin.len() as u32);
        let gather = Collect {
            max: Some(own.max(pin)),
            terminators: if step.children.get("#").is_some() { String::new() } else { "#".to_owned() },
            between: between.unwrap_or(Duration::from_secs(2)),
            ..Collect::new(greeting, first)
        };
        let silent = |items: Vec<Item>| if quiet { Vec::new() } else { items };
        let (transfer, invalid, exit) = (silent(transfer), silent(invalid), silent(exit));
        let menu = Menu { gather, retries, hunt, record, transfer, invalid, exit };
        let mut edges = step.children.edges();
        if let Some(target) = step.children.get("timeout") {
            edges.cases.insert(0, (Outcome::Timeout, target));
        }
        self.add(Op::Menu(menu), edges, step)
    }

    /// What lets a caller record the greeting; the file is kept among the recordings.
    fn record_pin(&mut self, settings: &Members<'_>) -> Option<Box<RecordPin>> {
        let anyone = settings.flag(&mut self.builder, "allow_record_from_offnet").unwrap_or(false);
        let pin = settings.text(&mut self.builder, "record_pin").filter(|pin| !pin.is_empty())?;
        if !(3..=6).contains(&pin.len()) || !pin.bytes().all(|digit| digit.is_ascii_digit()) {
            let message = "expected 3 to 6 digits; nobody can record the greeting";
            self.report(Code::BadValue, &settings.at("record_pin"), message);
            return None;
        }
        let record = Record {
            name: Some(Template::literal("menu greeting")),
            limit: Some(Duration::from_secs(120)),
            silence: None,
            stop_keys: super::media::KEYS.to_owned(),
            beep: true,
            format: FileFormat::Wav,
            sides: Sides::Caller,
            upload: None,
            answers: true,
            keeping: Default::default(),
        };
        Some(Box::new(RecordPin { pin, anyone, record }))
    }

    /// A regular expression for the numbers to hunt for; one that does not compile is told and matches nothing.
    fn filter(&mut self, settings: &Members<'_>, key: &str) -> Option<String> {
        let pattern = settings.text(&mut self.builder, key).filter(|pattern| !pattern.is_empty())?;
        self.pattern(&settings.at(key), pattern.clone());
        Some(pattern)
    }

    /// The menu's settings: the document of its id, or the module's own data.
    fn settings(&mut self, step: &Step<'a>) -> Members<'a> {
        let Some(id) = step.data.text(&mut self.builder, "id") else { return step.data.clone() };
        if let Some((settings, at)) = self.doc.entry("menus", &id) {
            return Members::of(&mut self.builder, Some(settings), at);
        }
        if step.data.get("media").is_none() {
            let message =
                format!("no menu `{id}` in the document's `menus`: it has no greeting and default timing");
            self.report(Code::DanglingTarget, &step.data.at("id"), message);
        }
        step.data.clone()
    }

    /// A prompt of a menu: an id, `false` for nothing, `true` or absent for the usual words.
    fn prompt(&mut self, media: &Members<'_>, key: &str, usual: Option<&str>) -> Vec<Item> {
        let usual = || {
            let text = usual.map(Template::literal);
            text.map(|text| Item::Speech(SpeechItem { text, ..SpeechItem::default() })).into_iter().collect()
        };
        match media.get(key) {
            None | Some(serde_json::Value::Bool(true)) => usual(),
            Some(serde_json::Value::Bool(false)) => Vec::new(),
            Some(_) => match media.text(&mut self.builder, key) {
                Some(id) if !id.is_empty() => self.media(&id, &media.at(key)),
                _ => usual(),
            },
        }
    }
}
