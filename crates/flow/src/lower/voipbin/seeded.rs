//! Variables that are there when a flow begins: those of a request (`variables` of POST /calls and /activeflows), and
//! those of a message that sets a flow off.

use serde_json::{Map, Value, json};

/// Most variables of one request.
const KEYS: usize = 100;
/// Most bytes of all names and values together.
const TOTAL: usize = 64 * 1024;
/// Most bytes of one value.
const LARGEST: usize = 32 * 1024;

/// What of `given` a flow begins with, and what its sender should know.
/// Values are text. A set that is no object, has a value that is no text, or is too large in any way is dropped as a
/// whole; names that begin with `voipbin.` are VoIPBIN's own and dropped one by one.
pub fn seeded(given: &Value) -> (Map<String, Value>, Vec<String>) {
    match admitted(given) {
        Ok(members) => {
            let mut variables = Map::new();
            let mut notes = Vec::new();
            for (name, value) in members {
                if name.starts_with("voipbin.") {
                    notes.push(format!("`{name}` is a name of VoIPBIN's own and was not set"));
                } else {
                    variables.insert(name.clone(), value.clone());
                }
            }
            (variables, notes)
        }
        Err(why) => (Map::new(), vec![format!("no variable was set: {why}")]),
    }
}

/// What a flow knows of the message with this id that set it off: its text under the older name and the newer ones, and
/// all of it as JSON in `voipbin.flow.reference_data`. The addresses are telephone numbers.
pub fn of_message(id: &str, text: &str, source: &str, destination: &str) -> Map<String, Value> {
    let address = |number: &str| json!({ "type": "tel", "target": number });
    let data = json!({
        "id": id,
        "direction": "incoming",
        "text": text,
        "source": address(source),
        "destination": address(destination),
    });
    let variables = [
        ("voipbin.message.text", text.to_owned()),
        ("voipbin.conversation_message.id", id.to_owned()),
        ("voipbin.conversation_message.text", text.to_owned()),
        ("voipbin.conversation_message.direction", "incoming".to_owned()),
        ("voipbin.flow.reference_data", data.to_string()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}

fn admitted(given: &Value) -> Result<impl Iterator<Item = (&String, &Value)>, String> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let members = match given {
        Value::Null => &*NONE,
        Value::Object(members) => members,
        _ => return Err("expected an object of texts".to_owned()),
    };
    if members.len() > KEYS {
        return Err(format!("{} variables, and {KEYS} are allowed", members.len()));
    }
    let mut total = 0;
    for (name, value) in members {
        let Value::String(text) = value else { return Err(format!("`{name}` is no text")) };
        if text.len() > LARGEST {
            return Err(format!("`{name}` has {} bytes, and {LARGEST} are allowed", text.len()));
        }
        total += name.len() + text.len();
    }
    match total {
        0..=TOTAL => Ok(members.iter()),
        _ => Err(format!("{total} bytes in all, and {TOTAL} are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: Value) -> String {
        let (variables, notes) = seeded(&given);
        assert!(variables.is_empty());
        notes.join("; ")
    }

    #[test]
    fn texts_are_set_and_the_own_names_are_not() {
        let (variables, notes) =
            seeded(&json!({"Provider name": "x", "voipbin.call.id": "y", "voipbin": "z"}));
        assert_eq!(Value::Object(variables), json!({"Provider name": "x", "voipbin": "z"}));
        assert_eq!(notes, ["`voipbin.call.id` is a name of VoIPBIN's own and was not set"]);
        assert_eq!(seeded(&Value::Null), Default::default());
    }

    #[test]
    fn a_set_that_is_too_large_or_has_other_values_is_dropped_as_a_whole() {
        let many: Map<String, Value> = (0..101).map(|at| (at.to_string(), json!(""))).collect();
        assert_eq!(refused(Value::Object(many)), "no variable was set: 101 variables, and 100 are allowed");
        assert_eq!(refused(json!({"a": "b", "c": 1})), "no variable was set: `c` is no text");
        let large = "x".repeat(LARGEST + 1);
        assert!(refused(json!({ "a": large })).ends_with("32769 bytes, and 32768 are allowed"));
        let half = "x".repeat(LARGEST);
        assert!(
            refused(json!({"a": half, "b": half})).ends_with("65538 bytes in all, and 65536 are allowed")
        );
        assert_eq!(refused(json!(["a"])), "no variable was set: expected an object of texts");
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        let most: Map<String, Value> = (0..100).map(|at| (format!("{at:02}"), json!("x"))).collect();
        assert_eq!(seeded(&Value::Object(most)).0.len(), 100);
        let half = "x".repeat(LARGEST - 1);
        assert_eq!(seeded(&json!({"a": half, "b": half})).0.len(), 2);
    }

    #[test]
    fn a_message_is_known_by_its_text_and_as_a_whole() {
        let variables = of_message("m1", "call me", "+1", "+2");
        for name in ["voipbin.message.text", "voipbin.conversation_message.text"] {
            assert_eq!(variables[name], "call me");
        }
        let data: Value =
            serde_json::from_str(variables["voipbin.flow.reference_data"].as_str().unwrap()).unwrap();
        assert_eq!((&data["id"], &data["source"]["target"]), (&json!("m1"), &json!("+1")));
    }
}
