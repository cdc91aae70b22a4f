//! Two endpoints that change their calls as they like, both at once, over a network that loses, doubles and reorders.
//! Offers and answers never come apart: every answer answers the offer its side made last, every change is told of once,
//! every session ends once on both sides, and nothing is left. (`pair` has the ways in which calls begin and are moved.)

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use sip::{
    Body, Config, Ended, Endpoint, Event, Flow, Input, Invite, Next, Offer, Output, Reason, SessionId,
    Transport,
};

use crate::harness::contact;

/// What a session went through, by Call-ID.
#[derive(Debug, Default)]
struct Story {
    up: bool,
    ended: Option<Ended>,
    events: usize,
    /// The offer of the peer that is to be answered.
    theirs: Option<Body>,
    /// The offer in our INVITE, or in our 2xx to one, that has no answer.
    ours: Option<Body>,
    /// The change of ours that is to be told of, and its offer.
    changing: Option<Option<Body>>,
    changed: usize,
}

/// A new offer.
fn offer(rng: &mut Rng) -> Body {
    Body::sdp(format!("v=0 offer {}", rng.u64(..)).into_bytes())
}

fn answer_to(offer: &Body) -> Body {
    Body::sdp([b"v=0 answer to ", &offer.bytes[..]].concat())
}

impl Story {
    /// A description came that must be the answer to the offer of our INVITE or 2xx.
    #[track_caller]
    fn answered(&mut self, answer: &Body) {
        let ours = self.ours.take().expect("an answer to no offer");
        assert_eq!(*answer, answer_to(&ours), "the answer to another offer");
    }
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
    Answer,
    Refuse,
    HangUp,
    Reinvite {
        offers: bool,
    },
    Update {
        offers: bool,
    },
    /// Answers the peer's change.
    Agree {
        refuses: bool,
    },
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
        let first = (self.rng.u8(..4) != 0).then(|| offer(&mut self.rng));
        let session = self.sides[0].endpoint.invite(
            self.now,
            Invite {
                next: Next::Flow(flow),
                target: "sip:x@192.0.2.2".into(),
                from: "sip:y@192.0.2.1".into(),
                to: "sip:x@192.0.2.2".into(),
                user: "ivr".into(),
                offer: first.clone().map_or(Offer::None, Offer::Ready),
                credentials: None,
                headers: vec![],
                follow: true,
                max_forwards: 70,
            },
        );
        let call_id = self.sides[0].endpoint.session(session).unwrap().call_id;
        self.sides[0].calls.insert(session, call_id.clone());
        self.sides[0].stories.insert(call_id, Story { ours: first, ..Story::default() });
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
        if let Event::Invited { session, invite } = &event {
            self.sides[side].calls.insert(*session, invite.call_id.clone());
            let story = Story { theirs: invite.offer.clone(), ..Story::default() };
            let old = self.sides[side].stories.insert(invite.call_id.clone(), story);
            assert!(old.is_none(), "one INVITE made two calls");
            let (ring, end) = (self.later(2_000), self.later(20_000));
            let last = [Plan::Answer, Plan::Answer, Plan::Answer, Plan::Refuse][self.rng.usize(..4)];
            self.sides[side].plans.push((ring, *session, Plan::Ring));
            self.sides[side].plans.push((end, *session, last));
            // Every call ends some time.
            let most = self.now + Duration::from_secs(90);
            self.sides[side].plans.push((most, *session, Plan::HangUp));
        }
        let session = match &event {
            Event::Message { .. } => return,
            Event::Invited { session, .. }
            | Event::Answered { session, .. }
            | Event::Progressed { session, .. }
            | Event::Confirmed { session, .. }
            | Event::Reinvited { session, .. }
            | Event::Reconfirmed { session, .. }
            | Event::Changed { session, .. }
            | Event::Refreshed { session, .. }
            | Event::Ended { session, .. } => *session,
            other => panic!("unexpected {other:?}"),
        };
        let comes_up = matches!(event, Event::Answered { .. } | Event::Confirmed { .. });
        for _ in 0..if comes_up { self.rng.usize(..5) } else { 0 } {
            let (at, offers) = (self.later(40_000), self.rng.u8(..4) != 0);
            let plan = if self.rng.bool() { Plan::Reinvite { offers } } else { Plan::Update { offers } };
            self.sides[side].plans.push((at, session, plan));
        }
        if let Event::Reinvited { .. } = event {
            let at = if self.rng.bool() { self.now } else { self.later(3_000) };
            let refuses = self.rng.u8(..4) == 0;
            self.sides[side].plans.push((at, session, Plan::Agree { refuses }));
        }
        let now = self.now;
        let call_id = self.sides[side].calls[&session].clone();
        let over = self.sides[1 - side].stories.get(&call_id).is_some_and(|story| story.ended.is_some());
        let Side { endpoint, stories, .. } = &mut self.sides[side];
        let story = stories.get_mut(&call_id).unwrap();
        assert_eq!(story.ended, None, "an event after the end: {event:?}");
        story.events += 1;
        story.up |= comes_up;
        match event {
            Event::Answered { body: Some(offer), owes_answer: true, .. } => {
                endpoint.acknowledge(now, session, Some(answer_to(&offer))).unwrap();
            }
            Event::Answered { body: Some(answer), .. } => story.answered(&answer),
            Event::Confirmed { body, .. } | Event::Reconfirmed { body, .. } => match body {
                Some(answer) => story.answered(&answer),
                // Who has hung up answers nothing more.
                None => assert!(story.ours.is_none() || over, "our offer has no answer"),
            },
            Event::Reinvited { offer, .. } => {
                story.theirs = offer;
            }
            Event::Changed { result, owes_answer, .. } => {
                let ours = story.changing.take().expect("nothing was to be changed");
                story.changed += usize::from(result.is_ok());
                match result {
                    Ok(Some(offer)) if owes_answer => {
                        endpoint.acknowledge(now, session, Some(answer_to(&offer))).unwrap();
                    }
                    Ok(Some(answer)) => assert_eq!(Some(answer), ours.as_ref().map(answer_to)),
                    Ok(None) => assert_eq!(ours, None, "our offer has no answer"),
                    Err(_) => {}
                }
            }
            Event::Ended { reason, .. } => story.ended = Some(reason),
            _ => {}
        }
    }

    fn act(&mut self, side: usize, session: SessionId, plan: Plan) {
        let (now, fresh) = (self.now, offer(&mut self.rng));
        let Side { endpoint, calls, stories, .. } = &mut self.sides[side];
        let story = stories.get_mut(&calls[&session]).unwrap();
        // The call may be over or further on already: then the command is refused, and that is right.
        let _ = match plan {
            Plan::Ring => endpoint.progress(now, session, 180, None, contact()),
            Plan::Answer | Plan::Agree { refuses: false } => {
                let theirs = story.theirs.take();
                let body = theirs.as_ref().map_or_else(|| fresh.clone(), answer_to);
                let done = match plan {
                    Plan::Answer => endpoint.answer(now, session, Some(body), contact()),
                    _ => endpoint.answer_reinvite(now, session, Ok(body)),
                };
                if done.is_ok() && theirs.is_none() {
                    story.ours = Some(fresh);
                }
                done
            }
            Plan::Agree { refuses: true } => endpoint.answer_reinvite(now, session, Err(488)),
            Plan::Reinvite { offers } | Plan::Update { offers } => {
                let body = offers.then_some(fresh);
                let done = match plan {
                    Plan::Reinvite { .. } => endpoint.reinvite(now, session, body.clone()),
                    _ => endpoint.update(now, session, body.clone()),
                };
                if done.is_ok() {
                    assert_eq!(story.changing, None, "two changes at a time");
                    story.changing = Some(body);
                }
                done
            }
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

    /// Runs to the end; how many changes were made.
    fn run(mut self) -> usize {
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
                (Ended::NoAck, Ended::HungUp | Ended::Bye { .. } | Ended::NoAck) => ours.up,
                // A change met the other side's end, or nothing came through for half a minute.
                (Ended::Failed { status: 481 | 408 }, _) if ours.up => self.loss > 0.0 || left(their_reason),
                (_, Ended::Failed { status: 481 | 408 }) if theirs.up => self.loss > 0.0 || left(reason),
                (Ended::Failed { status: 486 }, Ended::Rejected { status: 486 }) => !ours.up && !theirs.up,
                (Ended::Failed { status: 480 }, Ended::HungUp) => !ours.up && !theirs.up,
                // Every response was lost, or the last one.
                (Ended::Failed { status: 408 }, _) => !ours.up && self.loss > 0.0,
                _ => false,
            };
            assert!(agree, "{call_id}: {ours:?} and {theirs:?}");
        }
        self.sides.iter().flat_map(|s| s.stories.values()).map(|story| story.changed).sum()
    }
}

/// Whether a side left the call by itself.
fn left(reason: &Ended) -> bool {
    matches!(reason, Ended::HungUp | Ended::NoAck)
}

#[test]
fn offers_and_answers_never_come_apart_whatever_the_network_does() {
    let mut changes = 0;
    for seed in 0..256 {
        match std::panic::catch_unwind(|| Pair::new(seed).run()) {
            Ok(changed) => changes += changed,
            Err(_) => panic!("SEED={seed:#x}"),
        }
    }
    assert!(changes > 500, "few changes came through: {changes}");
}
