//! REFER of ours: a transfer we ask a peer for, and the NOTIFYs by which we hear how it goes (RFC 3515).

use std::time::{Duration, Instant};

use super::pending::Purpose;
use super::referral::{LASTS, ReferId, Referral, Stage, event_id};
use super::{GONE, Phase};
use crate::endpoint::{Endpoint, Request};
use crate::error::WrongPhase;
use crate::event::{Event, SessionId};
use crate::message::{Known, Message, Name, lex};

impl Endpoint {
    /// Asks the peer to call somebody else: `to` is the value of Refer-To, such as `<sip:bob@example.com>`, whose URI
    /// may carry an escaped Replaces. [`Event::ReferAnswered`] follows, then [`Event::ReferProgress`].
    pub fn refer(
        &mut self,
        now: Instant,
        session: SessionId,
        to: &str,
        headers: Vec<(String, String)>,
    ) -> Result<ReferId, WrongPhase> {
        let state = self.sessions.get_mut(session).ok_or(GONE)?;
        if !matches!(state.phase, Phase::Confirmed) || !state.referrals.has_room() {
            return Err(state.wrong());
        }
        let refer = state.referrals.next_id(session);
        let to = if to.contains('<') { to.to_owned() } else { format!("<{to}>") };
        let headers: Vec<_> = [("Refer-To".to_owned(), to)].into_iter().chain(headers).collect();
        let purpose = Purpose::Refer(refer);
        let cseq = self.send_in_dialog(now, session, 0, Known::Refer, &headers, None, purpose);
        let state = self.sessions.get_mut(session).ok_or(GONE)?;
        let cseq = cseq.ok_or(WrongPhase { phase: "unwritable" })?;
        state.referrals.add(Referral { id: refer, cseq, numbered: true, stage: Stage::Sent, until: None });
        Ok(refer)
    }

    /// The final response to a REFER of ours; 408 stands for silence.
    pub(super) fn on_refer_answer(
        &mut self,
        now: Instant,
        id: SessionId,
        refer: ReferId,
        response: Option<&Message>,
        status: u16,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Some(referral) = session.referrals.get_mut(refer) else { return };
        // RFC 4488 §4: accepted, but we will not hear of it.
        let silent = response
            .and_then(|r| r.line(Name::ReferSub))
            .is_some_and(|value| lex::head_and_params(value).0.trim().eq_ignore_ascii_case("false"));
        match referral.stage {
            // A NOTIFY may have overtaken this.
            Stage::Sent if status < 300 && !silent => {
                referral.stage = Stage::Watching { last: 100 };
                referral.until = Some(now + LASTS);
            }
            Stage::Watching { .. } if status < 300 => {}
            _ => {
                session.referrals.remove(refer);
            }
        }
        if !session.phase.is_leaving() {
            self.event(Event::ReferAnswered { session: id, refer, status });
        }
    }

    /// A NOTIFY in the call's dialog: of a REFER of ours, or of nothing we asked for.
    pub(super) fn on_notify(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let message = request.message;
        let found = event_id(message).and_then(|number| {
            let referral = self.sessions.get_mut(id)?.referrals.named(true, number)?;
            Some(referral)
        });
        let Some(referral) = found else {
            // RFC 6665 §4.1.3: nobody is subscribed.
            return self.refuse_in(now, request, id, 481, &[]);
        };
        let before = match referral.stage {
            Stage::Watching { last } => last,
            _ => 100,
        };
        let status = sipfrag_status(message).unwrap_or(before);
        let (state, params) = lex::head_and_params(message.line(Name::SubscriptionState).unwrap_or(""));
        let over = state.trim().eq_ignore_ascii_case("terminated");
        let lasts = lex::param(params, "expires").and_then(lex::seconds);
        referral.stage = Stage::Watching { last: status };
        referral.until =
            Some(now + lasts.map_or(LASTS, |lasts| Duration::from_secs(lasts.into()).min(LASTS * 4)));
        let refer = referral.id;
        if over && let Some(session) = self.sessions.get_mut(id) {
            session.referrals.remove(refer);
        }
        self.refuse_in(now, request, id, 200, &[]);
        // What is final was told; that the subscription ends then is no news.
        if before < 200 {
            let last = over || status >= 200;
            self.event(Event::ReferProgress { session: id, refer, status, last });
        }
    }
}

/// The status in a body of message/sipfrag (RFC 3420).
fn sipfrag_status(message: &Message) -> Option<u16> {
    let kind = message.line(Name::ContentType)?;
    if !lex::head_and_params(kind).0.trim().eq_ignore_ascii_case("message/sipfrag") {
        return None;
    }
    let text = std::str::from_utf8(message.body()).ok()?;
    let mut words = text.lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
    let status = lex::number(words.next()?, 699)?;
    u16::try_from(status).ok().filter(|status| *status >= 100)
}
