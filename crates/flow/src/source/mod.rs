//! A document as text: what it says as JSON, where each part of it stands, and what is wrong with the text.
//!
//! Slips that leave no doubt about what was meant (a comma that is missing or too many) are mended and told; the rest
//! is told with what was expected.

mod mend;
mod spans;

use serde_json::Value;

pub use spans::{Span, Spans};

use crate::lower::{Code, Severity};

/// A document's text, read.
#[derive(Clone, Debug)]
pub struct Source {
    /// The text as it was mended; its lines are those of the original, and all places are places in it.
    pub text: String,
    /// What it says; `None` if it cannot be made sense of.
    pub value: Option<Value>,
    /// Where its parts stand.
    pub spans: Spans,
    /// What is wrong with the text itself, in the order of the text.
    pub notes: Vec<Note>,
}

/// Something about the text of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is wrong.
    pub code: Code,
    /// Where, in bytes of the mended text.
    pub span: Span,
    /// What was found, and what was expected.
    pub message: String,
}

/// A place in a text, for people: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    /// Reads `text`, with or without a byte order mark.
    pub fn read(text: &str) -> Source {
        let mended = mend::parse(text);
        let mut notes = mended.notes;
        let spans = match &mended.value {
            Some(_) => Spans::of(&mended.text),
            None => Spans::default(),
        };
        for (name, first, last) in spans.duplicates() {
            let line = place(text, first.start).line;
            let message =
                format!("`{name}` stands in this object twice; the one in line {line} does not count");
            notes.push(Note { code: Code::DuplicateKey, span: *last, message });
        }
        notes.sort_by_key(|note| note.span.start);
        Source { text: mended.text, value: mended.value, spans, notes }
    }

    /// Where the value at `pointer` stands, or what it is missing from; the beginning, if there is no such thing.
    pub fn place(&self, pointer: &str) -> Place {
        place(&self.text, self.spans.nearest(pointer).unwrap_or_default().start)
    }

    /// The first note that is an error: the document must not be run as it was mended.
    pub fn error(&self) -> Option<&Note> {
        self.notes.iter().find(|note| note.code.severity() == Severity::Error)
    }
}

/// The line and column of the byte at `offset` in `text`; the end, if it is beyond it.
pub fn place(text: &str, offset: usize) -> Place {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    // A character's later bytes begin with the bits 10.
    let characters = before.iter().skip(start).filter(|byte| **byte & 0xc0 != 0x80).count();
    Place { line, column: characters + 1 }
}

#[cfg(test)]
mod tests;
