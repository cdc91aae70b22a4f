//! Reliable provisional responses and PRACK (RFC 3262), for calls that come and for calls we place.
//! Owns the messages and their repetition; the order of provisionals is `reliable`'s, and what a description means the
//! caller's.

use std::time::Instant;

use bytes::Bytes;

use super::early::Exchange;
use super::offer::Debt;
use super::pending::Purpose;
use super::reliable::{Provisional, Turn, UnderWay};
use super::uas::contact_header;
use super::{Change, GONE, Phase, Session};
use crate::body::{self, Body, Found};
use crate::endpoint::{Endpoint, Reply, Request};
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId, Summary};
use crate::message::{Known, Message, Name, lex};
use crate::timer::Timer;

/// The option tag (RFC 3262 §8.1).
pub(crate) const TAG: &str = "100rel";

/// The three parts of RAck (RFC 3262 §7.2).
fn rack(request: &Message) -> Option<(u32, u32, &str)> {
    let mut words = request.line(Name::RAck)?.split_ascii_whitespace();
    let rseq = lex::number(words.next()?, u32::MAX)?;
    let cseq = lex::number(words.next()?, 0x7fff_ffff)?;
    let method = words.next()?;
    words.next().is_none().then_some((rseq, cseq, method))
}

/// The number of a provisional that came reliably.
pub(super) fn number(response: &Message) -> Option<u32> {
    let required = response.values(Name::Require).any(|option| option.eq_ignore_ascii_case(TAG));
    response.line(Name::RSeq).filter(|_| required).and_then(|rseq| lex::number(rseq, u32::MAX))
}

/// Whether a reliable provisional is to be processed: the first of its dialog, or the one after the last
/// (RFC 3262 §4). One that came before is known, and one too far ahead comes again.
pub(super) fn is_next(last: Option<u32>, rseq: u32) -> bool {
    last.is_none_or(|last| last.checked_add(1) == Some(rseq))
}

impl Endpoint {
    /// Sends a provisional of a call that came as the peer wants it, now or after those before it.
    pub(super) fn send_provisional(&mut self, now: Instant, id: SessionId, provisional: Provisional) {
        let Some(Session { phase: Phase::Incoming(incoming), .. }) = self.sessions.get_mut(id) else {
            return;
        };
        match incoming.reliable.turn(provisional) {
            Turn::Plainly(provisional) => {
                self.write_provisional(now, id, &provisional, Vec::new());
            }
            Turn::Reliably(rseq, provisional) => self.send_reliably(now, id, rseq, provisional),
            Turn::Later => {}
        }
    }

    fn write_provisional(
        &mut self,
        now: Instant,
        id: SessionId,
        provisional: &Provisional,
        extra: Vec<(String, String)>,
    ) -> Option<Bytes> {
        let session = self.sessions.get(id)?;
        let Phase::Incoming(incoming) = &session.phase else { return None };
        let (invite, tag) = (incoming.invite, session.dialog.local_tag.clone());
        let mut headers = contact_header(session.contact.as_ref());
        headers.extend(extra);
        let body = provisional.body.as_ref();
        let reply = Reply { headers: &headers, body, ..Reply::status(provisional.status, &tag) };
        self.respond(now, invite, &reply)
    }

    fn send_reliably(&mut self, now: Instant, id: SessionId, rseq: u32, provisional: Provisional) {
        let described = provisional.body.is_some();
        let extra = vec![("Require".to_owned(), TAG.to_owned()), ("RSeq".to_owned(), rseq.to_string())];
        let Some(bytes) = self.write_provisional(now, id, &provisional, extra) else { return };
        let timers = self.config.timers;
        let Some(session) = self.sessions.get_mut(id) else { return };
        if described {
            // The answer to their offer, or our offer: it arrives for certain, so it counts.
            let _ = session.debt.send();
        }
        session.timers.set(Timer::Retransmit, now + timers.t1);
        session.timers.set(Timer::Timeout, now + timers.give_up());
        if let Phase::Incoming(incoming) = &mut session.phase {
            incoming.reliable.under_way = Some(UnderWay { rseq, bytes, interval: timers.t1, described });
        }
        self.reschedule_session(id);
    }

    /// Sends the provisional under way again: at T1, doubling (RFC 3262 §3).
    pub(super) fn repeat_provisional(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Incoming(incoming) = &mut session.phase else { return };
        let Some(under_way) = &mut incoming.reliable.under_way else { return };
        under_way.interval *= 2;
        session.timers.set(Timer::Retransmit, now + under_way.interval);
        let (invite, bytes) = (incoming.invite, under_way.bytes.clone());
        if let Some(transaction) = self.transactions.get(invite) {
            let (flow, summary) = (transaction.flow, transaction.summary);
            self.transmit(flow, bytes, Summary { again: true, ..summary });
        }
    }

    /// No PRACK within 64·T1: the call is refused (RFC 3262 §3).
    pub(super) fn give_up_provisional(&mut self, now: Instant, id: SessionId) {
        self.refuse_invite(now, id, 504, None, &[]);
        self.end(id, Ended::NoAck);
    }

    /// A PRACK of the peer (RFC 3262 §3).
    pub(super) fn on_prack(&mut self, now: Instant, request: &Request<'_>, id: SessionId) {
        let Some((rseq, cseq, method)) = rack(request.message) else {
            return self.refuse_in(now, request, id, 400, &[]);
        };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let ours = session.invite_cseq == cseq && method == "INVITE";
        let known = match &mut session.phase {
            Phase::Incoming(incoming) if ours => incoming.reliable.acknowledge(rseq),
            // The final response overtook it: it is late, not wrong (RFC 3262 §3).
            _ => ours && session.late_prack.take_if(|late| *late == rseq).is_some(),
        };
        if !known {
            return self.refuse_in(now, request, id, 481, &[]);
        }
        if !matches!(session.phase, Phase::Incoming(_)) {
            return self.refuse_in(now, request, id, 200, &[]);
        }
        session.timers.stop(Timer::Retransmit);
        session.timers.stop(Timer::Timeout);
        let message = request.message;
        let found = body::find_sdp(
            message.line(Name::ContentType),
            message.line(Name::ContentDisposition),
            message.body(),
        );
        match (session.debt, found) {
            // An UPDATE of ours is answered by its own 2xx.
            (Debt::TheyOwe, _) if matches!(session.change, Change::Sent { .. }) => {
                self.refuse_in(now, request, id, 200, &[]);
            }
            (Debt::TheyOwe, found) => {
                session.debt.roll_back();
                self.refuse_in(now, request, id, 200, &[]);
                let body = match found {
                    Found::Sdp(body) => Some(body),
                    Found::Nothing | Found::Unknown => None,
                };
                self.event(Event::Acknowledged { session: id, body });
            }
            (Debt::Settled, Found::Sdp(offer)) if matches!(session.change, Change::Idle) => {
                // RFC 3262 §5: its 2xx carries the answer.
                self.begin_change(id, request, Some(offer), false);
            }
            _ => self.refuse_in(now, request, id, 200, &[]),
        }
        self.after_prack(now, id);
    }

    /// Sends what waited for a PRACK: the next provisional, or the answer.
    pub(super) fn after_prack(&mut self, now: Instant, id: SessionId) {
        let Some(Session { phase: Phase::Incoming(incoming), .. }) = self.sessions.get_mut(id) else {
            return;
        };
        if incoming.held.is_some() {
            incoming.reliable.keep_descriptions();
        }
        if let Some((rseq, next)) = incoming.reliable.next() {
            return self.send_reliably(now, id, rseq, next);
        }
        // A call that broke meanwhile is being told.
        let _ = self.send_held(now, id);
    }

    /// Sends the PRACK of a reliable provisional to the INVITE of that number, in its early dialog.
    pub(super) fn send_prack(
        &mut self,
        now: Instant,
        id: SessionId,
        early: u32,
        (rseq, cseq): (u32, u32),
        answer: Option<&Body>,
    ) {
        let rack = ("RAck".to_owned(), format!("{rseq} {cseq} INVITE"));
        self.send_in_dialog(now, id, early, Known::PRack, &[rack], answer, Purpose::Prack);
    }

    /// Answers the offer of a reliable provisional, in its PRACK. Owed after `Progressed` with `owes_answer`.
    pub fn acknowledge_early(
        &mut self,
        now: Instant,
        session: SessionId,
        early: u32,
        answer: Option<Body>,
    ) -> Result<(), WrongPhase> {
        let Some(state) = self.sessions.get_mut(session) else { return Err(GONE) };
        let wrong = state.wrong();
        let Phase::Calling(calling) = &mut state.phase else { return Err(wrong) };
        let dialog = calling.earlies.by_number(early).ok_or(wrong)?;
        let Exchange::Offered { rseq, offer } = &dialog.exchange else { return Err(wrong) };
        let rseq = *rseq;
        dialog.exchange = Exchange::Done(offer.clone());
        dialog.answer = answer.clone();
        state.describe(answer.clone());
        let numbers = (rseq, state.invite_cseq);
        self.send_prack(now, session, early, numbers, answer.as_ref());
        Ok(())
    }
}
