//! The rows of Voxology's actions.

use crate::lower::reference::{Kind, Module, Opt};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[MODULES];

/// What every action has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("type", Kind::Text, "The action's name.").beside(),
    Opt::new("params", Kind::Object, "The action's parameters.").beside(),
    Opt::new("comment", Kind::Any, "For who reads the script.").beside(),
    Opt::new("comments", Kind::Any, "For who reads the script.").beside(),
];

const MODULES: &[Module] = &[];
