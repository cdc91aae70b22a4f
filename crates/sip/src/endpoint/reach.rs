//! Moves ways on: seeks a hop, has it opened, gives it a time to answer, and takes the next one when it fails.
//! RFC 3263 §4.3: the next hop is tried after silence, a transport error or a 503, and nothing else.

use std::time::{Duration, Instant};

use super::Endpoint;
use crate::event::{Output, SessionId};
use crate::flow::{Flow, Hop, Next, Transport};
use crate::locate::{Answer, Asked, Query, Search, Step};
use crate::way::{Failure, Stage, Traveller, WayId};

/// However long a 503 asks for.
const LONGEST_AVOIDED: Duration = Duration::from_secs(600);

impl Endpoint {
    /// Locates the name a dialog's requests go to, once it is known. Until that is done, and if it fails, they go where
    /// the peer's last request came from.
    pub(crate) fn follow_dialog(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if !session.dialog.has_moved() {
            return;
        }
        let (old, uri) = (session.lead.take(), session.dialog.named_hop());
        if let Some(old) = old {
            self.leave(old);
        }
        let Some(uri) = uri else { return };
        let way = self.set_out(Traveller::Dialog(id), &Next::Uri(uri));
        if let Some(session) = self.sessions.get_mut(id) {
            session.lead = Some(way);
        }
        self.go(now, way);
    }

    fn on_dialog_located(&mut self, id: SessionId, flow: Option<Flow>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let way = session.lead.take();
        session.dialog.located = flow.filter(|flow| flow.transport == Transport::Udp);
        if let Some(way) = way {
            self.leave(way);
        }
    }

    /// Makes a way. Nothing happens before [`Endpoint::go`], so that its traveller can remember it.
    pub(crate) fn set_out(&mut self, traveller: Traveller, next: &Next) -> WayId {
        let seed = self.random.block().iter().fold(0, |seed: u64, byte| (seed << 8) ^ u64::from(*byte));
        self.ways.add(traveller, next, seed)
    }

    /// Takes the next hop. The traveller hears of it by `arrive`, perhaps before this returns.
    pub(crate) fn go(&mut self, now: Instant, id: WayId) {
        let Some(way) = self.ways.get(id) else { return };
        match self.step_of(now, &way.search) {
            Step::Flow(flow) => self.arrive(now, id, None, flow),
            Step::Hop(hop) => {
                if let Some(way) = self.ways.get_mut(id) {
                    way.stage = Stage::Opening { hop: hop.clone(), since: now };
                }
                let limit = now + self.config.target_limit;
                self.ways.set_deadline(&mut self.schedule, id, Some(limit));
                if self.ways.wait_for(id, &hop) {
                    self.output(Output::Connect(hop));
                }
            }
            Step::Ask(open) => self.wonder(now, id, open),
            Step::Exhausted => {
                let Some(way) = self.ways.remove(&mut self.schedule, id) else { return };
                self.strand(now, way.traveller, way.failure.unwrap_or(Failure::Unreachable));
            }
        }
    }

    fn step_of(&self, now: Instant, search: &Search) -> Step {
        search.step(now, &self.cache, &self.config.locate, |hop| self.ways.is_avoided(now, hop))
    }

    /// Asks what a way has to know.
    fn wonder(&mut self, now: Instant, id: WayId, open: Vec<Query>) {
        let mut refused = Vec::new();
        for query in open {
            match self.questions.ask(now, &query, id) {
                Asked::Now => self.output(Output::Query(query)),
                Asked::Already | Asked::Yourself => {}
                Asked::TooMany => refused.push(query),
            }
        }
        self.reschedule();
        if !refused.is_empty() {
            for query in refused {
                self.learn(id, query, Answer::Failure);
            }
            self.resume(now, id);
        }
    }

    pub(super) fn on_found(&mut self, now: Instant, query: Query, answer: Answer) {
        let Some(waiting) = self.questions.answered(&query) else { return };
        self.cache.put(now, &query, &answer);
        for id in waiting {
            self.learn(id, query.clone(), answer.clone());
            self.resume(now, id);
        }
    }

    fn learn(&mut self, id: WayId, query: Query, answer: Answer) {
        if let Some(way) = self.ways.get_mut(id) {
            way.search.learn(query, answer);
        }
    }

    /// A way knows more than before.
    fn resume(&mut self, now: Instant, id: WayId) {
        match self.ways.get(id) {
            Some(way) if way.stage == Stage::Seeking => self.go(now, id),
            Some(way) if way.overdue => self.on_way_due(now, id),
            _ => {}
        }
    }

    pub(super) fn on_questions_due(&mut self, now: Instant) {
        while let Some(query) = self.questions.overdue(now) {
            self.on_found(now, query, Answer::Failure);
        }
        self.reschedule();
    }

    fn arrive(&mut self, now: Instant, id: WayId, hop: Option<Hop>, flow: Flow) {
        self.ways.set_deadline(&mut self.schedule, id, None);
        let Some(way) = self.ways.get_mut(id) else { return };
        way.stage = Stage::Open { hop, heard: false };
        way.overdue = false;
        match way.traveller {
            Traveller::Call(session) => self.on_call_reached(now, session, flow),
            Traveller::Request(request) => self.on_request_reached(now, request, flow),
            Traveller::Dialog(session) => self.on_dialog_located(session, Some(flow)),
            Traveller::Held(transaction) => self.let_go(now, transaction, Some(flow)),
        }
    }

    fn strand(&mut self, now: Instant, traveller: Traveller, failure: Failure) {
        match traveller {
            Traveller::Call(session) => self.on_call_stranded(now, session, failure),
            Traveller::Request(request) => self.on_request_stranded(now, request, failure),
            Traveller::Dialog(session) => self.on_dialog_located(session, None),
            Traveller::Held(transaction) => self.let_go(now, transaction, None),
        }
    }

    pub(super) fn on_connected(&mut self, now: Instant, hop: Hop, flow: Flow) {
        for id in self.ways.opened(&hop) {
            self.arrive(now, id, Some(hop.clone()), flow);
        }
    }

    pub(super) fn on_unreachable(&mut self, now: Instant, hop: &Hop) {
        for id in self.ways.opened(hop) {
            self.fail(now, id, Failure::Unreachable);
        }
    }

    /// The request is on its way: its hop has a while to say something.
    pub(crate) fn departed(&mut self, now: Instant, id: WayId) {
        let limit = now + self.config.target_limit;
        let waits =
            matches!(self.ways.get(id).map(|w| &w.stage), Some(Stage::Open { hop: Some(_), heard: false }));
        self.ways.set_deadline(&mut self.schedule, id, waits.then_some(limit));
    }

    /// The hop said something: it is the one. True if it had said nothing before.
    pub(crate) fn heard(&mut self, id: WayId) {
        self.ways.set_deadline(&mut self.schedule, id, None);
        let Some(way) = self.ways.get_mut(id) else { return };
        if let Stage::Open { hop, heard } = &mut way.stage {
            *heard = true;
            if let Some(hop) = hop.clone() {
                self.ways.trust(&hop);
            }
        }
    }

    /// The traveller needs its way no more.
    pub(crate) fn leave(&mut self, id: WayId) {
        self.ways.remove(&mut self.schedule, id);
    }

    /// The hop failed: the next one, or the traveller is told that there is none.
    pub(crate) fn fail(&mut self, now: Instant, id: WayId, failure: Failure) {
        let Some(way) = self.ways.get_mut(id) else { return };
        let traveller = way.traveller;
        let (hop, again) = match &way.stage {
            Stage::Seeking => (None, true),
            Stage::Opening { hop, .. } => (Some(hop.clone()), true),
            // What answered and then broke is not tried elsewhere: the other place would ring too.
            Stage::Open { hop: Some(hop), heard } => {
                (Some(hop.clone()), !*heard || matches!(failure, Failure::Unavailable { .. }))
            }
            Stage::Open { hop: None, .. } => (None, false),
        };
        let failure = match failure {
            Failure::Unreachable if matches!(way.stage, Stage::Open { hop: None, .. }) => Failure::Lost,
            other => other,
        };
        way.failure = Some(failure);
        way.stage = Stage::Seeking;
        if let Some(hop) = hop {
            let wait = match failure {
                // RFC 3261 §21.5.4: nothing should be sent there for so long.
                Failure::Unavailable { wait: Some(wait) } => wait.min(LONGEST_AVOIDED),
                _ => self.config.avoid_for,
            };
            way.search.tried(hop.clone());
            self.ways.not_waiting(id, &hop);
            self.ways.avoid(now, &hop, now + wait);
        }
        if again {
            if let Traveller::Call(session) = traveller {
                self.on_call_leaves_hop(session);
            }
            return self.go(now, id);
        }
        self.leave(id);
        self.strand(now, traveller, failure);
    }

    /// A hop said nothing for a while. If there is another one it is tried; else the transaction's own time holds.
    pub(super) fn on_way_due(&mut self, now: Instant, id: WayId) {
        self.ways.set_deadline(&mut self.schedule, id, None);
        let Some(way) = self.ways.get(id) else { return };
        let (current, patience) = match &way.stage {
            Stage::Opening { hop, since } => (hop.clone(), Some(*since + self.config.timers.give_up())),
            Stage::Open { hop: Some(hop), heard: false } => (hop.clone(), None),
            Stage::Seeking | Stage::Open { .. } => return,
        };
        let traveller = way.traveller;
        let mut search = way.search.clone();
        search.tried(current);
        match (self.step_of(now, &search), patience) {
            (Step::Ask(open), _) => {
                if let Some(way) = self.ways.get_mut(id) {
                    way.overdue = true;
                }
                self.ways.set_deadline(&mut self.schedule, id, patience.filter(|end| *end > now));
                self.wonder(now, id, open);
            }
            // A datagram is there instead of the stream.
            (Step::Exhausted, Some(_)) if matches!(traveller, Traveller::Held(_)) => {
                self.fail(now, id, Failure::Unreachable);
            }
            (Step::Exhausted, Some(end)) if now < end => {
                self.ways.set_deadline(&mut self.schedule, id, Some(end));
            }
            (Step::Exhausted, None) => {}
            (_, Some(_)) => self.fail(now, id, Failure::Unreachable),
            (_, None) => {
                match traveller {
                    Traveller::Call(session) => self.on_call_given_up(now, session),
                    Traveller::Request(request) => self.on_request_given_up(request),
                    // These are left as soon as they are open.
                    Traveller::Dialog(_) | Traveller::Held(_) => {}
                }
                self.fail(now, id, Failure::Silent);
            }
        }
    }
}
