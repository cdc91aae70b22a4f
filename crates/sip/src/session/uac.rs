//! Placing a call: RFC 3261 §13.2. From INVITE to ACK, with forks, challenges and CANCEL in between.

use std::sync::Arc;
use std::time::Instant;

use super::ending::request_summary;
use super::uas::contact_header;
use super::{Calling, GONE, Leaving, Phase, Session};
use crate::body::Body;
use crate::call::Invite;
use crate::dialog::{Dialog, Stamp};
use crate::endpoint::{ALLOW, Endpoint, FOR_CALLS};
use crate::error::WrongPhase;
use crate::event::{Ended, SessionId, Summary};
use crate::flow::Flow;
use crate::message::{Core, Known, Message};
use crate::request::retry_after;
use crate::transaction::TxId;
use crate::way::{self, Failure, Traveller};

impl Endpoint {
    /// Places a call. Its events follow; if it cannot even be written, that is `Ended` with `Failed` 400.
    pub fn invite(&mut self, now: Instant, invite: Invite) -> SessionId {
        let id = self.sessions.next_id();
        let call_id = self.random.call_id();
        let tag = self.random.token();
        let from = match invite.from.contains('<') {
            true => format!("{};tag={tag}", invite.from),
            false => format!("<{}>;tag={tag}", invite.from),
        };
        let (to, target) = (invite.to.clone(), invite.target.clone());
        let dialog = Dialog::placed(call_id, from, tag, to, target, way::nowhere());
        let way = self.set_out(Traveller::Call(id), &invite.next);
        let credentials = invite.credentials.clone();
        let mut session = Session::new(id, dialog, Phase::Calling(Box::new(Calling::new(way, invite))));
        session.credentials = credentials;
        self.sessions.add(session);
        self.go(now, way);
        id
    }

    /// Gives the offer that [`crate::Event::Reached`] asked for; `None` lets the peer offer.
    pub fn offer(&mut self, now: Instant, session: SessionId, offer: Option<Body>) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        match &mut state.phase {
            Phase::Calling(calling) if calling.wants_offer => {
                calling.wants_offer = false;
                calling.offer = offer;
            }
            _ => return Err(state.wrong()),
        }
        self.send_invite(now, session);
        Ok(())
    }

    /// Sends the INVITE on the way that is open, with credentials if they were asked for.
    pub(super) fn send_invite(&mut self, now: Instant, id: SessionId) {
        let branch = self.random.branch();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &mut session.phase else { return };
        let (way, invite) = (calling.way, &calling.invite);
        let body = calling.offer.as_ref();
        if std::mem::take(&mut calling.numbered) {
            // RFC 3263 §4.3: another hop gets the same request in a transaction of its own.
            session.dialog.repeat_cseq();
        }
        let proofs = match &session.credentials {
            Some(user) => {
                let bytes = body.map_or(&[][..], |body| &body.bytes);
                calling.proofs.headers(&mut self.random, user, "INVITE", &session.dialog.target, bytes)
            }
            None => Vec::new(),
        };
        if body.is_some() {
            // The first description of a session, or the same again with credentials.
            session.debt.roll_back();
            let _ = session.debt.send();
            session.description = body.cloned();
        }
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = session.dialog.invite(invite.max_forwards, stamp);
        for (name, value) in contact_header(session.contact.as_ref()) {
            writer.header(&name, value);
        }
        writer.header("Allow", ALLOW);
        writer.header("Supported", FOR_CALLS);
        writer.headers(&session.timing.request_headers(&self.config));
        writer.headers(&proofs);
        writer.headers(&invite.headers);
        let summary = Summary { body: body.is_some(), ..request_summary(Known::Invite, cseq, Some(id)) };
        let bytes = writer.finish(body);
        match self.send_request(now, Known::Invite, &branch, flow, bytes, summary) {
            Some(transaction) => {
                let Some(session) = self.sessions.get_mut(id) else { return };
                session.invite_cseq = cseq;
                if let Phase::Calling(calling) = &mut session.phase {
                    calling.transaction = Some(transaction);
                }
                self.departed(now, way);
            }
            None => {
                self.leave(way);
                self.end(id, Ended::Failed { status: 400 });
            }
        }
    }

    /// A response to an INVITE of ours that its transaction passed up.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn on_invite_response(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        id: TxId,
        flow: Flow,
        invite: &Message,
        response: &Arc<Message>,
        core: &Core<'_>,
        status: u16,
    ) {
        match status {
            100..200 => self.on_progress(now, session, id, flow, invite, response, core, status),
            200..300 => self.on_answer(now, session, id, flow, invite, response, core),
            _ => self.on_refusal(now, session, id, response, status),
        }
    }

    fn on_refusal(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        id: TxId,
        response: &Message,
        status: u16,
    ) {
        let Some(session) = session else { return };
        let Some(state) = self.sessions.get_mut(session) else { return };
        match &mut state.phase {
            Phase::Calling(calling) if calling.transaction == Some(id) => {
                let way = calling.way;
                if state.credentials.is_some() && calling.proofs.take(response) {
                    calling.progressed = false;
                    calling.transaction = None;
                    calling.earlies.clear();
                    self.heard(way);
                    return self.send_invite(now, session);
                }
                if status == 422 && state.timing.raise(&self.config, response) {
                    // What the peer asks for credentials it asks for this one's too.
                    calling.proofs.again();
                    calling.transaction = None;
                    calling.progressed = false;
                    calling.earlies.clear();
                    self.heard(way);
                    return self.send_invite(now, session);
                }
                if status == 503 {
                    return self.fail(now, way, Failure::Unavailable { wait: retry_after(response) });
                }
                self.arrived(way);
                self.target_failed(now, session, Ended::Failed { status }, Some(response));
            }
            Phase::Leaving(Leaving::Cancel { invite, .. } | Leaving::Cancelled { invite, .. })
                if *invite == id =>
            {
                self.drop_session(session);
            }
            _ => {}
        }
    }
}
