//! A call's end of its SIP session: which of the shard's commands make sense now.
//!
//! Commands go through a queue, so the shard may know better; it then ignores them, and the session's `Ended` is on its
//! way to us.

use sip::{Body, Contact, Reason, ReferId, SessionId};

use crate::error::Refusal;
use crate::sip_io::{Command, ShardHandle};

/// Where the session stands, as far as this call has said and heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Only 100 was sent.
    Ringing,
    /// 183 with a session description was sent.
    Early,
    /// 200 was sent.
    Answered,
    /// We have ended it; `Ended` will follow.
    Leaving,
    /// `Ended` was heard.
    Over,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    contact: Contact,
    shard: ShardHandle,
    phase: Phase,
}

impl Session {
    pub(crate) fn new(id: SessionId, contact: Contact, shard: ShardHandle) -> Session {
        Session { id, contact, shard, phase: Phase::Ringing }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a final response is still owed.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.phase, Phase::Ringing | Phase::Early)
    }

    /// 183 with early media. Once.
    pub(crate) fn progress(&mut self, body: Body) {
        if self.phase == Phase::Ringing {
            self.phase = Phase::Early;
            let (session, contact) = (self.id, self.contact.clone());
            self.shard.send(Command::Progress { session, status: 183, body: Some(body), contact });
        }
    }

    /// 200.
    pub(crate) fn answer(&mut self, body: Body) {
        if self.is_unanswered() {
            self.phase = Phase::Answered;
            let (session, contact) = (self.id, self.contact.clone());
            self.shard.send(Command::Answer { session, body: Some(body), contact });
        }
    }

    /// The final response of the catalogue.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.reject(refusal.status(), None, refusal.headers());
    }

    /// Ends the session whatever its phase: with the final response `status`, or with BYE.
    pub(crate) fn leave(&mut self, status: u16, phrase: Option<String>) {
        if self.is_unanswered() {
            self.reject(status, phrase, Vec::new());
        } else if self.phase == Phase::Answered {
            self.phase = Phase::Leaving;
            self.shard.send(Command::HangUp { session: self.id, reason: Reason::normal() });
        }
    }

    fn reject(&mut self, status: u16, phrase: Option<String>, headers: Vec<(String, String)>) {
        if self.is_unanswered() {
            self.phase = Phase::Leaving;
            self.shard.send(Command::Reject { session: self.id, status, phrase, headers });
        }
    }

    /// The final response to a re-INVITE.
    pub(crate) fn answer_reinvite(&self, answer: Result<Body, u16>) {
        self.shard.send(Command::AnswerReinvite { session: self.id, answer });
    }

    /// No flow transfers yet.
    pub(crate) fn refuse_refer(&self, refer: ReferId) {
        self.shard.send(Command::AnswerRefer { refer, answer: Err(603) });
    }

    /// `Ended` was heard. Whether the far end ended it, and not we.
    pub(crate) fn over(&mut self) -> bool {
        let ours = matches!(self.phase, Phase::Leaving | Phase::Over);
        self.phase = Phase::Over;
        !ours
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
        Bye { cause } => ("hangup", with("the caller hung up", cause)),
        Cancelled { cause } => ("cancelled", with("the caller gave up", cause)),
        NoAck => ("no ACK", "our 200 was never acknowledged".to_owned()),
        TransportLost => ("transport lost", "the caller's connection is gone".to_owned()),
        Failed { status } => ("failed", format!("the session failed with {status}")),
        Rejected { status } => ("rejected", format!("refused with {status}")),
        Expired => ("session expired", "nobody refreshed the session in time".to_owned()),
        HungUp => ("hangup", "hung up".to_owned()),
        _ => ("failed", "the session ended".to_owned()),
    }
}
