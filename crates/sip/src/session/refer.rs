//! REFER from a peer: a transfer it asks for, and the NOTIFYs that tell it how that goes (RFC 3515).
//! Owns the protocol; whether a transfer is allowed and what comes of it is the caller's to say.
//!
//! ```text
//!   REFER ─▶ Asked ── Ok: 202, NOTIFY 100 ──▶ Notifying ── final status, expiry, SUBSCRIBE 0 ──▶ gone
//!              └───── Err, or 200 without a subscription (RFC 4488) ──────────────────────────────┘
//! ```
//!
//! The subscription lives in the call's dialog and ends with it: a transferor that hangs up hears no more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pending::Purpose;
use super::referral::{Fault, LASTS, Refer, ReferId, Referral, Stage, event_id};
use super::uas::contact_header;
use super::{GONE, Phase};
use crate::body::Body;
use crate::endpoint::{Endpoint, Reply, Request};
use crate::error::WrongPhase;
use crate::event::{Event, SessionId};
use crate::message::{Known, Name, lex, phrase};

/// The error where a referral is over, or was never one to be told about.
const OVER: WrongPhase = WrongPhase { phase: "gone" };

/// How a NOTIFY says that its subscription stands.
enum Standing {
    Active(Duration),
    /// The reason (RFC 6665 §4.1.3).
    Over(&'static str),
}

impl Endpoint {
    /// A REFER in a dialog (RFC 3515 §2.4.2).
    pub(super) fn on_refer(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if matches!(session.phase, Phase::Incoming(_) | Phase::Calling(_)) {
            // Nobody has answered, so there is nothing to transfer.
            return self.refuse_in(now, request, id, 403, &[]);
        }
        if !session.referrals.has_room() {
            return self.refuse_in(now, request, id, 500, &[("Retry-After".into(), "5".into())]);
        }
        let name = session.referrals.next_id(id);
        let refer = match Refer::of(request.message, name) {
            Ok(refer) => refer,
            Err(Fault::Scheme) => return self.refuse_in(now, request, id, 416, &[]),
            Err(Fault::NoCall) => return self.refuse_in(now, request, id, 603, &[]),
            Err(Fault::Bad(expected)) => return self.refuse_refer_to(now, request, id, expected),
        };
        let own = refer.replaces.as_ref().is_some_and(|r| {
            let dialog = &session.dialog;
            r.call_id == dialog.call_id
                && [&r.to_tag, &r.from_tag]
                    .iter()
                    .all(|tag| [&dialog.local_tag, &dialog.remote_tag].contains(tag))
        });
        if own {
            // The call cannot take its own place.
            return self.refuse_refer_to(now, request, id, "another dialog in Replaces");
        }
        let numbered = session.referrals.is_later();
        session.referrals.add(Referral {
            id: name,
            cseq: request.core.cseq,
            numbered,
            stage: Stage::Asked { transaction: request.transaction, wants_progress: refer.wants_progress },
            until: None,
        });
        self.event(Event::Referred { session: id, refer: Arc::new(refer) });
    }

    fn refuse_refer_to(&mut self, now: Instant, request: &Request<'_>, id: SessionId, expected: &str) {
        self.counters.bad_requests += 1;
        let tag = self.sessions.get(id).map(|s| s.dialog.local_tag.clone()).unwrap_or_default();
        let text = format!("Bad Refer-To: {expected} Expected");
        let reply = Reply { phrase: Some(&text), ..Reply::status(400, &tag) };
        self.respond(now, request.transaction, &reply);
    }

    /// Answers a REFER: accepts it, which [`Endpoint::notify_refer`] must follow, or refuses it with a status.
    pub fn answer_refer(
        &mut self,
        now: Instant,
        refer: ReferId,
        answer: Result<(), u16>,
    ) -> Result<(), WrongPhase> {
        let session = self.sessions.get_mut(refer.session).ok_or(GONE)?;
        let tag = session.dialog.local_tag.clone();
        let mut headers = contact_header(session.contact.as_ref());
        let referral = session.referrals.get_mut(refer).ok_or(OVER)?;
        let Stage::Asked { transaction, wants_progress } = referral.stage else {
            return Err(WrongPhase { phase: "answered" });
        };
        let status = match answer {
            Ok(()) if wants_progress => 202,
            Ok(()) => 200,
            Err(status) => status.clamp(300, 699),
        };
        let event = referral.event();
        if status == 202 {
            referral.stage = Stage::Notifying { last: 100 };
            referral.until = Some(now + LASTS);
        } else {
            session.referrals.remove(refer);
        }
        if status == 200 {
            // RFC 4488 §4: no subscription was made.
            headers.push(("Refer-Sub".to_owned(), "false".to_owned()));
        }
        let headers = if status < 300 { headers } else { Vec::new() };
        self.respond(now, transaction, &Reply { headers: &headers, ..Reply::status(status, &tag) });
        if status == 202 {
            // RFC 3515 §2.4.4: at once.
            self.send_refer_notify(now, refer, event, 100, Standing::Active(LASTS));
        }
        self.reschedule_session(refer.session);
        Ok(())
    }

    /// Tells the one who referred how the new call stands: the status its INVITE got. From 200 on it is the last.
    /// Refused once the subscription is over, and if the peer wanted none.
    pub fn notify_refer(&mut self, now: Instant, refer: ReferId, status: u16) -> Result<(), WrongPhase> {
        let session = self.sessions.get_mut(refer.session).ok_or(GONE)?;
        let referral = session.referrals.get_mut(refer).ok_or(OVER)?;
        let Stage::Notifying { last } = &mut referral.stage else {
            return Err(WrongPhase { phase: "unanswered" });
        };
        let status = status.clamp(100, 699);
        *last = status;
        let event = referral.event();
        let left = referral.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let standing = match status {
            100..200 => Standing::Active(left),
            _ => {
                session.referrals.remove(refer);
                Standing::Over("noresource")
            }
        };
        self.send_refer_notify(now, refer, event, status, standing);
        self.reschedule_session(refer.session);
        Ok(())
    }

    fn send_refer_notify(
        &mut self,
        now: Instant,
        refer: ReferId,
        event: String,
        status: u16,
        standing: Standing,
    ) {
        let state = match standing {
            Standing::Active(left) => format!("active;expires={}", left.as_secs()),
            Standing::Over(reason) => format!("terminated;reason={reason}"),
        };
        let headers = [("Event".to_owned(), event), ("Subscription-State".to_owned(), state)];
        let line = format!("SIP/2.0 {status} {}\r\n", phrase(status));
        let body = Body { content_type: "message/sipfrag;version=2.0".to_owned(), bytes: line.into() };
        let purpose = Purpose::Notify(refer);
        self.send_in_dialog(now, refer.session, 0, Known::Notify, &headers, Some(&body), purpose);
    }

    /// The peer answered a NOTIFY, or did not: if it knows no such subscription, there is none (RFC 6665 §4.2.2).
    pub(super) fn on_refer_notified(&mut self, id: SessionId, refer: ReferId, status: u16) {
        if status >= 300
            && let Some(session) = self.sessions.get_mut(id)
        {
            session.referrals.remove(refer);
        }
    }

    /// A SUBSCRIBE in the call's dialog prolongs or ends the subscription of a REFER (RFC 3515 §2.4.4).
    pub(super) fn on_subscribe(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let Some(number) = event_id(request.message) else {
            return self.refuse_in(now, request, id, 489, &[]);
        };
        let asked = request.message.line(Name::Expires).and_then(lex::seconds);
        let lasts = asked.map_or(LASTS, |asked| Duration::from_secs(asked.into()).min(LASTS));
        let found = self.sessions.get_mut(id).and_then(|session| {
            let referral = session.referrals.named(false, number)?;
            let Stage::Notifying { last } = referral.stage else { return None };
            referral.until = Some(now + lasts);
            Some((referral.id, referral.event(), last))
        });
        let Some((refer, event, last)) = found else { return self.refuse_in(now, request, id, 481, &[]) };
        self.refuse_in(now, request, id, 200, &[("Expires".to_owned(), lasts.as_secs().to_string())]);
        if lasts.is_zero() {
            self.expire_refer(now, refer);
        } else {
            self.send_refer_notify(now, refer, event, last, Standing::Active(lasts));
        }
    }

    /// The subscriptions of a session whose time has come.
    pub(super) fn on_refers_due(&mut self, now: Instant, id: SessionId) {
        while let Some(refer) = self.sessions.get(id).and_then(|s| s.referrals.expired(now)) {
            self.expire_refer(now, refer);
        }
    }

    fn expire_refer(&mut self, now: Instant, refer: ReferId) {
        let Some(session) = self.sessions.get_mut(refer.session) else { return };
        let Some(referral) = session.referrals.remove(refer) else { return };
        match referral.stage {
            Stage::Notifying { last } => {
                self.send_refer_notify(now, refer, referral.event(), last, Standing::Over("timeout"));
            }
            Stage::Watching { last } if last < 200 => {
                self.event(Event::ReferProgress { session: refer.session, refer, status: last, last: true });
            }
            Stage::Watching { .. } | Stage::Asked { .. } | Stage::Sent => {}
        }
    }

    /// The call ends: what was asked is answered, and nobody is told any more.
    pub(super) fn refuse_refers(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let open = session.referrals.open();
        session.referrals.clear();
        let tag = session.dialog.local_tag.clone();
        for transaction in open {
            self.respond(now, transaction, &Reply::status(481, &tag));
        }
    }
}
