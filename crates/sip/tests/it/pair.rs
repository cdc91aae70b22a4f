//! Two endpoints over a network that loses, doubles and reorders: 256 seeds, each a handful of calls.
//! Whatever happens, every session ends exactly once on both sides, both sides agree how, and nothing is left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use sip::{
    Config, Ended, Endpoint, Event, Flow, Input, Invite, Next, Offer, Output, Reason, ReferId, SessionId,
    Transport,
};

use crate::harness::{contact, sdp};

/// What a session went through, by Call-ID.
#[derive(Debug, Default)]
struct Story {
    up: bool,
    /// Whether the other side's description is known.
    described: bool,
    ended: Option<Ended>,
    events: usize,
}

struct Side {
    endpoint: Endpoint,
    calls: BTreeMap<SessionId, String>,
    stories: BTreeMap<String, Story>,
    /// What this side is going to do, and when.
    plans: Vec<(Instant, SessionId, Plan)>,
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    Ring,
    /// 183 with a description, which goes out reliably.
    Early,
    Answer,
    /// Ask the other side to call somebody else.
    Transfer,
    /// Say how that went.
    Transferred(ReferId),
    Refuse,
    HangUp,
}

struct Pair {
    sides: [Side; 2],
    /// On the wire: when, to whom, what.
    wire: Vec<(Instant, usize, Bytes)>,
    rng: Rng,
    now: Instant,
    transport: Transport,
    loss: f64,
}

impl Pair {
    fn new(seed: u64) -> Self {
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

    fn later(&mut self, most_ms: u64) -> Instant {
        self.now + Duration::from_millis(self.rng.u64(..most_ms))
    }

    fn place(&mut self) {
        let flow = self.flow(0);
        let late = self.rng.u8(..4) == 0;
        let require = self.rng.u8(..4) == 0;
        let headers = match require {
            true => vec![("Require".to_owned(), "100rel".to_owned())],
            false => vec![],
        };
        let session = self.sides[0].endpoint.invite(
            self.now,
            Invite {
                next: Next::Flow(flow),
                target: "sip:x@192.0.2.2".into(),
                from: "sip:y@192.0.2.1".into(),
                to: "sip:x@192.0.2.2".into(),
                user: "ivr".into(),
                offer: if late { Offer::None } else { Offer::Ready(sdp()) },
                credentials: None,
                headers,
                follow: true,
                max_forwards: 70,
            },
        );
        let call_id = self.sides[0].endpoint.session(session).unwrap().call_id;
        self.sides[0].calls.insert(session, call_id.clone());
        self.sides[0].stories.insert(call_id, Story::default());
        if self.rng.bool() {
            let at = self.later(60_000);
            self.sides[0].plans.push((at, session, Plan::HangUp));
        }
        self.drain(0);
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
                Output::Event(event) => self.on_event(side, event),
                other => panic!("{other:?}"),
            }
        }
    }

    fn on_event(&mut self, side: usize, event: Event) {
        let mut described = false;
        let session = match &event {
            Event::Message { .. } => return,
            Event::Invited { session, invite } => {
                self.sides[side].calls.insert(*session, invite.call_id.clone());
                let old = self.sides[side].stories.insert(invite.call_id.clone(), Story::default());
                assert!(old.is_none(), "one INVITE made two calls");
                let (ring, end) = (self.later(2_000), self.later(20_000));
                let last = [Plan::Answer, Plan::Answer, Plan::Answer, Plan::Refuse][self.rng.usize(..4)];
                self.sides[side].plans.push((ring, *session, Plan::Ring));
                if self.rng.bool() {
                    let early = self.later(10_000);
                    self.sides[side].plans.push((early, *session, Plan::Early));
                }
                described = invite.offer.is_some();
                self.sides[side].plans.push((end, *session, last));
                // Every call ends some time.
                let most = self.now + Duration::from_secs(90);
                self.sides[side].plans.push((most, *session, Plan::HangUp));
                *session
            }
            Event::Answered { session, owes_answer, body, .. } => {
                assert!(body.is_some(), "an answer without a description");
                described = true;
                if *owes_answer {
                    self.sides[side].endpoint.acknowledge(self.now, *session, Some(sdp())).unwrap();
                }
                if self.rng.u8(..4) == 0 {
                    let at = self.later(5_000);
                    self.sides[side].plans.push((at, *session, Plan::Transfer));
                }
                *session
            }
            Event::Progressed { session, early, owes_answer, .. } => {
                if *owes_answer {
                    let endpoint = &mut self.sides[side].endpoint;
                    endpoint.acknowledge_early(self.now, *session, *early, Some(sdp())).unwrap();
                }
                *session
            }
            Event::Acknowledged { session, body } | Event::Confirmed { session, body } => {
                described = body.is_some();
                *session
            }
            Event::Referred { session, refer } => {
                let refused = self.rng.u8(..4) == 0;
                let answer = if refused { Err(603) } else { Ok(()) };
                self.sides[side].endpoint.answer_refer(self.now, refer.id, answer).unwrap();
                let at = self.later(8_000);
                self.sides[side].plans.push((at, *session, Plan::Transferred(refer.id)));
                *session
            }
            Event::ReferAnswered { session, .. }
            | Event::ReferProgress { session, .. }
            | Event::Ended { session, .. } => *session,
            other => panic!("unexpected {other:?}"),
        };
        let call_id = self.sides[side].calls[&session].clone();
        let story = self.sides[side].stories.get_mut(&call_id).unwrap();
        assert_eq!(story.ended, None, "an event after the end: {event:?}");
        story.events += 1;
        story.described |= described;
        assert!(story.described || !matches!(event, Event::Confirmed { .. }), "up without a description");
        story.up |= matches!(event, Event::Answered { .. } | Event::Confirmed { .. });
        if let Event::Ended { reason, .. } = event {
            story.ended = Some(reason);
        }
    }

    fn act(&mut self, side: usize, session: SessionId, plan: Plan) {
        let (endpoint, now) = (&mut self.sides[side].endpoint, self.now);
        // The call may be over or further on already: then the command is refused, and that is right.
        let _ = match plan {
            Plan::Ring => endpoint.progress(now, session, 180, None, contact()),
            Plan::Early => endpoint.progress(now, session, 183, Some(sdp()), contact()),
            Plan::Transfer => endpoint.refer(now, session, "sip:z@192.0.2.9", vec![]).map(|_refer| ()),
            Plan::Transferred(refer) => endpoint.notify_refer(now, refer, 200),
            Plan::Answer => endpoint.answer(now, session, Some(sdp()), contact()),
            Plan::Refuse => endpoint.reject(now, session, 486, None, vec![]),
            Plan::HangUp => {
                endpoint.hang_up(now, session, Reason::normal());
                Ok(())
            }
        };
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
                self.act(side, session, plan);
            }
            self.sides[side].endpoint.handle(self.now, Input::Timeout);
            self.drain(side);
        }
        true
    }

    fn run(mut self) {
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
            let reason = ours.ended.as_ref().unwrap_or_else(|| panic!("{call_id} never ended"));
            let Some(theirs) = callee.stories.get(call_id) else {
                // No INVITE came through.
                assert!(!ours.up);
                continue;
            };
            let their_reason = theirs.ended.as_ref().unwrap_or_else(|| panic!("{call_id} never ended there"));
            let agree = match (reason, their_reason) {
                (Ended::HungUp, Ended::Bye { .. } | Ended::Cancelled { .. } | Ended::HungUp) => true,
                (Ended::HungUp, Ended::Rejected { status: 486 } | Ended::NoAck) => true,
                (Ended::Bye { .. }, Ended::HungUp | Ended::NoAck) => ours.up,
                (Ended::Failed { status: 486 }, Ended::Rejected { status: 486 }) => !ours.up && !theirs.up,
                (Ended::Failed { status: 480 }, Ended::HungUp) => !ours.up && !theirs.up,
                // No PRACK came through.
                (Ended::Failed { status: 504 }, Ended::NoAck) => !ours.up && self.loss > 0.0,
                // Every response was lost, or the last one.
                (Ended::Failed { status: 408 }, _) => !ours.up && self.loss > 0.0,
                _ => false,
            };
            assert!(agree, "{call_id}: {ours:?} and {theirs:?}");
        }
    }
}

#[test]
fn both_sides_agree_and_nothing_is_left_whatever_the_network_does() {
    for seed in 0..256 {
        let run = std::panic::catch_unwind(|| Pair::new(seed).run());
        assert!(run.is_ok(), "SEED={seed:#x}");
    }
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let bytes = |seed: u64| {
        let mut pair = Pair::new(seed);
        pair.place();
        pair.wire.iter().map(|(_, _, b)| b.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(8), bytes(8));
    assert_ne!(bytes(8), bytes(16));
}
