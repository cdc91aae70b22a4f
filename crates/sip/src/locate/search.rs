//! One search for a server: which hop is next, given what is known and what was tried.

use std::time::Instant;

use super::target::Target;
use super::walk::Walk;
use super::{Answer, Cache, Preferences, Query};
use crate::flow::{Flow, Hop, Next};

/// Questions one search may ask: answers that lead from name to name end here.
const MOST_QUESTIONS: usize = 64;

/// A search, and what became of the hops it found.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    from: From,
    tried: Vec<Hop>,
    /// Draws lots among SRV records.
    seed: u64,
    /// What it was told: that holds for it however short its time to live.
    told: Vec<(Query, Answer)>,
}

/// Where hops come from.
#[derive(Clone, Debug)]
enum From {
    Flow(Flow),
    Hop(Hop),
    /// `None`: a URI that names no server.
    Target(Option<Target>),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This way is open.
    Flow(Flow),
    /// This hop.
    Hop(Hop),
    /// These are to be asked first.
    Ask(Vec<Query>),
    /// Nothing is left to try.
    Exhausted,
}

impl Search {
    pub(crate) fn new(next: &Next, seed: u64) -> Self {
        let from = match next {
            Next::Flow(flow) => From::Flow(*flow),
            Next::Hop(hop) => From::Hop(hop.clone()),
            Next::Uri(uri) => From::Target(Target::of(uri)),
        };
        Search { from, tried: Vec::new(), seed, told: Vec::new() }
    }

    /// Notes that a hop was tried: it does not come again.
    pub(crate) fn tried(&mut self, hop: Hop) {
        self.tried.push(hop);
    }

    /// Takes an answer.
    pub(crate) fn learn(&mut self, query: Query, answer: Answer) {
        self.told.push((query, answer));
    }

    /// Whether the URI leaves the transport to us (RFC 3261 §18.1.1).
    pub(crate) fn is_free(&self) -> bool {
        matches!(&self.from, From::Target(Some(target)) if target.transport.is_none())
    }

    /// The next hop: one not tried yet, and of those one that need not be avoided.
    pub(crate) fn step(
        &self,
        now: Instant,
        cache: &Cache,
        preferences: &Preferences,
        avoided: impl Fn(&Hop) -> bool,
    ) -> Step {
        let (hops, open) = match &self.from {
            From::Flow(flow) => return Step::Flow(*flow),
            From::Hop(hop) => (vec![hop.clone()], Vec::new()),
            From::Target(None) => return Step::Exhausted,
            From::Target(Some(target)) => {
                let told = |query: &Query| self.told.iter().find(|(q, _)| q == query).map(|(_, a)| a);
                let known = |query: &Query| told(query).or_else(|| cache.get(now, query));
                let walk = Walk::new(target, preferences, self.seed, known);
                (walk.hops, walk.open)
            }
        };
        let left: Vec<Hop> = hops.into_iter().filter(|hop| !self.tried.contains(hop)).collect();
        if let Some(hop) = left.iter().find(|hop| !avoided(hop)) {
            return Step::Hop(hop.clone());
        }
        if !open.is_empty() && self.told.len() < MOST_QUESTIONS {
            return Step::Ask(open);
        }
        // All that are left failed of late, and perhaps one of them is back.
        left.first().map_or(Step::Exhausted, |hop| Step::Hop(hop.clone()))
    }
}
