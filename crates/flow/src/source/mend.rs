//! Reads JSON that people wrote, with the slips that they make.
//!
//! A comma that is missing, doubled or written as a full stop, one after the last element, and a backslash before a
//! character that needs none leave no doubt; the original documentation of the dialects has them all.
//! A missing quotation mark is closed at the end of its line only to see what else is wrong: it stays an error.

use serde_json::Value;

use super::{Note, Span};
use crate::lower::Code;

/// What was read, and the text as it was mended.
pub(super) struct Mended {
    pub(super) text: String,
    pub(super) value: Option<Value>,
    pub(super) notes: Vec<Note>,
}

/// Most slips that are mended in one document.
const SLIPS: usize = 50;

/// Reads `text`, mending what can be mended. The offsets in the notes are those of the mended text, whose lines are the
/// original's.
pub(super) fn parse(text: &str) -> Mended {
    // Some editors write a byte order mark, which RFC 8259 §8.1 lets a reader ignore.
    let text = if text.starts_with('\u{feff}') { text.replacen('\u{feff}', "", 1) } else { text.to_owned() };
    let mut mended = Mended { text, value: None, notes: Vec::new() };
    for _ in 0..=SLIPS {
        let error = match serde_json::from_str(&mended.text) {
            Ok(value) => {
                mended.value = Some(value);
                break;
            }
            Err(error) => error,
        };
        let at = offset(&mended.text, error.line(), error.column());
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        let slip = slip(&mended.text, at, said);
        mended.notes.push(Note { code: slip.code, span: slip.span, message: slip.message });
        let Some((range, put)) = slip.mend else { break };
        if mended.notes.len() > SLIPS {
            let message =
                format!("not JSON: there are more than {SLIPS} slips of this kind; the rest is not read");
            mended.notes.push(Note { code: Code::NotJson, span: slip.span, message });
            break;
        }
        mended.text.replace_range(range.start..range.end, put);
    }
    mended
}

/// The byte that an error's line and column mean; both count from 1, and column 0 is the end of the line before.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(ends) => {
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(ends).map_or(0, |(at, _)| at + 1)
        }
    };
    let mut at = (start + column).saturating_sub(1).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What is wrong at a place.
struct Slip {
    code: Code,
    span: Span,
    message: String,
    /// What to put in place of which bytes to read on.
    mend: Option<(Span, &'static str)>,
}

impl Slip {
    /// A slip without doubt, mended by `put` in place of `range`.
    fn tolerated(range: Span, put: &'static str, message: impl Into<String>) -> Slip {
        let span = Span { start: range.start, end: range.end.max(range.start + 1) };
        Slip { code: Code::Tolerated, span, message: message.into(), mend: Some((range, put)) }
    }

    fn error(at: usize, message: impl Into<String>) -> Slip {
        Slip {
            code: Code::NotJson,
            span: Span { start: at, end: at + 1 },
            message: message.into(),
            mend: None,
        }
    }
}

fn slip(text: &str, at: usize, said: &str) -> Slip {
    let before = text.get(..at).unwrap_or_default();
    let rest = text.get(at..).unwrap_or_default();
    let found = rest.chars().next();
    let one = Span { start: at, end: at + found.map_or(0, char::len_utf8) };
    if said.starts_with("expected `,` or") {
        return comma(before, at, found, one);
    }
    if said.starts_with("trailing comma") {
        let comma = before.trim_end().len().saturating_sub(1);
        let range = Span { start: comma, end: comma + 1 };
        return match before.get(comma..comma + 1) {
            Some(",") => Slip::tolerated(range, " ", "a comma after the last element; JSON has none there"),
            _ => Slip::error(at, "not JSON: a comma with nothing after it"),
        };
    }
    if said.starts_with("control character") {
        return open_string(before, at);
    }
    if said.starts_with("invalid escape") {
        let backslash = before.rfind('\\').unwrap_or(at);
        let message =
            "a backslash before a character that needs none; it is left out (a backslash itself is `\\\\`)";
        return Slip::tolerated(Span { start: backslash, end: backslash + 1 }, "", message);
    }
    if said.starts_with("trailing characters") {
        if rest.trim() == "," {
            return Slip::tolerated(one, " ", "a comma after the end of the document");
        }
        return Slip::error(
            at,
            "not JSON: the document is over, and something follows; a file holds one document",
        );
    }
    if said.starts_with("expected `:`") {
        return Slip::error(at, "not JSON: expected a `:` between a name and its value");
    }
    if said.starts_with("EOF") {
        return Slip::error(at.min(text.trim_end().len().saturating_sub(1)), unfinished(text));
    }
    let hint = match found {
        Some('\'') => "texts and names stand in double quotes, not in single ones",
        Some('\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}') => {
            "these quotation marks are typographic; JSON's are `\"`, as a keyboard types them"
        }
        Some('/' | '#') => "JSON has no comments",
        Some('<' | '.') => "a value is missing here; this looks like a placeholder of documentation",
        Some(',') if before.trim_end().ends_with(',') => {
            return Slip::tolerated(one, " ", "a second comma; one is enough");
        }
        Some('T' | 'F' | 'N' | 'b') => {
            "expected `true`, `false` or `null` in lower case, or a text in double quotes"
        }
        Some(c) if c.is_alphabetic() || c == '_' || c == '$' => "a text or a name stands in double quotes",
        Some('}' | ']' | ',') => "a value is missing before this",
        Some('+') => "a number has no leading `+`; write a phone number as text, in double quotes",
        _ => return Slip::error(at, format!("not JSON: {said}")),
    };
    Slip::error(at, format!("not JSON: {said}: {hint}"))
}

/// Where a `,` or the end of an object or list was expected.
fn comma(before: &str, at: usize, found: Option<char>, one: Span) -> Slip {
    let end = before.trim_end().len();
    match found {
        Some('.' | ';') => Slip::tolerated(one, ",", "expected a comma; it is read as one"),
        Some(c) if c == '"' || c == '{' || c == '[' || c == '-' || c.is_ascii_digit() => {
            // With no space between, a quotation mark within a text is likelier than a missing comma.
            if end == before.len() && before.ends_with('"') {
                let message = "not JSON: expected a comma, or `\\\"` for a quotation mark within a text";
                return Slip::error(at, message);
            }
            Slip::tolerated(Span { start: end, end }, ",", "a comma is missing after this value")
        }
        Some(c) if c.is_alphabetic() && before.ends_with('"') => Slip::error(
            at,
            "not JSON: the text ended before this; a quotation mark within a text is written `\\\"`",
        ),
        Some('\'') => Slip::error(at, "not JSON: texts and names stand in double quotes, not in single ones"),
        _ => Slip::error(at, "not JSON: expected a comma or the end of the object or list"),
    }
}

/// A text that goes on beyond its line: its closing quotation mark is missing.
fn open_string(before: &str, at: usize) -> Slip {
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let text = before.get(line..).unwrap_or_default();
    let opening = line + text.rfind('"').unwrap_or_default();
    let close = line + text.trim_end().trim_end_matches(',').trim_end().len();
    let span = Span { start: opening, end: close.max(opening + 1) };
    let message = "not JSON: a text is not closed before the end of its line: expected a `\"` there";
    let mend = (close > opening && close <= at).then_some((Span { start: close, end: close }, "\""));
    Slip { code: Code::NotJson, span, message: message.to_owned(), mend }
}

/// What is still open at the end of the text.
fn unfinished(text: &str) -> String {
    let (mut open, mut quoted, mut escaped, mut line) = (Vec::new(), None, false, 1);
    for c in text.chars() {
        line += usize::from(c == '\n');
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted.is_some() => escaped = true,
            '"' if quoted.is_some() => quoted = None,
            '"' => quoted = Some(line),
            '{' | '[' if quoted.is_none() => open.push((c, line)),
            '}' | ']' if quoted.is_none() => drop(open.pop()),
            _ => {}
        }
    }
    match (quoted, open.last()) {
        (Some(line), _) => {
            format!("not JSON: the text that begins in line {line} is not closed: expected a `\"`")
        }
        (None, Some((bracket, line))) => {
            let closing = if *bracket == '{' { '}' } else { ']' };
            format!(
                "not JSON: the document ends before the `{bracket}` of line {line} is closed: expected `{closing}`"
            )
        }
        (None, None) => "not JSON: the document ends before it is complete".to_owned(),
    }
}
