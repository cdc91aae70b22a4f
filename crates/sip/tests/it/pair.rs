//! Calls over a network that loses, doubles and reorders: 256 seeds, each a handful of calls.
//! Whatever happens, every session ends exactly once on both sides, both sides agree how, and nothing is left.

use std::time::Duration;

use fastrand::Rng;
use sip::{Body, Ended, Event, Reason, ReferId, SessionId};

use crate::harness::{contact, sdp};
use crate::lossy::{Pair, Play};

/// What a session went through.
#[derive(Debug, Default)]
struct Story {
    up: bool,
    /// Whether the other side's description is known.
    described: bool,
    ended: Option<Ended>,
    events: usize,
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

/// Calls that begin in every way, and are moved.
struct Calls;

impl Play for Calls {
    type Story = Story;
    type Plan = Plan;

    const HANG_UP: Plan = Plan::HangUp;

    fn begin(rng: &mut Rng) -> (Option<Body>, Vec<(String, String)>, Story) {
        let late = rng.u8(..4) == 0;
        let require = rng.u8(..4) == 0;
        let headers = match require {
            true => vec![("Require".to_owned(), "100rel".to_owned())],
            false => vec![],
        };
        ((!late).then(sdp), headers, Story::default())
    }

    fn on_event(pair: &mut Pair<Self>, side: usize, event: Event) {
        let mut described = false;
        let session = match &event {
            Event::Message { .. } => return,
            Event::Invited { session, invite } => {
                pair.sides[side].calls.insert(*session, invite.call_id.clone());
                let old = pair.sides[side].stories.insert(invite.call_id.clone(), Story::default());
                assert!(old.is_none(), "one INVITE made two calls");
                let (ring, end) = (pair.later(2_000), pair.later(20_000));
                let last = [Plan::Answer, Plan::Answer, Plan::Answer, Plan::Refuse][pair.rng.usize(..4)];
                pair.plan(side, ring, *session, Plan::Ring);
                if pair.rng.bool() {
                    let early = pair.later(10_000);
                    pair.plan(side, early, *session, Plan::Early);
                }
                described = invite.offer.is_some();
                pair.plan(side, end, *session, last);
                // Every call ends some time.
                let most = pair.now + Duration::from_secs(90);
                pair.plan(side, most, *session, Plan::HangUp);
                *session
            }
            Event::Answered { session, owes_answer, body, .. } => {
                assert!(body.is_some(), "an answer without a description");
                described = true;
                if *owes_answer {
                    pair.sides[side].endpoint.acknowledge(pair.now, *session, Some(sdp())).unwrap();
                }
                if pair.rng.u8(..4) == 0 {
                    let at = pair.later(5_000);
                    pair.plan(side, at, *session, Plan::Transfer);
                }
                *session
            }
            Event::Progressed { session, early, owes_answer, .. } => {
                if *owes_answer {
                    let endpoint = &mut pair.sides[side].endpoint;
                    endpoint.acknowledge_early(pair.now, *session, *early, Some(sdp())).unwrap();
                }
                *session
            }
            Event::Acknowledged { session, body } | Event::Confirmed { session, body } => {
                described = body.is_some();
                *session
            }
            Event::Referred { session, refer } => {
                let refused = pair.rng.u8(..4) == 0;
                let answer = if refused { Err(603) } else { Ok(()) };
                pair.sides[side].endpoint.answer_refer(pair.now, refer.id, answer).unwrap();
                let at = pair.later(8_000);
                pair.plan(side, at, *session, Plan::Transferred(refer.id));
                *session
            }
            Event::ReferAnswered { session, .. }
            | Event::ReferProgress { session, .. }
            | Event::Ended { session, .. } => *session,
            other => panic!("unexpected {other:?}"),
        };
        let call_id = pair.sides[side].calls[&session].clone();
        let story = pair.sides[side].stories.get_mut(&call_id).unwrap();
        assert_eq!(story.ended, None, "an event after the end: {event:?}");
        story.events += 1;
        story.described |= described;
        assert!(story.described || !matches!(event, Event::Confirmed { .. }), "up without a description");
        story.up |= matches!(event, Event::Answered { .. } | Event::Confirmed { .. });
        if let Event::Ended { reason, .. } = event {
            story.ended = Some(reason);
        }
    }

    fn act(pair: &mut Pair<Self>, side: usize, session: SessionId, plan: Plan) {
        let (endpoint, now) = (&mut pair.sides[side].endpoint, pair.now);
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

    fn was_up(story: &Story) -> bool {
        story.up
    }

    fn ended(story: &Story) -> Option<&Ended> {
        story.ended.as_ref()
    }

    fn agrees(pair: &Pair<Self>, ours: &Story, theirs: &Story) -> Option<bool> {
        match (ours.ended.as_ref()?, theirs.ended.as_ref()?) {
            // No PRACK came through.
            (Ended::Failed { status: 504 }, Ended::NoAck) => Some(!ours.up && pair.loss > 0.0),
            _ => None,
        }
    }
}

#[test]
fn both_sides_agree_and_nothing_is_left_whatever_the_network_does() {
    for seed in 0..256 {
        let run = std::panic::catch_unwind(|| drop(Pair::<Calls>::new(seed).run()));
        assert!(run.is_ok(), "SEED={seed:#x}");
    }
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let bytes = |seed: u64| {
        let mut pair = Pair::<Calls>::new(seed);
        pair.place();
        pair.sent()
    };
    assert_eq!(bytes(8), bytes(8));
    assert_ne!(bytes(8), bytes(16));
}
