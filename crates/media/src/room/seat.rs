//! A member's place in a room: how it takes part, what it just said, and whether it talks.

use std::time::Duration;

use audio::Rate;
use audio::level::Gate;
use audio::mix::Gain;

use super::{Manner, NONE, SETTLED, samples};
use crate::id::LegId;

/// Pauses between words are bridged for so long before somebody is told as silent.
const HANGOVER: Duration = Duration::from_millis(500);

/// Whose seat it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Leg(LegId),
    /// The part of this room on another worker.
    Link(u16),
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
    pub(crate) settings: Settings,
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
    /// Turns since it last sounded.
    pub(super) quiet: u32,
    /// The next with gains for single listeners that sounds in this turn.
    pub(super) next_paired: u32,
}

impl Seat {
    /// Allocates.
    pub(crate) fn new(who: Who, tag: u64, rate: Rate, settings: Settings, manner: Option<Manner>) -> Seat {
        Seat {
            who,
            tag,
            settings,
            manner,
            shared: None,
            frame: vec![0; samples(rate)].into(),
            gate: Gate::new(rate, HANGOVER),
            level: 0.0,
            peak: 0,
            sounds: false,
            adds: false,
            quiet: SETTLED,
            next_paired: NONE,
        }
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
