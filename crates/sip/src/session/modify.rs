//! What comes in a call that is up: re-INVITE (RFC 3261 §14.2), UPDATE (RFC 3311), INFO (RFC 6086) and the rest.
//! A change that is refused leaves the call as it was.

use std::time::Instant;

use super::accepted::description;
use super::early::Exchange;
use super::offer::Debt;
use super::uas::contact_header;
use super::{Change, GONE, Phase, Session};
use crate::body::Body;
use crate::dialog::Order;
use crate::endpoint::{Endpoint, Reply, Request, reply_flow};
use crate::error::WrongPhase;
use crate::event::{Event, SessionId};
use crate::message::{Core, Known, Message, Method, Name};

/// The bodies of an INFO that we read: a pressed key, as phones have sent it since before RFC 4733.
const KEYS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

/// Whether a change may begin.
enum Turn {
    Ours,
    /// Another change is open in the other direction, or its answer is missing: 491.
    Glare,
    /// The peer's own last INVITE is not answered: 500 with Retry-After (RFC 3261 §14.2).
    Busy,
    /// The call is being taken down: 481.
    Over,
}

impl Session {
    /// A change of the peer's is accepted: its new target holds and, in an early dialog, its new description.
    fn accept(&mut self, request: &Message) {
        let Ok(core) = request.core() else { return };
        let tag = core.from.tag().unwrap_or("");
        self.dialog_of(tag).refresh(request);
        if let (Phase::Calling(calling), Some(description)) = (&mut self.phase, description(request)) {
            calling.earlies.describe(tag, description);
        }
    }
}

impl Endpoint {
    pub(crate) fn on_request_in_dialog(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let back = reply_flow(request.flow, &request.core.via);
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.dialog_of(request.core.from.tag().unwrap_or("")).note(request.core.cseq, back)
            == Order::Stale
        {
            return self.refuse_in(now, request, id, 500, &[]);
        }
        if self.refuse_extensions(now, request) {
            return;
        }
        let leaving = self.sessions.get(id).is_some_and(|s| s.phase.is_leaving());
        match request.core.method {
            Method::Known(Known::Bye) => self.on_bye(now, request, id),
            Method::Known(_) if leaving => self.refuse_in(now, request, id, 481, &[]),
            Method::Known(Known::Invite) => self.on_reinvite(now, request, id),
            Method::Known(Known::Update) => self.on_update(now, request, id),
            Method::Known(Known::Info) => self.on_info(now, request, id),
            Method::Known(Known::PRack) => self.on_prack(now, request, id),
            Method::Known(Known::Options) => self.on_options(now, request),
            Method::Known(Known::Message) => self.on_text(now, request, None, Some(id)),
            Method::Known(Known::Notify) => self.on_notify(now, request, id),
            Method::Known(Known::Refer) => self.on_refer(now, request, id),
            Method::Known(Known::Subscribe) => self.on_subscribe(now, request, id),
            Method::Known(_) => self.refuse_in(now, request, id, 405, &[]),
            Method::Other => self.refuse_in(now, request, id, 501, &[]),
        }
    }

    /// Answers a request of a dialog with a bare status.
    pub(super) fn refuse_in(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        id: SessionId,
        status: u16,
        headers: &[(String, String)],
    ) {
        let tag = self.sessions.get(id).map(|s| s.dialog.local_tag.clone()).unwrap_or_default();
        self.respond(now, request.transaction, &Reply { headers, ..Reply::status(status, &tag) });
    }

    fn turn(&self, id: SessionId, core: &Core<'_>) -> Turn {
        let Some(session) = self.sessions.get(id) else { return Turn::Over };
        let updates = core.method.is(Known::Update);
        match (&session.phase, &session.change) {
            (Phase::Leaving(_), _) => Turn::Over,
            (_, Change::Asked { .. }) => Turn::Busy,
            (_, Change::Sent { .. } | Change::Unacknowledged { .. }) => Turn::Glare,
            (Phase::Incoming(_), _) if !updates => Turn::Busy,
            (Phase::Calling(calling), _) => match calling.earlies.exchange(core.from.tag().unwrap_or("")) {
                Some(Exchange::Done(_)) if updates => Turn::Ours,
                Some(Exchange::Offered { .. }) => Turn::Busy,
                _ => Turn::Glare,
            },
            (Phase::Unacknowledged { .. }, _) => Turn::Glare,
            // After our 2xx the peer goes on, so it has it and its ACK is lost: only a missing answer stops us.
            (_, Change::Idle | Change::Answered(_)) => match session.debt {
                Debt::Settled => Turn::Ours,
                // RFC 3311 §5.2: its own offer has no answer yet.
                Debt::WeOwe => Turn::Busy,
                Debt::TheyOwe => Turn::Glare,
            },
        }
    }

    /// True if the change may begin; otherwise it was refused.
    fn take_turn(&mut self, now: Instant, request: &Request<'_>, id: SessionId) -> bool {
        match self.turn(id, request.core) {
            Turn::Ours => return true,
            Turn::Glare => self.refuse_in(now, request, id, 491, &[]),
            Turn::Busy => {
                // A random wait of 0 to 10 seconds.
                let wait = self.random.block().first().map_or(0, |b| b % 11);
                self.refuse_in(now, request, id, 500, &[("Retry-After".into(), wait.to_string())]);
            }
            Turn::Over => self.refuse_in(now, request, id, 481, &[]),
        }
        false
    }

    fn on_reinvite(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        if !self.take_turn(now, request, id) || self.refuse_brief(now, request) {
            return;
        }
        let Some(offer) = self.description(now, request) else { return };
        self.begin_change(id, request, offer, true);
        let tag = self.sessions.get(id).map(|s| s.dialog.local_tag.clone()).unwrap_or_default();
        self.respond(now, request.transaction, &Reply::status(100, &tag));
    }

    fn on_update(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let up =
            self.sessions.get(id).is_some_and(|s| matches!(s.phase, Phase::Answered(_) | Phase::Confirmed));
        if up && self.refuse_brief(now, request) {
            return;
        }
        let Some(offer) = self.description(now, request) else { return };
        if offer.is_some() {
            if self.take_turn(now, request, id) {
                self.begin_change(id, request, offer, false);
            }
            return;
        }
        // Without a description only the target changes; also the heartbeat of a session timer.
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.dialog_of(request.core.from.tag().unwrap_or("")).refresh(request.message);
        let mut headers = contact_header(session.contact.as_ref());
        if up {
            headers.extend(session.timing.agree_as_server(now, &self.config, request.message));
        }
        self.refuse_in(now, request, id, 200, &headers);
    }

    pub(super) fn begin_change(
        &mut self,
        id: SessionId,
        request: &Request<'_>,
        offer: Option<Body>,
        acknowledged: bool,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let implied = match (&session.phase, &session.change) {
            // An UPDATE may have been sent before our 2xx came.
            (Phase::Answered(_), _) if !acknowledged => None,
            (Phase::Answered(_), _) => Some(Event::Confirmed { session: id, body: None }),
            (_, Change::Answered(_)) => Some(Event::Reconfirmed { session: id, body: None }),
            _ => None,
        };
        if implied.is_some() {
            session.timers.stop_all();
            session.phase = Phase::Confirmed;
        }
        if offer.is_some() && !matches!(session.phase, Phase::Calling(_)) {
            // The turn was ours, so nothing is open.
            let _ = session.debt.receive();
        }
        session.change = Change::Asked { transaction: request.transaction, acknowledged };
        self.forget_wanted(id);
        if let Some(event) = implied {
            self.event(event);
        }
        self.event(Event::Reinvited { session: id, offer });
    }

    /// Answers a re-INVITE or UPDATE: with our description (the answer, or the offer if none came),
    /// or with a status such as 488, which leaves the call as it was.
    pub fn answer_reinvite(
        &mut self,
        now: Instant,
        session: SessionId,
        answer: Result<Body, u16>,
    ) -> Result<(), WrongPhase> {
        let id = session;
        let Some(session) = self.sessions.get_mut(id) else { return Err(GONE) };
        let Change::Asked { transaction, acknowledged } = session.change else {
            return Err(session.wrong());
        };
        let tag = session.dialog.local_tag.clone();
        let body = match answer {
            Ok(body) => body,
            Err(status) => {
                self.end_change(id);
                self.respond(now, transaction, &Reply::status(status.clamp(300, 699), &tag));
                self.after_prack(now, id);
                self.send_wanted(now, id);
                self.reschedule_session(id);
                return Ok(());
            }
        };
        let request = self.transactions.get(transaction).and_then(|t| t.request.clone());
        let mut headers = contact_header(session.contact.as_ref());
        if let Some(request) = request {
            session.accept(&request);
            if matches!(session.phase, Phase::Answered(_) | Phase::Confirmed) {
                headers.extend(session.timing.agree_as_server(now, &self.config, &request));
            }
        }
        if !matches!(session.phase, Phase::Calling(_)) {
            // The answer to their offer, or our offer: both are possible here.
            let _ = session.debt.send();
        }
        session.describe(Some(body.clone()));
        session.change = Change::Idle;
        let reply = Reply { headers: &headers, body: Some(&body), ..Reply::status(200, &tag) };
        let sent = self.respond(now, transaction, &reply);
        if acknowledged && let Some(bytes) = sent {
            let repeat = self.repeat(now, id, transaction, bytes);
            if let (Some(session), Some(repeat)) = (self.sessions.get_mut(id), repeat) {
                session.change = Change::Answered(repeat);
            }
        }
        // The answer to the call may have waited for this.
        self.after_prack(now, id);
        self.send_wanted(now, id);
        self.reschedule_session(id);
        Ok(())
    }

    /// A 2xx makes another of our early dialogs the call: what was to be changed in this one is refused.
    pub(super) fn refuse_change_elsewhere(&mut self, now: Instant, id: SessionId, remote_tag: &str) {
        let Some(session) = self.sessions.get(id) else { return };
        let Change::Asked { transaction, .. } = session.change else { return };
        let request = self.transactions.get(transaction).and_then(|t| t.request.as_ref());
        let core = request.and_then(|request| request.core().ok());
        if core.is_none_or(|core| core.from.tag() != Some(remote_tag)) {
            self.refuse_change(now, id, 487);
        }
    }

    /// Leaves a change without an answer.
    pub(super) fn end_change(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            if !matches!(session.phase, Phase::Calling(_)) {
                session.debt.roll_back();
            }
            session.change = Change::Idle;
        }
    }

    /// Refuses the change the peer asks for, if it does.
    pub(super) fn refuse_change(&mut self, now: Instant, id: SessionId, status: u16) {
        let Some(session) = self.sessions.get(id) else { return };
        if let Change::Asked { transaction, .. } = session.change {
            let tag = session.dialog.local_tag.clone();
            self.end_change(id);
            self.respond(now, transaction, &Reply::status(status, &tag));
        }
    }

    fn on_info(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let message = request.message;
        let content_type = message.line(Name::ContentType).unwrap_or("").to_owned();
        let body = Body { content_type, bytes: message.body().clone() };
        if message.others().any(|(label, _)| label.eq_ignore_ascii_case("Info-Package")) {
            // RFC 6086 §4.2.2: we take no packages, and say so.
            return self.refuse_in(now, request, id, 469, &[("Recv-Info".into(), String::new())]);
        }
        if !body.bytes.is_empty() && !KEYS.iter().any(|kind| body.is(kind)) {
            return self.refuse_in(now, request, id, 415, &[("Accept".into(), KEYS.join(", "))]);
        }
        self.refuse_in(now, request, id, 200, &[]);
        let content_type = body.content_type;
        self.event(Event::Info { session: id, content_type, body: message.body().clone() });
    }
}
