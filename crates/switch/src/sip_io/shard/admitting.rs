//! INVITEs that came: asked about at the reception, and let in, challenged or refused.

use std::sync::Arc;
use std::time::Instant;

use sip::{InviteFacts, SessionId};

use super::{Address, Shard};
use crate::sip_io::handle::{Admission, Invitation, Owner};

impl Shard {
    pub(super) fn invited(&mut self, now: Instant, session: SessionId, invite: Arc<InviteFacts>) {
        let flow = invite.flow;
        self.presence.calls(&mut self.endpoint, now, session, &invite);
        let replaced = invite.replaces.as_ref().map(|replaces| self.replaced(replaces));
        match (self.reception)(Invitation { session, invite, replaced, now }) {
            Admission::Reject(status) => {
                // A session that was offered this moment is in no other phase.
                let _ = self.endpoint.reject(now, session, status, None, Vec::new());
            }
            Admission::Take(owner) => {
                self.calls.insert(session, Address { flow: Some(flow), owner });
            }
            Admission::Challenge => {
                // A session that was offered this moment is in no other phase.
                let _ = self.endpoint.challenge(now, session);
            }
            Admission::Refuse(refusal) => {
                tracing::info!(%refusal, "a call is refused");
                metrics::counter!("offhook_calls_refused_total", "code" => refusal.code()).increment(1);
                // A session that was offered this moment is in no other phase.
                let _ = self.endpoint.reject(now, session, refusal.status(), None, refusal.headers());
            }
        }
    }

    /// To whom a session of this shard belongs that is to be taken over, or the status that refuses it.
    pub(super) fn replaced(&self, replaces: &sip::Replaces) -> Result<Owner, u16> {
        self.owner_of(self.endpoint.replaced(replaces)?)
    }

    /// The same for a REFER of somebody who transfers, and may wait for an answer there himself.
    pub(super) fn transferable(&self, replaces: &sip::Replaces) -> Result<Owner, u16> {
        self.owner_of(self.endpoint.transferable(replaces)?)
    }

    fn owner_of(&self, session: SessionId) -> Result<Owner, u16> {
        self.calls.get(&session).map(|address| address.owner.clone()).ok_or(481)
    }
}
