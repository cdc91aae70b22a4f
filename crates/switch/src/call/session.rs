//! A leg's end of its SIP session: which of the shard's commands make sense now.
//!
//! Commands go through a queue, so the shard may know better; it then ignores them, and the session's `Ended` is on its
//! way to us. A session that is dropped before its end is hung up.

use sip::{Body, Contact, Invite, Reason, SessionId};

use crate::error::Refusal;
use crate::sip_io::{Command, Owner, ShardHandle};

/// Where the session stands, as far as this leg has said and heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It came: nothing but 100 and 180 was sent.
    Ringing,
    /// It came: 183 with a session description was sent.
    Early,
    /// We placed it, and it is not answered.
    Calling,
    /// 200 was sent, or came.
    Answered,
    /// We have ended it; `Ended` will follow.
    Leaving,
    /// `Ended` was heard.
    Over,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    /// `None` until the shard has told it: of a session that we place.
    id: Option<SessionId>,
    /// The Contact of our responses; a session that we place has its own.
    contact: Option<Contact>,
    shard: ShardHandle,
    phase: Phase,
    /// How to hang up once there is an id.
    farewell: Option<Box<Reason>>,
    /// 180 was sent.
    rang: bool,
}

impl Session {
    /// One that came.
    pub(crate) fn new(id: SessionId, contact: Contact, shard: ShardHandle) -> Session {
        let (id, contact) = (Some(id), Some(contact));
        Session { id, contact, shard, phase: Phase::Ringing, farewell: None, rang: false }
    }

    /// One that we place.
    pub(crate) fn place(shard: ShardHandle, invite: Invite, owner: Owner) -> Session {
        shard.send(Command::Invite { invite: Box::new(invite), owner });
        Session { id: None, contact: None, shard, phase: Phase::Calling, farewell: None, rang: false }
    }

    /// The session that we place has its id.
    pub(crate) fn began(&mut self, session: SessionId) {
        self.id = Some(session);
        if let Some(reason) = self.farewell.take() {
            self.shard.send(Command::HangUp { session, reason: *reason });
        }
    }

    pub(crate) fn id(&self) -> Option<SessionId> {
        self.id
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a final response is still owed.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.phase, Phase::Ringing | Phase::Early)
    }

    /// 180. Once.
    pub(crate) fn ring(&mut self) {
        if self.is_unanswered() && !std::mem::replace(&mut self.rang, true) {
            self.provisional(180, None);
        }
    }

    /// 183 with early media. Once.
    pub(crate) fn progress(&mut self, body: Body) {
        if self.phase == Phase::Ringing {
            self.phase = Phase::Early;
            self.provisional(183, Some(body));
        }
    }

    fn provisional(&self, status: u16, body: Option<Body>) {
        if let (Some(session), Some(contact)) = (self.id, self.contact.clone()) {
            self.shard.send(Command::Progress { session, status, body, contact });
        }
    }

    /// 200.
    pub(crate) fn answer(&mut self, body: Body) {
        if self.is_unanswered()
            && let (Some(session), Some(contact)) = (self.id, self.contact.clone())
        {
            self.phase = Phase::Answered;
            self.shard.send(Command::Answer { session, body: Some(body), contact });
        }
    }

    /// Our call was answered. Whether that is news: not once it was given up.
    pub(crate) fn answered(&mut self) -> bool {
        let news = self.phase == Phase::Calling;
        if news {
            self.phase = Phase::Answered;
        }
        news
    }

    /// The offer that a way which was reached asks for.
    pub(crate) fn offer(&self, offer: Body) {
        if let Some(session) = self.id {
            self.shard.send(Command::Offer { session, offer: Some(offer) });
        }
    }

    /// The final response of the catalogue.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.reject(refusal.status(), None, refusal.headers());
    }

    /// Ends the session whatever its phase: with the final response `status`, or with CANCEL or BYE for this reason.
    pub(crate) fn leave(&mut self, status: u16, phrase: Option<String>, reason: Reason) {
        match self.phase {
            Phase::Ringing | Phase::Early => self.reject(status, phrase, Vec::new()),
            Phase::Calling | Phase::Answered => {
                self.phase = Phase::Leaving;
                match self.id {
                    Some(session) => self.shard.send(Command::HangUp { session, reason }),
                    None => self.farewell = Some(Box::new(reason)),
                }
            }
            Phase::Leaving | Phase::Over => {}
        }
    }

    fn reject(&mut self, status: u16, phrase: Option<String>, headers: Vec<(String, String)>) {
        if self.is_unanswered()
            && let Some(session) = self.id
        {
            self.phase = Phase::Leaving;
            self.shard.send(Command::Reject { session, status, phrase, headers });
        }
    }

    /// The final response to a re-INVITE.
    pub(crate) fn answer_reinvite(&self, answer: Result<Body, u16>) {
        if let Some(session) = self.id {
            self.shard.send(Command::AnswerReinvite { session, answer });
        }
    }

    /// An INFO; `Informed` tells what came of it.
    pub(crate) fn inform(&self, body: Body) {
        if let Some(session) = self.id {
            self.shard.send(Command::Info { session, body });
        }
    }

    /// `Ended` was heard. Whether the far end ended it, and not we.
    pub(crate) fn over(&mut self) -> bool {
        let ours = matches!(self.phase, Phase::Leaving | Phase::Over);
        self.phase = Phase::Over;
        !ours
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its call was torn down, or it was on its way to a call that ended.
        self.leave(480, None, Reason::normal());
    }
}

/// A short word for the flow and the CDR, and a sentence for the trace.
pub(super) fn describe(reason: &sip::Ended) -> (&'static str, String) {
    use sip::Ended::*;
    let with = |text: &str, cause: &Option<String>| match cause {
        Some(cause) => format!("{text}, {cause}"),
        None => text.to_owned(),
    };
    match reason {
        Bye { cause } => ("hangup", with("the far end hung up", cause)),
        Cancelled { cause } => ("cancelled", with("the caller gave up", cause)),
        NoAck => ("no ACK", "our 200 was never acknowledged".to_owned()),
        TransportLost => ("transport lost", "the far end's connection is gone".to_owned()),
        Failed { status } => ("failed", format!("the session failed with {status}")),
        Rejected { status } => ("rejected", format!("refused with {status}")),
        Expired => ("session expired", "nobody refreshed the session in time".to_owned()),
        HungUp => ("hangup", "hung up".to_owned()),
        _ => ("failed", "the session ended".to_owned()),
    }
}

/// Why the other party of a call is left, from why the first one ended: its cause goes on (RFC 3326).
pub(super) fn passed_on(ended: &sip::Ended) -> Reason {
    use sip::Ended::*;
    let said = match ended {
        Bye { cause: Some(cause) } | Cancelled { cause: Some(cause) } => sip::Cause::parse(cause),
        // Recovery on timer expiry, destination out of order (ITU-T Q.850).
        NoAck | Failed { status: 408 } => Some((sip::Cause::Q850(102), None)),
        TransportLost => Some((sip::Cause::Q850(27), None)),
        _ => None,
    };
    match said {
        Some((cause, text)) => Reason { status: 480, cause: Some(cause), text },
        None => Reason::normal(),
    }
}
