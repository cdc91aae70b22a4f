//! What a call lived through, as data: kept by the switch, shown by `offhook trace` and `GET /calls/{id}`, and printed
//! by the simulator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Longest text of a line, in bytes; addresses with all their fields are shorter.
pub const TEXT: usize = 8_000;

/// One line of a call's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the call began.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

impl Entry {
    /// An entry `at` after the call began.
    ///
    /// Texts of more than [`TEXT`] bytes are cut, so that the lines of a call have a size.
    pub fn new(at: Duration, mut what: What) -> Entry {
        what.cut();
        Entry { at_ms: at.as_millis() as u64, what }
    }
}

/// What may happen in a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum What {
    /// A SIP message in short: `← INVITE sip:1001@…`, `→ 200 OK`.
    Sip { line: String },
    /// A flow document was entered.
    Flow { dialect: String, document: String },
    /// A node was entered.
    Node { pointer: String, op: String },
    /// Something was played: `Say("Hello")`, `Sound("welcome")`, `Tone(440)`.
    Prompt { what: String },
    /// A key was pressed.
    Digit { key: char },
    /// Keys were gathered.
    Collected { digits: String },
    /// An HTTP exchange ended. `status` is 0 when there was no reply.
    Http { method: String, url: String, status: u16, latency_ms: u64, note: String },
    /// Media: codec and ports chosen, RTP lost and found.
    Media { note: String },
    /// A recording ended.
    Recorded { id: String, duration_ms: u64 },
    /// Something that an operator or the flow's author should know: a missing feature, a failed prompt, a limit.
    Note { text: String },
    /// The call ended.
    Ended { cause: String, by: String },
}

impl What {
    fn cut(&mut self) {
        let texts: [Option<&mut String>; 3] = match self {
            What::Sip { line } => [Some(line), None, None],
            What::Flow { dialect, document } => [Some(dialect), Some(document), None],
            What::Node { pointer, op } => [Some(pointer), Some(op), None],
            What::Prompt { what } => [Some(what), None, None],
            What::Digit { .. } => [None, None, None],
            What::Collected { digits } => [Some(digits), None, None],
            What::Http { method, url, note, .. } => [Some(method), Some(url), Some(note)],
            What::Media { note } => [Some(note), None, None],
            What::Recorded { id, .. } => [Some(id), None, None],
            What::Note { text } => [Some(text), None, None],
            What::Ended { cause, by } => [Some(cause), Some(by), None],
        };
        for text in texts.into_iter().flatten().filter(|text| text.len() > TEXT) {
            let end = (0..=TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text.truncate(end);
            text.push('…');
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Entry { at_ms, what } = self;
        write!(f, "{:>5}.{:03}  ", at_ms / 1000, at_ms % 1000)?;
        match what {
            What::Sip { line } => write!(f, "sip    {line}"),
            What::Flow { dialect, document } => write!(f, "flow   {document} ({dialect})"),
            What::Node { pointer, op } => write!(f, "node   {pointer}  {op}"),
            What::Prompt { what } => write!(f, "play   {what}"),
            What::Digit { key } => write!(f, "key    {key}"),
            What::Collected { digits } => write!(f, "got    \"{digits}\""),
            What::Http { method, url, status, latency_ms, note } => {
                write!(f, "http   {method} {url} → {status} in {latency_ms} ms {note}")
            }
            What::Media { note } => write!(f, "media  {note}"),
            What::Recorded { id, duration_ms } => write!(f, "rec    {id} ({duration_ms} ms)"),
            What::Note { text } => write!(f, "note   {text}"),
            What::Ended { cause, by } => write!(f, "end    {cause}, by {by}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_makes_a_line_of_some_length() {
        let note = |text: String| Entry::new(Duration::ZERO, What::Note { text }).to_string();
        assert!(note("é".repeat(1_000_000)).len() < TEXT + 50);
        assert!(note("x".repeat(TEXT)).ends_with("xx"), "what fits is whole");
    }
}
