//! How calls end: BYE either way (RFC 3261 §15), hanging up in every phase, and what breaks.
//! `Ended` is told exactly once: on leaving, or on going without having left.

use std::time::Instant;

use super::{Calling, Change, Leaving, Phase};
use crate::auth::client::{Challenge, answer};
use crate::dialog::Stamp;
use crate::endpoint::{Endpoint, Request};
use crate::event::{Ended, Event, SessionId, Summary};
use crate::message::{Known, Message, Method, Name};
use crate::reason::Reason;
use crate::timer::Timer;
use crate::transaction::{Key, Tell, TxId};
use crate::way::Failure;

impl Endpoint {
    /// The peer hangs up.
    pub(super) fn on_bye(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        self.refuse_in(now, request, id, 200, &[]);
        let Some(session) = self.sessions.get(id) else { return };
        match &session.phase {
            Phase::Incoming(_) => self.refuse_invite(now, id, 487, None, &[]),
            Phase::Calling(_) => return self.on_early_bye(now, request, id),
            Phase::Leaving(Leaving::Bye { .. }) => return,
            Phase::Leaving(_) => {
                self.drop_session(id);
                return;
            }
            Phase::Answered(_) | Phase::Unacknowledged { .. } | Phase::Confirmed => {}
        }
        self.refuse_change(now, id, 487);
        self.refuse_refers(now, id);
        let cause = request.message.line(Name::Reason).map(str::to_owned);
        self.end(id, Ended::Bye { cause });
    }

    /// A BYE of somebody we call ends one early dialog (RFC 3261 §15 forbids it; it is sent all the same). Without
    /// another one the call is over, and its INVITE is cancelled.
    fn on_early_bye(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &mut session.phase else { return };
        let ended = calling.earlies.take(request.core.from.tag().unwrap_or(""));
        if !calling.earlies.is_empty() {
            let Some(early) = ended.map(|early| early.number) else { return };
            let gone = Event::Progressed { session: id, early, status: 199, body: None, owes_answer: false };
            return self.event(gone);
        }
        let (Some(invite), way) = (calling.transaction, calling.way) else { return };
        session.phase = Phase::Leaving(Leaving::Cancel { invite, reason: Reason::normal() });
        self.leave(way);
        let cause = request.message.line(Name::Reason).map(str::to_owned);
        self.event(Event::Ended { session: id, reason: Ended::Bye { cause } });
        self.send_cancel(now, id);
    }

    /// Tells the end of a session and forgets it.
    pub(super) fn end(&mut self, id: SessionId, reason: Ended) {
        if let Some(session) = self.drop_session(id)
            && !session.phase.is_leaving()
        {
            self.event(Event::Ended { session: id, reason });
        }
    }

    /// Ends a call as its phase asks: a final response, CANCEL or BYE. `Ended` follows at once, and what is left of
    /// the protocol goes on by itself. Nothing happens if the session is over already.
    pub fn hang_up(&mut self, now: Instant, session: SessionId, reason: Reason) {
        let id = session;
        self.refuse_change(now, id, 487);
        self.refuse_refers(now, id);
        let Some(session) = self.sessions.get_mut(id) else { return };
        match &mut session.phase {
            Phase::Incoming(_) => {
                let headers: Vec<_> = reason.header().into_iter().collect();
                self.refuse_invite(now, id, reason.status.clamp(300, 699), None, &headers);
                self.end(id, Ended::HungUp);
            }
            Phase::Answered(repeat) => {
                let repeat = std::mem::replace(repeat, super::Repeat::nothing());
                session.phase = Phase::Leaving(Leaving::Acknowledge { repeat, reason });
                self.event(Event::Ended { session: id, reason: Ended::HungUp });
            }
            Phase::Calling(calling) => {
                let Calling { way, transaction, progressed, .. } = **calling;
                let sent = transaction.filter(|invite| !self.forget_held(*invite));
                let (Some(invite), Some(session)) = (sent, self.sessions.get_mut(id)) else {
                    // Nothing of it was sent, or the next hop is sought: nobody is to be told.
                    return self.end(id, Ended::HungUp);
                };
                session.phase = Phase::Leaving(Leaving::Cancel { invite, reason });
                self.leave(way);
                self.event(Event::Ended { session: id, reason: Ended::HungUp });
                if progressed {
                    self.send_cancel(now, id);
                }
            }
            Phase::Unacknowledged { .. } => {
                // The peer waits for an ACK; without an answer in it the BYE follows at once.
                let _ = self.acknowledge(now, id, None);
                self.leave_with_bye(now, id, Ended::HungUp, &reason);
            }
            Phase::Confirmed => {
                if let Change::Unacknowledged { .. } = session.change {
                    // As below: its ACK is owed, and without an answer in it the BYE follows at once.
                    let _ = self.acknowledge(now, id, None);
                }
                self.leave_with_bye(now, id, Ended::HungUp, &reason);
            }
            Phase::Leaving(_) => {}
        }
        self.reschedule_session(id);
    }

    /// Tells the end of a session and sends BYE.
    pub(super) fn leave_with_bye(&mut self, now: Instant, id: SessionId, ended: Ended, reason: &Reason) {
        self.refuse_change(now, id, 487);
        self.refuse_refers(now, id);
        self.event(Event::Ended { session: id, reason: ended });
        self.send_bye(now, id, reason);
    }

    /// Sends BYE; the session waits for its answer in silence.
    pub(super) fn send_bye(&mut self, now: Instant, id: SessionId, reason: &Reason) {
        let header = reason.header();
        self.send_bye_with(now, id, header.into_iter().collect(), false);
    }

    fn send_bye_with(
        &mut self,
        now: Instant,
        id: SessionId,
        headers: Vec<(String, String)>,
        authorized: bool,
    ) {
        let branch = self.random.branch();
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.timers.stop_all();
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = session.dialog.request(Known::Bye, None, stamp);
        writer.headers(&headers);
        let summary = request_summary(Known::Bye, cseq, Some(id));
        let sent = self.send_request(now, Known::Bye, &branch, flow, writer.finish(None), summary);
        match (sent, self.sessions.get_mut(id)) {
            (Some(transaction), Some(session)) => {
                session.phase = Phase::Leaving(Leaving::Bye { transaction, authorized });
            }
            _ => {
                self.drop_session(id);
            }
        }
    }

    /// Sends CANCEL for an INVITE that had a 1xx.
    pub(super) fn send_cancel(&mut self, now: Instant, id: SessionId) {
        let Some(Phase::Leaving(Leaving::Cancel { invite, reason })) =
            self.sessions.get(id).map(|s| &s.phase)
        else {
            return;
        };
        let (invite, reason) = (*invite, reason.clone());
        let headers: Vec<_> = reason.header().into_iter().collect();
        self.cancel(now, invite, Some(id), &headers);
        // RFC 3261 §9.1: after 64·T1 the INVITE is taken for cancelled.
        let until = now + self.config.timers.give_up();
        if let Some(session) = self.sessions.get_mut(id) {
            session.phase = Phase::Leaving(Leaving::Cancelled { invite, reason });
            session.timers.set(Timer::Linger, until);
        }
    }

    /// Sends the CANCEL of an INVITE of ours, once.
    pub(super) fn cancel(
        &mut self,
        now: Instant,
        invite: TxId,
        session: Option<SessionId>,
        headers: &[(String, String)],
    ) {
        let Some(transaction) = self.transactions.get(invite) else { return };
        let (Some(request), flow) = (transaction.request.clone(), transaction.flow) else { return };
        let Ok(core) = request.core() else { return };
        let branch = core.via.branch.unwrap_or("").to_owned();
        let key = Key::client(&branch, Method::Known(Known::Cancel), "CANCEL");
        if self.transactions.find(&key).is_some() {
            return;
        }
        let to = request.line(Name::To).unwrap_or("");
        let bytes = self.write_hop_request(&request, Known::Cancel, to, headers);
        let summary = request_summary(Known::Cancel, core.cseq, session);
        self.send_request(now, Known::Cancel, &branch, flow, bytes, summary);
    }

    /// A response to a request that is no INVITE. One to our BYE ends the session's last rest; a challenge is answered once.
    pub(crate) fn on_other_response(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        id: TxId,
        request: &Message,
        response: &Message,
        status: u16,
    ) {
        let Some(session) = session.filter(|_| status >= 200) else { return };
        if self.on_pending_response(now, session, id, request, response, status) {
            return;
        }
        let Some(state) = self.sessions.get(session) else { return };
        let authorized = match &state.phase {
            Phase::Leaving(Leaving::Bye { transaction, authorized }) if *transaction == id => *authorized,
            // A CANCEL's answer: the INVITE's own final response counts.
            _ => return,
        };
        let answerable = state.credentials.clone().filter(|_| !authorized);
        if let (Some(user), Some((challenge, header))) = (answerable, Challenge::of(response)) {
            let client_nonce = self.random.token();
            let value = answer(&challenge, &user, "BYE", request.request_uri(), 1, &client_nonce);
            let said = request.line(Name::Reason).map(|reason| ("Reason".to_owned(), reason.to_owned()));
            let headers = said.into_iter().chain([(header.to_owned(), value)]).collect();
            self.send_bye_with(now, session, headers, true);
            return;
        }
        self.drop_session(session);
    }

    /// A transaction of a session timed out or lost its transport.
    pub(crate) fn on_transaction_failed(&mut self, now: Instant, session: SessionId, id: TxId, tell: Tell) {
        if self.on_pending_failed(now, session, id) {
            return;
        }
        let Some(state) = self.sessions.get(session) else { return };
        if matches!(&state.change, Change::Asked { transaction, .. } if *transaction == id) {
            return self.end_change(session);
        }
        if matches!(&state.change, Change::Sent { transaction, .. } if *transaction == id) {
            return self.on_change_failed(now, session, tell);
        }
        match &state.phase {
            Phase::Incoming(incoming) if incoming.invite == id => self.end(session, Ended::TransportLost),
            Phase::Calling(calling) if calling.transaction == Some(id) => {
                let way = calling.way;
                let failure = if tell == Tell::Broken { Failure::Unreachable } else { Failure::Silent };
                self.fail(now, way, failure);
            }
            Phase::Leaving(
                Leaving::Cancel { invite: own, .. }
                | Leaving::Cancelled { invite: own, .. }
                | Leaving::Bye { transaction: own, .. },
            ) if *own == id => {
                self.drop_session(session);
            }
            _ => {}
        }
    }

    /// The stream a session ran over is gone.
    pub(crate) fn on_session_lost(&mut self, id: SessionId) {
        self.end(id, Ended::TransportLost);
    }
}

/// A request of ours in short.
pub(super) fn request_summary(method: Known, cseq: u32, session: Option<SessionId>) -> Summary {
    Summary { method: Method::Known(method), status: None, cseq, body: false, again: false, session }
}
