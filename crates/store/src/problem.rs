//! What is wrong with a file, where, and what was expected.

use std::fmt;

use flow::lower::Severity;

/// Something to tell the operator about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the flows directory: `numbers.toml`, `kazoo/menu.json`.
    pub file: String,
    /// The line, from 1; `None` if the whole file is meant.
    pub line: Option<usize>,
    /// The column, from 1; in characters where the file is a flow, in bytes elsewhere.
    pub column: Option<usize>,
    /// An error makes a number or a flow unusable in part; a warning does not.
    pub severity: Severity,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Problem {
    /// An error that concerns the whole of `file`.
    pub fn file(file: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            file: file.into(),
            line: None,
            column: None,
            severity: Severity::Error,
            message: message.into(),
        }
    }

    /// The same problem at a place, both counted from 1.
    #[must_use]
    pub fn at(self, (line, column): (usize, usize)) -> Problem {
        Problem { line: Some(line), column: Some(column), ..self }
    }

    /// The same problem at the byte `offset` of the file's `text`.
    #[must_use]
    pub fn at_offset(self, text: &str, offset: usize) -> Problem {
        self.at(place(text, offset))
    }

    /// The same problem, as bad as `severity`.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Problem {
        Problem { severity, ..self }
    }

    /// Whether it makes something unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        let kind = if self.is_error() { "error" } else { "warning" };
        write!(f, ": {kind}: {}", self.message)
    }
}

/// The line and column, from 1, of the byte at `offset` in `text`.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}
