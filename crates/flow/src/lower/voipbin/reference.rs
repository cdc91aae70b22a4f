//! The rows of VoIPBIN's actions.

mod call;
mod control;
mod people;

use crate::lower::Dialect;
use crate::lower::reference::{Kind, Module, Opt};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[call::ROWS, control::ROWS, people::ROWS];

/// What every action has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("id", Kind::Id, "The name that jumps lead to.").beside(),
    Opt::new("next_id", Kind::Id, "What follows, if it is not the next of the list.").beside(),
    Opt::new("type", Kind::Text, "The action's name.").required().beside(),
    Opt::new("option", Kind::Object, "The action's options.").beside(),
    Opt::new("tm_execute", Kind::Text, "When the action ran, in flows that were run.").beside(),
];

/// What follows every action but jumps.
const NEXT: (&str, &str) =
    ("next", "Afterwards: `next_id`, else the next of the list, else the flow that fetched this one.");

const fn row(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    Module::new(Dialect::Voipbin, name, ops, doc).edges(&[NEXT])
}
