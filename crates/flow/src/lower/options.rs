//! Compares the options in a document with the module's row: unknown names, wrong kinds, units that look wrong.
//!
//! It speaks after the lowering did, and only of what the lowering has not spoken of.

use std::borrow::Cow;

use serde_json::Value;

use super::members::{Members, wrong};
use super::reference::{self, Kind, Module, Opt};
use super::{Builder, Code, Dialect, nearest};

/// Which object of a module is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The one with the options: Kazoo's `data`, VoIPBIN's `option`, Voxology's `params`, a call route's module.
    Options,
    /// The one that names the module. Authors keep remarks there, so only slips of a known name are told.
    Beside,
}

/// Notes what is odd about `members`, an object of the module `name`.
/// Whether the module has a row; without one nothing is said.
pub(super) fn check(
    builder: &mut Builder,
    dialect: Dialect,
    name: &str,
    members: &Members<'_>,
    place: Place,
) -> bool {
    let Some(module) = reference::module(dialect, name) else { return false };
    let beside = place == Place::Beside;
    for (key, value) in members.entries() {
        let common = reference::common(dialect).iter();
        let known = module.options.iter().chain(common).find(|opt| opt.name == key && opt.beside == beside);
        if builder.has_noted(|| members.at(key)) {
            continue;
        }
        match known {
            None => unknown(builder, module, key, members, place),
            Some(_) if value.is_null() => {}
            Some(option) => value_of(builder, dialect, option, value, members),
        }
    }
    true
}

fn unknown(builder: &mut Builder, module: &Module, key: &str, members: &Members<'_>, place: Place) {
    let options = module.options.iter().chain(reference::common(module.dialect));
    let here = options.filter(|opt| opt.beside == (place == Place::Beside)).map(|opt| opt.name);
    let absent = here.filter(|name| members.keys().all(|key| key != *name));
    let meant = builder.nearest(key, absent);
    let name = module.name;
    let message = match meant {
        Some(meant) => format!("`{name}` has no option `{key}`; did you mean `{meant}`?"),
        None if place == Place::Beside => return,
        None => format!("`{name}` has no option `{key}`; it is not looked at"),
    };
    builder.report(Code::UnknownOption, &members.at(key), message);
}

fn value_of(builder: &mut Builder, dialect: Dialect, option: &Opt, value: &Value, members: &Members<'_>) {
    let at = || members.at(option.name);
    if option.ignored {
        let message = format!("`{}` does nothing here: {}", option.name, option.doc);
        return builder.report(Code::IgnoredOption, &at(), message);
    }
    let text = value.as_str().map(str::trim);
    // A variable may become anything.
    if text.is_some_and(|text| text.contains('$')) && dialect != Dialect::Kazoo {
        return;
    }
    if let Kind::OneOf(words) = option.kind {
        return one_of(builder, words, value, members, option);
    }
    let Some(expected) = expected(option.kind) else { return };
    if !fits(option.kind, value) {
        return wrong(builder, &at(), expected, value);
    }
    let number = value.as_f64().or_else(|| text.and_then(|text| text.parse().ok()));
    let Some(number) = number.filter(|number| *number > 0.0) else { return };
    match option.kind {
        Kind::Millis if number < 31.0 => {
            let message = format!("{number} milliseconds; {number} seconds are written {}", number * 1000.0);
            builder.report(Code::SuspiciousUnit, &at(), message);
        }
        Kind::Seconds if number >= 1_000.0 && number % 500.0 == 0.0 && number % 3_600.0 != 0.0 => {
            let message = format!("{number} seconds; {number} milliseconds are written {}", number / 1000.0);
            builder.report(Code::SuspiciousUnit, &at(), message);
        }
        _ => {}
    }
}

fn one_of(builder: &mut Builder, words: &[&str], value: &Value, members: &Members<'_>, option: &Opt) {
    let at = || members.at(option.name);
    let found = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        other => return wrong(builder, &at(), "one word", other),
    };
    let found = found.trim();
    if found.is_empty() || words.iter().any(|word| word.eq_ignore_ascii_case(found)) {
        return;
    }
    let meant = nearest(found, words).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    let possible = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    builder.report(Code::BadValue, &at(), format!("expected one of {possible}, found `{found}`{meant}"));
}

/// What is written in an option of this kind, in words; `None` if anything may be.
pub(super) fn expected(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Template | Kind::Expr | Kind::Id => Some("a string"),
        Kind::Url => Some("a URL"),
        Kind::Pattern => Some("a regular expression"),
        Kind::Number => Some("a number"),
        Kind::Count => Some("a whole number"),
        Kind::Millis => Some("a number of milliseconds"),
        Kind::Seconds => Some("a number of seconds"),
        Kind::Flag => Some("true or false"),
        Kind::Keys => Some("keys of a telephone"),
        Kind::Items => Some("a list"),
        Kind::Object => Some("an object"),
        Kind::Nodes => Some("an object or a list"),
        Kind::OneOf(_) | Kind::Any => None,
    }
}

fn fits(kind: Kind, value: &Value) -> bool {
    let number = |text: &str| text.is_empty() || text.parse::<f64>().is_ok();
    match (kind, value) {
        (Kind::Items, value) => value.is_array(),
        (Kind::Object, value) => value.is_object(),
        (Kind::Nodes, value) => value.is_object() || value.is_array(),
        (Kind::Keys, value) => !value.is_object(),
        (Kind::Flag, Value::String(text)) => {
            ["true", "false", "1", "0", ""].iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
        }
        (Kind::Number | Kind::Count | Kind::Millis | Kind::Seconds, Value::String(text)) => {
            number(text.trim())
        }
        (Kind::Number | Kind::Count | Kind::Millis | Kind::Seconds, value) => value.is_number(),
        (Kind::Flag, value) => value.is_boolean() || value.is_number(),
        (_, value) => !value.is_object() && !value.is_array(),
    }
}

#[cfg(test)]
mod tests;
