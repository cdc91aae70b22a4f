//! Which call a media leg's events belong to, for the engine, which knows nothing of calls.

use std::collections::HashMap;
use std::sync::Mutex;

use media::{Engine, LegId, LegSetup, Ports};
use tokio::sync::mpsc;

use super::{Mail, post};

/// See the module. Asked on the engine's carrier thread for every event.
#[derive(Debug, Default)]
pub(crate) struct Legs(Mutex<HashMap<LegId, mpsc::Sender<Box<Mail>>>>);

impl Legs {
    /// Adopts under the lock, so that the leg's first event finds its call.
    pub(super) fn adopt(
        &self,
        engine: &Engine,
        ports: Ports,
        (setup, beside): (LegSetup, Option<LegId>),
        mail: mpsc::Sender<Box<Mail>>,
    ) -> Result<LegId, media::Error> {
        let mut legs = crate::lock(&self.0);
        let leg = engine.adopt_beside(ports, setup, beside)?;
        legs.insert(leg, mail);
        Ok(leg)
    }

    /// The leg's events go to another call from here on.
    pub(super) fn rehome(&self, leg: LegId, mail: mpsc::Sender<Box<Mail>>) {
        if let Some(entry) = crate::lock(&self.0).get_mut(&leg) {
            *entry = mail;
        }
    }

    /// Hands an event to its call.
    pub(crate) fn deliver(&self, event: media::Event) {
        let Some(leg) = leg_of(&event) else { return };
        let mut legs = crate::lock(&self.0);
        let mail = match &event {
            media::Event::Released { .. } => legs.remove(&leg),
            _ => legs.get(&leg).cloned(),
        };
        drop(legs);
        if let Some(mail) = mail {
            post(&mail, Mail::Media(event));
        }
    }

    pub(crate) fn count(&self) -> usize {
        crate::lock(&self.0).len()
    }
}

/// The leg that an event is about.
pub(super) fn leg_of(event: &media::Event) -> Option<LegId> {
    use media::Event::*;
    match event {
        Played { leg, .. }
        | Position { leg, .. }
        | DigitsSent { leg, .. }
        | Digit { leg, .. }
        | DigitEnded { leg, .. }
        | Recorded { leg, .. }
        | RecordFailed { leg, .. }
        | Talking { leg }
        | Detected { leg, .. }
        | Arrives { leg }
        | Lost { leg }
        | Latched { leg, .. }
        | Secured { leg, .. }
        | Unsecured { leg, .. }
        | Joined { leg, .. }
        | Left { leg, .. }
        | Released { leg, .. } => Some(*leg),
        _ => None,
    }
}
