//! Placing a call: RFC 3261 §13.2. From INVITE to ACK, with forks, challenges and CANCEL in between.

use std::sync::Arc;
use std::time::Instant;

use super::ending::request_summary;
use super::uas::contact_header;
use super::{Calling, GONE, Leaving, Phase, Session};
use crate::auth::client::{Challenge, answer};
use crate::body::{self, Body, Found};
use crate::call::{Contact, Invite, Offer, Reason};
use crate::dialog::{Dialog, Stamp};
use crate::endpoint::{ALLOW, Endpoint};
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId, Summary};
use crate::flow::{Flow, Next};
use crate::message::write::Writer;
use crate::message::{Core, Known, Message, Name};
use crate::transaction::TxId;

/// More answers than this to one INVITE are no forks but a fault: their ACKs are not kept.
const MOST_FORKS: usize = 16;

impl Endpoint {
    /// Places a call. Its events follow; if it cannot even be written, that is `Ended` with `Failed` 400.
    pub fn invite(&mut self, now: Instant, invite: Invite) -> SessionId {
        let id = self.sessions.next_id();
        let call_id = self.random.token();
        let tag = self.random.token();
        let from = match invite.from.contains('<') {
            true => format!("{};tag={tag}", invite.from),
            false => format!("<{}>;tag={tag}", invite.from),
        };
        let flow = match &invite.next {
            Next::Flow(flow) => Some(*flow),
            Next::Hop(_) | Next::Uri(_) => None,
        };
        let Some(flow) = flow else {
            self.event(Event::Ended { session: id, reason: Ended::Failed { status: 503 } });
            return id;
        };
        let contact = Contact::new(&invite.user, flow.local, flow.transport);
        let dialog = Dialog::placed(call_id, from, tag, invite.to.clone(), invite.target.clone(), flow);
        let calling =
            Calling { transaction: TxId(0), invite: invite.clone(), progressed: false, authorized: false };
        let mut session = Session::new(id, dialog, Phase::Calling(Box::new(calling)));
        session.contact = Some(contact);
        session.credentials = invite.credentials;
        self.sessions.add(session);
        match invite.offer {
            Offer::WhenReached => self.event(Event::Reached { session: id, flow }),
            Offer::None | Offer::Ready(_) => self.send_invite(now, id, None),
        }
        id
    }

    /// Gives the offer that [`Event::Reached`] asked for; `None` lets the peer offer.
    pub fn offer(&mut self, now: Instant, session: SessionId, offer: Option<Body>) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        match &mut state.phase {
            Phase::Calling(calling) if calling.invite.offer == Offer::WhenReached => {
                calling.invite.offer = offer.map_or(Offer::None, Offer::Ready);
            }
            _ => return Err(state.wrong()),
        }
        self.send_invite(now, session, None);
        Ok(())
    }

    /// Sends the INVITE, the second time with credentials.
    fn send_invite(&mut self, now: Instant, id: SessionId, authorization: Option<(&'static str, String)>) {
        let branch = self.random.branch();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &session.phase else { return };
        let invite = &calling.invite;
        let body = match &invite.offer {
            Offer::Ready(body) => Some(body),
            Offer::None | Offer::WhenReached => None,
        };
        if body.is_some() {
            // The first description of a session, or the same again with credentials.
            session.debt.roll_back();
            let _ = session.debt.send();
        }
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = session.dialog.invite(invite.max_forwards, stamp);
        for (name, value) in contact_header(session.contact.as_ref()) {
            writer.header(&name, value);
        }
        writer.header("Allow", ALLOW);
        if let Some((name, value)) = authorization {
            writer.header(name, value);
        }
        writer.headers(&invite.headers);
        let summary = Summary { body: body.is_some(), ..request_summary(Known::Invite, cseq, Some(id)) };
        let bytes = writer.finish(body);
        match self.send_request(now, Known::Invite, &branch, flow, bytes, summary) {
            Some(transaction) => {
                if let Some(Session { phase: Phase::Calling(calling), .. }) = self.sessions.get_mut(id) {
                    calling.transaction = transaction;
                }
            }
            None => self.end(id, Ended::Failed { status: 400 }),
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
            100..200 => self.on_progress(now, session, response, status),
            200..300 => self.on_answer(now, session, id, flow, invite, response, core),
            _ => self.on_refusal(now, session, id, invite, response, status),
        }
    }

    fn on_progress(&mut self, now: Instant, session: Option<SessionId>, response: &Message, status: u16) {
        let Some(id) = session else { return };
        match self.sessions.get_mut(id).map(|s| &mut s.phase) {
            Some(Phase::Calling(calling)) => {
                calling.progressed = true;
                if status > 100 {
                    let body = description(response);
                    self.event(Event::Progressed { session: id, early: 1, status, body, owes_answer: false });
                }
            }
            Some(Phase::Leaving(Leaving::Cancel { .. })) => self.send_cancel(now, id),
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn on_answer(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        id: TxId,
        flow: Flow,
        invite: &Message,
        response: &Arc<Message>,
        core: &Core<'_>,
    ) {
        let tag = core.to.tag().unwrap_or("");
        // The 2xx came again: so does its ACK, also when the call is long gone.
        let known = self.transactions.get(id).and_then(|t| t.acks.iter().find(|(t, ..)| t == tag).cloned());
        if let Some((_, bytes, flow)) = known {
            let summary = request_summary(Known::Ack, core.cseq, session);
            return self.transmit(flow, bytes, Summary { again: true, ..summary });
        }
        let mut dialog = Dialog::of_response(invite, response, core, flow);
        let body = description(response);
        let state = session.and_then(|s| self.sessions.get_mut(s));
        match state {
            Some(state) if matches!(&state.phase, Phase::Calling(c) if c.transaction == id) => {
                let session = state.id;
                state.dialog = dialog;
                let offered = matches!(&state.phase, Phase::Calling(c) if c.invite.offer != Offer::None);
                if body.is_some() {
                    // The answer to our offer, or the peer's offer: both are possible here.
                    let _ = state.debt.receive();
                }
                if !offered && body.is_some() {
                    state.phase = Phase::Unacknowledged { cseq: core.cseq, invite: id };
                    self.event(Event::Answered { session, early: 1, body, owes_answer: true });
                } else {
                    state.debt.roll_back();
                    state.phase = Phase::Confirmed;
                    self.send_ack(session, id, core.cseq, None);
                    self.event(Event::Answered { session, early: 1, body, owes_answer: false });
                }
            }
            // The 200 crossed our CANCEL: it is a call now, and ends like one.
            Some(state) if matches!(&state.phase, Phase::Leaving(Leaving::Cancel { invite } | Leaving::Cancelled { invite }) if *invite == id) =>
            {
                let session = state.id;
                state.dialog = dialog;
                self.send_ack(session, id, core.cseq, None);
                self.send_bye(now, session, &Reason::normal());
            }
            Some(state)
                if state.dialog.remote_tag == tag && matches!(state.phase, Phase::Unacknowledged { .. }) => {}
            // Another fork answered too, or nobody waits any more: ACK and BYE (RFC 3261 §13.2.2.4).
            _ => {
                let full = self.transactions.get(id).is_none_or(|t| t.acks.len() >= MOST_FORKS);
                if full {
                    return;
                }
                self.ack(&mut dialog, None, id, core.cseq, None);
                let branch = self.random.branch();
                let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
                let (writer, flow, cseq) = dialog.request(Known::Bye, None, stamp);
                let summary = request_summary(Known::Bye, cseq, None);
                self.send_request(now, Known::Bye, &branch, flow, writer.finish(None), summary);
            }
        }
    }

    /// Sends the ACK of a 2xx in a session's dialog.
    fn send_ack(&mut self, session: SessionId, invite: TxId, cseq: u32, body: Option<&Body>) {
        let Some(state) = self.sessions.get_mut(session) else { return };
        let mut dialog = state.dialog.clone();
        self.ack(&mut dialog, Some(session), invite, cseq, body);
    }

    /// Writes and sends an ACK, and keeps it with the INVITE's transaction for when the 2xx comes again.
    fn ack(
        &mut self,
        dialog: &mut Dialog,
        session: Option<SessionId>,
        invite: TxId,
        cseq: u32,
        body: Option<&Body>,
    ) {
        let branch = self.random.branch();
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, _): (Writer, _, _) = dialog.request(Known::Ack, Some(cseq), stamp);
        // RFC 3261 §22.1: an ACK repeats the credentials of its INVITE.
        let request = self.transactions.get(invite).and_then(|t| t.request.clone());
        for name in [Name::Authorization, Name::ProxyAuthorization] {
            for line in request.iter().flat_map(|r| r.lines(name)) {
                writer.header(name.text(), line);
            }
        }
        let bytes = writer.finish(body);
        if let Some(transaction) = self.transactions.get_mut(invite) {
            transaction.acks.push((dialog.remote_tag.clone(), bytes.clone(), flow));
        }
        let summary = Summary { body: body.is_some(), ..request_summary(Known::Ack, cseq, session) };
        self.transmit(flow, bytes, summary);
    }

    /// Sends the ACK of a 200 that brought an offer, with our answer. Owed after `Answered` with `owes_answer`.
    pub fn acknowledge(
        &mut self,
        _now: Instant,
        session: SessionId,
        answer: Option<Body>,
    ) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        let Phase::Unacknowledged { cseq, invite } = state.phase else { return Err(state.wrong()) };
        // The peer's offer is answered, or refused by the BYE that follows.
        state.debt.roll_back();
        state.phase = Phase::Confirmed;
        self.send_ack(session, invite, cseq, answer.as_ref());
        Ok(())
    }

    fn on_refusal(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        id: TxId,
        invite: &Message,
        response: &Message,
        status: u16,
    ) {
        let Some(session) = session else { return };
        let Some(state) = self.sessions.get_mut(session) else { return };
        match &mut state.phase {
            Phase::Calling(calling) if calling.transaction == id => {
                let answerable = state.credentials.as_ref().filter(|_| !calling.authorized);
                if let (Some(user), Some((challenge, header))) = (answerable, Challenge::of(response)) {
                    calling.authorized = true;
                    calling.progressed = false;
                    let client_nonce = self.random.token();
                    let value = answer(&challenge, user, "INVITE", invite.request_uri(), 1, &client_nonce);
                    return self.send_invite(now, session, Some((header, value)));
                }
                self.end(session, Ended::Failed { status });
            }
            Phase::Leaving(Leaving::Cancel { invite } | Leaving::Cancelled { invite }) if *invite == id => {
                self.drop_session(session);
            }
            _ => {}
        }
    }
}

/// The description in a response.
fn description(response: &Message) -> Option<Body> {
    let kind = response.line(Name::ContentType);
    match body::find_sdp(kind, response.line(Name::ContentDisposition), response.body()) {
        Found::Sdp(body) => Some(body),
        Found::Nothing | Found::Unknown => None,
    }
}
