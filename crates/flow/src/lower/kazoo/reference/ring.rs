//! The rows of the modules that ring people, record them or change what is kept of them.

use crate::lower::reference::Module;

pub(super) const MODULES: &[Module] = &[];
