//! Those who listen to a member of a room: they hear what it hears, and whom it hears not they hear neither; they are
//! heard by it alone, by all, or by nobody, and take no seat. Who goes, or is sent out, leaves them nobody to listen to.

use media::{Engine, LegId, Member};
use tokio::sync::mpsc;

use super::Conferences;
use super::room::Room;
use crate::call::{Hearing, LegKey, Mail, post};

/// By whom an auditor is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nobody,
    /// The member that it listens to.
    One,
    All,
}

/// Who listens to a member.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    pub(crate) key: LegKey,
    /// The media leg, and the leg's own number for its place.
    pub(crate) leg: LegId,
    pub(crate) number: u64,
    pub(crate) mail: mpsc::Sender<Box<Mail>>,
    /// The member.
    pub(crate) of: LegKey,
    pub(crate) heard: Heard,
}

impl Room {
    fn auditor_as(&self, auditor: &Auditor) -> Member {
        let member = self.seat(auditor.of).map(|seat| seat.leg);
        match (auditor.heard, member) {
            (Heard::All, _) => Member::default(),
            (Heard::One, Some(leg)) => Member { private: true, pairs: vec![(leg, 1.0)], ..Member::default() },
            (Heard::Nobody | Heard::One, _) => Member { mute: true, ..Member::default() },
        }
    }

    /// Those who do not hear a member because the one they listen to does not.
    pub(super) fn auditors_deaf_to(&self, speaker: LegKey) -> impl Iterator<Item = LegId> {
        let deaf = move |auditor: &&Auditor| {
            let is_deaf = self.seat(auditor.of).is_some_and(|seat| seat.joining.deaf);
            auditor.of != speaker && is_deaf || self.relations.deaf_to(speaker).any(|of| of == auditor.of)
        };
        self.audience.iter().filter(deaf).map(|auditor| auditor.leg)
    }

    /// Lets those go for whom that is so, and tells them that there is nobody to be listened to any more.
    pub(super) fn dismiss(&mut self, engine: &Engine, which: impl Fn(&Auditor) -> bool) {
        let (gone, on) = std::mem::take(&mut self.audience).into_iter().partition(which);
        self.audience = on;
        let gone: Vec<Auditor> = gone;
        for auditor in gone {
            // A leg that is gone has left already.
            let _ = engine.leave(self.id(), auditor.leg);
            post(&auditor.mail, Mail::Hearing(auditor.key, Hearing::Over));
        }
    }
}

impl Conferences {
    /// Lets somebody hear what a member hears; whether that member is inside.
    pub(crate) fn audit(&self, name: &str, auditor: Auditor) -> Result<bool, media::Error> {
        let mut rooms = crate::lock(&self.rooms);
        let Some(room) = rooms.get_mut(name).filter(|room| room.holds(auditor.of, room.id())) else {
            return Ok(false);
        };
        self.engine.join(room.id(), auditor.leg, auditor.number, room.auditor_as(&auditor))?;
        room.audience.push(auditor);
        room.apply(&self.engine, |_| true);
        Ok(true)
    }

    /// Changes by whom an auditor is heard.
    pub(crate) fn audit_as(&self, name: &str, key: LegKey, heard: Heard) {
        let mut rooms = crate::lock(&self.rooms);
        let Some(room) = rooms.get_mut(name) else { return };
        let Some(auditor) = room.audience.iter_mut().find(|auditor| auditor.key == key) else { return };
        auditor.heard = heard;
        let auditor = auditor.clone();
        if let Err(error) = self.engine.change(room.id(), auditor.leg, room.auditor_as(&auditor)) {
            tracing::warn!(%error, room = %room.id(), "who listens is not changed");
        }
    }

    /// Somebody listens no more, wherever it did.
    pub(crate) fn unaudit(&self, key: LegKey) {
        let mut rooms = crate::lock(&self.rooms);
        for room in rooms.iter_mut().map(|(_, room)| room) {
            room.dismiss(&self.engine, |auditor| auditor.key == key);
        }
    }
}
