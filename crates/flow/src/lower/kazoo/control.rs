//! Modules that answer, wait and end: `sleep`, `language`, `hangup`, `response`, `dead_air`, `wait_for_hangup`.

use std::time::Duration;

use serde_json::json;

use super::{Step, Walk};
use crate::ir::{Barge, Edges, Expr, Hangup, NodeId, Op, Play, Repeat, Target, Template};
use crate::lower::Code;

/// Longest sleep: a day, as Kazoo's schema has it (86,400,000 ms).
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

impl Walk<'_> {
    pub(super) fn pause(&mut self, step: &Step<'_>) -> NodeId {
        let duration = step.data.number(&mut self.builder, "duration").unwrap_or(0.0).max(0.0);
        let unit = step.data.text(&mut self.builder, "unit").unwrap_or_else(|| "s".to_owned());
        let factor = match unit.as_str() {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            other => {
                let message =
                    format!("unknown unit `{other}`: expected `ms`, `s`, `m` or `h`; seconds are taken");
                self.report(Code::BadValue, &step.data.at("unit"), message);
                1_000.0
            }
        };
        let longest = LONGEST_SLEEP.as_millis() as f64;
        if duration * factor > longest {
            self.report(Code::OutOfRange, &step.data.at("duration"), "longer than a day; a day is taken");
        }
        let millis = (duration * factor).min(longest) as u64;
        self.onward(Op::Sleep(Expr::Literal(json!(millis))), step)
    }

    pub(super) fn language(&mut self, step: &Step<'_>) -> NodeId {
        let Some(language) = self.required(step, "language") else { return self.onward(Op::Noop, step) };
        let tag = regex::Regex::new("^[A-Za-z]{2}(-[A-Za-z]{2})?$");
        if tag.is_ok_and(|tag| !tag.is_match(&language)) {
            let message =
                format!("`{language}` is no language: expected two letters such as `en` or `en-us`");
            self.report(Code::BadValue, &step.data.at("language"), message);
            return self.onward(Op::Noop, step);
        }
        self.onward(Op::Language(Template::literal(language)), step)
    }

    pub(super) fn hangup(&mut self, step: &Step<'_>) -> NodeId {
        // 480: what an unanswered call gets when nobody said why (RFC 3261 §21.4.18).
        let hangup = Hangup { status: 480, phrase: None, cause: "normal".to_owned() };
        self.add(Op::Hangup(hangup), Edges::always(Target::Hangup), step)
    }

    /// Plays the media if there is one, then ends the call with the code.
    pub(super) fn response(&mut self, step: &Step<'_>) -> NodeId {
        let code = step.data.number(&mut self.builder, "code").unwrap_or(486.0);
        let mut status = code as u16;
        if !(400..=699).contains(&status) {
            let message = format!("a call cannot be refused with {code}: expected 400 to 699; 486 is sent");
            self.report(Code::BadValue, &step.data.at("code"), message);
            status = 486;
        }
        let phrase = step.data.text(&mut self.builder, "message").filter(|phrase| !phrase.is_empty());
        let cause = match status {
            486 | 600 => "busy",
            403 | 603 => "rejected",
            404 | 604 => "not found",
            480 | 503 => "unavailable",
            _ => "response",
        };
        let hangup = Hangup { status, phrase, cause: cause.to_owned() };
        let hangup = self.add(Op::Hangup(hangup), Edges::always(Target::Hangup), step);
        let Some(media) = step.data.text(&mut self.builder, "media").filter(|id| !id.is_empty()) else {
            return hangup;
        };
        let play = Play {
            items: self.media(&media, &step.data.at("media")),
            repeat: Repeat::Times(1),
            barge: Barge::None,
            consume: false,
            // The refusal is still to come: what is heard before it is early media.
            answers: false,
        };
        self.add(Op::Play(play), Edges::always(Target::Node(hangup)), step)
    }

    /// Answers and says nothing until the caller hangs up.
    pub(super) fn dead_air(&mut self, step: &Step<'_>) -> NodeId {
        let wait = self.wait_for_hangup(step);
        self.add(Op::Answer, Edges::always(Target::Node(wait)), step)
    }

    pub(super) fn wait_for_hangup(&mut self, step: &Step<'_>) -> NodeId {
        if step.children.has_next() {
            let at = step.at.child("children");
            self.report(
                Code::IgnoredBranch,
                &at,
                "never reached: the module waits until the caller hangs up",
            );
        }
        self.add(Op::WaitForHangup, Edges::always(Target::Hangup), step)
    }
}
