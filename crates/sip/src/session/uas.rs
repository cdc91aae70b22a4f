//! Taking a call: RFC 3261 §13.3. From INVITE to ACK, with CANCEL in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::facts::facts;
use super::reliable::{Provisional, Reliable, Wish};
use super::{Change, Due, GONE, Held, Incoming, Leaving, Phase, Repeat, Session};
use crate::auth::asking::Asking;
use crate::body::{self, Body, Found};
use crate::call::{Contact, InviteFacts};
use crate::dialog::Dialog;
use crate::endpoint::{Endpoint, Reply, Request};
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId};
use crate::message::{Core, Message, Name, lex};
use crate::timer::Timer;
use crate::transaction::Key;

/// A provisional is repeated each minute, or proxies take the call for dead (RFC 3261 §13.3.1.1).
const PROGRESS_INTERVAL: Duration = Duration::from_secs(60);

impl Endpoint {
    /// A new call. Refused here if it cannot be understood; otherwise 100 is sent and somebody is told.
    pub(crate) fn on_invite(&mut self, now: Instant, request: &Request<'_>) -> Option<SessionId> {
        if request.core.max_forwards == Some(0) {
            // We place calls on, so a loop through us must end.
            self.refuse(now, request, 483);
            return None;
        }
        let replaces = self.take_replaces(now, request)?;
        if self.refuse_brief(now, request) {
            return None;
        }
        let offer = self.description(now, request)?;
        let tag = self.random.token();
        let flow = crate::endpoint::reply_flow(request.flow, &request.core.via);
        let dialog = match Dialog::of_invite(request.message, request.core, flow, tag) {
            Ok(dialog) => dialog,
            Err(problem) => {
                self.counters.bad_requests += 1;
                let text =
                    format!("Bad {}: {} Expected", problem.header.unwrap_or("Contact"), problem.expected);
                self.refuse_with(now, request, 400, Some(&text), &[]);
                return None;
            }
        };
        let verdict = self.verdict(now, request);
        let id = self.sessions.next_id();
        let facts = InviteFacts { replaces, ..facts(request, &dialog, &verdict, offer.clone()) };
        let incoming = Incoming {
            invite: request.transaction,
            asking: Asking::new(&verdict, request.message.line(Name::UserAgent)),
            asked: offer.is_none(),
            progress: None,
            reliable: Reliable::new(Wish::of(request.message), self.random.number()),
            held: None,
        };
        let mut session = Session::new(id, dialog, Phase::Incoming(Box::new(incoming)));
        session.invite_cseq = request.core.cseq;
        if offer.is_some() {
            // The first description of a session: nothing can be open yet.
            let _ = session.debt.receive();
        }
        self.sessions.add(session);
        if let Some(transaction) = self.transactions.get_mut(request.transaction) {
            transaction.session = Some(id);
        }
        self.event(Event::Invited { session: id, invite: Arc::new(facts) });
        self.respond(now, request.transaction, &Reply::status(100, ""));
        Some(id)
    }

    /// The offer in an INVITE or UPDATE; an `Err`-like `None` means the request was refused.
    pub(super) fn description(&mut self, now: Instant, request: &Request<'_>) -> Option<Option<Body>> {
        let message = request.message;
        let encoded = message.values(Name::ContentEncoding).any(|e| !e.eq_ignore_ascii_case("identity"));
        if encoded && !message.body().is_empty() {
            self.refuse_with(now, request, 415, None, &[("Accept-Encoding".into(), "identity".into())]);
            return None;
        }
        let takes_sdp = |value: &str| {
            let (kind, _) = lex::head_and_params(value);
            ["application/sdp", "application/*", "*/*"].iter().any(|k| k.eq_ignore_ascii_case(kind.trim()))
        };
        if message.line(Name::Accept).is_some() && !message.values(Name::Accept).any(takes_sdp) {
            self.refuse(now, request, 406);
            return None;
        }
        let found = body::find_sdp(
            message.line(Name::ContentType),
            message.line(Name::ContentDisposition),
            message.body(),
        );
        match found {
            Found::Nothing => Some(None),
            Found::Sdp(body) => Some(Some(body)),
            Found::Unknown => {
                self.refuse_with(now, request, 415, None, &[("Accept".into(), "application/sdp".into())]);
                None
            }
        }
    }

    /// Refuses a call for want of credentials: 407 with fresh nonces. The session ends. It is sent three times at most,
    /// since whoever it goes to has not proved that it asked for it (RFC 3261 §26.3.2.4).
    pub fn challenge(&mut self, now: Instant, session: SessionId) -> Result<(), WrongPhase> {
        let incoming = self.incoming(session)?;
        let (asking, invite) = (incoming.asking, incoming.invite);
        self.counters.challenges += 1;
        let headers = self
            .guard
            .challenges(now, &mut self.random, asking)
            .into_iter()
            .map(|challenge| ("Proxy-Authenticate".to_owned(), challenge))
            .collect();
        self.reject(now, session, 407, None, headers)?;
        self.say_briefly(now, invite);
        Ok(())
    }

    /// Sends a provisional response, 101 to 199; a body is early media's answer, and `answer` repeats it.
    pub fn progress(
        &mut self,
        now: Instant,
        session: SessionId,
        status: u16,
        body: Option<Body>,
        contact: Contact,
    ) -> Result<(), WrongPhase> {
        self.incoming(session)?;
        let status = status.clamp(101, 199);
        if let Some(session) = self.sessions.get_mut(session) {
            session.contact = Some(contact);
            if matches!(&session.phase, Phase::Incoming(incoming) if !incoming.reliable.has_described()) {
                session.describe(body.clone());
            }
            session.timers.set(Timer::Linger, now + PROGRESS_INTERVAL);
            if let Phase::Incoming(incoming) = &mut session.phase {
                // Early media's description holds for later provisionals and the answer.
                let body = body.or_else(|| incoming.progress.take().and_then(|(_, body)| body));
                incoming.progress = Some((status, body));
            }
        }
        self.send_progress(now, session);
        self.reschedule_session(session);
        Ok(())
    }

    /// Sends the last provisional, for the first time or again.
    fn send_progress(&mut self, now: Instant, session: SessionId) {
        let Some(state) = self.sessions.get(session) else { return };
        let Phase::Incoming(incoming) = &state.phase else { return };
        let Incoming { progress: Some((status, body)), asked, reliable, .. } = &**incoming else { return };
        // RFC 3261 §13.2.1: an offer goes out reliably or with the 2xx.
        let fits = !asked || reliable.carries_offers();
        let provisional = Provisional { status: *status, body: body.clone().filter(|_| fits) };
        self.send_provisional(now, session, provisional);
    }

    /// Accepts a call: 200, sent again until its ACK comes. Without a body the description of `progress` is sent,
    /// and none at all if that went out reliably already (RFC 6337 §3.1.1); the 200 then waits for the PRACK.
    /// If the INVITE had no offer, `body` is ours and the answer comes with `Confirmed` (or came with `Acknowledged`).
    pub fn answer(
        &mut self,
        now: Instant,
        session: SessionId,
        body: Option<Body>,
        contact: Contact,
    ) -> Result<(), WrongPhase> {
        self.incoming(session)?;
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        state.contact = Some(contact);
        if let Phase::Incoming(incoming) = &mut state.phase {
            incoming.held = Some(Held { body });
        }
        self.send_held(now, session)
    }

    /// Sends the 2xx, unless the PRACK of a description or an offer in a PRACK is still to be waited for.
    pub(super) fn send_held(&mut self, now: Instant, session: SessionId) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        let changing = matches!(state.change, Change::Asked { .. });
        let Phase::Incoming(incoming) = &mut state.phase else { return Err(state.wrong()) };
        if changing || incoming.reliable.holds_answer() {
            return Ok(());
        }
        let Some(Held { body }) = incoming.held.take() else { return Ok(()) };
        let invite = incoming.invite;
        let body = match incoming.reliable.has_described() {
            true => None,
            false => body.or_else(|| incoming.progress.take().and_then(|(_, body)| body)),
        };
        let late = incoming.reliable.under_way();
        state.late_prack = late;
        if body.is_some() {
            // An answer to their offer, or our offer: both are possible here.
            let _ = state.debt.send();
        }
        let tag = state.dialog.local_tag.clone();
        let mut headers = contact_header(state.contact.as_ref());
        if let Some(request) = self.transactions.get(invite).and_then(|t| t.request.as_ref()) {
            headers.extend(state.timing.agree_as_server(now, &self.config, request));
        }
        state.describe(body.clone());
        let reply = Reply { headers: &headers, body: body.as_ref(), ..Reply::status(200, &tag) };
        let Some(bytes) = self.respond(now, invite, &reply) else {
            // The transaction broke with its transport, and the session is being told.
            return Err(GONE);
        };
        let repeat = self.repeat(now, session, invite, bytes);
        if let (Some(state), Some(repeat)) = (self.sessions.get_mut(session), repeat) {
            state.phase = Phase::Answered(repeat);
        }
        self.reschedule_session(session);
        Ok(())
    }

    /// Starts repeating a 2xx: at T1, doubling up to T2, until 64·T1 (RFC 3261 §13.3.1.4).
    /// Also over a reliable transport, because another hop may not be one.
    pub(super) fn repeat(
        &mut self,
        now: Instant,
        session: SessionId,
        transaction: crate::transaction::TxId,
        bytes: bytes::Bytes,
    ) -> Option<Repeat> {
        let timers = self.config.timers;
        let cseq = self.transactions.get(transaction)?.summary.cseq;
        let session = self.sessions.get_mut(session)?;
        session.timers.stop_all();
        session.timers.set(Timer::Retransmit, now + timers.t1);
        session.timers.set(Timer::Timeout, now + timers.give_up());
        Some(Repeat { transaction, bytes, cseq, interval: timers.t1 })
    }

    /// Refuses a call with a final status, 300 to 699. The session ends.
    pub fn reject(
        &mut self,
        now: Instant,
        session: SessionId,
        status: u16,
        phrase: Option<&str>,
        headers: Vec<(String, String)>,
    ) -> Result<(), WrongPhase> {
        self.incoming(session)?;
        let status = status.clamp(300, 699);
        self.refuse_invite(now, session, status, phrase, &headers);
        self.end(session, Ended::Rejected { status });
        Ok(())
    }

    /// Sends the final failure of an INVITE not answered yet.
    pub(super) fn refuse_invite(
        &mut self,
        now: Instant,
        session: SessionId,
        status: u16,
        phrase: Option<&str>,
        headers: &[(String, String)],
    ) {
        self.refuse_change(now, session, 487);
        let Some(state) = self.sessions.get(session) else { return };
        let Phase::Incoming(incoming) = &state.phase else { return };
        let (invite, tag) = (incoming.invite, state.dialog.local_tag.clone());
        self.respond(now, invite, &Reply { phrase, headers, ..Reply::status(status, &tag) });
    }

    fn incoming(&self, session: SessionId) -> Result<&Incoming, WrongPhase> {
        match self.sessions.get(session) {
            None => Err(GONE),
            Some(Session { phase: Phase::Incoming(incoming), .. }) if incoming.held.is_none() => Ok(incoming),
            Some(Session { phase: Phase::Incoming(_), .. }) => Err(WrongPhase { phase: "answered" }),
            Some(other) => Err(other.wrong()),
        }
    }

    /// CANCEL: RFC 3261 §9.2. It is answered for itself, and ends an INVITE only if that has no final response.
    pub(crate) fn on_cancel(&mut self, now: Instant, request: &Request<'_>) -> Option<SessionId> {
        let invite = self.transactions.find(&Key::cancelled(request.message, request.core));
        let Some(invite) = invite else {
            self.counters.no_such_call += 1;
            self.refuse(now, request, 481);
            return None;
        };
        let session = self.transactions.get(invite).and_then(|t| t.session);
        let tag = session
            .and_then(|s| self.sessions.get(s))
            .map_or_else(|| self.random.token(), |s| s.dialog.local_tag.clone());
        if let Some(transaction) = self.transactions.get_mut(request.transaction) {
            transaction.session = session;
        }
        self.respond(now, request.transaction, &Reply::status(200, &tag));
        let session = session?;
        let state = self.sessions.get(session)?;
        if matches!(&state.change, Change::Asked { transaction, .. } if *transaction == invite) {
            self.refuse_change(now, session, 487);
            return Some(session);
        }
        if let Phase::Incoming(_) = &state.phase {
            self.refuse_invite(now, session, 487, None, &[]);
            let cause = request.message.line(Name::Reason).map(str::to_owned);
            self.end(session, Ended::Cancelled { cause });
        }
        Some(session)
    }

    /// The ACK of a 2xx.
    pub(crate) fn on_session_ack(
        &mut self,
        now: Instant,
        id: SessionId,
        message: &Arc<Message>,
        core: &Core<'_>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // An ACK that came again, or late, for an earlier INVITE, acknowledges nothing.
        if session.repeated().map(|repeat| repeat.cseq) != Some(core.cseq) {
            return;
        }
        let body = match body::find_sdp(message.line(Name::ContentType), None, message.body()) {
            Found::Sdp(body) if session.debt == super::offer::Debt::TheyOwe => Some(body),
            _ => None,
        };
        session.timers.stop_all();
        match (&session.phase, &session.change) {
            (Phase::Answered(_), _) => {
                session.debt.paid();
                session.phase = Phase::Confirmed;
                self.event(Event::Confirmed { session: id, body });
            }
            (Phase::Leaving(Leaving::Acknowledge { reason, .. }), _) => {
                let reason = reason.clone();
                self.send_bye(now, id, &reason);
            }
            (Phase::Leaving(_), _) => {}
            (_, Change::Answered(_)) => {
                session.debt.roll_back();
                session.change = Change::Idle;
                self.event(Event::Reconfirmed { session: id, body });
            }
            _ => {}
        }
    }

    /// A deadline of a session has come.
    pub(crate) fn on_session_due(&mut self, now: Instant, id: SessionId, due: Due) {
        match due {
            Due::Timer(timer) => self.on_session_timer(now, id, timer),
            Due::Retry => self.send_wanted(now, id),
            Due::Referrals => self.on_refers_due(now, id),
            Due::Alarm(alarm) => self.on_alarm(now, id, alarm),
        }
    }

    /// Timers of calls that came: repeat a 2xx or a provisional, or give up waiting for an ACK.
    fn on_session_timer(&mut self, now: Instant, id: SessionId, timer: Timer) {
        let limit = self.config.timers.t2;
        let Some(session) = self.sessions.get_mut(id) else { return };
        if matches!(session.phase, Phase::Incoming(_)) {
            match timer {
                Timer::Retransmit => self.repeat_provisional(now, id),
                Timer::Timeout => self.give_up_provisional(now, id),
                Timer::Linger => {
                    session.timers.set(Timer::Linger, now + PROGRESS_INTERVAL);
                    self.send_progress(now, id);
                }
            }
            return;
        }
        if timer == Timer::Retransmit {
            let Some(repeat) = session.repeated() else { return };
            repeat.interval = (repeat.interval * 2).min(limit);
            let (transaction, bytes, interval) = (repeat.transaction, repeat.bytes.clone(), repeat.interval);
            session.timers.set(Timer::Retransmit, now + interval);
            self.step(now, transaction, crate::transaction::TxEvent::Success(bytes));
            return;
        }
        let unacknowledged = session.repeated().is_some();
        match (&session.phase, timer) {
            (Phase::Leaving(Leaving::Acknowledge { reason, .. }), Timer::Timeout) => {
                let reason = reason.clone();
                session.timers.stop_all();
                self.send_bye(now, id, &reason);
            }
            (_, Timer::Timeout) if unacknowledged => {
                session.timers.stop_all();
                self.leave_with_bye(now, id, Ended::NoAck, &crate::reason::Reason::status(408));
            }
            (Phase::Confirmed, Timer::Timeout) => self.cancel_change(now, id),
            (Phase::Leaving(Leaving::Cancelled { invite, .. }), Timer::Linger) => {
                let invite = *invite;
                self.step_and_report(now, invite, crate::transaction::TxEvent::Abandon);
            }
            _ => {}
        }
    }
}

/// Our Contact as a header, where we have one.
pub(super) fn contact_header(contact: Option<&Contact>) -> Vec<(String, String)> {
    contact.map(|c| ("Contact".to_owned(), format!("<{}>", c.uri()))).into_iter().collect()
}
