//! Findings for people: the line in question with a mark below it, and what to do, as rustc tells them; then each file with
//! the dialect that it was read as.

use std::fmt::Write;

use flow::check::Finding;
use flow::lower::{Dialect, Severity};

use super::{Checked, counts};

/// Longest piece of a line that is shown.
const WIDTH: usize = 110;

/// Characters that are shown before the mark in a longer line.
const BEFORE: usize = 40;

/// All findings, and how many there are.
pub(super) fn told(checked: &[Checked], colours: bool) -> String {
    let mut out = String::new();
    let paint = Paint(colours);
    for file in checked {
        for found in &file.report.findings {
            let _ = finding(&mut out, file, found, &paint);
        }
    }
    let (errors, warnings) = counts(checked);
    for file in checked {
        let dialect = file.report.dialect.map_or("no dialect", Dialect::title);
        let _ = writeln!(out, "{}: {}", file.name, paint.with(BLUE, dialect));
    }
    let many = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let files = many(checked.len(), "flow");
    let _ = writeln!(out, "{files}: {}, {}", many(errors, "error"), many(warnings, "warning"));
    out
}

fn finding(out: &mut String, file: &Checked, found: &Finding, paint: &Paint) -> std::fmt::Result {
    let diagnostic = &found.diagnostic;
    let (kind, colour) = match diagnostic.severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
    };
    let head = paint.with(colour, &format!("{kind}[{}]", diagnostic.code));
    writeln!(out, "{head}: {}", paint.with(BOLD, &visible(&diagnostic.message)))?;
    let (line, column) = (found.start.line, found.start.column);
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint.with(BLUE, "|");
    writeln!(out, "{margin}{} {}:{line}:{column}", paint.with(BLUE, "-->"), file.name)?;
    let text = file.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    if !text.trim().is_empty() {
        let end = if found.end.line == line { found.end.column } else { usize::MAX };
        let (shown, at, length) = excerpt(text, column.saturating_sub(1), end.saturating_sub(column));
        writeln!(out, "{margin} {bar}")?;
        writeln!(out, "{} {bar} {shown}", paint.with(BLUE, &number))?;
        let mark = format!("{}{}", " ".repeat(at), "^".repeat(length));
        writeln!(out, "{margin} {bar} {}", paint.with(colour, &mark))?;
    }
    if !diagnostic.pointer.is_empty() {
        writeln!(out, "{margin} {} at: {}", paint.with(BLUE, "="), diagnostic.pointer)?;
    }
    writeln!(out, "{margin} {} help: {}\n", paint.with(BLUE, "="), diagnostic.code.help())
}

/// The part of a line around the character `at`, where that is in it, and how many characters are marked.
fn excerpt(line: &str, at: usize, length: usize) -> (String, usize, usize) {
    let all: Vec<char> = line.trim_end().chars().collect();
    let at = at.min(all.len());
    let from = if all.len() <= WIDTH { 0 } else { at.saturating_sub(BEFORE) };
    let mut shown: String = all.iter().skip(from).take(WIDTH).collect();
    let mut place = at - from;
    if from > 0 {
        shown.insert(0, '…');
        place += 1;
    }
    if from + WIDTH < all.len() {
        shown.push('…');
    }
    let room = shown.chars().count().saturating_sub(place).max(1);
    (visible(&shown), place, length.clamp(1, room))
}

/// The text as a terminal may have it: a document's control characters are not the terminal's.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

const BOLD: &str = "1";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const BLUE: &str = "1;34";

/// Whether colours are wanted.
struct Paint(bool);

impl Paint {
    fn with(&self, colour: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
