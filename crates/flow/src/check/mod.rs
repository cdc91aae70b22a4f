//! What is wrong with a document, told to its author before a caller finds out: all that reading and lowering notes,
//! and what only the whole program shows.
//!
//! Nothing here does I/O; [`Report::urls`] are for whoever wants to try them.

mod answered;
mod branches;
mod endless;
mod placeholders;
mod secrets;
mod unreachable;
mod walk;

use serde_json::Value;

use crate::ir::{self, Malformed, Pointer, Program};
use crate::lower::{self, Code, Diagnostic, Dialect, LowerError, Severity};
use crate::source::{Place, Source, Span, place};

/// Something to tell an author, and where in the text it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, and where in the document.
    pub diagnostic: Diagnostic,
    /// Where it begins.
    pub start: Place,
    /// Where it ends: after its last character.
    pub end: Place,
}

/// What was found in one document.
#[derive(Clone, Debug)]
pub struct Report {
    /// The dialect it was read as; `None` if it has none.
    pub dialect: Option<Dialect>,
    /// What was found, in the order of the text.
    pub findings: Vec<Finding>,
    /// The whole URLs in it, and where they stand.
    pub urls: Vec<(Pointer, String)>,
    /// The text with its places.
    pub source: Source,
}

impl Report {
    /// How many findings are as bad as `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|found| found.diagnostic.severity == severity).count()
    }

    /// Adds something that was found out elsewhere.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        let span = place_of(&self.source, &diagnostic);
        self.findings.push(finding(&self.source, diagnostic, span));
        self.findings.sort_by_key(|found| found.start);
    }
}

/// Checks a document's text, as `dialect` or as the dialect that its shape tells.
pub fn text(dialect: Option<Dialect>, text: &str) -> Report {
    let source = Source::read(text);
    let mut findings = Vec::new();
    for note in &source.notes {
        let diagnostic = Diagnostic::new(note.code, &Pointer::default(), note.message.as_str());
        findings.push(finding(&source, diagnostic, note.span));
    }
    let value = source.value.clone().unwrap_or_default();
    let mut report = Report { dialect: None, findings, urls: Vec::new(), source };
    if report.source.value.is_some() {
        let (dialect, diagnostics) = document(dialect, &value);
        report.dialect = dialect;
        report.urls = secrets::urls(&value);
        for diagnostic in diagnostics {
            let span = place_of(&report.source, &diagnostic);
            report.findings.push(finding(&report.source, diagnostic, span));
        }
    }
    report.findings.sort_by_key(|found| found.start);
    report
}

/// Checks a document that is read already: the dialect that it was read as, and what was found.
pub fn document(dialect: Option<Dialect>, document: &Value) -> (Option<Dialect>, Vec<Diagnostic>) {
    let dialect = dialect.or_else(|| lower::detect(document));
    let lowered = match lower::lower(dialect, document) {
        Ok(lowered) => lowered,
        Err(error) => {
            let code = match error {
                LowerError::Root(_) => Code::WrongType,
                _ => Code::UnknownDialect,
            };
            return (dialect, vec![Diagnostic::new(code, &Pointer::default(), error.to_string())]);
        }
    };
    let mut diagnostics = lowered.diagnostics;
    placeholders::tolerate(document, &mut diagnostics);
    program(&lowered.program, &mut diagnostics);
    secrets::check(document, &mut diagnostics);
    (dialect, diagnostics)
}

/// What only the whole program shows.
fn program(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    match ir::verify(program) {
        // `endless` says more about it.
        Ok(()) | Err(Malformed::Circle { .. }) => {}
        Err(malformed) => {
            let message = malformed.to_string();
            diagnostics.push(Diagnostic::new(Code::DanglingTarget, &Pointer::default(), message));
        }
    }
    if program.entry.is_none() && !diagnostics.iter().any(|found| found.code == Code::EmptyFlow) {
        let message = "there is nothing to run: the call ends at once";
        diagnostics.push(Diagnostic::new(Code::EmptyFlow, &Pointer::default(), message));
    }
    unreachable::check(program, diagnostics);
    endless::check(program, diagnostics);
    branches::check(program, diagnostics);
    answered::check(program, diagnostics);
}

/// What a diagnostic points at: the name for what is wrong with a name, else the value, or what it is missing from.
fn place_of(source: &Source, diagnostic: &Diagnostic) -> Span {
    let pointer = diagnostic.pointer.as_str();
    let named = matches!(
        diagnostic.code,
        Code::UnknownOption | Code::MisplacedOption | Code::IgnoredOption | Code::IgnoredBranch
    );
    let name = source.spans.name(pointer).filter(|_| named);
    let first_line = |span: Span| {
        // A whole object is named by its opening bracket.
        let long = source.text.get(span.start..span.end).is_some_and(|text| text.starts_with(['{', '[']));
        if long { Span { start: span.start, end: span.start + 1 } } else { span }
    };
    name.or_else(|| source.spans.nearest(pointer).map(first_line)).unwrap_or_default()
}

fn finding(source: &Source, diagnostic: Diagnostic, span: Span) -> Finding {
    let start = place(&source.text, span.start);
    let end = place(&source.text, span.end.max(span.start));
    Finding { diagnostic, start, end }
}

#[cfg(test)]
mod tests;
