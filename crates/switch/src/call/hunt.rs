//! A number outside: it is tried at one trunk after the other, until one connects or the one who is called refuses.
//!
//! A trunk that is full, unreachable or out of order is passed over; a person who is busy or declines is not called again
//! by another one.

use std::collections::VecDeque;
use std::time::Instant;

use sip::{Invite, Offer};
use store::Signals;

use super::LegKey;
use super::placing::Placing;
use super::run::Call;
use crate::trunk::{self, Busy, Manners, Route, Verdict, Wish, verdict};

/// See the module.
#[derive(Debug)]
pub(super) struct Hunt {
    number: String,
    /// The same in E.164, where the trunk that is tried can tell.
    canonical: String,
    /// Its place among those who are dialled.
    place: usize,
    /// The ways that are left.
    routes: VecDeque<Route>,
    /// The leg that tries one.
    leg: Option<LegKey>,
    /// What is done with what its trunk says in the sound.
    signals: Signals,
}

impl Hunt {
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// In E.164, where the plan of the trunk that is tried can make it so.
    pub(super) fn canonical(&self) -> &str {
        &self.canonical
    }

    pub(super) fn signals(&self) -> Signals {
        self.signals
    }

    /// Whether this leg tries one of its ways.
    pub(super) fn is_by(&self, leg: LegKey) -> bool {
        self.leg == Some(leg)
    }
}

impl Call {
    /// Starts the hunt for a number, by one trunk or by any.
    pub(super) fn outside(&mut self, now: Instant, place: usize, name: Option<&str>, number: &str) {
        let Some(dial) = &self.dial else { return };
        let wish = Wish::new(&dial.order.flags, &dial.order.carriage, &self.shared.account);
        let mut routes: VecDeque<Route> = self.shared.trunks.routes(number, &wish).into();
        if let Some(name) = name {
            routes.retain(|route| route.trunk.trunk.name == name);
        }
        if routes.is_empty() {
            let which = name
                .map_or_else(|| "no trunk".to_owned(), |name| format!("trunk {name} is not there or never"));
            self.record.timeline.note(now, format!("{which}{} takes {number}", wish.words()));
            return self.failed(404);
        }
        let hunt = Hunt {
            number: number.to_owned(),
            canonical: String::new(),
            place,
            routes,
            leg: None,
            signals: Signals::Ignored,
        };
        let Some(hunts) = self.hunts() else { return };
        hunts.push(hunt);
        let at = hunts.len() - 1;
        self.next_route(now, at);
    }

    /// A leg was refused. Whether it was a hunt's, and another way is tried in its place.
    pub(super) fn hunt_on(&mut self, now: Instant, key: LegKey, place: usize, status: u16) -> bool {
        let Some(hunts) = self.hunts() else { return false };
        let Some(at) = hunts.iter().position(|hunt| hunt.leg == Some(key) && hunt.place == place) else {
            return false;
        };
        match verdict(status) {
            Verdict::Final => false,
            Verdict::Next => {
                self.failed(status);
                self.next_route(now, at);
                self.hunts().is_some_and(|hunts| hunts.get(at).is_some_and(|hunt| hunt.leg.is_some()))
            }
        }
    }

    /// Tries the next way that lets the call pass.
    fn next_route(&mut self, now: Instant, at: usize) {
        loop {
            let Some(hunt) = self.hunts().and_then(|hunts| hunts.get_mut(at)) else { return };
            hunt.leg = None;
            let Some(route) = hunt.routes.pop_front() else { return };
            let (number, place) = (hunt.number.clone(), hunt.place);
            let name = route.trunk.trunk.name.clone();
            let pass = match route.trunk.gate.leave(now) {
                Ok(pass) => pass,
                Err(busy) => {
                    let why = match busy {
                        Busy::Calls => "carries as many calls as it may",
                        Busy::Rate => "takes no more calls this second",
                    };
                    self.record.timeline.note(now, format!("trunk {name} {why}"));
                    self.failed(503);
                    continue;
                }
            };
            let placing = self.outbound(&route, place, &number, pass);
            let key = self.fork(now, place, &format!("{name} {number}"), placing);
            if let Some(leg) = key.and_then(|key| self.leg(key)) {
                self.record.write_leg(leg.mark(), |leg| leg.trunk = Some(name));
            }
            let Some(hunt) = self.hunts().and_then(|hunts| hunts.get_mut(at)) else { return };
            hunt.leg = key;
            hunt.signals = route.trunk.trunk.progress;
            hunt.canonical = route.trunk.trunk.plan.canonical(&number).into_owned();
            if key.is_some() {
                return;
            }
        }
    }

    /// What a trunk is told of the call.
    fn outbound(&self, route: &Route, place: usize, number: &str, pass: trunk::Pass) -> Placing {
        let dial = self.dial.as_ref();
        let caller = self.shown_outside(place, number);
        let carriage = dial.map(|dial| &dial.order.carriage);
        let realm = carriage.and_then(|carriage| carriage.realm.as_deref());
        let whose = carriage.filter(|carriage| carriage.tells_account).map(|_| self.shared.account.as_str());
        let filled = |text: &&str| !text.is_empty();
        let manners = Manners { realm: realm.filter(filled), account: whose.filter(filled) };
        let shown = trunk::present(&route.trunk.trunk, &caller.outside(), manners);
        let (next, mut headers) = route.way();
        headers.extend(shown.headers);
        headers.extend(dial.iter().flat_map(|dial| dial.headers().iter().cloned()));
        let written = match carriage {
            Some(carriage) if carriage.as_written => number.to_owned(),
            _ => route.written(number),
        };
        let account = route.trunk.trunk.account.as_ref();
        let invite = Invite {
            next,
            target: route.target(&written),
            to: route.to(&written),
            from: shown.from,
            user: account.map_or_else(|| caller.contact(), |account| account.username.clone()),
            offer: Offer::WhenReached,
            credentials: route.credentials(),
            headers,
            follow: true,
            max_forwards: self.caller.hops,
        };
        Placing { invite, codecs: route.trunk.codecs(&self.offered()), pass: Some(pass) }
    }
}
