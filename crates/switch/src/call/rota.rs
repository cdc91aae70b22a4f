//! In which order those who are dialled ring, and for how long: a plan that is asked, and told of each who is over.
//!
//! It knows times and places in a list, and nothing of legs.
//!
//! ```text
//!   waits ─ its time ─→ rings ─ refused, or its limit ─→ over
//!                         └─ its limit, but somebody answered there ─→ lingers ─→ over
//! ```
//!
//! Together, each waits for its delay; in turn, the next begins when the one before is over; when all are over, the
//! next round begins, if there is one.

use std::time::{Duration, Instant};

use flow::ir::{Endpoint, Order};

/// Where one of those who are dialled stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Rings at this time; `None` when the one before is over.
    Waits(Option<Instant>),
    /// Rings until this time.
    Rings(Instant),
    /// Rings no more, and is not over either: somebody answered who does not have the call yet.
    Lingers,
    Over,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Rota {
    order: Order,
    /// Delay and limit of each.
    times: Vec<(Duration, Duration)>,
    turns: Vec<Turn>,
    /// Places in the order in which they ring one after the other.
    row: Vec<usize>,
    /// Rounds that are left after this one.
    rounds: u32,
    /// How long a round lasts at most, when all ring together.
    whole: Duration,
}

impl Rota {
    /// A rota of `to`; `dice` orders those that ring by weight.
    pub(super) fn new<T>(
        now: Instant,
        to: &[Endpoint<T>],
        order: Order,
        whole: Duration,
        rounds: u32,
        dice: &mut impl FnMut(u32) -> u32,
    ) -> Rota {
        let limit = |endpoint: &Endpoint<T>| match order {
            Order::Together => {
                let rest = whole.saturating_sub(endpoint.delay);
                endpoint.timeout.map_or(rest, |own| own.min(rest))
            }
            Order::InTurn | Order::Weighted => endpoint.timeout.unwrap_or(whole),
        };
        let times = to.iter().map(|endpoint| (endpoint.delay, limit(endpoint))).collect();
        let mut row: Vec<usize> = (0..to.len()).collect();
        if order == Order::Weighted {
            let weights: Vec<u32> = to.iter().map(|endpoint| endpoint.weight.max(1)).collect();
            row = by_weight(&weights, dice);
        }
        let turns = vec![Turn::Over; to.len()];
        let mut rota = Rota { order, times, turns, row, rounds: rounds.max(1) - 1, whole };
        rota.begin(now);
        rota
    }

    fn begin(&mut self, now: Instant) {
        for (turn, (delay, limit)) in self.turns.iter_mut().zip(&self.times) {
            *turn = match self.order {
                // Whose delay is as long as the round never rings.
                Order::Together if limit.is_zero() && !self.whole.is_zero() => Turn::Over,
                Order::Together => Turn::Waits(now.checked_add(*delay)),
                Order::InTurn | Order::Weighted => Turn::Waits(None),
            };
        }
        self.call_next(now);
    }

    /// In turn: the next one's time is set, if nobody rings or is about to.
    fn call_next(&mut self, now: Instant) {
        if self.order == Order::Together {
            return;
        }
        let at_work = |turn: &Turn| matches!(turn, Turn::Rings(_) | Turn::Waits(Some(_)) | Turn::Lingers);
        if self.turns.iter().any(at_work) {
            return;
        }
        let next = self.row.iter().copied().find(|place| self.turns.get(*place) == Some(&Turn::Waits(None)));
        if let Some(place) = next
            && let (Some(turn), Some((delay, _))) = (self.turns.get_mut(place), self.times.get(place))
        {
            *turn = Turn::Waits(now.checked_add(*delay));
        }
    }

    /// Who begins to ring now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        for (place, (turn, (_, limit))) in self.turns.iter_mut().zip(&self.times).enumerate() {
            if let Turn::Waits(Some(at)) = turn
                && *at <= now
            {
                *turn = Turn::Rings(now.checked_add(*limit).unwrap_or(now));
                due.push(place);
            }
        }
        due
    }

    /// Who has rung for as long as it may.
    pub(super) fn expired(&self, now: Instant) -> Vec<usize> {
        let late = |(_, turn): &(usize, &Turn)| matches!(turn, Turn::Rings(until) if *until <= now);
        self.turns.iter().enumerate().filter(late).map(|(place, _)| place).collect()
    }

    /// This one's time is over, and somebody answered there.
    pub(super) fn linger(&mut self, place: usize) {
        if let Some(turn) = self.turns.get_mut(place) {
            *turn = Turn::Lingers;
        }
    }

    /// Somebody else is called at this place, which has its whole time again.
    pub(super) fn again(&mut self, now: Instant, place: usize) {
        if let (Some(turn), Some((_, limit))) = (self.turns.get_mut(place), self.times.get(place)) {
            *turn = Turn::Rings(now.checked_add(*limit).unwrap_or(now));
        }
    }

    /// Nobody else rings in this round.
    pub(super) fn only(&mut self, place: usize) {
        let others = self.turns.iter_mut().enumerate().filter(|(of, _)| *of != place);
        others.filter(|_| self.order == Order::Together).for_each(|(_, turn)| *turn = Turn::Over);
    }

    /// This one is over. Whether there is anything left to wait for.
    pub(super) fn over(&mut self, now: Instant, place: usize) -> bool {
        if let Some(turn) = self.turns.get_mut(place) {
            *turn = Turn::Over;
        }
        self.call_next(now);
        if self.goes_on() {
            return true;
        }
        if self.rounds == 0 || self.turns.is_empty() {
            return false;
        }
        self.rounds -= 1;
        self.begin(now);
        true
    }

    /// Whether this one rings, or somebody answered there.
    pub(super) fn rings(&self, place: usize) -> bool {
        matches!(self.turns.get(place), Some(Turn::Rings(_) | Turn::Lingers))
    }

    /// Whether anybody is not over.
    pub(super) fn goes_on(&self) -> bool {
        self.turns.iter().any(|turn| *turn != Turn::Over)
    }

    /// When to ask again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let times = self.turns.iter().filter_map(|turn| match turn {
            Turn::Waits(at) => *at,
            Turn::Rings(until) => Some(*until),
            Turn::Lingers | Turn::Over => None,
        });
        times.min()
    }
}

/// Places in a random order that prefers heavier ones: drawn one after the other, each as likely as it is heavy.
fn by_weight(weights: &[u32], dice: &mut impl FnMut(u32) -> u32) -> Vec<usize> {
    let mut left: Vec<(usize, u32)> = weights.iter().copied().enumerate().collect();
    let mut row = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let mut fallen = dice(left.iter().map(|(_, weight)| weight).sum());
        let at = left.iter().position(|(_, weight)| {
            let hit = fallen < *weight;
            fallen = fallen.saturating_sub(*weight);
            hit
        });
        row.push(left.remove(at.unwrap_or(0)).0);
    }
    row
}

#[cfg(test)]
mod tests {
    use flow::ir::Callee;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn to(times: &[(u32, Option<u32>)]) -> Vec<Endpoint<String>> {
        let one = |(delay, timeout): &(u32, Option<u32>)| Endpoint {
            delay: SECOND * *delay,
            timeout: timeout.map(|timeout| SECOND * timeout),
            ..Callee::User("x".to_owned()).into()
        };
        times.iter().map(one).collect()
    }

    fn rota(now: Instant, times: &[(u32, Option<u32>)], order: Order, rounds: u32) -> Rota {
        Rota::new(now, &to(times), order, SECOND * 20, rounds, &mut |_| 0)
    }

    #[test]
    fn together_each_rings_after_its_delay_and_until_its_own_limit_or_the_rounds() {
        let now = Instant::now();
        let mut rota = rota(now, &[(0, None), (5, Some(3)), (20, None)], Order::Together, 1);
        assert_eq!(rota.due(now), [0]);
        assert_eq!(rota.poll_timeout(), Some(now + SECOND * 5));
        assert_eq!(rota.due(now + SECOND * 5), [1]);
        assert_eq!(rota.expired(now + SECOND * 8), [1]);
        assert!(rota.over(now + SECOND * 8, 1));
        assert_eq!(rota.expired(now + SECOND * 20), [0]);
        assert!(!rota.over(now + SECOND * 20, 0), "the third has no time to ring");
    }

    #[test]
    fn in_turn_the_next_begins_when_the_one_before_is_over_and_rounds_repeat() {
        let now = Instant::now();
        let mut rota = rota(now, &[(0, Some(5)), (2, None)], Order::InTurn, 2);
        for round in 0..2 {
            let begun = now + SECOND * 30 * round;
            assert_eq!(rota.due(begun), [0], "round {round}");
            assert!(rota.due(begun + SECOND * 4).is_empty());
            assert_eq!(rota.expired(begun + SECOND * 5), [0]);
            assert!(rota.over(begun + SECOND * 5, 0));
            assert_eq!(rota.due(begun + SECOND * 7), [1]);
            assert!(rota.rings(1) && !rota.rings(0));
            assert_eq!(rota.over(begun + SECOND * 30, 1), round == 0);
        }
        assert_eq!(rota.poll_timeout(), None);
    }

    #[test]
    fn heavier_ones_are_drawn_first_as_often_as_they_are_heavy() {
        let mut seed = 7_u64;
        let mut dice = |most: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((seed >> 33) % u64::from(most)) as u32
        };
        let first = (0..3_000).filter(|_| by_weight(&[1, 3], &mut dice).first() == Some(&1)).count();
        assert!((2_100..2_400).contains(&first), "{first} of 3000");
    }
}
