//! Writes down a simulated call, one line a thing that happens.

use std::{fmt::Write, time::Duration};

use crate::{
    engine::{Effect, HttpRequest},
    leg::{Joining, LegCommand},
    trace::What,
};

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    text: String,
    lines: usize,
}

impl Transcript {
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// A remark of the simulator itself.
    pub(super) fn remark(&mut self, text: &str) {
        self.line(&format!("! {text}"));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// What an effect looks like from outside, if it is to be seen at all.
    pub(super) fn effect(&mut self, now: Duration, effect: &Effect, answered: bool) {
        match effect {
            Effect::Trace(What::Node { pointer, op }) => self.node(pointer, op),
            Effect::Trace(what) => {
                if let Some(words) = seen(what) {
                    self.at(now, &words);
                }
            }
            Effect::Leg(_, command) => {
                if let Some(words) = asked(command, answered) {
                    self.at(now, &words);
                }
            }
            Effect::Http(_, request) => self.request(now, request),
            Effect::Document(_, id) => self.at(now, &format!("look up \"{id}\"")),
            Effect::Ended(_) => {}
        }
    }

    fn node(&mut self, pointer: &str, op: &str) {
        // What a prompt says comes with its own line, variables filled in.
        let spoken = ["Say(", "Sound(", "Tone(", "Silence(", "Play(", "Noop", "Answer"];
        if spoken.iter().any(|start| op.starts_with(start)) {
            self.line(&format!("@{pointer}"));
        } else {
            self.line(&format!("@{pointer}  {op}"));
        }
    }

    fn request(&mut self, now: Duration, request: &HttpRequest) {
        self.at(now, &format!("{} {}", request.method, request.url));
        for (name, value) in &request.headers {
            self.under(&format!("{name}: {value}"));
        }
        if !request.body.is_empty() {
            self.under(&String::from_utf8_lossy(&request.body).replace('\n', " "));
        }
    }

    fn under(&mut self, words: &str) {
        self.line(&format!("       | {words}"));
    }

    pub(super) fn at(&mut self, now: Duration, words: &str) {
        self.line(&format!("{:>6} {words}", now.as_millis()));
    }

    fn line(&mut self, line: &str) {
        self.lines += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn seen(what: &What) -> Option<String> {
    Some(match what {
        What::Flow { dialect, document } => format!("flow \"{document}\" ({dialect})"),
        What::Prompt { what } => what.clone(),
        What::Digit { key } => format!("key {key}"),
        What::Collected { digits } => format!("got \"{digits}\""),
        What::Http { status: 0, latency_ms, note, .. } => format!("no reply after {latency_ms} ms: {note}"),
        What::Http { status, latency_ms, .. } => format!("reply {status} after {latency_ms} ms"),
        What::Recorded { id, duration_ms } => format!("recorded {id}, {duration_ms} ms"),
        What::Note { text } => format!("note: {text}"),
        What::Ended { cause, by } => format!("end: {cause}, by the {by}"),
        What::Node { .. } | What::Sip { .. } | What::Media { .. } => return None,
    })
}

/// A command in short, unless it shows in what it leads to.
pub(super) fn asked(command: &LegCommand, answered: bool) -> Option<String> {
    Some(match command {
        LegCommand::Answer => "answer".to_owned(),
        LegCommand::SendDigits { digits, .. } => format!("send {digits}"),
        LegCommand::Mask(_, true) => "mask the recording".to_owned(),
        LegCommand::Mask(_, false) => "unmask the recording".to_owned(),
        LegCommand::Echo => "echo".to_owned(),
        LegCommand::Detect { timings, .. } => match timings.total {
            Some(total) => format!("detect for {}", crate::ir::print::time(total)),
            None => "detect".to_owned(),
        },
        LegCommand::Dial(dial) => {
            format!("dial {}", crate::ir::print::dial(dial))
        }
        LegCommand::Feature(feature) => format!("feature {}", crate::ir::print::feature(feature)),
        LegCommand::Conference(joining) => join(joining),
        LegCommand::Record { name, .. } if name.is_empty() => "record".to_owned(),
        LegCommand::Record { name, .. } => format!("record \"{name}\""),
        LegCommand::Hangup { .. } if answered => "hang up".to_owned(),
        LegCommand::Hangup { status, phrase, .. } => {
            format!("refuse {status} {}", phrase.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        // Seen as the prompts themselves, and as what made them stop.
        LegCommand::Play { .. } | LegCommand::Stop(_) => return None,
    })
}

fn is_tone(announced: &[crate::leg::Prompt]) -> bool {
    matches!(announced, [crate::leg::Prompt::Tone(_)])
}

fn join(joining: &Joining) -> String {
    let Joining { room, most, music, .. } = joining;
    let mut words = format!("join \"{room}\"");
    let flags = [
        (joining.moderator, "moderator"),
        (joining.muted, "muted"),
        (joining.deaf, "deaf"),
        (joining.closes, "closes it"),
        (joining.waits, "waits for a moderator"),
        (is_tone(&joining.entry), "tone in"),
        (is_tone(&joining.exit), "tone out"),
        (joining.ends_with_lead, "ends with who leads"),
        (joining.ends_alone, "ends with the last but one"),
        (joining.record.is_some(), "recorded"),
    ];
    for (_, word) in flags.into_iter().filter(|(is, _)| *is) {
        words.push_str(&format!(", {word}"));
    }
    if let Some(most) = most {
        words.push_str(&format!(", at most {most}"));
    }
    if let Some(music) = music {
        words.push_str(&format!(", alone {}", crate::ir::print::prompt(music)));
    }
    words
}
