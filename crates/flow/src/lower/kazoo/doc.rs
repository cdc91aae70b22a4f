//! The shape of a Kazoo document: envelopes, the callflow object, and the numbers it claims.
//!
//! A document is a bare node, a callflow object with `flow`, or either in a crossbar envelope `{"data": …}`; or star
//! codes for an account, a user or a device: its document with `metaflows`, or that object alone.

use serde_json::{Map, Value};

use crate::ir::Pointer;
use crate::lower::Claims;

/// A callflow object or a bare node, out of its envelope.
pub(super) struct Doc<'a> {
    /// The object.
    pub(super) object: &'a Map<String, Value>,
    /// Where it stands.
    pub(super) pointer: Pointer,
    /// The whole, when the star codes alone are the document.
    bare_codes: Option<&'a Value>,
}

impl<'a> Doc<'a> {
    /// The document in `value`; `None` if it is no object.
    pub(super) fn of(value: &'a Value) -> Option<Doc<'a>> {
        let object = value.as_object()?;
        let bare = |value: &'a Value| {
            ["numbers", "patterns"]
                .iter()
                .any(|key| value.get(*key).is_some_and(Value::is_object))
                .then_some(value)
        };
        let outside = Doc { object, pointer: Pointer::default(), bare_codes: bare(value) };
        if ["module", "flow", "numbers", "patterns", "metaflow", "metaflows"]
            .iter()
            .any(|key| object.contains_key(*key))
        {
            return Some(outside);
        }
        let data = object.get("data").and_then(|data| Some((data, data.as_object()?)));
        match data {
            Some((data, inside)) => {
                let (object, pointer) = (inside, outside.pointer.child("data"));
                Some(Doc { object, pointer, bare_codes: bare(data) })
            }
            None => Some(outside),
        }
    }

    /// The star codes, and where they stand.
    pub(super) fn codes(&self) -> Option<(&'a Value, Pointer)> {
        let named = ["metaflow", "metaflows"]
            .into_iter()
            .find_map(|key| Some((self.object.get(key)?, self.pointer.child(key))))
            .filter(|(value, _)| !value.is_null());
        named.or_else(|| Some((self.bare_codes?, self.pointer.clone())))
    }

    /// The root node, and where it stands; `None` for a document without one.
    pub(super) fn root(&self) -> Option<(&'a Value, Pointer)> {
        self.object.get("flow").map(|flow| (flow, self.pointer.child("flow")))
    }

    /// What the document keeps under `id` in its map `place` (`rules`, `menus`, `lists`; ours), and where it stands.
    pub(super) fn entry(&self, place: &str, id: &str) -> Option<(&'a Value, Pointer)> {
        let value = self.object.get(place)?.get(id)?;
        Some((value, self.pointer.child(place).child(id)))
    }

    /// Whether there is anything in the document that is Kazoo's.
    pub(super) fn is_callflow(&self) -> bool {
        let known = ["module", "flow", "numbers", "patterns", "metaflow", "metaflows", "featurecode"];
        self.object.is_empty() || known.iter().any(|key| self.object.contains_key(*key))
    }

    /// Whether the object is itself a node.
    pub(super) fn is_node(&self) -> bool {
        self.object.contains_key("module")
    }

    /// What the document says of its numbers.
    pub(super) fn claims(&self) -> Claims {
        if self.is_node() {
            return Claims::default();
        }
        Claims { numbers: self.texts("numbers"), patterns: self.texts("patterns") }
    }

    /// The texts (and whole numbers, which some editors write) in the list at `key`.
    fn texts(&self, key: &str) -> Vec<(Pointer, String)> {
        let list = self.object.get(key).and_then(Value::as_array);
        let pointer = self.pointer.child(key);
        let text = |(index, value): (usize, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((pointer.child(index), text))
        };
        list.into_iter().flatten().enumerate().filter_map(text).collect()
    }
}
