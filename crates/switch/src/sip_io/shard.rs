//! The SIP shard: the one task that owns an [`Endpoint`], its clock and its way to the sockets.
//!
//! Messages come from the transport tasks, commands from the calls; events go to the calls' mailboxes. The shard keeps
//! no state of a call but its address. Sending never waits: what a socket does not take at once is dropped and counted
//! (UDP, which repeats) or fails the flow (TCP).

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;
use flow::trace::What;
use sip::{Endpoint, Event, Flow, Hop, Input, InviteFacts, Next, Output, SessionId, Summary, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::handle::{Admission, Command, Inbound, Invitation, Reception, Registration, Snapshot};
use crate::address::Addresses;
use crate::book::Record;
use crate::call::{Mail, SessionEvent, post};

/// Inputs handled before the timers are looked at again.
const BATCH: usize = 128;
/// Finished sessions whose last messages (the 200 of a BYE) still find their call's timeline.
const REMEMBERED: usize = 512;

/// A call as the shard knows it.
struct Address {
    /// Where it came from; of a call that was placed, where it goes to once that is known.
    flow: Option<Flow>,
    /// What a call calls the session it placed; `None` if it came.
    number: Option<u64>,
    mail: mpsc::Sender<Mail>,
    record: Arc<Record>,
}

pub(super) struct Shard {
    pub(super) endpoint: Endpoint,
    pub(super) socket: Option<Arc<UdpSocket>>,
    pub(super) reception: Reception,
    addresses: Arc<Addresses>,
    streams: HashMap<Flow, mpsc::Sender<Bytes>>,
    calls: HashMap<SessionId, Address>,
    finished: VecDeque<(SessionId, Weak<Record>)>,
    /// What became of sending and opening; the endpoint is told before anything else.
    failed: Vec<Input>,
}

impl Shard {
    pub(super) fn new(
        endpoint: Endpoint,
        socket: Option<Arc<UdpSocket>>,
        reception: Reception,
        addresses: Arc<Addresses>,
    ) -> Shard {
        Shard {
            endpoint,
            socket,
            reception,
            addresses,
            streams: HashMap::new(),
            calls: HashMap::new(),
            finished: VecDeque::new(),
            failed: Vec::new(),
        }
    }

    /// Runs until nobody can send commands any more.
    pub(super) async fn run(
        mut self,
        mut inbound: mpsc::Receiver<Inbound>,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let timer = tokio::time::sleep(std::time::Duration::ZERO);
        tokio::pin!(timer);
        loop {
            let due = self.endpoint.poll_timeout();
            if let Some(due) = due {
                timer.as_mut().reset(due.into());
            }
            // Calls go first: what they send ends work, what comes in makes it.
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(Instant::now(), command),
                    None => return,
                },
                () = &mut timer, if due.is_some() => self.input(Instant::now(), Input::Timeout),
                Some(message) = inbound.recv() => self.take(Instant::now(), message),
            }
            let now = Instant::now();
            for _ in 0..BATCH {
                let mut idle = true;
                if let Ok(command) = commands.try_recv() {
                    self.obey(now, command);
                    idle = false;
                }
                if let Ok(message) = inbound.try_recv() {
                    self.take(now, message);
                    idle = false;
                }
                if idle {
                    break;
                }
            }
        }
    }

    fn take(&mut self, now: Instant, message: Inbound) {
        match message {
            Inbound::Message { flow, bytes } => self.input(now, Input::Message { flow, bytes }),
            Inbound::Opened { flow, out } => {
                self.streams.insert(flow, out);
            }
            Inbound::Closed { flow } => {
                // The peer may have connected again from the same port, and that connection may be known already: then
                // what waits on the flow waits on the new one.
                if self.streams.get(&flow).is_some_and(mpsc::Sender::is_closed) {
                    self.streams.remove(&flow);
                    self.input(now, Input::Closed { flow });
                }
            }
            Inbound::Idle { flow, reply } => {
                let called = self.calls.values().any(|address| address.flow == Some(flow));
                let registered = self.endpoint.is_registered_over(&flow);
                // The stream may have closed meanwhile.
                let _ = reply.send(called || registered);
            }
        }
    }

    fn input(&mut self, now: Instant, input: Input) {
        self.endpoint.handle(now, input);
        self.outputs(now);
    }

    fn obey(&mut self, now: Instant, command: Command) {
        let endpoint = &mut self.endpoint;
        let done = match command {
            Command::Invite { invite, number, mail, record } => {
                let flow = match &invite.next {
                    Next::Flow(flow) => Some(*flow),
                    Next::Hop(_) | Next::Uri(_) => None,
                };
                let session = endpoint.invite(now, *invite);
                self.calls.insert(session, Address { flow, number: Some(number), mail, record });
                self.tell(session, SessionEvent::Began(session));
                Ok(())
            }
            Command::Offer { session, offer } => endpoint.offer(now, session, offer),
            Command::Acknowledge { session, answer } => endpoint.acknowledge(now, session, answer),
            Command::Progress { session, status, body, contact } => {
                endpoint.progress(now, session, status, body, contact)
            }
            Command::Answer { session, body, contact } => endpoint.answer(now, session, body, contact),
            Command::Reject { session, status, phrase, headers } => {
                endpoint.reject(now, session, status, phrase.as_deref(), headers)
            }
            Command::AnswerReinvite { session, answer } => endpoint.answer_reinvite(now, session, answer),
            Command::HangUp { session, reason } => {
                endpoint.hang_up(now, session, reason);
                Ok(())
            }
            Command::Users(users) => {
                endpoint.set_users(users);
                Ok(())
            }
            Command::Drain => {
                endpoint.draining(true);
                Ok(())
            }
            Command::Snapshot(reply) => {
                let snapshot = Snapshot {
                    counters: endpoint.counters(),
                    counts: endpoint.counts(),
                    streams: self.streams.len(),
                };
                // The one who asked may have gone.
                let _ = reply.send(snapshot);
                Ok(())
            }
            Command::Bindings(reply) => {
                let bindings = endpoint.bindings().map(|binding| Registration {
                    user: binding.user.to_string(),
                    contact: binding.contact.clone(),
                    from: binding.flow.remote,
                    transport: binding.flow.transport.name(),
                    expires_s: binding.expires.saturating_duration_since(now).as_secs(),
                });
                let _ = reply.send(bindings.collect());
                Ok(())
            }
        };
        if let Err(error) = done {
            // The session ended while the command was on its way; its call hears `Ended`.
            tracing::debug!(%error, "a SIP command came too late");
        }
        self.outputs(now);
    }

    fn outputs(&mut self, now: Instant) {
        let mut ended = Vec::new();
        loop {
            while let Some(output) = self.endpoint.poll_output() {
                match output {
                    Output::Transmit { flow, bytes, summary } => {
                        self.trace(now, summary.session, '→', &summary);
                        self.transmit(flow, bytes);
                    }
                    Output::Event(event) => self.event(now, event, &mut ended),
                    Output::Connect(hop) => self.connect(hop),
                }
            }
            match self.failed.pop() {
                Some(input) => self.endpoint.handle(now, input),
                None => break,
            }
        }
        for session in ended {
            if let Some(address) = self.calls.remove(&session) {
                if self.finished.len() == REMEMBERED {
                    self.finished.pop_front();
                }
                self.finished.push_back((session, Arc::downgrade(&address.record)));
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event, ended: &mut Vec<SessionId>) {
        match event {
            Event::Invited { session, invite } => self.invited(now, session, invite),
            Event::Confirmed { session, body } => self.tell(session, SessionEvent::Confirmed(body)),
            Event::Reinvited { session, offer } => self.tell(session, SessionEvent::Reinvited(offer)),
            Event::Reconfirmed { session, body } => self.tell(session, SessionEvent::Reconfirmed(body)),
            Event::Info { session, content_type, body } => {
                self.tell(session, SessionEvent::Info { content_type, body });
            }
            Event::Ended { session, reason } => {
                self.tell(session, SessionEvent::Ended(reason));
                ended.push(session);
            }
            Event::Registered { user, contact, expires, flow } => {
                metrics::counter!("offhook_registrations_total").increment(1);
                tracing::info!(user, contact, expires_s = expires.as_secs(), %flow, "registered");
            }
            Event::Unregistered { user, contact } => tracing::info!(user, contact, "unregistered"),
            Event::AuthFailed { user, flow } => {
                tracing::warn!(user, from = %flow.remote, "wrong credentials");
            }
            Event::Message { session, flow, summary, call_id } => {
                tracing::trace!(from = %flow.remote, call_id, "{summary}");
                self.trace(now, session, '←', &summary);
            }
            Event::Reached { session, flow } => {
                if let Some(address) = self.calls.get_mut(&session) {
                    address.flow = Some(flow);
                }
                self.tell(session, SessionEvent::Reached(flow));
            }
            Event::Progressed { session, early, status, body, owes_answer } => {
                self.tell(session, SessionEvent::Progressed { early, status, body, owes_answer });
            }
            Event::Answered { session, early, body, owes_answer } => {
                self.tell(session, SessionEvent::Answered { early, body, owes_answer });
            }
            // What no call has a use for yet.
            _ => {}
        }
    }

    fn invited(&mut self, now: Instant, session: SessionId, invite: Arc<InviteFacts>) {
        let flow = invite.flow;
        match (self.reception)(Invitation { session, invite, now }) {
            Admission::Take(mail, record) => {
                self.calls.insert(session, Address { flow: Some(flow), number: None, mail, record });
            }
            Admission::Challenge => {
                // A session that was offered this moment is in no other phase.
                let _ = self.endpoint.challenge(now, session);
            }
            Admission::Refuse(refusal) => {
                tracing::info!(%refusal, "a call is refused");
                metrics::counter!("offhook_calls_refused_total", "code" => refusal.code()).increment(1);
                // A session that was offered this moment is in no other phase.
                let _ = self.endpoint.reject(now, session, refusal.status(), None, refusal.headers());
            }
        }
    }

    fn tell(&mut self, session: SessionId, event: SessionEvent) {
        if let Some(address) = self.calls.get(&session) {
            let letter = match address.number {
                None => Mail::Sip(event),
                Some(number) => Mail::Placed(number, event),
            };
            post(&address.mail, letter);
        }
    }

    fn trace(&self, now: Instant, session: Option<SessionId>, arrow: char, summary: &Summary) {
        let Some(session) = session else { return };
        let record = match self.calls.get(&session) {
            Some(address) => Some(address.record.clone()),
            None => self
                .finished
                .iter()
                .rev()
                .find_map(|(finished, record)| (*finished == session).then(|| record.upgrade())?),
        };
        if let Some(record) = record {
            record.timeline.add(now, What::Sip { line: format!("{arrow} {summary}") });
        }
    }

    /// Over UDP a way is always open: only our address towards the peer is wanted.
    fn connect(&mut self, hop: Hop) {
        let bound = self.socket.as_ref().and_then(|socket| socket.local_addr().ok());
        let input = match (hop.transport, bound) {
            (Transport::Udp, Some(bound)) if bound.is_ipv6() || hop.remote.is_ipv4() => {
                let ours = self.addresses.towards(hop.remote.ip(), bound.ip());
                let local = SocketAddr::new(ours, bound.port());
                let flow = Flow { transport: Transport::Udp, local, remote: hop.remote };
                Input::Connected { hop, flow }
            }
            _ => Input::Unreachable { hop },
        };
        self.failed.push(input);
    }

    fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        match flow.transport {
            Transport::Udp => {
                let Some(socket) = &self.socket else {
                    return self.failed.push(Input::TransmitFailed { flow });
                };
                match socket.try_send_to(&bytes, for_socket(socket, flow.remote)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        metrics::counter!("offhook_sip_dropped_total", "why" => "send_buffer_full")
                            .increment(1);
                    }
                    Err(error) => {
                        tracing::debug!(%error, to = %flow.remote, "SIP UDP send");
                        self.failed.push(Input::TransmitFailed { flow });
                    }
                }
            }
            Transport::Tcp => {
                let sent = self.streams.get(&flow).is_some_and(|out| out.try_send(bytes).is_ok());
                if !sent {
                    self.failed.push(Input::TransmitFailed { flow });
                }
            }
            // A transport that nothing here opens.
            _ => self.failed.push(Input::TransmitFailed { flow }),
        }
    }
}

/// The peer's address in the socket's family: an IPv6 socket speaks to IPv4 peers by their mapped address.
fn for_socket(socket: &UdpSocket, remote: SocketAddr) -> SocketAddr {
    match (socket.local_addr(), remote) {
        (Ok(SocketAddr::V6(_)), SocketAddr::V4(v4)) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        _ => remote,
    }
}
