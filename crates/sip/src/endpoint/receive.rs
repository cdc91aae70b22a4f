//! Judges every message that comes: is it SIP, whose transaction is it, whose call, what is it answered.
//! The order of checks is that of RFC 3261 §8.2 and §16.3: syntax, transaction, dialog, method, URI, extensions.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Endpoint, Reply};
use crate::error::ParseError;
use crate::event::{Event, Output, SessionId, Summary};
use crate::flow::{Flow, Transport};
use crate::message::{Core, Known, Message, Method, Name};
use crate::transaction::{InviteServer, Key, New, Role, Server, Tell, TxEvent, TxId};

/// A request being judged.
pub(crate) struct Request<'a> {
    pub(crate) message: &'a Arc<Message>,
    pub(crate) core: &'a Core<'a>,
    /// Where it came from.
    pub(crate) flow: Flow,
    pub(crate) transaction: TxId,
}

impl Endpoint {
    pub(super) fn on_message(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        // NAT keepalives: blank lines (RFC 5626 §3.5.1), or the zero bytes some phones send.
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | 0)) {
            self.counters.keepalives += 1;
            return;
        }
        let Ok(message) = Message::parse(bytes) else {
            self.counters.garbage += 1;
            return;
        };
        let message = Arc::new(message);
        let core = match (message.problem(), message.core()) {
            (None, Ok(core)) => core,
            (problem, core) => {
                let Some(problem) = problem.or(core.err()) else { return };
                return self.on_broken(flow, &message, problem);
            }
        };
        let mark = self.outputs.len();
        let (session, again) = if message.status().is_some() {
            self.counters.responses += 1;
            (self.on_response(now, flow, &message, &core), false)
        } else {
            self.counters.requests += 1;
            self.on_request(now, flow, &message, &core)
        };
        if let Some(session) = session {
            self.follow_dialog(now, session);
            self.send_wanted(now, session);
            self.reschedule_session(session);
        }
        let summary = Summary {
            method: core.method,
            status: message.status(),
            cseq: core.cseq,
            body: !message.body().is_empty(),
            again,
            session,
        };
        let event = Event::Message { session, flow, summary, call_id: core.call_id.to_owned() };
        // Before what it caused, but after the event that makes its session.
        let made = |output: &Output| matches!(output, Output::Event(Event::Invited { .. }));
        let at = self.outputs.iter().skip(mark).position(made).map_or(mark, |at| mark + at + 1);
        self.outputs.insert(at, Output::Event(event));
    }

    /// A message that cannot be processed: 400 naming the header, if it is a request that can be answered.
    fn on_broken(&mut self, flow: Flow, message: &Message, problem: ParseError) {
        // RFC 4475 §3.3.1: what lacks From, To or Call-ID is best answered too; a CSeq is what tells it from noise.
        let answerable =
            message.method().is_some_and(|m| !m.is(Known::Ack)) && message.line(Name::CSeq).is_some();
        let top = message.values(Name::Via).next();
        let via = top.and_then(|v| crate::message::Via::parse(v).ok());
        let other_version = message.is_of_another_version();
        // Another version's Via may be written in another way: its sender is where the message came from.
        let back = match via {
            Some(via) => Some(reply_flow(flow, &via)),
            None => (other_version && top.is_some()).then_some(flow),
        };
        let (true, Some(back)) = (answerable, back) else {
            self.counters.garbage += 1;
            return;
        };
        self.counters.bad_requests += 1;
        let text = match problem.header {
            Some(header) => format!("Bad {header}: {} Expected", problem.expected),
            None => format!("Bad Request: {} Expected", problem.expected),
        };
        // Stateless: a request that cannot be read has no transaction to be remembered by.
        let tag = self.random.token();
        let mut reply = Reply { status: 400, phrase: Some(&text), tag: &tag, ..Reply::default() };
        if other_version {
            reply = Reply::status(505, &tag);
        }
        let (bytes, summary) = self.write_response(message, &flow, &reply, None);
        self.transmit(back, bytes, summary);
    }

    /// A well-formed request: its session, and whether it came before.
    fn on_request(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Arc<Message>,
        core: &Core<'_>,
    ) -> (Option<SessionId>, bool) {
        let key = Key::server(message, core);
        if core.method.is(Known::Ack) {
            return (self.on_ack(now, message, core, &key), false);
        }
        if let Some(id) = self.transactions.find(&key) {
            self.counters.retransmissions_in += 1;
            let session = self.transactions.get(id).and_then(|t| t.session);
            self.step(now, id, TxEvent::Request);
            return (session, true);
        }
        let tagged = core.to.tag().is_some();
        let merged = (!tagged && !core.method.is(Known::Cancel)).then(|| Key::merged(core));
        let copy = merged.as_ref().is_some_and(|m| self.transactions.find(m).is_some());
        let role = if core.method.is(Known::Invite) {
            Role::InviteServer(InviteServer::new(flow.transport.is_reliable(), &self.config.timers))
        } else {
            Role::Server(Server::new(flow.transport.is_reliable()))
        };
        let summary = Summary {
            method: core.method,
            status: None,
            cseq: core.cseq,
            body: false,
            again: false,
            session: None,
        };
        let new = New {
            key,
            merged: merged.filter(|_| !copy),
            role,
            flow: reply_flow(flow, &core.via),
            request: Arc::clone(message),
            summary,
        };
        let id = self.transactions.add(&mut self.schedule, new);
        let request = Request { message, core, flow, transaction: id };
        if message.is_of_another_version() {
            self.refuse(now, &request, 505);
        } else if copy || (!tagged && self.is_our_own(message, core)) {
            self.counters.merged += 1;
            self.refuse(now, &request, 482);
        } else if core.method.is(Known::Cancel) {
            return (self.on_cancel(now, &request), false);
        } else if let Some(tag) = core.to.tag() {
            let found = self.sessions.find(tag, core.call_id, core.from.tag().unwrap_or(""));
            match found {
                Some(session) => {
                    if let Some(t) = self.transactions.get_mut(id) {
                        t.session = Some(session);
                    }
                    self.on_request_in_dialog(now, &request, session);
                    return (Some(session), false);
                }
                None => {
                    let watch = self.subscriptions.find(tag, core.call_id, core.from.tag().unwrap_or(""));
                    if let Some(watch) = watch {
                        self.on_request_in_subscription(now, &request, watch);
                        return (None, false);
                    }
                    self.counters.no_such_call += 1;
                    self.refuse(now, &request, 481);
                }
            }
        } else {
            return (self.on_request_outside(now, &request), false);
        }
        (None, false)
    }

    /// Whether a request is one of ours that came back: a branch of ours is among its Vias, and it asks for the same
    /// (RFC 3261 §16.3 step 4). If it asks for another it came back on purpose, and Max-Forwards ends that.
    fn is_our_own(&self, message: &Message, core: &Core<'_>) -> bool {
        message.values(Name::Via).any(|line| {
            let branch = crate::message::Via::parse(line).ok().and_then(|via| via.branch);
            branch
                .and_then(|branch| {
                    self.transactions.find(&Key::client(branch, core.method, core.method_token))
                })
                .and_then(|id| self.transactions.get(id)?.request.as_ref())
                .is_some_and(|ours| ours.request_uri() == message.request_uri())
        })
    }

    /// An ACK: of a failure for its transaction, of a 2xx for its session, or of nothing.
    fn on_ack(
        &mut self,
        now: Instant,
        message: &Arc<Message>,
        core: &Core<'_>,
        key: &Key,
    ) -> Option<SessionId> {
        if let Some(id) = self.transactions.find(key) {
            let session = self.transactions.get(id).and_then(|t| t.session);
            if self.step(now, id, TxEvent::Ack) != Tell::Up {
                return session;
            }
        }
        let found = core
            .to
            .tag()
            .and_then(|tag| self.sessions.find(tag, core.call_id, core.from.tag().unwrap_or("")));
        match found {
            Some(session) => self.on_session_ack(now, session, message, core),
            None => self.counters.stray_acks += 1,
        }
        found
    }

    /// Answers with a bare status and a tag of our own.
    pub(crate) fn refuse(&mut self, now: Instant, request: &Request<'_>, status: u16) {
        self.refuse_with(now, request, status, None, &[]);
    }

    /// Answers with a status, a phrase and headers.
    pub(crate) fn refuse_with(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        status: u16,
        phrase: Option<&str>,
        headers: &[(String, String)],
    ) {
        let tag = self.random.token();
        let reply = Reply { status, phrase, tag: &tag, headers, body: None };
        self.respond(now, request.transaction, &reply);
        if request.core.to.tag().is_none() {
            self.say_briefly(now, request.transaction);
        }
    }

    /// A refusal over UDP is repeated for two seconds and not for 32: whoever is refused before it is known may be the
    /// victim of another who wrote its address into the request (RFC 3261 §26.3.2.4).
    pub(crate) fn say_briefly(&mut self, now: Instant, invite: TxId) {
        let end = now + self.config.timers.t1 * 4;
        self.transactions.hasten(&mut self.schedule, invite, end);
    }

    /// A well-formed response: its session.
    fn on_response(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Arc<Message>,
        core: &Core<'_>,
    ) -> Option<SessionId> {
        let status = message.status()?;
        let branch = core.via.branch.unwrap_or("");
        // A response with a second Via passed a proxy that was not ours to leave there (RFC 3261 §8.1.3.3).
        let misrouted = message.values(Name::Via).nth(1).is_some();
        let id = (!misrouted && !core.method.is(Known::Ack))
            .then(|| self.transactions.find(&Key::client(branch, core.method, core.method_token)))
            .flatten();
        let transaction = id.and_then(|id| Some((id, self.transactions.get(id)?)));
        let Some((id, transaction)) = transaction.filter(|(_, t)| !t.role.is_server()) else {
            self.counters.stray_responses += 1;
            return None;
        };
        let session = transaction.session;
        let watch = self.subscriptions.of_transaction(id);
        let request = transaction.request.clone()?;
        let event = match status {
            100..200 => TxEvent::Progress,
            200..300 => TxEvent::Answer,
            _ => TxEvent::Refusal(if core.method.is(Known::Invite) {
                self.write_hop_request(&request, Known::Ack, message.line(Name::To).unwrap_or(""), &[])
            } else {
                Bytes::new()
            }),
        };
        if self.step(now, id, event) == Tell::Up {
            // What changes a session has both tags.
            let changes = request.core().is_ok_and(|ours| ours.to.tag().is_some());
            match (core.method, session) {
                (Method::Known(Known::Invite | Known::Update), Some(session)) if changes => {
                    self.on_change_response(now, session, id, message, core, status);
                }
                (Method::Known(Known::Invite), _) => {
                    self.on_invite_response(now, session, id, flow, &request, message, core, status);
                }
                (Method::Known(Known::Notify), None) if watch.is_some() => {
                    if let Some(watch) = watch {
                        self.on_notify_response(now, watch, message, status);
                    }
                }
                _ => match self.inquiries.of_transaction(id) {
                    Some(asked) => self.on_inquiry_response(now, asked, flow, message, status),
                    None => self.on_other_response(now, session, id, &request, message, status),
                },
            }
        }
        session
    }
}

/// Where a response goes: back where the request came from, but to the port its Via names
/// unless the sender asked for symmetry (RFC 3261 §18.2.2, RFC 3581 §4). `maddr` is not followed:
/// it would let anyone aim our answers at a third party.
pub(crate) fn reply_flow(flow: Flow, via: &crate::message::Via<'_>) -> Flow {
    match flow.transport {
        Transport::Udp if via.rport => flow,
        Transport::Udp => {
            let mut back = flow;
            back.remote.set_port(via.port.filter(|p| *p != 0).unwrap_or(5060));
            back
        }
        _ => flow,
    }
}
