//! Two legs of a call that hear each other.
//!
//! Media is bridged as soon as both have some. Keys go from one to the other one after the other, as each
//! takes them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use audio::Rate;
use flow::trace::What;

use super::LegKey;
use super::keypad::Way;
use super::leg::CallLeg;
use super::run::Call;

/// A worker that was too busy for a bridge is asked again after two slots.
const AGAIN: Duration = Duration::from_millis(10);

/// Keys that wait to be passed on; nobody presses so many ahead.
const MOST_KEYS: usize = 32;

/// Who hears whom.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) one: LegKey,
    pub(super) other: LegKey,
    /// Both media legs have their ends, and worked at these rates then.
    joined: Option<[Rate; 2]>,
    /// Keys to be passed on, by who is to hear them, and until when the last one of each sounds.
    keys: VecDeque<(LegKey, char, Duration)>,
    sounds: Option<Instant>,
}

impl Bridge {
    pub(super) fn new(one: LegKey, other: LegKey) -> Bridge {
        Bridge { one, other, joined: None, keys: VecDeque::new(), sounds: None }
    }

    /// Whom this leg talks to.
    pub(super) fn partner(&self, of: LegKey) -> Option<LegKey> {
        match of {
            _ if of == self.one => Some(self.other),
            _ if of == self.other => Some(self.one),
            _ => None,
        }
    }

    /// Another leg takes the place of one; whether that was one of the two.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) -> bool {
        let place = match old {
            _ if old == self.one => &mut self.one,
            _ if old == self.other => &mut self.other,
            _ => return false,
        };
        *place = new;
        self.joined = None;
        self.keys.clear();
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.sounds
    }
}

impl Call {
    /// Lets two legs hear each other from here on.
    pub(super) fn connect(&mut self, now: Instant, one: LegKey, other: LegKey) {
        let same = self.bridge.as_ref().is_some_and(|bridge| bridge.partner(one) == Some(other));
        if !same {
            self.part();
            self.bridge = Some(Bridge::new(one, other));
        }
        self.join(now);
    }

    /// Bridges the media of the two legs, if both have some and it is not done yet.
    pub(super) fn join(&mut self, now: Instant) {
        let Some(bridge) = self.bridge.as_ref().filter(|_| self.held.is_none()) else { return };
        let (one, other, bridge_joined) = (bridge.one, bridge.other, bridge.joined);
        if ![one, other].iter().all(|key| self.leg(*key).is_some_and(|leg| leg.has_media())) {
            return;
        }
        let rates = self.tune(one, other);
        if rates.is_some() && bridge_joined == rates {
            return;
        }
        let ends = [one, other].map(|key| {
            let leg = self.leg_mut(key)?;
            leg.hush();
            leg.bridge_end()
        });
        let [Some(here), Some(there)] = ends else { return };
        let done = match &self.overheard {
            Some(room) => room.seat([here, there]),
            None => self.shared.engine.bridge(here, there).is_ok(),
        };
        if let Some(bridge) = &mut self.bridge {
            bridge.joined = rates.filter(|_| done);
            bridge.sounds = (!done).then(|| now + AGAIN);
        }
        if done {
            for key in [one, other] {
                self.leg_mut(key).into_iter().for_each(CallLeg::begin_recordings);
            }
            let marks: Vec<String> = [one, other]
                .iter()
                .filter_map(|key| self.leg(*key))
                .map(|leg| leg.mark().to_string())
                .collect();
            self.record.timeline.media(now, format!("{} hear each other", marks.join(" and ")));
        }
        self.sync_hold();
    }

    /// Bridges the two anew, or lets them meet in the room where they are heard.
    pub(super) fn rejoin(&mut self, now: Instant) {
        if let Some(bridge) = &mut self.bridge {
            bridge.joined = None;
            self.join(now);
        }
    }

    /// Lets each work at the rate that suits the other's codec: between narrow parties no wide sound is made.
    fn tune(&mut self, one: LegKey, other: LegKey) -> Option<[Rate; 2]> {
        let codec = |call: &Call, key| call.leg(key).and_then(CallLeg::speaks).map(|(codec, _)| codec);
        let (of_one, of_other) = (codec(self, one), codec(self, other));
        for (key, partner) in [(one, of_other), (other, of_one)] {
            if let Some(leg) = self.leg_mut(key) {
                leg.meet(partner);
            }
        }
        let rate = |key| self.leg(key).and_then(CallLeg::rate);
        Some([rate(one)?, rate(other)?])
    }

    /// The two hear each other no more for now, and are still each other's.
    pub(super) fn separate(&mut self) {
        let Some(bridge) = &mut self.bridge else { return };
        bridge.joined = None;
        bridge.sounds = None;
        bridge.keys.clear();
        for key in [bridge.one, bridge.other] {
            if let Some(leg) = self.leg_mut(key) {
                leg.part();
            }
        }
    }

    /// Nobody hears anybody any more.
    pub(super) fn part(&mut self) -> Option<Bridge> {
        let bridge = self.bridge.take()?;
        self.held = None;
        for key in [bridge.one, bridge.other] {
            if let Some(leg) = self.leg_mut(key) {
                leg.part();
                leg.meet(None);
                leg.hush();
            }
        }
        // Whoever listened is told.
        self.overheard = None;
        Some(bridge)
    }

    /// A leg's far end pressed a key: its partner gets it. One that was heard in the sound the partner hears there, too,
    /// and is told of it only if it looks for keys elsewhere.
    pub(super) fn key(&mut self, now: Instant, from: LegKey, key: char, way: Way, length: Duration) {
        let bridge = self.bridge.as_ref().filter(|_| self.held.is_none());
        let Some(to) = bridge.and_then(|bridge| bridge.partner(from)) else { return };
        if way == Way::Sound && !self.leg(to).is_some_and(CallLeg::takes_info) {
            return;
        }
        let Some(leg) = self.leg(from).filter(|leg| leg.has_media()) else { return };
        let by = leg.mark();
        // What the flow's own party presses the flow writes down.
        if self.subject != Some(from) {
            self.record.timeline.add(now, What::Note { text: format!("{by} pressed {key}") });
        }
        if let Some(bridge) = &mut self.bridge
            && bridge.keys.len() < MOST_KEYS
        {
            bridge.keys.push_back((to, key, length));
        }
        self.pass_keys(now);
    }

    /// Passes the next key on, when the one before is over.
    pub(super) fn pass_keys(&mut self, now: Instant) {
        let Some(bridge) = &mut self.bridge else { return };
        if bridge.sounds.is_some_and(|until| until > now) {
            return;
        }
        bridge.sounds = None;
        let Some((to, key, length)) = bridge.keys.pop_front() else { return };
        // The key, its repeated ends, and quiet to tell it from the next.
        bridge.sounds = Some(now + length + Duration::from_millis(120));
        if let Some(leg) = self.leg_mut(to) {
            leg.press(now, key, length);
        }
    }

    /// What is to be done unasked.
    pub(super) fn bridge_time(&mut self, now: Instant) {
        if self.bridge.as_ref().and_then(Bridge::poll_timeout).is_some_and(|due| due <= now) {
            if let Some(bridge) = &mut self.bridge {
                bridge.sounds = None;
            }
            self.join(now);
            self.pass_keys(now);
        }
    }
}
