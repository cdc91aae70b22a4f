//! Where the dialects differ: one test for each difference that can be heard, named by what each dialect does.
//!
//! The same construct is written in each dialect that has it and run in the simulator, which speaks 60 ms a character
//! (at least 300 ms) and plays a sound in two seconds.
//!
//! Differences of the REST interfaces (verbs, envelopes, errors, keys, timestamps, pages) belong to their faces and are
//! not here.

mod endings;
mod keys;
mod people;
mod text;
mod units;

use serde_json::{Value, json};

/// The transcript of `document`, in the dialect that its shape tells.
fn run(document: &Value, script: &str) -> String {
    flow::sim::run(document, None, script)
}

/// When the first line with `needle` happens, in milliseconds.
fn at(transcript: &str, needle: &str) -> u64 {
    let line = transcript.lines().find(|line| line.contains(needle));
    let line = line.unwrap_or_else(|| panic!("no `{needle}` in\n{transcript}"));
    line.split_whitespace()
        .next()
        .and_then(|time| time.parse().ok())
        .unwrap_or_else(|| panic!("no time in {line}"))
}

/// How the call ended: `normal, by the flow`.
fn end(transcript: &str) -> &str {
    transcript.lines().find_map(|line| line.split_once(" end: ")).map_or("", |(_, end)| end)
}

/// What was said, in order.
fn said(transcript: &str) -> Vec<&str> {
    let said = transcript.lines().filter_map(|line| line.split_once(" Say(\""));
    said.filter_map(|(_, text)| text.split_once("\")")).map(|(text, _)| text).collect()
}

/// A Kazoo node with its children.
fn node(module: &str, data: Value, children: Value) -> Value {
    json!({ "module": module, "data": data, "children": children })
}

/// A Kazoo node that says `text`.
fn tts(text: &str) -> Value {
    node("tts", json!({ "text": text }), json!({}))
}

/// A VoIPBIN flow.
fn voipbin(actions: Value) -> Value {
    json!({ "actions": actions })
}

/// A VoIPBIN action.
fn action(kind: &str, option: Value) -> Value {
    json!({ "type": kind, "option": option })
}

/// A VoIPBIN action that says `text`.
fn talk(text: &str) -> Value {
    action("talk", json!({ "text": text }))
}

/// A Voxology script.
fn voxology(actions: Value) -> Value {
    json!({ "actions": actions })
}

/// A Voxology action that says `text`.
fn say(text: &str) -> Value {
    json!({ "type": "SAY", "params": { "text": text } })
}
