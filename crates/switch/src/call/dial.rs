//! Dialling: other parties are called, together or in turn, and the first who answers is connected.
//!
//! ```text
//!   Ringing: each waits its turn ─ contacts ─→ forks ─ an answer ─→ Talking ─ a party goes ─→ Dialled(answered)
//!      └── nobody is left: refused, time, stop ─────────────────────────────────────────→ Dialled(busy, …)
//! ```
//!
//! [`Rota`] says who rings when; a fork is a leg of the call like any other. Those that lose are told that the call was
//! completed elsewhere. Who answers may have to hear something first, or to press a key (`screening.rs`).
//! The caller hears how it rings: 180, a callee's early media, what the flow chose, or the ringing tone if it is
//! answered already.

use std::time::{Duration, Instant};

use flow::engine::Input;
use flow::ir::Meanwhile;
use flow::leg::{DialOutcome, LegEvent, Tag};
use sip::Reason;
use store::When;

use super::LegKey;
use super::caller::Caller;
use super::early::Pulse;
use super::forwarding::Path;
use super::hunt::Hunt;
use super::placing::{Placing, Wishes};
use super::refusal::Refusal;
use super::rota::Rota;
use super::run::Call;
use super::screening::Screened;

/// Forks of one dialling; more is a mistake or an attack.
const MOST: usize = 32;

/// A dialling that goes on.
#[derive(Debug)]
pub(super) struct Dial {
    /// The command's, or the feature's that dials.
    pub(super) tag: Tag,
    /// Who hears how it rings, and is connected with whoever answers.
    pub(super) caller: LegKey,
    pub(super) stage: Stage,
    pub(super) order: flow::ir::Dial<String>,
    pub(super) wishes: Wishes,
    /// How the call came to where it rings at each place.
    pub(super) paths: Vec<Path>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It rings, or will.
    Ringing {
        rota: Rota,
        /// Users whose contacts are awaited, each with its place.
        lookups: Vec<(usize, String)>,
        /// Legs that ring, each with its place.
        forks: Vec<(LegKey, usize)>,
        /// Those who answered and do not have the call yet.
        screened: Vec<Screened>,
        /// Whose early media the caller hears.
        heard: Option<LegKey>,
        /// How that goes on.
        pulse: Option<Box<Pulse>>,
        /// What came of those who are over, as far as it says most.
        refusal: Option<Refusal>,
        /// Numbers outside, each at one trunk after the other.
        hunts: Vec<Hunt>,
    },
    /// This one answered, and may talk until then.
    Talking(LegKey, Option<Instant>),
}

impl Dial {
    /// The one who answered.
    pub(super) fn winner(&self) -> Option<LegKey> {
        match self.stage {
            Stage::Talking(winner, _) => Some(winner),
            Stage::Ringing { .. } => None,
        }
    }

    /// Another leg takes the place of the caller or of the one who answered.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) {
        if self.caller == old {
            self.caller = new;
        }
        if let Stage::Talking(winner, _) = &mut self.stage
            && *winner == old
        {
            *winner = new;
        }
    }

    /// Another phone joins `old`, which rings.
    pub(super) fn add(&mut self, old: LegKey, new: LegKey) {
        if let Stage::Ringing { forks, .. } = &mut self.stage
            && let Some((_, place)) = forks.iter().find(|(key, _)| *key == old)
        {
            forks.push((new, *place));
        }
    }

    /// The caller as phones of ours see him who are called at this place.
    pub(super) fn inside(&self, place: usize) -> &Caller {
        let shown = self.paths.get(place).and_then(|path| path.shown.as_deref());
        shown.map_or(&self.wishes.inside, |(inside, _)| inside)
    }

    /// As those outside see him.
    pub(super) fn outside(&self, place: usize) -> &Caller {
        let shown = self.paths.get(place).and_then(|path| path.shown.as_deref());
        shown.map_or(&self.wishes.outside, |(_, outside)| outside)
    }

    /// More headers for whom is called.
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.wishes.headers
    }

    /// Whether this leg rings.
    pub(super) fn rings(&self, key: LegKey) -> bool {
        self.place(key).is_some()
    }

    /// The place of a leg that rings.
    pub(super) fn place(&self, key: LegKey) -> Option<usize> {
        let Stage::Ringing { forks, .. } = &self.stage else { return None };
        forks.iter().find(|(fork, _)| *fork == key).map(|(_, place)| *place)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Ringing { rota, screened, pulse, .. } => {
                let looks = pulse.as_deref().map(Pulse::poll_timeout);
                screened.iter().map(|one| one.until).chain(rota.poll_timeout()).chain(looks).min()
            }
            Stage::Talking(_, until) => *until,
        }
    }
}

impl Call {
    /// Dials for the leg `by`. What comes of it is told to the flow, or to the feature of this tag.
    pub(super) fn dial(&mut self, now: Instant, tag: Tag, by: LegKey, mut order: flow::ir::Dial<String>) {
        self.give_up(now, Reason::normal());
        let caller = self.calling_user().map(|user| user.name);
        let direct = self.resolve(&mut order, caller.as_deref());
        order.to.truncate(MOST);
        let paths = Path::all(&order, direct);
        let (flow::ir::Dial { order: way, timeout, rounds, .. }, dice) =
            (&order, &mut |most| fastrand::u32(..most));
        let rota = Rota::new(now, &order.to, *way, *timeout, *rounds, dice);
        let wishes = self.wishes(now, &order);
        let stage = Stage::Ringing {
            rota,
            lookups: vec![],
            forks: vec![],
            screened: vec![],
            heard: None,
            pulse: None,
            refusal: None,
            hunts: vec![],
        };
        self.dial = Some(Box::new(Dial { tag, caller: by, stage, order, wishes, paths }));
        if matches!(self.dial.as_ref().map(|dial| &dial.order.meanwhile), Some(Meanwhile::Sound(_)))
            && let Some(caller) = self.leg_mut(by)
        {
            // What the flow chose to be heard is heard from the beginning on; 183 where that is needed.
            let _ = caller.ensure_media(now);
            self.let_ring();
        }
        self.ring(now);
    }

    /// Connects `caller` with a leg that came by itself, as if it had been dialled and had answered.
    pub(super) fn connect_with(&mut self, now: Instant, tag: Tag, caller: LegKey, party: LegKey) {
        self.give_up(now, Reason::normal());
        let order = flow::ir::Dial::new(Vec::new(), Duration::ZERO);
        let rota = Rota::new(now, &order.to, order.order, order.timeout, order.rounds, &mut |_| 0);
        let wishes = self.wishes(now, &order);
        let stage = Stage::Ringing {
            rota,
            lookups: vec![],
            forks: vec![(party, 0)],
            heard: None,
            pulse: None,
            refusal: None,
            hunts: vec![],
            screened: vec![],
        };
        self.dial = Some(Box::new(Dial { tag, caller, stage, order, wishes, paths: Vec::new() }));
        self.take(now, party);
    }

    /// Calls those whose turn it is.
    pub(super) fn ring(&mut self, now: Instant) {
        loop {
            let Some(Stage::Ringing { rota, .. }) = self.stage() else { return };
            let due = rota.due(now);
            if due.is_empty() {
                return self.look(now, None);
            }
            for place in due {
                self.call(now, place);
                self.look(now, Some(place));
            }
        }
    }

    pub(super) fn stage(&mut self) -> Option<&mut Stage> {
        self.dial.as_mut().map(|dial| &mut dial.stage)
    }

    /// Calls one phone, or a carrier; the leg that does it.
    pub(super) fn fork(
        &mut self,
        now: Instant,
        place: usize,
        party: &str,
        placing: Placing,
    ) -> Option<LegKey> {
        let full = matches!(self.stage(), Some(Stage::Ringing { forks, .. }) if forks.len() >= MOST);
        if full || self.caller.hops == 0 {
            let why = if full { "too many phones at once" } else { "the call has passed too many servers" };
            self.record.timeline.note(now, why);
            return None;
        }
        match self.place(now, party, placing) {
            Ok(key) => {
                if let Some(Stage::Ringing { forks, .. }) = self.stage() {
                    forks.push((key, place));
                }
                Some(key)
            }
            Err(status) => {
                self.failed(status);
                None
            }
        }
    }

    /// The numbers that are tried at one trunk after the other.
    pub(super) fn hunts(&mut self) -> Option<&mut Vec<Hunt>> {
        match self.stage() {
            Some(Stage::Ringing { hunts, .. }) => Some(hunts),
            _ => None,
        }
    }

    /// Notes a refusal if it says more than those before.
    pub(super) fn failed(&mut self, status: u16) {
        self.came_to(Refusal::of(status));
    }

    pub(super) fn came_to(&mut self, new: Refusal) {
        if let Some(Stage::Ringing { refusal, .. }) = self.stage()
            && new.outweighs(*refusal)
        {
            *refusal = Some(new);
        }
    }

    /// Whether the one at this place can still answer; if not, the next one's turn comes, or the dialling ends.
    pub(super) fn look(&mut self, now: Instant, place: Option<usize>) {
        let Some(Stage::Ringing { rota, lookups, forks, screened, .. }) = self.stage() else {
            return;
        };
        let more = match place {
            Some(place) => {
                let pending = forks.iter().any(|(_, of)| *of == place)
                    || lookups.iter().any(|(of, _)| *of == place)
                    || screened.iter().any(|one| one.place == place);
                if pending || !rota.rings(place) {
                    return;
                }
                if self.sent_on(now, place) {
                    return self.look(now, Some(place));
                }
                let Some(Stage::Ringing { rota, .. }) = self.stage() else { return };
                rota.over(now, place)
            }
            None => rota.goes_on(),
        };
        if more {
            if place.is_some() {
                self.ring(now);
            }
        } else {
            let Some(Stage::Ringing { refusal, .. }) = self.stage() else { return };
            let Refusal { outcome, status, .. } = refusal.unwrap_or_else(|| Refusal::of(480));
            self.dialled(now, outcome, status);
        }
    }

    /// Somebody's time to ring begins or is over, or the time to talk.
    pub(super) fn dial_time(&mut self, now: Instant) {
        if self.dial.as_ref().and_then(|dial| dial.poll_timeout()).is_none_or(|due| due > now) {
            return;
        }
        self.early_time(now);
        let Some(Stage::Ringing { rota, lookups, screened, .. }) = self.stage() else {
            self.record.timeline.note(now, "the longest conversation is over");
            return self.give_up(now, Reason::normal());
        };
        let expired = rota.expired(now);
        // Who answered by now has the time that is given for the key.
        let answered: Vec<usize> = screened.iter().map(|one| one.place).collect();
        answered.iter().filter(|place| expired.contains(place)).for_each(|place| rota.linger(*place));
        lookups.retain(|(place, _)| !expired.contains(place));
        for place in expired {
            let reason = Reason { status: 480, cause: Some(sip::Cause::Q850(19)), text: None };
            self.drop_ringing(&reason, |of| of == place);
            if !answered.contains(&place) && !self.send_on(now, place, When::NoAnswer) {
                self.came_to(Refusal::no_answer());
            }
            self.look(now, Some(place));
        }
        self.screening_time(now);
        self.ring(now);
    }

    /// The flow stops what it started with this tag; whether that was the dialling.
    pub(super) fn stop_dial(&mut self, now: Instant, tag: Tag) -> bool {
        let ours = self.dial.as_ref().is_some_and(|dial| dial.tag == tag);
        if ours {
            self.give_up(now, Reason::normal());
        }
        ours
    }

    /// The caller or the flow wants nobody any more.
    pub(super) fn give_up(&mut self, now: Instant, reason: Reason) {
        let Some(dial) = &self.dial else { return };
        if let Some(winner) = dial.winner() {
            if let Some(leg) = self.leg_mut(winner) {
                leg.leave(480, None, reason);
            }
            return self.dialled(now, DialOutcome::Answered, 200);
        }
        self.drop_forks(&reason);
        self.dialled(now, DialOutcome::Cancelled, 487);
    }

    /// Takes leave of all who ring, and of those who answered and do not have the call yet.
    pub(super) fn drop_forks(&mut self, reason: &Reason) {
        self.drop_ringing(reason, |_| true);
        let Some(Stage::Ringing { screened, .. }) = self.stage() else { return };
        for one in std::mem::take(screened) {
            if let Some(leg) = self.leg_mut(one.leg) {
                leg.leave(480, None, reason.clone());
            }
        }
    }

    /// Takes leave of those that ring at these places.
    pub(super) fn drop_ringing(&mut self, reason: &Reason, places: impl Fn(usize) -> bool) {
        let Some(Stage::Ringing { forks, hunts, heard, .. }) = self.stage() else { return };
        let (gone, kept): (Vec<_>, Vec<_>) = forks.drain(..).partition(|(_, place)| places(*place));
        *forks = kept;
        hunts.retain(|hunt| !places(hunt.place()));
        let silent = heard.is_some_and(|heard| gone.iter().any(|(key, _)| *key == heard));
        if silent {
            self.early_over();
        }
        for (key, _) in gone {
            if let Some(leg) = self.leg_mut(key) {
                leg.leave(480, None, reason.clone());
            }
        }
    }

    /// The dialling is over; the flow goes on.
    pub(super) fn dialled(&mut self, now: Instant, outcome: DialOutcome, status: u16) {
        let Some(dial) = self.dial.take() else { return };
        // One who talked to somebody else all the while goes on.
        let apart = matches!(dial.stage, Stage::Ringing { heard: None, .. });
        if !(apart && self.talks(dial.caller)) {
            self.part();
            if let Some(caller) = self.leg_mut(dial.caller) {
                caller.hush();
            }
        }
        metrics::counter!("offhook_dials_total", "outcome" => outcome.word()).increment(1);
        self.last_dialled = Some(status);
        if self.outset_dialled(now, outcome, status) {
            return;
        }
        if self.feature_dialled(now, dial.tag, outcome, status) {
            return;
        }
        if outcome == DialOutcome::Answered && self.after_bridge(now) {
            return;
        }
        self.tell(now, Input::Leg(dial.tag, LegEvent::Dialled { outcome, status }));
    }
}
