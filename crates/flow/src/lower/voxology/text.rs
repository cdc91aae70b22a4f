//! Voxology's texts: `${path}`, `${...path}` (spoken character by character) and `{{$path}}`.
//!
//! Owns finding the variable parts; the expressions in them are `expr`'s.

use super::expr::{self, ExprError, Scope};
use crate::ir::{Part, Template};

/// Variable parts of one text; looking for the next one takes time in proportion to what is left.
const MOST: usize = 200;

/// A parsed text and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parsed {
    /// The text; a part that could not be read is left out.
    pub(super) template: Template,
    /// Errors, with columns in the whole text.
    pub(super) errors: Vec<ExprError>,
}

/// Splits `text`, which stands inside so many FOREACH, into its literal and variable parts.
pub(super) fn parse(text: &str, loops: u32) -> Parsed {
    let mut parsed = Parsed::default();
    let mut literal = String::new();
    let mut rest = text;
    let mut parts = 0;
    while let Some((before, open, close, inner)) = next_part(rest) {
        parts += 1;
        if parts > MOST {
            let column = text.get(..text.len() - rest.len()).unwrap_or_default().chars().count() + 1;
            parsed.errors.push(ExprError { column, expected: "fewer variables in one text" });
            break;
        }
        literal.push_str(before);
        let (spread, inner) = match inner.trim_start().strip_prefix("...") {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let at = text.len() - inner.len();
        let scope = Scope { bare: true, loops };
        let outcome = expr::parse_prefix(inner, scope).and_then(|found| {
            let after = inner.get(found.length..).unwrap_or_default();
            match after.strip_prefix(close) {
                Some(after) => Ok((found.expr, after)),
                None => {
                    let column = inner.get(..found.length).unwrap_or_default().chars().count() + 1;
                    Err(ExprError { column, expected: if close == "}" { "`}`" } else { "`}}`" } })
                }
            }
        });
        match outcome {
            Ok((value, after)) => {
                if !literal.is_empty() {
                    parsed.template.0.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parsed.template.0.push(if spread { Part::Spread(value) } else { Part::Value(value) });
                rest = after;
            }
            Err(mut error) => {
                error.column += text.get(..at).unwrap_or_default().chars().count();
                parsed.errors.push(error);
                // Without its end there is no variable part: the opening is text. With it, the part is silent.
                match inner.find(close) {
                    Some(end) => rest = inner.get(end + close.len()..).unwrap_or_default(),
                    None => {
                        literal.push_str(open);
                        rest = inner;
                    }
                }
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parsed.template.0.push(Part::Literal(literal));
    }
    parsed
}

/// The text before the next opening, the opening, its closing, and what follows the opening.
fn next_part(text: &str) -> Option<(&str, &'static str, &'static str, &str)> {
    let dollar = text.find("${").map(|at| (at, "${", "}"));
    let braces = text
        .match_indices("{{")
        .find(|(at, _)| {
            let inner = text.get(at + 2..).unwrap_or_default().trim_start();
            inner.strip_prefix("...").unwrap_or(inner).trim_start().starts_with('$')
        })
        .map(|(at, _)| (at, "{{", "}}"));
    let (at, open, close) = dollar.into_iter().chain(braces).min_by_key(|(at, ..)| *at)?;
    Some((text.get(..at)?, open, close, text.get(at + open.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Access, Expr, Fact};

    fn variable(name: &str) -> Expr {
        Expr::Variable(name.into())
    }

    #[test]
    fn a_text_is_split_at_its_variables() {
        let parsed = parse("Hello, ${sessionData.firstName}. ${callTime} ms.", 0);
        let name = Expr::Member(Box::new(variable("sessionData")), Access::Name("firstName".into()));
        let parts = vec![
            Part::Literal("Hello, ".into()),
            Part::Value(name),
            Part::Literal(". ".into()),
            Part::Value(Expr::Fact(Fact::Elapsed)),
            Part::Literal(" ms.".into()),
        ];
        assert_eq!(parsed.template.0, parts);
        assert_eq!(parsed.errors, []);
    }

    #[test]
    fn a_spread_and_double_braces_are_read() {
        let parsed = parse("${...x}{{$y}}{{...$keyPresses}}", 0);
        let parts = vec![
            Part::Spread(variable("x")),
            Part::Value(variable("y")),
            Part::Spread(Expr::Fact(Fact::LastDigits)),
        ];
        assert_eq!(parsed.template.0, parts);
    }

    #[test]
    fn braces_without_a_variable_are_text() {
        assert_eq!(parse("{{plain}} $5 {x}", 0).template.as_literal(), Some("{{plain}} $5 {x}"));
    }

    #[test]
    fn a_bad_part_is_silent_and_told_with_its_column() {
        let parsed = parse("été ${a b} und", 0);
        assert_eq!(parsed.errors, [ExprError { column: 9, expected: "`}`" }]);
        assert_eq!(parsed.template.as_literal(), Some("été  und"));
    }

    #[test]
    fn an_opening_without_its_end_is_text() {
        let parsed = parse("cost ${", 0);
        assert_eq!(parsed.template.as_literal(), Some("cost ${"));
        assert_eq!(parsed.errors.len(), 1);
    }
}
