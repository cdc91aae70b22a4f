//! The shape of a call-route document: the envelope, the call flow object, the map of modules.

use serde_json::{Map, Value};

use crate::ir::Pointer;
use crate::lower::{Builder, Claims, Code};

/// The modules of a document.
pub(super) struct Doc<'a> {
    /// In the document's order.
    pub(super) modules: Vec<Module<'a>>,
    /// Where the map stands.
    pub(super) at: Pointer,
    /// The document is one module without a map around it.
    pub(super) bare: bool,
    /// The call flow object around the map, if there is one.
    pub(super) object: Option<&'a Map<String, Value>>,
}

/// A module and its key.
pub(super) struct Module<'a> {
    /// Its key in the map; empty for a bare module.
    pub(super) key: &'a str,
    /// The module itself.
    pub(super) value: &'a Value,
    /// Where it stands.
    pub(super) at: Pointer,
}

impl<'a> Module<'a> {
    /// The module's name as it is written.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.value.get("module").and_then(Value::as_str).filter(|name| !name.is_empty())
    }
}

impl<'a> Doc<'a> {
    /// The modules in `document`; `None` if it is nothing of the kind.
    pub(super) fn of(document: &'a Value, builder: &mut Builder) -> Option<Doc<'a>> {
        let (value, at) = unwrapped(document, builder)?;
        let object = value.as_object()?;
        if object.get("module").is_some_and(Value::is_string) {
            let module = Module { key: "", value, at: at.clone() };
            return Some(Doc { modules: vec![module], at, bare: true, object: None });
        }
        let (map, at) = match object.get("flow") {
            Some(Value::Object(map)) => (map, at.child("flow")),
            Some(other) => {
                super::members::wrong(builder, &at.child("flow"), "a map of modules", other);
                return Some(Doc { modules: Vec::new(), at, bare: true, object: None });
            }
            None => (object, at),
        };
        if map.is_empty() {
            builder.report(Code::EmptyFlow, &at, "there are no modules: the call ends at once");
            return Some(Doc { modules: Vec::new(), at, bare: true, object: None });
        }
        let flow = object.contains_key("flow");
        let around = flow.then_some(object);
        (flow || map.values().any(|value| value.get("module").is_some()))
            .then(|| Doc { object: around, ..Doc::map(map, at) })
    }

    fn map(map: &'a Map<String, Value>, at: Pointer) -> Doc<'a> {
        let module = |(key, value): (&'a String, &'a Value)| Module { key, value, at: at.child(key) };
        Doc { modules: map.iter().map(module).collect(), at, bare: false, object: None }
    }
}

/// What is in the envelope; of a list, the first.
fn unwrapped<'a>(document: &'a Value, builder: &mut Builder) -> Option<(&'a Value, Pointer)> {
    let root = Pointer::default();
    let Some(result) = document.as_object()?.get("result") else { return Some((document, root)) };
    let at = root.child("result");
    match result {
        Value::Array(list) => {
            if list.len() > 1 {
                let message = format!("a list of {} call flows; the first is taken", list.len());
                builder.report(Code::Approximated, &at, message);
            }
            // An empty list is an empty envelope.
            Some(list.first().map_or((&EMPTY, at.clone()), |first| (first, at.child(0))))
        }
        result => Some((result, at)),
    }
}

/// An envelope's empty content.
static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(Map::new()));

/// The extension that a call flow object is assigned; of a list, that of each flow would be another document.
pub(super) fn claims(document: &Value) -> Claims {
    let mut builder = Builder::new(crate::lower::Dialect::Callroute, crate::ir::Lacking::Fail);
    let Some((object, at)) = unwrapped(document, &mut builder) else { return Claims::default() };
    let extension = match object.get("extension") {
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|key| key.is_ascii_digit()) => {
            Some(text.clone())
        }
        _ => None,
    };
    // A bare `extension` module has no `flow`, and its own `extension` would mean something else.
    let numbers = extension.filter(|_| object.get("flow").is_some());
    Claims {
        numbers: numbers.map(|number| (at.child("extension"), number)).into_iter().collect(),
        patterns: Vec::new(),
    }
}
