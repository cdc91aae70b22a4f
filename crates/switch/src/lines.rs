//! Who rings and who talks where: the lines of all calls.
//!
//! A line is a leg of a call as others see it who want to take the call, to listen, or to know whether somebody is busy.
//! The calls keep their lines themselves: each writes down how its legs stand whenever it has become quiet, and takes
//! them out when it goes, however it goes ([`Listing`]). Without calls the table is empty.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use crate::call::{CallId, LegKey, Mail};

/// How a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is called, and nobody has answered.
    Ringing,
    /// It talks to somebody.
    Talking,
    /// It is in a conference.
    Confers,
    /// Anything else: it calls, listens to a flow, is parked.
    Engaged,
}

/// Whose phone a leg is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) user: Arc<str>,
    /// The user's own, or that of one of its devices.
    pub(crate) account: Arc<str>,
}

/// A leg, as others see it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its call.
    pub(crate) call: CallId,
    /// The leg.
    pub(crate) key: LegKey,
    /// Whose phone it is, if it is a user's.
    pub(crate) owned: Option<Owned>,
    /// The number that its call went to.
    pub(crate) called: Arc<str>,
    pub(crate) standing: Standing,
    /// The way to its call.
    pub(crate) mail: mpsc::Sender<Box<Mail>>,
    /// Counts up: who has stood like this for longest has the lowest.
    since: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    table: Mutex<Table>,
    /// Rings when a line is taken out.
    left: Notify,
}

#[derive(Debug, Default)]
struct Table {
    lines: HashMap<LegKey, Line>,
    count: u64,
}

impl Lines {
    /// The line that has stood for longest of those that `which` wants.
    pub(crate) fn oldest(&self, which: impl Fn(&Line) -> bool) -> Option<Line> {
        let table = crate::lock(&self.table);
        table.lines.values().filter(|line| which(line)).min_by_key(|line| line.since).cloned()
    }

    /// Returns when there is no line that `which` wants.
    pub(crate) async fn none(&self, which: impl Fn(&Line) -> bool) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Armed before the question, so that a line that goes in between is not missed.
            left.as_mut().enable();
            if self.oldest(&which).is_none() {
                return;
            }
            left.await;
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        crate::lock(&self.table).lines.len()
    }
}

/// What a call has in the table.
#[derive(Debug)]
pub(crate) struct Listing {
    lines: Arc<Lines>,
    call: CallId,
    called: Arc<str>,
    mail: mpsc::Sender<Box<Mail>>,
    listed: Vec<(LegKey, Standing)>,
}

impl Listing {
    /// Nothing yet.
    pub(crate) fn new(
        lines: Arc<Lines>,
        call: CallId,
        called: &str,
        mail: mpsc::Sender<Box<Mail>>,
    ) -> Listing {
        Listing { lines, call, called: called.into(), mail, listed: Vec::new() }
    }

    /// Whether this is what stands in the table already.
    pub(crate) fn is(&self, legs: impl Iterator<Item = (LegKey, Standing)>) -> bool {
        legs.eq(self.listed.iter().copied())
    }

    /// Writes down how the legs stand; those that are not among them are taken out.
    pub(crate) fn write(&mut self, legs: impl Iterator<Item = (LegKey, Standing, Option<Owned>)>) {
        let before = std::mem::take(&mut self.listed);
        let mut table = crate::lock(&self.lines.table);
        for (key, standing, owned) in legs {
            // Of most calls one: no room for four.
            self.listed.reserve_exact(1);
            self.listed.push((key, standing));
            if before.contains(&(key, standing)) {
                continue;
            }
            table.count += 1;
            let since = table.count;
            let (call, called, mail) = (self.call, self.called.clone(), self.mail.clone());
            table.lines.insert(key, Line { call, key, owned, called, standing, mail, since });
        }
        let left = before.iter().filter(|(key, _)| !self.listed.iter().any(|(listed, _)| listed == key));
        let went = table.take_out(self.call, left);
        drop(table);
        if went {
            self.lines.left.notify_waiters();
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let went = crate::lock(&self.lines.table).take_out(self.call, self.listed.iter());
        if went {
            self.lines.left.notify_waiters();
        }
    }
}

impl Table {
    /// Takes out the lines of a call; one that has gone to another call stays. Whether any went.
    fn take_out<'a>(&mut self, call: CallId, legs: impl Iterator<Item = &'a (LegKey, Standing)>) -> bool {
        let before = self.lines.len();
        for (key, _) in legs {
            if self.lines.get(key).is_some_and(|line| line.call == call) {
                self.lines.remove(key);
            }
        }
        self.lines.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(lines: &Arc<Lines>, call: u32) -> Listing {
        let id = format!("{call:06x}").parse().unwrap();
        Listing::new(lines.clone(), id, "201", mpsc::channel(1).0)
    }

    fn write(listing: &mut Listing, legs: &[(u64, Standing)]) {
        let of = |(key, standing): &(u64, Standing)| {
            let user: Arc<str> = format!("u{key}").into();
            (LegKey::new(*key), *standing, Some(Owned { account: user.clone(), user }))
        };
        listing.write(legs.iter().map(of));
    }

    #[test]
    fn the_line_that_rings_for_longest_is_found_and_a_call_that_goes_takes_its_lines_along() {
        let lines = Arc::new(Lines::default());
        let (mut one, mut other) = (listing(&lines, 1), listing(&lines, 2));
        write(&mut one, &[(1, Standing::Engaged), (2, Standing::Ringing)]);
        write(&mut other, &[(3, Standing::Ringing)]);
        let ringing = || lines.oldest(|line| line.standing == Standing::Ringing).map(|line| line.key);
        assert_eq!(ringing(), Some(LegKey::new(2)));
        write(&mut one, &[(1, Standing::Talking), (2, Standing::Talking)]);
        assert_eq!(ringing(), Some(LegKey::new(3)));
        drop(one);
        assert_eq!(lines.count(), 1);
        drop(other);
        assert_eq!(lines.count(), 0);
    }

    #[test]
    fn a_leg_that_has_moved_is_not_taken_out_by_the_call_it_left() {
        let lines = Arc::new(Lines::default());
        let (mut one, mut other) = (listing(&lines, 1), listing(&lines, 2));
        write(&mut one, &[(1, Standing::Engaged)]);
        write(&mut other, &[(1, Standing::Talking)]);
        write(&mut one, &[]);
        let line = lines.oldest(|_| true).unwrap();
        assert_eq!((line.call, line.standing), (other.call, Standing::Talking));
    }
}
