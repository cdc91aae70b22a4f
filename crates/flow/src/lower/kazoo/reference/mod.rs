//! The rows of Kazoo's modules, a file a family.

mod logic;
mod metaflow;
mod ring;

use crate::lower::reference::{Kind, Module, Opt};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[ring::MODULES, logic::MODULES, metaflow::MODULES];

/// What every module has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("module", Kind::Text, "The module's name.").required().beside(),
    Opt::new("data", Kind::Object, "The module's options.").beside(),
    Opt::new("children", Kind::Object, "What follows, by outcome; `_` is everything else.").beside(),
    Opt::new("skip_module", Kind::Flag, "Passes the module over, to the child `_`.").default("false"),
];
