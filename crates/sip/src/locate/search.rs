//! One search for a server: which hop is next, given what is known and what was tried.

use std::net::SocketAddr;

use super::target::{Host, Target};
use crate::flow::{Flow, Hop, Next};

/// A search, and what became of the hops it found.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    from: From,
    tried: Vec<Hop>,
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
    /// Nothing is left to try.
    Exhausted,
}

impl Search {
    pub(crate) fn new(next: &Next) -> Self {
        let from = match next {
            Next::Flow(flow) => From::Flow(*flow),
            Next::Hop(hop) => From::Hop(hop.clone()),
            Next::Uri(uri) => From::Target(Target::of(uri)),
        };
        Search { from, tried: Vec::new() }
    }

    /// Notes that a hop was tried: it does not come again.
    pub(crate) fn tried(&mut self, hop: Hop) {
        self.tried.push(hop);
    }

    /// The next hop: one not tried yet, and of those one that need not be avoided.
    pub(crate) fn step(&self, avoided: impl Fn(&Hop) -> bool) -> Step {
        let hops = match &self.from {
            From::Flow(flow) => return Step::Flow(*flow),
            From::Hop(hop) => vec![hop.clone()],
            From::Target(target) => target.as_ref().map(hops).unwrap_or_default(),
        };
        let left: Vec<Hop> = hops.into_iter().filter(|hop| !self.tried.contains(hop)).collect();
        match left.iter().find(|hop| !avoided(hop)).or(left.first()) {
            Some(hop) => Step::Hop(hop.clone()),
            None => Step::Exhausted,
        }
    }
}

/// The hops of a target.
fn hops(target: &Target) -> Vec<Hop> {
    let Host::Address(ip) = target.host else { return Vec::new() };
    let transport = target.usual_transport();
    let port = target.port.unwrap_or(transport.default_port());
    vec![Hop { transport, remote: SocketAddr::new(ip, port), name: None }]
}
