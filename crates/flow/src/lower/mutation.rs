//! Documents with one thing wrong, for the tests: every value of a document is replaced by values of other types, and
//! every member is taken away once.

use serde_json::{Value, json};

/// Calls `check` with each change of `document`.
pub(super) fn each(document: &Value, mut check: impl FnMut(&Value)) {
    let mut paths = Vec::new();
    collect(document, String::new(), &mut paths);
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("_"),
        json!("99999999999999999999"),
        json!([]),
        json!([[], {}, null, "x", 5]),
        json!({}),
        json!({"module": "menu", "data": [], "children": {"module": "pivot"}}),
    ];
    for path in &paths {
        for value in &values {
            let mut changed = document.clone();
            if let Some(place) = changed.pointer_mut(path) {
                *place = value.clone();
            }
            check(&changed);
        }
        let Some((parent, key)) = path.rsplit_once('/') else { continue };
        let mut changed = document.clone();
        if let Some(Value::Object(members)) = changed.pointer_mut(parent) {
            members.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        check(&changed);
    }
}

fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{path}/{key}"), paths);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| collect(value, format!("{path}/{at}"), paths));
        }
        _ => {}
    }
    paths.push(path);
}
