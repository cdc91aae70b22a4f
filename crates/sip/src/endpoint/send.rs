//! Puts messages out: responses through their server transaction, requests through a new client transaction.
//! Every message we send is written and summarised here.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use crate::body::Body;
use crate::event::{Output, SessionId, Summary};
use crate::flow::Flow;
use crate::message::write::Writer;
use crate::message::{Known, Message, Method};
use crate::session::Phase;
use crate::transaction::{Client, InviteClient, Key, New, Role, Tell, TxEvent, TxId};
use crate::way::WayId;

/// The methods we take, for Allow.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, REGISTER, \
    SUBSCRIBE, PUBLISH, MESSAGE";

/// A response, besides what it repeats of its request.
#[derive(Debug, Default)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) phrase: Option<&'a str>,
    /// Our tag; empty leaves To as it came.
    pub(crate) tag: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: Option<&'a Body>,
}

impl<'a> Reply<'a> {
    /// A bare status.
    pub(crate) fn status(status: u16, tag: &'a str) -> Self {
        Reply { status, tag, ..Reply::default() }
    }
}

impl Endpoint {
    /// Queues bytes.
    pub(crate) fn transmit(&mut self, flow: Flow, bytes: Bytes, summary: Summary) {
        if summary.again {
            self.counters.retransmissions_out += 1;
        }
        self.outputs.push_back(Output::Transmit { flow, bytes, summary });
    }

    /// Tells a transaction something, sends what it wants sent, and drops it when it has ended.
    pub(crate) fn step(&mut self, now: Instant, id: TxId, event: TxEvent) -> Tell {
        let acknowledges = matches!(event, TxEvent::Refusal(_));
        let Some(reaction) = self.transactions.step(&mut self.schedule, now, id, event, &self.config.timers)
        else {
            return Tell::Nothing;
        };
        let sent = self.transactions.get(id).filter(|t| t.held.is_none());
        if let (Some((bytes, again)), Some(transaction)) = (reaction.send, sent) {
            let mut summary = Summary { again, ..transaction.summary };
            if acknowledges {
                summary.method = Method::Known(Known::Ack);
                summary.body = false;
            }
            let flow = transaction.flow;
            self.transmit(flow, bytes, summary);
        }
        self.transactions.sweep(&mut self.schedule, id);
        reaction.tell
    }

    /// Writes a response to `request` and returns it with its summary.
    pub(crate) fn write_response(
        &self,
        request: &Message,
        flow: &Flow,
        reply: &Reply<'_>,
        session: Option<SessionId>,
    ) -> (Bytes, Summary) {
        let mut writer = Writer::response(request, flow, reply.status, reply.phrase, reply.tag);
        let method = request.method().unwrap_or(Method::Other);
        let in_call = method.is(Known::Invite) || method.is(Known::Update);
        if (101..300).contains(&reply.status) && (in_call || method.is(Known::Subscribe)) {
            // RFC 3261 §12.1.1: what makes a dialog repeats the route set.
            for line in request.lines(crate::message::Name::RecordRoute) {
                writer.header("Record-Route", line);
            }
        }
        if (101..300).contains(&reply.status) && in_call {
            writer.header("Allow", ALLOW);
            writer.header("Supported", super::FOR_CALLS);
        }
        if reply.status == 405 || reply.status == 501 {
            writer.header("Allow", ALLOW);
        }
        writer.headers(reply.headers);
        writer.header("Server", &self.config.user_agent);
        let summary = Summary {
            method,
            status: Some(reply.status),
            cseq: request.core().map_or(0, |c| c.cseq),
            body: reply.body.is_some(),
            again: false,
            session,
        };
        (writer.finish(reply.body), summary)
    }

    /// Answers a request through its transaction; the bytes are returned for those who repeat them.
    pub(crate) fn respond(&mut self, now: Instant, id: TxId, reply: &Reply<'_>) -> Option<Bytes> {
        let transaction = self.transactions.get(id)?;
        let request = transaction.request.clone()?;
        let (flow, session) = (transaction.flow, transaction.session);
        let (bytes, summary) = self.write_response(&request, &flow, reply, session);
        let transaction = self.transactions.get_mut(id)?;
        transaction.summary = summary;
        if reply.status >= 200 {
            transaction.request = None;
        }
        if reply.status >= 300 {
            // What failed is over: phones that try again with the same number are not a second copy.
            self.transactions.unmerge(id);
        }
        let event = match reply.status {
            100..200 => TxEvent::Provisional(bytes.clone()),
            200..300 => TxEvent::Success(bytes.clone()),
            _ => TxEvent::Failure(bytes.clone()),
        };
        let accepts_call = summary.method.is(Known::Invite) && reply.status < 300;
        self.step(now, id, event);
        if reply.status >= 200 && !accepts_call && self.transactions.len() > self.config.crowd {
            // RFC 3261 §26.3.2.4 asks for no more than one answer to those who are not known.
            self.transactions.forget(&mut self.schedule, id);
        }
        Some(bytes)
    }

    /// Sends a request of ours and starts its transaction.
    pub(crate) fn send_request(
        &mut self,
        now: Instant,
        method: Known,
        branch: &str,
        flow: Flow,
        bytes: Bytes,
        summary: Summary,
    ) -> Option<TxId> {
        self.send_request_on(now, method, branch, flow, bytes, summary, None)
    }

    /// The same on a way of its own.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn send_request_on(
        &mut self,
        now: Instant,
        method: Known,
        branch: &str,
        flow: Flow,
        bytes: Bytes,
        summary: Summary,
        way: Option<WayId>,
    ) -> Option<TxId> {
        // Our own bytes: kept parsed, because ACK and CANCEL repeat parts of them.
        let request = Arc::new(Message::parse(bytes.clone()).ok()?);
        let role = self.client_role(now, method, &bytes, &flow, summary);
        let key = Key::client(branch, Method::Known(method), &method.to_string());
        let stream = self.stream_for(now, method, &bytes, &flow, summary.session, way);
        let new = New { key, merged: None, role, flow, request, summary };
        let id = self.transactions.add(&mut self.schedule, new);
        match stream {
            Some(hop) => self.hold(now, id, method, bytes, hop),
            None => self.transmit(flow, bytes, summary),
        }
        Some(id)
    }

    /// The machine of a request of ours that is sent now.
    pub(super) fn client_role(
        &self,
        now: Instant,
        method: Known,
        bytes: &Bytes,
        flow: &Flow,
        summary: Summary,
    ) -> Role {
        let reliable = flow.transport.is_reliable();
        let timers = &self.config.timers;
        match method {
            Known::Invite => {
                let machine = InviteClient::new(now, bytes.clone(), reliable, timers);
                // Not by the tag in To: a peer that answers without one is changed without one.
                let session = summary.session.and_then(|id| self.sessions.get(id));
                let changes = session.is_some_and(|s| !matches!(s.phase, Phase::Calling(_)));
                // Half of it before the CANCEL, half after.
                Role::InviteClient(if changes { machine.within(timers.give_up() * 2) } else { machine })
            }
            _ => Role::Client(Client::new(now, bytes.clone(), reliable, timers)),
        }
    }

    /// The ACK of a failure, or the CANCEL, of an INVITE of ours: what both repeat of it (RFC 3261 §9.1, §17.1.1.3).
    pub(crate) fn write_hop_request(
        &self,
        invite: &Message,
        method: Known,
        to: &str,
        headers: &[(String, String)],
    ) -> Bytes {
        use crate::message::Name;
        let mut writer = Writer::request(method, invite.request_uri());
        for (name, value) in [
            (Name::Via, invite.line(Name::Via).unwrap_or("")),
            (Name::From, invite.line(Name::From).unwrap_or("")),
            (Name::To, to),
            (Name::CallId, invite.line(Name::CallId).unwrap_or("")),
        ] {
            writer.header(name.text(), value);
        }
        writer.header("Max-Forwards", 70);
        let cseq = invite.core().map_or(0, |c| c.cseq);
        writer.header("CSeq", format_args!("{cseq} {method}"));
        for route in invite.lines(Name::Route) {
            writer.header("Route", route);
        }
        writer.headers(headers);
        writer.header("User-Agent", &self.config.user_agent);
        writer.finish(None)
    }
}
