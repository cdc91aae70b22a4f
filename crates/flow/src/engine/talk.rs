//! What a port keeps of a conversation: its own events and keys, apart from those of a node that runs beside it.

use std::{collections::VecDeque, sync::Arc};

use super::port::{Port, Reply};
use crate::{
    ir::{Program, Side},
    leg::{LegEvent, Tag},
};

/// Keys of a conversation that wait; nobody presses more in a moment.
const KEYS: usize = 100;

/// A conversation that goes on.
#[derive(Debug)]
pub(crate) struct Talk {
    /// The dialling that led to it.
    pub tag: Tag,
    /// What came for that tag.
    pub events: VecDeque<LegEvent>,
    /// Keys that may begin or go on with a star code, and whose.
    pub keys: VecDeque<(Side, char)>,
    /// A star code runs: the caller's keys are for its nodes.
    pub busy: bool,
}

impl Port {
    /// The conversation of the dialling `tag` begins.
    pub(crate) fn talk(&mut self, tag: Tag) {
        self.talk = Some(Talk { tag, events: VecDeque::new(), keys: VecDeque::new(), busy: false });
    }

    /// Keeps what came for the conversation itself; gives back what did not.
    pub(super) fn for_talk(&mut self, tag: Tag, reply: Reply) -> Option<Reply> {
        match (&mut self.talk, reply) {
            (Some(talk), Reply::Leg(event)) if talk.tag == tag => {
                talk.events.push_back(event);
                None
            }
            (_, reply) => Some(reply),
        }
    }

    /// Keeps a key of a conversation; `false` if there is none, or if the key is for a node that runs beside it.
    pub(super) fn talk_key(&mut self, by: Side, key: char) -> bool {
        let Some(talk) = &mut self.talk else { return false };
        if talk.busy && by == Side::Own {
            return false;
        }
        if talk.keys.len() < KEYS {
            talk.keys.push_back((by, key));
        }
        true
    }

    /// The program whose star codes count: the running one's own, else those of its callers, else the last that had some.
    pub(crate) fn codes(&self) -> Option<Arc<Program>> {
        let mut frames = self.frames.iter().rev().map(|frame| &frame.program);
        frames.find(|program| program.metaflows.is_some()).or(self.last_codes.as_ref()).cloned()
    }

    /// The node beside the conversation is over: what still comes for it is late. What records goes on.
    pub(crate) fn forget_beside(&mut self, talk: Tag, stop: bool) {
        let recording: Vec<Tag> = self.recordings.iter().map(|open| open.tag).collect();
        let own = self.lanes.own();
        let late = own.drop_all_but(|tag| tag == talk || recording.contains(&tag));
        if stop {
            for tag in late {
                self.stop(tag);
            }
            self.lanes.own().drop_all_but(|tag| tag == talk);
        }
    }
}
