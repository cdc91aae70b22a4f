//! Two endpoints that change their calls as they like, both at once, over a network that loses, doubles and reorders.
//! Offers and answers never come apart: every answer answers the offer its side made last, every change is told of once,
//! every session ends once on both sides, and nothing is left. (`pair` has the ways in which calls begin and are moved.)

use std::time::Duration;

use fastrand::Rng;
use sip::{Body, Ended, Event, Reason, SessionId};

use crate::harness::contact;
use crate::lossy::{Pair, Play, Side};

/// What a session went through.
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

/// Calls that both sides change.
struct Changes;

impl Play for Changes {
    type Story = Story;
    type Plan = Plan;

    const HANG_UP: Plan = Plan::HangUp;

    fn begin(rng: &mut Rng) -> (Option<Body>, Vec<(String, String)>, Story) {
        let first = (rng.u8(..4) != 0).then(|| offer(rng));
        (first.clone(), vec![], Story { ours: first, ..Story::default() })
    }

    fn on_event(pair: &mut Pair<Self>, side: usize, event: Event) {
        if let Event::Invited { session, invite } = &event {
            pair.sides[side].calls.insert(*session, invite.call_id.clone());
            let story = Story { theirs: invite.offer.clone(), ..Story::default() };
            let old = pair.sides[side].stories.insert(invite.call_id.clone(), story);
            assert!(old.is_none(), "one INVITE made two calls");
            let (ring, end) = (pair.later(2_000), pair.later(20_000));
            let last = [Plan::Answer, Plan::Answer, Plan::Answer, Plan::Refuse][pair.rng.usize(..4)];
            pair.plan(side, ring, *session, Plan::Ring);
            pair.plan(side, end, *session, last);
            // Every call ends some time.
            let most = pair.now + Duration::from_secs(90);
            pair.plan(side, most, *session, Plan::HangUp);
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
        for _ in 0..if comes_up { pair.rng.usize(..5) } else { 0 } {
            let (at, offers) = (pair.later(40_000), pair.rng.u8(..4) != 0);
            let plan = if pair.rng.bool() { Plan::Reinvite { offers } } else { Plan::Update { offers } };
            pair.plan(side, at, session, plan);
        }
        if let Event::Reinvited { .. } = event {
            let at = if pair.rng.bool() { pair.now } else { pair.later(3_000) };
            let refuses = pair.rng.u8(..4) == 0;
            pair.plan(side, at, session, Plan::Agree { refuses });
        }
        let now = pair.now;
        let call_id = pair.sides[side].calls[&session].clone();
        let over = pair.sides[1 - side].stories.get(&call_id).is_some_and(|story| story.ended.is_some());
        let Side { endpoint, stories, .. } = &mut pair.sides[side];
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

    fn act(pair: &mut Pair<Self>, side: usize, session: SessionId, plan: Plan) {
        let (now, fresh) = (pair.now, offer(&mut pair.rng));
        let Side { endpoint, calls, stories, .. } = &mut pair.sides[side];
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

    fn was_up(story: &Story) -> bool {
        story.up
    }

    fn ended(story: &Story) -> Option<&Ended> {
        story.ended.as_ref()
    }

    fn agrees(pair: &Pair<Self>, ours: &Story, theirs: &Story) -> Option<bool> {
        let (reason, their_reason) = (ours.ended.as_ref()?, theirs.ended.as_ref()?);
        match (reason, their_reason) {
            (Ended::NoAck, Ended::HungUp | Ended::Bye { .. } | Ended::NoAck) => Some(ours.up),
            // A change met the other side's end, or nothing came through for half a minute.
            (Ended::Failed { status: 481 | 408 }, _) if ours.up => {
                Some(pair.loss > 0.0 || left(their_reason))
            }
            (_, Ended::Failed { status: 481 | 408 }) if theirs.up => Some(pair.loss > 0.0 || left(reason)),
            _ => None,
        }
    }
}

/// Whether a side left the call by itself.
fn left(reason: &Ended) -> bool {
    matches!(reason, Ended::HungUp | Ended::NoAck)
}

/// How many changes were made.
fn changes_of(pair: Pair<Changes>) -> usize {
    pair.sides.iter().flat_map(|side| side.stories.values()).map(|story| story.changed).sum()
}

#[test]
fn offers_and_answers_never_come_apart_whatever_the_network_does() {
    let mut changes = 0;
    for seed in 0..256 {
        match std::panic::catch_unwind(|| changes_of(Pair::new(seed).run())) {
            Ok(changed) => changes += changed,
            Err(_) => panic!("SEED={seed:#x}"),
        }
    }
    assert!(changes > 500, "few changes came through: {changes}");
}
