//! Requests too large for a datagram: RFC 3261 §18.1.1. They wait until a stream to their hop is open and take that,
//! or go as datagrams after all when there is none, which is remembered for a while.
//!
//! A hop whose transport is fixed, by its URI or because it is the way a peer came, is left alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Endpoint;
use crate::call::Contact;
use crate::event::{SessionId, Summary};
use crate::flow::{Flow, Hop, Next, Transport};
use crate::message::write::rerouted;
use crate::message::{Known, Message};
use crate::transaction::{Held, TxId};
use crate::way::{Stage, Traveller, WayId};

/// The most bytes of a request in a datagram where the path's MTU is not known.
const LARGEST: usize = 1300;
/// How long a hop that takes no streams is not asked for one.
const NO_STREAM: Duration = Duration::from_secs(600);

impl Endpoint {
    /// The stream that a request should take instead of a datagram.
    pub(super) fn stream_for(
        &self,
        now: Instant,
        method: Known,
        bytes: &Bytes,
        flow: &Flow,
        session: Option<SessionId>,
        way: Option<WayId>,
    ) -> Option<Hop> {
        let large = bytes.len() > LARGEST && flow.transport == Transport::Udp;
        // An ACK has no answer to wait for, and a CANCEL goes where its INVITE went.
        if !large || matches!(method, Known::Ack | Known::Cancel) {
            return None;
        }
        let session = session.and_then(|id| self.sessions.get(id));
        let way = way.or_else(|| session.and_then(|s| s.way())).and_then(|id| self.ways.get(id));
        let hop = match (way, session) {
            (Some(way), _) => match &way.stage {
                Stage::Open { hop: Some(hop), .. } if way.search.is_free() && hop.remote == flow.remote => {
                    Hop { transport: Transport::Tcp, ..hop.clone() }
                }
                _ => return None,
            },
            (None, Some(session)) => session.dialog.stream(flow)?,
            (None, None) => return None,
        };
        let spoken = self.config.locate.transports.contains(&Transport::Tcp);
        (spoken && !self.ways.is_avoided(now, &hop)).then_some(hop)
    }

    /// Keeps a request until the stream is open, or will not be.
    pub(super) fn hold(&mut self, now: Instant, id: TxId, method: Known, bytes: Bytes, hop: Hop) {
        let way = self.set_out(Traveller::Held(id), &Next::Hop(hop.clone()));
        if let Some(transaction) = self.transactions.get_mut(id) {
            transaction.held = Some(Box::new(Held { way, hop, method, bytes }));
        }
        self.go(now, way);
    }

    /// Forgets a request that waits for its stream. True if it did, so that nobody has to be told anything.
    pub(crate) fn forget_held(&mut self, id: TxId) -> bool {
        let held = self.transactions.get_mut(id).and_then(|t| t.held.take());
        let Some(held) = held else { return false };
        self.leave(held.way);
        self.transactions.forget(&mut self.schedule, id);
        true
    }

    /// Sends a request that waited, by its stream or, without one, as a datagram.
    pub(super) fn let_go(&mut self, now: Instant, id: TxId, stream: Option<Flow>) {
        let Some(transaction) = self.transactions.get_mut(id) else { return };
        let Some(held) = transaction.held.take() else { return };
        let (from, summary) = (transaction.flow, transaction.summary);
        self.leave(held.way);
        let inquiry = self.inquiries.of_transaction(id);
        let calling = summary.session.filter(|id| self.sessions.get(*id).is_some_and(|s| s.way().is_some()));
        // Only what makes a dialog, or stands outside of all, names another place for answers.
        let moves = inquiry.is_some() || (held.method == Known::Invite && calling.is_some());
        let moved = stream.and_then(|flow| Some((rerouted(&held.bytes, &from, &flow, moves)?, flow)));
        if moved.is_none() {
            self.ways.avoid(now, &held.hop, now + NO_STREAM);
        }
        let (bytes, flow) = moved.unwrap_or((held.bytes, from));
        let Ok(request) = Message::parse(bytes.clone()) else { return };
        let role = self.client_role(now, held.method, &bytes, &flow, summary);
        self.transactions.restart(&mut self.schedule, id, role, flow, Arc::new(request));
        self.transmit(flow, bytes, Summary { again: false, ..summary });
        if let Some(request) = inquiry {
            self.on_request_sent_by(now, request, flow);
        }
        let Some(session) = calling.and_then(|id| self.sessions.get_mut(id)) else { return };
        if moves {
            session.dialog.flow = flow;
            let user = session.user();
            session.set_contact(Contact::new(&user, flow.local, flow.transport));
        }
        if let Some(way) = session.way() {
            self.departed(now, way);
        }
    }
}
