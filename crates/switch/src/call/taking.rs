//! A leg goes to another call to talk there: whoever picks a call up, or takes one out of a slot.
//!
//! ```text
//!   own call                          the other call
//!   Taking ── Arrival, Take ────────→ it rings, talks or waits there still: the leg takes its place
//!     │  ←──── News::Done ──────────── and the flow of the call goes on with it
//!     │  ←──── Arrival, Refused ────── too late: the leg is back, and its own flow is told so
//!   "done", and the call ends
//! ```
//!
//! So the flow of the one who called goes on, with its recording, its star codes and its line among the finished calls.
//! A leg is answered where it arrives, not before: who comes too late has not been answered.

use std::time::Instant;

use flow::leg::{DialOutcome, Leg, LegCommand, Tag};
use sip::Reason;
use tokio::sync::mpsc;

use super::feature::{Doing, Running};
use super::leg::{CallLeg, OWN};
use super::run::Call;
use super::transfer::{Arrival, Moved, News, Origin, Purpose, send};
use super::{LegKey, Mail, Mark, post};
use crate::sip_io::Owner;

/// What a leg goes to another call for.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To answer instead of this one, which rings.
    Ringing(LegKey),
    /// To talk instead of this one.
    Talking(LegKey),
    /// To talk to whom waits in this slot.
    Slot(String),
}

/// A leg of ours is on its way to another call.
#[derive(Debug)]
pub(super) struct Taking {
    leg: LegKey,
    /// As which it was here.
    mark: Mark,
    /// Whom it talked to.
    partner: Option<LegKey>,
    /// How its call ends if it is not back.
    cause: &'static str,
    /// What the flow is told if it comes back.
    otherwise: Otherwise,
}

/// What follows if a leg comes back.
#[derive(Debug)]
pub(super) enum Otherwise {
    /// The feature is over with this word.
    Word(&'static str),
    /// The slot it went to is empty: it is put in itself.
    Park(Box<flow::ir::Park<String>>),
}

impl Call {
    /// Sends the leg `key` to another call. What comes of it is told under `tag`.
    pub(super) fn go_and_take(
        &mut self,
        now: Instant,
        tag: Tag,
        key: LegKey,
        goal: Goal,
        mail: mpsc::Sender<Box<Mail>>,
        otherwise: Otherwise,
    ) {
        let partner = self.bridge.as_ref().and_then(|bridge| bridge.partner(key));
        if !self.leg(key).is_some_and(CallLeg::is_up) || self.transfer.is_some() {
            return self.take_otherwise(now, tag, otherwise);
        }
        let Some(leg) = self.take_leg(key) else { return self.take_otherwise(now, tag, otherwise) };
        let (mark, media) = (leg.mark(), leg.media_leg());
        let cause = match goal {
            Goal::Ringing(_) | Goal::Talking(_) => "picked up",
            Goal::Slot(_) => "retrieved",
        };
        let origin = Origin { leg: key, mail: self.record.mail().clone() };
        let arrival = Box::new(Arrival { leg, purpose: Purpose::Take { goal, origin } });
        let taking = Taking { leg: key, mark, partner, cause, otherwise };
        self.doing.push(Running { tag, doing: Doing::Taking(Box::new(taking)) });
        match send(&mail, arrival) {
            Ok(()) => self.moved.push(Moved { key, media, mail }),
            Err(arrival) => self.taker_returned(now, arrival.leg),
        }
    }

    fn take_otherwise(&mut self, now: Instant, tag: Tag, otherwise: Otherwise) {
        match otherwise {
            Otherwise::Word(word) => self.finish(now, tag, word),
            Otherwise::Park(park) => self.put_in(now, tag, *park),
        }
    }

    /// The running one of this leg, which is over with this.
    fn taking(&mut self, key: LegKey) -> Option<(Tag, Taking)> {
        let is_it = |running: &Running| matches!(&running.doing, Doing::Taking(of) if of.leg == key);
        let at = self.doing.iter().position(is_it)?;
        match self.doing.remove(at) {
            Running { tag, doing: Doing::Taking(taking) } => Some((tag, *taking)),
            _ => None,
        }
    }

    /// A leg comes from another call to talk here.
    pub(super) fn taker_arrived(&mut self, now: Instant, mut leg: CallLeg, goal: Goal, origin: Origin) {
        let key = leg.key();
        let there = match &goal {
            Goal::Ringing(old) => {
                self.dial.as_ref().is_some_and(|dial| dial.rings(*old)) && self.may_replace(*old)
            }
            Goal::Talking(old) => {
                let talks = self.bridge.as_ref().is_some_and(|bridge| bridge.partner(*old).is_some());
                talks && self.may_replace(*old)
            }
            Goal::Slot(slot) => self.waits_in(slot),
        };
        if !there || !leg.is_up() {
            self.record.timeline.note(now, "a leg came too late to take this call and goes back");
            let moved = Moved { key, media: leg.media_leg(), mail: origin.mail.clone() };
            // Without its call it is hung up, by being dropped.
            if send(&origin.mail, Box::new(Arrival { leg, purpose: Purpose::Refused })).is_ok() {
                self.moved.push(moved);
            }
            return;
        }
        let mark = self.record.add_leg(leg.party());
        leg.rehome(Owner { leg: key, ..self.owner(mark) });
        leg.perform(now, OWN, LegCommand::Answer);
        self.legs.push(leg);
        match goal {
            Goal::Ringing(old) | Goal::Talking(old) => self.take_place(now, old, key),
            Goal::Slot(slot) => self.retrieved(now, &slot, key),
        }
        metrics::counter!("offhook_pickups_total").increment(1);
        origin.tell(News::Done);
    }

    /// A leg of ours came too late, and is back.
    pub(super) fn taker_returned(&mut self, now: Instant, mut leg: CallLeg) {
        let key = leg.key();
        if let Some(at) = self.moved.iter().position(|moved| moved.key == key) {
            // Nothing more goes there about it.
            post(&self.moved.remove(at).mail, Mail::Moved(key));
        }
        let taking = self.taking(key);
        if self.ended.is_some() || taking.is_none() {
            leg.leave(480, None, Reason::normal());
        }
        self.legs.push(leg);
        if let Some((tag, taking)) = taking {
            if let Some(partner) = taking.partner.filter(|key| self.leg(*key).is_some()) {
                self.connect(now, key, partner);
            }
            self.take_otherwise(now, tag, taking.otherwise);
        }
    }

    /// The other call tells that a leg of ours stays there; whether it is such a leg.
    pub(super) fn taker_settled(&mut self, now: Instant, key: LegKey, news: News) -> bool {
        if !matches!(news, News::Done) {
            return false;
        }
        let Some((tag, taking)) = self.taking(key) else { return false };
        self.record
            .timeline
            .note(now, format!("{} has {} a call, and is in it now", taking.mark, taking.cause));
        self.finish(now, tag, "done");
        // Nothing is left here for whom it talked to.
        if self.subject == Some(key) {
            self.ending(taking.cause, "caller");
            self.subject_gone(now, taking.cause, &Reason::normal());
        } else {
            self.left = Some((now, Reason::normal()));
            self.dialled(now, DialOutcome::Answered, 200);
        }
        true
    }
}
