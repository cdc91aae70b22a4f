//! Two endpoints that are told to do anything at any time, over a network that loses, doubles, reorders and damages.
//! Each is the other's peer, so half of what comes makes sense. Whatever happens: every session ends exactly once, every
//! request has one answer, what is sent can be read, and in the end nothing is left.

mod commands;
mod names;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use fuzz::{budget, corpus, memory, mutate};
use sip::{
    Body, Config, Contact, Counts, Endpoint, Event, Flow, Hop, Input, Message, Output, Reason, ReferId,
    RequestId, SessionId, SubscriptionId, Termination, TextId, Transport, User,
};

/// Steps of one storm: each is a command, a message, or time that passes.
const STEPS: u64 = 600;

const ADDRESSES: [&str; 2] = ["192.0.2.1:5060", "192.0.2.2:5060"];
const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Wss];

/// How a side treats what it is told.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As a phone would.
    Sensible,
    /// Anyhow.
    Wild,
}

/// The events that a storm must bring about.
const KINDS: [&str; 19] = [
    "invited",
    "reached",
    "progressed",
    "answered",
    "confirmed",
    "acknowledged",
    "reinvited",
    "reconfirmed",
    "changed",
    "referred",
    "refer answered",
    "refer progress",
    "responded",
    "registered",
    "ended",
    "subscribed",
    "unsubscribed",
    "texted",
    "informed",
];

/// How often each of [`KINDS`] was told.
type Heard = [u64; 19];

fn kind(event: &Event) -> Option<usize> {
    Some(match event {
        Event::Invited { .. } => 0,
        Event::Reached { .. } => 1,
        Event::Progressed { .. } => 2,
        Event::Answered { .. } => 3,
        Event::Confirmed { .. } => 4,
        Event::Acknowledged { .. } => 5,
        Event::Reinvited { .. } => 6,
        Event::Reconfirmed { .. } => 7,
        Event::Changed { .. } => 8,
        Event::Referred { .. } => 9,
        Event::ReferAnswered { .. } => 10,
        Event::ReferProgress { .. } => 11,
        Event::Responded { .. } => 12,
        Event::Registered { .. } => 13,
        Event::Ended { .. } => 14,
        Event::Subscribed { .. } => 15,
        Event::Unsubscribed { .. } => 16,
        Event::Texted { .. } => 17,
        Event::Informed { .. } => 18,
        _ => return None,
    })
}

struct Side {
    endpoint: Endpoint,
    live: BTreeSet<SessionId>,
    refers: Vec<ReferId>,
    watchers: BTreeSet<SubscriptionId>,
    texts: Vec<TextId>,
    asked: BTreeSet<RequestId>,
    manner: Manner,
    begun: u64,
}

struct World {
    sides: [Side; 2],
    /// On the wire: when, to whom, by which flow of theirs, what.
    wire: Vec<(Instant, usize, Flow, Bytes)>,
    rng: Rng,
    now: Instant,
    /// How often each event was told.
    heard: Heard,
    /// Of 256 messages so many are lost, and so many damaged.
    lost: u8,
    damaged: u8,
}

fn body() -> Body {
    Body::sdp(corpus::DESCRIPTION.as_bytes().to_vec())
}

fn flow(of: usize, transport: Transport) -> Flow {
    let address = |at: usize| ADDRESSES[at].parse().expect("an address");
    Flow { transport, local: address(of), remote: address(1 - of) }
}

fn contact(of: usize) -> Contact {
    Contact::new("c", ADDRESSES[of].parse().expect("an address"), Transport::Udp)
}

impl World {
    fn new(rng: &mut Rng) -> Self {
        let mut rng = rng.fork();
        let mut side = || {
            let config = Config {
                seed: rng.u64(..),
                session_expires: Duration::from_secs([0, 90, 1_800][rng.usize(..3)]),
                crowd: [0, 80_000][rng.usize(..2)],
                ..Config::default()
            };
            let mut endpoint = Endpoint::new(config);
            endpoint.set_users(vec![User { name: "alice".into(), password: "secret".into() }]);
            Side {
                endpoint,
                live: BTreeSet::new(),
                refers: Vec::new(),
                watchers: BTreeSet::new(),
                texts: Vec::new(),
                asked: BTreeSet::new(),
                manner: if rng.bool() { Manner::Sensible } else { Manner::Wild },
                begun: 0,
            }
        };
        let sides = [side(), side()];
        let (lost, damaged) = ([0, 0, 20, 80][rng.usize(..4)], [0, 0, 10, 60][rng.usize(..4)]);
        World { sides, wire: Vec::new(), heard: Heard::default(), rng, now: Instant::now(), lost, damaged }
    }

    fn some_session(&mut self, of: usize) -> Option<SessionId> {
        let live = &self.sides[of].live;
        let at = self.rng.usize(..live.len().max(1));
        live.iter().nth(at).copied()
    }

    /// Carries out what a side wants done.
    fn drain(&mut self, of: usize, corpus: &[Vec<u8>]) {
        let mut outputs = 0;
        while let Some(output) = self.sides[of].endpoint.poll_output() {
            outputs += 1;
            assert!(outputs < 4_000, "an endpoint does not come to rest");
            match output {
                Output::Transmit { flow, bytes, .. } => self.carry(of, flow, bytes, corpus),
                Output::Connect(hop) => self.connect(of, hop),
                Output::Query(query) => {
                    // Some questions are never answered.
                    if self.rng.u8(..10) != 0 {
                        let answer = names::answer(&mut self.rng, &query);
                        self.sides[of].endpoint.handle(self.now, Input::Found { query, answer });
                    }
                }
                Output::Event(event) => self.hear(of, event),
            }
        }
    }

    fn carry(&mut self, from: usize, flow: Flow, bytes: Bytes, corpus: &[Vec<u8>]) {
        let message = Message::parse(bytes.clone()).expect("what we send can be read");
        assert_eq!(message.problem(), None, "{bytes:?}");
        if self.rng.u8(..) < self.lost || flow.remote.to_string() != ADDRESSES[1 - from] {
            return;
        }
        let theirs = Flow { transport: flow.transport, local: flow.remote, remote: flow.local };
        for _ in 0..if self.rng.u8(..20) == 0 { 2 } else { 1 } {
            let mut copy = bytes.clone();
            if self.rng.u8(..) < self.damaged {
                copy = Bytes::from(mutate::strike(&mut self.rng, corpus, copy.to_vec(), 1));
            }
            let at = self.now + Duration::from_millis(self.rng.u64(..40));
            self.wire.push((at, 1 - from, theirs, copy));
        }
    }

    fn connect(&mut self, of: usize, hop: Hop) {
        let input = if self.rng.u8(..4) == 0 {
            Input::Unreachable { hop }
        } else {
            let local = ADDRESSES[of].parse().expect("an address");
            let flow = Flow { transport: hop.transport, local, remote: hop.remote };
            Input::Connected { hop, flow }
        };
        self.sides[of].endpoint.handle(self.now, input);
    }

    fn hear(&mut self, of: usize, event: Event) {
        if let Some(at) = kind(&event) {
            self.heard[at] += 1;
        }
        let (now, rng) = (self.now, &mut self.rng);
        let side = &mut self.sides[of];
        let acts = side.manner == Manner::Sensible || rng.bool();
        let some = |rng: &mut Rng| (rng.u8(..4) != 0).then(body);
        match event {
            Event::Invited { session, .. } => {
                side.begun += 1;
                assert!(side.live.insert(session), "a session begins twice");
                let endpoint = &mut side.endpoint;
                let _ = match rng.u8(..8) {
                    _ if !acts => Ok(()),
                    0..3 => endpoint.answer(now, session, Some(body()), contact(of)),
                    3..5 => endpoint.progress(now, session, 183, some(rng), contact(of)),
                    5 => endpoint.challenge(now, session),
                    6 => endpoint.reject(
                        now,
                        session,
                        302,
                        None,
                        vec![("Contact".into(), "<sip:d@192.0.2.2>".into())],
                    ),
                    _ => Ok(()),
                };
            }
            Event::Reached { session, .. } if acts => {
                let _ = side.endpoint.offer(now, session, some(rng));
            }
            Event::Progressed { session, early, owes_answer: true, .. } if acts => {
                let _ = side.endpoint.acknowledge_early(now, session, early, some(rng));
            }
            Event::Answered { session, owes_answer: true, .. }
            | Event::Changed { session, owes_answer: true, .. }
                if acts =>
            {
                let _ = side.endpoint.acknowledge(now, session, some(rng));
            }
            Event::Reinvited { session, .. } if acts => {
                let answer = if rng.u8(..4) == 0 { Err(488) } else { Ok(body()) };
                let _ = side.endpoint.answer_reinvite(now, session, answer);
            }
            Event::Referred { refer, .. } => {
                side.refers.push(refer.id);
                if acts {
                    let answer = if rng.u8(..3) == 0 { Err(603) } else { Ok(()) };
                    let _ = side.endpoint.answer_refer(now, refer.id, answer);
                }
            }
            Event::Subscribed { subscription, .. } => {
                assert!(side.watchers.insert(subscription), "a subscription begins twice");
                if acts {
                    let _ = side.endpoint.accept_subscription(now, subscription, some(rng));
                }
            }
            Event::StateWanted { subscription } if acts => {
                let _ = side.endpoint.notify(now, subscription, body());
            }
            Event::Unsubscribed { subscription, .. } => {
                assert!(side.watchers.remove(&subscription), "a subscription ends twice");
            }
            Event::Texted { text, .. } => {
                side.texts.push(text);
                if acts {
                    side.endpoint.answer_text(now, text, rng.u16(..));
                }
            }
            Event::Ended { session, .. } => {
                assert!(side.live.remove(&session), "an end without a beginning, or a second one");
            }
            Event::Responded { request, .. } => {
                assert!(side.asked.remove(&request), "an answer to nothing, or a second one");
            }
            _ => {}
        }
    }

    /// Delivers what has come by now and fires what is due.
    fn deliver(&mut self, corpus: &[Vec<u8>]) {
        let due = |(at, ..): &(Instant, usize, Flow, Bytes)| *at <= self.now;
        let mut ready: Vec<_> = self.wire.extract_if(.., |message| due(message)).collect();
        ready.sort_by_key(|(at, ..)| *at);
        for (_, to, flow, bytes) in ready {
            self.sides[to].endpoint.handle(self.now, Input::Message { flow, bytes });
            self.drain(to, corpus);
        }
        for of in 0..2 {
            let mut fired = 0;
            while self.sides[of].endpoint.poll_timeout().is_some_and(|at| at <= self.now) {
                fired += 1;
                assert!(fired < 10_000, "a timer does not move");
                self.sides[of].endpoint.handle(self.now, Input::Timeout);
                self.drain(of, corpus);
            }
        }
    }

    fn step(&mut self, corpus: &[Vec<u8>]) {
        let of = self.rng.usize(..2);
        match self.rng.u8(..16) {
            0..6 => self.command(of),
            6 => {
                let bytes = Bytes::from(mutate::mutated(&mut self.rng, corpus));
                let flow = flow(of, TRANSPORTS[self.rng.usize(..TRANSPORTS.len())]);
                self.sides[of].endpoint.handle(self.now, Input::Message { flow, bytes });
            }
            7 if self.rng.u8(..40) == 0 => {
                let flow = flow(of, TRANSPORTS[self.rng.usize(..TRANSPORTS.len())]);
                let input =
                    if self.rng.bool() { Input::Closed { flow } } else { Input::TransmitFailed { flow } };
                self.sides[of].endpoint.handle(self.now, input);
            }
            8 => self.now += Duration::from_millis(self.rng.u64(..20_000)),
            _ => self.now += Duration::from_millis(self.rng.u64(..30)),
        }
        self.drain(of, corpus);
        self.deliver(corpus);
    }

    /// Ends what only a command ends.
    fn finish(&mut self, corpus: &[Vec<u8>]) {
        let now = self.now;
        for of in 0..2 {
            let side = &mut self.sides[of];
            side.manner = Manner::Sensible;
            for session in side.live.clone() {
                side.endpoint.hang_up(now, session, Reason::normal());
            }
            for watcher in std::mem::take(&mut side.watchers) {
                if side.endpoint.end_subscription(now, watcher, Termination::NoResource, None).is_ok() {
                    side.watchers.insert(watcher);
                }
            }
            for text in side.texts.drain(..) {
                side.endpoint.answer_text(now, text, 200);
            }
            self.drain(of, corpus);
        }
    }

    /// Everybody hangs up, the network is quiet, and time passes.
    fn end(mut self, corpus: &[Vec<u8>]) -> Heard {
        (self.lost, self.damaged) = (0, 0);
        self.finish(corpus);
        let end = self.now + Duration::from_secs(100_000);
        loop {
            self.deliver(corpus);
            let timers = self.sides.iter().filter_map(|side| side.endpoint.poll_timeout());
            let arrivals = self.wire.iter().map(|(at, ..)| *at);
            match timers.chain(arrivals).min().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            // What came late.
            self.finish(corpus);
        }
        for side in &self.sides {
            assert!(side.live.is_empty(), "{} of {} sessions never ended", side.live.len(), side.begun);
            assert!(side.asked.is_empty(), "{} requests without an answer", side.asked.len());
            let counts = side.endpoint.counts();
            assert_eq!(counts, Counts::default(), "{:#?}", side.endpoint);
        }
        self.heard
    }
}

#[test]
fn operations() {
    let corpus = corpus::messages();
    let mut heard = Heard::default();
    budget::run("operations", |rng| {
        let (told, left, peak) = memory::of(|| {
            let mut world = World::new(rng);
            for _ in 0..STEPS {
                world.step(&corpus);
            }
            world.end(&corpus)
        });
        heard.iter_mut().zip(told).for_each(|(all, told)| *all += told);
        assert_eq!(left, 0, "something stays behind");
        assert!(peak < 64 << 20, "{peak} bytes");
        STEPS
    });
    for (kind, count) in KINDS.iter().zip(heard) {
        println!("  {kind}: {count}");
        assert!(
            count > 0 || std::env::var_os("FUZZ_CASE").is_some(),
            "{kind} never happens: the storm is weak"
        );
    }
}
