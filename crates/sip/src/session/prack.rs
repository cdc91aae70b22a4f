//! Reliable provisional responses and PRACK (RFC 3262), for calls that come and for calls we place.
//! Owns the numbers, the retransmission and who waits for whom; what a description means is the caller's.
//!
//! One provisional is under way at a time, the next ones wait for its PRACK: RFC 3262 §3 asks that for the first, and
//! it keeps descriptions apart.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::early::Exchange;
use super::offer::Debt;
use super::pending::Purpose;
use super::uas::contact_header;
use super::{Change, GONE, Incoming, Phase, Session};
use crate::body::{self, Body, Found};
use crate::endpoint::{Endpoint, Reply, Request};
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId, Summary};
use crate::message::{Known, Message, Name, lex};
use crate::timer::Timer;

/// The option tag (RFC 3262 §8.1).
pub(crate) const TAG: &str = "100rel";

/// Provisionals that wait for the PRACK of an earlier one; a caller that makes more loses the oldest.
const MOST_WAITING: usize = 8;

/// What the peer's INVITE says of reliable provisionals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It cannot.
    Never,
    /// Supported: we do it where a description is carried.
    Possible,
    /// Required: every provisional but 100 (RFC 3262 §3).
    Always,
}

impl Wish {
    pub(super) fn of(invite: &Message) -> Self {
        let says = |name| invite.values(name).any(|option| option.eq_ignore_ascii_case(TAG));
        match () {
            () if says(Name::Require) => Wish::Always,
            () if says(Name::Supported) => Wish::Possible,
            () => Wish::Never,
        }
    }
}

/// A provisional response to be sent.
#[derive(Clone, Debug)]
pub(super) struct Provisional {
    pub(super) status: u16,
    pub(super) body: Option<Body>,
}

/// The reliable provisionals of an INVITE that came.
#[derive(Debug)]
pub(super) struct Reliable {
    wish: Wish,
    /// The RSeq sent last.
    last: u32,
    under_way: Option<UnderWay>,
    waiting: VecDeque<Provisional>,
    /// Whether a description went out reliably: then it is not repeated (RFC 6337 §3.1.1).
    described: bool,
}

/// A reliable provisional that waits for its PRACK.
#[derive(Debug)]
struct UnderWay {
    rseq: u32,
    bytes: Bytes,
    interval: Duration,
    described: bool,
}

/// What became of a provisional that was to be sent.
pub(super) enum Turn {
    /// Send it without more ado.
    Plainly(Provisional),
    /// Send it reliably under this number.
    Reliably(u32, Provisional),
    /// Another one is under way.
    Later,
}

impl Reliable {
    pub(super) fn new(wish: Wish, first: u32) -> Self {
        // RFC 3262 §3: a first number between 1 and 2^31 - 1.
        let last = (first & 0x3fff_ffff).max(1);
        Reliable { wish, last, under_way: None, waiting: VecDeque::new(), described: false }
    }

    /// Whether a description can be sent in a provisional of an INVITE that had no offer.
    pub(super) fn carries_offers(&self) -> bool {
        self.wish != Wish::Never
    }

    /// Whether a description went out reliably already, or is about to.
    pub(super) fn has_described(&self) -> bool {
        self.described
    }

    /// Whether a 2xx must wait: a description is not acknowledged yet (RFC 3262 §3).
    pub(super) fn holds_answer(&self) -> bool {
        self.under_way.as_ref().is_some_and(|u| u.described) || self.waiting.iter().any(|p| p.body.is_some())
    }

    /// Decides how a provisional goes out.
    pub(super) fn turn(&mut self, mut provisional: Provisional) -> Turn {
        if self.described {
            provisional.body = None;
        }
        let reliably = match self.wish {
            Wish::Always => true,
            Wish::Possible => provisional.body.is_some(),
            Wish::Never => false,
        };
        if !reliably {
            return Turn::Plainly(provisional);
        }
        self.described |= provisional.body.is_some();
        if self.under_way.is_none() {
            self.last = self.last.saturating_add(1);
            return Turn::Reliably(self.last, provisional);
        }
        if self.waiting.len() == MOST_WAITING
            && let Some(at) = self.waiting.iter().position(|p| p.body.is_none())
        {
            self.waiting.remove(at);
        }
        self.waiting.push_back(provisional);
        Turn::Later
    }

    /// The number that waits for its PRACK.
    pub(super) fn under_way(&self) -> Option<u32> {
        self.under_way.as_ref().map(|u| u.rseq)
    }

    /// Takes a PRACK for `rseq`; whether that was under way.
    fn acknowledge(&mut self, rseq: u32) -> bool {
        self.under_way.take_if(|u| u.rseq == rseq).is_some()
    }
}

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
        let Phase::Incoming(Incoming { invite, .. }) = &session.phase else { return None };
        let (invite, tag) = (*invite, session.dialog.local_tag.clone());
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
        let Phase::Incoming(Incoming { invite, reliable, .. }) = &mut session.phase else { return };
        let Some(under_way) = &mut reliable.under_way else { return };
        under_way.interval *= 2;
        session.timers.set(Timer::Retransmit, now + under_way.interval);
        let (invite, bytes) = (*invite, under_way.bytes.clone());
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
            // Nobody needs to hear of ringing any more.
            incoming.reliable.waiting.retain(|p| p.body.is_some());
        }
        if incoming.reliable.under_way.is_none()
            && let Some(next) = incoming.reliable.waiting.pop_front()
        {
            incoming.reliable.last = incoming.reliable.last.saturating_add(1);
            let rseq = incoming.reliable.last;
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
        state.describe(answer.clone());
        let numbers = (rseq, state.invite_cseq);
        self.send_prack(now, session, early, numbers, answer.as_ref());
        Ok(())
    }
}
