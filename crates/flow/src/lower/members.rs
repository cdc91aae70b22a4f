//! Reads the members of a JSON object as the types a lowering expects, and tells the author when they are not.
//!
//! Customers write numbers as strings and booleans as strings; both are taken.
//! `null` counts as absent.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Builder, Code};
use crate::ir::Pointer;

/// An object of a document and where it stands; an absent one has no members.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    object: Option<&'a Map<String, Value>>,
    pointer: Pointer,
}

impl<'a> Members<'a> {
    /// The members of `value`; something else than an object is told and has none.
    pub(super) fn of(builder: &mut Builder, value: Option<&'a Value>, pointer: Pointer) -> Members<'a> {
        let object = value.filter(|value| !value.is_null()).and_then(|value| {
            let object = value.as_object();
            if object.is_none() {
                wrong(builder, &pointer, "an object", value);
            }
            object
        });
        Members { object, pointer }
    }

    /// The members of `object`.
    pub(super) fn new(object: &'a Map<String, Value>, pointer: Pointer) -> Members<'a> {
        Members { object: Some(object), pointer }
    }

    /// Where `key` stands.
    pub(super) fn at(&self, key: &str) -> Pointer {
        self.pointer.child(key)
    }

    /// Where the object stands.
    pub(super) fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// The names of all members.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.object.into_iter().flat_map(|object| object.keys().map(String::as_str))
    }

    /// All members, `null` ones too, in the order of the document.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.object.into_iter().flat_map(|object| object.iter().map(|(key, value)| (key.as_str(), value)))
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        #[cfg(test)]
        note(&self.pointer, key);
        self.object?.get(key).filter(|value| !value.is_null())
    }

    /// A string; a number or a boolean is taken as its text.
    pub(super) fn text(&self, builder: &mut Builder, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            value => {
                wrong(builder, &self.at(key), "a string", value);
                None
            }
        }
    }

    /// A number; a string of digits is taken as one, an empty string as absent.
    pub(super) fn number(&self, builder: &mut Builder, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        if number.is_none() {
            wrong(builder, &self.at(key), "a number", value);
        }
        number
    }

    /// A whole number, not negative; a negative one is taken as 0.
    pub(super) fn count(&self, builder: &mut Builder, key: &str) -> Option<u32> {
        self.number(builder, key).map(|number| number as u32)
    }

    /// A number of milliseconds.
    pub(super) fn millis(&self, builder: &mut Builder, key: &str) -> Option<Duration> {
        self.number(builder, key).map(|number| Duration::from_millis(number as u64))
    }

    /// A number of seconds.
    pub(super) fn seconds(&self, builder: &mut Builder, key: &str) -> Option<Duration> {
        self.number(builder, key).map(|number| Duration::from_millis((number * 1000.0) as u64))
    }

    /// A boolean, or one of the words for it.
    pub(super) fn flag(&self, builder: &mut Builder, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" || text.is_empty() => {
                Some(false)
            }
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            _ => None,
        };
        if flag.is_none() {
            wrong(builder, &self.at(key), "true or false", value);
        }
        flag
    }

    /// A list.
    pub(super) fn list(&self, builder: &mut Builder, key: &str) -> Option<&'a [Value]> {
        let value = self.get(key)?;
        let list = value.as_array();
        if list.is_none() {
            wrong(builder, &self.at(key), "a list", value);
        }
        list.map(Vec::as_slice)
    }
}

/// Tells that `value` is not what was expected.
pub(super) fn wrong(builder: &mut Builder, pointer: &Pointer, expected: &str, value: &Value) {
    let mut found = value.to_string();
    if found.chars().count() > 40 {
        found = found.chars().take(39).chain(['…']).collect();
    }
    builder.report(Code::WrongType, pointer, format!("expected {expected}, found {found}"));
}

#[cfg(test)]
thread_local! {
    /// What is read while [`reads`] listens: where the object stands, and the member's name.
    static READS: std::cell::RefCell<Option<Vec<(String, String)>>> = const { std::cell::RefCell::new(None) };
}

#[cfg(test)]
fn note(pointer: &Pointer, key: &str) {
    READS.with_borrow_mut(|reads| {
        if let Some(reads) = reads {
            reads.push((pointer.0.clone(), key.to_owned()));
        }
    });
}

/// Runs `work` and tells which members it read: where the object stands, and the member's name.
#[cfg(test)]
pub(super) fn reads<T>(work: impl FnOnce() -> T) -> (T, Vec<(String, String)>) {
    READS.set(Some(Vec::new()));
    let outcome = work();
    (outcome, READS.take().unwrap_or_default())
}
