//! What a run remembers: variables by path, gathered keys, recordings.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::ir::{Identity, Side};

/// Largest value a variable may have, in JSON values inside it, a hundred bytes of text counting as one; stops
/// `$a = [$a, $a]` from doubling for ever.
const SIZE_LIMIT: usize = 20_000;

/// Largest size of all variables together, in the same measure: ten megabytes at the utmost.
pub(crate) const ALL: usize = 100_000;

/// Deepest nesting of a value; what walks it recursively (writing, comparing, dropping) then has stack enough.
const DEPTH_LIMIT: usize = 64;

/// Most collections, key presses and recordings that are kept; older ones are dropped.
pub(super) const HISTORY: usize = 1_000;

/// The memory of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// The flow's variables.
    pub variables: Map<String, Value>,
    /// Their size, or more: what was replaced still counts until [`ALL`] is reached, and then all are measured.
    pub size: usize,
    /// The keys of the last collect.
    pub last_digits: String,
    /// Digits by the collect's name.
    pub collections: Map<String, Value>,
    /// `{name, digits}` of each collect since the last fetch.
    pub presses: Vec<Value>,
    /// `{name, id}` of each recording.
    pub recordings: Vec<Value>,
    /// The length of the last recording.
    pub recorded: Option<Duration>,
    /// The form of the last recording's file.
    pub recorded_format: Option<&'static str>,
    /// Who answered, as far as anybody listened.
    pub detection: Option<&'static str>,
    /// The prompts' language; empty for the default.
    pub language: String,
    /// How the caller is shown to whom is dialled; `None` as it came.
    pub identity: Option<Identity<String>>,
    /// `Alert-Info` for whom is dialled.
    pub alert: Option<String>,
    /// The star code that runs.
    pub code: Option<Code>,
}

/// A star code that was pressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    /// Its digits, without the key that began it.
    pub digits: String,
    /// What the groups of its pattern found.
    pub captures: Vec<String>,
    /// Who pressed it.
    pub by: Side,
    /// Whose it is.
    pub of: Of,
}

/// Whose star codes: in the order in which they are looked for, `Phone` being that of whoever pressed the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    #[default]
    Flow,
    Phone,
    OtherPhone,
}

impl Store {
    /// Keeps what a collect gathered.
    pub(crate) fn collected(&mut self, name: Option<&str>, digits: &str) {
        self.last_digits = digits.to_owned();
        let name_kept = name.unwrap_or("default");
        if self.collections.len() >= HISTORY
            && !self.collections.contains_key(name_kept)
            && let Some(oldest) = self.collections.keys().next().cloned()
        {
            self.collections.shift_remove(&oldest);
        }
        self.collections.insert(name_kept.to_owned(), digits.into());
        if self.presses.len() >= HISTORY {
            self.presses.remove(0);
        }
        self.presses.push(json!({"name": name.unwrap_or_default(), "digits": digits}));
    }

    /// Assigns `value` to the variable at `path`; `None` removes it. Missing objects on the way are made, and what
    /// stands in the way is replaced. Returns `false` if the value is too large to be kept.
    pub(crate) fn assign(&mut self, path: &[String], value: Option<Value>, merge: bool) -> bool {
        if path.len() > DEPTH_LIMIT || !value.as_ref().is_none_or(|value| self.has_room(value)) {
            return false;
        }
        match (path.split_first(), value) {
            (None, _) => {}
            (Some((first, rest)), Some(value)) => {
                place(self.variables.entry(first.as_str()).or_insert(Value::Null), rest, value, merge);
            }
            (Some(_), None) => self.remove(path),
        }
        true
    }

    /// Whether a value is small and flat enough to be kept beside the others; it is counted if it is.
    fn has_room(&mut self, value: &Value) -> bool {
        let Some(size) = size(value, SIZE_LIMIT) else { return false };
        if self.size + size > ALL {
            self.size = self.variables.values().map(size_of).sum();
        }
        let fits = self.size + size <= ALL;
        if fits {
            self.size += size;
        }
        fits
    }

    fn remove(&mut self, path: &[String]) {
        let Some((last, way)) = path.split_last() else { return };
        let Some((first, rest)) = way.split_first() else {
            self.variables.shift_remove(last);
            return;
        };
        let mut at = self.variables.get_mut(first);
        for name in rest {
            at = at.and_then(|value| value.get_mut(name));
        }
        if let Some(Value::Object(members)) = at {
            members.shift_remove(last);
        }
    }
}

/// Assigns at `path` inside `value`. An array's element is replaced if it is there; anything else on the way becomes
/// an object.
fn place(value: &mut Value, path: &[String], new: Value, merge: bool) {
    let Some((first, rest)) = path.split_first() else {
        match (value, new) {
            (Value::Object(old), Value::Object(new)) if merge => old.extend(new),
            (value, new) => *value = new,
        }
        return;
    };
    if let Value::Array(items) = value
        && let Some(element) = first.parse::<usize>().ok().and_then(|at| items.get_mut(at))
    {
        return place(element, rest, new, merge);
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(members) = value {
        place(members.entry(first.as_str()).or_insert(Value::Null), rest, new, merge);
    }
}

/// The size of a value whatever it is.
pub(crate) fn size_of(value: &Value) -> usize {
    size(value, usize::MAX).unwrap_or(usize::MAX / 2)
}

/// The size of a value; `None` for one that is larger than `most` or too deep.
fn size(value: &Value, most: usize) -> Option<usize> {
    let mut count = 0;
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        count += 1;
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => open.extend(members.values().map(|item| (item, depth + 1))),
            Value::String(text) => count += text.len() / 100,
            _ => {}
        }
        if count > most || depth > 2 * DEPTH_LIMIT || (depth > DEPTH_LIMIT && most != usize::MAX) {
            return None;
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_variables_together_have_a_limit_and_room_is_given_back() {
        let mut store = Store::default();
        let large = || Some(Value::from("x".repeat(1_000_000)));
        let name = |n: usize| vec![format!("v{n}")];
        let kept = (0..50).filter(|n| store.assign(&name(*n), large(), false)).count();
        assert_eq!(kept, 9, "a megabyte each");
        assert!(!store.assign(&["v0".into(), "member".into()], large(), false), "nor inside of another");
        assert!(store.assign(&name(50), Some(1.into()), false), "what is small has room");
        assert!(store.assign(&name(3), None, false));
        assert!(store.assign(&name(60), large(), false), "room that was given back");
        for _ in 0..1_000 {
            assert!(
                store.assign(&name(50), Some("y".repeat(5_000).into()), false),
                "what is replaced is gone"
            );
        }
    }

    #[test]
    fn collects_of_ever_new_names_keep_the_last_thousand() {
        let mut store = Store::default();
        for n in 0..5_000 {
            store.collected(Some(&n.to_string()), "1");
        }
        assert_eq!((store.collections.len(), store.presses.len()), (HISTORY, HISTORY));
        assert!(store.collections.contains_key("4999"));
    }
}
