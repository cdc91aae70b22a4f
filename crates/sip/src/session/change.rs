//! Changes of ours: re-INVITE (RFC 3261 §14.1) and UPDATE (RFC 3311 §5.1), from the command to the wire; `changed` has the rest.
//! One change is open at a time, in either direction; one more of ours may wait for its turn. A change that meets the
//! peer's waits a random while and is tried again, unless the peer has changed the session meanwhile: then it may no
//! longer be what its maker wants.

use std::time::Instant;

use super::ending::request_summary;
use super::offer::Debt;
use super::uas::contact_header;
use super::{Change, GONE, Phase, Session};
use crate::body::Body;
use crate::dialog::Stamp;
use crate::endpoint::{ALLOW, Endpoint, FOR_CALLS};
use crate::error::WrongPhase;
use crate::event::{SessionId, Summary};
use crate::message::Known;

/// How a session is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Reinvite,
    Update,
}

impl How {
    fn method(self) -> Known {
        match self {
            How::Reinvite => Known::Invite,
            How::Update => Known::Update,
        }
    }
}

/// Who wants a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The caller, who is told what came of it.
    Command,
    /// The session timer.
    Refresh,
}

/// A change of ours.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    pub(super) how: How,
    pub(super) offer: Option<Body>,
    pub(super) purpose: Purpose,
    /// How often it was sent and put off.
    pub(super) tries: u8,
    /// The reliable provisional taken last, and the answer that came in one (RFC 3262 §4, §5).
    pub(super) reliable: Option<u32>,
    pub(super) answer: Option<Body>,
    /// Whether a challenge was answered already: only once.
    pub(super) authorized: bool,
    /// The early dialog it goes to; 0 is the session's own.
    pub(super) early: u32,
    /// Whether it carried a session timer (not before the call is up: RFC 4028 §7.4).
    pub(super) timed: bool,
}

impl Ours {
    pub(super) fn new(how: How, offer: Option<Body>, purpose: Purpose) -> Self {
        Ours {
            how,
            offer,
            purpose,
            tries: 0,
            reliable: None,
            answer: None,
            authorized: false,
            early: 0,
            timed: false,
        }
    }
}

/// A change of the caller's that waits for its turn.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) ours: Ours,
    /// Not before this.
    pub(super) at: Instant,
}

impl Session {
    /// Whether a change may be sent now (RFC 3261 §14.1, RFC 3311 §5.1).
    fn may_send(&self, ours: &Ours) -> bool {
        let offers = ours.offer.is_some();
        let early = match &self.phase {
            Phase::Incoming(_) => !offers || self.debt == Debt::Settled,
            Phase::Calling(calling) => calling.earlies.only(offers).is_some(),
            _ => false,
        };
        self.is_still() || (early && ours.how == How::Update && matches!(self.change, Change::Idle))
    }

    /// Our offer is refused.
    pub(super) fn give_back(&mut self) {
        if !matches!(self.phase, Phase::Calling(_)) {
            self.debt.roll_back();
        }
    }

    /// When the change that waits may be sent. One that waits for something else than time is sent when that has come.
    pub(super) fn retry(&self) -> Option<Instant> {
        self.wanted.as_ref().filter(|wanted| self.may_send(&wanted.ours)).map(|wanted| wanted.at)
    }
}

impl Endpoint {
    /// Changes a call by re-INVITE; without an offer the peer makes one. [`Event::Changed`] tells what came of it,
    /// unless the session ends first. It waits for its turn if an ACK is missing or a change has just met the peer's.
    pub fn reinvite(
        &mut self,
        now: Instant,
        session: SessionId,
        offer: Option<Body>,
    ) -> Result<(), WrongPhase> {
        self.want(now, session, How::Reinvite, offer)
    }

    /// Changes a call by UPDATE, which can be done before it is answered too; without an offer only our Contact is told.
    /// [`Event::Changed`] tells what came of it, unless the session ends first.
    pub fn update(
        &mut self,
        now: Instant,
        session: SessionId,
        offer: Option<Body>,
    ) -> Result<(), WrongPhase> {
        self.want(now, session, How::Update, offer)
    }

    fn want(&mut self, now: Instant, id: SessionId, how: How, offer: Option<Body>) -> Result<(), WrongPhase> {
        let Some(session) = self.sessions.get_mut(id) else { return Err(GONE) };
        let ours = Ours::new(how, offer, Purpose::Command);
        let busy = match (&session.phase, &session.change) {
            (Phase::Incoming(_) | Phase::Calling(_), _) => !session.may_send(&ours),
            (Phase::Unacknowledged { .. } | Phase::Leaving(_), _) => true,
            (_, Change::Asked { .. } | Change::Unacknowledged { .. }) => true,
            (_, Change::Sent { ours, .. }) => ours.purpose == Purpose::Command,
            (Phase::Answered(_) | Phase::Confirmed, Change::Idle | Change::Answered(_)) => false,
        };
        if busy || session.wanted.is_some() {
            return Err(session.wrong());
        }
        session.wanted = Some(Box::new(Wanted { ours, at: now }));
        self.send_wanted(now, id);
        self.reschedule_session(id);
        Ok(())
    }

    /// Sends the change that waits, if its turn has come.
    pub(crate) fn send_wanted(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.retry().is_some_and(|at| at <= now)
            && let Some(wanted) = session.wanted.take()
        {
            self.send_change(now, id, wanted.ours, None);
        }
    }

    /// Sends a change; its turn has come.
    pub(super) fn send_change(
        &mut self,
        now: Instant,
        id: SessionId,
        mut ours: Ours,
        authorization: Option<(&'static str, String)>,
    ) {
        let branch = self.random.branch();
        let Some(session) = self.sessions.get_mut(id) else { return };
        match &session.phase {
            // There each early dialog keeps its own books.
            Phase::Calling(calling) => {
                ours.early = calling.earlies.only(ours.offer.is_some()).map_or(0, |early| early.number);
            }
            _ if ours.offer.is_some() => {
                // Nothing is open, or its turn would not have come.
                let _ = session.debt.send();
            }
            _ => {}
        }
        ours.timed = matches!(session.phase, Phase::Confirmed);
        let method = ours.how.method();
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let contact = contact_header(session.contact.as_ref());
        let timer = if ours.timed { session.timing.request_headers(&self.config) } else { Vec::new() };
        let Some(dialog) = session.dialog_numbered(ours.early) else {
            return self.fail_change(now, id, ours, 481);
        };
        let (mut writer, flow, cseq) = dialog.request(method, None, stamp);
        writer.headers(&contact);
        writer.header("Allow", ALLOW);
        writer.header("Supported", FOR_CALLS);
        writer.headers(&timer);
        if let Some((name, value)) = authorization {
            writer.header(name, value);
        }
        let summary = Summary { body: ours.offer.is_some(), ..request_summary(method, cseq, Some(id)) };
        let bytes = writer.finish(ours.offer.as_ref());
        match (self.send_request(now, method, &branch, flow, bytes, summary), self.sessions.get_mut(id)) {
            (Some(transaction), Some(session)) => {
                session.change = Change::Sent { transaction, ours: Box::new(ours) };
            }
            _ => self.fail_change(now, id, ours, 400),
        }
    }
}
