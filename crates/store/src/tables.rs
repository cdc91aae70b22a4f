//! Files that are a table of tables, one for each thing that they name: users, trunks, conference rooms.
//!
//! What makes no sense is named by its place, and takes nothing else of the file with it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problem;
use crate::problem::place;

/// What is wrong, and where in the text.
pub(crate) type Fault = (Range<usize>, String);

/// A name, where it stands, and what it is given.
pub(crate) type Entry<'a> = (String, Range<usize>, Spanned<DeValue<'a>>);

/// What a file's text names, in its order, and where it is no TOML.
pub(crate) fn entries<'a>(file: &str, text: &'a str) -> (Vec<Entry<'a>>, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let problems = errors.iter().map(|error| syntax(file, text, table.get_ref(), error)).collect();
    let mut entries: Vec<Entry<'_>> = table
        .into_inner()
        .into_iter()
        .map(|(name, value)| (name.get_ref().to_string(), name.span(), value))
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    (entries, problems)
}

/// A TOML syntax error; of a key given twice both places are named.
pub(crate) fn syntax(file: &str, text: &str, table: &DeTable<'_>, error: &toml::de::Error) -> Problem {
    let Some(span) = error.span() else { return Problem::file(file, error.message()) };
    let mut message = error.message().to_owned();
    let written = text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\'']);
    let earlier =
        table.iter().find(|(key, _)| key.get_ref().as_ref() == written && key.span().start < span.start);
    if let Some((key, _)) = earlier.filter(|_| message.contains("duplicate")) {
        let (line, column) = place(text, key.span().start);
        message = format!("`{written}` is given twice, first at {file}:{line}:{column}");
    }
    Problem::file(file, message).at(place(text, span.start))
}
