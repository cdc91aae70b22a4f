//! Camping: one who calls somebody who is busy is called back when both have time, and connected then.
//!
//! ```text
//!   *5202 ─ done ─→ waits: neither has a line ─→ the one who camps is rung ─ answers ─→ calls 202
//!                     └── half an hour ─→ forgotten
//! ```
//!
//! The wait outlives the call that asked for it. Who asks twice for the same waits once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flow::ir::Callee;
use tokio::time::timeout;

use super::caller::Caller;
use super::feature::Came;
use super::leg::CallLeg;
use super::originate::{Originated, originate};
use super::pickup::Whose;
use super::run::Call;
use crate::route::lead;
use crate::shared::Shared;

/// Longer than this nobody waits for a call back.
const LONGEST: Duration = Duration::from_secs(1_800);
/// How long the one who camps is rung.
const RING: Duration = Duration::from_secs(30);
/// Waits at a time, of all together.
const MOST: usize = 1_000;

/// Who waits for whom.
#[derive(Debug, Default)]
pub(crate) struct Camps(Mutex<HashSet<(String, String)>>);

impl Camps {
    /// Whether this wait is a new one; `None` if there are too many.
    fn enter(&self, camp: &(String, String)) -> Option<bool> {
        let mut camps = crate::lock(&self.0);
        if camps.contains(camp) {
            return Some(false);
        }
        (camps.len() < MOST).then(|| camps.insert(camp.clone()))
    }

    fn leave(&self, camp: &(String, String)) {
        crate::lock(&self.0).remove(camp);
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        crate::lock(&self.0).len()
    }
}

impl Call {
    /// The caller is called back when those whom `of` means have time, and he too.
    pub(super) fn camp(&mut self, now: Instant, of: &Callee<String>) -> Came {
        let (flows, users) = (self.shared.flows.load(), self.shared.users.load());
        let whose = Whose::of(&users, of);
        let (Callee::Extension(number)
        | Callee::User(number)
        | Callee::Device(number)
        | Callee::Group(number)
        | Callee::Agent(number)
        | Callee::Shows { number, .. }) = of
        else {
            return Ok("none");
        };
        let owned = self.subject.and_then(|key| self.leg(key)).and_then(CallLeg::owned).cloned();
        let (Some(camper), false, Ok(program)) = (owned, whose.is_nobody(), lead(&flows, &users, number))
        else {
            self.record
                .timeline
                .note(now, format!("nobody waits for {of}: who calls and who is called must be users"));
            return Ok("none");
        };
        let camp = (camper.user.to_string(), number.clone());
        let note = match self.shared.camps.enter(&camp) {
            None => {
                self.record.timeline.note(now, format!("too many wait for others to wait for {of}"));
                return Ok("none");
            }
            Some(false) => format!("waits for {of} already"),
            Some(true) => {
                let originated = Originated {
                    to: Callee::User(camp.0.clone()),
                    caller: Caller::ours(number),
                    program,
                    variables: Default::default(),
                    dials: Some(number.clone()),
                    early: false,
                    timeout: RING,
                    longest: None,
                    machines: None,
                    confirm: None,
                    master: None,
                };
                let wait = wait(self.shared.clone(), camp, whose, originated);
                self.shared.tasks.spawn(wait);
                format!("is called back when {of} has time")
            }
        };
        self.record.timeline.note(now, note);
        Ok("done")
    }
}

/// Waits until both have time, and calls back.
async fn wait(shared: Arc<Shared>, camp: (String, String), whose: Whose, originated: Originated) {
    let free = shared
        .lines
        .none(|line| whose.owns(line) || line.owned.as_ref().is_some_and(|owned| *owned.user == *camp.0));
    let result = timeout(LONGEST, free).await;
    shared.camps.leave(&camp);
    let (camper, number) = camp;
    match result.map(|()| originate(&shared, originated)) {
        Ok(Ok(id)) => tracing::info!(camper, number, call = %id, "called back: both have time"),
        Ok(Err(refusal)) => tracing::warn!(camper, number, %refusal, "not called back"),
        Err(_) => tracing::info!(camper, number, "nobody had time within half an hour; no call back"),
    }
}
