//! The reference of modules as text, made from the table of modules and the table of actions.
//!
//! `docs/modules.md` is [`markdown`] of everything.

mod markdown;
mod places;
mod plain;

use serde_json::{Value, json};

use crate::action::{self, ActionInfo};
use crate::leg::Need;
use crate::lower::reference::{self, Kind, Module, Origin};
use crate::lower::{Dialect, modules, nearest};

pub use markdown::markdown;
pub use places::places;
pub use plain::plain;

/// What of the reference is wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Modules, in the order of the dialects and of their names.
    pub modules: Vec<&'static Module>,
    /// Operations, in the order of the table.
    pub operations: Vec<&'static ActionInfo>,
    /// Everything that has a given name, and nothing else.
    pub named: bool,
}

impl Selection {
    /// The modules and operations of `dialect`, or of all, that have this name, or all.
    /// `Err` is the name that was probably meant, if there is one, when there is nothing of the name.
    pub fn of(dialect: Option<Dialect>, name: Option<&str>) -> Result<Selection, Option<&'static str>> {
        let same = |known: &str| name.is_none_or(|name| known.eq_ignore_ascii_case(name));
        let in_dialect =
            || modules().filter(|module| dialect.is_none_or(|dialect| module.dialect == dialect));
        let mut found: Vec<&Module> = in_dialect()
            .filter(|module| same(module.name) || module.aliases.iter().any(|alias| same(alias)))
            .collect();
        let place = |module: &&Module| Dialect::WRITTEN.iter().position(|dialect| *dialect == module.dialect);
        found.sort_by_key(|module| (place(module), module.name.to_ascii_lowercase()));
        // Of one dialect the operations that its modules become.
        let wanted = |row: &&ActionInfo| {
            let becomes = |module: &&Module| module.ops.contains(&row.name);
            same(row.name) && (dialect.is_none() || found.iter().any(becomes))
        };
        let operations: Vec<&ActionInfo> = action::table().filter(wanted).collect();
        if found.is_empty() && operations.is_empty() {
            let all = in_dialect().flat_map(|module| module.aliases.iter().chain([&module.name])).copied();
            let all: Vec<&'static str> = all.chain(action::table().map(|row| row.name)).collect();
            let meant = name.and_then(|name| nearest(name, all.iter().copied()));
            return Err(all.into_iter().find(|known| Some(*known) == meant));
        }
        Ok(Selection { modules: found, operations, named: name.is_some() })
    }
}

/// The selection as an object with `modules`, `common` options by dialect, and `operations`.
pub fn json(selection: &Selection) -> Value {
    let operations = selection.operations.iter().map(|row| {
        json!({
            "name": row.name,
            "needs": needs(row.needs),
            "outcomes": row.outcomes,
            "doc": row.doc,
            "spellings": spellings(row),
        })
    });
    let common: serde_json::Map<String, Value> = dialects(selection)
        .map(|dialect| (dialect.name().to_owned(), json!(reference::common(dialect))))
        .collect();
    json!({
        "modules": selection.modules,
        "common": common,
        "operations": operations.collect::<Vec<Value>>(),
    })
}

/// The dialects of the modules, in order.
fn dialects(selection: &Selection) -> impl Iterator<Item = Dialect> + '_ {
    let has = |dialect: &Dialect| selection.modules.iter().any(|module| module.dialect == *dialect);
    Dialect::WRITTEN.into_iter().filter(has)
}

/// What an operation needs of its leg, in words.
fn needs(need: Option<Need>) -> &'static str {
    match need {
        None => "nothing",
        Some(Need::Call) => "a call",
        Some(Need::Media) => "audio",
    }
}

/// How the dialects name an operation: `kazoo play`.
fn spellings(row: &ActionInfo) -> Vec<String> {
    let becomes = modules().filter(|module| module.ops.contains(&row.name));
    becomes.map(|module| format!("{} {}", module.dialect.name(), module.name)).collect()
}

/// Where a module comes from, in words; nothing for the original documentation.
fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Seed => "",
        Origin::Upstream => "From the dialect's own switch, beyond its documentation.",
        Origin::Own => "offhook's own.",
    }
}

/// What is written in an option, with its unit.
fn kind(kind: Kind) -> String {
    let word = match kind {
        Kind::Text => "text",
        Kind::Template => "text with variables",
        Kind::Expr => "expression",
        Kind::Number => "number",
        Kind::Count => "whole number",
        Kind::Millis => "milliseconds",
        Kind::Seconds => "seconds",
        Kind::Flag => "true or false",
        Kind::OneOf(words) => {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        Kind::Keys => "keys",
        Kind::Url => "URL",
        Kind::Pattern => "regular expression",
        Kind::Id => "id",
        Kind::Items => "list",
        Kind::Object => "object",
        Kind::Nodes => "nodes",
        Kind::Any => "anything",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests;
