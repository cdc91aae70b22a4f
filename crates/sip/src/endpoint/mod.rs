//! The endpoint: what the rest of the program talks to.
//! Owns all state and the queue of outputs; `receive.rs` judges what comes, `send.rs` puts messages out,
//! `requests.rs` answers what stands outside of calls, and the files of `session` are what calls do.

mod large;
mod options;
mod reach;
mod receive;
mod requests;
mod send;

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use crate::auth::server::Guard;
use crate::config::{Config, User};
use crate::counters::{Counters, Counts};
use crate::event::{Event, Input, Output, SessionId};
use crate::flow::Flow;
use crate::locate::{Cache, Questions};
use crate::publication::Publications;
use crate::random::{Random, Seeded};
use crate::registrar::{Binding, Registrar, unregistered};
use crate::registration::{Keepings, RegistrationId};
use crate::request::Inquiries;
use crate::session::{Change, Session, Sessions};
use crate::subscription::{SubscriptionId, Subscriptions, Termination};
use crate::timer::{Owner, Schedule};
use crate::transaction::{Tell, Transactions, TxEvent, TxId};
use crate::way::{WayId, Ways};

pub(crate) use self::options::{FOR_CALLS, FOR_REGISTRATIONS, supports};
pub(crate) use self::receive::{Request, reply_flow};
pub(crate) use self::send::{ALLOW, Reply};

/// The SIP core: transactions, dialogs, calls, digest and registrar over any number of flows.
///
/// Give it every message, closed stream and timeout through [`Endpoint::handle`], then drain
/// [`Endpoint::poll_output`], then ask [`Endpoint::poll_timeout`] when to come back.
/// Commands such as [`Endpoint::answer`] make outputs too.
#[derive(Debug)]
pub struct Endpoint {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) counters: Counters,
    pub(crate) schedule: Schedule,
    pub(crate) transactions: Transactions,
    pub(crate) sessions: Sessions,
    pub(crate) ways: Ways,
    pub(crate) cache: Cache,
    pub(crate) questions: Questions,
    questions_due: Option<Instant>,
    pub(crate) inquiries: Inquiries,
    pub(crate) keepings: Keepings,
    pub(crate) registrar: Registrar,
    registrar_due: Option<Instant>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) publications: Publications,
    publications_due: Option<Instant>,
    pub(crate) guard: Guard,
    nonces_due: Option<Instant>,
    pub(crate) is_draining: bool,
    /// When the last input came.
    heard: Option<Instant>,
    outputs: VecDeque<Output>,
}

/// Where a session's dialog stands, for views and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty before there is one; of several that ring, that of the last.
    pub remote_tag: String,
    /// The URI our requests ask for: the peer's Contact.
    pub remote_target: String,
    /// Where the peer's last request came from.
    pub flow: Flow,
    /// The phase in one word.
    pub phase: &'static str,
}

impl Endpoint {
    /// An endpoint that knows no users and holds no calls.
    pub fn new(config: Config) -> Self {
        let shard = config.shard;
        let mut random = Random::new(config.seed).of_shard(config.shard, config.shards);
        let hashes = Seeded::new(&mut random);
        let guard = Guard::new(&config, &mut random);
        let registrar =
            Registrar::new(config.min_expires, config.default_expires, config.max_expires, hashes);
        Endpoint {
            config,
            random,
            counters: Counters::default(),
            schedule: Schedule::default(),
            transactions: Transactions::new(hashes),
            sessions: Sessions::new(hashes, shard),
            ways: Ways::new(hashes),
            cache: Cache::new(hashes),
            questions: Questions::new(hashes),
            questions_due: None,
            inquiries: Inquiries::new(hashes),
            keepings: Keepings::default(),
            registrar,
            registrar_due: None,
            subscriptions: Subscriptions::new(hashes),
            publications: Publications::new(hashes),
            publications_due: None,
            guard,
            nonces_due: None,
            is_draining: false,
            heard: None,
            outputs: VecDeque::new(),
        }
    }

    /// Replaces the users who may register and authenticate. Registrations, subscriptions and publications of
    /// removed users end at once; calls go on, and so do registrations whose password has changed, until they are to be refreshed.
    pub fn set_users(&mut self, users: Vec<User>) {
        self.guard.set_users(&users);
        let names: HashSet<&str> = users.iter().map(|user| user.name.as_str()).collect();
        let stays = |name: &str| names.contains(name);
        for gone in self.registrar.keep(stays) {
            self.event(unregistered(gone));
        }
        self.keep_publications(stays);
        // Before the first input there is nothing to end.
        if let Some(now) = self.heard {
            for id in self.subscriptions.leaving(stays) {
                // Whoever may not watch any more is told so; gone is gone either way (RFC 6665 §4.1.3).
                let _ = self.end_subscription(now, id, Termination::Rejected, None);
            }
        }
        self.reschedule();
    }

    /// From now on new INVITEs and OPTIONS get 503 with Retry-After, or no longer so. Calls and REGISTER go on.
    pub fn draining(&mut self, draining: bool) {
        self.is_draining = draining;
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.heard = Some(now);
        match input {
            Input::Message { flow, bytes } => self.on_message(now, flow, bytes),
            Input::Closed { flow } => self.on_closed(now, &flow),
            Input::TransmitFailed { flow } => self.on_transmit_failed(now, &flow),
            Input::Connected { hop, flow } => self.on_connected(now, hop, flow),
            Input::Unreachable { hop } => self.on_unreachable(now, &hop),
            Input::Found { query, answer } => self.on_found(now, query, answer),
            Input::Timeout => self.on_timeout(now),
        }
        self.reschedule();
    }

    /// The next thing to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to give [`Input::Timeout`]; `None` is never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// What it holds now.
    pub fn counts(&self) -> Counts {
        Counts {
            transactions: self.transactions.len(),
            sessions: self.sessions.len(),
            requests: self.inquiries.len(),
            ways: self.ways.len(),
            bindings: self.registrar.len(),
            subscriptions: self.subscriptions.len(),
            publications: self.publications.len(),
        }
    }

    /// What happened since construction.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Every registered contact, by user.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.registrar.bindings()
    }

    /// A user's contacts that calls can be sent to, most wanted first (`q`), of equal ones the newest first.
    pub fn bindings_of(&self, user: &str) -> Vec<&Binding> {
        self.registrar.callable(user)
    }

    /// Whether a registered contact is reached over this stream.
    pub fn is_registered_over(&self, stream: &Flow) -> bool {
        self.registrar.is_used(stream)
    }

    /// Whether a call, a registered contact or a registration of ours is reached by this flow.
    pub fn uses(&self, flow: &Flow) -> bool {
        !self.sessions.on_flow(flow).is_empty() || self.is_registered_over(flow) || self.keepings.uses(flow)
    }

    /// Where a session's dialog stands; `None` when it is gone.
    pub fn session(&self, session: SessionId) -> Option<SessionView> {
        let session = self.sessions.get(session)?;
        Some(SessionView {
            call_id: session.dialog.call_id.clone(),
            local_tag: session.dialog.local_tag.clone(),
            remote_tag: session.remote_tag().to_owned(),
            remote_target: session.dialog.target.clone(),
            flow: session.dialog.flow,
            phase: session.stands(),
        })
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn on_timeout(&mut self, now: Instant) {
        while let Some(owner) = self.schedule.due(now) {
            match owner {
                Owner::Transaction(id) => {
                    let id = TxId(id);
                    match self.transactions.take_due(now, id) {
                        Some(timer) => self.step_and_report(now, id, TxEvent::Timer(timer)),
                        // Unreachable while deadlines follow timers; a stuck one must not spin.
                        None => self.transactions.forget(&mut self.schedule, id),
                    }
                }
                Owner::Session(id) => {
                    let id = SessionId(id);
                    match self.sessions.get_mut(id).and_then(|s| s.take_due(now)) {
                        Some(due) => self.on_session_due(now, id, due),
                        None => drop(self.drop_session(id)),
                    }
                    self.reschedule_session(id);
                }
                Owner::Way(id) => self.on_way_due(now, WayId(id)),
                Owner::Registration(id) => self.on_registration_due(now, RegistrationId(id)),
                Owner::Questions => self.on_questions_due(now),
                Owner::Registrar => {
                    for gone in self.registrar.expire(now) {
                        self.event(unregistered(gone));
                    }
                    self.reschedule();
                }
                Owner::Subscription(id) => self.on_subscription_timer(now, SubscriptionId(id)),
                Owner::Publications => {
                    self.on_publication_timer(now);
                    self.reschedule();
                }
                Owner::Nonces => {
                    self.guard.expire(now);
                    self.reschedule();
                }
            }
        }
    }

    /// A stream is gone: so are its transactions, the calls that run over it, and the contacts behind it.
    fn on_closed(&mut self, now: Instant, flow: &Flow) {
        self.on_transmit_failed(now, flow);
        for id in self.sessions.on_flow(flow) {
            self.on_session_lost(id);
        }
        for id in self.subscriptions.on_flow(flow) {
            self.on_subscription_lost(id);
        }
        for gone in self.registrar.closed(flow) {
            self.event(unregistered(gone));
        }
        self.on_registration_flow_lost(now, flow);
    }

    fn on_transmit_failed(&mut self, now: Instant, flow: &Flow) {
        for id in self.transactions.on_flow(flow) {
            self.step_and_report(now, id, TxEvent::TransportError);
        }
    }

    /// Steps a transaction and tells its session if it failed.
    pub(crate) fn step_and_report(&mut self, now: Instant, id: TxId, event: TxEvent) {
        let session = self.transactions.get(id).and_then(|t| t.session);
        let inquiry = self.inquiries.of_transaction(id);
        let watch = self.subscriptions.of_transaction(id);
        let tell = self.step(now, id, event);
        match tell {
            Tell::Nothing | Tell::Up => {}
            Tell::TimedOut => self.counters.timeouts += 1,
            Tell::Broken => self.counters.transport_failures += 1,
        }
        if let (Some(request), Tell::TimedOut | Tell::Broken) = (inquiry, tell) {
            self.on_inquiry_failed(now, request, tell);
        }
        if let (Some(watch), Tell::TimedOut | Tell::Broken) = (watch, tell) {
            self.on_notify_failed(watch, tell);
        }
        if let (Some(session), Tell::TimedOut | Tell::Broken) = (session, tell) {
            self.on_transaction_failed(now, session, id, tell);
            self.reschedule_session(session);
        }
    }

    /// Brings a session's deadline up to date; to be called after anything that may have moved it.
    pub(crate) fn reschedule_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            let next = session.next();
            self.schedule.shift(Owner::Session(id.0), &mut session.due, next);
        }
    }

    /// Removes a session and its deadline.
    pub(crate) fn drop_session(&mut self, id: SessionId) -> Option<Session> {
        let mut session = self.sessions.remove(id)?;
        if let Change::Asked { transaction, .. } = session.change {
            // Its transport is gone, or it would have been refused.
            self.transactions.forget(&mut self.schedule, transaction);
        }
        for transaction in session.unanswered() {
            self.transactions.forget(&mut self.schedule, transaction);
        }
        self.schedule.shift(Owner::Session(id.0), &mut session.due, None);
        for way in [session.way(), session.lead].into_iter().flatten() {
            self.leave(way);
        }
        Some(session)
    }

    pub(super) fn reschedule(&mut self) {
        let next = self.questions.next();
        self.schedule.shift(Owner::Questions, &mut self.questions_due, next);
        let next = self.registrar.next();
        self.schedule.shift(Owner::Registrar, &mut self.registrar_due, next);
        let next = self.publications.next();
        self.schedule.shift(Owner::Publications, &mut self.publications_due, next);
        let next = self.guard.next();
        self.schedule.shift(Owner::Nonces, &mut self.nonces_due, next);
    }
}
