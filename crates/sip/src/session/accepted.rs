//! Calls of ours that are answered: the 2xx of the fork that wins, its ACK, and what becomes of the other forks
//! (RFC 3261 §13.2.2.4).

use std::sync::Arc;
use std::time::Instant;

use super::early::Exchange;
use super::ending::request_summary;
use super::{Change, GONE, Leaving, Phase};
use crate::body::{self, Body, Found};
use crate::dialog::{Dialog, Stamp};
use crate::endpoint::Endpoint;
use crate::error::WrongPhase;
use crate::event::{Event, SessionId, Summary};
use crate::flow::Flow;
use crate::message::{Core, Known, Message, Name};
use crate::reason::Reason;
use crate::transaction::TxId;

/// More answers than this to one INVITE are no forks but a fault: their ACKs are not kept.
const MOST_FORKS: usize = 16;

impl Endpoint {
    /// A 2xx to an INVITE of ours.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn on_answer(
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
        if self.acknowledge_again(id, core, session) {
            return;
        }
        let dialog = Dialog::of_response(invite, response, core, flow);
        let winner = |s: &super::Session| matches!(&s.phase, Phase::Calling(c) if c.transaction == Some(id));
        if let Some(session) = session.filter(|s| self.sessions.get(*s).is_some_and(winner)) {
            self.refuse_change_elsewhere(now, session, tag);
            self.give_up_elsewhere(now, session, tag);
        }
        let Some(state) = session.and_then(|s| self.sessions.get_mut(s)) else {
            return self.release(now, id, core.cseq, dialog);
        };
        let session = state.id;
        match &mut state.phase {
            Phase::Calling(calling) if calling.transaction == Some(id) => {
                let (asked, way) = (calling.offer.is_none(), calling.way);
                let (early, dialog, exchange, answer) = match calling.earlies.take(tag) {
                    Some(mut early) => {
                        early.dialog.confirm(dialog);
                        (early.number, early.dialog, early.exchange, early.answer)
                    }
                    None => (calling.earlies.next_number(), dialog, Exchange::default(), None),
                };
                let (body, owes_answer) = exchange.settle(description(response), asked);
                state.dialog = dialog;
                state.timing.agree_as_client(now, &self.config, response);
                state.debt.roll_back();
                state.describe(answer);
                if owes_answer {
                    // It was settled this moment.
                    let _ = state.debt.receive();
                    state.phase = Phase::Unacknowledged { cseq: core.cseq, invite: id };
                } else {
                    state.phase = Phase::Confirmed;
                    self.send_ack(session, id, core.cseq, None);
                }
                self.arrived(way);
                self.event(Event::Answered { session, early, body, owes_answer });
            }
            // The 200 crossed our CANCEL: it is a call now, and ends like one.
            Phase::Leaving(Leaving::Cancel { invite, reason } | Leaving::Cancelled { invite, reason })
                if *invite == id =>
            {
                let reason = reason.clone();
                state.dialog = dialog;
                self.send_ack(session, id, core.cseq, None);
                self.send_bye(now, session, &reason);
            }
            Phase::Unacknowledged { .. } if state.dialog.remote_tag == tag => {}
            _ => self.release(now, id, core.cseq, dialog),
        }
    }

    /// Another fork answered too, or nobody waits any more: ACK and BYE (RFC 3261 §13.2.2.4).
    fn release(&mut self, now: Instant, invite: TxId, cseq: u32, mut dialog: Dialog) {
        if self.transactions.get(invite).is_none_or(|t| t.acks.len() >= MOST_FORKS) {
            return;
        }
        self.ack(&mut dialog, None, invite, cseq, None);
        let branch = self.random.branch();
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = dialog.request(Known::Bye, None, stamp);
        writer.headers(Reason::completed_elsewhere().header().as_slice());
        let summary = request_summary(Known::Bye, cseq, None);
        self.send_request(now, Known::Bye, &branch, flow, writer.finish(None), summary);
    }

    /// Where a 2xx came again, so does its ACK, also when the call is long gone. Whether it did.
    pub(super) fn acknowledge_again(
        &mut self,
        invite: TxId,
        core: &Core<'_>,
        session: Option<SessionId>,
    ) -> bool {
        let tag = core.to.tag().unwrap_or("");
        let known =
            self.transactions.get(invite).and_then(|t| t.acks.iter().find(|(t, ..)| t == tag).cloned());
        if let Some((_, bytes, flow)) = &known {
            let summary = request_summary(Known::Ack, core.cseq, session);
            self.transmit(*flow, bytes.clone(), Summary { again: true, ..summary });
        }
        known.is_some()
    }

    /// Sends the ACK of a 2xx in a session's dialog.
    pub(super) fn send_ack(&mut self, session: SessionId, invite: TxId, cseq: u32, body: Option<&Body>) {
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
        let (mut writer, flow, _) = dialog.request(Known::Ack, Some(cseq), stamp);
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

    /// Sends the ACK of a 200 that brought an offer, with our answer. Owed after `Answered` and `Changed` with `owes_answer`.
    pub fn acknowledge(
        &mut self,
        now: Instant,
        session: SessionId,
        answer: Option<Body>,
    ) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        let (cseq, invite) = match (&state.phase, &state.change) {
            (Phase::Unacknowledged { cseq, invite }, _)
            | (Phase::Confirmed, Change::Unacknowledged { cseq, invite }) => (*cseq, *invite),
            _ => return Err(state.wrong()),
        };
        // The peer's offer is answered, or refused by the BYE that follows.
        state.debt.roll_back();
        state.phase = Phase::Confirmed;
        state.change = Change::Idle;
        state.describe(answer.clone());
        self.send_ack(session, invite, cseq, answer.as_ref());
        self.send_wanted(now, session);
        self.reschedule_session(session);
        Ok(())
    }
}

/// The description in a message.
pub(super) fn description(message: &Message) -> Option<Body> {
    let kind = message.line(Name::ContentType);
    match body::find_sdp(kind, message.line(Name::ContentDisposition), message.body()) {
        Found::Sdp(body) => Some(body),
        Found::Nothing | Found::Unknown => None,
    }
}
