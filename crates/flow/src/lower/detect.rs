//! Which dialect a document is written in, by its shape alone.
//!
//! Owns the order of the questions; each front-end owns the reading.
//! A document that fits nothing has no dialect, and [`super::lower`] says so.

use serde_json::{Map, Value};

use super::Dialect;

/// Module names that only a call route has; `voicemail` and `conference` are told apart by Kazoo's `data`.
const CALLROUTE_ONLY: [&str; 8] = [
    "start",
    "recording",
    "musiconhold",
    "calleridmatch",
    "pressextension",
    "dialbyextension",
    "busy",
    "extension",
];

/// The dialect of `document`, or `None` if it has no dialect's shape.
pub fn detect(document: &Value) -> Option<Dialect> {
    match document {
        Value::Array(list) => actions(list),
        Value::Object(object) => of_object(object),
        _ => None,
    }
}

fn of_object(object: &Map<String, Value>) -> Option<Dialect> {
    if let Some(Value::Array(list)) = object.get("actions") {
        return actions(list);
    }
    if object.get("module").is_some_and(Value::is_string) {
        return Some(of_node(object));
    }
    if object.contains_key("callback") {
        return Some(Dialect::Voxology);
    }
    if ["numbers", "patterns", "metaflow", "metaflows"].iter().any(|key| object.contains_key(*key)) {
        return Some(Dialect::Kazoo);
    }
    match object.get("flow") {
        Some(Value::Object(flow)) => return Some(of_flow(object, flow)),
        Some(_) => return Some(Dialect::Kazoo),
        None => {}
    }
    if let Some(result) = object.get("result") {
        return of_result(object, result);
    }
    if let Some(Value::Object(data)) = object.get("data") {
        return of_object(data);
    }
    if object.contains_key("type") {
        return Some(of_action(object));
    }
    let modules = |value: &Value| value.get("module").is_some_and(Value::is_string);
    (!object.is_empty() && object.values().all(modules)).then_some(Dialect::Callroute)
}

/// A bare node: Kazoo's has `data` or `children`, a call route's has neither.
fn of_node(node: &Map<String, Value>) -> Dialect {
    if node.contains_key("data") || node.contains_key("children") {
        return Dialect::Kazoo;
    }
    let name = node.get("module").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let keys = ["next", "noanswer", "nomatch", "sound", "duration", "mailboxes", "extensions", "pin", "uuid"];
    let callroute = CALLROUTE_ONLY.contains(&name.as_str())
        || ["trunk", "fax"].contains(&name.as_str())
        || keys.iter().any(|key| node.contains_key(*key));
    if callroute { Dialect::Callroute } else { Dialect::Kazoo }
}

/// A `flow` member: a node in Kazoo, a map of modules in a call route.
fn of_flow(document: &Map<String, Value>, flow: &Map<String, Value>) -> Dialect {
    if flow.get("module").is_some_and(Value::is_string) {
        return Dialect::Kazoo;
    }
    let modules = |value: &Value| value.get("module").is_some();
    let route = flow.values().any(modules) || document.contains_key("extension");
    if route { Dialect::Callroute } else { Dialect::Kazoo }
}

/// An envelope: a call route's carries a status, VoIPBIN's list does not.
fn of_result(envelope: &Map<String, Value>, result: &Value) -> Option<Dialect> {
    let inside = match result {
        Value::Array(list) => list.first().and_then(detect),
        inside => detect(inside),
    };
    inside.or_else(|| envelope.contains_key("status_code").then_some(Dialect::Callroute))
}

/// A list of actions: VoIPBIN's have `option` and lower-case types, Voxology's `params` and upper-case ones.
fn actions(list: &[Value]) -> Option<Dialect> {
    let objects = || list.iter().filter_map(Value::as_object);
    if list.is_empty() {
        return Some(Dialect::Voxology);
    }
    objects().next()?;
    let voipbin = objects().any(|action| of_action(action) == Dialect::Voipbin);
    Some(if voipbin { Dialect::Voipbin } else { Dialect::Voxology })
}

fn of_action(action: &Map<String, Value>) -> Dialect {
    let lower = |kind: &str| kind.chars().any(char::is_lowercase);
    let kind = action.get("type").and_then(Value::as_str);
    let has = |key: &str| action.contains_key(key);
    let voipbin = has("option") || has("next_id") || kind.is_some_and(lower);
    if voipbin && !has("params") { Dialect::Voipbin } else { Dialect::Voxology }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_tells_the_dialect() {
        let cases = [
            (json!({"module": "tts", "data": {"text": "x"}}), Some(Dialect::Kazoo)),
            (json!({"module": "answer"}), Some(Dialect::Kazoo)),
            (json!({"metaflows": {"numbers": {}}}), Some(Dialect::Kazoo)),
            (json!({"numbers": ["1"], "flow": {}}), Some(Dialect::Kazoo)),
            (json!({"data": {"flow": {"module": "play", "data": {}}}}), Some(Dialect::Kazoo)),
            (json!({"module": "busy"}), Some(Dialect::Callroute)),
            (json!({"module": "Trunk", "uuid": "x"}), Some(Dialect::Callroute)),
            (json!({"module": "play", "sound": "x", "next": "y"}), Some(Dialect::Callroute)),
            (json!({"result": {}, "status_code": 404}), Some(Dialect::Callroute)),
            (json!({"flow": {"a": {"module": "start", "next": "b"}}}), Some(Dialect::Callroute)),
            (json!({"a": {"module": "start", "next": "b"}}), Some(Dialect::Callroute)),
            (json!({"actions": [{"type": "talk", "option": {"text": "x"}}]}), Some(Dialect::Voipbin)),
            (json!({"type": "amd", "option": {}}), Some(Dialect::Voipbin)),
            (json!([{"type": "answer"}]), Some(Dialect::Voipbin)),
            (json!({"result": [{"actions": [{"type": "answer"}]}]}), Some(Dialect::Voipbin)),
            (json!({"actions": [{"type": "SAY", "params": {"text": "x"}}]}), Some(Dialect::Voxology)),
            (json!({"actions": [{"$x": "1"}]}), Some(Dialect::Voxology)),
            (json!({"callback": {"url": "http://x"}}), Some(Dialect::Voxology)),
            (json!("x"), None),
            (json!({}), None),
        ];
        for (document, dialect) in cases {
            assert_eq!(detect(&document), dialect, "{document}");
        }
    }
}
