//! Placing a call, as its way goes: an INVITE for each hop that is reached, until one of them answers.
//! What is written and what its answers mean is `uac.rs`'s.

use std::time::Instant;

use super::early::Earlies;
use super::redirect::Trail;
use super::{Calling, Phase, Session};
use crate::auth::proofs::Proofs;
use crate::call::{Contact, Invite, Offer};
use crate::endpoint::Endpoint;
use crate::event::{Ended, Event, SessionId};
use crate::flow::Flow;
use crate::transaction::TxEvent;
use crate::way::{self, Failure, WayId};

impl Calling {
    pub(super) fn new(way: WayId, invite: Invite) -> Self {
        Calling {
            way,
            transaction: None,
            next: invite.next.clone(),
            trail: Trail::default(),
            invite,
            offer: None,
            wants_offer: false,
            numbered: false,
            progressed: false,
            proofs: Proofs::default(),
            earlies: Earlies::default(),
        }
    }
}

impl Endpoint {
    /// A hop of this call can be sent to.
    pub(crate) fn on_call_reached(&mut self, now: Instant, id: SessionId, flow: Flow) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &mut session.phase else { return };
        session.dialog.flow = flow;
        session.contact = Some(Contact::new(&calling.invite.user, flow.local, flow.transport));
        calling.progressed = false;
        match &calling.invite.offer {
            Offer::WhenReached => {
                calling.wants_offer = true;
                self.event(Event::Reached { session: id, flow });
                return;
            }
            Offer::Ready(body) => calling.offer = Some(body.clone()),
            Offer::None => calling.offer = None,
        }
        self.send_invite(now, id);
    }

    /// The hop of this call was silent, and there is another one. What it may say yet is cancelled or hung up.
    pub(crate) fn on_call_given_up(&mut self, now: Instant, id: SessionId) {
        let Some(Session { phase: Phase::Calling(calling), .. }) = self.sessions.get_mut(id) else { return };
        let Some(transaction) = calling.transaction else { return };
        if self.forget_held(transaction) {
            return;
        }
        if let Some(orphan) = self.transactions.get_mut(transaction) {
            orphan.session = None;
        }
        self.step(now, transaction, TxEvent::Hush);
    }

    /// The way of this call seeks its next hop: until there is one, nothing belongs to it.
    pub(crate) fn on_call_leaves_hop(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &mut session.phase else { return };
        session.dialog.flow = way::nowhere();
        calling.numbered |= calling.transaction.take().is_some();
        calling.wants_offer = false;
        calling.earlies.clear();
    }

    /// No hop of this call can be reached.
    pub(crate) fn on_call_stranded(&mut self, now: Instant, id: SessionId, failure: Failure) {
        let reason = match failure {
            Failure::Lost => Ended::TransportLost,
            other => Ended::Failed { status: other.status() },
        };
        self.target_failed(now, id, reason, None);
    }

    /// The call is past its way.
    pub(super) fn arrived(&mut self, way: WayId) {
        self.heard(way);
        self.leave(way);
    }
}
