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

/// Star codes beside those of the programs that run.
#[derive(Debug, Default)]
pub(crate) struct StarCodes {
    /// The last program with some that took another's place.
    pub last: Option<Arc<Program>>,
    /// Of both parties' phones, the flow's own first; boxed, since few have some.
    phones: Option<Box<[Option<Arc<Program>>; 2]>>,
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

    /// The star codes of a party's phone.
    pub(crate) fn phone_codes(&self, side: Side) -> Option<Arc<Program>> {
        let [own, peer] = self.star_codes.phones.as_deref()?;
        if side == Side::Peer { peer.clone() } else { own.clone() }
    }

    /// A party has a phone with these star codes from here on.
    pub(super) fn learn_codes(&mut self, side: Side, codes: Option<Arc<Program>>) {
        if codes.is_none() && self.star_codes.phones.is_none() {
            return;
        }
        let [own, peer] = &mut **self.star_codes.phones.get_or_insert_default();
        *(if side == Side::Peer { peer } else { own }) = codes;
    }

    /// The program whose star codes count: the running one's own, else those of its callers, else the last that had some.
    pub(crate) fn codes(&self) -> Option<Arc<Program>> {
        let mut frames = self.frames.iter().rev().map(|frame| &frame.program);
        frames.find(|program| program.metaflows.is_some()).or(self.star_codes.last.as_ref()).cloned()
    }
}
