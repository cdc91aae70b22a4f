//! Two endpoints over a network that loses, doubles and reorders: the clock, the wire and the plans of both sides.
//! What is tried on it is a [`Play`]; whatever that is, every session ends exactly once on both sides, both sides agree
//! how, and nothing is left.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use sip::{
    Body, Config, Ended, Endpoint, Event, Flow, Input, Invite, Next, Offer, Output, SessionId, Transport,
};

/// What both sides do with their calls.
pub(crate) trait Play: Sized {
    /// What a session went through.
    type Story: Debug;
    /// What a side is going to do with a session.
    type Plan: Copy;

    const HANG_UP: Self::Plan;

    /// The offer and the headers of a new call, and its story so far.
    fn begin(rng: &mut Rng) -> (Option<Body>, Vec<(String, String)>, Self::Story);

    fn on_event(pair: &mut Pair<Self>, side: usize, event: Event);

    fn act(pair: &mut Pair<Self>, side: usize, session: SessionId, plan: Self::Plan);

    fn was_up(story: &Self::Story) -> bool;

    fn ended(story: &Self::Story) -> Option<&Ended>;

    /// Whether the ends on both sides, the caller's first, may come of one call; `None` for what every play has.
    fn agrees(pair: &Pair<Self>, ours: &Self::Story, theirs: &Self::Story) -> Option<bool>;
}

pub(crate) struct Side<P: Play> {
    pub(crate) endpoint: Endpoint,
    pub(crate) calls: BTreeMap<SessionId, String>,
    /// By Call-ID.
    pub(crate) stories: BTreeMap<String, P::Story>,
    /// What this side is going to do, and when.
    plans: Vec<(Instant, SessionId, P::Plan)>,
}

pub(crate) struct Pair<P: Play> {
    pub(crate) sides: [Side<P>; 2],
    /// On the wire: when, to whom, what.
    wire: Vec<(Instant, usize, Bytes)>,
    pub(crate) rng: Rng,
    pub(crate) now: Instant,
    transport: Transport,
    /// The share of the messages that are lost.
    pub(crate) loss: f64,
}

impl<P: Play> Pair<P> {
    pub(crate) fn new(seed: u64) -> Self {
        let side = |seed| Side {
            endpoint: Endpoint::new(Config { seed, ..Config::default() }),
            calls: BTreeMap::new(),
            stories: BTreeMap::new(),
            plans: Vec::new(),
        };
        let mut rng = Rng::with_seed(seed);
        let transport = if seed % 8 == 7 { Transport::Tcp } else { Transport::Udp };
        let loss = if transport == Transport::Tcp { 0.0 } else { f64::from(rng.u8(..25)) / 100.0 };
        Pair {
            sides: [side(seed * 2), side(seed * 2 + 1)],
            wire: Vec::new(),
            rng,
            now: Instant::now(),
            transport,
            loss,
        }
    }

    fn flow(&self, side: usize) -> Flow {
        let addresses = ["192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap()];
        Flow { transport: self.transport, local: addresses[side], remote: addresses[1 - side] }
    }

    /// Some time within so many milliseconds.
    pub(crate) fn later(&mut self, most_ms: u64) -> Instant {
        self.now + Duration::from_millis(self.rng.u64(..most_ms))
    }

    /// What a side is going to do with a session, and when.
    pub(crate) fn plan(&mut self, side: usize, at: Instant, session: SessionId, plan: P::Plan) {
        self.sides[side].plans.push((at, session, plan));
    }

    pub(crate) fn place(&mut self) {
        let flow = self.flow(0);
        let (offer, headers, story) = P::begin(&mut self.rng);
        let session = self.sides[0].endpoint.invite(
            self.now,
            Invite {
                next: Next::Flow(flow),
                target: "sip:x@192.0.2.2".into(),
                from: "sip:y@192.0.2.1".into(),
                to: "sip:x@192.0.2.2".into(),
                user: "ivr".into(),
                offer: offer.map_or(Offer::None, Offer::Ready),
                credentials: None,
                headers,
                follow: true,
                max_forwards: 70,
            },
        );
        let call_id = self.sides[0].endpoint.session(session).unwrap().call_id;
        self.sides[0].calls.insert(session, call_id.clone());
        self.sides[0].stories.insert(call_id, story);
        if self.rng.bool() {
            let at = self.later(60_000);
            self.plan(0, at, session, P::HANG_UP);
        }
        self.drain(0);
    }

    /// The bytes on the wire.
    pub(crate) fn sent(&self) -> Vec<Bytes> {
        self.wire.iter().map(|(_, _, bytes)| bytes.clone()).collect()
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes, .. } => {
                    assert_eq!(flow, self.flow(side), "sent to nobody");
                    let copies = match () {
                        () if self.rng.f64() < self.loss => 0,
                        () if self.transport == Transport::Udp && self.rng.u8(..10) == 0 => 2,
                        () => 1,
                    };
                    for _ in 0..copies {
                        // A stream keeps its order.
                        let delay = if self.transport == Transport::Udp { self.rng.u64(5..400) } else { 20 };
                        self.wire.push((self.now + Duration::from_millis(delay), 1 - side, bytes.clone()));
                    }
                }
                Output::Event(event) => P::on_event(self, side, event),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next thing to happen: a message, a timer or a plan.
    fn step(&mut self) -> bool {
        let wire = self.wire.iter().map(|(at, ..)| *at).min();
        let timers = self.sides.iter().filter_map(|s| s.endpoint.poll_timeout()).min();
        let plans = self.sides.iter().flat_map(|s| s.plans.iter().map(|(at, ..)| *at)).min();
        let Some(next) = [wire, timers, plans].into_iter().flatten().min() else { return false };
        assert!(next >= self.now, "something is due in the past");
        self.now = next;
        if wire == Some(next) {
            let at = self.wire.iter().position(|(at, ..)| *at == next).unwrap();
            let (_, side, bytes) = self.wire.remove(at);
            let flow = self.flow(side);
            self.sides[side].endpoint.handle(self.now, Input::Message { flow, bytes });
            self.drain(side);
            return true;
        }
        for side in 0..2 {
            if let Some(at) = self.sides[side].plans.iter().position(|(at, ..)| *at == next) {
                let (_, session, plan) = self.sides[side].plans.remove(at);
                P::act(self, side, session, plan);
            }
            self.sides[side].endpoint.handle(self.now, Input::Timeout);
            self.drain(side);
        }
        true
    }

    /// Runs to the end; how it then is.
    pub(crate) fn run(mut self) -> Self {
        let start = self.now;
        for _ in 0..self.rng.usize(1..6) {
            self.place();
        }
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 20_000, "it never ends");
            assert!(self.now < start + Duration::from_secs(600), "it takes too long");
        }
        for side in &self.sides {
            let counts = side.endpoint.counts();
            assert_eq!((counts.transactions, counts.sessions), (0, 0), "something is left");
        }
        let [caller, callee] = &self.sides;
        for (call_id, ours) in &caller.stories {
            let reason = P::ended(ours).unwrap_or_else(|| panic!("{call_id} never ended"));
            let Some(theirs) = callee.stories.get(call_id) else {
                // No INVITE came through.
                assert!(!P::was_up(ours));
                continue;
            };
            let their_reason = P::ended(theirs).unwrap_or_else(|| panic!("{call_id} never ended there"));
            let (our_up, their_up) = (P::was_up(ours), P::was_up(theirs));
            let usual = || match (reason, their_reason) {
                (Ended::HungUp, Ended::Bye { .. } | Ended::Cancelled { .. } | Ended::HungUp) => true,
                (Ended::HungUp, Ended::Rejected { status: 486 } | Ended::NoAck) => true,
                (Ended::Bye { .. }, Ended::HungUp | Ended::NoAck) => our_up,
                (Ended::Failed { status: 486 }, Ended::Rejected { status: 486 }) => !our_up && !their_up,
                (Ended::Failed { status: 480 }, Ended::HungUp) => !our_up && !their_up,
                // Every response was lost, or the last one.
                (Ended::Failed { status: 408 }, _) => !our_up && self.loss > 0.0,
                _ => false,
            };
            let agree = P::agrees(&self, ours, theirs).unwrap_or_else(usual);
            assert!(agree, "{call_id}: {ours:?} and {theirs:?}");
        }
        self
    }
}
