//! The registrar: who can be reached where, and until when. RFC 3261 §10.3, RFC 3327 (Path), RFC 5626 (instances).
//! Owns the bindings; whose credentials are right was settled before. `wish.rs` reads what a REGISTER asks for,
//! `binding.rs` is one contact. Nothing here looks at all bindings to find one: users are in a tree, their first
//! ends in another, and streams lead to the users that registered over them.

mod binding;
#[cfg(test)]
mod tests;
mod wish;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::binding::Binding;
pub(crate) use self::wish::Outbound;
use self::wish::Wish;
use crate::error::ParseError;
use crate::event::Event;
use crate::flow::Flow;
use crate::message::{Core, Message};
use crate::random::Seeded;

/// The most contacts of one user; a further one takes the place of the one that would expire first.
/// Phones that come back with a new port and no instance pile up otherwise.
const MOST: usize = 10;

/// RFC 3261 §10.3 step 7: nothing of an hour or more may be called too brief.
const HOUR: Duration = Duration::from_secs(3600);

/// Why a registration was not done. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 423.
    TooBrief { least: Duration },
    /// A later request of the same phone was served already.
    OutOfOrder,
    /// More contacts than a user may have.
    TooMany,
    /// 439: the phone wants outbound, and a hop before us takes no part in it (RFC 5626 §11.6).
    NoOutbound,
    /// 400.
    Bad(ParseError),
}

/// For how long contacts are bound.
#[derive(Clone, Copy, Debug)]
struct Limits {
    least: Duration,
    usual: Duration,
    most: Duration,
}

/// One user's bindings.
#[derive(Debug, Default)]
struct Phones {
    all: Vec<Binding>,
    /// When the first of them ends, as `ends` has it.
    first_end: Option<Instant>,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Registrar {
    limits: Limits,
    users: BTreeMap<Arc<str>, Phones>,
    /// Each user's first end.
    ends: BTreeSet<(Instant, Arc<str>)>,
    /// Who registered over a stream, once for each binding.
    streams: HashMap<Flow, Vec<Arc<str>>, Seeded>,
    count: usize,
    registrations: u64,
}

impl Registrar {
    pub(crate) fn new(least: Duration, usual: Duration, most: Duration, hashes: Seeded) -> Self {
        Registrar {
            limits: Limits { least: least.min(HOUR), usual, most },
            users: BTreeMap::new(),
            ends: BTreeSet::new(),
            streams: HashMap::with_hasher(hashes),
            count: 0,
            registrations: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.users.values().flat_map(|phones| &phones.all)
    }

    pub(crate) fn of_user(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.users.get(user).into_iter().flat_map(|phones| &phones.all)
    }

    /// A user's bindings that calls can be sent to, most wanted first, of equal ones the newest (RFC 3261 §16.6).
    pub(crate) fn callable(&self, user: &str) -> Vec<&Binding> {
        let mut all: Vec<&Binding> = self.of_user(user).filter(|binding| binding.is_callable()).collect();
        all.sort_by_key(|binding| Reverse((binding.priority, binding.age)));
        all
    }

    /// Whether anybody is reached over this stream.
    pub(crate) fn is_used(&self, flow: &Flow) -> bool {
        self.streams.contains_key(flow)
    }

    /// Does what a REGISTER of this user asks, whole or not at all.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        user: &str,
        message: &Message,
        core: &Core<'_>,
        flow: Flow,
    ) -> Result<(Vec<Event>, Outbound), Refusal> {
        let user: Arc<str> = match self.users.get_key_value(user) {
            Some((user, _)) => user.clone(),
            None => user.into(),
        };
        let (wish, outbound) = wish::read(now, &user, message, core, flow, &self.limits)?;
        let late = |old: &Binding| old.is_later_than(core.call_id, core.cseq);
        let events = match wish {
            Wish::Fetch => Vec::new(),
            Wish::Clear if self.of_user(&user).any(late) => return Err(Refusal::OutOfOrder),
            Wish::Clear => self.change(&user, std::mem::take).into_iter().map(unregistered).collect(),
            Wish::Bind(wishes) => {
                let replaces = |old: &Binding| wishes.iter().any(|(new, _)| old.gives_way_to(new));
                if self.of_user(&user).any(|old| late(old) && replaces(old)) {
                    return Err(Refusal::OutOfOrder);
                }
                self.registrations += 1;
                let age = self.registrations;
                self.change(&user, |all| bind(all, wishes, age))
            }
        };
        Ok((events, outbound))
    }

    /// Changes a user's bindings and keeps count, ends and streams in step.
    fn change<T>(&mut self, user: &Arc<str>, change: impl FnOnce(&mut Vec<Binding>) -> T) -> T {
        let Registrar { users, ends, streams, count, .. } = self;
        let phones = users.entry(user.clone()).or_default();
        for flow in phones.all.iter().map(|binding| binding.flow).filter(|f| f.transport.is_reliable()) {
            if let Some(owners) = streams.get_mut(&flow) {
                if let Some(at) = owners.iter().position(|owner| owner == user) {
                    owners.swap_remove(at);
                }
                if owners.is_empty() {
                    streams.remove(&flow);
                }
            }
        }
        *count -= phones.all.len();
        let outcome = change(&mut phones.all);
        *count += phones.all.len();
        for flow in phones.all.iter().map(|binding| binding.flow).filter(|f| f.transport.is_reliable()) {
            streams.entry(flow).or_default().push(user.clone());
        }
        let first_end = phones.all.iter().map(|binding| binding.expires).min();
        if phones.first_end != first_end {
            if let Some(end) = phones.first_end {
                ends.remove(&(end, user.clone()));
            }
            if let Some(end) = first_end {
                ends.insert((end, user.clone()));
            }
            phones.first_end = first_end;
        }
        if phones.all.is_empty() {
            users.remove(user);
        }
        outcome
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Binding> {
        let mut gone = Vec::new();
        while let Some((end, user)) = self.ends.first().cloned() {
            if end > now {
                break;
            }
            gone.extend(self.change(&user, |all| take(all, |binding| binding.expires <= now)));
        }
        gone
    }

    /// Removes what was registered over a stream that is gone: nothing else leads to those phones (RFC 5626 §4.2).
    pub(crate) fn closed(&mut self, flow: &Flow) -> Vec<Binding> {
        let mut gone = Vec::new();
        while let Some(user) = self.streams.get(flow).and_then(|owners| owners.first()).cloned() {
            gone.extend(self.change(&user, |all| take(all, |binding| binding.flow == *flow)));
        }
        gone
    }

    /// Removes the bindings of users that `stays` does not know.
    pub(crate) fn keep(&mut self, stays: impl Fn(&str) -> bool) -> Vec<Binding> {
        let leaving: Vec<Arc<str>> = self.users.keys().filter(|user| !stays(user)).cloned().collect();
        leaving.iter().flat_map(|user| self.change(user, std::mem::take)).collect()
    }

    /// When the next binding ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.ends.first().map(|(end, _)| *end)
    }
}

/// Binds and unbinds contacts of one user, and tells what came of it.
fn bind(all: &mut Vec<Binding>, wishes: Vec<(Binding, u32)>, age: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for (binding, seconds) in wishes {
        let binding = Binding { age, ..binding };
        let mut replaced = take(all, |old| old.gives_way_to(&binding));
        if seconds > 0 {
            replaced.retain(|old| old.contact != binding.contact);
        }
        events.extend(replaced.into_iter().map(unregistered));
        if seconds > 0 {
            events.push(Event::Registered {
                user: binding.user.to_string(),
                contact: binding.contact.clone(),
                expires: Duration::from_secs(u64::from(seconds)),
                flow: binding.flow,
            });
            all.push(binding);
        }
        if all.len() > MOST {
            // Never one of this registration, which has no more than that.
            let old = all.iter().enumerate().filter(|(_, b)| b.age != age);
            let first = old.min_by_key(|(_, b)| b.expires).map(|(at, _)| at);
            events.extend(first.map(|at| unregistered(all.remove(at))));
        }
    }
    // What a phone was told to forget keeps no memory.
    all.shrink_to_fit();
    events
}

/// Takes out what `leaves`, in order.
fn take(all: &mut Vec<Binding>, leaves: impl Fn(&Binding) -> bool) -> Vec<Binding> {
    let (gone, rest) = std::mem::take(all).into_iter().partition(leaves);
    *all = rest;
    gone
}

pub(crate) fn unregistered(binding: Binding) -> Event {
    Event::Unregistered { user: binding.user.to_string(), contact: binding.contact }
}
