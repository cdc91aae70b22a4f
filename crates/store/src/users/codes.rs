//! Star codes of the account, of users and of their devices (Kazoo's `metaflows`): as they stand, and put together.
//!
//! As in Kazoo, what a device says goes before what its user says, and that before what is said for all; each code, and
//! each setting, for itself.

use std::sync::Arc;

use flow::lower::{Dialect, LowerError};
use serde_json::{Map, Value, json};

use super::Users;
use crate::Document;

/// What a document of star codes may keep beside them, by id.
const BESIDE: [&str; 9] =
    ["rules", "rule_sets", "menus", "lists", "conferences", "vmboxes", "devices", "users", "groups"];

/// Whose phones have star codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// All users'.
    All,
    /// All of this user's.
    User(String),
    /// This one, by the name of its account.
    Device(String),
}

/// Star codes as `users.toml` has them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) whose: Whose,
    /// Line and column.
    pub(crate) place: (usize, usize),
    /// A file's name, or what Kazoo has as `metaflows`.
    pub(crate) value: Value,
}

/// The document of star codes that stand in `users.toml` itself; a code that names a flow has the caller go on there.
pub(crate) fn inline(value: &Value) -> Value {
    let mut codes = value.clone();
    for kind in ["numbers", "patterns"] {
        let Some(Value::Object(entries)) = codes.get_mut(kind) else { continue };
        for entry in entries.values_mut() {
            if let Value::String(flow) = entry {
                *entry = json!({ "module": "callflow", "data": { "id": std::mem::take(flow) } });
            }
        }
    }
    json!({ "metaflows": codes })
}

/// Puts documents of star codes together, the most specific first.
fn together(layers: &[&Value]) -> Value {
    let mut codes = Map::new();
    let mut all = Map::new();
    for layer in layers {
        let known = |value: &Value| ["metaflow", "metaflows"].iter().find_map(|key| value.get(*key).cloned());
        let layer = match layer.get("data") {
            Some(data) if known(layer).is_none() => data,
            _ => layer,
        };
        let own = known(layer).unwrap_or_else(|| (*layer).clone());
        for (key, value) in own.as_object().into_iter().flatten() {
            match key.as_str() {
                "numbers" | "patterns" => add(&mut codes, key, value),
                _ => drop(codes.entry(key).or_insert_with(|| value.clone())),
            }
        }
        for key in BESIDE {
            layer.get(key).into_iter().for_each(|value| add(&mut all, key, value));
        }
    }
    all.insert("metaflows".to_owned(), Value::Object(codes));
    Value::Object(all)
}

/// Adds the entries of `value` that are not there yet.
fn add(to: &mut Map<String, Value>, key: &str, value: &Value) {
    let Value::Object(there) = to.entry(key).or_insert_with(|| Value::Object(Map::new())) else { return };
    for (code, value) in value.as_object().into_iter().flatten() {
        there.entry(code).or_insert_with(|| value.clone());
    }
}

impl Users {
    /// Gives all phones their star codes; of several layers for the same phones the first counts.
    pub(crate) fn give_codes(&mut self, layers: &[(Whose, Value)]) -> Result<(), LowerError> {
        let of = |whose: &Whose| layers.iter().find(|(of, _)| of == whose).map(|(_, value)| value);
        let read = |id: String, layers: &[&Value]| {
            Document::read(id, Some(Dialect::Kazoo), together(layers)).map(Arc::new)
        };
        let all = of(&Whose::All);
        self.codes.clear();
        self.common_codes = all.map(|all| read("metaflows".to_owned(), &[all])).transpose()?;
        for user in self.users.values() {
            let users = of(&Whose::User(user.name.clone()));
            for (account, _) in user.accounts() {
                let device = of(&Whose::Device(account.to_owned()));
                let layers: Vec<&Value> = [device, users, all].into_iter().flatten().collect();
                if device.is_some() || users.is_some() {
                    self.codes.insert(account.to_owned(), read(format!("metaflows/{account}"), &layers)?);
                }
            }
        }
        Ok(())
    }

    /// The star codes of the phones with this account: a document that has nothing else.
    pub fn star_codes(&self, account: &str) -> Option<&Arc<Document>> {
        self.codes.get(account).or(self.common_codes.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_devices_codes_go_before_its_users_and_those_before_everybodys_each_for_itself() {
        let device =
            json!({ "binding_digit": "#", "numbers": { "1": "d" }, "patterns": { "z": "d", "a": "d" } });
        let user =
            json!({ "data": { "metaflows": { "numbers": { "1": "u", "2": "u" } }, "menus": { "m": 1 } } });
        let all = json!({ "metaflow": { "binding_digit": "*", "listen_on": "both", "numbers": { "2": "a", "3": "a" },
                                        "patterns": { "b": "a", "z": "a" } }, "flow": {} });
        let expected = json!({
            "menus": { "m": 1 },
            "metaflows": {
                "binding_digit": "#", "listen_on": "both",
                "numbers": { "1": "d", "2": "u", "3": "a" },
                "patterns": { "z": "d", "a": "d", "b": "a" },
            },
        });
        let merged = together(&[&device, &user, &all]);
        assert_eq!(merged, expected);
        // Patterns are tried in this order.
        let order: Vec<_> = merged["metaflows"]["patterns"].as_object().unwrap().keys().collect();
        assert_eq!(order, ["z", "a", "b"]);
    }
}
