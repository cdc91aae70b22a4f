//! The rows of a call route's modules.

use crate::lower::reference::{Kind, Module, Opt};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[MODULES];

/// What every module has.
pub(in crate::lower) const COMMON: &[Opt] =
    &[Opt::new("module", Kind::Text, "The module's name.").required()];

const MODULES: &[Module] = &[];
