//! How a dialling goes: whom it rings when, what each does, who is connected.
//!
//! A plan is made when the dialling begins, from the operation and from what the script says of the callees, one word
//! for each that rings, in the order in which they ring.

use std::{collections::VecDeque, time::Duration};

use super::script::Callee as Will;
use crate::{
    ir::{Dial, Endpoint, Order},
    leg::DialOutcome,
};

/// What will happen in a dialling, by time since its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Told on the way.
    pub(super) remarks: Vec<(Duration, String)>,
    /// When somebody is connected, if anybody is.
    pub(super) answered: Option<Duration>,
    /// When it is over, and how.
    pub(super) end: (Duration, DialOutcome, u16),
}

/// How one who rings ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Answers { talk: Duration },
    Refuses(u16),
    Unanswered,
}

/// Plans `dial` with what the script says of callees; whom it has no word of cannot be reached.
pub(super) fn plan(dial: &Dial<String>, script: &mut VecDeque<Will>) -> Plan {
    let mut to: Vec<&Endpoint<String>> = dial.to.iter().collect();
    if dial.order == Order::Weighted {
        // The dice of the simulation always fall for the heaviest.
        to.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.weight));
    }
    let mut plan =
        Plan { remarks: Vec::new(), answered: None, end: (Duration::ZERO, DialOutcome::Unavailable, 480) };
    // One who is called alone is told of by the outcome.
    let aloud = to.len() > 1 || dial.rounds > 1 || dial.announcement.is_some() || dial.confirm.is_some();
    let mut begins = Duration::ZERO;
    for _ in 0..dial.rounds.max(1) {
        let round = match dial.order {
            Order::Together => together(dial, &to, script, begins, &mut plan),
            Order::InTurn | Order::Weighted => in_turn(dial, &to, script, begins, &mut plan),
        };
        begins = plan.end.0;
        if round {
            break;
        }
    }
    plan.remarks.sort_by_key(|(at, _)| *at);
    if !aloud {
        plan.remarks.retain(|(_, words)| words.ends_with(" answers"));
    }
    plan
}

/// Whether the dialling is over: somebody answered, or refused for all.
fn together(
    dial: &Dial<String>,
    to: &[&Endpoint<String>],
    script: &mut VecDeque<Will>,
    begins: Duration,
    plan: &mut Plan,
) -> bool {
    let mut all: Vec<_> = to
        .iter()
        .filter(|endpoint| endpoint.delay < dial.timeout)
        .map(|endpoint| {
            let most = dial.timeout.saturating_sub(endpoint.delay);
            let limit = endpoint.timeout.unwrap_or(most).min(most);
            let (after, ends) = fate(script.pop_front(), limit);
            (endpoint.delay + after, ends, *endpoint)
        })
        .collect();
    all.sort_by_key(|(ends_at, ..)| *ends_at);
    let decided = all.iter().find(|(_, ends, _)| decides(dial, *ends)).map(|(at, ..)| *at);
    let until = decided.unwrap_or_else(|| all.last().map_or(Duration::ZERO, |(at, ..)| *at));
    for endpoint in to.iter().filter(|endpoint| endpoint.delay <= until) {
        plan.remarks.push((begins + endpoint.delay, format!("ring {}", endpoint.callee)));
    }
    all.iter().any(|(at, ends, endpoint)| end(dial, endpoint, begins + *at, *ends, plan))
}

/// Whether the dialling is over, as for [`together`].
fn in_turn(
    dial: &Dial<String>,
    to: &[&Endpoint<String>],
    script: &mut VecDeque<Will>,
    begins: Duration,
    plan: &mut Plan,
) -> bool {
    let mut at = begins;
    for endpoint in to {
        at += endpoint.delay;
        plan.remarks.push((at, format!("ring {}", endpoint.callee)));
        let (after, ends) = fate(script.pop_front(), endpoint.timeout.unwrap_or(dial.timeout));
        at += after;
        if end(dial, endpoint, at, ends, plan) {
            return true;
        }
    }
    false
}

/// When one who rings ends, and how.
fn fate(will: Option<Will>, limit: Duration) -> (Duration, Ends) {
    match will {
        Some(Will::Answers(after, talk)) if after < limit => (after, Ends::Answers { talk }),
        Some(Will::Refuses(after, status)) if after < limit => (after, Ends::Refuses(status)),
        Some(_) => (limit, Ends::Unanswered),
        None => (Duration::ZERO, Ends::Refuses(480)),
    }
}

/// Whether nobody else rings after one who ends so.
fn decides(dial: &Dial<String>, ends: Ends) -> bool {
    match ends {
        Ends::Answers { .. } => true,
        Ends::Refuses(status) => dial.one_rejects_all && DialOutcome::of(status) == DialOutcome::Rejected,
        Ends::Unanswered => false,
    }
}

/// Puts the end of one into the plan; whether that [`decides`].
fn end(dial: &Dial<String>, of: &Endpoint<String>, at: Duration, ends: Ends, plan: &mut Plan) -> bool {
    let callee = &of.callee;
    let (outcome, status) = match ends {
        Ends::Answers { talk } => {
            plan.remarks.push((at, format!("{callee} answers")));
            if let Some(sound) = &dial.announcement {
                plan.remarks.push((at, format!("{callee} hears \"{sound}\"")));
            }
            if let Some(key) = dial.confirm {
                plan.remarks.push((at, format!("{callee} presses {key}")));
            }
            let talk = dial.longest.map_or(talk, |longest| talk.min(longest));
            plan.answered = Some(at);
            plan.end = (at + talk, DialOutcome::Answered, 200);
            return true;
        }
        Ends::Refuses(status) => (DialOutcome::of(status), status),
        Ends::Unanswered => (DialOutcome::NoAnswer, 480),
    };
    plan.remarks.push((at, format!("{callee}: {} ({status})", outcome.word())));
    // What says most stays: a refusal by a person, then busy, then silence, then nobody there.
    let says = |outcome: DialOutcome| match outcome {
        DialOutcome::Rejected => 4,
        DialOutcome::Busy => 3,
        DialOutcome::NoAnswer => 2,
        _ => 1,
    };
    let (_, before, _) = plan.end;
    if says(outcome) >= says(before) {
        plan.end = (plan.end.0.max(at), outcome, status);
    } else {
        plan.end.0 = plan.end.0.max(at);
    }
    decides(dial, ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Callee;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn dial(names: &[&str]) -> Dial<String> {
        let to = names.iter().map(|name| Callee::User((*name).to_owned()).into()).collect();
        Dial::new(to, seconds(20))
    }

    #[test]
    fn the_first_who_answers_wins_and_later_ones_do_not_ring() {
        let mut dial = dial(&["ann", "bob", "cho"]);
        dial.to.iter_mut().zip([0, 2, 9]).for_each(|(endpoint, delay)| endpoint.delay = seconds(delay));
        let script = [Will::Silent, Will::Answers(seconds(3), seconds(30)), Will::Silent];
        let plan = plan(&dial, &mut script.into());
        assert_eq!(plan.answered, Some(seconds(5)));
        assert_eq!(plan.end, (seconds(35), DialOutcome::Answered, 200));
        let told: Vec<&str> = plan.remarks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(told, ["ring user ann", "ring user bob", "user bob answers"]);
    }

    #[test]
    fn in_turn_the_next_rings_when_the_one_before_stops_in_every_round() {
        let mut dial = dial(&["ann", "bob"]);
        dial.order = Order::InTurn;
        dial.rounds = 2;
        dial.to.iter_mut().for_each(|endpoint| endpoint.timeout = Some(seconds(5)));
        let script = [Will::Silent, Will::Refuses(seconds(1), 486), Will::Silent];
        let plan = plan(&dial, &mut script.into());
        assert_eq!(plan.answered, None);
        // 5 + 1 + 5 s, and nobody at the last.
        assert_eq!(plan.end, (seconds(11), DialOutcome::Busy, 486));
        assert_eq!(plan.remarks.len(), 8);
    }

    #[test]
    fn heavier_ones_go_first_and_one_refusal_may_end_it_for_all() {
        let mut dial = dial(&["ann", "bob"]);
        dial.order = Order::Weighted;
        dial.one_rejects_all = true;
        dial.to.iter_mut().zip([1, 50]).for_each(|(endpoint, weight)| endpoint.weight = weight);
        let plan = plan(&dial, &mut [Will::Refuses(seconds(1), 603)].into());
        assert_eq!(plan.end, (seconds(1), DialOutcome::Rejected, 603));
        assert_eq!(plan.remarks.first(), Some(&(Duration::ZERO, "ring user bob".to_owned())));
    }
}
