//! Dialling: other parties are called, all at once, and the first who answers is connected.
//!
//! ```text
//!   Looking ─ contacts ─→ Ringing ─ an answer ─→ Talking ─ a party goes ─→ Dialled(answered)
//!      └──── nobody ────────┴── refused, time, stop ────────────────────→ Dialled(busy, …)
//! ```
//!
//! The forks are legs of the call like any other. Those that lose are told that the call was completed elsewhere.
//! The caller hears how it rings: 180, a callee's early media, or the ringing tone if it is answered already.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use audio::tone::Signal;
use flow::engine::Input;
use flow::ir::Callee;
use flow::leg::{DialOutcome, Leg, LegCommand, LegEvent, Prompt, Tag};
use sip::{Invite, Next, Offer, Party, Reason};

use super::hunt::Hunt;
use super::leg::CallLeg;
use super::run::Call;
use super::tones::signal;
use super::transfer::News;
use super::{LegKey, Mark};
use crate::codecs::Codecs;
use crate::sip_io::{Command, Owner, Phone};
use crate::trunk::Pass;

/// Forks of one dialling; more is a mistake or an attack.
const MOST: usize = 32;

/// A dialling that goes on.
#[derive(Debug)]
pub(super) struct Dial {
    tag: Tag,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It rings, or will.
    Ringing {
        until: Instant,
        /// Users whose contacts are awaited.
        lookups: usize,
        forks: Vec<LegKey>,
        /// Whose early media the caller hears.
        heard: Option<LegKey>,
        /// The refusal that says most, so far.
        refusal: Option<u16>,
        /// Numbers outside, each at one trunk after the other.
        hunts: Vec<Hunt>,
    },
    /// This one answered.
    Talking(LegKey),
}

/// A call to be placed.
#[derive(Debug)]
pub(super) struct Placing {
    pub(super) invite: Invite,
    /// What to offer.
    pub(super) codecs: Arc<Codecs>,
    /// Its place among a trunk's calls.
    pub(super) pass: Option<Pass>,
}

impl Dial {
    /// The one who answered.
    pub(super) fn winner(&self) -> Option<LegKey> {
        match self.stage {
            Stage::Talking(winner) => Some(winner),
            Stage::Ringing { .. } => None,
        }
    }

    /// Another leg takes the place of the one who answered.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) {
        if let Stage::Talking(winner) = &mut self.stage
            && *winner == old
        {
            *winner = new;
        }
    }

    /// Another phone joins those that ring.
    pub(super) fn add(&mut self, key: LegKey) {
        if let Stage::Ringing { forks, .. } = &mut self.stage {
            forks.push(key);
        }
    }

    /// Whether this leg rings.
    pub(super) fn rings(&self, key: LegKey) -> bool {
        matches!(&self.stage, Stage::Ringing { forks, .. } if forks.contains(&key))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Ringing { until, .. } => Some(until),
            Stage::Talking(_) => None,
        }
    }
}

impl Call {
    /// The flow dials.
    pub(super) fn dial(&mut self, now: Instant, tag: Tag, dial: flow::ir::Dial<String>) {
        self.give_up(now, Reason::normal());
        let until = now.checked_add(dial.timeout).unwrap_or(self.last);
        let stage = Stage::Ringing {
            until,
            lookups: 0,
            forks: Vec::new(),
            heard: None,
            refusal: None,
            hunts: vec![],
        };
        self.dial = Some(Box::new(Dial { tag, stage }));
        for endpoint in dial.to.into_iter().take(MOST) {
            match endpoint.callee {
                Callee::User(user) => {
                    if let Some(Stage::Ringing { lookups, .. }) = self.stage() {
                        *lookups += 1;
                    }
                    let mail = self.record.mail().clone();
                    self.shared.shard.send(Command::Reach { user, tag, mail });
                }
                Callee::Uri(uri) => {
                    let phone = self.phone(None, Next::Uri(uri.clone()), uri.clone(), Vec::new());
                    self.fork(now, &uri, phone);
                }
                Callee::Trunk { name, number } => self.outside(now, name.as_deref(), &number),
                Callee::Shows { number: name, .. }
                | Callee::Device(name)
                | Callee::Group(name)
                | Callee::Extension(name)
                | Callee::Agent(name) => {
                    self.record.timeline.note(now, format!("nobody is known as {name}"));
                }
            }
        }
        self.look(now);
    }

    fn stage(&mut self) -> Option<&mut Stage> {
        self.dial.as_mut().map(|dial| &mut dial.stage)
    }

    /// Where a user can be reached.
    pub(super) fn contacts(&mut self, now: Instant, tag: Tag, user: &str, ways: Vec<Phone>) {
        match &mut self.dial {
            Some(dial) if dial.tag == tag => match &mut dial.stage {
                Stage::Ringing { lookups, .. } => *lookups = lookups.saturating_sub(1),
                Stage::Talking(_) => return,
            },
            _ => return,
        }
        if ways.is_empty() {
            self.record.timeline.note(now, format!("no phone of {user} is registered"));
        }
        for way in ways {
            let phone = self.phone(Some(user), Next::Flow(way.flow), way.target, way.routes);
            self.fork(now, user, phone);
        }
        self.look(now);
    }

    /// What a phone is told of the call; `user` is whose it is, where it is one of ours.
    fn phone(
        &self,
        user: Option<&str>,
        next: Next,
        target: String,
        routes: Vec<(String, String)>,
    ) -> Placing {
        let local = match &next {
            Next::Flow(flow) => match flow.local.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            },
            Next::Hop(_) | Next::Uri(_) => self.caller.host.clone(),
        };
        // The one who is called, not the phone (RFC 3261 §8.1.1.2); those who watch him see it too.
        let to = match user {
            Some(user) => Party::sip(user, &local).to_string(),
            None => format!("<{target}>"),
        };
        let mut headers = routes;
        headers.extend(self.caller.asserted().headers());
        headers.extend(self.caller.referred_by.iter().map(|by| ("Referred-By".to_owned(), by.clone())));
        let invite = Invite {
            next,
            to,
            target,
            from: self.caller.from(&local),
            user: self.caller.number.clone(),
            offer: Offer::WhenReached,
            credentials: None,
            headers,
            // A phone that sends calls elsewhere would send them past what its user may call.
            follow: user.is_none(),
            max_forwards: self.caller.hops,
        };
        Placing { invite, codecs: self.offered(), pass: None }
    }

    /// What to offer on behalf of the caller: its codec and packet time first, so that what one says can be passed on to
    /// the other as it is.
    pub(super) fn offered(&self) -> Arc<Codecs> {
        let ours = &self.shared.codecs;
        match self.subject.and_then(|key| self.leg(key)).and_then(CallLeg::speaks) {
            Some((codec, ptime_ms)) => Arc::new(ours.led_by(codec, ptime_ms)),
            None => ours.clone(),
        }
    }

    /// Calls one phone, or a carrier; the leg that does it.
    pub(super) fn fork(&mut self, now: Instant, party: &str, placing: Placing) -> Option<LegKey> {
        let full = matches!(self.stage(), Some(Stage::Ringing { forks, .. }) if forks.len() >= MOST);
        if full || self.caller.hops == 0 {
            let why = if full { "too many phones at once" } else { "the call has passed too many servers" };
            self.record.timeline.note(now, why);
            return None;
        }
        let Placing { invite, codecs, pass } = placing;
        // A registered phone is one of ours; whom a URI or a carrier leads to is anybody.
        let is_ours = matches!(invite.next, Next::Flow(_)) && pass.is_none();
        let mark = self.record.add_leg(party.to_owned());
        let owner = self.owner(mark);
        let key = owner.leg;
        match CallLeg::place(self.shared.clone(), owner, invite, codecs) {
            Ok(mut leg) => {
                if is_ours {
                    leg.prove();
                }
                metrics::counter!("offhook_legs_placed_total").increment(1);
                if let Some(pass) = pass {
                    leg.carry(pass);
                }
                self.legs.push(leg);
                if let Some(Stage::Ringing { forks, .. }) = self.stage() {
                    forks.push(key);
                }
                Some(key)
            }
            Err(refusal) => {
                self.record.timeline.note(now, format!("{mark} {refusal}"));
                self.failed(refusal.status());
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

    /// The address of a new leg of this call.
    pub(super) fn owner(&self, mark: Mark) -> Owner {
        let (mail, record) = (self.record.mail().clone(), self.record.clone());
        Owner { leg: self.shared.leg_key(), mark, mail, record }
    }

    /// Notes a refusal if it says more than those before.
    pub(super) fn failed(&mut self, status: u16) {
        if let Some(Stage::Ringing { refusal, .. }) = self.stage()
            && refusal.is_none_or(|before| weight(status) > weight(before))
        {
            *refusal = Some(status);
        }
    }

    /// Ends the dialling if nobody is left who could answer.
    fn look(&mut self, now: Instant) {
        if let Some(Stage::Ringing { lookups: 0, forks, refusal, .. }) = self.stage()
            && forks.is_empty()
        {
            let status = refusal.unwrap_or(480);
            self.dialled(now, DialOutcome::of(status), status);
        }
    }

    /// A phone rings, or lets something be heard.
    pub(super) fn fork_progress(&mut self, now: Instant, key: LegKey, media: bool) {
        let subject = self.subject;
        if self.dial.as_ref().is_some_and(|dial| dial.rings(key))
            && let Some(origin) = &self.origin
        {
            origin.tell(News::Progress(if media { 183 } else { 180 }));
        }
        let Some(Stage::Ringing { forks, heard, .. }) = self.stage() else { return };
        if !forks.contains(&key) {
            return;
        }
        let first = media && heard.is_none();
        if first {
            *heard = Some(key);
        }
        let quiet = heard.is_none();
        let Some(caller) = subject.and_then(|key| self.leg_mut(key)) else { return };
        // A caller whose offer is still to come hears nothing before the answer, and is told that it rings.
        if first && caller.ensure_media(now).is_ok() {
            let caller = caller.key();
            self.connect(now, caller, key);
        } else if quiet || !caller.has_media() {
            caller.ring(ringback());
        }
    }

    /// A phone was answered.
    pub(super) fn fork_answered(&mut self, now: Instant, key: LegKey) {
        if !self.dial.as_ref().is_some_and(|dial| dial.rings(key)) {
            // It lost, or nobody wants it any more.
            if let Some(leg) = self.leg_mut(key) {
                leg.leave(480, None, Reason::completed_elsewhere());
            }
            return;
        }
        let Some(dial) = &mut self.dial else { return };
        let tag = dial.tag;
        let Stage::Ringing { forks, .. } = std::mem::replace(&mut dial.stage, Stage::Talking(key)) else {
            return;
        };
        for loser in forks.into_iter().filter(|fork| *fork != key) {
            if let Some(leg) = self.leg_mut(loser) {
                leg.leave(480, None, Reason::completed_elsewhere());
            }
        }
        if let Some(origin) = self.origin.take() {
            origin.tell(News::Done);
        }
        let Some(subject) = self.subject else { return };
        if let Some(caller) = self.leg_mut(subject) {
            caller.hush();
            caller.perform(now, tag, LegCommand::Answer);
        }
        self.connect(now, subject, key);
    }

    /// A phone was not answered, for a reason.
    pub(super) fn fork_refused(&mut self, now: Instant, key: LegKey, status: u16) {
        let Some(Stage::Ringing { forks, heard, .. }) = self.stage() else { return };
        let before = forks.len();
        forks.retain(|fork| *fork != key);
        if forks.len() == before {
            return;
        }
        if *heard == Some(key) {
            *heard = None;
            self.part();
        }
        if self.hunt_on(now, key, status) {
            return;
        }
        self.failed(status);
        // RFC 3261 §16.7 step 5: the user does not want to be called, wherever.
        if status >= 600 {
            self.drop_forks(&Reason::normal());
        }
        self.look(now);
    }

    /// The time to ring is over.
    pub(super) fn dial_time(&mut self, now: Instant) {
        if self.dial.as_ref().and_then(|dial| dial.poll_timeout()).is_some_and(|due| due <= now) {
            self.drop_forks(&Reason { status: 480, cause: Some(sip::Cause::Q850(19)), text: None });
            self.dialled(now, DialOutcome::NoAnswer, 480);
        }
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

    fn drop_forks(&mut self, reason: &Reason) {
        let Some(Stage::Ringing { forks, .. }) = self.stage() else { return };
        for key in std::mem::take(forks) {
            if let Some(leg) = self.leg_mut(key) {
                leg.leave(480, None, reason.clone());
            }
        }
    }

    /// The dialling is over; the flow goes on.
    pub(super) fn dialled(&mut self, now: Instant, outcome: DialOutcome, status: u16) {
        let Some(dial) = self.dial.take() else { return };
        self.part();
        if let Some(caller) = self.subject.and_then(|key| self.leg_mut(key)) {
            caller.hush();
        }
        metrics::counter!("offhook_dials_total", "outcome" => outcome.word()).increment(1);
        self.last_dialled = Some(status);
        self.tell(now, Input::Leg(dial.tag, LegEvent::Dialled { outcome, status }));
    }
}

/// How much a refusal says: of several phones' the one that says most is told to the caller.
fn weight(status: u16) -> u8 {
    match status {
        600..=699 => 6,
        486 => 5,
        403 => 4,
        480 => 3,
        408 | 487 => 1,
        500..=599 => 0,
        _ => 2,
    }
}

/// The tone that says that it rings, for a caller who is answered already: that of North America, which is told
/// everywhere from all others by its length.
pub(super) fn ringback() -> Vec<Prompt> {
    signal("us", Signal::Ringback)
}
