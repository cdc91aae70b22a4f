//! The rows of Kazoo's modules, a file a family.

mod caller;
mod logic;
mod metaflow;
mod place;
mod ring;
mod service;

use crate::lower::Dialect;
use crate::lower::reference::{Kind, Module, Opt, Origin};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] =
    &[ring::MODULES, caller::MODULES, place::MODULES, service::MODULES, logic::MODULES, metaflow::MODULES];

/// What every module has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("module", Kind::Text, "The module's name.").required().beside(),
    Opt::new("data", Kind::Object, "The module's options.").beside(),
    Opt::new("children", Kind::Object, "What follows, by outcome; `_` is everything else.").beside(),
    Opt::new("skip_module", Kind::Flag, "Passes the module over, to the child `_`.").default("false"),
];

/// A module that a seed names.
const fn seed(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    Module::new(Dialect::Kazoo, name, ops, doc)
}

/// A module of Kazoo's beyond that.
const fn upstream(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    seed(name, ops, doc).origin(Origin::Upstream)
}

/// The edges of a module that chooses nothing.
const SKIPS: &[(&str, &str)] = &[("_", "afterwards")];
