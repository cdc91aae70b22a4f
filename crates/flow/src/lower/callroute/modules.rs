//! The table of modules, and those that are heard: `play`, `busy`, `recording`, `sleep`.

use std::time::Duration;

use super::{Route, Step};
use crate::ir::{Barge, Edges, Expr, FileFormat, Item, Keeping, Op, Play, Record, Repeat, Sides, Template};
use crate::lower::{Code, nearest};
use crate::tone::{Sign, Signal};

/// Every module there is, of the documentation and then of the wild.
const NAMES: [&str; 23] = [
    "start",
    "recording",
    "musiconhold",
    "calleridmatch",
    "play",
    "extension",
    "pressextension",
    "dialbyextension",
    "busy",
    "voicemail",
    "conference",
    "trunk",
    "fax",
    "backupextension",
    "forwardcall",
    "room",
    "callqueue",
    "callflow",
    "diary",
    "outofhours",
    "offnetconnect",
    "sleep",
    "hangup",
];

impl Route<'_> {
    /// Lowers the module `name` (lower case) into the node set aside for it.
    pub(super) fn module(&mut self, name: &str, step: &Step<'_>) {
        match name {
            "start" => self.onward(Op::Noop, step),
            "recording" => self.onward(Op::RecordStart(recording()), step),
            "play" => self.play(step),
            "busy" => self.busy(step),
            "sleep" => self.pause(step),
            "hangup" => self.hangup(step),
            "calleridmatch" => self.caller_id_match(step),
            "pressextension" => self.press_extension(step),
            "dialbyextension" => self.dial_by_extension(step),
            "extension" | "backupextension" => self.extension(step),
            "forwardcall" | "offnetconnect" => self.forward(step),
            "musiconhold" => self.music_on_hold(step),
            "voicemail" => self.voicemail(step),
            "conference" | "room" => self.conference(step),
            "trunk" => self.trunk(step),
            "fax" => self.fax(step),
            "callqueue" => self.queue(step),
            "callflow" => self.other_route(step),
            "diary" | "outofhours" => self.undocumented("an out-of-hours diary", step),
            _ => self.unknown(name, step),
        }
    }

    /// A node that goes on at `next` whatever happens.
    pub(super) fn onward(&mut self, op: Op, step: &Step<'_>) {
        let next = self.or_end(&step.members, "next");
        self.put(step, op, Edges::always(next));
    }

    fn unknown(&mut self, name: &str, step: &Step<'_>) {
        let meant = nearest(name, NAMES).map(|name| format!(": did you mean `{name}`?")).unwrap_or_default();
        let message = format!("unknown module `{name}`, the call ends here{meant}");
        self.builder.report(Code::UnknownModule, &step.at.child("module"), message);
        // Its `next` counts as a way to that module, so that only this one is told of.
        if step.members.get("next").is_some_and(serde_json::Value::is_string) {
            self.target(&step.members, "next");
        }
        let end = self.end(step, 480, "unknown module");
        self.put(step, Op::Residual(name.to_owned()), Edges::always(end));
    }

    fn play(&mut self, step: &Step<'_>) {
        let sounds = self.sound(step);
        if sounds.is_empty() {
            let message = "`sound` is missing; nothing is played";
            self.builder.report(Code::MissingOption, &step.members.at("sound"), message);
            return self.onward(Op::Noop, step);
        }
        let play = Play {
            items: sounds,
            repeat: Repeat::Times(1),
            barge: Barge::None,
            consume: false,
            answers: true,
        };
        self.onward(Op::Play(play), step);
    }

    /// The sound of a module, if it names one.
    pub(super) fn sound(&mut self, step: &Step<'_>) -> Vec<Item> {
        let name = step.members.text(&mut self.builder, "sound").filter(|name| !name.is_empty());
        name.map(|name| Item::Sound(Template::literal(name))).into_iter().collect()
    }

    /// The tone, that of the configured country, is early media for a caller who was not answered, who then gets 486.
    fn busy(&mut self, step: &Step<'_>) {
        let total = step.members.seconds(&mut self.builder, "duration").unwrap_or(Duration::from_secs(3));
        let tone = Signal { total: Some(total), ..Signal::usual(Sign::Busy) };
        let play = Play {
            items: vec![Item::Sound(Template::literal(tone.name()))],
            repeat: Repeat::Times(1),
            barge: Barge::None,
            consume: false,
            answers: false,
        };
        let end = self.end(step, 486, "busy");
        self.put(step, Op::Play(play), Edges::always(end));
    }

    fn hangup(&mut self, step: &Step<'_>) {
        let end = self.end(step, 480, "normal");
        self.put(step, Op::Noop, Edges::always(end));
    }

    fn pause(&mut self, step: &Step<'_>) {
        let millis = step.members.count(&mut self.builder, "duration").unwrap_or(1_000);
        self.onward(Op::Sleep(Expr::Literal(millis.into())), step);
    }
}

/// A recording from here to the end of the call.
fn recording() -> Record {
    Record {
        name: None,
        limit: None,
        silence: None,
        stop_keys: String::new(),
        beep: false,
        format: FileFormat::Wav,
        sides: Sides::Both,
        upload: None,
        answers: false,
        keeping: Keeping::default(),
    }
}
