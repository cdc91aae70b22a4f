//! What a leg tells the flow that runs on it, and what it keeps to itself.

use flow::ir::Cause;
use flow::leg::{LegEvent, Tag};

use super::{CallLeg, NETWORK, NOTICE, Notice, OWN, Own, TAKEN_ALONG};
use crate::call::forks::ringback;

impl CallLeg {
    pub(in crate::call) fn tell(&mut self, tag: Tag, event: LegEvent) {
        match event {
            // Who waits hears at least that it rings.
            LegEvent::Failed { .. } if tag == OWN && self.own == Own::Ringback => {
                self.own = Own::Nothing;
                self.ring(ringback());
            }
            LegEvent::Failed { .. } if tag == NOTICE => self.beep(),
            event if ![OWN, TAKEN_ALONG, NOTICE, NETWORK].contains(&tag) => {
                self.outbox.push_back(Notice::Flow(tag, event))
            }
            _ => {}
        }
    }

    pub(in crate::call) fn fail(&mut self, tag: Tag, cause: Cause, why: String) {
        self.tell(tag, LegEvent::Failed { cause, why });
    }
}
