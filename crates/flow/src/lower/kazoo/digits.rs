//! Modules for keys: `collect_dtmf`, `flush_dtmf` and `send_dtmf`.

use std::time::Duration;

use super::{Step, Walk};
use crate::ir::{Collect, NodeId, Op, SendDigits, Template};
use crate::lower::Code;

/// Kazoo's default duration of a key that is sent.
const KEY: Duration = Duration::from_millis(2_000);
/// Silence between keys that are sent; enough for every detector (ITU-T Q.24 asks for 40 ms).
const GAP: Duration = Duration::from_millis(100);

impl Walk<'_> {
    /// Keys count from the end of the prompts before it, those typed ahead first; it goes on at `_` even with none.
    pub(super) fn collect(&mut self, step: &Step<'_>) -> NodeId {
        let max = step.data.count(&mut self.builder, "max_digits").unwrap_or(1);
        if max == 0 {
            self.report(Code::BadValue, &step.data.at("max_digits"), "at least one digit; 1 is taken");
        }
        let first = step.data.millis(&mut self.builder, "timeout").unwrap_or(Duration::from_millis(5_000));
        let between = step.data.millis(&mut self.builder, "interdigit_timeout");
        let terminators = self
            .keys(step, "terminators")
            .or_else(|| self.keys(step, "terminator"))
            .unwrap_or_else(|| "#".into());
        let name = step.data.text(&mut self.builder, "collection_name").filter(|name| !name.is_empty());
        let collect = Collect {
            max: Some(max.max(1)),
            terminators,
            between: between.unwrap_or(Duration::from_millis(2_000)),
            name: name.map(Template::literal),
            by_value: false,
            ..Collect::new(Vec::new(), first)
        };
        self.onward(Op::Collect(collect), step)
    }

    /// Keys typed ahead are in the collection `default`; what was gathered under another name stays.
    pub(super) fn flush(&mut self, step: &Step<'_>) -> NodeId {
        let name = step.data.text(&mut self.builder, "collection_name");
        match name.as_deref() {
            None | Some("" | "default") => self.onward(Op::FlushDigits, step),
            Some(name) => {
                let message =
                    format!("only `default` can be flushed; `{name}` stays until it is collected again");
                self.report(Code::Approximated, &step.data.at("collection_name"), message);
                self.onward(Op::Noop, step)
            }
        }
    }

    pub(super) fn send_digits(&mut self, step: &Step<'_>) -> NodeId {
        let Some(digits) = self.required(step, "digits") else { return self.onward(Op::Noop, step) };
        let sendable = |key: &char| "0123456789ABCDabcd*#wW".contains(*key);
        let (good, bad): (Vec<char>, Vec<char>) = digits.chars().partition(sendable);
        if !bad.is_empty() {
            let bad: String = bad.into_iter().collect();
            let message =
                format!("`{bad}` cannot be sent: expected 0 to 9, A to D, `*`, `#`, or `w` for a pause");
            self.report(Code::BadValue, &step.data.at("digits"), message);
        }
        let upper = |key: char| if key == 'w' { key } else { key.to_ascii_uppercase() };
        let digits: String = good.into_iter().map(upper).collect();
        let duration = step.data.millis(&mut self.builder, "duration_ms").unwrap_or(KEY);
        let op = SendDigits { digits: Template::literal(digits), duration, gap: GAP };
        self.onward(Op::SendDigits(op), step)
    }
}
