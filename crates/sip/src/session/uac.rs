//! Placing a call: RFC 3261 §13.2. From INVITE to ACK, with forks, challenges and CANCEL in between.

use std::sync::Arc;
use std::time::Instant;

use super::early::Earlies;
use super::ending::request_summary;
use super::uas::contact_header;
use super::{Calling, GONE, Leaving, Phase, Session};
use crate::auth::client::{Challenge, answer};
use crate::body::Body;
use crate::call::{Contact, Invite, Offer};
use crate::dialog::{Dialog, Stamp};
use crate::endpoint::{ALLOW, Endpoint, FOR_CALLS};
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId, Summary};
use crate::flow::{Flow, Next};
use crate::message::{Core, Known, Message};
use crate::transaction::TxId;

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
        let calling = Calling {
            transaction: None,
            invite: invite.clone(),
            progressed: false,
            authorized: false,
            earlies: Earlies::default(),
        };
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
        writer.header("Supported", FOR_CALLS);
        writer.headers(&session.timing.request_headers(&self.config));
        if let Some((name, value)) = authorization {
            writer.header(name, value);
        }
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
            100..200 => self.on_progress(now, session, flow, invite, response, core, status),
            200..300 => self.on_answer(now, session, id, flow, invite, response, core),
            _ => self.on_refusal(now, session, id, invite, response, status),
        }
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
            Phase::Calling(calling) if calling.transaction == Some(id) => {
                let answerable = state.credentials.as_ref().filter(|_| !calling.authorized);
                if let (Some(user), Some((challenge, header))) = (answerable, Challenge::of(response)) {
                    calling.authorized = true;
                    calling.progressed = false;
                    calling.earlies.clear();
                    let client_nonce = self.random.token();
                    let value = answer(&challenge, user, "INVITE", invite.request_uri(), 1, &client_nonce);
                    return self.send_invite(now, session, Some((header, value)));
                }
                if status == 422 && state.timing.raise(&self.config, response) {
                    // What the peer asks for credentials it asks for this one's too.
                    calling.authorized = false;
                    calling.progressed = false;
                    calling.earlies.clear();
                    return self.send_invite(now, session, None);
                }
                self.end(session, Ended::Failed { status });
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
