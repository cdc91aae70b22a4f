//! Who speaks: the loudest who talks, with patience.
//!
//! Somebody else takes over at once when the active speaker has stopped, else only by being clearly louder for a while:
//! a cough or an "mhm" does not move the picture.

use super::Who;

/// Clearly louder: 6 dB, in energy.
const LOUDER: f32 = 4.0;

/// For a while: turns of 20 ms.
const PATIENCE: u32 = 15;

/// The active speaker, and the one who may take over.
#[derive(Debug, Default)]
pub(crate) struct Active {
    who: Option<Who>,
    /// The active speaker's level in this turn, if it talks.
    level: Option<f32>,
    /// The loudest of the others in this turn.
    loudest: Option<(Who, f32)>,
    /// Who has been clearly louder for how many turns.
    rival: Option<(Who, u32)>,
}

impl Active {
    /// A turn begins.
    pub(crate) fn open(&mut self) {
        (self.level, self.loudest) = (None, None);
    }

    /// Somebody talks.
    pub(crate) fn candidate(&mut self, who: Who, level: f32) {
        if self.who == Some(who) {
            self.level = Some(level);
        } else if self.loudest.is_none_or(|(_, loudest)| level > loudest) {
            self.loudest = Some((who, level));
        }
    }

    /// All were heard: the new active speaker, if that changes.
    pub(crate) fn decide(&mut self) -> Option<Who> {
        let (who, level) = self.loudest?;
        let over = match self.level {
            None => true,
            Some(active) if level > active * LOUDER => {
                let turns = match self.rival {
                    Some((rival, turns)) if rival == who => turns + 1,
                    _ => 1,
                };
                self.rival = Some((who, turns));
                turns >= PATIENCE
            }
            Some(_) => {
                self.rival = None;
                false
            }
        };
        if !over {
            return None;
        }
        self.rival = None;
        self.who.replace(who);
        Some(who)
    }

    /// Somebody left.
    pub(crate) fn gone(&mut self, who: Who) {
        self.who = self.who.filter(|active| *active != who);
        self.rival = self.rival.filter(|(rival, _)| *rival != who);
    }
}
