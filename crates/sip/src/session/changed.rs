//! What becomes of our re-INVITEs and UPDATEs: answers, refusals, waits after a collision (RFC 3261 §14.1), silence.
//! `change` sends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accepted::description;
use super::change::{How, Ours, Purpose, Wanted};
use super::{Change, Phase, prack};
use crate::auth::client::{Challenge, answer_with};
use crate::endpoint::Endpoint;
use crate::event::{Ended, Event, SessionId};
use crate::message::{Core, Known, Message, Name, lex};
use crate::reason::Reason;
use crate::timer::Timer;
use crate::transaction::{Tell, TxId};

/// How often a change is tried that meets others; with the waits between, that is a quarter of a minute.
const MOST_TRIES: u8 = 8;

/// The longest Retry-After that is waited for, in seconds (RFC 3261 §14.2).
const LONGEST_RETRY: u32 = 10;

impl Endpoint {
    /// A response to a re-INVITE or UPDATE of ours that its transaction passed up.
    pub(crate) fn on_change_response(
        &mut self,
        now: Instant,
        id: SessionId,
        transaction: TxId,
        response: &Arc<Message>,
        core: &Core<'_>,
        status: u16,
    ) {
        let invites = core.method.is(Known::Invite);
        if invites && self.acknowledge_again(transaction, core, Some(id)) {
            return;
        }
        let Some(session) = self.sessions.get_mut(id) else { return };
        let sent = match &session.change {
            Change::Sent { transaction: own, .. } => *own == transaction,
            _ => false,
        };
        match status {
            100..200 if sent && invites => {
                // RFC 3261 §14.1 sets no limit; one that is never answered would bar all others.
                let limit = now + self.config.timers.give_up();
                session.timers.set(Timer::Timeout, limit);
                self.on_change_progress(now, id, response, core);
            }
            100..200 => {}
            200..300 if session.phase.is_leaving() => {
                session.change = Change::Idle;
                if invites {
                    self.send_ack(id, transaction, core.cseq, None);
                }
            }
            // The same 2xx again while its ACK waits for our answer.
            _ if !sent => {}
            200..300 => self.on_changed(now, id, transaction, response, core),
            _ if session.phase.is_leaving() => session.change = Change::Idle,
            _ => self.on_change_refused(now, id, response, core, status),
        }
    }

    /// A provisional to a re-INVITE of ours: acknowledged if it came reliably, and an answer in it stands.
    fn on_change_progress(&mut self, now: Instant, id: SessionId, response: &Message, core: &Core<'_>) {
        let Some(rseq) = prack::number(response) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Change::Sent { ours, .. } = &mut session.change else { return };
        let said = description(response);
        // An offer would have to be answered in the PRACK, and the caller is asked for answers to 2xx only: the peer
        // says it again there, having got no PRACK.
        if !prack::is_next(ours.reliable, rseq) || (said.is_some() && ours.offer.is_none()) {
            return;
        }
        ours.reliable = Some(rseq);
        ours.answer = ours.answer.take().or(said);
        self.send_prack(now, id, 0, (rseq, core.cseq), None);
    }

    /// The peer accepts a change of ours.
    fn on_changed(&mut self, now: Instant, id: SessionId, invite: TxId, response: &Message, core: &Core<'_>) {
        let Some(ours) = self.take_sent(id) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let tag = core.to.tag().unwrap_or("");
        let dialog = session.dialog_of(tag);
        if dialog.remote_tag == tag {
            dialog.refresh(response);
        }
        if ours.timed {
            session.timing.agree_as_client(now, &self.config, response);
        }
        let body = ours.answer.clone().or_else(|| description(response));
        let offered = ours.offer.is_some();
        match &mut session.phase {
            Phase::Calling(calling) => {
                if let Some(body) = body.clone().filter(|_| offered) {
                    calling.earlies.describe(tag, body);
                }
            }
            _ => session.debt.roll_back(),
        }
        session.describe(ours.offer);
        match ours.how {
            How::Reinvite if !offered && body.is_some() => {
                let _ = session.debt.receive();
                session.change = Change::Unacknowledged { cseq: core.cseq, invite };
                return self.event(Event::Changed { session: id, result: Ok(body), owes_answer: true });
            }
            How::Reinvite => self.send_ack(id, invite, core.cseq, None),
            How::Update => {}
        }
        let body = body.filter(|_| offered);
        match ours.purpose {
            Purpose::Command => {
                self.event(Event::Changed { session: id, result: Ok(body), owes_answer: false })
            }
            Purpose::Refresh => {
                if let Some(body) = body {
                    self.event(Event::Refreshed { session: id, body });
                }
            }
        }
    }

    /// The peer refuses a change of ours.
    fn on_change_refused(
        &mut self,
        now: Instant,
        id: SessionId,
        response: &Message,
        core: &Core<'_>,
        status: u16,
    ) {
        let Some(mut ours) = self.take_sent(id) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.give_back();
        match status {
            401 | 407 if !ours.authorized => {
                if let (Some(user), Some((challenge, header))) =
                    (session.credentials.clone(), Challenge::of(response))
                {
                    ours.authorized = true;
                    let dialog = session.dialog_of(core.to.tag().unwrap_or(""));
                    let uri = dialog.request_uri();
                    let client_nonce = self.random.token();
                    let body = ours.offer.as_ref().map_or(&[][..], |offer| &offer.bytes);
                    let value =
                        answer_with(&challenge, &user, core.method_token, &uri, body, 1, &client_nonce);
                    return self.send_change(now, id, ours, Some((header, value)));
                }
            }
            422 if session.timing.raise(&self.config, response) => {
                return self.send_change(now, id, ours, None);
            }
            491 => {
                let owner = session.dialog.owns_call_id;
                let wait = self.back_off(owner);
                return self.put_off(now, id, ours, wait, status);
            }
            500 => {
                let after = response.line(Name::RetryAfter).map(|line| lex::head_and_params(line).0);
                let after = after.and_then(|text| text.split('(').next()).and_then(lex::seconds);
                if let Some(after) = after.filter(|after| *after <= LONGEST_RETRY) {
                    let wait = Duration::from_secs(after.into());
                    return self.put_off(now, id, ours, wait, status);
                }
            }
            _ => {}
        }
        self.fail_change(now, id, ours, status);
    }

    /// How long to wait after 491, in steps of 10 ms (RFC 3261 §14.1).
    fn back_off(&mut self, owns_call_id: bool) -> Duration {
        let block = self.random.block();
        let number = block.iter().take(4).fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
        let steps = if owns_call_id { 210 + number % 191 } else { number % 201 };
        Duration::from_millis(steps * 10)
    }

    /// Tries a change again later.
    fn put_off(&mut self, now: Instant, id: SessionId, mut ours: Ours, wait: Duration, status: u16) {
        ours.tries += 1;
        if ours.tries >= MOST_TRIES {
            return self.fail_change(now, id, ours, status);
        }
        let Some(session) = self.sessions.get_mut(id) else { return };
        match ours.purpose {
            Purpose::Command => session.wanted = Some(Box::new(Wanted { ours, at: now + wait })),
            Purpose::Refresh => session.timing.refresh_at(now + wait),
        }
    }

    /// A change of ours has failed for good.
    pub(super) fn fail_change(&mut self, now: Instant, id: SessionId, ours: Ours, status: u16) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let up = matches!(session.phase, Phase::Confirmed);
        // RFC 3261 §12.2.1.2: the peer has forgotten the call, or is gone.
        if up && matches!(status, 408 | 481) {
            return self.leave_with_bye(now, id, Ended::Failed { status }, &Reason::status(status));
        }
        match ours.purpose {
            Purpose::Command => {
                self.event(Event::Changed { session: id, result: Err(status), owes_answer: false })
            }
            Purpose::Refresh => session.timing.refused(now, status),
        }
    }

    /// The change of ours that is open is answered.
    fn take_sent(&mut self, id: SessionId) -> Option<Ours> {
        let session = self.sessions.get_mut(id)?;
        if matches!(&session.change, Change::Sent { ours, .. } if ours.how == How::Reinvite) {
            session.timers.stop_all();
        }
        match std::mem::take(&mut session.change) {
            Change::Sent { ours, .. } => Some(*ours),
            other => {
                session.change = other;
                None
            }
        }
    }

    /// Nobody answered a change of ours, or its transport broke.
    pub(super) fn on_change_failed(&mut self, now: Instant, id: SessionId, tell: Tell) {
        let Some(ours) = self.take_sent(id) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.phase.is_leaving() {
            return;
        }
        session.give_back();
        // RFC 3261 §8.1.3.1: as if the peer had said so.
        let status = if tell == Tell::Broken { 503 } else { 408 };
        self.fail_change(now, id, ours, status);
        self.send_wanted(now, id);
    }

    /// A re-INVITE of ours has been at 1xx for too long: it is cancelled. Without an answer to that the call ends.
    pub(super) fn cancel_change(&mut self, now: Instant, id: SessionId) {
        let Some(Change::Sent { transaction, .. }) = self.sessions.get(id).map(|s| &s.change) else { return };
        self.cancel(now, *transaction, Some(id), &[]);
    }

    /// A 2xx makes another of our early dialogs the call: what was to be changed in this one does not matter any more.
    pub(super) fn give_up_elsewhere(&mut self, now: Instant, id: SessionId, remote_tag: &str) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let (Phase::Calling(calling), Change::Sent { ours, .. }) = (&mut session.phase, &session.change)
        else {
            return;
        };
        let early = calling.earlies.by_number(ours.early);
        if early.is_none_or(|early| early.dialog.remote_tag != remote_tag)
            && let Some(ours) = self.take_sent(id)
        {
            self.fail_change(now, id, ours, 487);
        }
    }

    /// The peer changes the session: what waited to be sent was made for another one.
    pub(super) fn forget_wanted(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.wanted.take().is_some() {
            self.event(Event::Changed { session: id, result: Err(491), owes_answer: false });
        }
    }
}
