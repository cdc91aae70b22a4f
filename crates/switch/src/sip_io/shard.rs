//! The SIP shard: the one task that owns an [`Endpoint`], its clock and its way to the sockets.
//!
//! Messages come from the transport tasks, commands from the calls; events go to the calls' mailboxes. The shard keeps
//! no state of a call but its address. Sending never waits: what a socket does not take at once is dropped and counted
//! (UDP, which repeats) or fails the flow (TCP).

mod admitting;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;
use flow::trace::What;
use sip::event_package::dialog_info::State;
use sip::{
    Endpoint, Event, Flow, Input, Next, Output, RegistrationId, RegistrationState, RequestId, SessionId,
    Summary,
};
use tokio::sync::{mpsc, oneshot};

use super::failures::Failures;
use super::handle::{Command, Inbound, Owner, Phone, Reception, Registration, Snapshot};
use super::ways::{Found, Sent, Ways};
use crate::book::Record;
use crate::call::{Mail, Mark, SessionEvent, post};
use crate::presence::Presence;

/// Inputs handled before the timers are looked at again.
const BATCH: usize = 128;
/// Finished sessions whose last messages (the 200 of a BYE) still find their call's timeline.
const REMEMBERED: usize = 512;

/// A call as the shard knows it.
struct Address {
    /// Where it came from; of a call that was placed, where it goes to once that is known.
    flow: Option<Flow>,
    owner: Owner,
}

pub(super) struct Shard {
    pub(super) endpoint: Endpoint,
    pub(super) reception: Reception,
    /// Its number among the shards.
    number: usize,
    ways: Ways,
    calls: HashMap<SessionId, Address>,
    finished: VecDeque<(SessionId, Mark, Weak<Record>)>,
    /// Registrations with others: their numbers, and who is told how they stand.
    kept: HashMap<RegistrationId, (u64, mpsc::UnboundedSender<RegistrationState>)>,
    /// Who waits for the answer to a request outside of calls.
    asked: HashMap<RequestId, oneshot::Sender<Arc<sip::Response>>>,
    presence: Presence,
    failures: Failures,
    /// What became of sending and of asking for ways; the endpoint is told before anything else.
    answers: Vec<Input>,
}

impl Shard {
    pub(super) fn new(number: usize, endpoint: Endpoint, ways: Ways, reception: Reception) -> Shard {
        Shard {
            endpoint,
            reception,
            number,
            ways,
            calls: HashMap::new(),
            finished: VecDeque::new(),
            kept: HashMap::new(),
            asked: HashMap::new(),
            presence: Presence::default(),
            failures: Failures::default(),
            answers: Vec::new(),
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
            Inbound::Closed { flow } => self.input(now, Input::Closed { flow }),
            Inbound::Way { hop, flow: Some(flow) } => self.input(now, Input::Connected { hop, flow }),
            Inbound::Way { hop, flow: None } => self.input(now, Input::Unreachable { hop }),
            Inbound::Found { query, answer } => self.input(now, Input::Found { query, answer }),
            Inbound::Idle { flow, reply } => {
                // The stream may have closed meanwhile.
                let _ = reply.send(self.endpoint.uses(&flow));
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
            Command::Invite { invite, owner } => {
                let flow = match &invite.next {
                    Next::Flow(flow) => Some(*flow),
                    Next::Hop(_) | Next::Uri(_) => None,
                };
                let (to, from) = (invite.to.clone(), invite.from.clone());
                let session = endpoint.invite(now, *invite);
                self.presence.is_called(endpoint, now, session, &to, &from);
                self.calls.insert(session, Address { flow, owner });
                let call_id = endpoint.session(session).map(|view| view.call_id).unwrap_or_default();
                self.tell(session, SessionEvent::Began(session, call_id));
                Ok(())
            }
            Command::Find { replaces, by, mail } => {
                let found = self.transferable(&replaces);
                post(&mail, Mail::Found { by, found });
                Ok(())
            }
            Command::Rehome { session, owner, before } => {
                let key = owner.leg;
                match self.calls.get_mut(&session) {
                    Some(address) => {
                        let before = std::mem::replace(&mut address.owner, owner);
                        post(&before.mail, Mail::Moved(key));
                    }
                    // It has ended, which may have been told to the call before.
                    None => {
                        let ended = SessionEvent::Ended(sip::Ended::Bye { cause: None });
                        post(&owner.mail, Mail::Sip(key, ended));
                        post(&before, Mail::Moved(key));
                    }
                }
                Ok(())
            }
            Command::Reach { user, accounts, tag, mail } => {
                let ways = Phone::all(endpoint, &accounts);
                post(&mail, Mail::Contacts { tag, user, ways });
                Ok(())
            }
            Command::Offer { session, offer } => endpoint.offer(now, session, offer),
            Command::Acknowledge { session, answer } => endpoint.acknowledge(now, session, answer),
            Command::AcknowledgeEarly { session, early, answer } => {
                endpoint.acknowledge_early(now, session, early, answer)
            }
            Command::AnswerRefer { refer, answer } => endpoint.answer_refer(now, refer, answer),
            Command::NotifyRefer { refer, status } => endpoint.notify_refer(now, refer, status),
            Command::Refer { session, to, headers } => {
                endpoint.refer(now, session, &to, headers).map(|_refer| ())
            }
            Command::Progress { session, status, body, contact } => {
                let done = endpoint.progress(now, session, status, body, contact);
                self.presence.call_is(endpoint, now, session, State::Early);
                done
            }
            Command::Answer { session, body, contact } => {
                let done = endpoint.answer(now, session, body, contact);
                self.presence.call_is(endpoint, now, session, State::Confirmed);
                done
            }
            Command::Reject { session, status, phrase, headers } => {
                endpoint.reject(now, session, status, phrase.as_deref(), headers)
            }
            Command::AnswerReinvite { session, answer } => endpoint.answer_reinvite(now, session, answer),
            Command::Reinvite { session, offer } => {
                let done = endpoint.reinvite(now, session, offer);
                self.refused_change(session, done)
            }
            Command::Update { session, offer } => {
                let done = endpoint.update(now, session, offer);
                self.refused_change(session, done)
            }
            Command::Info { session, body } => {
                let done = endpoint.info(now, session, &body);
                if done.is_err() {
                    self.tell(session, SessionEvent::Informed { status: 481 });
                }
                done
            }
            Command::HangUp { session, reason } => {
                endpoint.hang_up(now, session, reason);
                Ok(())
            }
            Command::Ask { request, reply } => {
                let id = endpoint.request(now, *request);
                self.asked.insert(id, reply);
                Ok(())
            }
            Command::Register { kept, registration, states } => {
                let id = endpoint.register(now, *registration);
                self.kept.insert(id, (kept, states));
                Ok(())
            }
            Command::Unregister { kept } => {
                let found = self.kept.iter().find(|(_, (number, _))| *number == kept).map(|(id, _)| *id);
                if let Some(id) = found {
                    self.kept.remove(&id);
                    endpoint.unregister(now, id);
                }
                Ok(())
            }
            Command::Users(users) => {
                endpoint.set_users(users);
                Ok(())
            }
            Command::Lamp { id, lamp } => {
                self.presence.light(endpoint, now, &id, lamp);
                Ok(())
            }
            Command::Directory(directory) => {
                self.presence.set_directory(directory);
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
                    streams: self.ways.streams.len(),
                };
                // The one who asked may have gone.
                let _ = reply.send(snapshot);
                Ok(())
            }
            Command::Bindings(reply) => {
                let _ = reply.send(Registration::all(endpoint, now));
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
                    Output::Connect(hop) => match self.ways.find(self.number, &hop) {
                        Found::Flow(flow) => self.answers.push(Input::Connected { hop, flow }),
                        Found::Nowhere => self.answers.push(Input::Unreachable { hop }),
                        Found::Later => {}
                    },
                    Output::Query(query) => self.ways.ask(self.number, query),
                }
            }
            match self.answers.pop() {
                Some(input) => self.endpoint.handle(now, input),
                None => break,
            }
        }
        for session in ended {
            if let Some(address) = self.calls.remove(&session) {
                if self.finished.len() == REMEMBERED {
                    self.finished.pop_front();
                }
                let Owner { record, mark, .. } = address.owner;
                self.finished.push_back((session, mark, Arc::downgrade(&record)));
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event, ended: &mut Vec<SessionId>) {
        match event {
            Event::Invited { session, invite } => self.invited(now, session, invite),
            Event::Confirmed { session, body } => self.tell(session, SessionEvent::Confirmed(body)),
            Event::Reinvited { session, offer } => self.tell(session, SessionEvent::Reinvited(offer)),
            Event::Reconfirmed { session, body } => self.tell(session, SessionEvent::Reconfirmed(body)),
            Event::Refreshed { session, body } => self.tell(session, SessionEvent::Refreshed(body)),
            Event::Info { session, content_type, body } => {
                self.tell(session, SessionEvent::Info { content_type, body });
            }
            Event::Ended { session, reason } => {
                self.presence.call_is(&mut self.endpoint, now, session, State::Terminated);
                self.tell(session, SessionEvent::Ended(reason));
                ended.push(session);
            }
            Event::Subscribed { subscription, facts } => {
                self.presence.subscribed(&mut self.endpoint, now, subscription, &facts);
            }
            Event::StateWanted { subscription } => {
                self.presence.state_wanted(&mut self.endpoint, now, subscription);
            }
            Event::Unsubscribed { subscription, why } => {
                tracing::debug!(%subscription, ?why, "a subscription is over");
                self.presence.unsubscribed(subscription);
            }
            Event::Published { user, body, .. } => {
                self.presence.published(&mut self.endpoint, now, &user, body);
            }
            Event::Texted { text, facts } => {
                self.presence.texted(&mut self.endpoint, now, text, &facts);
            }
            Event::Registered { user, contact, expires, flow } => {
                metrics::counter!("offhook_registrations_total").increment(1);
                tracing::info!(user, contact, expires_s = expires.as_secs(), %flow, "registered");
                self.presence.moved(&mut self.endpoint, now, &user);
            }
            Event::Unregistered { user, contact } => {
                tracing::info!(user, contact, "unregistered");
                self.presence.moved(&mut self.endpoint, now, &user);
            }
            Event::AuthFailed { user, flow } => {
                if let Some(times) = self.failures.note(now, flow.remote.ip()) {
                    tracing::warn!(user, from = %flow.remote, times, "wrong credentials");
                }
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
                self.presence.call_is(&mut self.endpoint, now, session, State::Early);
                self.tell(session, SessionEvent::Progressed { early, status, body, owes_answer });
            }
            Event::Redirected { session, status, targets } => {
                self.tell(session, SessionEvent::Redirected { status, targets });
            }
            Event::Answered { session, early, body, owes_answer } => {
                self.presence.call_is(&mut self.endpoint, now, session, State::Confirmed);
                self.tell(session, SessionEvent::Answered { early, body, owes_answer });
            }
            Event::Acknowledged { session, body } => self.tell(session, SessionEvent::Acknowledged(body)),
            Event::Changed { session, result, owes_answer } => {
                self.tell(session, SessionEvent::Changed { result, owes_answer });
            }
            Event::Informed { session, status } => self.tell(session, SessionEvent::Informed { status }),
            Event::Referred { session, refer } => self.tell(session, SessionEvent::Referred(refer)),
            Event::ReferAnswered { session, refer, status } => {
                self.tell(session, SessionEvent::ReferAnswered { refer, status });
            }
            Event::ReferProgress { session, refer, status, last } => {
                self.tell(session, SessionEvent::ReferProgress { refer, status, last });
            }
            Event::Registration { registration, state } => {
                if let Some((_, states)) = self.kept.get(&registration) {
                    // Who keeps it may be on the way out.
                    let _ = states.send(state);
                }
            }
            Event::Responded { request, response } => {
                if self.presence.responded(&mut self.endpoint, now, request, response.status) {
                    return;
                }
                if let Some(reply) = self.asked.remove(&request) {
                    // Whoever asked may have gone.
                    let _ = reply.send(response);
                }
            }
            // What no call has a use for yet.
            _ => {}
        }
    }

    /// A change that could not be begun has met another one: its call hears so, as if the peer had said it.
    fn refused_change(
        &mut self,
        session: SessionId,
        done: Result<(), sip::WrongPhase>,
    ) -> Result<(), sip::WrongPhase> {
        if done.is_err() {
            self.tell(session, SessionEvent::Changed { result: Err(491), owes_answer: false });
        }
        done
    }

    fn tell(&mut self, session: SessionId, event: SessionEvent) {
        if let Some(address) = self.calls.get(&session) {
            post(&address.owner.mail, Mail::Sip(address.owner.leg, event));
        }
    }

    fn trace(&self, now: Instant, session: Option<SessionId>, arrow: char, summary: &Summary) {
        let Some(session) = session else { return };
        let found =
            match self.calls.get(&session) {
                Some(Address { owner, .. }) => Some((owner.mark, owner.record.clone())),
                None => self.finished.iter().rev().find_map(|(of, mark, record)| {
                    (*of == session).then(|| Some((*mark, record.upgrade()?)))?
                }),
            };
        if let Some((mark, record)) = found {
            let line = format!("{}{arrow} {summary}", record.marked(mark));
            record.timeline.add(now, What::Sip { line });
        }
    }

    fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        if self.ways.send(flow, bytes) == Sent::No {
            self.answers.push(Input::TransmitFailed { flow });
        }
    }
}
