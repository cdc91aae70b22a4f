//! `calleridmatch`: routing by the caller's number.
//!
//! Patterns are searched for in the number without its leading `+`, so that `^44800` finds `+44800…`.
//! The words for a withheld number match a caller without one.

use serde_json::Value;

use super::{Route, Step};
use crate::ir::{Binary, Condition, Edges, Expr, Fact, Op, Outcome, Target};
use crate::lower::Code;

/// What networks write, and people call, a number that is not told.
const WITHHELD: [&str; 6] = ["anonymous", "unavailable", "withheld", "private", "restricted", "unknown"];

impl Route<'_> {
    pub(super) fn caller_id_match(&mut self, step: &Step<'_>) {
        let at = step.members.at("patterns");
        let list = step.members.list(&mut self.builder, "patterns");
        if step.members.get("patterns").is_none() {
            let message = "`patterns` is missing: a list of regular expressions; nothing matches";
            self.builder.report(Code::MissingOption, &at, message);
        }
        let mut patterns = Vec::new();
        for (index, value) in list.unwrap_or_default().iter().enumerate() {
            let at = at.child(index);
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                other => {
                    super::wrong(self, &at, "a regular expression", other);
                    continue;
                }
            };
            match self.builder.pattern(&text) {
                Ok(()) => patterns.push(without_plus(&text)),
                Err(said) => {
                    let message = format!("`{text}` is no regular expression ({said}); it matches nothing");
                    self.builder.report(Code::BadPattern, &at, message);
                }
            }
        }
        let withheld = Box::new(Expr::Literal(Value::from("anonymous")));
        let number = Expr::Binary(Binary::Or, Box::new(Expr::Fact(Fact::CallerNumber)), withheld);
        let yes = self.or_end(&step.members, "match");
        let no = self.or_end(&step.members, "nomatch");
        let edges = Edges::always(Target::Hangup).case(Outcome::Yes, yes).case(Outcome::No, no);
        self.put(step, Op::If(Condition::Matches { text: number, patterns }), edges);
    }
}

/// The pattern for numbers with and without `+`; a word for withheld numbers becomes all of them.
fn without_plus(pattern: &str) -> String {
    let word = pattern.trim_start_matches('^').trim_end_matches('$').to_ascii_lowercase();
    if WITHHELD.contains(&word.as_str()) {
        return format!("^(?i:{})$", WITHHELD.join("|"));
    }
    let mut rewritten = String::new();
    let (mut escaped, mut class) = (false, false);
    for c in pattern.chars() {
        rewritten.push(c);
        match c {
            _ if escaped => {}
            '[' => class = true,
            ']' => class = false,
            '^' if !class => rewritten.push_str(r"\+?"),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn a_pattern_finds_numbers_with_and_without_the_plus() {
        let cases = [
            ("^44800", "+44800123456", true),
            ("^44800", "44800123456", true),
            ("^44800", "+4544800", false),
            (r"^\+44", "+44800", true),
            ("^(44|45)", "+45", true),
            ("^1|^44", "+44", true),
            ("9000$", "+449000", true),
            ("1483", "+441483222", true),
            ("^[^4]", "+5", true),
            ("anonymous", "unavailable", true),
            ("^Unavailable$", "anonymous", true),
            ("anonymous", "441483", false),
        ];
        for (pattern, number, found) in cases {
            let rewritten = without_plus(pattern);
            assert_eq!(
                Regex::new(&rewritten).expect("valid").is_match(number),
                found,
                "{pattern} in {number}"
            );
        }
    }
}
