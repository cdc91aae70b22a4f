//! Flow documents: the golden ones, and strokes that damage them as text and as JSON.

use std::path::Path;

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Parts that mean something to a reader of JSON, to a dialect, or to an expression.
const SPICE: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "null",
    "true",
    "-1",
    "1e999",
    "0",
    "4294967296",
    "\"\"",
    "{}",
    "[]",
    "//",
    "/*",
    ",}",
    "${",
    "{{",
    "}}",
    "$a",
    "$a[0]",
    "=",
    "'",
    "(",
    ")",
    "?",
    "+",
    "||",
    "!",
    "\"module\"",
    "\"data\"",
    "\"children\"",
    "\"_\"",
    "\"actions\"",
    "\"type\"",
    "\"option\"",
    "\"params\"",
    "\"then\"",
    "\"orElse\"",
    "\"flow\"",
    "\"id\"",
    "\"goto\"",
    "\"GOTO\"",
    "\"LABEL\"",
    "\"IF\"",
    "\"FOREACH\"",
    "\"branch\"",
    "\"fetch\"",
    "\"menu\"",
    "\"^(a+)+$\"",
    "\"\\\\d{1000}{1000}\"",
    "\u{feff}",
    "é",
    "\u{1F600}",
];

/// The golden flows of a dialect, as text.
///
/// # Panics
///
/// Without them.
pub fn corpus(dialect: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/flow/golden").join(dialect);
    let files = std::fs::read_dir(&folder).expect("the golden flows");
    let mut paths: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "no golden flows in {}", folder.display());
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a document")).collect()
}

/// A text of the corpus, damaged one way or the other.
pub fn damaged(rng: &mut Rng, corpus: &[String]) -> String {
    let text = corpus[rng.usize(..corpus.len())].clone();
    if rng.u8(..3) == 0 {
        return struck(rng, corpus, text);
    }
    let Ok(mut document) = serde_json::from_str(&text) else { return text };
    for _ in 0..rng.usize(1..6) {
        let other = &corpus[rng.usize(..corpus.len())];
        let other = serde_json::from_str(other).unwrap_or(Value::Null);
        change(rng, &mut document, &other);
    }
    document.to_string()
}

/// Strokes at any character of a text.
pub fn struck(rng: &mut Rng, corpus: &[String], text: String) -> String {
    let mut all: Vec<char> = text.chars().collect();
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..=all.len());
        let end = (at + rng.usize(..12)).min(all.len());
        let spice = SPICE[rng.usize(..SPICE.len())].chars();
        match rng.u8(..6) {
            0 => drop(all.drain(at..end)),
            1 | 2 => drop(all.splice(at..at, spice)),
            3 => drop(all.splice(at..end, spice)),
            4 => {
                let part = all[at..end].repeat(rng.usize(1..40));
                all.splice(at..at, part);
            }
            _ => {
                let other: Vec<char> = corpus[rng.usize(..corpus.len())].chars().collect();
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(..80)).min(other.len());
                all.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    all.into_iter().collect()
}

/// A value that stands where none of its kind is expected.
fn junk(rng: &mut Rng) -> Value {
    match rng.u8(..12) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        3 => json!(1e300),
        4 => json!([]),
        5 => json!({}),
        6 => json!("A".repeat(rng.usize(..3_000))),
        7 => {
            let (depth, mut deep) = (rng.usize(..200), json!(1));
            for _ in 0..depth {
                deep = json!({"_": [deep]});
            }
            deep
        }
        8 => Value::Array(vec![json!({"type": "goto"}); rng.usize(..50)]),
        _ => json!(SPICE[rng.usize(..SPICE.len())]),
    }
}

/// Changes one place of `value`; parts of `other` may come in.
pub fn change(rng: &mut Rng, value: &mut Value, other: &Value) {
    let stop = rng.u8(..4) == 0;
    match value {
        Value::Array(items) if !items.is_empty() && !stop => {
            let at = rng.usize(..items.len());
            match rng.u8(..7) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                2 => items.reverse(),
                3 => items.insert(at, part(rng, other).clone()),
                _ => change(rng, &mut items[at], other),
            }
        }
        Value::Object(members) if !members.is_empty() && !stop => {
            let key = members.keys().nth(rng.usize(..members.len())).cloned().unwrap_or_default();
            match rng.u8(..7) {
                0 => drop(members.remove(&key)),
                1 => {
                    let moved = members.remove(&key).unwrap_or_default();
                    members.insert(format!("{key}x"), moved);
                }
                2 => {
                    let (name, whole) = (key.clone(), Value::Object(std::mem::take(members)));
                    *members = Map::from_iter([(name, whole)]);
                }
                _ => change(rng, &mut members[&key], other),
            }
        }
        place => *place = if rng.bool() { junk(rng) } else { part(rng, other).clone() },
    }
}

/// Some part of a document.
fn part<'a>(rng: &mut Rng, mut value: &'a Value) -> &'a Value {
    while rng.u8(..4) != 0 {
        let inner = match value {
            Value::Array(items) if !items.is_empty() => items.get(rng.usize(..items.len())),
            Value::Object(members) if !members.is_empty() => members.values().nth(rng.usize(..members.len())),
            _ => None,
        };
        let Some(inner) = inner else { break };
        value = inner;
    }
    value
}
