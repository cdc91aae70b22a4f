//! `numbers.toml`: which number leads to which flow file.
//!
//! ```toml
//! "1001" = "voxology/hello-world.json"
//! "1101" = { flow = "kazoo/collect.json", dialect = "kazoo", public = true }
//!
//! [defaults]
//! public = true
//! preflow = "kazoo/hours.json"
//!
//! [patterns]
//! '^\*55(\d+)$' = "kazoo/star.json"
//! ```

use flow::lower::Dialect;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problem;
use crate::problem::place;
use crate::tables::syntax;

/// The file's name.
pub(crate) const FILE: &str = "numbers.toml";

/// One number or pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number, or the pattern's text.
    pub(crate) key: String,
    /// Where it stands.
    pub(crate) place: (usize, usize),
    /// The flow file it names.
    pub(crate) flow: String,
    /// The dialect it names for that file.
    pub(crate) dialect: Option<Dialect>,
    /// Whether anyone may call it.
    pub(crate) public: bool,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Numbers, in the order of the file.
    pub(crate) numbers: Vec<Entry>,
    /// Patterns, in the order of the file, which is the order they are tried in.
    pub(crate) patterns: Vec<Entry>,
    /// What holds for numbers that do not say.
    pub(crate) public: bool,
    /// The flow that runs before every other, and where it is named.
    pub(crate) preflow: Option<(String, (usize, usize))>,
    /// Entries that make no sense and were left out.
    pub(crate) problems: Vec<Problem>,
}

impl Numbers {
    /// Reads the file's text; a syntax error makes all of it unusable.
    pub(crate) fn parse(text: &str) -> Result<Numbers, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| syntax(FILE, text, table.get_ref(), error)).collect());
        }
        let mut numbers = Numbers::default();
        let mut sections: Vec<(&str, std::ops::Range<usize>, &Spanned<DeValue<'_>>)> =
            table.get_ref().iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
        sections.sort_by_key(|(_, span, _)| span.start);
        // The defaults hold for the whole file, wherever they stand in it.
        for (key, _, value) in &sections {
            if *key == "defaults" {
                numbers.defaults(text, value);
            }
        }
        for (key, span, value) in sections {
            match key {
                "defaults" => {}
                "patterns" => numbers.section(text, value),
                _ => {
                    let entry = numbers.entry(text, key, span, value);
                    numbers.numbers.extend(entry);
                }
            }
        }
        Ok(numbers)
    }

    fn defaults(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        let Some(table) = self.table(text, value, "a table such as `public = true`") else { return };
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("public", DeValue::Boolean(public)) => self.public = *public,
                ("preflow", DeValue::String(flow)) => {
                    self.preflow = Some((flow.to_string(), place(text, value.span().start)));
                }
                ("public", _) => self.problem(text, value.span(), "`public` is true or false"),
                ("preflow", _) => self.problem(text, value.span(), "expected a flow file in quotes"),
                (other, _) => {
                    let message = format!("unknown key `{other}`; `[defaults]` has `public` and `preflow`");
                    self.problem(text, key.span(), &message);
                }
            }
        }
    }

    fn section(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        let Some(table) = self.table(text, value, "a table of regular expression = flow file") else {
            return;
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let entry = self.entry(text, key.get_ref(), key.span(), value);
            self.patterns.extend(entry);
        }
    }

    fn table<'v, 'i>(
        &mut self,
        text: &str,
        value: &'v Spanned<DeValue<'i>>,
        expected: &str,
    ) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => {
                self.problem(text, value.span(), &format!("expected {expected}"));
                None
            }
        }
    }

    fn entry(
        &mut self,
        text: &str,
        key: &str,
        span: std::ops::Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Entry> {
        let key_place = place(text, span.start);
        let mut entry = Entry {
            key: key.to_owned(),
            place: key_place,
            flow: String::new(),
            dialect: None,
            public: self.public,
        };
        match value.get_ref() {
            DeValue::String(flow) => entry.flow = flow.to_string(),
            DeValue::Table(table) => {
                for (key, value) in table {
                    self.member(text, &mut entry, key, value);
                }
            }
            _ => {
                let example = format!("expected a flow file's name, such as \"{key}\" = \"kazoo/menu.json\"");
                self.problem(text, value.span(), &example);
                return None;
            }
        }
        if entry.flow.is_empty() {
            self.problem(text, value.span(), &format!("`{key}` names no flow: add `flow = \"…\"`"));
            return None;
        }
        Some(entry)
    }

    fn member(
        &mut self,
        text: &str,
        entry: &mut Entry,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("flow", DeValue::String(flow)) => entry.flow = flow.to_string(),
            ("public", DeValue::Boolean(public)) => entry.public = *public,
            ("dialect", DeValue::String(name)) => match dialect(name) {
                Some(dialect) => entry.dialect = Some(dialect),
                None => {
                    let choice = "expected `kazoo`, `callroute`, `voipbin` or `voxology`";
                    self.problem(text, value.span(), &format!("unknown dialect `{name}`; {choice}"));
                }
            },
            ("flow" | "dialect", _) => self.problem(text, value.span(), "expected a text in quotes"),
            ("public", _) => self.problem(text, value.span(), "`public` is true or false"),
            (other, _) => {
                let known = "a number has `flow`, `dialect` and `public`";
                self.problem(text, key.span(), &format!("unknown key `{other}`; {known}"));
            }
        }
    }

    fn problem(&mut self, text: &str, span: std::ops::Range<usize>, message: &str) {
        self.problems.push(Problem::file(FILE, message).at(place(text, span.start)));
    }
}

/// The dialect of this name.
pub(crate) fn dialect(name: &str) -> Option<Dialect> {
    match name.to_ascii_lowercase().as_str() {
        "kazoo" => Some(Dialect::Kazoo),
        "callroute" | "call-route" => Some(Dialect::Callroute),
        "voipbin" => Some(Dialect::Voipbin),
        "voxology" => Some(Dialect::Voxology),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, place: (usize, usize), flow: &str, public: bool) -> Entry {
        Entry { key: key.into(), place, flow: flow.into(), dialect: None, public }
    }

    #[test]
    fn numbers_tables_defaults_and_patterns_are_read_in_the_files_order() {
        let text = "\"2\" = \"b.json\"\n1 = { flow = \"a\", dialect = \"Kazoo\", public = false }\n\
                    [patterns]\n'^z' = \"z.json\"\n'^a' = { flow = \"a\" }\n[defaults]\npublic = true\n";
        let numbers = Numbers::parse(text).expect("valid");
        assert_eq!(numbers.problems, []);
        let one = Entry { dialect: Some(Dialect::Kazoo), ..entry("1", (2, 1), "a", false) };
        assert_eq!(numbers.numbers, [entry("2", (1, 1), "b.json", true), one]);
        let preflow = Numbers::parse("[defaults]\npreflow = \"a\"\n").expect("valid").preflow;
        assert_eq!(preflow, Some(("a".to_owned(), (2, 11))));
        assert_eq!(numbers.patterns, [entry("^z", (4, 1), "z.json", true), entry("^a", (5, 1), "a", true)]);
    }

    #[test]
    fn what_makes_no_sense_is_named_by_line_and_column_and_the_rest_stands() {
        let text = "\"1\" = 5\n\"2\" = { flow = \"b\", dilect = \"kazoo\" }\n\"3\" = { dialect = \"sip\" }\n\
                    \"4\" = { flow = \"d\", public = \"yes\" }\npatterns = 3\n";
        let numbers = Numbers::parse(text).expect("valid TOML");
        let said: Vec<String> = numbers.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "numbers.toml:1:7: error: expected a flow file's name, such as \"1\" = \"kazoo/menu.json\"",
                "numbers.toml:2:21: error: unknown key `dilect`; a number has `flow`, `dialect` and `public`",
                "numbers.toml:3:19: error: unknown dialect `sip`; expected `kazoo`, `callroute`, `voipbin` or `voxology`",
                "numbers.toml:3:7: error: `3` names no flow: add `flow = \"…\"`",
                "numbers.toml:4:30: error: `public` is true or false",
                "numbers.toml:5:12: error: expected a table of regular expression = flow file",
            ]
        );
        assert_eq!(numbers.numbers.len(), 2);
    }

    #[test]
    fn a_number_given_twice_names_both_places() {
        let problems =
            Numbers::parse("\"1\" = \"a\"\n\"2\" = \"b\"\n\"1\" = \"c\"\n").expect_err("a duplicate");
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["numbers.toml:3:1: error: `1` is given twice, first at numbers.toml:1:1"]);
    }

    #[test]
    fn a_syntax_error_names_its_place() {
        let problems = Numbers::parse("\"1\" = \"a\"\n\"2\" = \n").expect_err("no value");
        assert_eq!(problems.first().and_then(|problem| problem.line), Some(2));
    }
}
