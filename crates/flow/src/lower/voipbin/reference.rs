//! The rows of VoIPBIN's actions.

use crate::lower::reference::{Kind, Module, Opt};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[MODULES];

/// What every action has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("id", Kind::Id, "The name that jumps lead to.").beside(),
    Opt::new("next_id", Kind::Id, "What follows, if it is not the next of the list.").beside(),
    Opt::new("type", Kind::Text, "The action's name.").required().beside(),
    Opt::new("option", Kind::Object, "The action's options.").beside(),
    Opt::new("tm_execute", Kind::Text, "When the action ran, in flows that were run.").beside(),
];

const MODULES: &[Module] = &[];
