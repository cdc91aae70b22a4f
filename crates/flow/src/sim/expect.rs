//! What a script expects of the call, and whether it came.

use crate::engine::End;

use super::Simulation;

/// Lines of the story that are shown beside what was expected.
const SHOWN: usize = 12;

/// An `expect` line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The line of the script, from 1.
    pub line: usize,
    what: Expected,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// In a line of the story, after the expectation before.
    Line(String),
    /// In none before the next `Line`.
    Never(String),
    End(End),
}

/// The first expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The line of the script, from 1.
    pub line: usize,
    /// What was expected and what there was, on one line or several.
    pub problem: String,
}

impl Expectation {
    /// What follows `expect` in line `line`.
    pub(super) fn parse(line: usize, text: &str) -> Result<Expectation, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let what = match words.as_slice() {
            [] | ["not"] => return Err("expected a text that the story has after `expect`".into()),
            ["end", cause @ .., "by", by] if !cause.is_empty() => {
                Expected::End(End { cause: cause.join(" "), by: (*by).to_owned() })
            }
            ["end", ..] => {
                return Err("expected `expect end CAUSE by WHO`, such as `expect end normal by flow`".into());
            }
            ["not", ..] => Expected::Never(plain(text.trim_start_matches("not").trim())),
            _ => Expected::Line(plain(text)),
        };
        Ok(Expectation { line, what })
    }
}

/// The first of `expectations` that `call` does not meet.
pub fn unmet(expectations: &[Expectation], call: &Simulation) -> Option<Unmet> {
    let lines: Vec<String> = call.story.lines().map(plain).collect();
    // The lines that were passed already.
    let mut passed = 0;
    let mut never: Vec<(usize, &str)> = Vec::new();
    for Expectation { line, what } in expectations {
        match what {
            Expected::Never(text) => never.push((*line, text)),
            Expected::End(end) if call.end.as_ref() == Some(end) => {}
            Expected::End(end) => {
                let was = call.end.as_ref().map_or("it did not end".to_owned(), ending);
                let problem = format!("expected the end \"{}\"; it was \"{was}\"", ending(end));
                return Some(Unmet { line: *line, problem });
            }
            Expected::Line(text) => {
                let rest = lines.iter().skip(passed);
                let Some(ahead) = rest.clone().position(|line| line.contains(text.as_str())) else {
                    let there: Vec<String> = rest.take(SHOWN).map(|line| format!("\n  {line}")).collect();
                    let there = if there.is_empty() { "\n  nothing".to_owned() } else { there.concat() };
                    let problem = format!("expected \"{text}\"; there was{there}");
                    return Some(Unmet { line: *line, problem });
                };
                if let Some(unmet) = came(&never, rest.take(ahead)) {
                    return Some(unmet);
                }
                never.clear();
                passed += ahead + 1;
            }
        }
    }
    came(&never, lines.iter().skip(passed))
}

/// Whether something came that should not have.
fn came<'a>(never: &[(usize, &str)], lines: impl Iterator<Item = &'a String> + Clone) -> Option<Unmet> {
    never.iter().find_map(|(line, text)| {
        let found = lines.clone().find(|line| line.contains(text))?;
        Some(Unmet { line: *line, problem: format!("expected no \"{text}\"; there was\n  {found}") })
    })
}

fn ending(end: &End) -> String {
    format!("{} by {}", end.cause, end.by)
}

/// As one types it: straight quotes, single spaces.
fn plain(text: &str) -> String {
    let straight = text.replace(['“', '”'], "\"");
    straight.split_whitespace().collect::<Vec<_>>().join(" ")
}
