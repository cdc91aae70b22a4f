//! A leg that we place: from the INVITE to the answer, or to nothing.

use std::sync::Arc;
use std::time::Instant;

use sip::{Body, Ended, Flow, Invite, Reason};

use super::{CallLeg, NETWORK, Notice, Terms};
use crate::book::{Ender, LegState};
use crate::call::answer::Table;
use crate::call::media_end::MediaEnd;
use crate::call::session::{Session, describe};
use crate::codecs::Codecs;
use crate::error::Refusal;
use crate::shared::Shared;
use crate::sip_io::Owner;

/// No address is known before a way is reached.
const NOWHERE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

impl CallLeg {
    /// Places a call; its offer is made when a way there is reached.
    pub(crate) fn place(
        shared: Arc<Shared>,
        owner: Owner,
        invite: Invite,
        codecs: Arc<Codecs>,
    ) -> Result<CallLeg, Refusal> {
        let ports = shared.engine.reserve().map_err(|error| {
            tracing::warn!(%error, "no RTP ports");
            Refusal::NoPorts
        })?;
        let media = MediaEnd::new(shared.engine.clone(), shared.legs.clone(), ports, owner.mail.clone());
        let table = Table::new(codecs, NOWHERE, media.rtp_port());
        let session = Session::place(shared.shard.clone(), invite, owner.clone());
        Ok(CallLeg::with(shared, owner, session, media, table, Terms::Offered))
    }

    /// A way is reached, perhaps another than before: the offer names our address towards it.
    pub(super) fn reached(&mut self, flow: Flow) {
        self.at(flow);
        let port = self.media.rtp_port();
        self.table = Table::toward(self.table.codecs(), &flow, port);
        let offer = self.table.offer();
        self.session.offer(offer);
    }

    pub(super) fn progressed(&mut self, now: Instant, status: u16, body: Option<Body>) {
        if !self.is_up() {
            return;
        }
        let early = body.is_some_and(|body| match self.agree(now, &body) {
            Ok(()) => true,
            Err(refusal) => {
                self.note(now, format!("no early media: {refusal}"));
                false
            }
        });
        self.owner.record.write_leg(self.mark(), |leg| {
            leg.state = if early { LegState::Early } else { LegState::Ringing };
        });
        // Without sound to come, 183 says what 180 says.
        if early || matches!(status, 180 | 183) {
            self.outbox.push_back(Notice::Progress { media: early });
        }
    }

    /// The call that we placed was answered.
    pub(super) fn call_answered(&mut self, now: Instant, body: Option<Body>) {
        if !self.session.answered() {
            // It was given up already; the core says BYE.
            return;
        }
        let missing = || Refusal::NoCommonCodec("the answer has no session description".to_owned());
        match body.ok_or_else(missing).and_then(|body| self.agree(now, &body)) {
            Ok(()) => {
                self.stop_listening(NETWORK);
                self.expect_audio(now);
                self.record_answer();
                self.begin_recordings();
                self.outbox.push_back(Notice::Answered);
            }
            Err(refusal) => {
                self.note(now, refusal.to_string());
                self.leave(488, None, Reason::normal());
                self.outbox.push_back(Notice::Refused { status: 488 });
            }
        }
    }

    /// The far end's answer to our offer: the first makes the leg, a later one changes it.
    fn agree(&mut self, now: Instant, answer: &Body) -> Result<(), Refusal> {
        let agreement = self.table.accept(answer)?;
        match self.media.leg() {
            None => self.adopt(now, &agreement),
            Some(_) => self.change(now, agreement),
        }
    }

    /// The far end named others. A phone of ours is not left for them: that is the call's to decide. Anybody else has
    /// been, if there was anybody to be called.
    pub(super) fn redirected(&mut self, targets: Vec<String>) {
        match self.owned {
            Some(_) => self.sent_to = targets,
            None => self.doubt(),
        }
    }

    /// Whose phone it was that wanted the call to go elsewhere, and where, the most wanted first.
    pub(crate) fn take_redirection(&mut self) -> Option<(Arc<str>, Vec<String>)> {
        let targets = std::mem::take(&mut self.sent_to);
        self.user().filter(|_| !targets.is_empty()).map(|user| (user, targets))
    }

    /// The network said in the sound that the call comes to nothing, as this status would: it is given up.
    pub(in crate::call) fn signalled_off(&mut self, status: u16) {
        self.record_end("rejected", Ender::FarEnd, Some(status));
        self.leave(480, None, Reason::normal());
    }

    /// The call that we placed came to nothing.
    pub(super) fn refused(&mut self, now: Instant, ended: &Ended) {
        let status = match ended {
            // A redirection that led nowhere is no answer for the caller.
            Ended::Failed { status: 300..400 } => 480,
            Ended::Failed { status } | Ended::Rejected { status } => *status,
            Ended::TransportLost => 503,
            _ => 480,
        };
        self.note(now, format!("not connected: {status} {}", sip::phrase(status)));
        self.record_end(describe(ended).0, Ender::FarEnd, Some(status));
        self.stop_sound();
        self.outbox.push_back(Notice::Refused { status });
    }
}
