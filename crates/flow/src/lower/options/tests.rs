//! What the comparison of options says, and that it is quiet where the lowering spoke.

use serde_json::json;

use super::*;
use crate::ir::{Lacking, Pointer};

const OPTIONS: &[Opt] = &[
    Opt::new("timeout", Kind::Millis, "How long."),
    Opt::new("limit", Kind::Seconds, "How long at most."),
    Opt::new("answer", Kind::Flag, "Whether to answer."),
    Opt::new("method", Kind::OneOf(&["get", "post"]), "How to ask."),
    Opt::new("items", Kind::Items, "A list."),
    Opt::new("engine", Kind::Text, "there is one only.").ignored(),
];

fn codes(document: &Value) -> Vec<String> {
    let mut builder = Builder::new(Dialect::Kazoo, Lacking::Fail);
    let members = Members::of(&mut builder, Some(document), Pointer::default());
    for (key, value) in members.entries() {
        match OPTIONS.iter().find(|option| option.name == key) {
            Some(option) => value_of(&mut builder, Dialect::Kazoo, option, value, &members),
            None => {
                let module = Module::new(Dialect::Kazoo, "m", &[], "").options(OPTIONS);
                unknown(&mut builder, &module, key, &members, Place::Options);
            }
        }
    }
    let noted = builder.finish().diagnostics;
    noted.into_iter().map(|found| format!("{} {}: {}", found.code, found.pointer, found.message)).collect()
}

#[test]
fn a_value_that_fits_is_not_spoken_of() {
    let good = json!({
        "timeout": "3000", "limit": 3600, "answer": "true", "method": "POST", "items": [], "skip_module": 0,
    });
    assert_eq!(
        codes(&good),
        ["unknown-option /skip_module: `m` has no option `skip_module`; it is not looked at"]
    );
}

#[test]
fn wrong_names_kinds_words_and_units_are_told_with_what_was_meant() {
    let bad = json!({
        "timeot": 1, "answer": "perhaps", "method": "put", "items": {}, "engine": "x", "limit": 5000, "timeout": 5,
    });
    assert_eq!(
        codes(&bad),
        [
            // The nearest name is one that is not written yet; here all are.
            "unknown-option /timeot: `m` has no option `timeot`; it is not looked at",
            "wrong-type /answer: expected true or false, found \"perhaps\"",
            "bad-value /method: expected one of `get`, `post`, found `put`",
            "wrong-type /items: expected a list, found {}",
            "ignored-option /engine: `engine` does nothing here: there is one only.",
            "suspicious-unit /limit: 5000 seconds; 5000 milliseconds are written 5",
            "suspicious-unit /timeout: 5 milliseconds; 5 seconds are written 5000",
        ]
    );
    assert_eq!(
        codes(&json!({"timeot": 1})),
        ["unknown-option /timeot: `m` has no option `timeot`; did you mean `timeout`?"]
    );
}
