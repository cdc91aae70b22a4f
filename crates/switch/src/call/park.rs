//! Parking: the caller waits in a slot, hears music, and talks to whoever takes it out.
//!
//! ```text
//!   Waiting ── somebody retrieves ─→ Talking ── a party goes ─→ "done"
//!      │ ↑ nobody came for so long
//!      ↓ │
//!   Calling the parker ── answers ─→ Talking
//!      └── in vain ─→ "callback", with which most flows park again
//! ```
//!
//! The parker is who transferred the caller here. One who calls a slot itself is told which it is, and waits there until
//! it transfers somebody into its place (RFC 3891): that one is parked then, and the other is the parker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::ir::{Callee, Dial, Lamp, Meanwhile, Park, Parking, Shown, Slot};
use flow::leg::{DialOutcome, Leg, LegCommand, LegEvent, Prompt, Speech, Tag};

use super::LegKey;
use super::feature::{Doing, Running};
use super::hold::MUSIC;
use super::leg::{CallLeg, OWN};
use super::run::Call;
use super::taking::{Goal, Otherwise};
use crate::lot::{NoPlace, Place};

/// After so long in a slot the parker is called back, where nothing is said.
const RINGBACK: Duration = Duration::from_secs(120);

/// How long its phone rings then, where nothing is said.
const RINGS: Duration = Duration::from_secs(30);

/// The caller is in a slot, or was.
#[derive(Debug)]
pub(super) struct Parked {
    /// `None` once it is out, and if the slot was taken already.
    place: Option<Place>,
    stage: Stage,
    /// After so long the parker is called back, and how long that rings.
    times: (Duration, Duration),
    /// What the flow is told if that is in vain.
    in_vain: &'static str,
}

#[derive(Debug)]
enum Stage {
    /// For somebody to take it out; the parker is called back then.
    Waiting(Instant),
    /// The parker is called back.
    Calling,
    /// Somebody has taken it out.
    Talking,
}

impl Parked {
    /// When the parker is to be called back.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Waiting(due) => Some(due),
            Stage::Calling | Stage::Talking => None,
        }
    }
}

impl Call {
    /// The flow does something at a slot.
    pub(super) fn park(&mut self, now: Instant, tag: Tag, mut park: Park<String>) {
        park.slot = park.slot.filter(|slot| !slot.is_empty());
        if matches!(park.how, Parking::Park | Parking::Direct) {
            return self.put_in(now, tag, park);
        }
        let found =
            park.slot.as_deref().and_then(|slot| Some((slot.to_owned(), self.shared.lot.find(slot)?)));
        match (found, self.subject) {
            (Some((slot, mail)), Some(own)) => {
                self.record.timeline.note(now, format!("retrieves who is in slot {slot}"));
                let otherwise = match park.how {
                    Parking::Auto => Otherwise::Park(Box::new(park)),
                    _ => Otherwise::Word("empty"),
                };
                self.go_and_take(now, tag, own, Goal::Slot(slot), mail, otherwise);
            }
            _ if park.how == Parking::Auto => self.put_in(now, tag, park),
            _ => {
                let slot = park.slot.as_deref().unwrap_or("without a number");
                self.record.timeline.note(now, format!("nobody is in the slot {slot}"));
                self.finish(now, tag, "empty");
            }
        }
    }

    /// Puts the caller into a slot.
    pub(super) fn put_in(&mut self, now: Instant, tag: Tag, park: Park<String>) {
        let Some(own) = self.subject.filter(|key| self.leg(*key).is_some_and(CallLeg::is_up)) else {
            return self.finish(now, tag, "empty");
        };
        let wanted = park.slot.as_deref();
        let of = park.slots.iter().find(|(name, _)| Some(name.as_str()) == wanted).map(|(_, slot)| slot);
        let Slot { ringback, callback, presence, lamp } = of.unwrap_or(&park.usual);
        let times = (ringback.unwrap_or(RINGBACK), callback.unwrap_or(RINGS));
        let mail = self.record.mail().clone();
        let parked = match self.shared.lot.take(wanted, park.most, self.record.id, mail) {
            Ok(mut place) => {
                place.light(&self.shared.shard, presence.as_deref(), lamp.unwrap_or(Lamp::Ringing));
                self.record.timeline.note(now, format!("parked in slot {}", place.slot()));
                let stage = Stage::Waiting(now + times.0);
                Parked { place: Some(place), stage, times, in_vain: "callback" }
            }
            // Whoever sent the caller here has hung up, and does not know.
            Err(NoPlace::Occupied) if park.how != Parking::Direct && self.parker.is_some() => {
                self.record.timeline.note(now, "the slot is occupied: the parker is called back");
                Parked { place: None, stage: Stage::Waiting(now), times, in_vain: "occupied" }
            }
            Err(no) => {
                self.record.timeline.note(now, format!("not parked: {no:?}"));
                let word = if no == NoPlace::TooHigh { "too_high" } else { "occupied" };
                return self.finish(now, tag, word);
            }
        };
        let told = parked.place.as_ref().filter(|_| self.parker.is_none()).map(|place| spell(place.slot()));
        self.doing.push(Running { tag, doing: Doing::Park(Box::new(parked)) });
        let music = self.slot_music();
        if let Some(leg) = self.leg_mut(own) {
            leg.perform(now, OWN, LegCommand::Answer);
            match told {
                // Music follows when it has been said, or cannot be.
                Some(number) => {
                    let repeat = flow::ir::Repeat::Times(1);
                    leg.perform(now, tag, LegCommand::Play { prompts: vec![number], repeat });
                }
                None => leg.play_music(music),
            }
        }
    }

    /// What the caller hears in its slot: the class that the flow has set, else that of who parked it, else that of its
    /// trunk, else the usual one.
    fn slot_class(&self) -> String {
        let users = self.shared.users.load();
        let of_user = |name: &Arc<str>| users.get(name)?.music.clone();
        let of_parker = || self.parker.as_ref().and_then(of_user);
        let of_trunk = || self.subject.and_then(|key| self.trunk_music(key));
        self.music.clone().or_else(of_parker).or_else(of_trunk).unwrap_or_else(|| MUSIC.to_owned())
    }

    fn slot_music(&self) -> Vec<Prompt> {
        self.shared.music(&self.slot_class())
    }

    /// Somebody else is in the place of the caller who waits in a slot: the one before, whose phone was this user's, is
    /// the parker.
    pub(super) fn parked_by(&mut self, now: Instant, user: Option<Arc<str>>) {
        let subject = self.subject;
        let Some(parked) = self.parked() else { return };
        let again = now + parked.times.0;
        if let Stage::Waiting(due) = &mut parked.stage {
            *due = again;
            self.parker = user.or(self.parker.take());
            let music = self.slot_music();
            if let Some(leg) = subject.and_then(|key| self.leg_mut(key)) {
                leg.play_music(music);
            }
        }
    }

    fn parked(&mut self) -> Option<&mut Parked> {
        self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Park(parked) => Some(&mut **parked),
            _ => None,
        })
    }

    fn parked_tag(&self) -> Option<Tag> {
        let is_it = |running: &&Running| matches!(running.doing, Doing::Park(_));
        self.doing.iter().find(is_it).map(|running| running.tag)
    }

    /// Whether this leg is the caller, and waits in a slot.
    pub(super) fn is_parked(&self, key: LegKey) -> bool {
        let waits = |running: &Running| match &running.doing {
            Doing::Park(parked) => matches!(parked.stage, Stage::Waiting(_)),
            _ => false,
        };
        self.subject == Some(key) && self.doing.iter().any(waits)
    }

    /// Whether the caller waits in this slot.
    pub(super) fn waits_in(&self, slot: &str) -> bool {
        let is_it = |running: &Running| match &running.doing {
            Doing::Park(parked) => parked.place.as_ref().is_some_and(|place| place.slot() == slot),
            _ => false,
        };
        let up = self.subject.and_then(|key| self.leg(key)).is_some_and(CallLeg::is_up);
        up && self.transfer.is_none() && self.doing.iter().any(is_it)
    }

    /// A leg that has come takes the caller out of the slot.
    pub(super) fn retrieved(&mut self, now: Instant, slot: &str, by: LegKey) {
        let (Some(caller), Some(tag)) = (self.subject, self.parked_tag()) else { return };
        self.record.timeline.note(now, format!("taken out of slot {slot}"));
        if let Some(parked) = self.parked() {
            (parked.place, parked.stage) = (None, Stage::Talking);
        }
        if let Some(leg) = self.leg_mut(caller) {
            leg.hush();
            // Its slot's number may still be being said.
            leg.perform(now, OWN, LegCommand::Stop(tag));
        }
        self.connect_with(now, tag, caller, by);
    }

    /// Nobody has come for so long.
    pub(super) fn call_parker(&mut self, now: Instant, tag: Tag) {
        let (Some(caller), parker) = (self.subject, self.parker.clone()) else { return };
        let Some(parked) = self.parked() else { return };
        let (again, rings) = (now + parked.times.0, parked.times.1);
        let Some(parker) = parker else {
            // It parked itself, and hears music until somebody comes.
            parked.stage = Stage::Waiting(again);
            return;
        };
        parked.stage = Stage::Calling;
        let slot = parked.place.as_ref().map_or_else(String::new, |place| format!(" {}", place.slot()));
        self.record.timeline.note(now, format!("calls {parker} back, who parked the caller"));
        let mut order = Dial::new(vec![Callee::User(parker.to_string()).into()], rings);
        order.identity.name = Shown::Caller;
        order.identity.prefix = Some(format!("Parked{slot}"));
        order.meanwhile = Meanwhile::Sound(self.slot_class());
        order.own_phones = true;
        order.follow_forward = false;
        self.dial(now, tag, caller, order);
    }

    /// The parker has answered.
    pub(super) fn parker_answered(&mut self) {
        if let Some(parked) = self.parked() {
            (parked.place, parked.stage) = (None, Stage::Talking);
        }
    }

    /// The call-back came to nothing, or the conversation with whoever took the caller out is over.
    pub(super) fn parked_dialled(&mut self, now: Instant, tag: Tag, outcome: DialOutcome) {
        let Some(parked) = self.parked() else { return };
        match (&parked.stage, outcome) {
            (Stage::Waiting(_), _) => {}
            // Somebody came while the parker's phone rang.
            (Stage::Talking, DialOutcome::Cancelled) => {}
            (Stage::Talking, _) | (Stage::Calling, DialOutcome::Answered) => self.finish(now, tag, "done"),
            (Stage::Calling, _) => {
                let word = parked.in_vain;
                self.record.timeline.note(now, "nobody takes the call-back");
                self.finish(now, tag, word);
            }
        }
    }

    /// What a leg heard under the tag of its parking: the slot's number was said, or could not be.
    pub(super) fn parked_heard(&mut self, key: LegKey, event: &LegEvent) -> bool {
        let said = matches!(event, LegEvent::Played { .. } | LegEvent::Failed { .. });
        if said && self.is_parked(key) {
            let music = self.slot_music();
            if let Some(leg) = self.leg_mut(key) {
                leg.play_music(music);
            }
        }
        said
    }
}

/// A slot as it is said: digit by digit.
fn spell(slot: &str) -> Prompt {
    let text = slot.chars().map(String::from).collect::<Vec<_>>().join(" ");
    Prompt::Speech(Speech { text, ..Speech::default() })
}
