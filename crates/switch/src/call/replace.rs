//! One leg takes the place of another: an INVITE with Replaces (RFC 3891), or a leg that another call sends.
//!
//! Whoever talked to the old leg talks to the new one; a flow that ran on the old one runs on. Of a call that rings,
//! the new leg is the one that answers: a phone picks up what rings at another.

use std::sync::Arc;
use std::time::Instant;

use flow::leg::{Leg, LegCommand};
use sip::{Contact, InviteFacts, Reason, SessionId};
use store::Permission;

use super::leg::{CallLeg, OWN};
use super::pickup::may;
use super::run::Call;
use super::session::Session;
use super::start::answering;
use super::{LegKey, Mail, post};
use crate::lines::Owned;
use crate::shared::Shared;
use crate::sip_io::Owner;

/// An INVITE that is to take the place of a leg.
#[derive(Debug)]
pub(crate) struct Replacing {
    session: SessionId,
    invite: Arc<InviteFacts>,
    /// The new leg's.
    owner: Owner,
    old: LegKey,
}

/// Hands an INVITE to the call whose leg it is to replace. To whom its session belongs then.
pub(crate) fn replace(
    shared: &Arc<Shared>,
    session: SessionId,
    invite: Arc<InviteFacts>,
    replaced: Owner,
) -> Owner {
    let mark = replaced.record.add_leg(invite.from.uri.clone());
    let owner = Owner { leg: shared.leg_key(), mark, ..replaced.clone() };
    let replacing = Replacing { session, invite, owner: owner.clone(), old: replaced.leg };
    // A call that has just ended leaves the session to its own end: nobody answers it.
    if !post(&replaced.mail, Mail::Replacing(Box::new(replacing))) {
        let reject =
            crate::sip_io::Command::Reject { session, status: 481, phrase: None, headers: Vec::new() };
        shared.shard.send(reject);
    }
    owner
}

impl Call {
    /// An INVITE is to take the place of a leg.
    pub(super) fn replacing(&mut self, now: Instant, replacing: Replacing) {
        let Replacing { session, invite, owner, old } = replacing;
        let key = owner.leg;
        let contact = Contact::new(&invite.request_uri.user, invite.flow.local, invite.flow.transport);
        let mut session = Session::new(session, contact, self.shared.shard.clone());
        if !self.may_replace(old) {
            self.record.timeline.note(now, "an INVITE came for a leg that is not there any more");
            session.leave(481, None, Reason::normal());
            return;
        }
        let mut leg = match answering(&self.shared, &owner, &invite, session, &self.shared.codecs) {
            Ok(leg) => leg,
            Err((mut session, refusal)) => {
                self.record.timeline.note(now, format!("{} {refusal}", owner.mark));
                return session.refuse(&refusal);
            }
        };
        if !self.may_take_from(old, leg.owned()) {
            self.record.timeline.note(now, format!("{} may not pick up that call", owner.mark));
            leg.leave(403, None, Reason::normal());
            return self.legs.push(leg);
        }
        leg.perform(now, OWN, LegCommand::Answer);
        self.legs.push(leg);
        self.take_place(now, old, key);
    }

    /// Whether somebody may answer in the place of this leg, if it rings: the user itself, or who may pick up.
    fn may_take_from(&self, old: LegKey, who: Option<&Owned>) -> bool {
        let rings = self.dial.as_ref().is_some_and(|dial| dial.rings(old));
        let own = || who.is_some_and(|who| self.leg(old).and_then(CallLeg::user).as_ref() == Some(&who.user));
        !rings || own() || may(&self.shared.users.load(), None, who, Permission::Pickup)
    }

    /// Whether another leg may take the place of this one.
    pub(super) fn may_replace(&self, old: LegKey) -> bool {
        let up = self.leg(old).is_some_and(|leg| leg.is_up());
        let talks = self.bridge.as_ref().is_some_and(|bridge| bridge.partner(old).is_some());
        let dials = self.dial.as_ref().is_some_and(|dial| dial.rings(old) || dial.caller == old);
        up && self.transfer.is_none() && (talks || dials || self.is_parked(old))
    }

    /// Whether this leg has called and hears how it rings, without an answer of ours yet.
    pub(super) fn waits(&self, leg: LegKey) -> bool {
        let dials = self.dial.as_ref().is_some_and(|dial| dial.caller == leg && dial.winner().is_none());
        dials && self.subject == Some(leg) && !self.leg(leg).is_some_and(CallLeg::is_answered)
    }

    /// Whether a party that `by` transfers may take the place of this leg: before the answer it must be his own.
    pub(super) fn may_transfer(&self, old: LegKey, by: Option<&Arc<str>>) -> bool {
        let waits = self.waits(old);
        let own = by.is_some() && self.leg(old).and_then(CallLeg::user).as_ref() == by;
        self.may_replace(old) && (!waits || own && self.origin.is_none())
    }

    /// `new`, which is a leg of the call already, takes the place of `old`, which is left.
    pub(super) fn take_place(&mut self, now: Instant, old: LegKey, new: LegKey) {
        let marks: Vec<String> =
            [new, old].iter().filter_map(|key| self.leg(*key)).map(|leg| leg.mark().to_string()).collect();
        self.record.timeline.note(now, marks.join(" takes the place of "));
        if self.dial.as_ref().is_some_and(|dial| dial.rings(old)) {
            if let Some(dial) = &mut self.dial {
                dial.add(old, new);
            }
            return self.take(now, new);
        }
        let user = self.leg(old).and_then(CallLeg::user);
        if let Some(leg) = self.leg_mut(old) {
            leg.part();
            leg.hush();
            leg.leave(487, None, Reason::normal());
        }
        self.overheard_swapped(old);
        if let Some(bridge) = &mut self.bridge
            && !bridge.swap(old, new)
        {
            self.part();
        }
        if let Some(dial) = &mut self.dial {
            dial.swap(old, new);
        }
        self.swap_features(old, new);
        if self.subject == Some(old) {
            self.subject = Some(new);
            self.parked_by(now, user);
        }
        if self.dial.as_ref().is_some_and(|dial| dial.caller == new) {
            let rings =
                self.dial.as_ref().is_some_and(|dial| dial.winner().is_none()) && self.bridge.is_none();
            if rings {
                self.let_ring();
            }
        }
        self.join(now);
        self.sync_hold();
    }
}
