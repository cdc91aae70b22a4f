//! What a port keeps of a conversation: keys that may be star codes, apart from those of nodes that run beside it.

use std::{collections::VecDeque, sync::Arc};

use super::port::Port;
use crate::ir::{Program, Side};

/// Keys of a conversation that wait; nobody presses more in a moment.
const KEYS: usize = 100;

/// A conversation that goes on.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// Keys that may begin or go on with a star code, and whose.
    pub keys: VecDeque<(Side, char)>,
    /// A star code runs: the caller's keys are for its nodes too.
    pub busy: bool,
}

impl Port {
    /// Keeps a key of a conversation; `false` if there is none, or if the key is also for a node that runs beside it.
    pub(super) fn talk_key(&mut self, by: Side, key: char) -> bool {
        let Some(talk) = &mut self.talk else { return false };
        if talk.keys.len() < KEYS {
            talk.keys.push_back((by, key));
        }
        !(talk.busy && by == Side::Own)
    }

    /// The program whose star codes count: the running one's own, else those of its callers, else the last that had some.
    pub(crate) fn codes(&self) -> Option<Arc<Program>> {
        let mut frames = self.frames.iter().rev().map(|frame| &frame.program);
        frames.find(|program| program.metaflows.is_some()).or(self.last_codes.as_ref()).cloned()
    }
}
