//! A member's place in a room: how it takes part, what it just said, and whether it talks.

use std::time::Duration;

use audio::Rate;
use audio::level::Gate;
use audio::mix::{Gain, fade_out};
use audio::resample::Resampler;

use super::{Manner, NONE, SETTLED, samples};
use crate::bridge::Bridge;
use crate::id::LegId;
use crate::source::Playlist;

/// Pauses between words are bridged for so long before somebody is told as silent.
const HANGOVER: Duration = Duration::from_millis(500);

/// Whose seat it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Leg(LegId),
    /// The part of this room on another worker.
    Link(u16),
}

/// How a member is heard and spoken to.
pub(crate) enum Way {
    /// In the room's turn; resampled where the rates differ.
    Inline { inward: Option<Resampler>, outward: Option<Resampler> },
    /// Through this end of a bridge, at the room's rate.
    Ring(Box<Bridge>),
}

/// How somebody takes part.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Nobody hears it.
    pub(crate) mute: bool,
    /// It hears nobody.
    pub(crate) deaf: bool,
    /// How loud it is heard.
    pub(crate) gain: Gain,
    /// How loud it hears.
    pub(crate) volume: Gain,
    /// Heard only by those of `pairs`.
    pub(crate) private: bool,
    /// How loud single others hear it, instead of as all do.
    pub(crate) pairs: Box<[(LegId, Gain)]>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            mute: false,
            deaf: false,
            gain: Gain::UNITY,
            volume: Gain::UNITY,
            private: false,
            pairs: Box::default(),
        }
    }
}

impl Settings {
    /// How loud this one hears it, if that is not as all do.
    pub(crate) fn gain_for(&self, listener: LegId) -> Option<Gain> {
        self.pairs.iter().find(|(leg, _)| *leg == listener).map(|(_, gain)| *gain)
    }
}

/// A place in a room.
pub(crate) struct Seat {
    pub(crate) who: Who,
    /// Of the command that it joined by.
    pub(crate) tag: u64,
    /// The engine's number for it.
    pub(crate) serial: u64,
    /// It sat in another part until now: its coming is no news.
    pub(crate) moved: bool,
    pub(crate) settings: Box<Settings>,
    pub(crate) way: Way,
    /// What it hears while it is alone.
    pub(crate) music: Option<Playlist>,
    /// It was spoken to in this turn already.
    pub(crate) served: bool,
    /// How it can be told what all hear; none if that is not shared with others.
    pub(crate) manner: Option<Manner>,
    pub(super) shared: Option<usize>,
    /// What it said in this turn, at the room's rate.
    pub(crate) frame: Box<[i16]>,
    pub(super) gate: Gate,
    /// A mean of its energy over some tenths of a second.
    pub(super) level: f32,
    pub(super) peak: i32,
    /// It is to be heard in this turn, and it is in the sum.
    pub(super) sounds: bool,
    pub(super) adds: bool,
    /// Its ring had nothing in the last turn.
    pub(super) starved: bool,
    /// Turns since it last sounded.
    pub(super) quiet: u32,
    /// The next with gains for single listeners that sounds in this turn.
    pub(super) next_paired: u32,
}

impl Seat {
    /// Allocates.
    pub(crate) fn new(who: Who, tag: u64, rate: Rate, settings: Settings, way: Way) -> Seat {
        let starved = matches!(way, Way::Ring(_));
        Seat {
            who,
            tag,
            serial: 0,
            moved: false,
            settings: Box::new(settings),
            way,
            music: None,
            served: false,
            manner: None,
            shared: None,
            frame: vec![0; samples(rate)].into(),
            gate: Gate::new(rate, HANGOVER),
            level: 0.0,
            peak: 0,
            sounds: false,
            adds: false,
            quiet: SETTLED,
            starved,
            next_paired: NONE,
        }
    }

    /// Sit in the place of another seat of the same one: who talks goes on talking. `false` if it did, and is not
    /// listened to any more.
    pub(super) fn go_on(&mut self, before: &Seat) -> bool {
        if self.settings.mute {
            return !before.gate.talking();
        }
        self.gate = before.gate.clone();
        self.level = before.level;
        true
    }

    /// Take the frame of this turn from its ring. One that is late sounds like the end of the one before.
    pub(crate) fn take_from_ring(&mut self) -> bool {
        let Way::Ring(bridge) = &mut self.way else { return false };
        if bridge.fill(&mut self.frame) {
            self.starved = false;
            return true;
        }
        let first = !std::mem::replace(&mut self.starved, true);
        if first {
            fade_out(&mut self.frame);
        }
        first
    }

    /// Whether it can have the packet of all silent listeners: what its codec remembers must be of the same stream.
    pub(super) fn may_share(&self) -> bool {
        self.shared.is_some()
            && self.manner.is_some_and(|manner| manner.codec.is_stateless() || self.quiet >= SETTLED)
    }

    /// Follow its level: quickly up, slowly down.
    pub(super) fn follow(&mut self, energy: f32) {
        let share = if energy > self.level { 0.4 } else { 0.1 };
        self.level += (energy - self.level) * share;
    }

    /// It is not listened to any more. Whether it had been talking.
    pub(super) fn hush(&mut self) -> bool {
        let talking = self.gate.talking();
        self.gate.rest();
        self.level = 0.0;
        talking
    }
}
