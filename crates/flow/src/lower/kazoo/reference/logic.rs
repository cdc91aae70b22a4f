//! The rows of the modules that speak, listen and choose.

use crate::lower::reference::Module;

pub(super) const MODULES: &[Module] = &[];
